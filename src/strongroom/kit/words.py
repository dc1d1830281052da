"""Words as names."""

import re


def slug(words: str) -> str:
    """Small letters and digits, with one dash between."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
