"""A report for readers outside: a word put into every text of an estate is in no format of it."""

import dataclasses
import re

import msgspec
import pytest
import reports_fixture as fixture
import travel_fixture

from strongroom.assess.judge import SOURCE_CHECK
from strongroom.assess.redaction import Names, Ours, redact
from strongroom.kit.rooms import room
from strongroom.model.codes import FindingCode, GapCode, Status
from strongroom.model.control import Assessment, Fix
from strongroom.model.estate import Asset, Fact, Gap, Ref, Skip
from strongroom.model.kinds import Kind
from strongroom.model.ports import Catalogue, Report
from strongroom.model.snapshot import Kept
from strongroom.model.values import Condition, Key, NetRule, Statement, Unknown, Value, Where

REPORTS = {r.name: r for r in room("strongroom.assess.reports", "REPORT", Report).values()}
WORD = "zanzibarquux"
PLACE = Where("main.tf", 3, 5, "a.b", "call.tf:1")
OURS = Ours(
    fixture.CATALOGUE,
    frozenset({"aws_s3_bucket", "aws_sagemaker_notebook_instance", "tf", "source"}),
    (("tf", "Terraform configuration"), ("redfish", "Management controllers"), ("k8s", "Kubernetes")),
    frozenset({"https://example.test/defaults"}),
)
# Enumerations, and what a check of the catalogue is looked up by: the program's own words in the program's own places.
FIXED = {"kind", "status", "code", "severity", "verb", "effort", "state", "was", "hides", "kinds"}


def everything() -> Assessment:
    """An assessment in which every record and every kind of value occurs, and a rule of the house's own fails."""
    out = travel_fixture.with_people()
    values: dict[str, Value] = {
        "net.rules": (
            NetRule(
                "ingress", "allow", "tcp", 22, 22, ("0.0.0.0/0", "10.1.2.0/24", Unknown(GapCode.DENIED, "x")), ("g",)
            ),
        ),
        "policy.statements": (
            Statement(
                "allow", ("AWS:1",), ("x",), ("s3:*",), ("y",), ("r",), ("z",), (Condition("o", "k", ("v",)),), "sid"
            ),
        ),
        "net.public_cidrs": ("198.51.100.7/32", "0.0.0.0/0"),
        "enc.key": Key("cmk", "arn:aws:kms:eu-central-1:1:key/x"),
        "tls.min": "1.2",
        "house.fact": "text",
        "net.public": True,
    }
    asset = Asset(
        id="whole",
        kind=Kind.BUCKET,
        native_type="house_thing",
        address="module.m.house_thing.t",
        provider="aws",
        account="123456789012",
        region="eu-central-1",
        name="thing",
        aliases=("arn:aws:s3:::thing",),
        labels=(("owner", "ada@example.org"),),
        facts={n: Fact(n, v, PLACE, "tf:infra", "https://house.example/page") for n, v in values.items()},
        refs=(Ref("key", "h0"),),
        where=PLACE,
        origin="tf:infra",
        skips=(Skip("enc.bucket.cmk", "because", PLACE),),
    )
    found = msgspec.structs.replace(
        fixture.finding(OWN, asset, Status.FAIL, FindingCode.BROKEN, who="somebody", many="3"), control="HOUSE"
    )
    applies = fixture.finding(fixture.cmk, asset, Status.NOT_APPLICABLE, FindingCode.NOT_APPLICABLE, because="of it")
    out.assets = (*out.assets, asset)
    out.findings = (*out.findings, found, applies)
    gap = Gap("scope", "tf:infra", GapCode.DENIED, "detail", PLACE, (Kind.BUCKET,))
    out.gaps = (*out.gaps, gap)
    out.tasks = (*out.tasks, fixture.task(found, 90))
    out.history = (Kept("r1", fixture.SEEN, ("enc.bucket.cmk", OWN.id)),)
    first = msgspec.structs.replace(out.controls[0], reasons=("main.tf: broken",))
    clause = msgspec.structs.replace(first.clauses[0], reasons=("main.tf: broken",))
    out.controls = (msgspec.structs.replace(first, clauses=(clause,)), *out.controls[1:])
    return out


