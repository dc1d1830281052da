"""What is released, to whom, on whose terms: the nouns of the broker, of its judge, and of the key back ends."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Protocol, runtime_checkable

import msgspec

from strongroom.model.attest import EvidenceKind, Tier
from strongroom.model.errors import Malformed
from strongroom.model.trust import Decision, Receipt

VERB = "release"
ALLOW, DENY = "allow", "deny"
# Why a resource is named where it is not to leave itself: for a certificate by the key that it is, to learn who may get
# outputs, and to hand out one of them.
CERTIFICATE, RECIPIENTS, OUTPUT = "certificate", "recipients", "output"
# `repository/type/tag` of the Key Broker Service protocol.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,127}){2}")

VERSION = re.compile(r"[1-9][0-9]{0,8}")


def resource_name(text: str) -> str:
    """The name of a resource, `repository/type/tag`. Raises Malformed."""
    if not NAME.fullmatch(text):
        raise Malformed(
            "resource", repr(text[:80]), "REPOSITORY/TYPE/TAG of letters, digits, dots, dashes, underscores"
        )
    return text


def version_name(resource: str, version: int) -> str:
    """One version of a resource, as revocations name it."""
    return f"{resource}@{version}"


def version_of(text: str) -> tuple[str, int]:
    """The resource and the number of `NAME@NUMBER`. Raises Malformed."""
    name, _, number = text.partition("@")
    if not VERSION.fullmatch(number):
        raise Malformed("version of a resource", repr(text[:80]), "REPOSITORY/TYPE/TAG@NUMBER")
    return resource_name(name), int(number)


class Demand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one owner demands of the workload that asks. Each list is of alternatives; what is empty is not demanded.

    `policies` are digests of appraisal policies (`sha256:…`) by which the appraisal must have been made, and may be
    empty only where `references` or `measured` say what may run. `measured` gives registers and accepted values, in
    hex; `require` is CEL over `claims`.
    """

    kinds: tuple[EvidenceKind, ...] = ()
    policies: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    measured: dict[str, tuple[str, ...]] = {}
    require: tuple[str, ...] = ()
    max_age_minutes: float = 5.0


class Issue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The certificate that a rule gives in place of the key that it is about. All of its names are here: none is the caller's.

    `spiffe` is the one name of the workload (SPIFFE-ID, section 2), `dns` are further names, `usages` what it is for:
    `client`, `server`. It lasts so many `minutes`, and never longer than the appraisal.
    """

    spiffe: str
    dns: tuple[str, ...] = ()
    minutes: float = 60.0
    usages: tuple[str, ...] = ("client", "server")


class Receiver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who may get outputs of a workload: a name, and the public key to encrypt them to (JSON Web Key)."""

    name: str
    key: dict[str, str]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """On what terms resources leave. `resource` is a name, or one with `*` for whole segments.

    `owners` has a demand of every owner: each must hold for the same appraised workload. `uses` is how often one
    attestation may have it, `lease_minutes` for how long; `per_hour` bounds all releases of the resource together.
    `approvals` are how many of `approvers` (verifier keys) must have approved. `recipients` are who alone may get an
    output of the workload: names of the policy's recipients, or thumbprints of their keys (RFC 7638, SHA-256, hex); where
    there are none, no output may leave. With `issue`, the resource is the key of an authority: it never leaves itself.
    """

    resource: str
    owners: dict[str, Demand]
    uses: int = 1
    lease_minutes: float = 10.0
    per_hour: int = 600
    approvals: int = 0
    approvers: tuple[str, ...] = ()
    break_glass: bool = False
    recipients: tuple[str, ...] = ()
    issue: Issue | None = None


