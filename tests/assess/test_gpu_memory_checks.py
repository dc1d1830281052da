"""Checks of a GPU's memory, firmware and fabric, and of what its driver opens: each answer, and what it needs for it."""

from pathlib import Path

import pytest

import host_records as hosts
import synthetic
from strongroom.app.assess import assess
from strongroom.app.catalogue import catalogue
from strongroom.assess.judge import findings, judge
from strongroom.model.codes import Status
from strongroom.model.kinds import Kind
from strongroom.model.values import Value

P, F, U, N = Status.PASS, Status.FAIL, Status.UNKNOWN, Status.NOT_APPLICABLE
DOUBT = synthetic.NOT_KNOWN


def answer(check: str, facts: dict[str, Value], kind: Kind = Kind.GPU) -> Status:
    """What a check says of an asset that has just these facts."""
    return judge(catalogue().checks[check], synthetic.asset(kind, facts), synthetic.NOW).status


@pytest.mark.parametrize(
    ("ecc", "sharing", "wanted"),
    [
        (True, "time-slicing", P), (True, DOUBT, P), (False, "none", N), (None, "none", N), (None, "", N),
        (False, "time-slicing", F), (False, "mig", F), (None, "mps", F), (False, DOUBT, U), (DOUBT, "mps", U), (DOUBT, DOUBT, U),
    ],
)  # fmt: skip
def test_memory_without_ecc_is_not_shared(ecc: Value, sharing: Value, wanted: Status) -> None:
    """ECC answers for itself; without it every way of sharing fails, MIG too, and what is not known is unknown."""
    told = {"gpu.ecc": ecc, "gpu.sharing": sharing, "gpu.memory_type": "gddr"}
    assert answer("gpu.gpu.shared-memory-has-ecc", told) is wanted


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({}, P),
        ({"gpu.ecc_corrected_now": 99}, P),
        ({"gpu.ecc_corrected_now": 100}, F),
        ({"gpu.ecc_uncorrected_now": 1}, F),
        ({"gpu.banks_exhausted": 1}, F),
        ({"gpu.banks_exhausted": DOUBT}, U),
        ({"gpu.ecc_corrected_now": DOUBT}, U),
        ({"gpu.ecc_corrected_now": DOUBT, "gpu.ecc_uncorrected_now": 1}, F),
        ({"gpu.ecc_corrected_now": None, "gpu.ecc_uncorrected_now": None}, N),
    ],
)
def test_memory_that_errs_is_named(told: dict[str, Value], wanted: Status) -> None:
    """One error that changed a result fails, and a hundred that did not; a card that counts none says nothing."""
    sound: dict[str, Value] = {"gpu.ecc_uncorrected_now": 0, "gpu.ecc_corrected_now": 3, "gpu.banks_exhausted": 0}
    assert answer("gpu.gpu.memory-sound", sound | told) is wanted


@pytest.mark.parametrize(
    ("tech", "now", "then", "wanted"),
    [
        ("sev-snp", True, True, P), ("sev-snp", True, False, F), ("sev-snp", False, True, F), ("sev-snp", None, None, N),
        ("sev-snp", DOUBT, True, U), ("", False, False, N), (DOUBT, True, True, U),
    ],
)  # fmt: skip
def test_a_confidential_gpu_encrypts_its_memory(tech: Value, now: Value, then: Value, wanted: Status) -> None:
    """Where the card can, and its machine is confidential, it does, and will after the next reset."""
    told = {"cc.tech": tech, "gpu.dram_encrypted": now, "gpu.dram_encrypted_pending": then}
    assert answer("gpu.gpu.dram-encrypted", told) is wanted


@pytest.mark.parametrize(
    ("mode", "wanted"), [("on", P), ("ppcie", P), ("devtools", F), ("off", N), (None, N), (DOUBT, U)]
)
def test_devtools_is_found_on_every_machine(mode: Value, wanted: Status) -> None:
    """Also where nothing says that the machine is confidential: a mode that is open is not confidential."""
    assert answer("gpu.gpu.cc-no-devtools", {"gpu.cc": mode}) is wanted


