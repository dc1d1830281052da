"""The use cases behind `release get`, `release exec` and the Python API: a client of this machine, its broker verified."""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from strongroom.app import release_broker, release_descriptors, release_exec, release_sinks
from strongroom.app.config import load
from strongroom.app.release_client import Client, To
from strongroom.app.release_evidence import Attester, Machine, Tell
from strongroom.app.release_secret import protect
from strongroom.kit import init_data
from strongroom.model.errors import NotFound, StrongroomError, Unreadable
from strongroom.model.release import resource_name

_TRUSTED = "operator-trusted"
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Asking:
    """All that a command says of the broker and of this machine."""

    to: To
    machine: Machine = field(default_factory=Machine)
    broker_policy: str | None = None
    config: str | None = None
    init: str | None = None


@contextlib.contextmanager
def client(asking: Asking, clock: Clock, tell: Tell, attester: Attester | None = None) -> Iterator[Client]:
    """A client whose broker was verified, where a policy for that is named. Raises as `Client` and `release_broker`."""
    to = asking.to if asking.init is None else _with_init(asking.to, asking.init)
    with Client(to, attester or asking.machine, clock) as made:
        if asking.broker_policy is not None:
            now = clock()
            by = release_broker.demanded(asking.broker_policy, load(asking.config), now)
            verdict = release_broker.verify(made, by, secrets.token_bytes(release_broker.NONCE), now)
            tell(f"the broker was attested: {verdict.subject}")
        yield made


def _with_init(to: To, path: str) -> To:
    try:
        octets = Path(path).read_bytes()
    except OSError as e:
        raise Unreadable(path, (e.strerror or "an error").lower(), "init-data") from None
    init_data.read(octets)
    return To(to.url, to.ca, to.algorithm, to.timeout, octets.decode())


def get(asking: Asking, name: str, place: tuple[str | None, int | None, bool], clock: Clock, tell: Tell) -> int:
    """Get one resource and put it where it is wanted: a file, a descriptor, or nowhere. `place` is of `release_sinks`.

    Raises as `Client.get` and `release_sinks.opened`.
    """
    resource_name(name)
    output, number, disk = place
    with release_sinks.opened(output, number, disk=disk) as sink:
        for trouble in protect():
            tell(trouble)
        with client(asking, clock, tell) as made, made.get(name) as secret:
            if not secret.locked:
                tell("the secret is not locked into memory (ulimit -l): it may be written to swap")
            sink.put(secret)
            who(made, tell)
    return 0


def who(made: Client, tell: Tell) -> None:
    """Say who vouches for a broker that was not verified."""
    if made.vouched is None and made.trust in ("", _TRUSTED):
        tell("nobody attested the broker: its operator is trusted with the key (--broker-evidence-policy)")


@dataclass(frozen=True, slots=True)
class Running:
    """What `release exec` is told: the resources, the command, how they are handed over, and whether it stays.

    `more` gets what else the program inherits, and says by which variables it is told.
    """

    resources: Sequence[str]
    command: Sequence[str]
    via: str = release_descriptors.MEMFD
    renew: bool = False
    more: Callable[[Client], dict[str, str]] | None = None


def run(asking: Asking, running: Running, clock: Clock, tell: Tell) -> int:
    """Run a command with resources: its exit code, where this process stays. Every failure before that is 125 to 127.

    Raises BadUsage, Malformed for words that do not fit together.
    """
    wanted = release_descriptors.read(running.resources) if running.resources or running.more is None else ()
    try:
        program = release_exec.located(running.command, dict(os.environ))  # noqa: TID251 - it is handed on
    except NotFound as e:
        tell(str(e))
        return release_exec.MISSING
    for trouble in protect():
        tell(trouble)
    try:
        with client(asking, clock, tell) as made:
            if running.renew:
                return release_exec.Keeper(made, program, running.via, clock, tell).run(wanted)
            if running.more is not None:
                program = replace(program, environment=program.environment | running.more(made))
            release_exec.replace(made, wanted, program, running.via)
    except OSError as e:
        tell(f"{program.path}: {(e.strerror or 'an error').lower()}")
        return release_exec.CANNOT
    except StrongroomError as e:
        tell(f"{e}{f' ({e.hint})' if e.hint else ''}")
        return release_exec.OURS
