"""How alike target and source are: in meaning, in looks, to a network. Three separate answers, never one number."""
