"""AWS networks: what security groups and network ACLs let in and out, flow logs, default groups and endpoints."""

import pytest
from iac import UNKNOWN, table, verdict

GROUPS = (
    UNKNOWN
    + """
resource "aws_security_group" "bare" {
  name = "bare"
}
resource "aws_security_group" "ssh" {
  ingress {
    from_port   = 20
    to_port     = 25
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8", "0.0.0.0/0"]
  }
}
resource "aws_security_group" "six" {
  ingress {
    from_port        = 3389
    to_port          = 3389
    protocol         = "6"
    ipv6_cidr_blocks = ["::/0"]
  }
}
resource "aws_security_group" "halves" {
  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/1", "128.0.0.0/1"]
  }
}
resource "aws_security_group" "every" {
  ingress {
    from_port   = -1
    to_port     = -1
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
  egress {
    from_port   = 20
    to_port     = 200
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
resource "aws_security_group" "inside" {
  ingress = [{
    from_port       = 22
    to_port         = 22
    protocol        = "tcp"
    cidr_blocks     = null
    security_groups = ["sg-1"]
    self            = null
  }]
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["10.0.0.0/8"]
  }
}
resource "aws_security_group" "web" {
  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
  egress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
resource "aws_security_group" "ray" {
  ingress {
    from_port   = 8265
    to_port     = 8265
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
  ingress {
    from_port   = -1
    to_port     = -1
    protocol    = "icmp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
resource "aws_security_group" "asked" {
  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = [var.x]
  }
  egress {
    from_port   = var.x
    to_port     = var.x
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
resource "aws_security_group" "spite" {
  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = [var.x, "0.0.0.0/0"]
  }
  egress {
    from_port   = var.x
    to_port     = var.x
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8"]
  }
}
resource "aws_security_group" "networks" {
  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = [data.aws_vpc.mine.cidr_block, "${aws_eip.office.public_ip}/32"]
  }
}
resource "aws_security_group" "one_way" {
  dynamic "ingress" {
    for_each = var.x
    content {
      from_port   = ingress.value
      to_port     = ingress.value
      protocol    = "tcp"
      cidr_blocks = ["0.0.0.0/0"]
    }
  }
}
resource "aws_security_group" "parent" {
  name = "parent"
}
resource "aws_security_group_rule" "in" {
  for_each          = toset(["22", "80"])
  type              = "ingress"
  from_port         = each.value
  to_port           = each.value
  protocol          = "tcp"
  cidr_blocks       = ["0.0.0.0/0"]
  security_group_id = aws_security_group.parent.id
}
resource "aws_vpc_security_group_egress_rule" "out" {
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
  security_group_id = aws_security_group.parent.id
}
resource "aws_vpc_security_group_ingress_rule" "nobody" {
  from_port         = 22
  to_port           = 22
  ip_protocol       = "tcp"
  security_group_id = "sg-1"
}
resource "aws_vpc_security_group_ingress_rule" "peer" {
  from_port                    = 22
  to_port                      = 22
  ip_protocol                  = "tcp"
  referenced_security_group_id = "sg-2"
  security_group_id            = "sg-1"
}
resource "aws_ec2_managed_prefix_list" "all" {
  name           = "all"
  address_family = "IPv4"
  max_entries    = 1
  entry {
    cidr = "0.0.0.0/0"
  }
}
resource "aws_security_group_rule" "listed" {
  type              = "ingress"
  from_port         = 22
  to_port           = 22
  protocol          = "tcp"
  prefix_list_ids   = [aws_ec2_managed_prefix_list.all.id]
  security_group_id = "sg-1"
}
"""
)

GROUP_ROWS = """
bare   pass pass pass pass
ssh    fail -a   pass pass
six    fail -a   pass pass
halves fail -a   pass pass
every  fail -a   fail -a
inside pass pass pass pass
web    pass pass pass fail
ray    pass fail pass pass
asked  unknown unknown unknown unknown
spite  fail -a   pass pass
networks pass pass pass pass
one_way unknown unknown pass pass
parent fail -a   fail -a
"""
COLUMNS = (
    "net.security-group.admin-ports",
    "net.security-group.ingress-world",
    "net.security-group.egress-all",
    "net.security-group.egress-world",
)
WORDS = {"-a": "not-applicable"}


@pytest.mark.parametrize("row", GROUP_ROWS.strip().splitlines())
def test_security_groups(row: str) -> None:
    """Own rules and attached ones count for a group; no egress block is no egress; an unknown peer may be anybody."""
    name, *wanted = row.split()
    found = [verdict(GROUPS, check, f"aws_security_group.{name}") for check in COLUMNS]
    assert found == [WORDS.get(w, w) for w in wanted]


