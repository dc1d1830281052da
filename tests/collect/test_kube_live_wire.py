"""One question to an API server: what cuts it, what bounds it, and who is believed to be the server."""

import base64
import datetime as dt
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from kube_live_server import CHUNKED, END, RESET, Asked, Script, Server, chunk, head, whole

from strongroom.collect.kubernetes import kubeconfig, live
from strongroom.collect.kubernetes.live import Client, Event, RefusedError, Resource
from strongroom.collect.wire import Hold
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed, StrongroomError, TooLarge, Unreadable
from strongroom.model.estate import Gap

PODS = Resource("Pod", "/api/v1/pods")
CLAIMS = Resource("ResourceClaim", "/apis/resource.k8s.io/v1/resourceclaims")
Started = Callable[..., Server]


@pytest.fixture
def started() -> Iterator[Started]:
    """Starts servers, and ends them."""
    held: list[Server] = []

    def start(script: Script, tls: ssl.SSLContext | None = None) -> Server:
        held.append(Server(script, tls))
        return held[-1]

    yield start
    for one in held:
        one.close()
        assert one.faults == []


class Quick(Hold):
    """A hold that remembers its pauses and does not make them."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def pause(self, seconds: float) -> None:
        """Remember it."""
        self.pauses.append(seconds)


def one(name: str, version: int, **more: str) -> dict[str, object]:
    """An object of a version."""
    return {"metadata": {"name": name, "resourceVersion": str(version)}, **more}


def page(names: list[str], version: int = 7, after: str = "", kind: str = "PodList") -> bytes:
    """A page of a list."""
    meta = {"resourceVersion": str(version), "continue": after}
    return json.dumps({"kind": kind, "metadata": meta, "items": [one(n, version) for n in names]}).encode()


def event(action: str, name: str, version: int, **more: str) -> bytes:
    """A line of a watch."""
    return json.dumps({"type": action, "object": one(name, version, **more)}).encode() + b"\n"


def names(found: live.Listed) -> list[str]:
    """The names of what is listed."""
    return [json.loads(bytes(raw))["metadata"]["name"] for raw in found.items]


def heard(client: Client, into: list[Event], hold: Hold | None = None) -> None:
    """Take all events of a watch, one by one, so that those before an error are there."""
    for found in client.watch(PODS, "1", 60, hold):
        into.append(found)  # noqa: PERF402 - an error must not lose those before it


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_page_that_is_put_off_is_asked_for_again_when_the_server_says(started: Started, status: int) -> None:
    """A busy server loses no page, and is not asked before its time."""
    asked: list[str] = []

    def script(found: Asked) -> Iterator[bytes]:
        asked.append(found.query.get("continue", ""))
        if len(asked) in {2, 3}:
            return whole(b"{}", status, Retry_After="3" if len(asked) == 2 else "soon")
        return whole(page(["b"])) if found.query.get("continue") else whole(page(["a"], after="x"))

    hold = Quick()
    assert names(Client(started(script).connection()).list(PODS, hold)) == ["a", "b"]
    assert asked == ["", "x", "x", "x"]
    assert hold.pauses == [3.0, 0.4]


def test_a_server_that_is_busy_for_ever_is_given_up(started: Started) -> None:
    """Tries are bounded, and no pause is as long as a server wishes."""
    hold = Quick()
    client = Client(started(lambda _: whole(b'{"message": "later"}', 429, Retry_After="999999")).connection())
    with pytest.raises(RefusedError, match="429: later"):
        client.list(PODS, hold)
    assert hold.pauses == [30.0] * 4


def test_a_list_that_is_always_gone_is_asked_for_in_one_piece(started: Started) -> None:
    """Where pages are forgotten faster than they are read, the list comes whole, and nothing of the half ones is in it."""

    def script(found: Asked) -> Iterator[bytes]:
        if found.query.get("continue"):
            return whole(b'{"kind": "Status", "code": 410}', 410)
        return whole(page(["a", "b"])) if found.query["limit"] == "0" else whole(page(["a"], after="x"))

    assert names(Client(started(script).connection()).list(PODS)) == ["a", "b"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"metadata": {"resourceVersion": "1"}}',
        b'{"kind": "Status", "metadata": {"resourceVersion": "1"}, "items": []}',
        b'{"kind": "NodeList", "metadata": {"resourceVersion": "1"}, "items": []}',
        b'{"kind": "PodList", "metadata": {"resourceVersion": "1"}}',
        b'{"kind": "PodList", "metadata": {}, "items": []}',
        b'{"kind": "PodList", "metadata": {"resourceVersion": "1", "continue": "x"}, "items": []}',
    ],
)
def test_something_else_is_no_empty_list(started: Started, body: bytes) -> None:
    """Whoever says nothing of pods has not said that there is none; a list without version or end is none."""
    with pytest.raises(Malformed):
        Client(started(lambda _: whole(body)).connection()).list(PODS)


def test_a_list_of_nothing_is_one(started: Started) -> None:
    """A server may write an empty list as null."""
    body = b'{"kind": "PodList", "metadata": {"resourceVersion": "5"}, "items": null}'
    assert Client(started(lambda _: whole(body)).connection()).list(PODS) == ([], "5")


@pytest.mark.parametrize(
    "pieces",
    [
        [head(Content_Length="500"), page(["a"])],
        [CHUNKED, chunk(page(["a"])[:20])],
        [CHUNKED, chunk(page(["a"]))],
        [CHUNKED, b"-5\r\n", page(["a"])],
        [CHUNKED, b"zz\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Le"],
        [b"SSH-2.0-OpenSSH_9.2\r\n"],
        [b""],
        [RESET],
        [head(Content_Length="500"), RESET],
    ],
)
def test_half_an_answer_is_none(started: Started, pieces: list[bytes]) -> None:
    """A body or head that ends too early, a chunk that is none, a reset: an error, never a shorter list."""
    client = Client(started(lambda _: iter(pieces)).connection(), 60)
    with pytest.raises((Unreadable, Malformed)) as e:
        client.list(PODS)
    assert not isinstance(e.value, RefusedError)


def test_a_redirect_is_not_followed(started: Started) -> None:
    """The token goes to the server that was named and to nobody else."""
    others: list[Asked] = []

    def other(found: Asked) -> Iterator[bytes]:
        others.append(found)
        return whole(page([]))

    elsewhere = f"http://127.0.0.1:{started(other).port}/api/v1/pods"
    client = Client(started(lambda _: whole(b"", 302, Location=elsewhere)).connection("secret"))
    with pytest.raises(RefusedError, match="302"):
        client.list(PODS)
    assert others == []


def test_a_body_without_end_is_cut(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server sends is bounded: a page, all pages, a line of a watch."""
    monkeypatch.setattr(live, "MOST_PAGE", 1000)
    monkeypatch.setattr(live, "MOST_LIST", 1500)
    monkeypatch.setattr(live, "MOST_LINE", 1000)

    def endless(_: Asked) -> Iterator[bytes]:
        yield CHUNKED
        while True:
            yield chunk(b"[" * 600)

    client = Client(started(endless).connection())
    with pytest.raises(TooLarge):
        client.list(PODS)
    with pytest.raises(TooLarge):
        list(client.watch(PODS, "1", 60))
    counted = iter(range(1_000_000))
    pages = started(lambda _: whole(page(["a" * 300], after=f"{next(counted)}")))
    with pytest.raises(TooLarge):
        Client(pages.connection()).list(PODS)


