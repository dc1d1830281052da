"""Large JSON documents a piece at a time: objects whose lists are too long to be held as one text."""

from collections.abc import Iterable, Iterator, Mapping

from strongroom.assess.reports._lines import Json, encode


def open_object(fixed: Mapping[str, Json]) -> str:
    """An object that is left open behind its first members, of which there is at least one."""
    return encode(dict(fixed))[:-1]


def array(name: str, items: Iterable[str]) -> Iterator[str]:
    """A further member that is a list of encoded items, one on a line; left out whole where there is none."""
    return array_of_pieces(name, ((item,) for item in items))


def array_of_pieces(name: str, items: Iterable[Iterable[str]]) -> Iterator[str]:
    """The same where an item is too long for one text."""
    first = between = f",\n{encode(name)}:[\n"
    for item in items:
        yield between
        yield from item
        between = ",\n"
    if between != first:
        yield "\n]"


class Once:
    """Names that occur once in a document: a repeated one gets its number, the same in every run."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def name(self, wanted: str) -> str:
        """The name itself at its first use, then `name:2`, `name:3` and so on."""
        n = self._seen[wanted] = self._seen.get(wanted, 0) + 1
        return wanted if n == 1 else f"{wanted}:{n}"
