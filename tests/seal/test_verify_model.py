"""Verifying a model: every strictness rule decides alone, every reason is told, and nothing else is believed."""

import base64
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import signing_case as s
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA224, SHA256, SHA384, SHA512

from strongroom.app.seal_sign import SignOptions, sign
from strongroom.app.seal_signers import SignerWords, opened, second
from strongroom.app.seal_verify import SCHEMA, Trust
from strongroom.cli.main import group
from strongroom.kit import dsse, model_key, sigstore_bundle
from strongroom.model.errors import BadInput, BadUsage, Malformed, NotFound, Unreadable


@pytest.fixture
def case(tmp_path: Path) -> s.Case:
    made = s.Case(tmp_path, s.make_model(tmp_path / "model"))
    made.signed()
    return made


def run(*words: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(group, ["seal", "verify", *words])


def rewrite(case: s.Case, change: Callable[[dict], object]) -> None:
    """Change the statement, and sign it again by the same key."""
    data = Path(case.signature).read_bytes()
    Path(case.signature).write_bytes(s.remade(data, change, s.key()))


def test_verify_what_was_signed(case: s.Case) -> None:
    """A model as it was signed is valid, with its signer, and how much was signed."""
    found = case.verdict()
    assert found.valid
    assert (found.files, found.octets, found.reasons, found.notes) == (4, 1703, (), ())
    assert [x.id for x in found.signers] == [model_key.hint_of(s.key().public_key())]


def _add(path: str, data: bytes = b"x") -> Callable[[Path], object]:
    return lambda model: s.put(model / path, data)


def _link(model: Path) -> None:
    (model / "z.txt").unlink()
    (model / "z.txt").symlink_to("config.json")


FILES = {
    "a flipped octet": (_add("weights/a.bin", b"a" * 999 + b"b"), [("changed", "weights/a.bin")]),
    "a longer file": (_add("weights/a.bin", b"a" * 1001), [("changed", "weights/a.bin")]),
    "a shorter file": (_add("weights/a.bin", b"a" * 999), [("changed", "weights/a.bin")]),
    "an emptied file": (_add("z.txt", b""), [("changed", "z.txt")]),
    "a file more": (_add("weights/c.bin"), [("unsigned", "weights/c.bin")]),
    "an empty file more": (_add("__init__.py", b""), [("unsigned", "__init__.py")]),
    "a file of git below": (_add("weights/.git/config"), [("unsigned", "weights/.git/config")]),
    "a file less": (lambda m: (m / "z.txt").unlink(), [("missing", "z.txt")]),
    "another name": (lambda m: (m / "z.txt").rename(m / "Z.txt"), [("missing", "z.txt"), ("unsigned", "Z.txt")]),
    "a file of git at the top": (_add(".git/config"), []),
    "an empty folder": (lambda m: (m / "new").mkdir(), []),
    "a link in place of a file": (_link, [("link", "z.txt")]),
    "a link more": (lambda m: (m / "l").symlink_to("z.txt"), [("link", "l")]),
    "a pipe more": (lambda m: os.mkfifo(m / "p"), [("special", "p")]),
    "a folder in place of a file": (lambda m: ((m / "z.txt").unlink(), (m / "z.txt").mkdir()), [("missing", "z.txt")]),
    "two things": (lambda m: (_add("n")(m), (m / "z.txt").unlink()), [("missing", "z.txt"), ("unsigned", "n")]),
}


@pytest.mark.parametrize("shard_size", [None, 300])
@pytest.mark.parametrize("name", FILES)
def test_verify_names_each_file(case: s.Case, name: str, shard_size: int | None) -> None:
    """Whatever was done to a model is named by its file, and nothing else is, with files and with shards."""
    case.signed(shard_size=shard_size)
    change, wanted = FILES[name]
    change(case.model)
    found = case.verdict()
    told = {(r.code.value, r.file.split(":")[0]) for r in found.reasons}
    if shard_size and name == "an empty file more":  # no shard: the specification cannot tell
        wanted = []
        assert "empty" in found.notes[0]
    assert told == set(wanted)
    assert found.valid == (not wanted)


ALONE = {
    "another statement": (lambda t: t.update(_type="x"), "statement-type"),
    "another predicate": (lambda t: t.update(predicateType="x"), "predicate-type"),
    "another root": (lambda t: t["subject"][0]["digest"].update(sha256="00" * 32), "root-digest"),
    "not sorted": (lambda t: (t["predicate"]["resources"].reverse(), s.rooted(t)), "order"),
    "twice": (lambda t: (t["predicate"]["resources"].insert(0, t["predicate"]["resources"][0]), s.rooted(t)), "duplicate"),
    "all ignored": (lambda t: t["predicate"]["serialization"].update(ignore_paths=["."]), "ignore-path"),
    "the folder above ignored": (lambda t: t["predicate"]["serialization"].update(ignore_paths=[".."]), "ignore-path"),
    "a signed file ignored": (lambda t: t["predicate"]["serialization"].update(ignore_paths=["z.txt"]), "ignore-path"),
    "links": (lambda t: t["predicate"]["serialization"].update(allow_symlinks=True), "symlinks"),
    "a hash for one file": (lambda t: t["predicate"]["resources"][0].update(algorithm="md5"), "algorithm"),
    "more members": (lambda t: t.update(more=1), "statement"),
}  # fmt: skip


@pytest.mark.parametrize("name", ALONE)
def test_verify_each_rule_of_the_statement_decides_alone(case: s.Case, name: str) -> None:
    """A statement that the right key has signed, over the right files, is not valid where it breaks one rule."""
    change, code = ALONE[name]
    rewrite(case, change)
    found = case.verdict()
    assert [r.code.value for r in found.reasons] == [code]
    assert not found.valid
    assert found.signers


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "./z.txt", "weights//a.bin"])
def test_verify_opens_nothing_outside(case: s.Case, name: str) -> None:
    """A name that leads outside, or to a file in a second way, is a reason, and the file is not looked at."""
    (case.folder / "outside").write_bytes(b"x")
    rewrite(case, lambda t: (t["predicate"]["resources"].insert(0, {**t["predicate"]["resources"][0], "name": name}),
                             t["predicate"]["resources"].sort(key=lambda r: r["name"]), s.rooted(t)))  # fmt: skip
    assert [(r.code.value, r.file) for r in case.verdict().reasons] == [("name", name)]


