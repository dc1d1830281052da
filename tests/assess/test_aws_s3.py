"""S3 buckets: exposure, encryption, TLS, logs, versions, locks and copies, wherever the block that says so stands."""

import pytest
from iac import UNKNOWN, verdict

EXPOSED = (
    UNKNOWN
    + """
resource "aws_s3_bucket" "bare" {
  bucket = "bare"
}
resource "aws_s3_bucket" "closed" {
  bucket = "closed"
  acl    = "public-read"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Principal = "*", Action = "s3:*", Resource = "*" }] })
}
resource "aws_s3_bucket_public_access_block" "closed" {
  bucket                  = aws_s3_bucket.closed.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}
resource "aws_s3_bucket" "half" {
  bucket = "half"
}
resource "aws_s3_bucket_public_access_block" "half" {
  bucket            = "half"
  block_public_acls = true
}
resource "aws_s3_bucket" "asked" {
  bucket = "asked"
  acl    = var.x
  policy = var.x
}
resource "aws_s3_bucket_public_access_block" "asked" {
  bucket              = aws_s3_bucket.asked.id
  block_public_acls   = var.x
  block_public_policy = true
  ignore_public_acls  = false
}
resource "aws_s3_bucket" "granted" {
  bucket = "granted"
}
resource "aws_s3_bucket_acl" "granted" {
  bucket = aws_s3_bucket.granted.id
  access_control_policy {
    owner {
      id = "o"
    }
    grant {
      permission = "READ"
      grantee {
        type = "CanonicalUser"
        id   = "u"
      }
    }
    grant {
      permission = "READ_ACP"
      grantee {
        type = "Group"
        uri  = "http://acs.amazonaws.com/groups/global/AllUsers"
      }
    }
  }
}
resource "aws_s3_bucket" "owned" {
  bucket = "owned"
}
resource "aws_s3_bucket_acl" "owned" {
  bucket = aws_s3_bucket.owned.id
  acl    = "authenticated-read"
}
resource "aws_s3_bucket_ownership_controls" "owned" {
  bucket = aws_s3_bucket.owned.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}
resource "aws_s3_bucket" "old" {
  bucket = "old"
  grant {
    type        = "Group"
    permissions = ["READ"]
    uri         = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
  }
}
resource "aws_s3_bucket" "document" {
  bucket = "document"
}
resource "aws_s3_bucket_policy" "document" {
  bucket = aws_s3_bucket.document.id
  policy = data.aws_iam_policy_document.open.json
}
data "aws_iam_policy_document" "open" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.document.arn}/*"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
  }
}
resource "aws_s3_bucket_policy" "endpoint" {
  bucket = "elsewhere"
  policy = <<P
{"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::elsewhere/*",
  "Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}},]}
P
}
resource "aws_s3_bucket_policy" "referer" {
  bucket = "elsewhere"
  policy = <<P
{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::elsewhere/*",
  "Condition": {"StringLike": {"aws:Referer": "https://example.org/*"}}}}
P
}
resource "aws_s3_bucket_policy" "denied" {
  bucket = "elsewhere"
  policy = jsonencode({ Statement = [{ Effect = "Deny", Principal = "*", Action = "s3:*", Resource = "*" }] })
}
resource "aws_s3_bucket_acl" "elsewhere" {
  bucket = "elsewhere"
  acl    = "public-read-write"
}
resource "aws_s3_object" "weights" {
  bucket = aws_s3_bucket.document.id
  key    = "weights"
  acl    = "public-read"
}
resource "aws_s3_object" "masked" {
  bucket = aws_s3_bucket.closed.id
  key    = "weights"
  acl    = "public-read"
}
resource "aws_s3_access_point" "kept" {
  name   = "kept"
  bucket = aws_s3_bucket.document.id
  policy = jsonencode({ Statement = [{ Effect = "Allow", Principal = "*", Action = "s3:*", Resource = "*" }] })
}
resource "aws_s3_access_point" "open" {
  name   = "open"
  bucket = aws_s3_bucket.document.id
  policy = jsonencode({ Statement = [{ Effect = "Allow", Principal = "*", Action = "s3:*", Resource = "*" }] })
  public_access_block_configuration {
    restrict_public_buckets = false
  }
}
"""
)


