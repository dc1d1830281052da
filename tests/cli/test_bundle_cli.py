"""Bundles of endorsements, as a user meets them."""

import json
from pathlib import Path

import pytest
import vendor_statements as vendor
from click.testing import CliRunner, Result

from strongroom.cli.main import group

AT = "2026-11-23T12:00:00Z"
LATER = "2026-12-30T12:00:00Z"


class Machine:
    """Runs the command with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir()

    def __call__(self, *words: str) -> Result:
        env = {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": None,
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "COLUMNS": "80",
        }
        return CliRunner().invoke(group, ["attest", "bundle", *words], env=env)

    def ok(self, *words: str, code: int = 0) -> str:
        done = self(*words)
        assert done.exit_code == code, (done.exit_code, done.output, done.stderr)
        assert "Traceback" not in done.output
        return done.stdout if code != 2 else done.output

    def kept(self) -> int:
        folder = self.home / "cache" / "strongroom" / "endorsements" / "items"
        return len(list(folder.iterdir())) if folder.exists() else 0


@pytest.fixture
def here(tmp_path: Path) -> Machine:
    """Where bundles are made."""
    return Machine(tmp_path / "here")


@pytest.fixture
def there(tmp_path: Path) -> Machine:
    """Where no vendor can be asked."""
    return Machine(tmp_path / "there")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Some endorsements."""
    found = tmp_path / "given"
    found.mkdir()
    (found / "chain.pem").write_bytes(vendor.amd_chain())
    (found / "list.crl").write_bytes(vendor.crl())
    (found / "README.md").write_bytes(b"words")
    return found


def made(here: Machine, folder: Path, at: str = AT) -> tuple[str, str]:
    """A bundle's path and the public key that signed it."""
    path = str(here.home / "b.bundle")
    said = here.ok("create", "-o", path, "--endorsements", str(folder), "--offline", "--at", at)
    key = next(x.removeprefix("public key  ") for x in said.splitlines() if x.startswith("public key"))
    return path, key


def test_a_bundle_travels(here: Machine, there: Machine, folder: Path) -> None:
    """What is put in here is kept there, once the key that signed it is named."""
    path, key = made(here, folder)
    assert "list.crl" not in there.ok("import", path, code=2)
    assert there.kept() == 0
    said = there.ok("import", path, "--key", key, "--at", AT)
    assert "3 endorsements" in said
    assert there.kept() == 3
    there.ok("import", path, "--key", key, "--at", AT)


def test_the_table_says_what_holds(here: Machine, folder: Path) -> None:
    """Each item is listed with whether it holds at the time that counts, in at most 80 columns."""
    path, key = made(here, folder)
    now, later = (here.ok("show", path, "--key", key, "--at", at) for at in (AT, LATER))
    assert "crl          CRL of ARK-Milan                   holds    2026-12-22 12:00Z" in now
    assert "crl          CRL of ARK-Milan                   over     2026-12-22 12:00Z" in later
    assert max(map(len, now.splitlines())) <= 80
    assert "trouble" not in now
    assert "counts for nothing here" in here.ok("show", path, "--at", AT)
    found = json.loads(here.ok("show", path, "--key", key, "--at", LATER, "--format", "json"))
    assert found["schema"] == "strongroom.attest-bundle/1"
    assert found["trusted"] is True
    assert [i["state"] for i in found["items"]] == ["holds", "holds", "over"]


def test_an_older_bundle_is_refused(here: Machine, there: Machine, folder: Path) -> None:
    """Once a bundle was imported, one of its name that was made before is refused: it may hide a revocation."""
    old, key = made(here, folder)
    kept = Path(old).read_bytes()
    new, _ = made(here, folder, LATER)
    there.ok("import", new, "--key", key, "--at", LATER)
    Path(old).write_bytes(kept)
    said = there.ok("import", old, "--key", key, "--at", LATER, code=2)
    assert "a bundle made 2026-11-23T12:00:00Z" in said
    assert "counts for nothing" in there.ok("show", old, "--key", key)


def test_a_forgotten_memory_refuses(here: Machine, there: Machine, folder: Path) -> None:
    """What was remembered of the last bundle and cannot be read refuses the next: it may have been newer."""
    path, key = made(here, folder)
    there.ok("import", path, "--key", key)
    (seen,) = (there.home / "state" / "strongroom" / "bundles-seen").iterdir()
    seen.write_bytes(b"damaged")
    assert "cannot be read" in there.ok("import", path, "--key", key, code=2)


def test_a_changed_bundle_is_refused(here: Machine, there: Machine, folder: Path) -> None:
    """One item exchanged for another, whole and well-formed, is not what was signed."""
    path, key = made(here, folder)
    file = json.loads(Path(path).read_bytes())
    file["bundle"]["items"] = file["bundle"]["items"][:1]
    Path(path).write_text(json.dumps(file), encoding="utf-8")
    assert "a signature over another bundle" in there.ok("import", path, "--key", key, code=2)
    file["note"] = ""
    Path(path).write_text(json.dumps(file), encoding="utf-8")
    there.ok("import", path, "--key", key, code=2)
    assert there.kept() == 0


def test_the_same_order_gives_the_same_octets(here: Machine, folder: Path) -> None:
    """Made twice at one time by one key, a bundle has the same octets."""
    path, _ = made(here, folder)
    first = Path(path).read_bytes()
    made(here, folder)
    assert Path(path).read_bytes() == first


def test_nothing_to_put_in_is_an_error(here: Machine, folder: Path) -> None:
    """A bundle of nothing is not made, nor one with a key file that is none."""
    here.ok("create", "-o", str(here.home / "x"), code=2)
    here.ok("create", "-o", str(here.home / "x"), "--endorsements", str(folder / "README.md"), code=2)
    here.ok("create", "-o", str(here.home / "x"), "--endorsements", str(folder), "--key", "/none", code=2)
    here.ok("create", "-o", "/none/x", "--endorsements", str(folder), "--offline", code=2)
    assert not (here.home / "x").exists()
    assert here("show", str(folder / "chain.pem")).exit_code == 2


def test_what_evidence_needs_and_is_not_in_it_is_told(here: Machine, vectors: Path) -> None:
    """A bundle for evidence names what it lacks, and leaves with 3; verifiers take it only from a trusted key."""
    report = str(vectors / "attest" / "snp" / "milan_v3_oak.report.bin")
    path = str(here.home / "b.bundle")
    vcek = str(vectors / "attest" / "snp" / "milan_v3_oak.vcek.der")
    done = here("create", "-o", path, "--for", report, "--endorsements", vcek, "--offline")
    assert done.exit_code == 3
    assert "missing: vcek/crl of amd-kds (product Milan)" in done.stderr
    assert "missing: vcek of" not in done.stderr
    env = {"HOME": str(here.home), "XDG_CONFIG_HOME": None, "XDG_STATE_HOME": str(here.home / "state")}
    verify = ["attest", "verify", report, "--offline", "--inspect", "--endorsements", path]
    refused = CliRunner().invoke(group, verify, env=env)
    assert refused.exit_code == 2
    assert "no key that is trusted" in refused.output
