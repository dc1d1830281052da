"""Schedulers that keep jobs away: Slurm's words, and a taint of Kubernetes among the changes of others."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.app import handover_close
from strongroom.isolate import handover as judge
from strongroom.model.errors import BadUsage, GpuError
from strongroom.model.handover import Hold
from strongroom.scrub import programs
from strongroom.scrub.keepers import _pods, kubernetes, none, slurm
from strongroom.scrub.keepers.kubernetes import KubernetesNode

PREFIX = "isolation.example.org"
TAINT, HOLDER = f"{PREFIX}/scrub", f"{PREFIX}/scrub-holder"
OTHER = {"key": "dedicated", "value": "a", "effect": "NoSchedule", "timeAdded": "2026-11-22T12:00:00Z"}


class Api(http.server.BaseHTTPRequestHandler):
    """One node of an API server, with what RFC 6902 asks of a patch."""

    node: dict[str, object]
    meddling: int
    refusing: int
    seen: list[tuple[str, str]]

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        """The node."""
        cls = type(self)
        cls.seen.append(("GET", self.headers.get("Authorization", "")))
        if cls.refusing:
            self._answer(cls.refusing, {"message": "nodes is forbidden"})
            return
        self._answer(200, cls.node)

    def _meddle(self) -> None:
        """Somebody writes to the node between a GET and the PATCH after it."""
        cls = type(self)
        if cls.meddling:
            cls.meddling -= 1
            self._bump()
            cls.node["spec"].setdefault("taints", []).append({**OTHER, "key": f"other-{cls.meddling}"})  # type: ignore[union-attr]

    def _bump(self) -> None:
        meta = type(self).node["metadata"]
        meta["resourceVersion"] = str(int(meta["resourceVersion"]) + 1)  # type: ignore[index]

    def do_PATCH(self) -> None:
        """The steps, all or none."""
        cls = type(self)
        self._meddle()
        assert self.headers["Content-Type"] == "application/json-patch+json"
        steps = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        node = json.loads(json.dumps(cls.node))
        for step in steps:
            *parents, last = (p.replace("~1", "/").replace("~0", "~") for p in step["path"].split("/")[1:])
            at = node
            for name in parents:
                at = at[name]
            if step["op"] == "test" and at[last] != step["value"]:
                self._answer(422, {"message": "the server rejected our request"})
                return
            if step["op"] == "add":
                at[last] = step["value"]
            elif step["op"] == "remove":
                del at[last]
        cls.node = node
        self._bump()
        self._answer(200, cls.node)


class Plain:
    """How a test's API server is reached."""

    host, prefix, tls = "127.0.0.1", "", None

    def __init__(self, port: int) -> None:
        self.port = port

    def bearer(self) -> str:
        return "a-token"


@pytest.fixture
def api() -> Iterator[type[Api]]:
    """An API server with one node, which has a taint of another."""

    class Mine(Api):
        node = {  # noqa: RUF012 - of this test alone
            "metadata": {"name": "n1", "resourceVersion": "7"},
            "spec": {"taints": [OTHER], "unschedulable": True},
        }
        meddling, refusing = 0, 0
        seen: list[tuple[str, str]] = []  # noqa: RUF012 - of this test alone

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mine)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Mine.port = server.server_address[1]  # type: ignore[attr-defined]
    yield Mine
    server.shutdown()
    server.server_close()


def node(api: type[Api]) -> KubernetesNode:
    return KubernetesNode("n1", PREFIX, Plain(api.port))  # type: ignore[attr-defined]


def taints(api: type[Api]) -> dict[str, str]:
    return {t["key"]: t.get("value", "") for t in api.node["spec"]["taints"]}  # type: ignore[index]


def test_a_node_is_tainted_and_let_go(api: type[Api]) -> None:
    """One taint and one annotation come and go; other taints and what an admin set stay as they are."""
    held = node(api)
    assert held.look() == Hold(cordoned=False)
    assert held.cordon("ours") == Hold(True, "ours")
    assert taints(api) == {"dedicated": "a", TAINT: "pending"}
    assert held.cordon("another's") == Hold(True, "ours")
    held.failed("ours")
    assert taints(api)[TAINT] == "failed"
    assert held.look() == Hold(True, "ours")
    held.uncordon("ours")
    assert api.node["spec"] == {"taints": [OTHER], "unschedulable": True}
    assert api.node["metadata"]["annotations"] == {}  # type: ignore[index]
    assert api.seen[0] == ("GET", "Bearer a-token")


