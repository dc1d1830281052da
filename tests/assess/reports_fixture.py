"""A small assessment made by hand: every status, hostile names, a secret, gaps, tasks; and a large one."""

import dataclasses
from datetime import UTC, datetime

from strongroom.kit.fingerprint import fingerprint
from strongroom.model.codes import Effort, FindingCode, GapCode, Severity, Status, Verb
from strongroom.model.control import (
    Assessment,
    Clause,
    ClauseResult,
    ControlResult,
    Coverage,
    Finding,
    Fix,
    Mappings,
    Task,
)
from strongroom.model.estate import Asset, Fact, Gap, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.log import Logged
from strongroom.model.ports import Answer, Catalogue, Check, Control, View, check
from strongroom.model.values import Key, NetRule, Unknown, Where

CANARY = "hunter2-canary-5f1d"
SEEN = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)

HTML = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
MARKDOWN = "a|b `c` [d](https://evil.example) **e** @octocat #12 www.evil.example <b>f</b> </details>"
TERMINAL = "red\x1b[31m\x07\x9b2J\u202egnp.exe\u200b\x7f"
FORMULA = '=HYPERLINK("https://evil.example","pay")'
TEMPLATE = "{0} {{7*7}} {% raw %} [x](sarif:/runs/0) ${var.x}"
NOT_TEXT = "caf\udce9.tf"
HOSTILE = (HTML, MARKDOWN, TERMINAL, FORMULA, TEMPLATE, NOT_TEXT)

LOGGED = Logged(
    origin="log.example/ai",
    entry=17,
    at=SEEN,
    findings="sha256:" + "0f" * 32,
    data='{"kind":"snapshot"}',
    proof="c2sp.org/tlog-proof@v1\nindex 17\n\nlog.example/ai\n18\n",
    keys=("log.example/ai+0a1b2c3d+AQ==",),
)

WEIGHTS = Where("infra/main.tf", 12, 30)


def control(ident: str, verb: Verb, phase: int, title: str, *clauses: str) -> Control:
    """A control whose prose is as short as can be."""
    return Control(
        id=ident,
        title=title,
        verb=verb,
        domain="Made up",
        area="made-up",
        phase=phase,
        phase_basis="stated",
        priority="hygiene",
        scope="both",
        guide="none",
        what=f"{title}, in full.",
        why="Because a test needs it.",
        fix="Change the test.",
        limits="It is made up.",
        clauses=tuple(Clause(f"{ident}.{slug}", f"The {slug} clause holds.", ("tf", "plan")) for slug in clauses),
        evidence="none",
        automation="auto",
        maps=Mappings(nist_800_53_r5=("SC-28",)),
    )


@check(
    id="net.notebook.direct-internet",
    title="Notebooks have no direct internet access",
    clause="NET-01.not-exposed",
    kinds=(Kind.NOTEBOOK,),
    needs=("net.direct_internet",),
    severity=Severity.HIGH,
    broken="direct internet access is on for {name}",
    equivalents=("checkov:CKV_AWS_122",),
    fix=Fix(
        text="Set `direct_internet_access` to `Disabled` and place the notebook in a subnet",
        snippets=(("aws_sagemaker_notebook_instance", 'direct_internet_access = "Disabled"\nsubnet_id = "…"'),),
        command="terraform plan",
        verify="the plan shows the attribute as Disabled",
    ),
)
def internet(v: View) -> Answer | bool:
    """A notebook that reaches the internet by itself is the shortest way out for weights."""
    return not v.flag("net.direct_internet")


@check(
    id="enc.bucket.cmk",
    title="Buckets are encrypted with a key of the customer's",
    clause="ART-01.stores-cmk",
    kinds=(Kind.BUCKET,),
    needs=("enc.key",),
    severity=Severity.CRITICAL,
    broken="it is encrypted with {key}",
    fix=Fix(text="Give the bucket a key of your own", effort=Effort.MEDIUM),
)
def cmk(v: View) -> Answer | bool:
    """The provider's key opens for whoever may read the object."""
    return v.key("enc.key").tech == "cmk"


