"""Forged, stale and misused tokens of Azure Attestation: each differs from a genuine one in one thing, and one step says so."""

import base64
import json
from collections.abc import Callable, Mapping

import gcp_minting as tokens
import minted_x509 as x
import msgspec
from maa_minting import CHALLENGE, GOOD, ISSUER, KEY, KEY_ID, POLICY, SOUND, Minted, configuration, nonce

from strongroom.attest.policy import MaaPolicy
from strongroom.model.attest import ReferenceValues

OTHER = x.rsa_key(93)
_S, _V = "x-ms-sevsnpvm-", "x-ms-azurevm-"
_MINE = "https://mine.region.attest.azure.net"
_TWICE = json.dumps(GOOD.claims()).encode()[:-1] + b', "secureboot": true}'
_SELF = x.Subject("Microsoft Azure Attestation", OTHER, ())
_BROUGHT = base64.b64encode(x.certificate(_SELF, _SELF)).decode()


def _inside(**fields: object) -> Minted:
    return GOOD.but(inside={k.replace("_", "-"): v for k, v in fields.items()})


def _snp(name: str, value: object) -> Minted:
    return GOOD.but(inside={f"{_S}{name}": value})


def _claim(name: str, value: object) -> Minted:
    return GOOD.but(fields={name: value})


def _policy(**fields: object) -> Minted:
    return GOOD.but(policy=msgspec.structs.replace(POLICY, **fields))


def _replayed() -> Minted:
    """An old report that was sent once more with a new `nonce`, which the service repeats and nothing vouches for."""
    old = nonce(bytes(32))
    plain = base64.b64encode(CHALLENGE).decode()
    return GOOD.but(fields={"x-ms-runtime": old, "nonce": plain})


FORGERIES: Mapping[str, tuple[str, Callable[[], Minted]]] = {
    "a token for access": ("maa.token", lambda: GOOD.but(header={"typ": "at+jwt"})),
    "a key that the token brings": ("maa.token", lambda: GOOD.but(header={"jwk": tokens.jwk(KEY)})),
    "a claim twice": ("maa.claims", lambda: GOOD.but(octets=_TWICE)),
    "claims that are no object": ("maa.claims", lambda: GOOD.but(octets=b"[]")),
    "another's provider": ("maa.iss", lambda: GOOD.saying(iss=_MINE).but(header={"jku": f"{_MINE}/certs"})),
    "a host that only begins alike": ("maa.iss", lambda: GOOD.saying(iss=f"{ISSUER}.example").but(header={"jku": ...})),
    "keys at another place": ("maa.jku", lambda: GOOD.but(header={"jku": "https://elsewhere.example/certs"})),
    "keys of another provider": ("maa.jku", lambda: GOOD.but(header={"jku": f"{_MINE}/certs"})),
    "another key of that id": ("maa.signature", lambda: GOOD.but(signer=OTHER)),
    "no algorithm": ("maa.signature", lambda: GOOD.but(header={"alg": "none"})),
    "a symmetric algorithm": ("maa.signature", lambda: GOOD.but(header={"alg": "HS256"})),
    "a token that ended": ("maa.time", lambda: GOOD.but(now=x.NOW.replace(hour=21))),
    "a token of tomorrow": ("maa.time", lambda: GOOD.but(now=x.NOW - x.DAY)),
    "a time that is none": ("maa.time", lambda: GOOD.saying(iat=-1, nbf=-1, exp=3599)),
    "a token for a day": ("maa.lifetime", lambda: GOOD.saying(exp=tokens.seconds(x.NOW + x.DAY))),
    "a foreign nonce": ("maa.nonce", lambda: _claim("x-ms-runtime", nonce(bytes(32)))),
    "a nonce that begins alike": ("maa.nonce", lambda: _claim("x-ms-runtime", nonce(CHALLENGE + b"\1"))),
    "an old report sent again": ("maa.nonce", _replayed),
    "no nonce": ("maa.nonce", lambda: _claim("x-ms-runtime", {}).but(inside={"x-ms-runtime": {"vm-configuration": configuration()["vm-configuration"]}})),
    "a machine that is not confidential": ("maa.isolation_tee", lambda: GOOD.but(fields={"x-ms-isolation-tee": ...})),
    "an enclave": ("maa.isolation_tee", lambda: _inside(x_ms_attestation_type="sgx")),
    "hardware that the policy does not take": ("maa.isolation_tee", lambda: _policy(hardware=("tdxvm",))),
    "not compliant": ("maa.compliance", lambda: _inside(x_ms_compliance_status="azure-signed-cvm")),
    "compliance not said": ("maa.compliance", lambda: _inside(x_ms_compliance_status=...)),
    "hardware for debugging": ("maa.debug", lambda: _snp("is-debuggable", True)),
    "debugging not said": ("maa.debug", lambda: _snp("is-debuggable", ...)),
    "a TD for debugging": ("maa.debug", lambda: SOUND["guest on TDX"].but(inside={"tdx_td_attributes_debug": True})),
    "a kernel for debugging": ("maa.debug", lambda: _claim(f"{_V}kerneldebug-enabled", True)),
    "test signing": ("maa.debug", lambda: _claim(f"{_V}testsigning-enabled", True)),
    "a migration agent": ("maa.guest_policy", lambda: _snp("migration-allowed", True)),
    "a lower level": ("maa.guest_policy", lambda: _snp("vmpl", 2)),
    "Secure Boot off": ("maa.secure_boot", lambda: GOOD.saying(secureboot=False)),
    "Secure Boot not configured": ("maa.secure_boot", lambda: _inside(x_ms_runtime=configuration(**{"secure-boot": False}))),
    "Secure Boot not said": ("maa.secure_boot", lambda: GOOD.saying(secureboot=...)),
    "another paravisor": ("maa.measurement", lambda: _snp("launchmeasurement", "cd" * 48)),
}  # fmt: skip

GAPS: Mapping[str, tuple[str, Callable[[], Minted]]] = {
    "claims alone": ("maa.token", lambda: GOOD.but(bare=True)),
    "no provider": ("maa.iss", lambda: _policy(providers=())),
    "nothing decided": ("maa.iss", lambda: GOOD.but(policy=MaaPolicy())),
    "no key set": ("maa.key", lambda: GOOD.but(key_sets=())),
    "a key of another id": ("maa.key", lambda: GOOD.but(key_sets=(tokens.key_set(tokens.jwk(KEY, kid=f"not {KEY_ID}")),))),
    "a key set that nobody vouches for": ("maa.key", lambda: _policy(keys=())),
    "a certificate that the token brings": ("maa.key", lambda: _policy(trust_jwks=True).but(signer=OTHER, key_sets=(), header={"x5c": [_BROUGHT]})),
    "no challenge": ("maa.nonce", lambda: GOOD.but(challenge=None)),
    "no reference": ("maa.measurement", lambda: GOOD.but(references=ReferenceValues((), "owner"))),
}  # fmt: skip
