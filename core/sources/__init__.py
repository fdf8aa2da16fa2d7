"""Source data sets: what networks were pretrained on, what is known of it, and who says so."""
