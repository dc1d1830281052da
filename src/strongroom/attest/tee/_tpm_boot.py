"""What a machine started, step by step: the log that explains the registers, and the kernel's list of files."""

from strongroom.attest import boot_log
from strongroom.attest.steps import NOT_ASKED, Outcome, failed, passed, unchecked
from strongroom.attest.tee._tpm_case import Case
from strongroom.kit import ccel, ima, tpm

_LOG = "give the log: /sys/kernel/security/tpm0/binary_bios_measurements"
_IMA = "give the list: /sys/kernel/security/ima/binary_runtime_measurements"


def without_log(wanted: str) -> Outcome:
    """The outcome where no log came along: never a pass."""
    return unchecked("no event log came with the quote: what was started is not known", wanted, _LOG)


def event_log(c: Case) -> Outcome:
    """A replay of the log gives the quoted registers, in the policy's bank and in every other that both have."""
    wanted = "a log that replays to every quoted register"
    log = c.log()
    if log is None:
        return without_log(wanted)
    if c.bank not in log.banks:
        names = ", ".join(ccel.ALGORITHMS.get(b, (hex(b), 0))[0] for b in log.banks)
        return failed(f"a log of {names}", f"one of {c.inputs.policy.tpm.bank}", "it explains another bank")
    known = log.banks.keys() & tpm.HASHES.keys()
    quoted = {bank: held for bank, held in c.every_bank().items() if bank in known and held}
    made = {bank: c.replayed(log, bank) for bank in quoted}
    return boot_log.explained(log, quoted, made, c.inputs.policy.tpm.pcrs)


def measured_files(c: Case) -> Outcome:
    """The kernel's list replays to PCR 10 up to the quote, begins with this boot, and nothing was missed."""
    told, entries = c.inputs.policy.tpm, c.measurements()
    wanted = "a list that replays to PCR 10 and begins with this boot"
    if entries is None:
        return unchecked("no IMA list came with the quote", wanted, _IMA, asked=True) if told.ima else NOT_ASKED
    registers = c.registers(c.bank)
    quoted = registers.get(ima.REGISTER)
    if quoted is None:
        return failed("PCR 10 was not quoted", wanted)
    until = ima.measured_until(entries, c.bank, quoted)
    if until is None:
        return failed(f"{len(entries)} entries that never give PCR 10", wanted, "the list was changed, or cut off")
    proven = entries[:until]
    if not proven or proven[0].path != "boot_aggregate":
        return failed("a list that does not begin with boot_aggregate", wanted)
    if proven[0].digest not in _aggregates(c):
        return failed("boot_aggregate of another boot", wanted, "the list is not of the boot that was quoted")
    violations = sum(e.violated for e in proven)
    found = f"{until} entries, {len(entries) - until} made since the quote, {violations} violations"
    if violations > told.ima_violations:
        return failed(found, f"at most {told.ima_violations} violations", f"first: {_first(proven)}")
    return passed(found, wanted)


def _aggregates(c: Case) -> tuple[bytes, ...]:
    """By each bank that was quoted: the kernel chooses SHA-256 where there is one, else SHA-1."""
    banks = {s.algorithm for s in c.attest().selections if s.algorithm in tpm.HASHES}
    return tuple(x for bank in banks for x in ima.boot_aggregates(c.registers(bank), bank))


def _first(entries: tuple[ima.Measurement, ...]) -> str:
    return next((e.path for e in entries if e.violated), "")
