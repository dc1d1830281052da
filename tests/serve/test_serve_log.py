"""The public tree of a log over HTTP: its standard names, read-only, and nothing beside them."""

import gzip
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import serving
from serving import Serving

from strongroom.kit.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from strongroom.kit.tlog.cosignature import verifier
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.merkle import MemoryNodes, leaf_hash, prove_consistency, tree_head, verify_consistency
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.kit.tlog.tiles import Bundle, Tile, TileNodes, decode_bundle, new_bundles, new_tiles, parse_path

ORIGIN = "example.org/log"
LOG = SignerKey(ORIGIN, Kind.ED25519, bytes(32))
ENTRIES = [hashlib.sha256(i.to_bytes(2, "big")).digest() for i in range(300)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
SECRETS = ("log.json", "keys/k", "journal/0.journal", "tile/secret", "checkpoint.bak")


def nothing(tile: Tile | Bundle) -> bytes:
    raise AssertionError(tile)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published tree of 300 entries, with files beside it that are nobody's business."""
    found = tmp_path_factory.mktemp("log")
    parts = {part.path: data for part, data in new_tiles(0, LEAVES, nothing).items()}
    parts |= {part.path: data for part, data in new_bundles(0, ENTRIES, nothing).items()}
    parts |= dict.fromkeys(SECRETS, b"secret")
    parts["checkpoint"] = sign_checkpoint(Checkpoint(ORIGIN, 300, tree_head(LEAVES)), [Ed25519Signer(LOG)])
    for name, data in parts.items():
        (found / name).parent.mkdir(parents=True, exist_ok=True)
        (found / name).write_bytes(data)
    return found


@pytest.fixture(scope="module")
def log(folder: Path) -> Iterator[Serving]:
    """One server for the module, over the folder."""
    serving.need_server()
    script = Path(__file__).with_name("serve_folder.py")
    found = serving.start([sys.executable, str(script), str(folder)], folder)
    yield found
    serving.stop(found)


def test_a_reader_can_verify_all_of_it(log: Serving) -> None:
    """The checkpoint opens, the entries hash to its root, and a consistency proof is made from the tiles."""
    note = log.ask("GET", "/checkpoint").body
    head = open_checkpoint(note, ORIGIN, [verifier(LOG.verifier)]).checkpoint
    bundles = [Bundle(0), Bundle(1, 44)]
    entries = [e for b in bundles for e in decode_bundle(log.ask("GET", f"/{b.path}").body, b)]
    assert tree_head(map(leaf_hash, entries)) == head.root
    nodes = TileNodes(300, lambda tile: log.ask("GET", f"/{tile.path}").body)
    proof = prove_consistency(100, 300, nodes)
    verify_consistency(100, tree_head(LEAVES[:100]), 300, head.root, proof)
    assert proof == prove_consistency(100, 300, MemoryNodes(LEAVES))


@pytest.mark.parametrize(
    ("path", "content_type", "kept"),
    [
        ("/checkpoint", "text/plain; charset=utf-8", "max-age=1"),
        ("/tile/0/000", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("/tile/1/000.p/1", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("/tile/entries/001.p/44", "application/octet-stream", "public, max-age=31536000, immutable"),
    ],
)
def test_headers_say_what_may_be_kept(log: Serving, folder: Path, path: str, content_type: str, kept: str) -> None:
    """Types and caching as the specification has them; HEAD gives the same headers without the bytes."""
    got = log.ask("GET", path)
    assert (got.status, got.body) == (200, (folder / path[1:]).read_bytes())
    assert (got.headers["content-type"], got.headers["cache-control"]) == (content_type, kept)
    assert "server" not in got.headers
    asked = log.ask("HEAD", path)
    assert (asked.status, asked.body) == (200, b"")
    assert {**asked.headers, "date": ""} == {**got.headers, "date": ""}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "//checkpoint",
        "/checkpoint/x",
        "/checkpoint.bak",
        "/log.json",
        "/keys/k",
        "/journal/0.journal",
        "/tile",
        "/tile/",
        "/tile/secret",
        "/tile/0/001",
        "/tile/0/000/",
        "/tile/0//000",
        "/tile/0/000.p/256",
        "/tile/00/000",
        "/tile/64/000",
        "/tile/0/%30%30%30",
        "/tile/../log.json",
        "/tile/0/../../log.json",
        "/tile/..%2flog.json",
        "/tile/%2e%2e/log.json",
        "/tile/0/000%00",
        "/tile/entries/000.p/300",
    ],
)
def test_only_standard_names_are_served(log: Serving, path: str) -> None:
    """Anything else is 404, which nobody keeps: what is missing today may be published tomorrow."""
    for method in ("GET", "HEAD"):
        got = log.ask(method, path)
        assert (got.status, got.headers["cache-control"]) == (404, "no-store")
        assert b"secret" not in got.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_it_is_read_only(log: Serving, method: str) -> None:
    """No method changes anything."""
    for path in ("/checkpoint", "/tile/0/000"):
        assert log.ask(method, path, b"x").status == 405


def test_entries_are_compressed_for_whoever_takes_it(log: Serving, folder: Path) -> None:
    """Bundles only: hashes do not compress; and a cache can tell the two apart."""
    plain = (folder / "tile/entries/000").read_bytes()
    for accepted, coded in (
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("", False),
    ):
        got = log.ask("GET", "/tile/entries/000", headers={"Accept-Encoding": accepted})
        assert (got.headers.get("content-encoding") == "gzip") is coded
        assert (gzip.decompress(got.body) if coded else got.body) == plain
        assert got.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in log.ask("GET", "/tile/0/000", headers={"Accept-Encoding": "gzip"}).headers


@pytest.mark.parametrize(("file", "status"), [("down", 503), ("broken", 500)])
def test_a_fault_is_told_without_its_reason(log: Serving, folder: Path, file: str, status: int) -> None:
    """The reader learns that it cannot be answered, and nothing of the machine."""
    (folder / file).touch()
    try:
        got = log.ask("GET", "/checkpoint")
    finally:
        (folder / file).unlink()
    assert (got.status, got.headers["cache-control"]) == (status, "no-store")
    assert len(got.body) < 40
    assert str(folder).encode() not in got.body
    assert log.ask("GET", "/checkpoint").status == 200


def test_the_role_serves_a_tree_in_a_folder(folder: Path, tmp_path: Path) -> None:
    """`serve log PATH` serves an exported tree; a path without a log is told."""
    serving.need_server()
    with serving.running(["log", str(folder), "--listen", "127.0.0.1:0"], tmp_path) as found:
        pass
    assert found.url.startswith("http://127.0.0.1:")
    command = [sys.executable, "-m", "strongroom.serve", "log", "nothing", "--listen", "127.0.0.1:0"]
    got = subprocess.run(
        command, cwd=tmp_path, env=serving.ENVIRONMENT, capture_output=True, text=True, check=False, timeout=60
    )
    assert got.returncode == 2
    assert "Traceback" not in got.stderr


def test_every_name_here_is_a_standard_one(folder: Path) -> None:
    """The tree that these tests serve has the names of the specification."""
    made = [str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()]
    for name in set(made) - {"checkpoint", *SECRETS}:
        assert parse_path(name).path == name
