"""The log's side of witnessing, against witnesses that are dead, slow, lying or elsewhere."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from strongroom.kit.tlog import witnessing
from strongroom.kit.tlog.checkpoint import Checkpoint, sign_checkpoint
from strongroom.kit.tlog.cosignature import Cosigner
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.merkle import MemoryNodes, Range, leaf_hash, prove_consistency, range_hash
from strongroom.kit.tlog.note import Ed25519Signer, Signature
from strongroom.kit.tlog.note import parse as parse_note
from strongroom.ledger import asking, cosigners
from strongroom.ledger.cosigners import Ahead, Cosigned, CosignerAt, Line, Outcome, Refused, Unproven, Unreachable
from strongroom.model.errors import BadInput, LogUnavailable, NotFound

ORIGIN = "example.org/log"
LOG = SignerKey(ORIGIN, Kind.ED25519, bytes(32))
ED = SignerKey("w.example/ed", Kind.COSIGNATURE_ED25519, bytes([3]) * 32)
PQ = SignerKey("w.example/pq", Kind.COSIGNATURE_ML_DSA_44, bytes([4]) * 32)
OTHER = SignerKey("w.example/other", Kind.COSIGNATURE_ED25519, bytes([5]) * 32)
NOW = 1_800_000_000
NODES = MemoryNodes([leaf_hash(bytes([i])) for i in range(20)])
NOTE = sign_checkpoint(Checkpoint(ORIGIN, 9, range_hash(Range(0, 9), NODES)), [Ed25519Signer(LOG)])
TEXT = parse_note(NOTE).text
QUICK = Line(timeout=0.3)

Play = Callable[[socket.socket, bytes], None]


def lines(*keys: SignerKey, at: int = NOW) -> bytes:
    return witnessing.encode_signatures(Cosigner(key, at).sign(TEXT) for key in keys)


def http(status: int, body: bytes = b"", content_type: str = "text/plain", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


def size(value: int) -> bytes:
    return http(409, f"{value}\n".encode(), "text/x.tlog.size")


class Fake:
    """A witness that plays a part: each connection gets the next answer, and what was asked is kept."""

    def __init__(self, plays: Sequence[bytes | Play]) -> None:
        self.asked: list[bytes] = []
        self._plays = list(plays)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        for play in self._plays:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                request = self._read(connection)
                self.asked.append(request)
                if isinstance(play, bytes):
                    connection.sendall(play)
                else:
                    play(connection, request)

    def _read(self, connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65_536)
        head, _, rest = data.partition(b"\r\n\r\n")
        length = next(
            (int(x.split(b":")[1]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length")), 0
        )
        while len(rest) < length:
            rest += connection.recv(65_536)
        return head + b"\r\n\r\n" + rest

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def body(self, number: int) -> witnessing.AddCheckpoint:
        return witnessing.parse_add_checkpoint(self.asked[number].partition(b"\r\n\r\n")[2])


@contextlib.contextmanager
def fake(*plays: bytes | Play) -> Iterator[Fake]:
    made = Fake(plays)
    try:
        yield made
    finally:
        made.close()


def prove(old: int) -> Sequence[bytes]:
    return prove_consistency(old, 9, NODES)


def submit(url: str, known: int = 0, line: Line | None = None) -> Outcome:
    return cosigners.submit(CosignerAt(url, (ED.verifier, PQ.verifier), known), NOTE, prove, line)


def test_the_known_keys_count_and_no_other() -> None:
    """Lines of unknown keys are ignored, and a key counts once; the request is as the specification has it."""
    with fake(http(200, lines(OTHER, ED, PQ, ED))) as witness:
        got = submit(witness.url + "/some/prefix/")
        assert isinstance(got, Cosigned)
        assert [(s.key, s.timestamp) for s in got.signatures] == [(ED.verifier, NOW), (PQ.verifier, NOW)]
        assert witness.asked[0].startswith(b"POST /some/prefix/add-checkpoint HTTP/1.1\r\n")
        assert witness.body(0) == witnessing.AddCheckpoint(0, (), NOTE)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (lines(OTHER), "no cosignature of a known key"),
        (lines(OTHER).replace(b"w.example/other", b"w.example/ed"), "no cosignature of a known key"),
        (b"", "note"),
        (b"hello", "note"),
        (b"\xff\xfe", "note"),
        (b"more\n\n" + lines(ED), "an empty line"),
        (lines(ED) + b"garbage\n", "garbage"),
        (lines(ED) + lines(PQ)[:-10], "note"),
        (lines(PQ, at=0), "no time"),
        (
            witnessing.encode_signatures([Signature("w.example/ed", ED.verifier.key_id, bytes(72))]),
            "does not verify",
        ),
        (
            lines(ED) + witnessing.encode_signatures([Signature("w.example/pq", PQ.verifier.key_id, bytes(9))]),
            "9 bytes",
        ),
    ],
)
def test_what_does_not_verify_is_no_cosignature(answer: bytes, text: str) -> None:
    """An answer of unknown keys only, a list that is none, a signature that fails, or one without a time."""
    with fake(http(200, answer)) as witness:
        got = submit(witness.url)
        assert isinstance(got, Refused)
        assert got.status == 200
        assert text in got.text


def test_another_size_is_answered_with_the_proof_from_there() -> None:
    """409 says where the witness is; the second request starts from there, with the proof."""
    for known, told in ((0, 5), (3, 5), (9, 5), (12, 5), (5, 0), (5, 9)):
        with fake(size(told), http(200, lines(ED))) as witness:
            assert isinstance(submit(witness.url, known), Cosigned)
            assert witness.body(0).old == (known if known <= 9 else 0)
            wanted = tuple(prove(told)) if told else ()
            assert witness.body(1) == witnessing.AddCheckpoint(told, wanted, NOTE)


def test_a_witness_is_asked_twice_at_most() -> None:
    """One that names another size each time does not keep the log busy."""
    with fake(size(5), size(6), http(200, lines(ED))) as witness:
        got = submit(witness.url)
        assert isinstance(got, Refused)
        assert got.status == 409
        assert len(witness.asked) == 2


def test_a_larger_size_is_told_at_once() -> None:
    """The log was rolled back or split: no proof can be made, and none is asked for."""
    with fake(size(10)) as witness:
        assert submit(witness.url) == Ahead(10)
    with fake(size(5), size(2**63 - 1)) as witness:
        assert submit(witness.url) == Ahead(2**63 - 1)


@pytest.mark.parametrize("body", [b"5", b"", b"05\n", b"5\n5\n", b"9" * 30 + b"\n", b"\xff\n"])
def test_a_size_that_is_none_is_a_refusal(body: bytes) -> None:
    """Only the one form is read."""
    with fake(http(409, body, "text/x.tlog.size")) as witness:
        got = submit(witness.url)
        assert isinstance(got, Refused)
        assert got.status == 409


def test_a_conflict_of_another_type_is_a_refusal() -> None:
    """A 409 of some other server on the way is no size."""
    with fake(http(409, b"5\n", "text/html")) as witness:
        assert submit(witness.url) == Refused(409, "5")


def test_a_proof_that_cannot_be_made_is_said() -> None:
    """What the log lacks is its own matter, and is told as such."""

    def missing(_: int) -> Sequence[bytes]:
        raise NotFound("tile/0/000", "nothing", "a tile")

    with fake(size(5)) as witness:
        got = cosigners.submit(CosignerAt(witness.url, (ED.verifier,)), NOTE, missing)
        assert got == Unproven(5, "tile/0/000: found nothing, wanted a tile")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    """A witness is the host that it is configured to be."""
    with fake(http(200, lines(ED))) as other:
        with fake(http(status, b"", more=f"Location: {other.url}/add-checkpoint\r\n")) as witness:
            assert submit(witness.url) == Refused(status, "")
        assert other.asked == []


def test_no_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever can set a variable does not get to see or answer requests."""
    with fake(http(200, lines(ED))) as proxy, fake(http(200, lines(PQ))) as witness:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
            monkeypatch.setitem(os.environ, name, proxy.url)  # noqa: TID251 - the variable is what is tested
        got = submit(witness.url)
        assert isinstance(got, Cosigned)
        assert proxy.asked == []


