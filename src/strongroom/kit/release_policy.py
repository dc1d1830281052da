"""The file of a release policy: what it may hold, and whose signatures make which part of it count.

    schema = "strongroom.release-policy/1"
    name = "weights"
    version = 3

    [[owner]]
    name = "lab-a"
    keys = ["lab-a+…"]

    [[rule]]
    resource = "models/weights/*"
    uses = 1
    [rule.owners.lab-a]
    references = ["worker 1.4"]

    [[recipient]]
    name = "lab-a"
    key = { kty = "EC", crv = "P-256", x = "…", y = "…" }

Signed notes beside the file, made offline. The file counts once `threshold` of the broker's signers have signed it; an
owner counts once so many of his own keys have. Rules of an owner who has not signed stay closed. The version only rises.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from strongroom.kit import svid
from strongroom.kit.jwk import Recipient
from strongroom.kit.jwk import recipient as key_of
from strongroom.kit.tlog import note as notes
from strongroom.kit.tlog.keys import Kind, VerifierKey, parse_verifier_key
from strongroom.kit.tlog.note import Ed25519Signer, Ed25519Verifier
from strongroom.model.errors import BadSignature, Malformed
from strongroom.model.release import Issue, Owner, Receiver, ReleasePolicy, Rule

SCHEMA = "strongroom.release-policy/1"
MOST_RULES = 10_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_PATTERN = re.compile(r"[A-Za-z0-9*][A-Za-z0-9*._-]{0,127}(?:/[A-Za-z0-9*][A-Za-z0-9*._-]{0,127}){2}")
_THUMBPRINT = re.compile(r"[0-9a-f]{64}")
_SUBJECT = "release policy"
_HINT = "strongroom release policy check FILE"


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file as it is written."""

    schema: str
    name: str
    version: int
    owner: tuple[Owner, ...] = ()
    rule: tuple[Rule, ...] = ()
    recipient: tuple[Receiver, ...] = ()


def read(table: Mapping[str, object], subject: str) -> File:
    """The policy of a TOML table. Raises Malformed, naming the key."""
    try:
        found = msgspec.convert(table, File)
    except msgspec.ValidationError as e:
        raise Malformed(subject, str(e)[:200], "the keys of a release policy", _HINT) from None
    if found.schema != SCHEMA:
        raise Malformed(subject, f"schema {found.schema[:60]!r}", SCHEMA)
    if not _NAME.fullmatch(found.name) or not 0 < found.version < 1 << 53:
        raise Malformed(subject, f"name {found.name[:60]!r}, version {found.version}", "a name, and a version from 1")
    if len(found.rule) > MOST_RULES:
        raise Malformed(subject, f"{len(found.rule)} rules", f"at most {MOST_RULES}")
    _check_owners(found, subject)
    _check_receivers(found, subject)
    seen = set()
    for rule in found.rule:
        _check_rule(found, rule, subject)
        if rule.resource in seen:
            raise Malformed(subject, f"two rules for {rule.resource}", "one for each pattern")
        seen.add(rule.resource)
    return found


def _check_owners(found: File, subject: str) -> None:
    names, keys = set(), set()
    for o in found.owner:
        if not _NAME.fullmatch(o.name) or o.name in names:
            raise Malformed(subject, f"the owner {o.name[:60]!r}", "a name of letters, digits and . _ -, once")
        if not 1 <= o.threshold <= len(o.keys):
            raise Malformed(subject, f"threshold {o.threshold} of {len(o.keys)} keys of {o.name}", "1 to all of them")
        for text in o.keys:
            key = parse_verifier_key(text)
            if key.kind is not Kind.ED25519 or text in keys:
                raise Malformed(subject, f"the key {key.name} of {o.name}", "an Ed25519 key of one owner only")
            keys.add(text)
        names.add(o.name)


def _check_rule(found: File, rule: Rule, subject: str) -> None:
    where = f"the rule for {rule.resource[:80]!r}"
    if not _PATTERN.fullmatch(rule.resource):
        raise Malformed(subject, where, "REPOSITORY/TYPE/TAG, where * stands for anything within a segment")
    if not rule.owners:
        raise Malformed(subject, f"{where} without an owner", "[rule.owners.NAME] for each owner")
    for name in rule.owners:
        if name not in {o.name for o in found.owner}:
            raise Malformed(subject, f"{where} names the owner {name[:60]!r}", "an [[owner]] of the file")
    for name, d in rule.owners.items():
        if not (d.policies or d.references or d.measured):
            wanted = "policies, references or measured: otherwise anything genuine would do"
            raise Malformed(subject, f"{where}: {name} demands nothing of what runs", wanted)
        if not 0 < d.max_age_minutes <= 24 * 60:
            raise Malformed(subject, f"{where}: max_age_minutes {d.max_age_minutes:g}", "more than 0, at most a day")
    if rule.uses < 1 or rule.per_hour < 1 or not 0 < rule.lease_minutes <= 24 * 60:
        raise Malformed(subject, f"{where}: uses, per_hour or lease_minutes", "1 or more; a lease of at most a day")
    if not 0 <= rule.approvals <= len(rule.approvers):
        raise Malformed(subject, f"{where}: {rule.approvals} approvals of {len(rule.approvers)}", "at most all")
    if rule.break_glass and rule.approvals < 1:
        raise Malformed(
            subject, f"{where} with break_glass and no approval", "approvals = 1 or more: one person is not enough"
        )
    try:
        receivers(found.recipient, rule)
    except Malformed as e:
        raise Malformed(subject, f"{where}: {e.found}", e.wanted) from None
    if rule.issue is not None:
        _check_issue(rule, rule.issue, subject)


