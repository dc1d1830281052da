"""The parsers that hostile input is handed to: their sound seeds, what reads, and what judges what was read."""

import base64
import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import dcap_minting as dcap
import fuzz_boot as boot
import fuzz_cloud as cloud
import fuzz_gpus as gpus
import fuzz_images as files
import minted_x509 as x
import nitro_minting as nitro
import snp_json
import snp_minting as snp
import tpm_minting as tpms
from fuzz_recorded import recorded

from strongroom.app.evidence import recognise
from strongroom.attest.appraise import appraise
from strongroom.attest.verifier import Inputs, Verifier
from strongroom.kit import cbor, ccel, cose, der, endorsement_text, intel_collateral
from strongroom.kit.x509 import certificate, chains, crl, pem
from strongroom.model.attest import Appraisal, Endorsement, EndorsementKind, Endorsements, Evidence
from strongroom.model.errors import BadInput


class OpenedError(AssertionError):
    """Changed evidence opened, and says something else than the sound evidence."""


@dataclass(frozen=True)
class Target:
    """One parser. `read` may raise BadInput; `judge` may raise nothing. `finish` signs what was mutated, where it should."""

    name: str
    seeds: Callable[[], Sequence[bytes]]
    read: Callable[[bytes], object]
    judge: Callable[[object], object] = lambda _: None
    finish: Callable[[bytes], bytes] | None = None


def walk(data: bytes, depth: int = 0) -> None:
    """Read DER as deep as it goes, by the readers of each type. Raises Malformed."""
    typed = {der.INTEGER: der.integer, der.BOOLEAN: der.boolean, der.OID: der.oid, der.BIT_STRING: der.flags}
    for element in der.elements(data):
        reader = typed.get(element.tag)
        if reader is not None:
            reader(element)
        elif element.tag in (der.UTC_TIME, der.GENERALIZED_TIME):
            der.time(element)
        elif element.tag & 0x20 and depth < 30:
            walk(element.value, depth + 1)
        elif element.tag in (der.UTF8, der.PRINTABLE, der.IA5, der.T61, der.BMP):
            der.text(element)


@functools.cache
def _vendor(product: str = "Milan") -> snp.Vendor:
    return snp.Vendor(product, rsa=False)


def _certificates() -> tuple[bytes, ...]:
    cloud = _vendor().chain(_vendor().vlek())
    return (
        *_vendor().chain(),
        *_vendor("Turin").chain(),
        cloud[0],
        *nitro.Vendor().bundle(),
        nitro.Vendor().certificate(),
        *recorded("*/*.der"),
    )


def _lists() -> tuple[bytes, ...]:
    more = x.Listing(serials=tuple(range(1, 9)), extensions=(x.extension("2.5.29.20", x.integer(7)),))
    return (_vendor().crl(), _vendor().crl(more), dcap.crl(dcap.Draft(), "pck_crl"))


def _certificate(octets: bytes) -> object:
    return certificate.parse(octets)


def _judged_certificate(found: object) -> None:
    assert isinstance(found, certificate.Certificate)
    root = certificate.parse(_vendor().root)
    for issuer in (root, found):
        try:
            chains.verify_issued(found, issuer)
        except BadInput:
            continue
    assert found.fingerprint
    found.valid_at(x.NOW)


def _judged_list(found: object) -> None:
    assert isinstance(found, crl.RevocationList)
    crl.trouble(found, x.NOW)
    try:
        crl.verify_list(found, certificate.parse(_vendor().root))
    except BadInput:
        return


def _pems() -> tuple[bytes, ...]:
    chain = _vendor().chain()
    return (b"".join(map(x.pem, chain)), b"words\n" + x.pem(chain[0]) + x.pem(_vendor().crl(), "X509 CRL"))


# Evidence, from its octets to the verdict


Make = Callable[[bytes], tuple[Verifier, Inputs]]


