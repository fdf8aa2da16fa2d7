"""How alike are two sets: in meaning, in looks, to a network? Pure functions; three answers that are never fused."""
