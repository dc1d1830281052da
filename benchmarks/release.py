"""Releases of keys: what one costs the broker, how soon it is acknowledged at 300 a second, and what stays in memory.

Goals: at most 4 ms of CPU in the broker's process; 99 of 100 within 50 ms at 300 a second; memory flat over 100,000
requests. The broker is a process of its own, without HTTP: its messages come over a socket pair, so that the figure is
that of the broker and not of its server: it answers each line of them in a thread, as the server does. Evidence is SEV-SNP minted under a root of the tests, made before anything is
measured (the broker's nonces are told in advance, here alone). Every attestation and release is durably kept and logged; the
key lies in the back end `file`. For the rate 16 lines ask two workers, over one database and one log. For the memory 100 resources are
asked for in turn: how many releases an hour allows is counted for each, and no rule of real use allows a hundred thousand.
"""

import argparse
import hashlib
import itertools
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from measure import save

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "attest"), str(TESTS / "release"), str(TESTS / "keys")]

import broker_rig as b  # noqa: E402 - the tests' own rig is what stands for a machine
from kill_driver import Lasting  # noqa: E402 - as above

from strongroom.app.broker import Broker, Judging  # noqa: E402 - as above
from strongroom.app.broker_release import resource  # noqa: E402 - as above
from strongroom.app.key_backends import backend  # noqa: E402 - as above
from strongroom.model.release import Keys, KeySettings, Secret  # noqa: E402 - as above

OTHERS = tuple(f"models/weights/of-{n}" for n in range(100))
HEAD = struct.Struct("!BII")
AUTH, ATTEST, RELEASE, USAGE = range(4)
GOAL_MS, GOAL_P99_MS, RATE, LINES = 4.0, 50.0, 300, 16


class Chance:
    """Octets that both sides know in advance, by the name of the line: a broker of real use has the system's."""

    asked_for_nonce = False

    def __init__(self, name: str) -> None:
        self._name = name
        self._nonces = itertools.count()

    def __call__(self, size: int) -> bytes:
        """So many octets."""
        return nonce(self._name, next(self._nonces)) if size == 32 and self.asked_for_nonce else os.urandom(size)


def nonce(name: str, number: int) -> bytes:
    """The nonce of a challenge on a line."""
    return hashlib.sha256(f"{name} {number}".encode()).digest()


# The broker's process


def serve(folder: Path, worker: int, lines: list[socket.socket]) -> None:
    """Answer messages until the lines are closed."""
    rig = Lasting(folder)
    keys = file_keys(rig)
    at = [threading.Thread(target=attend, args=(rig, keys, f"{worker} {n}", line)) for n, line in enumerate(lines)]
    for t in at:
        t.start()
    for t in at:
        t.join()


def attend(rig: Lasting, keys: Keys, name: str, line: socket.socket) -> None:
    """Answer the messages of one line."""
    broker, chance = made(rig, keys, name)
    line.sendall(b"r")
    while (head := read(line, HEAD.size)) is not None:
        what, first, second = HEAD.unpack(head)
        cookie, body = (read(line, first) or b"").decode(), read(line, second) or b""
        answer = answered(broker, chance, what, cookie, body)
        line.sendall(len(answer).to_bytes(4, "big") + answer)


def made(rig: Lasting, keys: Keys, name: str) -> tuple[Broker, Chance]:
    """The broker: what is the same for all is made once, as a server would have it; its clock goes on."""
    i = rig.node.inputs()
    by = Judging(i.policy, rig.judging(i.evidence, rig.now).references, i.endorsements)
    verifiers = rig.node.verifiers()
    rule = rig.rule(uses=10**9, per_hour=1_000_000, lease_minutes=1440)
    policy = b.msgspec.structs.replace(rig.policy, rules=(rule,))
    chance, began = Chance(name), time.monotonic()
    return rig.but(
        judging=lambda *_: by,
        judge=lambda *given: b.compose(b.composite.VERIFIER, verifiers, b.Inputs(*given)),
        policy=lambda: policy,
        keys={"file": keys},
        chance=chance,
        clock=lambda: rig.now + timedelta(seconds=time.monotonic() - began),
    ), chance


