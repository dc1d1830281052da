"""AWS KMS for tests: a local server that speaks its JSON as the API Reference has it, and holds each signature against botocore."""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cloud_server import Answer, Asked, Cloud, pki, private_file, serving
from cms_minting import enveloped
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_der_public_key
from key_harness import Case, Running, part

from strongroom.keys import _cloud
from strongroom.model.release import KeySettings

REGION = "eu-central-1"
KEY = f"arn:aws:kms:{REGION}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ACCESS, SECRET, SESSION = "AKIDEXAMPLE", "made-up-secret-of-a-test", "made-up-session-token"
DOCUMENT = b"attestation document with "  # of this made-up service: the key follows in DER


def botocore_signature(asked: Asked, url: str, credentials: Credentials) -> str:
    """What botocore signs the same request with."""
    skipped = {"authorization", "host", "content-length", "accept-encoding"}
    headers = {name: value for name, value in asked.headers.items() if name not in skipped}
    request = AWSRequest(asked.method, url, headers=headers, data=asked.body)
    request.context["timestamp"] = asked.headers["x-amz-date"]
    auth = SigV4Auth(credentials, "kms", REGION)
    return str(auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request))


class Kms(Cloud):
    """One key."""

    def __init__(self) -> None:
        super().__init__()
        self.materials = [os.urandom(32)]
        self.metadata: dict[str, object] = {}
        self.known = {ACCESS: SECRET}

    def answer(self, asked: Asked) -> Answer:
        if asked.method != "POST":
            return self.metadata_service(asked)
        access = asked.headers["authorization"].split("Credential=")[1].split("/")[0]
        if access not in self.known:
            return 400, {"__type": "UnrecognizedClientException", "message": "The security token is invalid."}
        held = Credentials(access, self.known[access], asked.headers.get("x-amz-security-token"))
        wanted = botocore_signature(asked, f"https://{asked.headers['host']}/", held)
        if asked.headers["authorization"].rpartition("Signature=")[2] != wanted:
            return 400, {"__type": "InvalidSignatureException", "message": "The request signature does not match."}
        operation = asked.headers["x-amz-target"].removeprefix("TrentService.")
        return self.kms(operation, asked.json())

    def kms(self, operation: str, told: dict[str, object]) -> Answer:
        if told["KeyId"] != KEY:
            return 400, {"__type": "NotFoundException", "message": f"Key '{told['KeyId']}' does not exist"}
        if operation == "DescribeKey":
            found = {"Arn": KEY, "KeyState": "Enabled", "KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT"}
            material = f"{len(self.materials):064x}"
            return 200, {"KeyMetadata": {**found, "CurrentKeyMaterialId": material, **self.metadata}}
        if operation == "RotateKeyOnDemand":
            self.materials.append(os.urandom(32))
            return 200, {"KeyId": KEY}
        bound = json.dumps([KEY, told["EncryptionContext"]], sort_keys=True).encode()
        if operation == "Encrypt":
            nonce = os.urandom(12)
            plain = base64.b64decode(str(told["Plaintext"]))
            blob = bytes([len(self.materials) - 1]) + nonce + AESGCM(self.materials[-1]).encrypt(nonce, plain, bound)
            return 200, {"CiphertextBlob": base64.b64encode(blob).decode(), "KeyId": KEY}
        return self.decrypt(told, bound)

    def decrypt(self, told: dict[str, object], bound: bytes) -> Answer:
        blob = base64.b64decode(str(told["CiphertextBlob"]))
        try:
            plain = AESGCM(self.materials[blob[0]]).decrypt(blob[1:13], blob[13:], bound)
        except (InvalidTag, IndexError, ValueError):
            return 400, {"__type": "com.amazonaws.kms#InvalidCiphertextException"}
        recipient = told.get("Recipient")
        if not isinstance(recipient, dict):
            return 200, {"Plaintext": base64.b64encode(plain).decode(), "KeyId": KEY}
        assert recipient["KeyEncryptionAlgorithm"] == "RSAES_OAEP_SHA_256"
        public = load_der_public_key(base64.b64decode(recipient["AttestationDocument"]).removeprefix(DOCUMENT))
        assert isinstance(public, rsa.RSAPublicKey)
        return 200, {"CiphertextForRecipient": base64.b64encode(enveloped(plain, public)).decode(), "KeyId": KEY}

    def metadata_service(self, asked: Asked) -> Answer:
        ends = (_cloud.now() + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
        given = {"AccessKeyId": ACCESS, "SecretAccessKey": SECRET, "Token": SESSION, "Expiration": ends}
        if asked.path == "/latest/api/token" and asked.method == "PUT":
            return 200, "made-up-imds-token"
        if asked.path == "/v2/credentials/here":
            return (200, given) if asked.headers.get("authorization") == "made-up-pod-token" else (401, {})
        if asked.headers.get("x-aws-ec2-metadata-token") != "made-up-imds-token":
            return 401, ""
        if asked.path == "/latest/meta-data/iam/security-credentials/":
            return 200, "broker-role"
        return 200, {"Code": "Success", "Type": "AWS-HMAC", **given}


def access_file(folder: Path, secret: str = SECRET) -> str:
    """A shared credentials file."""
    text = f"[default]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {secret}\n"
    return private_file(folder, "credentials", text)


@contextmanager
def served(folder: Path, seconds: float = 5.0) -> Iterator[tuple[Kms, KeySettings]]:
    """The service, and the settings of a back end over it."""
    ca, certificate = pki().files(folder)
    kms = Kms()
    with serving(kms, certificate) as url:
        yield kms, KeySettings({"key": KEY, "url": url, "ca": ca, "access-file": access_file(folder)}, seconds)


@contextmanager
def start(folder: Path, _patch: pytest.MonkeyPatch) -> Iterator[Running]:
    """The back end over the local server; requests are counted where they arrive."""
    with served(folder) as (kms, settings):
        yield Running(part("aws_kms"), settings, lambda: len(kms.seen))


CASE = Case("aws_kms", start)
