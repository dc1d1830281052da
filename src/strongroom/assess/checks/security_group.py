"""AWS security groups and their rules."""

from collections.abc import Iterable

from strongroom.assess.checks._rules import listed, verdict
from strongroom.kit.kleene import Tri, any_of
from strongroom.kit.nets import ADMIN_PORTS, all_ports, covers_port, world
from strongroom.model.codes import Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check, not_applicable
from strongroom.model.values import NetRule, Unknown

KINDS = (Kind.FIREWALL,)
WEB_PORTS = (80, 443)
UNSAID = "the template states no egress, which net.security-group.egress-default reports"
VERIFY = "aws ec2 describe-security-group-rules --filters Name=group-id,Values=<group-id>"


def _reaches(rule: NetRule | Unknown, ports: Iterable[int]) -> Tri:
    if isinstance(rule, Unknown):
        return rule
    return any(covers_port(rule, p) for p in ports) and _world(rule)


def _world(rule: NetRule) -> Tri:
    """A rule that names no peer at all holds nobody off, whatever the API makes of it."""
    return True if not rule.peers and not rule.groups else world(rule)


@check(
    id="net.security-group.admin-ports",
    title="No rule lets the internet reach SSH, RDP or every port",
    clause="NET-01.not-exposed",
    kinds=KINDS,
    needs=("sg.ingress",),
    severity=Severity.HIGH,
    fix=Fix(
        "Name the addresses of the bastion or VPN as the source, or reach the machines through Session Manager.",
        (
            (
                "aws_security_group",
                'ingress {\n  from_port   = 22\n  to_port     = 22\n  protocol    = "tcp"\n  cidr_blocks = ["10.0.0.0/8"]\n}',
            ),
            ("aws_security_group_rule", 'cidr_blocks = ["10.0.0.0/8"]'),
            ("aws_vpc_security_group_ingress_rule", 'cidr_ipv4 = "10.0.0.0/8"'),
        ),
        "aws ec2 revoke-security-group-ingress --group-id <group-id> --security-group-rule-ids <rule-id>",
        VERIFY,
    ),
    broken="an ingress rule opens an administrative port to the internet: {rule}",
    equivalents=(
        "checkov:CKV_AWS_24",
        "checkov:CKV_AWS_25",
        "checkov:CKV_AWS_277",
        "trivy:AWS-0107",
        "guard:INCOMING_SSH_DISABLED",
        "prowler:ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_22",
    ),
)
def admin_ports(v: View) -> Answer:
    """An administrative port that the whole internet reaches is scanned within minutes, and one weak key or one
    unpatched daemon behind it gives a shell next to the models.
    """
    return verdict(listed(v, "sg.ingress"), lambda r: _reaches(r, ADMIN_PORTS))


@check(
    id="net.security-group.egress-all",
    title="No rule lets every port out to the internet",
    clause="NET-04.default-deny-egress",
    kinds=KINDS,
    needs=("sg.egress",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Let out only what the workload needs, to named networks, prefix lists or groups; go through a filtering proxy.",
        (
            (
                "aws_security_group",
                'egress {\n  from_port       = 443\n  to_port         = 443\n  protocol        = "tcp"\n  prefix_list_ids = [data.aws_prefix_list.s3.id]\n}',
            ),
            ("aws_security_group_rule", "prefix_list_ids = [data.aws_prefix_list.s3.id]"),
            ("aws_vpc_security_group_egress_rule", "referenced_security_group_id = aws_security_group.endpoints.id"),
        ),
        "aws ec2 revoke-security-group-egress --group-id <group-id> --security-group-rule-ids <rule-id>",
        VERIFY,
    ),
    broken="an egress rule opens every port to the internet: {rule}",
    equivalents=("checkov:CKV_AWS_382", "trivy:AWS-0104"),
)
def egress_all(v: View) -> Answer:
    """Whoever takes over a training or inference node sends the weights out through the first rule that lets them."""
    if _says_nothing(v):
        return not_applicable(UNSAID)
    return verdict(listed(v, "sg.egress"), _everything)


def _everything(rule: NetRule | Unknown) -> Tri:
    return rule if isinstance(rule, Unknown) else all_ports(rule) and _world(rule)


