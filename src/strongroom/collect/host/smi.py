"""`nvidia-smi -q -x`: one machine's GPUs as the driver sees them.

The file may come from anywhere, so it is parsed with entities and an internal DTD refused (an entity can expand to
gigabytes, "billion laughs"), without fetching the DTD that it names, and within bounds of size, depth and number.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed, TooLarge
from strongroom.model.values import Unknown

MAX_BYTES = 16 * 1024 * 1024
MAX_ELEMENTS = 400_000
MAX_DEPTH = 32
ROOT = "nvidia_smi_log"
# What nvidia-smi prints for a thing that this GPU does not have, and for one that it could not ask.
_NOTHING = (
    "N/A",
    "[N/A]",
    "Not Supported",
    "[Not Supported]",
    "None",
    "",
    "Requested functionality has been deprecated",
)
_REFUSED = ("Insufficient Permissions", "[Insufficient Permissions]")
_LOST = re.compile(r"GPU is lost|ERR!|\[?Unknown Error\]?|\[?GPU requires reset\]?", re.IGNORECASE)
_YES = ("enabled", "yes", "on", "active")
_NO = ("disabled", "no", "off", "not active")


@dataclass(slots=True)
class Element:
    """One element, with the line that it begins on."""

    tag: str
    line: int
    attributes: dict[str, str]
    text: str = ""
    children: list["Element"] = field(default_factory=list)
    teller: str = "nvidia-smi"

    def find(self, path: str) -> "Element | None":
        """The first element at a path like `ecc_mode/current_ecc`."""
        here: Element | None = self
        for tag in path.split("/"):
            here = next((c for c in here.children if c.tag == tag), None) if here is not None else None
        return here


@dataclass(slots=True)
class _Builder:
    file: str
    offset: int  # lines before the XML, where it is part of a larger file
    parser: expat.XMLParserType
    stack: list[Element] = field(default_factory=list)
    root: Element | None = None
    count: int = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Open an element."""
        self.count += 1
        line = self.parser.CurrentLineNumber + self.offset
        if len(self.stack) >= MAX_DEPTH or self.count > MAX_ELEMENTS:
            limit = f"at most {MAX_DEPTH} levels and {MAX_ELEMENTS} elements"
            raise TooLarge(f"{self.file}:{line}", "too many elements", limit)
        element = Element(tag, line, attributes)
        if self.stack:
            self.stack[-1].children.append(element)
        elif self.root is None:
            self.root = element
        self.stack.append(element)

    def end(self, _tag: str) -> None:
        """Close it."""
        done = self.stack.pop()
        done.text = done.text.strip()

    def data(self, text: str) -> None:
        """Text of the element that is open."""
        if self.stack:
            self.stack[-1].text += text

    def doctype(self, _name: str, _system: str | None, _public: str | None, internal: int) -> None:
        """A DOCTYPE may name a DTD, which is never fetched; it may not bring one."""
        if internal:
            self.refuse()

    def refuse(self, *_: object) -> int:
        """Any declaration or use of an entity of its own."""
        line = self.parser.CurrentLineNumber + self.offset
        raise Malformed(f"{self.file}:{line}", "an entity or a DTD of its own", "plain nvidia-smi -q -x output")


def parse(data: bytes, file: str, offset: int = 0) -> Element:
    """The root element. Raises Malformed or TooLarge with file and line."""
    if len(data) > MAX_BYTES:
        raise TooLarge(file, f"{len(data)} bytes", f"at most {MAX_BYTES}")
    parser = expat.ParserCreate("utf-8")
    builder = _Builder(file, offset, parser)
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = builder.doctype
    parser.EntityDeclHandler = builder.refuse
    parser.UnparsedEntityDeclHandler = builder.refuse
    parser.ExternalEntityRefHandler = builder.refuse
    parser.SkippedEntityHandler = builder.refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as e:
        what = expat.ErrorString(e.code) or "an error"
        raise Malformed(f"{file}:{e.lineno + offset}", what, "complete XML", "save nvidia-smi -q -x again") from None
    if builder.root is None or builder.root.tag != ROOT:
        found = builder.root.tag if builder.root is not None else "nothing"
        raise Malformed(file, f"<{found[:40]}>", f"<{ROOT}>", "save the output of nvidia-smi -q -x")
    return builder.root


def is_smi(head: bytes) -> bool:
    """Whether a file's first bytes are the output of `nvidia-smi -q -x`."""
    return re.search(rb"<(!DOCTYPE\s+)?nvidia_smi_log\b", head[:4096]) is not None


def gpus(root: Element) -> Iterator[tuple[str, Element]]:
    """Every GPU with its PCI address in the kernel's form, `0000:53:00.0`."""
    for element in root.children:
        if element.tag == "gpu":
            yield address(element.attributes.get("id", "")), element


def address(text: str) -> str:
    """A PCI address in the kernel's form; the driver writes the domain with eight digits."""
    domain, _, rest = text.lower().partition(":")
    return f"{domain[-4:].rjust(4, '0')}:{rest}" if rest.count(":") == 1 else text.lower()


def text(gpu: Element, path: str) -> str | Unknown | None:
    """What stands at a path; None for a thing that this GPU does not have."""
    found = gpu.find(path)
    if found is None:
        return Unknown(GapCode.UNSUPPORTED, f"{gpu.teller}: this driver prints no <{path}>")
    if found.text in _REFUSED:
        return Unknown(GapCode.DENIED, f"{gpu.teller}: {path}: insufficient permissions: run as root")
    if _LOST.search(found.text):
        return Unknown(GapCode.CRASHED, f"{gpu.teller}: {path}: {found.text}")
    return None if found.text in _NOTHING else found.text


def flag(gpu: Element, path: str) -> bool | Unknown | None:
    """A word that means on or off; None for a thing that this GPU does not have."""
    found = text(gpu, path)
    if not isinstance(found, str):
        return found
    if found.lower() in (*_YES, *_NO):
        return found.lower() in _YES
    return Unknown(GapCode.MALFORMED, f"{gpu.teller}: {path}: found {found[:40]!r}, wanted Enabled or Disabled")


def number(gpu: Element, path: str) -> int | Unknown | None:
    """A number, without its unit."""
    found = text(gpu, path)
    if not isinstance(found, str):
        return found
    digits = found.split()[0]
    return (
        int(digits) if digits.isdigit() else Unknown(GapCode.MALFORMED, f"{gpu.teller}: {path}: found {found[:40]!r}")
    )
