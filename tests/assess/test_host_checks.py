"""The checks of machines and accelerators: one table of verdicts per machine, and the cases between."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import host_records as hosts
from strongroom.app.catalogue import catalogue
from strongroom.assess.judge import findings
from strongroom.assess.prose import because
from strongroom.kit.rooms import room
from strongroom.model.codes import Status
from strongroom.model.control import Finding
from strongroom.model.ports import Check

FILES = (
    "gpu_device", "gpu_memory", "host_access", "host_boot", "host_gpu", "host_gpu_options", "host_inventory", "host_kernel",
    "host_remains",
)  # fmt: skip
CHECKS: tuple[Check, ...] = tuple(
    c for name, part in room("strongroom.assess.checks", "CHECKS", tuple).items() if name in FILES for c in part
)

# Verdicts on: the good node, the bad one, the good one seen without root, a laptop, a confidential VM.
# p pass, f fail, u unknown, n not applicable, - not asked (the machine has no such thing).
TABLE = """
boot.host.secure-boot                    p f p p p
boot.host.setup-mode                     p f p p p
boot.host.platform-key                   p f p p p
boot.host.tpm-present                    p f p p p
boot.host.event-log                      p - u p p
enc.host.disk                            p f p p p
enc.host.swap                            p f p p p
gpu.gpu.cc-mode                          n n n - p
gpu.gpu.cc-no-devtools                   n n u - p
gpu.gpu.config-applied                   p f u - p
gpu.gpu.dram-encrypted                   n n n - p
gpu.gpu.ecc-on                           p f u - p
gpu.gpu.fabric-one-tenant                - - - - -
gpu.gpu.firmware-of-driver               p f u - p
gpu.gpu.isolation-enforced               - - - - -
gpu.gpu.memory-sound                     p f u - p
gpu.gpu.mig-when-shared                  p f u - p
gpu.gpu.no-open-fault                    n u u - n
gpu.gpu.shared-memory-has-ecc            p f u - p
gpu.host.dcgm-local-only                 p f p - p
gpu.host.debugger-off                    p f p - p
gpu.host.device-files-restricted         p f u - p
gpu.host.driver-loaded-equals-installed  p f p - p
gpu.host.driver-patched                  p f p - p
gpu.host.library-of-driver               p f u - p
gpu.host.no-attaching                    p f p n p
gpu.host.no-bug-reports                  p f u - p
gpu.host.no-cuda-core-dumps              p f p - p
gpu.host.no-default-channel              p f p - p
gpu.host.no-time-slicing                 p f p - p
gpu.host.options-sound                   p f p - p
gpu.host.profiling-restricted            p f p - p
gpu.host.scrub-on-free                   p f p - p
gpu.host.toolkit-no-envvar               p f u - p
gpu.host.toolkit-patched                 p f p - p
gpu.host.vram-not-written-to-disk        p f p - p
host.cpu.mitigated                       p f p p p
host.cpu.smt                             n n n n p
host.dump.core-protected                 p f p n p
host.dump.kdump-protected                p f p n p
host.iommu.on                            p f p p n
host.kernel.core-dumps                   n n n n p
host.kernel.lockdown                     p f p p p
host.kernel.module-signing               p f p p p
host.kernel.no-unsigned-module           p f p p p
host.kubelet.no-anonymous                - f - - -
host.kubelet.no-read-only-port           - f - - -
host.perf.paranoid                       p f p p p
host.slurm.constrains-devices            p f u - p
host.ssh.no-forwarding                   p f u n p
host.ssh.no-password                     p f u n p
host.ssh.no-root                         p f u n p
host.time.synchronised                   p f p p p
host.usb.locked                          p f p p n
host.versions.recorded                   p f u p p
iam.host.one-root                        p f p p p
inv.gpu.recorded                         p f u - p
inv.host.gpus-agree                      p f u - p
inv.host.recorded                        p f p p p
inv.nic.firmware-recorded                p u p p p
log.host.auditd                          p f u f p
mon.host.agent-runs                      p f p f p
mon.host.rules-loaded                    p f u n p
net.nic.fabric-partitioned               p f p - p
tee.host.confidential                    f f f n p
tee.host.microcode-current               p f p u n
"""
LETTERS = {"p": Status.PASS, "f": Status.FAIL, "u": Status.UNKNOWN, "n": Status.NOT_APPLICABLE}


def cvm() -> hosts.Sections:
    """The good node as a confidential VM with a GPU in confidential mode."""
    return hosts.good() | {
        "virtualisation": hosts.ok("vm kvm", "container none", "cvm sev-snp"),
        "nvidia-cc": hosts.ok("    CC State                   : ON", "    CC GPUs Ready State        : Ready"),
    }


MACHINES: dict[str, Callable[[], hosts.Sections]] = {
    "good": hosts.good,
    "bad": hosts.bad,
    "unprivileged": hosts.unprivileged,
    "laptop": hosts.laptop,
    "cvm": cvm,
}
ROWS = [line.split() for line in TABLE.strip().splitlines()]


def verdicts(sections: Mapping[str, tuple[str, str, list[str]]], folder: Path) -> dict[str, list[Finding]]:
    found = hosts.estate(dict(sections), folder)
    out: dict[str, list[Finding]] = defaultdict(list)
    for f in findings(found.assets, CHECKS, hosts.NOW):
        out[f.check].append(f)
    return out


def one(check: str, folder: Path, **changes: tuple[str, str, list[str]]) -> Finding:
    """The answer of one check for the good node with some sections exchanged; `_` in a name stands for `-`."""
    sections = hosts.good() | {n.replace("_", "-"): s for n, s in changes.items()}
    (found,) = verdicts(sections, folder)[check]
    return found


def values(changes: dict[str, str | None]) -> tuple[str, str, list[str]]:
    return hosts.ok(*hosts.small(hosts.values(changes)))


def test_the_table_has_every_check() -> None:
    """No check of these files is without a row, and no row without a check."""
    assert {row[0] for row in ROWS} == {c.id for c in CHECKS}


@pytest.mark.parametrize("machine", MACHINES)
def test_every_check_answers_as_the_table_says(machine: str, tmp_path: Path) -> None:
    """For each machine each check gives its verdict; of several assets the worst one stands in the table."""
    column = list(MACHINES).index(machine) + 1
    order = (Status.FAIL, Status.UNKNOWN, Status.PASS, Status.NOT_APPLICABLE)
    found = {
        check: min((f.status for f in fs), key=order.index)
        for check, fs in verdicts(MACHINES[machine](), tmp_path).items()
    }
    assert found == {row[0]: LETTERS[row[column]] for row in ROWS if row[column] != "-"}


@pytest.mark.parametrize("machine", MACHINES)
def test_every_finding_reads_as_a_sentence(machine: str, tmp_path: Path) -> None:
    """Each verdict is told in words without a hole, and names the facts that it stands on."""
    for fs in verdicts(MACHINES[machine](), tmp_path).values():
        for f in fs:
            told = because(f, catalogue())
            assert "?" not in told
            assert len(told) > 10
            assert f.facts


def test_facts_without_root_say_run_as_root(tmp_path: Path) -> None:
    """Every unknown of the unprivileged run names what was refused, or the program that failed."""
    for fs in verdicts(hosts.unprivileged(), tmp_path).values():
        for f in fs:
            if f.status is Status.UNKNOWN:
                text = dict(f.arguments)["because"]
                assert "run as root" in text or "Insufficient Permissions" in text


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("Not affected", Status.PASS),
        ("Mitigation: PTE Inversion; VMX: conditional cache flushes, SMT vulnerable", Status.PASS),
        ("Mitigation: PTE Inversion; VMX: vulnerable", Status.FAIL),
        ("Mitigation: Retpolines; STIBP: disabled; BHI: Vulnerable", Status.FAIL),
        ("KVM: Mitigation: VMX unsupported", Status.PASS),
        ("KVM: Vulnerable", Status.FAIL),
        ("Processor vulnerable", Status.FAIL),
        ("Vulnerable; SMT vulnerable", Status.FAIL),
        ("Mitigation: Clear CPU buffers; SMT Host state unknown", Status.PASS),
        ("Unknown: Dependent on hypervisor status", Status.UNKNOWN),
        ("Unknown: No mitigations", Status.UNKNOWN),
    ],
)
def test_the_kernels_words_on_processor_flaws(state: str, status: Status, tmp_path: Path) -> None:
    """A flaw that is open in one of its parts is open; what the kernel cannot tell is unknown."""
    changed = values({"/sys/devices/system/cpu/vulnerabilities/l1tf": state})
    assert one("host.cpu.mitigated", tmp_path, values=changed).status is status


@pytest.mark.parametrize(
    ("settings", "match", "status"),
    [
        ({}, [], Status.PASS),
        ({"permitrootlogin": "forced-commands-only"}, [], Status.PASS),
        ({"permitrootlogin": "prohibit-password"}, [], Status.FAIL),
        ({"permitrootlogin": "without-password"}, [], Status.FAIL),
        ({}, ["permitrootlogin yes Match Address 10.0.0.0/8"], Status.FAIL),
        ({}, ["permitrootlogin no Match User git"], Status.PASS),
    ],
)
def test_root_is_shut_out_in_match_blocks_too(
    settings: dict[str, str], match: list[str], status: Status, tmp_path: Path
) -> None:
    """A key of root's is a shared account as well, and a Match block can open again what is closed."""
    found = one("host.ssh.no-root", tmp_path, sshd=hosts.sshd(**settings), sshd_match=hosts.ok(*match))
    assert found.status is status


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"kbdinteractiveauthentication": "yes"}, Status.FAIL),
        (
            {"kbdinteractiveauthentication": "yes", "authenticationmethods": "publickey,keyboard-interactive"},
            Status.PASS,
        ),
        ({"passwordauthentication": "yes", "authenticationmethods": "publickey,password password"}, Status.FAIL),
    ],
)
def test_a_second_factor_is_no_password_login(settings: dict[str, str], status: Status, tmp_path: Path) -> None:
    """A password counts when it opens the session alone, also by the way of PAM's questions."""
    assert one("host.ssh.no-password", tmp_path, sshd=hosts.sshd(**settings)).status is status


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"PreserveVideoMemoryAllocations": "1"}, Status.PASS),
        ({"PreserveVideoMemoryAllocations": "1", "TemporaryFilePath": '"/boot/vram"'}, Status.FAIL),
        ({"PreserveVideoMemoryAllocations": "1", "TemporaryFilePath": '"/mnt/nfs"'}, Status.UNKNOWN),
        ({"PreserveVideoMemoryAllocations": "1", "TemporaryFilePath": '"/dev/shm"'}, Status.PASS),
        ({"PreserveVideoMemoryAllocations": "strange"}, Status.UNKNOWN),
    ],
    ids=["on an encrypted disk", "on an open one", "elsewhere", "in memory", "not understood"],
)
def test_saved_video_memory_is_as_safe_as_its_folder(
    parameters: dict[str, str], status: Status, tmp_path: Path
) -> None:
    """The driver's folder is traced to the device below it; one on another machine is unknown."""
    mounts = hosts.ok(
        "/dev/mapper/vg-root / ext4", "/dev/nvme0n1p2 /boot ext4", "srv:/x /mnt/nfs nfs4", "tmpfs /dev/shm tmpfs"
    )
    found = one("gpu.host.vram-not-written-to-disk", tmp_path, nvidia_params=hosts.params(**parameters), mounts=mounts)
    assert found.status is status


