"""The watch over hosts, as its server drives it: with minted TPMs, a clock in hand, a real store and a real log."""

import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import minted_x509 as x
import msgspec
import pytest
import tpm_minting as minting
from watched_machine import OTHER_BOOT, POLICY, REFERENCES, Machine

from strongroom.app import watch_enrol, watching
from strongroom.app.appraisal import appraise
from strongroom.app.appraisal_record import encode, parse, replay
from strongroom.app.log import Log, Place, create
from strongroom.app.log_entries import entries
from strongroom.app.watch_enrol import Activated
from strongroom.app.watch_limits import Buckets
from strongroom.app.watch_log import Journal
from strongroom.app.watch_metrics import Health, metrics
from strongroom.app.watch_record import Judging, restore
from strongroom.app.watch_setup import RefusedError, Watch
from strongroom.app.watch_sweep import clean, sweep
from strongroom.app.watching import Told
from strongroom.model.attest import Endorsements, ReferenceValues
from strongroom.model.codes import EntryKind
from strongroom.model.errors import BadInput, BadUsage, LogUnavailable, NotFound
from strongroom.model.log import LogEntry
from strongroom.model.standing import Admission, Grade, StandingState
from strongroom.store.standing import WatchStore

_S = StandingState


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    at: datetime = x.NOW

    def __call__(self) -> datetime:
        """The time."""
        return self.at

    def move(self, seconds: float) -> None:
        """Move it."""
        self.at += timedelta(seconds=seconds)


@dataclass
class Rig:
    """A watch with all that belongs to it."""

    watch: Watch
    clock: Clock
    log: Place
    told: list[str]
    by: list[Judging]  # one: what is in force

    def enrol(self, machine: Machine, host: str = "node1", *, certified: bool = True) -> Activated:
        """Enrolment as an agent does it."""
        given = machine.certificates if certified else ()
        asked = watch_enrol.enrol(self.watch, host, machine.ek, given, machine.ak)
        return watch_enrol.activate(self.watch, asked.session, machine.activate(asked.blob, asked.secret))

    def admit(self, machine: Machine, host: str = "node1") -> None:
        """Enrolment, and the owner's yes."""
        self.enrol(machine, host)
        watch_enrol.admit(self.watch, host)

    def round(self, machine: Machine, host: str = "node1", **fields: object) -> Told:
        """A challenge, and an answer at once."""
        asked = watching.challenge(self.watch, host, machine.name)
        return watching.evidence(self.watch, host, asked.nonce, machine.quote(asked.nonce, **fields))

    def state(self, host: str = "node1") -> StandingState:
        """Where a host stands, as the store has it."""
        held = self.watch.store.live(host)
        assert held is not None
        return held.standing.state

    def trusted(self, host: str = "node1") -> bool:
        """Whether a host is trusted now."""
        held = self.watch.store.live(host)
        return held is not None and held.standing.trusted_at(self.clock())

    def logged(self) -> list[LogEntry]:
        """What the log holds."""
        assert isinstance(self.watch.journal, Journal)
        self.watch.journal.close()
        return [got.entry for got in entries(self.log) if got.entry is not None]

    def changes(self) -> list[str]:
        """The changes of standing that the log holds."""
        held = (e.fields for e in self.logged() if e.kind.value == "standing")
        return [f"{f['before']} to {f['after']}" for f in held]


