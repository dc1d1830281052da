"""EC2's machines and what they are made from, and EKS."""

from collections.abc import Iterator

from strongroom.collect.aws.asking import Beside, Call, Detail, Known, Listing, Properties, Seen
from strongroom.collect.aws.calls._forms import idents, moved
from strongroom.collect.aws.document import mappings, text
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

_EC2 = "arn:{partition}:ec2:{region}:{account}:"


def _instance(seen: Seen, known: Known) -> Properties | None:
    """A machine as it runs: what its interfaces and volumes are, not what was asked for when it was started."""
    if seen.at("State.Name") in {"terminated", "shutting-down"}:
        return None
    interfaces = mappings(seen.answer.get("NetworkInterfaces"))
    names = (
        "InstanceType",
        "ImageId",
        "SubnetId",
        "MetadataOptions",
        "EnclaveOptions",
        "CpuOptions",
        "UserData",
        "Tags",
    )
    made: Properties = {n: seen.answer.get(n) for n in names if seen.answer.get(n) is not None}
    volumes = {v.ident: v for v in known.get("AWS::EC2::Volume", ())}
    made |= {
        "AssociatePublicIpAddress": bool(seen.at("PublicIpAddress")) or any(i.get("Association") for i in interfaces),
        "SecurityGroupIds": idents(seen.answer.get("SecurityGroups"), "GroupId"),
        "IamInstanceProfile": seen.at("IamInstanceProfile.Arn"),
        "Ipv6Addresses": [a for i in interfaces for a in idents(i.get("Ipv6Addresses"), "Ipv6Address")],
        "BlockDeviceMappings": [_volume_of(m, volumes) for m in mappings(seen.answer.get("BlockDeviceMappings"))],
    }
    return made


def _volume_of(mapping: Properties | object, volumes: dict[str, Seen]) -> object:
    """A volume of a machine; how it is encrypted is told by the volume itself."""
    assert isinstance(mapping, dict)
    ebs = mapping.get("Ebs")
    ident = text(ebs.get("VolumeId")) if isinstance(ebs, dict) else ""
    volume = volumes.get(ident)
    doubt = Unknown(GapCode.NOT_FETCHED, f"whether {ident or 'a volume'} is encrypted: it was not listed")
    said = volume.answer.get("Encrypted") if volume is not None else doubt
    return {"DeviceName": mapping.get("DeviceName"), "Ebs": {"Encrypted": said}}


def _volume(seen: Seen, known: Known) -> Properties:
    """A volume says itself whether it is encrypted: that it came from a snapshot decides nothing any more."""
    del known
    return {n: seen.answer.get(n) for n in ("Encrypted", "KmsKeyId", "Tags")}


def _group(seen: Seen, known: Known) -> Properties:
    del known
    names = ("AutoScalingGroupName", "LaunchTemplate", "LaunchConfigurationName", "MixedInstancesPolicy")
    made: Properties = {n: seen.answer.get(n) for n in names if seen.answer.get(n) is not None}
    made["VPCZoneIdentifier"] = [s for s in text(seen.answer.get("VPCZoneIdentifier")).split(",") if s]
    made["TargetGroupARNs"], made["LoadBalancerNames"] = seen.at("TargetGroupARNs"), seen.at("LoadBalancerNames")
    return made


def _public(seen: Seen, known: Known) -> Properties:
    del known
    return {
        "ImageId": seen.ident,
        "TpmSupport": seen.at("TpmSupport"),
        "BootMode": seen.at("BootMode"),
        "Name": seen.name,
    }


def _launch(seen: Seen) -> Iterator[Beside]:
    if seen.at("Public") is True:
        yield Beside("aws_ami_launch_permission", "all", {"image_id": seen.ident, "group": "all"})


def _cluster(seen: Seen, known: Known) -> Properties:
    """The names of EKS begin in lower case; the kinds of log that are on stand among those that are off."""
    del known
    made = _upper(seen.answer)
    told = seen.at("logging.clusterLogging")
    on = [k for s in mappings(told) if s.get("enabled") is True for k in _texts(s.get("types"))]
    kinds = told if isinstance(told, Unknown) else [{"Type": k} for k in on]
    made["Logging"] = {"ClusterLogging": {"EnabledTypes": kinds}}
    return made


def _texts(value: object) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []


def _upper(answer: Properties) -> Properties:
    return {k[:1].upper() + k[1:]: v for k, v in answer.items()}


def _lower(seen: Seen, known: Known) -> Properties:
    del known
    return _upper(seen.answer)


def _access(seen: Seen, known: Known) -> Properties:
    made = _lower(seen, known)
    policies = mappings(seen.answer.get("AccessPolicies"))
    if policies:
        made["AccessPolicies"] = [
            {"PolicyArn": p.get("policyArn"), "AccessScope": {"Type": scope.get("type")}}
            for p in policies
            for scope in [p.get("accessScope")]
            if isinstance(scope, dict)
        ]
    return made


def _eks(operation: str, takes: str, **arguments: object) -> Call:
    return Call(service="eks", operation=operation, takes=takes, arguments=arguments)


def _of_cluster(noun: str, plural: str, kind: str, *, key: str, low: str) -> Listing:
    """A type that is listed by name for each cluster, and told one by one."""
    arguments: dict[str, object] = {"clusterName": "{owner.name}", key: f"{{{key}}}"}
    return Listing(
        type=kind,
        of="AWS::EKS::Cluster",
        call=_eks(f"List{plural}", low + "s", clusterName="{name}"),
        word=key,
        details=(Detail(service="eks", operation=f"Describe{noun}", takes=low, arguments=arguments),),
        name=f"{{{key}}}",
        ident=f"{{owner.name}}/{{{key}}}",
        arn=f"{{{low}Arn}}",
        make=_lower,
    )


