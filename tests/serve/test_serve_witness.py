"""The witness as a process: its protocol over HTTP, and how it comes up, refuses and goes down."""

import contextlib
import datetime as dt
import http.client
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import serving
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from serving import Serving

from strongroom.kit.tlog import note as notes
from strongroom.kit.tlog import witnessing
from strongroom.kit.tlog.checkpoint import Checkpoint, sign_checkpoint
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.merkle import (
    MemoryNodes,
    Range,
    leaf_hash,
    prove_consistency,
    prove_subtree_consistency,
    range_hash,
)
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.kit.tlog.policy import parse as parse_policy
from strongroom.kit.tlog.witnessing import AddCheckpoint, SignSubtree, origin_hash
from strongroom.ledger import cosigners
from strongroom.ledger.cosigners import Ahead, Cosigned, CosignerAt, Line, Refused

ED = SignerKey("w.example/ed", Kind.COSIGNATURE_ED25519, bytes([3]) * 32)
PQ = SignerKey("w.example/pq", Kind.COSIGNATURE_ML_DSA_44, bytes([4]) * 32)
LOGS = [SignerKey(f"example.org/log{i}", Kind.ED25519, bytes([10 + i]) * 32) for i in range(8)]
NODES = MemoryNodes([leaf_hash(bytes([i])) for i in range(100)])
FORK = MemoryNodes([leaf_hash(bytes([i, 1])) for i in range(100)])


def note(log: SignerKey, size: int, nodes: MemoryNodes = NODES) -> bytes:
    head = Checkpoint(log.verifier.name, size, range_hash(Range(0, size), nodes))
    return sign_checkpoint(head, [Ed25519Signer(log)])


def body(log: SignerKey, old: int, size: int, nodes: MemoryNodes = NODES) -> bytes:
    proof = prove_consistency(old, size, nodes) if old else ()
    return witnessing.encode_add_checkpoint(AddCheckpoint(old, proof, note(log, size, nodes)))


def prover(size: int) -> cosigners.Prove:
    return lambda old: prove_consistency(old, size, NODES)


