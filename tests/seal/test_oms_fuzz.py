"""Hostile input against the readers of bundles and statements: bad input, or reasons, and never a fault."""

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
import signing_case as s
from fuzz_targets import Target
from fuzzing import run

from strongroom.kit import oms_reading, pkcs11_uri, signing_certificate, sigstore_bundle
from strongroom.kit.oms import Piece, Serialization, pieces, statement
from strongroom.kit.sigstore_bundle import Bundle, CertificateChain, Keyless, PublicKey
from strongroom.kit.x509.certificate import parse
from strongroom.model.errors import BadUsage, Malformed

COUNT = 100_000 if os.getenv("STRONGROOM_FUZZ") else 400
NOW = datetime(2026, 3, 1, tzinfo=UTC)
DIGEST = "ab" * 32


def payloads() -> Sequence[bytes]:
    parts = pieces("a:b/c", 25, 10)
    legacy = {"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://model_signing/Digests/v0.1",
              "subject": [{"name": "a", "digest": {"sha256": DIGEST}}], "predicate": {}}  # fmt: skip
    return (
        statement("model", Serialization(ignore_paths=(".git", "x/y")), {Piece("a"): DIGEST, Piece("b/c"): DIGEST}),
        statement("model", Serialization("shards", "sha256", 10), dict.fromkeys(parts, DIGEST)),
        json.dumps(legacy).encode(),
    )


def bundles() -> Sequence[bytes]:
    made = [s.bundled(p, s.key()) for p in payloads()]
    chained = sigstore_bundle.written(s.chain_material(s.LEAF, s.MIDDLE), s.envelope(b"x", s.key()))
    keyless = json.loads(made[0])
    keyless["verificationMaterial"] = {"certificate": {"rawBytes": "YQ=="}, "tlogEntries": [{}]}
    return (*made, chained, json.dumps(keyless).encode())


def check_read(found: object) -> None:
    """What was read without a reason keeps the rules that a verifier relies on."""
    assert isinstance(found, oms_reading.Read)
    if found.reasons:
        return
    assert found.statement is not None
    for piece, digest in found.statement.digests.items():
        assert not piece.path.startswith("/")
        assert not {"", ".", ".."} & set(piece.path.split("/"))
        assert bytes.fromhex(digest)
    assert not {"", ".", "/", ".."} & set(found.statement.how.ignore_paths)


def check_bundle(found: object) -> None:
    assert isinstance(found, Bundle)
    assert found.envelope.payload
    assert found.envelope.signature
    if isinstance(found.material, PublicKey | CertificateChain):
        again = sigstore_bundle.read(sigstore_bundle.written(found.material, found.envelope), "it")
        assert again.envelope == found.envelope
    else:
        assert isinstance(found.material, Keyless)


def judged(data: bytes) -> object:
    """A chain whose first or second certificate is hostile: a signer only where it is the sound one."""
    sound = s.der(s.LEAF)
    for chain in ((data, s.der(s.MIDDLE)), (sound, data, s.der(s.MIDDLE))):
        found = signing_certificate.judge(chain, (parse(s.der(s.ROOT)),), NOW, "it", identity="signer")
        assert found.reasons or found.certificate == parse(sound)
    return data


def uri(data: bytes) -> object:
    try:
        return pkcs11_uri.parse(data.decode("utf-8", "replace"))
    except BadUsage as e:
        raise Malformed(e.subject, e.found, e.wanted) from None


TARGETS = {
    t.name: t
    for t in (
        Target("oms bundle", bundles, lambda d: sigstore_bundle.read(d, "it", compat=True), check_bundle),
        Target("oms statement", payloads, lambda d: oms_reading.read(d, "it"), check_read),
        Target("oms old statement", payloads, lambda d: oms_reading.read(d, "it", single="a", compat=True), check_read),
        Target("signer's certificate", lambda: [s.der(d) for d in (s.LEAF, s.MIDDLE, s.Draft())], judged),
        Target("pkcs11 uri", lambda: [b"pkcs11:token=a%20b;object=k;id=%01?module-path=/x.so&pin-source=/p"], uri),
    )
}


@pytest.mark.parametrize("name", TARGETS)
def test_fuzz_oms_readers(name: str) -> None:
    """No input escapes a reader as anything but bad input or reasons, and what passes keeps the rules."""
    tally = run(TARGETS[name], COUNT)
    assert tally.escapes == []
    assert tally.refused + tally.judged == COUNT
    assert tally.judged
