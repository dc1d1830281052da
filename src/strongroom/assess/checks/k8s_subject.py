"""Users and groups of a cluster: what all of their bindings together let them do."""

from strongroom.assess.checks._kubernetes import clear_of
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check, not_applicable

ALL = "everything"
# The group that kubeadm makes for the people who run the cluster; all other such names begin with system:.
KEEPERS = "kubeadm:cluster-admins"
FIX = Fix(
    "Bind roles for the time of the work, or to a group that people enter for an hour.",
    verify="kubectl auth can-i --list --as NAME",
    effort=Effort.MEDIUM,
)


def _may(v: View, wanted: tuple[str, ...]) -> Answer:
    """Whether some role gives one of these; one that was not seen leaves it open, unless another gives it."""
    if v.asset.name == KEEPERS:
        return not_applicable("it is the group of those who run the cluster")
    said = v.raw("subject.powers")
    held = {p for p in said if isinstance(p, str)} if isinstance(said, tuple) else set()
    found = tuple(p for p in wanted if p in held or ALL in held)
    return clear_of(found or tuple(p for p in v.texts("subject.powers") if p in wanted))


@check(
    id="iam.subject.secrets",
    title="No user or group may read all secrets",
    clause="IAM-02.no-escalation",
    kinds=(Kind.IDENTITY,),
    needs=("subject.powers", "subject.bindings"),
    severity=Severity.MEDIUM,
    fix=FIX,
    broken="it may {found}",
    equivalents=("kubescape:rule-can-list-get-secrets-v1",),
)
def secrets(v: View) -> Answer:
    """A binding looks small; what one person holds by all bindings is what a stolen laptop holds."""
    return _may(v, ("read secrets",))


@check(
    id="iam.subject.exec",
    title="No user or group may run commands in pods",
    clause="IAM-02.no-escalation",
    kinds=(Kind.IDENTITY,),
    needs=("subject.powers", "subject.bindings"),
    severity=Severity.MEDIUM,
    fix=FIX,
    broken="it may {found}",
    equivalents=("kubescape:exec-into-container-v1",),
)
def run_commands(v: View) -> Answer:
    """Whoever runs a command beside a model server reads the weights from memory, past every key and gate."""
    return _may(v, ("run a command in pods",))


@check(
    id="iam.subject.port-forward",
    title="No user or group may forward ports of pods",
    clause="IAM-02.no-escalation",
    kinds=(Kind.IDENTITY,),
    needs=("subject.powers", "subject.bindings"),
    severity=Severity.MEDIUM,
    fix=FIX,
    broken="it may {found}",
    equivalents=("kubescape:rule-can-portforward-v1",),
)
def port_forward(v: View) -> Answer:
    """A forwarded port leads past network policies: to the metrics, the debugger, the endpoint without a login."""
    return _may(v, ("forward ports of pods",))


@check(
    id="iam.subject.impersonate",
    title="No user or group may act as another",
    clause="IAM-02.no-escalation",
    kinds=(Kind.IDENTITY,),
    needs=("subject.powers", "subject.bindings"),
    severity=Severity.HIGH,
    fix=FIX,
    broken="it may {found}",
    equivalents=("kubescape:rule-can-impersonate-users-groups-v1",),
)
def impersonate(v: View) -> Answer:
    """Acting as another is having all that the other has, and the audit log has to be read twice to see it."""
    return _may(v, ("impersonate",))


CHECKS = (secrets, run_commands, port_forward, impersonate)
