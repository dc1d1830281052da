"""A broker's drill: that it was done to this policy and not long ago, and that every fault was denied."""

from strongroom.model.codes import Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, unknown
from strongroom.model.values import Unknown

_BROKER = (Kind.KEY_VAULT,)
_OLDEST = 90  # days
_FIX = Fix(
    "Run the drill, mend what it names, and run it again after each change of the policy and each new version.",
    command="strongroom release drill",
    verify="strongroom release drill answers 0, and its entry is in the log",
)


@check(
    id="tee.broker.fails-closed",
    title="A drill has shown that the broker denies, and logs it, whatever fails",
    clause="TEE-03.fails-closed",
    kinds=_BROKER,
    needs=("broker.drilled",),
    severity=Severity.HIGH,
    fix=_FIX,
    broken="{why}",
)
def fails_closed(v: View) -> bool | Answer:
    """A gate that opens when its collateral service is blocked needs no forgery. Only breaking things shows that it does not."""
    if not v.flag("broker.drilled"):
        return broken(why="no drill is in its log")
    if not v.flag("broker.drill_passed"):
        named = v.texts("broker.drill_failed")
        return broken(why=f"the last drill did not pass: {'; '.join(named) or 'nothing was shown'}")
    days = v.number("broker.drill_days")
    if days > _OLDEST:
        return broken(why=f"the last drill was {days:.0f} days ago, and {_OLDEST} is the most")
    same = v.raw("broker.drill_policy")
    if isinstance(same, Unknown):
        return unknown(same)
    return holds() if same is True else broken(why="the last drill was of another release policy than the one in force")


@check(
    id="tee.broker.unattested-refused",
    title="A request without an attestation was tried, and refused",
    clause="TEE-01.no-way-around",
    kinds=_BROKER,
    needs=("broker.drilled",),
    severity=Severity.HIGH,
    fix=_FIX,
    broken="{why}",
)
def unattested_refused(v: View) -> bool | Answer:
    """That a policy demands attestation is a sentence in a file; that a request without it gets nothing was seen, or was not."""
    if not v.flag("broker.drilled"):
        return broken(why="nobody has tried: no drill is in its log")
    return (
        holds()
        if v.flag("broker.drill_unattested")
        else broken(why="the last drill got an answer without an attestation")
    )


CHECKS = (fails_closed, unattested_refused)
