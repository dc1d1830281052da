"""The witness: its keys and the logs that it knows from files, the clock, and the hand that keeps its word."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from strongroom.app.log import read_policy
from strongroom.kit.tlog.keys import VerifierKey
from strongroom.kit.tlog.witnessing import Answer
from strongroom.ledger import keyfile
from strongroom.ledger.witness import Witness
from strongroom.model.errors import BadInput

Clock = Callable[[], int]


def seconds() -> int:
    """Seconds since 1970."""
    return int(time.time())  # noqa: TID251 - app is where the clock is asked


class WitnessDesk:
    """A witness that asks the clock itself. Threads may share it."""

    def __init__(self, witness: Witness, keys: Sequence[VerifierKey], logs: Sequence[str], clock: Clock) -> None:
        """`keys` are the public keys that it signs with, `logs` the origins that it knows."""
        self.keys = tuple(keys)
        self.logs = tuple(logs)
        self._witness = witness
        self._clock = clock
        self._turn = threading.Lock()

    def add_checkpoint(self, body: bytes) -> Answer:
        """Cosign a checkpoint, or say why not. Raises LogDamaged, LogUnavailable."""
        with self._turn:  # A time that was asked before another's turn would look like a clock that goes back.
            return self._witness.add_checkpoint(body, self._clock())

    def sign_subtree(self, body: bytes) -> Answer:
        """Cosign a subtree of a cosigned checkpoint, or say why not."""
        return self._witness.sign_subtree(body)

    def latest(self, name: str) -> bytes:
        """The last note that was cosigned, by the hash of its origin. Raises NotFound, LogUnavailable."""
        return self._witness.latest(name)


def open_witness(state: Path, keys: Sequence[Path], policy: Path, clock: Clock = seconds) -> WitnessDesk:
    """The witness of a state folder.

    Args:
        state: where it remembers what it cosigned.
        keys: files of signer keys, of types 0x04 and 0x06.
        policy: a tlog-policy whose `log` lines are the logs that it knows; it may say `quorum none`.
        clock: gives seconds since 1970.

    Raises:
        BadInput: a file cannot be read or is not what it must be, there is no log in the policy, or a key is no
            cosigner's.
        NotFound: there is no such key file.
        LogUnavailable: the state folder cannot be used.
    """
    signers = [keyfile.read(path) for path in keys]
    public = [key.verifier for key in signers]
    if len({key.public for key in public}) < len(public):
        raise BadInput("keys of the witness", "one key twice", "each key once")
    logs = [log.key for log in read_policy(policy).logs]
    if not logs:
        raise BadInput(f"policy {policy}", "no log", "a line `log <vkey>` for each log to witness")
    origins = tuple(dict.fromkeys(log.name for log in logs))
    return WitnessDesk(Witness(state, signers, logs), public, origins, clock)
