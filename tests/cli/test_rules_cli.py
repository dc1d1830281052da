"""Rules of one's own, as a user meets them: check, test, facts, schema, and assess with them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from strongroom.cli.main import group
from strongroom.collect.rules import fenced
from strongroom.model.errors import BadUsage

try:
    fenced.need_library()
except BadUsage as e:
    pytest.skip(f"the rules extra is not installed: {e}", allow_module_level=True)

MAIN = """resource "aws_sagemaker_notebook_instance" "lab" {
  name                   = "lab"
  direct_internet_access = "Enabled"
}
"""
RULES = """schema: strongroom.rules/1
rules:
  - id: acme.net.lab
    title: The lab has no way round the network
    kind: ai.notebook
    when: asset.provider == "aws"
    require: facts["net.direct_internet"] == false
    severity: critical
    control: NET-02.no-direct-internet
    because: "{asset} has direct internet {net.direct_internet}"
    fix: {text: Turn it off., command: "terraform apply", verify: look again}
    tests:
      - name: open
        asset: {kind: ai.notebook, provider: aws, facts: {net.direct_internet: true}}
        expect: fail
"""


class House:
    """A home of its own with a tree to assess and a rules file."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.rules = str(home / "rules.yaml")
        Path(self.rules).write_text(RULES)
        (home / "tf").mkdir()
        (home / "tf/main.tf").write_text(MAIN)

    def __call__(self, *words: str) -> Result:
        env = {"HOME": str(self.home), "XDG_CONFIG_HOME": None, "XDG_STATE_HOME": str(self.home), "COLUMNS": "80"}
        return CliRunner().invoke(group, words, env=env)

    def ok(self, *words: str, code: int = 0) -> str:
        done = self(*words)
        assert done.exit_code == code, (done.exit_code, done.output)
        return done.stdout

    def assess(self, *words: str, at: str = "2026-11-22", code: int = 1) -> str:
        return self.ok("assess", f"tf:{self.home}/tf", "--at", at, *words, code=code)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A house of its own."""
    return House(tmp_path)


def test_a_rule_is_judged_reported_kept_and_compared(house: House) -> None:
    """A rule's finding is in the report, the state and the comparison, and is fixed when the resource is."""
    lines = [json.loads(x) for x in house.assess("--rules", house.rules, "--format", "jsonl").splitlines()]
    (finding,) = (x for x in lines if x["check"] == "acme.net.lab")
    assert finding["because"] == "aws_sagemaker_notebook_instance.lab has direct internet true"
    assert (finding["status"], finding["severity"], finding["control"]) == ("fail", "critical", "NET-02")
    (house.home / "tf/main.tf").write_text(MAIN.replace("Enabled", "Disabled"))
    house.assess("--rules", house.rules, at="2026-11-23")
    changes = json.loads(house.ok("diff", "--format", "json"))["changes"]
    assert ("fixed", "acme.net.lab") in {(c["kind"], c["before"]["check"]) for c in changes}


def test_the_table_and_the_plan_name_the_rule(house: House) -> None:
    """People see the rule's id and sentence, and its fix is a task."""
    table = house.assess("--rules", house.rules, "--no-snapshot")
    assert "acme.net.lab  NET-02" in table
    assert "has direct internet true" in " ".join(table.split())
    plan = json.loads(house.ok("plan", f"tf:{house.home}/tf", "--rules", house.rules, "--format", "json"))
    (task,) = (t for t in plan["tasks"] if t["check"] == "acme.net.lab")
    assert (task["fix"], task["verify"]) == ("Turn it off.", "look again")


def test_rules_of_the_configuration_count_and_those_in_the_tree_do_not(house: House) -> None:
    """Rules are read where they are named; a file in the assessed tree is not looked for."""
    (house.home / "tf/rules.yaml").write_text(RULES)
    assert "acme.net.lab" not in house.assess("--no-snapshot", "--format", "jsonl")
    config = house.home / "c.toml"
    config.write_text(f'[assess]\nrules = ["{house.rules}"]\n')
    assert "acme.net.lab" in house.assess("--no-snapshot", "--format", "jsonl", "--config", str(config))


def test_a_broken_rule_stops_the_run(house: House) -> None:
    """Bad rules are exit 2 with the line, and nothing is judged without them."""
    Path(house.rules).write_text(RULES.replace("== false", "== == false"))
    done = house("assess", f"tf:{house.home}/tf", "--rules", house.rules)
    assert done.exit_code == 2
    assert f"{house.rules}:7" in done.stderr
    assert done.stdout == ""


