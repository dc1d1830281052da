"""The findings of GPUs by recorded states of NVML and by a fleet's scrape: which, on how many, and why."""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.app.assess import assess
from strongroom.app.catalogue import catalogue
from strongroom.assess.prose import because

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)  # inside the time for which the list of vendor fixes speaks
MODELS = ("a100", "b200", "gb200", "h100", "t4")

# What every one of the five shows, one letter a card or machine: ECC on and to stay on, firmware and UUID written down,
# no error, no open fault (which is no pass), the library of the driver; who shares a card only a scheduler knows.
COMMON = {
    "gpu.gpu.config-applied": "p", "gpu.gpu.ecc-on": "p", "gpu.gpu.memory-sound": "p", "gpu.gpu.mig-when-shared": "u",
    "gpu.gpu.no-open-fault": "n", "gpu.gpu.shared-memory-has-ecc": "p", "inv.gpu.recorded": "p",
}  # fmt: skip
OF_THE_MACHINE = {
    "gpu.host.driver-patched": "f", "gpu.host.library-of-driver": "p", "inv.host.gpus-agree": "p", "inv.host.recorded": "u",
    "inv.source.read-whole": "p",
}  # fmt: skip
# Beside these: the firmware of the system processor is of another driver on the A100 (550.54.15 under 550.163.01), and
# the two whose profile names a fabric are asked for its tenants, whom nobody told.
OWN = {
    "a100": {"gpu.gpu.firmware-of-driver": "f"},
    "b200": {"gpu.gpu.firmware-of-driver": "p"},
    "gb200": {"gpu.gpu.firmware-of-driver": "p", "gpu.gpu.fabric-one-tenant": "u"},
    "h100": {"gpu.gpu.firmware-of-driver": "p", "gpu.gpu.fabric-one-tenant": "u"},
    "t4": {"gpu.gpu.firmware-of-driver": "p"},
}
# Why the driver fails: bulletin 5821 of May 2026 fixes R535, R580 and R595, and names neither R550 nor R560.
DRIVER = {
    "a100": "550.163.01: branch R550 gets no fixes any more",
    "b200": "560.35.03: branch R560 gets no fixes any more",
    "gb200": "580.65.06: fixed in 580.159.03",
    "h100": "550.163.01: branch R550 gets no fixes any more",
    "t4": "550.163.01: branch R550 gets no fixes any more",
}
CARDS = {"a100": 8, "b200": 8, "gb200": 8, "h100": 8, "t4": 4}
LETTERS = {"p": "pass", "f": "fail", "u": "unknown", "n": "not-applicable"}

SMALL = """\
system: {{driver_version: "{driver}", nvml_version: "{nvml}", cuda_version: "12.4"}}
device_defaults:
  name: "{name}"
  architecture: "{architecture}"
  vbios_version: "96.00.74.00.09"
  memory: {{total_bytes: 17179869184, memory_bus_width: {width}}}
  ecc: {{mode_current: "enabled", mode_pending: "enabled", errors: {{
    volatile: {{single_bit: {{total: 0}}, double_bit: {{total: 0}}}}, aggregate: {{single_bit: {{total: 0}}, double_bit: {{total: 0}}}}}}}}
  mig: {{mode_current: "disabled", mode_pending: "disabled"}}
  compute_mode: "default"
  remapped_rows: {{correctable: 0, uncorrectable: 0, pending: false, failure_occurred: false}}
  gsp_firmware: {{version: "{gsp}"}}
{fabric}devices:
"""
JOINED = '  fabric: {cluster_uuid: "00000000-0000-0000-0000-000000000001", clique_id: 0, state: "auto"}\n'
PARTS: dict[str, tuple[str, ...]] = {
    "a100": ("550.163.01", "12.550.163.01", "NVIDIA A100-SXM4-40GB", "ampere", "5120", "550.54.15", ""),
    "b200": ("560.35.03", "12.560.35.03", "NVIDIA B200", "blackwell", "8192", "560.35.03", ""),
    "gb200": ("580.65.06", "13.580.65", "NVIDIA GB200", "blackwell", "8192", "580.65.06", JOINED),
    "h100": ("550.163.01", "12.550.163.01", "NVIDIA H100 80GB HBM3", "hopper", "5120", "550.163.01", JOINED),
    "t4": ("550.163.01", "12.550.163.01", "NVIDIA T4", "turing", "256", "550.163.01", ""),
}


def small(model: str) -> str:
    """A profile of our own with the states that the table speaks of."""
    names = ("driver", "nvml", "name", "architecture", "width", "gsp", "fabric")
    devices = (
        f'  - {{uuid: "GPU-{n:08d}-0000-0000-0000-000000000000", pci: {{bus_id: "0000:{n:02X}:00.0"}}}}\n'
        for n in range(1, CARDS[model] + 1)
    )
    return SMALL.format(**dict(zip(names, PARTS[model], strict=True))) + "".join(devices)


