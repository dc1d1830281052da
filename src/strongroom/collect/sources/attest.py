"""`attest:FILE` or `attest:DIR`: records of appraisals, as `strongroom attest verify --record` keeps them."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from strongroom.kit import strict_json
from strongroom.model.attest import Appraisal, EvidenceKind, Reference, ReferenceValues, StepResult, StepVerdict
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput, Malformed, TooLarge, Unreadable
from strongroom.model.estate import Asset, Estate, Fact, Gap, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.ports import Collector, Peek, Request
from strongroom.model.values import Value, Where

SUFFIX = ".appraisal.json"
_SCHEMA = b'"strongroom.appraisal-record/'
_MOST = 64 << 20  # bytes of one record


class _Policy(msgspec.Struct):
    """What a record's policy is asked for: its name, and the states that it takes, by kind."""

    name: str = ""
    version: int = 0
    tdx: dict[str, object] = {}
    sgx: dict[str, object] = {}


class _Record(msgspec.Struct):
    schema: str
    now: datetime
    appraisal: Appraisal
    references: ReferenceValues
    policy: _Policy


def recognises(peek: Peek) -> int:
    """A record by its schema; a folder by files that are called as records are."""
    if peek.is_dir:
        return 85 if any(n.endswith(SUFFIX) for n in peek.names) else 0
    return 95 if _SCHEMA in peek.head[:4096] else 0


def _files(root: Path, limit: int) -> list[Path]:
    if not root.is_dir():
        return [root]
    try:
        found = sorted(p for p in root.iterdir() if p.name.endswith(SUFFIX) and p.is_file() and not p.is_symlink())
    except OSError as e:
        raise Unreadable(str(root), (e.strerror or "an error").lower(), "a folder of records") from None
    if len(found) > limit:
        raise TooLarge(str(root), f"{len(found)} records", f"at most {limit}")
    return found


def _read(path: Path) -> _Record:
    try:
        with path.open("rb") as f:
            data = f.read(_MOST + 1)
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "the record of an appraisal") from None
    if len(data) > _MOST:
        raise TooLarge(str(path), f"over {_MOST >> 20} MiB", "the record of an appraisal")
    strict_json.check(data, str(path))
    try:
        return msgspec.json.decode(data, type=_Record)
    except (msgspec.ValidationError, msgspec.DecodeError) as e:
        raise Malformed(str(path), str(e)[:200], "the record of an appraisal") from None


def collect(request: Request) -> Estate:
    """The newest appraisal of every subject; a record that cannot be read is a gap."""
    newest: dict[str, tuple[_Record, Path]] = {}
    gaps = []
    files = _files(Path(request.target), request.limits.files)
    for n, path in enumerate(files):
        if request.progress is not None:
            request.progress("records", n, len(files))
        try:
            record = _read(path)
        except (BadInput, Unreadable) as e:
            gaps.append(Gap(str(path), request.spec, GapCode.MALFORMED, str(e), Where(str(path)), (Kind.HOST,)))
            continue
        subject = record.appraisal.subject or f"{record.appraisal.kind.value}:unknown:{path.name}"
        held = newest.get(subject)
        if held is None or held[0].now < record.now:
            newest[subject] = (record, path)
    assets = tuple(_asset(subject, record, path, request) for subject, (record, path) in sorted(newest.items()))
    read = SourceRead(request.spec, "attest", "records of appraisals", len(files), len(assets), (Kind.HOST,))
    return Estate(assets, tuple(gaps), (read,), request.now)


def _asset(subject: str, record: _Record, path: Path, request: Request) -> Asset:
    where = Where(str(path))
    facts = {name: Fact(name, value, where, request.spec) for name, value in _facts(record)}
    prefix = f"{request.label}:" if request.label else ""
    return Asset(
        id=f"{prefix}attest:{subject}",
        kind=Kind.HOST,
        native_type=f"attest.{record.appraisal.kind.value}",
        address=subject,
        name=subject,
        facts=facts,
        where=where,
        origin=request.spec,
    )


