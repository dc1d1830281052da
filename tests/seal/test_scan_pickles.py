"""The verdict on pickles: a table of attacks, of what a person has to look at, and of what is harmless."""

import pickle

import pytest
import scan_minting as mint

from strongroom.kit.formats.bounded import Memory
from strongroom.kit.formats.budgets import Budget
from strongroom.kit.formats.scanning import scan
from strongroom.kit.formats.verdicts import Findings, Verdict


def looked(data: bytes, name: str = "model.pkl") -> Findings:
    """The findings on bytes under a name."""
    return scan(Memory(data), name)


@pytest.mark.parametrize("form", mint.MALICIOUS)
def test_scan_calls_an_attack_malicious(form: str) -> None:
    """Every form of attack is malicious, whatever the file is called."""
    for name in ("model.pkl", "pytorch_model.bin", "weights.joblib", "no-ending"):
        found = looked(mint.MALICIOUS[form], name)
        assert found.verdict is Verdict.MALICIOUS, (name, list(found))
        assert any(r.verdict is Verdict.MALICIOUS for r in found)


@pytest.mark.parametrize("form", mint.REVIEW)
def test_scan_leaves_to_people_what_it_does_not_know(form: str) -> None:
    """What is on no list, and does nothing that is known to harm, is for a person to look at."""
    assert looked(mint.REVIEW[form]).verdict is Verdict.REVIEW


@pytest.mark.parametrize("form", mint.UNREADABLE)
def test_scan_refuses_what_ends_early(form: str) -> None:
    """A pickle that cannot be followed to its STOP is unreadable, with the place where it breaks."""
    found = looked(mint.UNREADABLE[form])
    assert found.verdict is Verdict.UNREADABLE
    assert any("followed to its end" in r.text for r in found)


@pytest.mark.parametrize("form", mint.SAFE)
def test_scan_passes_what_is_harmless(form: str) -> None:
    """Plain values, state dictionaries and arrays are safe, and no reason is made up for them."""
    found = looked(mint.SAFE[form])
    assert (found.verdict, list(found)) == (Verdict.SAFE, [])


@pytest.mark.parametrize("protocol", range(6))
def test_scan_reads_every_protocol(protocol: int) -> None:
    """The same values are safe, and the same call malicious, in each protocol."""
    import artifact_files as files  # noqa: PLC0415 - only here

    assert looked(pickle.dumps({"a": [1, "text", b"bytes", 2.5]}, protocol)).verdict is Verdict.SAFE
    assert looked(pickle.dumps(files.Runs(), protocol)).verdict is Verdict.MALICIOUS


def test_scan_names_what_runs() -> None:
    """The reason says which function is called with which text."""
    assert "calls os.system('true') when it is loaded" in [r.text for r in looked(mint.EVIL)]


def test_scan_tells_a_broken_import_from_a_call() -> None:
    """A dangerous name that is imported before the file breaks, and never called, makes it unreadable and is named."""
    found = looked(b"\x80\x04" + mint.name("builtins", "exec") + b"X\xff\xff\xff\x7f")
    assert found.verdict is Verdict.UNREADABLE
    assert any("builtins.exec" in r.text for r in found)


def test_scan_bounds_the_work() -> None:
    """Opcodes without end are given up, and what was not followed is not passed."""
    budget = Budget(opcodes=[1_000])
    found = scan(Memory(b"\x80\x04" + b"N0" * 5_000 + b"N."), "model.pkl", budget)
    assert found.verdict is Verdict.UNREADABLE


def test_scan_stops_at_pickles_within_pickles_without_end() -> None:
    """Pickles nested deeper than are followed are not called safe."""
    data = pickle.dumps(1, 4)
    for _ in range(12):
        data = mint.whole(mint.octets(data))
    assert looked(data).verdict is not Verdict.SAFE


def test_scan_is_not_slowed_by_a_value_that_holds_itself() -> None:
    """Values that contain themselves, and each other many times over, end in a verdict."""
    data = b"\x80\x04]\x94" + b"(" + b"h\x00" * 50 + b"e" + b"".join(b"(" + b"h\x00" * 9 + b"l\x94" for _ in range(50))
    assert looked(data + b".").verdict is not None
    hostile = b"\x80\x04]\x94h\x00h\x00a" + mint.call(mint.name("mylibrary", "f"), b"h\x00") + b"."
    assert looked(hostile).verdict is Verdict.REVIEW


def test_findings_keep_the_worst_when_they_are_many() -> None:
    """However many lesser reasons there are, a malicious one is kept and the rest is counted."""
    found = Findings()
    for n in range(200):
        found.review("rule", f"reason {n}")
    found.malicious("rule", "the one that matters")
    assert found.verdict is Verdict.MALICIOUS
    assert next(iter(found)).text == "the one that matters"
    assert found.dropped > 100
