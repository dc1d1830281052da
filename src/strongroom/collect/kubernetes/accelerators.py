"""Accelerators that a pod asks for, and ways to reach one that it did not ask for."""

import re
from collections.abc import Iterable, Iterator

from strongroom.collect.kubernetes.templates import Template, containers
from strongroom.collect.kubernetes.trees import Tree, at, count, text, text_at, texts, tree_at, trees_at

# Names under which device plugins hand out accelerators.
_DEVICE = re.compile(
    r"(?:nvidia\.com/(?!hostdev|sriov|rdma).+|amd\.com/gpu.*|gpu\.intel\.com/.+|habana\.ai/gaudi|"
    r"aws\.amazon\.com/neuron.*|google\.com/tpu|tencent\.com/vcuda-.+|volcano\.sh/vgpu-.+|koordinator\.sh/gpu-.+|"
    r"aliyun\.com/gpu-mem|deviceclass\.resource\.kubernetes\.io/.+)\Z"
)
_SHARED = re.compile(
    r"(?:nvidia\.com/.+\.shared|nvidia\.com/gpumem.*|nvidia\.com/gpucores|volcano\.sh/vgpu-.+|koordinator\.sh/gpu-.+|"
    r"aliyun\.com/gpu-mem|tencent\.com/vcuda-.+)\Z"
)
_FRACTIONS = ("gpu-fraction", "gpu-memory", "nvidia.com/vgpu-mode")
_NO_DEVICE = ("", "void", "none")
_VISIBLE = ("NVIDIA_VISIBLE_DEVICES", "NVIDIA_MIG_CONFIG_DEVICES", "NVIDIA_MIG_MONITOR_DEVICES", "NVIDIA_IMEX_CHANNELS")
_RUNTIMES = ("nvidia", "nvidia-cdi", "nvidia-legacy")
# Device files and sockets of accelerators themselves.
DEVICES = ("/dev/nvidia", "/dev/dri", "/dev/kfd", "/dev/vfio", "/run/nvidia", "/tmp/nvidia-mps")  # noqa: S108 - a path that pods mount, nothing is written there
# Places from which whoever may write or read there gets at every device of the node, or at the runtime that gives them.
BROAD = (
    "/dev/char",
    "/dev/mem",
    "/proc",
    "/sys",
    "/var/lib/kubelet",
    "/etc/kubernetes",
    "/run/containerd",
    "/run/crio",
    "/run/docker.sock",
    "/etc/cdi",
    "/run/cdi",
)
BROAD_CAPABILITIES = frozenset(
    ("ALL", "SYS_ADMIN", "SYS_RAWIO", "SYS_MODULE", "SYS_PTRACE", "MKNOD", "BPF", "PERFMON", "DAC_READ_SEARCH")
)
EXEMPT = ("kube-system", "gpu-operator")
"""Namespaces whose pods manage the devices themselves."""


def clean(path: str) -> str:
    """A host path without doubled slashes, `.` and `..`, with /var/run as /run."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts[-1:] = []
        elif part not in ("", "."):
            parts.append(part)
    whole = "/" + "/".join(parts)
    return whole[4:] if whole == "/var/run" or whole.startswith("/var/run/") else whole


def touches(path: str, places: Iterable[str]) -> bool:
    """Whether a host path is one of the places, lies under one, or holds one. `/dev/nvidia` stands for /dev/nvidia*."""
    here = clean(path)
    for place in places:
        if here == place or here.startswith(place + "/") or place.startswith(here.rstrip("/") + "/"):
            return True
        if place.endswith("nvidia") and here.startswith(place):
            return True
    return False


def asked(template: Template) -> tuple[str, ...]:
    """The accelerators that a pod asks for, as `name=quantity`; limits and requests of every container count."""
    wanted: dict[str, int] = {}
    for _, container in containers(template.spec):
        for part in ("limits", "requests"):
            for name, quantity in tree_at(container, "resources", part).items():
                if _DEVICE.match(name) and (count(quantity) > 0 or not text(quantity).isdigit()):
                    wanted[name] = max(wanted.get(name, 0), count(quantity))
    found = [f"{name}={n or '?'}" for name, n in sorted(wanted.items())]
    found += [f"{a}={template.annotations[a]}" for a in _FRACTIONS if a in template.annotations]
    for claim in trees_at(template.spec, "resourceClaims"):
        name = text_at(claim, "resourceClaimTemplateName") or text_at(claim, "resourceClaimName")
        found.append(f"claim {name or text_at(claim, 'name')}")
    return tuple(found)


def extended(template: Template) -> tuple[str, ...]:
    """The extended resources that a pod asks for and whose names say of no accelerator, as `name=quantity`."""
    wanted = {
        name: count(quantity)
        for _, container in containers(template.spec)
        for part in ("limits", "requests")
        for name, quantity in tree_at(container, "resources", part).items()
        if "/" in name and not _DEVICE.match(name) and count(quantity) > 0
    }
    return tuple(f"{name}={n}" for name, n in sorted(wanted.items()))


def shared(asked_for: Iterable[str]) -> tuple[str, ...]:
    """What of it is a share of a card that others use at the same time."""
    return tuple(a for a in asked_for if _SHARED.match(a.partition("=")[0]) or a.partition("=")[0] in _FRACTIONS)


def host_paths(spec: Tree) -> dict[str, str]:
    """The host's paths that a pod mounts, by the name of the volume."""
    volumes = trees_at(spec, "volumes")
    return {
        text_at(v, "name"): text_at(v, "hostPath", "path") or "/"
        for v in volumes
        if isinstance(at(v, "hostPath"), dict)
    }


