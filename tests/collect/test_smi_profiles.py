"""What nvidia-smi -q -x and profiles of NVML say of a GPU's wear, fabric, partitions and processes."""

from pathlib import Path

import pytest
from terraform import NOW

from strongroom.app.catalogue import catalogue
from strongroom.app.sources import find, join
from strongroom.assess.judge import findings
from strongroom.collect.host import profile
from strongroom.collect.sources import csv as inventory
from strongroom.collect.sources import host
from strongroom.model.codes import GapCode, Status
from strongroom.model.errors import Malformed, TooLarge
from strongroom.model.estate import Asset, Estate
from strongroom.model.kinds import Kind
from strongroom.model.ports import Request
from strongroom.model.values import Unknown

UUID = "GPU-01000100-aaaa-bbbb-cccc-0123456789ab"

XML = f"""<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
<nvidia_smi_log>
 <timestamp>Tue Sep  1 08:00:00 2026</timestamp>
 <driver_version>550.163.01</driver_version><cuda_version>12.4</cuda_version><attached_gpus>1</attached_gpus>
 <gpu id="00000000:1A:00.0">
  <product_name>NVIDIA H100 80GB HBM3</product_name><product_architecture>Hopper</product_architecture>
  <persistence_mode>Enabled</persistence_mode><accounting_mode>Disabled</accounting_mode>
  <mig_mode><current_mig>Enabled</current_mig><pending_mig>Enabled</pending_mig></mig_mode>
  <mig_devices>
   <mig_device><index>0</index><gpu_instance_id>1</gpu_instance_id><compute_instance_id>0</compute_instance_id>
    <fb_memory_usage><total>40320 MiB</total></fb_memory_usage></mig_device>
   <mig_device><index>1</index><gpu_instance_id>2</gpu_instance_id><compute_instance_id>0</compute_instance_id>
    <fb_memory_usage><total>40320 MiB</total></fb_memory_usage></mig_device>
  </mig_devices>
  <serial>1562821083900</serial><uuid>{UUID}</uuid><vbios_version>96.00.74.00.09</vbios_version>
  <board_part_number>699-21010-0200-000</board_part_number>
  <inforom_version><img_version>H100.0200.00.04</img_version></inforom_version>
  <gpu_virtualization_mode><virtualization_mode>None</virtualization_mode><host_vgpu_mode>N/A</host_vgpu_mode>
  </gpu_virtualization_mode>
  <gpu_reset_status><reset_required>No</reset_required></gpu_reset_status>
  <gpu_recovery_action>None</gpu_recovery_action>
  <gsp_firmware_version>550.163.01</gsp_firmware_version>
  <fb_memory_usage><total>81559 MiB</total></fb_memory_usage>
  <cc_protected_memory_usage><total>0 MiB</total></cc_protected_memory_usage>
  <compute_mode>Default</compute_mode>
  <dram_encryption_mode><current_dram_encryption>N/A</current_dram_encryption></dram_encryption_mode>
  <ecc_mode><current_ecc>Enabled</current_ecc><pending_ecc>Enabled</pending_ecc></ecc_mode>
  <ecc_errors><aggregate><sram_uncorrectable_parity>1</sram_uncorrectable_parity>
   <sram_uncorrectable_secded>0</sram_uncorrectable_secded><dram_uncorrectable>2</dram_uncorrectable></aggregate>
  </ecc_errors>
  <retired_pages><multiple_single_bit_retirement><retired_count>N/A</retired_count></multiple_single_bit_retirement>
   <double_bit_retirement><retired_count>N/A</retired_count></double_bit_retirement>
   <pending_blacklist>N/A</pending_blacklist><pending_retirement>N/A</pending_retirement></retired_pages>
  <remapped_rows><remapped_row_corr>0</remapped_row_corr><remapped_row_unc>2</remapped_row_unc>
   <remapped_row_pending>No</remapped_row_pending><remapped_row_failure>No</remapped_row_failure></remapped_rows>
  <fabric><state>Completed</state><status>Success</status><cliqueId>7</cliqueId>
   <clusterUuid>8a3c3f4e-1111-2222-3333-444455556666</clusterUuid></fabric>
  <processes>
   <process_info><pid>7</pid><type>C</type>
    <process_name>/opt/venv/bin/python --token hunter2</process_name></process_info>
   <process_info><pid>8</pid><type>M+C</type><process_name>/usr/bin/nvidia-cuda-mps-server</process_name></process_info>
  </processes>
 </gpu>
</nvidia_smi_log>
"""

