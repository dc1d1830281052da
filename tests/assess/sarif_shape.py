"""The part of SARIF 2.1.0 that this program writes, as a strict JSON schema: what is not named here is refused.

Written from the specification (OASIS, errata 01), section numbers beside the definitions. It is stricter than the
standard's own schema: every property is listed, and those that code hosts want are required.
"""


def _object(required: str, optional: str = "", **properties: object) -> dict[str, object]:
    names = {*required.split(), *optional.split()}
    assert names == set(properties), f"{names ^ set(properties)}"
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


def _list(items: object, least: int = 0) -> dict[str, object]:
    return {"type": "array", "items": items, "minItems": least}


TEXT = {"type": "string", "minLength": 1}
INDEX = {"type": "integer", "minimum": 0}
LINE = {"type": "integer", "minimum": 1}  # 3.30.5
BAG = {"type": "object"}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
MESSAGE = _object("text", text=TEXT)  # 3.11
MULTIFORMAT = _object("text", "markdown", text=TEXT, markdown=TEXT)  # 3.12
COMPONENT = _object("name index", name=TEXT, index=INDEX)  # 3.54
REFERENCE = _object("id index toolComponent", id=TEXT, index=INDEX, toolComponent=COMPONENT)  # 3.52
ARTIFACT = _object(  # 3.4: a URI reference, without a sign that RFC 3986 has no place for
    "uri",
    "uriBaseId",
    uri={"type": "string", "pattern": r"^(file://)?[A-Za-z0-9._~/%-]+$"},
    uriBaseId={"const": "SRCROOT"},
)
PHYSICAL = _object(  # 3.29
    "artifactLocation",
    "region",
    artifactLocation=ARTIFACT,
    region=_object("startLine endLine", startLine=LINE, endLine=LINE),
)
LOGICAL = _object("name fullyQualifiedName kind", name=TEXT, fullyQualifiedName=TEXT, kind={"const": "resource"})
LOCATION = _object("physicalLocation", "logicalLocations", physicalLocation=PHYSICAL, logicalLocations=_list(LOGICAL))
RELATED = _object("id message physicalLocation", id=LINE, message=MESSAGE, physicalLocation=PHYSICAL)
FINGERPRINTS = _object(
    "primaryLocationLineHash strongroom/v1",
    **{
        "primaryLocationLineHash": {"type": "string", "pattern": "^[0-9a-f]{32}:1$"},
        "strongroom/v1": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    },
)
SUPPRESSION = _object(  # 3.35
    "kind status",
    "justification location properties",
    kind={"enum": ["external", "inSource"]},
    status={"const": "accepted"},
    justification=TEXT,
    location=_object("physicalLocation", physicalLocation=PHYSICAL),
    properties=BAG,
)
RESULT = _object(  # 3.27
    "ruleId ruleIndex kind level message locations partialFingerprints properties",
    "relatedLocations taxa suppressions",
    ruleId=TEXT,
    ruleIndex=INDEX,
    kind={"enum": ["fail", "open", "pass"]},
    level=LEVEL,
    message=MESSAGE,
    locations=_list(LOCATION, 1),
    partialFingerprints=FINGERPRINTS,
    properties=BAG,
    relatedLocations=_list(RELATED, 1),
    taxa=_list(REFERENCE, 1),
    suppressions=_list(SUPPRESSION, 1),
) | {
    # 3.27.10: what is not a failure has the level "none".
    "if": {"properties": {"kind": {"const": "fail"}}},
    "then": {"properties": {"level": {"enum": ["note", "warning", "error"]}}},
    "else": {"properties": {"level": {"const": "none"}}},
}
RULE = _object(  # 3.49
    "id name shortDescription fullDescription help",
    "defaultConfiguration properties relationships",
    id=TEXT,
    name={"type": "string", "pattern": "^[A-Z][A-Za-z0-9]*$"},
    shortDescription=MESSAGE,
    fullDescription=MESSAGE,
    help=MULTIFORMAT | {"required": ["text", "markdown"]},
    defaultConfiguration=_object("level", level={"enum": ["note", "warning", "error"]}),
    properties=BAG,
    relationships=_list(_object("target kinds", target=REFERENCE, kinds=_list(TEXT, 1)), 1),
)
TAXON = _object(
    "id name shortDescription fullDescription properties",
    id=TEXT,
    name=TEXT,
    shortDescription=MESSAGE,
    fullDescription=MESSAGE,
    properties=BAG,
)
NOTIFICATION = _object(  # 3.58
    "level descriptor message properties",
    "locations",
    level={"const": "warning"},
    descriptor=_object("id index", id=TEXT, index=INDEX),
    message=MESSAGE,
    properties=BAG,
    locations=_list(LOCATION, 1),
)
DRIVER = _object(  # 3.19
    "name fullName version semanticVersion rules notifications supportedTaxonomies",
    name={"const": "strongroom"},
    fullName=TEXT,
    version=TEXT,
    semanticVersion=TEXT,
    rules=_list(RULE, 1),
    notifications=_list(RULE, 1),
    supportedTaxonomies=_list(COMPONENT, 1),
)
RUN = _object(  # 3.14
    "tool taxonomies originalUriBaseIds columnKind invocations results properties",
    tool=_object("driver", driver=DRIVER),
    taxonomies=_list(
        _object(
            "name shortDescription isComprehensive taxa",
            name=TEXT,
            shortDescription=MESSAGE,
            isComprehensive={"type": "boolean"},
            taxa=_list(TAXON),
        ),
        1,
    ),
    originalUriBaseIds=_object("SRCROOT", SRCROOT=_object("description", description=MESSAGE)),
    columnKind={"const": "unicodeCodePoints"},
    invocations=_list(
        _object(  # 3.20
            "executionSuccessful endTimeUtc toolExecutionNotifications",
            "toolConfigurationNotifications",
            executionSuccessful={"type": "boolean"},
            endTimeUtc={"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"},  # 3.9
            toolExecutionNotifications=_list(NOTIFICATION),
            toolConfigurationNotifications=_list(_object("level message", level=LEVEL, message=MESSAGE), 1),
        ),
        1,
    ),
    results=_list(RESULT),
    properties=BAG,
)
LOG = _object(
    "$schema version runs", **{"$schema": TEXT, "version": {"const": "2.1.0"}, "runs": _list(RUN, 1) | {"maxItems": 1}}
)
