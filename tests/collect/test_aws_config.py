"""Snapshots of AWS Config: items in the words of CloudFormation and of the services, and what they do not say."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.app.sources import find, gather
from strongroom.collect.aws.recorded import parsed
from strongroom.collect.sources import aws_config
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput, Malformed
from strongroom.model.estate import Asset, Estate
from strongroom.model.ports import Limits, Request
from strongroom.model.values import Key, Unknown

NOW = datetime(2026, 11, 23, tzinfo=UTC)
Json = dict[str, object]
UUID = "11111111-2222-3333-4444-555555555555"
KEY = f"arn:aws:kms:eu-west-1:111122223333:key/{UUID}"
AWS_KEY = KEY.replace("1111111", "9999999")
OTHER_KEY = KEY.replace("1111111", "7777777")


def item(kind: str, ident: str, configuration: object, supplement: object = None, **more: object) -> Json:
    """One configuration item."""
    return {
        "resourceType": kind,
        "resourceId": ident,
        "awsAccountId": "111122223333",
        "awsRegion": "eu-west-1",
        "configurationItemStatus": "OK",
        "configurationItemCaptureTime": "2026-11-20T00:00:00.000Z",
        "configuration": configuration,
        "supplementaryConfiguration": supplement if supplement is not None else {},
        "tags": {},
        **more,
    }


def read(folder: Path, *items: Json, **more: object) -> Estate:
    """Write a snapshot and read it."""
    path = folder / "snapshot.json"
    path.write_text(json.dumps({"fileVersion": "1.0", "configurationItems": items, **more}))
    return aws_config.COLLECTOR.collect(Request(f"aws-config:{path}", str(path), NOW, Limits()))


def by_id(found: Estate) -> dict[str, Asset]:
    return {a.address.rpartition("/")[2].rpartition(":")[2]: a for a in found.assets}


GROUP = item(
    "AWS::EC2::SecurityGroup",
    "sg-0a1b2c3d",
    {
        "groupName": "g",
        "ipPermissions": [
            {
                "ipProtocol": "tcp",
                "fromPort": 22,
                "toPort": 22,
                "ipv4Ranges": [{"cidrIp": "10.0.0.0/8"}, {"cidrIp": "0.0.0.0/0"}],
                "ipv6Ranges": [{"cidrIpv6": "::/0"}],
                "userIdGroupPairs": [{"groupId": "sg-1"}],
            },
            {"ipProtocol": "-1", "ipRanges": ["192.0.2.0/24"]},
        ],
        "ipPermissionsEgress": [],
    },
)


def test_a_group_says_all_its_rules(tmp_path: Path) -> None:
    """Each peer is a rule; a group without egress lets nothing out, as it is what AWS shows and no template."""
    group = by_id(read(tmp_path, GROUP))["sg-0a1b2c3d"]
    rules = group.value("sg.ingress")
    assert isinstance(rules, tuple)
    assert [(r.protocol, r.from_port, r.peers, r.groups) for r in rules] == [  # type: ignore[union-attr]
        ("tcp", 22, ("10.0.0.0/8",), ()),
        ("tcp", 22, ("0.0.0.0/0",), ()),
        ("tcp", 22, ("::/0",), ()),
        ("tcp", 22, (), ("sg-1",)),
        ("all", 0, ("192.0.2.0/24",), ()),
    ]
    assert group.value("sg.egress") == ()
    assert "sg.egress_stated" not in group.facts
    assert (group.account, group.region, group.native_type) == ("111122223333", "eu-west-1", "AWS::EC2::SecurityGroup")


BLOCK = {"blockPublicAcls": True, "ignorePublicAcls": True, "blockPublicPolicy": True, "restrictPublicBuckets": False}
GRANTS = {
    "grantList": [{"grantee": {"id": "me"}, "permission": "FullControl"}, {"grantee": "AllUsers", "permission": "Read"}]
}
STORED = {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyID": KEY}}]}


def test_a_bucket_is_read_from_what_is_supplemented(tmp_path: Path) -> None:
    """Access block, ACL, policy, versions, log and key stand in JSON within JSON; what is not recorded is unknown."""
    statement = {"Sid": "s", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    supplement = {
        "PublicAccessBlockConfiguration": json.dumps(BLOCK),
        "AccessControlList": json.dumps(json.dumps(GRANTS)),
        "BucketPolicy": json.dumps({"policyText": json.dumps({"Statement": [statement]})}),
        "BucketVersioningConfiguration": '{"status": "Enabled"}',
        "BucketLoggingConfiguration": '{"destinationBucketName": "logs", "logFilePrefix": ""}',
        "ServerSideEncryptionConfiguration": json.dumps(STORED),
    }
    key = item("AWS::KMS::Key", UUID, {"keyManager": "CUSTOMER", "keyUsage": "ENCRYPT_DECRYPT"}, ARN=KEY)
    bucket = item("AWS::S3::Bucket", "weights", {"name": "weights"}, supplement, ARN="arn:aws:s3:::weights")
    bare = item("AWS::S3::Bucket", "bare", {"name": "bare"}, {}, ARN="arn:aws:s3:::bare")
    silent = item("AWS::S3::Bucket", "silent", {"name": "silent"}, ARN="arn:aws:s3:::silent")
    silent["supplementaryConfiguration"] = None
    found = by_id(read(tmp_path, key, bucket, bare, silent))
    one = found["weights"]
    facts = {n: one.value(n) for n in ("access.block_acls", "access.restrict", "s3.versioned", "s3.access_log")}
    assert facts == {"access.block_acls": True, "access.restrict": False, "s3.versioned": True, "s3.access_log": True}
    assert one.value("acl.public") is False  # the block ignores it
    assert [s.sid for s in one.value("policy.statements")] == ["s"]  # type: ignore[union-attr]
    assert one.value("s3.key") == Key("cmk", KEY)
    assert isinstance(one.value("s3.locked"), Unknown)
    assert "access.declared" not in one.facts
    assert found["bare"].value("access.block_acls") is False
    assert found["bare"].value("s3.versioned") is False
    assert isinstance(found["silent"].value("access.block_acls"), Unknown)
    assert isinstance(found["silent"].value("s3.versioned"), Unknown)


@pytest.mark.parametrize(("named", "tech"), [(KEY, "cmk"), (AWS_KEY, "provider"), (OTHER_KEY, "?"), (UUID, "cmk")])
def test_whose_key_it_is_stands_in_the_keys_own_item(named: str, tech: str, tmp_path: Path) -> None:
    """A key ARN alone does not tell the customer's key from AWS's; without the key's item it is unknown."""
    keys = [
        item("AWS::KMS::Key", UUID, {"keyManager": "CUSTOMER"}, ARN=KEY),
        item("AWS::KMS::Key", AWS_KEY.rpartition("/")[2], {"keyManager": "AWS"}, ARN=AWS_KEY),
    ]
    volume = item("AWS::EC2::Volume", "vol-1", {"encrypted": True, "kmsKeyId": named, "snapshotId": "snap-1"})
    found = by_id(read(tmp_path, *keys, volume))
    assert getattr(found["vol-1"].value("enc.key"), "tech", "?") == tech
    assert len([a for a in found.values() if a.kind.value == "key"]) == 1  # AWS's is not the owner's to mend


