"""The file of reference values: what it may hold, how it is written, and who has signed it.

    schema = "strongroom.references/1"
    name = "inference"
    version = 3

    [[reference]]
    kind = "snp"
    name = "worker"
    version = "1.4.2"
    image = "sha256:…"
    …
    [reference.values]
    measurement = ["…"]

or, of a boot that was learned, its events, register by register in their order:

    [[reference.events]]
    register = "pcr9"
    what = "initrd"
    accept = ["sha256:… /initrd.gz"]

The signature is a signed note beside the file, over its name, its version and its digest. The version only rises, so
that a file with an old build in it cannot be put back where a newer one was seen.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from strongroom.kit import known_boot_file
from strongroom.kit.artifact_register import quoted
from strongroom.kit.tlog import note as notes
from strongroom.kit.tlog.keys import Kind, VerifierKey
from strongroom.kit.tlog.note import Ed25519Signer, Ed25519Verifier, VerifiedNote
from strongroom.model.attest import EvidenceKind, ExpectedEvent
from strongroom.model.attest import Reference as Known
from strongroom.model.errors import BadInput, BadSignature, Malformed

SCHEMA = "strongroom.references/1"
MOST_REFERENCES = 10_000
MOST_VALUES = 256  # of one register
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
_HEX = re.compile(r"(?:[0-9a-f]{2}){20,64}")
_IMAGE = re.compile(r"sha(?:256:[0-9a-f]{64}|384:[0-9a-f]{96}|512:[0-9a-f]{128})")
_SUBJECT = "reference values"


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one workload measures to. `golden`: taken from evidence of a machine that ran, not computed from files.

    `inputs` are the files that it was computed from, each as `ROLE sha256:HEX SIZE`; `measured_with` the programs.
    """

    kind: EvidenceKind
    name: str
    values: dict[str, tuple[str, ...]]
    image: str
    version: str = ""
    about: str = ""
    inputs: tuple[str, ...] = ()
    measured_at: datetime | None = None
    measured_with: str = ""
    golden: bool = False
    events: tuple[ExpectedEvent, ...] = ()
    may_vary: dict[str, str] = {}

    @property
    def known(self) -> Known:
        """As verifiers compare it."""
        held = Known(self.kind, self.name, self.values, self.image, self.version, self.about)
        return msgspec.structs.replace(held, events=self.events, may_vary=self.may_vary)

    @property
    def place(self) -> tuple[EvidenceKind, str, str]:
        """What is unique in a file."""
        return self.kind, self.name, self.version


