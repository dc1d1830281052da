"""OpenBao, or Vault: the transit engine holds the key-encryption key, and sees data keys of 32 octets only.

A request to encrypt under a name that transit does not have makes a new key where the token may create one. Each wrapping
therefore looks first, and a key that could be exported or is of a kind without associated data is refused.
"""

import base64
import binascii
import functools
import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Concatenate, ParamSpec, TypeVar

import msgspec

from strongroom.keys import _inputs
from strongroom.keys._bao_login import Login
from strongroom.keys._gated import GatedKeys
from strongroom.keys._https import Client, Place, Reply
from strongroom.model.errors import BadInput, KeyUnavailable, Malformed
from strongroom.model.release import Gate, KeyBackend, Keys, KeySettings

_NAME = "openbao"
_TYPES = ("aes256-gcm96", "chacha20-poly1305", "xchacha20-poly1305")  # those with associated data
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_MOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,127}){0,7}")
_OPTIONS = MappingProxyType(
    {
        "url": "address of the server, https://HOST:PORT; http on this host's loopback alone",
        "key": "name of the key in the transit engine",
        "mount": "where the transit engine is mounted, usually transit",
        "namespace": "the namespace, where there are any",
        "ca": "PEM file of the authorities that may vouch for the server, in place of the system's",
        "certificate": "PEM file of this client's certificate, where the server asks for one",
        "certificate-key": "PEM file of its private key",
        "token-file": "a token, in a file that is its owner's alone; read again when it is refused",
        "token-fd": "a token, on this open descriptor",
        "token-credential": "a token, in a systemd credential of this name",
        "role-id": "the role of AppRole, in place of a token",
        "secret-id-file": "AppRole's secret, in a file that is its owner's alone",
        "secret-id-fd": "AppRole's secret, on this open descriptor",
        "secret-id-credential": "AppRole's secret, in a systemd credential of this name",
        "approle-mount": "where AppRole is mounted, usually approle",
        "credentials": "the folder of systemd credentials, /run/credentials/UNIT.service",
    }
)


class _Key(msgspec.Struct, frozen=True):
    type: str
    latest_version: int
    exportable: bool
    allow_plaintext_backup: bool = False
    supports_encryption: bool = True


class _Sealed(msgspec.Struct, frozen=True):
    ciphertext: str


class _Opened(msgspec.Struct, frozen=True):
    plaintext: str


class _Errors(msgspec.Struct, frozen=True):
    errors: tuple[str, ...] = ()


T = TypeVar("T")
P = ParamSpec("P")


def _bounded(work: Callable[Concatenate["_Holder", P], T]) -> Callable[Concatenate["_Holder", P], T]:
    """All requests of one piece of work share the time of one."""

    def bounded(holder: "_Holder", /, *args: P.args, **named: P.kwargs) -> T:
        with holder.client.bounded():
            return work(holder, *args, **named)

    return functools.wraps(work)(bounded)


