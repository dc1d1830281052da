"""Machines as assets: ids that last, facts with their reasons, GPUs, cards and disks, and hostile XML."""

import re
from pathlib import Path

import pytest

import host_records as hosts
import synthetic
from strongroom.collect.host import smi
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput, Malformed, TooLarge
from strongroom.model.estate import Estate
from strongroom.model.facts import FACTS
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value

RECORDS = {"good": hosts.good, "bad": hosts.bad, "unprivileged": hosts.unprivileged, "laptop": hosts.laptop}


def fact(folder: Path, name: str, kind: Kind = Kind.HOST, **changes: tuple[str, str, list[str]]) -> Value:
    """A fact of the good node with some sections exchanged; `_` in a name stands for `-`."""
    sections = hosts.good() | {n.replace("_", "-"): s for n, s in changes.items()}
    return hosts.one(hosts.estate(sections, folder), kind).value(name)


def values(changes: dict[str, str | None]) -> tuple[str, str, list[str]]:
    return hosts.ok(*hosts.small(hosts.values(changes)))


# Identity


def test_a_node_is_a_host_with_its_parts(tmp_path: Path) -> None:
    """One record makes one host, and one asset for each GPU, card and disk that points back to it."""
    found = hosts.estate(hosts.good(), tmp_path)
    assert [a.kind for a in found.assets] == [Kind.HOST, Kind.GPU, Kind.NIC, Kind.DISK]
    machine = hosts.one(found)
    assert (machine.id, machine.name) == (f"host:{'a1' * 16}", "gpu01")
    assert hosts.one(found, Kind.GPU).id == "gpu:GPU-2b1c5d70-0000-0000-0000-000000000001"
    assert {r.id for a in found.assets for r in a.refs} == {machine.id}
    assert found.gaps == ()


@pytest.mark.parametrize("make", RECORDS.values(), ids=RECORDS.keys())
def test_every_fact_is_of_the_vocabulary(make: object, tmp_path: Path) -> None:
    """Every fact that the source makes has a name and a type of the vocabulary, and a place in the file."""
    assert callable(make)
    found = hosts.estate(make(), tmp_path)
    for asset in found.assets:
        for name, known in asset.facts.items():
            assert name in FACTS
            assert synthetic.fits(FACTS[name][0], known.value), (name, known.value)
            assert known.where is not None
            assert known.where.line_start > 0


@pytest.mark.parametrize("make", RECORDS.values(), ids=RECORDS.keys())
def test_every_unknown_names_its_cause(make: object, tmp_path: Path) -> None:
    """What is not known says which file, permission or program is missing."""
    assert callable(make)
    for asset in hosts.estate(make(), tmp_path).assets:
        for known in asset.facts.values():
            if isinstance(known.value, Unknown):
                assert re.search(
                    r"/|sshd|auditctl|nvidia-smi|lsblk|ethtool|modinfo|scheduler|timedatectl", known.value.detail
                ), known


def test_the_id_is_the_same_with_and_without_root(tmp_path: Path) -> None:
    """The machine and its place on the bus keep their names when an ordinary user collects."""
    root, user = hosts.estate(hosts.good(), tmp_path), hosts.estate(hosts.unprivileged(), tmp_path)
    assert hosts.one(root).id == hosts.one(user).id
    assert hosts.one(user, Kind.GPU).id in hosts.one(root, Kind.GPU).aliases


def test_without_a_machine_id_the_mainboard_names_the_host(tmp_path: Path) -> None:
    """The mainboard's UUID comes second, the name last; a UUID that nobody set is none."""
    nameless = hosts.ok("hostname gpu01", "kernel Linux 6.17.0 x86_64", "no-machine-id /etc/machine-id: empty")
    assert fact(tmp_path, "host.id_source", identity=nameless) == "dmi-uuid"
    blank = values({"/sys/class/dmi/id/product_uuid": "00000000-0000-0000-0000-000000000000"})
    assert fact(tmp_path, "host.id_source", identity=nameless, values=blank) == "hostname"


