"""Make a decision again, from the log and from what was kept: the same bytes as the entry, or what differs."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from strongroom.app import broker_record
from strongroom.app.appraisal import appraise, ask
from strongroom.app.log import Place
from strongroom.app.log_entries import Got, entries
from strongroom.kit.log_entry import encode
from strongroom.kit.receipt import entry_of
from strongroom.model.codes import EntryKind
from strongroom.model.errors import BadInput, NotFound, StateError
from strongroom.model.release import ALLOW, CERTIFICATE, Terms
from strongroom.model.trust import Decision
from strongroom.release import workload
from strongroom.release.decide import decide
from strongroom.store.broker import BrokerStore

_KINDS = (EntryKind.RELEASE.value, EntryKind.DENIAL.value, EntryKind.DECISION.value)


@dataclass(frozen=True, slots=True)
class Replayed:
    """A decision made again. `checked` says what was compared and came out the same; `differs` what did not."""

    id: str
    entry: int
    outcome: str
    subject: str
    checked: tuple[str, ...]
    differs: tuple[str, ...]


def replay(store: BrokerStore, place: Place, ident: str, judge: broker_record.Judge = appraise) -> Replayed:
    """Make the decision of an id again. `judge` is another only in a test, with roots of its own.

    Raises:
        NotFound: the log has no decision of that id.
        LogDamaged, LogUnavailable: the log.
    """
    got = _entry(place, ident)
    checked: list[str] = []
    differs: list[str] = []
    try:
        octets = store.decision(ident)
    except NotFound:
        octets = b""
    record = _digests(got).get("appraisal-record", "")
    terms = _decision_again(octets, got, checked, differs) if octets else None
    if _issued(got):
        checked.append(
            "nothing: a certificate was issued by the decision that its reasons name, which can be made again"
        )
    elif not octets and (got.entry is None or got.entry.fields.get("verb") != "attest"):
        differs.append("what the decision was made of is not kept any more")
    record = record or (terms.workload.record if terms is not None and terms.workload is not None else "")
    if record:
        _appraisal_again(store, record, terms, judge, checked, differs)
    outcome = str(got.entry.fields.get("outcome", "")) if got.entry else ""
    subject = got.entry.subject if got.entry else ""
    return Replayed(ident, got.index, outcome, subject, tuple(checked), tuple(differs))


def _entry(place: Place, ident: str) -> Got:
    for got in entries(place, _KINDS):
        if got.entry is not None and got.entry.fields.get("decision") == ident:
            return got
    raise NotFound("decision", ident[:64], "the id of one in the log", "strongroom log list --kind release")


def _issued(got: Got) -> bool:
    """Whether an entry says what came of a decision to give a certificate."""
    return got.entry is not None and (got.entry.fields.get("verb"), got.entry.fields.get("outcome")) == (
        CERTIFICATE,
        ALLOW,
    )


def _digests(got: Got) -> dict[str, str]:
    """The inputs that an entry names."""
    if got.entry is None:
        return {}
    names, digests = got.entry.fields.get("inputs"), got.entry.fields.get("input-digests")
    if not isinstance(names, tuple) or not isinstance(digests, tuple):
        return {}
    return dict(zip(names, digests, strict=False))


def _decision_again(octets: bytes, got: Got, checked: list[str], differs: list[str]) -> Terms | None:
    named = _digests(got).get("terms")
    if named != f"sha256:{hashlib.sha256(octets).hexdigest()}":
        differs.append("the terms that are kept are not those that the entry names")
    try:
        terms = msgspec.json.decode(octets, type=Terms)
    except msgspec.MsgspecError as e:
        differs.append(f"the terms cannot be read: {str(e)[:120]}")
        return None
    decision = decide(terms)
    if encode(entry_of(decision)) == got.data:
        checked.append("the decision, byte for byte as the entry of the log")
    else:
        differs.extend(_apart(decision, got))
    differs.extend(_answers_apart(terms))
    if terms.answers and not any(d.startswith("expression") for d in differs):
        checked.append(f"{len(terms.answers)} expressions over the claims")
    return terms


def _apart(decision: Decision, got: Got) -> Iterator[str]:
    """Where a decision and its entry differ. What is sealed in the entry is no difference, and is said."""
    made = entry_of(decision)
    if got.entry is None:
        yield "the entry is of another schema"
        return
    sealed = set(got.entry.sealed)
    for name in ("kind", "subject", "actor", "at"):
        if name not in sealed and getattr(made, name) != getattr(got.entry, name):
            yield f"{name}: now {getattr(made, name)}, in the log {getattr(got.entry, name)}"
    for name, value in made.fields.items():
        if name not in sealed and got.entry.fields.get(name) != value:
            yield f"{name}: now {value}, in the log {got.entry.fields.get(name)}"
    if sealed:
        yield f"{', '.join(sorted(sealed))} are sealed, so the bytes cannot be compared"


def _answers_apart(terms: Terms) -> Iterator[str]:
    if not terms.answers or terms.workload is None:
        return
    texts = tuple(terms.answers)
    again = dict(zip(texts, ask(texts, msgspec.to_builtins(terms.workload.claims)), strict=True))
    for text in texts:
        if again[text] != terms.answers[text]:
            yield f"expression {text[:60]!r}: now {again[text]}, recorded {terms.answers[text]}"


def _appraisal_again(
    store: BrokerStore,
    record: str,
    terms: Terms | None,
    judge: broker_record.Judge,
    checked: list[str],
    differs: list[str],
) -> None:
    try:
        judged, before = broker_record.read(store, record, judge)
    except (BadInput, NotFound, StateError) as e:
        differs.append(f"the appraisal: {e.subject}: {e.found}")
        return
    if broker_record.digest_of(judged.appraisal) == before:
        checked.append("the appraisal, from its evidence")
    else:
        differs.append("the appraisal comes out otherwise; this build judges otherwise, or was given other roots")
        return
    if terms is None or terms.workload is None:
        return
    again = workload.of(judged.appraisal, record, judged.references)
    if _bytes(again) == _bytes(terms.workload):
        checked.append("the workload that the terms are about")
    else:
        differs.append("the workload of the terms is not that of the appraisal")


def _bytes(found: object) -> bytes:
    return msgspec.json.encode(found, order="sorted")
