"""Who may do what in projects, folders and the organisation; what of it is logged; who is let in from elsewhere."""

from collections.abc import Iterator

from strongroom.collect.native import Native, Reader, Row, texts
from strongroom.collect.resource import Link, Resource, pick, undecided
from strongroom.collect.tables._gcp import PROJECT, service
from strongroom.collect.tables._gcp_iam import grant_natives
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value

IAM = service("iam")
PARENTS = {"project": "project", "folder": "folder", "organization": "org_id"}
ALL_SERVICES = "allServices"

# Services that models, data and notebooks are reached through, with the attribute that names what is granted on.
SERVICES = (
    ("google_service_account", "service_account_id"),
    ("google_vertex_ai_endpoint", "endpoint"),
    ("google_vertex_ai_featurestore", "featurestore"),
    ("google_vertex_ai_feature_online_store", "feature_online_store"),
    ("google_vertex_ai_reasoning_engine", "name"),
    ("google_notebooks_instance", "instance_name"),
    ("google_workbench_instance", "name"),
    ("google_colab_runtime_template", "runtime_template"),
    ("google_cloud_run_v2_service", "name"),
    ("google_cloud_run_service", "service"),
    ("google_compute_instance", "instance_name"),
    ("google_bigquery_dataset", "dataset_id"),
)


def audited(r: Reader) -> tuple[str | Unknown, ...]:
    """The kinds of access that one audit configuration logs for everybody; an exempted member takes its kind out."""
    found = r.blocks("audit_log_config")
    found = found or r.blocks("audit_log_configs")
    if isinstance(found, Unknown):
        return (found,)
    out: list[str | Unknown] = []
    for b in found:
        exempted = r.texts("exempted_members", b)
        kind = r.text("log_type", b)
        if isinstance(exempted, Unknown):
            out.append(exempted)
        elif not exempted and kind is not None:
            out.append(kind)
    return tuple(out)


def _exempted(r: Reader) -> Value:
    found = r.blocks("audit_log_config")
    if isinstance(found, Unknown):
        return found
    out: list[str | Unknown] = []
    for b in found:
        members = r.texts("exempted_members", b)
        out += [members] if isinstance(members, Unknown) else list(members or ())
    return tuple(out)


def _of_project(r: Reader) -> Value:
    """What is logged of a project for all services: by its own configurations, or by those above it in the files."""
    return tuple(t for c in _configurations(r) for t in _for_all_services(r.reading(c)))


def _for_all_services(c: Reader) -> tuple[str | Unknown, ...]:
    name = c.text("service")
    if isinstance(name, Unknown):
        return (name,)
    return audited(c) if name == ALL_SERVICES else ()


def _configurations(r: Reader) -> Iterator[Resource]:
    native = "google_project_iam_audit_config"
    mine = {id(s): s for s in r.satellites(native, "project").found}
    names = {n for n in (r.at("project_id"), r.at("number")) if isinstance(n, str)}
    for s in r.pool.of_type(native):
        target = pick(s.values, "project")
        named = isinstance(target, str) and target.removeprefix("projects/") in names
        if named or target is None or (_only(r) and not isinstance(target, Link) and undecided(target) is not None):
            mine[id(s)] = s
    yield from mine.values()
    for above in ("google_folder_iam_audit_config", "google_organization_iam_audit_config"):
        yield from r.pool.of_type(above)


def _only(r: Reader) -> bool:
    """Whether this is the one project of the files, so that a configuration for a project is for this one."""
    return len(r.pool.of_type("google_project")) == 1


def _audit(native: str, parent: str) -> Native:
    return Native(
        type=native,
        kind=Kind.TRAIL,
        provider="gcp",
        name_at=("service",),
        rows=(
            service("logging"),
            Row("audit.service", lambda r: r.text("service")),
            Row("audit.kinds", audited),
            Row("audit.exempted", _exempted),
        ),
        refs=((parent, PARENTS[parent]),),
    )


def _pins(r: Reader) -> Value:
    """Attributes that the provider maps from a token's measurements: what a grant can be tied to."""
    raw = r.at("attribute_mapping")
    if not isinstance(raw, dict):
        return undecided(raw)
    return tuple(sorted(f"{k}={v}" for k, v in raw.items() if isinstance(v, str)))


# Perimeters: what is enforced stands in `status`; `spec` is a dry run.


def _perimeters(r: Reader) -> Iterator[str | Unknown]:
    found = r.blocks("service_perimeters") if r.at("service_perimeters") is not None else (r.resource.values,)
    if isinstance(found, Unknown):
        yield found
        return
    for b in found:
        listed = r.texts("status.restricted_services", b)
        yield from (listed,) if isinstance(listed, Unknown) else listed or ()


def _perimeter(native: str) -> Native:
    return Native(
        type=native,
        kind=Kind.POLICY,
        provider="gcp",
        name_at=("title", "name", "parent"),
        rows=(
            service("accesscontextmanager"),
            Row("perimeter.type", lambda r: r.text("perimeter_type")),
            Row("perimeter.services", lambda r: tuple(_perimeters(r))),
        ),
    )


TABLE = (
    *(native for parent, of in PARENTS.items() for native in grant_natives(f"google_{parent}", "grant.on_parent", of)),
    *(_audit(f"google_{parent}_iam_audit_config", parent) for parent in PARENTS),
    Native(
        type="google_project",
        kind=Kind.ACCOUNT,
        provider="gcp",
        labels_at="labels",
        name_at=("project_id", "name"),
        rows=(service("resourcemanager"), Row("audit.kinds", _of_project)),
    ),
    Native(
        type="google_folder",
        kind=Kind.ACCOUNT,
        provider="gcp",
        name_at=("display_name",),
        rows=(service("resourcemanager"),),
    ),
    Native(
        type="google_service_account",
        kind=Kind.IDENTITY,
        provider="gcp",
        name_at=("account_id", "display_name"),
        rows=(IAM, PROJECT),
    ),
    *(native for stem, of in SERVICES for native in grant_natives(stem, "grant.on_service", of)),
    Native(
        type="google_service_account_key",
        kind=Kind.SECRET,
        provider="gcp",
        name_at=("service_account_id",),
        rows=(IAM,),
        refs=(("identity", "service_account_id"),),
    ),
    *(
        Native(
            type=f"google_{parent}_iam_custom_role",
            kind=Kind.POLICY,
            provider="gcp",
            name_at=("role_id", "title"),
            rows=(IAM, texts("role.permissions", "permissions")),
        )
        for parent in ("project", "organization")
    ),
    Native(
        type="google_iam_workload_identity_pool",
        kind=Kind.IDENTITY,
        provider="gcp",
        name_at=("workload_identity_pool_id", "display_name"),
        rows=(IAM,),
    ),
    Native(
        type="google_iam_workload_identity_pool_provider",
        kind=Kind.IDENTITY,
        provider="gcp",
        name_at=("workload_identity_pool_provider_id", "display_name"),
        rows=(
            IAM,
            Row("federation.issuer", lambda r: r.text("oidc.issuer_uri")),
            Row("federation.condition", lambda r: r.text("attribute_condition")),
            Row("federation.mapping", _pins),
        ),
        refs=(("pool", "workload_identity_pool_id"),),
    ),
    _perimeter("google_access_context_manager_service_perimeter"),
    _perimeter("google_access_context_manager_service_perimeters"),
)