def test_two_records_of_one_machine_are_one_host(tmp_path: Path) -> None:
    """Of two records of a machine the newer one counts."""
    old = hosts.good() | {"collector": hosts.ok("uid 1000", "date 2026-08-01T08:00:00Z")}
    (tmp_path / "a.txt").write_bytes(hosts.write(old))
    (tmp_path / "b.txt").write_bytes(hosts.write(hosts.good()))
    found = hosts.collect(tmp_path)
    assert hosts.one(found).value("host.collected_at") == "2026-09-01T08:00:00Z"
    assert found.gaps == ()


def test_cloned_machines_stay_two(tmp_path: Path) -> None:
    """Two machines that share a machine-id both stay, under ids of their own, and say with whom they share it."""
    twin = hosts.good() | {
        "identity": hosts.ok("hostname gpu02", "kernel Linux 6.17.0 x86_64", f"machine-id {'a1' * 16}"),
        "values": values({"/sys/class/dmi/id/product_uuid": "6d2b1c50-aaaa-11ee-8000-3cecef000002"}),
        "nvidia-smi": hosts.ok(*hosts.smi({"uuid": "GPU-2b1c5d70-0000-0000-0000-000000000002"})),
    }
    (tmp_path / "a.txt").write_bytes(hosts.write(hosts.good()))
    (tmp_path / "b.txt").write_bytes(hosts.write(twin))
    machines = [a for a in hosts.collect(tmp_path).assets if a.kind is Kind.HOST]
    assert len({m.id for m in machines}) == 2
    assert [m.value("host.id_shared") for m in machines] == [("gpu02",), ("gpu01",)]
    assert len({a.id for a in hosts.collect(tmp_path).assets}) == 8


def test_a_gpu_in_two_machines_is_a_conflict(tmp_path: Path) -> None:
    """One UUID in the records of two machines is a gap: one of the records is out of date."""
    other = hosts.good() | {
        "identity": hosts.ok("hostname gpu09", "kernel Linux 6.17.0 x86_64", f"machine-id {'c3' * 16}")
    }
    (tmp_path / "a.txt").write_bytes(hosts.write(hosts.good()))
    (tmp_path / "b.txt").write_bytes(hosts.write(other))
    assert [(g.scope, g.code) for g in hosts.collect(tmp_path).gaps] == [("gpu09", GapCode.CONFLICT)]


def test_records_that_only_a_name_tells_apart_are_a_gap(tmp_path: Path) -> None:
    """Two records without machine-id and UUID under one name may be two machines: the older is a gap."""
    nameless = hosts.laptop() | {
        "identity": hosts.ok("hostname localhost", "kernel Linux 6.1.0 x86_64"),
        "values": values({"/sys/class/dmi/id/product_uuid": None}),
    }
    (tmp_path / "a.txt").write_bytes(hosts.write(nameless))
    (tmp_path / "b.txt").write_bytes(hosts.write(nameless))
    assert [g.code for g in hosts.collect(tmp_path).gaps] == [GapCode.CONFLICT]


# What is seen where


def test_a_machine_without_an_accelerator_has_no_facts_of_one(tmp_path: Path) -> None:
    """No NVIDIA device means no facts of NVIDIA's driver, not unknown ones."""
    machine = hosts.one(hosts.estate(hosts.laptop(), tmp_path))
    assert [n for n in machine.facts if n.startswith(("gpu.", "vram", "toolkit", "version.cuda"))] == ["gpu.count"]
    assert machine.value("gpu.count") == 0


def test_inside_a_container_the_root_file_system_says_nothing(tmp_path: Path) -> None:
    """A container's own sshd, accounts and programs are not the machine's; the kernel is."""
    inside = {"virtualisation": hosts.ok("vm none", "container docker", "cvm none")}
    machine = hosts.one(hosts.estate(hosts.good() | inside, tmp_path))
    for name in ("ssh.server", "accounts.uid0", "agents", "audit.rules"):
        value = machine.value(name)
        assert isinstance(value, Unknown)
        assert (value.code, "container (docker)" in value.detail) == (GapCode.OUTSIDE, True)
    assert machine.value("kernel.lockdown") == "integrity"
    assert machine.value("host.id_source") == "dmi-uuid"


