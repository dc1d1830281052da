"""Google Cloud IAM above single resources: grants, roles of one's own, federation, audit logs, perimeters."""

from strongroom.assess.checks._gcp import SERVICE, any_text, grants, items, roles, verdict
from strongroom.kit.gcp_iam import (
    BASIC_ROLES,
    CONFIDENTIAL_SPACE,
    administers,
    genuine,
    impersonates,
    is_known,
    is_public,
    is_service_account,
    is_service_agent,
    pinned,
)
from strongroom.kit.kleene import Tri, any_of
from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Statement, Unknown

GRANTS = (Kind.GRANT,)
ON_PARENT = (SERVICE, "grant.roles", "grant.on_parent")
MEMBER, BINDING = "google_project_iam_member", "google_project_iam_binding"
ENCLOSED = ("storage.googleapis.com", "aiplatform.googleapis.com", "cloudkms.googleapis.com")
POLICY = "gcloud projects get-iam-policy PROJECT --flatten=bindings --format='table(bindings.role,bindings.members)'"
# Permissions that make a role's holder somebody else, or let it give itself any role.
ESCALATING = (
    "iam.serviceaccounts.actas",
    "iam.serviceaccounts.getaccesstoken",
    "iam.serviceaccounts.getopenidtoken",
    "iam.serviceaccounts.implicitdelegation",
    "iam.serviceaccounts.signblob",
    "iam.serviceaccounts.signjwt",
    "iam.serviceaccounts.setiampolicy",
    "iam.serviceaccountkeys.create",
    "iam.roles.update",
    "resourcemanager.projects.setiampolicy",
    "resourcemanager.folders.setiampolicy",
    "resourcemanager.organizations.setiampolicy",
    "cloudkms.cryptokeys.setiampolicy",
    "storage.buckets.setiampolicy",
)


def _role(g: Statement) -> str | Unknown:
    return roles(g) if is_known(roles(g)) else Unknown(GapCode.UNDECIDED, "the role is not known")


@check(
    id="iam.gcp-grant.basic-role",
    title="No basic role is granted on a project, folder or organisation",
    clause="IAM-02.no-wildcard",
    kinds=GRANTS,
    needs=ON_PARENT,
    severity=Severity.HIGH,
    fix=Fix(
        "Grant the predefined roles that the work needs (roles/aiplatform.user, roles/storage.objectViewer …).",
        ((MEMBER, 'role = "roles/aiplatform.user"'), (BINDING, 'role = "roles/aiplatform.user"')),
        verify=f"{POLICY} shows none of roles/owner, roles/editor, roles/viewer",
        effort=Effort.MEDIUM,
    ),
    broken="{role} is granted to {members}",
    equivalents=("checkov:CKV_GCP_117", "checkov:CKV_GCP_115", "checkov:CKV_GCP_116"),
)
def basic_role(v: View) -> Answer:
    """Owner, editor and viewer reach every service of a project at once, those that did not exist on the day of the
    grant too: a viewer reads what is logged, an editor acts as every service account.
    """

    def bad(g: Statement) -> Tri:
        role = _role(g)
        return role if isinstance(role, Unknown) else role.lower() in BASIC_ROLES

    return verdict(grants(v), bad)


@check(
    id="iam.gcp-grant.admin-account",
    title="No service account administers a project, folder or organisation",
    clause="IAM-02.no-escalation",
    kinds=GRANTS,
    needs=ON_PARENT,
    severity=Severity.HIGH,
    fix=Fix(
        "Give the account the roles that its program needs, on the resources that it works on.",
        ((MEMBER, 'role   = "roles/logging.logWriter"\nmember = google_service_account.job.member'),),
        verify=f"{POLICY} shows no service account under owner, editor or a role that ends in admin",
        effort=Effort.MEDIUM,
    ),
    broken="{role} is granted to {members}",
    equivalents=("checkov:CKV_GCP_42", "trivy:GCP-0007"),
)
def admin_account(v: View) -> Answer:
    """A service account is used by machines and taken over with them: an administrator among them is one flawed model
    server away from the whole project.
    """

    def bad(g: Statement) -> Tri:
        held = [m for m in g.principals if is_service_account(m) and not is_service_agent(m)]
        role = _role(g)
        if not held:
            return False
        return role if isinstance(role, Unknown) else administers(role)

    return verdict(grants(v), bad)


