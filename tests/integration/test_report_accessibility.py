"""The page for people under axe-core, in a real browser: nothing serious, whoever reads it and in whichever scheme.

axe-core is not a part of this project. It is used where somebody has put `axe.min.js` into
`$XDG_CACHE_HOME/strongroom-tests/axe-core-VERSION/`, or where `$AXE_CORE` names the file.
"""

import json
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import reports_fixture as fixture
import travel_fixture

from strongroom.app.assess import assess
from strongroom.app.catalogue import catalogue
from strongroom.assess.reports.html import REPORT
from strongroom.model.control import Assessment
from strongroom.model.ports import Catalogue

pytestmark = pytest.mark.integration

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ESTATE = Path(__file__).parents[2] / "examples/estate"
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
)
GRAVE = {"serious", "critical"}
RUN = """
axe.run(document, {resultTypes: ["violations"]}).then(found => {
  const held = document.createElement("pre");
  held.id = "axe";
  held.textContent = JSON.stringify(found.violations.map(v => [v.impact, v.id, v.nodes.map(n => n.target.join(" "))]));
  document.body.replaceChildren(held);
});
"""


def axe() -> str:
    """The text of axe-core, or the reason why the test is passed over."""
    cache = Path(os.getenv("XDG_CACHE_HOME") or Path.home() / ".cache") / "strongroom-tests"
    named = os.getenv("AXE_CORE")
    found = [Path(named)] if named else sorted(cache.glob("axe-core-*/axe.min.js"))
    if not found or not found[-1].is_file():
        pytest.skip(f"no axe-core: put axe.min.js into {cache}/axe-core-VERSION/, or name it with $AXE_CORE")
    return found[-1].read_text(encoding="utf-8")


def violations(page: str, folder: Path, *flags: str) -> list[tuple[str, str, list[str]]]:
    """What axe-core says of a page: impact, rule, and where. The page's own policy would not let any script in."""
    if CHROMIUM is None:
        pytest.skip("no chromium: the page cannot be drawn here")
    script = axe()
    open_, count = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    assert count == 1
    inside = f"<script>{script}</script><script>{RUN}</script></body>"
    file = folder / "page.html"
    file.write_text(open_.replace("</body>", inside), encoding="utf-8")
    done = subprocess.run(
        [CHROMIUM, *QUIET, f"--user-data-dir={folder / 'profile'}", *flags, "--virtual-time-budget=60000", "--dump-dom",
         file.as_uri()],
        capture_output=True, text=True, timeout=240, check=True, env={"HOME": str(folder), "PATH": os.defpath},
    )  # fmt: skip
    said = re.search(r'<pre id="axe">(.*?)</pre>', done.stdout, re.DOTALL)
    assert said is not None, "axe-core did not come to its end"
    return [tuple(v) for v in json.loads(said[1].replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))]


def estate() -> tuple[Assessment, Catalogue]:
    """The example estate, as a user sees it."""
    return assess([str(ESTATE)], datetime(2026, 3, 1, tzinfo=UTC)), catalogue()


def made_up() -> tuple[Assessment, Catalogue]:
    """The small assessment with hostile names, people and a log."""
    return travel_fixture.with_people(), fixture.CATALOGUE


def opened(found: Assessment, known: Catalogue) -> str:
    """The page with everything unfolded, so that nothing hides from the test."""
    return "".join(REPORT.render(found, known)).replace("<details", "<details open")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["500,900", "1280,900"])
@pytest.mark.parametrize("made", [made_up, estate])
def test_axe_finds_nothing_serious(made: object, size: str, scheme: str, tmp_path: Path) -> None:
    """Neither in the light nor in the dark scheme, neither narrow nor wide."""
    assert callable(made)
    page = opened(*made())
    if scheme == "dark":
        page = page.replace("@media (prefers-color-scheme: dark)", "@media all")
    found = violations(page, tmp_path, f"--window-size={size}")
    assert [v for v in found if v[0] in GRAVE] == []


def test_axe_would_find_something(tmp_path: Path) -> None:
    """The test can fail: text without contrast and a picture without a name are found."""
    page = opened(*made_up())
    bad = page.replace("<h1>", "<h1 style='color:#eee;background:#fff'>").replace(
        'role="img" aria-labelledby', 'role="img" x'
    )
    grave = {rule for impact, rule, _ in violations(bad, tmp_path, "--window-size=1280,900") if impact in GRAVE}
    assert "color-contrast" in grave


def test_page_without_names_is_as_good(tmp_path: Path) -> None:
    """The same of a run that is not logged and that has lost its names."""
    found, known = made_up()
    bare = msgspec.structs.replace(found, logged=None, redacted=True)
    assert [v for v in violations(opened(bare, known), tmp_path, "--window-size=768,900") if v[0] in GRAVE] == []