@pytest.mark.parametrize(
    ("gsp", "driver", "wanted"),
    [
        ("580.1", "580.1", P),
        ("550.2", "580.1", F),
        ("550.2", None, F),
        (None, "580.1", N),
        (DOUBT, "1", U),
        ("1", DOUBT, U),
    ],
)
def test_the_cards_own_firmware_is_of_the_driver(gsp: Value, driver: Value, wanted: Status) -> None:
    """An old firmware under a new driver is not patched; a card without one is not asked."""
    assert answer("gpu.gpu.firmware-of-driver", {"gpu.gsp": gsp, "gpu.driver": driver}) is wanted


@pytest.mark.parametrize(
    ("mode", "slurm", "schedulers", "wanted"),
    [
        ("0660", None, (), P), ("0666", True, ("slurm",), P), ("0666", False, ("slurm",), F), ("0666", None, (), F),
        ("0664", None, (), F), ("0666", DOUBT, ("slurm",), U), ("0666", None, DOUBT, U), ("0666", None, ("kubernetes",), P),
        ("0666", False, ("kubernetes", "slurm"), F), (None, None, (), N), (DOUBT, None, (), U),
    ],
)  # fmt: skip
def test_device_files_are_not_everybodys(mode: Value, slurm: Value, schedulers: Value, wanted: Status) -> None:
    """Rights for others count unless a scheduler's cgroup closes the files; who is not known to close them does not."""
    told: dict[str, Value] = {"gpu.device_mode": mode, "host.schedulers": schedulers}
    told |= {} if slurm is None else {"slurm.constrains_devices": slurm}
    assert answer("gpu.host.device-files-restricted", told, Kind.HOST) is wanted


@pytest.mark.parametrize(
    ("check", "fact", "good", "bad"),
    [
        ("gpu.host.no-default-channel", "gpu.imex_channel0", False, True),
        ("gpu.host.no-bug-reports", "dump.bug_reports", (), ("/tmp/nvidia-bug-report.log.gz",)),
        ("gpu.host.options-sound", "gpu.options_weak", (), ("NVreg_EnableDbgBreakpoint=1",)),
    ],
)
def test_a_setting_is_good_bad_or_not_known(check: str, fact: str, good: Value, bad: Value) -> None:
    """Channels for all, archives of the driver's state and weak options on disk fail; unread they are unknown."""
    assert [answer(check, {fact: v}, Kind.HOST) for v in (good, bad, DOUBT)] == [P, F, U]


@pytest.mark.parametrize(
    ("library", "driver", "wanted"),
    [("580.159.03", "580.159.03", P), ("580.159", "580.159.03", P), ("580.15", "580.159.03", F), ("580.95.05", "580.159.03", F),
     ("580.95", None, N), (DOUBT, "580.159.03", U)],
)  # fmt: skip
def test_the_library_is_of_the_driver(library: Value, driver: Value, wanted: Status) -> None:
    """Versions are compared part by part; a library that leaves out the last part is no other one."""
    assert answer("gpu.host.library-of-driver", {"gpu.library": library, "gpu.driver": driver}, Kind.HOST) is wanted


