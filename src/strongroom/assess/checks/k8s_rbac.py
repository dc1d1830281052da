"""Who may do what in a cluster: roles that say too much, and bindings that give it to somebody."""

from strongroom.assess.checks._kubernetes import clear_of, none_of
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable

BINDINGS = (Kind.GRANT,)
ALL = "everything"
STANDARD = "Kubernetes makes it itself and puts it back when it is changed"
ANYBODY = ("system:anonymous", "system:unauthenticated")
EVERYBODY = (*ANYBODY, "system:authenticated", "system:serviceaccounts")
# Groups that Kubernetes and its installers give to the people who run the cluster.
KEEPERS = ("Group system:masters", "Group kubeadm:cluster-admins")
WHO = "kubectl auth can-i --list --as NAME"


def _powers(v: View, wanted: tuple[str, ...]) -> Answer:
    """Whether a binding gives one of these powers to somebody; everything holds them all, and is told by its own check."""
    if v.flag("rbac.standard"):
        return not_applicable(STANDARD)
    if not v.texts("grant.subjects"):
        return not_applicable("it binds nobody")
    held = v.texts("rbac.powers")
    found = tuple(p for p in wanted if p in held or ALL in held)
    if not found:
        return holds()
    return broken(found=", ".join(found), who=_who(v))


def _who(v: View) -> str:
    named = v.texts("grant.subjects")
    return ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")


@check(
    id="iam.role.no-wildcard",
    title="A role names its verbs and resources",
    clause="IAM-02.no-wildcard",
    kinds=(Kind.POLICY,),
    needs=("rbac.wildcards", "rbac.standard"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "List the verbs and resources that are used; the audit log shows them.",
        (
            (
                "rbac.authorization.k8s.io/v1/Role",
                'rules:\n- apiGroups: [""]\n  resources: [pods, pods/log]\n  verbs: [get, list, watch]',
            ),
        ),
        verify="kubectl get roles,clusterroles -A -o yaml | grep -n '\"*\"'",
        effort=Effort.MEDIUM,
    ),
    broken="it grants {found}",
    equivalents=("checkov:CKV_K8S_49", "trivy:KSV-0046"),
)
def no_wildcard(v: View) -> Answer:
    """A star also covers what is installed tomorrow: the next custom resource, the next subresource that runs commands."""
    return not_applicable(STANDARD) if v.flag("rbac.standard") else none_of(v, "rbac.wildcards")


@check(
    id="iam.binding.no-anonymous",
    title="Nobody without an identity is given a role",
    clause="IAM-03.no-anonymous",
    kinds=BINDINGS,
    needs=("grant.subjects",),
    severity=Severity.HIGH,
    fix=Fix(
        "Remove the subject. For system:public-info-viewer switch its automatic repair off first.",
        command="kubectl annotate clusterrolebinding NAME rbac.authorization.kubernetes.io/autoupdate=false --overwrite",
        verify="kubectl get clusterrolebinding,rolebinding -A -o wide | grep -E 'unauthenticated|anonymous'",
    ),
    broken="{found} needs no credentials",
    equivalents=("kubescape:anonymous-access-enabled",),
)
def no_anonymous(v: View) -> Answer:
    """What an anonymous caller may read, a scanner reads: versions first, and whatever somebody adds to the role later."""
    return clear_of(tuple(s for s in v.texts("grant.subjects") if s.partition(" ")[2] in ANYBODY))


@check(
    id="iam.binding.no-everybody",
    title="No role with powers is given to every identity",
    clause="IAM-02.no-escalation",
    kinds=BINDINGS,
    needs=("grant.subjects", "rbac.powers", "rbac.standard"),
    severity=Severity.CRITICAL,
    fix=Fix("Bind the role to the accounts that need it.", verify=WHO, effort=Effort.MEDIUM),
    broken="every identity may {found}",
    equivalents=("kubescape:system-authenticated-allowed-to-take-over-cluster",),
)
def no_everybody(v: View) -> Answer:
    """system:authenticated holds every pod's account and, in some clouds, every account of that cloud."""
    everybody = [s for s in v.texts("grant.subjects") if s.partition(" ")[2].startswith(EVERYBODY)]
    if v.flag("rbac.standard") or not everybody:
        return not_applicable("it is not for everybody")
    return clear_of(v.texts("rbac.powers"))


