"""A log under faults: every system call that touches its folder fails once, and is the last one once.

A clean run finds the calls; then one run for each lets `strace` inject an error, or a `kill -9`, at exactly that call.
"""

import compileall
import json
import re
import shutil
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from log_claims import Told, check, told_by

from strongroom.ledger import disk
from strongroom.ledger.files import FileStorage
from strongroom.ledger.journal import _END_MARK

pytestmark = pytest.mark.integration

DRIVER = Path(__file__).with_name("log_driver.py")
ROOT = Path(__file__).parents[2]
FAST = Path("/dev/shm")  # syncing costs nothing there, and whether the device keeps its word is another question
AT_ONCE = 2
NEW = " (new)"  # of a file that is made if it is not there

# What changes a file or a name, what can meet a full disk, and what only looks.
CHANGES = "link rename unlink unlinkat rmdir mkdir ftruncate fsync fdatasync pwrite64 write flock".split()  # noqa: SIM905 - a list of names
FILLS = {"link", "rename", "mkdir", "fsync", "fdatasync", "pwrite64", "write"}
# `close` is not among them: a call that strace lets fail is not made, and the kernel closes a file whatever it answers.
LOOKS = "openat pread64 read getdents64 newfstatat".split()  # noqa: SIM905 - a list of names


class Call(NamedTuple):
    """A system call of the clean run: the how manieth of its name, and what it is about."""

    name: str
    ordinal: int
    kind: str  # its path, with numbers left out
    site: tuple[str, ...]  # with the calls just before it: nearly the line of code that it is from


class Fault(NamedTuple):
    """What happens to a call."""

    call: Call
    what: str  # KILL or the name of an error

    @property
    def inject(self) -> str:
        """The words of strace."""
        action = "signal=KILL" if self.what == "KILL" else f"error={self.what}"
        return f"{self.call.name}:{action}:when={self.call.ordinal}"

    def __str__(self) -> str:
        return f"{self.what} at {self.call.name} {self.call.ordinal} of {self.call.kind}"


@dataclass(frozen=True)
class Scene:
    """A log as it stands before the driver takes it up, and what it has told; no folder: the driver makes it."""

    name: str
    folder: Path | None
    told: Sequence[dict[str, object]]
    first: int  # the driver's steps
    end: int
    repairs: tuple[str, ...]  # words of what the driver mends, and says


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder for many logs, in memory where that is possible."""
    folder = Path(f"{FAST}/{tmp_path.parent.name}-{tmp_path.name}") if FAST.is_dir() else tmp_path
    folder.mkdir(exist_ok=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def program(place: Path, *words: str) -> list[str]:
    """The driver, started quickly and the same way each time: from a copy of the code that nobody edits meanwhile."""
    return [sys.executable, "-S", str(place / "code/log_driver.py"), *words]


def copied(place: Path) -> None:
    """Copy and compile the code: a run that finds it compiled makes the same calls as any other."""
    shutil.copytree(ROOT / "src/strongroom", place / "code/strongroom", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (DRIVER, *(ROOT / "tests/ledger").glob("log_*.py")):
        shutil.copy(path, place / "code")
    compileall.compile_dir(place / "code", quiet=2)


def environment(place: Path) -> dict[str, str]:
    """What the driver finds its modules by."""
    path = f"{place / 'code'}:{sysconfig.get_path('purelib')}"
    return {"PYTHONPATH": path, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}


def lines(text: bytes) -> list[dict[str, object]]:
    """What the driver has said."""
    return [json.loads(line) for line in text.splitlines()]


def traced(folder: Path, scene: Scene, calls: Sequence[str], *words: str) -> tuple[int, bytes, bytes, str]:
    """Run the driver under strace: exit status, output, errors, and the calls."""
    log = folder.with_name(f"{folder.name}.strace")
    # Only with the filter in the kernel is it quick, and only without it are signals injected.
    quick = [] if any("signal=" in word for word in words) else ["-f", "--seccomp-bpf"]
    strace = ["strace", *quick, "-y", "-s", "120", "-o", str(log), "-e", f"trace={','.join(calls)}"]
    run = subprocess.run(
        [*strace, *words, *program(folder.parent, "steps", str(folder), str(scene.first), str(scene.end))],
        env=environment(folder.parent),
        capture_output=True,
        check=False,
        timeout=60,
    )
    text = log.read_text(errors="replace")
    log.unlink()
    return run.returncode, run.stdout, run.stderr, text


def kind_of(line: str, folder: Path) -> str:
    """The path that a call is about, with numbers and the log's own name left out."""
    found = re.search(rf'[<"]{re.escape(str(folder.parent))}/?([^">]*)', line)
    path = found[1] if found else ""
    path = re.sub(rf"^({re.escape(disk.TEMPORARY)})?{folder.name}(-[0-9a-f]{{8}})?", r"\1LOG", path)
    return re.sub(r"\d+", "N", path) + NEW * ("O_CREAT" in line)


def calls_of(text: str, folder: Path) -> list[Call]:
    """The calls of a clean run that touch the log."""
    counts: Counter[str] = Counter()
    found: list[Call] = []
    before = ("", "")
    for line in text.splitlines():
        match = re.match(r"(?:\d+ +)?(\w+)\(", line)
        if match is None:
            continue
        counts[match[1]] += 1
        if str(folder) in line or f"{folder.parent}/{disk.TEMPORARY}{folder.name}" in line:
            kind = kind_of(line, folder)
            before = (*before[1:], f"{match[1]} {kind}")
            found.append(Call(match[1], counts[match[1]], kind, before))
    return found


