"""A broker, laid beside its configuration: policy, state and log are read, and each release is made again."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from strongroom.app import broker_drilled, broker_record
from strongroom.app.appraisal import appraise
from strongroom.app.attest_policy import load as load_policy
from strongroom.app.broker_beside import FACTS, KINDS, Beside, Looked
from strongroom.app.broker_judging import DEBUG
from strongroom.app.broker_open import places
from strongroom.app.broker_releases import made_again
from strongroom.app.broker_standing import OF_BROKER, of_broker
from strongroom.app.config import Config, load
from strongroom.app.log import Place
from strongroom.app.log import now as clock_now
from strongroom.app.log_audit import Ask, audit_log
from strongroom.app.log_default import place_of
from strongroom.app.log_entries import Got, entries
from strongroom.app.release_policy import in_force
from strongroom.app.release_policy import load as load_terms
from strongroom.attest.policy import Policy
from strongroom.kit.key_custody import custody
from strongroom.model.codes import EntryKind, GapCode
from strongroom.model.errors import BadInput, LogDamaged, LogError, NotFound, StateError, StrongroomError
from strongroom.model.estate import Asset, Estate, Fact, Gap
from strongroom.model.kinds import Kind
from strongroom.model.log import LogEntry
from strongroom.model.ports import Limits
from strongroom.model.release import Demand, ReleasePolicy, Rule
from strongroom.model.values import Unknown, Value
from strongroom.release.decide import matches
from strongroom.store.broker_reading import BrokerReading, Version

NATIVE, RESOURCE = "strongroom.broker", "strongroom.broker.resource"
_NO_TIER = Unknown(GapCode.ABSENT, "no tier is named for it: [broker] tiers")
Terms = ReleasePolicy | Unknown | None  # None: there is none that counts, so that nothing is released


def join_brokers(estate: Estate, limits: Limits | None = None, judge: broker_record.Judge = appraise) -> Estate:
    """The estate with what the brokers in it have done. Nothing of them is changed. Only a test has another `judge`."""
    found = [a for a in estate.assets if a.native_type == NATIVE]
    if not found:
        return estate
    assets = [a for a in estate.assets if a.native_type != NATIVE]
    gaps = list(estate.gaps)
    for asset in found:
        seen = _Seen(asset, judge, _until(clock_now() + timedelta(seconds=(limits or Limits()).wall_seconds)))
        assets += seen.look(estate.seen_at)
        gaps += seen.gaps
    return msgspec.structs.replace(estate, assets=tuple(assets), gaps=tuple(gaps))


def _until(end: datetime) -> Callable[[], bool]:
    return lambda: clock_now() < end


@dataclass(slots=True)
class _Seen:
    """One broker while it is looked at."""

    asset: Asset
    judge: broker_record.Judge
    left: Callable[[], bool]
    gaps: list[Gap] = field(default_factory=list)

    def look(self, now: datetime) -> list[Asset]:
        """The broker and its resources."""
        file = self.asset.where.file if self.asset.where else ""
        try:
            config = load(file)
        except BadInput as e:
            doubt = self.lost("configuration", e, hides=(Kind.KEY,))
            return [self.with_(self.asset, dict.fromkeys(_OF_STATE, doubt))]
        with ExitStack() as held:
            store = self.store(config, held)
            terms, facts = _policy(config, store)
            log = _Log.read(place_of(config), now)
            if log.trouble is not None:
                self.gaps.append(self.gap(f"log {place_of(config).where}", log.trouble, (Kind.KEY,)))
            versions = self.versions(store)
            names = sorted({v.resource for v in versions} | set(log.releases) | set(log.beside.handed))
            facts |= {"broker.debug_kinds": _debug_kinds(config), "broker.log_broken": log.broken}
            facts |= {"broker.debug_resources": _debug_resources(names, terms)}
            facts |= {**of_broker(store, terms, _doubt), **log.drilled(now, terms)}
            return [
                self.with_(self.asset, facts),
                *(self.resource(n, versions, config, terms, log, store) for n in names),
            ]

    def store(self, config: Config, held: ExitStack) -> BrokerReading | Unknown:
        """The state, open to be read."""
        try:
            return held.enter_context(BrokerReading(places(config)[0]))
        except StrongroomError as e:
            return self.lost("state", e, hides=(Kind.KEY,))

    def versions(self, store: BrokerReading | Unknown) -> tuple[Version, ...]:
        """Every version of every resource, as far as they can be read."""
        try:
            return () if isinstance(store, Unknown) else store.versions()
        except StateError as e:
            self.lost("resources", e, hides=(Kind.KEY,))
            return ()

    def lost(self, what: str, e: StrongroomError, hides: tuple[Kind, ...]) -> Unknown:
        """What could not be looked at: a gap, and the same as the value of facts."""
        doubt = _doubt(e)
        self.gaps.append(self.gap(what, doubt, hides))
        return doubt

    def gap(self, scope: str, doubt: Unknown, hides: tuple[Kind, ...]) -> Gap:
        """A gap of this broker's source."""
        return Gap(scope, self.asset.origin, doubt.code, doubt.detail, self.asset.where, hides)

    def with_(self, asset: Asset, values: Mapping[str, Value]) -> Asset:
        """The asset with more facts."""
        facts = {n: Fact(n, v, self.asset.where, self.asset.origin) for n, v in values.items()}
        return msgspec.structs.replace(asset, facts={**asset.facts, **facts})

    def resource(
        self,
        name: str,
        versions: Iterable[Version],
        config: Config,
        terms: Terms,
        log: "_Log",
        store: BrokerReading | Unknown,
    ) -> Asset:
        """A resource: the key that wraps it, its rule, and its releases."""
        made = Asset(
            id=f"{self.asset.id}:{name}",
            kind=Kind.KEY,
            native_type=RESOURCE,
            address=name,
            name=name,
            where=self.asset.where,
            origin=self.asset.origin,
        )
        newest = max((v for v in versions if v.resource == name), key=lambda v: v.number, default=None)
        facts = {**_key(name, newest, config), **_rule(name, terms), **self.releases(name, log, store, versions)}
        return self.with_(made, facts)

    def releases(
        self, name: str, log: "_Log", store: BrokerReading | Unknown, versions: Iterable[Version]
    ) -> Mapping[str, Value]:
        """The facts of a resource's releases, and of what the log has beside them."""
        if log.trouble is not None:
            return dict.fromkeys(_OF_RELEASES, log.trouble)
        if isinstance(store, Unknown):
            return dict.fromkeys(_OF_RELEASES, store)
        try:
            mine = log.releases.get(name, [])
            beside = Looked(log.beside, store, self.judge, self.left).facts(name, mine, versions)
            return {**made_again(mine, store, self.judge, self.left).facts(), **beside}
        except StateError as e:
            return dict.fromkeys(_OF_RELEASES, _doubt(e))


