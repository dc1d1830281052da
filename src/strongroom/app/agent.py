"""The agent on a machine with a TPM: enrol once, then answer a challenge again and again, so that the machine's standing lasts.

It opens connections and listens on nothing. It holds no secret: the attestation key is the TPM's. Whatever fails is tried
again, later each time, and told once; what the server thinks of the machine is told when it changes.
"""

import contextlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from strongroom.app.agent_client import Activated, Challenge, Credential, RefusedError, Standing
from strongroom.collect.evidence.tpm import Keys
from strongroom.ledger.asking import NoAnswerError
from strongroom.model.errors import StrongroomError, Unreadable

INTERVAL = 60.0  # seconds, until the server has said another
FIRST_PAUSE, MOST_PAUSE = 2.0, 300.0  # seconds behind the first failure, and at most
_MOST_ASKED = 3600.0  # seconds that a server may ask to be left alone
# A standing lasts one interval: it is renewed well before, and not by a whole fleet at once.
_EARLIEST, _LATEST = 0.6, 0.8
_UNKNOWN = frozenset({401, 404, 410})  # the server does not know this key (any more)


class Tpm(Protocol):
    """The machine's TPM, as `collect.evidence.tpm.Machine`."""

    @property
    def troubles(self) -> tuple[str, ...]:
        """Which log the last quote had to go without."""
        ...

    def keys(self) -> Keys:
        """Both keys."""
        ...

    def activate(self, blob: bytes, secret: bytes) -> bytes:
        """What a credential holds."""
        ...

    def quote(self, nonce: bytes, bank: str, pcrs: tuple[int, ...]) -> bytes:
        """Evidence that answers the nonce."""
        ...


class Desk(Protocol):
    """The verifier's server, as `app.agent_client.Server`."""

    def enrol(self, host: str, ek: bytes, certificates: tuple[bytes, ...], ak: bytes) -> Credential:
        """Show both keys."""
        ...

    def activate(self, session: str, opened: bytes) -> Activated:
        """Show what the credential held."""
        ...

    def challenge(self, host: str, ak_name: str) -> Challenge:
        """Ask what to quote."""
        ...

    def evidence(self, host: str, nonce: bytes, document: bytes) -> Standing:
        """Answer the challenge."""
        ...


class Outcome(Enum):
    """How one round ended: with the exit code of `--once`."""

    TRUSTED = 0
    NOT_TRUSTED = 1
    COULD_NOT = 3


class Round(NamedTuple):
    """One round: how it ended, and what it was told in words. `after` is how long the server asks to be left alone."""

    outcome: Outcome
    words: str
    after: float | None = None


class _Enrolled(msgspec.Struct, frozen=True):
    """What the state folder says of an enrolment: with whom, as what, by which key."""

    server: str
    host: str
    ak_name: str


@dataclass(frozen=True)
class Identity:
    """Who this machine is to whom. `chain` are certificates above the endorsement key's own, where its TPM holds none."""

    server: str
    host: str
    state: Path
    chain: tuple[bytes, ...] = ()


class Agent:
    """The agent; it says what it does to `tell`."""

    def __init__(self, identity: Identity, tpm: Tpm, desk: Desk, tell: Callable[[str], None]) -> None:
        self._me = identity
        self._tpm = tpm
        self._desk = desk
        self._tell = tell
        self._told = ""
        self._troubles: tuple[str, ...] = ()
        self.interval = INTERVAL

    def once(self) -> Round:
        """Enrol where that was not done yet, and answer one challenge. Raises nothing that a later attempt could mend."""
        try:
            found = self._round()
        except RefusedError as e:
            found = Round(Outcome.COULD_NOT, str(e), e.after)
        except NoAnswerError as e:
            found = Round(Outcome.COULD_NOT, f"no answer from {self._me.server}: {e}")
        except StrongroomError as e:
            found = Round(Outcome.COULD_NOT, f"{e}{f' ({e.hint})' if e.hint else ''}")
        if found.words != self._told:
            self._told = found.words
            self._tell(found.words)
        return found

    def _round(self) -> Round:
        name = self._tpm.keys().name
        if not self._is_enrolled(name):
            self._enrol(name)
        try:
            asked = self._desk.challenge(self._me.host, name)
        except RefusedError as e:
            if e.status not in _UNKNOWN:
                raise
            self._enrol(name)  # it was known once: the server's memory is younger than ours
            asked = self._desk.challenge(self._me.host, name)
        self.interval = asked.interval
        document = self._tpm.quote(asked.nonce, asked.bank, asked.pcrs)
        self._tell_troubles()
        return _words(self._desk.evidence(self._me.host, asked.nonce, document))

    def _tell_troubles(self) -> None:
        if self._tpm.troubles != self._troubles:
            self._troubles = self._tpm.troubles
            for each in self._troubles:
                self._tell(f"a log goes missing from the evidence: {each}")

    # Enrolment

    def _enrol(self, name: str) -> None:
        keys = self._tpm.keys()
        certificates = (*keys.certificates, *self._me.chain) if keys.certificates else ()
        asked = self._desk.enrol(self._me.host, keys.ek, certificates, keys.ak)
        found = self._desk.activate(asked.session, self._tpm.activate(asked.blob, asked.secret))
        self._keep(_Enrolled(self._me.server, self._me.host, name))
        how = {
            "certified": "its endorsement key is certified by a maker that the owner trusts",
            "first-use": "no maker that the owner trusts certifies its endorsement key: it is known from this first use",
        }.get(found.grade, found.grade[:40])
        admitted = "and admitted" if found.admitted else "and waits for the owner to admit it"
        self._tell(f"{self._me.host} is enrolled, {admitted}; {how}; attestation key {name}")

    @property
    def _note(self) -> Path:
        return self._me.state / "enrolled.json"

    def _is_enrolled(self, name: str) -> bool:
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            held = msgspec.json.decode(self._note.read_bytes(), type=_Enrolled)
            return held == _Enrolled(self._me.server, self._me.host, name)
        return False

    def _keep(self, held: _Enrolled) -> None:
        try:
            partial = self._note.with_name(".enrolled.partial")
            partial.write_bytes(msgspec.json.encode(held))
            partial.replace(self._note)
        except OSError as e:
            raise Unreadable(
                str(self._note), (e.strerror or "an error").lower(), "a file that can be written"
            ) from None


def _words(found: Standing) -> Round:
    """The standing as it is told: without its end, which changes with every round."""
    failed = f"; failed: {', '.join(found.failed)}" if found.failed else ""
    trusted = found.standing == "trusted"
    return Round(Outcome.TRUSTED if trusted else Outcome.NOT_TRUSTED, f"standing: {found.standing[:40]}{failed[:400]}")


def pause(found: Round, failures: int, interval: float, jitter: float) -> float:
    """Seconds until the next round, never none: `failures` in a row, `jitter` from 0 to 1.

    A server that said when to come back is obeyed, up to an hour; otherwise each failure doubles the wait.
    """
    if found.outcome is not Outcome.COULD_NOT:
        return max(0.5, interval * (_EARLIEST + (_LATEST - _EARLIEST) * jitter))
    grown = min(MOST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 16))
    return max(min(found.after or 0.0, _MOST_ASKED), grown * (0.5 + jitter / 2))


def rounds(agent: Agent) -> Iterator[float]:
    """Work without end; yields after each round the seconds to wait. Whoever drives it owns the clock, and ends it."""
    failures = 0
    while True:
        found = agent.once()
        failures = failures + 1 if found.outcome is Outcome.COULD_NOT else 0
        yield pause(found, failures, agent.interval, secrets.randbelow(1001) / 1000)