def faults_of(calls: Sequence[Call]) -> list[Fault]:
    """What each place in the code suffers, the first and the last time that it is passed.

    A change fails, meets a full disk, and is never returned from. A look fails: what a kill leaves there, the change
    before it left too.
    """
    sites: dict[tuple[str, ...], list[Call]] = {}
    for call in calls:
        sites.setdefault(call.site, []).append(call)
    found: list[Fault] = []
    for same in sites.values():
        for call in dict.fromkeys((same[0], same[-1])) if same[0].name in CHANGES else same[:1]:
            found.append(Fault(call, "EIO"))
            if call.name in FILLS:
                found.append(Fault(call, "ENOSPC"))
            if call.name in CHANGES or call.kind.endswith(NEW):
                found.append(Fault(call, "KILL"))
    return found


def suffer(scene: Scene, fault: Fault, folder: Path) -> None:
    """One run with one fault, and the log held to its word afterwards.

    Raises:
        AssertionError: it broke it.
    """
    if scene.folder is not None:
        shutil.copytree(scene.folder, folder)
    status, said, errors, text = traced(folder, scene, [fault.call.name], "-e", f"inject={fault.inject}")
    told = Told()
    told_by(scene.told, told)
    told_by(lines(said), told)
    hit = [line for line in text.splitlines() if re.match(rf"(\d+ +)?{fault.call.name}\(", line)][
        fault.call.ordinal - 1
    ]
    assert kind_of(hit, folder) == fault.call.kind, hit
    failures = [line for line in lines(said) if line["said"] == "failed"]
    if fault.what == "KILL":
        assert (status, failures) == (-9, [])
    else:
        assert "(INJECTED)" in hit
        assert status == 0, errors.decode()
        assert errors == b""
        assert lines(said)[-1]["said"] == "end"
        assert len(failures) <= 1, failures
    if folder.exists():
        check(folder, told)
    else:  # the folder of a log appears whole, or not at all
        assert fault.what == "KILL"
        assert told.entries == []
        FileStorage(folder).create(b"{}", b"")
    shutil.rmtree(folder)


def prepared(folder: Path, steps: int) -> list[dict[str, object]]:
    """A log that was written to without a fault."""
    run = subprocess.run(
        program(folder.parent, "steps", str(folder), "0", str(steps)),
        env=environment(folder.parent),
        capture_output=True,
        check=True,
    )
    return lines(run.stdout)


def new(_place: Path) -> Scene:
    """No log yet."""
    return Scene("new", None, [], 0, 12, ())


def torn(place: Path) -> Scene:
    """A writer was cut off within a record, and a publisher between two files."""
    folder = place / "torn"
    told = prepared(folder, 8)
    (segment,) = (folder / "journal").iterdir()
    segment.write_bytes(segment.read_bytes() + b"SRJ1\x00\x00\x01")
    (folder / "public/tile/0/.new-001").write_bytes(b"cut off")
    (folder / "public/checkpoint").unlink()
    return Scene(
        "torn",
        folder,
        told,
        8,
        11,
        ("7 bytes of a batch that was never acknowledged", ".new-001 removed", "made again from its copy"),
    )


def ended(place: Path) -> Scene:
    """A writer was cut off between the end of one segment and the beginning of the next."""
    folder = place / "ended"
    told = prepared(folder, 6)
    for last in sorted((folder / "journal").iterdir()):
        data = last.read_bytes()
    last.write_bytes(data + _END_MARK)
    return Scene("ended", folder, told, 6, 8, ("begun, as the one before had ended",))


@pytest.mark.parametrize(("scene", "least"), [(new, 70), (torn, 37), (ended, 36)])
def test_every_call_fails_once_and_is_the_last_once(
    scene: Callable[[Path], Scene], least: int, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whichever call on the log's folder fails or never returns, nothing that was acknowledged is lost or forks."""
    if shutil.which("strace") is None:
        pytest.skip("no strace on this machine: faults cannot be injected")
    copied(place)
    made = scene(place)
    clean = place / "clean"
    if made.folder is not None:
        shutil.copytree(made.folder, clean)
    status, said, errors, text = traced(clean, made, [*CHANGES, *LOOKS])
    if status != 0 and not said:
        pytest.skip(f"strace cannot trace here: {errors.decode(errors='replace').strip()[:200]}")
    assert (status, errors) == (0, b"")
    repaired = [line["repaired"] for line in lines(said) if line["said"] == "repaired"]
    assert all(words in str(repaired) for words in made.repairs)
    calls = calls_of(text, clean)
    faults = faults_of(calls)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = [(fault, pool.submit(suffer, made, fault, place / f"log{i:05d}")) for i, fault in enumerate(faults)]
    broken = [f"{fault}: {error!s:.700}" for fault, done in runs if (error := done.exception()) is not None]
    counts = Counter(f"{fault.call.name} {fault.what}" for fault in faults)
    kinds = {(call.name, call.kind) for call in calls}
    changes = sum(name in CHANGES for name, _ in kinds)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{made.name}: {len(faults)} faults at {len(kinds)} kinds of calls, {changes} of them changes: "
            + ", ".join(f"{name} {n}" for name, n in sorted(counts.items()))
        )
    assert not broken, "\n".join(broken)
    assert {(fault.call.name, fault.call.kind) for fault in faults} == kinds
    assert changes >= least
