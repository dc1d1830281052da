"""Roles, users, groups and permission sets, and which blocks of a configuration put policies on them."""

import re
from dataclasses import dataclass, field

from strongroom.assess.identity.aws_evaluate import Grant, Thing
from strongroom.assess.identity.aws_policy import Document
from strongroom.model.estate import Asset

INLINE = {
    "aws_iam_role_policy": "role",
    "aws_iam_user_policy": "user",
    "aws_iam_group_policy": "group",
    "aws_ssoadmin_permission_set_inline_policy": "permission-set",
}
ATTACHING = re.compile(
    r"aws_iam_(role|user|group)_policy_attachment(s_exclusive)?|aws_iam_policy_attachment"
    r"|aws_ssoadmin_managed_policy_attachment"
)
KINDS = {
    "aws_iam_role": "role",
    "aws_iam_user": "user",
    "aws_iam_group": "group",
    "aws_ssoadmin_permission_set": "permission-set",
}
NATIVE = {kind: native for native, kind in KINDS.items()}
BETWEEN = ("aws_iam_instance_profile", "aws_sagemaker_domain")
RUNNING = frozenset(
    {
        *("aws_sagemaker_notebook_instance", "aws_sagemaker_user_profile", "aws_sagemaker_domain"),
        *("aws_lambda_function", "aws_instance", "aws_spot_instance_request"),
    }
)
MOST_BOUNDARIES = 16
MEMBERSHIPS = ("aws_iam_user_group_membership", "aws_iam_group_membership")
GRANTABLE = frozenset(
    {
        *("decrypt", "encrypt", "generatedatakey", "generatedatakeywithoutplaintext", "reencryptfrom", "reencryptto"),
        *("creategrant", "retiregrant", "describekey", "sign", "verify", "getpublickey", "generatedatakeypair"),
        *("generatedatakeypairwithoutplaintext", "generatemac", "verifymac", "derivesharedsecret"),
    }
)  # AWS KMS Developer Guide, "Grants in AWS KMS", grant operations


@dataclass(slots=True, eq=False)
class Entity:
    """A role, user, group or permission set, with the policies on it. A group makes no requests of its own."""

    kind: str
    address: str
    arn: str
    asset: Asset | None = None
    inline: list[Document] = field(default_factory=list)
    attached: list[Document] = field(default_factory=list)
    groups: list["Entity"] = field(default_factory=list)
    boundary: Document | None = None
    trust: Thing | None = None

    @property
    def name(self) -> str:
        """The bare name."""
        return self.arn.rpartition("/")[2]


def grant_to_come(address: str) -> Grant:
    """A grant on a key that is not made yet."""
    return Grant(f"{address}#grant", f"a grant on {address}", "", frozenset(f"kms:{n}" for n in GRANTABLE))
