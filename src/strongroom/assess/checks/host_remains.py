"""What a machine leaves on its disks: data, swap, core dumps and the memory of a crashed kernel."""

from strongroom.assess.checks._host import accelerated
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

_LUKS = (
    "cryptsetup luksFormat --type luks2 <device> && systemd-cryptenroll --tpm2-device=auto --tpm2-pcrs=7+9+11 <device>"
)


@check(
    id="enc.host.disk",
    title="All data on the disk is encrypted",
    clause="ART-01.stores-cmk",
    kinds=(Kind.DISK,),
    needs=("enc.at_rest", "disk.plaintext"),
    severity=Severity.HIGH,
    fix=Fix(
        "Put the file systems on LUKS2 with a key of your own, bound to the TPM or to a key server; it erases the disk.",
        command=_LUKS,
        verify="lsblk -o NAME,TYPE,FSTYPE,MOUNTPOINT shows a crypt layer above every file system but /boot",
        effort=Effort.LARGE,
    ),
    broken="no encryption under {places}",
)
def disk(v: View) -> Answer:
    """Scratch disks hold checkpoints and shards of weights; a disk that is swapped out, sold or stolen takes them along."""
    if v.flag("enc.at_rest"):
        return holds()
    return broken(places=", ".join(v.texts("disk.plaintext")) or "the disk's data")


@check(
    id="enc.host.swap",
    title="Swap is encrypted or off",
    clause="ART-03.plaintext-ends-with-process",
    kinds=(Kind.HOST,),
    needs=("swap.plaintext",),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch swap off, or map it with a random key at every boot.",
        (("/etc/crypttab", "swap /dev/disk/by-partuuid/<id> /dev/urandom swap,cipher=aes-xts-plain64,size=512"),),
        command="swapoff -a",
        verify="cat /proc/swaps lists nothing, or only /dev/dm-* and /dev/zram*",
    ),
    broken="memory is swapped in plain text to {areas}",
)
def swap(v: View) -> Answer:
    """Swap writes decrypted keys and weights to a disk where they outlive the process that was trusted with them."""
    value = v.raw("swap.plaintext")
    areas = value if isinstance(value, tuple) else ()
    plain = [a for a in areas if isinstance(a, str)]
    if plain:
        return broken(areas=", ".join(plain))
    v.texts("swap.plaintext")
    return holds()


@check(
    id="host.kernel.core-dumps",
    title="A confidential VM writes no core dumps",
    clause="TEE-08.no-core-dumps",
    kinds=(Kind.HOST,),
    needs=("dump.core", "cc.tech"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Pipe core dumps to /bin/false, and set Storage=none for systemd-coredump.",
        (("/etc/sysctl.d/60-core.conf", "kernel.core_pattern = |/bin/false\nfs.suid_dumpable = 0"),),
        command="sysctl --system",
        verify="cat /proc/sys/kernel/core_pattern prints |/bin/false",
    ),
    broken="core dumps go to {where}: a crash carries the enclave's memory out",
)
def core_dumps(v: View) -> Answer:
    """A dump is the plain-text memory of the process that held the keys; inside the boundary nothing may make one."""
    if not v.text("cc.tech"):
        return not_applicable("it is no confidential VM")
    where = v.text("dump.core")
    return broken(where=where) if where else holds()


def _kept(v: View, dump: str) -> Answer:
    """Whether a dump of memory goes nowhere, or to a place that is encrypted."""
    outside = accelerated(v)
    if outside is not None:
        return outside
    where = v.text(dump)
    if not where:
        return holds()
    protected = v.raw(f"{dump}_protected")
    if isinstance(protected, Unknown):
        return unknown(protected)
    return holds() if v.flag(f"{dump}_protected") else broken(where=where)


@check(
    id="host.dump.core-protected",
    title="Core dumps are off or encrypted",
    clause="GPU-05.dumps-off-or-encrypted",
    kinds=(Kind.HOST,),
    needs=("dump.core",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch core dumps off, or keep them on an encrypted file system with a retention.",
        (("/etc/systemd/coredump.conf.d/off.conf", "[Coredump]\nStorage=none\nProcessSizeMax=0"),),
        command="sysctl -w 'kernel.core_pattern=|/bin/false'",
        verify="cat /proc/sys/kernel/core_pattern; systemd-analyze cat-config systemd/coredump.conf",
    ),
    broken="core dumps go unencrypted to {where}",
)
def core_protected(v: View) -> Answer:
    """The core of a serving process holds the weights, the prompts of its users and its keys."""
    return _kept(v, "dump.core")


@check(
    id="host.dump.kdump-protected",
    title="The memory of a crashed kernel is not kept, or encrypted",
    clause="GPU-05.dumps-off-or-encrypted",
    kinds=(Kind.HOST,),
    needs=("dump.kdump",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch kdump off, or let it write to an encrypted store with a retention.",
        command="systemctl disable --now kdump kdump-tools",
        verify="cat /sys/kernel/kexec_crash_loaded prints 0",
    ),
    broken="a kernel crash writes the machine's memory unencrypted to {where}",
)
def kdump_protected(v: View) -> Answer:
    """A crash dump is all of the machine's memory, every tenant's, in one file that many people are asked to look at."""
    return _kept(v, "dump.kdump")


CHECKS = (disk, swap, core_dumps, core_protected, kdump_protected)
