"""Signatures of models, both ways with the real model-signing: its command, its library, and its verifier of Sigstore.

It lies in a virtual environment of its own, `$XDG_CACHE_HOME/strongroom-tests/seal-peers` or where `$SEAL_PEERS` says, with
model-signing 1.1.1, pyopenssl (which it imports and does not name) and what this program stands on.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import signing_case as s
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from pkcs11_case import PIN
from token_case import made

from strongroom.app.seal_signers import SignerWords
from strongroom.app.seal_verify import Trust

pytestmark = pytest.mark.integration
SOURCE = Path(__file__).parents[2] / "src"
LIBRARY = """
import sys
from pathlib import Path
from model_signing import hashing, signing
method, algorithm, model, signature, key = sys.argv[1:]
how = hashing.Config()
if method == "shards":
    how.use_shard_serialization(hashing_algorithm=algorithm, shard_size=300)
else:
    how.use_file_serialization(hashing_algorithm=algorithm)
signing.Config().use_elliptic_key_signer(private_key=key).set_hashing_config(how).sign(Path(model), Path(signature))
"""


@pytest.fixture(scope="session")
def peers() -> Path:
    """The programs of the environment, or a skip with what is missing."""
    cache = Path(os.getenv("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = Path(os.getenv("SEAL_PEERS") or cache / "strongroom-tests/seal-peers") / "bin"
    if not (found / "model_signing").exists():
        pytest.skip(
            f"no {found}/model_signing: make a virtual environment there with model-signing==1.1.1 and pyopenssl"
        )
    return found


@pytest.fixture
def case(tmp_path: Path) -> s.Case:
    """A model with folders, an empty file, and names that two orders sort differently."""
    files = {**s.MODEL, "a/b": b"1", "a.txt": b"2", "a/empty": b"", "weights/c:1:2": b"3" * 400}
    return s.Case(tmp_path, s.make_model(tmp_path / "model", files))


def done(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    given = [f"{name}={value}" for name, value in (env or {}).items()]
    return subprocess.run(["env", *given, *words], capture_output=True, text=True, check=False, timeout=120)


def theirs(peers: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return done(str(peers / "model_signing"), *words)


@pytest.mark.parametrize("curve", s.CURVES)
@pytest.mark.parametrize("inside", [False, True])
def test_oms_we_verify_what_model_signing_signs(peers: Path, case: s.Case, curve: str, inside: bool) -> None:
    """A signature by its command, beside the model or in it, is valid; for a changed model it is not."""
    key = s.put(case.folder / "k", s.private_pem(s.key(curve)))
    signature = str((case.model if inside else case.folder) / "model.sig")
    made = theirs(peers, "sign", "key", str(case.model), "--private_key", key, "--signature", signature)
    assert made.returncode == 0, made.stderr
    words = (
        str(case.model),
        "--signature",
        signature,
        "--public-key",
        s.put(case.folder / "p", s.public_pem(s.key(curve))),
    )
    ours = (sys.executable, "-m", "strongroom", "seal", "verify", *words)
    assert done(*ours).returncode == 0
    s.put(case.model / "a/b", b"other")
    changed = done(*ours)
    assert changed.returncode == 1
    assert "a/b: found sha256:" in changed.stdout


@pytest.mark.parametrize("curve", s.CURVES)
@pytest.mark.parametrize("inside", [False, True])
def test_oms_model_signing_verifies_what_we_sign(peers: Path, case: s.Case, curve: str, inside: bool) -> None:
    """Our signature is valid for its command; for a changed model it is not."""
    key = s.put(case.folder / "k", s.private_pem(s.key(curve)))
    public = s.put(case.folder / "p", s.public_pem(s.key(curve)))
    signature = str((case.model if inside else case.folder) / "model.sig")
    words = (
        sys.executable,
        "-m",
        "strongroom",
        "seal",
        "sign",
        str(case.model),
        "--key",
        key,
        "--signature",
        signature,
    )
    assert done(*words).returncode == 0
    verify = ("verify", "key", str(case.model), "--public_key", public, "--signature", signature)
    held = theirs(peers, *verify)
    assert held.returncode == 0, held.stdout + held.stderr
    s.put(case.model / "a/b", b"other")
    assert theirs(peers, *verify).returncode != 0


@pytest.mark.parametrize("with_second", [False, True])
def test_oms_certificates_both_ways(peers: Path, case: s.Case, with_second: bool) -> None:
    """Chains that one side signs with, the other verifies by the root alone; a second signature is in nobody's way."""
    leaf, middle, root = (
        s.put(case.folder / n, s.pem(d)) for n, d in (("leaf", s.LEAF), ("middle", s.MIDDLE), ("root", s.ROOT))
    )
    made = theirs(peers, "sign", "certificate", str(case.model), "--private_key", case.key, "--signing_certificate", leaf,
                  "--certificate_chain", middle, "--signature", case.signature)  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert case.verdict(Trust(certificate_chain=(root,))).valid
    assert case.verdict(Trust(certificate_chain=(middle,), identity="signer")).valid
    ours = [
        "sign",
        str(case.model),
        "--key",
        case.key,
        "--certificate",
        leaf,
        "--chain",
        middle,
        "--signature",
        case.signature,
    ]
    if with_second:
        second = str(case.model / "second.sig")
        ours += ["--ml-dsa", s.put(case.folder / "pq", s.private_pem(s.ml_dsa())), "--ml-dsa-signature", second]
    written = done(sys.executable, "-m", "strongroom", "seal", *ours, "--at", s.NOW.isoformat())
    assert written.returncode == 0, written.stderr
    held = theirs(peers, "verify", "certificate", str(case.model), "--certificate_chain", root, "--signature",
                  case.signature)  # fmt: skip
    assert held.returncode == 0, held.stdout + held.stderr


