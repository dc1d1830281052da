"""Azure Key Vault and Managed HSM: the key-encryption key stays in the vault, and sees data keys of 32 octets only.

Wrapping has no associated data there. What binds a data key to its resource is the payload alone, which it opens with name,
version and owners as associated data; and with an RSA key everybody who has its public half can wrap.

There are two ways out, and they rest on different trust. The broker unwraps by `unwrapKey`: that its identity alone may do
so is Azure's word, and that it does so only for an attested workload is the broker's. `release` is secure key release: the
vault itself judges a token of Microsoft Azure Attestation by the key's release policy and wraps the *key* to the key of the
TEE. There the broker and its log have no part: the vault's own log is the only record.
"""

import re
import secrets
from collections.abc import Iterable
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa

from strongroom.keys import _azure_login, _inputs
from strongroom.keys._cloud import Said, b64url, bounded, data_key, missing, now, opened, place, refused, whole
from strongroom.keys._https import Client, Reply
from strongroom.kit import key_release
from strongroom.kit.jose import unpadded
from strongroom.model.errors import BadInput, KeyUnavailable, Malformed
from strongroom.model.release import Gate, KeyBackend, Keys, KeySettings, Secret

_NAME = "azure"
_API = "api-version=7.4"
_KEY = re.compile(r"[A-Za-z0-9-]{1,127}")
_VERSION = re.compile(r"[0-9a-f]{32}")
_KINDS = {"RSA-OAEP-256": ("RSA-HSM", "RSA"), "A256KW": ("oct-HSM",)}
_OPTIONS = MappingProxyType(
    {
        "vault": "address of the vault or the managed HSM, https://NAME.vault.azure.net",
        "key": "name of the key in it",
        "algorithm": "how data keys are wrapped: RSA-OAEP-256, or A256KW in a managed HSM; usually the first",
        "audience": "what tokens are for: usually https://vault.azure.net, or https://managedhsm.azure.net for such a vault",
        "ca": "PEM file of the authorities that may vouch for the services, in place of the system's",
        **_azure_login.OPTIONS,
    }
)
# `error.code` and `error.innererror.code` ("Azure Key Vault REST API error codes").
_SAID = {
    "KeyDisabled": Said("a key that is disabled", "enable it"),
    "KeyNotYetValid": Said("a key that is not valid yet", "look at its dates"),
    "KeyExpired": Said("a key that has expired", "make a new version, and extend the old one for what it wrapped"),
    "KeyNotFound": Said("no such key", "was it deleted? it can be recovered for a time"),
    "SecretNotFound": Said("no such key", "was it deleted? it can be recovered for a time"),
    "ObjectIsDeletedButRecoverable": Said("a key that was deleted", "recover it"),
    "ForbiddenByPolicy": Said("access denied by the vault's policy", "wrapKey, unwrapKey and get on the key"),
    "ForbiddenByRbac": Said("access denied", "the role Key Vault Crypto Service Encryption User on the key"),
    "ForbiddenByFirewall": Said("an address that the vault does not serve", "look at the vault's networks"),
    "ForbiddenByConnection": Said("an address that the vault does not serve", "look at the vault's networks"),
    "AccessDenied": Said("access denied", "what does the key's release policy, or the vault's, say?"),
    "Forbidden": Said("access denied", "what does the key's release policy, or the vault's, say?"),
    "Unauthorized": Said("a token that it does not take", "is the tenant that of the vault?"),
    "Throttled": Said("too many requests", "spread them over vaults, or ask less"),
    "ServiceUnavailable": Said("no service now", "try again"),
    "InternalServerError": Said("a fault of its own", "try again"),
    "BadParameter": Said("a request that it does not take"),
}
_CHANGED = Said("octets that it does not open", changed=True)


class _Jwk(msgspec.Struct, frozen=True):
    kid: str
    kty: str
    key_ops: tuple[str, ...] = ()


