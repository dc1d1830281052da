"""What PCR 7 of a measured boot says of Secure Boot: its variables, its keys, and what vouched for what was started.

Sources: TCG PC Client Platform Firmware Profile 1.06, 3.3.4.8 (what goes into PCR 7) and 10.2.6 (UEFI_VARIABLE_DATA); UEFI
2.10, 32.3 (PK, KEK, db, dbx, SetupMode) and 32.4.1 (EFI_SIGNATURE_LIST).

Only events whose digest is the hash of the data beside it are believed: the register proves digests, never words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from strongroom.kit.ccel import Event, Log
from strongroom.kit.x509 import certificate as certificates
from strongroom.model.errors import BadInput, Malformed

REGISTER = 7
_SEPARATOR, _ACTION = 0x04, 0x80000007
_CONFIG, _AUTHORITY = 0x80000001, 0x800000E0
_MOST_LISTS, _MOST_ENTRIES = 4096, 65_536
X509, SHA256 = "x509", "sha256"
ON = b"\1"
_KINDS = {
    "a5c059a1-94e4-4aa7-87b5-ab155c2bf072": X509,
    "c1c41626-504c-4092-aca9-41f936934328": SHA256,
}
_GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"  # EFI_GLOBAL_VARIABLE
_SECURITY = "d719b2cb-3d3a-4596-a3bc-dad00e67656f"  # EFI_IMAGE_SECURITY_DATABASE
_OWNERS: Mapping[str, str] = {
    "SecureBoot": _GLOBAL,
    "PK": _GLOBAL,
    "KEK": _GLOBAL,
    "db": _SECURITY,
    "dbx": _SECURITY,
}
# Keys whose private half is in the hands of everybody: sample keys that vendors shipped (CVE-2024-8105 and its kin).
_TEST_KEYS = ("do not trust", "do not ship", "snakeoil", "test pk", "test key", "testing key", "example")
_TOO_MANY = 6  # octets behind the variable in the events of older shims
_VOUCHERS = frozenset({"Shim", "MokList", "MokListRT", "MokListTrusted", "MokListTrustedRT", "MokSBState", "SbatLevel"})
# The same by the SHA-256 of their DER, however they are named: CERTCC/PKfail (7930e42e), AmiTestPk00.p7 to AmiTestPk03.p7.
_KNOWN_TEST_KEYS = frozenset(
    {
        "01adaf2c334e76a6479516daf618381898323d8f5e7a57bed12bad7ab229209d",
        "d7ddc0ac61513b51601e76673826cd44187b5ff85f6c29eacdf8d1e37c52388a",
        "cca4e3f3170230030dc3e33d1e3fa7d1383de8b3367430892e93cbccde034ce0",
        "617f9a3582de92b19a14bf45cd7041950f365b1e49bac2633fd02bb106902c8d",
    }
)
# PFP 3.3.4.8: what firmware says into PCR 7 when somebody may look into memory.
_ALARMS = ("UEFI Debug Mode", "DMA Protection Disabled")


class Variable(NamedTuple):
    """UEFI_VARIABLE_DATA: a variable as it was measured."""

    owner: str
    name: str
    data: bytes


class Entry(NamedTuple):
    """One entry of a signature list: a certificate, a hash, or something of another kind."""

    kind: str  # `x509`, `sha256`, or the GUID
    owner: str
    data: bytes

    @property
    def words(self) -> str:
        """Whom it names."""
        if self.kind != X509:
            return f"{self.kind} {self.data.hex()}"
        held = certificates.readable(self.data)
        return held.common_name or f"certificate {held.fingerprint}" if held else "a certificate that cannot be read"


@dataclass(frozen=True, slots=True)
class State:
    """Secure Boot as PCR 7 has it. `enabled` is None where no SecureBoot variable was measured.

    `troubles` says, in words, what of the events contradicts or cannot be believed.
    """

    enabled: bool | None
    variables: Mapping[str, tuple[Entry, ...]]  # PK, KEK, db, dbx: those that were measured
    authorities: tuple[Variable, ...]
    troubles: tuple[str, ...]


@lru_cache(maxsize=1024)
def guid(data: bytes) -> str:
    """An EFI_GUID as text: its first three numbers are little-endian."""
    parts = (data[3::-1], data[5:3:-1], data[7:5:-1], data[8:10], data[10:16])
    return "-".join(p.hex() for p in parts)


def variable(data: bytes) -> Variable:
    """The variable of an event. Raises Malformed where lengths and octets do not agree."""
    if len(data) < 32:
        raise Malformed("UEFI variable", f"{len(data)} octets", "at least 32")
    characters, size = int.from_bytes(data[16:24], "little"), int.from_bytes(data[24:32], "little")
    end = 32 + 2 * characters
    if end + size != len(data):
        raise Malformed("UEFI variable", f"lengths of {characters} and {size}", f"{len(data) - 32} octets in all")
    name = data[32:end].decode("utf-16-le", "replace").rstrip("\0")
    return Variable(guid(data[:16]), name, data[end:])


@lru_cache(maxsize=256)  # a fleet has the same db and dbx throughout
def entries(data: bytes) -> tuple[Entry, ...]:
    """Every entry of a variable's signature lists. Raises Malformed for lists that lie about their lengths."""
    found, at, lists = list[Entry](), 0, 0
    while at < len(data):
        lists += 1
        head = data[at : at + 28]
        size, header, each = (int.from_bytes(head[n : n + 4], "little") for n in (16, 20, 24))
        body = size - 28 - header
        if len(head) < 28 or size > len(data) - at or body < 0 or each < 17 or body % each or lists > _MOST_LISTS:
            raise Malformed("signature list", f"a list of {size} octets at 0x{at:x}", "lists that fill the variable")
        kind = guid(head[:16])
        kind = _KINDS.get(kind, kind)
        for n in range(at + 28 + header, at + size, each):
            found.append(Entry(kind, guid(data[n : n + 16]), data[n + 16 : n + each]))
        if len(found) > _MOST_ENTRIES:
            raise Malformed("signature list", f"over {_MOST_ENTRIES} entries", "at most that")
        at += size
    return tuple(found)


