"""A verdict on a version as CSAF 2.0 of the profile VEX (section 4.5), for tools that take it."""

import hashlib
from datetime import datetime

from strongroom import __version__
from strongroom.model.advisory import Installed, Judged, Patch

_STATUS = {Patch.AFFECTED: "known_affected", Patch.FIXED: "fixed"}  # what is not known is under investigation


def vex(installed: Installed, found: Judged, now: datetime) -> dict[str, object]:
    """The document. One without a CVE has a vulnerability without one, since the profile wants at least one (4.5)."""
    ident = f"{installed.product}:{installed.version}:{installed.os}"
    stamp = now.isoformat()
    status = _STATUS.get(found.patch, "under_investigation")
    return {
        "document": {
            "category": "csaf_vex", "csaf_version": "2.0", "title": f"{installed.product} {installed.version}: {found.patch}",
            "lang": "en",
            "publisher": {"category": "user", "name": "Strongroom", "namespace": "https://strongroom.dev"},
            "tracking": {
                "id": f"strongroom-{hashlib.sha256(f'{ident}:{stamp}'.encode()).hexdigest()[:16]}", "version": "1",
                "status": "final", "initial_release_date": stamp, "current_release_date": stamp,
                "revision_history": [{"number": "1", "date": stamp, "summary": "first"}],
                "generator": {"engine": {"name": "strongroom", "version": __version__}},
            },
        },
        "product_tree": {"full_product_names": [{"product_id": ident, "name": f"{installed.product} {installed.version}"}]},
        "vulnerabilities": [_one(cve, ident, status, found) for cve in found.cves or ("",)],
    }  # fmt: skip


def _one(cve: str, ident: str, status: str, found: Judged) -> dict[str, object]:
    made: dict[str, object] = {
        **({"cve": cve} if cve else {"ids": [{"system_name": "strongroom", "text": found.patch.value}]}),
        "product_status": {status: [ident]},
        "notes": [{"category": "details", "text": found.why}],
    }
    if status == "known_affected":
        action = f"update to {found.fixed_in}" if found.fixed_in else "no fix is named"
        category = "vendor_fix" if found.fixed_in else "none_available"
        made["remediations"] = [{"category": category, "details": action, "product_ids": [ident]}]
    return made
