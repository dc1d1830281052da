"""The part of CycloneDX 1.6 that this program writes, as a strict JSON schema (ECMA-424)."""

from shapes import ANY_TEXT, TEXT, UUID5, listed, obj

TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
REFS = listed(TEXT) | {"uniqueItems": True}
PROPERTY = obj("name value", name={"type": "string", "pattern": "^strongroom:"}, value=ANY_TEXT)
PROPERTIES = listed(PROPERTY)
COMPONENT = obj(
    "type bom-ref name properties",
    "data cryptoProperties hashes",
    **{
        "hashes": listed(
            obj("alg content", alg={"const": "SHA-256"}, content={"type": "string", "pattern": "^[0-9a-f]{64}$"})
        ),
        "type": {
            "enum": [
                "application",
                "container",
                "cryptographic-asset",
                "data",
                "device",
                "file",
                "machine-learning-model",
                "platform",
            ]
        },
        "bom-ref": TEXT,
        "name": TEXT,
        "properties": PROPERTIES,
        "data": listed(obj("type name", type={"enum": ["configuration", "dataset", "other"]}, name=ANY_TEXT)),
        "cryptoProperties": obj(
            "assetType relatedCryptoMaterialProperties",
            assetType={"const": "related-crypto-material"},
            relatedCryptoMaterialProperties=obj("type", type={"enum": ["key", "unknown"]}),
        ),
    },
) | {
    # The standard lets only data have contents, and only cryptographic assets their properties.
    "allOf": [
        {
            "if": {"properties": {"type": {"const": "data"}}},
            "then": {"required": ["data"]},
            "else": {"not": {"required": ["data"]}},
        },
        {
            "if": {"properties": {"type": {"const": "cryptographic-asset"}}},
            "then": {"required": ["cryptoProperties"]},
            "else": {"not": {"required": ["cryptoProperties"]}},
        },
    ]
}
SERVICE = obj(
    "bom-ref name properties",
    "provider",
    **{"bom-ref": TEXT, "name": TEXT, "properties": PROPERTIES, "provider": obj("name", name=TEXT)},
)
METADATA = obj(
    "timestamp tools component properties",
    timestamp=TIME,
    tools=obj(
        "components",
        components=listed(obj("type name version", type={"const": "application"}, name=TEXT, version=TEXT)),
    ),
    component=obj("type bom-ref name", **{"type": {"const": "platform"}, "bom-ref": TEXT, "name": TEXT}),
    properties=PROPERTIES,
)
CONFORMANCE = obj("rationale", "score", rationale=TEXT, score={"type": "number", "minimum": 0, "maximum": 1})
MAP = obj(
    "requirement conformance", "claims counterClaims", requirement=TEXT, conformance=CONFORMANCE, claims=REFS,
    counterClaims=REFS,
)  # fmt: skip
CLAIM = obj(
    "bom-ref target predicate reasoning",
    "evidence",
    **{"bom-ref": TEXT, "target": TEXT, "predicate": TEXT, "reasoning": TEXT, "evidence": REFS},
)
ATTACHMENT = obj("contentType content", contentType={"const": "text/plain"}, content=ANY_TEXT)
DATUM = obj("name contents", name=TEXT, contents=obj("attachment", attachment=ATTACHMENT))
EVIDENCE = obj(
    "bom-ref propertyName description data created",
    **{"bom-ref": TEXT, "propertyName": TEXT, "description": TEXT, "data": listed(DATUM), "created": TIME},
)
ASSESSOR = obj(
    "bom-ref thirdParty organization",
    **{"bom-ref": TEXT, "thirdParty": {"const": False}, "organization": obj("name", name=TEXT)},
)
REQUIREMENT = obj(
    "bom-ref identifier text",
    "title parent properties",
    **{"bom-ref": TEXT, "identifier": TEXT, "text": TEXT, "title": TEXT, "parent": TEXT, "properties": PROPERTIES},
)
STANDARD = obj(
    "bom-ref name version description owner",
    "requirements",
    **{
        "bom-ref": TEXT,
        "name": TEXT,
        "version": TEXT,
        "description": TEXT,
        "owner": TEXT,
        "requirements": listed(REQUIREMENT),
    },
)
BOM = obj(
    "$schema bomFormat specVersion serialNumber version metadata compositions declarations definitions",
    "components services dependencies",
    **{
        "$schema": {"const": "http://cyclonedx.org/schema/bom-1.6.schema.json"},
        "bomFormat": {"const": "CycloneDX"},
        "specVersion": {"const": "1.6"},
        "serialNumber": UUID5 | {"pattern": UUID5["pattern"].replace("^", "^urn:uuid:")},
        "version": {"const": 1},
        "metadata": METADATA,
        "components": listed(COMPONENT) | {"uniqueItems": True},
        "services": listed(SERVICE) | {"uniqueItems": True},
        "dependencies": listed(obj("ref dependsOn", ref=TEXT, dependsOn=REFS)) | {"uniqueItems": True},
        "compositions": listed(
            obj("aggregate assemblies", aggregate={"enum": ["incomplete", "unknown"]}, assemblies=REFS)
        ),
        "declarations": obj(
            "assessors attestations",
            "claims evidence",
            assessors=listed(ASSESSOR),
            attestations=listed(obj("summary assessor", "map", summary=TEXT, assessor=TEXT, map=listed(MAP))),
            claims=listed(CLAIM),
            evidence=listed(EVIDENCE),
        ),
        "definitions": obj("standards", standards=listed(STANDARD)),
    },
)
