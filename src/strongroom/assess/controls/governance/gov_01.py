"""GOV-01: Control overlay mapping with audit evidence."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="GOV-01",
    title="Control overlay mapping with audit evidence",
    verb=Verb.PLAN,
    domain="Governance",
    area="governance",
    phase=90,
    phase_basis="inferred",
    priority="foundation",
    scope="both",
    guide="Emerging standards",
    what=(
        "Overlays map AI risk into known catalogues; audits will ask how compute is secured, artifacts are protected "
        "and deployment is restricted."
    ),
    why=(
        "An auditor, a customer or a regulator asks in the words of a catalogue, and the answer assembled by hand in "
        "spreadsheets is out of date when it is sent. Worse, it tends to claim more than was measured, because a gap "
        "has no row. A mapping that comes out of the same data as the findings, with each result linked to its "
        "evidence in a log that cannot be rewritten, lets the other side check instead of believe."
    ),
    fix=(
        "Keep the mappings beside the controls and have the export fail when a control lacks one. Produce OSCAL "
        "assessment results from every run, validate them against the published schema in continuous integration, "
        "and put evidence digest and inclusion proof into each observation. Report what was not assessed as "
        "prominently as what failed, and hand auditors a bundle that they can verify offline."
    ),
    limits=(
        "A mapping says that a control contributes to a catalogue's requirement, not that it satisfies it; that "
        "judgement remains the assessor's. A schema-valid document may still be wrong in content."
    ),
    clauses=(
        Clause(
            id="GOV-01.mapped",
            text=(
                "Every control maps to NIST SP 800-53 r5 (OSCAL profile or overlay), to AICM and to the other "
                "selected catalogues."
            ),
            measured_by=("tf", "plan", "state", "host"),
        ),
        Clause(
            id="GOV-01.oscal-valid",
            text="The OSCAL assessment results that `export oscal-ar` writes validate against the OSCAL schema.",
            measured_by=("drill",),
        ),
        Clause(
            id="GOV-01.evidence-linked",
            text="Each result links to an evidence digest and a tlog inclusion proof.",
            measured_by=("ledger",),
        ),
        Clause(
            id="GOV-01.gaps-explicit",
            text="Gaps in coverage are explicit.",
            measured_by=("drill",),
        ),
    ),
    evidence="own catalog/profile/assessment-results; schema validation; auditor bundle",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("CA-2", "CA-5", "CA-7", "PL-10", "PL-11", "PM-31"),
        csa_aicm_domain=("GRC", "A&A"),
        csa_ccm_4_1=("GRC-07", "A&A-02", "A&A-04", "A&A-06"),
        rand_sl=("SL3-ST1", "SL4-RA3"),
        mitre_atlas=("AML.T0031",),
        mitre_attack=("T1562",),
    ),
)
