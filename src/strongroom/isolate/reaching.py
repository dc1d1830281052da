"""How a pod would see a device that it did not request (isolation rule, section 4)."""

import base64
import binascii
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from strongroom.isolate.objects import (
    ConfigMap,
    Container,
    EnvFrom,
    PersistentVolume,
    PodSpec,
    RuntimeClass,
    VolumeClaim,
)
from strongroom.isolate.state import State
from strongroom.model.isolate import Reason

RIGHTS = frozenset({
    "ALL", "SYS_ADMIN", "SYS_RAWIO", "SYS_MODULE", "SYS_PTRACE", "MKNOD", "BPF", "PERFMON", "DAC_READ_SEARCH",
})  # fmt: skip
_PLACES = (
    "/dev/nvidia*", "/dev/char", "/dev/dri", "/dev/kfd", "/dev/vfio", "/dev/mem", "/proc", "/sys", "/run/nvidia*",
    "/tmp/nvidia-mps", "/var/lib/kubelet", "/etc/kubernetes", "/run/containerd", "/run/crio",  # noqa: S108 - where the pipe of MPS is
    "/run/docker.sock", "/etc/cdi", "/run/cdi",
)  # fmt: skip
PLACES = (*_PLACES, *(f"/var{p}" for p in _PLACES if p.startswith("/run/")))
DEVICES = (
    "NVIDIA_VISIBLE_DEVICES", "NVIDIA_MIG_CONFIG_DEVICES", "NVIDIA_MIG_MONITOR_DEVICES", "NVIDIA_IMEX_CHANNELS",
)  # fmt: skip
_VISIBLE = DEVICES[0]
NOTHING = frozenset({"", "void", "none"})
LIST_MOUNT = "nvidia-container-devices"
_MOUNTS = f"/var/run/{LIST_MOUNT}"
HANDLERS = frozenset({"nvidia", "nvidia-cdi", "nvidia-legacy"})
_REFERENCE = re.compile(r"\$(?:\$|\(([^()$\s]+)\))")
OWN = "nothing but what it asked for"


def reached(
    state: State,
    namespace: str,
    spec: PodSpec,
    annotations: dict[str, str],
    *,
    asks: bool,
    decided: bool,
    volumes: tuple[str, ...],
) -> Iterator[Reason]:
    """Every way by which a pod would see devices. `volumes` are the PersistentVolumes that its maker's templates name.

    `decided` says that nothing will be judged again before it runs: then what is not known is said to be so.
    """
    yield from _rights(spec)
    yield from _paths(state, namespace, spec, volumes, decided=decided)
    for container in spec.all_containers():
        yield from _variables(state, namespace, container, decided=decided)
        for mount in container.volume_mounts or ():
            path = clean(mount.mount_path or "")
            if path == _MOUNTS or path.startswith(_MOUNTS + "/"):
                yield Reason("4.4", "device-list-mount", f"a volume at {path}", OWN)
    for key, value in annotations.items():
        if key.startswith("cdi.k8s.io/") and any(_vendor(d) for d in value.split(",")):
            yield Reason("4.5", "cdi-annotation", f"{key}: {value[:60]}", OWN)
    if not asks:
        yield from _runtime(state, spec)


def _rights(spec: PodSpec) -> Iterator[Reason]:
    if spec.host_pid:
        yield Reason("4.1", "host-pid", "hostPID", OWN)
    if spec.host_ipc:
        yield Reason("4.1", "host-ipc", "hostIPC", OWN)
    for container in spec.all_containers():
        security = container.security_context
        if security is None:
            continue
        if security.privileged:
            yield Reason("4.1", "privileged", f"container {container.name} is privileged", OWN)
        added = (security.capabilities.add if security.capabilities else None) or ()
        for name in added:
            if name.strip().upper().removeprefix("CAP_") in RIGHTS:
                yield Reason("4.1", "capability", f"container {container.name} adds {name[:40]}", OWN)