LISTINGS = (
    Listing(
        type="AWS::EC2::Instance",
        call=Call(service="ec2", operation="DescribeInstances", takes="Reservations.Instances"),
        name="{InstanceId}",
        arn=_EC2 + "instance/{InstanceId}",
        details=(
            Detail(
                service="ec2", operation="DescribeInstanceAttribute", takes="UserData.Value", puts="UserData",
                arguments={"InstanceId": "{InstanceId}", "Attribute": "userData"}, unset=("InvalidInstanceID.NotFound",),
            ),
        ),
        make=_instance,
    ),
    Listing(
        type="AWS::EC2::Volume",
        call=Call(service="ec2", operation="DescribeVolumes", takes="Volumes"),
        name="{VolumeId}",
        arn=_EC2 + "volume/{VolumeId}",
        make=_volume,
    ),
    Listing(
        type="AWS::EC2::LaunchTemplate",
        call=Call(service="ec2", operation="DescribeLaunchTemplates", takes="LaunchTemplates"),
        name="{LaunchTemplateName}",
        ident="{LaunchTemplateId}",
        arn=_EC2 + "launch-template/{LaunchTemplateId}",
        details=(
            Detail(
                service="ec2", operation="DescribeLaunchTemplateVersions",
                takes="LaunchTemplateVersions.LaunchTemplateData", puts="LaunchTemplateData",
                arguments={"LaunchTemplateId": "{LaunchTemplateId}", "Versions": ["$Default"]},
            ),
        ),
    ),
    Listing(
        type="AWS::AutoScaling::AutoScalingGroup",
        call=Call(service="autoscaling", operation="DescribeAutoScalingGroups", takes="AutoScalingGroups"),
        name="{AutoScalingGroupName}",
        arn="{AutoScalingGroupARN}",
        make=_group,
    ),
    Listing(
        type="AWS::AutoScaling::LaunchConfiguration",
        call=Call(service="autoscaling", operation="DescribeLaunchConfigurations", takes="LaunchConfigurations"),
        name="{LaunchConfigurationName}",
        arn="{LaunchConfigurationARN}",
    ),
    Listing(
        type="aws_ami",
        call=Call(service="ec2", operation="DescribeImages", takes="Images", arguments={"Owners": ["self"]}),
        ident="{ImageId}",
        arn=_EC2 + "image/{ImageId}",
        make=_public,
        beside=_launch,
        besides=("aws_ami_launch_permission",),
    ),
    Listing(
        type="aws_ebs_encryption_by_default",
        call=Call(service="ec2", operation="GetEbsEncryptionByDefault"),
        single=True,
        shown=False,
        make=moved(enabled="EbsEncryptionByDefault"),
    ),
    Listing(
        type="aws_ec2_instance_metadata_defaults",
        call=Call(service="ec2", operation="GetInstanceMetadataDefaults", takes="AccountLevel"),
        single=True,
        shown=False,
    ),
    Listing(
        type="AWS::EKS::Cluster",
        call=_eks("ListClusters", "clusters"),
        word="name",
        details=(Detail(service="eks", operation="DescribeCluster", takes="cluster", arguments={"name": "{name}"}),),
        name="{name}",
        arn="arn:{partition}:eks:{region}:{account}:cluster/{name}",
        make=_cluster,
    ),
    _of_cluster("Nodegroup", "Nodegroups", "AWS::EKS::Nodegroup", key="nodegroupName", low="nodegroup"),
    Listing(
        type="AWS::EKS::FargateProfile",
        of="AWS::EKS::Cluster",
        call=_eks("ListFargateProfiles", "fargateProfileNames", clusterName="{name}"),
        word="fargateProfileName",
        details=(
            Detail(
                service="eks", operation="DescribeFargateProfile", takes="fargateProfile",
                arguments={"clusterName": "{owner.name}", "fargateProfileName": "{fargateProfileName}"},
            ),
        ),
        name="{fargateProfileName}",
        ident="{owner.name}/{fargateProfileName}",
        arn="{fargateProfileArn}",
        make=_lower,
    ),
    _of_cluster("Addon", "Addons", "AWS::EKS::Addon", key="addonName", low="addon"),
    Listing(
        type="AWS::EKS::AccessEntry",
        of="AWS::EKS::Cluster",
        call=_eks("ListAccessEntries", "accessEntries", clusterName="{name}"),
        word="principalArn",
        details=(
            Detail(
                service="eks", operation="DescribeAccessEntry", takes="accessEntry",
                arguments={"clusterName": "{owner.name}", "principalArn": "{principalArn}"},
            ),
            Detail(
                service="eks", operation="ListAssociatedAccessPolicies", takes="associatedAccessPolicies",
                puts="AccessPolicies", many=True, arguments={"clusterName": "{owner.name}", "principalArn": "{principalArn}"},
            ),
        ),
        name="{principalArn}",
        ident="{owner.name}/{principalArn}",
        arn="{accessEntryArn}",
        make=_access,
    ),
    Listing(
        type="AWS::EKS::PodIdentityAssociation",
        of="AWS::EKS::Cluster",
        call=_eks("ListPodIdentityAssociations", "associations", clusterName="{name}"),
        details=(
            Detail(
                service="eks", operation="DescribePodIdentityAssociation", takes="association",
                arguments={"clusterName": "{owner.name}", "associationId": "{associationId}"},
            ),
        ),
        name="{serviceAccount}",
        ident="{associationId}",
        arn="{associationArn}",
        make=_lower,
    ),
)  # fmt: skip