@pytest.mark.parametrize(
    ("check", "address", "status"),
    [
        ("net.s3-bucket.access-block", "aws_s3_bucket.bare", "fail"),
        ("net.s3-bucket.access-block", "aws_s3_bucket.closed", "pass"),
        ("net.s3-bucket.access-block", "aws_s3_bucket.half", "fail"),
        ("net.s3-bucket.access-block", "aws_s3_bucket.asked", "unknown"),
        ("net.access-block.public-acls", "aws_s3_bucket_public_access_block.closed", "pass"),
        ("net.access-block.public-acls", "aws_s3_bucket_public_access_block.asked", "unknown"),
        ("net.access-block.public-policy", "aws_s3_bucket_public_access_block.half", "fail"),
        ("net.access-block.public-policy", "aws_s3_bucket_public_access_block.asked", "pass"),
        ("net.access-block.ignore-acls", "aws_s3_bucket_public_access_block.asked", "fail"),
        ("net.access-block.ignore-acls", "aws_s3_bucket_public_access_block.closed", "pass"),
        ("net.access-block.restrict-buckets", "aws_s3_bucket_public_access_block.half", "fail"),
        ("net.access-block.restrict-buckets", "aws_s3_bucket_public_access_block.closed", "pass"),
        ("net.s3-bucket.public-acl", "aws_s3_bucket.bare", "pass"),
        ("net.s3-bucket.public-acl", "aws_s3_bucket.closed", "pass"),
        ("net.s3-bucket.public-acl", "aws_s3_bucket.asked", "unknown"),
        ("net.s3-bucket.public-acl", "aws_s3_bucket.granted", "fail"),
        ("net.s3-bucket.public-acl", "aws_s3_bucket_acl.granted", "fail"),
        ("net.s3-bucket.public-acl", "aws_s3_bucket.owned", "pass"),
        ("net.s3-bucket.public-acl", "aws_s3_bucket_acl.owned", "pass"),
        ("net.s3-bucket.public-acl", "aws_s3_bucket.old", "fail"),
        ("net.s3-bucket.public-acl", "aws_s3_bucket_acl.elsewhere", "fail"),
        ("net.s3-bucket.any-principal", "aws_s3_bucket.bare", "pass"),
        ("net.s3-bucket.any-principal", "aws_s3_bucket.closed", "pass"),
        ("net.s3-bucket.any-principal", "aws_s3_bucket.asked", "unknown"),
        ("net.s3-bucket.any-principal", "aws_s3_bucket.document", "fail"),
        ("net.s3-bucket-policy.any-principal", "aws_s3_bucket_policy.document", "fail"),
        ("net.s3-bucket-policy.any-principal", "aws_s3_bucket_policy.endpoint", "pass"),
        ("net.s3-bucket-policy.any-principal", "aws_s3_bucket_policy.referer", "fail"),
        ("net.s3-bucket-policy.any-principal", "aws_s3_bucket_policy.denied", "pass"),
        ("net.s3-bucket-policy.any-principal", "aws_s3_access_point.kept", "pass"),
        ("net.s3-bucket-policy.any-principal", "aws_s3_access_point.open", "fail"),
        ("net.s3-bucket.public-acl", "aws_s3_object.weights", "fail"),
        ("net.s3-bucket.public-acl", "aws_s3_object.masked", "pass"),
    ],
)
def test_exposure(check: str, address: str, status: str) -> None:
    """Blocks, ACLs and policies are read where they stand, and one that masks another counts."""
    assert verdict(EXPOSED, check, address) == status