BAD = {
    "that has ended": (s.Draft(issuer=s.ROOT, ends=s.NOW - s.DAY / 2), "expired"),
    "for servers": (s.Draft(issuer=s.ROOT, purposes=(s.ExtendedKeyUsageOID.SERVER_AUTH,)), "extended-key-usage"),
}


@pytest.mark.parametrize("name", BAD)
def test_oms_certificates_that_model_signing_takes_and_we_do_not(peers: Path, case: s.Case, name: str) -> None:
    """A certificate that has ended, or is for servers alone, is valid for its command and not for ours."""
    draft, code = BAD[name]
    leaf, root = (s.put(case.folder / n, s.pem(d)) for n, d in (("leaf", draft), ("root", s.ROOT)))
    made = theirs(peers, "sign", "certificate", str(case.model), "--private_key", case.key, "--signing_certificate", leaf,
                  "--certificate_chain", root, "--signature", case.signature)  # fmt: skip
    assert made.returncode == 0, made.stderr
    held = theirs(peers, "verify", "certificate", str(case.model), "--certificate_chain", root, "--signature",
                  case.signature)  # fmt: skip
    assert held.returncode == 0
    assert case.codes(Trust(certificate_chain=(root,))) == [code]


@pytest.mark.parametrize("method", ["files", "shards"])
@pytest.mark.parametrize("algorithm", ["sha256", "blake2"])
def test_oms_bundles_that_model_signing_cannot_verify_itself(
    peers: Path, case: s.Case, method: str, algorithm: str
) -> None:
    """Its bundles with shards and with BLAKE2 are valid here, with what is odd in them noted, and refused by its command."""
    made = done(str(peers / "python"), "-c", LIBRARY, method, algorithm, str(case.model), case.signature, case.key)
    assert made.returncode == 0, made.stderr
    found = case.verdict()
    assert found.valid, found.reasons
    assert any("order" in n for n in found.notes)
    assert any("fraction" in n for n in found.notes) == (method == "shards")
    held = theirs(
        peers, "verify", "key", str(case.model), "--public_key", case.public_key, "--signature", case.signature
    )
    assert (held.returncode == 0) == ((method, algorithm) == ("files", "sha256"))
    s.put(case.model / "a/b", b"other")
    assert [r.file.split(":")[0] for r in case.verdict().reasons][:1] == ["a/b"]


def test_oms_one_file_both_ways(peers: Path, case: s.Case) -> None:
    """A model of one file: its bundle is valid here, and ours there once it is named as it insists on."""
    path = case.model / "a.txt"
    made = theirs(peers, "sign", "key", str(path), "--private_key", case.key, "--signature", case.signature)
    assert made.returncode == 0, made.stderr
    assert case.verdict(path=path).valid
    verify = ("verify", "key", str(path), "--public_key", case.public_key, "--signature", case.signature)
    for compat in (False, True):
        case.signed(path=path, compat=compat)
        assert (theirs(peers, *verify).returncode == 0) is compat


def test_oms_blake3_both_sides(peers: Path, case: s.Case) -> None:
    """With the package of BLAKE3, which that environment has, its digests and ours are the same."""
    made = done(str(peers / "python"), "-c", LIBRARY, "files", "blake3", str(case.model), case.signature, case.key)
    assert made.returncode == 0, made.stderr
    words = ("seal", "verify", str(case.model), "--signature", case.signature, "--public-key", case.public_key)
    found = done(str(peers / "python"), "-m", "strongroom", *words, env={"PYTHONPATH": str(SOURCE)})
    assert (found.returncode, "valid: 8 files" in found.stdout) == (0, True), found.stderr
    own = str(case.folder / "own.sig")
    signing = ("seal", "sign", str(case.model), "--key", case.key, "--signature", own, "--hash", "blake3")
    ours = done(str(peers / "python"), "-m", "strongroom", *signing, env={"PYTHONPATH": str(SOURCE)})
    assert ours.returncode == 0, ours.stderr
    digests = [
        {r["name"]: r["digest"] for r in json.loads(s.payload_of(Path(p).read_bytes()))["predicate"]["resources"]}
        for p in (own, case.signature)
    ]
    assert digests[0] == digests[1]


SIGSTORE = ["v0.3.1-sigstore", "v1.0.0-sigstore", "v1.0.1-sigstore", "v1.1.0-sigstore"]
WHO = ("stefanb@us.ibm.com", "https://sigstore.verify.ibm.com/oauth2")


