"""A server of bytes for the tests of lists and watches: it answers as a script says, and cuts, resets and hangs at will."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from strongroom.collect.kubernetes.kubeconfig import Connection


@dataclass(frozen=True)
class Asked:
    """A request: its path, its query, and its headers with names in lower case."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


RESET = b"\0reset"  # a piece that is no piece: the connection is reset
Script = Callable[[Asked], Iterator[bytes]]


def head(status: int = 200, **headers: str) -> bytes:
    """The head of an answer whose body ends with the connection."""
    named = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items())
    return f"HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\n{named}\r\n".encode()


def whole(body: bytes, status: int = 200, **headers: str) -> Iterator[bytes]:
    """An answer with its length."""
    yield head(status, Content_Length=str(len(body)), **headers) + body


def chunk(body: bytes) -> bytes:
    """A chunk of an answer of unknown length."""
    return f"{len(body):x}\r\n".encode() + body + b"\r\n"


CHUNKED = head(Transfer_Encoding="chunked")
END = b"0\r\n\r\n"


@dataclass
class Server:
    """Listens on this machine until it is closed."""

    script: Script
    tls: ssl.SSLContext | None = None
    faults: list[BaseException] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self._closed = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._held: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def connection(self, token: str = "", tls: ssl.SSLContext | None = None) -> Connection:
        """How it is reached."""
        return Connection("127.0.0.1", self.port, "", tls, token)

    def close(self) -> None:
        """End, with all connections."""
        self._closed.set()
        for one in (self._listening, *self._held):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                made, _ = self._listening.accept()
            except OSError:
                return
            self._held.append(made)
            threading.Thread(target=self._serve, args=(made,), daemon=True).start()

    def _serve(self, made: socket.socket) -> None:
        try:
            with self.tls.wrap_socket(made, server_side=True) if self.tls else made as talked:
                self._answer(talked)
        except OSError:
            pass  # the other side let go: that is its right
        except (ValueError, AssertionError) as e:
            self.faults.append(e)

    def _answer(self, talked: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            if not (piece := talked.recv(65_536)):
                return
            data += piece
        first, *lines = data.decode().split("\r\n\r\n")[0].split("\r\n")
        url = urlsplit(first.split(" ")[1])
        query = {k: v[0] for k, v in parse_qs(url.query).items()}
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
        for piece in self.script(Asked(url.path, query, headers)):
            if piece == RESET:
                talked.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            talked.sendall(piece)
        with contextlib.suppress(OSError):
            talked.shutdown(socket.SHUT_WR)
