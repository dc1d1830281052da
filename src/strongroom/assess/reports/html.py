"""One HTML file for people: no script, no request, fit for a policy of `default-src 'none'`.

The templates are data of this package and are read when it is imported; making a page opens nothing.
"""

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from strongroom.assess import prose
from strongroom.assess.reports import _words
from strongroom.assess.reports._burn_down import burn_down
from strongroom.assess.reports._clauses import standards
from strongroom.assess.reports._evidence import SAID, ClauseProof, Evidence
from strongroom.assess.reports._groups import CAP, control_groups, doubts, severities
from strongroom.assess.reports._logged import RECOMPUTE, verify_command
from strongroom.assess.reports._overview import (
    Bar,
    Line,
    by_area,
    by_phase,
    by_verb,
    coverage_sentence,
    first_things,
    inventory,
    phases,
    posture,
    verdict,
    would_add,
)
from strongroom.assess.reports._people import accepts, fallen, idle, standing
from strongroom.assess.reports._shared import (
    PROGRAM,
    VERSION,
    count,
    in_pieces,
    lines_of,
    one_line,
    place,
    short,
    tally,
)
from strongroom.assess.reports._words import SHOWN, kind_name
from strongroom.model.codes import Status, Verb
from strongroom.model.control import Assessment, ControlResult
from strongroom.model.estate import SCHEMA
from strongroom.model.ports import Catalogue, Control, Report

TABLE_ROWS = 100
FIRST = 6
"""Things to do that the lead's page has room for."""
MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905 - a line of words reads better than twelve strings
)
WORST = (
    (Status.FAIL, "failing"),
    (Status.UNKNOWN, "in doubt"),
    (Status.PASS, "passing"),
    (Status.NOT_ASSESSED, "not judged"),
)
_SPANS = re.compile(r"`([^`]+)`")
_BREAK_AFTER = re.compile(r"([./_:-])(?=[^./_:;-]{3})")
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_.-]")

_FOLDER = files("strongroom.assess.reports") / "_templates"
_PARTS = (
    "report",
    "macros",
    "symbols",
    "lead",
    "findings",
    "check",
    "unknown",
    "people",
    "estate",
    "plan",
    "catalogue",
    "coverage",
    "log",
)
_SOURCES = {f"{name}.html.j2": (_FOLDER / f"{name}.html.j2").read_text("utf-8") for name in _PARTS}
_STYLE = (_FOLDER / "style.css").read_text("utf-8")


