"""Where a platform stands: the level that each part of it reaches, and the one status that they converge to."""

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

from strongroom.attest.tee import _dcap_collateral as collateral
from strongroom.attest.tee._dcap_collateral import IsvLevel, Level, QeIdentity, Status, Svns, TcbInfo


class Part(NamedTuple):
    """One of the things that make up the status, its level, and the newest level that there is."""

    name: str
    level: Level | IsvLevel
    newest: Level | IsvLevel
    short: tuple[str, ...]

    def told(self) -> str:
        """`platform OutOfDate: level of 2022-08-10, 581 days behind that of 2024-03-13; INTEL-SA-00615`."""
        days = (collateral.time(self.newest.date) - collateral.time(self.level.date)).days
        behind = f", {days} days behind that of {self.newest.date[:10]}" if self.short else ""
        advisories = f"; {', '.join(self.level.advisories)}" if self.level.advisories else ""
        return f"{self.name} {self.level.status}: level of {self.level.date[:10]}{behind}{advisories}"


class Standing(NamedTuple):
    """What everything comes to: `whole`, unless a part reaches no level, which is for that part's own step to refuse."""

    status: Status
    advisories: tuple[str, ...]
    parts: tuple[Part, ...]
    whole: bool


def standing(info: TcbInfo, identity: QeIdentity, have: Svns, qe_svn: int) -> Standing:
    """The converged status of platform, module and quoting enclave, of those that reach a level."""
    parts = [_platform(info, have)]
    if have.tdx_from:
        module = collateral.module(info, have.tee[1])
        parts.append(_isv("TDX module", module.tcb_levels if module else (), have.tee[0]))
    parts.append(_isv("quoting enclave", identity.tcb_levels, qe_svn))
    known = tuple(p for p in parts if p is not None)
    advisories = dict.fromkeys(a for p in known for a in p.level.advisories)
    status = converged([p.level.status for p in known])
    return Standing(status, tuple(advisories), known, len(known) == len(parts))


def converged(statuses: Sequence[Status]) -> Status:
    """The platform's first; of none at all, the worst."""
    return reduce(collateral.converge, statuses) if statuses else Status.REVOKED


def _platform(info: TcbInfo, have: Svns) -> Part | None:
    level = collateral.level(info, have)
    if level is None:
        return None
    newest = next((x for x in info.tcb_levels if x.status is Status.UP_TO_DATE), info.tcb_levels[0])
    newest = level if level.order >= newest.order else newest
    return Part("platform", level, newest, tuple(collateral.short(newest, have)))


def _isv(name: str, levels: Sequence[IsvLevel], svn: int) -> Part | None:
    level = collateral.isv_level(levels, svn)
    if level is None:
        return None
    newest = max(levels, key=lambda x: x.tcb.isvsvn)
    short = (f"ISVSVN {svn} < {newest.tcb.isvsvn}",) if svn < newest.tcb.isvsvn else ()
    return Part(name, level, newest if short else level, short)
