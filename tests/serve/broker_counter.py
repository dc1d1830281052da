"""An open broker in this process, between its two applications; whoever administers comes with a certificate or a token."""

import contextlib
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import broker_process
import broker_rig as b
import composite_minting as c
import minted_x509 as x
from broker_house import House
from cryptography.hazmat.primitives.asymmetric import ec
from litestar import Litestar
from litestar.testing import TestClient
from litestar.types import Receive, Scope, Send

from strongroom.app import log_entries
from strongroom.app.broker_open import Opened, opened
from strongroom.app.broker_people import Doorkeeper
from strongroom.app.config import load
from strongroom.kit import jws
from strongroom.model.log import LogEntry
from strongroom.serve import broker_admin_http, broker_http
from strongroom.serve.broker_desk import Desk

V0 = "/strongroom/v0/"
ISSUER, AUDIENCE = "https://id.test", "strongroom-broker"
PROVIDER = ec.derive_private_key(909, ec.SECP256R1())
KEYS = json.dumps({"keys": [{**c.jwk(PROVIDER), "alg": "ES256", "kid": "p1", "use": "sig"}]}).encode()
PEOPLE: dict[str, tuple[str, ...]] = {
    "kim": ("key-admin",),
    "pat": ("policy-admin",),
    "oli": ("operator",),
    "ada": ("auditor",),
}


def oidc(folder: str) -> str:
    """The configuration of an identity provider, whose keys are a file."""
    return (
        f'[broker.oidc]\nissuer = "{ISSUER}"\naudience = "{AUDIENCE}"\nkeys = "{folder}/provider.json"\nclaim = "groups"\n'
        '[broker.oidc.roles]\n"vault-keys" = ["key-admin"]\n"vault-all" = ["operator", "auditor"]\n'
        '"vault-terms" = ["policy-admin"]\n'
    )


def token(now: datetime, key: ec.EllipticCurvePrivateKey = PROVIDER, header: object = None, **claims: object) -> str:
    """A token of the provider; `claims` are what is other than it should be, and None leaves one out."""
    at = int(now.timestamp())
    said: dict[str, object] = {"iss": ISSUER, "aud": AUDIENCE, "sub": "kim", "iat": at, "exp": at + 600}
    said |= {"groups": ["vault-keys"], **claims}
    named = {"typ": "JWT", "kid": "p1"} | cast("dict[str, object]", header or {})
    return jws.sign(json.dumps({k: v for k, v in said.items() if v is not None}).encode(), named, key)


@dataclass
class Counter:
    """The applications of one broker, and its clock."""

    house: House
    found: Opened
    desk: Desk
    public: "TestClient[Litestar]"
    admin: "TestClient[Litestar]"
    shown: dict[str, str]
    now: datetime = x.NOW

    def as_person(self, name: str) -> "TestClient[Litestar]":
        """Somebody who administers, with a certificate that TLS has verified; nobody has none."""
        self.shown["pem"] = (self.house.folder / f"{name}.pem").read_text() if name else ""
        return self.admin

    def token(self, **changes: object) -> dict[str, str]:
        """The header of somebody with a token."""
        return {"Authorization": f"Bearer {token(self.now, **changes)}"}  # type: ignore[arg-type] # claims by name

    def attested(self) -> str:
        """The token of a sound handshake; the public client has the cookie."""
        nonce = b.nonce_of(self.public.post("/kbs/v0/auth", content=b.opening()).content)
        got = self.public.post("/kbs/v0/attest", content=b.answer(nonce))
        assert got.status_code == 200, got.text
        return str(got.json()["token"])

    def weights(self) -> int:
        """The status of asking for the weights."""
        return self.public.get(f"/kbs/v0/resource/{b.WEIGHTS}").status_code

    def entries(self) -> list[LogEntry]:
        """What the log says."""
        self.found.log.publish()
        return [got.entry for got in log_entries.entries(self.found.place) if got.entry is not None]

    def later(self, **delta: float) -> None:
        """Let time pass."""
        self.now += timedelta(**delta)


class _Certified:
    """What a listener says of the client's certificate, said to an application."""

    def __init__(self, app: Litestar, shown: dict[str, str]) -> None:
        self._app, self._shown = app, shown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        pem = self._shown.get("pem", "")
        chain = [ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERT") :]))] if pem else []
        extended = {**scope, "extensions": {"tls": {"client_cert_chain": chain}}}
        await self._app(cast("Scope", extended), receive, send)


@contextlib.contextmanager
def counter(
    house: House, *, twin: bool = False, rate: float = 100_000.0, seconds: float | None = None
) -> Iterator[Counter]:
    """The broker of a folder, open."""
    (house.folder / "provider.json").write_bytes(KEYS)
    held: list[Counter] = []

    def clock() -> datetime:
        return held[0].now if held else x.NOW

    with opened(load(str(house.config)), clock=clock, offline=True, debug=twin) as it:
        found = broker_process.judged(it, 0)
        desk = Desk(found.broker, rate=rate, seconds=seconds, twin=twin)
        shown: dict[str, str] = {}
        keeper = Doorkeeper(found.config.broker)
        app = _Certified(broker_admin_http.routes(desk, found, keeper), shown)
        with TestClient(broker_http.routes(desk)) as public, TestClient(cast("Litestar", app)) as admin:
            held.append(Counter(house, found, desk, public, admin, shown))
            yield held[0]
        desk.close()
