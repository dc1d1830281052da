"""A broker and its resources: on what terms keys leave, and whether what left can be shown to have left by them."""

from strongroom.assess.checks._listed import none_of
from strongroom.model.codes import Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable

_BROKER, _KEY = (Kind.KEY_VAULT,), (Kind.KEY,)
_AGAIN = "strongroom assess broker:FILE no longer lists it"
_PEOPLE = 2  # TEE-03: two approvers


@check(
    id="tee.broker.policy-signed",
    title="The release policy is signed by as many of its signers as must have",
    clause="TEE-01.keys-need-attestation",
    kinds=_BROKER,
    needs=("broker.policy_counts",),
    severity=Severity.HIGH,
    fix=Fix(
        "Have its signers sign the very file that lies there, and put it into force.",
        command="strongroom release policy check FILE",
        verify=_AGAIN,
    ),
    broken="it counts for nothing: {why}",
)
def policy_signed(v: View) -> bool | Answer:
    """Whoever can write the file of a policy that nobody signs decides alone who gets the keys."""
    return (
        holds()
        if v.flag("broker.policy_counts")
        else broken(why=v.text("broker.policy_trouble") or "no reason is known")
    )


@check(
    id="tee.broker-key.attested",
    title="The resource is released to attested workloads alone",
    clause="TEE-01.keys-need-attestation",
    kinds=_KEY,
    needs=("release.rule",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Give it a rule in which every owner names references or measurements of what may run.",
        command="strongroom release policy check FILE",
        verify=_AGAIN,
    ),
    broken="{why}",
)
def attested(v: View) -> bool | Answer:
    """A key that is released by a rule for everything, or for whatever is genuine, is released to whoever rents a machine."""
    if v.raw("release.rule") is None:
        return broken(why="no rule that counts names it")
    if not v.text("release.rule") or v.flag("release.open"):
        return broken(why="its rule names every resource there is")
    lacking = v.texts("release.owners_demandless")
    if lacking or not v.texts("release.owners"):
        return broken(why=f"nothing is demanded of what runs by {', '.join(lacking) or 'anybody'}")
    return holds()


@check(
    id="tee.broker-key.no-way-around",
    title="Nobody got the resource without an appraisal that vouches for his key",
    clause="TEE-01.no-way-around",
    kinds=_KEY,
    needs=("release.unattested",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Treat the resource as exposed: deposit a new one, and find out how it left.",
        command="strongroom release replay ID",
        verify=_AGAIN,
    ),
    broken="released to a key that no appraisal vouches for: {which}",
)
def vouched(v: View) -> Answer:
    """A rule that demands attestation is worth what the releases are that did not have it."""
    return none_of(v, "release.unattested")


@check(
    id="tee.broker-key.releases-reproduced",
    title="Each release comes out the same from the evidence that was kept",
    clause="TEE-01.releases-logged",
    kinds=_KEY,
    needs=("release.not_reproduced",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Make the decision again, and treat the record as forged until it is explained.",
        command="strongroom release replay ID",
        verify=_AGAIN,
    ),
    broken="{which}",
)
def reproduced(v: View) -> Answer:
    """An entry that names evidence proves little until that evidence is judged again and gives the same release."""
    return none_of(v, "release.not_reproduced")


@check(
    id="tee.broker.log-whole",
    title="Every entry of the broker's log is proven by its signed checkpoint",
    clause="TEE-01.releases-logged",
    kinds=_BROKER,
    needs=("broker.log_broken",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Find out who changed the log, and compare it with what its witnesses have.",
        command="strongroom log audit",
        verify=_AGAIN,
    ),
    broken="{which}",
)
def log_whole(v: View) -> Answer:
    """Whoever can take a release out of the log can release without anybody seeing it."""
    return none_of(v, "broker.log_broken")


@check(
    id="tee.broker-key.break-glass",
    title="Nobody takes the resource without attestation but with two approvals",
    clause="TEE-03.break-glass-bounded",
    kinds=_KEY,
    needs=("release.break_glass",),
    severity=Severity.HIGH,
    fix=Fix(
        "Set approvals = 2 or more with as many approvers, or take break_glass out of the rule.",
        command="strongroom release policy check FILE",
        verify=_AGAIN,
    ),
    broken="its rule has break-glass with {count} approvals",
)
def break_glass(v: View) -> bool | Answer:
    """A person who may open the strongroom alone is the strongroom's only lock. An approval always has an end."""
    if not v.flag("release.break_glass"):
        return holds()
    most = min(v.number("release.approvals"), v.number("release.approvers"))
    return holds() if most >= _PEOPLE else broken(count=f"{most:g}")


