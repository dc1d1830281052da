"""Jobs of Slurm from files: the facts of a cluster, a job or a change of one, and the verdict."""

import json

from strongroom.app.isolation import MOST_REVIEW, octets
from strongroom.isolate import slurm, slurm_facts, slurm_job
from strongroom.isolate.slurm import Judged
from strongroom.isolate.slurm_facts import Facts
from strongroom.kit import strict_json
from strongroom.model.errors import BadInput
from strongroom.model.isolate import SCHEMA, Reason, Rule, Verdict


def load_facts(path: str) -> Facts:
    """The facts of a cluster. Raises Unreadable, TooLarge, Malformed."""
    data = octets(path, MOST_REVIEW)
    strict_json.check(data, path, "strongroom isolate slurm --help")
    return slurm_facts.read(json.loads(data))


def judge(rule: Rule, facts: Facts, data: bytes) -> Judged:
    """What becomes of the job that octets of JSON are; one that cannot be read is denied."""
    try:
        strict_json.check(data, "job")
    except BadInput as e:
        return Judged(Verdict((Reason("7", "malformed", f"{e.subject}: {e.found}", e.wanted),)))
    return slurm.judge(rule, facts, json.loads(data))


def told(found: Judged) -> dict[str, object]:
    """The verdict as JSON has it."""
    verdict = found.verdict
    return {
        "schema": SCHEMA,
        "allowed": verdict.allowed,
        "verdict": "allow" if verdict.allowed else "deny",
        "reasons": [r._asdict() for r in verdict.reasons],
        "tenant": found.tenant,
        "label": found.label,
        "rung": found.rung,
    }


def started(rule: Rule, facts: Facts, record: str) -> Judged:
    """What becomes of a job as it starts, by what squeue says of it; what cannot be read does not start."""
    try:
        return slurm.judge(rule, facts, slurm_job.record(record))
    except BadInput as e:
        return Judged(Verdict((Reason("7", "malformed", f"{e.subject}: {e.found}", e.wanted),)))
