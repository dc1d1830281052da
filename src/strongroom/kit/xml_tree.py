"""A small XML document as it was written, and its canonical form: what an XML signature is over.

Sources: "Extensible Markup Language 1.0", "Namespaces in XML 1.0", and "Canonical XML 1.1" (W3C, 2008). Read strictly:
no document type, so no entity and no default; no comment, no processing instruction, no CDATA section; bounded in size,
depth and count. What is left has one canonical form only. Version 1.0 and 1.1 of the form differ in `xml:` attributes
alone, which are refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat  # document types, and with them every entity, are refused below

from strongroom.model.errors import Malformed, TooLarge

MOST = 1 << 20  # bytes; the longest manifest that a vendor publishes has under 64 KiB
MOST_DEPTH = 24
MOST_ELEMENTS = 4096
MOST_ATTRIBUTES = 256
_SUBJECT = "XML"
_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"})
_VALUE = str.maketrans({"&": "&amp;", "<": "&lt;", '"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"})


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute: the namespace of its prefix, empty where it has none, and its normalised value."""

    space: str
    name: str  # as it was written, with its prefix
    local: str
    value: str


@dataclass(frozen=True, slots=True, eq=False)
class Element:
    """An element: its namespace and local name, and all that it holds. `scope` are the namespaces that hold within."""

    space: str
    name: str  # as it was written, with its prefix
    local: str
    attributes: tuple[Attribute, ...]
    scope: Mapping[str, str]
    children: list["Element | str"] = field(default_factory=list)

    def get(self, local: str, space: str = "") -> str:
        """The value of an attribute; empty where there is none."""
        return next((a.value for a in self.attributes if a.local == local and a.space == space), "")

    def elements(self, space: str = "", local: str = "") -> list["Element"]:
        """The elements right within, of a namespace and a name where those are given."""
        held = (c for c in self.children if isinstance(c, Element))
        return [c for c in held if (not space or c.space == space) and (not local or c.local == local)]

    @property
    def text(self) -> str:
        """The text right within."""
        return "".join(c for c in self.children if isinstance(c, str))

    def walk(self) -> Iterator["Element"]:
        """This element and all within."""
        yield self
        for child in self.elements():
            yield from child.walk()


def _bad(found: str, wanted: str) -> Malformed:
    return Malformed(_SUBJECT, found, wanted)


class _Builder:
    """Takes the parser's events. The parser calls back, so what is refused is raised through it."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self.open: list[Element] = []
        self.count = 0

    def start(self, name: str, pairs: list[str]) -> None:
        self.count += 1
        if self.count > MOST_ELEMENTS or len(self.open) >= MOST_DEPTH or len(pairs) > 2 * MOST_ATTRIBUTES:
            limits = f"{MOST_ELEMENTS} elements, {MOST_DEPTH} deep, with {MOST_ATTRIBUTES} attributes each"
            raise TooLarge(_SUBJECT, "too many elements, or attributes, or too deep", f"at most {limits}")
        element = _element(name, pairs, self.open[-1].scope if self.open else {})
        if self.open:
            self.open[-1].children.append(element)
        else:
            self.root = element
        self.open.append(element)

    def end(self, _: str) -> None:
        self.open.pop()

    def text(self, data: str) -> None:
        self.open[-1].children.append(data)

    def refuse(self, *_: object) -> None:
        raise _bad("a document type, comment, instruction or CDATA section", "elements and text alone")


def _element(name: str, pairs: list[str], outer: Mapping[str, str]) -> Element:
    held = list(zip(pairs[::2], pairs[1::2], strict=True))
    scope = dict(outer)
    plain = []
    for key, value in held:
        if key == "xmlns" or key.startswith("xmlns:"):
            scope[key[6:]] = _declared(key, value)
        else:
            plain.append((key, value))
    space, local = _resolved(name, scope, scope.get("", ""))
    attributes = tuple(Attribute(*_attribute(key, scope), value) for key, value in plain)
    if len({(a.space, a.local) for a in attributes}) < len(attributes):
        raise _bad(f"an attribute of {name[:60]!r} twice", "every attribute once")
    return Element(space, name, local, attributes, scope if len(plain) < len(held) else outer)


def _declared(key: str, uri: str) -> str:
    # A relative address has no canonical form; `xml` and `xmlns` are bound for ever.
    if key in ("xmlns:xml", "xmlns:xmlns") or (uri and ":" not in uri) or (key != "xmlns" and not uri):
        raise _bad(f"the namespace {key[:40]}={uri[:60]!r}", "an absolute address")
    return uri


def _resolved(name: str, scope: Mapping[str, str], default: str) -> tuple[str, str]:
    prefix, colon, local = name.partition(":")
    if not colon:
        return default, name
    if not prefix or not local or ":" in local or prefix not in scope:
        raise _bad(f"the name {name[:60]!r}", "a prefix that is declared, and a name")
    return scope[prefix], local


def _attribute(name: str, scope: Mapping[str, str]) -> tuple[str, str, str]:
    space, local = _resolved(name, scope, "")
    return space, name, local


def parse(data: bytes) -> Element:
    """The root of a document in UTF-8. Raises Malformed, TooLarge."""
    if len(data) > MOST:
        raise TooLarge(_SUBJECT, f"{len(data)} bytes", f"at most {MOST}")
    builder = _Builder()
    parser = expat.ParserCreate("utf-8")
    parser.ordered_attributes = True
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = builder.refuse
    parser.CommentHandler = builder.refuse
    parser.ProcessingInstructionHandler = builder.refuse
    parser.StartCdataSectionHandler = builder.refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as e:
        raise _bad(f"line {e.lineno}: {expat.ErrorString(e.code)}", "one well-formed document") from None
    if builder.root is None:
        raise _bad("nothing", "one element")
    return builder.root


def canonical(element: Element, without: Element | None = None) -> bytes:
    """The canonical form of an element and all within, except one (Canonical XML 1.1, section 2, no comments)."""
    out: list[str] = []
    _write(element, {}, without, out)
    return "".join(out).encode()


def _write(element: Element, shown: Mapping[str, str], without: Element | None, out: list[str]) -> None:
    scope = element.scope
    fresh = sorted(p for p, uri in scope.items() if shown.get(p, "") != uri)
    out.append(f"<{element.name}")
    out.extend(f' xmlns{":" if p else ""}{p}="{scope[p].translate(_VALUE)}"' for p in fresh)
    ordered = sorted(element.attributes, key=lambda a: (a.space, a.local))
    out.extend(f' {a.name}="{a.value.translate(_VALUE)}"' for a in ordered)
    out.append(">")
    for child in element.children:
        if isinstance(child, str):
            out.append(child.translate(_TEXT))
        elif child is not without:
            _write(child, scope, without, out)
    out.append(f"</{element.name}>")
