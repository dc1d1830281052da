"""Whatever goes wrong in a scrub is told, wherever it is: none of these runs ends as scrubbed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cards
import pytest
from cards import GRANULE, GRANULES, Faulty
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.kit import scrub_pattern as pattern
from strongroom.kit.scrub_pattern import WORD
from strongroom.model.errors import GpuError
from strongroom.model.scrub import Audit, Block, Checked, Cover, Gpu, Outcome, Remains, Standing, Step, Taken
from strongroom.scrub.devices.cpu import CpuDevice

PAGES = GRANULES - 1  # one is the context's
TAKEN = PAGES * GRANULE
PLACE = st.integers(0, TAKEN - 1)
PAGE = st.integers(0, PAGES - 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the cards of all examples: each has its own in it."""
    return tmp_path_factory.mktemp("cards")


def refused(device: Any, *words: str) -> None:
    """It is not scrubbed, and each word stands in a reason."""
    report, verdict = cards.scrub(device)
    assert verdict.outcome is Outcome.NOT_SCRUBBED
    said = "; ".join(verdict.reasons)
    assert [w for w in words if w not in said] == [], said
    assert report.bytes_verified <= report.bytes_taken


def test_a_whole_card_is_scrubbed(folder: Path) -> None:
    """Without a fault everything is read, written and verified, and the card holds zeros where it was reached."""
    path = cards.card(folder)
    cards.plant(path, GRANULE, b"a secret of somebody" * 9)
    report, verdict = cards.scrub(cards.device(path))
    assert verdict.reasons == ()
    assert verdict.outcome is Outcome.SCRUBBED
    assert (report.bytes_taken, report.bytes_verified, report.bytes_total) == (TAKEN, TAKEN, GRANULE * GRANULES)
    assert not any(cards.octets(path))


def test_a_report_never_says_all(folder: Path) -> None:
    """What no allocation reaches is named, and what is reached and what is not come to the whole."""
    report, _ = cards.scrub(cards.device(cards.card(folder)))
    assert report.bytes_total is not None
    assert report.bytes_taken < report.bytes_total
    assert report.unreached[0].bytes == report.bytes_total - report.bytes_taken
    assert len(report.unreached) > 2


def after(step: Callable[[CpuDevice, Block], None]) -> Callable[..., Any]:
    """A fault that lets the call do its work and then does something to the memory."""

    def fault(inner: CpuDevice, own: Callable[..., Any], block: Block, *more: Any) -> Any:
        done = own(block, *more)
        step(inner, block)
        return done

    return fault


@settings(max_examples=40)
@given(PLACE, st.integers(1, 255))
def test_a_wrong_pattern_is_found_anywhere(folder: Path, place: int, bits: int) -> None:
    """One octet that is not as it was written, anywhere, after the pattern: told, with its word."""
    device = Faulty(cards.device(cards.card(folder)), "fill", after(lambda d, _: cards.poke(d, place, bits)))
    refused(device, f"check-pattern: 1 words are not as they were written, the first at {place // WORD * WORD}")


@settings(max_examples=40)
@given(PLACE, st.integers(1, 255))
def test_a_zero_that_was_not_written_is_found_anywhere(folder: Path, place: int, bits: int) -> None:
    """One octet that is not zero after zeros were written, anywhere: told, and not counted as verified."""
    device = Faulty(cards.device(cards.card(folder)), "zero", after(lambda d, _: cards.poke(d, place, bits)))
    refused(device, "check-zero: 1 words", f"the first at {place // WORD * WORD}", f"of {TAKEN} octets are verified")


@settings(max_examples=20)
@given(PAGE, st.sampled_from(["fill", "zero"]))
def test_a_page_that_is_skipped_is_found(folder: Path, page: int, name: str) -> None:
    """A page that was not written, though the device says so, holds what was there before."""
    kept: dict[int, bytes] = {}

    def fault(inner: CpuDevice, own: Callable[..., Any], block: Block, *more: Any) -> Any:
        begin = inner._pages(block)[page][1]
        memory = inner._memory
        assert memory is not None
        kept[page] = memory[begin : begin + GRANULE]
        done = own(block, *more)
        memory[begin : begin + GRANULE] = kept[page]
        return done

    step = "check-pattern" if name == "fill" else "check-zero"
    refused(Faulty(cards.device(cards.card(folder)), name, fault), f"{step}: {GRANULE // WORD} words")


