resource "aws_sagemaker_notebook_instance" "research" {
  name          = "research"
  role_arn      = aws_iam_role.trainer.arn
  instance_type = "ml.g5.2xlarge"
}

resource "aws_sagemaker_notebook_instance" "evaluation" {
  name                   = "evaluation"
  role_arn               = aws_iam_role.trainer.arn
  instance_type          = "ml.g5.2xlarge"
  subnet_id              = aws_subnet.lab.id
  security_groups        = [aws_security_group.serving.id]
  direct_internet_access = "Disabled"
  root_access            = "Disabled"
  kms_key_id             = aws_kms_key.data.arn

  instance_metadata_service_configuration {
    minimum_instance_metadata_service_version = "2"
  }
}