def test_a_machine_that_cannot_sleep_saves_nothing(tmp_path: Path) -> None:
    """Video memory is saved on suspend only; a kernel without it never does."""
    found = one(
        "gpu.host.vram-not-written-to-disk",
        tmp_path,
        values=values({"/sys/power/state": ""}),
        nvidia_params=hosts.params(PreserveVideoMemoryAllocations="1", TemporaryFilePath='"/boot"'),
    )
    assert found.status is Status.PASS


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ("580.159.03", Status.PASS),
        ("580.159.02", Status.FAIL),
        ("580.95.05", Status.FAIL),
        ("535.309.01", Status.PASS),
        ("535.1000.01", Status.PASS),
        ("570.211.01", Status.FAIL),
        ("470.256.02", Status.FAIL),
        ("610.10.01", Status.UNKNOWN),
        ("580.x", Status.UNKNOWN),
    ],
)
def test_driver_versions_are_numbers_within_their_branch(version: str, status: Status, tmp_path: Path) -> None:
    """A branch without fixes is never good, a newer one never judged, and 1000 is more than 309."""
    changed = values({"/sys/module/nvidia/version": version})
    assert one("gpu.host.driver-patched", tmp_path, values=changed).status is status


def test_an_old_list_of_fixes_says_nothing_of_a_good_version(tmp_path: Path) -> None:
    """Silence of bulletins that are months old is no proof; what they do name stays a failure."""
    later = hosts.NOW.replace(month=12)

    def judged(sections: hosts.Sections) -> Status:
        assets = hosts.estate(sections, tmp_path).assets
        return next(f.status for f in findings(assets, CHECKS, later) if f.check == "gpu.host.driver-patched")

    assert (judged(hosts.good()), judged(hosts.bad())) == (Status.UNKNOWN, Status.FAIL)