def test_verify_a_key_twice_in_the_payload(case: s.Case) -> None:
    """A payload with a key twice has a reason of its own, however it was signed."""
    payload = s.payload_of(Path(case.signature).read_bytes())
    twice = payload[:-1] + b',"_type":"x"}'
    Path(case.signature).write_bytes(s.bundled(twice, s.key()))
    found = case.verdict()
    assert [(r.code.value, r.found) for r in found.reasons] == [("payload", "the key _type twice in one object")]


def test_verify_the_payload_type_counts(case: s.Case) -> None:
    """A payload that was signed as something else is not a statement."""
    payload = s.payload_of(Path(case.signature).read_bytes())
    Path(case.signature).write_bytes(s.bundled(payload, s.key(), "text/plain"))
    assert case.codes() == ["payload-type"]


def test_verify_the_hint_counts(case: s.Case) -> None:
    """A bundle that names another key is not valid, even where the right one made the signature."""
    payload = s.payload_of(Path(case.signature).read_bytes())
    for material, codes in (
        (sigstore_bundle.PublicKey("00" * 32, b""), ["hint"]),
        (sigstore_bundle.PublicKey("é", b""), ["hint"]),
        (s.key_material(s.key()), []),
    ):
        Path(case.signature).write_bytes(sigstore_bundle.written(material, s.envelope(payload, s.key())))
        assert case.codes() == codes


