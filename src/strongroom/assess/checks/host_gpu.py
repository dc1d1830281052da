"""How a machine's accelerator driver is set up: who profiles and debugs, what it clears, what it leaves behind."""

from strongroom.assess.checks import _vendor_fixes
from strongroom.assess.checks._host import accelerated
from strongroom.assess.checks._patch_facts import by_feed
from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

_MODPROBE = "/etc/modprobe.d/nvidia-strongroom.conf"
_REBOOT = "update-initramfs -u || dracut --force; systemctl reboot"
_DCGM = ":5555"
_NO_DRIVER = "no NVIDIA driver is loaded"


@check(
    id="gpu.host.profiling-restricted",
    title="Only root reads the GPU's performance counters",
    clause="GPU-07.profiling-admin-only",
    kinds=(Kind.HOST,),
    needs=("gpu.profiling_admin_only",),
    severity=Severity.HIGH,
    fix=Fix(
        "Restrict profiling to administrators, which is the driver's own default.",
        ((_MODPROBE, "options nvidia NVreg_RestrictProfilingToAdminUsers=1"),),
        command=_REBOOT,
        verify="grep RmProfilingAdminOnly /proc/driver/nvidia/params prints 1",
    ),
    broken="every user may read the GPU's performance counters (RmProfilingAdminOnly: 0)",
)
def profiling(v: View) -> bool:
    """Counters of one process tell another what it computes: over NVLink and L2 that has been enough to tell models
    and inputs apart.
    """
    return v.flag("gpu.profiling_admin_only")


@check(
    id="gpu.host.debugger-off",
    title="The GPU driver was not loaded for a debugger",
    clause="GPU-05.profilers-restricted",
    kinds=(Kind.HOST,),
    needs=("gpu.debug_breakpoint",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Load the driver without its debugger breakpoint.",
        ((_MODPROBE, "options nvidia NVreg_EnableDbgBreakpoint=0"),),
        command=_REBOOT,
        verify="grep EnableDbgBreakpoint /proc/driver/nvidia/params prints 0",
    ),
    broken="the driver stops in a debugger (EnableDbgBreakpoint: 1)",
)
def debugger(v: View) -> bool:
    """A driver that stops in a kernel debugger hands all tenants' memory to whoever holds the console."""
    return not v.flag("gpu.debug_breakpoint")


@check(
    id="gpu.host.no-attaching",
    title="On a GPU machine no user attaches to a running process",
    clause="GPU-05.profilers-restricted",
    kinds=(Kind.HOST,),
    needs=("kernel.ptrace_scope",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Restrict ptrace by Yama.",
        (("/etc/sysctl.d/60-ptrace.conf", "kernel.yama.ptrace_scope = 1"),),
        command="sysctl --system",
        verify="sysctl kernel.yama.ptrace_scope prints 1 or more",
    ),
    broken="{why}: a user may attach a profiler or debugger to any process of the same user",
)
def attaching(v: View) -> Answer:
    """A profiler or debugger that attaches to a serving process reads its memory: weights, prompts, keys."""
    outside = accelerated(v)
    if outside is not None:
        return outside
    if v.raw("kernel.ptrace_scope") is None:
        return broken(why="the kernel has no Yama")
    return holds() if v.number("kernel.ptrace_scope") >= 1 else broken(why="kernel.yama.ptrace_scope is 0")


@check(
    id="gpu.host.vram-not-written-to-disk",
    title="Video memory is not saved unencrypted when the machine sleeps",
    clause="GPU-05.dumps-off-or-encrypted",
    kinds=(Kind.HOST,),
    needs=("vram.saved_to",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Do not preserve video memory on a server, or save it to an encrypted folder; and never let a server sleep.",
        ((_MODPROBE, "options nvidia NVreg_PreserveVideoMemoryAllocations=0"),),
        command="systemctl mask sleep.target suspend.target hibernate.target hybrid-sleep.target && " + _REBOOT,
        verify="grep PreserveVideoMemoryAllocations /proc/driver/nvidia/params prints 0",
    ),
    broken="on suspend the driver writes all video memory unencrypted to {where}",
)
def vram_saved(v: View) -> Answer | bool:
    """The saved file is the whole of the GPU's memory, weights of every tenant included, in a folder for temporary
    files.
    """
    where = v.text("vram.saved_to")
    if not where:
        return holds()
    return holds() if v.flag("vram.protected") else broken(where=where)


