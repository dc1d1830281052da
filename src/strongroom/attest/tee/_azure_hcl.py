"""The report of Azure's paravisor (HCL): the hardware's report, and the runtime claims that it vouches for.

Source: "Confidential VM guest attestation design detail", learn.microsoft.com/azure/confidential-computing, sections
"Hardware report" and "Runtime claims"; the layout is the one of the attestation structures of OpenHCL, versions 1 and 2.
Numbers are little-endian.
"""

import hashlib
import struct
from functools import lru_cache
from typing import NamedTuple

import msgspec

from strongroom.kit import jose, strict_json
from strongroom.kit.jose import Jwk
from strongroom.model.errors import Malformed

MAGIC, VERSIONS, ATTESTATION = b"HCLA", (1, 2), 2  # request type 2 asks for an attestation of the guest
SNP, TDX = 2, 4  # types of hardware report
TYPES = {SNP: "SEV-SNP", TDX: "TDX"}
HEAD, HARDWARE, RUNTIME = 32, 1184, 20  # octets of header, hardware report, and header of the claims
LEAST = HEAD + HARDWARE + RUNTIME
AK = "HCLAkPub"
_HASHES = {1: "sha256", 2: "sha384", 3: "sha512"}
_HEADER = struct.Struct("<4sIIII12s")
_RUNTIME = struct.Struct("<5I")
_SUBJECT, _CLAIMS = "HCL report", "runtime claims"
TD_REPORT_DATA = 128  # offset of REPORTDATA in a TDREPORT: TDX Module Base 1.5, REPORTMACSTRUCT


class Hcl(NamedTuple):
    """A report that was read; nothing of it is proven until the steps pass."""

    magic: bytes
    version: int
    size: int
    request: int
    hardware: bytes
    runtime_size: int
    runtime_version: int
    report_type: int
    hash_type: int
    claims_size: int
    claims: bytes
    tail: bytes

    @property
    def hash_name(self) -> str:
        """The hash that binds the claims; empty for one that is not known."""
        return _HASHES.get(self.hash_type, "")

    @property
    def binding(self) -> bytes:
        """What the hardware's report must carry: the hash of the claims. Raises Malformed."""
        if not self.hash_name:
            raise Malformed(_SUBJECT, f"the hash type {self.hash_type}", "1 (SHA-256), 2 (SHA-384) or 3 (SHA-512)")
        return hashlib.new(self.hash_name, self.claims).digest()


def parse(data: bytes) -> Hcl:
    """The fields, whatever they say, as far as there are octets for them. Raises Malformed for too few."""
    if len(data) < LEAST:
        raise Malformed(_SUBJECT, f"{len(data)} octets", f"at least {LEAST}")
    magic, version, size, request, _, _ = _HEADER.unpack_from(data)
    whole, edition, kind, hashed, length = _RUNTIME.unpack_from(data, HEAD + HARDWARE)
    end = LEAST + length
    if end > len(data):
        raise Malformed(_SUBJECT, f"claims of {length} octets in a report of {len(data)}", "a true length")
    held = data[HEAD : HEAD + HARDWARE]
    body = (whole, edition, kind, hashed, length, data[LEAST:end], data[end:])
    return Hcl(magic, version, size, request, held, *body)


def trouble(found: Hcl, wanted: int) -> str:
    """What is wrong with the header; empty when nothing is. `wanted` is the type of hardware report."""
    if found.magic != MAGIC or found.version not in VERSIONS:
        return f"magic {found.magic!r}, version {found.version}"
    if found.request != ATTESTATION or found.runtime_version != 1:
        return f"request {found.request}, claims of version {found.runtime_version}"
    if found.report_type != wanted:
        return f"a report of {TYPES.get(found.report_type, f'type {found.report_type}')}"
    if found.runtime_size != RUNTIME + found.claims_size or found.size != HEAD + HARDWARE + found.runtime_size:
        return f"lengths {found.size}, {found.runtime_size} and {found.claims_size}, which contradict each other"
    return "octets behind the claims that are not zero" if any(found.tail) else ""


class _Key(msgspec.Struct, frozen=True):
    kid: str = ""
    kty: str = ""
    n: str = ""
    e: str = ""
    key_ops: tuple[str, ...] = ()


class Configuration(msgspec.Struct, frozen=True, rename="kebab"):
    """What the paravisor says of the VM. Versions differ in what they say: what is absent is not known."""

    secure_boot: bool | None = None
    tpm_enabled: bool | None = None
    tpm_persisted: bool | None = None
    console_enabled: bool | None = None
    root_cert_thumbprint: str = ""
    unique_id: str = msgspec.field(name="vmUniqueId", default="")


class Runtime(msgspec.Struct, frozen=True, rename="kebab"):
    """The runtime claims."""

    keys: tuple[_Key, ...] = ()
    vm_configuration: Configuration = Configuration()
    user_data: str = ""

    @property
    def ak(self) -> Jwk:
        """The key that signs quotes of the vTPM. Raises Malformed."""
        held = [k for k in self.keys if k.kid == AK]
        if not held or held[0].kty != "RSA":
            raise Malformed(_CLAIMS, f"no RSA key {AK!r}", "the vTPM's attestation key")
        return jose.jwk_rsa(held[0].n, held[0].e, AK)


# A VM has the same claims for as long as it runs.
@lru_cache(maxsize=256)
def runtime(data: bytes) -> Runtime:
    """The claims. Raises Malformed."""
    try:
        return msgspec.json.decode(data, type=Runtime)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise Malformed(_CLAIMS, str(e)[:200], "keys and vm-configuration") from None


def strictly(data: bytes) -> Runtime:
    """The same, of claims that no two parsers read differently, with one key to sign with. Raises Malformed."""
    strict_json.check(data, _CLAIMS)
    found = runtime(data)
    held = [k for k in found.keys if k.kid == AK]
    if len(held) != 1 or "sign" not in held[0].key_ops:
        raise Malformed(_CLAIMS, f"{len(held)} keys {AK!r}", "one, to sign with")
    return found