def file_keys(rig: Lasting) -> Keys:
    """The back end `file`; the first worker makes it, and puts the resource in."""
    secret = rig.folder / "passphrase"
    settings = KeySettings({"folder": str(rig.folder / "keys"), "passphrase-file": str(secret)})
    part, fresh = backend("file"), not secret.exists()
    if fresh:
        secret.touch(0o600)
        secret.write_text("correct horse battery staple\n")
        assert part.prepare is not None
        part.prepare(settings)
    keys = part.open(settings, rig.gate)
    if fresh:
        for name in (b.WEIGHTS, *OTHERS):
            rig.store.deposit(keys.wrap(Secret(b.SECRET), name, 2, (b.OWNER,)), rig.now)
    return keys


def answered(broker: Broker, chance: Chance, what: int, cookie: str, body: bytes) -> bytes:
    """One answer."""
    if what == AUTH:
        chance.asked_for_nonce = True
        opened = broker.auth(body)
        chance.asked_for_nonce = False
        return opened.cookie.encode()
    if what == ATTEST:
        return broker.attest(cookie, body).encode()
    if what == RELEASE:
        return resource(broker, body.decode() or b.WEIGHTS, cookie)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return struct.pack("!dQ", time.process_time(), pages * os.sysconf("SC_PAGE_SIZE"))


def read(line: socket.socket, size: int) -> bytes | None:
    """So many octets; None at the end."""
    held = b""
    while len(held) < size:
        more = line.recv(size - len(held))
        if not more:
            return None
        held += more
    return held


# The load


class Usage(NamedTuple):
    """What a worker has used: CPU seconds since its start, and resident MiB."""

    cpu_s: float
    mib: float


class Line:
    """A line to a broker."""

    def __init__(self, line: socket.socket, name: str) -> None:
        self._line = line
        self._bodies = (b.answer(nonce(name, n)) for n in itertools.count())
        if read(self._line, 1) != b"r":
            raise SystemExit("the broker did not start")

    def ask(self, what: int, cookie: bytes = b"", body: bytes = b"") -> bytes:
        """One answer."""
        self._line.sendall(HEAD.pack(what, len(cookie), len(body)) + cookie + body)
        size = read(self._line, 4)
        if size is None:
            raise SystemExit("the broker has ended")
        return read(self._line, int.from_bytes(size, "big")) or b""

    def usage(self) -> Usage:
        """What it has used so far."""
        cpu, octets = struct.unpack("!dQ", self.ask(USAGE))
        return Usage(cpu, octets / (1 << 20))

    def minted(self, count: int) -> list[bytes]:
        """So many answers to the next challenges."""
        return list(itertools.islice(self._bodies, count))

    def handshake(self, body: bytes) -> tuple[bytes, float]:
        """One whole handshake and release: its cookie, and the seconds that the release took."""
        cookie = self.ask(AUTH, body=b.opening())
        self.ask(ATTEST, cookie, body)
        began = time.perf_counter()
        if not self.ask(RELEASE, cookie).startswith(b"{"):
            raise SystemExit("no release")
        return cookie, time.perf_counter() - began

    def close(self) -> None:
        """End it."""
        self._line.close()


@contextmanager
def working(folder: Path, number: int, count: int = 1) -> Iterator[list[Line]]:
    """A broker in a process of its own, and so many lines to it."""
    pairs = [socket.socketpair() for _ in range(count)]
    others = [other.fileno() for _, other in pairs]
    words = [sys.executable, __file__, "--serve", str(folder), str(number), *map(str, others)]
    process = subprocess.Popen(words, pass_fds=others)
    for _, other in pairs:
        other.close()
    lines = [Line(line, f"{number} {n}") for n, (line, _) in enumerate(pairs)]
    try:
        yield lines
    finally:
        for line in lines:
            line.close()
        process.wait()


