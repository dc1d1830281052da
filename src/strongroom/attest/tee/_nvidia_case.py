"""What the steps share: each device, GPU or switch, with its chain, its manifests, and what is at hand about them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from strongroom.attest.steps import Outcome, failed, passed, unchecked
from strongroom.attest.tee import _nvidia_reading as reading
from strongroom.attest.tee import _nvidia_report as reports
from strongroom.attest.tee import _nvidia_rim as rims
from strongroom.attest.tee._nvidia_report import Report
from strongroom.attest.tee._nvidia_rim import Manifest
from strongroom.attest.verifier import Inputs
from strongroom.kit import der, ocsp
from strongroom.kit.ocsp import Response
from strongroom.kit.x509 import certificate as certificates
from strongroom.kit.x509.certificate import Certificate
from strongroom.model.attest import EndorsementKind, Endorsements, Evidence, StepVerdict
from strongroom.model.errors import BadInput

MOST_CHAIN = 8  # NVIDIA's has five
FWID_EXTENSIONS = ("2.23.133.5.4.1", "2.23.133.5.4.1.1")  # TCG DICE, in the certificate of the firmware's key
_FWIDS = 0xA6  # DiceTcbInfo, fwids
_EMPTY = Report(b"", b"", b"", b"", {}, {}, 0)


class Family(NamedTuple):
    """What kind of devices the evidence is of: the words for one and for several, and the architecture of each chip."""

    noun: str
    nouns: str
    chips: Mapping[str, str]
    switch: bool = False


# The chip that a leaf names, and the architecture that NVIDIA calls it by.
GPUS = Family(
    "GPU",
    "GPUs",
    {"GH100": "hopper", "GH200": "hopper", "GB100": "blackwell", "GB102": "blackwell", "GB202": "blackwell"},
)
SWITCHES = Family("switch", "switches", {"LS10": "ls10"}, switch=True)


@dataclass(slots=True)
class Gpu:
    """One device: what it signed, and the chain of its key, the leaf first, as far as it is at hand."""

    name: str
    data: bytes
    architecture: str  # as it was declared beside the report
    report: Report
    trouble: BadInput | None
    chain: tuple[Certificate, ...]
    driver: Manifest | None
    vbios: Manifest | None

    @property
    def leaf(self) -> Certificate | None:
        """The certificate of the key that signs reports."""
        return self.chain[0] if self.chain else None

    @property
    def product(self) -> str:
        """The chip, as the leaf names it: `GH100 A01 GSP FMC LF` is of a GH100, `LS_10 A01 FSP FMC LF` of an LS10."""
        return self.chain[0].common_name.split(" ")[0].replace("_", "") if self.chain else ""

    @property
    def ueid(self) -> str:
        """The number of the leaf, in decimal, which is how NVIDIA names the device."""
        return str(self.chain[0].serial) if self.chain else ""


@dataclass(slots=True)
class Case:
    """The inputs, and what was read of them."""

    inputs: Inputs
    roots: Mapping[str, str]
    rim_roots: Mapping[str, str]
    gpus: tuple[Gpu, ...]
    responses: tuple[Response, ...] = field(default=())
    named: int = 0  # manifests at hand
    family: Family = GPUS

    @property
    def most(self) -> int | None:
        """How many devices the policy wants."""
        return self.inputs.policy.nvidia.switches if self.family.switch else self.inputs.policy.nvidia.gpus

    @property
    def accepted(self) -> tuple[str, ...]:
        """The architectures that are taken: of GPUs those of the policy, of switches all that are known."""
        if self.family.switch:
            return tuple(self.family.chips.values())
        return tuple(a.lower() for a in self.inputs.policy.nvidia.architectures)


Judge = Callable[[Case, Gpu], Outcome]


def each(judge: Judge) -> Callable[[Case], Outcome]:
    """A step over every device: it fails where one fails, and is not checked where one is not. The one is named."""

    def step(c: Case) -> Outcome:
        if len(c.gpus) == 1:
            return judge(c, c.gpus[0])
        held = [(g, _judged(judge, c, g)) for g in c.gpus]
        for verdict in (StepVerdict.FAIL, StepVerdict.NOT_CHECKED):
            bad = [(g, o) for g, o in held if o.verdict is verdict]
            if bad:
                gpu, o = bad[0]
                more = f"{len(bad)} of {len(held)} {c.family.nouns}: " if len(bad) > 1 else ""
                make = failed if verdict is StepVerdict.FAIL else unchecked
                return make(f"{more}{gpu.name}: {o.found}", o.wanted, o.advice)
        if not held:
            return failed(f"no {c.family.noun}", "one")
        return passed(f"{len(held)} {c.family.nouns}: {held[0][1].found}", held[0][1].wanted)

    return step


def _judged(judge: Judge, c: Case, gpu: Gpu) -> Outcome:
    try:
        return judge(c, gpu)
    except BadInput as e:
        return failed(f"{e.subject}: {e.found}", e.wanted, e.hint)


def begin(roots: Mapping[str, str], rim_roots: Mapping[str, str], inputs: Inputs, family: Family = GPUS) -> Case:
    """The state for the inputs."""
    given = inputs.endorsements
    manifests = [m for e in given.of(EndorsementKind.RIM) if (m := rims.readable(e.data)) is not None]
    near = [c for e in given.of(EndorsementKind.CERTIFICATE) if (c := certificates.readable(e.data)) is not None]
    gpus = devices_of(inputs.evidence, family, near, manifests)
    return Case(inputs, roots, rim_roots, gpus, _responses(given), len(manifests), family)


def devices_of(
    evidence: Evidence, family: Family, near: Sequence[Certificate] = (), manifests: Sequence[Manifest] = ()
) -> tuple[Gpu, ...]:
    """Every device of the evidence, with what is near it."""
    return tuple(_gpu(evidence, n, near, manifests, family) for n in range(count(evidence)))


def count(evidence: Evidence) -> int:
    """How many devices the evidence is of."""
    return sum(p.name.startswith(f"{reading.REPORT}.") for p in evidence.parts)


def _responses(given: Endorsements) -> tuple[Response, ...]:
    found = []
    for e in given.of(EndorsementKind.OCSP):
        try:
            found.append(ocsp.parse(e.data))
        except BadInput:
            continue
    return tuple(found)


def _gpu(evidence: Evidence, n: int, near: Sequence[Certificate], manifests: Sequence[Manifest], family: Family) -> Gpu:
    part, beside = evidence.part(f"{reading.REPORT}.{n}"), evidence.part(f"{reading.CERTIFICATES}.{n}")
    said = evidence.part(f"{reading.ARCHITECTURE}.{n}")
    data = part.data if part else b""
    report, trouble = _EMPTY, None
    try:
        report = reports.parse(data)
    except BadInput as e:
        trouble = e
    own = _certificates(beside.data) if beside else []
    gpu = Gpu(
        name=f"{family.noun.upper()}-{n}",
        data=data,
        architecture=said.data.decode("utf-8", "replace") if said else "",
        report=report,
        trouble=trouble,
        chain=_chain(own, near, report),
        driver=None,
        vbios=None,
    )
    if not family.switch:  # a switch has no driver that it measures
        gpu.driver = rims.nearest(manifests, rims.DRIVER, report.driver, gpu.product)
    gpu.vbios = rims.nearest(manifests, rims.VBIOS, report.vbios, gpu.product)
    return gpu


def _certificates(data: bytes) -> list[Certificate]:
    found: list[Certificate] = []
    try:
        for element in der.elements(data):
            held = certificates.readable(element.whole)
            if held is not None and len(found) < 2 * MOST_CHAIN:
                found.append(held)
    except BadInput:
        return found
    return found


def _chain(own: Sequence[Certificate], near: Sequence[Certificate], report: Report) -> tuple[Certificate, ...]:
    """From the leaf up, by the names of the issuers; the signatures are a step's. The evidence's own come first."""
    leaves = [c for c in own if not c.is_authority] or [
        c for c in near if any(name in c.extensions for name in FWID_EXTENSIONS)
    ]
    if not leaves:
        return ()
    stated = report.fields.get(reports.FWID)
    leaf = next((c for c in leaves if stated is not None and fwid(c) == stated), leaves[0])
    chain = [leaf]
    while len(chain) < MOST_CHAIN and chain[-1].issuer != chain[-1].subject:
        issuer = next((c for c in (*own, *near) if c.subject == chain[-1].issuer and c not in chain), None)
        if issuer is None:
            break
        chain.append(issuer)
    return tuple(chain)


def fwid(held: Certificate) -> bytes | None:
    """The hash of the firmware that a leaf's key belongs to; None where the certificate has none that can be read.

    Hopper has an extension of version, key, and one FWID (algorithm and octets); Blackwell a DiceTcbInfo, whose member
    [6] lists FWIDs: the first is of the firmware that signs.
    """
    older, newer = (held.extensions.get(name) for name in FWID_EXTENSIONS)
    try:
        if older is not None:
            return _fwid(der.of(der.sequence(older.value)[-1], der.SEQUENCE).value)
        if newer is not None:
            listed = next(e for e in der.sequence(newer.value) if e.tag == _FWIDS)
            return _fwid(der.of(der.prefix(listed.value), der.SEQUENCE).value)
    except (BadInput, IndexError, StopIteration):
        return None
    return None


def _fwid(pair: bytes) -> bytes:
    return der.of(list(der.elements(pair))[1], der.OCTET_STRING).value
