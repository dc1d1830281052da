"""TEE-09: Confidential GPU attestation and encrypted CPU-GPU path."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="TEE-09",
    title="Confidential GPU attestation and encrypted CPU-GPU path",
    verb=Verb.ATTEST,
    domain="Confidential computing",
    area="confidential",
    phase=90,
    phase_basis="inferred",
    priority="crown-jewel",
    scope="both",
    guide="GPU intro; Emerging standards",
    what=(
        "Extend the CPU's trust boundary to the GPU through attestation and an encrypted path between CPU and GPU; "
        "expect device attestation of both."
    ),
    why=(
        "A confidential VM that passes plaintext to an unverified GPU protects the wrong half: the weights spend "
        "their life in GPU memory. A verifier's overall result may pass with devtools mode on unless a policy "
        "forbids it, and a report that is not tied to the CPU's evidence may describe a perfectly good GPU in "
        "somebody else's machine. In multi-GPU systems the switches carry the same tensors and have firmware of "
        "their own."
    ),
    fix=(
        "Turn confidential computing on for the GPUs (mode on, not devtools) on hosts whose CPU side supports it, "
        "and keep the ready state off until the verifier has passed report, certificate status and both RIMs under a "
        "fresh nonce. Derive the GPU nonce from the same challenge that the CPU report carries, so that one decision "
        "covers both. Add the NVSwitch evidence before enabling multi-GPU protected mode."
    ),
    limits=(
        "What nvidia-smi says about the mode is the host's own claim and only supports the signed report. A "
        'reference manifest that is missing for a VBIOS means "cannot tell", and older GPU generations have no such '
        "mode at all."
    ),
    clauses=(
        Clause(
            id="TEE-09.gpu-attested",
            text=(
                "GPU CC mode is ON and not devtools, an SPDM session is established, the GPU report's signature, "
                "OCSP status and RIM (driver and VBIOS) are verified with a fresh nonce, and the ready state is set "
                "only after they pass."
            ),
            measured_by=("attest", "host"),
        ),
        Clause(
            id="TEE-09.bound-to-cpu",
            text="The GPU evidence is bound to the CPU evidence in one decision.",
            measured_by=("attest",),
        ),
        Clause(
            id="TEE-09.fabric-attested",
            text="Where a workload uses several GPUs there is NVLink or NVSwitch evidence.",
            measured_by=("attest",),
        ),
    ),
    evidence=(
        "NVIDIA attestation SDK/NRAS EAT or local verification, `nvidia-smi conf-compute -q`, TDISP/bounce-buffer state"
    ),
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SR-4(3)", "SC-8(1)", "SI-7(9)", "IA-3(4)", "SC-39(1)"),
        csa_aicm_domain=("I&S", "CEK"),
        csa_ccm_4_1=("CEK-03", "I&S-06"),
        rand_sl=("SL4-TU1", "SL5-WS3"),
        mitre_atlas=("AML.T0010.000", "AML.T0041"),
        mitre_attack=("T1195.003", "T1200", "T1542.002"),
        owasp_aisvs=("4.2.1", "4.2.3", "4.2.5"),
    ),
)
