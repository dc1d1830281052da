"""The versions in which NVIDIA fixed what its security bulletins list, for Linux, and how far this list goes.

Facts from NVIDIA's security bulletins (CSAF, github.com/NVIDIA/product-security): 5747 of January 2026, 5821 of May 2026
for the display driver; 5850 of June 2026 for the container toolkit. Versions are compared as numbers within a branch;
a branch that the latest bulletin does not name any more gets no fixes and is never taken as good.
"""

import re
from datetime import datetime, timedelta

AS_OF = "2026-08-18"
STALE = timedelta(days=90)

DRIVER_BULLETIN = "NVIDIA security bulletin 5821 (May 2026)"
DRIVER_FIXED = {535: (535, 309, 1), 580: (580, 159, 3), 595: (595, 71, 5)}

TOOLKIT_BULLETIN = "NVIDIA security bulletin 5850 (June 2026, CVE-2026-24260)"
TOOLKIT_FIXED = (1, 19, 1)


def numbers(version: str) -> tuple[int, ...] | None:
    """A dotted version as numbers; None for anything else."""
    return tuple(int(p) for p in version.split(".")) if re.fullmatch(r"\d+(\.\d+){1,3}", version) else None


def shown(version: tuple[int, ...]) -> str:
    """A driver version as NVIDIA writes it: 580.159.03, with two digits in the last places."""
    return ".".join([str(version[0]), *(f"{p:02d}" for p in version[1:])])


def stale(now: datetime) -> bool:
    """Whether the list is too old for its silence to mean anything."""
    return now.replace(tzinfo=None) - datetime.fromisoformat(AS_OF) > STALE
