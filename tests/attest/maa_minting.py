"""Tokens of a made-up Azure Attestation: a guest's and a platform's, on either hardware, and the set of its one key."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import gcp_minting as tokens
import minted_x509 as x
from cryptography.hazmat.primitives.asymmetric import rsa

from strongroom.attest.appraise import appraise
from strongroom.attest.policy import MaaPolicy, Policy
from strongroom.attest.tee import azure_maa
from strongroom.attest.tee._maa_case import Case
from strongroom.attest.verifier import Inputs, Verifier
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
KEY = x.rsa_key(91)
GUESTS_KEY = x.rsa_key(92)
KEY_ID = "microsoft-1"
HOST = "shared.region.attest.azure.net"
ISSUER = f"https://{HOST}"
VM = "911B0EF8-9DBA-48B0-B275-4E4DF2D39252"
MEASURED = "ab" * 48
POLICY = MaaPolicy(providers=(ISSUER,), keys=(tokens.thumbprint(KEY),))
_S, _V = "x-ms-sevsnpvm-", "x-ms-azurevm-"


def known(name: str) -> ReferenceValues:
    """What should be launched."""
    return ReferenceValues((Reference(EvidenceKind.AZURE_MAA, "paravisor", {name: (MEASURED,)}),), "owner")


def but(whole: Mapping[str, object], fields: Mapping[str, object]) -> dict[str, object]:
    """The same with others; one that is given as ... is left out."""
    return {k: v for k, v in {**whole, **fields}.items() if v is not ...}


def configuration(**fields: object) -> dict[str, object]:
    """What the paravisor says of the VM, and the user data that it has the hardware sign."""
    whole = {"console-enabled": True, "secure-boot": True, "tpm-enabled": True, "vmUniqueId": VM}
    return {"keys": [], "user-data": "00" * 64, "vm-configuration": but(whole, fields)}


def hardware(kind: str, **fields: object) -> dict[str, object]:
    """What is said of the hardware."""
    snp = {
        f"{_S}is-debuggable": False,
        f"{_S}migration-allowed": False,
        f"{_S}vmpl": 0,
        f"{_S}launchmeasurement": MEASURED,
        f"{_S}hostdata": "00" * 32,
    }
    td = {"tdx_td_attributes_debug": False, "tdx_mrtd": MEASURED.upper(), "tdx_rtmr0": "00" * 48}
    base = {"x-ms-attestation-type": kind, "x-ms-compliance-status": "azure-compliant-cvm"}
    return but({**base, **(td if kind == "tdxvm" else snp), "x-ms-runtime": configuration()}, fields)


def nonce(octets: bytes = CHALLENGE, **fields: object) -> dict[str, object]:
    """What a guest gave along, with the key of its vTPM."""
    key = tokens.jwk(GUESTS_KEY, kid="TpmEphemeralEncryptionKey")
    whole = {"client-payload": {"nonce": base64.b64encode(octets).decode()}, "keys": [key]}
    return but(whole, fields)


@dataclass(frozen=True)
class Minted:
    """All that one appraisal is made of: the defaults open, and each test changes one thing."""

    kind: str = "sevsnpvm"
    guest: bool = True
    fields: Mapping[str, object] = field(default_factory=dict)  # claims of the token
    inside: Mapping[str, object] = field(default_factory=dict)  # what is said of the hardware
    header: Mapping[str, object] = field(default_factory=dict)
    octets: bytes | None = None
    signer: rsa.RSAPrivateKey = KEY
    bare: bool = False
    key_sets: tuple[bytes, ...] = (tokens.key_set(tokens.jwk(KEY, kid=KEY_ID)),)
    policy: MaaPolicy = POLICY
    references: ReferenceValues | None = None
    challenge: bytes | None = CHALLENGE
    now: datetime = NOW

    def claims(self) -> dict[str, object]:
        """The claims of the token, in its shape."""
        at = tokens.seconds(MADE)
        base: dict[str, object] = {"iss": ISSUER, "iat": at, "nbf": at, "exp": at + 8 * 3600, "jti": "1"}
        base["x-ms-policy-hash"] = "B56nbp5slhw66peoRYkpdq1WykMkEworvdol08hnMXE"
        said = hardware(self.kind, **self.inside)
        if not self.guest:
            return but({**base, **said}, self.fields)
        flags = {f"{_V}{n}-enabled": False for n in ("bootdebug", "kerneldebug", "hypervisordebug", "testsigning")}
        guest = {"x-ms-attestation-type": "azurevm", "secureboot": True, f"{_V}vmid": VM, "x-ms-runtime": nonce()}
        return but({**base, **guest, **flags, "x-ms-isolation-tee": said}, self.fields)

    def token(self) -> bytes:
        """The token, or the claims alone."""
        payload = self.octets if self.octets is not None else json.dumps(self.claims()).encode()
        if self.bare:
            return payload
        base = {"alg": "RS256", "kid": KEY_ID, "typ": "JWT", "jku": f"{ISSUER}/certs"}
        return tokens.sign(self.signer, but(base, self.header), payload)

    def verifier(self) -> Verifier[Case]:
        """The verifier, which has no roots."""
        return azure_maa.verifier()

    def inputs(self, octets: bytes | None = None) -> Inputs:
        """What the verifier is given."""
        parts = azure_maa.VERIFIER.read(self.token() if octets is None else octets)
        evidence = Evidence(EvidenceKind.AZURE_MAA, parts, self.challenge, self.now)
        given = Endorsements(tuple(Endorsement(EndorsementKind.JWKS, s) for s in self.key_sets))
        references = self.references or known("mrtd" if self.kind == "tdxvm" else "measurement")
        return Inputs(evidence, given, references, Policy(maa=self.policy), self.now)

    def appraised(self) -> Appraisal:
        """The verdict."""
        return appraise(self.verifier(), self.inputs())

    def but(self, **fields: object) -> "Minted":
        """The same with other fields of this record."""
        return replace(self, **fields)  # type: ignore[arg-type] # the fields of a dataclass by name

    def saying(self, **fields: object) -> "Minted":
        """The same with other claims, their names written with `_` for `-`."""
        return replace(self, fields={**self.fields, **{k.replace("_", "-"): v for k, v in fields.items()}})


GOOD = Minted()
_SAID = {"x-ms-runtime": {**configuration(), "user-data": CHALLENGE.hex() + "00" * 32}}
SOUND: Mapping[str, Minted] = {
    "guest on SEV-SNP": GOOD,
    "guest on TDX": Minted("tdxvm"),
    "platform on SEV-SNP": Minted(guest=False, inside=_SAID),
    "platform on TDX": Minted("tdxvm", guest=False, inside=_SAID),
    "text": GOOD.but(challenge=b"words of a nonce", fields={"x-ms-runtime": nonce(b"words of a nonce")}),
    "hexadecimal": GOOD.but(fields={"x-ms-runtime": nonce(CHALLENGE.hex().encode())}),
}
