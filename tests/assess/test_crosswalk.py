"""The questions of other tools that were promised an answer: each has a check, or a written reason."""

import csv
from pathlib import Path

from strongroom.app.catalogue import catalogue
from strongroom.assess.declined_kubernetes import ASKED_OF_ANOTHER, DECLINED

TOOLS = {"checkov": "checkov", "trivy": "trivy", "cfn_guard": "guard", "prowler": "prowler"}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def asked() -> set[str]:
    return {e for check in catalogue().checks.values() for e in check.equivalents}


def test_every_row_of_the_crosswalk_is_asked(vectors: Path) -> None:
    """Each control key of the crosswalk has an id of some tool that one of our checks lists."""
    known, silent = asked(), []
    for row in rows(vectors / "posture/crosswalk.tsv"):
        ids = [f"{ours}:{i.strip()}" for name, ours in TOOLS.items() for i in row[name].replace(";", ",").split(",")]
        if not known.intersection(ids):
            silent.append(row["control"])
    assert silent == []


def test_every_rule_of_the_kubernetes_samples_is_asked_or_declined(vectors: Path) -> None:
    """Each labelled rule has a check that lists it, or a reason why not."""
    known = asked()
    rules = {row["source_rule"] for row in rows(vectors / "posture/k8s_labels.tsv")}
    assert {r for r in rules if f"kubescape:{r}" not in known} <= {*DECLINED, *ASKED_OF_ANOTHER}


def test_what_is_declined_is_not_asked_as_well() -> None:
    """A rule is listed, asked of another object by a check that exists, or declined: one of the three."""
    known = catalogue().checks
    assert not set(DECLINED) & set(ASKED_OF_ANOTHER)
    assert not {f"kubescape:{r}" for r in (*DECLINED, *ASKED_OF_ANOTHER)} & asked()
    assert {check for check, _ in ASKED_OF_ANOTHER.values()} <= set(known)