@settings(max_examples=20)
@given(st.integers(1, PAGES), st.sampled_from(["fill", "zero", "check", "audit"]))
def test_a_pass_that_ends_early_is_told(folder: Path, pages: int, name: str) -> None:
    """A pass over less than was taken counts for what it did, not for what it was asked."""

    def fault(_: CpuDevice, own: Callable[..., Any], block: Block, *more: Any) -> Any:
        return own(cards.short(block, pages), *more)

    refused(Faulty(cards.device(cards.card(folder)), name, fault), f"{TAKEN - pages * GRANULE} of {TAKEN} octets")


@settings(max_examples=20)
@given(PAGE, PAGE)
def test_memory_that_answers_twice_is_found(folder: Path, page: int, other: int) -> None:
    """Two addresses of one page are not two pages: the pattern tells them apart, zeros would not."""
    device = cards.device(cards.card(folder))

    def fault(inner: CpuDevice, own: Callable[..., Taken]) -> Taken:
        taken = own()
        granules, offset, octets = inner._mine[taken.blocks[0].address]
        granules = [granules[other] if n == page else g for n, g in enumerate(granules)]
        inner._mine[taken.blocks[0].address] = (granules, offset, octets)
        return taken

    report, verdict = cards.scrub(Faulty(device, "take", fault))
    assert (verdict.outcome is Outcome.SCRUBBED) is (page == other)
    assert ([p.wrong_words for p in report.passes if p.step is Step.CHECK_ZERO]) == [0]


@settings(max_examples=20)
@given(st.integers(1, PAGES))
def test_an_allocation_that_shrinks_is_told(folder: Path, pages: int) -> None:
    """Memory that could not be had is not reached, and too little of it is not a scrub."""

    def fault(_: CpuDevice, own: Callable[..., Taken]) -> Taken:
        taken = own()
        return Taken(tuple(cards.short(b, pages) for b in taken.blocks), taken.granule, taken.how)

    refused(Faulty(cards.device(cards.card(folder)), "take", fault), "% are wanted")


