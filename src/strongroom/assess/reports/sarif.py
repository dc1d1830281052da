"""SARIF 2.1.0 (OASIS, errata 01): for code hosts and editors that show findings where they stand."""

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from strongroom.assess import prose
from strongroom.assess.reports._lines import Json, encode
from strongroom.assess.reports._logged import log_words
from strongroom.assess.reports._people import Told, exception_json, fallen, idle
from strongroom.assess.reports._sarif_tool import GAP_INDEX, LEVELS, TAXONOMY, notifications, rules, taxonomy
from strongroom.assess.reports._shared import PROGRAM, VERSION, asset_of, by_id, in_pieces, one_line
from strongroom.model.codes import ExceptionState, FindingCode, Status
from strongroom.model.control import Assessment, Finding
from strongroom.model.estate import SCHEMA, Asset, Fact, Gap
from strongroom.model.kinds import Kind
from strongroom.model.people import RiskException
from strongroom.model.ports import Catalogue, Report
from strongroom.model.values import Where

SPECIFICATION = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
BASE = "SRCROOT"
MOST_RELATED = 10
# SARIF 3.27.9: `open` is "not enough information to decide", which is what unknown means. An accepted failure stays a
# failure and carries its suppression (3.27.23).
KINDS = {Status.FAIL: "fail", Status.ACCEPTED: "fail", Status.UNKNOWN: "open", Status.PASS: "pass"}


def message(text: str) -> Json:
    """Foreign text as a message: no placeholder (SARIF 3.11.5) and no embedded link (3.11.6) can come from it."""
    literal = one_line(text).replace("{", "{{").replace("}", "}}").replace("](", "] (")
    return {"text": literal}


def uri(file: str) -> str:
    """A file as a URI reference (RFC 3986): relative where the file is, so that a code host finds it in its tree."""
    path = quote(one_line(file), safe="/")
    return f"file://{path}" if path.startswith("/") else path


def _physical(where: Where) -> Json:
    artifact: dict[str, Json] = {"uri": uri(where.file)}
    if not where.file.startswith("/"):
        artifact["uriBaseId"] = BASE
    out: dict[str, Json] = {"artifactLocation": artifact}
    if where.line_start:
        out["region"] = {"startLine": where.line_start, "endLine": max(where.line_start, where.line_end)}
    return out


def _stands(where: Where | None, asset: Asset) -> Where:
    """Where a result is shown. Code hosts refuse a result without a file, so an asset without one has its source."""
    if where is not None and not (asset.kind is Kind.SOURCE and where.file == asset.origin):
        return where
    scheme, _, target = asset.origin.partition(":")
    return Where(target or scheme or asset.address)


def _location(f: Finding, asset: Asset) -> Json:
    logical: Json = {"name": asset.name or asset.address, "fullyQualifiedName": asset.address, "kind": "resource"}
    return {"physicalLocation": _physical(_stands(f.where, asset)), "logicalLocations": [logical]}


def _related(facts: tuple[Fact, ...], where: Where | None) -> list[Json]:
    elsewhere = [fact for fact in facts if fact.where is not None and fact.where != where][:MOST_RELATED]
    return [
        {
            "id": n,
            "message": message(f"{fact.name}: {prose.show(fact)}"),
            "physicalLocation": _physical(fact.where),
        }
        for n, fact in enumerate(elsewhere, 1)
        if fact.where is not None
    ]


class _Results:
    """Makes results; rules and taxa are cited by their index."""

    def __init__(
        self,
        catalogue: Catalogue,
        assets: Mapping[str, Asset],
        rule_index: Mapping[str, int],
        said: Mapping[str, RiskException],
    ) -> None:
        self._catalogue = catalogue
        self._said = said
        self._assets = assets
        self._rules = rule_index
        self._taxa = {control: n for n, control in enumerate(catalogue.controls)}

    def result(self, f: Finding) -> Json:
        asset = asset_of(self._assets, f.asset)
        kind = "open" if f.status is Status.ACCEPTED and f.code is not FindingCode.BROKEN else KINDS[f.status]
        out: dict[str, Json] = {
            "ruleId": f.check,
            "ruleIndex": self._rules[f.check],
            "kind": kind,
            # 3.27.10: the level of what is no failure is "none".
            "level": LEVELS[f.severity] if kind == "fail" else "none",
            "message": message(f"{asset.address}: {prose.because(f, self._catalogue)}."),
            "locations": [_location(f, asset)],
            # The first is the only one that GitHub compares; ours does not move with the lines.
            "partialFingerprints": {"primaryLocationLineHash": f"{f.fingerprint}:1", "strongroom/v1": f.fingerprint},
            "properties": {
                "status": f.status.value,
                "severity": f.severity.value,
                "asset": f.asset,
                "kind": asset.kind.value,
                "evidence": [f"{fact.name}: {prose.show(fact)}" for fact in f.facts],
            },
        }
        if related := _related(f.facts, f.where):
            out["relatedLocations"] = related
        if f.control in self._taxa:
            component: Json = {"name": TAXONOMY, "index": 0}
            out["taxa"] = [{"id": f.control, "index": self._taxa[f.control], "toolComponent": component}]
        if f.status is Status.ACCEPTED:
            out["suppressions"] = [_suppression(self._said.get(f.fingerprint))]
        return out


