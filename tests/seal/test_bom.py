"""A bill of materials lists what is in a model, and nothing that is not there."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bom_case as b
import pytest
import sealing_case as s
from jsonschema import Draft7Validator
from referencing import Registry, Resource

from strongroom.app import seal_bom, seal_open, seal_provenance
from strongroom.app.seal_attachments import Describe
from strongroom.app.seal_gate import Demands
from strongroom.app.seal_signers import SignerWords
from strongroom.app.seal_signers import opened as signer_opened
from strongroom.kit import mlbom_checking
from strongroom.kit.sealed import Role
from strongroom.model.errors import Malformed, Unreadable
from strongroom.seal import scanning

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder of several parts."""
    return b.model(tmp_path)


def bill(path: Path) -> b.Bill:
    """The bill of a model."""
    return b.Bill.of(seal_bom.document(str(path), NOW))


def alone(folder: Path, name: str, data: bytes) -> b.Bill:
    """The bill of a model of one file."""
    (folder / name).write_bytes(data)
    return bill(folder / name)


def test_every_file_is_listed_with_its_digest(model: Path) -> None:
    """The names and SHA-256 are those of the files, and nothing else is a file."""
    found = bill(model)
    wanted = {str(p.relative_to(model)): p for p in model.rglob("*") if p.is_file()}
    assert {r.removeprefix("file:") for r in found.refs if r.startswith("file:")} == set(wanted)
    for name, path in wanted.items():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert found.component(f"file:{name}")["hashes"] == [{"alg": "SHA-256", "content": digest}]


def test_what_headers_configurations_and_the_readme_say_is_there(model: Path) -> None:
    """Architecture, tensors, types, data sets, base and licence stand where CycloneDX has places for them."""
    root = bill(model).root
    assert b.card(root)["modelParameters"] == {
        "architectureFamily": "llama",
        "modelArchitecture": "LlamaForCausalLM",
        "task": "text-generation",
        "datasets": [{"ref": "dataset:squad"}, {"ref": "dataset:org/corpus"}],
    }
    told = b.properties(b.card(root))
    assert (told["tensors"], told["parameters"], told["dtypes"]) == (
        "3",
        "35",
        "BF16, F32, I64",
    )  # ids are no parameters
    assert (told["configured-dtype"], told["vocabulary"]) == ("bfloat16", "32")
    assert told["tokenizer-class"] == "LlamaTokenizer"
    assert root["licenses"] == [{"license": {"acknowledgement": "declared", "id": "Apache-2.0"}}]
    ancestors = [{"type": "machine-learning-model", "name": "org/base"}]
    assert root["pedigree"] == {"ancestors": ancestors, "notes": "finetune"}
    about = b.properties(root)
    assert "modeling_tiny" not in about["library"]
    assert "auto_map" in about["code"]


def test_an_adapter_below_a_model_is_a_part_of_its_own(model: Path) -> None:
    """Its tensors are counted for itself, and its base is its ancestor."""
    found = bill(model)
    part = found.component("part:adapters/x")
    told = b.properties(b.card(part))
    assert (told["adapter"], told["adapter-rank"], told["parameters"]) == ("LORA", "8", "4")
    assert part["pedigree"] == {"ancestors": [{"type": "machine-learning-model", "name": "org/base"}]}
    dependencies = found.whole["dependencies"]
    assert isinstance(dependencies, list)
    wanted = ["file:adapters/x/adapter_config.json", "file:adapters/x/adapter_model.safetensors"]
    assert {"ref": "part:adapters/x", "dependsOn": wanted} in dependencies
    roles = {r: b.properties(found.component(r)).get("role") for r in found.refs if r.startswith("file:")}
    assert roles["file:modeling_tiny.py"] == "code"
    assert roles["file:tokenizer_config.json"] == "tokenizer"


