"""Encryption for several: each of them reads it, nobody else does, and what was changed is not read."""

import base64
import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from test_jwe import KEYS, OTHERS, fresh

from strongroom.kit import jwe
from strongroom.kit.jwk import recipient
from strongroom.model.errors import BadInput, BadSignature, Malformed

NAMES = sorted(KEYS)
Message = dict[str, object]


def made(names: list[str], plaintext: bytes = b"the mean", **said: object) -> bytes:
    """Something encrypted to keys of the table."""
    to = [recipient(jwe.public_members(KEYS[n])) for n in names]
    return jwe.encrypt_for(to, plaintext, [fresh(KEYS[n]) for n in names], {"typ": "x", **said})


def text(data: bytes) -> str:
    """As a message has octets."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@settings(max_examples=60)
@given(st.lists(st.sampled_from(NAMES), min_size=1, unique=True), st.binary(max_size=3000))
def test_each_recipient_reads_it_and_nobody_else(names: list[str], plaintext: bytes) -> None:
    """Whoever is among the recipients reads it; a key of each kind that is not among them finds no entry."""
    data = made(names, plaintext)
    for name in NAMES:
        if name in names:
            said = jwe.decrypt_general(data, KEYS[name])
            assert (said.plaintext, len(said.recipients)) == (plaintext, len(names))
        else:
            with pytest.raises(BadSignature, match="no entry"):
                jwe.decrypt_general(data, KEYS[name])
        with pytest.raises(BadSignature):
            jwe.decrypt_general(data, OTHERS[name])


def test_the_protected_header_is_what_was_said() -> None:
    """It comes back as it was given, with how the content is encrypted."""
    said = jwe.decrypt_general(made(["P-256"], resource="a/b/c"), KEYS["P-256"])
    assert json.loads(said.header) == {"typ": "x", "resource": "a/b/c", "enc": "A256GCM"}


def test_it_is_of_the_general_form() -> None:
    """The members are those of RFC 7516 section 7.2.1; how a key is wrapped is said by recipient, apart from the rest."""
    held = json.loads(made(NAMES))
    assert set(held) == {"protected", "recipients", "iv", "ciphertext", "tag"}
    assert all(set(r) == {"header", "encrypted_key"} for r in held["recipients"])
    protected = json.loads(base64.urlsafe_b64decode(held["protected"] + "=="))
    assert not set(protected) & {n for r in held["recipients"] for n in r["header"]}


@settings(max_examples=80)
@given(st.sampled_from(["protected", "iv", "ciphertext", "tag", "encrypted_key"]), st.integers(0, 10_000), st.data())
def test_a_bit_that_was_changed_is_noticed(member: str, at: int, draw: st.DataObject) -> None:
    """Any bit of what is under the tag, or of one's own wrapped key: nothing is read."""
    name = draw.draw(st.sampled_from(NAMES))
    message = json.loads(made(NAMES))
    mine = recipient(jwe.public_members(KEYS[name])).thumbprint
    held = (
        next(r for r in message["recipients"] if r["header"]["kid"] == mine) if member == "encrypted_key" else message
    )
    octets = bytearray(base64.urlsafe_b64decode(held[member] + "=="))
    octets[at % len(octets)] ^= 1 << at % 8
    held[member] = text(bytes(octets))
    with pytest.raises(BadInput):
        jwe.decrypt_general(json.dumps(message).encode(), KEYS[name])


def first(m: Message) -> dict[str, dict[str, object]]:
    """The first entry."""
    found = m["recipients"]
    assert isinstance(found, list)
    entry: dict[str, dict[str, object]] = found[0]
    return entry


def protected(m: Message, **more: object) -> None:
    """Say more in the protected header."""
    held = json.loads(base64.urlsafe_b64decode(str(m["protected"]) + "=="))
    m["protected"] = text(json.dumps(held | more).encode())


SPOILT: dict[str, Callable[[Message], object]] = {
    "no recipients": lambda m: m.update(recipients=[]),
    "a recipient twice": lambda m: m.update(recipients=[first(m), first(m)]),
    "an unprotected header": lambda m: m.update(unprotected={"enc": "A256GCM"}),
    "additional data": lambda m: m.update(aad="AAAA"),
    "the flattened form beside it": lambda m: m.update(encrypted_key="AAAA"),
    "another algorithm for the key": lambda m: first(m)["header"].update(alg="RSA1_5"),
    "the key itself": lambda m: first(m)["header"].update(alg="dir"),
    "a header of a recipient with more": lambda m: first(m)["header"].update(zip="DEF"),
    "another cipher": lambda m: protected(m, enc="A128CBC-HS256"),
    "an algorithm for all": lambda m: protected(m, alg="dir"),
    "a compressed content": lambda m: protected(m, zip="DEF"),
    "what must be understood": lambda m: protected(m, crit=["exp"]),
    "a header of more": lambda m: protected(m, exp=1),
    "a short tag": lambda m: m.update(tag=text(bytes(12))),
    "a long vector": lambda m: m.update(iv=text(bytes(16))),
    "an ephemeral key on another curve": lambda m: first(m)["header"].update(
        epk={n: v for n, v in jwe.public_members(ec.derive_private_key(3, ec.SECP521R1())).items() if n != "alg"}
    ),
    "no ephemeral key": lambda m: first(m)["header"].pop("epk"),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_what_is_no_such_message_is_refused(spoil: Callable[[Message], object]) -> None:
    """Another form, another algorithm, and headers that say a thing twice are refused before anything is read."""
    message: Message = json.loads(made(["P-256"]))
    spoil(message)
    with pytest.raises(BadInput):
        jwe.decrypt_general(json.dumps(message).encode(), KEYS["P-256"])


def test_a_key_that_stands_twice_is_refused() -> None:
    """A message that two readers could read differently is none."""
    data = made(["P-256"]).replace(b'"iv":', b'"iv":"AAAA","iv":', 1)
    with pytest.raises(Malformed):
        jwe.decrypt_general(data, KEYS["P-256"])


def test_too_much_is_refused() -> None:
    """Beyond the limit nothing is read into memory a second time."""
    with pytest.raises(Malformed, match="octets"):
        jwe.decrypt_general(made(["P-256"], bytes(100)), KEYS["P-256"], most=100)


@pytest.mark.parametrize("names", [[], ["P-256", "P-256"]], ids=["nobody", "one twice"])
def test_recipients_are_some_and_each_once(names: list[str]) -> None:
    """Nothing is encrypted to nobody, nor twice to one."""
    with pytest.raises(Malformed):
        made(names)


@settings(max_examples=150)
@given(st.binary(max_size=400))
def test_octets_of_anybody_do_no_harm(data: bytes) -> None:
    """Whatever comes is refused as what it is."""
    with pytest.raises(BadInput):
        jwe.decrypt_general(data, KEYS["P-256"])
