"""The text that `host_collector.sh` writes: framed, versioned sections, each with its own digest.

The format is described at the head of the script. A document that is cut short, damaged or of another version is
refused whole: half of a host's record could show the good half.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from strongroom.model.errors import Malformed, TooLarge

MAGIC = "strongroom-host/"
VERSION = 1
MAX_BYTES = 16 * 1024 * 1024
MAX_SECTIONS = 5_000
RERUN = "run host_collector.sh again and keep its whole output"
_HEAD = re.compile(r"@ (\S+) (ok|denied|absent|failed) ([0-9a-f]{16})(?: (.*))?")
_END = re.compile(r"@end (\d{1,6})")


@dataclass(frozen=True, slots=True)
class Section:
    """One framed piece: `status` is ok, denied, absent or failed; `detail` says why it is not ok."""

    name: str
    status: str
    detail: str
    lines: tuple[str, ...]
    line: int  # 1-based, of its header


@dataclass(frozen=True, slots=True)
class Document:
    """The record of one host: its sections by name, and where it begins."""

    file: str
    line: int
    sections: Mapping[str, Section]


def is_document(head: bytes) -> bool:
    """Whether a file's first bytes hold the first line of a document, perhaps after a login banner."""
    return re.search(rb"(?m)^" + MAGIC.encode(), head) is not None


def parse(data: bytes, file: str) -> tuple[Document, ...]:
    """Every document of a file: one, or several that were written one after another.

    Lines before and between documents are ignored, as a login shell may print a banner. Raises Malformed, naming
    file and line, or TooLarge.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge(file, f"{len(data)} bytes", f"at most {MAX_BYTES}")
    lines = _lines(data, file)
    documents = []
    at = 0
    while at < len(lines):
        if lines[at].startswith(MAGIC):
            document, at = _document(lines, at, file)
            documents.append(document)
        elif lines[at].startswith("@ ") or _END.fullmatch(lines[at]):
            raise Malformed(f"{file}:{at + 1}", "a section outside of a document", f"{MAGIC}{VERSION} before it", RERUN)
        else:
            at += 1
    if not documents:
        raise Malformed(file, f"no line {MAGIC}{VERSION}", "the output of host_collector.sh", RERUN)
    return tuple(documents)


def _lines(data: bytes, file: str) -> list[str]:
    try:
        lines = data.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        raise Malformed(f"{file}:{line}", f"byte 0x{data[e.start]:02x}", "UTF-8 text", RERUN) from None
    # `ssh -t` turns every newline into CR LF.
    crlf = any(line.startswith(MAGIC) and line.endswith("\r") for line in lines)
    return [line.removesuffix("\r") for line in lines] if crlf else lines


def _document(lines: Sequence[str], start: int, file: str) -> tuple[Document, int]:
    """The document that begins at index `start`, and the index after its end."""
    version = lines[start].removeprefix(MAGIC)
    if version != str(VERSION):
        wanted = f"{MAGIC}{VERSION}"
        raise Malformed(f"{file}:{start + 1}", f"version {version[:20]!r}", wanted, "use the script of this release")
    sections: dict[str, Section] = {}
    at = start + 1
    while at < len(lines):
        end = _END.fullmatch(lines[at])
        if end:
            if int(end[1]) != len(sections):
                raise Malformed(f"{file}:{at + 1}", f"{len(sections)} sections", f"{end[1]}", RERUN)
            return Document(file, start + 1, sections), at + 1
        section, at = _section(lines, at, file)
        if section.name in sections:
            raise Malformed(f"{file}:{section.line}", f"the section {section.name} again", "every section once", RERUN)
        sections[section.name] = section
        if len(sections) > MAX_SECTIONS:
            raise TooLarge(f"{file}:{at}", f"over {MAX_SECTIONS} sections", f"at most {MAX_SECTIONS}")
    raise Malformed(f"{file}:{len(lines)}", "the end of the file", "a line @end: the output was cut short", RERUN)


def _section(lines: Sequence[str], at: int, file: str) -> tuple[Section, int]:
    head = _HEAD.fullmatch(lines[at])
    if head is None:
        raise Malformed(f"{file}:{at + 1}", repr(lines[at][:40]), "a section header or @end", RERUN)
    stop = at + 1
    while stop < len(lines) and lines[stop].startswith(" "):
        stop += 1
    body = tuple(line[1:] for line in lines[at + 1 : stop])
    detail = head[4] or ""
    text = f"{head[1]} {head[2]} {detail}\n" + "".join(f"{line}\n" for line in body)
    if hashlib.sha256(text.encode()).hexdigest()[:16] != head[3]:
        raise Malformed(f"{file}:{at + 1}", f"a damaged section {head[1]}", "one that agrees with its digest", RERUN)
    return Section(head[1], head[2], detail, body, at + 1), stop