@pytest.mark.parametrize(
    ("check", "address", "status"),
    table("""
net.security-group.admin-ports aws_security_group_rule.in["22"] fail
net.security-group.admin-ports aws_security_group_rule.in["80"] pass
net.security-group.egress-all aws_vpc_security_group_egress_rule.out fail
net.security-group.admin-ports aws_vpc_security_group_ingress_rule.nobody fail
net.security-group.admin-ports aws_vpc_security_group_ingress_rule.peer pass
net.security-group.admin-ports aws_security_group_rule.listed fail
net.security-group.egress-all aws_security_group_rule.listed -
"""),
)
def test_rules_alone(check: str, address: str, status: str) -> None:
    """A rule that stands alone is judged too; a managed prefix list is as wide as its entries."""
    assert verdict(GROUPS, check, address) == status


LOST = (
    UNKNOWN
    + """
resource "aws_security_group" "maybe" {
  name = "maybe"
}
resource "aws_security_group_rule" "somewhere" {
  type              = "ingress"
  from_port         = 22
  to_port           = 22
  protocol          = "tcp"
  cidr_blocks       = ["0.0.0.0/0"]
  security_group_id = var.x
}
resource "aws_security_group_rule" "harmless" {
  type              = "egress"
  from_port         = 443
  to_port           = 443
  protocol          = "tcp"
  cidr_blocks       = ["10.0.0.0/8"]
  security_group_id = var.x
}
"""
)


def test_a_rule_of_nobody_knows_which_group() -> None:
    """An open rule whose group is not known leaves every group in doubt, in its direction; a harmless one does not."""
    assert verdict(LOST, "net.security-group.admin-ports", "aws_security_group.maybe") == "unknown"
    assert verdict(LOST, "net.security-group.egress-all", "aws_security_group.maybe") == "pass"


ACLS = (
    UNKNOWN
    + """
resource "aws_network_acl" "denied" {
  ingress {
    rule_no    = 10
    protocol   = "tcp"
    action     = "deny"
    cidr_block = "0.0.0.0/0"
    from_port  = 20
    to_port    = 22
  }
  ingress {
    rule_no    = 20
    protocol   = "tcp"
    action     = "deny"
    cidr_block = "0.0.0.0/0"
    from_port  = 3389
    to_port    = 3389
  }
  ingress {
    rule_no    = 100
    protocol   = -1
    action     = "allow"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
}
resource "aws_network_acl" "late" {
  ingress {
    rule_no    = 30
    protocol   = "tcp"
    action     = "deny"
    cidr_block = "0.0.0.0/0"
    from_port  = 20
    to_port    = 22
  }
  ingress {
    rule_no    = 10
    protocol   = "tcp"
    action     = "allow"
    cidr_block = "0.0.0.0/0"
    from_port  = 22
    to_port    = 22
  }
}
resource "aws_network_acl" "six" {
  ingress {
    rule_no         = 10
    protocol        = "tcp"
    action          = "allow"
    ipv6_cidr_block = "::/0"
    from_port       = 0
    to_port         = 1024
  }
}
resource "aws_network_acl" "bare" {
  vpc_id = "vpc-1"
}
resource "aws_network_acl_rule" "added" {
  network_acl_id = aws_network_acl.bare.id
  rule_number    = 5
  egress         = false
  protocol       = "all"
  rule_action    = "allow"
  cidr_block     = "0.0.0.0/0"
}
resource "aws_network_acl_rule" "out" {
  network_acl_id = "acl-1"
  rule_number    = 5
  egress         = true
  protocol       = "-1"
  rule_action    = "allow"
  cidr_block     = "0.0.0.0/0"
}
resource "aws_network_acl_rule" "refused" {
  network_acl_id = "acl-1"
  rule_number    = 6
  protocol       = "-1"
  rule_action    = "deny"
  cidr_block     = "0.0.0.0/0"
}
resource "aws_network_acl_rule" "inside" {
  network_acl_id = "acl-1"
  rule_number    = 7
  protocol       = "tcp"
  rule_action    = "allow"
  cidr_block     = "10.0.0.0/16"
  from_port      = 22
  to_port        = 22
}
resource "aws_network_acl_rule" "asked" {
  network_acl_id = "acl-1"
  rule_number    = 8
  protocol       = "tcp"
  rule_action    = "allow"
  cidr_block     = var.x
  from_port      = 22
  to_port        = 22
}
resource "aws_default_network_acl" "asked" {
  default_network_acl_id = "acl-2"
  ingress {
    rule_no    = 10
    protocol   = "tcp"
    action     = var.x
    cidr_block = "0.0.0.0/0"
    from_port  = 22
    to_port    = 22
  }
}
"""
)


@pytest.mark.parametrize(
    ("address", "admin", "every"),
    [
        ("aws_network_acl.denied", "pass", "fail"),
        ("aws_network_acl.late", "fail", "pass"),
        ("aws_network_acl.six", "fail", "pass"),
        ("aws_network_acl.bare", "fail", "fail"),
        ("aws_network_acl_rule.added", "fail", "fail"),
        ("aws_network_acl_rule.out", "pass", "pass"),
        ("aws_network_acl_rule.refused", "pass", "pass"),
        ("aws_network_acl_rule.inside", "pass", "pass"),
        ("aws_network_acl_rule.asked", "unknown", "pass"),
        ("aws_default_network_acl.asked", "unknown", "unknown"),
    ],
)
def test_network_acls(address: str, admin: str, every: str) -> None:
    """The first rule by number that matches decides, for each family of addresses; rules of their own belong to it."""
    assert verdict(ACLS, "net.acl.admin-ports", address) == admin
    assert verdict(ACLS, "net.acl.all-ports", address) == every


