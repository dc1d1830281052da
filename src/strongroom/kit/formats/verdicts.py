"""The verdict on a file before it is loaded, and the reasons that it rests on."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

MOST_REASONS = 50
_LONGEST = 400


class Verdict(StrEnum):
    """What to think of loading a file, from the best to the worst.

    `unreadable` refuses like `malicious` does: what could not be followed to its end proves nothing.
    """

    SAFE = "safe"
    REVIEW = "needs-review"
    UNREADABLE = "unreadable"
    MALICIOUS = "malicious"


_RANK = {v: n for n, v in enumerate(Verdict)}


class Reason(NamedTuple):
    """One reason: what it makes of the file, the rule that found it, and the sentence for people."""

    verdict: Verdict
    rule: str
    text: str


@dataclass(slots=True)
class Findings:
    """The reasons gathered for one file. The verdict is that of the worst; without any, the file is safe."""

    format: str = ""
    reasons: dict[Reason, None] = field(default_factory=dict)
    dropped: int = 0
    worst: Verdict = Verdict.SAFE

    @property
    def verdict(self) -> Verdict:
        """The worst of the reasons, those left out counted in."""
        return self.worst

    def add(self, verdict: Verdict, rule: str, text: str) -> None:
        """One more reason; the same twice counts once, and those above a number are only counted."""
        self.worst = max(self.worst, verdict, key=_RANK.__getitem__)
        reason = Reason(verdict, rule, text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")
        if reason in self.reasons:
            return
        full = len(self.reasons) >= MOST_REASONS
        if full and verdict is Verdict.MALICIOUS:
            # What matters most is never pushed out by what matters less.
            lesser = next((r for r in self.reasons if r.verdict is not Verdict.MALICIOUS), None)
            if lesser is not None:
                del self.reasons[lesser]
                self.dropped += 1
                full = False
        if full:
            self.dropped += 1
        else:
            self.reasons[reason] = None

    def malicious(self, rule: str, text: str) -> None:
        """Loading it does harm, or it hides that it would."""
        self.add(Verdict.MALICIOUS, rule, text)

    def review(self, rule: str, text: str) -> None:
        """A person has to look at it."""
        self.add(Verdict.REVIEW, rule, text)

    def unreadable(self, rule: str, text: str) -> None:
        """It could not be followed to its end."""
        self.add(Verdict.UNREADABLE, rule, text)

    def take(self, other: "Findings", where: str) -> None:
        """Everything that was found in a part of the file, with the part's name before it."""
        for r in other.reasons:
            self.add(r.verdict, r.rule, f"{where}: {r.text}")
        self.dropped += other.dropped
        self.worst = max(self.worst, other.worst, key=_RANK.__getitem__)

    def __iter__(self) -> Iterator[Reason]:
        return iter(sorted(self.reasons, key=lambda r: -_RANK[r.verdict]))
