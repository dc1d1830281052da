"""Handovers on emulated cards: each step, whatever fails in it, who holds the node, and what a machine that fell comes up to."""

import multiprocessing
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import cards
import msgspec
import pytest

from strongroom.app import handover as app
from strongroom.app import scrub as scrubs
from strongroom.app.handover import Wanted
from strongroom.app.handover_book import Book, Books
from strongroom.app.log import Appended
from strongroom.app.scrub import Desk
from strongroom.model.errors import BadUsage, GpuError, LogError, Malformed, StateError
from strongroom.model.handover import Cause, Cordon, Ended, Hold, KeeperKind, Known, Stage, Why
from strongroom.model.log import LogEntry
from strongroom.scrub.devices.cpu import CpuDevice
from strongroom.scrub.emulated import Spec

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
XID = Cause(Why.XID, "79")


class Log:
    """A log in memory, which can be told to fail."""

    def __init__(self) -> None:
        self.entries: list[LogEntry] = []
        self.full = -1

    def record(self, entry: LogEntry) -> Appended:
        if len(self.entries) == self.full:
            raise LogError("log", "no space left", "a log that takes entries")
        self.entries.append(entry)
        return Appended(len(self.entries) - 1, b"", (), b"")

    def steps(self) -> list[tuple[str, bool]]:
        """What was logged of handovers: stages and whether they were ok, and ends."""
        found = []
        for e in self.entries:
            if e.fields["what"] == "handover-step":
                found.append((str(e.fields["stage"]), e.fields["ok"] is True))
            elif e.fields["what"] == "handover-end":
                found.append((str(e.fields["ended"]), True))
        return found


class Node:
    """A scheduler of one node, of which one call can fail."""

    def __init__(self) -> None:
        self.hold, self.calls = Hold(cordoned=False), []
        self.failing = ""

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.failing == name:
            raise GpuError("scheduler", "no answer", "an answer")

    def look(self) -> Hold:
        self._called("look")
        return self.hold

    def cordon(self, words: str) -> Hold:
        self._called("cordon")
        if not self.hold.cordoned or self.hold.waits:
            self.hold = Hold(True, words)
        return self.hold

    def failed(self, _: str) -> None:
        self._called("failed")

    def uncordon(self, words: str) -> None:
        self._called("uncordon")
        assert self.hold.words == words
        self.hold = Hold(cordoned=False)


class Stand(NamedTuple):
    """A card, a node, a log, and where books are."""

    card: Path
    node: Node
    log: Log
    folder: Path

    def wanted(self, *causes: Cause, uuids: tuple[str, ...] = (cards.UUID,), jobs: tuple[str, ...] = ("7",)) -> Wanted:
        gpus = scrubs.Asked(uuids, "cpu", {"card": str(self.card)}, jobs, seconds=20)
        return Wanted(gpus, "n1", "test", causes)

    def run(self, *causes: Cause, **more: tuple[str, ...]) -> app.HandedOver:
        return app.hand_over(self.wanted(*causes, **more), self.desk())

    def desk(self) -> Desk:
        times = (AT + timedelta(seconds=n) for n in range(1000))
        return Desk(self.log, self.folder, lambda: next(times))

    def book(self) -> Book:
        return Books(self.folder, "n1").read()

    def ready(self, uuid: str = cards.UUID) -> str:
        found = app.ready(self.wanted(uuids=(uuid,)), self.desk(), "8")
        return "; ".join(found.reasons[uuid])


BOTH = pytest.mark.parametrize("kept", [False, True], ids=["tainted", "kept"])


@pytest.fixture
def kept() -> bool:
    """Whether the scheduler keeps the GPUs until the caller ends."""
    return False


