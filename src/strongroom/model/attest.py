"""Evidence, what endorses it, what it is compared with, and what was made of it.

The words are those of RFC 9334 (RATS): an attester makes Evidence, a vendor gives Endorsements, the owner gives
ReferenceValues, and a verifier appraises the first by the others. Tiers and the vector are those of
draft-ietf-rats-ar4si, as draft-ietf-rats-ear carries them.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import cached_property, lru_cache

import msgspec

Json = bool | int | float | str | None | list["Json"] | dict[str, "Json"]


class EvidenceKind(StrEnum):
    """What made the evidence. The words are those of `attest verify --kind`."""

    SNP = "snp"  # AMD SEV-SNP attestation report
    TDX = "tdx"  # Intel TDX quote
    SGX = "sgx"  # Intel SGX DCAP quote
    NITRO = "nitro"  # AWS Nitro Enclaves attestation document
    TPM = "tpm"  # TPM 2.0 quote with the logs of a measured boot
    AZURE_SNP = "azure-snp"  # Azure confidential VM on SEV-SNP: HCL report, and a quote of its vTPM
    AZURE_TDX = "azure-tdx"  # the same on TDX
    AZURE_MAA = (
        "azure-maa"  # what Microsoft Azure Attestation says of such a machine: a token, another verifier's verdict
    )
    GCP = "gcp"  # Google Cloud attestation token, of Confidential Space or a confidential VM
    NVIDIA = "nvidia"  # attestation reports of NVIDIA GPUs, one or several that answered one challenge
    NVSWITCH = "nvswitch"  # the same of the NVSwitches that link GPUs
    COMPOSITE = "composite"  # a whole node: a root of trust and its devices, bound to one challenge and one key


class StepVerdict(StrEnum):
    """What one step of an appraisal came to. What could not be checked is never a pass."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    NOT_CHECKED = "not-checked"


class Tier(StrEnum):
    """`ear.status`: how far an appraisal carries (draft-ietf-rats-ear, section 3.2)."""

    NONE = "none"  # nothing failed, and not everything that must be checked was
    AFFIRMING = "affirming"
    WARNING = "warning"
    CONTRAINDICATED = "contraindicated"


class Aspect(StrEnum):
    """The claims of AR4SI's trustworthiness vector; every step speaks for one of them."""

    IDENTITY = "instance-identity"
    CONFIGURATION = "configuration"
    EXECUTABLES = "executables"
    FILES = "file-system"
    HARDWARE = "hardware"
    RUNTIME = "runtime-opaque"
    STORAGE = "storage-opaque"
    SOURCED = "sourced-data"


class EndorsementKind(StrEnum):
    """What a vendor's statement is."""

    CERTIFICATE = "certificate"  # X.509 in DER
    CRL = "crl"  # X.509 CRL in DER
    TCB_INFO = "tcb-info"  # Intel PCS v4 tcbInfo: the signed JSON bytes
    QE_IDENTITY = "qe-identity"  # Intel PCS v4 enclaveIdentity: the signed JSON bytes
    JWKS = "jwks"  # JSON Web Key Set (RFC 7517); nobody signs one, so a policy says which of its keys count
    RIM = "rim"  # NVIDIA reference integrity manifest: the signed SWID tag, XML
    OCSP = "ocsp"  # OCSP response in DER (RFC 6960)
    DBX = "dbx"  # signed update of Secure Boot's revoked images: EFI_VARIABLE_AUTHENTICATION_2 and what follows it


class EvidencePart(msgspec.Struct, frozen=True):
    """One piece of evidence: the bytes that a device signed, or what came beside them."""

    name: str  # `report`, `quote`, `document`, `certificates`, `event-log` …
    media_type: str
    data: bytes

    @property
    def digest(self) -> str:
        """`sha256:` and the hash of the bytes."""
        return f"sha256:{hashlib.sha256(self.data).hexdigest()}"


class Evidence(msgspec.Struct, frozen=True):
    """What an attester hands in. `challenge` is what the verifier asked it to sign; None when nothing was asked."""

    kind: EvidenceKind
    parts: tuple[EvidencePart, ...]
    challenge: bytes | None = None
    received_at: datetime | None = None

    def part(self, name: str) -> EvidencePart | None:
        """The part of a name, or None. Names are unique."""
        return next((p for p in self.parts if p.name == name), None)


# A fleet shares its endorsements: each is hashed once, not once an appraisal.
@lru_cache(maxsize=1024)
def _digest(kind: EndorsementKind, data: bytes, signature: bytes, chain: tuple[bytes, ...]) -> str:
    h = hashlib.sha256()
    for piece in (kind.value.encode(), data, signature, *chain):
        h.update(len(piece).to_bytes(8, "big") + piece)
    return f"sha256:{h.hexdigest()}"


class Endorsement(msgspec.Struct, frozen=True):
    """One statement of a vendor: the bytes as they were signed, never parsed and written again.

    `signature` and `chain` (DER, the signer first) belong to statements that do not carry them inside. `origin` is the
    file or the address that it came from; it is not part of what the digest covers.
    """

    kind: EndorsementKind
    data: bytes
    signature: bytes = b""
    chain: tuple[bytes, ...] = ()
    origin: str = ""

    @property
    def digest(self) -> str:
        """`sha256:` and a hash over kind, bytes, signature and chain, each with its length."""
        return _digest(self.kind, self.data, self.signature, self.chain)


