"""AWS KMS: the key-encryption key stays in the service's HSMs, which see data keys of 32 octets only.

A resource is bound into the encryption context, which KMS authenticates, writes into CloudTrail, and lets key policies ask
for. The key is named by its ARN and never by an alias, and each answer must name it: an alias can be pointed at the key of
somebody else, and so can a blob.

There are two ways out, and they rest on different trust. The broker unwraps by a plain Decrypt: that its IAM role alone may
do so is AWS's word, and that it does so only for an attested workload is the broker's. `open_in_enclave` is for an AWS Nitro
enclave to which KMS itself releases: the key policy names the enclave's measurements, KMS judges the attestation document
and encrypts to the key in it. There the broker and its log have no part: CloudTrail is the only record.
"""

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa

from strongroom.keys import _aws_login, _envelope, _inputs
from strongroom.keys._cloud import Said, b64, bounded, data_key, missing, now, opened, place, refused, unb64, whole
from strongroom.keys._https import Client, Reply
from strongroom.kit.cms import open_for_recipient
from strongroom.kit.sigv4 import Request, signed
from strongroom.model.errors import BadInput, KeyUnavailable
from strongroom.model.release import Gate, KeyBackend, Keys, KeySettings, Secret, Wrapped

_NAME = "aws_kms"
_ARN = re.compile(r"arn:(aws|aws-cn|aws-us-gov):kms:([a-z]{2}(?:-[a-z]+)+-\d):\d{12}:key/[A-Za-z0-9-]{1,64}")
_SUFFIX = {"aws-cn": "amazonaws.com.cn"}
_MATERIAL = re.compile(r"[0-9a-f]{1,128}")
_OPTIONS = MappingProxyType(
    {
        "key": "ARN of the symmetric key, arn:aws:kms:REGION:ACCOUNT:key/ID; its region and account are the only ones",
        "url": "address of the service where it is not KMS's own of that region, such as a VPC endpoint",
        "ca": "PEM file of the authorities that may vouch for the service, in place of the system's",
        **_aws_login.OPTIONS,
    }
)
# AWS KMS API Reference, the errors of Decrypt and Encrypt, and "Common Error Types".
_SAID = {
    "InvalidCiphertextException": Said("octets or a context that it does not open", changed=True),
    "IncorrectKeyException": Said("octets that another key wrapped", changed=True),
    "NotFoundException": Said("no such key", "is the key of another region, or was it deleted?"),
    "DisabledException": Said("a key that is disabled", "enable it"),
    "KMSInvalidStateException": Said("a key that is pending deletion, or in another state", "cancel its deletion"),
    "KeyUnavailableException": Said("a key that it cannot use now", "try again"),
    "InvalidKeyUsageException": Said("a key for another use", "take a symmetric key to encrypt and decrypt"),
    "DependencyTimeoutException": Said("a time-out inside of it", "try again"),
    "KMSInternalException": Said("a fault of its own", "try again"),
    "AccessDeniedException": Said("access denied", "may this role use the key, and does the key's policy let it?"),
    "ThrottlingException": Said("too many requests", "ask for a higher quota, or ask less"),
    "LimitExceededException": Said("a quota that is used up", "ask for a higher quota"),
    "UnrecognizedClientException": Said("credentials that it does not know", "are they of this partition?"),
    "ExpiredTokenException": Said("credentials that have ended", "are they renewed?"),
    "InvalidSignatureException": Said("a signature of another region, key or time", "check the clock and the region"),
    "ServiceUnavailable": Said("no service now", "try again"),
    "InternalFailure": Said("a fault of its own", "try again"),
}
_RENEWED = ("ExpiredTokenException", "UnrecognizedClientException")


class _Sealed(msgspec.Struct, frozen=True):
    CiphertextBlob: str
    KeyId: str


class _Opened(msgspec.Struct, frozen=True):
    KeyId: str
    Plaintext: str = ""
    CiphertextForRecipient: str = ""

    def __repr__(self) -> str:
        return "_Opened(…)"


class _Metadata(msgspec.Struct, frozen=True):
    Arn: str
    KeyState: str
    KeyUsage: str
    KeySpec: str = ""
    CurrentKeyMaterialId: str = ""


