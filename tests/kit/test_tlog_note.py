"""Keys and signed notes: one text for each value, and no text without a known signature."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.tlog import note
from strongroom.kit.tlog.keys import Kind, SignerKey, VerifierKey, parse_signer_key, parse_verifier_key
from strongroom.kit.tlog.note import Ed25519Signer, Ed25519Verifier, Note, Signature
from strongroom.kit.tlog.text import from_base64, from_decimal
from strongroom.model.errors import BadInput, BadSignature, Malformed, StrongroomError, TooLarge

# The worked examples of signed-note and of the Go module golang.org/x/mod/sumdb/note.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
""".encode()
GO_SIGNER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = """If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
""".encode()

ALICE = SignerKey("example.org/alice", Kind.ED25519, bytes(range(32)))
BOB = SignerKey("bob", Kind.ED25519, bytes(32))


def verifier(key: SignerKey) -> Ed25519Verifier:
    return Ed25519Verifier(key.verifier)


def signed(text: str, *keys: SignerKey) -> bytes:
    return note.sign(text, [Ed25519Signer(k) for k in keys])


lines = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=12)
texts = st.lists(lines, min_size=1, max_size=5).map(lambda found: "".join(line + "\n" for line in found))
names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=9
).filter(lambda name: "+" not in name)


def test_the_examples_verify() -> None:
    """The notes of the specification and of the Go implementation verify, and ours has the same bytes."""
    opened = note.open_note(EXAMPLE, [Ed25519Verifier(parse_verifier_key(EXAMPLE_KEY))])
    assert opened.text == "This is an example message.\n"
    key = parse_signer_key(GO_SIGNER)
    assert (str(key.verifier), key.secret_text()) == (GO_VERIFIER, GO_SIGNER)
    opened = note.open_note(GO_NOTE, [Ed25519Verifier(parse_verifier_key(GO_VERIFIER))])
    assert signed(opened.text, key) == GO_NOTE


@pytest.mark.parametrize("kind", list(Kind))
@given(names, st.binary(min_size=32, max_size=32))
def test_keys_survive_being_written(kind: Kind, name: str, seed: bytes) -> None:
    """A key of any type and name comes back from its text, and its repr holds no secret."""
    key = SignerKey(name, kind, seed)
    assert parse_verifier_key(str(key.verifier)) == key.verifier
    again = parse_signer_key(key.secret_text())
    assert (again.verifier, again.secret_text()) == (key.verifier, key.secret_text())
    assert repr(key) == f"SignerKey({name}+{key.verifier.key_id:08x})"


def test_one_public_key_of_two_types_has_two_ids() -> None:
    """The type is part of the id, so a cosignature never passes for a note signature."""
    assert len({VerifierKey("a", k, ALICE.verifier.public).key_id for k in Kind}) == len(Kind)


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "a+b", "a+530d903a", "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"),
        EXAMPLE_KEY.replace("530d903a", "530D903A"),
        EXAMPLE_KEY.replace("530d903a", "+30d903a"),
        EXAMPLE_KEY.replace("530d903a", "530d903b"),
        EXAMPLE_KEY.replace("foo", "fo o"),
        EXAMPLE_KEY.replace("foo", "fo\u00a0o"),
        EXAMPLE_KEY.replace("foo", "fo\x00o"),
        EXAMPLE_KEY.replace("foo", "goo"),
        EXAMPLE_KEY + "=",
        EXAMPLE_KEY + "\n",
        EXAMPLE_KEY[:-4],
        EXAMPLE_KEY.replace("Aeky", "Aiky"),
        "example.com/foo+530d903a+",
    ],
)
def test_other_verifier_keys_are_refused(text: str) -> None:
    """A vkey with a wrong id, length, type or spelling is no key."""
    with pytest.raises(Malformed):
        parse_verifier_key(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", GO_VERIFIER, GO_SIGNER[:-4], GO_SIGNER + "\n", GO_SIGNER.lower(), GO_SIGNER.replace("c74f", "c74e")),
        *(
            GO_SIGNER.replace("+AYEK", "+AoEK"),
            GO_SIGNER.replace("+AYEK", "+BIEK"),
            GO_SIGNER.replace("Peter", "Pe ter"),
        ),
    ],
)
def test_other_signer_keys_are_refused_without_showing_them(text: str) -> None:
    """A signer key that is not well formed is refused, and the message does not carry its secret."""
    with pytest.raises(Malformed) as caught:
        parse_signer_key(text)
    assert "FALVFGyNhPJEMzD1QIDr" not in f"{caught.value!r} {caught.value}"
    assert caught.value.__cause__ is None


