"""The key of an authority is one from its deposit on: no rule that comes to name it lets it leave, and no row makes it a secret."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import authority_minting as a
import broker_rig as b
import composite_minting as c
import msgspec
import pytest

from strongroom.app import log_entries
from strongroom.app.broker_certificate import certificate
from strongroom.app.broker_release import resource
from strongroom.app.broker_words import Refused
from strongroom.app.release_admin import Desk, break_glass, put
from strongroom.app.release_trial import Known, of_workloads, tried
from strongroom.model.release import CERTIFICATE, Demand, Issue, Rule, Secret
from strongroom.store import broker_admin
from strongroom.store.broker import BrokerStore
from strongroom.store.broker_reading import BrokerReading

CA = "lab/ca/ranks"
EVERY = "lab/ca/*"
OWN = Rule(CA, {"lab": Demand(references=("worker 1.4",))}, issue=Issue("spiffe://lab.example/rank"))
PLAIN = Rule(EVERY, {"lab": Demand(references=("worker 1.4",))}, uses=9)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[b.Rig]:
    """A broker with an authority under a rule of its own, and a wildcard rule that reaches it too."""
    made = b.Rig(tmp_path)
    ruled(made, OWN, PLAIN)
    put(desk(made), CA, Secret(a.Authority(made.now).pem), "memory", ())
    yield made
    made.log.close()
    made.store.close()


def ruled(rig: b.Rig, *rules: Rule) -> None:
    """Put other rules into force."""
    assert rig.policy is not None
    rig.policy = msgspec.structs.replace(rig.policy, rules=rules)


def desk(rig: b.Rig) -> Desk:
    """Where dana administers it."""
    return Desk(rig.store, {"memory": rig.keys}, rig.log, rig.policy, "dana@host", rig.now)


def reasons(rig: b.Rig) -> list[str]:
    """Why the last decision was a denial."""
    rig.log.publish()
    entry = [got.entry for got in log_entries.entries(rig.place) if got.entry is not None][-1]
    assert entry.kind.value == "denial"
    found = entry.fields["reasons"]
    assert isinstance(found, tuple)
    return list(found)


def denied(work: Callable[[], object]) -> Refused:
    """The refusal of something."""
    with pytest.raises(Refused) as caught:
        work()
    return caught.value


def test_a_wildcard_rule_releases_no_authority_whose_own_rule_is_gone(rig: b.Rig) -> None:
    """The rule that gave certificates is taken out, and the pattern that is left would release whatever it names."""
    ruled(rig, PLAIN)
    put(desk(rig), "lab/ca/other", Secret(b"a plain secret"), "memory", ())
    cookie, token = b.attested(rig)
    assert b.opened(resource(rig.broker, "lab/ca/other", cookie)) == b"a plain secret"
    opened = rig.keys.opened
    for words in ({"cookie": cookie}, {"token": token}):
        told = denied(lambda w=words: resource(rig.broker, CA, **w))  # type: ignore[misc] # texts by name
        assert (told.kind, told.public) == ("PolicyDeny", "the resource is not released")
        assert reasons(rig) == ["release.certificate: it was deposited as the key of an authority, which never leaves"]
    assert rig.keys.opened == opened


def test_a_person_gets_no_authority_by_break_glass_under_a_plain_rule(rig: b.Rig) -> None:
    """Break-glass stands in for an attestation, and for nothing that the owner said at the deposit."""
    ruled(rig, msgspec.structs.replace(PLAIN, break_glass=True))
    jwk = {k: v for k, v in json.loads(c.runtime(b"n", c.KEY))["tee-pubkey"].items() if isinstance(v, str)}
    done = break_glass(desk(rig), CA, jwk, "the site is down")
    assert (done.sealed, done.decision.outcome) == (None, "deny")
    assert [r.partition(":")[0] for r in done.decision.reasons] == ["release.certificate"]


def test_a_row_that_was_changed_opens_nothing(rig: b.Rig) -> None:
    """Who writes into the database that it is a plain secret gets octets that do not open: the purpose is bound into them."""
    ruled(rig, PLAIN)
    with sqlite3.connect(rig.folder / "broker.db") as db:
        assert db.execute("UPDATE broker_resource SET purpose = '' WHERE name = ?", (CA,)).rowcount == 1
    cookie, _ = b.attested(rig)
    assert denied(lambda: resource(rig.broker, CA, cookie)).status == 503
    rig.log.publish()
    assert "nothing left by the decision" in str(reasons(rig))


def test_a_secret_that_was_deposited_as_one_gives_no_certificate(rig: b.Rig) -> None:
    """Its rule comes after it: a key that could leave before is no authority, until it is deposited again."""
    pem = a.Authority(rig.now).pem
    rig.store.deposit(rig.keys.wrap(Secret(pem), CA, 2, (b.OWNER,)), rig.now)
    cookie, _ = b.attested(rig)
    denied(lambda: certificate(rig.broker, CA, a.request(c.KEY), cookie))
    assert "deposited as a secret, and not as the key of an authority" in str(reasons(rig))
    assert put(desk(rig), CA, Secret(pem), "memory", ()).wrapped.purpose == CERTIFICATE
    assert b"BEGIN CERTIFICATE" in certificate(rig.broker, CA, a.request(c.KEY), cookie)


def test_a_trial_of_a_policy_says_what_the_broker_would(rig: b.Rig) -> None:
    """The policy without the authority's own rule is tried before it is in force: nobody would get the key by the pattern."""
    b.attested(rig)
    ruled(rig, PLAIN)
    assert rig.policy is not None
    with rig.store.transaction() as db:
        held = tuple(of_workloads(broker_admin.workloads(db)))
        known = Known((), tuple(broker_admin.versions(db)))
    [tried_] = tried(rig.policy, held, [CA], known)
    assert (tried_.allowed, [r.partition(":")[0] for r in tried_.reasons]) == (False, ["release.certificate"])


def test_its_deposit_says_so_in_the_log(rig: b.Rig) -> None:
    """Who reads the log sees which deposits are authorities; those of plain secrets say nothing of it."""
    put(desk(rig), b.WEIGHTS.replace("models/weights", "lab/ca"), Secret(b"a plain secret"), "memory", ())
    rig.log.publish()
    entries = [got.entry for got in log_entries.entries(rig.place) if got.entry is not None]
    assert [e.fields.get("purpose") for e in entries] == [CERTIFICATE, None]


def test_a_state_of_schema_one_is_brought_here(rig: b.Rig) -> None:
    """What was deposited before purposes were kept is read as it is, has none once a broker opens it, and still opens."""
    path = str(rig.folder / "broker.db")
    rig.store.close()
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM broker_resource WHERE purpose <> ''")
        db.execute("ALTER TABLE broker_resource DROP COLUMN purpose")
        db.execute("DROP TABLE broker_worker")
        db.execute("UPDATE broker_schema SET version = 1")
    db.close()
    with BrokerReading(path) as reading:
        assert [v.resource for v in reading.versions()] == [b.WEIGHTS]
        assert reading.workers() == ()
    rig.store = BrokerStore(path)
    kept = rig.store.resource(b.WEIGHTS)
    assert kept is not None
    assert kept.purpose == ""
    ruled(rig, rig.rule())
    rig.broker = rig.but()
    cookie, _ = b.attested(rig)
    assert b.opened(resource(rig.broker, b.WEIGHTS, cookie)) == b.SECRET
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT version FROM broker_schema").fetchall() == [(2,)]
    db.close()
    BrokerStore(path).close()
