"""The log for whoever writes to it: receipts that a gate takes, publishing in the background, failing closed."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.app.config import Config
from strongroom.app.log import Log, Place, create
from strongroom.app.log_default import beside, open_or_create, place_of
from strongroom.app.log_entries import get
from strongroom.kit.log_entry import decode
from strongroom.kit.receipt import verify_receipt
from strongroom.kit.tlog.policy import Policy
from strongroom.model.codes import EntryKind
from strongroom.model.errors import BadInput, LogDamaged, LogUnavailable, NotFound
from strongroom.model.log import LogEntry
from strongroom.model.trust import Decision

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DECISION = Decision("d1", "release", "key/llama", "allow", ("fine",), (), "broker", AT)
ENTRY = LogEntry(kind=EntryKind.DRILL, subject="restore", actor="me", at=AT, fields={"ip": "192.0.2.7"})


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(str(tmp_path / "log"))
    create(made, "log.example/a")
    return made


@contextmanager
def opened(place: Place) -> Iterator[Log]:
    with Log.open(place, clock=lambda: AT) as log:
        yield log


def test_a_logged_decision_opens_a_gate(place: Place) -> None:
    """The receipt of a decision verifies with the log's public key, sealed fields included."""
    with opened(place) as log:
        for sealed in ((), ("subject", "reasons")):
            receipt = log.decide(DECISION, sealed)
            nobody = Policy((), (), (), None)
            assert verify_receipt(receipt, nobody, log.settings.verifiers()) == DECISION
        log.publish()
    assert b"key/llama" not in get(place, 1).data


def test_no_receipt_without_the_log(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the journal cannot be made durable, a decision has no receipt; afterwards the log goes on."""
    with opened(place) as log:
        log.decide(DECISION)

        def broken(_descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr("os.fdatasync", broken)
            with pytest.raises(LogUnavailable, match="no space left"):
                log.decide(DECISION)
        assert log.decide(DECISION).index >= 1


def test_a_lost_disclosure_is_never_acknowledged(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a sealed value cannot be kept, the entry that commits to it is not sequenced."""
    with opened(place) as log:

        def broken(_self: object, _disclosures: object) -> None:
            raise LogUnavailable("log", "nothing", "a disk")

        monkeypatch.setattr("strongroom.ledger.disclosures.FileDisclosures.keep", broken)
        with pytest.raises(LogUnavailable):
            log.record(ENTRY, ["ip"])
        assert log.sequencer.latest()[0].size == 0


def test_publishing_goes_on_in_the_background(place: Place) -> None:
    """What threads append is published without their help, and all of it once the log is closed and published."""
    with opened(place) as log:
        log.keep_publishing(0.01)
        threads = [threading.Thread(target=log.record, args=(ENTRY,)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        deadline = time.monotonic() + 30
        while log.published().checkpoint.size < 20 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert log.published().checkpoint.size == 20
        assert log.trouble is None


def test_damage_that_publishing_meets_stops_appending(place: Place) -> None:
    """A log whose published tree was changed takes nothing more once its publisher has seen it."""
    with opened(place) as log:
        log.record(ENTRY)
        log.publish()
        next(p for p in Path(place.where, "public/tile/0").rglob("1")).write_bytes(bytes(32))
        log.record(ENTRY)
        log.keep_publishing(0.01)
        deadline = time.monotonic() + 30
        while log.trouble is None and time.monotonic() < deadline:
            time.sleep(0.01)
        with pytest.raises(LogDamaged):
            log.record(ENTRY)


def test_the_default_log_is_made_when_it_is_first_needed(tmp_path: Path) -> None:
    """Two that need it at once make one log, with one key; a log that was named is never made by accident."""
    place = place_of(Config(), state=str(tmp_path / "state/strongroom.db"))
    assert place.where == str(tmp_path / "state/log")
    origins: list[str] = []

    def work() -> None:
        with open_or_create(place, made=True, offline=True) as log:
            origins.append(log.settings.origin)
            log.record(ENTRY)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(origins) == 4
    assert len(set(origins)) == 1
    with open_or_create(place, made=True, offline=True) as log:
        assert log.sequencer.latest()[0].size == 4
    with pytest.raises(NotFound):
        open_or_create(Place(str(tmp_path / "named")), made=False, offline=True)


def test_a_database_of_snapshots_has_its_log_beside_the_default_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A state that is kept on a server has its log in the state folder of this machine."""
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert beside("postgresql+psycopg://host/db") == "/state/strongroom/log"
    assert beside("") == "/state/strongroom/log"


def test_a_log_elsewhere_needs_its_key_named() -> None:
    """A log in a database or a bucket has no place beside it where a key could lie."""
    with pytest.raises(BadInput, match="no key file"):
        create(Place("s3://bucket/log"))


def test_the_entry_that_is_logged_is_the_one_given(place: Place) -> None:
    """What is read back is what was recorded."""
    with opened(place) as log:
        done = log.record(ENTRY)
        log.publish()
    found = get(place, done.index)
    assert decode(found.data) == found.entry == ENTRY
