"""Networks, what filters and routes in them, and load balancers."""

from collections.abc import Iterator, Mapping

from strongroom.collect.aws.asking import Beside, Call, Detail, Known, Listing, Properties, Seen
from strongroom.collect.aws.calls._forms import idents, moved
from strongroom.collect.aws.document import mappings

_ARN = "arn:{partition}:ec2:{region}:{account}:"


def _ec2(kind: str, operation: str, takes: str, noun: str, ident: str, **more: object) -> Listing:
    arguments = more.pop("arguments", {})
    assert isinstance(arguments, dict)
    call = Call(service="ec2", operation=operation, takes=takes, arguments=arguments)
    return Listing(type=kind, call=call, name=f"{{{ident}}}", arn=f"{_ARN}{noun}/{{{ident}}}", **more)  # type: ignore[arg-type]


def _network(seen: Seen, known: Known) -> Properties:
    del known
    blocks = idents(seen.answer.get("Ipv6CidrBlockAssociationSet"), "Ipv6CidrBlock")
    names = ("CidrBlock", "Tags", "AssignIpv6AddressOnCreation", "MapPublicIpOnLaunch", "VpcId")
    made: Properties = {n: seen.answer.get(n) for n in names if seen.answer.get(n) is not None}
    if seen.type.endswith("VPC"):
        made.pop("VpcId", None)
    return {**made, "Ipv6CidrBlock": blocks[0]} if blocks else made


def _more_blocks(seen: Seen) -> Iterator[Beside]:
    """The blocks of a network beside its first."""
    for n, one in enumerate(mappings(seen.answer.get("CidrBlockAssociationSet"))):
        if one.get("CidrBlock") != seen.answer.get("CidrBlock"):
            made: Properties = {"vpc_id": seen.ident, "cidr_block": one.get("CidrBlock")}
            yield Beside("aws_vpc_ipv4_cidr_block_association", f"CidrBlock[{n}]", made)


def _group(seen: Seen, known: Known) -> Properties:
    del known
    return {
        "GroupName": seen.answer.get("GroupName"),
        "VpcId": seen.answer.get("VpcId"),
        "SecurityGroupIngress": [r for p in mappings(seen.answer.get("IpPermissions")) for r in _rules(p)],
        "SecurityGroupEgress": [r for p in mappings(seen.answer.get("IpPermissionsEgress")) for r in _rules(p)],
        "Tags": seen.answer.get("Tags"),
    }


def _rules(permission: Mapping[str, object]) -> Iterator[Properties]:
    """One rule for each peer of a permission."""
    rule = {n: permission.get(n) for n in ("IpProtocol", "FromPort", "ToPort")}
    for name, key, to in (
        ("IpRanges", "CidrIp", "CidrIp"),
        ("Ipv6Ranges", "CidrIpv6", "CidrIpv6"),
        ("UserIdGroupPairs", "GroupId", "SourceSecurityGroupId"),
        ("PrefixListIds", "PrefixListId", "SourcePrefixListId"),
    ):
        yield from ({**rule, to: one} for one in idents(permission.get(name), key))


def _group_type(seen: Seen) -> str:
    """The group that every network has from the start is a type of its own to the tables."""
    return "aws_default_security_group" if seen.answer.get("GroupName") == "default" else "aws_security_group"


def _acl(seen: Seen, known: Known) -> Properties:
    del known
    made: dict[str, list[Properties]] = {"Ingress": [], "Egress": []}
    for entry in mappings(seen.answer.get("Entries")):
        ports = entry.get("PortRange")
        rule = {n: entry.get(n) for n in ("Protocol", "CidrBlock", "Ipv6CidrBlock")}
        rule |= {"RuleNo": entry.get("RuleNumber"), "Action": entry.get("RuleAction")}
        if isinstance(ports, dict):
            rule |= {"FromPort": ports.get("From"), "ToPort": ports.get("To")}
        made["Egress" if entry.get("Egress") else "Ingress"].append(rule)
    subnets = idents(seen.answer.get("Associations"), "SubnetId")
    return {"VpcId": seen.answer.get("VpcId"), **made, "SubnetIds": subnets, "Tags": seen.answer.get("Tags")}


_OWN = frozenset({"local"})


def _routes(seen: Seen, known: Known) -> Properties:
    """A table's routes. The network's own local one goes without saying; a black hole leads nowhere."""
    del known
    made = []
    for route in mappings(seen.answer.get("Routes")):
        if route.get("GatewayId") in _OWN:
            continue
        gone = route.get("State") == "blackhole"
        made.append({k: v for k, v in route.items() if not gone or k.startswith("Destination")})
    return {"VpcId": seen.answer.get("VpcId"), "Route": made, "Tags": seen.answer.get("Tags")}


