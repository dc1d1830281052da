"""The log: durable appends, acknowledgements under load, a whole audit, and proofs, beside the disk's own rate.

Goals: at least 10,000 durable entries/s batched; at concurrency 1 at least 0.3 of the disk's fdatasync rate; p99 of an
acknowledgement at most 15 ms at 300/s; 1,000,000 entries audited in at most 10 s; a proof in at most 5 ms.

An entry is a `LogEntry` of about 440 bytes, and making its bytes is measured too. It counts once `append` is back: then it
and the signed checkpoint that covers it are synced, and its inclusion proof can be made. Tessera's POSIX driver appends
beside it where Go is there: its future resolves once the entry is synced and integrated, and the signed checkpoint follows
within an interval of 10 s, so its promise is the smaller one.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from measure import save

from strongroom.kit import log_entry
from strongroom.kit.tlog.audit import audit
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.merkle import leaf_hash
from strongroom.kit.tlog.tiles import bundle_of, tiles_for_inclusion
from strongroom.ledger import tree
from strongroom.ledger.files import FileStorage
from strongroom.ledger.publisher import Head, publish, published
from strongroom.ledger.sequencer import BATCH_ENTRIES, Sequencer, empty_checkpoint
from strongroom.model.codes import EntryKind
from strongroom.model.log import LogEntry

ROOT = Path(__file__).parent.parent
KEY = SignerKey("bench.example/log", Kind.ED25519, bytes(range(32)))
BLOCK = bytes(range(256)) * 4
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MARKS = (10_000, 100_000, 1_000_000)

Row = dict[str, object]


def main() -> None:
    """Print the figures, and write benchmarks/results/ledger.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--entries", type=int, default=1_000_000, help="of the log that is audited")
    parser.add_argument("--seconds", type=float, default=5, help="for each rate")
    parser.add_argument("--folder", type=Path, default=ROOT / "build", help="on the disk to measure")
    parser.add_argument("--child", choices=["fill", "audit"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(CHILDREN[options.child](options.folder, options.entries)))
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        where = Path(scratch)
        for part in (alone, batched, steady, tessera):
            rows += part(where, options.seconds)
        rows += large(where, options.entries)
    print(f"written: {save('ledger', rows)}")


def say(row: Row, text: str) -> Row:
    """Print a line at once, and hand the row on."""
    print(text, flush=True)
    return row


def encoded(index: int) -> bytes:
    """The bytes of an entry as a release of a key makes it."""
    digest = f"{index:064x}"
    entry = LogEntry(
        kind=EntryKind.RELEASE,
        subject=f"node-{index % 997}/gpu-{index % 8}",
        actor="spiffe://example.org/broker/eu-1",
        at=BEGIN + timedelta(microseconds=index),
        fields={"outcome": "allowed", "key": "weights-7b", "reasons": ("tier met", "policy 12"), "tier": 3},
        digests={"evidence": f"sha256:{digest}", "appraisal": f"sha256:{digest[::-1]}"},
    )
    return log_entry.encode(entry)


@contextmanager
def fresh(folder: Path) -> Iterator[tuple[FileStorage, Sequencer]]:
    """An empty log that is opened."""
    storage = FileStorage(Path(tempfile.mkdtemp(dir=folder)) / "log")
    storage.create(b"{}", empty_checkpoint(KEY))
    sequencer = Sequencer(storage, KEY)
    sequencer.open()
    yield storage, sequencer
    storage.close()


def rate(work: Callable[[], int], seconds: float) -> float:
    """How much of `work` a second holds, one call after the other; it says how much each call did."""
    start, done = time.perf_counter(), 0
    while (now := time.perf_counter()) - start < seconds:
        done += work()
    return done / (now - start)


def syncs(folder: Path, seconds: float, *, grow: bool) -> float:
    """How many times a second 1 KiB can be made durable: behind what is there, or over the same place."""
    descriptor, path = tempfile.mkstemp(dir=folder)
    try:
        os.pwrite(descriptor, BLOCK, 0)
        os.fsync(descriptor)
        at = 0

        def once() -> int:
            nonlocal at
            at += len(BLOCK) if grow else 0
            os.pwrite(descriptor, BLOCK, at)
            os.fdatasync(descriptor)
            return 1

        return rate(once, seconds)
    finally:
        os.close(descriptor)
        Path(path).unlink()


def alone(folder: Path, seconds: float) -> list[Row]:
    """One caller, one entry at a time, between two measurements of the disk."""
    before = syncs(folder, seconds / 2, grow=True), syncs(folder, seconds / 2, grow=False)
    with fresh(folder) as (_, sequencer):
        numbers = itertools.count()
        ours = rate(lambda: len(sequencer.append([encoded(next(numbers))])), seconds)
    after = syncs(folder, seconds / 2, grow=True), syncs(folder, seconds / 2, grow=False)
    ratio = ours / ((before[0] + after[0]) / 2)
    row: Row = {
        "what": "one caller",
        "entries_per_s": round(ours),
        "fdatasync_append_per_s": [round(before[0]), round(after[0])],
        "fdatasync_overwrite_per_s": [round(before[1]), round(after[1])],
        "ratio": round(ratio, 2),
    }
    disk = (
        f"fdatasync {before[0]:,.0f}/s before and {after[0]:,.0f}/s after (in place {before[1]:,.0f}, {after[1]:,.0f})"
    )
    return [say(row, f"one caller              {ours:>9,.0f} entries/s  {ratio:.2f} of {disk}")]


def batched(folder: Path, seconds: float) -> list[Row]:
    """Many callers of one entry each, and one caller with many entries."""
    rows = []
    for callers, size in ((32, 1), (64, 1), (1, 256)):
        with fresh(folder) as (_, sequencer):
            found = together(sequencer, callers, size, seconds)
        row: Row = {"what": "appends", "callers": callers, "entries_each": size, "entries_per_s": round(found)}
        rows.append(say(row, f"{callers:>3} callers x {size:>3} entries {found:>9,.0f} entries/s"))
    return rows


def together(sequencer: Sequencer, callers: int, size: int, seconds: float) -> float:
    """Durable entries a second of callers in a closed loop."""
    until = time.perf_counter() + seconds

    def call(caller: int) -> int:
        at, done = caller * 10**9, 0
        while time.perf_counter() < until:
            done += len(sequencer.append([encoded(at + done + i) for i in range(size)]))
        return done

    start = time.perf_counter()
    with ThreadPoolExecutor(callers) as pool:
        done = sum(pool.map(call, range(callers)))
    return done / (time.perf_counter() - start)


def steady(folder: Path, seconds: float, per_second: int = 300) -> list[Row]:
    """Entries that come at their own pace, whatever the log does, while it is published every second."""
    seconds *= 4
    with fresh(folder) as (storage, sequencer):
        taken = open_loop(storage, sequencer, int(seconds * per_second), per_second)
    cut = statistics.quantiles(taken, n=100)
    row: Row = {"what": "acknowledgement", "offered_per_s": per_second, "seconds": seconds, "entries": len(taken)}
    row |= {"p50_ms": round(cut[49], 2), "p99_ms": round(cut[98], 2), "max_ms": round(max(taken), 2)}
    line = f"at {per_second}/s, publishing     p50 {cut[49]:.1f} ms  p99 {cut[98]:.1f} ms  max {max(taken):.1f} ms"
    return [say(row, line)]


def open_loop(storage: FileStorage, sequencer: Sequencer, count: int, per_second: int) -> list[float]:
    """Milliseconds from when each entry was due to when it was durable: one that had to queue is not let off."""
    stop = threading.Event()

    def publisher() -> None:
        while not stop.wait(1):
            publish(storage, Head(*sequencer.latest()))

    def call(index: int, due: float) -> float:
        sequencer.append([encoded(index)])
        return (time.perf_counter() - due) * 1000

    thread = threading.Thread(target=publisher)
    thread.start()
    with ThreadPoolExecutor(64) as pool:
        waiting: list[Future[float]] = []
        start = time.perf_counter()
        for index in range(count):
            due = start + index / per_second
            time.sleep(max(0, due - time.perf_counter()))
            waiting.append(pool.submit(call, index, due))
        taken = [future.result() for future in waiting]
    stop.set()
    thread.join()
    return taken


def tessera(folder: Path, seconds: float) -> list[Row]:
    """The same entries, as many bytes each, into Tessera's POSIX driver: as it comes, and with quicker batches."""
    sys.path.append(str(ROOT / "tests/interop"))
    from go_programs import NoProgramError, built  # noqa: PLC0415 - it lies with the tests that verify what it writes

    try:
        program = built("tessera")
    except NoProgramError as e:
        return [say({"what": "tessera posix", "not_run": str(e)}, f"tessera posix           not run: {e}")]
    rows = []
    size = len(encoded(0))
    # Batches of 256 after at most 250 ms are its default, and 4,096 waiting at once its most; 5 ms suits few callers.
    for callers, batch, age in ((1, 256, 5), (64, 256, 250), (64, 256, 5), (4096, 256, 250), (4096, 4096, 5)):
        target = folder / f"tessera-{callers}-{batch}-{age}"
        words = ["rate", str(target), *map(str, (callers, int(seconds) or 1, size, batch, age))]
        answer = subprocess.run([program, *words], capture_output=True, text=True, check=True)
        found = json.loads(answer.stdout)
        per_s = found["entries"] / found["seconds"]
        row: Row = {"what": "tessera posix", "callers": callers, "batch": batch, "batch_age_ms": age}
        row |= {"entries_per_s": round(per_s), "p50_ms": round(found["p50_ms"], 1), "p99_ms": round(found["p99_ms"], 1)}
        line = f"tessera {callers:>4} callers    {per_s:>9,.0f} entries/s  p50 {found['p50_ms']:.1f} ms"
        rows.append(say(row, f"{line}  p99 {found['p99_ms']:.1f} ms  (batches of {batch}, at most {age} ms)"))
    return rows


def large(folder: Path, entries: int) -> list[Row]:
    """A large log: what a writer's memory does while it grows, the audit of all of it, and proofs from its tiles."""
    log = folder / "large"
    rows: list[Row] = [child("fill", log, entries)]
    memory = "  ".join(f"{m['rss_mib']} MiB at {m['entries']:,}" for m in rows[0]["memory"])  # type: ignore[attr-defined]
    say(rows[0], f"writer's memory         {memory}  ({rows[0]['entries_per_s']:,} entries/s, published on the way)")
    rows.append(child("audit", log, entries))
    found = rows[1]
    line = f"audit of {entries:,}      {found['seconds']} s, {found['peak_mib']} MiB peak"
    say(found, f"{line} ({found['decoding_s']} s with every entry decoded)")
    rows.append(proofs(log))
    return rows


def child(what: str, log: Path, entries: int) -> Row:
    """Run a part in a process of its own, so that its memory is its alone."""
    argv = [sys.executable, __file__, "--child", what, "--folder", str(log), "--entries", str(entries)]
    answer = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True)
    return {"what": what, **json.loads(answer.stdout)}


