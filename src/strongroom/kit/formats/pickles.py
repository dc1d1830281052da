"""What a pickle would import and call, found by following its opcodes; nothing of it is ever built or imported."""

import re
from dataclasses import dataclass, field

from strongroom.kit.formats import joblib_arrays
from strongroom.kit.formats.bounded import Cursor, Source
from strongroom.kit.formats.pickle_allow import HARMLESS
from strongroom.kit.formats.pickle_machine import SUBJECT, Happened, Machine
from strongroom.kit.formats.pickle_opcodes import OPCODES, PROTOCOLS
from strongroom.kit.formats.pickle_values import COMPUTED, Global
from strongroom.model.errors import Malformed, TooLarge

__all__ = ["COMPUTED", "MOST_OPCODES", "Walked", "looks_like", "looks_like_text", "walk"]
MOST_OPCODES = 2_000_000
_MOST_READ = 1 << 30
_NAME = re.compile(r"[\w.<>]+ [\w.<>]+")


@dataclass(slots=True)
class Walked:
    """What one pickle, or several behind each other, would do, in order, and where the walk ended.

    `whole` says that every opcode up to the last STOP was understood; `trouble` says why it was not. `ends` are the
    places behind each whole pickle.
    """

    happened: Happened = field(default_factory=Happened)
    ends: list[int] = field(default_factory=list)
    start: int = 0
    whole: bool = True
    trouble: str = ""
    too_large: bool = False
    opcodes: int = 0

    @property
    def imports(self) -> dict[str, Global]:
        """Everything that is imported, by `module name`."""
        return self.happened.imports

    @property
    def calls(self) -> int:
        """How many calls there are."""
        return self.happened.called

    @property
    def out_of_band(self) -> bool:
        """Whether bytes are wanted that stand elsewhere."""
        return self.happened.out_of_band

    @property
    def streams(self) -> int:
        """How many pickles were followed to their STOP."""
        return len(self.ends)

    @property
    def end(self) -> int:
        """The place behind the last whole pickle."""
        return self.ends[-1] if self.ends else self.start

    @property
    def foreign(self) -> tuple[str, ...]:
        """The imports that are not on the list of harmless ones, as `module.name`."""
        return tuple(name.replace(" ", ".", 1) for name in self.imports if name not in HARMLESS)


def looks_like(head: bytes) -> bool:
    """Whether bytes begin with PROTO and a protocol that exists."""
    return len(head) > 2 and head[0] == 0x80 and head[1] in PROTOCOLS and head[2] in OPCODES


def looks_like_text(source: Source) -> bool:
    """Whether a file is a pickle of protocol 0 or 1, which begins with no magic: it must walk to its end, or import."""
    head = source.at(0, 1)
    if not head or head[0] not in OPCODES or head in (b".", b"\x80"):
        return False
    found = walk(source, most=4_000, streams=1)
    if found.whole:
        return found.streams == 1 and (found.end >= source.size - 2 or bool(found.imports))
    return named(found)


def named(walked: Walked) -> bool:
    """Whether it imports anything, and all of that by words that can be names: bytes by chance are none."""
    return bool(walked.imports) and all(_NAME.fullmatch(n) for n in walked.imports)


def walk(
    source: Source,
    *,
    start: int = 0,
    most: int = MOST_OPCODES,
    streams: int = 64,
    keep: bool = False,
    arrays: bool = True,
) -> Walked:
    """Walk the pickle at an offset, and those that follow it at once: loaders read several from one file.

    Never raises for what the bytes say: what cannot be followed is `trouble`, with everything imported up to there.
    `keep` keeps the calls and the values for a judgement. `arrays` steps over the raw arrays that joblib writes between
    opcodes, which only joblib's own loader does.
    """
    walked = Walked(start=start)
    cursor = Cursor(source, SUBJECT, start, most=_MOST_READ)
    after = joblib_arrays.Reader(most).after_build if arrays else None
    left = most
    while walked.streams < streams and cursor.left > 0 and (walked.streams == 0 or _another(source, cursor.place)):
        before = dict(walked.imports)
        try:
            left = Machine(cursor, walked.happened, keep=keep, after_build=after).run(left)
        except (Malformed, TooLarge) as e:
            fresh = [n for n in walked.imports if n not in before]
            if walked.streams and all(_NAME.fullmatch(n) is None for n in fresh):
                for name in fresh:
                    del walked.imports[name]
                break  # what follows a whole pickle is payload, unless it imports
            walked.whole, walked.trouble = False, f"{e.found} at byte {cursor.place}"
            walked.too_large = isinstance(e, TooLarge)
            break
        walked.ends.append(cursor.place)
    walked.opcodes = most - left
    return walked


def _another(source: Source, place: int) -> bool:
    """Whether another pickle follows: loaders of old checkpoints read them one behind the other."""
    head = source.at(place, 3)
    return looks_like(head) or head[:1] in (b"c", b"(")
