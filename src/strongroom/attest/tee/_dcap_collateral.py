"""Intel's statements about platforms: which TCB levels there are, and what they are worth.

Source: PCS API version 4, "Get TCB Info" (TcbInfo version 3) and "Get Quoting Enclave Identity" (EnclaveIdentity version
2), with the order of comparison that both describe; convergence of the statuses as in the same documents and Intel's
Quote Verification Library, `TcbLevelCheck`.
"""

import binascii
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, NamedTuple, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from strongroom.kit import strict_json
from strongroom.model.attest import Endorsement
from strongroom.model.errors import BadInput, Malformed

S = TypeVar("S", bound="TcbInfo | QeIdentity")
Octet = Annotated[int, msgspec.Meta(ge=0, le=255)]
Short = Annotated[int, msgspec.Meta(ge=0, le=65535)]
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Status(StrEnum):
    """`tcbStatus`."""

    UP_TO_DATE = "UpToDate"
    HARDENING = "SWHardeningNeeded"
    CONFIGURATION = "ConfigurationNeeded"
    BOTH = "ConfigurationAndSWHardeningNeeded"
    OUT_OF_DATE = "OutOfDate"
    OUT_OF_DATE_CONFIGURATION = "OutOfDateConfigurationNeeded"
    REVOKED = "Revoked"

    @property
    def is_old(self) -> bool:
        """Whether a newer level is out."""
        return self in (Status.OUT_OF_DATE, Status.OUT_OF_DATE_CONFIGURATION)


class Component(msgspec.Struct, frozen=True):
    """One SVN of a level; category and type are words for people."""

    svn: Octet
    category: str = ""
    type: str = ""


class _Tcb(msgspec.Struct, frozen=True):
    pcesvn: Short
    sgxtcbcomponents: tuple[Component, ...]
    tdxtcbcomponents: tuple[Component, ...] = ()


class _Isv(msgspec.Struct, frozen=True):
    isvsvn: Short


class Level(msgspec.Struct, frozen=True):
    """A level of a platform."""

    tcb: _Tcb
    date: str = msgspec.field(name="tcbDate")
    status: Status = msgspec.field(name="tcbStatus")
    advisories: tuple[str, ...] = msgspec.field(name="advisoryIDs", default=())

    @property
    def order(self) -> tuple[tuple[int, ...], int, tuple[int, ...]]:
        """What levels are sorted by, whatever order they were written in."""
        sgx = tuple(c.svn for c in self.tcb.sgxtcbcomponents)
        return sgx, self.tcb.pcesvn, tuple(c.svn for c in self.tcb.tdxtcbcomponents)


class IsvLevel(msgspec.Struct, frozen=True):
    """A level of the quoting enclave, or of the TDX module."""

    tcb: _Isv
    date: str = msgspec.field(name="tcbDate")
    status: Status = msgspec.field(name="tcbStatus")
    advisories: tuple[str, ...] = msgspec.field(name="advisoryIDs", default=())


class Module(msgspec.Struct, frozen=True, rename="camel"):
    """A TDX module that Intel has made; `id` is empty for the one of `tdxModule`."""

    mrsigner: str
    attributes: str
    attributes_mask: str
    id: str = ""
    tcb_levels: tuple[IsvLevel, ...] = ()


class TcbInfo(msgspec.Struct, frozen=True, rename="camel"):
    """TcbInfo, version 3."""

    id: str
    version: int
    issue_date: str
    next_update: str
    fmspc: str
    pce_id: str
    tcb_type: int
    tcb_evaluation_data_number: int
    tcb_levels: tuple[Level, ...]
    tdx_module: Module | None = None
    tdx_module_identities: tuple[Module, ...] = ()


class QeIdentity(msgspec.Struct, frozen=True, rename="camel"):
    """EnclaveIdentity, version 2."""

    id: str
    version: int
    issue_date: str
    next_update: str
    tcb_evaluation_data_number: int
    miscselect: str
    miscselect_mask: str
    attributes: str
    attributes_mask: str
    mrsigner: str
    isvprodid: Short
    tcb_levels: tuple[IsvLevel, ...]


class Dates(NamedTuple):
    """From when to when a statement speaks."""

    issued: datetime
    ends: datetime


@lru_cache(maxsize=256)
def tcb_info(data: bytes) -> TcbInfo:
    """The statement of the octets, its levels from the highest down. Raises Malformed."""
    found = _read(data, TcbInfo, "tcbInfo")
    for level in found.tcb_levels:
        sizes = len(level.tcb.sgxtcbcomponents), len(level.tcb.tdxtcbcomponents)
        if sizes != (16, 16 if found.id == "TDX" else 0):
            raise Malformed("tcbInfo", f"a level of {sizes[0]} and {sizes[1]} components", "16, and 16 of TDX")
    _check_isv(x for m in found.tdx_module_identities for x in m.tcb_levels)
    ordered = tuple(sorted(found.tcb_levels, key=lambda x: x.order, reverse=True))
    return msgspec.structs.replace(found, tcb_levels=ordered)


@lru_cache(maxsize=256)
def qe_identity(data: bytes) -> QeIdentity:
    """The statement of the octets, its levels from the highest down. Raises Malformed."""
    found = _read(data, QeIdentity, "enclaveIdentity")
    _check_isv(found.tcb_levels)
    ordered = tuple(sorted(found.tcb_levels, key=lambda x: x.tcb.isvsvn, reverse=True))
    return msgspec.structs.replace(found, tcb_levels=ordered)


