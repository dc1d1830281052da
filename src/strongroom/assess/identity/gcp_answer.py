"""Who can do what to an asset of Google Cloud.

Source: Google Cloud IAM, "Roles for service account authentication" and, in "Best practices for using service accounts",
"Privilege escalation"; for the jobs that run as an account, each service's "Access control".
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

from strongroom.assess.identity.gcp_estate import ACCOUNT, PROJECT, Estate
from strongroom.assess.identity.scoped import Need, Option, Power, World
from strongroom.model.estate import Asset
from strongroom.model.who_can import Deed, Held

# Starting one of these with an account is running code as it.
JOBS = (
    *("compute.instances.create", "run.services.create", "run.jobs.create", "cloudfunctions.functions.create"),
    *("aiplatform.customJobs.create", "aiplatform.pipelineJobs.create", "notebooks.instances.create"),
    *("notebooks.runtimes.create", "dataflow.jobs.create", "dataproc.clusters.create", "cloudbuild.builds.create"),
    *("composer.environments.create", "cloudscheduler.jobs.create", "workflows.workflows.create"),
)
TAKING = (
    *("iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.signBlob", "iam.serviceAccounts.signJwt"),
    *("iam.serviceAccounts.implicitDelegation", "iam.serviceAccountKeys.create"),
)


def who_can(assets: Sequence[Asset], asset: Asset, deed: Deed, now: datetime) -> tuple[Held, ...] | None:
    """The verdict of every member; None when the question does not arise for the asset's kind."""
    estate = Estate([a for a in assets if a.native_type.startswith("google_")], now)
    options = _options(estate, asset, deed)
    if not options:
        return None
    asked = list(estate.principals())
    return World(estate.scopes, asked, options, partial(_ways, estate), _powers(estate, asset)).answer()


def arising(asset: Asset) -> tuple[Deed, ...]:
    """The deeds that can be asked about for an asset."""
    return tuple(d for d in Deed if d is Deed.ADMIN or (d, asset.native_type) in _DEEDS)


def _powers(estate: Estate, asset: Asset) -> dict[str, Power]:
    """The scopes whose grants matter, with the permission that writes them."""
    accounts = [a for a in estate.assets if a.native_type == ACCOUNT]
    out: dict[str, Power] = {}
    natives = {a.address: a.native_type for a in estate.assets}
    for a in (asset, *accounts):
        for scope in estate.scopes.above.get(a.address, {a.address: 0}):
            kind = estate.parents.get(scope) or ("project" if scope == PROJECT else "")
            service = f"resourcemanager.{kind}s" if kind else _service(natives.get(scope, "google_project"))
            out[f"everything in {scope}"] = Power(scope, ((Need(f"{service}.setIamPolicy", scope),),))
    return out


def _ways(estate: Estate, whom: str) -> Iterator[Option]:
    """How somebody becomes a service account: its tokens and keys, or a job as it."""
    if whom.rpartition(".")[0].endswith(ACCOUNT) or f"{ACCOUNT}." in whom:
        yield from ((Need(p, whom),) for p in TAKING)
        yield from ((Need("iam.serviceAccounts.actAs", whom), Need(job, whom, "its project")) for job in JOBS)
    elif whom.startswith("serviceAccount:") and "[" not in whom:  # one of another place: its own grants are not here
        estate.scopes.above.setdefault(whom, {PROJECT: 1})
        yield from ((Need(p, whom),) for p in TAKING)


_SERVICES = {
    "google_storage_bucket": "storage.buckets",
    "google_storage_managed_folder": "storage.managedFolders",
    "google_kms_crypto_key": "cloudkms.cryptoKeys",
    "google_kms_key_ring": "cloudkms.keyRings",
    "google_secret_manager_secret": "secretmanager.secrets",
    "google_service_account": "iam.serviceAccounts",
    "google_project": "resourcemanager.projects",
    "google_folder": "resourcemanager.folders",
    "google_organization": "resourcemanager.organizations",
    "google_vertex_ai_endpoint": "aiplatform.endpoints",
    "google_artifact_registry_repository": "artifactregistry.repositories",
    "google_compute_instance": "compute.instances",
    "google_workbench_instance": "notebooks.instances",
    "google_notebooks_instance": "notebooks.instances",
    "google_cloud_run_v2_service": "run.services",
    "google_cloud_run_service": "run.services",
    "google_bigquery_dataset": "bigquery.datasets",
}