def test_a_server_that_drips_is_cut_in_the_end(started: Started) -> None:
    """An octet now and then keeps no thread for ever, neither in the head, nor in a body, nor in a line."""
    stop = threading.Event()

    def drip(first: bytes) -> Script:
        def script(_: Asked) -> Iterator[bytes]:
            yield first
            while not stop.wait(0.05):
                yield b"1"

        return script

    for first in (b"HTTP/1.1 200 ", b"HTTP/1.1 200 OK\r\nX: ", head(), CHUNKED):
        client = Client(started(drip(first)).connection(), 60, 1, 1)
        with pytest.raises(Unreadable, match="no end within 1 seconds"):
            client.list(PODS)
        with pytest.raises(Unreadable, match="no end within 1 seconds"):
            list(client.watch(PODS, "1", 0))
    stop.set()


def test_a_server_that_hangs_is_not_waited_for(started: Started) -> None:
    """A server that accepts and says nothing, before or within a watch, is given up after its time."""
    stop = threading.Event()

    def mute(_: Asked) -> Iterator[bytes]:
        stop.wait(60)
        yield b""

    def falls_silent(_: Asked) -> Iterator[bytes]:
        yield CHUNKED + chunk(event("ADDED", "a", 2))
        stop.wait(60)

    with pytest.raises(Unreadable, match="timed out"):
        Client(started(mute).connection(), 0.5).list(PODS)
    found: list[Event] = []
    with pytest.raises(Unreadable, match="timed out"):
        heard(Client(started(falls_silent).connection(), 60, quiet=0.5), found)
    assert [e.version for e in found] == ["2"]
    stop.set()


