"""Patch state: each way in which vendors' data mislead, by name, and the verdict that must come of it."""

import json
from datetime import date
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.assess.patch.judging import judge, with_check, with_signer
from strongroom.collect.feeds import csaf, products
from strongroom.model.advisory import Asked, Check, Claim, Document, Feed, Installed, Judged, Override, Patch, Signals
from strongroom.model.errors import BadInput

TODAY = date(2026, 6, 1)
DIGEST = "sha256:" + "a" * 64


def row(product: str, platform: str, text: str, *fixes: str, cve: str = "CVE-2026-1") -> Claim:
    """A row in a vendor's words."""
    return csaf.claim(cve, products.named(product, platform), text, list(fixes))


def document(*claims: Claim, ident: str = "5821", day: str = "2026-05-19", check: Check = Check.NONE) -> Document:
    """A bulletin."""
    return Document(ident, "a bulletin", day, DIGEST, claims, check, "NVIDIA")


def driver(branch: int, version: str, cve: str = "CVE-2026-1", system: str = "Linux") -> Claim:
    """A driver's usual row."""
    return row("Tesla", f"{system}(R{branch})", f"All driver versions prior to {version}", version, cve=cve)


MAY = document(driver(595, "595.71.05"), driver(580, "580.159.03"), driver(535, "535.309.01"))
JANUARY = document(
    driver(590, "590.48.01"), driver(580, "580.126.09"), driver(570, "570.211.01"), ident="5747", day="2026-01-28"
)
FEED = Feed((JANUARY, MAY))


def of(version: str, feed: Feed = FEED, product: str = "nvidia-driver", system: str = "linux", **more: str) -> Judged:
    """The verdict on a version."""
    return judge(Installed(product, version, system, **more), feed, TODAY)


@pytest.mark.parametrize(
    ("version", "patch", "fixed"),
    [
        ("580.159.03", Patch.FIXED, "580.159.03"),
        ("580.159.3", Patch.FIXED, "580.159.03"),
        ("580.160.01", Patch.FIXED, "580.159.03"),
        ("580.95.05", Patch.AFFECTED, "580.159.03"),
        ("580.126.09", Patch.AFFECTED, "580.159.03"),
        ("535.54.03", Patch.AFFECTED, "535.309.01"),
        ("535.129.03", Patch.AFFECTED, "535.309.01"),
        ("580.159.03-0ubuntu0.24.04.1", Patch.FIXED, "580.159.03"),
    ],
)
def test_versions_are_compared_as_numbers_within_their_branch(version: str, patch: Patch, fixed: str) -> None:
    """535.54 is before 535.129, and no version of one branch is measured by another's fix."""
    found = of(version)
    assert (found.patch, found.fixed_in) == (patch, fixed)


@pytest.mark.parametrize("version", ["570.211.01", "590.48.01", "600.10", "470.256.02"])
def test_a_missing_branch_is_not_ok(version: str) -> None:
    """R570 was fixed in January and is not in May's bulletin: it is unlisted, and not good; so is what is newer than any."""
    found = of(version)
    assert found.patch is Patch.NOT_LISTED
    assert "5821" in found.why


def test_a_wrong_branch_is_not_believed() -> None:
    """A row of R535 whose fix is 575.274.02 contradicts itself: who is below it is in doubt, and never fixed by it."""
    wrong = row(
        "Guest driver",
        "Linux(R535 vGPU 16)",
        "535.261.03(All versions prior to and including vGPU 16.11)",
        "575.274.02(vGPU 16.12)",
    )
    feed = Feed((document(wrong),))
    for version in ("535.261.03", "535.274.02"):
        found = of(version, feed, "nvidia-vgpu-guest")
        assert found.patch is Patch.CONDITIONAL
        assert "another branch" in found.why
        assert not found.fixed_in


def test_a_doubt_is_settled_by_a_later_document() -> None:
    """Who has the fix that a later bulletin names without a doubt is past what an earlier one garbled."""
    wrong = row("Tesla", "Linux(R535)", "All driver versions prior to 575.274.02", "575.274.02")
    old = document(wrong, ident="5703", day="2025-10-09")
    assert of("535.309.01", Feed((old, MAY))).patch is Patch.FIXED
    assert (
        of("535.309.01", Feed((msgspec.structs.replace(old, published="2026-05-20"), MAY))).patch is Patch.CONDITIONAL
    )


