"""The vectors of the specification, and the bundles of every release of model-signing: one row a file, with its verdict."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
import signing_case as s
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from strongroom.app.seal_signers import SignerWords
from strongroom.app.seal_verify import Asked, Trust, Verdict, verify
from strongroom.kit import oms_reading, sigstore_bundle
from strongroom.model.errors import BadInput

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEYS = "keys/certificate"


@pytest.fixture
def spec(vectors: Path) -> Path:
    return vectors / "seal/oms-spec"


@pytest.fixture
def bundles(vectors: Path) -> Path:
    return vectors / "seal/oms/scripts/tests"


def asked(bundles: Path, model: Path, signature: Path, method: str, **more: object) -> Verdict:
    public, root = (str(bundles / KEYS / n) for n in ("signing-key-pub.pem", "ca-cert.pem"))
    trust = Trust(public) if method == "elliptic-key" else Trust(certificate_chain=(root,))
    return verify(Asked(str(model), str(signature), trust, NOW, **more))


# Folder, the file that is the model where it is one, files that were not signed, and the reasons without --compat.
HISTORY = [
    ("v0.2.0-certificate", "", (), ["signature", "predicate-type"]),
    ("v0.3.1-certificate", "", (), []),
    ("v0.3.1-elliptic-key", "signme-1", (), []),
    ("v1.0.0-certificate", "", (), []),
    ("v1.0.0-elliptic-key", "signme-1", (), []),
    ("v1.0.1-certificate", "", ("ignore-me",), []),
    ("v1.0.1-elliptic-key", "", ("ignore-me",), []),
    ("v1.1.0-certificate", "", (), []),
    ("v1.1.0-elliptic-key", "", (), []),
]


@pytest.mark.parametrize(("name", "single", "ignore", "strict"), HISTORY, ids=[h[0] for h in HISTORY])
def test_oms_bundles_of_every_release(
    bundles: Path, name: str, single: str, ignore: tuple[str, ...], strict: list[str]
) -> None:
    """The bundle of each release is valid with --compat, and without it where its release keeps the rules."""
    folder, method = bundles / name, name.partition("-")[2]
    model, signature = folder / single, folder / "model.sig"
    found = asked(bundles, model, signature, method, ignore=ignore)
    assert [r.code.value for r in found.reasons] == strict
    assert asked(bundles, model, signature, method, ignore=ignore, compat=True).valid
    if ignore:
        assert [r.file for r in asked(bundles, model, signature, method).reasons] == list(ignore)


@pytest.mark.parametrize("name", [h[0] for h in HISTORY])
def test_oms_bundles_of_every_release_over_changed_models(bundles: Path, tmp_path: Path, name: str) -> None:
    """No bundle of any release is valid for a model with one octet more, with --compat as well."""
    folder, method = bundles / name, name.partition("-")[2]
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy, copy_function=shutil.copyfile)
    copy.chmod(0o755)
    changed = copy / "signme-1"
    changed.write_bytes(changed.read_bytes() + b"\n")
    single = next(h[1] for h in HISTORY if h[0] == name)
    found = asked(bundles, copy / single, copy / "model.sig", method, ignore=("ignore-me",), compat=True)
    assert [(r.code.value, r.file) for r in found.reasons] == [("changed", "signme-1")]


def test_oms_history_is_whole(bundles: Path) -> None:
    """Every bundle that lies there has its row, here or with the tests of Sigstore."""
    there = {p.parent.name for p in bundles.glob("v*/model.sig")}
    assert {n for n in there if not n.endswith("sigstore")} == {h[0] for h in HISTORY}


SPEC = {
    "valid/key.bundle.json": "",
    "valid/certificate.bundle.json": "",
    "valid/sigstore.bundle.json": "",
    "invalid/empty.bundle.json": "end of the file",
    "invalid/missing-envelope.bundle.json": "dsseEnvelope",
    "invalid/missing-tlog-entries.bundle.json": "without entries of a transparency log",
    "invalid/missing-verification-material.bundle.json": "verificationMaterial",
    "invalid-payload/wrong-predicate.bundle.json": "https://example.com/wrong-predicate/v1.0",
}


@pytest.mark.parametrize("name", SPEC)
def test_oms_vectors_of_the_specification(spec: Path, name: str) -> None:
    """Each vector is read, or refused for what its name says."""
    data = (spec / "test-vectors/v1.0" / name).read_bytes()
    try:
        bundle = sigstore_bundle.read(data, name)
        found = " ".join(r.found for r in oms_reading.read(bundle.envelope.payload, name).reasons)
    except BadInput as e:
        found = str(e)
    assert (SPEC[name] in found) if SPEC[name] else (found == "")


def test_oms_vectors_of_the_specification_are_whole(spec: Path) -> None:
    """Every vector that lies there has its row."""
    folder = spec / "test-vectors/v1.0"
    assert {str(p.relative_to(folder)) for p in folder.glob("*/*.json")} == set(SPEC)


@pytest.mark.parametrize("name", ["key", "certificate"])
def test_oms_vectors_over_the_model_that_they_are_of(spec: Path, bundles: Path, tmp_path: Path, name: str) -> None:
    """The sound vectors are valid for the model of release 1.1.0, and the one of another predicate is not."""
    method = "elliptic-key" if name == "key" else "certificate"
    folder = tmp_path / "model"
    shutil.copytree(bundles / "v1.1.0-elliptic-key", folder, ignore=shutil.ignore_patterns("model.sig"))
    vectors = spec / "test-vectors/v1.0"
    assert asked(bundles, folder, vectors / f"valid/{name}.bundle.json", method).valid
    wrong = asked(bundles, folder, vectors / "invalid-payload/wrong-predicate.bundle.json", "elliptic-key")
    assert "predicate-type" in [r.code.value for r in wrong.reasons]


@pytest.mark.parametrize("how", [{}, {"shard_size": 400}, {"hash_type": "blake2b"}, {"ignore": ("z.txt",)}])
@pytest.mark.parametrize("with_certificate", [False, True])
def test_oms_what_we_sign_keeps_the_schemas(spec: Path, tmp_path: Path, how: dict, with_certificate: bool) -> None:
    """Our bundles, and the statements in them, are valid by the schemas of the specification."""
    schemas = [json.loads(p.read_bytes()) for p in sorted((spec / "schemas/v1.0").glob("*.json"))]
    registry = Registry().with_resources([(x["$id"], Resource.from_contents(x)) for x in schemas])
    by_name = {x["$id"].split("/")[3]: Draft202012Validator(x, registry=registry) for x in schemas}
    case = s.Case(tmp_path, s.make_model(tmp_path / "model"))
    certificate = s.put(tmp_path / "c", s.pem(s.LEAF)) if with_certificate else None
    bundle = case.signed(SignerWords(case.key, certificate=certificate), **how)
    by_name["bundle"].validate(json.loads(bundle))
    by_name["statement"].validate(json.loads(s.payload_of(bundle)))