def made(folder: Path, clock: Clock, **fields: object) -> Rig:
    """A watch over a folder; another one over the same folder takes it up."""
    place, told, store = Place(str(folder / "log")), list[str](), WatchStore(str(folder / "watch.db"))
    if not (folder / "log").exists():
        create(place, "log.example/watch")
    journal = Journal(store, lambda: Log.open(place), clock, secrets.token_bytes)
    by = [Judging(POLICY, REFERENCES, Endorsements())]
    files, chance = folder / "files", secrets.token_bytes
    watch = Watch(store, journal, lambda: by[0], files, clock, chance, "the watch", tell=told.append)
    return Rig(replace(watch, **fields), clock, place, told, by)  # type: ignore[arg-type] # by name


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A watch of its own."""
    held = made(tmp_path, Clock())
    yield held
    assert isinstance(held.watch.journal, Journal)
    held.watch.journal.close()
    held.watch.store.close()


def refused(status: int) -> "pytest.RaisesExc[RefusedError]":
    """A refusal with this status."""
    return pytest.raises(RefusedError, check=lambda e: e.status == status)


# A host's life


def test_a_host_is_enrolled_admitted_trusted_and_loses_it(rig: Rig) -> None:
    """Certified and waiting; trusted by its first answer behind the admission; lost by the first that shows another boot;
    back by the first that passes. Each step is in the log.
    """
    machine = Machine(1)
    assert rig.enrol(machine) == Activated("node1", machine.name, Grade.CERTIFIED, admitted=False)
    assert rig.round(machine).standing is _S.ENROLLED
    watch_enrol.admit(rig.watch, "node1")
    assert not rig.trusted(), "an answer from before does not count"
    told = rig.round(machine)
    assert told == Told(_S.TRUSTED, x.NOW + timedelta(seconds=60), ())
    machine.events = OTHER_BOOT
    assert rig.round(machine) == Told(_S.LOST, None, ("tpm.measurement",))
    assert not rig.trusted()
    machine.events = minting.BOOT
    assert rig.round(machine).standing is _S.TRUSTED
    assert [
        (e.kind.value, e.fields.get("action") or f"{e.fields['before']} to {e.fields['after']}") for e in rig.logged()
    ] == [
        ("enrolment", "enrol"),
        ("enrolment", "admit"),
        ("standing", "enrolled to trusted"),
        ("standing", "trusted to lost"),
        ("standing", "lost to trusted"),
    ]


def test_renewals_that_change_nothing_have_no_entry(rig: Rig) -> None:
    """Ten answers in ten minutes are one change; the roll that is called each hour names the last of them."""
    machine = Machine(1)
    rig.admit(machine)
    for _ in range(10):
        assert rig.round(machine).standing is _S.TRUSTED
        rig.clock.move(40)
        sweep(rig.watch)
    assert rig.trusted() is True
    found = rig.logged()
    assert [e.kind.value for e in found] == ["enrolment", "enrolment", "standing", "roll-call"]
    assert found[3].fields == {"hosts": 1, "trusted": 1}
    rig.clock.move(3600)
    rig.round(machine)
    sweep(rig.watch)
    assert [e.kind.value for e in rig.logged()][4:] == ["standing", "roll-call"], "it was silent for an hour"


def test_a_changed_host_loses_its_standing_within_one_interval(rig: Rig) -> None:
    """Whether it answers with what it is now, answers with what it was, or does not answer at all."""
    for number, does in enumerate(("tells", "hides", "is silent")):
        machine, host = Machine(number), f"node{number}"
        rig.admit(machine, host)
        asked = watching.challenge(rig.watch, host, machine.name)
        clean_quote = machine.quote(asked.nonce)  # quoted at once, kept for later
        rig.round(machine, host)
        changed_at = rig.clock.at
        machine.events = OTHER_BOOT
        rig.clock.move(59)
        if does == "tells":
            rig.round(machine, host)
        elif does == "hides":
            with refused(403):  # a challenge that was made before one that it answered
                watching.evidence(rig.watch, host, asked.nonce, clean_quote)
        rig.clock.at = changed_at + timedelta(seconds=60)
        assert not rig.trusted(host)
        sweep(rig.watch)
        assert rig.state(host) is (_S.LOST if does == "tells" else _S.STALE)


def test_an_answer_that_was_kept_back_gains_no_time(rig: Rig) -> None:
    """Quoted at once and sent late, it is good for what is left of the interval behind its challenge."""
    machine = Machine(1)
    rig.admit(machine)
    asked = watching.challenge(rig.watch, "node1", machine.name)
    quote = machine.quote(asked.nonce)
    rig.clock.move(50)
    assert watching.evidence(rig.watch, "node1", asked.nonce, quote).until == x.NOW + timedelta(seconds=60)


def test_a_silent_host_is_found_by_the_sweep(rig: Rig) -> None:
    """Not before its time; then once, with an entry; and it is back by its next answer."""
    machine = Machine(1)
    rig.admit(machine)
    rig.round(machine)
    rig.clock.move(59)
    assert sweep(rig.watch) == 0
    rig.clock.move(1)
    assert sweep(rig.watch) == 1
    assert sweep(rig.watch) == 0
    assert rig.round(machine).standing is _S.TRUSTED
    assert rig.changes() == ["enrolled to trusted", "trusted to stale", "stale to trusted"]


def test_a_restart_is_told_and_not_held_against_a_host(rig: Rig) -> None:
    """One more reset with the same boot is a change in the log; fewer resets are another machine, or one put back."""
    machine = Machine(1)
    rig.admit(machine)
    rig.round(machine)
    before = machine.counters
    machine.restart()
    assert rig.round(machine).standing is _S.TRUSTED
    machine.counters = before
    told = rig.round(machine)
    assert (told.standing, told.failed) == (_S.LOST, ("tpm.clock",))
    assert rig.changes() == ["enrolled to trusted", "trusted to trusted", "trusted to lost"]
    assert [e.fields["restarted"] for e in rig.logged() if e.kind.value == "standing"] == [False, True, False]


def test_going_back_counts_whatever_the_policy_leaves_out(rig: Rig) -> None:
    """A policy that names `tpm.clock` unchecked does not let a machine be put back to an earlier state."""
    policy = msgspec.structs.replace(POLICY, unchecked={"tpm.clock": "the owner of a test"})
    rig.by[0] = Judging(policy, REFERENCES, Endorsements())
    machine = Machine(1)
    rig.admit(machine)
    rig.round(machine)
    machine.counters = (4000, 2, 1)
    told = rig.round(machine)
    assert (told.standing, told.failed) == (_S.LOST, ())


def test_without_reference_values_nobody_is_trusted(rig: Rig) -> None:
    """An appraisal that is not complete opens nothing, and one that was complete before does not help."""
    machine = Machine(1)
    rig.admit(machine)
    assert rig.round(machine).standing is _S.TRUSTED
    rig.by[0] = Judging(POLICY, ReferenceValues(), Endorsements())
    assert rig.round(machine) == Told(_S.LOST, None, ())
    held = rig.watch.store.live("node1")
    assert held is not None
    assert held.standing.reason == "not checked: tpm.measurement"


# Challenges


def test_a_nonce_is_answered_once(rig: Rig) -> None:
    """The same answer a second time is refused, and the standing stays."""
    machine = Machine(1)
    rig.admit(machine)
    asked = watching.challenge(rig.watch, "node1", machine.name)
    quote = machine.quote(asked.nonce)
    assert watching.evidence(rig.watch, "node1", asked.nonce, quote).standing is _S.TRUSTED
    with refused(403):
        watching.evidence(rig.watch, "node1", asked.nonce, quote)
    assert rig.trusted()


@pytest.mark.parametrize("new", [False, True])
def test_a_nonce_is_answered_once_in_a_race(rig: Rig, *, new: bool) -> None:
    """Of eight threads with one answer, one is heard, whether it gains trust or renews it."""
    machine = Machine(1)
    rig.admit(machine)
    if not new:
        rig.round(machine)
    asked = watching.challenge(rig.watch, "node1", machine.name)
    quote = machine.quote(asked.nonce)
    barrier = threading.Barrier(8)

    def work(_: int) -> str:
        barrier.wait()
        try:
            return watching.evidence(rig.watch, "node1", asked.nonce, quote).standing.value
        except RefusedError as e:
            return str(e.status)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(work, range(8))) == ["403"] * 7 + ["trusted"]
    assert rig.changes() == ["enrolled to trusted"]


def test_nonces_are_for_one_host_and_for_one_interval(rig: Rig) -> None:
    """Another's, one that nobody made, and one whose time is over are refused; another's is not spent by that."""
    first, second = Machine(1), Machine(2)
    rig.admit(first, "node1")
    rig.admit(second, "node2")
    asked = watching.challenge(rig.watch, "node1", first.name)
    with refused(403):
        watching.evidence(rig.watch, "node2", asked.nonce, second.quote(asked.nonce))
    with refused(403):
        watching.evidence(rig.watch, "node1", bytes(32), first.quote(bytes(32)))
    assert watching.evidence(rig.watch, "node1", asked.nonce, first.quote(asked.nonce)).standing is _S.TRUSTED
    late = watching.challenge(rig.watch, "node1", first.name)
    rig.clock.move(60)
    with refused(403):
        watching.evidence(rig.watch, "node1", late.nonce, first.quote(late.nonce))


@pytest.mark.parametrize(
    ("fields", "failed"),
    [
        ({"signer": Machine(9).key}, "tpm.signature"),
        ({"signer": Machine(9).key, "area": Machine(9).ak}, "tpm.ak_certified"),
        ({"nonce": bytes(32)}, "tpm.extra_data"),
        ({"magic": 0}, "tpm.magic"),
    ],
)
def test_what_is_not_a_hosts_own_does_not_touch_its_standing(rig: Rig, fields: dict[str, object], failed: str) -> None:
    """Forged, another machine's, or old evidence spends the challenge, and neither takes nor gives trust."""
    machine = Machine(1)
    rig.admit(machine)
    told = rig.round(machine, "node1", **fields)
    assert (told.standing, failed in told.failed) == (_S.ENROLLED, True)
    rig.round(machine)
    asked = watching.challenge(rig.watch, "node1", machine.name)
    for status in (None, 403):
        if status is None:
            assert (
                watching.evidence(rig.watch, "node1", asked.nonce, machine.quote(asked.nonce, **fields)).standing
                is _S.TRUSTED
            )
        else:
            with refused(status):
                watching.evidence(rig.watch, "node1", asked.nonce, machine.quote(asked.nonce))
    assert rig.changes() == ["enrolled to trusted"]


