"""Appraise evidence: hand the inputs to the verifier of their kind, and the policy's own expressions to the fence."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import cast

from strongroom.app.evidence import verifier_of, verifiers
from strongroom.attest.appraise import appraise as judge
from strongroom.attest.compose import Whole, compose
from strongroom.attest.policy import Policy
from strongroom.attest.verifier import Inputs, Verifier
from strongroom.collect.rules import fenced
from strongroom.model.attest import Appraisal, Endorsements, Evidence, EvidenceKind, Json, ReferenceValues, StepVerdict
from strongroom.model.kinds import Kind
from strongroom.model.ports import Limits
from strongroom.model.rules import Asked, Doubt, Expression, Subject
from strongroom.model.values import Where

_JUDGING = ("attest", "kit", "model")


def appraise(
    evidence: Evidence, endorsements: Endorsements, references: ReferenceValues, policy: Policy, now: datetime
) -> Appraisal:
    """The verdict on evidence at a time; the same inputs give the same appraisal. Raises Malformed for the policy."""
    inputs = Inputs(evidence, endorsements, references, policy, now)
    verifier = verifier_of(evidence.kind)
    if evidence.kind is EvidenceKind.COMPOSITE:
        return compose(cast("Verifier[Whole]", verifier), verifiers(), inputs, code_digest(), ask)
    return judge(verifier, inputs, code_digest(), ask)


@lru_cache(maxsize=1)
def code_digest() -> str:
    """`sha256:` over the files of the rooms that judge, with their names: what a replay was made by."""
    h = hashlib.sha256()
    for name in _JUDGING:
        for path, data in sorted(_sources(files(f"strongroom.{name}"), name)):
            h.update(f"{path} {len(data)}\n".encode() + data)
    return f"sha256:{h.hexdigest()}"


def _sources(folder: Traversable, name: str) -> list[tuple[str, bytes]]:
    found = []
    for item in folder.iterdir():
        if item.is_dir():
            found += _sources(item, f"{name}/{item.name}")
        elif item.name.endswith(".py"):
            found.append((f"{name}/{item.name}", item.read_bytes()))
    return found


def ask(expressions: Sequence[str], claims: Mapping[str, Json]) -> tuple[bool | str, ...]:
    """What each CEL expression says of the claims: true, false, or why it cannot be told."""
    here = Where("policy", 1, 1)
    asked = [Asked((Kind.SOURCE,), Expression(text, text, here, (("claims", "claims"),))) for text in expressions]
    subject = Subject(Kind.SOURCE, {}, {"claims": dict(claims)}, ())
    answers: list[bool | str] = []
    for answer in fenced.evaluate(asked, [subject], Limits(wall_seconds=30.0)):
        said = answer.said.get(0)
        if answer.refused is not None:
            answers.append(f"it is no expression: {answer.refused.detail} at column {answer.refused.column}")
        elif answer.stopped is not None:
            answers.append(answer.stopped.detail)
        elif isinstance(said, bool):
            answers.append(said)
        else:
            answers.append(f"it has no answer ({said.cause})" if isinstance(said, Doubt) else "it has no answer")
    return tuple(answers)


def exit_code(appraisal: Appraisal, *, inspect: bool) -> int:
    """1: a step failed; 3: nothing failed and a mandatory step was not checked, unless only looking; else 0."""
    if any(s.verdict is StepVerdict.FAIL for s in appraisal.steps):
        return 1
    return 0 if appraisal.complete or inspect else 3
