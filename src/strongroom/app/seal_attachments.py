"""What is attached to a sealed artifact: the verdict of the scan, the bill of materials, the provenance."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from strongroom import __version__
from strongroom.app.seal_model import octets_of
from strongroom.app.seal_source import Source
from strongroom.kit import provenance, scan_record
from strongroom.kit.formats.verdicts import Verdict
from strongroom.kit.scan_record import ScanRecord
from strongroom.kit.sealed import Role
from strongroom.model.errors import BadInput
from strongroom.model.ports import Progress

BOM_MEDIA = "application/vnd.cyclonedx+json;version=1.7"
PROVENANCE_MEDIA = "application/vnd.in-toto+dsse"
SEGMENT = 1 << 20  # octets of a segment of what is sealed here
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Describe:
    """What is attached: a scan unless it is left out, a bill of materials, and the file of a provenance.

    `review` seals files that somebody must decide about too; what is malicious or unreadable is never sealed after a scan.
    With `provenance_key`, a public key in a file, the provenance must be by that key and about these files.
    """

    scan: bool = True
    review: bool = False
    bom: bool = True
    provenance: str | None = None
    provenance_key: str | None = None


class Attachment(NamedTuple):
    """One document."""

    role: Role
    media: str
    octets: bytes


class Attachments(NamedTuple):
    """All of them, and what a person should know. `held` are those that were held against every file."""

    documents: tuple[Attachment, ...]
    notes: tuple[str, ...]
    held: tuple[str, ...] = ()


def attachments(source: Source, path: str, describe: Describe, now: datetime, tell: Progress | None) -> Attachments:
    """What goes with a model. Raises BadInput where the scan refuses it, or the provenance is of another model."""
    notes: list[str] = []
    documents: list[Attachment] = []
    held: list[str] = []
    if describe.scan:
        record = scanned(path, now, tell)
        if missed := record.missing(p.path for p in source.planned):
            raise BadInput(missed[0], "a file that the scan did not come to", "a verdict on every file")
        notes += _refused(record, review=describe.review)
        documents.append(Attachment(Role.SCAN, scan_record.MEDIA, scan_record.render(record)))
    else:
        notes.append("nothing was scanned: whoever demands a verdict will not open this")
    if describe.bom:
        from strongroom.app import seal_bom  # noqa: PLC0415 - the readers of all formats, for who describes a model

        held.append(Role.BOM.value)
        documents.append(Attachment(Role.BOM, BOM_MEDIA, seal_bom.document(path, now, tell)))
    if describe.provenance is not None:
        octets = octets_of(describe.provenance, "a provenance", provenance.MOST)
        if describe.provenance_key is not None:
            from strongroom.app import seal_provenance  # noqa: PLC0415 - same

            told = seal_provenance.verify(describe.provenance, path, describe.provenance_key, None, tell)
            if told:
                raise BadInput(describe.provenance, f"a provenance that does not hold: {told[0]}", "that of this model")
            held.append(Role.PROVENANCE.value)
        provenance.envelope(octets, describe.provenance)
        documents.append(Attachment(Role.PROVENANCE, PROVENANCE_MEDIA, octets))
    return Attachments(tuple(documents), tuple(notes), tuple(held))


def scanned(path: str, now: datetime, tell: Progress | None) -> ScanRecord:
    """The verdicts on all files of a model. Links are looked into, whether they are sealed or not."""
    from strongroom.app import seal_scan  # noqa: PLC0415 - the readers of all formats, for who scans a model

    found = seal_scan.scan(Path(path), follow=True, progress=tell)
    files = tuple(
        scan_record.File(s.path, s.verdict, s.reasons if s.verdict is not Verdict.SAFE else ()) for s in found
    )
    return ScanRecord(scan_record.SCHEMA, f"strongroom {__version__}", now, files)


def _refused(record: ScanRecord, *, review: bool) -> Iterator[str]:
    bad = [f for f in record.files if f.verdict not in (Verdict.SAFE, Verdict.REVIEW)]
    doubtful = [f for f in record.files if f.verdict is Verdict.REVIEW]
    for one in (*bad, *(() if review else doubtful)):
        count = len(bad) + (0 if review else len(doubtful)) - 1
        more = f", and {count} more files" if count else ""
        hint = "strongroom seal scan PATH tells all; --accept-review seals what somebody has looked at"
        raise BadInput(one.path, f"{one.verdict}: {'; '.join(one.reasons[:_SHOWN])}{more}", "files that are safe", hint)
    for one in doubtful:
        yield f"{one.path}: needs review, and is sealed with that verdict: {'; '.join(one.reasons[:_SHOWN])}"
