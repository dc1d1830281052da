"""Probes: objects that the rule forbids, for a running cluster to refuse; and what its answers mean.

Each is a pod that the judge denies by the state as it is, tried as a dry run: the API server asks everybody that it would
ask, and keeps nothing. The image does not exist, so that nothing could run even where a server kept it.
"""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

import msgspec

from strongroom.isolate import placement
from strongroom.isolate.installed import OURS
from strongroom.isolate.review import Gvk, Request, User
from strongroom.isolate.state import NodeView, State
from strongroom.isolate.subjects import Who, who
from strongroom.model.errors import NotFound
from strongroom.model.isolate import Rule

CONTROL = "a pod without a GPU"
_IMAGE = "strongroom.invalid/probe:none"
_BY_WEBHOOK = re.compile(r'admission webhook "([^"]{1,253})" denied the request')
_BY_POLICY = re.compile(r"ValidatingAdmissionPolicy '([^']{1,253})' with binding '[^']{0,253}' denied request")
_SAFE: dict[str, object] = {
    "allowPrivilegeEscalation": False, "runAsNonRoot": True, "runAsUser": 65_534,
    "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip
Json = dict[str, object]


class Probe(NamedTuple):
    """What is tried, in words; the path of the API that it is sent to; the object."""

    name: str
    path: str
    body: bytes


class Outcome(StrEnum):
    """What became of a probe: it was rejected by a rule, let in, or came to neither."""

    REJECTED = "rejected"
    LET_IN = "let in"
    UNTRIED = "untried"


class Answered(NamedTuple):
    """A probe, what became of it, and who rejected it, or why it came to nothing."""

    name: str
    outcome: Outcome
    by: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.name}: {self.outcome}{f', {self.by}' if self.by else ''}"


def probes(rule: Rule, state: State, namespace: str) -> tuple[Probe, ...]:
    """The control, which must be let in, and everything that must not. Raises NotFound: no such namespace, or no use in it."""
    own = who(state, rule, namespace)
    if state.get("Namespace", "", namespace) is None:
        raise NotFound("namespace", namespace[:80], "one of the cluster", "kubectl get namespaces")
    if own.label is None or not rule.sensitive(own.label) or namespace in rule.exempt_namespaces:
        found = "exempt" if namespace in rule.exempt_namespaces else own.label or own.why
        raise NotFound(f"namespace {namespace}", found, "a sensitive label", "try a namespace of a sensitive tenant")
    control = _sent(CONTROL, namespace, _pod({}))
    tried = [_sent(name, namespace, made) for name, made in _cases(rule, state, own)]
    return (control, *(p for p in tried if _denied(rule, state, namespace, p)))


def _denied(rule: Rule, state: State, namespace: str, probe: Probe) -> bool:
    request = Request("probe", Gvk("", "v1", "Pod"), None, None, "", namespace, "CREATE", User())
    request.object = msgspec.Raw(probe.body)
    return not placement.judge(rule, state, request).allowed


def _sent(name: str, namespace: str, made: Json) -> Probe:
    meta = {**_table(made.get("metadata")), "generateName": "strongroom-probe-", "namespace": namespace}
    body = msgspec.json.encode({"apiVersion": "v1", "kind": "Pod", **made, "metadata": meta})
    return Probe(name, f"/api/v1/namespaces/{namespace}/pods", body)


