"""Model artifacts on disk: walking a tree, recognising files by content, grouping them, and what each is."""
