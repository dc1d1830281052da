"""The judge of virtual machines: passed-through GPUs, virtual functions, vGPUs, and whom they would be beside (sections 2 to 4)."""

from collections.abc import Iterator
from typing import NamedTuple

from strongroom.isolate.machines import BY_HAND, Device, Machine
from strongroom.isolate.slurm import Judged
from strongroom.isolate.virtual_facts import WHOLE, Facts, Gpu, Host
from strongroom.model.isolate import Reason, Rule, Rung, Verdict, worst

_ON = "on"


class _Got(NamedTuple):
    """A device that is asked for: its rung, and the GPUs that it may be of."""

    device: Device
    rung: Rung
    gpus: tuple[Gpu, ...]


def judge(rule: Rule, facts: Facts, machine: Machine) -> Judged:
    """What becomes of a machine, on its host where that is said, else on the best of those that are known."""
    label = facts.projects.get(machine.project)
    label = rule.sources.missing if label is None and rule.sources.missing in rule.labels else label
    host = facts.hosts.get(machine.host)
    got = [g for d in machine.devices if (g := _resolved(facts, host, machine, d)) is not None]
    if not got:
        return Judged(Verdict(), machine.project, label or "")
    rung = worst([_sealed(g.rung, machine, _places(facts, host)) for g in got])
    reasons = list(_by_hand(got))
    if label not in rule.labels:
        why = f"project {machine.project or 'of nobody'} has {'no label' if label is None else f'the label {label[:40]!r}'}"
        reasons.append(Reason("1.6", "no-label", why, "a project with one of the labels"))
        return Judged(Verdict(tuple(reasons)), machine.project, "", rung)
    if machine.host and host is None and rule.sensitive(label):
        reasons.append(
            Reason("2.2", "unknown-host", f"a GPU of host {machine.host}, which is not known", "a host that is")
        )
    reasons += _below(rule, label, machine, got, _places(facts, host))
    if host is not None:
        reasons += _met(rule, facts, machine, label, host, got)
    return Judged(Verdict(tuple(dict.fromkeys(reasons))), machine.project, label, rung)


def _places(facts: Facts, host: Host | None) -> tuple[Host, ...]:
    return (host,) if host is not None else tuple(facts.hosts.values())


def _resolved(facts: Facts, host: Host | None, machine: Machine, device: Device) -> _Got | None:
    """What a device is; None where it is none of a GPU."""
    gpus = host.gpus if host is not None else ()
    match device.road:
        case "pci":
            return _function(facts, host, machine, device)
        case "mdev":
            of = tuple(g for g in gpus if device.name in {m.lower() for m in g.mdevs})
            kind = next((k for g in of for m, k in g.mdevs.items() if m.lower() == device.name), "")
            return _Got(device, facts.rung(kind) if kind else Rung.UNKNOWN, of or gpus)
        case "placement":
            kinds = [facts.traits[t] for t in device.traits if t in facts.traits]
            return _Got(device, _placed(facts, device, kinds), gpus)
        case "alias" | "device-profile":
            named = facts.aliases.get(device.name)
            return _Got(device, facts.rung(named) if named else Rung.UNKNOWN, gpus)
    return _Got(device, Rung.UNKNOWN, gpus)


def _placed(facts: Facts, device: Device, kinds: list[str]) -> Rung:
    if device.name == "PGPU":
        return Rung.WHOLE
    return worst([facts.rung(k) for k in kinds]) if kinds else Rung.UNKNOWN


def _function(facts: Facts, host: Host | None, machine: Machine, device: Device) -> _Got | None:
    """A function of PCI: a GPU, a virtual function of one, what sits beside it on its board, or nothing of a GPU."""
    if host is None:
        return _Got(device, Rung.UNKNOWN, ()) if machine.host or not facts.hosts else _anywhere(facts, device)
    for gpu in host.gpus:
        kind = next((k for a, k in gpu.functions.items() if a.lower() == device.name), None)
        if kind is not None:
            return _Got(device, facts.rung(kind), (gpu,))
        if gpu.address.lower().rpartition(".")[0] == device.name.rpartition(".")[0]:
            return _Got(device, Rung.WHOLE, (gpu,))
    return None


def _anywhere(facts: Facts, device: Device) -> _Got:
    """An address without a host is a GPU on one and none on another."""
    kinds = [
        k for h in facts.hosts.values() for g in h.gpus for a, k in ((g.address, WHOLE), *g.functions.items())
        if a.lower() == device.name
    ]  # fmt: skip
    return _Got(device, worst([facts.rung(k) for k in kinds]) if kinds else Rung.UNKNOWN, ())


