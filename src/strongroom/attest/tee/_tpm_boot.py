"""What a machine started, step by step: the log that explains the registers, Secure Boot, what is revoked, and files."""

from collections.abc import Mapping

from strongroom.attest import matching
from strongroom.attest.steps import NOT_ASKED, Outcome, failed, passed, unchecked
from strongroom.attest.tee._tpm_case import Case
from strongroom.kit import ccel, ima, secure_boot, tpm
from strongroom.model.attest import EvidenceKind
from strongroom.model.errors import Malformed

_LOG = "give the log: /sys/kernel/security/tpm0/binary_bios_measurements"
_IMA = "give the list: /sys/kernel/security/ima/binary_runtime_measurements"
_FIRMWARE = frozenset(range(8))  # PFP 3.3.4: what firmware extends, and so its log explains


def _without_log(wanted: str) -> Outcome:
    return unchecked("no event log came with the quote: what was started is not known", wanted, _LOG)


def event_log(c: Case) -> Outcome:
    """A replay of the log gives the quoted registers, in the policy's bank and in every other that both have."""
    wanted = "a log that replays to every quoted register"
    log = c.log()
    if log is None:
        return _without_log(wanted)
    if c.bank not in log.banks:
        names = ", ".join(ccel.ALGORITHMS.get(b, (hex(b), 0))[0] for b in log.banks)
        return failed(f"a log of {names}", f"one of {c.inputs.policy.tpm.bank}", "it explains another bank")
    told = set(c.inputs.policy.tpm.pcrs)
    known = log.banks.keys() & tpm.HASHES.keys()
    banks = [s.algorithm for s in c.attest().selections if s.algorithm in known and s.pcrs]
    wrong, count = list[str](), 0
    for bank in banks:
        quoted = c.registers(bank)
        count += len(quoted)
        wrong += [f"{tpm.HASHES[bank][0]} PCR {n}" for n in _unexplained(log, c.replayed(log, bank), quoted, told)]
    if wrong or not count:
        found = f"a log that does not give {', '.join(wrong)}" if wrong else "no quoted register in the log's banks"
        return failed(found, wanted, "the log was changed, or is of another boot")
    return passed(f"{len(log.events)} events, {count} registers in {len(banks)} banks", wanted)


def _unexplained(log: ccel.Log, made: Mapping[int, bytes], quoted: Mapping[int, bytes], told: set[int]) -> list[int]:
    """The registers that a replay does not give.

    Without an event, a register must be as the TPM started it where firmware or the policy counts it; PCR 10 is the
    kernel's, whose own list explains it.
    """
    wrong = []
    for n, value in sorted(quoted.items()):
        if n in made:
            expected = made[n]
        elif n == ima.REGISTER or (n not in _FIRMWARE and n not in told):
            continue
        else:
            expected = ccel.initial(log, n, len(value))
        if expected != value:
            wrong.append(n)
    return wrong


def judged_secure_boot(c: Case) -> Outcome:
    """Secure Boot was on, with keys that are not everybody's: by what PCR 7 measured, never by a flag."""
    wanted = "Secure Boot on, its keys measured, none of them a test key, and every image vouched for by db"
    state = c.boot()
    if state is None:
        return _without_log(wanted)
    wrong = secure_boot.faults(state)
    by = ", ".join(secure_boot.vouchers(state)) or "nobody"
    if not wrong:
        return passed(f"on; what was started is vouched for by {by}", wanted)
    if not c.inputs.policy.tpm.secure_boot:
        return passed(f"{'; '.join(wrong)}: the policy allows it", "allowed")
    return failed("; ".join(wrong), wanted, "turn Secure Boot on with the owner's or the vendor's keys, and boot again")


def dbx(c: Case) -> Outcome:
    """What is known to be revoked was revoked on this machine when it started."""
    told = c.inputs.policy.tpm
    wanted = f"dbx with the {len(told.dbx)} hashes of the policy, at most {told.dbx_missing} missing"
    if not told.dbx:
        return unchecked("no list of revoked hashes was given", "a dated list", "[tpm] dbx, of the vendor's update")
    state = c.boot()
    if state is None:
        return _without_log(wanted)
    missing = {h.lower() for h in told.dbx} - secure_boot.revoked(state)
    found = f"{len(secure_boot.revoked(state))} hashes, {len(missing)} of {len(told.dbx)} missing"
    if len(missing) > told.dbx_missing:
        return failed(found, wanted, "install the vendor's dbx update (fwupdmgr update) and boot again")
    return passed(found, wanted)


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


def measurement(c: Case) -> Outcome:
    """The registers are those of a signed reference."""
    registers = {f"pcr{n}": v.hex() for n, v in c.registers(c.bank).items()}
    if not registers:
        raise Malformed("register values", "none in the policy's bank", c.inputs.policy.tpm.bank)
    return matching.reference(c.inputs.references, EvidenceKind.TPM, registers)