class _Attributes(msgspec.Struct, frozen=True):
    enabled: bool
    exportable: bool = False


class _Bundle(msgspec.Struct, frozen=True):
    key: _Jwk
    attributes: _Attributes


class _Result(msgspec.Struct, frozen=True):
    kid: str
    value: str

    def __repr__(self) -> str:
        return "_Result(…)"


class _Release(msgspec.Struct, frozen=True):
    value: str


T = TypeVar("T")


class _Holder:
    """The key in a vault."""

    def __init__(self, settings: KeySettings) -> None:
        options = settings.options
        self._vault = _inputs.want(settings, "vault", _NAME).rstrip("/").lower()
        self._key = _inputs.want(settings, "key", _NAME)
        self._how = options.get("algorithm", "") or "RSA-OAEP-256"
        if not _KEY.fullmatch(self._key):
            raise BadInput("option key", repr(self._key[:200]), "letters, digits, dashes")
        if self._how not in _KINDS:
            raise BadInput("option algorithm", repr(self._how[:40]), " or ".join(_KINDS))
        self._client = place(settings, self._vault)
        self.host = urlsplit(self._vault).hostname or ""
        self._subject = self._client.subject
        hsm = self.host.endswith(".managedhsm.azure.net")
        usual = "https://managedhsm.azure.net" if hsm else "https://vault.azure.net"
        self._login = _azure_login.Login(self._client, settings, options.get("audience", "") or usual)

    @property
    def clients(self) -> tuple[Client, ...]:
        return (self._client, self._login.other)

    @bounded
    def wrap_key(self, data: bytes, context: bytes) -> tuple[str, bytes]:  # noqa: ARG002 - the payload binds the context
        name = self.newest()
        return name, self._crypt(name, "wrapkey", data)

    @bounded
    def unwrap_key(self, key: str, wrapped: bytes, context: bytes) -> bytes:  # noqa: ARG002 - as for `wrap_key`
        base, _, version = key.partition("/")
        if base != self._key or not _VERSION.fullmatch(version):
            raise missing(self._subject, key)
        return data_key(self._crypt(key, "unwrapkey", wrapped), self._subject)

    def _crypt(self, key: str, operation: str, data: bytes) -> bytes:
        told = {"alg": self._how, "value": b64url(data)}
        found = self._data(self._ask("POST", f"keys/{key}/{operation}", told), _Result)
        if found.kid != self.url_of(key):
            raise KeyUnavailable(self._subject, "an answer for another key", key)
        try:
            return unpadded(found.value.encode("ascii", "replace"), self._subject)
        except Malformed as e:
            raise KeyUnavailable(self._subject, e.found, e.wanted) from None

    @bounded
    def newest(self) -> str:
        return self._named(self._data(self._ask("GET", f"keys/{self._key}", None), _Bundle))

    @bounded
    def rotate(self) -> str:
        return self._named(self._data(self._ask("POST", f"keys/{self._key}/rotate", {}), _Bundle))

    def _named(self, found: _Bundle) -> str:
        """`NAME/VERSION` of a key that is fit. Raises KeyUnavailable."""
        base, _, version = found.key.kid.rpartition("/")
        subject = f"{self._subject}, key {self._key}"
        if base != self.url_of(self._key) or not _VERSION.fullmatch(version):
            raise KeyUnavailable(self._subject, "an answer for another key", self._key)
        if not found.attributes.enabled:
            raise KeyUnavailable(subject, "a key that is disabled", "one that is enabled", "enable it")
        if found.attributes.exportable:
            raise KeyUnavailable(subject, "a key that can be exported", "one that never leaves the vault")
        if found.key.kty not in _KINDS[self._how] or not {"wrapKey", "unwrapKey"} <= set(found.key.key_ops):
            raise KeyUnavailable(subject, "a key of another kind or use", f"{_KINDS[self._how][0]} that wraps")
        return f"{self._key}/{version}"

    @bounded
    def check(self) -> str:
        return f"{self._subject}, {self.newest()}"

    def url_of(self, key: str) -> str:
        """The id of a key, as the vault writes it."""
        return f"{self._vault}/keys/{key}"

    @bounded
    def release(self, version: str, target: str, how: str, nonce: str) -> bytes:
        """The token of a secure key release."""
        told = {"target": target, "enc": how, "nonce": nonce}
        reply = self._ask("POST", f"keys/{self._key}/{version}/release", told)
        return self._data(reply, _Release).value.encode("ascii", "replace")

    def close(self) -> None:
        self._login.close()
        self._client.close()

    def _ask(self, method: str, path: str, body: object) -> Reply:
        reply, token = self._send(method, path, body)
        if reply.status == 401:
            self._login.leased.forget(token)
            reply, _ = self._send(method, path, body)
        if reply.status != 200:
            raise self._refused(reply, opening=path.endswith("/unwrapkey"))
        return reply

    def _send(self, method: str, path: str, body: object) -> tuple[Reply, str]:
        token = self._login.leased.current()
        return self._client.ask(method, f"{path}?{_API}", body, {"Authorization": f"Bearer {token}"}), token

    def _refused(self, reply: Reply, *, opening: bool) -> KeyUnavailable | Malformed:
        codes = _codes(reply)
        if opening and reply.status == 400 and "BadParameter" in codes:
            return refused(_CHANGED, reply, self._subject, self._key)
        return refused(next((_SAID[c] for c in codes if c in _SAID), None), reply, self._subject, self._key)

    def _data(self, reply: Reply, kind: type[T]) -> T:
        return whole(reply, kind, self._subject)


