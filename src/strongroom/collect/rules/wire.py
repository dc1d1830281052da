"""What crosses the fence: the work on the way in, one line for each step of it on the way out."""

import msgspec

from strongroom.model.rules import Asked, Doubt, Refusal, Subject


class Work(msgspec.Struct, frozen=True):
    """Every rule and every subject, and the share that one rule may take: seconds of CPU, and MiB for all of it."""

    asked: tuple[Asked, ...]
    subjects: tuple[Subject, ...]
    done: frozenset[int]  # the numbers of the rules that need no answer any more
    cpu_seconds: float
    memory_mib: int


class Line(msgspec.Struct, omit_defaults=True):
    """One line of the answer. Without `finished` it announces that the rule of that number is begun.

    `subjects` and `answers` belong together: 0 holds, 1 does not, 2 does not apply, and from 3 on `doubts[n - 3]`.
    """

    rule: int
    finished: bool = False
    subjects: tuple[int, ...] = ()
    answers: tuple[int, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    refused: Refusal | None = None
