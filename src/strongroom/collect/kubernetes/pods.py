"""Facts of a description of pods. Each lists the offenders, so that a finding can name them."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from strongroom.collect.kubernetes import accelerators
from strongroom.collect.kubernetes.templates import Template, containers
from strongroom.collect.kubernetes.trees import Tree, at, text, text_at, texts, tree_at, trees_at
from strongroom.kit.leaks import secrets_in
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value

# Names of variables that hold a credential; a reference to a file or a key's name is none.
_DUMPS = ("CUDA_ENABLE_COREDUMP_ON_EXCEPTION", "CUDA_ENABLE_CPU_COREDUMP_ON_EXCEPTION", "CUDA_ENABLE_USER_TRIGGERED_COREDUMP",
          "CUDA_ENABLE_LIGHTWEIGHT_COREDUMP", "CUDA_COREDUMP_FILE", "CUDA_COREDUMP_PIPE")  # fmt: skip
_CREDENTIAL = re.compile(
    r"(?:^|_)(?:PASSWORD|PASSWD|PWD|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|SECRET_?KEY|PRIVATE_?KEY|CREDENTIALS?)\Z",
    re.IGNORECASE,
)
_NO_VALUE = re.compile(
    r"(?:|true|false|none|null|[0-9]+|/.*|\$\(.*\)|\$\{.*\}|\{\{.*\}\}|[xX*]+|<.*>|file:.*|https?://[^@]*)\Z"
)


def facts(found: Sequence[Template]) -> Iterator[tuple[str, Value]]:
    """Everything that the descriptions themselves show. Several (a cluster's head and workers) are told as one."""
    for name, say in _SAID:
        yield name, tuple(dict.fromkeys(x for t in found for x in say(t)))
    asked = tuple(dict.fromkeys(a for t in found for a in accelerators.asked(t)))
    if asked:
        yield "gpu.requested", asked
        yield "gpu.shared_request", accelerators.shared(asked)
    runtime = {text_at(t.spec, "runtimeClassName") for t in found}
    yield "pod.runtime_class", ", ".join(sorted(runtime - {""}))
    secrets = tuple(sorted({kind for t in found for kind in _secrets(t)}))
    yield "secrets.found", secrets


def _each(t: Template) -> Iterator[tuple[str, Tree, Tree]]:
    for name, container in containers(t.spec):
        yield name, container, tree_at(container, "securityContext")


def _capabilities(context: Tree) -> Iterator[str]:
    for added in texts(at(context, "capabilities", "add")):
        yield added.upper().removeprefix("CAP_")


def _privileged(t: Template) -> Iterator[str]:
    for name, _, context in _each(t):
        if context.get("privileged") is True or "SYS_ADMIN" in _capabilities(context):
            yield name


def _added(t: Template) -> Iterator[str]:
    for name, _, context in _each(t):
        for capability in _capabilities(context):
            yield f"{name} {capability}"


def _namespaces(t: Template) -> Iterator[str]:
    for flag, word in (("hostPID", "pid"), ("hostIPC", "ipc"), ("hostNetwork", "network")):
        if at(t.spec, flag) is True:
            yield word


def _host_paths(t: Template) -> Iterator[str]:
    for path in accelerators.host_paths(t.spec).values():
        yield accelerators.clean(path)


def _writable(t: Template) -> Iterator[str]:
    paths = accelerators.host_paths(t.spec)
    for name, container, _ in _each(t):
        for mount in trees_at(container, "volumeMounts"):
            if text_at(mount, "name") in paths and mount.get("readOnly") is not True:
                yield f"{accelerators.clean(paths[text_at(mount, 'name')])} in {name}"


def _host_ports(t: Template) -> Iterator[str]:
    for name, container, _ in _each(t):
        for port in trees_at(container, "ports"):
            if text_at(port, "hostPort") not in ("", "0"):
                yield f"{text_at(port, 'hostPort')} in {name}"


def _set(context: Tree, outer: Tree, field: str) -> object:
    return context[field] if field in context else outer.get(field)


def _root(t: Template) -> Iterator[str]:
    """A container runs as the image's user unless told otherwise, and most images' user is root, in group root."""
    outer = tree_at(t.spec, "securityContext")
    for name, _, context in _each(t):
        user, group = _set(context, outer, "runAsUser"), _set(context, outer, "runAsGroup")
        if _set(context, outer, "runAsNonRoot") is not True and text(user) in ("", "0"):
            yield f"{name} as user root"
        elif text(group) in ("", "0"):
            yield f"{name} in group root"


def _mutable(t: Template) -> Iterator[str]:
    for name, _, context in _each(t):
        if context.get("readOnlyRootFilesystem") is not True:
            yield name


def _unconfined(t: Template) -> Iterator[str]:
    outer = tree_at(t.spec, "securityContext")
    for name, _, context in _each(t):
        profile = text_at(_set(context, outer, "seccompProfile"), "type")
        if profile in ("", "Unconfined"):
            yield name


def _unlimited(t: Template) -> Iterator[str]:
    """A limit of memory is what keeps a container from starving its node; one of processor time only slows it down."""
    for name, container, _ in _each(t):
        if not name.startswith("ephemeral ") and not text_at(container, "resources", "limits", "memory"):
            yield name


def _escalating(t: Template) -> Iterator[str]:
    for name, _, context in _each(t):
        if context.get("allowPrivilegeEscalation") is not False:
            yield name


def _env_secrets(t: Template) -> Iterator[str]:
    for name, container, _ in _each(t):
        for variable in trees_at(container, "env"):
            if isinstance(at(variable, "valueFrom", "secretKeyRef"), dict):
                yield f"{text_at(variable, 'name')} in {name}"
        for source in trees_at(container, "envFrom"):
            if isinstance(at(source, "secretRef"), dict):
                yield f"all of {text_at(source, 'secretRef', 'name')} in {name}"


def _cuda_dumps(t: Template) -> Iterator[str | Unknown]:
    """Variables that make CUDA write a GPU's memory to a file ("CUDA-GDB", GPU core dump support)."""
    for name, container, _ in _each(t):
        for variable in trees_at(container, "env"):
            key, value = text_at(variable, "name"), text_at(variable, "value")
            elsewhere = isinstance(at(variable, "valueFrom"), dict)  # its value is not in the manifest: taken as on
            if key in _DUMPS and (elsewhere or value.strip() not in ("", "0")):
                yield f"{key} of {name}"
        for source in trees_at(container, "envFrom"):
            held = text_at(source, "configMapRef", "name") or text_at(source, "secretRef", "name")
            yield Unknown(GapCode.OUTSIDE, f"variables of {name} from {held or 'elsewhere'} are not in its manifest")


def _mounted_secrets(t: Template) -> Iterator[str]:
    """The Secrets that a pod's containers see, as files or as variables."""
    for volume in trees_at(t.spec, "volumes"):
        yield text_at(volume, "secret", "secretName")
        for source in trees_at(volume, "projected", "sources"):
            yield text_at(source, "secret", "name")
    for _, container, _ in _each(t):
        for variable in trees_at(container, "env"):
            yield text_at(variable, "valueFrom", "secretKeyRef", "name")
        for source in trees_at(container, "envFrom"):
            yield text_at(source, "secretRef", "name")


def _mounted_claims(t: Template) -> Iterator[str]:
    for volume in trees_at(t.spec, "volumes"):
        yield text_at(volume, "persistentVolumeClaim", "claimName")


def _secrets(t: Template) -> Iterator[str]:
    """Kinds of credential that stand in the manifest itself; the values are looked at and forgotten."""
    for name, container, _ in _each(t):
        for variable in trees_at(container, "env"):
            key, value = text_at(variable, "name"), text_at(variable, "value")
            kinds = secrets_in(value)
            yield from (f"{kind} ({key} of {name})" for kind in kinds)
            if not kinds and _CREDENTIAL.search(key) and not _NO_VALUE.match(value):
                yield f"a value for {key} of {name}"
        for argument in (*texts(at(container, "args")), *texts(at(container, "command"))):
            yield from (f"{kind} (arguments of {name})" for kind in secrets_in(argument))


def _images(t: Template) -> Iterator[str]:
    for _, container, _ in _each(t):
        if text_at(container, "image"):
            yield text_at(container, "image")


def _unpinned(t: Template) -> Iterator[str]:
    return (image for image in _images(t) if "@sha256:" not in image)


def _sockets(t: Template) -> Iterator[str]:
    for path in accelerators.host_paths(t.spec).values():
        here = accelerators.clean(path)
        if here in ("/run", "/") or here.startswith(("/run/docker.sock", "/run/containerd", "/run/crio", "/run/k3s")):
            yield here


_SAID: tuple[tuple[str, Callable[[Template], Iterable[str | Unknown]]], ...] = (
    ("pod.privileged", _privileged),
    ("pod.capabilities", _added),
    ("pod.host_namespaces", _namespaces),
    ("pod.host_paths", _host_paths),
    ("pod.host_paths_writable", _writable),
    ("pod.host_ports", _host_ports),
    ("pod.may_be_root", _root),
    ("pod.mutable_root", _mutable),
    ("pod.no_seccomp", _unconfined),
    ("pod.escalation", _escalating),
    ("pod.no_limit", _unlimited),
    ("pod.env_secrets", _env_secrets),
    ("dump.cuda", _cuda_dumps),
    ("pod.secrets", lambda t: filter(None, _mounted_secrets(t))),
    ("pod.claims", lambda t: filter(None, _mounted_claims(t))),
    ("pod.images", _images),
    ("pod.images_unpinned", _unpinned),
    ("pod.sockets", _sockets),
)
