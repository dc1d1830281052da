"""Where the vendors' endorsements are asked for: the address of each want, and what its answer must be.

Sources: AMD, "VCEK Certificate and KDS Interface Specification", publication 57230, revision 0.53, sections 4 and 5;
Intel, "Provisioning Certification Service for ECDSA Attestation", API version 4; Microsoft, "Trusted Hardware Identity
Management"; Google and Microsoft, "OpenID Connect discovery" of Confidential Space and of Azure Attestation;
NVIDIA's attestation SDK (nv_ocsp.h, rim.cpp) and RFC 6960 appendix A. The parts of a want come from evidence, so each is checked before it becomes part of an address.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from strongroom.kit import ocsp_request
from strongroom.kit.endorsement_names import (
    AMD,
    GOOGLE,
    INTEL,
    KEY_SET,
    MICROSOFT,
    NVIDIA,
    NVIDIA_STATUS,
    in_words,
)
from strongroom.model.attest import Want
from strongroom.model.errors import Malformed

KDS = "https://kdsintf.amd.com"
PCS = "https://api.trustedservices.intel.com"
INTEL_ROOT_CRL = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
SPACE = "https://confidentialcomputing.googleapis.com"
MANIFESTS = "https://rim.attestation.nvidia.com"
STATUS = "https://ocsp.ndis.nvidia.com"
_DISCOVERY = ".well-known/openid-configuration"
_GOOGLE_KEYS = "https://www.googleapis.com"  # where the configuration says that the keys are
_SMALL = 1 << 20  # bytes of an answer; chains and collateral have under 64 KiB
_ANSWER = 64 << 10  # bytes of an answer about one certificate
_LIST = 8 << 20  # bytes of a revocation list
_FORMS = {
    "product": re.compile(r"Milan|Genoa|Turin"),
    "hwid": re.compile(r"(?:[0-9a-f]{16}){1,8}"),
    "fmspc": re.compile(r"[0-9A-Fa-f]{12}"),
    "tee": re.compile(r"sgx|tdx"),
    "ca": re.compile(r"platform|processor"),
    # A name and a region of a public Azure: nobody but Microsoft has a host below attest.azure.net.
    "provider": re.compile(r"[a-z0-9-]{1,63}\.[a-z0-9-]{1,63}\.attest\.azure\.net"),
    # NV_GPU_DRIVER_…, NV_GPU_CC_DRIVER_…, NV_GPU_VBIOS_…, NV_SWITCH_BIOS_…
    "rim": re.compile(r"NV_(?:GPU|SWITCH)_[0-9A-Za-z_.]{1,128}"),
    "certificate-id": re.compile(r"(?:[0-9a-f]{2}){100,200}"),
    "kid": re.compile(r"[A-Za-z0-9._=+/-]{1,256}"),  # no address is made of it
}
_NUMBER = re.compile(r"\d{1,3}")
_SPL = {"bootloader": "blSPL", "tee": "teeSPL", "snp": "snpSPL", "microcode": "ucodeSPL", "fmc": "fmcSPL"}


class Sources(NamedTuple):
    """The bases that are asked. `pccs` is asked instead of Intel, `thim` before AMD; empty is not asked.

    `maa` is asked instead of the provider that a token of Azure Attestation names.
    """

    kds: str = KDS
    pcs: str = PCS
    root_crl: str = INTEL_ROOT_CRL
    pccs: str = ""
    thim: str = ""
    gcp: str = SPACE
    maa: str = ""
    nvidia_rim: str = MANIFESTS
    nvidia_ocsp: str = STATUS


class Question(NamedTuple):
    """A request: who answers (one request at a time to each), where, and at most how many bytes.

    `status_of` is the CertID of a certificate whose status is asked for; `body` is then what is sent.
    `leads_to` is set where the answer says where the key set is: the bases below which it may be.
    """

    service: str
    url: str
    limit: int = _SMALL
    headers: tuple[tuple[str, str], ...] = ()
    leads_to: tuple[str, ...] = ()
    status_of: bytes = b""
    body: bytes = b""

    def with_nonce(self, nonce: bytes) -> "Question":
        """The question as it is sent: about the status of a certificate it is a POST, and has a nonce."""
        if not self.status_of:
            return self
        told = ("Content-Type", ocsp_request.REQUEST), ("Accept", ocsp_request.RESPONSE)
        return self._replace(body=ocsp_request.request(self.status_of, nonce), headers=told)


def questions(want: Want, sources: Sources) -> tuple[Question, ...]:
    """Where a want may be asked for, the first place first; none for a want that no service has.

    Raises:
        Malformed: a part of the want is none that the service knows.
    """
    made = _ASKED.get((want.service, want.what))
    return made(_About(want), sources) if made else ()


class _About:
    """The parts of a want, each checked."""

    def __init__(self, want: Want) -> None:
        self._want = want
        self._parts = dict(want.about)

    def __getitem__(self, name: str) -> str:
        return self.form(name, name)

    def form(self, name: str, form: str) -> str:
        """A part, which has the form of that name."""
        value = self._parts.get(name, "")
        if not _FORMS[form].fullmatch(value):
            raise Malformed(in_words(self._want), f"{name} {value[:40]!r}", "a part that the service knows")
        return value

    def levels(self) -> str:
        """The TCB as the key service is asked for it, two digits at least."""
        found = [(key, self._parts[name]) for name, key in _SPL.items() if name in self._parts]
        if len(found) < 4 or not all(_NUMBER.fullmatch(v) and int(v) < 256 for _, v in found):
            raise Malformed(in_words(self._want), "a TCB that is none", "a number below 256 for every component")
        ordered = sorted(found, key=lambda f: f[0] != "fmcSPL")  # section 4: Turin's fmcSPL stands first
        return "&".join(f"{key}={int(v):02}" for key, v in ordered)


def _thim(sources: Sources) -> tuple[Question, ...]:
    """The metadata service of an Azure machine knows that machine's own chip, and asks for this header."""
    if not sources.thim:
        return ()
    url = f"{sources.thim.rstrip('/')}/metadata/THIM/amd/certification"
    return (Question("azure-thim", url, headers=(("Metadata", "true"),)),)


