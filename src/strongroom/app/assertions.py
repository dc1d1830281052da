"""Assertions: made, signed, logged and kept; verified again whenever they are used; taken back.

What counts is the signed note: every word is taken from it, the state database only says where it is. An assertion
stands when a key that the configuration names has signed it, the log holds it at the index that was noted, and the
evidence is still what was given. Whatever cannot be seen of that makes it count for nothing, and is said.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

import msgspec

from strongroom.app.catalogue import catalogue
from strongroom.app.config import Config
from strongroom.app.log import Place, actor
from strongroom.app.log_default import beside, open_or_create, place_of
from strongroom.app.log_entries import get
from strongroom.app.state import state_path
from strongroom.assess.assertions import BY_PEOPLE, clauses_for_people, latest_end
from strongroom.kit.canonical import canonical
from strongroom.kit.lookalike import skeleton, trouble
from strongroom.kit.tlog import note as notes
from strongroom.kit.tlog.keys import Kind, SignerKey, parse_verifier_key
from strongroom.kit.tlog.note import Ed25519Signer, Ed25519Verifier
from strongroom.ledger import keyfile
from strongroom.model.codes import AssertionState, EntryKind
from strongroom.model.errors import BadInput, BadProof, BadUsage, Malformed, NotFound, StrongroomError
from strongroom.model.log import LogEntry
from strongroom.model.people import Assertion, AssertionNote
from strongroom.store import evidence, people
from strongroom.store.people import KeptAssertion
from strongroom.store.snapshots import Store

SCHEMA = "strongroom.assertion/1"
MAX_TEXT = 2000
SEALABLE = ("owner", "approver", "statement")


class _Words(msgspec.Struct, forbid_unknown_fields=True):
    approver: str
    asset: str
    clause: str
    evidence: str
    expires_at: datetime
    made_at: datetime
    owner: str
    schema: str
    statement: str


@dataclass(frozen=True, slots=True)
class Wish:
    """An assertion as it is asked for. `subject` is a control, or one of its clauses."""

    subject: str
    statement: str
    evidence: Path
    owner: str
    approver: str
    expires: date
    asset: str = ""


@dataclass(frozen=True, slots=True)
class Where:
    """The places of assertions: state database, log, evidence. `made` says that the log is made when it is needed."""

    state: str
    place: Place
    evidence: Path
    made: bool


def places(config: Config, state: str | None, log: str | None) -> Where:
    """The places that are named, configured or the default."""
    where = state_path(state or config.state.path)
    folder = Path(beside(where)).parent / "evidence"
    return Where(where, place_of(config, log, state=where), folder, not (log or config.log.path))


def clauses_of(subject: str) -> tuple[str, ...]:
    """The clauses that an assertion on a control, or on one of its clauses, speaks for.

    Raises:
        NotFound: there is no such control or clause.
        BadUsage: machines measure it, and nobody can speak for it.
    """
    known = catalogue().controls
    ident, dot, _ = subject.partition(".")
    control = known.get(ident.upper())
    clause = f"{ident.upper()}.{subject.partition('.')[2]}" if dot else ""
    if control is None or (clause and clause not in {c.id for c in control.clauses}):
        raise NotFound("assert", repr(subject[:80]), "the id of a control or clause", "strongroom controls")
    possible = clauses_for_people(control)
    if (clause and clause not in possible) or not possible:
        listed = ", ".join(possible) or f"of this control none: {control.title}"
        raise BadUsage(
            f"assert {subject}", "a clause that machines measure", f"one of {', '.join(sorted(BY_PEOPLE))}", listed
        )
    return (clause,) if clause else possible


def _checked(wish: Wish, now: datetime) -> datetime:
    """When the wish ends, once it is found to be in order. Raises BadUsage."""
    words = {"--statement": wish.statement, "--owner": wish.owner, "--approver": wish.approver, "--asset": wish.asset}
    for name, words_of in words.items():
        if not words_of.strip() and name != "--asset":
            raise BadUsage(name, "nothing", "a text")
        if len(words_of) > MAX_TEXT:
            raise BadUsage(name, f"{len(words_of)} characters", f"at most {MAX_TEXT}")
        if why := trouble(words_of):
            raise BadUsage(name, f"a text with {why}", "a text that is what it looks like")
    if skeleton(wish.owner) == skeleton(wish.approver):
        raise BadUsage("--approver", f"{wish.approver!r}, who is the owner", "somebody else")
    ends = datetime.combine(wish.expires, time.max, tzinfo=UTC)
    if ends < now:
        raise BadUsage("--expires", wish.expires.isoformat(), "a day that is not over")
    if ends > latest_end(now):
        found, most = wish.expires.isoformat(), f"{latest_end(now):%Y-%m-%d} or earlier: 13 months at the most"
        raise BadUsage("--expires", found, most, "look again before then, and assert it anew")
    return ends


def make(
    wish: Wish, key_file: Path, where: Where, now: datetime, *, offline: bool = False, seal: Sequence[str] = ()
) -> tuple[Assertion, ...]:
    """Sign, log and keep an assertion: one for each clause that it speaks for.

    Raises:
        BadUsage, NotFound: it is not in order.
        BadInput, Unreadable: the key or the evidence cannot be used.
        LogUnavailable, LogDamaged, StateError: it could not be logged or kept.
    """
    ends = _checked(wish, now)
    clauses = clauses_of(wish.subject)
    for name in seal:
        if name not in SEALABLE:
            raise BadUsage("--seal", repr(name[:40]), f"one of {', '.join(SEALABLE)}")
    key = _signer(key_file)
    digest, size = evidence.keep(where.evidence, wish.evidence)
    with Store(where.state) as store, store.transaction() as db:
        people.keep_evidence(db, digest, size, latest_end(ends))
    made = []
    with open_or_create(where.place, made=where.made, offline=offline) as log:
        for clause in clauses:
            words = _Words(
                approver=wish.approver.strip(),
                asset=wish.asset,
                clause=clause,
                evidence=f"sha256:{digest}",
                expires_at=ends,
                made_at=now,
                owner=wish.owner.strip(),
                schema=SCHEMA,
                statement=wish.statement.strip(),
            )
            note = _signed(words, key)
            found = _assertion(words, note, str(key.verifier).rpartition("+")[0])
            done = log.record(_entry(found, now), seal)
            found = msgspec.structs.replace(found, log=log.settings.origin, entry=done.index)
            with Store(where.state) as store, store.transaction() as db:
                people.keep_assertion(db, found.id, note.decode(), found.log, found.entry)
            made.append(found)
        log.publish()
    return tuple(made)


def _signer(path: Path) -> SignerKey:
    key = keyfile.read(path)
    if key.verifier.kind is not Kind.ED25519:
        hint = "strongroom log keygen NAME --type log -o FILE"
        raise BadInput(f"key file {path}", "a key for cosignatures", "an Ed25519 key for notes", hint)
    return key


def _signed(words: _Words, key: SignerKey) -> bytes:
    return notes.sign(_text(words), [Ed25519Signer(key)])


def _text(words: _Words) -> str:
    return canonical(msgspec.to_builtins(words), "assertion").decode() + "\n"


def _entry(a: Assertion, at: datetime, *, revoked: str = "") -> LogEntry:
    said = {"control": a.control, "clause": a.clause, "asset": a.asset, "owner": a.owner, "approver": a.approver}
    said |= {"statement": a.statement, "expires": f"{a.expires_at:%Y-%m-%d}"}
    if revoked:
        said = {"control": a.control, "clause": a.clause, "revoked": revoked}
    return LogEntry(
        kind=EntryKind.ASSERTION,
        subject=f"{a.clause} on {a.asset}" if a.asset else a.clause,
        actor=actor(),
        at=at,
        fields={name: text for name, text in said.items() if text},
        digests={"assertion": f"sha256:{a.id}", "evidence": f"sha256:{a.evidence_digest}"},
    )


def _assertion(words: _Words, note: bytes, key: str = "", log: str = "", entry: int = 0) -> Assertion:
    return Assertion(
        control=words.clause.partition(".")[0],
        asset=words.asset,
        statement=words.statement,
        owner=words.owner,
        approver=words.approver,
        evidence_digest=words.evidence.removeprefix("sha256:"),
        expires_at=words.expires_at,
        clause=words.clause,
        made_at=words.made_at,
        id=hashlib.sha256(note).hexdigest(),
        key=key,
        log=log,
        entry=entry,
    )


def _words(text: str) -> _Words:
    """The words of a note's text. Raises Malformed."""
    try:
        words = msgspec.json.decode(text.encode(), type=_Words)
    except (msgspec.MsgspecError, UnicodeEncodeError) as e:
        raise Malformed("assertion", str(e).lower()[:160], SCHEMA) from None
    if words.schema != SCHEMA or words.made_at.tzinfo is None or words.expires_at.tzinfo is None:
        raise Malformed("assertion", f"schema {words.schema[:80]!r}, or a time without zone", SCHEMA)
    if _text(words) != text:
        raise Malformed("assertion", "another text for the same words", "canonical JSON (RFC 8785)")
    return words


