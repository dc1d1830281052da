"""What an endorsement is known by, how long it holds, and which of them a verifier's wants are.

A name is what a service is asked by, put into one text: a file that somebody gives, a kept copy and an answer of the
service have the same one. It is for finding; who says it is proven by the verifier.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import msgspec

from strongroom.kit import dbx_update, der, jose, ocsp, ocsp_request, xmldsig
from strongroom.kit.x509 import certificate as certificates
from strongroom.kit.x509 import crl
from strongroom.kit.x509.certificate import Certificate
from strongroom.model.attest import Endorsement, EndorsementKind, Want
from strongroom.model.errors import BadInput, Malformed

AMD, INTEL = "amd-kds", "intel-pcs"
GOOGLE, MICROSOFT = "gcp-attestation", "azure-maa"
NVIDIA, NVIDIA_STATUS = "nvidia-rim", "nvidia-ocsp"
KEY_SET, _KEY = "jwks", "jwk:"
ROOT_AUTHORITY = "Intel SGX Root CA"
_AUTHORITIES = {"platform": "Intel SGX PCK Platform CA", "processor": "Intel SGX PCK Processor CA"}
_QE = {"sgx": "QE", "tdx": "TD_QE"}
# Publication 57230, revision 0.53, Table 8: extensions of a VCEK.
_OID = "1.3.6.1.4.1.3704.1."
_HARDWARE_ID = _OID + "4"
_COMPONENTS = {
    "bootloader": _OID + "3.1",
    "tee": _OID + "3.2",
    "snp": _OID + "3.3",
    "microcode": _OID + "3.8",
    "fmc": _OID + "3.9",
}


class Described(NamedTuple):
    """What an endorsement says of itself: its name, words for people, and when it begins and ends (None: not told).

    `keys` are the ids of the keys of a key set, which has no name of its own and no dates.
    """

    name: str
    title: str
    begins: datetime | None
    ends: datetime | None
    keys: tuple[str, ...] = ()

    def meets(self, name: str, now: datetime) -> bool:
        """Whether it is what a name of `names_of` asks for: a key set by the id of one of its keys, else what holds."""
        if name.startswith(_KEY):
            return name.removeprefix(_KEY) in self.keys
        return self.name == name and self.holds(now)

    def holds(self, now: datetime) -> bool:
        """Whether a time lies within it. What does not say when it ends holds at no time."""
        return self.begins is not None and self.ends is not None and self.begins <= now <= self.ends


@lru_cache(maxsize=4096)
def describe(item: Endorsement) -> Described:
    """What it says of itself. Raises Malformed."""
    return _READERS[item.kind](item.data)


# What there is


def _of_certificate(data: bytes) -> Described:
    c = certificates.parse(data)
    name, title = f"certificate:{c.common_name}", c.common_name or c.fingerprint[:16]
    if c.common_name == "SEV-VCEK":
        product = c.issuer_name.rpartition("-")[2]
        tcb = {k: v for k, v in ((k, _number(c, oid)) for k, oid in _COMPONENTS.items()) if v is not None}
        chip = _chip(c).hex()
        name, title = vcek_name(product, chip, tcb), f"VCEK {product} {chip[:16]}"
    elif not c.is_authority:  # many of them share a name
        name = f"certificate:{c.fingerprint}"
    return Described(name, title, c.not_before, c.not_after)


def _number(c: Certificate, oid: str) -> int | None:
    held = c.extensions.get(oid)
    return der.integer(der.one(held.value, der.INTEGER)) if held else None


def _chip(c: Certificate) -> bytes:
    held = c.extensions.get(_HARDWARE_ID)
    if held is None:
        return b""
    wrapped = held.value[:1] == b"\x04" and len(held.value) in (10, 66)  # early ones wrap it once more
    return held.value[2:] if wrapped else held.value


def _of_crl(data: bytes) -> Described:
    found = crl.parse(data)
    title = f"CRL of {found.issuer_name}"
    return Described(crl_name(found.issuer_name), title, found.this_update, found.next_update)


class _Statement(msgspec.Struct, rename="camel"):
    issue_date: datetime
    next_update: datetime
    id: str = "SGX"  # version 2 knows SGX alone
    fmspc: str = ""


def _statement(data: bytes) -> _Statement:
    try:
        found = msgspec.json.decode(data, type=_Statement)
    except msgspec.MsgspecError as e:
        raise Malformed("Intel collateral", str(e)[:200], "id, issueDate and nextUpdate") from None
    if found.issue_date.tzinfo is None or found.next_update.tzinfo is None:
        raise Malformed("Intel collateral", "a date without a zone", "a date in UTC")
    return found


def _of_tcb(data: bytes) -> Described:
    s = _statement(data)
    title = f"{s.id[:8]} TCB info {s.fmspc[:16]}"
    return Described(tcb_name(s.id[:8], s.fmspc[:16]), title, s.issue_date, s.next_update)


def _of_qe(data: bytes) -> Described:
    s = _statement(data)
    return Described(f"qe-identity:{s.id[:8]}", f"{s.id[:8]} identity", s.issue_date, s.next_update)


def _of_keys(data: bytes) -> Described:
    held = jose.keys(data)
    return Described(KEY_SET, f"key set of {len(held)} keys", None, None, tuple(k.key_id for k in held if k.key_id))


def _of_manifest(data: bytes) -> Described:
    """A manifest holds as long as the first of its certificates."""
    held = xmldsig.read(data)
    about = next((e for e in held.root.elements() if e.local == "Meta"), held.root)
    product, version = about.get("product")[:32], about.get("colloquialVersion")[:32]
    begins, ends = (max(c.not_before for c in held.certificates), min(c.not_after for c in held.certificates))
    return Described(manifest_name(product, version), f"manifest of {product} {version}", begins, ends)


def _of_answer(data: bytes) -> Described:
    first = ocsp.parse(data).answers[0]
    name = status_name(first.serial, first.key_hash)
    return Described(name, f"OCSP answer about {first.serial:x}", first.this_update, first.next_update)


def _of_dbx(data: bytes) -> Described:
    """Its date is in the name of its file; it holds until a newer one is out, and so has no end."""
    held = dbx_update.parse(data)
    return Described("dbx", f"dbx update of {len(held.entries)} entries", held.signer.not_before, None)


_READERS: Mapping[EndorsementKind, Callable[[bytes], Described]] = {
    EndorsementKind.CERTIFICATE: _of_certificate,
    EndorsementKind.CRL: _of_crl,
    EndorsementKind.TCB_INFO: _of_tcb,
    EndorsementKind.QE_IDENTITY: _of_qe,
    EndorsementKind.JWKS: _of_keys,
    EndorsementKind.RIM: _of_manifest,
    EndorsementKind.OCSP: _of_answer,
    EndorsementKind.DBX: _of_dbx,
}


# What is wanted


def vcek_name(product: str, chip: str, tcb: Mapping[str, int]) -> str:
    """The name of a VCEK: product, chip in hex, and the number of every component that the product has."""
    return f"vcek:{product}:{chip.lower()}:{'.'.join(f'{k}={tcb[k]}' for k in _COMPONENTS if k in tcb)}"


def crl_name(issuer: str) -> str:
    """The name of an authority's list."""
    return f"crl:{issuer}"


