"""Key sets of attestation services: where they are asked for, what is kept of them, and what no token can make us do."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import maa_minting as maa
import pytest
import vendor_statements as vendor
from cryptography.hazmat.primitives.asymmetric import rsa
from test_endorsement_fetching import Desk
from vendor_service import Reply, Service, serving

from strongroom.app.attest_bundle import Order, create, take_in
from strongroom.app.config import AttestSection, Config, StateSection
from strongroom.app.endorsements import Given, Surroundings, gather
from strongroom.attest.appraise import appraise
from strongroom.attest.tee import azure_maa
from strongroom.collect.endorsements.cache import Cache
from strongroom.collect.endorsements.services import SPACE, Sources, questions
from strongroom.model.attest import EndorsementKind, Want
from strongroom.model.errors import Malformed

KEYS = "/service_accounts/v1/metadata/jwk/signer@example.iam.gserviceaccount.com"
DISCOVERY = "/.well-known/openid-configuration"
PROVIDER = "shared.region.attest.azure.net"


def google(kid: str) -> Want:
    """The want of a token of Google Cloud."""
    return Want("gcp-attestation", "jwks", (("kid", kid),))


def microsoft(kid: str, provider: str = PROVIDER) -> Want:
    """The want of a token of Azure Attestation."""
    return Want("azure-maa", "jwks", (("provider", provider), ("kid", kid)))


def key_set(*kids: str) -> bytes:
    """A set of one key under several ids."""
    numbers = rsa.generate_private_key(65537, 2048).public_key().public_numbers()
    n = base64.urlsafe_b64encode(numbers.n.to_bytes(256, "big")).rstrip(b"=").decode()
    return json.dumps({"keys": [{"kty": "RSA", "kid": k, "n": n, "e": "AQAB", "use": "sig"} for k in kids]}).encode()


ONE, TWO = key_set("one"), key_set("one", "two")


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as found:
        yield found


def at(service: Service) -> Sources:
    return Sources(gcp=service.url, maa=service.url)


def led(service: Service, to: str | None = None) -> None:
    """Have the configuration say where the keys are."""
    service.on(DISCOVERY, json.dumps({"issuer": "x", "jwks_uri": to or f"{service.url}{KEYS}"}).encode())


def test_googles_keys_are_where_its_configuration_says(service: Service) -> None:
    """Two requests bring the set, which is known by the id of the key that the token names."""
    led(service)
    service.on(KEYS, ONE)
    found = Desk(at(service)).fetch(google("one"))
    assert found.trouble == ""
    assert service.asked == [DISCOVERY, KEYS]
    (item,) = found.endorsements.items
    assert (item.kind, item.data, item.origin) == (EndorsementKind.JWKS, ONE, f"{service.url}{KEYS}")


@pytest.mark.parametrize(
    "place",
    ["https://evil.example/keys", "http://www.googleapis.com/keys", "https://www.googleapis.com.evil.example/keys"],
)
def test_keys_at_another_place_are_not_gone_to(service: Service, place: str) -> None:
    """A configuration that leads elsewhere leads nowhere."""
    led(service, place)
    found = Desk(at(service)).fetch(google("one"))
    assert found.endorsements.items == ()
    assert "wanted below" in found.trouble
    assert service.asked == [DISCOVERY]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"jwks_uri": 1}', b'{"jwks_uri": "a", "jwks_uri": "b"}', b"<html>"])
def test_another_configuration_is_none(service: Service, body: bytes) -> None:
    """A configuration that says nothing, or two things, is no answer."""
    service.on(DISCOVERY, body)
    assert Desk(at(service)).fetch(google("one")).trouble


def test_microsofts_keys_are_those_of_the_provider(service: Service) -> None:
    """The provider that the token names is asked, on its own host."""
    service.on("/certs", TWO)
    assert Desk(at(service)).fetch(microsoft("two")).trouble == ""
    assert service.asked == ["/certs"]
    (question,) = questions(microsoft("two"), Sources())
    assert question.url == f"https://{PROVIDER}/certs"


@pytest.mark.parametrize(
    "provider",
    ["evil.example", "a.b.attest.azure.net.evil.example", "attest.azure.net", "a.b.c.attest.azure.net", "a/../b.attest.azure.net", "A.b.attest.azure.net", ""],
)  # fmt: skip
def test_a_token_does_not_choose_whom_we_ask(provider: str) -> None:
    """A host that is not a provider's is no address, whatever the token says."""
    with pytest.raises(Malformed):
        questions(microsoft("one", provider), Sources())


def test_the_hosts_are_pinned() -> None:
    """Without a mirror, Google's service is asked over https, and its keys are at Google's."""
    (question,) = questions(google("one"), Sources())
    assert question.url == f"{SPACE}{DISCOVERY}"
    assert question.leads_to == (SPACE, "https://www.googleapis.com")


