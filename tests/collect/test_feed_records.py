"""Records of OSV and of CVE, as rows of the one form; what they leave open stays open."""

import json
from datetime import date

import pytest

from strongroom.assess.patch.judging import judge
from strongroom.collect.feeds import cve_record, osv
from strongroom.model.advisory import Document, Feed, Installed, Patch
from strongroom.model.errors import BadInput

TODAY = date(2026, 6, 1)
A, F, C, N = Patch.AFFECTED, Patch.FIXED, Patch.CONDITIONAL, Patch.NOT_LISTED


def verdict(document: Document, product: str, version: str, system: str = "linux") -> Patch:
    """Of one document."""
    return judge(Installed(product, version, system), Feed((document,)), TODAY).patch


def record(*affected: dict[str, object], **more: object) -> Document:
    """A record of OSV."""
    made = {"id": "GHSA-x", "modified": "2026-05-30T00:00:00Z", "published": "2026-05-01T00:00:00Z", "aliases": ["CVE-2026-7"],
            "affected": list(affected), **more}  # fmt: skip
    return osv.read(json.dumps(made).encode(), "x.json", "sha256:0")


def ranged(
    ecosystem: str, name: str, *events: dict[str, str], kind: str = "ECOSYSTEM", **more: object
) -> dict[str, object]:
    """One package with one range."""
    return {
        "package": {"ecosystem": ecosystem, "name": name},
        "ranges": [{"type": kind, "events": list(events)}],
        **more,
    }


@pytest.mark.parametrize(
    ("version", "patch"),
    [
        ("0.5.9", F),
        ("0.6.0rc1", F),
        ("0.6.0", A),
        ("0.6.2", A),
        ("0.6.3", F),
        ("0.7.0", F),
        ("0.8.0", A),
        ("0.8.1", A),
        ("0.8.2", F),
    ],
)
def test_events_make_intervals(version: str, patch: Patch) -> None:
    """From what introduces to what fixes, or to the last that is affected; in the order of versions and not of the text."""
    found = record(
        ranged(
            "PyPI",
            "vLLM",
            {"last_affected": "0.8.1"},
            {"introduced": "0.8.0"},
            {"fixed": "0.6.3"},
            {"introduced": "0.6.0"},
        )
    )
    assert verdict(found, "pypi/vllm", version) is patch
    assert (found.publisher, found.since, found.published) == ("OSV PyPI", "2026-05-01", "2026-05-30")
    assert {c.cve for c in found.claims} == {"CVE-2026-7"}


def test_a_range_without_an_end_is_open() -> None:
    """What nothing fixes affects all that follows."""
    assert verdict(record(ranged("Go", "github.com/x/y", {"introduced": "0"})), "go/github.com/x/y", "v99.0.0") is A


def test_versions_that_are_listed_count_beside_ranges() -> None:
    """A version is affected where a range or the list has it."""
    found = record(ranged("PyPI", "x", {"introduced": "1.0"}, {"fixed": "1.1"}, versions=["0.9", "1.0", "zzz"]))
    assert [verdict(found, "pypi/x", v) for v in ("0.9", "1.0.5", "0.8", "1.1")] == [A, A, F, F]


def test_ranges_of_commits_alone_leave_versions_in_doubt() -> None:
    """What was released from a commit is not told."""
    assert verdict(record(ranged("PyPI", "x", {"introduced": "0"}, kind="GIT")), "pypi/x", "1.0") is C


def test_each_release_of_a_distribution_is_for_itself() -> None:
    """Debian 12 fixes in a version of its own, and 13 in another."""
    found = record(
        ranged("Debian:12", "openssl", {"introduced": "0"}, {"fixed": "3.0.11-1~deb12u3"}),
        ranged("Debian:13", "openssl", {"introduced": "0"}, {"fixed": "3.5.1-1"}),
    )
    assert verdict(found, "deb/openssl", "3.0.11-1~deb12u3", "12") is F
    assert verdict(found, "deb/openssl", "3.0.11-1~deb12u3", "13") is A


@pytest.mark.parametrize(
    ("more", "score"),
    [
        ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]}, 9.8),
        ({"database_specific": {"severity": "CRITICAL"}}, 9.0),
        ({"severity": [{"type": 3, "score": "CVSS:4.0/AV:N"}], "database_specific": {"severity": "MODERATE"}}, 4.0),
        ({}, 0.0),
    ],
)
def test_a_score_is_of_a_vector_or_a_word(more: dict[str, object], score: float) -> None:
    """Where neither is told there is none, which counts as critical."""
    assert record(ranged("PyPI", "x", {"introduced": "0"}), **more).score == score


def test_what_was_withdrawn_says_nothing() -> None:
    """Its rows are gone; the record is kept, so that an older edition does not come back."""
    found = record(ranged("PyPI", "x", {"introduced": "0"}), withdrawn="2026-05-20T00:00:00Z")
    assert (found.claims, found.id) == ((), "GHSA-x")


def test_an_ecosystem_that_is_not_compared_is_a_doubt() -> None:
    """Maven's versions are not compared here, and nobody is called fixed."""
    found = record(ranged("Maven", "a:b", {"introduced": "0"}, {"fixed": "2"}))
    assert found.claims[0].trouble


@pytest.mark.parametrize(
    "data", [b"{", b"[]", b'{"id":1}', b'{"id":"a","id":"b","modified":"x"}', b"\xff", b"[" * 100_000]
)
def test_bad_records_of_osv_are_told(data: bytes) -> None:
    """Never a traceback, and never a record."""
    with pytest.raises(BadInput):
        osv.read(data, "x.json", "sha256:0")


