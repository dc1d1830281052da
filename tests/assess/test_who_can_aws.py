"""Who can do what on AWS: one account for every rule of the evaluation, and for every way from one principal to another."""

import pytest
from who_accounts import (
    DELEGATED,
    KEY,
    ROOT,
    THEM,
    US,
    WEIGHTS,
    allow,
    attach,
    bucket,
    deny,
    document,
    held,
    key,
    managed,
    role,
    role_arn,
    scp,
    to,
    user,
    user_arn,
    verdicts,
    when,
    who_can,
)

from strongroom.model.errors import BadUsage, NotFound

BUCKET, CMK = "aws_s3_bucket.weights", "aws_kms_key.k"
ALL = f"{WEIGHTS}/*"
READ, DECRYPT = allow("s3:GetObject", ALL), allow("kms:Decrypt", KEY)
A, C, D = "ALLOW", "CONDITIONAL", "DENY"
MFA = when("Bool", "aws:MultiFactorAuthPresent", "true")
NARROW = managed("b", allow("ec2:*"))
WITHIN = {"permissions_boundary": f"arn:aws:iam::{US}:policy/b"}
ONLY_ATTACH = {"Effect": "Deny", "NotAction": "iam:AttachUserPolicy", "Resource": "*"}
RCP = [
    ("aws_organizations_policy", "r", {"type": "RESOURCE_CONTROL_POLICY", "id": "p-r", "content": document(
        {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"})}),
    ("aws_organizations_policy_attachment", "r", {"policy_id": "p-r", "target_id": US}),
]  # fmt: skip


def job(*services: str, **more: object) -> list[object]:
    """A role that may read, and that services run as."""
    return [role("job", READ, trust=[{"Service": f"{s}.amazonaws.com"} for s in services or ("sagemaker",)], **more)]


def passes(to_service: str = "", whom: str = "job") -> dict[str, object]:
    """A statement that passes the role, to one service only if one is named."""
    tied = when("StringEquals", "iam:PassedToService", f"{to_service}.amazonaws.com") if to_service else {}
    return allow("iam:PassRole", role_arn(whom), **tied)


DIRECT = {
    "an identity's policy is enough in one account": (
        "read", BUCKET, [bucket(), role("r", READ), user("u", READ), role("none")], {"r": A, "u": A, "none": D}),
    "what is allowed elsewhere is not allowed here": (
        "read", BUCKET, [bucket(), role("r", allow("s3:GetObject", "arn:aws:s3:::weights-2/*"))], {"r": D}),
    "a part of the bucket is some of its data": (
        "read", BUCKET, [bucket(), role("r", allow("s3:GetObject", f"{WEIGHTS}/models/*"))], {"r": A}),
    "a wildcard in the middle meets the bucket": (
        "read", BUCKET, [bucket(), role("r", allow("s3:Get*", "arn:aws:s3:::*/models/?*"))], {"r": A}),
    "a wildcard of the action that does not fit": (
        "read", BUCKET, [bucket(), role("r", allow(["s3:Put*", "s3:GetObjectT*"], ALL))], {"r": D}),
    "a denial wins, wherever it stands": (
        "read", BUCKET,
        [bucket(to(role_arn("b"), "s3:*", ALL, effect="Deny")), role("a", READ, deny("s3:Get*")), role("b", READ)],
        {"a": D, "b": D}),
    "a denial of a part leaves the rest": (
        "read", BUCKET, [bucket(), role("r", READ, deny("s3:GetObject", f"{WEIGHTS}/tier0/*"))], {"r": A}),
    "a denial of all but a part leaves the part": (
        "read", BUCKET,
        [bucket(), role("r", READ, {"Effect": "Deny", "Action": "*", "NotResource": f"{WEIGHTS}/open/*"}),
         role("s", READ, {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::logs/*"})], {"r": A, "s": D}),
    "NotAction allows what it does not list": (
        "read", BUCKET,
        [bucket(), role("a", {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
         role("b", {"Effect": "Allow", "NotAction": ["s3:Get*"], "Resource": "*"},
              deny(["sts:*", "iam:*", "lambda:*", "sagemaker:*", "ssm:*", "s3:Put*", "s3:Delete*"]))],
        {"a": A, "b": D}),
    "NotResource allows what it does not list": (
        "read", BUCKET,
        [bucket(), role("a", {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::logs/*"}),
         role("b", {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": f"{WEIGHTS}*"})], {"a": A, "b": D}),
    "a bucket's policy is enough for a principal of its account": (
        "read", BUCKET, [bucket(to([role_arn("r"), user_arn("u")], "s3:GetObject", ALL)), role("r"), user("u"), user("v")],
        {"r": A, "u": A, "v": D}),
    "a bucket's policy for the account leaves it to the account": (
        "read", BUCKET, [bucket(to(ROOT, "s3:GetObject", ALL)), role("r"), user("u", READ)], {"r": D, "u": A}),
    "everybody is everybody, strangers too": (
        "read", BUCKET, [bucket(to("*", "s3:GetObject", ALL)), role("r")], {"r": A, "*": A}),
    "strangers are kept out where public access is restricted": (
        "read", BUCKET,
        [bucket(to("*", "s3:GetObject", ALL)), role("r"),
         ("aws_s3_bucket_public_access_block", "w", {"bucket": "weights", "restrict_public_buckets": True})],
        {"r": A, "*": D}),
    "NotPrincipal denies all but those it lists": (
        "read", BUCKET,
        [bucket({"Effect": "Deny", "NotPrincipal": {"AWS": [role_arn("a"), ROOT]}, "Action": "s3:*", "Resource": ALL}),
         role("a", READ), role("b", READ)], {"a": A, "b": D}),
    "another account needs a word of its own": (
        "read", BUCKET, [bucket(to([f"arn:aws:iam::{THEM}:root", f"arn:aws:iam::{THEM}:role/p"], "s3:GetObject", ALL)), role("r")],
        {"r": D, f"arn:aws:iam::{THEM}:root": C, f"arn:aws:iam::{THEM}:role/p": C}),
    "case does not count in actions and does in names": (
        "read", BUCKET, [bucket(), role("a", allow("S3:GETOBJECT", ALL)), role("b", allow("s3:GetObject", "arn:aws:s3:::Weights/*"))],
        {"a": A, "b": D}),
    "a partition and an account that are written otherwise": (
        "read", "aws_secretsmanager_secret.s",
        [("aws_secretsmanager_secret", "s", {"name": "hub"}),
         role("a", allow("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:*:{US}:secret:hub-??????")),
         role("b", allow("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:*:{THEM}:secret:hub-*"))], {"a": A, "b": D}),
}  # fmt: skip

KEYS = {
    "under a customer's key the reader needs the key as well": (
        "read", BUCKET, [bucket(key=KEY), key(DELEGATED), role("a", READ), role("b", READ, DECRYPT), role("c", DECRYPT)],
        {"a": D, "b": A, "c": D}),
    "without a policy a key is left to the account": (
        "read", BUCKET, [bucket(key=KEY), key(), role("b", READ, DECRYPT)], {"b": A}),
    "a key that is not left to the account hears nobody's own policy": (
        "decrypt", CMK, [key(to(role_arn("a"), "kms:Decrypt")), role("a"), role("b", allow("kms:*"))], {"a": A, "b": D}),
    "a key that is left to the account for some actions": (
        "decrypt", CMK, [key(to(ROOT, ["kms:Describe*", "kms:Put*"])), role("b", allow("kms:Decrypt"))], {"b": D}),
    "a key of AWS opens to whoever reads": (
        "read", BUCKET, [bucket(key="alias/aws/s3"), role("a", READ)], {"a": A}),
    "a key that is not in the files may have any policy": (
        "read", BUCKET, [bucket(key=f"arn:aws:kms:eu-west-1:{US}:key/other"), role("a", READ, allow("kms:Decrypt")), role("b", READ)],
        {"a": C, "b": C}),
    "a grant opens, for whom and for what it is": (
        "decrypt", CMK,
        [key(DELEGATED), role("a"), role("b"), role("c"),
         ("aws_kms_grant", "a", {"key_id": "k", "grantee_principal": role_arn("a"), "operations": ["Decrypt"], "constraints": []}),
         ("aws_kms_grant", "b", {"key_id": "k", "grantee_principal": role_arn("b"), "operations": ["Encrypt"], "constraints": []}),
         ("aws_kms_grant", "c", {"key_id": "k", "grantee_principal": role_arn("c"), "operations": ["Decrypt"],
                                 "constraints": [{"encryption_context_equals": {"a": "b"}}]})],
        {"a": A, "b": D, "c": C}),
    "through S3 is how an object is opened, and not how a key is used": (
        "read", BUCKET,
        [bucket(key=KEY), key(DELEGATED), role("a", READ, allow("kms:Decrypt", KEY, **when("StringLike", "kms:ViaService", "s3.*.amazonaws.com"))),
         role("b", READ, allow("kms:Decrypt", KEY, **when("StringEquals", "kms:ViaService", "ec2.eu-west-1.amazonaws.com")))],
        {"a": A, "b": D}),
    "a key that opens through S3 only is not opened directly": (
        "decrypt", CMK,
        [key(DELEGATED), role("a", allow("kms:Decrypt", KEY, **when("StringEquals", "kms:ViaService", "s3.eu-west-1.amazonaws.com")))], {"a": D}),
    "a key that asks for attestation depends on the request": (
        "release", CMK,
        [key(DELEGATED, to(role_arn("tee"), "kms:Decrypt", **when("StringEqualsIgnoreCase", "kms:RecipientAttestation:ImageSha384", "ab" * 48))),
         role("tee"), role("free", DECRYPT)], {"tee": C, "free": A}),
    "an alias leads to its key": (
        "read", BUCKET,
        [bucket(key="alias/w"), key(to(role_arn("a"), "kms:Decrypt")), ("aws_kms_alias", "w", {"name": "alias/w", "target_key_id": "k"}),
         role("a", READ), role("b", READ, DECRYPT)], {"a": A, "b": D}),
    "re-encrypting is a way out of a key": (
        "release", CMK, [key(DELEGATED), role("a", allow("kms:ReEncrypt*")), role("b", allow("kms:Encrypt"))], {"a": A, "b": D}),
}  # fmt: skip

LIMITS = {
    "a boundary cuts what policies allow": (
        "read", BUCKET, [bucket(), NARROW, role("r", READ, **WITHIN), user("u", READ, **WITHIN)], {"r": D, "u": D}),
    "a boundary grants nothing": (
        "read", BUCKET, [bucket(), managed("b", allow("*")), role("r", **WITHIN)], {"r": D}),
    "a boundary and a policy must agree on an object": (
        "read", BUCKET,
        [bucket(), managed("b", allow("s3:GetObject", f"{WEIGHTS}/*.bin")), role("r", allow("s3:GetObject", f"{WEIGHTS}/m/*"), **WITHIN)],
        {"r": A}),
    "a bucket's policy for a role by its ARN stays within the boundary; for a user, or for everybody, it does not": (
        "read", BUCKET, [bucket(to([role_arn("r"), user_arn("u")], "s3:GetObject", ALL)), NARROW, role("r", **WITHIN), user("u", **WITHIN)],
        {"r": D, "u": A}),
    "everybody is beyond boundaries": (
        "read", BUCKET,
        [bucket(to("*", "s3:GetObject", ALL, **when("ArnEquals", "aws:PrincipalArn", role_arn("r")))), NARROW, role("r", **WITHIN), role("s")],
        {"r": A, "s": D, "*": C}),
    "a boundary that is not in the files": (
        "read", BUCKET, [bucket(), role("r", READ, permissions_boundary=f"arn:aws:iam::{US}:policy/elsewhere")], {"r": C}),
    "the organisation denies": ("read", BUCKET, [bucket(), scp("s", deny("s3:GetObject")), role("r", READ)], {"r": D}),
    "the organisation's list, where the wide policy may still be attached": (
        "read", BUCKET, [bucket(), scp("s", allow("ec2:*")), role("r", READ)], {"r": C}),
    "the organisation's list that has it": ("read", BUCKET, [bucket(), scp("s", allow("s3:*")), role("r", READ)], {"r": A}),
    "a policy of the organisation that is attached to nothing": (
        "read", BUCKET, [bucket(), scp("s", deny("*"))[:1], role("r", READ)], {"r": A}),
    "a policy of the organisation that is attached to others": (
        "read", BUCKET,
        [bucket(), scp("s", deny("*"))[:1], ("aws_organizations_policy_attachment", "s", {"policy_id": "p-s", "target_id": THEM}),
         role("r", READ)], {"r": A}),
    "a policy of the organisation for resources": ("read", BUCKET, [bucket(), RCP, role("r", READ)], {"r": D}),
}  # fmt: skip

CONDITIONS = {
    "what the request decides": (
        "read", BUCKET,
        [bucket(), role("mfa", allow("s3:GetObject", ALL, **MFA)),
         role("net", allow("s3:GetObject", ALL, **when("IpAddress", "aws:SourceIp", "10.0.0.0/8"))),
         role("odd", allow("s3:GetObject", ALL, **when("StringEquals", "acme:thing", "x"))),
         role("tag", allow("s3:GetObject", ALL, **when("StringEquals", "s3:ExistingObjectTag/tier", "1"))),
         role("op", allow("s3:GetObject", ALL, **when("StringNearly", "aws:SourceIp", "x")))],
        {"mfa": C, "net": C, "odd": C, "tag": C, "op": C}),
    "a denial that the request decides": (
        "read", BUCKET,
        [bucket(to("*", "s3:*", ALL, effect="Deny", **when("StringNotEquals", "aws:SourceVpce", "vpce-1"))), role("r", READ), role("s")],
        {"r": C, "s": D}),
    "nobody is kept from TLS": (
        "read", BUCKET, [bucket(to("*", "s3:*", [WEIGHTS, ALL], effect="Deny", **when("Bool", "aws:SecureTransport", "false"))), role("r", READ)],
        {"r": A}),
    "who the principal is, is known": (
        "read", BUCKET,
        [bucket(to("*", "s3:*", ALL, effect="Deny", **when("ArnNotLike", "aws:PrincipalArn", role_arn("a*")))), role("ab", READ), role("b", READ)],
        {"ab": A, "b": D}),
    "his account is known": (
        "read", BUCKET,
        [bucket(), role("a", allow("s3:GetObject", ALL, **when("StringEquals", "aws:PrincipalAccount", US))),
         role("b", allow("s3:GetObject", ALL, **when("StringEquals", "aws:PrincipalAccount", THEM)))], {"a": A, "b": D}),
    "his tags are known": (
        "read", BUCKET,
        [bucket(), role("a", allow("s3:GetObject", ALL, **when("StringEquals", "aws:PrincipalTag/team", "ml")), tags={"team": "ml"}),
         role("b", allow("s3:GetObject", ALL, **when("StringEquals", "aws:PrincipalTag/team", "ml")), tags={"team": "web"}),
         role("c", allow("s3:GetObject", ALL, **when("Null", "aws:PrincipalTag/team", "true")))], {"a": A, "b": D, "c": A}),
    "a variable takes the principal's own name": (
        "read", BUCKET,
        [bucket(), user("alice", allow("s3:GetObject", f"{WEIGHTS}/${{aws:username}}/*")),
         role("r", allow("s3:GetObject", f"{WEIGHTS}/${{aws:username}}/*"))], {"alice": A, "r": D}),
    "what a direct call lacks": (
        "read", BUCKET,
        [bucket(to("*", "s3:GetObject", ALL, **when("ArnLike", "aws:SourceArn", "arn:aws:cloudfront::*"))), role("r")], {"r": D, "*": D}),
    "a negated test of what a direct call lacks holds": (
        "read", BUCKET,
        [bucket(to("*", "s3:*", ALL, effect="Deny", **when("StringNotEquals", "aws:SourceAccount", US))), role("r", READ)], {"r": D}),
    "the time is known": (
        "read", BUCKET,
        [bucket(), role("old", allow("s3:GetObject", ALL, **when("DateLessThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"))),
         role("now", allow("s3:GetObject", ALL, **when("DateLessThan", "aws:CurrentTime", "2030-01-01T00:00:00Z")))], {"old": D, "now": A}),
    "IfExists and sets of values": (
        "read", BUCKET,
        [bucket(), role("a", allow("s3:GetObject", ALL, **when("StringEqualsIfExists", "aws:SourceAccount", THEM))),
         role("b", allow("s3:GetObject", ALL, **when("ForAllValues:StringEquals", "aws:CalledVia", "athena.amazonaws.com"))),
         role("c", allow("s3:GetObject", ALL, **when("ForAnyValue:StringEquals", "aws:CalledVia", "athena.amazonaws.com")))],
        {"a": A, "b": A, "c": D}),
    "a tag of the resource is known": (
        "infer", "aws_sagemaker_endpoint.e",
        [("aws_sagemaker_endpoint", "e", {"name": "e", "tags": {"tier": "0"}}),
         role("a", allow("sagemaker:InvokeEndpoint", **when("StringEquals", "aws:ResourceTag/tier", "0"))),
         role("b", allow("sagemaker:InvokeEndpoint", **when("StringEquals", "aws:ResourceTag/tier", "1")))], {"a": A, "b": D}),
}  # fmt: skip

UNKNOWNS = {
    "a policy that is not in the files may say anything": (
        "read", BUCKET, [bucket(), role("a"), attach("elsewhere", "a"), role("b", READ), attach("elsewhere", "b"), role("c")],
        {"a": C, "b": C, "c": D}),
    "a policy of AWS that is in the table": (
        "read", BUCKET,
        [bucket(), role("a"), attach("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", "a"),
         role("b"), attach("arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy", "b")], {"a": A, "b": D}),
    "a policy of AWS that is not in the table allows perhaps, and denies nothing": (
        "read", BUCKET,
        [bucket(), role("a"), attach("arn:aws:iam::aws:policy/SomethingNew", "a"),
         role("b", READ), attach("arn:aws:iam::aws:policy/SomethingNew", "b")], {"a": C, "b": A}),
    "somebody whom the files only name": (
        "read", BUCKET, [bucket(), ("aws_iam_role_policy", "x", {"role": "elsewhere", "policy": document(READ)})], {"role/elsewhere": C}),
    "a statement that AWS would refuse grants nothing for sure": (
        "read", BUCKET,
        [bucket(), role("both", {"Effect": "Allow", "Action": "s3:GetObject", "NotAction": "ec2:*", "Resource": "*"}),
         role("nothing", {"Effect": "Allow", "Action": "s3:GetObject"}), role("effect", {"Effect": "Perhaps", "Action": "*", "Resource": "*"}),
         role("who", {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"})],
        {"both": C, "nothing": C, "effect": C, "who": C}),
    "a wildcard within a principal, which AWS refuses": (
        "read", BUCKET, [bucket(to(f"arn:aws:iam::{US}:role/a*", "s3:GetObject", ALL)), role("ab"), role("b")], {"ab": C, "b": D}),
    "a session's name is chosen by who takes the role": (
        "read", BUCKET, [bucket(to(f"arn:aws:sts::{US}:assumed-role/a/run", "s3:GetObject", ALL)), role("a"), role("b")], {"a": C, "b": D}),
}  # fmt: skip

WAYS = {
    "a role that trusts a role by name": (
        "read", BUCKET, [bucket(), role("a", READ, trust=[role_arn("b")]), role("b"), role("c")], {"a": A, "b": A, "c": D}),
    "a role that trusts the account needs a right to take it": (
        "read", BUCKET, [bucket(), role("a", READ, trust=[ROOT]), user("u", allow("sts:AssumeRole", role_arn("a"))), user("v")],
        {"a": A, "u": A, "v": D}),
    "a right to take a role that does not trust": (
        "read", BUCKET, [bucket(), role("a", READ), user("u", allow("sts:AssumeRole"))], {"a": A, "u": D}),
    "a denial in the way": (
        "read", BUCKET, [bucket(), role("a", READ, trust=[user_arn("u")]), user("u", deny("sts:AssumeRole"))], {"a": A, "u": D}),
    "a trust with a condition": (
        "read", BUCKET,
        [bucket(), role("a", READ, trust=[{"Effect": "Allow", "Principal": {"AWS": user_arn("u")}, "Action": "sts:AssumeRole", **MFA}]), user("u")],
        {"a": A, "u": C}),
    "roles in a ring": (
        "read", BUCKET,
        [bucket(), role("a", trust=[role_arn("c")]), role("b", trust=[role_arn("a")]), role("c", READ, trust=[role_arn("b")]), role("d")],
        {"a": A, "b": A, "c": A, "d": D}),
    "a stranger who may take a role": (
        "read", BUCKET, [bucket(), role("a", READ, trust=[f"arn:aws:iam::{THEM}:root"])], {"a": A, f"arn:aws:iam::{THEM}:root": C}),
    "everybody may take a role": ("read", BUCKET, [bucket(), role("a", READ, trust=["*"]), role("b")], {"a": A, "b": A, "*": A}),
    "a trust that is written anew": (
        "read", BUCKET, [bucket(), role("a", READ), user("u", allow("iam:UpdateAssumeRolePolicy", role_arn("a")))], {"a": A, "u": A}),
    "a role passed to a job": (
        "read", BUCKET,
        [bucket(), *job(), user("u", passes("sagemaker"), allow("sagemaker:CreateTrainingJob")), user("v", passes("ec2"), allow("sagemaker:*")),
         user("w", allow("sagemaker:CreateTrainingJob")), user("x", passes())], {"job": A, "u": A, "v": D, "w": D, "x": D}),
    "a role passed to a service that it does not trust": (
        "read", BUCKET, [bucket(), *job("ec2"), user("u", passes(), allow("sagemaker:*"))], {"job": A, "u": D}),
    "jobs of other names than the policy has": (
        "read", BUCKET,
        [bucket(), *job(), user("u", passes(), allow("sagemaker:CreateTrainingJob", f"arn:aws:sagemaker:*:{US}:training-job/ml-*"))],
        {"job": A, "u": A}),
    "a function, a machine, a notebook, an endpoint, a stack": (
        "read", BUCKET,
        [bucket(), *job("lambda", "ec2", "sagemaker", "cloudformation"), user("f", passes(), allow(["lambda:CreateFunction", "lambda:InvokeFunction"])),
         user("f2", passes(), allow("lambda:CreateFunction")), user("m", passes(), allow("ec2:RunInstances")),
         user("n", passes(), allow(["sagemaker:CreateNotebookInstance", "sagemaker:CreatePresignedNotebookInstanceUrl"])),
         user("e", passes(), allow(["sagemaker:CreateModel", "sagemaker:CreateEndpoint*"])), user("s", passes(), allow("cloudformation:CreateStack"))],
        {"job": A, "f": A, "f2": D, "m": A, "n": A, "e": A, "s": A}),
    "a notebook that runs as the role": (
        "read", BUCKET,
        [bucket(), *job(), ("aws_sagemaker_notebook_instance", "n", {"name": "n", "role_arn": role_arn("job")}),
         user("u", allow("sagemaker:CreatePresignedNotebookInstanceUrl", f"arn:aws:sagemaker:eu-west-1:{US}:notebook-instance/n")),
         user("v", allow("sagemaker:CreatePresignedNotebookInstanceUrl", f"arn:aws:sagemaker:eu-west-1:{US}:notebook-instance/m"))],
        {"job": A, "u": A, "v": D}),
    "a domain whose people log in by IAM; one with single sign-on has no such links": (
        "read", BUCKET,
        [bucket(), *job(), ("aws_sagemaker_domain", "d", {"id": "d-1", "auth_mode": "IAM", "default_user_settings": [{"execution_role": role_arn("job")}]}),
         user("u", allow("sagemaker:CreatePresignedDomainUrl"))], {"job": A, "u": A}),
    "a domain with single sign-on": (
        "read", BUCKET,
        [bucket(), *job(), ("aws_sagemaker_domain", "d", {"id": "d-1", "auth_mode": "SSO", "default_user_settings": [{"execution_role": role_arn("job")}]}),
         user("u", allow("sagemaker:CreatePresignedDomainUrl"))], {"job": A, "u": D}),
    "a function given other code": (
        "read", BUCKET,
        [bucket(), *job("lambda"), ("aws_lambda_function", "f", {"function_name": "f", "role": role_arn("job")}),
         user("u", allow(["lambda:UpdateFunctionCode", "lambda:InvokeFunction"])), user("v", allow("lambda:UpdateFunctionCode"))],
        {"job": A, "u": A, "v": C}),
    "keys of another user": (
        "read", BUCKET, [bucket(), user("a", READ), user("u", allow("iam:CreateAccessKey", user_arn("a"))), user("v", allow("iam:CreateAccessKey", user_arn("v")))],
        {"a": A, "u": A, "v": D}),
}  # fmt: skip

CHANGES = {
    "the bucket's policy": (
        "read", BUCKET,
        [bucket(key=KEY), key(DELEGATED), user("u", allow("s3:PutBucketPolicy", WEIGHTS), DECRYPT), user("v", allow("s3:PutBucketPolicy", WEIGHTS))],
        {"u": A, "v": D}),
    "a bucket's policy that denies, taken away": (
        "read", BUCKET, [bucket(to("*", "s3:GetObject", ALL, effect="Deny")), user("u", READ, allow("s3:DeleteBucketPolicy", WEIGHTS)), user("v", READ)],
        {"u": A, "v": D}),
    "the key's policy": (
        "decrypt", CMK, [key(DELEGATED), user("u", allow("kms:PutKeyPolicy")), user("v", allow("kms:Put*", f"{KEY}2"))], {"u": A, "v": D}),
    "a grant, but not one that only services get": (
        "decrypt", CMK,
        [key(DELEGATED), user("u", allow("kms:CreateGrant", KEY)), user("v", allow("kms:CreateGrant", KEY, **when("Bool", "kms:GrantIsForAWSResource", "true"))),
         user("w", allow("kms:CreateGrant", KEY, **when("ForAllValues:StringEquals", "kms:GrantOperations", ["Encrypt"])))],
        {"u": A, "v": D, "w": D}),
    "one's own rights": (
        "read", BUCKET,
        [bucket(), user("u", allow("iam:PutUserPolicy", user_arn("u"))), user("v", allow("iam:AttachUserPolicy", user_arn("v"))),
         user("w", allow("iam:PutUserPolicy", user_arn("v"))), role("r", allow("iam:AttachRolePolicy", role_arn("r")))],
        {"u": A, "v": A, "w": D, "r": A}),
    "one's own rights, while a denial stays": (
        "read", BUCKET,
        [bucket(), managed("no", ONLY_ATTACH), user("u", allow("iam:AttachUserPolicy", user_arn("u"))),
         ("aws_iam_user_policy_attachment", "u", {"user": "u", "policy_arn": f"arn:aws:iam::{US}:policy/no"})], {"u": D}),
    "one's own rights, and with them the denial taken off": (
        "read", BUCKET,
        [bucket(), managed("no", deny("s3:*")), user("u", allow("iam:AttachUserPolicy", user_arn("u"))),
         ("aws_iam_user_policy_attachment", "u", {"user": "u", "policy_arn": f"arn:aws:iam::{US}:policy/no"})], {"u": A}),
    "only some policies may be attached": (
        "read", BUCKET,
        [bucket(), user("u", allow("iam:AttachUserPolicy", user_arn("u"), **when("ArnEquals", "iam:PolicyARN", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"))),
         user("v", allow("iam:AttachUserPolicy", user_arn("v"), **when("ArnEquals", "iam:PolicyARN", "arn:aws:iam::aws:policy/AmazonEC2FullAccess")))],
        {"u": A, "v": D}),
    "a policy that one has, with another content": (
        "read", BUCKET,
        [bucket(), managed("m", allow("iam:CreatePolicyVersion", f"arn:aws:iam::{US}:policy/m")), role("r"), attach("m", "r")], {"r": A}),
    "the rights of a group": (
        "read", BUCKET,
        [bucket(), ("aws_iam_group", "g", {"name": "g", "arn": f"arn:aws:iam::{US}:group/g"}),
         ("aws_iam_group_policy", "g", {"group": "g", "policy": document(READ)}), user("in"),
         ("aws_iam_user_group_membership", "m", {"user": "in", "groups": ["g"]}), user("out"),
         user("joins", allow("iam:AddUserToGroup", f"arn:aws:iam::{US}:group/g"))], {"in": A, "out": D, "joins": A}),
    "one's boundary taken off": (
        "read", BUCKET,
        [bucket(), managed("b", allow("iam:*")), role("r", READ, allow("iam:DeleteRolePermissionsBoundary", role_arn("r")), **WITHIN),
         role("s", READ, **WITHIN)], {"r": A, "s": D}),
    "rights for a role that one can take": (
        "read", BUCKET,
        [bucket(), role("empty", trust=[user_arn("u"), user_arn("x")]), user("u", allow("iam:PutRolePolicy", role_arn("empty"))), user("x")],
        {"empty": D, "u": A, "x": D}),
    "one role changes the bucket, another has the key": (
        "read", BUCKET,
        [bucket(key=KEY), key(DELEGATED), role("b", allow("s3:PutBucketPolicy", WEIGHTS), trust=[user_arn("u"), user_arn("v")]),
         role("k", DECRYPT, trust=[user_arn("u")]), user("u"), user("v")], {"b": D, "k": D, "u": A, "v": D}),
    "a user or role of one's own making": (
        "read", BUCKET,
        [bucket(), user("u", allow(["iam:CreateRole", "iam:AttachRolePolicy"])), user("v", allow(["iam:CreateUser", "iam:PutUserPolicy", "iam:CreateAccessKey"])),
         user("w", allow("iam:CreateRole"))], {"u": A, "v": A, "w": D}),
    "a role of one's own making stays within the boundary that it must have": (
        "read", BUCKET,
        [bucket(), managed("wide", allow("s3:*")), NARROW,
         user("u", allow(["iam:CreateRole", "iam:PutRolePolicy"], **when("StringEquals", "iam:PermissionsBoundary", f"arn:aws:iam::{US}:policy/wide"))),
         user("v", allow(["iam:CreateRole", "iam:PutRolePolicy"], **when("StringEquals", "iam:PermissionsBoundary", f"arn:aws:iam::{US}:policy/b")))],
        {"u": A, "v": D}),
}  # fmt: skip

ENDPOINT = ("aws_sagemaker_endpoint", "e", {"name": "e", "endpoint_config_name": "c"})
TRAIL = [
    ("aws_cloudtrail", "t", {"name": "t", "s3_bucket_name": "logs", "kms_key_id": KEY}),
    ("aws_s3_bucket", "logs", {"bucket": "logs"}),
]
E, T = "aws_sagemaker_endpoint.e", "aws_cloudtrail.t"
DEEDS = {
    "deploy is to change what the endpoint serves": (
        "deploy", E,
        [ENDPOINT, role("a", allow("sagemaker:UpdateEndpoint")), role("b", allow(["sagemaker:DeleteEndpoint", "sagemaker:CreateEndpoint"])),
         role("c", allow("sagemaker:CreateEndpoint")), role("d", allow("sagemaker:InvokeEndpoint"))], {"a": A, "b": A, "c": D, "d": D}),
    "update is also to shift its weights": (
        "update", E, [ENDPOINT, role("a", allow("sagemaker:UpdateEndpointWeightsAndCapacities")), role("b", allow("sagemaker:CreateModel"))],
        {"a": A, "b": D}),
    "infer is to call it": (
        "infer", E,
        [ENDPOINT, role("a", allow("sagemaker:InvokeEndpoint")), role("b", allow("sagemaker:InvokeEndpointAsync")), role("c", allow("sagemaker:Describe*"))],
        {"a": A, "b": C, "c": D}),
    "train is a job of one's own, as a role that reads the data": (
        "train", BUCKET,
        [bucket(), *job(), role("blind"), user("u", passes(), allow("sagemaker:CreateTrainingJob")),
         user("v", passes("", "blind"), allow("sagemaker:CreateTrainingJob")), user("w", passes())], {"job": D, "blind": D, "u": A, "v": D, "w": D}),
    "update a bucket is to replace what is in it": (
        "update", BUCKET, [bucket(), role("a", allow("s3:PutObject", ALL)), role("b", READ)], {"a": A, "b": D}),
    "export is to read and to write elsewhere, or to let others read": (
        "export", BUCKET,
        [bucket(), role("a", READ, allow("s3:PutObject")), role("b", READ, allow("s3:PutObject", ALL)), role("c", allow("s3:PutBucketPolicy", WEIGHTS)),
         role("d", allow("s3:PutObject"))], {"a": A, "b": D, "c": A, "d": D}),
    "stop-logs is to stop, delete or blind the trail": (
        "stop-logs", T,
        [*TRAIL, key(DELEGATED), *(role(n, allow(n.replace("_", ":"))) for n in ("cloudtrail_StopLogging", "cloudtrail_DeleteTrail", "cloudtrail_UpdateTrail",
         "cloudtrail_PutEventSelectors", "cloudtrail_DescribeTrails", "s3_PutBucketPolicy", "s3_GetObject", "kms_DisableKey"))],
        {"cloudtrail_StopLogging": A, "cloudtrail_DeleteTrail": A, "cloudtrail_UpdateTrail": A, "cloudtrail_PutEventSelectors": A,
         "cloudtrail_DescribeTrails": D, "s3_PutBucketPolicy": A, "s3_GetObject": D, "kms_DisableKey": A}),
    "admin is everything, or the way there": (
        "admin", BUCKET,
        [bucket(), role("all", allow("*"), trust=[ROOT]), role("mfa", allow("*", **MFA)), role("s3", allow("s3:*")),
         role("power", {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "sts:*"], "Resource": "*"}),
         role("taker", allow("sts:AssumeRole")), role("iam", allow("iam:*")), role("passer", allow(["iam:PassRole", "ec2:RunInstances"]))],
        {"all": A, "mfa": C, "s3": D, "power": D, "taker": A, "iam": A, "passer": D}),
    "manage-gpu is a shell on the machine, or another start": (
        "manage-gpu", "aws_instance.i",
        [("aws_instance", "i", {"id": "i-1", "arn": f"arn:aws:ec2:eu-west-1:{US}:instance/i-1"}), role("a", allow("ssm:StartSession")),
         role("b", allow("ec2:ModifyInstanceAttribute", f"arn:aws:ec2:eu-west-1:{US}:instance/i-1")), role("c", allow("ec2:Describe*"))],
        {"a": A, "b": A, "c": D}),
    "read an image is to pull it": (
        "read", "aws_ecr_repository.r",
        [("aws_ecr_repository", "r", {"name": "r"}), role("a", allow(["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"])), role("b", allow("ecr:BatchGetImage"))],
        {"a": A, "b": D}),
    "read an object by its own name": (
        "read", "aws_s3_object.o",
        [bucket(), ("aws_s3_object", "o", {"bucket": "weights", "key": "m/x.bin"}), role("a", allow("s3:GetObject", f"{WEIGHTS}/m/*")),
         role("b", allow("s3:GetObject", f"{WEIGHTS}/n/*"))], {"a": A, "b": D}),
    "a cluster's own list of who may enter": (
        "deploy", "aws_eks_cluster.c",
        [("aws_eks_cluster", "c", {"name": "c"}), role("a"), role("b"),
         ("aws_eks_access_policy_association", "a", {"cluster_name": "c", "principal_arn": role_arn("a"),
          "policy_arn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy", "access_scope": [{"type": "cluster"}]}),
         role("self", allow(["eks:CreateAccessEntry", "eks:AssociateAccessPolicy"]))], {"a": A, "b": D, "self": A}),
}  # fmt: skip

TABLES = {**DIRECT, **KEYS, **LIMITS, **CONDITIONS, **UNKNOWNS, **WAYS, **CHANGES, **DEEDS}


@pytest.mark.parametrize("case", TABLES.values(), ids=TABLES.keys())
def test_the_verdict_of_every_principal(case: tuple[str, str, list[object], dict[str, str]]) -> None:
    """Each account has one rule or one way in it, and its principals get what AWS gives them."""
    deed, asset, resources, expected = case
    assert verdicts(deed, asset, *resources) == expected  # type: ignore[arg-type]


def test_the_way_is_the_shortest_and_cites_its_statements() -> None:
    """Of two ways the one with fewer steps is told, with who makes which request and which statements let it through."""
    found = who_can(
        "read", BUCKET, bucket(), role("far", trust=[user_arn("u")]), role("near", READ, trust=[user_arn("u"), role_arn("far")]),
        user("u"),
    )  # fmt: skip
    steps = held(found, "aws_iam_user.u").path
    assert [(s.who, s.action, s.on, s.leads_to) for s in steps] == [
        ("aws_iam_user.u", "sts:AssumeRole", "aws_iam_role.near", "aws_iam_role.near"),
        ("aws_iam_role.near", "s3:GetObject", f"{WEIGHTS}/*", ""),
    ]
    assert [s.by for s in steps] == [("trust of aws_iam_role.near[1]",), ("aws_iam_role_policy.near[1]",)]


def test_a_way_of_several_at_once_tells_every_step_that_it_needs() -> None:
    """One role changes the bucket's policy, another opens the key: both are taken, and nothing else is told."""
    found = who_can(
        "read", BUCKET, bucket(key=KEY), key(DELEGATED), role("b", allow("s3:PutBucketPolicy", WEIGHTS), trust=[user_arn("u")]),
        role("k", DECRYPT, trust=[user_arn("u")]), role("spare", trust=[user_arn("u")]), user("u"),
    )  # fmt: skip
    steps = held(found, "aws_iam_user.u").path
    assert {(s.who, s.action) for s in steps} == {
        ("aws_iam_user.u", "sts:AssumeRole"),
        ("aws_iam_role.b", "s3:PutBucketPolicy"),
        ("aws_iam_role.k", "s3:GetObject + kms:Decrypt"),
    }
    assert {s.leads_to for s in steps if s.action == "sts:AssumeRole"} == {"aws_iam_role.b", "aws_iam_role.k"}
    assert steps[-1].action == "s3:GetObject + kms:Decrypt"


def test_a_conditional_lists_what_it_depends_on() -> None:
    """Context keys with their operators and values, and documents that are not in the files, by name."""
    found = who_can(
        "read", BUCKET, bucket(), role("a", allow("s3:GetObject", ALL, **MFA)), role("b"), attach("elsewhere", "b")
    )
    assert held(found, "aws_iam_role.a").depends_on == ("aws:multifactorauthpresent Bool true",)
    assert "elsewhere is not in these files" in held(found, "aws_iam_role.b").depends_on[0]


def test_a_denial_cites_what_stands_against_it() -> None:
    """The denying statement where there is one; else that nothing allows the request."""
    found = who_can(
        "read", BUCKET, bucket(), role("a", READ, deny("s3:*")), role("b"), NARROW, role("c", READ, **WITHIN)
    )
    assert held(found, "aws_iam_role.a").denied_by == ("aws_iam_role_policy.a[2]",)
    assert held(found, "aws_iam_role.b").denied_by == (f"nothing allows s3:GetObject on {WEIGHTS}/*",)
    assert held(found, "aws_iam_role.c").denied_by == ("aws_iam_policy.b does not allow it",)


def test_a_question_that_does_not_arise_is_refused() -> None:
    """Nobody infers from a bucket; the message says which deeds arise for it."""
    with pytest.raises(BadUsage, match="does not arise, wanted train, update, read, export"):
        verdicts("infer", BUCKET, bucket())


def test_an_asset_that_is_not_there_is_refused() -> None:
    """A name close to one that is there is offered."""
    with pytest.raises(NotFound) as refused:
        verdicts("read", "aws_s3_bucket.weight", bucket())
    assert refused.value.hint == "did you mean aws_s3_bucket.weights"