def test_swapped_rows_are_not_believed() -> None:
    """Where the fixes of R595 and R580 stand in each other's rows, neither row clears anybody, or accuses for sure."""
    swapped = document(
        row("Tesla", "Linux(R595)", "All driver versions prior to 580.159.03", "580.159.03"),
        row("Tesla", "Linux(R580)", "All driver versions prior to 595.71.05", "595.71.05"),
    )
    assert of("595.58.03", Feed((swapped,))).patch is Patch.CONDITIONAL
    assert of("580.126.09", Feed((swapped,))).patch is Patch.CONDITIONAL


def test_two_fixes_of_one_row_are_not_believed() -> None:
    """Which of the two is the fix is a guess."""
    twice = row("NVIDIA Container Toolkit", "Linux", "All versions prior to 1.17.8", "1.17.8", "1.17.9")
    assert of("1.17.7", Feed((document(twice),)), "nvidia-container-toolkit").patch is Patch.CONDITIONAL


@pytest.mark.parametrize(
    ("version", "patch"),
    [("4.8.1", Patch.CONDITIONAL), ("4.8.2", Patch.CONDITIONAL), ("4.8.3", Patch.FIXED), ("4.9", Patch.FIXED)],
)
def test_a_fix_that_is_said_to_be_affected_is_in_doubt(version: str, patch: Patch) -> None:
    """Up to 4.8.2 is affected, and 4.8.2 is the fix: what is past both is fixed, and nothing else for sure."""
    both = row("DCGM Exporter", "All(4.8)", "0.0  to 4.8.2", "4.8.2")
    assert of(version, Feed((document(both),)), "dcgm-exporter").patch is patch


@pytest.mark.parametrize(
    ("version", "patch"),
    [("1.17.4", Patch.CONDITIONAL), ("1.17.5", Patch.AFFECTED), ("1.17.7", Patch.AFFECTED), ("1.17.8", Patch.FIXED)],
)
def test_a_condition_holds_for_the_versions_that_it_names(version: str, patch: Patch) -> None:
    """Before 1.17.5 only CDI mode is affected, and from there on everybody."""
    words = "All versions up to and including 1.17.7 (CDI mode only for versions prior to 1.17.5)"
    feed = Feed((document(row("NVIDIA Container Toolkit", "All", words, "1.17.8")),))
    found = of(version, feed, "nvidia-container-toolkit")
    assert found.patch is patch
    assert ("CDI mode" in found.why) == (patch in {Patch.CONDITIONAL, Patch.AFFECTED})


def test_prose_that_is_not_understood_clears_nobody() -> None:
    """A sentence that cannot be read is kept, and leaves open what it says."""
    words = row("NVIDIA KAI Scheduler", "Linux", "some builds of the spring", "0.13.0")
    assert of("0.12.0", Feed((document(words),)), "kai-scheduler").patch is Patch.CONDITIONAL
    assert of("0.13.0", Feed((document(words),)), "kai-scheduler").patch is Patch.CONDITIONAL
    assert of("0.13.1", Feed((document(words),)), "kai-scheduler").patch is Patch.FIXED


def test_a_bad_hash_proves_nothing() -> None:
    """A document that does not match its published digest leaves in doubt whom it accuses, and clears nobody of another."""
    bad = with_check(document(driver(580, "580.159.03")), matches=False)
    assert bad.check is Check.MISMATCH
    found = of("580.126.09", Feed((bad,)))
    assert found.patch is Patch.CONDITIONAL
    assert "digest" in found.why
    assert of("580.126.09", Feed((bad, MAY))).patch is Patch.AFFECTED
    assert with_check(document(), matches=True).check is Check.MATCHES
    assert with_check(document(), matches=None).check is Check.NONE


def test_an_unsigned_document_of_one_who_signs_proves_nothing() -> None:
    """Where a publisher's key is named, what that key has not signed leaves in doubt whom it accuses."""
    bad = with_signer(document(driver(580, "580.159.03")), "")
    assert (bad.check, of("580.126.09", Feed((bad,))).patch) == (Check.UNSIGNED, Patch.CONDITIONAL)
    good = with_signer(document(driver(580, "580.159.03")), "ab12")
    assert (good.signed, of("580.126.09", Feed((good,))).patch) == ("ab12", Patch.AFFECTED)


def test_one_publisher_makes_no_other_younger() -> None:
    """A document of today from one place says nothing of how old another's are; a question that was answered in full does."""
    other = Document("X", "t", "2026-06-01", DIGEST, (Claim("CVE-2026-9", "other"),), publisher="Another")
    old = document(driver(580, "580.159.03"), day="2026-01-28")
    assert of("580.159.03", Feed((old, other))).patch is Patch.STALE
    asked = Asked("https://vendor.example/changes.csv", "2026-05-31T08:00:00Z", ("NVIDIA",))
    assert of("580.159.03", Feed((old, other), asked=(asked,))).patch is Patch.FIXED
    cut = msgspec.structs.replace(asked, trouble="it hung")
    assert of("580.159.03", Feed((old, other), asked=(cut,))).patch is Patch.STALE


