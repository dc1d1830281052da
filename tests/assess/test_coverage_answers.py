"""Every id of another tool that stands in the lists has an answer: a check that asks it, or the reason why none does."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.app.catalogue import catalogue
from strongroom.assess import answers_aws_sample, answers_cloudsploit, answers_others

TABLES = {
    "aws-sample": answers_aws_sample.ANSWERS, "cloudsploit": answers_cloudsploit.ANSWERS, "checkov": answers_others.CHECKOV,
    "trivy": answers_others.TRIVY, "prowler": answers_others.PROWLER, "powerpipe": answers_others.POWERPIPE,
}  # fmt: skip


def answers() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    """All of them."""
    for tool, table in TABLES.items():
        yield from ((f"{tool}:{ident}", answer) for ident, answer in table.items())


@pytest.mark.parametrize(("ident", "answer"), list(answers()), ids=[i for i, _ in answers()])
def test_an_answer_is_a_check_or_a_reason(ident: str, answer: str | tuple[str, ...]) -> None:
    """A check that is named exists, and a reason is a sentence."""
    known = catalogue().checks
    if isinstance(answer, str):
        assert len(answer.split()) >= 5, ident
    else:
        assert answer, ident
        assert set(answer) <= set(known)


def test_every_id_of_the_anchors_has_an_answer(shared: Path) -> None:
    """Each id that the study of other tools lists is an equivalent of some check, or has its answer in a table."""
    path = shared / "vectors" / "posture" / "anchor_checks.tsv"
    equivalents = {e.partition(":")[2].lower() for c in catalogue().checks.values() for e in c.equivalents}
    told = {i for table in TABLES.values() for i in table}
    with path.open(newline="") as f:
        lost = {
            r["id"]
            for r in csv.DictReader(f, delimiter="\t")
            if r["id"].lower() not in equivalents and r["id"] not in told
        }
    assert lost == set()
