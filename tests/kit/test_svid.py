"""X.509-SVIDs: names, requests, authorities and what a peer's certificate must be."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st

from release import authority_minting as a
from strongroom.kit import svid
from strongroom.model.errors import BadInput, BadSignature, Malformed
from strongroom.model.release import Issue

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LAB = a.Authority(NOW)
RANK = "spiffe://lab.example/aggregation/rank"
KEY = ec.derive_private_key(51, ec.SECP256R1())
NAMES: dict[str, str] = {
    "no scheme": "lab.example/rank",
    "another scheme": "https://lab.example/rank",
    "no domain": "spiffe:///rank",
    "no path": "spiffe://lab.example",
    "an empty path": "spiffe://lab.example/",
    "an empty segment": "spiffe://lab.example/a//b",
    "a slash at the end": "spiffe://lab.example/a/",
    "a dot": "spiffe://lab.example/./a",
    "two dots": "spiffe://lab.example/../a",
    "an escape": "spiffe://lab.example/%61",
    "a query": "spiffe://lab.example/a?b",
    "a fragment": "spiffe://lab.example/a#b",
    "a port": "spiffe://lab.example:443/a",
    "a user": "spiffe://eve@lab.example/a",
    "a domain in upper case": "spiffe://Lab.example/a",
    "a wildcard": "spiffe://lab.example/*",
    "a line break": "spiffe://lab.example/a\n",
    "a letter beyond ASCII": "spiffe://lab.example/\u00e4",
    "too long": f"spiffe://lab.example/{'a' * 2048}",
}


@pytest.mark.parametrize("text", NAMES.values(), ids=NAMES)
def test_what_is_no_spiffe_id_is_refused(text: str) -> None:
    """A name that two readers could take for two workloads is none (SPIFFE-ID, section 2)."""
    with pytest.raises(Malformed):
        svid.spiffe_id(text)


@pytest.mark.parametrize("text", [RANK, "spiffe://a/b", "spiffe://lab_1.example/A-z_0.9/..."])
def test_a_spiffe_id_is_taken(text: str) -> None:
    """Names by the specification are taken as they are."""
    assert svid.spiffe_id(text) == text


KEYS = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}


@pytest.mark.parametrize(
    "key", [*(ec.generate_private_key(c) for c in KEYS.values()), rsa.generate_private_key(65537, 2048)]
)
@pytest.mark.parametrize("pem", [False, True], ids=["DER", "PEM"])
def test_a_request_is_its_key(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, pem: bool) -> None:
    """A request in either form is taken for its key; its digest is that of the DER, however it came."""
    der = a.request(key)
    body = x509.load_der_x509_csr(der).public_bytes(Encoding.PEM) if pem else der
    found = svid.request(body)
    assert found.spki == key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert found.digest == svid.request(der).digest


@settings(max_examples=100)
@example(at=a.request(KEY).index(b"\x02\x01\x00") + 2, bit=0)  # a version that there is not
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_request_that_was_changed_is_no_proof(at: int, bit: int) -> None:
    """Any bit of a request: its key has not signed that."""
    body = bytearray(REQUEST)
    body[at % len(body)] ^= 1 << bit
    with pytest.raises(BadInput):
        svid.request(bytes(body))


REQUEST = a.request(KEY)


@settings(max_examples=100)
@given(st.binary(max_size=300))
def test_octets_of_anybody_do_no_harm(body: bytes) -> None:
    """Whatever comes is refused as what it is, to the broker and to a peer."""
    with pytest.raises(BadInput):
        svid.request(body)
    with pytest.raises(Malformed):
        svid.workload_of(body)


@pytest.mark.parametrize(
    "key", [ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256K1())], ids=["Ed25519", "secp256k1"]
)
def test_a_key_that_nobody_attests_is_refused(key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> None:
    """A key of a kind that no evidence vouches for gets no certificate."""
    with pytest.raises(Malformed, match="another kind"):
        svid.request(a.request(key))


@pytest.mark.parametrize(
    "key",
    [
        *(ec.generate_private_key(c) for c in KEYS.values()),
        rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=[*KEYS, "RSA", "Ed25519"],
)
def test_authorities_of_any_key_sign(key: svid.SigningKey) -> None:
    """What they sign is verified up to them."""
    lab = LAB.but(key=key)
    chain = lab.issue(KEY, Issue(RANK))
    svid.verified(chain, [lab.certificate], NOW)


def test_a_chain_leads_to_its_root_and_to_no_other() -> None:
    """One authority below another is followed; another root, or a time outside of its own, is not."""
    below = a.Authority(NOW, name="below", above=LAB)
    chain = below.issue(KEY, Issue(RANK))
    assert len(chain) == 2
    svid.verified(chain, [LAB.certificate], NOW)
    with pytest.raises(BadSignature):
        svid.verified(chain, [a.Authority(NOW).certificate], NOW)
    with pytest.raises(BadSignature):
        svid.verified(chain, [], NOW)
    with pytest.raises(BadSignature):
        svid.verified(chain, [LAB.certificate], NOW + timedelta(hours=2))
    with pytest.raises(BadInput):
        svid.verified(chain[:1], [LAB.certificate], NOW)


def test_a_workload_is_no_authority() -> None:
    """A certificate of a workload that was put where an authority belongs leads nowhere, and is no root of itself."""
    [leaf] = LAB.issue(KEY, Issue(RANK))
    other = x509.CertificateBuilder(issuer_name=leaf.subject, subject_name=a.named("x"), public_key=KEY.public_key())
    other = other.serial_number(1).not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=1))
    signed = other.sign(KEY, svid.hashes.SHA256())
    with pytest.raises(BadInput):
        svid.verified((signed, leaf), [LAB.certificate], NOW)
    with pytest.raises(BadInput):
        svid.verified((leaf,), [leaf], NOW)


def test_the_end_is_the_first_of_all() -> None:
    """An authority that ends before the rule's minutes and the appraisal ends the certificate."""
    lab = LAB.but(days=0.01)
    [leaf] = lab.issue(KEY, Issue(RANK, minutes=600.0), ends=NOW + timedelta(days=2))
    assert leaf.not_valid_after_utc == lab.certificate.not_valid_after_utc
    with pytest.raises(Malformed, match="to come"):
        LAB.issue(KEY, Issue(RANK), ends=NOW)


