"""numpy's .npy (numpy.lib.format): magic, version, the length of a header, and a header in Python's own notation."""

import re

from strongroom.kit.formats.bounded import Source
from strongroom.model.errors import Malformed, TooLarge

MAGIC = b"\x93NUMPY"
SUBJECT = ".npy header"
_MOST = 1 << 20
_TEXT = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_OBJECT = re.compile(r"[|<>=]?O\d*")


def read(source: Source) -> tuple[bool, int]:
    """Whether the array holds Python objects, which are pickled, and where its data begins. Raises Malformed, TooLarge."""
    head = source.at(0, 12)
    if head[:6] != MAGIC or len(head) < 10:
        raise Malformed(SUBJECT, "another magic", "\\x93NUMPY")
    wide = head[6] >= 2
    if head[6] not in (1, 2, 3):
        raise Malformed(SUBJECT, f"version {head[6]}", "1, 2 or 3")
    length = int.from_bytes(head[8:12] if wide else head[8:10], "little")
    if length > source.size:
        raise Malformed(SUBJECT, f"a length of {length} in {source.size} bytes", "a length within the file")
    if length > _MOST:
        raise TooLarge(SUBJECT, f"{length} bytes", f"at most {_MOST}")
    text = source.at(12 if wide else 10, length).decode("latin-1")
    if not text.lstrip().startswith("{") or "descr" not in text:
        raise Malformed(SUBJECT, "no description", "a dictionary with descr")
    if "\\" in text or "(" in text.partition("shape")[0].replace("[(", "").replace(", (", ""):
        raise Malformed(SUBJECT, "an expression", "plain texts, lists and numbers")
    begin = length + (12 if wide else 10)
    return any(_OBJECT.fullmatch(a or b) for a, b in _TEXT.findall(text)), begin