@check(
    id="gpu.host.no-cuda-core-dumps",
    title="CUDA writes no core dumps",
    clause="GPU-05.dumps-off-or-encrypted",
    kinds=(Kind.HOST,),
    needs=("dump.cuda",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Take the CUDA_*COREDUMP* settings out of /etc/environment and /etc/profile.d; set them for one job when needed.",
        verify="grep -r COREDUMP /etc/environment /etc/profile.d prints nothing",
    ),
    broken="every CUDA program is told to dump: {settings}",
)
def cuda_dumps(v: View) -> Answer:
    """A GPU core dump holds video memory: the weights themselves."""
    settings = v.texts("dump.cuda")
    return broken(settings=", ".join(settings)) if settings else holds()


@check(
    id="gpu.host.scrub-on-free",
    title="The driver clears video memory when it is freed",
    clause="GPU-03.driver-scrubs",
    kinds=(Kind.HOST,),
    needs=("gpu.scrub_switched_off", "gpu.driver_open"),
    severity=Severity.HIGH,
    fix=Fix(
        "Remove the registry keys from the driver's options, and run the open kernel module; then prove it by a canary.",
        ((_MODPROBE, 'options nvidia NVreg_RegistryDwords="" NVreg_InitializeSystemMemoryAllocations=1'),),
        command=_REBOOT,
        verify="grep -E 'RegistryDwords|InitializeSystem' /proc/driver/nvidia/params shows no RMDisableScrubOnFree",
    ),
    broken="{why}",
)
def scrubs(v: View) -> Answer:
    """NVIDIA's open driver writes zeros over freed pages from Turing on, unless it is told not to; then the next tenant
    reads what the last one left. The closed driver does not say what it does.
    """
    keys = v.texts("gpu.scrub_switched_off")
    if keys:
        return broken(why=f"the driver's options switch it off: {', '.join(keys)}")
    if v.has("gpu.sysmem_initialised") and not v.flag("gpu.sysmem_initialised"):
        return broken(why="InitializeSystemMemoryAllocations is 0: system memory is handed out as it was left")
    if not v.flag("gpu.driver_open"):
        return unknown(
            Unknown(
                GapCode.OUTSIDE, "the closed NVIDIA driver does not show whether it clears freed memory; a canary does"
            )
        )
    return holds()


@check(
    id="gpu.host.driver-loaded-equals-installed",
    title="The loaded GPU driver is the installed one",
    clause="GPU-06.patched",
    kinds=(Kind.HOST,),
    needs=("gpu.driver", "gpu.driver_installed"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Drain the machine and reboot it, or reload the driver's modules.",
        command="systemctl reboot",
        verify="cat /sys/module/nvidia/version equals modinfo -F version nvidia",
    ),
    broken="{loaded} is loaded, {installed} is installed: the update waits for a reboot",
)
def loaded(v: View) -> Answer:
    """A patched driver on disk protects nobody while the old one runs; scanners of packages see only the disk."""
    now, next_boot = v.text("gpu.driver"), v.text("gpu.driver_installed")
    if not now:
        return not_applicable(_NO_DRIVER)
    return holds() if now == next_boot else broken(loaded=now, installed=next_boot or "none")


@check(
    id="gpu.host.driver-patched",
    title="The GPU driver has the vendor's latest security fixes",
    clause="GPU-06.patched",
    kinds=(Kind.HOST,),
    needs=("gpu.driver",),
    severity=Severity.HIGH,
    fix=Fix(
        "Update to the fixed version of a branch that still gets fixes (R535, R580, R595), drain and reboot.",
        verify="cat /sys/module/nvidia/version",
        effort=Effort.MEDIUM,
    ),
    broken="{version}: {why}",
)
def driver_patched(v: View) -> Answer:
    """The driver is the wall between tenants, and its bulletins list ways through it several times a year. Versions
    are compared with the bulletins known to this release; a version that they do not name is never taken as good.
    """
    version = v.text("gpu.driver")
    return by_feed(v, "driver", _driver(v, version)) if version else not_applicable(_NO_DRIVER)


