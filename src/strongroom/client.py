"""Get keys on an attested machine, from Python.

    from strongroom.client import Broker

    with Broker("https://broker.example", ca="ca.pem") as broker:
        with broker.get("models/weights/llm-1") as secret:
            start(secret.view)

`Broker` attests this machine when the first secret is asked for, with a key that lives in memory only, and again when
that attestation ends. A `Secret` is wiped at the end of its `with`.

Workloads that trust each other by attestation alone talk over TLS, and hand outputs to those only whom the owners named:

    me = broker.certificate("lab/ca/rank", trust="lab-ca.pem")
    with me.client_context("spiffe://lab.example/aggregator").wrap_socket(connection) as tls:
        tls.sendall(gradient)
    sealed = broker.seal_output("lab/data/round", b"the mean of all ranks")

What goes wrong is one of the errors named here; all
are of `StrongroomError`. This module, its names and their arguments are kept from release to release.
"""

from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from strongroom.app import release_certificate, release_output
from strongroom.app.attested_tls import AttestedContext, peer_of
from strongroom.app.release_certificate import Certificate
from strongroom.app.release_client import Client, To
from strongroom.app.release_evidence import Machine
from strongroom.app.release_get import Asking, client
from strongroom.app.release_secret import Secret
from strongroom.app.release_words import OutOfReach, TurnedAway
from strongroom.model.errors import StrongroomError

__all__ = [
    "AttestedContext",
    "Broker",
    "Certificate",
    "OutOfReach",
    "Secret",
    "StrongroomError",
    "TurnedAway",
    "peer_of",
]


def _clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a door is where time enters


def _quiet(_: str) -> None:
    return


class Broker:
    """One broker, for this machine. It is not shared between threads.

    Args:
        url: Where it is; https, or http on this machine.
        ca: A file of authorities of its certificate, in PEM; the system's without it.
        broker_evidence_policy: An appraisal policy that the broker's own evidence must meet first. References come from
            the configuration `config`. Without it, the broker's operator is trusted.
        algorithm: `ECDH-ES+A256KW`, `RSA-OAEP-256` or `ML-KEM-768+A192KW`.
        interface: `configfs-tsm`, `sev-guest`, `nsm`, `tpm` or `azure-vtpm`; the first that is there without it.
        state: Where the attestation key of a TPM is kept.
        gpus: `auto`, `yes` or `no`: whether NVIDIA GPUs answer too.
        init_data: A file: the init-data that this workload was started with.
        timeout: Seconds for one request.
        config: The configuration file, for `broker_evidence_policy`.
    """

    def __init__(
        self,
        url: str,
        *,
        ca: str | None = None,
        broker_evidence_policy: str | None = None,
        algorithm: str = "ECDH-ES+A256KW",
        interface: str | None = None,
        state: str | None = None,
        gpus: str = "auto",
        init_data: str | None = None,
        timeout: float = 30.0,
        config: str | None = None,
    ) -> None:
        machine = Machine(interface=interface, state=state, gpus=gpus)
        self._asking = Asking(To(url, ca, algorithm, timeout), machine, broker_evidence_policy, config, init_data)
        self._opening = client(self._asking, _clock, _quiet)
        self._client: Client | None = None

    def __enter__(self) -> Self:
        """Verify the broker, where a policy for that is given. Raises StrongroomError."""
        self._client = self._opening.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let go of the key and of the connection."""
        self._client = None
        self._opening.__exit__(kind, error, at)

    def get(self, name: str) -> Secret:
        """The secret `REPOSITORY/TYPE/TAG`. Wipe it, or use it in a `with`.

        Raises:
            TurnedAway: the broker refused; its `kind` is the broker's word.
            OutOfReach: it did not answer, or cannot work now; later it may.
            StrongroomError: this machine cannot give evidence, or the answer is none.
        """
        return self._open().get(name)

    def certificate(self, name: str, *, trust: str) -> Certificate:
        """A certificate for the attested key, by the authority that the resource `name` is.

        Args:
            name: `REPOSITORY/TYPE/TAG`; its rule says which SPIFFE ID a workload gets, and how long it lasts.
            trust: A file of authorities, in PEM: whom this certificate, and those of all peers, must come from.

        Its `server_context(peers)` and `client_context(peer)` are of TLS 1.3; a connection with anybody else is refused in
        its handshake (BadSignature). A connection that stands is not ended when the certificate ends.

        Raises:
            TurnedAway, OutOfReach: as `get`.
            StrongroomError: the certificate is not this key's, or not by an authority that is trusted.
        """
        return release_certificate.certificate(self._open(), name, release_certificate.roots(trust), _clock)

    def seal_output(self, name: str, data: bytes) -> bytes:
        """The data, sealed to the recipients that the owners of `name` have named, and to nobody else.

        Its digest is in the broker's log under each owner before this returns: JSON Web Encryption that
        `strongroom release open-output` opens. At most 64 MiB, all in memory; cut what is larger.

        Raises:
            TurnedAway: the broker refused, because no recipient is named too.
            OutOfReach, StrongroomError: as `get`.
        """
        return release_output.seal(self._open(), name, data, _clock)

    def _open(self) -> Client:
        if self._client is None:
            raise RuntimeError("a Broker is used in a `with`")
        return self._client

    @property
    def operator_trusted(self) -> bool:
        """Whether nobody attested this broker, neither we nor the hardware that it runs on. Known once one secret came."""
        client = self._open()
        return client.vouched is None and client.trust != "attested"
