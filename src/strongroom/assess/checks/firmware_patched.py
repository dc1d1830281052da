"""Whether a machine's firmware has its vendor's fixes, by the feed that is kept."""

from strongroom.assess.checks._patch_facts import by_feed
from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check, unknown
from strongroom.model.values import Unknown


def _by(v: View, what: str) -> Answer:
    """What is not listed, or not lately, is unknown: an OEM's version often cannot be matched with an advisory."""
    why = f"{v.text(f'patch.{what}')}: {v.text(f'patch.{what}_why')}"
    return by_feed(v, what, unknown(Unknown(GapCode.UNDECIDED, why)))


_FLASH = Fix(
    "Flash the fixed firmware from the vendor, through its signed update path, and boot it.",
    command="fwupdmgr update",
    verify="strongroom assess host:FOLDER shows the version, and that it is fixed",
    effort=Effort.LARGE,
)
_BROKEN = "{version}: {why}; fixed in {fixed}"


@check(
    id="host.bios.patched",
    title="The mainboard's firmware has the vendor's security fixes",
    clause="FW-03.firmware-current",
    kinds=(Kind.HOST,),
    needs=("patch.bios",),
    severity=Severity.MEDIUM,
    fix=_FLASH,
    broken=_BROKEN,
)
def bios(v: View) -> Answer:
    """What runs before the operating system cannot be seen by it. What no document names is not taken as good."""
    return _by(v, "bios")


@check(
    id="host.bmc.patched",
    title="The management controller's firmware has the vendor's security fixes",
    clause="FW-03.firmware-current",
    kinds=(Kind.HOST,),
    needs=("patch.bmc",),
    severity=Severity.HIGH,
    fix=_FLASH,
    broken=_BROKEN,
)
def bmc(v: View) -> Answer:
    """A controller that can be entered (MegaRAC, CVE-2024-54085) mounts disks, resets and flashes below every other control."""
    return _by(v, "bmc")


@check(
    id="host.nic.patched",
    title="The network card's firmware has the vendor's security fixes",
    clause="FW-03.firmware-current",
    kinds=(Kind.NIC,),
    needs=("patch.nic",),
    severity=Severity.MEDIUM,
    fix=_FLASH,
    broken=_BROKEN,
)
def nic(v: View) -> Answer:
    """The card reads and writes all memory, and what it runs is as old as the day it was bought."""
    return _by(v, "nic")


CHECKS = (bios, bmc, nic)