def write_files(folder: Path) -> list[str]:
    """Key files and a policy, and the words that name them."""
    for name, key in (("ed", ED), ("pq", PQ)):
        (folder / name).write_text(key.secret_text() + "\n")
        (folder / name).chmod(0o600)
    policy = "".join(f"log {log.verifier}\n" for log in LOGS) + "quorum none\n"
    parse_policy(policy.encode())
    (folder / "policy").write_text(policy)
    return ["--state", "state", "--key", "ed", "--key", "pq", "--policy", "policy"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the module's witness lives."""
    found = tmp_path_factory.mktemp("witness")
    write_files(found)
    return found


@pytest.fixture(scope="module")
def witness(folder: Path) -> Iterator[Serving]:
    """One witness for the module; each test has a log of its own."""
    serving.need_server()
    with serving.running(["witness", "--listen", "127.0.0.1:0", *write_files(folder)], folder) as found:
        yield found


def test_every_status_comes_with_its_type(witness: Serving) -> None:
    """The protocol's statuses over HTTP, and nothing about the server in their headers."""
    log = LOGS[0]
    unknown = SignerKey("example.org/unknown", Kind.ED25519, bytes(32))
    forged = SignerKey(log.verifier.name, Kind.ED25519, bytes(32))
    for sent, status, text in (
        (body(log, 0, 5), 200, b"\xe2\x80\x94 w.example/ed "),
        (b"old 5", 400, b"request to a witness"),
        (body(forged, 5, 9), 403, b"note"),
        (body(unknown, 0, 5), 404, b"this witness does not know"),
        (body(log, 0, 9), 409, b"5\n"),
        (body(log, 5, 9, FORK), 422, b"consistency"),
    ):
        got = witness.ask("POST", "/add-checkpoint", sent)
        assert (got.status, got.body[: len(text)]) == (status, text)
        assert got.headers["content-type"] == ("text/x.tlog.size" if status == 409 else "text/plain; charset=utf-8")
        assert set(got.headers) == {"date", "content-type", "content-length", "cache-control", "x-content-type-options"}


def test_what_was_answered_is_served_to_monitors(witness: Serving) -> None:
    """The checkpoint under the hash of the origin has the log's line and the answered cosignatures."""
    log = LOGS[1]
    path = f"/{origin_hash(log.verifier.name)}/checkpoint"
    assert witness.ask("GET", path).status == 404
    answered = witness.ask("POST", "/add-checkpoint", body(log, 0, 5)).body
    got = witness.ask("GET", path)
    assert (got.status, got.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert got.body == note(log, 5) + answered


def test_a_subtree_is_cosigned(witness: Serving) -> None:
    """With the checkpoint that this witness cosigned, over HTTP."""
    log, part = LOGS[2], Range(8, 13)
    witness.ask("POST", "/add-checkpoint", body(log, 0, 14))
    cosigned = witness.ask("GET", f"/{origin_hash(log.verifier.name)}/checkpoint").body
    proof = prove_subtree_consistency(part, 14, NODES)
    request = SignSubtree(part, range_hash(part, NODES), proof, cosigned)
    got = witness.ask("POST", "/sign-subtree", witnessing.encode_sign_subtree(request))
    assert (got.status, got.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert [s.name for s in witnessing.parse_signatures(got.body)] == ["w.example/pq"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/add-checkpoint", 405),
        ("PUT", "/add-checkpoint", 405),
        ("POST", "/add-checkpoints", 404),
        ("GET", "/lock/checkpoint", 404),
        ("GET", "/../lock", 404),
        ("GET", "/..%2flock/checkpoint", 404),
        ("GET", "/schema", 404),
    ],
)
def test_nothing_else_is_there(witness: Serving, method: str, path: str, status: int) -> None:
    """Other paths and methods get a short text."""
    got = witness.ask(method, path)
    assert got.status == status
    assert len(got.body) < 60


def pieces(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b"x" * 4096


@pytest.mark.parametrize("sent", [b"x" * (witnessing.MAX_REQUEST + 1), pieces(100)], ids=["announced", "chunked"])
def test_a_body_over_the_limit_is_cut(witness: Serving, sent: bytes | Iterator[bytes]) -> None:
    """Whether its length is announced or not; the rest of it is not read, and no part of it is another request."""
    headers = {} if isinstance(sent, bytes) else {"Transfer-Encoding": "chunked"}
    try:
        got = witness.ask("POST", "/add-checkpoint", sent, headers)
    except (BrokenPipeError, ConnectionResetError):
        return  # it hung up while we were still sending
    assert (got.status, got.headers["connection"]) == (413, "close")


def test_garbage_gets_no_traceback(witness: Serving) -> None:
    """What is no HTTP is refused, and the witness goes on."""
    host, port = urlsplit(witness.url).netloc.split(":")
    for junk in (
        b"\x16\x03\x01\x00\xff",
        b"GET\r\n\r\n",
        b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(junk)
            connection.shutdown(socket.SHUT_WR)
            answer = until_hung_up(connection)
        assert b"400" in answer[:20] or answer == b""
        assert b"Traceback" not in answer
    assert witness.ask("GET", "/").status == 404


def test_requests_at_the_same_time_never_roll_it_back(witness: Serving) -> None:
    """Of requests from one size one is cosigned; all others are told where it is."""
    log, old = LOGS[3], 0
    with ThreadPoolExecutor(8) as pool:
        for _ in range(4):
            sent = [body(log, old, old + 1 + i) for i in range(8)]
            got = list(pool.map(lambda one: witness.ask("POST", "/add-checkpoint", one), sent))
            won = [i for i, g in enumerate(got) if g.status == 200]
            assert len(won) == 1
            old += 1 + won[0]
            assert {g.body for g in got if g.status == 409} == {f"{old}\n".encode()}


def until_hung_up(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(4096), b""))


def test_the_slow_are_hung_up_on(tmp_path: Path) -> None:
    """Whoever opens a connection and does not finish a request, its head or its body, does not keep it."""
    serving.need_server()
    script = str(Path(__file__).with_name("hasty.py"))
    words = [sys.executable, script, "1.5", "witness", "--listen", "127.0.0.1:0", *write_files(tmp_path)]
    found = serving.start(words, tmp_path)
    host, port = urlsplit(found.url).netloc.split(":")
    with contextlib.ExitStack() as stack:
        kept = stack.enter_context(socket.create_connection((host, int(port)), timeout=60))
        kept.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert kept.recv(4096).startswith(b"HTTP/1.1 404")
        kept.sendall(b"GET / HTTP/1.1\r\nHos")
        waiting = [(kept, b"")]
        for sent, answer in (
            (b"", b""),
            (b"GET / HT", b""),
            (b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nold", b"HTTP/1.1 408"),
        ):
            connection = stack.enter_context(socket.create_connection((host, int(port)), timeout=60))
            connection.sendall(sent)
            waiting.append((connection, answer))
        for connection, answer in waiting:
            got = until_hung_up(connection)
            assert got.removeprefix(b"not found\n")[:12] == answer  # the first answer may come in two pieces
    serving.stop(found)


def test_a_connection_takes_more_than_one_request(witness: Serving) -> None:
    """Keep-alive, also after a refusal."""
    with contextlib.closing(http.client.HTTPConnection(urlsplit(witness.url).netloc, timeout=30)) as connection:
        for sent, status in ((b"old", 400), (body(LOGS[0], 50, 60), 409), (b"", 400)):
            connection.request("POST", "/add-checkpoint", sent)
            response = connection.getresponse()
            response.read()
            assert response.status == status
            assert connection.sock is not None


# The client of the log against it


def at(witness: Serving, known: int = 0) -> CosignerAt:
    return CosignerAt(witness.url, (ED.verifier, PQ.verifier), known)


def test_the_client_gets_cosignatures_as_the_log_grows(witness: Serving) -> None:
    """It is told the size when it does not know it, and comes back with the proof."""
    log = LOGS[4]
    for size, known in ((5, 0), (9, 5), (20, 0), (20, 20), (30, 7)):
        got = cosigners.submit(at(witness, known), note(log, size), prover(size))
        assert isinstance(got, Cosigned)
        assert [s.key for s in got.signatures] == [ED.verifier, PQ.verifier]
        assert all(s.timestamp for s in got.signatures)
    latest = cosigners.latest(witness.url, log.verifier.name)
    assert notes.parse(latest).text == notes.parse(note(log, 30)).text


def test_the_client_learns_that_the_witness_is_ahead(witness: Serving) -> None:
    """A log that was put back to an earlier state is told the larger size."""
    log = LOGS[5]
    assert isinstance(cosigners.submit(at(witness), note(log, 9), prover(9)), Cosigned)
    for known in (0, 5, 9):
        assert cosigners.submit(at(witness, known), note(log, 5), prover(5)) == Ahead(9)


def test_the_client_is_refused_with_a_split_view(witness: Serving, folder: Path) -> None:
    """Another tree of the same size is 422, and the witness has kept both."""
    log = LOGS[6]
    cosigners.submit(at(witness), note(log, 9), prover(9))
    got = cosigners.submit(at(witness), note(log, 9, FORK), prover(9))
    assert isinstance(got, Refused)
    assert got.status == 422
    kept = [p for p in (folder / "state/split-views").iterdir() if p.name.startswith(origin_hash(log.verifier.name))]
    assert len(kept) == 2


def test_several_witnesses_are_asked_at_once(witness: Serving) -> None:
    """Each has its own outcome: what fails with one is no matter to another."""
    log = LOGS[7]
    stranger = at(witness)._replace(keys=(SignerKey("w.example/x", Kind.COSIGNATURE_ED25519, bytes(32)).verifier,))
    got = cosigners.submit_all({"b": stranger}, note(log, 5), prover(5))
    assert isinstance(got["b"], Refused)
    assert "no cosignature of a known key" in got["b"].text
    one = at(witness)._replace(keys=(PQ.verifier,))
    both = cosigners.submit_all({"a": one, "nowhere": one._replace(url="http://127.0.0.1:1")}, note(log, 5), prover(5))
    assert isinstance(both["a"], Cosigned)
    assert [s.key for s in both["a"].signatures] == [PQ.verifier]
    assert both["nowhere"] == cosigners.Unreachable("connection refused")


# Up and down


def run(words: list[str], cwd: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "strongroom.serve", *words]
    return subprocess.run(
        command, cwd=cwd, env=serving.ENVIRONMENT, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_leaves_on_a_signal_and_remembers(tmp_path: Path, number: signal.Signals) -> None:
    """Both signals end it with 0; the next one knows what this one cosigned. It is started by the command."""
    serving.need_server()
    words = [sys.executable, "-m", "strongroom", "serve", "witness", "--listen", "localhost:0", *write_files(tmp_path)]
    for old in (0, 5):
        found = serving.start(words, tmp_path)
        assert ("is new" in found.said) is (old == 0)
        assert f"witness {ED.verifier}\n" in found.said
        assert found.ask("POST", "/add-checkpoint", body(LOGS[0], old, old + 5)).status == 200
        found.process.send_signal(number)
        _, rest = found.process.communicate(timeout=60)
        assert (found.process.returncode, rest) == (0, "")


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"--listen": "0.0.0.0:0"}, 2, "--insecure-listen"),
        ({"--listen": "[::]:0"}, 2, "--insecure-listen"),
        ({"--listen": "example.org:80"}, 2, "--insecure-listen"),
        ({"--listen": "127.0.0.1"}, 2, "HOST:PORT"),
        ({"--listen": "127.0.0.1:99999"}, 2, "HOST:PORT"),
        ({"--listen": "127.0.0.1:0", "--tls-cert": "ed"}, 2, "both"),
        ({"--listen": "127.0.0.1:0", "--tls-cert": "ed", "--tls-key": "ed"}, 2, "PEM"),
        ({"--listen": "127.0.0.1:0", "--key": "missing"}, 2, "no such file"),
        ({"--listen": "127.0.0.1:0", "--key": "policy"}, 2, "policy"),
        ({"--listen": "127.0.0.1:0", "--policy": "ed"}, 2, "policy, line 1"),
        ({"--listen": "127.0.0.1:0", "--policy": "none"}, 2, "no log"),
        ({"--listen": "127.0.0.1:0", "--key": "ed", "--more": "x"}, 2, "--more"),
        ({"--listen": "127.0.0.1:0", "--state": "ed"}, 2, "ed"),
    ],
)
def test_it_refuses_what_it_cannot_do_safely(tmp_path: Path, changes: dict[str, str], code: int, text: str) -> None:
    """A message and exit code 2, and never a traceback, for each word that is wrong."""
    serving.need_server()
    write_files(tmp_path)
    (tmp_path / "none").write_text("quorum none\n")
    given = {"--state": "state", "--key": "ed", "--policy": "policy", **changes}
    got = run(["witness", *(word for pair in given.items() for word in pair)], tmp_path)
    assert (got.returncode, got.stdout) == (code, "")
    assert text in got.stderr
    assert "Traceback" not in got.stderr


def test_an_address_that_is_taken_is_said(witness: Serving, folder: Path) -> None:
    """No traceback, but the address."""
    taken = urlsplit(witness.url).netloc
    got = run(["witness", "--listen", taken, *write_files(folder)], folder)
    assert got.returncode == 2
    assert "address already in use" in got.stderr


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    """Exit code 2 and the words for pip."""
    code = (
        "import importlib.util as u, runpy\nfound = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'litestar' else found(name, *a)\n"
        "runpy.run_module('strongroom.serve', run_name='__main__')\n"
    )
    got = subprocess.run(
        [sys.executable, "-c", code, "witness"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert got.returncode == 2
    assert "hint: pip install 'strongroom[server]'" in got.stderr


def certificate(folder: Path) -> None:
    """A certificate for this host, as `cert.pem` and `key.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - TLS compares with the clock of this machine
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(pem)


def test_it_speaks_tls(tmp_path: Path) -> None:
    """The client trusts what it is told to trust, and without that hangs up before anything is sent."""
    serving.need_server()
    certificate(tmp_path)
    words = ["witness", "--listen", "localhost:0", "--tls-cert", "cert.pem", "--tls-key", "key.pem"]
    with serving.running([*words, *write_files(tmp_path)], tmp_path) as found:
        url = f"https://localhost:{urlsplit(found.url).port}"
        assert found.url.startswith("https://")
        trusting = Line(tls=ssl.create_default_context(cafile=str(tmp_path / "cert.pem")))
        target = CosignerAt(url, (PQ.verifier,))
        assert isinstance(cosigners.submit(target, note(LOGS[0], 5), prover(5), trusting), Cosigned)
        got = cosigners.submit(target, note(LOGS[0], 5), prover(5))
        assert isinstance(got, cosigners.Unreachable)
        assert "certificate" in got.reason
