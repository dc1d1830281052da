"""Ranges that a vendor wrote as a sentence: "All driver versions prior to 535.129.03", "0.0 to 4.8.2", ">= 1.2 | < 2".

What is not one of the forms is unreadable, and says so; no number is picked out of a sentence that is not understood. Sources:
NVIDIA's advisories in CSAF 2.0, whose version names are sentences; CSAF 2.0 section 3.1.2.3.2 for ranges with `vers:`.
"""

import re
from typing import NamedTuple

from strongroom.kit import versions

_WORD = (
    r"(?:(?:all|driver|drivers|versions?|firmware|software|bmc|sbios|release|releases|of|the|cuda toolkit|vgpu)\s+)*"
)
_V = r"v?r?(?P<v>\d[\w.]*(?: Update \d+)?)"
_PRIOR = re.compile(
    rf"{_WORD}(?:prior(?: to)?|before|earlier than|below)\s+(?:to\s+)?{_WORD}{_V}(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_UPTO = re.compile(
    rf"{_WORD}(?:up to|through|prior to and including|up to and including)\s+(?:and including\s+)?{_WORD}{_V}(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_LAST = re.compile(
    r"v?(?P<v>\d[\w.]*)\s*\((?:all )?versions? (?:prior to|up to) and including (?P<named>[^()]{1,80})\)(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_FROM_TO = re.compile(
    r"v?(?P<low>\d[\w.]*)\s*(?:-|to|through)\s*v?(?P<v>\d[\w.]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)
_ONE = re.compile(r"v?(?P<v>\d[\w.]*(?: Update \d+)?)(?P<rest>\s*(?:\([^()]{0,80}\))?\s*)", re.IGNORECASE | re.DOTALL)
_BOUND = re.compile(r"(<=|>=|<|>|=)?\s*v?(\d[\w.+~-]*)")
_ONLY_BELOW = re.compile(
    r"\(?\s*(?P<what>[^()]{1,120}?)\s+only for versions prior to v?(?P<v>\d[\w.]*)\s*\)?", re.IGNORECASE
)
_ASIDE = re.compile(r"\(?\s*for support of [^()]{1,120}\)?|\(?\s*to for support of [^()]{1,120}\)?", re.IGNORECASE)
_LONG = 160


class Span(NamedTuple):
    """A range of versions, a condition on it, and why it could not be read, if so."""

    low: str = ""
    high: str = ""
    high_in: bool = False
    condition: str = ""
    below: str = ""
    trouble: str = ""


def span(text: str) -> Span:
    """What a sentence says of versions."""
    words = " ".join(text.split())
    if not words:
        return Span(trouble="no words on versions")
    if words.lower() in {"all versions", "all driver versions", "all", "*"}:
        return Span()
    if words.startswith("vers:") or words[0] in "<>=":
        return _bounds(words.partition("/")[2] if words.startswith("vers:") else words)
    for pattern, inclusive in ((_LAST, True), (_UPTO, True), (_PRIOR, False), (_FROM_TO, True)):
        found = pattern.fullmatch(words)
        if found is not None:
            return _made(found, inclusive=inclusive)
    found = _ONE.fullmatch(words)
    if found is not None:
        return Span(found["v"], found["v"], high_in=True)
    return Span(trouble=f"versions in words that are not understood: {words[:_LONG]}")


def _made(found: re.Match[str], *, inclusive: bool) -> Span:
    held = found.groupdict()
    version = held["v"].rstrip(".")
    if versions.key(version) is None or (held.get("low") and versions.key(held["low"]) is None):
        return Span(trouble=f"no version: {held['v'][:40]}")
    made = Span(held.get("low") or "", version, inclusive)
    rest = held["rest"].strip(" .;,")
    if not rest:
        return made
    only = _ONLY_BELOW.fullmatch(rest)
    if only is not None:
        return made._replace(condition=only["what"].strip(), below=only["v"])
    if rest.startswith("(") and rest.endswith(")") and rest.count("(") == 1:
        return made._replace(condition=rest[1:-1].strip())
    if _ASIDE.fullmatch(rest) or rest.lower().startswith("only "):
        return made._replace(condition=rest.strip("()"))
    return made._replace(trouble=f"more words than are understood: {rest[:_LONG]}")


def _bounds(text: str) -> Span:
    """`>=1.2|<2.0`: at most one interval; more of them is trouble, and none of them is dropped."""
    made = Span()
    for part in text.split("|"):
        found = _BOUND.fullmatch(part.strip())
        if found is None or versions.key(found[2]) is None:
            return Span(trouble=f"a bound that is none: {part[:_LONG]}")
        sign, version = found[1] or "=", found[2]
        if sign == "=" and not (made.low or made.high):
            made = made._replace(low=version, high=version, high_in=True)
        elif sign == ">=" and not made.low:
            made = made._replace(low=version)
        elif sign in {"<", "<="} and not made.high:
            made = made._replace(high=version, high_in=sign == "<=")
        else:
            return Span(trouble=f"more than one interval, or one that is open below: {text[:_LONG]}")
    return made


def fix(text: str) -> str:
    """The version that a text names as the fix, which may stand before other words of the same (`595.71.05(vGPU 20.1)`)."""
    found = _ONE.fullmatch(" ".join(text.split()))
    if found is not None:
        return found["v"].rstrip(".")
    return versions.first(text)
