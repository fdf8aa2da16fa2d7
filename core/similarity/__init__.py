"""How alike are two data sets: in meaning, in looks, to a network? Three answers, never one number."""
