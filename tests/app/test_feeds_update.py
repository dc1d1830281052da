"""Feeds are asked for over HTTP from a server of this machine: what changed, bounded, resumed, and never as whole when it is not."""

import contextlib
import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from strongroom.app import config as configuration
from strongroom.app import feeds_update
from strongroom.app.config import Config, FeedsSection
from strongroom.app.feeds import Desk, load
from strongroom.app.feeds_update import Answer, Http, NoAnswerError, Updated, update
from strongroom.model.advisory import Check
from strongroom.model.errors import BadInput

NOW = datetime(2026, 6, 2, 8, tzinfo=UTC)


def advisory(ident: str, day: str = "2026-06-01", high: str = "1.19.1", publisher: str = "Vendor") -> bytes:
    """An advisory on one product."""
    leaves = [
        {"category": "product_version", "name": "NVIDIA Container Toolkit", "product": {"product_id": i, "name": n}}
        for i, n in (("a", f"All versions prior to {high}"), ("f", high))
    ]
    made = {
        "document": {"category": "csaf_security_advisory", "csaf_version": "2.0", "title": "t", "publisher": {"name": publisher},
                     "tracking": {"id": ident, "current_release_date": f"{day}T00:00:00Z"}},
        "product_tree": {"branches": [{"category": "architecture", "name": "Linux", "branches": leaves}]},
        "vulnerabilities": [{"cve": "CVE-2026-1001", "product_status": {"known_affected": ["a"], "fixed": ["f"]}}],
    }  # fmt: skip
    return json.dumps(made).encode()


class Site:
    """A web server of this machine: files, what was asked for, and faults by path."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.status: dict[str, tuple[int, dict[str, str]]] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                """Answer."""
                path = self.path
                site.asked.append(path)
                status, headers = site.status.get(path, (200 if path in site.files else 404, {}))
                body = site.files.get(path, b"")
                tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
                if status == 200 and self.headers.get("If-None-Match") == tag:
                    status, body = 304, b""
                self.send_response(status)
                for name, value in {"ETag": tag, **headers}.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = "Content-Length" in headers

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def changes(self, *listed: tuple[str, str]) -> None:
        """A provider with these documents and times."""
        self.files["/csaf/changes.csv"] = "".join(f'"{p}","{t}"\n' for p, t in listed).encode()
        self.files["/provider-metadata.json"] = json.dumps(
            {
                "canonical_url": f"{self.url}/provider-metadata.json",
                "distributions": [{"directory_url": f"{self.url}/csaf"}],
            }
        ).encode()

    def put(self, path: str, data: bytes, *, digest: str | None = None) -> None:
        """A document with its digest beside it."""
        self.files[f"/csaf/{path}"] = data
        self.files[f"/csaf/{path}.sha256"] = f"{digest or hashlib.sha256(data).hexdigest()}  {path}\n".encode()


@pytest.fixture
def site() -> Iterator[Site]:
    """A server, and its end."""
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Config]:
    """A configuration whose feeds are kept in a folder of this test."""

    def make(**more: object) -> Config:
        return configuration.Config(feeds=FeedsSection(path=str(tmp_path / "feeds"), **more))  # type: ignore[arg-type]

    return make


def asked(config: Config, *urls: str, ask: feeds_update.Ask | None = None) -> list[Updated]:
    """Ask them."""
    if ask is not None:
        return list(update(config, ask, lambda: NOW, urls))
    with contextlib.closing(Http()) as real:
        return list(update(config, real, lambda: NOW, urls))


def test_a_provider_is_walked_and_then_only_asked_for_news(site: Site, settings: Callable[..., Config]) -> None:
    """Metadata, changes, each document with its digest; the second time what changed since."""
    site.put("2026/a.json", advisory("A"))
    site.put("2026/b.json", advisory("B"), digest="0" * 64)
    site.changes(("2026/b.json", "2026-06-01T10:00:00Z"), ("2026/a.json", "2026-05-01T10:00:00Z"))
    config, url = settings(), f"{site.url}/provider-metadata.json"
    (first,) = asked(config, url)
    assert (first.trouble, len(first.brought)) == ("", 2)
    feed = load(config)
    assert {d.id: d.check for d in feed.documents} == {"A": Check.MATCHES, "B": Check.MISMATCH}
    assert [(a.at, a.gives, a.modified) for a in feed.asked] == [
        ("2026-06-02T08:00:00Z", ("Vendor",), "2026-06-01T10:00:00Z")
    ]
    site.asked.clear()
    site.put("2026/c.json", advisory("C"))
    site.changes(
        ("2026/c.json", "2026-06-02T01:00:00Z"),
        ("2026/b.json", "2026-06-01T10:00:00Z"),
        ("2026/a.json", "2026-05-01T10:00:00Z"),
    )
    asked(config, url)
    assert "/csaf/2026/a.json" not in site.asked
    assert "/csaf/2026/c.json" in site.asked
    assert len(load(config).documents) == 3


def test_a_walk_that_is_cut_off_goes_on_where_it_ended(site: Site, settings: Callable[..., Config]) -> None:
    """What came is kept, the place does not count as asked in full, and the next update does not start again."""
    site.put("a.json", advisory("A"))
    site.put("c.json", advisory("C"))
    site.changes(
        ("c.json", "2026-06-01T00:00:00Z"), ("b.json", "2026-05-02T00:00:00Z"), ("a.json", "2026-05-01T00:00:00Z")
    )
    config, url = settings(), f"{site.url}/csaf/changes.csv"
    (cut,) = asked(config, url)
    assert "404" in cut.trouble
    feed = load(config)
    assert [d.id for d in feed.documents] == ["A"]
    assert (feed.asked[0].at, feed.asked[0].modified) == ("", "2026-05-01T00:00:00Z")
    assert feed.goes_to(("Vendor",)) == "2026-06-01", (
        "the newest document, and not the day of a question without an answer"
    )
    site.put("b.json", advisory("B"))
    site.asked.clear()
    (rest,) = asked(config, url)
    assert rest.trouble == ""
    assert {d.id for d in load(config).documents} == {"A", "B", "C"}


def test_rolie_is_read_where_there_is_no_folder(site: Site, settings: Callable[..., Config]) -> None:
    """Feeds of TLP:WHITE alone, and the link that is the document."""
    site.put("a.json", advisory("A"))
    entry = {
        "link": [{"rel": "self", "href": f"{site.url}/csaf/a.json"}, {"rel": "hash", "href": "x"}],
        "updated": "2026-06-01T00:00:00Z",
    }
    site.files["/white.json"] = json.dumps({"feed": {"entry": [entry]}}).encode()
    feeds = [
        {"url": f"{site.url}/white.json", "tlp_label": "WHITE"},
        {"url": f"{site.url}/red.json", "tlp_label": "RED"},
    ]
    site.files["/p.json"] = json.dumps({"canonical_url": "x", "distributions": [{"rolie": {"feeds": feeds}}]}).encode()
    (found,) = asked(settings(), f"{site.url}/p.json")
    assert (found.trouble, len(found.brought)) == ("", 1)
    assert "/red.json" not in site.asked


def test_a_file_is_asked_for_with_its_tag(site: Site, settings: Callable[..., Config]) -> None:
    """An archive of records; when nothing changed the server says so, and the question counts as answered."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as held:
        held.writestr("a.json", advisory("A"))
    site.files["/all.zip"] = out.getvalue()
    config = settings()
    (first,) = asked(config, f"{site.url}/all.zip")
    (second,) = asked(config, f"{site.url}/all.zip")
    assert (len(first.brought), second.same, second.trouble) == (1, True, "")
    assert load(config).asked[0].gives == ("Vendor",)


