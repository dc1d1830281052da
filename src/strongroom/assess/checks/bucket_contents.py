"""What S3 buckets hold: encryption, TLS, logs of access, old versions, locks and copies."""

from strongroom.assess.checks._statements import listed, said
from strongroom.kit.iam_reach import anybody, covers
from strongroom.kit.kleene import Tri, all_of, any_of
from strongroom.kit.marks import sensitive
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Statement, Unknown

BUCKETS = (Kind.BUCKET,)


@check(
    id="enc.s3-bucket.cmk",
    title="The bucket encrypts with a key of its owner",
    clause="ART-01.stores-cmk",
    kinds=BUCKETS,
    needs=("s3.key",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Make a customer managed key the bucket's default, and re-encrypt what is already in it.",
        (
            (
                "aws_s3_bucket",
                'resource "aws_s3_bucket_server_side_encryption_configuration" "this" {\n  bucket = aws_s3_bucket.this.id\n  rule {\n    apply_server_side_encryption_by_default {\n      sse_algorithm     = "aws:kms"\n      kms_master_key_id = aws_kms_key.this.arn\n    }\n    bucket_key_enabled = true\n  }\n}',
            ),
        ),
        "aws s3api put-bucket-encryption --bucket <bucket> --server-side-encryption-configuration file://encryption.json",
        "aws s3api get-bucket-encryption --bucket <bucket>",
        Effort.MEDIUM,
    ),
    broken="its default encryption is {key}, no key of the owner's",
    equivalents=(
        "checkov:CKV_AWS_145",
        "trivy:AWS-0132",
        "guard:S3_DEFAULT_ENCRYPTION_KMS",
        "prowler:s3_bucket_kms_encryption",
    ),
)
def cmk(v: View) -> Answer:
    """Under S3's own key, whoever may read the bucket reads the weights. Under a key of the owner's they also need
    that key, and its policy and its log are the owner's.
    """
    if v.raw("s3.log_target") is True:
        return not_applicable("S3 writes access logs only to buckets under its own key (SSE-S3)")
    key = v.key("s3.key")
    return holds() if key.tech == "cmk" else broken(key=key.name or "S3's own key")


@check(
    id="enc.s3-bucket.tls-only",
    title="The bucket refuses requests without TLS",
    clause="ART-02.refuses-plaintext",
    kinds=BUCKETS,
    needs=("policy.statements", "s3.key"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Deny every action where aws:SecureTransport is false.",
        (
            (
                "aws_s3_bucket",
                'data "aws_iam_policy_document" "tls_only" {\n  statement {\n    effect    = "Deny"\n    actions   = ["s3:*"]\n    resources = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]\n    principals {\n      type        = "*"\n      identifiers = ["*"]\n    }\n    condition {\n      test     = "Bool"\n      variable = "aws:SecureTransport"\n      values   = ["false"]\n    }\n  }\n}',
            ),
        ),
        "aws s3api put-bucket-policy --bucket <bucket> --policy file://tls-only.json",
        "curl -sI http://<bucket>.s3.amazonaws.com/ must answer 403",
    ),
    broken="no statement of its policy denies requests without TLS",
    equivalents=(
        "checkov:CKV_AWS_379",
        "guard:S3_BUCKET_SSL_REQUESTS_ONLY",
        "prowler:s3_bucket_secure_transport_policy",
    ),
)
def tls_only(v: View) -> Answer:
    """S3 answers plain HTTP too, and then whoever sits on the path reads the weights and can swap them."""
    return said(any_of(_denies_plaintext(s) for s in listed(v, "policy.statements")))


def _denies_plaintext(s: Statement | Unknown) -> Tri:
    """A Deny for everybody, of reads and writes of objects, where aws:SecureTransport is false, and nothing narrower."""
    if isinstance(s, Unknown):
        return s
    plain = len(s.conditions) == 1 and all(
        c.key == "aws:securetransport" and c.operator.lower() in ("bool", "boolifexists") and c.values == ("false",)
        for c in s.conditions
    )
    objects = any(r.endswith("*") for r in s.resources) or bool(s.not_resources)
    return all_of(
        (s.effect == "deny", plain, objects, anybody(s), covers(s, "s3:getobject"), covers(s, "s3:putobject"))
    )


@check(
    id="log.s3-bucket.access-log",
    title="Access to the bucket is logged",
    clause="LOG-01.sources-on",
    kinds=BUCKETS,
    needs=("s3.access_log",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Write access logs to a bucket of their own.",
        (
            (
                "aws_s3_bucket",
                'resource "aws_s3_bucket_logging" "this" {\n  bucket        = aws_s3_bucket.this.id\n  target_bucket = aws_s3_bucket.logs.id\n  target_prefix = "s3/this/"\n}',
            ),
        ),
        "aws s3api put-bucket-logging --bucket <bucket> --bucket-logging-status file://logging.json",
        "aws s3api get-bucket-logging --bucket <bucket>",
    ),
    broken="no access log is written",
    equivalents=(
        "checkov:CKV_AWS_18",
        "trivy:AWS-0089",
        "guard:S3_BUCKET_LOGGING_ENABLED",
        "prowler:s3_bucket_server_access_logging_enabled",
    ),
)
def access_log(v: View) -> Answer | bool:
    """The access log names every reader of every object, the anonymous ones included, whom a trail does not see."""
    if v.raw("s3.access_log") is not True and v.raw("s3.log_target") is True:
        return not_applicable("it is where access logs are written; logging it into itself never ends")
    return v.flag("s3.access_log")


