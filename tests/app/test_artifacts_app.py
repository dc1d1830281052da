"""The register of artifacts at work: signed, added to, laid beside what is found, and never believed unsigned."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import artifact_files as files
import pytest

from strongroom.app.artifact_finding import Verdict, Wish, entries, verify
from strongroom.app.artifact_join import join_register
from strongroom.app.artifacts import Desk, Held, add, current, define, held
from strongroom.app.assess import assess
from strongroom.app.log import Place
from strongroom.app.log_entries import entries as logged
from strongroom.app.sources import gather
from strongroom.ledger import keyfile
from strongroom.model.codes import EntryKind, Status
from strongroom.model.errors import BadInput, BadSignature, BadUsage, Malformed, NotFound
from strongroom.model.estate import Estate
from strongroom.model.ports import Limits
from strongroom.model.values import Unknown, Value
from synthetic import NOW


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A folder with one file of weights and one dataset."""
    root = tmp_path / "models"
    root.mkdir()
    (root / "m.safetensors").write_bytes(files.safetensors())
    (root / "d.parquet").write_bytes(files.parquet())
    return root


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A register that is defined and signed."""
    path = tmp_path / "conf/artifacts.toml"
    made = Desk(path, Path(f"{path}.key"), Place(str(tmp_path / "log")), made=True, now=NOW, offline=True)
    define(made, "owner@example.org")
    return made


def trusted(desk: Desk) -> Held:
    return held(desk.path, (keyfile.read(desk.key).verifier,))


def register(desk: Desk, *paths: Path, name: str = "weights", path: str = "", replace_: bool = False) -> None:
    found, gaps = entries([str(p) for p in paths], Wish(name, "", path=path), NOW, Limits(), None)
    assert gaps == []
    add(desk, found, replace=replace_)


def facts(estate: Estate, address: str) -> dict[str, Value]:
    asset = next(a for a in estate.assets if a.address == address)
    return {n: f.value for n, f in asset.facts.items()}


def joined(desk: Desk, root: Path, more: str = "") -> Estate:
    return join_register(gather([f"artifacts:{root}{more}"], NOW), trusted(desk))


def test_defining_signs_and_logs(desk: Desk) -> None:
    """A new register is signed by a new key of its owner's alone, and the log has its digest."""
    found = trusted(desk)
    assert found.trouble is None
    assert len(found.register.classes) == 8
    assert desk.key.stat().st_mode & 0o077 == 0
    (entry,) = [g.entry for g in logged(desk.place)]
    assert entry is not None
    assert (entry.kind, entry.fields["action"]) == (EntryKind.POLICY_CHANGE, "define")
    assert entry.digests["register"].startswith("sha256:")


def test_what_was_changed_by_hand_counts_only_when_it_is_signed_again(desk: Desk) -> None:
    """An edited register is refused until `define` signs it; its version is then above the one before."""
    desk.path.write_text(desk.path.read_text() + "\n# a word more\n")
    trouble = trusted(desk).trouble
    assert trouble is not None
    assert "another version" in trouble.detail
    with pytest.raises(BadSignature, match="counts for nothing"):
        current(desk)
    define(desk, "")
    assert (trusted(desk).trouble, trusted(desk).register.version) == (None, 2)


@pytest.mark.parametrize("spoil", ["signature gone", "signature empty", "no key", "another key"])
def test_every_way_of_not_being_signed(desk: Desk, weights: Path, spoil: str) -> None:
    """Without a trusted signature every artifact's registration is unknown, and the register fails loudly."""
    register(desk, weights / "m.safetensors")
    note = Path(f"{desk.path}.sig")
    keys = (keyfile.read(desk.key).verifier,)
    if spoil == "signature gone":
        note.unlink()
    elif spoil == "signature empty":
        note.write_bytes(b"")
    elif spoil == "no key":
        keys = ()
    else:
        other = replace(desk, path=desk.path.with_name("other.toml"), key=desk.key.with_name("other.key"))
        define(other, "x")
        keys = (keyfile.read(other.key).verifier,)
    found = assess([f"artifacts:{weights}"], NOW, register=held(desk.path, keys))
    status = {(f.check, f.asset): f.status for f in found.findings}
    assert status["inv.artifact.registered", "artifact:m.safetensors"] is Status.UNKNOWN
    assert status["inv.artifact.registered", "artifact:d.parquet"] is Status.UNKNOWN
    assert status["inv.register.signed", f"artifact-register:{desk.path}"] is Status.FAIL


