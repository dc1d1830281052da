"""Subnets that give addresses away."""

from strongroom.model.codes import Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import View, check


@check(
    id="net.subnet.no-auto-public-ip",
    title="What starts in the subnet gets no public address by itself",
    clause="NET-01.not-exposed",
    kinds=(Kind.SUBNET,),
    needs=("net.assigns_public_ip",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch it off, and give addresses to the few that need one.",
        (
            ("aws_subnet", "map_public_ip_on_launch = false"),
            ("aws_default_subnet", "map_public_ip_on_launch = false"),
        ),
        verify="aws ec2 describe-subnets --subnet-ids <id> --query 'Subnets[].MapPublicIpOnLaunch'",
    ),
    broken="whatever starts in it gets a public address",
    equivalents=(
        "checkov:CKV_AWS_130",
        "trivy:AWS-0164",
        "guard:SUBNET_AUTO_ASSIGN_PUBLIC_IP_DISABLED",
        "prowler:vpc_subnet_no_public_ip_by_default",
    ),
)
def no_auto_address(v: View) -> bool:
    """Machines become public without anybody having decided it: the subnet decided, once, for all of them."""
    return not v.flag("net.assigns_public_ip")


CHECKS = (no_auto_address,)
