"""The opcodes of pickle, protocols 0 to 5 (CPython, Lib/pickle.py): how long an argument is, and what the stack does.

An argument is a number of bytes, `line` (up to a newline), `two` (two lines), or `lN` (N bytes of length, then data).
"""

from typing import NamedTuple


class Opcode(NamedTuple):
    """One opcode. `pops` counts what it takes from the stack, `pushes` what it leaves there."""

    name: str
    argument: int | str
    pops: int
    pushes: int


def _table(text: str) -> dict[int, Opcode]:
    found = {}
    for line in text.strip().splitlines():
        byte, name, argument, pops, pushes = line.split()
        code = int(byte, 16)
        found[code] = Opcode(name, int(argument) if argument.isdigit() else argument, int(pops), int(pushes))
    return found


# byte, name, argument, pops, pushes; opcodes that take everything above a mark pop 0 here, and the walk does the rest.
OPCODES = _table("""
28 MARK 0 0 0
2e STOP 0 1 0
30 POP 0 0 0
31 POP_MARK 0 0 0
32 DUP 0 0 0
46 FLOAT line 0 1
49 INT line 0 1
4a BININT 4 0 1
4b BININT1 1 0 1
4c LONG line 0 1
4d BININT2 2 0 1
4e NONE 0 0 1
50 PERSID line 0 1
51 BINPERSID 0 1 1
52 REDUCE 0 2 1
53 STRING line 0 1
54 BINSTRING l4 0 1
55 SHORT_BINSTRING l1 0 1
56 UNICODE line 0 1
58 BINUNICODE l4 0 1
61 APPEND 0 1 0
62 BUILD 0 1 0
63 GLOBAL two 0 1
64 DICT 0 0 1
65 APPENDS 0 0 0
67 GET line 0 1
68 BINGET 1 0 1
69 INST two 0 1
6a LONG_BINGET 4 0 1
6c LIST 0 0 1
6f OBJ 0 0 1
70 PUT line 0 0
71 BINPUT 1 0 0
72 LONG_BINPUT 4 0 0
73 SETITEM 0 2 0
74 TUPLE 0 0 1
75 SETITEMS 0 0 0
7d EMPTY_DICT 0 0 1
5d EMPTY_LIST 0 0 1
29 EMPTY_TUPLE 0 0 1
47 BINFLOAT 8 0 1
80 PROTO 1 0 0
81 NEWOBJ 0 2 1
82 EXT1 1 0 1
83 EXT2 2 0 1
84 EXT4 4 0 1
85 TUPLE1 0 1 1
86 TUPLE2 0 2 1
87 TUPLE3 0 3 1
88 NEWTRUE 0 0 1
89 NEWFALSE 0 0 1
8a LONG1 l1 0 1
8b LONG4 l4 0 1
42 BINBYTES l4 0 1
43 SHORT_BINBYTES l1 0 1
8c SHORT_BINUNICODE l1 0 1
8d BINUNICODE8 l8 0 1
8e BINBYTES8 l8 0 1
8f EMPTY_SET 0 0 1
90 ADDITEMS 0 0 0
91 FROZENSET 0 0 1
92 NEWOBJ_EX 0 3 1
93 STACK_GLOBAL 0 2 1
94 MEMOIZE 0 0 0
95 FRAME 8 0 0
96 BYTEARRAY8 l8 0 1
97 NEXT_BUFFER 0 0 1
98 READONLY_BUFFER 0 0 0
""")

TO_MARK = frozenset(
    {"POP_MARK", "DICT", "APPENDS", "INST", "LIST", "OBJ", "TUPLE", "SETITEMS", "ADDITEMS", "FROZENSET"}
)
TEXT = frozenset({"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"})
PROTOCOLS = range(2, 6)  # those that begin with PROTO; readers take up to 5
