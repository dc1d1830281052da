"""Sigstore bundles: one reading, or none."""

import json

import pytest
import signing_case as s
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit import dsse, sigstore_bundle
from strongroom.kit.sigstore_bundle import Bundle, CertificateChain, Keyless, PublicKey, read, written
from strongroom.model.errors import BadInput, Malformed, TooLarge

ENVELOPE = {"payload": "YQ==", "payloadType": dsse.IN_TOTO, "signatures": [{"sig": "YQ==", "keyid": ""}]}
KEY = {"publicKey": {"hint": "00"}, "tlogEntries": []}
WHOLE = {"mediaType": sigstore_bundle.MEDIA_TYPE, "verificationMaterial": KEY, "dsseEnvelope": ENVELOPE}


def octets(**changes: object) -> bytes:
    return json.dumps({n: v for n, v in {**WHOLE, **changes}.items() if v is not ...}).encode()


def test_bundle_is_read() -> None:
    """A plain bundle is what its members say."""
    found = read(octets(), "it")
    assert found == Bundle(sigstore_bundle.MEDIA_TYPE, PublicKey("00", b""), dsse.Envelope(dsse.IN_TOTO, b"a", b"a"))


@pytest.mark.parametrize("keyid", ["", None, "any", ...])
def test_bundle_takes_any_keyid(keyid: object) -> None:
    """The hint of a key in a signature may be empty, null, anything or absent, and is not used."""
    signature = {"sig": "YQ=="} if keyid is ... else {"sig": "YQ==", "keyid": keyid}
    found = read(octets(dsseEnvelope={**ENVELOPE, "signatures": [signature]}), "it")
    assert found.envelope.signature == b"a"


@pytest.mark.parametrize(
    ("material", "found"),
    [
        ({"publicKey": {"rawBytes": "YQ=="}}, PublicKey("", b"a")),
        ({"publicKey": {"hint": "x", "keyDetails": "y"}}, PublicKey("x", b"")),
        ({"x509CertificateChain": {"certificates": [{"rawBytes": "YQ=="}, {"rawBytes": "Yg=="}]}},
         CertificateChain((b"a", b"b"))),
        ({"certificate": {"rawBytes": "YQ=="}, "tlogEntries": [{}], "timestampVerificationData": {}}, Keyless(b"a", 1)),
    ],
)  # fmt: skip
def test_bundle_has_one_kind_of_material(material: object, found: object) -> None:
    """A key, a chain and a certificate of Sigstore are each read as what they are."""
    assert read(octets(verificationMaterial=material), "it").material == found


BROKEN = {
    "nothing": (b"", "end of the file"),
    "no JSON": (b"{", "complete JSON"),
    "not UTF-8": (b'{"mediaType": "\xff"}', "0xff"),
    "a list": (b"[]", "array"),
    "no envelope": (octets(dsseEnvelope=...), "dsseEnvelope"),
    "no material": (octets(verificationMaterial=...), "verificationMaterial"),
    "no media type": (octets(mediaType=...), "mediaType"),
    "another media type": (octets(mediaType="text/plain"), "text/plain"),
    "a message instead": (octets(messageSignature={}), "messageSignature"),
    "a member more": (octets(more=1), "more"),
    "a member more in the material": (octets(verificationMaterial={**KEY, "more": 1}), "more"),
    "a member more in the envelope": (octets(dsseEnvelope={**ENVELOPE, "more": 1}), "more"),
    "a key twice": (octets()[:-1] + b', "mediaType": "x"}', "mediaType twice"),
    "a key twice inside": (octets().replace(b'"hint": "00"', b'"hint": "00", "hint": "01"'), "hint twice"),
    "material of two kinds": (octets(verificationMaterial={**KEY, "certificate": {"rawBytes": "YQ=="}}), "2 kinds"),
    "material of no kind": (octets(verificationMaterial={}), "0 kinds"),
    "a key without a name": (octets(verificationMaterial={"publicKey": {}}), "neither hint"),
    "an empty chain": (octets(verificationMaterial={"x509CertificateChain": {"certificates": []}}), "0 certificates"),
    "an endless chain": (
        octets(verificationMaterial={"x509CertificateChain": {"certificates": [{"rawBytes": "YQ=="}] * 17}}),
        "17 certificates",
    ),
    "no entry of a log": (octets(verificationMaterial={"certificate": {"rawBytes": "YQ=="}}), "without entries"),
    "a certificate that is not base64": (
        octets(verificationMaterial={"x509CertificateChain": {"certificates": [{"rawBytes": "?"}]}}),
        "base64",
    ),
    "a number for a text": (octets(mediaType=3), "str"),
    "two signatures": (octets(dsseEnvelope={**ENVELOPE, "signatures": ENVELOPE["signatures"] * 2}), "2 signatures"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_bundle_that_is_none_says_why(name: str) -> None:
    """What is missing, too much, twice or of another type is named."""
    data, found = BROKEN[name]
    with pytest.raises(BadInput) as e:
        read(data, "it")
    assert found in str(e.value)


def test_bundle_of_older_media_types_wants_compat() -> None:
    """Older media types are read on request alone, and the hint says how."""
    data = octets(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.2")
    with pytest.raises(Malformed) as e:
        read(data, "it")
    assert "--compat" in e.value.hint
    assert read(data, "it", compat=True).material == PublicKey("00", b"")


def test_bundle_has_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle that is too long, nests too deeply, or has a log's worth of entries is refused before it is kept."""
    entries = {"certificate": {"rawBytes": "YQ=="}, "tlogEntries": [{}] * 33}
    for data in (octets(verificationMaterial=entries), octets(mediaType=...)[:-1] + b', "m": ' + b"[" * 9000):
        with pytest.raises(BadInput):
            read(data, "it")
    monkeypatch.setattr(sigstore_bundle, "MOST", 10)
    with pytest.raises(TooLarge):
        read(octets(), "it")


@given(st.binary(min_size=1), st.binary(min_size=1, max_size=80), st.text("0123456789abcdef", min_size=1))
def test_bundle_comes_back(payload: bytes, signature: bytes, hint: str) -> None:
    """What is written with a key is read again."""
    envelope = dsse.Envelope(dsse.IN_TOTO, payload, signature)
    found = read(written(PublicKey(hint, b""), envelope), "it")
    assert found == Bundle(sigstore_bundle.MEDIA_TYPE, PublicKey(hint, b""), envelope)


def test_bundle_with_a_chain_comes_back() -> None:
    """What is written with certificates is read again, in their order."""
    material = s.chain_material(s.LEAF, s.MIDDLE, s.ROOT)
    envelope = dsse.Envelope(dsse.IN_TOTO, b"payload", b"signature")
    assert read(written(material, envelope), "it").material == material