def test_an_overlay_root_is_a_container_unless_systemd_says_not(tmp_path: Path) -> None:
    """A slim image has no systemd-detect-virt; a diskless node has, and is none."""
    root = hosts.ok("overlay / overlay")
    silent = hosts.ok("vm not-asked", "container not-asked", "cvm not-asked")
    assert fact(tmp_path, "host.container", mounts=root, virtualisation=silent) == "an overlay root"
    assert fact(tmp_path, "host.container", mounts=root) == ""


@pytest.mark.parametrize(
    ("sections", "secure", "mode"),
    [
        ({}, True, "uefi"),
        ({"efi:SecureBoot": hosts.ok(" 06 00 00 00 00")}, False, "uefi"),
        ({"presence": hosts.ok(*hosts.presence({"/sys/firmware/efi": False}))}, False, "legacy"),
        ({"efi:SecureBoot": hosts.denied("/sys/firmware/efi/efivars")}, GapCode.DENIED, "uefi"),
        ({"efi:SecureBoot": hosts.absent("no such file")}, GapCode.ABSENT, "uefi"),
        ({"efi:SecureBoot": hosts.ok(" 06 00 00 00")}, GapCode.MALFORMED, "uefi"),
        ({"efi:SecureBoot": hosts.ok(" 06 00 00 00 02")}, GapCode.MALFORMED, "uefi"),
        ({"efi:SecureBoot": hosts.ok(" zz")}, GapCode.MALFORMED, "uefi"),
        ({"firmware": hosts.absent("/sys/firmware: empty or hidden")}, GapCode.OUTSIDE, GapCode.OUTSIDE),
    ],
    ids=["on", "off", "legacy", "denied", "not mounted", "short", "odd", "no bytes", "hidden"],
)  # fmt: skip
def test_secure_boot_is_known_or_says_why_not(
    sections: hosts.Sections, secure: object, mode: object, tmp_path: Path
) -> None:
    """Off and legacy are known; hidden, denied and malformed are unknown, each with its own reason."""
    machine = hosts.one(hosts.estate(hosts.good() | sections, tmp_path))
    found = [v.code if isinstance(v := machine.value(n), Unknown) else v for n in ("boot.secure", "boot.mode")]
    assert found == [secure, mode]


@pytest.mark.parametrize(
    ("sections", "tech"),
    [
        ({"virtualisation": hosts.ok("vm kvm", "container none", "cvm sev-snp")}, "sev-snp"),
        ({"virtualisation": hosts.ok("vm kvm", "container none", "cvm none")}, ""),
        ({"virtualisation": hosts.ok("vm kvm", "container none", "cvm not-asked")}, GapCode.ABSENT),
        ({"virtualisation": hosts.ok("vm kvm", "container none", "cvm not-asked"),
          "presence": hosts.ok(*hosts.presence({"/dev/tdx_guest": True}))}, "tdx"),
        ({"virtualisation": hosts.ok("vm kvm", "container none", "cvm not-asked"),
          "presence": hosts.ok(*hosts.presence({"/dev/sev-guest": True}))}, "sev-snp"),
        ({}, ""),
    ],
    ids=["systemd says", "systemd denies", "nobody says", "tdx device", "snp device", "bare metal"],
)  # fmt: skip
def test_a_confidential_vm_is_told_from_an_ordinary_one(sections: hosts.Sections, tech: object, tmp_path: Path) -> None:
    """Neither device nor systemd's word means unknown in a VM, and none on bare metal."""
    value = hosts.one(hosts.estate(hosts.good() | sections, tmp_path)).value("cc.tech")
    assert (value.code if isinstance(value, Unknown) else value) == tech


