"""A token that is logged in to, in the process that its module runs in: data keys are wrapped and opened inside it.

Imported in that process alone, since the package is an extra and the module a stranger.
"""

import re
import secrets
from collections.abc import Iterable
from typing import Protocol, cast

import pkcs11

from strongroom.keys._frames import DATA, GONE, MECHANISMS, MISSING, PIN, UNFIT, Answer, Request

_NONCE = 12
_RSA_BITS = 3072
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")


class _Key(Protocol):
    """An object in the token, as the package has it."""

    label: str

    def __getitem__(self, name: int) -> object: ...
    def encrypt(self, data: bytes, *, mechanism: int, mechanism_param: object) -> bytes: ...
    def decrypt(self, data: bytes, *, mechanism: int, mechanism_param: object) -> bytes: ...
    def wrap_key(self, key: "_Key", *, mechanism: int) -> bytes: ...
    def unwrap_key(
        self, kind: int, key_type: int, data: bytes, *, mechanism: int, template: dict[int, object]
    ) -> "_Key": ...
    def destroy(self) -> None: ...


class _Session(Protocol):
    """A session of the package."""

    def create_object(self, attributes: dict[int, object]) -> _Key: ...
    def get_key(self, *, object_class: int, key_type: int, label: str) -> _Key: ...
    def get_objects(self, attributes: dict[int, object]) -> Iterable[_Key]: ...
    def generate_keypair(self, key_type: int, bits: int, **named: object) -> object: ...
    def generate_key(self, key_type: int, bits: int, **named: object) -> object: ...


class RefusedError(Exception):
    def __init__(self, error: str, why: str) -> None:
        super().__init__(error, why)
        self.answer = Answer(error=error, why=why)


class Token:
    """A token that is logged in to; `mechanism` is how it wraps. What another mechanism wrapped it opens too."""

    def __init__(self, request: Request) -> None:
        self._token = pkcs11.lib(request.module).get_token(token_label=request.token)
        offered = self._token.slot.get_mechanisms()
        fits = [m for m in MECHANISMS[:2] if _mechanism(m) in offered]
        if not (request.mechanism or fits):
            raise RefusedError(UNFIT, "neither AES-GCM nor AES key wrap")
        self._own = request.mechanism or fits[0]
        if _mechanism(self._own) not in offered:
            raise RefusedError(UNFIT, f"no {self._own}")
        self._session = cast("_Session", self._token.open(user_pin=request.pin, rw=True))

    def serve(self, request: Request) -> Answer:
        match request.op:
            case "wrap":
                return Answer(data=self._wrap(request.key, request.data, request.aad))
            case "unwrap":
                return self._unwrap(request)
            case "newest":
                return Answer(text=str(max(self._numbers(request.key), default=0)))
            case "make":
                self._make(request.key)
                return Answer()
            case "check":
                told = (self._token.manufacturer_id, self._token.model, self._token.label)
                return Answer(text=", ".join((*(_text(x) for x in told), self._own)))
            case _:
                raise RefusedError(UNFIT, "no such request")

    def _wrap(self, label: str, data_key: bytes, aad: bytes) -> bytes:
        """The mechanism's number, and the data key under the key of this label."""
        head = bytes([MECHANISMS.index(self._own)])
        if self._own == "aes-gcm":
            nonce = secrets.token_bytes(_NONCE)
            key = self._secret(label, pkcs11.Attribute.ENCRYPT)
            parameter = pkcs11.GCMParams(nonce, aad)
            return head + nonce + key.encrypt(data_key, mechanism=pkcs11.Mechanism.AES_GCM, mechanism_param=parameter)
        if self._own == "aes-key-wrap":
            inner = self._session.create_object(_inner(data_key))
            try:
                key = self._secret(label, pkcs11.Attribute.WRAP)
                return head + key.wrap_key(inner, mechanism=pkcs11.Mechanism.AES_KEY_WRAP)
            finally:
                inner.destroy()
        public = self._one(label, pkcs11.ObjectClass.PUBLIC_KEY, pkcs11.KeyType.RSA)
        oaep = pkcs11.Mechanism.RSA_PKCS_OAEP
        return head + public.encrypt(data_key, mechanism=oaep, mechanism_param=_oaep(self._own))

    def _unwrap(self, request: Request) -> Answer:
        """The data key. Libraries differ in what they call a wrong tag: where the same key still works, the data was wrong."""
        try:
            return Answer(data=self._opened(request.key, request.data, request.aad))
        except (pkcs11.NoSuchKey, pkcs11.MultipleObjectsReturned):
            raise
        except pkcs11.PKCS11Error as e:
            probe = secrets.token_bytes(32)
            if self._opened(request.key, self._wrap(request.key, probe, request.aad), request.aad) == probe:
                return Answer(error=DATA, why=type(e).__name__)
            raise

    def _opened(self, label: str, data: bytes, aad: bytes) -> bytes:
        how = MECHANISMS[data[0]] if data and data[0] < len(MECHANISMS) else ""
        rest = data[1:]
        if how == "aes-gcm" and len(rest) > _NONCE:
            key = self._secret(label, pkcs11.Attribute.DECRYPT)
            parameter = pkcs11.GCMParams(rest[:_NONCE], aad)
            return key.decrypt(rest[_NONCE:], mechanism=pkcs11.Mechanism.AES_GCM, mechanism_param=parameter)
        if how == "aes-key-wrap" and rest:
            key = self._secret(label, pkcs11.Attribute.UNWRAP)
            inner = key.unwrap_key(
                pkcs11.ObjectClass.SECRET_KEY,
                pkcs11.KeyType.AES,
                rest,
                mechanism=pkcs11.Mechanism.AES_KEY_WRAP,
                template=_inner(None),
            )
            try:
                value = inner[pkcs11.Attribute.VALUE]
                assert isinstance(value, bytes)
                return value
            finally:
                inner.destroy()
        if how.startswith("rsa-oaep") and rest:
            private = self._one(label, pkcs11.ObjectClass.PRIVATE_KEY, pkcs11.KeyType.RSA)
            _shut(private)
            return private.decrypt(rest, mechanism=pkcs11.Mechanism.RSA_PKCS_OAEP, mechanism_param=_oaep(how))
        raise RefusedError(DATA, "no wrapped key")

    def _secret(self, label: str, use: int) -> _Key:
        key = self._one(label, pkcs11.ObjectClass.SECRET_KEY, pkcs11.KeyType.AES)
        _shut(key)
        if not key[use]:
            raise RefusedError(UNFIT, f"a key that is not for {pkcs11.Attribute(use).name.lower()}")
        return key

    def _one(self, label: str, kind: int, key_type: int) -> _Key:
        return self._session.get_key(object_class=kind, key_type=key_type, label=label)

    def _numbers(self, base: str) -> list[int]:
        """The numbers behind `base.` in the labels of the keys that open."""
        rsa = self._own.startswith("rsa")
        kind = pkcs11.ObjectClass.PRIVATE_KEY if rsa else pkcs11.ObjectClass.SECRET_KEY
        labels = [str(held.label) for held in self._session.get_objects({pkcs11.Attribute.CLASS: kind})]
        tails = [label.removeprefix(f"{base}.") for label in labels if label.startswith(f"{base}.")]
        return [int(tail) for tail in tails if _NUMBER.fullmatch(tail)]

    def _make(self, label: str) -> None:
        """A key that never leaves the token, for one use: wrapping, or encrypting, and not both.

        One that is there already stays, and counts as made: the answer to an earlier request may have been lost.
        """
        if int(label.rpartition(".")[2]) in self._numbers(label.rpartition(".")[0]):
            return
        a, identity = pkcs11.Attribute, secrets.token_bytes(16)
        shut: dict[int, object] = {a.SENSITIVE: True, a.EXTRACTABLE: False, a.TOKEN: True, a.PRIVATE: True}
        if self._own.startswith("rsa"):
            self._session.generate_keypair(
                pkcs11.KeyType.RSA,
                _RSA_BITS,
                id=identity,
                label=label,
                store=True,
                capabilities=pkcs11.MechanismFlag.ENCRYPT | pkcs11.MechanismFlag.DECRYPT,
                private_template=shut,
            )
            return
        uses = pkcs11.MechanismFlag.ENCRYPT | pkcs11.MechanismFlag.DECRYPT
        if self._own == "aes-key-wrap":
            uses = pkcs11.MechanismFlag.WRAP | pkcs11.MechanismFlag.UNWRAP
        self._session.generate_key(
            pkcs11.KeyType.AES, 256, id=identity, label=label, store=True, capabilities=uses, template=shut
        )


