"""Enrolments minted under a test's own makers of TPMs: one that is sound, and one forged in each single thing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import minted_x509 as x
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from strongroom.attest.enrolment import CERTIFIED, FIRST_USE, STEPS, Enrolling, EnrolmentVerdict, appraise_enrolment
from strongroom.attest.steps import passed
from strongroom.kit import ek_certificate
from strongroom.kit.x509 import pem
from strongroom.kit.x509.certificate import parse
from strongroom.model.attest import StepVerdict
from strongroom.model.errors import Malformed

ECC_KEY, OTHER_KEY, AK = (x.ec_key(n, ec.SECP256R1) for n in (900, 901, 902))
ROOT = x.Subject("Maker Root", x.ec_key(903), x.authority())
STRANGE = x.Subject("Strange Root", x.ec_key(904), x.authority())
MIDDLE = x.Subject("Maker TPMs", x.ec_key(905), x.authority(0))
EK_BITS = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 16 | 1 << 17
AK_BITS = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 16 | 1 << 18
SIGN, DECRYPT, RESTRICTED = 1 << 18, 1 << 17, 1 << 16
SECRET = bytes(range(32))


def sized(data: bytes) -> bytes:
    """A TPM2B."""
    return len(data).to_bytes(2, "big") + data


def area(key: x.Key, bits: int, symmetric: bytes = bytes.fromhex("000600800043"), scheme: str = "0010") -> bytes:
    """A public area, in its TPM2B as tools write it."""
    head = b"\x00\x0b" + bits.to_bytes(4, "big") + sized(bytes(32)) + symmetric + bytes.fromhex(scheme)
    if isinstance(key, rsa.RSAPrivateKey):
        modulus = key.public_key().public_numbers().n.to_bytes(256, "big")
        return sized(b"\x00\x01" + head + (2048).to_bytes(2, "big") + bytes(4) + sized(modulus))
    numbers = key.public_key().public_numbers()
    point = sized(numbers.x.to_bytes(32, "big")) + sized(numbers.y.to_bytes(32, "big"))
    return sized(b"\x00\x23" + head + bytes.fromhex("00030010") + point)


def ak(bits: int = AK_BITS) -> bytes:
    """The attestation key's public area: ECDSA with SHA-256."""
    return area(AK, bits, b"\x00\x10", "0018000b")


def named(maker: str = "id:00001014", model: str = "made up", version: str = "id:1", *, critical: bool = True) -> bytes:
    """The alternative name, with an attribute for each that is not empty, all in one set."""
    told = ((ek_certificate.MANUFACTURER, maker), (ek_certificate.MODEL, model), (ek_certificate.VERSION, version))
    pairs = [x.tlv(0x30, x.oid(o), x.tlv(0x0C, v.encode())) for o, v in told if v]
    return x.extension("2.5.29.17", x.tlv(0x30, x.tlv(0xA4, x.tlv(0x30, x.tlv(0x31, *pairs)))), critical=critical)


PURPOSE = x.extension("2.5.29.37", x.tlv(0x30, x.oid(ek_certificate.EK_CERTIFICATE)))
LEAF = x.extension("2.5.29.19", x.tlv(0x30), critical=True)
AGREES = x.extension("2.5.29.15", x.tlv(0x03, b"\x03\x08"), critical=True)
ENCIPHERS = x.extension("2.5.29.15", x.tlv(0x03, b"\x05\x20"), critical=True)
SOUND = x.Subject("", ECC_KEY, (PURPOSE, named(), LEAF, AGREES))


def issued(subject: x.Subject = SOUND, issuer: x.Subject = MIDDLE, signer: x.Key | None = None) -> tuple[bytes, ...]:
    """The certificate with its authorities."""
    return (x.certificate(subject, issuer, signer), x.certificate(MIDDLE, ROOT), x.certificate(ROOT, ROOT))


def digest(subject: x.Subject) -> str:
    """What a root is named by."""
    return parse(x.certificate(subject, subject)).fingerprint