def test_verify_the_key_in_an_older_bundle_counts(case: s.Case) -> None:
    """A bundle before 1.1.0 has the key itself, which must be the one that is trusted."""
    data = json.loads(Path(case.signature).read_bytes())
    for held, codes in ((s.public_pem(s.key()), []), (s.public_pem(s.key("p256", 9)), ["hint"]), (b"none", ["hint"])):
        data["verificationMaterial"]["publicKey"] = {"rawBytes": base64.b64encode(held).decode(), "keyDetails": "x"}
        Path(case.signature).write_text(json.dumps(data))
        assert case.codes() == codes


def test_verify_another_key_tells_all(case: s.Case) -> None:
    """With another key the hint and the signature are reasons, and what is wrong with the files is told as well."""
    s.put(case.model / "new", b"")
    other = Trust(s.put(case.folder / "other", s.public_pem(s.key("p256", 9))))
    found = case.verdict(other)
    assert [r.code.value for r in found.reasons] == ["hint", "signature", "unsigned"]
    assert found.signers == ()


@pytest.mark.parametrize("curve", s.CURVES)
def test_verify_the_hash_goes_with_the_curve(case: s.Case, curve: str) -> None:
    """A signature over another hash than that of the key's curve is not valid."""
    private, payload = s.key(curve), s.payload_of(Path(case.signature).read_bytes())
    trust = Trust(s.put(case.folder / "p", s.public_pem(private)))
    own = {"p256": SHA256, "p384": SHA384, "p521": SHA512}[curve]
    for how in (SHA224, SHA256, SHA384, SHA512):
        made = private.sign(dsse.pae(dsse.IN_TOTO, payload), ec.ECDSA(how()))
        envelope = dsse.Envelope(dsse.IN_TOTO, payload, made)
        Path(case.signature).write_bytes(sigstore_bundle.written(s.key_material(private), envelope))
        assert case.codes(trust) == ([] if how is own else ["signature"])


def test_verify_every_flipped_bit_of_a_bundle(case: s.Case) -> None:
    """No octet of a bundle can be another: it is then not valid, or no bundle, or says the same."""
    data = Path(case.signature).read_bytes()
    before = case.verdict()
    for at in range(0, len(data), 7):
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 8)
        Path(case.signature).write_bytes(changed)
        try:
            found = case.verdict()
        except BadInput:
            continue
        assert not found.valid or found == before


@pytest.mark.parametrize("payload", [b"{}", b"null", b"\xff", b'{"_type":1}'])
def test_verify_any_payload_has_a_reason(case: s.Case, payload: bytes) -> None:
    """Whatever the right key has signed that is no statement is not valid, and not a fault."""
    Path(case.signature).write_bytes(s.bundled(payload, s.key()))
    assert not case.verdict().valid


def test_verify_old_encodings_on_request_alone(case: s.Case) -> None:
    """The signature of version 0.2.0, over its own encoding and statement, is valid with --compat alone, and noted."""
    subjects = [{"name": n, "digest": {"sha256": hashlib.sha256(d).hexdigest()}} for n, d in s.MODEL.items()]
    payload = json.dumps({"_type": "https://in-toto.io/Statement/v1", "subject": subjects, "predicate": {"unused": ""},
                          "predicateType": "https://model_signing/Digests/v0.1"}).encode()  # fmt: skip
    private = s.key("p384")
    old = private.sign(dsse.legacy_pae(dsse.IN_TOTO, payload), ec.ECDSA(SHA256()))
    material, envelope = s.key_material(private), dsse.Envelope(dsse.IN_TOTO, payload, old)
    Path(case.signature).write_bytes(sigstore_bundle.written(material, envelope))
    trust = Trust(s.put(case.folder / "p", s.public_pem(private)))
    assert case.codes(trust) == ["signature", "predicate-type"]
    found = case.verdict(trust, compat=True)
    assert found.valid
    assert ["encoding" in n for n in found.notes] == [True, False]
    assert "no root digest" in found.notes[1]
    s.put(case.model / "z.txt", b"changed")
    assert case.codes(trust, compat=True) == ["changed"]


