"""A broker that worked is assessed from its configuration: what it released is made again, and what was changed is seen."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import broker_rig as b
import msgspec
import pytest

from strongroom.app.broker_join import join_brokers
from strongroom.app.broker_presence import Presence
from strongroom.app.broker_release import resource
from strongroom.app.release_admin import Desk
from strongroom.app.release_drill import Asked, drill
from strongroom.app.release_policy import in_force, load
from strongroom.app.sources import gather
from strongroom.kit import release_policy as files
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Estate
from strongroom.model.values import Unknown, Value
from strongroom.store.broker_reading import BrokerReading

ANN = SignerKey("ann", Kind.ED25519, bytes(range(32)))
TERMS = """schema = "strongroom.release-policy/1"
name = "weights"
version = 1

[[owner]]
name = "lab"
keys = ["{key}"]

[[rule]]
resource = "models/weights/*"
uses = 2
[rule.owners.lab]
references = ["worker 1.4"]
"""
CONFIG = """[log]
path = "{at}/log"

[broker]
state = "{at}/broker.db"
policy = "{at}/weights.toml"
signers = ["{key}"]

[broker.keys.memory]

[broker.tiers]
"models/weights/*" = 0
"""


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[b.Rig]:
    """A broker whose policy is a signed file, and which released its resource once."""
    key = str(ANN.verifier)
    terms = tmp_path / "weights.toml"
    terms.write_text(TERMS.format(key=key))
    loaded = load(terms)
    terms.with_name("weights.toml.sig").write_bytes(files.sign(loaded.data, loaded.file, Ed25519Signer(ANN)))
    (tmp_path / "broker.toml").write_text(CONFIG.format(at=tmp_path, key=key))
    monkeypatch.setattr(b, "OWNER", key)
    made = b.Rig(tmp_path, policy=in_force(load(terms), (key,), 1))
    cookie, _ = b.attested(made)
    resource(made.broker, b.WEIGHTS, cookie)
    made.log.publish()
    yield made
    made.log.close()
    made.store.close()


def seen(rig: b.Rig) -> Estate:
    """The estate of the broker."""
    return join_brokers(gather([f"broker:{rig.folder / 'broker.toml'}"], rig.now), judge=rig.judge)


def value(rig: b.Rig, name: str) -> Value:
    """A fact of the broker, or of its one resource."""
    estate = seen(rig)
    held: list[Asset] = [a for a in estate.assets if name in a.facts]
    assert len(held) == 1
    return held[0].value(name)


def changed(rig: b.Rig, statement: str) -> None:
    """Write into the database, as somebody who may."""
    with sqlite3.connect(rig.folder / "broker.db", isolation_level=None) as db:
        db.execute(statement)
    db.close()


def test_a_good_broker_is_read_whole(rig: b.Rig) -> None:
    """Its policy counts, its log is whole, and its release is made again with every owner named."""
    estate = seen(rig)
    assert estate.gaps == ()
    broker, key = sorted(estate.assets, key=lambda a: a.kind.value, reverse=True)
    assert (broker.value("broker.policy_counts"), broker.value("broker.log_broken")) == (True, ())
    assert (key.address, key.value("release.count")) == (b.WEIGHTS, 1)
    lists = ("not_reproduced", "unattested", "break_glass_unbounded", "owners_unheld", "owners_unlogged")
    assert {key.value(f"release.{n}") for n in lists} == {()}
    assert (key.value("release.rule"), key.value("key.tier")) == ("models/weights/*", 0)


def test_nothing_is_written(rig: b.Rig) -> None:
    """The files of state and log, and their contents, are the same after it."""
    rig.store.close()

    def all_of() -> dict[str, str]:
        found = (p for p in rig.folder.rglob("*") if p.is_file() and not p.name.endswith("-shm"))
        return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}

    before = all_of()
    assert seen(rig).gaps == ()
    assert all_of() == before


def test_a_record_that_was_changed_is_not_reproduced(rig: b.Rig) -> None:
    """A record whose octets are not those of its digest, or that is gone, makes its release one that nobody can make again."""
    changed(rig, "UPDATE broker_record SET octets = x'00'")
    assert "changed" in str(value(rig, "release.not_reproduced"))
    changed(rig, "DELETE FROM broker_record")
    assert "record" in str(value(rig, "release.not_reproduced"))


def test_terms_that_were_changed_are_not_those_of_the_log(rig: b.Rig) -> None:
    """The log says by a digest which terms were decided on."""
    changed(rig, "UPDATE broker_decision SET terms = CAST(replace(CAST(terms AS TEXT), 'worker', 'w0rker') AS BLOB)")
    assert "not those that its entry names" in str(value(rig, "release.not_reproduced"))


def test_a_policy_that_too_few_signed_counts_for_nothing(rig: b.Rig) -> None:
    """Without its note nobody signed it, and no rule names the resource."""
    (rig.folder / "weights.toml.sig").unlink()
    assert value(rig, "broker.policy_counts") is False
    assert value(rig, "release.rule") is None


def test_state_that_is_not_there_is_not_known(rig: b.Rig) -> None:
    """The releases of the log are counted as unknown, with the file that is missing, and there is a gap."""
    rig.store.close()
    for name in ("broker.db", "broker.db-wal", "broker.db-shm"):
        (rig.folder / name).unlink(missing_ok=True)
    found = value(rig, "release.not_reproduced")
    assert isinstance(found, Unknown)
    assert (found.code, "broker.db" in found.detail) == (GapCode.ABSENT, True)
    assert [g.scope for g in seen(rig).gaps] == ["state"]
    assert not (rig.folder / "broker.db").exists()


def test_a_log_that_is_not_there_is_not_known(rig: b.Rig) -> None:
    """Without its log nothing is known of releases."""
    (rig.folder / "log").rename(rig.folder / "elsewhere")
    assert isinstance(value(rig, "release.count"), Unknown)
    assert isinstance(value(rig, "broker.log_broken"), Unknown)


def test_a_log_that_was_changed_is_broken(rig: b.Rig) -> None:
    """An entry that is not what was hashed is a fault of the log."""
    part = next(p for p in (rig.folder / "log").rglob("*") if "entries" in p.parts and p.is_file())
    part.chmod(0o600)
    part.write_bytes(part.read_bytes().replace(b"allow", b"allov"))
    assert value(rig, "broker.log_broken") not in ((), None)


def test_how_it_tells_is_asked_of_those_that_serve(rig: b.Rig) -> None:
    """The configuration says that lines are redacted, and a broker over the same state says that its lines are not."""
    assert (value(rig, "broker.log_redacted"), value(rig, "broker.log_plain")) == (True, ())
    there = Presence(rig.store, redacted=False, twin=False, started=rig.now)
    there.begin()
    assert there.ident in str(value(rig, "broker.log_plain"))
    assert value(rig, "broker.twin") is False


def test_what_reads_does_not_keep(rig: b.Rig) -> None:
    """The reading door of the database gives what is kept, and takes nothing."""
    with BrokerReading(str(rig.folder / "broker.db")) as store:
        assert [v.resource for v in store.versions()] == [b.WEIGHTS]
        record = next(iter(store.workloads())).record
        assert msgspec.json.decode(store.get(record))["schema"] == "strongroom.attestation-record/1"
        with pytest.raises(Exception, match="to be read only"):
            store.put(json.dumps({}).encode())


def test_a_drill_is_read_from_the_log(rig: b.Rig) -> None:
    """Before one there is none; after it, its outcome, its age, and whether it was of the policy in force."""
    assert value(rig, "broker.drilled") is False
    rig.log.publish()
    done = drill(Desk(rig.store, {}, rig.log, rig.policy, "tester", rig.now), Asked(rig.place, judge=rig.judge))
    rig.log.publish()
    assert done.passed
    assert [value(rig, f"broker.{n}") for n in ("drilled", "drill_passed", "drill_unattested", "drill_policy")] == [
        True, True, True, True,
    ]  # fmt: skip
    assert value(rig, "broker.drill_failed") == ()
    rig.later(days=91)
    assert value(rig, "broker.drill_days") == 91.0
