"""Stable names: the same thing gets the same name in every run, on every machine."""

import hashlib


def fingerprint(*pieces: str) -> str:
    """32 hex digits over the pieces; a separator that no piece holds keeps ("ab","c") apart from ("a","bc")."""
    return hashlib.sha256("\x1f".join(pieces).encode()).hexdigest()[:32]
