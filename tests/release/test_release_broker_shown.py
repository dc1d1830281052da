"""Who attests the broker? What it shows is judged before it is given anything, and it is held to what it showed."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import broker_rig as b
import composite_minting as c
import kinds_rig as k
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from served_broker import Answer
from test_release_client import At, at, refusing

from strongroom.app import release_broker
from strongroom.app.release_client import Client
from strongroom.kit import jws, runtime_data
from strongroom.model.attest import Endorsements
from strongroom.model.errors import BadInput, BadProof, BadSignature

__all__ = ["at"]


def bound(at: At, **runtime: str) -> Callable[[bytes], bytes]:
    """What a broker in an SEV-SNP guest shows: evidence bound to the nonce, its token key and its certificate."""

    def show(nonce: bytes) -> bytes:
        key = c.jwk(ec.derive_private_key(77, ec.SECP256R1()))
        key.pop("alg")
        held = {"nonce": base64.b64encode(nonce).decode(), "tee-pubkey": key}
        held["tls-certificate"] = sha256(at.served.certificate).hexdigest()
        node = c.Node(runtime=runtime_data.of_value(held | runtime), count=0)
        return node.document()

    return show


def checking(at: At, client: Client, nonce: bytes = bytes(32)) -> None:
    """Verify the broker as a minted guest."""
    node = c.Node(count=0)
    held = k.KINDS["snp"]()
    by = release_broker.Demanded(held.policy(), held.inputs.references, lambda _: given(node), judge=at.rig.judge)
    release_broker.verify(client, by, nonce, at.rig.now)


def given(node: c.Node) -> Endorsements:
    """The endorsements of a minted guest."""
    return node.inputs().endorsements


def test_a_broker_that_is_attested_is_spoken_to(at: At) -> None:
    """Its evidence answers our nonce and is bound to its token key and certificate: then it is asked for the key."""
    at.served.evidence = bound(at)
    with at.client() as client:
        checking(at, client)
        with client.get(b.WEIGHTS) as secret:
            assert bytes(secret) == b.SECRET
    assert at.served.asked[0] == "/strongroom/v0/evidence"


def _of_another_certificate(at: At) -> Callable[[bytes], bytes]:
    return bound(at, **{"tls-certificate": "00" * 32})


def _of_before(at: At) -> Callable[[bytes], bytes]:
    return lambda _: bound(at)(bytes(range(32)))


def _of_nobody(_: At) -> None:
    return None


def _not_evidence(_: At) -> Callable[[bytes], bytes]:
    return lambda _: b'{"schema": "strongroom.composite-evidence/1"}'


@pytest.mark.parametrize("make", [_of_another_certificate, _of_before, _of_nobody, _not_evidence])
def test_a_broker_that_is_not_attested_is_given_nothing(at: At, make: Callable[[At], object]) -> None:
    """Without evidence, with old evidence, or behind another's certificate, it gets no evidence of ours."""
    at.served.evidence = make(at)  # type: ignore[assignment] # as the test says
    with at.client() as client, pytest.raises(BadInput):
        checking(at, client)
    assert at.served.asked == ["/strongroom/v0/evidence"]


def test_a_token_by_another_key_than_the_attested_one_is_refused(at: At) -> None:
    """Once a broker is verified, its tokens are by the key that its evidence vouches for, or they are nobody's."""

    def other(answer: Answer) -> Answer:
        claims = dict(b.claims_of(json.loads(answer[1])["token"]))
        return 200, json.dumps({"token": jws.sign(json.dumps(claims).encode(), {}, c.OTHER)}).encode(), {}

    at.served.evidence = bound(at)
    at.spoil("attest", other)
    with at.client() as client:
        checking(at, client)
        with pytest.raises(BadSignature, match="did not make"):
            client.get(b.WEIGHTS)


def test_another_certificate_later_is_refused(at: At) -> None:
    """Once a broker is verified, an answer under another certificate is not its answer."""
    at.served.evidence = bound(at)
    with at.client() as client:
        checking(at, client)
        assert client.vouched is not None
        client.vouched = replace(client.vouched, certificate=b"another")
        with pytest.raises(BadSignature, match="another certificate"):
            client.get(b.WEIGHTS)


def test_a_broker_that_answers_with_a_refusal_is_not_attested(at: At) -> None:
    """A refusal to show evidence is no evidence."""
    at.spoil("evidence", refusing(401))
    with at.client() as client, pytest.raises(BadProof, match="no evidence"):
        checking(at, client)
