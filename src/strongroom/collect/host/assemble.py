"""Documents and XML files of many hosts turned into one set of assets, each machine and each GPU once."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

import msgspec

from strongroom.collect.host import access, cards, gpus, kernel, machine, nics, smi, storage
from strongroom.collect.host.document import Document
from strongroom.collect.host.reading import Reading, Said
from strongroom.kit.identity import hashed
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Fact, Gap, Ref
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value, Where

_OF_THE_MACHINE = ("gpu.driver", "gpu.cc", "gpu.cc_ready")  # and so of each of its GPUs
KINDS = (Kind.HOST, Kind.GPU, Kind.NIC, Kind.DISK)


@dataclass(slots=True)
class Host:
    """What one record shows: the machine and its parts."""

    asset: Asset
    parts: list[Asset] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)


def from_document(document: Document, source: str) -> Host:
    """The host that the collector's output describes."""
    r = Reading(document)
    who = machine.identity(r)
    tech = machine.confidential(r)
    store = storage.read(r, machine.virtual(r), tech)
    g = gpus.Gpus(r)
    said = [
        ("host.id_source", who.source, "identity"),
        *machine.facts(r),
        *kernel.facts(r, store),
        *storage.facts(r, store),
        *access.facts(r),
        *gpus.facts(g, store),
    ]
    host = Host(
        _asset(who.id, Kind.HOST, "host", who.name, r.facts(said, source), Where(document.file, document.line), source)
    )
    inherited: list[Said] = [("cc.tech", tech, "virtualisation")]
    inherited += [s for s in said if s[0] in _OF_THE_MACHINE]
    for address in g.addresses():
        facts = r.facts([*cards.said(g, address), *inherited], source)
        host.parts.append(_gpu(who, address, facts, source))
    for nic in nics.cards(r):
        facts = r.facts(nics.facts(r, nic), source)
        ident = f"{who.id}/nic:{nic.pci or nic.name}"
        host.parts.append(_part(who, ident, Kind.NIC, "nic", nic.name, facts, source))
    for disk in store.disks:
        if disk.places:
            facts = r.facts(storage.disk_facts(disk, store), source)
            ident = f"{who.id}/disk:{disk.node.serial or disk.node.name}"
            host.parts.append(_part(who, ident, Kind.DISK, "disk", disk.node.name, facts, source))
    if store.trouble is not None:
        host.gaps.append(
            Gap(f"{who.name}: disks", source, store.trouble.code, store.trouble.detail, r.where("lsblk"), (Kind.DISK,))
        )
    own = [p.facts["gpu.model"].value for p in host.parts if p.kind is Kind.GPU and "gpu.model" in p.facts]
    host.asset = msgspec.structs.replace(
        host.asset,
        aliases=who.aliases,
        name=who.name,
        facts=host.asset.facts | _model(own, host.asset, source),
    )
    return host


def _model(own: Sequence[Value], host: Asset, source: str) -> dict[str, Fact]:
    """The model of all accelerators of a host, where they are of one."""
    known = sorted({m for m in own if isinstance(m, str)})
    return {"gpu.model": Fact("gpu.model", ", ".join(known), host.where, source)} if known else {}


def from_xml(root: smi.Element, file: str, source: str) -> Host:
    """The host behind a lone `nvidia-smi -q -x` file: it shows the GPUs and the driver, and nothing of the machine."""
    found = list(smi.gpus(root))
    uuids = sorted(str(smi.text(e, "uuid")) for _, e in found)
    attached = smi.number(root, "attached_gpus")
    count = f"{root.teller} counts {attached} GPUs and lists {len(found)}"
    where = Where(file, root.line)
    stamp = smi.text(root, "timestamp")
    when: Value = stamp
    if root.teller == "nvidia-smi":
        when = Unknown(GapCode.UNSUPPORTED, f"{file}: nvidia-smi writes local time without its zone ({stamp})")
    if not isinstance(stamp, str):
        when = Unknown(GapCode.ABSENT, f"{file}: it does not say when it was written")
    said: dict[str, Value] = {
        "host.id_source": "gpus",
        "host.collected_at": when,
        "gpu.count": len(found),
        "gpu.unaccounted": attached if isinstance(attached, Unknown) else (count,) if attached != len(found) else (),
        "gpu.driver": smi.text(root, "driver_version"),
        "version.cuda": smi.text(root, "cuda_version"),
    }
    said |= _beside(root)
    name = PurePath(file).stem
    who = machine.Identity(f"host:{hashed(' '.join(uuids))}", "gpus", name, ())
    facts = {n: Fact(n, v, where, source) for n, v in said.items()}
    host = Host(_asset(who.id, Kind.HOST, "host", name, facts, where, source))
    # The cards are read by the same code as the collector's, from a document that holds nothing but the XML.
    empty = gpus.Gpus(Reading(Document(file, root.line, {})))
    empty.log = root
    for address, element in found:
        said_of = cards.said(empty, address)
        here = Where(file, element.line)
        facts = {n: Fact(n, v, here, source) for n, v, _ in said_of} | {
            n: Fact(n, said[n], here, source) for n in _OF_THE_MACHINE if n in said
        }
        host.parts.append(_gpu(who, address, facts, source))
    return host


def _beside(root: smi.Element) -> dict[str, Value]:
    """What a record of NVML or a profile says of the machine that nvidia-smi does not print."""
    said: dict[str, Value] = {}
    if root.find("nvml_version") is not None:
        version = smi.text(root, "nvml_version")
        said["gpu.library"] = gpus.library(version) if isinstance(version, str) else version
    if root.find("cc_mode") is not None:
        said["gpu.cc"] = smi.text(root, "cc_mode")
        said["gpu.cc_ready"] = smi.flag(root, "cc_ready")
    return said