# Disks, swap and dumps


def disk(**node: object) -> tuple[str, str, list[str]]:
    return hosts.lsblk({"name": "sda", "type": "disk", "serial": "S1"} | node)


@pytest.mark.parametrize(
    ("listing", "at_rest", "plain"),
    [
        (disk(fstype="ext4", mountpoint="/data"), False, ("sda (ext4 on /data)",)),
        (disk(mountpoint="/data"), False, ("sda (a file system on /data)",)),
        (disk(fstype="xfs"), False, ("sda (xfs)",)),
        (disk(fstype="zfs_member"), GapCode.UNSUPPORTED, ()),
        (disk(fstype="crypto_LUKS", children=[{"name": "c", "type": "crypt", "fstype": "xfs", "mountpoint": "/data"}]), True, ()),
        (disk(children=[{"name": "sda1", "type": "part", "fstype": "ext4", "mountpoint": "/boot"},
                        {"name": "sda2", "type": "part", "fstype": "ext4", "mountpoint": "/x"}]), False, ("sda2 (ext4 on /x)",)),
    ],
    ids=["plain", "without udev", "not mounted", "zfs", "luks", "beside boot"],
)  # fmt: skip
def test_a_disk_is_encrypted_when_all_its_data_is(
    listing: tuple[str, str, list[str]], at_rest: object, plain: object, tmp_path: Path
) -> None:
    """Every file system but the boot loader's needs a crypt layer above it."""
    value = fact(tmp_path, "enc.at_rest", Kind.DISK, lsblk=listing)
    assert (value.code if isinstance(value, Unknown) else value) == at_rest
    assert fact(tmp_path, "disk.plaintext", Kind.DISK, lsblk=listing) == plain


def test_a_disk_without_data_is_no_store(tmp_path: Path) -> None:
    """Empty disks, loop devices, compressed memory and read-only images hold no data."""
    listing = hosts.lsblk(
        {"name": "sdb", "type": "disk"},
        {"name": "loop0", "type": "loop", "fstype": "squashfs", "mountpoint": "/snap/x"},
        {"name": "zram0", "type": "disk", "mountpoint": "[SWAP]"},
        {"name": "sr0", "type": "rom", "fstype": "iso9660"},
    )
    found = hosts.estate(hosts.good() | {"lsblk": listing}, tmp_path)
    assert [a for a in found.assets if a.kind is Kind.DISK] == []
    assert found.gaps == ()


@pytest.mark.parametrize(
    ("listing", "code"),
    [
        (hosts.absent("lsblk: not installed"), GapCode.ABSENT),
        (hosts.ok("{"), GapCode.MALFORMED),
        (hosts.ok('{"blockdevices": [{"name": 7}]}'), GapCode.MALFORMED),
        (
            hosts.ok('{"blockdevices":' + '[{"name":"a","children":' * 3000 + "[]" + "}]" * 3000 + "}"),
            GapCode.MALFORMED,
        ),
        (hosts.ok('{"blockdevices":' + '[{"name":"a","children":' * 60 + "[]" + "}]" * 60 + "}"), GapCode.TOO_LARGE),
    ],
    ids=["absent", "cut", "strange", "abyss", "deep"],
)
def test_disks_that_cannot_be_listed_are_a_gap(
    listing: tuple[str, str, list[str]], code: GapCode, tmp_path: Path
) -> None:
    """Without a list of disks nothing is said of them, and that is said."""
    found = hosts.estate(hosts.good() | {"lsblk": listing}, tmp_path)
    assert [(g.code, g.hides) for g in found.gaps] == [(code, (Kind.DISK,))]


