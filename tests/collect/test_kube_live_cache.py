"""A cluster kept in sight through everything that a network and a server do to it: nothing lost, nothing twice, no hang."""

import json
import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from kube_live_server import CHUNKED, END, RESET, Asked, Script, Server, chunk, head, whole
from test_kube_live_wire import CLAIMS, PODS, event, groups, kinds, one, page

from strongroom.collect.kubernetes import watching
from strongroom.collect.kubernetes.live import Client
from strongroom.collect.kubernetes.watching import Action, Cache, Change
from strongroom.collect.wire import Hold
from strongroom.model.errors import Malformed

Started = Callable[[Script], Server]
GONE = b'{"type": "ERROR", "object": {"kind": "Status", "metadata": {}, "code": 410, "message": "too old"}}\n'


@pytest.fixture
def started() -> Iterator[Started]:
    """Starts servers, and ends them."""
    held: list[Server] = []

    def start(script: Script) -> Server:
        held.append(Server(script))
        return held[-1]

    yield start
    for one_ in held:
        one_.close()
        assert one_.faults == []


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other fast."""
    monkeypatch.setattr(watching, "_FIRST", 0.005)
    monkeypatch.setattr(watching, "_LONGEST", 0.05)


def until(work: Callable[[], bool]) -> bool:
    """Whether something comes to hold; the limit is generous, and met by a fault only."""
    end = time.monotonic() + 60
    while not work() and time.monotonic() < end:
        time.sleep(0.01)
    return work()


class Kept:
    """What a consumer makes of the changes: the objects as they are by what it was told, and every event that it got."""

    def __init__(self) -> None:
        self.objects: dict[str, int] = {}
        self.got: list[tuple[str, str, int]] = []
        self.lists = 0
        self.refuse: Callable[[Change], bool] = lambda _: False

    def __call__(self, change: Change) -> None:
        """Take a change."""
        if self.refuse(change):
            raise Malformed("an object", "one that is none", "one")
        found = [json.loads(bytes(o))["metadata"] for o in change.objects]
        if change.action is Action.LIST:
            self.lists += 1
            self.objects = {m["name"]: int(m["resourceVersion"]) for m in found}
            self.got.append(("list", "", 0))
            return
        for m in found:
            name, version = m["name"], int(m["resourceVersion"])
            self.got.append((change.action.value, name, version))
            if change.action is Action.PUT:
                self.objects[name] = version
            else:
                del self.objects[name]  # what was never there cannot be removed: an event came twice, or one was lost


class Api:
    """A store with a history, as an API server has one; `chance` does what networks and servers do to whoever asks."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.lock = threading.Condition()
        self.objects: dict[str, int] = {}
        self.history: list[tuple[int, str, str]] = []
        self.version, self.kept = 100, 100
        self.calm = False
        self.pages: dict[str, list[tuple[str, int]]] = {}
        self.asked: list[str] = []

    def turn(self) -> None:
        """Something happens in the cluster."""
        with self.lock:
            self.version += 1
            name = f"p{self.chance.randrange(12)}"
            there = name in self.objects
            action = self.chance.choice(("MODIFIED", "DELETED")) if there else "ADDED"
            if action == "DELETED":
                del self.objects[name]
            else:
                self.objects[name] = self.version
            self.history.append((self.version, action, name))
            if self.chance.random() < 0.1:
                self.kept = self.version - self.chance.randrange(3)  # older ones are forgotten, and so are pages
                self.pages.clear()
            self.lock.notify_all()

    def fault(self) -> str:
        """What happens to this answer."""
        faults = ("reset", "half", "busy", "error", "gone", "garbage", "mute")
        return "" if self.calm or self.chance.random() < 0.5 else self.chance.choice(faults)

    def __call__(self, found: Asked) -> Iterator[bytes]:
        """An answer to a request."""
        with self.lock:
            fault = self.fault()
            self.asked.append(fault)
        if fault == "busy":
            return whole(b"{}", 429, Retry_After="0")
        if fault == "error":
            return whole(b"oops", 500)
        if fault == "reset":
            return iter([RESET])
        if fault == "garbage" and "watch" not in found.query:
            return whole(b'{"kind": "PodList", "metadata": {}}')
        return self.events(found, fault) if "watch" in found.query else self.page(found, fault)

    def page(self, found: Asked, fault: str) -> Iterator[bytes]:
        """A page of the list: two objects, where pages are asked for."""
        with self.lock:
            token = found.query.get("continue", "")
            if token and (token not in self.pages or fault == "gone"):
                yield from whole(b'{"kind": "Status", "code": 410}', 410)
                return
            version, _, at = token.partition("-")
            listed = self.pages[token] if token else sorted(self.objects.items())
            version, start = version or str(self.version), int(at or 0)
            size = 2 if found.query["limit"] != "0" else len(listed) + 1
            after = f"{version}-{start + size}" if start + size < len(listed) else ""
            if after:
                self.pages[after] = listed
            items = [one(n, v) for n, v in listed[start : start + size]]
            meta = {"resourceVersion": version, "continue": after}
        body = json.dumps({"kind": "PodList", "metadata": meta, "items": items}).encode()
        yield from ([head(Content_Length=str(len(body))) + body[:-7]] if fault == "half" else whole(body))

    def events(self, found: Asked, fault: str) -> Iterator[bytes]:
        """What came after a version, until chance ends it."""
        at = int(found.query["resourceVersion"])
        yield CHUNKED
        for _ in range(self.chance.randrange(1, 12)):
            with self.lock:
                self.lock.wait(0.02)
                if at < self.kept or fault == "gone":
                    yield chunk(GONE) + END
                    return
                lines = b"".join(event(a, n, v) for v, a, n in self.history if v > at)
                at = self.version
                lines += event("BOOKMARK", "", at)
            if fault == "half":
                yield chunk(lines[: self.chance.randrange(1, len(lines))])
                yield self.chance.choice((b"", RESET, END))
                return
            yield chunk(lines)
            if fault == "garbage":
                yield chunk(b'{"type": "ADDED", "object": {"metadata": {}}}\n')
        yield END


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_lost_and_nothing_comes_twice(started: Started, seed: int) -> None:
    """Through resets, cuts, forgotten versions, busy servers and garbage, what is known comes to be what is there."""
    api, kept = Api(seed), Kept()
    cache = Cache(Client(started(api).connection(), 60, quiet=60), [PODS], kept, jitter=lambda: 0.5)
    cache.start()
    for _ in range(300):
        api.turn()
        time.sleep(0.002)
    assert until(lambda: len({*api.asked}) > 5), api.asked
    api.calm = True
    assert until(lambda: kept.objects == api.objects and cache.synced()), (kept.objects, api.objects, cache.troubles())
    assert cache.stop(60)
    since_list: list[int] = []
    for action, _, version in kept.got:
        if action == "list":
            since_list = []
        else:
            assert not since_list or version > since_list[-1], kept.got
            since_list.append(version)
    truth = {(v, n): a for v, a, n in api.history}
    for action, name, version in kept.got:
        assert action == "list" or (truth[version, name] == "DELETED") is (action == "remove")