def test_the_block_of_the_account_counts_for_its_buckets() -> None:
    """An access block of the whole account is one for each bucket that has none."""
    account = "".join(f"  {a} = true\n" for a in ("block_public_acls", "block_public_policy", "ignore_public_acls"))
    hcl = f'resource "aws_s3_bucket" "b" {{}}\nresource "aws_s3_account_public_access_block" "a" {{\n{account}}}\n'
    assert verdict(hcl, "net.s3-bucket.access-block", "aws_s3_bucket.b") == "pass"
    assert verdict(hcl, "net.access-block.restrict-buckets", "aws_s3_account_public_access_block.a") == "fail"


HELD = (
    UNKNOWN
    + """
provider "aws" {
  allowed_account_ids = ["111122223333"]
}
resource "aws_kms_key" "k" {}
data "aws_kms_alias" "s3" {
  name = "alias/aws/s3"
}
data "aws_caller_identity" "me" {}
resource "aws_s3_bucket" "bare" {
  bucket = "bare"
}
resource "aws_s3_bucket" "good" {
  bucket = "good"
  tags = {
    artifact = "weights"
  }
}
resource "aws_s3_bucket_server_side_encryption_configuration" "good" {
  bucket = aws_s3_bucket.good.bucket
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.k.arn
    }
  }
}
resource "aws_s3_bucket_logging" "good" {
  bucket        = aws_s3_bucket.good.id
  target_bucket = aws_s3_bucket.logs.id
  target_prefix = "x/"
}
resource "aws_s3_bucket_versioning" "good" {
  bucket = aws_s3_bucket.good.id
  versioning_configuration {
    status = "Enabled"
  }
}
resource "aws_s3_bucket_object_lock_configuration" "good" {
  bucket = aws_s3_bucket.good.id
  rule {
    default_retention {
      mode = "COMPLIANCE"
      days = 30
    }
  }
}
resource "aws_s3_bucket_policy" "good" {
  bucket = aws_s3_bucket.good.id
  policy = jsonencode({
    Statement = [
      {
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.good.arn, "${aws_s3_bucket.good.arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      { Effect = "Allow", Principal = { AWS = "arn:aws:iam::111122223333:root" }, Action = "s3:GetObject", Resource = "*" },
      {
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:role/trainer" }
        Action    = "s3:GetObject"
        Resource  = "*"
      },
    ]
  })
}
resource "aws_s3_bucket_replication_configuration" "good" {
  bucket = aws_s3_bucket.good.id
  role   = "r"
  rule {
    status = "Enabled"
    destination {
      bucket = aws_s3_bucket.logs.arn
    }
  }
}
resource "aws_s3_bucket" "logs" {
  bucket = "logs"
}
resource "aws_s3_bucket" "inline" {
  bucket = "inline"
  server_side_encryption_configuration {
    rule {
      apply_server_side_encryption_by_default {
        sse_algorithm     = "aws:kms:dsse"
        kms_master_key_id = "arn:aws:kms:eu-west-1:111122223333:key/1"
      }
    }
  }
  logging {
    target_bucket = "logs"
  }
  versioning {
    enabled = true
  }
  object_lock_configuration {
    object_lock_enabled = "Enabled"
  }
}
resource "aws_s3_bucket" "managed" {
  bucket = "managed"
  versioning {
    enabled = false
  }
  object_lock_enabled = false
  tags = {
    tier = "0"
  }
}
resource "aws_s3_bucket_server_side_encryption_configuration" "managed" {
  bucket = "managed"
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = data.aws_kms_alias.s3.target_key_arn
    }
  }
}
resource "aws_s3_bucket_policy" "managed" {
  bucket = aws_s3_bucket.managed.id
  policy = jsonencode({
    Statement = [
      {
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = aws_s3_bucket.managed.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      { Effect = "Allow", Principal = { AWS = "444455556666" }, Action = "s3:GetObject", Resource = "*" },
    ]
  })
}
resource "aws_s3_bucket_replication_configuration" "managed" {
  bucket = aws_s3_bucket.managed.id
  role   = "r"
  rule {
    status = "Enabled"
    destination {
      bucket  = "arn:aws:s3:::theirs"
      account = "444455556666"
    }
  }
}
resource "aws_s3_bucket" "keyless" {
  bucket = "keyless"
}
resource "aws_s3_bucket_server_side_encryption_configuration" "keyless" {
  bucket = aws_s3_bucket.keyless.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "aws:kms"
    }
  }
}
resource "aws_s3_bucket" "asked" {
  bucket = "asked"
  tags = {
    sensitivity = "high"
  }
}
resource "aws_s3_bucket_server_side_encryption_configuration" "asked" {
  bucket = aws_s3_bucket.asked.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = var.x
    }
  }
}
resource "aws_s3_bucket_versioning" "asked" {
  bucket = aws_s3_bucket.asked.id
  versioning_configuration {
    status = var.x
  }
}
resource "aws_s3_bucket_object_lock_configuration" "asked" {
  bucket              = aws_s3_bucket.asked.id
  object_lock_enabled = var.x
}
resource "aws_s3_bucket_policy" "asked" {
  bucket = aws_s3_bucket.asked.id
  policy = var.x
}
resource "aws_s3_bucket_replication_configuration" "asked" {
  bucket = aws_s3_bucket.asked.id
  role   = "r"
  rule {
    status = "Enabled"
    destination {
      bucket = "arn:aws:s3:::whose"
    }
  }
}
resource "aws_s3_bucket" "marked" {
  bucket = "marked"
  tags = {
    sensitivity = "high"
  }
}
"""
)


