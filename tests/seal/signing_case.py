"""Keys, certificates and models of the tests' own, and statements that are wrong in one place and signed all the same."""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, mldsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from strongroom.app.seal_sign import SignOptions, sign
from strongroom.app.seal_signers import SignerWords, opened
from strongroom.app.seal_verify import Asked, Trust, Verdict, verify
from strongroom.kit import dsse, model_key, sigstore_bundle

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
CURVES = {"p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1}
PrivateKey = ec.EllipticCurvePrivateKey | mldsa.MLDSA65PrivateKey


_KEYS: dict[tuple[str, int], ec.EllipticCurvePrivateKey] = {}


def key(name: str = "p256", which: int = 0) -> ec.EllipticCurvePrivateKey:
    """A key on a curve; another one for each number."""
    if (name, which) not in _KEYS:
        _KEYS[name, which] = ec.generate_private_key(CURVES[name]())
    return _KEYS[name, which]


@cache
def ml_dsa(which: int = 0) -> mldsa.MLDSA65PrivateKey:
    assert which >= 0
    return mldsa.MLDSA65PrivateKey.generate()


def private_pem(private: PrivateKey, password: bytes | None = None) -> bytes:
    shut = BestAvailableEncryption(password) if password else NoEncryption()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, shut)


def public_pem(private: PrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def put(path: Path, data: bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return str(path)


@dataclass(frozen=True)
class Draft:
    """A certificate to be; what is not said is as a signer of code has it."""

    name: str = "signer"
    issuer: "Draft | None" = None
    authority: bool = False
    curve: str = "p256"
    which: int = 0
    begins: datetime = NOW - DAY
    ends: datetime = NOW + DAY
    purposes: Sequence[x509.ObjectIdentifier] | None = (ExtendedKeyUsageOID.CODE_SIGNING,)
    may_sign: bool | None = True
    names: Sequence[x509.GeneralName] = ()
    path_length: int | None = None
    extra: tuple[tuple[x509.ExtensionType, bool], ...] = field(default=())

    @property
    def private(self) -> ec.EllipticCurvePrivateKey:
        return key(self.curve, self.which)


ROOT = Draft("root", authority=True, which=1, purposes=None)
MIDDLE = Draft("middle", ROOT, authority=True, which=2, purposes=None)
LEAF = Draft("signer", MIDDLE)
STRANGE_ROOT = Draft("root", authority=True, which=7, purposes=None)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(draft: Draft) -> x509.KeyUsage:
    own = draft.may_sign is True and not draft.authority
    return x509.KeyUsage(
        own, False, False, False, not own and not draft.authority, draft.authority, False, False, False
    )


@cache
def certificate(draft: Draft) -> x509.Certificate:
    issuer = draft.issuer or draft
    made = (
        x509.CertificateBuilder()
        .subject_name(_name(draft.name))
        .issuer_name(_name(issuer.name))
        .public_key(draft.private.public_key())
        .serial_number(int.from_bytes(hashlib.sha256(repr(draft).encode()).digest()[:8]) | 1)
        .not_valid_before(draft.begins)
        .not_valid_after(draft.ends)
        .add_extension(x509.BasicConstraints(draft.authority, draft.path_length), critical=True)
    )
    if draft.may_sign is not None:
        made = made.add_extension(_usage(draft), critical=True)
    if draft.purposes is not None:
        made = made.add_extension(x509.ExtendedKeyUsage(draft.purposes), critical=False)
    if draft.names:
        made = made.add_extension(x509.SubjectAlternativeName(draft.names), critical=False)
    for extension, critical in draft.extra:
        made = made.add_extension(extension, critical)
    return made.sign(issuer.private, SHA256())


def pem(*drafts: Draft) -> bytes:
    return b"".join(certificate(d).public_bytes(Encoding.PEM) for d in drafts)


def der(draft: Draft) -> bytes:
    return certificate(draft).public_bytes(Encoding.DER)


def chain_material(*drafts: Draft) -> sigstore_bundle.CertificateChain:
    return sigstore_bundle.CertificateChain(tuple(map(der, drafts)))


MODEL = {"config.json": b"{}", "weights/a.bin": b"a" * 1000, "weights/b.bin": b"b" * 700, "z.txt": b"z"}


def make_model(folder: Path, files: dict[str, bytes] | None = None) -> Path:
    """A model of a few small files."""
    for name, data in (MODEL if files is None else files).items():
        put(folder / name, data)
    return folder


def envelope(payload: bytes, private: PrivateKey, kind: str = dsse.IN_TOTO) -> dsse.Envelope:
    return dsse.Envelope(kind, payload, model_key.signed(private, dsse.pae(kind, payload)))


def key_material(private: PrivateKey) -> sigstore_bundle.PublicKey:
    return sigstore_bundle.PublicKey(model_key.hint_of(private.public_key()), b"")


def bundled(payload: bytes, private: PrivateKey, kind: str = dsse.IN_TOTO) -> bytes:
    """A bundle over any payload, truly signed."""
    return sigstore_bundle.written(key_material(private), envelope(payload, private, kind))


def payload_of(bundle: bytes) -> bytes:
    return base64.b64decode(json.loads(bundle)["dsseEnvelope"]["payload"])


def remade(bundle: bytes, change: Callable[[dict], object], private: PrivateKey) -> bytes:
    """The bundle with its statement changed, and signed again."""
    statement = json.loads(payload_of(bundle))
    change(statement)
    return bundled(json.dumps(statement).encode(), private)


def rooted(statement: dict) -> None:
    """The root digest of a statement, as its resources make it."""
    octets = b"".join(bytes.fromhex(r["digest"]) for r in statement["predicate"]["resources"])
    statement["subject"][0]["digest"]["sha256"] = hashlib.sha256(octets).hexdigest()


@dataclass(frozen=True)
class Case:
    """A model in a folder of a test's own, with a key that signs it."""

    folder: Path
    model: Path

    @property
    def signature(self) -> str:
        return str(self.folder / "model.sig")

    @property
    def key(self) -> str:
        return put(self.folder / "key.pem", private_pem(key()))

    @property
    def public_key(self) -> str:
        return put(self.folder / "public.pem", public_pem(key()))

    def signed(self, words: SignerWords | None = None, path: Path | None = None, **options: object) -> bytes:
        """The bundle of the model, which is written as well."""
        with opened(words or SignerWords(self.key), NOW) as signer:
            made = sign(str(path or self.model), (signer,), SignOptions((self.signature,), **options))
        put(Path(self.signature), made.bundles[0])
        return made.bundles[0]

    def verdict(self, trust: Trust | None = None, path: Path | None = None, **asked: object) -> Verdict:
        now = asked.pop("now", NOW)
        assert isinstance(now, datetime)
        given = trust or Trust(self.public_key)
        return verify(Asked(str(path or self.model), self.signature, given, now, **asked))

    def codes(self, trust: Trust | None = None, **asked: object) -> list[str]:
        return [r.code.value for r in self.verdict(trust, **asked).reasons]
