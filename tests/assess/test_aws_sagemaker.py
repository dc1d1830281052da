"""SageMaker: notebooks, models, jobs, endpoint configurations, Studio."""

import pytest
from iac import UNKNOWN, table, verdict

NOTEBOOKS = (
    UNKNOWN
    + """
resource "aws_kms_key" "k" {}
data "aws_kms_alias" "managed" {
  name = "alias/aws/sagemaker"
}
resource "aws_iam_role" "wide" {
  name = "wide"
}
resource "aws_iam_role_policy" "wide" {
  role   = aws_iam_role.wide.id
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })
}
resource "aws_iam_role" "managed" {
  name                = "managed"
  managed_policy_arns = ["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"]
}
resource "aws_iam_role_policy_attachment" "managed" {
  role       = "managed"
  policy_arn = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"
}
resource "aws_iam_role" "power" {
  name = "power"
}
resource "aws_iam_role_policy_attachment" "power" {
  role       = aws_iam_role.power.name
  policy_arn = "arn:aws:iam::aws:policy/PowerUserAccess"
}
resource "aws_sagemaker_notebook_instance" "bare" {
  role_arn = aws_iam_role.wide.arn
}
resource "aws_sagemaker_notebook_instance" "bad" {
  role_arn               = aws_iam_role.power.arn
  direct_internet_access = "Enabled"
  root_access            = "Enabled"
  kms_key_id             = data.aws_kms_alias.managed.target_key_arn
  instance_metadata_service_configuration {
    minimum_instance_metadata_service_version = "1"
  }
}
resource "aws_sagemaker_notebook_instance" "good" {
  role_arn               = aws_iam_role.managed.arn
  direct_internet_access = "Disabled"
  root_access            = "Disabled"
  subnet_id              = aws_subnet.elsewhere.id
  kms_key_id             = aws_kms_key.k.id
  instance_metadata_service_configuration {
    minimum_instance_metadata_service_version = "2"
  }
}
resource "aws_sagemaker_notebook_instance" "asked" {
  role_arn               = var.x
  direct_internet_access = var.x
  root_access            = var.x
  subnet_id              = var.x
  kms_key_id             = var.x
  lifecycle_config_name  = var.x
  instance_metadata_service_configuration {
    minimum_instance_metadata_service_version = var.x
  }
}
resource "aws_sagemaker_notebook_instance_lifecycle_configuration" "leaky" {
  name     = "leaky"
  on_start = base64encode("export HF_TOKEN=hf_abcdefghijklmnopqrstuvwxyzABCDEFGH")
}
resource "aws_sagemaker_notebook_instance_lifecycle_configuration" "clean" {
  name     = "clean"
  on_start = base64encode("export HF_TOKEN=$(aws secretsmanager get-secret-value --secret-id hub)")
}
"""
)
NATIVE = "aws_sagemaker_notebook_instance"


@pytest.mark.parametrize(
    ("check", "name", "status"),
    table("""
net.notebook.direct-internet  bare   fail
net.notebook.direct-internet  bad    fail
net.notebook.direct-internet  good   pass
net.notebook.direct-internet  asked  unknown
net.notebook.in-vpc           bare   fail
net.notebook.in-vpc           good   pass
net.notebook.in-vpc           asked  unknown
iam.notebook.no-root          bare   fail
iam.notebook.no-root          bad    fail
iam.notebook.no-root          good   pass
iam.notebook.no-root          asked  unknown
enc.notebook.cmk              bare   fail
enc.notebook.cmk              bad    fail
enc.notebook.cmk              good   pass
enc.notebook.cmk              asked  unknown
net.notebook.imds-v2          bare   fail
net.notebook.imds-v2          bad    fail
net.notebook.imds-v2          good   pass
net.notebook.imds-v2          asked  unknown
iam.notebook.role-scoped      bare   fail
iam.notebook.role-scoped      bad    fail
iam.notebook.role-scoped      good   pass
iam.notebook.role-scoped      asked  unknown
art.machine.no-secrets        bare   -
art.machine.no-secrets        asked  unknown
"""),
)
def test_notebooks(check: str, name: str, status: str) -> None:
    """A notebook is judged by what it says, by the provider's default where it says nothing, and by its role."""
    assert verdict(NOTEBOOKS, check, f"{NATIVE}.{name}") == status