class Owner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody whose resources these are: the policy counts when `threshold` of his keys have signed it."""

    name: str
    keys: tuple[str, ...]
    threshold: int = 1


class ReleasePolicy(msgspec.Struct, frozen=True, dict=True):
    """The rules in force. `owners` signed it, offline; nothing is released that no rule names.

    `recipients` are those whom rules may name as who gets outputs.
    """

    schema: str
    name: str
    version: int
    owners: tuple[Owner, ...] = ()
    rules: tuple[Rule, ...] = ()
    recipients: tuple[Receiver, ...] = ()

    @cached_property
    def digest(self) -> str:
        """`sha256:` and the hash of the policy as sorted JSON."""
        return f"sha256:{hashlib.sha256(msgspec.json.encode(self, order='sorted')).hexdigest()}"


class What(StrEnum):
    """What a revocation is of."""

    MEASUREMENT = "measurement"  # the value of any register, hex
    CHIP = "chip"  # the subject of an appraisal, or a device's number
    KEY = "key"  # a requester's public key, by its thumbprint
    IMAGE = "image"  # the digest of an image
    POLICY = "policy"  # the digest of an appraisal policy, or of a release policy
    REFERENCE = "reference"  # the name of a reference value, with its version
    RESOURCE = "resource"  # a resource: nothing is released any more
    VERSION = "version"  # one version of a resource, NAME@NUMBER: released is only a newer one


class Revocation(msgspec.Struct, frozen=True):
    """From `since` on, what is named opens nothing."""

    what: What
    value: str
    reason: str
    since: datetime
    by: str


class Approval(msgspec.Struct, frozen=True):
    """A person's word for one release: signed, with an end. `requester` is the thumbprint of the key that may have it."""

    resource: str
    requester: str
    approver: str
    reason: str
    until: datetime


class Usage(msgspec.Struct, frozen=True):
    """What was released before: to this attestation, and of this resource within the last hour."""

    attestation: int = 0
    hour: int = 0


class Ask(msgspec.Struct, frozen=True):
    """A request for a resource. `requester` is the thumbprint of the key that the answer is encrypted to.

    `attestation` names the appraisal that it stands on; `break_glass` is the reason of a person who takes it without.
    `purpose` is what is asked for in place of the resource, and `request` the digest of what it is asked with.
    """

    resource: str
    requester: str
    attestation: str
    at: datetime
    operator: str = ""
    break_glass: str = ""
    purpose: str = ""
    request: str = ""


class Workload(msgspec.Struct, frozen=True):
    """What the judge is told of the appraisal: never the evidence, which has been judged.

    `record` is the digest of the record from which it can be made again. `references` are the names of those that its
    measurements equal; `subjects` its own and its devices'.
    """

    record: str
    kind: EvidenceKind
    tier: Tier
    complete: bool
    policy: str
    subjects: tuple[str, ...]
    measured: Mapping[str, str]
    references: tuple[str, ...]
    images: tuple[str, ...]
    key: str
    claims: Mapping[str, object]
    appraised_at: datetime
    expires_at: datetime


class Terms(msgspec.Struct, frozen=True, dict=True):
    """All that a decision depends on, so that it can be made again, byte for byte. `id` and `now` are part of it."""

    id: str
    ask: Ask
    workload: Workload | None
    policy: ReleasePolicy | None
    revocations: tuple[Revocation, ...]
    approvals: tuple[Approval, ...]
    usage: Usage
    now: datetime
    owners: tuple[str, ...] = ()  # the verifier keys that were bound into the resource when it was deposited
    # Of the resource; decisions of before they were asked have none.
    version: int | msgspec.UnsetType = msgspec.UNSET
    purpose: str | msgspec.UnsetType = msgspec.UNSET
    answers: Mapping[str, bool | str] = {}  # of the CEL expressions, by text: evaluated behind a fence, and recorded

    @cached_property
    def digest(self) -> str:
        """`sha256:` and the hash of all of it as sorted JSON."""
        return f"sha256:{hashlib.sha256(msgspec.json.encode(self, order='sorted')).hexdigest()}"


class AdminRole(StrEnum):
    """What a person who administers a broker may do. Nobody may do anything for having another role."""

    KEY_ADMIN = "key-admin"  # deposits resources
    POLICY_ADMIN = "policy-admin"  # brings policies that their owners have signed
    OPERATOR = "operator"  # sees how the broker is; revokes; hands in what approvers have signed
    AUDITOR = "auditor"  # reads decisions


# Keys


