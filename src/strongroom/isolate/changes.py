"""The judge of changes to what the rule stands on: who may write, and what those who run would then be (1.5, 1.7, section 6)."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from strongroom.isolate import asking, meeting, sharing
from strongroom.isolate.asking import Asked
from strongroom.isolate.device_objects import DeviceClass
from strongroom.isolate.objects import ConfigMap, Node, Plain, Pod, Taint
from strongroom.isolate.pods import below
from strongroom.isolate.state import Key, NodeView, State
from strongroom.isolate.subjects import who
from strongroom.model.errors import Malformed
from strongroom.model.isolate import Reason, Rule

# The name that the API has had since v1, and the one before it (KEP-5018).
_ADMIN_ACCESS = ("resource.kubernetes.io/admin-access", "resource.k8s.io/admin-access")
_FACTS = "nvidia.com/"
_MIG, _CC = "nvidia.com/mig.config", "nvidia.com/cc.mode"
_WISHES = (sharing.SELECTED, _MIG, _CC)


class Actor(NamedTuple):
    """Who asks: the user name and the groups that the API server gives."""

    user: str
    groups: frozenset[str]

    def admin(self, rule: Rule) -> bool:
        """Whether it is one of the rule's admins."""
        return bool(self.groups & set(rule.admins.get("groups", ()))) or self.user in rule.admins.get("users", ())

    def platform(self, rule: Rule) -> bool:
        """Whether it is a service account of an exempt namespace."""
        parts = self.user.split(":")
        return len(parts) == 4 and parts[:2] == ["system", "serviceaccount"] and parts[2] in rule.exempt_namespaces


def named(state: State, rule: Rule, actor: Actor, kind: str, new: Plain, old: Plain | None) -> Iterator[Reason]:
    """A namespace or a service account."""
    prefix = f"{rule.prefix}/"
    before, after = _annotations(old), _annotations(new)
    changed = _changed(before, after, prefix)
    if kind == "Namespace":
        labels = old.metadata.labels if old else None
        words = _changed(labels or {}, new.metadata.labels or {}, prefix)
        for key in _ADMIN_ACCESS:
            if (labels or {}).get(key) != (new.metadata.labels or {}).get(key):
                words.append(key)
    else:
        words = []
    if changed + words and not actor.admin(rule):
        yield Reason("1.5", "label-source", f"{actor.user} writes {', '.join((changed + words)[:4])}", "an admin")
        return
    if changed:
        trial = state.trial(kind, new)
        space = (new.metadata.name or "") if kind == "Namespace" else new.metadata.namespace or ""
        yield from broken(trial, rule, lambda key, pod: key[0] == space and _uses(kind, new, pod))


def _uses(kind: str, new: Plain, pod: Pod) -> bool:
    return kind == "Namespace" or (pod.spec is not None and meeting.account(pod.spec) == new.metadata.name)


def _annotations(found: Plain | None) -> dict[str, str]:
    return (found.metadata.annotations if found else None) or {}


def _changed(before: Mapping[str, str], after: Mapping[str, str], prefix: str) -> list[str]:
    """The keys below a prefix that have another value than before."""
    keys = {k for k in (*before, *after) if k.startswith(prefix)}
    return sorted(k for k in keys if before.get(k) != after.get(k))


def node(state: State, rule: Rule, actor: Actor, new: Node, old: Node | None) -> Iterator[Reason]:
    """A node: its labels and taints."""
    before, after = (old.metadata.labels if old else None) or {}, new.metadata.labels or {}
    own = _changed(before, after, f"{rule.prefix}/") + _taints(rule, old, new)
    facts = _changed(before, after, _FACTS)
    admin = actor.admin(rule)
    if own and not admin:
        yield Reason("1.5", "node-label", f"{actor.user} writes {', '.join(own[:4])}", "an admin")
        return
    if facts and not admin and not actor.platform(rule):
        yield Reason("6.1", "node-fact", f"{actor.user} writes {', '.join(facts[:4])}", "the platform, or an admin")
        return
    name = new.metadata.name or ""
    if own or facts:
        trial = state.trial("Node", _as_wished(new, before))
        if admin:
            islands = {v.island for v in (trial.node(name), state.node(name)) if v is not None} - {""}
            around = {v.name for v in trial.nodes() if v.island in islands} | {name}
            yield from broken(trial, rule, lambda _key, pod: _on(pod) in around)
        elif set(facts) & set(_WISHES):
            yield from broken(trial, rule, lambda _key, pod: _on(pod) == name, meet=False)


