"""An SEV-SNP report as Trustee's attesters write it: the fields of the `sev` crate by name."""

import json

from strongroom.attest.tee import _snp_report as reports


def _tcb(raw: bytes, product: str) -> dict[str, int | None]:
    return dict(reports.tcb(raw, product)._asdict())


def _version(found: tuple[int, int, int]) -> dict[str, int]:
    return dict(zip(("major", "minor", "build"), found, strict=True))


def fields(report: bytes, product: str) -> dict[str, object]:
    """The fields of a report of version 3."""
    r = reports.parse(report)
    arrays = ("report_data", "measurement", "host_data", "id_key_digest", "author_key_digest", "report_id")
    arrays += ("report_id_ma", "chip_id", "family_id", "image_id")
    return {
        "version": r.version,
        "guest_svn": r.guest_svn,
        "policy": r.policy,
        "vmpl": r.vmpl,
        "sig_algo": r.sig_algo,
        "plat_info": r.platform_info,
        "key_info": r.key_info,
        **{name: list(getattr(r, name)) for name in arrays},
        "cpuid_fam_id": r.family,
        "cpuid_mod_id": r.model,
        "cpuid_step": r.stepping,
        **{f"{n}_tcb": _tcb(getattr(r, f"{n}_tcb"), product) for n in ("current", "reported", "committed", "launch")},
        "current": _version(r.current_version),
        "committed": _version(r.committed_version),
        "signature": {"r": list(r.signature[:72]), "s": list(r.signature[72:144])},
    }


def evidence(report: bytes, product: str, certificates: tuple[bytes, ...] = (), **changes: object) -> bytes:
    """The whole document."""
    held = fields(report, product) | changes
    chain = [{"cert_type": "OTHER", "data": list(c)} for c in certificates]
    return json.dumps({"attestation_report": held, "cert_chain": chain or None}, separators=(",", ":")).encode()
