"""The page for people in a real browser: it draws, asks for nothing and complains of nothing."""

import dataclasses
import http.server
import os
import re
import shutil
import struct
import subprocess
import threading
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import reports_fixture as fixture
import travel_fixture

from strongroom.assess.reports.html import REPORT
from strongroom.model.codes import Effort, GapCode, Severity, Status
from strongroom.model.control import Assessment, ClauseResult, ControlResult, Coverage
from strongroom.model.estate import Gap
from strongroom.model.ports import Catalogue
from strongroom.model.snapshot import Kept

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: the page cannot be drawn here")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-extensions --hide-scrollbars --enable-logging=stderr "
    "--log-level=0 --proxy-bypass-list=<-loopback>"
)


class Site:
    """A web server that is the browser's proxy too: whatever the page asks for, of whomever, is seen here."""

    def __init__(self) -> None:
        self.page = b""
        self.policy = POLICY
        self.asked: list[str] = []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                found = self.path.endswith("/report.html")
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                if site.policy:
                    self.send_header("Content-Security-Policy", site.policy)
                self.end_headers()
                self.wfile.write(site.page if found else b"")

            def do_CONNECT(self) -> None:
                site.asked.append(self.path)
                self.send_error(502)

            def log_message(self, *_: object) -> None:
                """Nothing is logged."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of_the_page(self) -> set[str]:
        """What was asked for, without what the browser itself asks its maker for."""
        own = re.compile(r"(googleapis|google|gvt1|gstatic)\.com(:443)?(/|$)")
        return {a.replace(f"http://{self.address}", "") for a in self.asked if not own.search(a)}


@pytest.fixture
def site() -> Iterator[Site]:
    """A server for one test."""
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


def draw(site: Site, page: str, folder: Path, *flags: str, size: str = "768,1024") -> list[str]:
    """Draw a page, and give what the browser had to say about it."""
    site.page = page.encode()
    done = subprocess.run(
        [
            str(CHROMIUM),
            *QUIET.split(),
            f"--proxy-server={site.address}",
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={size}",
            "--virtual-time-budget=3000",
            *(flags or (f"--screenshot={folder / 'page.png'}",)),
            f"http://{site.address}/report.html",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={"HOME": str(folder), "PATH": os.defpath},
    )
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return said if not flags else [*said, done.stdout]


def colours(picture: Path) -> tuple[int, int, set[bytes]]:
    """Width, height and some of the colours of a PNG (RFC 2083, 8 bits a sample), without the filters undone."""
    data = picture.read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    packed = b""
    at = 8
    while at < len(data):
        length = struct.unpack(">I", data[at : at + 4])[0]
        if data[at + 4 : at + 8] == b"IDAT":
            packed += data[at + 8 : at + 8 + length]
        at += length + 12
    rows = zlib.decompress(packed)
    return width, height, {rows[i : i + 3] for i in range(1, len(rows) - 3, 3)}


def report() -> str:
    return fixture.text(REPORT.render(fixture.assessment(), fixture.CATALOGUE))


@pytest.mark.parametrize("width", [500, 768, 1440])
def test_page_draws_asks_for_nothing_and_raises_no_complaint(site: Site, tmp_path: Path, width: int) -> None:
    """Under the strictest policy, with every request in sight, only the page itself is asked for."""
    assert draw(site, report(), tmp_path, size=f"{width},1200") == []
    assert site.of_the_page() == {"/report.html"}
    drawn_width, drawn_height, seen = colours(tmp_path / "page.png")
    assert (drawn_width, drawn_height) == (width, 1200)
    assert len(seen) > 100


def test_a_page_that_asks_and_breaks_the_policy_is_noticed(site: Site, tmp_path: Path) -> None:
    """The tests of requests and complaints can fail: a picture from elsewhere is seen, a script is complained of."""
    site.policy = ""
    bare = "<!doctype html><img src='http://elsewhere.example/x.png'><p>text"
    draw(site, bare, tmp_path)
    assert "http://elsewhere.example/x.png" in site.of_the_page()
    site.policy = POLICY
    assert draw(site, bare + "<script>1</script>", tmp_path)


def test_no_script_of_a_name_runs_even_without_a_policy(site: Site, tmp_path: Path) -> None:
    """The names are harmless by themselves: with the policy taken away, the document is what was sent."""
    site.policy = ""
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", report())
    assert "Content-Security-Policy" not in page
    *said, document = draw(site, page, tmp_path, "--dump-dom")
    assert said == []
    assert "<script" not in document
    assert "onerror" in document
    assert site.of_the_page() == {"/report.html"}


def test_page_prints(site: Site, tmp_path: Path) -> None:
    """The paper version is made of more than one page, with what a screen folds away."""
    paper = tmp_path / "report.pdf"
    draw(site, report(), tmp_path, f"--print-to-pdf={paper}")
    assert paper.read_bytes().startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes())) > 1


def crowded() -> tuple[Assessment, Catalogue]:
    """As much as the lead's page ever holds: fourteen areas, every state, long names, long reasons, a history."""
    found = travel_fixture.with_people()
    name = "module.a_rather_long_name_of_a_module_that_somebody_chose.aws_s3_bucket.with_a_long_name_too"
    base = fixture.CATALOGUE.controls["NET-01"]
    area = dataclasses.replace(base, area="confidential computing, all", title=name)
    controls = {f"C-{n}": dataclasses.replace(area, id=f"C-{n}", area=f"{area.area} {n}") for n in range(14)}
    states = [s for s in Status for _ in range(2)]
    found.controls = tuple(
        ControlResult(ident, states[n], tuple(ClauseResult(f"{ident}.{s}", s) for s in Status))
        for n, ident in enumerate(controls)
    )
    found.coverage = Coverage(99, 48, (("redfish", 16), ("artifacts", 11), ("slurm", 9)))
    task = msgspec.structs.replace(found.tasks[0], title=name * 3, fix=name * 5, effort=Effort.MEDIUM)
    found.tasks = (task,) * 20
    found.gaps = (Gap(name * 3, "tf:infra", GapCode.NOT_FETCHED, "a reason that goes on and on " * 20),) * 9
    found.findings = tuple(
        msgspec.structs.replace(f, severity=list(Severity)[n % 5], arguments=(*f.arguments, ("because", name * 9)))
        for n, f in enumerate(found.findings)
    )
    earlier = (fixture.SEEN - timedelta(days=3 * n) for n in range(30, 0, -1))
    found.history = tuple(Kept(f"r{n}", at, tuple(fixture.CATALOGUE.checks)) for n, at in enumerate(earlier))
    found.logged = msgspec.structs.replace(fixture.LOGGED, origin=name * 2, entry=123_456_789)
    found.redacted = True
    return found, Catalogue(controls, fixture.CATALOGUE.checks)


