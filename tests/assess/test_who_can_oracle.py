"""Small AWS accounts made by chance: the product and a brute-force oracle of its own agree on every principal."""

import json
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from who_accounts import Resource, verdicts
from who_oracle import BUCKET, KEY, ROOT, THEM, US, Account, Being, Policy, Rule
from who_oracle import verdicts as told

CASES = 12_000 if os.getenv("STRONGROOM_FUZZ") else 300
ROLES, USERS, MANAGED = ("r1", "r2", "r3"), ("u1", "u2"), ("m1", "m2")
ARNS = [f"arn:aws:iam::{US}:role/{n}" for n in ROLES] + [f"arn:aws:iam::{US}:user/{n}" for n in USERS]
POLICIES = [f"arn:aws:iam::{US}:policy/{n}" for n in MANAGED]
ACTIONS = [
    *("*", "s3:*", "s3:Get*", "s3:GetObject", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "kms:*", "kms:Decrypt"),
    *("kms:PutKeyPolicy", "kms:CreateGrant", "sts:AssumeRole", "iam:*", "iam:PassRole", "iam:PutRolePolicy"),
    *("iam:PutUserPolicy", "iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:CreatePolicyVersion"),
    *("iam:SetDefaultPolicyVersion", "iam:CreateAccessKey", "iam:DeleteRolePermissionsBoundary", "iam:Detach*"),
    *(
        "iam:DeleteUserPolicy",
        "iam:CreateRole",
        "iam:CreateUser",
        "sagemaker:*",
        "sagemaker:CreateTrainingJob",
        "ec2:*",
    ),
]
RESOURCES = [
    *("*", f"{BUCKET}/*", f"{BUCKET}/m/*", f"{BUCKET}/a", BUCKET, f"{BUCKET}*", KEY, "arn:aws:kms:*", *ARNS, *POLICIES),
    *(f"arn:aws:iam::{US}:role/*", f"arn:aws:iam::{US}:user/u?", "arn:aws:iam::*:role/r1", "arn:aws:s3:::other/*"),
]  # fmt: skip
CONDITIONS: list[tuple[str, str, str] | None] = [
    *([None] * 8),
    ("Bool", "aws:MultiFactorAuthPresent", "true"),
    ("StringEquals", "acme:project", "x"),
    ("StringEquals", "aws:PrincipalAccount", US),
    ("StringEquals", "aws:PrincipalAccount", THEM),
    ("StringNotEquals", "aws:PrincipalAccount", US),
    ("Bool", "aws:SecureTransport", "false"),
    ("StringEquals", "aws:PrincipalTag/team", "ml"),
    ("StringNotEquals", "aws:PrincipalTag/team", "ml"),
    ("Null", "aws:PrincipalTag/team", "true"),
    ("StringEqualsIfExists", "aws:PrincipalTag/team", "ml"),
    ("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{US}:role/r*"),
]
few = st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=3).map(tuple)
places = st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=2).map(tuple)
effects = st.sampled_from(["Allow", "Allow", "Allow", "Deny"])


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """A statement of an identity's policy."""
    negated = draw(st.sampled_from(["", "", "", "", "actions", "resources"]))
    acts, on = draw(few), draw(places)
    return Rule(
        draw(effects),
        () if negated == "actions" else acts,
        acts if negated == "actions" else (),
        () if negated == "resources" else on,
        on if negated == "resources" else (),
        condition=draw(st.sampled_from(CONDITIONS)),
    )


policies = st.lists(rules(), min_size=1, max_size=3).map(tuple)
people = st.lists(st.sampled_from([*ARNS, *ARNS, ROOT, "*"]), min_size=1, max_size=2, unique=True).map(tuple)


@st.composite
def of_bucket(draw: st.DrawFn) -> Policy:
    """A bucket's policy."""
    out = []
    for _ in range(draw(st.integers(1, 2))):
        who, denied = draw(people), draw(st.booleans())
        others = draw(st.integers(0, 7)) == 0
        acts = draw(st.sampled_from([("s3:GetObject",), ("s3:*",), ("s3:GetObject", "s3:PutBucketPolicy")]))
        on = draw(st.sampled_from([(f"{BUCKET}/*", BUCKET), (f"{BUCKET}/*",), (f"{BUCKET}/m/*",)]))
        effect = "Deny" if denied and (others or who != ("*",)) else "Allow"
        rule = Rule(effect, acts, resources=on, condition=draw(st.sampled_from(CONDITIONS)))
        excluded = tuple(w for w in who if w.startswith("arn") and w != ROOT)
        out.append(
            Rule(rule.effect, acts, resources=on, not_principals=(*excluded, ROOT), condition=rule.condition)
            if others and excluded
            else Rule(rule.effect, acts, resources=on, principals=who, condition=rule.condition)
        )
    return tuple(out)


@st.composite
def of_key(draw: st.DrawFn) -> Policy:
    """A key's policy: left to the account or not, and more."""
    out = []
    if draw(st.integers(0, 2)):
        left = draw(st.sampled_from([("kms:*",), ("kms:*",), ("kms:Put*", "kms:Describe*")]))
        out.append(Rule("Allow", left, resources=("*",), principals=(ROOT,)))
    acts = draw(st.sampled_from([("kms:Decrypt",), ("kms:*",), ("kms:CreateGrant",), ("kms:PutKeyPolicy",)]))
    condition = draw(st.sampled_from(CONDITIONS))
    out.append(Rule(draw(effects), acts, resources=("*",), principals=draw(people), condition=condition))
    return tuple(out)


