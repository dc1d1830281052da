"""Security groups, network ACLs, networks, endpoints and load balancers."""

from strongroom.collect.cloudformation.shape import Shape, Values, each, equals, renamed
from strongroom.collect.resource import undecided
from strongroom.model.values import Unknown

_rule = renamed(protocol="ip_protocol", cidr_ipv4="cidr_ip")


def _group(values: Values) -> None:
    for way, name in (("ingress", "security_group_ingress"), ("egress", "security_group_egress")):
        found = values.pop(name, None)
        if found is not None:
            values[way] = each(found, _one_rule)


def _one_rule(block: Values) -> Values:
    """A rule with the names that the tables know its peers by."""
    made = _rule(block)
    assert isinstance(made, dict)
    groups = [
        made.pop(f"{end}_security_group_{by}", None) for end in ("source", "destination") for by in ("id", "name")
    ]
    lists = [made.pop(f"{end}_prefix_list_id", None) for end in ("source", "destination")]
    made["security_groups"] = [g for g in groups if g is not None]
    made["prefix_list_ids"] = [p for p in lists if p is not None]
    return made


def _standalone(values: Values) -> None:
    made = _one_rule(values)
    values.clear()
    values.update(made)
    named = values.pop("group_id", None)
    by_name = values.pop("group_name", None)
    values["security_group_id"] = named if named is not None else by_name


def _entry(values: Values) -> None:
    ports = values.pop("port_range", None)
    if isinstance(ports, dict):
        values["from_port"], values["to_port"] = ports.get("from"), ports.get("to")
    elif isinstance(ports, Unknown):
        values["from_port"] = values["to_port"] = ports


def _attached(values: Values) -> None:
    """What attaches an internet gateway; a VPN gateway's attachment is nothing of the internet."""
    if values.get("internet_gateway_id") is None:
        values["vpc_id"] = None


def _target(values: Values) -> None:
    """A target group's own targets are blocks with an id."""
    found = values.pop("targets", None)
    if found is not None:
        values["target"] = found


def _flow_log(values: Values) -> None:
    kind = str(values.get("resource_type", "")).lower()
    at = {"vpc": "vpc_id", "subnet": "subnet_id", "networkinterface": "eni_id"}.get(kind, "resource_id")
    values[at] = values.pop("resource_id", None)


def _prefix_list(values: Values) -> None:
    values["entry"] = values.pop("entries", None)


def _balancer(values: Values) -> None:
    scheme = values.pop("scheme", None)
    if scheme is not None:
        values["internal"] = equals(scheme, "internal")


def _classic(values: Values) -> None:
    _balancer(values)
    values["listener"] = each(
        values.pop("listeners", None), renamed(lb_protocol="protocol", lb_port="load_balancer_port")
    )


def _actions(raw: object) -> object:
    return each(raw, _action)


def _action(block: Values) -> object:
    made = renamed(redirect="redirect_config", forward="forward_config")(block)
    forward = made.get("forward") if isinstance(made, dict) else None
    if isinstance(forward, dict):
        forward["target_group"] = forward.pop("target_groups", None)
    return made


def _listener(values: Values) -> None:
    values["default_action"] = _actions(values.pop("default_actions", None))


def _listener_rule(values: Values) -> None:
    values["action"] = _actions(values.pop("actions", None))


def _balancer_kind(values: Values) -> None:
    _balancer(values)
    if undecided(values.get("type")) is None:
        values["load_balancer_type"] = values.pop("type", None)


SHAPES = (
    Shape(
        type="AWS::EC2::SecurityGroup",
        native="aws_security_group",
        moves=(("group_name", "name"),),
        make=_group,
    ),
    Shape(
        type="AWS::EC2::SecurityGroupIngress",
        native="aws_vpc_security_group_ingress_rule",
        make=_standalone,
    ),
    Shape(
        type="AWS::EC2::SecurityGroupEgress",
        native="aws_vpc_security_group_egress_rule",
        make=_standalone,
    ),
    Shape(type="AWS::EC2::NetworkAcl", native="aws_network_acl"),
    Shape(
        type="AWS::EC2::NetworkAclEntry",
        native="aws_network_acl_rule",
        make=_entry,
        required=("RuleAction",),
    ),
    Shape(type="AWS::EC2::VPC", native="aws_vpc"),
    Shape(type="AWS::EC2::FlowLog", native="aws_flow_log", make=_flow_log),
    Shape(type="AWS::EC2::RouteTable", native="aws_route_table"),
    Shape(type="AWS::EC2::Route", native="aws_route"),
    Shape(type="AWS::EC2::SubnetRouteTableAssociation", native="aws_route_table_association"),
    Shape(type="AWS::EC2::InternetGateway", native="aws_internet_gateway"),
    Shape(type="AWS::EC2::VPCGatewayAttachment", native="aws_internet_gateway_attachment", make=_attached),
    Shape(type="AWS::EC2::EgressOnlyInternetGateway", native="aws_egress_only_internet_gateway"),
    Shape(type="AWS::EC2::NatGateway", native="aws_nat_gateway"),
    Shape(type="AWS::EC2::SubnetNetworkAclAssociation", native="aws_network_acl_association"),
    Shape(type="AWS::EC2::VPCCidrBlock", native="aws_vpc_ipv4_cidr_block_association"),
    Shape(type="AWS::EC2::NetworkInterface", native="aws_network_interface"),
    Shape(type="AWS::EC2::PrefixList", native="aws_ec2_managed_prefix_list", make=_prefix_list),
    Shape(type="AWS::EC2::EIP", native="aws_eip", moves=(("instance_id", "instance"),)),
    Shape(
        type="AWS::RDS::DBInstance",
        native="aws_db_instance",
        moves=(("vpc_security_groups", "vpc_security_group_ids"),),
    ),
    Shape(type="AWS::RDS::DBSubnetGroup", native="aws_db_subnet_group"),
    Shape(type="AWS::EC2::EIPAssociation", native="aws_eip_association"),
    Shape(
        type="AWS::EC2::VPCEndpoint",
        native="aws_vpc_endpoint",
        moves=(("policy_document", "policy"),),
    ),
    Shape(
        type="AWS::ElasticLoadBalancingV2::LoadBalancer",
        native="aws_lb",
        make=_balancer_kind,
    ),
    Shape(type="AWS::ElasticLoadBalancingV2::Listener", native="aws_lb_listener", make=_listener),
    Shape(type="AWS::ElasticLoadBalancingV2::ListenerRule", native="aws_lb_listener_rule", make=_listener_rule),
    Shape(type="AWS::ElasticLoadBalancingV2::TargetGroup", native="aws_lb_target_group", make=_target),
    Shape(
        type="AWS::ElasticLoadBalancing::LoadBalancer",
        native="aws_elb",
        moves=(("load_balancer_name", "name"),),
        make=_classic,
    ),
)
