"""Artifact Registry: who pulls, and whose key it has."""

from strongroom.assess.checks._gcp import SERVICE, customer_key, grants, nobody_public, verdict
from strongroom.kit.gcp_iam import is_public
from strongroom.model.codes import Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check

REPOSITORY = "google_artifact_registry_repository"
POLICY = "gcloud artifacts repositories get-iam-policy REPOSITORY --location LOCATION names nobody public"
EQUIVALENTS = ("checkov:CKV_GCP_101",)
FIX = Fix(
    "Name the service accounts that pull and push.",
    (
        (f"{REPOSITORY}_iam_member", 'member = "serviceAccount:${google_service_account.puller.email}"'),
        (f"{REPOSITORY}_iam_binding", 'members = ["serviceAccount:${google_service_account.puller.email}"]'),
    ),
    verify=POLICY,
)


@check(
    id="net.gcp-registry.public",
    title="Nobody without an identity of yours is granted the registry",
    clause="NET-01.not-exposed",
    kinds=(Kind.REGISTRY,),
    needs=(SERVICE, "public.granted"),
    severity=Severity.CRITICAL,
    fix=FIX,
    broken="granted to anybody: {who}",
    equivalents=EQUIVALENTS,
)
def public(v: View) -> Answer:
    """Images of AI work hold model weights, internal code and sometimes credentials; a public registry hands them to
    whoever asks.
    """
    return nobody_public(v)


@check(
    id="net.gcp-registry-grant.public",
    title="The grant on the registry names nobody public",
    clause="NET-01.not-exposed",
    kinds=(Kind.GRANT,),
    needs=(SERVICE, "grant.roles", "grant.on_registry"),
    severity=Severity.CRITICAL,
    fix=FIX,
    broken="{role} is granted to {members}",
    equivalents=EQUIVALENTS,
)
def grant(v: View) -> Answer:
    """A grant to allUsers publishes every image of a registry, and one that may write lets anybody replace them."""
    return verdict(grants(v), lambda g: any(is_public(m) for m in g.principals))


@check(
    id="art.gcp-registry.fixed-tags",
    title="A tag of the registry cannot be moved to another image",
    clause="TEE-05.image-minimal-pinned",
    kinds=(Kind.REGISTRY,),
    needs=(SERVICE, "registry.tags_fixed"),
    severity=Severity.LOW,
    fix=Fix(
        "Make tags immutable, and deploy by digest.",
        ((REPOSITORY, "docker_config {\n  immutable_tags = true\n}"),),
        verify="gcloud artifacts repositories describe REPOSITORY --location LOCATION --format='value(dockerConfig)'",
    ),
    broken="a tag can be moved to another image",
)
def fixed_tags(v: View) -> bool:
    """A tag that moves is no pin: the image that was scanned and the one that starts tomorrow can differ."""
    return v.flag("registry.tags_fixed")


cmk = customer_key(
    "enc.gcp-registry.cmk",
    "The registry is encrypted with a customer-managed key",
    (Kind.REGISTRY,),
    "enc.key",
    Fix(
        "Name a key of your own when the registry is made; it cannot be changed later.",
        ((REPOSITORY, "kms_key_name = google_kms_crypto_key.registry.id"),),
        verify="gcloud artifacts repositories describe REPOSITORY --location LOCATION --format='value(kmsKeyName)'",
    ),
    "Images carry weights and code; under a key of your own access to all of them ends with one revocation.",
    ("checkov:CKV_GCP_84",),
)

CHECKS = (public, grant, fixed_tags, cmk)
