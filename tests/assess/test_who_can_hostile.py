"""Accounts that are large, in rings, or of shapes that AWS would refuse: an answer for everybody, soon, and never a fault."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from who_accounts import (
    DELEGATED,
    KEY,
    ROOT,
    US,
    WEIGHTS,
    allow,
    bucket,
    deny,
    key,
    managed,
    role,
    role_arn,
    to,
    user,
    verdicts,
    who_can,
)

from strongroom.assess.identity import aws_search

BUCKET = "aws_s3_bucket.weights"
ALL = f"{WEIGHTS}/*"


def test_twenty_thousand_statements_for_one_role() -> None:
    """The one statement that counts is found among those that name other objects."""
    many = [allow("s3:GetObject", f"arn:aws:s3:::other/{n}/*") for n in range(20_000)]
    found = verdicts(
        "read", BUCKET, bucket(), role("a", *many), role("b", *many, allow("s3:GetObject", f"{WEIGHTS}/x"))
    )
    assert found == {"a": "DENY", "b": "ALLOW"}


def test_twenty_thousand_parts_that_are_all_denied() -> None:
    """No more than a bounded number of objects is tried one by one."""
    many = [allow("s3:GetObject", f"{WEIGHTS}/{n}/*") for n in range(20_000)]
    assert verdicts("read", BUCKET, bucket(), role("a", *many, deny("*", ALL))) == {"a": "DENY"}


def test_thousands_of_roles_in_a_ring() -> None:
    """Each takes the next, and one reads: all of them do, and nobody is asked twice."""
    size = 1_500
    ring = [role(f"r{n}", trust=[role_arn(f"r{(n + 1) % size}")]) for n in range(1, size)]
    found = verdicts("read", BUCKET, bucket(), role("r0", allow("s3:GetObject", ALL), trust=[role_arn("r1")]), *ring)
    assert len(found) == size
    assert set(found.values()) == {"ALLOW"}


def test_thousands_of_roles_that_may_take_any_other() -> None:
    """A right to everything, where the trusts and one denial for all leave nothing to reach."""
    size = 700
    wide = [role(f"r{n}", allow(["sts:AssumeRole", "iam:PassRole"]), trust=[ROOT]) for n in range(size)]
    found = verdicts(
        "read", BUCKET, bucket(to("*", "s3:*", [ALL, WEIGHTS], effect="Deny")), *wide, user("u", allow("s3:*"))
    )
    assert set(found.values()) == {"DENY"}


def test_too_many_ways_are_no_denial(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a bound on the work leaves open is conditional, and says so."""
    monkeypatch.setattr(aws_search, "MOST_ASKED", 10)
    others = [
        role(f"r{n}", allow("iam:PutRolePolicy", role_arn("r0")), trust=[role_arn(f"r{n + 1}")]) for n in range(1, 12)
    ]
    target = role("r0", trust=[role_arn("r1"), role_arn("r9")])
    found = who_can("read", BUCKET, bucket(), target, *others, user("u", deny("*")))
    left = [h for h in found.held if h.depends_on == ("there are too many ways to follow them all",)]
    assert left
    assert {h.verdict.value for h in left} == {"CONDITIONAL"}


def test_a_wildcard_that_could_be_slow_is_not() -> None:
    """Stars in a row are one star, for the matching and for the search of an example."""
    slow = f"{WEIGHTS}/" + "*a" * 40 + "*"
    assert verdicts(
        "read", BUCKET, bucket(), role("a", allow("s3:GetObject", "*" * 200 + "b"), allow("s3:GetObject", slow))
    ) == {"a": "ALLOW"}


@pytest.mark.parametrize(
    "principal",
    ["*", {"AWS": "*"}, {"AWS": [US]}, {"AWS": ROOT}, {"AWS": []}, {"AWS": 7}, {"Service": []}, {"Federated": "x"}, {"CanonicalUser": "0" * 64},
     {"AWS": ["*", {"a": 1}]}, [], "nobody", {"AWS": "AIDA1234567890EXAMPLE"}, {"Odd": "x"}, None, {"AWS": "arn:aws:iam::1:root"},
     {"AWS": f"arn:aws:iam::{US}:role/a/b/c"}, {"AWS": f"arn:aws:sts::{US}:assumed-role/a/s"}, {"AWS": "arn:::::"}],
)  # fmt: skip
@pytest.mark.parametrize("name", ["Principal", "NotPrincipal"])
def test_every_shape_of_principal_has_an_answer(principal: object, name: str) -> None:
    """In a bucket's policy, a key's and a trust; whatever it is, an administrator stays one."""
    odd = {"Effect": "Allow", name: principal, "Action": ["s3:*", "kms:*", "sts:AssumeRole"], "Resource": "*"}
    trust = {"Effect": "Allow", name: principal, "Action": "sts:AssumeRole"}
    found = verdicts(
        "read", BUCKET, bucket(odd, key=KEY), key(DELEGATED, odd), role("a", trust=[trust]), role("admin", allow("*"))
    )
    assert found["admin"] == ("ALLOW" if principal is not None else "CONDITIONAL")  # null is a value that is not known
    assert found["a"] in {"ALLOW", "DENY", "CONDITIONAL"}


SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "*", "s3:*", "s3:GetObject", "Allow", "Deny", "${", "${x}", "arn:", ALL, "a:b:c", "?"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["AWS", "Service", "StringEquals", "x", "aws:SourceIp"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
ELEMENTS = ("Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition", "Sid")


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(ELEMENTS), SHAPES, max_size=6))
def test_hostile_statements_end_in_a_verdict(statement: dict[str, object]) -> None:
    """A statement of any shape, as an identity's and as a bucket's: it may leave doubts, and breaks nothing."""
    odd = [("aws_iam_role_policy", "odd", {"role": "a", "policy": json.dumps({"Statement": statement})}),
           ("aws_s3_bucket_policy", "odd", {"bucket": "weights", "policy": json.dumps({"Statement": [statement]})})]  # fmt: skip
    found = verdicts(
        "read", BUCKET, bucket(), role("a"), role("b", allow("s3:GetObject", ALL)), managed("m", statement), odd
    )
    assert set(found.values()) <= {"ALLOW", "DENY", "CONDITIONAL"}
    assert {"a", "b"} <= set(found)
