"""Administration: every act is in the log before it counts, and a decision is made again from what was kept."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import broker_rig as rig
import composite_minting as c
import msgspec
import pytest

from strongroom.app import release_admin as admin
from strongroom.app.broker_release import resource
from strongroom.app.broker_words import Refused
from strongroom.app.log_entries import entries
from strongroom.app.release_admin import Desk
from strongroom.app.release_replay import Replayed, replay
from strongroom.app.release_trial import Known, cases, difference, of_workloads, tried
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.ledger import keyfile
from strongroom.model.errors import BadInput, Denied, LogUnavailable, NotFound
from strongroom.model.release import Secret, What
from strongroom.store import broker_admin

ANN = SignerKey("ann", Kind.ED25519, bytes(range(32)))
BOB = SignerKey("bob", Kind.ED25519, bytes(range(1, 33)))
OTHER = "models/weights/llm-2"
JWK = {k: v for k, v in json.loads(c.runtime(b"n", c.KEY))["tee-pubkey"].items() if isinstance(v, str)}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[rig.Rig]:
    """A broker with one deposited resource."""
    made = rig.Rig(tmp_path)
    yield made
    made.store.close()
    made.log.close()


def desk(r: rig.Rig) -> Desk:
    """Where dana administers it."""
    return Desk(r.store, {"memory": r.keys}, r.log, r.policy, "dana@host", r.now)


def logged(r: rig.Rig, action: str) -> list[str]:
    """The subjects of the acts of one sort in the log."""
    r.log.publish()
    found = (g.entry for g in entries(r.place, ["policy-change"]))
    return [e.subject for e in found if e is not None and e.fields["action"] == action]


def ruled(r: rig.Rig, **fields: object) -> None:
    """Put another rule into force."""
    assert r.policy is not None
    r.policy = msgspec.structs.replace(r.policy, rules=(r.rule(**fields),))


def released(r: rig.Rig) -> str:
    """The id of a decision: a handshake and a release, or what the broker refuses."""
    _, token = rig.attested(r)
    with contextlib.suppress(Refused):
        resource(r.broker, rig.WEIGHTS, token=token)
    r.log.publish()
    ids = [g.entry.fields["decision"] for g in entries(r.place, ["release", "denial"]) if g.entry is not None]
    return str(ids[-1])


def again(r: rig.Rig, ident: str) -> Replayed:
    """The decision made again."""
    return replay(r.store, r.place, ident, r.judge)


class Down:
    """A log that takes nothing."""

    def record(self, *_: object) -> None:
        """Refuse."""
        raise LogUnavailable("log", "no room", "room")


def test_a_secret_is_deposited_for_the_owners_of_its_rule(house: rig.Rig) -> None:
    """What is put is logged without the secret, bound to its owners, and a second one is a new version."""
    done = admin.put(desk(house), OTHER, Secret(b"a secret that is told nobody"), "memory", ())
    assert (done.wrapped.version, done.wrapped.owners, done.ruled) == (1, (rig.OWNER,), True)
    assert admin.put(desk(house), OTHER, Secret(b"another"), "memory", ()).wrapped.version == 2
    assert logged(house, "put") == [OTHER, OTHER]
    assert all(b"told nobody" not in g.data for g in entries(house.place))


def test_a_secret_without_owner_is_not_taken(house: rig.Rig) -> None:
    """Who is asked for a release is fixed when it is deposited."""
    with pytest.raises(BadInput, match="no owner"):
        admin.put(desk(house), "other/x/y", Secret(b"s"), "memory", ())
    assert admin.put(desk(house), "other/x/y", Secret(b"s"), "memory", (rig.OWNER,)).ruled is False


@pytest.mark.parametrize("size", [0, 15, 4097])
def test_a_secret_that_is_made_has_a_size(size: int) -> None:
    """A key of no octets, or of thousands, is a mistake."""
    with pytest.raises(BadInput):
        admin.generated(size)


def test_a_list_says_what_stands_in_the_way(house: rig.Rig) -> None:
    """A resource without rule and one that was revoked are told apart from one that is released."""
    admin.put(desk(house), "other/x/y", Secret(b"s"), "memory", (rig.OWNER,))
    admin.revoke(desk(house), "resource", rig.WEIGHTS, "it leaked")
    first, second = admin.listed(house.store, house.policy)
    assert (first.name, first.rule, first.revoked) == (rig.WEIGHTS, "models/weights/*", "it leaked")
    assert (second.name, second.rule, second.revoked) == ("other/x/y", "", "")


def test_what_was_revoked_denies_and_is_in_the_log(house: rig.Rig) -> None:
    """A revocation counts for an attestation of before, at once."""
    _, token = rig.attested(house)
    admin.revoke(desk(house), "resource", rig.WEIGHTS, "it leaked")
    with pytest.raises(Refused, match="it leaked"):
        resource(house.broker, rig.WEIGHTS, token=token)
    assert logged(house, "revoke") == [f"resource {rig.WEIGHTS}"]


@pytest.mark.parametrize(("what", "value", "reason"), [("planet", "x", "y"), ("chip", " ", "y"), ("chip", "x", " ")])
def test_a_revocation_says_what_and_why(house: rig.Rig, what: str, value: str, reason: str) -> None:
    """Without either there is none, and nothing in the log."""
    with pytest.raises(BadInput):
        admin.revoke(desk(house), what, value, reason)
    assert house.store.revocations() == ()


def test_nothing_is_done_that_cannot_be_logged(house: rig.Rig, tmp_path: Path) -> None:
    """With the log down there is no new resource, no revocation, no approval and no break-glass."""
    ruled(house, approvals=1, approvers=(str(ANN.verifier),), break_glass=True)
    keyfile.write(tmp_path / "ann.key", ANN)
    down = replace(desk(house), log=Down())  # type: ignore[arg-type] # as far as it is used
    until = house.now + timedelta(hours=1)
    for act in (
        lambda: admin.put(down, OTHER, Secret(b"s"), "memory", ()),
        lambda: admin.revoke(down, What.CHIP, "x", "y"),
        lambda: admin.approve(down, rig.WEIGHTS, "ab" * 32, str(tmp_path / "ann.key"), until, "y"),
    ):
        with pytest.raises(LogUnavailable):
            act()
    assert house.store.resource(OTHER) is None
    assert house.store.revocations() == ()
    assert house.store.approvals(rig.WEIGHTS) == ()


def test_an_approval_is_the_word_of_its_key(house: rig.Rig, tmp_path: Path) -> None:
    """An approver of the rule approves; somebody else, and an end that is over, are refused."""
    ruled(house, approvals=1, approvers=(str(ANN.verifier),))
    for key, name in ((ANN, "ann.key"), (BOB, "bob.key")):
        keyfile.write(tmp_path / name, key)
    until = house.now + timedelta(hours=1)
    approval, _ = admin.approve(desk(house), rig.WEIGHTS, "ab" * 32, str(tmp_path / "ann.key"), until, "the run")
    assert house.store.approvals(rig.WEIGHTS) == (approval,)
    with pytest.raises(Denied):
        admin.approve(desk(house), rig.WEIGHTS, "ab" * 32, str(tmp_path / "bob.key"), until, "the run")
    with pytest.raises(BadInput, match="--until"):
        admin.approve(desk(house), rig.WEIGHTS, "ab" * 32, str(tmp_path / "ann.key"), house.now, "the run")


@pytest.mark.parametrize("column", ["requester", "until", "reason", "approver", "resource"])
def test_an_approval_that_was_changed_in_the_database_counts_for_nothing(
    house: rig.Rig, tmp_path: Path, column: str
) -> None:
    """Who can write into the database cannot approve, nor point an approval at another key, resource or time."""
    ruled(house, approvals=1, approvers=(str(ANN.verifier), str(BOB.verifier)))
    keyfile.write(tmp_path / "ann.key", ANN)
    until = house.now + timedelta(hours=1)
    admin.approve(desk(house), rig.WEIGHTS, "ab" * 32, str(tmp_path / "ann.key"), until, "the run")
    forged = {
        "requester": "cd" * 32,
        "until": "2199-01-01T00:00:00.000000Z",
        "reason": "another",
        "approver": str(BOB.verifier),
        "resource": OTHER,
    }[column]
    with sqlite3.connect(tmp_path / "broker.db") as db:
        db.execute(f"UPDATE broker_approval SET {column} = ?", (forged,))
    assert house.store.approvals(rig.WEIGHTS) == house.store.approvals(OTHER) == ()


def test_glass_is_broken_with_approvals_and_loudly(house: rig.Rig, tmp_path: Path) -> None:
    """Without an approval it is denied, with one it is released to the key that was approved; both are in the log."""
    ruled(house, approvals=1, approvers=(str(ANN.verifier),), break_glass=True)
    keyfile.write(tmp_path / "ann.key", ANN)
    why = "the verifier is down and customers wait"
    denied = admin.break_glass(desk(house), rig.WEIGHTS, dict(JWK), why)
    assert denied.sealed is None
    assert any(r.startswith("release.approvals") for r in denied.decision.reasons)
    until = house.now + timedelta(hours=1)
    thumbprint = json.loads(house.store.decision(denied.decision.id))["ask"]["requester"]
    admin.approve(desk(house), rig.WEIGHTS, thumbprint, str(tmp_path / "ann.key"), until, "the site is down")
    done = admin.break_glass(desk(house), rig.WEIGHTS, dict(JWK), why)
    assert done.sealed is not None
    assert rig.opened(done.sealed) == rig.SECRET
    assert done.decision.actor == "operator:dana@host"
    house.log.publish()
    assert again(house, done.decision.id).differs == ()
    assert again(house, denied.decision.id).differs == ()


def test_a_private_key_is_not_taken_for_a_public_one(tmp_path: Path) -> None:
    """Who hands over a private key has made a mistake that should end here."""
    (tmp_path / "key.json").write_text(json.dumps(JWK | {"d": "AAAA"}))
    with pytest.raises(BadInput, match="a private key"):
        admin.jwk_file(str(tmp_path / "key.json"))


def test_a_back_end_that_cannot_rotate_says_so(house: rig.Rig) -> None:
    """Nothing is logged for what cannot be done."""
    with pytest.raises(BadInput, match="cannot rotate"):
        admin.rotate(desk(house), "memory")
    assert logged(house, "rotate") == []


# Replay


def test_a_release_and_a_denial_come_out_the_same(house: rig.Rig) -> None:
    """From log and files: the decision byte for byte, the appraisal from its evidence, the workload of the terms."""
    for ident in (released(house), (admin.revoke(desk(house), "resource", rig.WEIGHTS, "gone"), released(house))[1]):
        done = again(house, ident)
        assert done.differs == ()
        assert len(done.checked) == 3


def test_terms_that_were_changed_do_not_come_out_the_same(house: rig.Rig) -> None:
    """Who edits what is kept is found by the entry, which names the digest."""
    ident = released(house)
    with sqlite3.connect(house.folder / "broker.db") as db:
        held = db.execute("SELECT terms FROM broker_decision WHERE id = ?", (ident,)).fetchone()[0]
        db.execute("UPDATE broker_decision SET terms = ?", (bytes(held).replace(b'"uses":1', b'"uses":2'),))
    assert any("not those that the entry names" in d for d in again(house, ident).differs)


def test_a_record_that_is_gone_is_named(house: rig.Rig) -> None:
    """What cannot be made again is a difference, and no pass."""
    ident = released(house)
    with house.store.transaction() as db:
        db.exec_driver_sql("DELETE FROM broker_record")
    assert any(d.startswith("the appraisal:") for d in again(house, ident).differs)


def test_a_verdict_by_other_roots_is_a_difference(house: rig.Rig) -> None:
    """The same evidence under the vendors' roots is another verdict, and is told."""
    ident = released(house)
    done = replay(house.store, house.place, ident)
    assert any("comes out otherwise" in d for d in done.differs)


