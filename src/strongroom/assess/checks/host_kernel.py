"""What a machine's kernel enforces: module signatures, lockdown, the processor's mitigations, DMA, counters."""

import re
from collections.abc import Iterable

from strongroom.kit.kleene import any_of
from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown, Value

_LOCKED = ("integrity", "confidentiality")


def _vulnerable(state: str) -> bool:
    """Whether some part of a state of /sys/devices/system/cpu/vulnerabilities is not mitigated.

    A state is a list of clauses such as `Mitigation: Retpolines; BHI: Vulnerable`. `SMT vulnerable` is left to the
    check of SMT.
    """
    pieces = (p.strip().lower() for p in re.split(r"[;,]", state))
    return any(re.match(r"(?:[\w -]+: )*(?:processor )?vulnerable\b", p) and not p.startswith("smt ") for p in pieces)


def _states(v: View) -> tuple[list[str], list[Unknown]]:
    """The states as `name: state`, and the reasons for those that are not known."""
    value = v.raw("cpu.vulnerabilities")
    items: Iterable[Value] = value if isinstance(value, tuple) else (value,)
    known, doubts = [], []
    for item in items:
        if isinstance(item, str):
            known.append(item)
        else:
            doubts.append(
                item if isinstance(item, Unknown) else Unknown(GapCode.MALFORMED, "cpu.vulnerabilities: no text")
            )
    return known, doubts


@check(
    id="host.cpu.mitigated",
    title="Every known flaw of the processor is mitigated",
    clause="TEE-07.cpu-mitigated",
    kinds=(Kind.HOST,),
    needs=("cpu.vulnerabilities",),
    severity=Severity.HIGH,
    fix=Fix(
        "Install the current kernel and microcode, and take mitigations=off and its like off the kernel command line.",
        command="grubby --update-kernel=ALL --remove-args='mitigations=off' || update-grub",
        verify="grep -r -i vulnerable /sys/devices/system/cpu/vulnerabilities/ prints nothing but SMT lines",
        effort=Effort.MEDIUM,
    ),
    broken="the kernel says vulnerable: {flaws}",
)
def mitigated(v: View) -> Answer:
    """One tenant's code reads another's keys and weights through an unmitigated core; the kernel itself says which
    flaws are open.
    """
    states, doubts = _states(v)
    states = [s for s in states if not s.startswith("old_microcode:")]  # a date, not a flaw: see the check of microcode
    bad = [s for s in states if _vulnerable(s.partition(": ")[2] or s)]
    if bad:
        return broken(flaws="; ".join(bad))
    doubts += [Unknown(GapCode.UNDECIDED, f"{s} (the kernel cannot tell)") for s in states if ": unknown" in s.lower()]
    return unknown(*doubts) if doubts else holds()


@check(
    id="host.cpu.smt",
    title="No two threads share a core under confidential work",
    clause="TEE-07.smt-policy",
    kinds=(Kind.HOST,),
    needs=("cpu.smt", "cc.tech"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch SMT off: in the firmware, by nosmt on the kernel command line, or at run time.",
        command="echo off > /sys/devices/system/cpu/smt/control",
        verify="cat /sys/devices/system/cpu/smt/active prints 0, also after a reboot",
        effort=Effort.MEDIUM,
    ),
    broken="SMT is on: the sibling thread of a confidential core can belong to somebody else",
)
def smt(v: View) -> Answer | bool:
    """Sibling threads share caches, ports and buffers; for work that must not trust its host that is a side channel.
    It is asked only of confidential VMs and of hosts that run them.
    """
    offers = v.texts("cc.offers") if v.has("cc.offers") else ()
    if not v.text("cc.tech") and not any(o in ("sev-snp", "tdx") for o in offers):
        return not_applicable("it neither is nor runs a confidential VM")
    return not v.flag("cpu.smt")


