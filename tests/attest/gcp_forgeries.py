"""Forged, stale and misused Google Cloud tokens: each differs from a genuine one in one thing, and one step says so."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta

import minted_x509 as x
from gcp_minting import BY_SET, GOOD, KEY_ID, LEAF_KEY, MADE, Minted, Vendor, claims, jwk, key_set, seconds

from strongroom.attest.policy import GcpPolicy
from strongroom.model.attest import ReferenceValues

OTHER = x.rsa_key(72)
HOUR = timedelta(hours=1)
_SUBMODS = claims()["submods"]
assert isinstance(_SUBMODS, dict)
_TWICE = json.dumps(claims()).encode()[:-1] + b', "hwmodel": "GCP_INTEL_TDX"}'


def with_leaf(**fields: object) -> Minted:
    """A token by another leaf."""
    return GOOD.but(chain=Vendor().chain(Vendor().leaf(**fields)))


def inside(**fields: object) -> dict[str, object]:
    """The submodules with others in their place."""
    return {**_SUBMODS, **fields}


FORGERIES: Mapping[str, tuple[str, Callable[[], Minted]]] = {
    "a token for access": ("gcp.token", lambda: GOOD.but(header={"typ": "at+jwt"})),
    "a key that the token brings": ("gcp.token", lambda: GOOD.but(header={"jwk": jwk(LEAF_KEY)})),
    "a critical header": ("gcp.token", lambda: GOOD.but(header={"crit": ["exp"]})),
    "a claim twice": ("gcp.claims", lambda: GOOD.but(octets=_TWICE)),
    "claims that are no object": ("gcp.claims", lambda: GOOD.but(octets=b"[]")),
    "a nonce that is a number": ("gcp.claims", lambda: GOOD.saying(eat_nonce=7)),
    "a chain of one's own": ("gcp.key", lambda: GOOD.but(chain=Vendor(1).chain())),
    "a chain out of order": ("gcp.key", lambda: GOOD.but(chain=tuple(Vendor().chain()[n] for n in (0, 2, 1)))),
    "a chain without its root": ("gcp.key", lambda: GOOD.but(chain=Vendor().chain()[:2])),
    "a token by an authority": ("gcp.key", lambda: with_leaf(extensions=x.authority(0))),
    "a leaf that ended": ("gcp.cert_time", lambda: with_leaf(ends=MADE)),
    "another key": ("gcp.signature", lambda: GOOD.but(signer=OTHER)),
    "another key of that id": ("gcp.signature", lambda: BY_SET.but(signer=OTHER)),
    "no algorithm": ("gcp.signature", lambda: GOOD.but(header={"alg": "none"})),
    "a symmetric algorithm": ("gcp.signature", lambda: GOOD.but(header={"alg": "HS256"})),
    "another service": ("gcp.iss", lambda: GOOD.saying(iss="https://accounts.google.com")),
    "a token for another": ("gcp.aud", lambda: GOOD.saying(aud="https://sts.googleapis.com")),
    "a token that ended": ("gcp.time", lambda: GOOD.but(now=MADE + HOUR)),
    "a token of tomorrow": ("gcp.time", lambda: GOOD.but(now=MADE - HOUR)),
    "a time that is none": ("gcp.time", lambda: GOOD.saying(iat=-1, nbf=-1, exp=3599)),
    "a token for two hours": ("gcp.lifetime", lambda: GOOD.saying(exp=seconds(MADE + 2 * HOUR))),
    "a foreign nonce": ("gcp.eat_nonce", lambda: GOOD.saying(eat_nonce="00" * 32)),
    "a nonce that begins alike": ("gcp.eat_nonce", lambda: GOOD.saying(eat_nonce=GOOD.inputs().evidence.challenge.hex() + "00")),
    "no nonce": ("gcp.eat_nonce", lambda: GOOD.saying(eat_nonce=...)),
    "a machine that is not confidential": ("gcp.hwmodel", lambda: GOOD.saying(hwmodel="GCP_SHIELDED_VM")),
    "Secure Boot off": ("gcp.secboot", lambda: GOOD.saying(secboot=False)),
    "Secure Boot not said": ("gcp.secboot", lambda: GOOD.saying(secboot=...)),
    "an image for debugging": ("gcp.dbgstat", lambda: GOOD.saying(dbgstat="enabled")),
    "a status that nobody knows": ("gcp.dbgstat", lambda: GOOD.saying(dbgstat=...)),
    "other software": ("gcp.swname", lambda: GOOD.saying(swname="GCE")),
    "an image without support": (
        "gcp.support",
        lambda: GOOD.saying(submods=inside(confidential_space={"support_attributes": ["USABLE"]})),
    ),
    "another image": (
        "gcp.measurement",
        lambda: GOOD.saying(submods=inside(container={"image_digest": "sha256:" + "32" * 32})),
    ),
    "no image": ("gcp.measurement", lambda: GOOD.saying(submods=inside(container=None))),
}  # fmt: skip

GAPS: Mapping[str, tuple[str, Callable[[], Minted]]] = {
    "claims alone": ("gcp.token", lambda: GOOD.but(bare=True)),
    "no key": ("gcp.signature", lambda: GOOD.but(chain=())),
    "a key of another id": ("gcp.key", lambda: BY_SET.but(key_sets=(key_set(jwk(LEAF_KEY, kid=f"not {KEY_ID}")),))),
    "a key set that nobody vouches for": ("gcp.key", lambda: BY_SET.but(policy=GOOD.policy)),
    "no audience": ("gcp.aud", lambda: GOOD.but(policy=GcpPolicy())),
    "no challenge": ("gcp.eat_nonce", lambda: GOOD.but(challenge=None)),
    "no reference": ("gcp.measurement", lambda: GOOD.but(references=ReferenceValues())),
}
