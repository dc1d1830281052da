"""Whether a machine started what is known: event by event where a boot was learned, else by the values of registers.

Source: TCG PC Client Platform Firmware Profile 1.06, 3.3.4 and 10.4. A quote and a log that agree say only that the log is
of this boot: whoever implants an initrd has both agree, and PCR 7 the same as before.
"""

from collections.abc import Mapping, Sequence

from strongroom.attest import matching
from strongroom.attest.steps import MOST, NOT_ASKED, Outcome, failed, passed, unchecked
from strongroom.attest.tee._tpm_case import Case
from strongroom.kit import boot_events as words
from strongroom.kit import ccel, known_boot
from strongroom.kit.known_boot import Difference
from strongroom.model.attest import EvidenceKind, Reference
from strongroom.model.errors import Malformed

_LEARN = "strongroom attest learn"
_LOG = "give the log: /sys/kernel/security/tpm0/binary_bios_measurements"
_WANTED = "every event at its place, as it was learned"


def boot_events(c: Case) -> Outcome:
    """Every event is one of a boot that was learned, at its place, and none of it is missing.

    Of several known boots only those whose register values fit come into question, so that no machine is made of
    halves of two.
    """
    known = c.inputs.references.of(EvidenceKind.TPM)
    demanded = c.inputs.policy.tpm.boot_events
    learned = [r for r in known if r.events]
    if not learned and not demanded:
        return NOT_ASKED
    if not learned:
        why = c.inputs.references.trouble or "no known boot was given: what was started is compared with nothing"
        return unchecked(why, _WANTED, f"{_LEARN} EVIDENCE -o FILE", asked=True)
    registers = _registers(c)
    fitting = [r for r in known if (r.values or r.events) and _fits(r, registers)]
    plain = next((r for r in fitting if not r.events), None)
    if plain is not None and not demanded:
        return passed(f"the registers are those of {_name(plain)}, which names no events", _WANTED)
    log = c.log()
    if log is None:
        why = "no event log came with the quote: what was started is not known"
        return unchecked(why, _WANTED, _LOG, asked=True)
    return _compared(c, log, [r for r in fitting if r.events] or learned)


def _compared(c: Case, log: ccel.Log, learned: Sequence[Reference]) -> Outcome:
    nearest: tuple[Difference, ...] | None = None
    name = ""
    for r in learned:
        found = _differences(c, log, r)
        if not found:
            loose = ", ".join(words.CLASSES.get(w, w) for w in r.may_vary)
            told = f"{len(r.events)} events are those of {_name(r)}"
            return passed(f"{told}; not compared: {loose}" if loose else told, _WANTED)
        if nearest is None or len(found) < len(nearest):
            nearest, name = found, _name(r)
    c.differences[:] = [d.words for d in nearest or ()]
    count = len(nearest or ())
    many = f"{count} events differ: " if count > 1 else ""
    wanted = f"the events of {name}{', the nearest of the known boots' if len(learned) > 1 else ''}, in their order"
    advice = f"look into it before you trust it; if the change is yours: {_LEARN}"
    return failed(f"{many}{_listed(nearest or ())}", wanted, advice)


def _differences(c: Case, log: ccel.Log, r: Reference) -> tuple[Difference, ...]:
    """What differs, where the quote proves the events that are compared."""
    quoted, made = c.registers(c.bank), c.replayed(log, c.bank)
    unproven = [
        n for n in sorted(known_boot.covered(r)) if n not in quoted or made.get(n, bytes(len(quoted[n]))) != quoted[n]
    ]
    if unproven:
        named = ", ".join(map(str, unproven))
        raise Malformed("event log", f"events of PCR {named} that the quote does not prove", "events that are quoted")
    bank = c.inputs.policy.tpm.bank
    if not any(a.startswith(f"{bank}:") for e in r.events for a in e.accept):
        banks = sorted({a.partition(":")[0] for e in r.events for a in e.accept})
        raise Malformed(f"the known boot {_name(r)}", f"digests of {', '.join(banks) or 'no bank'}", bank)
    return () if known_boot.fits(r, log, c.bank) else known_boot.differences(r, log, c.bank, c.told(log))


def _listed(found: Sequence[Difference]) -> str:
    """As many as a report has room for, whole."""
    said, left = list[str](), MOST - 60
    for d in found:
        if said and len(d.words) > left:
            break
        said.append(d.words)
        left -= len(d.words) + 3
    more = f" | and {len(found) - len(said)} more" if len(found) > len(said) else ""
    return " | ".join(said) + more


def measurement(c: Case) -> Outcome:
    """Every register that a reference gives a value has it; those whose events it knows are the other step's.

    What the policy's registers hold that a reference knows neither by value nor by event is named.
    """
    registers = _registers(c)
    if not registers:
        raise Malformed("register values", "none in the policy's bank", c.inputs.policy.tpm.bank)
    learned = [r for r in c.inputs.references.of(EvidenceKind.TPM) if r.events and _fits(r, registers)]
    if not learned:
        return matching.reference(c.inputs.references, EvidenceKind.TPM, registers)
    r = learned[0]
    told = {known_boot.number(n) for n in r.values} | known_boot.covered(r)
    bare = [n for n in sorted(c.inputs.policy.tpm.pcrs) if n not in told]
    unknown = f"; compared with nothing: PCR {', '.join(map(str, bare))}" if bare else ""
    return passed(f"{_name(r)}: {len(known_boot.covered(r))} registers by their events{unknown}", "a known reference")


def _registers(c: Case) -> Mapping[str, str]:
    return {f"pcr{n}": v.hex() for n, v in c.registers(c.bank).items()}


def _fits(r: Reference, registers: Mapping[str, str]) -> bool:
    return all(registers.get(name) in values for name, values in r.values.items())


def _name(r: Reference) -> str:
    return f"{r.name} {r.version}".rstrip()
