"""What was seen: assets with facts, and the gaps where nothing could be seen."""

from datetime import datetime

import msgspec

from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value, Where

SCHEMA = "strongroom/1"
"""The version of every record that leaves the program; readers tolerate unknown fields."""


class Fact(msgspec.Struct, frozen=True):
    """One thing known of an asset.

    `where` is None when it stands where the asset stands. `default_of` is the address of the page that states the
    provider's default, when the value was not given and the default counts. A `sensitive` value is judged and never
    printed.
    """

    name: str
    value: Value
    where: Where | None = None
    source: str = ""
    default_of: str = ""
    sensitive: bool = False


class Ref(msgspec.Struct, frozen=True):
    """A relation to another asset: `rel` is what the other is to this one (`cluster`, `key`, `subnet`)."""

    rel: str
    id: str


class Skip(msgspec.Struct, frozen=True):
    """What an owner wrote beside an asset to have a check passed over there. Whether it counts is a judge's matter."""

    check: str
    reason: str
    where: Where | None = None


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """A thing that a control can apply to.

    `id` is stable: the same thing seen in a plan, in its configuration or live has one id or shares an alias.
    `address` is what its owner calls it (`aws_s3_bucket.weights`, a host name).
    """

    id: str
    kind: Kind
    native_type: str
    address: str
    provider: str = ""
    account: str = ""
    region: str = ""
    name: str = ""
    aliases: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    facts: dict[str, Fact] = {}
    refs: tuple[Ref, ...] = ()
    where: Where | None = None
    origin: str = ""
    skips: tuple[Skip, ...] = ()

    def value(self, name: str) -> Value:
        """The value of a fact, or None when the asset does not carry it."""
        fact = self.facts.get(name)
        return fact.value if fact is not None else None


class Gap(msgspec.Struct, frozen=True):
    """Something that could not be looked at. `scope` is the file, module or interface; `source` the spec it is of.

    `hides` names the kinds of asset that may be missing because of it; empty means any kind.
    """

    scope: str
    source: str
    code: GapCode
    detail: str
    where: Where | None = None
    hides: tuple[Kind, ...] = ()

    def as_unknown(self) -> Unknown:
        """The gap as the value of a fact that it took away."""
        return Unknown(self.code, f"{self.scope}: {self.detail}")


class SourceRead(msgspec.Struct, frozen=True):
    """One source as it was given and what was done to read it. `kinds` are the kinds of asset that it can show."""

    spec: str
    scheme: str
    title: str
    files: int
    bytes: int
    kinds: tuple[Kind, ...]
    digest: str = ""  # sha256 over the names and contents that were read


class Estate(msgspec.Struct):
    """Everything that the given sources showed at `seen_at`, and what they could not show."""

    assets: tuple[Asset, ...]
    gaps: tuple[Gap, ...]
    sources: tuple[SourceRead, ...]
    seen_at: datetime
