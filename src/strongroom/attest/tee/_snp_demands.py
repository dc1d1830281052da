"""What the owner demands of an SEV-SNP report, step by step."""

from strongroom.attest import matching
from strongroom.attest.steps import NOT_ASKED, Outcome, failed, passed, unchecked
from strongroom.attest.tee import _snp_report as reports
from strongroom.attest.tee._snp_case import Case
from strongroom.model.attest import EvidenceKind


def report_data(c: Case) -> Outcome:
    """The report answers the challenge."""
    return matching.challenge(c.report.report_data, c.inputs.evidence.challenge)


def host_data(c: Case) -> Outcome:
    """The host data is one that the policy names."""
    return matching.one_of(c.report.host_data, c.inputs.policy.snp.host_data, "host_data")


def vmpl(c: Case) -> Outcome:
    """The report was asked for at a level that the policy takes; 0 is the most privileged."""
    most = c.inputs.policy.snp.max_vmpl
    wanted = f"at most {most}"
    if c.report.vmpl > most:
        return failed(str(c.report.vmpl), wanted, "a less privileged level asked; allow it with [snp] max_vmpl")
    return passed(str(c.report.vmpl), wanted)


def debug(c: Case) -> Outcome:
    """The host may not decrypt the guest (policy bit 19)."""
    return _refused(c, 19, "debug", allowed=c.inputs.policy.snp.debug)


def migrate(c: Case) -> Outcome:
    """No migration agent may move the guest (policy bit 18)."""
    return _refused(c, 18, "migrate_ma", allowed=c.inputs.policy.snp.migrate_ma)


def _refused(c: Case, bit: int, name: str, *, allowed: bool) -> Outcome:
    if not c.report.allows(bit):
        return passed("off", "off")
    if allowed:
        return passed("on, and the policy allows it", "allowed")
    advice = "start the guest without it" + (": the host can read its memory" if bit == 19 else "")
    return failed(f"on (policy bit {bit})", f"off, or [snp] {name} = true", advice)


def smt(c: Case) -> Outcome:
    """Multithreading is as the owner decided (policy bit 16 allows it)."""
    allowed, on = c.inputs.policy.snp.smt, c.report.allows(16)
    if not on:
        return passed("off", "off")
    if allowed is None:
        return unchecked("on, and the policy does not say whether it may be", "[snp] smt = true or false")
    return passed("on, and the policy allows it", "allowed") if allowed else failed("on (policy bit 16)", "off")


def single_socket(c: Case) -> Outcome:
    """The guest stays on one socket (policy bit 20)."""
    if not c.inputs.policy.snp.single_socket:
        return NOT_ASKED
    on = c.report.allows(20)
    return passed("on", "on") if on else failed("off (policy bit 20)", "on: the guest stays on one socket")


def abi(c: Case) -> Outcome:
    """The firmware in use is new enough."""
    least = c.inputs.policy.snp.min_abi
    if not least:
        return NOT_ASKED
    major, _, minor = least.partition(".")
    if not (major + minor).isdecimal():
        return unchecked(f"the policy's min_abi {least!r} is no version", "such as 1.55", asked=True)
    now = c.report.current_version
    found = f"{now[0]}.{now[1]} (build {now[2]})"
    ok = now[:2] >= (int(major), int(minor or "0"))
    return (passed if ok else failed)(found, f"at least {least}")


def min_tcb(c: Case) -> Outcome:
    """Reported and committed TCB are at least the least one, component by component."""
    r = c.report
    reported, committed, current = (c.tcb(x) for x in (r.reported_tcb, r.committed_tcb, r.current_tcb))
    above = [n for n, v in reported.present().items() if v > (current.present().get(n) or 0)]
    if above:
        return failed(f"reported above current in {', '.join(above)}", "reported at most current")
    floors = c.inputs.policy.snp.min_tcb
    if floors is None or c.product not in floors:
        return unchecked(f"the policy has no least TCB for {c.product or 'this product'}", "[snp.min_tcb.PRODUCT]")
    floor = floors[c.product]
    behind = [
        f"{kind} {n} {v} < {getattr(floor, n)}"
        for kind, tcb in (("reported", reported), ("committed", committed))
        for n, v in tcb.present().items()
        if v < getattr(floor, n)
    ]
    wanted = ", ".join(f"{n} {getattr(floor, n)}" for n in reported.present())
    if behind:
        return failed("; ".join(behind), f"at least {wanted}", "update the host's firmware, and commit it")
    return passed(reported.spoken(), f"at least {wanted}")


def guest_svn(c: Case) -> Outcome:
    """The guest's own version is new enough."""
    least = c.inputs.policy.snp.min_guest_svn
    if least is None:
        return NOT_ASKED
    return (passed if c.report.guest_svn >= least else failed)(str(c.report.guest_svn), f"at least {least}")


def measurement(c: Case) -> Outcome:
    """The launch digest is one of a signed reference."""
    registers = {"measurement": c.report.measurement.hex()}
    return matching.reference(c.inputs.references, EvidenceKind.SNP, registers)


def id_key(c: Case) -> Outcome:
    """The ID key is one that the policy names."""
    return matching.one_of(c.report.id_key_digest, c.inputs.policy.snp.id_keys, "id_keys")


def author_key(c: Case) -> Outcome:
    """The author key is one that the policy names."""
    return matching.one_of(c.report.author_key_digest, c.inputs.policy.snp.author_keys, "author_keys")


def platform(c: Case) -> Outcome:
    """The bits of PLATFORM_INFO that the policy demands are set."""
    asked = c.inputs.policy.snp.platform
    if not asked:
        return NOT_ASKED
    held = reports.names(c.report.platform_info, reports.PLATFORM_BITS)
    missing = [name for name in asked if name not in held]
    found = ", ".join(held) or "none"
    return failed(found, ", ".join(asked), f"missing: {', '.join(missing)}") if missing else passed(found)
