"""OCSP: what a response says and for whom, each reason to refuse one, and requests that others would understand."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import minted_x509 as x
import nvidia_minting as m
import pytest
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import OCSPNonce, load_der_x509_certificate
from cryptography.x509 import ocsp as theirs
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit import der, ocsp, ocsp_request
from strongroom.kit.x509 import certificate
from strongroom.model.errors import BadInput, BadSignature, Malformed

ABOUT, ISSUER = m.device().subjects[1:3]
LEAF, AUTHORITY, OTHER = map(certificate.parse, m.device().certificates[1:4])
GOOD = m.Answer(ABOUT, ISSUER)
BY_RESPONDER = replace(GOOD, responder=m.responder(), nonce=bytes(range(32)))


def enclosed(*members: bytes) -> bytes:
    """A basic response of these members, in the envelope of one that was successful."""
    basic = x.tlv(0x30, *members)
    return x.tlv(0x30, x.tlv(0x0A, b"\0"), x.tlv(0xA0, x.tlv(0x30, x.oid("1.3.6.1.5.5.7.48.1.1"), x.tlv(0x04, basic))))


def parts(octets: bytes) -> list[bytes]:
    """The members of the basic response within a response."""
    kind = der.sequence(der.of(der.sequence(octets)[1], 0xA0).value)
    return [e.whole for e in der.sequence(der.of(kind[1], der.OCTET_STRING).value)]


def single(*members: bytes) -> bytes:
    """A response whose one answer has these members."""
    basic = parts(GOOD.octets())
    who, when, _ = (e.whole for e in der.sequence(basic[0]))
    return enclosed(x.tlv(0x30, who, when, x.tlv(0x30, x.tlv(0x30, *members))), *basic[1:])


def answer_parts() -> list[bytes]:
    """The members of a sound answer."""
    listed = der.members(der.sequence(parts(GOOD.octets())[0])[2])
    return [e.whole for e in der.members(listed[0])]


def test_a_sound_response_says_what_it_was_made_to_say() -> None:
    """Status, times, number and issuer are those of the answer."""
    found = ocsp.verify_response(ocsp.parse(GOOD.octets()), AUTHORITY, x.NOW)
    (answer,) = found.answers
    assert (answer.status, answer.serial, answer.hash_name) == (ocsp.GOOD, LEAF.serial, "sha384")
    assert (answer.this_update, answer.next_update) == (x.NOW - x.DAY, x.NOW + x.DAY)
    assert answer.is_about(LEAF, AUTHORITY)
    assert not answer.is_about(AUTHORITY, AUTHORITY)
    assert not answer.is_about(LEAF, OTHER)


@given(serial=st.integers(1, 2**159), days=st.integers(1, 4000), reason=st.one_of(st.none(), st.integers(0, 10)))
def test_what_is_written_is_read(serial: int, days: int, reason: int | None) -> None:
    """Any number, time and reason of a revocation come back as they were written, and the library agrees."""
    since = x.NOW - timedelta(days=days)
    about = x.changed(ABOUT, serial=serial)
    octets = replace(GOOD, about=about, status=m.revoked(since, reason)).octets()
    (answer,) = ocsp.parse(octets).answers
    assert (answer.serial, answer.status, answer.revoked_at, answer.reason) == (serial, ocsp.REVOKED, since, reason)
    assert theirs.load_der_ocsp_response(octets).serial_number == serial


@given(cut=st.integers(0, 400), bit=st.integers(0, 7))
def test_a_changed_response_is_refused_or_another(cut: int, bit: int) -> None:
    """A bit that changed anywhere leaves nothing that verifies: only BadInput is raised, and never a pass."""
    sound = BY_RESPONDER.octets()
    at = cut * len(sound) // 401
    octets = sound[:at] + bytes([sound[at] ^ 1 << bit]) + sound[at + 1 :]
    try:
        found = ocsp.verify_response(ocsp.parse(octets), AUTHORITY, x.NOW)
    except BadInput:
        return
    assert found.signed == ocsp.parse(sound).signed


@given(size=st.integers(0, 2000))
def test_a_cut_response_is_refused(size: int) -> None:
    """No beginning of a response is one."""
    sound = GOOD.octets()
    with pytest.raises(BadInput):
        ocsp.parse(sound[: min(size, len(sound) - 1)])


def _with_answers(*held: bytes) -> bytes:
    basic = parts(GOOD.octets())
    who, when, _ = (e.whole for e in der.sequence(basic[0]))
    return enclosed(x.tlv(0x30, who, when, x.tlv(0x30, *held)), *basic[1:])


_STATUS, _TIMES = answer_parts()[1], answer_parts()[2:]
_SHA1 = x.tlv(0x30, x.oid("1.2.3"), x.tlv(0x05))
MALFORMED: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "too long": lambda: bytes(ocsp.MOST + 1),
    "an error of the responder": lambda: x.tlv(0x30, x.tlv(0x0A, b"\3")),
    "an error with an answer": lambda: GOOD.octets().replace(b"\x0a\x01\x00", b"\x0a\x01\x03", 1),
    "success without an answer": lambda: x.tlv(0x30, x.tlv(0x0A, b"\0")),
    "another type": lambda: x.tlv(0x30, x.tlv(0x0A, b"\0"), x.tlv(0xA0, x.tlv(0x30, x.oid("1.2.3"), x.tlv(0x04, b"")))),
    "two members": lambda: enclosed(*parts(GOOD.octets())[:2]),
    "many certificates": lambda: enclosed(
        *parts(GOOD.octets()), x.tlv(0xA0, x.tlv(0x30, *m.device().certificates[1:2] * (ocsp.MOST_CERTIFICATES + 1)))
    ),
    "a version": lambda: enclosed(x.tlv(0x30, x.tlv(0xA0, x.integer(1))), *parts(GOOD.octets())[1:]),
    "no responder": lambda: enclosed(x.tlv(0x30, x.integer(1), x.integer(1), x.integer(1)), *parts(GOOD.octets())[1:]),
    "no answer": _with_answers,
    "many answers": lambda: _with_answers(*[x.tlv(0x30, *answer_parts())] * (ocsp.MOST_ANSWERS + 1)),
    "an answer of two members": lambda: single(*answer_parts()[:2]),
    "a certificate of three": lambda: single(
        x.tlv(0x30, *(e.whole for e in der.sequence(answer_parts()[0])[:3])), _STATUS, *_TIMES
    ),
    "another hash": lambda: single(
        x.tlv(0x30, _SHA1, *(e.whole for e in der.sequence(answer_parts()[0])[1:])), _STATUS, *_TIMES
    ),
    "another status": lambda: single(answer_parts()[0], x.tlv(0x83), *_TIMES),
    "a revocation without a time": lambda: single(answer_parts()[0], x.tlv(0xA1), *_TIMES),
}


@pytest.mark.parametrize("make", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_response_is_malformed(make: Callable[[], bytes]) -> None:
    """Each way not to be a response is told as such."""
    with pytest.raises(Malformed):
        ocsp.parse(make())


_ENDED = {"begins": x.NOW - 700 * x.DAY, "ends": x.NOW - x.DAY}
UNSIGNED: dict[str, tuple[m.Answer, str]] = {
    "somebody else signed": (replace(GOOD, signer=x.ec_key(900)), "did not make"),
    "of another issuer": (replace(GOOD, issuer=m.device().subjects[3]), "no certificate of its responder"),
    "a responder for another use": (replace(GOOD, responder=m.responder("1.3.6.1.5.5.7.3.1")), "made by"),
    "a responder that has ended": (replace(GOOD, responder=x.changed(m.responder(), **_ENDED)), "valid"),
    "another key of the responder": (replace(GOOD, responder=m.responder(), signer=x.ec_key(901)), "did not make"),
}


@pytest.mark.parametrize(("made", "why"), UNSIGNED.values(), ids=UNSIGNED)
def test_what_nobody_of_authority_signed_is_refused(made: m.Answer, why: str) -> None:
    """Only the issuer answers, or whom it has certified for that, while that certificate is valid."""
    with pytest.raises(BadSignature) as caught:
        ocsp.verify_response(ocsp.parse(made.octets()), AUTHORITY, x.NOW)
    assert why in caught.value.found


def test_a_responder_that_its_issuer_did_not_certify_is_refused() -> None:
    """A responder under another authority answers for nobody else's certificates."""
    made = replace(BY_RESPONDER, issuer=m.device().subjects[3])
    with pytest.raises(BadInput):
        ocsp.verify_response(ocsp.parse(made.octets()), AUTHORITY, x.NOW)