def _table(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _pod(spec: Json, container: Json | None = None, said: dict[str, str] | None = None) -> Json:
    """A pod that breaks nothing but what is said."""
    main: Json = {"name": "probe", "image": _IMAGE, "securityContext": _SAFE, **(container or {})}
    rest: Json = {"restartPolicy": "Never", "automountServiceAccountToken": False}
    return {"metadata": {"annotations": said or {}}, "spec": {"containers": [main], **rest, **spec}}


def _asking(name: str, spec: Json | None = None, said: dict[str, str] | None = None) -> Json:
    """A pod that asks for one of a resource."""
    return _pod(spec or {}, {"resources": {"limits": {name: "1"}}}, said)


def _cases(rule: Rule, state: State, own: Who) -> Iterator[tuple[str, Json]]:
    """One pod of each road that a cluster may have."""
    nodes = [n for n in state.nodes() if n.has_gpu]
    yield "a shared GPU", _asking("nvidia.com/gpu.shared")
    yield "a fraction of a GPU by annotation", _asking("nvidia.com/gpu", said={"gpu-fraction": "0.5"})
    yield "memory of a GPU", _asking("nvidia.com/gpumem")
    everywhere: Json = {"tolerations": [{"key": rule.meet.tenant_taint, "operator": "Exists"}]}
    yield "every tenant's nodes tolerated", _asking("nvidia.com/gpu", everywhere)
    for node in _some(nodes):
        yield f"another rung on {node.name}", _asking("nvidia.com/gpu", {"nodeName": node.name})
    for node in nodes[:1]:
        yield from _reaching(node, own)


def _some(nodes: Iterable[NodeView]) -> list[NodeView]:
    """A node of each way in which nodes share their GPUs."""
    kinds: dict[tuple[str, str, bool], NodeView] = {}
    for n in nodes:
        strategy = n.labels.get("nvidia.com/gpu.sharing-strategy", ""), n.labels.get("nvidia.com/mig.strategy", "")
        kinds.setdefault((*strategy, bool(n.shares.names)), n)
    return list(kinds.values())


def _reaching(node: NodeView, own: Who) -> Iterator[tuple[str, Json]]:
    """Ways past the scheduler, on a node that has GPUs."""
    at: Json = {"nodeName": node.name}
    if own.tenant:
        at["tolerations"] = [{"operator": "Equal", "key": t.key, "value": t.value or ""} for t in node.taints if t.key]
    yield "a privileged pod", _pod(at, {"securityContext": {"privileged": True}})
    yield "the host's IPC", _pod({**at, "hostIPC": True})
    yield "the host's processes", _pod({**at, "hostPID": True})
    yield "a device's path", _pod({**at, "volumes": [{"name": "d", "hostPath": {"path": "/dev/nvidia0"}}]})
    named = {"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}
    yield "a variable that names every device", _pod(at, {"env": [named]})
    capability: Json = {"securityContext": {"capabilities": {"add": ["MKNOD"]}}}
    yield "a capability that makes devices", _pod(at, capability)


def answered(probe: Probe, status: int, message: str) -> Answered:
    """What an answer of the API server means: its HTTP status, and what it says."""
    if 200 <= status < 300:
        return Answered(probe.name, Outcome.LET_IN, "")
    for pattern in (_BY_WEBHOOK, _BY_POLICY):
        found = pattern.search(message)
        if found:
            return Answered(probe.name, Outcome.REJECTED, f"by {found[1].removesuffix(OURS)}")
    if "violates PodSecurity" in message:
        return Answered(probe.name, Outcome.REJECTED, "by PodSecurity")
    return Answered(probe.name, Outcome.UNTRIED, f"{status} {message}"[:200])


class Told(NamedTuple):
    """What all probes say together: `passed` is None where that cannot be told, and `why` says what is behind it."""

    passed: bool | None
    why: str


def told(found: Iterable[Answered]) -> Told:
    """Whether everything was rejected. Where the control is too, or nothing was tried, a rejection shows nothing."""
    control, *rest = found
    if control.outcome is not Outcome.LET_IN:
        return Told(None, f"{control}: what rejects everything shows nothing")
    if not rest:
        return Told(None, "the cluster has nothing that could be tried")
    open_ = [a.name for a in rest if a.outcome is Outcome.LET_IN]
    if open_:
        return Told(False, f"let in: {'; '.join(open_)}")
    untried = [str(a) for a in rest if a.outcome is Outcome.UNTRIED]
    return Told(None, "; ".join(untried)) if untried else Told(True, f"{len(rest)} were rejected")
