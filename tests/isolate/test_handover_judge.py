"""Handovers as a pure judge sees them: the order of steps, whose a cordon is, health, and what is ready."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.isolate import handover as judge
from strongroom.kit.handover_path import faults, following, stages
from strongroom.model.handover import FAILURES, Cause, Cordon, Done, Ended, Hold, Known, Path, Stage, Why, Xid
from strongroom.model.scrub import Occupant, Standing

UUID, BUS = "GPU-12345678-1234-1234-1234-123456789012", "0000:3b:00"
FIRMWARE = {"VBIOS": "96.00", "InfoROM": "G520"}
NOW = Standing(uuid=UUID, driver="580.1", occupants=(), bus=BUS, uncorrected=0, firmware=FIRMWARE)
KNOWN = Known(outcome=Ended.GOOD, boot="b1", entry=4, driver="580.1", firmware=FIRMWARE)
TENANT, XID = Cause(Why.TENANT), Cause(Why.XID, "79")
CORDON, RESET, SCRUB, HEALTH, UNCORDON = Stage


def path(*causes: Cause, kept: bool = False, steps: tuple[Done, ...] = ()) -> Path:
    return Path(run="r1", node="n", gpus=(UUID,), causes=causes, kept=kept, steps=steps)


def now(**changed: object) -> Standing:
    return msgspec.structs.replace(NOW, **changed)


@pytest.mark.parametrize(
    ("causes", "kept", "wanted"),
    [
        ((TENANT,), True, (SCRUB, HEALTH)),
        ((TENANT,), False, (CORDON, SCRUB, HEALTH, UNCORDON)),
        ((XID,), True, tuple(Stage)),
        ((XID,), False, tuple(Stage)),
        ((TENANT, Cause(Why.HANG)), True, tuple(Stage)),
        ((Cause(Why.BOOT),), True, (SCRUB, HEALTH)),
    ],
)
def test_the_order_of_steps(causes: tuple[Cause, ...], kept: bool, wanted: tuple[Stage, ...]) -> None:
    """Any failure among the causes asks for all steps; a scheduler that keeps the GPUs meanwhile needs no cordon else."""
    assert stages(causes, kept=kept) == wanted


@given(st.sampled_from(list(Why)), st.booleans(), st.lists(st.booleans(), max_size=6))
def test_a_path_goes_on_step_by_step_and_ends_where_one_fails(why: Why, kept: bool, oks: list[bool]) -> None:
    """Each next step is that of the order; after a step that failed there is none, and uncordon never comes before health."""
    found = path(Cause(why), kept=kept)
    wanted = stages((Cause(why),), kept=kept)
    for n, ok in enumerate(oks):
        stage = judge.next_stage(found)
        if not isinstance(stage, Stage):
            break
        assert stage is wanted[n]
        if stage is UNCORDON:
            assert [d.stage for d in found.steps if d.ok][-2:] == [SCRUB, HEALTH]
        found = msgspec.structs.replace(found, steps=(*found.steps, Done(stage, ok, entry=n)))
    end = judge.next_stage(found)
    if any(not d.ok for d in found.steps):
        assert end is Ended.HELD
    elif len(found.steps) == len(wanted):
        assert end is Ended.GOOD
    else:
        assert isinstance(end, Stage)
    if end is not Ended.HELD:
        assert list(faults(found.causes, found.steps, kept=kept, ended=Ended.OPEN)) == []


@given(st.lists(st.tuples(st.sampled_from(list(Stage)), st.booleans()), max_size=6), st.booleans())
def test_good_is_only_the_whole_order(steps: list[tuple[Stage, bool]], kept: bool) -> None:
    """Whatever steps are claimed, a handover after a failure is good only with all five, each ok, in their order."""
    made = path(XID, kept=kept, steps=tuple(Done(s, ok, entry=n) for n, (s, ok) in enumerate(steps)))
    whole = [s for s, _ in steps] == list(Stage) and all(ok for _, ok in steps)
    assert (following(made) is Ended.GOOD) is whole
    assert (list(faults(made.causes, made.steps, kept=kept, ended=Ended.GOOD)) == []) is whole


@pytest.mark.parametrize(
    ("steps", "ended", "word"),
    [
        ([SCRUB, HEALTH, UNCORDON], Ended.GOOD, "the order is cordon, reset"),
        ([CORDON, SCRUB, RESET, HEALTH, UNCORDON], Ended.GOOD, "the order is"),
        ([CORDON, RESET, SCRUB, UNCORDON], Ended.GOOD, "without health"),
        ([CORDON, RESET, SCRUB], Ended.LEFT, "without health"),
        ([CORDON, RESET, SCRUB, HEALTH], Ended.GOOD, "without uncordon"),
    ],
)
def test_an_order_that_was_not_kept_is_told(steps: list[Stage], ended: Ended, word: str) -> None:
    """A log that shows another order, or an end without a step, shows a fault."""
    made = tuple(Done(s, ok=True, entry=n) for n, s in enumerate(steps))
    assert word in "; ".join(faults((XID,), made, kept=True, ended=ended))


def test_a_node_that_another_holds_ends_without_uncordon() -> None:
    """All is done but the uncordon, which is another's: that is no fault; entries out of order are."""
    made = tuple(Done(s, ok=True, entry=n) for n, s in enumerate([CORDON, RESET, SCRUB, HEALTH]))
    assert list(faults((XID,), made, kept=True, ended=Ended.LEFT)) == []
    assert list(faults((XID,), made, kept=True, ended=Ended.OPEN)) == []
    late = tuple(Done(d.stage, ok=True, entry=9 - d.entry) for d in made)
    assert "entries" in "; ".join(faults((XID,), late, kept=True, ended=Ended.LEFT))
    failed = (Done(CORDON, ok=False, entry=1), Done(RESET, ok=True, entry=2))
    assert "reset after cordon had failed" in "; ".join(faults((XID,), failed, kept=True, ended=Ended.HELD))


