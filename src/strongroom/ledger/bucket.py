"""A log in an S3-compatible bucket, for several writers that share nothing else.

There is no lock: a record is an object `journal/<start>`, written on the condition that there is none, and that decides.
Without another guard a writer that fell behind could write beyond the end, so each commits only at the size to which it
has read. Objects of the journal are never deleted: once they are published they are overwritten, on the condition that
they are what was read, with their compacted form.

Below the prefix: `log` settings and first checkpoint · `journal/` · `public/` the tree, which may be served as it is ·
`sealed/` the erasable store · `forgotten` how far the journal is compacted · `conditions` what the store was tried with.
"""

import contextlib
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import takewhile

from strongroom.kit.tlog import checkpoint as tlog_checkpoint
from strongroom.kit.tlog import note
from strongroom.ledger.record import Compacted, Record, decode, encode, encode_compacted
from strongroom.ledger.s3 import CONNECTIONS, Bucket, Held, RefusedError, locked_until
from strongroom.ledger.storage import CHECKPOINT, BehindError, ConflictError
from strongroom.model.errors import BadInput, LogDamaged, LogUnavailable, Malformed, NotFound

_LOG, _JOURNAL, _PUBLIC, _SEALED, _FORGOTTEN, _PROBE = (
    "log",
    "journal/",
    "public/",
    "sealed/",
    "forgotten",
    "conditions",
)
_TRIES = 50  # at the published checkpoint, where other publishers are quicker
_COMMITMENT = re.compile(r"sha256:([0-9a-f]{64})", re.ASCII)
_TEXT = {"ContentType": "text/plain; charset=utf-8", "CacheControl": "no-cache"}  # tlog-tiles, "Checkpoints"
_HINT = "strongroom log audit says what is left; restore the objects from the bucket's versions or its copy"


def _name(start: int) -> str:
    return f"{start:020d}"  # in the order of their characters they are in the order of their sizes


def _size(checkpoint: bytes) -> int:
    return tlog_checkpoint.parse(note.parse(checkpoint).text).size


