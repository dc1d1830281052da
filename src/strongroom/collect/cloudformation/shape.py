"""How a type of CloudFormation is put into the form of a table: which native type it is, and what stands elsewhere.

Most of a table's paths are CloudFormation's names in lower case, so a shape lists only what is irregular: names that
differ, values that are written otherwise, properties that are blocks of their own to a table, and other defaults.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from strongroom.collect.cloudformation.scope import Open, snake
from strongroom.collect.native import Default, Native, Row
from strongroom.collect.resource import Link, Sensitive, undecided
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

Values = dict[str, object]
TEMPLATES = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/"
# Properties whose inside has names of its own: policies, tags, settings of containers.
OPAQUE = frozenset(
    {
        "access_policies",
        "assume_role_policy_document",
        "bucket_policy",
        "content",
        "environment",
        "event_pattern",
        "file_system_policy",
        "hyper_parameters",
        "inline_policy",
        "key_policy",
        "model_package_group_policy",
        "policy",
        "policy_document",
        "repository_policy_text",
        "resource_policy",
        "tags",
    }
)
_SECRET = re.compile(
    r"(^|_)(password|passwd|secret|secret_string|secret_value|secret_key|private_key|api_key|access_key|auth_token"
    r"|client_secret|connection_string|master_user_password)$"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A property that is a block of its own to the tables. One that is `shown` is an asset beside its owner."""

    native: str
    suffix: str
    values: Values
    shown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One type of CloudFormation. Paths are those of properties in lower case (`snake`).

    `moves` are (from, to); `make` then changes what is left, or answers anew; `parts` are what stands apart. `rows`
    replace rows of the table, or add some. A property of `required` that is missing is unknown: CloudFormation would
    refuse the template.
    """

    type: str
    native: str | Callable[[Values], str]
    moves: tuple[tuple[str, str], ...] = ()
    make: Callable[[Values], Values | None] | None = None
    parts: Callable[[Values, Link], Iterable[Part]] | None = None
    rows: tuple[Row, ...] = ()
    required: tuple[str, ...] = ()


def page(native: str) -> str:
    """The page of the Template Reference about a type."""
    return f"{TEMPLATES}aws-resource-{'-'.join(native.lower().split('::')[1:])}.html"


def table_of(shape: Shape, table: Native) -> Native:
    """The table of a type, with what the shape replaces, and with defaults that cite CloudFormation's own page."""
    own = {r.fact: r for r in shape.rows}
    known = {r.fact: own.get(r.fact, _cited(r, shape.type)) for r in table.rows}
    return replace(table, type=shape.type, rows=tuple((known | own).values()))


def _cited(row: Row, native: str) -> Row:
    if row.default is None or "registry.terraform.io" not in row.default.source:
        return row
    return replace(row, default=Default(row.default.value, page(native)))


def tidy(properties: Mapping[str, object]) -> Values:
    """Properties with the names that tables use. What is called like a secret is judged and never printed."""
    found = _tidied("", properties)
    assert isinstance(found, dict)
    return found


def _tidied(name: str, value: object) -> object:
    if isinstance(value, dict):
        if name in OPAQUE:
            return value
        made = {(k := snake(n)): _tidied(k, v) for n, v in value.items()}
        return Open(made, value.why) if isinstance(value, Open) else made
    if isinstance(value, list):
        return value if name in OPAQUE else [_tidied("", v) for v in value]
    hidden = isinstance(value, str) and value and _SECRET.search(name) and undecided(value) is None
    return Sensitive(value) if hidden else value


def shaped(shape: Shape, properties: Mapping[str, object]) -> Values:
    """The values of one resource as the tables take them."""
    values = tidy(properties)
    for name in shape.required:
        if values.get(snake(name)) is None:
            values[snake(name)] = Unknown(GapCode.MALFORMED, f"{name} must be given, and is not")
    for source, target in shape.moves:
        move(values, source, target)
    if shape.make is not None:
        values = shape.make(values) or values
    marks = values.get("tags")
    if marks is not None:
        values["tags"] = tags(marks)
    return values


# Steps of shapes


class _Absent:
    """Nothing at all, which is not the same as null."""


_ABSENT = _Absent()


def move(values: Values, source: str, target: str) -> None:
    """Take what stands at one path to another; in every element where the path goes through a list."""
    head, _, rest = source.partition(".")
    first, _, after = target.partition(".")
    here = values.get(head) if head in values else None
    if head == first and isinstance(here, Unknown):
        return  # within what is unknown as a whole nothing moves: a mapping in its place would look like one that is given
    if head == first and rest and after and isinstance(here, list):
        for one in here:
            if isinstance(one, dict):
                move(one, rest, after)
        return
    found = _taken(values, source.split("."))
    if not isinstance(found, _Absent):
        put(values, target, found)


def _taken(values: Values, path: list[str]) -> object:
    here: object = values
    for n, name in enumerate(path):
        if isinstance(here, Unknown):
            return here
        if not isinstance(here, dict):
            return _ABSENT
        if name not in here:
            return here.why if isinstance(here, Open) else _ABSENT
        if n == len(path) - 1:
            return here.pop(name)
        here = here[name]
    return _ABSENT


def put(values: Values, path: str, value: object) -> None:
    """Set what stands at a path, with the mappings on the way."""
    *way, last = path.split(".")
    here = values
    for name in way:
        inner = here.get(name)
        if not isinstance(inner, dict):
            inner = {}
            here[name] = inner
        here = inner
    here[last] = value


def items(value: object) -> list[object]:
    """The elements of a list; one thing that stands where a list may is its only element."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def each(value: object, change: Callable[[Values], object]) -> object:
    """A list with every mapping in it changed; what is not known stays as it is."""
    if value is None or isinstance(value, Unknown | Link):
        return value
    return [change(v) if isinstance(v, dict) else v for v in items(value)]


def renamed(**names: str) -> Callable[[Values], object]:
    """A change of a mapping's names (new name = old name); what is not named stays."""
    old = {was: now for now, was in names.items()}

    def change(block: Values) -> object:
        made = {old.get(k, k): v for k, v in block.items()}
        return Open(made, block.why) if isinstance(block, Open) else made

    return change


def equals(value: object, word: str) -> object:
    """Whether a value is a word, without regard to case; unknown where it is not known, None where it is not there."""
    doubt = undecided(value)
    if doubt is not None or value is None:
        return doubt
    return str(value).lower() == word.lower()


def tags(raw: object) -> object:
    """Tags as a mapping, whichever of the two ways they are written in; unknown where one of them is not known."""
    if not isinstance(raw, list):
        return raw
    found: Values = {}
    for one in raw:
        if isinstance(one, Unknown):
            return one
        if isinstance(one, dict):
            low = {str(k).lower(): v for k, v in one.items()}
            name = low.get("key", low.get("tagkey"))
            if isinstance(name, str):
                found[name] = low.get("value", low.get("tagvalue"))
    return found
