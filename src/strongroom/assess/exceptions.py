"""Which findings are accepted, and which exceptions do not do what they were written for.

Only a failure or an unknown can be accepted, and it never becomes a pass. An exception of the file needs an owner, an
approver, a reason and a day on which it ends; a critical finding needs an approver who is not the owner. What stands
beside the asset itself (a skip) has been approved by nobody: it is worth what the configuration says, is listed as
unapproved, never accepts a critical finding, and counts for nothing inside a module that others wrote.

It works on what a report prints and a snapshot keeps, so that a stored run is judged as a fresh one is.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import msgspec

from strongroom.kit.canonical import Json, canonical
from strongroom.kit.lookalike import skeleton
from strongroom.model.codes import ExceptionState, Inline, Severity, Status
from strongroom.model.control import Finding
from strongroom.model.estate import Asset, Skip
from strongroom.model.people import Accepted, ExceptionNote, RiskException

OPEN = (Status.FAIL, Status.UNKNOWN)
FEWEST = 3
"""Letters and digits that a glob must hold; one with fewer names nearly everything, and must say so."""
_TOKENS = re.compile(r'\["\*"\]|\*+|\?|[^*?\[]+|\[')
_LITERAL = '["*"]'  # how a report writes an instance whose key is not known


class Open(NamedTuple):
    """A finding that is open, as exceptions see it. `names` are its asset's address, id and aliases."""

    fingerprint: str
    check: str
    control: str
    status: Status
    severity: Severity
    asset: str
    address: str
    names: tuple[str, ...]


class Beside(NamedTuple):
    """A skip with the asset that it stands beside."""

    asset: str
    address: str
    skip: Skip


class Decided(NamedTuple):
    """What is accepted, and what is to be said of the exceptions."""

    accepted: tuple[Accepted, ...]
    notes: tuple[ExceptionNote, ...]


def identified(e: RiskException) -> RiskException:
    """The exception with its digest: what it says, and not where it stands."""
    said: dict[str, Json] = {
        "inline": e.inline,
        "check": e.check,
        "control": e.control,
        "asset": e.asset,
        "fingerprint": e.fingerprint,
        "all": e.everything,
        "owner": e.owner,
        "approver": e.approver,
        "reason": e.reason,
        "expires": e.expires.isoformat() if e.expires else "",
        "ticket": e.ticket,
    }
    # The name of a file that is no UTF-8 can be a part of an asset's id, and no JSON can hold it.
    said = {k: v.encode("utf-8", "backslashreplace").decode() if isinstance(v, str) else v for k, v in said.items()}
    return msgspec.structs.replace(e, digest=hashlib.sha256(canonical(said, "exception")).hexdigest())


@lru_cache(maxsize=65536)
def is_glob(asset: str) -> bool:
    """Whether it names more than one asset. `b["*"]` is a name as reports print it, `b[*]` any instance of `b`."""
    return any(t[0] in "*?" for t in _TOKENS.findall(asset))


def is_wide(asset: str) -> bool:
    """Whether a glob names nearly everything."""
    return is_glob(asset) and sum(c.isalnum() for c in asset) < FEWEST


@lru_cache(maxsize=4096)
def _pattern(asset: str) -> re.Pattern[str]:
    """A glob as a pattern that takes linear time: after a star the shortest match is final, as it must be."""
    out, after_star = "", False
    pieces = [_LITERAL if t == _LITERAL else t for t in _TOKENS.findall(asset)]
    literal = ""
    for t in [*pieces, ""]:
        if t and t[0] != "*":
            literal += "." if t == "?" else re.escape(t)
            continue
        if t:
            out += f"(?>.*?{literal})" if after_star else literal
            after_star, literal = True, ""
    return re.compile(f"{out}.*{literal}" if after_star else literal, re.DOTALL)


def matches(asset: str, names: Iterable[str]) -> bool:
    """Whether an exception's asset names one of these."""
    if not is_glob(asset):
        return asset in names
    pattern = _pattern(asset)
    return any(map(pattern.fullmatch, names))


def missing(e: RiskException) -> tuple[str, ...]:
    """What an exception must say and does not."""
    wanted = ("reason",) if e.inline else ("owner", "approver", "reason", "expires")
    return tuple(name for name in wanted if not str(getattr(e, name) or "").strip())


class _Index:
    """The exceptions of the file, found by fingerprint, by exact name, and by glob; the first in the file first."""

    def __init__(self, exceptions: Sequence[RiskException]) -> None:
        self._all = exceptions
        self._by_fingerprint: dict[str, list[int]] = defaultdict(list)
        self._by_name: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self._globs: dict[str, list[tuple[int, re.Pattern[str]]]] = defaultdict(list)
        for n, e in enumerate(exceptions):
            if e.fingerprint:
                self._by_fingerprint[e.fingerprint].append(n)
            elif is_glob(e.asset):
                self._globs[e.check or e.control].append((n, _pattern(e.asset)))
            else:
                self._by_name[e.check or e.control][e.asset].append(n)

    def of(self, f: Open) -> list[RiskException]:
        """The exceptions that name a finding."""
        found = [n for n in self._by_fingerprint.get(f.fingerprint, ()) if self._agrees(self._all[n], f)]
        for what in (f.check, f.control):
            exact = self._by_name.get(what)
            if exact is not None:
                for name in f.names:
                    found += exact.get(name, ())
            for n, pattern in self._globs.get(what, ()):
                if any(map(pattern.fullmatch, f.names)):
                    found.append(n)
        return [self._all[n] for n in sorted(set(found))] if found else []

    @staticmethod
    def _agrees(e: RiskException, f: Open) -> bool:
        """Whether what stands beside the fingerprint is true too: an entry that contradicts itself names nothing."""
        return (
            (not e.check or e.check == f.check)
            and (not e.control or e.control == f.control)
            and (not e.asset or matches(e.asset, f.names))
        )


