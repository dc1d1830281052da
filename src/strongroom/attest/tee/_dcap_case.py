"""What the steps of TDX and SGX share."""

from collections.abc import Container
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric import ec

from strongroom.attest.policy import DcapPolicy
from strongroom.attest.tee import _dcap_chain as chains
from strongroom.attest.tee import _dcap_collateral as collateral
from strongroom.attest.tee import _dcap_quote as quotes
from strongroom.attest.tee._dcap_chain import Chain, Platform
from strongroom.attest.tee._dcap_collateral import QeIdentity, Svns, TcbInfo
from strongroom.attest.tee._dcap_quote import Domain, Enclave, Quote
from strongroom.attest.tee._dcap_standing import Standing, standing
from strongroom.attest.verifier import Inputs
from strongroom.kit import ccel
from strongroom.kit.x509 import certificate as certificates
from strongroom.kit.x509.certificate import Certificate
from strongroom.kit.x509.signing import Algorithm, public_key, valid
from strongroom.model.attest import Endorsement, EndorsementKind, Evidence, EvidenceKind
from strongroom.model.errors import BadInput, Malformed

QUOTE, EVENT_LOG = "quote", "event-log"  # the parts
_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")  # P-256, an uncompressed point follows


class Case:
    """The inputs, and what was read of them: each at first use, and an error of reading is the error of its step."""

    def __init__(self, kind: EvidenceKind, roots: Container[str], inputs: Inputs) -> None:
        self.kind = kind
        self.roots = roots
        self.inputs = inputs

    @property
    def is_td(self) -> bool:
        """Whether it is a trust domain, not an enclave."""
        return self.kind is EvidenceKind.TDX

    @property
    def policy(self) -> DcapPolicy:
        """What is demanded of either kind."""
        return self.inputs.policy.tdx if self.is_td else self.inputs.policy.sgx

    @cached_property
    def quote(self) -> Quote:
        """The quote. Raises Malformed."""
        return read(self.inputs.evidence, self.kind)

    @cached_property
    def log(self) -> ccel.Log | None:
        """The event log that came with the quote; None where none did. Raises Malformed, TooLarge."""
        part = self.inputs.evidence.part(EVENT_LOG)
        return ccel.parse(part.data) if part else None

    @cached_property
    def enclave(self) -> Enclave:
        """The attested enclave."""
        return quotes.enclave(self.quote.body)

    @cached_property
    def domain(self) -> Domain:
        """The attested trust domain."""
        return quotes.domain(self.quote.body)

    @cached_property
    def qe(self) -> Enclave:
        """The quoting enclave."""
        return quotes.enclave(self.quote.qe_report)

    @cached_property
    def given(self) -> tuple[Certificate, ...]:
        """The certificates among the endorsements."""
        return chains.given(self.inputs.endorsements)

    @cached_property
    def inside(self) -> tuple[Certificate, ...]:
        """The certificates of the quote; none where it cannot be read."""
        try:
            return chains.of_quote(self.quote.certificates)
        except BadInput:
            return ()

    @cached_property
    def chain(self) -> Chain:
        """The PCK certificate of the quote, or the given one that signed it, and its authorities."""
        found = chains.leaves(self.inside)
        leaf = found[0] if found else next(filter(self._signed_qe, chains.leaves(self.given)), None)
        return chains.above(leaf, (*self.inside, *self.given), self.roots)

    def _signed_qe(self, leaf: Certificate) -> bool:
        try:
            return signed(leaf.key, self.quote.qe_signature, self.quote.qe_report)
        except BadInput:
            return False

    @cached_property
    def platform(self) -> Platform:
        """What the PCK certificate says. Raises Malformed."""
        if self.chain.leaf is None:
            raise Malformed("quote", "no PCK certificate", "one")
        return chains.platform(self.chain.leaf.der)

    @cached_property
    def svns(self) -> Svns:
        """What the platform has. Raises Malformed."""
        p = self.platform
        return Svns(p.components, p.pce_svn, self.domain.tee_tcb_svn if self.is_td else b"")

    @cached_property
    def tcb_statement(self) -> Endorsement | None:
        """The tcbInfo that fits best."""

        def rank(data: bytes) -> collateral.Worth:
            info = collateral.tcb_info(data)
            mine = info.id == self.kind.name and collateral.octets(info.fmspc, 6, "FMSPC") == self.platform.fmspc
            when = collateral.dates(info)
            return mine, when.issued <= self.inputs.now <= when.ends, when.issued

        return collateral.choose(self.inputs.endorsements.of(EndorsementKind.TCB_INFO), rank)

    @cached_property
    def qe_statement(self) -> Endorsement | None:
        """The identity of the quoting enclave that fits best."""

        def rank(data: bytes) -> collateral.Worth:
            found = collateral.qe_identity(data)
            when = collateral.dates(found)
            return found.id == self.qe_name, when.issued <= self.inputs.now <= when.ends, when.issued

        return collateral.choose(self.inputs.endorsements.of(EndorsementKind.QE_IDENTITY), rank)

    @cached_property
    def tcb_signer(self) -> Certificate | None:
        """Whose certificate stands under the tcbInfo."""
        return self._signer(self.tcb_statement)

    @cached_property
    def qe_signer(self) -> Certificate | None:
        """Whose certificate stands under the identity of the quoting enclave."""
        return self._signer(self.qe_statement)

    def _signer(self, e: Endorsement | None) -> Certificate | None:
        """The first of the statement's own chain; without one, the signer among what was given, else what is there."""
        if e is None:
            return None
        if e.chain:
            return certificates.readable(e.chain[0])
        loose = [x for x in self.given if x.issuer != x.subject and chains.EXTENSION not in x.extensions]
        return next((x for x in loose if x.common_name == chains.TCB_SIGNER), loose[0] if loose else None)

    def issuer_of(self, signer: Certificate, e: Endorsement) -> Certificate | None:
        """Who issued a signer's certificate, of all that are at hand."""
        own = tuple(x for x in map(certificates.readable, e.chain[1:]) if x is not None)
        return chains.issuer(signer, (*own, *self.given, *self.inside), self.roots)

    @property
    def qe_name(self) -> str:
        """What the identity of this kind's quoting enclave is called."""
        return "TD_QE" if self.is_td else "QE"

    @cached_property
    def tcb_info(self) -> TcbInfo:
        """What the tcbInfo says; only steps after it ask. Raises Malformed."""
        if self.tcb_statement is None:
            raise Malformed("tcbInfo", "none", "one")
        return collateral.tcb_info(self.tcb_statement.data)

    @cached_property
    def qe_identity(self) -> QeIdentity:
        """What the identity says; only steps after it ask. Raises Malformed."""
        if self.qe_statement is None:
            raise Malformed("enclaveIdentity", "none", "one")
        return collateral.qe_identity(self.qe_statement.data)

    @cached_property
    def standing(self) -> Standing:
        """Where the platform stands by the collateral. Raises Malformed."""
        return standing(self.tcb_info, self.qe_identity, self.svns, self.qe.isv_svn)


def read(evidence: Evidence, kind: EvidenceKind) -> Quote:
    """The quote of the evidence. Raises Malformed."""
    part = evidence.part(QUOTE)
    if part is None:
        raise Malformed("quote", "no such part", "one")
    return quotes.parse(part.data, quotes.BODY_TD10 if kind is EvidenceKind.TDX else quotes.BODY_SGX)


def signed(spki: bytes, signature: bytes, data: bytes) -> bool:
    """Whether a P-256 key made a signature of R and S. Raises Malformed for a key that is none."""
    key = public_key(spki)
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Malformed("public key", "one that is not on P-256", "P-256")
    return valid(key, Algorithm.ECDSA_SHA256, collateral.dss(signature), data)


def point(key: bytes) -> bytes:
    """The SubjectPublicKeyInfo of X and Y."""
    return _SPKI + key