def tcb_name(tee: str, fmspc: str) -> str:
    """The name of a TCB info."""
    return f"tcb-info:{tee.upper()}:{fmspc.upper()}"


def manifest_name(product: str, version: str) -> str:
    """The name of a manifest: the chip, and the version of its driver or its VBIOS."""
    return f"rim:{product}:{version.upper()}"


def status_name(serial: int, key_hash: bytes) -> str:
    """The name of an answer about a certificate: its number, and the hash of its issuer's key."""
    return f"ocsp:{serial:x}:{key_hash.hex()[:32]}"


def manifest_want(ident: str, product: str, version: str) -> Want:
    """The want of a manifest, by the id that NVIDIA's service has for it."""
    return Want(NVIDIA, "rim", (("id", ident), ("product", product), ("version", version)))


def status_wants(chain: Sequence[Certificate]) -> tuple[Want, ...]:
    """What is said of each certificate of a chain, by the one above it; of one that cannot be named, nothing."""
    found: dict[Want, None] = {}
    for held, issuer in pairwise(chain):
        try:
            found[status_want(held, issuer)] = None
        except BadInput:  # a key of another form: its signature's step says so
            continue
    return tuple(found)


def status_want(held: Certificate, issuer: Certificate) -> Want:
    """The want of an answer about a certificate of an issuer."""
    ident = ocsp_request.certificate_id(held, issuer).hex()
    return Want(NVIDIA_STATUS, "status", (("certificate", held.common_name), ("id", ident)))


