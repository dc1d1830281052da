"""Lists of controls, checks and snapshots, and the page of one control or check."""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from strongroom.app.catalogue import SOURCE_CHECK, SOURCE_CLAUSE
from strongroom.assess.oscal_catalog import catalog
from strongroom.cli.lines import clean
from strongroom.model.control import Clause, Fix, Mappings
from strongroom.model.errors import NotFound
from strongroom.model.estate import SCHEMA
from strongroom.model.ports import Catalogue, Check, Control
from strongroom.model.snapshot import Snapshot

_WIDTH = 80
_SOURCE_PAGE = f"""{SOURCE_CHECK}
Every source was read whole
medium, proves {SOURCE_CLAUSE}

why
  What could not be looked at may hide anything. Each such place is an answer of
  its own, `unknown`, with its file and line; every control that it could hide
  stops passing until it is read.

applies to
  every source that was given

fix
  The reason says what is missing: a permission, a module that terraform init
  would fetch, a file that does not parse.

verify
  strongroom assess again: the source is read whole
"""


class _Snapshots(msgspec.Struct):
    schema: str
    snapshots: Sequence[Snapshot]


class _ControlRow(msgspec.Struct):
    id: str
    title: str
    verb: str
    area: str
    phase: int
    clauses: tuple[Clause, ...]
    checks: tuple[str, ...]
    maps: Mappings


class _Controls(msgspec.Struct):
    schema: str
    controls: Sequence[_ControlRow]


def snapshot_lines(kept: Sequence[Snapshot], form: str) -> Iterator[str]:
    """The stored runs."""
    if form == "json":
        yield msgspec.json.format(msgspec.json.encode(_Snapshots(SCHEMA, kept)), indent=2).decode() + "\n"
        return
    if not kept:
        yield "no snapshot yet: strongroom assess SOURCE keeps one\n"
    for s in kept:
        when = s.taken_at.strftime("%Y-%m-%d %H:%M")
        yield f"{s.id}  {when}  {s.failed:>5} fail {s.unknown:>5} unknown {s.passed:>6} pass\n"
        yield f"    {clean(', '.join(s.sources))}\n"
        yield f"    {'not logged' if s.entry is None else f'entry {s.entry} of the log {clean(s.log or str())}'}\n"


def control_lines(known: Catalogue, form: str, phase: int | None, verb: str | None, at: datetime) -> Iterator[str]:
    """The catalogue, one line a control; as an OSCAL catalog it says that it was made `at` that moment."""
    chosen = [
        c
        for c in known.controls.values()
        if (phase is None or c.phase == phase) and (verb is None or c.verb.value == verb.upper())
    ]
    if form == "oscal":
        yield from catalog(known, chosen, at)
        return
    if form == "json":
        rows = [_row(c, known) for c in chosen]
        yield msgspec.json.format(msgspec.json.encode(_Controls(SCHEMA, rows)), indent=2).decode() + "\n"
        return
    area = ""
    for c in chosen:
        if c.area != area:
            area = c.area
            yield f"\n{area}\n"
        measured = len({k.clause for k in known.checks.values() if k.control == c.id})
        mark = f"{measured}/{len(c.clauses)}"
        yield f"  {c.id:<7} {c.phase:>3}  {c.verb.value:<8} {mark:>4}  {textwrap.shorten(c.title, 48, placeholder='…')}\n"
    yield f"\n{len(chosen)} controls; n/m: clauses that checks of this build can measure. strongroom explain ID\n"


def _row(c: Control, known: Catalogue) -> _ControlRow:
    checks = tuple(k.id for k in known.checks.values() if k.control == c.id)
    return _ControlRow(c.id, c.title, c.verb.value, c.area, c.phase, c.clauses, checks, c.maps)


def explain(known: Catalogue, ident: str) -> Iterator[str]:
    """The page of a control (`NET-02`), a check (`net.notebook.direct-internet`) or a clause. Raises NotFound."""
    control = known.controls.get(ident.upper()) or known.controls.get(ident.upper().partition(".")[0])
    if ident in known.checks:
        yield from _check(known.checks[ident], known)
    elif ident == SOURCE_CHECK:
        yield _SOURCE_PAGE
    elif control is not None:
        yield from _control(control, known)
    else:
        near = [i for i in (*known.controls, *known.checks) if ident.lower() in i.lower()][:5]
        hint = f"did you mean {', '.join(near)}" if near else "strongroom controls"
        raise NotFound("id", repr(ident), "the id of a control or a check", hint)


def _para(text: str, indent: str = "  ") -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=indent, subsequent_indent=indent) + "\n"


def _control(c: Control, known: Catalogue) -> Iterator[str]:
    yield f"{c.id}  {c.title}\n"
    yield f"{c.verb.value}, by day {c.phase} ({c.phase_basis}), {c.priority}, {c.scope}\n"
    for head, text in (
        ("what", c.what),
        ("why", c.why),
        ("fix", c.fix),
        ("limits", c.limits),
        ("evidence", c.evidence),
    ):
        yield f"\n{head}\n{_para(text)}"
    yield "\nclauses\n"
    for clause in c.clauses:
        yield f"  {clause.id}  (by {', '.join(clause.measured_by)})\n{_para(clause.text, '    ')}"
        for k in known.checks.values():
            if k.clause == clause.id:
                yield f"    check {k.id}  {k.severity.value}\n"
    yield "\nmaps to\n"
    for name in Mappings.__struct_fields__:
        ids = getattr(c.maps, name)
        if ids:
            yield _para(f"{name.replace('_', ' ')}: {', '.join(ids)}")


def _check(k: Check, known: Catalogue) -> Iterator[str]:
    control = known.controls[k.control]
    yield f"{k.id}\n{k.title}\n"
    yield _para(f"{k.severity.value}, proves {k.clause} of {control.id} {control.title}", "")
    yield f"\nwhy\n{_para(k.why)}"
    yield f"\napplies to\n{_para(', '.join(x.value for x in k.kinds) + ' with ' + ', '.join(k.needs))}"
    yield from _fix(k.fix)
    if k.equivalents:
        yield f"\nequivalents\n{_para(', '.join(k.equivalents))}"


def _fix(fix: Fix) -> Iterator[str]:
    yield f"\nfix\n{_para(fix.text)}"
    for native, snippet in fix.snippets:
        yield f"\n  {native}:\n{textwrap.indent(snippet.rstrip(), '    ')}\n"
    if fix.command:
        yield f"\n  run: {fix.command}\n"
    if fix.verify:
        yield f"\nverify\n{_para(fix.verify)}"