@pytest.mark.parametrize(
    ("date", "record", "versions"),
    [
        ("2026-09-01T08:00:00Z", Status.PASS, Status.PASS),
        ("2026-08-30T08:00:00Z", Status.FAIL, Status.PASS),
        ("2026-08-20T08:00:00Z", Status.FAIL, Status.FAIL),
        ("2026-09-02T08:00:00Z", Status.UNKNOWN, Status.UNKNOWN),
        ("yesterday", Status.UNKNOWN, Status.UNKNOWN),
    ],
)
def test_a_record_ages(date: str, record: Status, versions: Status, tmp_path: Path) -> None:
    """A day for the record, a week for the versions; a time ahead of ours is no time."""
    stamp = hosts.ok("uid 0", f"date {date}")
    assert one("inv.host.recorded", tmp_path, collector=stamp).status is record
    assert one("host.versions.recorded", tmp_path, collector=stamp).status is versions


@pytest.mark.parametrize(
    ("sections", "anonymous", "port"),
    [
        ({"kubelet-flags": hosts.ok("--config=/var/lib/kubelet/config.yaml"), "kubelet-config": hosts.ok("file /var/lib/kubelet/config.yaml",
          "  anonymous:", "    enabled: false", "readOnlyPort: 0")}, Status.PASS, Status.PASS),
        ({"kubelet-flags": hosts.ok("--config=/var/lib/kubelet/config.yaml"), "kubelet-config": hosts.ok("file /var/lib/kubelet/config.yaml")},
         Status.PASS, Status.PASS),
        ({"kubelet-flags": hosts.ok("--config=/var/lib/kubelet/config.yaml"), "kubelet-config": hosts.ok("file /var/lib/kubelet/config.yaml",
          '  "anonymous":', '   "enabled": true', '  "readOnlyPort": 10255')}, Status.FAIL, Status.FAIL),
        ({"kubelet-flags": hosts.ok("--config=/var/lib/kubelet/config.yaml", "--anonymous-auth=false"), "kubelet-config":
          hosts.ok("file /var/lib/kubelet/config.yaml", "anonymous:", "enabled: true")}, Status.PASS, Status.PASS),
        ({"kubelet-flags": hosts.ok()}, Status.FAIL, Status.FAIL),
        ({"kubelet-flags": hosts.ok("--config=/opt/k.yaml")}, Status.UNKNOWN, Status.UNKNOWN),
        ({"processes": hosts.ok("k3s-server")}, Status.UNKNOWN, Status.UNKNOWN),
    ],
    ids=["closed", "defaults of a file", "open JSON", "flag wins", "defaults of flags", "elsewhere", "k3s"],
)  # fmt: skip
def test_the_kubelets_doors(sections: hosts.Sections, anonymous: Status, port: Status, tmp_path: Path) -> None:
    """Flags win over the file; what neither says depends on whether there is a file; a file elsewhere is unknown."""
    found = verdicts(hosts.good() | sections, tmp_path)
    assert [found[f"host.kubelet.{n}"][0].status for n in ("no-anonymous", "no-read-only-port")] == [anonymous, port]


