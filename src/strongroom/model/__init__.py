"""The nouns: frozen records without verbs, clock or I/O. Nothing here imports anything above it."""
