"""The broker: the Key Broker Service protocol over HTTP. A caller learns little; the operator and the log learn why.

`/kbs/v0/auth`, `/kbs/v0/attest` and `/kbs/v0/resource/REPOSITORY/TYPE/TAG` are the protocol's (Confidential Containers,
kbs_attestation_protocol.md), with problems of RFC 7807. The key that signs tokens is at `/.well-known/jwks.json`, and
evidence of the broker itself at `/strongroom/v0/evidence`. People who administer have a listener of their own.
"""

import asyncio
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from strongroom.app.boundary import guard
from strongroom.app.broker import Broker
from strongroom.app.broker_channel import JSON, TEXT, Channel, Note
from strongroom.app.broker_health import troubles
from strongroom.app.broker_open import Opened, opened
from strongroom.app.broker_presence import Presence
from strongroom.app.broker_self import ATTESTED
from strongroom.app.config import Config, load
from strongroom.model.errors import BadUsage, Malformed, StateError, Unreadable
from strongroom.serve import broker_http, listening
from strongroom.serve.broker_desk import Desk
from strongroom.serve.role import Role

CONNECTIONS = 2048
_FORGET = 60.0  # seconds between two looks at what has ended
_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Served:
    """Where a broker listens, and how its operator reads it. `admin` is of people, `figures` of a monitor, or neither.

    `seconds` is after how long a request is answered, whatever becomes of it; only a test has another.
    """

    public: listening.Listen
    admin: listening.Listen | None = None
    admin_ca: Path | None = None
    figures: listening.Listen | None = None
    channel: Channel = field(default_factory=Channel)
    seconds: float | None = None


def serve(found: Opened, served: Served) -> int:
    """Serve an open broker until it is told to stop. A test comes here with a broker of its own roots."""
    rate = found.config.broker.address_rate
    desk = Desk(
        found.broker, rate=rate, seconds=served.seconds, channel=served.channel, shown=found.shown, twin=found.twin
    )
    try:
        doors = [listening.Door(broker_http.routes(desk), served.public)]
        if served.figures is not None:
            doors.append(listening.Door(broker_http.figures(desk), served.figures, "figures on"))
        if served.admin is not None:
            doors.append(_administration(desk, found, served.admin, served.admin_ca))
        _greet(found, served.channel)
        setup = found.broker.setup
        there = Presence(setup.store, served.channel.redacted, found.twin, setup.clock())
        there.begin()
        try:
            return listening.serve_all(doors, CONNECTIONS, (lambda: _forgetting(found.broker, served.channel, there),))
        finally:
            there.end()
    finally:
        desk.close()


def _administration(desk: Desk, found: Opened, listen: listening.Listen, ca: Path | None) -> listening.Door:
    """The listener of people. Raises BadUsage where nobody may administer."""
    # A broker that nobody administers over HTTP loads nothing of it.
    from strongroom.app.broker_people import Doorkeeper  # noqa: PLC0415 - as said
    from strongroom.serve import broker_admin_http  # noqa: PLC0415 - same

    keeper = Doorkeeper(found.config.broker)
    if not keeper.anybody:
        wanted = "somebody who may administer"
        raise BadUsage("--admin-listen", "nobody in [broker] admins and no [broker.oidc]", wanted)
    return listening.Door(broker_admin_http.routes(desk, found, keeper), listen, "administration on", ca)


def _greet(found: Opened, channel: Channel) -> None:
    now = found.broker.setup.clock()
    for trouble in troubles(found.broker):
        channel.note(Note.NOT_READY, trouble, now, warning=True)
    if found.twin:
        channel.note(
            Note.TWIN, "a debug twin: it tells callers why it refuses, and its tokens say debug", now, warning=True
        )
    elif found.trust == ATTESTED:
        channel.note(Note.ATTESTED, "it attests itself at /strongroom/v0/evidence; its tokens say attested", now)
    else:
        channel.note(
            Note.OPERATOR_TRUSTED, "nobody but its operator vouches for it; its tokens say operator-trusted", now
        )


