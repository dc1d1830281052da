"""The scanner on recorded corpora: every attack flagged, nothing harmless flagged, and safetensors' own verdicts."""

import json
from pathlib import Path

import pytest

from strongroom.kit.formats.bounded import Memory
from strongroom.kit.formats.scanning import scan
from strongroom.kit.formats.verdicts import Verdict

_BENIGN = ("benign", "safe_", "new_pytorch_model", "pytorch_model.bin", "suspicious_benign")
_BROKEN = ("broken_model", "not_a_pickle", "bad_pytorch")
# Samples of templates whose names say nothing of their content: what they are, by reading them.
_TEMPLATES = {
    "model_config.yaml": Verdict.SAFE,
    "empty_template.json": Verdict.SAFE,
    "no_template.json": Verdict.SAFE,
    "oversized_template.json": Verdict.SAFE,
    "malformed_template.json": Verdict.UNREADABLE,
}


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


def _verdict(path: Path) -> Verdict:
    return scan(Memory(path.read_bytes()), path.name).verdict


def test_scan_flags_every_attack_of_the_corpora(vectors: Path) -> None:
    """Nothing in the corpora that attacks is called safe, and all but packed or borderline samples are malicious."""
    verdicts = {
        p: _verdict(p)
        for p in _files(vectors / "seal/pickle")
        if not p.name.startswith((*_BENIGN, *_BROKEN)) and "benign" not in p.parts and p.name not in _TEMPLATES
    }
    assert len(verdicts) > 60
    assert [p.name for p, v in verdicts.items() if v is Verdict.SAFE] == []
    lesser = {p.name for p, v in verdicts.items() if v is not Verdict.MALICIOUS}
    assert lesser <= {"simple_nested.pkl"}


def test_scan_flags_nothing_harmless_of_the_corpora(vectors: Path) -> None:
    """Everything in the corpora that is harmless is safe: checkpoints of PyTorch and templates of chats included."""
    harmless = [p for p in _files(vectors / "seal/pickle") if p.name.startswith(_BENIGN) or "benign" in p.parts]
    assert len(harmless) > 20
    assert [p.name for p in harmless if _verdict(p) is not Verdict.SAFE] == []


def test_scan_refuses_what_is_broken_in_the_corpora(vectors: Path) -> None:
    """Files that end early, or are none, are unreadable."""
    broken = [p for p in _files(vectors / "seal/pickle") if p.name.startswith(_BROKEN)]
    assert len(broken) == 3
    assert {_verdict(p) for p in broken} == {Verdict.UNREADABLE}


@pytest.mark.parametrize("name", _TEMPLATES)
def test_scan_reads_edge_cases_of_templates(vectors: Path, name: str) -> None:
    """Templates that are absent, empty or large are safe; one that cannot be parsed is unreadable."""
    (path,) = (p for p in _files(vectors / "seal/pickle/modelaudit") if p.name == name)
    assert _verdict(path) is _TEMPLATES[name]


def test_scan_accepts_what_safetensors_accepts(vectors: Path) -> None:
    """Each recorded header is accepted or refused as safetensors' own reader does it."""
    folder = vectors / "seal/safetensors"
    expected = json.loads((folder / "expected.json").read_text())
    seen = {}
    for case, said in expected.items():
        verdict = _verdict(folder / f"{case}.safetensors")
        seen[case] = (verdict is Verdict.SAFE) == (said == "accept")
    assert len(seen) > 10
    assert [case for case, same in seen.items() if not same] == []
