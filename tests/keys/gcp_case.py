"""Google Cloud KMS for tests: a local server with its JSON as the REST reference has it, and the services of its logins."""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import google_crc
import pytest
from cloud_server import Answer, Asked, Cloud, pki, private_file, serving
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from key_harness import Case, Running, part

from strongroom.keys import _cloud
from strongroom.model.release import KeySettings

KEY = "projects/tests/locations/europe-west3/keyRings/ring/cryptoKeys/strongroom"
AUDIENCE = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/attestation-verifier"
SUBJECT, ACCOUNT = "made-up.attestation.token", "broker@tests.iam.gserviceaccount.com"
EXCHANGED, TOKEN = "made-up-exchanged-token", "made-up-access-token"


def error(code: int, status: str) -> Answer:
    """An error as google.rpc.Status in JSON."""
    return code, {"error": {"code": code, "message": f"made-up words of {status}", "status": status}}


class Kms(Cloud):
    """One key, and every way to a token."""

    def __init__(self) -> None:
        super().__init__()
        self.versions = [os.urandom(32)]
        self.tokens = {TOKEN}
        self.key: dict[str, object] = {}
        self.state = "ENABLED"
        self.assertions: list[dict[str, str]] = []

    def answer(self, asked: Asked) -> Answer:
        if asked.path == "/v1/token":
            return self.exchange(asked.json())
        if asked.path == f"/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken":
            return self.impersonate(asked)
        if asked.path == "/token":
            self.assertions.append(asked.form())
            return 200, {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}
        if asked.path == "/computeMetadata/v1/instance/service-accounts/default/token":
            plain = asked.headers.get("metadata-flavor") == "Google"
            return (200, {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}) if plain else (403, "")
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return error(401, "UNAUTHENTICATED")
        return self.kms(asked)

    @staticmethod
    def exchange(told: dict[str, object]) -> Answer:
        if told["subjectToken"] != SUBJECT or told["audience"] != AUDIENCE:
            return 400, {"error": "invalid_grant", "error_description": "made-up words"}
        assert told["grantType"] == "urn:ietf:params:oauth:grant-type:token-exchange"
        given = TOKEN if told["scope"] == "https://www.googleapis.com/auth/cloudkms" else EXCHANGED
        kind = "urn:ietf:params:oauth:token-type:access_token"
        return 200, {"access_token": given, "issued_token_type": kind, "token_type": "Bearer", "expires_in": 3599}

    @staticmethod
    def impersonate(asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {EXCHANGED}":
            return error(403, "PERMISSION_DENIED")
        assert asked.json()["scope"] == ["https://www.googleapis.com/auth/cloudkms"]
        ends = (_cloud.now() + timedelta(minutes=15)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return 200, {"accessToken": TOKEN, "expireTime": ends}

    def kms(self, asked: Asked) -> Answer:
        path = asked.path.removeprefix("/v1/")
        if not path.startswith(KEY):
            return error(404, "NOT_FOUND")
        operation = path.removeprefix(KEY)
        primary = {"name": f"{KEY}/cryptoKeyVersions/{len(self.versions)}", "state": self.state}
        if operation in ("", ":updatePrimaryVersion"):
            return 200, {"name": KEY, "purpose": "ENCRYPT_DECRYPT", "primary": primary, **self.key}
        if operation == "/cryptoKeyVersions":
            self.versions.append(os.urandom(32))
            return 200, {"name": f"{KEY}/cryptoKeyVersions/{len(self.versions)}", "state": "ENABLED"}
        return self.crypt(operation, {name: str(value) for name, value in asked.json().items()})

    def crypt(self, operation: str, told: dict[str, str]) -> Answer:
        bound = base64.b64decode(told["additionalAuthenticatedData"])
        given = base64.b64decode(told["plaintext" if operation == ":encrypt" else "ciphertext"])
        sums = (told["additionalAuthenticatedDataCrc32c"], told.get("plaintextCrc32c", told.get("ciphertextCrc32c")))
        if sums != (str(google_crc.bitwise(bound)), str(google_crc.bitwise(given))):
            return error(400, "INVALID_ARGUMENT")
        if operation == ":encrypt":
            nonce = os.urandom(12)
            sealed = bytes([len(self.versions) - 1]) + nonce + AESGCM(self.versions[-1]).encrypt(nonce, given, bound)
            return 200, {
                "name": f"{KEY}/cryptoKeyVersions/{len(self.versions)}",
                "ciphertext": base64.b64encode(sealed).decode(),
                "ciphertextCrc32c": str(google_crc.bitwise(sealed)),
                "verifiedPlaintextCrc32c": True,
                "verifiedAdditionalAuthenticatedDataCrc32c": True,
                "protectionLevel": "HSM",
            }
        try:
            plain = AESGCM(self.versions[given[0]]).decrypt(given[1:13], given[13:], bound)
        except (InvalidTag, IndexError, ValueError):
            return error(400, "INVALID_ARGUMENT")
        crc = str(google_crc.bitwise(plain))
        return 200, {"plaintext": base64.b64encode(plain).decode(), "plaintextCrc32c": crc, "usedPrimary": True}


@contextmanager
def served(folder: Path, seconds: float = 5.0) -> Iterator[tuple[Kms, KeySettings]]:
    """The service, and the settings of a back end over it, with a workload identity and a service account."""
    ca, certificate = pki().files(folder)
    kms = Kms()
    with serving(kms, certificate) as url:
        options = {
            "key": KEY,
            "url": url,
            "ca": ca,
            "audience": AUDIENCE,
            "subject-token-file": private_file(folder, "subject-token", SUBJECT),
            "impersonate": ACCOUNT,
            "sts-url": url,
            "iam-url": url,
        }
        yield kms, KeySettings(options, seconds)


@contextmanager
def start(folder: Path, _patch: pytest.MonkeyPatch) -> Iterator[Running]:
    """The back end over the local server; requests are counted where they arrive."""
    with served(folder) as (kms, settings):
        yield Running(part("gcp_kms"), settings, lambda: len(kms.seen))


def account_file(folder: Path, private: str) -> str:
    """A service account's key, whose own word about hosts leads elsewhere."""
    held = {"type": "service_account", "client_email": ACCOUNT, "private_key": private, "private_key_id": "k1"}
    return private_file(folder, "account.json", json.dumps({**held, "token_uri": "https://elsewhere.invalid/token"}))


def pem(key: rsa.RSAPrivateKey) -> str:
    """The private key as a file of Google's has it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def spki(key: rsa.RSAPrivateKey) -> bytes:
    """The public half."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


CASE = Case("gcp_kms", start)
