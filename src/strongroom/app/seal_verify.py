"""Verify a model against its signature: who signed, what was signed, and whether the files are those. All is told."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric import mldsa

from strongroom.app import seal_model
from strongroom.app.boundary import contained, fault
from strongroom.app.seal_signers import certificates
from strongroom.kit import dsse, model_key, oms, oms_comparing, oms_reading, signing_certificate, sigstore_bundle
from strongroom.kit.oms import Code, Reason
from strongroom.kit.sigstore_bundle import Bundle, CertificateChain, Keyless, PublicKey
from strongroom.model.errors import BadInput, BadSignature, BadUsage, Malformed, StrongroomError
from strongroom.model.ports import Progress
from strongroom.seal import hashing, sigstore_offline

SCHEMA = "strongroom.seal-verification/1"


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom a signature must be of. Exactly one of a key, certificates and a trust configuration; all are paths."""

    public_key: str | None = None
    certificate_chain: tuple[str, ...] = ()
    trust_config: str | None = None
    identity: str | None = None
    identity_provider: str | None = None
    second_key: str | None = None  # of ML-DSA-65, for `Asked.second_signature`

    def check(self) -> None:
        """Raises BadUsage where the words do not fit together."""
        given = [self.public_key, self.certificate_chain or None, self.trust_config]
        if sum(g is not None for g in given) != 1:
            wanted = "exactly one of --public-key, --certificate-chain and --trust-config"
            raise BadUsage("seal verify", "not one thing to trust", wanted)
        if self.trust_config and not (self.identity and self.identity_provider):
            raise BadUsage("--trust-config", "no signer", "--identity and --identity-provider: a log takes anyone's")
        if self.identity is not None and self.public_key:
            raise BadUsage("--identity", "a public key, which has no name", "--certificate-chain or --trust-config")
        if self.identity_provider and not self.trust_config:
            raise BadUsage("--identity-provider", "no --trust-config", "both")


@dataclass(frozen=True, slots=True)
class Asked:
    """A verification: paths, whom to trust, the time that counts, and what is let pass."""

    model: str
    signature: str
    trust: Trust
    now: datetime
    ignore: tuple[str, ...] = ()
    allow_symlinks: bool = False
    ignore_unsigned: bool = False
    compat: bool = False
    second_signature: str | None = None
    workers: int = 0
    only: tuple[str, ...] = ()  # what has its digest taken; the rest is held against names alone. All of it without any


class SignedBy(msgspec.Struct, frozen=True):
    """Whose key made a signature, once it is verified."""

    method: str
    key: str
    id: str
    names: tuple[str, ...] = ()


class Verdict(msgspec.Struct, frozen=True):
    """The whole answer; valid where there is no reason against it."""

    schema: str
    model: str
    signature: str
    valid: bool
    reasons: tuple[Reason, ...]
    notes: tuple[str, ...]
    signers: tuple[SignedBy, ...]
    files: int
    octets: int
    root: str


