"""A whole node minted: an SEV-SNP guest with GPUs, all bound to one nonce and one key, under roots of the tests."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import minted_x509 as x
import nitro_minting as nitro
import nvidia_minting as gpus
import snp_minting as snp
import tpm_minting as tpms
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.attest.compose import Whole, compose
from strongroom.attest.members import AnyVerifier
from strongroom.attest.policy import CompositePolicy, Policy
from strongroom.attest.tee import composite
from strongroom.attest.verifier import Inputs, Verifier
from strongroom.kit import runtime_data
from strongroom.model.attest import Appraisal, Endorsements, Evidence, EvidenceKind, ReferenceValues

NONCE = bytes(range(64, 96))
KEY = x.ec_key(900, ec.SECP256R1)
OTHER = x.ec_key(901, ec.SECP256R1)


def number(n: int, size: int) -> str:
    """A number in base64url, as JWK has it."""
    return base64.urlsafe_b64encode(n.to_bytes(size, "big")).rstrip(b"=").decode()


def jwk(key: ec.EllipticCurvePrivateKey = KEY) -> dict[str, str]:
    """The public key as JWK."""
    at = key.public_key().public_numbers()
    return {"kty": "EC", "crv": "P-256", "alg": "ECDH-ES+A256KW", "x": number(at.x, 32), "y": number(at.y, 32)}


def spki(key: ec.EllipticCurvePrivateKey = KEY) -> bytes:
    """The public key as SubjectPublicKeyInfo."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def runtime(nonce: bytes = NONCE, key: ec.EllipticCurvePrivateKey = KEY) -> bytes:
    """Runtime data in its canonical form."""
    return runtime_data.of_value({"nonce": base64.b64encode(nonce).decode(), "tee-pubkey": jwk(key)})


@lru_cache(maxsize=512)
def device(n: int) -> gpus.Tree:
    """The certificates of another GPU under the same root: its leaf has a number and a key of its own."""
    return gpus.device().but(0, serial=500 + n) if n else gpus.device()


def listed(found: tuple[gpus.Gpu, ...]) -> bytes:
    """The list of GPU evidence as attesters write it."""
    return json.dumps(
        [
            {
                "arch": g.architecture,
                "evidence": base64.b64encode(g.report()).decode(),
                "certificate": base64.b64encode(b"".join(map(x.pem, g.tree.certificates))).decode(),
            }
            for g in found
        ]
    ).encode()