def _shut(key: _Key) -> None:
    """A key that could be read out of the token is no key of a token."""
    if key[pkcs11.Attribute.EXTRACTABLE] or not key[pkcs11.Attribute.SENSITIVE]:
        raise RefusedError(UNFIT, "a key that the token gives out")


def _inner(value: bytes | None) -> dict[int, object]:
    """A data key as an object of this session, which is read again and destroyed."""
    a = pkcs11.Attribute
    given: dict[int, object] = {a.TOKEN: False, a.SENSITIVE: False, a.EXTRACTABLE: True}
    if value is not None:
        given |= {a.CLASS: pkcs11.ObjectClass.SECRET_KEY, a.KEY_TYPE: pkcs11.KeyType.AES, a.VALUE: value}
    return given


def _mechanism(name: str) -> object:
    if name == "aes-gcm":
        return pkcs11.Mechanism.AES_GCM
    return pkcs11.Mechanism.AES_KEY_WRAP if name == "aes-key-wrap" else pkcs11.Mechanism.RSA_PKCS_OAEP


def _oaep(name: str) -> tuple[object, object, None]:
    if name.endswith("sha1"):
        return pkcs11.Mechanism.SHA_1, pkcs11.MGF.SHA1, None
    return pkcs11.Mechanism.SHA256, pkcs11.MGF.SHA256, None


def _text(told: str | bytes) -> str:
    text = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
    return "".join(c for c in text.strip() if c.isprintable())[:64]


def serve(token: Token | None, request: Request) -> tuple[Token | None, Answer]:
    """The token, opened by the first request, and the answer; an error of the library is one of the kinds of `_frames`."""
    try:
        if token is None:
            return Token(request), Answer()
        return token, token.serve(request)
    except RefusedError as e:
        return token, e.answer
    except (pkcs11.NoSuchToken, pkcs11.NoSuchKey) as e:
        return token, Answer(error=MISSING, why=type(e).__name__)
    except (pkcs11.MultipleTokensReturned, pkcs11.MultipleObjectsReturned) as e:
        return token, Answer(error=UNFIT, why=type(e).__name__)
    except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange, pkcs11.PinLocked, pkcs11.PinExpired) as e:
        return token, Answer(error=PIN, why=type(e).__name__)
    except (pkcs11.PKCS11Error, pkcs11.AttributeTypeInvalid, OSError, RuntimeError) as e:
        return token, Answer(error=GONE, why=type(e).__name__)