@pytest.mark.parametrize("tls", [False, True])
def test_a_hold_that_is_released_ends_what_is_waited_for(started: Started, tmp_path: Path, tls: bool) -> None:
    """Another thread ends a watch at once, with TLS and without, and nothing can be asked by that hold again."""
    server, client = _pair(tmp_path) if tls else (None, None)
    stop, hold = threading.Event(), Hold()

    def script(_: Asked) -> Iterator[bytes]:
        yield CHUNKED + chunk(event("ADDED", "a", 2))
        hold.release()
        stop.wait(60)

    asked = Client(started(script, server).connection(tls=client), 60)
    with pytest.raises(Unreadable, match="an end that was asked for"):
        heard(asked, [], hold)
    with pytest.raises(Unreadable, match="an end that was asked for"):
        asked.list(PODS, hold)
    stop.set()


@pytest.mark.parametrize("size", [1, 7, 65_536])
def test_a_watch_is_read_whatever_pieces_it_comes_in(started: Started, size: int) -> None:
    """Lines across chunks, several in one, a megabyte in one object: each event once, in order."""
    large = 1 << 20 if size > 7 else 100
    lines = event("ADDED", "a", 2, x="x" * large) + event("BOOKMARK", "", 3) + b"\n" + event("DELETED", "a", 4)

    def script(_: Asked) -> Iterator[bytes]:
        yield CHUNKED
        for n in range(0, len(lines), size):
            yield chunk(lines[n : n + size])
        yield END

    found = list(Client(started(script).connection()).watch(PODS, "1", 60))
    assert [(e.action, e.version) for e in found] == [("ADDED", "2"), ("BOOKMARK", "3"), ("DELETED", "4")]
    assert len(bytes(found[0].object)) > large


@pytest.mark.parametrize("cut", [END, b"", RESET])
def test_half_a_line_is_not_handed_on(started: Started, cut: bytes) -> None:
    """However a connection ends, what is not whole is not an event."""

    def script(_: Asked) -> Iterator[bytes]:
        yield CHUNKED + chunk(event("ADDED", "a", 2)) + chunk(event("ADDED", "b", 3)[:-1])
        yield cut

    found: list[Event] = []
    try:
        heard(Client(started(script).connection()), found)
    except Unreadable:
        assert cut != END
    assert {e.version for e in found} <= {"2"}


@pytest.mark.parametrize(
    "line",
    [
        b"{}\n", b"[]\n", b"x\n", b'{"type": "ADDED"}\n', b'{"type": "ADDED", "object": 5}\n', b"\xff\n",
        b'{"type": "ADDED", "object": {"metadata": {}}}\n', b'{"type": "CHANGED", "object": {"metadata": {"resourceVersion": "5"}}}\n',
        b'{"type": "BOOKMARK", "object": {}}\n', b'{"type": "ADDED", "object": ' + b"[" * 100_000 + b"\n",
    ],
)  # fmt: skip
def test_what_is_no_event_is_an_error(started: Started, line: bytes) -> None:
    """An event that cannot be read, or cannot be gone on from, is not passed over."""
    with pytest.raises(Malformed):
        list(Client(started(lambda _: iter([head(), line])).connection()).watch(PODS, "1", 60))


def test_what_a_server_says_steers_no_terminal(started: Started) -> None:
    """Control characters of an answer do not come into a message."""
    client = Client(started(lambda _: whole(b'{"message": "a\\u001b[2J\\nb\\u202e"}', 403)).connection())
    with pytest.raises(RefusedError) as e:
        client.list(PODS)
    assert str(e.value).isprintable()


