"""An account whose services hang, put off, break off or answer with something else: over the wire, and ended in time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from strongroom.collect.aws.asking import listings
from strongroom.collect.sources.aws import COLLECTOR
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadUsage, Unreadable
from strongroom.model.estate import Estate
from strongroom.model.ports import Limits, Outside, Request

NOW = datetime(2026, 11, 1, tzinfo=UTC)
WALL = 4.0  # seconds
_WHO = b"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::123456789012:user/reader</Arn><UserId>A</UserId><Account>123456789012</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""
_BUSY = b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'


class _Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    mode = ""
    over: threading.Event

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if b"GetCallerIdentity" in body and self.mode != "mute":
            self._send(200, _WHO)
        elif self.mode in ("hang", "mute"):
            self.over.wait(60)
            self.close_connection = True
        elif self.mode == "busy":
            self._send(429, _BUSY)
        elif self.mode == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"<half")
            self.close_connection = True
        elif self.mode == "redirect":
            self.send_response(302)
            self.send_header("Location", "http://192.0.2.1/")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._send(200, self.mode.encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_HEAD = _answer  # noqa: N815 - the names of http.server

    def log_message(self, *args: object) -> None:
        """Nothing is printed."""


@contextmanager
def served(mode: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All services at one address, in one mood."""
    over = threading.Event()
    handler = type("Handler", (_Service,), {"mode": mode, "over": over})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    known = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_address[1]}", "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/none", "AWS_SHARED_CREDENTIALS_FILE": "/none",
    }  # fmt: skip
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    try:
        yield
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


def read(*, offline: bool = False) -> Estate:
    """What the source makes of it."""
    limits = Limits(wall_seconds=WALL, outside=Outside(offline=offline))
    return COLLECTOR.collect(Request("aws:@eu-west-1", "@eu-west-1", NOW, limits))


@pytest.mark.parametrize(
    "mode", ["hang", "busy", "cut", "redirect", "", "<html>hello</html>", '{"Vpcs": 7}', "[]", "\x00"]
)
def test_an_account_that_answers_badly_shows_nothing_and_says_why(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever comes instead of an answer, no asset is made of it, and no list passes for an empty one unsaid."""
    with served(mode, monkeypatch):
        found = read()
    told = {g.scope.partition(" in ")[0] for g in found.gaps}
    assert not [a for a in found.assets if a.native_type in {"AWS::EC2::VPC", "AWS::S3::Bucket", "AWS::EKS::Cluster"}]
    missed = {x.type for x in listings() if not x.of} - told
    assert found.gaps
    assert (
        not missed or mode == '{"Vpcs": 7}'
    )  # an object without the list is what some services answer for an empty one


def test_an_account_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is still waited for when the time is up is told as late, and is not waited for."""
    with served("hang", monkeypatch):
        found = read()
    assert {g.code for g in found.gaps} == {GapCode.TIMEOUT}


def test_an_account_that_does_not_say_whose_it_is_is_no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody says whose account it is, nothing is read at all."""
    with served("mute", monkeypatch), pytest.raises(Unreadable) as e:
        read()
    assert "sts:GetCallerIdentity" in str(e.value)


def test_no_account_is_asked_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --offline an account is refused before a socket is opened."""
    with served("hang", monkeypatch), pytest.raises(BadUsage):
        read(offline=True)
