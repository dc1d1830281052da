"""Plain lines for people: what every command prints, without what tables need."""

import textwrap

WIDTH = 80
LABEL = 12


def clean(text: str) -> str:
    """Text of others without control characters: a resource name must not move the cursor."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def line(label: str, text: str) -> str:
    """A label and its text, wrapped below itself."""
    wrapped = textwrap.wrap(clean(text), WIDTH - LABEL, break_long_words=True, break_on_hyphens=False) or [""]
    return "".join(f"{label if not i else '':<{LABEL}}{part}".rstrip() + "\n" for i, part in enumerate(wrapped))