@pytest.mark.parametrize(
    ("score", "first", "kev", "overdue"),
    [
        (9.8, "2026-05-10", "", False), (9.8, "2026-04-20", "", True), (7.5, "2026-04-20", "", False),
        (7.5, "2026-02-01", "", True), (5.0, "2026-05-10", "2026-05-12", True), (5.0, "2026-05-10", "2026-05-25", False),
        (0.0, "2026-04-20", "", True), (9.8, "", "", True),
    ],
)  # fmt: skip
def test_what_is_open_for_too_long_is_told(score: float, first: str, kev: str, overdue: bool) -> None:
    """15 days for what is exploited, 30 for what is critical or that nobody scored, 90 for the rest, since the first edition."""
    claim = msgspec.structs.replace(driver(580, "580.159.03"), score=score)
    one = msgspec.structs.replace(document(claim, day="2026-05-30" if first else ""), since=first)
    signals = (Signals("kev", "2026-06-01", DIGEST, {"CVE-2026-1": kev}),) if kev else ()
    found = of("580.126.09", Feed((one,), signals))
    assert (found.patch, bool(found.overdue)) == (Patch.AFFECTED, overdue)


def test_a_version_before_the_only_one_that_is_named_is_in_doubt() -> None:
    """GB200 1.2 is affected and 1.3 fixed: of 1.1 nobody says that it is fine."""
    feed = Feed((document(row("DGX GB200", "BMC", "1.2", "1.3")),))
    verdicts = {v: of(v, feed, "dgx-gb200-bmc").patch for v in ("1.1", "1.2", "1.3", "1.4")}
    assert verdicts == {"1.1": Patch.CONDITIONAL, "1.2": Patch.AFFECTED, "1.3": Patch.FIXED, "1.4": Patch.FIXED}


def test_a_reviewed_override_is_bound_to_the_octets() -> None:
    """Somebody accepted that very document, or mended a row of it; another edition is not meant by that."""
    bad = with_check(document(driver(580, "580.159.03")), matches=False)
    accepted = Override("5821", "a" * 64, "ann", "the vendor told us", accept=True)
    assert of("580.126.09", Feed((bad,), overrides=(accepted,))).patch is Patch.AFFECTED
    other = msgspec.structs.replace(accepted, sha256="c" * 64)
    assert of("580.126.09", Feed((bad,), overrides=(other,))).patch is Patch.CONDITIONAL
    wrong = document(row("Tesla", "Linux(R580)", "All driver versions prior to 595.71.05", "595.71.05"))
    mended = Override("5821", "a" * 64, "ann", "rows are swapped", rows=(driver(580, "580.159.03"),))
    assert of("580.159.03", Feed((wrong,), overrides=(mended,))).patch is Patch.FIXED
    assert of("580.126.09", Feed((wrong,), overrides=(mended,))).patch is Patch.AFFECTED


@pytest.mark.parametrize(
    ("day", "patch"),
    [("2026-05-19", Patch.FIXED), ("2026-05-01", Patch.STALE), ("2026-07-01", Patch.STALE), ("", Patch.STALE)],
)
def test_a_stale_feed_clears_nobody(day: str, patch: Patch) -> None:
    """Nothing speaks against a version in a feed that is too old to know, that ends after today, or has no day."""
    assert of("580.159.03", Feed((document(driver(580, "580.159.03"), day=day),))).patch is patch


def test_a_stale_feed_still_accuses() -> None:
    """What was affected then is affected now."""
    assert of("580.126.09", Feed((document(driver(580, "580.159.03"), day="2024-01-01"),))).patch is Patch.AFFECTED


def test_windows_numbers_are_of_the_branch_below_them() -> None:
    """582.53 is of R580 on Windows: its branch is the nearest one at or below its number, and Linux rows are not its own."""
    feed = Feed(
        (
            document(
                driver(580, "582.53", system="Windows"),
                driver(535, "539.72", system="Windows"),
                driver(580, "580.159.03"),
            ),
        )
    )
    assert of("582.53", feed, system="windows").patch is Patch.FIXED
    assert of("582.16", feed, system="windows").patch is Patch.AFFECTED
    assert of("539.64", feed, system="windows").patch is Patch.AFFECTED
    assert of("580.159.03", feed).patch is Patch.FIXED


