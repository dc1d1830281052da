"""Machines of every kind, minted: what they answer a broker's challenge with, and what the broker judges that by."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import azure_minting as azure
import broker_rig as b
import composite_minting as c
import dcap_minting as dcap
import gcp_minting as gcp
import minted_x509 as x
import msgspec
import nitro_minting as nitro
import snp_minting as snp
import tpm_minting as tpms

from strongroom.app.broker import Judging
from strongroom.app.release_evidence import json_of
from strongroom.attest.compose import compose
from strongroom.attest.members import AnyVerifier
from strongroom.attest.policy import CompositePolicy, Policy
from strongroom.attest.tee import composite
from strongroom.attest.verifier import Inputs
from strongroom.collect.evidence.collected import Collected
from strongroom.model.attest import (
    Appraisal,
    Endorsements,
    Evidence,
    EvidenceKind,
    EvidencePart,
    ReferenceValues,
)

Root = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Kind:
    """One kind: the protocol's name, what its root answers with, and what it is judged by."""

    tee: str
    root: Root
    inputs: Inputs
    verifiers: tuple[AnyVerifier, ...]
    gpus: int = 0

    def devices(self, nonce: bytes) -> str:
        """What its GPUs answer with."""
        if not self.gpus:
            return ""
        node = c.Node(count=self.gpus, asked=(nonce,) * self.gpus)
        return json.dumps({"nvidia": {"device_evidence_list": json.loads(c.listed(node.gpus().gpus))}})

    @property
    def now(self) -> datetime:
        """When it is judged."""
        return self.inputs.now

    def policy(self) -> Policy:
        """The policy, for a node with this root."""
        more = dict(self.inputs.policy.unchecked) | (dict(c.gpus.TOOLS) if self.gpus else {})
        kind = self.verifiers[0].kind.value
        made = CompositePolicy(roots=(kind,), gpus=self.gpus)
        return msgspec.structs.replace(self.inputs.policy, composite=made, unchecked=more)


def collected(kind: EvidenceKind, octets: bytes) -> bytes:
    """What a device gave, as the client sends it."""
    return json_of(Collected(kind, (EvidencePart("first", "application/octet-stream", octets),), "minted"))


def _any(verifier: object) -> AnyVerifier:
    return verifier  # type: ignore[return-value] # a verifier of any state


def _snp(gpus: int = 0) -> Kind:
    vendor = snp.Vendor("Milan", rsa=False)
    made = snp.genuine(vendor)
    node = c.Node(count=gpus)
    given = made.inputs().endorsements + (node.gpus().inputs().endorsements if gpus else Endorsements())
    held = msgspec.structs.replace(snp.POLICY)
    inputs = Inputs(made.inputs().evidence, given, snp.REFERENCES, held, x.NOW)

    def root(answer: bytes) -> bytes:
        return collected(EvidenceKind.SNP, snp.genuine(vendor, report_data=answer.ljust(64, b"\0")).report)

    more = (_any(node.gpus().verifier()),) if gpus else ()
    return Kind("snp", root, inputs, (_any(made.verifier()), *more), gpus)


def _dcap(kind: EvidenceKind) -> Kind:
    draft = dcap.Draft(kind=kind.value)

    def root(answer: bytes) -> bytes:
        bound = replace(draft, report={"report_data": answer.ljust(64, b"\0")})
        return collected(kind, dcap.quote(bound))

    return Kind(kind.value, root, dcap.inputs(draft), (dcap.verifier(draft),))


def _nitro() -> Kind:
    made = nitro.Minted()

    def root(answer: bytes) -> bytes:
        return collected(EvidenceKind.NITRO, made.saying(nonce=answer, public_key=...).document())

    return Kind("nitro", root, made.inputs(), (_any(made.verifier()),))


def _tpm() -> Kind:
    made = tpms.Minted()
    return Kind("tpm", lambda answer: made.but(nonce=answer).document(), made.inputs(), (_any(made.verifier()),))


def _azure(name: str) -> Kind:
    made = azure.GOOD[name]

    def root(answer: bytes) -> bytes:
        return made.but(quote=azure.quote(answer)).evidence()

    return Kind(f"az-{name}-vtpm", root, made.inputs(), (made.verifier(),))


def _gcp() -> Kind:
    made = gcp.Minted()

    def root(answer: bytes) -> bytes:
        return json.dumps(made.saying(eat_nonce=[answer[:32].hex()]).token().decode()).encode()

    return Kind("gcp", root, made.inputs(), (_any(made.verifier()),))


KINDS: Mapping[str, Callable[[], Kind]] = {
    "snp": _snp,
    "tdx": lambda: _dcap(EvidenceKind.TDX),
    "sgx": lambda: _dcap(EvidenceKind.SGX),
    "nitro": _nitro,
    "tpm": _tpm,
    "az-snp-vtpm": lambda: _azure("snp"),
    "az-tdx-vtpm": lambda: _azure("tdx"),
    "gcp": _gcp,
    "snp with two GPUs": lambda: _snp(2),
}


@dataclass
class KindRig(b.Rig):
    """The rig, for a machine of a kind."""

    kind: Kind | None = None

    def judging(self, _: Evidence, __: datetime) -> Judging:
        """What the kind is judged by."""
        assert self.kind is not None
        given = self.kind.inputs
        known = tuple(msgspec.structs.replace(r, name="worker", version="1.4") for r in given.references.items)
        return Judging(self.kind.policy(), self.known or ReferenceValues(known, "made up"), given.endorsements)

    def judge(
        self, evidence: Evidence, given: Endorsements, known: ReferenceValues, policy: Policy, now: datetime
    ) -> Appraisal:
        """The verdict under the roots of the tests."""
        assert self.kind is not None
        held = {v.kind: v for v in self.kind.verifiers}
        return compose(composite.VERIFIER, held, Inputs(evidence, given, known, policy, now))
