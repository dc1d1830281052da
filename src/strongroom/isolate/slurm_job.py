"""A job as Slurm has it, in the words of its job description, of `scontrol show job` or of sbatch (Slurm, sbatch(1)).

Spellings are read generously: upper and lower case, dashes, underscores. What is asked is never read as less than it is.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from strongroom.model.errors import Malformed

SUBJECT = "job"
# What Slurm writes where nothing is said (slurm.h: NO_VAL, NO_VAL16, NO_VAL64, and INFINITE).
_UNSET = frozenset({
    0xFFFFFFFE, 0xFFFE, 0xFFFFFFFFFFFFFFFE, 0xFFFFFFFF, 0xFFFF, "4294967294", "65534", "(null)", "N/A", "n/a",
})  # fmt: skip
_NAMES = {
    "account": ("account", "acctgaccount"), "qos": ("qos",), "user": ("user", "username", "userid", "uid"),
    "partition": ("partition", "partitions"), "constraint": ("features", "constraint", "constraints"),
    "reservation": ("reservation", "resvname", "reservations"),
}  # fmt: skip
_TRES = {
    "node": ("trespernode", "gres"), "job": ("tresperjob", "tres", "reqtres", "tresreqstr"), "task": ("trespertask",),
    "socket": ("trespersocket",),
}  # fmt: skip
_GPUS = {"node": "gpuspernode", "job": "gpus", "task": "gpuspertask", "socket": "gpuspersocket"}
_NODES = ("nodes", "numnodes", "maxnodes")  # the least is not the most
_TASKS = ("numtasks", "ntasks")
_SLICE = re.compile(r"\d+g\.\d+gb")
_COUNT = re.compile(r"(\d{1,18})([kmgtp]?)")
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")
_YES = frozenset({"", "yes", "true", "1", "exclusive", "node", "ok"})
# What squeue tells of a job in columns (squeue(1), --Format), and the field that each is.
COLUMN = 400  # characters
COLUMNS = {
    "UserName": "user", "Account": "account", "QOS": "qos", "Partition": "partition", "tres-per-node": "tres_per_node",
    "tres-per-job": "tres_per_job", "tres-per-task": "tres_per_task", "tres-per-socket": "tres_per_socket",
    "Feature": "features", "OverSubscribe": "oversubscribe", "NumNodes": "nodes", "NumTasks": "num_tasks",
    "Reservation": "reservation",
}  # fmt: skip
_HARMLESS = frozenset(
    {"comment", "admincomment", "name", "jobname", "timelimit", "timemin", "priority", "nice", "jobid"}
)


_FIELD = {
    **{name: key for key, names in _NAMES.items() for name in names},
    **{name: f"tres of each {per}" for per, names in _TRES.items() for name in (*names, _GPUS[per])},
    **dict.fromkeys(_NODES, "nodes"), **dict.fromkeys(_TASKS, "tasks"),
    **dict.fromkeys(("exclusive", "shared", "oversubscribe"), "sharing"),
}  # fmt: skip


class Gres(NamedTuple):
    """Something of GPUs that is asked for: `gpu`, `shard` or `mps`, of a type, so many, for each node, task … or the job."""

    kind: str
    type: str
    number: int
    per: str
    said: str = ""  # the field

    @property
    def slice(self) -> bool:
        """Whether it is a MIG instance by its type."""
        return self.kind == "gpu" and bool(_SLICE.search(self.type))


class Job(NamedTuple):
    """What of a job counts. `exclusive` is so for everybody, `oversubscribe` was asked; `nodes` is the most, 0 is not said."""

    user: str
    account: str
    qos: str
    partitions: tuple[str, ...]
    asked: tuple[Gres, ...]
    constraint: str
    exclusive: bool
    oversubscribe: bool
    nodes: int
    tasks: int
    reservations: tuple[str, ...]

    def gpus(self, per: str) -> int:
        """How many GPUs it surely gets for each node, task …: of several spellings, the one that says the least."""
        sums: dict[str, int] = {}
        for asked in self.asked:
            if asked.kind == "gpu" and asked.per == per:
                sums[asked.said] = sums.get(asked.said, 0) + asked.number
        return min(sums.values(), default=0)


def fold(table: Mapping[str, object]) -> dict[str, list[object]]:
    """The fields of a job by their folded names; what stands under several spellings all counts."""
    made: dict[str, list[object]] = {}
    for key, value in table.items():
        if value is not None and not (isinstance(value, str | int) and value in _UNSET):
            made.setdefault(re.sub(r"[^a-z0-9]", "", key.lower()), []).append(value)
    return made


def fields(table: Mapping[str, object]) -> set[str]:
    """Which fields of Slurm's own a table says, by whichever of their spellings."""
    return {_FIELD.get(name, name) for name in fold(table)}