def test_what_is_found_is_laid_beside_what_is_registered(desk: Desk, weights: Path) -> None:
    """A registered artifact has class, tier and owner; another is not registered."""
    register(desk, weights / "m.safetensors")
    estate = joined(desk, weights)
    known, other = facts(estate, "m.safetensors"), facts(estate, "d.parquet")
    assert (known["artifact.registered"], known["artifact.class"], known["artifact.tier"]) == (True, "weights", 0)
    assert known["artifact.owner"] == "owner@example.org"
    assert isinstance(known["artifact.digest_matches"], Unknown)
    assert known["artifact.size_matches"] is True
    assert other["artifact.registered"] is False


def test_without_a_register_nobody_knows_what_is_registered(weights: Path) -> None:
    """Where no register is named, registration is unknown, with the option that would tell."""
    value = facts(join_register(gather([f"artifacts:{weights}"], NOW), None), "m.safetensors")["artifact.registered"]
    assert isinstance(value, Unknown)
    assert "--register" in value.detail


def test_a_digest_is_compared_when_payloads_are_read(desk: Desk, weights: Path) -> None:
    """With digests the same bytes match; one byte more or less, or another byte, does not."""
    register(desk, weights / "m.safetensors")
    assert facts(joined(desk, weights, "?digest"), "m.safetensors")["artifact.digest_matches"] is True
    data = bytearray((weights / "m.safetensors").read_bytes())
    data[-1] ^= 1
    (weights / "m.safetensors").write_bytes(data)
    assert facts(joined(desk, weights, "?digest"), "m.safetensors")["artifact.digest_matches"] is False
    (weights / "m.safetensors").write_bytes(files.safetensors({"w": ("U8", [99], 99)}))
    assert facts(joined(desk, weights), "m.safetensors")["artifact.digest_matches"] is False


