"""The transit engine: each way that a server fails is a key that is unavailable, in time, and in words without secrets."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bao_case
import pytest
from bao_case import TOKEN, Transit, serving, token_file
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from key_harness import CANARY, NOW, RESOURCE, Scene, decision, log_in, part, scene, with_options

from strongroom.model.errors import BadInput, KeyUnavailable, Malformed, StrongroomError, Unreadable
from strongroom.model.release import Keys, KeySettings, Secret, Wrapped
from strongroom.model.trust import Receipt

Answer = tuple[int, dict[str, object]]


class Rig:
    """A small server, a back end over it, and a resource."""

    def __init__(self, transit: Transit, settings: KeySettings, keys: Keys, receipt: Callable[[], Receipt]) -> None:
        self.transit, self.settings, self.keys, self.receipt = transit, settings, keys, receipt
        self.wrapped: Wrapped = keys.wrap(Secret(CANARY), RESOURCE, 1, ())

    def unwrap(self, wrapped: Wrapped | None = None) -> bytes:
        return self.keys.unwrap(self.receipt(), wrapped or self.wrapped, NOW).reveal()


@contextmanager
def rigged(folder: Path, seconds: float = 5.0, **options: str) -> Iterator[Rig]:
    """The whole of it over http on loopback; `options` come on top."""
    transit = Transit()
    with serving(transit) as url, log_in(folder) as (log, gate):
        settings = KeySettings({"url": url, "key": "k", "token-file": token_file(folder, TOKEN)}, seconds)
        settings = with_options(settings, **options)
        backend = part("openbao")
        assert backend.prepare is not None
        backend.prepare(settings)
        keys = backend.open(settings, gate)
        try:
            yield Rig(transit, settings, keys, lambda: log.decide(decision()))
        finally:
            keys.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """With a token from a file."""
    with rigged(tmp_path) as made:
        yield made


FAULTS: dict[str, tuple[int, dict[str, object], str]] = {
    "sealed": (503, {"errors": ["Vault is sealed"]}, r"sealed or in maintenance \(503\)"),
    "forbidden": (403, {"errors": ["permission denied"]}, r"permission denied \(403\)"),
    "too many": (429, {"errors": ["rate limit quota exceeded"]}, r"too many requests \(429\)"),
    "a fault of its own": (500, {"errors": ["1 error occurred"]}, r"status 500"),
    "a gateway": (502, {}, r"status 502"),
    "a standby": (473, {}, r"standby"),
    "a redirect": (307, {}, r"status 307"),
    "a bad request": (400, {"errors": ["something else"]}, r"\(400\)"),
    "an old version": (
        400,
        {"errors": ["ciphertext or signature version is disallowed by policy (too old)"]},
        r"\(400\)",
    ),
    "a key that is gone": (400, {"errors": ["encryption key not found"]}, "no key 'k' in transit"),
    "an engine that is gone": (404, {"errors": []}, "no key 'k' in transit"),
    "nothing": (200, {}, "an answer of another form"),
    "an empty key": (200, {"data": {"plaintext": ""}}, "no data key"),
    "a short key": (200, {"data": {"plaintext": "AAAA"}}, "no data key"),
    "no base64": (200, {"data": {"plaintext": "?"}}, "no data key"),
    "a number": (200, {"data": {"plaintext": 5}}, "an answer of another form"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_server_that_fails_releases_nothing(rig: Rig, name: str) -> None:
    """Each status and each strange answer is unavailable in its own words, and when it is over all is well again."""
    status, body, words = FAULTS[name]
    rig.transit.fault = lambda _method, path: (status, body) if "decrypt" in path else None
    with pytest.raises(KeyUnavailable, match=words) as caught:
        rig.unwrap()
    assert TOKEN not in str(caught.value) + caught.value.hint
    rig.transit.fault = lambda _method, _path: None
    assert rig.unwrap() == CANARY


@pytest.mark.parametrize(
    "name", ["sealed", "forbidden", "too many", "a fault of its own", "an engine that is gone", "nothing"]
)
def test_a_server_that_fails_wraps_nothing(rig: Rig, name: str) -> None:
    """The same for wrapping, at the look before it and at the wrapping itself."""
    status, body, words = FAULTS[name]
    for at in ("keys/", "encrypt/"):
        rig.transit.fault = lambda _method, path, at=at: (status, body) if at in path else None  # type: ignore[misc]
        with pytest.raises(KeyUnavailable, match=words):
            rig.keys.wrap(Secret(b"x"), RESOURCE, 2, ())


def test_a_key_of_other_octets_is_no_data_key(rig: Rig) -> None:
    """A server that answers with another data key opens nothing: the payload does not fit."""
    rig.transit.fault = lambda _method, path: (
        (200, {"data": {"plaintext": "A" * 43 + "="}}) if "decrypt" in path else None
    )
    with pytest.raises(Malformed):
        rig.unwrap()


def test_a_deleted_key_is_not_made_again(rig: Rig) -> None:
    """When the key is gone, wrapping refuses before the request with which transit would make a new one."""
    rig.transit.keys.clear()
    rig.transit.seen.clear()
    with pytest.raises(KeyUnavailable, match="no key 'k'"):
        rig.keys.wrap(Secret(b"x"), RESOURCE, 2, ())
    assert rig.transit.seen == ["GET transit/keys/k"]
    with pytest.raises(KeyUnavailable, match="no key 'k'"):
        rig.unwrap()


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"exportable": True}, "exported"),
        ({"allow_plaintext_backup": True}, "in clear"),
        ({"type": "rsa-4096"}, "the type rsa-4096"),
        ({"latest_version": "many"}, "another form"),
    ],
)
def test_a_key_that_is_not_fit_is_refused(rig: Rig, details: dict[str, object], words: str) -> None:
    """A key that can leave the server, or is of a kind without associated data, wraps nothing and is not opened with."""
    rig.transit.details = details
    with pytest.raises(KeyUnavailable, match=words):
        rig.keys.wrap(Secret(b"x"), RESOURCE, 2, ())
    with (
        pytest.raises(KeyUnavailable, match=words),
        log_in(Path(rig.settings.options["token-file"]).parent) as (_, gate),
    ):
        part("openbao").open(rig.settings, gate)


def stalled(tmp_path: Path, serve: Callable[[socket.socket], None]) -> Iterator[KeySettings]:
    """A listener whose connections are served by a function."""
    listening = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    yield KeySettings({"url": url, "key": "k", "token-file": token_file(tmp_path, TOKEN)}, 0.3)
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


def silent(connection: socket.socket) -> None:
    with connection:
        while connection.recv(4096):
            pass


def dripping(connection: socket.socket) -> None:
    with connection:
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while True:
                connection.sendall(b" ")
                time.sleep(0.02)
        except OSError:
            pass


def hanging_up(connection: socket.socket) -> None:
    connection.close()


def babbling(connection: socket.socket) -> None:
    with connection:
        connection.recv(4096)
        connection.sendall(b"220 mail.example ESMTP\r\n")


SLOW = {
    "silent": (silent, r"no answer within 0\.3 seconds"),
    "dripping": (dripping, r"no answer within 0\.3 seconds"),
    "hanging up": (hanging_up, "key service 127.0.0.1"),
    "babbling": (babbling, "no answer in HTTP"),
}


@pytest.mark.parametrize("name", SLOW)
def test_a_server_that_does_not_answer_is_not_waited_for(tmp_path: Path, name: str) -> None:
    """Silence, an octet now and then, an end and another protocol are unavailable, each in its words."""
    serve, words = SLOW[name]
    for settings in stalled(tmp_path, serve):
        with pytest.raises(KeyUnavailable, match=words), log_in(tmp_path) as (_, gate):
            part("openbao").open(settings, gate)


def test_all_requests_of_one_release_share_one_time(tmp_path: Path) -> None:
    """A server that refuses slowly does not get the time again for the second token and the second try."""
    release = threading.Event()
    with rigged(tmp_path, seconds=1.0) as rig:

        def slowly(_method: str, path: str) -> Answer | None:
            if "decrypt" in path:
                release.wait(0.7)
                return 403, {"errors": ["permission denied"]}
            return None

        rig.transit.fault = slowly
        with pytest.raises(KeyUnavailable, match="no answer within 1 seconds"):
            rig.unwrap()
        release.set()
        assert [path for path in rig.transit.seen if "decrypt" in path] == ["POST transit/decrypt/k"] * 2


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    """Where nobody listens the connection is refused, and that is said."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    settings = KeySettings({"url": f"http://127.0.0.1:{port}", "key": "k", "token-file": token_file(tmp_path, TOKEN)})
    with pytest.raises(KeyUnavailable, match="connection refused"), log_in(tmp_path) as (_, gate):
        part("openbao").open(settings, gate)


