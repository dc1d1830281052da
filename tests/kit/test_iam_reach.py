"""What statements add up to: anybody, everything, a whole service, a way to more rights; unknown stays unknown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.iam_reach import (
    DATA_READS,
    ESCALATIONS,
    FIXING_KEYS,
    accounts,
    all_of_a_kind,
    anybody,
    escalates,
    grants,
    hidden,
    public,
    reads_data,
    star,
    whole_service,
)
from strongroom.kit.kleene import Tri
from strongroom.model.codes import GapCode
from strongroom.model.values import Condition, Statement, Unknown

LOST = Unknown(GapCode.UNDECIDED, "a variable has no value")
names = st.text("abcdefgh-", min_size=1, max_size=8)


def allow(*actions: str, on: str = "*", when: tuple[Condition, ...] = ()) -> Statement:
    """A statement of an identity's policy."""
    return Statement("allow", actions=actions, resources=(on,), conditions=when)


def deny(*actions: str, on: str = "*") -> Statement:
    """A statement that takes something back."""
    return Statement("deny", actions=actions, resources=(on,))


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("*", True),
        ("arn:aws:s3:::b", True),
        ("${aws_iam_role.r}", True),
        ("${aws_iam_role.r.arn}", True),
        ("${data.aws_caller_identity.me.account_id}", True),
        ('${aws_s3_bucket.b["x"].arn}', True),
        ("${aws:username}", True),
        ("arn:aws:iam::${var.account}:root", True),
        ("${var.x}", False),
        ("${local.x}", False),
        ("${each.value}", False),
        ("${module.m.arn}", False),
        ("${variable x has no value}", False),
        ("${var.a ? 1 : 2}", False),
    ],
)
def test_what_may_be_anything(text: str, known: bool) -> None:
    """A reference to a block is some resource; a variable, or a whole that is not known, may be a wildcard."""
    assert (hidden(text) is None) is known


@pytest.mark.parametrize(
    ("resource", "wide"),
    [
        ("*", True),
        ("arn:aws:s3:::*", True),
        ("arn:aws:s3:::*/*", True),
        ("arn:aws:s3:::bucket/*", False),
        ("arn:aws:iam::111122223333:role/*", True),
        ("arn:aws:iam::*:user/${aws:username}", False),
        ("arn:aws:iam::111122223333:role/team-*", False),
        ("arn:aws:secretsmanager:*:*:secret:*", True),
        ("arn:aws:kms:eu-west-1:111122223333:key/1", False),
        ("bucket", False),
        ("${aws_s3_bucket.b}", False),
    ],
)
def test_all_of_a_kind(resource: str, wide: bool) -> None:
    """A kind as a whole is a wildcard for everything below it; S3 has no kinds, only buckets."""
    assert all_of_a_kind(resource) is wide


@pytest.mark.parametrize(
    ("operator", "key", "values", "closed"),
    [
        ("StringEquals", "aws:principalorgid", ("o-1",), True),
        ("StringLike", "aws:principalarn", ("arn:aws:iam::111122223333:role/*",), True),
        ("StringLike", "aws:principalarn", ("arn:aws:iam::*:role/x",), False),
        ("StringLike", "aws:sourcevpce", ("vpce-*",), False),
        ("IpAddress", "aws:sourceip", ("198.51.100.0/24",), True),
        ("IpAddress", "aws:sourceip", ("198.51.100.0/24", "0.0.0.0/0"), False),
        ("IpAddress", "aws:sourceip", ("0.0.0.0/1",), False),
        ("StringEqualsIfExists", "aws:principalorgid", ("o-1",), False),
        ("ForAllValues:StringEquals", "aws:principalorgpaths", ("o-1/r",), False),
        ("ForAnyValue:StringEquals", "aws:principalorgpaths", ("o-1/r",), True),
        ("StringNotEquals", "aws:principalorgid", ("o-1",), False),
        ("StringEquals", "aws:principalaccount", ("${aws:PrincipalAccount}",), False),
        ("StringLike", "aws:referer", ("https://example.org/*",), False),
        ("Bool", "aws:securetransport", ("true",), False),
        ("StringEquals", "aws:principalorgid", (), False),
    ],
)
def test_conditions_that_keep_the_public_out(operator: str, key: str, values: tuple[str, ...], closed: bool) -> None:
    """Only a condition that fixes who or from where closes a statement for everybody."""
    s = Statement(
        "allow", ("*",), actions=("s3:getobject",), resources=("*",), conditions=(Condition(operator, key, values),)
    )
    assert public(s) is not closed