@pytest.mark.parametrize(
    ("cgroup", "plugin", "status"),
    [
        (hosts.ok("ConstrainDevices=yes"), "task/affinity,task/cgroup", Status.PASS),
        (hosts.ok("ConstrainDevices=yes"), "task/none", Status.FAIL),
        (hosts.ok("ConstrainCores=yes"), "task/cgroup", Status.FAIL),
        (hosts.ok("#ConstrainDevices=yes"), "task/cgroup", Status.FAIL),
        (hosts.absent("/etc/slurm/cgroup.conf: no such file"), "task/cgroup", Status.FAIL),
        (hosts.denied("/etc/slurm/cgroup.conf"), "task/cgroup", Status.UNKNOWN),
    ],
)
def test_slurm_constrains_devices_only_with_its_plugin(
    cgroup: tuple[str, str, list[str]], plugin: str, status: Status, tmp_path: Path
) -> None:
    """The setting without the plugin, a comment, and no file at all constrain nothing."""
    slurm = hosts.ok("GresTypes=gpu", f"TaskPlugin={plugin}")
    assert one("host.slurm.constrains-devices", tmp_path, slurm_cgroup=cgroup, slurm_config=slurm).status is status


@pytest.mark.parametrize(
    ("cc", "devtools", "status"),
    [
        (["CC State : ON", "CC GPUs Ready State : Ready"], "DevTools Mode: OFF", Status.PASS),
        (["CC State : ON", "CC GPUs Ready State : Not Ready"], "DevTools Mode: OFF", Status.FAIL),
        (["CC State : ON", "CC GPUs Ready State : Ready"], "DevTools Mode: ON", Status.FAIL),
        (["CC State : OFF", "CC GPUs Ready State : Not Ready"], "DevTools Mode: OFF", Status.FAIL),
        (["CC State : ON", "CC GPUs Ready State : Ready"], "", Status.UNKNOWN),
    ],
)
def test_a_confidential_vm_needs_a_confidential_gpu(
    cc: list[str], devtools: str, status: Status, tmp_path: Path
) -> None:
    """On, not in devtools mode, and set ready; when devtools mode is not known, neither is the answer."""
    sections = cvm() | {"nvidia-cc": hosts.ok(*cc), "nvidia-cc-devtools": hosts.ok(devtools)}
    assert verdicts(sections, tmp_path)["gpu.gpu.cc-mode"][0].status is status


