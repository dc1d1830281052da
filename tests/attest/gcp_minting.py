"""Tokens of a made-up Google: root, intermediate and leaf, a key set, and one token that passes."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import minted_x509 as x
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from strongroom.attest.appraise import appraise
from strongroom.attest.policy import GcpPolicy, Policy
from strongroom.attest.tee import gcp
from strongroom.attest.tee._gcp_case import Case
from strongroom.attest.verifier import Inputs, Verifier
from strongroom.kit import jose
from strongroom.kit.x509.certificate import parse
from strongroom.model.attest import (
    Appraisal,
    Endorsement,
    EndorsementKind,
    Endorsements,
    Evidence,
    EvidenceKind,
    Reference,
    ReferenceValues,
)

MADE = x.NOW
NOW = MADE + timedelta(minutes=5)
CHALLENGE = bytes(range(32))
IMAGE = "31" * 32
AUDIENCE = "https://relying.example"
POLICY = GcpPolicy(audiences=(AUDIENCE,))
REFERENCES = ReferenceValues((Reference(EvidenceKind.GCP, "workload", {"image_digest": (IMAGE,)}),), "owner")


def seconds(at: datetime) -> int:
    """A time as tokens have it."""
    return int(at.timestamp())


def coded(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwk(key: rsa.RSAPrivateKey, **members: str) -> dict[str, str]:
    """The public key as a member of a set."""
    numbers = key.public_key().public_numbers()
    n, e = (coded(v.to_bytes((v.bit_length() + 7) // 8, "big")) for v in (numbers.n, numbers.e))
    return {"kty": "RSA", "use": "sig", "alg": "RS256", "n": n, "e": e, **members}


def key_set(*keys: Mapping[str, str]) -> bytes:
    """A set of keys."""
    return json.dumps({"keys": list(keys)}).encode()


def thumbprint(key: rsa.RSAPrivateKey) -> str:
    """What a policy names a key by."""
    return jose.keys(key_set(jwk(key)))[0].thumbprint


LEAF_KEY = x.rsa_key(71)
KEY_ID = "key-1"


@dataclass(frozen=True)
class Vendor:
    """A made-up Google; another `family` is another one of the same names."""

    family: int = 0

    def subject(self, number: int) -> x.Subject:
        """The root (0) and the intermediate (1)."""
        names = ("Confidential Space Root CA", "Confidential Space Intermediate CA")
        return x.Subject(names[number], x.ec_key(300 + 10 * self.family + number), x.authority(1 - number), number + 1)

    def leaf(self, **fields: object) -> x.Subject:
        """The signer."""
        made = x.Subject("Confidential Space Leaf Certificate", LEAF_KEY, (), serial=9, ends=MADE + timedelta(days=60))
        return x.changed(made, **fields)

    def chain(self, leaf: x.Subject | None = None) -> tuple[bytes, ...]:
        """Leaf, intermediate and root."""
        root, middle = self.subject(0), self.subject(1)
        return (
            x.certificate(leaf or self.leaf(), middle),
            x.certificate(middle, root),
            x.certificate(root, root),
        )


def claims(**fields: object) -> dict[str, object]:
    """The claims of a token; one that is given as ... is left out."""
    whole: dict[str, object] = {
        "aud": AUDIENCE,
        "exp": seconds(MADE + timedelta(hours=1)),
        "iat": seconds(MADE),
        "nbf": seconds(MADE),
        "iss": "https://confidentialcomputing.googleapis.com",
        "sub": "https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/i",
        "eat_nonce": ["another-nonce", CHALLENGE.hex()],
        "secboot": True,
        "oemid": 11129,
        "hwmodel": "GCP_INTEL_TDX",
        "swname": "CONFIDENTIAL_SPACE",
        "swversion": ["250301"],
        "dbgstat": "disabled-since-boot",
        "submods": {
            "confidential_space": {"support_attributes": ["LATEST", "STABLE", "USABLE"]},
            "container": {"image_digest": f"sha256:{IMAGE}", "env": {"SECRET": "value"}},
            "gce": {"project_id": "p", "instance_id": "42"},
            "nvidia_gpu": {"cc_mode": "ON"},
        },
        "google_service_accounts": ["a@p.example"],
    }
    return {k: v for k, v in (whole | fields).items() if v is not ...}


def sign(key: rsa.RSAPrivateKey, header: Mapping[str, object], payload: bytes) -> bytes:
    """A token by RS256, whatever its header says."""
    signed = f"{coded(json.dumps(header).encode())}.{coded(payload)}".encode()
    return signed + b"." + coded(key.sign(signed, padding.PKCS1v15(), SHA256())).encode()


@dataclass(frozen=True)
class Minted:
    """All that one appraisal is made of: the defaults open, and each test changes one thing."""

    fields: Mapping[str, object] = field(default_factory=dict)
    header: Mapping[str, object] = field(default_factory=dict)
    chain: tuple[bytes, ...] | None = None
    octets: bytes | None = None  # the payload, where it is not that of `fields`
    signer: rsa.RSAPrivateKey = LEAF_KEY
    bare: bool = False
    key_sets: tuple[bytes, ...] = ()
    policy: GcpPolicy = POLICY
    references: ReferenceValues = REFERENCES
    challenge: bytes | None = CHALLENGE
    now: datetime = NOW
    trusted: Vendor = Vendor()

    def token(self) -> bytes:
        """The token, or the claims alone."""
        payload = self.octets if self.octets is not None else json.dumps(claims(**self.fields)).encode()
        if self.bare:
            return payload
        chain = Vendor().chain() if self.chain is None else self.chain
        base = {"alg": "RS256", "kid": KEY_ID, "typ": "JWT"}
        inside = {"x5c": [base64.b64encode(c).decode() for c in chain]} if chain else {}
        return sign(self.signer, {**base, **inside, **self.header}, payload)

    def verifier(self) -> Verifier[Case]:
        """The verifier that trusts this vendor's root."""
        return gcp.verifier({parse(self.trusted.chain()[-1]).fingerprint})

    def inputs(self) -> Inputs:
        """What the verifier is given."""
        evidence = Evidence(EvidenceKind.GCP, gcp.VERIFIER.read(self.token()), self.challenge, self.now)
        given = Endorsements(tuple(Endorsement(EndorsementKind.JWKS, s) for s in self.key_sets))
        return Inputs(evidence, given, self.references, Policy(gcp=self.policy), self.now)

    def appraised(self) -> Appraisal:
        """The verdict."""
        return appraise(self.verifier(), self.inputs())

    def but(self, **fields: object) -> "Minted":
        """The same with other fields of this record."""
        return replace(self, **fields)  # type: ignore[arg-type] # the fields of a dataclass by name

    def saying(self, **fields: object) -> "Minted":
        """The same with other claims."""
        return replace(self, fields={**self.fields, **fields})


GOOD = Minted()
BY_SET = GOOD.but(
    chain=(),
    key_sets=(key_set(jwk(LEAF_KEY, kid=KEY_ID)),),
    policy=GcpPolicy((AUDIENCE,), keys=(thumbprint(LEAF_KEY),)),
)