def test_a_machine_is_what_its_items_say_together(tmp_path: Path) -> None:
    """Public address, metadata service and the encryption of its volumes come from the items of machine and volume."""
    mappings = [
        {"deviceName": "/dev/xvda", "ebs": {"volumeId": "vol-1"}},
        {"deviceName": "/dev/xvdb", "ebs": {"volumeId": "vol-2"}},
    ]
    machine = {
        "instanceType": "p5.48xlarge",
        "publicIpAddress": "192.0.2.1",
        "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1},
        "blockDeviceMappings": mappings,
    }
    first = item("AWS::EC2::Volume", "vol-1", {"encrypted": True})
    second = item("AWS::EC2::Volume", "vol-2", {"encrypted": False})
    found = by_id(read(tmp_path, item("AWS::EC2::Instance", "i-1", machine), first, second))["i-1"]
    facts = ("net.public_ip", "imds.v2", "imds.hops", "enc.at_rest", "gpu.count")
    assert [found.value(f) for f in facts] == [True, True, 1, False, 8.0]
    alone = by_id(read(tmp_path, item("AWS::EC2::Instance", "i-1", machine), first))["i-1"]
    assert isinstance(alone.value("enc.at_rest"), Unknown)


def test_items_in_cloudformations_words_are_read_as_they_are(tmp_path: Path) -> None:
    """A type of the registry holds CloudFormation's properties, and links to what the snapshot holds."""
    subnet = item("AWS::EC2::Subnet", "subnet-0a1b2c3d", {"mapPublicIpOnLaunch": False})
    nodes = item("AWS::EKS::Nodegroup", "n", {"InstanceTypes": ["p5.48xlarge"], "Subnets": ["subnet-0a1b2c3d"]})
    notebook = item(
        "AWS::SageMaker::NotebookInstance", "nb", {"DirectInternetAccess": "Disabled", "RootAccess": "Enabled"}
    )
    found = by_id(read(tmp_path, subnet, nodes, notebook))
    assert found["n"].value("net.private_nodes") is True
    assert (found["nb"].value("net.direct_internet"), found["nb"].value("root")) == (False, True)


