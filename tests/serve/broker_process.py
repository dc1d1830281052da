"""A broker as a process of its own, with everything real but the roots of what it judges and its clock.

`python broker_process.py FOLDER` reads FOLDER/strongroom.toml and listens behind FOLDER/broker.pem. The roots of the tests
and their time enter here, by argument of the function that serves: no configuration has a key for them.
"""

import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / name) for name in ("", "attest", "release", "keys")]

import broker_rig as b  # noqa: E402 - found by the line above
import composite_minting as c  # noqa: E402 - as above
import minted_x509 as x  # noqa: E402 - as above
import msgspec  # noqa: E402 - as above

from strongroom.app.broker import Broker, Judging  # noqa: E402 - as above
from strongroom.app.broker_open import Opened, opened  # noqa: E402 - as above
from strongroom.app.config import load  # noqa: E402 - as above
from strongroom.attest.tee import composite  # noqa: E402 - as above
from strongroom.attest.verifier import Inputs  # noqa: E402 - as above
from strongroom.model.attest import ReferenceValues  # noqa: E402 - as above
from strongroom.serve import answers, listening  # noqa: E402 - as above
from strongroom.serve.routes.broker import Served, Words, certificate_of, serve  # noqa: E402 - as above


class Minted:
    """An attester: this machine is a guest under the roots of the tests."""

    tee = "snp"

    def devices(self, _: bytes) -> str:
        """It has none."""
        return ""

    def root(self, answer: bytes) -> bytes:
        """The guest's report over the answer."""
        return c.Node(count=0, signed=answer).guest().report


def judged(found: Opened, slow: float) -> Opened:
    """The same broker, with what minted nodes are judged by; `slow` is how long it takes over each."""
    node = c.Node(count=0)
    i, verifiers = node.inputs(), node.verifiers()
    known = ReferenceValues(
        tuple(msgspec.structs.replace(r, name="worker", version="1.4") for r in i.references.items), "made up"
    )
    by = Judging(i.policy, known, i.endorsements)

    def judge(*given: object) -> object:
        time.sleep(slow)
        return b.compose(composite.VERIFIER, verifiers, Inputs(*given))  # type: ignore[arg-type] # as `appraise`

    setup = replace(
        found.broker.setup,
        judging=lambda *_: by,
        algorithm=lambda: i.policy.composite.hash,
        judge=judge,  # type: ignore[arg-type] # as above
    )
    return replace(found, broker=Broker(setup))


def main(folder: Path, *words: str) -> int:
    """Serve until it is told to stop."""
    options = dict(word.split("=", 1) for word in words)
    began = datetime.fromtimestamp((folder / "strongroom.toml").stat().st_mtime, UTC)

    def clock() -> datetime:
        return x.NOW + (datetime.now(UTC) - began) + timedelta(seconds=1)  # noqa: TID251 - a server's clock goes on

    pem, ca = folder / "broker.pem", folder / "admins.pem"
    config = load(str(folder / "strongroom.toml"))
    admin = "127.0.0.1:0" if "admin" in options else None
    said = Words("127.0.0.1:0", pem, pem, False, admin, ca if admin else None, options.get("figures"), "json", False)
    served: Served = said.served(config)
    attester = Minted() if "attested" in options else None
    twin = "twin" in options
    shown = certificate_of(served.public) if "proxied" not in options else b"the certificate of a broker behind a proxy"
    if "hasty" in options:
        listening.PATIENCE = answers.PATIENCE = float(options["hasty"])
    with opened(config, clock=clock, offline=True, certificate=shown, attester=attester, debug=twin) as found:
        it = judged(found, float(options.get("slow", "0")))
        return serve(it, replace(served, seconds=float(options["seconds"]) if "seconds" in options else None))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