def test_a_line_of_cards_narrows_the_rows() -> None:
    """What is listed for GeForce alone is nothing of a data-center card, and something of whoever does not say."""
    feed = Feed(
        (
            document(
                driver(580, "580.100.01"),
                row("GeForce", "Linux(R580)", "All driver versions prior to 580.159.03", "580.159.03"),
            ),
        )
    )
    assert of("580.126.09", feed, family="tesla").patch is Patch.FIXED
    assert of("580.126.09", feed).patch is Patch.AFFECTED


def test_gaming_is_a_line_of_its_own() -> None:
    """Rows of cloud gaming name other releases, and are not two fixes of the ordinary rows."""
    feed = Feed((document(
        row("Guest driver", "Linux(R550)", "550.54.15(All versions up to and including vGPU 17.1)", "550.90.07(vGPU 17.2)"),
        row("Guest driver", "Linux(R550 Gaming)", "550.73(All versions up to and including the April 2024 release)", "555.52.04(May 2024 release)"),
    ),))  # fmt: skip
    assert of("550.90.07", feed, "nvidia-vgpu-guest").patch is Patch.FIXED
    assert of("550.73", feed, "nvidia-vgpu-guest-gaming").patch is Patch.CONDITIONAL


@pytest.mark.parametrize("version", ["", "latest", "R580"])
def test_what_is_no_version_is_not_listed(version: str) -> None:
    """A name is compared with nothing."""
    assert of(version).patch is Patch.NOT_LISTED


def test_a_product_that_nobody_names_is_not_listed() -> None:
    """Silence on a product is not its health."""
    assert of("1.0", product="something-else").patch is Patch.NOT_LISTED


def test_exploited_vulnerabilities_are_named() -> None:
    """What CISA lists as exploited is told with the verdict."""
    kev = Signals("kev", "2026-05-30", DIGEST, {"CVE-2026-1": "2026-05-20"})
    assert of("580.126.09", Feed((MAY,), (kev,))).exploited == ("CVE-2026-1",)


@given(st.lists(st.tuples(st.sampled_from([535, 570, 580]), st.integers(1, 300)), max_size=4), st.integers(1, 300))
def test_more_documents_never_make_a_version_better(rows: list[tuple[int, int]], number: int) -> None:
    """Whatever is added to a feed that accuses a version, it stays accused."""
    feed = Feed((document(driver(580, "580.200.01")),))
    more = Feed((*feed.documents, *(document(driver(b, f"{b}.{n}.01"), ident=str(i)) for i, (b, n) in enumerate(rows))))
    before, after = of(f"580.{number}.01", feed), of(f"580.{number}.01", more)
    if before.patch is Patch.AFFECTED:
        assert after.patch is Patch.AFFECTED


# What the world has


def _bulletins(vectors: Path) -> Feed:
    path = vectors / "gpu/nvidia_bulletins.json"
    if not path.exists():
        pytest.skip("the table of bulletins is not here")
    found = json.loads(path.read_text())["bulletins"]
    return Feed(tuple(
        document(*(
            csaf.claim(v["cve"], products.named(r["product"], r["platform"]), text, r["fixed_text"])
            for v in b["vulnerabilities"] for r in v["ranges"] for text in r["affected_text"] or [""]
        ), ident=b["bulletin_id"], day=b["published"])
        for b in found
    ))  # fmt: skip


@pytest.mark.parametrize(
    ("product", "version", "patch"),
    [
        ("nvidia-driver", "535.129.03", Patch.AFFECTED), ("nvidia-driver", "535.309.01", Patch.FIXED),
        ("nvidia-driver", "570.211.01", Patch.NOT_LISTED), ("nvidia-driver", "580.159.03", Patch.FIXED),
        ("nvidia-driver", "590.48.01", Patch.NOT_LISTED), ("nvidia-driver", "595.71.05", Patch.FIXED),
        ("nvidia-container-toolkit", "1.19.1", Patch.FIXED), ("nvidia-container-toolkit", "1.17.8", Patch.AFFECTED),
        ("dcgm-exporter", "4.8.2", Patch.CONDITIONAL), ("dcgm", "4.5.3", Patch.FIXED), ("dcgm", "4.5.2", Patch.AFFECTED),
        ("kai-scheduler", "0.12.0", Patch.AFFECTED), ("triton", "26.05", Patch.AFFECTED),
    ],
)  # fmt: skip
def test_the_bulletins_of_three_years_are_judged(product: str, version: str, patch: Patch, vectors: Path) -> None:
    """Versions of known standing by 68 bulletins and 1,764 rows, two days after the last of them."""
    found = judge(
        Installed(product, version, family="tesla" if product == "nvidia-driver" else ""),
        _bulletins(vectors),
        date(2026, 8, 20),
    )
    assert found.patch is patch, found


