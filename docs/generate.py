"""The reference pages, made from the code, so that they cannot say anything else.

python docs/generate.py           write docs/reference/*.md and docs/proof.md
python docs/generate.py --check   write nothing; exit 1 and name the pages that would change
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from inspect import cleandoc, getdoc, getmembers, getsource, isclass
from pathlib import Path
from textwrap import dedent
from typing import Literal, get_args, get_origin, get_type_hints

import click
import msgspec

from strongroom.app.catalogue import catalogue, collectors, reports
from strongroom.app.config import Config
from strongroom.app.proof import PROOFS
from strongroom.app.proof_levels import Level
from strongroom.assess.judge import SOURCE_CHECK, SOURCE_CLAUSE
from strongroom.assess.prose import answer_to, show_value
from strongroom.cli.helping import AskingCommand, AssessCommand
from strongroom.cli.main import group
from strongroom.collect.cloudformation.assets import shapes
from strongroom.collect.native import Native, Row
from strongroom.collect.terraform.assets import tables
from strongroom.kit.rooms import room
from strongroom.model import codes, errors
from strongroom.model.codes import GapCode
from strongroom.model.control import Clause, Mappings
from strongroom.model.facts import FACTS
from strongroom.model.kinds import Kind
from strongroom.model.ports import Check, Control
from strongroom.serve.role import Role

sys.path.insert(0, str(Path(__file__).parent))
from coverage_page import coverage  # both lie beside this script, which is no package
from steps_page import steps

DOCS = Path(__file__).parent
MARK = "<!-- Made by docs/generate.py from the code: change the code, then run `make reference`. -->\n\n"
CATALOGUES = {
    "nist_800_53_r5": "NIST SP 800-53 r5",
    "csa_aicm_domain": "CSA AICM domain",
    "csa_ccm_4_1": "CSA CCM 4.1",
    "rand_sl": "RAND security levels",
    "mitre_atlas": "MITRE ATLAS",
    "mitre_attack": "MITRE ATT&CK",
    "owasp_aisvs": "OWASP AISVS",
}

Lines = Iterator[str]


def text(prose: str) -> str:
    """Prose as Markdown: what would be markup outside of code spans is written out."""
    pieces = re.split(r"(`[^`]*`)", prose)
    return "".join(p if p.startswith("`") else re.sub(r"([*<\[\]])", r"\\\1", p) for p in pieces)


def row(*cells: str) -> str:
    """One row of a table."""
    return "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |\n"


def head(*cells: str) -> str:
    """The head of a table."""
    return row(*cells) + "|" + "---|" * len(cells) + "\n"


def anchor(heading: str) -> str:
    """The anchor that Markdown makes of a heading that is an id."""
    return re.sub(r"[^\w\s-]", "", heading).strip().lower()


def code(words: Sequence[str]) -> str:
    """Words in code spans."""
    return ", ".join(f"`{w}`" for w in words)


# Controls and checks


def controls() -> Lines:
    """The catalogue of controls."""
    known = catalogue()
    yield "# Controls\n\n"
    yield f"{len(known.controls)} controls, each a file of `assess/controls/`. `strongroom explain ID` prints one.\n\n"
    yield head("control", "what must be true", "verb", "by day", "clauses with a check")
    for c in known.controls.values():
        proven = {k.clause for k in known.checks.values() if k.control == c.id}
        share = f"{len(proven)} of {len(c.clauses)}"
        yield row(f"[{c.id}](#{anchor(c.id)})", text(c.title), c.verb.value, str(c.phase), share)
    for c in known.controls.values():
        yield from control(c)


def control(c: Control) -> Lines:
    """One control."""
    yield f"\n## {c.id}\n\n**{text(c.title)}.** {c.verb.value}, by day {c.phase} ({c.phase_basis}), {c.priority}, "
    yield f"{c.scope}, {c.automation}.\n\n{text(c.what)}\n"
    for name, prose in (("Why", c.why), ("Fix", c.fix), ("Limits", c.limits), ("Evidence", c.evidence)):
        yield f"\n**{name}.** {text(prose)}\n"
    yield "\n" + head("clause", "must be true", "measured by", "checks")
    for clause in c.clauses:
        yield row(f"`{clause.id}`", text(clause.text), code(clause.measured_by), proving(clause))
    maps = [f"{title} {', '.join(ids)}" for name, title in CATALOGUES.items() if (ids := getattr(c.maps, name))]
    assert set(CATALOGUES) == set(Mappings.__struct_fields__)
    yield f"\nMaps to {'; '.join(maps)}.\n" if maps else ""


def proving(clause: Clause) -> str:
    """The checks of a clause, as links."""
    own = [SOURCE_CHECK] if clause.id == SOURCE_CLAUSE else []
    ids = own + [k.id for k in catalogue().checks.values() if k.clause == clause.id]
    return ", ".join(f"[{i}](checks.md#{anchor(i)})" for i in ids)


def checks() -> Lines:
    """Every check."""
    known = sorted(catalogue().checks.values(), key=lambda k: k.id)
    yield "# Checks\n\n"
    yield f"{len(known)} checks, each a function on facts in `assess/checks/`, and one that the judge asks itself: "
    yield f"`{SOURCE_CHECK}`. A check asks one question of one asset; its answer is pass, fail, unknown or "
    yield "not applicable. Ids never change.\n\n"
    yield head("check", "holds when it passes", "severity", "control")
    for k in known:
        where = f"[{k.control}](controls.md#{anchor(k.control)})"
        yield row(f"[{k.id}](#{anchor(k.id)})", text(k.title), k.severity.value, where)
    yield f"\n## {SOURCE_CHECK}\n\n**Every source was read whole.** medium, proves `{SOURCE_CLAUSE}`.\n\n"
    yield "Asked of every source that was given: a gap is an unknown with its reason, never silence.\n"
    for k in known:
        yield from check(k)


def check(k: Check) -> Lines:
    """One check."""
    yield f"\n## {k.id}\n\n**{text(k.title)}.** {k.severity.value}, proves `{k.clause}`.\n\n{text(k.why)}\n\n"
    yield f"Asked of {code([x.value for x in k.kinds])} with {code(k.needs)}.\n\n"
    yield f"**Fix** ({k.fix.effort.value})**.** {text(k.fix.text)}\n"
    for native, lines in k.fix.snippets:
        yield f"\n`{native}`:\n\n```hcl\n{lines.rstrip()}\n```\n"
    if k.fix.command:
        yield f"\n```sh\n{k.fix.command}\n```\n"
    if k.fix.verify:
        yield f"\n**Verify.** {text(k.fix.verify)}\n"
    if k.equivalents:
        yield f"\nThe same question elsewhere: {code(k.equivalents)}.\n"


# What is read


def sources() -> Lines:
    """The sources and the native types that they know."""
    yield "# Sources\n\nA source is `SCHEME:TARGET`, or a bare path that one of them recognises.\n\n"
    yield head("source", "what it is", "what it reads")
    for c in sorted(collectors().values(), key=lambda c: c.scheme):
        yield row(f"`{c.scheme}:`", text(c.title), text(c.reads))
    yield "\n## Native types of Terraform\n\nBoth Terraform sources read these through the tables of "
    yield "`collect/tables/`. A managed resource of another type is in the inventory without facts. Where an "
    yield "attribute is not given, the provider's documented default counts; it links to the page that states it.\n"
    for provider, natives in sorted(by_provider().items()):
        yield f"\n### {provider}\n\n" + head("type", "kind", "facts")
        for native in natives:
            yield row(f"`{native.type}`", f"`{native.kind.value}`", ", ".join(map(fact_of, native.rows)))
    yield "\n## Native types of CloudFormation\n\nThey are put into the form of Terraform's types and read through the same "
    yield "tables; snapshots of AWS Config are as well. A default is CloudFormation's own where the two differ.\n\n"
    yield head("type", "read as", "rows of its own")
    for name, shape in sorted(shapes().items()):
        read_as = shape.native if isinstance(shape.native, str) else shape.native({})
        yield row(f"`{name}`", f"`{read_as}`", ", ".join(map(fact_of, shape.rows)))


def by_provider() -> dict[str, list[Native]]:
    """The native types, sorted."""
    found: dict[str, list[Native]] = defaultdict(list)
    for native in sorted(tables().values(), key=lambda n: n.type):
        found[native.provider or "other"].append(native)
    return found


def fact_of(r: Row) -> str:
    """A fact and, where there is one, its default with the page that states it."""
    if r.default is None:
        return f"`{r.fact}`"
    return f"`{r.fact}` ([default {text(show_value(r.default.value))}]({r.default.source}))"


def facts() -> Lines:
    """The vocabulary of facts."""
    readers: dict[str, int] = defaultdict(int)
    for native in tables().values():
        for r in native.rows:
            readers[r.fact] += 1
    yield "# Facts\n\nWhat a check may ask of an asset. Any value may be *unknown* with its reason; an absence that is "
    yield "known is no unknown.\n\n"
    asked: dict[str, int] = defaultdict(int)
    for need in (n for k in catalogue().checks.values() for n in k.needs):
        asked[need] += 1
    yield head("fact", "type", "meaning", "Terraform types that show it", "checks that need it")
    for name, (word, meaning) in sorted(FACTS.items()):
        yield row(f"`{name}`", word, text(meaning), str(readers[name] or ""), str(asked[name] or ""))
    yield "\n## Kinds\n\nWhat an asset is, whoever sells it.\n\n" + head("kind", "constant")
    for kind in Kind:
        yield row(f"`{kind.value}`", kind.name)


def formats() -> Lines:
    """The report formats."""
    yield "# Formats\n\n`strongroom assess SOURCE --format NAME -o FILE`. `table` is for a terminal; every other is a "
    yield "file of `assess/reports/`.\n\n" + head("name", "what it is", "usual ending")
    yield row("`table`", "what a terminal shows", "")
    for r in sorted(reports().values(), key=lambda r: r.name):
        yield row(f"`{r.name}`", text(r.title), f"`{r.suffix}`")


# Words


def remarks(enum: type) -> dict[str, str]:
    """The remark beside each member of an enum, from its source."""
    found = re.findall(r"^    ([A-Z_]+) = \"[^\"]*\"  # (.+)$", getsource(enum), re.MULTILINE)
    return {name: said for name, said in found if not said.startswith("noqa")}


def code_pages() -> Lines:
    """The closed lists of words, and the exit codes."""
    yield "# Codes\n\nWords that other programs may compare with: they are never renamed or reused.\n"
    enums = [e for _, e in getmembers(codes, isclass) if issubclass(e, StrEnum) and e is not StrEnum]
    for enum in sorted(enums, key=lambda e: e.__name__):
        said = remarks(enum)
        yield f"\n## {enum.__name__}\n\n{text(getdoc(enum) or '')}\n\n"
        if not said:
            yield code([member.value for member in enum]) + ".\n"
            continue
        yield head("word", "meaning", *(["what would answer it"] if enum is GapCode else []))
        for member in enum:
            answer = [text(answer_to(member))] if isinstance(member, GapCode) else []
            yield row(f"`{member.value}`", text(said.get(member.name, "")), *answer)
    yield "\n## Exit codes\n\n" + head("code", "meaning")
    meanings = exits()
    meanings[0] = ["done, and nothing failed at or above `--fail-on`"]
    meanings[1] = ["something failed at or above `--fail-on`"]
    meanings[3] = ["nothing failed, but a given source could not answer"]
    meanings[4].append("a fault of this program that was not foreseen")
    for number, names in sorted(meanings.items()):
        yield row(str(number), "; ".join(names))
    yield "\nWhere several apply, 4 goes before 2, 2 before 1, and 1 before 3.\n"


def exits() -> dict[int, list[str]]:
    """What each exit code means that an error has, from the tree of errors."""
    found: dict[int, list[str]] = defaultdict(list)
    for name, error in getmembers(errors, lambda e: isclass(e) and issubclass(e, errors.StrongroomError)):
        if error.__base__ is errors.StrongroomError:
            said = (getdoc(error) or "").splitlines()[0].rstrip(".")
            found[error.exit_code].append(f"`{name}`: {said[:1].lower()}{said[1:]}")
    return found


# The command line and the configuration


def cli() -> Lines:
    """Every command, from what click knows of it."""
    yield "# Commands\n\n```text\nstrongroom [--version] [--help] COMMAND ...\n```\n\n" + head(
        "command", "what it does"
    )
    known = dict(commands())
    for name, found in known.items():
        yield row(f"[{name}](#{anchor('strongroom ' + name).replace(' ', '-')})", found.get_short_help_str(200))
    for name, found in known.items():
        yield from command(name, found)


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command, and every server role, by the words that call it."""
    yield from leaves(group, click.Context(group, info_name="strongroom"), "")
    for role in room("strongroom.serve.routes", "ROUTES", Role).values():
        yield f"serve {role.name}", role.command


