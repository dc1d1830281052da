"""The part of OCSF 1.8.0 that this program writes, as a strict JSON schema: the Compliance Finding and its objects."""

from shapes import ANY_TEXT, ID32, TEXT, UUID5, listed, obj

CAPTIONS = {1: "Informational", 2: "Low", 3: "Medium", 4: "High", 5: "Critical"}
RESULTS = {1: "Pass", 2: "Warning", 3: "Fail", 99: "not-applicable"}
PEOPLE = RESULTS | {99: "attested"}


def _pair(name: str, captions: dict[int, str]) -> dict[str, object]:
    """An id with the caption that belongs to it."""
    rows = [{"properties": {f"{name}_id": {"const": k}, name: {"const": v}}} for k, v in captions.items()]
    return {"oneOf": rows}


SEVERITY = {"enum": list(CAPTIONS)}
WHERE = {
    "oneOf": [
        {"type": "null"},
        obj(
            "file",
            "line_start line_end path called_from",
            file=TEXT,
            line_start={"type": "integer", "minimum": 1},
            line_end={"type": "integer", "minimum": 1},
            path=TEXT,
            called_from=TEXT,
        ),
    ]
}
METADATA = obj(
    "version product uid log_name log_version original_time",
    "correlation_uid profiles",
    version={"const": "1.8.0"},
    product=obj("name vendor_name version", name={"const": "strongroom"}, vendor_name=TEXT, version=TEXT),
    uid=UUID5,
    log_name=TEXT,
    log_version={"const": "strongroom/1"},
    original_time=TEXT,
    correlation_uid=TEXT,
    profiles={"const": ["cloud"]},
)
FINDING_INFO = obj(
    "uid title",
    "analytic desc data_sources",
    uid=ID32,
    title=TEXT,
    desc=TEXT,
    data_sources=listed(TEXT),
    analytic=obj("uid name type_id type", uid=TEXT, name=TEXT, type_id={"const": 1}, type={"const": "Rule"}),
)
CHECK = obj(
    "uid name severity_id severity status_id status",
    "standards",
    uid=TEXT,
    name=TEXT,
    severity_id=SEVERITY,
    severity=TEXT,
    status_id={"enum": list(RESULTS)},
    status=TEXT,
    standards=listed(TEXT, 0),
) | {"allOf": [_pair("severity", CAPTIONS), _pair("status", RESULTS)]}
COMPLIANCE = obj(
    "control requirements standards status_id status status_code status_details",
    "checks desc category",
    control=TEXT,
    requirements=listed(TEXT),
    standards=listed(TEXT),
    status_id={"enum": list(RESULTS)},
    status=TEXT,
    status_code={"enum": ["pass", "fail", "unknown", "not-applicable", "accepted", "attested"]},
    status_details=listed(TEXT),
    checks=listed(CHECK) | {"maxItems": 1},
    desc=TEXT,
    category=TEXT,
) | {
    # What a check says has the check; what a person says has none.
    "if": {"required": ["checks"]},
    "then": _pair("status", RESULTS),
    "else": {"properties": {"status_code": {"const": "attested"}}} | _pair("status", PEOPLE),
}
RESOURCE = obj(
    "uid name role_id role",
    "type data uid_alt region tags",
    uid=TEXT,
    name=ANY_TEXT,
    type=TEXT,
    role_id={"const": 1},
    role={"const": "Target"},
    data=obj("kind where", kind=TEXT, where=WHERE),
    uid_alt=TEXT,
    region=TEXT,
    tags=listed(obj("name value", name=TEXT, value=ANY_TEXT)),  # key_value_object
)
UNMAPPED = obj(
    "schema status log",
    "equivalents exception notes assertion",
    notes=listed(TEXT),
    assertion=obj("owner approver expires id", owner=TEXT, approver=TEXT, expires=TEXT, id=TEXT),
    schema={"const": "strongroom/1"},
    status=TEXT,
    equivalents=listed(TEXT),
    log=TEXT,
    exception=obj(
        "owner approver expires digest",
        owner=ANY_TEXT,
        approver=ANY_TEXT,
        expires={"type": ["string", "null"]},
        digest=TEXT,
    ),
)
EVENT = obj(
    "category_uid category_name class_uid class_name activity_id activity_name type_uid type_name time severity_id"
    " severity status_id status status_code message metadata finding_info compliance unmapped",
    "resources status_detail cloud remediation evidences",
    category_uid={"const": 2},
    category_name={"const": "Findings"},
    class_uid={"const": 2003},
    class_name={"const": "Compliance Finding"},
    activity_id={"const": 1},
    activity_name={"const": "Create"},
    type_uid={"const": 200301},
    type_name={"const": "Compliance Finding: Create"},
    time={"type": "integer", "minimum": 1_000_000_000_000, "maximum": 9_999_999_999_999},  # milliseconds, of this age
    severity_id=SEVERITY,
    severity=TEXT,
    status_id={"enum": [1, 3]},
    status=TEXT,
    status_code=TEXT,
    status_detail=TEXT,
    message=TEXT,
    metadata=METADATA,
    finding_info=FINDING_INFO,
    compliance=COMPLIANCE,
    resources=listed(RESOURCE) | {"maxItems": 1},
    unmapped=UNMAPPED,
    cloud=obj(
        "provider",
        "account region",
        provider={"enum": ["AWS", "Azure", "GCP"]},
        account=obj("uid", uid=TEXT),
        region=TEXT,
    ),
    remediation=obj("desc", desc=TEXT),
    evidences=listed(obj("name data", name=TEXT, data={"type": "object"})),
) | {
    "allOf": [
        _pair("severity", CAPTIONS),
        _pair("status", {1: "New", 3: "Suppressed"}),
        # The cloud object belongs to its profile, and the profile to the object.
        {
            "if": {"required": ["cloud"]},
            "then": {"properties": {"metadata": {"required": ["profiles"]}}},
            "else": {"properties": {"metadata": {"not": {"required": ["profiles"]}}}},
        },
        {"if": {"properties": {"status_id": {"const": 3}}}, "then": {"required": ["status_detail"]}},
    ]
}