def test_who_is_anybody() -> None:
    """A wildcard among others, and everybody but some, is anybody; a variable may be; a role is not."""
    assert anybody(Statement("allow", ("AWS:arn:aws:iam::1:role/r", "*"))) is True
    assert anybody(Statement("allow", not_principals=("AWS:x",))) is True
    assert anybody(Statement("allow", ("AWS:${aws_iam_role.r.arn}",))) is False
    assert isinstance(anybody(Statement("allow", ("AWS:${var.who}",))), Unknown)
    assert public(Statement("deny", ("*",))) is False


def test_stars_and_services() -> None:
    """A wildcard for everything is more than one for a service, which is more than one for some actions."""
    assert star(allow("*")) is True
    assert star(allow("s3:*")) is False
    assert [whole_service(allow(a), "s3") for a in ("s3:*", "s3*", "*", "s3:get*", "ec2:*")] == [True] * 3 + [False] * 2
    assert isinstance(star(allow("${var.action}")), Unknown)


def test_a_deny_takes_back() -> None:
    """A Deny without a condition takes an action back; a narrower one does not."""
    assert grants((allow("iam:*"),), "iam:passrole") is True
    assert grants((allow("iam:*"), deny("iam:passrole")), "iam:passrole") is False
    assert grants((allow("iam:*"), deny("iam:passrole", on="arn:aws:iam::111122223333:role/x")), "iam:passrole") is True


def test_statements_of_a_resource_are_no_identity() -> None:
    """A statement with a principal belongs to a resource's policy and gives its reader nothing."""
    assert grants((Statement("allow", ("*",), actions=("*",), resources=("*",)),), "s3:getobject") is False


@given(st.sampled_from(ESCALATIONS))
def test_every_way_up_is_seen(actions: tuple[str, ...]) -> None:
    """A policy with all the actions of a way to more rights is seen to have one; without any of them it has none."""
    assert isinstance(escalates(tuple(allow(a) for a in actions)), tuple)
    assert escalates((allow("s3:getobject", "ec2:describeinstances"),)) is False


@given(st.sampled_from([e for e in ESCALATIONS if len(e) > 1]), st.data())
def test_a_way_up_needs_all_its_steps(actions: tuple[str, ...], data: st.DataObject) -> None:
    """With one step missing, what is left is a way up only if it is one on its own."""
    left = tuple(a for a in actions if a != data.draw(st.sampled_from(actions)))
    alone = any(set(e) <= set(left) for e in ESCALATIONS)
    assert isinstance(escalates((allow(*left),)), tuple) is alone


@given(st.sampled_from(DATA_READS), names)
def test_reads_of_one_store_are_no_reads_of_all(action: str, name: str) -> None:
    """A read on everything is told; one that names a resource is not."""
    assert reads_data((allow(action),)) == (action,)
    assert reads_data((allow(action, on=f"arn:aws:x:r:111122223333:thing-{name}"),)) is False


@given(st.lists(st.sampled_from(["iam:*", "s3:getobject", "*", "ec2:*"]), max_size=3), st.booleans())
def test_what_is_not_known_never_closes(actions: list[str], first: bool) -> None:
    """Adding a statement that is not known never turns a yes into a no, nor leaves a no a no."""
    known = tuple(allow(a) for a in actions)
    with_doubt = (LOST, *known) if first else (*known, LOST)
    before: Tri = grants(known, "iam:passrole")
    after = grants(with_doubt, "iam:passrole")
    assert after is True if before is True else isinstance(after, Unknown)


@given(st.sampled_from(sorted(FIXING_KEYS)), names)
def test_a_fixed_value_of_a_fixing_key_closes(key: str, value: str) -> None:
    """Every key that says who or from where closes a statement, whatever the value, so long as it is literal."""
    s = Statement("allow", ("*",), conditions=(Condition("StringEquals", key, (value,)),))
    assert public(s) is False


def test_account_numbers() -> None:
    """The numbers of accounts are found in their two forms, once each, and nowhere else."""
    found = (
        "AWS:111122223333",
        "AWS:arn:aws:iam::444455556666:role/x",
        "AWS:arn:aws:iam::111122223333:root",
        "Service:s3.amazonaws.com",
        "AWS:${x}",
    )
    assert accounts(found) == ("111122223333", "444455556666")
