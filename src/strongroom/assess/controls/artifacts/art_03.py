"""ART-03: Decrypt only inside the verified trust boundary."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="ART-03",
    title="Decrypt only inside the verified trust boundary",
    verb=Verb.SEAL,
    domain="Model artifacts",
    area="artifacts",
    phase=90,
    phase_basis="inferred",
    priority="crown-jewel",
    scope="both",
    guide="TEE 02",
    what="Design the workflow so that keys are usable only inside the verified enclave or confidential VM.",
    why=(
        "A model that is sealed in the bucket and unsealed by an init container onto a node's disk has left the "
        "boundary before inference begins; after the job the plaintext stays for the next tenant, the backup agent "
        "and the forensic tool. The same happens when the data key is exported to where the file is, instead of the "
        "file being brought to where the key may be used. Tying plaintext to the lifetime of one attested process is "
        "what makes theft of disks, snapshots and nodes uninteresting."
    ),
    fix=(
        "Permit unwrap only to attested identities and make the wrapping key non-exportable. Load into memory (a "
        "sealed memfd or tmpfs with swap off or encrypted) and end the mount together with the process. Then scan "
        "disks and volumes outside the boundary for plaintext formats, delete what is found, and treat it as "
        "exposed."
    ),
    limits=(
        "A scan finds recognisable plaintext at the moment it runs, and misses what was written and deleted between "
        "two runs. Inside the boundary the process itself may still copy its memory out, which is why egress "
        "(NET-04) belongs to the same design."
    ),
    clauses=(
        Clause(
            id="ART-03.no-plaintext-outside",
            text="No plaintext tier 0 artifact is on any disk or volume outside an attested boundary, as a scan shows.",
            measured_by=("artifacts", "host"),
        ),
        Clause(
            id="ART-03.unwrap-attested-only",
            text="Unwrapping a DEK is permitted only to an attested identity.",
            measured_by=("tf", "plan", "state", "aws", "azure", "azure-graph", "gcp", "gcp-assets", "ledger", "broker"),
        ),
        Clause(
            id="ART-03.key-not-exportable",
            text="The key never leaves as exportable plaintext.",
            measured_by=("tf", "plan", "state", "aws", "azure", "azure-graph", "gcp", "gcp-assets", "broker"),
        ),
        Clause(
            id="ART-03.plaintext-ends-with-process",
            text="The plaintext lives no longer than its process.",
            measured_by=("host", "probe"),
        ),
    ),
    evidence="KMS policy analysis, artifact scan by magic bytes/entropy, KBS decisions, tmpfs/memory-only mount check",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SC-28(3)", "SC-12", "AC-3", "SC-49", "AC-4"),
        csa_aicm_domain=("CEK", "DSP", "MDS"),
        csa_ccm_4_1=("CEK-11", "CEK-15", "DSP-17"),
        rand_sl=("SL4-TU1", "SL3-PI1", "SL4-WS1"),
        mitre_atlas=("AML.T0035", "AML.T0037", "AML.T0044"),
        mitre_attack=("T1005", "T1552.001", "T1530"),
        owasp_aisvs=("4.1.4", "4.3.5"),
    ),
)
