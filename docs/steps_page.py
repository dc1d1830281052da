"""The page that lists every step of every verifier of evidence."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from strongroom.app.evidence import verifiers
from strongroom.attest import enrolment
from strongroom.attest.steps import Step

T = TypeVar("T")


def steps() -> Iterator[str]:
    """The steps of each verifier in their order."""
    yield "# Steps of appraisals\n\nEvery verifier is a list of numbered steps. Each passes, fails, or was not checked, "
    yield "with the reason; an appraisal in which a mandatory step was not checked is not complete, and opens nothing. "
    yield "Ids are frozen: a policy, a record and an alert name them.\n"
    for verifier in verifiers().values():
        yield f"\n## {verifier.kind.value}\n\n{verifier.title}. Sources: {verifier.spec}.\n\n"
        yield from _rows(verifier.steps)
    yield "\n## Enrolment\n\nOf a host by its TPM (`attest agent`). Without the endorsement key's certificate the first four are not "
    yield "checked, and the host is enrolled with the grade `first-use`, never `certified`.\n\n"
    yield from _rows(enrolment.STEPS)


def _rows(steps: Iterable[Step[T]]) -> Iterator[str]:
    yield "| step | holds when it passes | after | counts | source |\n|---|---|---|---|---|\n"
    for s in steps:
        counts = "always" if s.mandatory else "when the policy asks"
        if s.waivable:
            counts += "; a policy may leave it unchecked, with a reason"
        needs = ", ".join(f"`{n}`" for n in s.needs)
        yield f"| `{s.id}` | {s.title} | {needs} | {counts} | {s.spec} |\n"
