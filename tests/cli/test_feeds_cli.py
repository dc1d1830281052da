"""`strongroom feeds`: brought in from files, kept whole, and asked."""

import gzip
import hashlib
import json
import zipfile
from pathlib import Path

import pytest
from in_process import run

HEAD = {"category": "csaf_security_advisory", "csaf_version": "2.0", "publisher": {"name": "Vendor"}}


def advisory(day: str = "2099-01-01", high: str = "1.19.1", ident: str = "V-1") -> bytes:
    """An advisory on one product."""

    def leaf(name: str, at: str) -> dict[str, object]:
        return {
            "category": "product_version",
            "name": "NVIDIA Container Toolkit",
            "product": {"product_id": at, "name": name},
        }

    leaves = [leaf(f"All versions prior to {high}", "a"), leaf(high, "f")]
    tree = {"branches": [{"category": "architecture", "name": "Linux", "branches": leaves}]}
    head = {**HEAD, "title": "t", "tracking": {"id": ident, "current_release_date": f"{day}T00:00:00Z"}}
    status = {"known_affected": ["a"], "fixed": ["f"]}
    return json.dumps(
        {
            "document": head,
            "product_tree": tree,
            "vulnerabilities": [{"cve": "CVE-2026-1001", "product_status": status}],
        }
    ).encode()


KEV = json.dumps({"catalogVersion": "2026.06.01", "dateReleased": "2026-06-01T00:00:00Z", "count": 1,
                  "vulnerabilities": [{"cveID": "CVE-2026-1001", "dateAdded": "2026-05-20"}]}).encode()  # fmt: skip
EPSS = b"#model_version:v2026,score_date:2026-06-01T00:00:00+0000\ncve,epss,percentile\nCVE-2026-1001,0.5,0.9\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with a configuration, whose feed is young whatever the day is."""
    (tmp_path / "c.toml").write_text(f'[state]\npath = "{tmp_path / "state.db"}"\n[feeds]\nfresh_days = 3650\n')
    return tmp_path


def feeds(site: Path, *words: str) -> tuple[int, str, str]:
    """Exit, output and errors of a command."""
    made = run("feeds", *words, "--config", "c.toml", cwd=site)
    assert "Traceback" not in made.stderr
    return made.returncode, made.stdout, made.stderr


def test_a_feed_is_brought_in_kept_and_asked(site: Path) -> None:
    """A folder of advisories and lists; then each verdict has its exit."""
    (site / "in").mkdir()
    for name, data in (("v.json", advisory("2026-06-01")), ("kev.json", KEV), ("epss.csv", EPSS)):
        (site / "in" / name).write_bytes(data)
    code, out, _ = feeds(site, "import", "in")
    assert code == 0
    assert "1, with 1 rows" in out
    assert "kev" in out
    code, out, _ = feeds(site, "check", "nvidia-container-toolkit", "1.19.0", "--format", "json")
    found = json.loads(out)["judged"]
    assert (code, found["patch"], found["fixed_in"], found["exploited"]) == (1, "affected", "1.19.1", ["CVE-2026-1001"])
    assert feeds(site, "check", "nvidia-container-toolkit", "1.19.1")[0] == 0
    assert feeds(site, "check", "another", "1.0")[0] == 3
    code, out, _ = feeds(site, "status", "--format", "json")
    assert (code, json.loads(out)["signals"]) == (0, {"epss": "2026-06-01", "kev": "2026-06-01"})


def test_without_a_feed_nothing_is_known(site: Path) -> None:
    """Nothing was imported: the commands say so, and what to do."""
    for words in (("status",), ("check", "x", "1")):
        code, _, err = feeds(site, *words)
        assert code == 2
        assert "feeds import" in err


def test_an_old_feed_is_said_to_be_old(site: Path) -> None:
    """Status and check tell a feed that ends too long ago from one that knows."""
    (site / "c.toml").write_text((site / "c.toml").read_text().replace("3650", "30"))
    (site / "v.json").write_bytes(advisory("2020-01-01"))
    feeds(site, "import", "v.json")
    code, out, _ = feeds(site, "status")
    assert (code, "STALE" in out) == (3, True)
    assert feeds(site, "check", "nvidia-container-toolkit", "1.19.1")[0] == 3
    assert feeds(site, "check", "nvidia-container-toolkit", "1.18")[0] == 1