@check(
    id="tee.host.microcode-current",
    title="The processor's microcode is not known to be outdated",
    clause="TEE-06.tcb-current",
    kinds=(Kind.HOST,),
    needs=("cpu.vulnerabilities",),
    severity=Severity.HIGH,
    fix=Fix(
        "Install the vendor's microcode package or firmware and reboot.",
        command="apt-get install intel-microcode amd64-microcode || dnf install microcode_ctl linux-firmware",
        verify="grep -r 'no microcode' /sys/devices/system/cpu/vulnerabilities/ prints nothing; old_microcode says Not affected",
        effort=Effort.MEDIUM,
    ),
    broken="the microcode is out of date: {flaws}",
)
def microcode(v: View) -> Answer:
    """The microcode is part of every TEE's trusted base: attestation with an old one proves a processor that is known
    to leak. The kernel says when a mitigation lacks its microcode, and from 6.16 on whether it is an old one. A virtual
    machine's kernel sees what its host shows, so it is not asked.
    """
    if v.has("host.virtual") and v.flag("host.virtual"):
        return not_applicable("a virtual machine runs on its host's microcode")
    states, doubts = _states(v)
    old = [s for s in states if "no microcode" in s.lower() or s.lower().startswith("old_microcode: vulnerable")]
    if old:
        return broken(flaws="; ".join(old))
    if doubts:
        return unknown(*doubts)
    if any(s.lower() == "old_microcode: not affected" for s in states):
        return holds()
    return unknown(
        Unknown(
            GapCode.ABSENT,
            "/sys/devices/system/cpu/vulnerabilities/old_microcode: no such file; the kernel is older than 6.16",
        )
    )


@check(
    id="host.perf.paranoid",
    title="Performance counters are for root only",
    clause="TEE-07.counters-restricted",
    kinds=(Kind.HOST,),
    needs=("kernel.perf_paranoid",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Set kernel.perf_event_paranoid to 3; on GPU machines also NVreg_RestrictProfilingToAdminUsers=1.",
        command="echo 'kernel.perf_event_paranoid = 3' > /etc/sysctl.d/60-perf.conf && sysctl --system",
        verify="sysctl kernel.perf_event_paranoid prints 3 or more",
    ),
    broken="{why}",
)
def perf(v: View) -> Answer:
    """Counters tell an unprivileged neighbour what a core, and with it a model, is doing: they turn a noisy side
    channel into a clean one.
    """
    if v.raw("kernel.perf_paranoid") is not None and v.number("kernel.perf_paranoid") < 3:
        return broken(why=f"kernel.perf_event_paranoid is {v.number('kernel.perf_paranoid'):g}, wanted at least 3")
    if v.has("gpu.profiling_admin_only") and not v.flag("gpu.profiling_admin_only"):
        return broken(why="every user may read the GPU's performance counters")
    return holds()


@check(
    id="host.iommu.on",
    title="Devices reach memory only through the IOMMU",
    clause="TEE-07.iommu-on",
    kinds=(Kind.HOST,),
    needs=("iommu.groups",),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch VT-d or AMD-Vi on in the firmware, and use translated DMA: intel_iommu=on (Intel) without iommu=pt.",
        command="grubby --update-kernel=ALL --args='intel_iommu=on iommu.passthrough=0 iommu.strict=1' --remove-args='iommu=pt'",
        verify="sort /sys/kernel/iommu_groups/*/type | uniq -c shows DMA or DMA-FQ, and no identity",
        effort=Effort.MEDIUM,
    ),
    broken="{why}",
)
def iommu(v: View) -> Answer:
    """An accelerator or network card that may write anywhere in memory ends every other boundary. A virtual machine's
    devices are held by its host's IOMMU.
    """
    if v.has("host.virtual") and v.flag("host.virtual"):
        return not_applicable("a virtual machine's devices are behind its host's IOMMU")
    if v.number("iommu.groups") == 0:
        return broken(why="no IOMMU is on: every device can read and write all memory")
    bypassed = v.texts("iommu.bypassed")
    if bypassed:
        return broken(why=f"mapped one to one or behind no IOMMU: {', '.join(bypassed)}")
    return holds()


