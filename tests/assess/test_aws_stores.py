"""ECR, OpenSearch, S3 Vectors, EFS, FSx, Secrets Manager, parameters, and the policies on them."""

import pytest
from iac import UNKNOWN, table, verdict

HCL = (
    UNKNOWN
    + """
resource "aws_kms_key" "k" {}
data "aws_iam_policy_document" "world" {
  statement {
    actions = ["ecr:BatchGetImage"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
}
resource "aws_ecr_repository" "bare" {
  name = "bare"
}
resource "aws_ecr_repository_policy" "bare" {
  repository = "bare"
  policy     = data.aws_iam_policy_document.world.json
}
resource "aws_ecr_repository" "aes" {
  name = "aes"
  image_scanning_configuration {
    scan_on_push = false
  }
  encryption_configuration {
    encryption_type = "KMS"
  }
}
resource "aws_ecr_repository_policy" "organisation" {
  repository = aws_ecr_repository.aes.name
  policy = jsonencode({
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "*" }
      Action    = "ecr:*"
      Condition = { StringEquals = { "aws:PrincipalOrgID" = "o-1" } }
    }]
  })
}
resource "aws_ecr_repository" "good" {
  name                 = "good"
  image_tag_mutability = "IMMUTABLE"
  image_scanning_configuration {
    scan_on_push = true
  }
  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = aws_kms_key.k.arn
  }
}
resource "aws_ecr_repository" "asked" {
  name                 = "asked"
  image_tag_mutability = var.x
  image_scanning_configuration {
    scan_on_push = var.x
  }
  encryption_configuration {
    encryption_type = var.x
  }
}
resource "aws_ecr_repository_policy" "asked" {
  repository = aws_ecr_repository.asked.name
  policy     = var.x
}
resource "aws_opensearch_domain" "bare" {
  domain_name     = "bare"
  access_policies = jsonencode({ Statement = [{ Effect = "Allow", Principal = "*", Action = "es:*" }] })
}
resource "aws_opensearch_domain" "bad" {
  domain_name = "bad"
  cluster_config {
    instance_count = 3
  }
  encrypt_at_rest {
    enabled = true
  }
  domain_endpoint_options {
    enforce_https = false
  }
}
resource "aws_elasticsearch_domain" "off" {
  domain_name = "off"
  node_to_node_encryption {
    enabled = false
  }
}
resource "aws_opensearch_domain" "good" {
  domain_name = "good"
  access_policies = jsonencode({ Statement = [{ Effect = "Allow", Principal = { AWS = "*" }, Action = "es:*" }] })
  advanced_security_options {
    enabled = true
  }
  cluster_config {
    instance_count = 3
  }
  encrypt_at_rest {
    enabled    = true
    kms_key_id = aws_kms_key.k.arn
  }
  node_to_node_encryption {
    enabled = true
  }
  domain_endpoint_options {
    tls_security_policy = "Policy-Min-TLS-1-2-PFS-2023-10"
  }
  vpc_options {
    subnet_ids = [var.x]
  }
}
resource "aws_elasticsearch_domain" "asked" {
  domain_name     = "asked"
  access_policies = var.x
  cluster_config {
    instance_count = var.x
  }
  encrypt_at_rest {
    enabled    = var.x
    kms_key_id = var.x
  }
  domain_endpoint_options {
    enforce_https       = var.x
    tls_security_policy = var.x
  }
  vpc_options = var.x
}
resource "aws_s3vectors_vector_bucket" "bare" {
  vector_bucket_name = "bare"
}
resource "aws_s3vectors_vector_bucket" "good" {
  vector_bucket_name = "good"
  encryption_configuration {
    sse_type    = "aws:kms"
    kms_key_arn = aws_kms_key.k.arn
  }
}
resource "aws_opensearchserverless_security_policy" "open" {
  name   = "open"
  type   = "network"
  policy = jsonencode([{ Rules = [], AllowFromPublic = false }, { Rules = [], AllowFromPublic = true }])
}
resource "aws_opensearchserverless_security_policy" "closed" {
  name   = "closed"
  type   = "network"
  policy = jsonencode([{ Rules = [], AllowFromPublic = false }])
}
resource "aws_opensearchserverless_security_policy" "asked" {
  name   = "asked"
  type   = "network"
  policy = var.x
}
resource "aws_opensearchserverless_security_policy" "owned" {
  name   = "owned"
  type   = "encryption"
  policy = jsonencode({ Rules = [], AWSOwnedKey = true })
}
resource "aws_opensearchserverless_security_policy" "keyed" {
  name   = "keyed"
  type   = "encryption"
  policy = jsonencode({ Rules = [], KmsARN = "arn:aws:kms:us-east-1:123456789012:key/1" })
}
resource "aws_efs_file_system" "bare" {
  creation_token = "bare"
}
resource "aws_efs_file_system" "default" {
  encrypted = true
}
resource "aws_efs_file_system" "good" {
  encrypted  = true
  kms_key_id = aws_kms_key.k.arn
}
resource "aws_efs_file_system" "asked" {
  encrypted = var.x
}
resource "aws_fsx_lustre_file_system" "bare" {
  storage_capacity = 1200
}
resource "aws_fsx_lustre_file_system" "good" {
  kms_key_id = aws_kms_key.k.arn
}
resource "aws_fsx_lustre_file_system" "asked" {
  kms_key_id = var.x
}
resource "aws_secretsmanager_secret" "bare" {
  name = "bare"
}
resource "aws_secretsmanager_secret" "managed" {
  name       = "managed"
  kms_key_id = "alias/aws/secretsmanager"
}
resource "aws_secretsmanager_secret" "good" {
  name       = "good"
  kms_key_id = aws_kms_key.k.id
}
resource "aws_secretsmanager_secret_policy" "good" {
  secret_arn = aws_secretsmanager_secret.good.arn
  policy     = jsonencode({ Statement = { Effect = "Allow", Principal = "*", Action = "secretsmanager:*" } })
}
resource "aws_secretsmanager_secret" "asked" {
  name       = "asked"
  kms_key_id = var.x
}
resource "aws_ssm_parameter" "plain" {
  type  = "String"
  value = "eu-central-1"
}
resource "aws_ssm_parameter" "bare" {
  type  = "SecureString"
  value = var.x
}
"""
)


