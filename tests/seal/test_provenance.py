"""Provenance: what is stated stands in it, and it holds for those files and that builder alone."""

import base64
import json
from pathlib import Path

import pytest
import sealing_case as s
from sealing_case import Case

from strongroom.app import seal_provenance
from strongroom.app.seal_attachments import Describe
from strongroom.kit import provenance
from strongroom.model.errors import BadInput, BadUsage, Denied, Malformed

BUILDER = "https://builder.example/1"


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """A model and a signer."""
    return Case(tmp_path)


def said(at: Path) -> dict[str, object]:
    """The statement in a file."""
    found = json.loads(base64.b64decode(json.loads(at.read_bytes())["payload"]))
    assert isinstance(found, dict)
    return found


def test_all_that_is_stated_stands_there_and_nothing_else(case: Case) -> None:
    """Subjects are the files; parameters and dependencies as they were given; no time was given, and there is none."""
    (case.folder / "data.csv").write_bytes(b"1,2\n")
    words = (str(case.folder / "data.csv"), f"git+https://code.example/train@gitCommit:{'a' * 40}")
    found = said(s.provenance(case, dependencies=words))
    assert found["predicateType"] == "https://slsa.dev/provenance/v1"
    assert [x["name"] for x in found["subject"]] == sorted(s.FILES)  # type: ignore[attr-defined] # JSON
    predicate = found["predicate"]
    assert isinstance(predicate, dict)
    assert predicate["buildDefinition"]["externalParameters"] == {"epochs": "3"}
    first, second = predicate["buildDefinition"]["resolvedDependencies"]
    assert (first["name"], set(first)) == ("data.csv", {"name", "digest"})
    assert second["digest"] == {"gitCommit": "a" * 40}
    assert predicate["runDetails"] == {"builder": {"id": BUILDER}}


def reasons(case: Case, at: Path, *, key: str = "signer", builder: str | None = None) -> tuple[str, ...]:
    """Why it does not hold for the model now."""
    return seal_provenance.verify(str(at), str(case.model), str(case.folder / f"{key}.pub"), builder)


def test_it_holds_for_its_files_its_key_and_its_builder(case: Case) -> None:
    """Nothing speaks against it."""
    assert reasons(case, s.provenance(case), builder=BUILDER) == ()


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("changed", "another digest"),
        ("more", "not a subject"),
        ("fewer", "not there"),
        ("key", "signature"),
        ("builder", "built by"),
    ],
)
def test_anything_else_is_told(case: Case, what: str, told: str) -> None:
    """Each difference has its own reason."""
    at = s.provenance(case)
    match what:
        case "changed":
            (case.model / "config.json").write_bytes(b"{}")
        case "more":
            (case.model / "new.json").write_bytes(b"{}")
        case "fewer":
            (case.model / "config.json").unlink()
        case "key":
            case.signer_key("other")
        case _:
            pass
    key = "other" if what == "key" else "signer"
    found = reasons(case, at, key=key, builder="https://else.example" if what == "builder" else None)
    assert len(found) == 1
    assert told in found[0]


def test_what_is_no_provenance_cannot_be_read(case: Case) -> None:
    """Rubbish, a second signature, another type, a name twice: refused, each with what was wanted."""
    (case.folder / "bad").write_bytes(b"{}")
    with pytest.raises(Malformed):
        reasons(case, case.folder / "bad")
    good = json.loads(s.provenance(case).read_bytes())
    for change in ({"payloadType": "text/plain"}, {"signatures": good["signatures"] * 2}, {"more": 1}):
        with pytest.raises(Malformed):
            provenance.envelope(json.dumps(good | change).encode())
    statement = json.loads(base64.b64decode(good["payload"]))
    for change in (
        {"predicateType": "https://slsa.dev/provenance/v0.2"},
        {"subject": statement["subject"] * 2},
        {"subject": [{"name": "a", "digest": {"sha1": "ab" * 20}}]},
    ):
        with pytest.raises(Malformed):
            provenance.read(json.dumps(statement | change).encode())


@pytest.mark.parametrize(
    "fields",
    [{"builder": "me"}, {"build_type": ""}, {"parameters": ("epochs",)}, {"dependencies": ("nothing/here",)}],
)
def test_words_that_are_none_are_told(case: Case, fields: dict[str, object]) -> None:
    """A builder that is no URI, a parameter without a value, a file that is not there."""
    with pytest.raises(BadUsage):
        s.provenance(case, **fields)


def test_an_artifact_with_the_provenance_of_another_model_does_not_open(case: Case, tmp_path: Path) -> None:
    """It is held against what is inside, and not only looked at."""
    at = s.provenance(case)
    (case.model / "config.json").write_bytes(b'{"hidden_size": 9}')
    with pytest.raises(BadInput, match="provenance"):
        case.create(describe=Describe(bom=False, provenance=str(at), provenance_key=str(case.folder / "signer.pub")))
    case.create(describe=Describe(bom=False, provenance=str(at)), resume=False)
    demands = case.demands("provenance", provenance_key=str(case.folder / "signer.pub"))
    with pytest.raises(Denied, match="another digest"):
        case.open(tmp_path / "out", demands=demands)
    assert not (tmp_path / "out").exists()