def test_what_is_registered_and_gone_is_told(desk: Desk, weights: Path, tmp_path: Path) -> None:
    """An entry of a place that was searched, of which nothing is there, is told; one of another place is not."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.safetensors").write_bytes(files.safetensors())
    register(desk, weights, elsewhere)
    (weights / "m.safetensors").unlink()
    (elsewhere / "x.safetensors").unlink()
    lost = facts(joined(desk, weights), str(desk.path))["register.not_found"]
    assert lost == (str(weights / "m.safetensors"),)


def test_what_was_not_looked_at_is_not_called_gone(desk: Desk, weights: Path) -> None:
    """Where a part of the tree was not read, a missing entry is unknown."""
    register(desk, weights)
    (weights / "m.safetensors").unlink()
    (weights / "shut.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(20))
    assert isinstance(facts(joined(desk, weights), str(desk.path))["register.not_found"], Unknown)


def test_relative_paths_and_patterns_are_matched_anywhere(desk: Desk, weights: Path) -> None:
    """A pattern of a relative path finds artifacts by their address in the folder that is assessed."""
    register(desk, weights / "d.parquet", name="datasets", path="*.parquet")
    assert facts(joined(desk, weights), "d.parquet")["artifact.class"] == "datasets"


def test_registering_twice_changes_nothing(desk: Desk, weights: Path) -> None:
    """The same artifact again is no new version; with other bytes it needs to be said that it is replaced."""
    register(desk, weights / "m.safetensors")
    register(desk, weights / "m.safetensors")
    assert trusted(desk).register.version == 2
    (weights / "m.safetensors").write_bytes(files.safetensors({"w": ("U8", [3], 3)}))
    with pytest.raises(BadInput, match="registered otherwise"):
        register(desk, weights / "m.safetensors")
    register(desk, weights / "m.safetensors", replace_=True)
    (entry,) = trusted(desk).register.artifact
    assert (entry.size, trusted(desk).register.version) == ((weights / "m.safetensors").stat().st_size, 3)


def test_a_class_must_be_one_of_the_register(desk: Desk, weights: Path) -> None:
    """A class that the register does not define is refused before anything is written."""
    before = desk.path.read_bytes()
    with pytest.raises(BadUsage, match="toys"):
        register(desk, weights / "m.safetensors", name="toys")
    assert desk.path.read_bytes() == before


def test_a_file_of_no_known_format_can_be_registered(desk: Desk, weights: Path) -> None:
    """A feature store in a format of its own is registered by its path, found when it is there, and verified."""
    (weights / "features.bin").write_bytes(b"rows")
    register(desk, weights / "features.bin", name="feature-stores")
    assert facts(joined(desk, weights), str(desk.path))["register.not_found"] == ()
    (line,) = verify(trusted(desk).register, None, NOW, Limits(), None)
    assert line.verdict is Verdict.SAME


Spoil = Callable[[Path], object]


@pytest.mark.parametrize(
    ("spoil", "verdict"),
    [
        (lambda _: None, Verdict.SAME),
        (lambda p: p.unlink(), Verdict.MISSING),
        (lambda p: p.write_bytes(files.safetensors({"w": ("U8", [16], 16)})), Verdict.DIFFERS),
        (lambda p: p.write_bytes(p.read_bytes()[:-1] + b"\x01"), Verdict.DIFFERS),
    ],
)
def test_verifying_reads_every_byte(desk: Desk, weights: Path, spoil: Spoil, verdict: Verdict) -> None:
    """An entry is the same, differs or is missing, whatever its size says."""
    register(desk, weights / "m.safetensors")
    spoil(weights / "m.safetensors")
    (line,) = verify(trusted(desk).register, None, NOW, Limits(), None)
    assert line.verdict is verdict


def test_a_folder_is_verified_whole(desk: Desk, tmp_path: Path) -> None:
    """A model of many files has one digest, over the digests of its files by name; another name is another model."""
    root = tmp_path / "llama"
    root.mkdir()
    (root / "config.json").write_text('{"model_type":"llama"}')
    (root / "model.safetensors").write_bytes(files.safetensors())
    register(desk, root)
    (entry,) = trusted(desk).register.artifact
    assert (entry.path, entry.files) == (str(root), 2)
    (root / "model.safetensors").rename(root / "other.safetensors")
    (line,) = verify(trusted(desk).register, None, NOW, Limits(), None)
    assert line.verdict is Verdict.DIFFERS


def test_a_register_that_is_none_is_refused(desk: Desk, tmp_path: Path) -> None:
    """Text that is no register is refused by name; a missing one says how to make one."""
    desk.path.write_text("schema = 1\n")
    with pytest.raises(Malformed, match="schema"):
        trusted(desk)
    with pytest.raises(NotFound, match="no such file"):
        current(replace(desk, path=tmp_path / "none.toml"))


def test_a_tree_cannot_bring_its_own_register(weights: Path, desk: Desk) -> None:
    """A register that lies in the assessed folder is not used."""
    (weights / "artifacts.toml").write_bytes(desk.path.read_bytes())
    (weights / "artifacts.toml.sig").write_bytes(Path(f"{desk.path}.sig").read_bytes())
    found = assess([f"artifacts:{weights}"], NOW)
    assert {f.status for f in found.findings if f.check == "inv.artifact.registered"} == {Status.UNKNOWN}
