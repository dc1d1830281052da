"""Made-up records of hosts in the collector's format: a good GPU node, a bad one, one seen without root, a laptop."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from strongroom.collect.sources.host import COLLECTOR
from strongroom.model.estate import Asset, Estate
from strongroom.model.kinds import Kind
from strongroom.model.ports import Request

NOW = datetime(2026, 9, 1, 12, 0, 0, tzinfo=UTC)
Sections = dict[str, tuple[str, str, list[str]]]  # name -> status, detail, lines
EFI = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
CPU = "/sys/devices/system/cpu/"
DENIED = "permission denied: run as root"


def digest(name: str, status: str, detail: str, lines: Iterable[str]) -> str:
    text = f"{name} {status} {detail}\n" + "".join(f"{line}\n" for line in lines)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write(sections: Sections) -> bytes:
    """The record that the script would write of these sections."""
    out = ["strongroom-host/1"]
    for name, (status, detail, lines) in sections.items():
        out.append(f"@ {name} {status} {digest(name, status, detail, lines)} {detail}")
        out += [f" {line}" for line in lines]
    return ("\n".join([*out, f"@end {len(sections)}"]) + "\n").encode()


def ok(*lines: str) -> tuple[str, str, list[str]]:
    return "ok", "", list(lines)


def absent(what: str) -> tuple[str, str, list[str]]:
    return "absent", what, []


def denied(what: str) -> tuple[str, str, list[str]]:
    return "denied", f"{what}: {DENIED}", []


def small(values: Mapping[str, str | None]) -> list[str]:
    """Lines of the sections of small files; None for a file that is not there."""
    return [f"ok\t{p}\t{v}" if v is not None else f"absent\t{p}\t{p}: no such file" for p, v in values.items()]


def values(overrides: Mapping[str, str | None]) -> dict[str, str | None]:
    base: dict[str, str | None] = {
        "/sys/class/dmi/id/sys_vendor": "Supermicro",
        "/sys/class/dmi/id/product_name": "SYS-821GE-TNHR",
        "/sys/class/dmi/id/product_serial": "S123456X",
        "/sys/class/dmi/id/product_uuid": "6d2b1c50-aaaa-11ee-8000-3cecef000001",
        "/sys/class/dmi/id/bios_version": "2.4",
        "/sys/class/dmi/id/bios_date": "05/17/2026",
        "/sys/module/kvm_amd/parameters/sev_snp": None,
        "/sys/module/kvm_intel/parameters/tdx": None,
        CPU + "sev/vmpl": None,
        CPU + "smt/active": "0",
        CPU + "smt/control": "off",
        "/sys/kernel/security/lockdown": "none [integrity] confidentiality",
        "/sys/module/module/parameters/sig_enforce": "Y",
        "/proc/sys/kernel/tainted": "4097",
        "/proc/sys/kernel/core_pattern": "|/usr/lib/systemd/systemd-coredump %P %u %g %s %t %c %h",
        "/proc/sys/kernel/core_uses_pid": "1",
        "/proc/sys/kernel/perf_event_paranoid": "4",
        "/proc/sys/kernel/kexec_load_disabled": "1",
        "/proc/sys/kernel/dmesg_restrict": "1",
        "/proc/sys/kernel/unprivileged_bpf_disabled": "2",
        "/proc/sys/kernel/yama/ptrace_scope": "1",
        "/proc/sys/kernel/modules_disabled": "0",
        "/sys/kernel/kexec_crash_loaded": "0",
        "/sys/power/state": "freeze mem disk",
        "/sys/class/tpm/tpm0/tpm_version_major": "2",
        "/sys/module/nvidia/version": "580.159.03",
        CPU + "vulnerabilities/meltdown": "Not affected",
        CPU + "vulnerabilities/mds": "Mitigation: Clear CPU buffers; SMT disabled",
        CPU + "vulnerabilities/spectre_v2": "Mitigation: Enhanced / Automatic IBRS; IBPB: conditional; BHI: BHI_DIS_S",
        CPU + "vulnerabilities/old_microcode": "Not affected",
        "/sys/bus/usb/devices/usb1/authorized_default": "0",
    }
    return base | dict(overrides)


def presence(overrides: Mapping[str, bool]) -> list[str]:
    base = {
        "/sys/firmware/efi": True,
        "/sys/class/tpm/tpm0": True,
        "/sys/kernel/security/tpm0/binary_bios_measurements": True,
        "/dev/sev-guest": False,
        "/dev/tdx_guest": False,
        "/dev/sgx_enclave": False,
        "/dev/ipmi0": False,
        "/proc/driver/nvidia": True,
    }
    return small({p: "" if there else None for p, there in (base | dict(overrides)).items()})


GPU = {
    "uuid": "GPU-2b1c5d70-0000-0000-0000-000000000001",
    "product_name": "NVIDIA H100 80GB HBM3",
    "product_architecture": "Hopper",
    "serial": "1650000000001",
    "vbios_version": "96.00.99.00.01",
    "gsp_firmware_version": "580.159.03",
    "compute_mode": "Default",
    "persistence_mode": "Enabled",
    "mig_mode/current_mig": "Disabled",
    "mig_mode/pending_mig": "Disabled",
    "ecc_mode/current_ecc": "Enabled",
    "ecc_mode/pending_ecc": "Enabled",
    "inforom_version/img_version": "G520.0200.00.05",
    "gpu_virtualization_mode/virtualization_mode": "None",
    "gpu_virtualization_mode/host_vgpu_mode": "N/A",
    "remapped_rows/remapped_row_failure": "No",
    "remapped_rows/remapped_row_pending": "No",
    "remapped_rows/row_remapper_histogram/row_remapper_histogram_none": "0 bank(s)",
    "dram_encryption_mode/current_dram_encryption": "Enabled",
    "dram_encryption_mode/pending_dram_encryption": "Enabled",
    "ecc_errors/volatile/dram_correctable": "2",
    "ecc_errors/volatile/dram_uncorrectable": "0",
    "ecc_errors/aggregate/dram_correctable": "7",
    "ecc_errors/aggregate/dram_uncorrectable": "1",
}


def elements(places: Mapping[str, str]) -> str:
    """Elements of paths such as `ecc_mode/current_ecc`, each group once."""
    groups: dict[str, dict[str, str]] = {}
    for path, text in places.items():
        tag, _, rest = path.partition("/")
        groups.setdefault(tag, {})[rest] = text
    return "\n".join(f"<{tag}>{inner.get('') or elements(inner)}</{tag}>" for tag, inner in groups.items())


def smi(*gpus: Mapping[str, str], attached: int | None = None, driver: str = "580.159.03") -> list[str]:
    """What `nvidia-smi -q -x` prints, with the elements that are read."""
    out = ['<?xml version="1.0" ?>', '<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v13.dtd">', "<nvidia_smi_log>"]
    out += ["<timestamp>Tue Sep  1 08:00:00 2026</timestamp>", f"<driver_version>{driver}</driver_version>"]
    out += ["<cuda_version>13.0</cuda_version>", f"<attached_gpus>{attached or len(gpus)}</attached_gpus>"]
    for n, gpu in enumerate(gpus):
        out.append(f'<gpu id="00000000:{0x53 + n:02X}:00.0">')
        out += elements({**GPU, **gpu}).splitlines()
        out += ["<mig_devices>None</mig_devices>", "<processes></processes>", "</gpu>"]
    return [*out, "</nvidia_smi_log>"]


PARAMS = {
    "CreateImexChannel0": "0",
    "DeviceFileMode": "438",
    "ModifyDeviceFiles": "1",
    "InitializeSystemMemoryAllocations": "1",
    "RmProfilingAdminOnly": "1",
    "PreserveVideoMemoryAllocations": "0",
    "EnableDbgBreakpoint": "0",
    "RegistryDwords": '""',
    "RegistryDwordsPerDevice": '""',
    "TemporaryFilePath": '"/var/tmp"',
}
CRYPTTAB = {
    "name": "nvme0n1", "kname": "nvme0n1", "type": "disk", "fstype": None, "size": 1920383410176, "mountpoint": None,
    "model": "SAMSUNG MZQL21T9", "serial": "S64GNE0R000001",
    "children": [
        {"name": "nvme0n1p1", "type": "part", "fstype": "vfat", "mountpoint": "/boot/efi",
         "parttype": "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"},
        {"name": "nvme0n1p2", "type": "part", "fstype": "ext4", "mountpoint": "/boot"},
        {"name": "nvme0n1p3", "type": "part", "fstype": "crypto_LUKS", "mountpoint": None, "children": [
            {"name": "root", "kname": "dm-0", "type": "crypt", "fstype": "LVM2_member", "mountpoint": None, "children": [
                {"name": "vg-root", "kname": "dm-1", "type": "lvm", "fstype": "ext4", "mountpoint": "/"},
                {"name": "vg-swap", "kname": "dm-2", "type": "lvm", "fstype": "swap", "mountpoint": "[SWAP]"},
            ]},
        ]},
    ],
}  # fmt: skip
SSHD = {
    "permitrootlogin": "no",
    "passwordauthentication": "no",
    "kbdinteractiveauthentication": "no",
    "authenticationmethods": "any",
    "allowtcpforwarding": "no",
    "allowagentforwarding": "no",
    "allowstreamlocalforwarding": "no",
    "permittunnel": "no",
    "x11forwarding": "no",
}


def settings(pairs: Mapping[str, str], between: str) -> list[str]:
    return [f"{k}{between}{v}" for k, v in pairs.items()]


def lsblk(*disks: object) -> tuple[str, str, list[str]]:
    return ok(*json.dumps({"blockdevices": disks}, indent=1).splitlines())


def params(**changes: str) -> tuple[str, str, list[str]]:
    return ok(*settings(PARAMS | changes, ": "))


def sshd(**changes: str) -> tuple[str, str, list[str]]:
    return ok(*settings(SSHD | changes, " "))


def good() -> Sections:
    """A bare-metal H100 node of a Slurm cluster, collected as root, where every check that can pass does."""
    return {
        "collector": ok("uid 0", "date 2026-09-01T08:00:00Z"),
        "identity": ok("hostname gpu01", "kernel Linux 6.17.0 x86_64", f"machine-id {'a1' * 16}"),
        "os-release": ok('PRETTY_NAME="Rocky Linux 10.1"', "ID=rocky"),
        "virtualisation": ok("vm none", "container none", "cvm none"),
        "firmware": ok("acpi", "dmi", "efi"),
        "values": ok(*small(values({}))),
        "drm": ok(),
        "presence": ok(*presence({})),
        "cpu": ok("processor\t: 0", "model name\t: AMD EPYC 9654", "microcode\t: 0xa101148", "flags\t\t: fpu sev sev_snp"),
        "cmdline": ok("BOOT_IMAGE=/vmlinuz root=/dev/mapper/vg-root ro"),
        "efi:SecureBoot": ok(" 06 00 00 00 01"),
        "efi:SetupMode": ok(" 06 00 00 00 00"),
        "efi:PK": ok(" 27 00 00 00 a1 59 c0 a5 e4 94 a7 4a 87 b5 ab 15", " 5c 2b f0 72 40 03 00 00"),
        "pci": ok(
            "0000:18:00.0 0x020700 0x15b3 0x1021 mlx5_core DMA-FQ -",
            "0000:53:00.0 0x030200 0x10de 0x2330 nvidia DMA-FQ -",
            "0000:62:00.0 0x030000 0x1a03 0x2000 ast DMA-FQ -",
        ),
        "iommu": ok("groups 71"),
        "net:ib0": ok("pci 0000:18:00.0", *small({"/sys/class/net/ib0/address": "00:00:10:49"}), "driver mlx5_core[ib_ipoib]",
                      "firmware-version 28.39.2048 (MT_0000000838)"),
        "ib:mlx5_0": ok("pci 0000:18:00.0", *small({"/sys/class/infiniband/mlx5_0/fw_ver": "28.39.2048",
                        "/sys/class/infiniband/mlx5_0/ports/1/link_layer": "InfiniBand"}), "pkeys 0x0000 0x7fff 0x8001 "),
        "lsblk": lsblk(CRYPTTAB),
        "swaps": ok("Filename\tType\tSize\tUsed\tPriority", "/dev/dm-2 partition\t8388604\t0\t-2"),
        "mounts": ok("proc /proc proc", "/dev/mapper/vg-root / ext4", "securityfs /sys/kernel/security securityfs"),
        "nvidia-version": ok("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.03  Release Build"),
        "nvidia-params": params(),
        "nvidia-gpu:0000:53:00.0": ok("Model: \t\t NVIDIA H100 80GB HBM3", "GPU UUID: \t GPU-2b1c5d70-0000-0000-0000-000000000001"),
        "nvidia-smi": ok(*smi({})),
        "nvidia-smi-version": ok("NVIDIA-SMI version  : 580.159.03", "NVML version        : 580.159", "DRIVER version      : 580.159.03"),
        "nvidia-cc": ok("", "    CC State                   : OFF", "    Multi-GPU Mode             : None", "    CC GPUs Ready State        : Not Ready"),
        "nvidia-cc-devtools": ok("DevTools Mode: OFF"),
        "nvidia-modinfo": ok("filename:       /lib/modules/nvidia.ko", "version:        580.159.03", "signer:         Site MOK"),
        "nvidia-modprobe": ok(),
        "nvidia-toolkit": ok("NVIDIA Container Toolkit CLI version 1.19.1", "commit: 0"),
        "nvidia-toolkit-config": ok("accept-nvidia-visible-devices-envvar-when-unprivileged = false"),
        "nvidia-bug-reports": ok(),
        "cuda-dumps": ok(),
        "sshd": sshd(),
        "sshd-match": ok(),
        "uid0": ok("root"),
        "audit-status": ok("enabled 2", "failure 1", "pid 812"),
        "audit-rules": ok("-a always,exit -F arch=b64 -S init_module,finit_module -F key=modules", "-w /etc/modprobe.d -p wa -k gpu"),
        "processes": ok("auditd", "chronyd", "slurmd", "sshd", "systemd"),
        "timedatectl": ok("NTP=yes", "NTPSynchronized=yes"),
        "adjtimex": absent("adjtimex: not installed"),
        "kdump-config": absent("/etc/kdump.conf: no such file"),
        "coredump-config": ok("Storage=none"),
        "listeners": ok("00000000:0016", "0100007F:15B3"),
        "slurm-config": ok("GresTypes=gpu", "TaskPlugin=task/affinity,task/cgroup"),
        "slurm-cgroup": ok("ConstrainDevices=yes"),
        "slurm-gres": ok("Name=gpu File=/dev/nvidia0"),
        "kubelet-config": absent("/var/lib/kubelet/config.yaml: no such file"),
    }  # fmt: skip


def bad() -> Sections:
    """The same node, neglected: everything that can be wrong is."""
    plain = {
        "name": "sda", "kname": "sda", "type": "disk", "fstype": None, "size": 480103981056, "mountpoint": None,
        "model": "INTEL SSD", "serial": "BTYF0001",
        "children": [
            {"name": "sda1", "type": "part", "fstype": "ext4", "mountpoint": "/"},
            {"name": "sda2", "type": "part", "fstype": "swap", "mountpoint": "[SWAP]"},
        ],
    }  # fmt: skip
    changed = values({
        "/sys/class/dmi/id/bios_version": "",
        CPU + "smt/active": "1",
        "/sys/module/kvm_amd/parameters/sev_snp": "N",
        "/sys/kernel/security/lockdown": "[none] integrity confidentiality",
        "/sys/module/module/parameters/sig_enforce": "N",
        "/proc/sys/kernel/tainted": "12289",
        "/proc/sys/kernel/core_pattern": "/var/crash/core.%e.%p",
        "/proc/sys/kernel/perf_event_paranoid": "1",
        "/proc/sys/kernel/yama/ptrace_scope": "0",
        "/sys/kernel/kexec_crash_loaded": "1",
        "/sys/class/tpm/tpm0/tpm_version_major": None,
        "/sys/module/nvidia/version": "570.124.06",
        CPU + "vulnerabilities/mds": "Vulnerable: Clear CPU buffers attempted, no microcode; SMT vulnerable",
        "/sys/bus/usb/devices/usb1/authorized_default": "1",
    })  # fmt: skip
    gpu = {"ecc_mode/current_ecc": "Disabled", "mig_mode/pending_mig": "Enabled", "vbios_version": "N/A",
           "ecc_errors/volatile/dram_correctable": "4000", "dram_encryption_mode/current_dram_encryption": "Disabled"}  # fmt: skip
    return good() | {
        "collector": ok("uid 0", "date 2026-08-20T08:00:00Z"),
        "values": ok(*small(changed)),
        "presence": ok(*presence({"/sys/class/tpm/tpm0": False, "/sys/kernel/security/tpm0/binary_bios_measurements": False})),
        "efi:SecureBoot": ok(" 06 00 00 00 00"),
        "efi:SetupMode": ok(" 06 00 00 00 01"),
        "efi:PK": ok(" 27 00 00 00 " + b"CN=DO NOT TRUST - AMI Test PK".hex(" ")),
        "iommu": ok("groups 0"),
        "pci": ok("0000:18:00.0 0x020700 0x15b3 0x1021 mlx5_core - -", "0000:53:00.0 0x030200 0x10de 0x2330 nvidia - -",
                  "0000:64:00.0 0x030200 0x10de 0x2330 nvidia - -"),
        "ib:mlx5_0": ok("pci 0000:18:00.0", *small({"/sys/class/infiniband/mlx5_0/fw_ver": "",
                        "/sys/class/infiniband/mlx5_0/ports/1/link_layer": "InfiniBand"}), "pkeys 0xffff 0x0000 "),
        "net:ib0": ok("pci 0000:18:00.0", "driver mlx5_core", "no-ethtool ethtool: not installed"),
        "lsblk": lsblk(plain),
        "swaps": ok("Filename\tType\tSize\tUsed\tPriority", "/dev/sda2 partition\t8388604\t0\t-2"),
        "mounts": ok("/dev/sda1 / ext4"),
        "nvidia-params": params(RmProfilingAdminOnly="0", EnableDbgBreakpoint="1", PreserveVideoMemoryAllocations="1",
                                CreateImexChannel0="1", RegistryDwords='"RMDisableScrubOnFree=1;RMOther=2"'),
        "nvidia-smi": ok(*smi(gpu, driver="570.124.06")),
        "nvidia-smi-version": ok("NVML version        : 580.159"),
        "nvidia-cc-devtools": ok("DevTools Mode: ON"),
        "nvidia-modprobe": ok("options nvidia NVreg_RestrictProfilingToAdminUsers=0 NVreg_EnableMSI=1"),
        "nvidia-bug-reports": ok("/root/nvidia-bug-report.log.gz"),
        "nvidia-modinfo": ok("version:        580.159.03"),
        "nvidia-toolkit": ok("NVIDIA Container Toolkit CLI version 1.17.3"),
        "nvidia-toolkit-config": ok("#accept-nvidia-visible-devices-envvar-when-unprivileged = true"),
        "cuda-dumps": ok("export CUDA_ENABLE_COREDUMP_ON_EXCEPTION=1"),
        "sshd": sshd(permitrootlogin="yes", passwordauthentication="yes", allowtcpforwarding="yes", permittunnel="no"),
        "uid0": ok("root", "toor"),
        "audit-status": absent("auditctl: not installed"),
        "audit-rules": absent("auditctl: not installed"),
        "processes": ok("kubelet", "nvidia-cuda-mps", "nv-hostengine", "slurmd", "sshd", "systemd"),
        "timedatectl": ok("NTP=no", "NTPSynchronized=no"),
        "kdump-config": ok("path /var/crash"),
        "listeners": ok("00000000:0016", "00000000:15B3"),
        "slurm-config": ok("GresTypes=gpu,shard", "TaskPlugin=task/none"),
        "slurm-cgroup": absent("/etc/slurm/cgroup.conf: no such file"),
        "kubelet-flags": ok("--anonymous-auth=true", "--read-only-port=10255"),
    }  # fmt: skip


def unprivileged() -> Sections:
    """The good node as an ordinary user sees it."""
    hidden = values({})
    for path in ("/sys/class/dmi/id/product_serial", "/sys/class/dmi/id/product_uuid"):
        del hidden[path]
    kept = [line for line in presence({}) if "binary_bios" not in line]
    log = "/sys/kernel/security/tpm0/binary_bios_measurements"
    return good() | {
        "collector": ok("uid 1000", "date 2026-09-01T08:00:00Z"),
        "values": ok(*small(hidden), *(f"denied\t/sys/class/dmi/id/{f}\t/sys/class/dmi/id/{f}: {DENIED}" for f in ("product_serial", "product_uuid"))),
        "presence": ok(*kept, f"denied\t{log}\t/sys/kernel/security/tpm0: {DENIED}"),
        "sshd": denied("sshd"),
        "sshd-match": denied("/etc/ssh/sshd_config.d"),
        "audit-status": denied("auditctl"),
        "audit-rules": denied("auditctl"),
        "nvidia-smi": ("failed", "nvidia-smi: exit status 255: Insufficient Permissions", []),
        "nvidia-cc": denied("nvidia-smi"),
        "nvidia-smi-version": ("failed", "nvidia-smi: exit status 4: Insufficient Permissions", []),
        "nvidia-bug-reports": denied("/root"),
        "nvidia-gpu:0000:53:00.0": ok("Model: \t\t NVIDIA H100 80GB HBM3", "GPU UUID: \t GPU-????????-????-????-????-????????????"),
        "nvidia-toolkit-config": denied("/etc/nvidia-container-runtime/config.toml"),
        "slurm-cgroup": denied("/etc/slurm/cgroup.conf"),
    }  # fmt: skip


def laptop() -> Sections:
    """A laptop without an accelerator: Secure Boot on, encrypted, no server software."""
    gone = [n for n in good() if n.startswith(("nvidia", "ib:", "net:", "slurm"))]
    kept = {n: s for n, s in good().items() if n not in gone}
    return kept | {
        "identity": ok("hostname carrel", "kernel Linux 6.12.9 x86_64", f"machine-id {'b2' * 16}"),
        "values": ok(*small(values({"/sys/module/nvidia/version": None, CPU + "vulnerabilities/old_microcode": None}))),
        "presence": ok(*presence({"/proc/driver/nvidia": False})),
        "pci": ok("0000:00:02.0 0x030000 0x8086 0xa7a0 i915 DMA-FQ -", "0000:00:14.3 0x028000 0x8086 0x51f1 iwlwifi DMA-FQ -"),
        "net:wlan0": ok("pci 0000:00:14.3", "driver iwlwifi", "firmware-version 83.e8f84e98.0"),
        "nvidia-version": absent("/proc/driver/nvidia/version: no such file"),
        "nvidia-params": absent("/proc/driver/nvidia/params: no such file"),
        "nvidia-toolkit": absent("nvidia-container-cli: not installed"),
        "nvidia-toolkit-config": absent("/etc/nvidia-container-runtime/config.toml: no such file"),
        "slurm-config": absent("/etc/slurm/slurm.conf: no such file"),
        "sshd": absent("sshd: not installed"),
        "audit-status": absent("auditctl: not installed"),
        "audit-rules": absent("auditctl: not installed"),
        "processes": ok("chronyd", "systemd"),
    }  # fmt: skip


def collect(target: Path | str, now: datetime = NOW) -> Estate:
    """What the source makes of a file or folder."""
    return COLLECTOR.collect(Request(f"host:{target}", str(target), now))


def estate(sections: Sections, folder: Path, name: str = "host.txt") -> Estate:
    """What the source makes of one record."""
    path = folder / name
    path.write_bytes(write(sections))
    return collect(path)


def one(found: Estate, kind: Kind = Kind.HOST) -> Asset:
    """The only asset of a kind."""
    assets = [a for a in found.assets if a.kind is kind]
    assert len(assets) == 1, [a.id for a in assets]
    return assets[0]