PROFILE = """\
# a mock
version: "1.0"
system:
  driver_version: "550.163.01"
  cuda_version: "12.4"
device_defaults:
  name: "NVIDIA H100 80GB HBM3"
  architecture: "hopper"
  vbios_version: "96.00.74.00.09"
  persistence_mode: "enabled"
  compute_mode: "exclusive_process"
  memory:
    total_bytes: 85899345920
  ecc:
    mode_current: "enabled"
    mode_pending: "disabled"
    errors: {aggregate: {double_bit: {total: 3}}}
  retired_pages: {double_bit_retirement: {count: 1}, pending_retirement: true}
  remapped_rows: {uncorrectable: 2, pending: true, failure_occurred: false}
  mig: {mode_current: "disabled", mode_pending: "disabled"}
  fabric: {cluster_uuid: "00000000-0000-0000-0000-000000000001", clique_id: 0, state: "completed"}
  processes: []
devices:
  - index: 0
    uuid: "GPU-01000100-0000-0000-0000-000000000000"
    pci: {bus_id: "0000:1A:00.0"}
  - index: 1
    uuid: "GPU-01000100-0000-0000-0000-000000000001"
    ecc:
      mode_pending: "enabled"
    pci: {bus_id: "0000:1B:00.0"}
    processes:
      - {pid: 4, type: "C", name: "/usr/bin/train --key k"}
nvlink:
  switches:
    - bdf: "0000:05:00.0"
"""