def _check_isv(levels: Iterable[IsvLevel]) -> None:
    """Refuse what the interface does not name: a status of which nobody says how it converges is not guessed at."""
    for x in levels:
        if x.status not in (Status.UP_TO_DATE, Status.OUT_OF_DATE, Status.REVOKED):
            raise Malformed("Intel collateral", f"{x.status} of an enclave or module", "UpToDate, OutOfDate or Revoked")


def _read(data: bytes, kind: type[S], subject: str) -> S:
    strict_json.check(data, subject)
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, RecursionError) as e:
        raise Malformed(subject, str(e)[:200], "a statement of PCS version 4") from None


@lru_cache(maxsize=1024)
def time(text: str) -> datetime:
    """A time as PCS writes it: seconds, and Z. Raises Malformed."""
    try:
        if _UTC.fullmatch(text):
            return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        pass
    raise Malformed("Intel collateral", f"the time {text[:40]!r}", "YYYY-MM-DDTHH:MM:SSZ")


def dates(found: TcbInfo | QeIdentity) -> Dates:
    """From when to when a statement speaks. Raises Malformed."""
    return Dates(time(found.issue_date), time(found.next_update))


def dss(signature: bytes) -> bytes:
    """R and S, 32 octets each, as ECDSA signatures are written in DER."""
    return encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))


def octets(text: str, size: int, name: str) -> bytes:
    """A field in hexadecimal. Raises Malformed where it has another size."""
    try:
        found = binascii.unhexlify(text)
    except (binascii.Error, ValueError):
        raise Malformed("Intel collateral", f"{name} that is not hexadecimal", "hexadecimal") from None
    if len(found) != size:
        raise Malformed("Intel collateral", f"{name} of {len(found)} octets", f"{size} octets")
    return found


Worth = tuple[bool, bool, datetime]
Rank = Callable[[bytes], Worth]
_NOTHING = (False, False, datetime.min.replace(tzinfo=UTC))


def choose(given: Iterable[Endorsement], rank: Rank) -> Endorsement | None:
    """The statement that fits best; one that cannot be read fits worst. None where none was given."""

    def worth(e: Endorsement) -> Worth:
        try:
            return rank(e.data)
        except BadInput:
            return _NOTHING

    held = tuple(given)
    return held[0] if len(held) == 1 else max(held, key=worth, default=None)


# Levels


def at_least(have: Iterable[int], least: Iterable[Component]) -> bool:
    """Whether every component reaches its level."""
    return all(a >= b.svn for a, b in zip(have, least, strict=True))


class Svns(NamedTuple):
    """What a platform has: of its PCK certificate, and of the TD's report where there is one."""

    sgx: tuple[int, ...]
    pce: int
    tee: bytes = b""

    @property
    def tdx_from(self) -> int:
        """The first of TEE_TCB_SVN that is the platform's: a module of version 1 or later is judged by its identity."""
        return 2 if self.tee and self.tee[1] else 0


def level(info: TcbInfo, have: Svns) -> Level | None:
    """The highest level that every component reaches; None where the platform is below all."""
    return next((x for x in info.tcb_levels if _reaches(x, have)), None)


def _reaches(x: Level, have: Svns) -> bool:
    if have.pce < x.tcb.pcesvn or not at_least(have.sgx, x.tcb.sgxtcbcomponents):
        return False
    first = have.tdx_from
    return not have.tee or at_least(have.tee[first:], x.tcb.tdxtcbcomponents[first:])


def isv_level(levels: Iterable[IsvLevel], svn: int) -> IsvLevel | None:
    """The highest level of a quoting enclave or module that its SVN reaches."""
    return max((x for x in levels if x.tcb.isvsvn <= svn), key=lambda x: x.tcb.isvsvn, default=None)


def module(info: TcbInfo, version: int) -> Module | None:
    """The module of a version: `tdxModule` for version 0, else the identity of that name."""
    if not version:
        return info.tdx_module
    name = f"TDX_{version:02X}"
    return next((m for m in info.tdx_module_identities if m.id.upper() == name), None)


def short(of: Level, have: Svns) -> list[str]:
    """The components in which a platform is short of a level."""
    found = [
        f"SGX component {n}{_words(c)} {a} < {c.svn}"
        for n, (a, c) in enumerate(zip(have.sgx, of.tcb.sgxtcbcomponents, strict=True), 1)
        if a < c.svn
    ]
    if have.pce < of.tcb.pcesvn:
        found.append(f"PCESVN {have.pce} < {of.tcb.pcesvn}")
    if have.tee:
        found += [
            f"TEE_TCB_SVN[{n}]{_words(c)} {a} < {c.svn}"
            for n, (a, c) in enumerate(zip(have.tee, of.tcb.tdxtcbcomponents, strict=True))
            if a < c.svn and n >= have.tdx_from
        ]
    return found


def _words(c: Component) -> str:
    return f" ({c.type or c.category})" if c.type or c.category else ""


_NEEDS_CONFIGURATION = (Status.CONFIGURATION, Status.BOTH, Status.OUT_OF_DATE_CONFIGURATION)


def converge(platform: Status, other: Status) -> Status:
    """One status of a platform's and that of its quoting enclave or module, which is up to date, old, or revoked."""
    if Status.REVOKED in (platform, other):
        return Status.REVOKED
    if other is Status.UP_TO_DATE:
        return platform
    return Status.OUT_OF_DATE_CONFIGURATION if platform in _NEEDS_CONFIGURATION else Status.OUT_OF_DATE