def test_what_is_not_said_is_not_there(tmp_path: Path) -> None:
    """Bare tensors give no architecture, licence, base or data set, and no word that stands for not knowing."""
    found = alone(tmp_path, "w.safetensors", b.safetensors({"w": ("F16", [2, 3], 12)}))
    assert set(found.root) == {"type", "bom-ref", "name", "modelCard", "hashes", "properties"}
    assert set(b.card(found.root)) == {"properties"}
    assert b.properties(b.card(found.root))["parameters"] == "6"
    text = json.dumps(found.whole).lower()
    assert not any(word in text for word in ("unknown", "noassertion", "n/a", "null"))


def test_gguf_says_its_architecture_types_licence_and_base(tmp_path: Path) -> None:
    """What stands in a GGUF header is read as a README would be, and its quantised elements are parameters."""
    words = {
        "general.architecture": "llama",
        "general.license": "apache-2.0",
        "general.base_model.0.name": "Base",
        "general.base_model.0.organization": "Org",
        "general.dataset.0.name": "corpus",
    }
    found = alone(tmp_path, "m.gguf", b.gguf({"a": (12, [256, 2]), "b": (0, [8])}, words))
    told = b.properties(b.card(found.root))
    assert (told["parameters"], told["dtypes"], told["quantization"]) == ("520", "F32, Q4_K", "Q4_K")
    assert found.root["licenses"] == [{"license": {"acknowledgement": "declared", "id": "Apache-2.0"}}]
    assert found.root["pedigree"] == {"ancestors": [{"type": "machine-learning-model", "name": "Org/Base"}]}
    assert found.component("dataset:corpus")["type"] == "data"


@pytest.mark.parametrize("packed", [True, False])
def test_initializers_of_onnx_are_counted(tmp_path: Path, packed: bool) -> None:
    """Both encodings of dimensions give the same count; integers are no parameters."""
    data = b.onnx(("w", 1, [300, 2]), ("shape", 7, [4]), packed=packed)
    told = b.properties(b.card(alone(tmp_path, "m.onnx", data).root))
    assert (told["tensors"], told["parameters"], told["dtypes"]) == ("2", "600", "F32, I64")