@check(
    id="host.kernel.lockdown",
    title="The kernel is locked down",
    clause="GPU-07.module-signing",
    kinds=(Kind.HOST,),
    needs=("kernel.lockdown",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Boot with Secure Boot, which locks most distributions' kernels down by itself, or add lockdown=integrity.",
        command="grubby --update-kernel=ALL --args='lockdown=integrity'",
        verify="cat /sys/kernel/security/lockdown prints [integrity] or [confidentiality]",
        effort=Effort.MEDIUM,
    ),
    broken="kernel lockdown is {mode}: root can change the running kernel",
)
def lockdown(v: View) -> Answer:
    """Without lockdown root rewrites kernel memory by /dev/mem, kexec or a module, and every measurement of the boot
    tells of a kernel that no longer runs.
    """
    mode = v.text("kernel.lockdown")
    if mode in ("", "none"):
        return broken(mode=mode or "not there")
    return (
        holds()
        if mode in _LOCKED
        else unknown(Unknown(GapCode.UNSUPPORTED, f"lockdown mode {mode[:20]!r} is not known"))
    )


@check(
    id="host.kernel.module-signing",
    title="The kernel refuses unsigned modules",
    clause="GPU-07.module-signing",
    kinds=(Kind.HOST,),
    needs=("kernel.module_sig",),
    severity=Severity.HIGH,
    fix=Fix(
        "Enforce module signatures, and sign the GPU driver's modules with a key enrolled in the firmware (MOK).",
        command="grubby --update-kernel=ALL --args='module.sig_enforce=1'",
        verify="cat /sys/module/module/parameters/sig_enforce prints Y",
        effort=Effort.MEDIUM,
    ),
    broken="modules need no signature: any driver can be put in the GPU driver's place",
)
def module_signing(v: View) -> Answer | bool:
    """A replaced GPU driver reads all video memory of all tenants. Lockdown and modules_disabled refuse unsigned
    modules as well, whatever the parameter says.
    """
    answers: list[bool | Unknown] = []
    for name, good in (
        ("kernel.module_sig", (True,)),
        ("kernel.lockdown", _LOCKED),
        ("kernel.modules_disabled", (True,)),
    ):
        if v.has(name):
            value = v.raw(name)
            answers.append(value if isinstance(value, Unknown) else value in good)
    said = any_of(answers)
    return unknown(said) if isinstance(said, Unknown) else said


@check(
    id="host.kernel.no-unsigned-module",
    title="No unsigned or forced module was loaded since boot",
    clause="GPU-07.module-signing",
    kinds=(Kind.HOST,),
    needs=("kernel.untrusted_code",),
    severity=Severity.HIGH,
    fix=Fix(
        "Find the module, sign it or take it away, and reboot: the flag stays until then.",
        command="dmesg | grep -i 'taint'; grep -l . /sys/module/*/taint",
        verify="cat /proc/sys/kernel/tainted prints a number without the bits 2 and 8192",
    ),
    broken="the kernel's taint flags say: {what}",
)
def unsigned_module(v: View) -> Answer:
    """The flag is the kernel's own record that code without a trusted signature has run in it, even when the module is
    gone.
    """
    what = v.texts("kernel.untrusted_code")
    return broken(what=" and ".join(what)) if what else holds()


@check(
    id="host.time.synchronised",
    title="The clock is held by a time source",
    clause="LOG-01.clocks-agree",
    kinds=(Kind.HOST,),
    needs=("time.synchronised",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Run chrony or systemd-timesyncd against your own time servers.",
        command="systemctl enable --now chronyd || systemctl enable --now systemd-timesyncd",
        verify="timedatectl show -p NTPSynchronized prints NTPSynchronized=yes",
    ),
    broken="the kernel's clock is not synchronised: times in this machine's logs prove nothing",
)
def clock(v: View) -> bool:
    """Events of several machines can be put in order only when their clocks agree; certificates and leases end at the
    right time only then, too.
    """
    return v.flag("time.synchronised")


CHECKS = (mitigated, smt, microcode, perf, iommu, lockdown, module_signing, unsigned_module, clock)