class _Judging:
    """The reasons, notes and signers as they are found."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.reasons: list[Reason] = []
        self.notes: list[str] = []
        self.signers: list[SignedBy] = []

    def tell(self, code: Code, found: str, wanted: str, file: str = "") -> None:
        self.reasons.append(Reason(code, file or self.asked.signature, found, wanted))

    def verify(
        self, key: model_key.PublicKey, envelope: dsse.Envelope, signer: SignedBy | None, file: str = ""
    ) -> None:
        """Verify an envelope by a key; there is a signer only where the signature is the key's, and the key somebody's."""
        try:
            note = model_key.verified(key, envelope, file or self.asked.signature, compat=self.asked.compat)
        except BadSignature as e:
            self.tell(Code.SIGNATURE, e.found, e.wanted, file)
            return
        self.signers.extend(filter(None, [signer]))
        self.notes.extend(filter(None, [note]))


def verify(asked: Asked, tell: Progress | None = None) -> Verdict:
    """The verdict on a model and its signature.

    Raises:
        BadUsage: what to trust does not fit together.
        BadInput: the model, the signature, or what is to be trusted cannot be read at all.
        NotFound: a package is not installed that the signature or the hash wants.
    """
    asked.trust.check()
    if (asked.second_signature is None) != (asked.trust.second_key is None):
        raise BadUsage("seal verify", "half of a second signature", "--ml-dsa-signature and --ml-dsa-public-key")
    model = seal_model.model(asked.model)
    data = seal_model.octets_of(asked.signature, "a signature", sigstore_bundle.MOST)
    bundle = sigstore_bundle.read(data, asked.signature, compat=asked.compat)
    judging = _Judging(asked)
    _signature(bundle, data, judging)
    if asked.second_signature is not None:
        _second(bundle.envelope, asked.second_signature, judging)
    if bundle.envelope.payload_type != dsse.IN_TOTO:
        judging.tell(Code.PAYLOAD_TYPE, repr(bundle.envelope.payload_type[:80]), dsse.IN_TOTO)
    read = oms_reading.read(bundle.envelope.payload, asked.signature, single=model.single, compat=asked.compat)
    judging.reasons.extend(read.reasons)
    judging.notes.extend(read.notes)
    tree = oms_comparing.Tree({})
    if read.statement is not None:
        tree = _files(model, read.statement, judging, tell)
    return _verdict(judging, read.statement, tree)


class Inside(NamedTuple):
    """A signature that was read out of a sealed artifact: what was signed, by whom, and what speaks against it."""

    statement: oms.Statement | None
    signers: tuple[SignedBy, ...]
    reasons: tuple[Reason, ...]


def inside(data: bytes, name: str, trust: Trust, now: datetime, *, single: str | None) -> Inside:
    """Who signed a statement, before any file is held against it.

    Raises:
        BadUsage: what to trust does not fit together.
        BadInput: the signature, or what is to be trusted, cannot be read at all.
    """
    trust.check()
    bundle = sigstore_bundle.read(data, name)
    judging = _Judging(Asked(name, name, trust, now))
    _signature(bundle, data, judging)
    if bundle.envelope.payload_type != dsse.IN_TOTO:
        judging.tell(Code.PAYLOAD_TYPE, repr(bundle.envelope.payload_type[:80]), dsse.IN_TOTO)
    read = oms_reading.read(bundle.envelope.payload, name, single=single)
    reasons = (*judging.reasons, *read.reasons)
    if not reasons and not judging.signers:
        reasons = (Reason(Code.SIGNATURE, name, "nobody's signature", "that of who is trusted"),)
    return Inside(read.statement, tuple(judging.signers), reasons)


def _verdict(judging: _Judging, statement: oms.Statement | None, tree: oms_comparing.Tree) -> Verdict:
    signed = {p.path for p in statement.digests} if statement is not None else set()
    octets = sum(size for path, size in tree.files.items() if path in signed)
    reasons = tuple(dict.fromkeys(judging.reasons))
    valid = not reasons and bool(judging.signers) and statement is not None
    assert valid or reasons  # an answer without a signer, or without a statement, has said why
    root = statement.root if statement is not None else ""
    asked, notes = judging.asked, tuple(judging.notes)
    signers = tuple(judging.signers)
    return Verdict(SCHEMA, asked.model, asked.signature, valid, reasons, notes, signers, len(signed), octets, root)


def _signature(bundle: Bundle, data: bytes, judging: _Judging) -> None:
    trust = judging.asked.trust
    if trust.public_key is not None:
        _by_key(bundle, trust.public_key, judging)
    elif trust.trust_config is not None:
        _by_sigstore(bundle, data, judging)
    else:
        _by_certificate(bundle, judging)


def _method(bundle: Bundle, wanted: str, judging: _Judging) -> None:
    kinds = {
        PublicKey: "a key alone",
        CertificateChain: "a chain of certificates",
        Keyless: "a certificate of Sigstore",
    }
    judging.tell(Code.METHOD, f"a bundle with {kinds[type(bundle.material)]}", wanted)


def _by_key(bundle: Bundle, path: str, judging: _Judging) -> None:
    key = model_key.public_key(seal_model.octets_of(path, "a public key in PEM"), path)
    if not isinstance(bundle.material, PublicKey):
        _method(bundle, "one with a key, or --certificate-chain or --trust-config", judging)
        return
    hint = model_key.hint_of(key)
    if not model_key.is_named(key, *bundle.material, judging.asked.signature):
        named = bundle.material.hint[:80] or hashlib.sha256(bundle.material.pem).hexdigest()
        judging.tell(Code.HINT, f"a signature by the key {named!r}", f"by {hint}")
    judging.verify(key, bundle.envelope, SignedBy("key", model_key.kind_of(key), hint))


def _by_certificate(bundle: Bundle, judging: _Judging) -> None:
    asked, file = judging.asked, judging.asked.signature
    given = certificates(asked.trust.certificate_chain)
    if not isinstance(bundle.material, CertificateChain):
        _method(bundle, "one with a chain, or --public-key or --trust-config", judging)
        return
    chain, identity = bundle.material.certificates, asked.trust.identity
    judged = signing_certificate.judge(chain, given, asked.now, file, identity=identity, compat=asked.compat)
    judging.reasons.extend(judged.reasons)
    if judged.certificate is None:
        return
    try:
        key = model_key.public_key_of(judged.certificate.key, file)
    except Malformed as e:
        judging.tell(Code.KEY, e.found, e.wanted)
        return
    signer = SignedBy("certificate", model_key.kind_of(key), judged.certificate.fingerprint, judged.names)
    judging.verify(key, bundle.envelope, None if judged.reasons else signer)


def _by_sigstore(bundle: Bundle, data: bytes, judging: _Judging) -> None:
    trust, file = judging.asked.trust, judging.asked.signature
    assert trust.trust_config is not None
    config = seal_model.octets_of(trust.trust_config, "a trust configuration of Sigstore")
    if not isinstance(bundle.material, Keyless):
        _method(bundle, "one of Sigstore, or --public-key or --certificate-chain", judging)
        return
    who = (trust.identity or "", trust.identity_provider or "")

    def wrong(e: Exception) -> StrongroomError:
        return BadSignature(
            file, f"what the verifier of Sigstore stumbled over ({fault(e)})", "a signature of Sigstore"
        )

    try:
        signed = contained(lambda: sigstore_offline.verified(data, file, config, trust.trust_config or "", *who), wrong)
    except BadSignature as e:
        judging.tell(Code.SIGSTORE, e.found, e.wanted)
        return
    if signed != bundle.envelope[:2]:
        judging.tell(Code.SIGSTORE, "a payload that two readers read differently", "one reading")
        return
    fingerprint = hashlib.sha256(bundle.material.certificate).hexdigest()
    judging.signers.append(SignedBy("sigstore", who[1], fingerprint, (who[0],)))


def _second(first: dsse.Envelope, path: str, judging: _Judging) -> None:
    """The second signature: of ML-DSA-65, over the same octets, in a bundle that other verifiers need not know of."""
    wanted = judging.asked.trust.second_key
    assert wanted is not None
    key = model_key.public_key(seal_model.octets_of(wanted, "a public key in PEM"), wanted)
    if not isinstance(key, mldsa.MLDSA65PublicKey):
        raise BadInput(wanted, model_key.kind_of(key), "ML-DSA-65")
    bundle = sigstore_bundle.read(seal_model.octets_of(path, "a signature", sigstore_bundle.MOST), path)
    if bundle.envelope[:2] != first[:2]:
        judging.tell(Code.SECOND_SIGNATURE, "a signature over another statement", "over the same one", path)
    hint = model_key.hint_of(key)
    if not isinstance(bundle.material, PublicKey) or not model_key.is_named(key, *bundle.material, path):
        judging.tell(Code.HINT, "a signature by another key", f"by {hint}", path)
    judging.verify(key, bundle.envelope, SignedBy("key", model_key.kind_of(key), hint), path)


def _files(
    model: seal_model.Model, statement: oms.Statement, judging: _Judging, tell: Progress | None
) -> oms_comparing.Tree:
    """What lies in the model, once it is held against the statement."""
    asked, how = judging.asked, statement.how
    if how.allow_symlinks and not asked.allow_symlinks:
        judging.tell(Code.SYMLINKS, "a model that was signed with symbolic links", "none, or --allow-symlinks")
    links = how.allow_symlinks and asked.allow_symlinks
    own = tuple(filter(None, map(model.inside, filter(None, (asked.signature, asked.second_signature)))))
    leave = {*oms.ALWAYS_IGNORED, *how.ignore_paths, *seal_model.ignored(model, asked.ignore), *own}
    named = {p.path for p in statement.digests}
    tree = seal_model.tree(model, leave, named, allow_symlinks=links)
    every = oms_comparing.to_hash(statement, tree)
    parts = seal_model.longest_first((p for p in every if not asked.only or p.path in asked.only), tree)
    follow = links or model.single is not None
    digests = hashing.digests(model.root, parts, how.hash_type, allow_symlinks=follow, workers=asked.workers, tell=tell)
    if asked.only:
        left = {p: statement.digests[p] for p in every if p not in digests}
        judging.notes.append(f"{len(left)} files were held against their names alone")
        digests |= left
    told = tree._replace(ignored=tuple(_worth_telling(tree.ignored, own)))
    reasons, notes = oms_comparing.compare(statement, told, digests, extra=asked.ignore_unsigned)
    judging.reasons.extend(reasons)
    judging.notes.extend(notes)
    return tree


def _worth_telling(ignored: Sequence[str], own: Sequence[str]) -> Iterator[str]:
    return (path for path in ignored if path not in own)
