"""Enrolling hosts by credential activation, and what their owner decides of them: to admit one, to forget one.

A name belongs to one key, and a TPM to one name. Who comes with another key under a name that is known, or with a TPM
that is known under another name, is remembered as refused, for the owner to look at: which of them is right no machine
can tell. It does not touch the standing of the one who was first.
"""

import hashlib
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from strongroom.app.watch_log import of_change, of_enrolment
from strongroom.app.watch_setup import RefusedError, Watch
from strongroom.attest.enrolment import Enrolling, EnrolmentVerdict, appraise_enrolment
from strongroom.attest.standing import first, forgotten
from strongroom.kit import tpm, tpm_credential
from strongroom.model.attest import EndorsementKind
from strongroom.model.errors import BadInput, BadUsage, LogError, NotFound
from strongroom.model.log import LogEntry
from strongroom.model.standing import Admission, Enrolment, Grade, Standing, StandingState
from strongroom.store.standing import Session
from strongroom.store.standing_rows import Held

SECRET = 32  # octets
MOST_SESSIONS = 20_000
_PATIENCE = timedelta(minutes=5)  # for a secret to come back
_AUTHORITIES = 256
_OTHER_KEY = "another key has this name"
_OTHER_NAME = "this TPM is known under another name"
_LIST = "strongroom attest hosts"


class Asked(NamedTuple):
    """What a machine is to open: a TPM2B_ID_OBJECT and a TPM2B_ENCRYPTED_SECRET."""

    session: str
    blob: bytes
    secret: bytes


class Activated(NamedTuple):
    """A key that is known now."""

    host: str
    ak_name: str
    grade: Grade
    admitted: bool


def enrol(watch: Watch, host: str, ek: bytes, certificates: tuple[bytes, ...], ak: bytes) -> Asked:
    """Close a secret for the TPM of both keys. Raises RefusedError, StateError."""
    now = watch.clock()
    given = _enrolling(watch, Session(host, ek, ak, certificates, b""), None, now)
    found = appraise_enrolment(given)
    if not found.may_be_asked:
        raise _refused(host, found)
    if watch.store.sessions() >= MOST_SESSIONS:
        raise RefusedError(503, "too much at once; try again", "too many enrolments wait", 30.0)
    secret, ident = watch.chance(SECRET), watch.chance(32).hex()
    try:
        closed = tpm_credential.make_credential(
            given.ek, bytes.fromhex(found.ak_name), secret, watch.chance(tpm_credential.SEED)
        )
    except BadInput as e:
        raise RefusedError(403, "nothing can be closed for this key", f"{host}: {e}") from None
    session = Session(host, ek, ak, certificates, secret)
    watch.store.begin(_ident(ident), session, now + _PATIENCE)
    return Asked(ident, closed.blob, closed.secret)


def _ident(session: str) -> str:
    return hashlib.sha256(session.encode()).hexdigest()


def _enrolling(watch: Watch, session: Session, answer: bytes | None, now: datetime) -> Enrolling:
    by = watch.judging()
    authorities = tuple(e.data for e in by.endorsements.of(EndorsementKind.CERTIFICATE)[:_AUTHORITIES])
    return Enrolling(
        session.ek_public,
        session.ak_public,
        session.certificates,
        by.policy.tpm.ek_roots,
        authorities,
        session.secret,
        answer,
        now=now,
    )


def _refused(host: str, found: EnrolmentVerdict) -> RefusedError:
    """The machine is told which steps failed, and its operator what was found."""
    why = "; ".join(f"{s.id}: found {s.found}, wanted {s.wanted}" for s in found.steps if s.id in found.failed)
    return RefusedError(403, f"not enrolled: {', '.join(found.failed) or 'the keys cannot be read'}", f"{host}: {why}")


def activate(watch: Watch, session: str, answer: bytes) -> Activated:
    """Take the secret back, and know the key from now on. Raises RefusedError, StateError."""
    now = watch.clock()
    held = watch.store.end(_ident(session), now)
    if held is None:
        raise RefusedError(403, "no enrolment waits for this, or its time is over")
    given = _enrolling(watch, held, answer, now)
    found = appraise_enrolment(given)
    if not found.grade:
        raise _refused(held.host, found)
    made = Enrolment(
        host=held.host,
        ek=found.ek,
        ak_name=found.ak_name,
        ak_public=tpm.public(held.ak_public).raw,
        grade=Grade(found.grade),
        enrolled_at=now,
        root=found.root,
        maker=found.maker,
    )
    if watch.admit is Admission.CERTIFIED and made.grade is Grade.CERTIFIED:
        made = replace(made, admitted_at=now, admitted_by="[watch] admit = certified")
    before = watch.store.held(made.host, made.ak_name)
    kept = _again(watch, before, made, now) if before else _new(watch, made, now)
    return Activated(kept.host, kept.ak_name, kept.grade, kept.admitted)


def _again(watch: Watch, before: Held, made: Enrolment, now: datetime) -> Enrolment:
    """The same key once more. It may have become better known; it never becomes less, and stays admitted."""
    known = before.enrolment
    if before.standing.state is StandingState.REFUSED:
        raise RefusedError(409, f"{_OTHER_KEY}; its owner has to decide", known.host)
    better = known.grade is Grade.FIRST_USE and made.grade is Grade.CERTIFIED and known.ek == made.ek
    if not better:
        return known
    after = replace(known, grade=made.grade, root=made.root, maker=made.maker)
    if not known.admitted:
        after = replace(after, admitted_at=made.admitted_at, admitted_by=made.admitted_by)
    _log_first(watch, after, "certify", now)
    if not watch.store.replace(before, Held(after, before.standing, before.revision)):
        raise RefusedError(503, "too much at once; try again", known.host, 1.0)
    return after