@settings(max_examples=40)
@given(st.sets(st.integers(GRANULE // WORD, GRANULE * GRANULES // WORD - 1), min_size=1, max_size=12))
def test_no_canary_is_missed(folder: Path, places: set[int]) -> None:
    """Every word with a known tag that others left is counted, wherever it is, and the first is named."""
    path, tag = cards.card(folder), b"\x01leftovr"
    for place in places:
        cards.plant(path, place * WORD, pattern.canary(tag, place))
    report, verdict = cards.scrub(cards.device(path), tags=(b"another!", tag))
    assert report.audit is not None
    assert [(c.tag, c.words) for c in report.audit.canaries] == [(b"another!".hex(), 0), (tag.hex(), len(places))]
    assert report.audit.residual_words == len(places)
    assert report.audit.first == report.audit.canaries[1].first == min(places) * WORD - GRANULE
    assert (verdict.outcome, verdict.remains) == (Outcome.SCRUBBED, Remains.LEAK)
    assert verdict.remains_bytes == WORD * len(places)


def test_an_audit_that_misses_a_page_tells_nothing_of_it(folder: Path) -> None:
    """Where not everything was read before it was written, nobody says that nothing was there."""

    def fault(_: CpuDevice, own: Callable[..., Any], block: Block, *more: Any) -> Any:
        return own(cards.short(block, 1), *more)

    _, verdict = cards.scrub(Faulty(cards.device(cards.card(folder)), "audit", fault))
    assert (verdict.outcome, verdict.remains) == (Outcome.NOT_SCRUBBED, Remains.UNKNOWN)


CALLS = ("open", "take", "audit", "fill", "check", "zero", "flush", "sweep")


@pytest.mark.parametrize("name", CALLS)
def test_a_device_that_is_lost_is_a_reason(folder: Path, name: str) -> None:
    """A GPU that is lost in any call ends the run as failed, with the driver's words, and is given back."""
    path = cards.card(folder)
    report, verdict = cards.scrub(Faulty(cards.device(path), name, cards.lost))
    assert verdict.outcome is Outcome.NOT_SCRUBBED
    assert "gpu is lost" in verdict.reasons[0]
    assert report.failure is not None
    assert cards.device(path).look().occupants == ()


def test_a_device_that_is_lost_after_is_a_reason(folder: Path) -> None:
    """A GPU that does not answer once everything is done has not been seen to be free."""
    device = cards.device(cards.card(folder))
    looks = iter([device.look()])

    def fault(_: CpuDevice, __: Callable[..., Standing]) -> Standing:
        found = next(looks, None)
        if found is None:
            raise GpuError("nvml", "gpu is lost", "an answer")
        return found

    refused(Faulty(device, "look", fault), "look-after", "gpu is lost")


@settings(max_examples=30)
@given(st.integers(0, 30))
def test_time_that_runs_out_is_a_reason(folder: Path, looks: int) -> None:
    """A run that passes its time, at whichever step, ends as failed there."""
    report, verdict = cards.scrub(cards.device(cards.card(folder)), seconds=0.0005 + looks / 1000)
    assert (verdict.outcome is Outcome.SCRUBBED) is (report.failure is None)
    if report.failure is not None:
        assert "no answer within" in report.failure.reason


def cover(**changed: int) -> Callable[..., Cover]:
    """A sweep that reached something else."""
    made = {"units": 4, "units_total": 4, "bytes_each": 256, "bytes_each_total": 256, **changed}
    return lambda _, __, *___: Cover(**made)


@pytest.mark.parametrize(
    ("name", "fault", "word"),
    [
        ("sweep", cover(units=3), "local: 3 of 4 units"),
        ("sweep", cover(units=0, units_total=0), "0 of 0 units"),
        ("sweep", cover(bytes_each=200), "200 of 256 octets of each unit"),
        ("sweep", cover(wrong_words=1), "registers: 1 that would not go"),
        ("flush", lambda _, __, octets: octets - 1, "the cache was not flushed"),
        ("take", lambda _, __: Taken((), 512, "nothing"), "0 of"),
        ("check", lambda _, own, block, key: Checked(own(block, key).bytes, 7, 5), "7 words"),
        ("audit", lambda *_: Audit(), "audit: 0 of"),
    ],
)
def test_what_a_device_does_not_reach_is_told(folder: Path, name: str, fault: Callable[..., Any], word: str) -> None:
    """Units that had no block, parts of them, and what would not go are reasons."""
    refused(Faulty(cards.device(cards.card(folder)), name, fault), word)


def test_another_gpu_is_told(folder: Path) -> None:
    """A context on another GPU than the one that was named is a reason, whatever was done there."""

    def fault(_: CpuDevice, own: Callable[..., Gpu], *more: Any) -> Gpu:
        found = own(*more)
        return Gpu(
            uuid="CPU-2", units=found.units, shared_bytes=1, register_bytes=1, l2_bytes=found.l2_bytes, method=""
        )

    refused(Faulty(cards.device(cards.card(folder)), "open", fault), "no context on the GPU that was named")


def test_somebody_who_came_meanwhile_is_told(folder: Path) -> None:
    """A process that has a context when all is done may have had one before: what it held was not reached."""
    path = cards.card(folder, granules=512)
    device = cards.device(path)
    first = device.look()
    looks = iter([first])
    guest = Standing(
        **{n: getattr(first, n) for n in first.__struct_fields__ if n != "occupants"}, occupants=(cards.GUEST,)
    )

    def fault(_: CpuDevice, __: Callable[..., Standing]) -> Standing:
        return next(looks, guest)

    refused(Faulty(device, "look", fault), "after: 1 processes remain: 4242 guest")
