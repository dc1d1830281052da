"""A pickle interpreted without doing any of it: its stack, its memo, and what every opcode leaves there.

It follows CPython's own C unpickler (Modules/_pickle.c), so that what is read here is what a loader would do.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from strongroom.kit.formats.bounded import Cursor
from strongroom.kit.formats.pickle_opcodes import OPCODES, TEXT, Opcode
from strongroom.kit.formats.pickle_values import COMPUTED, EXTENSION, OPAQUE, Bag, Blob, Call, Global, Pairs, Persistent
from strongroom.model.errors import Malformed, TooLarge

SUBJECT = "pickle"
MOST_STACK = 1_000_000
MOST_MEMO_INDEX = 1 << 26  # the C unpickler makes room for twice the index at once
MOST_IMPORTS = 1_000
MOST_HELD = 8_000_000  # values in containers
LONGEST_NAME = 1_024
LONGEST_LINE = 1 << 16
HIGHEST_PROTOCOL = 5
_BYTES = frozenset({"BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"})
_ESCAPED = re.compile(rb"\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|.)", re.DOTALL)
_PLAIN = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v", b"\n": b""}
Argument = bytes | tuple[bytes, bytes] | Blob


@dataclass(slots=True)
class Happened:
    """What one or several pickles would do, in order: what they import, call, change and ask the loader for."""

    imports: dict[str, Global] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    called: int = 0
    changed: list[Global] = field(default_factory=list)  # imported things that are changed themselves
    persistent: list[Persistent] = field(default_factory=list)
    texts: list[str | bytes | Blob] = field(default_factory=list)  # long enough to hold a pickle of their own
    out_of_band: bool = False
    roots: list[object] = field(default_factory=list)  # what each pickle leaves
    held: int = 0


class Machine:
    """One pickle. `after_build` is told of every object that BUILD completed: some loaders read on from there."""

    __slots__ = ("after_build", "cursor", "happened", "keep", "marks", "memo", "stack")

    def __init__(
        self,
        cursor: Cursor,
        happened: Happened,
        *,
        keep: bool = True,
        after_build: Callable[["Machine", Call], None] | None = None,
    ) -> None:
        """`keep` says that calls and long texts are noted, not only what is imported."""
        self.cursor = cursor
        self.happened = happened
        self.keep = keep
        self.after_build = after_build
        self.stack: list[object] = []
        self.marks: list[list[object]] = []
        self.memo: dict[int, object] = {}

    def run(self, budget: int) -> int:
        """Follow it up to STOP; what is left of the budget of opcodes. Raises Malformed, TooLarge."""
        take, stack_limit = self.cursor.take, MOST_STACK
        while True:
            budget -= 1
            if budget < 0:
                raise TooLarge(SUBJECT, "more opcodes than are followed", "fewer")
            byte = take(1)[0]
            entry = _TABLE.get(byte)
            if entry is None:
                raise Malformed(SUBJECT, f"the byte 0x{byte:02x}", "an opcode")
            opcode, size, handler = entry
            if opcode.name == "STOP":
                self.happened.roots.append(self.pop())
                return budget
            handler(self, opcode, take(size) if size > 0 else b"" if size == 0 else self._argument(opcode))
            if len(self.stack) > stack_limit or len(self.marks) > stack_limit:
                raise TooLarge(SUBJECT, "a stack without end", f"at most {stack_limit}")

    def _argument(self, opcode: Opcode) -> Argument:
        kind, cursor = str(opcode.argument), self.cursor
        if kind == "line":
            return cursor.line(LONGEST_LINE)
        if kind == "two":
            return cursor.line(), cursor.line()
        length = cursor.number(int(kind[1:]))
        if length <= LONGEST_NAME:
            return cursor.take(length)
        start = cursor.place
        cursor.skip(length)
        return Blob(start, length, opcode.name in TEXT)

    def pop(self) -> object:
        """What is on top. Raises Malformed for an empty stack, or a mark."""
        if not self.stack:
            raise Malformed(SUBJECT, "an empty stack", "what the opcode takes")
        return self.stack.pop()

    def pop_mark(self) -> list[object]:
        """What is above the last mark, and the mark itself. Raises Malformed for none."""
        if not self.marks:
            raise Malformed(SUBJECT, "no mark on the stack", "a mark")
        taken = self.stack
        self.stack = self.marks.pop()
        return taken

    def imported(self, module: object, name: object) -> Global:
        """An import. Raises TooLarge for more than are kept."""
        known = isinstance(module, str) and isinstance(name, str)
        word = name if isinstance(name, str) else COMPUTED
        found = Global(str(module)[:LONGEST_NAME] if known else COMPUTED, word[:LONGEST_NAME])
        key = f"{found.module} {found.name}"[:LONGEST_NAME]
        kept = self.happened.imports.get(key)
        if kept is not None:
            return kept
        if len(self.happened.imports) >= MOST_IMPORTS:
            raise TooLarge(SUBJECT, f"over {MOST_IMPORTS} imports", "fewer")
        self.happened.imports[key] = found
        return found

    def call(self, function: object, arguments: object, how: str) -> None:
        """Push what a call gives, and note it."""
        made = Call(function, arguments, how)
        self.happened.called += 1
        if self.keep:
            self.happened.calls.append(made)
        self.stack.append(made)

    def hold(self, target: object, values: list[object]) -> None:
        """Put values into a container. Raises TooLarge for too many in all."""
        self.happened.held += len(values)
        if self.happened.held > MOST_HELD:
            raise TooLarge(SUBJECT, "more values than are followed", f"at most {MOST_HELD}")
        if isinstance(target, list):
            target.extend(values)
        elif isinstance(target, Call):
            target.items.extend(values)
        elif isinstance(target, Global):
            self.happened.changed.append(target)


def _blank(argument: Argument) -> bytes:
    return argument if isinstance(argument, bytes) else b""


def _constant(m: Machine, opcode: Opcode, argument: Argument) -> None:
    m.stack.append(_CONSTANTS[opcode.name](_blank(argument)))


def _integer(text: bytes) -> object:
    digits = text.strip().rstrip(b"L")
    return int(digits) if 0 < len(digits) < 64 and digits.lstrip(b"-").isdigit() else OPAQUE


def _int_line(text: bytes) -> object:
    return text == b"01" if text in (b"00", b"01") else _integer(text)


_CONSTANTS: dict[str, Callable[[bytes], object]] = {
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "BININT": lambda a: int.from_bytes(a, "little", signed=True),
    "BININT1": lambda a: a[0],
    "BININT2": lambda a: int.from_bytes(a, "little"),
    "INT": _int_line,
    "LONG": _integer,
    "LONG1": lambda a: int.from_bytes(a, "little", signed=True) if len(a) <= 32 else OPAQUE,
    "LONG4": lambda a: int.from_bytes(a, "little", signed=True) if len(a) <= 32 else OPAQUE,
    "FLOAT": lambda _: OPAQUE,
    "BINFLOAT": lambda _: OPAQUE,
    "EMPTY_LIST": lambda _: [],
    "EMPTY_TUPLE": lambda _: (),
    "EMPTY_DICT": lambda _: Pairs(),
    "EMPTY_SET": lambda _: Bag(),
}


def _mark(m: Machine, _opcode: Opcode, _argument: Argument) -> None:
    m.marks.append(m.stack)
    m.stack = []


def _pop(m: Machine, _opcode: Opcode, _argument: Argument) -> None:
    if m.stack:
        m.stack.pop()
    else:
        m.pop_mark()  # POP takes a mark as well


def _dup(m: Machine, _opcode: Opcode, _argument: Argument) -> None:
    m.stack.append(_top(m))


def _top(m: Machine) -> object:
    if not m.stack:
        raise Malformed(SUBJECT, "an empty stack", "what the opcode takes")
    return m.stack[-1]


def _gathered(m: Machine, opcode: Opcode, _argument: Argument) -> None:
    """Opcodes that make one value of everything above the mark."""
    taken = m.pop_mark()
    m.happened.held += len(taken)
    if opcode.name == "TUPLE":
        m.stack.append(tuple(taken))
    elif opcode.name == "LIST":
        m.stack.append(taken)
    elif opcode.name == "DICT":
        m.stack.append(Pairs(taken))
    elif opcode.name == "FROZENSET":
        m.stack.append(Bag(taken))


def _short_tuple(m: Machine, opcode: Opcode, _argument: Argument) -> None:
    taken = [m.pop() for _ in range(opcode.pops)]
    m.stack.append(tuple(reversed(taken)))


def _added(m: Machine, opcode: Opcode, _argument: Argument) -> None:
    if opcode.name in ("APPENDS", "SETITEMS", "ADDITEMS"):
        values = m.pop_mark()
    else:
        values = [m.pop() for _ in range(opcode.pops)][::-1]
    m.hold(_top(m), values)


def _text(m: Machine, opcode: Opcode, argument: Argument) -> None:
    value = argument if isinstance(argument, Blob) else _decoded(opcode.name, _blank(argument))
    if m.keep and (isinstance(value, Blob) or (isinstance(value, str) and len(value) >= 8)):
        m.happened.texts.append(value)
    m.stack.append(value)


def _decoded(name: str, raw: bytes) -> object:
    if name == "STRING":
        text = raw.strip()
        quoted = len(text) >= 2 and text[:1] == text[-1:] and text[:1] in (b"'", b'"')
        return _ESCAPED.sub(_unescaped, text[1:-1]).decode("utf-8", "backslashreplace") if quoted else OPAQUE
    if name == "UNICODE":
        return raw.decode("raw-unicode-escape", "replace")
    return raw.decode("utf-8", "backslashreplace")


def _unescaped(found: "re.Match[bytes]") -> bytes:
    word = found[1]
    if len(word) > 1 and word[:1] == b"x":
        return bytes([int(word[1:], 16)])
    if word[:1].isdigit():
        return bytes([int(word, 8) & 0xFF]) if word[:1] < b"8" else found[0]
    return _PLAIN.get(word, word if word in b"\\'\"" else found[0])


def _octets(m: Machine, _opcode: Opcode, argument: Argument) -> None:
    value = argument if isinstance(argument, Blob) else _blank(argument)
    if m.keep and (isinstance(value, Blob) or len(value) >= 6):
        m.happened.texts.append(value)
    m.stack.append(value)


def _remember(m: Machine, opcode: Opcode, argument: Argument) -> None:
    value = _top(m)
    m.memo[len(m.memo) if opcode.name == "MEMOIZE" else _index(opcode, argument)] = value
    if len(m.memo) > MOST_STACK * 4:
        raise TooLarge(SUBJECT, "a memo without end", f"at most {MOST_STACK * 4}")


def _recall(m: Machine, opcode: Opcode, argument: Argument) -> None:
    key = _index(opcode, argument)
    if key not in m.memo:
        raise Malformed(SUBJECT, f"nothing remembered as {key}", "a memo entry")
    m.stack.append(m.memo[key])


def _index(opcode: Opcode, argument: Argument) -> int:
    raw = _blank(argument)
    if opcode.name not in ("PUT", "GET"):
        key = int.from_bytes(raw, "little")
    else:
        text = raw.strip()
        if not text.isdigit() or len(text) > 18:
            raise Malformed(SUBJECT, f"the memo index {text[:20]!r}", "a number")
        key = int(text)
    if key > MOST_MEMO_INDEX:
        raise TooLarge(SUBJECT, f"the memo index {key}", f"at most {MOST_MEMO_INDEX}")
    return key


def _global(m: Machine, opcode: Opcode, argument: Argument) -> None:
    lines = argument if isinstance(argument, tuple) else (b"", b"")
    module, name = (a.decode("utf-8", "backslashreplace") for a in lines)
    found = m.imported(module, name)
    if opcode.name == "INST":
        m.call(found, tuple(m.pop_mark()), "INST")
    else:
        m.stack.append(found)


def _stack_global(m: Machine, _opcode: Opcode, _argument: Argument) -> None:
    name, module = m.pop(), m.pop()
    m.stack.append(m.imported(module, name))


def _extension(m: Machine, _opcode: Opcode, argument: Argument) -> None:
    m.stack.append(m.imported(EXTENSION, str(int.from_bytes(_blank(argument), "little"))))


def _persistent(m: Machine, opcode: Opcode, argument: Argument) -> None:
    value = m.pop() if opcode.name == "BINPERSID" else _blank(argument).decode("utf-8", "backslashreplace")
    made = Persistent(value)
    if m.keep:
        m.happened.persistent.append(made)
    m.stack.append(made)


def _called(m: Machine, opcode: Opcode, _argument: Argument) -> None:
    if opcode.name == "OBJ":
        taken = m.pop_mark()
        if not taken:
            raise Malformed(SUBJECT, "a mark with nothing above it", "a class")
        m.call(taken[0], tuple(taken[1:]), "OBJ")
        return
    words = m.pop() if opcode.name == "NEWOBJ_EX" else None
    arguments = m.pop()
    given = (arguments, words) if words is not None else arguments
    m.call(m.pop(), given, opcode.name)


def _build(m: Machine, _opcode: Opcode, _argument: Argument) -> None:
    state = m.pop()
    target = _top(m)
    m.happened.called += 1
    if isinstance(target, Global):
        m.happened.changed.append(target)
    elif isinstance(target, Call):
        target.states.append(state)
        if m.after_build is not None:
            m.after_build(m, target)


def _protocol(_m: Machine, _opcode: Opcode, argument: Argument) -> None:
    if _blank(argument)[0] > HIGHEST_PROTOCOL:
        raise Malformed(SUBJECT, f"protocol {_blank(argument)[0]}", f"at most {HIGHEST_PROTOCOL}")


def _nothing(_m: Machine, _opcode: Opcode, _argument: Argument) -> None:
    """FRAME only says how much to read ahead; READONLY_BUFFER changes nothing that matters."""


def _buffer(m: Machine, _opcode: Opcode, _argument: Argument) -> None:
    m.happened.out_of_band = True
    m.stack.append(OPAQUE)


def _pop_to_mark(m: Machine, _opcode: Opcode, _argument: Argument) -> None:
    m.pop_mark()


Handler = Callable[[Machine, Opcode, Argument], None]
_HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(_CONSTANTS, _constant),
    **dict.fromkeys(TEXT, _text),
    **dict.fromkeys(_BYTES, _octets),
    **dict.fromkeys(("TUPLE", "LIST", "DICT", "FROZENSET"), _gathered),
    **dict.fromkeys(("TUPLE1", "TUPLE2", "TUPLE3"), _short_tuple),
    **dict.fromkeys(("APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS"), _added),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _remember),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _recall),
    **dict.fromkeys(("GLOBAL", "INST"), _global),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _extension),
    **dict.fromkeys(("PERSID", "BINPERSID"), _persistent),
    **dict.fromkeys(("REDUCE", "NEWOBJ", "NEWOBJ_EX", "OBJ"), _called),
    **dict.fromkeys(("FRAME", "READONLY_BUFFER", "STOP"), _nothing),
    "MARK": _mark,
    "POP": _pop,
    "POP_MARK": _pop_to_mark,
    "DUP": _dup,
    "STACK_GLOBAL": _stack_global,
    "BUILD": _build,
    "PROTO": _protocol,
    "NEXT_BUFFER": _buffer,
}
_TABLE: dict[int, tuple[Opcode, int, Handler]] = {
    byte: (o, o.argument if isinstance(o.argument, int) else -1, _HANDLERS[o.name]) for byte, o in OPCODES.items()
}
