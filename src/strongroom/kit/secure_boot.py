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


def state(log: Log, algorithm: int) -> State:
    """What PCR 7 says, by the digests of one bank."""
    variables: dict[str, tuple[Entry, ...]] = {}
    authorities, troubles, enabled = list[Variable](), list[str](), list[bytes]()
    separated = False
    for e in log.of(REGISTER):
        try:
            if e.type == _SEPARATOR:
                separated = True
            elif e.type == _CONFIG:
                _configured(e, algorithm, variables, enabled, troubles, late=separated)
            elif e.type == _AUTHORITY:
                authorities += _authority(e, algorithm)
            elif e.type == _ACTION:
                troubles += _alarm(e)
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
    if _OWNERS.get(found.name) != found.owner:
        return
    if not e.says_what_it_measured(algorithm):
        troubles.append(f"event {e.number}: {found.name} is not what was measured")
    elif late or found.name in held or (found.name == "SecureBoot" and on):
        troubles.append(f"event {e.number}: {found.name} once more, or after the separator")
    elif found.name == "SecureBoot":
        on.append(found.data)
    else:
        held[found.name] = entries(found.data)


def _authority(e: Event, algorithm: int) -> Sequence[Variable]:
    """What vouched for an image; one whose words were not hashed is of shim's own kind, and says nothing."""
    return (variable(e.data),) if e.says_what_it_measured(algorithm) else ()


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


def _is_test(entry: Entry) -> bool:
    held = certificates.readable(entry.data) if entry.kind == X509 else None
    names = f"{held.common_name} {held.issuer_name}".lower() if held else ""
    return any(word in names for word in _TEST_KEYS)


def _vouched(a: Variable) -> str:
    return Entry(X509, a.owner, a.data[16:]).words


def vouchers(found: State) -> tuple[str, ...]:
    """Who vouched for what was started, in words, each once."""
    return tuple(dict.fromkeys(_vouched(a) if a.name == "db" else a.name for a in found.authorities))


def revoked(found: State) -> frozenset[str]:
    """The SHA-256 hashes that dbx holds, in hex."""
    return frozenset(e.data.hex() for e in found.variables.get("dbx", ()) if e.kind == SHA256)
