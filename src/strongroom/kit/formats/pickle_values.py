"""What a pickle would build, as an interpreter sees it: names and calls stay names and calls, and nothing is made."""

from collections.abc import Iterator
from dataclasses import dataclass, field

COMPUTED = "(computed)"  # an import whose name is put together while the pickle is loaded
EXTENSION = "(extension)"  # an import by its number in the loader's own registry


@dataclass(slots=True, eq=False)
class Global:
    """Something that is imported by module and name."""

    module: str
    name: str

    @property
    def spelled(self) -> str:
        """Module and name as one dotted word."""
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class Call:
    """What a call gives. `how` is the opcode; `states` are what BUILD gave it."""

    function: object
    arguments: object
    how: str
    states: list[object] = field(default_factory=list)
    items: list[object] = field(default_factory=list)  # what was appended to or set in it


@dataclass(slots=True, eq=False)
class Persistent:
    """An object that stands elsewhere, under an id that only the loader understands."""

    id: object


@dataclass(slots=True, eq=False)
class Blob:
    """A long text or long bytes, by where they are in the file."""

    start: int
    size: int
    text: bool


class Pairs(list[object]):
    """A dictionary as a list: key, value, key, value."""

    def pairs(self) -> Iterator[tuple[object, object]]:
        """Every key with its value, in order."""
        return zip(self[::2], self[1::2], strict=False)

    def get(self, key: object) -> object:
        """The last value of a key that is a plain text or number; None where there is none."""
        return next((v for k, v in zip(self[-2::-2], self[::-2], strict=False) if k == key), None)


class Bag(list[object]):
    """A set."""


class Opaque:
    """Something that names nothing and calls nothing, and whose value does not matter."""


OPAQUE = Opaque()


def resolved(value: object) -> Global | None:
    """The name behind a value: an import, or `getattr` of one by a known word; None for anything else."""
    words: list[str] = []
    for _ in range(16):
        if isinstance(value, Global):
            return Global(value.module, ".".join([value.name, *reversed(words)])) if words else value
        if not isinstance(value, Call) or not isinstance(value.function, Global) or value.function.name != "getattr":
            return None
        given = value.arguments
        if not isinstance(given, tuple) or len(given) < 2 or not isinstance(given[1], str):
            return None
        words.append(given[1])
        value = given[0]
    return None


def within(root: object, most: int = 20_000) -> Iterator[object]:
    """A value and everything in it, each object once; cycles end, and so does the walk after `most` of them."""
    queue: list[object] = [root]
    seen: set[int] = set()
    while queue and len(seen) < most:
        value = queue.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        yield value
        if isinstance(value, list | tuple):
            queue.extend(value)
        elif isinstance(value, Call):
            queue += [value.function, value.arguments, *value.states, *value.items]
        elif isinstance(value, Persistent):
            queue.append(value.id)
