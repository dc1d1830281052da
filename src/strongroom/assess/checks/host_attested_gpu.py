"""Recorded appraisals of GPUs: genuine and measured, bound to the processor's evidence, and linked to nobody else."""

from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

_VERIFY = "strongroom attest verify EVIDENCE --policy FILE --references FILE --nonce HEX --record FILE"
_AGAIN = "strongroom assess attest:FOLDER no longer lists it"
_ROOTS = frozenset({"snp", "tdx", "azure-snp", "azure-tdx", "gcp"})
_ATTESTED = (
    "nvidia.chain",
    "nvidia.root_pin",
    "nvidia.signature",
    "nvidia.nonce",
    "nvidia.ocsp",
    "nvidia.mode",
    "nvidia.driver_rim",
    "nvidia.vbios_rim",
    "nvidia.measurement",
)
_BOUND = ("composite.root_bound", "composite.devices_bound", "composite.unique", "composite.count")
# The step by which a device's certificate is found to end in its vendor's root, by kind of evidence.
_VENDOR = {
    "nvidia": "nvidia.root_pin",
    "nvswitch": "nvswitch.root_pin",
    "snp": "snp.root_pin",
    "tdx": "tdx.root_pin",
    "sgx": "sgx.root_pin",
    "nitro": "nitro.root_pin",
    "azure-snp": "snp.root_pin",
    "azure-tdx": "tdx.root_pin",
}


def _gpus(v: View) -> list[str]:
    return [d for d in v.texts("attest.devices") if d.startswith("gpu ")]


def _all(v: View, steps: tuple[str, ...]) -> bool | Answer:
    """Every step passed; the first that failed, or that nobody checked, is named."""
    failed, checked = v.texts("attest.failed"), v.texts("attest.checked")
    bad = next((s for s in steps if s in failed), "")
    if bad:
        return broken(why=f"{bad} failed")
    missing = [s for s in steps if s not in checked]
    return unknown(Unknown(GapCode.ABSENT, f"{', '.join(missing)} was not checked")) if missing else holds()


@check(
    id="tee.gpu.attested",
    title="The GPUs' reports verify: signature, status, manifests of driver and VBIOS, mode, and a fresh nonce",
    clause="TEE-09.gpu-attested",
    kinds=(Kind.HOST,),
    needs=("attest.kinds", "attest.devices"),
    severity=Severity.HIGH,
    fix=Fix(
        "Collect the GPUs' evidence with a nonce of yours, and give the manifests and status answers that it needs.",
        command=_VERIFY,
        verify=_AGAIN,
        effort=Effort.MEDIUM,
    ),
    broken="{why}",
)
def attested(v: View) -> bool | Answer:
    """A GPU with other firmware reads everything that the confidential guest hands it."""
    if "nvidia" not in v.texts("attest.kinds"):
        return not_applicable("there is no GPU in this evidence")
    return _all(v, _ATTESTED)


@check(
    id="tee.gpu.bound",
    title="The GPUs' evidence is bound to the processor's in one decision",
    clause="TEE-09.bound-to-cpu",
    kinds=(Kind.HOST,),
    needs=("attest.kinds", "attest.devices"),
    severity=Severity.HIGH,
    fix=Fix(
        "Ask processor and GPUs with one hash of nonce and key, and verify them as one node.",
        command="strongroom attest steps composite",
        verify=_AGAIN,
        effort=Effort.MEDIUM,
    ),
    broken="{why}",
)
def bound(v: View) -> bool | Answer:
    """A genuine report can be borrowed: eight GPUs of another machine have been shown, and served with, before."""
    if not _gpus(v):
        return not_applicable("there is no GPU in this evidence")
    if v.text("attest.kind") != "composite":
        return broken(why="the GPUs were verified by themselves, with no evidence of the machine around them")
    if not _ROOTS & set(v.texts("attest.kinds")):
        return broken(why="the node's root of trust is no confidential processor")
    return _all(v, _BOUND)


@check(
    id="tee.gpu.fabric",
    title="Where several GPUs work together, the links between them are attested",
    clause="TEE-09.fabric-attested",
    kinds=(Kind.HOST,),
    needs=("attest.kinds", "attest.devices"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Collect the switches' evidence with that of the GPUs, and say in [composite] how many there are.",
        command="strongroom attest steps composite",
        verify=_AGAIN,
        effort=Effort.MEDIUM,
    ),
    broken="{why}",
)
def fabric(v: View) -> bool | Answer:
    """What passes between two GPUs passes through switches, which can copy it."""
    if len(_gpus(v)) < 2:
        return not_applicable("there are not several GPUs in this evidence")
    if not any(d.startswith("switch ") for d in v.texts("attest.devices")):
        return broken(why=f"{len(_gpus(v))} GPUs, and no evidence of a switch")
    return _all(v, ("composite.topology",))


@check(
    id="art.component.vendor-root",
    title="The certificates of the attested components end in their vendors' roots",
    clause="PHY-02.component-certs",
    kinds=(Kind.HOST,),
    needs=("attest.kinds",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Take the component out of service until its maker explains the certificate.", command=_VERIFY, verify=_AGAIN
    ),
    broken="{why}",
)
def vendor_root(v: View) -> bool | Answer:
    """A component with a certificate of somebody else's is not the one that was bought."""
    wanted = tuple(_VENDOR[k] for k in v.texts("attest.kinds") if k in _VENDOR)
    return _all(v, wanted) if wanted else not_applicable("evidence of this kind carries no certificate of a component")


CHECKS = (attested, bound, fabric, vendor_root)
