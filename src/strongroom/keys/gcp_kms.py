"""Google Cloud KMS: the key-encryption key stays in the service, and sees data keys of 32 octets only.

Name, version and owners of a resource are additional authenticated data. What goes out and comes back carries CRC-32C, as
the service asks for ("Data integrity guidelines"): against accidents on the way, and nothing else. An answer to a
decryption does not say which key opened it: that is the service's word, under TLS to the host of the configuration.

With `audience` the broker's own attestation can open the key: the workload identity provider `attestation-verifier` of
Confidential Space judges the attestation token, and the key's IAM policy names the image. The trust in the broker is then
Google's to verify; the trust in the workload that asks the broker stays the broker's.
"""

import re
from types import MappingProxyType
from typing import TypeVar

import msgspec

from strongroom.keys import _gcp_login, _inputs
from strongroom.keys._cloud import Said, b64, bounded, data_key, missing, opened, place, refused, unb64, whole
from strongroom.keys._https import Client, Reply
from strongroom.kit.crc32c import crc32c
from strongroom.model.errors import BadInput, KeyUnavailable, Malformed
from strongroom.model.release import Gate, KeyBackend, Keys, KeySettings

_NAME = "gcp_kms"
_WORD = r"[A-Za-z0-9_-]{1,63}"
_KEY = re.compile(rf"projects/[a-z0-9:.-]{{1,63}}/locations/{_WORD}/keyRings/{_WORD}/cryptoKeys/{_WORD}")
_VERSION = re.compile(r"[1-9][0-9]{0,9}")
_OPTIONS = MappingProxyType(
    {
        "key": "the symmetric key, projects/P/locations/L/keyRings/R/cryptoKeys/K",
        "url": "address of the service, usually https://cloudkms.googleapis.com",
        "ca": "PEM file of the authorities that may vouch for the services, in place of the system's",
        **_gcp_login.OPTIONS,
    }
)
# google.rpc.Code, as Cloud KMS answers it in `error.status`.
_SAID = {
    "FAILED_PRECONDITION": Said("a key that is disabled, destroyed or about to be", "enable or restore its version"),
    "NOT_FOUND": Said("no such key", "was it destroyed, or is it of another location?"),
    "PERMISSION_DENIED": Said("permission denied", "roles/cloudkms.cryptoKeyEncrypterDecrypter and viewer on the key"),
    "UNAUTHENTICATED": Said("a token that it does not take", "has the login ended?"),
    "RESOURCE_EXHAUSTED": Said("too many requests", "ask for a higher quota, or ask less"),
    "INVALID_ARGUMENT": Said("a request that it does not take"),
    "UNAVAILABLE": Said("no service now", "try again"),
    "INTERNAL": Said("a fault of its own", "try again"),
    "DEADLINE_EXCEEDED": Said("a time-out inside of it", "try again"),
}
_CHANGED = Said("octets or a context that it does not open", changed=True)


_NAMES = {
    "ciphertext_crc32c": "ciphertextCrc32c",
    "plaintext_crc32c": "plaintextCrc32c",
    "verified_plaintext_crc32c": "verifiedPlaintextCrc32c",
    "verified_additional_authenticated_data_crc32c": "verifiedAdditionalAuthenticatedDataCrc32c",
}


class _Primary(msgspec.Struct, frozen=True):
    name: str
    state: str


class _Key(msgspec.Struct, frozen=True):
    name: str
    purpose: str
    primary: _Primary | None = None


class _Version(msgspec.Struct, frozen=True):
    name: str


class _Sealed(msgspec.Struct, frozen=True, rename=_NAMES):
    name: str
    ciphertext: str
    ciphertext_crc32c: str
    verified_plaintext_crc32c: bool = False
    verified_additional_authenticated_data_crc32c: bool = False


class _Opened(msgspec.Struct, frozen=True, rename=_NAMES):
    plaintext: str
    plaintext_crc32c: str

    def __repr__(self) -> str:
        return "_Opened(…)"


T = TypeVar("T")


