"""The page for people, read back with a parser."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
import reports_fixture as fixture

from strongroom.assess.reports.html import REPORT
from strongroom.model.codes import Status
from strongroom.model.control import Assessment

VOID = {"meta", "link", "br", "wbr", "input"}
LEVELS = {f"h{n}": n for n in range(1, 7)}


class Page(HTMLParser):
    """The elements of a page, its text, and its headings; tags that do not match fail the reading."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[int] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in LEVELS:
            self.headings.append(LEVELS[tag])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        """What is read, with single spaces."""
        return " ".join("".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of a name."""
        return [attributes for name, attributes in self.elements if name == tag]


def html(assessment: Assessment | None = None) -> str:
    return fixture.text(REPORT.render(assessment or fixture.assessment(), fixture.CATALOGUE))


def page(assessment: Assessment | None = None) -> Page:
    return Page(html(assessment))


def test_page_has_no_script_and_asks_for_nothing() -> None:
    """No script, no handler, no frame and no address that a browser would fetch by itself."""
    read = page()
    assert not {"script", "iframe", "object", "embed", "img", "form", "base"} & {tag for tag, _ in read.elements}
    assert not [a for _, attributes in read.elements for a in attributes if a.startswith("on") or a in {"src", "style"}]
    assert [a["href"] for a in read.all("link")] == ["data:,"]
    style = html().partition("<style>")[2].partition("</style>")[0]
    assert "@import" not in style
    assert set(re.findall(r"url\(([^)]*)\)", style)) == {"#hatch", "#dots"}


def test_page_carries_its_own_policy() -> None:
    """A browser that opens the file refuses what the page does not need."""
    (policy,) = [m["content"] for m in page().all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")


def test_links_lead_into_the_page_or_to_a_default() -> None:
    """An address in the page is one of its own anchors, or the page that states a default."""
    read = page()
    ids = [a["id"] for _, a in read.elements if "id" in a]
    assert len(ids) == len(set(ids))
    inner = [str(a["href"]) for a in read.all("a")]
    inner += [str(a["href"]) for a in read.all("use")]
    assert {h.removeprefix("#") for h in inner if h.startswith("#")} <= set(ids)
    assert {h for h in inner if not h.startswith("#")} == {"https://example.test/defaults"}


def test_address_of_a_default_that_is_no_web_page_is_no_link() -> None:
    """A scheme that runs is never put into a link."""
    whole = fixture.assessment()
    fact = fixture.Fact("enc.key", None, None, "", "javascript:alert(1)")
    odd = fixture.bucket("odd", "aws_s3_bucket.odd", key=fact)
    whole.findings = (fixture.finding(fixture.cmk, odd, Status.FAIL, fixture.FindingCode.BROKEN, key="x"),)
    assert "javascript:" not in html(whole)
    assert "the provider's default" in page(whole).text


@pytest.mark.parametrize("name", fixture.HOSTILE)
def test_hostile_name_is_text_and_nothing_else(name: str) -> None:
    """What is read is the name; the page has the same elements with it as with a harmless one."""
    shown = re.sub("[\x07\x1b\x7f\x9b\u200b\u202e\udce9]", "\ufffd", name)
    assert shown in page().text
    tame, wild = (fixture.assessment() for _ in range(2))
    for whole, text in ((tame, "harmless"), (wild, name)):
        asset = fixture.bucket("one", text)
        whole.assets = (asset,)
        whole.findings = (fixture.finding(fixture.cmk, asset, Status.FAIL, fixture.FindingCode.BROKEN, key=text),)
    without_breaks = [[tag for tag, _ in page(w).elements if tag not in {"wbr", "code"}] for w in (tame, wild)]
    assert without_breaks[0] == without_breaks[1]


def test_headings_go_down_one_level_at_a_time() -> None:
    """A reader who moves by headings meets no gap."""
    levels = page().headings
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_page_has_its_landmarks_and_its_tables_their_scopes() -> None:
    """Header, navigation, main part and footer are there once; each table has a caption and scoped heads."""
    read = page()
    assert [len(read.all(tag)) for tag in ("header", "nav", "main", "footer")] == [1, 1, 1, 1]
    assert len(read.all("caption")) == len(read.all("table"))
    assert all(th.get("scope") in {"col", "row"} for th in read.all("th"))
    assert all(label.get("aria-hidden") or label.get("role") == "img" for label in read.all("svg"))


def test_state_is_never_told_by_colour_alone() -> None:
    """Every state has its word and its own sign."""
    text = html()
    for status in ("pass", "fail", "unknown", "not-assessed"):
        word = status.replace("-", " ")
        assert re.search(
            rf'class="state {status}"><svg [^>]*><use href="#i-{status}"/></svg>(<span[^>]*>)?{word}<', text
        )
        assert f'id="i-{status}"' in text


def test_unknown_and_not_assessed_look_unlike_a_pass() -> None:
    """In a bar, a pass is a plain colour; what is not known has a pattern of its own."""
    style = html()
    assert ".bar .unknown { fill: url(#hatch); }" in style
    assert ".bar .not-assessed { fill: url(#dots); }" in style
    assert re.search(r"\.bar \.pass \{ fill: var\(--pass-bar\); \}", style)


def test_page_says_what_was_read_and_what_was_not() -> None:
    """When, from what, how much of the catalogue, what is in doubt and why, what would answer it."""
    text = page().text
    for part in (
        "4 March 2026, 05:06 UTC",
        "Of 4 controls, 1 fails, 1 cannot be told from what was read, 1 is proven and 1 was not assessed in full.",
        "3 of 4 controls measured",
        "redfish: would add 6 controls",
        "The first 2 things to do",
        "var.kms_key has no value",
        "give the variable its value, or give a plan (terraform show -json)",
        "1 question on 1 asset",
        "schema strongroom/1",
        "snapshot 20260304-1",
    ):
        assert part in text


def test_failure_has_its_evidence_and_its_fix() -> None:
    """Where, because of what, what was read, the exact lines, the command and how to see it."""
    text = page().text
    for part in (
        "infra/notebooks.tf:4",
        "direct internet access is on for n1",
        "net.direct_internet true infra/variables.tf:7",
        'direct_internet_access = "Disabled" subnet_id',
        "terraform plan",
        "Verify: the plan shows the attribute as Disabled",
        "checkov:CKV_AWS_122",
    ):
        assert part in text


def test_passes_are_counts() -> None:
    """An asset that passes is in the numbers and the inventory, and has no row among the failures."""
    whole = fixture.assessment()
    part = html(whole).partition('id="findings"')[2].partition('id="unknown"')[0]
    assert "1 fail" in part
    assert "1 pass" in part
    assert "n0" not in part


def test_long_lists_end_and_say_so() -> None:
    """A page is for reading: what is cut is counted, and the reader is told where the rest is."""
    text = page(fixture.large(500)).text
    assert "and 490 more failures: see the JSON" in text
    assert "and 490 more assets: see the JSON" in text


def test_ten_thousand_findings_stay_small() -> None:
    """However different ten thousand failures are, the page stays below five megabytes."""
    checks = {f"made.up.{n}": fixture.renamed(fixture.cmk, f"made.up.{n}") for n in range(250)}
    catalogue = fixture.Catalogue(fixture.CATALOGUE.controls, checks)
    large = fixture.large(10_000)
    names = list(checks)
    long = "module.a_rather_long_name_of_a_module.aws_s3_bucket.and_a_long_name_of_a_bucket"
    large.assets = tuple(fixture.bucket(a.id, f"{long}[{n}]", a.where) for n, a in enumerate(large.assets))
    large.findings = tuple(
        fixture.finding(checks[names[n % 250]], a, Status.FAIL, fixture.FindingCode.BROKEN, key=f"{long} {n}")
        for n, a in enumerate(large.assets)
    )
    size = sum(len(piece.encode()) for piece in REPORT.render(large, catalogue))
    assert size < 5_000_000


def test_same_reason_is_said_once() -> None:
    """Assets that fail alike share one row."""
    large = fixture.large(30)
    large.findings = tuple(
        fixture.finding(fixture.cmk, a, Status.FAIL, fixture.FindingCode.BROKEN, key="one key") for a in large.assets
    )
    assert html(large).count("it is encrypted with one key") == 1


def test_report_without_failures_does_not_boast() -> None:
    """Nothing failed is not the same as safe, and the page says so."""
    whole = fixture.assessment()
    whole.findings = tuple(f for f in whole.findings if f.status is not Status.FAIL)
    whole.tasks = ()
    text = page(whole).text
    assert "No check failed. That is not the same as safe" in text
    assert "Nothing failed, so there is nothing to plan." in text