def cve(*affected: dict[str, object], state: str = "PUBLISHED", version: str = "5.1") -> Document:
    """A CVE record."""
    made = {
        "dataType": "CVE_RECORD", "dataVersion": version,
        "cveMetadata": {"cveId": "CVE-2024-54085", "state": state, "assignerShortName": "AMI", "datePublished": "2025-03-11T00:00:00Z",
                        "dateUpdated": "2026-05-30T00:00:00Z"},
        "containers": {"cna": {"affected": list(affected), "metrics": [{"cvssV4_0": {"baseScore": 10.0}}]}},
    }  # fmt: skip
    return cve_record.read(json.dumps(made).encode(), "x.json", "sha256:0")


def of(
    vendor: str, product: str, *entries: dict[str, object], default: str = "unknown", **more: object
) -> dict[str, object]:
    """What a record says of one product."""
    return {"vendor": vendor, "product": product, "versions": list(entries), "defaultStatus": default, **more}


@pytest.mark.parametrize(
    ("version", "patch"),
    [("11.9", F), ("12.0", A), ("12.6", A), ("12.7", F), ("13.0", A), ("13.4", A), ("13.5", F), ("SPX_13", N)],
)
def test_ranges_of_a_cve_record(version: str, patch: Patch) -> None:
    """MegaRAC SPx, as its maker told it: two ranges, each with its end."""
    found = cve(
        of("AMI", "MegaRAC-SPx", {"version": "12.0", "status": "affected", "lessThan": "12.7", "versionType": "custom"},
           {"version": "13.0", "status": "affected", "lessThan": "13.5", "versionType": "custom"}, default="unaffected")
    )  # fmt: skip
    assert verdict(found, "ami-megarac", version) is patch
    assert (found.publisher, found.score, found.since) == ("CVE AMI", 10.0, "2025-03-11")


@pytest.mark.parametrize(
    ("entries", "default", "verdicts"),
    [
        ([{"version": "1.04.16", "status": "affected"}], "unaffected", {"1.04.16": A, "1.04.17": F}),
        ([{"version": "All versions prior to 2.3", "status": "affected"}], "unknown", {"2.2": A, "2.3": F}),
        ([{"version": "0", "status": "affected", "lessThanOrEqual": "1.5"}], "unaffected", {"1.5": A, "1.6": F}),
        ([{"version": "1.0", "status": "affected", "lessThan": "*", "changes": [{"at": "1.4", "status": "unaffected"}]}], "unaffected", {"1.3": A, "1.4": F}),
        ([{"version": "2.0", "status": "unaffected", "lessThan": "*"}], "affected", {"1.9": A, "2.0": F, "3.0": F}),
        ([{"version": "2.0", "status": "unaffected"}, {"version": "3.0", "status": "unaffected"}], "affected", {"1.9": C, "2.0": C}),
        ([], "affected", {"1": A}),
        ([], "unknown", {"1": C}),
        ([{"version": "n/a", "status": "affected"}], "unknown", {"1": A}),
        ([{"version": "some builds", "status": "affected"}], "unknown", {"1": C}),
        ([{"version": "1.0", "status": "affected", "lessThan": "the spring build"}], "unknown", {"1.0": C}),
    ],
)  # fmt: skip
def test_forms_of_a_cve_record(entries: list[dict[str, object]], default: str, verdicts: dict[str, Patch]) -> None:
    """Single versions, sentences, ends that are included, changes, and all that is not named."""
    found = cve(of("Vendor", "Thing", *entries, default=default))
    assert {v: verdict(found, "vendor-thing", v) for v in verdicts} == verdicts


def test_a_rejected_record_says_nothing() -> None:
    """Its number was given back."""
    assert cve(of("V", "P", {"version": "1", "status": "affected"}), state="REJECTED").claims == ()


def test_platforms_are_rows_of_their_own() -> None:
    """A driver of Windows says nothing of Linux."""
    found = cve(
        of("NVIDIA", "Tesla", {"version": "All versions prior to 580.95", "status": "affected"}, platforms=["Windows"])
    )
    assert verdict(found, "nvidia-driver", "580.1") is N
    assert verdict(found, "nvidia-driver", "580.1", "windows") is A


@pytest.mark.parametrize(("vendor", "product", "name"), [
    ("AMI", "MegaRAC_SPx12", "ami-megarac"), ("Dell", "iDRAC9", "dell-idrac9"), ("HPE", "Integrated Lights-Out 6", "hpe-ilo6"),
    ("Supermicro", "MBD-X12DPG-OA6", "supermicro-x12dpg-oa6"), ("Lenovo", "XClarity Controller 2", "lenovo-xcc2"),
    ("Intel(R)", "TDX module", "intel-r-tdx-module"), ("AMD", "EPYC 9004", "amd-epyc-9004"), ("n/a", "Thing", "thing"),
])  # fmt: skip
def test_makers_of_controllers_have_one_name(vendor: str, product: str, name: str) -> None:
    """However a record writes it."""
    assert {c.product for c in cve(of(vendor, product, {"version": "1", "status": "affected"})).claims} == {name}


@pytest.mark.parametrize(
    "data",
    [b"{", b"{}", b'{"dataVersion":"4.0","cveMetadata":{"cveId":"x","state":"y"},"containers":{"cna":{}}}', b"\xff"],
)
def test_bad_cve_records_are_told(data: bytes) -> None:
    """An old format is none of these either."""
    with pytest.raises(BadInput):
        cve_record.read(data, "x.json", "sha256:0")
