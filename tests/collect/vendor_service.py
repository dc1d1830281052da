"""A vendor's service on this machine: real HTTP, answers that the tests wrote, and a memory of what was asked."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Reply:
    """One answer; with `dribble`, its body comes a byte at a time until the other side has gone."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    dribble: bool = False


class Service:
    """Answers by path. A list of answers is used up one by one, the last one stays."""

    def __init__(self) -> None:
        self.replies: dict[str, list[Reply]] = {}
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.answers: Callable[[bytes], Reply] | None = None  # to what was posted
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()
        self.url = ""
        self.server: ThreadingHTTPServer | None = None

    def on(self, path: str, *replies: Reply | bytes) -> None:
        """Answer a path."""
        self.replies[path] = [Reply(r) if isinstance(r, bytes) else r for r in replies]

    def reply(self, path: str, headers: dict[str, str], body: bytes = b"") -> Reply:
        with self._lock:
            self.asked.append(path)
            self.headers.append(headers)
            if body:
                self.bodies.append(body)
            if body and self.answers is not None:
                return self.answers(body)
            left = self.replies.get(path, [Reply(b"no such thing", 404)])
            return left.pop(0) if len(left) > 1 else left[0]

    @contextmanager
    def busy(self) -> Iterator[None]:
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        time.sleep(0.02)
        with self._lock:
            self._now -= (
                1  # before the answer: whoever has it may ask the next thing sooner than this thread comes back
            )
        yield


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            with service.busy():
                found = service.reply(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                self.send_response(found.status)
                for name, value in found.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(found.body)))
                self.end_headers()
                self._send(found)

        def _send(self, found: Reply) -> None:
            try:
                if not found.dribble:
                    self.wfile.write(found.body)
                    return
                for byte in found.body:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(0.05)
            except OSError:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Nothing: the tests look at `asked`."""

    return Handler


@contextmanager
def serving(wrap: Callable[[ThreadingHTTPServer], None] | None = None) -> Iterator[Service]:
    """A service that listens on loopback; `wrap` may put TLS around its socket."""
    service = Service()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(service))
    server.daemon_threads = True
    service.server = server
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    if wrap is not None:
        wrap(server)
        service.url = f"https://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