def test_a_named_responder_may_answer() -> None:
    """A responder with the issuer's certificate for it is taken, and so is its nonce."""
    found = ocsp.parse(BY_RESPONDER.octets())
    assert found.nonce == bytes(range(32))
    assert ocsp.verify_response(found, AUTHORITY, x.NOW, bytes(range(32))) is found


@pytest.mark.parametrize("made", [GOOD, BY_RESPONDER], ids=["no nonce", "another nonce"])
def test_another_nonce_is_refused(made: m.Answer) -> None:
    """A response without the nonce of the question may be from better times."""
    with pytest.raises(BadSignature) as caught:
        ocsp.verify_response(ocsp.parse(made.octets()), AUTHORITY, x.NOW, bytes(32))
    assert "nonce" in caught.value.found


def test_an_answer_speaks_of_its_own_time() -> None:
    """Before it begins, after it ends, and without an end, an answer says nothing."""
    answer = ocsp.parse(GOOD.octets()).answers[0]
    assert ocsp.trouble(answer, x.NOW) == ""
    assert ocsp.trouble(answer, answer.this_update) == ""
    assert ocsp.trouble(answer, x.NOW + x.DAY) == ""
    assert "ended" in ocsp.trouble(answer, x.NOW + x.DAY + timedelta(seconds=1))
    assert "begins" in ocsp.trouble(answer, x.NOW - x.DAY - timedelta(seconds=1))
    endless = ocsp.parse(replace(GOOD, ends=None).octets()).answers[0]
    assert "no next update" in ocsp.trouble(endless, x.NOW)


