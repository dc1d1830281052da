"""What the kernel enforces, and what it would leave behind."""

import re
from collections.abc import Iterator

from strongroom.collect.host.reading import Reading, Said
from strongroom.collect.host.storage import Storage
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value

_SYSCTL = "/proc/sys/kernel/"
_UNSYNC = 0x40  # STA_UNSYNC of adjtimex(2)
# Bits of the taint flags (kernel documentation, "Tainted kernels").
_TAINTS = ((1, "a module was loaded by force"), (13, "an unsigned module was loaded"))
_NOWHERE = ("/bin/false", "/bin/true", "/usr/bin/false", "/usr/bin/true")
_DAEMONS = ("chronyd", "systemd-timesyn", "ntpd", "ntpsec", "openntpd", "ptp4l", "phc2sys")
# Where programs that take core dumps keep them: systemd-coredump(8), apport(1), abrt.conf(5).
_KEEPERS = {
    "systemd-coredump": "/var/lib/systemd/coredump",
    "apport": "/var/crash",
    "abrt-hook-ccpp": "/var/spool/abrt",
}


def facts(r: Reading, storage: Storage) -> Iterator[Said]:
    """Everything of this file's subject."""
    yield "kernel.lockdown", _lockdown(r), "values"
    yield "kernel.module_sig", _enforced(r), "values"
    yield "kernel.modules_disabled", r.flag(_SYSCTL + "modules_disabled") or False, "values"
    yield from _taint(r)
    yield "kernel.perf_paranoid", r.number(_SYSCTL + "perf_event_paranoid"), "values"
    yield "kernel.ptrace_scope", r.number(_SYSCTL + "yama/ptrace_scope"), "values"
    yield "kernel.kexec_disabled", r.flag(_SYSCTL + "kexec_load_disabled"), "values"
    yield "kernel.dmesg_restrict", r.flag(_SYSCTL + "dmesg_restrict"), "values"
    yield "kernel.bpf_restricted", r.number(_SYSCTL + "unprivileged_bpf_disabled"), "values"
    lines = r.lines("cmdline")
    yield "kernel.cmdline", " ".join(lines) if isinstance(lines, tuple) else lines, "cmdline"
    yield from _iommu(r)
    yield from _time(r)
    yield from _core(r, storage)
    yield from _kdump(r, storage)


def _lockdown(r: Reading) -> str | Unknown:
    text = r.value("/sys/kernel/security/lockdown")
    if isinstance(text, str):
        found = re.search(r"\[(\w+)\]", text)
        return found[1] if found else Unknown(GapCode.MALFORMED, f"/sys/kernel/security/lockdown: found {text[:40]!r}")
    if text is not None:
        return text
    mounts = r.lines("mounts")
    if isinstance(mounts, tuple) and any(m.split()[1:2] == ["/sys/kernel/security"] for m in mounts):
        return "none"  # securityfs is mounted and has no such file: the kernel was built without lockdown
    return Unknown(GapCode.ABSENT, "/sys/kernel/security/lockdown: no such file; mount securityfs")


def _enforced(r: Reading) -> bool | Unknown:
    """A kernel without the parameter was built without module signatures: it takes any module."""
    return r.flag("/sys/module/module/parameters/sig_enforce") or False


def _taint(r: Reading) -> Iterator[Said]:
    flags = r.number(_SYSCTL + "tainted")
    yield "kernel.tainted", flags, "values"
    code: Value = flags
    if isinstance(flags, int):
        code = tuple(what for bit, what in _TAINTS if flags & 1 << bit)
    yield "kernel.untrusted_code", code, "values"


def _iommu(r: Reading) -> Iterator[Said]:
    """How many IOMMU groups there are, and which accelerators and network cards are in none, or mapped one to one."""
    lines = r.lines("iommu")
    if lines is None:
        lines = ("groups 0",)
    if isinstance(lines, Unknown):
        yield "iommu.groups", lines, "iommu"
        return
    count = r.words("iommu").get("groups", "0")
    yield "iommu.groups", int(count) if count.isdigit() else 0, "iommu"
    pci = r.lines("pci")
    bypass: Value = pci
    if isinstance(pci, tuple):
        rows = [line.split() for line in pci]
        bypass = tuple(f"{p[0]} {p[4]} {p[5]}" for p in rows if len(p) == 7 and p[5] in ("-", "identity"))
    yield "iommu.bypassed", bypass, "pci"