def test_what_a_virtual_disk_lies_on_is_not_seen_from_inside(tmp_path: Path) -> None:
    """In an ordinary VM a provider may encrypt the volume: unknown. A confidential VM has to do it itself."""
    plain = disk(fstype="ext4", mountpoint="/")
    guest = hosts.ok("vm kvm", "container none", "cvm none")
    value = fact(tmp_path, "enc.at_rest", Kind.DISK, lsblk=plain, virtualisation=guest)
    assert isinstance(value, Unknown)
    assert value.code is GapCode.OUTSIDE
    sealed = hosts.ok("vm kvm", "container none", "cvm tdx")
    assert fact(tmp_path, "enc.at_rest", Kind.DISK, lsblk=plain, virtualisation=sealed) is False


@pytest.mark.parametrize(
    ("swaps", "plain"),
    [
        (["/dev/dm-2 partition 1 0 -2"], ()),
        (["/dev/zram0 partition 1 0 100"], ()),
        (["/swapfile file 1 0 -2"], ()),
        (["/dev/nvme0n1p2 partition 1 0 -2"], ("/dev/nvme0n1p2",)),
        (["/boot/swapfile file 1 0 -2"], ("/boot/swapfile",)),
        ([], ()),
    ],
    ids=["mapped", "memory", "file on luks", "partition", "file in the open", "none"],
)
def test_swap_is_traced_down_to_its_device(swaps: list[str], plain: object, tmp_path: Path) -> None:
    """A swap area is as open as the device or file system under it."""
    mounts = hosts.ok("/dev/mapper/vg-root / ext4", "/dev/nvme0n1p2 /boot ext4")
    assert fact(tmp_path, "swap.plaintext", swaps=hosts.ok("Filename Type", *swaps), mounts=mounts) == plain


@pytest.mark.parametrize(
    ("pattern", "config", "where"),
    [
        ("|/bin/false", [], ""),
        ("/dev/null", [], ""),
        ("core", [], "the working folder of each process"),
        ("/srv/cores/%e", [], "/srv/cores"),
        ("|/usr/lib/systemd/systemd-coredump %P", [], "/var/lib/systemd/coredump"),
        ("|/usr/lib/systemd/systemd-coredump %P", ["Storage=external", "Storage=none"], ""),
        ("|/usr/lib/systemd/systemd-coredump %P", ["Storage=none", "Storage=external"], "/var/lib/systemd/coredump"),
        ("|/usr/share/apport/apport -p%p", [], "/var/crash"),
        ("|/opt/own/catcher", [], "|/opt/own/catcher"),
    ],
)  # fmt: skip
def test_core_dumps_are_traced_to_where_they_go(pattern: str, config: list[str], where: str, tmp_path: Path) -> None:
    """The pattern, and what takes dumps from a pipe, decide; the last setting counts."""
    changed = values({"/proc/sys/kernel/core_pattern": pattern})
    assert fact(tmp_path, "dump.core", values=changed, coredump_config=hosts.ok(*config)) == where


# GPUs


def test_gpus_without_a_driver_are_still_on_the_bus(tmp_path: Path) -> None:
    """A GPU that is passed through to a guest is inventoried, and its facts say who holds it."""
    sections = {n: s for n, s in hosts.good().items() if not n.startswith("nvidia")} | {
        "pci": hosts.ok("0000:53:00.0 0x030200 0x10de 0x2330 vfio-pci DMA-FQ -"),
        "values": values({"/sys/module/nvidia/version": None}),
        "presence": hosts.ok(*hosts.presence({"/proc/driver/nvidia": False})),
        "nvidia-version": hosts.absent("/proc/driver/nvidia/version: no such file"),
        "nvidia-params": hosts.absent("/proc/driver/nvidia/params: no such file"),
        "nvidia-toolkit": hosts.absent("nvidia-container-cli: not installed"),
        "nvidia-toolkit-config": hosts.absent("no such file"),
    }
    gpu = hosts.one(hosts.estate(sections, tmp_path), Kind.GPU)
    value = gpu.value("gpu.uuid")
    assert gpu.id == f"host:{'a1' * 16}/gpu:0000:53:00.0"
    assert isinstance(value, Unknown)
    assert "vfio-pci holds the GPU" in value.detail


