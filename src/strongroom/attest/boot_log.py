"""What a log of measured boot says of quoted registers, whoever quoted them: a TPM of silicon, or one of a cloud's.

Sources: TCG PC Client Platform Firmware Profile (PFP) 1.06, sections 3.3.4 and 10.
"""

from collections.abc import Collection, Mapping

from strongroom.attest.steps import Outcome, failed, passed
from strongroom.kit import ccel, ima, secure_boot, tpm

FIRMWARE = frozenset(range(8))  # PFP 3.3.4: what firmware extends, and so its log explains
Registers = Mapping[int, bytes]


def explained(
    log: ccel.Log, quoted: Mapping[int, Registers], made: Mapping[int, Registers], told: Collection[int]
) -> Outcome:
    """Whether a replay gives the registers, by bank: those that were quoted, and those that the log makes.

    `told` are the registers that the policy counts beside those of the firmware.
    """
    wanted = "a log that replays to every quoted register"
    wrong, count = list[str](), 0
    for bank, registers in quoted.items():
        count += len(registers)
        wrong += [f"{tpm.HASHES[bank][0]} PCR {n}" for n in _unexplained(log, made[bank], registers, told)]
    if wrong or not count:
        found = f"a log that does not give {', '.join(wrong)}" if wrong else "no quoted register in the log's banks"
        return failed(found, wanted, "the log was changed, or is of another boot")
    return passed(
        f"{len(log.events)} events, {count} registers in {len(quoted)} {'bank' if len(quoted) == 1 else 'banks'}",
        wanted,
    )


def _unexplained(log: ccel.Log, made: Registers, quoted: Registers, told: Collection[int]) -> list[int]:
    """The registers that a replay does not give.

    Without an event, a register must be as the TPM started it where firmware or the policy counts it; PCR 10 is the
    kernel's, whose own list explains it.
    """
    wrong = []
    for n, value in sorted(quoted.items()):
        if n in made:
            expected = made[n]
        elif n == ima.REGISTER or (n not in FIRMWARE and n not in told):
            continue
        else:
            expected = ccel.initial(log, n, len(value))
        if expected != value:
            wrong.append(n)
    return wrong


def booted_securely(state: secure_boot.State, *, demanded: bool, beside: tuple[str, ...] = ()) -> Outcome:
    """Whether Secure Boot was on, with keys that are not everybody's: by what PCR 7 measured, never by a flag.

    `beside` are reasons against it that come from elsewhere, such as shim's own switches.
    """
    wanted = "Secure Boot on, its keys measured, none of them a test key, and every image vouched for by db"
    wrong = (*secure_boot.faults(state), *beside)
    by = ", ".join(secure_boot.vouchers(state)) or "nobody"
    if not wrong:
        return passed(f"on; what was started is vouched for by {by}", wanted)
    if not demanded:
        return passed(f"{'; '.join(wrong)}: the policy allows it", "allowed")
    return failed("; ".join(wrong), wanted, "turn Secure Boot on with the owner's or the vendor's keys, and boot again")