def read(path: Path, text: str | bytes) -> Estate:
    """Write a record and read it."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return host.collect(Request(f"host:{path}", str(path), NOW))


def cards(estate: Estate) -> list[Asset]:
    """The GPUs of an estate."""
    return [a for a in estate.assets if a.kind is Kind.GPU]


def test_wear_fabric_partitions_and_processes_are_read(tmp_path: Path) -> None:
    """What nvidia-smi prints beyond its modes becomes facts; what the card does not have is not set."""
    (one,) = cards(read(tmp_path / "a.xml", XML))
    wanted = {
        "gpu.accounting": False,
        "gpu.ecc_uncorrected": 3,
        "gpu.retired_pages": None,
        "gpu.retire_pending": None,
        "gpu.rows_remapped": 2,
        "gpu.memory_mib": 81559,
        "gpu.cc_memory_mib": 0,
        "gpu.dram_encrypted": None,
        "gpu.fabric_state": "Completed",
        "gpu.fabric": "8a3c3f4e-1111-2222-3333-444455556666/7",
        "gpu.reset_required": False,
        "gpu.recovery": None,
        "gpu.part_number": "699-21010-0200-000",
        "gpu.mig_instances": 2,
        "gpu.mig_layout": ("1/0 40320 MiB", "2/0 40320 MiB"),
        "gpu.process_types": ("C python", "M+C nvidia-cuda-mps-server"),
    }
    assert {name: one.value(name) for name in wanted} == wanted


def test_arguments_of_processes_are_not_kept(tmp_path: Path) -> None:
    """A process is its type and program: where it lies and what it was called with may be secret."""
    assert "hunter2" not in str(read(tmp_path / "a.xml", XML).assets)


def test_what_an_older_driver_does_not_print_is_unknown(tmp_path: Path) -> None:
    """A driver without an element leaves its fact unknown, not absent and not zero."""
    text = XML.replace("cc_protected_memory_usage", "other").replace("aggregate>", "elsewhere>")
    (one,) = cards(read(tmp_path / "a.xml", text))
    for name in ("gpu.cc_memory_mib", "gpu.ecc_uncorrected"):
        found = one.value(name)
        assert isinstance(found, Unknown)
        assert found.code is GapCode.UNSUPPORTED


def test_a_profile_is_read_as_nvidia_smi_would_print_it(tmp_path: Path) -> None:
    """Every device has the defaults with its own over them, its place in the file, and the facts of a card."""
    found = read(tmp_path / "h100.yaml", PROFILE)
    first, second = cards(found)
    assert first.id == "gpu:GPU-01000100-0000-0000-0000-000000000000"
    wanted = {
        "gpu.model": "NVIDIA H100 80GB HBM3",
        "gpu.architecture": "Hopper",
        "gpu.pci": "0000:1a:00.0",
        "gpu.ecc": True,
        "gpu.ecc_pending": False,
        "gpu.ecc_uncorrected": 3,
        "gpu.mig": False,
        "gpu.sharing": "none",
        "gpu.retired_pages": 1,
        "gpu.retire_pending": True,
        "gpu.rows_remapped": 2,
        "gpu.remap_pending": True,
        "gpu.memory_mib": 81920,
        "gpu.fabric": "00000000-0000-0000-0000-000000000001/0",
        "gpu.driver": "550.163.01",
        "gpu.processes": 0,
    }
    assert {name: first.value(name) for name in wanted} == wanted
    assert second.value("gpu.ecc_pending") is True
    assert second.value("gpu.process_types") == ("C train",)
    assert [c.where.line_start if c.where else 0 for c in (first, second)] == [24, 27]
    (machine,) = [a for a in found.assets if a.kind is Kind.HOST]
    assert machine.value("gpu.count") == 2


def test_the_checks_of_gpus_judge_a_profile(tmp_path: Path) -> None:
    """ECC that will be off, a pending reset and a driver with known holes fail, from a profile as from a machine."""
    found = read(tmp_path / "h100.yaml", PROFILE)
    failed = {
        (f.check, f.asset.rpartition("-")[2])
        for f in findings(found.assets, catalogue().checks.values(), NOW)
        if f.status is Status.FAIL
    }
    assert ("gpu.gpu.ecc-on", "000000000000") in failed
    assert ("gpu.gpu.ecc-on", "000000000001") not in failed
    assert "gpu.gpu.config-applied" in {c for c, _ in failed}
    assert "gpu.host.driver-patched" in {c for c, _ in failed}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("system: {a: 1\ndevice_defaults:\n", Malformed),
        ("system: 1\ndevice_defaults: {}\ndevices: []\n", Malformed),
        ("system: {}\ndevice_defaults: {}\ndevices: [7]\n", Malformed),
        ("system: {}\ndevice_defaults: {}\n", Malformed),
        ("system: {}\nsystem: {}\ndevice_defaults: {}\ndevices: []\n", Malformed),
        (b"system: {}\ndevice_defaults: \xff\n", Malformed),
        (f"system: {{}}\ndevice_defaults: {{}}\ndevices: [{'{},' * 1100}]\n", TooLarge),
        ("a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(8)
        ) + "system: {}\ndevice_defaults: {}\ndevices: []\n", Malformed),
    ],
    ids=["cut", "shape", "device", "no devices", "twice", "bytes", "many", "bomb"],
)  # fmt: skip
def test_a_profile_that_is_none_is_refused(text: str | bytes, error: type[Exception], tmp_path: Path) -> None:
    """A broken, doubled, overgrown or exploding profile is refused with its file."""
    with pytest.raises(error, match=r"p\.yaml"):
        read(tmp_path / "p.yaml", text)


def test_a_folder_may_hold_profiles_beside_records(tmp_path: Path) -> None:
    """In a folder a profile is read, other YAML is not ours, and a bare path is recognised."""
    (tmp_path / "a.xml").write_text(XML)
    (tmp_path / "values.yaml").write_text("replicas: 3\n")
    (tmp_path / "h100.yaml").write_text(PROFILE)
    found = host.collect(Request("host:x", str(tmp_path), NOW))
    assert len(cards(found)) == 3
    assert found.sources[0].files == 2
    assert find(str(tmp_path / "h100.yaml")).collector.scheme == "host"
    assert find(str(tmp_path)).collector.scheme == "host"


def test_a_card_of_the_inventory_is_the_card_that_the_machine_shows(tmp_path: Path) -> None:
    """A row with the card's UUID and the card itself are one; another serial number in the row is a disagreement."""
    sheet = tmp_path / "i.csv"
    sheet.write_text(f"name,kind,uuid,serial,owner\nrack 4 card 1,gpu,{UUID},1999999999999,Ada\n")
    listed = inventory.collect(Request("csv:i", str(sheet), NOW))
    (one,) = cards(join([listed, read(tmp_path / "a.xml", XML)], NOW))
    assert one.id == f"gpu:{UUID}"
    assert one.value("inventory.owner") == "Ada"
    assert isinstance(one.value("gpu.serial"), Unknown)
    assert "gpu.serial: 1562821083900 in host:" in str(one.value("sources.disagree"))


@pytest.mark.parametrize("name", ["a100", "b200", "gb200", "h100", "t4"])
def test_the_profiles_of_five_models_are_read_whole(name: str, vectors: Path) -> None:
    """NVIDIA's own profiles show every device with its UUID, its ECC, its memory's wear and its line."""
    path = vectors / f"gpu/nvml-mock-profiles/{name}.yaml"
    text = path.read_text(encoding="utf-8")
    root = profile.to_log(text.encode(), path.name)
    found = cards(host.collect(Request(f"host:{name}", str(path), NOW)))
    assert len(found) == sum(c.tag == "gpu" for c in root.children) >= 1
    assert all(f'uuid: "{g.value("gpu.uuid")}"' in text for g in found)
    assert {g.value("gpu.ecc") for g in found} == {True}
    assert {g.value("gpu.rows_remapped") for g in found} == {0}
    assert all(g.where and "- index:" in text.splitlines()[g.where.line_start - 1] for g in found)
