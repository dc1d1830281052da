"""EC2: instances, what they are made from, their disks, and the subnets that give them addresses."""

from strongroom.collect.native import INAPPLICABLE, Default, Inapplicable, Native, Reader, Row, choice, flag, text
from strongroom.collect.tables._aws import SENSITIVE, key_of
from strongroom.collect.tables._aws_arns import arn
from strongroom.collect.tables._aws_links import MACHINE, link, links
from strongroom.collect.tables._aws_machines import (
    MACHINE_ACCELERATORS,
    SENSITIVE_MACHINE,
    account_default,
    by_default,
    confidential,
    encrypted,
    imds_hops,
    imds_v2,
    interfaces_give_address,
    one_encrypted,
    subnet_gives_address,
    template_of,
    user_data_secrets,
)
from strongroom.kit.kleene import Tri, all_of, any_of
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import Key, Unknown, Value

_API = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/"
_TERRAFORM = "https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/"
_METADATA = _API + "API_InstanceMetadataOptionsRequest.html"
_EBS = "https://docs.aws.amazon.com/ebs/latest/userguide/how-ebs-encryption-works.html"


def _instance_address(r: Reader) -> Value:
    """Whether an instance gets a public address: by its own word, an elastic IP, its template, or its subnet."""
    elastic = [r.satellites("aws_eip", "instance"), r.satellites("aws_eip_association", "instance_id")]
    if any(e.found for e in elastic):
        return True
    doubt = next((e.doubt for e in elastic if e.doubt is not None), None)
    said = _own_address(r)
    if said is False and doubt is not None:
        return doubt
    return said


def _own_address(r: Reader) -> Tri:
    own = r.flag("associate_public_ip_address")
    if own is not None:
        return own
    template = template_of(r)
    if isinstance(template, Unknown):
        return template
    if template is not None:
        given = interfaces_give_address(template, "network_interfaces")
        if given is not None:
            return given
    # An interface that is made apart takes a public address from an elastic IP only.
    if r.given("network_interface") is True or r.given("primary_network_interface") is True:
        return False
    subnet = r.at("subnet_id")
    if subnet is None and template is not None:
        subnet = template.at("network_interfaces.subnet_id")
    if subnet is None:
        return Unknown(GapCode.UNDECIDED, "it names no subnet: the default subnet of its zone gives addresses or not")
    return subnet_gives_address(r, subnet)


def _template_address(r: Reader) -> Value:
    return interfaces_give_address(r, "network_interfaces")


def _instance_encrypted(r: Reader) -> Value:
    """Whether every volume of an instance is encrypted; a root that it does not describe is its template's."""
    template = template_of(r)
    if r.given("root_block_device") is not False or template is None:
        return encrypted(r, "root_block_device", "ebs_block_device", root="root_block_device")
    root = template if isinstance(template, Unknown) else _mapped(template)
    return all_of((root, encrypted(r, "ebs_block_device")))


def _mapped(r: Reader) -> Tri:
    """The same for a launch template, whose volumes stand in its block device mappings."""
    mappings = r.blocks("block_device_mappings")
    if isinstance(mappings, Unknown):
        return mappings
    answers: list[Tri] = []
    for mapping in mappings:
        volumes = r.blocks("ebs", mapping)
        answers += [volumes] if isinstance(volumes, Unknown) else [one_encrypted(r, v) for v in volumes]
    return all_of(answers) if answers else by_default(r)


def _volume_encrypted(r: Reader) -> Value:
    return one_encrypted(r, r.resource.values)


def _volume_key(r: Reader) -> Value:
    """Whose key encrypts a volume: its own, its account's default key, its snapshot's, or AWS's."""
    own = key_of(r, r.at("kms_key_id"))
    if own is not None:
        return own
    if r.given("snapshot_id") is not False:
        return Unknown(GapCode.UNDECIDED, "it is made from a snapshot, whose key it takes over")
    state = one_encrypted(r, r.resource.values)
    if state is not True:
        return Key("none") if state is False else state
    default = key_of(r, account_default(r, "aws_ebs_default_kms_key", "key_arn"))
    return default if default is not None else Key("provider", "alias/aws/ebs")


def _scripts(r: Reader) -> Value | Inapplicable:
    """The secrets in its start script, when it has one."""
    given = any_of((r.given("user_data"), r.given("user_data_base64")))
    return INAPPLICABLE if given is False else user_data_secrets(r)


def _public_launch(r: Reader) -> Value:
    group, accounts = r.text("group"), r.given("account_id")
    return group == "all" if group is None or isinstance(group, str) else (False if accounts is True else group)


