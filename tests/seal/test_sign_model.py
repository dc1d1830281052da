"""Signing a model: by every kind of key, and never something that a strict verifier would not take."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import signing_case as s
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from strongroom.app.seal_sign import SignOptions, sign
from strongroom.app.seal_signers import SignerWords, opened, second
from strongroom.app.seal_verify import Trust
from strongroom.cli.commands.seal.sign import _shard_size
from strongroom.cli.main import group
from strongroom.kit import model_key, oms, pkcs11_uri, sigstore_bundle
from strongroom.kit.pkcs11_uri import TokenKey
from strongroom.model.errors import BadInput, BadSignature, BadUsage, Malformed, NotFound, TooLarge, Unreadable


@pytest.fixture
def case(tmp_path: Path) -> s.Case:
    return s.Case(tmp_path, s.make_model(tmp_path / "model"))


def run(*words: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(group, ["seal", *words])


def resources(bundle: bytes) -> list[str]:
    return [r["name"] for r in json.loads(s.payload_of(bundle))["predicate"]["resources"]]


@pytest.mark.parametrize("curve", s.CURVES)
def test_sign_by_each_curve(case: s.Case, curve: str) -> None:
    """A key on each curve signs with its own hash, and its signature is valid."""
    words = SignerWords(s.put(case.folder / "k", s.private_pem(s.key(curve))))
    case.signed(words)
    assert case.verdict(Trust(s.put(case.folder / "p", s.public_pem(s.key(curve))))).valid


def test_sign_statement_is_what_the_specification_wants(case: s.Case) -> None:
    """Names are sorted, the subject is the folder, and what is left out is told with the statement."""
    found = json.loads(s.payload_of(case.signed(ignore=("z.txt",))))
    assert found["subject"][0]["name"] == "model"
    assert [r["name"] for r in found["predicate"]["resources"]] == sorted(set(s.MODEL) - {"z.txt"})
    assert found["predicate"]["serialization"] == {
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": False,
        "ignore_paths": [".git", ".gitattributes", ".github", ".gitignore", "z.txt"],
    }


def test_sign_leaves_its_own_signature_out(case: s.Case) -> None:
    """A signature inside the model is not signed, is told as ignored, and does not change what it is over."""
    inside = str(case.model / "model.sig")
    for _ in range(2):
        assert run("sign", str(case.model), "--key", case.key, "--signature", inside).exit_code == 0
        bundle = Path(inside).read_bytes()
        assert resources(bundle) == sorted(s.MODEL)
        assert "model.sig" in json.loads(s.payload_of(bundle))["predicate"]["serialization"]["ignore_paths"]
    assert run("verify", str(case.model), "--signature", inside, "--public-key", case.public_key).exit_code == 0


def test_sign_shards(case: s.Case) -> None:
    """Shards are parts of files, and a file without octets has none."""
    s.put(case.model / "empty", b"")
    bundle = case.signed(shard_size=400, hash_type="blake2b")
    assert resources(bundle) == [
        "config.json:0:2",
        "weights/a.bin:0:400",
        "weights/a.bin:400:800",
        "weights/a.bin:800:1000",
        "weights/b.bin:0:400",
        "weights/b.bin:400:700",
        "z.txt:0:1",
    ]
    assert case.verdict().valid


def test_sign_one_file(case: s.Case) -> None:
    """A model of one file is named by the file, and by `.` on request; both are valid."""
    path = case.model / "weights/a.bin"
    for options, name in (({}, "a.bin"), ({"compat": True}, ".")):
        bundle = case.signed(path=path, **options)
        assert resources(bundle) == [name]
        assert json.loads(s.payload_of(bundle))["subject"][0]["name"] == "a.bin"
        found = case.verdict(path=path)
        assert (found.valid, len(found.notes)) == (True, name == ".")


def test_sign_refuses_links_unless_they_are_allowed(case: s.Case) -> None:
    """A link is an error with a hint; allowed, it is signed as what it leads to."""
    (case.model / "link").symlink_to("weights/a.bin")
    with pytest.raises(Malformed, match="symbolic link") as e:
        case.signed()
    assert "--allow-symlinks" in e.value.hint
    assert "link" in resources(case.signed(allow_symlinks=True))
    assert "link" not in resources(case.signed(ignore=("link",)))


def test_sign_refuses_what_no_statement_can_hold(case: s.Case) -> None:
    """A pipe, a name that is not UTF-8, and a model without a file are not signed."""
    with pytest.raises(BadInput, match="no file"):
        case.signed(ignore=tuple({n.split("/")[0] for n in s.MODEL}))
    os.mkfifo(case.model / "pipe")
    with pytest.raises(Malformed, match="neither a file"):
        case.signed()
    (case.model / "pipe").unlink()
    (case.model / os.fsdecode(b"\xff")).write_bytes(b"")
    with pytest.raises(Malformed, match="UTF-8"):
        case.signed()


@pytest.mark.parametrize("path", [".", "", "/", "..", "../model", "*", "/etc"])
def test_sign_ignores_only_what_is_inside(case: s.Case, path: str) -> None:
    """A path to ignore that is the whole model, outside of it, or a pattern is an error of use."""
    with pytest.raises(BadUsage, match="--ignore"):
        case.signed(ignore=(path,))


def test_sign_ignores_a_path_of_the_machine(case: s.Case) -> None:
    """A path to ignore may be absolute, where it lies in the model, and a folder may end with a slash."""
    assert "z.txt" not in resources(case.signed(ignore=(str(case.model / "z.txt"),)))
    assert resources(case.signed(ignore=("./weights/",))) == ["config.json", "z.txt"]


def test_sign_with_a_certificate(case: s.Case) -> None:
    """The bundle has the chain, the signer's first, and each certificate once."""
    words = SignerWords(case.key, certificate=s.put(case.folder / "c", s.pem(s.LEAF, s.MIDDLE)),
                        chain=(s.put(case.folder / "m", s.pem(s.MIDDLE)), s.put(case.folder / "r", s.pem(s.ROOT))))  # fmt: skip
    held = json.loads(case.signed(words))["verificationMaterial"]["x509CertificateChain"]["certificates"]
    assert len(held) == 3
    trust = Trust(certificate_chain=(s.put(case.folder / "t", s.pem(s.MIDDLE, s.ROOT)),))
    assert case.verdict(trust).valid