def state(log: Log, algorithm: int, register: int = REGISTER) -> State:
    """What PCR 7 says, by the digests of one bank; of a TD it is register 1, RTMR0 (UEFI 2.10, 38.4.1)."""
    variables: dict[str, tuple[Entry, ...]] = {}
    authorities, troubles, enabled = list[Variable](), list[str](), list[bytes]()
    separated = False
    for e in log.of(register):
        try:
            if e.type == _SEPARATOR:
                separated = True
            elif e.type == _CONFIG:
                _configured(e, algorithm, variables, enabled, troubles, late=separated)
            elif e.type == _AUTHORITY:
                authorities += _authority(e, algorithm)
            elif e.type == _ACTION:
                troubles += _alarm(e)
            if e.type not in (_CONFIG, _AUTHORITY):
                troubles += _disguised(e, algorithm)
        except BadInput as x:
            troubles.append(f"event {e.number}: {x.subject}: {x.found}")
    if not separated:
        troubles.append("no separator ends the configuration")
    on = enabled[0] == ON if len(enabled) == 1 else None
    return State(on, variables, tuple(authorities), tuple(troubles))


def _configured(
    e: Event, algorithm: int, held: dict[str, tuple[Entry, ...]], on: list[bytes], troubles: list[str], *, late: bool
) -> None:
    found = variable(e.data)
    if late:  # no digest covers the type of an event: what vouched for an image may have been told as a setting
        troubles.append(f"event {e.number}: {found.name} is measured as a setting after the separator")
    if _OWNERS.get(found.name) != found.owner:
        return
    if not e.says_what_it_measured(algorithm):
        troubles.append(f"event {e.number}: {found.name} is not what was measured")
    elif found.name in held or (found.name == "SecureBoot" and on):
        troubles.append(f"event {e.number}: {found.name} once more")
    elif found.name == "SecureBoot":
        on.append(found.data)
    else:
        held[found.name] = entries(found.data)


