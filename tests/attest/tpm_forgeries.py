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
    "log of another boot": ("tpm.event_log", _other_log),
    "log cut off": ("tpm.event_log", lambda: GOOD.but(log=m.log_of(m.BOOT)[:-3])),
    "Secure Boot off": ("tpm.secure_boot", lambda: _booted(on=b"\0")),
    "setup mode": ("tpm.secure_boot", lambda: _booted(pk=b"")),
    "test key": ("tpm.secure_boot", lambda: _booted(pk=m.listed(m.X509, m.certificate("DO NOT TRUST - Test PK")))),
    "vouched for by nobody": ("tpm.secure_boot", lambda: _booted(by=m.certificate("Stranger", 711))),
    "dbx of old": ("tpm.dbx", lambda: _booted(dbx=m.REVOKED[:1])),
    "list changed": ("tpm.ima", _changed_list),
    "violation": ("tpm.ima", lambda: m.with_files(m.entry("/bin/a", bytes(32), violated=True))),
    "implanted initrd": ("tpm.measurement", lambda: GOOD.but(events=(*m.secure_boot(), *m.started(b"implanted")))),
}
# What is missing is not a failure; it is not complete either.
GAPS: Mapping[str, tuple[str, Callable[[], Minted]]] = {
    "neither enrolled nor certified": ("tpm.ak_certified", lambda: _policy(aks=())),
    "no challenge": ("tpm.extra_data", lambda: GOOD.but(challenge=None)),
    "no values": ("tpm.pcr_digest", lambda: GOOD.but(dropped=frozenset({"pcrs"}))),
    "no log": ("tpm.event_log", lambda: GOOD.but(dropped=frozenset({"event_log"}))),
    "no list of revoked hashes": ("tpm.dbx", lambda: _policy(dbx=())),
    "no kernel's list": ("tpm.ima", lambda: _policy(ima=True)),
    "no reference": ("tpm.measurement", lambda: GOOD.but(references=ReferenceValues())),
}