def test_real_advisories_are_read_and_their_faults_seen(vectors: Path) -> None:
    """Six advisories as they were published: the digest of one does not match, and its rows of R535 vGPU contradict themselves."""
    folder = vectors / "gpu/csaf"
    if not folder.exists():
        pytest.skip("the advisories are not here")
    doubted = {}
    for path in sorted(folder.glob("*.json")):
        found = csaf.read(path.read_bytes(), path.name, DIGEST)
        assert found.claims
        assert found.publisher == "NVIDIA Product Security"
        doubted[found.id] = {(c.product, c.branch) for c in found.claims if c.trouble}
    assert doubted.pop("5703") == {("nvidia-vgpu-guest", 535)}
    assert doubted.pop("5551") == {("nvidia-vgpu-guest-gaming", 550)}
    assert not any(doubted.values())


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("document"), lambda d: d["document"].update(csaf_version="1.2"), lambda d: d.update(vulnerabilities=5),
        lambda d: d["product_tree"].update(branches=[{"category": 5}]), lambda d: d["document"].pop("tracking"),
        lambda d: d["product_tree"]["branches"].append(d["product_tree"]["branches"][0] | {"name": "other"}),
    ],
)  # fmt: skip
def test_what_is_no_advisory_is_refused(change: object) -> None:
    """A document of another form, version or tree is an error, and never one of no rows."""
    made = advisory()
    change(made)  # type: ignore[operator]
    with pytest.raises(BadInput):
        csaf.read(json.dumps(made).encode(), "x", DIGEST)


def advisory() -> dict[str, object]:
    """A small advisory in the standard's own form, with a range and a component."""

    def product(ident: str, name: str) -> dict[str, str]:
        return {"product_id": ident, "name": name}

    tree = {
        "branches": [{"category": "product_name", "name": "DCGM", "branches": [
            {"category": "product_version_range", "name": "vers:generic/>=4.0|<4.5.3", "product": product("a", "DCGM <4.5.3")},
            {"category": "product_version", "name": "4.5.3", "product": product("f", "DCGM 4.5.3")},
        ]}],
        "relationships": [{"category": "default_component_of", "product_reference": "a", "relates_to_product_reference": "os",
                           "full_product_name": product("a:os", "DCGM as a part of an OS")}],
    }  # fmt: skip
    status = {"known_affected": ["a", "gone"], "fixed": ["f", "lost"]}
    head = {"category": "csaf_security_advisory", "csaf_version": "2.0", "title": "t",
            "tracking": {"id": "X-1", "current_release_date": "2026-05-19T00:00:00Z"}, "publisher": {"name": "Vendor"}}  # fmt: skip
    return {"document": head, "product_tree": tree, "vulnerabilities": [
        {"cve": "CVE-2026-2", "product_status": status, "scores": [{"cvss_v3": {"baseScore": 8.2}}]},
        {"cve": "CVE-2026-3", "product_status": {"known_affected": ["a:os"]}},
    ]}  # fmt: skip


def test_an_advisory_of_the_standards_form_is_read() -> None:
    """Ranges, versions and components; a product that the tree lacks is kept as trouble, affected or fixed."""
    found = csaf.read(json.dumps(advisory()).encode(), "x", DIGEST)
    assert (found.id, found.published, found.score) == ("X-1", "2026-05-19", 8.2)
    by = {(c.cve, c.product, c.trouble != ""): c for c in found.claims}
    ordinary = by[("CVE-2026-2", "dcgm", False)]
    assert (ordinary.low, ordinary.high, ordinary.high_in, ordinary.fixed) == ("4.0", "4.5.3", False, ("4.5.3",))
    assert by[("CVE-2026-3", "dcgm", False)].condition == "as a part of os"
    assert {c.text for c in found.claims if c.product == "unnamed"} == {"gone", "lost"}


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"a":1,"a":2}', b"[" * 5000, b"\xff"])
def test_octets_that_are_none_are_refused(data: bytes) -> None:
    """Broken, doubled or endless JSON is an error in words."""
    with pytest.raises(BadInput):
        csaf.read(data, "x", DIGEST)


def test_branches_without_end_are_refused() -> None:
    """A tree that goes deeper than any product is no tree."""
    inner: dict[str, object] = {"category": "product_name", "name": "x"}
    for _ in range(80):
        inner = {"category": "vendor", "name": "x", "branches": [inner]}
    made = advisory()
    made["product_tree"] = {"branches": [inner]}
    with pytest.raises(BadInput):
        csaf.read(json.dumps(made).encode(), "x", DIGEST)