def harmless(change: Mapping[str, object]) -> bool:
    """Whether a change is of nothing that the rule looks at: comment, name, time limit, priority."""
    return all(re.sub(r"[^a-z0-9]", "", key.lower()) in _HARMLESS for key in change)


def read(table: Mapping[str, object]) -> Job:
    """A job. Raises Malformed: a field of another type, or a number that is none."""
    held = fold(table)
    return Job(
        _one(held, "user"),
        _one(held, "account"),
        _one(held, "qos"),
        _many(held, "partition"),
        tuple(_asked(held)),
        _one(held, "constraint"),
        *_sharing(held),
        max((_most(v) for key in _NODES for v in held.get(key, ())), default=0),
        max((_most(v) for key in _TASKS for v in held.get(key, ())), default=0),
        _many(held, "reservation"),
    )


def _texts(held: dict[str, list[object]], key: str) -> list[str]:
    found = []
    for value in (v for name in _NAMES[key] for v in held.get(name, ())):
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise Malformed(SUBJECT, f"{key}: {str(value)[:40]}", "a text")
        text = str(value).strip()
        found += [text] if text else []
    return found


def _one(held: dict[str, list[object]], key: str) -> str:
    """A field. Raises Malformed where two spellings of it differ: nobody knows which one Slurm would take."""
    found = _texts(held, key)
    if key == "user":  # a name and a number are the same user
        names = [t for t in found if not t.isdigit()]
        found = names or found
        return found[0].partition("(")[0] if found else ""
    if len(set(found)) > 1:
        raise Malformed(SUBJECT, f"{key}: {' and '.join(found)[:80]}", "one of them")
    return found[0] if found else ""


def _many(held: dict[str, list[object]], key: str) -> tuple[str, ...]:
    found = [part.strip() for text in _lists(held, key) for part in text.split(",")]
    return tuple(dict.fromkeys(p for p in found if p))


def _lists(held: dict[str, list[object]], key: str) -> Iterator[str]:
    for value in (v for name in _NAMES[key] for v in held.get(name, ())):
        for text in value if isinstance(value, list) else [value]:
            if not isinstance(text, str):
                raise Malformed(SUBJECT, f"{key}: {str(text)[:40]}", "a text")
            yield text


def _asked(held: dict[str, list[object]]) -> Iterator[Gres]:
    for per, names in _TRES.items():
        yield from _fields(held, per, names, "")
    for per, name in _GPUS.items():
        yield from _fields(held, per, (name,), "gpu:")


def _fields(held: dict[str, list[object]], per: str, names: tuple[str, ...], before: str) -> Iterator[Gres]:
    for name in names:
        for number, value in enumerate(held.get(name, ())):
            for item in _items(value):
                found = gres(before + item, per)
                if found is not None and found.number:
                    yield found._replace(said=f"{name} {number}")


def _items(value: object) -> list[str]:
    if isinstance(value, list):
        return [item for one in value for item in _items(one)]
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Malformed(SUBJECT, f"{str(value)[:40]} as resources", "a text such as gres/gpu:2")
    # What stands in brackets says where, and may have commas of its own.
    return [item.strip() for item in re.sub(r"\([^)]*\)", "", str(value)).split(",") if item.strip()]


def gres(item: str, per: str) -> Gres | None:
    """One resource, `gres/gpu:type:2` or as Slurm writes it elsewhere; None for what is no GPU. Raises Malformed."""
    text = item.lower().replace("=", ":")
    text = text.removeprefix("gres/").removeprefix("gres:")
    kind, *rest = (part.strip() for part in text.split(":"))
    rest = [r for r in rest if r != "no_consume"]
    if kind not in {"gpu", "shard", "mps"}:
        return None
    count = 1
    if rest and (rest[-1] == "" or rest[-1][0] in "0123456789-+") and not _SLICE.fullmatch(rest[-1].partition("+")[0]):
        found = _COUNT.fullmatch(rest[-1])
        if found is None:
            raise Malformed(SUBJECT, f"{item[:60]!r}", "a number of them")
        count = int(found[1]) * 1024 ** (" kmgtp".index(found[2]) if found[2] else 0)
        rest = rest[:-1]
    return Gres(kind, ":".join(rest), count, per)


