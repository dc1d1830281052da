"""Running the agent: with this machine's TPM, over the network, by the clock."""

import contextlib
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

from strongroom.app.agent import Agent, Identity, Outcome, rounds
from strongroom.app.agent_client import Server, context
from strongroom.app.attest_collect import tpm_setting, tpm_state
from strongroom.collect.evidence import tpm
from strongroom.kit.x509 import pem
from strongroom.model.errors import BadUsage, NotFound, Unreadable

Tell = Callable[[str], None]
_MOST_CHAIN = 1 << 18  # octets of a file of certificates


class Running(NamedTuple):
    """What the command says: the server, and all else or None for what is usual."""

    server: str
    host: str | None = None
    state: str | None = None
    ca: str | None = None
    chain: str | None = None
    places: tpm.Places | None = None


@contextlib.contextmanager
def _agent(running: Running, tell: Tell) -> Iterator[Agent]:
    """Raises BadUsage, BadInput for what the command says wrongly; NotFound, Unreadable where there is no TPM to ask."""
    host = running.host or platform.node()
    if not host:
        raise BadUsage("--host", "no name of this machine", "a name")
    state = tpm_state(running.state)
    identity = Identity(running.server.rstrip("/"), host, state, _chain(running.chain))
    server = Server(running.server, context(running.ca) if running.server.startswith("https") else None)
    with contextlib.closing(server), tpm.opened(tpm_setting(), running.places or tpm.Places(state)) as machine:
        yield Agent(identity, machine, server, tell)


def _chain(path: str | None) -> tuple[bytes, ...]:
    if path is None:
        return ()
    try:
        with Path(path).open("rb") as f:
            return tuple(b.data for b in pem.blocks(f.read(_MOST_CHAIN)) if b.label == "CERTIFICATE")
    except OSError as e:
        raise Unreadable(path, (e.strerror or "an error").lower(), "certificates in PEM") from None


def run_once(running: Running, tell: Tell) -> int:
    """One round: 0 trusted, 1 not trusted, 3 could not. Raises what the command says wrongly."""
    try:
        with _agent(running, tell) as agent:
            return agent.once().outcome.value
    except (NotFound, Unreadable) as e:
        tell(f"{e}{f' ({e.hint})' if e.hint else ''}")
        return Outcome.COULD_NOT.value


def keep_on(running: Running, tell: Tell, sleep: Callable[[float], None] = time.sleep) -> NoReturn:
    """Rounds until somebody interrupts. Raises what the command says wrongly, and where there is no TPM from the start."""
    with _agent(running, tell) as agent:
        for seconds in rounds(agent):
            sleep(seconds)
    raise AssertionError("rounds end only by being interrupted")