def sheets(site: Site, page: str, folder: Path, hidden: str) -> int:
    """How many sheets of paper a page takes when a part of it is hidden."""
    paper = folder / "report.pdf"
    draw(site, page.replace("</style>", f"{hidden} {{ display: none }}</style>"), folder, f"--print-to-pdf={paper}")
    return len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))


def test_lead_has_one_sheet_of_paper(site: Site, tmp_path: Path) -> None:
    """However much there is, what the lead needs is on one page; the others begin on a page of their own."""
    page = fixture.text(REPORT.render(*crowded()))
    assert sheets(site, page, tmp_path, "#engineer, #auditor, footer") == 1
    assert sheets(site, page, tmp_path, "#lead, #auditor, footer") >= 1
    assert sheets(site, page, tmp_path, "#auditor, footer") >= 2


def test_a_lead_that_is_too_long_would_be_noticed(site: Site, tmp_path: Path) -> None:
    """The test of the sheet can fail: with a list that is not cut, the lead's part takes two."""
    page = fixture.text(REPORT.render(*crowded()))
    line = page.partition('<ul class="unseen">')[2].partition("</li>")[0] + "</li>"
    longer = page.replace('<ul class="unseen">', '<ul class="unseen">' + line * 12)
    assert sheets(site, longer, tmp_path, "#engineer, #auditor, footer") == 2
