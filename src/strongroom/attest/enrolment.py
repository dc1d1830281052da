"""Whether a key lives in a TPM, and in whose: the judge of an enrolment by credential activation.

Sources: TCG TPM 2.0 Library, Part 1, 9.5.3.3 and 24; TCG EK Credential Profile 2.5; RFC 5280, 6.1. The chain of an
endorsement key leads to whom the owner names, and to nobody that this program chose: makers of TPMs have dozens of roots.

Without a certificate everything else can hold all the same: then the key lives in *some* TPM, or in a program that acts
like one, and who is at the other end is as sure as the first meeting was. The verdict says so by its grade.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from strongroom.attest import matching
from strongroom.attest.steps import Outcome, Step, failed, passed, run, unchecked
from strongroom.kit import ek_certificate, tpm, tpm_credential
from strongroom.kit.x509.certificate import Certificate, parse
from strongroom.kit.x509.chains import verify_issued
from strongroom.kit.x509.signing import public_key
from strongroom.model.attest import Aspect, StepResult, StepVerdict
from strongroom.model.errors import BadInput, Malformed

CERTIFIED, FIRST_USE = "certified", "first-use"
MOST_CERTIFICATES = 8  # that a machine sends, its own and its authorities'
_LONGEST = 5  # certificates from the key's own to the root
_AK_MUST = ("fixedTPM", "fixedParent", "sensitiveDataOrigin", "restricted", "sign")
_EK_MUST = ("fixedTPM", "fixedParent", "sensitiveDataOrigin", "restricted", "decrypt")
_NAMED = "name the SHA-256 of its root in [tpm] ek_roots"
_SUBJECT = frozenset({ek_certificate.ALTERNATIVE_NAME, ek_certificate.EXTENDED_USAGE})


@dataclass(frozen=True)
class Enrolling:
    """What a machine that wants to be known has given, and what was asked of it.

    `ek_public` and `ak_public` are public areas, with or without their lengths; `certificates` DER, the endorsement
    key's own first; `roots` the SHA-256 (hex) of the authorities that the owner trusts with TPMs, `authorities` such
    certificates as the owner holds himself. `secret` was put into the credential, `answer` came back; None before that.
    """

    ek_public: bytes
    ak_public: bytes
    certificates: tuple[bytes, ...] = ()
    roots: tuple[str, ...] = ()
    authorities: tuple[bytes, ...] = ()
    secret: bytes = b""
    answer: bytes | None = None
    now: datetime = field(kw_only=True)

    @cached_property
    def ek(self) -> tpm.Public:
        """The endorsement key. Raises Malformed."""
        return tpm.public(self.ek_public)

    @cached_property
    def ak(self) -> tpm.Public:
        """The attestation key. Raises Malformed."""
        return tpm.public(self.ak_public)

    @cached_property
    def leaf(self) -> Certificate | None:
        """The endorsement key's certificate, or None where none was given. Raises Malformed."""
        if len(self.certificates) > MOST_CERTIFICATES:
            raise Malformed("EK certificates", f"{len(self.certificates)} of them", f"at most {MOST_CERTIFICATES}")
        return parse(self.certificates[0]) if self.certificates else None

    @cached_property
    def chain(self) -> tuple[Certificate, ...]:
        """From the key's certificate upwards, as far as certificates are at hand. Raises Malformed."""
        held = [parse(c) for c in (*self.certificates[1:], *self.authorities)]
        chain = [self.leaf] if self.leaf else []
        while chain and len(chain) < _LONGEST and chain[-1].issuer != chain[-1].subject:
            above = next((c for c in held if c.subject == chain[-1].issuer and c not in chain), None)
            if above is None or chain[-1].fingerprint in self._roots:
                break
            chain.append(above)
        return tuple(chain)

    @cached_property
    def _roots(self) -> frozenset[str]:
        return frozenset(r.lower() for r in self.roots)


@dataclass(frozen=True, slots=True)
class EnrolmentVerdict:
    """What the steps found. `grade` is `certified` or `first-use`, and empty where the machine is refused or has not
    answered yet. `ek` is the SHA-256 of the endorsement key's SubjectPublicKeyInfo, `ak_name` the attestation key's name,
    both in hex, and empty where they could not be read.
    """

    steps: tuple[StepResult, ...]
    grade: str
    ek: str
    ak_name: str
    root: str = ""  # SHA-256 of the root that certifies the endorsement key
    maker: str = ""  # what its certificate says of the TPM

    @property
    def failed(self) -> tuple[str, ...]:
        """The ids of the steps that failed."""
        return tuple(s.id for s in self.steps if s.verdict is StepVerdict.FAIL)

    @property
    def may_be_asked(self) -> bool:
        """Whether nothing speaks against sending a credential: no step failed that can be judged before the answer."""
        return not self.failed and bool(self.ek and self.ak_name)


def _certificate(e: Enrolling) -> Outcome:
    wanted = "the certificate of an endorsement key, valid now"
    if e.leaf is None:
        return unchecked("the machine gave no certificate of its endorsement key", wanted, _NAMED)
    made = ek_certificate.maker(e.leaf)
    standing = matching.valid_now((e.leaf,), e.now)
    if standing.verdict is StepVerdict.FAIL:
        return standing
    return passed(f"a TPM of {made.manufacturer}, {made.model}, {made.version}, {standing.found}", wanted)


def _chain(e: Enrolling) -> Outcome:
    wanted = "each certificate issued by the next, all valid now"
    for n, (lower, upper) in enumerate(zip(e.chain, e.chain[1:], strict=False)):
        verify_issued(lower, upper, n, _SUBJECT if n == 0 else frozenset())
    standing = matching.valid_now(e.chain[1:], e.now) if e.chain[1:] else passed("no authority above it")
    return standing if standing.verdict is StepVerdict.FAIL else passed(f"{len(e.chain)} certificates", wanted)


