"""Scrub: clear a GPU's memory, read first what was left in it, and test whether what others leave can be read."""