class Secret:
    """Octets that leave nothing behind in a report, a log or a traceback. `wipe` when done; a copy cannot be found."""

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes | bytearray) -> None:
        self._octets = bytearray(octets)

    def reveal(self) -> bytes:
        """The octets, for the one who wraps or uses them."""
        return bytes(self._octets)

    def wipe(self) -> None:
        """Overwrite them."""
        self._octets[:] = bytes(len(self._octets))

    def __len__(self) -> int:
        """How many octets."""
        return len(self._octets)

    def __repr__(self) -> str:
        """Nothing of what is inside."""
        return "Secret(…)"


class Wrapped(msgspec.Struct, frozen=True):
    """A resource as it is kept: the octets that only its back end opens. `key` is the back end's own name of the key.

    The name, the version, the owners and the purpose are bound into `blob` as associated data, so that one resource is never
    another's. `owners` are verifier keys, one of each owner, that were named when it was deposited: whatever policy comes
    later must have an owner with each of them, so that nobody writes an owner out. `purpose` is `certificate` for the key of
    an authority: no policy lets it leave itself, whatever rule comes to name it.
    """

    resource: str
    version: int
    backend: str
    key: str
    blob: bytes
    owners: tuple[str, ...] = ()
    purpose: str = ""

    def context(self) -> bytes:
        """The associated data: what the blob is of."""
        return bound_to(self.resource, self.version, self.owners, self.purpose)


def bound_to(resource: str, version: int, owners: tuple[str, ...], purpose: str = "") -> bytes:
    """The associated data of a resource: one text for its name, version, owners, and purpose where it has one."""
    if purpose:
        return msgspec.json.encode(["strongroom.resource/2", resource, version, sorted(owners), purpose])
    return msgspec.json.encode(["strongroom.resource/1", resource, version, sorted(owners)])


class Gate(Protocol):
    """Who verifies a receipt again for a back end."""

    def opened(self, receipt: Receipt, resource: str, now: datetime) -> Decision:
        """The decision of a receipt that releases exactly this resource, now. Raises Denied, BadProof, BadSignature."""


class Keys(Protocol):
    """An open back end: it wraps for whoever keeps resources, and unwraps only against a receipt."""

    def wrap(self, secret: Secret, resource: str, version: int, owners: tuple[str, ...], purpose: str = "") -> Wrapped:
        """Wrap a secret, with `bound_to` as its associated data. Raises KeyUnavailable, BadInput."""

    def unwrap(self, receipt: Receipt, wrapped: Wrapped, now: datetime) -> Secret:
        """Open a resource for a release that is proven to be in the log.

        Raises:
            Denied, BadProof, BadSignature: the receipt does not release it.
            KeyUnavailable: the back end is down, slow, or has lost the key.
            Malformed: what is kept was changed.
        """

    def check(self) -> str:
        """What it is, in words, once it has answered. Raises KeyUnavailable."""

    def close(self) -> None:
        """Let go of sessions and of keys in memory."""


@runtime_checkable
class Rotates(Keys, Protocol):
    """A back end whose key-encryption key can be followed by a new one; what the old one wrapped still opens."""

    def rotate(self) -> str:
        """Make a new key-encryption key, and wrap with it from now on: its name. Raises KeyUnavailable."""

    def rewrap(self, wrapped: Wrapped) -> Wrapped:
        """The same resource under the newest key, or the same object where it is already. The secret is not opened.

        Raises:
            KeyUnavailable, Malformed: as `unwrap`.
        """


@dataclass(frozen=True, slots=True)
class KeySettings:
    """What a back end is told: its section of the configuration, and how long it may take, in seconds."""

    options: Mapping[str, str]
    seconds: float = 5.0


class Opener(Protocol):
    """How a back end is opened."""

    def __call__(self, settings: KeySettings, gate: Gate) -> Keys:
        """Open it. Raises KeyUnavailable, NotFound (the extra is missing), BadInput."""


class Preparer(Protocol):
    """How what a back end needs is made, once."""

    def __call__(self, settings: KeySettings) -> str:
        """Make its first key where there is none; what is there now, in words. Raises KeyUnavailable, NotFound, BadInput."""


@dataclass(frozen=True, slots=True)
class KeyBackend:
    """A part of `keys/`: its name, what it is, the options that it takes with their meaning, and how it is opened.

    `prepare` makes its first key, for a back end that can.
    """

    name: str
    title: str
    options: Mapping[str, str]
    open: Opener
    extra: str = ""
    prepare: Preparer | None = None
