"""Virtual machines: GPUs passed through, virtual functions, vGPUs, and whom they would be beside."""

import json
from pathlib import Path

import clusters as a
import msgspec
import pytest
from click.testing import CliRunner

from strongroom.app.isolation_machine import judge
from strongroom.cli.commands.isolate.machine import COMMAND
from strongroom.isolate import vgpu, virtual_facts
from strongroom.isolate.virtual_facts import Facts
from strongroom.model.isolate import Rung

Json = dict[str, object]
SLICED = {"0000:41:00.4": "NVIDIA H100-1-10C", "0000:41:00.5": "NVIDIA H100-1-10C"}
MDEV = "c0ffee00-0000-4000-8000-000000000001"


def facts(**hosts: Json) -> Facts:
    """Projects of each label, and hosts with a GPU."""
    table: Json = {
        "schema": "strongroom.virtual/1",
        "projects": {"open": "public", "red": "restricted", "blue": "restricted", "secret": "confidential"},
        "aliases": {"h200": "whole", "slice": "NVIDIA H100-1-10C", "turn": "NVIDIA A40-8Q"},
        "traits": {"CUSTOM_A40_8Q": "NVIDIA A40-8Q", "CUSTOM_A40_48Q": "NVIDIA A40-48Q"},
        "profiles": {"NVIDIA A40-48Q": {"most": 1}},
        "hosts": hosts or {"hv": host()},
    }
    return virtual_facts.read(json.dumps(table).encode(), "facts")


def host(machines: tuple[tuple[str, str], ...] = (), island: str = "", **more: object) -> Json:
    """A host with one GPU, and the machines that are on it."""
    gpu = {
        "address": "0000:41:00.0", "island": island, "functions": SLICED, "mdevs": {MDEV: "NVIDIA A40-8Q"},
        "machines": [{"name": n, "project": p} for n, p in machines],
    }  # fmt: skip
    return {"gpus": [gpu], **more}


def domain(devices: str = "", rest: str = "") -> bytes:
    """A domain of libvirt."""
    return f"<domain type='kvm'><name>vm</name>{rest}<devices>{devices}</devices></domain>".encode()


def pci(function: str = "0", kind: str = "hostdev") -> str:
    """A function of PCI that is given to a domain."""
    address = f"<address domain='0x0000' bus='0x41' slot='0x00' function='0x{function}'/>"
    if kind == "interface":
        address = address.replace("<address", "<address type='pci'")
        return f"<interface type='hostdev'><source>{address}</source></interface>"
    return f"<hostdev mode='subsystem' type='pci'><source>{address}</source></hostdev>"


def mdev(uuid: str = MDEV) -> str:
    """A mediated device that is given to a domain."""
    return f"<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='{uuid}'/></source></hostdev>"


def server(project: str, where: str = "", **words: str) -> bytes:
    """A server of OpenStack."""
    specs = {k.replace("__", ":"): v for k, v in words.items()}
    return json.dumps(
        {"name": "s", "project_id": project, "OS-EXT-SRV-ATTR:host": where, "flavor": {"properties": specs}}
    ).encode()


def denied(machine: bytes, project: str = "", where: str = "", known: Facts | None = None) -> set[str]:
    """The clauses by which a machine is denied."""
    return a.clauses(judge(a.RULE, known or facts(), machine, project, where).verdict)


SEALED = "<launchSecurity type='sev-snp'/>"
HAND = "<c:commandline xmlns:c='http://libvirt.org/schemas/domain/qemu/1.0'><c:arg value='vfio-pci,host=41:00.0'/></c:commandline>"


@pytest.mark.parametrize(
    ("devices", "rest", "project", "found"),
    [
        ("", "", "nobody", set()),
        (pci(), "", "open", set()),
        (pci(), "", "red", set()),
        (pci("1"), "", "red", set()),
        (pci(), "", "secret", {"2.2"}),
        (pci(), SEALED, "secret", set()),
        (pci("4"), "", "red", set()),
        (pci("4"), SEALED, "secret", {"2.2"}),
        (pci("4", "interface"), SEALED, "secret", {"2.2"}),
        (mdev(), "", "open", set()),
        (mdev(), "", "red", {"2.2"}),
        (mdev("c0ffee00-0000-4000-8000-00000000dead"), "", "red", {"2.1"}),
        (mdev("c0ffee00-0000-4000-8000-00000000dead"), "", "open", set()),
        (pci(), "", "nobody", {"1.6"}),
        ("", HAND, "open", {"4"}),
        ("", HAND, "red", {"4", "2.1"}),
        (pci().replace("0x41", "0x99"), "", "secret", set()),
    ],
)
def test_a_domain_is_judged_by_what_its_devices_are(devices: str, rest: str, project: str, found: set[str]) -> None:
    """A GPU, a slice, a turn on one and what nobody knows are told apart by the address on the host."""
    known = facts(hv=host(cc="on"))
    assert denied(domain(devices, rest), project, "hv", known) == found


