"""The sidecar: who may open an artifact, and every way to tamper with that list."""

import json
import os
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strongroom.kit import age_file, age_keys, hpke_slot, sealed, slot_wraps, slots, xwing
from strongroom.kit.sealed import Artifact, Boundary
from strongroom.kit.slot_wraps import AGE_CHANCE, Broker, Identity, Terms
from strongroom.kit.slots import AgeSlot, AnySlot, BrokerSlot, EscrowSlot, HpkeSlot, KeySlot, Sidecar
from strongroom.model.errors import BadInput, BadSignature, BadUsage, Malformed, NotFound, StrongroomError, TooLarge
from strongroom.model.release import Wrapped

ARTIFACT = Artifact(sealed.SCHEMA, "ab" * 32, Boundary.ANY, 1 << 20, 1)
OTHER = msgspec.structs.replace(ARTIFACT, id="cd" * 32)
ATTESTED = msgspec.structs.replace(ARTIFACT, boundary=Boundary.ATTESTED)
KEY = bytes(range(32))
ME, YOU, THEY = (xwing.PrivateKey(bytes([n]) * 32) for n in (1, 2, 3))
AGE, AGE_PQ = age_keys.X25519Identity(bytes([4]) * 32), age_keys.HybridIdentity(xwing.PrivateKey(bytes([5]) * 32))
AT = Broker("https://broker.example", "models/sealed/llm-1", "0123456789abcdef")


def hpke(artifact: Artifact = ARTIFACT, ident: str = "hpke-1", to: xwing.PrivateKey = ME, policy: str = "") -> HpkeSlot:
    """A slot for a recipient of ours."""
    return slot_wraps.hpke(Terms(ident, artifact.id, policy), KEY, to.public)


def age(artifact: Artifact = ARTIFACT, to: age_keys.Recipient = AGE.recipient, policy: str = "") -> AgeSlot:
    """A slot for a recipient of age."""
    return slot_wraps.age(Terms("age-1", artifact.id, policy), KEY, to, os.urandom(AGE_CHANCE))


def broker(artifact: Artifact = ARTIFACT, policy: str = "p1") -> BrokerSlot:
    """A slot for what a broker attests."""
    return slot_wraps.broker(Terms("broker-1", artifact.id, policy), KEY, YOU.public, AT)


def keyed(artifact: Artifact = ARTIFACT, policy: str = "p1") -> KeySlot:
    """A slot of a back end."""
    wrapped = Wrapped(slots.resource_of(artifact.id, policy), 1, "file", "k1", b"blob", ("owner",))
    return slot_wraps.keyed(Terms("key-1", artifact.id, policy), wrapped)


def escrow(artifact: Artifact = ARTIFACT, threshold: int = 2) -> EscrowSlot:
    """A slot for two of three."""
    holders = [ME.public, YOU.public, THEY.public]
    chance = os.urandom(slot_wraps.escrow_chance(threshold, 3))
    return slot_wraps.escrow(Terms("escrow-1", artifact.id), KEY, threshold, holders, chance)


def sidecar(*held: AnySlot, artifact: Artifact = ARTIFACT, mixed: bool = True) -> Sidecar:
    """A list of slots."""
    return slots.begin(artifact, KEY, held or (hpke(),), mixed=mixed)


# Opening


@pytest.mark.parametrize(
    ("slot", "identities"),
    [
        (hpke(), [ME]),
        (age(), [AGE]),
        (age(to=AGE_PQ.recipient), [AGE_PQ]),
        (escrow(), [ME, THEY]),
        (hpke(policy="p"), [ME]),
    ],
    ids=["hpke", "age", "age-pq", "escrow", "policy"],
)
def test_whoever_it_is_for_opens_it(slot: AnySlot, identities: list[Identity]) -> None:
    """The key comes back, and the whole list has held under it."""
    found, key = slot_wraps.unlock(slots.read(slots.render(sidecar(slot)), ARTIFACT), identities)
    assert (found, key) == (slot, KEY)


def test_the_right_slot_of_many_is_opened() -> None:
    """Others stand before it."""
    held = sidecar(hpke(to=YOU, ident="hpke-2"), escrow(), age(), hpke())
    assert slot_wraps.unlock(held, [ME])[0].id == "hpke-1"
    assert slot_wraps.unlock(held, [AGE])[0].id == "age-1"


