"""A running cluster as a source, against a server that denies, puts off, breaks off, hangs and lies."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kube_live_server import Asked, Server, head, whole

from strongroom.app.assess import assess
from strongroom.app.sources import find, gather
from strongroom.collect.kubernetes import live
from strongroom.collect.kubernetes.listed import TYPES, cluster_role
from strongroom.model.codes import GapCode, Status
from strongroom.model.errors import BadUsage, StrongroomError, Unreadable
from strongroom.model.estate import Asset, Estate
from strongroom.model.ports import Limits, Outside, Request
from strongroom.model.values import Unknown

NOW = datetime(2026, 11, 24, tzinfo=UTC)
POD = {
    "metadata": {"name": "serve", "namespace": "ai", "labels": {"app": "serve"}},
    "spec": {"containers": [{"name": "main", "image": "serve:1"}]},
}
BUILT_IN = sorted({t.group for t in TYPES if t.group and (t.group.endswith(".k8s.io") or "." not in t.group)})
Answer = Callable[[Asked], Iterator[bytes] | None]


def status(code: int, message: str = "no") -> Iterator[bytes]:
    """A refusal as the API server writes it."""
    return whole(json.dumps({"kind": "Status", "code": code, "message": message}).encode(), code)


def listing(kind: str, items: list[object], after: str = "") -> Iterator[bytes]:
    """A page of a list."""
    meta = {"resourceVersion": "7", "continue": after}
    return whole(json.dumps({"kind": f"{kind}List", "metadata": meta, "items": items}).encode())


def groups(_: Asked) -> Iterator[bytes]:
    """The groups of a plain cluster."""
    names = {t.group: t.versions[0] for t in TYPES if t.group in BUILT_IN}
    told = [{"name": g, "versions": [{"groupVersion": f"{g}/{v}", "version": v}]} for g, v in names.items()]
    return whole(json.dumps({"kind": "APIGroupList", "groups": told}).encode())


KIND = {t.path(v): t.kind for t in TYPES for v in t.versions}


@pytest.fixture
def serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Estate]]:
    """Reads a cluster with one pod whose server answers some questions otherwise."""
    monkeypatch.setattr(live, "_FIRST", 0.01)
    servers: list[Server] = []

    def start(otherwise: Answer, wall: float = 20.0) -> Estate:
        def script(asked: Asked) -> Iterator[bytes]:
            found = otherwise(asked)
            if found is not None:
                return found
            if asked.path == "/apis":
                return groups(asked)
            return listing(KIND[asked.path], [POD] if asked.path == "/api/v1/pods" else [])

        servers.append(Server(script))
        return gather(["k8s:"], NOW, Limits(wall_seconds=wall, outside=outside(tmp_path, servers[-1].port)))

    yield start
    for one in servers:
        one.close()
        assert one.faults == []


def outside(folder: Path, port: int, **more: object) -> Outside:
    """A kubeconfig with the contexts `c` and `admin@c`."""
    path = folder / "kubeconfig"
    context = {"cluster": "c", "user": "u"}
    table = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": context}, {"name": "admin@c", "context": context}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    path.write_text(json.dumps(table))
    return Outside(kubeconfig=str(path), **more)  # type: ignore[arg-type]


def pod(estate: Estate) -> Asset:
    """The one pod."""
    return next(a for a in estate.assets if a.name == "serve")


def at(path: str, answer: Callable[[Asked], Iterator[bytes]]) -> Answer:
    """Another answer at one path."""
    return lambda asked: answer(asked) if asked.path == path else None


POLICIES = "/apis/networking.k8s.io/v1/networkpolicies"


def test_a_whole_cluster_has_no_gap_and_absence_is_known(serving: Callable[..., Estate]) -> None:
    """Where every list was read to its end, that there is no policy is a fact."""
    found = serving(lambda _: None)
    assert found.gaps == ()
    assert pod(found).facts["net.policy_ingress"].value is False
    assert pod(found).facts["net.exposed_by"].value == ()
    assert found.sources[0].files == sum(t.group in ("", *BUILT_IN) for t in TYPES)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        pytest.param(lambda _: status(403, "forbidden"), GapCode.DENIED, id="denied"),
        pytest.param(lambda _: status(401, "who"), GapCode.DENIED, id="unauthorised"),
        pytest.param(lambda _: status(500), GapCode.NOT_FETCHED, id="broken"),
        pytest.param(lambda _: status(429), GapCode.NOT_FETCHED, id="throttled"),
        pytest.param(lambda _: status(404), GapCode.ABSENT, id="not-found-though-served"),
        pytest.param(lambda _: status(410), GapCode.NOT_FETCHED, id="always-gone"),
        pytest.param(lambda _: whole(b"<html>"), GapCode.MALFORMED, id="html"),
        pytest.param(lambda _: listing("Pod", []), GapCode.MALFORMED, id="another-list"),
        pytest.param(lambda _: iter([head(Content_Length="900") + b'{"kind":']), GapCode.NOT_FETCHED, id="cut-off"),
        pytest.param(
            lambda a: status(500) if "continue" in a.query else listing("NetworkPolicy", [], "more"),
            GapCode.NOT_FETCHED,
            id="half-paged",
        ),
        pytest.param(lambda _: listing("NetworkPolicy", [7]), GapCode.MALFORMED, id="no-object"),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_had_is_one_gap(
    serving: Callable[..., Estate], answer: Callable[[Asked], Iterator[bytes]], code: GapCode
) -> None:
    """Whether a policy closes the pod is then unknown: neither open nor closed; what other lists show stays."""

    def served(asked: Asked) -> Iterator[bytes] | None:
        if asked.path == "/apis/networking.k8s.io/v1":
            names = json.dumps({"kind": "APIResourceList", "resources": [{"name": "networkpolicies"}]})
            return whole(names.encode())
        return answer(asked) if asked.path == POLICIES else None

    found = serving(served)
    assert [(g.scope, g.code) for g in found.gaps] == [("networkpolicies.networking.k8s.io", code)]
    facts = pod(found).facts
    assert isinstance(facts["net.policy_ingress"].value, Unknown)
    assert isinstance(facts["net.policy_egress"].value, Unknown)
    assert facts["net.exposed_by"].value == ()


def test_a_denied_list_names_the_line_that_unlocks_it(serving: Callable[..., Estate]) -> None:
    """The gap says which verb on which resource is missing."""
    found = serving(at("/api/v1/services", lambda _: status(403, "forbidden")))
    assert "no permission to list services" in found.gaps[0].detail
    assert '- {apiGroups: [""], resources: ["services"], verbs: ["list"]}' in found.gaps[0].detail
    assert isinstance(pod(found).facts["net.exposed_by"].value, Unknown)


def test_a_silent_list_costs_bounded_time_and_only_itself(serving: Callable[..., Estate]) -> None:
    """A list that never answers is let go of, and the others are read."""

    def hang(_: Asked) -> Iterator[bytes]:
        yield head(Content_Length="10")
        threading.Event().wait(4)

    found = serving(at(POLICIES, hang), wall=2.0)
    assert [g.scope for g in found.gaps] == ["networkpolicies.networking.k8s.io"]
    assert pod(found).facts["net.exposed_by"].value == ()


def test_the_whole_is_bounded_where_everything_is_put_off(serving: Callable[..., Estate]) -> None:
    """A server that puts off every list for ever gives gaps, and no clause passes."""
    found = serving(lambda a: None if a.path == "/apis" else whole(b"{}", 429, Retry_After="30"), wall=1.0)
    assert found.assets == ()
    assert {g.code for g in found.gaps} == {GapCode.TIMEOUT}
    assert len(found.gaps) == sum(t.group in ("", *BUILT_IN) for t in TYPES)


def test_a_version_that_is_not_understood_is_a_gap(serving: Callable[..., Estate]) -> None:
    """A group that is served in other versions alone is not passed over."""

    def told(_: Asked) -> Iterator[bytes]:
        return whole(
            json.dumps(
                {"kind": "APIGroupList", "groups": [{"name": "ray.io", "versions": [{"groupVersion": "ray.io/v9"}]}]}
            ).encode()
        )

    found = serving(at("/apis", told))
    assert {(g.scope, g.code) for g in found.gaps} == {
        (f"{n}.ray.io", GapCode.UNSUPPORTED) for n in ("rayclusters", "rayjobs", "rayservices")
    }


def test_only_lists_are_asked_for_and_never_secrets(serving: Callable[..., Estate]) -> None:
    """Every question is a GET of a list that the role of least privilege opens, or of the groups."""
    paths: list[str] = []

    def noted(asked: Asked) -> None:
        paths.append(asked.path)

    serving(noted)
    assert set(paths) <= {"/apis", *KIND}
    assert not [p for p in paths if "secret" in p]
    rules = cluster_role()["rules"]
    assert isinstance(rules, list)
    assert {v for r in rules for v in r["verbs"]} == {"list"}
    assert "secrets" not in {x for r in rules for x in r["resources"]}


def test_a_denied_api_never_makes_a_check_pass(tmp_path: Path) -> None:
    """Where nothing may be listed, there are gaps and no passes beside those of other sources."""
    server = Server(lambda _: status(403, "forbidden"))
    try:
        judged = assess(["k8s:"], NOW, Limits(outside=outside(tmp_path, server.port)))
    finally:
        server.close()
    assert {f.status for f in judged.findings} == {Status.UNKNOWN}


def test_a_server_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    """It says which address did not answer."""
    with pytest.raises(Unreadable) as e:
        gather(["k8s:c"], NOW, Limits(outside=outside(tmp_path, 1)))
    assert "127.0.0.1:1" in e.value.subject


def test_a_path_wins_over_a_context_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file called like a context is read, and no server is asked."""
    monkeypatch.chdir(tmp_path)
    Path("c").write_text('{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "file"}}')
    found = gather(["k8s:c"], NOW, Limits(outside=outside(tmp_path, 1)))
    assert [a.name for a in found.assets] == ["file"]


