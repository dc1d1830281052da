"""Signed bundles of endorsements."""

import json
from datetime import timedelta

import pytest
import vendor_statements as vendor
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit import endorsement_bundle as bundles
from strongroom.kit import endorsement_text
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.model.attest import Endorsements
from strongroom.model.errors import BadInput, BadSignature, Malformed, TooLarge

KEY = SignerKey("example.org/bundles", Kind.ED25519, bytes(range(32)))
OTHER = SignerKey("example.org/bundles", Kind.ED25519, bytes(range(1, 33)))
GIVEN = sum(
    (endorsement_text.read(d, "there") for d in (vendor.vcek(), vendor.amd_chain(), vendor.crl(), vendor.tcb_info())),
    Endorsements(),
)
DATA = bundles.make(GIVEN, "fleet", vendor.NOW, Ed25519Signer(KEY))


def test_a_bundle_gives_back_what_was_put_in() -> None:
    """Every endorsement comes back with its octets, signature, chain and origin, once the right key is named."""
    held = bundles.parse(DATA)
    assert {e.digest: e for e in held.endorsements.items} == {e.digest: e for e in GIVEN.items}
    opened = bundles.verify(held, [KEY.verifier])
    assert [v.key for v in opened.verified] == [KEY.verifier]
    assert (held.name, held.made_at) == ("fleet", vendor.NOW)
    assert bundles.signers(held) == (f"{KEY.verifier.name}+{KEY.verifier.key_id:08x}",)


def test_the_same_gives_the_same_octets() -> None:
    """Order and repetition of what is put in do not show; the time does."""
    shuffled = Endorsements((*reversed(GIVEN.items), *GIVEN.items))
    assert bundles.make(shuffled, "fleet", vendor.NOW, Ed25519Signer(KEY)) == DATA
    later = bundles.make(GIVEN, "fleet", vendor.NOW + timedelta(seconds=1), Ed25519Signer(KEY))
    assert later != DATA


def test_who_is_not_trusted_signs_for_nothing() -> None:
    """No key, another key of the same name, and a note over another bundle are refused."""
    held = bundles.parse(DATA)
    for keys in ([], [OTHER.verifier]):
        with pytest.raises(BadSignature):
            bundles.verify(held, keys)
    second = bundles.parse(bundles.make(GIVEN, "other", vendor.NOW, Ed25519Signer(KEY)))
    with pytest.raises(BadSignature, match="another bundle"):
        bundles.verify(held._replace(note=second.note), [KEY.verifier])
    with pytest.raises(BadSignature):
        bundles.verify(held._replace(note=b""), [KEY.verifier])
    cosigner = SignerKey("x", Kind.COSIGNATURE_ED25519, bytes(32))
    with pytest.raises(BadInput, match="0x04"):
        bundles.verify(held, [cosigner.verifier])


def changed(**fields: object) -> bytes:
    file = json.loads(DATA)
    file["bundle"]["items"][0].update(fields)
    return json.dumps(file).encode()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (changed(ends="2099-01-01T00:00:00Z"), "whose ends is not that of its octets"),
        (changed(sha256="0" * 64), "whose sha256"),
        (changed(title="harmless"), "whose title"),
        (changed(kind="crl"), "item 1"),
        (changed(data="!"), "not base64"),
        (changed(data="ö"), "not base64"),
        (changed(more=1), "unknown field"),
        (DATA.replace(b'"name":"fleet"', b'"name":"fleet","name":"x"'), "twice in one object"),
        (DATA.replace(b"bundle/1", b"bundle/9"), "schema"),
        (DATA.replace(b'"name":"fleet"', b'"name":"../x"'), "name"),
        (DATA[:-40], "unterminated string"),
        (b'{"bundle":{},"note":""}', "missing required"),
        (b"[]", "expected `object`"),
    ],
    ids=lambda v: v if isinstance(v, str) else "-",
)
def test_a_bundle_that_lies_of_its_items_is_refused(data: bytes, found: str) -> None:
    """What the file says of an item must be what the item says of itself."""
    with pytest.raises(BadInput) as caught:
        bundles.parse(data)
    assert found.lower() in caught.value.found.lower()


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_no_changed_octet_is_signed(at: int, by: int) -> None:
    """Whichever octet is changed, the bundle is refused, or it is another writing of the same signed one."""
    data = DATA[:at] + bytes([DATA[at] ^ by]) + DATA[at + 1 :]
    try:
        held = bundles.parse(data)
        bundles.verify(held, [KEY.verifier])
    except BadInput:
        return
    assert held.digest == bundles.parse(DATA).digest


def test_there_are_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle that is empty, too long, or has too many items is neither made nor read."""
    signer = Ed25519Signer(KEY)
    with pytest.raises(Malformed, match="nothing to put"):
        bundles.make(Endorsements(), "fleet", vendor.NOW, signer)
    with pytest.raises(Malformed, match="name"):
        bundles.make(GIVEN, "a b", vendor.NOW, signer)
    monkeypatch.setattr(bundles, "MOST_ITEMS", 2)
    with pytest.raises(TooLarge):
        bundles.make(GIVEN, "fleet", vendor.NOW, signer)
    with pytest.raises(TooLarge):
        bundles.parse(DATA)
    monkeypatch.setattr(bundles, "MOST", 100)
    with pytest.raises(TooLarge):
        bundles.parse(DATA)
