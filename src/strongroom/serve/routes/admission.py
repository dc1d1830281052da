"""Admission of Kubernetes: AdmissionReview of `admission.k8s.io/v1` over TLS, answered by the one judge of isolation.

`/v1/admit` is what the API server asks; `/healthz`, `/readyz` and `/metrics` are for whoever looks after it.
"""

import asyncio
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import click
from litestar import Litestar, Response, get, post
from litestar.handlers import HTTPRouteHandler

from strongroom.app.admission import Admission, Answer
from strongroom.app.admission_open import Asked as Wanted
from strongroom.app.admission_open import denies, opened
from strongroom.app.boundary import guard
from strongroom.app.config import load
from strongroom.kit.tlog.witnessing import Answer as Said
from strongroom.kit.tlog.witnessing import say
from strongroom.model.errors import BadUsage, LogError
from strongroom.serve import listening
from strongroom.serve.answers import Asked, application, body_of, respond
from strongroom.serve.role import Role

MOST = 24 << 20  # octets: an object, the one before it, and what stands around them
CONNECTIONS = 1024
_FLUSH = 5.0  # seconds between two rolls of what was only observed
_JSON = "application/json"


class Figures:
    """What was answered, for a monitor."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.answers: Counter[tuple[str, str]] = Counter()
        self.seconds = 0.0

    def take(self, answer: Answer, seconds: float) -> None:
        """Count an answer."""
        verdict = answer.verdict
        word = "exempt" if verdict.exempt else "allow" if verdict.allowed else "deny"
        self.answers[(word, answer.mode.value)] += 1
        self.seconds += seconds

    def text(self, admission: Admission, left: float | None) -> bytes:
        """In the text format of Prometheus."""
        lines = ["# TYPE strongroom_admission_verdicts_total counter"]
        for (word, mode), count in sorted(self.answers.items()):
            lines.append(f'strongroom_admission_verdicts_total{{verdict="{word}",mode="{mode}"}} {count}')
        lines += [
            "# TYPE strongroom_admission_seconds_total counter",
            f"strongroom_admission_seconds_total {self.seconds:.6f}",
            "# TYPE strongroom_admission_cluster_in_sight gauge",
            f"strongroom_admission_cluster_in_sight {int(not admission.troubles())}",
            "# TYPE strongroom_admission_switched_off gauge",
            f"strongroom_admission_switched_off {int(admission.switched_off())}",
        ]
        if left is not None:
            lines += [
                "# TYPE strongroom_admission_certificate_seconds gauge",
                f"strongroom_admission_certificate_seconds {left:.0f}",
            ]
        return "\n".join((*lines, "")).encode()


def routes(admission: Admission, *, known: bool = False, cert: Path | None = None) -> Litestar:
    """The application. `known`: only who came with a certificate of the listener's authorities is answered.

    `cert` is the certificate that it is served with: an API server believes none that has ended.
    """
    figures = Figures()
    return application([_admit(admission, figures, known=known), *_about(admission, figures, cert)], MOST)


def _admit(admission: Admission, figures: Figures, *, known: bool) -> HTTPRouteHandler:
    @post("/v1/admit", status_code=200)
    async def admit(request: Asked) -> Response[bytes]:
        if known and not _certified(request):
            return respond(request, say(403, "a client certificate is wanted"))
        body = await body_of(request)
        begun = time.perf_counter()
        # A review is judged here, in a fraction of a millisecond; only what waits for the log goes to a thread.
        answer = await asyncio.to_thread(admission.answer, body) if _waits(admission) else admission.answer(body)
        figures.take(answer, time.perf_counter() - begun)
        return respond(request, Said(200, _JSON, answer.body))

    return admit


def _waits(admission: Admission) -> bool:
    return admission.reviewed and denies(admission.rule)


def _certified(request: Asked) -> bool:
    tls = request.scope.get("extensions", {}) or {}
    return bool(tls.get("tls", {}).get("client_cert_chain"))


def _left(admission: Admission, cert: Path | None) -> float | None:
    """Seconds until a certificate ends; None where there is none, or it cannot be read."""
    end = listening.ends(cert) if cert is not None else None
    return (end - admission.clock()).total_seconds() if end is not None else None


def _about(admission: Admission, figures: Figures, cert: Path | None) -> list[HTTPRouteHandler]:
    @get("/healthz")
    async def healthz(request: Asked) -> Response[bytes]:
        return respond(request, Said(200, "text/plain", b"ok\n"))

    @get("/readyz")
    async def readyz(request: Asked) -> Response[bytes]:
        troubles = admission.troubles()
        if troubles:
            return respond(request, say(503, f"{len(troubles)} kinds are out of sight"))
        left = _left(admission, cert)
        if left is not None and left <= 0:
            return respond(request, say(503, "the certificate has ended: no API server believes it"))
        return respond(request, Said(200, "text/plain", b"ready\n"))

    @get("/metrics")
    async def metrics(request: Asked) -> Response[bytes]:
        return respond(request, Said(200, "text/plain; version=0.0.4", figures.text(admission, _left(admission, cert))))

    return [healthz, readyz, metrics]


async def _rolling(admission: Admission) -> None:
    """Put what was observed into the log, again and again, and say when the cluster goes out of sight."""
    before: tuple[str, ...] = ()
    while True:
        await asyncio.sleep(_FLUSH)
        try:
            await asyncio.to_thread(admission.journal.flush, admission.clock())
        except LogError as e:
            sys.stderr.write(f"warning: what was observed is not logged yet: {e}\n")
        troubles = admission.troubles()
        if troubles != before:
            said = (
                f"warning: out of sight: {len(troubles)} kinds; {troubles[0]}\n"
                if troubles
                else "note: the cluster is in sight\n"
            )
            sys.stderr.write(said)
            before = troubles


@dataclass(frozen=True, slots=True)
class Served:
    """Where it listens, and whose client certificates it wants."""

    listen: listening.Listen
    ca: Path | None = None


def serve(admission: Admission, served: Served) -> int:
    """Serve until it is told to stop. A test comes here with a state of its own."""
    if denies(admission.rule) and not admission.reviewed:
        sys.stderr.write(
            "warning: the rule says deny and names no report that was reviewed: callers are warned, and nothing is denied\n"
        )
    door = listening.Door(
        routes(admission, known=served.ca is not None, cert=served.listen.tls[0] if served.listen.tls else None),
        served.listen,
        ca=served.ca,
    )
    return listening.serve_all((door,), CONNECTIONS, (lambda: _rolling(admission),))


@click.command("admission", short_help="Answer a cluster's API server: who may share which GPU.")
@listening.options
@click.option("--rule", "rule_", metavar="FILE", help="The rule, TOML or YAML [default: the built-in one, observing].")
@click.option("--kubeconfig", metavar="FILE", help="The cluster [default: the one that this pod runs in].")
@click.option("--context", default="", metavar="NAME", help="The context of the kubeconfig.")
@click.option("--watch-secrets", is_flag=True, help="See the names of variables that come from secrets.")
@click.option("--client-ca", metavar="FILE", type=click.Path(path_type=Path), help="Answer none but their clients.")
@click.option("--off-switch", metavar="FILE", help="While this file is there nothing is denied; that is logged.")
@click.option("--log", "log_", metavar="PATH|URL", help="The log [default: [log] path].")
@click.option("--offline", is_flag=True, help="Ask no witness of the log.")
@click.option("--config", metavar="FILE", help="The configuration file, with [log].")
def command(
    listen: str, tls_cert: Path | None, tls_key: Path | None, insecure_listen: bool, rule_: str | None,
    kubeconfig: str | None, context: str, watch_secrets: bool, client_ca: Path | None, off_switch: str | None,
    log_: str | None, offline: bool, config: str | None, debug: bool,
) -> None:  # fmt: skip
    """Judge what the API server asks, by the rule and by what is known of the cluster. `isolate render webhook` makes the
    objects that have it ask.

    Until the rule says otherwise it observes: nothing is denied, and what would have been is in the log, for
    `isolate report`. A certificate that is renewed in its file is taken up while it runs.
    """

    def work() -> int:
        where = listening.listen_at(listen, tls_cert, tls_key, insecure=insecure_listen)
        if client_ca is not None and where.tls is None:
            raise BadUsage("--client-ca", "no TLS", "--tls-cert and --tls-key")
        asked = Wanted(rule_, kubeconfig, context, watch_secrets, off_switch, log_, offline)
        with opened(load(config), asked) as found:
            return serve(found, Served(where, client_ca))

    sys.exit(guard(work, debug=debug))


ROUTES = Role("admission", "Admission of Kubernetes, by the rule of GPU isolation", command)