def _facts(record: _Record) -> Iterator[tuple[str, Value]]:
    a = record.appraisal
    members = _members(a)
    whole = (a, *members) if a.kind is EvidenceKind.COMPOSITE else (a,)
    steps = tuple(s for m in whole for s in m.steps)
    yield "attest.kind", a.kind.value
    yield "attest.kinds", tuple(sorted({m.kind.value for m in members}))
    yield "attest.tier", a.tier.value
    yield "attest.complete", a.complete
    yield "attest.failed", _named(s.id for s in steps if s.verdict is StepVerdict.FAIL)
    yield "attest.checked", _everywhere(steps)
    yield "attest.not_checked", _named(s.id for s in steps if s.verdict is StepVerdict.NOT_CHECKED and s.mandatory)
    yield "attest.waived", _named(f"{s.id}: {s.reason}" for s in steps if s.waived)
    booted = [m.claims["secure_boot"] for m in members if isinstance(m.claims.get("secure_boot"), bool)]
    if booted:
        yield "attest.secure_boot", all(booted)
    yield "attest.devices", tuple(sorted(_devices(members)))
    yield "attest.at", a.appraised_at.isoformat()
    yield "attest.expires", a.expires_at.isoformat()
    yield "attest.policy", f"{record.policy.name} {record.policy.version}"
    own = {"tdx": record.policy.tdx, "sgx": record.policy.sgx}.get(a.kind.value)
    if own is not None:
        accepted = own.get("tcb_status", ())
        yield "attest.tcb_accepted", tuple(str(s) for s in accepted) if isinstance(accepted, list) else ()
        status = a.claims.get("tcb_status")
        yield "attest.tcb_status", status if isinstance(status, str) else None
    measured = [m.claims["measurements"] for m in members if isinstance(m.claims.get("measurements"), dict)]
    if measured and not any(s.verdict is StepVerdict.FAIL for s in steps):
        pairs = ((name, value) for held in measured if isinstance(held, dict) for name, value in held.items())
        yield "attest.measured", tuple(sorted(f"{name}={value}" for name, value in pairs if value))
    matched = _matched(record)
    yield "attest.reference", f"{matched.name} {matched.version}".strip() if matched else None
    yield "attest.image", matched.image or None if matched else None


def _members(a: Appraisal) -> tuple[Appraisal, ...]:
    """The appraisals that a node is made of; of other evidence, itself: its parts are judged by its own steps."""
    return a.parts if a.kind is EvidenceKind.COMPOSITE else (a,)


def _named(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _everywhere(steps: Iterable[StepResult]) -> tuple[str, ...]:
    """The steps that passed wherever they were asked: two members of one kind have one name for a step."""
    held = tuple(steps)
    worse = {s.id for s in held if s.verdict is not StepVerdict.PASS}
    return _named(s.id for s in held if s.id not in worse)


def _devices(members: Iterable[Appraisal]) -> Iterator[str]:
    for m in members:
        listed = m.claims.get("nvidia.devices")
        for d in listed if isinstance(listed, list) else ():
            if isinstance(d, dict):
                yield f"{d.get('kind', '')} {d.get('ueid', '')}"


def _matched(record: _Record) -> Reference | None:
    """The reference that the evidence equals, in every register that it names."""
    for m in _members(record.appraisal):
        measured = m.claims.get("measurements")
        for r in record.references.of(m.kind) if isinstance(measured, dict) else ():
            if r.values and isinstance(measured, dict) and all(measured.get(n) in v for n, v in r.values.items()):
                return r
    return None


COLLECTOR = Collector(
    scheme="attest",
    title="Records of appraisals",
    reads="what `strongroom attest verify --record` kept: a file, or a folder of *.appraisal.json",
    kinds=(Kind.HOST,),
    recognises=recognises,
    collect=collect,
)
