"""Collect evidence of this machine by whichever interface it has."""

from strongroom.collect.evidence import configfs_tsm, nsm, sev_guest
from strongroom.collect.evidence.collected import Collected
from strongroom.model.errors import BadUsage, NotFound

INTERFACES = ("configfs-tsm", "sev-guest", "nsm")


def collect(
    nonce: bytes,
    interface: str | None = None,
    vmpl: int | None = None,
    root: str = configfs_tsm.ROOT,
    sev: str = sev_guest.DEVICE,
    nitro: str = nsm.DEVICE,
) -> Collected:
    """Evidence that answers the nonce, by the interface that is named or the first that is there.

    Raises:
        NotFound: this machine has none of them.
        Unreadable, BadInput: it has one, and that refuses.
        BadUsage: an interface is named that does not exist, or a level where there are none.
    """
    if interface is not None and interface not in INTERFACES:
        raise BadUsage("--interface", repr(interface), f"one of {', '.join(INTERFACES)}")
    chosen = interface or _first(root, sev, nitro)
    if chosen == "configfs-tsm":
        return configfs_tsm.collect(nonce, vmpl, root)
    if chosen == "sev-guest":
        return sev_guest.collect(nonce, vmpl or 0, sev)
    if vmpl is not None:
        raise BadUsage("--vmpl", "a Nitro enclave", "SEV-SNP, which has levels")
    return nsm.collect(nonce, nitro)


def _first(root: str, sev: str, nitro: str) -> str:
    if configfs_tsm.present(root):
        return "configfs-tsm"
    if sev_guest.present(sev):
        return "sev-guest"
    if nsm.present(nitro):
        return "nsm"
    hint = "run it as root inside of the confidential VM or enclave whose evidence you want; see docs/how"
    found = f"none of {root}, {sev}, {nitro}"
    raise NotFound("device that gives evidence", found, "a confidential VM or a Nitro enclave", hint)