@check(
    id="tee.broker-key.break-glass-taken",
    title="Each release by break-glass had two approvals with an end",
    clause="TEE-03.break-glass-bounded",
    kinds=_KEY,
    needs=("release.break_glass_unbounded",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Ask who took it and why, and deposit a new secret.",
        command="strongroom release replay ID",
        verify=_AGAIN,
    ),
    broken="taken without two approvals: {which}",
)
def break_glass_taken(v: View) -> Answer:
    """What a rule says today need not be what it said on the day when somebody broke the glass."""
    return none_of(v, "release.break_glass_unbounded")


@check(
    id="tee.broker.debug-refused",
    title="The appraisal policy takes no evidence of debug mode",
    clause="TEE-08.debug-off",
    kinds=_BROKER,
    needs=("broker.debug_kinds",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Take debug = true out of the appraisal policy; a debug twin has a policy of its own.",
        command="strongroom attest policy --help",
        verify=_AGAIN,
    ),
    broken="debug mode is taken of: {which}",
)
def debug_refused(v: View) -> Answer:
    """A machine in debug mode shows its memory to its host, and a key that goes there has left."""
    return none_of(v, "broker.debug_kinds")


@check(
    id="tee.broker.twin-apart",
    title="Nothing of a debug twin lies in a broker of production",
    clause="TEE-08.debug-off",
    kinds=_BROKER,
    needs=("broker.debug_resources",),
    severity=Severity.HIGH,
    fix=Fix(
        "Give the debug twin a configuration, a state and a policy of its own.",
        verify=_AGAIN,
    ),
    broken="{which}",
)
def twin_apart(v: View) -> Answer:
    """A twin tells callers why it refuses; what it shares with production is told to whoever asks."""
    return none_of(v, "broker.debug_resources")


@check(
    id="tee.broker-key.owners-signed",
    title="Each owner of a shared resource signed what may run and who gets outputs",
    clause="TEE-10.owner-policies",
    kinds=_KEY,
    needs=("release.owners",),
    severity=Severity.HIGH,
    fix=Fix(
        "Have every owner sign the policy, with references or measured in his demand, and recipients in a rule.",
        command="strongroom release policy sign FILE",
        verify=_AGAIN,
    ),
    broken="{which}",
)
def owners_signed(v: View) -> bool | Answer:
    """An owner who has not signed what runs, with whom, and for whom has lent his data to whoever writes the policy."""
    if len(v.texts("release.owners")) < _PEOPLE:
        return not_applicable("it has one owner")
    lacks = [
        *(f"{o} has not signed" for o in v.texts("release.owners_unsigned")),
        *(f"{o} names no measurement" for o in v.texts("release.owners_unmeasured")),
        *(() if v.texts("release.recipients") else ("nobody is named who gets outputs",)),
    ]
    return broken(which="; ".join(lacks)) if lacks else holds()


@check(
    id="tee.broker-key.owners-hold",
    title="Each release of a shared resource met every owner's demand of one workload",
    clause="TEE-10.all-owners-hold",
    kinds=_KEY,
    needs=("release.owners_unheld",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Tell the owners, and make the decision again.",
        command="strongroom release replay ID",
        verify=_AGAIN,
    ),
    broken="{which}",
)
def owners_hold(v: View) -> Answer:
    """One owner whose demand was passed over has shown his data to what he never agreed to."""
    return none_of(v, "release.owners_unheld")


@check(
    id="tee.broker-key.release-per-owner",
    title="Each release is logged under every owner",
    clause="TEE-10.release-per-owner",
    kinds=_KEY,
    needs=("release.owners_unlogged",),
    severity=Severity.HIGH,
    fix=Fix(
        "Find out what wrote the entry: this broker names every owner's demand in each.",
        command="strongroom release replay ID",
        verify=_AGAIN,
    ),
    broken="no owner is named for: {which}",
)
def per_owner(v: View) -> Answer:
    """An owner can audit his part alone when each release names his demand."""
    return none_of(v, "release.owners_unlogged")


CHECKS = (
    policy_signed,
    attested,
    vouched,
    reproduced,
    log_whole,
    break_glass,
    break_glass_taken,
    debug_refused,
    twin_apart,
    owners_signed,
    owners_hold,
    per_owner,
)