def test_verify_extra_files_pass_on_request_alone(case: s.Case) -> None:
    """A file that is not signed passes with --ignore, for it alone, or with --ignore-unsigned, for all; both are noted."""
    s.put(case.model / "notes/readme", b"x")
    s.put(case.model / "other", b"x")
    assert case.codes() == ["unsigned", "unsigned"]
    assert case.codes(ignore=("notes",)) == ["unsigned"]
    named = case.verdict(ignore=("notes", str(case.model / "other")))
    assert (named.valid, named.notes) == (True, ("notes: it is ignored", "other: it is ignored"))
    passed = case.verdict(ignore_unsigned=True)
    assert (passed.valid, len(passed.notes)) == (True, 2)
    s.put(case.model / "z.txt", b"changed")
    assert case.codes(ignore_unsigned=True) == ["changed"]


def test_verify_ignoring_a_signed_file_does_not_excuse_it(case: s.Case) -> None:
    """What --ignore names need not be signed; what is signed is verified all the same."""
    s.put(case.model / "z.txt", b"changed")
    s.put(case.model / "weights/a.bin", b"changed")
    assert case.codes(ignore=("z.txt", "weights")) == ["changed", "changed"]


@pytest.mark.parametrize("path", [".", "/", "..", "*"])
def test_verify_ignores_no_whole_model(case: s.Case, path: str) -> None:
    """A path to ignore that would hide everything is an error of use."""
    with pytest.raises(BadUsage):
        case.verdict(ignore=(path,))


def test_verify_links_only_where_both_sides_want_them(case: s.Case) -> None:
    """Links are followed where they were when it was signed, and the verifier allows it: both, and not one of them."""
    (case.model / "l").symlink_to("z.txt")
    assert case.codes(allow_symlinks=True) == ["link"]
    case.signed(allow_symlinks=True)
    assert case.codes() == ["symlinks", "link"]
    assert case.codes(allow_symlinks=True) == []
    (case.model / "l").unlink()
    (case.model / "l").symlink_to("config.json")
    assert case.codes(allow_symlinks=True) == ["changed"]


def test_verify_a_link_out_of_the_model_is_noted(case: s.Case) -> None:
    """Where links are allowed, one that leads out is verified by its octets, and noted."""
    (case.model / "l").symlink_to(s.put(case.folder / "out", b"out"))
    case.signed(allow_symlinks=True)
    found = case.verdict(allow_symlinks=True)
    assert found.valid
    assert "out of the model" in found.notes[0]


def test_verify_one_file(case: s.Case) -> None:
    """A model of one file is verified alone, whatever lies beside it, and under no other name."""
    path = case.model / "weights/a.bin"
    case.signed(path=path)
    assert case.verdict(path=path).valid
    moved = case.folder / "other.bin"
    shutil.copy(path, moved)
    assert [r.code.value for r in case.verdict(path=moved).reasons] == ["missing", "unsigned"]
    path.write_bytes(b"changed")
    assert [r.code.value for r in case.verdict(path=path).reasons] == ["changed"]
    assert [r.code.value for r in case.verdict().reasons][:1] == ["missing"]


def test_verify_one_file_by_a_link(case: s.Case) -> None:
    """A file that is named by the command may be a link: who named it chose it."""
    path = case.folder / "link.bin"
    path.symlink_to(case.model / "weights/a.bin")
    case.signed(path=path)
    assert case.verdict(path=path).valid


def signed_by(case: s.Case, *drafts: s.Draft) -> None:
    """Sign by the first certificate, whatever it is for, with the chain of all."""
    payload = s.payload_of(Path(case.signature).read_bytes())
    envelope = s.envelope(payload, drafts[0].private)
    Path(case.signature).write_bytes(sigstore_bundle.written(s.chain_material(*drafts), envelope))


def given(case: s.Case, *drafts: s.Draft, identity: str | None = None) -> Trust:
    return Trust(certificate_chain=(s.put(case.folder / "given", s.pem(*drafts)),), identity=identity)


