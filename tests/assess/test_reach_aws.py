"""What the internet reaches in AWS: each road and each trap of it, in Terraform and in CloudFormation."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from in_process import run

from strongroom.app.reaching import Asked, each, reach
from strongroom.model.reach import Reached
from strongroom.model.values import Unknown

NOW = datetime(2026, 6, 1, tzinfo=UTC)
Y, N, U = True, False, None

NETWORK = """
variable "who" {}
resource "aws_vpc" "v" {
  cidr_block = "10.0.0.0/16"
}
resource "aws_vpc" "other" {
  cidr_block = "10.1.0.0/16"
}
resource "aws_internet_gateway" "gw" {
  vpc_id = aws_vpc.v.id
}
resource "aws_internet_gateway" "loose" {}
resource "aws_internet_gateway" "late" {}
resource "aws_internet_gateway_attachment" "late" {
  internet_gateway_id = aws_internet_gateway.late.id
  vpc_id              = aws_vpc.other.id
}
resource "aws_ec2_transit_gateway" "t" {}
"""


def subnet(name: str, *routes: str, vpc: str = "v", public: bool = True, own: bool = True) -> str:
    """A subnet with a route table of its own."""
    blocks = "".join(f"\n  route {{\n    {r.replace(';', chr(10) + '    ')}\n  }}" for r in routes)
    made = f"""
resource "aws_subnet" "{name}" {{
  vpc_id                  = aws_vpc.{vpc}.id
  cidr_block              = "10.0.{sum(map(ord, name)) % 250}.0/24"
  map_public_ip_on_launch = {str(public).lower()}
}}
"""
    if own:
        made += f"""
