"""What hostile input of TPMs and of measured boot is made from: sound seeds, and who reads them."""

import functools
from dataclasses import replace

import tpm_minting as tpms
from fuzz_recorded import recorded

from strongroom.attest.verifier import Inputs, Verifier
from strongroom.kit import boot_events, ccel, dbx_update, ima, known_boot, secure_boot, shim, tpm
from strongroom.model.attest import Evidence, Reference
from strongroom.model.errors import BadInput, Malformed


def logs() -> tuple[bytes, ...]:
    """A log of a TD's registers."""
    spec = b"Spec ID Event03\0" + bytes(4) + bytes([0, 2, 0, 2]) + b"\1\0\0\0" + b"\x0c\0\x30\0" + b"\0"
    head = bytes(4) + (3).to_bytes(4, "little") + bytes(20) + len(spec).to_bytes(4, "little") + spec
    event = (1).to_bytes(4, "little") + (8).to_bytes(4, "little") + b"\1\0\0\0\x0c\0" + b"\x11" * 48 + bytes(4)
    return (head + event * 5,)


@functools.cache
def _base() -> tuple[Verifier, Inputs]:
    made = tpms.with_files(tpms.entry("/bin/a", bytes(32)))
    return made.verifier(), made.inputs()


def documents() -> tuple[bytes, ...]:
    """Sound evidence with both logs, and recorded evidence."""
    return (tpms.with_files(tpms.entry("/bin/a", bytes(32))).document(), *recorded("tpm/*.pb", "tpm/*.json"))


def by_document(octets: bytes) -> tuple[Verifier, Inputs]:
    """What judges octets as evidence of a TPM."""
    verifier, base = _base()
    return verifier, replace(base, evidence=Evidence(verifier.kind, verifier.read(octets), tpms.CHALLENGE))


def structures() -> tuple[bytes, ...]:
    """One of each structure."""
    return (tpms.Minted().quote(), tpms.Minted().signature(), tpms.public())


def structure(octets: bytes) -> object:
    """Any of the structures, by the one that it reads as."""
    for reader in (tpm.attest, tpm.signature):
        try:
            return reader(octets)
        except BadInput:
            continue
    return tpm.public(octets)


def booted(octets: bytes) -> object:
    """Secure Boot, as a log says it."""
    return secure_boot.faults(secure_boot.state(ccel.parse(octets), 0x0B))


def files(octets: bytes) -> object:
    """The kernel's list, replayed."""
    return ima.measured_until(ima.parse(octets), 0x0B, bytes(32))


def boots() -> tuple[bytes, ...]:
    """A log of a boot, and one of a boot that was learned with more in it."""
    told = tpms.started(b"initrd", b"quiet", tpms.Measured(2, 0x80000004, bytes(32)), tpms.sbat(b"sbat,1,1\nshim,3\n"))
    return (tpms.log_of(tpms.BOOT), tpms.log_of((*tpms.secure_boot(), *told)))


def compared(octets: bytes) -> object:
    """What differs between a log and a known boot, in words, and what shim says in it."""
    log = ccel.parse(octets)
    if 0x0B not in log.banks:
        raise Malformed("event log", "no bank of SHA-256", "one")
    return known_boot.differences(_known(), log, 0x0B, boot_events.seen(log, 0x0B)), shim.state(log, 0x0B)


@functools.cache
def _known() -> Reference:
    return tpms.learned()


def lists() -> tuple[bytes, ...]:
    """A signed list of what is revoked."""
    return (tpms.dbx_update(*tpms.REVOKED),)


def listed(octets: bytes) -> object:
    """A signed list, and who stands behind it."""
    update = dbx_update.parse(octets)
    return dbx_update.proven(update, frozenset(tpms.KEKS)), dbx_update.date(update, "dbx-2025-06-01.bin")