def test_an_id_that_the_log_does_not_have_is_not_found(house: rig.Rig) -> None:
    """A decision that only the database has was never made."""
    with pytest.raises(NotFound):
        again(house, "0190d3c1-1111-7000-8000-000000000000")


# Trials


def test_a_policy_is_tried_on_what_the_broker_has_appraised(house: rig.Rig) -> None:
    """Who would have it, and who loses it by a stricter rule."""
    released(house)
    assert house.policy is not None
    with house.store.transaction() as db:
        from_state = list(of_workloads(broker_admin.workloads(db)))
    (allowed,) = tried(house.policy, from_state, [rig.WEIGHTS], Known())
    assert allowed.allowed
    assert allowed.case.bound
    stricter = msgspec.structs.replace(house.policy, version=2, rules=(house.rule(owners=_other(house)),))
    found = difference(house.policy, stricter, from_state, [rig.WEIGHTS], Known())
    assert [t.conditions for t in found.loses] == [("release.demands",)]
    assert found.gains == ()
    assert found.rules == ("the rule for models/weights/* differs in owners",)
    back = difference(stricter, house.policy, from_state, [rig.WEIGHTS], Known())
    assert len(back.gains) == 1


def _other(house: rig.Rig) -> dict[str, object]:
    demand = house.rule().owners["lab"]
    return {"lab": msgspec.structs.replace(demand, references=("worker 1.5",))}


def test_a_trial_says_what_it_supposes(house: rig.Rig) -> None:
    """Approvals that a rule needs are supposed and counted, revocations are as they stand."""
    released(house)
    ruled(house, approvals=1, approvers=(str(ANN.verifier),))
    assert house.policy is not None
    with house.store.transaction() as db:
        held = list(of_workloads(broker_admin.workloads(db)))
    (found,) = tried(house.policy, held, [rig.WEIGHTS], Known())
    assert (found.allowed, found.approvals) == (True, 1)
    admin.revoke(desk(house), "reference", "worker 1.4", "a hole in it")
    (after,) = tried(house.policy, held, [rig.WEIGHTS], Known(house.store.revocations()))
    assert after.conditions == ("release.revoked",)


def test_a_folder_without_records_is_no_pass(tmp_path: Path) -> None:
    """A trial on nothing would show no loss whatever the policy says."""
    with pytest.raises(NotFound):
        list(cases([str(tmp_path)]))