@pytest.mark.parametrize("document", [b"", b"{}", b"[]", b"null", b"\xff", b'{"schema":"strongroom.tpm-evidence/1"}'])
def test_what_is_no_evidence_is_refused(rig: Rig, document: bytes) -> None:
    """It spends the challenge, and the standing stays."""
    machine = Machine(1)
    rig.admit(machine)
    rig.round(machine)
    asked = watching.challenge(rig.watch, "node1", machine.name)
    with refused(400):
        watching.evidence(rig.watch, "node1", asked.nonce, document)
    with refused(403):
        watching.evidence(rig.watch, "node1", asked.nonce, machine.quote(asked.nonce))
    assert rig.trusted()


def test_the_verifier_chooses_what_is_quoted(rig: Rig) -> None:
    """Bank and registers are the policy's, and who is not known is asked nothing."""
    machine = Machine(1)
    with refused(404):
        watching.challenge(rig.watch, "node1", machine.name)
    rig.enrol(machine)
    asked = watching.challenge(rig.watch, "node1", machine.name)
    assert (asked.bank, asked.pcrs, asked.interval, len(asked.nonce)) == (POLICY.tpm.bank, POLICY.tpm.pcrs, 60.0, 32)
    with refused(404):
        watching.challenge(rig.watch, "node1", Machine(2).name)


