"""S3 buckets, and the access blocks, ACLs and policies that stand beside them."""

from strongroom.assess.checks._statements import listed, said, verdict
from strongroom.kit.iam_reach import public
from strongroom.kit.kleene import Tri, all_of
from strongroom.model.codes import Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, Check, View, check, holds
from strongroom.model.values import Unknown

BUCKETS = (Kind.BUCKET,)
BLOCK = "aws s3api put-public-access-block --bucket <bucket> --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"
SEE_BLOCK = "aws s3api get-public-access-block --bucket <bucket>"
ALL_FOUR = """block_public_acls       = true
block_public_policy     = true
ignore_public_acls      = true
restrict_public_buckets = true"""


def _block(name: str, fact: str, attribute: str, what: str, why: str, equivalents: tuple[str, ...]) -> Check:
    """One of the four switches of a public access block."""

    def switch(v: View) -> bool:
        return v.flag(fact)

    switch.__doc__ = why
    return check(
        id=f"net.access-block.{name}",
        title=f"The access block {what}",
        clause="NET-01.not-exposed",
        kinds=(Kind.ACCESS_BLOCK,),
        needs=(fact,),
        severity=Severity.HIGH,
        fix=Fix(
            "Switch all four parts of the block on.",
            (
                ("aws_s3_bucket_public_access_block", ALL_FOUR),
                ("aws_s3_account_public_access_block", ALL_FOUR),
            ),
            BLOCK,
            SEE_BLOCK,
        ),
        broken=f"{attribute} is off",
        equivalents=equivalents,
    )(switch)


block_acls = _block(
    "public-acls",
    "access.block_acls",
    "block_public_acls",
    "refuses new public ACLs",
    "An upload with a public ACL makes one object of a private bucket public, and nobody looks at ACLs of objects.",
    ("checkov:CKV_AWS_53", "trivy:AWS-0086", "guard:S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED"),
)
block_policy = _block(
    "public-policy",
    "access.block_policy",
    "block_public_policy",
    "refuses public bucket policies",
    "One wrong line in a bucket policy publishes everything in the bucket; this switch refuses the line.",
    ("checkov:CKV_AWS_54", "trivy:AWS-0087"),
)
ignore_acls = _block(
    "ignore-acls",
    "access.ignore_acls",
    "ignore_public_acls",
    "ignores public ACLs",
    "Blocking new ACLs leaves the old ones in force; ignoring them closes what was already opened.",
    ("checkov:CKV_AWS_55", "trivy:AWS-0091"),
)
restrict = _block(
    "restrict-buckets",
    "access.restrict",
    "restrict_public_buckets",
    "keeps strangers out of buckets with a public policy",
    "Should a public policy be in place all the same, only the account itself and AWS services still get in.",
    ("checkov:CKV_AWS_56", "trivy:AWS-0093"),
)


@check(
    id="net.s3-bucket.access-block",
    title="A public access block holds for the bucket",
    clause="NET-01.not-exposed",
    kinds=BUCKETS,
    needs=("access.block_acls", "access.block_policy"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Put a public access block on the bucket, or one on the whole account.",
        (
            (
                "aws_s3_bucket",
                f'resource "aws_s3_bucket_public_access_block" "this" {{\n  bucket = aws_s3_bucket.this.id\n\n  {ALL_FOUR.replace(chr(10), chr(10) + "  ")}\n}}',
            ),
        ),
        BLOCK,
        SEE_BLOCK,
    ),
    broken="no public access block of the bucket or the account refuses public ACLs and policies",
    equivalents=("checkov:CKV2_AWS_6", "trivy:AWS-0094"),
)
def access_block(v: View) -> Answer:
    """AWS blocks public access of new buckets; what is not written down is not put back when somebody takes it off."""
    answer = all_of(_flag(v, f) for f in ("access.block_acls", "access.block_policy"))
    return said(answer)


def _flag(v: View, fact: str) -> Tri:
    value = v.raw(fact)
    return value if isinstance(value, bool | Unknown) else False