@pytest.mark.parametrize(
    ("check", "address", "status"),
    table("""
art.registry.ecr-immutable      aws_ecr_repository.bare                                fail
art.registry.ecr-immutable      aws_ecr_repository.good                                pass
art.registry.ecr-immutable      aws_ecr_repository.asked                               unknown
art.registry.ecr-scan           aws_ecr_repository.bare                                fail
art.registry.ecr-scan           aws_ecr_repository.aes                                 fail
art.registry.ecr-scan           aws_ecr_repository.good                                pass
art.registry.ecr-scan           aws_ecr_repository.asked                               unknown
enc.registry.ecr-cmk            aws_ecr_repository.bare                                fail
enc.registry.ecr-cmk            aws_ecr_repository.aes                                 fail
enc.registry.ecr-cmk            aws_ecr_repository.good                                pass
enc.registry.ecr-cmk            aws_ecr_repository.asked                               unknown
net.resource-policy.not-public  aws_ecr_repository.bare                                fail
net.resource-policy.not-public  aws_ecr_repository.good                                pass
net.resource-policy.not-public  aws_ecr_repository.asked                               unknown
net.resource-policy.not-public  aws_ecr_repository_policy.bare                         fail
net.resource-policy.not-public  aws_ecr_repository_policy.organisation                 pass
net.resource-policy.not-public  aws_ecr_repository_policy.asked                        unknown
net.resource-policy.not-public  aws_secretsmanager_secret.good                         fail
net.search.policy-not-public    aws_opensearch_domain.bare                             fail
net.search.policy-not-public    aws_opensearch_domain.bad                              pass
net.search.policy-not-public    aws_opensearch_domain.good                             pass
net.search.policy-not-public    aws_elasticsearch_domain.asked                         unknown
enc.search.at-rest              aws_opensearch_domain.bare                             fail
enc.search.at-rest              aws_opensearch_domain.good                             pass
enc.search.at-rest              aws_elasticsearch_domain.asked                         unknown
enc.search.cmk                  aws_opensearch_domain.bare                             fail
enc.search.cmk                  aws_opensearch_domain.bad                              fail
enc.search.cmk                  aws_opensearch_domain.good                             pass
enc.search.cmk                  aws_elasticsearch_domain.asked                         unknown
enc.search.cmk                  aws_s3vectors_vector_bucket.bare                       fail
enc.search.cmk                  aws_s3vectors_vector_bucket.good                       pass
enc.search.between-nodes        aws_opensearch_domain.bare                             pass
enc.search.between-nodes        aws_opensearch_domain.bad                              fail
enc.search.between-nodes        aws_elasticsearch_domain.off                           fail
enc.search.between-nodes        aws_opensearch_domain.good                             pass
enc.search.between-nodes        aws_elasticsearch_domain.asked                         unknown
enc.search.https                aws_opensearch_domain.bare                             fail
enc.search.https                aws_opensearch_domain.bad                              fail
enc.search.https                aws_opensearch_domain.good                             pass
enc.search.https                aws_elasticsearch_domain.asked                         unknown
enc.search.tls12                aws_opensearch_domain.bare                             fail
enc.search.tls12                aws_opensearch_domain.good                             pass
enc.search.tls12                aws_elasticsearch_domain.asked                         unknown
net.search.in-vpc               aws_opensearch_domain.bare                             fail
net.search.in-vpc               aws_opensearch_domain.good                             pass
net.search.in-vpc               aws_elasticsearch_domain.asked                         unknown
net.search.collections-private  aws_opensearchserverless_security_policy.open          fail
net.search.collections-private  aws_opensearchserverless_security_policy.closed        pass
net.search.collections-private  aws_opensearchserverless_security_policy.asked         unknown
net.search.collections-private  aws_opensearchserverless_security_policy.owned         -
enc.search.collections-cmk      aws_opensearchserverless_security_policy.owned         fail
enc.search.collections-cmk      aws_opensearchserverless_security_policy.keyed         pass
enc.search.collections-cmk      aws_opensearchserverless_security_policy.open          -
enc.fs.aws-encrypted            aws_efs_file_system.bare                               fail
enc.fs.aws-encrypted            aws_efs_file_system.good                               pass
enc.fs.aws-encrypted            aws_efs_file_system.asked                              unknown
enc.fs.aws-encrypted            aws_fsx_lustre_file_system.bare                        pass
enc.fs.aws-cmk                  aws_efs_file_system.bare                               fail
enc.fs.aws-cmk                  aws_efs_file_system.default                            fail
enc.fs.aws-cmk                  aws_efs_file_system.good                               pass
enc.fs.aws-cmk                  aws_efs_file_system.asked                              unknown
enc.fs.aws-cmk                  aws_fsx_lustre_file_system.bare                        fail
enc.fs.aws-cmk                  aws_fsx_lustre_file_system.good                        pass
enc.fs.aws-cmk                  aws_fsx_lustre_file_system.asked                       unknown
enc.secret.cmk                  aws_secretsmanager_secret.bare                         fail
enc.secret.cmk                  aws_secretsmanager_secret.managed                      fail
enc.secret.cmk                  aws_secretsmanager_secret.good                         pass
enc.secret.cmk                  aws_secretsmanager_secret.asked                        unknown
enc.secret.cmk                  aws_ssm_parameter.plain                                -
enc.secret.cmk                  aws_ssm_parameter.bare                                 fail
"""),
)
def test_stores(check: str, address: str, status: str) -> None:
    """Stores are judged by their blocks and the policies attached to them, and by the defaults where they say nothing."""
    assert verdict(HCL, check, address) == status
