"""What a pickle would import, found by walking its opcodes; nothing of it is ever built, imported or called."""

import re
from dataclasses import dataclass, field

from strongroom.kit.formats.bounded import Cursor, Source
from strongroom.kit.formats.pickle_allow import HARMLESS
from strongroom.kit.formats.pickle_opcodes import OPCODES, PROTOCOLS, TEXT, TO_MARK, Opcode
from strongroom.model.errors import Malformed, TooLarge

SUBJECT = "pickle"
MOST_OPCODES = 2_000_000
MOST_STACK = 1_000_000
MOST_IMPORTS = 1_000
LONGEST_NAME = 1_024
COMPUTED = "(computed)"  # an import whose name is put together while the pickle is loaded
_NAME = re.compile(r"[\w.<>]+ [\w.<>]+")

_FIXED = {"GET", "BINGET", "LONG_BINGET", "EXT1", "EXT2", "EXT4", "NEXT_BUFFER"}
_CONSTANTS = {
    code: o.argument
    for code, o in OPCODES.items()
    if isinstance(o.argument, int) and (o.pops, o.pushes) == (0, 1) and o.name not in {*_FIXED, *TO_MARK}
}

Item = str | None  # a text that is known, or something else
_MARK = object()


@dataclass(slots=True)
class Walked:
    """What one pickle, or several behind each other, would import, in order, and where the walk ended.

    `whole` says that every opcode up to the last STOP was understood; `trouble` says why it was not.
    """

    imports: dict[str, None] = field(default_factory=dict)
    calls: int = 0
    streams: int = 0
    end: int = 0
    whole: bool = True
    trouble: str = ""
    out_of_band: bool = False

    @property
    def foreign(self) -> tuple[str, ...]:
        """The imports that are not on the list of harmless ones, as `module.name`."""
        return tuple(name.replace(" ", ".", 1) for name in self.imports if name not in HARMLESS)


@dataclass(slots=True)
class _Machine:
    """The stack as far as names need it: texts, marks, and everything else as None."""

    walked: Walked
    stack: list[object] = field(default_factory=list)
    memo: dict[int, object] = field(default_factory=dict)

    def imports(self, module: object, name: object) -> None:
        known = isinstance(module, str) and isinstance(name, str)
        if len(self.walked.imports) >= MOST_IMPORTS:
            raise TooLarge(SUBJECT, f"over {MOST_IMPORTS} imports", "fewer")
        self.walked.imports[f"{module} {name}"[:LONGEST_NAME] if known else f"{COMPUTED} {name}"[:LONGEST_NAME]] = None

    def pop(self) -> object:
        if not self.stack or self.stack[-1] is _MARK:
            raise Malformed(SUBJECT, "an empty stack", "what the opcode takes")
        return self.stack.pop()

    def pop_to_mark(self) -> list[object]:
        taken: list[object] = []
        while self.stack:
            item = self.stack.pop()
            if item is _MARK:
                return taken
            taken.append(item)
        raise Malformed(SUBJECT, "no mark on the stack", "a mark")


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
    return bool(found.imports) and all(_NAME.fullmatch(n) for n in found.imports)


def walk(source: Source, *, start: int = 0, most: int = MOST_OPCODES, streams: int = 64) -> Walked:
    """Walk the pickle at an offset, and those that follow it at once: loaders read several from one file.

    Never raises for what the bytes say: what cannot be followed is `trouble`, with everything imported up to there.
    """
    walked = Walked(end=start)
    cursor = Cursor(source, SUBJECT, start)
    budget = most
    while walked.streams < streams and cursor.left > 0 and (walked.streams == 0 or _another(source, cursor.place)):
        before = dict(walked.imports)
        try:
            budget = _stream(cursor, _Machine(walked), budget)
        except (Malformed, TooLarge) as e:
            if walked.streams and all(_NAME.fullmatch(n) is None for n in walked.imports if n not in before):
                walked.imports = before
                break  # what follows a whole pickle is payload, unless it imports
            walked.whole, walked.trouble = False, f"{e.found} at byte {cursor.place}"
            break
        walked.streams += 1
        walked.end = cursor.place
    return walked


def _another(source: Source, place: int) -> bool:
    """Whether another pickle follows: loaders of old checkpoints read them one behind the other."""
    head = source.at(place, 3)
    return looks_like(head) or head[:1] in (b"c", b"(")


