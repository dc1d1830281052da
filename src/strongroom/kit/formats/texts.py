"""Text files beside a model: configurations, templates, programs and notebooks."""

import json

from strongroom.kit.formats import configs, templates
from strongroom.kit.formats.bounded import Source
from strongroom.kit.formats.claims import base_of, suffix_of
from strongroom.kit.formats.verdicts import Findings

MOST = 64 << 20
_MOST_TEMPLATE = 4 << 20
_TEMPLATES = (".jinja", ".jinja2", ".j2", ".template", ".tmpl", ".tpl")
_PROGRAMS = {
    ".py": "a program in Python", ".pyw": "a program in Python", ".pth": "a path file of Python, which can run code",
    ".sh": "a program for the shell", ".bash": "a program for the shell", ".js": "a program in JavaScript",
    ".mjs": "a program in JavaScript", ".ps1": "a program for PowerShell", ".bat": "a program for Windows",
    ".cmd": "a program for Windows", ".rb": "a program in Ruby", ".pl": "a program in Perl", ".lua": "a program in Lua",
    ".ipynb": "a notebook, whose cells are code", ".cu": "a program for GPUs", ".ptx": "a program for GPUs",
    ".html": "a page, which can hold code", ".svg": "a picture that can hold code",
}  # fmt: skip
_PLAIN = (".txt", ".md", ".rst", ".csv", ".tsv", ".jsonl", ".ndjson", ".log", ".xml", ".toml", ".ini", ".cfg", ".vocab",
          ".bib", ".lock", ".license", ".model", ".merges", ".gitattributes", ".gitignore")  # fmt: skip
_TEXT = frozenset(range(0x20, 0x7F)) | {7, 8, 9, 10, 12, 13, 27} | frozenset(range(0x80, 0x100))


def known(name: str) -> bool:
    """Whether a name says what kind of text a file is."""
    suffix = suffix_of(name)
    return suffix in (*_TEMPLATES, *_PROGRAMS, *_PLAIN, ".json", ".yaml", ".yml") and suffix != ".pth"


def textual(head: bytes, *, whole: bool) -> bool:
    """Whether bytes are text: no control characters, and UTF-8 but for a character that is cut where they end early."""
    if not head or not set(head) <= _TEXT:
        return False
    for cut in range(1 if whole else 4):
        try:
            head[: len(head) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return True
    return False


def judge(source: Source, name: str, found: Findings) -> None:
    """Add what a text would have somebody run."""
    low = base_of(name).lower()
    suffix = suffix_of(low)
    if suffix in _PROGRAMS:
        found.review("text.program", _PROGRAMS[suffix])
        return
    if suffix in _PLAIN:
        return
    data = source.at(0, min(source.size, MOST + 1))
    if len(data) > MOST:
        found.unreadable("text.large", f"{source.size} bytes of text; at most {MOST} are read")
    elif suffix == ".json":
        configs.judge_json(data, found)
    elif suffix in (".yaml", ".yml"):
        configs.judge_yaml(data, found)
    elif suffix in _TEMPLATES:
        templates.judge(data.decode("utf-8", "replace"), found)
    elif data.lstrip()[:1] == b"{" and configs.is_json(data):
        configs.judge_json(data, found)


def keras_metadata(source: Source, found: Findings) -> bool:
    """Judge the configurations in TensorFlow's `keras_metadata.pb`: JSON texts within protocol buffers."""
    data = source.at(0, min(source.size, MOST))
    text, place, seen = data.decode("latin-1"), 0, False
    decoder = json.JSONDecoder()
    while True:
        place = text.find('{"', place)
        if place < 0:
            return seen
        try:
            root, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place += 2
            continue
        configs.judge_tree(root, found)
        seen, place = True, end
