"""Kubernetes: a taint of a node until its GPUs are scrubbed. One GET and one PATCH, of that taint and one annotation alone.

The taint is `PREFIX/scrub`: `pending` waits for a scrub, `failed` for a person. Whose it is stands in the annotation
`PREFIX/scrub-holder`. Each change names the resourceVersion that it was made from (RFC 6902 `test`), so that a change of
another in between is never written over; `spec.unschedulable` and all other taints are nobody's business here.
"""

import http.client
import json
import re
import ssl
import urllib.parse
from collections.abc import Callable, Mapping
from typing import cast

import msgspec

from strongroom.model.errors import BadUsage, GpuError
from strongroom.model.handover import Hold, KeeperKind, Link
from strongroom.scrub.keepers import _pods

PENDING, FAILED = "pending", "failed"
_SECONDS = 30.0
_MOST = 8 << 20  # octets of an answer
_PAGES = 20  # of 500 pods each, far more than a node runs
_TRIES = 5  # others write to a node too, the kubelet every few seconds
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)  # RFC 1123, as node names are
_CONFLICT = {409, 422}  # the resourceVersion is another by now; a `test` that does not hold is 422


class _Taint(msgspec.Struct, rename="camel", omit_defaults=True):
    key: str
    effect: str
    value: str = ""
    time_added: str = ""


class _Meta(msgspec.Struct, rename="camel"):
    name: str
    resource_version: str
    annotations: dict[str, str] = {}


class _Spec(msgspec.Struct):
    taints: tuple[_Taint, ...] = ()


class _Node(msgspec.Struct):
    metadata: _Meta
    spec: _Spec = msgspec.field(default_factory=_Spec)


