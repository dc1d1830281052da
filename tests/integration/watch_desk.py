"""The other side of an agent, as small as can be: an HTTP server on loopback that enrols, challenges and judges with the
real judges, and remembers in memory.
"""

import base64
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from strongroom.attest.appraise import appraise
from strongroom.attest.enrolment import Enrolling, appraise_enrolment
from strongroom.attest.policy import Policy, TpmKnown, TpmPolicy
from strongroom.attest.tee.tpm import VERIFIER
from strongroom.attest.verifier import Inputs
from strongroom.kit import tpm, tpm_credential
from strongroom.model.attest import (
    Endorsements,
    Evidence,
    EvidenceKind,
    Reference,
    ReferenceValues,
    StepVerdict,
)

PCRS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14)
NO_LOG = dict.fromkeys(("tpm.event_log", "tpm.secure_boot", "tpm.dbx"), "a simulator measures no firmware")


@dataclass
class Host:
    """What is remembered of a machine."""

    ak_name: str
    grade: str
    counters: TpmKnown | None = None
    registers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    standing: str = "enrolled"


class RefusalError(Exception):
    """An answer other than 200."""


@dataclass
class Desk:
    """All that the server knows; a test looks inside."""

    roots: tuple[str, ...] = ()
    interval: float = 1.0
    hosts: dict[str, Host] = field(default_factory=dict)
    sessions: dict[str, tuple[str, Enrolling]] = field(default_factory=dict)
    nonces: dict[bytes, tuple[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    last: dict[str, object] = field(default_factory=dict)  # the last evidence that came, to be played again
    down: bool = False

    def answer(self, what: str, body: dict[str, object]) -> dict[str, object]:
        """The answer to one request. Raises RefusalError."""
        self.asked.append(what)
        if self.down:
            raise RefusalError(503, "not now")
        made = {"enrol": self._enrol, "activate": self._activate, "challenge": self._challenge}
        return self._evidence(body) if what == "evidence" else made[what]({k: v for k, v in body.items() if v})

    def _enrol(self, body: dict[str, object]) -> dict[str, object]:
        given = Enrolling(
            _octets(body["ek_public"]),
            _octets(body["ak_public"]),
            tuple(_octets(c) for c in list(body.get("ek_certificates", []))),  # type: ignore[call-overload] # JSON
            self.roots,
            now=_now(),
        )
        found = appraise_enrolment(given)
        held = self.hosts.get(str(body["host"]))
        if not found.may_be_asked:
            raise RefusalError(403, ", ".join(found.failed))
        if held is not None and held.ak_name != found.ak_name:
            raise RefusalError(409, "this host has another key")
        secret, session = secrets.token_bytes(32), secrets.token_hex(16)
        self.sessions[session] = (str(body["host"]), replace(given, secret=secret))
        made = tpm_credential.make_credential(
            tpm.public(given.ek_public), bytes.fromhex(found.ak_name), secret, secrets.token_bytes(tpm_credential.SEED)
        )
        return {"session": session, "credential_blob": _text(made.blob), "secret": _text(made.secret)}

    def _activate(self, body: dict[str, object]) -> dict[str, object]:
        host, given = self.sessions.pop(str(body["session"]))
        found = appraise_enrolment(replace(given, answer=_octets(body["credential"])))
        if not found.grade:
            raise RefusalError(403, ", ".join(found.failed))
        self.hosts.setdefault(host, Host(found.ak_name, found.grade))
        return {"host": host, "ak_name": found.ak_name, "grade": found.grade, "admitted": True}

    def _challenge(self, body: dict[str, object]) -> dict[str, object]:
        held = self.hosts.get(str(body["host"]))
        if held is None or held.ak_name != body["ak_name"]:
            raise RefusalError(404, "not enrolled")
        nonce = secrets.token_bytes(32)
        self.nonces[nonce] = (str(body["host"]), held.ak_name)
        return {"nonce": _text(nonce), "bank": "sha256", "pcrs": list(PCRS), "interval": self.interval}

    def _evidence(self, body: dict[str, object]) -> dict[str, object]:
        nonce, host = _octets(body["nonce"]), str(body["host"])
        self.last = body
        if self.nonces.pop(nonce, ("", ""))[0] != host:
            raise RefusalError(403, "not a challenge of this host")
        held = self.hosts[host]
        known = {held.ak_name: held.counters} if held.counters else {}
        told = TpmPolicy(pcrs=PCRS, aks=(held.ak_name,), known=known, unsafe_clock=True, secure_boot=False)
        parts = VERIFIER.read(json.dumps(body["evidence"]).encode())
        given = Evidence(EvidenceKind.TPM, parts, nonce)
        values = tpm.quote(next(p.data for p in parts if p.name == "quote"))
        references = ReferenceValues((Reference(EvidenceKind.TPM, host, held.registers),), "owner")
        policy = Policy(tpm=told, unchecked={**NO_LOG, **({} if held.registers else {"tpm.measurement": "the first"})})
        found = appraise(VERIFIER, Inputs(given, Endorsements(), references, policy, _now()))
        self._note(held, found.opens, values.clock)
        if found.opens and not held.registers:
            measured = found.claims["measurements"]
            assert isinstance(measured, dict)
            held.registers = {n: (str(v),) for n, v in measured.items()}
        failed = [s.id for s in found.steps if s.verdict is StepVerdict.FAIL]
        return {"standing": held.standing, "until": None, "failed": failed}

    def _note(self, held: Host, opens: bool, clock: tpm.Clock) -> None:
        if held.counters and clock.resets != held.counters.resets:
            self.changes.append(f"resets {held.counters.resets} to {clock.resets}")
        held.standing = "trusted" if opens else "lost"
        self.changes.append(held.standing)
        if opens:
            held.counters = TpmKnown(clock.resets, clock.restarts, clock.clock)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - it stands where a server stands, which owns its clock


def _octets(text: object) -> bytes:
    return base64.b64decode(str(text), validate=True)


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _handler(desk: Desk) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, kind = 200, "application/json"
            try:
                told = desk.answer(self.path.removeprefix("/attest/v0/"), body)
            except RefusalError as e:
                status, kind = int(e.args[0]), "application/problem+json"
                told = {"type": "about:blank", "title": "refused", "status": status, "detail": e.args[1]}
            data = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            return

    return Handler


@contextmanager
def serving(desk: Desk) -> Iterator[str]:
    """The URL of the desk while it is open."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(desk))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
