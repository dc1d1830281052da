"""How Intel quotes and their collateral are read: forms, fields, what is wanted, and octets that are none."""

import base64
import json
from dataclasses import replace
from datetime import timedelta

import dcap_minting as mint
import msgspec
import pytest
from dcap_minting import Draft, judge
from hypothesis import given
from hypothesis import strategies as st

from strongroom.attest.appraise import appraise
from strongroom.attest.tee import sgx, tdx
from strongroom.kit import intel_collateral
from strongroom.model.attest import EndorsementKind, Endorsements, Evidence, EvidenceKind, EvidencePart, StepVerdict
from strongroom.model.errors import BadInput, Malformed, TooLarge

TD = mint.quote(Draft())
ENCLAVE = mint.quote(Draft(kind="sgx", version=3))


def test_each_verifier_knows_its_own() -> None:
    """A quote is of one kind, whatever its version, and the other kind does not claim it."""
    for draft in mint.SOUND.values():
        data = mint.quote(draft)
        mine, other = (tdx, sgx) if draft.kind == "tdx" else (sgx, tdx)
        assert mine.VERIFIER.recognises(data) == 100
        assert other.VERIFIER.recognises(data) == 0


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"\x04\0" * 20, bytes(48), b'{"quote": "AAAA"}', b'{"quote":' + b"[" * 9999]
)
def test_what_is_no_quote_is_not_recognised(data: bytes) -> None:
    """Short, empty and foreign octets are claimed by neither."""
    assert tdx.VERIFIER.recognises(data) == 0
    assert sgx.VERIFIER.recognises(data) == 0


@pytest.mark.parametrize("coded", [base64.b64encode(TD).decode(), TD.hex(), base64.urlsafe_b64encode(TD).decode()])
def test_an_agents_json_is_read(coded: str) -> None:
    """The quote of an agent's JSON is the quote, in base64 or hexadecimal, and its log is a part of its own."""
    log = base64.b64encode(bytes(range(64))).decode()
    data = json.dumps({"cc_eventlog": log, "quote": coded}).encode()
    assert tdx.VERIFIER.recognises(data) > 50
    assert sgx.VERIFIER.recognises(data) == 0
    quote, beside = tdx.VERIFIER.read(data)
    assert quote.data == TD
    assert (beside.name, beside.data) == ("event-log", bytes(range(64)))


@pytest.mark.parametrize(
    "data", [b'{"quote": "' + TD.hex().encode() + b'", "quote": "00"}', b'{"quote": 1}', b'{"quote": "!"}', b"{"]
)
def test_json_that_says_two_things_or_nothing_is_refused(data: bytes) -> None:
    """A key twice, another type, and text that is no coding are unreadable."""
    with pytest.raises(BadInput):
        tdx.VERIFIER.read(data)


def test_fields_stand_where_the_octets_are() -> None:
    """Every field with a place has the octets of that place, and every part of the quote is listed."""
    for draft in mint.SOUND.values():
        data = mint.quote(replace(draft, tail=bytes(8)))
        verifier = (tdx if draft.kind == "tdx" else sgx).VERIFIER
        found = {f.name: f for f in verifier.fields(Evidence(verifier.kind, verifier.read(data)))}
        place = found["report_data"]
        assert data[place.offset : place.offset + place.size].hex() == place.value == mint.CHALLENGE.hex()
        key = found["attestation_key"]
        assert data[key.offset : key.offset + 64] == mint.point("attestation")
        last = found["rest"]
        assert last.offset + last.size == len(data)
        assert found["pck.fmspc"].value == mint.FMSPC.hex()
        assert {"signature", "qe.mrsigner", "qe_authentication_data", "pck.certificate.2"} <= set(found)


def test_fields_of_what_cannot_be_read_are_none() -> None:
    """A quote that ends too soon has no fields, and no exception."""
    cut = Evidence(EvidenceKind.TDX, (EvidencePart("quote", "", TD[:600]),))
    assert list(tdx.VERIFIER.fields(cut)) == []
    assert tdx.VERIFIER.wants(cut) == ()


