"""What older types of AWS Config hold, in CloudFormation's properties.

Sources: AWS Config Developer Guide, "Supported resource types", and the describe calls of EC2, S3, IAM, KMS, CloudTrail
and Elastic Load Balancing whose answers the items hold, with names that begin in lower case.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from strongroom.collect.aws import identities
from strongroom.collect.aws.asking import Listing, Seen
from strongroom.collect.aws.calls.network import LISTINGS
from strongroom.collect.aws.document import mappings, policy, text
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

Properties = dict[str, object]


@dataclass(frozen=True, slots=True)
class Item:
    """One configuration item. `supplement` is None where the snapshot has none."""

    kind: str
    ident: str
    name: str
    arn: str
    account: str
    region: str
    status: str
    captured: str
    tags: object
    configuration: object
    supplement: Mapping[str, object] | None

    @property
    def address(self) -> str:
        """What it is called: its ARN, else its type and id."""
        return self.arn or f"{self.kind}/{self.ident}"

    def at(self, name: str) -> object:
        """A value of the configuration."""
        return self.configuration.get(name) if isinstance(self.configuration, dict) else None


Known = Mapping[tuple[str, str], Item]
Reshape = Callable[[Item, Known], Properties]


def _not_recorded(what: str) -> Unknown:
    return Unknown(GapCode.ABSENT, f"the snapshot does not say {what}")


def as_it_is(item: Item, known: Known) -> Properties:
    """A type whose describe call has CloudFormation's names."""
    del known
    return dict(item.configuration) if isinstance(item.configuration, dict) else {}


def _group(item: Item, known: Known) -> Properties:
    del known
    return {
        "GroupName": item.at("groupName"),
        "VpcId": item.at("vpcId"),
        "SecurityGroupIngress": [r for p in mappings(item.at("ipPermissions")) for r in _rules(p)],
        "SecurityGroupEgress": [r for p in mappings(item.at("ipPermissionsEgress")) for r in _rules(p)],
    }


def _rules(permission: Mapping[str, object]) -> Iterator[Properties]:
    """One rule for each peer of a permission."""
    rule: Properties = {
        "IpProtocol": permission.get("ipProtocol"),
        "FromPort": permission.get("fromPort"),
        "ToPort": permission.get("toPort"),
    }
    blocks = [text(r.get("cidrIp")) for r in mappings(permission.get("ipv4Ranges"))]
    if not blocks:
        blocks = _old_ranges(permission.get("ipRanges"))
    yield from ({**rule, "CidrIp": b} for b in blocks if b)
    for name, key, to in (
        ("ipv6Ranges", "cidrIpv6", "CidrIpv6"),
        ("userIdGroupPairs", "groupId", "SourceSecurityGroupId"),
        ("prefixListIds", "prefixListId", "SourcePrefixListId"),
    ):
        yield from ({**rule, to: r.get(key)} for r in mappings(permission.get(name)) if r.get(key))


def _old_ranges(raw: object) -> list[str]:
    """The blocks of a permission as older items have them: texts, or mappings."""
    listed = raw if isinstance(raw, list) else []
    return [one if isinstance(one, str) else text(one.get("cidrIp")) for one in listed if isinstance(one, str | dict)]


def _instance(item: Item, known: Known) -> Properties:
    interfaces = mappings(item.at("networkInterfaces"))
    public = bool(item.at("publicIpAddress")) or any(i.get("association") for i in interfaces)
    profile = item.at("iamInstanceProfile")
    kept = ("instanceType", "imageId", "subnetId", "metadataOptions", "enclaveOptions", "cpuOptions")
    return {
        **{name: item.at(name) for name in kept if item.at(name) is not None},
        "AssociatePublicIpAddress": public,
        "SecurityGroupIds": [g.get("groupId") for g in mappings(item.at("securityGroups"))],
        "IamInstanceProfile": profile.get("arn") if isinstance(profile, dict) else None,
        "BlockDeviceMappings": [_volume_of(m, known) for m in mappings(item.at("blockDeviceMappings"))],
    }


