"""The inventory as a bill of materials, with what was found of it as attestations."""

import json
from collections import Counter
from collections.abc import Iterator

import jsonschema
import msgspec
import pytest
import reports_fixture as fixture
from cyclonedx_shape import BOM
from travel_fixture import with_people

from strongroom.assess.reports._cyclonedx_kinds import IDENTIFYING, SERVICES, TYPES
from strongroom.assess.reports.cyclonedx import REPORT
from strongroom.model.codes import GapCode
from strongroom.model.control import Assessment, Coverage
from strongroom.model.estate import Asset, Fact, Ref
from strongroom.model.facts import FACTS
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown

SHAPE = jsonschema.Draft202012Validator(BOM)
# What points at a bom-ref somewhere else in the document.
POINTERS = {
    "ref",
    "dependsOn",
    "assemblies",
    "assessor",
    "requirement",
    "claims",
    "counterClaims",
    "target",
    "evidence",
    "parent",
}


def bom(assessment: Assessment | None = None) -> dict[str, object]:
    return json.loads(fixture.text(REPORT.render(assessment or with_people(), fixture.CATALOGUE)))


def every_kind() -> Assessment:
    """One asset of each kind; each refers to the next, and to one that is not there."""
    kinds = list(Kind)
    assets = [
        Asset(
            id=f"a{n}",
            kind=kind,
            native_type="made_up",
            address=f"made_up.a{n}",
            provider="aws",
            account="1234",
            labels=(("team", "ml"),),
            aliases=(f"arn:a{n}",),
            refs=(Ref("next", f"a{(n + 1) % len(kinds)}"), Ref("lost", "nowhere")),
        )
        for n, kind in enumerate(kinds)
    ]
    return msgspec.structs.replace(fixture.assessment(), assets=tuple(assets), findings=())


def texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)