def test_without_the_extra_it_is_exit_2_with_a_hint(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the evaluator is not installed, every use of rules says what to install; a run without rules is untouched."""
    monkeypatch.setattr(fenced.importlib.util, "find_spec", lambda _name: None)
    for words in (("rules", "test", house.rules), ("rules", "check", house.rules)):
        done = house(*words)
        assert (done.exit_code, "pip install 'strongroom[rules]'" in done.stderr) == (2, True)
    done = house("assess", f"tf:{house.home}/tf", "--rules", house.rules)
    assert (done.exit_code, "pip install 'strongroom[rules]'" in done.stderr) == (2, True)
    house.assess("--no-snapshot")


def test_tests_pass_and_fail(house: House) -> None:
    """`rules test` prints each test; one that fails shows what the rule said and makes exit 1."""
    assert "1 passed, 0 failed" in house.ok("rules", "test", house.rules)
    Path(house.rules).write_text(RULES.replace("expect: fail", "expect: pass"))
    text = house.ok("rules", "test", house.rules, code=1)
    assert "FAILED" in text
    assert "expected pass, found fail: example has direct internet true" in " ".join(text.split())
    found = json.loads(house.ok("rules", "test", house.rules, "--format", "json", code=1))
    assert (found["passed"], found["failed"], found["tests"][0]["found"]) == (0, 1, "fail")


def test_check_names_everything_that_is_wrong(house: House) -> None:
    """`rules check` tells errors with a hint, remarks, and how many rules there are; exit 2 when one is wrong."""
    assert "1 rule, 1 test" in house.ok("rules", "check", house.rules)
    Path(house.rules).write_text(RULES.replace('facts["net.direct_internet"]', 'facts["net.direct_interne"]'))
    text = house.ok("rules", "check", house.rules, code=2)
    assert f"error: {house.rules}:7: found no fact 'net.direct_interne' at column 7" in text
    assert "hint: did you mean net.direct_internet" in text
    assert text.endswith("1 error\n")


def test_facts_are_listed_by_kind(house: House) -> None:
    """`rules facts` lists all facts or those of a kind; a kind that is misspelled brings the right one."""
    some = house.ok("rules", "facts", "ai.notebook")
    assert some.startswith("enc.key") or "\nenc.key " in some
    assert "nic.mac" not in some
    assert "nic.mac" in house.ok("rules", "facts")
    rows = json.loads(house.ok("rules", "facts", "ai.notebook", "--format", "json"))["facts"]
    assert {"name": "root", "type": "bool"}.items() <= next(r for r in rows if r["name"] == "root").items()
    wrong = house("rules", "facts", "ai.notebok")
    assert (wrong.exit_code, "did you mean ai.notebook" in wrong.stderr) == (2, True)


def test_the_schema_is_printed(house: House) -> None:
    """`rules schema` is a JSON Schema that names what a rule must have."""
    schema = json.loads(house.ok("rules", "schema"))
    assert set(schema["$defs"]["RuleEntry"]["required"]) == {"id", "title", "kind", "require", "severity", "because"}


def test_the_rules_of_the_guide_work(house: House) -> None:
    """The rules file that the guide shows is sound, and its tests pass."""
    page = (Path(__file__).parents[2] / "docs/how/write-a-rule.md").read_text(encoding="utf-8")
    Path(house.rules).write_text(page.partition("```yaml\n")[2].partition("```")[0])
    assert "0 failed" in house.ok("rules", "test", house.rules)
    assert "every rule can be used" in house.ok("rules", "check", house.rules)


def test_rules_of_the_configuration_are_known_everywhere(house: House) -> None:
    """`explain` and `exceptions add` know a rule that the configuration names; without it nobody does."""
    config = house.home / "c.toml"
    config.write_text(f'[assess]\nrules = ["{house.rules}"]\n')
    file = str(house.home / "exceptions.toml")
    words = ["exceptions", "add", "acme.net.lab", "--asset", "x.y", "--owner", "Ada", "--approver", "Grace"]
    words += ["--reason", "none", "--expires", "2027-01-31", "--at", "2026-11-22", "--exceptions", file, "--no-log"]
    assert "terraform apply" in house.ok("explain", "acme.net.lab", "--config", str(config))
    assert "NET-02" in house.ok("explain", "acme.net.lab", "--rules", house.rules)
    assert house.ok(*words, "--config", str(config))
    assert "acme.net.lab" in Path(file).read_text()
    assert house("explain", "acme.net.lab").exit_code == 2
    assert house(*words).exit_code == 2


def test_a_broken_rules_file_does_not_hide_a_built_in_page(house: House) -> None:
    """What the build itself knows is explained whatever the configuration's rules are like."""
    Path(house.rules).write_text("rules: [")
    assert house.ok("explain", "NET-02", "--rules", house.rules)
    assert house("explain", "acme.net.lab", "--rules", house.rules).exit_code == 2