def test_what_is_wanted_names_platform_and_kind() -> None:
    """The collateral is asked for by FMSPC, kind of TEE and authority."""
    wants = {w.what: dict(w.about) for w in tdx.VERIFIER.wants(Evidence(EvidenceKind.TDX, tdx.VERIFIER.read(TD)))}
    assert wants == {
        "tcb": {"fmspc": mint.FMSPC.hex(), "tee": "tdx"},
        "qe-identity": {"tee": "tdx"},
        "rootcacrl": {},
        "pckcrl": {"ca": "platform"},
    }


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_a_quote_without_a_chain_needs_the_certificate_from_elsewhere(kind: int) -> None:
    """Certification data that only names the certificate is unchecked, until the one that signed it is given."""
    sound = Draft(cert_type=kind, without=("pck", "authority", "root"))
    verdict = judge(sound)
    step = next(s for s in verdict.steps if s.id == "tdx.cert_data")
    assert step.verdict is StepVerdict.NOT_CHECKED
    assert f"type {kind}" in step.reason
    certificates = "".join(mint.pem(mint.certificate(Draft(), role)) for role in ("pck", "authority", "root"))
    text = {**mint.collateral(Draft()), "pck_certificate_chain": certificates}
    full = replace(mint.inputs(sound), endorsements=intel_collateral.read(json.dumps(text).encode()))
    assert appraise(mint.verifier(sound), full).opens


def test_the_verdict_ends_with_the_first_of_its_inputs() -> None:
    """An appraisal holds for its policy's age, and never past the collateral."""
    assert judge(Draft()).expires_at == mint.NOW + timedelta(hours=24)
    soon = mint.NOW + timedelta(hours=1)
    assert judge(Draft(ends={"pck_crl": soon})).expires_at == soon
    text = soon.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert judge(Draft(tcb={"nextUpdate": text})).expires_at == soon
    assert judge(Draft(identity={"nextUpdate": text})).expires_at == soon


def test_the_best_of_several_statements_is_taken() -> None:
    """Statements on other platforms, of other kinds and of last year stand beside the right one and do no harm."""
    others = (
        Draft(tcb={"fmspc": "00906EA10000"}),
        Draft(kind="sgx", version=3),
        Draft(tcb={"nextUpdate": "2025-06-01T00:00:00Z", "issueDate": "2025-05-01T00:00:00Z"}),
        Draft(tcb={"tcbLevels": "none"}),
    )
    given = mint.endorsements(others[0])
    for other in others[1:]:
        given += mint.endorsements(other)
    both = mint.inputs(Draft())
    for order in (given + both.endorsements, both.endorsements + given):
        assert appraise(mint.verifier(Draft()), replace(both, endorsements=order)).opens


def _judged(data: bytes, endorsements: Endorsements, kind: str = "tdx") -> None:
    """Appraise, list the fields, and ask what is wanted: nothing but a verdict may come of it, and never an open one."""
    draft = Draft(kind=kind)
    verifier = mint.verifier(draft)
    evidence = Evidence(EvidenceKind(kind), (EvidencePart("quote", "", data),), mint.CHALLENGE)
    verdict = appraise(verifier, replace(mint.inputs(draft), evidence=evidence, endorsements=endorsements))
    list(verifier.fields(evidence))
    verifier.wants(evidence)
    assert not verdict.opens


GIVEN = mint.endorsements(Draft())


@given(st.integers(0, len(TD) - 2))
def test_a_quote_that_ends_too_soon_is_refused(size: int) -> None:
    """Cut anywhere, a quote is refused by its length and nothing escapes."""
    _judged(TD[:size], GIVEN)