def clean(path: str) -> str:
    """A path without `//`, `/./`, `..` and the slash at its end."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    return "/" + "/".join(parts)


def touches(path: str) -> str:
    """The place that a path is, lies under or contains; empty where there is none."""
    parts = clean(path).strip("/").split("/")
    parts = [] if parts == [""] else parts
    for place in PLACES:
        names = place.strip("/").split("/")
        if all(fnmatchcase(have, want) for have, want in zip(parts, names, strict=False)):
            return place
    return ""


def _paths(state: State, namespace: str, spec: PodSpec, volumes: tuple[str, ...], *, decided: bool) -> Iterator[Reason]:
    for volume in spec.volumes or ():
        if volume.host_path is not None:
            yield from _path("host-path", volume.host_path.path or "")
        claimed = volume.persistent_volume_claim
        if claimed is not None:
            yield from _claimed(state, namespace, claimed.claim_name or "", decided=decided)
        made = volume.ephemeral.volume_claim_template if volume.ephemeral else None
        if made is not None and made.spec is not None and made.spec.volume_name:
            yield from _volume(state, made.spec.volume_name, decided=decided)
    for name in volumes:
        yield from _volume(state, name, decided=decided)


def _path(road: str, path: str) -> Iterator[Reason]:
    place = touches(path)
    if place:
        yield Reason("4.2", road, f"{path[:120] or 'an empty path'}, which reaches {place}", OWN)


def _claimed(state: State, namespace: str, name: str, *, decided: bool) -> Iterator[Reason]:
    found = state.get("PersistentVolumeClaim", namespace, name)
    if not isinstance(found, VolumeClaim):
        if decided:
            yield Reason(
                "4.2", "unknown-volume", f"the claim {name[:80]}, which is not there", "a volume that is known"
            )
        return
    bound = found.spec.volume_name if found.spec else None
    for volume in {bound, *_bound(state).get((namespace, name), ())} - {None, ""}:
        yield from _volume(state, str(volume), decided=decided)


def _bound(state: State) -> dict[tuple[str, str], list[str]]:
    """The volumes that are kept for a claim."""
    known = state.memory.get("bound")
    if isinstance(known, dict):
        return known
    made: dict[tuple[str, str], list[str]] = {}
    for (_, name), found in state.all("PersistentVolume").items():
        ref = found.spec.claim_ref if isinstance(found, PersistentVolume) and found.spec else None
        if ref is not None:
            made.setdefault((ref.namespace or "", ref.name or ""), []).append(name)
    state.memory["bound"] = made
    return made


def _volume(state: State, name: str, *, decided: bool) -> Iterator[Reason]:
    found = state.get("PersistentVolume", "", name)
    if not isinstance(found, PersistentVolume):
        if decided:
            yield Reason(
                "4.2", "unknown-volume", f"the volume {name[:80]}, which is not there", "a volume that is known"
            )
        return
    for road, place in (
        ("host-path-volume", found.spec.host_path if found.spec else None),
        ("local-volume", found.spec.local if found.spec else None),
    ):
        if place is not None:
            yield from _path(road, place.path or "")


def _variables(state: State, namespace: str, container: Container, *, decided: bool) -> Iterator[Reason]:
    values: dict[str, str | None] = {}
    shown = any(v.name in DEVICES for v in container.env or ())
    for variable in (container.env or ()) if shown else ():
        value = None if variable.value_from is not None else _expanded(variable.value or "", values)
        if variable.name in DEVICES and value not in NOTHING:
            said = repr(variable.value[:40]) if variable.value else "a value from elsewhere"
            yield Reason("4.3", "device-variable", f"{variable.name} is {said} in container {container.name}", OWN)
        values[variable.name] = value
    for source in container.env_from or ():
        for name in DEVICES:
            if name not in values and name.startswith(source.prefix or ""):
                yield from _from(state, namespace, source, name, decided=decided)


def _expanded(text: str, values: dict[str, str | None]) -> str | None:
    """A value with what it refers to; None where that is not known (k8s.io/kubernetes, third_party/forked/golang/expansion)."""
    if "$" not in text:
        return text
    unknown = False

    def one(found: re.Match[str]) -> str:
        nonlocal unknown
        if found[1] is None:
            return "$"
        value = values.get(found[1])
        unknown |= value is None
        return value or ""

    made = _REFERENCE.sub(one, text)
    return None if unknown else made


def _from(state: State, namespace: str, source: EnvFrom, name: str, *, decided: bool) -> Iterator[Reason]:
    """A variable that comes with all the keys of a ConfigMap or a Secret."""
    key = name.removeprefix(source.prefix or "")
    for kind, ref in (("ConfigMap", source.config_map_ref), ("Secret", source.secret_ref)):
        if ref is None:
            continue
        found = state.get(kind, namespace, ref.name or "")
        if not isinstance(found, ConfigMap):
            if decided and name == _VISIBLE:
                where = f"the {kind} {(ref.name or '')[:80]}, which is not known"
                yield Reason("4.3", "unknown-variables", where, "variables that are known")
            continue
        value = {**(found.data or {}), **(found.string_data or {})}.get(key)
        if value is not None and (_decoded(value) if kind == "Secret" else value) not in NOTHING:
            yield Reason("4.3", "device-variable", f"{name} from the {kind} {ref.name}", OWN)


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return value or "unreadable"


def _vendor(device: str) -> bool:
    vendor = device.strip().partition("/")[0].lower()
    return any(vendor == v or vendor.endswith(f".{v}") for v in ("nvidia.com", "amd.com"))


def _runtime(state: State, spec: PodSpec) -> Iterator[Reason]:
    """The runtime that shows devices to whoever does not say that he wants none; images say `all` for their users."""
    name = spec.runtime_class_name or ""
    found = state.get("RuntimeClass", "", name) if name else None
    handler = (found.handler or "") if isinstance(found, RuntimeClass) else name
    if handler not in HANDLERS:
        return
    for container in spec.all_containers():
        last = [v for v in container.env or () if v.name == _VISIBLE][-1:]
        if not last or last[0].value_from is not None or last[0].value not in {"void", "none"}:
            found_ = f"runtime {handler} and no {_VISIBLE}=void in container {container.name}"
            yield Reason("4.6", "runtime-class", found_, OWN)
            return
