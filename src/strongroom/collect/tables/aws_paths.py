"""What leads from one AWS network to another: gateways, routes, associations, addresses and targets."""

from strongroom.collect.native import Default, Native, Row, choice, flag, number, text
from strongroom.collect.tables._aws_links import link, links
from strongroom.collect.tables._aws_routes import routes
from strongroom.model.kinds import Kind

_PAGE = "https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/"


def _other(native: str, *rows: Row, kind: Kind = Kind.OTHER) -> Native:
    return Native(type=native, kind=kind, provider="aws", rows=rows)


TABLE = (
    _other("aws_route", link("link.routes", "route_table_id"), Row("routes.entries", lambda r: tuple(routes(r, r.resource.values)))),
    _other(
        "aws_route_table_association", link("link.routes", "route_table_id"), link("link.subnet", "subnet_id"),
        link("link.gateway", "gateway_id"),
    ),
    _other("aws_main_route_table_association", link("link.routes", "route_table_id"), link("link.network", "vpc_id")),
    _other("aws_internet_gateway", link("link.network", "vpc_id")),
    _other("aws_internet_gateway_attachment", link("link.gateway", "internet_gateway_id"), link("link.network", "vpc_id")),
    _other("aws_egress_only_internet_gateway", link("link.network", "vpc_id")),
    _other(
        "aws_nat_gateway", link("link.subnet", "subnet_id"),
        choice("nat.private", "connectivity_type", {"private": True, "public": False}, Default(False, _PAGE + "nat_gateway")),
    ),
    _other("aws_eip", link("link.instance", "instance"), link("link.interface", "network_interface")),
    _other("aws_eip_association", link("link.instance", "instance_id"), link("link.interface", "network_interface_id")),
    _other("aws_network_acl_association", link("link.acl", "network_acl_id"), link("link.subnet", "subnet_id")),
    _other(
        "aws_network_interface_sg_attachment", link("link.group", "security_group_id"),
        link("link.interface", "network_interface_id"),
    ),
    _other(
        "aws_lb_target_group_attachment", link("link.target_group", "target_group_arn"), link("link.target", "target_id"),
        number("lb.target_port", "port"),
    ),
    _other(
        "aws_autoscaling_attachment", link("link.target_group", "lb_target_group_arn", "alb_target_group_arn"),
        link("link.fleet", "autoscaling_group_name"), link("link.balancer", "elb"),
    ),
    _other("aws_vpc_ipv4_cidr_block_association", link("link.network", "vpc_id"), text("net.block", "cidr_block")),
    _other(
        "aws_db_instance", flag("net.public", "publicly_accessible", Default(False, _PAGE + "db_instance")),
        links("link.groups", "vpc_security_group_ids"), link("link.subnet_group", "db_subnet_group_name"),
        number("net.port", "port"),
    ),
    _other("aws_db_subnet_group", links("link.subnets", "subnet_ids")),
    _other("aws_lambda_function_url", link("link.function", "function_name")),
)  # fmt: skip