def verify(kept: KeptAssertion, keys: Sequence[str], where: Where) -> Assertion:
    """An assertion, once signature, log entry and evidence are found to be right.

    Raises:
        BadSignature, BadProof, Malformed, NotFound, BadInput, LogError: one of them is not.
    """
    if not keys:
        raise BadProof("assertion", "no key to verify it with", "the signer's key", "name it in [assert] keys")
    note = kept.note.encode()
    opened = notes.open_note(note, [Ed25519Verifier(parse_verifier_key(k)) for k in keys])
    signer = opened.verified[0].key
    found = _assertion(_words(opened.text), note, f"{signer.name}+{signer.key_id:08x}", kept.origin, kept.entry)
    if skeleton(found.owner) == skeleton(found.approver):
        raise BadProof("assertion", "one person as owner and approver", "two")
    entry = get(where.place, kept.entry).entry
    wanted = f"sha256:{found.id}"
    if entry is None or entry.kind is not EntryKind.ASSERTION or entry.digests.get("assertion") != wanted:
        raise BadProof(f"entry {kept.entry}", "another entry", "the one of this assertion")
    if "revoked" in entry.fields:
        raise BadProof(f"entry {kept.entry}", "the entry of a revocation", "the one of this assertion")
    evidence.verify(where.evidence, found.evidence_digest)
    return found


