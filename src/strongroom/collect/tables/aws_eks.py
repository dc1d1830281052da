"""EKS: clusters, node groups, Fargate profiles, and who may use a cluster."""

import json
from collections.abc import Mapping

from strongroom.collect.native import INAPPLICABLE, Default, Inapplicable, Native, Reader, Row, flag, text, texts
from strongroom.collect.resource import pick
from strongroom.collect.tables._aws import key_of
from strongroom.collect.tables._aws_accelerators import count_of, model_of
from strongroom.collect.tables._aws_arns import arn
from strongroom.collect.tables._aws_links import placed
from strongroom.collect.tables._aws_machines import (
    confidential,
    interfaces_give_address,
    machine_types,
    private,
    sensitive_by,
    subnets_give_address,
    template_of,
)
from strongroom.kit.kleene import Tri, any_of
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import Key, Unknown, Value

_VPC = "https://docs.aws.amazon.com/eks/latest/APIReference/API_VpcConfigRequest.html"
_ACCESS = "https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateAccessConfigRequest.html"
_ENVELOPE = "https://docs.aws.amazon.com/eks/latest/userguide/envelope-encryption.html"
_LOGS = "https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html"
_EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}
_OTHER_NETWORKS = ("cilium", "calico", "tigera")


def _secrets_key(r: Reader) -> Value:
    """The key of the encryption configuration that covers secrets; None when no configuration names them."""
    blocks = r.blocks("encryption_config")
    if isinstance(blocks, Unknown):
        return blocks
    for block in blocks:
        covered = r.texts("resources", block)
        if isinstance(covered, Unknown):
            return covered
        if covered and "secrets" in covered:
            found = key_of(r, pick(block, "provider.key_arn"))
            return found if found is not None else Key("none")
    return None


def _open_to(r: Reader) -> Value:
    """The blocks that may use the public endpoint; an empty list is what EKS fills with everybody."""
    found = r.texts("vpc_config.public_access_cidrs")
    return found or None


def _network_policy(r: Reader) -> Value:
    """Whether the VPC CNI enforces network policies; unknown where another network plugin may do it instead."""
    doubt: Unknown | None = None
    addons = r.satellites("aws_eks_addon", "cluster_name")
    for addon in addons.found:
        inside = r.reading(addon)
        if inside.text("addon_name") == "vpc-cni":
            said = _enforces(inside)
            if said is not False:
                return said
    for release in r.pool.of_type("helm_release"):
        name = f"{r.reading(release).text('chart')} {r.reading(release).text('name')}".lower()
        if any(n in name for n in _OTHER_NETWORKS):
            doubt = Unknown(GapCode.UNDECIDED, f"{release.address} may enforce network policies instead of the VPC CNI")
    return addons.doubt or doubt or False


def _enforces(addon: Reader) -> Tri:
    settings = addon.text("configuration_values")
    if settings is None or isinstance(settings, Unknown):
        return settings if settings is not None else False
    try:
        parsed = json.loads(settings)
    except ValueError:
        return Unknown(GapCode.MALFORMED, "the settings of the vpc-cni add-on are not JSON")
    if not isinstance(parsed, Mapping):
        return False
    return str(parsed.get("enableNetworkPolicy", "")).lower() == "true"


def _image(r: Reader) -> Value:
    """The line of images that the nodes boot: CUSTOM where the launch template names one."""
    template = template_of(r)
    if isinstance(template, Reader) and template.given("image_id") is not False:
        return "CUSTOM"
    said = r.text("ami_type")
    return template if said is None and isinstance(template, Unknown) else said


def _pool_model(r: Reader) -> Value | Inapplicable:
    """The accelerator of a pool, by its machine types, else by an image that is made for one."""
    found = model_of(tuple(machine_types(r)))
    if isinstance(found, str):
        return found
    image = r.text("ami_type")
    if isinstance(image, str) and any(word in image.upper() for word in ("NVIDIA", "GPU", "NEURON")):
        return "AWS Neuron" if "NEURON" in image.upper() else "NVIDIA"
    return found if found is not None else INAPPLICABLE


def _pool_count(r: Reader) -> Value | Inapplicable:
    return count_of(tuple(machine_types(r))) or INAPPLICABLE


def _taints(r: Reader) -> Value | Inapplicable:
    """The taints of a pool with accelerators, as key=value:effect."""
    if isinstance(_pool_model(r), Inapplicable):
        return INAPPLICABLE
    blocks = r.blocks("taint")
    if isinstance(blocks, Unknown):
        return blocks
    out: list[str | Unknown] = []
    for block in blocks:
        effect = r.text("effect", block)
        if isinstance(effect, Unknown):
            out.append(effect)
        elif effect:
            key, value = r.text("key", block), r.text("value", block)
            shown = f"{key if isinstance(key, str) else '?'}={value if isinstance(value, str) else ''}"
            out.append(f"{shown}:{_EFFECTS.get(effect.upper(), effect)}")
    return tuple(out)


