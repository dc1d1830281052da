"""What the commands of handovers print, in at most 80 columns."""

from collections.abc import Iterator

from strongroom.app.handover import HandedOver, Ready
from strongroom.app.handover_close import Closed
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


def closed_lines(found: Closed) -> Iterator[str]:
    """How a node stands, for a person."""
    yield line("node", found.node)
    yield from (line("pod", pod) for pod in found.pods)
    if len(found.owners) > 1:
        yield line("OWNERS", f"{', '.join(found.owners)}: they came before it was closed")
    held = f"closed{' now' if found.put else ''}: {found.hold.words or 'without a word'}"
    yield line("outcome", held if found.hold.cordoned else "OPEN" if found.pods else "open, and nobody is on it")


def closed_json(found: Closed) -> Iterator[str]:
    """The same as JSON."""
    told = {"node": found.node, "pods": found.pods, "owners": found.owners, "hold": found.hold, "put": found.put}
    yield formatted({"schema": SCHEMA, **told})
