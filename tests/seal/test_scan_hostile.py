"""Hostile input against the scanner: it always answers, and noise around an intact attack never makes it safe."""

import pickle
import random

import artifact_files as files
import pytest
import scan_minting as mint
from fuzz_scan import SCAN_TARGETS
from fuzzing import run
from hypothesis import given
from hypothesis import strategies as st
from mutating import mutated

from strongroom.kit.formats.bounded import Memory
from strongroom.kit.formats.scanning import scan
from strongroom.kit.formats.verdicts import Verdict

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=12)
    | st.binary(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
NAMES = (
    "a.pkl",
    "a.bin",
    "a.pt",
    "a.npy",
    "a.json",
    "a.h5",
    "a.onnx",
    "a",
    "a.txt",
    "saved_model.pb",
    "a.zip",
    "a.yaml",
)


@pytest.mark.parametrize("name", SCAN_TARGETS)
def test_fuzz_the_scanner(name: str) -> None:
    """No mutated file of any format escapes the scanner as an exception."""
    tally = run(SCAN_TARGETS[name](), 300)
    assert tally.escapes == []
    assert tally.judged == 300


@given(st.binary(max_size=300), st.sampled_from(NAMES))
def test_scan_answers_for_any_bytes(data: bytes, name: str) -> None:
    """Whatever the bytes and the name, there is a verdict, and a reason for every one that is not safe."""
    found = scan(Memory(data), name)
    assert bool(list(found)) == (found.verdict is not Verdict.SAFE)


@given(PLAIN, st.integers(0, 5))
def test_scan_passes_plain_values(value: object, protocol: int) -> None:
    """A pickle of plain values is safe in every protocol, but where a value looks like a pickle itself."""
    found = scan(Memory(pickle.dumps(value, protocol)), "a.pkl")
    assert found.verdict is Verdict.SAFE or all(r.rule == "pickle.nested" for r in found)


@given(PLAIN, st.binary(max_size=80), st.sampled_from(["a.pkl", "pytorch_model.bin", "a.joblib"]))
def test_scan_finds_an_attack_between_anything(before: object, after: bytes, name: str) -> None:
    """Values before an attack and bytes behind it hide nothing: what runs before the damage has run."""
    body = pickle.dumps(before, 4)[:-1]
    data = body + b"0" + mint.call(mint.SYSTEM, mint.text("true")) + after
    assert scan(Memory(data), name).verdict is Verdict.MALICIOUS


@given(st.integers(0, 10**9), st.sampled_from(sorted(mint.MALICIOUS)))
def test_scan_never_passes_an_attack_with_a_tail(seed: int, form: str) -> None:
    """Whatever stands behind an attack that is whole, in a file of any length, it stays malicious."""
    r = random.Random(seed)
    data = mint.MALICIOUS[form] + r.randbytes(r.randrange(1, 200))
    assert scan(Memory(data), "a.pkl").verdict is Verdict.MALICIOUS


@given(st.integers(0, 10**9))
def test_scan_never_passes_a_checkpoint_whose_attack_is_whole(seed: int) -> None:
    """Mutations of an evil checkpoint that leave its pickle alone never make it safe."""
    attack = files.torch_pickle(evil=True)
    sound = files.checkpoint(evil=True)
    data = mutated(random.Random(seed), [sound])
    found = scan(Memory(data), "a.pt")
    if attack in data:
        assert found.verdict is not Verdict.SAFE


@pytest.mark.parametrize("form", mint.MALICIOUS)
def test_scan_survives_every_cut_of_an_attack(form: str) -> None:
    """An attack that is cut anywhere gives a verdict; a cut that keeps less than the whole is never a crash."""
    data = mint.MALICIOUS[form]
    for end in range(len(data)):
        assert scan(Memory(data[:end]), "a.pkl").verdict in Verdict