def _taints(rule: Rule, old: Node | None, new: Node) -> list[str]:
    def own(found: Node | None) -> set[tuple[str, str, str]]:
        taints: list[Taint] = (found.spec.taints if found and found.spec else None) or []
        guarded = (f"{rule.prefix}/", rule.meet.tenant_taint)
        return {(t.key, t.value or "", t.effect or "") for t in taints if t.key.startswith(guarded)}

    return sorted({key for key, _, _ in own(old) ^ own(new)})


def _as_wished(new: Node, before: Mapping[str, str]) -> Node:
    """A node as it would be when the wishes that were just written are done (6.2)."""
    labels = dict(new.metadata.labels or {})
    mig, cc = labels.get(_MIG), labels.get(_CC)
    if mig != before.get(_MIG) and mig and mig != "all-disabled":
        labels[asking.WISHED_MIG] = mig
    if cc != before.get(_CC) and cc is not None:
        labels |= {"nvidia.com/cc.mode.state": cc}
    return msgspec.structs.replace(new, metadata=msgspec.structs.replace(new.metadata, labels=labels))


def _on(pod: Pod) -> str:
    return (pod.spec.node_name if pod.spec else None) or ""


def config(state: State, rule: Rule, new: ConfigMap, old: ConfigMap | None) -> Iterator[Reason]:
    """The configuration of the device plugin: what the keys that nodes select would make of them (6.2)."""
    before, after = (old.data if old else None) or {}, new.data or {}
    keys = {k for k in (*before, *after) if before.get(k) != after.get(k)}
    affected = {
        key[1]
        for key, found in state.all("Node").items()
        if isinstance(found, Node) and state.selected(found)[0] in keys
    }
    if affected:
        trial = state.trial("ConfigMap", new)
        yield from broken(trial, rule, lambda _key, pod: _on(pod) in affected, meet=False)


def device_class(state: State, rule: Rule, new: DeviceClass) -> Iterator[Reason]:
    """A class of devices: what those who got one of it would have by it."""
    yield from broken(state.trial("DeviceClass", new), rule, lambda _key, _pod: True, only=new.metadata.name or "")


def broken(
    state: State, rule: Rule, chosen: Callable[[Key, Pod], bool], *, meet: bool = True, only: str = ""
) -> Iterator[Reason]:
    """The first of the pods that run, of those chosen, which would break the rule. `only` is the class that counts."""
    for key, pod in state.pods:
        view = state.node(_on(pod)) if _on(pod) else None
        if (
            view is None
            or key[0] in rule.exempt_namespaces
            or key not in state.present(view.name)
            or not chosen(key, pod)
        ):
            continue
        first = next(_breaks(state, rule, key, pod, view, meet=meet, only=only), None)
        if first is not None:
            yield Reason("1.7" if meet else "6.2", first.road, f"{'/'.join(key)} runs: {first.found}", first.wanted)
            return


def _breaks(state: State, rule: Rule, key: Key, pod: Pod, view: NodeView, *, meet: bool, only: str) -> Iterator[Reason]:
    spec = pod.spec
    if spec is None:
        return
    try:
        asked = asking.asked(state, key[0], spec, pod.metadata.annotations or {})
    except Malformed:
        return
    if only:
        asked = Asked(tuple(a for a in asked.asks if only in a.name.split()), *asked[1:])
    if not asked.asks:
        return
    own = who(state, rule, key[0], meeting.account(spec))
    if own.label is None:
        yield Reason("1.6", "no-label", own.why, "one of the labels")
        return
    reason = below(rule, own, view, asked)
    if reason is not None:
        yield reason
    if meet:
        yield from meeting.met(state, rule, meeting.made(state, rule, key, pod, view, asked), view)