def standing(
    config: Config, state: str, log: str | None, now: datetime
) -> tuple[tuple[Assertion, ...], tuple[AssertionNote, ...]]:
    """The assertions that verify, and notes on those that do not or that were taken back. Raises StateError, Malformed."""
    where = places(config, state, log)
    for key in config.assert_.keys:
        parse_verifier_key(key)  # a key that is none is a fault of the configuration, and not of every assertion
    with Store(state) as store, store.transaction() as db:
        kept = people.assertions(db)
    verified, said = [], []
    for k in kept:
        if k.revoked is not None and datetime.fromisoformat(k.revoked[0]) <= now:
            said.append(AssertionNote(AssertionState.REVOKED, _claimed(k), k.revoked[1]))
            continue
        try:
            verified.append(verify(k, config.assert_.keys, where))
        except StrongroomError as e:
            said.append(AssertionNote(AssertionState.UNVERIFIED, _claimed(k), str(e)))
    return tuple(verified), tuple(said)


def _claimed(kept: KeptAssertion) -> Assertion:
    """What an assertion says of itself, for naming it only: nothing of it is verified."""
    note = kept.note.encode("utf-8", "replace")
    try:
        return _assertion(_words(notes.parse(note).text), note, "", kept.origin, kept.entry)
    except BadInput:
        epoch = datetime.fromtimestamp(0, UTC)
        return Assertion("", "", "", "", "", "", epoch, "", epoch, id=kept.id, log=kept.origin, entry=kept.entry)


@dataclass(frozen=True, slots=True)
class Listed:
    """One assertion of the state database and how it stands: `holds`, or why it does not."""

    assertion: Assertion
    state: str
    detail: str


def listed(config: Config, now: datetime, *, state: str | None, log: str | None) -> tuple[Listed, ...]:
    """Every assertion that is kept, oldest first. Raises StateError, Malformed."""
    where = places(config, state, log)
    if "://" not in where.state and not Path(where.state).exists():
        return ()
    verified, said = standing(config, where.state, log, now)
    out = [Listed(n.assertion, n.state.value, n.detail) for n in said]
    for a in verified:
        over = now > min(a.expires_at, latest_end(a.made_at))
        early = now < a.made_at
        state_of = AssertionState.EXPIRED if over else AssertionState.NOT_YET if early else None
        out.append(Listed(a, state_of.value if state_of else "holds", ""))
    return tuple(sorted(out, key=lambda x: (x.assertion.made_at, x.assertion.entry)))


def revoke(
    config: Config, ident: str, reason: str, now: datetime, *, state: str | None, log: str | None, offline: bool = False
) -> Assertion:
    """Take an assertion back, for good. The log says so first.

    Raises:
        BadUsage: no reason is given.
        NotFound: there is no such assertion, or several begin so.
        LogUnavailable, StateError: it cannot be said; then it stands.
    """
    if not reason.strip() or len(reason) > MAX_TEXT:
        raise BadUsage("--reason", f"{len(reason.strip())} characters", f"a reason of at most {MAX_TEXT}")
    where = places(config, state, log)
    with Store(where.state) as store, store.transaction() as db:
        found = [k for k in people.assertions(db) if k.id.startswith(ident) and k.revoked is None]
    if len(found) != 1 or len(ident) < 4:
        what = f"{len(found)} that begin so" if found else "none that stands"
        raise NotFound(f"assertion {ident[:80]!r}", what, "the id of one", "strongroom assertions list")
    claimed = _claimed(found[0])
    with open_or_create(where.place, made=False, offline=offline) as ledger:
        done = ledger.record(_entry(claimed, now, revoked=reason.strip()))
        ledger.publish()
        origin = ledger.settings.origin
    with Store(where.state) as store, store.transaction() as db:
        people.revoke(db, claimed.id, now, reason.strip(), origin, done.index)
    return claimed
