"""Isolation from files: the rule, the state of a cluster, one review, and what would become of everything that runs."""

import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import yaml

from strongroom.isolate import installed, placement, pods, review
from strongroom.isolate import rule as rules
from strongroom.isolate.objects import Pod
from strongroom.isolate.review import Gvk, Request, User
from strongroom.isolate.state import State, running
from strongroom.kit import strict_json
from strongroom.kit.rooms import room
from strongroom.model.errors import BadInput, Malformed, NotFound, TooLarge, Unreadable
from strongroom.model.isolate import Document, Mode, Reason, Rendering, Rule, Target, Verdict

DEFAULT = rules.DEFAULT
MOST_RULE, MOST_STATE, MOST_REVIEW = 1 << 20, 4 << 30, 64 << 20  # octets
_LIST = "List"
# What a dump may hold that is judged as if it were made again; pods are judged as what they are.
_MADE = frozenset({
    "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController", "PodTemplate",
    "ResourceClaim", "ResourceClaimTemplate", "VirtualMachine", "VirtualMachineInstance",
    "VirtualMachineInstanceReplicaSet", "VirtualMachinePool",
})  # fmt: skip


class Cluster(NamedTuple):
    """The state of a cluster, the objects that pods and claims are made from, and what decides on admission, as read."""

    state: State
    makers: tuple[tuple[str, str, msgspec.Raw], ...]  # kind, version of the API, octets
    engine: tuple[tuple[str, msgspec.Raw], ...] = ()


class Judged(NamedTuple):
    """One object of a dump and what would become of it."""

    kind: str
    namespace: str
    name: str
    verdict: Verdict


