"""What an SEV-SNP report says: as claims for programs, as fields for people, and what is wanted to verify it."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from strongroom.attest.tee import _snp_chain as chains
from strongroom.attest.tee import _snp_report as reports
from strongroom.attest.tee._snp_chain import Chain
from strongroom.attest.tee._snp_report import Report
from strongroom.attest.verifier import Field
from strongroom.kit.x509.certificate import Certificate
from strongroom.model.attest import Json, Want

SERVICE = "amd-kds"
_KEYS = {0: "VCEK", 1: "VLEK", 7: "none"}


def subject(report: Report) -> str:
    """What the report is about: the chip where it is told, else the guest's own id."""
    return (
        f"snp:chip:{report.chip_id[:16].hex()}" if any(report.chip_id) else f"snp:report:{report.report_id[:16].hex()}"
    )


def wants(report: Report, inside: Sequence[Certificate]) -> tuple[Want, ...]:
    """The certificates and the list that the key service has for this report, as publication 57230 section 4 asks.

    `inside` are the certificates that came with it: the leaf among them need not be asked for, and names the product
    where a report of version 2 does not.
    """
    leaf = next((c for c in inside if c.common_name in (chains.VCEK, chains.VLEK)), None)
    product = reports.product_of(report) or (chains.product_of_leaf(leaf) if leaf else "")
    if not product:
        return ()
    kind = "vlek" if report.signing_key == 1 else "vcek"
    about = (("product", product),)
    found = [Want(SERVICE, f"{kind}/cert_chain", about), Want(SERVICE, f"{kind}/crl", about)]
    if kind == "vcek" and any(report.chip_id) and leaf is None:
        chip = report.chip_id[:8] if product == "Turin" else report.chip_id
        tcb = reports.tcb(report.reported_tcb, product).present()
        parts = tuple((name, str(value)) for name, value in tcb.items())
        found.append(Want(SERVICE, "vcek", (*about, ("hwid", chip.hex()), *parts)))
    return tuple(found)


# A fleet has few policies and few TCBs: their words are made once. Claims are read, never changed.
@lru_cache(maxsize=256)
def _policy(bits: int) -> dict[str, Json]:
    named: dict[str, Json] = {name: bool(bits >> bit & 1) for bit, name in reports.POLICY_BITS.items()}
    return {"abi": f"{bits >> 8 & 0xFF}.{bits & 0xFF}", **named}


@lru_cache(maxsize=256)
def _tcb(raw: bytes, product: str) -> dict[str, Json]:
    return dict(reports.tcb(raw, product).present())


@lru_cache(maxsize=256)
def _platform(bits: int) -> list[Json]:
    return [*reports.names(bits, reports.PLATFORM_BITS)]


def claims(report: Report, product: str, chain: Chain) -> dict[str, Json]:
    """The normalised claims."""
    return {
        "hardware": {
            "vendor": "AMD",
            "product": product,
            "chip_id": report.chip_id.hex(),
            "firmware": ".".join(map(str, report.current_version)),
        },
        "debug": report.allows(19),
        "measurements": {"measurement": report.measurement.hex()},
        "report_data": report.report_data.hex(),
        "host_data": report.host_data.hex(),
        "guest": {
            "svn": report.guest_svn,
            "vmpl": report.vmpl,
            "family_id": report.family_id.hex(),
            "image_id": report.image_id.hex(),
            "id_key_digest": report.id_key_digest.hex(),
            "author_key_digest": report.author_key_digest.hex(),
            "report_id": report.report_id.hex(),
        },
        "policy": _policy(report.policy),
        "platform": _platform(report.platform_info),
        "tcb": {
            "reported": _tcb(report.reported_tcb, product),
            "committed": _tcb(report.committed_tcb, product),
            "current": _tcb(report.current_tcb, product),
            "launch": _tcb(report.launch_tcb, product),
        },
        "signing_key": _KEYS.get(report.signing_key, str(report.signing_key)),
        "provider": _provider(chain),
        "version": report.version,
    }


def _provider(chain: Chain) -> str:
    held = chain.leaf.extensions.get(chains.CSP_ID) if chain.leaf else None
    return held.value[2:].decode("ascii", "replace") if held else ""


def fields(report: Report) -> Iterator[Field]:
    """The fields of Table 23, in their order."""
    r, product = report, reports.product_of(report)
    policy = ", ".join(reports.names(r.policy, reports.POLICY_BITS)) or "nothing allowed"
    platform = ", ".join(reports.names(r.platform_info, reports.PLATFORM_BITS)) or "nothing on"
    yield Field("version", 0x00, 4, str(r.version))
    yield Field("guest_svn", 0x04, 4, str(r.guest_svn))
    yield Field("policy", 0x08, 8, f"0x{r.policy:x}", f"abi {r.abi[0]}.{r.abi[1]}; {policy}")
    yield Field("family_id", 0x10, 16, r.family_id.hex())
    yield Field("image_id", 0x20, 16, r.image_id.hex())
    yield Field("vmpl", 0x30, 4, str(r.vmpl))
    yield Field(
        "signature_algo", 0x34, 4, str(r.sig_algo), "ECDSA P-384 with SHA-384" if r.sig_algo == 1 else "unknown"
    )
    yield Field("current_tcb", 0x38, 8, r.current_tcb.hex(), _spoken(r.current_tcb, product))
    yield Field("platform_info", 0x40, 8, f"0x{r.platform_info:x}", platform)
    yield Field("key_info", 0x48, 4, f"0x{r.key_info:x}", f"signed by {_KEYS.get(r.signing_key, 'an unknown key')}")
    yield Field("report_data", 0x50, 64, r.report_data.hex())
    yield Field("measurement", 0x90, 48, r.measurement.hex())
    yield Field("host_data", 0xC0, 32, r.host_data.hex())
    yield Field("id_key_digest", 0xE0, 48, r.id_key_digest.hex())
    yield Field("author_key_digest", 0x110, 48, r.author_key_digest.hex())
    yield Field("report_id", 0x140, 32, r.report_id.hex())
    yield Field("report_id_ma", 0x160, 32, r.report_id_ma.hex())
    yield Field("reported_tcb", 0x180, 8, r.reported_tcb.hex(), _spoken(r.reported_tcb, product))
    if r.version >= 3:
        yield Field("cpuid", 0x188, 3, f"{r.family}/{r.model}/{r.stepping}", product or "unknown")
    yield Field("chip_id", 0x1A0, 64, r.chip_id.hex(), "" if any(r.chip_id) else "masked by the host")
    yield Field("committed_tcb", 0x1E0, 8, r.committed_tcb.hex(), _spoken(r.committed_tcb, product))
    yield Field("current_version", 0x1E8, 3, ".".join(map(str, r.current_version)))
    yield Field("committed_version", 0x1EC, 3, ".".join(map(str, r.committed_version)))
    yield Field("launch_tcb", 0x1F0, 8, r.launch_tcb.hex(), _spoken(r.launch_tcb, product))
    if r.version >= 5:
        yield Field("launch_mit_vector", 0x1F8, 8, f"0x{int.from_bytes(r.data[0x1F8:0x200], 'little'):x}")
        yield Field("current_mit_vector", 0x200, 8, f"0x{int.from_bytes(r.data[0x200:0x208], 'little'):x}")
    first, second, _ = reports.signature_parts(r.signature)
    yield Field("signature.r", 0x2A0, 72, f"{first:x}")
    yield Field("signature.s", 0x2E8, 72, f"{second:x}")


def _spoken(raw: bytes, product: str) -> str:
    known = reports.tcb(raw, product).spoken()
    return known if product else f"{known}, were it Milan or Genoa"