resource "aws_route_table" "{name}" {{
  vpc_id = aws_vpc.{vpc}.id{blocks}
}}
resource "aws_route_table_association" "{name}" {{
  subnet_id      = aws_subnet.{name}.id
  route_table_id = aws_route_table.{name}.id
}}
"""
    return made


def group(
    name: str, *, into: str = "", out: str = '"0.0.0.0/0"', ports: str = "443", protocol: str = "tcp", more: str = ""
) -> str:
    """A security group."""
    low, _, high = ports.partition("-")
    inside = (
        f"""
  ingress {{
    from_port   = {low}
    to_port     = {high or low}
    protocol    = "{protocol}"
    cidr_blocks = [{into}]
  }}"""
        if into
        else ""
    )
    outside = (
        f"""
  egress {{
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = [{out}]
  }}"""
        if out
        else ""
    )
    return f'\nresource "aws_security_group" "{name}" {{\n  vpc_id = aws_vpc.v.id{inside}{outside}{more}\n}}\n'


def machine(name: str, at: str, *groups: str, more: str = "") -> str:
    """An instance."""
    held = ", ".join(f"aws_security_group.{g}.id" for g in groups)
    inside = f"vpc_security_group_ids = [{held}]" if groups else ""
    return f'\nresource "aws_instance" "{name}" {{\n  ami = "a"\n  instance_type = "t3.micro"\n  subnet_id = aws_subnet.{at}.id\n  {inside}\n  {more}\n}}\n'


def acl(at: str, *rules: tuple[str, int, str, str, str]) -> str:
    """A network ACL: direction, number, action, block, ports."""
    blocks = ""
    for way, number, action, block, ports in rules:
        low, _, high = ports.partition("-")
        protocol = "-1" if ports == "all" else "tcp"
        low, high = ("0", "0") if ports == "all" else (low, high or low)
        blocks += f'\n  {way} {{\n    rule_no = {number}\n    action = "{action}"\n    protocol = "{protocol}"\n    cidr_block = "{block}"\n    from_port = {low}\n    to_port = {high}\n  }}'
    return f'\nresource "aws_network_acl" "{at}" {{\n  vpc_id = aws_vpc.v.id\n  subnet_ids = [aws_subnet.{at}.id]{blocks}\n}}\n'


OUT = 'cidr_block = "0.0.0.0/0";gateway_id = aws_internet_gateway.gw.id'
ANY = "0.0.0.0/0"
ESTATE = "".join(
    (
        NETWORK, subnet("pub", OUT), subnet("loose", OUT.replace(".gw.", ".loose.")), subnet("late", OUT.replace(".gw.", ".late.")),
        subnet("late2", OUT.replace(".gw.", ".late."), vpc="other"), subnet("lone", own=False), subnet("quiet", OUT, public=False),
        subnet("tgw", f'cidr_block = "{ANY}";transit_gateway_id = aws_ec2_transit_gateway.t.id'),
        subnet("half", OUT, 'cidr_block = "0.0.0.0/1";transit_gateway_id = aws_ec2_transit_gateway.t.id'),
        subnet("priv", f'cidr_block = "{ANY}";nat_gateway_id = aws_nat_gateway.n.id', public=False),
        subnet("priv2", f'cidr_block = "{ANY}";nat_gateway_id = aws_nat_gateway.p.id', public=False),
        subnet("priv3", f'cidr_block = "{ANY}";nat_gateway_id = aws_nat_gateway.l.id', public=False),
        subnet("guess", "cidr_block = var.who;gateway_id = aws_internet_gateway.gw.id"),
        'resource "aws_nat_gateway" "n" {\n  subnet_id = aws_subnet.pub.id\n}\n',
        'resource "aws_nat_gateway" "p" {\n  subnet_id = aws_subnet.pub.id\n  connectivity_type = "private"\n}\n',
        'resource "aws_nat_gateway" "l" {\n  subnet_id = aws_subnet.lone.id\n}\n',
        group("web", into=f'"{ANY}"'), group("inner", into='"10.0.0.0/8"'), group("ping", into=f'"{ANY}"', ports="8-0", protocol="icmp"),
        group("mute", into=f'"{ANY}"', out=""), group("var", into="var.who"), group("halves", into='"0.0.0.0/1", "128.0.0.0/1"'),
        group("app", more='\n  ingress {\n    from_port = 8080\n    to_port = 8080\n    protocol = "tcp"\n    security_groups = [aws_security_group.web.id]\n  }'),
        group("beside"),
        'resource "aws_vpc_security_group_ingress_rule" "b" {\n  security_group_id = aws_security_group.beside.id\n  cidr_ipv4 = "0.0.0.0/0"\n  ip_protocol = "tcp"\n  from_port = 22\n  to_port = 22\n}\n',
        machine("web", "pub", "web"), machine("inner", "pub", "inner"), machine("ping", "pub", "ping"), machine("mute", "pub", "mute"),
        machine("var", "pub", "var"), machine("halves", "pub", "halves"), machine("beside", "pub", "beside"), machine("both", "pub", "inner", "web"),
        machine("default", "pub"), machine("loose", "loose", "web"), machine("late", "late", "web"), machine("lone", "lone", "web"),
        machine("quiet", "quiet", "web"), machine("given", "quiet", "web", more="associate_public_ip_address = true"),
        machine("elastic", "quiet", "web"), 'resource "aws_eip" "e" {\n  instance = aws_instance.elastic.id\n}\n',
        machine("tgw", "tgw", "web"), machine("half", "half", "web"), machine("nat", "priv", "web"), machine("nat2", "priv2", "web"),
        machine("nat3", "priv3", "web"), machine("guess", "guess", "web"),
        subnet("a1", OUT), acl("a1", ("ingress", 100, "allow", ANY, "443"), ("egress", 100, "allow", ANY, "1024-65535")), machine("a1", "a1", "web"),
        subnet("a2", OUT), acl("a2", ("ingress", 100, "allow", ANY, "443")), machine("a2", "a2", "web"),
        subnet("a3", OUT), acl("a3", ("ingress", 50, "deny", ANY, "443"), ("ingress", 100, "allow", ANY, "all"), ("egress", 1, "allow", ANY, "all")),
        machine("a3", "a3", "web"),
        subnet("a4", OUT), acl("a4", ("ingress", 200, "deny", ANY, "443"), ("ingress", 100, "allow", "8.8.8.0/24", "all"), ("egress", 1, "allow", ANY, "all")),
        machine("a4", "a4", "web"),
        'resource "aws_lb" "open" {\n  subnets = [aws_subnet.pub.id]\n  security_groups = [aws_security_group.web.id]\n}\n',
        'resource "aws_lb" "inside" {\n  internal = true\n  subnets = [aws_subnet.pub.id]\n  security_groups = [aws_security_group.web.id]\n}\n',
        'resource "aws_lb" "silent" {\n  subnets = [aws_subnet.pub.id]\n  security_groups = [aws_security_group.web.id]\n}\n',
        'resource "aws_lb" "wrong" {\n  subnets = [aws_subnet.pub.id]\n  security_groups = [aws_security_group.web.id]\n}\n',
        'resource "aws_lb_listener" "w" {\n  load_balancer_arn = aws_lb.wrong.arn\n  port = 8443\n  default_action {\n    type = "fixed-response"\n  }\n}\n',
        *(
            f'resource "aws_lb_target_group" "{t}" {{\n  port = 8080\n  protocol = "HTTP"\n  vpc_id = aws_vpc.v.id\n}}\n'
            f'resource "aws_lb_listener" "{t}" {{\n  load_balancer_arn = aws_lb.{lb}.arn\n  port = 443\n  default_action {{\n    type = "forward"\n    target_group_arn = aws_lb_target_group.{t}.arn\n  }}\n}}\n'
            f'resource "aws_lb_target_group_attachment" "{t}" {{\n  target_group_arn = aws_lb_target_group.{t}.arn\n  target_id = aws_instance.{to}.id\n}}\n'
            for t, lb, to in (("t1", "open", "app"), ("t2", "inside", "app2"), ("t3", "open", "closed"))
        ),
        machine("app", "priv", "app"), machine("app2", "priv", "app"), machine("closed", "priv", "inner2"), group("inner2", into='"192.168.0.0/16"', ports="8080"),
        'resource "aws_sagemaker_notebook_instance" "d" {\n  name = "d"\n  role_arn = "r"\n  instance_type = "ml.t3.medium"\n}\n',
        'resource "aws_sagemaker_notebook_instance" "n" {\n  name = "n"\n  role_arn = "r"\n  instance_type = "ml.t3.medium"\n  direct_internet_access = "Disabled"\n  subnet_id = aws_subnet.priv.id\n  security_groups = [aws_security_group.web.id]\n}\n',
        'resource "aws_sagemaker_notebook_instance" "s" {\n  name = "s"\n  role_arn = "r"\n  instance_type = "ml.t3.medium"\n  direct_internet_access = "Disabled"\n  subnet_id = aws_subnet.pub.id\n  security_groups = [aws_security_group.web.id]\n}\n',
        'resource "aws_eks_cluster" "open" {\n  name = "o"\n  role_arn = "r"\n  vpc_config {\n    subnet_ids = [aws_subnet.lone.id]\n  }\n}\n',
        'resource "aws_eks_cluster" "listed" {\n  name = "l"\n  role_arn = "r"\n  vpc_config {\n    subnet_ids = [aws_subnet.lone.id]\n    public_access_cidrs = ["10.0.0.0/8"]\n  }\n}\n',
        'resource "aws_eks_cluster" "shut" {\n  name = "s"\n  role_arn = "r"\n  vpc_config {\n    subnet_ids = [aws_subnet.priv.id]\n    endpoint_public_access = false\n    endpoint_private_access = true\n  }\n}\n',
        'resource "aws_s3_bucket" "p" {\n  bucket = "p"\n}\n',
        'resource "aws_s3_bucket_policy" "p" {\n  bucket = aws_s3_bucket.p.id\n  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "arn:aws:s3:::p/*" }] })\n}\n',
        'resource "aws_s3_bucket" "m" {\n  bucket = "m"\n}\n',
        'resource "aws_s3_bucket_policy" "m" {\n  bucket = aws_s3_bucket.m.id\n  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "arn:aws:s3:::m/*" }] })\n}\n',
        'resource "aws_s3_bucket_public_access_block" "m" {\n  bucket = aws_s3_bucket.m.id\n  block_public_acls = true\n  block_public_policy = true\n  ignore_public_acls = true\n  restrict_public_buckets = true\n}\n',
        'resource "aws_db_instance" "d" {\n  instance_class = "db.t3.micro"\n  publicly_accessible = false\n  vpc_security_group_ids = [aws_security_group.web.id]\n}\n',
    )
)  # fmt: skip

WANTED = {
    "aws_instance.web": (Y, Y), "aws_instance.inner": (N, Y), "aws_instance.ping": (N, Y), "aws_instance.mute": (Y, N),
    "aws_instance.var": (U, Y), "aws_instance.halves": (Y, Y), "aws_instance.beside": (Y, Y), "aws_instance.both": (Y, Y),
    "aws_instance.default": (N, Y), "aws_instance.loose": (N, N), "aws_instance.late": (N, N), "aws_instance.lone": (N, N),
    "aws_instance.quiet": (N, N), "aws_instance.given": (Y, Y), "aws_instance.elastic": (Y, Y), "aws_instance.tgw": (U, U),
    "aws_instance.half": (Y, Y), "aws_instance.nat": (N, Y), "aws_instance.nat2": (N, N), "aws_instance.nat3": (N, N),
    "aws_instance.guess": (U, U), "aws_instance.a1": (Y, N), "aws_instance.a2": (N, N), "aws_instance.a3": (N, Y),
    "aws_instance.a4": (Y, Y), "aws_lb.open": (Y, Y), "aws_lb.inside": (N, N), "aws_lb.silent": (N, Y), "aws_lb.wrong": (N, Y),
    "aws_instance.app": (Y, Y), "aws_instance.app2": (N, Y), "aws_instance.closed": (N, Y),
    "aws_sagemaker_notebook_instance.d": (N, Y), "aws_sagemaker_notebook_instance.n": (N, Y), "aws_sagemaker_notebook_instance.s": (N, N),
    "aws_eks_cluster.open": (Y, N), "aws_eks_cluster.listed": (N, N), "aws_eks_cluster.shut": (N, Y),
    "aws_s3_bucket.p": (Y, N), "aws_s3_bucket.m": (N, N), "aws_db_instance.d": (N, U),
}  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reached]:
    """The answer for everything in the estate."""
    at = tmp_path_factory.mktemp("tf")
    (at / "main.tf").write_text(ESTATE)
    return {one.asset: one for one in each(Asked(f"tf:{at}"), NOW)}


@pytest.mark.parametrize("asset", sorted(WANTED))
def test_what_the_internet_reaches(found: dict[str, Reached], asset: str) -> None:
    """Yes or no, or unknown where a file does not say it."""
    one = found[asset]
    told = tuple(None if isinstance(a, Unknown) else a for a in (one.ingress, one.egress))
    assert told == WANTED[asset], one


def test_what_is_no_end_of_a_path_is_not_listed(found: dict[str, Reached]) -> None:
    """Routes, associations and attachments are parts of a path."""
    assert not [
        name for name in found if name.startswith(("aws_route", "aws_lb_target", "aws_internet", "aws_nat", "aws_eip"))
    ]


def test_a_verdict_says_why(found: dict[str, Reached]) -> None:
    """A yes names each hop, a no the hop that stops it, and an unknown what nobody knows."""
    assert {w.by for w in found["aws_instance.app"].witness} >= {
        "load balancer aws_lb.open",
        "security group aws_security_group.web",
    }
    assert [w.by for w in found["aws_instance.lone"].witness] == ["the routes of aws_subnet.lone"] * 2
    assert "network ACL" in found["aws_instance.a2"].witness[0].by
    assert any(w.by == "NAT gateway aws_nat_gateway.n" for w in found["aws_instance.nat"].witness)
    doubt = found["aws_instance.tgw"].egress
    assert isinstance(doubt, Unknown)
    assert "transit-gateway" in doubt.detail


DEFAULTS = """
resource "aws_vpc" "v" {
  cidr_block = "10.0.0.0/16"
}
resource "aws_internet_gateway" "gw" {
  vpc_id = aws_vpc.v.id
}
resource "aws_default_route_table" "d" {
  default_route_table_id = aws_vpc.v.default_route_table_id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.gw.id
  }
}
resource "aws_default_security_group" "d" {
  vpc_id = aws_vpc.v.id
  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
resource "aws_default_network_acl" "d" {
  default_network_acl_id = aws_vpc.v.default_network_acl_id
  ingress {
    rule_no    = 1
    action     = "allow"
    protocol   = "-1"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
  egress {
    rule_no    = 1
    action     = "allow"
    protocol   = "tcp"
    cidr_block = "0.0.0.0/0"
    from_port  = 1024
    to_port    = 65535
  }
}
resource "aws_subnet" "s" {
  count      = 2
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.0.${count.index}.0/24"
}
resource "aws_vpc" "w" {
  cidr_block = "10.1.0.0/16"
}
resource "aws_internet_gateway" "gw2" {
  vpc_id = aws_vpc.w.id
}
resource "aws_route" "w" {
  route_table_id         = aws_vpc.w.main_route_table_id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.gw2.id
}
resource "aws_subnet" "w" {
  vpc_id     = aws_vpc.w.id
  cidr_block = "10.1.0.0/24"
}
resource "aws_vpc_endpoint" "w" {
  vpc_id       = aws_vpc.w.id
  service_name = "com.amazonaws.eu-west-1.s3"
}
resource "aws_instance" "a" {
  count                       = 2
  ami                         = "a"
  instance_type               = "t3.micro"
  subnet_id                   = aws_subnet.s[count.index].id
  associate_public_ip_address = true
}
resource "aws_instance" "w" {
  ami                         = "a"
  instance_type               = "t3.micro"
  subnet_id                   = aws_subnet.w.id
  associate_public_ip_address = true
}
module "m" {
  source = "./m"
  subnet = aws_subnet.s[0].id
}
"""
MODULE = """
variable "subnet" {}
resource "aws_instance" "i" {
  ami                         = "a"
  instance_type               = "t3.micro"
  subnet_id                   = var.subnet
  associate_public_ip_address = true
}
"""


def test_what_a_network_has_by_default(tmp_path: Path) -> None:
    """Its main table, its default ACL and group, adopted or not; counted subnets, and a module that is given one."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "main.tf").write_text(MODULE)
    (tmp_path / "main.tf").write_text(DEFAULTS)
    told = {one.asset: (one.ingress, one.egress) for one in each(Asked(f"tf:{tmp_path}"), NOW)}
    wanted = {
        "aws_instance.a[0]": (Y, N),
        "aws_instance.a[1]": (Y, N),
        "module.m.aws_instance.i": (Y, N),
        "aws_instance.w": (N, Y),
    }
    assert {name: told[name] for name in wanted} == wanted


def test_an_open_endpoint_is_named_apart(tmp_path: Path) -> None:
    """An endpoint whose policy names no bucket is no route of the internet, and a leak all the same."""
    (tmp_path / "main.tf").write_text(DEFAULTS.partition('module "m"')[0])
    one = reach(Asked(f"tf:{tmp_path}"), "aws_instance.w", NOW)
    assert [w.says for w in one.witness if w.by == "endpoint aws_vpc_endpoint.w"] == [
        "lets anything through to its service, which is no route of the internet"
    ]
    assert not any("endpoint" in w.by for w in reach(Asked(f"tf:{tmp_path}"), "aws_instance.a[0]", NOW).witness)


TEMPLATE = {
    "Resources": {
        "V": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
        "G": {"Type": "AWS::EC2::InternetGateway"},
        "At": {"Type": "AWS::EC2::VPCGatewayAttachment", "Properties": {"VpcId": {"Ref": "V"}, "InternetGatewayId": {"Ref": "G"}}},
        "S": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "V"}, "CidrBlock": "10.0.1.0/24", "MapPublicIpOnLaunch": True}},
        "P": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "V"}, "CidrBlock": "10.0.2.0/24"}},
        "T": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": {"Ref": "V"}}},
        "R": {"Type": "AWS::EC2::Route", "Properties": {"RouteTableId": {"Ref": "T"}, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": {"Ref": "G"}}},
        "A": {"Type": "AWS::EC2::SubnetRouteTableAssociation", "Properties": {"SubnetId": {"Ref": "S"}, "RouteTableId": {"Ref": "T"}}},
        "Web": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "x", "VpcId": {"Ref": "V"},
                "SecurityGroupIngress": [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}]}},
        "I": {"Type": "AWS::EC2::Instance", "Properties": {"SubnetId": {"Ref": "S"}, "SecurityGroupIds": [{"Fn::GetAtt": ["Web", "GroupId"]}]}},
        "J": {"Type": "AWS::EC2::Instance", "Properties": {"SubnetId": {"Ref": "P"}, "SecurityGroupIds": [{"Fn::GetAtt": ["Web", "GroupId"]}]}},
    }
}  # fmt: skip


def test_a_template_lets_out_what_it_does_not_mention(tmp_path: Path) -> None:
    """CloudFormation's groups let everything out where no egress is stated; Terraform's let nothing out."""
    (tmp_path / "t.json").write_text(json.dumps(TEMPLATE))
    one = reach(Asked(f"cfn:{tmp_path / 't.json'}"), "I", NOW)
    assert (one.ingress, one.egress) == (True, True)
    inner = reach(Asked(f"cfn:{tmp_path / 't.json'}"), "J", NOW)
    assert (inner.ingress, inner.egress) == (False, False)


def test_the_command_answers_for_aws(tmp_path: Path) -> None:
    """The three fields that other programs read, and exit 0."""
    (tmp_path / "t.json").write_text(json.dumps(TEMPLATE))
    made = run("assess", "reach", "cfn:t.json", "I", "--format", "json", cwd=tmp_path)
    found = json.loads(made.stdout)
    assert (made.returncode, found["ingress_from_internet"], found["egress_to_internet"]) == (0, True, True)
    assert found["witness"]