def load_rule(path: str | None) -> Rule:
    """The rule of a TOML or YAML file; without one, the default. Raises Unreadable, TooLarge, Malformed."""
    if path is None:
        return rules.read(yaml.safe_load(rules.DEFAULT), "the default rule")
    data = octets(path, MOST_RULE)
    try:
        text = data.decode("utf-8")
        table = tomllib.loads(text) if Path(path).suffix == ".toml" else _unique(text, path)
    except (tomllib.TOMLDecodeError, yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as e:
        raise Malformed(path, " ".join(str(e).lower().split())[:200], "TOML or YAML", rules.HINT) from None
    return rules.read(table, path)


def _unique(text: str, path: str) -> object:
    """The table of a YAML text, of which no key stands twice. Raises Malformed, YAMLError."""
    waiting = [yaml.compose(text, Loader=yaml.SafeLoader)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            keys = [k.value for k, _ in node.value]
            if len({str(k) for k in keys}) != len(keys):
                raise Malformed(f"{path}:{node.start_mark.line + 1}", "a key twice", "every key once", rules.HINT)
            waiting += [v for _, v in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return yaml.safe_load(text)


def octets(path: str, most: int) -> bytes:
    """The octets of a file, or of standard input for `-`. Raises Unreadable, TooLarge."""
    try:
        if path == "-":
            data = sys.stdin.buffer.read(most + 1)
        else:
            with Path(path).open("rb") as f:
                data = f.read(most + 1)
    except OSError as e:
        raise Unreadable(path, (e.strerror or "an error").lower(), "a file that can be read") from None
    if len(data) > most:
        raise TooLarge(path, f"more than {most} octets", f"at most {most}")
    return data


class _Listed(msgspec.Struct, rename="camel"):
    kind: str | None = None
    api_version: str | None = None
    items: list[msgspec.Raw] | None = None


class _Named(msgspec.Struct):
    name: str | None = None
    namespace: str | None = None


class _Made(msgspec.Struct):
    metadata: _Named = msgspec.field(default_factory=_Named)


def load_state(paths: Iterable[str]) -> Cluster:
    """What `kubectl get … -o json` wrote into files: lists, or objects. Raises Unreadable, TooLarge, Malformed."""
    state, makers, engine = State(), [], []
    for path in paths:
        data = octets(path, MOST_STATE)
        strict_json.check(data, path, "kubectl get … -o json")
        for kind, version, raw in _objects(data, path):
            if kind in _MADE:
                makers.append((kind, version, raw))
            if kind in installed.KINDS:
                engine.append((kind, raw))
            state.take(kind, version, raw, path)
    return Cluster(state, tuple(makers), tuple(engine))


def _objects(
    data: bytes | msgspec.Raw, path: str, inner: tuple[str, str] = ("", "")
) -> Iterator[tuple[str, str, msgspec.Raw]]:
    """Each object with its kind and version; `inner` are those of the items of a list, which need not say them."""
    try:
        head = msgspec.json.decode(data, type=_Listed)
    except msgspec.MsgspecError as e:
        raise Malformed(path, str(e).lower()[:160], "objects of the Kubernetes API") from None
    if head.items is not None and (head.kind or _LIST).endswith(_LIST):
        kind = (head.kind or _LIST).removesuffix(_LIST)
        for raw in head.items:
            yield from _objects(raw, path, (kind, head.api_version or "v1") if kind else ("", ""))
        return
    kind, version = (head.kind, head.api_version or "") if head.kind else inner
    if not kind:
        raise Malformed(path, "an object without a kind", "objects of the Kubernetes API, or a list of them")
    yield kind, version, msgspec.Raw(data)


def admit(rule: Rule, state: State, data: bytes, mode: Mode = Mode.DENY) -> tuple[dict[str, object], Verdict]:
    """The answer to one AdmissionReview, as octets of JSON; whatever cannot be read is denied."""
    try:
        request = review.read(data)
    except BadInput as e:
        verdict = review.malformed(e)
        return review.answer(review.uid_of(data), verdict, Mode.DENY), verdict
    verdict = placement.judge(rule, state, request)
    return review.answer(request.uid, verdict, mode), verdict


def simulate(rule: Rule, cluster: Cluster) -> Iterator[Judged]:
    """What would become of every pod that is not over, where it is, and of everything that makes pods and claims."""
    for (namespace, name), pod in list(cluster.state.pods):
        if running(pod):
            yield Judged("Pod", namespace, name, _pod(rule, cluster.state, namespace, name, pod))
    for kind, version, raw in cluster.makers:
        meta = msgspec.json.decode(raw, type=_Made).metadata
        request = Request(
            "simulated", _gvk(kind, version), None, None, meta.name, meta.namespace or "default", "CREATE", User()
        )
        request.object = raw
        yield Judged(kind, meta.namespace or "default", meta.name or "", placement.judge(rule, cluster.state, request))


def _pod(rule: Rule, state: State, namespace: str, name: str, pod: Pod) -> Verdict:
    if namespace in rule.exempt_namespaces:
        return Verdict(exempt=f"namespace {namespace}")
    try:
        return Verdict(pods.judge(state, rule, (namespace, name), pod))
    except BadInput as e:
        return Verdict((Reason("7", "malformed", f"{e.subject}: {e.found}", e.wanted),))


def _gvk(kind: str, version: str) -> Gvk:
    group, _, number = version.rpartition("/")
    return Gvk(group, number, kind)


def targets() -> dict[str, Target]:
    """The engines that the rule is rendered for, by name."""
    return {t.name: t for t in room("strongroom.isolate.targets", "TARGET", Target).values()}


def render(name: str, what: Rendering) -> tuple[Document, ...]:
    """The files of a target. Raises NotFound."""
    known = targets()
    if name not in known:
        raise NotFound("target", repr(name[:40]), f"one of {', '.join(sorted(known))}")
    return known[name].render(what)


def put(documents: Iterable[Document], folder: Path) -> None:
    """Write files into a folder, which is made. Raises Unreadable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for document in documents:
            aside = folder / f".{document.name}.partial"
            aside.write_text(document.text, encoding="utf-8")
            aside.replace(folder / document.name)
    except OSError as e:
        raise Unreadable(str(folder), (e.strerror or "an error").lower(), "a folder that can be written") from None
