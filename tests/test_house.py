"""The rules of the house that no linter has: sizes, names, reasons, and nothing of the machine that it was built on."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src/strongroom"
MODULES = sorted(SRC.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
WRITTEN = sorted(p for p in SRC.rglob("*") if p.suffix in {".py", ".sh", ".html", ".css", ".js", ".j2"})
JUDGES = [p for p in MODULES if p.relative_to(SRC).parts[0] in {"model", "kit", "assess", "plan"}]

MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 60
MEDIAN_LINES_OF_A_FUNCTION = 12
BOUNDARY = SRC / "app/boundary.py"
# A typed door has no `Any` behind it; each exception says what the type cannot be had for.
ANY: dict[str, str] = {}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def named(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def functions(path: Path) -> Iterator[Function]:
    return (n for n in ast.walk(tree(path)) if isinstance(n, Function))


def length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def dotted(node: ast.expr) -> str:
    """`a.b.c` of a name or an attribute; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


@pytest.fixture(scope="module")
def tracked() -> dict[str, str]:
    """The text of every file that a commit would hold."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("no git checkout: which files are tracked is not known")
    paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    return {str(p.relative_to(ROOT)): p.read_text(encoding="utf-8", errors="replace") for p in paths if p.is_file()}


def test_files_are_small() -> None:
    """No file of the package is longer than 400 lines."""
    sizes = {str(p.relative_to(SRC)): len(p.read_text(encoding="utf-8").splitlines()) for p in WRITTEN}
    assert {name: n for name, n in sizes.items() if n > MOST_LINES} == {}


def test_functions_are_short() -> None:
    """No function is longer than 60 lines, and half of them have at most 12."""
    sizes = {named(p, f): length(f) for p in MODULES for f in functions(p)}
    assert {where: n for where, n in sizes.items() if n > MOST_LINES_OF_A_FUNCTION} == {}
    assert median(sizes.values()) <= MEDIAN_LINES_OF_A_FUNCTION


def test_no_file_is_a_drawer() -> None:
    """A file is named after what is in it; utils, helpers and misc are names for nothing."""
    drawers = {"utils.py", "util.py", "helpers.py", "misc.py", "common.py"}
    assert [str(p) for p in (*MODULES, *TESTS) if p.name.lstrip("_") in drawers] == []


def broad(node: ast.AST) -> bool:
    """Whether it swallows any exception: a bare or broad `except`, or a `suppress` of the same width."""
    wide = {"Exception", "BaseException"}
    if isinstance(node, ast.ExceptHandler):
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        return any(c is None or dotted(c) in wide for c in caught)
    return (
        isinstance(node, ast.Call) and dotted(node.func).endswith("suppress") and bool({*map(dotted, node.args)} & wide)
    )


def test_any_exception_is_caught_in_one_place_only() -> None:
    """A broad `except` stands once, at the boundary of `app`; everywhere else it could hide that nothing was seen."""
    found = [named(p, n) for p in MODULES if p != BOUNDARY for n in ast.walk(tree(p)) if broad(n)]
    assert found == []
    assert sum(broad(n) for n in ast.walk(tree(BOUNDARY))) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("try: f()\nexcept: pass", True),
        ("try: f()\nexcept (OSError, Exception): pass", True),
        ("try: f()\nexcept OSError: pass", False),
        ("with contextlib.suppress(BaseException): f()", True),
        ("with contextlib.suppress(OSError): f()", False),
    ],
)
def test_the_search_for_broad_excepts_finds_them(text: str, found: bool) -> None:
    """The gate above sees every way to write it."""
    assert any(broad(n) for n in ast.walk(ast.parse(text))) is found


def uses_any(path: Path) -> bool:
    return any(dotted(n) in {"Any", "typing.Any"} for n in ast.walk(tree(path)) if isinstance(n, ast.expr))


def test_no_type_is_any() -> None:
    """Only the files of a short, explained list name `Any`."""
    found = {str(p.relative_to(SRC)) for p in MODULES if uses_any(p)}
    assert found == set(ANY)


def test_every_test_says_what_it_tests() -> None:
    """Each test function has a docstring of one sentence that states a behaviour."""
    silent = []
    for path in TESTS:
        for f in functions(path):
            sentence = ast.get_docstring(f) or ""
            if f.name.startswith("test_") and not re.fullmatch(r"[A-Z0-9`'\"].{10,}[.?]", sentence, re.DOTALL):
                silent.append(f"{named(path, f)} {f.name}")
    assert silent == []


def test_test_files_have_names_of_their_own() -> None:
    """Tests are no package, so two files of one name would shadow each other."""
    names = [p.name for p in TESTS]
    assert sorted(names) == sorted(set(names))


def test_every_rule_that_is_switched_off_has_its_reason() -> None:
    """Each linter rule that pyproject.toml ignores says why beside it."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lint = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.flake8-tidy-imports")]
    switched = [line for line in lint.splitlines() if re.search(r'"[A-Z]{1,4}\d{0,4}"', line)]
    switched = [line for line in switched if not line.startswith("select")]
    assert len(switched) > 20
    assert [line for line in switched if not re.search(r"# \w.{3,}", line)] == []


