"""Collect evidence of this machine by whichever interface it has."""

import os
from pathlib import Path

from strongroom.app.state_place import state_path
from strongroom.collect.evidence import azure_vtpm, configfs_tsm, nsm, sev_guest, tpm
from strongroom.collect.evidence.collected import Collected
from strongroom.collect.evidence.tpm_tools import Setting
from strongroom.model.errors import BadUsage, NotFound

INTERFACES = ("configfs-tsm", "sev-guest", "nsm", "tpm", "azure-vtpm")


def collect(
    nonce: bytes,
    interface: str | None = None,
    vmpl: int | None = None,
    root: str = configfs_tsm.ROOT,
    sev: str = sev_guest.DEVICE,
    nitro: str = nsm.DEVICE,
    registers: str | None = None,
    state: str | None = None,
) -> Collected:
    """Evidence that answers the nonce, by the interface that is named or the first that is there.

    `registers` and `state` are a TPM's: `BANK:0,1,…`, and the folder where its attestation key is kept.

    Raises:
        NotFound: this machine has none of them.
        Unreadable, BadInput: it has one, and that refuses.
        BadUsage: an interface is named that does not exist, or a level or registers where there are none.
    """
    chosen = chosen_interface(interface, root, sev, nitro)
    if chosen == "tpm":
        if vmpl is not None:
            raise BadUsage("--vmpl", "a TPM", "SEV-SNP, which has levels")
        return tpm.collect(nonce, tpm_setting(), tpm.Places(tpm_state(state)), *_registers(registers))
    if chosen == "azure-vtpm":
        if vmpl is not None or registers is not None:
            raise BadUsage("--vmpl and --pcrs", "a virtual TPM of Azure", "neither: it is asked in one way only")
        return azure_vtpm.collect(nonce, tpm_setting())
    if registers is not None:
        raise BadUsage("--pcrs", chosen, "a TPM, which has registers to choose")
    if chosen == "configfs-tsm":
        return configfs_tsm.collect(nonce, vmpl, root)
    if chosen == "sev-guest":
        return sev_guest.collect(nonce, vmpl or 0, sev)
    if vmpl is not None:
        raise BadUsage("--vmpl", "a Nitro enclave", "SEV-SNP, which has levels")
    return nsm.collect(nonce, nitro)


def chosen_interface(
    interface: str | None,
    root: str = configfs_tsm.ROOT,
    sev: str = sev_guest.DEVICE,
    nitro: str = nsm.DEVICE,
) -> str:
    """The interface that is named, or the first that is there. Raises BadUsage, NotFound."""
    if interface is not None and interface not in INTERFACES:
        raise BadUsage("--interface", repr(interface), f"one of {', '.join(INTERFACES)}")
    return interface or _first(root, sev, nitro)


def _first(root: str, sev: str, nitro: str) -> str:
    if configfs_tsm.present(root):
        return "configfs-tsm"
    if sev_guest.present(sev):
        return "sev-guest"
    if nsm.present(nitro):
        return "nsm"
    if tpm.present(tpm_setting()):
        return "tpm"
    hint = "run it as root inside of the confidential VM or enclave whose evidence you want; see docs/how"
    found = f"none of {root}, {sev}, {nitro}, {Setting().device}"
    raise NotFound("device that gives evidence", found, "a confidential VM, a Nitro enclave or a TPM", hint)


def tpm_setting() -> Setting:
    """How this machine's TPM is reached: as the words in the environment of tpm2-tools say, or by the kernel's device."""
    held = os.environ  # noqa: TID251 - app is where the surroundings are asked
    return Setting(held.get("TPM2TOOLS_TCTI", ""), held.get("PATH", os.defpath))


def tpm_state(given: str | None) -> Path:
    """The folder of the attestation key: as given, else beside the state."""
    return Path(given) if given else Path(state_path(None)).parent / "tpm"


def _registers(given: str | None) -> tuple[str, tuple[int, ...]]:
    """A bank and its registers. Raises BadUsage."""
    if given is None:
        return "sha256", tpm.PCRS
    bank, _, listed = given.partition(":")
    try:
        return bank, tuple(int(n) for n in listed.split(","))
    except ValueError:
        raise BadUsage("--pcrs", repr(given[:60]), "a bank and registers such as sha256:0,1,7") from None
