"""What the commands on evidence print: for people in 80 columns, for programs as JSON."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

import strongroom
from strongroom.app.appraisal_record import Replayed
from strongroom.app.evidence import AnyVerifier
from strongroom.attest import ear
from strongroom.cli.lines import clean
from strongroom.model.attest import Appraisal, Evidence, EvidenceKind, Json, StepResult, StepVerdict

SCHEMA = "strongroom.appraisal/1"
_WIDTH = 80
_WIDEST = 28  # columns for the name of a step; a longer one has a line of its own
_SIGN = {StepVerdict.PASS: "ok", StepVerdict.FAIL: "FAIL", StepVerdict.NOT_CHECKED: "-"}


class _StepJson(msgspec.Struct):
    id: str
    verdict: str
    found: str
    wanted: str
    reason: str
    mandatory: bool
    waived: bool
    spec: str
    advice: str


class _AppraisalJson(msgspec.Struct):
    schema: str
    kind: str
    subject: str
    tier: str
    complete: bool
    appraised_at: str
    expires_at: str
    vector: dict[str, int]
    steps: list[_StepJson]
    claims: Mapping[str, object]
    bound_key: str
    inputs: dict[str, str]
    name: str
    parts: list[dict[str, Json]]


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"


def document(a: Appraisal) -> dict[str, Json]:
    """The appraisal as JSON has it."""
    steps = [
        _StepJson(s.id, s.verdict.value, s.found, s.wanted, s.reason, s.mandatory, s.waived, s.spec, s.advice)
        for s in a.steps
    ]
    made = _AppraisalJson(
        schema=SCHEMA,
        kind=a.kind.value,
        subject=a.subject,
        tier=a.tier.value,
        complete=a.complete,
        appraised_at=_stamp(a.appraised_at),
        expires_at=_stamp(a.expires_at),
        vector=a.vector,
        steps=steps,
        claims=a.claims,
        bound_key=a.bound_key,
        inputs=a.inputs,
        name=a.name,
        parts=[document(p) for p in a.parts],
    )
    found: dict[str, Json] = msgspec.to_builtins(made)
    return found


def lines(a: Appraisal, form: str, *, inspect: bool) -> Iterator[str]:
    """An appraisal in one of its forms."""
    if form == "json":
        yield msgspec.json.format(msgspec.json.encode(document(a)), indent=2).decode() + "\n"
    elif form == "ear":
        yield ear.encode(a, strongroom.__version__).decode() + "\n"
    else:
        yield from _table(a, inspect=inspect)


def _table(a: Appraisal, *, inspect: bool) -> Iterator[str]:
    yield f"{a.kind.value}  {clean(a.subject) or 'of an unknown subject'}\n"
    yield f"at    {a.appraised_at:%Y-%m-%d %H:%M:%S} UTC\n\n"
    quiet = 0
    width = min(_WIDEST, max(len(s.id) for s in a.steps) + 2)
    for s in a.steps:
        if s.verdict is StepVerdict.NOT_CHECKED and not s.mandatory and not s.waived:
            quiet += 1
            continue
        yield from _step(s, width)
    if quiet:
        yield f"\n{quiet} steps more are checked when the policy asks: strongroom attest steps {a.kind.value}\n"
    yield "\n"
    yield from _members(a)
    yield from _verdict(a, inspect=inspect)


def _members(a: Appraisal) -> Iterator[str]:
    """A line for each member of a node; its steps are in the JSON form."""
    for p in a.parts if a.kind is EvidenceKind.COMPOSITE else ():
        bad = p.first_failure
        missing = [s.id for s in p.steps if s.verdict is StepVerdict.NOT_CHECKED and s.mandatory]
        why = f"{bad.id} failed" if bad else f"not checked: {', '.join(missing)}" if missing else "complete"
        yield from _wrapped(f"{p.name} ({p.kind.value}): {p.tier.value}, {why}", 10, "member    ")


def _wrapped(text: str, indent: int, first: str) -> Iterator[str]:
    room = max(20, _WIDTH - indent)
    pieces = textwrap.wrap(clean(text), room, break_on_hyphens=False) or [""]
    for n, piece in enumerate(pieces):
        yield (first if n == 0 else " " * indent) + piece + "\n"


def _step(s: StepResult, width: int) -> Iterator[str]:
    head = f"{_SIGN[s.verdict]:<5} {s.id:<{width}}"
    if len(s.id) >= width:
        yield f"{head}\n"
        head = " " * (6 + width)
    failed = s.verdict is StepVerdict.FAIL
    text = s.found if s.verdict is not StepVerdict.NOT_CHECKED else s.reason
    if not failed:
        most = 2 * (_WIDTH - len(head)) - 20  # two lines, whatever breaks
        text = text if len(text) <= most else f"{text[: most - 1]}…"
    yield from _wrapped(text, len(head), head)
    if failed:
        yield from _wrapped(s.wanted, width + 14, f"{'':6}{'':{width}}wanted  ")
        if s.advice:
            yield from _wrapped(s.advice, width + 14, f"{'':6}{'':{width}}hint    ")


def _verdict(a: Appraisal, *, inspect: bool) -> Iterator[str]:
    first = a.first_failure
    missing = [s for s in a.steps if s.verdict is StepVerdict.NOT_CHECKED and s.mandatory]
    count = sum(s.verdict is StepVerdict.FAIL for s in a.steps)
    if first is not None:
        more = f", and {count - 1} more" if count > 1 else ""
        yield f"verdict   {a.tier.value}: {first.id} failed{more}\n"
    elif missing and inspect:
        yield f"verdict   nothing failed; {len(missing)} steps were not checked, and nothing may rest on this\n"
    elif missing:
        yield "verdict   none: nothing failed, and not everything that must be checked was\n"
    else:
        yield f"verdict   {a.tier.value} and complete, until {a.expires_at:%Y-%m-%d %H:%M} UTC\n"
    if missing:
        yield from _wrapped(", ".join(s.id for s in missing), 10, "missing   ")
        for advice in dict.fromkeys(s.advice for s in missing if s.advice):
            yield from _wrapped(advice, 10, "hint      ")
    waived = [s for s in a.steps if s.waived]
    for s in waived:
        yield from _wrapped(f"{s.id}: {s.reason}", 10, "unchecked ")


def field_lines(verifier: AnyVerifier, evidence: Evidence, form: str) -> Iterator[str]:
    """What is inside evidence."""
    fields = list(verifier.fields(evidence))
    if form == "json":
        made: dict[str, Json] = {
            "schema": "strongroom.evidence/1",
            "kind": verifier.kind.value,
            "parts": [
                {"name": p.name, "media_type": p.media_type, "size": len(p.data), "digest": p.digest}
                for p in evidence.parts
            ],
            "fields": [
                {"name": f.name, "offset": f.offset, "size": f.size, "value": f.value, "meaning": f.meaning}
                for f in fields
            ],
        }
        yield msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"
        return
    yield f"{verifier.kind.value}  {verifier.title}; nothing below is verified\n"
    for p in evidence.parts:
        yield f"  {p.name}, {len(p.data)} octets\n  {p.digest}\n"
    if not fields:
        yield "\nits layout cannot be read: strongroom attest verify names the step that fails\n"
    yield "\n"
    for f in fields:
        place = f"0x{f.offset:03x}" if f.offset >= 0 else ""
        head = f"{place:<6}{clean(f.name)[:23]:<23} "
        yield from _wrapped_value(f.value, head)
        if f.meaning:
            yield from _wrapped(f.meaning, 30, f"{'':30}")


def _wrapped_value(value: str, head: str) -> Iterator[str]:
    pieces = textwrap.wrap(clean(value), _WIDTH - 30, break_on_hyphens=False) or [""]
    for n, piece in enumerate(pieces):
        yield f"{head if n == 0 else '':<30}{piece}\n"


def step_lines(verifiers: Sequence[AnyVerifier], form: str) -> Iterator[str]:
    """The steps of verifiers."""
    if form == "json":
        made = [
            {
                "kind": v.kind.value,
                "id": s.id,
                "title": s.title,
                "spec": s.spec,
                "needs": list(s.needs),
                "aspect": s.aspect.value,
                "mandatory": s.mandatory,
                "may_be_unchecked": s.waivable,
            }
            for v in verifiers
            for s in v.steps
        ]
        yield msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"
        return
    for v in verifiers:
        yield f"{v.kind.value}  {v.title}\n"
        for s in v.steps:
            mark = "" if s.mandatory else " (when the policy asks)"
            may = " (a policy may leave it unchecked)" if s.waivable else ""
            yield from _wrapped(f"{s.title}{mark}{may}; {s.spec}", 30, f"  {s.id:<28}")
        yield "\n"


def replay_lines(again: Replayed, form: str) -> Iterator[str]:
    """Whether a recorded verdict is reproduced."""
    before = again.record.appraisal
    if form == "json":
        made: dict[str, Json] = {
            "schema": "strongroom.replay/1",
            "same": again.same,
            "same_code": again.same_code,
            "differences": list(again.differences),
            "recorded": document(before),
            "again": document(again.again),
        }
        yield msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"
        return
    yield f"{before.kind.value}  {clean(before.subject)}\n"
    yield f"judged    {before.appraised_at:%Y-%m-%d %H:%M:%S} UTC: {before.tier.value}"
    yield f"{', complete' if before.complete else ', not complete'}\n"
    yield f"again     {'the same, byte for byte' if again.same else 'not the same'}\n"
    if not again.same_code:
        yield "code      another version of this program judged then\n"
    for difference in again.differences:
        yield from _wrapped(difference, 10, "differs   ")


def step_page(verifier: AnyVerifier, ident: str) -> Iterator[str]:
    """What one step demands, and what hangs on it."""
    step = next(s for s in verifier.steps if s.id == ident)
    after = [s.id for s in verifier.steps if ident in s.needs]
    yield f"{step.id}  {step.title}\n"
    yield from _wrapped(f"{verifier.title} ({verifier.kind.value}), {step.spec}", 10, "in        ")
    yield f"counts    {'always' if step.mandatory else 'when the policy asks for it'}\n"
    may = "yes, with a reason in [unchecked]" if step.waivable else "no, by no policy"
    yield from _wrapped(may, 10, "waivable  ")
    yield from _wrapped(", ".join(step.needs) or "nothing", 10, "after     ")
    yield from _wrapped(", ".join(after) or "no other step", 10, "before    ")
    tier = "warning" if step.worst < 96 else "contraindicated"
    yield f"failing   {step.aspect.value} {step.worst} (AR4SI): {tier}\n"
