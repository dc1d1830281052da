"""Feeds of vulnerabilities, as vendors and others publish them, in one normal form."""