def _once(*answers: Callable[[], Iterator[bytes]]) -> tuple[Script, list[Asked]]:
    """A server that gives these answers one after the other, and the last again and again."""
    asked: list[Asked] = []

    def script(found: Asked) -> Iterator[bytes]:
        asked.append(found)
        return answers[min(len(asked), len(answers)) - 1]()

    return script, asked


def _lines(*lines: bytes, end: bytes = END) -> Callable[[], Iterator[bytes]]:
    return lambda: iter([CHUNKED, *map(chunk, lines), end])


def _waits(stop: threading.Event, *lines: bytes) -> Callable[[], Iterator[bytes]]:
    def answer() -> Iterator[bytes]:
        yield CHUNKED + b"".join(map(chunk, lines))
        stop.wait(60)

    return answer


def test_after_a_reset_a_watch_goes_on_from_the_last_event(started: Started) -> None:
    """What was handed on before the connection broke is not handed on again: an old state would come back for a while."""
    stop = threading.Event()
    script, asked = _once(
        lambda: whole(page(["a"], 10)),
        lambda: iter([CHUNKED + chunk(event("MODIFIED", "a", 11)) + chunk(event("DELETED", "a", 12)), b"zz\r\n"]),
        _waits(stop, event("ADDED", "b", 13)),
    )
    kept = Kept()
    cache = Cache(Client(started(script).connection()), [PODS], kept)
    cache.start()
    assert until(lambda: kept.objects == {"b": 13})
    assert [a.query.get("resourceVersion") for a in asked[:3]] == [None, "10", "12"]
    assert kept.got == [("list", "", 0), ("put", "a", 11), ("remove", "a", 12), ("put", "b", 13)]
    assert cache.stop(60)
    stop.set()