def leaves(parent: click.Group, context: click.Context, before: str) -> Iterator[tuple[str, click.Command]]:
    """Every command below a group, and the groups within it, by the words that call them."""
    for name in parent.list_commands(context):
        found = parent.get_command(context, name)
        if found is not None:
            yield before + name, found
        if isinstance(found, click.Group):
            yield from leaves(found, context, f"{before}{name} ")
        if isinstance(found, AskingCommand):
            yield from leaves(found.questions, context, f"{before}{name} ")


def command(name: str, found: click.Command) -> Lines:
    """One command, or a group of them."""
    arguments = [p.make_metavar(click.Context(found)) for p in found.params if isinstance(p, click.Argument)]
    given = ["COMMAND ..."] if isinstance(found, click.Group) else ["[OPTIONS]", *arguments]
    usage = " ".join(["strongroom", name, *given])
    yield f"\n## strongroom {name}\n\n```text\n{usage}\n```\n\n{paragraphs(found.help or '')}\n"
    if isinstance(found, AssessCommand):
        also = ", and the formats in [Formats](formats.md)" if found.reports else ""
        yield f"\nThe sources are listed in [Sources](sources.md){also}.\n"
    options = [p for p in found.params if isinstance(p, click.Option) and not p.hidden]
    if options:
        yield "\n" + head("option", "meaning")
        for o in options:
            yield row(option(o), text(o.help or "") + default(o))


