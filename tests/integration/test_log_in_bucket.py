"""A log in a real S3 server: the contract, answers that are lost, Object Lock, a server that is killed."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from storage_contract import (
    EMPTY,
    SETTINGS,
    DisclosuresContract,
    OpenDisclosures,
    OpenStorage,
    SequencersContract,
    StorageContract,
    commit,
    commit_until,
    head,
    read_all,
    record,
    sealed,
)

from strongroom.ledger.bucket import BucketDisclosures, BucketStorage
from strongroom.ledger.record import Compacted, decode
from strongroom.ledger.storage import BehindError
from strongroom.model.errors import LogDamaged, LogUnavailable

pytestmark = pytest.mark.integration

MODULE = Path(__file__).parents[1] / "interop/versitygw"
PROGRAM = "github.com/versity/versitygw/cmd/versitygw"
KEY_ID, SECRET = "root-of-the-test", "a-secret-that-no-message-holds"
NOW = datetime(2100, 1, 1, tzinfo=UTC)  # retention must lie ahead of the server's own clock
_COUNTER = count()


def _program() -> Path:
    """The gateway: an installed one, or one that was built before, or one built now, outside of the checkout."""
    if found := shutil.which("versitygw"):
        return Path(found)
    go = shutil.which("go")
    if go is None:
        pytest.skip("neither versitygw nor go on this machine: install one of them")
    cache = Path(os.getenv("XDG_CACHE_HOME") or Path.home() / ".cache") / "strongroom-tests"
    version = next(
        line.split()[1] for line in (MODULE / "go.mod").read_text("utf-8").splitlines() if "versitygw v" in line
    )
    built = cache / f"versitygw-{version}"
    if not built.exists():
        cache.mkdir(parents=True, exist_ok=True)
        # The toolchain that is there, and no other; go.sum says what every module must be.
        words = ["env", "GOTOOLCHAIN=local", "GOFLAGS=-mod=readonly", "GOWORK=off", go, "build", "-buildvcs=false"]
        unfinished = built.with_suffix(f".{os.getpid()}")
        done = subprocess.run(
            [*words, "-o", str(unfinished), PROGRAM], cwd=MODULE, capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"versitygw cannot be built: {done.stderr.strip()[-300:]}")
        unfinished.rename(built)
    return built


class Gateway:
    """The server on loopback, over a folder of its own."""

    def __init__(self, program: Path, home: Path) -> None:
        self.home, self.port = home, free_port()
        for folder in ("data", "versions"):
            (home / folder).mkdir()
        self.words = [str(program), "--port", f"127.0.0.1:{self.port}", "--quiet", "posix"]
        self.words += ["--versioning-dir", str(home / "versions"), str(home / "data")]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = {"ROOT_ACCESS_KEY": KEY_ID, "ROOT_SECRET_KEY": SECRET, "PATH": os.defpath}
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(self.words, env=environment, stdout=log, stderr=log)
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self.process.poll() is None, (self.home / "log").read_text()
            time.sleep(0.05)
        raise AssertionError("the gateway does not answer")

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait()


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One server for all tests here."""
    pytest.importorskip("boto3", reason="needs the aws extra")
    home = tmp_path_factory.mktemp("s3")
    try:
        os.setxattr(home, "user.strongroom", b"1")
    except OSError:
        pytest.skip(f"no extended attributes below {home}, where the gateway keeps what it knows of objects")
    running = Gateway(_program(), home)
    running.start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _configured(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the test's own server and keys."""
    for name in [n for n in os.environ if n.startswith("AWS_")]:  # noqa: TID251 - the test's own surroundings are cleared
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", gateway.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


@pytest.fixture
def client(gateway: Gateway) -> Iterator[Any]:
    """The test's own way to the server."""
    boto3 = pytest.importorskip("boto3")
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=gateway.endpoint,
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
    )
    yield client
    client.close()


def make_bucket(client: Any, lock: bool) -> str:
    name = f"bucket-{next(_COUNTER)}"
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=lock)
    return name


@pytest.fixture
def plain(client: Any) -> str:
    """A bucket without versions."""
    return make_bucket(client, lock=False)


@pytest.fixture
def lockable(client: Any) -> str:
    """A bucket made with Object Lock, and so with versions."""
    return make_bucket(client, lock=True)


def open_bucket(name: str, retain_days: int = 0) -> BucketStorage:
    return BucketStorage(f"s3://{name}/some/log", clock=lambda: NOW, retain_days=retain_days)


@pytest.fixture
def open_log(plain: str) -> Iterator[OpenStorage]:
    """Opens the log in the plain bucket; the first one has made it."""
    opened = [open_bucket(plain)]
    opened[0].create(SETTINGS, EMPTY)

    def another() -> BucketStorage:
        opened.append(open_bucket(plain))
        return opened[-1]

    yield another
    for storage in opened:
        storage.close()


