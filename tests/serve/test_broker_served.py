"""The broker as a process behind TLS: handshakes, its limits, its channels, and how it comes and goes."""

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import broker_house as h
import broker_rig as b
import composite_minting as c
import pytest
from broker_house import ATTEST, AUTH, WEIGHTS, Client, House, Running, running
from served_broker import certified

from strongroom.app.broker_channel import steps_of
from strongroom.app.config import load
from strongroom.app.log_default import place_of
from strongroom.app.log_entries import entries
from strongroom.kit import kbs
from strongroom.model.codes import EntryKind


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A broker in a guest of the tests' roots, with a listener for each purpose."""
    house = House(tmp_path_factory.mktemp("broker"), admins={"kim": ("key-admin",), "oli": ("operator",)})
    certified(house.folder, "eve")
    with running(house, "admin=1", "attested=1", "figures=127.0.0.1:0") as made:
        yield made


def problem(got: h.Got) -> tuple[int, str]:
    """Status and type of a problem, which helps nobody guess."""
    assert got.headers["content-type"] == "application/problem+json"
    assert got.headers["cache-control"] == "no-store"
    said = json.loads(got.body)
    assert set(said) == {"type", "detail"}
    return got.status, str(said["type"]).removeprefix(f"{kbs.ERRORS}/")


def decided(house: House) -> list[tuple[EntryKind, str]]:
    """What the log has, by kind and first reason."""
    held = [got.entry for got in entries(place_of(load(str(house.config))))]
    return [(e.kind, str(e.fields["reasons"][0])) for e in held if e is not None]  # type: ignore[index] # a list of texts


# The protocol


def test_a_handshake_by_cookie_and_by_token(served: Running) -> None:
    """The resource comes for the session, and for the bearer of its token; it opens for the attested key alone."""
    client = served.client()
    token = client.attest()
    got = client.ask("GET", WEIGHTS)
    assert b.opened(got.body) == b.SECRET
    assert got.headers["content-type"] == "application/json"
    other = served.client()
    assert problem(other.ask("GET", WEIGHTS)) == (401, "TokenNotFound")
    assert b.opened(other.ask("GET", WEIGHTS, headers={"Authorization": f"Bearer {token}"}).body) == b.SECRET
    assert b.claims_of(token)["broker-trust"] == "attested"


def test_the_cookie_is_for_tls_alone(served: Running) -> None:
    """Behind TLS the session's cookie never travels without it."""
    said = served.client().ask("POST", AUTH, b.opening()).headers["set-cookie"]
    assert all(word in said for word in ("; Secure", "; HttpOnly", "; SameSite=Strict"))
    assert said.split("; ").count("Path=/") == 1


def test_an_answer_counts_once(served: Running) -> None:
    """The same challenge cannot be answered again, by whoever saw it."""
    client = served.client()
    body = b.answer(client.open())
    assert client.ask("POST", ATTEST, body).status == 200
    assert problem(client.ask("POST", ATTEST, body)) == (401, "AttestationError")


def test_one_connection_serves_many_requests(served: Running) -> None:
    """A refusal does not end a connection, and what is asked next is answered by itself."""
    with contextlib.closing(served.client().connection()) as connection:
        for path, status in ((WEIGHTS, 401), ("/kbs/v0/other", 404), ("/healthz", 200), (AUTH, 405)):
            connection.request("GET", path)
            got = connection.getresponse()
            got.read()
            assert got.status == status


# Limits


