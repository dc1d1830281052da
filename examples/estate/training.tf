resource "aws_eks_cluster" "training" {
  name     = "training"
  role_arn = aws_iam_role.trainer.arn
  version  = "1.33"

  vpc_config {
    subnet_ids             = [aws_subnet.lab.id]
    endpoint_public_access = true
  }
}

resource "aws_eks_node_group" "h100" {
  cluster_name    = aws_eks_cluster.training.name
  node_group_name = "h100"
  node_role_arn   = aws_iam_role.trainer.arn
  subnet_ids      = [aws_subnet.lab.id]
  instance_types  = ["p5.48xlarge"]

  scaling_config {
    desired_size = 2
    max_size     = 4
    min_size     = 0
  }
}
