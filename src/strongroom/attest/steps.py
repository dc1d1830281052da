"""Steps: the numbered checks of a verifier as data, and the one loop that runs them.

A step says yes, no, or that it was not checked and why. What must not be skipped is not left to the author of a
verifier: the loop runs every step, never takes an exception for a pass, and a step whose needs did not pass is not
checked, by name of the step that it comes after.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

import msgspec

from strongroom.model.attest import Aspect, StepResult, StepVerdict
from strongroom.model.errors import BadInput

C = TypeVar("C")
MOST = 300  # characters of `found` and `wanted`: evidence chooses some of these, and reports quote them


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What a step's function answers. `asked` makes an optional step count, because the policy asks for it."""

    verdict: StepVerdict
    found: str = ""
    wanted: str = ""
    advice: str = ""
    asked: bool = False


def passed(found: str = "", wanted: str = "") -> Outcome:
    """It was checked and it holds."""
    return Outcome(StepVerdict.PASS, found, wanted)


def failed(found: str, wanted: str, advice: str = "") -> Outcome:
    """It was checked and does not hold; `advice` is what the operator does about it."""
    return Outcome(StepVerdict.FAIL, found, wanted, advice)


def unchecked(reason: str, wanted: str = "", advice: str = "", *, asked: bool = False) -> Outcome:
    """It could not be checked, for the reason."""
    return Outcome(StepVerdict.NOT_CHECKED, reason, wanted, advice, asked)


NOT_ASKED = unchecked("the policy does not ask")


def compare(found: str, wanted: str, advice: str = "") -> Outcome:
    """Whether two values are the same, told either way."""
    return passed(found, wanted) if found == wanted else failed(found, wanted, advice)


@dataclass(frozen=True, slots=True)
class Step(Generic[C]):
    """One numbered check.

    `id` is frozen for ever. `title` is what holds when it passes. `spec` is the document and section that demands it.
    `needs` are earlier steps without whose passing this one says nothing. `aspect` and `worst` are the claim of
    AR4SI's vector that a failure lowers, and to what. A step that is not `mandatory` counts when the policy asks for
    it. Only a `waivable` step may be named unchecked by a policy: never one without which the evidence is anybody's.
    """

    id: str
    title: str
    spec: str
    judge: Callable[[C], Outcome]
    aspect: Aspect
    worst: int
    needs: tuple[str, ...] = ()
    mandatory: bool = True
    waivable: bool = False


def run(steps: Sequence[Step[C]], case: C, waived: Mapping[str, str]) -> tuple[StepResult, ...]:
    """Every step's result, in order. A step that the policy waives counts as passed for those that need it."""
    good: set[str] = set()
    results = []
    for step in steps:
        if waived and step.waivable and step.id in waived:
            good.add(step.id)
            results.append(_make(step, unchecked(f"the policy names it unchecked: {waived[step.id]}"), waived=True))
            continue
        outcome = _outcome(step, case, good)
        if outcome is NOT_ASKED:
            results.append(_not_asked(step.id, step.spec))
            continue
        if outcome.verdict is StepVerdict.PASS:
            good.add(step.id)
        results.append(_make(step, outcome))
    return tuple(results)


@lru_cache(maxsize=256)
def _not_asked(ident: str, spec: str) -> StepResult:
    return StepResult(ident, StepVerdict.NOT_CHECKED, spec=spec, mandatory=False, reason=NOT_ASKED.found)


def _outcome(step: Step[C], case: C, good: Collection[str]) -> Outcome:
    for name in step.needs:
        if name not in good:
            return unchecked(f"after {name}")
    try:
        return step.judge(case)
    except BadInput as e:  # what a reader of hostile octets raises: the step that read them fails, by name
        return failed(f"{e.subject}: {e.found}", e.wanted, e.hint)


def _make(step: Step[C], outcome: Outcome, *, waived: bool = False) -> StepResult:
    found, unknown = shown(outcome.found), outcome.verdict is StepVerdict.NOT_CHECKED
    return StepResult(
        step.id,
        outcome.verdict,
        "" if unknown else found,
        shown(outcome.wanted),
        step.spec,
        (step.mandatory or outcome.asked) and not waived,
        found if unknown else "",
        waived,
        outcome.advice,
    )


def shown(text: str) -> str:
    """Text from evidence as a report may quote it: printable, on one line, bounded."""
    if len(text) <= MOST and text.isprintable():
        return text
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return clean if len(clean) <= MOST else f"{clean[: MOST - 1]}…"