def _stream(cursor: Cursor, machine: _Machine, budget: int) -> int:
    while True:
        budget -= 1
        if budget < 0:
            raise TooLarge(SUBJECT, "more opcodes than are followed", f"at most {MOST_OPCODES}")
        byte = cursor.take(1)[0]
        if byte in _CONSTANTS:
            # Most of a pickle: a value that names nothing, of a fixed length, onto the stack.
            cursor.skip(_CONSTANTS[byte])
            machine.stack.append(None)
            continue
        opcode = OPCODES.get(byte)
        if opcode is None:
            raise Malformed(SUBJECT, f"the byte 0x{byte:02x}", "an opcode")
        argument = _argument(cursor, opcode)
        if opcode.name == "STOP":
            machine.pop()
            return budget
        _step(machine, opcode, argument)
        if len(machine.stack) > MOST_STACK or len(machine.memo) > MOST_STACK:
            raise TooLarge(SUBJECT, "a stack without end", f"at most {MOST_STACK}")


def _argument(cursor: Cursor, opcode: Opcode) -> bytes | tuple[bytes, bytes]:
    kind = opcode.argument
    if isinstance(kind, int):
        return cursor.take(kind) if kind else b""
    if kind == "line":
        return cursor.line(1 << 16)
    if kind == "two":
        return cursor.line(), cursor.line()
    length = cursor.number(int(kind[1:]))
    if length > LONGEST_NAME or opcode.name not in TEXT:
        cursor.skip(length)
        return b""
    return cursor.take(length)


def _step(m: _Machine, opcode: Opcode, argument: bytes | tuple[bytes, bytes]) -> None:
    name = opcode.name
    if name == "MARK":
        m.stack.append(_MARK)
    elif name in ("POP", "DUP"):
        _pop_or_dup(m, name)
    elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GET", "BINGET", "LONG_BINGET"):
        _memory(m, name, argument)
    elif isinstance(argument, tuple):
        module, attribute = (a.decode("utf-8", "backslashreplace").strip() for a in argument)
        m.imports(module, attribute)
        _finish(m, opcode)
    elif name == "STACK_GLOBAL":
        last, first = m.pop(), m.pop()
        m.imports(first, last)
        m.stack.append(None)
    elif name.startswith("EXT"):
        # The registry of extensions is the loader's: the name of what is imported stands nowhere in the file.
        m.imports("(extension)", str(int.from_bytes(argument, "little")))
        m.stack.append(None)
    elif name in TEXT:
        m.stack.append(_text(name, argument))
    else:
        m.walked.out_of_band = m.walked.out_of_band or name == "NEXT_BUFFER"
        _finish(m, opcode)


def _finish(m: _Machine, opcode: Opcode) -> None:
    """The plain effect on the stack of what names nothing."""
    if opcode.name in TO_MARK:
        m.pop_to_mark()
    for _ in range(opcode.pops):
        m.pop()
    if opcode.name in ("REDUCE", "NEWOBJ", "NEWOBJ_EX", "INST", "OBJ", "BUILD"):
        m.walked.calls += 1
    m.stack.extend([None] * opcode.pushes)


def _pop_or_dup(m: _Machine, name: str) -> None:
    if not m.stack:
        raise Malformed(SUBJECT, "an empty stack", "what the opcode takes")
    if name == "DUP":
        m.stack.append(m.stack[-1])
    else:
        m.stack.pop()  # it takes a mark as well


def _memory(m: _Machine, name: str, argument: bytes | tuple[bytes, bytes]) -> None:
    if name == "MEMOIZE":
        key = len(m.memo)
    elif isinstance(argument, bytes) and name in ("PUT", "GET"):
        text = argument.decode("ascii", "replace").strip()
        if not text.isdecimal() or len(text) > 18:
            raise Malformed(SUBJECT, f"the memo index {text[:20]!r}", "a number")
        key = int(text)
    else:
        key = int.from_bytes(argument, "little") if isinstance(argument, bytes) else -1
    if name in ("GET", "BINGET", "LONG_BINGET"):
        if key not in m.memo:
            raise Malformed(SUBJECT, f"nothing remembered as {key}", "a memo entry")
        m.stack.append(m.memo[key])
        return
    if not m.stack:
        raise Malformed(SUBJECT, "an empty stack", "something to remember")
    m.memo[key] = m.stack[-1]


def _text(name: str, argument: bytes | tuple[bytes, bytes]) -> Item:
    if not isinstance(argument, bytes):
        return None
    if name == "STRING":
        text = argument.strip()
        quoted = len(text) >= 2 and text[:1] == text[-1:] and text[:1] in (b"'", b'"') and b"\\" not in text
        return text[1:-1].decode("utf-8", "backslashreplace") if quoted else None
    if name == "UNICODE" and b"\\" in argument:
        return None  # an escape: another name stands there than the one that is read
    return argument.decode("utf-8", "backslashreplace")