@given(st.integers(0, 8 * (len(TD) - 3000) - 1))
def test_a_bit_that_was_flipped_is_refused(bit: int) -> None:
    """One bit of header, body, keys or signatures changed is never open."""
    data = bytearray(TD)
    data[bit // 8] ^= 1 << bit % 8
    _judged(bytes(data), GIVEN)


@given(st.binary(max_size=2000))
def test_any_octets_are_refused(data: bytes) -> None:
    """Octets of any kind are a verdict, not an exception."""
    _judged(data, GIVEN)
    _judged(data, GIVEN, "sgx")


@given(st.integers(0, 3), st.integers(0, 200), st.binary(min_size=1, max_size=8))
def test_any_collateral_is_refused(item: int, place: int, octets: bytes) -> None:
    """A statement or list with other octets in it is a failing or unchecked step."""
    held = list(GIVEN.items)
    data = held[item].data
    edited = data[:place] + octets + data[place + len(octets) :]
    if edited == data:
        return
    held[item] = msgspec.structs.replace(held[item], data=edited)
    _judged(TD, Endorsements(tuple(held)))


# The collateral's own forms


def test_the_signed_octets_are_cut_out_and_not_written_again() -> None:
    """Whatever space stands around and inside, the octets of the inner object are those that were signed."""
    inner = b'{ "id" : "TDX",\n "version":3 }'
    data = b'{ "signature" : "' + b"ab" * 64 + b'" , "tcbInfo" :  ' + inner + b" }\n"
    (only,) = intel_collateral.read(data, (b"a", b"b"), "here").items
    assert (only.kind, only.data) == (EndorsementKind.TCB_INFO, inner)
    assert (only.signature, only.chain, only.origin) == (b"\xab" * 64, (b"a", b"b"), "here")


def test_a_document_with_everything_is_read() -> None:
    """QuoteCollateralV3 gives two statements with their chains, two lists, and the authority's certificates."""
    found = mint.endorsements(Draft())
    kinds = [e.kind for e in found.items]
    k = EndorsementKind
    assert kinds == [k.TCB_INFO, k.QE_IDENTITY, k.CRL, k.CRL, k.CERTIFICATE, k.CERTIFICATE]
    assert found.items[0].data == mint.tcb_info(Draft())
    assert len(found.items[1].chain) == 2


def test_an_issuer_chain_is_read_from_a_header_too() -> None:
    """A chain that was percent-encoded for a header is the same chain."""
    text = mint.collateral(Draft())["tcb_info_issuer_chain"]
    coded = text.replace("\n", "%0A").replace(" ", "%20").replace("+", "%2B")
    assert intel_collateral.chain_of(coded.encode()) == intel_collateral.chain_of(text.encode()) != ()


SIGNED = b'"signature":"' + b"00" * 64 + b'"'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{" + SIGNED + b"}",
        b'{"tcbInfo":{},"enclaveIdentity":{},' + SIGNED + b"}",
        b'{"tcbInfo":{},"tcbInfo":{},' + SIGNED + b"}",
        b'{"tcbInfo":{"a":1,"a":2},' + SIGNED + b"}",
        b'{"tcbInfo":{},"signature":"zz"}',
        b'{"tcbInfo":{},"signature":"00"}',
        b'{"tcb_info_signature":"00"}',
    ],
)
def test_collateral_that_is_none_is_refused(data: bytes) -> None:
    """Keys twice, no statement or two, and signatures that are none are unreadable."""
    with pytest.raises(Malformed):
        intel_collateral.read(data)


def test_collateral_has_a_size() -> None:
    """A document over the limit is refused before it is read."""
    with pytest.raises(TooLarge):
        intel_collateral.read(bytes(intel_collateral.MOST + 1))


@pytest.mark.parametrize("field", ["pck_crl", "root_ca_crl"])
def test_lists_may_be_pem(field: str) -> None:
    """A revocation list in PEM is the same as in hexadecimal, and other text is refused."""
    text = mint.collateral(Draft())
    der = bytes.fromhex(text[field])
    lines = base64.encodebytes(der).decode()
    text[field] = f"-----BEGIN X509 CRL-----\n{lines}-----END X509 CRL-----\n"
    assert der in [e.data for e in intel_collateral.read(json.dumps(text).encode()).items]
    with pytest.raises(Malformed):
        intel_collateral.read(json.dumps({**text, field: "no list"}).encode())
