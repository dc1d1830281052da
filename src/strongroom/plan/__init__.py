"""The judge of order: which findings become which tasks, in which phase."""