OURS = Cordon("r0", "strongroom scrub r0")


@pytest.mark.parametrize(
    ("hold", "known", "wanted"),
    [
        (Hold(cordoned=False), None, None),
        (Hold(True, "strongroom scrub r1"), None, Cordon("r1", "strongroom scrub r1")),
        (Hold(True, "strongroom scrub r0"), OURS, OURS),
        (Hold(True, "strongroom scrub r0"), None, None),
        (Hold(True, "bad disk"), None, None),
        (Hold(True, "bad disk"), OURS, None),
        (Hold(True, "pending", waits=True), None, Cordon("r1", "pending")),
        (Hold(True, "failed"), None, None),
    ],
)
def test_a_cordon_has_an_owner(hold: Hold, known: Cordon | None, wanted: Cordon | None) -> None:
    """What this run put there, or what the book says that this program did; words that look alike are another's."""
    assert judge.cordon(hold, known, "r1") == wanted


@pytest.mark.parametrize(
    ("hold", "known", "others", "word"),
    [
        (Hold(True, OURS.words), OURS, (), ""),
        (Hold(True, "bad disk"), None, (), "another holds it: bad disk"),
        (Hold(True, "bad disk"), OURS, (), "another holds it now: bad disk"),
        (Hold(cordoned=False), OURS, (), "nobody holds it"),
        (Hold(True, OURS.words), OURS, (path(XID),), "not done: r1 (open)"),
    ],
)
def test_only_who_cordoned_lets_go(hold: Hold, known: Cordon | None, others: tuple[Path, ...], word: str) -> None:
    """Another's cordon, one that was changed, and a node with other open handovers stay as they are."""
    why = judge.keeps(hold, known, others)
    assert (why == "") is (word == "")
    assert word in why


def test_what_speaks_of_a_failure() -> None:
    """XIDs of these GPUs, memory errors, rows to be replaced, and silence; XIDs of other GPUs are theirs."""
    xids = (Xid(BUS, 79, "fell off"), Xid("0000:86:00", 31, "another"))
    assert list(judge.causes([NOW], {}, ())) == []
    found = list(judge.causes([now(uncorrected=2, remap_pending=True)], {}, xids))
    assert [c.why for c in found] == [Why.ECC, Why.ECC, Why.XID]
    assert "79 on 0000:3b:00" in found[2].detail
    silent = list(judge.causes([], {UUID: "gpu is lost"}, xids))
    assert [c.why for c in silent] == [Why.XID, Why.XID, Why.HANG]
    assert all(c.why in FAILURES for c in silent)