def _vcek(about: _About, sources: Sources) -> tuple[Question, ...]:
    path = f"vcek/v1/{about['product']}/{about['hwid']}?{about.levels()}"
    return (*_thim(sources), Question(AMD, f"{sources.kds.rstrip('/')}/{path}"))


def _chain(kind: str) -> "_Asked":
    def asked(about: _About, sources: Sources) -> tuple[Question, ...]:
        url = f"{sources.kds.rstrip('/')}/{kind}/v1/{about['product']}/cert_chain"
        return (*(_thim(sources) if kind == "vcek" else ()), Question(AMD, url))

    return asked


def _revoked(kind: str) -> "_Asked":
    return lambda about, sources: (Question(AMD, f"{sources.kds.rstrip('/')}/{kind}/v1/{about['product']}/crl", _LIST),)


def _intel(tee: str, path: str, sources: Sources, limit: int = _SMALL) -> tuple[Question, ...]:
    base, service = (sources.pccs, "pccs") if sources.pccs else (sources.pcs, INTEL)
    return (Question(service, f"{base.rstrip('/')}/{tee}/certification/v4/{path}", limit),)


def _root_list(_: _About, sources: Sources) -> tuple[Question, ...]:
    return _intel("sgx", "rootcacrl", sources, _LIST) if sources.pccs else (Question(INTEL, sources.root_crl, _LIST),)


def _google_keys(about: _About, sources: Sources) -> tuple[Question, ...]:
    base = sources.gcp.rstrip("/")
    about["kid"]  # a token without one names no key of a set
    return (Question(GOOGLE, f"{base}/{_DISCOVERY}", leads_to=(base, _GOOGLE_KEYS)),)


def _microsoft_keys(about: _About, sources: Sources) -> tuple[Question, ...]:
    provider = about["provider"]
    about["kid"]
    base = sources.maa.rstrip("/") or f"https://{provider}"
    return (Question(f"{MICROSOFT} {provider}", f"{base}/certs"),)


def _manifest(about: _About, sources: Sources) -> tuple[Question, ...]:
    ident = about.form("id", "rim")
    return (Question(NVIDIA, f"{sources.nvidia_rim.rstrip('/')}/v1/rim/{ident}"),)


def _status(about: _About, sources: Sources) -> tuple[Question, ...]:
    ident = bytes.fromhex(about.form("id", "certificate-id"))
    return (Question(NVIDIA_STATUS, f"{sources.nvidia_ocsp.rstrip('/')}/", _ANSWER, status_of=ident),)


_Asked = Callable[[_About, Sources], tuple[Question, ...]]
_ASKED: Mapping[tuple[str, str], _Asked] = {
    (AMD, "vcek"): _vcek,
    (AMD, "vcek/cert_chain"): _chain("vcek"),
    (AMD, "vlek/cert_chain"): _chain("vlek"),
    (AMD, "vcek/crl"): _revoked("vcek"),
    (AMD, "vlek/crl"): _revoked("vlek"),
    (INTEL, "tcb"): lambda about, s: _intel(about["tee"], f"tcb?fmspc={about['fmspc'].upper()}", s),
    (INTEL, "qe-identity"): lambda about, s: _intel(about["tee"], "qe/identity", s),
    (INTEL, "pckcrl"): lambda about, s: _intel("sgx", f"pckcrl?ca={about['ca']}&encoding=der", s, _LIST),
    (INTEL, "rootcacrl"): _root_list,
    (GOOGLE, KEY_SET): _google_keys,
    (MICROSOFT, KEY_SET): _microsoft_keys,
    (NVIDIA, "rim"): _manifest,
    (NVIDIA_STATUS, "status"): _status,
}