# Enrolment


def test_certified_hosts_are_let_in_where_the_owner_says_so(tmp_path: Path) -> None:
    """`certified` admits those, and nobody else."""
    rig = made(tmp_path, Clock(), admit=Admission.CERTIFIED)
    assert rig.enrol(Machine(1)).admitted
    assert rig.round(Machine(1)).standing is _S.TRUSTED
    assert rig.enrol(Machine(2), "node2", certified=False) == Activated(
        "node2", Machine(2).name, Grade.FIRST_USE, admitted=False
    )
    assert rig.round(Machine(2), "node2").standing is _S.ENROLLED


def test_a_wrong_answer_enrols_nobody(rig: Rig) -> None:
    """Nor does one that comes twice, too late, or for another machine's endorsement key."""
    machine, other = Machine(1), Machine(2)
    for answer in (bytes(32), b""):
        asked = watch_enrol.enrol(rig.watch, "node1", machine.ek, machine.certificates, machine.ak)
        with refused(403):
            watch_enrol.activate(rig.watch, asked.session, answer)
        with refused(403):
            watch_enrol.activate(rig.watch, asked.session, machine.activate(asked.blob, asked.secret))
    asked = watch_enrol.enrol(rig.watch, "node1", machine.ek, machine.certificates, machine.ak)
    rig.clock.move(300)
    with refused(403):
        watch_enrol.activate(rig.watch, asked.session, machine.activate(asked.blob, asked.secret))
    with refused(403):
        watch_enrol.enrol(rig.watch, "node1", machine.ek, other.certificates, machine.ak)
    with refused(403):
        watch_enrol.enrol(rig.watch, "node1", b"no key", (), machine.ak)
    assert (rig.watch.store.all(), rig.logged()) == ([], [])


