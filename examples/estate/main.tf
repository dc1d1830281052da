terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 5.90" }
  }
}

provider "aws" {
  region = "eu-west-1"
}

locals {
  account = "111122223333"
  tier_0  = { tier = "0", artifact = "weights", owner = "research" }
}