def test_a_seed_has_32_bytes() -> None:
    """A short or long seed makes no key."""
    for size in (0, 31, 33, 64):
        with pytest.raises(Malformed):
            SignerKey("a", Kind.ED25519, bytes(size))


@given(texts)
def test_a_note_survives_and_verifies(text: str) -> None:
    """Any text of whole lines is signed by two keys, read back letter by letter, and verified by each."""
    data = signed(text, ALICE, BOB)
    assert note.encode(note.parse(data)) == data
    opened = note.open_note(data, [verifier(BOB)])
    assert opened.text == text
    assert [v.key for v in opened.verified] == [BOB.verifier]
    assert [s.name for s in opened.unknown] == [ALICE.verifier.name]
    assert len(note.open_note(data, [verifier(ALICE), verifier(BOB)]).verified) == 2


@given(texts, st.data())
def test_a_changed_note_is_refused(text: str, data: st.DataObject) -> None:
    """A flipped bit, a cut or a doubled byte leaves no note that verifies with the same signature and another text."""
    good = signed(text, ALICE)
    at = data.draw(st.integers(0, len(good) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    for bad in (
        good[:at] + bytes([good[at] ^ bit]) + good[at + 1 :],
        good[:at],
        good[:at] + good[at : at + 1] + good[at:],
    ):
        if bad == good:
            continue
        with pytest.raises(StrongroomError):
            note.open_note(bad, [verifier(ALICE)])


@given(st.one_of(st.binary(max_size=80), texts.map(str.encode)))
def test_any_bytes_are_a_note_or_refused(data: bytes) -> None:
    """Whatever parses is written back byte by byte, and nothing else is raised."""
    found = None
    with contextlib.suppress(StrongroomError):
        found = note.encode(note.parse(data))
    assert found in {None, data}


GOOD = signed("text\n", ALICE)
LINE = GOOD.split(b"\n")[2]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no newline at its end"),
        (b"text\n", "no signature"),
        (b"text\n\n", "no signature"),
        (b"\n" + LINE + b"\n", "no signature"),
        (b"text\n" + LINE + b"\n", "no signature"),
        (GOOD[:-1], "no newline"),
        (GOOD + b"\n", "no signature"),
        (GOOD.replace(b"text", b"te\xffxt"), "byte 0xff"),
        (GOOD.replace(b"text", b"te\rxt"), "U+000D"),
        (GOOD.replace(b"text", b"te\txt"), "line 1: found the character U+0009"),
        (GOOD.replace("— ".encode(), b"- "), "a signature line"),
        (GOOD.replace("— ".encode(), "—".encode()), "a signature line"),
        (GOOD.replace("— ".encode(), "—  ".encode()), "name of a key"),
        (GOOD.replace(b"/alice", b"/ali+ce"), "without spaces and plus signs"),
        (GOOD.replace(b"/alice", "/ali\u2003ce".encode()), "without spaces and plus signs"),
        (GOOD.replace(b"/alice ", b"/alice"), "a name and a signature"),
        (GOOD.replace(b"/alice ", b"/alice  "), "standard base64"),
        (GOOD[:-1] + b" \n", "standard base64"),
        (GOOD[:-2] + b"\n", "standard base64"),
        ("text\n\n— a AAAAAA==\n".encode(), "4 bytes"),
        ("text\n\n— a AAAAAAB=\n".encode(), "spare bits"),
        ("text\n\n— a AAAA-AA_\n".encode(), "standard base64"),
    ],
)
def test_other_notes_are_refused_with_the_reason(data: bytes, why: str) -> None:
    """Text that is no note is refused, and the message says why."""
    with pytest.raises(Malformed) as caught:
        note.parse(data)
    assert why in str(caught.value)