REFUSED = {
    "of another key": (s.Draft(which=3), "another key"),
    "that has ended": (s.Draft(ends=s.NOW - s.DAY / 2), "ended"),
    "that has not begun": (s.Draft(begins=s.NOW + s.DAY / 2), "begins"),
    "for servers": (s.Draft(purposes=(s.ExtendedKeyUsageOID.SERVER_AUTH,)), "serverAuth"),
    "that may not sign": (s.Draft(may_sign=False), "digitalSignature"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_sign_refuses_a_certificate(case: s.Case, name: str) -> None:
    """A certificate that no strict verifier would take makes no signature."""
    draft, found = REFUSED[name]
    with pytest.raises(BadInput, match=found):
        case.signed(SignerWords(case.key, certificate=s.put(case.folder / "c", s.pem(draft))))


def test_sign_with_a_password(case: s.Case) -> None:
    """A key behind a password opens with it; without, with another, and where there is none, the error says so."""
    shut = s.put(case.folder / "shut", s.private_pem(s.key(), b"a password"))
    right, wrong = s.put(case.folder / "right", b"a password\n"), s.put(case.folder / "wrong", b"another")
    case.signed(SignerWords(shut, password_file=right))
    assert case.verdict().valid
    for words, found in (
        (SignerWords(shut), "behind a password"),
        (SignerWords(shut, password_file=wrong), "no private key"),
        (SignerWords(case.key, password_file=right), "without a password"),
    ):
        with pytest.raises(Malformed, match=found):
            case.signed(words)


def test_sign_by_no_other_kind_of_key(case: s.Case) -> None:
    """A key on another curve, of another algorithm, or a public one does not sign."""
    for private in (ec.generate_private_key(ec.SECP256K1()), ed25519.Ed25519PrivateKey.generate(),
                    rsa.generate_private_key(65537, 2048)):  # fmt: skip
        with pytest.raises(Malformed, match="wanted ECDSA on P-256"):
            case.signed(SignerWords(s.put(case.folder / "k", s.private_pem(private))))
    with pytest.raises(Malformed, match="no private key"):
        case.signed(SignerWords(case.public_key))


def test_sign_keys_of_octets_that_are_none() -> None:
    """Octets that are no public key, as DER and as PEM, are refused by name."""
    for read in (model_key.public_key, model_key.public_key_of):
        for data in (b"", b"none", s.public_pem(s.key())[:-40], s.private_pem(s.key())):
            with pytest.raises(Malformed, match="it: found no public key"):
                read(data, "it")


def test_sign_wants_one_signer(case: s.Case) -> None:
    """No key, two keys, and a chain without a certificate are errors of use."""
    for words in (SignerWords(), SignerWords(case.key, pkcs11="pkcs11:x"), SignerWords(case.key, chain=(case.key,))):
        with pytest.raises(BadUsage):
            case.signed(words)


def test_sign_verifies_what_a_signer_made(case: s.Case) -> None:
    """A signer that makes a wrong signature, as a faulty token may, gives no bundle."""
    with opened(SignerWords(case.key), s.NOW) as signer:
        faulty = replace(signer, signed=lambda data: signer.signed(data + b"x"))
    with pytest.raises(BadSignature):
        sign(str(case.model), (faulty,), SignOptions())


def test_sign_twice_with_ml_dsa(case: s.Case) -> None:
    """The second signature is over the same statement, in a bundle of its own, and is left out of the model too."""
    words = ("--key", case.key, "--signature", str(case.model / "one.sig"), "--ml-dsa",
             s.put(case.folder / "pq", s.private_pem(s.ml_dsa())), "--ml-dsa-signature", str(case.model / "two.sig"))  # fmt: skip
    assert run("sign", str(case.model), *words).exit_code == 0
    first, other = ((case.model / n).read_bytes() for n in ("one.sig", "two.sig"))
    assert s.payload_of(first) == s.payload_of(other)
    assert resources(first) == sorted(s.MODEL)
    public = s.put(case.folder / "pqp", s.public_pem(s.ml_dsa()))
    alone = run("verify", str(case.model), "--signature", str(case.model / "two.sig"), "--public-key", public)
    assert (alone.exit_code, "ML-DSA-65" in alone.output) == (0, True)


def test_sign_second_signature_is_whole(case: s.Case) -> None:
    """A second key without a file, a file without a key, one file for both, and a key on a curve are refused."""
    pq = s.put(case.folder / "pq", s.private_pem(s.ml_dsa()))
    base = ("sign", str(case.model), "--key", case.key, "--signature", case.signature)
    for more in (("--ml-dsa", pq), ("--ml-dsa-signature", "x"), ("--ml-dsa", pq, "--ml-dsa-signature", case.signature)):
        done = run(*base, *more)
        assert done.exit_code == 2
        assert not Path(case.signature).exists()
    with pytest.raises(BadInput, match="secp256r1"):
        second(case.key)


def test_sign_by_the_command(case: s.Case) -> None:
    """The command writes a signature that the other command takes, for each method and hash of the standard library."""
    for more in ((), ("--method", "shards", "--shard-size", "300"), ("--method", "shards"), ("--hash", "blake2b")):
        done = run("sign", str(case.model), "--key", case.key, "--signature", case.signature, *more)
        assert (done.exit_code, done.stderr) == (0, "")
        assert (
            run("verify", str(case.model), "--signature", case.signature, "--public-key", case.public_key).exit_code
            == 0
        )
    size = json.loads(s.payload_of(Path(case.signature).read_bytes()))["predicate"]["serialization"].get("shard_size")
    assert size is None
    assert (
        run("sign", str(case.model), "--key", case.key, "--signature", case.signature, "--shard-size", "3").exit_code
        == 2
    )


def test_sign_leaves_no_half_signature(case: s.Case) -> None:
    """Where the signature cannot be written, or the model not be read, an older one stays as it was."""
    Path(case.signature).write_bytes(b"older")
    assert run("sign", str(case.folder / "missing"), "--key", case.key, "--signature", case.signature).exit_code == 2
    assert Path(case.signature).read_bytes() == b"older"
    assert run("sign", str(case.model), "--key", case.key, "--signature", str(case.folder / "no/where")).exit_code == 2
    assert sorted(p.name for p in case.folder.iterdir()) == ["key.pem", "model", "model.sig"]


def test_sign_makes_no_signature_that_nobody_reads(case: s.Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signature longer than a reader takes is refused when it is made, with what helps."""
    monkeypatch.setattr(sigstore_bundle, "MOST", 100)
    with pytest.raises(TooLarge, match="larger shards"):
        case.signed()


def test_sign_names_the_default_shard() -> None:
    """The shard that is taken without a word is that of the specification."""
    assert _shard_size("shards", None) == oms.DEFAULT_SHARD == 1_000_000_000


def test_sign_pkcs11_uris_are_read() -> None:
    """The attributes of RFC 7512 that name a key are read, with their escapes."""
    found = pkcs11_uri.parse(
        "pkcs11:token=a%20b;serial=12;object=k;id=%01%ff;type=private?module-path=/x.so&pin-value=p%3b&pin-source=file:/p"
    )
    assert found == TokenKey("/x.so", "a b", "12", "k", b"\x01\xff", "p;", "/p")


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "file:/x",
        "http:object=k?module-path=/x.so",
        "pkcs11:object=k",
        "pkcs11:object=k?module-path=x.so",
        "pkcs11:token=t?module-path=/x.so",
        "pkcs11:object=k;object=l?module-path=/x.so",
        "pkcs11:object=k;slot-id=1?module-path=/x.so",
        "pkcs11:object=%zz?module-path=/x.so",
        "pkcs11:object=k;type=cert?module-path=/x.so",
        "pkcs11:object?module-path=/x.so",
        "pkcs11:object=k?module-path=/x.so&max-sessions=1",
    ],
)
def test_sign_pkcs11_uris_that_say_too_little(uri: str) -> None:
    """A URI without a key or a library by its path, with an attribute twice, or one that would be passed over, is refused."""
    with pytest.raises(BadUsage):
        pkcs11_uri.parse(uri)


def test_sign_names_the_extra_for_tokens(case: s.Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package for tokens the error names the extra."""
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    with pytest.raises(NotFound) as e:
        case.signed(SignerWords(pkcs11="pkcs11:object=k?module-path=/x.so"))
    assert "strongroom[pkcs11]" in e.value.hint


def test_sign_reads_files_of_a_stated_size(case: s.Case) -> None:
    """A key file that is missing, or longer than any key, is refused by its name."""
    with pytest.raises(Unreadable, match="missing"):
        case.signed(SignerWords(str(case.folder / "missing")))
    with pytest.raises(Unreadable, match="a name that no file has"):
        case.signed(SignerWords("zero\0octet"))
    with pytest.raises(TooLarge, match=r"big.*more than 1048576"):
        case.signed(SignerWords(s.put(case.folder / "big", b"x" * (1 << 21))))
