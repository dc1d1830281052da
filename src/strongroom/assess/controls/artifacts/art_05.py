"""ART-05: Provenance and (AI) SBOM for models and pipelines."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="ART-05",
    title="Provenance and (AI) SBOM for models and pipelines",
    verb=Verb.SEAL,
    domain="Model artifacts",
    area="artifacts",
    phase=90,
    phase_basis="stated",
    priority="hygiene",
    scope="both",
    guide="90-day plan; Emerging standards",
    what="Signed artifacts, provenance and SBOM thinking apply to models and training pipelines.",
    why=(
        "When a dataset turns out to be poisoned or a training image compromised, the question is which running "
        'models came from it, and without provenance the honest answer is "any of them". A statement that names '
        "inputs, code and builder by digest turns this into a lookup. It must be tied to what actually runs: a BOM "
        "for a different build is worse than none, because it clears the wrong model."
    ),
    fix=(
        "Emit an in-toto or SLSA statement from the training job itself, with the builder's identity and the digests "
        "of code, data and base model, and sign it there. Generate the ML-BOM from the same run and store both "
        "beside the artifact. Compare at deployment: the running digest must be the subject of both, and a missing "
        "or different one blocks."
    ),
    limits=(
        "Provenance is a claim by the builder; if the pipeline is compromised, its statements are too. The content "
        "of datasets is recorded by digest, which tells that they are unchanged and not that they are good."
    ),
    clauses=(
        Clause(
            id="ART-05.provenance-matches",
            text=(
                "Each deployed model has a signed provenance statement (SLSA or in-toto: inputs, builder identity, "
                "code digest, data digests) and a CycloneDX ML-BOM or SPDX AI BOM whose digests match the running "
                "artifact, and a missing or mismatching one is a failure."
            ),
            measured_by=("artifacts", "tf", "plan", "state", "cfn", "aws-config", "aws"),
        ),
    ),
    evidence="in-toto attestations, CycloneDX 1.6/1.7 ML-BOM, registry metadata, running digest",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SR-4", "SR-4(2)", "SR-4(4)", "SR-3", "SA-10(1)", "CM-8"),
        csa_aicm_domain=("STA", "MDS"),
        csa_ccm_4_1=("STA-08", "STA-09", "STA-16"),
        rand_sl=("SL3-SU1", "SL4-SU2"),
        mitre_atlas=("AML.T0010.003", "AML.T0010.002", "AML.T0020", "AML.T0109"),
        mitre_attack=("T1195.002", "T1195.001"),
        owasp_aisvs=("3.1.1", "6.2.1", "6.2.2", "6.2.3", "12.5.1"),
    ),
)
