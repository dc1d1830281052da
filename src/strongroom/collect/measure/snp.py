"""The launch digest of an SEV-SNP guest, computed by virtee's `sev-snp-measure` (the extra `[measure]`).

Sources: SEV-SNP ABI 56860, section 8.17 (launch digest); the register state of each vCPU is what a hypervisor sets,
which is why the hypervisor has to be named.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import TypeVar

from strongroom.model.errors import BadUsage, Malformed

T = TypeVar("T")
DISTRIBUTION = "sev-snp-measure"
_HINT = "pip install 'strongroom[measure]'"
_FAULTS = (ValueError, RuntimeError, AssertionError)  # all that the package raises for files that do not fit


@dataclass(frozen=True, slots=True)
class Guest:
    """What a guest starts with. Paths; `kernel`, `initrd` and `append` only where they are measured by the firmware."""

    ovmf: str
    kernel: str
    initrd: str
    append: str
    vcpus: int
    vcpu_type: str  # of QEMU, such as `EPYC-Milan`; empty for other hypervisors
    guest_features: int  # SEV_FEATURES of the VMSA
    vmm: str  # `qemu`, `ec2` or `gce`


def program() -> str:
    """The package and its version. Raises BadUsage where it is not installed."""
    try:
        return f"{DISTRIBUTION} {metadata.version(DISTRIBUTION)}"
    except metadata.PackageNotFoundError:
        raise BadUsage(DISTRIBUTION, "it is not installed", "the extra [measure]", _HINT) from None


def vcpu_types() -> tuple[str, ...]:
    """The types of vCPU that are known by name. Raises BadUsage."""
    program()
    from sevsnpmeasure.vcpu_types import CPU_SIGS  # noqa: PLC0415 - an extra, imported at the call

    return tuple(CPU_SIGS)


def launch_digest(guest: Guest) -> bytes:
    """The MEASUREMENT of a report of the guest, 48 octets.

    Raises:
        BadUsage: the package is missing; a type of vCPU or a hypervisor is unknown.
        Malformed: the firmware is none for SEV-SNP, or cannot measure a kernel that is given.
    """
    program()
    from sevsnpmeasure import guest as computing  # noqa: PLC0415 - an extra, imported at the call
    from sevsnpmeasure.ovmf import OVMF  # noqa: PLC0415 - same
    from sevsnpmeasure.vmm_types import VMMType  # noqa: PLC0415 - same

    hypervisors = {v.name.lower(): v for v in VMMType}
    if guest.vmm not in hypervisors:
        raise BadUsage("--vmm", repr(guest.vmm), f"one of {', '.join(hypervisors)}")
    if not _tried(guest.ovmf, lambda: OVMF(guest.ovmf)).metadata_items():
        # The package would go on and give a digest; no machine could start such a guest.
        raise Malformed(guest.ovmf, "no SEV metadata", "an OVMF that was built for SEV-SNP")
    signature = _signature(guest)
    digest: bytes = _tried(
        guest.ovmf,
        lambda: computing.snp_calc_launch_digest(
            guest.vcpus,
            signature,
            guest.ovmf,
            guest.kernel,
            guest.initrd,
            guest.append,
            guest.guest_features,
            "",
            hypervisors[guest.vmm],
        ),
    )
    return digest


def _tried(path: str, work: Callable[[], T]) -> T:
    try:
        return work()
    except _FAULTS as e:
        raise Malformed(path, str(e).lower()[:200] or type(e).__name__, "files that fit together") from None


def _signature(guest: Guest) -> int:
    """The CPUID signature that QEMU leaves in RDX; other hypervisors leave none."""
    if guest.vmm != "qemu":
        return 0
    from sevsnpmeasure.vcpu_types import CPU_SIGS  # noqa: PLC0415 - an extra, imported at the call

    known: dict[str, int] = CPU_SIGS
    if guest.vcpu_type not in known:
        raise BadUsage("--vcpu-type", repr(guest.vcpu_type), f"one of {', '.join(known)}")
    return known[guest.vcpu_type]
