"""Infrastructure-as-code in one neutral form, whatever file it came from.

Resources whose values are plain data, `Unknown`, a `Link` to another block, or `Sensitive`.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar, cast

from strongroom.model.codes import GapCode
from strongroom.model.estate import Skip
from strongroom.model.values import Unknown, Where

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Link:
    """A value that another block supplies: `aws_kms_key.k` and, where it is known, the attribute."""

    address: str
    attribute: str = ""

    def __str__(self) -> str:
        return f"{self.address}.{self.attribute}" if self.attribute else self.address


@dataclass(frozen=True, slots=True)
class Sensitive:
    """A value that is judged and never printed."""

    value: object

    def __repr__(self) -> str:
        return "(sensitive)"


@dataclass(slots=True)
class Resource:
    """One block. `address` is its source's own, of Terraform with module path and index; `id` adds scheme and label.

    `maybe` says why it is not known whether there will be such a thing at all.
    """

    address: str
    type: str
    name: str
    values: Mapping[str, object]
    where: Where
    mode: str = "managed"
    module: str = ""
    depends: tuple[str, ...] = ()
    label: str = ""
    skips: tuple[Skip, ...] = ()
    scheme: str = "terraform"
    maybe: Unknown | None = None

    @property
    def native(self) -> str:
        """The type as tables name it: a data source is `data.TYPE`."""
        return f"data.{self.type}" if self.mode == "data" else self.type

    @property
    def id(self) -> str:
        """The asset id: the same from configuration and plan."""
        return self.id_of(self.address)

    def id_of(self, address: str) -> str:
        """The id of what stands at another address of the same source."""
        return f"{self.scheme}:{self.label}//{address}" if self.label else f"{self.scheme}:{address}"


TEMPLATE = re.compile(r"\$\{(?!aws:|sagemaker:|saml:|www\.|graph\.|accounts\.|cognito)")
"""An unresolved Terraform interpolation. IAM's own policy variables (`${aws:username}`) are text."""

_INDEX = re.compile(r"\[(?:\"[^\"]*\"|\d+)\]$")
_NAMES = ("bucket", "name", "id", "arn", "self_link", "key_id", "cluster_name", "resource_id")


def base(address: str) -> str:
    """An address without its last index: `aws_s3_bucket.b[0]` is an instance of `aws_s3_bucket.b`."""
    return _INDEX.sub("", address)


def undecided(value: object) -> Unknown | None:
    """The reason why a leaf has no value that can be judged, or None when it has one."""
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Link):
        return Unknown(GapCode.UNDECIDED, f"it is set by {value}")
    if isinstance(value, str) and TEMPLATE.search(value):
        return Unknown(GapCode.UNDECIDED, f"it is only partly known: {value[:80]}")
    return None


@dataclass(slots=True)
class Satellites:
    """The blocks that complete another one, and a doubt when some block of the type points nobody knows where.

    `maybe` are blocks that would complete it, and of which it is not known whether they will be there.
    """

    found: tuple[Resource, ...]
    doubt: Unknown | None
    maybe: tuple[Resource, ...] = ()


_NONE = Satellites((), None)