def _shown(value: object) -> object:
    # Every expression of every template goes through here before it is escaped, so none can forget it.
    return one_line(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _ticks(text: str) -> Markup:
    pieces = _SPANS.split(one_line(text))
    marked = (Markup("<code>{}</code>").format(p) if n % 2 else escape(p) for n, p in enumerate(pieces))
    return Markup("").join(marked)


def _breakable(text: str) -> Markup:
    """A long name that a narrow column may break after its signs, not within its words."""
    return Markup(_BREAK_AFTER.sub(r"\1<wbr>", str(escape(one_line(text)))))  # noqa: S704 - escaped before


def _lines(text: str) -> Markup:
    return escape(lines_of(text))


def _file(text: str, media_type: str) -> str:
    """Text as a file that a link carries within itself (RFC 2397): exact bytes, and no request."""
    return f"data:{media_type};base64,{b64encode(text.encode()).decode()}"


def _segments(bar: Bar) -> list[tuple[Status, str, str]]:
    """The parts of a bar in per cent of its width."""
    out = []
    start = 0.0
    for status, n in bar.parts:
        width = 100 * n / bar.total
        out.append((status, f"{start:.2f}", f"{width:.2f}"))
        start += width
    return out


def _anchor(ident: str, prefix: str) -> str:
    return f"{prefix}-{_NOT_IN_IDS.sub('_', ident)}"


@cache
def _template() -> Template:
    env = Environment(
        loader=DictLoader(_SOURCES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.filters |= {
        "anchor": _anchor,
        "answer": prose.answer_to,
        "breakable": _breakable,
        "clip": short,
        "count": count,
        "file": _file,
        "kind": kind_name,
        "lines": _lines,
        "noun": lambda n, one: one if n == 1 else f"{one}s",
        "number": lambda n: f"{n:,}",
        "place": place,
        "segments": _segments,
        "ticks": _ticks,
        "web": lambda address: address.startswith("https://"),
    }
    return env.get_template("report.html.j2")


def _day(moment: datetime) -> str:
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"


_Listed = tuple[Control, ControlResult, tuple[ClauseProof, ...], list[str]]


def _catalogue(assessment: Assessment, catalogue: Catalogue) -> list[tuple[Verb, list[_Listed]]]:
    evidence = Evidence(assessment, catalogue)
    of: dict[Verb, list[_Listed]] = {verb: [] for verb in Verb}
    for result in assessment.controls:
        control = catalogue.controls.get(result.control)
        if control is not None:
            clauses = evidence.of(control, result.clauses)
            of[control.verb].append((control, result, clauses, standards(control.maps)))
    return [(verb, listed) for verb, listed in of.items() if listed]


def _states(lines: Sequence[Line]) -> list[Status]:
    # The four states that matter always have their column: an empty one says something too.
    always = {Status.FAIL, Status.UNKNOWN, Status.PASS, Status.NOT_ASSESSED}
    return [s for s in SHOWN if s in always or any(line.clauses.counts[s] for line in lines)]


def _context(assessment: Assessment, catalogue: Catalogue) -> dict[str, object]:
    groups = control_groups(assessment, catalogue)
    verbs, all_phases, whole = by_verb(assessment, catalogue), by_phase(assessment, catalogue), posture(assessment)
    estate = inventory(assessment)
    numbers = _numbers(assessment, sum(f.total for f in estate))
    return {
        **_constants(assessment),
        **numbers,
        "assessment": assessment,
        "burn_down": burn_down(assessment, catalogue),
        "by_area": by_area(assessment, catalogue),
        "by_phase": all_phases,
        "by_verb": verbs,
        "catalogue": _catalogue(assessment, catalogue),
        "controls": {r.control for r in assessment.controls if r.control in catalogue.controls},
        "coverage": coverage_sentence(assessment),
        "doubts": doubts(assessment, catalogue),
        "failing": {c.id for g in groups for c in g.checks},
        "gaps_of": Counter(g.source for g in assessment.gaps),
        "groups": groups,
        "inventory": estate,
        "phases": phases(assessment),
        "accepts": accepts(assessment),
        "idle": idle(assessment),
        "vouched": [*standing(assessment), *fallen(assessment)],
        "parts": _parts(numbers, assessment),
        "posture": whole,
        "severities": severities(assessment.findings),
        "states": _states([*verbs, *all_phases]),
        "titles": {t.id: t.title for t in assessment.tasks},
        "todos": first_things(assessment, groups)[:FIRST],
        "unmeasured": assessment.coverage.controls - assessment.coverage.measured - assessment.coverage.attested,
        "verdict": verdict(whole),
        "would_add": would_add(assessment),
    }


def _constants(assessment: Assessment) -> dict[str, object]:
    return {
        "cap": CAP,
        "program": PROGRAM,
        "recompute": RECOMPUTE,
        "rows": TABLE_ROWS,
        "said": SAID,
        "schema": SCHEMA,
        "seen_at": assessment.seen_at.isoformat(),
        "seen_day": _day(assessment.seen_at),
        "seen_time": f"{assessment.seen_at:%H:%M} UTC",
        "style": Markup(_STYLE),  # noqa: S704 - the package's own file
        "verify": verify_command(assessment.logged) if assessment.logged else "",
        "version": VERSION,
        "words": _words,
        "worst": WORST,
    }


def _numbers(assessment: Assessment, assets: int) -> dict[str, int]:
    states = tally(f.status for f in assessment.findings)
    return {
        "asset_count": assets,
        "failures": states[Status.FAIL],
        "files": sum(s.files for s in assessment.sources),
        "unknowns": states[Status.UNKNOWN],
    }


_Part = tuple[str, str, list[tuple[str, str, str]]]


def _parts(numbers: Mapping[str, int], assessment: Assessment) -> list[_Part]:
    """The page by its readers: anchor and title of each part, and anchor, title and number of what is in it."""
    people = len(assessment.accepted) + len(assessment.attested)
    lead = [
        ("summary", "Where it stands", ""),
        ("first", "First things to do", ""),
        ("unseen", "What was not seen", ""),
    ]
    engineer = [
        ("findings", "Failures", f"{numbers['failures']:,}"),
        ("unknown", "Could not be told", f"{numbers['unknowns']:,}"),
        ("plan", "The plan", f"{len(assessment.tasks):,}" if assessment.tasks else ""),
        ("inventory", "What is there", f"{numbers['asset_count']:,}"),
    ]
    auditor = [
        ("coverage", "What was read", ""),
        ("catalogue", "Every control", f"{len(assessment.controls):,}"),
        ("people", "What people say", f"{people:,}"),
        ("log", "The proof", "" if assessment.logged else "none"),
    ]
    return [("lead", "Lead", lead), ("engineer", "Engineer", engineer), ("auditor", "Auditor", auditor)]


def render(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    """The page, piece by piece."""
    return in_pieces(_template().generate(_context(assessment, catalogue)))


REPORT = Report("html", "HTML: one page for people, without script", ".html", render)
