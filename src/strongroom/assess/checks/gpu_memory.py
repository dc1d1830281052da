"""One accelerator's memory, firmware and fabric: what flips bits, what is in the clear, and with whom it is joined."""

from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

_MANY = (
    100  # corrected errors since the driver was loaded; ours: sound memory counts a few in a year, a hammered row many
)


@check(
    id="gpu.gpu.shared-memory-has-ecc",
    title="No GPU without ECC is shared by tenants",
    clause="GPU-02.mig-per-tenant",
    kinds=(Kind.GPU,),
    needs=("gpu.ecc", "gpu.sharing"),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch ECC on, or give the GPU to one tenant at a time.",
        command="nvidia-smi -i <uuid> -e 1 && nvidia-smi -i <uuid> --gpu-reset",
        verify="nvidia-smi -i <uuid> -q -d ECC shows Enabled for current and pending",
        effort=Effort.MEDIUM,
    ),
    broken="it is shared by {how}, and its {kind} memory runs without ECC",
)
def shared_without_ecc(v: View) -> Answer:
    """Hammering rows of GDDR6 from one tenant's kernel flips bits in another's weights, and only ECC stops it
    (GPUHammer, USENIX Security 2025). MIG does not: partitions share banks' neighbourhoods.
    """
    if v.raw("gpu.ecc") is True:
        return holds()
    how = v.text("gpu.sharing")
    if how in ("", "none"):
        return not_applicable("one tenant has it at a time")
    if v.raw("gpu.ecc") is not None:
        v.flag("gpu.ecc")
    kind = v.raw("gpu.memory_type") if v.has("gpu.memory_type") else None
    return broken(how=how, kind=kind.upper() if isinstance(kind, str) else "video")


@check(
    id="gpu.gpu.memory-sound",
    title="The GPU's memory does not err more than sound memory does",
    clause="GPU-04.failure-path",
    kinds=(Kind.GPU,),
    needs=("gpu.ecc_uncorrected_now", "gpu.ecc_corrected_now"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Cordon the node, reset and scrub the GPU; replace it where rows cannot be remapped any more. Look at who used it.",
        command="strongroom scrub handover --scheduler slurm --node <node> --gpu <uuid> --cause ecc",
        verify="nvidia-smi -i <uuid> -q -d ECC,ROW_REMAPPER shows no volatile error and no bank without spare rows",
        effort=Effort.MEDIUM,
    ),
    broken="{found}",
)
def memory_sound(v: View) -> Answer:
    """Errors that ECC corrects by the hundred are failing memory, or somebody who hammers its rows; those that it
    cannot correct have changed what a tenant computed.
    """
    found, doubts = [], []
    for name, least, said in (
        ("gpu.ecc_uncorrected_now", 1, "{n:g} errors since the driver was loaded that ECC could not correct"),
        ("gpu.ecc_corrected_now", _MANY, "{n:g} errors since the driver was loaded that ECC corrected"),
        ("gpu.banks_exhausted", 1, "{n:g} banks of memory without a spare row"),
    ):
        value = v.raw(name) if v.has(name) else None
        if isinstance(value, Unknown):
            if name != "gpu.banks_exhausted" or value.code is not GapCode.UNSUPPORTED:  # older drivers do not print it
                doubts.append(value)
        elif isinstance(value, int | float) and value >= least:
            found.append(said.format(n=value))
    if found:
        return broken(found=", ".join(found))
    if doubts:
        return unknown(*doubts)
    counted = any(v.raw(n) is not None for n in ("gpu.ecc_uncorrected_now", "gpu.ecc_corrected_now"))
    return holds() if counted else not_applicable("it counts no errors: it has no ECC, or ECC is off")


@check(
    id="gpu.gpu.dram-encrypted",
    title="A confidential VM's GPU encrypts its memory where it can",
    clause="TEE-09.gpu-attested",
    kinds=(Kind.GPU,),
    needs=("gpu.dram_encrypted", "cc.tech"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch the encryption of its memory on, on the host, and reset the GPU.",
        verify="nvidia-smi -i <uuid> -q shows DRAM Encryption Mode: Enabled for current and pending",
    ),
    broken="the encryption of its memory is {state}",
)
def dram_encrypted(v: View) -> Answer:
    """Confidential mode keeps the host out of the GPU's memory; whoever probes the modules reads what is not encrypted."""
    if not v.text("cc.tech"):
        return not_applicable("its machine is no confidential VM")
    if v.raw("gpu.dram_encrypted") is None:
        return not_applicable("it cannot encrypt its memory")
    if not v.flag("gpu.dram_encrypted"):
        return broken(state="off")
    pending = v.raw("gpu.dram_encrypted_pending") if v.has("gpu.dram_encrypted_pending") else True
    return broken(state="to be off after the next reset") if pending is False else holds()


