"""Enveloped data for one RSA key: minted as KMS writes it, by openssl as a second opinion, and all that it must not be."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cms_minting import END, MGF1, OAEP, SHA256, Parts, enveloped, open_ended, tlv
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit import cms
from strongroom.model.errors import BadSignature, Malformed

KEY, OTHER = (rsa.generate_private_key(65537, 2048) for _ in range(2))
PUBLIC = KEY.public_key()
PLAIN = b"thirty-two octets of a data key."


@pytest.mark.parametrize("definite", [False, True])
@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("plain", [b"", b"x", PLAIN, bytes(4096)])
def test_what_was_enveloped_opens(plain: bytes, pieces: int, *, definite: bool) -> None:
    """With indefinite and definite lengths, whole and in pieces, the plaintext comes back."""
    made = enveloped(plain, PUBLIC, Parts(pieces=pieces), definite=definite)
    assert cms.open_for_recipient(made, KEY) == plain


def test_another_key_opens_nothing() -> None:
    """Data for another key is refused."""
    with pytest.raises(BadSignature):
        cms.open_for_recipient(enveloped(PLAIN, PUBLIC), OTHER)


SHA1 = tlv(0x30, bytes.fromhex("06052b0e03021a"), b"\x05\x00")
WRONG: dict[str, dict[str, Any]] = {
    "version 0": {"version": b"\x02\x01\x00"},
    "a recipient by issuer": {"recipient_version": b"\x02\x01\x00"},
    "two recipients": {"recipients": 2},
    "no recipient": {"recipients": 0},
    "signed data": {"outer": bytes.fromhex("06092a864886f70d010702")},
    "content that is enveloped": {"content_type": bytes.fromhex("06092a864886f70d010703")},
    "AES-128": {"algorithm": bytes.fromhex("0609608648016503040102")},
    "attributes": {"more": tlv(0xA1, b"")},
    "PKCS #1 v1.5": {"oaep": tlv(0x30, bytes.fromhex("06092a864886f70d010101"), b"\x05\x00")},
    "OAEP by default": {"oaep": tlv(0x30, OAEP, tlv(0x30))},
    "OAEP with SHA-1": {"oaep": tlv(0x30, OAEP, tlv(0x30, tlv(0xA0, SHA1), tlv(0xA1, tlv(0x30, MGF1, SHA1))))},
    "MGF1 with SHA-1": {"oaep": tlv(0x30, OAEP, tlv(0x30, tlv(0xA0, SHA256), tlv(0xA1, tlv(0x30, MGF1, SHA1))))},
    "a label": {
        "oaep": tlv(
            0x30,
            OAEP,
            tlv(0x30, tlv(0xA0, SHA256), tlv(0xA1, tlv(0x30, MGF1, SHA256)), tlv(0xA2, b"\x30\x00")),
        )
    },
}


@pytest.mark.parametrize("name", WRONG)
def test_what_kms_does_not_write_is_refused(name: str) -> None:
    """Other versions, recipients, types and algorithms are malformed, by which a weaker one cannot be slipped in."""
    with pytest.raises(Malformed):
        cms.open_for_recipient(enveloped(PLAIN, PUBLIC, replace(Parts(), **WRONG[name])), KEY)


@pytest.mark.parametrize("parts", [Parts(cek=bytes(32), padded=bytes(16)), Parts(padded=b"x" * 15 + b"\x11")])
def test_padding_that_is_none_is_refused(parts: Parts) -> None:
    """Content whose last octets are no padding does not open."""
    with pytest.raises(BadSignature):
        cms.open_for_recipient(enveloped(b"", PUBLIC, parts), KEY)


def nested(depth: int) -> bytes:
    made = b"\x05\x00"
    for _ in range(depth):
        made = open_ended(0x30, made)
    return made


BER: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no end": lambda: b"\x30\x80",
    "an end too many": lambda: enveloped(PLAIN, PUBLIC) + END,
    "deep": lambda: nested(14),
    "very deep": lambda: b"\x30\x80" * 30_000,
    "primitive without an end": lambda: b"\x04\x80\x00\x00",
    "long": lambda: tlv(0x30, bytes(cms.MOST)),
    "many": lambda: open_ended(0x30, b"\x05\x00" * 5000),
}


@pytest.mark.parametrize("name", BER)
def test_ber_is_read_within_bounds(name: str) -> None:
    """Data without an end, too deep, too long or in too many pieces is malformed, and never a crash."""
    with pytest.raises(Malformed):
        cms.open_for_recipient(BER[name](), KEY)


def test_definite_lengths_stay_as_they_are() -> None:
    """What has no indefinite length comes out as it went in."""
    made = enveloped(PLAIN, PUBLIC, definite=True)
    assert cms.definite(made) == made


HELD = enveloped(PLAIN, PUBLIC)


@given(at=st.integers(0, len(HELD) - 1), turned=st.integers(1, 255), cut=st.booleans())
def test_changed_data_never_crashes(at: int, turned: int, *, cut: bool) -> None:
    """Whatever octet is changed or wherever it is cut: it opens as something, or is refused by one of the two errors."""
    data = HELD[:at] if cut else HELD[:at] + bytes([HELD[at] ^ turned]) + HELD[at + 1 :]
    try:
        cms.open_for_recipient(data, KEY)
    except (Malformed, BadSignature):
        return
    assert not cut


@pytest.fixture
def openssl(tmp_path: Path) -> Callable[..., bytes]:
    """The program, with this test's key and a certificate of it; or a skip."""
    program = shutil.which("openssl")
    if not program:
        pytest.skip("the program openssl is missing")
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)

    def run(*words: str, data: bytes = b"") -> bytes:
        return subprocess.run((program, *words), input=data, capture_output=True, check=True, cwd=tmp_path).stdout

    made = run("req", "-x509", "-new", "-key", "key.pem", "-subj", "/CN=enclave", "-days", "2")
    (tmp_path / "cert.pem").write_bytes(made)
    return run


OPTIONS = ("rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256")


@pytest.mark.parametrize("stream", [(), ("-stream",)])
def test_what_openssl_wrote_opens(openssl: Callable[..., bytes], stream: tuple[str, ...]) -> None:
    """A second program's enveloped data opens here, with definite and with indefinite lengths."""
    options = tuple(word for option in OPTIONS for word in ("-keyopt", option))
    made = openssl(
        "cms", "-encrypt", "-binary", "-outform", "DER", "-aes-256-cbc", "-keyid", *stream,
        "-recip", "cert.pem", *options, data=PLAIN,
    )  # fmt: skip
    assert (made[1] == 0x80) == bool(stream)
    assert cms.open_for_recipient(made, KEY) == PLAIN


def test_openssl_opens_what_was_minted(openssl: Callable[..., bytes]) -> None:
    """What the tests mint as KMS's answer is read by a second program too."""
    for definite in (False, True):
        made = enveloped(PLAIN, PUBLIC, Parts(pieces=2), definite=definite)
        found = openssl("cms", "-decrypt", "-inform", "DER", "-inkey", "key.pem", data=made)
        assert found == PLAIN


def test_openssl_with_sha1_is_refused(openssl: Callable[..., bytes]) -> None:
    """OAEP with the hash that a second program takes by default is not what KMS was asked for."""
    made = openssl(
        "cms", "-encrypt", "-binary", "-outform", "DER", "-aes-256-cbc", "-keyid", "-recip", "cert.pem",
        "-keyopt", "rsa_padding_mode:oaep", data=PLAIN,
    )  # fmt: skip
    with pytest.raises(Malformed, match="OAEP with SHA-1"):
        cms.open_for_recipient(made, KEY)
