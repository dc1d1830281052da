"""The part of OSCAL 1.2.1 that this program writes, as strict JSON schemas, and a search for references to nothing."""

from collections import Counter
from collections.abc import Iterator

from shapes import UUID5, listed, obj

STRING = {"type": "string", "pattern": r"^\S(.*\S)?$"}  # StringDatatype: one line without blanks around it
LINE = {"type": "string", "pattern": "^[^\n]+$"}  # MarkupLineDatatype
LINES = {"type": "string", "minLength": 1}
TOKEN = {"type": "string", "pattern": r"^[A-Za-z_][A-Za-z0-9._-]*$"}
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
URI = {"type": "string", "pattern": r"^(#[0-9a-f-]{36}|https://\S+)$"}
PROP = obj("name value", "ns", name=TOKEN, value=STRING, ns={"const": "urn:strongroom:1"})
PROPS = listed(PROP)
METADATA = obj(
    "title last-modified version oscal-version props",
    **{"title": LINE, "last-modified": TIME, "version": STRING, "oscal-version": {"const": "1.2.1"}, "props": PROPS},
)
ACTOR = obj("type actor-uuid", **{"type": {"const": "tool"}, "actor-uuid": UUID5})
ORIGIN = obj("actors", actors=listed(ACTOR))
COMPONENT = obj(
    "uuid type title description props status",
    uuid=UUID5,
    type={"const": "software"},
    title=LINE,
    description=LINES,
    props=PROPS,
    status=obj("state", state={"const": "operational"}),
)
PLATFORM = obj(
    "uuid title uses-components",
    **{"uuid": UUID5, "title": LINE, "uses-components": listed(obj("component-uuid", **{"component-uuid": UUID5}))},
)
ASSESSOR = obj(
    "components assessment-platforms",
    **{"components": listed(COMPONENT), "assessment-platforms": listed(PLATFORM)},
)
ITEM = obj("uuid description props", uuid=UUID5, description=LINES, props=PROPS)
LOCAL = obj("assessment-assets", "inventory-items", **{"assessment-assets": ASSESSOR, "inventory-items": listed(ITEM)})
SUBJECT = obj("subject-uuid type", **{"subject-uuid": UUID5, "type": {"const": "inventory-item"}})
EVIDENCE = obj("description", "href", description=LINES, href=URI)
OBSERVATION = obj(
    "uuid title description props methods types origins collected",
    "subjects relevant-evidence expires remarks",
    **{
        "uuid": UUID5,
        "title": LINE,
        "description": LINES,
        "props": PROPS,
        "methods": {"enum": [["TEST"], ["EXAMINE"]]},
        "types": {"enum": [["finding"], ["control-objective"]]},
        "origins": listed(ORIGIN),
        "collected": TIME,
        "subjects": listed(SUBJECT),
        "relevant-evidence": listed(EVIDENCE),
        "expires": TIME,
        "remarks": LINES,
    },
)
SEEN_BY = listed(obj("observation-uuid", **{"observation-uuid": UUID5}))
RISKS = listed(obj("risk-uuid", **{"risk-uuid": UUID5}))
STATUS = obj(
    "state reason remarks",
    state={"enum": ["satisfied", "not-satisfied"]},
    reason={"enum": ["pass", "fail", "other"]},
    remarks=LINES,
) | {
    # Nothing but a proof is satisfied for the reason "pass", and nothing but a failure not for "fail".
    "oneOf": [
        {"properties": {"state": {"const": "satisfied"}, "reason": {"enum": ["pass", "other"]}}},
        {"properties": {"state": {"const": "not-satisfied"}, "reason": {"enum": ["fail", "other"]}}},
    ]
}
TARGET = obj(
    "type target-id title status",
    **{"type": {"const": "objective-id"}, "target-id": TOKEN, "title": LINE, "status": STATUS},
)
FINDING = obj(
    "uuid title description props origins target",
    "related-observations related-risks",
    **{
        "uuid": UUID5,
        "title": LINE,
        "description": LINES,
        "props": PROPS,
        "origins": listed(ORIGIN),
        "target": TARGET,
        "related-observations": SEEN_BY,
        "related-risks": RISKS,
    },
)
FACET = obj("name system value", name=TOKEN, system={"const": "urn:strongroom:1"}, value=STRING)
STEP = obj(
    "uuid type title description props timing",
    "dependencies",
    uuid=UUID5,
    type={"const": "milestone"},
    title=LINE,
    description=LINES,
    props=PROPS,
    timing=obj("on-date", **{"on-date": obj("date", date=TIME)}),
    dependencies=listed(obj("task-uuid", **{"task-uuid": UUID5})),
)
REMEDIATION = obj(
    "uuid lifecycle title description props origins tasks",
    uuid=UUID5,
    lifecycle={"const": "recommendation"},
    title=LINE,
    description=LINES,
    props=PROPS,
    origins=listed(ORIGIN),
    tasks=listed(STEP),
)
RISK = obj(
    "uuid title description statement props status origins characterizations related-observations",
    "deadline remediations",
    **{
        "uuid": UUID5,
        "title": LINE,
        "description": LINES,
        "statement": LINES,
        "props": PROPS,
        "status": {"enum": ["open", "deviation-requested", "deviation-approved"]},
        "origins": listed(ORIGIN),
        "characterizations": listed(obj("origin facets", origin=ORIGIN, facets=listed(FACET))),
        "deadline": TIME,
        "remediations": listed(REMEDIATION),
        "related-observations": SEEN_BY,
    },
)
ALL = obj("", "")
CONTROL_IDS = listed(obj("control-id", **{"control-id": TOKEN}))
OBJECTIVE_IDS = listed(obj("objective-id", **{"objective-id": TOKEN}))


