"""A round of answers of 10,000 watched hosts on one core, with the store and the log: CPU and latency of each.

Goals: 167 answers a second (10,000 hosts each minute) and p95 under 10 ms from the answer's coming to its standing.

Each host has its own key, and every answer its own challenge and signature. The log of a boot and the kernel's list are
of one image, as in a fleet. In the first round each host gains its standing, which the log has before the store; in the
second it is renewed, which needs no entry. Making the answers is not counted.
"""

import argparse
import base64
import hashlib
import json
import os
import resource
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from measure import save

from strongroom.app import watching
from strongroom.app.log import Log, Place, create
from strongroom.app.log import now as clock
from strongroom.app.watch_log import Journal
from strongroom.app.watch_record import Judging
from strongroom.app.watch_setup import Watch
from strongroom.app.watch_sweep import sweep
from strongroom.attest.policy import Policy, TpmPolicy
from strongroom.attest.standing import first
from strongroom.model.attest import Endorsements, EvidenceKind, Reference, ReferenceValues
from strongroom.model.standing import Enrolment, Grade, StandingState
from strongroom.store.standing import WatchStore
from strongroom.store.standing_rows import Held

GOAL_RATE, GOAL_P95 = 167.0, 10.0
_EVENTS, _FILES = 40, 100  # more events of the boot, and files in the kernel's list
Row = dict[str, object]


def main() -> None:
    """Print the figures, and write benchmarks/results/watch.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--hosts", type=int, default=10_000)
    options = parser.parse_args()
    sys.path[:0] = [str(Path(__file__).parent.parent / "tests/attest")]
    fleet = Fleet(options.hosts)
    with tempfile.TemporaryDirectory() as folder:
        rows = list(rounds(Path(folder), fleet))
    for r in rows:
        print(
            f"{r['what']:<44} {r['per_cpu_second']:>7,.0f}/s of CPU  {r['cpu_ms']:.2f} ms each  "
            f"p50 {r['p50_ms']:.1f}  p95 {r['p95_ms']:.1f}  p99 {r['p99_ms']:.1f} ms"
        )
    print(f"goals: {GOAL_RATE:.0f}/s on one core, p95 < {GOAL_P95:.0f} ms; peak {rows[-1]['peak_mib']} MiB")
    print(f"written: {save('watch', rows)}")


class Fleet:
    """Machines of one image, each with its own attestation key."""

    def __init__(self, count: int) -> None:
        import tpm_minting as minting  # noqa: PLC0415 - the tests mint their evidence there
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - same

        self._minting = minting
        more = tuple(minting.Measured(5, 0x80000002, b"event %d" % n + bytes(40)) for n in range(_EVENTS))
        booted = minting.Minted(events=(*minting.BOOT, *more))
        aggregate = booted.registers()
        listed = [minting.entry("boot_aggregate", _sha256(b"".join(aggregate[n] for n in range(10))))]
        listed += [minting.entry(f"/usr/bin/program{n}", _sha256(b"%d" % n)) for n in range(_FILES)]
        self._registers = {**aggregate, 10: minting.measured_files(tuple(listed))}
        self._log, self._list = minting.log_of(booted.events), b"".join(listed)
        self.keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(count)]
        self.areas = [minting.public(k) for k in self.keys]
        self.names = [minting.name(a) for a in self.areas]
        dbx = tuple(r.hex() for r in minting.REVOKED)
        known = {f"pcr{n}": (self._registers[n].hex(),) for n in (0, 4, 7, 8, 9)}
        self.policy = Policy(tpm=TpmPolicy(dbx=dbx, ima=True))
        self.references = ReferenceValues((Reference(EvidenceKind.TPM, "image", known),), "owner")

    def answer(self, number: int, nonce: bytes, clock_ms: int) -> bytes:
        """Evidence of one machine."""
        held = self._registers

        class Quoting(self._minting.Minted):  # type: ignore[name-defined,misc] # its registers are computed once
            def registers(self) -> dict[int, bytes]:
                return dict(held)

        counters = (clock_ms, 2, 1)
        made = Quoting(nonce=nonce, area=self.areas[number], signer=self.keys[number], counters=counters, log=self._log)
        told = json.loads(made.document())
        return json.dumps({**told, "ima_log": _base64(self._list)}).encode()


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def rounds(folder: Path, fleet: Fleet) -> Iterator[Row]:
    """Two rounds, then a sweep that finds everybody silent."""
    place = Place(str(folder / "log"))
    create(place, "benchmark/watch")
    with WatchStore(str(folder / "watch.db")) as store:
        journal = Journal(store, lambda: Log.open(place), clock, secrets.token_bytes)
        by = Judging(fleet.policy, fleet.references, Endorsements())
        hour = timedelta(hours=24)  # so that nobody's lease ends while this machine is slow
        watch = Watch(store, journal, lambda: by, folder / "files", clock, secrets.token_bytes, "benchmark", hour)
        enrolled_at = datetime.now(UTC)
        for n, name in enumerate(fleet.names):
            made = Enrolment(f"node{n}", f"{n:064x}", name, b"", Grade.CERTIFIED, enrolled_at, enrolled_at, "benchmark")
            assert store.add(Held(made, first(made)))
        yield _synced(folder)
        yield _round("gained, each logged first", watch, fleet, 1000)
        yield _round("renewed", watch, fleet, 61_000)
        yield _swept(watch, len(fleet.names))
        journal.close()


def _round(what: str, watch: Watch, fleet: Fleet, clock_ms: int) -> Row:
    walls, spent = list[float](), 0.0
    for n, name in enumerate(fleet.names):
        asked = watching.challenge(watch, f"node{n}", name)
        document = fleet.answer(n, asked.nonce, clock_ms)
        cpu, wall = time.process_time(), time.perf_counter()
        told = watching.evidence(watch, f"node{n}", asked.nonce, document)
        walls.append(time.perf_counter() - wall)
        spent += time.process_time() - cpu
        assert told.standing is StandingState.TRUSTED, told
    return _row(what, walls, spent)


def _synced(folder: Path) -> Row:
    """What a change cannot be quicker than: one write of 4 KiB that is on the disk."""
    walls = list[float]()
    cpu = time.process_time()
    with (folder / "synced").open("wb", buffering=0) as f:
        for _ in range(500):
            wall = time.perf_counter()
            f.write(bytes(4096))
            os.fdatasync(f.fileno())
            walls.append(time.perf_counter() - wall)
    return _row("one synced write of this machine", walls, time.process_time() - cpu)


def _row(what: str, walls: list[float], spent: float) -> Row:
    cuts = statistics.quantiles(walls, n=100)
    return {
        "what": what,
        "answers": len(walls),
        "per_cpu_second": len(walls) / spent,
        "per_second": len(walls) / sum(walls),
        "cpu_ms": 1000 * spent / len(walls),
        "p50_ms": 1000 * cuts[49],
        "p95_ms": 1000 * cuts[94],
        "p99_ms": 1000 * cuts[98],
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


def _swept(watch: Watch, count: int) -> Row:
    """Everybody is silent: from the sweep's begin until every loss is in the store and in the log."""
    later = replace(watch, clock=lambda: clock() + timedelta(hours=25))
    cpu, wall = time.process_time(), time.perf_counter()
    assert sweep(later) == count
    row = _row("silent, each logged (one sweep)", [(time.perf_counter() - wall) / count] * 2, 1.0)
    spent = time.process_time() - cpu
    return {**row, "answers": count, "cpu_ms": 1000 * spent / count, "per_cpu_second": count / spent}


if __name__ == "__main__":
    main()
