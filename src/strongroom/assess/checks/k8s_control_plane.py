"""The cluster's own parts, as their command lines and their cloud's description show them."""

from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds

KINDS = (Kind.WORKLOAD,)
MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
ETCD = "/etc/kubernetes/manifests/etcd.yaml"
SEE = "kubectl get pod -n kube-system -l component=kube-apiserver -o jsonpath='{.items[*].spec.containers[*].command}'"
SEE_ETCD = "kubectl get pod -n kube-system -l component=etcd -o jsonpath='{.items[*].spec.containers[*].command}'"


@check(
    id="iam.api-server.no-anonymous",
    title="The API server serves nobody without an identity",
    clause="IAM-03.no-anonymous",
    kinds=KINDS,
    needs=("apiserver.anonymous",),
    severity=Severity.MEDIUM,
    fix=Fix("Refuse anonymous requests.", ((MANIFEST, "- --anonymous-auth=false"),), verify=SEE),
    broken="anonymous requests are answered",
    equivalents=(
        "kubescape:ensure-that-the-api-server-anonymous-auth-argument-is-set-to-false",
        "checkov:CKV_K8S_68",
        "trivy:KCV-0001",
        "prowler:apiserver_anonymous_requests",
    ),
)
def anonymous(v: View) -> bool:
    """One binding for unauthenticated callers, made by mistake, is then all that stands between the internet and pods."""
    return not v.flag("apiserver.anonymous")


@check(
    id="iam.api-server.rbac",
    title="The API server decides by RBAC",
    clause="IAM-02.no-escalation",
    kinds=KINDS,
    needs=("apiserver.authorization",),
    severity=Severity.CRITICAL,
    fix=Fix("Use the modes Node and RBAC.", ((MANIFEST, "- --authorization-mode=Node,RBAC"),), verify=SEE),
    broken="it decides by {modes}",
    equivalents=(
        "kubescape:ensure-that-the-api-server-authorization-mode-argument-includes-RBAC",
        "checkov:CKV_K8S_77",
        "trivy:KCV-0009",
        "prowler:apiserver_auth_mode_include_rbac",
    ),
)
def rbac(v: View) -> Answer:
    """Without RBAC roles and bindings are text: another mode decides, and the default one allows everything."""
    modes = v.texts("apiserver.authorization")
    return holds() if "RBAC" in modes else broken(modes=", ".join(modes) or "nothing")


@check(
    id="iam.api-server.no-always-allow",
    title="The API server has no mode that allows everything",
    clause="IAM-02.no-escalation",
    kinds=KINDS,
    needs=("apiserver.authorization",),
    severity=Severity.CRITICAL,
    fix=Fix("Use the modes Node and RBAC only.", ((MANIFEST, "- --authorization-mode=Node,RBAC"),), verify=SEE),
    broken="AlwaysAllow is among its modes",
    equivalents=(
        "kubescape:ensure-that-the-api-server-authorization-mode-argument-is-not-set-to-AlwaysAllow",
        "checkov:CKV_K8S_74",
        "trivy:KCV-0007",
        "prowler:apiserver_auth_mode_not_always_allow",
    ),
)
def no_always_allow(v: View) -> bool:
    """The modes are asked one after another until one says yes, and this one always does."""
    return "AlwaysAllow" not in v.texts("apiserver.authorization")


@check(
    id="iam.api-server.no-token-file",
    title="The API server takes no passwords from a file",
    clause="GOV-02.no-static-tokens",
    kinds=KINDS,
    needs=("apiserver.token_file",),
    severity=Severity.HIGH,
    fix=Fix(
        "Use OIDC or certificates with an end.",
        ((MANIFEST, "# without --token-auth-file"),),
        verify=SEE,
        effort=Effort.MEDIUM,
    ),
    broken="tokens of a file are accepted; they end when the server is restarted",
    equivalents=("kubescape:ensure-that-the-api-server-token-auth-file-parameter-is-not-set", "checkov:CKV_K8S_70"),
)
def no_token_file(v: View) -> bool:
    """Static tokens cannot be revoked while the server runs, and stand in plain text on its disk."""
    return not v.flag("apiserver.token_file")


@check(
    id="log.api-server.audit",
    title="The API server keeps an audit log",
    clause="LOG-01.sources-on",
    kinds=KINDS,
    needs=("apiserver.audit_log",),
    severity=Severity.HIGH,
    fix=Fix(
        "Write an audit log, by a policy that records who reads secrets and who opens shells.",
        (
            (
                MANIFEST,
                "- --audit-log-path=/var/log/kubernetes/audit.log\n- --audit-policy-file=/etc/kubernetes/audit.yaml",
            ),
        ),
        verify=SEE,
    ),
    broken="no audit log is kept",
    equivalents=(
        "kubescape:ensure-that-the-api-server-audit-log-path-argument-is-set",
        "checkov:CKV_K8S_91",
        "trivy:KCV-0019",
        "prowler:apiserver_audit_log_path_set",
    ),
)
def audit(v: View) -> bool:
    """Without it nobody can say who read a secret, opened a shell in a pod, or changed who may."""
    return bool(v.text("apiserver.audit_log"))


