"""CycloneDX 1.6: the inventory as components and services, and what was found of it as attestations (CDXA)."""

import re
from collections.abc import Iterator, Mapping

from strongroom.assess import prose
from strongroom.assess.reports._accepted import note_words
from strongroom.assess.reports._cyclonedx_claims import Claims, definitions
from strongroom.assess.reports._cyclonedx_kinds import IDENTIFYING, MATERIAL, SERVICES, component_type, contents
from strongroom.assess.reports._lines import Json, encode
from strongroom.assess.reports._logged import log_words
from strongroom.assess.reports._overview import coverage_sentence
from strongroom.assess.reports._shared import PROGRAM, VERSION, everything, in_pieces, one_line, place
from strongroom.assess.reports._streams import array, open_object
from strongroom.kit.uuids import uuid5
from strongroom.model.control import Assessment
from strongroom.model.estate import SCHEMA, Asset
from strongroom.model.ports import Catalogue, Report

SPECIFICATION = "1.6"
SCHEMA_URL = "http://cyclonedx.org/schema/bom-1.6.schema.json"
ESTATE = "strongroom:estate"
_SHA256 = re.compile("[0-9a-f]{64}")


def _properties(**values: str) -> list[Json]:
    """Properties in our own namespace; an underscore stands for a hyphen, what is empty is left out."""
    named = ((f"strongroom:{name.replace('_', '-')}", one_line(value)) for name, value in values.items() if value)
    return [{"name": name, "value": value} for name, value in named]


def _common(asset: Asset) -> dict[str, Json]:
    out: dict[str, Json] = {"bom-ref": asset.id, "name": one_line(asset.name or asset.address)}
    found = _properties(
        kind=asset.kind.value,
        address=asset.address,
        native_type=asset.native_type,
        provider=asset.provider,
        account=asset.account,
        region=asset.region,
        source=asset.origin,
        place=place(asset.where),
    )
    found += [{"name": "strongroom:alias", "value": one_line(alias)} for alias in asset.aliases]
    found += [{"name": f"strongroom:label:{one_line(k)}", "value": one_line(v)} for k, v in asset.labels]
    known = [asset.facts[name] for name in IDENTIFYING if name in asset.facts]
    found += [{"name": f"strongroom:fact:{f.name}", "value": one_line(prose.show(f))} for f in known]
    return out | {"properties": found}


def _component(asset: Asset) -> str:
    kind = component_type(asset)
    out: dict[str, Json] = {"type": kind, **_common(asset)}
    if kind == "data":
        out["data"] = [{"type": contents(asset.kind), "name": one_line(asset.address)}]
    if asset.kind in MATERIAL:
        material: Json = {"type": MATERIAL[asset.kind]}
        out["cryptoProperties"] = {
            "assetType": "related-crypto-material",
            "relatedCryptoMaterialProperties": material,
        }
    digest, files = asset.facts.get("artifact.sha256"), asset.value("artifact.files")
    if digest is not None and files == 1 and not digest.sensitive and _SHA256.fullmatch(str(digest.value)):
        # The digest of several files is one of a list, which no tool could compare with a file.
        out["hashes"] = [{"alg": "SHA-256", "content": str(digest.value)}]
    return encode(out)


def _service(asset: Asset) -> str:
    out = _common(asset)
    if asset.provider:
        out["provider"] = {"name": asset.provider}
    return encode(out)


def _dependencies(assets: Mapping[str, Asset]) -> Iterator[str]:
    """What each asset refers to, as far as it is in the inventory: nothing may point at what is not there."""
    for asset in assets.values():
        on = list(dict.fromkeys(r.id for r in asset.refs if r.id in assets and r.id != asset.id))
        if on:
            yield encode({"ref": asset.id, "dependsOn": [*on]})


def _metadata(assessment: Assessment) -> Json:
    at = assessment.seen_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    program: Json = {"type": "application", "name": PROGRAM, "version": VERSION}
    subject: Json = {"type": "platform", "bom-ref": ESTATE, "name": "AI infrastructure"}
    found = _properties(schema=SCHEMA, snapshot=assessment.snapshot, coverage=coverage_sentence(assessment))
    found += [{"name": "strongroom:log", "value": one_line(log_words(assessment))}]
    found += [{"name": "strongroom:source", "value": one_line(s.spec)} for s in assessment.sources]
    gaps = (f"{g.scope} ({g.code.value}): {g.detail}" for g in assessment.gaps)
    found += [{"name": "strongroom:gap", "value": one_line(text)} for text in gaps]
    found += [{"name": "strongroom:note", "value": one_line(text)} for text in note_words(assessment)]
    return {
        "timestamp": at,
        "tools": {"components": [program]},
        "component": subject,
        "properties": found,
    }


def _serial(assessment: Assessment) -> str:
    read = [piece for s in assessment.sources for piece in (s.spec, s.digest)]
    return "urn:uuid:" + uuid5("cyclonedx", VERSION, assessment.seen_at.isoformat(), assessment.snapshot, *read)


def _document(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    assets = everything(assessment)
    yield open_object(
        {
            "$schema": SCHEMA_URL,
            "bomFormat": "CycloneDX",
            "specVersion": SPECIFICATION,
            "serialNumber": _serial(assessment),
            "version": 1,
            "metadata": _metadata(assessment),
        }
    )
    yield from array("components", (_component(a) for a in assets.values() if a.kind not in SERVICES))
    yield from array("services", (_service(a) for a in assets.values() if a.kind in SERVICES))
    yield from array("dependencies", _dependencies(assets))
    # Sources show a part of what there is; a gap says that it is less than they hold.
    aggregate = "incomplete" if assessment.gaps else "unknown"
    yield f',\n"compositions":[{encode({"aggregate": aggregate, "assemblies": [ESTATE]})}]'
    yield from Claims(assessment, catalogue).declarations()
    yield from definitions(catalogue)
    yield "}\n"


def render(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    """One BOM; its references are the assets' own ids."""
    return in_pieces(_document(assessment, catalogue))


REPORT = Report("cyclonedx", "CycloneDX 1.6: the inventory as a BOM, with attestations", ".cdx.json", render)
