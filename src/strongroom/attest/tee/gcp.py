"""Google Cloud: the token of Confidential Space or of a confidential VM, which Google's own verifier has signed.

Sources: "Attestation token claims" and "Attestation token validation endpoint fields" of Confidential Space,
cloud.google.com/confidential-computing; RFC 7515, 7517, 7519 and 8725 for tokens and keys; RFC 9711 (EAT). The token says
what Google has verified: the hardware's own report is not in it, so that Google's word is the root of all that it says.
"""

from collections.abc import Container

from strongroom.attest.steps import Step
from strongroom.attest.tee import _gcp_demands as demands
from strongroom.attest.tee import _gcp_proof as proof
from strongroom.attest.tee import _gcp_token as tokens
from strongroom.attest.tee import _gcp_words as words
from strongroom.attest.tee._gcp_case import Case
from strongroom.attest.verifier import Verifier
from strongroom.model.attest import Aspect, EvidenceKind

DOCS = "Confidential Space token claims"
# SHA-256 of "Confidential Space Root CA", valid to 2034-01-16, as `root_ca_uri` of
# https://confidentialcomputing.googleapis.com/.well-known/attestation-pki-root serves it. Its SHA-1, by which Google's
# codelab "confidential-space-pki" names it, is b95120742c24e3aa34042e1c3ba3aad28b212321.
ROOTS = frozenset({"148b293821bb0c6a317f413c8ba475814091cb22d49b9e3c94198db8e8f86c39"})

_A, _SAID = Aspect, ("gcp.claims",)
STEPS: tuple[Step[Case], ...] = (
    Step("gcp.token", "it is one token in compact form", "RFC 7515 3.1", proof.token, _A.HARDWARE, 99),
    Step("gcp.claims", "every claim has its type, and stands once", DOCS, proof.claims, _A.HARDWARE, 99),
    Step("gcp.key", "the key is Google's", "RFC 7515 4.1.6", proof.key, _A.HARDWARE, 97),
    Step("gcp.cert_time", "every certificate is valid now", "RFC 5280 6.1.3", proof.cert_time, _A.HARDWARE, 97),
    Step("gcp.signature", "the key signed the token by RS256", "RFC 8725 3.1", proof.signature, _A.HARDWARE, 99),
    Step("gcp.iss", "Google's attestation service issued it", DOCS, demands.issuer, _A.HARDWARE, 97, _SAID),
    Step("gcp.aud", "it was made for this relying party", DOCS, demands.audience, _A.SOURCED, 96, _SAID),
    Step("gcp.time", "it holds now", "RFC 7519 4.1", demands.time, _A.SOURCED, 96, _SAID),
    Step("gcp.lifetime", "it lives an hour at most", DOCS, demands.lifetime, _A.SOURCED, 96, _SAID),
    Step("gcp.eat_nonce", "it answers the challenge", "RFC 9711 4.1", demands.nonce, _A.SOURCED, 96, _SAID),
    Step("gcp.hwmodel", "the machine is a confidential one", DOCS, demands.hardware, _A.HARDWARE, 97, _SAID),
    Step("gcp.secboot", "Secure Boot is on", DOCS, demands.secure_boot, _A.CONFIGURATION, 96, _SAID),
    Step("gcp.dbgstat", "the image is not for debugging", "RFC 9711 4.2.9", demands.debug, _A.RUNTIME, 96, _SAID),
    Step("gcp.swname", "the software is one that the policy takes", DOCS, demands.software, _A.EXECUTABLES, 96, _SAID),
    Step("gcp.support", "Google supports the image", DOCS, demands.support, _A.EXECUTABLES, 32, _SAID),
    Step("gcp.measurement", "the container image is a known one", DOCS, demands.measurement, _A.EXECUTABLES, 33, _SAID, waivable=True),
    Step("gcp.swversion", "the image is new enough", DOCS, demands.version, _A.EXECUTABLES, 32, _SAID, mandatory=False),
    Step("gcp.project", "the project is one of the policy's", DOCS, demands.project, _A.IDENTITY, 96, _SAID, mandatory=False),
    Step("gcp.service_account", "an account of the policy's runs it", DOCS, demands.service_account, _A.IDENTITY, 96, _SAID, mandatory=False),
)  # fmt: skip


def verifier(roots: Container[str] = ROOTS) -> Verifier[Case]:
    """The verifier that trusts the roots, by SHA-256 of the DER. Only a test names others than Google's."""
    return Verifier(
        kind=EvidenceKind.GCP,
        title="Google Cloud attestation token",
        spec=f"{DOCS}, RFC 7515, RFC 9711",
        recognises=tokens.recognises,
        read=tokens.read,
        wants=words.wants,
        begin=lambda inputs: Case(roots, inputs),
        steps=STEPS,
        conclude=words.conclude,
        fields=words.fields,
        registers=("image_digest",),
    )


VERIFIER = verifier()
