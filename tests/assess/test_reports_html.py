"""The page for people, read back with a parser."""

import re
from base64 import b64decode
from datetime import timedelta
from html.parser import HTMLParser
from itertools import pairwise

import pytest
import reports_fixture as fixture
import travel_fixture

from strongroom.assess.reports.html import REPORT
from strongroom.model.codes import Status
from strongroom.model.control import Assessment
from strongroom.model.snapshot import Kept

VOID = {"meta", "link", "br", "wbr", "input", "col"}
READERS = ("lead", "engineer", "auditor")
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


def part(assessment: Assessment, reader: str) -> str:
    """The part of the page that is for one reader."""
    return re.split(r'<section class="part[^"]*" id="', html(assessment))[1 + READERS.index(reader)]


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
    assert all(str(a["href"]).startswith("data:") == ("download" in a) for a in read.all("a"))
    inner = [str(a["href"]) for a in read.all("a") if "download" not in a]
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
        "1 control of 4 was not measured by the sources that were given. More would come from redfish: (6 controls)",
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
    assert part(large, "engineer").count("it is encrypted with one key") == 1


def test_three_readers_have_a_part_each() -> None:
    """The lead, the engineer and the auditor find their part by its heading, in this order, and by the navigation."""
    read = page()
    assert [READERS.index(str(a["id"])) for a in read.all("section") if a.get("id") in READERS] == [0, 1, 2]
    assert all(f"For the {reader}" in page().text for reader in READERS)
    assert {"#lead", "#engineer", "#auditor"} <= {a["href"] for a in read.all("a")}


def test_lead_sees_the_whole_on_one_page() -> None:
    """The verdict, two pictures with their words, what to do first, and what was not seen."""
    lead = part(fixture.assessment(), "lead")
    for piece in (
        "Of 4 controls, 1 fails",
        "Posture by area",
        'role="img" aria-label="Made-up: 1 fail, 1 unknown, 1 pass, 2 not assessed"',
        'role="img" aria-labelledby="burn-name burn-words"',
        "The first 2 things to do",
        "What was not seen",
        "var.kms_key has no value",
    ):
        assert piece in lead


def test_pictures_have_words() -> None:
    """Every picture that is not decoration has a name that says what is in it."""
    pictures = [a for a in page().all("svg") if a.get("role") == "img"]
    assert len(pictures) >= 4
    assert all(a.get("aria-label") or a.get("aria-labelledby") for a in pictures)


def test_burn_down_without_earlier_runs_is_called_a_plan() -> None:
    """Nothing is drawn as if it had happened, and the reader is told why."""
    lead = part(fixture.assessment(), "lead")
    assert "The plan: open fixes until day 90" in lead
    assert "No earlier run of these sources is kept" in lead
    assert 'class="actual"' not in lead
    assert "The plan: 2 open fixes on day 0, 1 after day 30, 0 after day 60, 0 after day 90." in lead


def test_burn_down_tells_mended_from_not_seen_any_more() -> None:
    """A check that failed before and passes now is done; one that nobody answers any more is not."""
    whole = fixture.assessment()
    early = fixture.SEEN - timedelta(days=20)
    whole.history = (Kept("r1", early, ("net.notebook.direct-internet", "enc.bucket.cmk", "gone.for.ever")),)
    drop = fixture.internet.id
    whole.findings = tuple(f for f in whole.findings if f.check != drop or f.status is Status.PASS)
    lead = part(whole, "lead")
    assert "First 30 days: 0 open, 1 done, 0 accepted, 0 no longer told".lower() in lead.lower()
    assert "What happened: 2 open at first, 1 open 20 days later." in lead
    whole.findings = tuple(f for f in whole.findings if f.check != drop)
    assert "0 open, 0 done, 0 accepted, 1 no longer told" in part(whole, "lead")


def test_engineer_has_evidence_fix_and_verification() -> None:
    """Where, what was read, the lines for this very type, and how to see that it worked."""
    engineer = part(fixture.assessment(), "engineer")
    for piece in ("infra/<wbr>notebooks", "net.direct_internet", "subnet_id = ", "terraform plan", "Verify:"):
        assert piece in engineer


def test_auditor_goes_from_a_control_to_what_was_read() -> None:
    """A clause has its checks, a check one answer of each kind with place and facts, and people have their words."""
    text = " ".join(part(travel_fixture.with_people(), "auditor").split())
    control = text.partition('id="control-ART-01"')[2].partition('id="control-TEE-01"')[0]
    for piece in (
        "The stores-cmk clause holds.",
        "Buckets are encrypted with a key of the customer",
        "provider aws/s3",
        "infra/<wbr>main.tf:12",
        "<b>Accepted:</b>",
        "a sandbox without data",
        'href="#check-enc.bucket.cmk"',
    ):
        assert piece in control
    vouched = text.partition('id="control-TEE-01"')[2]
    assert "<b>Attested:</b> Ada vouches for it" in vouched
    assert "entry 41 of the log log.example/people" in vouched


def test_auditor_gets_the_log_entry_with_its_exact_bytes() -> None:
    """The page carries entry and proof as files, the digest, the key, and the commands that hold them together."""
    read = page()
    held = {a["download"]: str(a["href"]) for a in read.all("a") if "download" in a}
    files = {name: b64decode(href.partition(";base64,")[2]).decode() for name, href in held.items()}
    assert files == {"entry.json": fixture.LOGGED.data, "entry.tlog-proof": fixture.LOGGED.proof}
    for piece in (
        fixture.LOGGED.findings,
        "strongroom log verify entry.tlog-proof --entry entry.json --key 'log.example/ai+0a1b2c3d+AQ=='",
        "jq -r '.findings[] | .fingerprint + .status' report.json | sha256sum",
    ):
        assert piece in read.text


def test_run_that_is_not_logged_says_so_to_every_reader() -> None:
    """At the top, on the lead's page and where the proof would be."""
    whole = fixture.assessment()
    whole.logged = None
    assert "not logged" in html(whole).partition('id="lead"')[0]
    assert "not logged" in part(whole, "lead")
    assert "No log holds this run" in part(whole, "auditor")


def test_report_without_failures_does_not_boast() -> None:
    """Nothing failed is not the same as safe, and the page says so."""
    whole = fixture.assessment()
    whole.findings = tuple(f for f in whole.findings if f.status is not Status.FAIL)
    whole.tasks = ()
    text = page(whole).text
    assert "No check failed. That is not the same as safe" in text
    assert "Nothing failed, so there is nothing to plan." in text