class TestBucketStorage(StorageContract):
    """The contract."""

    locks = one_publishes = False

    @pytest.fixture
    def place(self, plain: str) -> OpenStorage:
        """A new bucket."""
        return lambda: open_bucket(plain)


class TestLockedBucketStorage(StorageContract):
    """The contract, where objects are locked and versions kept."""

    locks = one_publishes = False

    @pytest.fixture
    def place(self, lockable: str) -> OpenStorage:
        """A new bucket."""
        return lambda: open_bucket(lockable, retain_days=1)


class TestSequencersOfABucket(SequencersContract):
    """Sequencers over one bucket."""

    @pytest.fixture
    def place(self, plain: str) -> OpenStorage:
        """A new bucket."""
        return lambda: open_bucket(plain)


class TestBucketDisclosures(DisclosuresContract):
    """The contract."""

    many = 150

    @pytest.fixture
    def place(self, plain: str) -> OpenDisclosures:
        """A new bucket."""
        return lambda: BucketDisclosures(f"s3://{plain}/some/log")


class TestVersionedBucketDisclosures(DisclosuresContract):
    """The contract, where the bucket keeps versions."""

    many = 150

    @pytest.fixture
    def place(self, lockable: str) -> OpenDisclosures:
        """A new bucket."""
        return lambda: BucketDisclosures(f"s3://{lockable}/some/log")


# Answers that are lost

PASS, LOSE_ANSWER, LOSE_REQUEST = "pass", "lose the answer", "lose the request"


