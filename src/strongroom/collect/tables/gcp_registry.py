"""Artifact Registry."""

from strongroom.collect.native import Default, Native, Reader, Row, flag, key
from strongroom.collect.tables._gcp import DEFAULT_ENCRYPTION, docs, marked, service
from strongroom.collect.tables._gcp_iam import grant_natives, grants_on, public_members
from strongroom.model.kinds import Kind
from strongroom.model.values import Value

REPOSITORY = "google_artifact_registry_repository"


def _public(r: Reader) -> Value:
    name = r.text("repository_id")
    return public_members(grants_on(r, REPOSITORY, "repository", *([name] if isinstance(name, str) else [])))


TABLE = (
    Native(
        type=REPOSITORY,
        kind=Kind.REGISTRY,
        provider="gcp",
        labels_at="labels",
        name_at=("repository_id",),
        rows=(
            service("artifactregistry"),
            key("enc.key", "kms_key_name", DEFAULT_ENCRYPTION),
            Row("public.granted", _public),
            flag(
                "registry.tags_fixed",
                "docker_config.immutable_tags",
                Default(False, docs("artifact_registry_repository")),
            ),
            marked("labels"),
        ),
        refs=(("key", "kms_key_name"),),
    ),
    *grant_natives(REPOSITORY, "grant.on_registry", "repository"),
    Native(type="google_container_registry", kind=Kind.REGISTRY, provider="gcp", rows=(service("containerregistry"),)),
)
