"""S3: buckets with the blocks that complete them, access blocks, ACLs, policies and access points."""

from strongroom.collect.native import Default, Native, Row, flag
from strongroom.collect.tables._aws import statements
from strongroom.collect.tables._aws_accounts import OURS, foreign
from strongroom.collect.tables._aws_arns import arn
from strongroom.collect.tables._aws_s3 import (
    access_log,
    access_point_policy,
    acl_public,
    blocked,
    bucket_policy,
    copies,
    encryption,
    lock_days,
    locked,
    object_acl_public,
    own_acl_public,
    restricted_beside,
    versioned,
    writes_logs,
)
from strongroom.model.kinds import Kind
from strongroom.model.values import Key

S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/"
TERRAFORM = "https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/"
ACCESS_POINT = TERRAFORM + "s3_access_point"
BLOCKS = (
    ("access.block_acls", "block_public_acls"),
    ("access.ignore_acls", "ignore_public_acls"),
    ("access.block_policy", "block_public_policy"),
    ("access.restrict", "restrict_public_buckets"),
)


def _masked(fact: str, name: str) -> Row:
    return Row(fact, lambda r: blocked(r, name), Default(False, TERRAFORM + "s3_bucket_public_access_block"))


_BUCKET_ROWS = (
    *(_masked(fact, name) for fact, name in BLOCKS),
    Row("acl.public", acl_public),
    Row("policy.statements", bucket_policy),
    Row("s3.key", encryption, Default(Key("provider", "AES256"), S3 + "default-encryption-faq.html")),
    Row("s3.log_target", writes_logs),
    Row("s3.access_log", access_log, Default(False, S3 + "ServerLogs.html")),
    Row("s3.versioned", versioned, Default(False, S3 + "Versioning.html")),
    Row("s3.locked", locked),
    Row("s3.lock_days", lock_days, Default(0.0, S3 + "object-lock.html")),
    Row("s3.copies", copies),
    Row("share.accounts", lambda r: foreign(r, bucket_policy(r))),
    arn("s3", "", "bucket"),
    OURS,
)

TABLE = (
    Native(
        type="aws_s3_bucket",
        kind=Kind.BUCKET,
        provider="aws",
        rows=_BUCKET_ROWS,
        name_at=("bucket", "bucket_prefix", "id"),
    ),
    *(
        Native(
            type=native,
            kind=Kind.ACCESS_BLOCK,
            provider="aws",
            rows=tuple(
                flag(fact, name, Default(False, TERRAFORM + native.removeprefix("aws_"))) for fact, name in BLOCKS
            ),
            refs=(("bucket", "bucket"),),
        )
        for native in ("aws_s3_bucket_public_access_block", "aws_s3_account_public_access_block")
    ),
    Native(
        type="aws_s3_bucket_acl",
        kind=Kind.GRANT,
        provider="aws",
        rows=(Row("acl.public", own_acl_public),),
        refs=(("bucket", "bucket"),),
    ),
    Native(
        type="aws_s3_bucket_policy",
        kind=Kind.GRANT,
        provider="aws",
        rows=(
            Row("bucket.statements", lambda r: statements(r, "policy")),
            Row("access.restrict", restricted_beside, Default(False, S3 + "access-control-block-public-access.html")),
        ),
        refs=(("bucket", "bucket"),),
    ),
    Native(
        type="aws_s3_access_point",
        kind=Kind.GRANT,
        provider="aws",
        rows=(
            Row("bucket.statements", access_point_policy),
            flag(
                "access.restrict",
                "public_access_block_configuration.restrict_public_buckets",
                Default(True, ACCESS_POINT),
            ),
        ),
        refs=(("bucket", "bucket"),),
    ),
    *(
        Native(
            type=native,
            kind=Kind.ARTIFACT,
            provider="aws",
            rows=(Row("acl.public", object_acl_public),),
            name_at=("key", "id"),
            refs=(("bucket", "bucket"),),
        )
        for native in ("aws_s3_object", "aws_s3_bucket_object", "aws_s3_object_copy")
    ),
    Native(type="aws_s3_directory_bucket", kind=Kind.BUCKET, provider="aws", name_at=("bucket",)),
)
