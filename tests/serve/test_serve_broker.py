"""The broker over HTTP: the protocol's answers, what a caller may learn, and a process of its own."""

import json
from collections.abc import Iterator
from email.message import Message
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from urllib.request import Request

import broker_rig as b
import composite_minting as c
import pytest
import serving
from litestar import Litestar
from litestar.testing import TestClient

from strongroom.kit import jose, kbs
from strongroom.serve.broker_desk import Desk
from strongroom.serve.broker_http import figures, routes

ATTEST, AUTH, WEIGHTS = "/kbs/v0/attest", "/kbs/v0/auth", f"/kbs/v0/resource/{b.WEIGHTS}"
PURPOSES = ("certificate", "recipients", "output")
Client = TestClient[Litestar]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[b.Rig]:
    """A broker in a folder."""
    made = b.Rig(tmp_path)
    yield made
    made.log.close()
    made.store.close()


@pytest.fixture
def client(rig: b.Rig) -> Iterator[Client]:
    """Somebody who speaks to it."""
    desk = Desk(rig.broker)
    with TestClient(routes(desk)) as made:
        yield made
    desk.close()


def attested(client: Client, **fields: object) -> str:
    """The token of a sound handshake; the cookie is the client's by then."""
    nonce = b.nonce_of(client.post(AUTH, content=b.opening()).content)
    done = client.post(ATTEST, content=b.answer(nonce, **fields))  # type: ignore[arg-type] # what is amiss with it
    assert done.status_code == 200, done.text
    return str(done.json()["token"])


def problem(got: object) -> tuple[int, str]:
    """Status and type of a problem, which helps nobody guess."""
    assert got.headers["content-type"] == "application/problem+json"  # type: ignore[attr-defined] # a response
    said = got.json()  # type: ignore[attr-defined] # as above
    assert set(said) == {"type", "detail"}
    return got.status_code, str(said["type"]).removeprefix(f"{kbs.ERRORS}/")  # type: ignore[attr-defined] # as above


def test_a_handshake_gives_the_resource(client: Client, rig: b.Rig) -> None:
    """Challenge, attestation, and the resource for the attested key, by cookie and by token."""
    rig.policy = rig.but().setup.policy()
    token = attested(client)
    got = client.get(WEIGHTS)
    assert got.status_code == 200
    assert b.opened(got.content) == b.SECRET
    client.cookies.clear()
    assert problem(client.get(WEIGHTS, headers={"Authorization": f"Bearer {token}"})) == (401, "PolicyDeny")


def test_tokens_verify_by_the_published_key(client: Client, rig: b.Rig) -> None:
    """Whoever has the key set can verify a token, by the id of its key."""
    token = attested(client)
    [key] = jose.keys(client.get("/.well-known/jwks.json").content)
    read = jose.read(token.encode())
    assert key.key_id == rig.tokens.key_id
    assert json.loads(jose.verify(read, jose.Algorithm.ES256, key.key))["broker-trust"] == "operator-trusted"


def test_the_cookie_is_for_no_script_and_no_other_site(client: Client) -> None:
    """The session's cookie is out of reach of scripts and of other sites, and nothing is cached."""
    got = client.post(AUTH, content=b.opening())
    said = got.headers["set-cookie"]
    assert all(word in said.split("; ") for word in ("HttpOnly", "SameSite=Strict", "Path=/"))
    assert got.headers["cache-control"] == "no-store"


class Headed:
    """An answer, as a cookie jar reads one."""

    def __init__(self, cookie: str) -> None:
        self._held = Message()
        self._held["Set-Cookie"] = cookie

    def info(self) -> Message:
        """Its headers."""
        return self._held


