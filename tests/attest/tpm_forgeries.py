"""Forged, stale and wanting TPM evidence: each differs from a sound one in one thing, and one step says so."""

from collections.abc import Callable, Mapping

import minted_x509 as x
import msgspec
import tpm_minting as m
from tpm_minting import Minted

from strongroom.attest.policy import TpmKnown
from strongroom.model.attest import ReferenceValues

GOOD = Minted()
KNOWN = {m.name(m.public()): TpmKnown(resets=2, restarts=1, clock=5000)}


def _policy(**fields: object) -> Minted:
    return GOOD.but(policy=msgspec.structs.replace(GOOD.policy, **fields))


def _key(bits: int) -> Minted:
    """A key of other attributes, which is enrolled all the same."""
    area = m.public(bits=bits)
    return GOOD.but(area=area, policy=msgspec.structs.replace(GOOD.policy, aks=(m.name(area),)))


def _booted(**fields: object) -> Minted:
    """Another boot, whose log is consistent with its quote."""
    return GOOD.but(events=(*m.secure_boot(**fields), *m.started()))  # type: ignore[arg-type] # any field by name


def _other_log() -> Minted:
    """A log in which a register other than PCR 7 is of another boot."""
    return GOOD.but(log=m.log_of((*m.secure_boot(), *m.started(b"another"))))


def _other_certificate(**fields: object) -> Minted:
    good = m.certified()
    return good.but(certificates=(m.leaf(**fields), *good.certificates[1:]))  # type: ignore[arg-type] # any field


def _handed() -> Minted:
    """Values and a log of a sound boot beside the quote of another, as who hides it would hand them over."""
    bad = GOOD.but(events=(*m.secure_boot(), *m.started(b"implanted")))
    return bad.but(given=m.extended(m.BOOT), log=m.log_of(m.BOOT))


def _changed_list() -> Minted:
    """A list from which a file was taken after the quote."""
    return m.with_files(m.entry("/bin/a", bytes(32)), m.entry("/bin/b", bytes(32))).but(hidden=1)


def _beside(other: Minted) -> Minted:
    """A sound quote with one of another bank that came along."""
    return GOOD.but(others={"sha384": other})


def _booted_with(*more: m.Measured) -> Minted:
    """A boot in which shim said more."""
    return GOOD.but(events=(*m.secure_boot(), *m.started(b"initrd", b"quiet", *more)))


_FILE = b"\4\4" + (4 + 2 * 17).to_bytes(2, "little") + "\\EFI\\shimx64.efi\0".encode("utf-16-le")
_ON_X64 = (*m.BOOT, m.Measured(4, 0x80000003, bytes(32) + _FILE))
KNOWN_BOOT = ReferenceValues((m.learned(),), "owner")


def _started(*started: m.Measured) -> Minted:
    """Another boot, held against one that was learned."""
    return GOOD.but(references=KNOWN_BOOT, events=(*m.secure_boot(), *started))


def _swapped() -> tuple[m.Measured, ...]:
    """What was learned, with two commands in another order."""
    events = list(m.started())
    at = [n for n, e in enumerate(events) if e.register == 8]
    events[at[0]], events[at[2]] = events[at[2]], events[at[0]]
    return tuple(events)


def _listed(name: str = "dbxupdate_x64-2025-06-01.bin", *, data: bytes = b"") -> Minted:
    """Held against a signed list that dbx lacks."""
    none = msgspec.structs.replace(GOOD.policy, dbx=())
    return GOOD.but(policy=none, lists={name: data or m.dbx_update(*m.REVOKED, bytes(32))})


_OLD_KEK = m.certificate("Microsoft Corporation KEK CA 2011", ends=x.NOW - x.DAY)
_SHIM_OFF = m.Measured(14, 0x0D, b"MokSBState", of=b"\1")
_CALLED_OTHERWISE = m.Measured(14, 0x0D, b"MokListTrusted", of=b"\1")

