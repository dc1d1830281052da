"""One JSON document: everything that the assessment holds, for programs that want the whole."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from strongroom.assess.reports._lines import Json, asset_json, encode, fact_json, finding_lines, where_json
from strongroom.assess.reports._logged import log_json
from strongroom.assess.reports._people import assertions_json, exceptions_json
from strongroom.assess.reports._shared import PROGRAM, VERSION, in_pieces
from strongroom.model.control import Assessment, ClauseResult, ControlResult, Coverage, Mappings, Task
from strongroom.model.estate import SCHEMA, Asset, Gap, SourceRead
from strongroom.model.ports import Catalogue, Control, Report


def time_json(moment: datetime) -> str:
    """A moment in UTC with microseconds and `Z`."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _source(s: SourceRead) -> Json:
    return {
        "spec": s.spec,
        "scheme": s.scheme,
        "title": s.title,
        "files": s.files,
        "bytes": s.bytes,
        "kinds": [k.value for k in s.kinds],
        "digest": s.digest,
    }


def _coverage(c: Coverage) -> Json:
    return {
        "controls": c.controls,
        "measured": c.measured,
        "attested": c.attested,
        "would_add": [{"source": source, "controls": n} for source, n in c.would_add],
    }


def _clause(r: ClauseResult, control: Control | None) -> Json:
    known = {c.id: c for c in control.clauses} if control else {}
    clause = known.get(r.clause)
    return {
        "id": r.clause,
        "text": clause.text if clause else "",
        "measured_by": list(clause.measured_by) if clause else [],
        "status": r.status.value,
        "passed": r.passed,
        "failed": r.failed,
        "unknown": r.unknown,
        "accepted": r.accepted,
        "reasons": list(r.reasons),
    }


def _maps(m: Mappings) -> Json:
    named = {name: list(getattr(m, name)) for name in m.__struct_fields__}
    return {name: ids for name, ids in named.items() if ids}


def _control(r: ControlResult, catalogue: Catalogue) -> Json:
    control = catalogue.controls.get(r.control)
    out: dict[str, Json] = {"id": r.control, "status": r.status.value, "measured": r.measured}
    out["reasons"] = list(r.reasons)
    out["clauses"] = [_clause(c, control) for c in r.clauses]
    if control is not None:
        out |= {
            "title": control.title,
            "verb": control.verb.value,
            "domain": control.domain,
            "area": control.area,
            "phase": control.phase,
            "priority": control.priority,
            "scope": control.scope,
            "maps": _maps(control.maps),
        }
    return out


def _gap(g: Gap) -> Json:
    return {
        "scope": g.scope,
        "source": g.source,
        "code": g.code.value,
        "detail": g.detail,
        "where": where_json(g.where),
        "hides": [k.value for k in g.hides],
    }


def _asset(a: Asset) -> Json:
    return asset_json(a) | {
        "account": a.account,
        "region": a.region,
        "aliases": list(a.aliases),
        "labels": dict(a.labels),
        "refs": [{"rel": r.rel, "id": r.id} for r in a.refs],
        "where": where_json(a.where),
        "origin": a.origin,
        "facts": [fact_json(f) for f in a.facts.values()],
    }


def _task(t: Task) -> Json:
    return {
        "id": t.id,
        "control": t.control,
        "check": t.check,
        "title": t.title,
        "phase": t.phase,
        "verb": t.verb.value,
        "severity": t.severity.value,
        "effort": t.effort.value,
        "assets": list(t.assets),
        "closes": list(t.closes),
        "depends_on": list(t.depends_on),
        "fix": t.fix,
        "verify": t.verify,
    }


def _array(name: str, items: Iterable[str]) -> Iterator[str]:
    yield f',\n"{name}":['
    separator = "\n"
    for item in items:
        yield separator + item
        separator = ",\n"
    yield "\n]"


def _document(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    yield f'{{"schema":{encode(SCHEMA)},\n"program":{encode({"name": PROGRAM, "version": VERSION})}'
    yield f',\n"seen_at":{encode(time_json(assessment.seen_at))},\n"snapshot":{encode(assessment.snapshot)}'
    yield f',\n"log":{encode(log_json(assessment))},\n"redacted":{encode(assessment.redacted)}'
    yield from _array("sources", (encode(_source(s)) for s in assessment.sources))
    yield f',\n"coverage":{encode(_coverage(assessment.coverage))}'
    yield from _array("controls", (encode(_control(r, catalogue)) for r in assessment.controls))
    yield from _array("findings", (line.rstrip("\n") for line in finding_lines(assessment, catalogue)))
    yield from _array("exceptions", (encode(e) for e in exceptions_json(assessment)))
    yield from _array("assertions", (encode(a) for a in assertions_json(assessment)))
    yield from _array("gaps", (encode(_gap(g)) for g in assessment.gaps))
    yield from _array("assets", (encode(_asset(a)) for a in assessment.assets))
    yield from _array("tasks", (encode(_task(t)) for t in assessment.tasks))
    yield "\n}\n"


def render(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    """The document, one element of its arrays on a line, so that it can be read and compared by line too."""
    return in_pieces(_document(assessment, catalogue))


REPORT = Report("json", "JSON: one document with everything", ".json", render)
