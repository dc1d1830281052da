"""How a machine boots: Secure Boot and the TPM, as the running system sees them."""

from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable

_FIRMWARE = "the machine's firmware setup, or its BMC (Redfish Systems/{id}/SecureBoot)"


@check(
    id="boot.host.secure-boot",
    title="UEFI Secure Boot is on",
    clause="FW-01.secure-boot-on",
    kinds=(Kind.HOST,),
    needs=("boot.secure",),
    severity=Severity.HIGH,
    fix=Fix(
        f"Boot by UEFI with signed shim, boot loader and kernel, then switch Secure Boot on in {_FIRMWARE}.",
        command="mokutil --enable-validation",
        verify="mokutil --sb-state says: SecureBoot enabled",
        effort=Effort.MEDIUM,
    ),
    broken="{why}",
)
def secure_boot(v: View) -> Answer:
    """Without Secure Boot whoever writes the disk once owns every boot after it, below anything that could notice."""
    if v.flag("boot.secure"):
        return holds()
    legacy = v.has("boot.mode") and v.raw("boot.mode") == "legacy"
    return broken(
        why="the machine booted without UEFI, so nothing verified the boot loader" if legacy else "Secure Boot is off"
    )


@check(
    id="boot.host.setup-mode",
    title="UEFI is not in setup mode",
    clause="FW-01.secure-boot-on",
    kinds=(Kind.HOST,),
    needs=("boot.setup_mode",),
    severity=Severity.HIGH,
    fix=Fix(
        f"Enrol a platform key (or restore the factory keys) in {_FIRMWARE}.",
        verify="od -An -tu1 -j4 /sys/firmware/efi/efivars/SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c prints 0",
    ),
    broken="UEFI is in setup mode: any program may enrol its own keys, so Secure Boot protects nothing",
)
def setup_mode(v: View) -> bool:
    """In setup mode the key databases take writes without a signature; a Secure Boot that is on means nothing then."""
    return not v.flag("boot.setup_mode")


@check(
    id="boot.host.platform-key",
    title="The platform key is not a published test key",
    clause="FW-01.secure-boot-on",
    kinds=(Kind.HOST,),
    needs=("boot.test_key",),
    severity=Severity.HIGH,
    fix=Fix(
        "Install the firmware in which the vendor replaced the key, or enrol a platform key of your own.",
        verify="efi-readvar -v PK shows no subject with DO NOT TRUST or DO NOT SHIP",
        effort=Effort.MEDIUM,
    ),
    broken="the platform key names itself a test key (DO NOT TRUST): its private half is public (CVE-2024-8105)",
)
def platform_key(v: View) -> Answer | bool:
    """Firmware of many vendors shipped with a sample platform key whose private half leaked (PKfail): with it anybody
    signs their own boot loader, and Secure Boot still says on.
    """
    if v.raw("boot.test_key") is None:
        return not_applicable("no platform key is enrolled")
    return not v.flag("boot.test_key")


@check(
    id="boot.host.tpm-present",
    title="The machine has a TPM 2.0",
    clause="FW-02.tpm-present",
    kinds=(Kind.HOST,),
    needs=("boot.vtpm",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch the TPM 2.0 on in the firmware setup; give a virtual machine a virtual TPM.",
        verify="cat /sys/class/tpm/tpm0/tpm_version_major prints 2",
        effort=Effort.MEDIUM,
    ),
    broken="{why}",
)
def tpm_present(v: View) -> Answer:
    """Only a TPM can prove to someone else what was booted; a TPM 1.2 can do so with SHA-1 alone."""
    if not v.flag("boot.vtpm"):
        return broken(why="the kernel sees no TPM: what was booted cannot be proven")
    version = v.text("tpm.version")
    return (
        holds() if version == "2" else broken(why=f"the TPM is of version {version or '1'}, which measures with SHA-1")
    )


@check(
    id="boot.host.event-log",
    title="The firmware's measured-boot log is kept",
    clause="FW-02.tpm-present",
    kinds=(Kind.HOST,),
    needs=("boot.event_log",),
    severity=Severity.LOW,
    fix=Fix(
        "Boot by UEFI through a boot loader that passes the TCG event log on (shim with GRUB 2.04 or newer, systemd-boot).",
        verify="ls -l /sys/kernel/security/tpm0/binary_bios_measurements shows the file",
        effort=Effort.MEDIUM,
    ),
    broken="the kernel has no measured-boot log: a quote's PCR values could not be explained",
)
def event_log(v: View) -> bool:
    """PCR values without the log that leads to them are numbers: which boot loader or initrd made them stays open."""
    return v.flag("boot.event_log")


CHECKS = (secure_boot, setup_mode, platform_key, tpm_present, event_log)