def _suppression(e: RiskException | None) -> Json:
    """SARIF 3.35: what stands in the source is `inSource` and has its place; who answers for it is in the properties."""
    if e is None:
        return {"kind": "external", "status": "accepted"}
    out: dict[str, Json] = {"kind": "inSource" if e.inline else "external", "status": "accepted"}
    out["justification"] = one_line(e.reason)
    if e.inline and e.where is not None:
        out["location"] = {"physicalLocation": _physical(e.where)}
    out["properties"] = exception_json("accepted", e)
    return out


def _told(t: Told) -> Json:
    """An exception or an assertion that counts for nothing: a remark on how the tool was configured (SARIF 3.20.20)."""
    text = message(f"{t.state}: {t.what}: {t.why}.")
    return {"level": "note" if t.state == ExceptionState.UNUSED else "warning", "message": text}


def _gap(g: Gap) -> Json:
    out: dict[str, Json] = {
        "level": "warning",
        "descriptor": {"id": g.code.value, "index": GAP_INDEX[g.code]},
        "message": message(f"could not look at {g.scope}: {g.detail}."),
        "properties": {"source": g.source, "hides": [k.value for k in g.hides]},
    }
    if g.where is not None:
        out["locations"] = [{"physicalLocation": _physical(g.where)}]
    return out


def _shown(assessment: Assessment, *, passes: bool) -> list[Finding]:
    # What could not be read of a source is a notification of the run, once, and no result beside it.
    wanted = {Status.FAIL, Status.ACCEPTED, Status.UNKNOWN} | ({Status.PASS} if passes else set())
    shown = [f for f in assessment.findings if f.status in wanted and f.code is not FindingCode.SOURCE_GAP]
    return sorted(shown, key=lambda f: (f.status is not Status.FAIL, -f.severity.rank))


def _run_head(assessment: Assessment, catalogue: Catalogue, described: list[Json]) -> str:
    driver: Json = {
        "name": PROGRAM,
        "fullName": f"{PROGRAM} {VERSION}",
        "semanticVersion": VERSION,
        "version": VERSION,
        "rules": described,
        "notifications": notifications(),
        "supportedTaxonomies": [{"name": TAXONOMY, "index": 0}],
    }
    return (
        f'{{"$schema":{encode(SPECIFICATION)},"version":"2.1.0","runs":[\n'
        f'{{"tool":{{"driver":{encode(driver)}}},\n'
        f'"taxonomies":[{encode(taxonomy(catalogue))}],\n'
        f'"originalUriBaseIds":{encode({BASE: {"description": {"text": "The folder that was assessed."}}})},\n'
        f'"columnKind":"unicodeCodePoints",\n"properties":'
        f"{encode({'schema': SCHEMA, 'snapshot': assessment.snapshot, 'log': log_words(assessment)})},\n"
    )


def _log(assessment: Assessment, catalogue: Catalogue, *, passes: bool) -> Iterator[str]:
    found = _shown(assessment, passes=passes)
    described, index = rules(catalogue, {f.check for f in assessment.findings})
    yield _run_head(assessment, catalogue, described)
    ended = assessment.seen_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    gaps: list[Json] = [_gap(g) for g in assessment.gaps]
    invocation: dict[str, Json] = {"executionSuccessful": True, "endTimeUtc": ended}
    invocation["toolExecutionNotifications"] = gaps
    if told := [*idle(assessment), *fallen(assessment)]:
        invocation["toolConfigurationNotifications"] = [_told(t) for t in told]
    yield f'"invocations":[{encode(invocation)}],\n"results":['
    said = {a.fingerprint: a.exception for a in assessment.accepted}
    results = _Results(catalogue, by_id(assessment), index, said)
    separator = "\n"
    for f in found:
        yield separator + encode(results.result(f))
        separator = ",\n"
    yield "\n]}\n]}\n"


def render(assessment: Assessment, catalogue: Catalogue, *, passes: bool = False) -> Iterator[str]:
    """One run. Failures and unknowns are results, worst first; passes only on request, as code hosts alarm for them."""
    return in_pieces(_log(assessment, catalogue, passes=passes))


REPORT = Report("sarif", "SARIF 2.1.0: for code hosts and editors", ".sarif", render)