def further(wants: Iterable[Want], given: Iterable[Endorsement]) -> tuple[Want, ...]:
    """What manifests that were wanted call for themselves, once they are at hand: answers about their certificates."""
    named = {n for w in wants if (w.service, w.what) == (NVIDIA, "rim") for n in names_of(w)}
    found: dict[Want, None] = {}
    for item in given:
        says = described(item) if item.kind is EndorsementKind.RIM and named else None
        if says is not None and says.name in named:
            found |= dict.fromkeys(status_wants(xmldsig.read(item.data).certificates))
    return tuple(found)


def kept_as(name: str) -> str:
    """The name that `describe` gives what meets a name of `names_of`."""
    return KEY_SET if name.startswith(_KEY) else name


def names_of(want: Want) -> tuple[str, ...]:
    """The names that meet a want, all of them needed; none where this program does not know the want."""
    about = dict(want.about)
    made = _WANTS.get((want.service, want.what))
    try:
        return made(about) if made else ()
    except (KeyError, ValueError):
        return ()


def _chain(signer: str) -> Callable[[Mapping[str, str]], tuple[str, ...]]:
    return lambda about: (f"certificate:{signer}{about['product']}", f"certificate:ARK-{about['product']}")


def _vcek(about: Mapping[str, str]) -> tuple[str, ...]:
    tcb = {k: int(about[k]) for k in _COMPONENTS if k in about}
    return (vcek_name(about["product"], about["hwid"], tcb),) if len(tcb) >= 4 else ()


def _status(about: Mapping[str, str]) -> tuple[str, ...]:
    try:
        parts = der.sequence(bytes.fromhex(about["id"]))
        return (status_name(der.integer(parts[3]), der.of(parts[2], der.OCTET_STRING).value),)
    except (BadInput, IndexError):
        return ()


def _ark_list(about: Mapping[str, str]) -> tuple[str, ...]:
    return (crl_name(f"ARK-{about['product']}"),)


_WANTS: Mapping[tuple[str, str], Callable[[Mapping[str, str]], tuple[str, ...]]] = {
    (AMD, "vcek"): _vcek,
    (AMD, "vcek/cert_chain"): _chain("SEV-"),
    (AMD, "vlek/cert_chain"): _chain("SEV-VLEK-"),
    (AMD, "vcek/crl"): _ark_list,
    (AMD, "vlek/crl"): _ark_list,
    (INTEL, "tcb"): lambda about: (tcb_name(about["tee"], about["fmspc"]),),
    (INTEL, "qe-identity"): lambda about: (f"qe-identity:{_QE[about['tee']]}",),
    (INTEL, "pckcrl"): lambda about: (crl_name(_AUTHORITIES[about["ca"]]),),
    (INTEL, "rootcacrl"): lambda _: (crl_name(ROOT_AUTHORITY),),
    (GOOGLE, KEY_SET): lambda about: (_KEY + about["kid"],),
    (MICROSOFT, KEY_SET): lambda about: (_KEY + about["kid"],),
    (NVIDIA, "rim"): lambda about: (manifest_name(about["product"], about["version"]),),
    (NVIDIA_STATUS, "status"): _status,
}


def in_words(want: Want) -> str:
    """A want for people: `vcek of amd-kds (product Milan, hwid 0123456789abcdef…)`."""
    about = ", ".join(f"{k} {v if len(v) <= 20 else v[:16] + '…'}" for k, v in want.about)
    return f"{want.what} of {want.service}" + (f" ({about})" if about else "")


def described(item: Endorsement) -> Described | None:
    """What it says of itself, or None where it cannot be read: for picking among many."""
    try:
        return describe(item)
    except BadInput:
        return None
