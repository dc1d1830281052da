"""Quantities as Kubernetes writes them (k8s.io/apimachinery, resource.Quantity): whether one is there at all, and its sign."""

import re
from functools import lru_cache

from strongroom.model.errors import Malformed

_FORM = re.compile(r"([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3}|[numkMGTPE]|[KMGTPE]i)?")
_LONGEST = 128


@lru_cache(maxsize=4096)
def asks(value: str | float) -> bool:
    """Whether a quantity is more than nothing. Raises Malformed: it is none, or less than nothing."""
    text = str(value)
    found = _FORM.fullmatch(text) if len(text) <= _LONGEST and text.isascii() else None
    if found is None:
        raise Malformed("quantity", repr(text[:40]), "a quantity such as 1, 500m or 4Gi")
    some = any(c in "123456789" for c in found[2])
    if some and found[1] == "-":
        raise Malformed("quantity", repr(text[:40]), "a quantity that is not negative")
    return some
