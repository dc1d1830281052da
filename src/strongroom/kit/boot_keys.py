"""The keys of Secure Boot that nearly every machine has: Microsoft's of 2011, which end in 2026, and those of 2023.

Source: the certificates of microsoft/secureboot_objects (06fe58a3), by the SHA-256 of their DER.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from strongroom.kit.secure_boot import X509, Entry, State
from strongroom.kit.x509 import certificate as certificates

# Key exchange keys under which Microsoft signs lists of what is revoked.
KEKS: Mapping[str, str] = MappingProxyType(
    {
        "a1117f516a32cefcba3f2d1ace10a87972fd6bbe8fe0d0b996e09e65d802a503": "Microsoft Corporation KEK CA 2011",
        "3cd3f0309edae228767a976dd40d9f4affc4fbd5218f2e8cc3c9dd97e8ac6f9d": "Microsoft Corporation KEK 2K CA 2023",
    }
)
# The old ones go by their names, so that none is overlooked; the new ones by what they are, so that none is made up.
_OLD = frozenset(
    {
        ("KEK", "Microsoft Corporation KEK CA 2011"),
        ("db", "Microsoft Corporation UEFI CA 2011"),  # shim, and loaders and drivers of other makers
        ("db", "Microsoft Windows Production PCA 2011"),
    }
)
_NEW: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("KEK", "3cd3f0309edae228767a976dd40d9f4affc4fbd5218f2e8cc3c9dd97e8ac6f9d"): "KEK 2K CA 2023",
        ("db", "f6124e34125bee3fe6d79a574eaa7b91c0e7bd9d929c1a321178efd611dad901"): "UEFI CA 2023",
        ("db", "076f1fea90ac29155ebf77c17682f75f1fdd1be196da302dc8461e350a9ae330"): "Windows UEFI CA 2023",
        ("db", "e5be3e64c6e66a281457ecdece0d6d0787577aad2a3a0144262c10c14ba8d8f1"): "Option ROM UEFI CA 2023",
    }
)


class Aged(NamedTuple):
    """A certificate of 2011 that a machine trusts, when it ends, and whether one of 2023 is in the same variable."""

    variable: str
    name: str
    ends: datetime
    renewed: bool


def aged(state: State) -> tuple[Aged, ...]:
    """Microsoft's certificates of 2011 in KEK and db."""
    return tuple(a for variable in ("KEK", "db") for a in _keys(variable, state.variables.get(variable, ())).old)


def renewed(state: State) -> tuple[str, ...]:
    """Microsoft's certificates of 2023 that a machine has, by name."""
    return tuple(n for variable in ("KEK", "db") for n in _keys(variable, state.variables.get(variable, ())).new)


class _Keys(NamedTuple):
    old: tuple[Aged, ...]
    new: tuple[str, ...]


@lru_cache(maxsize=256)  # a fleet has the same keys throughout
def _keys(variable: str, entries: tuple[Entry, ...]) -> _Keys:
    found = (certificates.readable(e.data) for e in entries if e.kind == X509)
    held = [c for c in found if c is not None]
    new = tuple(_NEW[variable, c.fingerprint] for c in held if (variable, c.fingerprint) in _NEW)
    old = (c for c in held if (variable, c.common_name) in _OLD)
    return _Keys(tuple(Aged(variable, c.common_name, c.not_after, bool(new)) for c in old), new)
