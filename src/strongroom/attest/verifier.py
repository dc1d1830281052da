"""What a part of `attest/tee/` is: a reader, a list of steps, and the claims that the steps have proven."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from strongroom.attest.policy import Policy
from strongroom.attest.steps import Step
from strongroom.model.attest import Endorsements, Evidence, EvidenceKind, EvidencePart, Json, ReferenceValues, Want

C = TypeVar("C")

Asker = Callable[[Sequence[str], Mapping[str, Json]], Sequence[bool | str]]
"""Answers CEL expressions over claims: true, false, or the reason why there is no answer."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that a verdict may depend on. `now` is the time that counts, in UTC."""

    evidence: Evidence
    endorsements: Endorsements
    references: ReferenceValues
    policy: Policy
    now: datetime


@dataclass(frozen=True, slots=True)
class Field:
    """One field of evidence, for people who look inside: where it stands, and what it says in words."""

    name: str
    offset: int  # octets from the beginning of the part; -1 where the format has no fixed places
    size: int
    value: str
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a verifier adds to the results of its steps.

    `claims` are normalised and hold only what was read; they are worth what the steps say. `ends` are the times at
    which something that the verdict rests on ends. `measured` are the registers that reference values speak of.
    """

    subject: str
    claims: Mapping[str, Json]
    ends: tuple[datetime, ...] = ()
    bound_key: bytes = b""


@dataclass(frozen=True, slots=True)
class Verifier(Generic[C]):
    """The verifier of one kind of evidence.

    `recognises` answers 0 (not mine) to 100 (certainly mine) for octets. `read` splits what was handed in into parts,
    and raises Malformed only where it cannot be read at all. `begin` makes the state that the steps share; it raises
    nothing. `conclude` is asked after the steps. `fields` lists what is inside, also where steps would fail.
    """

    kind: EvidenceKind
    title: str
    spec: str
    recognises: Callable[[bytes], int]
    read: Callable[[bytes], tuple[EvidencePart, ...]]
    wants: Callable[[Evidence], tuple[Want, ...]]
    begin: Callable[[Inputs], C]
    steps: tuple[Step[C], ...]
    conclude: Callable[[C], Conclusion]
    fields: Callable[[Evidence], Iterable[Field]]
    registers: tuple[str, ...] = field(default=())  # names that reference values may use
    parts: Callable[[Inputs], tuple[Inputs, ...]] = field(default=lambda _: ())  # each device of several, by itself