@pytest.mark.parametrize(
    ("standing", "known", "xids", "trouble", "word"),
    [
        (NOW, KNOWN, (), "", ""),
        (NOW, None, (), "", ""),
        (now(firmware={**FIRMWARE, "VBIOS": "96.01"}), KNOWN, (), "", "VBIOS was 96.00 at the last handover, and is 96.01"),
        (now(firmware={**FIRMWARE, "InfoROM": "x"}), KNOWN, (), "", "InfoROM was G520"),
        (now(firmware={}, unknown={"VBIOS": "gpu is lost"}), KNOWN, (), "", "cannot be read: gpu is lost"),
        (now(firmware={"VBIOS": "96.00"}), KNOWN, (), "", "InfoROM was G520 at the last handover, and cannot be read"),
        (NOW, KNOWN, (Xid(BUS, 48, "double bit"),), "", "XID 48 while"),
        (NOW, KNOWN, (Xid("0000:99:00", 48, ""),), "", ""),
        (NOW, KNOWN, (), "permission denied", "cannot tell whether there were XIDs: permission denied"),
        (now(bus=None, unknown={"bus": "gpu is lost"}), KNOWN, (), "", "which PCI device it is: gpu is lost"),
        (now(bus=""), KNOWN, (), "permission denied", ""),
        (now(uncorrected=1), KNOWN, (), "", "1 memory errors that were not corrected, after a reset"),
        (now(uncorrected=None, unknown={"uncorrected": "not supported"}), KNOWN, (), "", ""),
        (now(uncorrected=None, unknown={"uncorrected": "unknown error"}), KNOWN, (), "", "cannot tell whether memory errors"),
        (now(remap_pending=True), KNOWN, (), "", "next reset"),
        (now(remap_failed=True), KNOWN, (), "", "could not be remapped"),
    ],
)  # fmt: skip
def test_health(standing: Standing, known: Known | None, xids: tuple[Xid, ...], trouble: str, word: str) -> None:
    """Firmware is that of the last handover, no XID came, memory is whole; what cannot be told is no health."""
    found = list(judge.health(standing, known, xids, trouble, reset=True))
    assert (found == []) is (word == ""), found
    assert word in "; ".join(found)


@pytest.mark.parametrize(
    ("standing", "known", "opened", "boot", "word"),
    [
        (NOW, KNOWN, (), "b1", ""),
        (NOW, msgspec.structs.replace(KNOWN, outcome=Ended.LEFT), (), "b1", ""),
        (NOW, None, (), "b1", "no handover of it is known"),
        (NOW, msgspec.structs.replace(KNOWN, outcome=Ended.HELD), (), "b1", "last handover is held"),
        (NOW, KNOWN, (), "b2", "before this machine started"),
        (NOW, KNOWN, (path(XID),), "b1", "handover r1 of it is open"),
        (NOW, KNOWN, (msgspec.structs.replace(path(XID), gpus=("GPU-2",)),), "b1", ""),
        (now(occupants=(Occupant(7),)), KNOWN, (), "b1", "1 processes remain: 7"),
        (now(occupants=None), KNOWN, (), "b1", "cannot tell whether processes remain"),
        (now(driver="595.1"), KNOWN, (), "b1", "driver was 580.1"),
        (now(firmware={}), KNOWN, (), "b1", "VBIOS was 96.00"),
    ],
)
def test_ready(standing: Standing, known: Known | None, opened: tuple[Path, ...], boot: str, word: str) -> None:
    """A GPU goes to a job after a good handover of this boot, with nobody on it, and as it was then."""
    found = list(judge.ready(UUID, standing, known, opened, boot))
    assert (found == []) is (word == ""), found
    assert word in "; ".join(found)
