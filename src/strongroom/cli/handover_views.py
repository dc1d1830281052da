"""What the commands of handovers print, in at most 80 columns."""

from collections.abc import Iterator

from strongroom.app.handover import HandedOver, Ready
from strongroom.cli.lines import line
from strongroom.cli.release_views import formatted
from strongroom.model.handover import SCHEMA


def handover_lines(found: HandedOver) -> Iterator[str]:
    """How a handover went, for a person."""
    path = found.path
    yield line("node", path.node)
    yield line("GPUs", ", ".join(path.gpus))
    yield from (line("cause", f"{c.why}{f': {c.detail}' if c.detail else ''}") for c in path.causes)
    for done in path.steps:
        yield line(done.stage if done.ok else done.stage.upper(), f"{'' if done.ok else 'FAILED: '}{done.detail}")
    word = path.ended.value if found.good else path.ended.upper()
    yield line("outcome", f"{word}{f': {found.why}' if found.why else ''}")
    yield line("log entry", f"{found.entry}, run {path.run}")


def handover_json(found: HandedOver) -> Iterator[str]:
    """The same as JSON."""
    reports = [{"digest": s.kept.digest, "entry": s.kept.entry, "verdict": s.verdict} for s in found.scrubs]
    told = {"schema": SCHEMA, "path": found.path, "because": found.why, "entry": found.entry, "scrubs": reports}
    yield formatted(told)


def ready_lines(found: Ready) -> Iterator[str]:
    """Whether GPUs are ready, for a person."""
    for uuid, reasons in found.reasons.items():
        yield line("GPU", uuid)
        yield line("outcome", "NOT READY" if reasons else "ready")
        yield from (line("because", reason) for reason in reasons)
    yield line("log entry", str(found.entry))


def ready_json(found: Ready) -> Iterator[str]:
    """The same as JSON."""
    yield formatted({"schema": SCHEMA, "ready": found.good, "reasons": found.reasons, "entry": found.entry})
