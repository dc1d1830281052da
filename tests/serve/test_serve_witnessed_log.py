"""A log and its witnesses, each a process of its own: quorum, split views, roll-backs."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from serving import Serving, need_server, running, stop

from strongroom.app.log import Log, Place, create, make_key
from strongroom.app.log_audit import Ask, audit_log
from strongroom.app.log_places import settings_of
from strongroom.kit.receipt import verify_receipt
from strongroom.kit.tlog.policy import parse
from strongroom.model.codes import EntryKind
from strongroom.model.errors import LogDamaged, LogUnavailable, SplitView
from strongroom.model.log import LogEntry
from strongroom.model.trust import Decision

NOW = datetime(2126, 11, 22, tzinfo=UTC)
ENTRY = LogEntry(kind=EntryKind.DRILL, subject="restore", actor="me", at=datetime(2026, 11, 22, tzinfo=UTC))
DECISION = Decision("d", "release", "key", "allow", (), (), "broker", datetime(2026, 11, 22, tzinfo=UTC))


class World(NamedTuple):
    """A log whose policy names three witnesses, of which two are enough; all three run."""

    place: Place
    witnesses: tuple[Serving, ...]
    policy: Path

    def log(self) -> Log:
        return Log.open(self.place)

    def audit(self, place: Place | None = None, **other: object) -> object:
        return audit_log(Ask(place or self.place, **other), NOW)  # type: ignore[arg-type]


def build(tmp_path: Path, stack: ExitStack, *, require: bool = False) -> World:
    place = Place(str(tmp_path / "log"))
    keys = [
        make_key(f"w{n}.example", tmp_path / f"w{n}.key", witness=True, algorithm=a) for n, a in enumerate(ALGORITHMS)
    ]
    log_key = make_key("log.example/a", tmp_path / "log.key", witness=False, algorithm=None)
    known = tmp_path / "known.policy"
    known.write_text(f"log {log_key}\nquorum none\n")
    servers = []
    for n in range(3):
        words = ("witness", "--listen", "127.0.0.1:0", "--state", f"w{n}", "--key", f"w{n}.key", "--policy", str(known))
        servers.append(stack.enter_context(running(words, tmp_path)))
    policy = tmp_path / "log.policy"
    lines = [
        f"log {log_key}",
        *(f"witness w{n} {k} {s.url}" for n, (k, s) in enumerate(zip(keys, servers, strict=True))),
    ]
    policy.write_text("\n".join([*lines, "group two 2 w0 w1 w2", "quorum two", ""]))
    create(place, require_quorum=require)
    return World(place, tuple(servers), policy)


ALGORITHMS = ("ed25519", "ml-dsa-44", "ml-dsa-44")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    need_server()
    with ExitStack() as stack:
        yield build(tmp_path, stack)


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[World]:
    need_server()
    with ExitStack() as stack:
        yield build(tmp_path, stack, require=True)


def test_witnesses_vouch_for_what_is_published(world: World) -> None:
    """Each publication is cosigned by every witness, and the audit counts them and asks what they have seen."""
    with world.log() as log:
        for size in (1, 2, 3):
            log.record(ENTRY)
            done = log.publish()
            assert done is not None
            assert done.quorum, done.summary()
            assert done.head.checkpoint.size == size
    found = audit_log(Ask(world.place), NOW)
    assert (found.vouched, found.quorum, found.quorum_met, found.broken) == (3, "two", True, [])
    assert {w.asked for w in found.witnesses} == {"the same"}


def test_a_witness_that_is_down_is_named(world: World) -> None:
    """With one witness gone the quorum still stands; with two it does not, and nothing else suffers."""
    stop(world.witnesses[0])
    with world.log() as log:
        log.record(ENTRY)
        done = log.publish()
        assert done is not None
        assert done.quorum
        assert [s.cosigned for s in done.said] == [False, True, True]
        assert "w0: not reached" in done.summary()
        stop(world.witnesses[1])
        log.record(ENTRY)
        done = log.publish()
        assert done is not None
        assert not done.quorum
    found = audit_log(Ask(world.place), NOW)
    assert (found.size, found.vouched, found.quorum_met, found.broken) == (2, 1, False, [])


def test_a_receipt_waits_for_the_quorum(strict: World) -> None:
    """A log that demands witnesses gives receipts under their cosignatures, and none at all without the quorum."""
    policy = parse(strict.policy.read_bytes())
    with strict.log() as log:
        assert verify_receipt(log.decide(DECISION), policy) == DECISION
        stop(strict.witnesses[0])
        assert verify_receipt(log.decide(DECISION), policy) == DECISION
        stop(strict.witnesses[1])
        with pytest.raises(LogUnavailable, match="1 of 3 witnesses"):
            log.decide(DECISION)


def test_a_log_that_was_written_anew_is_a_split_view(world: World, tmp_path: Path) -> None:
    """The operator makes another history with the same key: the witnesses refuse it, and both sides are shown."""
    with world.log() as log:
        log.record(ENTRY)
        log.record(ENTRY)
        log.publish()
    forged = Place(str(tmp_path / "forged"), (tmp_path / "log.key",), world.policy)
    create(forged)
    with Log.open(forged, offline=True) as log:
        log.record(ENTRY)
        log.record(LogEntry(kind=EntryKind.DRILL, subject="other", actor="me", at=ENTRY.at))
        log.publish()
    with Log.open(forged) as log, pytest.raises(SplitView, match="two trees of 2 entries"):
        log.publish()
    found = audit_log(Ask(forged), NOW)
    assert found.vouched == 0
    assert any("SPLIT VIEW" in text for text in found.broken)
    assert all((tmp_path / f"w{n}").rglob("*") for n in range(3))


def test_a_log_that_was_put_back_refuses_to_go_on(world: World, tmp_path: Path) -> None:
    """A backup is restored and appended to: the witnesses have seen more, and nothing is published."""
    with world.log() as log:
        log.record(ENTRY)
        log.publish()
    shutil.copytree(world.place.where, tmp_path / "backup")
    with world.log() as log:
        log.record(ENTRY)
        log.record(ENTRY)
        log.publish()
    shutil.rmtree(world.place.where)
    shutil.copytree(tmp_path / "backup", world.place.where)
    with world.log() as log:
        log.record(ENTRY)
        with pytest.raises(LogDamaged, match="cosigned 3"):
            log.publish()
        assert log.published().checkpoint.size == 1
    found = audit_log(Ask(world.place), NOW)
    assert any("has signed 3 entries, and shows 1" in text for text in found.broken)


def test_a_log_is_audited_over_http(world: World, tmp_path: Path) -> None:
    """`serve log` shows what an auditor elsewhere needs, and a change behind it is found there too."""
    with world.log() as log:
        for _ in range(300):
            log.record(ENTRY)
        log.publish()
    settings = settings_of(world.place.where)
    assert settings is not None
    with running(("log", world.place.where, "--listen", "127.0.0.1:0"), tmp_path) as server:
        far = Place(server.url, policy=world.policy)
        found = audit_log(Ask(far), NOW)
        assert (found.entries, found.vouched, found.broken) == (300, 3, [])
        bundle = Path(world.place.where, "public/tile/entries/001.p/44")
        bundle.write_bytes(bundle.read_bytes().replace(b"restore", b"destroy", 1))
        found = audit_log(Ask(far), NOW)
        assert any("entries/001.p/44" in text for text in found.broken)
