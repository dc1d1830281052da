"""Evidence, its appraisal, and what is decided on it. Names follow RFC 9334 (RATS) and AR4SI."""

from datetime import datetime

import msgspec

from strongroom.model.values import Plain


class Part(msgspec.Struct, frozen=True):
    """One piece of evidence, by content: the bytes themselves are a file named by their digest."""

    name: str
    media_type: str
    digest: str


class Evidence(msgspec.Struct, frozen=True):
    """What an attester sent. `challenge` is the nonce that it had to answer, as lower-case hex."""

    kind: str
    parts: tuple[Part, ...]
    challenge: str
    received_at: datetime


class Endorsement(msgspec.Struct, frozen=True):
    """What a manufacturer says of its product: a certificate, a revocation list, collateral."""

    kind: str
    part: Part
    source: str
    valid_until: datetime


class ReferenceValues(msgspec.Struct, frozen=True):
    """What an owner expects to be measured, for one image, by one authority."""

    authority: str
    image_digest: str
    values: tuple[tuple[str, str], ...]
    version: int


class Step(msgspec.Struct, frozen=True):
    """One step of an appraisal: `verdict` is `pass`, `fail` or `not-checked`; `spec` cites the section."""

    id: str
    verdict: str
    found: str
    wanted: str
    spec: str
    reason: str = ""


class Appraisal(msgspec.Struct, frozen=True):
    """The verdict on evidence. An appraisal that is not `complete` opens nothing.

    `inputs` are the digests of evidence, endorsements, references, policy and code: with them it can be replayed.
    """

    kind: str
    subject: str
    tier: str  # AR4SI: affirming, warning, contraindicated, none
    complete: bool
    claims: tuple[tuple[str, Plain], ...]
    steps: tuple[Step, ...]
    parts: tuple[Part, ...]
    bound_key: str
    inputs: tuple[tuple[str, str], ...]
    appraised_at: datetime
    expires_at: datetime


class Decision(msgspec.Struct, frozen=True):
    """What was decided, by whom, on what."""

    id: str
    verb: str
    subject: str
    outcome: str  # allow or deny
    reasons: tuple[str, ...]
    inputs: tuple[tuple[str, str], ...]
    actor: str
    decided_at: datetime


class Receipt(msgspec.Struct, frozen=True):
    """The proof that a decision is in the log: the only key to a gate, which verifies it again.

    `proof` are the hashes from the entry's sibling up, in base64, that lead to the root of `checkpoint`, a signed note.
    `disclosures` open what the entry seals; a gate needs them to make the same entry of the decision.
    """

    decision: Decision
    index: int
    proof: tuple[str, ...]
    checkpoint: str
    disclosures: tuple[str, ...] = ()
