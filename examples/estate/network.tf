resource "aws_vpc" "lab" {
  cidr_block = "10.20.0.0/16"
}

resource "aws_subnet" "lab" {
  vpc_id                  = aws_vpc.lab.id
  cidr_block              = "10.20.1.0/24"
  map_public_ip_on_launch = true
}

resource "aws_security_group" "jupyter" {
  name   = "jupyter"
  vpc_id = aws_vpc.lab.id

  dynamic "ingress" {
    for_each = toset([22, 8888])
    content {
      protocol    = "tcp"
      from_port   = ingress.value
      to_port     = ingress.value
      cidr_blocks = ["0.0.0.0/0"]
    }
  }

  egress {
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_security_group" "serving" {
  name   = "serving"
  vpc_id = aws_vpc.lab.id

  ingress {
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["10.0.0.0/8"]
  }
}
