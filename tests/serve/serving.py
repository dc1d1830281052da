"""Server roles as processes of their own, for tests that speak HTTP to them."""

import contextlib
import http.client
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}  # noqa: TID251 - a child needs a PATH


class Got(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


def need_server() -> None:
    """Skip where the server extra is not installed."""
    for name in ("litestar", "uvicorn"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"no {name}: pip install 'strongroom[server]'")


class Serving(NamedTuple):
    process: "subprocess.Popen[str]"
    url: str
    said: str

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Got:
        """One request on a connection of its own."""
        with contextlib.closing(http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)) as connection:
            connection.request(method, path, body, dict(headers or {}), encode_chunked=body is not None)
            response = connection.getresponse()
            return Got(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())


def start(words: Sequence[str], cwd: Path) -> Serving:
    """Start `python -m strongroom.serve` with words, and wait until it listens."""
    process = subprocess.Popen(words, cwd=cwd, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if line.startswith("listening on "):
            return Serving(process, line.split()[-1], said)
    process.wait()
    process.stderr.close()
    raise AssertionError(said)


def stop(serving: Serving) -> None:
    """Stop it, and see that it leaves as it should."""
    serving.process.terminate()
    assert serving.process.stderr is not None
    rest = serving.process.stderr.read()
    serving.process.stderr.close()
    assert serving.process.wait(30) == 0, rest
    assert "Traceback" not in rest


@contextlib.contextmanager
def running(role: Sequence[str], cwd: Path) -> Iterator[Serving]:
    """A role, from when it listens until it has left."""
    serving = start([sys.executable, "-P", "-m", "strongroom.serve", *role], cwd)
    try:
        yield serving
    finally:
        if serving.process.poll() is None:
            stop(serving)