def _driver(v: View, version: str) -> Answer:
    """By the list of this release."""
    found = _vendor_fixes.numbers(version)
    if found is None:
        return unknown(Unknown(GapCode.UNSUPPORTED, f"driver version {version[:40]!r} is not in NVIDIA's form"))
    fixed = _vendor_fixes.DRIVER_FIXED.get(found[0])
    if fixed is not None and found < fixed:
        return broken(version=version, why=f"fixed in {_vendor_fixes.shown(fixed)}, {_vendor_fixes.DRIVER_BULLETIN}")
    if fixed is None and found[0] < max(_vendor_fixes.DRIVER_FIXED):
        return broken(
            version=version, why=f"branch R{found[0]} gets no fixes any more, {_vendor_fixes.DRIVER_BULLETIN}"
        )
    if fixed is None:
        return unknown(
            Unknown(
                GapCode.NOT_FETCHED,
                f"branch R{found[0]} is in no bulletin known to this release ({_vendor_fixes.AS_OF})",
            )
        )
    return _dated(v)


@check(
    id="gpu.host.toolkit-patched",
    title="The container toolkit has the vendor's latest security fixes",
    clause="GPU-06.patched",
    kinds=(Kind.HOST,),
    needs=("version.container_toolkit",),
    severity=Severity.HIGH,
    fix=Fix(
        "Update nvidia-container-toolkit (or the GPU operator that brings it).",
        command="apt-get install --only-upgrade nvidia-container-toolkit || dnf upgrade nvidia-container-toolkit",
        verify="nvidia-ctk --version",
    ),
    broken="{version}: fixed in {fixed}, {bulletin}",
)
def toolkit_patched(v: View) -> Answer:
    """The toolkit runs as root with the container's input before the container starts; its holes (CVE-2024-0132,
    CVE-2025-23266) end on the host.
    """
    return by_feed(v, "toolkit", _toolkit(v, v.text("version.container_toolkit")))


def _toolkit(v: View, version: str) -> Answer:
    found = _vendor_fixes.numbers(version)
    if found is None:
        return unknown(Unknown(GapCode.UNSUPPORTED, f"toolkit version {version[:40]!r} is not a dotted number"))
    if found < _vendor_fixes.TOOLKIT_FIXED:
        fixed = ".".join(map(str, _vendor_fixes.TOOLKIT_FIXED))
        return broken(version=version, fixed=fixed, bulletin=_vendor_fixes.TOOLKIT_BULLETIN)
    return _dated(v)


def _dated(v: View) -> Answer:
    """Good by the list, as long as the list is fresh enough for its silence to count."""
    if _vendor_fixes.stale(v.now):
        return unknown(
            Unknown(
                GapCode.NOT_FETCHED,
                f"fixed as of {_vendor_fixes.AS_OF}; bulletins since then are not known to this release",
            )
        )
    return holds()


@check(
    id="gpu.host.toolkit-no-envvar",
    title="A container gets no GPU by naming it in a variable",
    clause="GPU-07.only-approved-manage",
    kinds=(Kind.HOST,),
    needs=("toolkit.envvar_unprivileged",),
    severity=Severity.HIGH,
    fix=Fix(
        "Let only privileged containers use the variable, and give GPUs as volume mounts or by CDI.",
        (
            (
                "/etc/nvidia-container-runtime/config.toml",
                "accept-nvidia-visible-devices-envvar-when-unprivileged = false\naccept-nvidia-visible-devices-as-volume-mounts = true",
            ),
        ),
        command="nvidia-ctk config --in-place --set accept-nvidia-visible-devices-envvar-when-unprivileged=false",
        verify="a pod with NVIDIA_VISIBLE_DEVICES=all and no GPU request sees no /dev/nvidia*",
    ),
    broken="NVIDIA_VISIBLE_DEVICES=all in any container's environment opens every GPU of the machine",
)
def envvar(v: View) -> bool:
    """The variable goes around the scheduler: a pod that asked for no GPU gets all of them, other tenants' included.
    The toolkit accepts it unless it is told not to.
    """
    return not v.flag("toolkit.envvar_unprivileged")


