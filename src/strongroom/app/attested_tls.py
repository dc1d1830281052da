"""TLS between attested workloads: version 1.3, both sides certified, and each peer's SPIFFE ID checked with its handshake.

Authorities say that a peer is of the trust domain; which workload it is, is its SPIFFE ID, and that is what a rank asks of an
aggregator. TLS itself does not compare it, so the sockets made here do, before a byte of the application goes either way.
"""

import contextlib
import os
import socket
import ssl
from collections.abc import Iterable, Iterator

from strongroom.kit import svid
from strongroom.model.errors import BadSignature, BadUsage, Malformed

_PLACE = "/proc/self/fd"


class AttestedContext(ssl.SSLContext):
    """A context whose connections are with one of `peers` or with nobody. `server_context` and `client_context` make it."""

    peers: frozenset[str] = frozenset()

    def wrap_socket(
        self,
        sock: socket.socket,
        server_side: bool = False,  # noqa: FBT002 - as ssl has it
        do_handshake_on_connect: bool = True,  # noqa: FBT002 - as ssl has it
        suppress_ragged_eofs: bool = True,  # noqa: FBT002 - as ssl has it
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        """As ssl has it. Raises BadSignature for another peer, BadUsage for a handshake that would be left for later."""
        if not do_handshake_on_connect:
            raise BadUsage("wrap_socket", "a handshake for later", "do_handshake_on_connect: the peer is checked in it")
        return super().wrap_socket(
            sock,
            server_side=server_side,
            suppress_ragged_eofs=suppress_ragged_eofs,
            server_hostname=server_hostname,
            session=session,
        )


class _Socket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT002 - as ssl has it
        """Shake hands, and see with whom. Raises BadSignature."""
        super().do_handshake(block)
        try:
            _admit(self.context, self.getpeercert(binary_form=True))
        except BadSignature:
            self.close()
            raise


class _Object(ssl.SSLObject):
    """The same for asyncio, which moves the octets itself."""

    _admitted = False

    def do_handshake(self) -> None:
        """Shake hands, and see with whom. Raises BadSignature."""
        super().do_handshake()
        _admit(self.context, self.getpeercert(binary_form=True))
        self._admitted = True

    def read(self, len: int = 1024, buffer: bytearray | None = None) -> bytes:  # type: ignore[override] # noqa: A002 - as ssl has it
        """Read, once the peer is known. Raises BadSignature."""
        self._known()
        return super().read(len, buffer)

    def write(self, data: bytes) -> int:  # type: ignore[override] # ssl takes any buffer
        """Write, once the peer is known. Raises BadSignature."""
        self._known()
        return super().write(data)

    def _known(self) -> None:
        if not self._admitted:
            raise BadSignature("peer", "nobody yet", "a handshake first")


def _admit(context: ssl.SSLContext, certificate: bytes | None) -> None:
    wanted = context.peers if isinstance(context, AttestedContext) else frozenset[str]()
    try:
        found = svid.workload_of(certificate or b"")
    except Malformed as e:
        raise BadSignature("peer", e.found, ", ".join(sorted(wanted))) from None
    if found not in wanted:
        raise BadSignature("peer", found, ", ".join(sorted(wanted)))


def peer_of(connection: ssl.SSLSocket | ssl.SSLObject) -> str:
    """The SPIFFE ID of the other side of a connection. Raises Malformed where it has none."""
    return svid.workload_of(connection.getpeercert(binary_form=True) or b"")


def context(pem: bytes, roots: str, peers: Iterable[str], *, server: bool) -> AttestedContext:
    """A context for a private key with its certificates (`pem`), authorities (`roots`, PEM), and those it may speak with.

    Raises:
        BadUsage: no peer is named.
        Malformed: a peer's name is none, or the certificates are none.
    """
    named = frozenset(svid.spiffe_id(p) for p in peers)
    if not named:
        raise BadUsage("peers", "none", "the SPIFFE ID of each that may be spoken with")
    made = AttestedContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    made.peers = named
    made.sslsocket_class, made.sslobject_class = _Socket, _Object
    made.minimum_version = made.maximum_version = ssl.TLSVersion.TLSv1_3
    made.check_hostname = False  # a workload is known by its SPIFFE ID, wherever it runs
    made.verify_mode = ssl.CERT_REQUIRED
    made.verify_flags |= ssl.VERIFY_X509_STRICT
    if server:
        made.num_tickets = 0  # a session that is taken up again would outlive the appraisal
    try:
        made.load_verify_locations(cadata=roots)
        with _in_memory(pem) as path:
            made.load_cert_chain(path)
    except (ssl.SSLError, ValueError):
        raise Malformed("certificate", "what TLS does not take", "a key, its certificates, and authorities") from None
    return made


@contextlib.contextmanager
def _in_memory(octets: bytes) -> Iterator[str]:
    """A file without a name, for a library that takes paths alone; it is overwritten at the end."""
    made = os.memfd_create("strongroom", os.MFD_CLOEXEC)
    try:
        os.write(made, octets)
        yield f"{_PLACE}/{made}"
    finally:
        os.pwrite(made, bytes(len(octets)), 0)
        os.close(made)
