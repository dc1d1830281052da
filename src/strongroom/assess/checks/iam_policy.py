"""AWS IAM policies, wherever they stand: on their own, in a role, or as a policy document's data block."""

from strongroom.assess.checks._statements import listed, verdict
from strongroom.kit.iam_reach import allows, constrained, covers, escalates, reads_data, star, whole_service, wide
from strongroom.kit.kleene import Tri, all_of
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, unknown
from strongroom.model.values import Statement, Unknown

# Roles carry inline policies; buckets and keys carry policies of another sort, and are other kinds.
KINDS = (Kind.POLICY, Kind.IDENTITY)
NEEDS = ("policy.statements",)
DOCUMENT = "data.aws_iam_policy_document"
NARROW = """policy = jsonencode({
  Version = "2012-10-17"
  Statement = [{
    Effect   = "Allow"
    Action   = ["s3:GetObject"]
    Resource = "${aws_s3_bucket.weights.arn}/*"
  }]
})"""
NARROW_DOCUMENT = """statement {
  actions   = ["s3:GetObject"]
  resources = ["${aws_s3_bucket.weights.arn}/*"]
}"""
SNIPPETS = (
    ("aws_iam_policy", NARROW),
    ("aws_iam_role_policy", NARROW),
    ("aws_iam_user_policy", NARROW),
    ("aws_iam_group_policy", NARROW),
    ("aws_ssoadmin_permission_set_inline_policy", NARROW.replace("policy =", "inline_policy =", 1)),
    (DOCUMENT, NARROW_DOCUMENT),
)
COMMAND = "aws iam create-policy-version --policy-arn <arn> --policy-document file://policy.json --set-as-default"
VERIFY = "aws accessanalyzer validate-policy --policy-type IDENTITY_POLICY --policy-document file://policy.json"


def _fix(text: str, effort: Effort = Effort.MEDIUM) -> Fix:
    return Fix(text, SNIPPETS, COMMAND, VERIFY, effort)


@check(
    id="iam.policy.admin",
    title="The policy does not allow every action on every resource",
    clause="IAM-02.no-wildcard",
    kinds=KINDS,
    needs=NEEDS,
    severity=Severity.HIGH,
    fix=_fix("Write down the actions and resources that the job needs; the access advisor shows what it used."),
    broken="it allows everything on everything: {statement}",
    equivalents=(
        "checkov:CKV_AWS_62",
        "checkov:CKV_AWS_1",
        "guard:IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS",
        "prowler:iam_customer_attached_policy_no_administrative_privileges",
    ),
)
def admin(v: View) -> Answer:
    """Whoever takes over a workload with this policy owns the account: the weights, the keys and the logs of it all."""
    return verdict(listed(v, "policy.statements"), lambda s: all_of((allows(s), star(s), _everywhere(s))))


def _everywhere(s: Statement) -> Tri:
    return True if s.not_resources else wide(s)


@check(
    id="iam.policy.star-actions",
    title="The policy allows no wildcard for all actions",
    clause="IAM-02.no-wildcard",
    kinds=KINDS,
    needs=NEEDS,
    severity=Severity.HIGH,
    fix=_fix("Name the actions."),
    broken="it allows every action of every service: {statement}",
    equivalents=("checkov:CKV_AWS_63", "checkov:CKV_AWS_49", "guard:IAM_POLICY_NO_STATEMENTS_WITH_FULL_ACCESS"),
)
def star_actions(v: View) -> Answer:
    """`*` also allows what AWS will invent tomorrow, and what nobody thought of today: policies, keys, snapshots."""
    return verdict(listed(v, "policy.statements"), lambda s: all_of((allows(s), star(s))))


@check(
    id="iam.policy.escalation",
    title="The policy gives no way to more rights than it names",
    clause="IAM-02.no-escalation",
    kinds=KINDS,
    needs=NEEDS,
    severity=Severity.HIGH,
    fix=_fix("Limit the action to the roles and users that it is meant for, and put a permissions boundary on them."),
    broken="with {actions} on any resource its holder becomes whatever it likes",
    equivalents=("checkov:CKV_AWS_286", "checkov:CKV_AWS_110", "prowler:iam_policy_allows_privilege_escalation"),
)
def escalation(v: View) -> Answer:
    """A deployment role that may attach policies, or pass any role to a job of its own, is an administrator with one
    more step.
    """
    found = escalates(listed(v, "policy.statements"))
    if isinstance(found, tuple):
        return broken(actions=" and ".join(found))
    return unknown(found) if isinstance(found, Unknown) else holds()