@pytest.mark.parametrize(
    ("value", "holder", "hold"),
    [("pending", "", Hold(True, "pending", waits=True)), ("failed", "", Hold(True, "failed")),
     ("pending", "r9", Hold(True, "r9")), ("", "", Hold(True, ""))],
)  # fmt: skip
def test_a_taint_of_another_is_known(api: type[Api], value: str, holder: str, hold: Hold) -> None:
    """One that waits for a scrub is taken up; any other is its owner's, whom nobody writes over."""
    api.node["spec"]["taints"].append({"key": TAINT, "value": value, "effect": "NoExecute"})  # type: ignore[index]
    if holder:
        api.node["metadata"]["annotations"] = {HOLDER: holder, "kept": "yes"}  # type: ignore[index]
    held = node(api)
    assert held.look() == hold
    assert held.cordon("ours") == (Hold(True, "ours") if hold.waits else hold)
    if not hold.waits:
        held.failed("ours")
        with pytest.raises(GpuError, match="held by"):
            held.uncordon("ours")
        assert taints(api)[TAINT] == value


def test_changes_of_others_in_between_are_kept(api: type[Api]) -> None:
    """Whoever writes to the node meanwhile loses nothing; who does so all the time makes it an error."""
    api.meddling = 3
    node(api).cordon("ours")
    assert {f"other-{n}" for n in range(3)} | {TAINT, "dedicated"} == set(taints(api))
    api.meddling = 99
    with pytest.raises(GpuError, match="changed by others"):
        node(api).uncordon("ours")
    assert TAINT in taints(api)


def test_answers_that_are_none(api: type[Api]) -> None:
    """A refusal names the role; another node, no JSON and nobody there are errors."""
    api.refusing = 403
    with pytest.raises(GpuError, match="403 nodes is forbidden") as e:
        node(api).look()
    assert "isolate render scrub" in e.value.hint
    api.refusing = 0
    for broken in ({"metadata": {"name": "n2", "resourceVersion": "1"}}, [], {"metadata": 3}):
        api.node = broken  # type: ignore[assignment]
        with pytest.raises(GpuError):
            node(api).look()
    with pytest.raises(GpuError, match="api server"):
        KubernetesNode("n1", PREFIX, Plain(1)).look()
    with pytest.raises(BadUsage):
        kubernetes.KEEPER.open("../n", {"prefix": PREFIX}, Plain(1))
    with pytest.raises(BadUsage, match="no API server"):
        kubernetes.KEEPER.open("n1", {"prefix": PREFIX}, None)


SCONTROL = """\
#!/bin/sh
cd "$(dirname "$0")"
case "$1" in
  show) printf 'NodeName=%s Arch=x86_64 State=%s ThreadsPerCore=1' "$4" "$(cat state)"
    [ -s reason ] && printf ' Reason=%s [root@2026-11-22T12:00:00] Comment=x' "$(cat reason)"; echo ;;
  update) echo "$3" | sed 's/State=//; s/RESUME/IDLE/; s/^DRAIN/IDLE+DRAIN/' > state
    [ -n "${4:-}" ] && printf '%s' "${4#Reason=}" > reason || : > reason; echo "$*" >> calls ;;
esac
"""


