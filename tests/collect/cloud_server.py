"""A server of a cloud's API for the tests, on this machine: it answers as a script says, and fails as it is told to."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request: what is asked for, and who asks."""

    verb: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Mapping[str, object]


@dataclass(frozen=True)
class Answer:
    """An answer. With `cut`, the connection ends in its middle; with `held`, it does not begin before the server ends."""

    body: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    held: bool = False

    @property
    def octets(self) -> bytes:
        """What is sent."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Script = Callable[[Asked], Answer]


@dataclass
class Cloud:
    """A running server: its port, what it was asked, and what it answers."""

    script: Script
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)

    @property
    def host(self) -> str:
        """Its name for a target."""
        return f"127.0.0.1:{self.port}"


@contextmanager
def running(script: Script) -> Iterator[Cloud]:
    """A server that ends with the block."""
    cloud = Cloud(script)
    served = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"cloud": cloud}))
    cloud.port = served.server_address[1]
    thread = threading.Thread(target=served.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield cloud
    finally:
        cloud.ending.set()
        served.shutdown()
        served.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # a full queue would have the kernel ask again after a second


class _Handler(BaseHTTPRequestHandler):
    cloud: Cloud

    def log_message(self, *_: object) -> None:  # type: ignore[override]
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer as the script says."""
        length = int(self.headers.get("Content-Length") or 0)
        sent = self.rfile.read(length)
        url = urlsplit(self.path)
        named = {k.lower(): v for k, v in self.headers.items()}
        body = json.loads(sent) if sent[:1] == b"{" else dict(parse_qsl(sent.decode()))
        asked = Asked(self.command, unquote(url.path), dict(parse_qsl(url.query)), named, body)
        self.cloud.asked.append(asked)
        self._send(self.cloud.script(asked))

    do_POST = do_GET  # noqa: N815 - the name that http.server looks for

    def _send(self, answer: Answer) -> None:
        if answer.held:
            self.cloud.ending.wait(30)
            return
        data = answer.octets
        try:
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if answer.cut else data)
        except OSError:
            return  # whoever asked let go: that is their right


FAULTS: dict[str, Answer] = {
    "denied": Answer({"error": {"code": "AuthorizationFailed", "message": "it may not be read"}}, 403),
    "nobody": Answer({"error": {"code": "InvalidAuthenticationToken", "message": "who asks?"}}, 401),
    "throttled": Answer({"error": {"code": "TooManyRequests"}}, 429, {"Retry-After": "0"}),
    "broken": Answer(b"<html>oops</html>", 500),
    "html": Answer(b"<html>a page of somebody's proxy</html>"),
    "empty": Answer(b""),
    "object": Answer({}),
    "list": Answer([]),
    "twice": Answer(b'{"value": [], "value": [], "data": [], "assets": [], "readTime": "x", "readTime": "y"}'),
    "cut": Answer({"value": [{"id": "x" * 200}], "data": []}, cut=True),
    "gone": Answer({"error": {"code": "ResourceNotFound", "message": "no such thing"}}, 404),
}
"""Every way to fail that an answer has, but to hang."""


def as_list(found: object) -> list[dict[str, object]]:
    """A list of objects, for the type checker."""
    return cast("list[dict[str, object]]", found)