@check(
    id="enc.api-server.secrets",
    title="The API server encrypts what it stores",
    clause="ART-01.stores-cmk",
    kinds=KINDS,
    needs=("apiserver.encryption_config",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Configure a KMS provider for secrets, then write every secret anew.",
        ((MANIFEST, "- --encryption-provider-config=/etc/kubernetes/encryption.yaml"),),
        "kubectl get secrets -A -o json | kubectl replace -f -",
        SEE,
        Effort.MEDIUM,
    ),
    broken="secrets lie in etcd as they are",
    equivalents=("kubescape:ensure-that-the-api-server-encryption-provider-config-argument-is-set-as-appropriate",),
)
def encrypted(v: View) -> bool:
    """Whoever copies etcd's disk or a backup of it then holds every credential of the cluster."""
    return bool(v.text("apiserver.encryption_config"))


@check(
    id="enc.etcd.tls",
    title="etcd serves with a certificate and its key",
    clause="ART-02.refuses-plaintext",
    kinds=KINDS,
    needs=("etcd.tls",),
    severity=Severity.HIGH,
    fix=Fix(
        "Name both files.",
        (
            (
                ETCD,
                "- --cert-file=/etc/kubernetes/pki/etcd/server.crt\n- --key-file=/etc/kubernetes/pki/etcd/server.key",
            ),
        ),
        verify=SEE_ETCD,
    ),
    broken="a certificate or its key is missing",
    equivalents=("kubescape:etcd-tls-enabled", "checkov:CKV_K8S_116", "trivy:KCV-0042", "prowler:etcd_tls_encryption"),
)
def etcd_tls(v: View) -> bool:
    """Everything that the cluster knows passes between the API server and etcd, every secret with it."""
    return v.flag("etcd.tls")


@check(
    id="enc.etcd.no-auto-tls",
    title="etcd uses certificates that can be checked",
    clause="ART-02.refuses-plaintext",
    kinds=KINDS,
    needs=("etcd.auto_tls",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch auto-tls off and name certificates of an authority of your own.",
        ((ETCD, "- --auto-tls=false"),),
        verify=SEE_ETCD,
    ),
    broken="it signs its own certificates",
    equivalents=(
        "kubescape:etcd-auto-tls-disabled",
        "checkov:CKV_K8S_118",
        "trivy:KCV-0044",
        "prowler:etcd_no_auto_tls",
    ),
)
def etcd_auto_tls(v: View) -> bool:
    """A certificate that the server made for itself proves nothing to its clients: any other would do as well."""
    return not v.flag("etcd.auto_tls")


@check(
    id="iam.etcd.client-certificates",
    title="etcd asks its clients for certificates",
    clause="IAM-03.no-anonymous",
    kinds=KINDS,
    needs=("etcd.client_auth",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Ask for certificates.",
        ((ETCD, "- --client-cert-auth=true\n- --trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt"),),
        verify=SEE_ETCD,
    ),
    broken="whoever reaches its port reads and writes the whole cluster",
    equivalents=(
        "kubescape:etcd-client-auth-cert",
        "checkov:CKV_K8S_117",
        "trivy:KCV-0043",
        "prowler:etcd_client_cert_auth",
    ),
)
def etcd_clients(v: View) -> bool:
    """Behind the port of etcd there is no second door: it knows no users."""
    return v.flag("etcd.client_auth")


@check(
    id="enc.kubelet.tls",
    title="The kubelet serves with a certificate that the cluster can check",
    clause="ART-02.refuses-plaintext",
    kinds=(Kind.HOST,),
    needs=("kubelet.tls",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Let the cluster sign the kubelet's certificate, or name one and its key.",
        (("/var/lib/kubelet/config.yaml", "serverTLSBootstrap: true"),),
        "systemctl restart kubelet",
        "kubectl get csr shows kubelet-serving requests",
        Effort.MEDIUM,
    ),
    broken="it signs its own certificate",
    equivalents=("kubescape:validate-kubelet-tls-configuration-updated",),
)
def kubelet_tls(v: View) -> bool:
    """The API server opens shells in pods through the kubelet; without a certificate to check it cannot tell who answers."""
    return v.flag("kubelet.tls")


@check(
    id="log.cluster.gke-described",
    title="The cluster on Google Cloud logs its system components",
    clause="LOG-01.sources-on",
    kinds=(Kind.CLUSTER,),
    needs=("gke.described", "log.types"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch logging of components on.",
        command="gcloud container clusters update NAME --logging=SYSTEM,WORKLOAD,API_SERVER",
        verify="gcloud container clusters describe NAME --format='value(loggingConfig)'",
    ),
    broken="no component is logged",
    equivalents=("kubescape:k8s-audit-logs-enabled-cloud",),
)
def gke_logs(v: View) -> bool:
    """With logging off nothing of what happened in the cluster is left when it is gone."""
    return bool(v.texts("log.types"))


CHECKS = (
    anonymous,
    rbac,
    no_always_allow,
    no_token_file,
    audit,
    encrypted,
    etcd_tls,
    etcd_auto_tls,
    etcd_clients,
    kubelet_tls,
    gke_logs,
)
