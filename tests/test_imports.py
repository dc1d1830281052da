"""The import contracts of pyproject.toml hold, and each of them would catch what it is there for."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = "imports point down; no judge or hand imports another"
ROOMS = "nothing imports a part of a room"
PURE = "what judges touches nothing outside"
CYCLES = "no cycles"
CONTRACTS = {LAYERS, ROOMS, PURE, CYCLES}

CHECK = "src/strongroom/assess/checks/planted.py"
PLANTS = {
    "a package that no layer lists": ({LAYERS}, {"src/strongroom/extras/__init__.py": ""}),
    "a judge that imports a hand": ({LAYERS}, {"src/strongroom/plan/planted.py": "import strongroom.store.schema\n"}),
    "a hand that imports a judge": ({LAYERS}, {"src/strongroom/store/planted.py": "import strongroom.assess.judge\n"}),
    "a hand that imports app": (
        {LAYERS, CYCLES},
        {"src/strongroom/store/planted.py": "import strongroom.app.sources\n"},
    ),
    "a noun that imports a tool": (
        {LAYERS, CYCLES},
        {"src/strongroom/model/planted.py": "import strongroom.kit.kleene\n"},
    ),
    "a check that imports its neighbour": (
        {ROOMS},
        {CHECK: "CHECKS = ()\n", "src/strongroom/assess/checks/planted_too.py": "from . import planted as p\n"},
    ),
    "a control that imports a control of another area": (
        {ROOMS},
        {"src/strongroom/assess/controls/gpu/planted.py": "import strongroom.assess.controls.network.net_01\n"},
    ),
    "a source that imports a source": (
        {ROOMS},
        {"src/strongroom/collect/sources/planted.py": "from strongroom.collect.sources.tf import COLLECTOR\n"},
    ),
    "a table that imports a table": (
        {ROOMS},
        {
            "src/strongroom/collect/tables/planted.py": "TABLE = ()\n",
            "src/strongroom/collect/tables/planted_too.py": "from strongroom.collect.tables.planted import TABLE\n",
        },
    ),
    "a command that imports a command": (
        {ROOMS},
        {"src/strongroom/cli/commands/planted.py": "def COMMAND():\n    import strongroom.cli.commands.assess\n"},
    ),
    "a helper of a room that knows a part": (
        {ROOMS},
        {"src/strongroom/assess/reports/_planted.py": "import strongroom.assess.reports.jsonl\n"},
    ),
    "a use case that names a part": (
        {ROOMS},
        {"src/strongroom/app/planted.py": "import strongroom.collect.sources.tf\n"},
    ),
    "a judge that reaches urllib through kit": (
        {PURE},
        {
            "src/strongroom/kit/planted.py": "import urllib.request\n",
            "src/strongroom/plan/planted.py": "import strongroom.kit.planted\n",
        },
    ),
    "a judge that opens sockets": ({PURE}, {CHECK: "def f():\n    import socket\n"}),
    "a judge that asks the clock": ({PURE}, {CHECK: "import time\n"}),
    "a judge that rolls dice": ({PURE}, {CHECK: "import random\n"}),
    "a cloud's kit in a control": ({PURE}, {"src/strongroom/assess/controls/gpu/planted.py": "import boto3\n"}),
    "a parser in a check": ({PURE}, {CHECK: "import tfparse\n"}),
    "a cycle": (
        {CYCLES},
        {
            "src/strongroom/kit/planted.py": "import strongroom.kit.planted_too\n",
            "src/strongroom/kit/planted_too.py": "import strongroom.kit.planted\n",
        },
    ),
}


def lint(tree: Path) -> dict[str, bool]:
    """Whether each contract is kept, by its name, for the package below `tree`."""
    code = "import sys; from importlinter.cli import lint_imports_command as l; l(['--no-logo', '--no-cache'])"
    environment = {"PYTHONPATH": str(tree / "src"), "COLUMNS": "200", "NO_COLOR": "1", "PYTHONUTF8": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    words = {"KEPT": True, "BROKEN": False}
    lines = [line.rpartition(" ") for line in ended.stdout.splitlines()]
    found = {name: words[word] for name, _, word in lines if word in words}
    assert found, ended.stdout + ended.stderr
    assert ended.returncode == (0 if all(found.values()) else 1)
    return found


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, its contracts and their configuration."""
    tree = tmp_path_factory.mktemp("planted")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src", tree / "src", ignore=ignore)
    shutil.copytree(ROOT / "house", tree / "house", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tree)
    return tree


def test_the_tree_keeps_every_contract() -> None:
    """Every contract is checked and kept."""
    assert lint(ROOT) == dict.fromkeys(CONTRACTS, True)


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_violation_breaks_its_contract(copy: Path, name: str) -> None:
    """Each violation, planted alone, breaks the contracts that forbid it and no other."""
    broken, files = PLANTS[name]
    before = {path: (copy / path).exists() for path in files}
    assert not any(before.values())
    try:
        for path, text in files.items():
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            (copy / path).write_text(text, encoding="utf-8")
        found = lint(copy)
    finally:
        for path in files:
            (copy / path).unlink()
        shutil.rmtree(copy / "src/strongroom/extras", ignore_errors=True)
    assert {contract for contract, kept in found.items() if not kept} == broken
