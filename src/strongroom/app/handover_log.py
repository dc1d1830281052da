"""Entries of the log for handovers: one for each step, one for the end, and one for each job that starts on a GPU."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from strongroom.app.log import actor
from strongroom.app.scrub_log import WHAT, Writer, code_digest
from strongroom.model.codes import EntryKind
from strongroom.model.handover import Done, Ended, Path
from strongroom.model.log import Field, LogEntry

STEP, END, START = "handover-step", "handover-end", "start"
_LONG, _MOST = 400, 40


class Pen(NamedTuple):
    """Where it is put, and whether the GPUs are emulated ones."""

    log: Writer
    device: str
    emulated: bool

    def step(self, path: Path, done: Done, at: datetime) -> int:
        """A step that was tried. Raises LogError."""
        more: dict[str, Field] = {"stage": done.stage.value, "ok": done.ok, "detail": done.detail[:_LONG]}
        return self._put(STEP, path, more, at)

    def end(self, path: Path, why: str, at: datetime) -> int:
        """How it ended. Raises LogError."""
        return self._put(END, path, {"ended": path.ended.value, "detail": why[:_LONG]}, at)

    def start(self, node: str, found: dict[str, tuple[str, ...]], relies: Sequence[int], job: str, at: datetime) -> int:
        """A job that asks for GPUs: what speaks against each, and the entries of their last handovers. Raises LogError."""
        against = tuple(f"{uuid}: {reason}"[:_LONG] for uuid, reasons in found.items() for reason in reasons)
        fields: dict[str, Field] = {
            "gpus": tuple(found), "jobs": (job,) if job else (), "node": node, "ok": not against,
            "reasons": against[:_MOST], "relies-on": tuple(str(r) for r in relies),
        }  # fmt: skip
        return self._record(START, node, fields, at)

    def _put(self, what: str, path: Path, more: dict[str, Field], at: datetime) -> int:
        fields: dict[str, Field] = {
            "run": path.run, "node": path.node, "gpus": path.gpus, "jobs": path.jobs, "kept": path.kept,
            "causes": tuple(f"{c.why}: {c.detail}"[:_LONG] if c.detail else c.why.value for c in path.causes[:_MOST]),
            "earlier": tuple(str(d.entry) for d in path.steps), **more,
        }  # fmt: skip
        return self._record(what, path.node, fields, at)

    def _record(self, what: str, node: str, fields: dict[str, Field], at: datetime) -> int:
        entry = LogEntry(
            kind=EntryKind.SCRUB,
            subject=f"node {node}",
            actor=actor(),
            at=at,
            fields={WHAT: what, "device": self.device, "emulated": self.emulated, **fields},
            digests={"code": code_digest()},
        )
        return self.log.record(entry).index


def good(ended: Ended) -> bool:
    """Whether the GPUs of a handover may go to the next job."""
    return ended in {Ended.GOOD, Ended.LEFT}