def telling(annotations: dict[str, str]) -> dict[str, str]:
    """The annotations that say something of accelerators."""
    return {k: v for k, v in annotations.items() if k in _FRACTIONS or k.startswith("cdi.k8s.io/")}


def reached(template: Template, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Ways by which a pod gets at accelerators that no scheduler gave to it, each as a phrase."""
    return tuple(dict.fromkeys(_ways(template, wanted)))


def _ways(template: Template, wanted: tuple[str, ...]) -> Iterator[str]:
    spec = template.spec
    for path in host_paths(spec).values():
        if touches(path, DEVICES):
            yield f"host path {clean(path)}"
    closed = True
    for name, container in containers(spec):
        said = [e for e in trees_at(container, "env") if text_at(e, "name") in _VISIBLE]
        for variable in said:
            if "valueFrom" in variable or text_at(variable, "value") not in _NO_DEVICE:
                yield f"{text_at(variable, 'name')} in {name}"
        closed = closed and any(text_at(e, "value") in ("void", "none") for e in said)
        for mount in trees_at(container, "volumeMounts"):
            if clean(text_at(mount, "mountPath")).startswith("/run/nvidia-container-devices"):
                yield f"a device list mounted in {name}"
    for key, value in template.annotations.items():
        if key.startswith("cdi.k8s.io/") and ("nvidia.com/" in value or "amd.com/" in value):
            yield f"annotation {key}"
    if text_at(spec, "runtimeClassName") in _RUNTIMES and not wanted and not closed:
        yield f"runtime class {text_at(spec, 'runtimeClassName')} without a request"


def broad(template: Template) -> tuple[str, ...]:
    """Rights with which a pod on a node with accelerators gets at every one of them."""
    return tuple(dict.fromkeys(_rights(template.spec)))


def _rights(spec: Tree) -> Iterator[str]:
    for name, container in containers(spec):
        if at(container, "securityContext", "privileged") is True:
            yield f"{name} is privileged"
        for added in texts(at(container, "securityContext", "capabilities", "add")):
            if added.upper().removeprefix("CAP_") in BROAD_CAPABILITIES:
                yield f"{name} has {added.upper().removeprefix('CAP_')}"
    for flag in ("hostPID", "hostIPC"):
        if at(spec, flag) is True:
            yield flag
    for path in host_paths(spec).values():
        if touches(path, BROAD):
            yield f"host path {clean(path)}"


def wants_gpu_node(template: Template) -> bool:
    """Whether the pod is steered to nodes with accelerators, or tolerates what keeps others off them."""
    spec = template.spec
    if any(_names_gpu(key) for key in tree_at(spec, "nodeSelector")):
        return True
    for term in trees_at(
        spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"
    ):
        if any(_names_gpu(text_at(e, "key")) for e in trees_at(term, "matchExpressions")):
            return True
    return any(_names_gpu(text_at(t, "key")) for t in trees_at(spec, "tolerations"))


def _names_gpu(key: str) -> bool:
    return key.startswith(
        ("nvidia.com/", "amd.com/gpu", "cloud.google.com/gke-accelerator", "k8s.amazonaws.com/accelerator")
    )
