"""Facts of devices, volumes and admission that only several objects together show."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from strongroom.collect.kubernetes import admission, devices, dra, storage
from strongroom.collect.kubernetes.drafts import Draft, Pod
from strongroom.collect.kubernetes.templates import group
from strongroom.collect.kubernetes.trees import Tree, text_at, tree_at
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value

_CLAIMS = ("ResourceClaim", "ResourceClaimTemplate")


@dataclass(slots=True)
class Hardware:
    """What of all objects is needed to say what a pod holds, and what guards it."""

    claims: dict[tuple[bool, str, str], dra.Claim] = field(default_factory=dict)  # named itself?, namespace, name
    shares_of_class: dict[str, tuple[str, ...]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # resources that stand for devices: how they are shared, if so
    classes: dict[str, Draft] = field(default_factory=dict)  # storage classes
    made_by: dict[int, str] = field(default_factory=dict)  # of a volume, by its draft: its storage class
    handlers: dict[str, str] = field(default_factory=dict)  # of runtime classes
    operators: list[Draft] = field(default_factory=list)
    # ConfigMaps by name: the keys of each, and how it shares cards where it configures the device plugin.
    configs: dict[str, list[tuple[frozenset[str], Value]]] = field(default_factory=dict)
    bindings: dict[str, bool] = field(default_factory=dict)  # of admission policies: whether they refuse
    quotas: dict[str, list[str]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    users: dict[tuple[str, str], int] = field(default_factory=dict)  # pods that name a claim

    def take(self, made: Draft, obj: Tree) -> None:
        """Learn what an object says to others."""
        of, kind = group(made.version), made.kind
        if of == dra.GROUP and kind in _CLAIMS:
            self.claims[kind == "ResourceClaim", made.namespace, made.name] = dra.claim(obj)
        elif of == dra.GROUP and kind == "DeviceClass":
            self._device_class(made.name, obj)
        elif of == "storage.k8s.io" and kind == "StorageClass":
            self.classes[made.name] = made
        elif kind == "PersistentVolume":
            self.made_by[id(made)] = storage.made_by(obj)
        elif kind == "RuntimeClass":
            self.handlers[made.name] = text_at(obj, "handler")
        elif kind == "ClusterPolicy" and "operator.plugin_config" in made.facts:
            self.operators.append(made)
        elif kind == "ConfigMap":  # one that shares nothing says that too
            keys = frozenset(tree_at(obj, "data"))
            self.configs.setdefault(made.name, []).append((keys, made.facts.get("gpu.shared_by_config", ())))
            if made.facts.get("gpu.shared_by_config"):
                self.names |= devices.renamed(obj)
        elif kind == "ValidatingAdmissionPolicyBinding":
            name, refuses = admission.binding(obj)
            self.bindings[name] = refuses or self.bindings.get(name, False)
        elif kind == "ResourceQuota":
            self.quotas.setdefault(made.namespace, []).extend(admission.quotas(obj))
        else:
            return
        self.seen.add(kind)

    def _device_class(self, name: str, obj: Tree) -> None:
        self.shares_of_class[name] = dra.class_shares(obj)
        extended = text_at(obj, "spec", "extendedResourceName")
        if extended:
            self.names[extended] = ", ".join(self.shares_of_class[name])

    def stands_for(self, made: Draft, pod: Pod) -> None:
        """Resources whose names only a device class or the plugin's configuration makes accelerators."""
        known = [n for n in pod.shape.extended if n.partition("=")[0] in self.names]
        if known:
            made.facts["gpu.requested"] = (*_texts(made.facts.get("gpu.requested")), *known)
        asked = ((n, self.names.get(n.partition("=")[0], "")) for n in (*pod.shape.asked, *known))
        shared = [f"{n} ({how})" for n, how in asked if how]
        if known or shared:
            made.facts["gpu.shared_request"] = (*_texts(made.facts.get("gpu.shared_request")), *shared)

    def count_users(self, drafts: Iterable[Draft], owners: Container[tuple[str, str, str]]) -> None:
        """Count the pods that name each claim, each once: those that a known owner makes count with it."""
        for made in drafts:
            owned = made.owner is not None and (made.namespace, *made.owner[1:]) in owners
            if made.pod is not None and made.pod.shape.claims and not owned:
                for named, name in made.pod.shape.claims:
                    if named:
                        key = made.namespace, name
                        self.users[key] = self.users.get(key, 0) + made.pod.copies

    def workload(self, made: Draft, pod: Pod) -> None:
        """What the claims of a workload make of its request."""
        if not pod.shape.claims:
            return
        shares, admin, doubt = list(_texts(made.facts.get("gpu.shared_request"))), [], None
        for named, name in pod.shape.claims:
            claim = self.claims.get((named, made.namespace, name))
            if claim is None:
                doubt = Unknown(GapCode.ABSENT, f"the claim or template {name} is not in this source")
                continue
            shares += [f"{s} in claim {name}" for s in claim.shares]
            shares += [f"{s} in class {c}" for c in claim.classes for s in self.shares_of_class.get(c, ())]
            users = max(self.users.get((made.namespace, name), 0), claim.held_by)
            if named and users > 1:
                shares.append(f"claim {name}, which several pods use")
            admin += [f"administrator's access in claim {name}"] if claim.admin else []
        made.facts["gpu.shared_request"] = tuple(dict.fromkeys(shares)) or doubt or ()
        if admin:
            known = _texts(made.facts.get("gpu.unrequested"))
            made.facts["gpu.unrequested"] = tuple(dict.fromkeys((*known, *admin)))

    def selected_config(self, made: Draft) -> tuple[str, ...] | Unknown:
        """How the configuration of the device plugin that a node selects shares its cards.

        Nodes select by label; one without a label gets the default that the operator names (GPU operator, "Time-slicing
        GPUs in Kubernetes").
        """
        label = made.facts.get("gpu.plugin_config")
        names = {str(d.facts["operator.plugin_config"]) for d in self.operators} - {""}
        defaults = {str(d.facts["operator.default_config"]) for d in self.operators} - {""}
        keys = {label} if isinstance(label, str) and label else defaults
        if not keys:
            return ()
        here = (c for n, configs in self.configs.items() if not names or n in names for c in configs)
        where = " or ".join(sorted(names)) or "of the device plugin"
        return _of_keys(here, {str(k) for k in keys}, f"the ConfigMap {where}, which the node's cards follow")

    def operator(self, made: Draft) -> None:
        """What the operator's default makes of nodes without a label of their own."""
        name, key = str(made.facts["operator.plugin_config"]), str(made.facts["operator.default_config"])
        if not name or not key:
            made.facts["operator.default_shares"] = ()
        else:
            what = f"the ConfigMap {name} with the default {key}"
            made.facts["operator.default_shares"] = _of_keys(self.configs.get(name, ()), {key}, what)

    def volume(self, made: Draft) -> None:
        """A volume that was made from a storage class has the key of the class, whose parameters cannot be changed."""
        name = self.made_by.get(id(made), "")
        known = self.classes.get(name)
        same = known is not None and storage.alike(known.facts["volume.driver"], made.facts["volume.driver"])
        if known is not None and same:
            made.facts["volume.key"], made.default_of = known.facts["volume.key"], known.default_of
        elif name and known is None:
            detail = f"the storage class {name}, from which it was made, is not in this source"
            made.facts["volume.key"] = Unknown(GapCode.ABSENT, detail)


def _of_keys(configs: Iterable[tuple[frozenset[str], Value]], keys: set[str], what: str) -> tuple[str, ...] | Unknown:
    """The sharing under the given keys of configurations; unknown where no configuration has them."""
    chosen = [value for own, value in configs if own & keys]
    broken = next((v for v in chosen if isinstance(v, Unknown)), None)
    if broken is not None or not chosen:
        return broken or Unknown(GapCode.ABSENT, f"{what}, is not in this source")
    fronts = tuple(f"{k}: " for k in keys)
    return tuple(s for v in chosen for s in _texts(v) if s.startswith(fronts))


def _texts(value: Value) -> Iterator[str]:
    if isinstance(value, tuple):
        yield from (v for v in value if isinstance(v, str))


def policy(made: Draft, bindings: Mapping[str, bool], absent: Value) -> None:
    """Whether some binding puts an admission policy in force; `absent` is what it means that none was found."""
    if made.kind == "ValidatingAdmissionPolicy" and "admission.covers" in made.facts:
        made.facts["admission.refuses"] = bindings.get(made.name, absent)
