"""Running a program with secrets: in this process's place, or beside it for as long as the attestation is renewed."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import FrameType
from typing import NoReturn, Protocol

from strongroom.app import release_descriptors as descriptors
from strongroom.app.release_descriptors import Handed
from strongroom.app.release_evidence import Tell
from strongroom.app.release_secret import Secret
from strongroom.model.errors import Denied, NotFound, StrongroomError

OURS, CANNOT, MISSING = 125, 126, 127  # exit codes, as env(1) has them
GRACE = 10.0  # seconds between the request to end and the end
PAUSE = timedelta(seconds=5)  # between attempts to renew
_PART = 2 / 3  # of the time that a secret may be held, after which its workload attests again
_PR_SET_PDEATHSIG = 1  # prctl(2)
_C = ctypes.CDLL(None, use_errno=True)
_PASSED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


class Life(Protocol):
    """How long an attestation lasts."""

    @property
    def begun(self) -> datetime:
        """Since when."""

    @property
    def kept_until(self) -> datetime:
        """Until when what was got with it may be held."""


class Gets(Protocol):
    """A client, as far as it is needed here."""

    def attest(self) -> Life:
        """Attest anew."""

    def session(self) -> Life:
        """The attestation that stands."""

    def get(self, name: str) -> Secret:
        """A secret."""

    def close(self) -> None:
        """Let go of it."""


@dataclass(frozen=True, slots=True)
class Program:
    """What is run: its words, where it is, and the environment that it is to have."""

    words: tuple[str, ...]
    path: str
    environment: dict[str, str]


def located(words: Sequence[str], environment: dict[str, str]) -> Program:
    """The program of a command. Raises NotFound: looked for before anything is asked for."""
    found = shutil.which(words[0], path=environment.get("PATH", os.defpath)) if words else None
    if found is None:
        raise NotFound("program", repr(words[0]) if words else "none", "a command that can be run")
    return Program(tuple(words), found, environment)


def replace(client: Gets, wanted: Sequence[Handed], program: Program, via: str) -> NoReturn:
    """Become the program. Nothing of this one is left, and no parent that holds a secret.

    Raises as `Client.get`, and OSError where the program cannot be run after all.
    """
    handed = descriptors.reserved(wanted)
    _fill(client, handed, via)
    client.close()
    for each in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and exec would hand that on
        signal.signal(each, signal.SIG_DFL)
    os.execve(program.path, program.words, descriptors.environment(program.environment, handed))  # noqa: S606 - no shell


def _fill(client: Gets, handed: Sequence[Handed], via: str) -> None:
    for each in handed:
        assert each.number is not None, "a reserved one has a number"
        with client.get(each.name) as secret:
            descriptors.put(secret, each.number, via)


@dataclass(slots=True)
class Keeper:
    """Stays beside the program, and attests again before the attestation ends. When that is refused, the program ends."""

    client: Gets
    program: Program
    via: str
    clock: Callable[[], datetime]
    tell: Tell
    grace: float = GRACE

    def run(self, wanted: Sequence[Handed]) -> int:
        """The exit code of the program; 125 where it was ended because it may not have the secrets any more."""
        handed = descriptors.reserved(wanted)
        _fill(self.client, handed, self.via)
        life = self.client.session()
        numbers = tuple(each.number for each in handed if each.number is not None)
        names = tuple(each.name for each in handed)
        with _passing_on() as passing:
            child = subprocess.Popen(  # noqa: S603 - a program and its arguments, no shell
                self.program.words,
                executable=self.program.path,
                env=descriptors.environment(self.program.environment, handed),
                pass_fds=numbers,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - no thread runs that could hold a lock; it is one system call
            )
            passing.to(child)
            for number in numbers:  # what the program has is its own; this one keeps nothing
                os.close(number)
            return self._stay(child, names, life)

    def _stay(self, child: "subprocess.Popen[bytes]", names: Sequence[str], life: Life) -> int:
        again, ends = due(life), life.kept_until
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return _code(child.wait(max(0.0, (again - self.clock()).total_seconds())))
            try:
                life = self._renewed(names)
                again, ends = due(life), life.kept_until
            except Denied as e:
                return self._end(child, str(e))
            except StrongroomError as e:
                if self.clock() >= ends:
                    return self._end(child, f"the attestation could not be renewed in time: {e}")
                self.tell(f"not renewed yet: {e}")
                again = min(self.clock() + PAUSE, ends)

    def _renewed(self, names: Sequence[str]) -> Life:
        """Attest and ask again for each resource: whether they would still be released is the point; none is kept."""
        life = self.client.attest()
        for name in names:
            self.client.get(name).wipe()
        return life

    def _end(self, child: "subprocess.Popen[bytes]", why: str) -> int:
        self.tell(f"the program is ended: {why}")
        child.terminate()
        try:
            child.wait(self.grace)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        return OURS


def due(life: Life) -> datetime:
    """When to attest again, so that there is time to try more than once."""
    return life.begun + (life.kept_until - life.begun) * _PART


def _end_with_parent() -> None:
    """A program whose keeper was killed would keep its secrets with nobody to renew them."""
    _C.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


class _Passing:
    """Signals go to the program; those that come before it is there wait for it, and those of a terminal it has had already."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._waiting: list[int] = []

    def to(self, child: "subprocess.Popen[bytes]") -> None:
        """From now on to this one."""
        self._child = child
        while self._waiting:
            child.send_signal(self._waiting.pop(0))

    def __call__(self, number: int, _: FrameType | None) -> None:
        """Pass one on."""
        if number in (signal.SIGINT, signal.SIGQUIT) and _at_terminal():
            return
        if self._child is None:
            self._waiting.append(number)
        else:
            self._child.send_signal(number)  # which knows whether the program has ended


@contextlib.contextmanager
def _passing_on() -> Iterator[_Passing]:
    passing = _Passing()
    before = {each: signal.signal(each, passing) for each in _PASSED}
    try:
        yield passing
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _at_terminal() -> bool:
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _code(returned: int) -> int:
    return 128 - returned if returned < 0 else returned