def test_limits() -> None:
    """A hundred signatures and a million bytes are read; one more of either is not."""
    many = Note("t\n", tuple(Signature(f"n{i}", i, b"s") for i in range(note.MAX_SIGNATURES)))
    assert note.parse(note.encode(many)) == many
    with pytest.raises(TooLarge):
        note.add_signatures(note.encode(many), [Signature("one.more", 1, b"s")])
    one_more = note.encode(many) + "— one.more AAAAAAA=\n".encode()
    for bad in (one_more, b"x" * note.MAX_NOTE + GOOD):
        with pytest.raises(TooLarge):
            note.parse(bad)


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "nul\0\n", "\udc80\n"])
def test_a_text_that_no_note_carries_is_not_signed(text: str) -> None:
    """What a reader would refuse is not signed in the first place."""
    with pytest.raises(Malformed):
        signed(text, ALICE)


def test_what_is_no_signature_is_not_written() -> None:
    """A note without signatures, with an empty one, or with an id over 32 bits is not written."""
    for bad in ((), (Signature("a", 1, b""),), (Signature("a", 1 << 32, b"x"),), (Signature("a b", 1, b"x"),)):
        with pytest.raises(Malformed):
            note.encode(Note("t\n", bad))


def test_who_counts_as_known() -> None:
    """Name and id together make a key known; a failing signature of a known key refuses the whole note."""
    renamed = Ed25519Verifier(VerifierKey("other", Kind.ED25519, ALICE.verifier.public))
    with pytest.raises(BadSignature):
        note.open_note(GOOD, [renamed])
    with pytest.raises(BadSignature):
        note.open_note(GOOD, [])
    forged = note.add_signatures(GOOD, [Signature("bob", BOB.verifier.key_id, bytes(64))])
    assert note.open_note(forged, [verifier(ALICE)]).text == "text\n"
    with pytest.raises(BadSignature):
        note.open_note(forged, [verifier(ALICE), verifier(BOB)])


def test_a_key_counts_once() -> None:
    """A line that is there is not repeated, and a repeated one is counted once but verified each time."""
    again = Ed25519Signer(ALICE).sign("text\n")
    assert note.add_signatures(GOOD, [again]) == GOOD
    doubled = GOOD + LINE + b"\n"
    assert len(note.open_note(doubled, [verifier(ALICE)]).verified) == 1
    second_bad = note.add_signatures(GOOD, [again._replace(value=bytes(64))])
    with pytest.raises(BadSignature):
        note.open_note(second_bad, [verifier(ALICE)])


def test_two_keys_of_one_name_and_id_are_refused() -> None:
    """Keys whose ids collide cannot be told apart in a note: the caller must drop one."""

    class Colliding(VerifierKey):
        @property
        def key_id(self) -> int:
            return ALICE.verifier.key_id

    other = Colliding(ALICE.verifier.name, Kind.ED25519, BOB.verifier.public)
    with pytest.raises(BadInput):
        note.open_note(GOOD, [verifier(ALICE), Ed25519Verifier(other)])


@pytest.mark.parametrize("kind", [Kind.COSIGNATURE_ED25519, Kind.COSIGNATURE_ML_DSA_44])
def test_a_cosigner_key_signs_no_plain_note(kind: Kind) -> None:
    """A key of another type is not used for type 0x01, neither to sign nor to verify."""
    key = SignerKey("w", kind, bytes(32))
    with pytest.raises(BadInput):
        Ed25519Signer(key).sign("text\n")
    with pytest.raises(BadInput):
        Ed25519Verifier(key.verifier).verify("text\n", bytes(64))


@pytest.mark.parametrize("text", ["", "-1", "+1", "01", "00", "1 ", "1_0", "\u0661", "9223372036854775808", "1" * 5000])
def test_other_numbers_are_refused(text: str) -> None:
    """A number has one way to be written, and fits in 63 bits."""
    with pytest.raises(Malformed):
        from_decimal(text, "size")


def test_numbers_and_base64_have_one_text() -> None:
    """The largest number is read; base64 with other letters, spaces or missing padding is not."""
    assert from_decimal("9223372036854775807", "size") == 2**63 - 1
    assert from_decimal("0", "size") == 0
    assert from_base64("", "x") == b""
    for bad in ("AA", "AB==", "A A=", "AA==\n", "\u00e9AAA", "AA==AA=="):
        with pytest.raises(Malformed):
            from_base64(bad, "x")