@pytest.fixture
def stand(tmp_path: Path, kept: bool, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """All of it, with a scheduler that is a test's."""
    node = Node()
    kind = KeeperKind("test", "", lambda *_: node, kept=kept)
    monkeypatch.setattr(app, "scheduler", lambda _: kind)
    return Stand(cards.card(tmp_path), node, Log(), tmp_path / "books")


def spec(card: Path, **changed: object) -> None:
    """Change what a card is like."""
    held = msgspec.json.decode((card / "card.json").read_bytes())
    top = {k: v for k, v in changed.items() if k == "errors"}
    held["spec"] |= {k: v for k, v in changed.items() if k != "errors"}
    (card / "card.json").write_bytes(msgspec.json.encode({**held, **top}))


@BOTH
def test_a_change_of_tenants(stand: Stand, kept: bool) -> None:
    """Scrub and health, with a cordon around them where the scheduler does not keep the GPUs by itself."""
    assert stand.ready() == "no handover of it is known"
    found = stand.run()
    middle = [("scrub", True), ("health", True)]
    assert found.good
    assert stand.log.steps() == [*(middle if kept else [("cordon", True), *middle, ("uncordon", True)]), ("good", True)]
    assert stand.node.hold == Hold(cordoned=False)
    assert stand.ready() == ""
    assert stand.book().opened == ()
    assert stand.book().known[cards.UUID].firmware == {"VBIOS": "1.0", "InfoROM": "1.0"}
    start = stand.log.entries[-1].fields
    assert (start["what"], start["ok"], start["jobs"]) == ("start", True, ("8",))
    assert start["relies-on"] == (str(found.entry),)


@BOTH
def test_a_gpu_that_jobs_shared_waits_for_the_last(stand: Stand) -> None:
    """No scheduler keeps it for one of them: the node is cordoned; while one is on it it is held, and goes on with the last."""
    stand.run()
    guest = CpuDevice(cards.UUID, stand.card)
    guest.open(lambda _: 1.0)
    wanted = stand.wanted()
    assert "processes remain" in stand.ready()
    assert app.ready(wanted._replace(shared=True), stand.desk(), "9").good  # beside others of its kind
    held = stand.run(Cause(Why.SHARED, "job 7"))
    assert (held.path.ended, stand.node.hold.cordoned) == (Ended.HELD, True)
    assert [s.stage for s in held.path.steps] == [Stage.CORDON, Stage.SCRUB]
    assert not app.ready(wanted._replace(shared=True), stand.desk(), "9").good
    guest.close()
    good = stand.run(Cause(Why.SHARED, "job 8"))
    assert good.good
    assert [s.stage for s in good.path.steps] == [Stage.CORDON, Stage.SCRUB, Stage.HEALTH, Stage.UNCORDON]
    assert (stand.node.hold.cordoned, stand.ready()) == (False, "")


@BOTH
def test_a_failure_goes_through_all_steps(stand: Stand) -> None:
    """Cordon, reset, scrub, health, uncordon: each an entry, in order, which names the earlier ones."""
    found = stand.run(XID)
    assert found.good
    assert stand.log.steps() == [(s.value, True) for s in Stage] + [("good", True)]
    last = next(e for e in stand.log.entries if e.fields["what"] == "handover-end")
    assert last.fields["earlier"] == tuple(str(d.entry) for d in found.path.steps)
    assert last.fields["causes"] == ("xid: 79",)
    times = [e.at for e in stand.log.entries]
    assert times == sorted(times)


def test_errors_of_memory_are_a_cause(stand: Stand) -> None:
    """A counter that is not zero when a job ends is a failure that nobody had to name; a reset clears it."""
    spec(stand.card, errors=2)
    found = stand.run()
    assert [c.why for c in found.path.causes] == [Why.ECC]
    assert found.good


FAULTS: list[tuple[str, Callable[[Stand], None], Stage]] = [
    ("cordon", lambda s: setattr(s.node, "failing", "cordon"), Stage.CORDON),
    ("reset", lambda s: spec(s.card, resets=False), Stage.RESET),
    ("scrub", lambda s: spec(s.card, context=99), Stage.SCRUB),
    ("uncordon", lambda s: setattr(s.node, "failing", "uncordon"), Stage.UNCORDON),
]


@BOTH
@pytest.mark.parametrize(("name", "fault", "stage"), FAULTS, ids=[f[0] for f in FAULTS])
def test_a_step_that_fails_holds_the_node(
    stand: Stand, name: str, fault: Callable[[Stand], None], stage: Stage
) -> None:
    """Whatever fails: the handover is held with the reason, nothing after it is done, the node is not let go, nothing is ready."""
    fault(stand)
    found = stand.run(XID)
    assert (found.good, found.path.ended) == (False, Ended.HELD)
    assert found.why.startswith(f"{stage}: ")
    if name not in {"cordon", "uncordon"}:
        assert "uncordon" not in stand.node.calls
    assert name == "cordon" or stand.node.hold.cordoned
    assert "last handover is held" in stand.ready()
    assert stand.book().opened[0].ended is Ended.HELD


@pytest.mark.parametrize("fault", [f for f in FAULTS if f[0] != "scrub"], ids=lambda f: f[0])
def test_a_held_handover_goes_on_in_the_next(stand: Stand, fault: tuple[str, Callable[[Stand], None], Stage]) -> None:
    """The next one of the same GPUs has its run, its causes and its cordon: a failure is not forgotten by trying again."""
    fault[1](stand)
    first = stand.run(XID)
    stand.node.failing = ""
    spec(stand.card, resets=True)
    second = stand.run(jobs=("8",))
    assert second.good
    assert second.path.run == first.path.run
    assert second.path.causes == (XID,)
    assert second.path.jobs == ("7", "8")
    assert stand.node.hold == Hold(cordoned=False)
    assert stand.ready() == ""


def test_firmware_that_changed_is_never_passed_on(stand: Stand) -> None:
    """A VBIOS that is another than at the last handover holds the GPU, now and each time until a person has looked."""
    assert stand.run().good
    spec(stand.card, vbios="6.66")
    assert "VBIOS was 1.0 at the last handover, and is 6.66" in stand.ready()
    for _ in range(2):
        found = stand.run()
        assert not found.good
        assert "VBIOS was 1.0 at the last handover, and is 6.66" in found.why
    accepted = app.hand_over(stand.wanted()._replace(accept_firmware=True), stand.desk())
    assert accepted.good
    assert "its firmware is accepted as it is" in accepted.path.steps[-2].detail
    assert stand.run().good
    spec(stand.card, vbios="1.0")
    assert "VBIOS was 6.66" in stand.run().why


@BOTH
def test_what_another_cordoned_stays_cordoned(stand: Stand) -> None:
    """The GPU is scrubbed and good, and its node stays with whoever holds it."""
    stand.node.hold = Hold(True, "bad fan")
    found = stand.run(XID)
    assert (found.good, found.path.ended) == (True, Ended.LEFT)
    assert found.why == "another holds it: bad fan"
    assert "uncordon" not in stand.node.calls
    assert stand.node.hold == Hold(True, "bad fan")
    assert stand.book().cordon is None


def test_a_cordon_that_changed_hands_meanwhile_stays(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who takes the node over while it is scrubbed keeps it."""
    real = scrubs.scrub

    def meanwhile(asked: scrubs.Asked, desk: Desk) -> list[scrubs.Scrubbed]:
        stand.node.hold = Hold(True, "firmware update")
        return real(asked, desk)

    monkeypatch.setattr(scrubs, "scrub", meanwhile)
    found = stand.run(XID)
    assert (found.path.ended, found.why) == (Ended.LEFT, "another holds it now: firmware update")
    assert stand.node.hold.words == "firmware update"


def test_a_taint_that_waits_is_whose_scrubs(stand: Stand) -> None:
    """A node that came up with the taint of nobody is let go by the scrub that it waited for."""
    stand.node.hold = Hold(True, "pending", waits=True)
    assert stand.run(XID).path.ended is Ended.GOOD
    assert stand.node.hold == Hold(cordoned=False)


def test_a_node_waits_for_all_its_handovers(stand: Stand, tmp_path: Path) -> None:
    """While another GPU's handover is held, a node that this program cordoned stays so; the last one lets it go."""
    two = tmp_path / "two"
    for n in (1, 2):
        scrubs.emulated.create(two / f"CPU-{n}", Spec(f"CPU-{n}", 512, 512, l2=1024, shared=256, resets=n == 1))
    both = stand._replace(card=two)
    held = both.run(XID, uuids=("CPU-2",))
    assert held.path.ended is Ended.HELD
    first = both.run(XID, uuids=("CPU-1",))
    assert (first.good, first.path.ended) == (True, Ended.LEFT)
    assert f"not done: {held.path.run} (held)" in first.why
    assert stand.node.hold.cordoned
    spec(two / "CPU-2", resets=True)
    assert both.run(uuids=("CPU-2",)).path.ended is Ended.GOOD
    assert stand.node.hold == Hold(cordoned=False)
    assert both.ready("CPU-1") == both.ready("CPU-2") == ""


@pytest.mark.parametrize("full", range(8))
def test_a_log_that_fills_up_leaves_nothing_ready(stand: Stand, full: int) -> None:
    """Whichever entry cannot be written: the handover is open, the node is not let go by it, and the next one finishes it."""
    stand.log.full = full
    try:
        done = stand.run(XID).good
    except LogError:
        done = False
    stand.log.full = -1
    assert done is (full > 6)
    if not done:
        assert "open" in stand.ready()
        if full < 5:  # before the entry that says so, the node is never let go
            assert "uncordon" not in stand.node.calls
    assert stand.run(jobs=("8",)).good
    assert stand.ready() == ""


def test_a_machine_that_fell_comes_up_with_its_causes(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handover that was open when the machine fell goes on after its next boot, which was the reset."""
    stand.log.full = 1
    with pytest.raises(LogError):
        stand.run(XID)
    stand.log.full = -1
    spec(stand.card, resets=False)
    monkeypatch.setattr(app.kernel_log, "boot", lambda: "another boot")
    found = stand.run(Cause(Why.BOOT))
    assert found.good
    assert found.path.causes == (Cause(Why.BOOT), XID)
    assert "started again" in found.path.steps[1].detail
    monkeypatch.setattr(app.kernel_log, "boot", lambda: "a third boot")
    assert "before this machine started" in stand.ready()


def test_a_gpu_that_does_not_answer_hangs(stand: Stand) -> None:
    """Silence is a failure; a GPU that stays silent is held."""
    (stand.card / "card.json").write_bytes(b"{}")
    found = stand.run()
    assert [c.why for c in found.path.causes] == [Why.HANG]
    assert found.path.ended is Ended.HELD
    assert not found.good


def test_a_book_that_cannot_be_read_is_no_empty_one(stand: Stand) -> None:
    """What is damaged says nothing of what was open: nothing is ready, and nothing goes on."""
    stand.folder.mkdir()
    (stand.folder / "handovers-n1.json").write_text("{")
    with pytest.raises(StateError):
        stand.run()
    with pytest.raises(StateError):
        stand.ready()
    with pytest.raises(Malformed):
        Books(stand.folder, "../n1")


def test_a_gpu_that_is_not_where_the_table_has_it_is_not_touched(stand: Stand) -> None:
    """A number of the scheduler that means another device by now: nothing is scrubbed, and nothing is ready."""
    wanted = stand.wanted()._replace(minors={cards.UUID: 3})
    with pytest.raises(GpuError, match="/dev/nvidia3"):
        app.hand_over(wanted, stand.desk())
    assert stand.log.entries == []
    assert not app.ready(wanted, stand.desk(), "8").good


BUS, LINE = "0000:3b:00", "4,{n},1,-;NVRM: Xid (PCI:{bus}): {xid}, pid=1, name=job, a line"


def with_log(stand: Stand, text: str | None) -> Wanted:
    """Handovers of a card that is a PCI device, with a kernel's log of these lines; None is one that cannot be read."""
    spec(stand.card, bus=BUS)
    path = stand.folder.parent / "kmsg"
    if text is not None:
        path.write_text(text)
    return stand.wanted()._replace(log=path)


def test_an_xid_since_the_last_handover_is_a_failure(stand: Stand) -> None:
    """What the driver wrote about this GPU makes its handover the longer one, once; XIDs of other GPUs are theirs."""
    lines = [LINE.format(n=1, bus=BUS, xid=13), LINE.format(n=2, bus="0000:86:00", xid=79)]
    wanted = with_log(stand, "\n".join(lines))
    first = app.hand_over(wanted, stand.desk())
    assert [(c.why, c.detail) for c in first.path.causes] == [(Why.XID, f"13 on {BUS}, {cards.UUID}")]
    assert first.good
    assert [c.why for c in app.hand_over(wanted, stand.desk()).path.causes] == [Why.TENANT]
    wanted.log.write_text("\n".join([*lines, LINE.format(n=3, bus=BUS, xid=31)]))
    assert [c.detail for c in app.hand_over(wanted, stand.desk()).path.causes] == [f"31 on {BUS}, {cards.UUID}"]


def test_an_xid_while_it_is_handed_over_holds_it(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in the middle of a handover speaks against its end, and is the cause of the next."""
    wanted = with_log(stand, LINE.format(n=1, bus="0000:86:00", xid=79))
    real = scrubs.scrub

    def meanwhile(asked: scrubs.Asked, desk: Desk) -> list[scrubs.Scrubbed]:
        with wanted.log.open("a") as log:
            log.write("\n" + LINE.format(n=2, bus=BUS, xid=48))
        return real(asked, desk)

    with monkeypatch.context() as once:
        once.setattr(scrubs, "scrub", meanwhile)
        found = app.hand_over(wanted, stand.desk())
    assert (found.path.ended, "XID 48 while it was handed over" in found.why) == (Ended.HELD, True)
    after = app.hand_over(wanted, stand.desk())
    assert after.good
    assert Why.XID in {c.why for c in after.path.causes}


def test_a_log_of_the_kernel_that_cannot_be_read_is_no_health(stand: Stand) -> None:
    """Without the kernel's log nobody knows of XIDs; with a hole in it there may have been some."""
    found = app.hand_over(with_log(stand, None), stand.desk())
    assert (found.path.ended, "cannot tell whether there were XIDs" in found.why) == (Ended.HELD, True)
    wanted = with_log(stand, "6,7,1,-;a line")
    assert app.hand_over(wanted, stand.desk()).good
    wanted.log.write_text("6,99,1,-;a line much later")
    lost = app.hand_over(wanted, stand.desk())
    assert lost.good
    assert "records 8 to 98 of the kernel's log are overwritten" in lost.path.causes[0].detail


def test_a_gpu_is_named_as_for_a_scrub(stand: Stand) -> None:
    """No GPU, an index, and one twice are refused before anything is done."""
    for uuids in ((), ("0",), (cards.UUID, cards.UUID)):
        with pytest.raises(BadUsage):
            stand.run(uuids=uuids)
    assert stand.node.calls == []


def _known(folder: Path, uuid: str) -> None:
    for _ in range(20):
        with Books(folder, "n1").changing() as page:
            known = page.book.known
            old = known.get(uuid)
            entry = Known(outcome=Ended.GOOD, boot="b", entry=old.entry + 1 if old else 1)
            page.book = msgspec.structs.replace(page.book, known={**known, uuid: entry}, cordon=Cordon("r", "w"))


def test_a_book_is_changed_by_one_process_at_a_time(tmp_path: Path) -> None:
    """Processes that write at once lose nothing of each other's."""
    context = multiprocessing.get_context("spawn")
    running = [context.Process(target=_known, args=(tmp_path, f"CPU-{n}")) for n in range(3)]
    for one in running:
        one.start()
    for one in running:
        one.join()
    assert {k: v.entry for k, v in Books(tmp_path, "n1").read().known.items()} == {f"CPU-{n}": 20 for n in range(3)}
