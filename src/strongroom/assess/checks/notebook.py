"""Notebooks: the machine with the data, the model, a shell, and often a way out."""

from strongroom.assess.checks._keys import customer_key
from strongroom.assess.checks._statements import listed, verdict
from strongroom.kit.iam_reach import allows
from strongroom.kit.kleene import Tri, any_of
from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check
from strongroom.model.values import Statement, Unknown

KINDS = (Kind.NOTEBOOK,)
NATIVE = "aws_sagemaker_notebook_instance"
NARROW = """policy = jsonencode({
  Version = "2012-10-17"
  Statement = [{
    Effect   = "Allow"
    Action   = ["s3:GetObject", "s3:PutObject"]
    Resource = "${aws_s3_bucket.workspace.arn}/*"
  }]
})"""
SEE = "aws sagemaker describe-notebook-instance --notebook-instance-name <name> --query "


@check(
    id="net.notebook.direct-internet",
    title="The notebook has no direct internet access",
    clause="NET-02.no-direct-internet",
    kinds=KINDS,
    needs=("aws.service", "net.direct_internet"),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch direct internet access off and give the notebook a private subnet, whose routes decide what it reaches.",
        ((NATIVE, 'direct_internet_access = "Disabled"\nsubnet_id              = aws_subnet.private.id'),),
        verify=SEE + "DirectInternetAccess",
        effort=Effort.MEDIUM,
    ),
    broken="direct internet access is on",
    equivalents=(
        "checkov:CKV_AWS_122",
        "guard:SAGEMAKER_NOTEBOOK_NO_DIRECT_INTERNET_ACCESS",
        "prowler:sagemaker_notebook_instance_without_direct_internet_access_configured",
    ),
)
def direct_internet(v: View) -> bool:
    """A notebook with direct internet access bypasses every egress control of its network: data and weights leave
    through an interface that the owner cannot filter or see.
    """
    return not v.flag("net.direct_internet")


@check(
    id="net.notebook.in-vpc",
    title="The notebook runs in a subnet of the owner's network",
    clause="NET-02.in-private-network",
    kinds=KINDS,
    needs=("aws.service", "net.in_vpc"),
    severity=Severity.HIGH,
    fix=Fix(
        "Place the notebook in a private subnet. It has to be made anew.",
        ((NATIVE, "subnet_id       = aws_subnet.private.id\nsecurity_groups = [aws_security_group.notebook.id]"),),
        verify=SEE + "SubnetId",
        effort=Effort.MEDIUM,
    ),
    broken="it has no subnet: it runs in a network of the provider's",
    equivalents=("checkov:CKV_AWS_306", "prowler:sagemaker_notebook_instance_vpc_settings_configured"),
)
def in_vpc(v: View) -> bool:
    """Without a subnet of the owner's there is no security group, no flow log and no route that could hold a notebook
    back.
    """
    return v.flag("net.in_vpc")


@check(
    id="iam.notebook.no-root",
    title="The notebook's users are not root on it",
    clause="IAM-02.no-escalation",
    kinds=KINDS,
    needs=("aws.service", "root"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Take root access away from the notebook's users; lifecycle scripts keep it.",
        ((NATIVE, 'root_access = "Disabled"'),),
        verify=SEE + "RootAccess",
    ),
    broken="its users have root access",
    equivalents=("checkov:CKV_AWS_307", "prowler:sagemaker_notebook_instance_root_access_disabled"),
)
def no_root(v: View) -> bool:
    """Root on a notebook removes its agents and firewall rules, reads other users' files, and installs what it likes."""
    return not v.flag("root")


@check(
    id="enc.notebook.cmk",
    title="The notebook's volume is encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=KINDS,
    needs=("aws.service", "enc.key"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own. The notebook has to be made anew.",
        ((NATIVE, "kms_key_id = aws_kms_key.notebooks.arn"),),
        verify=SEE + "KmsKeyId",
        effort=Effort.MEDIUM,
    ),
    broken="its volume is encrypted with {found}",
    equivalents=(
        "checkov:CKV_AWS_22",
        "checkov:CKV_AWS_187",
        "guard:SAGEMAKER_NOTEBOOK_INSTANCE_KMS_KEY_CONFIGURED",
        "prowler:sagemaker_notebook_instance_encryption_enabled",
    ),
)
def cmk(v: View) -> Answer:
    """Notebooks keep copies of data sets and checkpoints. A key of the owner's is what can be withdrawn and whose use
    is logged.
    """
    return customer_key(v, "enc.key")


@check(
    id="net.notebook.imds-v2",
    title="The notebook's metadata service asks for a session token",
    clause="NET-04.metadata-guarded",
    kinds=KINDS,
    needs=("aws.service", "imds.v2"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Require version 2 of the instance metadata service.",
        (
            (
                NATIVE,
                'instance_metadata_service_configuration {\n  minimum_instance_metadata_service_version = "2"\n}',
            ),
        ),
        verify=SEE + "InstanceMetadataServiceConfiguration",
    ),
    broken="its metadata service answers without a session token",
    equivalents=("checkov:CKV_AWS_371",),
)
def imds_v2(v: View) -> bool:
    """Version 1 hands the notebook's credentials to anything that can make it fetch an address."""
    return v.flag("imds.v2")


@check(
    id="iam.notebook.role-scoped",
    title="The notebook's role does not allow every action",
    clause="IAM-02.no-wildcard",
    kinds=KINDS,
    needs=("aws.service", "identity.statements"),
    severity=Severity.HIGH,
    fix=Fix(
        "Give the notebook a role of its own that allows the actions and resources that its work needs.",
        (("aws_iam_role_policy", NARROW),),
        verify="aws iam simulate-principal-policy --policy-source-arn <role> --action-names iam:CreateUser",
        effort=Effort.LARGE,
    ),
    broken="its role has {statement}",
    equivalents=("checkov:CKV2_AWS_68",),
)
def role_scoped(v: View) -> Answer:
    """Whoever opens the notebook is its role: a role that allows everything makes every data scientist an
    administrator.
    """
    return verdict(listed(v, "identity.statements"), allows_all)


def allows_all(s: Statement) -> Tri:
    """Whether a statement allows every action; all but a few on everything comes to the same."""
    if not allows(s):
        return False
    if s.not_actions:
        return any_of(r == "*" for r in s.resources)
    return any_of(_all(a) for a in s.actions)


def _all(action: str) -> Tri:
    if action.startswith("${"):
        return Unknown(GapCode.UNDECIDED, "an action of its role is not known")
    return action in ("*", "*:*")


CHECKS = (direct_internet, in_vpc, no_root, cmk, imds_v2, role_scoped)