def _time(r: Reading) -> Iterator[Said]:
    said = r.lines("timedatectl")
    if isinstance(said, tuple) and any(line.startswith("NTPSynchronized=") for line in said):
        yield "time.synchronised", "NTPSynchronized=yes" in said, "timedatectl"
    else:
        lines = r.lines("adjtimex")
        status = re.search(r"status:\s+(\d+)", "\n".join(lines)) if isinstance(lines, tuple) else None
        doubt = Unknown(GapCode.ABSENT, "neither timedatectl nor adjtimex is there to ask the kernel's clock")
        yield "time.synchronised", not int(status[1]) & _UNSYNC if status else doubt, "adjtimex"
    names = r.lines("processes")
    if isinstance(names, tuple):
        yield "time.daemons", tuple(n for n in names if n in _DAEMONS), "processes"


def _core(r: Reading, storage: Storage) -> Iterator[Said]:
    """Where core dumps go (empty: nowhere) and whether that is encrypted; core(5)."""
    target = _core_target(r)
    yield "dump.core", target, "values"
    if isinstance(target, Unknown):
        yield "dump.core_protected", target, "values"
    elif target.startswith("/"):
        yield "dump.core_protected", storage.protects(target), "mounts"
    elif target.startswith("|"):
        doubt = Unknown(GapCode.UNDECIDED, f"core dumps are piped to {target[1:80]}: where it keeps them is not known")
        yield "dump.core_protected", doubt, "values"
    elif target:
        yield "dump.core_protected", storage.protects_everything(), "lsblk"


def _core_target(r: Reading) -> str | Unknown:
    pattern = r.value(_SYSCTL + "core_pattern")
    if pattern is None:
        return ""  # a kernel without CONFIG_COREDUMP has no such file
    if isinstance(pattern, Unknown):
        return pattern
    if not pattern:
        return "" if r.value(_SYSCTL + "core_uses_pid") == "0" else "the working folder of each process"
    if pattern.startswith("|"):
        return _piped(r, pattern[1:].split())
    if pattern == "/dev/null":
        return ""
    return pattern.rpartition("/")[0] or "/" if pattern.startswith("/") else "the working folder of each process"


def _piped(r: Reading, command: list[str]) -> str | Unknown:
    program = command[0] if command else ""
    if program in _NOWHERE or not program:
        return ""
    keeper = program.rpartition("/")[2]
    if keeper == "systemd-coredump":
        lines = r.lines("coredump-config")
        if isinstance(lines, Unknown):
            return lines
        settings = [line.replace(" ", "").lower() for line in lines or () if not line.strip().startswith("#")]
        stored = [s.partition("=")[2] for s in settings if s.startswith("storage=")]
        if stored[-1:] == ["none"]:
            return ""
        if stored[-1:] == ["journal"]:
            return "/var/log/journal"
    return _KEEPERS.get(keeper, f"|{program}")


def _kdump(r: Reading, storage: Storage) -> Iterator[Said]:
    """Whether a crash kernel waits, where it writes the machine's memory, and whether that is encrypted."""
    armed = r.flag("/sys/kernel/kexec_crash_loaded")
    if not armed:
        yield "dump.kdump", armed if isinstance(armed, Unknown) else "", "values"
        return
    lines = r.lines("kdump-config")
    if isinstance(lines, Unknown):
        yield "dump.kdump", "an unknown place", "values"
        yield "dump.kdump_protected", lines, "kdump-config"
        return
    settings = {
        k.lower(): v.strip(" \"'")
        for k, v in (re.split(r"[\s=]+", s.strip(), maxsplit=1) for s in lines or () if re.search(r"[\s=]", s.strip()))
    }
    remote = next((k for k in ("ssh", "nfs", "raw", "kdump_remote") if settings.get(k)), "")
    path = settings.get("path") or settings.get("kdump_coredir") or "/var/crash"  # the default of kdump.conf(5)
    yield "dump.kdump", f"{remote} {settings[remote]}" if remote else path, "kdump-config"
    elsewhere = Unknown(GapCode.OUTSIDE, f"crash dumps go to {remote} {settings.get(remote, '')}: not on this machine")
    yield "dump.kdump_protected", elsewhere if remote else storage.protects(path), "kdump-config"
