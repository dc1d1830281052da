"""A verifier with one step taken out of it: what the generated tests on steps ask every verifier."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol, TypeVar

from strongroom.attest.appraise import appraise
from strongroom.attest.steps import Step, passed
from strongroom.attest.verifier import Inputs, Verifier

C = TypeVar("C")


class Case(Protocol):
    """Evidence that should be refused, with the verifier that should refuse it."""

    def verifier(self) -> Verifier[C]:
        """The verifier."""

    def inputs(self) -> Inputs:
        """What it is given."""


def without(verifier: Verifier[C], name: str) -> Verifier[C]:
    """The verifier in which a step passes whatever it is asked."""

    def gone(step: Step[C]) -> Step[C]:
        return replace(step, judge=lambda _: passed("taken out"), needs=()) if step.id == name else step

    assert any(s.id == name for s in verifier.steps)
    return replace(verifier, steps=tuple(gone(s) for s in verifier.steps))


def decides(name: str, cases: Iterable[Case]) -> bool:
    """Whether a step alone keeps one of the cases out: refused with it, and taken without it."""
    return any(
        not appraise(case.verifier(), case.inputs()).opens
        and appraise(without(case.verifier(), name), case.inputs()).opens
        for case in cases
    )