def told(spec: str) -> tuple[dict[str, Counter[str]], dict[str, set[str]]]:
    """Per check how many assets have which verdict, and the sentences."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    why: dict[str, set[str]] = defaultdict(set)
    for f in assess([spec], NOW).findings:
        counts[f.check][f.status.value] += 1
        why[f.check].add(because(f, catalogue()))
    return counts, why


def judged(model: str, path: Path) -> None:
    """Compare a profile's findings with the table, whole: none is missing, and there is no other."""
    counts, why = told(f"host:{path}")
    cards = {c: Counter({LETTERS[x]: CARDS[model]}) for c, x in (COMMON | OWN[model]).items()}
    machine = {c: Counter({LETTERS[x]: 1}) for c, x in OF_THE_MACHINE.items()}
    assert counts == cards | machine
    (driver,) = why["gpu.host.driver-patched"]
    assert driver.startswith(DRIVER[model])
    assert "5821" in driver
    if model == "a100":
        assert why["gpu.gpu.firmware-of-driver"] == {"its system processor runs 550.54.15, the driver is 550.163.01"}


@pytest.mark.parametrize("model", MODELS)
def test_a_small_profile_of_each_model_gets_its_findings(model: str, tmp_path: Path) -> None:
    """The state of each of five models, as we wrote it down, is judged as the table says and in no other way."""
    path = tmp_path / f"{model}.yaml"
    path.write_text(small(model))
    judged(model, path)


@pytest.mark.parametrize("model", MODELS)
def test_nvidias_profile_of_each_model_gets_its_findings(model: str, vectors: Path) -> None:
    """NVIDIA's own profiles of the five are judged by the same table."""
    path = vectors / f"gpu/nvml-mock-profiles/{model}.yaml"
    if not path.exists():
        pytest.skip("NVIDIA's profiles are not here")
    judged(model, path)


def scraped(path: Path, hosts: int, cards: int) -> None:
    """A scrape that tells of no ECC, MIG, row or firmware: the driver fails, and of the cards nothing is said to be well."""
    counts, why = told(f"dcgm:{path}")
    assert counts == {
        "gpu.host.driver-patched": Counter(fail=hosts),
        "inv.host.recorded": Counter(fail=hosts),
        "gpu.gpu.no-open-fault": Counter({"not-applicable": cards}),
        "inv.source.read-whole": Counter({"pass": 1}),
    }
    (driver,) = why["gpu.host.driver-patched"]
    assert driver.startswith("535.129.03: fixed in 535.309.01")


def test_a_small_scrape_gets_its_findings(tmp_path: Path) -> None:
    """Two machines with three cards and the driver of the recorded fleet, as we wrote them down."""
    lines = (
        f'DCGM_FI_DEV_GPU_TEMP{{UUID="GPU-{n}",Hostname="n{n % 2}",modelName="NVIDIA H100 80GB HBM3",'
        f'DCGM_FI_DRIVER_VERSION="535.129.03"}} 40\n'
        for n in range(3)
    )
    path = tmp_path / "scrape.txt"
    path.write_text("".join(lines))
    scraped(path, hosts=2, cards=3)


def test_the_recorded_fleet_of_247_gets_its_findings(vectors: Path) -> None:
    """31 machines with 247 H100 run 535.129.03, which is long out of date, and nothing else of them is known."""
    path = vectors / "gpu/dcgm-exporter/dcgm_metrics_20250718_134233.csv.gz"
    if not path.exists():
        pytest.skip("the recorded scrape is not here")
    scraped(path, hosts=31, cards=247)


@pytest.mark.parametrize("model", MODELS)
def test_later_than_the_list_of_fixes_no_driver_passes(model: str, tmp_path: Path) -> None:
    """Half a year on the list knows nothing of newer holes: what failed still fails, and nothing became well."""
    path = tmp_path / f"{model}.yaml"
    path.write_text(small(model))
    found = assess([f"host:{path}"], NOW.replace(year=2027)).findings
    assert {f.status.value for f in found if f.check == "gpu.host.driver-patched"} == {"fail"}


def test_a_machine_without_a_gpu_passes_no_check_of_one(tmp_path: Path) -> None:
    """A profile without devices, and a record of NVML without any, pass no check of a GPU and none of its driver."""
    empty = tmp_path / "none.yaml"
    empty.write_text(small("h100").partition("devices:")[0] + "devices: []\n")
    record = tmp_path / "none.json"
    record.write_text('{"schema": "strongroom-nvml/1", "system": {}, "devices": []}')
    for path in (empty, record):
        counts, _ = told(f"host:{path}")
        assert not [c for c in counts if c.startswith("gpu.gpu.")]
        assert "pass" not in counts["gpu.host.driver-patched"]
