"""A cluster laid beside the configuration that names it: judged by its rule, with what its engines hold and its log has."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec
import yaml

from strongroom.app import isolation_drift, isolation_probe, log_entries
from strongroom.app.admission_open import SWITCH, connection, digest_of, reviewed
from strongroom.app.config import Config, IsolationSection, load
from strongroom.app.isolation import Cluster, load_rule, load_state, render, simulate
from strongroom.app.isolation_live import Seen, from_files, live
from strongroom.app.isolation_slurm import load_facts
from strongroom.app.log_default import place_of
from strongroom.collect import slurm_files
from strongroom.collect.kubernetes.live import Client
from strongroom.isolate import drift as drifts
from strongroom.isolate import installed, slurm_installed
from strongroom.isolate.installed import Engine
from strongroom.isolate.slurm_facts import Facts
from strongroom.isolate.slurm_installed import Files
from strongroom.model.codes import EntryKind, GapCode
from strongroom.model.errors import BadInput, LogError, NotFound, StrongroomError
from strongroom.model.estate import Asset, Estate, Fact, Gap
from strongroom.model.isolate import Rendering, Rule
from strongroom.model.kinds import Kind
from strongroom.model.log import LogEntry
from strongroom.model.values import Unknown, Value

NATIVE = "strongroom.isolation"
DAYS = 30  # that an audit goes back (GPU-01)
_MOST = 100  # texts of a fact
_HELD = ("isolation.not_denied", "isolation.not_asked", "isolation.policies_differ")
_JUDGED = ("isolation.below_rung", "isolation.reaching", "isolation.meeting")
_LOGGED = ("isolation.switched_off", "isolation.probed", "isolation.history_count")
_NOW = (
    "isolation.measured_hours",
    "isolation.unmeasured",
    "isolation.undivided",
    "isolation.mismatch",
    "isolation.uninvited",
)


def join_isolation(estate: Estate) -> Estate:
    """The estate with what is known of the clusters in it whose GPUs a rule keeps apart. Nothing of them is changed."""
    if not any(a.native_type == NATIVE for a in estate.assets):
        return estate
    gaps = list(estate.gaps)
    assets = tuple(_looked(a, estate.seen_at, gaps) if a.native_type == NATIVE else a for a in estate.assets)
    return msgspec.structs.replace(estate, assets=assets, gaps=tuple(gaps))


class _At(NamedTuple):
    """Where everything is, and by what it is judged."""

    config: Config
    rule: Rule
    now: datetime

    @property
    def named(self) -> IsolationSection:
        """What the configuration names."""
        return self.config.isolation


def _looked(asset: Asset, now: datetime, gaps: list[Gap]) -> Asset:
    """A cluster with its facts; what could not be read is a gap, and unknown."""
    try:
        config = load(asset.where.file if asset.where else "")
        at = _At(config, load_rule(config.isolation.rule or None), now)
    except BadInput as e:
        doubt = _doubt(e)
        gaps.append(_gap(asset, "configuration", doubt))
        return _with(asset, dict.fromkeys(("isolation.rule", *_HELD, *_JUDGED, *_LOGGED), doubt))
    facts: dict[str, Value] = {"isolation.rule": digest_of(at.rule)}
    log = _log(at)
    if isinstance(log, Unknown):
        gaps.append(_gap(asset, "log", log))
    facts |= _logged(at, log)
    seen = _seen(at)
    if isinstance(seen, Unknown):
        gaps.append(_gap(asset, "cluster", seen))
    facts |= _of_cluster(at, seen)
    facts |= _of_slurm(at)
    facts |= _measured(at, seen)
    return _with(asset, facts)


def _with(asset: Asset, values: Mapping[str, Value]) -> Asset:
    facts = {name: Fact(name, value, asset.where, asset.origin) for name, value in values.items()}
    return msgspec.structs.replace(asset, facts={**asset.facts, **facts})


def _gap(asset: Asset, scope: str, doubt: Unknown) -> Gap:
    return Gap(f"isolation {scope}", asset.origin, doubt.code, doubt.detail, asset.where, (Kind.POLICY,))


def _doubt(e: StrongroomError) -> Unknown:
    said = e.found.lower()
    code = GapCode.DENIED if "permission" in said or "denied" in said or "403" in said else GapCode.NOT_FETCHED
    if isinstance(e, NotFound) or "no such" in said:
        code = GapCode.ABSENT
    return Unknown(code, f"{e.subject}: {e.found}")


def _some(found: Iterable[str]) -> tuple[str, ...]:
    texts = tuple(dict.fromkeys(found))
    return texts if len(texts) <= _MOST else (*texts[:_MOST], f"and {len(texts) - _MOST} more")


# The cluster and its engines


class _Known(NamedTuple):
    seen: Seen
    cluster: Cluster


def _seen(at: _At) -> _Known | Unknown | None:
    """The cluster, if one is named; why it could not be read."""
    try:
        if at.named.kubeconfig:
            found = live(Client(connection(at.named.kubeconfig, at.named.context)))
            return _Known(found, Cluster(found.state, ()))
        if at.named.state:
            return _Known(from_files(at.named.state), load_state(at.named.state))
    except StrongroomError as e:
        return _doubt(e)
    return None


def _of_cluster(at: _At, known: _Known | Unknown | None) -> dict[str, Value]:
    if known is None:
        return {}
    if isinstance(known, Unknown):
        return dict.fromkeys((*_HELD, *_JUDGED), known)
    return {**_held(at, known.seen), **_judged(at, known.cluster)}


def _held(at: _At, seen: Seen) -> dict[str, Value]:
    """What the engines of a cluster hold of the rule."""
    try:
        looked_at: bool | Unknown = reviewed(at.rule, place_of(at.config))
    except NotFound:  # there is no log, and so no review
        looked_at = False
    except (LogError, BadInput) as e:
        looked_at = _doubt(e)
    not_denied: Value = (
        looked_at
        if isinstance(looked_at, Unknown) and at.rule.rollout.reviewed
        else _some(installed.not_denied(at.rule, seen.state, reviewed=looked_at is True))
    )
    if seen.engine is None:
        doubt = Unknown(GapCode.NOT_FETCHED, "; ".join(seen.lost)[:300])
        return {"isolation.not_denied": not_denied, "isolation.not_asked": doubt, "isolation.policies_differ": doubt}
    return {
        "isolation.not_denied": not_denied,
        "isolation.not_asked": _some(
            installed.not_asked(_rendered(at.rule, "webhook"), seen.engine, at.rule, seen.state)
        ),
        "isolation.policies_differ": _some(installed.policies_differ(_rendered(at.rule, "vap"), seen.engine)),
    }


def _rendered(rule: Rule, target: str) -> Engine:
    """What a target is rendered to, as a cluster would have it."""
    documents = [d for one in render(target, Rendering(rule)) for d in yaml.safe_load_all(one.text)]
    return installed.engine((str(d["kind"]), msgspec.json.encode(d)) for d in documents)


def _judged(at: _At, cluster: Cluster) -> dict[str, Value]:
    """What is in a cluster that the rule forbids, by what it breaks."""
    found: dict[str, list[str]] = {name: [] for name in _JUDGED}
    for one in simulate(at.rule, cluster):
        for reason in one.verdict.reasons:
            name = _section(reason.clause)
            found[name].append(f"{one.kind} {one.namespace}/{one.name}: {reason.clause} {reason.found}"[:200])
    return {name: _some(texts) for name, texts in found.items()}


def _section(clause: str) -> str:
    head = clause.partition(".")[0]
    return {"4": "isolation.reaching", "3": "isolation.meeting"}.get(head, "isolation.below_rung")


# Slurm


def _of_slurm(at: _At) -> dict[str, Value]:
    if not at.named.slurm:
        return {}
    try:
        texts = slurm_files.read(at.named.slurm)
    except BadInput as e:
        return {"isolation.slurm_lacks": _doubt(e)}
    wanted = {d.name: d.text for d in render("slurm", Rendering(at.rule))}
    return {"isolation.slurm_lacks": _some(slurm_installed.lacks(Files(texts, slurm_files.value), wanted))}


# What was measured


def _measured(at: _At, known: _Known | Unknown | None) -> dict[str, Value]:
    if not at.named.uses:
        return {}
    if isinstance(known, Unknown):
        return dict.fromkeys(_NOW, known)
    try:
        facts = load_facts(at.named.facts) if at.named.facts else Facts()
        state = known.seen.state if known is not None else load_state(()).state
        found = isolation_drift.measure(at.rule, state, at.named.uses, facts)
    except BadInput as e:
        return dict.fromkeys(_NOW, _doubt(e))
    when = found.uses.at
    hours: Value = Unknown(GapCode.ABSENT, "a document of uses says not when it was made")
    if when is not None:
        hours = round((at.now - when).total_seconds() / 3600, 1)
    return {
        "isolation.measured_hours": hours,
        "isolation.unmeasured": _some((*found.unmeasured, *found.uses.blind)),
        "isolation.undivided": _some(drifts.apart(at.rule, state, found.uses, facts)),
        "isolation.mismatch": _some(_of(found.found, {"fact-mismatch", "cc-not-on"})),
        "isolation.uninvited": _some(_of(found.found, {"unrequested-device", "unknown-process"})),
    }


def _of(found: Iterable[drifts.Drifted], codes: set[str]) -> Iterator[str]:
    return (isolation_drift.line(one) for one in found if one.code in codes)


# The log


_KINDS = (EntryKind.POLICY_CHANGE, EntryKind.DRILL, EntryKind.DRIFT)


def _log(at: _At) -> list[LogEntry] | Unknown:
    """The entries that tell of isolation. A log that is not there has none of them."""
    try:
        found = log_entries.entries(place_of(at.config), [k.value for k in _KINDS])
        return [g.entry for g in found if g.entry is not None]
    except NotFound:
        return []
    except (LogError, BadInput) as e:
        return _doubt(e)


def _logged(at: _At, log: list[LogEntry] | Unknown) -> dict[str, Value]:
    if isinstance(log, Unknown):
        return dict.fromkeys(_LOGGED, log)
    turns = [e for e in log if e.kind is EntryKind.POLICY_CHANGE and e.subject == SWITCH]
    turn = max(turns, key=lambda e: e.at, default=None)
    off = turn is not None and turn.fields.get("denials") == "off"
    reason = str(turn.fields.get("reason") or "no reason was given") if off and turn is not None else ""
    return {"isolation.switched_off": reason, **_probed(at, log), **_history(at, log)}


def _probed(at: _At, log: list[LogEntry]) -> dict[str, Value]:
    last = isolation_probe.last(log)
    if last is None:
        return {"isolation.probed": False}
    return {
        "isolation.probed": True,
        "isolation.probe_passed": last.fields.get("passed") is True,
        "isolation.probe_why": str(last.fields.get("why") or ""),
        "isolation.probe_days": round(max((at.now - last.at).total_seconds(), 0) / 86_400, 1),
        "isolation.probe_rule": last.digests.get("rule") == digest_of(at.rule),
    }


def _history(at: _At, log: list[LogEntry]) -> dict[str, Value]:
    found = isolation_drift.history(log, at.now, DAYS)
    if not found.entries:
        return {"isolation.history_count": 0}
    return {
        "isolation.history_count": found.entries,
        "isolation.history_days": found.days,
        "isolation.history_gap": found.gap_hours,
        "isolation.history_met": _some(found.met),
        "isolation.history_unmeasured": _some(found.unmeasured),
    }