def _evidence(name: str, seeds: Callable[[], Sequence[bytes]], make: Make) -> Target:
    """A target that reads octets as evidence, appraises them and lists their fields."""

    @functools.cache
    def sound() -> list[object]:
        return [_verdict(make(octets)).claims for octets in seeds()]

    def judge(read: object) -> None:
        verifier, inputs = read  # type: ignore[misc] # what `make` gave
        found = _verdict((verifier, inputs))
        list(verifier.fields(inputs.evidence))
        verifier.wants(inputs.evidence)
        if found.opens and found.claims not in sound():
            raise OpenedError(str(found.claims)[:200])

    return Target(name, seeds, make, judge)


def _verdict(made: tuple[Verifier, Inputs]) -> Appraisal:
    return appraise(*made)


@functools.cache
def _snp_cases() -> dict[bytes, snp.Minted]:
    """Sound evidence by its report, of each product and version."""
    v = _vendor
    made = [snp.genuine(v(), version=n) for n in (2, 3, 5)]
    made += [snp.genuine(v("Turin")), snp.by_cloud(v())]
    return {m.report: m for m in made}


def _snp_inputs(octets: bytes) -> tuple[Verifier, Inputs]:
    """Any report with all the certificates and lists that there are."""
    cases = list(_snp_cases().values())
    best = max(cases, key=lambda m: sum(a == b for a, b in zip(m.report[:0x1E0], octets[:0x1E0], strict=False)))
    verifier = best.but(trusted=(_vendor(), _vendor("Turin"))).verifier()
    parts = verifier.read(octets)
    base = best.inputs()
    return verifier, replace(base, evidence=Evidence(base.evidence.kind, parts, base.evidence.challenge))


def _snp_seeds() -> tuple[bytes, ...]:
    first = next(iter(_snp_cases().values()))
    return (*_snp_cases(), first.report + _table(first.certificates), *recorded("snp/*.report.bin"))


def _table(certificates: Sequence[bytes]) -> bytes:
    at, entries = 24 * (len(certificates) + 1), b""
    for n, octets in enumerate(certificates):
        entries += bytes([n + 1]) * 16 + at.to_bytes(4, "little") + len(octets).to_bytes(4, "little")
        at += len(octets)
    return entries + bytes(24) + b"".join(certificates)


def _signed_report(octets: bytes) -> bytes:
    """A changed report that the chip's own key has signed: its steps run to the last."""
    body = octets[:0x2A0].ljust(0x2A0, b"\0")
    return snp.Report(patches=((0, body),)).signed(_vendor().chip_key) + octets[0x4A0:]


def _snp_json() -> tuple[bytes, ...]:
    cases = list(_snp_cases().values())
    return (
        snp_json.evidence(cases[1].report, "Milan", cases[1].certificates),
        snp_json.evidence(cases[3].report, "Turin"),
        *recorded("snp/*.json"),
    )


@functools.cache
def _snp_base() -> tuple[Verifier, Inputs]:
    minted = snp.genuine(_vendor())
    return minted.verifier(), minted.inputs()


def _given(octets: bytes) -> tuple[Verifier, Inputs]:
    """Sound SNP evidence with endorsements of which one is hostile, in place of the sound one that it begins like."""
    verifier, base = _snp_base()
    kinds = (EndorsementKind.CERTIFICATE, EndorsementKind.CRL)
    hostile = tuple(Endorsement(k, octets) for k in kinds)
    held = tuple(e for e in base.endorsements.items if e.data[:64] != octets[:64])
    return verifier, replace(base, endorsements=Endorsements((*hostile, *held)))


def _nitro_inputs(octets: bytes) -> tuple[Verifier, Inputs]:
    verifier, base = _nitro_base()
    return verifier, replace(base, evidence=Evidence(verifier.kind, verifier.read(octets), nitro.CHALLENGE))


@functools.cache
def _nitro_base() -> tuple[Verifier, Inputs]:
    return nitro.Minted().verifier(), nitro.Minted().inputs()