GOOD = Enrolling(
    area(ECC_KEY, EK_BITS), ak(), issued(), (digest(ROOT).upper(),), secret=SECRET, answer=SECRET, now=x.NOW
)


def leaf(*extensions: bytes, **fields: object) -> Enrolling:
    """The sound enrolment with other extensions in the endorsement key's certificate."""
    return replace(GOOD, certificates=issued(x.changed(SOUND, extensions=extensions or SOUND.extensions, **fields)))


def _late(subject: x.Subject) -> x.Subject:
    return x.changed(subject, begins=x.NOW + x.DAY, ends=x.NOW + 9 * x.DAY)


# By step: what is refused by it and by nothing else.
FORGED: dict[str, dict[str, Callable[[], Enrolling]]] = {
    "enrol.ek_certificate": {
        "purpose of another kind": lambda: leaf(
            x.extension("2.5.29.37", x.tlv(0x30, x.oid("1.3.6.1.5.5.7.3.1"))), named(), LEAF, AGREES
        ),
        "no purpose": lambda: leaf(named(), LEAF, AGREES),
        "no alternative name": lambda: leaf(PURPOSE, LEAF, AGREES),
        "no model": lambda: leaf(PURPOSE, named(model=""), LEAF, AGREES),
        "a maker in words": lambda: leaf(PURPOSE, named("Acme TPM ab"), LEAF, AGREES),
        "a key that enciphers": lambda: leaf(PURPOSE, named(), LEAF, ENCIPHERS),
        "no key usage": lambda: leaf(PURPOSE, named(), LEAF),
        "an authority": lambda: leaf(PURPOSE, named(), *x.authority()),
        "not valid yet": lambda: replace(GOOD, certificates=issued(_late(SOUND))),
        "no certificate at all": lambda: replace(GOOD, certificates=(b"\x30\x00", *issued()[1:])),
    },
    "enrol.ek_chain": {
        "signed by somebody else": lambda: replace(GOOD, certificates=issued(signer=OTHER_KEY)),
        "an authority that may have none below it": lambda: replace(
            GOOD,
            certificates=(
                x.certificate(SOUND, x.Subject("Third", OTHER_KEY)),
                x.certificate(x.Subject("Third", OTHER_KEY, x.authority()), MIDDLE),
                *issued()[1:],
            ),
        ),
        "an authority that is none": lambda: replace(
            GOOD, certificates=(issued()[0], x.certificate(x.changed(MIDDLE, extensions=()), ROOT), issued()[2])
        ),
        "an authority that has ended": lambda: replace(
            GOOD,
            certificates=(issued()[0], x.certificate(x.changed(MIDDLE, ends=x.NOW - x.DAY), ROOT), issued()[2]),
        ),
        "an extension that nobody understands": lambda: leaf(
            *SOUND.extensions, x.extension("1.2.3.4", b"\5\0", critical=True)
        ),
    },
    "enrol.ek_root": {
        "a root that the owner does not name": lambda: replace(GOOD, roots=(digest(STRANGE),)),
        "a chain that ends too early": lambda: replace(GOOD, certificates=issued()[:1]),
        "another root of the same name": lambda: replace(
            GOOD,
            certificates=(
                issued()[0],
                x.certificate(MIDDLE, x.Subject("Maker Root", STRANGE.key)),
                x.certificate(
                    x.Subject("Maker Root", STRANGE.key, x.authority()), x.Subject("Maker Root", STRANGE.key)
                ),
            ),
        ),
    },
    "enrol.ek_key": {
        "another machine's certificate": lambda: replace(GOOD, ek_public=area(OTHER_KEY, EK_BITS)),
    },
    "enrol.ek_attributes": {
        "a key that is not restricted": lambda: replace(GOOD, ek_public=area(ECC_KEY, EK_BITS & ~RESTRICTED)),
        "a key that signs": lambda: replace(GOOD, ek_public=area(ECC_KEY, EK_BITS | SIGN)),
        "a key that may leave": lambda: replace(GOOD, ek_public=area(ECC_KEY, EK_BITS & ~(1 << 1))),
        "a key that nobody may use": lambda: replace(GOOD, ek_public=area(ECC_KEY, EK_BITS & ~(1 << 7))),
        "a key that protects nothing": lambda: replace(GOOD, ek_public=area(ECC_KEY, EK_BITS, b"\x00\x10")),
    },
    "enrol.ak_attributes": {
        "a key that signs anything": lambda: replace(GOOD, ak_public=ak(AK_BITS & ~RESTRICTED)),
        "a key from outside": lambda: replace(GOOD, ak_public=ak(AK_BITS & ~(1 << 5))),
        "a key that may leave": lambda: replace(GOOD, ak_public=ak(AK_BITS & ~(1 << 4))),
        "a key that decrypts": lambda: replace(GOOD, ak_public=ak(AK_BITS | DECRYPT)),
    },
    "enrol.activation": {
        "another secret": lambda: replace(GOOD, answer=bytes(32)),
        "the beginning of it": lambda: replace(GOOD, answer=SECRET[:-1]),
        "nothing, where nothing was asked": lambda: replace(GOOD, secret=b"", answer=b""),
    },
}
ALL = [(step, what) for step, cases in FORGED.items() for what in cases]