def test_packed_weights_are_not_counted_as_parameters(model: Path) -> None:
    """How many parameters lie in an element is the method's own business: the method is told, no number is made up."""
    said = json.loads((model / "config.json").read_bytes())
    said["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (model / "config.json").write_text(json.dumps(said))
    told = b.properties(b.card(bill(model).root))
    assert "parameters" not in told
    assert (told["quantization"], told["quantization-bits"], told["tensors"]) == ("gptq", "4", "3")


def test_a_header_that_cannot_be_read_is_told_and_the_sums_are_left_out(model: Path) -> None:
    """Sums over what could be read would be those of another model."""
    (model / "model-00002-of-00002.safetensors").write_bytes(b"\x00" * 64)
    found = bill(model)
    assert "fault" in b.properties(found.component("file:model-00002-of-00002.safetensors"))
    assert not {"tensors", "parameters", "dtypes"} & set(b.properties(b.card(found.root)))


def test_a_pointer_to_weights_is_told(model: Path) -> None:
    """A file that was never fetched is no checkpoint, whatever it is called."""
    (model / "pytorch_model.bin").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n")
    assert "Git LFS" in b.properties(bill(model).component("file:pytorch_model.bin"))["fault"]


@pytest.mark.parametrize(
    ("front", "licences"),
    [
        ("license: other\nlicense_name: tiny\nlicense_link: https://x.example/l", [{"name": "tiny", "url": "https://x.example/l"}]),
        ("license: [mit, openrail]", [{"id": "MIT"}, {"name": "openrail"}]),
        ("license: null", [{"id": "Apache-2.0"}]),  # then what the file calls itself
        ("license: &a [x]\ndatasets: *a", [{"id": "Apache-2.0"}]),  # aliases could unfold without end
        ("a: [", [{"id": "Apache-2.0"}]),
    ],
)  # fmt: skip
def test_a_licence_is_what_the_readme_or_the_file_says(model: Path, front: str, licences: list[dict[str, str]]) -> None:
    """Words that SPDX knows become its identifiers, others stay as they are."""
    (model / "README.md").write_text(f"---\n{front}\n---\n")
    assert bill(model).root["licenses"] == [{"license": {"acknowledgement": "declared"} | one} for one in licences]


def test_the_same_model_at_the_same_time_gives_the_same_octets(model: Path) -> None:
    """And another octet in it another serial number."""
    first = seal_bom.document(str(model), NOW)
    assert seal_bom.document(str(model), NOW) == first
    (model / "modeling_tiny.py").write_bytes(b"pass\n")
    assert b.Bill.of(first).whole["serialNumber"] != bill(model).whole["serialNumber"]


def test_data_is_no_model(tmp_path: Path) -> None:
    """A folder without weights and configurations is described as the data that it is."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d/a.csv").write_bytes(b"1\n")
    root = bill(tmp_path / "d").root
    assert root["type"] == "data"
    assert "modelCard" not in root


def test_a_bill_holds_for_its_files_alone(model: Path, tmp_path: Path) -> None:
    """Each file that is more, less or other is a reason; what is no bill cannot be read."""
    at = tmp_path / "bom.json"
    at.write_bytes(seal_bom.document(str(model), NOW))
    assert seal_bom.verify(str(at), seal_provenance.digests(str(model)), None) == ()
    (model / "new.txt").write_bytes(b"x")
    (model / "LICENSE").unlink()
    (model / "config.json").write_bytes(b"{}")
    reasons = seal_bom.verify(str(at), seal_provenance.digests(str(model)), None)
    assert [r.partition(":")[0] for r in reasons] == ["new.txt", "LICENSE", "config.json"]
    for octets in (b"{}", b"[]", b'{"bomFormat":"SPDX","specVersion":"1.7"}', b"\xff"):
        at.write_bytes(octets)
        with pytest.raises(Malformed):
            seal_bom.verify(str(at), {}, None)


def test_a_signed_statement_holds_by_its_key(model: Path, tmp_path: Path) -> None:
    """Another key is a reason; a bill under another predicate or with other subjects cannot be read."""
    case = s.Case(tmp_path / "case")
    octets = seal_bom.document(str(model), NOW)
    with signer_opened(SignerWords(str(case.folder / "signer.pem")), NOW) as signer:
        statement = seal_bom.signed(octets, signer)
    at = tmp_path / "bom.dsse"
    at.write_bytes(statement)
    digests = seal_provenance.digests(str(model))
    assert seal_bom.verify(str(at), digests, str(case.folder / "signer.pub")) == ()
    case.signer_key("other")
    (told,) = seal_bom.verify(str(at), digests, str(case.folder / "other.pub"))
    assert "signature" in told
    payload = json.loads(mlbom_checking.statement(digests, octets))
    for change in ({"predicateType": "https://slsa.dev/provenance/v1"}, {"subject": payload["subject"][1:]}):
        with pytest.raises(Malformed):
            mlbom_checking.read(json.dumps(payload | change).encode())


def test_a_sealed_artifact_is_described_as_what_is_inside_and_how_it_is_sealed(tmp_path: Path) -> None:
    """The same files as before it was sealed, with the algorithms that protect them."""
    case = s.Case(tmp_path)
    case.create(describe=Describe())
    hands = seal_open.Hands(case.hands())
    with seal_open.opened(seal_open.Asked(case.target, case.way(), Demands()), hands) as found:
        octets = seal_bom.of_sealed(found.unsealed, NOW)
        attached = found.unsealed.attached(Role.BOM)
    assert attached is not None
    plain = seal_bom.document(str(case.model), NOW)
    assert mlbom_checking.files_of(octets) == mlbom_checking.files_of(attached) == mlbom_checking.files_of(plain)
    sealed = b.Bill.of(octets)
    properties = sealed.component("crypto:payload")["cryptoProperties"]
    assert isinstance(properties, dict)
    assert properties["algorithmProperties"]["mode"] == "gcm"
    assert b.properties(sealed.root)["sealed.slot"] == "hpke"
    assert "crypto:payload" not in b.Bill.of(plain).refs


def test_bills_are_those_of_the_standard(model: Path, tmp_path: Path, vectors: Path) -> None:
    """Bills of a folder, of GGUF, of data and of a sealed artifact validate against the schema of CycloneDX 1.7."""
    folder = vectors / "seal/cyclonedx"
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: this test reads the schema of the standard")
    names = ("spdx", "jsf-0.82", "cryptography-defs", "bom-1.7")
    read = {n: json.loads((folder / f"{n}.schema.json").read_bytes()) for n in names}
    registry: Registry[bool | Mapping[str, Any]] = Registry().with_resources(
        [(x["$id"], Resource.from_contents(x)) for x in read.values()]
    )
    judge = Draft7Validator(read["bom-1.7"], registry=registry)
    case = s.Case(tmp_path / "case")
    case.create(describe=Describe(bom=False))
    with seal_open.opened(seal_open.Asked(case.target, case.way(), Demands()), seal_open.Hands(case.hands())) as found:
        sealed = seal_bom.of_sealed(found.unsealed, NOW)
    (model / "README.md").write_text("---\nlicense: other\nlicense_name: a b\nlicense_link: LICENSE\n---\n")
    (tmp_path / "a.csv").write_bytes(b"")
    words = {"general.architecture": "llama", "general.license": "mit"}
    (tmp_path / "m.gguf").write_bytes(b.gguf({"a": (12, [256])}, words))
    plain = [seal_bom.document(str(p), NOW) for p in (model, tmp_path / "a.csv", tmp_path / "m.gguf")]
    for octets in (sealed, *plain):
        assert [e.message for e in judge.iter_errors(json.loads(octets))] == []
    assert list(judge.iter_errors(json.loads(sealed) | {"components": [{"type": "file"}]}))  # it does judge


def test_a_model_that_changes_while_it_is_read_has_no_bill(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest would be of one file and the header of another."""
    before = scanning.opened

    def opened(path: Path) -> object:
        with path.open("ab") as f:
            f.write(b" ")
        return before(path)

    monkeypatch.setattr(scanning, "opened", opened)
    with pytest.raises(Unreadable, match="changed"):
        seal_bom.document(str(model), NOW)


def test_the_command_writes_signs_and_verifies(model: Path, tmp_path: Path) -> None:
    """Exit 0 for its own files, 1 with the reason for others, 2 for what is no bill, or a sealed artifact without a key."""
    case = s.Case(tmp_path / "case")
    bom, signed = str(tmp_path / "bom.json"), str(tmp_path / "bom.dsse")
    key, public = str(case.folder / "signer.pem"), str(case.folder / "signer.pub")

    def seal(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "strongroom", "seal", "bom", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        return done.returncode, done.stdout + done.stderr

    assert seal(str(model), "-o", bom, "--key", key, "--signed", signed, "--log", str(case.folder / "log"))[0] == 0
    assert {str(e.fields["what"]) for e in case.entries()} == {"bom", "bom-statement"}
    assert seal(str(model), "--verify", signed, "--bom-key", public)[0] == 0
    (model / "LICENSE").write_bytes(b"other\n")
    code, told = seal(str(model), "--verify", bom)
    assert (code, "LICENSE: another digest" in told) == (1, True)
    assert seal(str(model), "--verify", key)[0] == 2
    case.create(describe=Describe(bom=False))
    code, told = seal(str(case.target))
    assert (code, "--identity" in told) == (2, True)
    code, told = seal(str(case.target), "--identity", case.id_of())
    assert (code, b.Bill.of(told[told.index("{") : told.rindex("}") + 1].encode()).root["name"]) == (0, "model")