def _new(watch: Watch, made: Enrolment, now: datetime) -> Enrolment:
    other = watch.store.live(made.host)
    same = watch.store.by_ek(made.ek)
    if other is not None or same is not None:
        why = _OTHER_KEY if other is not None else f"{_OTHER_NAME}, {same.enrolment.host if same else ''}"
        raise _contends(watch, made, why, now)
    _log_first(watch, made, "enrol", now)
    if not watch.store.add(Held(made, first(made))):
        raise RefusedError(409, f"{_OTHER_KEY}; its owner has to decide", made.host)
    watch.tell(f"{made.host} is enrolled ({made.grade.value}){', and admitted' if made.admitted else ''}")
    return made


def _contends(watch: Watch, made: Enrolment, why: str, now: datetime) -> RefusedError:
    """Remember who wanted to be a host that is known; how often is bounded, for anybody can want that."""
    refused = replace(made, admitted_at=None, admitted_by="")
    entry = of_enrolment(refused, "refuse", watch.actor, now, why)
    if watch.store.add(Held(refused, first(refused, StandingState.REFUSED, why)), entry):
        try:
            watch.journal.flush()
        except LogError as e:
            watch.tell(f"the log cannot take it now, it waits: {e}")
    told = _OTHER_KEY if why == _OTHER_KEY else _OTHER_NAME
    return RefusedError(409, f"{told}; its owner has to decide", f"{made.host} by {made.ak_name}: {why}")


def _log_first(watch: Watch, made: Enrolment, action: str, now: datetime) -> None:
    try:
        watch.journal.write([of_enrolment(made, action, watch.actor, now)])
    except LogError as e:
        raise RefusedError(503, "not now; try again", f"{made.host} is not enrolled: {e}", 5.0) from None


# What the owner decides


def admit(watch: Watch, host: str, key: str | None = None) -> Enrolment:
    """Let a host be trusted from its next answer on; of several keys the one whose name begins with `key`.

    Raises:
        NotFound: no such host or key.
        BadUsage: several keys have this name, and none is named.
        BadInput: its TPM is known under another name, or somebody wrote meanwhile.
        LogError: it could not be logged; then it is not admitted.
    """
    chosen, others = _chosen(watch, host, key)
    if chosen.enrolment.admitted:
        return chosen.enrolment
    now = watch.clock()
    made = replace(chosen.enrolment, admitted_at=now, admitted_by=watch.actor)
    live = next((o for o in others if o.standing.state is not StandingState.REFUSED), None)
    watch.journal.write([of_enrolment(made, "admit", watch.actor, now), *_ousted(watch, live, now)])
    if not watch.store.take_over(live, chosen, Held(made, _admitted(chosen, made, now), chosen.revision)):
        same = watch.store.by_ek(made.ek)
        taken = f"its TPM is known as {same.enrolment.host}" if same else "it was changed meanwhile"
        raise BadInput(f"host {host}", taken, "a TPM of its own", f"{_LIST} forget NAME, or try again")
    return made


def _admitted(chosen: Held, made: Enrolment, now: datetime) -> Standing:
    """It is trusted by its next answer, not by its last: that one was given while nobody had admitted it."""
    if chosen.standing.state is StandingState.REFUSED:
        return replace(first(made), since=now)
    return chosen.standing if chosen.standing.failed else replace(chosen.standing, reason=first(made).reason)


def _ousted(watch: Watch, live: Held | None, now: datetime) -> list[LogEntry]:
    """What is logged of the key that had the name before."""
    if live is None:
        return []
    gone = forgotten(live.standing, now, "its owner chose another key")
    return [of_change(gone, live.enrolment, watch.actor, {})]


def _chosen(watch: Watch, host: str, key: str | None) -> tuple[Held, list[Held]]:
    held = [h for h in watch.store.all() if h.enrolment.host == host]
    if not held:
        raise NotFound(f"host {host!r}", "no such host", "one that is enrolled", _LIST)
    fitting = [h for h in held if key is None or h.enrolment.ak_name.startswith(key.lower())]
    if not fitting:
        raise NotFound(f"key {key!r} of {host}", "no such key", "one that asked to be this host", _LIST)
    if len(fitting) > 1:
        names = ", ".join(h.enrolment.ak_name[:20] for h in fitting)
        raise BadUsage(f"host {host}", f"{len(fitting)} keys: {names}", "one of them", "name it with --key")
    return fitting[0], [h for h in held if h is not fitting[0]]


def forget(watch: Watch, host: str) -> int:
    """Know a host no more: its trust is over at once, whatever becomes of the log; how many keys it had.

    Raises NotFound, StateError.
    """
    held = [h for h in watch.store.all() if h.enrolment.host == host]
    if not held:
        raise NotFound(f"host {host!r}", "no such host", "one that is enrolled", _LIST)
    now = watch.clock()
    entries = [of_enrolment(h.enrolment, "forget", watch.actor, now) for h in held]
    for h in held:
        if h.standing.state is StandingState.TRUSTED:
            gone = forgotten(h.standing, now, "its owner forgot it")
            entries.append(of_change(gone, h.enrolment, watch.actor, {}))
    watch.store.forget(host, entries)
    return len(held)
