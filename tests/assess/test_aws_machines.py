"""EC2 instances, launch templates and configurations, volumes, images, subnets."""

import pytest
from iac import UNKNOWN, assets, table, verdict

HCL = (
    UNKNOWN
    + """
resource "aws_kms_key" "k" {}
resource "aws_subnet" "private" {
  vpc_id = "vpc-1"
}
resource "aws_subnet" "public" {
  vpc_id                  = "vpc-1"
  map_public_ip_on_launch = true
}
resource "aws_subnet" "asked" {
  vpc_id                  = "vpc-1"
  map_public_ip_on_launch = var.x
}
resource "aws_default_subnet" "zone" {
  availability_zone = "us-east-1a"
}
resource "aws_launch_template" "bare" {
  name = "bare"
}
resource "aws_launch_template" "good" {
  name          = "good"
  instance_type = "c6a.large"
  user_data     = base64encode("dnf install -y amazon-efs-utils")
  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      encrypted = true
    }
  }
  cpu_options {
    amd_sev_snp = "enabled"
  }
}
resource "aws_launch_template" "bad" {
  name      = "bad"
  user_data = base64encode("export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE")
  metadata_options {
    http_endpoint               = "enabled"
    http_put_response_hop_limit = 2
  }
  network_interfaces {
    associate_public_ip_address = true
  }
  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      encrypted = true
    }
  }
  block_device_mappings {
    device_name = "/dev/xvdb"
    ebs {
      volume_size = 100
    }
  }
}
resource "aws_launch_configuration" "good" {
  associate_public_ip_address = false
  metadata_options {
    http_endpoint = "disabled"
  }
  root_block_device {
    encrypted = true
  }
}
resource "aws_launch_configuration" "bad" {
  associate_public_ip_address = true
  user_data                   = "curl -H 'Authorization: x' https://u:hunter22@example.org/"
  root_block_device {
    encrypted = true
  }
  ebs_block_device {
    device_name = "/dev/sdg"
  }
}
resource "aws_instance" "bare" {
  subnet_id = aws_subnet.private.id
}
resource "aws_instance" "templated" {
  launch_template {
    id = aws_launch_template.good.id
  }
  subnet_id = aws_subnet.private.id
  tags      = { tier = "0" }
}
resource "aws_instance" "bad" {
  subnet_id     = aws_subnet.public.id
  instance_type = "p5.4xlarge"
  user_data     = "PASSWORD=$${random}\\nexport DB_PASSWORD=hunter22secret"
  metadata_options {
    http_tokens                 = "optional"
    http_put_response_hop_limit = 2
  }
  root_block_device {
    encrypted = true
  }
  ebs_block_device {
    device_name = "/dev/sdg"
    encrypted   = false
  }
}
resource "aws_instance" "elastic" {
  subnet_id     = aws_subnet.private.id
  instance_type = "m7i.large"
  tags          = { artifact = "weights" }
}
resource "aws_eip" "e" {
  instance = aws_instance.elastic.id
}
resource "aws_instance" "homeless" {
  instance_type = "m7i.large"
}
resource "aws_instance" "asked" {
  subnet_id     = var.x
  instance_type = "m7i.large"
  user_data     = var.x
  tags          = { tier = var.x }
  metadata_options {
    http_tokens                 = var.x
    http_put_response_hop_limit = var.x
  }
  root_block_device {
    encrypted = var.x
  }
}
resource "aws_instance" "restored" {
  subnet_id = aws_subnet.asked.id
  root_block_device {
    encrypted = true
  }
  ebs_block_device {
    device_name = "/dev/sdg"
    snapshot_id = "snap-1"
  }
}
resource "aws_ebs_volume" "bare" {
  availability_zone = "a"
}
resource "aws_ebs_volume" "default" {
  availability_zone = "a"
  encrypted         = true
}
resource "aws_ebs_volume" "good" {
  availability_zone = "a"
  encrypted         = "true"
  kms_key_id        = aws_kms_key.k.arn
}
resource "aws_ebs_volume" "asked" {
  availability_zone = "a"
  encrypted         = var.x
  kms_key_id        = var.x
}
resource "aws_ebs_volume" "copied" {
  availability_zone = "a"
  snapshot_id       = "snap-1"
}
resource "aws_ami" "bare" {
  name = "bare"
}
resource "aws_ami" "good" {
  name        = "good"
  tpm_support = "v2.0"
}
resource "aws_ami" "asked" {
  name        = "asked"
  tpm_support = var.x
}
resource "aws_ami_launch_permission" "world" {
  image_id = "ami-1"
  group    = "all"
}
resource "aws_ami_launch_permission" "friend" {
  image_id   = "ami-1"
  account_id = "123456789012"
}
resource "aws_ami_launch_permission" "asked" {
  image_id = "ami-1"
  group    = var.x
}
"""
)