def _check_receivers(found: File, subject: str) -> None:
    names, keys = set(), set()
    for r in found.recipient:
        if not _NAME.fullmatch(r.name) or _THUMBPRINT.fullmatch(r.name) or r.name in names:
            wanted = "a name of letters, digits and . _ -, once, that is no thumbprint of another"
            raise Malformed(subject, f"the recipient {r.name[:60]!r}", wanted)
        try:
            key = key_of(r.key)
        except Malformed as e:
            raise Malformed(subject, f"the key of the recipient {r.name}: {e.found}", e.wanted) from None
        if key.thumbprint in keys:
            raise Malformed(subject, f"the key of the recipient {r.name}, a second time", "a key of one recipient only")
        names.add(r.name)
        keys.add(key.thumbprint)


def receivers(known: Iterable[Receiver], rule: Rule) -> tuple[tuple[str, Recipient], ...]:
    """Name and key of each who may get outputs by a rule, in its order. Raises Malformed for one that is not known."""
    held = [(r.name, key_of(r.key)) for r in known]
    by = {key.thumbprint: (name, key) for name, key in held} | {name: (name, key) for name, key in held}
    found = {}
    for named in rule.recipients:
        if named not in by:
            raise Malformed("recipients", f"{named[:64]!r}", "the name or the thumbprint of a [[recipient]]")
        found[by[named][1].thumbprint] = by[named]
    return tuple(found.values())


def _check_issue(rule: Rule, issue: Issue, subject: str) -> None:
    where = f"the rule for {rule.resource[:80]!r}"
    if "*" in rule.resource or rule.break_glass:
        wanted = "one resource, and no break_glass: the key of an authority never leaves"
        raise Malformed(subject, f"{where} issues certificates, and has * or break_glass", wanted)
    try:
        svid.check(issue)
    except Malformed as e:
        raise Malformed(subject, f"{where}: {e.subject}: {e.found}", e.wanted) from None


# Signing


def statement(data: bytes, found: File) -> str:
    """The text that a key signs: what it is, its name, its version, and the SHA-256 of the file."""
    digest = hashlib.sha256(data).hexdigest()
    return f"{SCHEMA}\nname {found.name}\nversion {found.version}\nsha256:{digest}\n"


def sign(data: bytes, found: File, signer: Ed25519Signer) -> bytes:
    """A signed note over the file, by one key."""
    return notes.sign(statement(data, found), [signer])


def in_force(
    data: bytes, found: File, signed: Iterable[bytes], signers: Sequence[VerifierKey], threshold: int
) -> ReleasePolicy:
    """The policy as far as it counts: for the broker, and for those owners whose own keys have signed it.

    Args:
        data: the bytes of the file.
        found: what was read of them.
        signed: the notes beside it; each may have several signatures.
        signers: the keys that the broker was given, out of band.
        threshold: how many of them must have signed.

    Raises:
        BadSignature: fewer have, or a note is over another file.
        Malformed: a note is none, or the threshold is not from 1 to all of the signers.
    """
    if not 1 <= threshold <= len(signers):
        raise Malformed(_SUBJECT, f"a threshold of {threshold} of {len(signers)} signers", "1 to all of them")
    owned = {text: parse_verifier_key(text) for o in found.owner for text in o.keys}
    verifiers = [Ed25519Verifier(k) for k in dict.fromkeys((*signers, *owned.values())) if k.kind is Kind.ED25519]
    held: set[VerifierKey] = set()
    for note in signed:
        opened = notes.open_note(note, verifiers)
        if opened.text != statement(data, found):
            raise BadSignature(_SUBJECT, "a signature over another version of the file", "one over the file")
        held |= {v.key for v in opened.verified}
    count = len(held & set(signers))
    if count < threshold:
        raise BadSignature(_SUBJECT, f"{count} signatures of {len(signers)} signers", f"{threshold}", _HINT)
    owners = tuple(o for o in found.owner if sum(owned[text] in held for text in o.keys) >= o.threshold)
    return ReleasePolicy(found.schema, found.name, found.version, owners, found.rule, found.recipient)