def test_a_body_that_is_too_large(served: Running) -> None:
    """It is refused, and what is left of it is not taken for a request."""
    with contextlib.closing(served.client().connection()) as connection:
        connection.request("POST", AUTH, iter([b"x" * 65_536] * (kbs.MOST // 65_536 + 2)), encode_chunked=True)
        got = connection.getresponse()
        assert (got.status, got.headers["connection"]) == (413, "close")


def test_a_body_that_does_not_come(tmp_path: Path) -> None:
    """Whoever does not send what he announced is told so, and hung up on; nobody else waits."""
    with running(House(tmp_path), "hasty=1") as found, talking(found) as slow:
        slow.sendall(f"POST {AUTH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode())
        assert found.client().ask("GET", "/healthz").status == 200
        assert b" 408 " in read(slow)


def test_a_head_that_does_not_come(tmp_path: Path) -> None:
    """Whoever does not finish the head of a request is hung up on."""
    with running(House(tmp_path), "hasty=1") as found, talking(found) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHos")
        assert read(slow) == b""


@contextlib.contextmanager
def talking(found: Running) -> Iterator[ssl.SSLSocket]:
    """Octets behind TLS."""
    at = urlsplit(found.at["listening"])
    tls = ssl.create_default_context(cafile=found.house.ca)
    plain = socket.create_connection((str(at.hostname), at.port), 30)
    with plain, tls.wrap_socket(plain, server_hostname=at.hostname) as made:
        yield made


def read(connection: ssl.SSLSocket) -> bytes:
    """Until the other side has hung up."""
    held = b""
    with contextlib.suppress(ConnectionError):
        while more := connection.recv(65_536):
            held += more
    return held


def test_an_address_has_a_rate(tmp_path: Path) -> None:
    """Beyond it comes 429 with a time to come again; another listener's requests are counted apart."""
    house = House(tmp_path, more="address_rate = 6\n")
    with running(house) as found:
        got = [found.client().ask("POST", AUTH, b.opening()) for _ in range(5)]
    assert [g.status for g in got] == [200, 200, 200, 429, 429]
    assert problem(got[-1]) == (429, "TooManyRequests")
    assert 0 < int(got[-1].headers["retry-after"]) <= 11


# People


def test_people_come_with_a_certificate_that_tls_has_verified(served: Running) -> None:
    """By the key of the certificate; who is certified by the same authority and not named is nobody."""
    given = json.dumps({"name": "models/weights/tls", "generate": 32}).encode()
    path = "/strongroom/v0/resources"
    assert served.admin("kim").ask("POST", path, given).status == 200
    assert problem(served.admin("oli").ask("POST", path, given)) == (403, "Forbidden")
    assert problem(served.admin().ask("POST", path, given)) == (401, "Unauthenticated")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        served.admin("eve").ask("POST", path, given)


def test_each_listener_has_its_own_paths(served: Running) -> None:
    """Nobody administers where the world asks, and figures are where a monitor can reach them."""
    public, admin = served.client(), served.admin("oli")
    figures = Client(served.at["figures"], served.house.ca)
    for path in ("/strongroom/v0/policy", "/strongroom/v0/health/full", "/metrics"):
        assert public.ask("GET", path).status == 404
    assert admin.ask("POST", AUTH, b.opening()).status == 404
    assert json.loads(admin.ask("GET", "/strongroom/v0/health/full").body)["ready"] is True
    assert "strongroom_broker_ready 1" in figures.ask("GET", "/metrics").body.decode()
    assert figures.ask("POST", AUTH, b.opening()).status == 404
    assert public.ask("GET", "/readyz").status == 200


def test_figures_tell_steps_and_times(served: Running) -> None:
    """What refused is counted by its step, and how long each moment took as a histogram that ends with all of them."""
    client, figures = served.client(), Client(served.at["figures"], served.house.ca)
    client.ask("POST", ATTEST, b.answer(client.open(), c.Node(count=0, signed=bytes(48))))
    said = figures.ask("GET", "/metrics").body.decode()
    assert 'strongroom_broker_refused_by_total{step="composite.root_bound"}' in said
    assert 'strongroom_broker_seconds_bucket{moment="attest",le="+Inf"}' in said
    held = {line.rsplit(" ", 1)[0]: line.rsplit(" ", 1)[1] for line in said.splitlines() if not line.startswith("#")}
    assert (
        held['strongroom_broker_seconds_bucket{moment="attest",le="+Inf"}']
        == held['strongroom_broker_seconds_count{moment="attest"}']
    )
    assert held['strongroom_broker_policy_version{name="weights"}'] == "1"


# The operator's lines


def test_the_operator_reads_what_the_caller_does_not(served: Running) -> None:
    """The step, what was found, and the session, as JSON lines."""
    client = served.client()
    got = client.ask("POST", ATTEST, b.answer(client.open(), c.Node(count=0, signed=bytes(48))))
    assert problem(got) == (401, "AttestationError")
    [last] = served.told()[-1:]
    assert "composite.root_bound" in last["steps"]  # type: ignore[operator] # a list of texts
    assert (last["moment"], last["status"], last["kind"]) == ("attest", 401, "AttestationError")
    assert "composite.root_bound: " in str(last["why"])
    assert len(str(last["session"])) == 16


def test_a_redacted_channel_has_steps_and_nothing_that_was_found(tmp_path: Path) -> None:
    """Whoever supports a workload sees where it failed, and neither values nor names that a caller chose."""
    marked = f"{'0' * 63}f"
    with running(House(tmp_path, more="redact_log = true\n")) as found:
        client = found.client()
        client.ask("POST", ATTEST, b.answer(client.open(), c.Node(count=0, signed=bytes(48))))
        client.ask("GET", f"{h.RESOURCE}models/weights/{marked}")
        client.ask("POST", AUTH, b.opening(tee=marked))
        client.ask("GET", WEIGHTS, headers={"Authorization": f"Bearer {marked}"})
        told = found.told()
    assert len(told) == 4
    for line in told:
        assert set(line) <= {"at", "event", "moment", "status", "kind", "steps", "session"}
    assert "composite.root_bound" in told[0]["steps"]  # type: ignore[operator] # a list of texts
    assert marked not in found.said()


def test_a_redacted_step_is_one_that_exists() -> None:
    """Whatever a caller writes where a step would stand is not told."""
    found = steps_of("release.revoked: by key; evil.step: x; snp.signature not checked; release.revoked: again")
    assert list(found) == ["release.revoked", "snp.signature"]


# The debug twin


def twin(tmp_path: Path, **fields: str) -> House:
    """What a twin has of its own."""
    return House(tmp_path, repository="debug", name="debug-weights", **fields)  # type: ignore[arg-type] # texts by name


def test_a_twin_tells_callers_why(tmp_path: Path) -> None:
    """Over resources that were made for it; its tokens say debug, so that nobody takes them for others."""
    with running(twin(tmp_path), "twin=1") as found:
        client = found.client()
        assert b.claims_of(client.attest())["broker-trust"] == "debug"
        assert b.opened(client.ask("GET", "/kbs/v0/resource/debug/weights/llm-1").body) == b.SECRET
        assert json.loads(client.ask("GET", WEIGHTS).body)["why"]
        nonce = client.open()
        got = client.ask("POST", ATTEST, b.answer(nonce, c.Node(count=0, signed=bytes(48))))
        assert "composite.root_bound" in json.loads(got.body)["why"]
    assert (tmp_path / "broker.debug.key").exists()


def test_a_twin_takes_nothing_of_production(tmp_path: Path) -> None:
    """It does not start over a database that has a resource of production, and a policy of production opens nothing."""
    with (
        pytest.raises(AssertionError, match="models/weights/llm-1 in its database"),
        running(House(tmp_path), "twin=1"),
    ):
        pass
    other = tmp_path / "other"
    other.mkdir()
    house = House(other, repository="debug")
    with running(house, "twin=1") as found:
        client = found.client()
        client.attest()
        assert client.ask("GET", "/kbs/v0/resource/debug/weights/llm-1").status == 401
        assert "weights, of production" in found.said()


def test_production_takes_no_policy_of_a_twin(tmp_path: Path) -> None:
    """A policy that was made to look behind refusals never releases a key of production."""
    with running(House(tmp_path, name="debug-weights")) as found:
        client = found.client()
        client.attest()
        assert problem(client.ask("GET", WEIGHTS)) == (401, "PolicyDeny")
        assert found.client().ask("GET", "/readyz").status == 503
        assert "of a debug twin" in found.said()


# Time, and the end


def test_what_takes_too_long_is_denied_and_logged(tmp_path: Path) -> None:
    """The caller is answered within the time, the denial is in the log by then, and the broker serves on."""
    house = House(tmp_path)
    with running(house, "slow=3", "seconds=1") as found:
        client = found.client()
        got = client.ask("POST", ATTEST, b.answer(client.open()))
        assert problem(got) == (503, "Unavailable")
        assert int(got.headers["retry-after"]) > 0
        assert found.client().ask("GET", "/healthz").status == 200
    assert decided(house)[0] == (EntryKind.DENIAL, "attest.late: not answered within 1 seconds")


def test_it_leaves_when_it_is_told_once_its_work_is_done(tmp_path: Path) -> None:
    """SIGTERM in the middle of an attestation: that one is answered, nothing new is begun, and the exit code is 0."""
    house = House(tmp_path)
    with running(house, "slow=2", "figures=127.0.0.1:0") as found:
        client, done = found.client(), list[h.Got]()
        figures = Client(found.at["figures"], house.ca)
        body = b.answer(client.open())
        asking = threading.Thread(target=lambda: done.append(client.ask("POST", ATTEST, body)))
        asking.start()
        while b"strongroom_broker_waiting 1" not in figures.ask("GET", "/metrics").body:
            time.sleep(0.02)
        found.process.terminate()
        asking.join()
        assert found.process.wait(60) == 0
        assert done[0].status == 200
        with pytest.raises(ConnectionError):
            found.client().ask("GET", "/healthz")


def test_sessions_outlive_the_process(tmp_path: Path) -> None:
    """A broker that was killed and started again releases to whoever had attested, and counts the uses of before."""
    house = House(tmp_path)
    house.policy(2, uses="2")
    with running(house, stops=False) as found:
        client = found.client()
        token = client.attest()
        assert client.ask("GET", WEIGHTS).status == 200
        found.process.kill()
        found.process.wait()
    with running(house) as again:
        client = again.client()
        bearing = {"Authorization": f"Bearer {token}"}
        assert b.opened(client.ask("GET", WEIGHTS, headers=bearing).body) == b.SECRET
        assert problem(client.ask("GET", WEIGHTS, headers=bearing)) == (401, "PolicyDeny")
