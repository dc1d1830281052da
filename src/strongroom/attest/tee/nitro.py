"""AWS Nitro Enclaves: an attestation document, its chain to AWS's root, and what the policy demands of it.

Sources: "Nitro Enclaves Attestation Process" of `aws-nitro-enclaves-nsm-api`; RFC 9052 and RFC 9053 for COSE; RFC 5280
for the certificates. They come with the document, and there is no revocation list: a leaf lives three hours, and AWS
says not to ask for one.
"""

from collections.abc import Mapping

from strongroom.attest.steps import Step
from strongroom.attest.tee import _nitro_demands as demands
from strongroom.attest.tee import _nitro_document as documents
from strongroom.attest.tee import _nitro_proof as proof
from strongroom.attest.tee import _nitro_words as words
from strongroom.attest.tee._nitro_case import Case, begin
from strongroom.attest.verifier import Verifier
from strongroom.model.attest import Aspect, EvidenceKind

NSM = "NSM attestation process"
# SHA-256 of the root of AWS Nitro Enclaves, G1, as https://docs.aws.amazon.com/enclaves/latest/user/verify-root.html
# states it and https://aws-nitro-enclaves.amazonaws.com/AWS_NitroEnclaves_Root-G1.zip has it.
ROOTS: Mapping[str, str] = {"641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b": "aws.nitro-enclaves G1"}

_A, _COSE, _CHAIN = Aspect, ("nitro.cose",), ("nitro.cose", "nitro.chain")
STEPS: tuple[Step[Case], ...] = (
    Step("nitro.cose", "it is one COSE_Sign1 message", "RFC 9052 4.2", proof.cose, _A.HARDWARE, 99),
    Step("nitro.alg", "its headers are the algorithm ES384 alone", f"{NSM} 3.1", proof.alg, _A.HARDWARE, 99, _COSE),
    Step("nitro.payload", "every field has its type and size", f"{NSM} 3.2.2", proof.payload, _A.HARDWARE, 99, _COSE),
    Step("nitro.chain", "the chain is signed from leaf to root", f"{NSM} 3.2.3", proof.chain, _A.HARDWARE, 99, _COSE),
    Step("nitro.root_pin", "the root is AWS's", f"{NSM} 3.2.3", proof.root_pin, _A.HARDWARE, 97, _CHAIN),
    Step("nitro.cert_time", "the certificates were valid, and the leaf may sign", f"{NSM} 3.2.3", proof.cert_time, _A.HARDWARE, 97, _CHAIN),
    Step("nitro.signature", "the leaf's key signed it, and what stands beside it", "RFC 9052 4.4", proof.signature, _A.HARDWARE, 99, _COSE),
    Step("nitro.timestamp", "the document is recent", f"{NSM} 2.2.1", demands.timestamp, _A.SOURCED, 96, _COSE),
    Step("nitro.nonce", "the document answers the challenge", f"{NSM} 2.2.1", demands.nonce, _A.SOURCED, 96, _COSE),
    Step("nitro.pcr_debug", "the enclave is not in debug mode", "Nitro Enclaves User Guide", demands.pcr_debug, _A.RUNTIME, 96, _COSE),
    Step("nitro.measurement", "the registers are those of a known image", "Nitro Enclaves User Guide", demands.measurement, _A.EXECUTABLES, 33, _COSE, waivable=True),
    Step("nitro.user_data", "the user data is one of the policy's", f"{NSM} 2.2.1", demands.user_data, _A.CONFIGURATION, 96, _COSE, mandatory=False),
    Step("nitro.public_key", "the document carries a public key", f"{NSM} 2.2.1", demands.public_key, _A.CONFIGURATION, 96, _COSE, mandatory=False),
)  # fmt: skip


def verifier(roots: Mapping[str, str] = ROOTS) -> Verifier[Case]:
    """The verifier that trusts the roots: {SHA-256 of the DER: name}. Only a test names others than AWS's."""
    return Verifier(
        kind=EvidenceKind.NITRO,
        title="AWS Nitro Enclaves attestation document",
        spec=f"{NSM}, RFC 9052",
        recognises=documents.recognises,
        read=documents.read,
        wants=lambda _: (),
        begin=lambda inputs: begin(roots, inputs),
        steps=STEPS,
        conclude=words.conclude,
        fields=words.fields,
        registers=tuple(f"pcr{n}" for n in range(documents.MOST_PCRS)),
    )


VERIFIER = verifier()