@check(
    id="iam.gcp-grant.impersonation",
    title="Nobody may act as every service account of a project, folder or organisation",
    clause="IAM-02.no-escalation",
    kinds=GRANTS,
    needs=ON_PARENT,
    severity=Severity.HIGH,
    fix=Fix(
        "Grant the role on the one service account that is meant.",
        (
            (
                "google_service_account_iam_member",
                'role   = "roles/iam.serviceAccountUser"\nmember = "user:jane@example.com"',
            ),
            (MEMBER, 'role = "roles/aiplatform.user"'),
            (BINDING, 'role = "roles/aiplatform.user"'),
        ),
        verify=f"{POLICY} shows no iam.serviceAccount role and no service agent's role for anybody but Google's agents",
        effort=Effort.MEDIUM,
    ),
    broken="{role} is granted to {members}",
    equivalents=("checkov:CKV_GCP_41", "checkov:CKV_GCP_49", "trivy:GCP-0011"),
)
def impersonation(v: View) -> Answer:
    """Such a role at this level makes its holder every service account there is, the one that reads the weights and the
    one that deploys the endpoint included. Basic roles are told apart.
    """

    def bad(g: Statement) -> Tri:
        role = _role(g)
        if isinstance(role, Unknown):
            return role
        agents = bool(g.principals) and all(is_service_agent(m) for m in g.principals)
        return impersonates(role) and not agents

    return verdict(grants(v), bad)


@check(
    id="iam.gcp-grant.public",
    title="The grant names nobody public",
    clause="IAM-03.no-anonymous",
    kinds=GRANTS,
    needs=(SERVICE, "grant.roles", "grant.on_service"),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Name the accounts that call the service.",
        (
            ("google_vertex_ai_endpoint_iam_member", "member = google_service_account.caller.member"),
            ("google_cloud_run_v2_service_iam_member", "member = google_service_account.caller.member"),
        ),
        verify="the service answers a request without a token with 401 or 403",
    ),
    broken="{role} is granted to {members}",
)
def public(v: View) -> Answer:
    """A model, a notebook or a service account that is granted to allUsers is used by whoever finds it."""
    return verdict(grants(v), lambda g: any(is_public(m) for m in g.principals))


@check(
    id="iam.gcp-role.escalation",
    title="A role of one's own lets nobody become somebody else",
    clause="IAM-02.no-escalation",
    kinds=(Kind.POLICY,),
    needs=(SERVICE, "role.permissions"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Take the permission out, and grant a predefined role on the one account that is meant.",
        (
            ("google_project_iam_custom_role", 'permissions = ["aiplatform.endpoints.predict"]'),
            ("google_organization_iam_custom_role", 'permissions = ["aiplatform.endpoints.predict"]'),
        ),
        verify="gcloud iam roles describe ROLE --project PROJECT --format='value(includedPermissions)'",
        effort=Effort.MEDIUM,
    ),
    broken="it holds {permission}",
)
def escalation(v: View) -> Answer:
    """A custom role looks tight by its name; one permission to act as an account, or to change a policy, makes it a way
    to everything.
    """
    found = items(v, "role.permissions")
    bad = next((p for p in found if isinstance(p, str) and p.lower() in ESCALATING), None)
    if bad is not None:
        return broken(permission=bad)
    doubts = [p for p in found if isinstance(p, Unknown)]
    return unknown(*doubts) if doubts else holds()


@check(
    id="tee.gcp-federation.measured",
    title="The provider admits only measured production images",
    clause="ART-03.unwrap-attested-only",
    kinds=(Kind.IDENTITY,),
    needs=(SERVICE, "federation.issuer", "federation.condition"),
    severity=Severity.HIGH,
    fix=Fix(
        "Demand Confidential Space, a production image, and the digest or signature of the workload.",
        (
            (
                "google_iam_workload_identity_pool_provider",
                (
                    "attribute_condition = \"assertion.swname == 'CONFIDENTIAL_SPACE' && 'STABLE' in "
                    "assertion.submods.confidential_space.support_attributes && "
                    "assertion.submods.container.image_digest == 'sha256:DIGEST'\""
                ),
            ),
        ),
        verify="gcloud iam workload-identity-pools providers describe PROVIDER --workload-identity-pool POOL "
        "--location global --format='value(attributeCondition)'",
        effort=Effort.MEDIUM,
    ),
    broken="{what}",
)
def measured(v: View) -> Answer:
    """The attestation service signs tokens for every workload in the world, debug images included: what makes a token
    mean something is the condition that is put on it here.
    """
    if not CONFIDENTIAL_SPACE.fullmatch(v.text("federation.issuer")):
        return not_applicable("it trusts another issuer than Confidential Space's attestation service")
    condition = v.text("federation.condition")
    if pinned(condition):
        return holds()
    if not genuine(condition):
        return broken(what="images with debugging, or of any software, are admitted")
    mapped = any_text(v, "federation.mapping", lambda m: "container.image_digest" in m)
    if isinstance(mapped, Unknown):
        return unknown(mapped)
    return holds() if mapped else broken(what="any workload is admitted: neither digest nor signature is demanded")


