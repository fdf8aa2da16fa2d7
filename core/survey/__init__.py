"""What people believe about sources: heuristics, words, and the answers of a team."""