def _associations(seen: Seen) -> Iterator[Beside]:
    for n, one in enumerate(mappings(seen.answer.get("Associations"))):
        if one.get("Main") is True:
            main: Properties = {"vpc_id": seen.answer.get("VpcId"), "route_table_id": seen.ident}
            yield Beside("aws_main_route_table_association", f"Associations[{n}]", main)
        elif one.get("SubnetId") or one.get("GatewayId"):
            tie = {"route_table_id": seen.ident, "subnet_id": one.get("SubnetId"), "gateway_id": one.get("GatewayId")}
            yield Beside("aws_route_table_association", f"Associations[{n}]", tie)


def _attached(seen: Seen, known: Known) -> Properties:
    del known
    networks = idents(seen.answer.get("Attachments"), "VpcId")
    return {"VpcId": networks[0] if networks else None, "Tags": seen.answer.get("Tags")}


def _nat(seen: Seen, known: Known) -> Properties | None:
    del known
    if seen.answer.get("State") in {"deleted", "deleting", "failed"}:
        return None
    return {n: seen.answer.get(n) for n in ("SubnetId", "ConnectivityType", "Tags") if seen.answer.get(n)}


def _interface(seen: Seen, known: Known) -> Properties:
    del known
    machine = seen.at("Attachment.InstanceId")
    addresses = idents(seen.answer.get("Ipv6Addresses"), "Ipv6Address")
    return {
        "SubnetId": seen.answer.get("SubnetId"),
        "SecurityGroups": idents(seen.answer.get("Groups"), "GroupId"),
        "Attachment": [{"Instance": machine}] if machine else [],
        "Ipv6Addresses": addresses,
        "Tags": seen.answer.get("TagSet"),
    }


def _flow_log(seen: Seen, known: Known) -> Properties:
    del known
    ident = str(seen.answer.get("ResourceId"))
    kind = {"vpc": "VPC", "subnet": "Subnet", "eni": "NetworkInterface"}.get(ident.partition("-")[0], "")
    return {"ResourceId": ident, "ResourceType": kind}


def _endpoint(seen: Seen, known: Known) -> Properties:
    del known
    names = ("PolicyDocument", "VpcEndpointType", "ServiceName", "VpcId", "SubnetIds", "Tags")
    return {n: seen.answer.get(n) for n in names if seen.answer.get(n) is not None}


def _balancer(seen: Seen, known: Known) -> Properties:
    del known
    names = ("Scheme", "Type", "SecurityGroups", "IpAddressType", "LoadBalancerName")
    made: Properties = {n: seen.answer.get(n) for n in names if seen.answer.get(n) is not None}
    made["Name"] = seen.name
    made["Subnets"] = idents(seen.answer.get("AvailabilityZones"), "SubnetId")
    return made


def _classic(seen: Seen, known: Known) -> Properties:
    del known
    names = ("LoadBalancerName", "Scheme", "Subnets", "SecurityGroups")
    made: Properties = {n: seen.answer.get(n) for n in names if seen.answer.get(n) is not None}
    made["Instances"] = idents(seen.answer.get("Instances"), "InstanceId")
    made["Listeners"] = idents(seen.answer.get("ListenerDescriptions"), "Listener")
    return made


_LB = "elbv2"

