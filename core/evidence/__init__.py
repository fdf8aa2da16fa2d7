"""What others measured, as published: outcomes of transfers, and what can be read in them."""
