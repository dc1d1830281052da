"""The log's nouns: what is written into it, and what whoever wrote it gets back."""

from datetime import datetime

import msgspec

from strongroom.model.codes import EntryKind

Field = bool | int | str | tuple[str, ...] | None


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the log: small facts, and digests instead of blobs.

    `fields` are facts in clear. `digests` name blobs by content, as `sha256:` and 64 hex digits. `sealed` are salted
    commitments to what must be erasable: the name of a field, or `subject` or `actor` (empty in clear then), and the
    commitment to its value, as `sha256:` and 64 hex digits.
    """

    kind: EntryKind
    subject: str
    actor: str
    at: datetime
    fields: dict[str, Field] = {}
    digests: dict[str, str] = {}
    sealed: dict[str, str] = {}


class SealedEntry(msgspec.Struct, frozen=True):
    """An entry as bytes for the log, with the disclosures that open its commitments, for the erasable store."""

    data: bytes
    disclosures: tuple[str, ...] = ()


class Disclosed(msgspec.Struct, frozen=True):
    """What a disclosure opens: the name of a field and its value."""

    name: str
    value: Field


class Logged(msgspec.Struct, frozen=True):
    """Where the log holds a run, and what proves that offline.

    `findings` is the digest that the entry names, as `sha256:` and 64 hex digits: over `FINGERPRINT STATUS LF` of every
    finding, without the space, in the order of the report. `data` are the bytes of the entry, `proof` is the text of a
    `.tlog-proof` (c2sp.org/tlog-proof), and `keys` are the verifier keys that the log names as its own. All three are
    empty in a report that leaves the house without its names.
    """

    origin: str
    entry: int
    at: datetime
    findings: str
    data: str = ""
    proof: str = ""
    keys: tuple[str, ...] = ()