def _sealed(rung: Rung, machine: Machine, hosts: tuple[Host, ...]) -> Rung:
    """A whole GPU is one of a confidential machine where its memory is kept from the host, and the GPU's mode is on."""
    confidential = machine.sealed and any(h.cc == _ON for h in hosts)
    return Rung.CC_WHOLE if rung is Rung.WHOLE and confidential else rung


def _by_hand(got: list[_Got]) -> Iterator[Reason]:
    for one in got:
        if one.device.road == BY_HAND:
            yield Reason("4", BY_HAND, one.device.name, "devices that its manager gives it")


def _below(rule: Rule, label: str, machine: Machine, got: list[_Got], hosts: tuple[Host, ...]) -> Iterator[Reason]:
    least = rule.require[label].least
    for one in got:
        rung = _sealed(one.rung, machine, hosts)
        if rung is Rung.UNKNOWN:
            if rule.sensitive(label) or rule.unknown == "deny-all":
                found = f"{one.device.name}: nobody knows what it is"
                yield Reason("2.1", one.device.road, found, f"{least} for {label}")
        elif rung.depth > least.depth:
            why = ""
            if least is Rung.CC_WHOLE and rung is Rung.WHOLE:
                why = (
                    ", and the machine's memory is open to its host"
                    if not machine.sealed
                    else ", and its CC mode is not on"
                )
            yield Reason("2.2", one.device.road, f"{one.device.name} is {rung}{why}", f"{least} or better for {label}")


def _met(rule: Rule, facts: Facts, machine: Machine, label: str, host: Host, got: list[_Got]) -> Iterator[Reason]:
    """What speaks against a machine on its host: whose it is, its scrub, and the neighbours on its GPUs and islands."""
    if host.tenant and host.tenant != machine.project:
        yield Reason(
            "3.3",
            "tenant-node",
            f"a GPU of a host that is {host.tenant}'s",
            f"one of {machine.project} or of no tenant",
        )
    if host.scrub not in {"", "done"}:
        found = f"a GPU of host {machine.host}, whose scrub is {host.scrub}"
        yield Reason("3.6", "unscrubbed-node", found, "GPUs that were scrubbed, and shown to be")
    for one in got:
        for gpu in one.gpus:
            yield from _beside(rule, facts, machine, label, gpu, one)
        if one.rung in {Rung.WHOLE, Rung.CC_WHOLE}:
            yield from _island(rule, facts, machine, label, host, one)


def _others(machine: Machine, gpu: Gpu, facts: Facts) -> Iterator[tuple[str, str, str | None]]:
    for held in gpu.machines:
        if (held.name, held.project) != (machine.name, machine.project):
            yield held.name, held.project, facts.projects.get(held.project)


def _guarded(rule: Rule, *labels: str | None) -> bool:
    return any(label is None or rule.sensitive(label) for label in labels)


def _beside(rule: Rule, facts: Facts, machine: Machine, label: str, gpu: Gpu, one: _Got) -> Iterator[Reason]:
    sure = len(one.gpus) == 1
    for name, project, theirs in _others(machine, gpu, facts):
        if not _guarded(rule, label, theirs):
            continue
        if one.rung is Rung.MIG and theirs != label:
            found = f"{label} beside {name} of {project} ({theirs or 'no label'}) on GPU {gpu.address}"
            yield Reason("3.1", "mig-neighbour", found, "slices of one GPU for one label")
        elif sure and one.rung is not Rung.MIG:
            found = f"GPU {gpu.address}, which {name} of {project} ({theirs or 'no label'}) has too"
            yield Reason("3.1", "shared-device", found, "a device of its own")


def _island(rule: Rule, facts: Facts, machine: Machine, label: str, host: Host, one: _Got) -> Iterator[Reason]:
    islands = {g.island for g in one.gpus} - {""}
    for gpu in host.gpus:
        if gpu.island not in islands:
            continue
        for name, project, theirs in _others(machine, gpu, facts):
            if project != machine.project and _guarded(rule, label, theirs):
                found = f"{machine.project} beside {name} of {project} ({theirs or 'no label'}) in NVLink island {gpu.island}"
                yield Reason("3.2", "nvlink-island", found, "an island for one tenant")
                return
