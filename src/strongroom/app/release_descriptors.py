"""Handing secrets to a program that knows nothing of this: over descriptors that it inherits.

The environment tells the numbers, never a secret: what stands in the environment or in the arguments of a process is
readable by others, and is handed on to whatever it starts.
"""

import fcntl
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from strongroom.app.release_secret import Secret
from strongroom.model.errors import BadUsage, Unreadable
from strongroom.model.release import resource_name
from strongroom.seal import memory

MEMFD, PIPE = "memfd", "pipe"
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,127}")
_FIRST = 3  # behind standard input, output and error
_MOST_NUMBER = 1023
_PIPE = 1 << 16  # octets that a pipe takes unless it is told otherwise (pipe(7))


@dataclass(frozen=True, slots=True)
class Handed:
    """One resource: its name, the number of its descriptor, and a variable that is to hold the path of it, if any."""

    name: str
    number: int | None = None
    variable: str = ""

    @property
    def told_by(self) -> str:
        """The variable that tells the number: `STRONGROOM_FD_` and the name."""
        return "STRONGROOM_FD_" + re.sub("[^A-Z0-9]", "_", self.name.upper())


def read(words: Sequence[str]) -> tuple[Handed, ...]:
    """What `NAME`, `NAME=NUMBER` and `NAME=VARIABLE` ask for. Raises BadUsage, Malformed."""
    found = tuple(_one(word) for word in words)
    if not found:
        raise BadUsage("resources", "none", "NAME, NAME=NUMBER or NAME=VARIABLE")
    for what, held in (
        ("name", [h.told_by for h in found]),
        ("number", [h.number for h in found if h.number is not None]),
        ("variable", [h.variable for h in found if h.variable]),
    ):
        if len(set(held)) != len(held):
            raise BadUsage("resources", f"two with the same {what}", f"each with a {what} of its own")
    return found


def _one(word: str) -> Handed:
    name, equals, rest = word.partition("=")
    resource_name(name)
    if not equals:
        return Handed(name)
    if rest.isascii() and rest.isdecimal() and _FIRST <= int(rest[:5]) <= _MOST_NUMBER and len(rest) < 5:
        return Handed(name, int(rest))
    if _VARIABLE.fullmatch(rest):
        return Handed(name, variable=rest)
    wanted = f"a descriptor's number from {_FIRST} to {_MOST_NUMBER}, or a variable such as DB_PASSWORD_FILE"
    raise BadUsage("resources", repr(word[:200]), wanted)


def reserved(wanted: Sequence[Handed]) -> tuple[Handed, ...]:
    """The same with a number each, held open from now on, before the program opens anything of its own there.

    Raises BadUsage for a number that is open already: it belongs to whoever started this program.
    """
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for each in wanted:
            if each.number is not None:
                _take(nothing, each.number)
        return tuple(
            each
            if each.number is not None
            else replace(each, number=fcntl.fcntl(nothing, fcntl.F_DUPFD_CLOEXEC, _FIRST))
            for each in wanted
        )
    finally:
        os.close(nothing)


def _take(nothing: int, number: int) -> None:
    if nothing == number:  # it is ours, and is closed at the end
        raise BadUsage("resources", f"descriptor {number}, which is in use here", "another number")
    try:
        os.fstat(number)
    except OSError:
        os.dup2(nothing, number, inheritable=False)
        return
    raise BadUsage("resources", f"descriptor {number}, which is open", "a number that nobody uses")


def put(secret: Secret, number: int, via: str) -> None:
    """Put the secret behind a number that was reserved, to be inherited. Raises Unreadable."""
    made = _piped(secret) if via == PIPE else _sealed(secret)
    try:
        os.dup2(made, number, inheritable=True)
    finally:
        os.close(made)


def _sealed(secret: Secret) -> int:
    """A file in memory without a name, which nobody can change any more (memfd_create(2))."""

    def fill(made: int) -> None:
        with secret.view as view:
            at = 0
            while at < len(view):
                at += os.write(made, view[at:])

    try:
        return memory.sealed_file("strongroom", fill)
    except Unreadable as e:
        raise Unreadable(e.subject, e.found, e.wanted, "try --via pipe") from None


def _piped(secret: Secret) -> int:
    """A pipe with all of it inside: it can be read once, and then it is nowhere."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        if len(secret) > _PIPE:
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, len(secret))
        os.set_blocking(writing, False)
        with secret.view as view:
            if os.write(writing, view) != len(view):
                raise BlockingIOError(0, "no room for all of it")
    except OSError as e:
        os.close(reading)
        why = (e.strerror or "an error").lower()
        raise Unreadable(
            "pipe", f"{why} ({len(secret)} octets)", "a secret that a pipe takes", "try --via memfd"
        ) from None
    finally:
        os.close(writing)
    return reading


def environment(given: dict[str, str], handed: Sequence[Handed]) -> dict[str, str]:
    """The environment of the program: the numbers, and the paths where they were asked for."""
    told = {each.told_by: str(each.number) for each in handed}
    return given | told | {each.variable: f"/dev/fd/{each.number}" for each in handed if each.variable}