def _nitro_seeds() -> tuple[bytes, ...]:
    good = nitro.Minted()
    stated = good.saying(user_data=bytes(64))
    made = (good.document(), good.but(tagged=True).document(), stated.document(), good.saying(nonce=None).document())
    return (*made, *recorded("nitro/*.cose"))


def _payloads() -> tuple[bytes, ...]:
    whole = cbor.encode(nitro.payload(nitro.Vendor()))
    return (whole, b"\xbf" + whole[1:] + b"\xff", cbor.encode(nitro.payload(nitro.Vendor(), user_data=None)))


def _signed_payload(octets: bytes) -> bytes:
    """A document whose changed payload the enclave's own key has signed."""
    return nitro.Minted(octets=octets).document()


DRAFTS = {"tdx": ("tdx v4", "tdx v5, report 1.5"), "sgx": ("sgx v3", "sgx v4")}


@functools.cache
def _quotes(kind: str) -> tuple[bytes, ...]:
    return (*(dcap.quote(dcap.SOUND[name]) for name in DRAFTS[kind]), *recorded(f"dcap/{kind}*.quote"))


@functools.cache
def _dcap_base(kind: str) -> tuple[Verifier, Inputs]:
    draft = dcap.SOUND[DRAFTS[kind][0]]
    return dcap.verifier(draft), dcap.inputs(draft)


def _quote_inputs(kind: str, octets: bytes) -> tuple[Verifier, Inputs]:
    verifier, base = _dcap_base(kind)
    return verifier, replace(base, evidence=Evidence(verifier.kind, verifier.read(octets), dcap.CHALLENGE))


@functools.cache
def _collateral() -> tuple[bytes, ...]:
    return (
        json.dumps(dcap.collateral(dcap.Draft())).encode(),
        dcap.tcb_info(dcap.Draft()),
        dcap.qe_identity(dcap.Draft()),
        *recorded("dcap/tcb_info*.json", "dcap/qe_identity*.json", "dcap/*collateral.json"),
    )


@functools.cache
def _collateral_draft() -> dict[str, str]:
    return dcap.collateral(dcap.Draft())


def _with_collateral(octets: bytes) -> tuple[Verifier, Inputs]:
    """A sound quote with a document of collateral in which the statements are hostile, signed or not."""
    verifier, base = _dcap_base("tdx")
    return verifier, replace(base, endorsements=intel_collateral.read(octets))


def _signed_statement(octets: bytes) -> bytes:
    """A document in which a changed statement is signed as the sound one is: its fields are read to the last."""
    which = "tcb_info" if b"fmspc" in octets[:2000] else "qe_identity"
    text = octets.decode("utf-8", "replace")
    made = _collateral_draft() | {which: text, f"{which}_signature": dcap.sign("signer", text.encode()).hex()}
    return json.dumps(made).encode()


def _armoured() -> tuple[bytes, ...]:
    report = next(iter(_snp_cases()))
    document = nitro.Minted().document()
    return (report, report.hex().encode(), base64.encodebytes(document), base64.urlsafe_b64encode(report), document)


def _recognised(octets: bytes) -> object:
    verifier, found = recognise(octets, "input")
    return verifier.read(found)


def _only_judged(read: object) -> None:
    """Judge what a key of the vendor's own signed: whatever it says, it is the vendor's word, and may open."""
    verifier, inputs = read  # type: ignore[misc] # what a target's reader gave
    _verdict((verifier, inputs))
    list(verifier.fields(inputs.evidence))
    verifier.wants(inputs.evidence)


def _by_claims(name: str, seeds: Callable[[], Sequence[bytes]], make: Make, finish: Callable[[bytes], bytes]) -> Target:
    """A target whose octets a made-up vendor signs once they are changed."""
    return replace(_evidence(name, seeds, make), finish=finish, judge=_only_judged)


