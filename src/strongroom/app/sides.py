"""The two sides of a comparison, from the words that name them: kept runs, and sources that are read for it.

A word is the id of a kept run, a unique beginning of one, `latest` or `previous`; else a source as `assess` takes it.
A run wins over a path of the same name, which is then written `./name`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from strongroom import __version__
from strongroom.app.artifacts import Held
from strongroom.app.assess import assess
from strongroom.app.catalogue import collectors
from strongroom.app.comparing import Side, compare
from strongroom.app.merging import scheme
from strongroom.app.reconciling import identifying
from strongroom.app.rules import SCHEME as RULES
from strongroom.app.rules import RuleSet
from strongroom.app.sealed_join import Looking
from strongroom.app.sources import find
from strongroom.app.state import stored
from strongroom.kit.evidence_digests import of_findings, unpack
from strongroom.kit.identity import key_of
from strongroom.model.codes import Status
from strongroom.model.errors import BadUsage, Malformed, NotFound, StateError
from strongroom.model.kinds import Kind
from strongroom.model.people import People
from strongroom.model.ports import Limits, Progress
from strongroom.model.snapshot import Comparison, Snapshot
from strongroom.store.snapshots import LISTED, Store

NEWEST = ("latest", "previous")


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What sources that are read for a comparison are judged with, as `assess` judges them."""

    state: str  # where the state is; looking for a run makes none
    now: datetime
    limits: Limits | None = None
    progress: Progress | None = None
    people: People = field(default_factory=People)
    rules: RuleSet = field(default_factory=RuleSet)
    register: Held | None = None
    looking: Looking | None = None


def diff(before: str, after: str, by: Circumstances) -> Comparison:
    """What differs between two sides.

    Raises:
        NotFound: a word names neither a kept run nor anything that can be read.
        BadUsage: both words name the same side.
        BadInput: a source cannot be read.
        StateError: the state cannot be read.
    """
    ours, theirs = _what(before, by.state), _what(after, by.state)
    same = ours == theirs if isinstance(ours, str) or isinstance(theirs, str) else ours.id == theirs.id
    if same:
        shown = ours if isinstance(ours, str) else ours.id
        raise BadUsage("diff", f"{shown} on both sides", "two different sides", "strongroom snapshots lists the runs")
    return compare(_side(ours, by), _side(theirs, by))


def _what(word: str, state: str) -> Snapshot | str:
    """The kept run, or the spec of the source, that a word names."""
    named, colon, _ = word.partition(":")
    if (colon and named in collectors()) or "/" in word or word in (".", ".."):
        return find(word).spec
    try:
        return _kept(word, state)
    except NotFound as e:
        if colon or (word not in NEWEST and os.path.lexists(word)):
            return find(word).spec
        if e.hint == LISTED and word not in NEWEST:
            hint = f"{LISTED}; a source is named as in tf:DIR"
            raise NotFound(repr(word), f"{e.found}, and no such path", "a run or a source", hint) from None
        raise


def _kept(word: str, state: str) -> Snapshot:
    if "://" not in state and not Path(state).exists():
        hint = "strongroom assess SOURCE keeps a run; or name a source, as in tf:DIR"
        found = f"no snapshot yet (there is no {state})" + ("" if word in NEWEST else ", and no such path")
        raise NotFound(repr(word), found, "a run or a source", hint)
    with Store(state) as store:
        return store.get(word)


def _side(what: Snapshot | str, by: Circumstances) -> Side:
    return _read_now(what, by) if isinstance(what, str) else _of_run(what, by.state)


def _read_now(spec: str, by: Circumstances) -> Side:
    found = assess((spec,), by.now, by.limits, by.progress, by.people, by.rules, by.register, by.looking)
    findings = tuple(stored(found, by.rules.catalogue()))
    count = {s: sum(f.status is s for f in findings) for s in (Status.PASS, Status.FAIL, Status.UNKNOWN)}
    run = Snapshot(
        "",
        by.now,
        tuple(s.spec for s in found.sources),
        len(found.assets),
        count[Status.PASS],
        count[Status.FAIL],
        count[Status.UNKNOWN],
        "",
    )
    return Side(
        run,
        findings,
        _schemes(run),
        {a.id: identifying(a) for a in found.assets if a.kind is not Kind.SOURCE},
        of_findings(found.findings),
        __version__,
        {a.id: a for a in found.assets},
        {f.fingerprint: [fact.name for fact in f.facts] for f in found.findings if f.facts},
    )


def _of_run(run: Snapshot, state: str) -> Side:
    with Store(state) as store:
        findings = tuple(store.findings(run))
        beside = store.beside(run)
    try:
        kept = unpack(beside.evidence, f"run {run.id}")
    except Malformed as e:
        raise StateError(f"state database {state}", f"{e.subject}: {e.found}", e.wanted, "restore a backup") from None
    names: dict[str, set[str]] = {f.asset: {key_of(f.asset)} for f in findings}
    for asset, alias in beside.aliases:
        names.setdefault(asset, set()).add(key_of(alias))
    return Side(run, findings, _schemes(run), _sound(names), kept.of, kept.version)


def _sound(names: Mapping[str, set[str]]) -> dict[str, set[str]]:
    return {asset: known for asset, found in names.items() if (known := found - {""})}


def _schemes(run: Snapshot) -> frozenset[str]:
    """The kinds of source that a run read; rules are no source of facts."""
    return frozenset(map(scheme, run.sources)) - {RULES}
