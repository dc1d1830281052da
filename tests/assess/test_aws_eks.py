"""EKS clusters and node groups."""

from datetime import UTC, datetime

import pytest
from iac import UNKNOWN, assets, table, verdict

from strongroom.app.catalogue import catalogue
from strongroom.assess.judge import judge

CLUSTERS = (
    UNKNOWN
    + """
resource "aws_kms_key" "k" {}
resource "aws_eks_cluster" "bare" {
  name = "bare"
}
resource "aws_eks_cluster" "good" {
  name                      = "good"
  version                   = "1.31"
  enabled_cluster_log_types = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = false
  }
  vpc_config {
    endpoint_private_access = true
    endpoint_public_access  = false
  }
  dynamic "encryption_config" {
    for_each = ["on"]
    content {
      resources = ["secrets"]
      provider {
        key_arn = aws_kms_key.k.arn
      }
    }
  }
}
resource "aws_eks_addon" "cni" {
  cluster_name         = aws_eks_cluster.good.name
  addon_name           = "vpc-cni"
  configuration_values = jsonencode({ enableNetworkPolicy = "true" })
}
resource "aws_eks_cluster" "limited" {
  name                      = "limited"
  version                   = "1.28"
  enabled_cluster_log_types = ["api", "audit"]
  vpc_config {
    public_access_cidrs = ["203.0.113.0/24", "198.51.100.0/24"]
  }
  encryption_config {
    resources = ["secrets"]
  }
}
resource "aws_eks_cluster" "halves" {
  name = "halves"
  vpc_config {
    endpoint_public_access = true
    public_access_cidrs    = ["0.0.0.0/1", "128.0.0.0/1"]
  }
}
resource "aws_eks_cluster" "asked" {
  name                      = "asked"
  version                   = var.x
  enabled_cluster_log_types = var.x
  access_config {
    authentication_mode                         = var.x
    bootstrap_cluster_creator_admin_permissions = var.x
  }
  vpc_config {
    endpoint_private_access = var.x
    endpoint_public_access  = var.x
    public_access_cidrs     = var.x
  }
  encryption_config {
    resources = ["secrets"]
    provider {
      key_arn = var.x
    }
  }
}
resource "aws_eks_addon" "asked" {
  cluster_name         = aws_eks_cluster.asked.name
  addon_name           = "vpc-cni"
  configuration_values = var.x
}
resource "aws_eks_cluster" "shut" {
  name = "shut"
  vpc_config {
    endpoint_public_access = false
    public_access_cidrs    = var.x
  }
}
"""
)


@pytest.mark.parametrize(
    ("check", "name", "status"),
    table("""
net.cluster.eks-api-private      bare     fail
net.cluster.eks-api-private      good     pass
net.cluster.eks-api-private      limited  fail
net.cluster.eks-api-private      asked    unknown
net.cluster.eks-api-cidrs        bare     fail
net.cluster.eks-api-cidrs        good     pass
net.cluster.eks-api-cidrs        limited  pass
net.cluster.eks-api-cidrs        halves   fail
net.cluster.eks-api-cidrs        asked    unknown
net.cluster.eks-api-cidrs        shut     pass
net.cluster.eks-api-inside       bare     fail
net.cluster.eks-api-inside       good     pass
net.cluster.eks-api-inside       asked    unknown
enc.cluster.eks-secrets-cmk      bare     fail
enc.cluster.eks-secrets-cmk      good     pass
enc.cluster.eks-secrets-cmk      limited  fail
enc.cluster.eks-secrets-cmk      asked    unknown
log.cluster.eks-control-plane    bare     fail
log.cluster.eks-control-plane    good     pass
log.cluster.eks-control-plane    limited  fail
log.cluster.eks-control-plane    asked    unknown
inv.cluster.eks-version          bare     pass
inv.cluster.eks-version          good     pass
inv.cluster.eks-version          limited  fail
inv.cluster.eks-version          asked    unknown
iam.cluster.eks-access-entries   bare     fail
iam.cluster.eks-access-entries   good     pass
iam.cluster.eks-access-entries   asked    unknown
iam.cluster.eks-creator          bare     fail
iam.cluster.eks-creator          good     pass
iam.cluster.eks-creator          asked    unknown
net.cluster.eks-network-policy   bare     fail
net.cluster.eks-network-policy   good     pass
net.cluster.eks-network-policy   asked    unknown
"""),
)
def test_clusters(check: str, name: str, status: str) -> None:
    """A cluster is judged by what it says, and where it says nothing by what EKS does then."""
    assert verdict(CLUSTERS, check, f"aws_eks_cluster.{name}") == status