def test_a_library_that_the_driver_refuses_is_found(tmp_path: Path) -> None:
    """After an update without a reboot nvidia-smi answers with an error alone: it names the library, and that fails."""
    words = "Failed to initialize NVML: Driver/library version mismatch NVML library version: 580.159"
    sections = hosts.good() | {
        "values": hosts.ok(*hosts.small(hosts.values({"/sys/module/nvidia/version": "580.95.05"}))),
        "nvidia-smi": ("failed", f"nvidia-smi: exit status 18: {words}", []),
        "nvidia-smi-version": ("failed", f"nvidia-smi: exit status 18: {words}", []),
    }
    found = {
        f.check: f for f in findings(hosts.estate(sections, tmp_path).assets, catalogue().checks.values(), hosts.NOW)
    }
    assert found["gpu.host.library-of-driver"].status is F
    assert found["gpu.host.driver-loaded-equals-installed"].status is F
    assert {found[c].status for c in ("gpu.gpu.ecc-on", "gpu.gpu.memory-sound", "inv.host.gpus-agree")} == {U}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("options nvidia NVreg_RestrictProfilingToAdminUsers=0", ("NVreg_RestrictProfilingToAdminUsers=0",)),
        ("options nvidia NVreg_RestrictProfilingToAdminUsers=1", ()),
        ('options nvidia NVreg_RegistryDwords="RMDisableScrubOnFree=1;RMOther=1"', ("RMDisableScrubOnFree=1",)),
        ("options nvidia NVreg_CreateImexChannel0=1 # for one user", ("NVreg_CreateImexChannel0=1",)),
        ("options nvidia-drm modeset=1", ()),
        ('options nvidia NVreg_RegistryDwords="unclosed', ()),
    ],
)
def test_options_on_disk_are_read(line: str, found: Value, tmp_path: Path) -> None:
    """Each option of the driver's module that would weaken it is named; quotes, comments and others' are understood."""
    sections = hosts.good() | {"nvidia-modprobe": hosts.ok(line)}
    assert hosts.one(hosts.estate(sections, tmp_path)).value("gpu.options_weak") == found


@pytest.mark.parametrize(
    ("changes", "mode"),
    [
        ({}, "0666"),
        ({"DeviceFileMode": "432"}, "0660"),
        ({"ModifyDeviceFiles": "0"}, None),
        ({"DeviceFileMode": "x"}, "?"),
    ],
    ids=["default", "group", "udev", "odd"],
)
def test_the_rights_of_device_files_are_octal(changes: dict[str, str], mode: str | None, tmp_path: Path) -> None:
    """The page has them in decimal; where the driver makes no files it says nothing of them."""
    found = hosts.one(hosts.estate(hosts.good() | {"nvidia-params": hosts.params(**changes)}, tmp_path)).value(
        "gpu.device_mode"
    )
    assert found == mode if mode != "?" else not isinstance(found, str | None)


CARD = "GPU-0000000{n}-0000-0000-0000-000000000000"
FABRIC = '  fabric: {{cluster_uuid: "8a3c3f4e-1111-2222-3333-44445555666{n}", clique_id: 7, state: "completed"}}\n'


def machine(folder: Path, name: str, clique: int) -> None:
    """A machine with one card in a fabric."""
    number = int(name[1:])
    (folder / f"{name}.yaml").write_text(
        'system: {driver_version: "580.159.03"}\ndevice_defaults:\n  name: "NVIDIA GB200"\n'
        + FABRIC.format(n=clique)
        + f'devices: [{{uuid: "{CARD.format(n=number)}", pci: {{bus_id: "0000:01:00.0"}}}}]\n'
    )


@pytest.mark.parametrize(
    ("rows", "cliques", "wanted"),
    [
        ({1: "red", 2: "red"}, (1, 1), {P}),
        ({1: "red", 2: "blue"}, (1, 1), {F}),
        ({1: "red", 2: "blue"}, (1, 2), {P}),
        ({1: "red"}, (1, 1), {U}),
        ({3: "red"}, (1, 2), {U}),
    ],
    ids=["one tenant", "two tenants", "two fabrics", "one unnamed", "none named"],
)
def test_a_fabric_is_one_tenants(
    rows: dict[int, str], cliques: tuple[int, int], wanted: set[Status], tmp_path: Path
) -> None:
    """GPUs that are joined belong to one tenant; a machine for which nobody named one leaves it unknown."""
    folder = tmp_path / "hosts"
    folder.mkdir()
    for n, clique in enumerate(cliques, start=1):
        machine(folder, f"n{n}", clique)
    cards = "".join(f"card {n},gpu,{CARD.format(n=n)},{tenant}\n" for n, tenant in rows.items())
    (tmp_path / "i.csv").write_text("name,kind,uuid,tenant\n" + cards)
    found = assess([f"host:{folder}", f"csv:{tmp_path / 'i.csv'}"], hosts.NOW).findings
    assert {f.status for f in found if f.check == "gpu.gpu.fabric-one-tenant"} == wanted