class Proxy:
    """Hands bytes on between client and server, and cuts the connection where `judge` says so of a request's head."""

    def __init__(self, port: int) -> None:
        self.judge: Callable[[bytes], str] = lambda _: PASS
        self.cut = 0
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._server)) as server, suppress(OSError):
            sentence = PASS
            ends = {client: server, server: client}
            for end in ends:
                end.settimeout(0.02)
            while True:
                for end, other in ends.items():
                    with suppress(TimeoutError):
                        data = end.recv(1 << 16)
                        if not data:
                            return
                        if end is client and data.split(b" ")[0] in {b"PUT", b"GET", b"POST", b"DELETE", b"HEAD"}:
                            sentence = self.judge(data.partition(b"\r\n\r\n")[0])
                        answer = end is server and not data.startswith(b"HTTP/1.1 100")
                        if sentence == LOSE_REQUEST or (sentence == LOSE_ANSWER and answer):
                            self.cut += 1
                            return
                        other.sendall(data)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def proxy(gateway: Gateway, open_log: OpenStorage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy before the server; who opens a bucket from now on goes through it."""
    open_log()
    between = Proxy(gateway.port)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{between.port}")
    yield between
    between.close()


def of_the_journal(head: bytes) -> bool:
    return head.startswith(b"PUT ") and b"/journal/" in head


@pytest.mark.parametrize("times", [1, 3], ids=["repeated by the client", "never answered"])
def test_a_record_whose_answer_is_lost_is_found_to_be_committed(
    proxy: Proxy, open_log: OpenStorage, times: int
) -> None:
    """The object that is there is this writer's own: whether boto3 repeated the request or gave up, it is committed."""
    writer = open_log()
    read_all(writer)
    proxy.judge = lambda head: LOSE_ANSWER if of_the_journal(head) and proxy.cut < times else PASS
    assert commit(writer, record(0, 2))
    assert proxy.cut == times
    assert commit(writer, record(2))
    assert read_all(open_log()) == [record(0, 2), record(2)]


def test_the_same_bytes_of_another_writer_are_not_this_one_s(proxy: Proxy, open_log: OpenStorage) -> None:
    """A request is lost, another commits the very same record: one of the two has committed, and not both."""
    writer, other = open_log(), open_log()
    read_all(writer)
    read_all(other)
    lost: list[bool] = []

    def judge(head: bytes) -> str:
        if of_the_journal(head) and not lost:
            lost.append(True)
            lost.append(commit(other, record(0)))
            return LOSE_REQUEST
        return PASS

    proxy.judge = judge
    assert not commit(writer, record(0))
    assert lost == [True, True]


def test_a_record_that_cannot_be_seen_is_not_acknowledged(proxy: Proxy, open_log: OpenStorage) -> None:
    """Where the server is gone after the write, the log is unavailable; the record is found later, and then goes on."""
    writer = open_log()
    read_all(writer)
    gone: list[bytes] = []

    def judge(head: bytes) -> str:
        gone.extend([head] if of_the_journal(head) else [])
        return PASS if not gone else LOSE_ANSWER if len(gone) == 1 else LOSE_REQUEST

    proxy.judge = judge
    with pytest.raises(LogUnavailable, match="ConnectionClosedError by"):
        commit(writer, record(0, 2))
    proxy.judge = lambda _: PASS
    assert not commit(writer, record(0, 2))
    assert read_all(writer) == [record(0, 2)]
    assert commit(writer, record(2))


def test_a_record_that_never_arrived_is_not_acknowledged(proxy: Proxy, open_log: OpenStorage) -> None:
    """Where every request is lost on the way there, nothing is committed, and the next attempt may."""
    writer = open_log()
    read_all(writer)
    proxy.judge = lambda head: LOSE_REQUEST if of_the_journal(head) else PASS
    with pytest.raises(LogUnavailable):
        commit(writer, record(0, 2))
    proxy.judge = lambda _: PASS
    assert read_all(writer) == []
    assert commit(writer, record(0, 1))


def test_a_log_whose_making_was_not_answered_is_made(proxy: Proxy, client: Any) -> None:
    """`create` finds its own object, and the log is whole."""
    storage = open_bucket(make_bucket(client, lock=False))
    proxy.judge = lambda head: LOSE_ANSWER if b"/log " in head.split(b"\r\n")[0] and head[:3] == b"PUT" else PASS
    storage.create(SETTINGS, EMPTY)
    assert proxy.cut == 3
    assert storage.settings() == SETTINGS
    storage.close()


# What others do to the bucket


@pytest.mark.parametrize("gone", [0, 2], ids=["first", "middle"])
def test_a_gap_in_the_journal_is_damage(open_log: OpenStorage, plain: str, client: Any, gone: int) -> None:
    """A record that somebody deleted is missed, and nobody writes in its place."""
    writer = open_log()
    read_all(writer)
    for start in (0, 2, 4):
        commit(writer, record(start, 2))
    client.delete_object(Bucket=plain, Key=f"some/log/journal/{gone:020d}")
    for storage in (writer, open_log()):
        with pytest.raises(LogDamaged, match=f"size {gone}"):
            read_all(storage)
        assert not commit(storage, record(gone))


def test_a_journal_that_lost_its_end_is_damage(open_log: OpenStorage, plain: str, client: Any) -> None:
    """Who knows of a published size does not write beyond a journal that ends before it."""
    writer = open_log()
    read_all(writer)
    for start in range(0, 40, 2):
        commit(writer, record(start, 2))
    assert read_all(open_log(), 40) == []
    client.delete_object(Bucket=plain, Key=f"some/log/journal/{38:020d}")
    with pytest.raises(LogDamaged, match="size 38"):
        read_all(open_log(), 40)


def test_a_changed_object_of_the_journal_is_damage(open_log: OpenStorage, plain: str, client: Any) -> None:
    """Bytes that are not a record, or another's record, are found."""
    writer = open_log()
    read_all(writer)
    commit(writer, record(0))
    key = f"some/log/journal/{0:020d}"
    for data in (b"x", client.get_object(Bucket=plain, Key=key)["Body"].read()[:-1] + b"x"):
        client.put_object(Bucket=plain, Key=key, Body=data)
        with pytest.raises(LogDamaged):
            read_all(open_log())


def versions(client: Any, bucket: str, prefix: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.list_object_versions(Bucket=bucket, Prefix=f"some/log/{prefix}").get(
        "Versions", []
    )
    return found


def retention(client: Any, bucket: str, entry: dict[str, Any]) -> Any:
    from botocore.exceptions import ClientError  # noqa: PLC0415 - of an extra

    try:
        found = client.get_object_retention(Bucket=bucket, Key=entry["Key"], VersionId=entry["VersionId"])["Retention"]
    except ClientError as e:
        assert e.response["Error"]["Code"] == "NoSuchObjectLockConfiguration"  # noqa: PT017 - a code of the answer, not an outcome
        return None
    assert found["Mode"] == "COMPLIANCE"
    return found["RetainUntilDate"]


def test_what_is_full_is_locked_and_nothing_else(lockable: str, client: Any) -> None:
    """Full tiles, full bundles and compacted records cannot be deleted by anyone; partial ones and records can."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - of an extra

    storage = open_bucket(lockable, retain_days=30)
    storage.create(SETTINGS, EMPTY)
    read_all(storage)
    for start in range(3):
        commit(storage, record(start))
    storage.write(dict.fromkeys(("tile/0/000", "tile/entries/000", "tile/0/001.p/7", "tile/entries/001.p/7"), b"x"))
    storage.publish(head(2))
    storage.forget(2)
    locked = {e["Key"]: e for e in versions(client, lockable, "") if retention(client, lockable, e) is not None}
    journal = [f"some/log/journal/{i:020d}" for i in range(2)]
    assert sorted(locked) == [*journal, "some/log/public/tile/0/000", "some/log/public/tile/entries/000"]
    for entry in locked.values():
        assert retention(client, lockable, entry) == NOW + timedelta(days=30)
        with pytest.raises(ClientError, match="AccessDenied"):
            client.delete_object(Bucket=lockable, Key=entry["Key"], VersionId=entry["VersionId"])
    storage.close()


def test_a_compacted_record_has_no_older_version(lockable: str, client: Any) -> None:
    """What a record was is in the bundles: the version with the entries is deleted, the place is held."""
    storage = open_bucket(lockable, retain_days=30)
    storage.create(SETTINGS, EMPTY)
    read_all(storage)
    commit(storage, record(0, 2))
    storage.forget(2)
    ((entry),) = versions(client, lockable, "journal/")
    data = client.get_object(Bucket=lockable, Key=entry["Key"], VersionId=entry["VersionId"])["Body"].read()
    assert decode(data, "it") == Compacted(0, 2, head(2))
    with pytest.raises(BehindError):
        read_all(storage)
    storage.close()


def test_no_version_of_what_is_erased_is_left(lockable: str, client: Any) -> None:
    """Erasing deletes every version and every mark, of one disclosure and not of its neighbour."""
    kept, store = sealed(2), BucketDisclosures(f"s3://{lockable}/some/log")
    gone, stays = kept
    for _ in range(3):
        store.keep(kept)
    client.delete_object(Bucket=lockable, Key=f"some/log/sealed/{gone.removeprefix('sha256:')}")
    store.keep({gone: kept[gone]})
    assert len(versions(client, lockable, "sealed/")) == 7
    assert store.erase((gone,)) == 1
    left = client.list_object_versions(Bucket=lockable, Prefix="some/log/sealed/")
    assert {v["Key"].rpartition("/")[2] for v in left["Versions"]} == {stays.removeprefix("sha256:")}
    assert "DeleteMarkers" not in left
    store.close()


def test_a_bucket_that_locks_everything_takes_no_disclosures(lockable: str, client: Any) -> None:
    """What could not be erased again is not kept."""
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    client.put_object_lock_configuration(
        Bucket=lockable, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    store = BucketDisclosures(f"s3://{lockable}/some/log")
    with pytest.raises(LogUnavailable, match="locks each new object"):
        store.keep(sealed(1))
    assert versions(client, lockable, "") == []
    store.close()


def test_the_published_tree_can_be_served_as_it_is(open_log: OpenStorage, plain: str, client: Any) -> None:
    """Everything public lies below one prefix, with the type that the specification names."""
    storage = open_log()
    storage.write({"tile/0/000": b"x"})
    storage.publish(head(2))
    found = client.get_object(Bucket=plain, Key="some/log/public/checkpoint")
    assert found["ContentType"] == "text/plain; charset=utf-8"
    assert found["Body"].read() == head(2)
    assert client.get_object(Bucket=plain, Key="some/log/public/tile/0/000")["Body"].read() == b"x"


@pytest.mark.parametrize(
    ("variable", "value", "bucket", "code"),
    [
        ("AWS_SECRET_ACCESS_KEY", "hunter2", "plain", "SignatureDoesNotMatch by GetObject of log"),
        ("AWS_ACCESS_KEY_ID", "hunter2", "plain", "by GetObject of log"),
        ("AWS_REGION", "us-east-1", "nowhere", "NoSuchBucket by GetObject of log"),
    ],
)
def test_a_refusal_names_what_was_asked_and_no_secret(
    plain: str, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, bucket: str, code: str
) -> None:
    """The message has the operation, the key and the store's code."""
    monkeypatch.setenv(variable, value)
    storage = open_bucket(plain if bucket == "plain" else bucket)
    with pytest.raises(LogUnavailable, match=code) as caught:
        storage.settings()
    assert not [s for s in ("hunter2", SECRET, KEY_ID) if s in f"{caught.value!r}"]
    storage.close()


def test_a_server_that_is_killed_loses_nothing_that_was_acknowledged(gateway: Gateway, open_log: OpenStorage) -> None:
    """After each kill the journal is whole, holds every acknowledged record once, and the same writers go on."""
    writers = [open_log(), open_log()]
    stop = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(commit_until, w, stop, f"writer {i}") for i, w in enumerate(writers)]
        for _ in range(3):
            time.sleep(0.7)
            gateway.stop()
            gateway.start()
        time.sleep(0.7)
        stop.set()
        acknowledged = [r for answer in answers for r in answer.result()]
    kept = read_all(open_log())
    assert [r.start for r in kept] == [0, *(r.end for r in kept[:-1])]
    assert all(kept.count(r) == 1 for r in acknowledged)
    assert len(acknowledged) > 8
    assert len(kept) - len(acknowledged) <= 2 * 3  # each writer may miss the answer to one record at each kill