@check(
    id="gpu.host.dcgm-local-only",
    title="GPU management is not offered on the network",
    clause="GPU-07.only-approved-manage",
    kinds=(Kind.HOST,),
    needs=("gpu.driver", "net.listeners"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Bind DCGM's host engine to the loopback address or to a socket.",
        (
            (
                "/etc/systemd/system/nvidia-dcgm.service.d/local.conf",
                "[Service]\nExecStart=\nExecStart=/usr/bin/nv-hostengine -n --bind-interface 127.0.0.1",
            ),
        ),
        command="systemctl daemon-reload && systemctl restart nvidia-dcgm",
        verify="ss -ltn | grep 5555 shows 127.0.0.1 only",
    ),
    broken="DCGM listens on {addresses}, without authentication",
)
def dcgm(v: View) -> Answer:
    """The host engine changes configurations and reads every job's counters for whoever connects."""
    outside = [a for a in v.texts("net.listeners") if a.endswith(_DCGM) and not a.startswith(("127.", "[::1]"))]
    return broken(addresses=", ".join(outside)) if outside else holds()


@check(
    id="gpu.host.no-time-slicing",
    title="GPUs are not shared by time-slicing or MPS",
    clause="GPU-02.no-time-slicing",
    kinds=(Kind.HOST,),
    needs=("gpu.mps",),
    severity=Severity.HIGH,
    fix=Fix(
        "Stop the MPS daemon and take shard and mps out of GresTypes; share by MIG or not at all.",
        (("/etc/slurm/slurm.conf", "GresTypes=gpu"),),
        command="echo quit | nvidia-cuda-mps-control",
        verify="pgrep -f nvidia-cuda-mps finds nothing, and scontrol show config | grep GresTypes shows gpu alone",
        effort=Effort.MEDIUM,
    ),
    broken="{why}",
)
def time_slicing(v: View) -> Answer:
    """Time slices and MPS clients share caches, counters and faults; only MIG or a whole GPU separates tenants."""
    shared = [g for g in v.texts("slurm.gres") if g.lower() in ("shard", "mps")] if v.has("slurm.gres") else []
    if shared:
        return broken(why=f"Slurm hands out {' and '.join(shared)} of one GPU to several jobs")
    if v.flag("gpu.mps"):
        return broken(why="the multi-process service runs: its clients share one GPU context")
    return holds()


@check(
    id="inv.host.gpus-agree",
    title="The bus, the driver and its library see the same GPUs",
    clause="INV-01.sources-agree",
    kinds=(Kind.HOST,),
    needs=("gpu.unaccounted",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Find the GPU that is missing (dmesg | grep Xid), drain the machine, and reset or replace the GPU.",
        command="nvidia-smi -L; lspci -d 10de:",
        verify="nvidia-smi -L lists as many GPUs as lspci -d 10de: shows 3D controllers",
        effort=Effort.MEDIUM,
    ),
    broken="not seen by all of bus, driver and library: {gpus}",
)
def gpus_agree(v: View) -> Answer:
    """A GPU that fell off the bus, or that something else took, is neither scrubbed nor accounted for."""
    missing = v.texts("gpu.unaccounted")
    return broken(gpus="; ".join(missing)) if missing else holds()


CHECKS = (
    profiling,
    debugger,
    attaching,
    vram_saved,
    cuda_dumps,
    scrubs,
    loaded,
    driver_patched,
    toolkit_patched,
    envvar,
    dcgm,
    time_slicing,
    gpus_agree,
)
