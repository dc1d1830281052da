"""Lists, watches and the cache against a real API server, through a line that is cut again and again."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import kube_server
import pytest
from kube_server import Cluster, Json

from strongroom.app.admission import watched
from strongroom.collect.kubernetes import kubeconfig, live, watching
from strongroom.collect.kubernetes.live import Client, RefusedError, Resource
from strongroom.collect.kubernetes.watching import Action, Cache, Change
from strongroom.collect.wire import Hold
from strongroom.model.codes import GapCode

pytestmark = pytest.mark.integration

MAPS = Resource("ConfigMap", "/api/v1/configmaps")
OURS = Resource("ConfigMap", "/api/v1/namespaces/blue/configmaps")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An API server with one namespace of ours."""
    with kube_server.cluster(tmp_path_factory.mktemp("kube")) as made:
        assert made.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "blue"}})[0] == 201
        # A new server has its own roles, discovery among them, a moment after it is up.
        assert until(lambda: made.ask("GET", "/apis", user="tenant")[0] == 200)
        yield made


def client(cluster: Cluster, user: str = "admin") -> Client:
    """One who asks as a user."""
    return Client(kubeconfig.read(cluster.kubeconfig(user)))


def put(cluster: Cluster, name: str, value: str = "0") -> None:
    """Make or change an object."""
    found: Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "blue"}}
    found["data"] = {"v": value}
    if cluster.create(found)[0] == 409:
        assert cluster.ask("PUT", f"{OURS.path}/{name}", found)[0] == 200


def remove(cluster: Cluster, name: str) -> None:
    """Take it away."""
    assert cluster.ask("DELETE", f"{OURS.path}/{name}")[0] in {200, 404}


def until(work: Callable[[], bool]) -> bool:
    """Whether something comes to hold."""
    end = time.monotonic() + 120
    while not work() and time.monotonic() < end:
        time.sleep(0.05)
    return work()


class Kept:
    """What a consumer makes of the changes."""

    def __init__(self) -> None:
        self.objects: dict[str, str] = {}
        self.got: list[tuple[Action, str]] = []

    def __call__(self, change: Change) -> None:
        """Take a change."""
        found = [json.loads(bytes(o))["metadata"] for o in change.objects]
        if change.action is Action.LIST:
            self.objects = {}
            self.got.append((change.action, ""))
        for m in found:
            if change.action is Action.REMOVE:
                del self.objects[m["name"]]
            else:
                self.objects[m["name"]] = m["resourceVersion"]
            if change.action is not Action.LIST:
                self.got.append((change.action, m["resourceVersion"]))


def there(cluster: Cluster) -> dict[str, str]:
    """What is there, asked in another way."""
    status, answer = cluster.ask("GET", OURS.path)
    assert status == 200
    items: list[Json] = answer["items"]  # type: ignore[assignment]
    return {i["metadata"]["name"]: i["metadata"]["resourceVersion"] for i in items}  # type: ignore[index]