def test_neither_a_path_nor_a_context_names_both(tmp_path: Path) -> None:
    """The error says that there is no such file, and no such context, and where it looked."""
    with pytest.raises(Unreadable) as e:
        gather(["k8s:prod"], NOW, Limits(outside=outside(tmp_path, 1)))
    assert "no such file or folder 'prod'" in e.value.found
    assert f"no context of that name in {tmp_path / 'kubeconfig'}" in e.value.found


def test_no_cluster_is_asked_offline(tmp_path: Path) -> None:
    """With --offline a context is refused before any socket is opened."""
    with pytest.raises(BadUsage, match="offline"):
        gather(["k8s:c"], NOW, Limits(outside=outside(tmp_path, 1, offline=True)))


def test_a_context_may_hold_an_at_and_a_file_may_follow_one(tmp_path: Path) -> None:
    """`admin@c` is a context, and `c@FILE` the context c of that file."""
    server = Server(lambda a: groups(a) if a.path == "/apis" else listing(KIND[a.path], []))
    try:
        told = outside(tmp_path, server.port)
        for spec, around in (("k8s:admin@c", told), (f"k8s:c@{told.kubeconfig}", Outside())):
            assert gather([spec], NOW, Limits(outside=around)).gaps == ()
    finally:
        server.close()


def test_without_a_kubeconfig_a_missing_path_says_so() -> None:
    """What is missing may be either, and both are named."""
    with pytest.raises(StrongroomError) as e:
        find("k8s:nothing").collector.collect(Request("k8s:nothing", "nothing", NOW))
    assert "no such file" in str(e.value)
    assert "no kubeconfig" in str(e.value)
