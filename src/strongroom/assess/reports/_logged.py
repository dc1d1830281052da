"""Where the log holds the run, for the reports: in words, as JSON, and as the commands that verify it."""

from strongroom.assess.reports._lines import Json
from strongroom.model.control import Assessment
from strongroom.model.log import Logged

NOT_LOGGED = "not logged"
RECOMPUTE = "jq -r '.findings[] | .fingerprint + .status' report.json | sha256sum"
"""What an auditor runs on the JSON report of the same run: its answer is the digest that the entry names."""


def log_words(assessment: Assessment) -> str:
    """In one phrase; where no log holds the run, that is said and never left out."""
    at = assessment.logged
    if at is None:
        return NOT_LOGGED
    findings = f", findings {at.findings}" if at.findings else ""
    return f"entry {at.entry} of the log {at.origin}{findings}"


def log_json(assessment: Assessment) -> Json:
    """The entry and its proof, or null."""
    at = assessment.logged
    if at is None:
        return None
    out: dict[str, Json] = {"origin": at.origin, "entry": at.entry, "at": at.at.isoformat().replace("+00:00", "Z")}
    said: dict[str, Json] = {"findings": at.findings, "keys": list(at.keys), "data": at.data, "proof": at.proof}
    return out | {name: value for name, value in said.items() if value}


def verify_command(at: Logged) -> str:
    """What verifies the proof offline, once entry and proof are saved beside each other."""
    keys = "".join(f" --key '{key}'" for key in at.keys)
    return f"strongroom log verify entry.tlog-proof --entry entry.json{keys}"