def test_a_masked_uuid_is_no_uuid(tmp_path: Path) -> None:
    """The driver writes question marks for what an ordinary user may not see."""
    value = hosts.one(hosts.estate(hosts.unprivileged(), tmp_path), Kind.GPU).value("gpu.uuid")
    assert isinstance(value, Unknown)


def test_amd_accelerators_have_their_own_facts(tmp_path: Path) -> None:
    """Isolation between processes is read per partition, and one that is off is off."""
    folder = "/sys/class/drm/card1/device/"
    sections = {n: s for n, s in hosts.good().items() if not n.startswith("nvidia")} | {
        "pci": hosts.ok("0000:c1:00.0 0x120000 0x1002 0x74a1 amdgpu DMA-FQ -"),
        "drm": hosts.ok("card1 0000:c1:00.0"),
        "values": values({folder + "enforce_isolation": "1 1 0 1", folder + "product_name": "AMD Instinct MI300X",
                          folder + "vbios_version": "113-M3", folder + "unique_id": "0x1"}),
        "presence": hosts.ok(*hosts.presence({"/proc/driver/nvidia": False})),
    }  # fmt: skip
    found = hosts.estate(sections, tmp_path)
    gpu = hosts.one(found, Kind.GPU)
    assert [gpu.value(n) for n in ("gpu.vendor", "gpu.model", "gpu.isolation")] == ["amd", "AMD Instinct MI300X", False]
    assert "gpu.driver" not in hosts.one(found).facts


@pytest.mark.parametrize(
    ("registry", "found"),
    [
        ('""', ()),
        ('"RMDisableScrubOnFree=1"', ("RMDisableScrubOnFree=1",)),
        ('"RMDisableScrubOnFree=0x0"', ()),
        ('"rmdisablescrubonfree=0x1"', ("rmdisablescrubonfree=0x1",)),
        ('"RMEnablePMA=0;RMOther=1"', ("RMEnablePMA=0",)),
        ('"RMEnablePMA=1"', ()),
        ('"RMDisableScrubOnFree=yes"', ("RMDisableScrubOnFree=yes",)),
    ],
)
def test_switches_that_stop_the_clearing_are_found(registry: str, found: object, tmp_path: Path) -> None:
    """Keys are compared without case, values as numbers, and a value that is none counts as the dangerous one."""
    assert fact(tmp_path, "gpu.scrub_switched_off", nvidia_params=hosts.params(RegistryDwords=registry)) == found


@pytest.mark.parametrize(
    ("sections", "sharing"),
    [
        ({"nvidia-smi": hosts.ok(*hosts.smi({"mig_mode/current_mig": "Enabled"}))}, "mig"),
        ({"processes": hosts.ok("slurmd", "nvidia-cuda-mps")}, "mps"),
        ({"slurm-config": hosts.ok("GresTypes=gpu,shard")}, "time-slicing"),
        ({"nvidia-smi": hosts.ok(*hosts.smi({"compute_mode": "Exclusive_Process"})), "processes": hosts.ok("systemd")}, "none"),
        ({"processes": hosts.ok("kubelet")}, GapCode.UNDECIDED),
    ],
    ids=["mig", "mps", "shard", "exclusive", "kubernetes"],
)  # fmt: skip
def test_how_a_gpu_is_shared_is_known_or_left_to_the_scheduler(
    sections: hosts.Sections, sharing: object, tmp_path: Path
) -> None:
    """What the machine cannot know of its scheduler is unknown, and names the source that would."""
    value = hosts.one(hosts.estate(hosts.good() | sections, tmp_path), Kind.GPU).value("gpu.sharing")
    assert (value.code if isinstance(value, Unknown) else value) == sharing