_METADATA_ROWS = (
    Row("imds.v2", imds_v2, Default(False, _METADATA)),
    Row("imds.hops", imds_hops, Default(1, _METADATA)),
)
_START = Row("secrets.found", _scripts)
_INSTANCE = (
    *_METADATA_ROWS,
    Row("net.public_ip", _instance_address),
    Row("enc.at_rest", _instance_encrypted),
    _START,
    Row("cc.tech", confidential),
    *MACHINE_ACCELERATORS,
    SENSITIVE_MACHINE,
    *MACHINE,
)
_INSTANCE_REFS = (
    ("subnet", "subnet_id"),
    ("firewall", "vpc_security_group_ids"),
    ("role", "iam_instance_profile"),
    ("template", "launch_template.id"),
    ("image", "ami"),
)
_LAUNCHES = Default(False, _TERRAFORM + "launch_configuration#associate_public_ip_address")


def _instance(native: str) -> Native:
    rows = (*_INSTANCE, arn("ec2", "instance/", "id"))
    return Native(type=native, kind=Kind.INSTANCE, provider="aws", rows=rows, refs=_INSTANCE_REFS)


def _blocks(r: Reader) -> Value:
    """The CIDR blocks of a subnet, where they are known."""
    return tuple(found for name in ("cidr_block", "ipv6_cidr_block") if (found := r.text(name)) is not None)


def _subnet(native: str, gives: bool, page: str) -> Native:
    return Native(
        type=native,
        kind=Kind.SUBNET,
        provider="aws",
        rows=(
            flag("net.assigns_public_ip", "map_public_ip_on_launch", Default(gives, page)),
            flag("net.assigns_public_ip6", "assign_ipv6_address_on_creation", Default(False, page)),
            Row("net.blocks", _blocks),
            link("link.network", "vpc_id"),
        ),
        refs=(("network", "vpc_id"),),
    )


TABLE = (
    _instance("aws_instance"),
    _instance("aws_spot_instance_request"),
    Native(
        type="aws_launch_template",
        kind=Kind.TEMPLATE,
        provider="aws",
        rows=(
            *_METADATA_ROWS,
            Row("net.public_ip", _template_address, Default(False, _TERRAFORM + "launch_template#network-interfaces")),
            Row("enc.at_rest", _mapped),
            _START,
            Row("cc.tech", confidential),
            *MACHINE_ACCELERATORS,
            SENSITIVE_MACHINE,
            links("link.groups", "vpc_security_group_ids", "network_interfaces.security_groups"),
        ),
        refs=(("firewall", "vpc_security_group_ids"), ("image", "image_id")),
    ),
    Native(
        type="aws_launch_configuration",
        kind=Kind.TEMPLATE,
        provider="aws",
        rows=(
            *_METADATA_ROWS,
            flag("net.public_ip", "associate_public_ip_address", _LAUNCHES),
            Row("enc.at_rest", _instance_encrypted),
            _START,
            *MACHINE_ACCELERATORS,
            links("link.groups", "security_groups"),
        ),
        refs=(("firewall", "security_groups"), ("image", "image_id")),
    ),
    Native(
        type="aws_autoscaling_group",
        kind=Kind.TEMPLATE,
        provider="aws",
        rows=(
            links("link.subnets", "vpc_zone_identifier"),
            links("link.target_groups", "target_group_arns"),
            links("link.balancers", "load_balancers"),
            link("link.template", "launch_template.id", "launch_configuration"),
        ),
        refs=(
            ("template", "launch_template.id"),
            ("template", "launch_configuration"),
            ("template", "mixed_instances_policy.launch_template.launch_template_specification.launch_template_id"),
            ("subnet", "vpc_zone_identifier"),
        ),
    ),
    Native(
        type="aws_ebs_volume",
        kind=Kind.DISK,
        provider="aws",
        rows=(
            Row("enc.at_rest", _volume_encrypted),
            Row("enc.key", _volume_key),
            SENSITIVE,
        ),
        refs=(("key", "kms_key_id"),),
    ),
    Native(
        type="aws_ami",
        kind=Kind.TEMPLATE,
        provider="aws",
        rows=(
            choice("boot.vtpm", "tpm_support", {"v2.0": True}, Default(False, _API + "API_RegisterImage.html")),
            text("boot.mode", "boot_mode"),
        ),
    ),
    Native(
        type="aws_ami_launch_permission",
        kind=Kind.GRANT,
        provider="aws",
        rows=(Row("image.public", _public_launch),),
        refs=(("image", "image_id"),),
    ),
    _subnet("aws_subnet", False, _API + "API_ModifySubnetAttribute.html"),
    _subnet("aws_default_subnet", True, _TERRAFORM + "default_subnet"),
)