def _refusal(e: RiskException, f: Open, now: datetime, inline: Inline) -> ExceptionState | None:
    """Why an exception does not accept a finding that it names; None when it does."""
    if missing(e):
        return ExceptionState.INCOMPLETE
    if e.inline:
        return _refusal_of_skip(e, f, inline)
    if e.expires is None or now.date() > e.expires:
        return ExceptionState.EXPIRED
    if f.severity is Severity.CRITICAL and skeleton(e.owner) == skeleton(e.approver):
        return ExceptionState.SELF_APPROVED
    return None


def _refusal_of_skip(e: RiskException, f: Open, inline: Inline) -> ExceptionState | None:
    if inline is Inline.REFUSE or (e.where is not None and ".terraform" in e.where.file.split("/")):
        return ExceptionState.REFUSED
    if f.severity is Severity.CRITICAL:
        return ExceptionState.UNAPPROVED
    return ExceptionState.NOTED if inline is Inline.NOTE else None


class _Ledger:
    """What came of every exception, by its digest."""

    def __init__(self) -> None:
        self.named: set[str] = set()
        self.refused: dict[tuple[ExceptionState, str], list[Open]] = defaultdict(list)
        self.of: dict[str, RiskException] = {}

    def refuse(self, e: RiskException, state: ExceptionState, f: Open | None = None) -> None:
        self.of[e.digest] = e
        found = self.refused[state, e.digest]
        if f is not None:
            found.append(f)

    def notes(self) -> tuple[ExceptionNote, ...]:
        order = list(ExceptionState)
        told = [
            ExceptionNote(state, self.of[d], tuple(f.fingerprint for f in fs), tuple(f.address for f in fs))
            for (state, d), fs in self.refused.items()
        ]
        return tuple(sorted(told, key=lambda n: order.index(n.state)))


def decide(
    found: Iterable[Open],
    exceptions: Sequence[RiskException],
    skips: Iterable[Beside],
    inline: Inline,
    now: datetime,
    catalogue: Container[str],
) -> Decided:
    """What of the open findings is accepted at `now`. `catalogue` are the ids of every check and control."""
    index, said = _Index(exceptions), _Ledger()
    beside: dict[tuple[str, str], list[RiskException]] = defaultdict(list)
    for b in skips:
        beside[b.asset, b.skip.check].append(_of_skip(b))
    accepted = []
    for f in found:
        waiting: list[tuple[RiskException, ExceptionState]] = []
        speaking = (*index.of(f), *beside.get((f.asset, f.check), ()))
        said.named.update(e.digest for e in speaking)
        for e in speaking:
            state = _refusal(e, f, now, inline)
            if state is None:
                accepted.append(
                    Accepted(f.fingerprint, f.check, f.control, f.asset, f.address, f.status, f.severity, e)
                )
                break
            waiting.append((e, state))
        else:
            for e, state in waiting:
                said.refuse(e, state, f)
    for e in (*exceptions, *(e for listed in beside.values() for e in listed)):
        if (state := _idle(e, now, catalogue, said.named)) is not None:
            said.refuse(e, state)
    return Decided(tuple(accepted), said.notes())


def _idle(e: RiskException, now: datetime, catalogue: Container[str], named: Container[str]) -> ExceptionState | None:
    """What is wrong with an exception whatever the findings are; None for one that is in order and in use."""
    if any(ident and ident not in catalogue for ident in (e.check, e.control)):
        return ExceptionState.NO_SUCH_CHECK
    if missing(e):
        return ExceptionState.INCOMPLETE
    if not e.inline and e.expires is not None and now.date() > e.expires:
        return ExceptionState.EXPIRED
    return None if e.digest in named else ExceptionState.UNUSED


def _of_skip(b: Beside) -> RiskException:
    """A skip as an exception of exactly this asset."""
    e = RiskException("", True, check=b.skip.check, asset=b.asset, reason=b.skip.reason, where=b.skip.where)
    return msgspec.structs.replace(identified(e), asset=b.address)


def open_findings(findings: Iterable[Finding], assets: Mapping[str, Asset]) -> Iterator[Open]:
    """The open findings of a fresh run."""
    for f in findings:
        if f.status in OPEN:
            a = assets.get(f.asset)
            names = (a.address, a.id, *a.aliases) if a is not None else (f.asset,)
            yield Open(f.fingerprint, f.check, f.control, f.status, f.severity, f.asset, names[0], names)


def skips_of(assets: Iterable[Asset]) -> Iterator[Beside]:
    """The skips of a fresh run."""
    return (Beside(a.id, a.address, s) for a in assets if a.skips for s in a.skips)


def apply(findings: Iterable[Finding], accepted: Iterable[Accepted]) -> list[Finding]:
    """The findings with the accepted ones marked; what they say and their evidence stay."""
    marked = {a.fingerprint for a in accepted}
    return [
        msgspec.structs.replace(f, status=Status.ACCEPTED) if f.status in OPEN and f.fingerprint in marked else f
        for f in findings
    ]
