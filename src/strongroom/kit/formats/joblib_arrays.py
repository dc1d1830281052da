"""joblib's arrays: raw bytes between the opcodes of a pickle, behind the object that describes them.

joblib.numpy_pickle.NumpyArrayWrapper.read: where the type holds objects, another pickle follows; otherwise one byte of
padding length, the padding, and the elements. Files from before joblib 1.2 have no padding.
"""

import re

from strongroom.kit.formats.pickle_machine import SUBJECT, Machine
from strongroom.kit.formats.pickle_values import Call, Global, Pairs
from strongroom.model.errors import Malformed

WRAPPER = "joblib.numpy_pickle NumpyArrayWrapper"
_MOST_DEPTH = 8
_TYPE = re.compile(r"[<>=|]?([?bBhHiIlLqQefdgFDGSUVaOmMcpu])(\d*)")
_SIZES = {"?": 1, "e": 2, "d": 8, "g": 16, "F": 8, "D": 16}


class Reader:
    """Steps over the arrays of one file."""

    def __init__(self, most: int) -> None:
        """`most` bounds the opcodes of pickled arrays."""
        self._left = most
        self._depth = 0

    def after_build(self, machine: Machine, made: Call) -> None:
        """Step over what joblib reads behind a description. Raises Malformed for a description that says nothing."""
        if not isinstance(made.function, Global) or f"{made.function.module} {made.function.name}" != WRAPPER:
            return
        state = made.states[-1] if made.states else None
        if not isinstance(state, Pairs):
            raise Malformed(SUBJECT, "an array without a description", "shape, order and type")
        dtype = state.get("dtype")
        if _objects(dtype):
            if self._depth >= _MOST_DEPTH:
                raise Malformed(SUBJECT, "arrays of objects nested too deeply", f"at most {_MOST_DEPTH}")
            self._depth += 1
            inner = Machine(machine.cursor, machine.happened, keep=machine.keep, after_build=self.after_build)
            self._left = inner.run(self._left)
            self._depth -= 1
            return
        if state.get("numpy_array_alignment_bytes") is not None:
            machine.cursor.skip(machine.cursor.take(1)[0])
        machine.cursor.skip(_length(state.get("shape")) * _size(dtype))


def _code(dtype: object) -> str | None:
    """The first argument of `numpy.dtype(...)`."""
    arguments = dtype.arguments if isinstance(dtype, Call) else None
    word = arguments[0] if isinstance(arguments, tuple) and arguments else None
    return word if isinstance(word, str) else None


def _objects(dtype: object) -> bool:
    word = _code(dtype)
    return word is not None and word.strip("|<>=").startswith("O")


def _size(dtype: object) -> int:
    """The bytes of one element. Raises Malformed for a type that is put together of others, or of none."""
    found = _TYPE.fullmatch(_code(dtype) or "")
    if found is None:
        raise Malformed(SUBJECT, "an array of a type that is put together", "a plain type")
    kind, digits = found[1], int(found[2] or 0)
    if digits:
        return digits * 4 if kind == "U" else digits
    if kind not in _SIZES:
        raise Malformed(SUBJECT, f"the type {kind!r} of no size", "a type with its size")
    return _SIZES[kind]


def _length(shape: object) -> int:
    if not isinstance(shape, tuple):
        raise Malformed(SUBJECT, "an array of no shape", "a tuple of numbers")
    length = 1
    for n in shape:
        if not isinstance(n, int) or not 0 <= n < 1 << 48:
            raise Malformed(SUBJECT, "a dimension that is no number", "numbers of 0 and more")
        length *= n
    return length