class _Described(msgspec.Struct, frozen=True):
    KeyMetadata: _Metadata


T = TypeVar("T")


def encryption_context(context: bytes) -> dict[str, str]:
    """What KMS binds a data key to: a digest of all that it is bound to, and in clear what policies and CloudTrail show.

    A key policy can ask for `kms:EncryptionContext:strongroom:resource`.
    """
    _, resource, version, *_ = msgspec.json.decode(context, type=list[str | int | list[str]])
    return {
        "strongroom:bound": hashlib.sha256(context).hexdigest(),
        "strongroom:resource": str(resource),
        "strongroom:version": str(version),
    }


class _Holder:
    """The key in KMS."""

    def __init__(self, settings: KeySettings) -> None:
        self._key = _inputs.want(settings, "key", _NAME)
        arn = _ARN.fullmatch(self._key)
        if arn is None:
            raise BadInput("option key", repr(self._key[:200]), "the ARN of a key, arn:aws:kms:REGION:ACCOUNT:key/ID")
        partition, self._region = arn[1], arn[2]
        url = settings.options.get("url", "") or f"https://kms.{self._region}.{_SUFFIX.get(partition, 'amazonaws.com')}"
        self._client = place(settings, url)
        parts = urlsplit(url)
        if parts.path.strip("/"):
            raise BadInput("option url", "a path", "https://HOST[:PORT]")
        self._host = _host(parts)
        self._subject = self._client.subject
        self._login = _aws_login.Login(self._client, settings)

    @property
    def clients(self) -> tuple[Client, ...]:
        return tuple(c for c in (self._client, self._login.local) if c is not None)

    @bounded
    def wrap_key(self, data: bytes, context: bytes) -> tuple[str, bytes]:
        name = self.newest()
        told = {"KeyId": self._key, "Plaintext": b64(data), "EncryptionContext": encryption_context(context)}
        sealed = self._data("Encrypt", told, _Sealed)
        self._check_key(sealed.KeyId)
        return name, unb64(sealed.CiphertextBlob, self._subject)

    @bounded
    def unwrap_key(self, key: str, wrapped: bytes, context: bytes) -> bytes:
        if key.partition("#")[0] != self._key:
            raise missing(self._subject, key)
        found = self._decrypt(wrapped, context)
        if found.CiphertextForRecipient:
            raise KeyUnavailable(self._subject, "a ciphertext for somebody else", "the data key")
        return data_key(unb64(found.Plaintext, self._subject), self._subject)

    @bounded
    def unwrap_to(self, wrapped: bytes, context: bytes, attestation: bytes) -> bytes:
        """The data key as CMS, encrypted to the key in a Nitro attestation document, which KMS judges."""
        told = {"AttestationDocument": b64(attestation), "KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
        found = self._decrypt(wrapped, context, Recipient=told)
        # KMS leaves the plaintext out when there is a recipient; who sends one has not judged any document.
        if found.Plaintext or not found.CiphertextForRecipient:
            raise KeyUnavailable(self._subject, "no ciphertext for the recipient", "one, and nothing in clear")
        return unb64(found.CiphertextForRecipient, self._subject)

    def _decrypt(self, wrapped: bytes, context: bytes, **more: object) -> _Opened:
        told = {"KeyId": self._key, "CiphertextBlob": b64(wrapped), "EncryptionContext": encryption_context(context)}
        found = self._data("Decrypt", {**told, **more}, _Opened)
        self._check_key(found.KeyId)
        return found

    @bounded
    def newest(self) -> str:
        found = self._data("DescribeKey", {"KeyId": self._key}, _Described).KeyMetadata
        self._check_key(found.Arn)
        if found.KeyState != "Enabled":
            said = _SAID["DisabledException" if found.KeyState == "Disabled" else "KMSInvalidStateException"]
            raise KeyUnavailable(f"{self._subject}, key {self._key}", said.found, "one that is enabled", said.hint)
        if found.KeyUsage != "ENCRYPT_DECRYPT" or found.KeySpec not in {"", "SYMMETRIC_DEFAULT"}:
            said = _SAID["InvalidKeyUsageException"]
            raise KeyUnavailable(f"{self._subject}, key {self._key}", said.found, "a symmetric one", said.hint)
        material = found.CurrentKeyMaterialId
        return f"{self._key}#{material}" if _MATERIAL.fullmatch(material) else self._key

    @bounded
    def rotate(self) -> str:
        """New key material in the same key; KMS keeps the old one for what it wrapped."""
        before = self.newest()
        self._data("RotateKeyOnDemand", {"KeyId": self._key}, dict[str, object])
        after = self.newest()
        if after == before:
            hint = "look at the key again in a minute; rotating twice makes two"
            raise KeyUnavailable(f"{self._subject}, key {self._key}", "a rotation under way", "a new material", hint)
        return after

    @bounded
    def check(self) -> str:
        return f"{self._subject}, {self.newest()}"

    def close(self) -> None:
        self._login.close()
        self._client.close()

    def _check_key(self, found: str) -> None:
        if found != self._key:
            raise KeyUnavailable(self._subject, "an answer for another key", self._key)

    def _data(self, operation: str, told: Mapping[str, object], kind: type[T]) -> T:
        credentials = self._login.leased.current()
        reply = self._send(operation, told)
        if reply.status != 200 and _code(reply) in _RENEWED:
            self._login.leased.forget(credentials)
            reply = self._send(operation, told)
        if reply.status != 200:
            raise refused(_SAID.get(_code(reply)), reply, self._subject, self._key)
        return whole(reply, kind, self._subject)

    def _send(self, operation: str, told: Mapping[str, object]) -> Reply:
        payload = msgspec.json.encode(told)
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"TrentService.{operation}"}
        request = Request("POST", self._host, "/", headers, payload)
        told_with = signed(request, self._login.leased.current(), self._region, "kms", now())
        return self._client.ask("POST", "", msgspec.Raw(payload), told_with)


