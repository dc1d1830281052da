"""INV-03: Model artifact location register."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="INV-03",
    title="Model artifact location register",
    verb=Verb.ASSESS,
    domain="Inventory",
    area="inventory",
    phase=30,
    phase_basis="stated",
    priority="foundation",
    scope="both",
    guide="30-day plan",
    what=(
        "Record where model artifacts live: weights, checkpoints, embeddings, vector stores, datasets and prompt logs."
    ),
    why=(
        "Weights leak from the copy that nobody remembers: the checkpoint in a personal bucket, the quantised file "
        "on a scratch volume, the vector index that holds the customer's documents almost verbatim. Encryption, "
        "access and backup rules are applied per registered store, so an unregistered one has none of them. An "
        "intruder enumerates buckets and mounts within minutes of getting in; the defender should have done it "
        "before."
    ),
    fix=(
        "Register the known stores with owner and artifact class, then let a scan by content (safetensors headers, "
        "GGUF and ONNX magic, PyTorch archives) go through every bucket, share, registry and volume claim and report "
        "what is not in the register. Decide each hit: register it, move it or delete it. Repeat the scan on a "
        "schedule, and make registration a step of creating a store and not a survey afterwards."
    ),
    limits=(
        "A scan recognises formats, so an encrypted archive or a renamed shard without a telling header passes as "
        "ordinary data. It covers only the stores it may list: a denied bucket is reported as a gap, and laptops are "
        "outside it altogether."
    ),
    clauses=(
        Clause(
            id="INV-03.stores-registered",
            text=(
                "Every bucket, share, registry, vector database and PVC that holds an artifact class of INV-04 is "
                "registered with owner, class, digest, encryption state and copies."
            ),
            measured_by=("artifacts", "aws", "azure", "azure-graph", "gcp", "gcp-assets"),
        ),
        Clause(
            id="INV-03.nothing-unregistered",
            text="A discovery scan finds no unregistered artifact.",
            measured_by=("artifacts",),
        ),
    ),
    evidence=(
        "object-store listing + magic bytes (safetensors/GGUF/ONNX/PT zip), registries (OCI, HF cache, MLflow), "
        "PVC/NFS scan, vector DB APIs"
    ),
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("CM-8", "CM-12", "CM-12(1)", "PM-5"),
        csa_aicm_domain=("DSP", "MDS"),
        csa_ccm_4_1=("DSP-03", "DSP-05"),
        rand_sl=("SL2-MO2", "SL3-WS1"),
        mitre_atlas=("AML.T0007", "AML.T0035"),
        mitre_attack=("T1619", "T1213"),
        owasp_aisvs=("3.1.1", "3.5.4"),
    ),
)
