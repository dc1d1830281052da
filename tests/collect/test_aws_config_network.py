"""What leads where, by a snapshot of AWS Config: its networks are read as those of a running account."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.collect.aws_account import NETWORK

from strongroom.assess.reach.aws import REACH
from strongroom.collect.sources import aws_config
from strongroom.model.estate import Estate
from strongroom.model.ports import Limits, Request
from strongroom.model.reach import Scene
from strongroom.model.values import Unknown

NOW = datetime(2026, 11, 23, tzinfo=UTC)
TYPES = {
    "ec2:DescribeVpcs": ("AWS::EC2::VPC", "VpcId"),
    "ec2:DescribeSubnets": ("AWS::EC2::Subnet", "SubnetId"),
    "ec2:DescribeInternetGateways": ("AWS::EC2::InternetGateway", "InternetGatewayId"),
    "ec2:DescribeRouteTables": ("AWS::EC2::RouteTable", "RouteTableId"),
    "ec2:DescribeNetworkAcls": ("AWS::EC2::NetworkAcl", "NetworkAclId"),
    "ec2:DescribeSecurityGroups": ("AWS::EC2::SecurityGroup", "GroupId"),
}


def lowered(value: object) -> object:
    """Names as AWS Config has them."""
    if isinstance(value, dict):
        return {k[:1].lower() + k[1:]: lowered(v) for k, v in value.items()}
    return [lowered(v) for v in value] if isinstance(value, list) else value


def snapshot(folder: Path, *without: str, gone: bool = False) -> Estate:
    """The network of the tests, recorded, without some types; with a route whose gateway is gone."""
    items = []
    for call, (kind, ident) in TYPES.items():
        told = NETWORK[call]
        assert isinstance(told, dict)
        held = [one for listed in told.values() for one in listed if kind not in without]
        items += [{"resourceType": kind, "resourceId": one[ident], "configuration": lowered(one)} for one in held]
    machine = {
        "instanceId": "i-1", "instanceType": "p5.48xlarge", "subnetId": "subnet-1", "publicIpAddress": "52.1.2.3",
        "securityGroups": [{"groupId": "sg-1"}],
    }  # fmt: skip
    items.append({"resourceType": "AWS::EC2::Instance", "resourceId": "i-1", "configuration": machine})
    common = {"awsAccountId": "123456789012", "awsRegion": "eu-west-1", "configurationItemStatus": "OK"}
    text = json.dumps({"configurationItems": [{**common, **one} for one in items]})
    path = folder / "snapshot.json"
    path.write_text(text.replace('"igw-1", "state": "active"', '"igw-1", "state": "blackhole"') if gone else text)
    return aws_config.COLLECTOR.collect(Request(f"aws-config:{path}", str(path), NOW, Limits()))


def reached(of: Estate) -> object:
    """Whether the internet reaches the machine."""
    machine = next(a for a in of.assets if a.native_type == "AWS::EC2::Instance")
    return REACH.reach(Scene(of))(machine).ingress


def test_a_recorded_network_leads_to_its_machine(tmp_path: Path) -> None:
    """Main table, gateway, ACL and group of a snapshot let the internet in."""
    assert reached(snapshot(tmp_path)) is True


def test_a_recorded_black_hole_leads_nowhere(tmp_path: Path) -> None:
    """A recorded route whose target is gone lets nobody in."""
    assert reached(snapshot(tmp_path, gone=True)) is False


@pytest.mark.parametrize("kind", [kind for kind, _ in TYPES.values()])
def test_what_was_not_recorded_is_never_a_no(kind: str, tmp_path: Path) -> None:
    """Where AWS Config was not told to record a part of the way, nobody is said to be kept out."""
    answer = reached(snapshot(tmp_path, kind))
    assert answer is True or isinstance(answer, Unknown)
