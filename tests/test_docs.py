"""The docs say what the code does: reference pages are made from it, links lead somewhere, examples run."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

import synthetic
from strongroom.app.catalogue import catalogue, collectors, reports
from strongroom.app.proof import PROOFS
from strongroom.app.proof_levels import Level
from strongroom.assess.judge import judge
from strongroom.collect.native import Native
from strongroom.model.codes import Status
from strongroom.model.ports import Check, Control

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    """Every page as the code would write it now."""
    pages: dict[str, str] = load(DOCS / "generate.py").pages()
    return pages


def test_the_reference_says_what_the_code_does(generated: dict[str, str]) -> None:
    """No generated page differs from the code; `make reference` writes them again."""
    stale = [p for p, text in generated.items() if not (DOCS / p).exists() or (DOCS / p).read_text("utf-8") != text]
    assert stale == []


def test_nothing_lies_in_the_reference_that_is_not_made(generated: dict[str, str]) -> None:
    """A page by hand in the reference would be taken for the code's word."""
    found = {p.relative_to(DOCS).as_posix() for p in (DOCS / "reference").rglob("*") if p.is_file()}
    assert found == {p for p in generated if p.startswith("reference/")}


def test_every_part_has_its_place_in_the_reference(generated: dict[str, str]) -> None:
    """Each control, check, source, format and command has a heading or a row."""
    for ident in catalogue().controls:
        assert f"\n## {ident}\n" in generated["reference/controls.md"]
    for ident in catalogue().checks:
        assert f"\n## {ident}\n" in generated["reference/checks.md"]
    for scheme in collectors():
        assert f"| `{scheme}:` |" in generated["reference/sources.md"]
    for name in reports():
        assert f"| `{name}` |" in generated["reference/formats.md"]
    for name in known_commands():
        assert f"\n## strongroom {name}\n" in generated["reference/cli.md"]


def test_the_check_mode_tells_what_is_stale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` writes nothing and names each page that would change; without it they are written once."""
    made = load(DOCS / "generate.py")
    made.DOCS = tmp_path  # type: ignore[attr-defined]
    assert made.main(["--check"]) == 1
    assert list(tmp_path.iterdir()) == []
    assert "docs/proof.md differs" in capsys.readouterr().out
    assert made.main([]) == 0
    assert made.main(["--check"]) == 0


def test_every_command_and_option_has_help() -> None:
    """A command says what it does; an option says what it means, unless its words are its meaning."""
    for name, command in known_commands().items():
        assert len(command.help or "") > 20
        for p in command.params:
            if isinstance(p, click.Option):
                assert p.help or isinstance(p.type, click.Choice), (name, p.name)


def known_commands() -> dict[str, click.Command]:
    """Every command by the words that call it, server roles among them."""
    found = dict(load(DOCS / "generate.py").commands())
    assert {"assess", "log", "log append", "serve witness"} <= set(found)
    return found


# Links


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", h).strip().lower() for h in headings)
    return {re.sub(r"\s", "-", p) for p in plain}


def links(page: Path) -> Iterator[str]:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"`[^`\n]*`", "", text)
    yield from re.findall(r"(?<!\\)\]\(([^)\s]+)\)", text)


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    """A link to a file finds the file, and one to a heading finds the heading."""
    broken = []
    known: dict[Path, set[str]] = {}
    for link in set(links(page)):
        if link.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if anchor and target.suffix == ".md" and target.exists() and target not in known:
            known[target] = anchors(target)
        if not target.exists() or (anchor and anchor not in known.get(target, set())):
            broken.append(link)
    assert broken == []


@every_page
def test_pages_keep_to_the_site(page: Path) -> None:
    """A page of the site links to no file outside of it, where the site has none."""
    if DOCS in page.parents:
        outside = [x for x in links(page) if not x.startswith(("https://", "#")) and not resolves_inside(page, x)]
        assert outside == []


def resolves_inside(page: Path, link: str) -> bool:
    return DOCS in (page.parent / link.partition("#")[0]).resolve().parents


def test_the_menu_has_every_page() -> None:
    """Every page is in the menu of the site, once, and the menu has no other."""
    listed = re.findall(r"([\w./-]+\.md)\s*$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.md"))


# What pages show


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@every_page
def test_commands_that_are_shown_exist(page: Path) -> None:
    """Every `strongroom …` in a shell block is a command, with options that it has."""
    known_words = known_commands()
    for line in "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines():
        words = line.partition("  #")[0].partition("#")[0].replace("sudo ", "").split()
        if words[:1] != ["strongroom"] or words[1:2] in (["--help"], ["--version"]):
            continue
        name = next((n for k in (4, 3, 2) if (n := " ".join(words[1:k])) in known_words), None)
        assert name is not None, line
        known = {o for p in known_words[name].params for o in p.opts} | {"--help"}
        end = next((n for n, w in enumerate(words) if w in {"|", "||", ">", "&&", "--"}), len(words))
        assert {w.partition("=")[0] for w in words[2:end] if w.startswith("-")} <= known, line


def run(text: str) -> ModuleType:
    module = ModuleType("example")
    exec(compile(text, "example", "exec"), module.__dict__)
    return module


def test_the_example_check_works() -> None:
    """The check that the contributor's guide shows passes, fails and says when it cannot tell."""
    (check,) = run(blocks(ROOT / "CONTRIBUTING.md", "python")[0]).CHECKS
    assert isinstance(check, Check)
    kind = check.kinds[0]
    for value, status in ((False, Status.PASS), (True, Status.FAIL), (synthetic.NOT_KNOWN, Status.UNKNOWN)):
        assert judge(check, synthetic.asset(kind, {"net.public": value}), synthetic.NOW).status is status
    assert check.clause in {c.id for control in catalogue().controls.values() for c in control.clauses}


def test_the_example_table_works() -> None:
    """The table that the contributor's guide shows is one."""
    (native,) = run(blocks(ROOT / "CONTRIBUTING.md", "python")[1]).TABLE
    assert isinstance(native, Native)
    assert native.rows[0].default is not None


def test_the_example_control_works() -> None:
    """The page on controls shows a whole control and a whole check that proves its clause."""
    control, checks = (run(text) for text in blocks(DOCS / "how/add-a-control.md", "python"))
    assert isinstance(control.CONTROL, Control)
    (check,) = checks.CHECKS
    assert check.clause == control.CONTROL.clauses[0].id


# Proof


def test_the_proof_levels_are_honest() -> None:
    """Every capability has a level, cites tests that exist, and says what was not exercised unless it is proven whole."""
    assert len({p.capability for p in PROOFS}) == len(PROOFS)
    for p in PROOFS:
        assert [t for t in p.tests if not (ROOT / t).is_file()] == []
        assert p.how
        assert bool(p.tests) is (p.level is not Level.UNPROVEN)
        if p.level in {Level.SIMULATED, Level.UNPROVEN, Level.RECORDED}:
            assert p.missing


def test_every_source_is_in_the_proof() -> None:
    """A source that nobody has exercised must say so too."""
    text = " ".join(p.capability for p in PROOFS)
    assert [s for s in collectors() if f"`{s}:`" not in text] == []


def test_changelog_fragments_have_a_kind() -> None:
    """A fragment is `+SLUG.KIND.md` with a sentence in it."""
    for path in (ROOT / "changes").glob("*.md"):
        assert re.fullmatch(r"[+\w-]+\.(added|changed|fixed|removed|security)\.md", path.name), path.name
        assert path.read_text(encoding="utf-8").strip().endswith(".")
