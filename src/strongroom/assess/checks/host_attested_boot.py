"""Recorded appraisals of measured boot: Secure Boot as it was measured, the quote, its log, and how old it is."""

from datetime import UTC, datetime, timedelta

from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

_VERIFY = "strongroom attest verify EVIDENCE --policy FILE --references FILE --nonce HEX --record FILE"
_AGAIN = "strongroom assess attest:FOLDER no longer lists it"
_MEASURED = frozenset({"tpm", "azure-snp", "azure-tdx", "gcp"})  # kinds that tell how the machine was started
_QUOTED = frozenset({"tpm"})
_DAY = timedelta(hours=24)


def _came(v: View, step: str, otherwise: str) -> bool | Answer:
    """What a step of the recorded appraisal came to."""
    if step in v.texts("attest.failed"):
        return broken(why=f"{step} failed")
    if step in v.texts("attest.checked"):
        return holds()
    return unknown(Unknown(GapCode.ABSENT, otherwise))


@check(
    id="boot.attested.secure-boot",
    title="Measured boot confirms that Secure Boot is on",
    clause="FW-01.measured-boot-agrees",
    kinds=(Kind.HOST,),
    needs=("attest.kinds",),
    severity=Severity.HIGH,
    fix=Fix(
        "Turn Secure Boot on with keys that you can name, boot again, and verify a new quote with its event log.",
        command=_VERIFY,
        verify=_AGAIN,
        effort=Effort.MEDIUM,
    ),
    broken="{why}",
)
def secure_boot(v: View) -> bool | Answer:
    """The variable that says "enabled" is read by the system that a bootkit would control; what PCR 7 measured is not."""
    if not _MEASURED & set(v.texts("attest.kinds")):
        return not_applicable("evidence of this kind does not tell how the machine was started")
    failed = [s for s in v.texts("attest.failed") if s.endswith(".secure_boot") or s == "tpm.event_log"]
    if failed:
        return broken(why=f"{failed[0]} failed")
    if not v.has("attest.secure_boot"):
        return unknown(Unknown(GapCode.ABSENT, "no event log came with the quote"))
    return holds() if v.flag("attest.secure_boot") else broken(why="it was started without Secure Boot")


@check(
    id="boot.attested.dbx",
    title="What is known to be revoked was revoked when the machine started",
    clause="FW-01.dbx-current",
    kinds=(Kind.HOST,),
    needs=("attest.kinds",),
    severity=Severity.HIGH,
    fix=Fix(
        "Install the vendor's revocation list and boot again; name the list in the appraisal policy.",
        command="fwupdmgr update",
        verify=_AGAIN,
    ),
    broken="{why}",
)
def dbx(v: View) -> bool | Answer:
    """A boot loader with a known hole and a genuine signature starts wherever it was not revoked."""
    if not _QUOTED & set(v.texts("attest.kinds")):
        return not_applicable("evidence of this kind does not tell what is revoked")
    return _came(v, "tpm.dbx", "the appraisal held dbx against no list")


@check(
    id="boot.attested.quote",
    title="A quote of the TPM verifies: it answers a nonce, by a key that is known to live in that TPM",
    clause="FW-02.quote-verifies",
    kinds=(Kind.HOST,),
    needs=("attest.kinds",),
    severity=Severity.HIGH,
    fix=Fix(
        "Enrol the machine by credential activation, and verify a quote that answers a nonce of yours.",
        command=_VERIFY,
        verify=_AGAIN,
        effort=Effort.MEDIUM,
    ),
    broken="{why}",
)
def quote(v: View) -> bool | Answer:
    """Without a nonce the quote can be yesterday's; without a key that is bound to the TPM it can be anybody's."""
    if not _QUOTED & set(v.texts("attest.kinds")):
        return not_applicable("it is no quote of a TPM")
    wanted = ("tpm.signature", "tpm.ak_certified", "tpm.ak_attributes", "tpm.extra_data", "tpm.pcr_digest")
    failed, checked = v.texts("attest.failed"), v.texts("attest.checked")
    for step in wanted:
        if step in failed:
            return broken(why=f"{step} failed")
    missing = [s for s in wanted if s not in checked]
    return unknown(Unknown(GapCode.ABSENT, f"{', '.join(missing)} was not checked")) if missing else holds()


