"""How alike a target and its sources are: in meaning, in looks, and to a network. Three answers, never one."""
