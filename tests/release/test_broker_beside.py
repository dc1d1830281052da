"""Beside its releases a broker's log has outputs and retired versions: each is held against the state, and what is astray is named."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import broker_rig as b
import msgspec
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec
from test_assess_broker import ANN, CONFIG, TERMS, changed, value

from strongroom.app.broker_output import output, recipients
from strongroom.app.broker_release import resource
from strongroom.app.broker_words import Refused
from strongroom.app.release_admin import Desk
from strongroom.app.release_policy import in_force, load
from strongroom.app.release_replay import replay
from strongroom.app.release_retire import retire
from strongroom.cli.main import group
from strongroom.kit import release_policy as files
from strongroom.kit.jwk import public_members
from strongroom.kit.receipt import entry_of
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.model.errors import Malformed, NotFound
from strongroom.model.release import OUTPUT, Secret, Terms
from strongroom.release.decide import decide

SEALED = "sha256:" + "55" * 32
LAB = public_members(ec.derive_private_key(41, ec.SECP256R1()).public_key())


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[b.Rig]:
    """A broker whose signed policy names who gets outputs."""
    key = str(ANN.verifier)
    held = "".join(f'{n} = "{v}"\n' for n, v in LAB.items())
    text = TERMS.format(key=key).replace("uses = 2\n", 'uses = 9\nrecipients = ["lab-a"]\n')
    terms = tmp_path / "weights.toml"
    terms.write_text(f'{text}\n[[recipient]]\nname = "lab-a"\n[recipient.key]\n{held}')
    loaded = load(terms)
    terms.with_name("weights.toml.sig").write_bytes(files.sign(loaded.data, loaded.file, Ed25519Signer(ANN)))
    (tmp_path / "broker.toml").write_text(CONFIG.format(at=tmp_path, key=key))
    monkeypatch.setattr(b, "OWNER", key)
    made = b.Rig(tmp_path, policy=in_force(load(terms), (key,), 1))
    yield made
    made.log.close()
    made.store.close()


def body(rig: b.Rig) -> bytes:
    """The word that an output is handed out."""
    assert rig.policy is not None
    return msgspec.json.encode({"output": SEALED, "policy": rig.policy.digest})


def desk(rig: b.Rig) -> Desk:
    """Where dana administers it."""
    return Desk(rig.store, {"memory": rig.keys}, rig.log, rig.policy, "dana@host", rig.now)


def newer(rig: b.Rig, version: int) -> None:
    """Deposit another version."""
    rig.store.deposit(rig.keys.wrap(Secret(b.SECRET), b.WEIGHTS, version, (b.OWNER,)), rig.now)


# Outputs


def test_an_output_to_named_recipients_is_not_astray(rig: b.Rig) -> None:
    """Told to whom, sealed and logged: nothing is listed, and it counts as an output and as no release."""
    cookie, _ = b.attested(rig)
    recipients(rig.broker, b.WEIGHTS, cookie)
    output(rig.broker, b.WEIGHTS, body(rig), cookie)
    rig.log.publish()
    assert (value(rig, "release.outputs"), value(rig, "release.outputs_astray")) == (1, ())
    assert value(rig, "release.count") == 0


def test_an_output_by_whoever_was_not_told_is_astray(rig: b.Rig) -> None:
    """A key that never asked who may get outputs cannot have sealed to them."""
    cookie, _ = b.attested(rig)
    output(rig.broker, b.WEIGHTS, body(rig), cookie)
    rig.log.publish()
    assert "was never told who may get it" in str(value(rig, "release.outputs_astray"))


def test_an_output_whose_evidence_is_gone_is_astray(rig: b.Rig) -> None:
    """What cannot be judged again shows nothing of whom it went to."""
    cookie, _ = b.attested(rig)
    recipients(rig.broker, b.WEIGHTS, cookie)
    output(rig.broker, b.WEIGHTS, body(rig), cookie)
    rig.log.publish()
    changed(rig, "DELETE FROM broker_record")
    assert "record" in str(value(rig, "release.outputs_astray"))


def test_an_output_that_nobody_decided_is_astray(rig: b.Rig) -> None:
    """Somebody who can write into the log writes an output for which there are terms without recipients."""
    cookie, _ = b.attested(rig)
    recipients(rig.broker, b.WEIGHTS, cookie)
    output(rig.broker, b.WEIGHTS, body(rig), cookie)
    with sqlite3.connect(rig.folder / "broker.db") as db:
        kept = [msgspec.json.decode(r[0], type=Terms) for r in db.execute("SELECT terms FROM broker_decision")]
    terms = next(t for t in kept if t.ask.purpose == OUTPUT)
    assert terms.policy is not None
    nobody = msgspec.structs.replace(
        terms.policy, rules=tuple(msgspec.structs.replace(r, recipients=()) for r in terms.policy.rules)
    )
    forged = msgspec.structs.replace(terms, id="forged", policy=nobody)
    decision = decide(forged)
    assert decision.outcome == "deny"
    rig.store.settle("forged", msgspec.json.encode(forged, order="sorted"), rig.now)
    rig.log.record(entry_of(msgspec.structs.replace(decision, outcome="allow")))
    rig.log.publish()
    assert str(value(rig, "release.outputs_astray")).count("forged: ") == 1


# Versions


def test_a_retired_version_is_released_no_more(rig: b.Rig) -> None:
    """Nothing of it leaves, also for what was attested before, and no older version takes its place; a newer one does."""
    newer(rig, 2)
    cookie, _ = b.attested(rig)
    resource(rig.broker, b.WEIGHTS, cookie)
    done = retire(desk(rig), f"{b.WEIGHTS}@2", "it is on a disk that was lost")
    assert ([v for v, _ in done.now], done.before, done.left) == ([2], (), None)
    with pytest.raises(Refused) as caught:
        resource(rig.broker, b.WEIGHTS, cookie)
    assert "release.revoked: the version models/weights/llm-1@2 was revoked" in caught.value.found
    assert caught.value.public == "the resource is not released"
    newer(rig, 3)
    assert b.opened(resource(rig.broker, b.WEIGHTS, cookie)) == b.SECRET


def test_a_release_of_a_version_is_made_again_after_it_was_retired(rig: b.Rig) -> None:
    """Retiring changes nothing of what was decided before; the entry and the terms come out the same."""
    cookie, _ = b.attested(rig)
    resource(rig.broker, b.WEIGHTS, cookie)
    retire(desk(rig), f"{b.WEIGHTS}@1", "rotated")
    rig.log.publish()
    with sqlite3.connect(rig.folder / "broker.db") as db:
        [(ident, octets)] = db.execute("SELECT id, terms FROM broker_decision").fetchall()
    assert msgspec.json.decode(octets, type=Terms).version == 1
    assert replay(rig.store, rig.place, ident, rig.judge).differs == ()
    assert value(rig, "release.retired_astray") == ()


def test_terms_of_before_have_the_same_digest(rig: b.Rig) -> None:
    """Terms that were kept without a version are encoded without one: their entries still name them."""
    cookie, _ = b.attested(rig)
    resource(rig.broker, b.WEIGHTS, cookie)
    with sqlite3.connect(rig.folder / "broker.db") as db:
        [(octets,)] = db.execute("SELECT terms FROM broker_decision").fetchall()
    held = msgspec.json.decode(octets)
    del held["version"]
    before = msgspec.json.encode(held, order="sorted")
    assert msgspec.json.encode(msgspec.json.decode(before, type=Terms), order="sorted") == before


def test_older_versions_are_retired_with_it(rig: b.Rig) -> None:
    """One word ends a version and all before it, each with its entry; those that were retired already have no second one."""
    newer(rig, 2)
    newer(rig, 3)
    assert "llm-1@1, of " in str(value(rig, "release.versions_open"))
    assert [v for v, _ in retire(desk(rig), f"{b.WEIGHTS}@1", "rotated").now] == [1]
    done = retire(desk(rig), f"{b.WEIGHTS}@2", "rotated", older=True)
    assert ([v for v, _ in done.now], done.before, done.left) == ([2], (1,), 3)
    rig.log.publish()
    assert value(rig, "release.versions_open") == ()
    cookie, _ = b.attested(rig)
    assert b.opened(resource(rig.broker, b.WEIGHTS, cookie)) == b.SECRET


@pytest.mark.parametrize(
    "named", ["models/weights/llm-1", "models/weights/llm-1@0", "llm-1@1", "a/b/c@1e3", "a/b/c@-1"]
)
def test_a_version_has_a_name_and_a_number(rig: b.Rig, named: str) -> None:
    """What is no version of a resource retires nothing."""
    with pytest.raises(Malformed):
        retire(desk(rig), named, "rotated")


def test_a_version_that_was_never_deposited_is_not_retired(rig: b.Rig) -> None:
    """A slip of the pen must not close a version that is still to come."""
    with pytest.raises(NotFound, match="version 7"):
        retire(desk(rig), f"{b.WEIGHTS}@7", "rotated")
    assert rig.store.revocations() == ()


def test_a_state_of_before_brings_nothing_back_unseen(rig: b.Rig) -> None:
    """The log has what was retired; a state that lacks it, and a release of it, are named."""
    retire(desk(rig), f"{b.WEIGHTS}@1", "rotated")
    rig.log.publish()
    assert value(rig, "release.retired_astray") == ()
    changed(rig, "DELETE FROM broker_revocation")
    assert "retired by entry 0, and not in the state" in str(value(rig, "release.retired_astray"))
    cookie, _ = b.attested(rig)
    resource(rig.broker, b.WEIGHTS, cookie)
    rig.log.publish()
    assert "after it was retired" in str(value(rig, "release.retired_astray"))


def test_the_command_retires(rig: b.Rig) -> None:
    """`release retire` says what is retired, its entry, and what is still released."""
    text = (rig.folder / "broker.toml").read_text().replace("[broker.keys.memory]\n", "")
    (rig.folder / "broker.toml").write_text(text)
    newer(rig, 2)
    rig.log.close()
    words = ["release", "retire", f"{b.WEIGHTS}@1", "--reason", "rotated", "--offline"]
    done = CliRunner().invoke(group, [*words, "--config", str(rig.folder / "broker.toml")])
    assert done.exit_code == 0, done.output
    assert "models/weights/llm-1@1, log entry 0" in done.output
    assert "models/weights/llm-1@2" in done.output
    assert [r.value for r in rig.store.revocations()] == [f"{b.WEIGHTS}@1"]