def test_a_list_of_exploited_ones_after_a_redirect_on_the_same_host(
    site: Site, settings: Callable[..., Config]
) -> None:
    """EPSS sends one on to the file of the day; another host is not followed."""
    site.files["/epss-2026.csv"] = b"#score_date:2026-06-01\ncve,epss,percentile\nCVE-2026-1001,0.5,0.9\n"
    site.status["/now"] = (302, {"Location": "/epss-2026.csv"})
    site.status["/away"] = (302, {"Location": "http://localhost:1/x"})
    site.status["/round"] = (302, {"Location": "/round"})
    config = settings()
    found = asked(config, *(f"{site.url}{p}" for p in ("/now", "/away", "/round")))
    assert found[0].trouble == ""
    assert load(config).signals[0].kind == "epss"
    assert "name that place" in found[1].trouble
    assert "on and on" in found[2].trouble


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_an_answer_that_is_none_is_no_news(site: Site, settings: Callable[..., Config], status: int) -> None:
    """What is kept stays, with the day of the last whole answer."""
    site.put("a.json", advisory("A"))
    site.changes(("a.json", "2026-06-01T00:00:00Z"))
    config, url = settings(), f"{site.url}/csaf/changes.csv"
    asked(config, url)
    before = load(config)
    site.status["/csaf/changes.csv"] = (status, {})
    (found,) = asked(config, url)
    after = load(config)
    assert str(status) in found.trouble
    assert (after.documents, after.asked[0].at) == (before.documents, before.asked[0].at)
    assert after.asked[0].trouble


def test_half_an_answer_is_none(site: Site, settings: Callable[..., Config]) -> None:
    """A connection that ends early, inside a document and inside a digest."""
    site.put("a.json", advisory("A"))
    site.changes(("a.json", "2026-06-01T00:00:00Z"))
    for path in ("/csaf/a.json", "/csaf/a.json.sha256", "/csaf/changes.csv"):
        site.status = {path: (200, {"Content-Length": "99999"})}
        (found,) = asked(settings(), f"{site.url}/csaf/changes.csv")
        assert found.trouble, path