@check(
    id="iam.policy.data-reads",
    title="The policy does not allow reading every store",
    clause="IAM-02.no-deploy-read-export",
    kinds=KINDS,
    needs=NEEDS,
    severity=Severity.HIGH,
    fix=_fix("Name the buckets, secrets and parameters that are read."),
    broken="it allows {actions} on any resource",
    equivalents=("checkov:CKV_AWS_288", "checkov:CKV_AWS_108"),
)
def data_reads(v: View) -> Answer:
    """A read of any object, secret or parameter is a read of the weights, of the tokens and of the training data."""
    found = reads_data(listed(v, "policy.statements"))
    if isinstance(found, tuple):
        return broken(actions=", ".join(found[:4]))
    return unknown(found) if isinstance(found, Unknown) else holds()


@check(
    id="iam.policy.s3-full",
    title="The policy does not allow all of S3",
    clause="IAM-02.no-wildcard",
    kinds=KINDS,
    needs=NEEDS,
    severity=Severity.HIGH,
    fix=_fix("Name the actions and the buckets."),
    broken="it allows every action of S3 on every bucket: {statement}",
    equivalents=("trivy:AWS-0345",),
)
def s3_full(v: View) -> Answer:
    """`s3:*` reads, replaces and deletes every model, and takes off the locks and logs that would tell."""
    statements = listed(v, "policy.statements")
    denied = any(
        isinstance(s, Statement)
        and s.effect == "deny"
        and not s.conditions
        and all_of((whole_service(s, "s3"), wide(s))) is True
        for s in statements
    )
    return holds() if denied else verdict(statements, _all_of_s3)


def _all_of_s3(s: Statement) -> Tri:
    return all_of((allows(s), not s.principals, whole_service(s, "s3"), wide(s)))


@check(
    id="iam.policy.pass-role",
    title="The policy lets no role be passed but those that it names",
    clause="IAM-02.no-escalation",
    kinds=KINDS,
    needs=NEEDS,
    severity=Severity.HIGH,
    fix=_fix("Name the roles that may be passed, and to which service.", Effort.SMALL),
    broken="it lets any role be passed: {statement}",
    equivalents=(
        "guard:IAM_POLICY_NO_WILDCARD_RESOURCE_ON_PASSROLE",
        "guard:IAM_ROLE_NO_WILDCARD_RESOURCE_ON_PASSROLE",
        "trivy:AWS-0342",
    ),
)
def pass_role(v: View) -> Answer:
    """Whoever may pass any role to a training job or notebook runs his own code with the strongest role there is."""
    return verdict(
        listed(v, "policy.statements"),
        lambda s: all_of((allows(s), not s.principals, covers(s, "iam:passrole"), wide(s))),
    )


# Conditions that tie a KMS action to some keys: KMS Developer Guide, "Condition keys for AWS KMS".
KEY_TIES = ("kms:resourcealiases", "kms:requestalias", "kms:encryptioncontext", "aws:resourcetag/")


@check(
    id="art.policy.wildcard-decrypt",
    title="The policy does not allow decrypting with every key",
    clause="ART-06.no-wildcard-decrypt",
    kinds=KINDS,
    needs=NEEDS,
    severity=Severity.HIGH,
    fix=_fix("Name the keys."),
    broken="it allows kms:Decrypt with every key: {statement}",
)
def wildcard_decrypt(v: View) -> Answer:
    """A customer managed key separates those who may read the bucket from those who may open what is in it; decrypt
    with any key takes the separation away.
    """
    return verdict(listed(v, "policy.statements"), _decrypts_anything)


def _decrypts_anything(s: Statement) -> Tri:
    tied = any(c.key.startswith(KEY_TIES) for c in s.conditions)
    return all_of((allows(s), not s.principals, not tied, covers(s, "kms:decrypt"), wide(s)))


# Actions that blind the watch. CloudTrail, Config and GuardDuty API references.
BLINDING = (
    "cloudtrail:stoplogging",
    "cloudtrail:deletetrail",
    "cloudtrail:updatetrail",
    "cloudtrail:puteventselectors",
    "config:stopconfigurationrecorder",
    "config:deleteconfigurationrecorder",
    "guardduty:deletedetector",
    "guardduty:updatedetector",
)


@check(
    id="log.policy.blinding",
    title="The policy does not allow switching off the audit logs",
    clause="LOG-01.protected",
    kinds=KINDS,
    needs=NEEDS,
    severity=Severity.HIGH,
    fix=_fix("Leave these actions to a role that nobody uses day to day, and deny them by an organisation's policy."),
    broken="it allows {action} on any resource",
)
def blinding(v: View) -> Answer:
    """The first thing an intruder with rights does is to stop the trail."""
    doubts: list[Unknown] = []
    for s in listed(v, "policy.statements"):
        for action in BLINDING:
            answer = s if isinstance(s, Unknown) else _blinds(s, action)
            if answer is True:
                return broken(action=action)
            if isinstance(answer, Unknown):
                doubts.append(answer)
    return unknown(*doubts) if doubts else holds()


def _blinds(s: Statement, action: str) -> Tri:
    return all_of((allows(s), not s.principals, not constrained(s), covers(s, action), wide(s)))


CHECKS = (admin, star_actions, escalation, data_reads, s3_full, pass_role, wildcard_decrypt, blinding)
