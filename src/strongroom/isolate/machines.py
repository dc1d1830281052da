"""Virtual machines as their managers describe them: a domain of libvirt, a server of OpenStack with its flavour.

libvirt, "Domain XML format": `hostdev` of a PCI function or a mediated device, `launchSecurity`. OpenStack Nova, "Attaching
physical PCI devices", "Attaching virtual GPU devices to guests", "Flavors": `pci_passthrough:alias`, `resources:VGPU`,
`resources:PGPU`, `trait:…`, `accel:device_profile`, `hw:mem_encryption`. The properties of an image are its maker's, and a
user may make one: they may ask more, and never turn what the flavour demands into less.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from strongroom.kit import xml_tree
from strongroom.kit.xml_tree import Element
from strongroom.model.errors import Malformed

_SEALED = frozenset({"sev", "sev-snp", "tdx", "s390-pv"})
_QEMU = "http://libvirt.org/schemas/domain/qemu/"
BY_HAND = "qemu-commandline"
_NOVA = "http://openstack.org/xmlns/libvirt/nova/1."
_GROUPED = re.compile(r"(resources|trait|accel)(\d*|_[\w-]+):(.+)")
_VGPU, _PGPU = "VGPU", "PGPU"
_TRUE = frozenset({"true", "1", "yes"})


class Device(NamedTuple):
    """A device that a machine asks for, by the road on which it comes, and its name there."""

    road: str
    name: str
    traits: tuple[str, ...] = ()


class Machine(NamedTuple):
    """A machine: whose, where if that is said, what it asks, and whether its memory is kept from its host."""

    name: str
    project: str
    host: str
    devices: tuple[Device, ...]
    sealed: bool


def domain(data: bytes, project: str, host: str, subject: str = "domain") -> Machine:
    """A domain of libvirt, as `virsh dumpxml` prints it. Raises Malformed, TooLarge."""
    root = xml_tree.parse(data)
    if root.local != "domain":
        raise Malformed(subject, f"<{root.name}>", "a domain", "virsh dumpxml NAME prints one")
    owner = project or _owner(root)
    launch = root.elements(local="launchSecurity")
    sealed = any(one.get("type") in _SEALED for one in launch)
    devices = tuple(d for part in root.elements(local="devices") for d in _attached(part, subject))
    devices += tuple(_by_hand(root))
    name = next((one.text.strip() for one in root.elements(local="name")), "")
    return Machine(name, owner, host, devices, sealed)


def _owner(root: Element) -> str:
    """The project that Nova wrote into a domain's metadata."""
    for one in root.walk():
        if one.local == "project" and one.space.startswith(_NOVA):
            return one.get("uuid")
    return ""


def _attached(devices: Element, subject: str) -> Iterator[Device]:
    for one in (*devices.elements(local="hostdev"), *devices.elements(local="interface")):
        for source in one.elements(local="source"):
            for address in source.elements(local="address"):
                if one.get("type") == "mdev":
                    yield Device("mdev", address.get("uuid").lower())
                elif one.get("type") == "pci" or address.get("type") == "pci":
                    yield Device("pci", _address(address, subject))


def _by_hand(root: Element) -> Iterator[Device]:
    """Devices that are given to QEMU past libvirt, by its command line."""
    for one in root.walk():
        if one.local == "arg" and one.space.startswith(_QEMU) and "vfio" in one.get("value"):
            yield Device(BY_HAND, one.get("value")[:80])


def _address(found: Element, subject: str) -> str:
    try:
        parts = [int(found.get(word) or "0", 16) for word in ("domain", "bus", "slot", "function")]
    except ValueError:
        raise Malformed(subject, "an address of PCI that is none", "domain, bus, slot and function") from None
    return "{:04x}:{:02x}:{:02x}.{:x}".format(*parts)


class _Flavour(msgspec.Struct):
    properties: dict[str, str] | None = None
    extra_specs: dict[str, str] | None = None

    def words(self) -> dict[str, str]:
        return {**(self.properties or {}), **(self.extra_specs or {})}


class _Server(msgspec.Struct):
    flavor: _Flavour
    name: str = ""
    project_id: str = ""
    tenant_id: str = ""
    host: str = msgspec.field(default="", name="OS-EXT-SRV-ATTR:host")
    hypervisor: str = msgspec.field(default="", name="OS-EXT-SRV-ATTR:hypervisor_hostname")


def server(data: bytes, project: str, host: str, subject: str = "server") -> Machine:
    """A server of OpenStack, as `openstack server show -f json` prints it, and its flavour whole. Raises Malformed."""
    try:
        found = msgspec.json.decode(data, type=_Server)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        hint = "openstack server show NAME -f json; its flavour with properties or extra_specs"
        raise Malformed(subject, str(e)[:160].lower(), "a server with its flavour", hint) from None
    words = found.flavor.words()
    owner = project or found.project_id or found.tenant_id
    sealed = words.get("hw:mem_encryption", "").lower() in _TRUE
    return Machine(found.name, owner, host or found.host or found.hypervisor, tuple(_specs(words)), sealed)


def _specs(words: Mapping[str, str]) -> Iterator[Device]:
    """What the properties of a flavour ask. Groups of the placement service (`resources1:`, `trait1:`) go together."""
    for alias in words.get("pci_passthrough:alias", "").split(","):
        name, _, number = alias.strip().partition(":")
        if name and number.strip() != "0":
            yield Device("alias", name)
    traits: dict[str, list[str]] = {}
    asked: list[tuple[str, str]] = []
    for key, value in words.items():
        found = _GROUPED.fullmatch(key)
        if found is None:
            continue
        kind, group, name = found.groups()
        if kind == "trait" and value.lower() == "required":
            traits.setdefault(group, []).append(name)
        elif kind == "resources" and value.strip() != "0" and (name in {_VGPU, _PGPU} or "GPU" in name.upper()):
            asked.append((group, name))
        elif kind == "accel" and name == "device_profile":
            yield Device("device-profile", value)
    for group, name in asked:
        yield Device("placement", name, tuple(traits.get(group, []) or (traits.get("", []) if group else [])))