def resident(field: str) -> float:
    """MiB of this process: VmRSS now, VmHWM at the most. A process begun by another has its own from the start."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return round(int(lines[field].split()[0]) / 1024, 1)


def fill(log: Path, entries: int) -> Row:
    """Write a log and publish as it grows; resident memory at each mark."""
    storage = FileStorage(log)
    storage.create(b"{}", empty_checkpoint(KEY))
    sequencer = Sequencer(storage, KEY)
    memory: list[Row] = []
    start, at = time.perf_counter(), 0
    for mark in sorted({*(m for m in MARKS if m < entries), entries}):
        while at < mark:
            end = min(mark, at + BATCH_ENTRIES)
            sequencer.append([encoded(i) for i in range(at, end)])
            publish(storage, Head(*sequencer.latest()))
            at = end
        memory.append({"entries": mark, "rss_mib": resident("VmRSS")})
    return {"memory": memory, "entries_per_s": round(entries / (time.perf_counter() - start))}


def audit_all(log: Path, entries: int) -> Row:
    """Audit a log, once as it is and once with every entry decoded."""
    storage = FileStorage(log)
    head, read = published(storage).checkpoint, tree.reader(storage.read)
    seconds = []
    for seen in (None, lambda _, data: log_entry.decode(data)):
        start = time.perf_counter()
        found = audit(head, read, seen)
        seconds.append(round(time.perf_counter() - start, 2))
        if found.faults or found.entries_read != entries:
            raise SystemExit(f"the log is not whole: {found}")
    return {"entries": entries, "seconds": seconds[0], "decoding_s": seconds[1], "peak_mib": resident("VmHWM")}


def proofs(log: Path, count: int = 1000) -> Row:
    """Inclusion proofs of entries all over a log, each from its bundle and tiles: read from the disk, then read again."""
    storage = FileStorage(log)
    head = published(storage).checkpoint
    cold, warm = [], []
    for i in range(count):
        index = i * 7_368_787 % head.size
        for part in (bundle_of(index, head.size)[0], *tiles_for_inclusion(index, head.size)):
            forget(log / "public" / part.path)
        for taken in (cold, warm):
            start = time.perf_counter()
            data = tree.entry(index, head.size, storage.read)
            tree.inclusion(index, leaf_hash(data), head, storage.read)
            taken.append((time.perf_counter() - start) * 1000)
    row: Row = {"what": "inclusion proof", "entries": head.size}
    text = f"proof at {head.size:,}     "
    for name, taken in (("cold", cold), ("warm", warm)):
        cut = statistics.quantiles(taken, n=100)
        row |= {f"{name}_p50_ms": round(cut[49], 2), f"{name}_p99_ms": round(cut[98], 2)}
        text += f" {name} p50 {cut[49]:.2f} ms, p99 {cut[98]:.2f} ms;"
    return say(row, f"{text} entry read and proof verified")


def forget(path: Path) -> None:
    """Have the system drop a file from its memory, so that the next read is one of the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


CHILDREN: dict[str, Callable[[Path, int], Row]] = {"fill": fill, "audit": audit_all}


if __name__ == "__main__":
    main()