CATALOGUE = Catalogue(
    controls={
        c.id: c
        for c in (
            control("INV-01", Verb.ASSESS, 30, "Inventory of what there is", "sources-agree"),
            control("NET-01", Verb.ISOLATE, 30, "No public exposure", "not-exposed", "probe-agrees"),
            control("ART-01", Verb.SEAL, 60, "Encryption at rest", "stores-cmk"),
            control("TEE-01", Verb.ATTEST, 90, "Keys need attestation", "keys-need-attestation"),
        )
    },
    checks={c.id: c for c in (internet, cmk)},
)


def bucket(ident: str, name: str, where: Where | None = WEIGHTS, key: Fact | None = None) -> Asset:
    """A bucket; its name is its address too, as it is for hostile ones."""
    fact = key or Fact("enc.key", Key("provider", "aws/s3"), None, "", "https://example.test/defaults")
    return Asset(
        id=ident,
        kind=Kind.BUCKET,
        native_type="aws_s3_bucket",
        address=name,
        name=name,
        provider="aws",
        where=where,
        origin="tf:infra",
        facts={fact.name: fact},
    )


def finding(
    c: Check,
    asset: Asset,
    status: Status,
    code: FindingCode,
    **arguments: str,
) -> Finding:
    """The finding that the judge would make, with all the asset's facts as evidence."""
    return Finding(
        check=c.id,
        control=c.control,
        asset=asset.id,
        status=status,
        code=code,
        severity=c.severity,
        arguments=tuple(arguments.items()),
        facts=tuple(asset.facts.values()),
        fingerprint=fingerprint(c.id, asset.id),
        where=asset.where,
    )


def source_finding(status: Status, said: FindingCode, **arguments: str) -> Finding:
    """What is said of a source itself; no check of the catalogue stands behind it."""
    return Finding(
        check="inv.source.read-whole",
        control="INV-01",
        asset="source:tf:infra",
        status=status,
        code=said,
        severity=Severity.MEDIUM,
        arguments=tuple(arguments.items()),
        facts=(),
        fingerprint=fingerprint("inv.source.read-whole", *arguments.values()),
        where=Where("tf:infra"),
    )


def assessment() -> Assessment:
    """Six hostile buckets that fail, one bucket in doubt, one with a secret, one accepted; two notebooks; a gap."""
    hostile = [bucket(f"h{n}", text, Where(text, n + 1, n + 2)) for n, text in enumerate(HOSTILE)]
    undecided = Unknown(GapCode.UNDECIDED, "var.kms_key has no value")
    doubtful = bucket("doubtful", "aws_s3_bucket.doubtful", key=Fact("enc.key", undecided))
    secret = bucket("secret", "aws_s3_bucket.secret", key=Fact("enc.key", Key("cmk", CANARY), sensitive=True))
    accepted = bucket("accepted", "aws_s3_bucket.accepted")
    nothing = bucket("nothing", "aws_s3_bucket.nothing", where=None, key=Fact("enc.key", None))
    rule = NetRule("ingress", "allow", "tcp", 22, 22, ("0.0.0.0/0", Unknown(GapCode.DENIED, "ec2:Describe")))
    notebooks = [
        Asset(
            id=f"n{n}",
            kind=Kind.NOTEBOOK,
            native_type="aws_sagemaker_notebook_instance",
            address=f"aws_sagemaker_notebook_instance.n{n}",
            provider="aws",
            region="eu-central-1",
            labels=(("team", "ml"),),
            where=Where("infra/notebooks.tf", 3 + n),
            origin="tf:infra",
            facts={
                "net.direct_internet": Fact("net.direct_internet", bool(n), Where("infra/variables.tf", 7, 9)),
                "net.rules": Fact("net.rules", (rule,)),
            },
        )
        for n in range(2)
    ]
    source = Asset(
        id="source:tf:infra",
        kind=Kind.SOURCE,
        native_type="tf",
        address="tf:infra",
        name="Terraform",
        origin="tf:infra",
        where=Where("tf:infra"),
    )
    found = [
        *(finding(cmk, a, Status.FAIL, FindingCode.BROKEN, key=a.name) for a in hostile),
        finding(cmk, doubtful, Status.UNKNOWN, FindingCode.FACT_UNKNOWN, because="enc.key: var.kms_key has no value"),
        finding(cmk, secret, Status.PASS, FindingCode.HOLDS),
        finding(cmk, accepted, Status.ACCEPTED, FindingCode.BROKEN, key="the provider's key"),
        finding(cmk, nothing, Status.NOT_APPLICABLE, FindingCode.NOT_APPLICABLE, because="it is empty"),
        finding(internet, notebooks[0], Status.PASS, FindingCode.HOLDS),
        finding(internet, notebooks[1], Status.FAIL, FindingCode.BROKEN, name="n1"),
        source_finding(
            Status.UNKNOWN, FindingCode.SOURCE_GAP, scope=MARKDOWN, code="not-fetched", detail="registry.example"
        ),
        source_finding(Status.PASS, FindingCode.SOURCE_WHOLE, files="3"),
    ]
    gap = Gap(MARKDOWN, "tf:infra", GapCode.NOT_FETCHED, HTML, Where("infra/main.tf", 40), (Kind.BUCKET,))
    return Assessment(
        seen_at=SEEN,
        sources=(SourceRead("tf:infra", "tf", "Terraform", 3, 2048, (Kind.BUCKET, Kind.NOTEBOOK), "ab" * 32),),
        assets=(*hostile, doubtful, secret, accepted, nothing, *notebooks, source),
        gaps=(gap,),
        findings=tuple(found),
        controls=results(),
        coverage=Coverage(4, 3, (("redfish", 6), ("k8s", 1))),
        tasks=(task(found[0], 60), task(found[11], 30)),
        snapshot="20260304-1",
        logged=LOGGED,
    )


