data "aws_iam_policy_document" "sagemaker" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["sagemaker.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "trainer" {
  name               = "trainer"
  assume_role_policy = data.aws_iam_policy_document.sagemaker.json
}

resource "aws_iam_policy" "trainer" {
  name = "trainer"

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }]
  })
}

resource "aws_iam_role_policy_attachment" "trainer" {
  role       = aws_iam_role.trainer.name
  policy_arn = aws_iam_policy.trainer.arn
}