@check(
    id="net.security-group.egress-world",
    title="No rule lets any port out to the whole internet",
    clause="NET-04.default-deny-egress",
    kinds=KINDS,
    needs=("sg.egress",),
    severity=Severity.LOW,
    fix=Fix(
        "Replace the address block of the internet by the networks, prefix lists or groups that the workload talks to.",
        (
            (
                "aws_security_group",
                'egress {\n  from_port       = 443\n  to_port         = 443\n  protocol        = "tcp"\n  security_groups = [aws_security_group.endpoints.id]\n}',
            ),
            ("aws_security_group_rule", "source_security_group_id = aws_security_group.endpoints.id"),
            ("aws_vpc_security_group_egress_rule", "referenced_security_group_id = aws_security_group.endpoints.id"),
        ),
        "",
        VERIFY,
    ),
    broken="an egress rule reaches the whole internet: {rule}",
    equivalents=("guard:EC2_SECURITY_GROUP_EGRESS_OPEN_TO_WORLD_RULE",),
)
def egress_world(v: View) -> Answer:
    """One port to everywhere is enough: exfiltration goes over 443 like everything else."""
    if _says_nothing(v):
        return not_applicable(UNSAID)
    rules = listed(v, "sg.egress")
    if any_of(_everything(r) for r in rules) is True:
        return not_applicable("every port is open to the internet, which net.security-group.egress-all reports")
    return verdict(rules, lambda r: r if isinstance(r, Unknown) else _world(r))


def _says_nothing(v: View) -> bool:
    return v.has("sg.egress_stated") and v.raw("sg.egress_stated") is False


@check(
    id="net.security-group.egress-default",
    title="The template says what the security group lets out",
    clause="NET-04.default-deny-egress",
    kinds=KINDS,
    needs=("sg.egress_stated", "sg.egress"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "State the egress; a rule to 127.0.0.1/32 lets nothing out and takes the default away.",
        (
            (
                "AWS::EC2::SecurityGroup",
                "SecurityGroupEgress:\n  - IpProtocol: tcp\n    FromPort: 443\n    ToPort: 443\n    DestinationSecurityGroupId: !GetAtt Endpoints.GroupId",
            ),
        ),
        "aws ec2 revoke-security-group-egress --group-id <group-id> --ip-permissions IpProtocol=-1,IpRanges=[{CidrIp=0.0.0.0/0}]",
        VERIFY,
    ),
    broken="it states no egress, and EC2 then lets everything out to everywhere",
)
def egress_default(v: View) -> bool:
    """CloudFormation leaves the rule in place by which EC2 lets a new group send anything anywhere. Nobody wrote it, so
    nobody reviews it.
    """
    return v.flag("sg.egress_stated")


@check(
    id="net.security-group.ingress-world",
    title="No rule lets the whole internet in, web ports of a front aside",
    clause="NET-01.not-exposed",
    kinds=KINDS,
    needs=("sg.ingress",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Put a load balancer with authentication in front, and let only its group in.",
        (
            (
                "aws_security_group",
                'ingress {\n  from_port       = 8443\n  to_port         = 8443\n  protocol        = "tcp"\n  security_groups = [aws_security_group.balancer.id]\n}',
            ),
            ("aws_security_group_rule", "source_security_group_id = aws_security_group.balancer.id"),
            ("aws_vpc_security_group_ingress_rule", "referenced_security_group_id = aws_security_group.balancer.id"),
        ),
        "",
        VERIFY,
    ),
    broken="an ingress rule lets the whole internet in: {rule}",
)
def ingress_world(v: View) -> Answer:
    """Inference servers, notebooks, Ray and MLflow listen without a password by default; the group is what stands
    between them and everybody.
    """
    rules = listed(v, "sg.ingress")
    if any_of(_reaches(r, ADMIN_PORTS) for r in rules) is True:
        return not_applicable("an administrative port is open, which net.security-group.admin-ports reports")
    return verdict(rules, _beside_the_front)


def _beside_the_front(rule: NetRule | Unknown) -> Tri:
    """A web port is what a fronted endpoint shows; everything else that the internet reaches is a back door."""
    if isinstance(rule, Unknown):
        return rule
    if rule.protocol.startswith("icmp") or (rule.from_port == rule.to_port and rule.from_port in WEB_PORTS):
        return False
    return _world(rule)


CHECKS = (admin_ports, egress_all, egress_world, egress_default, ingress_world)
