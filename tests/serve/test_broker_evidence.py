"""Who attests the broker? Its own evidence over TLS, as the requester judges it before it is given anything."""

import base64
import contextlib
import json
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import broker_rig as b
import composite_minting as c
import kinds_rig
import minted_x509 as x
import pytest
import snp_json
from broker_house import House, Running, running

from strongroom.app import release_broker, release_client
from strongroom.attest.tee import composite
from strongroom.attest.verifier import Inputs
from strongroom.kit import jose, kbs
from strongroom.model.errors import BadProof


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A broker in a guest of the tests' roots."""
    with running(House(tmp_path_factory.mktemp("broker")), "attested=1") as made:
        yield made


def test_it_shows_evidence_of_itself(served: Running) -> None:
    """Bound to the nonce, to the key of its tokens, and to the certificate that the listener shows."""
    client = served.client()
    nonce = bytes(range(32))
    held = json.loads(client.ask("GET", f"/strongroom/v0/evidence?nonce={nonce.hex()}").body)
    runtime = json.loads(base64.b64decode(held["runtime_data"]))
    [key] = jose.keys(client.ask("GET", "/.well-known/jwks.json").body)
    assert base64.b64decode(runtime["nonce"]) == nonce
    assert runtime["tls-certificate"] == sha256(served.house.certificate).hexdigest()
    named = json.dumps({"keys": [{**runtime["tee-pubkey"], "alg": "ES256"}]}).encode()
    assert jose.keys(named)[0].key == key.key


@pytest.mark.parametrize(
    "query", ["", "?nonce=", f"?nonce={'0' * 63}", f"?nonce={'g' * 64}", f"?nonce={'0' * 64}&nonce=1"]
)
def test_a_nonce_is_thirty_two_octets(served: Running, query: str) -> None:
    """Nothing else is signed."""
    got = served.client().ask("GET", f"/strongroom/v0/evidence{query}")
    assert (got.status, json.loads(got.body)["type"]) == (400, f"{kbs.ERRORS}/BadRequest")


@contextlib.contextmanager
def verified(found: Running) -> Iterator[release_client.Client]:
    """A requester who has judged the broker, by a policy that wants a guest of the tests' roots."""
    node = c.Node(count=0)
    held = kinds_rig.KINDS["snp"]()

    def judge(*given: object) -> object:
        return b.compose(composite.VERIFIER, node.verifiers(), Inputs(*given))  # type: ignore[arg-type] # as `appraise`

    by = release_broker.Demanded(
        held.policy(),
        held.inputs.references,
        lambda _: node.inputs().endorsements,
        judge=judge,  # type: ignore[arg-type] # as above
    )
    to = release_client.To(found.at["listening"], str(found.house.ca))
    with release_client.Client(to, Requester(), lambda: x.NOW) as client:
        release_broker.verify(client, by, os.urandom(32), x.NOW)
        yield client


class Requester:
    """A guest of the tests' roots that asks for a key."""

    tee = "snp"

    def devices(self, _: bytes) -> str:
        """It has none."""
        return ""

    def root(self, answer: bytes) -> bytes:
        """Its report over the answer."""
        guest = c.Node(count=0, signed=answer).guest()
        return snp_json.evidence(guest.report, "Milan", guest.certificates)


def test_a_requester_verifies_the_broker_first(served: Running) -> None:
    """The evidence does under the requester's policy; then the token must be by the key in it, and the key is released."""
    with verified(served) as client:
        assert client.vouched is not None
        assert client.vouched.certificate == served.house.certificate
        with client.get(b.WEIGHTS) as secret:
            assert bytes(secret) == b.SECRET
        assert client.trust == "attested"


def test_evidence_of_another_certificate_is_refused(tmp_path: Path) -> None:
    """Whoever stands between shows the evidence of a true broker, and a certificate that is not in it."""
    words = ("attested=1", "proxied=1")
    wrong = pytest.raises(BadProof, match="another certificate")
    with running(House(tmp_path), *words) as found, wrong, verified(found):
        pass


def test_outside_of_a_tee_nobody_but_its_operator_vouches(tmp_path: Path) -> None:
    """It shows none, and its tokens say whom one has to trust."""
    with running(House(tmp_path)) as found:
        got = found.client().ask("GET", f"/strongroom/v0/evidence?nonce={'0' * 64}")
        assert (got.status, json.loads(got.body)["broker-trust"]) == (404, "operator-trusted")
        assert b.claims_of(found.client().attest())["broker-trust"] == "operator-trusted"
        with pytest.raises(BadProof, match="no evidence"), verified(found):
            pass
        assert "nobody but its operator vouches for it" in found.said()