@pytest.mark.parametrize("bad", [b"garbage\n", b'{"type": "ADDED", "object": {"metadata": {}}}\n', b"refused"])
def test_an_event_that_nobody_could_take_makes_the_list_anew(started: Started, bad: bytes) -> None:
    """The kind is out of sight until it was listed again, and then it is in sight again."""
    stop, go = threading.Event(), threading.Event()

    def relisted() -> Iterator[bytes]:
        go.wait(60)
        return whole(page(["a", "b"], 20))

    line = event("ADDED", "b", 11) if bad == b"refused" else bad
    script, asked = _once(
        lambda: whole(page(["a"], 10)), _lines(line), relisted, _waits(stop, event("BOOKMARK", "", 21))
    )
    kept = Kept()
    kept.refuse = lambda c: bad == b"refused" and c.action is Action.PUT
    cache = Cache(Client(started(script).connection()), [PODS], kept)
    cache.start()
    assert until(lambda: len(asked) == 3)
    assert not cache.synced()
    assert cache.troubles()[0].startswith("Pod: ")
    go.set()
    assert until(lambda: cache.synced() and kept.objects == {"a": 20, "b": 20})
    assert kept.lists == 2
    assert cache.stop(60)
    stop.set()


class Clock:
    """Time as a test wants it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now


def test_a_watch_that_says_nothing_is_no_sign_of_life(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty answers make nothing fresh: the age grows until the list is made anew, and it is stale where that fails."""
    clock, asked, fails = Clock(), list[str](), threading.Event()
    monkeypatch.setattr(watching, "time", clock)

    def script(found: Asked) -> Iterator[bytes]:
        asked.append("watch" if "watch" in found.query else "list")
        if "watch" in found.query:
            clock.now += 50
            return _lines()()
        return whole(b'{"message": "down"}', 403) if fails.is_set() else whole(page(["a"], 10))

    cache = Cache(Client(started(script).connection()), [PODS], Kept())
    cache.start()
    assert until(lambda: len(asked) > 18)
    assert asked[:12] == ["list", *["watch"] * 3] * 3
    fails.set()
    assert until(lambda: asked[-2:] == ["list", "list"])
    clock.now += 330
    assert cache.troubles() == (
        "Pod: stale, nothing heard for 330 s: list /api/v1/pods: found the answer 403: down, wanted 200",
    )
    assert (cache.ages()["Pod"] or 0) > 330
    assert cache.stop(60)


