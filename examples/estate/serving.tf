resource "aws_sagemaker_model" "chat" {
  name               = "chat"
  execution_role_arn = aws_iam_role.trainer.arn

  primary_container {
    image          = "${local.account}.dkr.ecr.eu-west-1.amazonaws.com/serving:latest"
    model_data_url = "s3://${aws_s3_bucket.weights.bucket}/chat/model.tar.gz"
  }
}

resource "aws_sagemaker_endpoint_configuration" "chat" {
  name = "chat"

  production_variants {
    variant_name           = "main"
    model_name             = aws_sagemaker_model.chat.name
    initial_instance_count = 1
    instance_type          = "ml.g5.12xlarge"
  }
}

resource "aws_sagemaker_endpoint" "chat" {
  name                 = "chat"
  endpoint_config_name = aws_sagemaker_endpoint_configuration.chat.name
}
