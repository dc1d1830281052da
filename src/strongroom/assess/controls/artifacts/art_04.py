"""ART-04: Artifact signing and verify-on-load."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="ART-04",
    title="Artifact signing and verify-on-load",
    verb=Verb.SEAL,
    domain="Model artifacts",
    area="artifacts",
    phase=90,
    phase_basis="stated",
    priority="crown-jewel",
    scope="both",
    guide="TEE 02; 90-day plan; Emerging standards",
    what="Sign artifacts to prevent tampering, and verify the signature when they are loaded.",
    why=(
        "A model file is code in practice: a pickle runs on load, and even a clean format can carry weights with a "
        "backdoor that no benchmark shows. Whoever can write to the registry, or to the cache in front of it, "
        "replaces the model for every consumer. A signature helps only where loading insists on it, on every file of "
        "the directory, and on who signed; verifiers that accept any valid certificate, or ignore extra files, are "
        "bypassed by adding one."
    ),
    fix=(
        "Sign at the end of the pipeline with an identity that belongs to the pipeline, over the complete file list. "
        "Put verification into admission or the loader, pin the permitted identities, and start in observe mode "
        "until nothing legitimate is refused. Convert weights from outside to safetensors and refuse pickle-based "
        "formats from untrusted sources altogether."
    ),
    limits=(
        "A signature states origin and integrity, not quality: a poisoned dataset yields a correctly signed bad "
        "model. That unsigned or altered files are refused is shown by the negative probe; a policy object in "
        "configuration shows only that somebody asked for it."
    ),
    clauses=(
        Clause(
            id="ART-04.signed",
            text=(
                "100% of deployable artifacts have a valid signature (OMS or sigstore bundle, or an organisation "
                "key) by an authorised identity over every file."
            ),
            measured_by=("artifacts",),
        ),
        Clause(
            id="ART-04.verified-on-load",
            text=(
                "The loader or admission refuses artifacts that are unsigned, altered, have an extra file or the "
                "wrong identity, as a negative probe shows."
            ),
            measured_by=("tf", "plan", "state", "k8s", "probe"),
        ),
        Clause(
            id="ART-04.safe-formats",
            text="Untrusted sources are accepted in safe formats only, without pickle.",
            measured_by=("artifacts",),
        ),
    ),
    evidence="OpenSSF model-signing bundles, DSSE/in-toto, cosign OCI, admission policy + probe",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("CM-14", "SI-7(1)", "SI-7(6)", "SI-7(15)", "SR-4(3)", "SR-11"),
        csa_aicm_domain=("MDS", "STA", "CCC"),
        csa_ccm_4_1=("CCC-04", "CEK-11"),
        rand_sl=("SL4-SU2", "SL3-MO5"),
        mitre_atlas=("AML.T0018", "AML.T0018.002", "AML.T0011.000", "AML.T0076", "AML.T0058"),
        mitre_attack=("T1554", "T1195.002", "T1565.001", "T1204.003"),
        owasp_aisvs=("3.1.2", "3.1.3", "4.1.2", "6.1.3"),
    ),
)
