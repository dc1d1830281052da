"""Measure a workload: from the files that it starts from to the registers that its hardware will sign."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product

from strongroom import __version__
from strongroom.app.evidence import load as load_evidence
from strongroom.app.evidence import verifiers
from strongroom.attest.policy import Policy
from strongroom.attest.verifier import Inputs
from strongroom.collect.measure import files, snp
from strongroom.collect.measure.files import File
from strongroom.collect.measure.snp import Guest
from strongroom.kit import ccel, eif, eif_signature, tdvf
from strongroom.kit.reference_file import Reference
from strongroom.kit.tdvf import Order
from strongroom.model.attest import Endorsements, EvidenceKind, Json, ReferenceValues
from strongroom.model.errors import BadUsage, Malformed

_MOST_KERNEL = 4 << 30
_GOLDEN = (
    "a golden sample: nothing was verified, and nothing says which image it is; "
    "verify the evidence first, and name its image with --image"
)
_OWN = f"strongroom {__version__}"
# What evidence of a machine is compared by where nothing else is said: what is the same on every machine that runs the
# image. PCR3 and PCR4 of Nitro name the role and the instance; RTMR3 is for what runs later.
# PCR1 and PCR5 of a TPM name the machine's settings and disks.
_USUAL: Mapping[EvidenceKind, tuple[str, ...]] = {
    EvidenceKind.SNP: ("measurement",),
    EvidenceKind.TDX: ("mrtd", "rtmr0", "rtmr1", "rtmr2"),
    EvidenceKind.SGX: ("mrenclave",),
    EvidenceKind.NITRO: ("pcr0", "pcr1", "pcr2", "pcr8"),
    EvidenceKind.TPM: ("pcr0", "pcr2", "pcr4", "pcr7", "pcr8", "pcr9", "pcr14"),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """What something measures to.

    `image` is the digest of what was measured, empty where that is not known; `remarks` are what it cannot tell.
    """

    kind: EvidenceKind
    values: dict[str, tuple[str, ...]]
    image: str
    inputs: tuple[str, ...]
    about: str
    by: str
    golden: bool = False
    remarks: tuple[str, ...] = ()

    def only(self, registers: Sequence[str]) -> "Measured":
        """With these registers alone; all where none is named. Raises BadUsage."""
        missing = [r for r in registers if r not in self.values]
        if missing:
            raise BadUsage("--register", ", ".join(missing), f"of {', '.join(self.values)}")
        return replace(self, values={r: v for r, v in self.values.items() if not registers or r in registers})

    def reference(self, name: str, version: str, image: str, at: datetime) -> Reference:
        """As a reference of a file. `image` is named where it is not what was measured itself, such as a container's."""
        return Reference(
            kind=self.kind,
            name=name,
            values=self.values,
            image=image or self.image,
            version=version,
            about=self.about,
            inputs=self.inputs,
            measured_at=at,
            measured_with=self.by,
            golden=self.golden,
        )


def _line(role: str, file: File) -> str:
    return f"{role} {file.digest} {file.size}"


def _image(inputs: Sequence[str]) -> str:
    """The digest of one file is its own; of several, that of their list."""
    if len(inputs) == 1:
        return inputs[0].split(" ")[1]
    listed = "".join(f"{i}\n" for i in inputs)
    return f"sha256:{hashlib.sha256(listed.encode()).hexdigest()}"


def sev_snp(
    *,
    ovmf: str,
    kernel: str,
    initrd: str,
    append: str,
    vcpu_type: str,
    vmm: str,
    vcpus: Sequence[int],
    features: Sequence[int],
) -> Measured:
    """The launch digests of a guest, one for each number of vCPUs with each set of features.

    Raises:
        BadUsage: the extra is missing, or a word is unknown.
        Unreadable, TooLarge, Malformed: a file cannot be used.
    """
    guest = Guest(ovmf, kernel, initrd, append, 1, vcpu_type, 1, vmm)
    if (guest.initrd or guest.append) and not guest.kernel:
        raise BadUsage("--initrd and --append", "no kernel", "--kernel: they are measured with it")
    given = (
        ("ovmf", guest.ovmf, tdvf.MOST_OCTETS),
        ("kernel", guest.kernel, _MOST_KERNEL),
        ("initrd", guest.initrd, _MOST_KERNEL),
    )
    inputs = [_line(role, files.digest(path, f"the {role}", most)) for role, path, most in given if path]
    if guest.kernel:
        inputs.append(f"append sha256:{hashlib.sha256(guest.append.encode()).hexdigest()} {len(guest.append.encode())}")
    values = tuple(
        snp.launch_digest(replace(guest, vcpus=n, guest_features=f)).hex() for n, f in product(vcpus, features)
    )
    cpus = f"{' or '.join(map(str, vcpus))} vCPUs{f' of {guest.vcpu_type}' if guest.vmm == 'qemu' else ''}"
    about = f"{guest.vmm}, {cpus}, guest features {' or '.join(hex(f) for f in features)}"
    remarks = () if guest.kernel else ("no kernel was named: the digest covers the firmware, and not what it boots",)
    unique = tuple(dict.fromkeys(values))
    return Measured(
        kind=EvidenceKind.SNP,
        values={"measurement": unique},
        image=_image(inputs),
        inputs=tuple(inputs),
        about=about,
        by=f"{_OWN}, {snp.program()}",
        remarks=remarks,
    )