class _Holder:
    """The key in the transit engine."""

    def __init__(self, settings: KeySettings) -> None:
        options = settings.options
        self._key = _inputs.want(settings, "key", _NAME)
        self._mount = options.get("mount", "") or "transit"
        if not _WORD.fullmatch(self._key):
            raise BadInput("option key", repr(self._key[:80]), "letters, digits, dots, dashes, underscores")
        for name in ("mount", "approle-mount", "namespace"):
            if options.get(name) and not _MOUNT.fullmatch(options[name]):
                raise BadInput(f"option {name}", repr(options[name][:80]), "a path without a slash at its ends")
        ca, certificate, key = (options.get(name, "") for name in ("ca", "certificate", "certificate-key"))
        self.client = Client(Place(_inputs.want(settings, "url", _NAME), settings.seconds, ca, certificate, key))
        self._login = Login(self.client, settings)
        self._subject = self.client.subject

    @_bounded
    def wrap_key(self, data_key: bytes, context: bytes) -> tuple[str, bytes]:
        self._look()
        sent = {"plaintext": _text(data_key), "associated_data": _text(context)}
        sealed = self._data(self._ask("POST", f"encrypt/{self._key}", sent), _Sealed).ciphertext
        version = sealed.split(":")[1] if sealed.startswith("vault:v") and sealed.count(":") == 2 else ""
        if not version[1:].isdecimal() or not sealed.isascii():
            raise KeyUnavailable(self._subject, "a ciphertext of another form", "vault:vN:…")
        return f"{self._key}:{version}", sealed.encode()

    @_bounded
    def unwrap_key(self, key: str, wrapped: bytes, context: bytes) -> bytes:
        name, _, version = key.partition(":")
        if name != self._key:
            raise self._missing(key)
        if not wrapped.startswith(f"vault:{version}:".encode()) or not wrapped.isascii():
            raise Malformed(f"what {key[:80]} wrapped", "what another version of the key made, or nobody", "its own")
        sent = {"ciphertext": wrapped.decode(), "associated_data": _text(context)}
        found = self._data(self._ask("POST", f"decrypt/{self._key}", sent), _Opened).plaintext
        try:
            data_key = base64.b64decode(found, validate=True)
        except (binascii.Error, ValueError):
            data_key = b""
        if len(data_key) != 32:
            raise KeyUnavailable(self._subject, "no data key", "32 octets")
        return data_key

    @_bounded
    def newest(self) -> str:
        return f"{self._key}:v{self._look().latest_version}"

    @_bounded
    def rotate(self) -> str:
        self._look()
        self._ask("POST", f"keys/{self._key}/rotate", {})
        return self.newest()

    @_bounded
    def prepare(self) -> str:
        """Make the key where there is none; one that is there stays as it is."""
        reply = self._login.ask("GET", f"{self._mount}/keys/{self._key}", None)
        if reply.status == 404:
            self._ask("POST", f"keys/{self._key}", {"type": _TYPES[0], "exportable": False})
        return self.check()

    @_bounded
    def check(self) -> str:
        found = self._look()
        return f"{self._subject}, {self._mount}/{self._key} ({found.type}), the newest version {found.latest_version}"

    def close(self) -> None:
        self._login.close()
        self.client.close()

    def _look(self) -> _Key:
        """The key as it is now. Raises KeyUnavailable where it is not, or not as a key for this must be."""
        found = self._data(self._ask("GET", f"keys/{self._key}", None), _Key)
        if found.exportable or found.allow_plaintext_backup:
            why = "a key that can be exported, or backed up in clear"
            raise KeyUnavailable(f"{self._subject}, key {self._key}", why, "one that never leaves the server")
        if found.type not in _TYPES:
            raise KeyUnavailable(f"{self._subject}, key {self._key}", f"the type {found.type[:40]}", ", ".join(_TYPES))
        return found

    def _ask(self, method: str, path: str, body: object) -> Reply:
        """An answer that is one. What is refused is told apart by status and by transit's own words."""
        reply = self._login.ask(method, f"{self._mount}/{path}", body)
        if reply.status in {200, 204}:
            return reply
        said = " ".join(_errors(reply)).lower()
        if reply.status == 404 or "key not found" in said:
            raise self._missing(self._key)
        opening = path.startswith("decrypt/") and reply.status == 400
        if opening and ("authentication failed" in said or "unable to decrypt" in said or "invalid ciphertext" in said):
            raise Malformed(f"what {self._key} wrapped", "octets that it does not open", "its own, for this resource")
        raise self._login.refused(reply)

    def _data(self, reply: Reply, kind: type[T]) -> T:
        body = reply.body
        try:
            return msgspec.convert(body["data"] if isinstance(body, dict) else None, kind)
        except (KeyError, msgspec.MsgspecError):
            raise KeyUnavailable(self._subject, "an answer of another form", "one of the transit engine") from None

    def _missing(self, key: str) -> KeyUnavailable:
        hint = "restore the server's snapshot: a key that is lost is lost with all that it wrapped"
        return KeyUnavailable(self._subject, f"no key {key[:80]!r} in {self._mount}", "the key", hint)


def _errors(reply: Reply) -> tuple[str, ...]:
    try:
        return msgspec.convert(reply.body, _Errors).errors
    except msgspec.MsgspecError:
        return ()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _open(settings: KeySettings, gate: Gate) -> Keys:
    _inputs.known(settings, _OPTIONS, _NAME)
    holder = _Holder(settings)
    try:
        holder.check()
    except KeyUnavailable:
        holder.close()
        raise
    return GatedKeys(_NAME, holder, gate)


def _prepare(settings: KeySettings) -> str:
    _inputs.known(settings, _OPTIONS, _NAME)
    holder = _Holder(settings)
    try:
        return holder.prepare()
    finally:
        holder.close()


KEYS = KeyBackend(_NAME, "a key in the transit engine of OpenBao or Vault", _OPTIONS, _open, "", _prepare)