def test_support_ends_with_its_day() -> None:
    """A version is supported on its last day and not on the next; a newer one than the list knows is not guessed at."""
    cluster = assets(CLUSTERS)["aws_eks_cluster.good"]
    check = catalogue().checks["inv.cluster.eks-version"]
    assert judge(check, cluster, datetime(2026, 11, 26, tzinfo=UTC)).status == "pass"
    assert judge(check, cluster, datetime(2026, 11, 27, tzinfo=UTC)).status == "fail"
    newer = 'resource "aws_eks_cluster" "n" {\n  name = "n"\n  version = "1.99"\n}\n'
    cluster = assets(newer)["aws_eks_cluster.n"]
    assert judge(check, cluster, datetime(2026, 11, 27, tzinfo=UTC)).status == "pass"
    assert judge(check, cluster, datetime(2029, 1, 1, tzinfo=UTC)).status == "unknown"


POOLS = (
    UNKNOWN
    + """
resource "aws_subnet" "private" {
  vpc_id = "vpc-1"
}
resource "aws_subnet" "public" {
  vpc_id                  = "vpc-1"
  map_public_ip_on_launch = true
}
resource "aws_launch_template" "p5" {
  name          = "p5"
  image_id      = "ami-1"
  instance_type = "p5.48xlarge"
  enclave_options {
    enabled = true
  }
  network_interfaces {
    associate_public_ip_address = true
  }
}
resource "aws_eks_node_group" "bare" {
  cluster_name   = "c"
  subnet_ids     = [aws_subnet.private.id]
  instance_types = ["g6.2xlarge"]
  taint {
    key    = "nvidia.com/gpu"
    effect = "PREFER_NO_SCHEDULE"
  }
  remote_access {
    ec2_ssh_key = "k"
  }
}
resource "aws_eks_node_group" "good" {
  cluster_name   = "c"
  subnet_ids     = [aws_subnet.private.id]
  instance_types = ["p5.48xlarge"]
  ami_type       = "AL2_x86_64_GPU"
  tags           = { tier = "2" }
  taint {
    key    = "nvidia.com/gpu"
    value  = "present"
    effect = "NO_SCHEDULE"
  }
  remote_access {
    ec2_ssh_key               = "k"
    source_security_group_ids = ["sg-1"]
  }
}
resource "aws_eks_node_group" "templated" {
  cluster_name = "c"
  subnet_ids   = aws_subnet.private[*].id
  launch_template {
    id      = aws_launch_template.p5.id
    version = "1"
  }
}
resource "aws_eks_node_group" "cpu" {
  cluster_name   = "c"
  subnet_ids     = [aws_subnet.private.id, aws_subnet.public.id]
  instance_types = ["m7i.large"]
}
resource "aws_eks_node_group" "asked" {
  cluster_name   = "c"
  subnet_ids     = var.x
  instance_types = ["trn2.48xlarge"]
  dynamic "taint" {
    for_each = var.x
    content {
      key    = "aws.amazon.com/neuron"
      effect = taint.value
    }
  }
  remote_access {
    ec2_ssh_key               = "k"
    source_security_group_ids = var.x
  }
}
"""
)


@pytest.mark.parametrize(
    ("check", "name", "status"),
    table("""
gpu.node-pool.eks-tainted        bare       fail
gpu.node-pool.eks-tainted        good       pass
gpu.node-pool.eks-tainted        templated  fail
gpu.node-pool.eks-tainted        cpu        -
gpu.node-pool.eks-tainted        asked      unknown
gpu.node-pool.eks-driver         bare       unknown
gpu.node-pool.eks-driver         good       fail
gpu.node-pool.eks-driver         templated  unknown
gpu.node-pool.eks-driver         cpu        -
net.node-pool.eks-ssh            bare       fail
net.node-pool.eks-ssh            good       pass
net.node-pool.eks-ssh            cpu        pass
net.node-pool.eks-ssh            asked      unknown
net.node-pool.eks-private        bare       pass
net.node-pool.eks-private        cpu        fail
net.node-pool.eks-private        templated  fail
net.node-pool.eks-private        asked      unknown
tee.node-pool.eks-confidential   bare       fail
tee.node-pool.eks-confidential   good       -
tee.node-pool.eks-confidential   templated  pass
tee.node-pool.eks-confidential   cpu        -
"""),
)
def test_node_groups(check: str, name: str, status: str) -> None:
    """A pool is judged with its launch template and subnets; accelerators ask for taints and, unmarked, for enclaves."""
    assert verdict(POOLS, check, f"aws_eks_node_group.{name}") == status


def test_accelerators_are_counted() -> None:
    """A pool's accelerators come from its machine types, its launch template's where it names none."""
    pool = assets(POOLS)["aws_eks_node_group.templated"]
    assert (pool.value("gpu.model"), pool.value("gpu.count")) == ("NVIDIA H100", 8)
    assert assets(POOLS)["aws_eks_node_group.cpu"].value("gpu.count") is None