def test_a_set_without_the_key_is_kept_and_its_service_is_left_alone(service: Service, tmp_path: Path) -> None:
    """Tokens with made-up key ids make us ask once in five minutes, and the keys that there are stay at hand."""
    cache = Cache(tmp_path)
    service.on("/certs", ONE, TWO)
    desk = Desk(at(service), cache)
    first = desk.fetch(microsoft("two"))
    assert "has no" in first.trouble
    assert [k.item.data for k in cache.find("jwks")] == [ONE]
    for kid in ("two", "three", "four"):
        assert "not asked again before" in desk.fetch(microsoft(kid)).trouble
    assert service.asked == ["/certs"]
    desk.now += timedelta(minutes=5)
    assert desk.fetch(microsoft("two")).trouble == ""
    assert [k.item.data for k in cache.find("jwks")] == [TWO, ONE]


def test_another_answer_is_no_key_set(service: Service) -> None:
    """A certificate where keys should be is refused, by what was asked for."""
    service.on("/certs", vendor.vcek())
    assert "something else" in Desk(at(service)).fetch(microsoft("one")).trouble


# Through the desk that serves verifiers


class House:
    """A machine with a cache of its own, whose clock the test sets."""

    def __init__(self, root: Path, service: Service) -> None:
        self.now = vendor.NOW
        root.mkdir(exist_ok=True)
        section = AttestSection(maa=service.url, gcp=service.url, cache=str(root / "cache"))
        self.config = Config(state=StateSection(str(root / "state.db")), attest=section)

    def gather(self, want: Want, *paths: Path, offline: bool = False) -> Given:
        around = Surroundings(lambda: self.now, lambda _: None, lambda: 0.0)
        return gather([str(p) for p in paths], [want], self.now, self.config, offline=offline, around=around)


def test_a_kept_set_serves_until_a_key_is_new(service: Service, tmp_path: Path) -> None:
    """A set is fetched once; a key that it lacks has it fetched once again; without a network the kept copies serve."""
    house = House(tmp_path, service)
    service.on("/certs", ONE, TWO)
    for _ in range(2):
        assert house.gather(microsoft("one")).missing == ()
    assert service.asked == ["/certs"]
    assert house.gather(microsoft("two")).missing == ()
    assert service.asked == ["/certs", "/certs"]
    assert house.gather(microsoft("one"), offline=True).missing == ()
    away = house.gather(microsoft("three"), offline=True)
    assert [w.what for w in away.missing] == ["jwks"]
    assert "--offline" in away.remarks[0]


def test_an_old_set_is_told(service: Service, tmp_path: Path) -> None:
    """A set has no date of its own: after a day it is asked for again, and offline its age is told."""
    house = House(tmp_path, service)
    service.on("/certs", ONE, Reply(status=500))
    house.gather(microsoft("one"))
    house.now += timedelta(days=2)
    offline = house.gather(microsoft("one"), offline=True)
    assert offline.missing == ()
    assert "does not say how long" in offline.remarks[0]
    failing = house.gather(microsoft("one"))
    assert (failing.missing, len(failing.endorsements.items)) == ((), 1)
    assert "is a copy of" in failing.remarks[0]


def test_a_given_set_is_not_fetched(service: Service, tmp_path: Path) -> None:
    """A file with the key that the token names is enough; one without it is not."""
    house = House(tmp_path, service)
    file = tmp_path / "keys.json"
    file.write_bytes(ONE)
    assert house.gather(google("one"), file).missing == ()
    assert service.asked == []
    led(service)
    service.on(KEYS, TWO)
    assert len(house.gather(google("two"), file).endorsements.items) == 2


def test_a_bundle_carries_keys_to_where_nobody_can_be_asked(service: Service, tmp_path: Path) -> None:
    """The set that a token needs is fetched into a signed bundle, and serves on a machine without a network."""
    here, there = (House(tmp_path / name, service) for name in ("here", "there"))
    token = tmp_path / "token.jwt"
    token.write_bytes(maa.GOOD.token())
    service.on("/certs", *maa.GOOD.key_sets)
    path = str(tmp_path / "b.bundle")
    around = Surroundings(lambda: here.now, lambda _: None, lambda: 0.0)
    made = create(Order(path, (str(token),)), here.now, here.config, around)
    assert made.missing == ()
    key = str(made.key)
    taken = take_in(path, there.now, there.config, (key,))
    assert (taken.kept, taken.over) == (1, 0)
    (want,) = azure_maa.VERIFIER.wants(maa.GOOD.inputs().evidence)
    given = there.gather(want, offline=True)
    assert (given.missing, given.remarks) == ((), ())
    inputs = replace(maa.GOOD.inputs(), endorsements=given.endorsements)
    assert appraise(azure_maa.VERIFIER, inputs).opens


def test_a_token_without_a_key_id_wants_what_nobody_has(service: Service, tmp_path: Path) -> None:
    """No id names no key of a set, and nobody is asked."""
    assert House(tmp_path, service).gather(google("")).missing != ()
    assert service.asked == []
