"""What an IAM statement adds up to: anybody, everything, a whole service, or a way to more rights than it names.

Answers are three-valued: `${…}` in a statement stands for a value that is not in the configuration. A reference to
another block (`${aws_iam_role.trainer}`) is some resource and no wildcard; a variable may hold anything.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from strongroom.kit.iam import matches
from strongroom.kit.kleene import Tri, all_of, any_of
from strongroom.kit.nets import is_world
from strongroom.model.codes import GapCode
from strongroom.model.values import Condition, Statement, Unknown

Policy = Iterable[Statement | Unknown]

_TEMPLATE = re.compile(r"\$\{(?!\w+:)([^}]*)\}")
_LOOSE = re.compile(r"[^\w.\[\]\"*-]|^(var|local|each|module|count|self)\b")
_ACCOUNT = re.compile(r":\d{12}:")

# A condition on one of these keys, with a value that is no wildcard, keeps the public out.
# Amazon S3 User Guide, "The meaning of 'public'"; IAM User Guide, "AWS global condition context keys", network and
# principal properties; AWS KMS Developer Guide, "kms:CallerAccount".
FIXING_KEYS = frozenset(
    {
        "aws:ec2instancesourcevpc",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "aws:vpceaccount",
        "aws:vpceorgid",
        "aws:vpceorgpaths",
        "kms:calleraccount",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
    }
)
_FIXING = frozenset({"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress"})
_LITERAL = frozenset({"stringequals", "stringequalsignorecase"})

# Conditions that say how a request is made, not to what: they leave the reach of a statement as it is.
CIRCUMSTANCES = frozenset(
    {"aws:multifactorauthpresent", "aws:multifactorauthage", "aws:securetransport", "aws:requestedregion"}
)

# Each set of actions lets a principal take more rights than its policy names. The first of a set is the one whose
# resources decide: changing one's own password is no escalation, changing anybody's is.
# IAM actions: IAM User Guide, "Actions that modify permissions"; the PassRole pairs: IAM User Guide, "Grant a user
# permissions to pass a role to an AWS service".
ESCALATIONS: tuple[tuple[str, ...], ...] = (
    ("iam:createpolicyversion",),
    ("iam:setdefaultpolicyversion",),
    ("iam:createaccesskey",),
    ("iam:createloginprofile",),
    ("iam:updateloginprofile",),
    ("iam:attachuserpolicy",),
    ("iam:attachgrouppolicy",),
    ("iam:attachrolepolicy",),
    ("iam:putuserpolicy",),
    ("iam:putgrouppolicy",),
    ("iam:putrolepolicy",),
    ("iam:addusertogroup",),
    ("iam:updateassumerolepolicy", "sts:assumerole"),
    ("iam:passrole", "ec2:runinstances"),
    ("iam:passrole", "lambda:createfunction", "lambda:invokefunction"),
    ("iam:passrole", "lambda:createfunction", "lambda:createeventsourcemapping"),
    ("iam:passrole", "lambda:createfunction", "lambda:addpermission"),
    ("iam:passrole", "glue:createdevendpoint"),
    ("iam:passrole", "glue:createjob", "glue:startjobrun"),
    ("iam:passrole", "cloudformation:createstack"),
    ("iam:passrole", "datapipeline:createpipeline", "datapipeline:putpipelinedefinition"),
    ("iam:passrole", "sagemaker:createnotebookinstance", "sagemaker:createpresignednotebookinstanceurl"),
    ("iam:passrole", "sagemaker:createtrainingjob"),
    ("iam:passrole", "sagemaker:createprocessingjob"),
    ("iam:passrole", "ecs:registertaskdefinition", "ecs:runtask"),
    ("iam:passrole", "codebuild:createproject", "codebuild:startbuild"),
    ("iam:passrole", "states:createstatemachine", "states:startexecution"),
    ("lambda:updatefunctioncode",),
    ("glue:updatedevendpoint",),
    ("sagemaker:createpresignednotebookinstanceurl",),
)

# Reads that take data out of a store, whoever owns it.
DATA_READS = (
    "s3:getobject",
    "s3:getobjectversion",
    "ssm:getparameter",
    "ssm:getparameters",
    "ssm:getparametersbypath",
    "secretsmanager:getsecretvalue",
    "dynamodb:getitem",
    "dynamodb:batchgetitem",
    "dynamodb:query",
    "dynamodb:scan",
    "ebs:getsnapshotblock",
    "rds:copydbsnapshot",
    "rds:createdbsnapshot",
)


def hidden(text: str) -> Unknown | None:
    """The reason why a text may be anything; None when it is literal or a reference to some resource."""
    if "${" not in text:
        return None
    found = _TEMPLATE.fullmatch(text.strip())
    if found is None or not _LOOSE.search(found[1]):
        return None
    return Unknown(GapCode.UNDECIDED, f"{found[1][:80]} has no value" if " " not in found[1] else found[1][:80])


def allows(s: Statement) -> bool:
    """Whether a statement grants. One without an Effect does not pass AWS; it is read as what its author meant."""
    return s.effect != "deny"


def anybody(s: Statement) -> Tri:
    """Whether the statement's principals are everybody: `*`, any service, or everybody but some."""
    if s.not_principals:
        return True
    return any_of(hidden(p.partition(":")[2]) or p in ("*", "AWS:*", "Service:*", "Federated:*") for p in s.principals)


