"""A broker of keys and two machines of a vendor that does not exist: one boots what was agreed, one has an implant.

Everything is real but the vendor: the policy is signed offline, the key lies in the back end `file`, the messages are those
of the Key Broker Service protocol, handed over in this process, and every decision is in a log that can be audited.
"""

import hashlib
import json
import os
import sys
import textwrap
import tomllib
from dataclasses import replace
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "attest"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "release"))
import broker_rig as rig  # the tests mint their machines there
import composite_minting as machines
import minted_x509 as x
import snp_minting as snp
from cryptography.hazmat.primitives.asymmetric import ec

from strongroom.app.broker import Broker, Judging, Setup
from strongroom.app.broker_release import resource
from strongroom.app.broker_tokens import Tokens
from strongroom.app.broker_words import Refused
from strongroom.app.key_backends import backend
from strongroom.app.log import Log, Place, create, fresh_key
from strongroom.attest.compose import compose
from strongroom.attest.tee import composite
from strongroom.attest.verifier import Inputs
from strongroom.kit import release_policy
from strongroom.kit.gate import LogGate
from strongroom.kit.tlog import policy as trust
from strongroom.kit.tlog.keys import Kind
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.model.attest import Reference, ReferenceValues
from strongroom.model.release import Keys, KeySettings, ReleasePolicy, Secret
from strongroom.store.broker import BrokerStore

NAME = "models/weights/llm-1"
WEIGHTS_KEY = hashlib.sha256(b"the key that the weights are encrypted with").digest()
TERMS = """schema = "strongroom.release-policy/1"
name = "weights"
version = 1

[[owner]]
name = "lab"
keys = ["{owner}"]

[[rule]]
resource = "models/weights/*"
[rule.owners.lab]
references = ["inference 1.4"]
"""


def told(who: str, what: str) -> None:
    """A line of the story: who, and what."""
    print(textwrap.fill(what, 80, initial_indent=f"{who:<10} ", subsequent_indent=" " * 11))


def measured(kernel: bytes, initrd: bytes) -> bytes:
    """What the made-up machine's launch measures to."""
    return hashlib.sha384(hashlib.sha384(kernel).digest() + hashlib.sha384(initrd).digest()).digest()


GOOD = measured(b"kernel 6.12", b"initrd that mounts the weights and serves them")
IMPLANTED = measured(b"kernel 6.12", b"initrd that mounts the weights, serves them, and sends them on")


def signed_policy(folder: Path) -> ReleasePolicy:
    """The owner's terms in a file, signed offline, and as they count for a broker that knows the owner's key."""
    key = fresh_key("lab.example", Kind.ED25519)
    data = TERMS.format(owner=key.verifier).encode()
    (folder / "weights.toml").write_bytes(data)
    found = release_policy.read(tomllib.loads(data.decode()), "weights.toml")
    note = release_policy.sign(data, found, Ed25519Signer(key))
    (folder / "weights.toml.sig").write_bytes(note)
    return release_policy.in_force(data, found, [note], [key.verifier], 1)


def opened_keys(folder: Path, gate: LogGate) -> Keys:
    """The back end `file`, under a passphrase."""
    secret = folder / "passphrase"
    secret.touch(0o600)
    secret.write_text(os.urandom(16).hex())
    settings = KeySettings({"folder": str((folder / "keys").resolve()), "passphrase-file": str(secret.resolve())})
    part = backend("file")
    assert part.prepare is not None
    part.prepare(settings)
    return part.open(settings, gate)


def broker_of(folder: Path, log: Log, policy: ReleasePolicy, node: machines.Node, now: datetime) -> Broker:
    """The broker, with the resource in it; its one test part is the vendor's root."""
    keys = opened_keys(folder, LogGate(trust.parse(b"quorum none\n"), log.settings.verifiers()))
    store = BrokerStore(str(folder / "broker.db"))
    owners = tuple(k for o in policy.owners for k in o.keys)
    store.deposit(keys.wrap(Secret(WEIGHTS_KEY), NAME, 1, owners), now)
    inputs, verifiers = node.inputs(), node.verifiers()
    agreed = Reference(inputs.references.items[0].kind, "inference", {"measurement": (GOOD.hex(),)}, version="1.4")
    by = Judging(inputs.policy, ReferenceValues((agreed,), "lab"), inputs.endorsements)
    return Broker(
        Setup(
            store=store,
            log=log,
            tokens=Tokens(ec.generate_private_key(ec.SECP256R1()), trust="operator-trusted"),
            judging=lambda *_: by,
            algorithm=lambda: inputs.policy.composite.hash,
            policy=lambda: policy,
            keys={"file": keys},
            clock=lambda: now,
            chance=os.urandom,
            judge=lambda *given: compose(composite.VERIFIER, verifiers, Inputs(*given)),
        )
    )


def asks(broker: Broker, node: machines.Node) -> None:
    """A machine asks for the key, from the challenge to the answer."""
    challenge = broker.auth(rig.opening())
    body = rig.answer(rig.nonce_of(challenge.body), node)
    try:
        broker.attest(challenge.cookie, body)
        told("broker", "the evidence answers this challenge, for this machine's own key: attested")
        answer = resource(broker, NAME, challenge.cookie)
    except Refused as e:
        told("machine", f'told only: {e.status}, "{e.public}"')
        why = next(r for r in e.found.split("; ") if "measurement" in r)
        told("operator", f"reads: {why.replace(IMPLANTED.hex(), IMPLANTED.hex()[:16] + '…')}")
        return
    told("broker", f"{NAME} leaves, encrypted to that key ({json.loads(answer)['ciphertext'][:16]}…)")
    if rig.opened(answer) != WEIGHTS_KEY:
        sys.exit("error: the machine has another key than the one that was deposited")
    told(
        "machine",
        f"opened it in memory: {len(WEIGHTS_KEY)} octets, of SHA-256 {hashlib.sha256(WEIGHTS_KEY).hexdigest()[:16]}…",
    )


class Launched(machines.Node):
    """A guest of this measurement."""

    measurement = GOOD

    def guest(self) -> snp.Minted:
        """The guest, as its processor reports it."""
        made = super().guest()
        report = replace(
            snp.Report(product="Milan"), report_data=self.signing.ljust(64, b"\0"), measurement=self.measurement
        )
        return replace(made, report=report.signed(made.vendor.chip_key))


class Implanted(Launched):
    """The same machine, started with another initrd."""

    measurement = IMPLANTED


def main(folder: Path) -> None:
    """Tell of both machines; the log lies in the folder afterwards."""
    folder.mkdir(parents=True)
    place = Place(str(folder / "log"))
    create(place, "broker.example/demo")
    policy = signed_policy(folder)
    good, implanted = Launched(count=0), Implanted(count=0)
    told("owner", f"signs: {NAME.rpartition('/')[0]}/* for what measures to inference 1.4 ({GOOD.hex()[:16]}…)")
    with Log.open(place, clock=lambda: x.NOW, offline=True) as log:
        broker = broker_of(folder, log, policy, good, x.NOW)
        print()
        told("machine 1", f"boots what was agreed, measurement {GOOD.hex()[:16]}…, and asks for {NAME}")
        asks(broker, good)
        print()
        told("machine 2", f"the same chip and kernel, an implant in its initrd, measurement {IMPLANTED.hex()[:16]}…")
        asks(broker, implanted)
        log.publish()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