@st.composite
def trusts(draw: st.DrawFn) -> Policy:
    """A role's trust."""
    out = []
    for _ in range(draw(st.integers(0, 2))):
        who = draw(st.one_of(people.filter(lambda p: "*" not in p), st.just(("Service:sagemaker.amazonaws.com",))))
        effect = "Allow" if draw(st.integers(0, 7)) else "Deny"
        out.append(Rule(effect, ("sts:AssumeRole",), principals=who, condition=draw(st.sampled_from(CONDITIONS))))
    return tuple(out)


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    """A small account."""
    beings = []
    for name in (*ROLES[: draw(st.integers(1, 3))], *USERS[: draw(st.integers(1, 2))]):
        kind = "role" if name in ROLES else "user"
        beings.append(
            Being(
                kind,
                name,
                draw(st.one_of(st.none(), policies)),
                tuple(draw(st.lists(st.sampled_from(MANAGED), max_size=1))),
                draw(st.sampled_from([None, None, None, "m1", "m2"])),
                draw(trusts()) if kind == "role" else (),
                draw(st.sampled_from([(), (("team", "ml"),)])),
            )
        )
    return Account(
        tuple(beings),
        {n: draw(policies) for n in MANAGED},
        draw(st.one_of(st.none(), of_bucket())),
        draw(st.one_of(st.none(), of_key())),
        draw(st.one_of(st.none(), st.none(), policies.map(lambda p: tuple(r for r in p if r.effect == "Deny")))),
    )


def statement(rule: Rule) -> dict[str, object]:
    """A rule in the grammar of policies."""
    out: dict[str, object] = {"Effect": rule.effect}
    for name, values in (("Action", rule.actions), ("NotAction", rule.not_actions), ("Resource", rule.resources)):
        if values:
            out[name] = list(values) if len(values) > 1 else values[0]
    if rule.not_resources:
        out["NotResource"] = list(rule.not_resources)
    for name, who in (("Principal", rule.principals), ("NotPrincipal", rule.not_principals)):
        if who is not None:
            service = [p.removeprefix("Service:") for p in who if p.startswith("Service:")]
            aws = [p for p in who if not p.startswith("Service:")]
            out[name] = {**({"AWS": aws} if aws else {}), **({"Service": service} if service else {})}
    if rule.condition is not None:
        operator, key, value = rule.condition
        out["Condition"] = {operator: {key: value}}
    return out


def text(policy: Policy) -> str:
    """A policy as JSON."""
    return json.dumps({"Statement": [statement(r) for r in policy]})


def written(account: Account) -> list[Resource]:
    """The account as resources of a plan."""
    out: list[Resource] = [("aws_s3_bucket", "weights", {"bucket": "weights", "arn": BUCKET})]
    if account.bucket is not None:
        out.append(("aws_s3_bucket_policy", "w", {"bucket": "weights", "policy": text(account.bucket)}))
    if account.key is not None:
        rule = {"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms", "kms_master_key_id": KEY}]}
        native = "aws_s3_bucket_server_side_encryption_configuration"
        out.append((native, "w", {"bucket": "weights", "rule": [rule]}))
        out.append(("aws_kms_key", "k", {"arn": KEY, "key_id": "k", "policy": text(account.key)}))
    for name, policy in account.managed.items():
        arn = f"arn:aws:iam::{US}:policy/{name}"
        out.append(("aws_iam_policy", name, {"name": name, "arn": arn, "policy": text(policy)}))
    if account.scp is not None:
        out.append(("aws_organizations_policy", "s", {"name": "s", "content": text(account.scp), "id": "p-s"}))
        out.append(("aws_organizations_policy_attachment", "s", {"policy_id": "p-s", "target_id": US}))
    for b in account.beings:
        out += _being(b)
    return out


def _being(b: Being) -> list[Resource]:
    values: dict[str, object] = {"name": b.name, "arn": b.arn, "tags": dict(b.tags)}
    if b.boundary is not None:
        values["permissions_boundary"] = f"arn:aws:iam::{US}:policy/{b.boundary}"
    if b.kind == "role":
        values["assume_role_policy"] = text(b.trust)
    out: list[Resource] = [(f"aws_iam_{b.kind}", b.name, values)]
    if b.inline is not None:
        out.append((f"aws_iam_{b.kind}_policy", b.name, {b.kind: b.name, "policy": text(b.inline)}))
    for n in b.attached:
        arn = f"arn:aws:iam::{US}:policy/{n}"
        out.append((f"aws_iam_{b.kind}_policy_attachment", f"{b.name}_{n}", {b.kind: b.name, "policy_arn": arn}))
    return out


@settings(max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(accounts())
def test_fuzz_the_oracle_agrees(account: Account) -> None:
    """Whatever stands in an account, every principal has the verdict that trying every request gives him."""
    found = verdicts("read", "aws_s3_bucket.weights", *written(account))
    assert {n: v for n, v in found.items() if n in {b.name for b in account.beings}} == told(account)