@check(
    id="log.gcp-project.data-reads",
    title="Reads of data in every service of the project are logged",
    clause="LOG-01.sources-on",
    kinds=(Kind.ACCOUNT,),
    needs=(SERVICE, "audit.kinds"),
    severity=Severity.HIGH,
    fix=Fix(
        "Log ADMIN_READ, DATA_READ and DATA_WRITE for all services and everybody.",
        (
            (
                "google_project_iam_audit_config",
                (
                    'project = google_project.ai.project_id\nservice = "allServices"\naudit_log_config {\n'
                    '  log_type = "ADMIN_READ"\n}\naudit_log_config {\n  log_type = "DATA_READ"\n}\n'
                    'audit_log_config {\n  log_type = "DATA_WRITE"\n}'
                ),
            ),
        ),
        verify="gcloud projects get-iam-policy PROJECT --format='value(auditConfigs)'",
    ),
    broken="no configuration logs DATA_READ for all services and everybody",
    equivalents=("checkov:CKV2_GCP_5", "trivy:GCP-0079"),
)
def data_reads(v: View) -> Answer:
    """Data access logs are off unless asked for. Without them the read of a weight file and the use of its key leave no
    line anywhere.
    """
    read = any_text(v, "audit.kinds", "DATA_READ".__eq__)
    return unknown(read) if isinstance(read, Unknown) else holds() if read else broken()


@check(
    id="log.gcp-audit.whole",
    title="The audit configuration logs every kind of access of everybody",
    clause="LOG-01.sources-on",
    kinds=(Kind.TRAIL,),
    needs=(SERVICE, "audit.service", "audit.kinds", "audit.exempted"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name all three kinds of access, and exempt nobody.",
        (
            (
                "google_project_iam_audit_config",
                'audit_log_config {\n  log_type = "DATA_WRITE"\n}',
            ),
        ),
        verify="gcloud projects get-iam-policy PROJECT --format='value(auditConfigs)'",
    ),
    broken="{what}",
)
def whole(v: View) -> Answer:
    """An exempted account is the one that a thief would want, and a kind that is left out is the one that he uses."""
    exempted = [m for m in items(v, "audit.exempted") if isinstance(m, str)]
    if exempted:
        return broken(what=f"not logged: {', '.join(exempted)}")
    kinds = {k: any_text(v, "audit.kinds", k.__eq__) for k in ("DATA_READ", "DATA_WRITE")}
    missing = [k for k, there in kinds.items() if there is False]
    if missing:
        return broken(what=f"{', '.join(missing)} is not logged for {v.text('audit.service') or 'the service'}")
    doubts = [d for d in (*items(v, "audit.exempted"), *kinds.values()) if isinstance(d, Unknown)]
    return unknown(*doubts) if doubts else holds()


@check(
    id="net.gcp-perimeter.encloses",
    title="The service perimeter encloses storage, models and keys",
    clause="ART-07.perimeter",
    kinds=(Kind.POLICY,),
    needs=(SERVICE, "perimeter.type", "perimeter.services"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Restrict the services in `status`, where it is enforced; `spec` is a dry run.",
        (
            (
                "google_access_context_manager_service_perimeter",
                (
                    'status {\n  restricted_services = ["storage.googleapis.com", "aiplatform.googleapis.com", '
                    '"cloudkms.googleapis.com"]\n}'
                ),
            ),
        ),
        verify="gcloud access-context-manager perimeters describe PERIMETER --format='value(status.restrictedServices)'",
        effort=Effort.LARGE,
    ),
    broken="not enclosed: {missing}",
)
def encloses(v: View) -> Answer:
    """A stolen credential copies a bucket into a foreign project from anywhere; the perimeter is what refuses it
    although the credential is valid.
    """
    if "BRIDGE" in v.text("perimeter.type").upper():
        return not_applicable("a bridge joins perimeters and encloses nothing")
    there = {s: any_text(v, "perimeter.services", s.__eq__) for s in ENCLOSED}
    missing = [s for s, found in there.items() if found is False]
    if missing:
        return broken(missing=", ".join(missing))
    doubt = any_of(a for a in there.values() if isinstance(a, Unknown))
    return unknown(doubt) if isinstance(doubt, Unknown) else holds()


CHECKS = (
    basic_role,
    admin_account,
    impersonation,
    public,
    escalation,
    measured,
    data_reads,
    whole,
    encloses,
)
