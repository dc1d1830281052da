"""The controls as an OSCAL 1.2.1 catalog, so that profiles, plans and results of other tools can refer to them.

A clause is an assessment objective whose id is the one that the results name as their target.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from strongroom.assess.reports._clauses import standards
from strongroom.assess.reports._lines import Json, encode
from strongroom.assess.reports._oscal import NAMESPACE, markup, metadata, prop, props
from strongroom.assess.reports._shared import VERSION
from strongroom.assess.reports._streams import array, array_of_pieces, open_object
from strongroom.kit.uuids import uuid5
from strongroom.model.control import Clause
from strongroom.model.ports import Catalogue, Control


def _objective(clause: Clause) -> Json:
    return {
        "id": clause.id,
        "name": "assessment-objective",
        "props": [{"name": "label", "value": clause.id}, *(prop("measured-by", m) for m in clause.measured_by)],
        "prose": markup(clause.text),
    }


def _part(control: Control, name: str, text: str) -> list[Json]:
    return [{"id": f"{control.id}_{name}", "name": name, "prose": markup(text)}] if text else []


def _guidance(control: Control) -> list[Json]:
    """Why, how and how far, as parts of the guidance; their names are ours."""
    told = (("why", control.why), ("fix", control.fix), ("limits", control.limits), ("evidence", control.evidence))
    parts: list[Json] = [
        {"id": f"{control.id}_{name}", "name": name, "ns": NAMESPACE, "prose": markup(text)}
        for name, text in told
        if text
    ]
    return [{"id": f"{control.id}_gdn", "name": "guidance", "parts": parts}] if parts else []


def _control(control: Control, catalogue: Catalogue) -> str:
    checks = sum(c.control == control.id for c in catalogue.checks.values())
    known = props(
        verb=control.verb.value,
        phase=str(control.phase),
        phase_basis=control.phase_basis,
        priority=control.priority,
        scope=control.scope,
        checks=str(checks),
    )
    label: Json = {"name": "label", "value": control.id}
    maps = [prop("maps-to", name) for name in standards(control.maps)]
    out: Json = {
        "id": control.id,
        "title": markup(control.title),
        "props": [label, *known, *maps],
        "parts": [
            *_part(control, "statement", control.what),
            *(_objective(clause) for clause in control.clauses),
            *_guidance(control),
        ],
    }
    return encode(out)


def _group(area: str, controls: Sequence[Control], catalogue: Catalogue) -> Iterator[str]:
    yield open_object({"id": area, "title": markup(controls[0].domain)})
    yield from array("controls", (_control(c, catalogue) for c in controls))
    yield "}"


def catalog(catalogue: Catalogue, chosen: Sequence[Control], at: datetime) -> Iterator[str]:
    """The chosen controls, by area; `at` is the moment that the document counts as made."""
    made = at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    areas: dict[str, list[Control]] = {}
    for control in chosen:
        areas.setdefault(control.area, []).append(control)
    ident = uuid5("oscal", "catalog", VERSION, *(c.id for c in chosen))
    head = {"uuid": ident, "metadata": metadata("Strongroom: controls for the infrastructure under AI", VERSION, made)}
    yield '{"catalog":' + open_object(head)
    yield from array_of_pieces("groups", (_group(area, found, catalogue) for area, found in areas.items()))
    yield "}}\n"