@pytest.mark.parametrize(("beside", "word"), [("good", ""), ("b" * 64, "digest"), ("nonsense", "digest")])
def test_a_digest_beside_a_file_is_compared(site: Path, beside: str, word: str) -> None:
    """One that matches, one that does not, and one that is none: the last two leave the document in doubt."""
    data = advisory("2026-06-01")
    (site / "v.json").write_bytes(data)
    text = f"{hashlib.sha256(data).hexdigest()}  v.json\n" if beside == "good" else beside
    (site / "v.json.sha256").write_text(text)
    code, out, _ = feeds(site, "import", "v.json")
    assert (code, "digest" in out) == (0, bool(word))
    assert feeds(site, "check", "nvidia-container-toolkit", "1.18")[0] == (3 if word else 1)


def test_a_reviewed_digest_counts_again(site: Path) -> None:
    """An override of that very document, with who and why, takes the doubt away; one without is refused."""
    data = advisory("2026-06-01")
    (site / "v.json").write_bytes(data)
    (site / "v.json.sha256").write_text("b" * 64)
    feeds(site, "import", "v.json")
    words = f'document = "V-1"\nsha256 = "{hashlib.sha256(data).hexdigest()}"\naccept = true\n'
    config = (site / "c.toml").read_text()
    (site / "c.toml").write_text(f'{config}overrides = ["{site / "o.toml"}"]\n')
    (site / "o.toml").write_text(f'[[override]]\n{words}reviewer = "ann"\nreason = "the vendor told us"\n')
    assert feeds(site, "check", "nvidia-container-toolkit", "1.18")[0] == 1
    (site / "o.toml").write_text(f'[[override]]\n{words}reviewer = ""\nreason = "x"\n')
    assert feeds(site, "check", "nvidia-container-toolkit", "1.18")[0] == 2


def test_an_older_edition_takes_no_newer_ones_place(site: Path) -> None:
    """A replayed advisory of last year does not undo this year's; a newer one does."""
    for day, high in (("2026-06-01", "1.19.1"), ("2026-01-01", "1.10.0")):
        (site / "v.json").write_bytes(advisory(day, high))
        code, out, _ = feeds(site, "import", "v.json")
    assert (code, "2026-06-01 is kept" in out) == (1, True)
    assert feeds(site, "check", "nvidia-container-toolkit", "1.18")[0] == 1
    (site / "v.json").write_bytes(advisory("2026-07-01", "1.5"))
    assert feeds(site, "import", "v.json")[0] == 0
    assert feeds(site, "check", "nvidia-container-toolkit", "1.18")[0] == 0


def test_an_archive_is_read_and_a_broken_one_is_not(site: Path) -> None:
    """A zip of advisories with their digests; one that is cut ends in words."""
    with zipfile.ZipFile(site / "f.zip", "w") as held:
        held.writestr("a/v.json", advisory("2026-06-01"))
        held.writestr("a/v.json.sha256", "b" * 64)
        held.writestr("a/readme.txt", "nothing")
    code, out, _ = feeds(site, "import", "f.zip")
    assert (code, "digest" in out) == (0, True)
    (site / "f.zip").write_bytes((site / "f.zip").read_bytes()[:200])
    code, _, err = feeds(site, "import", "f.zip")
    assert (code, "zip" in err) == (2, True)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"{",
        b'{"csaf_version": "2.0"}',
        b"cve,epss\nx,1\n",
        b"cve,epss\nCVE-2026-1001,7\n",
        b'{"catalogVersion": 1}',
        gzip.compress(b"x", mtime=0),
    ],
)
def test_a_file_that_is_none_is_named_and_the_others_are_kept(site: Path, data: bytes) -> None:
    """One bad file in a folder costs nothing but itself, and is said."""
    (site / "in").mkdir()
    (site / "in/bad.json").write_bytes(data)
    (site / "in/good.json").write_bytes(advisory("2026-06-01"))
    code, out, _ = feeds(site, "import", "in")
    assert (code, "not taken" in out, "1, with 1 rows" in out) == (1, True, True)


def test_a_damaged_store_is_an_error(site: Path) -> None:
    """What is kept and cannot be read is said, and is no feed of less."""
    (site / "v.json").write_bytes(advisory("2026-06-01"))
    feeds(site, "import", "v.json")
    (kept,) = (site / "feeds").glob("documents-*.jsonl")
    kept.write_bytes(kept.read_bytes()[:50])
    code, _, err = feeds(site, "check", "nvidia-container-toolkit", "1.18")
    assert (code, "import it again" in err) == (2, True)


