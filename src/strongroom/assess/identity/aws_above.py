"""What stands above an account: the policies of its organisation.

Source: AWS Organizations User Guide, "Service control policies" (FullAWSAccess is attached everywhere until it is taken
off) and "Resource control policies" (RCPFullAWSAccess cannot be taken off, so only denials count).
"""

from collections.abc import Iterable

from strongroom.assess.identity.aws_account import Account
from strongroom.assess.identity.aws_evaluate import Organisation
from strongroom.assess.identity.aws_names import OWN
from strongroom.assess.identity.aws_policy import Document, compiled
from strongroom.model.estate import Asset
from strongroom.model.values import Statement

_EVERYTHING = (Statement("allow", actions=("*",), resources=("*",), sid="all"),)
_NAME = "FullAWSAccess"


def organisation(account: Account) -> Organisation:
    """The policies of the organisation that are attached to something that may hold the account."""
    scps, rcps, full = list[Document](), list[Document](), False
    for a in account.assets:
        if a.native_type != "aws_organizations_policy_attachment" or _for_others(account, a):
            continue
        for policy in account.referred(a, "policy", "aws_organizations_policy"):
            if isinstance(policy, str):
                full = full or _NAME in policy
                continue
            kind = policy.value("organisation.type")
            if kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"):
                on_resources = kind == "RESOURCE_CONTROL_POLICY"
                said, name = policy.value("organisation.statements"), account.names.shown(policy)
                document = account.document(policy.id, name, said, of_resource=on_resources)
                (rcps if on_resources else scps).append(document)
    levels = ((*scps, _full_access(scps, attached=full)),) if scps else ()
    return Organisation(levels, tuple(rcps))


def _for_others(account: Account, a: Asset) -> bool:
    """Whether a policy is attached to an account that is not ours."""
    targets = list(account.addresses(a, "target", "aws_organizations_"))
    known = account.names.account != OWN
    return bool(targets) and all(known and t.isdigit() and t not in account.names.ours for t in targets)


def _full_access(scps: Iterable[Document], *, attached: bool) -> Document:
    """AWS attaches FullAWSAccess; who writes a list of what is allowed means to have taken it off."""
    if attached or all(r.deny for d in scps for r in d.rules):
        return compiled(f"aws:{_NAME}", _NAME, _EVERYTHING, lambda text: (text,))
    return Document(
        f"aws:{_NAME}", _NAME, hole=f"whether {_NAME} is still attached is not in these files", hole_denies=False
    )
