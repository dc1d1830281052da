"""Whose account is whose: the accounts that a configuration declares as its own, and those that a policy lets in."""

import re

from strongroom.collect.native import INAPPLICABLE, Inapplicable, Reader, Row
from strongroom.collect.resource import pick
from strongroom.collect.tables._aws import Policy
from strongroom.kit.iam_reach import accounts, allows
from strongroom.model.values import Unknown, Value

_NUMBER = re.compile(r"\b\d{12}\b")
_ORGANISATION = ("aws:principalorgid", "aws:principalorgpaths")
# Terraform, provider `aws`: what it may be used in, and the role that it works as.
_DECLARED = ("allowed_account_ids", "assume_role.role_arn", "assume_role_with_web_identity.role_arn")


def ours(reader: Reader) -> frozenset[str]:
    """The accounts that the provider's blocks name."""
    blocks = (p for p in reader.pool.of_type("provider.aws") if p.label == reader.resource.label)
    return frozenset(n for p in blocks for path in _DECLARED for n in _NUMBER.findall(str(pick(p.values, path))))


def declared(reader: Reader) -> Value | Inapplicable:
    """The accounts that are declared as ours, for what is judged by whose it is."""
    return tuple(sorted(ours(reader))) or INAPPLICABLE


OURS = Row("account.ours", declared)


def foreign(reader: Reader, policy: Policy) -> Value:
    """The accounts, not declared as ours, whose principals a resource's policy lets in."""
    mine = ours(reader)
    out: list[str | Unknown] = []
    for s in (policy,) if isinstance(policy, Unknown) else policy or ():
        if isinstance(s, Unknown):
            out.append(s)
        elif allows(s) and not any(c.key in _ORGANISATION for c in s.conditions):
            out += [a for a in accounts(s.principals) if a not in mine]
    return tuple(dict.fromkeys(out))