@pytest.mark.parametrize(
    ("lines", "devtools", "mode"),
    [
        (["CC State : ON", "Multi-GPU Mode : None", "CC GPUs Ready State : Ready"], "DevTools Mode: OFF", "on"),
        (["CC State : OFF", "Multi-GPU Mode : Protected PCIe", "CC GPUs Ready State : Ready"], "DevTools Mode: OFF", "ppcie"),
        (["CC State : ON", "CC GPUs Ready State : Ready"], "DevTools Mode: ON", "devtools"),
        (["CC State : ON", "CC GPUs Ready State : Ready"], "", GapCode.ABSENT),
        (["CC State : OFF"], "DevTools Mode: OFF", "off"),
        (["No such option"], "", GapCode.MALFORMED),
    ],
)  # fmt: skip
def test_the_confidential_mode_of_gpus(lines: list[str], devtools: str, mode: object, tmp_path: Path) -> None:
    """Devtools mode is told from on, and nothing is on that does not say whether devtools is off."""
    value = fact(tmp_path, "gpu.cc", nvidia_cc=hosts.ok(*lines), nvidia_cc_devtools=hosts.ok(devtools))
    assert (value.code if isinstance(value, Unknown) else value) == mode


# XML


def xml(folder: Path, data: bytes | list[str]) -> Estate:
    path = folder / "smi.xml"
    path.write_bytes(data if isinstance(data, bytes) else "\n".join(data).encode())
    return hosts.collect(path)


def test_a_lone_xml_file_shows_gpus_and_nothing_else(tmp_path: Path) -> None:
    """`nvidia-smi -q -x` shows the GPUs; of the machine nothing is claimed, not even as unknown."""
    found = xml(tmp_path, hosts.smi({}, {"uuid": "GPU-2"}))
    machine = hosts.one(found)
    assert [a.kind for a in found.assets] == [Kind.HOST, Kind.GPU, Kind.GPU]
    assert (machine.value("gpu.count"), machine.value("gpu.unaccounted")) == (2, ())
    assert not [n for n in machine.facts if n.startswith(("boot.", "kernel.", "ssh."))]
    assert found.assets[1].facts["gpu.ecc"].where is not None


def test_a_gpu_that_the_library_counts_and_does_not_list_is_missed(tmp_path: Path) -> None:
    """Eight attached and one listed is no whole list."""
    assert hosts.one(xml(tmp_path, hosts.smi({}, attached=8))).value("gpu.unaccounted") == (
        "nvidia-smi counts 8 GPUs and lists 1",
    )


def test_an_xml_file_beside_the_record_of_the_same_machine_adds_nothing(tmp_path: Path) -> None:
    """Each GPU is one asset, also when a folder holds the record and the XML."""
    (tmp_path / "a.xml").write_text("\n".join(hosts.smi({})), encoding="utf-8")
    (tmp_path / "b.txt").write_bytes(hosts.write(hosts.good()))
    found = hosts.collect(tmp_path)
    assert [a.kind for a in found.assets] == [Kind.HOST, Kind.GPU, Kind.NIC, Kind.DISK]
    assert found.gaps == ()


BOMB = b'<!DOCTYPE nvidia_smi_log [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><nvidia_smi_log><x>&b;</x></nvidia_smi_log>'


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (BOMB, Malformed),
        (b'<!DOCTYPE nvidia_smi_log [<!ENTITY x SYSTEM "file:///etc/passwd">]><nvidia_smi_log>&x;</nvidia_smi_log>', Malformed),
        (b"<nvidia_smi_log>&nope;</nvidia_smi_log>", Malformed),
        (b"<nvidia_smi_log><gpu id='0'>", Malformed),
        (b"<nvidia_smi_log>" + b"<a>" * 40 + b"</a>" * 40 + b"</nvidia_smi_log>", TooLarge),
        (b"<nvidia_smi_log>" + b"<a/>" * 400_001 + b"</nvidia_smi_log>", TooLarge),
        (b"<!DOCTYPE nvidia_smi_log SYSTEM 'x.dtd'><other/>", Malformed),
        (b'<?xml version="1.0" encoding="utf-16"?><nvidia_smi_log>\xff\xfe</nvidia_smi_log>', Malformed),
    ],
    ids=["billion laughs", "external entity", "unknown entity", "cut", "deep", "many", "foreign", "not UTF-8"],
)  # fmt: skip
def test_hostile_xml_is_refused(data: bytes, error: type[BadInput], tmp_path: Path) -> None:
    """Entities, a DTD of its own, depth, number and damage end in an error that names the file, and cost nothing."""
    with pytest.raises(error, match=r"smi\.xml"):
        xml(tmp_path, data)