@check(
    id="net.s3-bucket.public-acl",
    title="No ACL opens the bucket or object to everybody",
    clause="NET-01.not-exposed",
    kinds=(Kind.BUCKET, Kind.GRANT, Kind.ARTIFACT),
    needs=("acl.public",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Take the public grant out; better, switch ACLs off for the bucket.",
        (
            (
                "aws_s3_bucket",
                'resource "aws_s3_bucket_ownership_controls" "this" {\n  bucket = aws_s3_bucket.this.id\n  rule {\n    object_ownership = "BucketOwnerEnforced"\n  }\n}',
            ),
            ("aws_s3_bucket_acl", 'acl = "private"'),
            ("aws_s3_object", 'acl = "private"'),
        ),
        "aws s3api put-bucket-ownership-controls --bucket <bucket> --ownership-controls 'Rules=[{ObjectOwnership=BucketOwnerEnforced}]'",
        "aws s3api get-bucket-acl --bucket <bucket>",
    ),
    broken="its ACL grants to everybody, or to every AWS account",
    equivalents=(
        "checkov:CKV_AWS_20",
        "checkov:CKV_AWS_57",
        "checkov:CKV_AWS_375",
        "trivy:AWS-0092",
        "prowler:s3_bucket_public_access",
    ),
)
def public_acl(v: View) -> bool:
    """Weights in a bucket that everybody may list are copied within hours; one that everybody may write to serves
    whatever a stranger puts into the model.
    """
    return not v.flag("acl.public")


@check(
    id="net.s3-bucket.declared-private",
    title="The template itself keeps the public out of the bucket",
    clause="NET-01.not-exposed",
    kinds=BUCKETS,
    needs=("access.declared",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Give the bucket a public access block with all four parts on.",
        (
            (
                "AWS::S3::Bucket",
                "PublicAccessBlockConfiguration:\n  BlockPublicAcls: true\n  BlockPublicPolicy: true\n  IgnorePublicAcls: true\n  RestrictPublicBuckets: true",
            ),
        ),
        BLOCK,
        SEE_BLOCK,
    ),
    broken="nothing in the template keeps the public out: no whole access block, no owner's ACLs only, no closed ACL",
    equivalents=("guard:S3_BUCKET_PUBLIC_READ_PROHIBITED", "guard:S3_BUCKET_PUBLIC_WRITE_PROHIBITED"),
)
def declared_private(v: View) -> bool:
    """A template says all that there is of a bucket. One that leaves the door to a default of the account is open the
    day that somebody changes the default.
    """
    return v.flag("access.declared")


def _any_principal(fact: str, kind: Kind, name: str) -> Check:
    """The same question of a bucket, with all that is attached, and of a policy block alone."""

    def judge(v: View) -> Answer:
        if v.raw("access.restrict") is True:
            return holds()
        return verdict(listed(v, fact), public)

    judge.__doc__ = (
        "Everybody on the internet is a principal of `*`. Only a condition that fixes who or from where, or a block "
        "that keeps strangers out, makes such a statement harmless."
    )
    return check(
        id=name,
        title="The bucket's policy lets nobody in by a wildcard",
        clause="NET-01.not-exposed",
        kinds=(kind,),
        needs=(fact, "access.restrict"),
        severity=Severity.CRITICAL,
        fix=Fix(
            "Name the principals, or tie the wildcard to your organisation or network.",
            (
                (
                    "aws_s3_bucket_policy",
                    'Condition = { StringEquals = { "aws:PrincipalOrgID" = data.aws_organizations_organization.this.id } }',
                ),
                (
                    "aws_s3_bucket",
                    'Condition = { StringEquals = { "aws:PrincipalOrgID" = data.aws_organizations_organization.this.id } }',
                ),
            ),
            "aws s3api put-bucket-policy --bucket <bucket> --policy file://policy.json",
            "aws s3api get-bucket-policy-status --bucket <bucket>",
        ),
        broken="its policy lets everybody in: {statement}",
        equivalents=(
            "checkov:CKV_AWS_70",
            "guard:S3_BUCKET_POLICY_NO_WILDCARD_PRINCIPAL",
            "prowler:s3_bucket_policy_public_write_access",
        ),
    )(judge)


any_principal = _any_principal("policy.statements", Kind.BUCKET, "net.s3-bucket.any-principal")
any_principal_policy = _any_principal("bucket.statements", Kind.GRANT, "net.s3-bucket-policy.any-principal")


CHECKS = (
    block_acls,
    block_policy,
    ignore_acls,
    restrict,
    access_block,
    public_acl,
    declared_private,
    any_principal,
    any_principal_policy,
)
