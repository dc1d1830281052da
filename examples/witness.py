"""Runs `strongroom` with an audit hook that notes every file and socket that it opens (PEP 578)."""

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

_INSTALLATION = tuple(
    str(Path(p).resolve()) for p in (sys.prefix, sys.base_prefix, Path(__file__).parent.parent / "src")
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


@dataclass
class Seen:
    """What all commands together did. `strays` are files that were left outside demo-out/."""

    runs: int
    read: int
    written: int
    sockets: int
    strays: list[str]


def main(note: Path, words: list[str]) -> None:
    """Run the command in this process; at its end, add one line to the notes."""
    read: set[str] = set()
    written: set[str] = set()
    sockets: list[str] = []

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            path = os.path.abspath(os.fsdecode(arguments[0]))
            flags = arguments[2] if len(arguments) > 2 and isinstance(arguments[2], int) else 0
            if not path.startswith(_INSTALLATION):
                (written if flags & _WRITES else read).add(path)
        elif event == "os.rename":
            written.add(os.path.abspath(os.fsdecode(arguments[1])))
        elif event == "sqlite3.connect":
            written.add(os.path.abspath(os.fsdecode(arguments[0])))
        elif event.startswith("socket.") and event != "socket.gethostname":
            sockets.append(event)

    sys.addaudithook(hook)
    sys.argv = ["strongroom", *words]
    from strongroom.cli.main import main as run  # noqa: PLC0415 - the hook must be there first

    try:
        run()
    finally:
        record = {"read": sorted(read), "written": sorted(written), "sockets": sockets}
        with note.open("a", encoding="utf-8") as f:
            f.write(json.dumps(record) + "\n")


def total(note: Path) -> Seen:
    """Everything that the notes say, put together."""
    records = [json.loads(line) for line in note.read_text(encoding="utf-8").splitlines()]
    read = {p for r in records for p in r["read"]}
    kept = {p for r in records for p in r["written"] if Path(p).exists() and not p.startswith("/dev/")}
    inside = str(note.parent.resolve())
    strays = sorted(p for p in kept if not p.startswith((inside, tempfile.gettempdir() + "/strongroom-")))
    return Seen(len(records), len(read), len(kept), sum(len(r["sockets"]) for r in records), strays)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
