"""What the operator of a broker reads: a line for each refusal, with the step that failed, and never a secret.

Redacted, a line has words of a fixed list, ids of steps among them, and nothing that was found: it may leave the house, and
whoever supports the workload sees where it failed. The log has all of what was decided, and administration says what is amiss.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

from strongroom.app.broker_words import Refused
from strongroom.app.evidence import verifiers
from strongroom.release.decide import CONDITIONS

TEXT, JSON = "text", "json"
_STEP = re.compile(r"(?<!\S)([a-z][a-z0-9-]*(?:\.[a-z0-9_-]+)+)(?=:| not checked)")
_OURS = frozenset(
    {
        "release.policy",
        "release.break_glass",
        "release.backend",
        "release.refused",
        "release.late",
        "attest.judging",
        "attest.refused",
        "attest.late",
        "administer.role",
    }
)
# What a trouble begins with (`app/broker_health.py`): of what is redacted so much is told.
_HEADS = (
    "no release policy that its signers have signed",
    "release policy",
    "what evidence is judged by",
    "database",
    "no key back end",
    "key back end",
    "log",
)
_MOST = 2000  # signs of a line


class Note(StrEnum):
    """What a note is about: all that is left of it where the channel is redacted."""

    READY = "ready"
    NOT_READY = "not-ready"
    TWIN = "debug-twin"
    ATTESTED = "attested"
    OPERATOR_TRUSTED = "operator-trusted"
    NOT_LOGGED = "not-logged"
    NOT_FORGOTTEN = "not-forgotten"


@dataclass(frozen=True, slots=True)
class Channel:
    """Where an operator's lines go: `form` is text or json."""

    form: str = TEXT
    redacted: bool = False

    def refused(self, moment: str, error: Refused, now: datetime, session: str = "") -> None:
        """A refusal."""
        steps = tuple(steps_of(error.found))
        held: dict[str, object] = {"moment": moment, "status": error.status, "kind": error.kind, "steps": steps}
        if session:
            held["session"] = session[:16]
        if not self.redacted:
            held["why"] = clean(error.found)
        self._say("refused", held, now)

    def note(self, about: Note, text: str, now: datetime, *, warning: bool = False) -> None:
        """Something that the operator should know."""
        held: dict[str, object] = {"about": about.value}
        if not self.redacted:
            held["why"] = clean(text)
        elif about is Note.NOT_READY and (part := next((h for h in _HEADS if text.startswith(h)), "")):
            held["part"] = part
        self._say("warning" if warning else "note", held, now)

    def _say(self, event: str, held: dict[str, object], now: datetime) -> None:
        if self.form == JSON:
            at = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            line = msgspec.json.encode({"at": at, "event": event, **held}).decode()
        else:
            line = f"{event}: {' '.join(_plain(held))}"
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def _plain(held: dict[str, object]) -> Iterator[str]:
    for name, value in held.items():
        if name == "steps":
            if isinstance(value, tuple) and value:
                yield f"at {', '.join(value)}"
        elif name == "why":
            yield str(value) if "about" in held else f"because {value}"
        elif name == "about":
            if "why" not in held:
                yield str(value)
        else:
            yield f"session {value}" if name == "session" else str(value)


def clean(text: str) -> str:
    """One line, of what can be printed: callers choose some of these words."""
    return "".join(c if c.isprintable() else " " for c in text)[:_MOST]


def steps_of(found: str) -> Iterator[str]:
    """The ids of steps and conditions that a refusal names, each once; only those that exist."""
    seen = dict.fromkeys(_STEP.findall(found))
    known = _known()
    return (s for s in seen if s in known)


_KNOWN: list[frozenset[str]] = []


def _known() -> frozenset[str]:
    if not _KNOWN:
        steps = (s.id for v in verifiers().values() for s in v.steps)
        _KNOWN.append(_OURS | {c.id for c in CONDITIONS} | frozenset(steps))
    return _KNOWN[0]
