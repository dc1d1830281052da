"""Certificates, chains, lists and PEM: what is read, and what no vendor would send."""

from dataclasses import replace
from datetime import timedelta

import minted_x509 as x
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.x509 import certificate, crl, pem, signing
from strongroom.kit.x509.certificate import parse
from strongroom.kit.x509.chains import verify_chain, verify_issued
from strongroom.model.errors import BadInput, BadSignature, Malformed

ROOT = x.Subject("root", x.ec_key(401), x.authority(), serial=1)
MIDDLE = x.Subject("middle", x.ec_key(402), x.authority(0), serial=2)
LEAF = x.Subject("leaf", x.ec_key(403))
CHAIN = (x.certificate(LEAF, MIDDLE), x.certificate(MIDDLE, ROOT), x.certificate(ROOT, ROOT))


def chain(*ders: bytes) -> tuple[certificate.Certificate, ...]:
    """The certificates of DER octets."""
    return tuple(map(parse, ders))


def test_a_certificate_is_read() -> None:
    """Its fields are there; the serial number 0 of AMD's is one like any other."""
    leaf, middle, _ = chain(*CHAIN)
    assert (leaf.serial, leaf.common_name, leaf.issuer_name, leaf.is_authority) == (0, "leaf", "middle", False)
    assert (middle.is_authority, middle.path_length, middle.usages) == (True, 0, {5, 6})
    assert leaf.valid_at(LEAF.begins)
    assert leaf.valid_at(LEAF.ends)
    assert not leaf.valid_at(LEAF.ends + timedelta(seconds=1))
    assert leaf.key == x.spki(LEAF.key)


@pytest.mark.parametrize("key", [x.ec_key(411), x.ec_key(412, ec.SECP256R1), x.rsa_key(413)], ids=["384", "256", "pss"])
def test_a_chain_of_each_algorithm_verifies(key: x.Key) -> None:
    """ECDSA on both curves and RSA-PSS chains verify from leaf to root."""
    root = replace(ROOT, key=key)
    made = chain(x.certificate(LEAF, MIDDLE), x.certificate(MIDDLE, root), x.certificate(root, root))
    assert verify_chain(made) == made


@pytest.mark.parametrize(
    "made",
    [
        (CHAIN[0], CHAIN[2]),
        (CHAIN[1], CHAIN[0]),
        (CHAIN[0], CHAIN[1]),
        (x.certificate(LEAF, MIDDLE, signer=x.ec_key(9)), *CHAIN[1:]),
        (*CHAIN[:2], x.certificate(ROOT, ROOT, signer=x.ec_key(9))),
        (x.certificate(LEAF, LEAF), CHAIN[0], *CHAIN[1:]),
        (CHAIN[0], x.certificate(replace(MIDDLE, extensions=()), ROOT), CHAIN[2]),
        (CHAIN[0], CHAIN[1], x.certificate(replace(ROOT, extensions=x.authority(0)), ROOT)),
        (CHAIN[0], x.certificate(replace(MIDDLE, key=x.ec_key(8)), ROOT), CHAIN[2]),
        (CHAIN[0], x.certificate(MIDDLE, ROOT, issuer_name="somebody"), CHAIN[2]),
        (CHAIN[0], x.certificate(replace(MIDDLE, key=x.rsa_key(7)), ROOT), CHAIN[2]),
    ],
)
def test_a_chain_that_does_not_hold_is_refused(made: tuple[bytes, ...]) -> None:
    """A missing link, another signer, a leaf that signs, a path too long, another name or kind of key: none verifies."""
    held = chain(*made)
    with pytest.raises((BadSignature, Malformed)):
        verify_chain(held)
    with pytest.raises(BadInput):  # and not by being asked twice
        verify_chain(held)


def test_no_chain_is_no_chain() -> None:
    """Nothing to verify is not verified."""
    with pytest.raises(Malformed):
        verify_chain(())


def test_a_critical_extension_that_nobody_knows_is_refused() -> None:
    """What must be understood and is not ends the chain; where it need not be, it does not."""
    for critical, refused in ((True, True), (False, False)):
        strange = x.extension("1.2.3.4", b"\x05\0", critical=critical)
        made = parse(x.certificate(replace(LEAF, extensions=(strange,)), MIDDLE))
        if refused:
            with pytest.raises(Malformed, match=r"1\.2\.3\.4"):
                verify_issued(made, parse(CHAIN[1]))
        else:
            assert verify_issued(made, parse(CHAIN[1])) == made


