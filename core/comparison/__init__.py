"""Comparing sets of images: which images, measured once in a process of its own, and the fingerprints that remain."""
