"""A broker to do harm to: the code, the policy and the evidence are the real ones, and everything that it holds is made for this.

The evidence is that of a release that the live broker has made, judged again as of then. The secret is octets of chance, the
database and the log lie in a folder that goes, and nothing of the live broker is touched.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.app.broker import Broker, Judging, Setup
from strongroom.app.broker_record import Judge, Judged
from strongroom.app.broker_release import resource
from strongroom.app.broker_tokens import Session, Tokens
from strongroom.app.log import Log
from strongroom.attest.members import ADDITIONAL, INIT, KBS_KINDS, MEMBER, RUNTIME
from strongroom.kit import kbs_client
from strongroom.kit.gate import LogGate
from strongroom.kit.tlog import policy as trust
from strongroom.model.attest import Evidence
from strongroom.model.errors import BadInput, Malformed
from strongroom.model.release import ReleasePolicy, Rule, Secret, Wrapped, bound_to
from strongroom.model.trust import Decision, Receipt
from strongroom.store.broker import BrokerStore

NAME = "strongroom-drill/secret/1"
LIFE = timedelta(minutes=5)
_NOBODY = b"quorum none\n"


@dataclass(slots=True)
class DrillKeys:
    """A back end in memory: AES-256-GCM under a key of chance, opened against a receipt that the gate verifies."""

    gate: LogGate
    key: bytes

    def wrap(self, secret: Secret, resource: str, version: int, owners: tuple[str, ...], purpose: str = "") -> Wrapped:
        """Wrap a secret."""
        nonce = os.urandom(12)
        blob = nonce + AESGCM(self.key).encrypt(nonce, secret.reveal(), bound_to(resource, version, owners, purpose))
        return Wrapped(resource, version, "drill", "drill", blob, owners, purpose)

    def unwrap(self, receipt: Receipt, wrapped: Wrapped, now: datetime) -> Secret:
        """Open it, once the gate has."""
        self.gate.opened(receipt, wrapped.resource, now)
        try:
            return Secret(AESGCM(self.key).decrypt(wrapped.blob[:12], wrapped.blob[12:], wrapped.context()))
        except InvalidTag:
            raise Malformed(wrapped.resource, "octets that do not open", "what was deposited") from None

    def check(self) -> str:
        """What it is."""
        return "memory"

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass(slots=True)
class Recorder:
    """A log, with what it has taken: each has a receipt by then."""

    log: Log
    taken: list[Decision] = field(default_factory=list)

    def decide(self, decision: Decision) -> Receipt:
        """Log a decision durably. Raises LogUnavailable."""
        receipt = self.log.decide(decision)
        self.taken.append(decision)
        return receipt


class Taken(NamedTuple):
    """What a drill starts from: the evidence of a release with what it was judged by, its rule, and the policy in force."""

    judged: Judged
    rule: Rule
    policy: ReleasePolicy
    judge: Judge


@dataclass(slots=True)
class Stand:
    """One broker, for one fault. `setup` is changed to do harm; `now` is what its clock says."""

    taken: Taken
    setup: Setup
    secret: bytes
    now: datetime
    nonce: bytes
    runtime: bytes
    logged: list[Decision]
    released: bytes = b""

    @property
    def broker(self) -> Broker:
        """The broker as it is by now."""
        return Broker(self.setup)

    def harm(self, **parts: object) -> None:
        """Give it other parts."""
        self.setup = replace(self.setup, **parts)  # type: ignore[arg-type] # the fields of a dataclass by name

    def later(self, delta: timedelta) -> None:
        """Let time pass."""
        self.now += delta

    def cookie(self, nonce: bytes | None = None) -> str:
        """A session, as it is after `auth`; of another nonce where one is given."""
        held = self.taken.judged
        ends = int((self.now + self.setup.session).timestamp())
        algorithm = held.policy.composite.hash
        return self.setup.tokens.cookie(Session(nonce or self.nonce, _tee(held.evidence), algorithm, ends))

    def attest(self, cookie: str | None = None) -> str:
        """Answer the challenge with the evidence; the session. Raises Refused."""
        used = cookie or self.cookie()
        self.broker.attest(used, message(self.taken.judged.evidence, self.runtime))
        return used

    def release(self, cookie: str) -> None:
        """Ask for the secret. Raises Refused."""
        self.released = resource(self.broker, NAME, cookie)


def _tee(evidence: Evidence) -> str:
    """What the protocol calls the root of a node's evidence. Raises BadInput for evidence that came another way."""
    kind = next((p.name.split(".")[1] for p in evidence.parts if p.name.startswith(f"{MEMBER}.")), "")
    found = next((name for name, of in KBS_KINDS.items() if of == kind), "")
    if not found or evidence.challenge is None:
        raise BadInput("evidence of the release", f"a root of kind {kind or 'none'!r}", ", ".join(KBS_KINDS))
    return found


def message(evidence: Evidence, runtime: bytes) -> bytes:
    """The answer of the requester, as it was sent. Raises BadInput for evidence that came another way."""
    parts = {p.name: p.data for p in evidence.parts}
    member = next((n for n in parts if n.startswith(f"{MEMBER}.")), "")
    if not member:
        raise BadInput("evidence of the release", "no member", "one, which is the root of trust")
    raw = parts[member]
    try:
        msgspec.json.decode(raw)
        primary = raw
    except (msgspec.MsgspecError, UnicodeDecodeError):
        primary = msgspec.json.encode(raw.decode("utf-8", "replace"))
    init = parts[INIT].decode("utf-8", "replace") if INIT in parts else None
    return kbs_client.answer(runtime, primary, parts.get(ADDITIONAL, b"").decode("utf-8", "replace"), init)


def stand(taken: Taken, folder: Path, log: Log) -> Stand:
    """A broker in a folder of its own, that would release. Raises StateError, BadInput."""
    j = taken.judged
    runtime = next((p.data for p in j.evidence.parts if p.name == RUNTIME), b"")
    secret = os.urandom(32)
    keys = DrillKeys(LogGate(trust.parse(_NOBODY), log.settings.verifiers()), os.urandom(32))
    folder.mkdir()
    store = BrokerStore(str(folder / "broker.db"))
    owners = tuple(o.keys[0] for o in taken.policy.owners if o.name in taken.rule.owners)
    store.deposit(keys.wrap(Secret(secret), NAME, 1, owners), j.now)
    rule = msgspec.structs.replace(
        taken.rule, resource=NAME, approvals=0, approvers=(), break_glass=False, issue=None, uses=1, per_hour=10
    )
    policy = msgspec.structs.replace(taken.policy, rules=(rule,))
    recorder = Recorder(log)
    made: list[Stand] = []
    setup = Setup(
        store=store,
        log=recorder,
        tokens=Tokens(ec.generate_private_key(ec.SECP256R1()), trust="drill"),
        judging=lambda _evidence, _now: Judging(j.policy, j.references, j.endorsements),
        algorithm=lambda: j.policy.composite.hash,
        policy=lambda: policy,
        keys={"drill": keys},
        clock=lambda: made[0].now,
        chance=os.urandom,
        judge=taken.judge,
        session=LIFE,
        token=LIFE,
    )
    made.append(Stand(taken, setup, secret, j.now, j.evidence.challenge or b"", runtime, recorder.taken))
    return made[0]


def shown(secret: bytes, texts: Callable[[], str]) -> bool:
    """Whether a secret, or its digest, stands in what was told."""
    told = texts()
    return any(s in told for s in (secret.hex(), hashlib.sha256(secret).hexdigest()))
