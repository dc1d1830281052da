"""The gate: a receipt opens it for the one resource that it releases, for a minute, when a trusted log holds the decision."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from strongroom.kit.gate import AGE, LogGate
from strongroom.kit.receipt import make_receipt, seal_decision
from strongroom.kit.tlog.checkpoint import Checkpoint, sign_checkpoint
from strongroom.kit.tlog.cosignature import Cosigner
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.merkle import MemoryNodes, leaf_hash, prove_inclusion, tree_head
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.kit.tlog.policy import Policy, parse
from strongroom.model.errors import BadProof, BadSignature, Denied, Malformed, StrongroomError
from strongroom.model.trust import Decision, Receipt

KEY = SignerKey("log.example/gate", Kind.ED25519, bytes(range(32)))
OTHER = SignerKey("log.example/gate", Kind.ED25519, bytes(range(1, 33)))  # of the same name
WITNESS = SignerKey("w.example", Kind.COSIGNATURE_ED25519, bytes(32))
NOBODY = Policy((), (), (), None)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
RESOURCE = "models/key/llama"
RELEASE = Decision("d1", "release", RESOURCE, "allow", ("fine",), (("terms", "sha256:" + "0" * 64),), "broker", NOW)


def decided(**values: object) -> Decision:
    return msgspec.structs.replace(RELEASE, **values)


def logged(
    decision: Decision, key: SignerKey = KEY, sealed: tuple[str, ...] = (), *, witnessed: bool = False
) -> Receipt:
    """A receipt from a log of five entries."""
    entry = seal_decision(decision, sealed, lambda: bytes(32))
    leaves = [leaf_hash(b"%d" % i) for i in range(5)]
    leaves[3] = leaf_hash(entry.data)
    signers = [Ed25519Signer(key), *([Cosigner(WITNESS, int(NOW.timestamp()))] if witnessed else [])]
    note = sign_checkpoint(Checkpoint(key.verifier.name, 5, tree_head(leaves)), signers)
    return make_receipt(decision, 3, prove_inclusion(3, 5, MemoryNodes(leaves)), note, entry.disclosures)


def gate(policy: Policy = NOBODY, age: timedelta = AGE) -> LogGate:
    return LogGate(policy, [KEY.verifier], age)


@pytest.mark.parametrize("sealed", [(), ("subject", "actor", "reasons")])
def test_a_release_opens_its_resource(sealed: tuple[str, ...]) -> None:
    """The decision comes back whole, whether the log shows it or only commits to it."""
    assert gate().opened(logged(RELEASE, sealed=sealed), RESOURCE, NOW) == RELEASE


@pytest.mark.parametrize("seconds", [-5, 0, 30, 60])
def test_a_receipt_opens_for_a_minute(seconds: int) -> None:
    """From five seconds before the decision, by clocks that differ, to sixty after it."""
    assert gate().opened(logged(RELEASE), RESOURCE, NOW + timedelta(seconds=seconds)) == RELEASE


@pytest.mark.parametrize("seconds", [-6, 61, 3600, 10**9])
def test_a_receipt_that_was_kept_opens_nothing(seconds: int) -> None:
    """Sooner, and from the next second on, the same receipt is denied with the time of its decision."""
    with pytest.raises(Denied, match="2026-11-22T12:00:00Z"):
        gate().opened(logged(RELEASE), RESOURCE, NOW + timedelta(seconds=seconds))


def test_the_age_is_the_gates_own() -> None:
    """A gate that was made for less time refuses earlier."""
    short = gate(age=timedelta(seconds=2))
    assert short.opened(logged(RELEASE), RESOURCE, NOW + timedelta(seconds=2)) == RELEASE
    with pytest.raises(Denied):
        short.opened(logged(RELEASE), RESOURCE, NOW + timedelta(seconds=3))


@pytest.mark.parametrize(
    "decision",
    [
        decided(outcome="deny"),
        decided(outcome="ALLOW"),
        decided(outcome=""),
        decided(verb="enrol"),
        decided(verb="Release"),
        decided(subject="models/key/other"),
        decided(subject=f"{RESOURCE}/"),
        decided(subject=f"{RESOURCE}2"),
        decided(subject="models/key/*"),
    ],
)
def test_what_was_logged_as_something_else_is_denied(decision: Decision) -> None:
    """A denial, another verb and another resource are in the log too, proven, and open nothing."""
    with pytest.raises(Denied):
        gate().opened(logged(decision), RESOURCE, NOW)


EDITS: dict[str, tuple[Callable[[Receipt], Receipt], type[StrongroomError]]] = {
    "an outcome": (lambda _: written(logged(decided(outcome="deny")), outcome="allow"), BadProof),
    "a resource": (lambda _: written(logged(decided(subject="models/key/other")), subject=RESOURCE), BadProof),
    "a time": (lambda _: written(logged(decided(decided_at=NOW - timedelta(days=1))), decided_at=NOW), BadProof),
    "an id": (lambda r: written(r, id="d2"), BadProof),
    "an actor": (lambda r: written(r, actor="eve"), BadProof),
    "an input": (lambda r: written(r, inputs=()), BadProof),
    "an index": (lambda r: msgspec.structs.replace(r, index=2), BadProof),
    "a proof": (lambda r: msgspec.structs.replace(r, proof=r.proof[::-1]), BadProof),
    "a checkpoint": (
        lambda r: msgspec.structs.replace(r, checkpoint=r.checkpoint.replace("\n5\n", "\n6\n")),
        BadSignature,
    ),
    "no checkpoint": (lambda r: msgspec.structs.replace(r, checkpoint=""), Malformed),
}


def written(receipt: Receipt, **values: object) -> Receipt:
    return msgspec.structs.replace(receipt, decision=msgspec.structs.replace(receipt.decision, **values))


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_receipt_is_not_believed(name: str) -> None:
    """Whatever is written into a receipt, its decision is the logged one or none."""
    edit, error = EDITS[name]
    with pytest.raises(error):
        gate().opened(edit(logged(RELEASE)), RESOURCE, NOW)


def test_another_log_of_the_same_name_is_nobody() -> None:
    """A log is its key: one that has the name of a trusted log opens nothing."""
    with pytest.raises(BadSignature):
        gate().opened(logged(RELEASE, OTHER), RESOURCE, NOW)


def test_a_gate_that_knows_no_log_is_closed() -> None:
    """Without a policy and without keys nothing opens: the zero value is closed."""
    with pytest.raises(BadSignature):
        LogGate(NOBODY).opened(logged(RELEASE), RESOURCE, NOW)


def test_a_quorum_is_asked_for_where_the_policy_has_one() -> None:
    """With a policy of witnesses, a checkpoint that nobody cosigned proves nothing; a cosigned one does."""
    text = f"log {KEY.verifier}\nwitness w {WITNESS.verifier}\nquorum w\n"
    witnessed = LogGate(parse(text.encode()))
    assert witnessed.opened(logged(RELEASE, witnessed=True), RESOURCE, NOW) == RELEASE
    with pytest.raises(BadProof):
        witnessed.opened(logged(RELEASE), RESOURCE, NOW)
