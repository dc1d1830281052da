"""What people ask of a running broker: deposit, revoke, hand in approvals and policies, read decisions and how it is.

Each call is a decision in the log, of a named person, before anything is done; what it changes is an entry of its own.
"""

import base64
import binascii
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec

import strongroom
from strongroom.app import log_entries, release_admin, release_apply
from strongroom.app.broker_judging import DEBUG
from strongroom.app.broker_open import Opened
from strongroom.app.broker_people import WHO, Person
from strongroom.kit import release_approval
from strongroom.kit.tlog.keys import parse_verifier_key
from strongroom.model.codes import EntryKind
from strongroom.model.errors import BadInput, Denied, Malformed, StrongroomError
from strongroom.model.log import Field
from strongroom.model.release import Approval, Ask, ReleasePolicy, Secret, Terms, Usage, What
from strongroom.release.decide import rule_for

MOST = 1000  # entries of the log that one call looks at
_KINDS = (EntryKind.RELEASE, EntryKind.DENIAL, EntryKind.DECISION, EntryKind.POLICY_CHANGE)
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}(/[A-Za-z0-9][A-Za-z0-9._-]{0,127}){2}$"
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
_Octets = Annotated[str, msgspec.Meta(max_length=2 << 20, pattern="^[A-Za-z0-9+/]*={0,2}$")]


class Deposit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A resource: its secret in base64, or how many octets are made of chance here. Owners are verifier keys."""

    name: Annotated[str, msgspec.Meta(pattern=_NAME)]
    secret: _Octets | msgspec.UnsetType = msgspec.UNSET
    generate: Annotated[int, msgspec.Meta(ge=release_admin.LEAST, le=release_admin.LONGEST)] | msgspec.UnsetType = (
        msgspec.UNSET
    )
    backend: Annotated[str, msgspec.Meta(max_length=64)] = ""
    owners: Annotated[tuple[_Text, ...], msgspec.Meta(max_length=64)] = ()


class Deposited(msgspec.Struct, frozen=True):
    """A new version of a resource. `ruled` says whether a rule in force names it; `entry` is that of the log."""

    name: str
    version: int
    backend: str
    owners: tuple[str, ...]
    ruled: bool
    entry: int


class Revoke(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What opens nothing any more."""

    what: What
    value: Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
    reason: _Text


class Approve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an approver has signed for one release: the note, and the verifier key that it is by."""

    approver: _Text
    note: Annotated[str, msgspec.Meta(min_length=1, max_length=8192)]


class Logged(msgspec.Struct, frozen=True):
    """The entry of the log that a change is in."""

    entry: int


class Bring(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A release policy with the notes of those who signed it. `dry_run` says what it would change, and changes nothing."""

    policy: Annotated[str, msgspec.Meta(min_length=1, max_length=4 << 20)]
    notes: Annotated[tuple[_Text, ...], msgspec.Meta(max_length=64)]
    dry_run: bool = False


class Brought(msgspec.Struct, frozen=True):
    """What a policy changes: rules, and how many recorded workloads gain or lose a resource. `entry` where it is in force."""

    name: str
    version: int
    digest: str
    changed: tuple[str, ...]
    gains: int
    loses: int
    closed_owners: tuple[str, ...]
    entry: int | None


class InForce(msgspec.Struct, frozen=True):
    """The release policy in force, or why there is none."""

    policy: ReleasePolicy | None
    digest: str
    trouble: str


class Entry(msgspec.Struct, frozen=True):
    """An entry of the log that is a decision, or a change of what is decided by."""

    index: int
    kind: str
    at: datetime
    subject: str
    actor: str
    fields: dict[str, Field]
    digests: dict[str, str]


class Decisions(msgspec.Struct, frozen=True):
    """Decisions among the entries from one index on; `next` is the index to go on with, `size` that of the log."""

    entries: tuple[Entry, ...]
    next: int
    size: int


class Full(msgspec.Struct, frozen=True):
    """How the broker is."""

    ready: bool
    troubles: tuple[str, ...]
    version: str
    broker_trust: str
    policy: str
    backends: tuple[str, ...]
    log_size: int
    endorsements_end: datetime | None


def deposit(found: Opened, person: Person, asked: Deposit, now: datetime) -> Deposited:
    """Keep a resource as a new version. Raises BadInput, NotFound, Denied, KeyUnavailable, LogUnavailable, StateError."""
    if isinstance(asked.secret, str) == isinstance(asked.generate, int):
        raise BadInput("resource", "both of `secret` and `generate`, or neither", "one of them")
    for owner in asked.owners:
        parse_verifier_key(owner)  # what is nobody's key would be a demand that nobody can meet
    if found.twin and not asked.name.startswith(f"{DEBUG}/"):
        raise Denied(asked.name, "a debug twin", f"a resource of the repository {DEBUG}")
    secret = _secret(asked)
    try:
        done = release_admin.put(
            _desk(found, person, now), asked.name, secret, asked.backend or found.config.broker.backend, asked.owners
        )
    finally:
        secret.wipe()
    w = done.wrapped
    return Deposited(w.resource, w.version, w.backend, w.owners, done.ruled, done.entry)


