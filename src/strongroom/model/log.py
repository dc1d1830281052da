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