@pytest.mark.parametrize("identities", [[YOU], [AGE], [age_keys.Passphrase(b"x")], []])
def test_somebody_else_is_told(identities: list[Identity]) -> None:
    """No slot is for whoever is here."""
    with pytest.raises(BadInput, match="none for who is here"):
        slot_wraps.unlock(sidecar(), identities)


def test_what_a_broker_or_a_back_end_opens_no_identity_does() -> None:
    """Even the identity that the broker would give is asked of the broker."""
    for slot in (broker(), keyed()):
        with pytest.raises(BadUsage):
            slot_wraps.open_slot(slot, ARTIFACT.id, [YOU])
        with pytest.raises(BadInput):
            slot_wraps.unlock(sidecar(slot), [YOU])
    assert slot_wraps.open_broker(broker(), ARTIFACT.id, YOU) == KEY


# Escrow


def test_one_holder_is_too_few() -> None:
    """And is told how many are wanted."""
    held = escrow()
    with pytest.raises(BadInput):
        slot_wraps.unlock(sidecar(held), [ME])
    with pytest.raises(BadInput, match="2"):
        slot_wraps.open_escrow(held, ARTIFACT.id, slot_wraps.open_shares(held, ARTIFACT.id, ME))


def test_a_share_of_another_artifact_is_named() -> None:
    """Whose share it is stands in the message."""
    here, there = escrow(), escrow(OTHER)
    mine = slot_wraps.open_shares(here, ARTIFACT.id, ME)
    with pytest.raises(BadSignature):
        slot_wraps.open_shares(there, ARTIFACT.id, YOU)
    theirs = slot_wraps.open_shares(there, OTHER.id, YOU)
    with pytest.raises(BadSignature, match="share 2"):
        slot_wraps.open_escrow(here, ARTIFACT.id, (*mine, *theirs))


def test_a_holder_twice_is_refused() -> None:
    """One person would be two."""
    chance = os.urandom(slot_wraps.escrow_chance(2, 2))
    with pytest.raises(BadUsage):
        slot_wraps.escrow(Terms("e", ARTIFACT.id), KEY, 2, [ME.public, ME.public], chance)


# Carried elsewhere


@pytest.mark.parametrize("made", [hpke, age, escrow], ids=["hpke", "age", "escrow"])
def test_a_slot_of_another_artifact_does_not_open(made: Callable[..., AnySlot]) -> None:
    """Its wrap is bound to the artifact that it was made for."""
    moved = made(OTHER)
    with pytest.raises(BadSignature):
        slot_wraps.open_slot(moved, ARTIFACT.id, [ME, YOU, AGE])


@pytest.mark.parametrize("made", [hpke, age, broker], ids=["hpke", "age", "broker"])
def test_a_slot_with_another_policy_does_not_open(made: Callable[..., AnySlot]) -> None:
    """The id of the policy is bound in: a laxer one cannot be written beside the same wrap."""
    laxer = msgspec.structs.replace(made(policy="strict"), policy="lax")
    opened = slot_wraps.open_broker if isinstance(laxer, BrokerSlot) else slot_wraps.open_slot
    with pytest.raises(BadSignature):
        opened(laxer, ARTIFACT.id, YOU if isinstance(laxer, BrokerSlot) else [ME, AGE])  # type: ignore[operator, arg-type] # one of two


def test_a_wrap_of_one_type_is_none_of_another() -> None:
    """What was sealed for a broker's identity does not open as a plain slot, which no policy guards."""
    b = broker(policy="p")
    plain = HpkeSlot("hpke-9", "p", b.recipient, b.sealed)
    with pytest.raises(BadSignature):
        slot_wraps.open_slot(plain, ARTIFACT.id, [YOU])


def test_a_key_of_another_resource_is_malformed() -> None:
    """What a back end wrapped as another resource stands in no slot."""
    wrapped = Wrapped("models/weights/llm-1", 1, "file", "k1", b"blob", ("owner",))
    with pytest.raises(BadUsage):
        slot_wraps.keyed(Terms("key-1", ARTIFACT.id, "p1"), wrapped)
    bad = KeySlot("key-1", "p1", "file:k1", wrapped)
    with pytest.raises(Malformed):
        sidecar(bad)