def _volume_of(mapping: Mapping[str, object], known: Known) -> object:
    """A volume of a machine; how it is encrypted stands in the volume's own item."""
    ebs = mapping.get("ebs")
    ident = text(ebs.get("volumeId")) if isinstance(ebs, dict) else ""
    volume = known.get(("AWS::EC2::Volume", ident))
    encrypted = volume.at("encrypted") if volume is not None else None
    said = encrypted if encrypted is not None else _not_recorded(f"whether {ident or 'a volume'} is encrypted")
    return {"DeviceName": mapping.get("deviceName"), "Ebs": {"Encrypted": said}}


def _volume(item: Item, known: Known) -> Properties:
    del known
    said = item.at("encrypted")
    return {
        "Encrypted": said if said is not None else _not_recorded("whether it is encrypted"),
        "KmsKeyId": item.at("kmsKeyId"),
    }


def _flow_log(item: Item, known: Known) -> Properties:
    del known
    ident = text(item.at("resourceId"))
    kind = {"vpc": "VPC", "subnet": "Subnet", "eni": "NetworkInterface"}.get(ident.partition("-")[0], "")
    return {"ResourceId": ident, "ResourceType": kind}


# S3

_GROUPS = {
    "AllUsers": "http://acs.amazonaws.com/groups/global/AllUsers",
    "AuthenticatedUsers": "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
    "LogDelivery": "http://acs.amazonaws.com/groups/s3/LogDelivery",
}


def _bucket(item: Item, known: Known) -> Properties:
    del known
    more = item.supplement
    if more is None:
        doubt = _not_recorded("more of the bucket than its name")
        names = ("PublicAccessBlockConfiguration", "BucketEncryption", "VersioningConfiguration", "Policy", "Grant")
        return {"BucketName": item.name, **dict.fromkeys((*names, *_LATER), doubt)}
    found: Properties = {
        "BucketName": item.name,
        "PublicAccessBlockConfiguration": more.get("PublicAccessBlockConfiguration"),
        "Policy": _inside(more, "BucketPolicy", "policyText"),
        "Grant": [*_grants(more.get("AccessControlList"))],
        "VersioningConfiguration": {"Status": _inside(more, "BucketVersioningConfiguration", "status") or "Off"},
        "BucketEncryption": _encryption(more.get("ServerSideEncryptionConfiguration")),
    }
    for name in _LATER:
        found[name] = more.get(name, _not_recorded(f"anything of {name}"))
    target = _inside(more, "BucketLoggingConfiguration", "destinationBucketName")
    if target:
        found["LoggingConfiguration"] = {"DestinationBucketName": target}
    replication = more.get("BucketReplicationConfiguration")
    if replication:
        found["ReplicationConfiguration"] = replication
    return {k: v for k, v in found.items() if v is not None}


_LATER = ("ObjectLockConfiguration",)


def _inside(more: Mapping[str, object], name: str, key: str) -> object:
    held = more.get(name)
    return held.get(key) if isinstance(held, dict) else None


def _grants(raw: object) -> Iterator[Properties]:
    for grant in mappings(raw.get("grantList")) if isinstance(raw, dict) else ():
        grantee = grant.get("grantee")
        who = text(grantee) or (text(grantee.get("uri")) if isinstance(grantee, dict) else "")
        yield {"Uri": _GROUPS.get(who, who), "Permission": grant.get("permission")}


