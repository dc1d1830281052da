"""Who we are to OpenBao: a token from a file, a descriptor or a credential, or one that AppRole gives.

A token is renewed when two thirds of its time are over; where that is refused, or a request is, a new one is had (the file
is read again, AppRole is asked again) and the request is made once more.
"""

import threading
import time
from typing import NamedTuple

import msgspec

from strongroom.keys import _inputs
from strongroom.keys._https import Client, Reply
from strongroom.model.errors import BadInput, KeyUnavailable
from strongroom.model.release import KeySettings, Secret

_TOKEN = "token"  # noqa: S105 - the name of an option
_SECRET_ID = "secret-id"  # noqa: S105 - the name of an option


class _Auth(msgspec.Struct, frozen=True):
    """What a login or a renewal gives. It is never printed."""

    client_token: str
    lease_duration: int
    renewable: bool

    def __repr__(self) -> str:
        return "_Auth(…)"


class _Lookup(msgspec.Struct, frozen=True):
    ttl: int
    renewable: bool = False


class _Held(NamedTuple):
    """A token, and when (monotonic) it is renewed; never for one without an end."""

    token: Secret
    renew_at: float
    renewable: bool


class Login:
    """A client with a token. Threads share it."""

    def __init__(self, client: Client, settings: KeySettings) -> None:
        """Raises BadInput, Unreadable."""
        self._client = client
        self._settings = settings
        self._namespace = settings.options.get("namespace", "")
        self._role = settings.options.get("role-id", "")
        if bool(self._role) == _inputs.given(settings, _TOKEN):
            raise BadInput("login to OpenBao", "both or neither", "a token, or a role-id with its secret-id")
        # A descriptor can be read once; a file or a credential is read again each time.
        what = _SECRET_ID if self._role else _TOKEN
        self._once = _inputs.secret(settings, what) if settings.options.get(f"{what}-fd") else None
        self._held: _Held | None = None
        self._lock = threading.Lock()

    def ask(self, method: str, path: str, body: object) -> Reply:
        """An answer, whatever its status but 403: then once more with a new token. Raises KeyUnavailable."""
        held = self._current()
        reply = self._send(method, path, body, held.token)
        if reply.status != 403:
            return reply
        with self._lock:
            if self._held is held:
                self._held = None
        again = self._current()
        return self._send(method, path, body, again.token)

    def _send(self, method: str, path: str, body: object, token: Secret | None) -> Reply:
        headers = {"X-Vault-Request": "true"}
        if self._namespace:
            headers["X-Vault-Namespace"] = self._namespace
        if token is not None:
            headers["X-Vault-Token"] = token.reveal().decode("latin-1")
        return self._client.ask(method, f"v1/{path}", body, headers)

    def _current(self) -> _Held:
        if not self._lock.acquire(timeout=self._client.left()):
            raise self._client.late()
        try:
            self._held = held = self._fresh(self._held)
        except BadInput as e:
            raise KeyUnavailable(e.subject, e.found, e.wanted, e.hint) from None
        finally:
            self._lock.release()
        return held

    def _fresh(self, held: _Held | None) -> _Held:
        if held is None:
            return self._approle() if self._role else self._given()
        return self._renewed(held) if time.monotonic() >= held.renew_at else held

    def _given(self) -> _Held:
        token = self._secret(_TOKEN)
        if not token.reveal().isascii() or any(c < 33 for c in token.reveal()):
            raise BadInput("token of OpenBao", "octets that no token has", "one line")
        reply = self._send("GET", "auth/token/lookup-self", None, token)
        try:
            found = msgspec.convert(_inner(reply, "data"), _Lookup) if reply.status == 200 else None
        except msgspec.MsgspecError:
            found = None
        if reply.status not in {200, 403}:
            raise self.refused(reply)
        # A token that may not look at itself is used as it is; what it may not do is refused where it is asked for.
        return _held(token, found.ttl, renewable=found.renewable) if found else _Held(token, float("inf"), False)

    def _approle(self) -> _Held:
        mount = self._settings.options.get("approle-mount", "") or "approle"
        sent = {"role_id": self._role, "secret_id": self._secret(_SECRET_ID).reveal().decode("utf-8", "replace")}
        return self._auth(self._send("POST", f"auth/{mount}/login", sent, None))

    def _renewed(self, held: _Held) -> _Held:
        if held.renewable:
            reply = self._send("POST", "auth/token/renew-self", {}, held.token)
            if reply.status == 200:
                return self._auth(reply)
        return self._approle() if self._role else self._given()

    def _auth(self, reply: Reply) -> _Held:
        if reply.status != 200:
            raise self.refused(reply)
        try:
            auth = msgspec.convert(_inner(reply, "auth"), _Auth)
        except msgspec.MsgspecError:
            raise KeyUnavailable(self._client.subject, "an answer of another form", "a token") from None
        return _held(Secret(auth.client_token.encode()), auth.lease_duration, renewable=auth.renewable)

    def _secret(self, what: str) -> Secret:
        return self._once if self._once is not None else _inputs.secret(self._settings, what)

    def refused(self, reply: Reply) -> KeyUnavailable:
        """Why an answer is none, in words that hold nothing of it."""
        words = {
            400: ("a request that it does not take", "see the server's audit log"),
            403: ("permission denied", "has the token ended, and may its policy do this?"),
            404: ("nothing there", "is the engine mounted there?"),
            429: ("too many requests", "raise its rate limit quota, or ask less"),
            473: ("a standby that does not answer", "name the active node"),
            503: ("a server that is sealed or in maintenance", "unseal it"),
        }
        found, hint = words.get(reply.status, (f"status {reply.status}", "see the server's log"))
        return KeyUnavailable(self._client.subject, f"{found} ({reply.status})", "an answer", hint)

    def close(self) -> None:
        """Forget the token."""
        with self._lock:
            for secret in (self._once, self._held.token if self._held else None):
                if secret is not None:
                    secret.wipe()
            self._held = None


def _held(token: Secret, seconds: int, *, renewable: bool) -> _Held:
    return _Held(token, time.monotonic() + seconds * 2 / 3 if seconds else float("inf"), renewable)


def _inner(reply: Reply, name: str) -> object:
    return reply.body.get(name) if isinstance(reply.body, dict) else None
