"""Certificates, recipients and outputs over HTTP: what is answered, what a caller may learn, what is logged."""

import json
from collections.abc import Iterator
from pathlib import Path

import authority_minting as a
import broker_rig as b
import composite_minting as c
import msgspec
import pytest
from cryptography import x509
from litestar import Litestar
from litestar.testing import TestClient

from strongroom.app import log_entries
from strongroom.app.broker_certificate import MOST
from strongroom.kit import jose, kbs, outputs
from strongroom.kit.jwk import public_members
from strongroom.model.codes import EntryKind
from strongroom.model.release import Demand, Issue, Receiver, Rule, Secret
from strongroom.serve.broker_certificates import certificates
from strongroom.serve.broker_desk import Desk

CA, RANK = "lab/ca/rank", "spiffe://lab.example/rank"
CERTIFICATE, RECIPIENTS = f"/strongroom/v0/certificate/{CA}", f"/strongroom/v0/recipients/{CA}"
OUTPUT = f"/strongroom/v0/output/{CA}"
Client = TestClient[Litestar]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[b.Rig]:
    """A broker that gives certificates, and knows who gets outputs."""
    made = b.Rig(tmp_path)
    rule = Rule(CA, {"lab": Demand(references=("worker 1.4",))}, recipients=("lab",), issue=Issue(RANK))
    to = (Receiver("lab", public_members(c.OTHER.public_key())),)
    assert made.policy is not None
    made.policy = msgspec.structs.replace(made.policy, rules=(rule,), recipients=to)
    made.store.deposit(made.keys.wrap(Secret(a.Authority(made.now).pem), CA, 1, (b.OWNER,), "certificate"), made.now)
    yield made
    made.log.close()
    made.store.close()


@pytest.fixture
def client(rig: b.Rig) -> Iterator[Client]:
    """Somebody who speaks to it."""
    desk = Desk(rig.broker)
    with TestClient(Litestar(certificates(desk), exception_handlers=desk.errors(), openapi_config=None)) as made:
        yield made
    desk.close()


def cookie(rig: b.Rig) -> dict[str, str]:
    """The headers of a session."""
    return {"Cookie": f"{kbs.COOKIE}={b.attested(rig)[0]}"}


def kinds(rig: b.Rig) -> list[EntryKind]:
    """What the log holds."""
    rig.log.publish()
    return [got.entry.kind for got in log_entries.entries(rig.place) if got.entry is not None]


@pytest.mark.parametrize("bearing", [False, True], ids=["session", "token"])
def test_a_certificate(client: Client, rig: b.Rig, bearing: bool) -> None:
    """By session or by token, for the attested key; nothing keeps the answer."""
    session, token = b.attested(rig)
    headers = {"Authorization": f"Bearer {token}"} if bearing else {"Cookie": f"{kbs.COOKIE}={session}"}
    got = client.post(CERTIFICATE, content=a.request(c.KEY), headers=headers)
    assert (got.status_code, got.headers["cache-control"]) == (200, "no-store")
    found = x509.load_pem_x509_certificate(got.json()["certificate"].encode())
    assert found.public_key() == c.KEY.public_key()


def test_recipients_and_an_output(client: Client, rig: b.Rig) -> None:
    """Who may get outputs is signed; the word for one of them is in the log when it is answered."""
    headers = cookie(rig)
    got = client.get(RECIPIENTS, headers=headers)
    read = jose.read(got.json()["statement"].encode())
    said = outputs.statement(jose.verify(read, jose.Algorithm.ES256, rig.tokens.spki))
    assert [r.name for r in said.recipients] == ["lab"]
    body = json.dumps({"output": "sha256:" + "77" * 32, "policy": said.policy})
    got = client.post(OUTPUT, content=body, headers=headers)
    assert (got.status_code, got.json()["entry"]) == (200, 1)
    assert kinds(rig) == [EntryKind.DECISION, EntryKind.DECISION]


@pytest.mark.parametrize(("method", "path"), [("POST", CERTIFICATE), ("GET", RECIPIENTS), ("POST", OUTPUT)])
def test_a_caller_learns_little(client: Client, rig: b.Rig, method: str, path: str) -> None:
    """A denial does not say which condition failed; the log does. Nobody's session is no entry."""
    body = a.request(c.KEY) if path == CERTIFICATE else json.dumps({"output": "sha256:" + "77" * 32, "policy": "x"})
    got = client.request(method, path, content=body)
    assert (got.status_code, got.json()["type"]) == (401, f"{kbs.ERRORS}/TokenNotFound")
    assert kinds(rig) == []
    headers = cookie(rig)
    assert rig.policy is not None
    rig.policy = msgspec.structs.replace(rig.policy, owners=())
    body = body if path == CERTIFICATE else json.dumps({"output": "sha256:" + "77" * 32, "policy": rig.policy.digest})
    got = client.request(method, path, content=body, headers=headers)
    assert (got.status_code, got.json()["type"]) == (401, f"{kbs.ERRORS}/PolicyDeny")
    assert set(got.json()) == {"type", "detail"}
    assert "owner" not in got.text
    assert kinds(rig) == [EntryKind.DENIAL]


def test_too_much_and_other_methods_are_refused(client: Client, rig: b.Rig) -> None:
    """A body beyond what a request can be, and a GET of what is asked with one."""
    headers = cookie(rig)
    assert client.post(CERTIFICATE, content=bytes(MOST + 1), headers=headers).status_code == 400
    assert client.get(CERTIFICATE, headers=headers).status_code == 405
    assert client.post(RECIPIENTS, headers=headers).status_code == 405


def test_a_debug_twin_has_its_own_alone(rig: b.Rig) -> None:
    """A twin gives no certificate by an authority of production."""
    desk = Desk(rig.broker, twin=True)
    with TestClient(Litestar(certificates(desk), exception_handlers=desk.errors(), openapi_config=None)) as client:
        got = client.post(CERTIFICATE, content=a.request(c.KEY), headers=cookie(rig))
        assert (got.status_code, got.json()["type"]) == (401, f"{kbs.ERRORS}/PolicyDeny")
        assert "twin" in got.json()["why"]
    desk.close()
