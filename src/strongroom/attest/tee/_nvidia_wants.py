"""What is asked for beside the evidence, and the evidence of each device by itself.

Sources: NVIDIA's attestation SDK for the ids of manifests (gpu/evidence.cpp, switch/evidence.cpp).
"""

import re
from collections.abc import Iterator

import msgspec

from strongroom.attest.tee import _nvidia_reading as reading
from strongroom.attest.tee import _nvidia_report as reports
from strongroom.attest.tee._nvidia_case import GPUS, SWITCHES, Family, Gpu, count, devices_of
from strongroom.attest.verifier import Inputs
from strongroom.kit.endorsement_names import manifest_want, status_wants
from strongroom.model.attest import Evidence, Want

_SWITCH_BOARD = "5612_0002_890"  # project, its SKU and the chip's, of every LS10: its reports do not state them
_PLAIN = re.compile(r"[0-9A-Za-z.]{1,32}")


def of_gpus(evidence: Evidence) -> tuple[Want, ...]:
    """The manifests of every GPU's driver and VBIOS, and what is said of the authorities of its chain."""
    return _wants(evidence, GPUS)


def of_switches(evidence: Evidence) -> tuple[Want, ...]:
    """The manifest of every switch's VBIOS, and what is said of the authorities of its chain."""
    return _wants(evidence, SWITCHES)


def _wants(evidence: Evidence, family: Family) -> tuple[Want, ...]:
    """What is said of the certificates of a manifest is asked for once that is at hand: nobody knows them before."""
    found: dict[Want, None] = {}
    for gpu in devices_of(evidence, family):
        named = ((_switch_id(gpu), gpu.report.vbios),) if family.switch else _ids(gpu)
        for ident, version in named:
            if gpu.product and all(_PLAIN.fullmatch(piece) for piece in ident.split("_")):
                found[manifest_want(ident, gpu.product, version)] = None
        found |= dict.fromkeys(status_wants(gpu.chain[1:]))
    return tuple(found)


def _ids(gpu: Gpu) -> tuple[tuple[str, str], ...]:
    r = gpu.report
    chip = r.text(reports.CHIP) or "GB100"  # as the SDK has it where an older driver does not state it
    driver = f"NV_GPU_CC_DRIVER_{chip}" if GPUS.chips.get(gpu.product) == "blackwell" else "NV_GPU_DRIVER_GH100"
    board = "_".join(r.text(field) for field in (reports.PROJECT, reports.PROJECT_SKU, reports.CHIP_SKU))
    return (f"{driver}_{r.driver}", r.driver), (f"NV_GPU_VBIOS_{board}_{_solid(r.vbios)}", r.vbios)


def _switch_id(gpu: Gpu) -> str:
    return f"NV_SWITCH_BIOS_{_SWITCH_BOARD}_{_solid(gpu.report.vbios)}"


def _solid(version: str) -> str:
    return version.replace(".", "").upper()


def parts(inputs: Inputs) -> tuple[Inputs, ...]:
    """The inputs of each device, where there are several; how many there must be is a demand on all of them."""
    evidence = inputs.evidence
    most = count(evidence)
    if most < 2:
        return ()
    gpu = msgspec.structs.replace(inputs.policy.nvidia, gpus=None, switches=None)
    policy = msgspec.structs.replace(inputs.policy, nvidia=gpu, require=())
    return tuple(
        Inputs(one, inputs.endorsements, inputs.references, policy, inputs.now) for one in _each(evidence, most)
    )


def _each(evidence: Evidence, most: int) -> Iterator[Evidence]:
    for n in range(most):
        held = ((name, evidence.part(f"{name}.{n}")) for name in _NAMES)
        one = tuple(msgspec.structs.replace(part, name=f"{name}.0") for name, part in held if part is not None)
        yield msgspec.structs.replace(evidence, parts=one)


_NAMES = (reading.REPORT, reading.CERTIFICATES, reading.ARCHITECTURE)