@check(
    id="rec.s3-bucket.versioning",
    title="The bucket keeps old versions",
    clause="IR-02.immutable-backup",
    kinds=BUCKETS,
    needs=("s3.versioned",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch versioning on.",
        (
            (
                "aws_s3_bucket",
                'resource "aws_s3_bucket_versioning" "this" {\n  bucket = aws_s3_bucket.this.id\n  versioning_configuration {\n    status = "Enabled"\n  }\n}',
            ),
        ),
        "aws s3api put-bucket-versioning --bucket <bucket> --versioning-configuration Status=Enabled",
        "aws s3api get-bucket-versioning --bucket <bucket>",
    ),
    broken="a write replaces the old object for good",
    equivalents=(
        "checkov:CKV_AWS_21",
        "trivy:AWS-0090",
        "guard:S3_BUCKET_VERSIONING_ENABLED",
        "prowler:s3_bucket_object_versioning",
    ),
)
def versioning(v: View) -> bool:
    """Without versions, a poisoned or encrypted checkpoint is the only one there is."""
    return v.flag("s3.versioned")


@check(
    id="rec.s3-bucket.object-lock",
    title="The bucket locks its objects",
    clause="IR-02.immutable-backup",
    kinds=BUCKETS,
    needs=("s3.locked",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch Object Lock on with a default retention. Of a bucket that exists, AWS support must switch it on.",
        (
            (
                "aws_s3_bucket",
                'object_lock_enabled = true\n\nresource "aws_s3_bucket_object_lock_configuration" "this" {\n  bucket = aws_s3_bucket.this.id\n  rule {\n    default_retention {\n      mode = "COMPLIANCE"\n      days = 90\n    }\n  }\n}',
            ),
        ),
        "aws s3api put-object-lock-configuration --bucket <bucket> --object-lock-configuration file://lock.json",
        "aws s3api get-object-lock-configuration --bucket <bucket>",
        Effort.MEDIUM,
    ),
    broken="Object Lock is off: whoever may write may also delete",
    equivalents=("checkov:CKV_AWS_143", "prowler:s3_bucket_object_lock"),
)
def object_lock(v: View) -> Answer | bool:
    """A lock is what ransomware with administrator rights does not get past."""
    if v.raw("s3.locked") is None:
        if sensitive(dict(v.asset.labels)) is True:
            return broken()
        return not_applicable("nothing is said of Object Lock, and the bucket is not marked as sensitive")
    return v.flag("s3.locked")


@check(
    id="art.s3-bucket.copies",
    title="The bucket is replicated to no foreign account",
    clause="ART-07.no-copy-outside",
    kinds=BUCKETS,
    needs=("s3.copies",),
    severity=Severity.HIGH,
    fix=Fix(
        "Replicate into a bucket of the same configuration, or declare the account that owns the destination.",
        (
            (
                "aws_s3_bucket_replication_configuration",
                "destination {\n  bucket  = aws_s3_bucket.replica.arn\n  account = data.aws_caller_identity.current.account_id\n}",
            ),
        ),
        "aws s3api delete-bucket-replication --bucket <bucket>",
        "aws s3api get-bucket-replication --bucket <bucket>",
    ),
    broken="everything that is written to it is copied to account {account}",
)
def copied_outside(v: View) -> Answer:
    """A replication rule is the quietest way out for weights: set once, it copies every new object to an account where
    none of the owner's rules hold.
    """
    raw = v.raw("s3.copies")
    each = raw if isinstance(raw, tuple) else (raw,)
    if not each:
        return not_applicable("it has no replication rule")
    foreign = next((one for one in each if isinstance(one, str) and one != "ours"), None)
    if foreign is not None:
        return broken(account=foreign)
    doubts = [one for one in each if isinstance(one, Unknown)]
    return unknown(*doubts) if doubts else holds()


@check(
    id="art.store.foreign-account",
    title="No foreign account is let in to a sensitive bucket or key",
    clause="ART-07.shares-approved",
    kinds=(Kind.BUCKET, Kind.KEY),
    needs=("share.accounts",),
    severity=Severity.HIGH,
    fix=Fix(
        "Take the account out of the policy, or declare it as yours where the provider is set up.",
        (
            ("aws_s3_bucket", 'provider "aws" {\n  allowed_account_ids = ["111122223333"]\n}'),
            ("aws_kms_key", 'provider "aws" {\n  allowed_account_ids = ["111122223333"]\n}'),
        ),
        "aws s3api put-bucket-policy --bucket <bucket> --policy file://policy.json",
        "aws accessanalyzer list-findings --analyzer-arn <arn> --filter resource={contains=<bucket>}",
        Effort.MEDIUM,
    ),
    broken="its policy lets account {account} in, which the configuration does not declare as its own",
)
def shared_outside(v: View) -> Answer:
    """In a foreign account none of the owner's policies, boundaries and logs hold: what is read there is gone."""
    if sensitive(dict(v.asset.labels)) is not True:
        return not_applicable("it is not marked as sensitive (tier = 0, artifact = weights, or a sensitivity)")
    raw = v.raw("share.accounts")
    each = raw if isinstance(raw, tuple) else (raw,)
    foreign = next((one for one in each if isinstance(one, str)), None)
    if foreign is not None:
        return broken(account=foreign)
    doubts = [one for one in each if isinstance(one, Unknown)]
    return unknown(*doubts) if doubts else holds()


CHECKS = (cmk, tls_only, access_log, versioning, object_lock, copied_outside, shared_outside)