def verdicts(found: EnrolmentVerdict) -> dict[str, StepVerdict]:
    """What each step says."""
    return {s.id: s.verdict for s in found.steps}


def test_a_certified_machine_is_enrolled() -> None:
    """Every step passes for a machine whose maker the owner trusts, and the verdict says who that is."""
    found = appraise_enrolment(GOOD)
    assert set(verdicts(found).values()) == {StepVerdict.PASS}
    assert (found.grade, found.root, found.failed) == (CERTIFIED, digest(ROOT), ())
    assert "id:00001014" in found.maker
    assert found.ak_name.startswith("000b")
    assert len(found.ek) == 64


def test_an_rsa_key_is_enrolled_also_where_its_certificate_says_oaep() -> None:
    """An RSA endorsement key fits its certificate in both ways in which makers write its algorithm."""
    key = x.rsa_key(900)
    given = replace(
        GOOD,
        ek_public=area(key, EK_BITS),
        certificates=issued(x.changed(SOUND, key=key, extensions=(PURPOSE, named(), LEAF, ENCIPHERS))),
    )
    assert appraise_enrolment(given).grade == CERTIFIED
    plain, told = (
        x.tlv(0x30, x.oid("1.2.840.113549.1.1.1"), b"\5\0"),
        x.tlv(0x30, x.oid("1.2.840.113549.1.1.7"), b"\5\0"),
    )
    certificate = parse(given.certificates[0])
    assert plain in certificate.key
    stated = certificate._replace(key=certificate.key.replace(plain, told))
    assert ek_certificate.key(stated) == certificate.key
    assert ek_certificate.maker(stated).model == "made up"


@pytest.mark.parametrize(("step", "what"), ALL, ids=[f"{s}: {w}" for s, w in ALL])
def test_each_forgery_is_refused_at_its_step(step: str, what: str) -> None:
    """A machine that is forged in one thing is refused, by the step for that thing."""
    found = appraise_enrolment(FORGED[step][what]())
    assert (found.grade, found.failed[:1]) == ("", (step,))


@pytest.mark.parametrize("name", [s.id for s in STEPS])
def test_each_step_alone_keeps_somebody_out(name: str) -> None:
    """Without any one of the steps, one of the forgeries is enrolled."""
    less = tuple(replace(s, judge=lambda _: passed("taken out"), needs=()) if s.id == name else s for s in STEPS)
    assert any(appraise_enrolment(case(), less).grade for case in FORGED[name].values())


def test_without_a_certificate_it_is_known_from_its_first_use() -> None:
    """A machine that has no certificate can be enrolled, and is never called certified."""
    found = appraise_enrolment(replace(GOOD, certificates=()))
    assert (found.grade, found.root, found.maker, found.failed) == (FIRST_USE, "", "", ())
    assert verdicts(found)["enrol.ek_certificate"] is StepVerdict.NOT_CHECKED