async def _forgetting(broker: Broker, channel: Channel, there: Presence) -> None:
    while True:
        await asyncio.sleep(_FORGET)
        try:
            await asyncio.to_thread(broker.setup.store.forget, broker.setup.clock() - _KEPT)
            await asyncio.to_thread(there.beat, broker.setup.clock())
        except StateError as e:
            channel.note(Note.NOT_FORGOTTEN, f"what has ended stays: {e}", broker.setup.clock(), warning=True)


def certificate_of(listen: listening.Listen) -> bytes:
    """The certificate that a listener shows (DER); nothing without TLS. Raises Unreadable, Malformed."""
    if listen.tls is None:
        return b""
    path = listen.tls[0]
    try:
        held = x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "the certificates, as PEM") from None
    except (ValueError, x509.InvalidVersion):
        raise Malformed(str(path), "no certificate in PEM", "that of the listener, first") from None
    return held[0].public_bytes(Encoding.DER)


@dataclass(frozen=True, slots=True)
class Words:
    """What was said on the command line."""

    listen: str
    tls_cert: Path | None
    tls_key: Path | None
    insecure_listen: bool
    admin_listen: str | None
    admin_ca: Path | None
    metrics_listen: str | None
    log_format: str
    redact_log: bool

    def served(self, config: Config) -> Served:
        """As listeners. Raises BadUsage, Unreadable."""

        def at(text: str) -> listening.Listen:
            return listening.listen_at(text, self.tls_cert, self.tls_key, insecure=self.insecure_listen)

        if self.admin_ca is not None and not self.admin_ca.is_file():
            raise Unreadable(str(self.admin_ca), "no such file", "certificates of authorities, as PEM")
        if self.admin_listen and config.broker.admins and not (self.admin_ca and self.tls_cert):
            raise BadUsage("[broker] admins", "no --admin-ca, or no TLS", "both: they come with client certificates")
        return Served(
            public=at(self.listen),
            admin=at(self.admin_listen) if self.admin_listen else None,
            admin_ca=self.admin_ca,
            figures=at(self.metrics_listen) if self.metrics_listen else None,
            channel=Channel(self.log_format, self.redact_log or config.broker.redact_log),
        )


@click.command("broker", short_help="Release keys to what was attested.")
@listening.options
@click.option("--admin-listen", metavar="HOST:PORT", help="Where people administer; over the same TLS certificate.")
@click.option(
    "--admin-ca", metavar="FILE", type=click.Path(path_type=Path), help="Authorities of their certificates, as PEM."
)
@click.option("--metrics-listen", metavar="HOST:PORT", help="Where figures are, for whoever can reach it.")
@click.option("--log-format", type=click.Choice((TEXT, JSON)), default=TEXT, help="How refusals are told.")
@click.option("--redact-log", is_flag=True, help="Tell no more than [broker] redact_log does, whatever it says.")
@click.option("--debug-twin", is_flag=True, help="Tell callers why; only with a policy and resources made for it.")
@click.option("--offline", is_flag=True, help="Fetch no endorsements, and ask no witness of the log.")
@click.option("--config", metavar="FILE", help="The configuration file, with [broker], [attest] and [log].")
def command(debug_twin: bool, offline: bool, config: str | None, debug: bool, **words: object) -> None:
    """Release keys to attested workloads, on the terms of a signed policy, and never unlogged.

    What evidence is judged by is in [attest] of the configuration, the release policy and the key back ends are in
    [broker]. Without a policy that its signers have signed, every resource is denied.
    """

    def work() -> int:
        settings = load(config)
        served = Words(**words).served(settings)  # type: ignore[arg-type] # the options above, by name
        shown = certificate_of(served.public)
        with opened(settings, offline=offline, certificate=shown, debug=debug_twin) as found:
            return serve(found, served)

    sys.exit(guard(work, debug=debug))


ROUTES = Role("broker", "A broker of keys for attested workloads", command)