def test_a_name_that_is_known_is_not_given_to_another_key(rig: Rig) -> None:
    """Who wants it is remembered as refused, and logged; the host keeps its standing; the owner may decide otherwise."""
    machine, other = Machine(1), Machine(2)
    rig.admit(machine)
    rig.round(machine)
    with refused(409):
        rig.enrol(other)
    with refused(409):
        watching.challenge(rig.watch, "node1", other.name)
    assert rig.trusted()
    assert [h.standing.state for h in rig.watch.store.all()] == [_S.TRUSTED, _S.REFUSED]
    with pytest.raises(BadUsage, match="2 keys"):
        watch_enrol.admit(rig.watch, "node1")
    with pytest.raises(NotFound):
        watch_enrol.admit(rig.watch, "node1", "ffff")
    assert watch_enrol.admit(rig.watch, "node1", other.name[:30]).ak_name == other.name
    assert not rig.trusted()
    assert rig.round(other).standing is _S.TRUSTED
    with refused(409):
        rig.round(machine)
    actions = [e.fields.get("action") or e.fields["after"] for e in rig.logged()]
    assert actions == ["enrol", "admit", "trusted", "refuse", "admit", "refused", "trusted"]


def test_a_tpm_has_one_name(rig: Rig) -> None:
    """A machine that is known cannot stand for another host as well, until the owner forgets it under the first name."""
    machine = Machine(1)
    rig.admit(machine)
    with refused(409):
        rig.enrol(machine, "node2")
    with pytest.raises(BadInput, match="known as node1"):
        watch_enrol.admit(rig.watch, "node2")
    watch_enrol.forget(rig.watch, "node1")
    watch_enrol.admit(rig.watch, "node2")
    assert rig.round(machine, "node2").standing is _S.TRUSTED


def test_a_host_that_comes_again_keeps_its_standing(rig: Rig) -> None:
    """The same key once more changes nothing; a chain that was missing at first makes the grade better, never worse."""
    machine = Machine(1)
    assert rig.enrol(machine, certified=False).grade is Grade.FIRST_USE
    watch_enrol.admit(rig.watch, "node1")
    rig.round(machine)
    assert rig.enrol(machine) == Activated("node1", machine.name, Grade.CERTIFIED, admitted=True)
    assert rig.enrol(machine, certified=False).grade is Grade.CERTIFIED
    assert rig.trusted()
    assert [e.fields.get("action") for e in rig.logged()] == ["enrol", "admit", None, "certify"]


def test_a_forgotten_host_begins_anew(rig: Rig) -> None:
    """Its trust is over at once, its challenge is void, and when it is back it waits for its owner."""
    machine = Machine(1)
    rig.admit(machine)
    rig.round(machine)
    asked = watching.challenge(rig.watch, "node1", machine.name)
    assert watch_enrol.forget(rig.watch, "node1") == 1
    with refused(403):
        watching.evidence(rig.watch, "node1", asked.nonce, machine.quote(asked.nonce))
    with refused(404):
        rig.round(machine)
    assert not rig.enrol(machine).admitted
    with pytest.raises(NotFound):
        watch_enrol.forget(rig.watch, "nobody")
    with pytest.raises(NotFound):
        watch_enrol.admit(rig.watch, "nobody")


