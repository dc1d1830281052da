"""What an agent and the verifier's server say to each other: four requests over https, strict JSON, bounded.

The server is believed about who may wait how long and what to quote; it is not given anything but public keys, quotes and
logs, and what it gives is only ever handed to the TPM, which opens a credential for this machine's own key or for none.
"""

import base64
import binascii
import ssl
from typing import TypeVar

import msgspec

from strongroom.ledger.asking import Caller, Line, Response
from strongroom.model.errors import BadInput, Unreadable

_MOST = 1 << 16  # octets of an answer
_TIMEOUT = 30.0  # seconds for one request: evidence has megabytes of logs
_LEAST_NONCE, _MOST_NONCE = 16, 64
_T = TypeVar("_T")


class Problem(msgspec.Struct, frozen=True):
    """RFC 7807, as far as it is told."""

    title: str = ""
    detail: str = ""


class RefusedError(Exception):
    """The server answered, and said no; `status` is HTTP's, `after` the seconds it wants to be left alone, if any."""

    def __init__(self, status: int, why: str, after: float | None = None) -> None:
        super().__init__(f"the server refused ({status}): {why}")
        self.status = status
        self.after = after


class _Enrolled(msgspec.Struct, frozen=True):
    session: str
    credential_blob: str
    secret: str


class Activated(msgspec.Struct, frozen=True):
    """The server knows the key now; `grade` says how well, and `admitted` whether the owner lets it in."""

    host: str
    ak_name: str
    grade: str
    admitted: bool


class _Challenged(msgspec.Struct, frozen=True):
    nonce: str
    bank: str
    pcrs: tuple[int, ...]
    interval: float


class Challenge(msgspec.Struct, frozen=True):
    """What to quote, and how many seconds one answer is good for."""

    nonce: bytes
    bank: str
    pcrs: tuple[int, ...]
    interval: float


class Standing(msgspec.Struct, frozen=True):
    """What the server thinks of the machine now."""

    standing: str
    until: str | None = None
    failed: tuple[str, ...] = ()


class Credential(msgspec.Struct, frozen=True):
    """A secret that the TPM is to open, and the session that it belongs to."""

    session: str
    blob: bytes
    secret: bytes


def context(ca: str | None) -> ssl.SSLContext:
    """TLS with certificate and name always checked: by the system's authorities, or by those of a file.

    Raises Unreadable for a file that holds none.
    """
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as e:
        why = (e.strerror or "no certificates").lower()
        raise Unreadable(str(ca), why, "certificates of authorities in PEM") from None


class Server:
    """The verifier's server below a URL."""

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        """Raises BadInput for a URL that may not be used: http goes to this machine only."""
        self._caller = Caller(url, Line(_TIMEOUT, tls=tls))

    def enrol(self, host: str, ek: bytes, certificates: tuple[bytes, ...], ak: bytes) -> Credential:
        """Show both keys. Raises NoAnswerError, RefusedError; BadInput for an answer that is none."""
        body = {
            "schema": "strongroom.enrol/1",
            "host": host,
            "ek_public": _text(ek),
            "ek_certificates": [_text(c) for c in certificates],
            "ak_public": _text(ak),
        }
        found = self._post("enrol", msgspec.json.encode(body), _Enrolled)
        return Credential(found.session, _octets(found.credential_blob), _octets(found.secret))

    def activate(self, session: str, opened: bytes) -> Activated:
        """Show what the credential held. Raises as `enrol`."""
        return self._post("activate", msgspec.json.encode({"session": session, "credential": _text(opened)}), Activated)

    def challenge(self, host: str, ak_name: str) -> Challenge:
        """Ask what to quote. Raises as `enrol`."""
        found = self._post("challenge", msgspec.json.encode({"host": host, "ak_name": ak_name}), _Challenged)
        nonce = _octets(found.nonce)
        if not _LEAST_NONCE <= len(nonce) <= _MOST_NONCE or not 1 <= found.interval <= 86_400:
            what = f"a nonce of {len(nonce)} octets for {found.interval:g} seconds"
            raise BadInput("challenge", what, f"{_LEAST_NONCE} to {_MOST_NONCE}, for a second to a day")
        return Challenge(nonce, found.bank, found.pcrs, found.interval)

    def evidence(self, host: str, nonce: bytes, document: bytes) -> Standing:
        """Answer the challenge. Raises as `enrol`."""
        body = {"host": host, "nonce": _text(nonce), "evidence": msgspec.Raw(document)}
        return self._post("evidence", msgspec.json.encode(body), Standing)

    def _post(self, what: str, body: bytes, wanted: type[_T]) -> _T:
        answer = self._caller.ask(f"attest/v0/{what}", _MOST, body, {"Content-Type": "application/json"})
        if answer.status != 200:
            raise _refusal(answer)
        try:
            return msgspec.json.decode(answer.body, type=wanted)
        except msgspec.MsgspecError as e:
            raise BadInput(f"answer to {what}", str(e), "an answer of the verifier's server") from None

    def close(self) -> None:
        """Let go of the connection."""
        self._caller.close()


def _refusal(answer: Response) -> RefusedError:
    try:
        told = msgspec.json.decode(answer.body, type=Problem)
    except msgspec.MsgspecError:
        told = Problem()
    said = told.detail or told.title or "no reason given"
    stated = answer.headers.get("retry-after", "").strip()
    after = float(stated) if stated.isascii() and stated.isdecimal() and len(stated) < 6 else None
    return RefusedError(answer.status, "".join(c if c.isprintable() else " " for c in said)[:300], after)


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadInput("answer of the server", "no base64", "base64") from None