def test_every_exemption_in_the_code_has_its_reason() -> None:
    """A `noqa` names its rules and says why they do not fit."""
    pattern = re.compile(r"#\s*noqa(?!: [A-Z]+\d+(, [A-Z]+\d+)* - \w.{3,})")
    files = [*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "house").glob("*.py"), *(ROOT / "docs").glob("*.py")]
    found = [
        f"{p.relative_to(ROOT)}:{n}"
        for p in files
        for n, line in enumerate(p.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line) and "re.compile" not in line
    ]
    assert found == []


def test_nothing_tells_of_the_machine_that_built_it(tracked: dict[str, str]) -> None:
    """No tracked file holds a home directory, a build folder or the host of a package registry."""
    # Each pattern is written so that it does not match itself.
    patterns = [r"(?<![\w.-])/[w]ork/", r"/[U]sers/\w", r"/root/[.](?:cache|local|pyenv)", re.escape(f"{ROOT}/")]
    patterns += [r"[p]ypi\.org", r"[p]ythonhosted", r"[g]oproxy\.", r"[r]egistry\.npmjs", r"[i]ndex-url"]
    pattern = re.compile("|".join(patterns))
    found = {f"{name}: {m[0]}" for name, text in tracked.items() if (m := pattern.search(text))}
    assert found == set()


FORBIDDEN_CALLS = {"open", "eval", "exec", "compile", "input", "print", "__import__", "breakpoint"}
CLOCKS = re.compile(r"(^|\.)(datetime|date)\.(now|utcnow|today)$")


def test_judges_open_nothing_and_ask_no_clock() -> None:
    """Model, kit and judges call no built-in that touches the world, and no class method that reads the clock."""
    calls = ((p, n) for p in JUDGES for n in ast.walk(tree(p)) if isinstance(n, ast.Call))
    found = [named(p, n) for p, n in calls if dotted(n.func) in FORBIDDEN_CALLS or CLOCKS.search(dotted(n.func))]
    assert found == []


def test_judges_use_only_the_harmless_part_of_urllib() -> None:
    """Where a judge may import urllib at all, it is `urllib.parse`: text in, text out."""
    for path in JUDGES:
        for n in ast.walk(tree(path)):
            if isinstance(n, ast.ImportFrom) and (n.module or "").startswith("urllib"):
                assert (named(path, n), n.module) == (named(path, n), "urllib.parse")
            if isinstance(n, ast.Import):
                assert not any(a.name.startswith("urllib") for a in n.names), named(path, n)


def test_runtime_dependencies_are_few_and_explained() -> None:
    """At most the thirteen that the whole core is planned with, each with its section in docs/dependencies.md."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[<>=\[; ]", d)[0] for d in project["dependencies"]}
    text = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    extras = {re.split(r"[<>=\[; ]", d)[0] for some in project.get("optional-dependencies", {}).values() for d in some}
    assert [e for e in extras - {project["name"]} if f"| `{e}` |" not in text] == []
    assert len(names) <= 13
    assert set(re.findall(r"^### ([a-z0-9-]+)$", text, re.MULTILINE)) == names