@pytest.mark.parametrize(
    ("check", "address", "status"),
    table("""
net.instance.imds-v2            aws_instance.bare                fail
net.instance.imds-v2            aws_instance.templated           pass
net.instance.imds-v2            aws_instance.bad                 fail
net.instance.imds-v2            aws_instance.asked               unknown
net.instance.imds-v2            aws_launch_template.bare         fail
net.instance.imds-v2            aws_launch_template.bad          fail
net.instance.imds-v2            aws_launch_configuration.good    pass
net.instance.imds-hops          aws_instance.bare                pass
net.instance.imds-hops          aws_instance.bad                 fail
net.instance.imds-hops          aws_instance.asked               unknown
net.instance.imds-hops          aws_launch_template.bad          fail
net.instance.imds-hops          aws_launch_configuration.good    pass
net.instance.no-public-ip       aws_instance.bare                pass
net.instance.no-public-ip       aws_instance.bad                 fail
net.instance.no-public-ip       aws_instance.elastic             fail
net.instance.no-public-ip       aws_instance.homeless            unknown
net.instance.no-public-ip       aws_instance.asked               unknown
net.instance.no-public-ip       aws_instance.restored            unknown
net.instance.no-public-ip       aws_launch_template.bare         pass
net.instance.no-public-ip       aws_launch_template.bad          fail
net.instance.no-public-ip       aws_launch_configuration.good    pass
net.instance.no-public-ip       aws_launch_configuration.bad     fail
enc.instance.volumes            aws_instance.bare                fail
enc.instance.volumes            aws_instance.templated           pass
enc.instance.volumes            aws_instance.bad                 fail
enc.instance.volumes            aws_instance.asked               unknown
enc.instance.volumes            aws_instance.restored            unknown
enc.instance.volumes            aws_launch_template.bare         fail
enc.instance.volumes            aws_launch_template.good         pass
enc.instance.volumes            aws_launch_template.bad          fail
enc.instance.volumes            aws_launch_configuration.good    pass
enc.instance.volumes            aws_launch_configuration.bad     fail
art.machine.no-secrets          aws_instance.bare                -
art.machine.no-secrets          aws_instance.bad                 fail
art.machine.no-secrets          aws_instance.asked               unknown
art.machine.no-secrets          aws_launch_template.good         pass
art.machine.no-secrets          aws_launch_template.bad          fail
art.machine.no-secrets          aws_launch_configuration.bad     fail
tee.instance.aws-confidential   aws_instance.bare                -
tee.instance.aws-confidential   aws_instance.templated           pass
tee.instance.aws-confidential   aws_instance.bad                 fail
tee.instance.aws-confidential   aws_instance.elastic             fail
tee.instance.aws-confidential   aws_instance.asked               unknown
enc.disk.aws-encrypted          aws_ebs_volume.bare              fail
enc.disk.aws-encrypted          aws_ebs_volume.default           pass
enc.disk.aws-encrypted          aws_ebs_volume.good              pass
enc.disk.aws-encrypted          aws_ebs_volume.asked             unknown
enc.disk.aws-encrypted          aws_ebs_volume.copied            unknown
enc.disk.aws-cmk                aws_ebs_volume.bare              fail
enc.disk.aws-cmk                aws_ebs_volume.default           fail
enc.disk.aws-cmk                aws_ebs_volume.good              pass
enc.disk.aws-cmk                aws_ebs_volume.asked             unknown
enc.disk.aws-cmk                aws_ebs_volume.copied            unknown
boot.image.aws-tpm              aws_ami.bare                     fail
boot.image.aws-tpm              aws_ami.good                     pass
boot.image.aws-tpm              aws_ami.asked                    unknown
net.image.aws-not-public        aws_ami_launch_permission.world  fail
net.image.aws-not-public        aws_ami_launch_permission.friend pass
net.image.aws-not-public        aws_ami_launch_permission.asked  unknown
net.subnet.no-auto-public-ip    aws_subnet.private               pass
net.subnet.no-auto-public-ip    aws_subnet.public                fail
net.subnet.no-auto-public-ip    aws_subnet.asked                 unknown
net.subnet.no-auto-public-ip    aws_default_subnet.zone          fail
"""),
)
def test_machines(check: str, address: str, status: str) -> None:
    """Machines are judged by their own block, their template's, their subnet's, and what the provider does by default."""
    assert verdict(HCL, check, address) == status


def test_a_secret_is_named_by_kind_only() -> None:
    """What was found in a start script is told by kind; the secret itself is in no fact."""
    facts = assets(HCL)["aws_instance.bad"].facts
    assert facts["secrets.found"].value == ("value of db_password",)
    assert "hunter22secret" not in str(facts["secrets.found"])


DEFAULTS = """
resource "aws_ebs_encryption_by_default" "on" {}
resource "aws_ebs_default_kms_key" "k" {
  key_arn = aws_kms_key.k.arn
}
resource "aws_kms_key" "k" {}
resource "aws_ec2_instance_metadata_defaults" "strict" {
  http_tokens                 = "required"
  http_put_response_hop_limit = 2
}
resource "aws_instance" "bare" {
  subnet_id = "subnet-1"
}
resource "aws_instance" "loud" {
  subnet_id = "subnet-1"
  metadata_options {
    http_tokens                 = "optional"
    http_put_response_hop_limit = 1
  }
}
resource "aws_ebs_volume" "bare" {
  availability_zone = "a"
}
"""


@pytest.mark.parametrize(
    ("check", "address", "status"),
    table("""
net.instance.imds-v2    aws_instance.bare    pass
net.instance.imds-hops  aws_instance.bare    fail
net.instance.imds-v2    aws_instance.loud    fail
net.instance.imds-hops  aws_instance.loud    pass
enc.instance.volumes    aws_instance.bare    pass
enc.disk.aws-encrypted  aws_ebs_volume.bare  pass
enc.disk.aws-cmk        aws_ebs_volume.bare  pass
"""),
)
def test_defaults_of_the_account(check: str, address: str, status: str) -> None:
    """What the same configuration sets for the whole account counts where a machine says nothing."""
    assert verdict(DEFAULTS, check, address) == status