OWN = dataclasses.replace(
    fixture.cmk,
    id="house.rule",
    title="The house holds",
    broken="the house is not what {who} wanted",
    why="The house said so.",
    equivalents=("house:1",),
    fix=Fix("Mend the house", (("aws_s3_bucket", "house = true"),), "house --fix", "see the house"),
)


HOUSE = Catalogue(fixture.CATALOGUE.controls, {**fixture.CATALOGUE.checks, OWN.id: OWN})


def marked(value: object, name: str = "") -> object:
    """The same with the word in every text, at its end, except where only a word of a closed list can stand."""
    if isinstance(value, str) and type(value) is str:
        return value if name in FIXED or not value else f"{value}{WORD}"
    if isinstance(value, tuple):
        return tuple(marked(v, name) for v in value)
    if isinstance(value, dict):
        return {marked(k): marked(v, name) for k, v in value.items()}
    if isinstance(value, msgspec.Struct):
        fields = {f: getattr(value, f) for f in value.__struct_fields__}
        return type(value)(**{f: marked(v, f) for f, v in fields.items()})
    return value


def marked_rule() -> Catalogue:
    """The catalogue with the house's own rule, whose every word is the house's."""
    fields = {f.name: marked(getattr(OWN, f.name)) for f in dataclasses.fields(OWN) if f.name not in FIXED | {"judge"}}
    own = dataclasses.replace(OWN, **fields)  # type: ignore[arg-type]
    return Catalogue(fixture.CATALOGUE.controls, {**fixture.CATALOGUE.checks, own.id: own})


def known_ids_kept(found: Assessment, whole: Assessment) -> None:
    """Give findings the ids of the checks and controls that they had: reports look their prose up by these."""
    pairs = zip(found.findings, whole.findings, strict=True)
    back = (
        msgspec.structs.replace(
            f,
            check=was.check + WORD if was.check == OWN.id else was.check,
            control=was.control + WORD if was.control == "HOUSE" else was.control,
            arguments=tuple(
                (n, code if n == "code" else t) for (n, code), (_, t) in zip(was.arguments, f.arguments, strict=True)
            ),
        )
        for f, was in pairs
    )
    found.findings = tuple(back)


@pytest.fixture(scope="module")
def outside() -> tuple[Assessment, Catalogue]:
    """The assessment as it leaves the house."""
    whole = everything()
    found = marked(whole)
    assert isinstance(found, Assessment)
    known_ids_kept(found, whole)
    return redact(found, marked_rule(), OURS, Names(b"k" * 32))


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_no_format_holds_a_word_of_the_house(name: str, outside: tuple[Assessment, Catalogue]) -> None:
    """A word that stands in every text of the estate, of its people, its log and its rules is in no report."""
    text = fixture.text(REPORTS[name].render(*outside)).replace("<wbr>", "")
    assert text
    assert WORD not in text.lower()


def test_no_record_holds_a_word_of_the_house(outside: tuple[Assessment, Catalogue]) -> None:
    """Neither do the records, whether a format shows them today or not."""
    assert WORD not in msgspec.json.encode(outside[0]).decode()


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_the_word_would_be_seen_without_redaction(name: str) -> None:
    """The test can fail: every format prints the word of an estate that is not redacted."""
    whole = everything()
    found = marked(whole)
    assert isinstance(found, Assessment)
    known_ids_kept(found, whole)
    assert WORD in fixture.text(REPORTS[name].render(found, marked_rule())).replace("<wbr>", "")