def _host(parts: SplitResult) -> str:
    """The host as the connection writes it into `Host`, which is signed: without the port that the scheme has anyway."""
    host = parts.hostname or ""
    port = "" if parts.port in (None, 443 if parts.scheme == "https" else 80) else f":{parts.port}"
    return f"[{host}]{port}" if ":" in host else f"{host}{port}"


def _code(reply: Reply) -> str:
    """`__type`, with or without the namespace before it."""
    said = reply.body.get("__type") if isinstance(reply.body, dict) else None
    return said.rpartition("#")[2] if isinstance(said, str) else ""


def open_in_enclave(settings: KeySettings, wrapped: Wrapped, attestation: bytes, key: rsa.RSAPrivateKey) -> Secret:
    """A resource, opened by an AWS Nitro enclave to which KMS itself releases.

    `attestation` is a fresh document of the enclave's security module with the public half of `key` in it. The trust is in
    the key's policy (`kms:RecipientAttestation:…`) and in AWS, not in the broker; give such resources a key of their own.
    The payload is authenticated, so what was changed between KMS and here does not open.

    Raises:
        KeyUnavailable: KMS has refused, or is down or slow.
        Malformed, BadSignature: what is kept, or the answer, was changed or is for another key.
        BadInput, Unreadable: the settings.
    """
    _inputs.known(settings, _OPTIONS, _NAME)
    subject = f"resource {wrapped.resource[:400]} version {wrapped.version}"
    holder = _Holder(settings)

    def unwrap(name: str, data: bytes, context: bytes) -> bytes:
        if name.partition("#")[0] != settings.options["key"]:
            raise missing("AWS KMS", name)
        return data_key(open_for_recipient(holder.unwrap_to(data, context, attestation), key), subject)

    try:
        return Secret(_envelope.unseal(wrapped.key, wrapped.blob, wrapped.context(), unwrap, subject))
    finally:
        holder.close()


def _open(settings: KeySettings, gate: Gate) -> Keys:
    _inputs.known(settings, _OPTIONS, _NAME)
    return opened(_NAME, _Holder(settings), gate)


KEYS = KeyBackend(_NAME, "a symmetric key in AWS KMS", _OPTIONS, _open)