@pytest.mark.parametrize("cut", range(0, 900, 61))
def test_xml_that_is_cut_anywhere_is_refused(cut: int, tmp_path: Path) -> None:
    """A file that ends early is never read as a shorter list of GPUs."""
    whole = "\n".join(hosts.smi({}, {"uuid": "GPU-2"})).encode()
    with pytest.raises(BadInput):
        xml(tmp_path, whole[: len(whole) - 1 - cut])


@pytest.mark.parametrize(
    ("text", "value"),
    [("Enabled", True), ("Disabled", False), ("N/A", None), ("GPU is lost", GapCode.CRASHED),
     ("Insufficient Permissions", GapCode.DENIED), ("Perhaps", GapCode.MALFORMED)],
)  # fmt: skip
def test_words_of_nvidia_smi_have_their_meaning(text: str, value: object, tmp_path: Path) -> None:
    """Not there, not allowed, lost and not understood are four different answers."""
    found = hosts.one(xml(tmp_path, hosts.smi({"ecc_mode/current_ecc": text})), Kind.GPU).value("gpu.ecc")
    assert (found.code if isinstance(found, Unknown) else found) == value


@pytest.mark.parametrize("profile", ["a100", "b200", "gb200", "h100", "t4"])
def test_the_states_of_real_models_are_read(profile: str, vectors: Path, tmp_path: Path) -> None:
    """The state that NVIDIA's mock library gives for five models comes through: model, UUIDs, MIG and ECC."""
    text = (vectors / f"gpu/nvml-mock-profiles/{profile}.yaml").read_text(encoding="utf-8")

    def setting(key: str) -> str:
        found = re.search(rf'^\s+{key}:\s*"?([^"#\n]+?)"?\s*(?:#.*)?$', text, re.MULTILINE)
        return found[1] if found else "N/A"

    mig = re.search(r'^  mig:\n(?:.*\n)*?    mode_current: "(\w+)"', text, re.MULTILINE)
    ecc = re.search(r'^  ecc:\n\s+mode_current: "(\w+)"', text, re.MULTILINE)
    uuids = re.findall(r'^\s+uuid: "(GPU-[^"]+)"', text, re.MULTILINE)
    state = {
        "product_name": setting("name"),
        "vbios_version": setting("vbios_version"),
        "product_architecture": setting("architecture").title(),
        "mig_mode/current_mig": mig[1].title() if mig else "N/A",
        "mig_mode/pending_mig": mig[1].title() if mig else "N/A",
        "ecc_mode/current_ecc": ecc[1].title() if ecc else "N/A",
    }
    found = xml(tmp_path, hosts.smi(*({"uuid": u} | state for u in uuids), driver=setting("driver_version")))
    gpus = [a for a in found.assets if a.kind is Kind.GPU]
    assert [g.id for g in gpus] == [f"gpu:{u}" for u in uuids]
    assert {g.value("gpu.model") for g in gpus} == {setting("name")}
    assert {g.value("gpu.ecc") for g in gpus} == {True}
    assert {g.value("gpu.mig") for g in gpus} == {None if mig is None else mig[1] == "enabled"}


def test_addresses_have_the_kernels_form() -> None:
    """The driver writes eight digits for a domain, the kernel four."""
    assert smi.address("00000000:53:00.0") == "0000:53:00.0"
    assert smi.address("00010000:C1:00.0") == "0000:c1:00.0"
    assert smi.address("strange") == "strange"
