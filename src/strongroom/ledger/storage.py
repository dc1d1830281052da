"""What the sequencer needs of a place to keep a log; files, a database and a bucket each give it.

A place has two parts. The *journal* is a sequence of records, each at the size of the log before it; a record is
committed at its size once, by one writer, or not at all: that is what keeps a root from forking, whoever else writes.
The *objects* are the public tree, tiles and bundles by their standard names, written after the journal and never changed,
and one published checkpoint, which covers only what the objects hold.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from strongroom.ledger.record import Record

CHECKPOINT = "checkpoint"  # the one object that changes (tlog-tiles, "Checkpoints")


class ConflictError(Exception):
    """The journal already has a record at this size: another writer was quicker. Nothing was written."""


class BehindError(Exception):
    """The journal no longer has records from this size on, as they are published: read the published tree again."""


class Storage(Protocol):
    """A place that keeps one log. Every error is a LogUnavailable or LogDamaged, but for the two above."""

    @property
    def where(self) -> str:
        """The place, for messages; no secret is in it."""
        ...

    def create(self, settings: bytes, checkpoint: bytes) -> None:
        """Make an empty log with its settings and the signed checkpoint of size 0, whole or not at all.

        Raises:
            BadInput: there is something already.
            LogUnavailable: the place cannot be written.
        """

    def settings(self) -> bytes:
        """The settings as `create` was given them. Raises NotFound when there is no log."""
        ...

    def exclusive(self, seconds: float) -> AbstractContextManager[None]:
        """Be the one that commits. Raises LogUnavailable when another stays it for that long."""
        ...

    def records(self, start: int) -> Iterator[Record]:
        """The records from the one at `start` on; each is durable when it is handed out. Only within `exclusive`.

        What was torn by a crash before it was acknowledged is cut off, and said in `repairs`.

        Raises:
            BehindError: the journal begins later than that.
            LogDamaged: bytes that were committed have changed, or there is no journal.
        """
        ...

    def commit(self, record: Record) -> None:
        """Make one record durable at its start. Only within `exclusive`.

        Raises:
            ConflictError: there is one already, or an earlier one is not known yet.
            BehindError: as `records`.
            LogUnavailable: it could not be made durable. It may still be found by `records` later.
        """

    def committed(self, start: int, end: int) -> Iterator[Record]:
        """The records from `start` to `end`, both ends of committed records, for whoever publishes. Outside `exclusive`.

        Raises:
            BehindError, LogDamaged: as `records`.
        """
        ...

    def forget(self, size: int) -> None:
        """Entries below `size` are in durable objects now: the journal need not keep them."""

    def repairs(self) -> tuple[str, ...]:
        """What had to be repaired since the last call, in words."""
        ...

    def publishing(self) -> AbstractContextManager[bool]:
        """Be the one that publishes; False at once when another is."""
        ...

    def read(self, path: str) -> bytes:
        """The bytes of an object. Raises NotFound."""
        ...

    def write(self, objects: Mapping[str, bytes]) -> None:
        """Make objects durable. One that is there already must have the same bytes, else LogDamaged."""

    def publish(self, checkpoint: bytes) -> None:
        """Replace the published checkpoint, durably. Only within `publishing`."""

    def prune(self, paths: tuple[str, ...]) -> None:
        """Drop partial objects whose full ones are durable (tlog-tiles, "Partial Tiles"); may do nothing.

        `paths` name every width that there may be; most are not there.
        """

    def close(self) -> None:
        """Let go of files and connections."""


class Disclosures(Protocol):
    """The erasable store: disclosures by their commitments. What is erased here is gone, and no proof changes."""

    def keep(self, disclosures: Mapping[str, str]) -> None:
        """Make them durable, by commitment, before the entries that commit to them are sequenced."""

    def find(self, commitments: tuple[str, ...]) -> dict[str, str]:
        """Those that are still there."""
        ...

    def erase(self, commitments: tuple[str, ...]) -> int:
        """Overwrite or delete them; how many were there. Durable on return."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
