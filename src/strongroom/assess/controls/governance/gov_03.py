"""GOV-03: Prioritised 30/60/90 roadmap with measured risk reduction."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="GOV-03",
    title="Prioritised 30/60/90 roadmap with measured risk reduction",
    verb=Verb.PLAN,
    domain="Governance",
    area="governance",
    phase=30,
    phase_basis="inferred",
    priority="foundation",
    scope="both",
    guide="Roadmap; 30/60/90-day plan",
    what="Prioritised controls, clear milestones and a measurable reduction of risk.",
    why=(
        "A list of 400 findings sorted by severity leads teams to close the easy ones, and the path from the "
        "internet to the weights stays as it was. Ranking by the paths that a task removes from the live attack "
        "graph puts effort where it changes something, and shows when two cheap fixes beat one project. Recomputing "
        "matters because estates move: a task closed in spring is undone by a module upgrade in summer, unless "
        "somebody verifies it again."
    ),
    fix=(
        "Generate the plan from the current graph, give each task a phase, an owner, an effort and its dependencies, "
        "and publish the expected reduction with its interval rather than as a single bold figure. Recompute daily, "
        "reopen tasks whose check fails again, and keep the curve. Review it with those who pay for the work, at the "
        "end of each phase and not only on the ninetieth day."
    ),
    limits=(
        "Risk reduction is a model's estimate over the paths it knows; its interval expresses the uncertainty of the "
        "inputs, not what the model leaves out. Owners and efforts are entered by people, and a falling curve may "
        "mean that a source stopped reporting, so read it beside the coverage."
    ),
    clauses=(
        Clause(
            id="GOV-03.plan-computed",
            text=(
                "The plan is computed from the live attack graph, and each task has a phase, an owner, an effort, "
                "the paths that it removes, a marginal risk reduction with its interval, and dependencies."
            ),
            measured_by=("tf", "plan", "state", "host", "k8s"),
        ),
        Clause(
            id="GOV-03.recomputed",
            text="The plan is recomputed daily.",
            measured_by=("ledger",),
        ),
        Clause(
            id="GOV-03.closed-verified",
            text="Closed tasks are verified again.",
            measured_by=("ledger",),
        ),
        Clause(
            id="GOV-03.risk-history",
            text="The history of the risk curve is kept.",
            measured_by=("ledger",),
        ),
    ),
    evidence="plan engine output + graph snapshot digest in tlog",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("CA-5", "PM-4", "RA-3", "RA-7", "PM-9", "RA-9"),
        csa_aicm_domain=("GRC", "TVM", "A&A"),
        csa_ccm_4_1=("GRC-02", "A&A-06", "TVM-09", "TVM-12"),
        rand_sl=("SL3-RA1", "SL2-MA1"),
        mitre_atlas=("AML.T0048.004",),
        mitre_attack=("T1190", "T1078"),
    ),
)
