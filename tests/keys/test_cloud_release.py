"""Keys that a cloud itself releases to a TEE: KMS's answer to an enclave, and Azure's secure key release."""

import base64
from collections.abc import Iterator
from pathlib import Path

import aws_case
import azure_case
import msgspec
import pytest
from cloud_server import pki
from cms_minting import enveloped
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from key_harness import CANARY, OWNERS, RESOURCE, log_in, part

from strongroom.keys.aws_kms import encryption_context, open_in_enclave
from strongroom.keys.azure import release
from strongroom.model.errors import BadInput, BadSignature, KeyUnavailable, Malformed
from strongroom.model.release import KeySettings, Secret, Wrapped, bound_to

ENCLAVE, OTHER = (rsa.generate_private_key(65537, 2048) for _ in range(2))


def public(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


Kept = tuple[aws_case.Kms, KeySettings, Wrapped]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """A resource under a key of KMS."""
    with aws_case.served(tmp_path) as (kms, settings), log_in(tmp_path) as (_, gate):
        keys = part("aws_kms").open(settings, gate)
        yield kms, settings, keys.wrap(Secret(CANARY), RESOURCE, 1, OWNERS)
        keys.close()


def test_an_enclave_opens_what_kms_releases_to_it(kept: Kept) -> None:
    """The data key comes as CMS for the key in the attestation document, and opens the resource."""
    kms, settings, wrapped = kept
    found = open_in_enclave(settings, wrapped, aws_case.DOCUMENT + public(ENCLAVE), ENCLAVE)
    assert found.reveal() == CANARY
    told = kms.seen[-1].json()
    assert told["EncryptionContext"] == encryption_context(wrapped.context())


def test_what_is_released_to_another_enclave_does_not_open(kept: Kept) -> None:
    """An answer for the key of another document is refused."""
    _, settings, wrapped = kept
    with pytest.raises(BadSignature):
        open_in_enclave(settings, wrapped, aws_case.DOCUMENT + public(OTHER), ENCLAVE)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ({"Plaintext": "AAAA"}, KeyUnavailable, "nothing in clear"),
        ({"Plaintext": "AAAA", "CiphertextForRecipient": "AAAA"}, KeyUnavailable, "nothing in clear"),
        ({}, KeyUnavailable, "no ciphertext"),
        ({"CiphertextForRecipient": "AAAA"}, Malformed, "DER|CMS"),
        (
            {"CiphertextForRecipient": base64.b64encode(enveloped(bytes(31), ENCLAVE.public_key())).decode()},
            KeyUnavailable,
            "no data key",
        ),
        (
            {"CiphertextForRecipient": base64.b64encode(enveloped(bytes(32), ENCLAVE.public_key())).decode()},
            Malformed,
            "were changed",
        ),
    ],
)
def test_a_strange_answer_to_an_enclave_opens_nothing(
    kept: Kept, answer: dict[str, object], error: type[Exception], words: str
) -> None:
    """A plaintext where a ciphertext belongs, none, another form, and another data key are each refused."""
    kms, settings, wrapped = kept
    kms.fault = lambda _: (200, {"KeyId": aws_case.KEY, **answer})
    with pytest.raises(error, match=words):
        open_in_enclave(settings, wrapped, aws_case.DOCUMENT + public(ENCLAVE), ENCLAVE)


def test_an_enclave_opens_the_resource_of_that_name_only(kept: Kept) -> None:
    """Another version, other owners and another key are refused, as everywhere."""
    _, settings, wrapped = kept
    document = aws_case.DOCUMENT + public(ENCLAVE)
    for change in ({"version": 2}, {"owners": ()}):
        with pytest.raises(Malformed):
            open_in_enclave(settings, msgspec.structs.replace(wrapped, **change), document, ENCLAVE)
    with pytest.raises(KeyUnavailable, match="no key"):
        open_in_enclave(settings, msgspec.structs.replace(wrapped, key="other"), document, ENCLAVE)


