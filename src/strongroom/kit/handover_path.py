"""The order of a handover's steps: which comes next, and what is wrong with an order that was written down.

After a failure: cordon, reset, scrub, health, uncordon. At a change of tenants nothing is reset; where the scheduler keeps
the GPUs until the caller ends there is nothing to cordon. A step that failed is followed by nothing.
"""

from collections.abc import Iterator, Sequence

from strongroom.model.handover import FAILURES, Cause, Done, Ended, Path, Stage, Why


def failed(causes: Sequence[Cause]) -> bool:
    """Whether something went wrong with the GPU or the job on it."""
    return any(c.why in FAILURES for c in causes)


def stages(causes: Sequence[Cause], *, kept: bool) -> tuple[Stage, ...]:
    """The steps that a handover has, in order."""
    middle = (Stage.SCRUB, Stage.HEALTH)
    if failed(causes):
        return (Stage.CORDON, Stage.RESET, *middle, Stage.UNCORDON)
    # Jobs that shared a GPU end one by one, and the scheduler keeps it for none of them.
    kept = kept and not any(c.why is Why.SHARED for c in causes)
    return middle if kept else (Stage.CORDON, *middle, Stage.UNCORDON)


def following(path: Path) -> Stage | Ended:
    """What comes next, or how it ends. Steps that are not the beginning of its order hold it."""
    wanted = stages(path.causes, kept=path.kept)
    done = path.steps
    if tuple(d.stage for d in done) != wanted[: len(done)] or not all(d.ok for d in done):
        return Ended.HELD
    return wanted[len(done)] if len(done) < len(wanted) else Ended.GOOD


def faults(causes: Sequence[Cause], done: Sequence[Done], *, kept: bool, ended: Ended) -> Iterator[str]:
    """What is wrong with a handover as it was written down, each in words. An open or held one is not wrong by that alone."""
    wanted = stages(causes, kept=kept)
    found = tuple(d.stage for d in done)
    if found != wanted[: len(found)]:
        yield f"{', '.join(found)}; the order is {', '.join(wanted)}"
    bad = next((n for n, d in enumerate(done) if not d.ok), len(done))
    if bad < len(done) - 1:
        yield f"{found[bad + 1]} after {found[bad]} had failed"
    if ended in {Ended.GOOD, Ended.LEFT}:
        last = wanted[:-1] if ended is Ended.LEFT and wanted[-1] is Stage.UNCORDON else wanted
        missing = [s for s in last if s not in {d.stage for d in done if d.ok}]
        if missing:
            yield f"ended as {ended} without {', '.join(missing)}"
    entries = [d.entry for d in done]
    if entries != sorted(set(entries)):
        yield "entries that are not in the order of its steps"
