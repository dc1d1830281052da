"""One accelerator: partitioning, memory protection, confidential mode, firmware."""

from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

_SHARED = ("mps", "time-slicing")
_FAULTS = (
    ("gpu.remap_failed", "a memory row could not be remapped"),
    ("gpu.remap_pending", "a memory row waits to be remapped"),
    ("gpu.retire_pending", "a memory page waits to be retired"),
    ("gpu.reset_required", "the driver asks for a reset"),
)


@check(
    id="gpu.gpu.ecc-on",
    title="The GPU's memory has ECC on",
    clause="GPU-02.mig-per-tenant",
    kinds=(Kind.GPU,),
    needs=("gpu.ecc", "gpu.ecc_pending"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch ECC on, drain the machine and reset the GPU.",
        command="nvidia-smi -i <uuid> -e 1 && nvidia-smi -i <uuid> --gpu-reset",
        verify="nvidia-smi -i <uuid> -q -d ECC shows Enabled for current and pending",
    ),
    broken="ECC is {state}: one tenant's accesses can flip bits in another's memory",
)
def ecc(v: View) -> Answer:
    """Rowhammer works on GPU memory: without ECC chosen accesses flip bits across partitions, and one bit ruins a
    model's accuracy unnoticed (GPUHammer, USENIX Security 2025).
    """
    if v.raw("gpu.ecc") is None:
        return broken(state="not there on this GPU")
    if not v.flag("gpu.ecc"):
        return broken(state="off")
    return holds() if v.flag("gpu.ecc_pending") else broken(state="to be off after the next reset")


@check(
    id="gpu.gpu.mig-when-shared",
    title="A shared GPU is partitioned in hardware",
    clause="GPU-02.mig-per-tenant",
    kinds=(Kind.GPU,),
    needs=("gpu.sharing",),
    severity=Severity.HIGH,
    fix=Fix(
        "Give each tenant a MIG instance of its own, or a whole GPU.",
        command="nvidia-smi -i <uuid> -mig 1 && nvidia-smi mig -i <uuid> -cgi <profiles> -C",
        verify="nvidia-smi -L lists MIG devices under the GPU",
        effort=Effort.MEDIUM,
    ),
    broken="the GPU is shared by {how}, which separates nothing",
)
def mig_when_shared(v: View) -> Answer:
    """Only MIG gives tenants of one GPU their own memory paths; all other sharing is turns on the same caches. A GPU
    that holds one tenant at a time needs none.
    """
    how = v.text("gpu.sharing")
    if how in _SHARED:
        return broken(how=how)
    if how in ("mig", "none", ""):
        return holds()
    return unknown(Unknown(GapCode.UNSUPPORTED, f"sharing by {how[:20]!r} is not known"))


@check(
    id="gpu.gpu.config-applied",
    title="The GPU runs with the modes that are set",
    clause="GPU-02.config-equals-runtime",
    kinds=(Kind.GPU,),
    needs=("gpu.reset_pending",),
    severity=Severity.LOW,
    fix=Fix(
        "Drain the machine and reset the GPU, so that the pending modes take effect.",
        command="nvidia-smi -i <uuid> --gpu-reset",
        verify="nvidia-smi -i <uuid> -q shows the same for Current and Pending",
    ),
    broken="{modes} is set otherwise than it runs: a reset is pending",
)
def config_applied(v: View) -> Answer:
    """A mode that waits for a reset is believed to be on by everybody who reads the configuration, and is not."""
    value = v.raw("gpu.reset_pending")
    different = [m for m in value if isinstance(m, str)] if isinstance(value, tuple) else []
    if different:
        return broken(modes=" and ".join(different))
    v.texts("gpu.reset_pending")
    return holds()


