"""A broker that ends by SIGKILL at each of its steps in turn: one forked process for each, over a folder of its own.

    kill_driver.py FOLDER

Each process does a whole handshake and a release, and is killed at its n-th point: before and after each sync of a file,
each rename, each commit of the database, the log, the back end and the answer. It writes down which point it came to.
"""

import itertools
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "attest"), str(TESTS / "release")]

import broker_rig as b  # noqa: E402 - the tests' own rig, found by the line above

from strongroom.app.broker import Broker  # noqa: E402 - as above
from strongroom.app.broker_release import resource  # noqa: E402 - as above
from strongroom.app.log import Log, Place  # noqa: E402 - as above
from strongroom.kit import jwe  # noqa: E402 - as above
from strongroom.kit.gate import LogGate  # noqa: E402 - as above
from strongroom.kit.tlog import policy as trust  # noqa: E402 - as above
from strongroom.store.broker import BrokerStore  # noqa: E402 - as above

MOST = 200  # points: a run has fewer


@dataclass
class Lasting(b.Rig):
    """A rig whose folder is taken up again by the next process; its key is in a file."""

    def __post_init__(self) -> None:
        kek = self.folder / "kek"
        if not kek.exists():
            super().__post_init__()
            kek.write_bytes(self.keys.key)
            return
        self.place = Place(str(self.folder / "log"), (), None)
        self.log = Log.open(self.place, offline=True)
        self.store = BrokerStore(str(self.folder / "broker.db"))
        self.gate = LogGate(trust.parse(b"quorum none\n"), self.log.settings.verifiers())
        self.keys = b.MemoryKeys(self.gate, kek.read_bytes())
        self.tokens = b.Tokens(b.ec.derive_private_key(77, b.ec.SECP256R1()), trust="operator-trusted")
        self.policy = b.ReleasePolicy(
            "strongroom.release-policy/1", "weights", 1, (b.Owner("lab", (b.OWNER,)),), (self.rule(),)
        )
        self.broker = Broker(self.setup())


class Points:
    """Counts the points that a run comes to, and ends it at one of them."""

    def __init__(self, folder: Path, end: int) -> None:
        self._file = os.open(folder / "points", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._end = end
        self._count = itertools.count(1)

    def reach(self, name: str) -> None:
        """Note a point; the process ends here if it is the one."""
        os.write(self._file, f"{name}\n".encode())
        if next(self._count) == self._end:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: object, name: str, label: str = "") -> None:
        """Make points of the moments before and after each call of a function."""
        held: Callable[..., object] = getattr(owner, name)

        def watched(*given: object, **named: object) -> object:
            self.reach(f"before {label or name}")
            done = held(*given, **named)
            self.reach(f"after {label or name}")
            return done

        setattr(owner, name, watched)


def run(folder: Path, end: int) -> None:
    """One handshake and one release, up to the end-th point."""
    folder.mkdir()
    rig = Lasting(folder)
    points = Points(folder, end)
    for owner, names in (
        (os, ("fsync", "fdatasync", "replace")),
        (rig.store, ("attested", "held", "settle")),
        (Log, ("append",)),
        (type(rig.log.storage), ("commit",)),
        (rig.keys, ("unwrap",)),
        (jwe, ("encrypt",)),
    ):
        for name in names:
            points.around(owner, name)
    challenge = rig.broker.auth(b.opening())
    (folder / "cookie").write_text(challenge.cookie)
    rig.broker.attest(challenge.cookie, b.answer(b.nonce_of(challenge.body)))
    answer = resource(rig.broker, b.WEIGHTS, challenge.cookie)
    points.reach("before answer")
    (folder / "answer").write_bytes(answer)
    points.reach("after answer")


def main(folder: Path) -> None:
    """Kill a run at each point, until one comes through."""
    b.answer(bytes(32))  # what is minted once is shared by the forks
    for end in range(1, MOST):
        child = os.fork()
        if not child:
            run(folder / f"{end:03}", end)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status == 0:
            return
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            sys.exit(f"point {end}: {os.waitstatus_to_exitcode(status)}")
    sys.exit("no end of points")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
