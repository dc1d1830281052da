"""TLS between workloads: with the peer that was named or with nobody, by version 1.3 and certificates on both sides."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import authority_minting as a
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from strongroom.app.attested_tls import AttestedContext, context, peer_of
from strongroom.model.errors import BadSignature, BadUsage, Malformed
from strongroom.model.release import Issue

RANK, AGGREGATOR = "spiffe://lab.example/rank", "spiffe://lab.example/aggregator"
LAB = a.Authority(a.today())
ENOUGH = 20.0


def pem(who: str, authority: a.Authority = LAB, **fields: object) -> bytes:
    """A key with its certificate, for whoever; `fields` are of what is issued."""
    key = ec.generate_private_key(ec.SECP256R1())
    chain = authority.issue(key, Issue(who, **fields))  # type: ignore[arg-type] # by name
    return a.private(key) + b"".join(c.public_bytes(Encoding.PEM) for c in chain)


def made(who: str, peers: tuple[str, ...], *, server: bool = False, octets: bytes = b"") -> AttestedContext:
    """A context of somebody."""
    return context(octets or pem(who), LAB.root.decode(), peers, server=server)


def shaken(client: ssl.SSLContext, server: ssl.SSLContext) -> tuple[object, object]:
    """What a handshake comes to on each side: an error, or what was heard over it."""
    left, right = socket.socketpair()
    for each in (left, right):
        each.settimeout(ENOUGH)

    def one(raw: socket.socket, tls: ssl.SSLContext, *, is_server: bool) -> object:
        try:
            with tls.wrap_socket(raw, server_side=is_server) as connection:
                connection.sendall(b"x")
                heard = connection.recv(1)
                return (heard, peer_of(connection)) if isinstance(tls, AttestedContext) else heard
        except (ssl.SSLError, OSError, BadSignature) as e:
            raw.close()
            return e

    with ThreadPoolExecutor(2) as pool:
        both = (pool.submit(one, left, client, is_server=False), pool.submit(one, right, server, is_server=True))
        return both[0].result(ENOUGH), both[1].result(ENOUGH)


def test_both_know_each_other() -> None:
    """A rank and an aggregator by one authority talk, and each knows who the other is."""
    found = shaken(made(RANK, (AGGREGATOR,)), made(AGGREGATOR, (RANK,), server=True))
    assert found == ((b"x", AGGREGATOR), (b"x", RANK))


def test_one_above_may_have_signed_the_authority() -> None:
    """A certificate by an authority below the one that is trusted comes with what leads there."""
    below = a.Authority(a.today(), name="below", above=LAB)
    found = shaken(made(RANK, (AGGREGATOR,), octets=pem(RANK, below)), made(AGGREGATOR, (RANK,), server=True))
    assert found == ((b"x", AGGREGATOR), (b"x", RANK))


def test_keys_of_rsa_will_do() -> None:
    """An attested key may be one of RSA."""
    key = rsa.generate_private_key(65537, 2048)
    [leaf] = LAB.issue(key, Issue(RANK))
    octets = key.private_bytes(Encoding.PEM, a.PrivateFormat.PKCS8, a.NoEncryption()) + leaf.public_bytes(Encoding.PEM)
    assert shaken(made(RANK, (AGGREGATOR,), octets=octets), made(AGGREGATOR, (RANK,), server=True))[1] == (b"x", RANK)


def plain(**fields: object) -> ssl.SSLContext:
    """A client as the library makes it, that trusts the authority."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found.check_hostname = False
    found.load_verify_locations(cadata=LAB.root.decode())
    for name, value in fields.items():
        setattr(found, name, value)
    return found


def over() -> bytes:
    """A certificate that ended."""
    before = a.today() - timedelta(hours=3)
    authority = LAB.but(at=before)
    return pem(RANK, authority.but(key=LAB.key), minutes=5.0)


def of_authority() -> bytes:
    """The authority itself, as a peer."""
    held = LAB.but(also=((x509.SubjectAlternativeName([x509.UniformResourceIdentifier(RANK)]), False),))
    return held.private + held.certificate.public_bytes(Encoding.PEM)


