"""A broker with everything real but the roots: a log and databases in a folder, minted nodes, a clock that is told."""

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import composite_minting as c
import minted_x509 as x
import msgspec
import snp_json
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.app.broker import Broker, Judging, Setup
from strongroom.app.broker_tokens import Tokens
from strongroom.app.log import Log, Place, create
from strongroom.attest.compose import compose
from strongroom.attest.policy import Policy
from strongroom.attest.tee import composite
from strongroom.attest.verifier import Inputs
from strongroom.kit import jwe
from strongroom.kit.gate import LogGate
from strongroom.kit.tlog import policy as trust
from strongroom.model.attest import Appraisal, Endorsements, Evidence, ReferenceValues
from strongroom.model.errors import Malformed
from strongroom.model.release import Demand, Owner, ReleasePolicy, Rule, Secret, Wrapped, bound_to
from strongroom.model.trust import Receipt
from strongroom.store.broker import BrokerStore

WEIGHTS = "models/weights/llm-1"
SECRET = b"the key of the weights, thirty-two"
OWNER = "lab+00000000+AAAA"


@dataclass
class MemoryKeys:
    """A back end as real as any: AES-256-GCM under a key in memory, opened against a receipt that the gate verifies."""

    gate: LogGate
    key: bytes = field(default_factory=lambda: os.urandom(32))
    opened: int = 0

    def wrap(self, secret: Secret, resource: str, version: int, owners: tuple[str, ...], purpose: str = "") -> Wrapped:
        """Wrap a secret."""
        nonce = os.urandom(12)
        blob = nonce + AESGCM(self.key).encrypt(nonce, secret.reveal(), bound_to(resource, version, owners, purpose))
        return Wrapped(resource, version, "memory", "k1", blob, owners, purpose)

    def unwrap(self, receipt: Receipt, wrapped: Wrapped, now: datetime) -> Secret:
        """Open it, once the gate has."""
        self.gate.opened(receipt, wrapped.resource, now)
        self.opened += 1
        try:
            return Secret(AESGCM(self.key).decrypt(wrapped.blob[:12], wrapped.blob[12:], wrapped.context()))
        except InvalidTag:
            raise Malformed(wrapped.resource, "octets that do not open", "what was deposited") from None

    def check(self) -> str:
        """What it is."""
        return "memory"

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass
class Rig:
    """The broker and what is around it."""

    folder: Path
    now: datetime = x.NOW
    node: c.Node = field(default_factory=lambda: c.Node(count=0))
    known: ReferenceValues | None = None
    policy: ReleasePolicy | None = None

    def __post_init__(self) -> None:
        self.place = Place(str(self.folder / "log"), (), None)
        create(self.place)
        self.log = Log.open(self.place, offline=True)
        self.store = BrokerStore(str(self.folder / "broker.db"))
        self.gate = LogGate(trust.parse(b"quorum none\n"), self.log.settings.verifiers())
        self.keys = MemoryKeys(self.gate)
        self.tokens = Tokens(ec.derive_private_key(77, ec.SECP256R1()), trust="operator-trusted")
        if self.policy is None:
            self.policy = ReleasePolicy(
                "strongroom.release-policy/1", "weights", 1, (Owner("lab", (OWNER,)),), (self.rule(),)
            )
        self.store.deposit(self.keys.wrap(Secret(SECRET), WEIGHTS, 1, (OWNER,)), self.now)
        self.broker = Broker(self.setup())

    def rule(self, **fields: object) -> Rule:
        """The rule for the weights."""
        base = Rule(resource="models/weights/*", owners={"lab": Demand(references=("worker 1.4",))})
        return msgspec.structs.replace(base, **fields)

    def setup(self) -> Setup:
        """What the broker is made of."""
        return Setup(
            store=self.store,
            log=self.log,
            tokens=self.tokens,
            judging=self.judging,
            algorithm=lambda: "sha384",
            policy=lambda: self.policy,
            keys={"memory": self.keys},
            clock=lambda: self.now,
            chance=os.urandom,
            judge=self.judge,
        )

    def but(self, **fields: object) -> Broker:
        """A broker with another part, over the same state."""
        return Broker(replace(self.setup(), **fields))  # type: ignore[arg-type] # the fields of a dataclass by name

    def judging(self, _: Evidence, __: datetime) -> Judging:
        """The policy of the minted node, and the endorsements that it needs."""
        i = self.node.inputs()
        known = self.known or ReferenceValues(
            tuple(msgspec.structs.replace(r, name="worker", version="1.4") for r in i.references.items), "made up"
        )
        return Judging(i.policy, known, i.endorsements)

    def judge(
        self, evidence: Evidence, given: Endorsements, known: ReferenceValues, policy: Policy, now: datetime
    ) -> Appraisal:
        """The verdict under the roots of the tests."""
        return compose(composite.VERIFIER, self.node.verifiers(), Inputs(evidence, given, known, policy, now))

    def later(self, **delta: float) -> None:
        """Let time pass."""
        self.now += timedelta(**delta)


def opening(tee: str = "snp", version: str = "0.4.0") -> bytes:
    """The opening message."""
    extra = {"supported-hash-algorithms": ["sha256", "sha384", "sha512"]}
    return json.dumps({"version": version, "tee": tee, "extra-params": extra}, separators=(",", ":")).encode()


def nonce_of(challenge: bytes) -> bytes:
    """The nonce of a challenge."""
    return base64.b64decode(json.loads(challenge)["nonce"])


def answer(
    nonce: bytes, node: c.Node | None = None, key: ec.EllipticCurvePrivateKey = c.KEY, **changes: object
) -> bytes:
    """What an honest client answers a nonce with; `node` says what is amiss with it."""
    made = (node or c.Node(count=0)).but(runtime=c.runtime(nonce, key))
    made = made.devices_first() if made.count else made.but(additional=b"")
    guest = made.guest()
    first = (
        snp_json.evidence(guest.report, "Milan", guest.certificates)
        if made.root == "snp"
        else made.machine().document()
    )
    primary = json.loads(first)
    body: dict[str, object] = {
        "runtime-data": json.loads(made.runtime),
        "tee-evidence": {"primary_evidence": primary, "additional_evidence": (made.additional or b"").decode()},
    }
    return json.dumps(body | changes, separators=(",", ":")).encode()


def attested(rig: Rig, node: c.Node | None = None, tee: str = "snp") -> tuple[str, str]:
    """Cookie and token of a whole handshake."""
    challenge = rig.broker.auth(opening(tee))
    return challenge.cookie, rig.broker.attest(challenge.cookie, answer(nonce_of(challenge.body), node))


def opened(data: bytes, key: jwe.PrivateKey = c.KEY) -> bytes:
    """What the holder of the key reads."""
    return jwe.decrypt(data, key)


def claims_of(token: str) -> Mapping[str, object]:
    """The claims of a token, unverified."""
    body = token.split(".")[1]
    found: Mapping[str, object] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found
