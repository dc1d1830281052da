variable "scratch_encrypted" {
  description = "Whether the scratch disk is encrypted; nobody gave it a value."
  type        = bool
}

resource "aws_ebs_volume" "scratch" {
  availability_zone = "eu-west-1a"
  size              = 2000
  encrypted         = var.scratch_encrypted
}

# Not in this folder: what it makes cannot be judged, and so nothing that it could break counts as a pass.
module "gateway" {
  source  = "terraform-aws-modules/ec2-instance/aws"
  version = "5.8.0"
}
