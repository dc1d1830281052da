"""Adapter tables: one row says how one fact is read from one native type, and what the provider does by default.

A default without a source is a guess; every `Default` names the page that states it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from strongroom.collect.resource import Link, Pool, Resource, Satellites, Sensitive, pick, undecided
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Fact, Ref
from strongroom.model.kinds import Kind
from strongroom.model.values import Key, Unknown, Value


@dataclass(frozen=True, slots=True)
class Default:
    """What counts when nothing is given, and the address of the page that says so."""

    value: Value
    source: str


@dataclass(slots=True)
class Reader:
    """One resource as a row reads it. Whatever sensitive value a row touches makes its fact sensitive."""

    resource: Resource
    pool: Pool
    _marks: list[bool] = field(default_factory=list)  # shared with the readers of other resources that this one made

    @property
    def touched(self) -> bool:
        """Whether a sensitive value was read, here or in another resource on the way."""
        return bool(self._marks)

    def touch(self) -> None:
        """Remember that a sensitive value was read."""
        self._marks.append(True)

    def at(self, path: str) -> object:
        """The raw value at a dotted path (see `pick`); None when absent or null."""
        return self.open(pick(self.resource.values, path))

    def open(self, value: object) -> object:
        """A value out of its sensitive wrapper, remembering that it was one."""
        while isinstance(value, Sensitive):
            self.touch()
            value = value.value
        return value

    def blocks(self, path: str, within: object = None) -> tuple[Mapping[str, object], ...] | Unknown:
        """The nested blocks at a path: none, one or many; Unknown when their number is not known."""
        raw = self.open(pick(within, path)) if within is not None else self.at(path)
        if raw is None:
            return ()
        if isinstance(raw, Mapping):
            return (raw,)
        doubt = undecided(raw)
        if doubt is not None:
            return doubt
        if isinstance(raw, Sequence) and not isinstance(raw, str):
            inside = [self.open(b) for b in raw]
            first = next((undecided(b) for b in inside if not isinstance(b, Mapping)), None)
            return first if first is not None else tuple(b for b in inside if isinstance(b, Mapping))
        return Unknown(GapCode.MALFORMED, f"{path} is not a block")

    def flag(self, path: str, within: object = None) -> bool | Unknown | None:
        """A boolean; `"true"` and `"Enabled"` count as one, as the providers take them."""
        return as_flag(self._get(path, within))

    def text(self, path: str, within: object = None) -> str | Unknown | None:
        """A text that is wholly known."""
        return as_text(self._get(path, within))

    def number(self, path: str, within: object = None) -> float | Unknown | None:
        """A number, also when it is written as text."""
        return as_number(self._get(path, within))

    def texts(self, path: str, within: object = None) -> tuple[str | Unknown, ...] | Unknown | None:
        """A list of texts, each of which may be unknown."""
        raw = self._get(path, within)
        if raw is None:
            return None
        doubt = undecided(raw)
        if doubt is not None:
            return doubt
        items = [raw] if isinstance(raw, str) else raw
        if not isinstance(items, Iterable) or isinstance(items, Mapping):
            return Unknown(GapCode.MALFORMED, f"{path} is not a list")
        return tuple(t for t in (as_text(self.open(i)) for i in items) if t is not None)

    def given(self, path: str, within: object = None) -> bool | Unknown:
        """Whether something is set at all: a link to another block is something, an unknown may be null."""
        raw = self._get(path, within)
        if isinstance(raw, Unknown):
            return raw
        return raw is not None and (not isinstance(raw, str | list | tuple) or len(raw) > 0)

    def _get(self, path: str, within: object) -> object:
        return self.at(path) if within is None else self.open(pick(within, path))

    def follow(self, value: object) -> Resource | None:
        """The resource behind a link, if it was read too."""
        return self.pool.follow(self.open(value), self.resource.label)

    def satellites(self, native: str, by: str) -> Satellites:
        """The resources of a type whose attribute `by` names this one."""
        return self.pool.satellites(self.resource, native, by)

    def reading(self, other: Resource) -> "Reader":
        """A reader of another resource of the same pool."""
        return Reader(other, self.pool, self._marks)


@dataclass(frozen=True, slots=True)
class Inapplicable:
    """What a row answers when its question does not arise for this resource: the asset then carries no such fact."""


INAPPLICABLE = Inapplicable()
Read = Callable[[Reader], Value | Inapplicable]


@dataclass(frozen=True, slots=True)
class Row:
    """How one fact is read. A read that answers None takes the default, where there is one."""

    fact: str
    read: Read
    default: Default | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """One native type: what kind of asset it is, and its rows. `refs` are (relation, attribute path).

    `kind_of` decides the kind where one native type stands for many things (`azapi_resource`); else `kind` does.
    """

    type: str
    kind: Kind
    provider: str
    rows: tuple[Row, ...] = ()
    name_at: tuple[str, ...] = ("name", "id")
    labels_at: str = "tags"
    refs: tuple[tuple[str, str], ...] = ()
    kind_of: Callable[[Reader], Kind] | None = None


def as_flag(raw: object) -> bool | Unknown | None:
    """See Reader.flag."""
    if raw is None or isinstance(raw, bool):
        return raw
    doubt = undecided(raw)
    if doubt is not None:
        return doubt
    word = str(raw).strip().lower()
    if word in ("true", "enabled", "on", "yes", "1"):
        return True
    if word in ("false", "disabled", "off", "no", "0", ""):
        return False
    return Unknown(GapCode.MALFORMED, f"found {word[:40]!r}, wanted true or false")


def as_text(raw: object) -> str | Unknown | None:
    """See Reader.text."""
    doubt = undecided(raw)
    if doubt is not None or raw is None:
        return doubt
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, str | int | float):
        return str(raw)
    return Unknown(GapCode.MALFORMED, "found a structure, wanted a text")


def as_number(raw: object) -> float | Unknown | None:
    """See Reader.number."""
    doubt = undecided(raw)
    if doubt is not None or raw is None:
        return doubt
    try:
        return float(str(raw))
    except ValueError:
        return Unknown(GapCode.MALFORMED, f"found {str(raw)[:40]!r}, wanted a number")


def as_key(raw: object) -> Key | Unknown | None:
    """How something is encrypted, from a key's id: a link to another block is a key of the customer's."""
    if isinstance(raw, Link):
        return Key("cmk", str(raw))
    if isinstance(raw, Unknown) or raw is None:
        return raw
    return Key("cmk", str(raw)) if str(raw).strip() else None


def flag(fact: str, path: str, default: Default | None = None) -> Row:
    """A row for a boolean at a path."""
    return Row(fact, lambda r: r.flag(path), default)


def inverted(fact: str, path: str, default: Default | None = None) -> Row:
    """A row for a boolean whose opposite stands at the path; the default is of the fact, not of the path."""

    def read(r: Reader) -> Value:
        found = r.flag(path)
        return not found if isinstance(found, bool) else found

    return Row(fact, read, default)


def text(fact: str, path: str, default: Default | None = None) -> Row:
    """A row for a text at a path."""
    return Row(fact, lambda r: r.text(path), default)


def number(fact: str, path: str, default: Default | None = None) -> Row:
    """A row for a number at a path."""
    return Row(fact, lambda r: r.number(path), default)


def texts(fact: str, path: str, default: Default | None = None) -> Row:
    """A row for a list of texts at a path."""
    return Row(fact, lambda r: r.texts(path), default)


def given(fact: str, path: str) -> Row:
    """A row for whether anything is set at a path."""
    return Row(fact, lambda r: r.given(path))


def choice(fact: str, path: str, meaning: Mapping[str, Value], default: Default | None = None) -> Row:
    """A row for a word with a meaning; words are compared without case, an unlisted word is unknown."""
    low = {k.lower(): v for k, v in meaning.items()}

    def read(r: Reader) -> Value:
        found = r.text(path)
        if found is None or isinstance(found, Unknown):
            return found
        if found.lower() in low:
            return low[found.lower()]
        return Unknown(GapCode.UNSUPPORTED, f"found {found[:40]!r}, wanted one of {', '.join(meaning)}")

    return Row(fact, read, default)


def key(fact: str, path: str, default: Default | None = None) -> Row:
    """A row for how something is encrypted, from the key id at a path."""
    return Row(fact, lambda r: as_key(r.at(path)), default)


def build(native: Native, resource: Resource, pool: Pool, source: str) -> Asset:
    """The asset of one resource: every row read once, defaults applied, links kept as refs."""
    facts: dict[str, Fact] = {}
    for row in native.rows:
        reader = Reader(resource, pool)
        value = row.read(reader)
        if reader.touched and isinstance(value, Unknown):
            # The reason may quote what was found, and that is what nobody may see.
            value = Unknown(value.code, "it is set to a sensitive value that does not decide it")
        if isinstance(value, Inapplicable):
            continue
        default_of = ""
        if value is None and row.default is not None:
            value, default_of = row.default.value, row.default.source
        facts[row.fact] = Fact(row.fact, value, None, source, default_of, reader.touched)
    return Asset(
        id=resource.id,
        kind=native.kind if native.kind_of is None else native.kind_of(Reader(resource, pool)),
        native_type=native.type,
        address=resource.address,
        provider=native.provider,
        name=_name(native, resource),
        aliases=_aliases(resource),
        labels=_labels(*_common_labels(native, resource, pool), resource.values.get(native.labels_at)),
        facts=facts,
        refs=_refs(native, resource),
        where=resource.where,
        origin=source,
        skips=resource.skips,
    )


def bare(resource: Resource, source: str) -> Asset:
    """The asset of a resource that no table knows: seen and named, without facts."""
    return Asset(
        id=resource.id,
        kind=Kind.OTHER,
        native_type=resource.native,
        address=resource.address,
        name=resource.name,
        where=resource.where,
        origin=source,
        skips=resource.skips,
    )


def _name(native: Native, resource: Resource) -> str:
    for path in native.name_at:
        found = pick(resource.values, path)
        if isinstance(found, str) and found and undecided(found) is None:
            return found
    return resource.name


def _aliases(resource: Resource) -> tuple[str, ...]:
    out = []
    for name in ("arn", "self_link", "id"):
        value = resource.values.get(name)
        if isinstance(value, str) and value and undecided(value) is None:
            out.append(value)
    return tuple(out)


# Where a provider's block says what is written on everything, and where a plan shows the sum.
_COMMON = {
    "aws": ("tags", "provider.aws", "default_tags.tags", "tags_all"),
    "gcp": ("labels", "provider.google", "default_labels", "terraform_labels"),
}


def _common_labels(native: Native, resource: Resource, pool: Pool) -> Iterator[object]:
    """The labels that the provider's block puts on every resource of its own; another provider's are not looked for."""
    at, provider, path, total = _COMMON.get(native.provider, ("", "", "", ""))
    if native.labels_at != at or "provider" in resource.values:
        return
    for block in pool.of_type(provider):
        if block.label == resource.label and "alias" not in block.values:
            yield pick(block.values, path)
    yield resource.values.get(total)


def _labels(*sources: object) -> tuple[tuple[str, str], ...]:
    """Labels of several sources as one; a later source wins."""
    known: dict[str, str] = {}
    for raw in sources:
        if isinstance(raw, Mapping):
            kept = ((str(k), v) for k, v in raw.items() if isinstance(v, str | int | bool) and undecided(v) is None)
            known |= {k: str(v) for k, v in kept}
    return tuple(sorted(known.items()))


def _refs(native: Native, resource: Resource) -> tuple[Ref, ...]:
    out = []
    for rel, path in native.refs:
        target = pick(resource.values, path)
        for one in target if isinstance(target, list) else [target]:
            if isinstance(one, Link):
                out.append(Ref(rel, resource.id_of(one.address)))
            elif isinstance(one, str) and one and undecided(one) is None:
                out.append(Ref(rel, one))
    return tuple(out)