def _codes(reply: Reply) -> tuple[str, ...]:
    """The codes of an error, the innermost first."""
    found: list[str] = []
    error = reply.body.get("error") if isinstance(reply.body, dict) else None
    for _ in range(4):
        if not isinstance(error, dict):
            break
        code = error.get("code")
        found += [code] if isinstance(code, str) else []
        error = error.get("innererror")
    return tuple(reversed(found))


def release(
    settings: KeySettings,
    version: str,
    target: bytes,
    key: rsa.RSAPrivateKey,
    roots: Iterable[bytes],
    how: str = "RSA_AES_KEY_WRAP_256",
) -> Secret:
    """The key itself, released by the vault to a TEE: PKCS #8 in DER where it is asymmetric, else its octets.

    `version` is that of the key. `target` is a token of Microsoft Azure Attestation with the public half of `key` in it.
    `roots` (DER) are who may vouch for the vault's signature. The trust is in the key's release policy, in Azure's
    attestation service and in the vault, not in the broker.

    Raises:
        KeyUnavailable: the vault refuses, or is down or slow.
        BadSignature, Malformed: the answer is another's, to another request, or for another key.
        BadInput, Unreadable: the settings, the version or the algorithm.
    """
    _inputs.known(settings, _OPTIONS, _NAME)
    if not _VERSION.fullmatch(version) or how not in key_release.ALGORITHMS:
        raise BadInput(
            "secure key release", repr((version[:40], how[:40])), "a version, and an algorithm that is known"
        )
    holder = _Holder(settings)
    nonce = b64url(secrets.token_bytes(32))
    try:
        token = holder.release(version, target.decode("ascii", "replace"), how, nonce)
    finally:
        holder.close()
    asked = key_release.Asked(holder.host, holder.url_of(f"{settings.options['key']}/{version}"), how, nonce)
    return Secret(key_release.unwrap(key_release.verify(token, asked, roots, now()), key))


def _open(settings: KeySettings, gate: Gate) -> Keys:
    _inputs.known(settings, _OPTIONS, _NAME)
    return opened(_NAME, _Holder(settings), gate)


KEYS = KeyBackend(_NAME, "a key in Azure Key Vault or a managed HSM", _OPTIONS, _open)