def test_a_chain_that_leads_to_nobody_named_is_no_certification() -> None:
    """Where the owner names no root, the chain proves nothing, and the step tells which root it would be."""
    found = appraise_enrolment(replace(GOOD, roots=()))
    assert found.grade == FIRST_USE
    told = next(s for s in found.steps if s.id == "enrol.ek_root")
    assert digest(ROOT) in told.reason


def test_before_the_answer_there_is_no_grade() -> None:
    """The keys alone, sound as they are, enrol nobody; they are enough to be asked."""
    found = appraise_enrolment(replace(GOOD, answer=None))
    assert (found.grade, found.may_be_asked) == ("", True)
    assert not appraise_enrolment(replace(GOOD, answer=None, ek_public=b"none")).may_be_asked


def test_the_owner_can_hold_the_authorities() -> None:
    """A machine that sends only its own certificate is certified by the authorities that the owner has."""
    given = replace(GOOD, certificates=issued()[:1], authorities=issued()[1:])
    assert appraise_enrolment(given).grade == CERTIFIED


def test_an_authority_that_the_owner_names_is_enough() -> None:
    """The chain ends at the first certificate that the owner names, also where that is below a root."""
    given = replace(GOOD, certificates=issued()[:2], roots=(parse(issued()[1]).fingerprint,))
    assert appraise_enrolment(given).grade == CERTIFIED


@pytest.mark.parametrize("field", ["ek_public", "ak_public"])
def test_hostile_octets_are_refused_in_words(field: str) -> None:
    """Octets that are no key fail steps and raise nothing, however they are cut."""
    sound = GOOD.ek_public if field == "ek_public" else GOOD.ak_public
    for size in range(len(sound)):
        forged = {"ek_public": GOOD.ek_public, "ak_public": GOOD.ak_public, field: sound[:size]}
        found = appraise_enrolment(
            replace(GOOD, certificates=(), ek_public=forged["ek_public"], ak_public=forged["ak_public"])
        )
        assert found.grade == ""


def test_hostile_certificates_are_refused_in_words() -> None:
    """A certificate that is cut, or far too many of them, fail a step and raise nothing."""
    sound = issued()
    for size in range(0, len(sound[0]), 7):
        assert appraise_enrolment(replace(GOOD, certificates=(sound[0][:size], *sound[1:]))).grade == ""
    assert appraise_enrolment(replace(GOOD, certificates=sound[:1] * 9)).grade == ""


def test_a_certificate_of_a_maker_is_read() -> None:
    """The maker, model and firmware are read from one set of attributes; a second value of one is refused."""
    found = ek_certificate.maker(parse(issued()[0]))
    assert found == ("id:00001014", "made up", "id:1")
    pair = x.tlv(0x30, x.oid(ek_certificate.MODEL), x.tlv(0x0C, b"m"))
    twice = x.extension("2.5.29.17", x.tlv(0x30, x.tlv(0xA4, x.tlv(0x30, x.tlv(0x31, pair, pair)))))
    with pytest.raises(Malformed, match="twice"):
        ek_certificate.maker(parse(x.certificate(x.changed(SOUND, extensions=(PURPOSE, twice, LEAF, AGREES)), MIDDLE)))


def test_recorded_keys_and_authorities(vectors: Path) -> None:
    """Keys of recorded boots are sound endorsement and attestation keys; their simulator's authority has a chain."""
    boots = vectors / "onprem" / "boot"
    held = sorted(boots.glob("*/ek.pub"))
    assert held
    for at in held:
        given = Enrolling(at.read_bytes(), (at.parent / "ak.pub").read_bytes(), now=x.NOW + timedelta(days=300))
        found = verdicts(appraise_enrolment(given))
        assert found["enrol.ek_attributes"] is found["enrol.ak_attributes"] is StepVerdict.PASS
        assert appraise_enrolment(given).ak_name == (at.parent / "ak.name").read_bytes().hex()
    below, root = (
        pem.blocks((boots / n).read_bytes())[0].data for n in ("issuercert.pem", "swtpm-localca-rootca-cert.pem")
    )
    assert parse(below).issuer == parse(root).subject
