"""GPUs, by a log of scrubs: which handovers they had, on which of them each job that started relies, and what leaked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from strongroom.app.handover_log import END, START, STEP
from strongroom.app.log import Place
from strongroom.app.log_audit import Ask, audit_log
from strongroom.app.log_entries import entries
from strongroom.app.scrub_log import LEAK_TEST, SCRUB, WHAT
from strongroom.kit.handover_path import failed, faults
from strongroom.model.codes import EntryKind, GapCode
from strongroom.model.errors import BadInput, LogDamaged, LogError, NotFound
from strongroom.model.estate import Asset, Estate, Fact, Gap
from strongroom.model.handover import Cause, Done, Ended, Stage, Why
from strongroom.model.kinds import Kind
from strongroom.model.log import LogEntry
from strongroom.model.scrub import Outcome
from strongroom.model.values import Unknown, Value

NATIVE, GPU = "strongroom.scrub-log", "strongroom.scrubbed-gpu"
_GOOD = {Ended.GOOD.value, Ended.LEFT.value}
_MOST = 50


def join_scrubs(estate: Estate, now: datetime) -> Estate:
    """The estate with the GPUs that its logs of scrubs are of."""
    found = [a for a in estate.assets if a.native_type == NATIVE]
    if not found:
        return estate
    assets = [a for a in estate.assets if a.native_type != NATIVE]
    gaps = list(estate.gaps)
    for asset in found:
        try:
            assets += _gpus(asset, now)
        except (LogError, NotFound, BadInput) as e:
            code = GapCode.MALFORMED if isinstance(e, LogDamaged) else GapCode.ABSENT
            gaps.append(Gap(asset.address, asset.origin, code, f"{e.subject}: {e.found}", asset.where, (Kind.GPU,)))
    return msgspec.structs.replace(estate, assets=tuple(assets), gaps=tuple(gaps))


@dataclass(slots=True)
class _Run:
    """A handover as the log has it, from its first step or from where it was begun again."""

    causes: tuple[Cause, ...]
    kept: bool
    gpus: tuple[str, ...]
    steps: list[Done] = field(default_factory=list)
    ended: Ended = Ended.OPEN
    times: list[datetime] = field(default_factory=list)
    first: int = 0


@dataclass(slots=True)
class _Gpu:
    """What the log has of one GPU, up to where it was read."""

    scrubbed: int | None = None  # the entry of the last scrub that was verified
    handed: tuple[int, str] | None = None  # the entry of the last handover's end, and how it ended
    start: int = -1
    starts: int = 0
    unscrubbed: list[str] = field(default_factory=list)
    ungated: list[str] = field(default_factory=list)
    leak: LogEntry | None = None
    runs: list[_Run] = field(default_factory=list)


@dataclass(slots=True)
class _Read:
    """The log while it is read, entry by entry."""

    gpus: dict[str, _Gpu] = field(default_factory=dict)
    open: dict[str, _Run] = field(default_factory=dict)

    def gpu(self, uuid: str) -> _Gpu:
        return self.gpus.setdefault(uuid, _Gpu())

    def take(self, index: int, entry: LogEntry) -> None:
        """One entry. One of a form that is not ours says nothing."""
        what = entry.fields.get(WHAT)
        if what == SCRUB and entry.fields.get("outcome") == Outcome.SCRUBBED:
            self.gpu(_text(entry, "gpu")).scrubbed = index
        elif what == LEAK_TEST:
            self.gpu(_text(entry, "gpu")).leak = entry
        elif what == START:
            self._start(index, entry)
        elif what == STEP:
            self._step(index, entry)
        elif what == END:
            self._end(index, entry)

    def _start(self, index: int, entry: LogEntry) -> None:
        if entry.fields.get("ok") is not True:
            return  # a job that was kept from starting
        job = ", ".join(_texts(entry, "jobs")) or "unknown"
        for uuid in _texts(entry, "gpus"):
            gpu = self.gpu(uuid)
            gpu.starts += 1
            if gpu.scrubbed is None or gpu.scrubbed < gpu.start:
                gpu.unscrubbed.append(f"{index}: job {job}: no scrub since entry {max(gpu.start, 0)}")
            if gpu.handed is None or gpu.handed[0] < gpu.start or gpu.handed[1] not in _GOOD:
                how = "no handover" if gpu.handed is None or gpu.handed[0] < gpu.start else gpu.handed[1]
                gpu.ungated.append(f"{index}: job {job}: {how}")
            gpu.start = index

    def _run(self, index: int, entry: LogEntry) -> _Run:
        causes = tuple(_causes(entry))
        return _Run(causes, entry.fields.get("kept") is True, _texts(entry, "gpus"), first=index)

    def _step(self, index: int, entry: LogEntry) -> None:
        name = _text(entry, "run")
        stage = _text(entry, "stage")
        run = self.open.get(name)
        if run is None or not _texts(entry, "earlier"):  # begun, or begun again after it was cut off or held
            run = self.open[name] = self._run(index, entry)
            for uuid in run.gpus:
                self.gpu(uuid).runs.append(run)
        if stage in {s.value for s in Stage}:
            run.steps.append(Done(Stage(stage), entry.fields.get("ok") is True, "", index))
        run.times.append(entry.at)

    def _end(self, index: int, entry: LogEntry) -> None:
        run = self.open.pop(_text(entry, "run"), None)
        ended = _text(entry, "ended")
        if run is None:  # an end without a step shows no step
            run = self._run(index, entry)
            for uuid in run.gpus:
                self.gpu(uuid).runs.append(run)
        run.ended = Ended(ended) if ended in {e.value for e in Ended} else Ended.OPEN
        run.times.append(entry.at)
        for uuid in run.gpus:
            self.gpu(uuid).handed = (index, run.ended.value)


def _text(entry: LogEntry, name: str) -> str:
    value = entry.fields.get(name)
    return value if isinstance(value, str) else ""


def _texts(entry: LogEntry, name: str) -> tuple[str, ...]:
    value = entry.fields.get(name)
    return value if isinstance(value, tuple) else ()


def _causes(entry: LogEntry) -> Iterator[Cause]:
    known = {w.value for w in Why}
    for text in _texts(entry, "causes"):
        why, _, detail = text.partition(": ")
        # A word that this build does not know is taken for a failure: its order is the stricter one.
        yield Cause(Why(why) if why in known else Why.EXIT, detail)


def _gpus(asset: Asset, now: datetime) -> list[Asset]:
    """A GPU for each that the log has something of. Raises LogError, NotFound, BadInput."""
    place = Place(asset.address)
    audited = audit_log(Ask(place, offline=True), now)
    read = _Read()
    for got in entries(place, (EntryKind.SCRUB.value,)):
        if got.entry is not None and got.entry.fields.get("emulated") is False:
            read.take(got.index, got.entry)
    broken = tuple(f"the log: {fault}" for fault in audited.broken)
    return [_asset(asset, uuid, _facts(gpu, broken, now)) for uuid, gpu in read.gpus.items() if uuid]


def _asset(asset: Asset, uuid: str, values: Mapping[str, Value]) -> Asset:
    facts = {n: Fact(n, v, asset.where, asset.origin) for n, v in values.items()}
    facts["gpu.uuid"] = Fact("gpu.uuid", uuid, asset.where, asset.origin)
    return msgspec.structs.replace(
        asset, id=f"gpu:{uuid}", native_type=GPU, address=f"{asset.name}/{uuid}", name=uuid, facts=facts
    )


def _facts(gpu: _Gpu, broken: tuple[str, ...], now: datetime) -> dict[str, Value]:
    bad = [r for r in gpu.runs if failed(r.causes)]
    trouble = Unknown(GapCode.MALFORMED, broken[0][:200]) if broken else None
    orders = [f"entry {r.first}: {f}" for r in bad for f in faults(r.causes, r.steps, kept=r.kept, ended=r.ended)]
    times = [f"entry {r.first}: times that go back" for r in bad if r.times != sorted(r.times)]
    found: dict[str, Value] = {
        "scrub.starts": gpu.starts,
        "scrub.starts_unscrubbed": tuple(gpu.unscrubbed[:_MOST]),
        "scrub.starts_ungated": tuple(gpu.ungated[:_MOST]),
        "scrub.last": gpu.handed[1] if gpu.handed else Ended.OPEN.value if gpu.runs else None,
        "scrub.failures": len(bad),
        "scrub.failure_faults": tuple(orders[:_MOST]),
        "scrub.log_faults": (*broken, *times)[:_MOST],
        **_leak(gpu.leak, now),
    }
    if trouble is not None:
        return {n: v if n == "scrub.log_faults" else trouble for n, v in found.items()}
    return found


def _leak(entry: LogEntry | None, now: datetime) -> dict[str, Value]:
    if entry is None:
        return {"scrub.canary": None}
    where = _texts(entry, "where") or _texts(entry, "reasons")
    days = max(0, (now - entry.at) // timedelta(days=1))
    return {"scrub.canary": _text(entry, "outcome"), "scrub.canary_days": days, "scrub.canary_where": where}