@pytest.mark.parametrize(
    ("version", "status"), [("1.18", "known_affected"), ("1.19.1", "fixed"), ("next", "under_investigation")]
)
def test_a_verdict_is_told_as_vex(site: Path, version: str, status: str) -> None:
    """CSAF 2.0 of the profile VEX: one product, its status, and a remedy where it is affected."""
    (site / "v.json").write_bytes(advisory("2026-06-01"))
    feeds(site, "import", "v.json")
    _, out, _ = feeds(site, "check", "nvidia-container-toolkit", version, "--format", "vex")
    made = json.loads(out)
    (product,) = made["product_tree"]["full_product_names"]
    one = made["vulnerabilities"][0]
    assert made["document"]["category"] == "csaf_vex"
    assert one["product_status"] == {status: [product["product_id"]]}
    assert ("cve" in one) != ("ids" in one)
    assert ("remediations" in one) == (status == "known_affected")
    assert one["notes"]


def test_what_cannot_be_written_or_read_ends_in_words(site: Path) -> None:
    """A target that is not there, and a folder that is a file."""
    assert feeds(site, "import", "gone")[0] == 2
    (site / "feeds").write_text("a file")
    (site / "v.json").write_bytes(advisory("2026-06-01"))
    assert feeds(site, "import", "v.json")[0] == 2


def test_a_bundle_goes_over_the_gap(site: Path, tmp_path: Path) -> None:
    """All that is kept in one signed file, the same octets each time; taken in where its key is trusted, and nowhere else."""
    (site / "v.json").write_bytes(advisory("2026-06-01"))
    (site / "kev.json").write_bytes(KEV)
    feeds(site, "import", "v.json", "kev.json")
    words = ("bundle", "--at", "2026-06-02T00:00:00Z", "-o")
    code, out, _ = feeds(site, *words, "a.feeds")
    assert code == 0
    assert feeds(site, *words, "b.feeds")[0] == 0
    assert (site / "a.feeds").read_bytes() == (site / "b.feeds").read_bytes()
    key = next(x.split(None, 1)[1].strip() for x in out.splitlines() if x.strip().startswith("key"))
    other = tmp_path / "other"
    other.mkdir()
    config = f'[state]\npath = "{other / "state.db"}"\n[feeds]\nfresh_days = 3650\n'
    (other / "c.toml").write_text(config)
    (other / "a.feeds").write_bytes((site / "a.feeds").read_bytes())
    code, _, err = feeds(other, "import", "a.feeds")
    assert (code, "[feeds] keys" in err) == (2, True)
    (other / "c.toml").write_text(f'{config}keys = ["{key}"]\n')
    assert feeds(other, "import", "a.feeds")[0] == 0
    assert feeds(other, "check", "nvidia-container-toolkit", "1.19.0")[0] == 1
    for at in (0, 60, 200, -3):
        data = bytearray((site / "a.feeds").read_bytes())
        data[at] ^= 1
        (other / "bad.feeds").write_bytes(data)
        assert feeds(other, "import", "bad.feeds")[0] in {1, 2}, at


def test_the_feed_itself_is_assessed(site: Path) -> None:
    """`feeds:` says how old each publisher's documents are."""
    (site / "v.json").write_bytes(advisory("2020-01-01"))
    feeds(site, "import", "v.json")
    made = run("assess", "feeds:feeds", "--config", "c.toml", "--format", "json", "--no-snapshot", cwd=site)
    found = {f["check"]: f["status"] for f in json.loads(made.stdout)["findings"]}
    assert (made.returncode, found["gpu.feed.fresh"], found["gpu.feed.trusted"]) in {
        (0, "fail", "pass"),
        (1, "fail", "pass"),
        (3, "fail", "pass"),
    }
    empty = run("assess", "feeds:none", "--config", "c.toml", "--no-snapshot", cwd=site)
    assert (empty.returncode, "feeds status" in empty.stderr) == (2, True)


def test_an_update_needs_a_place(site: Path) -> None:
    """Nothing is asked unless somebody names it; a place that cannot be asked is incomplete."""
    assert feeds(site, "update")[0] == 2
    code, out, _ = feeds(site, "update", "http://vendor.example/changes.csv")
    assert (code, "https" in out) == (3, True)