@pytest.fixture
def scontrol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scontrol of one idle node."""
    for name, text in (("scontrol", SCONTROL), ("state", "IDLE"), ("reason", ""), ("calls", "")):
        (tmp_path / name).write_text(text)
    (tmp_path / "scontrol").chmod(0o755)
    monkeypatch.setattr(slurm, "run", lambda *a, **k: programs.run(*a, **{**k, "path": f"{tmp_path}:/usr/bin:/bin"}))
    return tmp_path


def test_a_node_of_slurm_is_drained_and_resumed(scontrol: Path) -> None:
    """The reason says whose it is, without the stamp that Slurm adds."""
    held = slurm.KEEPER.open("n1", {}, None)
    assert held.look() == Hold(cordoned=False)
    assert held.cordon("strongroom scrub r1") == Hold(True, "strongroom scrub r1")
    held.failed("other words")
    held.uncordon("strongroom scrub r1")
    assert held.look() == Hold(cordoned=False)
    assert (scontrol / "calls").read_text().splitlines() == [
        "update NodeName=n1 State=DRAIN Reason=strongroom scrub r1",
        "update NodeName=n1 State=RESUME",
    ]


@pytest.mark.parametrize("state", ["IDLE+DRAIN", "DOWN*", "ALLOCATED+MAINTENANCE", "FAIL"])
def test_a_node_that_others_took_away_stays_away(scontrol: Path, state: str) -> None:
    """A drain, a fall, a maintenance of others: never resumed, and never given other words."""
    (scontrol / "state").write_text(state)
    (scontrol / "reason").write_text("bad [sic] fan")
    held = slurm.KEEPER.open("n1", {}, None)
    assert held.cordon("ours") == Hold(True, "bad [sic] fan")
    with pytest.raises(GpuError, match="reason 'bad"):
        held.uncordon("ours")
    assert (scontrol / "calls").read_text() == ""


def test_programs_end(tmp_path: Path) -> None:
    """A program that is not there, that fails, or that does not end is an error with what it said."""
    for name, text in (("bad", "echo a reason >&2; exit 3"), ("slow", "exec sleep 60"), ("good", "echo yes")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin"
    assert programs.run("good", seconds=9, path=path) == "yes"
    for name, seconds, word in (("none-such", 9, "no such"), ("bad", 9, "3: a reason"), ("slow", 0.2, "no end within")):
        with pytest.raises(GpuError, match=word):
            programs.run(name, seconds=seconds, path=path)


def test_names_of_nodes() -> None:
    """What scontrol would read as several nodes, or as an option, is no node's name."""
    for bad in ("n[1-3]", "a,b", "-x", "", "ALL NODES"):
        with pytest.raises(BadUsage):
            slurm.KEEPER.open(bad, {}, None)


def test_without_a_scheduler_the_word_is_ours() -> None:
    """Nobody else is there: what was said stands until it is taken back."""
    held = none.KEEPER.open("n1", {}, None)
    assert held.cordon("r1") == Hold(True, "r1")
    held.failed("r1")
    held.uncordon("r2")
    assert held.look().cordoned
    held.uncordon("r1")
    assert not held.look().cordoned


def listed(*pods: tuple[str, dict[str, object], str], more: str = "") -> bytes:
    """A page of pods as the API server writes it: name, spec, phase."""
    items = [
        {"metadata": {"namespace": "red", "name": name}, "spec": spec, "status": {"phase": phase}}
        for name, spec, phase in pods
    ]
    return json.dumps({"metadata": {"continue": more}, "items": items}).encode()


def asks(**resources: str) -> dict[str, object]:
    """A container with limits; `__` stands for the slash of a name."""
    limits = {n.replace("__", "/").replace("_", "."): v for n, v in resources.items()}
    return {"containers": [{"name": "c", "resources": {"limits": limits}}]}


def test_pods_with_accelerators_are_known() -> None:
    """By a limit, a request, an init container or a claim; one that is over has none, and one without is nobody's tenant."""
    page = listed(
        ("plain", asks(cpu="1"), "Running"),
        ("whole", asks(nvidia_com__gpu="1"), "Pending"),
        ("over", asks(nvidia_com__gpu="1"), "Succeeded"),
        ("init", {"containers": [], "initContainers": asks(amd_com__gpu="1")["containers"]}, "Running"),
        ("claim", {"containers": [], "resourceClaims": [{"name": "g"}]}, "Running"),
        more="next",
    )
    assert _pods.users(page, "n1") == (("red/whole", "red/init", "red/claim"), "next")


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"items": 5}', b'{"items": [{}]}', b"\xff", b"[" * 100_000])
def test_a_list_of_pods_that_is_none_is_no_empty_one(data: bytes) -> None:
    """What cannot be read is an error: a node is not open because an answer was broken."""
    with pytest.raises(GpuError, match="pods of node n1"):
        _pods.users(data, "n1")


@pytest.mark.parametrize(
    ("users", "held", "wanted"),
    [((), False, False), (("red/a",), False, True), (("red/a", "blue/b"), False, True), (("red/a",), True, False)],
)
def test_a_node_is_closed_when_somebody_is_on_it(users: tuple[str, ...], held: bool, wanted: bool) -> None:
    """With the first tenant, and once: a cordon that is there is left as it is."""
    assert judge.closes(judge.owners(users), Hold(held)) is wanted


def test_only_a_scheduler_that_knows_its_crowd_closes() -> None:
    """Slurm names the jobs of its epilogs; there is nothing to close there, and that is said."""
    with pytest.raises(BadUsage, match="kubernetes"):
        handover_close.close(slurm.KEEPER, "n1", {}, None)