STRANGERS: dict[str, Callable[[], ssl.SSLContext]] = {
    "another workload": lambda: made("spiffe://lab.example/other", (AGGREGATOR,)),
    "one whose name goes on": lambda: made(f"{RANK}/2", (AGGREGATOR,)),
    "one of another authority": lambda: made(RANK, (AGGREGATOR,), octets=pem(RANK, a.Authority(a.today()))),
    "one whose certificate ended": lambda: made(RANK, (AGGREGATOR,), octets=over()),
    "one that is for servers alone": lambda: made(RANK, (AGGREGATOR,), octets=pem(RANK, usages=("server",))),
    "the authority": lambda: made(RANK, (AGGREGATOR,), octets=of_authority()),
    "nobody": plain,
    "an older version": lambda: plain(maximum_version=ssl.TLSVersion.TLSv1_2),
}


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
def test_a_server_speaks_with_nobody_else(stranger: Callable[[], ssl.SSLContext]) -> None:
    """Whoever is not one of the named peers of the authority, now, hears nothing."""
    heard, refused = shaken(stranger(), made(AGGREGATOR, (RANK,), server=True))
    assert isinstance(refused, ssl.SSLError | BadSignature | ConnectionError)
    assert heard != b"x"
    assert heard != (b"x", AGGREGATOR)


@pytest.mark.parametrize("who", ["spiffe://lab.example/other", f"{AGGREGATOR}/2"])
def test_a_client_speaks_with_nobody_else(who: str) -> None:
    """A genuine workload of another name is not the one that was meant."""
    refused, _ = shaken(made(RANK, (AGGREGATOR,)), made(who, (RANK,), server=True))
    assert isinstance(refused, BadSignature)
    assert who in str(refused)


def test_a_server_may_know_several() -> None:
    """A server names all that may come."""
    server = made(AGGREGATOR, (RANK, "spiffe://lab.example/auditor"), server=True)
    assert shaken(made("spiffe://lab.example/auditor", (AGGREGATOR,)), server)[0] == (b"x", AGGREGATOR)


def test_a_session_is_not_taken_up_again() -> None:
    """A server gives no ticket, by which somebody could come back after his certificate has ended."""
    left, right = socket.socketpair()
    client, server = made(RANK, (AGGREGATOR,)), made(AGGREGATOR, (RANK,), server=True)
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(server.wrap_socket, right, server_side=True)
        with client.wrap_socket(left) as mine, coming.result(ENOUGH) as other:
            other.sendall(b"x")
            assert mine.recv(1) == b"x"
            assert mine.session is None or not mine.session.has_ticket


@pytest.mark.parametrize(
    "peers", [(), ("lab.example/rank",), ("spiffe://lab.example",)], ids=["none", "no URI", "no path"]
)
def test_peers_are_named(peers: tuple[str, ...]) -> None:
    """Nobody is let in because nobody was named."""
    with pytest.raises((BadUsage, Malformed)):
        made(RANK, peers, server=True)


def test_a_handshake_is_not_left_for_later() -> None:
    """A handshake that the library would do by itself would not be looked at."""
    left, right = socket.socketpair()
    with left, right, pytest.raises(BadUsage):
        made(RANK, (AGGREGATOR,)).wrap_socket(left, do_handshake_on_connect=False)


def test_nothing_is_read_before_the_peer_is_known() -> None:
    """Where somebody moves the octets himself, nothing goes either way before the handshake."""
    held = made(RANK, (AGGREGATOR,)).wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())
    with pytest.raises(BadSignature):
        held.write(b"x")
    with pytest.raises(BadSignature):
        held.read(1)


@pytest.mark.parametrize("peer", [AGGREGATOR, "spiffe://lab.example/other"])
def test_asyncio_speaks_with_the_same(peer: str) -> None:
    """The same contexts under asyncio: the peer that was named, and no other."""

    async def talk() -> bytes:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readexactly(1))
            await writer.drain()
            writer.close()

        tls = made(AGGREGATOR, (RANK,), server=True)
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=made(RANK, (peer,)))
            writer.write(b"x")
            heard = await reader.readexactly(1)
            writer.close()
            return heard
        finally:
            server.close()

    if peer == AGGREGATOR:
        assert asyncio.run(talk()) == b"x"
    else:
        with pytest.raises(BadSignature):
            asyncio.run(talk())
