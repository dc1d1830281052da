"""What hostile evidence of Azure and Google Cloud is made from: sound seeds, and what judges what became of them."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import azure_minting as azure
import dcap_minting as dcap
import gcp_minting as gcp
import maa_minting as maa
import tpm_minting as tpm

from strongroom.attest.verifier import Inputs, Verifier
from strongroom.collect.endorsements.answers import Answer, key_set_at
from strongroom.collect.endorsements.services import Question
from strongroom.kit import jose
from strongroom.model.attest import Evidence, EvidenceKind

__all__ = ["MORE", "SIGNED", "claims", "discovered", "discovery", "gcp_inputs", "jose", "key_sets", "signed", "tokens"]


@cache
def _base() -> tuple[Verifier, Inputs]:
    return gcp.GOOD.verifier(), gcp.GOOD.inputs()


def tokens() -> tuple[bytes, ...]:
    """Tokens with a chain and without."""
    return (gcp.GOOD.token(), gcp.BY_SET.token())


def key_sets() -> tuple[bytes, ...]:
    """A set of one key."""
    return gcp.BY_SET.key_sets


def claims() -> tuple[bytes, ...]:
    """Claims alone, as a token has them."""
    return (json.dumps(gcp.claims()).encode(), json.dumps(gcp.claims(submods=...), indent=4).encode())


def gcp_seeds() -> tuple[bytes, ...]:
    """Tokens and claims."""
    return (*tokens()[:1], *claims())


def gcp_inputs(octets: bytes) -> tuple[Verifier, Inputs]:
    """What judges octets as a token."""
    verifier, base = _base()
    return verifier, replace(base, evidence=Evidence(verifier.kind, verifier.read(octets), gcp.CHALLENGE))


def signed(octets: bytes) -> bytes:
    """A token whose changed claims the leaf's key has signed."""
    return gcp.GOOD.but(octets=octets).token()


def azure_seeds(kind: str) -> Callable[[], tuple[bytes, ...]]:
    """Every form of the evidence of one kind of hardware."""
    good = azure.GOOD[kind]
    return lambda: (good.evidence(), good.older(), good.hcl())


def azure_inputs(kind: str) -> Callable[[bytes], tuple[Verifier, Inputs]]:
    """What judges octets as such evidence."""
    good = azure.GOOD[kind]
    return lambda octets: (good.verifier(), good.inputs(octets))


def _logged(kind: str) -> tuple[bytes, ...]:
    """Evidence of an Azure machine with the log of its vTPM."""
    return (azure.GOOD[kind].but(log=tpm.log_of(tpm.BOOT)).evidence(),)


def _maa_seeds() -> tuple[bytes, ...]:
    """Tokens of both shapes, and claims alone."""
    return (*(m.token() for m in maa.SOUND.values()), maa.GOOD.but(bare=True).token())


def _maa_inputs(octets: bytes) -> tuple[Verifier, Inputs]:
    """What judges octets as a token of Azure Attestation."""
    return maa.GOOD.verifier(), maa.GOOD.inputs(octets)


def _maa_signed(octets: bytes) -> bytes:
    """A token whose changed claims the service's key has signed."""
    return maa.GOOD.but(octets=octets).token()


def _tdx_seeds() -> tuple[bytes, ...]:
    """The document of a quote with a log."""
    held = {"quote": dcap.quote(dcap.Draft()), "event_log": tpm.log_of(tpm.BOOT)}
    return (json.dumps({"schema": "strongroom.tdx-evidence/1", **{k: v.hex() for k, v in held.items()}}).encode(),)


def _tdx_inputs(octets: bytes) -> tuple[Verifier, Inputs]:
    """What judges octets as such a document."""
    verifier, base = dcap.verifier(dcap.Draft()), dcap.inputs(dcap.Draft())
    evidence = Evidence(EvidenceKind.TDX, verifier.read(octets), base.evidence.challenge)
    return verifier, replace(base, evidence=evidence)


def _field(number: int, data: bytes) -> bytes:
    """A field of a protocol buffer that has octets."""
    size, head = len(data), bytearray([number << 3 | 2])
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    return bytes(head) + bytes([size]) + data


def _quoted(bank: int) -> bytes:
    """One quote of an Attestation, with its registers."""
    made = tpm.Minted()
    pairs = (_field(2, b"\x08" + bytes([n]) + _field(2, v)) for n, v in made.registers().items() if n in made.pcrs)
    values = b"\x08" + bytes([bank]) + b"".join(pairs)
    return _field(2, _field(1, made.quote()) + _field(2, made.signature()) + _field(3, values))


def _quotes_seeds() -> tuple[bytes, ...]:
    """An Attestation of go-tpm-tools with quotes of two banks."""
    head, log = _field(1, tpm.public()), _field(3, tpm.log_of(tpm.BOOT))
    return (head + _quoted(0x0B) + _quoted(0x0C) + log,)


def _quotes_inputs(octets: bytes) -> tuple[Verifier, Inputs]:
    """What judges octets as an Attestation."""
    base = tpm.Minted().inputs()
    verifier = tpm.Minted().verifier()
    return verifier, replace(base, evidence=Evidence(verifier.kind, verifier.read(octets), tpm.CHALLENGE))


def discovery() -> tuple[bytes, ...]:
    """A configuration that says where the keys are."""
    return (json.dumps({"issuer": "https://a.example", "jwks_uri": "https://a.example/keys"}).encode(),)


def discovered(octets: bytes) -> Question:
    """The question that a configuration leads to."""
    return key_set_at(Answer(200, octets), Question("a", "https://a.example/c", leads_to=("https://a.example",)))


Inputs_of = Callable[[bytes], tuple[Verifier, Inputs]]
# Evidence by name: its seeds, and what judges it.
MORE: dict[str, tuple[Callable[[], tuple[bytes, ...]], Inputs_of]] = {
    "gcp": (gcp_seeds, gcp_inputs),
    "azure-snp": (azure_seeds("snp"), azure_inputs("snp")),
    "azure-tdx": (azure_seeds("tdx"), azure_inputs("tdx")),
    "azure-snp-log": (lambda: _logged("snp"), azure_inputs("snp")),
    "azure-maa": (_maa_seeds, _maa_inputs),
    "tdx-log": (_tdx_seeds, _tdx_inputs),
    "tpm-quotes": (_quotes_seeds, _quotes_inputs),
}
# Claims by name, which are signed once they are changed: seeds, what judges, and what signs.
SIGNED: dict[str, tuple[Callable[[], tuple[bytes, ...]], Inputs_of, Callable[[bytes], bytes]]] = {
    "gcp-signed": (claims, gcp_inputs, signed),
    "maa-signed": (
        lambda: tuple(json.dumps(m.claims()).encode() for m in maa.SOUND.values()),
        _maa_inputs,
        _maa_signed,
    ),
}
