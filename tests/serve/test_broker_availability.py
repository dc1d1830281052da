"""The availability statement of docs/how/run-a-broker.md: each cell of its first table is asked of a broker, each row of its
second names the tests that hold it.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import broker_counter as k
import broker_rig as b
import composite_minting as c
import pytest
from broker_house import House
from test_broker_ready import no_back_end, no_database, no_log, no_policy

from strongroom.app.broker_health import metrics
from strongroom.serve.broker_admin_http import CALLS
from strongroom.serve.routes.broker import command

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs/how/run-a-broker.md").read_text("utf-8")
Harm = Callable[[k.Counter, pytest.MonkeyPatch], None]
HARMS: dict[str, Harm] = {
    "nothing": lambda _, __: None,
    "log": no_log,
    "database": no_database,
    "key back end": no_back_end,
    "release policy": no_policy,
}
HELD_BY = {
    "endorsement source": (
        "serve/test_broker_judging.py::test_what_is_at_hand_is_used_for_an_hour",
        "serve/test_broker_judging.py::test_what_is_missing_is_looked_for_again",
        "serve/test_broker_judging.py::test_an_endorsement_is_not_used_longer_than_it_lasts",
    ),
    "identity provider": (
        "serve/test_broker_admin.py::test_the_keys_of_the_provider_are_read_again",
        "serve/test_broker_served.py::test_people_come_with_a_certificate_that_tls_has_verified",
    ),
    "one broker of two": (
        "integration/test_broker_postgres.py::test_one_is_killed_and_the_other_works",
        "integration/test_broker_postgres.py::test_no_use_is_given_twice",
    ),
    "the only broker": ("serve/test_broker_served.py::test_sessions_outlive_the_process",),
    "PostgreSQL": ("integration/test_broker_postgres.py::test_a_database_that_dies_denies_and_comes_back",),
    "one who hangs": (
        "serve/test_broker_served.py::test_what_takes_too_long_is_denied_and_logged",
        "serve/test_broker_served.py::test_a_body_that_does_not_come",
    ),
}


def table(head: str) -> dict[str, list[str]]:
    """The rows of the page's table with that head, by their first cell."""
    lines = PAGE[PAGE.index(f"| {head} |") :].partition("\n\n")[0].splitlines()
    rows = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in (rows[0], *rows[2:])}


STATED = table("down | begin")


@pytest.fixture
def at(tmp_path: Path) -> Iterator[k.Counter]:
    """A broker, and somebody who operates it."""
    with k.counter(House(tmp_path, admins=k.PEOPLE)) as found:
        yield found


def test_every_row_is_held() -> None:
    """Whoever writes a row says what makes it true; what is named is a test that exists."""
    assert list(STATED)[1:] == list(HARMS)
    assert list(table("down | what it means"))[1:] == list(HELD_BY)
    for name in (n for names in HELD_BY.values() for n in names):
        path, _, test = name.partition("::")
        tree = ast.parse((TESTS / path).read_text("utf-8"))
        assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, name


@pytest.mark.parametrize("down", HARMS)
def test_what_still_works_is_as_stated(at: k.Counter, down: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each moment is answered with the status of its cell while that one thing is down."""
    bearing = {"Authorization": f"Bearer {at.attested()}"}
    at.public.cookies.clear()
    HARMS[down](at, monkeypatch)
    released = at.public.get(f"/kbs/v0/resource/{b.WEIGHTS}", headers=bearing).status_code
    got = [str(n) for n in (begin(at), answered(at), bad_evidence(at), released, revoke(at))]
    assert dict(zip(STATED["down"], got, strict=True)) == dict(zip(STATED["down"], STATED[down], strict=True))


def begin(at: k.Counter) -> int:
    """The opening message."""
    return at.public.post("/kbs/v0/auth", content=b.opening()).status_code


def bad_evidence(at: k.Counter) -> int:
    """One with a report over something else."""
    return answered(at, c.Node(count=0, signed=bytes(48)))


def answered(at: k.Counter, node: c.Node | None = None) -> int:
    """A handshake, sound but for the node."""
    nonce = b.nonce_of(at.public.post("/kbs/v0/auth", content=b.opening()).content)
    return at.public.post("/kbs/v0/attest", content=b.answer(nonce, node)).status_code


def revoke(at: k.Counter) -> int:
    """Something else than what was asked for."""
    said = {"what": "resource", "value": "other/weights/x", "reason": "a drill"}
    return at.as_person("oli").post(f"{k.V0}revocations", json=said).status_code


# What else the page says


def test_the_table_of_roles_is_that_of_the_calls() -> None:
    """The page gives nobody more or less than the code does."""
    rows = table("call | key-admin")
    roles = rows["call"]
    for call in CALLS:
        said = {role for role, cell in zip(roles, rows[f"{call.method.value} {k.V0}{call.path}"], strict=True) if cell}
        assert said == set(call.roles), call.path
    assert len(rows) - 1 == len(CALLS) + 2


def test_every_figure_is_on_the_page(at: k.Counter) -> None:
    """Whoever reads figures finds each of them there, and no other."""
    at.attested()
    text = metrics(at.found.broker, at.desk.counts, ready=True)
    assert set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)) == set(table("figure | says")) - {"figure"}


def test_the_configuration_of_the_page_can_be_read(tmp_path: Path) -> None:
    """Its keys are keys of ours."""
    for number, text in enumerate(re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)):
        path = tmp_path / f"{number}.toml"
        path.write_text(text)
        k.load(str(path))


def test_the_words_of_the_command_are_options() -> None:
    """Whatever the page passes to the server, the server takes."""
    known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
    blocks = re.findall(r"strongroom serve broker ((?:\\\n|[^\n`])*)", PAGE)
    used = {w for block in blocks for w in re.findall(r"--[a-z-]+", block)} | {"--redact-log", "--debug-twin"}
    assert used <= known
    assert "--admin-ca" in used