def test_identities_and_trails_are_read(tmp_path: Path) -> None:
    """A role's documents come in URL encoding; what a trail's item does not hold is unknown."""
    role = {
        "roleName": "r",
        "assumeRolePolicyDocument": "%7B%22Statement%22%3A%5B%7B%22Sid%22%3A%22t%22%2C%22Effect%22%3A%22Allow%22%7D%5D%7D",
        "rolePolicyList": [{"policyName": "p", "policyDocument": "%7B%22Statement%22%3A%5B%5D%7D"}],
        "attachedManagedPolicies": [{"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}],
    }
    trail = {
        "name": "t",
        "isMultiRegionTrail": True,
        "logFileValidationEnabled": True,
        "hasCustomEventSelectors": False,
    }
    acl = {
        "entries": [
            {
                "cidrBlock": "0.0.0.0/0",
                "egress": False,
                "protocol": "6",
                "ruleAction": "allow",
                "ruleNumber": 100,
                "portRange": {"from": 22, "to": 22},
            }
        ]
    }
    found = by_id(
        read(
            tmp_path,
            item("AWS::IAM::Role", "AROA1", role, ARN="arn:aws:iam::111122223333:role/r"),
            item("AWS::CloudTrail::Trail", "t", trail),
            item("AWS::EC2::NetworkAcl", "acl-1", acl),
        )
    )
    assert [s.sid for s in found["r"].value("trust.statements")] == ["t"]  # type: ignore[union-attr]
    assert found["r"].value("policy.attached") == ("arn:aws:iam::aws:policy/AdministratorAccess",)
    trail_facts = found["t"].facts
    assert (trail_facts["log.all_regions"].value, trail_facts["log.validation"].value) == (True, True)
    assert trail_facts["trail.object_reads"].value is False
    assert isinstance(trail_facts["log.enabled"].value, Unknown)
    (rule,) = found["acl-1"].value("net.rules")  # type: ignore[misc]
    assert (rule.direction, rule.action, rule.from_port, rule.priority) == ("ingress", "allow", 22, 100)


def test_what_is_gone_or_old_does_not_count(tmp_path: Path) -> None:
    """Of several items of a resource the latest counts, a deleted resource is not there, a bare one is unknown."""
    old = item("AWS::EC2::Volume", "vol-1", {"encrypted": False}, configurationItemCaptureTime="2025-01-01T00:00:00Z")
    new = item("AWS::EC2::Volume", "vol-1", {"encrypted": True})
    gone = item("AWS::EC2::Volume", "vol-2", {"encrypted": False}, configurationItemStatus="ResourceDeleted")
    bare = item("AWS::EC2::Volume", "vol-3", None, configurationItemStatus="ResourceNotRecorded")
    found = by_id(read(tmp_path, new, old, gone, bare))
    assert found["vol-1"].value("enc.at_rest") is True
    assert "vol-2" not in found
    assert isinstance(found["vol-3"].value("enc.at_rest"), Unknown)


def test_what_is_not_understood_is_listed_and_told(tmp_path: Path) -> None:
    """A type whose older form is not known is unknown in every fact and a gap; a type without table is listed."""
    strange = item("AWS::Elasticsearch::Domain", "d", {"domainName": "d"})
    queue = item("AWS::SQS::Queue", "q", {"queueUrl": "x"}, ARN="arn:aws:sqs:eu-west-1:111122223333:q")
    rule = item("AWS::Config::ResourceCompliance", "x", {})
    found = read(tmp_path, strange, queue, rule, {"resourceType": "AWS::S3::Bucket"})
    assets = by_id(found)
    assert set(assets) == {"d", "q"}
    assert all(isinstance(f.value, Unknown) for n, f in assets["d"].facts.items() if n.startswith(("enc.", "tls.")))
    assert [g.code for g in found.gaps] == [GapCode.MALFORMED, GapCode.UNSUPPORTED]


def test_a_snapshot_is_recognised_and_joined_with_others(tmp_path: Path) -> None:
    """A bare path needs no scheme, and a role of a snapshot and of IAM's export is one asset."""
    read(tmp_path, item("AWS::IAM::Role", "AROA1", {"roleName": "r"}, ARN="arn:aws:iam::111122223333:role/r"))
    path = tmp_path / "snapshot.json"
    assert find(str(path)).collector is aws_config.COLLECTOR
    iam = {"RoleDetailList": [{"RoleName": "r", "Arn": "arn:aws:iam::111122223333:role/r"}]}
    (tmp_path / "iam.json").write_text(json.dumps(iam))
    found = gather([str(path), f"aws-iam:{tmp_path}/iam.json"], NOW)
    assert len([a for a in found.assets if a.kind.value == "identity"]) == 1


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"configurationItems": 3}', '{"configurationItems": [], "configurationItems": []}']
)
def test_what_is_no_snapshot_is_refused(text: str, tmp_path: Path) -> None:
    """Other JSON, half a file and a key twice raise an error of the house."""
    path = tmp_path / "s.json"
    path.write_text(text)
    with pytest.raises(Malformed):
        aws_config.COLLECTOR.collect(Request(f"aws-config:{path}", str(path), NOW, Limits()))


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("x", "x"),
        ('{"a": 1}', {"a": 1}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ("{broken", "{broken"),
        ("true", True),
        (3, 3),
        ("[" * 99999, "[" * 99999),
    ],
)
def test_json_within_json_is_opened(raw: object, wanted: object) -> None:
    """What is encoded once or twice is opened; what is no JSON stays a text."""
    assert parsed(raw) == wanted