def task(f: Finding, phase: int) -> Task:
    """A task that closes one finding."""
    return Task(
        id=f"task.{f.check}",
        control=f.control,
        check=f.check,
        title=HTML if f.check == cmk.id else "Close the notebook",
        phase=phase,
        verb=Verb.SEAL,
        severity=f.severity,
        effort=Effort.SMALL,
        assets=(f.asset,),
        closes=(f.fingerprint,),
        fix="Do it",
        verify="See it",
        depends_on=(f"task.{internet.id}",) if f.check == cmk.id else (),
    )


def results() -> tuple[ControlResult, ...]:
    """One control of each state that matters; unknown and not-assessed are neither."""
    return (
        ControlResult("INV-01", Status.UNKNOWN, (ClauseResult("INV-01.sources-agree", Status.UNKNOWN, 1, 0, 1),)),
        ControlResult(
            "NET-01",
            Status.FAIL,
            (
                ClauseResult("NET-01.not-exposed", Status.FAIL, 1, 1),
                ClauseResult("NET-01.probe-agrees", Status.NOT_ASSESSED),
            ),
        ),
        ControlResult("ART-01", Status.PASS, (ClauseResult("ART-01.stores-cmk", Status.PASS, 1),)),
        ControlResult(
            "TEE-01", Status.NOT_ASSESSED, (ClauseResult("TEE-01.keys-need-attestation", Status.NOT_ASSESSED),)
        ),
    )


def large(findings: int) -> Assessment:
    """As many failures, one an asset, each with evidence of its own: nothing about them can be told together."""
    assets = [
        bucket(f"b{n}", f"module.store[{n}].aws_s3_bucket.this", Where(f"modules/m{n % 97}/main.tf", n + 1, n + 9))
        for n in range(findings)
    ]
    found = [finding(cmk, a, Status.FAIL, FindingCode.BROKEN, key=f"key {a.id}") for a in assets]
    base = assessment()
    base.assets, base.findings = tuple(assets), tuple(found)
    return base


def text(pieces: object) -> str:
    """What a format wrote, as one text."""
    assert hasattr(pieces, "__iter__")
    return "".join(pieces)


def renamed(c: Check, ident: str) -> Check:
    """The same check under another id."""
    return dataclasses.replace(c, id=ident)