def test_pages_make_one_list(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every object is on one page, none on two."""
    for n in range(23):
        put(cluster, f"paged-{n}")
    monkeypatch.setattr(live, "PAGE", 5)
    found = client(cluster).list(OURS)
    names = [json.loads(bytes(o))["metadata"]["name"] for o in found.items]
    assert sorted(names) == sorted(there(cluster))
    assert len(set(names)) == len(names) >= 23
    assert found.version.isdigit()


def test_a_list_whose_pages_are_forgotten_is_whole_all_the_same(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is compacted and what it holds changes while pages are read: the list is that of one moment."""
    for n in range(12):
        put(cluster, f"paged-{n}")
    monkeypatch.setattr(live, "PAGE", 5)
    refused: list[int] = []

    class Compacting(Client):
        """One under whom the store is compacted after each page."""

        def _whole(self, verb: str, path: str, query: dict[str, str], hold: Hold) -> bytes:
            try:
                return super()._whole(verb, path, query, hold)
            except RefusedError as e:
                refused.append(e.refusal.status)
                raise
            finally:
                put(cluster, "paged-0", str(time.monotonic()))
                compact(cluster)

    found = Compacting(kubeconfig.read(cluster.kubeconfig())).list(OURS)
    names = [json.loads(bytes(o))["metadata"]["name"] for o in found.items]
    assert sorted(names) == sorted(there(cluster))
    assert set(refused) <= {410}


def compact(cluster: Cluster) -> None:
    """Have the store forget its history, and the API server take note."""
    told = (cluster.folder / "servers.log").read_text(errors="replace")
    found = re.search(r'"advertise-client-urls":\["(http://127\.0\.0\.1:\d+)"', told)
    assert found, told[:2000]
    status, answer = cluster.ask("GET", OURS.path + "?limit=1")
    assert status == 200
    version: str = answer["metadata"]["resourceVersion"]  # type: ignore[index]
    request = urllib.request.Request(found[1] + "/v3/kv/compaction", json.dumps({"revision": version}).encode())
    with urllib.request.urlopen(request, timeout=60) as done:
        assert done.status == 200


def test_a_watch_without_news_hears_a_bookmark_before_it_is_given_up(cluster: Cluster) -> None:
    """Where nothing happens the server says now and then how far it looked, so that silence is known from a broken line."""
    asked = client(cluster)
    events = asked.watch(OURS, asked.list(OURS).version, watching.SECONDS)
    assert next(events).action == "BOOKMARK"
    events.close()


def _apiserver(cluster: Cluster) -> tuple[int, list[str]]:
    """The API server of a cluster, which is a child of this process: its process and its words."""
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            with contextlib.suppress(OSError):
                words = (place / "cmdline").read_bytes().decode().rstrip("\0").split("\0")
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == os.getpid() and f"{cluster.folder}/tokens.csv" in words:
                    return int(place.name), words
    raise AssertionError


def test_a_server_that_is_started_again_is_followed_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A server that dies and comes back has forgotten old versions; what is known comes to be what is there."""
    with kube_server.cluster(tmp_path_factory.mktemp("kube")) as cluster:
        assert cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "blue"}})[0] == 201
        old = client(cluster).list(OURS).version
        kept = Kept()
        cache = Cache(client(cluster), [OURS], kept)
        cache.start()
        for n in range(5):
            put(cluster, f"before-{n}")
        assert until(lambda: kept.objects == there(cluster))
        process, words = _apiserver(cluster)
        os.kill(process, signal.SIGKILL)
        assert until(lambda: "refused" in str(cache.troubles(-1.0)))
        assert cache.synced()
        with (cluster.folder / "again.log").open("wb") as log:
            again = subprocess.Popen(words, stdout=log, stderr=log, cwd=cluster.folder)
        try:
            assert until(lambda: _up(cluster))
            remove(cluster, "before-1")
            put(cluster, "before-2", "changed")
            put(cluster, "after")
            assert until(lambda: kept.objects == there(cluster) and cache.synced()), cache.troubles()
            with pytest.raises(RefusedError) as e:
                list(client(cluster).watch(OURS, old, 5))
            assert e.value.gone
            assert cache.stop(60)
        finally:
            again.kill()
            again.wait(60)


def _up(cluster: Cluster) -> bool:
    try:
        return cluster.ask("GET", OURS.path)[0] == 200
    except OSError:
        return False


@pytest.mark.parametrize(
    ("kind", "path", "unserved"),
    [
        ("ClusterPolicy", "/apis/kyverno.io/v1/clusterpolicies", True),
        ("DeviceClass", "/apis/resource.k8s.io/v1alpha1/deviceclasses", True),
        ("Nothing", "/apis/resource.k8s.io/v1/nothings", True),
        ("DeviceClass", "/apis/resource.k8s.io/v1/deviceclasses", False),
        ("Nothing", "/api/v1/nothings", False),
    ],
)
@pytest.mark.parametrize("user", ["admin", "tenant"])
def test_a_kind_that_is_not_served_is_told_by_discovery(
    cluster: Cluster, kind: str, path: str, unserved: bool, user: str
) -> None:
    """Anyone who is known may ask what is served."""
    resource = Resource(kind, path)
    assert client(cluster, user).unserved(resource) is unserved
    if unserved:
        with pytest.raises(RefusedError) as e:
            client(cluster).list(resource)
        assert e.value.absent


def test_who_may_not_look_is_told_what_is_missing(cluster: Cluster) -> None:
    """A user without rights has a gap that names verb and resource, and a cache that is never in sight."""
    with pytest.raises(RefusedError) as e:
        client(cluster, "tenant").list(MAPS)
    gap = live.gap(MAPS, e.value, "k8s")
    assert gap.code is GapCode.DENIED
    assert 'cannot list resource "configmaps"' in gap.detail
    kept = Kept()
    cache = Cache(client(cluster, "tenant"), [MAPS], kept)
    cache.start()
    assert until(lambda: "configmaps" in str(cache.troubles()) and "403" in str(cache.troubles()))
    assert kept.got == []
    assert cache.stop(60)
    with pytest.raises(RefusedError, match="401"):
        Client(kubeconfig.read(cluster.kubeconfig("nobody"))).list(MAPS)


def test_all_that_admission_needs_comes_in_sight(cluster: Cluster) -> None:
    """Every kind is listed and watched at the paths that a real server has, and the threads end when told."""
    seen: dict[str, int] = {}
    cache = Cache(client(cluster), watched(secrets=True), lambda c: seen.update({c.kind: len(c.objects)}))
    cache.start()
    assert until(cache.synced), cache.troubles()
    assert seen["Namespace"] >= 2
    assert all(age is not None for age in cache.ages().values())
    assert cache.stop(60)


class Line:
    """A line to the API server that can be cut."""

    def __init__(self, port: int) -> None:
        self._to, self._held, self._lock = port, list[socket.socket](), threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Cut every connection, once there is one."""
        assert until(lambda: bool(self._held))
        self.close_all()

    def close_all(self) -> None:
        """Cut what there is."""
        with self._lock:
            held, self._held = self._held, []
        self.cuts += bool(held)
        for one in held:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def close(self) -> None:
        """End."""
        self._listening.close()
        self.close_all()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                return
            with self._lock:
                self._held += [near, far]
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(a, b), daemon=True).start()

    @staticmethod
    def _carry(a: socket.socket, b: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := a.recv(65_536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)


def test_nothing_is_lost_and_nothing_comes_twice_on_a_line_that_is_cut(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects come, change and go while the line breaks; what is known is what is there, and no event came twice."""
    monkeypatch.setattr(watching, "_LONGEST", 0.1)
    line, kept = Line(cluster.port), Kept()
    to = kubeconfig.read(cluster.kubeconfig())._replace(port=line.port)
    cache = Cache(Client(to), [OURS], kept)
    cache.start()
    heard = 0
    for n in range(120):
        assert until(lambda: bool(kept.got))
        put(cluster, f"cut-{n % 7}", str(n))
        if n % 5 == 0:
            remove(cluster, f"cut-{n % 3}")
        if n % 4 == 0:
            before, heard = heard, len(kept.got)
            assert until(lambda b=before: len(kept.got) > b)  # type: ignore[misc]
            line.cut()
    assert until(lambda: kept.objects == there(cluster) and cache.synced()), cache.troubles()
    assert line.cuts == 30
    assert cache.stop(60)
    line.close()
    versions = [int(v) for action, v in kept.got if action is not Action.LIST]
    assert len(set(versions)) == len(versions) > 30
    assert versions == sorted(versions)
    assert kept.got.count((Action.LIST, "")) == 1
