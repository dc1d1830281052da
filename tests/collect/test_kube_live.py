"""Lists and watches of a cluster's API, against a server that pages, forgets, cuts off and lies."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from strongroom.collect.kubernetes import kubeconfig, live
from strongroom.collect.kubernetes.kubeconfig import Connection
from strongroom.collect.kubernetes.live import Client, RefusedError, Resource
from strongroom.collect.kubernetes.watching import Action, Cache, Change
from strongroom.model.errors import Malformed, StrongroomError, Unreadable

PODS = Resource("Pod", "/api/v1/pods")
Script = Callable[[dict[str, str]], tuple[int, list[bytes]]]


def one(name: str, version: int) -> dict[str, object]:
    """An object of a version."""
    return {"metadata": {"name": name, "resourceVersion": str(version)}}


def page(names: list[str], version: int, after: str = "") -> bytes:
    """A page of a list."""
    meta = {"resourceVersion": str(version), "continue": after}
    return json.dumps({"kind": "PodList", "metadata": meta, "items": [one(n, version) for n in names]}).encode()


def event(action: str, name: str, version: int) -> bytes:
    """A line of a watch."""
    return json.dumps({"type": action, "object": one(name, version)}).encode() + b"\n"


def gone() -> bytes:
    """What a watch says whose version is forgotten."""
    return (
        json.dumps({"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}).encode() + b"\n"
    )


@pytest.fixture
def server() -> Iterator[Callable[[Script], Connection]]:
    """A server that answers as a script says: a status, and pieces of a body."""
    held: list[ThreadingHTTPServer] = []

    def start(script: Script) -> Connection:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
                status, pieces = script(query)
                self.send_response(status)
                self.end_headers()
                for piece in pieces:
                    self.wfile.write(piece)

            def log_message(self, *_: object) -> None: ...

        made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        made.daemon_threads = True
        threading.Thread(target=made.serve_forever, daemon=True).start()
        held.append(made)
        return Connection("127.0.0.1", made.server_address[1], "", None, "secret")

    yield start
    for made in held:
        made.shutdown()
        made.server_close()


def names(client: Client) -> list[str]:
    """The names of a list."""
    return [json.loads(bytes(raw))["metadata"]["name"] for raw in client.list(PODS).items]


def test_a_list_is_read_page_by_page_to_its_end(server: Callable[[Script], Connection]) -> None:
    """What stands on the second page is not missed."""

    def script(query: dict[str, str]) -> tuple[int, list[bytes]]:
        return 200, [page(["c"], 7)] if query.get("continue") == "x" else [page(["a", "b"], 7, "x")]

    found = Client(server(script)).list(PODS)
    assert (len(found.items), found.version) == (3, "7")


def test_a_list_whose_version_is_gone_is_begun_again(server: Callable[[Script], Connection]) -> None:
    """A token that the server has forgotten makes no half list."""
    tries = []

    def script(query: dict[str, str]) -> tuple[int, list[bytes]]:
        tries.append(query)
        if query.get("continue"):
            return (410, [b"{}"]) if len(tries) < 4 else (200, [page(["b"], 9)])
        return 200, [page(["a"], 9, "x")]

    assert names(Client(server(script))) == ["a", "b"]


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_a_refusal_is_told_with_what_the_server_says(
    server: Callable[[Script], Connection], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A status that is no list is an error of its own, and never an empty list."""
    monkeypatch.setattr(live, "_FIRST", 0.0)
    connection = server(lambda _: (status, [b'{"message": "not you"}']))
    with pytest.raises(RefusedError) as e:
        Client(connection).list(PODS)
    assert (e.value.refusal.status, e.value.refusal.message) == (status, "not you")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"items": 5}', b"\xff", b"[" * 100_000, b'{"metadata": {}, "items": {}}']
)
def test_what_is_no_list_is_an_error(server: Callable[[Script], Connection], body: bytes) -> None:
    """Anything but a list is malformed."""
    with pytest.raises(Malformed):
        Client(server(lambda _: (200, [body]))).list(PODS)


def test_a_server_that_is_not_there_is_unreadable() -> None:
    """No connection, no list."""
    with pytest.raises(Unreadable):
        Client(Connection("127.0.0.1", 1, "", None), 2).list(PODS)