@pytest.fixture
def offline(peers: Path, vectors: Path) -> tuple[Path, Path]:
    """The recorded bundles of Sigstore and their trust configuration, and an environment that can verify them."""
    if done(str(peers / "python"), "-c", "import sigstore, msgspec, click, rfc8785").returncode:
        pytest.skip("the environment of the peers lacks sigstore or what strongroom stands on")
    return vectors / "seal/oms/scripts/tests", vectors / "seal/oms/sigstore-prod-trust-config.json"


def sigstore(
    peers: Path, model: Path, signature: Path, config: Path, who: tuple[str, str]
) -> subprocess.CompletedProcess[str]:
    words = ("seal", "verify", str(model), "--signature", str(signature), "--trust-config", str(config), "--identity",
             who[0], "--identity-provider", who[1], "--ignore", "ignore-me", "--format", "json")  # fmt: skip
    # No network: a client that asked for anything would fail by this proxy.
    dead = {"PYTHONPATH": str(SOURCE), "HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    return done(str(peers / "python"), "-m", "strongroom", *words, env=dead)


@pytest.mark.parametrize("name", SIGSTORE)
def test_oms_sigstore_bundles_offline(peers: Path, offline: tuple[Path, Path], name: str) -> None:
    """A recorded bundle of Sigstore is valid without a network for its identity and provider, and for no others."""
    folder, config = offline[0] / name, offline[1]
    found = sigstore(peers, folder, folder / "model.sig", config, WHO)
    assert (found.returncode, found.stderr) == (0, "")
    assert json.loads(found.stdout)["signers"][0]["names"] == [WHO[0]]
    for who in (("eve@example.com", WHO[1]), (WHO[0], "https://example.com")):
        other = sigstore(peers, folder, folder / "model.sig", config, who)
        assert other.returncode == 1
        assert [r["code"] for r in json.loads(other.stdout)["reasons"]] == ["sigstore"]


def test_oms_sigstore_bundles_are_not_believed(
    peers: Path, offline: tuple[Path, Path], spec_vector: Path, tmp_path: Path
) -> None:
    """The specification's own vector is valid; another model, a changed payload, and a trust configuration that is none: not valid, or unreadable."""
    folder, config = offline[0] / "v1.1.0-sigstore", offline[1]
    assert sigstore(peers, folder, spec_vector, config, WHO).returncode == 0
    assert sigstore(peers, offline[0] / "v1.1.0-elliptic-key", spec_vector, config, WHO).returncode == 1
    changed = json.loads((folder / "model.sig").read_bytes())
    payload = json.loads(s.payload_of((folder / "model.sig").read_bytes()))
    payload["subject"][0]["name"] = "other"
    changed["dsseEnvelope"]["payload"] = s.base64.b64encode(json.dumps(payload).encode()).decode()
    forged = Path(s.put(tmp_path / "forged", json.dumps(changed).encode()))
    found = sigstore(peers, folder, forged, config, WHO)
    assert found.returncode == 1
    assert "sigstore" in [r["code"] for r in json.loads(found.stdout)["reasons"]]
    none = sigstore(peers, folder, folder / "model.sig", Path(s.put(tmp_path / "none", b"{}")), WHO)
    assert none.returncode == 2
    assert "Traceback" not in none.stderr


@pytest.fixture
def spec_vector(vectors: Path) -> Path:
    """The bundle of Sigstore among the vectors of the specification."""
    return vectors / "seal/oms-spec/test-vectors/v1.0/valid/sigstore.bundle.json"


def test_oms_signed_with_a_password(peers: Path, case: s.Case) -> None:
    """A key behind a password signs here what its command verifies."""
    shut = s.put(case.folder / "shut", s.private_pem(s.key(), b"word"))
    case.signed(SignerWords(shut, password_file=s.put(case.folder / "password", b"word\n")))
    held = theirs(
        peers, "verify", "key", str(case.model), "--public_key", case.public_key, "--signature", case.signature
    )
    assert held.returncode == 0, held.stdout + held.stderr


def test_oms_tokens_both_ways(peers: Path, case: s.Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in a token signs by each command what the other verifies."""
    token = made(tmp_path, monkeypatch)
    public = s.put(case.folder / "p", load_pem(token.public["p384"]))
    uri = token.uri("object=p384", f"&pin-value={PIN}")
    signed = theirs(peers, "sign", "pkcs11-key", str(case.model), "--pkcs11_uri", uri, "--signature", case.signature)
    if "PyKCS11" in signed.stderr:
        pytest.skip("the environment of the peers lacks PyKCS11: install model-signing[pkcs11]")
    assert signed.returncode == 0, signed.stdout + signed.stderr
    assert case.verdict(Trust(public)).valid
    case.signed(SignerWords(pkcs11=token.uri("object=p384")))
    held = theirs(peers, "verify", "key", str(case.model), "--public_key", public, "--signature", case.signature)
    assert held.returncode == 0, held.stdout + held.stderr


def load_pem(der: bytes) -> bytes:
    return load_der_public_key(der).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
