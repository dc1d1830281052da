"""What the commands that open sealed artifacts do around their use cases: the log, the progress bar, standard output."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from strongroom.app import seal_inspect, seal_log, seal_open, seal_unlock
from strongroom.app.config import load
from strongroom.cli.lines import line
from strongroom.cli.run import moment, note, progress
from strongroom.model.errors import BadUsage
from strongroom.seal import memory, unsealing

Place = tuple[str | None, str | None, bool]  # the configuration, the log, and whether no witness is asked


def hands(stack: ExitStack, place: Place) -> seal_open.Hands:
    """The clock, the terminal, and the log where one is named or configured."""
    path, where, offline = place
    config = load(path)
    log = None
    if where or config.log.path:
        log = stack.enter_context(seal_log.opened(config, where, offline=offline))
    return seal_open.Hands(seal_unlock.Hands(lambda: moment(None), note), log, stack.enter_context(progress()))


def written(asked: seal_open.Asked, place: Place) -> None:
    """Open an artifact into a place, and say what was found."""
    with ExitStack() as stack:
        ours = hands(stack, place)
        found = stack.enter_context(seal_open.opened(asked, ours))
        done = seal_open.extract(found, ours)
    sys.stdout.writelines(_written_lines(done))


def _written_lines(done: seal_open.Written) -> Iterator[str]:
    yield line("opened", f"{done.path}: {done.files} files, {done.octets} octets")
    yield line("artifact", done.artifact.id)
    yield line("by slot", done.slot.id)
    for text in done.lines:
        yield line("verdict", text)


def streamed(asked: seal_open.Asked, name: str, span: tuple[int, int | None], place: Place, *, disk: bool) -> None:
    """Write one file, or octets of it, to standard output; each piece once it was authenticated."""
    mode = os.fstat(sys.stdout.fileno())
    if stat.S_ISREG(mode.st_mode) and not disk and not memory.in_memory(mode.st_dev):
        hint = "write to a pipe, to a file on a tmpfs, or say --allow-plaintext-disk"
        raise BadUsage("standard output", "a file on a disk, which would keep the plaintext", "a pipe", hint)
    with ExitStack() as stack:
        found = stack.enter_context(seal_open.opened(asked, hands(stack, place)))
        payload = found.unsealed.payload(found.unsealed.entry(name))
        start, end = span[0], payload.size if span[1] is None else span[1]
        unsealing.stream(payload, start, end, sys.stdout.buffer.write)
        sys.stdout.buffer.flush()


def mounted(asked: seal_open.Asked, folder: Path, place: Place) -> None:
    """Show an artifact at a folder until it is unmounted."""
    with ExitStack() as stack:
        ours = hands(stack, place)
        found = stack.enter_context(seal_open.opened(asked, ours))
        for text in found.verdicts.lines:
            note(text)
        seal_open.mount(found, folder, ours, lambda: note(f"mounted at {folder}; Ctrl-C unmounts it"))


def inspection_lines(found: seal_inspect.Inspection) -> Iterator[str]:
    """What an artifact says of itself, for a person."""
    yield line("artifact", found.artifact)
    yield line("boundary", found.boundary)
    yield line("messages", f"{found.messages}, {found.octets} octets, in segments of {found.segment}")
    yield line("signed", "there is a signature: seal verify says whose" if found.signed else "no")
    held = "they hold" if found.verified else "not verified: that takes the key"
    yield line("slots", f"generation {found.generation}, {held}")
    for s in found.slots:
        policy = f", policy {s.policy}" if s.policy else ""
        yield line("", f"{s.id} ({s.type}{policy}) {s.who}")
    if found.inside is None:
        return
    i = found.inside
    yield line("inside", f"{i.name}, sealed {i.sealed_at:%Y-%m-%d %H:%M:%S}Z, opened by {i.opened_by}")
    for f in i.files:
        yield line("", f"{f.path}  {f.size} octets{', executable' if f.executable else ''}")
    for folder in i.folders:
        yield line("", f"{folder}/  empty")
    if i.attached:
        yield line("attached", ", ".join(f"{n} ({size} octets)" for n, size in sorted(i.attached.items())))
