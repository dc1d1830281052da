"""The register of artifacts as text: the template to begin with, and entries added or replaced, comments kept."""

import re
from datetime import date

from strongroom.kit.artifact_classes import Entry
from strongroom.model.errors import BadInput

_HEAD = re.compile(r"^\s*\[\[\s*artifact\s*\]\]\s*(#.*)?$")
_TABLE = re.compile(r"^\s*\[")
_VERSION = re.compile(r"^version\s*=\s*\d+", re.MULTILINE)

_CLASSES = (
    ("weights", "restricted", 0, ("ART-01", "ART-03", "ART-04", "ART-05"), "Trained parameters: whoever has them has the model."),
    ("checkpoints", "restricted", 0, ("ART-01", "ART-03", "TEE-11"), "States of training, optimizer included."),
    ("adapters", "confidential", 1, ("ART-01", "ART-04"), "LoRA and other deltas; they show what they were trained on."),
    ("embeddings", "confidential", 1, ("ART-01",), "Vectors of documents; much of the text can be had back from them."),
    ("datasets", "confidential", 1, ("ART-01", "ART-07"), "What models are trained and tested on."),
    ("feature-stores", "confidential", 1, ("ART-01",), "Features of people and things, as models see them."),
    ("vector-stores", "confidential", 1, ("ART-01", "IAM-03"), "Indexes that answer by likeness."),
    ("prompt-logs", "restricted", 1, ("ART-01", "LOG-01"), "What people asked and were told."),
)  # fmt: skip
_TIERS = (
    (0, "crown jewels", "Proprietary weights, regulated data, or several owners at once: confidential computing only."),
    (1, "confidential", "Data and models of customers or of value: hardened nodes, keys of our own, no way out."),
    (2, "internal", "Work that stays inside: ordinary nodes with the baseline of all controls."),
    (3, "open", "Public models and data: nothing is lost when they leave."),
)


def template(owner: str, today: date) -> str:
    """A register to begin with: every class and tier, and no artifact yet."""
    out = [
        "# What counts as a model artifact here, how sensitive each class is, and which artifacts there are.",
        "# Change it, then sign it again with `strongroom artifacts define`; unsigned, nothing in it counts.",
        'schema = "strongroom.artifacts/1"',
        "version = 1",
        f"owner = {quoted(owner)}  # who answers for this file",
        f"reviewed = {today.isoformat()}  # to be reviewed within twelve months",
        "",
        "# Workload tiers. 0 is the highest; a class names the tier of the workloads that may open it.",
    ]
    for number, name, about in _TIERS:
        out += ["[[tier]]", f"tier = {number}", f"name = {quoted(name)}", f"about = {quoted(about)}", ""]
    out.append("# Classes. `requires` names controls (ART-01) or clauses (ART-04.signed). Add classes of your own.")
    for name, sensitivity, tier, requires, about in _CLASSES:
        out += [
            f"[class.{name}]",
            f"about = {quoted(about)}",
            f"sensitivity = {quoted(sensitivity)}  # public, internal, confidential or restricted",
            f"tier = {tier}",
            f"owner = {quoted(owner)}",
            f"requires = [{', '.join(quoted(r) for r in requires)}]",
            "",
        ]
    out += ["# Artifacts. `strongroom artifacts register PATH --class weights` adds them with their digests.", ""]
    return "\n".join(out)


def quoted(text: str) -> str:
    """A text as a basic string of TOML."""
    out = []
    for c in text:
        if c in '"\\':
            out.append("\\" + c)
        elif c < " " or c == "\x7f" or "\ud800" <= c <= "\udfff":
            out.append(f"\\u{ord(c):04x}" if c < "\ud800" else "\ufffd")
        else:
            out.append(c)
    return '"' + "".join(out) + '"'


def block(entry: Entry) -> str:
    """An entry as a table of TOML."""
    lines = ["[[artifact]]"]
    for key, value in (("path", entry.path), ("uri", entry.uri), ("class", entry.name), ("owner", entry.owner)):
        lines += [f"{key} = {quoted(value)}"] if value else []
    lines += [f"size = {entry.size}"] if entry.size is not None else []
    lines += [f"files = {entry.files}"] if entry.files is not None else []
    lines += [f"sha256 = {quoted(entry.sha256)}"] if entry.sha256 else []
    lines += [f"registered = {entry.registered.isoformat()}"] if entry.registered is not None else []
    lines += [f"note = {quoted(entry.note)}"] if entry.note else []
    return "\n".join(lines) + "\n"


def put(text: str, entries: list[Entry], replaced: dict[int, Entry], version: int) -> str:
    """The text with entries added at its end, some replaced in their places by number, and its version raised.

    Raises BadInput where the text is laid out so that an edit would change more than that.
    """
    lines = text.splitlines()
    for number in sorted(replaced, reverse=True):
        begin, end = _lines_of(lines, number)
        lines[begin:end] = [*block(replaced[number]).rstrip("\n").split("\n"), ""]
    body = "\n".join(lines).rstrip("\n") + "\n"
    for entry in entries:
        body += "\n" + block(entry)
    body, changed = _VERSION.subn(f"version = {version}", body, count=1)
    if not changed:
        raise BadInput("register of artifacts", "no line `version = N`", "one", "add it at the top of the file")
    return body


def _lines_of(lines: list[str], number: int) -> tuple[int, int]:
    heads = [n for n, line in enumerate(lines) if _HEAD.match(line)]
    if number >= len(heads):
        hint = "write each artifact as a table [[artifact]] of its own"
        raise BadInput("register of artifacts", f"artifact {number + 1} is not a table of its own", "one", hint)
    begin = heads[number]
    end = next((n for n in range(begin + 1, len(lines)) if _TABLE.match(lines[n])), len(lines))
    while end > begin + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1  # what is said before the next table is said of the next table
    return begin, end