def test_a_connection_that_was_let_go_of_is_made_again(tmp_path: Path) -> None:
    """A server that closes idle connections is no fault: the request is sent once more on a new one."""
    with rigged(tmp_path) as rig:
        for connection in rig.keys._holder.client._idle:  # type: ignore[attr-defined]
            connection.sock.shutdown(socket.SHUT_RDWR)
        assert rig.unwrap() == CANARY


# Who we are


def test_a_token_file_is_read_again(tmp_path: Path) -> None:
    """A token that an agent has replaced is read from the file once the old one is refused."""
    with rigged(tmp_path) as rig:
        rig.transit.tokens = {"s.the-next-token"}
        with pytest.raises(KeyUnavailable, match="permission denied"):
            rig.unwrap()
        token_file(tmp_path, "s.the-next-token")
        assert rig.unwrap() == CANARY


def test_a_token_file_that_went_bad_is_unavailable(tmp_path: Path) -> None:
    """A token file that is empty when it is read again is a key that cannot be had, and no fault of the request."""
    with rigged(tmp_path) as rig:
        rig.transit.tokens = set()
        (tmp_path / "token").write_text("")
        with pytest.raises(KeyUnavailable, match="nothing"):
            rig.unwrap()


def approle(folder: Path) -> dict[str, str]:
    secret = folder / "secret-id"
    secret.write_text("made-up-secret-id\n")
    secret.chmod(0o600)
    return {"token_file": "", "role_id": "broker", "secret_id_file": str(secret)}