SERVER, ANY = s.ExtendedKeyUsageOID.SERVER_AUTH, s.ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
OLD_ROOT = s.Draft("root", authority=True, which=1, purposes=None, ends=s.NOW - s.DAY / 2)
SHORT = s.Draft("root", authority=True, which=1, purposes=None, path_length=0)
CERTIFICATES = {
    "as it should be": (s.LEAF, {}, []),
    "ended": (s.Draft(issuer=s.MIDDLE, ends=s.NOW - s.DAY / 2), {}, ["expired"]),
    "not begun": (s.Draft(issuer=s.MIDDLE, begins=s.NOW + s.DAY / 2), {}, ["not-yet-valid"]),
    "for servers alone": (s.Draft(issuer=s.MIDDLE, purposes=(SERVER,)), {}, ["extended-key-usage"]),
    "for any purpose": (s.Draft(issuer=s.MIDDLE, purposes=(ANY,)), {}, ["extended-key-usage"]),
    "for no purpose": (s.Draft(issuer=s.MIDDLE, purposes=None), {}, ["extended-key-usage"]),
    "for servers and code": (s.Draft(issuer=s.MIDDLE, purposes=(SERVER, *s.LEAF.purposes)), {}, []),
    "not for signatures": (s.Draft(issuer=s.MIDDLE, may_sign=False), {}, ["key-usage"]),
    "without a usage": (s.Draft(issuer=s.MIDDLE, may_sign=None), {}, ["key-usage"]),
    "of another root of the same name": (s.Draft(issuer=s.STRANGE_ROOT), {}, ["chain"]),
    "by its own": (s.Draft(), {}, ["chain"]),
    "by another signer": (s.Draft("other", s.LEAF, which=5), {}, ["chain"]),
    "by an authority that ended": (s.Draft(issuer=OLD_ROOT), {"given": (OLD_ROOT,)}, ["expired"]),
    "below a root that allows none below": (
        s.Draft(issuer=s.Draft("middle", SHORT, authority=True, which=2, purposes=None)),
        {"given": (SHORT,), "chain": (s.Draft("middle", SHORT, authority=True, which=2, purposes=None),)},
        ["chain"],
    ),
    "by an authority for servers": (
        s.Draft(issuer=s.Draft("tls", s.ROOT, authority=True, which=2, purposes=(SERVER,))),
        {"chain": (s.Draft("tls", s.ROOT, authority=True, which=2, purposes=(SERVER,)),)},
        ["extended-key-usage"],
    ),
    "of nobody in particular": (s.LEAF, {"identity": "signer"}, []),
    "of somebody else": (s.LEAF, {"identity": "eve"}, ["identity"]),
    "of part of a name": (s.LEAF, {"identity": "sign"}, ["identity"]),
    "with an address": (
        s.Draft(issuer=s.MIDDLE, names=(s.x509.RFC822Name("a@x.example"),)), {"identity": "a@x.example"}, []),
    "with a URI": (
        s.Draft(issuer=s.MIDDLE, names=(s.x509.UniformResourceIdentifier("https://x"),)), {"identity": "https://x"}, []),
    "with another address, and that common name": (
        s.Draft("a@x.example", s.MIDDLE, names=(s.x509.RFC822Name("b@x.example"),)), {"identity": "a@x.example"},
        ["identity"]),
    "with a critical extension that nobody knows": (
        s.Draft(issuer=s.MIDDLE, extra=((s.x509.UnrecognizedExtension(s.x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True),)),
        {}, ["chain"]),
    "with two faults": (
        s.Draft(issuer=s.MIDDLE, ends=s.NOW - s.DAY / 2, purposes=(SERVER,)), {"identity": "eve"},
        ["extended-key-usage", "expired", "identity"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CERTIFICATES)
def test_verify_each_rule_of_certificates_decides_alone(case: s.Case, name: str) -> None:
    """A sound signature over a sound model by a certificate that breaks one rule is not valid, for this rule."""
    leaf, how, codes = CERTIFICATES[name]
    signed_by(case, leaf, *how.get("chain", (s.MIDDLE, s.ROOT)))
    found = case.verdict(given(case, *how.get("given", (s.ROOT,)), identity=how.get("identity")))
    assert [r.code.value for r in found.reasons] == codes
    assert bool(found.signers) == (not codes)


def test_verify_time_is_an_argument(case: s.Case) -> None:
    """The same signature is valid at a time within the certificate's, and at none outside; its ends belong to it."""
    signed_by(case, s.LEAF, s.MIDDLE, s.ROOT)
    trust = given(case, s.ROOT, s.MIDDLE)
    tick = s.timedelta(seconds=1)
    for now, valid in ((s.LEAF.begins, True), (s.LEAF.ends, True), (s.LEAF.begins - tick, False), (s.LEAF.ends + tick, False)):  # fmt: skip
        assert case.verdict(trust, now=now).valid is valid


def test_verify_the_bundles_own_authorities_are_not_believed(case: s.Case) -> None:
    """A chain that is whole in itself proves nothing where another was given."""
    signed_by(case, s.LEAF, s.MIDDLE, s.ROOT)
    assert case.codes(given(case, s.STRANGE_ROOT)) == ["chain"]
    assert case.codes(given(case, s.ROOT)) == []


def test_verify_an_authority_below_a_root_pins_the_path(case: s.Case) -> None:
    """Who gives a root trusts all that it issued; who gives an authority below it trusts no other one below it."""
    other = s.Draft("other middle", s.ROOT, authority=True, which=3, purposes=None)
    signed_by(case, s.Draft(issuer=other), other, s.ROOT)
    assert case.codes(given(case, s.ROOT)) == []
    assert case.codes(given(case, s.ROOT, s.MIDDLE)) == ["chain"]
    assert case.codes(given(case, s.ROOT, other)) == []
    assert case.codes(given(case, other)) == []
    signed_by(case, s.LEAF)
    assert case.codes(given(case, s.ROOT)) == ["chain"]
    assert case.codes(given(case, s.MIDDLE)) == []


def test_verify_a_certificate_that_was_given_itself(case: s.Case) -> None:
    """A signer's own certificate may be what is trusted, and its rules stand all the same."""
    own = s.Draft()
    signed_by(case, own)
    assert case.codes(given(case, own)) == []
    old = s.Draft(ends=s.NOW - s.DAY / 2)
    signed_by(case, old)
    assert case.codes(given(case, old)) == ["expired"]


def test_verify_compat_takes_certificates_that_say_nothing(case: s.Case) -> None:
    """With --compat a certificate without purposes passes; one for servers, or one that ended, still does not."""
    for draft, codes in (
        (s.Draft(issuer=s.MIDDLE, purposes=None, may_sign=None), []),
        (s.Draft(issuer=s.MIDDLE, purposes=(SERVER,)), ["extended-key-usage"]),
        (s.Draft(issuer=s.MIDDLE, may_sign=False), ["key-usage"]),
        (s.Draft(issuer=s.MIDDLE, ends=s.NOW - s.DAY / 2), ["expired"]),
    ):
        signed_by(case, draft, s.MIDDLE, s.ROOT)
        assert case.codes(given(case, s.ROOT), compat=True) == codes


def test_verify_a_certificate_of_another_key(case: s.Case) -> None:
    """A sound certificate under which another key has signed is no signer."""
    payload = s.payload_of(Path(case.signature).read_bytes())
    made = sigstore_bundle.written(s.chain_material(s.LEAF, s.MIDDLE), s.envelope(payload, s.key("p256", 9)))
    Path(case.signature).write_bytes(made)
    assert case.codes(given(case, s.ROOT)) == ["signature"]


def test_verify_a_certificate_of_another_kind_of_key(case: s.Case) -> None:
    """A sound certificate over a key that may not sign models, such as one of RSA, is a reason of its own."""
    private = rsa.generate_private_key(65537, 2048)
    middle = s.certificate(s.MIDDLE)
    made = (
        s.x509.CertificateBuilder(middle.subject, middle.subject, private.public_key(), 7, s.LEAF.begins, s.LEAF.ends)
        .add_extension(s.certificate(s.LEAF).extensions.get_extension_for_class(s.x509.KeyUsage).value, critical=True)
        .add_extension(s.x509.ExtendedKeyUsage(s.LEAF.purposes), critical=False)
        .sign(s.MIDDLE.private, SHA256())
    )
    payload = s.payload_of(Path(case.signature).read_bytes())
    material = sigstore_bundle.CertificateChain((made.public_bytes(s.Encoding.DER),))
    Path(case.signature).write_bytes(sigstore_bundle.written(material, s.envelope(payload, s.key())))
    assert case.codes(given(case, s.MIDDLE)) == ["key"]


def test_verify_certificates_that_are_none(case: s.Case) -> None:
    """Octets that are no certificate in a bundle are a reason; in what is to be trusted they are unreadable."""
    payload = s.payload_of(Path(case.signature).read_bytes())
    material = sigstore_bundle.CertificateChain((b"none", s.der(s.MIDDLE)))
    Path(case.signature).write_bytes(sigstore_bundle.written(material, s.envelope(payload, s.key())))
    assert case.codes(given(case, s.ROOT)) == ["certificate"]
    for data in (b"", s.public_pem(s.key()), b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with pytest.raises(Malformed):
            case.verdict(Trust(certificate_chain=(s.put(case.folder / "bad", data),)))


def test_verify_by_the_method_that_was_asked(case: s.Case) -> None:
    """A bundle of one kind is not valid for trust of another kind, however sound it is."""
    config = s.put(case.folder / "config", b"{}")
    sigstore = Trust(trust_config=config, identity="a", identity_provider="b")
    assert case.codes(given(case, s.ROOT)) == ["method"]
    assert case.codes(sigstore) == ["method"]
    signed_by(case, s.LEAF, s.MIDDLE)
    assert case.codes() == ["method"]


@pytest.mark.parametrize(
    "trust",
    [
        Trust(),
        Trust("a", ("b",)),
        Trust("a", trust_config="c", identity="x", identity_provider="y"),
        Trust(trust_config="c", identity="x"),
        Trust(trust_config="c", identity_provider="y"),
        Trust("a", identity="x"),
        Trust("a", identity_provider="y"),
        Trust(certificate_chain=("b",), identity_provider="y"),
        Trust("a", second_key="k"),
    ],
)
def test_verify_wants_one_thing_to_trust(case: s.Case, trust: Trust) -> None:
    """Nothing to trust, two things, or half of one is an error of use, before anything is read."""
    with pytest.raises(BadUsage):
        case.verdict(trust, path=Path("missing"))


def twice(case: s.Case) -> tuple[str, Trust]:
    pq = s.put(case.folder / "pq", s.private_pem(s.ml_dsa()))
    other = str(case.folder / "two.sig")
    with opened(SignerWords(case.key), s.NOW) as first:
        made = sign(str(case.model), (first, second(pq)), SignOptions((case.signature, other)))
    for path, data in zip((case.signature, other), made.bundles, strict=True):
        Path(path).write_bytes(data)
    public = s.put(case.folder / "pqp", s.public_pem(s.ml_dsa()))
    return other, Trust(case.public_key, second_key=public)


def test_verify_both_signatures(case: s.Case) -> None:
    """With a second key both signatures must be sound, over the same statement, each by its own key."""
    other, trust = twice(case)
    found = case.verdict(trust, second_signature=other)
    assert found.valid
    assert [x.key for x in found.signers] == ["ECDSA secp256r1", "ML-DSA-65"]
    assert len(Path(other).read_bytes()) > 4400
    strange = Trust(case.public_key, second_key=s.put(case.folder / "x", s.public_pem(s.ml_dsa(1))))
    assert case.codes(strange, second_signature=other) == ["hint", "signature"]
    assert case.codes(trust, second_signature=case.signature) == ["hint", "signature"]
    with pytest.raises(BadInput, match="ML-DSA-65"):
        case.verdict(Trust(case.public_key, second_key=case.public_key), second_signature=other)
    with pytest.raises(BadUsage, match="half"):
        case.verdict(second_signature=other)


def test_verify_the_second_signature_is_over_the_same_statement(case: s.Case) -> None:
    """A second signature by the right key over an earlier state of the model is told as such."""
    other, trust = twice(case)
    s.put(case.model / "z.txt", b"later")
    case.signed()
    assert case.codes(trust, second_signature=other) == ["second-signature"]


def test_verify_sigstore_names_its_extra(case: s.Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package for Sigstore a bundle of it cannot be read, and the error names the extra."""
    data = json.loads(Path(case.signature).read_bytes())
    data["verificationMaterial"] = {"certificate": {"rawBytes": "YQ=="}, "tlogEntries": [{}]}
    Path(case.signature).write_text(json.dumps(data))
    monkeypatch.setitem(sys.modules, "sigstore.models", None)
    monkeypatch.setitem(sys.modules, "sigstore", None)
    trust = Trust(trust_config=s.put(case.folder / "config", b"{}"), identity="a", identity_provider="b")
    with pytest.raises(NotFound) as e:
        case.verdict(trust)
    assert "strongroom[sigstore]" in e.value.hint


def test_verify_answers_by_its_exit_code(case: s.Case) -> None:
    """0 is valid, 1 is not valid with file and reason on a line of their own, 2 is unreadable."""
    words = (str(case.model), "--signature", case.signature, "--public-key", case.public_key)
    done = run(*words)
    assert (done.exit_code, "valid: 4 files, 1703 octets" in done.stdout) == (0, True)
    s.put(case.model / "z.txt", b"other")
    s.put(case.model / "n\x1bame", b"other")
    done = run(*words)
    lines = [line for line in done.stdout.splitlines() if line.endswith("]")]
    assert done.exit_code == 1
    assert [line.split(":")[0].strip() for line in lines] == ["z.txt", "n�ame"]
    assert "found sha256:" in lines[0]
    for words_, found in (
        ((str(case.folder / "no"), *words[1:]), "no:"),
        ((*words[:2], str(case.folder / "no.sig"), *words[3:]), "no.sig"),
        ((*words[:4], str(case.folder / "no.pem")), "no.pem"),
        ((*words[:4], case.signature), "no public key"),
        (words[:3], "exactly one of"),
        ((*words[:2], case.key, *words[3:]), "key.pem"),
    ):
        done = run(*words_)
        assert (done.exit_code, done.stdout) == (2, "")
        assert found in done.stderr


def test_verify_answers_in_json(case: s.Case) -> None:
    """The verdict as JSON has every reason with its code, file, what was found and what was wanted."""
    words = (str(case.model), "--signature", case.signature, "--public-key", case.public_key, "--format", "json")
    done = json.loads(run(*words).stdout)
    assert (done["schema"], done["valid"], done["reasons"], done["files"]) == (SCHEMA, True, [], 4)
    (case.model / "z.txt").unlink()
    done = run(*words)
    assert done.exit_code == 1
    wanted = {"code": "missing", "file": "z.txt", "found": "no such file", "wanted": "the file that was signed"}
    assert json.loads(done.stdout)["reasons"] == [wanted]


def test_verify_the_time_of_the_command(case: s.Case) -> None:
    """The time of --at is the one that certificates are judged by, and what is no time is an error of use."""
    signed_by(case, s.LEAF, s.MIDDLE)
    chain = given(case, s.ROOT).certificate_chain[0]
    words = (str(case.model), "--signature", case.signature, "--certificate-chain", chain)
    assert run(*words, "--at", "2026-03-01").exit_code == 0
    assert run(*words, "--at", "2027-03-01").exit_code == 1
    assert run(*words, "--at", "2026-03-01", "--identity", "eve").exit_code == 1
    assert run(*words, "--at", "soon").exit_code == 2


def test_verify_a_file_that_cannot_be_read(case: s.Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may not be opened makes the model unreadable by name: it is neither changed nor sound."""
    real = os.open

    def refuse(path: str, *more: object, **named: object) -> int:
        if str(path) == "z.txt":
            raise PermissionError(13, "Permission denied", path)
        return real(path, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("strongroom.seal.hashing.os.open", refuse)
    with pytest.raises(Unreadable, match=r"z\.txt.*permission denied"):
        case.verdict()
