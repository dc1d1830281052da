"""A broker's database in a real PostgreSQL: races that are lost, and the door of whoever judges and may not write."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

import broker_races
import msgspec
import pytest
from release_terms import NOW, RESOURCE, WORKLOAD
from sqlalchemy import create_engine, text

from integration.test_log_in_postgres import Server, server, url
from strongroom.app.broker_presence import Presence
from strongroom.model.errors import NotFound, StateError
from strongroom.model.release import Revocation, What, Wrapped
from strongroom.store.broker import Attestation, BrokerStore
from strongroom.store.broker_reading import BrokerReading

pytestmark = pytest.mark.integration
__all__ = ["server", "url"]


@pytest.fixture
def store(url: str) -> Iterator[BrokerStore]:
    """A database with something of everything."""
    with BrokerStore(url) as made:
        record = made.put(b"a record")
        workload = msgspec.structs.replace(WORKLOAD, record=record)
        made.attested(Attestation("a1", workload, b'{"kty":"EC"}', NOW + timedelta(minutes=5)), NOW)
        made.deposit(Wrapped(RESOURCE, 1, "file", "k1", b"blob", ("lab+1", "partner+2")), NOW)
        made.deposit(Wrapped(RESOURCE, 2, "file", "k1", b"blob", ("lab+1",)), NOW)
        made.revoke(Revocation(What.VERSION, f"{RESOURCE}@1", "rotated", NOW, "ops"))
        made.in_force("weights", 3, "sha256:aa")
        made.settle("d1", b"{}", NOW)
        yield made


def test_who_loses_a_race_over_a_policy_is_told_as_who_comes_later(url: str) -> None:
    """Two brokers bring a policy at once: the same is in force for both, an older one or another of its version is denied."""
    with BrokerStore(url) as one, BrokerStore(url) as two:
        broker_races.policies(one, two)


def test_two_brokers_are_handed_one_word(url: str) -> None:
    """Between the look for an approver's last word and the new one another writes it: the later one stands, and is no fault."""
    with BrokerStore(url) as one, BrokerStore(url) as two:
        broker_races.between(one, "INSERT INTO broker_approval", lambda: broker_races.approve(two, "first"))
        broker_races.approve(one, "second", 9)
        assert [a.reason for a in two.approvals(RESOURCE)] == ["second"]


def test_many_who_bring_policies_and_approvals_at_once_get_no_fault(url: str) -> None:
    """Nobody sees an error of the database, and what stands is what one of them has brought."""
    with ExitStack() as held:
        broker_races.together([held.enter_context(BrokerStore(url, seconds=30)) for _ in range(4)])


def test_the_reading_door_gives_what_is_kept(store: BrokerStore, url: str) -> None:
    """Versions, workloads, records, decisions, revocations, the policy and who serves, as the broker's own door has them."""
    Presence(store, redacted=True, twin=False, started=NOW).begin()
    with BrokerReading(url) as reading:
        found = reading.versions()
        assert [(v.number, v.backend, v.owners, v.at) for v in found] == [
            (1, "file", ("lab+1", "partner+2"), NOW),
            (2, "file", ("lab+1",), NOW),
        ]
        [workload] = reading.workloads()
        assert reading.get(workload.record) == b"a record"
        assert reading.decision("d1") == b"{}"
        assert reading.policy_in_force("weights") == (3, "sha256:aa")
        assert reading.revocations() == store.revocations()
        assert [w.redacted for w in reading.workers()] == [True]
        with pytest.raises(NotFound):
            reading.decision("d2")


def test_the_reading_door_writes_nothing(store: BrokerStore, url: str) -> None:
    """The server itself refuses a write of a session that may only read."""
    with BrokerReading(url) as reading:
        engine = reading._engine
        with engine.connect() as db, pytest.raises(Exception, match="read-only transaction"):
            db.execute(text("DELETE FROM broker_revocation"))
    assert len(store.revocations()) == 1


def test_a_role_that_may_only_read_is_enough(store: BrokerStore, url: str) -> None:
    """An auditor's role with SELECT alone reads all of it; without a right he is told so, and it is no empty answer."""
    engine = create_engine(url)
    with engine.begin() as db:
        db.execute(text("DROP ROLE IF EXISTS auditor"))
        db.execute(text("CREATE ROLE auditor LOGIN"))
        schema = db.execute(text("SELECT current_schema()")).scalar_one()
        db.execute(text(f"GRANT USAGE ON SCHEMA {schema} TO auditor"))
        db.execute(text(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO auditor"))
    his = engine.url.set(username="auditor").render_as_string(hide_password=False)
    with BrokerReading(his) as reading:
        assert len(reading.versions()) == 2
    with engine.begin() as db:
        db.execute(text("REVOKE SELECT ON broker_resource FROM auditor"))
    with BrokerReading(his) as reading, pytest.raises(StateError, match="permission denied"):
        reading.versions()
    with engine.begin() as db:
        db.execute(text("DROP OWNED BY auditor"))
        db.execute(text("DROP ROLE auditor"))
    engine.dispose()
    assert store.resources()


def test_a_server_that_is_gone_is_no_empty_database(store: BrokerStore, url: str, server: Server) -> None:
    """Nobody answers: that is said, and is not taken for a broker that has released nothing."""
    assert store.resources()
    server.kill()
    try:
        with pytest.raises(StateError):
            BrokerReading(url)
    finally:
        server.start()


def test_a_state_of_schema_one_is_brought_here(store: BrokerStore, url: str) -> None:
    """Brokers that start at once over a state of before bring it to this schema once; what was deposited has no purpose."""
    with store.transaction() as db:
        db.execute(text("ALTER TABLE broker_resource DROP COLUMN purpose"))
        db.execute(text("DROP TABLE broker_worker"))
        db.execute(text("UPDATE broker_schema SET version = 1"))
    with BrokerReading(url) as reading:
        assert [v.number for v in reading.versions()] == [1, 2]
        assert reading.workers() == ()
    with ThreadPoolExecutor(4) as threads:
        for opened in [threads.submit(BrokerStore, url) for _ in range(4)]:
            with opened.result() as made:
                found = made.resource(RESOURCE)
                assert found is not None
                assert (found.version, found.purpose) == (2, "")
    with store.transaction() as db:
        assert db.execute(text("SELECT version FROM broker_schema")).scalars().all() == [2]


def test_another_database_is_none_of_a_broker(url: str) -> None:
    """A database without a broker's tables is refused by name, with its password left out."""
    with pytest.raises(StateError, match="no tables of a broker"):
        BrokerReading(url)