@check(
    id="iam.binding.cluster-admin",
    title="No workload and no single person is bound to everything",
    clause="IAM-02.no-escalation",
    kinds=BINDINGS,
    needs=("grant.subjects", "rbac.powers", "rbac.standard"),
    severity=Severity.HIGH,
    fix=Fix(
        "Bind a role with the rights that are used; keep everything for a group that people enter for an hour.",
        verify="kubectl get clusterrolebinding -o wide | grep cluster-admin",
        effort=Effort.MEDIUM,
    ),
    broken="{who} may do everything",
    equivalents=("trivy:KSV-0111",),
)
def cluster_admin(v: View) -> Answer:
    """One token of such an account is the cluster, with every secret and every accelerator in it."""
    if v.flag("rbac.standard"):
        return not_applicable(STANDARD)
    others = [s for s in v.texts("grant.subjects") if s not in KEEPERS]
    return broken(who=_who(v)) if others and ALL in v.texts("rbac.powers") else holds()


@check(
    id="iam.binding.secrets",
    title="Nobody is given the right to read all secrets",
    clause="IAM-02.no-escalation",
    kinds=BINDINGS,
    needs=("grant.subjects", "rbac.powers", "rbac.standard"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name the secrets (resourceNames), or mount them instead of reading them.", verify=WHO, effort=Effort.MEDIUM
    ),
    broken="{who} may {found}",
    equivalents=("trivy:KSV-0041",),
)
def secrets(v: View) -> Answer:
    """Listing secrets is reading them: registry passwords, hub tokens and the tokens of other accounts."""
    return _powers(v, ("read secrets",))


@check(
    id="iam.binding.shell",
    title="Nobody is given a way into running pods",
    clause="IAM-02.no-escalation",
    kinds=BINDINGS,
    needs=("grant.subjects", "rbac.powers", "rbac.standard"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Take exec, attach, port-forward and debug containers out of standing roles.", verify=WHO, effort=Effort.MEDIUM
    ),
    broken="{who} may {found}",
)
def shell(v: View) -> Answer:
    """A shell in the pod that serves a model reads the weights from memory, past every key and every gate."""
    ways = (
        "run a command in pods",
        "attach to pods",
        "forward ports of pods",
        "add debug containers",
        "use the kubelet",
    )
    return _powers(v, ways)


@check(
    id="iam.binding.impersonate",
    title="Nobody is given other identities or the right to raise his own",
    clause="IAM-02.no-escalation",
    kinds=BINDINGS,
    needs=("grant.subjects", "rbac.powers", "rbac.standard"),
    severity=Severity.HIGH,
    fix=Fix("Remove impersonate, escalate, bind and token requests, or limit them by resourceNames.", verify=WHO),
    broken="{who} may {found}",
)
def impersonate(v: View) -> Answer:
    """Each of these rights is all rights, one request later."""
    return _powers(v, ("impersonate", "escalate roles", "bind roles", "make tokens", "approve certificates"))


@check(
    id="iam.binding.nodes-and-admission",
    title="Nobody is given nodes, admission or the device settings",
    clause="GPU-07.only-approved-manage",
    kinds=BINDINGS,
    needs=("grant.subjects", "rbac.powers", "rbac.standard"),
    severity=Severity.MEDIUM,
    fix=Fix("Keep these rights for the operators' own accounts.", verify=WHO, effort=Effort.MEDIUM),
    broken="{who} may {found}",
)
def nodes_and_admission(v: View) -> Answer:
    """Labels and taints of nodes, admission rules and the operator's settings decide who shares a card with whom."""
    return _powers(
        v, ("change nodes", "change admission", "change namespaces", "change device settings", "create volumes")
    )


CHECKS = (no_wildcard, no_anonymous, no_everybody, cluster_admin, secrets, shell, impersonate, nodes_and_admission)
