"""The scanner on folders: every file has its line, nothing runs, and what kills the scanner is never a pass."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import artifact_files as files
import pytest
import scan_minting as mint
from click.testing import CliRunner

from strongroom.app import seal_scan
from strongroom.cli.commands.seal.scan import COMMAND
from strongroom.kit.formats.bounded import Memory
from strongroom.kit.formats.scanning import scan
from strongroom.kit.formats.verdicts import Verdict
from strongroom.model.errors import Unreadable
from strongroom.seal import scanning

_EVENTS: list[str] = []
_WATCHED = [False]


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _WATCHED[0] and event.startswith(
        ("exec", "compile", "import", "os.", "subprocess", "pickle", "marshal", "socket")
    ):
        _EVENTS.append(f"{event} {arguments!r:.120}")


@contextlib.contextmanager
def _watching() -> Iterator[list[str]]:
    """What this process executes, imports, starts or unpickles meanwhile."""
    if not getattr(_hook, "installed", False):
        sys.addaudithook(_hook)
        _hook.installed = True  # type: ignore[attr-defined] # a hook cannot be taken out again
    _EVENTS.clear()
    _WATCHED[0] = True
    try:
        yield _EVENTS
    finally:
        _WATCHED[0] = False


def _everything() -> None:
    for form in (mint.MALICIOUS, mint.REVIEW, mint.UNREADABLE, mint.SAFE):
        for data in form.values():
            scan(Memory(data), "model.pkl")
    for text in (mint.TEMPLATE_EVIL, mint.TEMPLATE):
        scan(Memory(text.encode()), "a.jinja")
    scan(Memory(b"a: !!python/object/apply:os.system ['true']\n"), "a.yaml")
    scan(Memory(files.checkpoint(evil=True)), "a.pt")
    scan(Memory(mint.keras_hdf5(mint.lambda_layer())), "a.h5")


def test_scan_executes_and_imports_nothing() -> None:
    """While every attack is looked into, nothing is executed, compiled, imported, unpickled or started."""
    _everything()  # what the scanner itself imports when it first needs it
    before = set(sys.modules)
    with _watching() as seen:
        _everything()
    assert seen == []
    assert set(sys.modules) == before
    with _watching() as seen:
        compile("1", "the hook sees what it is for", "eval")
    assert len(seen) == 1


def _tree(root: Path) -> None:
    (root / "sub").mkdir()
    (root / "model.pkl").write_bytes(mint.EVIL)
    (root / "sub/weights.safetensors").write_bytes(files.safetensors())
    (root / "code.py").write_text("import os\n")
    (root / "cut.pkl").write_bytes(mint.UNREADABLE["truncated"])
    (root / ".hidden.pt").write_bytes(files.checkpoint(evil=True))


def test_scan_tells_of_every_file(tmp_path: Path) -> None:
    """Each file below a folder has a verdict, hidden ones and those in folders included."""
    _tree(tmp_path)
    found = {s.path: s.verdict for s in seal_scan.scan(tmp_path)}
    assert found == {
        ".hidden.pt": Verdict.MALICIOUS,
        "code.py": Verdict.REVIEW,
        "cut.pkl": Verdict.UNREADABLE,
        "model.pkl": Verdict.MALICIOUS,
        "sub/weights.safetensors": Verdict.SAFE,
    }


def test_scan_follows_no_link_out_and_opens_no_pipe(tmp_path: Path) -> None:
    """A link within the folder is looked into under its own name, one that leaves it is told, a pipe is never opened."""
    inside = tmp_path / "model"
    inside.mkdir()
    (tmp_path / "outside.pkl").write_bytes(mint.SAFE["plain"])
    (inside / "blob").write_bytes(mint.EVIL)
    (inside / "link.pkl").symlink_to("blob")
    (inside / "away.pkl").symlink_to("../outside.pkl")
    (inside / "nowhere").symlink_to("gone")
    (inside / "loop").symlink_to("loop")
    os.mkfifo(inside / "pipe")
    found = {s.path: s.verdict for s in seal_scan.scan(inside)}
    assert found == {
        "away.pkl": Verdict.REVIEW,
        "blob": Verdict.MALICIOUS,
        "link.pkl": Verdict.MALICIOUS,
        "loop": Verdict.UNREADABLE,
        "nowhere": Verdict.UNREADABLE,
        "pipe": Verdict.UNREADABLE,
    }
    followed = {s.path: s.verdict for s in seal_scan.scan(inside, follow=True)}
    assert followed["away.pkl"] is Verdict.SAFE


def test_scan_of_one_file_and_of_none(tmp_path: Path) -> None:
    """A file is its own tree; a path that is not there is an error and no verdict."""
    (tmp_path / "a.pkl").write_bytes(mint.SAFE["plain"])
    assert [(s.path, s.verdict) for s in seal_scan.scan(tmp_path / "a.pkl")] == [("a.pkl", Verdict.SAFE)]
    with pytest.raises(Unreadable, match="no such file"):
        seal_scan.scan(tmp_path / "none")


def test_a_scanner_that_runs_out_of_time_says_unreadable(tmp_path: Path) -> None:
    """A file that takes more than its share of time is unreadable, and the files behind it still have their verdict."""
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04" + b"(]" * 400_000 + b"N." + b"\x80\x04" + b"N0" * 4_000_000 + b"N.")
    (tmp_path / "b.pkl").write_bytes(mint.SAFE["plain"])
    found = {s.path: s for s in seal_scan.scan(tmp_path, cpu_seconds=0.3)}
    assert found["a.pkl"].verdict is Verdict.UNREADABLE
    assert any("CPU time" in r for r in found["a.pkl"].reasons)
    assert found["b.pkl"].verdict is Verdict.SAFE


def test_a_scanner_that_runs_out_of_memory_says_unreadable(tmp_path: Path) -> None:
    """A file that needs more memory than is allowed is unreadable, and the files behind it still have their verdict."""
    (tmp_path / "a.json").write_bytes(b"[" + b"[1.5,2.5]," * 3_000_000 + b"1]")
    (tmp_path / "b.pkl").write_bytes(mint.SAFE["plain"])
    found = {s.path: s.verdict for s in seal_scan.scan(tmp_path, memory_mib=160)}
    assert found == {"a.json": Verdict.UNREADABLE, "b.pkl": Verdict.SAFE}


def test_a_file_that_was_replaced_is_unreadable(tmp_path: Path) -> None:
    """The file that is read is the one that was found: another in its place is no pass."""
    path = tmp_path / "a.pkl"
    path.write_bytes(mint.SAFE["plain"])
    (target,) = scanning.find(tmp_path).targets
    assert scanning.look(target).verdict is Verdict.SAFE
    path.rename(tmp_path / "before.pkl")
    path.write_bytes(mint.SAFE["plain"])
    assert scanning.look(target).verdict is Verdict.UNREADABLE


def _run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(COMMAND, list(words))
    return done.exit_code, done.stdout


def test_scan_command_speaks_json_lines(tmp_path: Path) -> None:
    """One line a file with path, verdict and reasons; the exit code is 1 when one of them is not safe."""
    _tree(tmp_path)
    code, out = _run(str(tmp_path), "--format", "jsonl")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert all(list(row) == ["path", "verdict", "reasons"] for row in rows)
    assert {row["verdict"] for row in rows} == {"safe", "needs-review", "malicious", "unreadable"}
    assert all(bool(row["reasons"]) == (row["verdict"] != "safe") for row in rows)


@pytest.mark.parametrize(("name", "data", "code"), [
    ("a.pkl", mint.SAFE["plain"], 0), ("a.pkl", mint.EVIL, 1), ("a.py", b"x", 1), ("a.pkl", b"\x80\x04", 1),
])  # fmt: skip
def test_scan_command_answers_by_its_exit_code(tmp_path: Path, name: str, data: bytes, code: int) -> None:
    """0 when all is safe, 1 when anything is not."""
    (tmp_path / name).write_bytes(data)
    assert _run(str(tmp_path))[0] == code


def test_scan_command_refuses_bad_usage(tmp_path: Path) -> None:
    """No path, a format of its own, and a path that is not there answer 2."""
    assert _run()[0] == 2
    assert _run(str(tmp_path), "--format", "xml")[0] == 2
    assert _run(str(tmp_path / "none"))[0] == 2


def test_scan_command_writes_its_other_formats(tmp_path: Path) -> None:
    """JSON holds the verdict on all files, SARIF a result for each reason, and the table what is not safe."""
    _tree(tmp_path)
    whole = json.loads(_run(str(tmp_path), "--format", "json")[1])
    assert (whole["schema"], whole["verdict"], len(whole["files"])) == ("strongroom.scan/1", "malicious", 5)
    sarif = json.loads(_run(str(tmp_path), "--format", "sarif")[1])
    (run,) = sarif["runs"]
    ids = [r["id"] for r in run["tool"]["driver"]["rules"]]
    assert sarif["version"] == "2.1.0"
    assert all(ids[r["ruleIndex"]] == r["ruleId"] for r in run["results"])
    assert {r["level"] for r in run["results"]} == {"error", "warning"}
    code, table = _run(str(tmp_path), "--format", "table")
    assert code == 1
    assert "5 files: 2 malicious, 1 unreadable, 1 needs-review, 1 safe" in table


def test_scan_shows_hostile_names_as_text(tmp_path: Path) -> None:
    """A name with control characters cannot move the cursor of whoever reads the table."""
    (tmp_path / "a\x1b[2J.pkl").write_bytes(mint.SAFE["plain"])
    code, table = _run(str(tmp_path), "--format", "table")
    assert (code, "\x1b" in table) == (1, False)