def test_a_refusal_is_one_short_line_without_controls() -> None:
    """What a hostile witness writes does not steer a terminal."""
    with fake(http(422, b"\x1b[31mno\r\nway\x00" + b"x" * 5000)) as witness:
        got = submit(witness.url)
        assert isinstance(got, Refused)
        assert got.text.startswith("[31mno  way xxx")
        assert len(got.text) <= 200
        assert got.text.isprintable()


def slow_drip(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 X\r\nConnection: close\r\n\r\n")
    while True:  # Each byte alone is in time; the client hangs up when all of them are not.
        connection.sendall(b"x")
        time.sleep(0.05)


def silent(connection: socket.socket, _: bytes) -> None:
    connection.recv(1)


@pytest.mark.parametrize("play", [silent, slow_drip])
def test_a_slow_witness_is_left(play: Play) -> None:
    """Whether it says nothing or a byte now and then: the time is for the whole answer."""
    with fake(play) as witness:
        assert submit(witness.url, line=QUICK) == Unreachable("no whole answer within 0.3 seconds")


def flood(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 X\r\nConnection: close\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65_536)


@pytest.mark.parametrize(
    ("play", "reason"),
    [
        (flood, "an answer of more than 65536 bytes"),
        (b"SSH-2.0-x\r\n", "no answer in HTTP (BadStatusLine)"),
        (b"", "no answer in HTTP (RemoteDisconnected)"),
        (b"HTTP/1.1 200 X\r\nContent-Length: 50\r\n\r\nx", "no answer in HTTP (IncompleteRead)"),
        (b"HTTP/1.1 200 X\r\n" + b"A: b\r\n" * 200, "no answer in HTTP (HTTPException)"),
        (b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "no answer in HTTP (IncompleteRead)"),
    ],
)
def test_what_is_no_answer_is_unreachable(play: bytes | Play, reason: str) -> None:
    """Too much, cut off, or no HTTP at all."""
    with fake(play) as witness:
        got = submit(witness.url)
        assert isinstance(got, Unreachable)
        assert got.reason == reason or (play == b"" and "reset" in got.reason)


def test_a_dead_port_and_an_unknown_host_are_unreachable() -> None:
    """With the reason of the system."""
    assert submit("http://127.0.0.1:1") == Unreachable("connection refused")
    assert isinstance(submit("https://witness.invalid"), Unreachable)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "http://10.0.0.1",
        "http://127.0.0.1.example.org",
        "ftp://localhost",
        "localhost:80",
        "https://",
        "https://user@example.org",
        "https://example.org/?q",
        "https://example.org/#f",
        "https://example.org:x",
        "https://example.org:99999",
        "https://example.org/a b",
        "https://example.org/\r\nX: y",
        "https://ex\u00e4mple.org",
        "https://[::1",
        "",
    ],
)
def test_urls_that_may_not_be_used_are_bad_input(url: str) -> None:
    """Plain http leaves this host only when it is allowed, and a prefix is nothing but a prefix."""
    with pytest.raises(BadInput):
        submit(url)
    with pytest.raises(BadInput):
        cosigners.latest(url, ORIGIN)
    with pytest.raises(BadInput):
        cosigners.submit_all({"w": CosignerAt(url, (ED.verifier,))}, NOTE, prove)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_loopback_is_this_host(host: str) -> None:
    """Names and addresses that stay here."""
    assert asking.is_loopback(host)
    assert not asking.is_loopback("x" + host)