VPCS = (
    UNKNOWN
    + """
resource "aws_vpc" "bare" {
  cidr_block = "10.0.0.0/16"
}
resource "aws_vpc" "good" {
  cidr_block = "10.1.0.0/16"
}
resource "aws_flow_log" "good" {
  vpc_id       = aws_vpc.good.id
  traffic_type = "ALL"
}
resource "aws_default_security_group" "good" {
  vpc_id = aws_vpc.good.id
}
resource "aws_vpc" "kept" {
  cidr_block = "10.2.0.0/16"
}
resource "aws_default_security_group" "kept" {
  vpc_id = aws_vpc.kept.id
  ingress {
    protocol  = "-1"
    self      = true
    from_port = 0
    to_port   = 0
  }
}
resource "aws_vpc" "added" {
  cidr_block = "10.3.0.0/16"
}
resource "aws_default_security_group" "added" {
  vpc_id = aws_vpc.added.id
}
resource "aws_vpc_security_group_egress_rule" "added" {
  security_group_id = aws_default_security_group.added.id
  cidr_ipv4         = "10.0.0.0/8"
  from_port         = 80
  to_port           = 80
  ip_protocol       = "tcp"
}
resource "aws_vpc" "through" {
  cidr_block = "10.4.0.0/16"
}
resource "aws_default_security_group" "through" {
  vpc_id = aws_vpc.through.id
}
resource "aws_security_group_rule" "through" {
  type              = "egress"
  security_group_id = aws_vpc.through.default_security_group_id
  cidr_blocks       = ["10.0.0.0/8"]
  from_port         = 80
  to_port           = 80
  protocol          = "tcp"
}
resource "aws_vpc_endpoint" "bare" {
  service_name = "com.amazonaws.eu-west-1.s3"
}
resource "aws_vpc_endpoint" "limited" {
  service_name = "com.amazonaws.eu-west-1.s3"
  policy = jsonencode({
    Statement = [{ Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "arn:aws:s3:::weights/*" }]
  })
}
resource "aws_vpc_endpoint" "attached" {
  service_name = "com.amazonaws.eu-west-1.kms"
}
resource "aws_vpc_endpoint_policy" "attached" {
  vpc_endpoint_id = aws_vpc_endpoint.attached.id
  policy = jsonencode({
    Statement = [{
      Effect    = "Allow"
      Principal = "*"
      Action    = "*"
      Resource  = "*"
      Condition = { StringEquals = { "aws:ResourceOrgID" = "o-1" } }
    }]
  })
}
resource "aws_vpc_endpoint" "asked" {
  service_name = "com.amazonaws.eu-west-1.s3"
  policy       = var.x
}
resource "aws_vpc_endpoint" "balancer" {
  service_name      = "com.amazonaws.vpce.eu-west-1.vpce-svc-1"
  vpc_endpoint_type = "GatewayLoadBalancer"
}
"""
)


@pytest.mark.parametrize(
    ("check", "address", "status"),
    [
        ("log.vpc.flow-logs", "aws_vpc.bare", "fail"),
        ("log.vpc.flow-logs", "aws_vpc.good", "pass"),
        ("net.vpc.default-group", "aws_vpc.bare", "fail"),
        ("net.vpc.default-group", "aws_vpc.good", "pass"),
        ("net.vpc.default-group", "aws_vpc.kept", "fail"),
        ("net.vpc.default-group", "aws_vpc.added", "fail"),
        ("net.vpc.default-group", "aws_vpc.through", "fail"),
        ("net.endpoint.policy-limited", "aws_vpc_endpoint.bare", "fail"),
        ("net.endpoint.policy-limited", "aws_vpc_endpoint.limited", "pass"),
        ("net.endpoint.policy-limited", "aws_vpc_endpoint.attached", "pass"),
        ("net.endpoint.policy-limited", "aws_vpc_endpoint.asked", "unknown"),
        ("net.endpoint.policy-limited", "aws_vpc_endpoint.balancer", "not-applicable"),
    ],
)
def test_networks_and_endpoints(check: str, address: str, status: str) -> None:
    """Flow logs, the default group and endpoint policies are found in blocks of their own."""
    assert verdict(VPCS, check, address) == status


def test_a_flow_log_of_nobody_knows_which_network() -> None:
    """A flow log whose network is not known leaves the network in doubt."""
    hcl = UNKNOWN + 'resource "aws_vpc" "v" {}\nresource "aws_flow_log" "l" {\n  vpc_id = var.x\n}\n'
    assert verdict(hcl, "log.vpc.flow-logs", "aws_vpc.v") == "unknown"
