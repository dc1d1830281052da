"""Receipts: a gate opens for the decision that a trusted log holds, and for nothing else."""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest

from strongroom.kit.log_entry import encode
from strongroom.kit.receipt import entry_of, make_receipt, seal_decision, verify_receipt
from strongroom.kit.tlog.checkpoint import Checkpoint, sign_checkpoint
from strongroom.kit.tlog.cosignature import Cosigner
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.merkle import MemoryNodes, leaf_hash, prove_inclusion, tree_head
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.kit.tlog.policy import Policy, parse
from strongroom.model.errors import BadProof, BadSignature, Malformed
from strongroom.model.trust import Decision, Receipt

KEY = SignerKey("log.example/a", Kind.ED25519, bytes(range(32)))
WITNESS = SignerKey("w.example", Kind.COSIGNATURE_ED25519, bytes(32))
NOBODY = Policy((), (), (), None)
DECISION = Decision(
    id="d1",
    verb="release",
    subject="key/llama",
    outcome="allow",
    reasons=("all steps passed",),
    inputs=(("evidence", "sha256:" + "0" * 64),),
    actor="broker",
    decided_at=datetime(2026, 11, 22, tzinfo=UTC),
)


def logged(decision: Decision, sealed: tuple[str, ...] = (), *, witnessed: bool = False) -> Receipt:
    """A receipt from a log of seven entries."""
    entry = seal_decision(decision, sealed, lambda: bytes(32))
    leaves = [leaf_hash(b"%d" % i) for i in range(7)]
    leaves[4] = leaf_hash(entry.data)
    signers = [Ed25519Signer(KEY), *([Cosigner(WITNESS, 1_800_000_000)] if witnessed else [])]
    note = sign_checkpoint(Checkpoint(KEY.verifier.name, 7, tree_head(leaves)), signers)
    return make_receipt(decision, 4, prove_inclusion(4, 7, MemoryNodes(leaves)), note, entry.disclosures)


def verified(receipt: Receipt, policy: Policy = NOBODY) -> Decision:
    return verify_receipt(receipt, policy, [KEY.verifier])


@pytest.mark.parametrize("sealed", [(), ("subject",), ("actor", "reasons", "inputs")])
def test_a_logged_decision_is_given_back(sealed: tuple[str, ...]) -> None:
    """The gate gets the decision itself, in clear or sealed, and nothing from the receipt that is not proven."""
    assert verified(logged(DECISION, sealed)) == DECISION


def test_a_receipt_survives_json() -> None:
    """A receipt that was sent as JSON verifies as before."""
    receipt = logged(DECISION, ("subject",))
    assert verified(msgspec.json.decode(msgspec.json.encode(receipt), type=Receipt)) == DECISION


def changed(**values: object) -> Callable[[Receipt], Receipt]:
    return lambda r: msgspec.structs.replace(r, decision=msgspec.structs.replace(r.decision, **values))


@pytest.mark.parametrize(
    "change",
    [
        changed(id="d2"),
        changed(verb="decide"),
        changed(subject="key/other"),
        changed(outcome="deny"),
        changed(reasons=()),
        changed(inputs=()),
        changed(actor="eve"),
        changed(decided_at=datetime(2026, 11, 23, tzinfo=UTC)),
        lambda r: msgspec.structs.replace(r, index=5),
        lambda r: msgspec.structs.replace(r, index=-1),
        lambda r: msgspec.structs.replace(r, proof=r.proof[:-1]),
        lambda r: msgspec.structs.replace(r, proof=(*r.proof[:-1], "AAAA")),
        lambda r: msgspec.structs.replace(r, proof=("?",)),
        lambda r: msgspec.structs.replace(r, checkpoint=r.checkpoint.replace("\n7\n", "\n8\n")),
        lambda r: msgspec.structs.replace(r, checkpoint=""),
        lambda r: msgspec.structs.replace(r, checkpoint="\ud800"),
        lambda r: msgspec.structs.replace(r, disclosures=("AAAA",)),
        lambda r: msgspec.structs.replace(
            r, disclosures=seal_decision(DECISION, ["actor"], lambda: bytes(32)).disclosures
        ),
    ],
)
def test_whatever_is_changed_opens_nothing(change: Callable[[Receipt], Receipt]) -> None:
    """Every field of a decision, and every part of its receipt, is covered by the proof."""
    with pytest.raises((BadProof, BadSignature, Malformed)):
        verified(change(logged(DECISION)))


def test_a_disclosure_may_not_say_more_than_the_decision() -> None:
    """A sealed field opens to the decision's own value or to nothing."""
    receipt = logged(DECISION, ("subject",))
    other = msgspec.structs.replace(receipt.decision, subject="key/other")
    with pytest.raises(BadProof):
        verified(msgspec.structs.replace(receipt, decision=other))
    with pytest.raises(BadProof):
        verified(msgspec.structs.replace(receipt, disclosures=()))
    with pytest.raises(BadProof):
        verified(msgspec.structs.replace(receipt, disclosures=receipt.disclosures * 2))


def test_another_logs_receipt_opens_nothing() -> None:
    """A log that the gate does not know proves nothing to it."""
    other = SignerKey("log.example/a", Kind.ED25519, bytes(32))
    with pytest.raises(BadSignature):
        verify_receipt(logged(DECISION), NOBODY, [other.verifier])
    with pytest.raises(BadSignature):
        verify_receipt(logged(DECISION), NOBODY)


def test_a_quorum_that_is_wanted_must_have_cosigned() -> None:
    """A gate whose policy names witnesses opens only under their cosignatures."""
    policy = parse(f"log {KEY.verifier}\nwitness w {WITNESS.verifier}\nquorum w\n".encode())
    assert verified(logged(DECISION, witnessed=True), policy) == DECISION
    with pytest.raises(BadProof, match="quorum"):
        verified(logged(DECISION), policy)


def test_a_denial_is_logged_as_one() -> None:
    """The kind of the entry follows from verb and outcome, so a denial cannot pass for a release."""
    kinds = {
        ("release", "allow"): "release",
        ("release", "deny"): "denial",
        ("admit", "allow"): "decision",
        ("admit", "deny"): "denial",
        ("release", "perhaps"): "denial",
    }
    for (verb, outcome), kind in kinds.items():
        assert entry_of(msgspec.structs.replace(DECISION, verb=verb, outcome=outcome)).kind == kind


def test_every_field_of_a_decision_is_in_its_entry() -> None:
    """Two decisions that differ anywhere have different entries."""
    for name in Decision.__struct_fields__:
        value = getattr(DECISION, name)
        other = (*value, *value) if isinstance(value, tuple) else datetime(2027, 1, 1, tzinfo=UTC)
        other = f"{value}x" if isinstance(value, str) else other
        assert encode(entry_of(msgspec.structs.replace(DECISION, **{name: other}))) != encode(entry_of(DECISION)), name


def test_inputs_are_not_confused() -> None:
    """Two lists of inputs that read alike when they are joined have different entries."""

    def entry(*inputs: tuple[str, str]) -> bytes:
        return encode(entry_of(msgspec.structs.replace(DECISION, inputs=inputs)))

    assert entry(("a", "b=c")) != entry(("a=b", "c"))
    assert entry(("a", "b"), ("c", "d")) != entry(("a", "c"), ("b", "d"))