# The list


def test_slots_come_and_go_with_the_generation() -> None:
    """Each change counts up, and holds under the same key."""
    first = sidecar()
    second = slots.add(first, ARTIFACT, KEY, hpke(to=YOU, ident="hpke-2"))
    third = slots.remove(second, ARTIFACT, KEY, "hpke-1")
    assert [s.generation for s in (first, second, third)] == [1, 2, 3]
    assert [s.id for s in third.slots] == ["hpke-2"]
    assert slot_wraps.unlock(third, [YOU])[1] == KEY


def test_without_the_key_nothing_is_changed() -> None:
    """Whoever cannot open the artifact cannot make a list that holds."""
    held = sidecar()
    wrong = bytes(32)
    for change in (
        lambda: slots.add(held, ARTIFACT, wrong, hpke(to=YOU, ident="hpke-2")),
        lambda: slots.remove(held, ARTIFACT, wrong, "hpke-1"),
        lambda: slots.rotate(held, ARTIFACT, wrong, (hpke(to=YOU),)),
    ):
        with pytest.raises(BadSignature):
            change()


def test_an_older_list_is_told_by_whoever_knows_a_later_one() -> None:
    """The generation stands under the MAC."""
    with pytest.raises(BadSignature, match="generation 1"):
        slots.verify(sidecar(), KEY, 2)


def test_the_last_slot_and_a_slot_that_is_not_there() -> None:
    """Neither is taken out."""
    with pytest.raises(BadUsage):
        slots.remove(sidecar(), ARTIFACT, KEY, "hpke-1")
    with pytest.raises(NotFound, match="hpke-1"):
        slots.remove(sidecar(), ARTIFACT, KEY, "hpke-7")


def test_classical_and_post_quantum_are_not_mixed_by_mistake() -> None:
    """The weakest decides: it must be said."""
    for pair in ((hpke(), age()), (age(to=AGE_PQ.recipient), age(policy="x")), (escrow(), age())):
        renamed = (pair[0], msgspec.structs.replace(pair[1], id="other"))
        with pytest.raises(BadUsage, match="one strength"):
            sidecar(*renamed, mixed=False)
        assert sidecar(*renamed, mixed=True)
    sidecar(hpke(), age(to=AGE_PQ.recipient), keyed(), broker(), mixed=False)


@pytest.mark.parametrize("slot", [hpke(ATTESTED), age(ATTESTED), escrow(ATTESTED), keyed(ATTESTED)])
def test_the_attested_boundary_has_a_brokers_slots_alone(slot: AnySlot) -> None:
    """Neither is another made, nor read where somebody has written it with the key."""
    with pytest.raises(BadUsage):
        slots.begin(ATTESTED, KEY, (broker(ATTESTED), slot), mixed=True)
    forged = slots.begin(msgspec.structs.replace(ATTESTED, boundary=Boundary.ANY), KEY, (slot,), mixed=True)
    with pytest.raises(Malformed, match="boundary"):
        slots.read(slots.render(forged), ATTESTED)
    slots.begin(ATTESTED, KEY, (broker(ATTESTED),))


def test_a_policy_is_wanted_where_one_decides() -> None:
    """A broker's slot, or a back end's, without the id of a policy would be opened on no terms."""
    with pytest.raises(Malformed, match="policy"):
        sidecar(broker(policy=""))


# What is read


def _changed(**fields: object) -> bytes:
    held = json.loads(slots.render(sidecar()))
    return (json.dumps({**held, **fields}, separators=(",", ":"), sort_keys=True) + "\n").encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        _changed(schema="strongroom.sealed-slots/2"),
        _changed(artifact="cd" * 32),
        _changed(generation=0),
        _changed(generation=1 << 53),
        _changed(more=1),
        _changed(mac="0"),
        _changed(slots=[{"type": "passphrase"}]),
        _changed(slots=[{"type": 7}]),
        slots.render(sidecar())[:-1],
        slots.render(sidecar()).replace(b",", b", ", 1),
        b" " + slots.render(sidecar()),
        slots.render(sidecar()).replace(b'"generation"', b'"generation":1,"generation"', 1),
    ],
)
def test_a_file_that_is_none_is_malformed(data: bytes) -> None:
    """Another schema, another artifact, members too many, another form of JSON."""
    with pytest.raises(Malformed):
        slots.read(data, ARTIFACT)