def test_approle_logs_in_and_again_when_refused(tmp_path: Path) -> None:
    """A role and its secret give a token; when that is revoked, they give another, once a request."""
    with rigged(tmp_path, **approle(tmp_path)) as rig:
        first = rig.transit.logins
        assert rig.unwrap() == CANARY
        assert rig.transit.logins == first
        rig.transit.tokens.clear()
        assert rig.unwrap() == CANARY
        assert rig.transit.logins == first + 1


def test_a_wrong_secret_id_is_refused(tmp_path: Path) -> None:
    """A login that the server refuses is unavailable, and says nothing of the secret."""
    options = approle(tmp_path)
    (tmp_path / "secret-id").write_text("another-secret-id")
    with pytest.raises(KeyUnavailable, match=r"\(400\)") as caught, rigged(tmp_path, **options):
        pass
    assert "another-secret-id" not in str(caught.value)


def test_a_token_is_renewed_before_it_ends(tmp_path: Path) -> None:
    """After two thirds of its time a renewable token is renewed, once, and one that may not be is had anew."""
    with rigged(tmp_path) as rig:
        login = rig.keys._holder._login  # type: ignore[attr-defined]
        login._held = login._held._replace(renew_at=0.0)
        rig.transit.seen.clear()
        assert rig.unwrap() == CANARY
        assert rig.unwrap() == CANARY
        assert rig.transit.seen.count("POST auth/token/renew-self") == 1
        login._held = login._held._replace(renew_at=0.0)
        rig.transit.fault = lambda _method, path: (403, {}) if "renew" in path else None
        rig.transit.seen.clear()
        assert rig.unwrap() == CANARY
        assert rig.transit.seen.count("GET auth/token/lookup-self") == 1


