"""What a log has of a resource beside its releases: outputs that were handed out, and versions that were retired."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from strongroom.app import broker_record
from strongroom.app.broker_releases import inputs_of, kept_terms, otherwise
from strongroom.app.log_entries import Got
from strongroom.kit.release_policy import receivers
from strongroom.model.codes import EntryKind, GapCode
from strongroom.model.errors import BadInput
from strongroom.model.log import LogEntry
from strongroom.model.release import OUTPUT, RECIPIENTS, Terms, What, version_name
from strongroom.model.values import Unknown, Value
from strongroom.release.decide import rule_for
from strongroom.store.broker_reading import BrokerReading, Version

KINDS = (EntryKind.DECISION.value, EntryKind.POLICY_CHANGE.value)
FACTS = ("release.outputs", "release.outputs_astray", "release.versions_open", "release.retired_astray")
_MOST_NAMED = 20
Entries = Iterable[tuple[Got, LogEntry]]
Left = Callable[[], bool]


@dataclass(slots=True)
class Beside:
    """Entries by what they are of: outputs and who may get them by resource, retirements by `NAME@NUMBER` in lower case."""

    handed: dict[str, list[tuple[Got, LogEntry]]] = field(default_factory=lambda: defaultdict(list))
    told: dict[tuple[str, str, str], int] = field(default_factory=dict)  # resource, key, policy: the first entry
    retired: dict[str, int] = field(default_factory=dict)  # the first entry

    def add(self, got: Got, entry: LogEntry) -> None:
        """One more entry, of whatever kind."""
        if entry.kind is EntryKind.POLICY_CHANGE:
            what, _, named = entry.subject.partition(" ")
            if entry.fields.get("action") == "revoke" and what == What.VERSION:
                self.retired.setdefault(named.lower(), got.index)
        elif entry.kind is EntryKind.DECISION and entry.fields.get("verb") == OUTPUT:
            self.handed[entry.subject].append((got, entry))
        elif entry.kind is EntryKind.DECISION and entry.fields.get("verb") == RECIPIENTS:
            self.told.setdefault(_for(entry), got.index)


def _for(entry: LogEntry) -> tuple[str, str, str]:
    return entry.subject, entry.actor, inputs_of(entry).get("release-policy", "")


@dataclass(frozen=True, slots=True)
class Looked:
    """What facts are made from: the entries, the state, and how to judge evidence again while there is time `left`."""

    beside: Beside
    store: BrokerReading
    judge: broker_record.Judge
    left: Left

    def facts(self, name: str, releases: Entries, versions: Iterable[Version]) -> Mapping[str, Value]:
        """The facts of one resource. Raises StateError."""
        handed = self.beside.handed.get(name, [])
        mine = [v for v in versions if v.resource == name]
        gone = {r.value.lower() for r in self.store.revocations() if r.what is What.VERSION}
        return {
            "release.outputs": len(handed),
            "release.outputs_astray": self._astray(handed),
            "release.versions_open": _open(name, mine, gone),
            "release.retired_astray": (*self._lost(name, mine, gone), *self._after(name, releases)),
        }

    # Outputs

    def _astray(self, handed: Entries) -> Value:
        found: list[str] = []
        late = 0
        for got, entry in handed:
            if not self.left():
                late += 1
            elif why := self._output(got, entry):
                found.append(f"{entry.fields.get('decision', f'entry {got.index}')}: {why}")
        return (*_named(found), *_late(late, "outputs"))

    def _output(self, got: Got, entry: LogEntry) -> str:
        """What keeps an output from having gone to named recipients alone; nothing where it did."""
        inputs = inputs_of(entry)
        if "output" not in inputs:
            return "its entry names no output"
        told = self.beside.told.get(_for(entry))
        if told is None or told > got.index:
            return "the key that handed it out was never told who may get it by that policy"
        terms, why = kept_terms(self.store, str(entry.fields.get("decision", "")), inputs)
        if terms is None:
            return why
        return otherwise(terms, got.data, self.store, self.judge) or _unnamed(terms)

    # Versions

    def _lost(self, name: str, mine: Iterable[Version], gone: set[str]) -> tuple[str, ...]:
        """Retired by the log, and not by the state: as after a restore of a state of before."""
        names = (version_name(name, v.number) for v in mine)
        return tuple(
            f"{n}: retired by entry {self.beside.retired[n.lower()]}, and not in the state"
            for n in names
            if n.lower() in self.beside.retired and n.lower() not in gone
        )

    def _after(self, name: str, releases: Entries) -> tuple[str, ...]:
        """Releases of a version that was retired before, by the log."""
        at = {n: i for n, i in self.beside.retired.items() if n.startswith(f"{name.lower()}@")}
        found: list[str] = []
        for got, entry in releases:
            if not any(i < got.index for i in at.values()):
                continue  # before the first of them
            ident = str(entry.fields.get("decision", ""))
            terms, _ = kept_terms(self.store, ident, inputs_of(entry))
            if terms is None or not isinstance(terms.version, int):
                continue  # what is not kept is named where releases are made again
            named = version_name(name, terms.version)
            if at.get(named.lower(), got.index) < got.index:
                found.append(f"{named}: released by {ident} after it was retired")
        return _named(found)


def _unnamed(terms: Terms) -> str:
    rule = rule_for(terms)
    if rule is None or terms.policy is None:
        return "no rule names it"
    try:
        named = receivers(terms.policy.recipients, rule)
    except BadInput as e:
        return f"a recipient without a key: {e.found}"
    return "" if named else "its rule named nobody who gets outputs"


def _open(name: str, mine: list[Version], gone: set[str]) -> tuple[str, ...]:
    """Versions that a newer one has followed, and that are not retired."""
    newest = max((v.number for v in mine), default=0)
    older = (v for v in mine if v.number < newest and version_name(name, v.number).lower() not in gone)
    return _named([f"{version_name(name, v.number)}, of {v.at:%Y-%m-%d}" for v in older])


def _named(held: list[str]) -> tuple[str, ...]:
    more = len(held) - _MOST_NAMED
    return (*held[:_MOST_NAMED], *((f"{more} more",) if more > 0 else ()))


def _late(count: int, what: str) -> tuple[Unknown, ...]:
    return (Unknown(GapCode.TIMEOUT, f"{count} {what}: no time was left ([limits] wall_seconds)"),) if count else ()
