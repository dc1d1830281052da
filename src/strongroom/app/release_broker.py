"""Who attests the broker? Its own evidence, judged by the requester's policy before it is given anything.

The evidence is bound, by its runtime data, to three things: our nonce, the key that signs its tokens (`tee-pubkey`), and
the certificate of its TLS listener (`tls-certificate`, SHA-256 of the DER). So a proxy that shows a genuine broker's
evidence shows a certificate that is not in it.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import msgspec

from strongroom.app.appraisal import appraise
from strongroom.app.attest_policy import load as load_policy
from strongroom.app.broker_record import Judge
from strongroom.app.config import Config
from strongroom.app.endorsements import gather
from strongroom.app.evidence import recognise, wants
from strongroom.app.references import load as load_references
from strongroom.app.release_client import Client, Vouched
from strongroom.app.release_words import TurnedAway
from strongroom.attest.members import RUNTIME
from strongroom.attest.policy import Policy
from strongroom.kit import runtime_data
from strongroom.model.attest import Appraisal, Endorsements, Evidence, EvidenceKind, ReferenceValues, StepVerdict
from strongroom.model.errors import BadProof, Malformed

PATH = "strongroom/v0/evidence"
NONCE = 32  # octets
_SUBJECT = "broker's evidence"


class _Runtime(msgspec.Struct):
    certificate: str = msgspec.field(name="tls-certificate", default="")


@dataclass(frozen=True, slots=True)
class Demanded:
    """What a broker must show: the policy, the known values, and who finds endorsements and judges."""

    policy: Policy
    references: ReferenceValues
    endorsements: Callable[[Evidence], Endorsements]
    judge: Judge = appraise  # only a test has another: one with roots of its own


def demanded(policy: str, config: Config, now: datetime) -> Demanded:
    """What a policy's file demands, with the references and endorsements of the configuration. Raises BadInput, NotFound."""
    at = config.attest
    return Demanded(
        load_policy(policy),
        load_references(at.references, config, at.keys),
        lambda evidence: gather((), wants(evidence), now, config, offline=False, keys=at.keys).endorsements,
    )


def verify(client: Client, by: Demanded, nonce: bytes, now: datetime) -> Appraisal:
    """Judge the broker; from now on the client speaks to that one alone.

    Raises:
        BadProof: its evidence does not do, or is not bound to its certificate.
        OutOfReach, Malformed: it gives none.
    """
    try:
        answer = client.ask(f"{PATH}?nonce={nonce.hex()}", None, subject=_SUBJECT)
    except (Malformed, TurnedAway) as e:
        raise BadProof("broker", f"no evidence ({e.found})", "evidence, as the policy demands") from None
    held, octets = recognise(answer.body, _SUBJECT, EvidenceKind.COMPOSITE)
    evidence = Evidence(EvidenceKind.COMPOSITE, held.read(octets), nonce, now)
    verdict = by.judge(evidence, by.endorsements(evidence), by.references, by.policy, now)
    if not verdict.opens:
        raise BadProof("broker", f"evidence that does not do: {_against(verdict)}", "one that the policy affirms")
    runtime = evidence.part(RUNTIME)
    assert runtime is not None, "an affirmed node has runtime data"
    _bound(runtime.data, answer.peer)
    client.vouched = Vouched(runtime_data.read(runtime.data).key.spki, answer.peer)
    client.forget()
    return verdict


def _bound(runtime: bytes, peer: bytes) -> None:
    try:
        named = msgspec.json.decode(runtime, type=_Runtime).certificate
    except msgspec.MsgspecError:
        named = ""
    if not peer or not hmac.compare_digest(named.encode(), sha256(peer).hexdigest().encode()):
        hint = "somebody stands between, or the broker was given a new certificate since it started"
        raise BadProof("broker", "evidence of another certificate than it shows", "its own", hint)


def _against(verdict: Appraisal) -> str:
    said = [s.id for s in verdict.steps if s.verdict is StepVerdict.FAIL]
    said += [f"{s.id} not checked" for s in verdict.steps if s.verdict is StepVerdict.NOT_CHECKED and s.mandatory]
    return ", ".join(said[:8]) or verdict.tier.value
