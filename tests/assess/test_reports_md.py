"""The format for pull requests, read back with a Markdown parser."""

import re

import pytest
import reports_fixture as fixture
from markdown_it import MarkdownIt
from markdown_it.token import Token

from strongroom.assess.reports._markdown import code, fence, words
from strongroom.assess.reports.md import BUDGET, REPORT

PARSER = MarkdownIt("commonmark").enable("table")
OWN_HTML = {
    "<br>",
    "<sub>",
    "</sub>",
    "<!-- -->",
    "<details><summary>Fix</summary>\n",
    "</details>\n",
}


def flat(text: str) -> list[Token]:
    tokens = PARSER.parse(text)
    return [t for top in tokens for t in (top, *(top.children or ()))]


def report() -> str:
    return fixture.text(REPORT.render(fixture.assessment(), fixture.CATALOGUE))


def test_only_html_is_the_programs_own() -> None:
    """No name brings a tag with it; the few tags there are stand in the program's own text."""
    found = {t.content for t in flat(report()) if t.type in {"html_inline", "html_block"}}
    assert found == OWN_HTML


def test_no_name_becomes_a_link_or_an_image() -> None:
    """A reader of a pull request is sent nowhere by the name of a resource."""
    assert not [t for t in flat(report()) if t.type in {"link_open", "image"}]


def test_every_table_row_has_the_cells_of_its_head() -> None:
    """No name ends a cell."""
    cells: list[int] = []
    for token in flat(report()):
        if token.type == "tr_open":
            cells.append(0)
        elif token.type in {"td_open", "th_open"}:
            cells[-1] += 1
    rows = [line for line in report().splitlines() if line.startswith("| ")]
    bars = [len(re.findall(r"(?<!\\)\|", line)) - 1 for line in rows if "---" not in line]
    assert cells == bars
    assert set(bars) == {3, 4, 6}


@pytest.mark.parametrize("name", fixture.HOSTILE)
def test_hostile_name_is_shown_as_it_is(name: str) -> None:
    """As words or as code, what is read is the name and nothing but text."""
    marked = name.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    marked = re.sub("[\x07\x1b\x7f\x9b\u200b\u202e]", "\ufffd", marked)
    for text, plain in ((words(name), marked.replace("`", "")), (code(name), marked)):
        tokens = flat(text)
        allowed = {"inline", "text", "text_special", "code_inline", "paragraph_open", "paragraph_close", "html_inline"}
        assert {t.type for t in tokens} <= allowed
        shown = "".join(t.content for t in tokens if t.type in {"text", "text_special", "code_inline"})
        assert shown == plain


@pytest.mark.parametrize("text", ["@octocat", "see #12", "GH-7", "https://evil.example", "www.evil.example"])
def test_hosts_links_are_parted(text: str) -> None:
    """What a code host would link, or whom it would call, is taken apart without a trace in what is read."""
    assert "<!-- -->" in words(text)
    assert "".join(t.content for t in flat(words(text)) if t.type in {"text", "text_special"}) == text


@pytest.mark.parametrize("text", ["- a", "+ a", "# a", "1. a", "2) a", "> a", "=== a", "---", ": a"])
def test_words_begin_no_block(text: str) -> None:
    """A reason that begins like a list is a sentence all the same."""
    assert flat(words(text))[0].type == "paragraph_open"


def test_code_that_holds_fences_stays_one_block() -> None:
    """No line of a snippet ends its block."""
    tokens = flat(fence("```\n<script>\n````\nx", "sh"))
    assert [t.type for t in tokens] == ["fence"]
    assert tokens[0].content == "```\n<script>\n````\nx\n"


def test_report_says_what_matters() -> None:
    """The verdict, the coverage, the fix and the open questions are there."""
    out = report()
    assert "**Of 4 controls, 1 fails, 1 cannot be told from what was read, 1 is proven and" in out
    assert "`redfish:` would add 6 controls" in out
    assert "An unknown is not a pass." in out
    assert '```hcl\ndirect_internet_access = "Disabled"' in out
    assert "What would answer it" in out


def test_long_report_fits_a_comment_and_says_what_is_left_out() -> None:
    """A comment that a code host cuts off is no report: the mildest failures give way, and are counted."""
    checks = {f"made.up.{n}": fixture.renamed(fixture.cmk, f"made.up.{n}") for n in range(400)}
    catalogue = fixture.Catalogue(fixture.CATALOGUE.controls, {**fixture.CATALOGUE.checks, **checks})
    whole = fixture.assessment()
    asset = fixture.bucket("b", "aws_s3_bucket.b")
    whole.findings = tuple(
        fixture.finding(c, asset, fixture.Status.FAIL, fixture.FindingCode.BROKEN, key="x") for c in checks.values()
    )
    out = fixture.text(REPORT.render(whole, catalogue))
    shown = out.count("<summary>Fix")
    assert len(out) <= BUDGET
    assert f"{400 - shown} failures of {400 - shown} more checks have no room here: see the JSON." in out
    assert shown > 50


def test_many_assets_of_one_reason_are_one_row() -> None:
    """What is alike is said once, with how many times it is so."""
    large = fixture.large(50)
    large.findings = tuple(
        fixture.finding(fixture.cmk, a, fixture.Status.FAIL, fixture.FindingCode.BROKEN, key="one key")
        for a in large.assets
    )
    out = fixture.text(REPORT.render(large, fixture.CATALOGUE))
    assert out.count("one key") == 1
    assert "and 40 more: see the JSON" in out
