"""Azure Key Vault for tests: a local server with its JSON as the REST reference has it, and secure key release under its own key."""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cloud_server import Answer, Asked, Cloud, pki, private_file, serving
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_wrap,
    aes_key_wrap_with_padding,
)
from cryptography.hazmat.primitives.serialization import load_der_public_key
from key_harness import Case, Running, part

from strongroom.model.release import KeySettings

KEY, TENANT, APP = "strongroom", "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000"
SECRET, TOKEN = "made-up-client-secret", "made-up-entra-token"
HASHES: dict[str, type[HashAlgorithm]] = {
    "CKM_RSA_AES_KEY_WRAP": SHA1,
    "RSA_AES_KEY_WRAP_256": SHA256,
    "RSA_AES_KEY_WRAP_384": SHA384,
}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def oaep(kind: type[HashAlgorithm] = SHA256) -> padding.OAEP:
    return padding.OAEP(mgf=padding.MGF1(kind()), algorithm=kind(), label=None)


def error(status: int, code: str, inner: str = "") -> Answer:
    """An error of the vault."""
    more = {"innererror": {"code": inner}} if inner else {}
    return status, {"error": {"code": code, "message": "made-up words of the vault", **more}}


class Vault(Cloud):
    """One key with versions, and Entra ID."""

    def __init__(self) -> None:
        super().__init__()
        self.url = ""
        self.rsa: dict[str, rsa.RSAPrivateKey] = {}
        self.aes: dict[str, bytes] = {}
        self.tokens = {TOKEN}
        self.attributes: dict[str, object] = {}
        self.kind = "RSA-HSM"
        self.payload: dict[str, object] = {}
        self.signer = pki()
        self.made()

    def made(self) -> str:
        version = os.urandom(16).hex()
        self.rsa[version] = rsa.generate_private_key(65537, 2048)
        self.aes[version] = os.urandom(32)
        return version

    def answer(self, asked: Asked) -> Answer:
        if asked.path == f"/{TENANT}/oauth2/v2.0/token":
            return self.login(asked.form())
        if asked.path == "/metadata/identity/oauth2/token":
            fine = asked.headers.get("metadata") == "true" and asked.query["resource"] == "https://vault.azure.net"
            # The metadata service writes the number as text.
            given = {"access_token": TOKEN, "expires_in": "86399", "token_type": "Bearer"}
            return (200, given) if fine else (400, {"error": "invalid_request"})
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return error(401, "Unauthorized")
        assert asked.query == {"api-version": "7.4"}
        return self.vault(asked.path.removeprefix("/keys/").split("/"), asked)

    @staticmethod
    def login(told: dict[str, str]) -> Answer:
        fine = told.get("client_secret") == SECRET or told.get("client_assertion") == "made.up.assertion"
        if not fine or told["client_id"] != APP or told["scope"] != "https://vault.azure.net/.default":
            return 401, {"error": "invalid_client", "error_description": "AADSTS7000215: made-up words"}
        return 200, {"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN}

    def vault(self, words: list[str], asked: Asked) -> Answer:
        if words[0] != KEY:
            return error(404, "KeyNotFound")
        if words[1:] == ["rotate"]:
            self.made()
        if len(words) < 3:
            kid = f"{self.url}/keys/{KEY}/{list(self.rsa)[-1]}"
            key = {"kid": kid, "kty": self.kind, "key_ops": ["wrapKey", "unwrapKey"]}
            return 200, {"key": key, "attributes": {"enabled": True, "exportable": False, **self.attributes}}
        version, operation = words[1:]
        if version not in self.rsa:
            return error(404, "KeyNotFound")
        told = {name: str(value) for name, value in asked.json().items()}
        if operation == "release":
            return 200, {"value": self.released(version, told)}
        return self.crypt(version, operation, told["alg"], unb64(told["value"]))

    def crypt(self, version: str, operation: str, how: str, data: bytes) -> Answer:
        key, aes = self.rsa[version], self.aes[version]
        try:
            if how == "A256KW":
                made = aes_key_wrap(aes, data) if operation == "wrapkey" else aes_key_unwrap(aes, data)
            else:
                made = key.public_key().encrypt(data, oaep()) if operation == "wrapkey" else key.decrypt(data, oaep())
        except (ValueError, InvalidUnwrap):
            return error(400, "BadParameter")
        return 200, {"kid": f"{self.url}/keys/{KEY}/{version}", "value": b64(made)}

    def released(self, version: str, told: dict[str, str]) -> str:
        """The token: its payload as Microsoft's documents and samples show it; `payload` is put over it."""
        public = load_der_public_key(base64.b64decode(told["target"]))
        assert isinstance(public, rsa.RSAPublicKey)
        wrapping = os.urandom(32)
        secret = aes_key_wrap_with_padding(wrapping, b"the key that is released")
        sealed = public.encrypt(wrapping, oaep(HASHES[told["enc"]])) + secret
        head = {"kid": "TEE key", "alg": "dir", "enc": told["enc"]}
        hsm = {"schema_version": "1.0", "header": head, "ciphertext": b64(sealed)}
        kid = f"{self.url}/keys/{KEY}/{version}"
        key = {"kid": kid, "kty": "oct-HSM", "key_ops": ["encrypt"], "key_hsm": b64(json.dumps(hsm).encode())}
        request = {"api-version": "7.4", "enc": told["enc"], "kid": kid, "nonce": told["nonce"]}
        return self.signed({"request": {**request, **self.payload}, "response": {"key": {"key": key}}})

    def signed(self, payload: dict[str, object]) -> str:
        chain = [base64.b64encode(c).decode() for c in (self.signer.leaf, self.signer.root)]
        head = {"alg": "RS256", "kid": "leaf", "x5c": chain}
        text = ".".join(b64(json.dumps(part_).encode()) for part_ in (head, payload))
        return f"{text}.{b64(self.signer.key.sign(text.encode(), padding.PKCS1v15(), SHA256()))}"


@contextmanager
def served(folder: Path, seconds: float = 5.0) -> Iterator[tuple[Vault, KeySettings]]:
    """The vault, and the settings of a back end over it."""
    ca, certificate = pki().files(folder)
    vault = Vault()
    with serving(vault, certificate) as url:
        vault.url = url
        options = {
            "vault": url,
            "key": KEY,
            "ca": ca,
            "tenant": TENANT,
            "client": APP,
            "client-secret-file": private_file(folder, "client-secret", SECRET),
            "login-url": url,
        }
        yield vault, KeySettings(options, seconds)


@contextmanager
def start(folder: Path, _patch: pytest.MonkeyPatch) -> Iterator[Running]:
    """The back end over the local server; requests are counted where they arrive."""
    with served(folder) as (vault, settings):
        yield Running(part("azure"), settings, lambda: len(vault.seen))


CASE = Case("azure", start)