FORGERIES: Mapping[str, tuple[str, Callable[[], Minted]]] = {
    "made by no TPM": ("tpm.magic", lambda: GOOD.but(magic=0x12345678)),
    "another statement": ("tpm.type", lambda: GOOD.but(type=0x8017)),
    "not restricted": ("tpm.ak_attributes", lambda: _key(m.SOUND_BITS & ~(1 << 16))),
    "may leave the TPM": ("tpm.ak_attributes", lambda: _key(m.SOUND_BITS & ~(1 << 1))),
    "made elsewhere": ("tpm.ak_attributes", lambda: _key(m.SOUND_BITS & ~(1 << 5))),
    "decrypts": ("tpm.ak_attributes", lambda: _key(m.SOUND_BITS | 1 << 17)),
    "not enrolled": ("tpm.ak_certified", lambda: _policy(aks=("000b" + "00" * 32,))),
    "certificate of another key": ("tpm.ak_certified", lambda: _other_certificate(key=m.OTHER_KEY)),
    "certificate over": ("tpm.ak_certified", lambda: _other_certificate(ends=x.NOW - x.DAY)),
    "foreign root": ("tpm.ak_certified", lambda: m.certified().but(roots={"00" * 32: "another"})),
    "another key signed": ("tpm.signature", lambda: GOOD.but(signer=m.OTHER_KEY)),
    "replayed": ("tpm.extra_data", lambda: GOOD.but(nonce=bytes(32))),
    "challenge as a prefix": ("tpm.extra_data", lambda: GOOD.but(nonce=m.CHALLENGE + b"\0")),
    "no challenge signed": ("tpm.extra_data", lambda: GOOD.but(nonce=b"")),
    "unsafe clock": ("tpm.clock", lambda: GOOD.but(safe=False)),
    "counters went back": ("tpm.clock", lambda: _policy(known=KNOWN).but(counters=(5000, 1, 9))),
    "clock went back": ("tpm.clock", lambda: _policy(known=KNOWN).but(counters=(4999, 2, 1))),
    "a register left out": ("tpm.pcr_selection", lambda: GOOD.but(pcrs=tuple(n for n in m.PCRS if n != 14))),
    "another bank asked": ("tpm.pcr_selection", lambda: _policy(bank="sha384")),
    "other values": ("tpm.pcr_digest", _handed),
    "another quote for another challenge": ("tpm.other_quotes", lambda: _beside(GOOD.but(nonce=bytes(32)))),
    "another quote by another key": ("tpm.other_quotes", lambda: _beside(GOOD.but(signer=m.OTHER_KEY))),
    "another quote of another boot": ("tpm.other_quotes", lambda: _beside(GOOD.but(counters=(5000, 3, 1)))),
    "another quote over other values": ("tpm.other_quotes", lambda: _beside(GOOD.but(given={8: bytes(32)}))),
    "another quote that is none": ("tpm.other_quotes", lambda: _beside(GOOD.but(type=0x8017))),
    "another quote without its values": ("tpm.other_quotes", lambda: _beside(GOOD.but(dropped=frozenset({"pcrs"})))),
    "log of another boot": ("tpm.event_log", _other_log),
    "log cut off": ("tpm.event_log", lambda: GOOD.but(log=m.log_of(m.BOOT)[:-3])),
    "Secure Boot off": ("tpm.secure_boot", lambda: _booted(on=b"\0")),
    "setup mode": ("tpm.secure_boot", lambda: _booted(pk=b"")),
    "test key": ("tpm.secure_boot", lambda: _booted(pk=m.listed(m.X509, m.certificate("DO NOT TRUST - Test PK")))),
    "vouched for by nobody": ("tpm.secure_boot", lambda: _booted(by=m.certificate("Stranger", 711))),
    "dbx of old": ("tpm.dbx", lambda: _booted(dbx=m.REVOKED[:1])),
    "a signed list of old": ("tpm.dbx", _listed),
    "a list that nobody signed": ("tpm.dbx", lambda: _listed(data=m.dbx_update(*m.REVOKED, signed=m.REVOKED[:1]))),
    "a list of a stranger": ("tpm.dbx", lambda: _listed(data=m.dbx_update(*m.REVOKED, authority=m.ROOT))),
    "shim asks for no signature": ("tpm.secure_boot", lambda: _booted_with(_SHIM_OFF)),
    "shim's switch under another name": ("tpm.secure_boot", lambda: _booted_with(_CALLED_OTHERWISE)),
    "SBAT of old": (
        "tpm.secure_boot",
        lambda: _policy(sbat={"shim": 4}).but(events=(*m.BOOT, m.sbat(b"sbat,1,1\nshim,3\n"))),
    ),
    "no SBAT": ("tpm.secure_boot", lambda: _policy(sbat={"shim": 4})),
    "a key exchange key that is over": ("tpm.ca_expiry", lambda: _booted(kek=_OLD_KEK)),
    "list changed": ("tpm.ima", _changed_list),
    "violation": ("tpm.ima", lambda: m.with_files(m.entry("/bin/a", bytes(32), violated=True))),
    "an initrd that was not learned": ("tpm.boot_events", lambda: _started(*m.started(b"implanted"))),
    "a command line that was not learned": (
        "tpm.boot_events",
        lambda: _started(*m.started(b"initrd", b"init=/bin/sh")),
    ),
    "an event more": ("tpm.boot_events", lambda: _started(*m.started(), m.Measured(4, 0x80000003, bytes(32)))),
    "an event less": ("tpm.boot_events", lambda: _started(*m.started()[:-1])),
    "events in another order": ("tpm.boot_events", lambda: _started(*_swapped())),
    "a driver under the name of a boot variable": (
        "tpm.boot_events",
        lambda: _started(*m.started(), m.Measured(2, 0x80000002, b"driver")),
    ),
    "more keys in db": (
        "tpm.boot_events",
        lambda: GOOD.but(
            references=KNOWN_BOOT, events=(*m.secure_boot(pk=m.listed(m.X509, m.certificate("Eve"))), *m.started())
        ),
    ),
    "implanted initrd": ("tpm.measurement", lambda: GOOD.but(events=(*m.secure_boot(), *m.started(b"implanted")))),
}
# What is missing is not a failure; it is not complete either.
GAPS: Mapping[str, tuple[str, Callable[[], Minted]]] = {
    "neither enrolled nor certified": ("tpm.ak_certified", lambda: _policy(aks=())),
    "no challenge": ("tpm.extra_data", lambda: GOOD.but(challenge=None)),
    "no values": ("tpm.pcr_digest", lambda: GOOD.but(dropped=frozenset({"pcrs"}))),
    "no log": ("tpm.event_log", lambda: GOOD.but(dropped=frozenset({"event_log"}))),
    "no list of revoked hashes": ("tpm.dbx", lambda: _policy(dbx=())),
    "lists for other machines": ("tpm.dbx", lambda: _listed("DBXUpdate-arm64-2025-06-01.bin").but(events=_ON_X64)),
    "no boot was learned": ("tpm.boot_events", lambda: _policy(boot_events=True)),
    "no log of a boot that was learned": (
        "tpm.boot_events",
        lambda: GOOD.but(references=KNOWN_BOOT, dropped=frozenset({"event_log"})),
    ),
    "no log to see the keys in": ("tpm.ca_expiry", lambda: GOOD.but(dropped=frozenset({"event_log"}))),
    "no kernel's list": ("tpm.ima", lambda: _policy(ima=True)),
    "no reference": ("tpm.measurement", lambda: GOOD.but(references=ReferenceValues())),
}