def test_plain_http_can_be_allowed() -> None:
    """For a network that is trusted otherwise; the address here belongs to nobody."""
    got = submit("http://nowhere.invalid", line=Line(plain=True))
    assert isinstance(got, Unreachable)


def test_every_witness_is_asked_and_one_is_no_matter_to_another() -> None:
    """All at the same time: together they take no longer than the slowest."""
    barrier = threading.Barrier(3, timeout=20)

    def together(connection: socket.socket, _: bytes) -> None:
        barrier.wait()
        connection.sendall(http(200, lines(ED)))

    with contextlib.ExitStack() as stack:
        fakes = {name: stack.enter_context(fake(together)) for name in "abc"}
        asked = {name: CosignerAt(f.url, (ED.verifier,)) for name, f in fakes.items()}
        asked["dead"] = CosignerAt("http://127.0.0.1:1", (ED.verifier,))
        got = cosigners.submit_all(asked, NOTE, prove)
    assert list(got) == ["a", "b", "c", "dead"]
    assert [type(o) for o in got.values()] == [Cosigned, Cosigned, Cosigned, Unreachable]
    assert cosigners.submit_all({}, NOTE, prove) == {}


def test_the_latest_checkpoint_is_fetched_as_it_is() -> None:
    """From the path of the origin's hash; none, no answer and another answer are told apart."""
    with fake(http(200, NOTE), http(404, b"not found"), http(500, b"x")) as witness:
        assert cosigners.latest(witness.url + "/w", ORIGIN) == NOTE
        path = f"GET /w/{witnessing.origin_hash(ORIGIN)}/checkpoint HTTP/1.1\r\n"
        assert witness.asked[0].startswith(path.encode())
        with pytest.raises(NotFound):
            cosigners.latest(witness.url, ORIGIN)
        with pytest.raises(LogUnavailable, match="status 500"):
            cosigners.latest(witness.url, ORIGIN)
    with pytest.raises(LogUnavailable, match="connection refused"):
        cosigners.latest("http://127.0.0.1:1", ORIGIN)
