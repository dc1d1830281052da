"""What a policy says and whose key it is, however the two are written."""

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import pytest

from strongroom.collect.native import Reader
from strongroom.collect.resource import Pool, Resource
from strongroom.collect.sources import tf
from strongroom.collect.tables._aws import Policy, key_of, marked, statements
from strongroom.collect.tables._aws_roles import role_statements
from strongroom.model.ports import Request
from strongroom.model.values import Key, Statement, Unknown

HCL = """
variable "x" {}
resource "aws_kms_key" "k" {}
data "aws_kms_alias" "managed" {
  name = "alias/aws/s3"
}
data "aws_kms_alias" "mine" {
  name = "alias/weights"
}
data "aws_ssm_parameter" "key" {
  name = "/key"
}
data "aws_iam_policy_document" "base" {
  statement {
    sid       = "Read"
    actions   = ["S3:GetObject"]
    resources = ["*"]
  }
  statement {
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.b.arn, "${aws_s3_bucket.b.arn}/*", var.x]
    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalOrgID"
      values   = ["o-1"]
    }
  }
}
data "aws_iam_policy_document" "whole" {
  source_policy_documents   = [data.aws_iam_policy_document.base.json]
  override_policy_documents = [jsonencode({ Statement = [{ Sid = "Own", Effect = "Deny", Action = "*", Resource = "*" }] })]
  statement {
    sid       = "Read"
    effect    = "Deny"
    actions   = ["s3:GetObject"]
    resources = ["&{aws:username}"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
  }
  statement {
    sid       = "Own"
    actions   = ["s3:PutObject"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "dark" {
  source_policy_documents = [var.x]
  statement {
    actions   = ["*"]
    resources = ["*"]
  }
}
resource "aws_s3_bucket" "b" {}
resource "aws_iam_policy" "document" {
  policy = data.aws_iam_policy_document.whole.json
}
resource "aws_iam_policy" "dark" {
  policy = data.aws_iam_policy_document.dark.json
}
resource "aws_iam_policy" "heredoc" {
  policy = <<EOF
{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "${aws_s3_bucket.b.arn}"}}
EOF
}
resource "aws_iam_policy" "encoded" {
  policy = jsonencode({ Statement = [{ Effect = "Allow", NotAction = ["iam:*"], Resource = "*" }] })
}
resource "aws_iam_policy" "asked" {
  policy = var.x
}
resource "aws_iam_policy" "none" {
  name = "none"
}
resource "aws_iam_role" "r" {
  name = "r"
}
resource "aws_iam_role_policy_attachment" "r" {
  role       = "r"
  policy_arn = aws_iam_policy.encoded.arn
}
resource "aws_iam_policy_attachment" "r" {
  name       = "a"
  roles      = [aws_iam_role.r.name]
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}
resource "aws_iam_instance_profile" "p" {
  role = aws_iam_role.r.name
}
"""
VOLUMES = {
    "link": "aws_kms_key.k.arn",
    "managed": "data.aws_kms_alias.managed.target_key_arn",
    "mine": "data.aws_kms_alias.mine.target_key_arn",
    "word": '"alias/aws/ebs"',
    "arn": '"arn:aws:kms:eu-west-1:123456789012:alias/aws/ebs"',
    "own": '"arn:aws:kms:eu-west-1:${var.x}:key/1234"',
    "parameter": "data.aws_ssm_parameter.key.value",
    "asked": "var.x",
    "empty": '""',
}
BLOCKS = "".join(f'resource "aws_ebs_volume" "{n}" {{\n  kms_key_id = {v}\n}}\n' for n, v in VOLUMES.items())
TAGS = {
    "zero": '{ tier = "0" }',
    "two": '{ tier = "2" }',
    "weights": '{ Artifact = "weights", tier = var.x }',
    "asked": "{ tier = var.x }",
    "other": '{ team = "a" }',
}
TAGGED = "".join(f'resource "aws_ebs_snapshot" "{n}" {{\n  tags = {v}\n}}\n' for n, v in TAGS.items())


