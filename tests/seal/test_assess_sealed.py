"""`artifacts:` on sealed artifacts: what stands in clear, what a trusted signer and the log add, and what stays unknown."""

import json
import shutil
from pathlib import Path

import pytest
import sealing_case as s
from sealing_case import NOW, Case

from strongroom.app.log import Place
from strongroom.app.seal_attachments import Describe
from strongroom.app.seal_slots import Wanted
from strongroom.app.seal_verify import Trust
from strongroom.app.sealed_join import Looking, join_sealed
from strongroom.app.sources import gather
from strongroom.model.estate import Asset
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """A model, a signer and a log."""
    return Case(tmp_path)


def found(case: Case, more: str = "", *, signer: str | None = "signer", log: Place | None = None) -> Asset:
    """The artifact as an assessment sees it."""
    case.entries()  # publishes
    trust = Trust(public_key=str(case.folder / f"{signer}.pub")) if signer is not None else None
    estate = gather([f"artifacts:{case.target}{more}"], NOW)
    joined = join_sealed(estate, Looking(trust, log or case.place), NOW)
    (asset,) = joined.assets
    return asset


def test_a_sealed_folder_is_one_artifact_that_says_what_stands_in_clear(case: Case) -> None:
    """Its id, boundary, slots and generation; what it is made of stays unknown without its key."""
    case.create(describe=Describe(bom=False))
    asset = found(case)
    said = json.loads((case.target / "artifact.json").read_bytes())
    slots = json.loads((case.target / "slots.json").read_bytes())
    assert (asset.kind, asset.native_type) == (Kind.ARTIFACT, "artifact.sealed")
    assert asset.value("sealed.artifact") == said["id"]
    assert asset.value("sealed.boundary") == "any"
    assert asset.value("sealed.slots") == (f"{slots['slots'][0]['id']} hpke -",)
    assert (asset.value("sealed.slot_types"), asset.value("sealed.generation")) == (("hpke",), 1)
    assert asset.value("artifact.missing") == ()
    assert asset.value("artifact.unsigned_files") == ()
    assert str(asset.value("artifact.sealed")).startswith("Strongroom")
    assert isinstance(asset.value("artifact.pickle"), Unknown)


def test_a_file_that_is_gone_or_was_added_is_told(case: Case) -> None:
    """Messages that the artifact promises, and files that no signature names."""
    case.create(describe=Describe(bom=False))
    (case.target / "payload/000001.floe").unlink()
    (case.target / "extra.bin").write_bytes(b"x")
    asset = found(case)
    assert asset.value("artifact.missing") == ("payload/000001.floe",)
    assert asset.value("artifact.unsigned_files") == ("extra.bin",)
    assert asset.value("sealed.signature_valid") is False


@pytest.mark.parametrize(("name", "fact"), [("artifact.json", "sealed.boundary"), ("slots.json", "sealed.slot_types")])
def test_what_cannot_be_read_is_unknown_and_never_absent(case: Case, name: str, fact: str) -> None:
    """A damaged file in clear takes its facts with it, by name."""
    case.create(describe=Describe(bom=False))
    said = json.loads((case.target / name).read_bytes())
    (case.target / name).write_text(json.dumps(said | {"more": 1}))
    value = found(case).value(fact)
    assert isinstance(value, Unknown)
    assert name in value.detail


def test_another_folder_with_such_names_is_no_artifact(tmp_path: Path) -> None:
    """The names alone make no sealed artifact; the schema does."""
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "artifact.json").write_bytes(b'{"schema": "something/1"}')
    (folder / "index.floe").write_bytes(b"x")
    assert gather([f"artifacts:{folder}"], NOW).assets == ()


def test_the_signature_counts_once_every_message_was_read(case: Case) -> None:
    """Without digests it is unknown; with them it holds, and one octet in a payload breaks it."""
    case.create(describe=Describe(bom=False))
    assert isinstance(found(case).value("sealed.signature_valid"), Unknown)
    assert found(case, "?digest").value("sealed.signature_valid") is True
    at = case.target / "payload/000000.floe"
    at.write_bytes(at.read_bytes()[:-1] + b"\x00")
    assert found(case, "?digest").value("sealed.signature_valid") is False


def test_a_signature_of_somebody_else_does_not_hold(case: Case) -> None:
    """That shows without a payload; and where nobody is trusted, nothing is said."""
    case.create(describe=Describe(bom=False))
    case.signer_key("other")
    asset = found(case, signer="other")
    assert asset.value("sealed.signature_valid") is False
    assert "signature" in str(asset.value("sealed.signature_trouble"))
    assert isinstance(found(case, signer=None).value("sealed.signature_valid"), Unknown)


def test_the_log_says_what_was_put_inside(case: Case) -> None:
    """The verdict of the scan, the bill and the provenance are known by the entry of the sealing."""
    case.create(describe=Describe(provenance=str(s.provenance(case))))
    asset = found(case)
    assert asset.value("sealed.logged") is True
    assert asset.value("sealed.attached") == ("bom", "inside", "provenance", "scan")
    assert asset.value("sealed.scan") == "safe"
    assert asset.value("sealed.slots_logged") is True
    assert asset.value("artifact.executes") is False


def test_slots_that_were_put_back_are_told(case: Case) -> None:
    """After a change of slots that was logged, the list before it is not the one that was last logged."""
    case.create(describe=Describe(bom=False))
    before = (case.target / "slots.json").read_bytes()
    case.rewrap(wanted=Wanted((case.identity("new"),)))
    assert found(case).value("sealed.slots_logged") is True
    (case.target / "slots.json").write_bytes(before)
    assert found(case).value("sealed.slots_logged") is False


def test_the_log_of_another_sealing_says_nothing_of_this_one(case: Case) -> None:
    """Without an entry, with a signature that was not logged, without a log: each is told, and nothing is taken over."""
    case.create(describe=Describe(bom=False))
    gone = found(case, log=Place(str(case.folder / "none"), (), None))
    assert isinstance(gone.value("sealed.logged"), Unknown)
    first = shutil.move(case.target, case.folder / "first")
    case.create(describe=Describe(bom=False, scan=False), resume=False)
    assert found(case).value("sealed.scan") == ""
    shutil.copy(Path(first) / "signature.json", case.target / "signature.json")
    asset = found(case)
    assert asset.value("sealed.logged") is False
    assert isinstance(asset.value("sealed.scan"), Unknown)


def test_without_a_signature_nothing_ties_the_artifact_to_the_log(case: Case) -> None:
    """Anybody could have put the id of a logged artifact into a folder of his own."""
    case.create(signer=None, describe=Describe(bom=False))
    asset = found(case)
    assert isinstance(asset.value("sealed.logged"), Unknown)
    assert asset.value("sealed.signature_valid") is False
    assert asset.value("artifact.signature") == ()
