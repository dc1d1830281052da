"""Receipts: the only key to a gate. A gate makes the entry of the decision itself and follows the proof to a signature.

A receipt is not believed: nothing in it but the decision is used, and the decision only once the log that the gate
trusts has signed a tree that holds exactly this entry.
"""

from collections.abc import Iterable, Sequence

import msgspec

from strongroom.kit.log_entry import Salts, commitment, encode, read_disclosure, seal
from strongroom.kit.tlog.keys import VerifierKey
from strongroom.kit.tlog.merkle import leaf_hash
from strongroom.kit.tlog.policy import Policy
from strongroom.kit.tlog.proof import LogProof, verify
from strongroom.kit.tlog.text import from_base64, to_base64
from strongroom.model.codes import EntryKind
from strongroom.model.errors import BadProof
from strongroom.model.log import LogEntry, SealedEntry
from strongroom.model.trust import Decision, Receipt

ALLOW = "allow"


def entry_of(decision: Decision) -> LogEntry:
    """The entry that records a decision, all of it in clear: every field of the decision is in it.

    Raises:
        Malformed: never here; `encode` refuses what an entry cannot hold.
    """
    kind = EntryKind.DECISION if decision.verb != "release" else EntryKind.RELEASE
    return LogEntry(
        kind=kind if decision.outcome == ALLOW else EntryKind.DENIAL,
        subject=decision.subject,
        actor=decision.actor,
        at=decision.decided_at,
        fields={
            "decision": decision.id,
            "verb": decision.verb,
            "outcome": decision.outcome,
            "reasons": decision.reasons,
            "inputs": tuple(name for name, _ in decision.inputs),
            "input-digests": tuple(digest for _, digest in decision.inputs),
        },
    )


def seal_decision(decision: Decision, names: Iterable[str], salts: Salts) -> SealedEntry:
    """The entry of a decision for the log, with commitments in place of what `names` says (`subject`, `reasons` …)."""
    return seal(entry_of(decision), names, salts)


def make_receipt(
    decision: Decision, index: int, proof: Sequence[bytes], checkpoint: bytes, disclosures: Sequence[str] = ()
) -> Receipt:
    """The receipt of a decision that the log has taken at `index`."""
    hashes = tuple(to_base64(h) for h in proof)
    return Receipt(decision, index, hashes, checkpoint.decode(), tuple(disclosures))


def _entry(receipt: Receipt) -> bytes:
    """The bytes of the entry, made of the decision: a disclosure may only say what the decision says."""
    entry = entry_of(receipt.decision)
    fields, sealed = dict(entry.fields), {}
    own = {"subject": entry.subject, "actor": entry.actor}
    for disclosure in receipt.disclosures:
        found = read_disclosure(disclosure)
        held = own if found.name in own else fields
        if found.name not in held or found.name in sealed or held[found.name] != found.value:
            raise BadProof(f"disclosure of {found.name[:80]!r}", "another value", "that of the decision")
        if found.name in own:
            own[found.name] = ""
        else:
            del fields[found.name]
        sealed[found.name] = commitment(disclosure)
    return encode(
        msgspec.structs.replace(entry, fields=fields, sealed=sealed, subject=own["subject"], actor=own["actor"])
    )


def verify_receipt(receipt: Receipt, policy: Policy, logs: Iterable[VerifierKey] = ()) -> Decision:
    """The decision of a receipt, once it is proven to be in a log that the policy trusts.

    The outcome is for the gate to read: a denial has a receipt too.

    Args:
        receipt: what the caller shows.
        policy: which logs and witnesses are trusted; its quorum must have cosigned the receipt's checkpoint.
        logs: keys of logs that are known from elsewhere, for a policy that names none.

    Raises:
        Malformed: a part of the receipt is not well formed.
        BadSignature: no trusted log has signed the checkpoint.
        BadProof: the entry is not in that tree, the witnesses are no quorum, or a disclosure says something else.
    """
    hashes = tuple(from_base64(h, "hash of a receipt") for h in receipt.proof)
    proof = LogProof(receipt.index, hashes, receipt.checkpoint.encode("utf-8", "replace"))
    verify(proof, leaf_hash(_entry(receipt)), policy, logs)
    return receipt.decision