@lru_cache(maxsize=1)
def pool() -> Pool:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "main.tf").write_text(HCL + BLOCKS + TAGGED, encoding="utf-8")
        resources, gaps = tf._evaluate(Path(folder), Request("tf:x", folder, datetime(2026, 1, 1, tzinfo=UTC)))
    assert gaps == []
    return Pool(resources)


def reader(address: str) -> Reader:
    found: Resource = next(r for r in pool().resources if r.address == address)
    return Reader(found, pool())


def policy(name: str) -> Policy:
    return statements(reader(f"aws_iam_policy.{name}"), "policy")


@pytest.mark.parametrize(
    ("name", "tech"),
    [
        ("link", "cmk"),
        ("managed", "provider"),
        ("mine", "cmk"),
        ("word", "provider"),
        ("arn", "provider"),
        ("own", "cmk"),
        ("parameter", "unknown"),
        ("asked", "unknown"),
        ("empty", "none"),
    ],
)
def test_whose_key(name: str, tech: str) -> None:
    """A name that begins with alias/aws is the provider's key, however it is reached; any other is the owner's."""
    r = reader(f"aws_ebs_volume.{name}")
    found = key_of(r, r.at("kms_key_id"))
    assert (found.tech if isinstance(found, Key) else "unknown" if isinstance(found, Unknown) else "none") == tech


def test_documents_are_merged() -> None:
    """Sources come first, a document's own statements replace those of the same sid, overrides replace these."""
    found = policy("document")
    assert isinstance(found, tuple)
    read, listing, own = (s for s in found if isinstance(s, Statement))
    assert (read.sid, read.effect, read.principals, read.resources) == ("Read", "deny", ("*",), ("${aws:username}",))
    assert listing.resources[0] == "arn:aws:s3:::${aws_s3_bucket.b}"
    assert listing.resources[2].startswith("${")
    assert listing.conditions[0].key == "aws:principalorgid"
    assert (own.effect, own.actions) == ("deny", ("*",))


def test_a_part_that_is_not_known_leaves_the_rest() -> None:
    """A source without a value is an unknown among the statements; what stands beside it is still read."""
    found = policy("dark")
    assert isinstance(found, tuple)
    assert isinstance(found[0], Unknown)
    assert isinstance(found[1], Statement)
    assert found[1].actions == ("*",)


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("heredoc", lambda p: p[0].actions == ("s3:*",)),
        ("encoded", lambda p: p[0].not_actions == ("iam:*",)),
        ("asked", lambda p: isinstance(p, Unknown)),
        ("none", lambda p: p is None),
    ],
)
def test_other_ways_to_write_a_policy(name: str, holds: Callable[[Policy], bool]) -> None:
    """JSON text, an encoded object, a variable, nothing at all."""
    assert holds(policy(name))


def test_a_role_has_what_is_attached_to_it() -> None:
    """A role's statements come from every block that names it, also through an instance profile."""
    r = reader("aws_iam_instance_profile.p")
    found = role_statements(r, r.at("role"))
    assert isinstance(found, tuple)
    assert {s.sid for s in found if isinstance(s, Statement)} == {"", "AdministratorAccess"}
    assert isinstance(role_statements(r, "arn:aws:iam::123456789012:role/elsewhere"), Unknown)
    assert role_statements(r, "arn:aws:iam::123456789012:role/path/r") == found


@pytest.mark.parametrize(
    ("name", "mark"), [("zero", True), ("two", False), ("weights", True), ("asked", "unknown"), ("other", None)]
)
def test_marks_of_sensitivity(name: str, mark: object) -> None:
    """Tags say that a thing is sensitive or that it is not; a telling tag without a value leaves it open."""
    found = marked(reader(f"aws_ebs_snapshot.{name}"))
    assert ("unknown" if isinstance(found, Unknown) else found) == mark