def test_names_as_they_are_leave_nothing() -> None:
    """Names that look like names, and not like marks, are gone too: addresses, paths, accounts, people, hashes of names."""
    whole = everything()
    found, known = redact(whole, HOUSE, OURS, Names(b"k" * 32))
    text = "".join(fixture.text(r.render(found, known)).replace("<wbr>", "") for r in REPORTS.values())
    for name in (
        *(
            "infra/notebooks.tf",
            "main.tf",
            "call.tf",
            "aws_s3_bucket.doubtful",
            "123456789012",
            "eu-central-1",
            "10.1.2.0",
        ),
        *(
            "ada@example.org",
            "arn:aws",
            "house_thing",
            "house.fact",
            "house --fix",
            "Ada",
            "Grace",
            "RISK-7",
            "sandbox",
            "ceremonially",
            "log.example",
            "198.51",
        ),
        *(whole.findings[0].fingerprint, travel_fixture.EXCEPTION.digest, travel_fixture.ASSERTION.evidence_digest),
        *(whole.sources[0].digest, fixture.CANARY, "var.kms_key", "registry.example", "20260304-1"),
    ):
        assert name not in text, name


def test_counts_controls_and_checks_remain() -> None:
    """What is found is found of the same checks and controls, as often, as badly, on as many assets of the same kinds."""
    whole = everything()
    found, _ = redact(whole, fixture.CATALOGUE, OURS, Names(b"k" * 32))

    def shape(a: Assessment) -> list[object]:
        rows: list[object] = [(f.status, f.code, f.severity, len(f.facts)) for f in a.findings]
        rows += [(x.kind, len(x.facts), len(x.labels)) for x in a.assets]
        rows += [(r.control, r.status, [(c.clause, c.status, c.failed) for c in r.clauses]) for r in a.controls]
        return [*rows, [(g.code, g.hides) for g in a.gaps], [(t.phase, len(t.closes)) for t in a.tasks], a.coverage]

    assert shape(found) == shape(whole)
    built_in = {*fixture.CATALOGUE.checks, SOURCE_CHECK}
    assert [f.check for f in found.findings if f.check in built_in] == [
        f.check for f in whole.findings if f.check in built_in
    ]


def test_words_that_mean_the_same_everywhere_stay() -> None:
    """A finding keeps its sense: the whole internet, a port, a TLS version, a built-in type and its fix."""
    found, known = redact(everything(), HOUSE, OURS, Names(b"k" * 32))
    text = fixture.text(REPORTS["json"].render(found, known))
    for kept in ("0.0.0.0/0", "allow ingress tcp/22", '"1.2"', "aws_sagemaker_notebook_instance", "Disabled"):
        assert kept in text


def test_a_pseudonym_joins_what_is_one_thing() -> None:
    """One name has one pseudonym in the whole report and in the next one; another key gives others."""
    first, second, other = Names(b"k" * 32), Names(b"k" * 32), Names(b"o" * 32)
    a, _ = redact(everything(), fixture.CATALOGUE, OURS, first)
    b, _ = redact(everything(), fixture.CATALOGUE, OURS, second)
    c, _ = redact(everything(), fixture.CATALOGUE, OURS, other)
    assert a == b
    assert {x.id for x in a.assets}.isdisjoint(x.id for x in c.assets)
    assert {f.asset for f in a.findings} <= {x.id for x in a.assets}
    assert {i for t in a.tasks for i in t.closes} <= {f.fingerprint for f in a.findings}
    assert len({x.id for x in a.assets}) == len(a.assets)


def test_house_can_look_every_pseudonym_up() -> None:
    """Every pseudonym of the report is in the list that stays in the house, with the name that it stands for."""
    names = Names(b"k" * 32)
    found, _ = redact(everything(), fixture.CATALOGUE, OURS, names)
    tokens = set(re.findall(r"-([0-9a-f]{12})(?![0-9a-f])", msgspec.json.encode(found).decode()))
    assert tokens <= names.given.keys()
    assert "module.m.house_thing.t" in names.given.values()
    assert fixture.CANARY not in str(names.given)