LISTINGS = (
    _ec2("AWS::EC2::VPC", "DescribeVpcs", "Vpcs", "vpc", "VpcId", make=_network, beside=_more_blocks,
         besides=("aws_vpc_ipv4_cidr_block_association",)),
    _ec2("AWS::EC2::Subnet", "DescribeSubnets", "Subnets", "subnet", "SubnetId", make=_network),
    _ec2("AWS::EC2::SecurityGroup", "DescribeSecurityGroups", "SecurityGroups", "security-group", "GroupId", make=_group,
         native=_group_type, besides=("aws_default_security_group",)),
    _ec2("AWS::EC2::NetworkAcl", "DescribeNetworkAcls", "NetworkAcls", "network-acl", "NetworkAclId", make=_acl),
    _ec2("AWS::EC2::RouteTable", "DescribeRouteTables", "RouteTables", "route-table", "RouteTableId", make=_routes,
         beside=_associations, besides=("aws_main_route_table_association", "aws_route_table_association")),
    _ec2("AWS::EC2::InternetGateway", "DescribeInternetGateways", "InternetGateways", "internet-gateway",
         "InternetGatewayId", make=_attached),
    _ec2("AWS::EC2::EgressOnlyInternetGateway", "DescribeEgressOnlyInternetGateways", "EgressOnlyInternetGateways",
         "egress-only-internet-gateway", "EgressOnlyInternetGatewayId", make=_attached),
    _ec2("AWS::EC2::NatGateway", "DescribeNatGateways", "NatGateways", "natgateway", "NatGatewayId", make=_nat),
    _ec2("AWS::EC2::EIP", "DescribeAddresses", "Addresses", "elastic-ip", "AllocationId",
         make=moved(NetworkInterface="NetworkInterfaceId")),
    _ec2("AWS::EC2::NetworkInterface", "DescribeNetworkInterfaces", "NetworkInterfaces", "network-interface",
         "NetworkInterfaceId", make=_interface),
    _ec2("AWS::EC2::FlowLog", "DescribeFlowLogs", "FlowLogs", "vpc-flow-log", "FlowLogId", make=_flow_log),
    _ec2("AWS::EC2::VPCEndpoint", "DescribeVpcEndpoints", "VpcEndpoints", "vpc-endpoint", "VpcEndpointId", make=_endpoint),
    Listing(
        type="AWS::EC2::PrefixList",
        call=Call(service="ec2", operation="DescribeManagedPrefixLists", takes="PrefixLists"),
        details=(
            Detail(service="ec2", operation="GetManagedPrefixListEntries", takes="Entries", puts="Entries", many=True,
                   arguments={"PrefixListId": "{PrefixListId}"},
                   when=lambda seen: seen.answer.get("OwnerId") == seen.account),
        ),
        name="{PrefixListName}", ident="{PrefixListId}", arn="{PrefixListArn}", shown=False,
    ),
    Listing(
        type="AWS::ElasticLoadBalancingV2::LoadBalancer",
        call=Call(service=_LB, operation="DescribeLoadBalancers", takes="LoadBalancers"),
        name="{LoadBalancerName}", arn="{LoadBalancerArn}", make=_balancer,
    ),
    Listing(
        type="AWS::ElasticLoadBalancingV2::Listener",
        of="AWS::ElasticLoadBalancingV2::LoadBalancer",
        call=Call(service=_LB, operation="DescribeListeners", takes="Listeners",
                  arguments={"LoadBalancerArn": "{LoadBalancerArn}"}),
        name="{ListenerArn}", arn="{ListenerArn}",
    ),
    Listing(
        type="AWS::ElasticLoadBalancingV2::ListenerRule",
        of="AWS::ElasticLoadBalancingV2::Listener",
        call=Call(service=_LB, operation="DescribeRules", takes="Rules", arguments={"ListenerArn": "{ListenerArn}"}),
        name="{RuleArn}", arn="{RuleArn}", shown=False,
        make=lambda seen, _: {"Actions": seen.at("Actions"), "ListenerArn": seen.owner.arn if seen.owner else None},
    ),
    Listing(
        type="AWS::ElasticLoadBalancingV2::TargetGroup",
        call=Call(service=_LB, operation="DescribeTargetGroups", takes="TargetGroups"),
        details=(
            Detail(service=_LB, operation="DescribeTargetHealth", takes="TargetHealthDescriptions.Target", puts="Targets", many=True,
                   arguments={"TargetGroupArn": "{TargetGroupArn}"}),
        ),
        name="{TargetGroupName}", arn="{TargetGroupArn}", make=moved(Name="TargetGroupName"),
    ),
    Listing(
        type="AWS::ElasticLoadBalancing::LoadBalancer",
        call=Call(service="elb", operation="DescribeLoadBalancers", takes="LoadBalancerDescriptions"),
        name="{LoadBalancerName}", make=_classic,
        arn="arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/{LoadBalancerName}",
    ),
    Listing(
        type="AWS::RDS::DBInstance",
        call=Call(service="rds", operation="DescribeDBInstances", takes="DBInstances"),
        name="{DBInstanceIdentifier}", arn="{DBInstanceArn}",
        make=lambda seen, _: {
            "PubliclyAccessible": seen.at("PubliclyAccessible"), "Port": seen.at("Endpoint.Port"),
            "VPCSecurityGroups": idents(seen.answer.get("VpcSecurityGroups"), "VpcSecurityGroupId"),
            "DBSubnetGroupName": seen.at("DBSubnetGroup.DBSubnetGroupName"),
        },
    ),
    Listing(
        type="AWS::RDS::DBSubnetGroup",
        call=Call(service="rds", operation="DescribeDBSubnetGroups", takes="DBSubnetGroups"),
        name="{DBSubnetGroupName}", arn="{DBSubnetGroupArn}",
        make=lambda seen, _: {
            "DBSubnetGroupName": seen.name, "SubnetIds": idents(seen.answer.get("Subnets"), "SubnetIdentifier"),
        },
    ),
)  # fmt: skip