@dataclass(slots=True)
class Pool:
    """All the resources of one source, with what is needed to follow links in constant time."""

    resources: Sequence[Resource]
    _by_address: dict[str, list[Resource]] = field(default_factory=lambda: defaultdict(list))
    _by_type: dict[str, list[Resource]] = field(default_factory=lambda: defaultdict(list))
    _pointing: dict[tuple[str, str], dict[str, list[Resource]]] = field(default_factory=dict)
    _doubts: dict[tuple[str, str, str], list[tuple[str, Unknown]]] = field(default_factory=lambda: defaultdict(list))
    _tails: dict[tuple[str, str], dict[str, list[Resource]]] = field(default_factory=dict)
    _nameless: dict[str, set[str]] = field(default_factory=dict)
    _made: dict[Hashable, object] = field(default_factory=dict)
    _taken: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for r in self.resources:
            for address in {r.address, base(r.address)}:
                self._by_address[r.label + "//" + address].append(r)
            self._by_type[r.native].append(r)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` answers, asked once for a key: for what many resources ask of one, as pools do of their cluster."""
        if key not in self._made:
            self._made[key] = make()
        return cast("T", self._made[key])

    def of_type(self, native: str) -> Sequence[Resource]:
        """Every resource of a native type (`data.TYPE` for data sources)."""
        return self._by_type.get(native, ())

    def follow(self, link: object, label: str = "") -> Resource | None:
        """The resource that a link points to, or None when it is not among what was read."""
        if not isinstance(link, Link):
            return None
        found = self._by_address.get(f"{label}//{link.address}")
        return found[0] if found else None

    def satellites(self, of: Resource, native: str, by: str) -> Satellites:
        """The resources of type `native` whose attribute `by` names the resource: by link, name, id or ARN."""
        if native not in self._by_type:
            return _NONE
        index = self._index(native, by)
        seen: dict[int, Resource] = {}
        for key in (*_keys(of), *_unknown_keys(of)):
            for r in index.get(key, ()):
                if _same_instance(of, r, by) and not self._meant_for_another(of, r, key):
                    seen[id(r)] = r
        sure = tuple(r for r in seen.values() if r.maybe is None or r.maybe == of.maybe)
        maybe = tuple(r for r in seen.values() if r.maybe is not None and r.maybe != of.maybe)
        return Satellites(sure, maybe[0].maybe if maybe else self._doubt(of, native, by), maybe)

    def by_tail(self, native: str, by: str, tail: str) -> Sequence[Resource]:
        """The resources of type `native` whose attribute `by` is a path that ends in `tail` (`keyRings/r/cryptoKeys/k`)."""
        if (native, by) not in self._tails:
            index: dict[str, list[Resource]] = defaultdict(list)
            for r in self.of_type(native):
                path = pick(r.values, by)
                if isinstance(path, str) and undecided(path) is None:
                    pieces = path.split("/")
                    for n in range(len(pieces)):
                        index["/".join(pieces[n:])].append(r)
            self._tails[native, by] = index
        return self._tails[native, by].get(tail, ())

    def _index(self, native: str, by: str) -> dict[str, list[Resource]]:
        if (native, by) not in self._pointing:
            index: dict[str, list[Resource]] = defaultdict(list)
            for r in self.of_type(native):
                for target in _targets(pick(r.values, by)):
                    if isinstance(target, Unknown):
                        # Of what may not even be there, it is more to the point why that is not known.
                        why = r.maybe or Unknown(
                            GapCode.UNDECIDED, f"{r.address} may belong to it: its {by} is not known"
                        )
                        key = _unknown_key(r, target)
                        self._doubts[native, by, r.label].append((key, why))
                        index[key].append(r)
                    else:
                        index[target if target.startswith("//") else f"={target}"].append(r)
            self._pointing[native, by] = index
        return self._pointing[native, by]

    def _doubt(self, of: Resource, native: str, by: str) -> Unknown | None:
        """The first block that may belong to the resource, unless it takes its name from where another one does."""
        doubts = self._doubts.get((native, by, of.label), ())
        if not doubts:
            return None
        if of.type not in self._nameless:
            self._nameless[of.type] = {k for r in self.of_type(of.type) for k in _unknown_keys(r)}
        return next((why for key, why in doubts if key not in self._nameless[of.type]), None)

    def _meant_for_another(self, of: Resource, satellite: Resource, key: str) -> bool:
        """Whether resources share a name that can only be one's, and the satellite refers to another, or to none.

        It is then judged on its own; what it would add to any of them is a guess.
        """
        if not key.startswith("=") or self._names(of)[key] < 2:
            return False
        found = (r for d in satellite.depends for r in self._by_address.get(f"{satellite.label}//{d}", ()))
        return of.address not in [r.address for r in found if r.type == of.type and key in _keys(r)]

    def _names(self, of: Resource) -> Counter[str]:
        """How often each name is taken among the resources of one type in one root."""
        kind = (of.type, of.label)
        if kind not in self._taken:
            alike = (r for r in self.of_type(of.native) if r.label == of.label)
            self._taken[kind] = Counter(k for r in alike for k in set(_keys(r)))
        return self._taken[kind]


def _targets(value: object) -> Iterator[str | Unknown]:
    if isinstance(value, Sensitive):
        value = value.value
    if isinstance(value, Link):
        yield f"//{value.address}"
    elif isinstance(value, str):
        doubt = undecided(value)
        # `${azurerm_storage_account.a}/blobServices/default` names a part of the account.
        inner = re.fullmatch(r"\$\{([^}]+)\}(?:/[^$]*)?", value)
        if inner:
            yield f"//{inner[1]}"
        elif doubt:
            yield Unknown(doubt.code, value)
        else:
            yield value
    elif isinstance(value, Unknown):
        yield value
    elif isinstance(value, Sequence):
        for v in value:
            yield from _targets(v)


def _keys(r: Resource) -> Iterator[str]:
    yield f"//{r.address}"
    if base(r.address) != r.address:
        yield f"//{base(r.address)}"
    for name in _NAMES:
        value = r.values.get(name)
        if isinstance(value, Sensitive):
            value = value.value
        if isinstance(value, str) and value:
            yield f"={value}"
            if name == "bucket":
                yield f"=arn:aws:s3:::{value}"


def _unknown_keys(r: Resource) -> Iterator[str]:
    for name in _NAMES:
        value = r.values.get(name)
        if isinstance(value, Unknown):
            yield _unknown_key(r, value)
        elif isinstance(value, str) and (doubt := undecided(value)) is not None:
            yield _unknown_key(r, Unknown(doubt.code, value))


def _unknown_key(r: Resource, value: Unknown) -> str:
    """Two attributes of one module that are the same variable, or the same text around it, have the same value."""
    expression = re.sub(r"(?: at \S+:\d+)? has no value$", "", value.detail)
    return f"?{r.label}|{r.module}|{expression}"


def _same_instance(of: Resource, satellite: Resource, by: str) -> bool:
    """A satellite with an index that points to a whole counted block belongs to the instance with the same index."""
    if of.label != satellite.label:
        return False
    mine, its = _INDEX.search(of.address), _INDEX.search(satellite.address)
    target = pick(satellite.values, by)
    pointed = _INDEX.search(target.address) if isinstance(target, Link) else None
    if pointed is not None:
        return mine is None or mine[0] == pointed[0]
    return mine is None or its is None or mine[0] == its[0]


@lru_cache(maxsize=4096)
def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def pick(values: object, path: str) -> object:
    """The value at a dotted path. A list of blocks is entered at its first block; what is absent is None."""
    here = values
    for name in _steps(path):
        if type(here) is dict:  # the common case first: this runs once for every fact of every resource
            here = here.get(name)
            if here is None:
                return None
            continue
        if isinstance(here, Sensitive):
            here = here.value
        if isinstance(here, list | tuple):
            here = here[0] if here else None
        if isinstance(here, Unknown | Link):
            return here
        if not isinstance(here, Mapping):
            return None
        here = here.get(name)
    return here
