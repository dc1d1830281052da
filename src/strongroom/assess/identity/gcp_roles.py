"""Google Cloud roles: which permissions they hold, as far as they matter here.

Source: Google Cloud IAM, "Basic and predefined roles reference", https://cloud.google.com/iam/docs/roles-permissions; for
what basic roles give on buckets, Cloud Storage, "IAM roles", "Basic roles" (convenience values, which can be taken off).
"""

import re
from functools import lru_cache

from strongroom.assess.identity.levels import NO, PERHAPS, YES

# Permissions by role; `*` stands for any run of characters, a leading `-` takes out what comes before it.
ROLES: dict[str, str] = {
    "roles/owner": "*",
    "roles/editor": (
        "* -*.setIamPolicy -*.getAccessToken -*.signBlob -*.signJwt -*.implicitDelegation -iam.roles.*"
        " -iam.serviceAccountKeys.create -cloudkms.cryptoKeyVersions.use* -secretmanager.versions.access"
        " -storage.objects.* -logging.privateLogEntries.*"
    ),
    "roles/viewer": "*.get *.list -storage.objects.* -secretmanager.versions.access -*.getIamPolicy",
    "roles/browser": "resourcemanager.*.get resourcemanager.*.list resourcemanager.*.getIamPolicy",
    # storage
    "roles/storage.admin": "storage.*",
    "roles/storage.objectAdmin": "storage.objects.* storage.folders.* storage.managedFolders.*",
    "roles/storage.objectUser": "storage.objects.get storage.objects.list storage.objects.create storage.objects.delete storage.objects.update",
    "roles/storage.objectCreator": "storage.objects.create",
    "roles/storage.objectViewer": "storage.objects.get storage.objects.list",
    "roles/storage.legacyBucketOwner": "storage.buckets.* storage.objects.create storage.objects.delete storage.objects.list",
    "roles/storage.legacyBucketWriter": "storage.buckets.get storage.objects.create storage.objects.delete storage.objects.list",
    "roles/storage.legacyBucketReader": "storage.buckets.get storage.objects.list",
    "roles/storage.legacyObjectOwner": "storage.objects.get storage.objects.update storage.objects.getIamPolicy storage.objects.setIamPolicy",
    "roles/storage.legacyObjectReader": "storage.objects.get",
    "roles/storage.hmacKeyAdmin": "storage.hmacKeys.*",
    # keys and secrets
    "roles/cloudkms.admin": "cloudkms.* -cloudkms.cryptoKeyVersions.use*",
    "roles/cloudkms.cryptoKeyDecrypter": "cloudkms.cryptoKeyVersions.useToDecrypt",
    "roles/cloudkms.cryptoKeyEncrypter": "cloudkms.cryptoKeyVersions.useToEncrypt",
    "roles/cloudkms.cryptoKeyEncrypterDecrypter": "cloudkms.cryptoKeyVersions.useToDecrypt cloudkms.cryptoKeyVersions.useToEncrypt",
    "roles/cloudkms.cryptoOperator": "cloudkms.cryptoKeyVersions.use*",
    "roles/cloudkms.viewer": "cloudkms.*.get cloudkms.*.list",
    "roles/secretmanager.admin": "secretmanager.*",
    "roles/secretmanager.secretAccessor": "secretmanager.versions.access",
    "roles/secretmanager.secretVersionManager": "secretmanager.versions.add secretmanager.versions.destroy secretmanager.versions.get",
    "roles/secretmanager.viewer": "secretmanager.*.get secretmanager.*.list",
    # identities
    "roles/iam.serviceAccountTokenCreator": (
        "iam.serviceAccounts.getAccessToken iam.serviceAccounts.getOpenIdToken iam.serviceAccounts.signBlob"
        " iam.serviceAccounts.signJwt iam.serviceAccounts.implicitDelegation iam.serviceAccounts.get"
    ),
    "roles/iam.serviceAccountOpenIdTokenCreator": "iam.serviceAccounts.getOpenIdToken",
    "roles/iam.serviceAccountUser": "iam.serviceAccounts.actAs iam.serviceAccounts.get iam.serviceAccounts.list",
    "roles/iam.serviceAccountAdmin": "iam.serviceAccounts.* -iam.serviceAccounts.actAs -*.getAccessToken -*.getOpenIdToken -*.sign* -*.implicitDelegation",
    "roles/iam.serviceAccountKeyAdmin": "iam.serviceAccountKeys.*",
    "roles/iam.serviceAccountCreator": "iam.serviceAccounts.create",
    "roles/iam.serviceAccountViewer": "iam.serviceAccounts.get iam.serviceAccounts.list",
    "roles/iam.workloadIdentityUser": "iam.serviceAccounts.getAccessToken iam.serviceAccounts.getOpenIdToken",
    "roles/iam.workloadIdentityPoolAdmin": "iam.workloadIdentityPools.* iam.workloadIdentityPoolProviders.*",
    "roles/iam.roleAdmin": "iam.roles.*",
    "roles/iam.organizationRoleAdmin": "iam.roles.*",
    "roles/iam.securityAdmin": "*.getIamPolicy *.setIamPolicy",
    "roles/iam.securityReviewer": "*.getIamPolicy *.list",
    "roles/resourcemanager.projectIamAdmin": "resourcemanager.projects.getIamPolicy resourcemanager.projects.setIamPolicy",
    "roles/resourcemanager.folderIamAdmin": "resourcemanager.folders.getIamPolicy resourcemanager.folders.setIamPolicy",
    "roles/resourcemanager.organizationAdmin": "resourcemanager.*",
    # AI and machines
    "roles/aiplatform.admin": "aiplatform.*",
    "roles/aiplatform.user": "aiplatform.* -aiplatform.*.setIamPolicy",
    "roles/aiplatform.viewer": "aiplatform.*.get aiplatform.*.list",
    "roles/notebooks.admin": "notebooks.*",
    "roles/notebooks.runner": "notebooks.instances.create notebooks.executions.create notebooks.*.get notebooks.*.list",
    "roles/compute.admin": "compute.*",
    "roles/compute.instanceAdmin": "compute.instances.* -compute.instances.setIamPolicy compute.disks.* compute.*.get compute.*.list",
    "roles/compute.instanceAdmin.v1": "compute.instances.* -compute.instances.setIamPolicy compute.disks.* compute.*.get compute.*.list",
    "roles/compute.osAdminLogin": "compute.instances.osAdminLogin compute.instances.osLogin",
    "roles/compute.osLogin": "compute.instances.osLogin",
    "roles/compute.viewer": "compute.*.get compute.*.list",
    "roles/compute.networkAdmin": "compute.networks.* compute.firewalls.* compute.subnetworks.*",
    "roles/container.admin": "container.*",
    "roles/container.clusterAdmin": "container.clusters.*",
    "roles/container.developer": (
        "container.pods.* container.deployments.* container.daemonSets.* container.statefulSets.* container.jobs.*"
        " container.secrets.* container.services.* container.configMaps.* container.clusters.get container.clusters.list"
    ),
    "roles/container.viewer": "container.*.get container.*.list -container.secrets.*",
    "roles/container.nodeServiceAccount": "logging.logEntries.create monitoring.timeSeries.create",
    "roles/container.defaultNodeServiceAccount": "logging.logEntries.create monitoring.timeSeries.create",
    "roles/run.admin": "run.*",
    "roles/run.developer": "run.* -run.*.setIamPolicy",
    "roles/run.invoker": "run.routes.invoke run.jobs.run",
    "roles/cloudfunctions.admin": "cloudfunctions.*",
    "roles/cloudfunctions.developer": "cloudfunctions.* -cloudfunctions.*.setIamPolicy",
    "roles/cloudfunctions.invoker": "cloudfunctions.functions.invoke",
    "roles/cloudbuild.builds.editor": "cloudbuild.builds.*",
    "roles/dataflow.developer": "dataflow.jobs.*",
    "roles/dataproc.editor": "dataproc.* -dataproc.*.setIamPolicy",
    "roles/artifactregistry.admin": "artifactregistry.*",
    "roles/artifactregistry.repoAdmin": "artifactregistry.repositories.* -artifactregistry.repositories.setIamPolicy",
    "roles/artifactregistry.writer": "artifactregistry.repositories.uploadArtifacts artifactregistry.repositories.downloadArtifacts",
    "roles/artifactregistry.reader": "artifactregistry.repositories.downloadArtifacts artifactregistry.*.get artifactregistry.*.list",
    # logs
    "roles/logging.admin": "logging.*",
    "roles/logging.configWriter": "logging.sinks.* logging.exclusions.* logging.buckets.* logging.logMetrics.*",
    "roles/logging.logWriter": "logging.logEntries.create",
    "roles/logging.viewer": "logging.logEntries.list logging.logs.list logging.sinks.get",
    "roles/logging.privateLogViewer": "logging.logEntries.list logging.privateLogEntries.list",
    "roles/monitoring.metricWriter": "monitoring.timeSeries.create",
    "roles/monitoring.viewer": "monitoring.*.get monitoring.*.list",
    "roles/bigquery.dataViewer": "bigquery.tables.getData bigquery.tables.get bigquery.tables.list",
    "roles/bigquery.admin": "bigquery.*",
}  # fmt: skip
_CONVENIENCE = {"roles/editor": "storage.objects.*", "roles/viewer": "storage.objects.get"}


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))))


def holds(role: str, permission: str) -> int:
    """How surely a predefined role holds a permission; one that is not in the table may, for its own service."""
    words = ROLES.get(role)
    if words is None:
        service = role.removeprefix("roles/").partition(".")[0]
        return PERHAPS if service == permission.partition(".")[0] or role.endswith(".serviceAgent") else NO
    found = False
    for word in words.split():
        if _pattern(word.removeprefix("-")).fullmatch(permission):
            found = not word.startswith("-")
    if not found and role in _CONVENIENCE and _pattern(_CONVENIENCE[role]).fullmatch(permission):
        return PERHAPS
    return YES if found else NO


def listed(permissions: tuple[str, ...], permission: str) -> int:
    """Whether a role of the owner's making holds a permission."""
    return YES if permission in permissions else NO