def _selection(what: str, ids: dict[str, object]) -> dict[str, object]:
    """Some that are named, or all; and those that are not."""
    optional = f"include-all include-{what} exclude-{what}"
    known = {"include-all": ALL, f"include-{what}": ids, f"exclude-{what}": ids}
    return obj("", optional, **known) | {"oneOf": [{"required": ["include-all"]}, {"required": [f"include-{what}"]}]}


REVIEWED = obj(
    "description control-selections",
    "control-objective-selections",
    **{
        "description": LINES,
        "control-selections": listed(_selection("controls", CONTROL_IDS)),
        "control-objective-selections": listed(_selection("objectives", OBJECTIVE_IDS)),
    },
)
RESULT = obj(
    "uuid title description start end local-definitions reviewed-controls",
    "observations risks findings remarks",
    **{
        "uuid": UUID5,
        "title": LINE,
        "description": LINES,
        "start": TIME,
        "end": TIME,
        "local-definitions": LOCAL,
        "reviewed-controls": REVIEWED,
        "observations": listed(OBSERVATION),
        "risks": listed(RISK),
        "findings": listed(FINDING),
        "remarks": LINES,
    },
)
RESOURCE = obj(
    "uuid title description",
    "base64",
    uuid=UUID5,
    title=LINE,
    description=LINES,
    base64=obj(
        "filename media-type value",
        **{"filename": LINE, "media-type": LINE, "value": {"type": "string", "pattern": "^[0-9A-Za-z+/]+={0,2}$"}},
    ),
)
RESULTS = obj(
    "assessment-results",
    **{
        "assessment-results": obj(
            "uuid metadata import-ap results back-matter",
            **{
                "uuid": UUID5,
                "metadata": METADATA,
                "import-ap": obj("href", href=URI),
                "results": listed(RESULT),
                "back-matter": obj("resources", resources=listed(RESOURCE)),
            },
        )
    },
)
POAM_ITEM = obj(
    "uuid title description",
    "props origins related-risks related-observations",
    **{
        "uuid": UUID5,
        "title": LINE,
        "description": LINES,
        "props": PROPS,
        "origins": listed(ORIGIN),
        "related-risks": RISKS,
        "related-observations": SEEN_BY,
    },
)
POAM = obj(
    "plan-of-action-and-milestones",
    **{
        "plan-of-action-and-milestones": obj(
            "uuid metadata system-id local-definitions poam-items",
            "observations risks",
            **{
                "uuid": UUID5,
                "metadata": METADATA,
                "system-id": obj(
                    "identifier-type id",
                    **{"identifier-type": {"const": "http://ietf.org/rfc/rfc4122"}, "id": UUID5},
                ),
                "local-definitions": LOCAL,
                "observations": listed(OBSERVATION),
                "risks": listed(RISK),
                "poam-items": listed(POAM_ITEM),
            },
        )
    },
)


def members(value: object) -> Iterator[tuple[str, object]]:
    """Every member of every object in a document."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name, inner
            yield from members(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from members(inner)


def repeated(document: object) -> list[str]:
    """The ids that two things share."""
    ids = Counter(str(inner) for name, inner in members(document) if name == "uuid")
    return [ident for ident, n in ids.items() if n > 1]


def dangling(document: object) -> list[str]:
    """The references to what is not in the document."""
    known = {inner for name, inner in members(document) if name == "uuid"}
    wanted = {str(inner) for name, inner in members(document) if name.endswith("-uuid")}
    wanted |= {str(inner)[1:] for name, inner in members(document) if name == "href" and str(inner).startswith("#")}
    return sorted(wanted - known)