def public(s: Statement) -> Tri:
    """Whether a statement of a resource's policy lets the public in: anybody, and no condition that fixes who."""
    if not allows(s):
        return False
    return all_of((anybody(s), *(_not(_fixes(c)) for c in s.conditions)))


def _not(answer: Tri) -> Tri:
    return answer if isinstance(answer, Unknown) else not answer


def _fixes(c: Condition) -> Tri:
    """Whether a condition ties a request to somebody or some network named in it.

    `…IfExists` and `ForAllValues:` are true of a request that lacks the key, so they tie nobody.
    """
    operator = c.operator.lower()
    if operator.startswith("forallvalues:") or operator.endswith("ifexists"):
        return False
    operator = operator.removeprefix("foranyvalue:")
    if operator not in _FIXING or c.key not in FIXING_KEYS or not c.values:
        return False
    return all_of(_fixed(operator, v) for v in c.values)


def _fixed(operator: str, value: str) -> Tri:
    if "${aws:" in value:  # a policy variable takes the caller's own value: it fixes nothing
        return False
    if operator in _LITERAL:
        return True
    doubt = hidden(value)
    if doubt is not None:
        return doubt
    if operator == "ipaddress":
        return not is_world(value)
    return not re.search(r"[*?]", value) or _ACCOUNT.search(value) is not None


@lru_cache(maxsize=4096)
def all_of_a_kind(resource: str) -> Tri:
    """Whether a resource covers every resource of a kind: `*`, or an ARN whose last part is a wildcard."""
    doubt = hidden(resource)
    if doubt is not None:
        return doubt
    parts = resource.split(":", 5)
    if len(parts) < 6:
        return re.fullmatch(r"\*+", resource) is not None
    kind = r"\*+|\*+/\*+" if parts[2] == "s3" else r"\*+|[\w-]+[/:]\*+"  # s3 has no kinds: `bucket/*` is one bucket
    return re.fullmatch(kind, parts[5]) is not None


def wide(s: Statement) -> Tri:
    """Whether a statement's resources cover a kind as a whole; everything but some counts as whole."""
    if s.not_resources:
        return True
    return any_of(all_of_a_kind(r) for r in s.resources)


def covers(s: Statement, action: str) -> Tri:
    """Whether a statement's actions cover one; an action that is not known may."""
    if s.not_actions:
        return _not(any_of(hidden(a) or matches(a, action) for a in s.not_actions))
    return any_of(hidden(a) or matches(a, action) for a in s.actions)


def star(s: Statement) -> Tri:
    """Whether a statement's actions are all actions of all services."""
    return any_of(hidden(a) or re.fullmatch(r"\*+(:\*+)?", a) is not None for a in s.actions)


def whole_service(s: Statement, service: str) -> Tri:
    """Whether a statement's actions are all actions of a service: `s3:*`, `s3*`, `*`."""
    probe = f"{service}:\x00"  # no action's name holds it: only a wildcard for the whole name matches
    return any_of(hidden(a) or matches(a, probe) for a in s.actions)


def constrained(s: Statement) -> bool:
    """Whether a condition narrows what the statement reaches, beyond how a request must be made."""
    return any(c.key not in CIRCUMSTANCES for c in s.conditions)


def grants(policy: Policy, action: str, *, widely: bool = False) -> Tri:
    """Whether an identity's policy lets it take an action, on a kind of resource as a whole if `widely`.

    A Deny of the action that nothing narrows takes it back. Statements with principals belong to a resource's policy.
    """
    statements = tuple(policy)
    denied = any_of(
        s if isinstance(s, Unknown) else all_of((s.effect == "deny", not s.conditions, covers(s, action), wide(s)))
        for s in statements
        if isinstance(s, Unknown) or s.effect == "deny"
    )
    if denied is True:
        return False
    return any_of(
        s if isinstance(s, Unknown) else all_of((_of_identity(s), covers(s, action), wide(s) if widely else True))
        for s in statements
    )


def _of_identity(s: Statement) -> bool:
    return allows(s) and not s.principals and not s.not_principals and not constrained(s)


def escalates(policy: Policy) -> Tri | tuple[str, ...]:
    """The first set of actions by which the policy gives more rights than it names; False when there is none."""
    statements = tuple(policy)
    asked: dict[tuple[str, bool], Tri] = {}  # PassRole alone is part of a dozen ways

    def may(action: str, first: str) -> Tri:
        question = (action, action == first)
        if question not in asked:
            asked[question] = grants(statements, action, widely=action == first)
        return asked[question]

    doubt: Unknown | None = None
    for actions in ESCALATIONS:
        answer = all_of(may(a, actions[0]) for a in actions)
        if answer is True:
            return actions
        if isinstance(answer, Unknown):
            doubt = doubt or answer
    return doubt if doubt is not None else False


def reads_data(policy: Policy) -> Tri | tuple[str, ...]:
    """The data reads that the policy grants on a kind of store as a whole; False when there are none."""
    statements = tuple(policy)
    answers = {a: grants(statements, a, widely=True) for a in DATA_READS}
    found = tuple(a for a, answer in answers.items() if answer is True)
    return found or any_of(answers.values())


def accounts(principals: Sequence[str]) -> tuple[str, ...]:
    """The account numbers that a statement's principals name, in their order."""
    found = (re.search(r"(?:^AWS:|:)(\d{12})(?::|$)", p) for p in principals)
    return tuple(dict.fromkeys(m[1] for m in found if m is not None))