@pytest.mark.parametrize(
    ("check", "address", "status"),
    [
        ("enc.s3-bucket.cmk", "bare", "fail"),
        ("enc.s3-bucket.cmk", "good", "pass"),
        ("enc.s3-bucket.cmk", "inline", "pass"),
        ("enc.s3-bucket.cmk", "managed", "fail"),
        ("enc.s3-bucket.cmk", "keyless", "fail"),
        ("enc.s3-bucket.cmk", "asked", "unknown"),
        ("enc.s3-bucket.cmk", "logs", "not-applicable"),
        ("enc.s3-bucket.tls-only", "bare", "fail"),
        ("enc.s3-bucket.tls-only", "good", "pass"),
        ("enc.s3-bucket.tls-only", "managed", "fail"),
        ("enc.s3-bucket.tls-only", "asked", "unknown"),
        ("log.s3-bucket.access-log", "bare", "fail"),
        ("log.s3-bucket.access-log", "good", "pass"),
        ("log.s3-bucket.access-log", "inline", "pass"),
        ("log.s3-bucket.access-log", "logs", "not-applicable"),
        ("rec.s3-bucket.versioning", "bare", "fail"),
        ("rec.s3-bucket.versioning", "good", "pass"),
        ("rec.s3-bucket.versioning", "inline", "pass"),
        ("rec.s3-bucket.versioning", "managed", "fail"),
        ("rec.s3-bucket.versioning", "asked", "unknown"),
        ("rec.s3-bucket.object-lock", "bare", "not-applicable"),
        ("rec.s3-bucket.object-lock", "good", "pass"),
        ("rec.s3-bucket.object-lock", "inline", "pass"),
        ("rec.s3-bucket.object-lock", "managed", "fail"),
        ("rec.s3-bucket.object-lock", "marked", "fail"),
        ("rec.s3-bucket.object-lock", "asked", "unknown"),
        ("art.s3-bucket.copies", "bare", "not-applicable"),
        ("art.s3-bucket.copies", "good", "pass"),
        ("art.s3-bucket.copies", "managed", "fail"),
        ("art.s3-bucket.copies", "asked", "unknown"),
        ("art.store.foreign-account", "bare", "not-applicable"),
        ("art.store.foreign-account", "good", "pass"),
        ("art.store.foreign-account", "managed", "fail"),
        ("art.store.foreign-account", "asked", "unknown"),
    ],
)
def test_what_a_bucket_holds(check: str, address: str, status: str) -> None:
    """Old blocks within the bucket and new ones beside it say the same; what nobody says is the provider's default."""
    assert verdict(HELD, check, f"aws_s3_bucket.{address}") == status


