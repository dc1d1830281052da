"""The physical network cards: Ethernet interfaces and InfiniBand adapters, joined by their PCI address."""

from collections.abc import Iterator
from dataclasses import dataclass

from strongroom.collect.host.document import Section
from strongroom.collect.host.reading import Reading, Said
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value


@dataclass(frozen=True, slots=True)
class Nic:
    """One card: its name, its place on the bus, and the sections that describe it."""

    name: str
    pci: str
    net: Section | None
    ib: Section | None


def cards(r: Reading) -> Iterator[Nic]:
    """Every card once; an InfiniBand adapter without a network interface is one too."""
    adapters = {r.words(f"ib:{name}").get("pci", name): (name, section) for name, section in r.named("ib")}
    for name, section in r.named("net"):
        pci = r.words(f"net:{name}").get("pci", "")
        _, ib = adapters.pop(pci, ("", None))
        yield Nic(name, pci, section, ib)
    for pci, (name, section) in adapters.items():
        yield Nic(name, pci, None, section)


def facts(r: Reading, nic: Nic) -> Iterator[Said]:
    """The facts of one card."""
    net = r.words(nic.net.name) if nic.net is not None else {}
    section = (nic.net or nic.ib or Section("", "ok", "", (), 0)).name
    yield "nic.pci", nic.pci or None, section
    if nic.net is not None:
        yield "nic.mac", r.value(f"/sys/class/net/{nic.name}/address"), section
        yield "nic.driver", net.get("driver"), section
    yield "nic.firmware", _firmware(r, nic, net), section
    if nic.ib is not None:
        folder = f"/sys/class/infiniband/{nic.ib.name.partition(':')[2]}/"
        link = r.value(folder + "ports/1/link_layer")
        yield "nic.link", link.lower() if isinstance(link, str) else link, nic.ib.name
        if isinstance(link, str) and link.lower() == "infiniband":
            yield "ib.pkeys", _pkeys(r, nic.ib), nic.ib.name
    elif nic.net is not None:
        yield "nic.link", "ethernet", section


def _firmware(r: Reading, nic: Nic, net: dict[str, str]) -> Value:
    if nic.ib is not None:
        version = r.value(f"/sys/class/infiniband/{nic.ib.name.partition(':')[2]}/fw_ver")
        if isinstance(version, str) and version:
            return version
    said = net.get("firmware-version", "")
    if said and said != "N/A":
        return said
    if net.get("driver", "").startswith("virtio") or net.get("driver") in (
        "ena",
        "gve",
        "hv_netvsc",
        "xen_netfront",
        "vmxnet3",
    ):
        return None  # a virtual card: its firmware is the host's
    missing = net.get("no-ethtool", "ethtool -i: it prints no firmware-version")
    return Unknown(GapCode.ABSENT, f"{nic.name}: {missing}")


def _pkeys(r: Reading, ib: Section) -> Value:
    """The partition keys of all ports, without the empty slots. IBA Vol. 1 §10.9: bit 15 set is full membership."""
    keys = r.words(ib.name).get("pkeys", "").split()
    if not keys:
        return Unknown(GapCode.ABSENT, f"/sys/class/infiniband/{ib.name.partition(':')[2]}/ports/*/pkeys: not readable")
    return tuple(k for k in keys if k != "0x0000")