def test_bookmarks_alone_keep_a_kind_in_sight_and_move_its_version(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing happens nothing is listed again, and a watch goes on from the last bookmark."""
    clock, number = Clock(), iter(range(11, 1_000_000))
    monkeypatch.setattr(watching, "time", clock)

    def beats() -> Iterator[bytes]:
        yield CHUNKED
        for _ in range(5):
            assert until(lambda: cache.ages()["Pod"] == 0)
            clock.now += 170
            yield chunk(event("BOOKMARK", "", next(number)))
        yield END

    script, asked = _once(lambda: whole(page(["a"], 10)), beats)
    kept = Kept()
    cache = Cache(Client(started(script).connection()), [PODS], kept)
    cache.start()
    assert until(lambda: len(asked) >= 6)
    assert [a.query.get("resourceVersion") for a in asked[:5]] == [None, "10", "15", "20", "25"]
    assert kept.got == [("list", "", 0)]
    assert cache.synced()
    assert cache.stop(60)


class Counted(Hold):
    """A hold that remembers its pauses, makes none, and is released after five."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def pause(self, seconds: float) -> None:
        """Remember it."""
        self.pauses.append(seconds)
        if len(self.pauses) == 5:
            self.release()


@pytest.mark.parametrize("answer", [_lines(), _lines(GONE), lambda: whole(b"{}", 410), lambda: whole(b"{}", 400)])
def test_a_server_that_is_of_no_use_is_asked_less_and_less(
    started: Started, monkeypatch: pytest.MonkeyPatch, answer: Callable[[], Iterator[bytes]]
) -> None:
    """Whether it cuts each watch or has always forgotten, it is not asked as fast as it answers; chance spreads the askers."""
    monkeypatch.setattr(watching, "_LONGEST", 1e9)

    def script(found: Asked) -> Iterator[bytes]:
        return answer() if "watch" in found.query else whole(page(["a"], 10))

    for chance, share in ((1.0, 1.0), (0.0, 0.5)):
        hold = Counted()
        cache = Cache(Client(started(script).connection()), [PODS], Kept(), jitter=lambda c=chance: c)  # type: ignore[misc]
        cache._sights[PODS].hold = hold
        cache.start()
        assert until(lambda h=hold: len(h.pauses) == 5)  # type: ignore[misc]
        assert cache.stop(60)
        assert hold.pauses == [share * 0.005 * 2**n for n in range(5)]


def test_an_error_in_a_watch_that_does_not_pass_makes_the_list_anew(started: Started) -> None:
    """A passing error is waited for and the watch goes on; any other answer is no reason to ask the same for ever."""
    busy = GONE.replace(b"410", b"503")
    odd = GONE.replace(b"410", b"400")
    stop = threading.Event()
    script, asked = _once(
        lambda: whole(page(["a"], 10)),
        _lines(event("ADDED", "b", 11), busy),
        _lines(odd),
        lambda: whole(page(["a", "b", "c"], 20)),
        _waits(stop, event("BOOKMARK", "", 21)),
    )
    kept = Kept()
    cache = Cache(Client(started(script).connection()), [PODS], kept)
    cache.start()
    assert until(lambda: len(asked) == 5 and cache.synced())
    assert [a.query.get("resourceVersion") for a in asked] == [None, "10", "11", None, "20"]
    assert cache.stop(60)
    stop.set()


def test_a_kind_that_is_not_served_is_one_of_which_there_is_none(started: Started) -> None:
    """It is in sight while the server says so, and taken up when it comes to be served."""
    served = threading.Event()
    stop = threading.Event()

    def script(found: Asked) -> Iterator[bytes]:
        if found.path == "/apis":
            return whole(groups("resource.k8s.io/v1"))
        if found.path == "/apis/resource.k8s.io/v1":
            return whole(kinds("deviceclasses"))
        if not served.is_set():
            return whole(b"404 page not found\n", 404)
        if "watch" in found.query:
            return _waits(stop, event("BOOKMARK", "", 11))()
        return whole(page(["c"], 10, kind="ResourceClaimList"))

    kept = Kept()
    cache = Cache(Client(started(script).connection()), [CLAIMS], kept)
    cache.start()
    assert until(cache.synced)
    assert kept.got[0] == ("list", "", 0)
    served.set()
    assert until(lambda: kept.objects == {"c": 10})
    assert cache.stop(60)
    stop.set()
    wanting = Cache(
        Client(started(lambda a: script(a) if a.path.endswith("s") else whole(b"", 404)).connection()),
        [CLAIMS],
        kept,
        absent=False,
    )
    served.clear()
    wanting.start()
    assert until(lambda: "404" in str(wanting.troubles()))
    assert wanting.stop(60)


def test_one_kind_that_cannot_be_seen_leaves_the_cluster_out_of_sight(started: Started) -> None:
    """All kinds must be in sight; the ages tell which is not."""
    stop = threading.Event()

    def script(found: Asked) -> Iterator[bytes]:
        if found.path == CLAIMS.path:
            return whole(b'{"message": "resourceclaims is forbidden"}', 403)
        return _waits(stop, event("BOOKMARK", "", 11))() if "watch" in found.query else whole(page(["a"], 10))

    cache = Cache(Client(started(script).connection()), [PODS, CLAIMS], Kept())
    assert cache.ages() == {"Pod": None, "ResourceClaim": None}
    cache.start()
    assert until(lambda: len(cache.troubles()) == 1 and "is forbidden" in cache.troubles()[0])
    assert cache.ages()["Pod"] is not None
    assert cache.ages()["ResourceClaim"] is None
    assert not cache.synced()
    assert cache.stop(60)
    stop.set()


def test_a_stop_ends_threads_whatever_they_wait_for(started: Started) -> None:
    """In a watch, before an answer, between tries: every thread ends at once, and nothing is handed on after."""
    stop, calls = threading.Event(), list[str]()

    def script(found: Asked) -> Iterator[bytes]:
        calls.append(found.path)
        if found.path == "/api/v1/mute":
            stop.wait(60)
            yield b""
        elif found.path == "/api/v1/busy":
            yield from whole(b"{}", 429, Retry_After="30")
        else:
            yield from _waits(stop)() if "watch" in found.query else whole(page(["a"], 10))

    kept = Kept()
    resources = [PODS, PODS._replace(path="/api/v1/mute"), PODS._replace(path="/api/v1/busy")]
    cache = Cache(Client(started(script).connection(), 300, quiet=300), resources, kept)
    cache.start()
    assert until(lambda: len(calls) == 4)
    assert cache.stop(60)
    assert len(cache.troubles()) == 3
    assert kept.lists == 1
    assert len(calls) == 4
    stop.set()
    assert Cache(Client(started(script).connection()), resources, kept).stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_leaves_its_kind_out_of_sight(started: Started) -> None:
    """A fault of the consumer that nobody foresaw does not leave a picture that stays as it was."""
    go, stop = threading.Event(), threading.Event()

    def later() -> Iterator[bytes]:
        yield CHUNKED
        go.wait(60)
        yield chunk(event("ADDED", "b", 11))
        stop.wait(60)

    def take(change: Change) -> None:
        if change.action is Action.PUT:
            raise KeyError("b")

    script, _ = _once(lambda: whole(page(["a"], 10)), later)
    cache = Cache(Client(started(script).connection()), [PODS], take)
    cache.start()
    assert until(cache.synced)
    go.set()
    assert until(lambda: not cache.synced())
    assert cache.troubles() == ("Pod: nobody follows it any more",)
    assert cache.stop(60)
    stop.set()


def test_objects_are_handed_on_as_they_came(started: Started) -> None:
    """The octets of an object reach the consumer unread, whatever is in them."""
    odd = b'{"metadata": {"name": "a", "resourceVersion": "11"}, "a": 1, "a": 2, "n": 1e99, "s": "\\u00e9"  }'
    stop, got = threading.Event(), list[bytes]()
    script, _ = _once(
        lambda: whole(b'{"kind": "PodList", "metadata": {"resourceVersion": "10"}, "items": [' + odd + b"]}"),
        _waits(stop, b'{"type": "MODIFIED", "object": ' + odd + b"}\n"),
    )
    cache = Cache(Client(started(script).connection()), [PODS], lambda c: got.extend(bytes(o) for o in c.objects))
    cache.start()
    assert until(lambda: len(got) == 2)
    assert got == [odd, odd]
    assert cache.stop(60)
    stop.set()