class _Holder:
    """The key in Cloud KMS."""

    def __init__(self, settings: KeySettings) -> None:
        self._key = _inputs.want(settings, "key", _NAME)
        if not _KEY.fullmatch(self._key):
            wanted = "projects/P/locations/L/keyRings/R/cryptoKeys/K"
            raise BadInput("option key", repr(self._key[:200]), wanted)
        self._client = place(settings, settings.options.get("url", "") or "https://cloudkms.googleapis.com")
        self._subject = self._client.subject
        self._login = _gcp_login.Login(self._client, settings)

    @property
    def clients(self) -> tuple[Client, ...]:
        return (self._client, *self._login.others)

    @bounded
    def wrap_key(self, data: bytes, context: bytes) -> tuple[str, bytes]:
        self.newest()
        told = {
            "plaintext": b64(data),
            "plaintextCrc32c": str(crc32c(data)),
            "additionalAuthenticatedData": b64(context),
            "additionalAuthenticatedDataCrc32c": str(crc32c(context)),
        }
        sealed = self._data(self._ask("POST", f"{self._key}:encrypt", told), _Sealed)
        self._check_version(sealed.name)
        if not (sealed.verified_plaintext_crc32c and sealed.verified_additional_authenticated_data_crc32c):
            raise KeyUnavailable(self._subject, "checksums that it has not verified", "both verified")
        return sealed.name, self._whole(sealed.ciphertext, sealed.ciphertext_crc32c)

    @bounded
    def unwrap_key(self, key: str, wrapped: bytes, context: bytes) -> bytes:
        base, _, version = key.partition("/cryptoKeyVersions/")
        if base != self._key or not _VERSION.fullmatch(version):
            raise missing(self._subject, key)
        told = {
            "ciphertext": b64(wrapped),
            "ciphertextCrc32c": str(crc32c(wrapped)),
            "additionalAuthenticatedData": b64(context),
            "additionalAuthenticatedDataCrc32c": str(crc32c(context)),
        }
        found = self._data(self._ask("POST", f"{self._key}:decrypt", told), _Opened)
        return data_key(self._whole(found.plaintext, found.plaintext_crc32c), self._subject)

    @bounded
    def newest(self) -> str:
        found = self._data(self._ask("GET", self._key, None), _Key)
        if found.name != self._key:
            raise KeyUnavailable(self._subject, "an answer for another key", self._key)
        if found.purpose != "ENCRYPT_DECRYPT":
            raise KeyUnavailable(f"{self._subject}, key {self._key}", "a key for another use", "ENCRYPT_DECRYPT")
        if found.primary is None or found.primary.state != "ENABLED":
            said = _SAID["FAILED_PRECONDITION"]
            raise KeyUnavailable(f"{self._subject}, key {self._key}", said.found, "a primary version", said.hint)
        self._check_version(found.primary.name)
        return found.primary.name

    @bounded
    def rotate(self) -> str:
        made = self._data(self._ask("POST", f"{self._key}/cryptoKeyVersions", {}), _Version)
        self._check_version(made.name)
        told = {"cryptoKeyVersionId": made.name.rpartition("/")[2]}
        self._ask("POST", f"{self._key}:updatePrimaryVersion", told)
        return self.newest()

    @bounded
    def check(self) -> str:
        return f"{self._subject}, {self.newest()}"

    def close(self) -> None:
        self._login.close()
        self._client.close()

    def _check_version(self, name: str) -> None:
        base, _, version = name.partition("/cryptoKeyVersions/")
        if base != self._key or not _VERSION.fullmatch(version):
            raise KeyUnavailable(self._subject, "an answer for another key", self._key)

    def _whole(self, text: str, checksum: str) -> bytes:
        data = unb64(text, self._subject)
        if checksum != str(crc32c(data)):
            raise KeyUnavailable(self._subject, "octets that do not fit their checksum", "those that it has sent")
        return data

    def _ask(self, method: str, path: str, body: object) -> Reply:
        reply, token = self._send(method, path, body)
        if reply.status == 401:
            self._login.leased.forget(token)
            reply, _ = self._send(method, path, body)
        if reply.status != 200:
            raise self._refused(reply, opening=path.endswith(":decrypt"))
        return reply

    def _send(self, method: str, path: str, body: object) -> tuple[Reply, str]:
        token = self._login.leased.current()
        return self._client.ask(method, f"v1/{path}", body, {"Authorization": f"Bearer {token}"}), token

    def _refused(self, reply: Reply, *, opening: bool) -> KeyUnavailable | Malformed:
        error = reply.body.get("error") if isinstance(reply.body, dict) else None
        status = error.get("status") if isinstance(error, dict) else None
        if opening and status == "INVALID_ARGUMENT" and reply.status == 400:
            return refused(_CHANGED, reply, self._subject, self._key)
        return refused(_SAID.get(status) if isinstance(status, str) else None, reply, self._subject, self._key)

    def _data(self, reply: Reply, kind: type[T]) -> T:
        return whole(reply, kind, self._subject)


def _open(settings: KeySettings, gate: Gate) -> Keys:
    _inputs.known(settings, _OPTIONS, _NAME)
    return opened(_NAME, _Holder(settings), gate)


KEYS = KeyBackend(_NAME, "a symmetric key in Google Cloud KMS", _OPTIONS, _open)
