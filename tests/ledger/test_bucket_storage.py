"""What a bucket refuses before there is a log in it; the contract is tested with a real server."""

import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from storage_contract import EMPTY, SETTINGS, sealed

from strongroom.ledger.bucket import BucketDisclosures, BucketStorage
from strongroom.model.errors import BadInput, LogDamaged, LogUnavailable, NotFound

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of the test's own, and no one's configuration."""
    pytest.importorskip("boto3", reason="needs the aws extra")
    words = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hunter2", "AWS_REGION": "us-east-1"}
    words |= {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_MAX_ATTEMPTS": "1"}
    for name, value in words.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "bucket",
        "s3://",
        "s3:///x",
        "https://bucket/x",
        "s3://key:hunter2@bucket/x",
        "s3://b/x?key=hunter2",
        "s3://[b",
    ],
)
def test_what_is_no_bucket_is_refused(url: str) -> None:
    """Only a bucket and a prefix are taken, and what was given is not repeated."""
    for make in (lambda: BucketStorage(url, clock=lambda: NOW), lambda: BucketDisclosures(url)):
        with pytest.raises(BadInput) as caught:
            make()
        assert "hunter2" not in f"{caught.value!r}"


def test_without_boto3_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody needs boto3 who keeps no log in a bucket; who does is told what to install."""
    monkeypatch.setitem(sys.modules, "boto3.session", None)
    with pytest.raises(LogUnavailable) as caught:
        BucketStorage("s3://bucket", clock=lambda: NOW)
    assert "strongroom[aws]" in caught.value.hint


def test_what_is_no_commitment_has_no_place() -> None:
    """A commitment names an object, so nothing else may be one."""
    store = BucketDisclosures("s3://bucket")
    for bad in ("", "sha256:x", "../log", next(iter(sealed(1))).upper()):
        with pytest.raises(BadInput):
            store.keep({bad: "text"})
    store.close()


def test_a_server_that_is_not_there_makes_the_log_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the operation and the kind of failure."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    storage = BucketStorage("s3://bucket/x/", clock=lambda: NOW)
    assert storage.where == "s3://bucket/x"
    with pytest.raises(LogUnavailable, match="EndpointConnectionError by GetObject of log") as caught:
        storage.settings()
    assert "hunter2" not in f"{caught.value!r}"
    storage.close()


class Careless(BaseHTTPRequestHandler):
    """A store that takes every write, whatever its conditions say, as some compatible ones do."""

    held: ClassVar[dict[str, bytes]] = {}
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.held[self.path] = body
        self.send_response(200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def careless() -> Iterator[str]:
    """Such a store, on loopback."""
    Careless.held.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Careless) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_store_that_ignores_conditions_gets_no_log(careless: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where two writers would overwrite each other, none begins."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", careless)
    storage = BucketStorage("s3://bucket/x", clock=lambda: NOW)
    with pytest.raises(LogUnavailable, match="a store that ignores IfNoneMatch"):
        storage.create(SETTINGS, EMPTY)
    storage.close()
    assert [path for path in Careless.held if not path.endswith("/conditions")] == []
    assert len(Careless.held) == 1


class Growing:
    """A bucket in which another writer puts records 12 and 13 between a look for 12 and the list behind it."""

    url = where = "s3://b/log"

    def __init__(self, *, written: bool) -> None:
        self.written = written

    def first_after(self, _folder: str, _name: str) -> str:
        """The next record is there."""
        return "13"

    def get(self, key: str) -> bytes:
        """The record that was missed, when it was written."""
        if not self.written:
            raise NotFound(key, "no object", "one")
        return b""


@pytest.mark.parametrize("written", [True, False])
def test_a_writer_between_two_looks_is_no_gap(written: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that appears behind a missing one is damage only where that one is still missing when looked at again."""
    storage = BucketStorage("s3://b/log", clock=lambda: NOW)
    monkeypatch.setattr(storage, "_bucket", Growing(written=written))
    if written:
        assert storage._ends(0, 12) is False
        return
    with pytest.raises(LogDamaged, match="no gap"):
        storage._ends(0, 12)
