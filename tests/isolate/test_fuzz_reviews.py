"""Hostile reviews: no octets are a fault, and no dress lets by what is denied without it."""

import json
import random

import clusters as a
from clusters import Json
from hypothesis import given
from hypothesis import strategies as st
from test_kubevirt import CASES as MACHINES
from test_kubevirt import kubevirt, maker
from test_pods import ALLOWED, DENIED, MORE

from strongroom.app.isolation import admit

HELD = a.state(*MORE, kubevirt())
BAD = [found for _, found in DENIED.values()]
# Denied or not: a machine is judged where its nodes are, and here they are not.
MANY: list[Json] = [
    *BAD,
    *ALLOWED.values(),
    *(m for m, _ in MACHINES.values()),
    *(maker("VirtualMachine", m) for m, _ in MACHINES.values()),
]
_LEAF = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12)
)
VALUES = st.recursive(
    _LEAF, lambda c: st.lists(c, max_size=3) | st.dictionaries(st.text(max_size=8), c, max_size=3), max_leaves=6
)


def allowed(octets: bytes) -> bool:
    """Whether a review is answered with yes; that it is answered at all is what the caller asserts."""
    found, verdict = admit(a.RULE, HELD, octets)
    response = found["response"]
    assert isinstance(response, dict)
    assert response["allowed"] is verdict.allowed or verdict.exempt
    return bool(response["allowed"])


@given(st.binary(max_size=400))
def test_fuzz_octets_are_denied(octets: bytes) -> None:
    """What is no review is denied, and answered."""
    assert not allowed(octets)


def _places(value: object, here: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Every place in a document."""
    found = [here] if here else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        found += _places(one, (*here, key))
    return found


def _put(value: object, place: tuple[object, ...], new: object) -> None:
    for step in place[:-1]:
        value = value[step]  # type: ignore[index]
    value[place[-1]] = new  # type: ignore[index]


@given(st.sampled_from(MANY), st.randoms(use_true_random=False), VALUES, st.integers(1, 3))
def test_fuzz_values_in_a_review_are_answered(found: Json, dice: random.Random, value: object, times: int) -> None:
    """A value of any type at any place of a review is a verdict, and never a fault."""
    made = json.loads(a.asked(found))
    for _ in range(times):
        _put(made, dice.choice(_places(made)), json.loads(json.dumps(value)))
    allowed(json.dumps(made).encode())


@given(st.sampled_from(MANY), st.randoms(use_true_random=False), st.integers(1, 4))
def test_fuzz_cut_and_swapped_octets_are_answered(found: Json, dice: random.Random, times: int) -> None:
    """Octets that are lost, doubled or changed on the way are a verdict, and never a fault."""
    octets = bytearray(a.asked(found))
    for _ in range(times):
        at, length = dice.randrange(len(octets)), dice.randrange(1, 40)
        part = octets[at : at + length]
        octets[at : at + length] = dice.choice((b"", part * 2, bytes(dice.randrange(256) for _ in part)))
    allowed(bytes(octets))


def _escaped(text: str, dice: random.Random) -> str:
    """A text of JSON in which some letters are written as escapes."""
    return "".join(f"\\u{ord(c):04x}" if c.isalpha() and dice.random() < 0.3 else c for c in text)


def _written(value: object, dice: random.Random) -> str:
    """A document in another hand: other order, other spaces, escapes, numbers as they may be."""
    space = dice.choice(("", " ", "\n\t"))
    if isinstance(value, dict):
        items = list(value.items())
        dice.shuffle(items)
        parts = (f'"{_escaped(json.dumps(k)[1:-1], dice)}"{space}:{space}{_written(v, dice)}' for k, v in items)
        return f"{{{space}{f'{space},{space}'.join(parts)}{space}}}"
    if isinstance(value, list):
        return f"[{space}{f'{space},{space}'.join(_written(v, dice) for v in value)}{space}]"
    return json.dumps(value)


def _dressed(found: Json, dice: random.Random, name: str, value: object) -> Json:
    """The same pod with more in it: fields that nobody knows, and containers and volumes that do nothing."""
    made = json.loads(json.dumps(found))
    unknown = f"x{name}"
    for place in (made, made["metadata"], made["spec"], *made["spec"].get("containers", [])):
        if dice.random() < 0.5:
            place[unknown] = value
    if dice.random() < 0.5:
        made["spec"].setdefault("containers", []).insert(
            dice.choice((0, 99)), {"name": "plain", "image": "i", "env": []}
        )
    if dice.random() < 0.5:
        made["spec"].setdefault("volumes", []).append({"name": "plain", "emptyDir": {}})
    if dice.random() < 0.5:
        made["metadata"].setdefault("labels", {})["isolation"] = "off"
    return made  # type: ignore[no-any-return]


@given(st.sampled_from(BAD), st.randoms(use_true_random=False), st.text(max_size=8), VALUES)
def test_fuzz_no_dress_lets_a_bad_pod_by(found: Json, dice: random.Random, name: str, value: object) -> None:
    """A pod that is denied is denied in any order, with any spaces and escapes, and with more in it."""
    made = json.loads(a.asked(_dressed(found, dice, name, value)))
    assert not allowed(_written(made, dice).encode())


@given(st.sampled_from(BAD), st.randoms(use_true_random=False))
def test_fuzz_a_key_twice_is_denied(found: Json, dice: random.Random) -> None:
    """Which of two values counts is a guess: whoever writes both is denied, wherever they stand."""
    text = a.asked(found).decode()
    spots = [n for n, c in enumerate(text) if c == "{" and text[n + 1] == '"']
    at = dice.choice(spots)
    key = json.loads(text[at + 1 : text.index(":", at)])
    assert not allowed(f"{text[: at + 1]}{json.dumps(key)}: null, {text[at + 1 :]}".encode())