def pointed(value: object) -> Iterator[str]:
    """Every text that stands where a reference stands."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in POINTERS:
                yield from texts(inner)
            yield from pointed(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from pointed(inner)


def refs(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if "bom-ref" in value:
            yield str(value["bom-ref"])
        for inner in value.values():
            yield from refs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from refs(inner)


NOTHING = Assessment(fixture.SEEN, (), (), (), (), (), Coverage(0, 0, ()))


@pytest.mark.parametrize("assessment", [with_people(), every_kind(), NOTHING], ids=["people", "kinds", "none"])
def test_bom_has_the_shape_of_cyclonedx(assessment: Assessment) -> None:
    """Every object has the members of CycloneDX 1.6 that it needs and no others; references are unique and lead on."""
    made = bom(assessment)
    SHAPE.validate(made)
    assert [r for r, n in Counter(refs(made)).items() if n > 1] == []
    assert set(pointed(made)) - set(refs(made)) == set()


def test_shape_refuses_what_the_standard_refuses() -> None:
    """Contents of what is no data, a component without a type, a serial number that is no URN: the shape sees each."""
    for change in ({"serialNumber": "1"}, {"components": [{"name": "x"}]}, {"specVersion": "1.5"}, {"invented": 1}):
        assert not SHAPE.is_valid(bom() | change)


def test_component_is_its_asset() -> None:
    """The reference is the asset's own id, and what it is in its provider's words stands in its properties."""
    made = next(c for c in bom(every_kind())["components"] if c["type"] == "machine-learning-model")
    known = {p["name"]: p["value"] for p in made["properties"]}
    assert made["bom-ref"].startswith("a")
    assert known["strongroom:kind"] == "ai.model"
    assert known["strongroom:label:team"] == "ml"
    assert known["strongroom:alias"] == f"arn:{made['bom-ref']}"


def test_every_kind_is_a_component_or_a_service() -> None:
    """What answers requests is a service; no kind is both, and a rule or a role is configuration."""
    assert set(TYPES).isdisjoint(SERVICES)
    made = bom(every_kind())
    assert len(made["components"]) + len(made["services"]) == len(Kind)
    kept = next(c for c in made["components"] if {"name": "strongroom:kind", "value": "net.sg"} in c["properties"])
    assert kept["data"][0]["type"] == "configuration"


def test_reference_to_what_was_not_seen_is_left_out() -> None:
    """A dependency leads to an asset of the inventory only."""
    made = bom(every_kind())["dependencies"]
    assert {tuple(d["dependsOn"]) for d in made if d["ref"] == "a0"} == {("a1",)}


def test_gap_makes_the_bom_incomplete() -> None:
    """What could not be looked at is named, and the composition says that something is missing."""
    assert bom()["compositions"][0]["aggregate"] == "incomplete"
    assert bom(NOTHING)["compositions"][0]["aggregate"] == "unknown"
    said = [p["value"] for p in bom()["metadata"]["properties"] if p["name"] == "strongroom:gap"]
    assert len(said) == 1
    assert "not-fetched" in said[0]


def mapped(assessment: Assessment | None = None) -> dict[str, dict[str, object]]:
    rows = bom(assessment)["declarations"]["attestations"][0]["map"]
    return {r["requirement"].removeprefix("strongroom:requirement:"): r for r in rows}


def test_pass_is_a_claim_and_failure_a_counter_claim() -> None:
    """A clause cites what speaks for it and what speaks against it; an unknown is neither and lowers the score."""
    rows = mapped()
    assert rows["NET-01.not-exposed"]["conformance"]["score"] == 0.5
    assert len(rows["NET-01.not-exposed"]["claims"]) == len(rows["NET-01.not-exposed"]["counterClaims"]) == 1
    assert len(rows["ART-01.stores-cmk"]["counterClaims"]) == 7  # six that fail, and one that is accepted
    assert "counterClaims" not in rows["INV-01.sources-agree"]
    assert rows["INV-01.sources-agree"]["conformance"]["score"] == 0.5
    assert "NET-01.probe-agrees" not in rows


def test_attested_clause_names_who_vouches_and_has_no_score() -> None:
    """Nothing was measured there: the words of the person stand, and no number."""
    conformance = mapped()["TEE-01.keys-need-attestation"]["conformance"]
    assert "score" not in conformance
    assert "Ada vouches for it" in conformance["rationale"]


def test_accepted_failure_speaks_against_its_clause() -> None:
    """A risk that is accepted is still there; its claim says who accepts it."""
    claims = bom()["declarations"]["claims"]
    accepted = next(c for c in claims if c["target"] == "accepted")
    assert accepted["predicate"].startswith("Not so: ")
    assert "Grace" in accepted["reasoning"]


def test_evidence_is_what_the_check_read() -> None:
    """A claim cites the facts; a sensitive one is withheld."""
    made = bom()["declarations"]
    claim = next(c for c in made["claims"] if c["target"] == "secret")
    evidence = next(e for e in made["evidence"] if e["bom-ref"] == claim["evidence"][0])
    assert evidence["data"][0]["contents"]["attachment"]["content"] == "(sensitive)"


def test_serial_number_names_what_was_read_and_when() -> None:
    """The same input gives the same number, another moment another."""
    later = msgspec.structs.replace(with_people(), seen_at=fixture.SEEN.replace(year=2027))
    assert bom()["serialNumber"] == bom()["serialNumber"] != bom(later)["serialNumber"]


def artifact(**facts: object) -> dict[str, object]:
    """The component of one artifact with these facts."""
    known = {
        n.replace("_", "."): Fact(n.replace("_", "."), v, sensitive=n == "artifact_owner") for n, v in facts.items()
    }
    asset = Asset(id="a", kind=Kind.ARTIFACT, native_type="file", address="models/a", facts=known)
    (made,) = bom(msgspec.structs.replace(fixture.assessment(), assets=(asset,), findings=()))["components"]
    SHAPE.validate(bom(msgspec.structs.replace(fixture.assessment(), assets=(asset,), findings=())))
    return made


def test_artifact_is_what_its_content_or_its_register_says() -> None:
    """Weights are a model, a registered dataset is data, and what nobody can say more of is a file."""
    assert artifact(artifact_format="safetensors")["type"] == "machine-learning-model"
    assert artifact(artifact_class="adapters", artifact_format="pickle")["type"] == "machine-learning-model"
    assert artifact(artifact_class="datasets")["data"][0]["type"] == "dataset"
    assert artifact(artifact_format=Unknown(GapCode.DENIED, "no right to read"))["type"] == "file"


def test_digest_is_a_hash_only_where_a_file_has_it() -> None:
    """The digest of a list of files would match no file."""
    digest = "ab" * 32
    assert artifact(artifact_sha256=digest, artifact_files=1)["hashes"] == [{"alg": "SHA-256", "content": digest}]
    assert "hashes" not in artifact(artifact_sha256=digest, artifact_files=3)
    assert "hashes" not in artifact(artifact_sha256=Unknown(GapCode.UNDECIDED, "not asked for"), artifact_files=1)


def test_identifying_facts_are_properties_and_sensitive_ones_are_withheld() -> None:
    """What a thing is stands with it: an unknown as unknown, a secret as withheld."""
    made = artifact(artifact_format=Unknown(GapCode.DENIED, "no right"), artifact_owner="ada")
    known = {p["name"]: p["value"] for p in made["properties"]}
    assert known["strongroom:fact:artifact.format"] == "unknown (no right)"
    assert known["strongroom:fact:artifact.owner"] == "(sensitive)"


def test_identifying_facts_are_in_the_vocabulary() -> None:
    """No name is listed that no source can give."""
    assert [name for name in IDENTIFYING if name not in FACTS] == []
