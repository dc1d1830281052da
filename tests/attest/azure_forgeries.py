"""Forged and misused evidence of Azure VMs: each differs from genuine one in one thing, and one step says so."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import minted_x509 as x
import snp_minting as snp
from azure_minting import CHALLENGE, GOOD, PCRS, Minted, claims, configuration, quote

OTHER = x.rsa_key(82)
FIRST = hashlib.sha256(b"".join(PCRS[:23])).digest()
_TWO = json.loads(claims())["keys"] * 2
Made = Callable[[Minted], Minted]


def vm(**fields: object) -> bytes:
    """Claims of a VM that is configured otherwise."""
    return claims(vm=configuration(**fields))


def quoted(**fields: object) -> Made:
    """Evidence with another quote, which the key signed."""
    return lambda good: good.but(quote=quote(**fields))  # type: ignore[arg-type] # as `quote` has them


SHARED: Mapping[str, tuple[str, Made]] = {
    "another version": ("azure.hcl", lambda g: g.but(head={"version": 3})),
    "another magic": ("azure.hcl", lambda g: g.but(head={"magic": 0x414C4349})),
    "another request": ("azure.hcl", lambda g: g.but(head={"request": 1})),
    "a length that contradicts": ("azure.hcl", lambda g: g.but(head={"size": 2000})),
    "another hardware": ("azure.hcl", lambda g: g.but(head={"type": 3})),
    "octets behind the claims": ("azure.hcl", lambda g: g.but(tail=b"\0\1")),
    "a claim twice": ("azure.claims", lambda g: g.but(claims=claims()[:-1] + b', "user-data": "00"}')),
    "two keys of the vTPM": ("azure.claims", lambda g: g.but(claims=claims(keys=_TWO))),
    "a key that is not to sign": (
        "azure.claims",
        lambda g: g.but(claims=claims().replace(b'"sign"', b'"decrypt"')),
    ),
    "claims of another": ("azure.binding", lambda g: g.but(bound=hashlib.sha256(b"other").digest().ljust(64, b"\0"))),
    "octets behind the hash": (
        "azure.binding",
        lambda g: g.but(bound=hashlib.sha256(g.claims).digest() + b"\1" + bytes(31)),
    ),
    "another hash": ("azure.binding", lambda g: g.but(head={"hash": 2})),
    "a hash that nobody knows": ("azure.binding", lambda g: g.but(head={"hash": 9})),
    "octets that a key signed elsewhere": ("azure.quote", quoted(magic=0xFF544348)),
    "a certification of a key": ("azure.quote", quoted(kind=0x8017)),
    "another key": ("azure.quote_signature", lambda g: g.but(signer=OTHER)),
    "a quote that was changed": ("azure.quote_signature", lambda g: g.but(signed=quote(extra=b"other"))),
    "a foreign nonce": ("azure.nonce", quoted(extra=bytes(32))),
    "a nonce that begins alike": ("azure.nonce", quoted(extra=CHALLENGE + b"\0")),
    "a register left out": (
        "azure.pcr_selection",
        lambda g: g.but(quote=quote(digest=FIRST, chosen=b"\xff\xff\x7f"), pcrs=PCRS[:23]),
    ),
    "more values than registers": ("azure.pcr_selection", lambda g: g.but(pcrs=(*PCRS, bytes(32)))),
    "registers of another boot": ("azure.pcr_digest", lambda g: g.but(pcrs=(*PCRS[:8], bytes(32), *PCRS[9:]))),
    "Secure Boot off": ("azure.secure_boot", lambda g: g.but(claims=vm(**{"secure-boot": False}))),
    "Secure Boot not said": ("azure.secure_boot", lambda g: g.but(claims=vm(**{"secure-boot": ...}))),
    "no vTPM": ("azure.vtpm", lambda g: g.but(claims=vm(**{"tpm-enabled": False}))),
    "another boot": (
        "azure.measurement",
        lambda g: g.but(
            pcrs=(*PCRS[:4], bytes(32), *PCRS[5:]),
            quote=quote(digest=hashlib.sha256(b"".join((*PCRS[:4], bytes(32), *PCRS[5:]))).digest()),
        ),
    ),
}

SHARED_GAPS: Mapping[str, tuple[str, Made]] = {
    "no quote": ("azure.quote", lambda g: g.but(quote=None)),
    "no challenge": ("azure.nonce", lambda g: g.but(challenge=None)),
    "no reference": ("azure.measurement", lambda g: g.but(unreferenced=True)),
}

# What the hardware's report says is judged as it is elsewhere; these show that Azure's evidence reaches those steps.
INSIDE: Mapping[str, tuple[str, Callable[[], Minted]]] = {
    "snp: debugging": ("snp.policy.debug", lambda: GOOD["snp"].but(inner={"policy": 0x20000 | 1 << 8 | 55 | 1 << 19})),
    "snp: a lower level": ("snp.vmpl", lambda: GOOD["snp"].but(inner={"vmpl": 1})),
    "snp: a chip of one's own": (
        "snp.root_pin",
        lambda: GOOD["snp"].but(trusted=snp.Vendor("Genoa", rsa=False)),
    ),
    "snp: another paravisor": ("azure.measurement", lambda: GOOD["snp"].but(inner={"measurement": bytes(48)})),
    "tdx: debugging": (
        "tdx.td_attributes.debug",
        lambda: _tdx({"td_attributes": (1).to_bytes(8, "little")}),
    ),
    "tdx: another key": ("tdx.quote_sig", lambda: GOOD["tdx"].but(draft=_drafted(signers={"quote": "pck"}))),
    "tdx: another paravisor": ("azure.measurement", lambda: _tdx({"mrtd": bytes(48)})),
    "tdx: the report of another TD": ("azure.binding", lambda: GOOD["tdx"].but(own_data=bytes(64))),
}


def _drafted(**fields: object) -> object:
    return replace(GOOD["tdx"].draft, **fields)  # type: ignore[arg-type] # the fields of a dataclass by name


def _tdx(report: Mapping[str, bytes]) -> Minted:
    good = GOOD["tdx"]
    return good.but(draft=_drafted(report={**good.draft.report, **report}))