def _service(native: str) -> str:
    return _SERVICES.get(native, native.removeprefix("google_").replace("_", "."))


_DEEDS: dict[tuple[Deed, str], str] = {
    (Deed.READ, "google_storage_bucket"): "storage.objects.get",
    (Deed.READ, "google_secret_manager_secret"): "secretmanager.versions.access",
    (Deed.READ, "google_artifact_registry_repository"): "artifactregistry.repositories.downloadArtifacts",
    (Deed.READ, "google_bigquery_dataset"): "bigquery.tables.getData",
    (Deed.EXPORT, "google_storage_bucket"): "storage.objects.get storage.buckets.setIamPolicy",
    (Deed.EXPORT, "google_artifact_registry_repository"): "artifactregistry.repositories.downloadArtifacts",
    (Deed.UPDATE, "google_storage_bucket"): "storage.objects.create+storage.objects.delete",
    (Deed.UPDATE, "google_secret_manager_secret"): "secretmanager.versions.add",
    (Deed.UPDATE, "google_vertex_ai_endpoint"): "aiplatform.endpoints.deploy aiplatform.endpoints.update",
    (Deed.UPDATE, "google_artifact_registry_repository"): "artifactregistry.repositories.uploadArtifacts",
    (Deed.UPDATE, "google_cloud_run_v2_service"): "run.services.update",
    (Deed.DEPLOY, "google_vertex_ai_endpoint"): "aiplatform.endpoints.deploy aiplatform.endpoints.update",
    (Deed.DEPLOY, "google_artifact_registry_repository"): "artifactregistry.repositories.uploadArtifacts",
    (Deed.DEPLOY, "google_cloud_run_v2_service"): "run.services.update",
    (Deed.DEPLOY, "google_container_cluster"): "container.deployments.create container.deployments.update container.pods.create",
    (Deed.INFER, "google_vertex_ai_endpoint"): "aiplatform.endpoints.predict",
    (Deed.INFER, "google_cloud_run_v2_service"): "run.routes.invoke",
    (Deed.DECRYPT, "google_kms_crypto_key"): "cloudkms.cryptoKeyVersions.useToDecrypt",
    (Deed.RELEASE, "google_kms_crypto_key"): "cloudkms.cryptoKeyVersions.useToDecrypt",
    (Deed.DECRYPT, "google_secret_manager_secret"): "secretmanager.versions.access",
    (Deed.RELEASE, "google_secret_manager_secret"): "secretmanager.versions.access",
    (Deed.MANAGE_GPU, "google_compute_instance"): "compute.instances.setMetadata compute.instances.osAdminLogin compute.instances.setServiceAccount",
    (Deed.MANAGE_GPU, "google_container_cluster"): "container.clusters.update container.daemonSets.create",
    (Deed.MANAGE_GPU, "google_container_node_pool"): "container.clusters.update",
    (Deed.MANAGE_GPU, "google_workbench_instance"): "notebooks.instances.use compute.instances.setMetadata notebooks.instances.update",
    **{(Deed.STOP_LOGS, f"google_logging_{p}_sink"): "logging.sinks.update logging.sinks.delete logging.exclusions.create"
       for p in ("project", "folder", "organization")},
    **{(Deed.STOP_LOGS, f"google_logging_{p}_bucket_config"): "logging.buckets.update logging.buckets.delete"
       for p in ("project", "folder", "organization")},
    **{(Deed.STOP_LOGS, f"google_{p}_iam_audit_config"): f"resourcemanager.{p}s.setIamPolicy"
       for p in ("project", "folder", "organization")},
    **{(Deed.TRAIN, n): "aiplatform.customJobs.create aiplatform.pipelineJobs.create"
       for n in ("google_vertex_ai_endpoint", "google_storage_bucket", "google_vertex_ai_dataset", "google_project")},
}  # fmt: skip


def _options(estate: Estate, asset: Asset, deed: Deed) -> list[Option]:
    if deed is Deed.ADMIN:
        projects = [s for s in estate.scopes.above[asset.address] if estate.parents.get(s, "project") == "project"]
        own = [s for s in projects if s in estate.parents or s == PROJECT] or [PROJECT]
        return [(Need("resourcemanager.projects.setIamPolicy", s),) for s in own]
    words = _DEEDS.get((deed, asset.native_type), "")
    return [tuple(Need(p, asset.address) for p in w.split("+")) for w in words.split()]
