"""Who signs a model: a key in a file, a key in a token, each with a certificate or without."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import mldsa

from strongroom.app.seal_model import octets_of
from strongroom.kit import model_key, pkcs11_uri, signing_certificate
from strongroom.kit.sigstore_bundle import CertificateChain, PublicKey
from strongroom.kit.x509 import certificate, pem
from strongroom.model.errors import BadInput, BadUsage, Malformed
from strongroom.seal import token_signing


@dataclass(frozen=True, slots=True)
class SignerWords:
    """What a command says of who signs: one of `key` and `pkcs11`. All are paths but the URI."""

    key: str | None = None
    pkcs11: str | None = None
    password_file: str | None = None
    certificate: str | None = None
    chain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that signs, and what a bundle says of it."""

    public_key: model_key.PublicKey
    material: PublicKey | CertificateChain
    signed: Callable[[bytes], bytes]


def certificates(paths: tuple[str, ...]) -> tuple[certificate.Certificate, ...]:
    """The certificates of PEM files, in their order. Raises Unreadable or Malformed."""
    found = [
        certificate.parse(block.data)
        for path in paths
        for block in pem.blocks(octets_of(path, "certificates in PEM"))
        if block.label == "CERTIFICATE"
    ]
    if not found:
        raise Malformed(", ".join(paths), "no certificate", "certificates in PEM")
    return tuple(found)


def _material(words: SignerWords, key: model_key.PublicKey, now: datetime) -> PublicKey | CertificateChain:
    """What the bundle says of the key. A certificate that no strict verifier would take signs nothing."""
    if words.certificate is None:
        if words.chain:
            raise BadUsage("--chain", "no --certificate", "both, or neither")
        return PublicKey(model_key.hint_of(key), b"")
    own, *rest = certificates((words.certificate, *words.chain))
    if model_key.pem_of(model_key.public_key_of(own.key, words.certificate)) != model_key.pem_of(key):
        raise BadInput(words.certificate, "a certificate of another key", "that of the key that signs")
    held = tuple(dict.fromkeys(c.der for c in (own, *rest)))
    judged = signing_certificate.judge(held, (own,), now, words.certificate)
    for reason in judged.reasons:
        raise BadInput(reason.file, reason.found, reason.wanted, "no strict verifier would take such a signature")
    return CertificateChain(held)


@contextmanager
def opened(words: SignerWords, now: datetime) -> Iterator[Signer]:
    """The signer that a command names.

    Raises:
        BadUsage: not exactly one of a key and a token is named.
        BadInput: a file cannot be read, or the certificate does not fit the key, the time or the purpose.
        KeyUnavailable: the token does not answer.
    """
    if (words.key is None) == (words.pkcs11 is None):
        raise BadUsage("seal sign", "not one signer", "one of --key and --pkcs11")
    if words.pkcs11 is not None:
        with token_signing.opened(pkcs11_uri.parse(words.pkcs11)) as token:
            yield Signer(token.public_key, _material(words, token.public_key, now), token.signed)
        return
    assert words.key is not None
    key = _private(words.key, words.password_file)
    yield Signer(key.public_key(), _material(words, key.public_key(), now), lambda data: model_key.signed(key, data))


def _private(path: str, password_file: str | None) -> model_key.PrivateKey:
    password = octets_of(password_file, "a password").rstrip(b"\r\n") if password_file else None
    return model_key.private_key(octets_of(path, "a private key in PEM"), password, path)


def second(path: str) -> Signer:
    """The signer of the second signature. Raises BadInput where the key is not of ML-DSA-65."""
    key = _private(path, None)
    if not isinstance(key, mldsa.MLDSA65PrivateKey):
        raise BadInput(path, model_key.kind_of(key.public_key()), "ML-DSA-65")
    public = key.public_key()
    return Signer(public, PublicKey(model_key.hint_of(public), b""), key.sign)