@check(
    id="gpu.gpu.cc-no-devtools",
    title="Confidential mode is not opened for developers",
    clause="TEE-09.gpu-attested",
    kinds=(Kind.GPU,),
    needs=("gpu.cc",),
    severity=Severity.HIGH,
    fix=Fix(
        "Set the mode to on, reset the GPU, and attest it again.",
        command="nvidia_gpu_tools.py --devices <bdf> --set-cc-mode=on --reset-after-cc-mode-switch",
        verify="nvidia-smi conf-compute -d says DevTools Mode: OFF",
        effort=Effort.MEDIUM,
    ),
    broken="devtools mode is on: it is not confidential, whatever its CC mode says",
)
def no_devtools(v: View) -> Answer:
    """In devtools mode the GPU answers as a confidential one and lets debuggers and profilers read its memory."""
    mode = v.raw("gpu.cc")
    if mode is None or v.text("gpu.cc") in ("", "off"):
        return not_applicable("it is not in confidential mode")
    return broken() if v.text("gpu.cc") == "devtools" else holds()


@check(
    id="gpu.gpu.firmware-of-driver",
    title="The GPU's system processor runs the firmware of the loaded driver",
    clause="GPU-06.patched",
    kinds=(Kind.GPU,),
    needs=("gpu.gsp", "gpu.driver"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Drain the machine and reboot it, so that the driver loads its own firmware.",
        command="systemctl reboot",
        verify="nvidia-smi -i <uuid> -q: GSP Firmware Version equals Driver Version",
    ),
    broken="its system processor runs {gsp}, the driver is {driver}",
)
def firmware_of_driver(v: View) -> Answer:
    """From Turing on much of the driver runs on the card itself, and its bulletins fix that part too: an old firmware
    under a new driver is not patched.
    """
    if v.raw("gpu.gsp") is None:
        return not_applicable("it runs no firmware of the driver")
    gsp, driver = v.text("gpu.gsp"), v.text("gpu.driver")
    return holds() if gsp == driver else broken(gsp=gsp, driver=driver or "not loaded")


@check(
    id="gpu.gpu.fabric-one-tenant",
    title="A NVLink fabric belongs to one tenant",
    clause="GPU-02.mig-per-tenant",
    kinds=(Kind.GPU,),
    needs=("gpu.fabric", "gpu.fabric_tenants"),
    severity=Severity.HIGH,
    fix=Fix(
        "Give whole fabrics to tenants, or partition the fabric (Fabric Manager partitions, NMX) along tenants.",
        verify="nvidia-smi -q: GPUs of two tenants show different Cluster UUID or Clique ID",
        effort=Effort.LARGE,
    ),
    broken="its fabric {fabric} joins machines of {tenants}",
)
def fabric_one_tenant(v: View) -> Answer:
    """Traffic on NVLink can be told apart by a neighbour on the same fabric (NVBleed, Beyond the Bridge), and memory
    is exported across it. Which GPUs are joined the machines show; whose they are says the inventory.
    """
    if v.raw("gpu.fabric") is None:
        return not_applicable("it has joined no fabric")
    value = v.raw("gpu.fabric_tenants")
    items = value if isinstance(value, tuple) else (value,)
    known = sorted({t for t in items if isinstance(t, str)})
    if len(known) > 1:
        return broken(fabric=v.text("gpu.fabric"), tenants=" and ".join(known))
    doubts = [t for t in items if isinstance(t, Unknown)]
    if doubts:
        return unknown(*doubts)
    return holds() if known else unknown(Unknown(GapCode.ABSENT, "no inventory says for whom its machines work"))


CHECKS = (shared_without_ecc, memory_sound, dram_encrypted, no_devtools, firmware_of_driver, fabric_one_tenant)
