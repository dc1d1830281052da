"""AWS policy documents: every way of writing one means the same, and what cannot be read is unknown."""

import fnmatch
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.iam import allows_action, everything, matches, parse, statement
from strongroom.model.codes import GapCode
from strongroom.model.values import Statement, Unknown

FORMS = [
    {"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Principal": {"AWS": "*"}}},
    {"statement": [{"effect": "allow", "action": ["S3:getobject"], "resource": ["*"], "principal": "*"}]},
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*", "Principal": {"AWS": ["*"]}}],
    },
]


@pytest.mark.parametrize("document", FORMS)
def test_every_spelling_is_one_statement(document: dict[str, object]) -> None:
    """One or many, any case of keys, `*` or an AWS principal `*`: the normal form is the same."""
    wanted = (Statement("allow", principals=("*",), actions=("s3:getobject",), resources=("*",)),)
    assert parse(document) == wanted
    assert parse(json.dumps(document)) == wanted


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("{", GapCode.MALFORMED),
        ("[]", GapCode.MALFORMED),
        (3, GapCode.MALFORMED),
        ({"Statement": "x"}, GapCode.MALFORMED),
        ({}, GapCode.UNDECIDED),
        ({"Statement": None}, GapCode.UNDECIDED),
        ({"Statement": [{"Effect": "Allow", "Action": None}]}, GapCode.UNDECIDED),
        ({"Statement": ["x"]}, GapCode.UNDECIDED),
    ],
)
def test_what_is_no_policy_is_unknown(document: object, code: GapCode) -> None:
    """A document that cannot be read as a policy is never an empty one."""
    found = parse(document)
    assert isinstance(found, Unknown)
    assert found.code is code


def test_an_empty_text_has_no_statements() -> None:
    """An empty policy allows nothing."""
    assert parse("  ") == ()


def test_conditions_and_principals_keep_their_kind() -> None:
    """Principals carry their type, context keys are in lower case, single values become lists."""
    s = statement(
        {
            "Effect": "Deny",
            "Principal": {"Service": "ec2.amazonaws.com", "AWS": ["arn:aws:iam::1:root", "*"]},
            "Condition": {"Bool": {"aws:SecureTransport": False}, "StringLike": {"AWS:PrincipalArn": ["a", "b"]}},
        }
    )
    assert s.principals == ("Service:ec2.amazonaws.com", "AWS:arn:aws:iam::1:root", "*")
    assert [(c.operator, c.key, c.values) for c in s.conditions] == [
        ("Bool", "aws:securetransport", ("false",)),
        ("StringLike", "aws:principalarn", ("a", "b")),
    ]


letters = st.text(alphabet="ab:/.[]\\+", max_size=8)


@given(st.text(alphabet="ab:*?.[", max_size=8), letters)
def test_wildcards_mean_what_a_shell_means_without_brackets(glob: str, name: str) -> None:
    """`*` and `?` are the only wildcards; brackets and dots are themselves."""
    plain = fnmatch.translate(re.sub(r"\[", "[[]", glob))
    assert matches(glob, name) is (re.compile(plain, re.IGNORECASE).match(name) is not None)


@given(letters)
def test_a_name_covers_itself_and_a_star_everything(name: str) -> None:
    """A pattern without wildcards is a name, whatever case it is written in."""
    assert matches(name, name.upper())
    assert matches("*", name)


def test_not_action_allows_the_rest() -> None:
    """NotAction covers every action but those that it lists."""
    s = Statement("allow", not_actions=("iam:*",), resources=("*",))
    assert allows_action(s, "kms:decrypt")
    assert not allows_action(s, "iam:passrole")


@pytest.mark.parametrize(
    ("resources", "every"),
    [
        (("*",), True),
        (("**",), True),
        (("arn:aws:s3:::b/*", "*"), True),
        (("arn:aws:*:*:*:*",), True),
        (("arn:aws:s3:::*",), False),
        (("arn:aws:s3:::b",), False),
        ((), False),
    ],
)
def test_any_resource_at_all(resources: tuple[str, ...], every: bool) -> None:
    """A list covers everything when one entry is nothing but wildcards."""
    assert everything(resources) is every


def test_a_last_comma_is_read_past() -> None:
    """A comma before a bracket closes hides nothing, and a comma in a text is text."""
    document = '{"Statement": [{"Effect": "Allow", "Action": ["s3:*",], "Resource": "a,]", },]}'
    assert parse(document) == (Statement("allow", actions=("s3:*",), resources=("a,]",)),)


def test_a_null_among_texts_is_not_known() -> None:
    """A null in a list of principals or resources stands for a value that is not known, never for nobody."""
    found = parse({"Statement": [{"Effect": "Allow", "Principal": {"AWS": [None]}, "Action": "*", "Resource": ["*"]}]})
    assert isinstance(found, tuple)
    assert found[0].principals != ()
    assert "${" in found[0].principals[0]


def test_a_document_put_together_from_unknowns() -> None:
    """Text that is no JSON because a piece of it has no value is undecided, not malformed."""
    found = parse('{"Statement": ${var.statements}}')
    assert isinstance(found, Unknown)
    assert found.code is GapCode.UNDECIDED