def test_a_gap_names_what_is_missing(started: Started) -> None:
    """Forbidden names verb and resource; not served, not answered and not understood are told apart."""
    told = {
        403: (GapCode.DENIED, "no permission to list /api/v1/pods: not you"),
        404: (GapCode.ABSENT, "the server does not serve /api/v1/pods"),
        418: (GapCode.NOT_FETCHED, "list /api/v1/pods: found the answer 418: not you, wanted 200"),
    }
    for status, (code, detail) in told.items():
        answer = list(whole(b'{"message": "not you"}', status))
        with pytest.raises(RefusedError) as e:
            Client(started(lambda _, a=answer: iter(a)).connection()).list(PODS)
        assert live.gap(PODS, e.value, "k8s") == Gap("/api/v1/pods", "k8s", code, detail)
    assert live.gap(PODS, Malformed("a", "b", "c"), "k8s").code is GapCode.MALFORMED
    assert live.gap(PODS, TooLarge("a", "b", "c"), "k8s").code is GapCode.TOO_LARGE


def groups(*versions: str) -> bytes:
    """The groups that a server has."""
    listed = [{"name": v.split("/")[0], "versions": [{"groupVersion": v}]} for v in versions]
    return json.dumps({"kind": "APIGroupList", "groups": listed}).encode()


def kinds(*plurals: str) -> bytes:
    """The kinds of a version of a group."""
    return json.dumps({"kind": "APIResourceList", "resources": [{"name": p} for p in plurals]}).encode()


@pytest.mark.parametrize(
    ("resource", "answers", "unserved"),
    [
        (PODS, {}, False),
        (CLAIMS, {"/apis": groups("apps/v1", "resource.k8s.io/v1beta1")}, True),
        (CLAIMS, {"/apis": groups("resource.k8s.io/v1"), "/apis/resource.k8s.io/v1": kinds("deviceclasses")}, True),
        (CLAIMS, {"/apis": groups("resource.k8s.io/v1"), "/apis/resource.k8s.io/v1": kinds("resourceclaims")}, False),
    ],
)
def test_a_kind_is_not_served_when_the_server_says_so(
    started: Started, resource: Resource, answers: dict[str, bytes], unserved: bool
) -> None:
    """Discovery decides what there is none of; a kind of the core is always there."""
    client = Client(started(lambda a: whole(answers[a.path])).connection())
    assert client.unserved(resource) is unserved


@pytest.mark.parametrize(
    "answer", [list(whole(b"404 page not found\n", 404)), list(whole(b"{}")), list(whole(kinds()))]
)
def test_a_404_alone_says_nothing_of_what_is_served(started: Started, answer: list[bytes]) -> None:
    """Whatever stands before a server and knows no path at all does not make a cluster empty."""
    with pytest.raises(StrongroomError):
        Client(started(lambda _: iter(answer)).connection()).unserved(CLAIMS)