def test_a_namespace_and_the_token_are_headers(tmp_path: Path) -> None:
    """The token and the namespace are sent as headers, never in the address."""
    seen: list[str] = []

    def listening(connection: socket.socket) -> None:
        with connection:
            seen.append(connection.recv(65536).decode())

    for settings in stalled(tmp_path, listening):
        with pytest.raises(KeyUnavailable), log_in(tmp_path) as (_, gate):
            part("openbao").open(with_options(settings, namespace="team/a"), gate)
    (asked, *_) = seen
    assert asked.startswith("GET /v1/auth/token/lookup-self HTTP/1.1\r\n")
    assert "X-Vault-Namespace: team/a\r\n" in asked
    assert f"X-Vault-Token: {TOKEN}\r\n" in asked


OPTIONS: dict[str, tuple[dict[str, str], type[StrongroomError]]] = {
    "no key": ({"key": ""}, BadInput),
    "a key with a path": ({"key": "../sys/seal"}, BadInput),
    "a mount with dots": ({"mount": "../sys"}, BadInput),
    "http elsewhere": ({"url": "http://bao.example:8200"}, BadInput),
    "a user in the address": ({"url": "https://u:p@bao.example"}, BadInput),
    "a query": ({"url": "https://bao.example/?x"}, BadInput),
    "no address": ({"url": "bao.example"}, BadInput),
    "a port that is none": ({"url": "https://bao.example:x"}, BadInput),
    "token and role": ({"role_id": "r"}, BadInput),
    "neither": ({"token_file": ""}, BadInput),
    "no authorities": ({"url": "https://127.0.0.1:1", "ca": "/nonexistent.pem"}, Unreadable),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_that_do_not_fit_are_refused(rig: Rig, tmp_path: Path, name: str) -> None:
    """Addresses, names and logins of another form are refused before anything is sent."""
    options, error = OPTIONS[name]
    rig.transit.seen.clear()
    with pytest.raises(error), log_in(tmp_path) as (_, gate):
        part("openbao").open(with_options(rig.settings, **options), gate)
    assert rig.transit.seen == []


# TLS


def certificate(folder: Path, name: str, address: str) -> tuple[str, ssl.SSLContext]:
    """A self-signed certificate as an authority's file, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)  # noqa: TID251 - the library that verifies asks the clock
    built = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(address)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    public, private = folder / f"{name}.pem", folder / f"{name}.key"
    public.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return str(public), context


def test_only_the_server_that_is_meant_gets_the_token(tmp_path: Path) -> None:
    """Over TLS the server of our authority is used; a stranger's, and one of another name, see no request at all."""
    ours, context = certificate(tmp_path, "ours", "localhost")
    _, stranger = certificate(tmp_path, "stranger", "localhost")
    other, misnamed = certificate(tmp_path, "misnamed", "elsewhere.example")
    for tls, ca, good in (
        (context, ours, True),
        (stranger, ours, False),
        (misnamed, other, False),
        (context, "", False),
    ):
        transit = Transit()
        with serving(transit, tls) as url, log_in(tmp_path) as (_, gate):
            address = url.replace("127.0.0.1", "localhost")
            settings = KeySettings({"url": address, "key": "k", "token-file": token_file(tmp_path, TOKEN)})
            settings = with_options(settings, ca=ca)
            if good:
                part("openbao").prepare(settings)  # type: ignore[misc]
                part("openbao").open(settings, gate).close()
                assert transit.seen
                continue
            with pytest.raises(KeyUnavailable, match="the certificate of another"):
                part("openbao").open(settings, gate)
            assert transit.seen == []


# A real server


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Scene, bao_case.Server]]:
    """A real server with a key, and a resource; the token is the administrator's."""
    servers: list[bao_case.Server] = []
    real = bao_case.openbao

    @contextmanager
    def remembered(folder: Path) -> Iterator[bao_case.Server]:
        with real(folder) as server:
            servers.append(server)
            yield server

    monkeypatch.setattr(bao_case, "openbao", remembered)
    with scene(bao_case.REAL, tmp_path, monkeypatch) as made:
        yield made, servers[0]


