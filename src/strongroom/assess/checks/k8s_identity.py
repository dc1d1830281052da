"""Whose credentials pods hold, and where credentials stand."""

from strongroom.assess.checks._kubernetes import none_of, pod_lines
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable

NO_MATERIAL = "ART-06.no-key-material"


@check(
    id="iam.workload.token-mounted",
    title="Pods that do not use the cluster's API hold no token for it",
    clause="IAM-02.no-escalation",
    kinds=(Kind.WORKLOAD,),
    needs=("pod.token_mounted", "pod.service_account"),
    severity=Severity.LOW,
    fix=Fix(
        "Say that no token is mounted; where a pod does use the API, mount one with its own audience and a short life.",
        pod_lines("automountServiceAccountToken: false"),
        verify="kubectl exec POD -- ls /var/run/secrets/kubernetes.io/serviceaccount fails",
    ),
    broken="the token of {account} is mounted into every container",
    equivalents=("kubescape:automount-service-account", "checkov:CKV_K8S_38"),
)
def token_mounted(v: View) -> Answer:
    """A notebook or a model server that is taken over hands its token out, and with it whatever the account may do."""
    return broken(account=v.text("pod.service_account")) if v.flag("pod.token_mounted") else holds()


@check(
    id="iam.service-account.default-token",
    title="The default service account mounts no token",
    clause="IAM-01.no-shared-accounts",
    kinds=(Kind.IDENTITY,),
    needs=("account.default", "account.automounts"),
    severity=Severity.LOW,
    fix=Fix(
        "Switch the token of the default account off, and give each workload an account of its own.",
        (("v1/ServiceAccount", "automountServiceAccountToken: false"),),
        "kubectl patch sa default -n NAME -p '{\"automountServiceAccountToken\": false}'",
        "kubectl get sa default -n NAME -o jsonpath='{.automountServiceAccountToken}' prints false",
    ),
    broken="every pod that names no account gets its token",
    equivalents=("kubescape:automount-default-service-account", "checkov:CKV_K8S_41"),
)
def default_token(v: View) -> Answer | bool:
    """The default account is everybody's: a right that is given to it once is a right of every pod of the namespace."""
    if not v.flag("account.default"):
        return not_applicable("it is no default account")
    return not v.flag("account.automounts")


@check(
    id="art.workload.env-secret",
    title="No secret is passed in an environment variable",
    clause=NO_MATERIAL,
    kinds=(Kind.WORKLOAD,),
    needs=("pod.env_secrets",),
    severity=Severity.LOW,
    fix=Fix(
        "Mount the Secret as files, or let the workload fetch it with its own identity.",
        pod_lines("volumes:\n- name: credentials\n  secret:\n    secretName: NAME\n    defaultMode: 0400"),
        verify="kubectl set env pod/NAME --list shows no secret",
        effort=Effort.MEDIUM,
    ),
    broken="secrets are in the environment: {found}",
    equivalents=("kubescape:rule-secrets-in-env-var", "checkov:CKV_K8S_35"),
)
def env_secret(v: View) -> Answer:
    """The environment is inherited by every child, printed by debug pages and written into crash reports."""
    return none_of(v, "pod.env_secrets")


@check(
    id="art.workload.no-plain-secret",
    title="No credential is written into the manifest",
    clause=NO_MATERIAL,
    kinds=(Kind.WORKLOAD,),
    needs=("secrets.found", "pod.images"),
    severity=Severity.HIGH,
    fix=Fix(
        "Change the credential, as whoever reads manifests has it; then take the new one from a Secret or a vault.",
        verify="strongroom assess k8s:DIR shows no finding of this check",
        effort=Effort.MEDIUM,
    ),
    broken="credentials stand in its variables or arguments",
    equivalents=("kubescape:rule-credentials-in-env-var",),
)
def plain_secret(v: View) -> bool:
    """Manifests lie in repositories, in the cluster's database and in every dump; what stands in them is known to many."""
    return not v.texts("secrets.found")


@check(
    id="art.config-map.no-plain-secret",
    title="No credential stands in a ConfigMap",
    clause=NO_MATERIAL,
    kinds=(Kind.OTHER,),
    needs=("secrets.found",),
    severity=Severity.HIGH,
    fix=Fix(
        "Change the credential, then keep it in a Secret that is encrypted at rest, or in a vault.",
        verify="strongroom assess k8s:DIR shows no finding of this check",
        effort=Effort.MEDIUM,
    ),
    broken="credentials stand in its data",
    equivalents=("kubescape:rule-credentials-configmap",),
)
def config_secret(v: View) -> bool:
    """ConfigMaps are neither encrypted nor guarded as Secrets are: whoever may view the namespace reads them."""
    return not v.texts("secrets.found")


CHECKS = (token_mounted, default_token, env_secret, plain_secret, config_secret)
