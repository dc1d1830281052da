"""Administration of a broker's state: each act is in the log before it takes effect, with who did it and why."""

import secrets
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from strongroom.app.broker_fresh import fresh
from strongroom.app.log import Log
from strongroom.kit import jwe, release_approval, svid
from strongroom.kit.jwk import recipient
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.ledger import keyfile
from strongroom.model.codes import EntryKind
from strongroom.model.errors import (
    BadInput,
    Denied,
    KeyUnavailable,
    Malformed,
    NotFound,
    ReleaseError,
    TooLarge,
    Unreadable,
)
from strongroom.model.log import Field, LogEntry
from strongroom.model.release import (
    ALLOW,
    CERTIFICATE,
    DENY,
    Approval,
    Ask,
    Keys,
    ReleasePolicy,
    Revocation,
    Rotates,
    Rule,
    Secret,
    Terms,
    Usage,
    What,
    Wrapped,
    resource_name,
    version_name,
    version_of,
)
from strongroom.model.trust import Decision
from strongroom.release.decide import decide, rule_for
from strongroom.store import broker_admin
from strongroom.store.broker import BrokerStore

MOST = 1 << 20  # octets of a secret: what the back ends take
LEAST, LONGEST = 16, 4096  # octets of one that is made here
_MOST_JWK = 64 << 10


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a person administers: the state, the open back ends, the log, the policy in force, who, and when."""

    store: BrokerStore
    keys: Mapping[str, Keys]
    log: Log
    policy: ReleasePolicy | None
    who: str
    now: datetime

    def backend(self, name: str) -> Keys:
        """The open back end of a name. Raises NotFound."""
        found = self.keys.get(name)
        if found is None:
            raise NotFound(f"key back end {name[:80]!r}", "none that is open", ", ".join(self.keys) or "[broker] keys")
        return found

    def record(self, action: str, subject: str, **fields: Field) -> int:
        """Put an act into the log; its entry. Raises LogUnavailable: then it is not done."""
        kept: dict[str, Field] = {"action": action, **{k.replace("_", "-"): v for k, v in fields.items()}}
        entry = LogEntry(
            kind=EntryKind.POLICY_CHANGE, subject=subject, actor=self.who, at=self.now, fields=kept, digests={}
        )
        return self.log.record(entry).index


# Resources


def generated(size: int) -> Secret:
    """A new secret of so many octets. Raises BadInput."""
    if not LEAST <= size <= LONGEST:
        raise BadInput("--generate", f"{size} octets", f"{LEAST} to {LONGEST}")
    return Secret(secrets.token_bytes(size))


def from_file(path: str) -> Secret:
    """The octets of a file, as they are. Raises Unreadable, TooLarge."""
    try:
        with Path(path).open("rb") as f:
            data = f.read(MOST + 1)
    except OSError as e:
        raise Unreadable(path, (e.strerror or "an error").lower(), "the file of a secret") from None
    if len(data) > MOST:
        raise TooLarge(path, f"over {MOST} octets", "a key, a certificate or a credential")
    return Secret(data)


@dataclass(frozen=True, slots=True)
class Put:
    """What was deposited, and the entry of the log."""

    wrapped: Wrapped
    entry: int
    ruled: bool


def put(desk: Desk, name: str, secret: Secret, backend: str, owners: tuple[str, ...]) -> Put:
    """Deposit a secret as a new version of a resource, bound to its owners: those named, else those of its rule.

    Under a rule that gives certificates it is bound to that purpose: such a key never leaves, whatever rule comes later.

    Raises:
        BadInput: the name or the secret is none, nobody says whose it is, or its rule gives certificates and it is no
            authority's key.
        NotFound, KeyUnavailable: the back end.
        LogUnavailable: then nothing was deposited.
        Denied: somebody else has deposited this version meanwhile.
    """
    resource_name(name)
    by = _rule_of(desk.policy, name)
    rule = _keys_of(desk.policy, by)
    whose = owners or rule
    if not whose:
        hint = "name the key of each owner with --owner, or apply a policy that has a rule for it"
        raise BadInput(name, "no owner", "one key of each owner", hint)
    issues = by is not None and by.issue is not None
    if issues:
        svid.authority(secret.reveal(), desk.now)
    before = desk.store.resource(name)
    version, purpose = before.version + 1 if before else 1, CERTIFICATE if issues else ""
    wrapped = desk.backend(backend).wrap(secret, name, version, whose, purpose)
    bound = {"purpose": purpose} if purpose else {}
    entry = desk.record("put", name, version=version, backend=backend, key=wrapped.key, owners=whose, **bound)
    desk.store.deposit(wrapped, desk.now)
    return Put(wrapped, entry, bool(rule))


def _rule_of(policy: ReleasePolicy | None, name: str) -> Rule | None:
    asked = Terms("", Ask(name, "", "", datetime.min), None, policy, (), (), Usage(), datetime.min)  # noqa: DTZ901 - unused
    return rule_for(asked)


def _keys_of(policy: ReleasePolicy | None, rule: Rule | None) -> tuple[str, ...]:
    """The first key of each owner of a rule."""
    if policy is None or rule is None:
        return ()
    return tuple(o.keys[0] for o in policy.owners if o.name in rule.owners)


@dataclass(frozen=True, slots=True)
class Listed:
    """A resource: its newest version, where its key is, and what stands in the way of its release."""

    name: str
    version: int
    backend: str
    key: str
    owners: tuple[str, ...]
    rule: str
    revoked: str


def listed(store: BrokerStore, policy: ReleasePolicy | None) -> Iterator[Listed]:
    """Every resource. Raises StateError."""
    gone = {r.value.lower(): r.reason for r in store.revocations() if r.what in (What.RESOURCE, What.VERSION)}
    with store.transaction() as db:
        newest = {w.resource: w for w in broker_admin.versions(db)}
    for name, w in sorted(newest.items()):
        asked = Terms("", Ask(name, "", "", datetime.min), None, policy, (), (), Usage(), datetime.min)  # noqa: DTZ901 - unused
        rule = rule_for(asked)
        yield Listed(name, w.version, w.backend, w.key, w.owners, rule.resource if rule else "", _gone(gone, w))


def _gone(gone: Mapping[str, str], newest: Wrapped) -> str:
    names = (newest.resource, version_name(newest.resource, newest.version))
    return next((gone[n.lower()] for n in names if n.lower() in gone), "")


@dataclass(frozen=True, slots=True)
class Rotated:
    """A back end: its new key, how many resources are under it now, and which stayed as they were, with why."""

    backend: str
    key: str
    entry: int
    moved: int
    stayed: tuple[tuple[str, str], ...]


def rotate(desk: Desk, backend: str) -> Rotated:
    """Make a new key-encryption key, and put every version of every resource of the back end under it.

    A resource that another process changed meanwhile, or that does not open, stays as it was and is named.

    Raises NotFound, BadInput (it cannot rotate), KeyUnavailable, LogUnavailable.
    """
    keys = desk.backend(backend)
    if not isinstance(keys, Rotates):
        raise BadInput(f"key back end {backend}", "one that cannot rotate", "one that can")
    with desk.store.transaction() as db:
        held = [w for w in broker_admin.versions(db) if w.backend == backend]
    entry = desk.record("rotate", f"key back end {backend}", resources=len(held))
    name = keys.rotate()
    moved, stayed = 0, []
    for w in held:
        try:
            after = keys.rewrap(w)
        except (KeyUnavailable, Malformed) as e:
            stayed.append((f"{w.resource} version {w.version}", f"{e.subject}: {e.found}"))
            continue
        with desk.store.transaction() as db:
            done = after is w or broker_admin.rewrapped(db, w, after)
        moved += done
        if not done:
            stayed.append((f"{w.resource} version {w.version}", "changed by somebody else meanwhile"))
    return Rotated(backend, name, entry, moved, tuple(stayed))


# What people say


def revoke(desk: Desk, what: str, value: str, reason: str) -> int:
    """From now on what is named opens nothing; the entry. Raises BadInput, LogUnavailable (then it is not revoked)."""
    if what not in set(What):
        raise BadInput("what is revoked", repr(what[:40]), ", ".join(What))
    if not value.strip() or len(value) > 512 or not reason.strip():
        raise BadInput(f"revocation of {what}", "no value, or no reason", "both; a value of at most 512 characters")
    if what == What.VERSION:
        version_of(value)
    entry = desk.record("revoke", f"{what} {value}", reason=reason)
    desk.store.revoke(Revocation(What(what), value, reason, desk.now, desk.who))
    return entry


def approve(desk: Desk, resource: str, requester: str, key: str, until: datetime, reason: str) -> tuple[Approval, int]:
    """A person's word for one release, signed by the person's key; the entry of the log.

    Raises:
        BadInput: the end is over, or a field is none.
        NotFound, Unreadable, Malformed: the key file.
        Denied: the rule in force has no such approver, so that it would count for nothing.
    """
    held = keyfile.read(Path(key))
    approver = str(held.verifier)
    if until <= desk.now:
        raise BadInput("--until", f"{until:%Y-%m-%dT%H:%M:%SZ}", "a time that is still to come")
    asked = Terms("", Ask(resource, requester, "", desk.now), None, desk.policy, (), (), Usage(), desk.now)
    rule = rule_for(asked)
    if rule is None or approver not in rule.approvers:
        raise Denied(f"approval of {resource}", f"the key {held.verifier.name}", "an approver of its rule in force")
    approval = Approval(resource, requester, approver, reason, until)
    note = release_approval.sign(approval, Ed25519Signer(held))
    entry = desk.record("approve", resource, requester=requester, approver=approver, reason=reason, note=note.decode())
    desk.store.approve(approval, note)
    return approval, entry


@dataclass(frozen=True, slots=True)
class Broken:
    """What came of a break-glass: the decision, its entry, and the resource for the key where it was allowed."""

    decision: Decision
    entry: int
    sealed: bytes | None


def jwk_file(path: str) -> dict[str, object]:
    """The members of a public key in a file (JSON Web Key). Raises Unreadable, TooLarge, Malformed."""
    try:
        with Path(path).open("rb") as f:
            data = f.read(_MOST_JWK + 1)
    except OSError as e:
        raise Unreadable(path, (e.strerror or "an error").lower(), "a public key as JSON Web Key") from None
    try:
        held = msgspec.json.decode(data, type=dict[str, object])
    except msgspec.MsgspecError as e:
        raise Malformed(path, str(e)[:120], "a public key as JSON Web Key") from None
    if "d" in held or "priv" in held:
        raise Malformed(path, "a private key", "the public half alone")
    return held


def break_glass(desk: Desk, resource: str, jwk: dict[str, object], reason: str) -> Broken:
    """A person takes a resource without attestation, where its rule has that and enough people approved.

    Raises:
        BadInput: the name or the key is none.
        LogUnavailable, StateError: then nothing left.
        KeyUnavailable, NotFound: the back end; what was allowed is in the log all the same, and that nothing left.
    """
    resource_name(resource)
    to = recipient(jwk)
    terms = _glass_terms(desk, Ask(resource, to.thumbprint, "", desk.now, desk.who, reason))
    decision = decide(terms)
    taken = (f"break-glass:{terms.id}", resource, 0) if decision.outcome == ALLOW else None
    octets = msgspec.json.encode(terms, order="sorted")
    if not desk.store.settle(terms.id, octets, desk.now, taken):
        raise Denied(f"break-glass of {resource}", "a decision of this id already", "another")
    receipt = desk.log.decide(decision)
    wrapped = desk.store.resource(resource)
    if decision.outcome != ALLOW or wrapped is None:
        return Broken(decision, receipt.index, None)
    try:
        secret = desk.backend(wrapped.backend).unwrap(receipt, wrapped, desk.now)
    except (ReleaseError, BadInput, NotFound) as e:
        desk.log.decide(_not_delivered(decision, f"{e.subject}: {e.found}", desk.now))
        raise
    try:
        return Broken(decision, receipt.index, jwe.encrypt(to, secret.reveal(), fresh(to, secrets.token_bytes)))
    finally:
        secret.wipe()


def _not_delivered(decision: Decision, why: str, now: datetime) -> Decision:
    """The denial that comes after a release of which nothing left: the log must not say more than happened."""
    reasons = (f"release.backend: {why[:500]}", f"nothing left by the decision {decision.id}")
    return msgspec.structs.replace(decision, id=str(uuid.uuid4()), outcome=DENY, reasons=reasons, decided_at=now)


def _glass_terms(desk: Desk, asked: Ask) -> Terms:
    with desk.store.transaction() as db:
        hour = broker_admin.released_within_hour(db, asked.resource, desk.now)
    wrapped = desk.store.resource(asked.resource)
    return Terms(
        id=str(uuid.uuid4()),
        ask=asked,
        workload=None,
        policy=desk.policy,
        revocations=desk.store.revocations(),
        approvals=desk.store.approvals(asked.resource),
        usage=Usage(0, hour),
        now=desk.now,
        owners=wrapped.owners if wrapped else (),
        version=wrapped.version if wrapped else msgspec.UNSET,
        purpose=wrapped.purpose if wrapped else msgspec.UNSET,
    )