class BucketStorage:
    """A `Storage` in a bucket.

    With `retain_days` full tiles, full bundles and compacted records, which are the history of checkpoints, are locked
    in COMPLIANCE mode for so long, which needs a bucket made with Object Lock. A record of the journal is not locked
    until it is compacted: then its first version is deleted, as its entries are in locked bundles. Deleting without a
    version only hides what is locked; a reader then finds it missing, and nothing is lost.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Callable[[], datetime],
        retain_days: int = 0,
        token: Callable[[], str] = secrets.token_hex,
    ) -> None:
        """Name the place; nothing is opened.

        Args:
            url: `s3://BUCKET/PREFIX`.
            clock: gives the time from which retention counts, with its zone.
            retain_days: how long what is full is locked; 0 for not at all.
            token: gives a text that no other writer has, for each write.

        Raises:
            BadInput: the URL or the configuration of boto3 cannot be used.
            LogUnavailable: boto3 is not there.
        """
        self._bucket = Bucket(url, token)
        self._clock = clock
        self._retain = timedelta(days=retain_days)
        self._turn = threading.Lock()
        self._publishing = threading.Lock()
        self._seen: int | None = None  # the size up to which this writer has read the journal
        self._pool = ThreadPoolExecutor(CONNECTIONS, "bucket")

    @property
    def where(self) -> str:
        """The URL."""
        return self._bucket.where

    def _locked(self) -> dict[str, object]:
        return locked_until(self._clock() + self._retain) if self._retain else {}

    def create(self, settings: bytes, checkpoint: bytes) -> None:
        """Write settings and checkpoint as one object, so that a log is there whole or not at all.

        Raises:
            LogUnavailable: as for every method; also where the store ignores conditions.
        """
        _size(checkpoint)
        self._bucket.probe(_PROBE)
        if self._bucket.add(_LOG, b"%d\n%b%b" % (len(settings), settings, checkpoint)) is not None:
            raise BadInput(f"log {self.where}", "a log that is there already", "a prefix without one")
        with contextlib.suppress(LogUnavailable):  # It is there: `read` finds the checkpoint in the other object too.
            self._bucket.add(_PUBLIC + CHECKPOINT, checkpoint, **_TEXT)

    def _made(self) -> tuple[bytes, bytes]:
        try:
            length, _, rest = self._bucket.get(_LOG).data.partition(b"\n")
            return rest[: int(length)], rest[int(length) :]
        except NotFound:
            raise NotFound(f"log {self.where}", "no log", "a log", "strongroom log init") from None
        except ValueError:
            raise LogDamaged(f"{_LOG} in {self.where}", "another beginning", "its length", _HINT) from None

    def settings(self) -> bytes:
        """The settings as they were given."""
        return self._made()[0]

    @contextlib.contextmanager
    def exclusive(self, seconds: float) -> Iterator[None]:
        """Keep out the other threads of this instance, and no one else: there is no lock, conditional writes decide."""
        if not self._turn.acquire(timeout=max(0.0, seconds)):
            found = f"another writer for {seconds:g} seconds"
            raise LogUnavailable(f"log {self.where}", found, "its turn", "try again")
        try:
            yield
        finally:
            self._turn.release()

    def _decode(self, held: Held, at: int) -> Record | Compacted:
        subject = f"journal of {self.where} at size {at}"
        try:
            record = decode(held.data, subject)
        except Malformed as e:
            raise LogDamaged(e.subject, e.found, e.wanted, _HINT) from None
        if record.start != at or record.end <= at:
            raise LogDamaged(subject, f"a record from {record.start} to {record.end}", "the one of its name", _HINT)
        return record

    def _follow(self, at: int, end: int | None = None) -> Iterator[Record]:
        while end is None or at < end:
            try:
                record = self._decode(self._bucket.get(_JOURNAL + _name(at)), at)
            except NotFound:
                return
            if isinstance(record, Compacted):
                raise BehindError
            yield record
            at = record.end

    def records(self, start: int) -> Iterator[Record]:
        """See `Storage`."""
        at, known = start, self._seen
        self._seen = None
        ended = False
        while not ended:
            for record in self._follow(at):
                at = record.end
                yield record
            ended = at == known or self._ends(start, at)
        self._seen = at

    def _ends(self, start: int, end: int) -> bool:
        """Whether the journal ends there; not where another writer has gone on since it was looked for.

        A missing object is the end only where nothing comes after it and something leads up to it.
        """
        beyond = self._bucket.first_after(_JOURNAL, _name(end))
        if beyond is not None:
            # Between the look and the list, others may have written this record and the next: look once more.
            with contextlib.suppress(NotFound):
                self._bucket.get(_JOURNAL + _name(end))
                return False
            found = f"no record and one at {int(beyond)}"
            raise LogDamaged(f"journal of {self.where} at size {end}", found, "no gap", _HINT)
        if start == end > 0:
            last = self._last_before(start)
            reached = 0 if last is None else self._decode(self._bucket.get(_JOURNAL + _name(last)), last).end
            if reached != start:
                found = f"its end at size {reached}"
                raise LogDamaged(f"journal of {self.where}", found, f"a record that ends at {start}", _HINT)
        return True

    def _last_before(self, size: int) -> int | None:
        """Where the last record below a size starts, by halves: a bucket is listed forwards only."""
        low, high = -1, size  # a record starts at `low`, unless it is -1; none starts from `high` to `size`
        while low + 1 < high:
            middle = (low + high - 1) // 2
            found = self._bucket.first_after(_JOURNAL, _name(middle) if middle >= 0 else "")
            if found is not None and int(found) < size:
                low = int(found)
            else:
                high = middle + 1
        return low if low >= 0 else None

    def commit(self, record: Record) -> None:
        """Write a record where there is none, at the size to which this writer has read."""
        if self._seen != record.start or not record.entries:  # no object may take a size without moving it
            raise ConflictError
        data, self._seen = encode(record), None
        try:
            taken = self._bucket.add(_JOURNAL + _name(record.start), data)
        except RefusedError:
            raise ConflictError from None
        if taken is not None:
            raise ConflictError
        self._seen = record.end

    def committed(self, start: int, end: int) -> Iterator[Record]:
        """See `Storage`."""
        at = start
        for record in self._follow(start, end):
            at = record.end
            yield record
        if at != end:
            raise LogDamaged(f"journal of {self.where}", f"records up to {at}", f"one that ends at {end}", _HINT)

    def forget(self, size: int) -> None:
        """Compact the records below a size."""
        try:
            at = int(self._bucket.get(_FORGOTTEN).data)
        except (NotFound, ValueError):
            at = 0  # It only saves work: what is compacted already is passed over.
        starts = (int(name) for name in self._bucket.names(_JOURNAL, _name(at - 1) if at else ""))
        for end in self._pool.map(lambda start: self._compact(start, size), takewhile(lambda s: s < size, starts)):
            at = max(at, end)
        self._bucket.put(_FORGOTTEN, str(at).encode())

    def _compact(self, start: int, size: int) -> int:
        """Compact one record, unless it ends beyond the size; up to where the journal is compacted with it."""
        key = _JOURNAL + _name(start)
        held = self._bucket.get(key)
        record = self._decode(held, start)
        if record.end > size:
            return start
        if isinstance(record, Record):
            try:
                self._bucket.replace(key, encode_compacted(record), held, **self._locked())
            except RefusedError:
                return start  # Another compacts it at this moment; the next call sees to it that it is.
            if held.version not in {"", "null"}:
                with contextlib.suppress(
                    LogUnavailable
                ):  # A default retention of the bucket keeps it: no harm is done.
                    self._bucket.delete_version(key, held.version)
        return record.end

    def repairs(self) -> tuple[str, ...]:
        """Nothing: an object is there or not."""
        return ()

    @contextlib.contextmanager
    def publishing(self) -> Iterator[bool]:
        """Keep out the other threads of this instance, and no one else.

        Two that publish write the same objects, and the checkpoint only grows. The slower one may find the journal
        compacted under its hands, which `committed` says with a BehindError: then what it was to publish is published.
        """
        mine = self._publishing.acquire(blocking=False)
        try:
            yield mine
        finally:
            if mine:
                self._publishing.release()

    def read(self, path: str) -> bytes:
        """The bytes of an object."""
        try:
            return self._bucket.get(_PUBLIC + path).data
        except NotFound:
            if path != CHECKPOINT:
                raise
            return self._made()[1]

    def write(self, objects: Mapping[str, bytes]) -> None:
        """See `Storage`."""
        list(self._pool.map(self._write, objects.items()))

    def _write(self, item: tuple[str, bytes]) -> None:
        path, data = item
        full = path.startswith("tile/") and ".p/" not in path
        there = self._bucket.add(_PUBLIC + path, data, **(self._locked() if full else {}))
        if there is not None and there.data != data:
            found = "other bytes than the journal makes"
            raise LogDamaged(f"{path} in {self.where}", found, "the tile of the tree that was signed", _HINT)

    def publish(self, checkpoint: bytes) -> None:
        """Replace the published checkpoint, unless it is of a larger size; of one size the last one stays."""
        size, key = _size(checkpoint), _PUBLIC + CHECKPOINT
        for _ in range(_TRIES):
            try:
                held = self._bucket.get(key)
            except NotFound:
                if self._bucket.add(key, checkpoint, **_TEXT) is None:
                    return
                continue
            if held.data == checkpoint or _size(held.data) > size:
                return
            with contextlib.suppress(RefusedError, NotFound):
                self._bucket.replace(key, checkpoint, held, **_TEXT)
                return
        raise LogUnavailable(f"log {self.where}", f"other publishers at {_TRIES} attempts", "a free place", "try again")

    def prune(self, paths: tuple[str, ...]) -> None:
        """Delete partial objects; what cannot be deleted is in nobody's way. In a bucket with versions they stay there."""
        wanted = {path for path in paths if ".p/" in path}
        with contextlib.suppress(LogUnavailable):
            for folder in sorted({path.rpartition("/")[0] + "/" for path in wanted}):
                there = [folder + name for name in self._bucket.names(_PUBLIC + folder)]
                if found := [_PUBLIC + path for path in there if path in wanted]:
                    self._bucket.delete(found)

    def close(self) -> None:
        """Close every connection."""
        self._pool.shutdown()
        self._bucket.close()