def paragraphs(said: str) -> str:
    """Help as Markdown; a paragraph that click keeps as it is becomes a block of text."""
    out = []
    for part in cleandoc(said).split("\n\n"):
        kept = part.removeprefix("\b\n")
        out.append(f"```text\n{dedent(kept).rstrip()}\n```" if kept != part else text(" ".join(part.split())))
    return "\n\n".join(out)


def option(o: click.Option) -> str:
    """The spellings of an option with its value."""
    value = "" if o.is_flag else f" {o.metavar or '|'.join(getattr(o.type, 'choices', ())) or o.type.name.upper()}"
    return ", ".join(f"`{spelled}{value}`" for spelled in o.opts)


def default(o: click.Option) -> str:
    """The default that the help shows."""
    return f" Default: `{o.default}`." if o.show_default and isinstance(o.default, str | int) else ""


def config() -> Lines:
    """The configuration file."""
    yield "# Configuration\n\n`strongroom.toml`, then the environment, then flags; the last one wins. The file is the "
    yield "one of `--config` or `$STRONGROOM_CONFIG`, else `$XDG_CONFIG_HOME/strongroom/strongroom.toml`, else "
    yield "`/etc/strongroom/strongroom.toml`. It is never read from the tree that is assessed.\n"
    for name, kind in get_type_hints(Config).items():
        yield from section(name.rstrip("_"), kind)  # `assert` is a word of Python