@pytest.mark.parametrize(
    ("words", "project", "found"),
    [
        ({}, "red", set()),
        ({"pci_passthrough__alias": "h200:8"}, "red", set()),
        ({"pci_passthrough__alias": "h200:8"}, "secret", {"2.2"}),
        ({"pci_passthrough__alias": "h200:8", "hw__mem_encryption": "True"}, "secret", set()),
        ({"pci_passthrough__alias": "h200:1,turn:1"}, "red", {"2.2"}),
        ({"pci_passthrough__alias": "turn:0"}, "red", set()),
        ({"pci_passthrough__alias": "slice:1"}, "red", set()),
        ({"pci_passthrough__alias": "no-such:1"}, "red", {"2.1"}),
        ({"resources__VGPU": "1"}, "red", {"2.1"}),
        ({"resources__VGPU": "1"}, "open", set()),
        ({"resources__VGPU": "1", "trait__CUSTOM_A40_8Q": "required"}, "red", {"2.2"}),
        ({"resources__VGPU": "1", "trait__CUSTOM_A40_48Q": "required"}, "red", set()),
        ({"resources__VGPU": "1", "trait__CUSTOM_A40_48Q": "forbidden"}, "red", {"2.1"}),
        ({"resources1__VGPU": "1", "trait1__CUSTOM_A40_8Q": "required"}, "red", {"2.2"}),
        ({"resources__PGPU": "1"}, "red", set()),
        ({"accel__device_profile": "turn"}, "red", {"2.2"}),
        ({"resources__VGPU": "1"}, "nobody", {"1.6"}),
    ],
)
def test_a_flavour_is_judged_by_what_it_demands(words: dict[str, str], project: str, found: set[str]) -> None:
    """Aliases, classes of resources with traits, and device profiles lead to the rung that a server would get."""
    assert denied(server(project, **words), known=facts(hv=host(cc="on"))) == found


@pytest.mark.parametrize(
    ("devices", "project", "beside", "island", "more", "found"),
    [
        (pci("4"), "red", "blue", "", {}, set()),
        (pci("4"), "red", "open", "", {}, {"3.1"}),
        (pci("4"), "open", "red", "", {}, {"3.1"}),
        (pci(), "red", "open", "", {}, {"3.1"}),
        (pci(), "red", "blue", "i1", {}, {"3.1", "3.2"}),
        (mdev(), "open", "open", "", {}, set()),
        (mdev(), "open", "red", "", {}, {"3.1"}),
        (pci("4"), "red", "red", "", {"tenant": "blue"}, {"3.3"}),
        (pci("4"), "red", "red", "", {"scrub": "pending"}, {"3.6"}),
        (pci("4"), "red", "stranger", "", {}, {"3.1"}),
    ],
)
def test_neighbours_on_a_host(
    devices: str, project: str, beside: str, island: str, more: Json, found: set[str]
) -> None:
    """Slices are for one label, whole GPUs and islands for one tenant, and a host for whom it is kept and once it is scrubbed."""
    known = facts(hv=host((("other", beside),), island, **more))
    assert denied(domain(devices), project, "hv", known) == found


def test_a_host_that_nobody_knows_gives_a_sensitive_machine_nothing() -> None:
    """What an address is on a host that is not known is not known."""
    assert denied(domain(pci()), "red", "elsewhere") == {"2.1", "2.2"}


@pytest.mark.parametrize(
    ("name", "most", "per_slice", "rung"),
    [
        ("GRID T4-1Q", None, None, Rung.SHARED),
        ("NVIDIA A40-48Q", 1, None, Rung.WHOLE),
        ("NVIDIA A40-48Q", None, None, Rung.SHARED),
        ("NVIDIA A100-1-5C", None, None, Rung.MIG),
        ("NVIDIA A100-1-5CME", None, None, Rung.MIG),
        ("NVIDIA H100XM-7-80C", None, None, Rung.MIG),
        ("NVIDIA H200-1-18C", None, 2, Rung.SHARED),
        ("NVIDIA RTX Pro 6000 Blackwell DC-1-12Q", None, None, Rung.UNKNOWN),
        ("NVIDIA RTX Pro 6000 Blackwell DC-1-24Q", None, 1, Rung.MIG),
        ("nvidia-233", None, None, Rung.UNKNOWN),
        ("", None, None, Rung.UNKNOWN),
    ],
)
def test_types_of_vgpus(name: str, most: int | None, per_slice: int | None, rung: Rung) -> None:
    """A type with a number of slices is an instance of MIG, one without takes turns, and any other is not known."""
    assert vgpu.rung(name, most, per_slice) is rung


@pytest.mark.parametrize(
    "machine",
    [
        b"", b"<", b"<domain>", b"<domain><!-- c --></domain>", b"<other/>", b"{}", b"[]", b'{"flavor": 3}', b'{"a": 1, "a": 2}',
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><domain/>", b"[" * 5000, domain(pci().replace("0x41", "zz")),
    ],
)  # fmt: skip
def test_what_is_no_machine_is_denied(machine: bytes) -> None:
    """Whatever cannot be read is denied as that, and nothing fails."""
    assert denied(machine, "red") == {"7"}


def test_the_owner_that_nova_wrote_counts() -> None:
    """A domain of Nova says whose it is."""
    owner = "<metadata><nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'><nova:owner><nova:project uuid='red'/></nova:owner></nova:instance></metadata>"
    found = judge(a.RULE, facts(), domain(mdev(), owner), host="hv")
    assert (found.tenant, found.label) == ("red", "restricted")
    assert a.clauses(found.verdict) == {"2.2"}


def test_the_command_says_the_verdict_by_its_exit(tmp_path: Path) -> None:
    """0 is allowed, 1 denied, 2 facts that cannot be read."""
    known, machine = tmp_path / "facts.json", tmp_path / "vm.xml"
    known.write_bytes(msgspec.json.encode(facts()))
    machine.write_bytes(domain(mdev()))
    asked = ["--facts", str(known), "--machine", str(machine), "--host", "hv", "--project"]
    assert CliRunner().invoke(COMMAND, [*asked, "open"]).exit_code == 0
    found = CliRunner().invoke(COMMAND, [*asked, "red"])
    assert found.exit_code == 1
    assert json.loads(found.output)["reasons"][0]["clause"] == "2.2"
    assert "2.2" in CliRunner().invoke(COMMAND, [*asked, "red", "--format", "table"]).output
    known.write_text("{}")
    assert CliRunner().invoke(COMMAND, [*asked, "red"]).exit_code == 2