@pytest.mark.parametrize(
    "block",
    [
        'resource "aws_s3_bucket_acl" "a" {\n  bucket = aws_s3_bucket.b.id\n  acl = "log-delivery-write"\n}\n',
        """resource "aws_s3_bucket_acl" "a" {
          bucket = aws_s3_bucket.b.id
          access_control_policy {
            grant {
              permission = "WRITE"
              grantee {
                type = "Group"
                uri  = "http://acs.amazonaws.com/groups/s3/LogDelivery"
              }
            }
          }
        }
        """,
        """resource "aws_s3_bucket_policy" "a" {
          bucket = aws_s3_bucket.b.id
          policy = jsonencode({ Statement = [{
            Effect = "Allow", Principal = { Service = "logging.s3.amazonaws.com" }, Action = "s3:PutObject", Resource = "*"
          }] })
        }
        """,
    ],
)
def test_a_bucket_of_access_logs_keeps_the_key_of_s3(block: str) -> None:
    """S3 writes access logs only under its own key, so that a customer's key is not asked of such a bucket."""
    hcl = 'resource "aws_s3_bucket" "b" {\n  bucket = "b"\n}\n' + block
    assert verdict(hcl, "enc.s3-bucket.cmk", "aws_s3_bucket.b") == "not-applicable"


def test_two_buckets_of_one_name() -> None:
    """A block that refers to one of two buckets with the same name completes that one and not the other."""
    hcl = (
        "".join(f'resource "aws_s3_bucket" "{n}" {{\n  bucket = "same"\n}}\n' for n in ("a", "b"))
        + 'resource "aws_s3_bucket_versioning" "a" {\n  bucket = aws_s3_bucket.a.bucket\n  versioning_configuration {\n    status = "Enabled"\n  }\n}\n'
    )
    assert verdict(hcl, "rec.s3-bucket.versioning", "aws_s3_bucket.a") == "pass"
    assert verdict(hcl, "rec.s3-bucket.versioning", "aws_s3_bucket.b") == "fail"


def test_two_blocks_with_the_same_unknown_name() -> None:
    """A bucket and the block that completes it may both be named by a variable that has no value."""
    hcl = (
        UNKNOWN
        + """
resource "aws_s3_bucket" "asked" {
  bucket = var.x
}
resource "aws_s3_bucket" "other" {
  bucket = "other"
}
resource "aws_s3_bucket_versioning" "asked" {
  bucket = var.x
  versioning_configuration {
    status = "Enabled"
  }
}
"""
    )
    assert verdict(hcl, "rec.s3-bucket.versioning", "aws_s3_bucket.asked") == "pass"
    assert verdict(hcl, "rec.s3-bucket.versioning", "aws_s3_bucket.other") == "fail"


def test_a_block_of_nobody_knows_which_bucket() -> None:
    """A block whose bucket is not known leaves what it might complete in doubt."""
    hcl = (
        UNKNOWN
        + 'resource "aws_s3_bucket" "b" {\n  bucket = "b"\n}\nresource "aws_s3_bucket_logging" "l" {\n  bucket = var.x\n}\n'
    )
    assert verdict(hcl, "log.s3-bucket.access-log", "aws_s3_bucket.b") == "unknown"


def test_the_tags_of_the_provider_are_tags() -> None:
    """What the provider's block writes on everything marks a bucket as sensitive too, unless the bucket says otherwise."""
    hcl = """
provider "aws" {
  default_tags {
    tags = {
      tier = "0"
    }
  }
}
resource "aws_s3_bucket" "silent" {
  bucket = "silent"
}
resource "aws_s3_bucket" "other" {
  bucket = "other"
  tags = {
    tier = "3"
  }
}
"""
    assert verdict(hcl, "rec.s3-bucket.object-lock", "aws_s3_bucket.silent") == "fail"
    assert verdict(hcl, "rec.s3-bucket.object-lock", "aws_s3_bucket.other") == "not-applicable"
