"""The catalogue of controls: whole, consistent, and equal to its specification where that lies beside the checkout."""

import csv
import re
from pathlib import Path

import pytest

from strongroom.kit.rooms import room
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROLS = room("strongroom.assess.controls", "CONTROL", Control)
AREAS = {
    "INV": "inventory",
    "TEE": "confidential",
    "ART": "artifacts",
    "GPU": "gpu",
    "NET": "network",
    "SEG": "network",
    "IAM": "identity",
    "LOG": "audit",
    "MON": "monitoring",
    "PHY": "physical",
    "FW": "firmware",
    "MGT": "management",
    "END": "endpoint",
    "IR": "recovery",
    "GOV": "governance",
}
CLAUSE_ID = re.compile(r"[A-Z]+-\d\d\.[a-z0-9]+(-[a-z0-9]+)*")
EVIDENCE = {
    *("tf", "plan", "host", "k8s", "slurm", "aws", "azure", "gcp", "redfish", "artifacts", "attest", "ledger", "scrub"),
    *(
        "state",
        "cfn",
        "isolation",
        "dcgm",
        "aws-config",
        "azure-graph",
        "gcp-assets",
        "azure-users",
        "gcp-users",
        "aws-iam",
        "aws-users",
        "csv",
        "probe",
        "drill",
        "assert",
        "feeds",
        "sbom",
        "watch",
        "broker",
    ),
}
# Numbers that a sentence says in words: no host, every host.
IN_WORDS = {"0", "100"}
NUMBER = re.compile(r"(?<![A-Za-z0-9])(?<!\d\.)\d+(?:\.\d+)?")

every_control = pytest.mark.parametrize("name", CONTROLS)


def clauses() -> list[Clause]:
    return [clause for control in CONTROLS.values() for clause in control.clauses]


@pytest.fixture(scope="session")
def specification(shared: Path) -> dict[str, dict[str, str]]:
    path = shared / "controls.csv"
    if not path.is_file():
        pytest.skip(f"no file {path}: the catalogue's specification is not beside this checkout")
    with path.open(encoding="utf-8", newline="") as lines:
        return {row["id"]: row for row in csv.DictReader(lines)}


def test_the_catalogue_has_every_control_once() -> None:
    """Sixty-one controls load through the room, under ids of their own."""
    ids = [control.id for control in CONTROLS.values()]
    assert len(ids) == 61
    assert len(set(ids)) == 61


@every_control
def test_a_control_lies_where_its_id_says(name: str) -> None:
    """File, folder, area and prefix of a control tell the same."""
    control = CONTROLS[name]
    area = AREAS[control.id.partition("-")[0]]
    assert control.area == area
    assert name == f"{area}.{control.id.lower().replace('-', '_')}"


@every_control
def test_the_words_of_a_control_come_from_closed_lists(name: str) -> None:
    """Phase, basis, priority, scope and automation hold only words that the plan and the reports know."""
    control = CONTROLS[name]
    assert control.phase in {30, 60, 90}
    assert control.phase_basis in {"stated", "inferred"}
    assert control.priority in {"foundation", "hygiene", "crown-jewel", "attested"}
    assert control.scope in {"cloud", "onprem", "both"}
    assert control.automation in {"auto", "auto+attested"}


@every_control
def test_a_control_documents_itself(name: str) -> None:
    """What, why, fix and limits are prose of a length that says something, in plain sentences."""
    control = CONTROLS[name]
    for text, least in ((control.what, 25), (control.why, 200), (control.fix, 200), (control.limits, 100)):
        assert len(text) >= least
        assert text.endswith(".")
        assert "  " not in text


@pytest.mark.parametrize("field", ["title", "what", "why", "fix", "limits"])
def test_no_two_controls_share_their_prose(field: str) -> None:
    """Each control's documentation is its own: no text, and no sentence of it, stands in two controls."""
    sentences = [
        sentence
        for control in CONTROLS.values()
        for sentence in {s.strip() for s in re.split(r"(?<=[.;:])\s", str(getattr(control, field)))}
    ]
    assert len(sentences) == len(set(sentences))


@every_control
def test_clauses_belong_to_their_control(name: str) -> None:
    """Every clause id is the control's id, a dot and a slug; every clause is one sentence that something can measure."""
    control = CONTROLS[name]
    assert control.clauses
    for clause in control.clauses:
        assert CLAUSE_ID.fullmatch(clause.id)
        assert clause.id.startswith(f"{control.id}.")
        assert not clause.text[0].islower()
        assert clause.text.endswith(".")
        assert clause.measured_by
        assert len(set(clause.measured_by)) == len(clause.measured_by)
        assert set(clause.measured_by) <= EVIDENCE


def test_clause_ids_and_texts_are_unique() -> None:
    """A finding names one clause, and a reader can tell it from every other."""
    found = clauses()
    assert len({clause.id for clause in found}) == len(found)
    assert len({clause.text for clause in found}) == len(found)


def test_the_catalogue_equals_its_specification(specification: dict[str, dict[str, str]]) -> None:
    """Ids and columns are those of the specification; only the prose is the catalogue's own."""
    assert {control.id for control in CONTROLS.values()} == set(specification)
    for control in CONTROLS.values():
        row = specification[control.id]
        assert (control.title, control.verb, control.domain) == (row["title"], row["verb"], row["domain"])
        assert (str(control.phase), control.phase_basis) == (row["phase"], row["phase_basis"])
        assert (control.priority, control.scope) == (row["priority_class"], row["scope"])
        assert (control.guide, control.evidence) == (row["guide_section"], row["evidence_sources"])
        assert control.automation == row["automation"]
        assert control.maps == mappings(row)


def test_clauses_keep_the_numbers_of_the_pass_rule(specification: dict[str, dict[str, str]]) -> None:
    """Every threshold of a pass rule stands in one of the control's clauses, and no clause has one that the rule lacks."""
    for control in CONTROLS.values():
        wanted = set(NUMBER.findall(specification[control.id]["pass_rule"])) - IN_WORDS
        found = set(NUMBER.findall(" ".join(clause.text for clause in control.clauses))) - IN_WORDS
        assert (control.id, found) == (control.id, wanted)


def mappings(row: dict[str, str]) -> Mappings:
    """The ids of other catalogues in a row: separated by spaces, the domains of the AICM by semicolons."""
    return Mappings(
        nist_800_53_r5=tuple(row["nist_800_53_r5"].split()),
        csa_aicm_domain=tuple(filter(None, row["csa_aicm_domain"].split(";"))),
        csa_ccm_4_1=tuple(row["csa_ccm_4_1"].split()),
        rand_sl=tuple(row["rand_sl"].split()),
        mitre_atlas=tuple(row["mitre_atlas"].split()),
        mitre_attack=tuple(row["mitre_attack"].split()),
        owasp_aisvs=tuple(row["owasp_aisvs"].split()),
    )