@pytest.mark.parametrize(
    ("state", "status"),
    [("0", Status.FAIL), ("1 1 1 1", Status.PASS), ("1 0 1 1", Status.FAIL), (None, Status.UNKNOWN)],
)
def test_isolation_on_amd_is_for_every_partition(state: str | None, status: Status, tmp_path: Path) -> None:
    """One open partition is enough to listen; a kernel without the setting is unknown."""
    sections = hosts.good() | {
        "pci": hosts.ok("0000:c1:00.0 0x120000 0x1002 0x74a1 amdgpu DMA-FQ -"),
        "drm": hosts.ok("card1 0000:c1:00.0"),
        "values": values({"/sys/class/drm/card1/device/enforce_isolation": state, "/sys/class/drm/card1/device/product_name": "MI300X",
                          "/sys/class/drm/card1/device/vbios_version": "1", "/sys/class/drm/card1/device/unique_id": "0x1"}),
    }  # fmt: skip
    found = verdicts(sections, tmp_path)["gpu.gpu.isolation-enforced"]
    assert [f.status for f in found] == [status]


def test_passthrough_mapping_is_no_iommu(tmp_path: Path) -> None:
    """With iommu=pt there are groups, and the cards still reach all memory."""
    pci = hosts.ok("0000:18:00.0 0x020700 0x15b3 0x1021 mlx5_core identity -")
    found = one("host.iommu.on", tmp_path, pci=pci)
    assert found.status is Status.FAIL
    assert "0000:18:00.0 mlx5_core identity" in dict(found.arguments)["why"]


