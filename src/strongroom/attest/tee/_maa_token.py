"""The token of Microsoft Azure Attestation (MAA), or the bare set of its claims as tools write it down.

Sources: "Claim sets" and "Examples of an attestation token", learn.microsoft.com/azure/attestation; "Guest attestation for
confidential VMs", learn.microsoft.com/azure/confidential-computing; RFC 7519 for times.

There are two shapes. A guest's token (`azurevm`) speaks of the boot that its vTPM quoted, and has what is said of the
hardware inside `x-ms-isolation-tee`; a platform's token (`sevsnpvm`, `tdxvm`) has that at the top.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from strongroom.kit import jose, strict_json
from strongroom.model.attest import EvidencePart
from strongroom.model.errors import BadInput, Malformed

TOKEN, CLAIMS = "token", "claims"
GUEST, SNP, TDX = "azurevm", "sevsnpvm", "tdxvm"
# Of a public Azure. Microsoft owns the domain: whose provider it is, the policy says.
ISSUER = re.compile(r"https://([a-z0-9-]{1,63}\.[a-z0-9-]{1,63}\.attest\.azure\.net)")
_JWT = re.compile(rb"\s*[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\s*")
_SUBJECT = "claims of the token"
T = TypeVar("T")
REPORT_DATA = 64  # octets of the field that a guest may have the paravisor sign


class Key(msgspec.Struct, frozen=True):
    """A key that the guest has shown."""

    kid: str = ""
    kty: str = ""
    n: str = ""
    e: str = ""


class Payload(msgspec.Struct, frozen=True):
    """What the guest gave along: in a guest's token each value is the base64 of what it said."""

    nonce: str = ""


class Configuration(msgspec.Struct, frozen=True, rename="kebab"):
    """What the paravisor says of the VM."""

    secure_boot: bool | None = None
    tpm_enabled: bool | None = None
    unique_id: str = msgspec.field(name="vmUniqueId", default="")


class Runtime(msgspec.Struct, frozen=True, rename="kebab"):
    """What the hardware, or the vTPM, has vouched for by a hash."""

    client_payload: Payload = Payload()
    nonce: str = ""
    user_data: str = ""
    keys: tuple[Key, ...] = ()
    vm_configuration: Configuration = Configuration()


_X, _S = "x-ms-", "x-ms-sevsnpvm-"


class Isolation(msgspec.Struct, frozen=True):
    """What is said of the hardware."""

    type: str = msgspec.field(name=_X + "attestation-type", default="")
    compliance: str = msgspec.field(name=_X + "compliance-status", default="")
    runtime: Runtime = msgspec.field(name=_X + "runtime", default=Runtime())
    snp_debug: bool | None = msgspec.field(name=_S + "is-debuggable", default=None)
    snp_migration: bool | None = msgspec.field(name=_S + "migration-allowed", default=None)
    snp_vmpl: int | None = msgspec.field(name=_S + "vmpl", default=None)
    snp_measurement: str = msgspec.field(name=_S + "launchmeasurement", default="")
    snp_host_data: str = msgspec.field(name=_S + "hostdata", default="")
    snp_report_id: str = msgspec.field(name=_S + "reportid", default="")
    tdx_td_attributes_debug: bool | None = None
    tdx_mrtd: str = ""
    tdx_rtmr0: str = ""
    tdx_rtmr1: str = ""
    tdx_rtmr2: str = ""
    tdx_rtmr3: str = ""
    tcb_status: str = msgspec.field(name="attester_tcb_status", default="")


_V = "x-ms-azurevm-"


class Claims(msgspec.Struct, frozen=True):
    """The claims that are judged. Times are seconds since 1970."""

    iss: str
    exp: int
    iat: int
    nbf: int
    type: str = msgspec.field(name=_X + "attestation-type")
    isolation: Isolation | None = msgspec.field(name=_X + "isolation-tee", default=None)
    runtime: Runtime = msgspec.field(name=_X + "runtime", default=Runtime())
    policy: str = msgspec.field(name=_X + "policy-hash", default="")
    secure_boot: bool | None = msgspec.field(name="secureboot", default=None)
    vm_id: str = msgspec.field(name=_V + "vmid", default="")
    boot_debug: bool | None = msgspec.field(name=_V + "bootdebug-enabled", default=None)
    kernel_debug: bool | None = msgspec.field(name=_V + "kerneldebug-enabled", default=None)
    hypervisor_debug: bool | None = msgspec.field(name=_V + "hypervisordebug-enabled", default=None)
    test_signing: bool | None = msgspec.field(name=_V + "testsigning-enabled", default=None)


def claims(data: bytes) -> Claims:
    """The claims of a payload. Raises Malformed."""
    return _decoded(data, Claims)


def isolation(data: bytes) -> Isolation:
    """What a payload says of the hardware: inside a guest's token, at the top of a platform's. Raises Malformed."""
    found = claims(data)
    if found.type != GUEST:
        return _decoded(data, Isolation)
    if found.isolation is None:
        raise Malformed(_SUBJECT, "no x-ms-isolation-tee: a virtual machine that is not confidential", "one that is")
    return found.isolation


def _decoded(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise Malformed(_SUBJECT, str(e)[:200], "the claims of a token of Azure Attestation") from None


def strictly(data: bytes) -> Claims:
    """The claims, of a payload that no two parsers read differently. Raises Malformed, TooLarge."""
    strict_json.check(data, _SUBJECT)
    return claims(data)


def moment(seconds: int) -> datetime | None:
    """A time of a claim; None for one that no calendar has."""
    return datetime.fromtimestamp(seconds, UTC) if 0 <= seconds < 253402300800 else None


def provider(issuer: str) -> str:
    """The host of an issuer; empty for one that is none of Microsoft's."""
    found = ISSUER.fullmatch(issuer)
    return found[1] if found else ""


def nonces(found: Claims) -> Iterator[bytes]:
    """What the guest had vouched for, in octets: what may be the challenge.

    Not the claim `nonce`, which the service repeats of the request that it was sent: whoever sends an old report again
    with a new one gets it.
    """
    for text in (found.runtime.client_payload.nonce, found.runtime.nonce):
        if text:
            yield text.encode()
            inner = _unarmoured(text)
            if inner:
                yield inner
    for text in (found.isolation.runtime.user_data if found.isolation else "", found.runtime.user_data):
        try:
            octets = bytes.fromhex(text)
        except ValueError:
            continue
        if len(octets) == REPORT_DATA:
            yield octets


def _unarmoured(text: str) -> bytes:
    plain = text.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        return base64.b64decode(plain.encode("ascii", "replace") + b"=" * (-len(plain) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


def recognises(data: bytes) -> int:
    """By the issuer, in the claims or in the payload of the token."""
    if data.lstrip()[:1] == b"{":
        text = data[: 1 << 16]
        return 92 if b".attest.azure.net" in text and b'"x-ms-attestation-type"' in text and b'"iss"' in text else 0
    if len(data) > jose.MOST or not _JWT.fullmatch(data):
        return 0
    try:
        held = claims(jose.unpadded(data.strip().split(b".")[1], _SUBJECT))
    except BadInput:
        return 0
    return 98 if provider(held.iss) else 55


def read(data: bytes) -> tuple[EvidencePart, ...]:
    """The part: a token, or claims without a signature."""
    if data.lstrip()[:1] == b"{":
        return (EvidencePart(CLAIMS, "application/json", data),)
    return (EvidencePart(TOKEN, "application/jwt", data.strip()),)
