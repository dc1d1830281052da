"""EC2 machines and what they are made from, EKS, Batch, and functions of Lambda."""

import re
from collections.abc import Iterator

from strongroom.collect.cloudformation.scope import Open
from strongroom.collect.cloudformation.shape import Part, Shape, Values, each, equals, items, renamed
from strongroom.collect.resource import Link, Sensitive
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

# EC2 User Guide, "Device names for volumes": the root is /dev/sda1 or /dev/xvda, the others have these names.
_BESIDE_ROOT = re.compile(r"(?:/dev/)?(?:sd[b-z]|xvd[b-z]|hd|nvme)")


def _user_data(values: Values) -> None:
    script = values.get("user_data")
    if isinstance(script, Sensitive):
        # A parameter with NoEcho is in it: whoever reads the machine's user data reads the secret.
        values["user_data"] = Sensitive(f"{script.value}\n${{the secret parameter}}")


def _volumes(values: Values) -> None:
    """Block device mappings as the root volume and the others; what is no EBS volume is left out."""
    mappings = values.pop("block_device_mappings", None)
    if isinstance(mappings, Unknown | Link):
        values["root_block_device"] = values["ebs_block_device"] = mappings
        return
    for one in items(mappings):
        if not isinstance(one, dict):
            values["ebs_block_device"] = one
            return
        volume = one.get("ebs")
        if volume is None:
            continue
        beside = _BESIDE_ROOT.match(str(one.get("device_name", "")).lower())
        held = values.setdefault("ebs_block_device" if beside else "root_block_device", [])
        if isinstance(held, list):
            held.append(volume)


def _address(values: Values) -> None:
    """Whether a machine asks for a public address, by the interfaces that are made with it.

    EC2 User Guide, "Assign a public IPv4 address at launch": only to a single new interface, never to one of several.
    """
    interfaces = items(values.pop("network_interfaces", None))
    if not interfaces:
        return
    blocks = [i for i in interfaces if isinstance(i, dict)]
    said = [b.get("associate_public_ip_address") for b in blocks]
    doubts = [v for v in (*said, *interfaces) if isinstance(v, Unknown)]
    if any(equals(v, "true") is True for v in said):
        values["associate_public_ip_address"] = True
    elif doubts:
        values["associate_public_ip_address"] = doubts[0]
    elif len(blocks) > 1 or any(v is not None for v in said):
        values["associate_public_ip_address"] = False
    elif blocks and blocks[0].get("network_interface_id") is not None:
        values["network_interface"] = blocks
    if values.get("subnet_id") is None and blocks:
        values["subnet_id"] = blocks[0].get("subnet_id")
    groups = [g for b in blocks for g in items(b.get("group_set"))]
    if groups:
        values.setdefault("vpc_security_group_ids", groups)


def _instance(values: Values) -> None:
    _address(values)
    _volumes(values)
    _user_data(values)


def _template(values: Values) -> Values:
    data = values.pop("launch_template_data")
    if not isinstance(data, dict):
        why = data if isinstance(data, Unknown) else Unknown(GapCode.MALFORMED, "LaunchTemplateData is no mapping")
        return Open(values, why)
    marks = [*items(values.pop("tag_specifications", None)), *items(data.pop("tag_specifications", None))]
    made = {**data, **values}
    groups = made.pop("security_group_ids", None)
    if groups is not None:
        made["vpc_security_group_ids"] = groups
    told = [m for m in marks if isinstance(m, dict) and m.get("resource_type") in ("instance", "launch-template")]
    if told:
        made["tags"] = [tag for m in told for tag in items(m.get("tags"))]
    _user_data(made)
    return Open(made, data.why) if isinstance(data, Open) else made


def _configuration(values: Values) -> None:
    _volumes(values)
    _user_data(values)


_TEMPLATE_NAMES = (
    ("launch_template.launch_template_id", "launch_template.id"),
    ("launch_template.launch_template_name", "launch_template.name"),
)


def _cluster(values: Values) -> None:
    kinds = values.get("enabled_cluster_log_types")
    if isinstance(kinds, list):
        values["enabled_cluster_log_types"] = [k.get("type") if isinstance(k, dict) else k for k in kinds]


