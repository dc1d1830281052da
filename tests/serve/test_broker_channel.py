"""What a broker's lines tell by its configuration, and that its state says so while it serves."""

import json
from datetime import timedelta
from pathlib import Path

import broker_rig as b
import pytest
from broker_house import House, running

from strongroom.app.broker_channel import JSON, TEXT, Channel, Note
from strongroom.app.broker_presence import GONE, Presence
from strongroom.app.config import load
from strongroom.serve.routes.broker import Words
from strongroom.store.broker import BrokerStore
from strongroom.store.broker_reading import BrokerReading

NOW = b.x.NOW


def test_lines_are_redacted_unless_the_configuration_says_otherwise(tmp_path: Path) -> None:
    """Without a word on it nothing that was found is told; the option redacts in spite of the configuration."""
    (tmp_path / "silent.toml").write_text("[broker]\n")
    (tmp_path / "plain.toml").write_text("[broker]\nredact_log = false\n")

    def redacted(name: str, *, option: bool) -> bool:
        words = Words("127.0.0.1:0", None, None, True, None, None, None, TEXT, option)
        return words.served(load(str(tmp_path / name))).channel.redacted

    assert redacted("silent.toml", option=False)
    assert not redacted("plain.toml", option=False)
    assert redacted("plain.toml", option=True)


@pytest.mark.parametrize("form", [TEXT, JSON])
def test_a_redacted_note_has_words_of_a_fixed_list(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is amiss is told by its part; paths, names and what a server said are not."""
    channel = Channel(form, redacted=True)
    channel.note(Note.NOT_READY, "key back end vault-7: no such file /etc/secret", NOW, warning=True)
    channel.note(Note.NOT_LOGGED, "a denial is not in the log: chip 00ff", NOW, warning=True)
    said = capsys.readouterr().err
    assert not [w for w in ("vault-7", "/etc/secret", "00ff") if w in said]
    if form == JSON:
        first, second = map(json.loads, said.splitlines())
        assert (first["about"], first["part"]) == ("not-ready", "key back end")
        assert set(second) == {"at", "event", "about"}
    else:
        assert said == "warning: not-ready key back end\nwarning: not-logged\n"


def test_a_plain_note_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing is redacted, the operator reads the whole sentence, on one line."""
    Channel(TEXT).note(Note.NOT_READY, "database: it is\nlocked", NOW, warning=True)
    assert capsys.readouterr().err == "warning: database: it is locked\n"


@pytest.mark.parametrize("more", ["", "redact_log = true\n"])
def test_a_serving_broker_says_how_it_tells(tmp_path: Path, more: str) -> None:
    """While it serves, its state has it with how its lines are; when it has ended, it is gone."""
    house = House(tmp_path, more=more)
    with running(house), BrokerReading(str(tmp_path / "broker.db")) as store:
        assert [(w.redacted, w.twin) for w in store.workers()] == [(bool(more), False)]
    with BrokerReading(str(tmp_path / "broker.db")) as store:
        assert store.workers() == ()


def test_a_broker_that_was_killed_is_forgotten_by_the_next(tmp_path: Path) -> None:
    """It is counted as serving as long as it may be, and no longer; one that was forgotten too early says it again."""
    path = str(tmp_path / "broker.db")
    with BrokerStore(path) as store:
        killed, other = Presence(store, False, False, NOW), Presence(store, True, False, NOW)
        killed.begin()
        other.begin()
        other.beat(NOW + GONE)
        with BrokerReading(path) as reading:
            assert {w.id for w in reading.workers()} == {killed.ident, other.ident}
        other.beat(NOW + GONE + timedelta(seconds=1))
        with BrokerReading(path) as reading:
            assert [(w.id, w.seen) for w in reading.workers()] == [(other.ident, NOW + GONE + timedelta(seconds=1))]
        killed.beat(NOW + GONE)
        with BrokerReading(path) as reading:
            assert {w.id for w in reading.workers()} == {killed.ident, other.ident}
        killed.end()
        killed.end()


def test_a_database_of_before_gains_what_it_lacks(tmp_path: Path) -> None:
    """A database without that table is read as it is, and has it once a broker has opened it."""
    path = str(tmp_path / "broker.db")
    with BrokerStore(path) as store, store.transaction() as db:
        db.exec_driver_sql("DROP TABLE broker_worker")
    with BrokerReading(path) as reading:
        assert reading.workers() == ()
    with BrokerStore(path) as store:
        Presence(store, True, False, NOW).begin()
    with BrokerReading(path) as reading:
        assert len(reading.workers()) == 1
