"""The memory of the watch: what is written once, what is seen when others write, and what survives."""

import multiprocessing
import sqlite3
import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from strongroom.model.codes import EntryKind
from strongroom.model.errors import StateError
from strongroom.model.log import LogEntry
from strongroom.model.standing import SKEW, Counters, Enrolment, Grade, Standing, StandingState
from strongroom.store import evidence_blobs
from strongroom.store.standing import MOST_REFUSED, NOTHING, Challenge, Kept, Move, Session, WatchStore
from strongroom.store.standing_rows import Held

T0 = datetime(2026, 11, 23, 12, 0, 0, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
_S = StandingState


def host(name: str = "node1", key: int = 1, ek: int = 1, state: StandingState = _S.ENROLLED, **fields: object) -> Held:
    """A host by its name, and numbers for its keys."""
    enrolment = Enrolment(
        name, f"{ek:064x}", f"000b{key:064x}", b"area", Grade.CERTIFIED, T0, root="ab" * 32, maker="m"
    )
    return Held(enrolment, Standing(name, state, T0, "why", **fields))  # type: ignore[arg-type] # by name


def trusted(held: Held, at: datetime = T0) -> Held:
    """The same, trusted."""
    made = replace(held.standing, state=_S.TRUSTED, last_at=at, until=at + MINUTE, counters=Counters(2, 0, 2**40))
    return held._replace(standing=made)


def question(number: int, held: Held, at: datetime = T0) -> Challenge:
    """A challenge to a host."""
    return Challenge(f"{number:064x}", held.enrolment.host, held.enrolment.ak_name, at, at + MINUTE)


def entry(subject: str) -> LogEntry:
    """Something to be logged."""
    return LogEntry(
        kind=EntryKind.STANDING, subject=subject, actor="w", at=T0, fields={"failed": ("a", "b"), "n": None}
    )


@pytest.fixture
def store(tmp_path: Path) -> WatchStore:
    """An empty store."""
    return WatchStore(str(tmp_path / "deep" / "watch.db"))


def test_a_host_is_read_back_as_it_was_written(store: WatchStore, tmp_path: Path) -> None:
    """Every field, also by another process that opens the file later, which is its owner's alone."""
    bare = host()
    full = trusted(host("node2", 2, 2))
    full = full._replace(
        enrolment=replace(full.enrolment, admitted_at=T0, admitted_by="me"),
        standing=replace(full.standing, failed=("tpm.clock", "tpm.dbx"), evidence="sha256:" + "0" * 64),
    )
    for one in (bare, full):
        assert store.add(one)
    store.close()
    path = tmp_path / "deep" / "watch.db"
    with WatchStore(str(path)) as again:
        assert again.all() == [bare, full]
        assert again.live("node2") == again.by_ek(full.enrolment.ek) == full
        assert again.held("node2", bare.enrolment.ak_name) is None
        assert again.counts() == {**dict.fromkeys(_S, 0), _S.ENROLLED: 1, _S.TRUSTED: 1}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_name_and_a_tpm_belong_to_one_host(store: WatchStore) -> None:
    """Another key under a name, and another name for an endorsement key, are not taken, but as refused, and not without end."""
    assert store.add(host())
    assert not store.add(host(key=2, ek=2))
    assert not store.add(host("node2", 3, ek=1))
    assert not store.add(host(state=_S.REFUSED)), "the same key is there"
    for n in range(2, 2 + MOST_REFUSED):
        assert store.add(host(key=n, ek=n, state=_S.REFUSED), entry(str(n)))
    assert not store.add(host(key=99, ek=99, state=_S.REFUSED), entry("99"))
    assert store.pending() == MOST_REFUSED
    assert store.live("node1") == host()


def test_a_row_is_written_only_as_it_was_read(store: WatchStore) -> None:
    """Of two who read the same, the second to write is told so, and nothing of his is kept."""
    store.add(host())
    mine, theirs = store.live("node1"), store.live("node1")
    assert mine is not None
    assert theirs is not None
    assert store.replace(mine, trusted(mine), Kept(passed=b"record"))
    assert not store.replace(theirs, theirs._replace(standing=replace(theirs.standing, reason="lost")))
    now = store.live("node1")
    assert now is not None
    assert (now.standing.state, now.revision) == (_S.TRUSTED, mine.revision + 1)
    assert store.records("node1", mine.enrolment.ak_name) == Kept(b"record", b"")
    assert store.replace(now, now, Kept(failing=b"other"))
    assert store.records("node1", mine.enrolment.ak_name) == Kept(b"record", b"other")
    assert sorted(store.every_record()) == [b"other", b"record"]


def test_several_rows_and_their_entries_are_written_together(store: WatchStore) -> None:
    """Those that somebody wrote meanwhile stay as they are, and have no entry."""
    held = [host(f"n{n}", n, n) for n in range(3)]
    for one in held:
        store.add(one)
    assert store.replace(held[1], trusted(held[1]))
    moves = [Move(h, h._replace(standing=replace(h.standing, state=_S.STALE)), entry(h.enrolment.host)) for h in held]
    assert store.replace_all(moves) == 2
    assert [h.standing.state for h in store.all()] == [_S.STALE, _S.TRUSTED, _S.STALE]
    assert [e.subject for e in store.claim("t", T0, T0 - MINUTE)] == ["n0", "n2"]


def test_due_are_those_whose_lease_is_over(store: WatchStore) -> None:
    """The oldest first; and those whose lease began in the future, for the clock was set back."""
    for n in range(4):
        store.add(trusted(host(f"n{n}", n, n), T0 + n * MINUTE))
    store.add(host("other", 9, 9))
    at = T0 + 2 * MINUTE

    def names(now: datetime) -> list[str]:
        return [h.enrolment.host for h in store.due(now, now + SKEW)]

    assert names(at) == ["n0", "n1", "n3"]
    assert names(T0 - MINUTE) == ["n0", "n1", "n2", "n3"]
    assert len(store.due(at, at, most=1)) == 1


def test_a_challenge_is_answered_once(store: WatchStore) -> None:
    """It is read as it was made; the second who takes it has nothing, and so has who answers too late."""
    store.add(host())
    made = question(1, host())
    store.ask(made)
    assert store.asked(made.id) == made
    assert store.take(made)
    assert not store.take(made)
    assert store.asked(made.id) is None
    store.ask(question(2, host()))
    store.sweep(T0 + MINUTE)
    assert store.asked(f"{2:064x}") is None


def test_settling_takes_the_challenge_and_writes_the_host_or_neither(store: WatchStore) -> None:
    """None when the challenge is spent; False when the host was written meanwhile, and then it can still be answered."""
    store.add(host())
    for n, at in ((1, T0 - MINUTE), (2, T0), (3, T0 + MINUTE)):
        store.ask(question(n, host(), at))
    before = host()
    store.replace(before, trusted(before))
    assert store.settle(question(2, host()), before, before, NOTHING, entry("x")) is False
    assert (store.asked(f"{2:064x}") is not None, store.pending()) == (True, 0)
    now = store.live("node1")
    assert now is not None
    assert store.settle(question(2, host()), now, now, Kept(passed=b"r"), entry("x")) is True
    assert store.pending() == 1
    assert store.settle(question(2, host()), now, now, NOTHING, entry("x")) is None
    assert store.asked(f"{1:064x}") is None, "who answers an older challenge later is out of order"
    assert store.asked(f"{3:064x}") is not None


def _race(path: str, number: int, start: "Callable[[], object]") -> int:
    with WatchStore(path, seconds=30.0) as store:
        start()
        return sum(store.take(question(n, host())) for n in range(number))


def _racing(path: str, number: int, barrier: "threading.Barrier", won: "multiprocessing.Queue[int]") -> None:
    won.put(_race(path, number, barrier.wait))


def test_processes_that_race_take_each_challenge_once(tmp_path: Path) -> None:
    """Of four processes that answer the same forty challenges at the same time, one has each."""
    path = str(tmp_path / "w.db")
    with WatchStore(path) as store:
        for n in range(40):
            store.ask(question(n, host()))
    context = multiprocessing.get_context("spawn")
    barrier, won = context.Barrier(4), context.Queue()
    racers = [context.Process(target=_racing, args=(path, 40, barrier, won)) for _ in range(4)]
    for one in racers:
        one.start()
    taken = [won.get(timeout=60) for _ in racers]
    for one in racers:
        one.join(60)
    assert sum(taken) == 40


def test_threads_that_race_settle_once(store: WatchStore) -> None:
    """Of eight threads with one challenge and one host, one settles, and the row moved once."""
    store.add(host())
    store.ask(question(1, host()))
    barrier = threading.Barrier(8)

    def work(_: int) -> bool | None:
        barrier.wait()
        return store.settle(question(1, host()), host(), trusted(host()), NOTHING, entry("x"))

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(8)))
    assert sorted(map(str, found)) == ["None"] * 7 + ["True"]
    now = store.live("node1")
    assert now is not None
    assert (now.revision, store.pending()) == (1, 1)