def _most(value: object) -> int:
    """The most of `2`, `2-4`. Raises Malformed."""
    found = (
        _RANGE.fullmatch(str(value).strip()) if isinstance(value, str | int) and not isinstance(value, bool) else None
    )
    if found is None:
        raise Malformed(SUBJECT, f"{str(value)[:40]} as a number of nodes or tasks", "a number or a range")
    return int(found[2] or found[1])


def _sharing(held: dict[str, list[object]]) -> tuple[bool, bool]:
    """Whether its nodes are its own before everybody, and whether it asked to share them."""
    exclusive = any(_exclusive(v) for v in held.get("exclusive", ()))
    asked = any(_yes(v) for v in held.get("oversubscribe", ()))
    for value in held.get("shared", ()):
        text = str(value).strip().lower()
        # job_desc.shared: 0 exclusive, 1 may be shared, 2 and more exclusive for one user, for one category …
        exclusive |= text in {"0", "none"} and not isinstance(value, bool)
        asked |= text in {"1", "true", "yes"}
    return exclusive, asked


def _exclusive(value: object) -> bool:
    words = value if isinstance(value, list) else [value]
    if any(isinstance(w, bool | str | int) is False for w in words):
        raise Malformed(SUBJECT, f"exclusive: {str(value)[:40]}", "true, or a word")
    return bool(words) and all(str(w).strip().lower() in _YES for w in words)


def _yes(value: object) -> bool:
    if not isinstance(value, bool | str | int):
        raise Malformed(SUBJECT, f"oversubscribe: {str(value)[:40]}", "true or false")
    return str(value).strip().lower() in {"", "yes", "true", "1", "force"}


def requires(constraint: str, feature: str) -> bool:
    """Whether every node of a job must have a feature, by its constraint (sbatch(1), --constraint).

    `a&b` needs both, `a|b` one; a number of nodes (`a*2`) says nothing of the others. What cannot be read requires nothing.
    """
    tokens = re.findall(r"[&|,()\[\]]|[^&|,()\[\]\s]+", constraint.strip().strip("'\""))
    found, rest = _either(tokens, feature)
    return found and not rest


def _either(tokens: list[str], feature: str) -> tuple[bool, list[str]]:
    found, rest = _both(tokens, feature)
    while rest and rest[0] in {"|", ","}:
        more, rest = _both(rest[1:], feature)
        found = found and more
    return found, rest


def _both(tokens: list[str], feature: str) -> tuple[bool, list[str]]:
    found, rest = _term(tokens, feature)
    while rest and rest[0] == "&":
        more, rest = _term(rest[1:], feature)
        found = found or more
    return found, rest


def _term(tokens: list[str], feature: str) -> tuple[bool, list[str]]:
    if not tokens:
        return False, ["?"]
    first, rest = tokens[0], tokens[1:]
    closing = {"(": ")", "[": "]"}.get(first)
    if closing is None:
        return (first == feature, rest) if first not in {"&", "|", ",", ")", "]"} else (False, ["?"])
    found, rest = _either(rest, feature)
    if not rest or rest[0] != closing:
        return False, ["?"]
    if len(rest) > 1 and rest[1].startswith("*"):
        return False, rest[2:]
    return found, rest[1:]


def record(text: str) -> dict[str, object]:
    """A job from squeue's columns. Raises Malformed: they are not all there, or one of them is full and may be cut off."""
    line = text.rstrip("\n")
    if "\n" in line or len(line.rstrip()) > COLUMN * len(COLUMNS) or not line.strip():
        raise Malformed(SUBJECT, f"{line.count(chr(10)) + 1} lines of {len(line)} characters", "one line of squeue")
    made: dict[str, object] = {}
    for number, field in enumerate(COLUMNS.values()):
        cell = line[number * COLUMN : (number + 1) * COLUMN]
        value = cell.strip()
        if len(value) >= COLUMN - 1:
            raise Malformed(SUBJECT, f"{field} of {COLUMN} characters", "less, so that it is whole")
        if field == "oversubscribe":  # squeue: NO is exclusive, YES was asked, OK is neither
            made |= {"NO": {"exclusive": True}, "YES": {"oversubscribe": True}}.get(value.upper(), {})
        elif value and value not in {"N/A", "(null)"}:
            made[field] = value
    return made