def _root(e: Enrolling) -> Outcome:
    wanted = "a root that the owner names"
    if not e.chain:
        return unchecked("no certificate", wanted)
    top = e.chain[-1]
    if not e.roots:
        return unchecked(
            f"no root is named; the chain ends in {top.common_name!r}, sha256 {top.fingerprint}", wanted, _NAMED
        )
    if top.fingerprint in {r.lower() for r in e.roots}:
        return passed(f"{top.common_name}, sha256 {top.fingerprint}", wanted)
    if top.issuer != top.subject:
        return failed(f"no certificate of {top.issuer_name!r}", wanted, "let the machine send it: --ek-chain FILE")
    return failed(f"{top.common_name}, sha256 {top.fingerprint}", wanted, _NAMED)


def _key(e: Enrolling) -> Outcome:
    wanted = "the endorsement key that is certified"
    if e.leaf is None:
        return unchecked("no certificate names a key", wanted)
    if public_key(ek_certificate.key(e.leaf)) != public_key(e.ek.spki):
        return failed(
            "a certificate of another key", wanted, "another machine's certificate, or another key of this one"
        )
    return passed("the certificate's", wanted)


def _wrong(area: tpm.Public, must: Sequence[str], mustnt: str) -> str:
    held = area.attributes
    absent = [f"not {name}" for name in must if name not in held]
    return ", ".join([*absent, mustnt] if mustnt in held else absent)


def _ek_attributes(e: Enrolling) -> Outcome:
    """As the templates have it: a key that opens what is closed for it, that nobody else holds, and that signs nothing."""
    wanted = f"{', '.join(_EK_MUST)}, adminWithPolicy or userWithAuth, and not sign"
    wrong = _wrong(e.ek, _EK_MUST, "sign")
    if wrong or not e.ek.attributes & {"adminWithPolicy", "userWithAuth"}:
        return failed(wrong or "neither adminWithPolicy nor userWithAuth", wanted, "this is no endorsement key")
    how = tpm_credential.protection(e.ek)
    return passed(f"{how.hash}, AES-{how.key * 8}", wanted)


def _ak_attributes(e: Enrolling) -> Outcome:
    wanted = f"{', '.join(_AK_MUST)}, and not decrypt"
    wrong = _wrong(e.ak, _AK_MUST, "decrypt")
    if wrong:
        return failed(wrong, wanted, "it can be made to sign a forged quote")
    return passed(wanted)


def _activation(e: Enrolling) -> Outcome:
    wanted = "the secret that only the TPM of both keys could open"
    if e.answer is None:
        return unchecked("the credential has not been answered yet", wanted)
    if not e.secret or not hmac.compare_digest(e.answer, e.secret):
        return failed("another secret", wanted, "the two keys do not live in one TPM")
    return passed("it came back", wanted)


_CP, _P1, _P2 = "TCG EK Credential Profile", "TPM 2.0 Part 1", "TPM 2.0 Part 2"
_I = Aspect.IDENTITY
STEPS: tuple[Step[Enrolling], ...] = (
    Step("enrol.ek_certificate", "a maker of TPMs certified the endorsement key", f"{_CP} 3.2", _certificate, _I, 97),
    Step("enrol.ek_chain", "its chain is whole and valid", "RFC 5280 6.1", _chain, _I, 97, ("enrol.ek_certificate",)),
    Step("enrol.ek_root", "the chain ends where the owner trusts", f"{_CP} 2", _root, _I, 97, ("enrol.ek_certificate",)),
    Step("enrol.ek_key", "the certificate is of this key", f"{_CP} 3.1.1", _key, _I, 97),
    Step("enrol.ek_attributes", "the key opens secrets, and stays in its TPM", f"{_P2} 8.3", _ek_attributes, _I, 97),
    Step("enrol.ak_attributes", "the attestation key signs only what the TPM made", f"{_P2} 8.3", _ak_attributes, _I, 97),
    Step("enrol.activation", "both keys live in one TPM", f"{_P1} 24", _activation, _I, 97),
)  # fmt: skip
_CHAIN = frozenset({"enrol.ek_certificate", "enrol.ek_chain", "enrol.ek_root", "enrol.ek_key"})


def appraise_enrolment(given: Enrolling, steps: Sequence[Step[Enrolling]] = STEPS) -> EnrolmentVerdict:
    """The verdict on what is known so far: before the credential is sent, and again with its answer.

    A step that fails refuses the machine, also where it could have come without a certificate: whoever shows one that is
    wrong is not somebody who has none.
    """
    found = run(steps, given, {})
    verdicts = {s.id: s.verdict for s in found}
    grade = ""
    if StepVerdict.FAIL not in verdicts.values() and _all(verdicts, {s.id for s in steps} - _CHAIN):
        grade = CERTIFIED if _all(verdicts, _CHAIN & {s.id for s in steps}) else FIRST_USE
    certified = grade == CERTIFIED
    return EnrolmentVerdict(
        found,
        grade,
        _hex(given, "ek"),
        _hex(given, "ak"),
        given.chain[-1].fingerprint if certified and given.chain else "",
        next((s.found for s in found if s.id == "enrol.ek_certificate"), "") if certified else "",
    )


def _all(verdicts: dict[str, StepVerdict], ids: set[str] | frozenset[str]) -> bool:
    return all(verdicts.get(i) is StepVerdict.PASS for i in ids)


def _hex(given: Enrolling, which: str) -> str:
    """The endorsement key's digest, or the attestation key's name; empty where the octets are none."""
    try:
        return hashlib.sha256(given.ek.spki).hexdigest() if which == "ek" else given.ak.name.hex()
    except BadInput:
        return ""