@pytest.mark.parametrize("path", [WEIGHTS, *(f"/strongroom/v0/{w}/{b.WEIGHTS}" for w in PURPOSES)])
def test_a_strict_jar_sends_the_session_to_every_path_that_takes_it(client: Client, path: str) -> None:
    """A client that keeps cookies by the letter sends the session to the protocol and to what is beside it."""
    nonce = client.post(AUTH, content=b.opening())
    jar = CookieJar(DefaultCookiePolicy(strict_domain=True, strict_ns_set_path=True))
    jar.extract_cookies(Headed(nonce.headers["set-cookie"]), Request(f"http://broker.example{AUTH}"))  # type: ignore[arg-type] # all it reads
    asked = Request(f"http://broker.example{path}")
    jar.add_cookie_header(asked)
    assert asked.get_header("Cookie") == nonce.headers["set-cookie"].partition(";")[0]


def test_refusals_say_little(client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    """Evidence that fails, a session that is none, a version that is not served: the operator reads why, the caller not."""
    nonce = b.nonce_of(client.post(AUTH, content=b.opening()).content)
    stale = client.post(ATTEST, content=b.answer(nonce, c.Node(count=0, signed=bytes(48))))
    assert problem(stale) == (401, "AttestationError")
    assert "composite" not in stale.text
    assert "composite.root_bound" in capfd.readouterr().err
    client.cookies.clear()
    assert problem(client.post(ATTEST, content=b.answer(nonce))) == (401, "TokenNotFound")
    assert problem(client.get(WEIGHTS)) == (401, "TokenNotFound")
    assert problem(client.post(AUTH, content=b.opening(version="0.1.1"))) == (400, "ProtocolVersion")
    assert problem(client.post(AUTH, content=b"{")) == (400, "BadRequest")


def test_other_paths_and_methods_are_problems(client: Client) -> None:
    """What the protocol does not have is told in its own form."""
    assert problem(client.get("/kbs/v0/nothing"))[0] == 404
    assert problem(client.get(AUTH))[0] == 405
    assert problem(client.post(AUTH, content=b"x" * (kbs.MOST + 1)))[0] == 413


def test_one_address_cannot_ask_for_ever(rig: b.Rig) -> None:
    """Beyond its rate an address is told when to come again."""
    desk = Desk(rig.broker, rate=4)
    with TestClient(routes(desk)) as client:
        got = [client.post(AUTH, content=b.opening()) for _ in range(4)]
    desk.close()
    assert [g.status_code for g in got] == [200, 200, 429, 429]
    assert int(got[-1].headers["retry-after"]) > 0


def ready(rig: b.Rig) -> int:
    """What somebody is told who asks anew whether it is ready: what was found last is told for a while."""
    desk = Desk(rig.broker)
    with TestClient(routes(desk)) as client:
        status = client.get("/readyz").status_code
    desk.close()
    return status


def test_health_is_told(rig: b.Rig) -> None:
    """It is ready while policy, database and back ends are; a listener of its own says what it did, and nobody else."""
    assert ready(rig) == 200
    rig.policy = None
    assert ready(rig) == 503
    desk = Desk(rig.broker)
    with TestClient(routes(desk)) as client, TestClient(figures(desk)) as monitor:
        assert client.get("/healthz").text == "ok\n"
        client.get(WEIGHTS)
        assert client.get("/metrics").status_code == 404
        said = monitor.get("/metrics").text
        assert 'strongroom_broker_requests_total{moment="resource",outcome="TokenNotFound"} 1' in said
        assert "strongroom_broker_ready 0" in said
        assert monitor.post(AUTH, content=b.opening()).status_code == 404
    desk.close()


def test_a_process_of_its_own_starts_closed(tmp_path: Path) -> None:
    """Without policy and back ends it serves challenges, says what is missing, and makes its key for its owner alone."""
    (tmp_path / "strongroom.toml").write_text(f'[state]\npath = "{tmp_path}/state/strongroom.db"\n')
    serving.need_server()
    words = ("broker", "--listen", "127.0.0.1:0", "--config", str(tmp_path / "strongroom.toml"), "--offline")
    with serving.running(words, tmp_path) as running:
        assert "no release policy" in running.said  # a word of the fixed list, without its file
        assert running.ask("POST", "/kbs/v0/auth", b.opening()).status == 200
        assert running.ask("GET", "/readyz").status == 503
    assert oct((tmp_path / "state" / "broker.key").stat().st_mode & 0o777) == "0o600"
