"""What people go by, and the words in which they say it."""
