"""Each release that a log has, made again from what the broker has kept: what it rested on, and what does not come out."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from strongroom.app import broker_record
from strongroom.app.appraisal import ask
from strongroom.app.log_entries import Got
from strongroom.kit.log_entry import encode
from strongroom.kit.receipt import entry_of
from strongroom.model.attest import Tier
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput, NotFound, StateError
from strongroom.model.log import LogEntry
from strongroom.model.release import Terms
from strongroom.model.values import Unknown, Value
from strongroom.release import workload
from strongroom.release.decide import decide, rule_for
from strongroom.store.broker_reading import BrokerReading

_LEAST = 2  # people who approve a release without attestation, and owners who share a resource
_MOST_NAMED = 20  # releases that are named for one fault; the rest is counted


@dataclass(slots=True)
class Made:
    """What making releases again came to: for each fault the releases that have it."""

    count: int = 0
    glass: int = 0
    not_reproduced: list[str] = field(default_factory=list)
    unattested: list[str] = field(default_factory=list)
    unbounded: list[str] = field(default_factory=list)
    unheld: list[str] = field(default_factory=list)
    unlogged: list[str] = field(default_factory=list)
    late: int = 0  # those for which there was no time left

    def facts(self) -> Mapping[str, Value]:
        """The facts of the resource that they are of."""
        doubt = (
            (
                Unknown(
                    GapCode.TIMEOUT, f"{self.late} of {self.count} releases: no time was left ([limits] wall_seconds)"
                ),
            )
            if self.late
            else ()
        )
        listed = {
            "release.not_reproduced": self.not_reproduced,
            "release.unattested": self.unattested,
            "release.break_glass_unbounded": self.unbounded,
            "release.owners_unheld": self.unheld,
            "release.owners_unlogged": self.unlogged,
        }
        named: dict[str, Value] = {name: (*_named(held), *doubt) for name, held in listed.items()}
        return {"release.count": self.count, "release.break_glass_taken": self.glass, **named}


def _named(held: list[str]) -> tuple[str, ...]:
    more = len(held) - _MOST_NAMED
    return (*held[:_MOST_NAMED], *((f"{more} more",) if more > 0 else ()))


def made_again(
    found: Iterable[tuple[Got, LogEntry]], store: BrokerReading, judge: broker_record.Judge, left: Callable[[], bool]
) -> Made:
    """Make the releases of one resource again, as long as there is time left. Restore drills went to nobody, and are none."""
    made = Made()
    for got, entry in found:
        inputs = inputs_of(entry)
        if entry.actor.startswith("drill:") and "wrapped" in inputs:
            continue
        made.count += 1
        if not left():
            made.late += 1
            continue
        _one(made, got, entry, inputs, store, judge)
    return made


def _one(
    made: Made, got: Got, entry: LogEntry, inputs: Mapping[str, str], store: BrokerReading, judge: broker_record.Judge
) -> None:
    ident = str(entry.fields.get("decision", ""))
    name = ident or f"entry {got.index}"
    terms, why = kept_terms(store, ident, inputs)
    why = why or (otherwise(terms, got.data, store, judge) if terms is not None else "")
    if why:
        made.not_reproduced.append(f"{name}: {why}")
    glass = bool(terms.ask.break_glass) if terms is not None else entry.actor.startswith("operator:")
    if glass:
        made.glass += 1
        if not _approved(terms):
            made.unbounded.append(name)
    elif not _vouched(entry, inputs, terms):
        made.unattested.append(name)
    owners = _owners(inputs, terms)
    if len(owners) >= _LEAST and (why or glass):
        made.unheld.append(f"{name}: {why or 'break-glass asks no owner what may run'}")
    if not owners or any(f"owner.{o}" not in inputs for o in owners):
        made.unlogged.append(name)


def inputs_of(entry: LogEntry) -> Mapping[str, str]:
    """The inputs that an entry of a decision names, with their digests."""
    names, digests = entry.fields.get("inputs"), entry.fields.get("input-digests")
    if not isinstance(names, tuple) or not isinstance(digests, tuple):
        return {}
    return dict(zip(names, digests, strict=False))


def kept_terms(store: BrokerReading, ident: str, inputs: Mapping[str, str]) -> tuple[Terms | None, str]:
    """What a decision was made of; else why it cannot be had. The log says which terms those are."""
    try:
        octets = store.decision(ident)
    except NotFound:
        return None, "what it was decided on is not kept"
    if inputs.get("terms") != f"sha256:{hashlib.sha256(octets).hexdigest()}":
        return None, "the terms that are kept are not those that its entry names"
    try:
        return msgspec.json.decode(octets, type=Terms), ""
    except msgspec.MsgspecError as e:
        return None, f"its terms cannot be read: {str(e)[:100]}"


def otherwise(terms: Terms, entry: bytes, store: BrokerReading, judge: broker_record.Judge) -> str:
    """What comes out otherwise when it is decided and appraised again; nothing where all is the same."""
    if encode(entry_of(decide(terms))) != entry:
        return "decided again, it is another entry than that of the log"
    held = terms.workload
    if held is None:
        return "" if terms.ask.break_glass else "it rests on no appraisal"
    texts = tuple(terms.answers)
    if texts and ask(texts, msgspec.to_builtins(held.claims)) != tuple(terms.answers[t] for t in texts):
        return "an expression over the claims has another answer"
    try:
        judged, _ = broker_record.read(store, held.record, judge)
    except (BadInput, NotFound, StateError) as e:
        return f"the record of its attestation: {e.found}"
    again = workload.of(judged.appraisal, held.record, judged.references)
    if again.tier is not Tier.AFFIRMING or not again.complete:
        return f"judged again, its evidence is {again.tier.value}"
    # The claims of an appraisal may gain words with the program; what was decided on must be the same.
    same = msgspec.structs.replace(again, claims=held.claims) if not texts else again
    return "" if _bytes(same) == _bytes(held) else "judged again, its evidence is of another workload"


def _bytes(found: object) -> bytes:
    return msgspec.json.encode(found, order="sorted")


def _approved(terms: Terms | None) -> bool:
    """Whether two people had approved it, each until a time that was still to come."""
    rule = rule_for(terms) if terms is not None else None
    if terms is None or rule is None:
        return False
    valid = {a.approver for a in terms.approvals if a.approver in rule.approvers and terms.now < a.until}
    return len(valid) >= _LEAST


def _vouched(entry: LogEntry, inputs: Mapping[str, str], terms: Terms | None) -> bool:
    """Whether an appraisal vouches for the key that got it."""
    if terms is None:
        return "appraisal-record" in inputs and entry.actor.startswith("key:")
    return terms.workload is not None and bool(terms.workload.key) and terms.workload.key == terms.ask.requester


def _owners(inputs: Mapping[str, str], terms: Terms | None) -> tuple[str, ...]:
    rule = rule_for(terms) if terms is not None else None
    if rule is not None:
        return tuple(sorted(rule.owners))
    return tuple(sorted(n.removeprefix("owner.") for n in inputs if n.startswith("owner.")))