@given(nonce=st.binary(min_size=1, max_size=128), serial=st.integers(0, 2**159))
def test_a_request_is_what_the_library_would_ask(nonce: bytes, serial: int) -> None:
    """The library reads our request as a question about that certificate, with that nonce."""
    held = LEAF._replace(serial=serial)
    asked = theirs.load_der_ocsp_request(ocsp_request.request(ocsp_request.certificate_id(held, AUTHORITY), nonce))
    assert asked.serial_number == held.serial
    assert isinstance(asked.hash_algorithm, SHA384)
    assert asked.extensions[0].value.nonce == nonce


def test_a_request_is_the_librarys_to_the_octet() -> None:
    """For the same certificate and nonce, the library writes the same octets."""
    leaf, issuer = (load_der_x509_certificate(c.der) for c in (LEAF, AUTHORITY))
    builder = theirs.OCSPRequestBuilder().add_certificate(leaf, issuer, SHA384())
    made = builder.add_extension(OCSPNonce(bytes(32)), critical=False).build()
    ours = ocsp_request.request(ocsp_request.certificate_id(LEAF, AUTHORITY), bytes(32))
    assert ours == made.public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("about", "nonce"),
    [
        (b"", bytes(32)),
        (b"\x30\x00", bytes(32)),
        (x.tlv(0x30, b"\5\0" * 4), bytes(32)),
        (None, b""),
        (None, bytes(129)),
    ],
)
def test_what_is_no_question_is_refused(about: bytes | None, nonce: bytes) -> None:
    """A request is made of a CertID and a nonce of 1 to 128 octets, and of nothing else."""
    ident = ocsp_request.certificate_id(LEAF, AUTHORITY) if about is None else about
    with pytest.raises(Malformed):
        ocsp_request.request(ident, nonce)
