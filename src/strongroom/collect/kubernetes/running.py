"""All that is read of a running cluster: every type of the table, list by list; what cannot be listed is a gap.

Only GET is sent. A list counts when it was read to its end: half of one would let the other half pass for absent.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from strongroom.collect.kubernetes.kubeconfig import Connection
from strongroom.collect.kubernetes.listed import TYPES, Type, unlocking
from strongroom.collect.kubernetes.live import TIMEOUT, Client, RefusedError, Resource, gap
from strongroom.collect.kubernetes.reading import Found
from strongroom.collect.kubernetes.trees import text_at, tree
from strongroom.collect.wire import Deadline, Hold
from strongroom.model.codes import GapCode
from strongroom.model.errors import StrongroomError
from strongroom.model.estate import Gap
from strongroom.model.ports import Request
from strongroom.model.values import Where

AT_ONCE = 4  # lists
_QUIETEST = 4  # of the time that there is, the part that one silent list may take


class _Listed(NamedTuple):
    """What came of a list: its objects and the version of the API, or why there is none, which is empty for no such type."""

    version: str = ""
    items: Sequence[msgspec.Raw] = ()
    gap: Gap | None = None


@dataclass(slots=True)
class Running:
    """A running cluster as a source. `lost` is filled with `gaps`: the kinds that could not be listed, and why."""

    request: Request
    connection: Connection
    gaps: list[Gap] = field(default_factory=list)
    lost: dict[str, Gap] = field(default_factory=dict)
    files: int = 0
    size: int = 0
    types: Sequence[Type] = TYPES
    _digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def digest(self) -> str:
        """The digest over what was read, in the order of the table."""
        return self._digest.hexdigest()

    @property
    def title(self) -> str:
        """What it is called in a report."""
        return f"the Kubernetes API at {self.connection.host}:{self.connection.port}"

    def objects(self) -> Iterator[Found]:
        """Every object of the cluster. Raises Unreadable, Malformed, TooLarge where it does not answer at all."""
        wall = self.request.limits.wall_seconds
        client = Client(self.connection, timeout=min(TIMEOUT, wall / _QUIETEST), whole=wall)
        deadline = Deadline(wall)
        with contextlib.closing(deadline):
            yield from self._all(client, deadline)

    def _all(self, client: Client, deadline: Deadline) -> Iterator[Found]:
        served = self._served(client, deadline)
        # The deadline ends before the pool waits for its threads: whoever gives up in the middle waits for no answer.
        with ThreadPoolExecutor(AT_ONCE) as pool, contextlib.closing(deadline):
            asked: list[tuple[Type, Future[_Listed]]] = [
                (t, pool.submit(_list, client, t, served, self.request, deadline)) for t in self.types
            ]
            for n, (one, listing) in enumerate(asked):
                if self.request.progress is not None:
                    self.request.progress("lists", n, len(asked))
                found = listing.result()
                if found.gap is not None:
                    self._lose(one, found.gap)
                elif found.version:
                    yield from self._objects(one, found)

    def _served(self, client: Client, deadline: Deadline) -> dict[str, tuple[str, ...]] | None:
        """The versions of every group; None where the server does not tell, which is a gap of its own."""
        try:
            return client.groups(deadline.hold())
        except RefusedError as e:
            known = gap(Resource("APIGroup", "/apis"), e, self.request.spec)
            missing = "; its user lacks the role system:discovery" if known.code is GapCode.DENIED else ""
            self.gaps.append(msgspec.structs.replace(known, detail=known.detail + missing))
            self.lost[""] = self.gaps[-1]
            return None

    def _lose(self, one: Type, why: Gap) -> None:
        self.gaps.append(why)
        self.lost.setdefault(one.kind, why)

    def _objects(self, one: Type, found: _Listed) -> Iterator[Found]:
        self.files += 1
        self._digest.update(f"{one.path(found.version)} {len(found.items)}\n".encode())
        version = f"{one.group}/{found.version}" if one.group else found.version
        for raw in found.items:
            data = bytes(raw)
            self.size += len(data)
            self._digest.update(data)
            try:
                value = msgspec.json.decode(data)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                value = None
            if not isinstance(value, dict) or not isinstance(value.get("metadata"), dict):
                # It was not understood, and so it may be the one that is looked for.
                self._lose(one, _gap(one, self.request, GapCode.MALFORMED, "an object that cannot be read"))
                continue
            made = tree({**value, "kind": one.kind, "apiVersion": version})
            yield Found(made, Where(self.request.spec, path=_path(one, found.version, made)))


def _path(one: Type, version: str, made: object) -> str:
    namespace, name = text_at(made, "metadata", "namespace"), text_at(made, "metadata", "name")
    base, _, plural = one.path(version).rpartition("/")
    return f"{base}/namespaces/{namespace}/{plural}/{name}" if namespace else f"{base}/{plural}/{name}"


def _list(
    client: Client, one: Type, served: dict[str, tuple[str, ...]] | None, request: Request, deadline: Deadline
) -> _Listed:
    """One list. Nothing is raised: what went wrong is a gap."""
    version = one.versions[0]
    if one.group and served is not None:
        if one.group not in served:
            return _Listed()
        chosen = next((v for v in one.versions if v in served[one.group]), None)
        if chosen is None:
            there = ", ".join(served[one.group])
            detail = f"the server has {one.group} as {there}, and {', '.join(one.versions)} is understood"
            return _Listed(gap=_gap(one, request, GapCode.UNSUPPORTED, detail))
        version = chosen
    resource = Resource(one.kind, one.path(version))
    if deadline.over():
        return _Listed(gap=_late(one, request, deadline))
    hold = deadline.hold()
    try:
        return _Listed(version, client.list(resource, hold).items)
    except RefusedError as e:
        if deadline.over() and e.passing:
            return _Listed(gap=_late(one, request, deadline, f" ({e.found})"))
        return _refused(client, one, resource, e, request, hold)
    except StrongroomError as e:
        if deadline.over():
            return _Listed(gap=_late(one, request, deadline))
        known = gap(resource, e, request.spec)
        return _Listed(gap=_gap(one, request, known.code, known.detail))


def _refused(
    client: Client, one: Type, resource: Resource, error: RefusedError, request: Request, hold: Hold
) -> _Listed:
    known = gap(resource, error, request.spec)
    try:
        if error.absent and client.unserved(resource, hold):
            return _Listed()
    except StrongroomError as e:
        known = gap(resource, e, request.spec)
    detail = known.detail
    if known.code is GapCode.DENIED:
        detail = f"no permission to list {one.name} ({error.refusal.message}); its role lacks {unlocking(one)}"
    return _Listed(gap=_gap(one, request, known.code, detail))


def _late(one: Type, request: Request, deadline: Deadline, last: str = "") -> Gap:
    detail = f"not listed within {deadline.seconds:g} seconds{last}; set [limits] wall_seconds to wait longer"
    return _gap(one, request, GapCode.TIMEOUT, detail)


def _gap(one: Type, request: Request, code: GapCode, detail: str) -> Gap:
    return Gap(one.name, request.spec, code, detail, Where(request.spec, path=one.path(one.versions[0])), one.hides)