def _encryption(raw: object) -> object:
    if not isinstance(raw, dict):
        return None
    rules = [r.get("applyServerSideEncryptionByDefault") for r in mappings(raw.get("rules"))]
    return {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": r} for r in rules]}


# IAM and KMS


def _capitals(value: object) -> object:
    """Names as the API has them; documents within are texts, and stay."""
    if isinstance(value, dict):
        return {k[:1].upper() + k[1:]: _capitals(v) for k, v in value.items()}
    return [_capitals(v) for v in value] if isinstance(value, list) else value


def _identity(name: str) -> Reshape:
    def reshape(item: Item, known: Known) -> Properties:
        arns = {i.arn for (kind, _), i in known.items() if kind == "AWS::IAM::Policy"}
        raw = _capitals(item.configuration)
        assert isinstance(raw, dict)
        return identities.properties(name, raw, arns)

    return reshape


def _key(item: Item, known: Known) -> Properties:
    del known
    more = item.supplement or {}
    document = policy(more.get("KeyPolicy", more.get("Policy")))
    rotates = more.get("KeyRotationStatus")
    return {
        "KeyPolicy": document if document is not None else _not_recorded("what its policy is"),
        "EnableKeyRotation": rotates if rotates is not None else _not_recorded("whether it rotates"),
        "Enabled": item.at("enabled"),
        "KeyUsage": item.at("keyUsage"),
        "KeySpec": item.at("keySpec") or item.at("customerMasterKeySpec"),
        "Origin": item.at("origin"),
        "KeyId": item.ident,
        "PendingWindowInDays": _not_recorded("how long a deletion waits"),
    }


def _trail(item: Item, known: Known) -> Properties:
    del known
    kept = ("name", "s3BucketName", "isMultiRegionTrail", "cloudWatchLogsLogGroupArn", "kmsKeyId")
    status = (item.supplement or {}).get("TrailStatus")
    logging = status.get("isLogging") if isinstance(status, dict) else None
    found: Properties = {name: item.at(name) for name in kept if item.at(name) is not None}
    found["EnableLogFileValidation"] = item.at("logFileValidationEnabled")
    found["IsLogging"] = logging if logging is not None else _not_recorded("whether it logs")
    if item.at("hasCustomEventSelectors") is not False:
        found["EventSelectors"] = _not_recorded("what its selectors take")
    return found


def _classic(item: Item, known: Known) -> Properties:
    del known
    listeners = [d.get("listener") for d in mappings(item.at("listenerDescriptions"))]
    return {"LoadBalancerName": item.name, "Scheme": item.at("scheme"), "Listeners": listeners}


NETWORK: Mapping[str, Listing] = {
    one.type: one
    for one in LISTINGS
    if one.type in {
        "AWS::EC2::EgressOnlyInternetGateway", "AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::NetworkAcl",
        "AWS::EC2::NetworkInterface", "AWS::EC2::RouteTable", "AWS::EC2::Subnet", "AWS::EC2::VPC",
    }
}  # fmt: skip
"""What AWS Config records as EC2's describe calls answer, with names that begin in lower case."""


def seen(item: Item) -> Seen:
    """An item as a running account would tell it."""
    raw = _capitals(item.configuration)
    return Seen(
        item.kind, item.region, item.account, "aws", raw if isinstance(raw, dict) else {}, item.ident, item.name
    )


def _as_running(item: Item, known: Known) -> Properties:
    del known
    make = NETWORK[item.kind].make
    return (make(seen(item), {}) if make is not None else None) or {}


RESHAPED: Mapping[str, Reshape] = {
    "AWS::AutoScaling::AutoScalingGroup": as_it_is,
    "AWS::AutoScaling::LaunchConfiguration": as_it_is,
    "AWS::CloudTrail::Trail": _trail,
    "AWS::CloudWatch::Alarm": as_it_is,
    "AWS::EC2::EIP": as_it_is,
    "AWS::EC2::FlowLog": _flow_log,
    "AWS::EC2::Instance": _instance,
    "AWS::EC2::SecurityGroup": _group,
    "AWS::EC2::VPCEndpoint": as_it_is,
    "AWS::EC2::Volume": _volume,
    "AWS::ElasticLoadBalancing::LoadBalancer": _classic,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": as_it_is,
    "AWS::IAM::Group": _identity("GroupDetailList"),
    "AWS::IAM::Policy": _identity("Policies"),
    "AWS::IAM::Role": _identity("RoleDetailList"),
    "AWS::IAM::User": _identity("UserDetailList"),
    "AWS::KMS::Key": _key,
    "AWS::Lambda::Function": as_it_is,
    "AWS::S3::Bucket": _bucket,
    "AWS::SecretsManager::Secret": as_it_is,
    **dict.fromkeys(NETWORK, _as_running),
}
"""The types that are recorded in their own service's words. `as_it_is` where those are CloudFormation's, too."""