TARGETS: dict[str, Callable[[], Target]] = {
    "cbor": lambda: Target(
        "cbor",
        lambda: (*_payloads(), *_nitro_seeds(), cbor.encode({1: (True, None, -9, "x")})),
        lambda d: cbor.read(d, (18,)),
    ),
    "cose": lambda: Target("cose", _nitro_seeds, cose.first),
    "der": lambda: Target("der", lambda: (*_certificates(), *_lists()), walk),
    "x509": lambda: Target("x509", _certificates, _certificate, _judged_certificate),
    "crl": lambda: Target("crl", _lists, crl.parse, _judged_list),
    "pem": lambda: Target("pem", _pems, pem.blocks),
    "recognition": lambda: Target("recognition", _armoured, _recognised),
    "snp": lambda: _evidence("snp", _snp_seeds, _snp_inputs),
    "snp-signed": lambda: _by_claims("snp-signed", _snp_seeds, _snp_inputs, _signed_report),
    "snp-json": lambda: _evidence("snp-json", _snp_json, _snp_inputs),
    "snp-endorsements": lambda: _evidence("snp-endorsements", lambda: (*_vendor().chain(), *_lists()), _given),
    "nitro": lambda: _evidence("nitro", _nitro_seeds, _nitro_inputs),
    "nitro-signed": lambda: _by_claims("nitro-signed", _payloads, _nitro_inputs, _signed_payload),
    "tdx": lambda: _evidence("tdx", lambda: _quotes("tdx"), lambda d: _quote_inputs("tdx", d)),
    "sgx": lambda: _evidence("sgx", lambda: _quotes("sgx"), lambda d: _quote_inputs("sgx", d)),
    "intel-collateral": lambda: Target("intel-collateral", _collateral, intel_collateral.read),
    "collateral-signed": lambda: _by_claims(
        "collateral-signed", lambda: _collateral()[1:3], _with_collateral, _signed_statement
    ),
    "endorsement-text": lambda: Target(
        "endorsement-text", lambda: (*_pems(), *_certificates()[:2], *_lists(), *_collateral()), endorsement_text.read
    ),
    "event-log": lambda: Target("event-log", boot.logs, ccel.parse),
    "tpm": lambda: _evidence("tpm", boot.documents, boot.by_document),
    "tpm-structures": lambda: Target("tpm-structures", boot.structures, boot.structure),
    "secure-boot": lambda: Target("secure-boot", lambda: (tpms.log_of(tpms.BOOT),), boot.booted),
    "known-boot": lambda: Target("known-boot", boot.boots, boot.compared),
    "dbx-update": lambda: Target("dbx-update", boot.lists, boot.listed),
    "ima": lambda: Target("ima", lambda: (b"".join(tpms.with_files().files),), boot.files),
    "jose": lambda: Target("jose", cloud.tokens, cloud.jose.read),
    "jwks": lambda: Target("jwks", cloud.key_sets, cloud.jose.keys),
    "jwks-discovery": lambda: Target("jwks-discovery", cloud.discovery, cloud.discovered),
    **{name: functools.partial(_evidence, name, *made) for name, made in cloud.MORE.items()},
    **{name: functools.partial(_by_claims, name, *made) for name, made in cloud.SIGNED.items()},
    "nvidia": lambda: _evidence("nvidia", gpus.reports, gpus.by_report),
    "nvswitch": lambda: _evidence("nvswitch", gpus.switches, gpus.by_switch),
    "nvidia-list": lambda: _evidence("nvidia-list", gpus.lists, gpus.by_list),
    "nvidia-rim": lambda: _evidence("nvidia-rim", gpus.manifests, gpus.by_manifest),
    "xmldsig": lambda: Target("xmldsig", gpus.manifests, gpus.verified),
    "ocsp": lambda: Target("ocsp", gpus.answers, gpus.answer, gpus.judged_answer),
    **{name: functools.partial(Target, name, *made) for name, made in files.MORE.items()},
}
