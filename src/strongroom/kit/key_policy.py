"""What the policy of a KMS key lets whom do: use without attestation, and administration beside use.

Sources: AWS KMS Developer Guide, "Condition keys for AWS Nitro Enclaves" and "… for NitroTPM"; Nitro Enclaves User
Guide, "Where to get an enclave's measurements": a PCR of zeros is an enclave in debug mode.
"""

import re

from strongroom.kit.iam_reach import Policy, allows, anybody, covers, hidden
from strongroom.kit.kleene import Tri, all_of, any_of
from strongroom.model.values import Condition, Statement, Unknown

USE = ("kms:decrypt", "kms:reencryptfrom", "kms:creategrant")
"""The actions that open what the key sealed, or let somebody else open it."""

ADMINISTER = ("kms:putkeypolicy", "kms:schedulekeydeletion", "kms:disablekey")
OPEN = ("kms:decrypt", "kms:generatedatakey", "kms:reencryptfrom")

# PCR 3 and 4 of an enclave name the role and the id of the instance around it; they measure no code.
_MEASUREMENT = re.compile(r"kms:recipientattestation:(?:imagesha384|pcr(?!0*[34]$)\d{1,2}|nitrotpmpcr\d{1,2})")
_EQUAL = frozenset({"stringequals", "stringequalsignorecase", "stringlike"})
_DIFFER = frozenset({"stringnotequals", "stringnotequalsignorecase", "stringnotlike"})


def _concrete(value: str) -> Tri:
    doubt = hidden(value)
    if doubt is not None:
        return doubt
    return bool(value.strip("0")) and not re.search(r"[*?]", value)


def _names_measurement(c: Condition, operators: frozenset[str]) -> Tri:
    """Whether a condition compares a measurement with concrete values.

    `…IfExists` and `ForAllValues:` are true of a request without attestation, and so name nothing.
    """
    if c.operator.lower().removeprefix("foranyvalue:") not in operators or not _MEASUREMENT.fullmatch(c.key):
        return False
    return all_of(_concrete(v) for v in c.values) if c.values else False


def measured(s: Statement) -> Tri:
    """Whether a statement holds only for an enclave or machine whose measurement it names."""
    return any_of(_names_measurement(c, _EQUAL) for c in s.conditions)


def _stops(s: Statement | Unknown, action: str) -> Tri:
    """Whether a Deny refuses an action to everybody whose measurement is not the one that it names."""
    if isinstance(s, Unknown):
        return False  # a statement that is not known may be a Deny; nobody relies on that
    if s.effect != "deny" or len(s.conditions) > 1:
        return False
    refused = any_of(_names_measurement(c, _DIFFER) for c in s.conditions) if s.conditions else True
    return all_of((anybody(s), covers(s, action), refused))


def unattested_use(policy: Policy) -> Tri | str:
    """The first use of the key that a direct statement gives without attestation; False when there is none."""
    statements = tuple(policy)
    doubt: Unknown | None = None
    for action in USE:
        stopped = any_of(_stops(s, action) for s in statements)
        if stopped is True:
            continue
        for s in statements:
            answer = s if isinstance(s, Unknown) else _gives(s, action)
            if answer is True and stopped is False:
                return action
            if isinstance(answer, Unknown) or answer is True:
                doubt = doubt or (
                    answer if isinstance(answer, Unknown) else stopped if isinstance(stopped, Unknown) else None
                )
    return doubt if doubt is not None else False


def _gives(s: Statement, action: str) -> Tri:
    bound = measured(s)
    free: Tri = bound if isinstance(bound, Unknown) else not bound
    return all_of((allows(s), bool(s.principals or s.not_principals), covers(s, action), free))


def is_root(principal: str) -> bool:
    """Whether a principal is an account as a whole: it hands the decision to that account's IAM policies."""
    return re.fullmatch(r"AWS:(?:\d{12}|\$\{[^}]*account_id\}|arn:[^:]*:iam::[^:]*:root)", principal) is not None


def both_roles(policy: Policy) -> Tri | str:
    """The first principal that may both administer the key and use it; False when there is none."""
    may: dict[str, list[Statement]] = {}
    doubt: Unknown | None = None
    for s in policy:
        if isinstance(s, Unknown):
            doubt = doubt or s
        elif allows(s):
            for p in s.principals:
                may.setdefault(p, []).append(s)
    for principal, statements in may.items():
        if is_root(principal) or principal.startswith("Service:"):
            continue
        answer = all_of((any_of(covers(s, a) for s in statements for a in group)) for group in (ADMINISTER, OPEN))
        if answer is True:
            return principal
        if isinstance(answer, Unknown):
            doubt = doubt or answer
    return doubt if doubt is not None else False


def measurements(policy: Policy) -> tuple[tuple[str, str], ...]:
    """The concrete measurements for which a policy opens a key, as (register, lower-case hex), each once, sorted.

    `kms:RecipientAttestation:ImageSha384` is PCR0 under its older name.
    """
    found = set()
    for s in policy:
        if isinstance(s, Unknown) or s.effect != "allow":
            continue
        for c in s.conditions:
            if _names_measurement(c, _EQUAL) is True:
                register = c.key.rpartition(":")[2].replace("imagesha384", "pcr0").removeprefix("nitrotpm")
                found |= {(f"pcr{int(register[3:])}", v.lower()) for v in c.values}
    return tuple(sorted(found))
