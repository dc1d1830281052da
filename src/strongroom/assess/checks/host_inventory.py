"""Whether a machine has a record that can be relied on, and whether it may hold the most sensitive work."""

from datetime import datetime, timedelta

from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_AHEAD = timedelta(minutes=5)
_COLLECT = Fix(
    "Run the collector as root on the machine itself, every day, and keep its whole output.",
    command="sh host_collector.sh > HOSTNAME.txt",
    verify="strongroom assess host:FOLDER shows the machine with today's date",
)


def _age(v: View) -> timedelta:
    """How long ago the collector ran. A time that cannot be read, or that lies ahead, is a matter of doubt."""
    text = v.text("host.collected_at")
    try:
        taken = datetime.fromisoformat(text)
    except ValueError:
        return timedelta.max
    now = v.now if taken.tzinfo is not None else v.now.replace(tzinfo=None)
    return now - taken


def _stale(v: View, most: timedelta) -> Answer | None:
    """The answer where the record is too old, or its time no time; None where it is fresh."""
    age = _age(v)
    if age == timedelta.max:
        return unknown(
            Unknown(GapCode.MALFORMED, f"host.collected_at: {v.text('host.collected_at')[:40]!r} is no time")
        )
    if age < -_AHEAD:
        return unknown(
            Unknown(
                GapCode.CONFLICT, f"host.collected_at: {v.text('host.collected_at')} lies ahead of this machine's clock"
            )
        )
    return broken(why=f"the record is {age.days} days old, wanted at most {most.days}") if age > most else None


@check(
    id="inv.host.recorded",
    title="The machine has one stable record, not older than a day",
    clause="INV-01.host-record",
    kinds=(Kind.HOST,),
    needs=("host.id_source", "host.collected_at"),
    severity=Severity.MEDIUM,
    fix=_COLLECT,
    broken="{why}",
)
def host_recorded(v: View) -> Answer:
    """What is not in the inventory is not patched, not watched and not wiped. Cloned images share their machine-id,
    and two machines under one id are one too few.
    """
    shared = v.texts("host.id_shared") if v.has("host.id_shared") else ()
    if shared:
        return broken(
            why=f"its machine-id is also that of {', '.join(shared)}: give each machine its own (systemd-machine-id-setup)"
        )
    if v.text("host.id_source") == "hostname":
        return broken(why="nothing but its name identifies it: no machine-id, and no mainboard UUID (root reads it)")
    return _stale(v, _DAY) or holds()


@check(
    id="host.versions.recorded",
    title="Kernel, firmware, microcode and driver versions are recorded",
    clause="INV-02.versions-recorded",
    kinds=(Kind.HOST,),
    needs=("version.kernel", "version.bios", "host.collected_at"),
    severity=Severity.MEDIUM,
    fix=_COLLECT,
    broken="{why}",
)
def versions(v: View) -> Answer:
    """An advisory is answered in minutes by those who know what runs where, and in weeks by the others."""
    virtual = v.has("host.virtual") and v.raw("host.virtual") is True
    wanted = {"version.kernel": "the kernel", "version.bios": "the firmware", "version.microcode": "the microcode"}
    wanted |= {"version.bmc": "the BMC", "gpu.driver": "the accelerator driver", "version.cuda": "CUDA"}
    wanted |= {"version.container_toolkit": "the container toolkit"}
    if virtual:
        # The mainboard and the processor of a virtual machine are its host's.
        wanted = {n: what for n, what in wanted.items() if n not in ("version.bios", "version.microcode")}
    missing = [what for name, what in wanted.items() if v.has(name) and not v.text(name)]
    if missing:
        return broken(why=f"not recorded: {', '.join(missing)}")
    return _stale(v, _WEEK) or holds()


@check(
    id="inv.nic.firmware-recorded",
    title="The network card's firmware is recorded",
    clause="INV-02.versions-recorded",
    kinds=(Kind.NIC,),
    needs=("nic.firmware", "nic.driver"),
    severity=Severity.LOW,
    fix=Fix(
        "Install ethtool on the machine and collect again.",
        command="ethtool -i <interface>",
        verify="the card's record has a firmware version",
    ),
    broken="the card prints no firmware version",
)
def nic_firmware(v: View) -> Answer:
    """Network cards run firmware of their own with access to all memory, and get bulletins of their own."""
    if v.raw("nic.firmware") is None:
        return not_applicable(f"a virtual card ({v.text('nic.driver') or 'no driver'}): its firmware is its host's")
    return holds() if v.text("nic.firmware") else broken()


@check(
    id="net.nic.fabric-partitioned",
    title="The InfiniBand card is no full member of the default partition",
    clause="SEG-01.fabric-partitions",
    kinds=(Kind.NIC,),
    needs=("ib.pkeys",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Make partitions per tenant in the subnet manager, and nodes limited members of the default one.",
        (
            (
                "/etc/opensm/partitions.conf",
                "Default=0x7fff, ipoib : ALL=limited, SELF=full;\ntenant1=0x8001 : <guid>=full, <guid>=full;",
            ),
        ),
        command="systemctl restart opensm",
        verify="cat /sys/class/infiniband/*/ports/1/pkeys/* | sort -u shows 0x7fff and the tenant's key, and no 0xffff",
        effort=Effort.LARGE,
    ),
    broken="the card is a full member of the default partition (0xffff): it reaches every other full member",
)
def fabric(v: View) -> bool:
    """On InfiniBand the partition key is the only wall between tenants, and no firewall sees the traffic."""
    keys = [k.lower() for k in v.texts("ib.pkeys")]
    return bool(keys) and "0xffff" not in keys


@check(
    id="tee.host.confidential",
    title="A machine with accelerators runs as, or runs, confidential VMs",
    clause="TEE-04.sensitive-runs-confidential",
    kinds=(Kind.HOST,),
    needs=("cc.tech", "gpu.count"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Move the most sensitive work to confidential VMs (SEV-SNP, TDX) with GPUs in confidential mode, or record why not.",
        verify="systemd-detect-virt --cvm prints sev-snp or tdx",
        effort=Effort.LARGE,
    ),
    broken="{where}: whoever runs the machine can read what is computed on it",
)
def confidential(v: View) -> Answer:
    """A machine with accelerators and no label is taken to hold the most sensitive weights; outside of a confidential
    VM their secrecy is a promise of its administrators.
    """
    if v.number("gpu.count") == 0:
        return not_applicable("the machine has no accelerator")
    if v.text("cc.tech"):
        return holds()
    offers = [o for o in v.texts("cc.offers") if o in ("sev-snp", "tdx")] if v.has("cc.offers") else []
    if offers:
        return not_applicable(f"it runs confidential VMs ({', '.join(offers)}), which are judged themselves")
    virtual = v.has("host.virtual") and v.raw("host.virtual") is True
    return broken(where="it is an ordinary virtual machine" if virtual else "it runs its work on bare metal")


CHECKS = (host_recorded, versions, nic_firmware, fabric, confidential)
