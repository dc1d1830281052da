"""Signed notes (c2sp.org/signed-note v1.0.0): a text, an empty line, and one line for each signature."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from strongroom.kit.tlog.keys import Kind, SignerKey, VerifierKey, check_name
from strongroom.kit.tlog.text import from_base64, shown, to_base64
from strongroom.model.errors import BadInput, BadSignature, Malformed, TooLarge

MAX_NOTE = 1_000_000  # signed-note, "Format", asks for a limit; golang.org/x/mod/sumdb/note has this one
MAX_SIGNATURES = 100  # the same; at least 16 must be taken
_DASH = "\u2014 "  # signed-note, "Format": em dash, space
_KEY_ID_SIZE = 4
_NOT_TEXT = re.compile("[\x00-\x09\x0b-\x1f\ud800-\udfff]")  # signed-note, "Format"; a newline ends a line


class Signature(NamedTuple):
    """One signature line: whose it says it is, and the bytes after the key id."""

    name: str
    key_id: int
    value: bytes

    @property
    def line(self) -> str:
        """The line without its newline (signed-note, "Signatures")."""
        return f"{_DASH}{self.name} {to_base64(self.key_id.to_bytes(_KEY_ID_SIZE, 'big') + self.value)}"


class Note(NamedTuple):
    """A note as it was read: nothing in it has been verified, and its text must not be used."""

    text: str
    signatures: tuple[Signature, ...]


class VerifiedSignature(NamedTuple):
    """A signature of a known key over the text; `timestamp` is what it states, in seconds since 1970, or None."""

    key: VerifierKey
    signature: Signature
    timestamp: int | None


class VerifiedNote(NamedTuple):
    """A text that known keys have signed: one signature for each key, in order; lines of unknown keys are kept."""

    text: str
    verified: tuple[VerifiedSignature, ...]
    unknown: tuple[Signature, ...]


class Verifier(Protocol):
    """Verifies what one key signs."""

    @property
    def key(self) -> VerifierKey:
        """Whose signatures it verifies."""
        ...

    def verify(self, text: str, value: bytes) -> int | None:
        """The time that the signature states, if its type states one.

        Raises:
            BadSignature: it does not verify.
        """
        ...


class Signer(Protocol):
    """Makes the signature line of one key."""

    def sign(self, text: str) -> Signature:
        """The signature over the text of a note."""
        ...


class Ed25519Verifier(NamedTuple):
    """Verifies type 0x01: Ed25519 over the text of the note (signed-note, "Ed25519 signatures")."""

    key: VerifierKey

    def verify(self, text: str, value: bytes) -> None:
        """Nothing but that it is right; a signature of this type states no time."""
        _check_kind(self.key)
        self.key.verify_raw(text.encode(), value)


class Ed25519Signer(NamedTuple):
    """Signs as type 0x01: Ed25519 over the text of the note (signed-note, "Ed25519 signatures")."""

    key: SignerKey

    def sign(self, text: str) -> Signature:
        """The signature over the text of a note."""
        _check_kind(self.key.verifier)
        return Signature(self.key.verifier.name, self.key.verifier.key_id, self.key.sign_raw(text.encode()))


def _check_kind(key: VerifierKey) -> None:
    # The bytes of a cosignature key under this type would sign what cosigners mean to keep apart.
    if key.kind is not Kind.ED25519:
        raise BadInput(f"key {key.name}", f"signature type 0x{key.kind:02x}", "0x01, Ed25519 over the note")


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise Malformed("text of a note", "no newline at its end", "whole lines")
    if _NOT_TEXT.search(text) is None:
        return
    for number, line in enumerate(text.split("\n"), 1):
        if bad := next((c for c in line if c < " " or "\ud800" <= c <= "\udfff"), None):
            raise Malformed(
                f"note, line {number}", f"the character U+{ord(bad):04X}", "text without control characters"
            )


def encode(note: Note) -> bytes:
    """The bytes of a note.

    Raises:
        Malformed: its text does not end in a newline or has a control character, a key has no proper name, or there is
            no signature or an empty one.
        TooLarge: it is over a limit of readers.
    """
    _check_text(note.text)
    if not note.signatures:
        raise Malformed("note", "no signature", "at least one")
    for signature in note.signatures:
        check_name(signature.name)
        if not signature.value or not 0 <= signature.key_id < 1 << 32:
            raise Malformed(f"signature of {signature.name}", "no bytes after the key id", "a key id and a signature")
    data = (note.text + "\n" + "".join(s.line + "\n" for s in note.signatures)).encode()
    _check_limits(len(data), len(note.signatures))
    return data


def _check_limits(size: int, signatures: int) -> None:
    if size > MAX_NOTE:
        raise TooLarge("note", f"{size} bytes", f"at most {MAX_NOTE}")
    if signatures > MAX_SIGNATURES:
        raise TooLarge("note", f"{signatures} signatures", f"at most {MAX_SIGNATURES}")


def _parse_line(line: str, number: int) -> Signature:
    subject = f"note, line {number}"
    if not line.startswith(_DASH):
        raise Malformed(subject, shown(line), "a signature line: em dash, space, name, space, base64")
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not space:
        raise Malformed(subject, shown(line), "a name and a signature")
    check_name(name)
    material = from_base64(encoded, subject)
    if len(material) <= _KEY_ID_SIZE:
        raise Malformed(subject, f"{len(material)} bytes", "a key id of 4 bytes and a signature")
    return Signature(name, int.from_bytes(material[:_KEY_ID_SIZE], "big"), material[_KEY_ID_SIZE:])


def parse(data: bytes) -> Note:
    """A note as it stands, not verified; `encode` gives the same bytes back (signed-note, "Format").

    Raises:
        Malformed: it is no note; the message says which line and why.
        TooLarge: it is over a limit.
    """
    _check_limits(len(data), 0)
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as e:
        raise Malformed("note", f"byte 0x{data[e.start]:02x} at {e.start}", "UTF-8 text") from None
    _check_text(whole)
    body, empty, tail = whole.rpartition("\n\n")  # The last empty line is the one that counts.
    if not empty or not tail:
        raise Malformed("note", "no signature after an empty line", "a text, an empty line, and signature lines")
    lines = tail.removesuffix("\n").split("\n")
    _check_limits(len(data), len(lines))
    first = body.count("\n") + 3
    return Note(body + "\n", tuple(_parse_line(line, first + i) for i, line in enumerate(lines)))


def sign(text: str, signers: Sequence[Signer]) -> bytes:
    """A note of a text, signed by each signer in turn.

    Raises:
        Malformed: the text is none that a note can carry, or there is no signer.
    """
    _check_text(text)
    return encode(Note(text, tuple(s.sign(text) for s in signers)))


def add_signatures(data: bytes, signatures: Iterable[Signature]) -> bytes:
    """The note with more signature lines after its own; a line that is already there is not repeated.

    Raises:
        Malformed: it is no note, or a signature is none.
        TooLarge: it would be over a limit.
    """
    note = parse(data)
    return encode(Note(note.text, tuple(dict.fromkeys((*note.signatures, *signatures)))))


def open_note(data: bytes, verifiers: Iterable[Verifier]) -> VerifiedNote:
    """The text of a note, once known keys have signed it (signed-note, "Signatures").

    A key is known by its name and id together. A second signature of a key is verified too, and counts for nothing:
    whoever counts signatures counts keys.

    Raises:
        Malformed: it is no note.
        BadInput: two of the keys given have one name and id.
        BadSignature: a known key's signature does not verify, or no known key has signed.
    """
    note = parse(data)
    known: dict[tuple[str, int], Verifier] = {}
    for verifier in verifiers:
        name = (verifier.key.name, verifier.key.key_id)
        if known.setdefault(name, verifier).key != verifier.key:
            raise BadInput(f"keys of {name[0]}", f"two with the id {name[1]:08x}", "one key for a name and id")
    verified: dict[tuple[str, int], VerifiedSignature] = {}
    unknown = []
    for signature in note.signatures:
        who = (signature.name, signature.key_id)
        if who not in known:
            unknown.append(signature)
            continue
        stated = known[who].verify(note.text, signature.value)
        verified.setdefault(who, VerifiedSignature(known[who].key, signature, stated))
    if not verified:
        names = ", ".join(sorted({s.name for s in note.signatures}))
        raise BadSignature("note", f"signatures of {shown(names)}", "one of a key that is known here")
    return VerifiedNote(note.text, tuple(verified.values()), tuple(unknown))
