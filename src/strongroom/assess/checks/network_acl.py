"""AWS network ACLs and their rules."""

import ipaddress
from collections.abc import Iterable

from strongroom.assess.checks._rules import listed, phrase, verdict
from strongroom.kit.kleene import Tri, any_of
from strongroom.kit.nets import ADMIN_PORTS, all_ports, covers_port
from strongroom.model.codes import Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, unknown
from strongroom.model.values import NetRule, Unknown

KINDS = (Kind.ACL,)
NEEDS = ("net.rules",)
FAMILIES = (4, 6)
VERIFY = "aws ec2 describe-network-acls --network-acl-ids <acl-id>"


def _ingress(v: View) -> tuple[NetRule | Unknown, ...]:
    return tuple(r for r in listed(v, "net.rules") if isinstance(r, Unknown) or r.direction == "ingress")


def _whole(peer: str | Unknown, family: int) -> Tri:
    """Whether a peer is (for an allow, nearly) all addresses of a family."""
    if isinstance(peer, Unknown):
        return peer
    try:
        network = ipaddress.ip_network(peer, strict=False)
    except ValueError:
        return False
    return network.version == family and network.prefixlen <= 1


def _lets_in(rules: Iterable[NetRule | Unknown], port: int, family: int) -> tuple[Tri, NetRule | None]:
    """Whether the internet reaches a port. EC2 takes the first rule, by number, that matches a packet."""
    doubt: Unknown | None = None
    for rule in rules:
        if isinstance(rule, Unknown):
            doubt = doubt or rule
            continue
        if not covers_port(rule, port):
            continue
        answer = any_of(_whole(p, family) for p in rule.peers)
        if isinstance(answer, Unknown):
            doubt = doubt or answer
        elif answer and rule.action == "deny":
            return False, rule
        elif answer:
            return doubt or True, rule
    return doubt or False, None


@check(
    id="net.acl.admin-ports",
    title="The network ACL does not let the internet reach SSH or RDP",
    clause="NET-01.not-exposed",
    kinds=KINDS,
    needs=NEEDS,
    severity=Severity.HIGH,
    fix=Fix(
        "Allow administrative ports from the bastion's network only, and number the denial of the rest below.",
        (
            ("aws_network_acl_rule", 'cidr_block = "10.0.0.0/16"'),
            (
                "aws_network_acl",
                'ingress {\n  rule_no    = 90\n  action     = "deny"\n  protocol   = "tcp"\n  from_port  = 22\n  to_port    = 22\n  cidr_block = "0.0.0.0/0"\n}',
            ),
        ),
        "aws ec2 replace-network-acl-entry --network-acl-id <acl-id> --ingress --rule-number <n> --protocol tcp --rule-action deny --cidr-block 0.0.0.0/0 --port-range From=22,To=22",
        VERIFY,
    ),
    broken="the internet is let in to an administrative port: {rule}",
    equivalents=(
        "checkov:CKV_AWS_232",
        "checkov:CKV_AWS_231",
        "trivy:AWS-0105",
        "prowler:ec2_networkacl_allow_ingress_tcp_port_22",
    ),
)
def admin_ports(v: View) -> Answer:
    """The ACL is the fence that still stands when a security group is opened by mistake or by an intruder."""
    rules = _ingress(v)
    doubts: list[Unknown] = []
    for port in ADMIN_PORTS:
        for family in FAMILIES:
            open_, rule = _lets_in(rules, port, family)
            if isinstance(open_, Unknown):
                doubts.append(open_)
            elif open_ and rule is not None:
                return broken(rule=phrase(rule))
    return unknown(*doubts) if doubts else holds()


@check(
    id="net.acl.all-ports",
    title="The network ACL lets nobody in on every port",
    clause="SEG-01.default-deny-between",
    kinds=KINDS,
    needs=NEEDS,
    severity=Severity.MEDIUM,
    fix=Fix(
        "Replace the rule for every port by one rule for each port range that the subnet serves.",
        (
            ("aws_network_acl_rule", 'protocol  = "tcp"\nfrom_port = 443\nto_port   = 443'),
            (
                "aws_network_acl",
                'ingress {\n  rule_no    = 100\n  action     = "allow"\n  protocol   = "tcp"\n  from_port  = 443\n  to_port    = 443\n  cidr_block = "10.0.0.0/16"\n}',
            ),
        ),
        "aws ec2 replace-network-acl-entry --network-acl-id <acl-id> --ingress --rule-number <n> --protocol tcp --rule-action allow --cidr-block 10.0.0.0/16 --port-range From=443,To=443",
        VERIFY,
    ),
    broken="an ingress rule allows every port: {rule}",
    equivalents=("checkov:CKV_AWS_352", "trivy:AWS-0102", "prowler:ec2_networkacl_allow_ingress_any_port"),
)
def all_ports_in(v: View) -> Answer:
    """An ACL that lets every port in separates nothing: a node that is taken over reaches every daemon beside it."""
    return verdict(_ingress(v), _allows_all)


def _allows_all(rule: NetRule | Unknown) -> Tri:
    return rule if isinstance(rule, Unknown) else rule.action == "allow" and all_ports(rule)


CHECKS = (admin_ports, all_ports_in)