_OF_STATE = (
    *("broker.policy_counts", "broker.policy_trouble", "broker.debug_kinds", "broker.debug_resources"),
    "broker.log_broken",
    *OF_BROKER,
    *broker_drilled.FACTS,
)
_OF_RELEASES = (
    *("release.count", "release.not_reproduced", "release.unattested", "release.break_glass_taken"),
    *("release.break_glass_unbounded", "release.owners_unheld", "release.owners_unlogged"),
    *FACTS,
)


def _doubt(e: StrongroomError) -> Unknown:
    """Why something could not be looked at, by what the system said of it."""
    said = e.found.lower()
    code = GapCode.DENIED if "permission" in said or "denied" in said else GapCode.MALFORMED
    if isinstance(e, NotFound) or "no such" in said or "does not exist" in said:
        code = GapCode.ABSENT
    return Unknown(code, f"{e.subject}: {e.found}")


@dataclass(slots=True)
class _Log:
    """What the log has of a broker: releases by resource, what an audit found, or why it could not be read."""

    releases: Mapping[str, list[tuple[Got, LogEntry]]]
    broken: Value
    trouble: Unknown | None = None
    beside: Beside = field(default_factory=Beside)
    drill: LogEntry | None = None  # the last one

    def drilled(self, now: datetime, terms: Terms) -> Mapping[str, Value]:
        """The facts of the last drill."""
        if self.trouble is not None:
            return dict.fromkeys(broker_drilled.FACTS, self.trouble)
        return broker_drilled.facts(self.drill, now, terms)

    @classmethod
    def read(cls, place: Place, now: datetime) -> "_Log":
        """Audit it and read it."""
        releases: dict[str, list[tuple[Got, LogEntry]]] = defaultdict(list)
        beside = Beside()
        drill: LogEntry | None = None
        try:
            audited = audit_log(Ask(place, offline=True), now)
            broken = tuple(audited.broken)
            for got in entries(place, (EntryKind.RELEASE.value, EntryKind.DRILL.value, *KINDS)):
                if got.entry is not None and got.entry.kind is EntryKind.RELEASE:
                    releases[got.entry.subject].append((got, got.entry))
                elif got.entry is not None and got.entry.kind is EntryKind.DRILL:
                    drill = got.entry if broker_drilled.is_drill(got.entry) else drill
                elif got.entry is not None:
                    beside.add(got, got.entry)
        except LogDamaged as e:  # what an audit names is a fault of the log, and not of our eyes
            return cls({}, (f"{e.subject}: {e.found}",), _doubt(e))
        except (LogError, NotFound, BadInput) as e:
            doubt = _doubt(e)
            return cls({}, doubt, doubt)
        return cls(releases, broken, beside=beside, drill=drill)