@pytest.mark.parametrize(("name", "status"), [("leaky", "fail"), ("clean", "pass")])
def test_start_scripts_of_notebooks(name: str, status: str) -> None:
    """A secret in a start script is found through its base64, and a call that fetches one is none."""
    assert verdict(NOTEBOOKS, "art.machine.no-secrets", f"{NATIVE}_lifecycle_configuration.{name}") == status


REST = (
    UNKNOWN
    + """
resource "aws_kms_key" "k" {}
resource "aws_sagemaker_model" "bare" {}
resource "aws_sagemaker_model" "placed" {
  vpc_config {
    subnets            = [aws_subnet.elsewhere.id]
    security_group_ids = ["sg-1"]
  }
}
resource "aws_sagemaker_model" "isolated" {
  enable_network_isolation = true
}
resource "aws_sagemaker_model" "asked" {
  enable_network_isolation = var.x
}
resource "aws_sagemaker_data_quality_job_definition" "bare" {
  data_quality_job_output_config {
    monitoring_outputs {
      s3_output {
        s3_uri = "s3://b"
      }
    }
  }
}
resource "aws_sagemaker_data_quality_job_definition" "good" {
  data_quality_job_output_config {
    kms_key_id = aws_kms_key.k.arn
  }
  job_resources {
    cluster_config {
      instance_type     = "ml.g5.12xlarge"
      volume_kms_key_id = aws_kms_key.k.arn
    }
  }
  network_config {
    enable_inter_container_traffic_encryption = true
    enable_network_isolation                  = true
  }
}
resource "aws_sagemaker_training_job" "good" {
  training_job_name                         = "t"
  enable_inter_container_traffic_encryption = true
  enable_network_isolation                  = true
  output_data_config {
    kms_key_id = aws_kms_key.k.arn
  }
  resource_config {
    volume_kms_key_id = "alias/training"
  }
  vpc_config {
    subnets = ["subnet-1"]
  }
}
resource "aws_sagemaker_training_job" "asked" {
  enable_inter_container_traffic_encryption = var.x
  enable_network_isolation                  = var.x
  output_data_config {
    kms_key_id = var.x
  }
  resource_config {
    volume_kms_key_id = var.x
  }
}
resource "aws_sagemaker_flow_definition" "bare" {
  output_config {
    s3_output_path = "s3://b"
  }
}
resource "aws_sagemaker_flow_definition" "good" {
  output_config {
    kms_key_id = "abc"
  }
}
resource "aws_sagemaker_endpoint_configuration" "bare" {
  data_capture_config {
    destination_s3_uri = "s3://b"
  }
}
resource "aws_sagemaker_endpoint_configuration" "good" {
  kms_key_arn = aws_kms_key.k.arn
  data_capture_config {
    enable_capture = true
    kms_key_id     = aws_kms_key.k.arn
  }
}
resource "aws_sagemaker_endpoint_configuration" "on_own_disks" {
  production_variants {
    instance_type = "ml.g5.2xlarge"
  }
}
resource "aws_sagemaker_endpoint_configuration" "on_volumes" {
  production_variants {
    instance_type = "ml.t2.medium"
  }
}
resource "aws_sagemaker_training_job" "on_own_disks" {
  resource_config {
    instance_type = "ml.p4d.24xlarge"
  }
}
resource "aws_sagemaker_endpoint_configuration" "asked" {
  kms_key_arn = var.x
}
resource "aws_sagemaker_domain" "bare" {
  auth_mode = "IAM"
}
resource "aws_sagemaker_domain" "good" {
  auth_mode               = "SSO"
  app_network_access_type = "VpcOnly"
  kms_key_id              = aws_kms_key.k.arn
}
resource "aws_sagemaker_domain" "asked" {
  auth_mode               = var.x
  app_network_access_type = var.x
  kms_key_id              = var.x
}
resource "aws_sagemaker_feature_group" "bare" {
  feature_group_name = "a"
  online_store_config {
    enable_online_store = true
    security_config {
      kms_key_id = aws_kms_key.k.arn
    }
  }
  offline_store_config {
    s3_storage_config {
      s3_uri = "s3://b"
    }
  }
}
resource "aws_sagemaker_feature_group" "good" {
  feature_group_name = "b"
  online_store_config {
    enable_online_store = false
  }
  offline_store_config {
    s3_storage_config {
      kms_key_id = aws_kms_key.k.arn
    }
  }
}
"""
)