def _authority(e: Event, algorithm: int) -> Sequence[Variable]:
    """What vouched for an image.

    Older shims tell it in a form of their own: the certificate without the owner before it, then six octets too many, of
    which they measured all but the last. Raises Malformed where the words are not what was measured: they would hide
    who vouched.
    """
    if e.says_what_it_measured(algorithm):
        return (variable(e.data),)
    end = 32 + 2 * int.from_bytes(e.data[16:24], "little")
    size = int.from_bytes(e.data[24:32], "little")
    if end + size + _TOO_MANY == len(e.data) and e._replace(data=e.data[:-1]).says_what_it_measured(algorithm):
        name = e.data[32:end].decode("utf-16-le", "replace").rstrip("\0")
        return (Variable(guid(e.data[:16]), name, bytes(16) + e.data[end : end + size]),)
    raise Malformed("authority", "octets that are not what was measured", "those that were hashed")


def _disguised(e: Event, algorithm: int) -> list[str]:
    """A variable told under another type: no digest covers the type of an event, and nobody reads that one.

    PCR 7 is Secure Boot's alone, so that whatever else is in it must be what was measured; a TD's register is shared.
    """
    if e.register == REGISTER and not e.says_what_it_measured(algorithm):
        return [f"event {e.number}: {e.type_name} is not what was measured"]
    try:
        found = variable(e.data)
    except BadInput:
        return []
    hidden = found.name in _OWNERS or found.name in _VOUCHERS
    return [f"event {e.number}: {found.name} under the type {e.type_name}"] if hidden else []


def _alarm(e: Event) -> list[str]:
    text = e.data.decode("ascii", "replace").rstrip("\0")
    return [f"event {e.number}: {text}"] if text in _ALARMS else []


def faults(found: State) -> tuple[str, ...]:
    """Why Secure Boot does not hold; empty where it does."""
    reasons = list(found.troubles)
    if not found.enabled:
        reasons.append("Secure Boot is off" if found.enabled is False else "no SecureBoot variable was measured")
    reasons += [f"{name} was not measured" for name in ("PK", "KEK", "db", "dbx") if name not in found.variables]
    if found.variables.get("PK") == ():
        reasons.append("SetupMode: there is no platform key, and whoever boots may set one")
    for name in ("PK", "KEK", "db"):
        reasons += [f"{name} holds a test key: {e.words}" for e in found.variables.get(name, ()) if _is_test(e)]
    known = {e.data for e in found.variables.get("db", ())}
    for a in found.authorities:
        if a.name == "db" and a.owner == _SECURITY and a.data[16:] not in known:
            reasons.append(f"an image was started by what db does not hold: {_vouched(a)}")
    return tuple(reasons)


@lru_cache(maxsize=1024)
def _is_test(entry: Entry) -> bool:
    held = certificates.readable(entry.data) if entry.kind == X509 else None
    if held is not None and held.fingerprint in _KNOWN_TEST_KEYS:
        return True
    names = f"{held.common_name} {held.issuer_name}".lower() if held else ""
    return any(word in names for word in _TEST_KEYS)


def _vouched(a: Variable) -> str:
    return Entry(X509, a.owner, a.data[16:]).words


def vouchers(found: State) -> tuple[str, ...]:
    """Who vouched for what was started, in words, each once: firmware's keys, and those of shim."""
    held = (a for a in found.authorities if a.name != "SbatLevel")
    return tuple(dict.fromkeys(_vouched(a) if certificates.readable(a.data[16:]) else a.name for a in held))


def revoked(found: State) -> frozenset[str]:
    """The SHA-256 hashes that dbx holds, in hex."""
    return frozenset(e.data.hex() for e in found.variables.get("dbx", ()) if e.kind == SHA256)