def _certificate(folder: Path, name: str, address: str = "127.0.0.1") -> tuple[Path, Path]:
    """A certificate that is its own authority, and its key."""
    key, who = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - a certificate that is valid now
    made = (
        x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    cert, secret = folder / f"{name}.crt", folder / f"{name}.key"
    cert.write_bytes(made.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return cert, secret


def _serving(cert: Path, key: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(cert, key)
    return made


def _pair(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server shows, and what a client believes."""
    cert, key = _certificate(folder, "server")
    return _serving(cert, key), ssl.create_default_context(cafile=str(cert))


def _kubeconfig(folder: Path, port: int, cluster: dict[str, object], user: dict[str, object]) -> Path:
    path = folder / "config"
    found = {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u", "namespace": "blue"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{port}/", **cluster}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(found))
    return path


@pytest.mark.parametrize("inline", [True, False])
def test_a_client_certificate_is_shown_and_the_server_checked(started: Started, tmp_path: Path, inline: bool) -> None:
    """Both sides prove who they are, by what stands in the kubeconfig or in files beside it."""
    cert, key = _certificate(tmp_path, "server")
    mine, secret = _certificate(tmp_path, "client")
    tls = _serving(cert, key)
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(mine)
    port = started(lambda _: whole(page(["a"])), tls).port

    def given(name: str, file: Path) -> dict[str, object]:
        return {f"{name}-data": base64.b64encode(file.read_bytes()).decode()} if inline else {name: file.name}

    ca = given("certificate-authority", cert)
    user = {**given("client-certificate", mine), **given("client-key", secret)}
    found = kubeconfig.read(_kubeconfig(tmp_path, port, ca, user))
    assert names(Client(found).list(PODS)) == ["a"]
    assert found.namespace == "blue"
    with pytest.raises(Unreadable):
        Client(kubeconfig.read(_kubeconfig(tmp_path, port, ca, {"token": "t"}))).list(PODS)


@pytest.mark.parametrize(("name", "address"), [("other", "127.0.0.1"), ("server", "127.0.0.2")])
def test_a_server_that_is_another_gets_no_token(started: Started, tmp_path: Path, name: str, address: str) -> None:
    """A certificate of another authority, or for another address, ends it before anything is asked."""
    asked: list[Asked] = []

    def script(found: Asked) -> Iterator[bytes]:
        asked.append(found)
        return whole(page([]))

    trusted, key = _certificate(tmp_path, "server", address)
    shown = _certificate(tmp_path, name, address) if name == "other" else (trusted, key)
    port = started(script, _serving(*shown)).port
    found = kubeconfig.read(_kubeconfig(tmp_path, port, {"certificate-authority": str(trusted)}, {"token": "secret"}))
    with pytest.raises(Unreadable, match="tls: "):
        Client(found).list(PODS)
    assert asked == []


@pytest.mark.parametrize("token", ["", "one\ntwo", "one\r\nX-Remote-User: admin", "tö", "a b", "\x00"])
def test_what_is_no_token_is_neither_sent_nor_shown(started: Started, tmp_path: Path, token: str) -> None:
    """A token file that is half written makes no request as nobody, no other header, and no message with a secret."""
    asked: list[Asked] = []

    def script(found: Asked) -> Iterator[bytes]:
        asked.append(found)
        return whole(page([]))

    (tmp_path / "token").write_text(token)
    to = started(script).connection()._replace(token_file=tmp_path / "token")
    with pytest.raises(Malformed) as e:
        Client(to).list(PODS)
    assert asked == []
    assert not token or token not in str(e.value)


def test_a_token_is_read_anew_for_each_question(started: Started, tmp_path: Path) -> None:
    """A token that was renewed in its file is the one that is sent."""
    asked: list[str] = []

    def script(found: Asked) -> Iterator[bytes]:
        asked.append(found.headers["authorization"])
        return whole(page([]))

    client = Client(started(script).connection()._replace(token_file=tmp_path / "token"))
    for token in ("one", "two"):
        (tmp_path / "token").write_text(token + "\n")
        client.list(PODS)
    assert asked == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize(
    ("cluster", "user"),
    [
        ({"proxy-url": "http://127.0.0.1:3128"}, {}),
        ({"tls-server-name": "other"}, {}),
        ({"server": "https://me:secret@127.0.0.1"}, {}),
        ({"server": "https://127.0.0.1/?x=y"}, {}),
        ({"server": ["https://127.0.0.1"]}, {}),
        ({"certificate-authority": "a\0b"}, {}),
        ({"certificate-authority-data": "é"}, {}),
        ({}, {"auth-provider": {"name": "gcp"}}),
        ({}, {"username": "a", "password": "b"}),
        ({}, {"as": "system:admin"}),
        ({}, {"as-groups": ["system:masters"]}),
        ({}, {"client-certificate-data": base64.b64encode(b"x").decode()}),
        ({}, {"client-certificate-data": "eA==", "client-key-data": "eA=="}),
        ({}, {"token": 5}),
    ],
)
def test_what_would_be_passed_over_in_a_kubeconfig_is_refused(
    tmp_path: Path, cluster: dict[str, object], user: dict[str, object]
) -> None:
    """Proxies, other names, passwords, impersonation and halves of a certificate are told, not ignored."""
    path = _kubeconfig(tmp_path, 1, cluster, user)
    with pytest.raises(Malformed) as e:
        kubeconfig.read(path)
    assert "secret" not in str(e.value)


def test_a_kubeconfig_of_endless_aliases_is_refused_at_once(tmp_path: Path) -> None:
    """What unfolds to more than any memory is never written out."""
    levels = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30))]
    path = tmp_path / "config"
    path.write_text("\n".join([*levels, "current-context: *a29"]))
    with pytest.raises(Malformed, match="current-context that is no text"):
        kubeconfig.read(path)


def test_a_pod_reads_server_authorities_and_namespace_where_they_are_given(tmp_path: Path) -> None:
    """The service account's folder and two variables make the connection."""
    cert, _ = _certificate(tmp_path, "ca")
    cert.rename(tmp_path / "ca.crt")
    (tmp_path / "token").write_text("t")
    (tmp_path / "namespace").write_text("strongroom")
    found = kubeconfig.in_cluster("fd00::1", "443", tmp_path)
    assert (found.host, found.port, found.namespace, found.bearer()) == ("fd00::1", 443, "strongroom", "t")