# The policy and its rules


def _policy(config: Config, store: BrokerReading | Unknown) -> tuple[Terms, dict[str, Value]]:
    """The policy that counts, and the facts of it. Who cannot read it does not know; what nobody signed does not count."""
    path = config.broker.policy
    if not path:
        return None, _uncounted("[broker] policy names none")
    try:
        found = in_force(load_terms(path), config.broker.signers, config.broker.threshold)
        before = None if isinstance(store, Unknown) else store.policy_in_force(found.name)
    except StrongroomError as e:
        doubt = _doubt(e)
        if doubt.code is GapCode.DENIED or isinstance(e, StateError):
            return doubt, {"broker.policy_counts": doubt, "broker.policy_trouble": doubt}
        return None, _uncounted(f"{e.subject}: {e.found}")
    if before is not None and (found.version, found.digest) != before and found.version <= before[0]:
        return None, _uncounted(f"it is version {found.version}, and version {before[0]} was in force")
    counts: bool | Unknown = store if isinstance(store, Unknown) else True  # it may be an older one
    return found, {"broker.policy_counts": counts, "broker.policy_trouble": ""}


def _uncounted(why: str) -> dict[str, Value]:
    return {"broker.policy_counts": False, "broker.policy_trouble": why}


def _rule(name: str, terms: Terms) -> Mapping[str, Value]:
    if isinstance(terms, Unknown):
        return {"release.rule": terms}
    mine = [r for r in terms.rules if matches(r.resource, name)] if terms is not None else []
    rule = max(mine, key=lambda r: (r.resource == name, len(r.resource)), default=None)
    if rule is None or terms is None:
        return {"release.rule": None}
    signed = {o.name for o in terms.owners}
    return {
        "release.rule": rule.resource,
        "release.open": set(rule.resource) <= set("*/"),
        "release.owners": tuple(sorted(rule.owners)),
        "release.owners_unsigned": tuple(sorted(set(rule.owners) - signed)),
        "release.owners_demandless": _those(rule, lambda d: not (d.policies or d.references or d.measured)),
        "release.owners_unmeasured": _those(rule, lambda d: not (d.references or d.measured)),
        "release.recipients": _recipients(terms, rule),
        "release.break_glass": rule.break_glass,
        "release.approvals": rule.approvals,
        "release.approvers": len(set(rule.approvers)),
    }


def _those(rule: Rule, lacks: Callable[[Demand], bool]) -> tuple[str, ...]:
    return tuple(sorted(name for name, demand in rule.owners.items() if lacks(demand)))


def _recipients(terms: ReleasePolicy, rule: Rule) -> tuple[str, ...]:
    """Who may get outputs of what these owners let run: an output has a rule of its own."""
    same = (r for r in terms.rules if set(r.owners) == set(rule.owners))
    return tuple(dict.fromkeys(who for r in same for who in r.recipients))


# What it is configured with


def _key(name: str, newest: Version | None, config: Config) -> Mapping[str, Value]:
    tiers = [p for p in config.broker.tiers if matches(p, name)]
    tier: int | Unknown = config.broker.tiers[max(tiers, key=lambda p: (p == name, len(p)))] if tiers else _NO_TIER
    if newest is None:
        return {"key.tier": tier}
    options = config.broker.keys.get(newest.backend)
    lost = Unknown(GapCode.ABSENT, f"[broker] keys has no back end {newest.backend}")
    held = custody(newest.backend, options) if options is not None else None
    return {
        "key.tier": tier,
        "key.backend": newest.backend,
        "key.hsm": held.hardware if held else lost,
        "key.exportable": held.exportable if held else lost,
        "key.newest": newest.at.isoformat(),
    }


def _debug_kinds(config: Config) -> Value:
    try:
        policy = load_policy(config.attest.policy) if config.attest.policy else Policy()
    except BadInput as e:
        return _doubt(e)
    parts = {name: getattr(policy, name) for name in policy.__struct_fields__}
    return tuple(sorted(name for name, part in parts.items() if getattr(part, "debug", False) is True))


def _debug_resources(names: Iterable[str], terms: Terms) -> Value:
    """What of a debug twin is here, in a broker of production."""
    if isinstance(terms, Unknown):
        return terms
    if terms is not None and terms.name.startswith(f"{DEBUG}-"):
        return tuple(n for n in names if not n.startswith(f"{DEBUG}/"))  # it is the twin: what is not its own
    ruled = (f"rule {r.resource}" for r in terms.rules) if terms is not None else ()
    return tuple(n for n in (*names, *ruled) if n.removeprefix("rule ").startswith(f"{DEBUG}/"))