@check(
    id="boot.attested.log",
    title="The replayed event log equals the registers that were quoted",
    clause="FW-02.log-equals-pcrs",
    kinds=(Kind.HOST,),
    needs=("attest.kinds",),
    severity=Severity.HIGH,
    fix=Fix(
        "Hand in the firmware's log of the boot that is quoted; if it is, the machine or its log was tampered with.",
        command="strongroom attest eventlog /sys/kernel/security/tpm0/binary_bios_measurements",
        verify=_AGAIN,
    ),
    broken="{why}",
)
def log(v: View) -> bool | Answer:
    """Registers are hashes of hashes: only a log that gives them says what was started."""
    if not _QUOTED & set(v.texts("attest.kinds")):
        return not_applicable("it is no quote of a TPM")
    return _came(v, "tpm.event_log", "no event log came with the quote")


@check(
    id="boot.attested.ima",
    title="The kernel's list of measured files equals PCR 10",
    clause="FW-02.ima-log",
    kinds=(Kind.HOST,),
    needs=("attest.kinds",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Hand in the kernel's list of the boot that is quoted, and look at what it says was not measured in time.",
        command="cat /sys/kernel/security/ima/binary_runtime_measurements",
        verify=_AGAIN,
    ),
    broken="{why}",
)
def ima(v: View) -> bool | Answer:
    """What is loaded after boot shows in that list only, and a list that does not give PCR 10 hides something."""
    if "tpm.ima" in v.texts("attest.failed"):
        return broken(why="tpm.ima failed")
    if "tpm.ima" in v.texts("attest.not_checked"):
        return broken(why="the policy demands the list, and none came along")
    return holds() if "tpm.ima" in v.texts("attest.checked") else not_applicable("no list of the kernel's came along")


@check(
    id="boot.attested.known",
    title="What was started is in the approved set",
    clause="FW-02.in-reference-set",
    kinds=(Kind.HOST,),
    needs=("attest.kinds",),
    severity=Severity.HIGH,
    fix=Fix(
        "Learn the golden image's boot, sign it, and give it when verifying; a boot that differs is named event by event.",
        command="strongroom attest learn --help",
        verify=_AGAIN,
        effort=Effort.MEDIUM,
    ),
    broken="{why}",
)
def known(v: View) -> bool | Answer:
    """An implanted initrd gives a consistent quote and log: only the comparison with a known boot refuses it."""
    if not _QUOTED & set(v.texts("attest.kinds")):
        return not_applicable("it is no quote of a TPM")
    if "tpm.boot_events" in v.texts("attest.failed"):
        return broken(why="tpm.boot_events failed")
    return _came(v, "tpm.measurement", "no reference values were given")


@check(
    id="boot.attested.fresh",
    title="The newest quote is at most 24 hours old",
    clause="FW-02.quote-fresh",
    kinds=(Kind.HOST,),
    needs=("attest.at", "attest.kinds"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Verify on an interval instead of once.",
        command="strongroom attest watch --help",
        verify=_AGAIN,
    ),
    broken="it is of {at}",
)
def fresh(v: View) -> bool | Answer:
    """A machine that was sound last week may have been started with anything since."""
    if not _MEASURED & set(v.texts("attest.kinds")):
        return not_applicable("evidence of this kind does not tell how the machine was started")
    try:
        at = datetime.fromisoformat(v.text("attest.at"))
    except ValueError:
        return unknown(Unknown(GapCode.MALFORMED, "the record's time is no time"))
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return holds() if v.now - _DAY <= at <= v.now else broken(at=f"{at:%Y-%m-%d %H:%M} UTC")


CHECKS = (secure_boot, dbx, quote, log, ima, known, fresh)
