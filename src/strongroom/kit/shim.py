"""What shim says of itself in a measured boot: whether it validates what it starts, and which generations it refuses.

Sources: shim 16, `mok.c` (the mirrored variables, and which of them are measured into PCR 14 and PCR 7), `MokVars.txt`, and
`SBAT.md`.
"""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from strongroom.kit import ccel, secure_boot
from strongroom.kit.ccel import Log
from strongroom.model.errors import BadInput

REGISTER = 14
_IPL, _AUTHORITY = 0x0D, 0x800000E0
_OWNER = "605dab50-e046-4300-abb6-3dd810dd8b23"  # SHIM_LOCK_GUID
_TRUSTED = "MokListTrusted"


class Shim(NamedTuple):
    """Shim's state. `on` are its switches that are on and that weaken it, by name: MokSBState, and it asks no image for
    a signature. `sbat` are the least generations by component, `sbat_date` the number of that list; both empty where none was
    measured. `troubles` are what contradicts.
    """

    on: tuple[str, ...]
    sbat: Mapping[str, int]
    sbat_date: str
    troubles: tuple[str, ...]


def state(log: Log, bank: int) -> Shim:
    """What the events of PCR 14 and PCR 7 say, by the digests of one bank; both must be proven to replay.

    A digest that says "on" counts whatever the event is called, for names are not measured: one alone may be
    MokListTrusted, which lets the kernel trust the owner's keys, and is on by itself.
    """
    on = hashlib.new(ccel.ALGORITHMS[bank][0], secure_boot.ON).digest()
    names = [_name(e.data) for e in log.of(REGISTER) if e.type == _IPL and e.digests.get(bank) == on]
    if _TRUSTED in names:
        names.remove(_TRUSTED)
    sbat, date, troubles = _sbat(log, bank)
    return Shim(tuple(names), sbat, date, troubles)


def _name(data: bytes) -> str:
    return data.rstrip(b"\0").decode("ascii", "replace")


def _sbat(log: Log, bank: int) -> tuple[dict[str, int], str, tuple[str, ...]]:
    for e in log.of(secure_boot.REGISTER):
        if e.type != _AUTHORITY or not e.says_what_it_measured(bank):
            continue
        try:
            held = secure_boot.variable(e.data)
        except BadInput:
            continue
        if (held.name, held.owner) == ("SbatLevel", _OWNER):
            return _levels(held.data)
    return {}, "", ()


def _levels(data: bytes) -> tuple[dict[str, int], str, tuple[str, ...]]:
    """The lines of SbatLevel: `sbat,1,2025021800`, then a component and its least generation."""
    found, date = dict[str, int](), ""
    for line in data.rstrip(b"\0").decode("ascii", "replace").splitlines():
        name, _, rest = line.partition(",")
        generation, _, more = rest.partition(",")
        if not name or not generation.isdecimal() or len(generation) > 9 or name in found:
            return {}, "", (f"SbatLevel with the line {line[:40]!r}",)
        found[name] = int(generation)
        date = more if name == "sbat" else date
    return found, date, ()
