"""Key policies: use without attestation, and administration beside use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.key_policy import USE, both_roles, is_root, measured, unattested_use
from strongroom.model.codes import GapCode
from strongroom.model.values import Condition, Statement, Unknown

LOST = Unknown(GapCode.UNDECIDED, "a variable has no value")
IMAGE = "kms:recipientattestation:imagesha384"
hexes = st.text("0123456789abcdef", min_size=96, max_size=96)


def use(*actions: str, when: Condition | None = None, who: str = "AWS:arn:aws:iam::111122223333:role/w") -> Statement:
    """A statement that lets a role use the key."""
    return Statement("allow", (who,), actions=actions, resources=("*",), conditions=(when,) if when else ())


@given(hexes, st.sampled_from(["StringEquals", "StringEqualsIgnoreCase", "StringLike", "ForAnyValue:StringEquals"]))
def test_a_measurement_is_concrete_unless_it_is_zero(value: str, operator: str) -> None:
    """Any value but zeros measures something, by whichever operator asks for it."""
    assert measured(use("kms:decrypt", when=Condition(operator, IMAGE, (value,)))) is bool(value.strip("0"))


@given(hexes, st.sampled_from(["StringEqualsIfExists", "ForAllValues:StringEquals", "StringNotEquals", "Null", "Bool"]))
def test_operators_that_hold_without_attestation(value: str, operator: str) -> None:
    """What is true of a request without attestation measures nothing."""
    assert measured(use("kms:decrypt", when=Condition(operator, IMAGE, (value,)))) is False


@pytest.mark.parametrize(
    ("key", "counts"),
    [
        ("kms:recipientattestation:pcr0", True),
        ("kms:recipientattestation:pcr8", True),
        ("kms:recipientattestation:pcr3", False),
        ("kms:recipientattestation:pcr4", False),
        ("kms:recipientattestation:nitrotpmpcr4", True),
        ("kms:recipientattestation:nitrotpmpcr12", True),
        ("kms:encryptioncontext:pcr0", False),
        ("aws:principaltag/imagesha384", False),
    ],
)
def test_what_measures_code(key: str, counts: bool) -> None:
    """The role and the instance around an enclave (PCR 3 and 4) say nothing of what runs in it."""
    assert measured(use("kms:decrypt", when=Condition("StringEquals", key, ("ab" * 48,)))) is counts


@given(st.permutations(USE), st.lists(hexes, min_size=1, max_size=2))
def test_one_free_statement_is_enough(actions: list[str], values: list[str]) -> None:
    """A statement without a measurement opens the key, beside however many with one."""
    bound = Condition("StringEquals", IMAGE, tuple(v.replace("0", "1") for v in values))
    attested = tuple(use(a, when=bound) for a in actions)
    assert unattested_use(attested) is False
    assert unattested_use((*attested, use(actions[0]))) == actions[0]


def test_a_deny_for_everybody_closes_what_is_open() -> None:
    """A Deny of what is not measured stands above every Allow; one that is not known is not relied on."""
    refused = Condition("StringNotEqualsIgnoreCase", IMAGE, ("ab" * 48,))
    deny = Statement("deny", ("*",), actions=USE, resources=("*",), conditions=(refused,))
    assert unattested_use((use("kms:*"), deny)) is False
    assert unattested_use((use("kms:*"), LOST)) == "kms:decrypt"
    assert isinstance(unattested_use((use("kms:encrypt"), LOST)), Unknown)
    assert isinstance(
        unattested_use((use("kms:decrypt", when=Condition("StringEquals", IMAGE, ("${var.x}",))),)), Unknown
    )


def test_a_statement_without_principals_gives_nothing() -> None:
    """A key policy's statement names its principals, or it names nobody."""
    assert unattested_use((Statement("allow", actions=("kms:*",), resources=("*",)),)) is False


@pytest.mark.parametrize(
    ("principal", "root"),
    [
        ("AWS:111122223333", True),
        ("AWS:arn:aws:iam::111122223333:root", True),
        ("AWS:arn:aws-us-gov:iam::${data.aws_caller_identity.me.account_id}:root", True),
        ("AWS:${data.aws_caller_identity.me.account_id}", True),
        ("AWS:arn:aws:iam::111122223333:role/root", False),
        ("*", False),
    ],
)
def test_an_account_as_a_whole(principal: str, root: bool) -> None:
    """An account is written by its number or as its root."""
    assert is_root(principal) is root


def test_both_roles_over_several_statements() -> None:
    """A principal gets both roles by one statement or by two; the account and services are left to IAM."""
    admin, worker = "AWS:arn:aws:iam::111122223333:role/a", "AWS:arn:aws:iam::111122223333:role/w"
    assert both_roles((use("kms:put*", who=admin), use("kms:decrypt", who=worker))) is False
    assert both_roles((use("kms:put*", who=admin), use("kms:generatedatakey*", who=admin))) == admin
    assert both_roles((use("kms:*", who="AWS:arn:aws:iam::111122223333:root"),)) is False
    assert both_roles((use("kms:*", who="Service:logs.amazonaws.com"),)) is False
    assert isinstance(both_roles((use("kms:put*", who=admin), LOST)), Unknown)