def section(name: str, kind: type[msgspec.Struct]) -> Lines:
    """A table of the file, and the tables in it."""
    yield f"\n## {name}\n\n{text(' '.join((getdoc(kind) or '').split()))}\n\n"
    yield head("key", "environment", "type", "default")
    hints, inner = get_type_hints(kind, include_extras=False), []
    for f in msgspec.structs.fields(kind):
        held = f.default if f.default_factory is msgspec.NODEFAULT else f.default_factory()
        kinds = (k for k in (hints[f.name], *get_args(hints[f.name])) if isinstance(k, type))
        inner += [(f"{name}.{f.name}", k) for k in kinds if issubclass(k, msgspec.Struct)]
        if isinstance(held, msgspec.Struct):
            continue
        value = "" if held is msgspec.NODEFAULT else f"`{json.dumps(held)}`"  # JSON and TOML write these the same
        variable = "" if "." in name else f"`STRONGROOM_{name}__{f.name}`".upper()
        yield row(f"`{f.name}`", variable, type_word(hints[f.name]), value)
    for at, found in inner:
        yield from section(at, found)


def type_word(kind: object) -> str:
    """A type in a word."""
    names = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return "one of " + ", ".join(f"`{word}`" for word in kind)
    if kind == dict[str, dict[str, str]]:
        return "table of tables of texts"
    inner = get_args(kind)
    if get_origin(kind) is dict:
        return "table of lists" if get_origin(inner[1]) is tuple else "table of texts"
    if inner and isinstance(inner[0], type) and issubclass(inner[0], msgspec.Struct):
        return "list of tables"
    if inner and isinstance(inner[0], type) and issubclass(inner[0], StrEnum):
        return "list of " + ", ".join(f"`{word}`" for word in inner[0])
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(f"`{word}`" for word in inner)
    return f"list of {names.get(inner[0], 'values')}s" if inner else names.get(kind, str(kind))  # type: ignore[call-overload]


