"""TPM 2.0: a quote, the key that made it, the registers it covers, and the logs that explain them.

Sources: TCG TPM 2.0 Library, Parts 1 to 3; TCG PC Client Platform Firmware Profile 1.06; Linux's documentation of IMA. The
name of what holds an attestation key is its own: a quote says that some TPM has these registers, and enrolment or the
key's certificate says which.
"""

from collections.abc import Mapping

from strongroom.attest.steps import Step
from strongroom.attest.tee import _tpm_boot as boot
from strongroom.attest.tee import _tpm_boot_policy as known
from strongroom.attest.tee import _tpm_proof as proof
from strongroom.attest.tee import _tpm_reading as reading
from strongroom.attest.tee import _tpm_secure_boot as secure
from strongroom.attest.tee import _tpm_words as words
from strongroom.attest.tee._tpm_case import Case, begin
from strongroom.attest.verifier import Verifier
from strongroom.kit import boot_keys, tpm
from strongroom.model.attest import Aspect, EvidenceKind

# SHA-256 of the roots of Google's certificates for keys of virtual TPMs, of 2022 and of 2018, as go-tpm-tools carries them
# in server/ca-certs (gcp_ek_ak_ca_root.crt, tpm_ek_root_1.cer). Other makers' are the owner's to name: [tpm] roots.
ROOTS: Mapping[str, str] = {
    "594759594b9b61524f6c8ef668f7177f7b9066bc0674f2f49fe9e052be78beb2": "Google EK/AK CA Root",
    "9bd5285f8fb18502a7947e621ffd470266f49fcd3b73e19a190f690ad32a7caf": "Google tpm_ek_v1_cloud_host root",
}
_P1, _P2, _P3, _PFP = "TPM 2.0 Part 1", "TPM 2.0 Part 2", "TPM 2.0 Part 3", "PC Client PFP"
_A = Aspect
STEPS: tuple[Step[Case], ...] = (
    Step("tpm.magic", "a TPM made it", f"{_P2} 6.2", proof.magic, _A.HARDWARE, 99),
    Step("tpm.type", "it is a quote", f"{_P2} 6.9", proof.kind, _A.HARDWARE, 99),
    Step("tpm.ak_attributes", "the key signs only what the TPM made, and stays in it", f"{_P2} 8.3", proof.ak_attributes, _A.HARDWARE, 97),
    Step("tpm.ak_certified", "the key is known to live in a TPM", f"{_P1} 9.5.3.3", proof.ak_certified, _A.IDENTITY, 97),
    Step("tpm.signature", "the key signed the quote", f"{_P2} 11.3.4", proof.signature, _A.HARDWARE, 99),
    Step("tpm.extra_data", "the quote answers the challenge", f"{_P2} 10.12.8", proof.extra_data, _A.SOURCED, 96),
    Step("tpm.clock", "clock and counters did not go back", f"{_P2} 10.11.1", proof.clock, _A.HARDWARE, 96, waivable=True),
    Step("tpm.pcr_selection", "it covers the policy's registers", f"{_P2} 10.6", proof.pcr_selection, _A.CONFIGURATION, 96),
    Step("tpm.pcr_digest", "the values are those that were quoted", f"{_P3} 18.4", proof.pcr_digest, _A.CONFIGURATION, 99),
    Step("tpm.other_quotes", "quotes of other banks fit it", f"{_P2} 10.12.8", proof.other_quotes, _A.HARDWARE, 99),
    Step("tpm.event_log", "the log explains the registers", f"{_PFP} 10", boot.event_log, _A.CONFIGURATION, 96, waivable=True),
    Step("tpm.secure_boot", "Secure Boot was on, with keys of somebody", f"{_PFP} 3.3.4.8", secure.judged_secure_boot, _A.CONFIGURATION, 96, waivable=True),
    Step("tpm.dbx", "what is known to be revoked was revoked", "UEFI 32.3", secure.dbx, _A.CONFIGURATION, 36, waivable=True),
    Step("tpm.ca_expiry", "it can take what is signed from now on", "UEFI 32.3", secure.ca_expiry, _A.CONFIGURATION, 36, waivable=True),
    Step("tpm.ima", "the kernel's list explains PCR 10", "Linux IMA-templates", boot.measured_files, _A.FILES, 96, mandatory=False),
    Step("tpm.boot_events", "what was started is what was learned", f"{_PFP} 10.4", known.boot_events, _A.EXECUTABLES, 33, waivable=True),
    Step("tpm.measurement", "the registers are those of a known boot", f"{_PFP} 3.3.4", known.measurement, _A.EXECUTABLES, 33, waivable=True),
)  # fmt: skip


def verifier(roots: Mapping[str, str] = ROOTS, keks: Mapping[str, str] = boot_keys.KEKS) -> Verifier[Case]:
    """The verifier that trusts the roots, and the KEKs for lists of what is revoked: {SHA-256 of the DER: name}.

    Only a test names others; owners use the policy.
    """
    return Verifier(
        kind=EvidenceKind.TPM,
        title="TPM 2.0 quote and measured boot",
        spec="TPM 2.0 Library, PC Client PFP",
        recognises=reading.recognises,
        read=reading.read,
        wants=lambda _: (),
        begin=lambda inputs: begin(roots, keks, inputs),
        steps=STEPS,
        conclude=words.conclude,
        fields=words.fields,
        registers=tuple(f"pcr{n}" for n in range(tpm.MOST_PCRS)),
    )


VERIFIER = verifier()
