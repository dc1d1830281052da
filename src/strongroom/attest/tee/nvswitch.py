"""NVIDIA NVSwitches: reports of those that link the GPUs of a machine, their chains, and the manifests of their VBIOS.

A switch answers as a GPU does, and its chain ends at the same root. What it says besides is which GPUs it is linked to:
whether these are the ones that answered too is judged where both are at hand, over the whole node.

Sources: as for GPUs. What an LS10 has in its opaque data is that of NVIDIA's attestation SDK, and of its sample report.
"""

from collections.abc import Mapping

from strongroom.attest.steps import Step
from strongroom.attest.tee import _nvidia_chain as genuine
from strongroom.attest.tee import _nvidia_measured as measured
from strongroom.attest.tee import _nvidia_reading as reading
from strongroom.attest.tee import _nvidia_roots as pinned
from strongroom.attest.tee import _nvidia_wants as wants
from strongroom.attest.tee import _nvidia_words as words
from strongroom.attest.tee._nvidia_case import SWITCHES, Case, begin
from strongroom.attest.verifier import Verifier
from strongroom.model.attest import Aspect, EvidenceKind

SPDM, DICE, RIM = "DSP0274 1.1", "TCG DICE Attestation Architecture", "TCG RIM IM 1.01"
_A, _READ = Aspect, ("nvswitch.report",)
STEPS: tuple[Step[Case], ...] = (
    Step("nvswitch.report", "the report is whole by its own lengths, and names its switch", f"{SPDM} 10.11", genuine.report, _A.HARDWARE, 99),
    Step("nvswitch.chain", "the chain is signed from leaf to root", "RFC 5280 6.1", genuine.chain, _A.HARDWARE, 99, _READ),
    Step("nvswitch.root_pin", "the root is NVIDIA's", "RFC 5280 6.1.1", genuine.root_pin, _A.HARDWARE, 97, _READ),
    Step("nvswitch.cert_time", "the certificates are valid", "RFC 5280 6.1.3", genuine.cert_time, _A.HARDWARE, 97, _READ),
    Step("nvswitch.arch", "it is a switch of a known architecture", "NVIDIA attestation SDK", genuine.architecture, _A.HARDWARE, 97, _READ),
    Step("nvswitch.signature", "the leaf's key signed request and answer", f"{SPDM} 10.11.2", genuine.signature, _A.HARDWARE, 99, _READ),
    Step("nvswitch.fwid", "the firmware is the one that the key belongs to, where it is stated", f"{DICE} 6.1", genuine.firmware, _A.HARDWARE, 97, _READ, mandatory=False),
    Step("nvswitch.nonce", "the report answers the challenge", f"{SPDM} 10.11", genuine.nonce, _A.SOURCED, 96, _READ),
    Step("nvswitch.devices", "every switch is another one, and none is missing", "NVIDIA attestation SDK", genuine.devices, _A.IDENTITY, 97, _READ),
    Step("nvswitch.ocsp", "no authority of the switch is revoked", "RFC 6960 3.2", genuine.revocation, _A.IDENTITY, 97, _READ, waivable=True),
    Step("nvswitch.vbios_rim", "its signer signed the VBIOS's manifest", "XML Signature 1.1, 3.2", measured.vbios, _A.EXECUTABLES, 99, _READ),
    Step("nvswitch.vbios_rim_chain", "the VBIOS's manifest is NVIDIA's", "RFC 5280 6.1", measured.vbios_chain, _A.EXECUTABLES, 99, _READ),
    Step("nvswitch.vbios_rim_time", "the signer of the VBIOS's manifest is valid", "RFC 5280 6.1.3", measured.vbios_time, _A.EXECUTABLES, 96, _READ, waivable=True),
    Step("nvswitch.vbios_rim_match", "it is of this VBIOS and this chip", f"{RIM} 2.2", measured.vbios_fits, _A.EXECUTABLES, 96, _READ),
    Step("nvswitch.rim_ocsp", "no certificate of the manifest is revoked", "RFC 6960 3.2", measured.revocation, _A.EXECUTABLES, 96, _READ, waivable=True),
    Step("nvswitch.measurement", "every measurement is as the manifest says", f"{RIM} 2.3", measured.measurement, _A.EXECUTABLES, 33, _READ),
)  # fmt: skip


def verifier(
    roots: Mapping[str, str] = pinned.DEVICES, rim_roots: Mapping[str, str] = pinned.MANIFESTS
) -> Verifier[Case]:
    """The verifier that trusts the roots: {SHA-256 of the DER: name}. Only a test names others than NVIDIA's."""
    return Verifier(
        kind=EvidenceKind.NVSWITCH,
        title="attestation reports of NVIDIA NVSwitches",
        spec=f"{SPDM}, {RIM}",
        recognises=reading.recognises_switches,
        read=reading.read,
        wants=wants.of_switches,
        begin=lambda inputs: begin(roots, rim_roots, inputs, SWITCHES),
        steps=STEPS,
        conclude=words.conclude,
        fields=words.fields,
        parts=wants.parts,
    )


VERIFIER = verifier()