def test_a_digest_that_cannot_be_asked_for_leaves_the_walk_unfinished(
    site: Site, settings: Callable[..., Config]
) -> None:
    """Whether there is one is not known, so the document is not taken as one without."""
    site.put("a.json", advisory("A"))
    site.changes(("a.json", "2026-06-01T00:00:00Z"))
    site.status["/csaf/a.json.sha256"] = (500, {})
    config = settings()
    (found,) = asked(config, f"{site.url}/csaf/changes.csv")
    assert "500" in found.trouble
    assert not found.brought


@pytest.mark.parametrize(
    "changes",
    [b'"../../etc/passwd","2026-06-01T00:00:00Z"\n', b'"http://elsewhere.example/x.json","2026"\n', b'"/abs.json","2026"\n',
     b'"a.json","b","c"\n', b"\xff\xfe", b'"a b.json","2026"\n'],
)  # fmt: skip
def test_a_hostile_list_is_refused(site: Site, settings: Callable[..., Config], changes: bytes) -> None:
    """Paths that leave the folder, other hosts, and what is no list."""
    site.files["/csaf/changes.csv"] = changes
    (found,) = asked(settings(), f"{site.url}/csaf/changes.csv")
    assert found.trouble
    assert site.asked == ["/csaf/changes.csv"]


def test_a_provider_cannot_send_us_elsewhere(site: Site, settings: Callable[..., Config]) -> None:
    """Its lists are on the host that was asked."""
    made = {"canonical_url": "x", "distributions": [{"directory_url": "http://127.0.0.1:9/x"}]}
    site.files["/p.json"] = json.dumps(made).encode()
    (found,) = asked(settings(), f"{site.url}/p.json")
    assert "elsewhere" in found.trouble


def test_plain_http_leaves_this_machine_never(settings: Callable[..., Config]) -> None:
    """A feed that anybody on the way can change is none; no socket is opened."""
    (found,) = asked(settings(), "http://vendor.example/changes.csv")
    assert "https" in found.trouble


def test_a_hang_ends(settings: Callable[..., Config]) -> None:
    """An answer that does not come is a trouble of that place, and the next is asked all the same."""

    def ask(url: str, most: int, headers: dict[str, str]) -> Answer:
        if "hang" in url:
            raise NoAnswerError(f"no answer of at most {most} octets within 300 seconds")
        return Answer(200, advisory("A"), headers)

    first, second = asked(settings(), "https://hang.example/x.json", "https://good.example/x.json", ask=ask)
    assert "300 seconds" in first.trouble
    assert len(second.brought) == 1


def test_what_is_nothing_that_is_known_is_no_answer(site: Site, settings: Callable[..., Config]) -> None:
    """A page that says that one must log in counts for nothing, and the place does not count as asked."""
    site.files["/x"] = b"<html>please log in</html>"
    config = settings()
    (found,) = asked(config, f"{site.url}/x")
    assert "none of the forms" in found.trouble
    assert Desk(config).shelf.asked()[0].at == ""


def test_signatures_count_where_a_publisher_signs(site: Site, settings: Callable[..., Config], tmp_path: Path) -> None:
    """With a publisher's key named: signed by it, by another, and by nobody."""
    sequoia = pytest.importorskip("pysequoia", reason="no pysequoia: pip install 'strongroom[openpgp]'")
    ours, other = sequoia.Tsk.generate("vendor <v@example.com>"), sequoia.Tsk.generate("other <o@example.com>")
    (tmp_path / "v.asc").write_text(str(ours.extract_certificate()))
    for name, key in (("A", ours), ("B", other), ("C", None)):
        data = advisory(name)
        site.put(f"{name}.json", data)
        if key is not None:
            site.files[f"/csaf/{name}.json.asc"] = sequoia.sign(key.signer(), data, mode=sequoia.SignatureMode.DETACHED)
    site.changes(*((f"{n}.json", f"2026-06-0{i}T00:00:00Z") for i, n in enumerate("ABC", 1)))
    config = settings(signers={"Vendor": str(tmp_path / "v.asc")})
    asked(config, f"{site.url}/csaf/changes.csv")
    found = {d.id: (d.check, bool(d.signed)) for d in load(config).documents}
    assert found == {"A": (Check.MATCHES, True), "B": (Check.UNSIGNED, False), "C": (Check.UNSIGNED, False)}


def test_a_key_that_is_none_is_bad_input(settings: Callable[..., Config], tmp_path: Path) -> None:
    """It is said before anything is asked."""
    pytest.importorskip("pysequoia", reason="no pysequoia: pip install 'strongroom[openpgp]'")
    (tmp_path / "v.asc").write_text("no key")
    for path in (tmp_path / "v.asc", tmp_path / "none"):
        with pytest.raises(BadInput):
            asked(settings(signers={"Vendor": str(path)}), "https://x.example/")