def test_an_enrolment_waits_once_and_not_for_ever(store: WatchStore) -> None:
    """Its secret is given back to the first who asks in time."""
    made = Session("node1", b"ek", b"ak", (b"c1", b"c2"), b"secret")
    for n in range(3):
        store.begin(str(n), made, T0 + MINUTE)
    assert store.sessions() == 3
    assert store.end("0", T0) == made
    assert store.end("0", T0) is None
    assert store.end("1", T0 + MINUTE) is None
    store.sweep(T0 + MINUTE)
    assert store.sessions() == 0


def test_another_key_takes_over_a_name(store: WatchStore) -> None:
    """The old one is refused and not admitted any more; a TPM that is known under another name cannot take over."""
    store.add(trusted(host()))
    store.add(host(key=2, ek=2, state=_S.REFUSED))
    store.add(host("node2", 3, 3))
    old, new = store.held("node1", host().enrolment.ak_name), store.held("node1", host(key=2).enrolment.ak_name)
    assert old is not None
    assert new is not None
    after = new._replace(standing=replace(new.standing, state=_S.ENROLLED))
    assert not store.take_over(None, new, after), "the name is taken"
    assert store.take_over(old, new, after)
    assert [(h.enrolment.ak_name[-1], h.standing.state) for h in store.all()][:2] == [
        ("1", _S.REFUSED),
        ("2", _S.ENROLLED),
    ]
    assert not store.take_over(old, new, after), "both were written meanwhile"
    store.add(host(key=4, ek=3, state=_S.REFUSED))
    now, thief = store.live("node1"), store.held("node1", host(key=4).enrolment.ak_name)
    assert now is not None
    assert thief is not None
    assert not store.take_over(now, thief, thief._replace(standing=replace(thief.standing, state=_S.ENROLLED)))
    assert store.live("node1") == now, "nothing of it is kept"