def cpu(worker: Line, count: int) -> dict[str, object]:
    """CPU of the broker's process for each release with its handshake."""
    for body in worker.minted(20):
        worker.handshake(body)
    bodies, taken = worker.minted(count), []
    for part in parts(bodies, 100):
        before = worker.usage()
        for body in part:
            worker.handshake(body)
        taken.append(1000 * (worker.usage().cpu_s - before.cpu_s) / len(part))
    what = f"CPU of a release with its handshake, of {count}; median of hundreds"
    return {"what": what, "ms": round(statistics.median(taken), 2), "best_ms": round(min(taken), 2), "goal_ms": GOAL_MS}


def parts(held: list[bytes], size: int) -> Iterator[list[bytes]]:
    """A list in parts."""
    for n in range(0, len(held), size):
        yield held[n : n + size]


def rate(workers: list[Line], seconds: int) -> dict[str, object]:
    """Handshakes with releases at a fixed rate, whether or not those before are answered yet."""
    each = RATE * seconds // len(workers)
    bodies = [w.minted(each) for w in workers]
    releases: list[float] = []
    wholes: list[float] = []
    start = time.perf_counter() + 0.2

    def load(number: int) -> None:
        for n, body in enumerate(bodies[number]):
            due = start + (n * len(workers) + number) / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            _, took = workers[number].handshake(body)
            releases.append(took)
            wholes.append(time.perf_counter() - due)

    threads = [threading.Thread(target=load, args=(n,)) for n in range(len(workers))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    took = time.perf_counter() - start
    return {
        "what": f"{RATE}/s offered on {len(workers)} lines to two workers for {seconds} s, time from when it was due",
        "ms": round(1000 * p99(wholes), 1),
        "release_alone_p99_ms": round(1000 * p99(releases), 1),
        "achieved_per_s": round(len(wholes) / took),
        "goal_ms": GOAL_P99_MS,
    }


def p99(taken: list[float]) -> float:
    """What 99 of 100 do not exceed."""
    return sorted(taken)[int(0.99 * len(taken))]


def memory(worker: Line, handshakes: int, requests: int) -> dict[str, object]:
    """Resident MiB after 1,000 requests, 10,000, and all; handshakes first, then one attestation asks on and on."""
    seen, count, cookie = {}, 0, b""
    marks = [n for n in (1_000, 10_000, 100_000) if n <= requests]
    for _ in range(handshakes):
        cookie, _ = worker.handshake(worker.minted(1)[0])
        count += 3
        seen |= {f"mib_after_{m}": round(worker.usage().mib, 1) for m in marks if count - 3 < m <= count}
    while count < requests:
        if count % 10_000 == 0:  # an attestation lasts five minutes
            cookie, _ = worker.handshake(worker.minted(1)[0])
        if not worker.ask(RELEASE, cookie, OTHERS[count % len(OTHERS)].encode()).startswith(b"{"):
            raise SystemExit("no release")
        count += 1
        if count in marks:
            seen[f"mib_after_{count}"] = round(worker.usage().mib, 1)
    values = list(seen.values())
    what = f"memory over {requests} requests, {3 * handshakes} of them whole handshakes"
    return {"what": what, "ms": None, **seen, "grown_mib": round(values[-1] - values[0], 1) if values else None}


def main() -> None:
    """Print the figures, and write benchmarks/results/release.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--releases", type=int, default=1000, help="releases whose CPU is measured [1000]")
    parser.add_argument("--seconds", type=int, default=10, help=f"seconds at {RATE}/s [10]")
    parser.add_argument("--handshakes", type=int, default=3400, help="whole handshakes for the memory [3400]")
    parser.add_argument("--requests", type=int, default=100_000, help="requests for the memory, in all [100000]")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "broker"
        with working(where, 0) as lines:
            rows = [cpu(lines[0], options.releases)]
        with working(where, 1, LINES // 2) as lines, working(where, 2, LINES // 2) as others:
            rows.append(rate([*lines, *others], options.seconds))
        with working(where, 3) as lines:
            rows.append(memory(lines[0], options.handshakes, options.requests))
    for r in rows:
        print(", ".join(f"{name} {value}" for name, value in r.items() if value is not None))
    print(f"written: {save('release', rows)}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        where, which, *descriptors = sys.argv[2:]
        Path(where).mkdir(exist_ok=True)
        serve(Path(where), int(which), [socket.socket(fileno=int(d)) for d in descriptors])
    else:
        main()
