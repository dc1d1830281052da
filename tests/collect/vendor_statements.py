"""Endorsements as vendors make them, minted by keys of the tests: none of them is genuine, all of them are well-formed."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from strongroom.model.attest import Want

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CHIP = bytes(range(64))
TCB = {"bootloader": 4, "tee": 0, "snp": 24, "microcode": 219}
FMSPC = "00906ed50000"
ABOUT = (("product", "Milan"), ("hwid", CHIP.hex()), *((k, str(v)) for k, v in TCB.items()))
VCEK = Want("amd-kds", "vcek", ABOUT)
CHAIN = Want("amd-kds", "vcek/cert_chain", (("product", "Milan"),))
CRL = Want("amd-kds", "vcek/crl", (("product", "Milan"),))
TCB_INFO = Want("intel-pcs", "tcb", (("fmspc", FMSPC), ("tee", "tdx")))
QE = Want("intel-pcs", "qe-identity", (("tee", "tdx"),))
PCK_CRL = Want("intel-pcs", "pckcrl", (("ca", "platform"),))
ROOT_CRL = Want("intel-pcs", "rootcacrl")
VCEK_PATH = f"/vcek/v1/Milan/{CHIP.hex()}?blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219"
CHAIN_PATH, CRL_PATH = "/vcek/v1/Milan/cert_chain", "/vcek/v1/Milan/crl"
TCB_PATH = f"/tdx/certification/v4/tcb?fmspc={FMSPC.upper()}"
QE_PATH = "/tdx/certification/v4/qe/identity"
PCK_CRL_PATH = "/sgx/certification/v4/pckcrl?ca=platform&encoding=der"
PEM = "application/x-pem-file"

_KEY = ec.generate_private_key(ec.SECP256R1())
_OIDS = {"bootloader": "3.1", "tee": "3.2", "snp": "3.3", "microcode": "3.8", "fmc": "3.9"}


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def certificate(
    common_name: str, issuer: str, *, authority: bool = True, days: int = 3650, extra: dict[str, bytes] | None = None
) -> bytes:
    """A certificate, DER, valid from ten days before NOW."""
    begins = NOW - timedelta(days=10)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(_name(issuer))
        .public_key(_KEY.public_key())
        .serial_number(7)
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    for oid, value in (extra or {}).items():
        builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical=False)
    return builder.sign(_KEY, hashes.SHA384()).public_bytes(Encoding.DER)


def _number(value: int) -> bytes:
    octets = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return bytes([2, len(octets)]) + octets


def vcek(chip: bytes = CHIP, tcb: dict[str, int] | None = None, days: int = 2555) -> bytes:
    """A chip's certificate."""
    extra = {f"1.3.6.1.4.1.3704.1.{_OIDS[k]}": _number(v) for k, v in (tcb or TCB).items()}
    extra["1.3.6.1.4.1.3704.1.4"] = chip
    return certificate("SEV-VCEK", "SEV-Milan", authority=False, days=days, extra=extra)


def pem(*ders: bytes) -> bytes:
    """A chain as text."""
    return b"".join(x509.load_der_x509_certificate(d).public_bytes(Encoding.PEM) for d in ders)


def amd_chain() -> bytes:
    """ASK and ARK."""
    return pem(certificate("SEV-Milan", "ARK-Milan"), certificate("ARK-Milan", "ARK-Milan"))


def crl(issuer: str = "ARK-Milan", begins: datetime = NOW - timedelta(days=1), days: int = 30) -> bytes:
    """An authority's list, DER."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(_name(issuer))
    builder = builder.last_update(begins).next_update(begins + timedelta(days=days))
    return builder.sign(_KEY, hashes.SHA256()).public_bytes(Encoding.DER)


def statement(
    field: str, about: dict[str, object], issued: datetime = NOW - timedelta(days=1), days: int = 30
) -> bytes:
    """An answer of Intel's service, signed."""
    dates = {
        "issueDate": f"{issued:%Y-%m-%dT%H:%M:%SZ}",
        "nextUpdate": f"{issued + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}",
    }
    inner = json.dumps({**about, **dates}, separators=(",", ":"))
    r, s = decode_dss_signature(_KEY.sign(inner.encode(), ec.ECDSA(hashes.SHA256())))
    signature = (r.to_bytes(32, "big") + s.to_bytes(32, "big")).hex()
    return f'{{"{field}":{inner},"signature":"{signature}"}}'.encode()


def tcb_info(fmspc: str = FMSPC, days: int = 30) -> bytes:
    """An answer to `tcb`."""
    return statement("tcbInfo", {"id": "TDX", "version": 3, "fmspc": fmspc}, days=days)


def qe_identity() -> bytes:
    """An answer to `qe/identity`."""
    return statement("enclaveIdentity", {"id": "TD_QE", "version": 2})


def signers() -> tuple[bytes, bytes]:
    """Intel's signer of statements and its root, DER."""
    return certificate("Intel SGX TCB Signing", "Intel SGX Root CA", authority=False), certificate(
        "Intel SGX Root CA", "Intel SGX Root CA"
    )


def chain_header() -> str:
    """A chain as Intel's service puts it into a header."""
    return quote(pem(*signers()).decode())
