"""An appraisal as an EAR claims-set: draft-ietf-rats-ear (EAT attestation results), over RFC 9711.

The claims-set is what a broker signs; by itself it proves nothing to somebody else.
"""

from collections.abc import Iterator

import msgspec

from strongroom.kit.canonical import Json, canonical
from strongroom.model.attest import Appraisal, EvidenceKind

PROFILE = "tag:github.com,2023:veraison/ear"
MEDIA_TYPE = "application/eat+json"


def claims_set(appraisal: Appraisal, build: str) -> dict[str, Json]:
    """The claims-set. `build` is the version of the verifier. Times are seconds since the epoch."""
    return {
        "eat_profile": PROFILE,
        "iat": int(appraisal.appraised_at.timestamp()),
        "exp": int(appraisal.expires_at.timestamp()),
        "ear.verifier-id": {"developer": "https://github.com/strongroom", "build": f"strongroom {build}"},
        "submods": {name: _submod(a) for name, a in _submodules(appraisal)},
    }


def _submodules(appraisal: Appraisal) -> Iterator[tuple[str, Appraisal]]:
    """The appraisal by its name. Of a node: its bindings as `node`, and each member, of several GPUs each of them."""
    if appraisal.kind is not EvidenceKind.COMPOSITE:
        yield _submodule(appraisal), appraisal
        return
    yield "node", appraisal
    for member in appraisal.parts:
        yield member.name, member
        for n, device in enumerate(member.parts):
            yield f"{member.name}/{n}", device


def _submodule(appraisal: Appraisal) -> str:
    return "cpu0" if appraisal.kind.value in ("snp", "tdx", "sgx", "nitro") else appraisal.kind.value


def _submod(appraisal: Appraisal) -> dict[str, Json]:
    vector: dict[str, Json] = dict(appraisal.vector)
    failed: list[Json] = [s.id for s in appraisal.steps if s.verdict.value == "fail"]
    skipped: list[Json] = [s.id for s in appraisal.steps if s.verdict.value == "not-checked" and s.mandatory]
    waived: dict[str, Json] = {s.id: s.reason for s in appraisal.steps if s.waived}
    return {
        "ear.status": appraisal.tier.value,
        "ear.trustworthiness-vector": vector,
        "ear.appraisal-policy-id": appraisal.inputs.get("policy", ""),
        "ear.veraison.annotated-evidence": msgspec.to_builtins(appraisal.claims),
        "ear.veraison.policy-claims": {
            "kind": appraisal.kind.value,
            "complete": appraisal.complete,
            "failed": failed,
            "not-checked": skipped,
            "unchecked-by-policy": waived,
            "bound-key": appraisal.bound_key,
        },
    }


def encode(appraisal: Appraisal, build: str) -> bytes:
    """The claims-set as canonical JSON."""
    return canonical(claims_set(appraisal, build), "EAR")