def _open_ssh(r: Reader) -> Value:
    """Whether a remote access block opens port 22 to everybody, as it does when it names no security group.

    Source: EKS API Reference, RemoteAccessConfig, `sourceSecurityGroups`.
    """
    blocks = r.blocks("remote_access")
    if isinstance(blocks, Unknown):
        return blocks
    answers: list[Tri] = []
    for block in blocks:
        keyed, limited = r.given("ec2_ssh_key", block), r.given("source_security_group_ids", block)
        if keyed is True and limited is not True:
            answers.append(True if limited is False else limited)
        elif isinstance(keyed, Unknown) and limited is not True:
            answers.append(keyed)
    return any_of(answers)


def _private_nodes(r: Reader) -> Value:
    """Whether its nodes get no public address, by their launch template or by their subnets."""
    template = template_of(r)
    given = template
    if isinstance(template, Reader):
        given = None
        said = interfaces_give_address(template, "network_interfaces")
        if said is not None:
            return private(said)
    by_subnet = subnets_give_address(r, "subnet_ids")
    if isinstance(given, Unknown):
        return given
    return private(by_subnet)


def _pod_account(r: Reader) -> Value:
    """The service account whose pods get the role, as namespace/name."""
    space, name = r.text("namespace"), r.text("service_account")
    if isinstance(space, Unknown) or isinstance(name, Unknown):
        return space if isinstance(space, Unknown) else name
    return f"{space or 'default'}/{name or ''}"


_NODE_ROWS = (
    Row("image.line", _image),
    text("image.release", "release_version"),
    Row("ssh.open", _open_ssh),
    Row("net.private_nodes", _private_nodes),
    Row("gpu.model", _pool_model),
    Row("gpu.count", _pool_count),
    Row("gpu.taints", _taints),
    Row("cc.tech", confidential),
    Row("sensitive", lambda r: sensitive_by(r, _pool_model(r))),
)

TABLE = (
    Native(
        type="aws_eks_cluster",
        kind=Kind.CLUSTER,
        provider="aws",
        rows=(
            flag("api.public", "vpc_config.endpoint_public_access", Default(True, _VPC)),
            Row("api.public_cidrs", _open_to, Default(("0.0.0.0/0",), _VPC)),
            flag("api.private", "vpc_config.endpoint_private_access", Default(False, _VPC)),
            Row("enc.secrets_key", _secrets_key, Default(Key("provider", "aws owned"), _ENVELOPE)),
            texts("log.types", "enabled_cluster_log_types", Default((), _LOGS)),
            text("version", "version"),
            text("eks.access_mode", "access_config.authentication_mode", Default("CONFIG_MAP", _ACCESS)),
            flag(
                "eks.creator_admin", "access_config.bootstrap_cluster_creator_admin_permissions", Default(True, _ACCESS)
            ),
            Row("net.policy", _network_policy),
            arn("eks", "cluster/", "name"),
            *placed("vpc_config.subnet_ids", "vpc_config.security_group_ids"),
        ),
        refs=(
            ("role", "role_arn"),
            ("subnet", "vpc_config.subnet_ids"),
            ("firewall", "vpc_config.security_group_ids"),
            ("key", "encryption_config.provider.key_arn"),
        ),
    ),
    Native(
        type="aws_eks_node_group",
        kind=Kind.NODE_POOL,
        provider="aws",
        rows=(*_NODE_ROWS, arn("eks", "nodegroup/", "node_group_name")),
        name_at=("node_group_name", "node_group_name_prefix", "id"),
        refs=(
            ("cluster", "cluster_name"),
            ("role", "node_role_arn"),
            ("subnet", "subnet_ids"),
            ("template", "launch_template.id"),
        ),
    ),
    Native(
        type="aws_eks_fargate_profile",
        kind=Kind.NODE_POOL,
        provider="aws",
        name_at=("fargate_profile_name", "id"),
        refs=(("cluster", "cluster_name"), ("subnet", "subnet_ids"), ("role", "pod_execution_role_arn")),
    ),
    Native(
        type="aws_eks_access_policy_association",
        kind=Kind.GRANT,
        provider="aws",
        rows=(text("grant.policy", "policy_arn"), text("grant.scope", "access_scope.type")),
        name_at=("principal_arn", "id"),
        refs=(("cluster", "cluster_name"), ("principal", "principal_arn")),
    ),
    Native(
        type="aws_eks_access_entry",
        kind=Kind.GRANT,
        provider="aws",
        rows=(texts("grant.groups", "kubernetes_groups"),),
        name_at=("principal_arn", "id"),
        refs=(("cluster", "cluster_name"), ("principal", "principal_arn")),
    ),
    Native(
        type="aws_eks_pod_identity_association",
        kind=Kind.GRANT,
        provider="aws",
        rows=(Row("grant.pod_account", _pod_account),),
        name_at=("service_account", "id"),
        refs=(("cluster", "cluster_name"), ("role", "role_arn")),
    ),
)