@pytest.mark.parametrize(
    ("check", "name", "status"),
    table("""
net.model.isolated               model.bare                         fail
net.model.isolated               model.placed                       fail
net.model.isolated               model.isolated                     pass
net.model.isolated               model.asked                        unknown
net.model.in-vpc                 model.bare                         fail
net.model.in-vpc                 model.placed                       pass
net.model.in-vpc                 model.isolated                     pass
net.model.in-vpc                 model.asked                        unknown
enc.job.output-cmk               data_quality_job_definition.bare   fail
enc.job.output-cmk               data_quality_job_definition.good   pass
enc.job.output-cmk               training_job.good                  pass
enc.job.output-cmk               training_job.asked                 unknown
enc.job.output-cmk               flow_definition.bare               fail
enc.job.output-cmk               flow_definition.good               pass
enc.job.volume-cmk               data_quality_job_definition.bare   fail
enc.job.volume-cmk               data_quality_job_definition.good   pass
enc.job.volume-cmk               training_job.good                  pass
enc.job.volume-cmk               training_job.asked                 unknown
enc.job.volume-cmk               flow_definition.bare               -
enc.job.between-containers       data_quality_job_definition.bare   fail
enc.job.between-containers       data_quality_job_definition.good   pass
enc.job.between-containers       training_job.asked                 unknown
net.job.in-vpc                   data_quality_job_definition.bare   fail
net.job.in-vpc                   data_quality_job_definition.good   pass
net.job.in-vpc                   training_job.good                  pass
net.job.in-vpc                   training_job.asked                 unknown
net.job.isolated                 data_quality_job_definition.bare   fail
net.job.isolated                 training_job.good                  pass
net.job.isolated                 training_job.asked                 unknown
enc.endpoint-config.cmk          endpoint_configuration.bare        fail
enc.endpoint-config.cmk          endpoint_configuration.good        pass
enc.endpoint-config.cmk          endpoint_configuration.asked       unknown
enc.endpoint-config.cmk          endpoint_configuration.on_own_disks  not-applicable
enc.endpoint-config.cmk          endpoint_configuration.on_volumes  fail
enc.job.volume-cmk               training_job.on_own_disks          not-applicable
enc.endpoint-config.capture-cmk  endpoint_configuration.bare        fail
enc.endpoint-config.capture-cmk  endpoint_configuration.good        pass
enc.endpoint-config.capture-cmk  endpoint_configuration.asked       -
net.workspace.vpc-only           domain.bare                        fail
net.workspace.vpc-only           domain.good                        pass
net.workspace.vpc-only           domain.asked                       unknown
enc.workspace.studio-cmk         domain.bare                        fail
enc.workspace.studio-cmk         domain.good                        pass
enc.workspace.studio-cmk         domain.asked                       unknown
iam.workspace.studio-sso         domain.bare                        fail
iam.workspace.studio-sso         domain.good                        pass
iam.workspace.studio-sso         domain.asked                       unknown
enc.index.cmk                    feature_group.bare                 fail
enc.index.cmk                    feature_group.good                 pass
"""),
)
def test_the_rest_of_sagemaker(check: str, name: str, status: str) -> None:
    """Jobs, models, endpoints and Studio are judged by the blocks that hold their settings, or by their defaults."""
    assert verdict(REST, check, f"aws_sagemaker_{name}") == status