class References(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. `name` is what it is known by where its version is remembered."""

    schema: str
    name: str
    version: int
    reference: tuple[Reference, ...] = ()


def read(table: Mapping[str, object], subject: str) -> References:
    """The references of a TOML table. Raises Malformed, naming the key."""
    try:
        found = msgspec.convert(table, References)
    except msgspec.ValidationError as e:
        raise Malformed(subject, str(e).lower()[:200], "the keys of a file of reference values") from None
    if found.schema != SCHEMA:
        raise Malformed(subject, f"schema {found.schema[:60]!r}", SCHEMA)
    if not _NAME.fullmatch(found.name) or not 0 < found.version < 1 << 53:
        raise Malformed(subject, f"name {found.name[:60]!r}, version {found.version}", "a name, and a version from 1")
    if len(found.reference) > MOST_REFERENCES:
        raise Malformed(subject, f"{len(found.reference)} references", f"at most {MOST_REFERENCES}")
    seen = set()
    for r in found.reference:
        check(r, subject)
        if r.place in seen:
            raise Malformed(subject, f"two references {r.kind.value} {r.name} {r.version}".rstrip(), "each once")
        seen.add(r.place)
    return found


def check(reference: Reference, subject: str) -> None:
    """Refuse what could match by accident: no register, no value, a value that is no digest. Raises Malformed."""
    r = reference
    where = f"the reference {r.name[:60]!r}"
    if not _NAME.fullmatch(r.name) or (r.version and not _NAME.fullmatch(r.version)):
        raise Malformed(subject, f"{where}, version {r.version[:60]!r}", "letters, digits and . _ + -")
    if not _IMAGE.fullmatch(r.image):
        wanted = "the digest of the image that it belongs to: sha256:…"
        raise Malformed(subject, f"the image {r.image[:80]!r} of {r.name}", wanted, "name it with --image")
    if not r.values and not r.events:
        raise Malformed(subject, f"{where} without values", "a value of each register that counts")
    known_boot_file.check(r.kind, r.events, r.may_vary, f"{subject}: {where}")
    if r.measured_at is not None and r.measured_at.tzinfo is None:
        raise Malformed(subject, f"measured_at of {r.name} without a zone", "a time in UTC, with Z")
    for register, values in r.values.items():
        if not 0 < len(values) <= MOST_VALUES:
            raise Malformed(subject, f"{len(values)} values of {register[:40]} of {r.name}", f"1 to {MOST_VALUES}")
        for value in values:
            if not _HEX.fullmatch(value):
                raise Malformed(subject, f"{value[:60]!r} as {register[:40]} of {r.name}", "a digest in lower-case hex")
    zeros = r.kind is EvidenceKind.NITRO and any(not v.strip("0") for values in r.values.values() for v in values)
    if zeros:
        hint = "an enclave in debug mode has zeros; start it without --debug-mode"
        raise Malformed(subject, f"zeros as a register of {r.name}", "what an image measures to", hint)


# Writing


def render(references: References) -> str:
    """The text of the file: the same references give the same text."""
    lines = [
        "# What known good workloads measure to. Written by `strongroom attest measure` and `learn`; what is changed by hand counts",
        "# once it is signed again: strongroom attest measure sign FILE. Comments are not kept.",
        f"schema = {quoted(references.schema)}",
        f"name = {quoted(references.name)}",
        f"version = {references.version}",
    ]
    for r in references.reference:
        lines += ["", "[[reference]]", f"kind = {quoted(r.kind.value)}", f"name = {quoted(r.name)}"]
        lines += [f"version = {quoted(r.version)}"] if r.version else []
        lines += [f"image = {quoted(r.image)}"]
        lines += [f"about = {quoted(r.about)}"] if r.about else []
        lines += ["inputs = [", *(f"  {quoted(i)}," for i in r.inputs), "]"] if r.inputs else []
        lines += [f"measured_at = {r.measured_at:%Y-%m-%dT%H:%M:%SZ}"] if r.measured_at else []
        lines += [f"measured_with = {quoted(r.measured_with)}"] if r.measured_with else []
        lines += ["golden = true"] if r.golden else []
        lines.append("[reference.values]")
        for register, values in r.values.items():
            lines += [f"{quoted(register)} = [", *(f"  {quoted(v)}," for v in values), "]"]
        lines += known_boot_file.lines(r.events, r.may_vary)
    return "\n".join(lines) + "\n"


def put(references: References, reference: Reference, *, replace: bool) -> References | None:
    """The references with one more, at a version higher; None where the same is there.

    Raises BadInput where another of the same kind, name and version is there, and `replace` is not said.
    """
    held = {r.place: r for r in references.reference}
    before = held.get(reference.place)
    if before is not None and _said(before) == _said(reference):
        return None
    if before is not None and not replace:
        what = f"{reference.kind.value} {reference.name} {reference.version}".rstrip()
        raise BadInput(_SUBJECT, f"{what} with other values", "a new version", "name --version, or add --replace")
    held[reference.place] = reference
    return msgspec.structs.replace(references, version=references.version + 1, reference=tuple(held.values()))


def _said(r: Reference) -> object:
    return r.values, r.image, r.events, r.may_vary


# Signing


def statement(data: bytes, references: References) -> str:
    """The text that a key signs: what it is, its name, its version, and the SHA-256 of the file."""
    return f"{SCHEMA}\nname {references.name}\nversion {references.version}\n{digest(data)}\n"


def digest(data: bytes) -> str:
    """`sha256:` and the hash."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def sign(data: bytes, references: References, signer: Ed25519Signer) -> bytes:
    """The signed note that lies beside the file."""
    return notes.sign(statement(data, references), [signer])


def verify(data: bytes, references: References, note: bytes, keys: Sequence[VerifierKey]) -> VerifiedNote:
    """The note, once a trusted key has signed exactly this file.

    Raises:
        BadSignature: nobody who is trusted has, or the file is another than the one that was signed.
        Malformed, TooLarge: it is no note.
        BadInput: a key is of another type.
    """
    for key in keys:
        if key.kind is not Kind.ED25519:
            raise BadInput(f"key {key.name}", f"signature type 0x{key.kind:02x}", "0x01, Ed25519 over the note")
    if not keys:
        raise BadSignature(_SUBJECT, "no key that is trusted", "the public key of who signs them", "--key KEY")
    opened = notes.open_note(note, [Ed25519Verifier(key) for key in keys])
    if opened.text != statement(data, references):
        raise BadSignature(_SUBJECT, "a signature over another version of the file", "one over the file")
    return opened