class Seen:
    """What a cache hands on, as the objects that there are."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.changes: list[Change] = []
        self.refuse = False

    def __call__(self, change: Change) -> None:
        """Take a change."""
        if self.refuse:
            raise Malformed("an object", "one that is none", "one")
        found = {json.loads(bytes(o))["metadata"]["name"] for o in change.objects}
        self.changes.append(change)
        self.names = (
            found
            if change.action is Action.LIST
            else self.names | found
            if change.action is Action.PUT
            else self.names - found
        )


def until(work: Callable[[], bool]) -> bool:
    """Whether something comes to hold."""
    end = time.monotonic() + 60
    while not work() and time.monotonic() < end:
        time.sleep(0.02)
    return work()


def test_a_cache_follows_through_cuts_and_forgotten_versions(server: Callable[[Script], Connection]) -> None:
    """Events half sent, connections cut, versions gone: in the end what is known is what is there."""
    watches: list[str] = []

    def script(query: dict[str, str]) -> tuple[int, list[bytes]]:
        if "watch" not in query:
            return 200, [page(["a", "b"], 10) if not watches else page(["c", "d"], 50)]
        watches.append(query["resourceVersion"])
        scenes: list[list[bytes]] = [
            [event("ADDED", "c", 11), event("DELETED", "a", 12), event("ADDED", "z", 13)[:20]],  # cut in the middle
            [event("BOOKMARK", "", 20), event("ADDED", "e", 21)],
            [gone()],
            [event("MODIFIED", "d", 51), event("ADDED", "f", 52)],
        ]
        if len(watches) <= len(scenes):
            return 200, scenes[len(watches) - 1]
        time.sleep(1)
        return 200, []

    seen = Seen()
    cache = Cache(Client(server(script)), [PODS], seen)
    assert not cache.synced()
    cache.start()
    assert until(lambda: seen.names == {"c", "d", "f"}), seen.names
    assert cache.synced()
    assert watches[:4] == ["10", "12", "21", "50"]
    assert cache.troubles(silence=-1.0)
    cache.stop()


@pytest.mark.parametrize("status", [403, 404])
def test_a_kind_that_the_server_refuses_is_not_in_sight(server: Callable[[Script], Connection], status: int) -> None:
    """Nobody who may not look has seen that there is none; a kind of the core is never absent."""
    seen = Seen()
    cache = Cache(Client(server(lambda _: (status, [b'{"message": "no rights"}']))), [PODS], seen)
    cache.start()
    assert until(lambda: any("no rights" in t for t in cache.troubles()))
    assert seen.changes == []
    assert cache.ages() == {"Pod": None}
    assert cache.stop(60)


def test_an_object_that_cannot_be_taken_puts_its_kind_out_of_sight(server: Callable[[Script], Connection]) -> None:
    """What nobody can read is not passed over in silence."""
    go = threading.Event()

    def script(query: dict[str, str]) -> tuple[int, list[bytes]]:
        if "watch" in query:
            go.wait(30)
            return 200, [event("ADDED", "x", 11)]
        return 200, [page(["a"], 10)]

    seen = Seen()
    cache = Cache(Client(server(script)), [PODS], seen)
    cache.start()
    assert until(cache.synced)
    seen.refuse = True
    go.set()
    assert until(lambda: not cache.synced())
    cache.stop()


CONFIG = {
    "current-context": "a",
    "contexts": [
        {"name": "a", "context": {"cluster": "c", "user": "u"}},
        {"name": "b", "context": {"cluster": "gone"}},
    ],
    "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:8001/prefix"}}],
    "users": [{"name": "u", "user": {"tokenFile": "token"}}],
}


def test_a_kubeconfig_names_server_and_user(tmp_path: Path) -> None:
    """The current context counts; a token is read from its file each time."""
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(CONFIG))
    (tmp_path / "token").write_text("one\n")
    found = kubeconfig.read(path)
    assert (found.host, found.port, found.prefix, found.bearer()) == ("127.0.0.1", 8001, "/prefix", "one")
    (tmp_path / "token").write_text("two\n")
    assert found.bearer() == "two"


@pytest.mark.parametrize(
    ("change", "context"),
    [
        ({}, "b"),
        ({}, "none"),
        ({"users": [{"name": "u", "user": {"exec": {"command": "evil"}}}]}, ""),
        ({"clusters": [{"name": "c", "cluster": {"server": "http://example.org"}}]}, ""),
        ({"clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1", "insecure-skip-tls-verify": True}}]}, ""),
        ({"clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1", "certificate-authority-data": "!"}}]}, ""),
        ({"clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1", "certificate-authority-data": base64.b64encode(b"x").decode()}}]}, ""),
        ({"clusters": "c"}, ""),
    ],
)  # fmt: skip
def test_a_kubeconfig_that_would_run_or_trust_anything_is_refused(
    tmp_path: Path, change: dict[str, object], context: str
) -> None:
    """Programs, skipped checks, plain HTTP to others and broken parts are errors with a reason."""
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump({**CONFIG, **change}))
    with pytest.raises(StrongroomError):
        kubeconfig.read(path, context)


def test_a_pod_knows_its_cluster_by_what_it_is_given(tmp_path: Path) -> None:
    """Without the variables and files of a pod there is no cluster."""
    with pytest.raises(Malformed):
        kubeconfig.in_cluster("", "", tmp_path)
    with pytest.raises(Unreadable):
        kubeconfig.in_cluster("10.0.0.1", "443", tmp_path)
