"""Expressions of which one piece has no value: the rest is kept, and the piece is named."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from terraform import evaluated, write

from strongroom.collect.resource import Link
from strongroom.collect.terraform.partial import has_hole, leaves
from strongroom.collect.terraform.syntax import Expression
from strongroom.model.values import Unknown

HEAD = """
variable "lost" {}
variable "known" {
  default = "k"
}
variable "listed" {
  default = ["a", "b"]
}
data "aws_caller_identity" "me" {}
resource "aws_iam_role" "here" {}
"""


def value(tmp_path: Path, expression: str, more: str = "") -> object:
    """What an expression comes to as an attribute."""
    block = f'resource "probe" "p" {{\n  found = {expression}\n{more}}}\n'
    rows = evaluated(write(tmp_path / "tree", {"main.tf": HEAD + block}))
    return next(r["found"] for r in rows if "found" in r)


@pytest.mark.parametrize(
    ("expression", "document"),
    [
        ("{ A = var.lost }", {"A": "${var.lost}"}),
        ('{ A = "x-${var.lost}-${var.known}" }', {"A": "x-${var.lost}-k"}),
        ("{ A = var.known, B = var.lost }", {"A": "k", "B": "${var.lost}"}),
        ("{ A = var.listed, B = var.lost }", {"A": ["a", "b"], "B": "${var.lost}"}),
        ("{ A = concat([var.known], [var.lost]) }", {"A": ["k", "${var.lost}"]}),
        ("{ A = [data.aws_caller_identity.me.account_id] }", {"A": ["${data.aws_caller_identity.me.account_id}"]}),
        ("{ A = [aws_iam_role.gone.arn, 1, true, null] }", {"A": ["${aws_iam_role.gone.arn}", 1, True, None]}),
        ("{ A = [aws_iam_role.here.arn, var.lost] }", {"A": ["${aws_iam_role.here}", "${var.lost}"]}),
        ('{ A = var.lost == "x" ? 1 : 2 }', {"A": '${var.lost == "x" ? 1 : 2}'}),
        ("{ A = [for x in var.listed : upper(x)], B = var.lost }", {"A": ["A", "B"], "B": "${var.lost}"}),
        ("{ A = jsonencode({ B = var.lost, C = 1 }) }", {"A": '{"B":"${var.lost}","C":1}'}),
    ],
)
def test_documents_keep_what_is_known(tmp_path: Path, expression: str, document: dict[str, object]) -> None:
    """A document is as whole as its expression: what has no value stands in it as it is written."""
    found = value(tmp_path, f"jsonencode({expression})")
    assert isinstance(found, str)
    assert json.loads(found) == document


def test_lists_keep_what_is_known(tmp_path: Path) -> None:
    """A list keeps its known elements; the others say which variable or block they come from."""
    found = value(
        tmp_path, '["10.0.0.0/8", var.lost, aws_iam_role.gone.arn, "arn:${data.aws_caller_identity.me.account_id}:x"]'
    )
    assert isinstance(found, list)
    assert found[0] == "10.0.0.0/8"
    assert isinstance(found[1], Unknown)
    assert "variable lost" in found[1].detail
    assert found[2] == Link("aws_iam_role.gone", "arn")
    assert found[3] == "arn:${data.aws_caller_identity.me.account_id}:x"


def test_each_instance_keeps_its_own(tmp_path: Path) -> None:
    """A piece that belongs to an instance is left where it is, and its neighbours are found all the same."""
    found = value(
        tmp_path,
        "jsonencode({ A = each.key, B = data.aws_caller_identity.me.account_id })",
        '  for_each = toset(["one"])\n',
    )
    assert isinstance(found, str)
    assert json.loads(found) == {"A": "one", "B": "${data.aws_caller_identity.me.account_id}"}


def test_modules_keep_theirs_apart(tmp_path: Path) -> None:
    """The same expression in two instances of a module has the values of each."""
    module = 'variable "n" {}\nvariable "lost" {}\nresource "probe" "p" {\n  found = jsonencode({ A = var.n, B = var.lost })\n}\n'
    calls = "".join(f'module "{n}" {{\n  source = "./m"\n  n = "{n}"\n  lost = var.lost\n}}\n' for n in ("x", "y"))
    rows = evaluated(write(tmp_path / "tree", {"main.tf": HEAD + calls, "m/main.tf": module}))
    documents = [json.loads(str(r["found"])) for r in rows if "found" in r]
    assert [d["A"] for d in documents] == ["x", "y"]
    assert all(str(d["B"]).startswith("${") for d in documents)


def test_lines_stay_where_they_are(tmp_path: Path) -> None:
    """A piece over several lines leaves the lines below it where they are."""
    block = 'resource "probe" "p" {\n  found = jsonencode({\n    A = (\n      var.lost\n    )\n  })\n}\n'
    rows = evaluated(
        write(tmp_path / "tree", {"main.tf": HEAD + block + 'resource "probe" "q" {\n  found = "after"\n}\n'})
    )
    assert [r["found"] for r in rows if "found" in r] == ['{"A": "${( var.lost )}"}', "after"]


def test_a_written_null_is_null(tmp_path: Path) -> None:
    """Null that is written is nothing, beside a piece that has no value."""
    found = value(tmp_path, "[{ a = null, b = var.lost }]")
    assert isinstance(found, list)
    assert found[0]["a"] is None
    assert isinstance(found[0]["b"], Unknown)


@given(st.text(st.sampled_from('abc."[]{}()$,=\\ \n?:*1'), max_size=40))
def test_pieces_lie_within_their_expression(text: str) -> None:
    """Whatever the text, a piece is a part of it, and pieces do not overlap."""
    found = sorted(leaves(Expression(f"[{text}]", 100, 100 + len(text) + 2, 1)), key=lambda x: x.start)
    assert all(100 <= x.start < x.end <= 102 + len(text.encode()) for x in found)
    assert all(a.end <= b.start for a, b in pairwise(found))


@pytest.mark.parametrize(
    ("raw", "text", "hole"),
    [
        (["a", None], '["a", var.x]', True),
        ({"a": {"b": None}}, "{ a = { b = var.x } }", True),
        ('{"a":null}', "jsonencode({ a = var.x })", True),
        ('{"a":"null"}', 'jsonencode({ a = "null" })', False),
        ("null", "var.x", False),
        (["a"], '["a"]', False),
        (None, "var.x", False),
    ],
)
def test_where_there_is_a_hole(raw: object, text: str, hole: bool) -> None:
    """Only a null within a list, an object or a document that is built in place is a hole."""
    assert has_hole(raw, Expression(text, 0, len(text), 1)) is hole
