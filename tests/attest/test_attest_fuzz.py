"""A slice of the hostile input of `make fuzz`: every parser of evidence, in every run of the tests."""

import random

import pytest
from fuzz_targets import TARGETS, Target
from fuzzing import Tally, inputs, one, run
from mutating import MUTATIONS

from strongroom.model.errors import Malformed

SLICE = 250


@pytest.mark.parametrize("name", TARGETS)
def test_fuzz_a_parser(name: str) -> None:
    """No input out of a few hundred escapes a reader as anything but bad input, or a verdict at all."""
    tally = run(TARGETS[name](), SLICE)
    assert tally.escapes == []
    assert tally.inputs == SLICE
    assert tally.refused + tally.judged == SLICE
    assert tally.judged


def test_fuzz_input_is_the_same_for_a_seed() -> None:
    """The same seed names the same inputs, and another one others."""
    target = TARGETS["cbor"]()
    first = list(inputs(target, 60, 1))
    assert first == list(inputs(target, 60, 1))
    assert first != list(inputs(target, 60, 2))
    assert len(set(first)) > 40


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.__name__.strip("_"))
def test_fuzz_mutations_take_anything(mutation: object) -> None:
    """Each mutation changes sound octets sooner or later, and gives octets for none."""
    r, seed = random.Random(3), bytes(range(200)) + b'{"a": 1, "b": [2]}'
    assert callable(mutation)
    assert {mutation(r, seed, [seed]) for _ in range(20)} != {seed}
    assert all(isinstance(mutation(r, b"", [b""]), bytes) for _ in range(20))


def test_fuzz_counts_what_escapes() -> None:
    """An exception that is not bad input counts as an escape with the octets that made it; bad input does not."""

    def broken(octets: bytes) -> bytes:
        if octets == b"bad":
            raise Malformed("it", "bad", "good")
        return octets[5:6] or bytes([octets[0] + 200])

    tally = Tally("broken")
    target = Target("broken", lambda: (b"x",), broken, lambda found: 1 // (found != b"z"))
    for octets in (b"bad", b"\1", b"A", b"12345z", b"123456"):
        one(target, octets, tally)
    assert (tally.inputs, tally.refused, tally.judged) == (5, 1, 2)
    assert [e.split(" ")[0] for e in tally.escapes] == ["ValueError", "ZeroDivisionError"]