class KubernetesNode:
    """A node, by its API server."""

    def __init__(self, node: str, prefix: str, link: Link) -> None:
        """Nothing is asked before a call."""
        self._node, self._link = node, link
        self._key, self._holder = f"{prefix}/scrub", f"{prefix}/scrub-holder"

    def look(self) -> Hold:
        """Whether the taint is there, who holds it, and whether it waits for whoever scrubs."""
        return self._hold(self._get())

    def _hold(self, node: _Node) -> Hold:
        mine = [t for t in node.spec.taints if t.key == self._key]
        holder = node.metadata.annotations.get(self._holder, "")
        waits = bool(mine) and not holder and all(t.value == PENDING for t in mine)
        return Hold(bool(mine), holder or ", ".join(t.value for t in mine), waits)

    def cordon(self, words: str) -> Hold:
        """Put the taint there and say whose it is; one that another holds stays as it is."""

        def change(node: _Node) -> tuple[list[_Taint], str] | None:
            hold = self._hold(node)
            if hold.cordoned and not hold.waits:
                return None
            others = [t for t in node.spec.taints if t.key != self._key]
            return [*others, _Taint(self._key, "NoSchedule", PENDING)], words

        return self._hold(self._changed(change))

    def wait(self) -> Hold:
        """Put the taint there for whoever scrubs; one that is there stays as it is, another's too."""

        def change(node: _Node) -> tuple[list[_Taint], str] | None:
            if self._hold(node).cordoned:
                return None
            return [*node.spec.taints, _Taint(self._key, "NoSchedule", PENDING)], ""

        return self._hold(self._changed(change))

    def users(self) -> tuple[str, ...]:
        """The pods with accelerators that are bound to the node and not over, as namespace/name."""
        found: list[str] = []
        more = ""
        for _ in range(_PAGES):
            query = {
                "fieldSelector": f"spec.nodeName={self._node}",
                "limit": "500",
                **({"continue": more} if more else {}),
            }
            status, data = self._ask("GET", None, f"/api/v1/pods?{urllib.parse.urlencode(query)}")
            if status != http.client.OK:
                raise self._refused("GET of the pods", status, data)
            page, more = _pods.users(data, self._node)
            found += page
            if not more:
                return tuple(sorted(found))
        raise GpuError(f"pods of node {self._node}", f"more than {_PAGES} pages", "a list that ends")

    def failed(self, words: str) -> None:
        """The same taint says that it failed; another's stays as it is."""

        def change(node: _Node) -> tuple[list[_Taint], str] | None:
            hold = self._hold(node)
            if hold.cordoned and not hold.waits and hold.words != words:
                return None
            others = [t for t in node.spec.taints if t.key != self._key]
            return [*others, _Taint(self._key, "NoSchedule", FAILED)], words

        self._changed(change)

    def uncordon(self, words: str) -> None:
        """Take the taint and the annotation away, if they are still these words'."""

        def change(node: _Node) -> tuple[list[_Taint], str]:
            if (hold := self._hold(node)).words != words:
                raise GpuError(f"node {self._node}", f"held by {hold.words!r}"[:160], repr(words))
            return [t for t in node.spec.taints if t.key != self._key], ""

        if self._hold(self._changed(change)).cordoned:
            raise GpuError(f"node {self._node}", "the taint again", "no taint")

    def _changed(self, change: Callable[[_Node], tuple[list[_Taint], str] | None]) -> _Node:
        """Make a change from what is there; again where another changed the node in between."""
        for _ in range(_TRIES):
            node = self._get()
            if (made := change(node)) is None:
                return node
            status, data = self._ask("PATCH", self._patch(node, *made))
            if status == http.client.OK:
                return self._read(data)
            if status not in _CONFLICT:
                raise self._refused("PATCH", status, data)
        raise GpuError(f"node {self._node}", f"changed by others {_TRIES} times", "a change that holds")

    def _patch(self, node: _Node, taints: list[_Taint], holder: str) -> bytes:
        """RFC 6902: the version first, then what stands there, then what is to stand there."""
        place = f"/metadata/annotations/{self._holder.replace('~', '~0').replace('/', '~1')}"
        steps: list[dict[str, object]] = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": node.metadata.resource_version},
            {"op": "add", "path": "/spec/taints", "value": msgspec.to_builtins(taints)},
        ]
        if holder:
            if not node.metadata.annotations:
                steps.append({"op": "add", "path": "/metadata/annotations", "value": {}})
            steps.append({"op": "add", "path": place, "value": holder})
        elif self._holder in node.metadata.annotations:
            steps.append({"op": "remove", "path": place})
        return json.dumps(steps).encode()

    def _get(self) -> _Node:
        status, data = self._ask("GET", None)
        if status != http.client.OK:
            raise self._refused("GET", status, data)
        return self._read(data)

    def _read(self, data: bytes) -> _Node:
        try:
            node = msgspec.json.decode(data, type=_Node)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise GpuError(f"node {self._node}", "an answer that cannot be read", "a node") from None
        if node.metadata.name != self._node:
            raise GpuError(f"node {self._node}", f"node {node.metadata.name[:80]}", "the one that was asked for")
        return node

    def _ask(self, method: str, body: bytes | None, path: str = "") -> tuple[int, bytes]:
        link = self._link
        headers = {"Accept": "application/json", "User-Agent": "strongroom"}
        if body is not None:
            headers["Content-Type"] = "application/json-patch+json"
        if token := link.bearer():
            headers["Authorization"] = f"Bearer {token}"
        if isinstance(link.tls, ssl.SSLContext):
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                link.host, link.port, timeout=_SECONDS, context=link.tls
            )
        elif link.tls is None:
            connection = http.client.HTTPConnection(link.host, link.port, timeout=_SECONDS)
        else:
            raise GpuError(f"api server {link.host}", "a connection of another kind", "TLS")
        try:
            connection.request(method, link.prefix + (path or f"/api/v1/nodes/{self._node}"), body, headers)
            answer = connection.getresponse()
            data = answer.read(_MOST + 1)
        except (OSError, http.client.HTTPException) as e:
            why = (getattr(e, "strerror", None) or str(e) or type(e).__name__).lower()[:160]
            raise GpuError(f"api server {link.host}:{link.port}", why, "an answer") from None
        finally:
            connection.close()
        if len(data) > _MOST:
            raise GpuError(f"node {self._node}", f"more than {_MOST} octets", "a node")
        return answer.status, data

    def _refused(self, method: str, status: int, data: bytes) -> GpuError:
        try:
            told = cast("object", json.loads(data))
        except (ValueError, RecursionError):
            told = None
        said = str(told.get("message", "")) if isinstance(told, dict) else ""
        hint = "strongroom isolate render scrub has the role" if status in {401, 403} else ""
        return GpuError(f"{method} of node {self._node}", f"{status} {said[:200]}".strip(), "200", hint)


def _open(node: str, options: Mapping[str, str], link: Link | None) -> KubernetesNode:
    if not _NAME.fullmatch(node):
        raise BadUsage("--node", repr(node[:60]), "the name of one node")
    if link is None:
        raise BadUsage("--scheduler kubernetes", "no API server", "--kubeconfig FILE, or a pod in the cluster")
    return KubernetesNode(node, options["prefix"], link)


KEEPER = KeeperKind("kubernetes", "Kubernetes: a taint of the node", open=_open, kept=False, linked=True, crowd=_open)
