"""The room loader: a file that drops in is registered; a file that does not fit is refused."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.kit.rooms import room, room_of_tuples
from strongroom.model.errors import RoomError
from strongroom.model.estate import Ref

Build = Callable[[dict[str, str]], str]
REF = "from strongroom.model.estate import Ref\n"
_numbers = itertools.count()


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Make a package of the given files and answer its name, which no other test uses."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(files: dict[str, str]) -> str:
        name = f"a_room_for_tests_{next(_numbers)}"
        for path, text in {"__init__.py": "", **files}.items():
            target = tmp_path / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            for folder in target.relative_to(tmp_path).parents[:-1]:
                (tmp_path / folder / "__init__.py").touch()
            target.write_text(text, encoding="utf-8")
        return name

    return make


def test_every_file_is_a_part(build: Build) -> None:
    """Parts come by name, in the order of the names, from folders within folders too."""
    name = build({"b.py": "PART = 'second'\n", "a.py": "PART = 'first'\n", "deep/er/c.py": "PART = 'third'\n"})
    assert list(room(name, "PART", str).items()) == [("a", "first"), ("b", "second"), ("deep.er.c", "third")]


def test_an_empty_room_is_no_fault(build: Build) -> None:
    """A room without files has no parts."""
    assert room(build({}), "PART", str) == {}


def test_helpers_are_no_parts(build: Build) -> None:
    """A file or folder whose name begins with an underscore belongs to the room and is not asked for a constant."""
    name = build({"_shared.py": "x = 1\n", "_folder/inner.py": "y = 1\n", "a.py": "PART = 'a'\n"})
    assert room(name, "PART", str) == {"a": "a"}


@pytest.mark.parametrize(
    ("text", "found"),
    [("", "NoneType"), ("PART = None\n", "NoneType"), ("PART = 3\n", "int"), ("part = 'a'\n", "NoneType")],
)
def test_a_file_without_the_constant_is_refused(build: Build, text: str, found: str) -> None:
    """A part that would silently not run is an error that names the file, what it has and what it lacks."""
    name = build({"a.py": "PART = 'a'\n", "b.py": text})
    with pytest.raises(RoomError) as caught:
        room(name, "PART", str)
    assert (caught.value.subject, caught.value.found, caught.value.wanted) == (f"{name}.b", found, "PART: str")
    assert caught.value.exit_code == 4


def test_a_file_that_does_not_import_is_not_passed_over(build: Build) -> None:
    """A fault in a part comes out as it is."""
    with pytest.raises(ZeroDivisionError):
        room(build({"a.py": "PART = 1 / 0\n"}), "PART", str)


def test_parts_in_tuples_are_found_by_id(build: Build) -> None:
    """A file may end in several parts; each is known by its own id."""
    name = build({"a.py": REF + "PARTS = (Ref('x', 'one'), Ref('x', 'two'))\n", "b.py": "PARTS = ()\n"})
    assert room_of_tuples(name, "PARTS", Ref) == {"one": Ref("x", "one"), "two": Ref("x", "two")}


@pytest.mark.parametrize(
    "parts", ["(Ref('x', 'one'),)", "(Ref('x', ''),)", "('one',)"], ids=["id given twice", "no id", "no part"]
)
def test_parts_in_tuples_that_do_not_fit_are_refused(build: Build, parts: str) -> None:
    """An id that is taken, an empty one, and a thing of another type are errors that name the file."""
    name = build({"a.py": REF + "PARTS = (Ref('x', 'one'),)\n", "b.py": REF + f"PARTS = {parts}\n"})
    with pytest.raises(RoomError, match=rf"{name}\.b"):
        room_of_tuples(name, "PARTS", Ref)