class BucketDisclosures:
    """A `Disclosures` in a bucket, below `sealed/`: never locked, and erased with every version.

    A bucket that locks each new object by default is refused, as nothing could be erased from it. Copies that the
    bucket's own replication makes are not reached from here.
    """

    def __init__(self, url: str) -> None:
        """Name the place, as for `BucketStorage`."""
        self._bucket = Bucket(url)
        self._pool = ThreadPoolExecutor(CONNECTIONS, "sealed")
        self._erasable = False

    def keep(self, disclosures: Mapping[str, str]) -> None:
        """See `Disclosures`. Raises LogUnavailable also where they could not be erased again, BadInput for no commitment."""
        keys = {commitment: _sealed(commitment) for commitment in disclosures}
        if not self._erasable and self._bucket.retains_everything():
            found = "a bucket that locks each new object by default"
            raise LogUnavailable(
                f"log {self._bucket.where}", found, "one without", "keep disclosures in another bucket"
            )
        self._erasable = True
        list(self._pool.map(lambda c: self._bucket.put(keys[c], disclosures[c].encode()), disclosures))

    def find(self, commitments: tuple[str, ...]) -> dict[str, str]:
        """Those that are there, by commitment."""
        return {c: text for c, text in self._pool.map(self._find, dict.fromkeys(commitments)) if text is not None}

    def _find(self, commitment: str) -> tuple[str, str | None]:
        try:
            return commitment, self._bucket.get(_sealed(commitment)).data.decode("utf-8", "replace")
        except NotFound:
            return commitment, None

    def erase(self, commitments: tuple[str, ...]) -> int:
        """Delete them with all their versions; how many were there."""
        return sum(self._pool.map(lambda c: self._bucket.erase(_sealed(c)), dict.fromkeys(commitments)))

    def close(self) -> None:
        """Close every connection."""
        self._pool.shutdown()
        self._bucket.close()


def _sealed(commitment: str) -> str:
    found = _COMMITMENT.fullmatch(commitment)
    if found is None:
        raise BadInput("commitment", repr(commitment[:80]), "sha256: and 64 hex digits")
    return _SEALED + found[1]