# Without a log


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Takes the log away, and gives it back."""
    sound = Log.append

    def broken(*_: object) -> object:
        raise LogUnavailable("log", "no space left on device", "an entry that is durable")

    return lambda down: monkeypatch.setattr(Log, "append", broken if down else sound)


def test_nothing_is_gained_without_the_log(rig: Rig, breaking: Callable[[bool], None]) -> None:
    """Neither an enrolment, nor an admission, nor trust; what there is can be renewed."""
    old, new = Machine(1), Machine(2)
    rig.admit(old)
    rig.round(old)
    rig.enrol(new, "node2")
    breaking(True)
    with refused(503):
        rig.enrol(Machine(3), "node3")
    assert rig.watch.store.live("node3") is None
    with pytest.raises(LogUnavailable):
        watch_enrol.admit(rig.watch, "node2")
    assert rig.round(new, "node2").standing is _S.ENROLLED
    rig.clock.move(40)
    assert rig.round(old).standing is _S.TRUSTED
    rig.clock.move(40)
    assert rig.trusted()
    assert Health(rig.watch).words()["log"] == "unavailable"
    breaking(False)
    watch_enrol.admit(rig.watch, "node2")
    breaking(True)
    with refused(503):
        rig.round(new, "node2")
    assert not rig.trusted("node2")
    breaking(False)
    assert rig.round(new, "node2").standing is _S.TRUSTED


def test_trust_is_lost_without_the_log_and_logged_when_it_is_back(rig: Rig, breaking: Callable[[bool], None]) -> None:
    """At once for who fails, is silent or is forgotten; nothing of it goes missing, and no gain is logged before it."""
    failing, silent, unwanted = Machine(1), Machine(2), Machine(3)
    for number, machine in enumerate((failing, silent, unwanted), 1):
        rig.admit(machine, f"node{number}")
        rig.round(machine, f"node{number}")
    breaking(True)
    failing.events = OTHER_BOOT
    assert rig.round(failing, "node1").standing is _S.LOST
    watch_enrol.forget(rig.watch, "node3")
    rig.clock.move(61)
    assert sweep(rig.watch) == 1
    assert [rig.trusted(f"node{n}") for n in (1, 2, 3)] == [False] * 3
    assert rig.watch.store.pending() == 5  # the first sweep has called the roll
    failing.events = minting.BOOT
    with refused(503):
        rig.round(failing, "node1")
    breaking(False)
    assert rig.round(failing, "node1").standing is _S.TRUSTED
    assert rig.watch.store.pending() == 0
    found = rig.logged()
    told = [e.fields.get("action") or f"{e.subject} {e.fields.get('after')}" for e in found][9:]
    assert sorted(told[:5]) == ["forget", "hosts None", "node1 lost", "node2 stale", "node3 refused"]
    assert told[5:] == ["node1 trusted"]


def test_a_log_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    """Not at every request, and its own words are told, not those of the attempt before."""
    clock, tried = Clock(), list[int]()

    def opening() -> Log:
        tried.append(1)
        raise NotFound("log", "nothing", "a log")

    with WatchStore(str(tmp_path / "w.db")) as store:
        journal = Journal(store, opening, clock, secrets.token_bytes)
        entry = LogEntry(kind=EntryKind.STANDING, subject="x", actor="x", at=clock())
        for moved, tries in ((0, 1), (1, 1), (2, 2), (0, 2)):
            clock.move(moved)
            with pytest.raises(LogUnavailable, match="found nothing, wanted a log"):
                journal.write([entry])
            assert len(tried) == tries
            assert journal.trouble == "log: found nothing, wanted a log"


# Several servers, and one that is started again


def test_another_server_takes_everything_up(tmp_path: Path) -> None:
    """Enrolments, standings, open challenges and what waits for the log are the same for a server that is started later."""
    clock = Clock()
    first = made(tmp_path, clock)
    machine = Machine(1)
    first.admit(machine)
    first.round(machine)
    asked = watching.challenge(first.watch, "node1", machine.name)
    half = watch_enrol.enrol(first.watch, "node2", Machine(2).ek, (), Machine(2).ak)
    first.logged()
    first.watch.store.close()
    second = made(tmp_path, clock)
    assert second.trusted()
    assert watching.evidence(second.watch, "node1", asked.nonce, machine.quote(asked.nonce)).standing is _S.TRUSTED
    opened = Machine(2).activate(half.blob, half.secret)
    assert watch_enrol.activate(second.watch, half.session, opened).host == "node2"
    clock.move(1000)
    assert sweep(second.watch) == 1


def test_two_servers_work_from_one_store(tmp_path: Path) -> None:
    """A challenge of one is answered at the other, and each sees at once what the other did."""
    clock = Clock()
    first, second = made(tmp_path, clock), made(tmp_path, clock)
    machine = Machine(1)
    first.admit(machine)
    asked = watching.challenge(first.watch, "node1", machine.name)
    assert watching.evidence(second.watch, "node1", asked.nonce, machine.quote(asked.nonce)).standing is _S.TRUSTED
    with refused(403):
        watching.evidence(first.watch, "node1", asked.nonce, machine.quote(asked.nonce))
    machine.events = OTHER_BOOT
    first.round(machine)
    assert not second.trusted()
    clock.move(100)
    assert sweep(first.watch) + sweep(second.watch) == 0
    assert [e.kind.value for e in first.logged()].count("roll-call") == 1


# Records


def test_the_last_good_and_the_last_failed_answer_can_be_judged_again(rig: Rig) -> None:
    """Each gives a file that replays to the same verdict; a file of evidence that was changed is found out."""
    machine = Machine(1)
    rig.admit(machine)
    rig.round(machine)
    machine.events = OTHER_BOOT
    rig.round(machine)
    kept = rig.watch.store.records("node1", machine.name)
    for data, opens in ((kept.passed, True), (kept.failing, False)):
        assert data is not None
        assert len(data) < 8192
        found = restore(rig.watch.files, data, appraise)
        assert (found.same, found.record.appraisal.opens) == (True, opens)
        again = replay(parse(encode(found.record), "file"))
        assert (again.same, again.again.opens) == (True, opens)
    assert kept.passed is not None
    forged = kept.passed.replace(b'"ak_name":"000b', b'"ak_name":"000c')
    assert not restore(rig.watch.files, forged, appraise).same


def test_files_that_no_record_names_are_removed(rig: Rig) -> None:
    """The logs of a boot that was replaced go after a while; those of the records stay."""
    machine = Machine(1)
    rig.admit(machine)
    rig.round(machine, log=b"x" * 5000)
    rig.round(machine)
    before = {p.name for p in rig.watch.files.glob("*/*")}
    assert clean(rig.watch, rig.clock()) == 0, "they were put just now"
    later = max(p.stat().st_mtime for p in rig.watch.files.glob("*/*"))
    rig.round(machine, log=b"y" * 5000)
    clean(rig.watch, datetime.fromtimestamp(later + 7200, x.NOW.tzinfo))
    kept = rig.watch.store.records("node1", machine.name)
    assert kept.passed
    assert kept.failing
    for data in (kept.passed, kept.failing):
        assert restore(rig.watch.files, data, appraise).same
    assert len(before - {p.name for p in rig.watch.files.glob("*/*")}) == 1


# What is told


def test_figures_and_health(rig: Rig) -> None:
    """Hosts by standing, answers and changes are counted, and a watch that does not sweep is not healthy."""
    assert Health(rig.watch).status == 503
    sweep(rig.watch)
    assert Health(rig.watch).words() == {"status": "ok", "store": "ok", "log": "ok", "log_pending": 0, "sweep": "ok"}
    machine = Machine(1)
    rig.admit(machine)
    rig.round(machine)
    rig.round(machine, magic=0)
    text = metrics(rig.watch)
    for line in (
        'strongroom_hosts{state="trusted"} 1',
        'strongroom_answers_total{outcome="passed"} 1',
        'strongroom_answers_total{outcome="foreign"} 1',
        'strongroom_changes_total{after="trusted"} 1',
        "strongroom_log_pending 0",
        'strongroom_decision_seconds_bucket{le="+Inf"} 2',
    ):
        assert line in text.splitlines()
    rig.clock.move(31)
    assert Health(rig.watch).status == 503


def test_who_asks_too_often_has_to_wait() -> None:
    """Half a minute's worth at once, then as the bucket fills; another's bucket is his own; a clock set back gives nothing."""
    buckets, at = Buckets(60.0), x.NOW
    assert [buckets.wait("a", at) for _ in range(30)] == [0.0] * 30
    assert buckets.wait("a", at) == pytest.approx(1.0)
    assert buckets.wait("b", at) == 0.0
    assert buckets.wait("a", at - timedelta(hours=1)) > 0
    assert buckets.wait("a", at + timedelta(seconds=2)) == 0.0