def test_two_of_one_id_and_too_many_are_refused() -> None:
    """Each slot has its own id, and a list has its end."""
    with pytest.raises(Malformed, match="one id"):
        sidecar(hpke(), hpke())
    with pytest.raises(TooLarge):
        sidecar(*(hpke(ident=f"hpke-{n}") for n in range(slots.MOST_SLOTS + 1)))
    with pytest.raises(TooLarge):
        slots.read(_changed(slots=[]), ARTIFACT)
    with pytest.raises(TooLarge):
        slots.read(b"x" * (slots.MOST + 1), ARTIFACT)


_SOUND = slots.render(sidecar(hpke(policy="p"), age(), escrow(), broker(), keyed()))


@given(st.integers(0, len(_SOUND) - 1), st.integers(1, 255))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_octet_can_be_changed(at: int, by: int) -> None:
    """Whatever octet is changed to whatever, no key comes out of any slot."""
    octets = bytearray(_SOUND)
    octets[at] ^= by
    for identities in ([ME], [AGE], [ME, THEY]):
        with pytest.raises(StrongroomError):
            slot_wraps.unlock(slots.read(bytes(octets), ARTIFACT), identities)


# Wraps and texts


def test_a_wrap_opens_for_its_recipient_and_its_purpose_alone() -> None:
    """HPKE binds the purpose."""
    sealed_key = hpke_slot.wrap(KEY, ME.public, b"purpose")
    assert len(sealed_key) == hpke_slot.SEALED
    assert hpke_slot.unwrap(sealed_key, ME, b"purpose") == KEY
    assert hpke_slot.wrap(KEY, ME.public, b"purpose") != sealed_key
    for identity, purpose in ((YOU, b"purpose"), (ME, b"another")):
        with pytest.raises(BadSignature):
            hpke_slot.unwrap(sealed_key, identity, purpose)
    with pytest.raises(Malformed):
        hpke_slot.unwrap(sealed_key[:-1], ME, b"purpose")
    with pytest.raises(BadUsage):
        hpke_slot.wrap(KEY[:-1], ME.public, b"purpose")


def test_a_public_key_of_low_order_is_refused() -> None:
    """Half of the secret would be known to everybody."""
    low = ME.public.octets[:-32] + bytes(32)
    with pytest.raises(Malformed, match="low order"):
        hpke_slot.wrap(KEY, xwing.PublicKey(low), b"purpose")


def test_texts_come_back_and_a_mistyped_one_is_told() -> None:
    """A recipient and an identity in one line each, with a checksum; no message has any of an identity."""
    to, secret = hpke_slot.recipient_text(ME.public), hpke_slot.identity_text(ME)
    assert hpke_slot.recipient(to) == ME.public
    assert hpke_slot.identity(secret) == ME
    assert ME.seed.hex() not in repr(ME)
    for text in (secret[:-1], secret + "A", secret[:-2] + ("A" if secret[-2] != "A" else "B") + secret[-1], to, ""):
        with pytest.raises(Malformed) as told:
            hpke_slot.identity(text)
        assert secret[24:40] not in str(told.value)
    swapped = to[:40] + to[41] + to[40] + to[42:]
    if swapped != to:
        with pytest.raises(Malformed):
            hpke_slot.recipient(swapped)


def test_what_age_has_opened_is_taken() -> None:
    """The inside of an age slot, and of no other artifact's."""
    held = sidecar(hpke(), age())
    inside = age_file.decrypt(age().file.encode(), [AGE])
    assert slot_wraps.recovered(inside, held) == (held.slots[1], KEY)
    for wrong in (age_file.decrypt(age(OTHER).file.encode(), [AGE]), inside.replace(b'"age"', b'"hpke"')):
        with pytest.raises(BadSignature):
            slot_wraps.recovered(wrong, held)
    with pytest.raises(Malformed):
        slot_wraps.recovered(b"AGE-SECRET-KEY-1", held)
    with pytest.raises(BadSignature, match="generation"):
        slot_wraps.recovered(inside, held, 2)
