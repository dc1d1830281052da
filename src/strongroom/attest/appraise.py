"""Appraise: run every step of a verifier over the inputs and say what it comes to."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from strongroom.attest.steps import Step, run, shown
from strongroom.attest.verifier import Asker, Conclusion, Inputs, Verifier
from strongroom.model.attest import Appraisal, Aspect, Json, StepResult, StepVerdict, Tier
from strongroom.model.errors import Malformed

C = TypeVar("C")

# draft-ietf-rats-ar4si, section 2.3: 2 affirms; the rest are the values of failures, which the steps name.
AFFIRMING = 2
_CONTRAINDICATED = 96
_VOUCHES = (Tier.AFFIRMING, Tier.NONE)  # evidence that was refused vouches for no key


def appraise(verifier: Verifier[C], inputs: Inputs, code: str = "", ask: Asker | None = None) -> Appraisal:
    """The verdict of a verifier on the inputs. `code` is the digest of the code that judges, for the record.

    `ask` answers the policy's own expressions; without it they are not checked.

    Raises Malformed where the policy names a step unchecked that does not exist, or that must be checked: a policy
    that is misunderstood opens nothing.
    """
    case = verifier.begin(inputs)
    steps = run(verifier.steps, case, waived(verifier.steps, inputs))
    parts = tuple(appraise(verifier, one, code, ask) for one in verifier.parts(inputs))
    return concluded(verifier, inputs, Judged(steps, verifier.conclude(case), parts), code, ask)


class Judged(NamedTuple):
    """What the steps came to, what is said beside them, and the verdicts on the parts."""

    steps: tuple[StepResult, ...]
    said: Conclusion
    parts: tuple[Appraisal, ...] = ()


def concluded(verifier: Verifier[C], inputs: Inputs, judged: Judged, code: str, ask: Asker | None) -> Appraisal:
    """The verdict that the results of the steps come to, with what the policy demands in its own words."""
    steps, said, parts = judged
    own = tuple(_required(inputs, said.claims, ask))
    sum_up = _sum_up(verifier.steps, steps, own)
    return Appraisal(
        kind=verifier.kind,
        subject=said.subject,
        tier=sum_up.tier,
        complete=sum_up.complete,
        vector=sum_up.vector,
        steps=(*steps, *own),
        claims=dict(said.claims),
        inputs=_digests(inputs, code),
        appraised_at=inputs.now,
        expires_at=min((inputs.now + inputs.policy.max_age, *said.ends)),
        bound_key=said.bound_key.hex() if sum_up.tier in _VOUCHES else "",
        parts=parts,
    )


class _Sum(NamedTuple):
    complete: bool
    tier: Tier
    vector: dict[str, int]


def _sum_up(steps: Sequence[Step[C]], results: Sequence[StepResult], own: Sequence[StepResult]) -> _Sum:
    """What the results come to.

    AR4SI's vector is affirming where every step of an aspect passed, the worst failure otherwise, else no claim. What
    the policy demands in its own words is of no aspect, and its failure contraindicates.
    """
    complete = all(r.verdict is StepVerdict.PASS or not r.mandatory for r in own if r.verdict is not StepVerdict.FAIL)
    refused = any(r.verdict is StepVerdict.FAIL for r in own)
    worst: dict[Aspect, int] = {}
    for step, result in zip(steps, results, strict=True):
        verdict, aspect = result.verdict, step.aspect
        if verdict is StepVerdict.PASS:
            if aspect not in worst:
                worst[aspect] = AFFIRMING
        elif verdict is StepVerdict.FAIL:
            refused = True
            worst[aspect] = max(worst.get(aspect, 0), step.worst)
        elif result.mandatory:
            complete = False
            if worst.get(aspect, AFFIRMING) == AFFIRMING:
                worst[aspect] = 0
    vector = {str(a): n for a, n in worst.items()}
    if not refused:
        return _Sum(complete, Tier.AFFIRMING if complete else Tier.NONE, vector)
    only_warning = not any(r.verdict is StepVerdict.FAIL for r in own) and max(worst.values()) < _CONTRAINDICATED
    return _Sum(complete, Tier.WARNING if only_warning else Tier.CONTRAINDICATED, vector)


def waived(steps: Sequence[Step[C]], inputs: Inputs) -> Mapping[str, str]:
    """The steps that the policy names unchecked, of these. Raises Malformed for one that does not exist, or may not be."""
    if not inputs.policy.unchecked:
        return {}
    known = {s.id: s for s in steps}
    family = {s.id.partition(".")[0] for s in steps}
    mine = {name: why for name, why in inputs.policy.unchecked.items() if name.partition(".")[0] in family}
    own = steps[0].id.partition(".")[0] if steps else ""
    for name in mine:
        step = known.get(name)
        if step is None and name.partition(".")[0] != own:
            continue  # of the report inside: one that this kind answers by a step of its own
        if step is None or not step.waivable:
            may = ", ".join(s.id for s in steps if s.waivable)
            found = f"the unchecked step {name!r}"
            raise Malformed(f"policy {inputs.policy.name!r}", found, f"one that may be: {may or 'none'}")
    return mine


def _required(inputs: Inputs, claims: Mapping[str, Json], ask: Asker | None) -> Iterator[StepResult]:
    """The policy's own expressions, each a step after those of the verifier."""
    wanted = inputs.policy.require
    if not wanted:
        return
    answers = (
        ask(wanted, claims) if ask is not None and claims else ["nothing is there that could answer it"] * len(wanted)
    )
    for number, (text, answer) in enumerate(zip(wanted, answers, strict=True), 1):
        unknown = isinstance(answer, str)
        verdict = StepVerdict.NOT_CHECKED if unknown else StepVerdict.PASS if answer else StepVerdict.FAIL
        yield StepResult(
            id=f"policy.require.{number}",
            verdict=verdict,
            found="" if isinstance(answer, str) else str(answer).lower(),
            wanted=shown(text),
            spec="CEL",
            reason=shown(answer) if isinstance(answer, str) else "",
        )


def _digests(inputs: Inputs, code: str) -> dict[str, str]:
    found = {f"evidence.{p.name}": p.digest for p in inputs.evidence.parts}
    found |= {f"endorsement.{n:02}": e.digest for n, e in enumerate(inputs.endorsements.items)}
    found["policy"] = inputs.policy.digest
    if inputs.references.items:
        found["references"] = inputs.references.digest
    if inputs.evidence.challenge is not None:
        found["challenge"] = _digest(inputs.evidence.challenge)
    if code:
        found["code"] = code
    return found


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
