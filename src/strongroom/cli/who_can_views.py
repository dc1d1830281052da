"""Who can do what, as people and programs read it."""

from collections.abc import Iterator

import msgspec

from strongroom.app.asking_who import strongest
from strongroom.cli.lines import clean
from strongroom.model.who_can import Held, May, Step, WhoCan

_MOST_DENIED = 3


def lines(answer: WhoCan, form: str) -> Iterator[str]:
    """The answer in one of its forms, in pieces."""
    if form == "json":
        yield msgspec.json.format(msgspec.json.encode(record(answer)), indent=2).decode() + "\n"
    elif form == "table":
        yield from _table(answer)
    else:
        yield from _text(answer)


def record(answer: WhoCan) -> dict[str, object]:
    """The answer as JSON has it. `path` is that of the principal with the strongest verdict and the shortest way."""
    best = strongest(answer)
    return {
        "schema": answer.schema,
        "deed": answer.deed.value,
        "asset": answer.asset,
        "principals": {h.principal: h.verdict.value for h in answer.held},
        "path": [] if best is None else [msgspec.to_builtins(s) for s in best.path],
        "paths": {h.principal: [msgspec.to_builtins(s) for s in h.path] for h in answer.held if h.path},
        "depends_on": {h.principal: list(h.depends_on) for h in answer.held if h.depends_on},
        "denied_by": {h.principal: list(h.denied_by) for h in answer.held if h.denied_by},
        "gaps": [f"{g.scope}: {g.detail}" for g in answer.gaps],
    }


def _text(answer: WhoCan) -> Iterator[str]:
    yield f"who can {answer.deed.value} {clean(answer.asset)}\n"
    for h in answer.held:
        yield f"\n{h.verdict.value:<11}  {clean(h.principal)}\n"
        yield from _way(h)
    if not answer.held:
        yield "\nthe sources show no principal\n"


def _way(h: Held) -> Iterator[str]:
    for n, step in enumerate(h.path, start=1):
        yield f"  {n}. {_sentence(step)}\n"
        if step.by:
            yield f"     by {clean(', '.join(step.by))}\n"
    yield from (f"  depends on {clean(d)}\n" for d in h.depends_on)
    if h.verdict is May.DENY:
        yield from (f"  because {clean(d)}\n" for d in h.denied_by[:_MOST_DENIED])


def _sentence(step: Step) -> str:
    gains = f", which gives {step.leads_to}" if step.leads_to and step.leads_to != step.on else ""
    on = f" on {step.on}" if step.on else ""
    return clean(f"{step.who}: {step.action}{on}{gains}")


def _table(answer: WhoCan) -> Iterator[str]:
    yield f"{'verdict':<11}  {'steps':>5}  principal\n"
    for h in answer.held:
        yield f"{h.verdict.value:<11}  {len(h.path) or '-':>5}  {clean(h.principal)}\n"
