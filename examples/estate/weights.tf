resource "aws_s3_bucket" "weights" {
  bucket = "lab-model-weights"
  tags   = local.tier_0
}

resource "aws_s3_bucket" "datasets" {
  bucket = "lab-datasets"
}

resource "aws_s3_bucket_public_access_block" "datasets" {
  bucket                  = aws_s3_bucket.datasets.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "datasets" {
  bucket = aws_s3_bucket.datasets.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.data.arn
    }
  }
}

resource "aws_kms_key" "data" {
  description         = "datasets and notebooks"
  enable_key_rotation = true
}

resource "aws_kms_key" "weights" {
  description             = "model weights"
  deletion_window_in_days = 7
  tags                    = local.tier_0

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Administration"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${local.account}:role/key-admin" }
        Action    = ["kms:Describe*", "kms:PutKeyPolicy", "kms:EnableKeyRotation", "kms:ScheduleKeyDeletion"]
        Resource  = "*"
      },
      {
        Sid       = "AnyTrainerMayDecrypt"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${local.account}:role/trainer" }
        Action    = "kms:Decrypt"
        Resource  = "*"
      },
    ]
  })
}
