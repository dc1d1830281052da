"""What a vGPU is: by the name of its type, as the driver, libvirt's mediated devices and OpenStack's traits carry it.

NVIDIA, "Virtual GPU Software User Guide", "Virtual GPU Types": a type is a board, an optional number of GPU instances,
a frame buffer in GB and the letter of a series. `A40-8Q` takes turns on the board; `A100-1-5C` has an instance of MIG.
"""

import re

from strongroom.model.isolate import Rung

_NAME = re.compile(
    r"(?:GRID |NVIDIA )?(?P<board>[A-Za-z0-9][\w .]*?(?:-DC)?)(?:-(?P<slices>\d))?-(?P<size>\d{1,3})(?P<series>[ABCQ])(?:ME)?(?:NOME)?"
)
_TIMED_SLICES = re.compile(r"Blackwell|RTX Pro|DC$", re.IGNORECASE)


def rung(name: str, most: int | None = None, per_slice: int | None = None) -> Rung:
    """What somebody has who got one. `most` is how many of the type a board takes; `per_slice`, how many an instance of MIG does.

    A type of which a board takes one shares it with nobody, though its memory is still handed on by the driver.
    """
    found = _NAME.fullmatch(name.strip())
    if found is None:
        return Rung.UNKNOWN
    if not found["slices"]:
        return Rung.WHOLE if most == 1 else Rung.SHARED
    if per_slice is None and _TIMED_SLICES.search(found["board"]):
        return Rung.UNKNOWN  # from Blackwell on, several vGPUs may take turns on one instance
    return Rung.MIG if per_slice in {None, 1} else Rung.SHARED