def test_a_serial_number_needs_chance() -> None:
    """Fewer octets of chance are refused; any give a positive number of 20 octets at most (RFC 5280, section 4.1.2.2)."""
    with pytest.raises(Malformed):
        LAB.issue(KEY, Issue(RANK), chance=b"")
    for octets in (bytes(20), b"\xff" * 20, os.urandom(20)):
        [leaf] = LAB.issue(KEY, Issue(RANK), chance=octets)
        assert 0 < leaf.serial_number < 1 << 159


def peer(*extensions: tuple[x509.ExtensionType, bool]) -> bytes:
    """A certificate of somebody, with these extensions."""
    made = x509.CertificateBuilder(issuer_name=a.named("x"), subject_name=a.named("x"), public_key=KEY.public_key())
    made = made.serial_number(1).not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=1))
    for value, critical in extensions:
        made = made.add_extension(value, critical)
    return made.sign(KEY, svid.hashes.SHA256()).public_bytes(Encoding.DER)


def uris(*texts: str) -> tuple[x509.ExtensionType, bool]:
    """Names that are URIs."""
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(t) for t in texts]), False


SIGNS, LEAF = (a.usage(signs=True), True), (a.usage(signs=False), True)
NOBODY: dict[str, Callable[[], bytes]] = {
    "no name": lambda: peer(LEAF),
    "a host's name": lambda: peer(LEAF, (x509.SubjectAlternativeName([x509.DNSName("rank")]), False)),
    "two SPIFFE IDs": lambda: peer(LEAF, uris(RANK, "spiffe://lab.example/admin")),
    "another URI": lambda: peer(LEAF, uris("https://lab.example/rank")),
    "another URI beside it": lambda: peer(LEAF, uris(RANK, "https://lab.example/")),
    "a trust domain": lambda: peer(LEAF, uris("spiffe://lab.example")),
    "no key usage": lambda: peer(uris(RANK)),
    "one that signs certificates": lambda: peer(SIGNS, uris(RANK)),
    "an authority": lambda: peer(LEAF, uris(RANK), (x509.BasicConstraints(True, None), True)),
}


@pytest.mark.parametrize("make", NOBODY.values(), ids=NOBODY)
def test_a_certificate_that_names_no_workload_is_nobodys(make: Callable[[], bytes]) -> None:
    """A peer is a workload by exactly one SPIFFE ID, in a certificate that signs no others (X509-SVID, sections 2 and 4)."""
    with pytest.raises(Malformed):
        svid.workload_of(make())


def test_a_workload_is_known_by_its_name() -> None:
    """Hosts' names beside it change nothing."""
    [leaf] = LAB.issue(KEY, Issue(RANK, dns=("rank.lab.example",)))
    assert svid.workload_of(leaf.public_bytes(Encoding.DER)) == RANK
