"""The members of a whole node's evidence: what each is, and what each must answer.

The parts of composite evidence are `runtime-data` (the octets that everything is bound to), `init-data` where the
workload was given some, and each member's own evidence as `member.KIND.NAME`, in the octets that its verifier reads.

By the Key Broker Service protocol the devices answer first: their evidence is one text, `additional-evidence`, which the
root of trust then signs together with the runtime data. Where that part is given, its devices are members too.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from strongroom.attest.verifier import Verifier
from strongroom.kit import runtime_data, strict_json
from strongroom.kit.armour import unarmoured
from strongroom.model.attest import Evidence, EvidenceKind
from strongroom.model.errors import BadInput, Malformed

RUNTIME, INIT, MEMBER, ADDITIONAL = "runtime-data", "init-data", "member", "additional-evidence"
NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
MOST = 64  # members: more than any machine has devices that answer by themselves
# Devices that a root of trust brings with it. By themselves they say nothing about the machine that they are in.
DEVICES = frozenset({"nvidia", "nvswitch"})
# The step of each kind that holds what was signed against the challenge. A test holds that each of them exists, and that
# no kind is without one.
ANSWERS: Mapping[str, str] = MappingProxyType(
    {
        "snp": "snp.report_data",
        "tdx": "tdx.report_data",
        "sgx": "sgx.report_data",
        "nitro": "nitro.nonce",
        "tpm": "tpm.extra_data",
        "azure-snp": "azure.nonce",
        "azure-tdx": "azure.nonce",
        "azure-maa": "maa.nonce",
        "gcp": "gcp.eat_nonce",
        "nvidia": "nvidia.nonce",
        "nvswitch": "nvswitch.nonce",
    }
)
# The names by which the Key Broker Service protocol calls kinds of evidence.
KBS_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "snp": "snp",
        "tdx": "tdx",
        "sgx": "sgx",
        "nitro": "nitro",
        "tpm": "tpm",
        "az-snp-vtpm": "azure-snp",
        "az-tdx-vtpm": "azure-tdx",
        "gcp": "gcp",
        "nvidia": "nvidia",
        "nvswitch": "nvswitch",
    }
)
# What has room for a nonce only: SPDM's 32 octets, and a token's text, which is at most 74 signs.
_SHORT = DEVICES | {"gcp"}
AnyVerifier = Verifier[object]
Verifiers = Mapping[EvidenceKind, AnyVerifier]


@dataclass(frozen=True, slots=True)
class Member:
    """One member: its evidence, or why that cannot be read."""

    name: str
    kind: str
    evidence: Evidence | None
    trouble: BadInput | None = None


def answer(kind: str, digest: bytes) -> bytes:
    """What evidence of the kind must carry, of the hash of the runtime data."""
    return digest[: runtime_data.NONCE] if kind in _SHORT else digest


class Asked(NamedTuple):
    """What the members must answer: the hash that the root of trust signed, and the one that the devices did."""

    root: bytes
    devices: bytes


def asked(whole: Evidence, algorithm: str) -> Asked | None:
    """What the members must answer; None where there is nothing that they could be bound to. Raises Malformed."""
    runtime, more = whole.part(RUNTIME), whole.part(ADDITIONAL)
    if runtime is None:
        return None
    devices = runtime_data.digest(runtime.data, algorithm)
    if more is None:
        return Asked(devices, devices)
    return Asked(runtime_data.digest(runtime_data.with_devices(runtime.data, more.data), algorithm), devices)


def members(verifiers: Verifiers, whole: Evidence, answers: Asked | None = None) -> tuple[Member, ...]:
    """Every member, in the order of the evidence. What cannot be read is a member with its trouble, never left out."""
    found = []
    for part in whole.parts:
        head, _, rest = part.name.partition(".")
        if head == MEMBER:
            kind, _, name = rest.partition(".")
            found.append(_member(verifiers, whole, kind, name, part.data, answers and answers.root))
        elif part.name == ADDITIONAL:
            found += _devices(verifiers, whole, part.data, answers and answers.devices)
    return tuple(found)


def _devices(verifiers: Verifiers, whole: Evidence, text: bytes, digest: bytes | None) -> Iterator[Member]:
    """The members of additional evidence: `{"nvidia": {…}}`, or a pair of class and evidence for each name."""
    if not text:
        return
    try:
        strict_json.check(text, ADDITIONAL)
        held = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (BadInput, msgspec.MsgspecError, RecursionError) as e:
        found = e.found if isinstance(e, BadInput) else str(e)[:120]
        yield Member(ADDITIONAL, "", None, Malformed(ADDITIONAL, found, "evidence by the name of its kind"))
        return
    for tee, octets in held.items():
        name = re.sub("[^a-z0-9-]", "-", tee.lower())[:31] or "device"
        yield _member(verifiers, whole, KBS_KINDS.get(tee, tee), name, _inner(bytes(octets)), digest)


def _inner(octets: bytes) -> bytes:
    """The evidence of a pair of class and evidence; of a list of devices, the list."""
    try:
        pair = msgspec.json.decode(octets, type=tuple[str, msgspec.Raw])
        return _inner(bytes(pair[1]))
    except (msgspec.MsgspecError, RecursionError):
        pass
    try:
        return bytes(msgspec.json.decode(octets, type=_DeviceList).device_evidence_list)
    except (msgspec.MsgspecError, RecursionError):
        return octets


class _DeviceList(msgspec.Struct):
    device_evidence_list: msgspec.Raw


def _member(verifiers: Verifiers, whole: Evidence, kind: str, name: str, data: bytes, digest: bytes | None) -> Member:
    verifier = next((v for k, v in verifiers.items() if k.value == kind and k is not EvidenceKind.COMPOSITE), None)
    if verifier is None:
        return Member(name, kind, None, Malformed(name, f"evidence of kind {kind[:40]!r}", "a kind that nodes have"))
    try:
        plain = data if verifier.recognises(data) else max((data, *unarmoured(data)), key=verifier.recognises)
        parts = verifier.read(plain)
    except BadInput as e:
        return Member(name, kind, None, e)
    wanted = None if digest is None else answer(kind, digest)
    return Member(name, kind, Evidence(verifier.kind, parts, wanted, whole.received_at))