@dataclass(frozen=True)
class Node:
    """A node; `genuine` opens, and each test changes one thing. `signed` is what the root of trust was asked with."""

    runtime: bytes = field(default_factory=runtime)
    count: int = 2
    told: int | None = None  # GPUs of the policy; as many as there are, unless said
    signed: bytes | None = None
    asked: tuple[bytes | None, ...] = ()  # what each GPU was asked with, where it is not the node's own hash
    trees: tuple[int, ...] = ()  # which GPU each one is, where two are one
    fields: tuple[Mapping[int, bytes], ...] = ()  # opaque fields of each GPU
    host_data: bytes = bytes(32)
    init: bytes = b""
    root: str = "snp"
    more: tuple[tuple[str, str, bytes], ...] = ()  # (name, kind, octets) of other members
    challenge: bytes | None = NONCE
    roots: tuple[str, ...] = ("snp", "tpm")
    require: tuple[str, ...] = ()
    parts_without: bool = False  # endorsements are left out
    additional: bytes | None = None  # the devices' evidence as the root signed it, of the Key Broker Service protocol
    shown: bytes | None = None  # the devices' evidence that is shown, where it is another

    def but(self, **fields: object) -> "Node":
        """The node with other fields."""
        return replace(self, **fields)  # type: ignore[arg-type] # the fields of a dataclass by name

    @property
    def digest(self) -> bytes:
        """What binds it all."""
        return hashlib.sha384(self.runtime).digest()

    @property
    def signing(self) -> bytes:
        """What the root of trust is asked with."""
        if self.signed is not None:
            return self.signed
        if self.additional is None:
            return self.digest
        return hashlib.sha384(runtime_data.with_devices(self.runtime, self.additional)).digest()

    def devices_first(self) -> "Node":
        """The node by the protocol: its devices answer, and the root signs their evidence too."""
        held = json.loads(listed(self.gpus().gpus))
        return self.but(additional=json.dumps({"nvidia": {"device_evidence_list": held}}).encode())

    def guest(self) -> snp.Minted:
        """The guest."""
        return snp.genuine(
            snp.Vendor("Milan", rsa=False), report_data=self.signing.ljust(64, b"\0"), host_data=self.host_data
        )

    def machine(self) -> tpms.Minted:
        """The machine's TPM, for a node without a confidential guest."""
        return tpms.Minted(nonce=self.signing)

    def gpus(self) -> gpus.Minted:
        """Its GPUs."""

        def one(n: int) -> gpus.Gpu:
            asked = self.asked[n] if n < len(self.asked) else None
            which = self.trees[n] if n < len(self.trees) else n
            more = self.fields[n] if n < len(self.fields) else {}
            return gpus.Gpu(tree=device(which), nonce=self.digest[:32] if asked is None else asked, fields=more)

        return gpus.Minted(gpus=tuple(one(n) for n in range(self.count)))

    def members(self) -> tuple[tuple[str, str, bytes], ...]:
        """Name, kind and octets of each member."""
        first = {
            "snp": lambda: ("cpu0", "snp", self.guest().report),
            "tpm": lambda: ("tpm0", "tpm", self.machine().document()),
        }
        held = [first[self.root]()] if self.root else []
        if self.count and self.additional is None:
            held.append(("gpus", "nvidia", listed(self.gpus().gpus)))
        return (*held, *self.more)

    def document(self) -> bytes:
        """The envelope."""
        held = [{"name": n, "kind": k, "evidence": base64.b64encode(d).decode()} for n, k, d in self.members()]
        made = {
            "schema": composite.SCHEMA,
            "runtime_data": base64.b64encode(self.runtime).decode(),
            "init_data": base64.b64encode(self.init).decode(),
            "members": held,
        }
        more = self.shown if self.shown is not None else self.additional
        if more is not None:
            made["additional_evidence"] = more.decode()
        return json.dumps(made, separators=(",", ":")).encode()

    def verifier(self) -> Verifier[Whole]:
        """The composite's own."""
        return composite.VERIFIER

    def verifiers(self) -> dict[EvidenceKind, AnyVerifier]:
        """Those of the members, with the roots of the tests."""
        held = (self.guest(), self.machine(), self.gpus(), nitro.Minted())
        found = tuple(h.verifier() for h in held)
        return {v.kind: v for v in found}  # type: ignore[misc] # verifiers of any state

    def inputs(self) -> Inputs:
        """All that the verdict depends on."""
        given = Endorsements()
        for held in (self.guest().inputs(), self.gpus().inputs()):
            given = given + held.endorsements
        told = self.count if self.told is None else self.told
        policy = Policy(
            name="node",
            snp=snp.POLICY.snp,
            tpm=self.machine().policy,
            nitro=nitro.POLICY,
            composite=CompositePolicy(roots=self.roots, gpus=told),
            require=self.require,
            unchecked=dict(gpus.TOOLS),
        )
        known = ReferenceValues((*snp.REFERENCES.items, *tpms.REFERENCES.items, *nitro.REFERENCES.items), "made up")
        evidence = Evidence(EvidenceKind.COMPOSITE, composite.read(self.document()), self.challenge)
        return Inputs(evidence, Endorsements() if self.parts_without else given, known, policy, x.NOW)

    def appraised(self, verifier: Verifier[Whole] | None = None) -> Appraisal:
        """The verdict."""
        return compose(verifier or self.verifier(), self.verifiers(), self.inputs())
