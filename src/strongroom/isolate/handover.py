"""The judge of handovers: what made one necessary, whether a GPU is healthy, who may let its node go, and whether it is ready.

A GPU that failed goes through cordon, reset, scrub and health before its node takes jobs again; whoever cordoned the node
is the one who lets it go.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from strongroom.kit import handover_path
from strongroom.model.handover import Cause, Cordon, Ended, Hold, Known, Path, Stage, Why, Xid
from strongroom.model.scrub import Standing

HOLDER = "strongroom scrub"
_MOST = 3


def words(run: str) -> str:
    """What a cordon of a run says of itself."""
    return f"{HOLDER} {run}"


def causes(standings: Iterable[Standing], hung: Mapping[str, str], xids: Iterable[Xid]) -> Iterator[Cause]:
    """What speaks of a failure as GPUs stand before anything is done: XIDs since the last handover, ECC, no answer."""
    buses = {}
    for s in standings:
        if s.bus:
            buses[s.bus] = s.uuid
        if s.uncorrected:
            yield Cause(Why.ECC, f"{s.uuid}: {s.uncorrected} memory errors that were not corrected")
        if s.remap_pending:
            yield Cause(Why.ECC, f"{s.uuid}: a row is to be remapped at the next reset")
    for x in xids:
        # An XID of a GPU that does not answer has nobody to belong to, and counts.
        if x.bus in buses or hung:
            yield Cause(Why.XID, f"{x.number} on {x.bus}{f', {buses[x.bus]}' if x.bus in buses else ''}")
    yield from (Cause(Why.HANG, f"{uuid}: {why}"[:200]) for uuid, why in hung.items())


def cordon(hold: Hold, known: Cordon | None, run: str) -> Cordon | None:
    """Whose a cordon is, as the scheduler has it after one was asked for: this program's, or None: another's.

    One that waits for a scrub and names nobody is whoever scrubs.
    """
    if not hold.cordoned:
        return None
    if known is not None and hold.words == known.words:
        return known
    if hold.words == words(run):
        return Cordon(run, hold.words)
    return Cordon(run, hold.words) if hold.waits else None


def owners(users: Iterable[str]) -> tuple[str, ...]:
    """Whose the work is, each once: what stands before the name. Two namespaces are two owners, also of one tenant."""
    return tuple(sorted({u.partition("/")[0] for u in users}))


def closes(owners_: Sequence[str], hold: Hold) -> bool:
    """Whether a node must be closed now. From the first of its tenants on, not when he leaves: by then another may have come."""
    return bool(owners_) and not hold.cordoned


def keeps(hold: Hold, known: Cordon | None, others: Sequence[Path]) -> str:
    """Why a node is not let go; empty where it may be."""
    if not hold.cordoned:
        return "nobody holds it any more: somebody let it go meanwhile"
    if known is None:
        return f"another holds it: {hold.words or 'without a word'}"
    if hold.words != known.words:
        return f"another holds it now: {hold.words or 'without a word'}"
    if others:
        runs = ", ".join(f"{p.run} ({p.ended})" for p in others[:_MOST])
        return f"other handovers of this node are not done: {runs}"
    return ""


def health(now: Standing, known: Known | None, fresh: Iterable[Xid], log_trouble: str, *, reset: bool) -> Iterator[str]:
    """What speaks against a GPU after its scrub; a known firmware that cannot be read any more does too."""
    if now.bus is None:
        yield f"cannot tell which PCI device it is: {now.unknown.get('bus', 'no reason')}"
    elif now.bus:
        found = [x for x in fresh if x.bus == now.bus]
        yield from (f"XID {x.number} while it was handed over: {x.text[:120]}" for x in found[:_MOST])
        if log_trouble:
            yield f"cannot tell whether there were XIDs: {log_trouble}"
    if now.uncorrected is None and "uncorrected" in now.unknown:
        if "not supported" not in now.unknown["uncorrected"]:
            yield f"cannot tell whether memory errors were not corrected: {now.unknown['uncorrected']}"
    elif now.uncorrected and reset:
        yield f"{now.uncorrected} memory errors that were not corrected, after a reset"
    if now.remap_pending:
        yield "a row is to be remapped at the next reset"
    if now.remap_failed:
        yield "a row could not be remapped"
    yield from _firmware(now, known)


def _firmware(now: Standing, known: Known | None) -> Iterator[str]:
    if known is None:
        return
    for name, was in known.firmware.items():
        found = now.firmware.get(name)
        if found is None:
            yield f"{name} was {was} at the last handover, and cannot be read: {now.unknown.get(name, 'no reason')}"
        elif found != was:
            yield f"{name} was {was} at the last handover, and is {found}"


def next_stage(path: Path) -> Stage | Ended:
    """What comes next, or how it ends."""
    return handover_path.following(path)


def ready(
    uuid: str, now: Standing, known: Known | None, opened: Sequence[Path], boot: str, *, shared: bool = False
) -> Iterator[str]:
    """What speaks against giving a GPU to the next job. One that shares it may find others of its kind on it."""
    if known is None:
        yield "no handover of it is known"
    elif known.outcome not in {Ended.GOOD, Ended.LEFT}:
        yield f"its last handover is {known.outcome}"
    elif known.boot != boot:
        yield "its last handover was before this machine started"
    yield from (f"handover {p.run} of it is {p.ended}" for p in opened if uuid in p.gpus)
    if now.occupants is None:
        yield f"cannot tell whether processes remain: {now.unknown.get('occupants', 'no reason')}"
    elif now.occupants and not shared:
        yield f"{len(now.occupants)} processes remain: {', '.join(str(o.pid) for o in now.occupants[:_MOST])}"
    if known is not None and known.driver and now.driver != known.driver:
        yield f"driver was {known.driver} at the last handover, and is {now.driver or 'unknown'}"
    yield from _firmware(now, known)