class Endorsements(msgspec.Struct, frozen=True):
    """All that vendors say, in the order in which it was given."""

    items: tuple[Endorsement, ...] = ()

    def of(self, kind: EndorsementKind) -> tuple[Endorsement, ...]:
        """Those of one kind."""
        return tuple(e for e in self.items if e.kind is kind)

    def __add__(self, other: "Endorsements") -> "Endorsements":
        """Both, the same statement once."""
        seen = {e.digest for e in self.items}
        return Endorsements((*self.items, *(e for e in other.items if e.digest not in seen)))


class Want(msgspec.Struct, frozen=True):
    """An endorsement that a verifier needs: whose it is, and what distinguishes it.

    `service` names who gives it (`amd-kds`, `intel-pcs`); `what` is the service's own word (`vcek`, `tcb`, `qe-identity`
    …); `about` are the parts of the question, such as product, chip and TCB. A hand makes an address of these.
    """

    service: str
    what: str
    about: tuple[tuple[str, str], ...] = ()


class ExpectedEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One event of a known boot, at its place among those of its register.

    `what` is its class: `firmware`, `shim`, `initrd`, `command-line` …. Each of `accept` is a digest that is taken, and
    words for people behind it: `sha256:HEX /initrd.gz`. `entries` are those of a Secure Boot variable, each `x509:HEX`
    or `sha256:HEX` with its words: a variable that holds just these is taken too, whatever its digest, and a dbx that
    holds more. `any`: whatever it is. `optional`: it may be absent.
    """

    register: str
    what: str
    accept: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    any: bool = False
    optional: bool = False


class Reference(msgspec.Struct, frozen=True):
    """What a known good workload measures to.

    `values` gives, for a register of the evidence (`measurement`, `mrtd`, `rtmr1`, `pcr0` …), the lower-case hex values
    that are accepted. `image` is the digest of the image that they were computed from. `events` are those of a known
    boot, in their order: they stand in the place of values for their registers. `may_vary` are classes of events that
    are not compared, each with the reason.
    """

    kind: EvidenceKind
    name: str
    values: dict[str, tuple[str, ...]]
    image: str = ""
    version: str = ""
    about: str = ""
    events: tuple[ExpectedEvent, ...] = ()
    may_vary: dict[str, str] = {}


_SINCE = ("events", "may_vary")  # fields that a digest names only where they say something: it was made without them


class ReferenceValues(msgspec.Struct, frozen=True, dict=True):
    """The reference values that count: signed by a key that the owner trusts.

    `trouble` says why some that were given do not count; they are then not in `items`.
    """

    items: tuple[Reference, ...] = ()
    signer: str = ""
    trouble: str = ""

    @cached_property
    def digest(self) -> str:
        """`sha256:` and the hash of the values that count, as sorted JSON."""
        told = [{k: v for k, v in msgspec.to_builtins(r).items() if v or k not in _SINCE} for r in self.items]
        return f"sha256:{hashlib.sha256(msgspec.json.encode(told, order='sorted')).hexdigest()}"

    def of(self, kind: EvidenceKind) -> tuple[Reference, ...]:
        """Those of one kind of evidence."""
        return tuple(r for r in self.items if r.kind is kind)


class StepResult(msgspec.Struct, frozen=True, gc=False):
    """What one step came to. `mandatory`: an appraisal in which it was not checked is not complete.

    `reason` is set where it was not checked: what was missing, or which step it comes after; `waived` where the policy
    names it unchecked. `advice` is what to do about a failure.
    """

    id: str
    verdict: StepVerdict
    found: str = ""
    wanted: str = ""
    spec: str = ""
    mandatory: bool = True
    reason: str = ""
    waived: bool = False
    advice: str = ""


class Appraisal(msgspec.Struct, frozen=True):
    """The verdict on one piece of evidence. The same inputs give the same bytes.

    `complete` only when every mandatory step was checked, or is named unchecked by the policy. Only an affirming and
    complete appraisal opens anything. `vector` is AR4SI's, by aspect. `bound_key` is the public key that the evidence
    vouches for, DER SubjectPublicKeyInfo in hex, empty when it vouches for none. `inputs` are digests by name.
    `expires_at` is when the first of its inputs ends, or the policy's age is over. `name` is what a part is called
    within its whole.
    """

    kind: EvidenceKind
    subject: str
    tier: Tier
    complete: bool
    vector: dict[str, int]
    steps: tuple[StepResult, ...]
    claims: Mapping[str, object]  # JSON values
    inputs: dict[str, str]
    appraised_at: datetime
    expires_at: datetime
    bound_key: str = ""
    parts: tuple["Appraisal", ...] = ()
    name: str = ""

    @property
    def opens(self) -> bool:
        """Whether anything may be released on it."""
        return self.complete and self.tier is Tier.AFFIRMING

    @property
    def first_failure(self) -> StepResult | None:
        """The first step that failed, in the order of the specification."""
        return next((s for s in self.steps if s.verdict is StepVerdict.FAIL), None)