@check(
    id="gpu.gpu.cc-mode",
    title="A confidential VM's GPU is in confidential mode, and not in devtools mode",
    clause="TEE-09.gpu-attested",
    kinds=(Kind.GPU,),
    needs=("gpu.cc", "cc.tech"),
    severity=Severity.HIGH,
    fix=Fix(
        "Set the mode on the host before the GPU is passed through, then attest it and set it ready.",
        command="nvidia_gpu_tools.py --devices <bdf> --set-cc-mode=on --reset-after-cc-mode-switch",
        verify="nvidia-smi conf-compute -f says CC status: ON, and -d says DevTools Mode: OFF",
        effort=Effort.MEDIUM,
    ),
    broken="{why}",
)
def cc_mode(v: View) -> Answer:
    """Outside of confidential mode weights cross the bus in plain text and the host reads video memory; in devtools
    mode everything looks encrypted while debuggers may look in.
    """
    if not v.text("cc.tech"):
        return not_applicable("its machine is no confidential VM")
    mode = v.text("gpu.cc")
    if mode == "devtools":
        return broken(why="devtools mode is on: profilers and debuggers see what is confidential")
    if mode in ("", "off"):
        return broken(why="confidential mode is off: the host can read the GPU's memory and the bus")
    if mode not in ("on", "ppcie"):
        return unknown(Unknown(GapCode.UNSUPPORTED, f"confidential mode {mode[:20]!r} is not known"))
    return (
        holds()
        if v.flag("gpu.cc_ready")
        else broken(why="the GPU is in confidential mode but was not set ready: it was not attested")
    )


@check(
    id="gpu.gpu.isolation-enforced",
    title="The driver clears local memory and registers between processes",
    clause="GPU-03.driver-scrubs",
    kinds=(Kind.GPU,),
    needs=("gpu.isolation",),
    severity=Severity.HIGH,
    fix=Fix(
        "Enforce isolation in amdgpu for every partition; processes then take turns and a cleaner runs between them.",
        (("/etc/tmpfiles.d/amdgpu.conf", "w /sys/class/drm/card*/device/enforce_isolation - - - - 1"),),
        command="amd-smi set --process-isolation 1",
        verify="cat /sys/class/drm/card*/device/enforce_isolation prints 1 for every partition",
    ),
    broken="what one process leaves in local memory and registers the next one reads (LeftoverLocals)",
)
def isolation(v: View) -> bool:
    """On these GPUs a listener recovered a language model's answers from local memory (CVE-2023-4969)."""
    return v.flag("gpu.isolation")


@check(
    id="gpu.gpu.no-open-fault",
    title="No GPU in service waits for a reset after a fault",
    clause="GPU-04.failure-path",
    kinds=(Kind.GPU,),
    needs=("gpu.uuid",),
    severity=Severity.HIGH,
    fix=Fix(
        "Cordon the node, reset the GPU, scrub it, test it, and only then give it out again.",
        command="nvidia-smi -i <uuid> --gpu-reset",
        verify="nvidia-smi -i <uuid> -q shows no pending remapping, no reset required and no recovery action",
        effort=Effort.MEDIUM,
    ),
    broken="{found}: cordon, reset, scrub and test it before anybody gets it again",
)
def no_open_fault(v: View) -> Answer:
    """A row that could not be remapped, or that waits for it, is memory that errs under whoever has the GPU next.

    A GPU without a fault shows nothing of what is done after one: that is for the log to show.
    """
    found = [said for name, said in _FAULTS if v.has(name) and v.raw(name) is True]
    action = v.raw("gpu.recovery") if v.has("gpu.recovery") else None
    if isinstance(action, str) and action.lower() != "none":
        found.append(f"the driver asks for {action}")
    if found:
        return broken(found=", ".join(found))
    doubts = [d for name, _ in _FAULTS if v.has(name) and isinstance(d := v.raw(name), Unknown)]
    asked = [d for d in doubts if d.code is not GapCode.UNSUPPORTED]  # an older driver has no word for some of them
    return unknown(*asked) if asked else not_applicable("it shows no fault")


@check(
    id="inv.gpu.recorded",
    title="The GPU's identity and firmware are recorded",
    clause="INV-02.versions-recorded",
    kinds=(Kind.GPU,),
    needs=("gpu.uuid", "gpu.vbios"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Run the collector as root on the machine, with the vendor's driver loaded.",
        command="sh host_collector.sh > HOSTNAME.txt",
        verify="the GPU's record has a UUID, a VBIOS and, from Turing on, a GSP firmware",
    ),
    broken="not recorded: {missing}",
)
def recorded(v: View) -> Answer:
    """Firmware that nobody wrote down cannot be compared with a bulletin, and a GPU without an id can be swapped."""
    wanted = {"gpu.uuid": "its UUID", "gpu.vbios": "its VBIOS", "gpu.model": "its model"}
    missing = [what for name, what in wanted.items() if v.has(name) and not v.text(name)]
    return broken(missing=", ".join(missing)) if missing else holds()


CHECKS = (ecc, mig_when_shared, config_applied, cc_mode, isolation, no_open_fault, recorded)
