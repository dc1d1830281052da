"""A token of Microsoft Azure Attestation: what Microsoft's verifier says of a confidential VM.

Sources: "Examples of an attestation token" and "Claim sets", learn.microsoft.com/azure/attestation; RFC 7515, 7517, 7519 and
8725 for tokens and keys. It is another verifier's verdict, and the hardware's own report is not in it: who takes it takes
the provider's word, and the policy by which the provider's owner has it made. So nothing is affirmed until our policy
names the provider and a key; then it counts as evidence does, and its claims say whose verdict it is.
"""

from strongroom.attest.steps import Step
from strongroom.attest.tee import _maa_steps as steps
from strongroom.attest.tee import _maa_token as tokens
from strongroom.attest.tee import _maa_words as words
from strongroom.attest.tee._maa_case import Case
from strongroom.attest.verifier import Verifier
from strongroom.model.attest import Aspect, EvidenceKind

DOCS, CVM = "Azure Attestation, claim sets", "Azure CVM guest attestation"
_A, _SAID = Aspect, ("maa.claims",)
STEPS: tuple[Step[Case], ...] = (
    Step("maa.token", "it is one token in compact form", "RFC 7515 3.1", steps.token, _A.HARDWARE, 99),
    Step("maa.claims", "every claim has its type, and stands once", DOCS, steps.claims, _A.HARDWARE, 99),
    Step("maa.iss", "a provider of the policy's issued it", DOCS, steps.issuer, _A.HARDWARE, 97, _SAID),
    Step("maa.jku", "its header names its issuer's own keys", "RFC 7515 4.1.2", steps.key_set, _A.HARDWARE, 97, _SAID),
    Step("maa.key", "the key is one that the policy counts", "RFC 7517 4.5", steps.key, _A.HARDWARE, 97),
    Step("maa.signature", "the key signed the token by RS256", "RFC 8725 3.1", steps.signature, _A.HARDWARE, 99),
    Step("maa.time", "it holds now", "RFC 7519 4.1", steps.time, _A.SOURCED, 96, _SAID),
    Step("maa.lifetime", "it lives eight hours at most", DOCS, steps.lifetime, _A.SOURCED, 96, _SAID),
    Step("maa.nonce", "the machine answered the challenge", CVM, steps.nonce, _A.SOURCED, 96, _SAID),
    Step("maa.isolation_tee", "the machine is a confidential one", CVM, steps.hardware, _A.HARDWARE, 97, _SAID),
    Step("maa.compliance", "hardware and paravisor are Azure's", CVM, steps.compliance, _A.HARDWARE, 97, _SAID),
    Step("maa.debug", "nobody may look into it", CVM, steps.debug, _A.RUNTIME, 96, _SAID),
    Step("maa.guest_policy", "the guest's launch allows no less", CVM, steps.guest_policy, _A.CONFIGURATION, 96, _SAID),
    Step("maa.secure_boot", "Secure Boot is on", CVM, steps.secure_boot, _A.CONFIGURATION, 96, _SAID),
    Step("maa.measurement", "what was launched is known", CVM, steps.measurement, _A.EXECUTABLES, 33, _SAID, waivable=True),
    Step("maa.policy_hash", "the provider's policy is one of ours", DOCS, steps.policy_hash, _A.SOURCED, 96, _SAID, mandatory=False),
    Step("maa.vm_id", "the VM is one of the policy's", CVM, steps.vm_id, _A.IDENTITY, 96, _SAID, mandatory=False),
)  # fmt: skip


def verifier() -> Verifier[Case]:
    """The verifier. It has no root: the policy's providers and keys are all that counts."""
    return Verifier(
        kind=EvidenceKind.AZURE_MAA,
        title="Token of Microsoft Azure Attestation",
        spec=f"{DOCS}; RFC 7515, RFC 7517",
        recognises=tokens.recognises,
        read=tokens.read,
        wants=words.wants,
        begin=Case,
        steps=STEPS,
        conclude=words.conclude,
        fields=words.fields,
        registers=("measurement", "mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"),
    )


VERIFIER = verifier()
