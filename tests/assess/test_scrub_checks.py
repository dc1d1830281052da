"""`scrub:` as a source: what a log shows of GPUs between tenants, and what it does not show."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import pytest

from strongroom.app.assess import assess
from strongroom.app.handover_log import Pen
from strongroom.app.log import Log, Place, create
from strongroom.model.codes import EntryKind, Status
from strongroom.model.errors import Unreadable
from strongroom.model.handover import Cause, Done, Ended, Stage, Why
from strongroom.model.handover import Path as Handover
from strongroom.model.log import LogEntry
from strongroom.model.scrub import Remains

GPU, OTHER = "GPU-12345678-1234-1234-1234-123456789012", "GPU-22345678-1234-1234-1234-123456789012"
AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
XID, TENANT = Cause(Why.XID, "79"), Cause(Why.TENANT)
CORDON, RESET, SCRUB, HEALTH, UNCORDON = Stage
RECORDED, CANARY, GATE = "gpu.scrub.recorded", "gpu.scrub.canary-clean", "gpu.scrub.gate"
WAY, ORDER = "gpu.scrub.failure-path", "gpu.scrub.log-in-order"
CHECKS = (RECORDED, CANARY, GATE, WAY, ORDER)


class Book:
    """A log that a test writes as a node does."""

    def __init__(self, folder: Path, *, emulated: bool = False) -> None:
        self.place = Place(str(folder / "log"))
        create(self.place)
        self.emulated, self.tick, self.runs = emulated, 0, 0

    def __enter__(self) -> Self:
        self.log = Log.open(self.place, offline=True)
        self.pen = Pen(self.log, "cuda", self.emulated)
        return self

    def __exit__(self, *_: object) -> None:
        self.log.publish()
        self.log.close()

    def at(self) -> datetime:
        self.tick += 1
        return AT + timedelta(minutes=self.tick)

    def scrub(self, outcome: str = "scrubbed", uuid: str = GPU, what: str = "scrub", **more: object) -> None:
        fields = {"what": what, "gpu": uuid, "outcome": outcome, "emulated": self.emulated, **more}
        self.log.record(LogEntry(kind=EntryKind.SCRUB, subject=f"GPU {uuid}", actor="t", at=self.at(), fields=fields))  # type: ignore[arg-type]

    def handover(
        self,
        *stages: Stage,
        cause: Cause = TENANT,
        ended: Ended = Ended.GOOD,
        ok: Iterable[bool] = (),
        kept: bool = True,
    ) -> None:
        self.runs += 1
        path = Handover(run=f"r{self.runs}", node="n", gpus=(GPU,), causes=(cause,), kept=kept)
        results = [*ok, *([True] * len(stages))]
        for stage, good in zip(stages, results, strict=False):
            if stage is SCRUB:
                self.scrub("scrubbed" if good else "not-scrubbed")
            entry = self.pen.step(path, Done(stage, good), self.at())
            path = Handover(
                **{
                    **{f: getattr(path, f) for f in path.__struct_fields__},
                    "steps": (*path.steps, Done(stage, good, "", entry)),
                }
            )
        self.pen.end(
            Handover(**{**{f: getattr(path, f) for f in path.__struct_fields__}, "ended": ended}), "", self.at()
        )

    def start(self, job: str, reasons: tuple[str, ...] = ()) -> None:
        self.pen.start("n", {GPU: reasons}, (), job, self.at())


def told(book: Book, now: datetime = NOW) -> dict[str, tuple[Status, str]]:
    """What the checks of scrubbing say of the GPU."""
    found = assess((f"scrub:{book.place.where}",), now)
    mine = [f for f in found.findings if f.check.startswith("gpu.scrub.")]
    assert {f.asset for f in mine} <= {f"gpu:{GPU}"}
    return {f.check: (f.status, str(f.arguments)) for f in mine}


def test_a_log_of_good_handovers_proves_them(tmp_path: Path) -> None:
    """Scrubs between all starts, a leak test that was clean, and a failure that took the whole way: all pass."""
    book = Book(tmp_path)
    with book:
        book.scrub(Remains.CLEAN.value, what="leak-test", where=(), reasons=())
        book.handover(SCRUB, HEALTH)
        book.start("1")
        book.handover(SCRUB, HEALTH)
        book.start("2")
        book.handover(CORDON, RESET, SCRUB, HEALTH, UNCORDON, cause=XID)
        book.start("3")
    assert {c: s for c, (s, _) in told(book).items()} == dict.fromkeys(CHECKS, Status.PASS)


def test_a_log_without_failures_and_starts_proves_nothing_of_them(tmp_path: Path) -> None:
    """No start is no proof that each had a scrub, no leak test is none that was clean, and no failure has no way."""
    book = Book(tmp_path)
    with book:
        book.handover(SCRUB, HEALTH)
    found = {c: s for c, (s, _) in told(book).items()}
    assert found == {
        **dict.fromkeys((RECORDED, CANARY, GATE), Status.UNKNOWN),
        **dict.fromkeys((WAY, ORDER), Status.NOT_APPLICABLE),
    }


def test_a_start_without_a_scrub_is_told(tmp_path: Path) -> None:
    """Two jobs with no verified scrub between them, and a start after a handover that was held."""
    book = Book(tmp_path)
    with book:
        book.handover(SCRUB, HEALTH)
        book.start("1")
        book.start("2")
        book.handover(SCRUB, ended=Ended.HELD, ok=(False,))
        book.start("3", ("its last handover is held",))
        book.start("4")
    found = told(book)
    assert found[RECORDED][0] is found[GATE][0] is Status.FAIL
    assert "job 2: no scrub since" in found[RECORDED][1]
    assert "job 4: no scrub since" in found[RECORDED][1]
    assert "job 3" not in found[RECORDED][1]  # it was kept from starting
    assert "job 4: held" in found[GATE][1]


@pytest.mark.parametrize(
    ("stages", "ended", "ok", "word"),
    [
        ((CORDON, SCRUB, HEALTH, UNCORDON), Ended.GOOD, (), "the order is cordon, reset"),
        ((RESET, SCRUB, HEALTH), Ended.GOOD, (), "the order is"),
        ((CORDON, RESET, SCRUB, UNCORDON), Ended.GOOD, (), "without health"),
        ((), Ended.GOOD, (), "without cordon, reset, scrub, health, uncordon"),
        ((CORDON, RESET, SCRUB, HEALTH), Ended.GOOD, (True, True, False), "health after scrub had failed"),
        ((CORDON, RESET, SCRUB, HEALTH), Ended.LEFT, (), ""),
        ((CORDON, RESET), Ended.HELD, (True, False), ""),
    ],
)
def test_a_failure_that_went_another_way_is_told(
    tmp_path: Path, stages: tuple[Stage, ...], ended: Ended, ok: tuple[bool, ...], word: str
) -> None:
    """A step that is missing, out of order or after one that failed; held, or left to another, is no fault."""
    book = Book(tmp_path)
    with book:
        book.handover(*stages, cause=XID, ended=ended, ok=ok)
    status, said = told(book)[WAY]
    assert (status is Status.FAIL) is bool(word), said
    assert word in said


def test_a_cause_that_is_not_known_is_a_failure(tmp_path: Path) -> None:
    """An entry of a newer build with a cause of its own is held to the longer way."""
    book = Book(tmp_path)
    with book:
        path = Handover(run="r", node="n", gpus=(GPU,), causes=(TENANT,), kept=True)
        entry = book.pen._record
        fields = {
            "run": "r",
            "node": "n",
            "gpus": (GPU,),
            "jobs": (),
            "kept": True,
            "causes": ("meteor: big",),
            "earlier": (),
        }
        entry("handover-end", "n", {**fields, "ended": "good", "detail": ""}, book.at())
        assert path.causes == (TENANT,)
    assert told(book)[WAY][0] is Status.FAIL


@pytest.mark.parametrize(
    ("outcome", "days", "status"),
    [
        ("clean", 0, Status.PASS),
        ("clean", 30, Status.PASS),
        ("clean", 31, Status.UNKNOWN),
        ("cannot-tell", 0, Status.UNKNOWN),
        ("leak", 0, Status.FAIL),
        ("leak", 300, Status.FAIL),
        ("other", 0, Status.UNKNOWN),
    ],
)
def test_a_leak_test_counts_while_it_is_fresh(tmp_path: Path, outcome: str, days: int, status: Status) -> None:
    """A leak stays one; a clean test is worth a month; one that could not tell says nothing."""
    book = Book(tmp_path)
    with book:
        book.scrub("clean", what="leak-test")
        book.scrub(outcome, what="leak-test", where=("exit: 5 words",) if outcome == "leak" else ())
        at = AT + timedelta(minutes=book.tick, days=days)
    assert told(book, at)[CANARY][0] is status


def test_times_that_go_back_are_told(tmp_path: Path) -> None:
    """Steps that another clock wrote are in no order of time."""
    book = Book(tmp_path)
    times = iter([AT, AT + timedelta(hours=2), AT, AT, AT, AT + timedelta(hours=3), AT + timedelta(hours=3)])
    with book:
        book.at = lambda: next(times)  # type: ignore[method-assign]
        book.handover(CORDON, RESET, SCRUB, HEALTH, UNCORDON, cause=XID)
    status, said = told(book)[ORDER]
    assert status is Status.FAIL
    assert "times that go back" in said


def test_a_log_that_was_changed_proves_nothing(tmp_path: Path) -> None:
    """What an audit finds makes every other answer unknown."""
    book = Book(tmp_path)
    with book:
        book.handover(SCRUB, HEALTH)
        book.start("1")
    bundle = next((tmp_path / "log/public/tile/entries").rglob("*.p/*"))
    bundle.chmod(0o600)
    bundle.write_bytes(bundle.read_bytes().replace(b'"ok":true', b'"ok":null'))
    found = assess((f"scrub:{book.place.where}",), NOW)
    mine = [f for f in found.findings if f.check.startswith("gpu.scrub.")]
    assert Status.PASS not in {f.status for f in mine}
    assert found.gaps or any(f.status is Status.FAIL for f in mine)


def test_emulated_cards_are_no_gpus(tmp_path: Path) -> None:
    """What was done on an emulated card says nothing of a GPU."""
    book = Book(tmp_path, emulated=True)
    with book:
        book.handover(SCRUB, HEALTH)
        book.start("1")
    assert told(book) == {}


def test_a_folder_without_a_log_is_refused(tmp_path: Path) -> None:
    """A place without a log is an input that cannot be used."""
    with pytest.raises(Unreadable, match="no log"):
        assess((f"scrub:{tmp_path}",), NOW)