def nitro(path: str) -> Measured:
    """The PCRs of an enclave image. Raises Unreadable, TooLarge, Malformed."""
    with files.opened(path, "an enclave image (EIF)", eif.MOST_OCTETS) as view:
        image = eif.parse(view)
        found = eif.pcrs(view, image, eif_signature.certificate)
        file = files.of(path, view)
    values: dict[str, tuple[str, ...]] = {name: (value,) for name, value in found.items()}
    about = f"EIF version {image.version} for {image.architecture}, {len(image.sections)} sections"
    remarks = () if "pcr8" in values else ("the image is not signed: PCR8 will be zeros, and anybody can build it",)
    return Measured(
        kind=EvidenceKind.NITRO,
        values=values,
        image=file.digest,
        inputs=(_line("eif", file),),
        about=about,
        by=_OWN,
        remarks=remarks,
    )


def tdx(firmware: str | None, event_log: str | None, order: Order) -> Measured:
    """MRTD of a firmware, and RTMR0 to RTMR3 of an event log; either, or both.

    Raises:
        BadUsage: neither is named.
        Unreadable, TooLarge, Malformed: a file cannot be used.
    """
    if not firmware and not event_log:
        raise BadUsage("measure tdx", "nothing to measure", "--firmware FILE, --event-log FILE, or both")
    values: dict[str, tuple[str, ...]] = {}
    inputs, about, remarks = [], [], []
    if firmware:
        with files.opened(firmware, "the firmware of a TD", tdvf.MOST_OCTETS) as view:
            values["mrtd"] = (tdvf.mrtd(view, order).hex(),)
            inputs.append(_line("firmware", files.of(firmware, view)))
        about.append(f"pages measured by {order.value}")
    if event_log:
        with files.opened(event_log, "an event log", ccel.MOST_OCTETS) as view:
            log = ccel.parse(bytes(view))
            inputs.append(_line("event-log", files.of(event_log, view)))
        # A register of which the log does not speak is for what runs later: it would bind that to zeros.
        spoken = {f"rtmr{e.register - 1}" for e in log.events if e.extends}
        values |= {name: (value.hex(),) for name, value in ccel.rtmrs(log).items() if name in spoken}
        about.append(f"{len(log.events)} events replayed")
        remarks.append("an event log says what one guest measured: take it from a guest that you trust")
    return Measured(
        kind=EvidenceKind.TDX,
        values=values,
        image=_image(inputs) if firmware else "",
        inputs=tuple(inputs),
        about=", ".join(about),
        by=_OWN,
        golden=bool(event_log),
        remarks=tuple(remarks),
    )


def sample(path: str, kind: EvidenceKind | None, now: datetime, registers: Sequence[str] = ()) -> Measured:
    """The registers of evidence as they are: a golden sample, worth what the machine was worth that gave it.

    Those that every machine with the same image has, or the ones that are named.

    Raises:
        BadUsage: a register is named that the evidence does not have.
        Unreadable, TooLarge, Malformed, NotFound: it is no evidence, or names no registers.
    """
    evidence = load_evidence(path, kind, None, now)
    verifier = verifiers()[evidence.kind]
    case = verifier.begin(Inputs(evidence, Endorsements(), ReferenceValues(), Policy(), now))
    said = verifier.conclude(case).claims.get("measurements")
    held = {name: value for name, value in _texts(said) if name in verifier.registers}
    missing = [name for name in registers if name not in held]
    if missing:
        raise BadUsage("--register", ", ".join(missing), f"of {', '.join(held)}")
    names = [name for name in registers or _USUAL.get(evidence.kind, ()) if held.get(name, "").strip("0")]
    if not names:
        raise Malformed(path, "no register that is set", "evidence of a workload", "strongroom attest inspect EVIDENCE")
    inputs = tuple(f"{p.name} {p.digest} {len(p.data)}" for p in evidence.parts)
    return Measured(
        kind=evidence.kind,
        values={name: (held[name],) for name in names},
        image="",
        inputs=inputs,
        about="a golden sample: what one machine said of itself",
        by=_OWN,
        golden=True,
        remarks=(_GOLDEN,),
    )


def _texts(said: Json) -> list[tuple[str, str]]:
    return [(n, v) for n, v in said.items() if isinstance(v, str)] if isinstance(said, dict) else []
