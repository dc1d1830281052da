"""Configuration items of AWS Config: what it recorded of each resource of an account and region.

Source: AWS Config Developer Guide, "Components of a configuration item" and "Example configuration snapshot". An item
of a type that Config took over from CloudFormation's registry holds CloudFormation's properties; older types hold what
their service's describe call answers, which `reshaping` puts into those properties.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from strongroom.collect.aws.asking import Beside
from strongroom.collect.aws.document import mappings, text
from strongroom.collect.aws.reshaping import NETWORK, RESHAPED, Item, seen
from strongroom.collect.cloudformation.assets import shapes
from strongroom.collect.cloudformation.scope import Open
from strongroom.collect.cloudformation.stack import Declared
from strongroom.collect.resource import Link
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

LISTS = ("configurationItems", "baseConfigurationItems")
_GONE = ("ResourceDeleted", "ResourceDeletedNotRecorded")
_NO_RESOURCE = frozenset({"AWS::Config::ResourceCompliance"})
_ALIASES = {"AWS::OpenSearch::Domain": "AWS::OpenSearchService::Domain"}
_LINKED = frozenset({"AWS::EC2::Subnet", "AWS::EC2::LaunchTemplate"})
_KEY = re.compile(
    r"arn:aws[\w-]*:kms:[\w-]*:\d*:key/[\w-]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}"
)
_NO_KEY = Unknown(GapCode.ABSENT, "whose key it is, is not in the snapshot: it holds no such key")
_KEY_NAMES = re.compile(r"kms|key_?(?:arn|id)$|customerencryptionkeyarn", re.IGNORECASE)
MAX_DEPTH = 60

Miss = Callable[[str, GapCode, str], None]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One resource of a snapshot: its properties, and whose and where it is."""

    declared: Declared
    account: str
    region: str
    name: str


def items(body: Mapping[str, object], miss: Miss) -> list[Item]:
    """The latest item of every resource that still exists."""
    latest: dict[tuple[str, str, str], Item] = {}
    for name in LISTS:
        for n, raw in enumerate(mappings(body.get(name))):
            kind, ident = text(raw.get("resourceType")), text(raw.get("resourceId"))
            if not kind or not ident:
                miss(f"{name}[{n}]", GapCode.MALFORMED, "an item without resourceType or resourceId was not read")
                continue
            item = _item(raw, kind, ident)
            before = latest.get((kind, ident, item.region))
            if kind in _NO_RESOURCE:
                continue
            if before is None or item.captured >= before.captured:
                latest[kind, ident, item.region] = item
    return [i for i in latest.values() if i.status not in _GONE]


def _item(raw: Mapping[str, object], kind: str, ident: str) -> Item:
    extra = raw.get("supplementaryConfiguration")
    return Item(
        kind=_ALIASES.get(kind, kind),
        ident=ident,
        name=text(raw.get("resourceName")) or ident,
        arn=text(raw.get("ARN")) or text(raw.get("arn")),
        account=text(raw.get("awsAccountId")) or text(raw.get("accountId")),
        region=text(raw.get("awsRegion")),
        status=text(raw.get("configurationItemStatus")),
        captured=text(raw.get("configurationItemCaptureTime")),
        tags=raw.get("tags"),
        configuration=parsed(raw.get("configuration")),
        supplement={k: parsed(v) for k, v in extra.items()} if isinstance(extra, dict) else None,
    )


def parsed(raw: object) -> object:
    """A value that may be JSON within JSON, once or twice; a text that is no JSON stays a text."""
    for _ in range(2):
        if not isinstance(raw, str) or (raw[:1] not in ("{", "[", '"') and raw not in ("true", "false", "null")):
            return raw
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError):
            return raw
    return raw


def recorded(body: Mapping[str, object], file: str, miss: Miss) -> Iterator[Recorded]:
    """Every resource of a snapshot, with CloudFormation's properties."""
    found = items(body, miss)
    known = {(i.kind, i.ident): i for i in found}
    where = {i.ident: i.address for i in found if i.kind in _LINKED}
    keys = {k: _owner(i) for i in found if i.kind == "AWS::KMS::Key" for k in (i.ident, i.arn) if k}
    unread: dict[str, int] = {}
    for item in found:
        if item.kind == "AWS::KMS::Key" and _manager(item) == "AWS":
            continue  # AWS's own, in the account's list
        properties = _properties(item, known)
        if properties is None:
            unread[item.kind] = unread.get(item.kind, 0) + 1
            properties = Open({}, Unknown(GapCode.UNSUPPORTED, f"how AWS Config records {item.kind} is not understood"))
        held = _linked("", properties, where, keys, 0)
        assert isinstance(held, dict)
        extra = {"Arn": item.arn, "Id": item.ident, "Tags": item.tags if item.tags is not None else held.get("Tags")}
        held.update({k: v for k, v in extra.items() if v})
        one = Declared(item.address, item.kind, held, file, (0, 0))
        yield Recorded(one, item.account, item.region, item.name)
        for beside in _beside(item):
            address = f"{item.address}.{beside.suffix}"
            part = Declared(address, beside.type, _parts(beside.properties, where), file, (0, 0))
            yield Recorded(part, item.account, item.region, item.name)
    for kind, count in sorted(unread.items()):
        miss(kind, GapCode.UNSUPPORTED, f"{count} resources are listed and not judged: their form is not understood")


def _properties(item: Item, known: Mapping[tuple[str, str], Item]) -> dict[str, object] | None:
    """CloudFormation's properties of an item; None where its form is not understood, though its type is."""
    if item.kind not in shapes():
        return {}
    held = item.configuration
    if not isinstance(held, dict):
        why = f"AWS Config has not recorded it ({item.status or 'no status'})"
        return Open({}, Unknown(GapCode.ABSENT, why))
    if item.kind in RESHAPED:
        return RESHAPED[item.kind](item, known)
    if any(k[:1].isupper() for k in held):  # as CloudFormation's registry describes the type
        return dict(held)
    return None


def _beside(item: Item) -> Iterator[Beside]:
    """What a network's resource holds that is one of its own to the tables, as a running account tells it."""
    listing = NETWORK.get(item.kind)
    if listing is not None and listing.beside is not None and isinstance(item.configuration, dict):
        yield from listing.beside(seen(item))


def _parts(properties: Mapping[str, object], where: Mapping[str, str]) -> dict[str, object]:
    return {k: Link(where[v]) if isinstance(v, str) and v in where else v for k, v in properties.items()}


def _manager(item: Item) -> str:
    return text(item.configuration.get("keyManager")) if isinstance(item.configuration, dict) else ""


def _owner(item: Item) -> object:
    manager = _manager(item)
    if manager == "AWS":
        return f"alias/aws/{item.name}"
    return Link(item.address) if manager == "CUSTOMER" else _NO_KEY


def _linked(name: str, value: object, where: Mapping[str, str], keys: Mapping[str, object], depth: int) -> object:
    """A value whose references to subnets, templates and keys are links; a key that is not in the snapshot is unknown."""
    if depth > MAX_DEPTH:
        return Unknown(GapCode.TOO_LARGE, "it is nested too deeply")
    if isinstance(value, dict):
        made = {k: _linked(k, v, where, keys, depth + 1) for k, v in value.items()}
        return Open(made, value.why) if isinstance(value, Open) else made
    if isinstance(value, list):
        return [_linked(name, v, where, keys, depth + 1) for v in value]
    if isinstance(value, str):
        if _KEY_NAMES.search(name) and _KEY.fullmatch(value):
            return keys.get(value, keys.get(value.rpartition("/")[2], _NO_KEY))
        return Link(where[value]) if value in where else value
    return value
