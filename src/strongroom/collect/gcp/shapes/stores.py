"""Buckets, keys, secrets, registries, shared file systems.

Sources: the REST reference of each service: storage/docs/json_api/v1/buckets, kms/docs/reference/rest,
secret-manager/docs/reference/rest, artifact-registry/docs/reference/rest, filestore/docs/reference/rest.
"""

from collections.abc import Iterator, Mapping

from strongroom.collect.gcp.shape import Seen, Shape, Take, inside, link, linked, words
from strongroom.collect.resource import Link
from strongroom.collect.shaping import Part, at, const, within
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

_LIST = "google_storage_bucket_acl"


def _switch(path: str) -> Take:
    return inside(path, lambda f: {"enabled": within(f, "enabled") or False})


def _lists(seen: Seen) -> Iterator[Part]:
    """Access control lists, which count where uniform access is off; an export need not have them."""
    entries: list[object] = []
    for name in ("acl", "defaultObjectAcl"):
        found = seen.at(name)
        if isinstance(found, list):
            entries += [f"{within(e, 'role')}:{within(e, 'entity')}" for e in found]
        else:
            entries.append(Unknown(GapCode.NOT_FETCHED, f"{name} is not in the export"))
    yield Part(_LIST, f"{seen.path}/acl", seen.last, {"bucket": Link(seen.path), "role_entity": entries})


def _ring(seen: Seen) -> object:
    return Link(seen.parent)


def _purpose(seen: Seen) -> object:
    return seen.at("purpose")


def _protection(seen: Seen) -> object:
    level = seen.at("versionTemplate.protectionLevel", None)
    primary = seen.at("primary.protectionLevel", None)
    return {"protection_level": level if level is not None else primary}


def _secret_key(seen: Seen) -> object:
    found = seen.at("replication", {})
    if not isinstance(found, Mapping):
        return found
    named = within(found, "automatic.customerManagedEncryption.kmsKeyName")
    replicas = within(found, "userManaged.replicas")
    for one in replicas if isinstance(replicas, list) else ():
        named = within(one, "customerManagedEncryption.kmsKeyName")
        if named is None:
            break  # one replica under Google's own key is enough
    return {"auto": {"customer_managed_encryption": {"kms_key_name": named}}}


def _listed(found: object) -> list[object]:
    return found if isinstance(found, list) else []


SHAPES = (
    Shape(
        type="storage.googleapis.com/Bucket",
        native="google_storage_bucket",
        attributes={
            "uniform_bucket_level_access": at("iamConfiguration.uniformBucketLevelAccess.enabled", False),
            "bucket_policy_only": const(None),
            "public_access_prevention": at("iamConfiguration.publicAccessPrevention", None),
            "encryption": inside("encryption", lambda f: words(f, default_kms_key_name="defaultKmsKeyName")),
            "versioning": _switch("versioning"),
            "retention_policy": inside("retentionPolicy", lambda f: {"is_locked": within(f, "isLocked") or False}),
        },
        parts=_lists,
        natives=("google_storage_bucket", _LIST),
        granted="bucket",
    ),
    Shape(
        type="cloudkms.googleapis.com/CryptoKey",
        native="google_kms_crypto_key",
        attributes={
            "key_ring": _ring,
            "purpose": _purpose,
            "rotation_period": at("rotationPeriod", None),
            "destroy_scheduled_duration": at("destroyScheduledDuration"),
            "version_template": _protection,
        },
        granted="crypto_key_id",
    ),
    Shape(type="cloudkms.googleapis.com/KeyRing", native="google_kms_key_ring", granted="key_ring_id"),
    Shape(
        type="secretmanager.googleapis.com/Secret",
        native="google_secret_manager_secret",
        attributes={"secret_id": lambda seen: seen.last, "replication": _secret_key},
        granted="secret_id",
    ),
    Shape(
        type="artifactregistry.googleapis.com/Repository",
        native="google_artifact_registry_repository",
        attributes={
            "repository_id": lambda seen: seen.last,
            "kms_key_name": at("kmsKeyName", None),
            "docker_config": inside("dockerConfig", lambda f: {"immutable_tags": within(f, "immutableTags") or False}),
        },
        granted="repository",
    ),
    Shape(
        type="file.googleapis.com/Instance",
        native="google_filestore_instance",
        attributes={
            "kms_key_name": at("kmsKeyName", None),
            "networks": lambda seen: [
                {"network": linked(within(n, "network"))} for n in _listed(seen.at("networks", []))
            ],
        },
    ),
    Shape(
        type="lustre.googleapis.com/Instance",
        native="google_lustre_instance",
        attributes={"kms_key": at("kmsKey", None), "network": link("network")},
    ),
)
