"""AWS networks: security groups, network ACLs, VPCs, flow logs and endpoints."""

import re
from collections.abc import Callable, Iterator, Mapping

from strongroom.collect.native import INAPPLICABLE, Default, Inapplicable, Native, Reader, Row, text
from strongroom.collect.resource import Link, pick, undecided
from strongroom.collect.tables._aws import satellite_statements, statements
from strongroom.collect.tables._aws_links import given_address_6, link, links, many
from strongroom.collect.tables._aws_routes import entries
from strongroom.kit.nets import ANY_PORT, world
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import NetRule, Statement, Unknown, Value

TERRAFORM = "https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/"
ENDPOINT_POLICY = "https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html"
DEFAULT_GROUP = "https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html"

# IANA protocol numbers; EC2 takes "-1" for every protocol and then ignores the ports (API_AuthorizeSecurityGroupIngress).
PROTOCOLS = {"-1": "all", "all": "all", "6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
PEERS = ("cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6", "cidr_block", "ipv6_cidr_block")
GROUPS = ("security_groups", "source_security_group_id", "referenced_security_group_id")
PREFIX_LISTS = ("prefix_list_ids", "prefix_list_id")
TEMPLATE_GROUP = (
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroup.html"
)
EVERYWHERE = tuple(NetRule("egress", "allow", "all", *ANY_PORT, (block,)) for block in ("0.0.0.0/0", "::/0"))
WHOLE = (Statement("allow", ("*",), actions=("*",), resources=("*",)),)


def _protocol(reader: Reader, block: Mapping[str, object]) -> str | Unknown:
    for name in ("protocol", "ip_protocol"):
        found = reader.text(name, block)
        if isinstance(found, Unknown):
            return found
        if found:
            return PROTOCOLS.get(found.lower(), found.lower())
    return "all"


def _ports(reader: Reader, block: Mapping[str, object], protocol: str | Unknown) -> tuple[int, int] | Unknown:
    """The ports of a rule. A port of -1, or none at all, is every port; so is any port of the protocol -1."""
    if protocol == "all":
        return ANY_PORT
    ends: list[int | None] = []
    for name in ("from_port", "to_port"):
        raw = reader.open(pick(block, name))
        found = reader.number(name, block) if raw not in ("", None) else None
        if isinstance(found, Unknown):
            return found
        ends.append(None if found is None else int(found))
    low, high = ends
    if low is None and high is None:
        return ANY_PORT
    low = low if low is not None else high or 0
    high = high if high is not None else low
    return ANY_PORT if low == -1 else (low, high)


def _items(reader: Reader, block: Mapping[str, object], name: str) -> Iterator[object]:
    raw = reader.open(pick(block, name))
    if isinstance(raw, list | tuple):
        yield from (reader.open(one) for one in raw)
    elif raw is not None and raw != "":
        yield raw


def _peers(reader: Reader, block: Mapping[str, object]) -> tuple[str | Unknown, ...]:
    out: list[str | Unknown] = []
    for name in PEERS:
        for one in _items(reader, block, name):
            doubt = None if _somewhere(reader, one) else undecided(one)
            if one is None:  # an element of a list can only be null because its expression has no value
                doubt = Unknown(GapCode.UNDECIDED, f"an element of {name} has no value")
            out.append(doubt if doubt is not None else str(one))
    for name in PREFIX_LISTS:
        for one in _items(reader, block, name):
            out += _listed(reader, one)
    return tuple(out)


def _somewhere(reader: Reader, peer: object) -> bool:
    """Whether a block whose addresses are not known is some network all the same, and not the internet.

    So are the blocks of a network of AWS's, and whatever is written with a prefix of its own.
    """
    if isinstance(peer, Link):
        target = reader.follow(peer)
        ours = "aws_" in peer.address or (target is not None and target.type.startswith("aws_"))
        return peer.attribute.endswith(("cidr_block", "cidr_blocks")) and ours
    prefix = re.fullmatch(r"\$\{.*\}/(\d+)", peer) if isinstance(peer, str) else None
    return prefix is not None and int(prefix[1]) > 1


def _listed(reader: Reader, link: object) -> tuple[str | Unknown, ...]:
    """The blocks of a managed prefix list that stands in the same configuration."""
    target = reader.follow(link)
    if target is None or target.native != "aws_ec2_managed_prefix_list":
        return ()
    inside = reader.reading(target)
    entries = inside.blocks("entry")
    if isinstance(entries, Unknown):
        return (entries,)
    found = (inside.text("cidr", entry) for entry in entries)
    return tuple(f for f in found if f is not None)


def _groups(reader: Reader, block: Mapping[str, object]) -> tuple[str, ...]:
    out = [] if reader.flag("self", block) in (None, False) else ["self"]
    for name in (*GROUPS, *PREFIX_LISTS):
        out += [str(one) if not isinstance(one, Unknown) else name for one in _items(reader, block, name)]
    return tuple(out)


def _rule(reader: Reader, block: Mapping[str, object], direction: str, action: str = "allow") -> NetRule | Unknown:
    """One rule. Where its ports are not known it stands for every port, as long as its peers are not the internet."""
    protocol = _protocol(reader, block)
    ports = _ports(reader, block, protocol)
    number = reader.number("rule_no", block) or reader.number("rule_number", block)
    rule = NetRule(
        direction=direction,
        action=action,
        protocol=protocol if isinstance(protocol, str) else "all",
        from_port=ports[0] if not isinstance(ports, Unknown) else ANY_PORT[0],
        to_port=ports[1] if not isinstance(ports, Unknown) else ANY_PORT[1],
        peers=_peers(reader, block),
        groups=_groups(reader, block),
        priority=int(number) if isinstance(number, float) else 0,
    )
    doubt = next((d for d in (protocol, ports, number) if isinstance(d, Unknown)), None)
    return doubt if doubt is not None and world(rule) is not False else rule


def _inline(reader: Reader, name: str) -> tuple[NetRule | Unknown, ...]:
    found = reader.blocks(name)
    if isinstance(found, Unknown):
        return (found,)
    return tuple(_rule(reader, block, name) for block in found)


RULE_TYPES = ("aws_security_group_rule", "aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule")


def _standalone(reader: Reader) -> NetRule | Unknown:
    """The one rule of a rule resource; its direction is in its type's name or in its `type`."""
    if reader.resource.type != "aws_security_group_rule":
        return _rule(
            reader, reader.resource.values, "egress" if reader.resource.type.endswith("egress_rule") else "ingress"
        )
    direction = reader.text("type")
    if isinstance(direction, Unknown):
        return direction
    return _rule(reader, reader.resource.values, "egress" if direction == "egress" else "ingress")


def _alone(direction: str) -> Callable[[Reader], Value | Inapplicable]:
    """The rule of a rule resource, as the only one of its direction; of the other it says nothing."""

    def read(reader: Reader) -> Value | Inapplicable:
        rule = _standalone(reader)
        return (rule,) if isinstance(rule, Unknown) or rule.direction == direction else INAPPLICABLE

    return read


def group_rules(reader: Reader, direction: str) -> tuple[NetRule | Unknown, ...]:
    """The rules of a security group in a direction: its own blocks and the rule resources that name it.

    Terraform removes the "allow all" egress that AWS gives a new group: no egress block is no egress.
    """
    rules = [*_inline(reader, direction)]
    for native in RULE_TYPES:
        rules += [_standalone(reader.reading(r)) for r in reader.satellites(native, "security_group_id").found]
        rules += _doubtful(reader, native, "security_group_id")
    return tuple(r for r in rules if isinstance(r, Unknown) or r.direction == direction)


def _doubtful(reader: Reader, native: str, by: str) -> Iterator[NetRule]:
    """Rules that may be the group's, or may be at all; only those that would open something to the internet matter."""
    beside = reader.satellites(native, by)
    if beside.doubt is None:
        return
    for r in reader.pool.of_type(native):
        target = pick(r.values, by)
        if r not in beside.maybe and (isinstance(target, Link) or undecided(target) is None):
            continue
        inside = reader.reading(r)
        rule = _acl_rule(inside) if native == "aws_network_acl_rule" else _standalone(inside)
        if isinstance(rule, NetRule) and world(rule) is not False:
            yield _with_peer(rule, Unknown(GapCode.UNDECIDED, f"{r.address} may belong to it"))


def _with_peer(rule: NetRule, peer: Unknown) -> NetRule:
    return NetRule(rule.direction, rule.action, rule.protocol, rule.from_port, rule.to_port, (peer,), (), rule.priority)


def _egress(reader: Reader) -> Value:
    """The egress of a group; None where CloudFormation makes it and says nothing, as EC2 then lets everything out."""
    return group_rules(reader, "egress") or (None if _by_template(reader) else ())


def _stated(reader: Reader) -> Value | Inapplicable:
    """Whether a template states any egress, in the group or in a rule beside it. Terraform always states it."""
    return bool(group_rules(reader, "egress")) if _by_template(reader) else INAPPLICABLE


def _by_template(reader: Reader) -> bool:
    return reader.resource.scheme == "cloudformation"


def _acl_action(reader: Reader, block: Mapping[str, object]) -> str | Unknown:
    found = reader.text("action", block) or reader.text("rule_action", block)
    return found if isinstance(found, Unknown) else (found or "").lower()


def _acl_block(reader: Reader, block: Mapping[str, object], direction: str) -> NetRule | Unknown:
    action = _acl_action(reader, block)
    return action if isinstance(action, Unknown) else _rule(reader, block, direction, action)


def _acl_rule(reader: Reader) -> NetRule | Unknown:
    egress = reader.flag("egress")
    if isinstance(egress, Unknown):
        return egress
    return _acl_block(reader, reader.resource.values, "egress" if egress else "ingress")


def acl_rules(reader: Reader) -> tuple[NetRule | Unknown, ...]:
    """The rules of a network ACL, its own blocks and the rule resources that name it, in the order of their numbers."""
    rules: list[NetRule | Unknown] = []
    for direction in ("ingress", "egress"):
        found = reader.blocks(direction)
        rules += [found] if isinstance(found, Unknown) else [_acl_block(reader, b, direction) for b in found]
    for r in reader.satellites("aws_network_acl_rule", "network_acl_id").found:
        rules.append(_acl_rule(reader.reading(r)))
    rules += _doubtful(reader, "aws_network_acl_rule", "network_acl_id")
    return tuple(sorted(rules, key=lambda r: r.priority if isinstance(r, NetRule) else 0))


def _blocks(reader: Reader) -> Value:
    """The CIDR blocks of a network or a subnet, where they are known."""
    names = ("cidr_block", "ipv6_cidr_block")
    return tuple(found for name in names if (found := reader.text(name)) is not None)


def _flow_logs(reader: Reader) -> Value:
    logs = reader.satellites("aws_flow_log", "vpc_id")
    return True if logs.found else logs.doubt or False


def _default_group_closed(reader: Reader) -> Value:
    """Whether the VPC's default group is adopted and left without a rule."""
    adopted = reader.satellites("aws_default_security_group", "vpc_id")
    if not adopted.found:
        return adopted.doubt
    groups = [reader.reading(group) for group in adopted.found]
    rules = [rule for group in groups for way in ("ingress", "egress") for rule in group_rules(group, way)]
    rules += [rule for native in RULE_TYPES for rule in _through_vpc(reader, native)]
    doubt = next((r for r in rules if isinstance(r, Unknown)), None)
    return doubt if doubt is not None and all(isinstance(r, Unknown) for r in rules) else not rules


def _through_vpc(reader: Reader, native: str) -> Iterator[NetRule | Unknown]:
    """Rules whose group is written as `aws_vpc.x.default_security_group_id`."""
    for r in reader.satellites(native, "security_group_id").found:
        target = r.values.get("security_group_id")
        if isinstance(target, Link) and target.attribute == "default_security_group_id":
            yield _standalone(reader.reading(r))


def _endpoint_policy(reader: Reader) -> Value:
    """The endpoint's policy; without one it lets any principal reach any resource."""
    own = statements(reader, "policy")
    return own if own is not None else satellite_statements(reader, "aws_vpc_endpoint_policy", "vpc_endpoint_id")


def _plugged(reader: Reader) -> Value:
    """The machines that an interface says it is plugged into."""
    found = reader.blocks("attachment")
    if isinstance(found, Unknown):
        return (found,)
    return tuple(x for block in found for x in many(reader, block.get("instance")))


_GROUP = (
    link("link.network", "vpc_id"),
    Row("sg.ingress", lambda r: group_rules(r, "ingress")),
    Row("sg.egress", _egress, Default(EVERYWHERE, TEMPLATE_GROUP)),
    Row("sg.egress_stated", _stated),
)
_ALONE = (Row("sg.ingress", _alone("ingress")), Row("sg.egress", _alone("egress")))
_VPC = (
    Row("net.blocks", _blocks),
    Row("log.flows", _flow_logs),
    Row("net.default_group_closed", _default_group_closed, Default(False, DEFAULT_GROUP)),
)

TABLE = (
    Native(type="aws_security_group", kind=Kind.FIREWALL, provider="aws", rows=_GROUP, refs=(("network", "vpc_id"),)),
    Native(
        type="aws_default_security_group",
        kind=Kind.FIREWALL,
        provider="aws",
        rows=_GROUP,
        refs=(("network", "vpc_id"),),
    ),
    *(
        Native(
            type=native,
            kind=Kind.FIREWALL,
            provider="aws",
            rows=_ALONE,
            refs=(("group", "security_group_id"),),
        )
        for native in RULE_TYPES
    ),
    *(
        Native(
            type=native,
            kind=Kind.ACL,
            provider="aws",
            rows=(
                Row("net.rules", acl_rules),
                links("link.subnets", "subnet_ids"),
                link("link.network", "vpc_id"),
                link("link.default", "default_network_acl_id"),
            ),
            refs=(("network", "vpc_id"),),
        )
        for native in ("aws_network_acl", "aws_default_network_acl")
    ),
    Native(
        type="aws_network_acl_rule",
        kind=Kind.ACL,
        provider="aws",
        rows=(Row("net.rules", lambda r: (_acl_rule(r),)),),
        refs=(("acl", "network_acl_id"),),
    ),
    Native(type="aws_vpc", kind=Kind.NETWORK, provider="aws", rows=_VPC),
    Native(type="aws_default_vpc", kind=Kind.NETWORK, provider="aws", rows=_VPC),
    *(
        Native(
            type=native,
            kind=Kind.ROUTES,
            provider="aws",
            rows=(
                Row("routes.entries", entries),
                link("link.network", "vpc_id"),
                link("link.default", "default_route_table_id"),
            ),
            refs=(("network", "vpc_id"),),
        )
        for native in ("aws_route_table", "aws_default_route_table")
    ),
    Native(
        type="aws_network_interface",
        kind=Kind.INTERFACE,
        provider="aws",
        rows=(
            links("link.subnets", "subnet_id"),
            links("link.groups", "security_groups"),
            Row("link.instances", _plugged),
            Row("net.public_ip6", given_address_6),
        ),
        refs=(("subnet", "subnet_id"),),
    ),
    Native(
        type="aws_vpc_endpoint",
        kind=Kind.PRIVATE_ENDPOINT,
        provider="aws",
        rows=(
            text("endpoint.service", "service_name"),
            text("endpoint.type", "vpc_endpoint_type", Default("Gateway", TERRAFORM + "vpc_endpoint")),
            Row("policy.statements", _endpoint_policy, Default(WHOLE, ENDPOINT_POLICY)),
            link("link.network", "vpc_id"),
        ),
        refs=(("network", "vpc_id"),),
    ),
)
