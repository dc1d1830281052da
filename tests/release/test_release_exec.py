"""Programs that are run with secrets: in this process's place, and beside it for as long as the attestation is renewed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from test_release_handing import ENVIRONMENT, NAME, OCTETS, open_now, secret

from strongroom.app import release_descriptors as descriptors
from strongroom.app import release_exec as runs
from strongroom.app.release_secret import Secret
from strongroom.app.release_words import OutOfReach, TurnedAway
from strongroom.model.errors import NotFound, StrongroomError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Life:
    """An attestation."""

    begun: datetime
    kept_until: datetime


@dataclass
class Gets:
    """A client whose broker answers as it is told: each attestation takes the next answer."""

    answers: list[Callable[[], None]] = field(default_factory=list)
    now: datetime = NOW
    attested: int = 0
    got: list[str] = field(default_factory=list)
    closed: bool = False

    def session(self) -> Life:
        """The attestation that stands."""
        return Life(self.now, self.now + timedelta(seconds=0.3))

    def attest(self) -> Life:
        """Attest anew."""
        self.attested += 1
        if self.answers:
            self.answers.pop(0)()
        return self.session()

    def get(self, name: str) -> Secret:
        """A secret."""
        self.got.append(name)
        return secret()

    def close(self) -> None:
        """Let go."""
        self.closed = True


def keeper(client: Gets, *words: str, told: list[str] | None = None, grace: float = 10.0) -> runs.Keeper:
    """A keeper of a shell; its clock goes on by a minute whenever it is looked at, so that nothing waits."""
    program = runs.located(("sh", "-c", *words), dict(ENVIRONMENT))

    def clock() -> datetime:
        client.now += timedelta(seconds=60)
        return client.now

    return runs.Keeper(client, program, descriptors.MEMFD, clock, (told if told is not None else []).append, grace)


def wanted() -> tuple[descriptors.Handed, ...]:
    """One resource, with a variable."""
    return descriptors.read((f"{NAME}=KEY_FILE",))


@pytest.mark.parametrize(
    ("script", "code"), [("exit 7", 7), ("kill -9 $$", 137), ('test "$(cat $KEY_FILE)" = "a secret of some octets"', 0)]
)
def test_a_kept_program_ends_with_its_own_code(script: str, code: int) -> None:
    """The exit code is the program's, as a shell tells it; the program reads the secret, and the keeper keeps none."""
    before = open_now()
    client = Gets()
    assert keeper(client, script).run(wanted()) == code
    assert open_now() == before


def _refuse() -> None:
    raise TurnedAway("attestation", "AttestationError", "not any more")


def _silent() -> None:
    raise OutOfReach("broker", "nothing", "an answer")


def test_a_program_ends_when_it_may_not_have_the_secret_any_more() -> None:
    """A renewal that is refused ends the program, with a code of our own, and says why."""
    told: list[str] = []
    client = Gets([lambda: None, _refuse])
    assert keeper(client, "exec sleep 100", told=told).run(wanted()) == runs.OURS
    assert client.attested == 2
    assert client.got == [NAME, NAME]
    assert "not any more" in told[-1]


def test_a_program_that_does_not_listen_is_killed() -> None:
    """A program that ignores the request to end is ended."""
    client = Gets([_refuse])
    script = "trap '' TERM; while :; do sleep 0.05; done"
    assert keeper(client, script, grace=0.2).run(wanted()) == runs.OURS


def test_a_program_ends_with_the_attestation_that_could_not_be_renewed() -> None:
    """A broker that is silent is asked again until the attestation ends; then the program ends too."""
    told: list[str] = []
    client = Gets([_silent] * 50)
    assert keeper(client, "exec sleep 100", told=told).run(wanted()) == runs.OURS
    assert "could not be renewed in time" in told[-1]


def test_a_short_lease_is_renewed_before_it_ends() -> None:
    """The time to attest again is in what the secrets may be held for, whatever the attestation lasts."""
    life = Life(NOW, NOW + timedelta(seconds=90))
    assert runs.due(life) == NOW + timedelta(seconds=60)


def test_signals_are_passed_on() -> None:
    """What is sent to the keeper reaches the program, which decides."""
    client = Gets()
    script = f"trap 'exit 9' USR1; kill -USR1 {os.getpid()}; while :; do sleep 0.05; done"
    before = signal.getsignal(signal.SIGUSR1)
    assert keeper(client, script).run(wanted()) == 9
    assert signal.getsignal(signal.SIGUSR1) is before


def test_a_program_that_is_not_there_is_told_before_anything_is_asked() -> None:
    """No release is used up for a command that cannot be run."""
    with pytest.raises(NotFound, match="no-such-program"):
        runs.located(("no-such-program",), {"PATH": "/bin:/usr/bin"})
    with pytest.raises(NotFound):
        runs.located((), {})


REPLACED = """
import os, sys
sys.path.insert(0, os.path.dirname({here!r}))
import test_release_exec as t
from strongroom.app import release_descriptors as descriptors, release_exec as runs
program = runs.located(("sh", "-c", {script!r}), dict(os.environ))
runs.replace(t.Gets(), descriptors.read((t.NAME + "=9",)), program, "memfd")
"""


def test_a_program_takes_the_place_of_this_one() -> None:
    """It is the same process, it inherits the descriptor that was asked for and no other, and signals are as usual."""
    script = 'cat <&9; ls /proc/$$/fd; grep SigIgn /proc/$$/status; echo "$STRONGROOM_FD_MODELS_WEIGHTS_LLM_1"; exit 3'
    code = REPLACED.format(here=__file__, script=script)
    paths = os.pathsep.join(p for p in sys.path if p)
    done = subprocess.run(
        (sys.executable, "-c", code),
        check=False,
        env={**ENVIRONMENT, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = done.stdout.removeprefix(OCTETS.decode()).split("\n")
    assert done.returncode == 3, done.stderr
    assert done.stdout.startswith(OCTETS.decode())
    assert lines[:4] == ["0", "1", "2", "9"]
    assert int(lines[4].split()[1], 16) & (1 << (signal.SIGPIPE - 1)) == 0
    assert lines[5] == "9"


def test_errors_of_getting_are_of_the_tree() -> None:
    """Whoever catches the root of the tree catches both, and their exit codes differ."""
    assert issubclass(TurnedAway, StrongroomError)
    assert (TurnedAway.exit_code, OutOfReach.exit_code) == (1, 3)
