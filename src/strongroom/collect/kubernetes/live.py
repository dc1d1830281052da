"""The API of a running cluster: lists page by page, and watches line by line (Kubernetes API concepts)."""

import json
from collections.abc import Generator
from typing import NamedTuple, TypeVar

import msgspec

from strongroom.collect.kubernetes.kubeconfig import Connection
from strongroom.collect.wire import Hold, Question, Times, clean
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput, Malformed, StrongroomError, TooLarge, Unreadable
from strongroom.model.estate import Gap

PAGE = 500
TIMEOUT = 30.0  # seconds for a connection, and between two pieces of an answer
WHOLE = 300.0  # seconds for a page
# Seconds without a word on a watch. Where nothing happens, kube-apiserver 1.36 sends its first bookmark after 120 s, then one a
# minute.
QUIET = 150.0
MOST_PAGE, MOST_LIST, MOST_LINE = 512 << 20, 4 << 30, 16 << 20  # octets
TRIES = 5  # of a page that a busy server puts off, and of a list whose version is gone
PASSING = frozenset({429, 500, 502, 503, 504})  # that the same question may get another answer to
_FIRST, _LONGEST = 0.2, 30.0  # seconds before it is asked again
_ERROR = 65_536
_Told = TypeVar("_Told")


class Resource(NamedTuple):
    """A kind that is listed: its kind, the path of the API, and a selector of fields, if any."""

    kind: str
    path: str
    fields: str = ""


class Refusal(NamedTuple):
    """An answer that is not what was asked for: its status, what the server says of it, and in how many seconds to ask again."""

    status: int
    message: str
    after: float = 0.0


class RefusedError(Unreadable):
    """The server answered, and not with what was asked for. `verb` is `list`, `watch` or `get`."""

    def __init__(self, verb: str, path: str, refusal: Refusal) -> None:
        said = f"{refusal.status}: {refusal.message}" if refusal.message else str(refusal.status)
        super().__init__(f"{verb} {path}", f"the answer {said}", "200")
        self.verb, self.path, self.refusal = verb, path, refusal

    @property
    def gone(self) -> bool:
        """Whether the version that was named is no longer kept: the list must be made anew."""
        return self.refusal.status == 410

    @property
    def absent(self) -> bool:
        """Whether the server does not know this kind."""
        return self.refusal.status == 404

    @property
    def passing(self) -> bool:
        """Whether the same question may be answered another time."""
        return self.refusal.status in PASSING


class Event(NamedTuple):
    """One line of a watch: what happened (`ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK`), and the object."""

    action: str
    object: msgspec.Raw
    version: str


class _Meta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct):
    kind: str
    metadata: _Meta
    items: list[msgspec.Raw] | None


class _Object(msgspec.Struct):
    metadata: _Meta = msgspec.field(default_factory=_Meta)
    code: int = 0
    message: str = ""