def test_lockdown_makes_signatures_compulsory(tmp_path: Path) -> None:
    """The parameter may say N: a locked kernel refuses unsigned modules all the same."""
    off = {"/sys/module/module/parameters/sig_enforce": "N"}
    assert one("host.kernel.module-signing", tmp_path, values=values(off)).status is Status.PASS
    both = off | {"/sys/kernel/security/lockdown": "[none] integrity"}
    assert one("host.kernel.module-signing", tmp_path, values=values(both)).status is Status.FAIL


def test_the_closed_driver_does_not_show_what_it_clears(tmp_path: Path) -> None:
    """Whether the closed driver scrubs is unknown, whatever its options say."""
    closed = hosts.ok("NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.159.03  Release Build")
    assert one("gpu.host.scrub-on-free", tmp_path, nvidia_version=closed).status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("check", "sections"),
    [
        ("boot.host.event-log", {"presence": hosts.ok(*hosts.presence({"/sys/kernel/security/tpm0/binary_bios_measurements": False}))}),
        ("boot.host.tpm-present", {"values": values({"/sys/class/tpm/tpm0/tpm_version_major": "1"})}),
        ("host.cpu.smt", {"values": values({"/sys/devices/system/cpu/smt/active": "1"})}),
        ("host.kernel.core-dumps", {"coredump-config": hosts.ok("Storage=external")}),
        ("inv.nic.firmware-recorded", {"ib:mlx5_0": hosts.ok("pci 0000:18:00.0"), "net:ib0": hosts.ok("pci 0000:18:00.0", "driver mlx5_core")}),
        ("gpu.gpu.ecc-on", {"nvidia-smi": hosts.ok(*hosts.smi({"ecc_mode/pending_ecc": "Disabled"}))}),
        ("gpu.gpu.ecc-on", {"nvidia-smi": hosts.ok(*hosts.smi({"ecc_mode/current_ecc": "N/A", "ecc_mode/pending_ecc": "N/A"}))}),
        ("mon.host.rules-loaded", {"audit-rules": hosts.ok("-w /etc/passwd -p wa")}),
        ("log.host.auditd", {"audit-rules": hosts.ok("No rules")}),
        ("host.perf.paranoid", {"nvidia-params": hosts.params(RmProfilingAdminOnly="0")}),
        ("gpu.host.dcgm-local-only", {"listeners": hosts.ok("00000000000000000000000000000000:15B3")}),
    ],
)  # fmt: skip
def test_what_the_table_does_not_show_failing(check: str, sections: hosts.Sections, tmp_path: Path) -> None:
    """Each of these states is seen for what it is on a confidential VM that is good otherwise."""
    found = verdicts(cvm() | sections, tmp_path)[check]
    wanted = Status.UNKNOWN if check == "inv.nic.firmware-recorded" else Status.FAIL
    assert [f.status for f in found] == [wanted]


def test_rules_of_another_agent_are_not_guessed(tmp_path: Path) -> None:
    """Where an agent with rules of its own runs, missing audit rules are no failure, and no pass."""
    found = one(
        "mon.host.rules-loaded", tmp_path, audit_rules=hosts.ok("No rules"), processes=hosts.ok("falco", "slurmd")
    )
    assert found.status is Status.UNKNOWN


def test_a_guest_is_not_blamed_for_its_hosts_microcode(tmp_path: Path) -> None:
    """What a virtual machine's kernel says of microcode is what its host shows."""
    changed = values(
        {"/sys/devices/system/cpu/vulnerabilities/mds": "Vulnerable: Clear CPU buffers attempted, no microcode"}
    )
    guest = hosts.ok("vm kvm", "container none", "cvm none")
    found = one("tee.host.microcode-current", tmp_path, values=changed, virtualisation=guest)
    assert found.status is Status.NOT_APPLICABLE
