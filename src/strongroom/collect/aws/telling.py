"""From what an account told to assets: through CloudFormation's shapes and the tables that every source shares."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from msgspec import structs

from strongroom.collect.aws.asking import Beside, Listing, Seen, listings
from strongroom.collect.aws.linking import Links
from strongroom.collect.aws.walking import Lost, Walked
from strongroom.collect.cloudformation.assets import assets, of_stack, shapes
from strongroom.collect.cloudformation.scope import Open
from strongroom.collect.cloudformation.shape import tidy
from strongroom.collect.cloudformation.stack import Declared
from strongroom.collect.native import Native
from strongroom.collect.resource import Resource
from strongroom.collect.terraform.assets import tables
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Gap
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Where

Found = tuple[Resource, Native | None, str]


@lru_cache(maxsize=1)
def by_type() -> dict[str, Listing]:
    """The listing of every type."""
    return {one.type: one for one in listings()}


def natives(listing: Listing) -> tuple[str, ...]:
    """What a listing's resources are to the tables."""
    base = listing.type.partition(" (")[0]
    shape = shapes().get(base)
    own = shape.native if shape is not None and isinstance(shape.native, str) else base
    found = ("aws_kms_key",) if base == "AWS::KMS::Key" else (own,)
    return (*found, *listing.besides)


def below(listing: Listing) -> tuple[Listing, ...]:
    """A listing with all that are asked of its resources, and of theirs: they are not asked where it fails."""
    inner = (one for one in listings() if one.of == listing.type)
    return (listing, *(deep for one in inner for deep in below(one)))


def hides(listing: Listing) -> tuple[Kind, ...]:
    """The kinds of asset that are not seen when a listing fails."""
    known = tables()
    named = (n for one in below(listing) for n in natives(one))
    return tuple(sorted({known[n].kind if n in known else Kind.OTHER for n in named}))


def kinds() -> tuple[Kind, ...]:
    """Every kind that an account can show."""
    return tuple(sorted({k for one in listings() for k in hides(one)} | {Kind.IDENTITY, Kind.OTHER}))


@dataclass(slots=True)
class Account:
    """What one account told, on its way to assets."""

    walked: Walked
    number: str
    spec: str
    known: dict[str, list[Seen]] = field(default_factory=lambda: defaultdict(list))

    def assets(self) -> Iterator[Asset]:
        """Every asset of the account. Each region's resources are read beside the account's own, and no other region's."""
        for one in self.walked.seen:
            self.known[one.type].append(one)
        links = Links(self.walked.seen, self.number, self._no_key())
        regional: dict[str, list[Found]] = defaultdict(list)
        for one in self.walked.seen:
            regional[one.region] += self._resources(one, links)
        for lost in self.walked.lost:
            region = "" if lost.listing.once else lost.region
            gone = [n for one in below(lost.listing) for n in natives(one)]
            regional[region] += (_nobody_knows(n, lost, self.spec) for n in gone)
        whole = regional.pop("", [])
        everywhere = [f for found in regional.values() for f in found]
        yield from self._made([*whole, *map(_context, everywhere)], "")
        for region in sorted(regional):
            yield from self._made([*regional[region], *map(_context, whole)], region)

    def _made(self, found: Sequence[Found], region: str) -> Iterator[Asset]:
        for asset in assets(found, self.spec):
            yield structs.replace(asset, account=self.number, region=region)

    def _no_key(self) -> Unknown:
        lost = next((x for x in self.walked.lost if x.listing.type == "AWS::KMS::Key"), None)
        if lost is not None:
            return Unknown(lost.failure.code, f"whose key it is: {lost.failure.detail}")
        return Unknown(GapCode.ABSENT, "whose key it is: no key of this id was listed")

    def _resources(self, one: Seen, links: Links) -> Iterator[Found]:
        listing = by_type()[one.type]
        properties = listing.make(one, self.known) if listing.make is not None else dict(one.answer)
        if properties is None:
            return
        if isinstance(one.answer, Open) and not isinstance(properties, Open):
            properties = Open(properties, one.answer.why)
        properties |= {k: v for k, v in (("Arn", one.arn), ("Id", one.ident)) if v}
        properties.setdefault("Name", one.name)
        held = links.linked("", properties)
        assert isinstance(held, dict)
        native = listing.native(one) if listing.native is not None else None
        where = Where(self.spec, path=f"{one.region or 'account'} {listing.calls[-1].needs} {one.name}".strip())
        shown = listing.shown and native != ""
        for resource, table, kind in read(listing.type.partition(" (")[0], one.address, held):
            resource.scheme, resource.where = "aws", where
            if native:
                resource.type = native
            yield _put(resource, tables().get(native) if native else table, kind, shown)
        for beside in listing.beside(one) if listing.beside is not None else ():
            yield self._beside(one, beside, where, links)

    def _beside(self, one: Seen, beside: Beside, where: Where, links: Links) -> Found:
        address = f"{one.address}.{beside.suffix}"
        held = links.linked("", beside.properties)
        assert isinstance(held, dict)
        resource = Resource(address, beside.type, beside.suffix, held, where, scheme="aws")
        return _put(resource, tables().get(beside.type) if beside.shown else None, beside.type, beside.shown)


def read(kind: str, address: str, held: Mapping[str, object]) -> Iterator[Found]:
    """One resource in neutral form; a type that CloudFormation has not is one of Terraform's."""
    if "::" in kind:
        for resource, native in of_stack(Declared(address, kind, held, "", (0, 0)), ""):
            yield resource, native, kind
        return
    resource = Resource(address, kind, address.rpartition("/")[2], tidy(held), Where(""), scheme="aws")
    yield resource, tables().get(kind), kind


def _put(resource: Resource, table: Native | None, kind: str, shown: bool) -> Found:
    if not shown:
        resource.mode = "part"
        return resource, None, kind
    return resource, table, kind


def _context(found: Found) -> Found:
    """The same resource as what stands beside others: it completes them, and is no asset once more."""
    resource, _, kind = found
    beside = Resource(
        resource.address, resource.type, resource.name, resource.values, resource.where, "part", scheme="aws"
    )
    return beside, None, kind


def _nobody_knows(native: str, lost: Lost, spec: str) -> Found:
    """A resource that may be there, of a type that could not be listed: whoever looks for one gets the reason."""
    why = Unknown(lost.failure.code, lost.failure.detail)
    # Settings of an account are told apart by their provider and region: here there is one of each.
    values = Open({"provider": None, "region": None}, why)
    address = f"({lost.listing.type} of {lost.region})"
    return Resource(address, native, address, values, Where(spec), "part", scheme="aws", maybe=why), None, native


def gaps(walked: Walked, spec: str) -> Iterator[Gap]:
    """One gap for each list that could not be read, and each reason; the regions of one reason stand together."""
    told: dict[tuple[str, GapCode, str], list[str]] = defaultdict(list)
    listing: dict[str, Listing] = {}
    for lost in walked.lost:
        told[lost.listing.type, lost.failure.code, lost.failure.detail].append(lost.region)
        listing[lost.listing.type] = lost.listing
    for (kind, code, detail), where in told.items():
        regions = sorted(set(where))
        shown = regions[0] if len(regions) == 1 else f"{len(regions)} regions, {regions[0]} to {regions[-1]}"
        at = Where(spec, path=f"{shown} {listing[kind].call.needs}")
        yield Gap(f"{kind} in {shown}", spec, code, detail, at, hides(listing[kind]))
