"""One file is all: a new part of any kind appears in every output without another edit."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = Path("src/strongroom")

SOURCE = '''
"""`beacon:FILE`: clusters, one a line as `name version`."""

from pathlib import Path

from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Estate, Fact, Gap, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.ports import Collector, Peek, Request
from strongroom.model.values import Unknown, Where


def recognises(peek: Peek) -> int:
    """A file that begins with its name."""
    return 90 if peek.head.startswith(b"beacon 1") else 0


def collect(request: Request) -> Estate:
    """Every line, and a gap for a line that says nothing."""
    assets, gaps = [], []
    for n, line in enumerate(Path(request.target).read_text(encoding="utf-8").splitlines()[1:], 2):
        name, _, version = line.partition(" ")
        value = Unknown(GapCode.DENIED, "may not list versions") if version == "?" else version or None
        where = Where(request.target, n, n)
        facts = {"version": Fact("version", value, where, request.spec)}
        assets.append(Asset(id=f"beacon:{name}", kind=Kind.CLUSTER, native_type="beacon", address=name, facts=facts,
                            where=where, origin=request.spec))
    gaps.append(Gap("the far side", request.spec, GapCode.DENIED, "beacon:List is missing", None, (Kind.GPU,)))
    read = SourceRead(request.spec, "beacon", "a beacon", 1, 1, (Kind.CLUSTER,))
    return Estate(tuple(assets), tuple(gaps), (read,), request.now)


COLLECTOR = Collector("beacon", "Beacons", "a file of clusters and their versions", (Kind.CLUSTER,), recognises, collect)
'''

REPORT = '''
"""Smoke signals: one letter a finding."""

from collections.abc import Iterator

from strongroom.model.control import Assessment
from strongroom.model.ports import Catalogue, Report


def render(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    """The first letter of every status, with the address."""
    for f in assessment.findings:
        yield f"{f.status.value[0]} {f.check} {f.asset}\\n"


REPORT = Report("smoke", "Smoke signals: one line a finding", ".smoke", render)
'''

COMMAND = '''
"""Say hello."""

import click


@click.command("greet", short_help="Say hello to the house.")
def COMMAND() -> None:
    """Say hello to the house."""
    click.echo("hello")
'''

DERIVE = '''
"""Clusters get a name for their age."""

from collections.abc import Iterator

from strongroom.model.estate import Estate, Fact
from strongroom.model.kinds import Kind
from strongroom.model.ports import Derive


def derive(estate: Estate) -> Iterator[tuple[str, Fact]]:
    """Every cluster has RBAC, for the sake of this test."""
    for a in estate.assets:
        if a.kind is Kind.CLUSTER:
            yield a.id, Fact("auth.rbac", True, a.where, "derived")


DERIVE = Derive("planted", ("auth.rbac",), derive)
'''

TABLE = '''
"""Beacons in Terraform."""

from strongroom.collect.native import Default, Native, text
from strongroom.model.kinds import Kind

TABLE = (
    Native(
        type="beacon_cluster",
        kind=Kind.CLUSTER,
        provider="beacon",
        rows=(text("version", "version", Default("newest", "https://example.invalid/beacon")),),
    ),
)
'''

KEYS = '''
"""A cellar: it has no key yet."""

from strongroom.model.errors import KeyUnavailable
from strongroom.model.release import Gate, KeyBackend, Keys, KeySettings


def open_cellar(settings: KeySettings, gate: Gate) -> Keys:
    """It never opens."""
    raise KeyUnavailable("cellar", f"{len(settings.options)} options and {gate}", "a key")


KEYS = KeyBackend("cellar", "a cellar", {"door": "which door"}, open_cellar)
'''

BACKENDS = "from strongroom.app.key_backends import backends; print(*backends())"

BEACON = "beacon 1\nnew 1.34\nold\nfar ?\n"


def example_files() -> dict[str, str]:
    """The files that the page on controls shows, by the paths that it names."""
    page = (ROOT / "docs/how/add-a-control.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^`(src/[\w/.]+\.py)`:\n\n```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))


class House:
    """A copy of the package with one new file of every kind in it, and the commands that are run there."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "src", tree / "src", ignore=ignore)
        (tree / "docs").mkdir()
        for name in ("generate.py", "coverage_page.py", "steps_page.py"):
            shutil.copy(ROOT / "docs" / name, tree / "docs")
        planted = {
            PACKAGE / "collect/sources/beacon.py": SOURCE,
            PACKAGE / "collect/tables/beacon.py": TABLE,
            PACKAGE / "assess/reports/smoke.py": REPORT,
            PACKAGE / "assess/derive/planted.py": DERIVE,
            PACKAGE / "cli/commands/greet.py": COMMAND,
            PACKAGE / "keys/cellar.py": KEYS,
        }
        for path, text in {**planted, **{Path(p): t for p, t in example_files().items()}}.items():
            assert not (tree / path).exists()
            (tree / path).write_text(text.lstrip("\n"), encoding="utf-8")
        (tree / "estate.txt").write_text(BEACON, encoding="utf-8")

    def run(self, *words: str, code: int = 0) -> str:
        """What a command prints; it must end with the code."""
        environment = {
            "PYTHONPATH": str(self.tree / "src"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "XDG_STATE_HOME": str(self.tree / "state"),
            "HOME": str(self.tree),
            "COLUMNS": "200",
            "PATH": "/usr/bin:/bin",
        }
        ended = subprocess.run(
            [sys.executable, *words], cwd=self.tree, env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == code, ended.stderr + ended.stdout
        return ended.stdout

    def strongroom(self, *words: str, code: int = 0) -> str:
        """What the program prints."""
        return self.run("-m", "strongroom", *words, code=code)

    def assess(self, form: str) -> str:
        """The estate in a format; a low failure fails it."""
        where = ("--no-snapshot", "--at", "2026-11-22T12:00:00Z", "--fail-on", "low")
        return self.strongroom("assess", "estate.txt", "--format", form, *where, code=1)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The copy, made once."""
    return House(tmp_path_factory.mktemp("house"))


def test_the_page_on_controls_shows_whole_files() -> None:
    """The example is a control and a check, under the paths where they belong."""
    assert sorted(Path(p).parent.relative_to(PACKAGE).as_posix() for p in example_files()) == [
        "assess/checks",
        "assess/controls/inventory",
    ]


def test_a_new_control_is_listed_and_explained(house: House) -> None:
    """`controls` lists it, `explain` tells its prose, its clause and the check that proves it."""
    assert re.search(r"INV-07 .*1/1.*Cluster versions are chosen", house.strongroom("controls"))
    told = house.strongroom("explain", "INV-07")
    assert "INV-07.version-named" in told
    assert "inv.cluster.version-named" in told
    assert "upgraded by its provider" in told


def test_a_new_check_is_explained(house: House) -> None:
    """`explain` tells why the check exists and how to meet it."""
    told = house.strongroom("explain", "inv.cluster.version-named")
    assert "An upgrade that nobody chose" in told
    assert 'version = "1.34"' in told


def test_a_new_source_is_read_and_judged(house: House) -> None:
    """A bare path is recognised; its assets are judged, and its gap and its unknown are told."""
    lines = [json.loads(line) for line in house.assess("jsonl").splitlines()]
    found = {x["asset"]["address"]: x["status"] for x in lines if x["check"] == "inv.cluster.version-named"}
    assert found == {"new": "pass", "old": "fail", "far": "unknown"}
    assert {x["because"] for x in lines if x["asset"]["address"] == "far"} == {
        "cannot tell: version: may not list versions"
    }
    (gap,) = [x for x in lines if x["check"] == "inv.source.read-whole"]
    assert gap["status"] == "unknown"
    assert "beacon:List is missing" in gap["because"]


def test_a_new_derivation_adds_its_facts(house: House) -> None:
    """A fact that is derived reaches the assets of the whole document."""
    document = json.loads(house.assess("json"))
    facts = {a["address"]: {f["name"] for f in a["facts"]} for a in document["assets"]}
    assert facts["new"] == {"version", "auth.rbac"}


def test_a_new_check_is_in_sarif_and_html(house: House) -> None:
    """SARIF describes its rule and the HTML page shows its sentence and its fix."""
    log = json.loads(house.assess("sarif"))
    driver = log["runs"][0]["tool"]["driver"]
    assert "inv.cluster.version-named" in [r["id"] for r in driver["rules"]]
    assert "inv.cluster.version-named" in [r["ruleId"] for r in log["runs"][0]["results"]]
    assert "INV-07" in json.dumps(log["runs"][0]["taxonomies"])
    page = house.assess("html")
    assert "inv.cluster.version-named" in page
    assert "INV-07" in page
    assert "its version is whatever the provider gives" in page


def test_a_new_format_can_be_asked_for(house: House) -> None:
    """A report is chosen by its name, and a wrong name is answered with all of them."""
    assert "f inv.cluster.version-named beacon:old\n" in house.assess("smoke")
    ended = subprocess.run(
        [sys.executable, "-m", "strongroom", "assess", "estate.txt", "--format", "nonsense"],
        cwd=house.tree,
        env={"PYTHONPATH": str(house.tree / "src"), "HOME": str(house.tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "smoke" in ended.stderr


def test_a_new_source_and_format_are_in_the_help(house: House) -> None:
    """`assess --help` names every scheme and every format that is there."""
    said = house.strongroom("assess", "--help")
    assert "beacon:" in said
    assert "smoke" in said


def test_doctor_knows_what_is_there(house: House) -> None:
    """`doctor` counts the new control and names the new source and format."""
    said = house.strongroom("doctor")
    assert "62 controls" in said
    assert "beacon:" in said
    assert "smoke" in said
    assert re.search(r"proof +live +this host", said)


def test_a_new_command_is_listed_and_runs(house: House) -> None:
    """A command is one file too."""
    assert re.search(r"greet\s+Say hello to the house\.", house.strongroom("--help"))
    assert house.strongroom("greet") == "hello\n"


def test_a_new_key_back_end_is_found(house: House) -> None:
    """A key back end is one file, beside those that are there; one that is left unfinished is an error."""
    assert {"cellar", "file"} <= {*house.run("-c", BACKENDS).split()}
    unfinished = house.tree / PACKAGE / "keys/empty.py"
    unfinished.write_text('"""Nothing yet."""\n', encoding="utf-8")
    try:
        with pytest.raises(AssertionError, match=r"strongroom\.keys\.empty: found NoneType"):
            house.run("-c", BACKENDS)
    finally:
        unfinished.unlink()


def test_a_new_task_is_planned(house: House) -> None:
    """What fails becomes a task of the control's phase."""
    todo = json.loads(house.strongroom("plan", "estate.txt", "--format", "json"))
    (task,) = [t for t in todo["tasks"] if t["check"] == "inv.cluster.version-named"]
    assert (task["control"], task["phase"]) == ("INV-07", 30)


def test_the_reference_is_made_with_the_new_parts(house: House) -> None:
    """Controls, checks, sources, native types, formats and commands are in the docs without an edit."""
    house.run("docs/generate.py")
    reference = {p.stem: p.read_text(encoding="utf-8") for p in (house.tree / "docs/reference").glob("*.md")}
    assert "\n## INV-07\n" in reference["controls"]
    assert "\n## inv.cluster.version-named\n" in reference["checks"]
    assert "| `beacon:` | Beacons |" in reference["sources"]
    assert "| `beacon_cluster` | `k8s.cluster` | `version` ([default newest](https://" in reference["sources"]
    assert "| `smoke` |" in reference["formats"]
    assert "\n## strongroom greet\n" in reference["cli"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("assess/checks/empty.py", ("controls",)),
        ("assess/controls/gpu/empty.py", ("controls",)),
        ("assess/derive/empty.py", ("assess", "estate.txt")),
        ("assess/reach/empty.py", ("assess", "reach", "estate.txt", "new")),
        ("assess/reports/empty.py", ("assess", "estate.txt", "--format", "jsonl")),
        ("collect/sources/empty.py", ("assess", "estate.txt")),
        ("collect/tables/empty.py", ("assess", "tf:src")),
    ],
)
def test_a_part_without_its_constant_stops_the_program(house: House, path: str, words: tuple[str, ...]) -> None:
    """A file that was left unfinished is an error of the build with its name, and no part that is silently absent."""
    file = house.tree / PACKAGE / path
    file.write_text('"""Nothing yet."""\n', encoding="utf-8")
    if words[-1] == "tf:src":
        (house.tree / "src/main.tf").write_text("locals {}\n", encoding="utf-8")
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "strongroom", *words],
            cwd=house.tree,
            env={"PYTHONPATH": str(house.tree / "src"), "HOME": str(house.tree), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        file.unlink()
    assert ended.returncode == 4, ended.stdout + ended.stderr
    assert f"strongroom.{path.removesuffix('.py').replace('/', '.')}: found NoneType" in ended.stderr
    assert ended.stdout == ""
