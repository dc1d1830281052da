"""Cloud Storage: who reads a bucket, whose key it has, and whether its objects can be had back."""

from strongroom.assess.checks._gcp import SERVICE, customer_key, grants, nobody_public, verdict
from strongroom.kit.gcp_iam import is_public
from strongroom.model.codes import Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable

BUCKET = "google_storage_bucket"
BUCKETS = (Kind.BUCKET,)
MEMBER = 'member = "serviceAccount:${google_service_account.reader.email}"'
MEMBERS = 'members = ["serviceAccount:${google_service_account.reader.email}"]'
POLICY = "gcloud storage buckets get-iam-policy gs://BUCKET names neither allUsers nor allAuthenticatedUsers"
PUBLIC = (
    "checkov:CKV_GCP_28",
    "trivy:GCP-0001",
    "prowler:cloudstorage_bucket_public_access",
)


@check(
    id="net.gcs-bucket.public",
    title="Nobody without an identity of yours is granted the bucket",
    clause="NET-01.not-exposed",
    kinds=BUCKETS,
    needs=(SERVICE, "public.granted", "public.prevented"),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Take allUsers and allAuthenticatedUsers out of its grants and lists, and enforce public access prevention.",
        ((BUCKET, 'public_access_prevention = "enforced"'),),
        "gcloud storage buckets update gs://BUCKET --public-access-prevention",
        POLICY,
    ),
    broken="granted to anybody: {who}",
    equivalents=PUBLIC,
)
def public(v: View) -> Answer:
    """A bucket that anybody reads is found by its name within days; allAuthenticatedUsers is anybody with some Google
    account, and no less public.
    """
    if v.raw("public.prevented") is True:
        return holds()
    return nobody_public(v)


@check(
    id="net.gcs-grant.public",
    title="The grant on the bucket names nobody public",
    clause="NET-01.not-exposed",
    kinds=(Kind.GRANT,),
    needs=(SERVICE, "grant.roles", "grant.on_bucket"),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Name the accounts and groups that read it.",
        (
            ("google_storage_bucket_iam_member", MEMBER),
            ("google_storage_bucket_iam_binding", MEMBERS),
        ),
        verify=POLICY,
    ),
    broken="{role} is granted to {members}",
    equivalents=PUBLIC,
)
def grant(v: View) -> Answer:
    """One grant to allUsers publishes every object of a bucket, those of tomorrow too."""
    return verdict(grants(v), lambda g: any(is_public(m) for m in g.principals))


@check(
    id="net.gcs-list.public",
    title="The access control list names nobody public",
    clause="NET-01.not-exposed",
    kinds=(Kind.GRANT,),
    needs=(SERVICE, "public.listed"),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Decide access by IAM alone: switch uniform bucket-level access on, and take the list out.",
        (("google_storage_bucket_acl", 'predefined_acl = "private"'), (BUCKET, "uniform_bucket_level_access = true")),
        verify="gcloud storage buckets describe gs://BUCKET shows uniform_bucket_level_access: true",
    ),
    broken="open to anybody: {who}",
)
def acl(v: View) -> Answer:
    """Lists are the older way to publish a bucket, and are not seen where one looks for roles."""
    return nobody_public(v, "public.listed")


@check(
    id="net.gcs-bucket.prevention",
    title="Public access to the bucket is prevented",
    clause="NET-01.not-exposed",
    kinds=BUCKETS,
    needs=(SERVICE, "public.prevented"),
    severity=Severity.HIGH,
    fix=Fix(
        "Enforce public access prevention on the bucket, or for all buckets by the organisation's policy.",
        ((BUCKET, 'public_access_prevention = "enforced"'),),
        "gcloud storage buckets update gs://BUCKET --public-access-prevention",
        "gcloud storage buckets describe gs://BUCKET --format='value(public_access_prevention)' says enforced",
    ),
    broken="public access prevention is not enforced here",
    equivalents=("checkov:CKV_GCP_114",),
)
def prevention(v: View) -> bool:
    """Without it one grant, made by whoever may change the bucket's policy, publishes everything in it; with it such a
    grant is refused.
    """
    return v.flag("public.prevented")


@check(
    id="iam.gcs-bucket.uniform",
    title="Access to the bucket is decided by IAM alone",
    clause="IAM-02.permissions-computed",
    kinds=BUCKETS,
    needs=(SERVICE, "acl.off"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch uniform bucket-level access on; it becomes permanent after 90 days.",
        ((BUCKET, "uniform_bucket_level_access = true"),),
        "gcloud storage buckets update gs://BUCKET --uniform-bucket-level-access",
        "gcloud storage buckets describe gs://BUCKET --format='value(uniform_bucket_level_access)'",
    ),
    broken="lists on single objects decide beside IAM",
    equivalents=(
        "checkov:CKV_GCP_29",
        "trivy:GCP-0002",
        "prowler:cloudstorage_bucket_uniform_bucket_level_access",
    ),
)
def uniform(v: View) -> bool:
    """While lists on single objects count, nobody can say from the bucket's policy who reads the weights: each object
    may tell another story.
    """
    return v.flag("acl.off")


@check(
    id="rec.gcs-bucket.immutable",
    title="Objects of a sensitive bucket cannot be destroyed before their time",
    clause="IR-02.immutable-backup",
    kinds=BUCKETS,
    needs=(SERVICE, "sensitive", "rec.locked"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Set a retention and lock it; once locked it can only be lengthened.",
        ((BUCKET, "retention_policy {\n  retention_period = 2592000\n  is_locked        = true\n}"),),
        verify="gcloud storage buckets describe gs://BUCKET --format='value(retention_policy.isLocked)'",
    ),
    broken="no locked retention holds its objects",
)
def immutable(v: View) -> Answer:
    """Whoever steals an administrator's session deletes the backups first; a locked retention refuses them too."""
    if not v.flag("sensitive"):
        return not_applicable("nothing marks the bucket as sensitive")
    return holds() if v.flag("rec.locked") else broken()


cmk = customer_key(
    "enc.gcs-bucket.cmk",
    "The bucket encrypts with a customer-managed key by default",
    BUCKETS,
    "enc.key",
    Fix(
        "Name a default key; objects written before keep theirs until they are rewritten.",
        ((BUCKET, "encryption {\n  default_kms_key_name = google_kms_crypto_key.bucket.id\n}"),),
        "gcloud storage buckets update gs://BUCKET --default-encryption-key KEY",
        "gcloud storage buckets describe gs://BUCKET --format='value(default_kms_key)'",
    ),
    "Weights and datasets lie in buckets. Under a key of your own reading them takes two permissions instead of one, "
    "and one revocation ends both.",
    ("trivy:GCP-0066",),
)

file_system = customer_key(
    "enc.gcp-fs.cmk",
    "The shared file system is encrypted with a customer-managed key",
    (Kind.FILE_SYSTEM,),
    "enc.key",
    Fix(
        "Name a key of your own when the file system is made.",
        (
            ("google_filestore_instance", "kms_key_name = google_kms_crypto_key.files.id"),
            ("google_lustre_instance", "kms_key = google_kms_crypto_key.files.id"),
        ),
        verify="gcloud filestore instances describe NAME --format='value(kmsKeyName)'",
    ),
    "Training reads its data from, and writes its checkpoints to, file systems that many nodes mount.",
    (),
)

CHECKS = (public, grant, acl, prevention, uniform, immutable, cmk, file_system)
