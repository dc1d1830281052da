"""The steps that Azure's two kinds share, and how those of the hardware's own report stand among them."""

import hmac
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from strongroom.attest import boot_log, matching
from strongroom.attest.steps import NOT_ASKED, Outcome, Step, failed, passed, unchecked
from strongroom.attest.tee import _azure_hcl as hcl
from strongroom.attest.tee import _azure_reading as reading
from strongroom.attest.tee._azure_case import SHA256, Case
from strongroom.kit import secure_boot, tpm
from strongroom.kit.x509.signing import Algorithm, public_key, valid
from strongroom.model.attest import Aspect

I = TypeVar("I")  # noqa: E741 - the case of the verifier inside
DOCS, TPM, CVM = "Azure CVM guest attestation", "TPM 2.0 Part 2, 10.12", "Azure CVM guest attestation, runtime claims"
_NO_QUOTE = "no quote of the vTPM came with the report"
_ASK = "let the guest quote PCRs 0 to 23 of the SHA-256 bank with the challenge, by its attestation key"
_LOG = "give the log in `event_log`: /sys/kernel/security/tpm0/binary_bios_measurements of the guest"
_ALL = tuple(range(reading.MOST_PCRS))


def _hcl(c: Case[I]) -> Outcome:
    wanted = f"HCLA of version 1 or 2, with a report of {hcl.TYPES[c.report_type]} and true lengths"
    wrong = hcl.trouble(c.report, c.report_type)
    return failed(wrong, wanted) if wrong else passed(f"version {c.report.version}", wanted)


def _claims(c: Case[I]) -> Outcome:
    found = hcl.strictly(c.report.claims)
    return passed(f"claims with the key {found.ak.thumbprint[:16]}…", f"JSON with one key {hcl.AK}")


def _binding(c: Case[I]) -> Outcome:
    """The whole field is compared: what stands behind the hash would be somebody else's to choose."""
    wanted = c.report.binding.ljust(64, b"\0")
    for held in c.report_data:
        if not hmac.compare_digest(held, wanted):
            advice = "the claims, with the vTPM's key, are not those that the hardware vouches for"
            return failed(held.hex(), wanted.hex(), advice)
    return passed(wanted.hex()[:32] + "…", f"{c.report.hash_name} of the runtime claims, and zeros")


def _quote(c: Case[I]) -> Outcome:
    wanted = "a quote that a TPM made"
    if not c.has_quote:
        return unchecked(_NO_QUOTE, wanted, _ASK)
    tpm.quote(c.octets(reading.QUOTE))
    return passed(f"reset {c.quote.clock.resets}, clock {c.quote.clock.clock}", wanted)


def _signature(c: Case[I]) -> Outcome:
    wanted = f"a signature by the key {hcl.AK} of the runtime claims"
    if not c.has_quote:
        return unchecked(_NO_QUOTE, wanted, _ASK)
    signed, made = c.octets(reading.QUOTE), c.octets(reading.SIGNATURE)
    if not valid(public_key(c.ak.key), Algorithm.RSA_SHA256, made, signed):
        return failed("another signature", wanted, "the quote was changed, or another TPM made it")
    return passed(f"by the key {c.ak.thumbprint[:16]}…", wanted)


def _nonce(c: Case[I]) -> Outcome:
    """The field has no fixed size, so that it is the challenge and no octet more."""
    asked = c.inputs.evidence.challenge
    if not c.has_quote:
        return unchecked(_NO_QUOTE, "the verifier's nonce", _ASK)
    if asked is None:
        return unchecked("no challenge was given: this quote may be old", "the verifier's nonce", "--nonce HEX")
    if not hmac.compare_digest(c.quote.extra_data, asked):
        return failed(c.quote.extra_data.hex(), asked.hex(), "it answers another challenge: a replay")
    return passed(f"{asked.hex()[:32]}{'…' if len(asked) > 16 else ''}", "the challenge")


def _selection(c: Case[I]) -> Outcome:
    """We say which registers count: a guest that chose would leave out the one that tells on it."""
    wanted = "PCRs 0 to 23 of the SHA-256 bank, and no others"
    if not c.has_quote:
        return unchecked(_NO_QUOTE, wanted, _ASK)
    held = c.quote.selections
    if len(held) == 1 and held[0].algorithm == SHA256 and held[0].pcrs == _ALL and len(c.pcrs) == len(_ALL):
        return passed("all of them", wanted)
    told = "; ".join(f"{tpm.HASHES.get(a, (hex(a), 0))[0]}: {_ranges(p)}" for a, p in held) or "no bank"
    return failed(f"{told}; {len(c.pcrs)} values", wanted, _ASK)


def _ranges(pcrs: Sequence[int]) -> str:
    return ", ".join(map(str, pcrs)) or "none"


def _digest(c: Case[I]) -> Outcome:
    wanted = "the hash over the registers that came with the quote"
    if not c.has_quote:
        return unchecked(_NO_QUOTE, wanted, _ASK)
    made = tpm.pcr_digest(c.quote.selections, c.pcrs, SHA256)
    if not tpm.same(made, c.quote.digest):
        return failed(c.quote.digest.hex(), made.hex(), "the registers are not those that were quoted")
    return passed(made.hex(), wanted)


def _secure_boot(c: Case[I]) -> Outcome:
    on = c.runtime.vm_configuration.secure_boot
    if on:
        return passed("on", "on")
    if not c.policy.secure_boot:
        return passed("off, and the policy allows it", "allowed")
    advice = "make the VM with Secure Boot (securityProfile.uefiSettings.secureBootEnabled)"
    return failed("off" if on is False else "not said", "on, or [azure] secure_boot = false", advice)