class _Line(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Served(msgspec.Struct, rename="camel"):
    group_version: str


class _Group(msgspec.Struct):
    versions: list[_Served]
    name: str = ""


class _Groups(msgspec.Struct, tag_field="kind", tag="APIGroupList"):
    groups: list[_Group]


class _Name(msgspec.Struct):
    name: str


class _Names(msgspec.Struct, tag_field="kind", tag="APIResourceList"):
    resources: list[_Name]


class Listed(NamedTuple):
    """A whole list, and the version that a watch goes on from."""

    items: list[msgspec.Raw]
    version: str


class Client:
    """Asks one API server; a connection for each question, so that threads may share it."""

    def __init__(
        self, connection: Connection, timeout: float = TIMEOUT, whole: float = WHOLE, quiet: float = QUIET
    ) -> None:
        """In seconds: `timeout` for each thing that is waited for, `whole` for all of a page, `quiet` for a word on a watch."""
        self._to, self._times, self._quiet = connection, Times(whole, timeout, timeout), quiet

    def list(self, resource: Resource, hold: Hold | None = None) -> Listed:
        """All objects of a kind, as they are at one moment.

        A page that a busy server puts off is asked for again, when it says. A list whose version is gone before it is
        read is begun again, and in the end asked for in one piece, which cannot be gone.

        Raises:
            RefusedError: the server refused, or has no such kind.
            Unreadable, Malformed, TooLarge: it did not answer, or with something else.
        """
        held = hold or Hold()
        for n in range(TRIES):
            try:
                return self._list(resource, held, 0 if n == TRIES - 1 else PAGE)
            except RefusedError as e:
                if not e.gone:
                    raise
        raise Unreadable(resource.path, "a list that is gone before it is read", "one that stays as long as that")

    def _list(self, resource: Resource, hold: Hold, limit: int) -> Listed:
        items: list[msgspec.Raw] = []
        size, after, version = 0, "", ""
        while True:
            query = {"limit": str(limit), **({"continue": after} if after else {}), **_selected(resource)}
            data = self._patient("list", resource.path, query, hold)
            page = _page(resource, data)
            items += page.items or ()
            size += len(data)
            version = page.metadata.resource_version
            if not version:
                raise Malformed(resource.path, "a list without a version", "one that a watch can go on from")
            before, after = after, page.metadata.continue_
            if not after:
                return Listed(items, version)
            if after == before:
                raise Malformed(resource.path, "a page that is followed by itself", "a list that ends")
            if size > MOST_LIST:
                raise TooLarge(resource.path, f"a list of more than {MOST_LIST} octets", "less")

    def _patient(self, verb: str, path: str, query: dict[str, str], hold: Hold) -> bytes:
        """An answer; asked for again, a few times, where the server has none now."""
        for n in range(TRIES):
            try:
                return self._whole(verb, path, query, hold)
            except RefusedError as e:
                if not e.passing or n == TRIES - 1:
                    raise
                hold.pause(e.refusal.after or min(_FIRST * 2**n, _LONGEST))
                if hold.released:
                    raise
        raise AssertionError

    def _whole(self, verb: str, path: str, query: dict[str, str], hold: Hold) -> bytes:
        with Question(self._to, path, query, self._times, hold) as asked:
            if asked.status != 200:
                raise RefusedError(verb, path, _refusal(asked))
            return asked.read(MOST_PAGE)

    def tried(self, path: str, body: bytes, hold: Hold | None = None) -> Refusal:
        """What the server would answer to an object that is made: a dry run, which keeps nothing (API concepts, dry-run).

        The status is 201 where it would be made. Raises Unreadable, TooLarge: there was no answer.
        """
        query = {"dryRun": "All", "fieldManager": "strongroom-probe"}
        with Question(self._to, path, query, self._times, hold or Hold(), body) as asked:
            if asked.status in {200, 201}:
                asked.read(MOST_PAGE)
                return Refusal(asked.status, "")
            return _refusal(asked)

    def unserved(self, resource: Resource, hold: Hold | None = None) -> bool:
        """Whether the server says in so many words that it has no such kind; a 404 alone may come from whatever is before it.

        A kind of the core is always there. Raises RefusedError, Unreadable, Malformed, TooLarge.
        """
        held = hold or Hold()
        root, _, rest = resource.path.partition("/apis/")
        parts = rest.split("/")
        if len(parts) < 3:
            return False
        version, plural = "/".join(parts[:2]), parts[-1]
        groups = _told(self._patient("get", f"{root}/apis", {}, held), _Groups, f"{root}/apis")
        if not any(v.group_version == version for g in groups.groups for v in g.versions):
            return True
        path = f"{root}/apis/{version}"
        return all(r.name != plural for r in _told(self._patient("get", path, {}, held), _Names, path).resources)

    def groups(self, hold: Hold | None = None) -> dict[str, tuple[str, ...]]:
        """The groups of the API beside the core, each with its versions. Raises RefusedError, Unreadable, Malformed, TooLarge."""
        found = _told(self._patient("get", "/apis", {}, hold or Hold()), _Groups, "/apis")
        return {g.name: tuple(v.group_version.rpartition("/")[2] for v in g.versions) for g in found.groups}

    def watch(
        self, resource: Resource, version: str, seconds: int, hold: Hold | None = None
    ) -> Generator[Event, None, None]:
        """What happens from a version on, until the server has enough of it, at most after so many seconds.

        A line that is cut off is not handed on: whoever asks again from the last version gets it whole.

        Raises:
            RefusedError: 410: make the list anew.
            Unreadable, Malformed, TooLarge: nothing was heard for too long, or something else than an event.
        """
        query = {
            "watch": "1", "allowWatchBookmarks": "true", "resourceVersion": version, "timeoutSeconds": str(seconds),
            **_selected(resource),
        }  # fmt: skip
        times = Times(seconds + self._quiet, self._times.first, self._quiet)
        with Question(self._to, resource.path, query, times, hold or Hold()) as asked:
            if asked.status != 200:
                raise RefusedError("watch", resource.path, _refusal(asked))
            while line := asked.line(MOST_LINE):
                if line.strip():
                    yield _event(resource, line)


def gap(resource: Resource, error: StrongroomError, source: str) -> Gap:
    """What an error leaves unseen: which permission is missing, or that the API is not served, or that it did not answer."""
    code, detail = GapCode.NOT_FETCHED, str(error)
    if isinstance(error, RefusedError) and error.refusal.status in {401, 403}:
        code, detail = GapCode.DENIED, f"no permission to {error.verb} {resource.path}: {error.refusal.message}"
    elif isinstance(error, RefusedError) and error.absent:
        code, detail = GapCode.ABSENT, f"the server does not serve {resource.path}"
    elif isinstance(error, TooLarge):
        code = GapCode.TOO_LARGE
    elif isinstance(error, Malformed):
        code = GapCode.MALFORMED
    return Gap(resource.path, source, code, detail)


def _selected(resource: Resource) -> dict[str, str]:
    return {"fieldSelector": resource.fields} if resource.fields else {}


def _page(resource: Resource, data: bytes) -> _List:
    found = _told(data, _List, resource.path)
    # Anything with metadata would else be a list of nothing.
    if found.kind != f"{resource.kind}List":
        raise Malformed(resource.path, f"the kind {clean(found.kind, 60)!r}", f"{resource.kind}List")
    return found


def _told(data: bytes | msgspec.Raw, wanted: type[_Told], path: str) -> _Told:
    try:
        return msgspec.json.decode(data, type=wanted)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise Malformed(path, clean(str(e), 120).lower(), "what the Kubernetes API answers") from None


def _event(resource: Resource, line: bytes) -> Event:
    found = _told(line, _Line, resource.path)
    inner = _told(found.object, _Object, resource.path)
    if found.type == "ERROR":
        raise RefusedError("watch", resource.path, Refusal(inner.code, clean(inner.message)))
    version = inner.metadata.resource_version
    if found.type not in {"ADDED", "MODIFIED", "DELETED", "BOOKMARK"} or not version:
        raise Malformed(
            resource.path, f"the event {clean(found.type, 40)!r} of version {version!r}", "one of a version"
        )
    return Event(found.type, found.object, version)


def _refusal(asked: Question) -> Refusal:
    try:
        told = json.loads(asked.read(_ERROR))
        message = str(told.get("message", "")) if isinstance(told, dict) else ""
    except (BadInput, ValueError, RecursionError):
        message = ""
    after = asked.header("Retry-After")
    wait = min(float(after), _LONGEST) if after.isascii() and after.isdigit() else 0.0
    return Refusal(asked.status, clean(message), wait)