def _gpu(who: machine.Identity, address: str, facts: dict[str, Fact], source: str) -> Asset:
    uuid = facts["gpu.uuid"].value if "gpu.uuid" in facts else None
    ident = f"gpu:{uuid}" if isinstance(uuid, str) and uuid else f"{who.id}/gpu:{address}"
    # The place stays its name where a record without root cannot show the UUID.
    part = _part(who, ident, Kind.GPU, "gpu", address, facts, source)
    return msgspec.structs.replace(part, aliases=(f"{who.id}/gpu:{address}",))


def _part(
    who: machine.Identity, ident: str, kind: Kind, native: str, name: str, facts: dict[str, Fact], source: str
) -> Asset:
    where = next((f.where for f in facts.values()), None)
    part = _asset(ident, kind, native, f"{who.name}/{name}", facts, where, source)
    return msgspec.structs.replace(part, name=name, refs=(Ref("host", who.id),))


def _asset(
    ident: str, kind: Kind, native: str, address: str, facts: dict[str, Fact], where: Where | None, source: str
) -> Asset:
    return Asset(
        id=ident,
        kind=kind,
        native_type=native,
        address=address,
        provider="onprem",
        facts=facts,
        where=where,
        origin=source,
    )


def join(hosts: Iterable[Host], source: str) -> tuple[list[Asset], list[Gap]]:
    """All assets, each id once. Of two records of one machine the newer counts; two machines with one id (cloned
    images share their machine-id) keep both records under ids of their own, and each says with whom it shares.
    """
    by_id: dict[str, list[Host]] = defaultdict(list)
    for host in hosts:
        by_id[host.asset.id].append(host)
    assets: list[Asset] = []
    gaps: list[Gap] = []
    kept = [h for same in by_id.values() for h in _apart(same, source)]
    kept.sort(key=lambda h: h.asset.facts["host.id_source"].value == "gpus")
    gpus_of: dict[str, str] = {}
    for host in kept:
        parts = [p for p in host.parts if p.kind is not Kind.GPU or p.id not in gpus_of]
        lone = host.asset.facts["host.id_source"].value == "gpus"
        if lone and host.parts and not parts:
            continue  # the XML of a machine whose whole record was read as well
        gaps += host.gaps
        gaps += [] if lone else [_twice(p, gpus_of[p.id], host, source) for p in host.parts if p not in parts]
        gpus_of |= {p.id: host.asset.address for p in parts if p.kind is Kind.GPU}
        assets += [host.asset, *_unique(parts)]
    return assets, gaps


def _unique(parts: Sequence[Asset]) -> Sequence[Asset]:
    """Parts of one host with one id (two disks with one serial) keep their names in their ids."""
    seen: dict[str, int] = defaultdict(int)
    for p in parts:
        seen[p.id] += 1
    return [msgspec.structs.replace(p, id=f"{p.id}/{p.name}") if seen[p.id] > 1 else p for p in parts]


def _twice(gpu: Asset, other: str, host: Host, source: str) -> Gap:
    detail = f"{gpu.id} is in the record of {other} too; one of the two is out of date"
    return Gap(host.asset.address, source, GapCode.CONFLICT, detail, gpu.where, (Kind.GPU,))


def _apart(same: Sequence[Host], source: str) -> Sequence[Host]:
    """Records with one id: the newest of each machine."""
    machines: list[list[Host]] = []
    for host in same:
        known = next((m for m in machines if any(_one_machine(host, other) for other in m)), None)
        if known is None:
            machines.append([host])
        else:
            known.append(host)
    newest = [_newest(records, source) for records in machines]
    if len(newest) == 1:
        return newest
    names = [h.asset.address for h in newest]
    return [_renamed(h, str(i), [n for j, n in enumerate(names) if j != i], source) for i, h in enumerate(newest)]


def _one_machine(a: Host, b: Host) -> bool:
    """Whether two records with one id are of one machine: by mainboard, which only root's record has, else by name."""
    if _board(a) and _board(b):
        return _board(a) == _board(b)
    return a.asset.address == b.asset.address or a.asset.facts["host.id_source"].value == "gpus"


def _board(host: Host) -> str:
    return next((a for a in host.asset.aliases if a.startswith("dmi:")), "")


def _newest(records: Sequence[Host], source: str) -> Host:
    """The newest record; where only a name says that they are of one machine, the others are gaps."""
    newest = max(records, key=_taken)
    if newest.asset.facts["host.id_source"].value == "hostname":
        detail = (
            "another record carries the same name, and nothing else tells the machines apart; only the newer was judged"
        )
        newest.gaps += [
            Gap(str(h.asset.where), source, GapCode.CONFLICT, detail, h.asset.where, KINDS)
            for h in records
            if h is not newest
        ]
    return newest


def _taken(host: Host) -> str:
    at = host.asset.facts["host.collected_at"].value
    return at if isinstance(at, str) else ""


def _renamed(host: Host, number: str, others: Sequence[str], source: str) -> Host:
    old = host.asset.id
    new = f"{old}/{_board(host) or host.asset.address or number}"
    shared = Fact("host.id_shared", tuple(others), host.asset.where, source)
    asset = msgspec.structs.replace(host.asset, id=new, facts=host.asset.facts | {"host.id_shared": shared})
    parts = [
        msgspec.structs.replace(
            p,
            id=_moved(p.id, old, new),
            aliases=tuple(_moved(a, old, new) for a in p.aliases),
            refs=(Ref("host", new),),
        )
        for p in host.parts
    ]
    return Host(asset, parts, host.gaps)


def _moved(ident: str, old: str, new: str) -> str:
    return new + ident.removeprefix(old) if ident.startswith(old + "/") else ident
