"""What every OSCAL document is made of: text as its markup, properties, the tool, the things that were looked at.

OSCAL 1.2.1 (NIST). Ids are UUIDs of version 5 over what a thing is, so that two documents can be compared: the same
observation, risk or asset has the same id in each.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from strongroom.assess import prose
from strongroom.assess.people_prose import accepted_words
from strongroom.assess.reports._lines import Json, encode
from strongroom.assess.reports._markdown import code
from strongroom.assess.reports._shared import PROGRAM, VERSION, one_line, place
from strongroom.assess.reports._streams import Once
from strongroom.kit.uuids import uuid5
from strongroom.model.codes import Status
from strongroom.model.control import Assessment, Finding
from strongroom.model.estate import SCHEMA, Asset, Fact
from strongroom.model.people import RiskException
from strongroom.model.ports import Catalogue

OSCAL = "1.2.1"
NAMESPACE = "urn:strongroom:1"
"""The namespace of our own properties; a name without it would claim to be one of NIST's."""
TOOL = uuid5("oscal", "tool")
ORIGINS: Json = [{"actors": [{"type": "tool", "actor-uuid": TOOL}]}]

_SPANS = re.compile(r"`([^`]+)`")
_SIGNS = re.compile(r"([\\`*\[\]~^$|])|(?<![^\W_])_|_(?![^\W_])")


def time_text(assessment: Assessment) -> str:
    """When the assessment saw what it saw, with its zone, as OSCAL wants it."""
    return assessment.seen_at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def markup(text: str) -> str:
    """Foreign text as one line of OSCAL markup: no HTML, link, emphasis or parameter insertion can come from it."""
    pieces = _SPANS.split(one_line(text))
    out = "".join(code(piece) if n % 2 else _plain(piece) for n, piece in enumerate(pieces))
    return out if out.strip() else "(empty)"


def _plain(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # `{{ insert: param, … }}` is OSCAL's own; a brace that is an entity begins none.
    return _SIGNS.sub(lambda m: f"\\{m[0]}", escaped).replace("{{", "{&#123;")


def listing(lines: Iterable[str]) -> str:
    """A list of phrases as markup."""
    return "\n".join(f"* {markup(line)}" for line in lines)


def prop(name: str, value: str) -> Json:
    """A property of ours. Its value is one line without blanks around it (StringDatatype)."""
    return {"name": name, "ns": NAMESPACE, "value": one_line(value).strip() or "-"}


def props(**values: str) -> list[Json]:
    """The properties that have a value; an underscore stands for a hyphen."""
    return [prop(name.replace("_", "-"), value) for name, value in values.items() if value]


def metadata(title: str, version: str, modified: str, log: str = "") -> Json:
    """The head of a document. `log` says which entry of which log holds the run, or that none does."""
    return {
        "title": title,
        "last-modified": modified,
        "version": version,
        "oscal-version": OSCAL,
        "props": props(schema=SCHEMA, program=f"{PROGRAM} {VERSION}", log=log),
    }


def document_uuid(kind: str, assessment: Assessment) -> str:
    """The id of a document: of what was read, when, and with what."""
    read = [piece for s in assessment.sources for piece in (s.spec, s.digest)]
    return uuid5("oscal", kind, VERSION, time_text(assessment), assessment.snapshot, *read)


def tool() -> dict[str, Json]:
    """The program as a component, as the origin of what it observed."""
    return {
        "uuid": TOOL,
        "type": "software",
        "title": PROGRAM,
        "description": f"{PROGRAM} {VERSION}: it judges what the given sources show, and reads only.",
        "props": props(version=VERSION),
        "status": {"state": "operational"},
    }


def assets_of_assessor() -> Json:
    """The platform that assessed: this program."""
    platform: Json = {
        "uuid": uuid5("oscal", "platform"),
        "title": f"{PROGRAM} {VERSION}",
        "uses-components": [{"component-uuid": TOOL}],
    }
    return {"components": [tool()], "assessment-platforms": [platform]}


def asset_uuid(asset_id: str) -> str:
    """The id of an asset as an inventory item."""
    return uuid5("oscal", "asset", asset_id)


def inventory_item(asset: Asset) -> str:
    """An asset, encoded."""
    item: Json = {
        "uuid": asset_uuid(asset.id),
        "description": f"{code(asset.address)}, {asset.kind.value}",
        "props": props(
            asset_id=asset.id,
            kind=asset.kind.value,
            native_type=asset.native_type,
            provider=asset.provider,
            account=asset.account,
            region=asset.region,
            source=asset.origin,
            place=place(asset.where),
        ),
    }
    return encode(item)


def _evidence(fact: Fact) -> Json:
    stands = f" ({place(fact.where)})" if fact.where is not None else ""
    out: dict[str, Json] = {
        "description": f"{code(fact.name)}: {code(prose.show(fact))}{markup(stands) if stands else ''}"
    }
    if fact.default_of:
        # The value was not given; the page states what then counts.
        out["href"] = fact.default_of
    return out


class Observations:
    """Makes observations, one a finding, and knows their ids."""

    def __init__(
        self, assessment: Assessment, catalogue: Catalogue, assets: Mapping[str, Asset], more: Sequence[Json] = ()
    ) -> None:
        self._catalogue = catalogue
        self._assets = assets
        self._more = more  # evidence of every observation
        self._collected = time_text(assessment)
        self._exceptions = {a.fingerprint: a.exception for a in assessment.accepted}
        once = Once()
        # Two gaps of one scope share a fingerprint; the findings themselves are kept, so that their ids are not reused.
        self._ids = [uuid5("oscal", "observation", once.name(f.fingerprint)) for f in assessment.findings]
        self._findings = assessment.findings

    def ids(self) -> Iterator[tuple[Finding, str]]:
        """Every finding with the id of its observation."""
        return zip(self._findings, self._ids, strict=True)

    def encoded(self, f: Finding, ident: str) -> str:
        """One observation."""
        address = self._assets[f.asset].address if f.asset in self._assets else f.asset
        because = markup(prose.because(f, self._catalogue))
        out: dict[str, Json] = {
            "uuid": ident,
            "title": markup(prose.title(f.check, self._catalogue)),
            "description": f"{code(address)}: {because}",
            "props": props(check=f.check, status=f.status.value, severity=f.severity.value, fingerprint=f.fingerprint),
            "methods": ["TEST"],
            "types": ["finding" if f.status in (Status.FAIL, Status.ACCEPTED) else "control-objective"],
            "origins": ORIGINS,
            "subjects": [{"subject-uuid": asset_uuid(f.asset), "type": "inventory-item"}],
            "collected": self._collected,
        }
        if f.facts or self._more:
            out["relevant-evidence"] = [*map(_evidence, f.facts), *self._more]
        if f.status is Status.ACCEPTED:
            out["remarks"] = markup(accepted_words(self._exceptions.get(f.fingerprint)))
        return encode(out)


def risk_status(exception: RiskException | None) -> str:
    """`deviation-approved` only where a person who may is named; an inline skip is never called approved."""
    approved = exception is not None and exception.approver and not exception.inline
    return "deviation-approved" if approved else "deviation-requested"