def test_the_encryption_context_is_of_everything_that_is_bound() -> None:
    """Another name, version or set of owners makes another context; the order of owners does not."""
    made = [
        encryption_context(bound_to(*of))
        for of in ((RESOURCE, 1, OWNERS), (RESOURCE, 2, OWNERS), (RESOURCE, 1, ()), ("a/b/c", 1, OWNERS))
    ]
    assert len({tuple(sorted(m.items())) for m in made}) == 4
    assert encryption_context(bound_to(RESOURCE, 1, OWNERS[::-1])) == made[0]
    assert made[0]["strongroom:resource"] == RESOURCE


# Azure

Vaulted = tuple[azure_case.Vault, KeySettings, str]


@pytest.fixture
def vaulted(tmp_path: Path) -> Iterator[Vaulted]:
    """A vault with a key that can be released."""
    with azure_case.served(tmp_path) as (vault, settings):
        yield vault, settings, next(iter(vault.rsa))


def released(held: Vaulted, how: str = "RSA_AES_KEY_WRAP_256", key: rsa.RSAPrivateKey = ENCLAVE) -> bytes:
    _, settings, version = held
    target = base64.b64encode(public(ENCLAVE))
    return release(settings, version, target, key, [pki().root], how).reveal()


@pytest.mark.parametrize("how", sorted(azure_case.HASHES))
def test_a_vault_releases_a_key_to_a_tee(vaulted: Vaulted, how: str) -> None:
    """By each algorithm that is documented, the key that the vault signs for comes out with the key of the TEE."""
    assert released(vaulted, how) == b"the key that is released"
    told = vaulted[0].seen[-1].json()
    assert told["enc"] == how
    assert len(str(told["nonce"])) == 43


def test_a_key_for_another_tee_does_not_open(vaulted: Vaulted) -> None:
    """What is wrapped to another key is refused."""
    with pytest.raises(BadSignature, match="do not open"):
        released(vaulted, key=OTHER)


@pytest.mark.parametrize(
    "change", [{"nonce": "old"}, {"kid": "https://other/keys/k/1"}, {"enc": "CKM_RSA_AES_KEY_WRAP"}]
)
def test_the_answer_to_another_request_is_refused(vaulted: Vaulted, change: dict[str, object]) -> None:
    """A release that repeats another nonce, key or algorithm is a replay, however well it is signed."""
    vaulted[0].payload = change
    with pytest.raises(BadSignature, match="another request"):
        released(vaulted)


@pytest.mark.parametrize(("name", "host"), [("strangers", "localhost"), ("tests", "other.example")])
def test_a_release_that_another_has_signed_is_refused(vaulted: Vaulted, name: str, host: str) -> None:
    """The chain must lead to a root that is given, and be that of the vault's own host."""
    vaulted[0].signer = pki(name, host)
    with pytest.raises(BadSignature, match="certificates of another"):
        released(vaulted)


def test_a_changed_release_is_refused(vaulted: Vaulted) -> None:
    """A token whose payload is not what was signed opens nothing."""
    vault, settings, version = vaulted
    told = {"target": base64.b64encode(public(ENCLAVE)).decode(), "enc": "RSA_AES_KEY_WRAP_256", "nonce": "n"}
    head, payload, signature = vault.released(version, told).split(".")
    for token in (f"{head}.{payload}.{signature[:-4]}AAAA", f"{head}.{payload[:-4]}AAAA.{signature}", "a.b", ""):
        vault.fault = lambda asked, token=token: (200, {"value": token}) if asked.path.endswith("/release") else None  # type: ignore[misc]
        with pytest.raises((BadSignature, Malformed)):
            release(settings, version, told["target"].encode(), ENCLAVE, [pki().root])


def test_a_vault_that_refuses_releases_nothing(vaulted: Vaulted) -> None:
    """A policy that does not hold, and a version or an algorithm that cannot be, are refused in words."""
    vault, settings, version = vaulted
    vault.fault = lambda asked: azure_case.error(403, "AccessDenied") if asked.path.endswith("/release") else None
    with pytest.raises(KeyUnavailable, match="access denied"):
        released(vaulted)
    for version_, how in (("../x", "RSA_AES_KEY_WRAP_256"), (version, "RSA1_5")):
        with pytest.raises(BadInput):
            release(settings, version_, b"", ENCLAVE, [pki().root], how)
    vault.fault = lambda _: None
    with pytest.raises(BadSignature, match="no root"):
        release(settings, version, base64.b64encode(public(ENCLAVE)), ENCLAVE, [])