@pytest.mark.integration
def test_a_real_server_that_is_sealed(kept: tuple[Scene, bao_case.Server]) -> None:
    """A sealed OpenBao is unavailable in those words."""
    made, server = kept
    server.call("PUT", "sys/seal")
    with pytest.raises(KeyUnavailable, match="sealed"):
        made.unwrap()


@pytest.mark.integration
def test_a_real_server_that_is_gone(kept: tuple[Scene, bao_case.Server]) -> None:
    """An OpenBao that was killed is unavailable."""
    made, server = kept
    server.running.kill()
    server.running.wait()
    with pytest.raises(KeyUnavailable):
        made.unwrap()


@pytest.mark.integration
def test_a_real_key_that_was_deleted(kept: tuple[Scene, bao_case.Server]) -> None:
    """After its key was deleted nothing opens, nothing is wrapped, and no new key of that name appears."""
    made, server = kept
    server.call("POST", "transit/keys/strongroom/config", {"deletion_allowed": True})
    server.call("DELETE", "transit/keys/strongroom")
    with pytest.raises(KeyUnavailable, match="no key"):
        made.unwrap()
    with pytest.raises(KeyUnavailable):
        made.keys.wrap(Secret(b"x"), RESOURCE, 2, ())
    with pytest.raises(OSError, match="404"):
        server.call("GET", "transit/keys/strongroom")


@pytest.mark.integration
def test_a_real_key_whose_old_versions_are_withdrawn(kept: tuple[Scene, bao_case.Server]) -> None:
    """What was wrapped under a version that may no longer decrypt is unavailable; what was rewrapped before opens."""
    made, server = kept
    made.rotating.rotate()
    moved = made.rotating.rewrap(made.wrapped)
    server.call("POST", "transit/keys/strongroom/config", {"min_decryption_version": 2})
    with pytest.raises(KeyUnavailable, match=r"\(400\)"):
        made.unwrap()
    assert made.unwrap(moved) == CANARY


@pytest.mark.integration
def test_a_real_token_that_was_revoked(kept: tuple[Scene, bao_case.Server]) -> None:
    """A token that was revoked is refused with 403."""
    made, server = kept
    token = (made.folder / "token").read_text().strip()
    server.call("POST", "auth/token/revoke", {"token": token})
    with pytest.raises(KeyUnavailable, match=r"\(403\)"):
        made.unwrap()


@pytest.mark.integration
def test_a_real_role_logs_in(kept: tuple[Scene, bao_case.Server]) -> None:
    """AppRole of a real server gives a token that unwraps, and gives another when that was revoked."""
    made, server = kept
    server.call("POST", "sys/auth/approle", {"type": "approle"})
    server.call("POST", "auth/approle/role/broker", {"token_policies": ["strongroom"], "token_ttl": "10m"})
    role = server.call("GET", "auth/approle/role/broker/role-id")["data"]
    secret = server.call("POST", "auth/approle/role/broker/secret-id", {})["data"]
    assert isinstance(role, dict)
    assert isinstance(secret, dict)
    path = made.folder / "secret-id"
    path.write_text(str(secret["secret_id"]))
    path.chmod(0o600)
    options = with_options(made.running.settings, token_file="", role_id=str(role["role_id"]), secret_id_file=str(path))
    with log_in(made.folder) as (log, gate):
        keys = part("openbao").open(options, gate)
        assert keys.unwrap(log.decide(decision()), made.wrapped, NOW).reveal() == CANARY
        server.call("POST", "auth/token/revoke", {"token": keys._holder._login._held.token.reveal().decode()})  # type: ignore[attr-defined]
        assert keys.unwrap(log.decide(decision()), made.wrapped, NOW).reveal() == CANARY
        keys.close()
