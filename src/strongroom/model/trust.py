"""What is decided, and the proof that it was: a gate opens for nothing else."""

from datetime import datetime

import msgspec


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