def test_a_host_that_is_forgotten_leaves_nothing_but_its_entries(store: WatchStore) -> None:
    """Keys, refused ones too, and challenges are gone; what is to be logged of it waits."""
    store.add(host())
    store.add(host(key=2, ek=2, state=_S.REFUSED))
    store.ask(question(1, host()))
    assert store.forget("node1", [entry("gone")]) == 2
    assert (store.all(), store.asked(f"{1:064x}"), store.pending()) == ([], None, 1)
    assert store.forget("node1", [entry("gone")]) == 0
    assert store.pending() == 1


def test_what_waits_for_the_log_is_handed_to_one_at_a_time(store: WatchStore) -> None:
    """In order, to one server; it is free again when that one gives it back, or is never heard of again."""
    store.enlist([entry(str(n)) for n in range(3)])
    assert store.claim("a", T0, T0 - MINUTE, most=2) == [entry("0"), entry("1")]
    assert store.claim("b", T0, T0 - MINUTE) == [entry("2")]
    assert store.claim("c", T0, T0 - MINUTE) == []
    store.free("a")
    store.logged("b")
    assert store.claim("c", T0, T0 - MINUTE) == [entry("0"), entry("1")]
    assert store.claim("d", T0 + 2 * MINUTE, T0 + MINUTE) == [entry("0"), entry("1")]
    store.logged("d")
    assert store.pending() == 0


def test_a_roll_is_called_by_one(store: WatchStore) -> None:
    """The first who asks for a period calls it."""
    assert [store.call_roll(p) for p in ("1", "1", "2", "2")] == [True, False, True, False]


def test_a_newer_database_is_not_touched(store: WatchStore, tmp_path: Path) -> None:
    """Tables of a version that is not known are refused, and so is a file that is no database."""
    path = tmp_path / "deep" / "watch.db"
    store.close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE watch_schema SET version = 99")
    db.close()
    with pytest.raises(StateError, match="version 99"):
        WatchStore(str(path))
    (tmp_path / "x.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StateError):
        WatchStore(str(tmp_path / "x.db"))
    with pytest.raises(StateError, match=r"\*\*\*"):
        WatchStore("nothing://user:secret@host/db")


def test_files_of_evidence_are_swept_when_nobody_wants_them(tmp_path: Path) -> None:
    """Not those that are named, nor those that somebody put just now, also where they were there already."""
    digests = [evidence_blobs.put(tmp_path, bytes([n]) * 9) for n in range(3)]
    later = max(p.stat().st_mtime for p in tmp_path.glob("*/*")) + 100
    assert evidence_blobs.sweep(tmp_path, set(), later - 200) == 0
    assert evidence_blobs.sweep(tmp_path, {digests[0]}, later) == 2
    assert [p.name for p in tmp_path.glob("*/*")] == [digests[0].removeprefix("sha256:")]