BROKEN = {
    "nothing": b"",
    "cut": CHAIN[0][:-1],
    "extended": CHAIN[0] + b"\0",
    "two common names": x.certificate(replace(LEAF, common="a"), MIDDLE).replace(
        b"\x06\x03\x55\x04\x0a", b"\x06\x03\x55\x04\x03"
    ),
    "an extension twice": x.certificate(replace(LEAF, extensions=(*x.authority(), x.authority()[0])), MIDDLE),
    "a number of a thousand digits": x.certificate(replace(LEAF, serial=10**1000), MIDDLE),
    "too long": x.certificate(replace(LEAF, extensions=(x.extension("1.2.3", bytes(1 << 16)),)), MIDDLE),
    "two algorithms": CHAIN[0].replace(x.ECDSA_SHA384, x.ECDSA_SHA256, 1),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_certificate_is_malformed(name: str) -> None:
    """Each is refused when it is read, and is None for who picks among many."""
    with pytest.raises(Malformed):
        parse(BROKEN[name])
    assert certificate.readable(BROKEN[name]) is None


LIST = x.revocations(ROOT, x.Listing(serials=(5, 0, 7)))


def test_a_list_is_read() -> None:
    """It names what is revoked and when, is signed by its issuer, and speaks of its time only."""
    held = crl.parse(LIST)
    root = parse(CHAIN[2])
    assert set(held.revoked) == {0, 5, 7}
    assert crl.verify_list(held, root) == held
    assert crl.trouble(held, x.NOW) == ""
    assert "ended" in crl.trouble(held, x.NOW + timedelta(days=31))
    assert "begins" in crl.trouble(held, x.NOW - timedelta(days=2))
    assert "no next update" in crl.trouble(crl.parse(x.revocations(ROOT, x.Listing(ends=None))), x.NOW)


def test_a_list_of_somebody_else_is_refused() -> None:
    """Another issuer, another key, or one that may not sign lists does not count."""
    root = parse(CHAIN[2])
    unable = parse(x.certificate(replace(ROOT, extensions=(x.authority()[0], _usage(b"\x02\x04"))), ROOT))
    cases = [
        (x.revocations(MIDDLE), root),
        (x.revocations(ROOT, signer=x.ec_key(9)), root),
        (LIST, unable),
    ]
    for octets, issuer in cases:
        with pytest.raises(BadSignature):
            crl.verify_list(crl.parse(octets), issuer)


def _usage(bits: bytes) -> bytes:
    return x.extension("2.5.29.15", x.tlv(3, bits), critical=True)


@pytest.mark.parametrize("oid", ["2.5.29.27", "2.5.29.28"])
def test_a_part_of_a_list_is_malformed(oid: str) -> None:
    """A delta, or a list of only some certificates, shows nothing about those that it leaves out."""
    part = x.revocations(ROOT, x.Listing(extensions=(x.extension(oid, x.integer(1), critical=True),)))
    with pytest.raises(Malformed, match="part"):
        crl.parse(part)


def test_a_list_that_says_more_than_is_understood_is_malformed() -> None:
    """A critical extension may change whom a list or an entry is about; one that is not critical may not."""
    for critical in (True, False):
        number = x.extension("2.5.29.20", x.integer(3), critical=critical)
        octets = x.revocations(ROOT, x.Listing(extensions=(number,)))
        if critical:
            with pytest.raises(Malformed, match="critical"):
                crl.parse(octets)
        else:
            assert crl.parse(octets)


def test_a_list_that_is_none_is_malformed() -> None:
    """Cut, extended and oversized lists are refused."""
    for octets in (b"", LIST[:-1], LIST + b"\0", CHAIN[0], bytes(crl.MOST + 1)):
        with pytest.raises(Malformed):
            crl.parse(octets)


@given(
    st.lists(st.tuples(st.sampled_from(["CERTIFICATE", "X509 CRL"]), st.binary(min_size=1, max_size=200)), max_size=4)
)
def test_blocks_come_back(held: list[tuple[str, bytes]]) -> None:
    """Every block of a text is found, in order, whatever stands between."""
    text = b"some words\n".join(x.pem(data, label) for label, data in held)
    assert [(b.label, b.data) for b in pem.blocks(text)] == held


@pytest.mark.parametrize(
    "text",
    [
        b"-----BEGIN A-----\nAAAA\n",
        b"-----BEGIN A-----\nAAAA\n-----END B-----\n",
        b"-----BEGIN A-----\nAA!A\n-----END A-----\n",
        b"-----BEGIN A-----\nAAA\n-----END A-----\n",
        b"-----BEGIN A-----AAAA-----END A-----\n",
        b"-----BEGIN A-----" + b"\n" * 200_000 + b"!",
        b"-----BEGIN A-----\n" * 20_000,
    ],
    ids=["open", "other", "sign", "short", "line", "blanks", "many"],
)
def test_a_broken_block_is_malformed(text: bytes) -> None:
    """A block that does not end, or is no base64, is refused, however long it is."""
    with pytest.raises(Malformed):
        pem.blocks(text)


def test_pss_with_other_parameters_is_refused() -> None:
    """The hash of the mask and the salt must be those of the signature; defaults mean SHA-1."""
    made = x.certificate(replace(ROOT, key=x.rsa_key(413)), replace(ROOT, key=x.rsa_key(413)))
    salt = x.tlv(0xA2, x.integer(48))
    assert parse(made).algorithm is signing.Algorithm.PSS_SHA384
    for octets in (
        made.replace(salt, x.tlv(0xA2, x.integer(32))),
        made.replace(x.oid("2.16.840.1.101.3.4.2.2"), x.oid("2.16.840.1.101.3.4.2.1"), 1),
        made.replace(x.oid("1.2.840.113549.1.1.8"), x.oid("1.2.840.113549.1.1.9")),
        made.replace(salt, x.tlv(0xA3, x.integer(48))),
    ):
        with pytest.raises(Malformed):
            parse(octets)
