"""What was found when a model was scanned before it was sealed, as it is attached to the artifact."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from strongroom.kit import strict_json
from strongroom.kit.canonical import canonical
from strongroom.kit.formats.verdicts import Verdict
from strongroom.model.errors import Malformed

SCHEMA = "strongroom.seal-scan/1"
MEDIA = "application/vnd.strongroom.seal-scan+json"
SUBJECT = "scan verdict"


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The verdict on one file, with its reasons where it is not safe."""

    path: str
    verdict: Verdict
    reasons: tuple[str, ...] = ()


class ScanRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All verdicts, by which version of this program, and when."""

    schema: str
    scanner: str
    at: datetime
    files: tuple[File, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of them; `unreadable` where no file was looked at."""
        found = {f.verdict for f in self.files} or {Verdict.UNREADABLE}
        return max(found, key=list(Verdict).index)

    def counts(self) -> dict[str, int]:
        """How many files have each verdict."""
        return {v.value: n for v in Verdict if (n := sum(f.verdict is v for f in self.files))}

    def missing(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Those paths that were not looked at."""
        looked = {f.path for f in self.files}
        return tuple(p for p in paths if p not in looked)


def render(record: ScanRecord) -> bytes:
    """The record in its one form (RFC 8785)."""
    return canonical(msgspec.to_builtins(record), SUBJECT)


def read(data: bytes) -> ScanRecord:
    """The record. Raises Malformed."""
    strict_json.check(data, SUBJECT)
    try:
        found = msgspec.json.decode(data, type=ScanRecord)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
        raise Malformed(SUBJECT, str(e)[:160], SCHEMA) from None
    if found.schema != SCHEMA:
        raise Malformed(SUBJECT, repr(found.schema[:40]), SCHEMA)
    return found
