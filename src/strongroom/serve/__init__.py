"""Doors over HTTP: each role is a process of its own, with its own listener and keys."""
