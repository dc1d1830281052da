"""AMD SEV-SNP: an attestation report, its chain to AMD's root, and what the policy demands of it.

Sources: publication 56860 (firmware ABI) revision 1.58 for the report; publication 57230 (VCEK and KDS) revision 0.53
for the certificates; RFC 5280 for the revocation list.
"""

from collections.abc import Mapping

from strongroom.attest.tee import _snp_chain as chains
from strongroom.attest.tee import _snp_reading as reading
from strongroom.attest.tee import _snp_steps as steps
from strongroom.attest.tee._snp_case import Case, begin
from strongroom.attest.verifier import Verifier
from strongroom.model.attest import EvidenceKind

STEPS = steps.STEPS


def verifier(roots: Mapping[str, str] = chains.ROOTS) -> Verifier[Case]:
    """The verifier that trusts the roots: {SHA-256 of the DER: product}. Only a test names others than AMD's."""
    return Verifier(
        kind=EvidenceKind.SNP,
        title="AMD SEV-SNP attestation report",
        spec=f"{steps.ABI}, {steps.KDS}",
        recognises=reading.recognises,
        read=reading.read,
        wants=steps.wants,
        begin=lambda inputs: begin(roots, inputs),
        steps=STEPS,
        conclude=steps.conclude,
        fields=steps.fields,
        registers=("measurement",),
    )


VERIFIER = verifier()