def _event_log(c: Case[I]) -> Outcome:
    wanted = "a log that replays to every quoted register"
    if not c.has_log:
        return unchecked("no event log of the vTPM came with the report", wanted, _LOG, asked=c.policy.event_log)
    quoted = {n: value for (_, n), value in c.pcrs.items()}
    return boot_log.explained(c.log, {SHA256: quoted}, {SHA256: c.replayed}, ())


def _measured_boot(c: Case[I]) -> Outcome:
    if not c.has_log:
        return NOT_ASKED
    return boot_log.booted_securely(secure_boot.state(c.log, SHA256), demanded=c.policy.secure_boot)


def _vtpm(c: Case[I]) -> Outcome:
    on = c.runtime.vm_configuration.tpm_enabled
    return passed("on", "on") if on else failed("off" if on is False else "not said", "on", "make the VM with a vTPM")


def _measurement(c: Case[I]) -> Outcome:
    if not c.has_quote or not c.has_inner:
        return unchecked("without both quotes nobody vouches for what runs", "known registers", _ASK)
    return matching.reference(c.inputs.references, c.kind, c.measured())


def _vm_id(c: Case[I]) -> Outcome:
    if not c.policy.vm_ids:
        return NOT_ASKED
    found, accepted = c.runtime.vm_configuration.unique_id.lower(), {v.lower() for v in c.policy.vm_ids}
    return (passed if found in accepted else failed)(found or "not said", f"one of the {len(accepted)} of vm_ids")


def _user_data(c: Case[I]) -> Outcome:
    held = c.runtime.user_data
    try:
        return matching.one_of(bytes.fromhex(held), c.policy.user_data, "user_data")
    except ValueError:
        return failed(held, "octets in hexadecimal") if c.policy.user_data else NOT_ASKED


PFP, _QUOTED = "PC Client PFP 10", ("azure.quote", "azure.pcr_digest")
_A, _CORE, _SAID = Aspect, ("azure.hcl",), ("azure.hcl", "azure.claims")


def vouched() -> tuple[Step[Case[I]], ...]:
    """The steps before those of the hardware's report: who vouches for what."""
    return (
        Step("azure.hcl", "the paravisor's report has its form", DOCS, _hcl, _A.HARDWARE, 99),
        Step("azure.claims", "the runtime claims name one key of the vTPM", CVM, _claims, _A.HARDWARE, 99, _CORE),
        Step("azure.binding", "the hardware vouches for the runtime claims", DOCS, _binding, _A.HARDWARE, 99, _CORE),
        Step("azure.quote", "a TPM made the quote", TPM, _quote, _A.HARDWARE, 99, _CORE),
        Step("azure.quote_signature", "the vTPM's key signed the quote", TPM, _signature, _A.HARDWARE, 99, _SAID),
        Step("azure.nonce", "the quote answers the challenge", TPM, _nonce, _A.SOURCED, 96, _CORE),
        Step("azure.pcr_selection", "it is over the registers that we want", TPM, _selection, _A.EXECUTABLES, 96, _CORE),
        Step("azure.pcr_digest", "it is over the registers that came with it", TPM, _digest, _A.EXECUTABLES, 96, _CORE),
    )  # fmt: skip


def demanded() -> tuple[Step[Case[I]], ...]:
    """The steps behind them: what the policy demands.

    The claims say that Secure Boot is configured, and the registers are compared whole: a log is needed to say in words
    what was started, not to tell a known boot. So it counts where it is there, and is missed where the policy asks for it.
    """
    return (
        Step("azure.secure_boot", "the VM is configured for Secure Boot", CVM, _secure_boot, _A.CONFIGURATION, 96, _SAID),
        Step("azure.vtpm", "the VM has a vTPM", CVM, _vtpm, _A.CONFIGURATION, 96, _SAID),
        Step("azure.measurement", "paravisor and boot are known ones", DOCS, _measurement, _A.EXECUTABLES, 33, _CORE, waivable=True),
        Step("azure.event_log", "the log explains the vTPM's registers", PFP, _event_log, _A.CONFIGURATION, 96, _QUOTED, mandatory=False),
        Step("azure.measured_boot", "Secure Boot was on, by the events of PCR 7", PFP, _measured_boot, _A.CONFIGURATION, 96, ("azure.event_log",), mandatory=False),
        Step("azure.vm_id", "the VM is one of the policy's", CVM, _vm_id, _A.IDENTITY, 96, _SAID, mandatory=False),
        Step("azure.user_data", "the user data is one of the policy's", CVM, _user_data, _A.CONFIGURATION, 96, _SAID, mandatory=False),
    )  # fmt: skip


def inside(steps: Sequence[Step[I]], but: Collection[str]) -> Iterator[Step[Case[I]]]:
    """The steps of the hardware's own report, but for those that Azure's answer in their place."""
    for step in steps:
        if step.id not in but:
            yield _lifted(step)


def _lifted(step: Step[I]) -> Step[Case[I]]:
    def judge(c: Case[I]) -> Outcome:
        if not c.has_inner:
            why = "the TD's own report is sealed for its machine alone, and no quote of it came"
            return unchecked(why, "a TD quote", "let the guest ask the host's quoting service for one")
        return step.judge(c.inner)

    return replace(step, judge=judge)  # type: ignore[return-value,arg-type] # the same step of a case around its own