def _node_group(values: Values) -> None:
    values["taint"] = each(values.pop("taints", None), lambda block: block)


def _access(values: Values, owner: Link) -> Iterator[Part]:
    del owner
    for n, policy in enumerate(items(values.get("access_policies"))):
        known = policy if isinstance(policy, dict) else {"PolicyArn": policy}
        scope = known.get("AccessScope")
        made: Values = {
            "policy_arn": known.get("PolicyArn"),
            "access_scope": {"type": scope.get("Type")} if isinstance(scope, dict) else scope,
            "principal_arn": values.get("principal_arn"),
            "cluster_name": values.get("cluster_name"),
        }
        yield Part("aws_eks_access_policy_association", f"AccessPolicies[{n}]", made, shown=True)


def _batch(values: Values) -> None:
    compute = values.get("compute_resources")
    if isinstance(compute, dict):
        values["compute_resources"] = renamed(instance_type="instance_types")(compute)


def _function(values: Values) -> None:
    """SAM lets a function that names no role run as one that it makes."""
    values.setdefault("role", values.pop("made_role", None))


SHAPES = (
    Shape(
        type="AWS::EC2::Instance",
        native="aws_instance",
        moves=(("security_group_ids", "vpc_security_group_ids"), ("image_id", "ami"), *_TEMPLATE_NAMES),
        make=_instance,
    ),
    Shape(
        type="AWS::EC2::LaunchTemplate",
        native="aws_launch_template",
        moves=(("launch_template_name", "name"),),
        make=_template,
        required=("LaunchTemplateData",),
    ),
    Shape(
        type="AWS::AutoScaling::LaunchConfiguration",
        native="aws_launch_configuration",
        moves=(("launch_configuration_name", "name"),),
        make=_configuration,
    ),
    Shape(
        type="AWS::AutoScaling::AutoScalingGroup",
        native="aws_autoscaling_group",
        moves=(
            ("auto_scaling_group_name", "name"),
            ("launch_configuration_name", "launch_configuration"),
            ("launch_template.launch_template_id", "launch_template.id"),
        ),
    ),
    Shape(type="AWS::EC2::Volume", native="aws_ebs_volume"),
    Shape(type="AWS::EC2::Subnet", native="aws_subnet"),
    Shape(
        type="AWS::EKS::Cluster",
        native="aws_eks_cluster",
        moves=(
            ("resources_vpc_config", "vpc_config"),
            ("logging.cluster_logging.enabled_types", "enabled_cluster_log_types"),
        ),
        make=_cluster,
    ),
    Shape(
        type="AWS::EKS::Nodegroup",
        native="aws_eks_node_group",
        moves=(
            ("nodegroup_name", "node_group_name"),
            ("subnets", "subnet_ids"),
            ("node_role", "node_role_arn"),
            ("remote_access.source_security_groups", "remote_access.source_security_group_ids"),
        ),
        make=_node_group,
    ),
    Shape(
        type="AWS::EKS::FargateProfile",
        native="aws_eks_fargate_profile",
        moves=(("subnets", "subnet_ids"),),
    ),
    Shape(type="AWS::EKS::Addon", native="aws_eks_addon"),
    Shape(type="AWS::EKS::AccessEntry", native="aws_eks_access_entry", parts=_access),
    Shape(type="AWS::EKS::PodIdentityAssociation", native="aws_eks_pod_identity_association"),
    Shape(type="AWS::Lambda::Function", native="aws_lambda_function"),
    Shape(type="AWS::Lambda::Permission", native="aws_lambda_permission"),
    Shape(type="AWS::Serverless::Function", native="aws_lambda_function", make=_function),
    Shape(type="AWS::Batch::ComputeEnvironment", native="aws_batch_compute_environment", make=_batch),
    Shape(
        type="AWS::Batch::JobDefinition", native="aws_batch_job_definition", moves=(("job_definition_name", "name"),)
    ),
    Shape(type="AWS::Batch::JobQueue", native="aws_batch_job_queue", moves=(("job_queue_name", "name"),)),
)