def _secret(asked: Deposit) -> Secret:
    if isinstance(asked.generate, int):
        return release_admin.generated(asked.generate)
    assert isinstance(asked.secret, str), "one of the two, as was checked"
    try:
        octets = base64.b64decode(asked.secret, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("secret", "text that is not base64", "octets in base64") from None
    if not 0 < len(octets) <= release_admin.MOST:
        raise Malformed("secret", f"{len(octets)} octets", f"1 to {release_admin.MOST}")
    return Secret(octets)


def revoke(found: Opened, person: Person, asked: Revoke, now: datetime) -> Logged:
    """From now on what is named opens nothing. Raises BadInput, LogUnavailable, StateError."""
    return Logged(release_admin.revoke(_desk(found, person, now), asked.what.value, asked.value, asked.reason))


def approve(found: Opened, person: Person, asked: Approve, now: datetime) -> Logged:
    """Hand in what an approver has signed; who hands it in need not be who signed.

    Raises:
        Malformed, BadSignature: the note is none, or not by the approver.
        BadInput: it is over.
        Denied: the rule in force has no such approver, so that it would count for nothing.
    """
    note = asked.note.encode()
    a = release_approval.verify(note, asked.approver)
    if a.until <= now:
        raise BadInput("approval", f"it ended {a.until:%Y-%m-%dT%H:%M:%SZ}", "one that is still to end")
    desk = _desk(found, person, now)
    _counts(desk, a, now)
    entry = desk.record(
        "approve", a.resource, requester=a.requester, approver=a.approver, reason=a.reason, note=asked.note
    )
    desk.store.approve(a, note)
    return Logged(entry)


def _counts(desk: release_admin.Desk, a: Approval, now: datetime) -> None:
    terms = Terms("", Ask(a.resource, a.requester, "", now), None, desk.policy, (), (), Usage(), now)
    rule = rule_for(terms)
    if rule is None or a.approver not in rule.approvers:
        raise Denied(f"approval of {a.resource}", f"the key {a.approver[:60]}", "an approver of its rule in force")


def bring(found: Opened, person: Person, asked: Bring, now: datetime) -> Brought:
    """Put a signed policy into force, or say what it would change.

    Raises BadInput (it does not count), Denied (one as new was in force), NotFound, LogUnavailable, StateError.
    """
    with tempfile.TemporaryDirectory(prefix="strongroom-policy-") as folder:
        path = Path(folder) / "policy.toml"
        path.write_text(asked.policy, encoding="utf-8")
        for number, note in enumerate(asked.notes):
            path.with_name(f"{path.name}.{number}.sig").write_text(note, encoding="utf-8")
        try:
            it = release_apply.ready(str(path), found.config, (), ())
        except StrongroomError as e:
            e.subject = e.subject.replace(str(path), "policy")  # where it was put for a moment is nobody's business
            raise
        found.terms.fits(it.policy)
        done = None
        if not asked.dry_run:
            who = f"{WHO}:{person.name}"
            done = release_apply.apply(it, found.config, None, now, offline=found.log.offline, who=who)
    d = it.difference
    p = it.policy
    return Brought(
        name=p.name,
        version=p.version,
        digest=p.digest,
        changed=tuple(d.rules),
        gains=len(d.gains),
        loses=len(d.loses),
        closed_owners=it.closed,
        entry=done.entry if done else None,
    )


def in_force(found: Opened) -> InForce:
    """The release policy that counts. Raises StateError."""
    policy = found.terms()
    return InForce(policy, policy.digest if policy else "", found.terms.trouble)


def decisions(found: Opened, start: int | None, most: int) -> Decisions:
    """Decisions among the published entries from `start` on, or among the last ones. Raises LogDamaged, LogUnavailable."""
    size = log_entries.size(found.place)
    first = max(0, size - most) if start is None else start
    entries = []
    end = min(first + most, size)
    for got in log_entries.entries(found.place, (), first):
        if got.index >= end:
            break
        e = got.entry
        if e is not None and e.kind in _KINDS:
            entries.append(Entry(got.index, e.kind.value, e.at, e.subject, e.actor, e.fields, e.digests))
    return Decisions(tuple(entries), max(first, end), size)


def full(found: Opened, troubles: list[str]) -> Full:
    """How the broker is, in words. Raises StateError, LogDamaged, LogUnavailable."""
    policy = found.terms()
    return Full(
        ready=not troubles,
        troubles=tuple(troubles),
        version=strongroom.__version__,
        broker_trust=found.trust,
        policy=f"{policy.name} {policy.version}" if policy else "",
        backends=tuple(sorted(found.broker.setup.keys)),
        log_size=log_entries.size(found.place),
        endorsements_end=found.judged.next_end(),
    )


def _desk(found: Opened, person: Person, now: datetime) -> release_admin.Desk:
    setup = found.broker.setup
    return release_admin.Desk(setup.store, setup.keys, found.log, found.terms(), f"{WHO}:{person.name}", now)