def test_snapshots_with_anything_in_them_are_read(tmp_path: Path) -> None:
    """Whatever stands where a configuration or a part of it should stand, nothing dies of it."""
    chance = random.Random(3)
    whole = [
        GROUP,
        item(
            "AWS::S3::Bucket",
            "b",
            {"name": "b"},
            {"AccessControlList": GRANTS, "ServerSideEncryptionConfiguration": STORED},
        ),
        item(
            "AWS::IAM::Role", "r", {"roleName": "r", "rolePolicyList": [{"policyName": "p", "policyDocument": "%7B"}]}
        ),
        item(
            "AWS::EC2::Instance", "i", {"blockDeviceMappings": [{"ebs": {"volumeId": "v"}}], "networkInterfaces": [{}]}
        ),
        item("AWS::EC2::NetworkAcl", "a", {"entries": [{"portRange": {"from": 1}}]}),
        item(
            "AWS::ElasticLoadBalancing::LoadBalancer",
            "l",
            {"listenerDescriptions": [{"listener": {"protocol": "HTTP"}}]},
        ),
        item("AWS::KMS::Key", UUID, {"keyManager": "CUSTOMER"}, {"KeyPolicy": "{}"}, ARN=KEY),
    ]
    odd: list[object] = [None, 0, "", "x", [], [[]], {}, {"a": [1]}, True, KEY, "%7B"]

    def exchanged(value: object) -> object:
        if chance.random() < 0.06:
            return chance.choice(odd)
        if isinstance(value, dict):
            return {k: exchanged(v) for k, v in value.items()}
        return [exchanged(v) for v in value] if isinstance(value, list) else value

    path, done = tmp_path / "s.json", 0
    for _ in range(400):
        path.write_text(json.dumps({"configurationItems": exchanged(whole)}))
        try:
            done += bool(aws_config.COLLECTOR.collect(Request(f"aws-config:{path}", str(path), NOW, Limits())).assets)
        except BadInput:
            continue
    assert done > 250