def proof() -> Lines:
    """How each capability has been exercised."""
    yield "# How proven is it?\n\nEvery capability of this build, with the nearest to the real thing that it has been "
    yield "run on. Nothing is called more proven than it is.\n\n" + head("level", "means")
    for name, said in remarks(Level).items():
        yield row(f"**{Level[name].value}**", said)
    yield "\n" + head("capability", "level", "how it was exercised", "what was not", "tests")
    for p in PROOFS:
        yield row(p.capability, f"**{p.level.value}**", p.how, p.missing, code(p.tests))


PAGES: dict[str, Callable[[], Lines]] = {
    "reference/controls.md": controls,
    "reference/checks.md": checks,
    "reference/sources.md": sources,
    "reference/facts.md": facts,
    "reference/coverage.md": coverage,
    "reference/steps.md": steps,
    "reference/formats.md": formats,
    "reference/codes.md": code_pages,
    "reference/cli.md": cli,
    "reference/config.md": config,
    "proof.md": proof,
}


def pages() -> dict[str, str]:
    """The text of every page, by its path below docs/."""
    return {path: MARK + "".join(make()).rstrip() + "\n" for path, make in PAGES.items()}


def main(arguments: Sequence[str]) -> int:
    """Write, or compare when `--check` is given."""
    stale = 0
    for file, path, page in ((DOCS / path, path, page) for path, page in pages().items()):
        if file.exists() and file.read_text(encoding="utf-8") == page:
            continue
        stale += 1
        if "--check" in arguments:
            print(f"docs/{path} differs from the code: run make reference")
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(page, encoding="utf-8")
            print(f"docs/{path}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
