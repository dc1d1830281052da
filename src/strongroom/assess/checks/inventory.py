"""Whether sources agree on what is there, and whether the inventory that people keep is whole and true."""

from datetime import datetime, timedelta

from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

COMPUTE = (
    Kind.HOST,
    Kind.INSTANCE,
    Kind.GPU,
    Kind.NIC,
    Kind.CLUSTER,
    Kind.NODE_POOL,
    Kind.NOTEBOOK,
    Kind.JOB,
    Kind.ENDPOINT,
)
_GONE = ("retired", "decommissioned", "disposed", "scrapped", "sold", "returned", "lost", "stolen")
_RESTING = ("spare", "stock", "in stock", "storage", "in storage", "ordered", "planned", "powered off", "off")
_SHOWN = 5
_DAY = timedelta(days=1)


@check(
    id="inv.asset.sources-agree",
    title="All sources say the same of it",
    clause="INV-01.sources-agree",
    kinds=tuple(k for k in Kind if k is not Kind.SOURCE),
    needs=("sources.disagree",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Look at the thing itself, correct the source that is wrong, and find out how the two came apart.",
        verify="strongroom assess with the same sources shows no disagreement for it",
        effort=Effort.MEDIUM,
    ),
    broken="{differences}",
)
def sources_agree(v: View) -> Answer:
    """Two records of one thing that differ mean that somebody changed it past the process, that a part was swapped, or
    that one record is not kept; a judgement on either of them is a judgement on a guess.
    """
    found = v.texts("sources.disagree")
    if found:
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        return broken(differences="; ".join(found[:_SHOWN]) + more)
    return holds() if v.asset.kind in COMPUTE else not_applicable("its sources agree, and it is no compute")


@check(
    id="inv.asset.listed",
    title="What a source shows is in the inventory",
    clause="INV-01.sources-agree",
    kinds=COMPUTE,
    needs=("inventory.listed",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Find out whose it is, and add a row with its serial number or id, its owner and its place; or take it away.",
        verify="strongroom assess with the inventory finds a row for it",
    ),
    broken="no row of the inventory is for it",
)
def listed(v: View) -> bool:
    """What is on no list is patched, scrubbed and watched by nobody, and a stranger's machine looks just like it."""
    return v.flag("inventory.listed")


@check(
    id="inv.asset.seen",
    title="What the inventory lists is seen by a source",
    clause="INV-01.sources-agree",
    kinds=COMPUTE,
    needs=("inventory.seen",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Find the thing and give the source that shows it, or write into the inventory what became of it, and when.",
        verify="strongroom assess with the same sources sees it, or its row says that it is retired",
        effort=Effort.MEDIUM,
    ),
    broken="{why}",
)
def seen(v: View) -> Answer:
    """A machine that is on the list and answers nowhere was lost, taken, or is reached by somebody else. One that was
    retired and still answers holds what should have been erased.
    """
    status = v.text("inventory.status").lower() if v.has("inventory.status") else ""
    if v.flag("inventory.seen"):
        return broken(why=f"the inventory says {status}, and a source still sees it") if status in _GONE else holds()
    if status in (*_GONE, *_RESTING):
        return not_applicable(f"the inventory says that it is {status}")
    return broken(why="the inventory lists it, and none of the given sources shows it")


@check(
    id="inv.row.complete",
    title="The machine's row in the inventory has its number, owner, place and cluster",
    clause="INV-01.host-record",
    kinds=(Kind.HOST, Kind.GPU),
    needs=("inventory.row",),
    severity=Severity.LOW,
    fix=Fix(
        "Fill in the columns that are missing: serial or uuid, owner, location, and for a machine its cluster.",
        verify="strongroom assess csv:FILE finds the row complete",
    ),
    broken="the row has no {missing}",
)
def row_complete(v: View) -> Answer:
    """When a machine is found to be compromised, somebody must be called, and somebody must walk to it; a row with a
    name alone helps with neither, and names are given to the next machine.
    """
    numbers = ("host.serial", "gpu.serial", "gpu.uuid", "inventory.uuid")
    wanted = {"inventory.owner": "owner", "inventory.location": "location"}
    if v.asset.kind is Kind.HOST:
        wanted["inventory.cluster"] = "cluster"
    missing = [] if any(v.has(n) and v.text(n) for n in numbers) else ["serial number or UUID"]
    v.flag("inventory.row")
    missing += [what for name, what in wanted.items() if not (v.has(name) and v.text(name))]
    return broken(missing=", ".join(missing)) if missing else holds()


@check(
    id="inv.row.verified",
    title="The machine's row in the inventory was verified within a day",
    clause="INV-01.host-record",
    kinds=(Kind.HOST,),
    needs=("inventory.verified", "inventory.row"),
    severity=Severity.LOW,
    fix=Fix(
        "Let a source that sees the machine keep the date, every day: its own record, its scheduler or its BMC.",
        command="sh host_collector.sh > HOSTNAME.txt",
        verify="strongroom assess with the inventory and host: sees both, and the record is of today",
    ),
    broken="the row was last verified {days} days ago",
)
def row_verified(v: View) -> Answer:
    """A list that nobody compares with the room is a list of what was once bought."""
    if v.has("host.collected_at"):
        return not_applicable("the machine's own record says when it was last seen")
    text = v.text("inventory.verified")
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return unknown(Unknown(GapCode.MALFORMED, "inventory.verified: it is no date as 2026-11-22"))
    now = v.now if when.tzinfo is not None else v.now.replace(tzinfo=None)
    if when - now > _DAY:
        return unknown(Unknown(GapCode.CONFLICT, "inventory.verified: it lies ahead"))
    age = now - when
    return holds() if age.days <= _DAY.days else broken(days=str(age.days))


CHECKS = (sources_agree, listed, seen, row_complete, row_verified)
