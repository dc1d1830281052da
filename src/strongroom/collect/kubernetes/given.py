"""What stands behind `k8s:`: a path, or else a context of a kubeconfig. A path of that name always wins."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from strongroom.collect.kubernetes import kubeconfig
from strongroom.collect.kubernetes.kubeconfig import Connection
from strongroom.collect.kubernetes.reading import HINT, Found, Reader
from strongroom.collect.kubernetes.running import Running
from strongroom.model.errors import BadUsage, Malformed, Unreadable
from strongroom.model.estate import Gap
from strongroom.model.ports import Outside, Request

_CONTEXTS = "kubectl config get-contexts"


class Objects(Protocol):
    """Objects, and what was met on the way; all but `objects` and `gaps` is read when all objects were seen."""

    gaps: list[Gap]
    files: int
    size: int

    @property
    def lost(self) -> Mapping[str, Gap]:
        """Kinds that could not be listed, and why."""

    @property
    def title(self) -> str:
        """What it is called in a report."""

    def objects(self) -> Iterator[Found]:
        """Every object."""

    def digest(self) -> str:
        """The digest over what was read."""


def given(request: Request) -> Objects:
    """What a target names: files, or `CONTEXT`, `CONTEXT@KUBECONFIG`, or nothing for the current context.

    Raises BadUsage with --offline, Unreadable, Malformed: it is neither a path nor a context.
    """
    target = request.target
    if target and os.path.lexists(target):
        return Reader(request)
    context, at, named = target.rpartition("@")
    if not at or not os.path.lexists(Path(named).expanduser()):
        # A context may hold an @ itself, as in admin@cluster.
        context, named = target, ""
    outside = request.limits.outside
    file = named or outside.kubeconfig
    if outside.offline:
        wanted = "a path; a cluster is not asked with --offline"
        raise BadUsage(request.spec, f"no such file: {target!r}" if target else "no path", wanted, HINT)
    return Running(request, _connection(request, context, file, outside))


def _connection(request: Request, context: str, file: str, outside: Outside) -> Connection:
    if not file:
        if not context and all(outside.pod):
            return kubeconfig.in_cluster(*outside.pod)
        found = f"no such file or folder {context!r}, and no kubeconfig" if context else "no path, and no kubeconfig"
        raise Unreadable(request.spec, found, "a path, or a context of a kubeconfig", HINT)
    path = Path(file).expanduser()
    try:
        return kubeconfig.read(path, context)
    except Malformed as e:
        if not context or not e.found.startswith("no context"):
            raise
        found = f"no such file or folder {context!r}, and no context of that name in {path}"
        raise Unreadable(request.spec, found, "a path or a context", _CONTEXTS) from None
    except Unreadable as e:
        if not context:
            raise
        found = f"no such file or folder {context!r}, and the kubeconfig {path} is not readable: {e.found}"
        raise Unreadable(request.spec, found, "a path or a context", _CONTEXTS) from None
