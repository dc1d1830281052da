"""Signing with a key that never leaves a PKCS#11 token: an HSM, a smart card, or SoftHSM in tests."""

import hashlib
import importlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from strongroom.kit import model_key
from strongroom.kit.pkcs11_uri import TokenKey
from strongroom.model.errors import KeyUnavailable, Malformed, NotFound, Unreadable


class _Key(Protocol):
    def sign(self, data: bytes, *, mechanism: int) -> bytes: ...


class _Session(Protocol):
    def get_objects(self, attributes: dict[int, object]) -> Iterable[_Key]: ...
    def close(self) -> None: ...


class _Token(Protocol):
    def open(self, *, user_pin: str | None) -> _Session: ...


class _Library(Protocol):
    def get_tokens(self, **named: str | bytes) -> Iterable[_Token]: ...


def _package() -> ModuleType:
    try:
        return importlib.import_module("pkcs11")
    except ModuleNotFoundError:
        hint = "pip install 'strongroom[pkcs11]'"
        raise NotFound("PKCS#11 token", "no package pkcs11", "python-pkcs11", hint) from None


def _pin(key: TokenKey) -> str | None:
    if not key.pin_file:
        return key.pin or None
    try:
        return Path(key.pin_file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, ValueError) as e:
        why = e.strerror if isinstance(e, OSError) and e.strerror else "no text"
        raise Unreadable(key.pin_file, why.lower(), "a file with the PIN") from None


class TokenSigner:
    """A key pair in a token that is logged in to."""

    def __init__(self, package: ModuleType, session: _Session, key: TokenKey) -> None:
        self._package = package
        self._private = self._one(session, key, package.ObjectClass.PRIVATE_KEY)
        encode = importlib.import_module("pkcs11.util.ec").encode_ec_public_key
        public = encode(self._one(session, key, package.ObjectClass.PUBLIC_KEY))
        found = model_key.public_key_of(bytes(public), "key in the token")
        assert isinstance(found, ec.EllipticCurvePublicKey)
        self.public_key = found

    def _one(self, session: _Session, key: TokenKey, kind: int) -> _Key:
        a = self._package.Attribute
        wanted: dict[int, object] = {a.CLASS: kind, a.KEY_TYPE: self._package.KeyType.EC}
        wanted |= {a.LABEL: key.label} if key.label else {}
        wanted |= {a.ID: key.id} if key.id else {}
        found = list(session.get_objects(wanted))
        if len(found) != 1:
            what = "private" if kind == self._package.ObjectClass.PRIVATE_KEY else "public"
            raise KeyUnavailable(f"token {key.token[:64]}", f"{len(found)} {what} keys of that name", "one, on a curve")
        return found[0]

    def signed(self, data: bytes) -> bytes:
        """The signature over octets, as DER: the token signs their digest. Raises KeyUnavailable."""
        digest = hashlib.new(model_key.hash_of(self.public_key).name, data).digest()
        try:
            raw = self._private.sign(digest, mechanism=self._package.Mechanism.ECDSA)
        except self._package.PKCS11Error as e:
            raise KeyUnavailable("token", type(e).__name__, "a key that may sign") from None
        half = len(raw) // 2
        return encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))


@contextmanager
def opened(key: TokenKey) -> Iterator[TokenSigner]:
    """The key that a URI names, in a session of its token. A PIN that is refused is not tried again.

    Raises:
        NotFound: the extra is not installed.
        KeyUnavailable: the library, the token or the key is not there, or the PIN is not taken.
        Malformed: the key is not of a kind that signs models.
    """
    package, pin = _package(), _pin(key)
    subject = f"token {key.token[:64]}"
    named: dict[str, str | bytes] = {}
    named |= {"token_label": key.token} if key.token else {}
    named |= {"token_serial": key.serial.encode()} if key.serial else {}
    try:
        library = cast("_Library", package.lib(key.module))
        tokens = list(library.get_tokens(**named))
        if len(tokens) != 1:
            raise KeyUnavailable(subject, f"{len(tokens)} tokens of that name", "one")
        session = tokens[0].open(user_pin=pin)
    except (package.PKCS11Error, OSError, RuntimeError) as e:
        raise KeyUnavailable(subject, type(e).__name__, "a token that opens with this PIN") from None
    try:
        yield _signer(package, session, key, subject)
    finally:
        session.close()


def _signer(package: ModuleType, session: _Session, key: TokenKey, subject: str) -> TokenSigner:
    try:
        return TokenSigner(package, session, key)
    except (package.PKCS11Error, ValueError, AttributeError) as e:
        raise Malformed(subject, f"a key that cannot be read ({type(e).__name__})", "ECDSA on a named curve") from None
