"""Drift: what GPUs are really used by and really are, beside what the cluster says (isolation rule, section 9).

The uses are measured on the nodes: allocations by the kubelet, processes by the driver, states by the hardware.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from strongroom.isolate import claims, meeting, slurm, slurm_job
from strongroom.isolate.device_objects import Claim
from strongroom.isolate.meeting import account
from strongroom.isolate.objects import Pod, PodSpec
from strongroom.isolate.slurm_facts import Facts
from strongroom.isolate.state import State, running
from strongroom.isolate.subjects import Who, who
from strongroom.isolate.uses import SLURM, Gpu, Process, Uses
from strongroom.model.isolate import Rule, Rung


class Drifted(NamedTuple):
    """Something that is not as it must be: a code of section 9, the GPU, and what was found."""

    code: str
    node: str
    gpu: str
    found: str


class _Held(NamedTuple):
    name: str
    who: Who


class _Scene(NamedTuple):
    rule: Rule
    state: State
    uses: Uses
    facts: Facts
    granted: dict[str, set[str]]  # by claims of DRA, which no device manager knows: names of pods by GPU


def _scene(rule: Rule, state: State, uses: Uses, facts: Facts | None) -> _Scene:
    """Everything, with each pod by its name, also where a node knew its uid alone."""
    names = {pod.metadata.uid: "/".join(key) for key, pod in state.pods if pod.metadata.uid}
    granted: defaultdict[str, set[str]] = defaultdict(set)
    for key, claim in state.all("ResourceClaim").items():
        if isinstance(claim, Claim):
            for gpu, _ in meeting.given(state, claim):
                granted[gpu] |= {f"{space}/{name}" for space, name in claims.users(claim, key, state)}
    gpus = tuple(_named(gpu, names) for gpu in uses.gpus)
    return _Scene(rule, state, msgspec.structs.replace(uses, gpus=gpus), facts or Facts(), dict(granted))


def _named(gpu: Gpu, names: dict[str, str]) -> Gpu:
    return msgspec.structs.replace(
        gpu,
        allocated=tuple(names.get(n, n) for n in gpu.allocated),
        processes=tuple(msgspec.structs.replace(p, pod=names.get(p.pod, p.pod)) for p in gpu.processes),
        instances=tuple(
            msgspec.structs.replace(i, allocated=tuple(names.get(n, n) for n in i.allocated)) for i in gpu.instances
        ),
    )


def drift(rule: Rule, state: State, uses: Uses, facts: Facts | None = None) -> Iterator[Drifted]:
    """Everything that is not as it must be, GPU by GPU, and then island by island. `facts` tell whose jobs of Slurm are."""
    scene = _scene(rule, state, uses, facts)
    islands: defaultdict[str, list[tuple[Gpu, _Held]]] = defaultdict(list)
    for gpu in scene.uses.gpus:
        held = {h.name: h for h in _held(scene, gpu)}
        yield from _processes(scene, gpu)
        yield from _mixed(rule, gpu, list(held.values()))
        yield from _rungs(scene, gpu, list(held.values()))
        yield from _facts(state, gpu)
        node = state.node(gpu.node)
        if node is not None and node.island:
            islands[node.island] += [(gpu, h) for h in held.values()]
    for island, members in sorted(islands.items()):
        yield from _island(rule, island, members)


def _pod(state: State, name: str) -> Pod | None:
    space, _, own = name.partition("/")
    found = state.get("Pod", space, own)
    return found if isinstance(found, Pod) and running(found) else None


def apart(rule: Rule, state: State, uses: Uses, facts: Facts | None = None) -> Iterator[str]:
    """GPUs that two tenants have, of whatever labels, and that are not divided between them by MIG."""
    scene = _scene(rule, state, uses, facts)
    for gpu in scene.uses.gpus:
        held = list(_held(scene, gpu))
        tenants = sorted({h.who.tenant for h in held})
        if len(tenants) < 2:
            continue
        if not gpu.mig:
            yield f"{gpu.uuid} of {gpu.node}: {', '.join(tenants[:4])}, without MIG"
            continue
        for instance in gpu.instances:
            here = sorted({h.who.tenant for h in held if h.name in instance.allocated})
            if len(here) > 1:
                yield f"{instance.uuid} of {gpu.node}: {', '.join(here[:4])} in one MIG instance"


def _held(scene: _Scene, gpu: Gpu) -> Iterator[_Held]:
    """Who is on a GPU, by allocation or by a process; the platform's own pods are nobody's neighbours."""
    rule, state = scene.rule, scene.state
    names = (*gpu.allocated, *sorted(scene.granted.get(gpu.uuid, ())), *(p.pod for p in gpu.processes if p.pod))
    for name in dict.fromkeys(names):
        pod, space = _pod(state, name), name.partition("/")[0]
        if pod is not None and space not in rule.exempt_namespaces:
            yield _Held(name, who(state, rule, space, account(pod.spec or PodSpec())))
    for name in dict.fromkeys((*gpu.jobs, *(p.job for p in gpu.processes if p.job))):
        job = scene.uses.jobs.get(name)
        if job is not None:
            told = {"account": job.account, "qos": job.qos, "user": job.user}
            asker = slurm.who(rule, scene.facts, slurm_job.read(told))
            yield _Held(f"job {name}", Who(asker.tenant or f"job {name}", asker.label, asker.why))


def _processes(scene: _Scene, gpu: Gpu) -> Iterator[Drifted]:
    for process in gpu.processes:
        if process.service or process.pod.partition("/")[0] in scene.rule.exempt_namespaces:
            continue
        if process.job:
            yield from _of_job(scene, gpu, process)
        elif not process.pod or _pod(scene.state, process.pod) is None:
            owner = f"of {process.pod}, which does not run" if process.pod else "of nobody who is known"
            yield Drifted("unknown-process", gpu.node, gpu.uuid, f"process {process.pid} {owner}")
        elif process.pod not in gpu.allocated and process.pod not in scene.granted.get(gpu.uuid, ()):
            yield Drifted("unrequested-device", gpu.node, gpu.uuid, f"process {process.pid} of {process.pod}")


def _of_job(scene: _Scene, gpu: Gpu, process: Process) -> Iterator[Drifted]:
    if process.job not in scene.uses.jobs:
        found = f"process {process.pid} of job {process.job}, which does not run"
        yield Drifted("unknown-process", gpu.node, gpu.uuid, found)
    elif process.job not in gpu.jobs:
        yield Drifted("unrequested-device", gpu.node, gpu.uuid, f"process {process.pid} of job {process.job}")


def _mixed(rule: Rule, gpu: Gpu, held: list[_Held]) -> Iterator[Drifted]:
    for n, one in enumerate(held):
        for other in held[n + 1 :]:
            if not (one.who.sensitive(rule) or other.who.sensitive(rule)):
                continue
            slices = gpu.mig and not _together(gpu, one, other)
            fine = one.who.label == other.who.label if slices else one.who.tenant == other.who.tenant
            if not fine:
                yield Drifted("mixed-gpu", gpu.node, gpu.uuid, f"{_shown(one)} beside {_shown(other)}")


def _together(gpu: Gpu, one: _Held, other: _Held) -> bool:
    """Whether two have one MIG device, which isolates neither from the other."""
    return any({one.name, other.name} <= set(i.allocated) for i in gpu.instances)


def _rungs(scene: _Scene, gpu: Gpu, held: list[_Held]) -> Iterator[Drifted]:
    rule, owners = scene.rule, {*gpu.allocated, *gpu.jobs, *scene.granted.get(gpu.uuid, ())}
    for one in held:
        slices = [i for i in gpu.instances if one.name in i.allocated]
        shared = any(len(i.allocated) > 1 for i in slices) if gpu.mig else len(owners) > 1
        label = one.who.label
        if label is None or not rule.sensitive(label):
            continue
        least = rule.require[label].least
        rung = Rung.SHARED if shared else Rung.MIG if gpu.mig else Rung.WHOLE
        if least is Rung.CC_WHOLE and gpu.cc in {"off", "devtools"}:
            yield Drifted("cc-not-on", gpu.node, gpu.uuid, f"{_shown(one)} where confidential computing is {gpu.cc}")
        if rung.depth > max(least.depth, Rung.WHOLE.depth):
            yield Drifted("wrong-rung", gpu.node, gpu.uuid, f"{_shown(one)} has {rung}, and needs {least}")


def _facts(state: State, gpu: Gpu) -> Iterator[Drifted]:
    """What labels say and the hardware does not."""
    node = state.node(gpu.node)
    if gpu.scheduler == SLURM:
        return
    if node is None:
        yield Drifted("fact-mismatch", gpu.node, gpu.uuid, "a node that the cluster does not know")
        return
    told = node.labels.get("nvidia.com/cc.mode.state")
    if told is not None and gpu.cc and told != gpu.cc:
        yield Drifted("fact-mismatch", gpu.node, gpu.uuid, f"cc.mode.state is {told}, and the GPU's is {gpu.cc}")
    single = node.labels.get("nvidia.com/mig.strategy") == "single" and "-MIG-" in node.labels.get(
        "nvidia.com/gpu.product", ""
    )
    if gpu.mig is not None and single and not gpu.mig:
        yield Drifted("fact-mismatch", gpu.node, gpu.uuid, "labels say MIG, and the GPU is whole")
    strategy = node.labels.get("nvidia.com/gpu.sharing-strategy", "none")
    shares = strategy not in {"none", ""} or bool(node.shares.names)
    if not shares and not gpu.mig and len(gpu.allocated) > 1:
        yield Drifted(
            "fact-mismatch",
            gpu.node,
            gpu.uuid,
            f"nothing says that it is shared, and {len(gpu.allocated)} pods have it",
        )


def _island(rule: Rule, island: str, members: list[tuple[Gpu, _Held]]) -> Iterator[Drifted]:
    tenants = {h.who.tenant for _, h in members}
    for gpu, held in members:
        if held.who.sensitive(rule) and not gpu.mig and len(tenants) > 1:
            others = ", ".join(sorted(tenants - {held.who.tenant})[:3])
            yield Drifted(
                "island-mixed", gpu.node, gpu.uuid, f"{_shown(held)} in island {island}, which serves {others} too"
            )
            return


def _shown(held: _Held) -> str:
    return f"{held.name} of {held.who.tenant} ({held.who.label or 'no label'})"


def unmeasured(state: State, uses: Uses) -> tuple[str, ...]:
    """Nodes that have GPUs, and of which nothing was measured."""
    return tuple(sorted(n.name for n in state.nodes() if n.has_gpu and n.name not in uses.measured))
