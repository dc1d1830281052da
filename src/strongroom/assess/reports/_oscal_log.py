"""The log entry of a run in OSCAL: evidence that every observation points at, carried in the document itself.

A resource of the back matter holds bytes in base64 (OSCAL 1.2.1, back-matter/resource/base64), so that entry and proof
can be taken out and verified without asking anybody.
"""

from base64 import b64encode

from strongroom.assess.reports._lines import Json
from strongroom.assess.reports._logged import log_words, verify_command
from strongroom.assess.reports._markdown import code
from strongroom.assess.reports._oscal import document_uuid
from strongroom.model.control import Assessment


def log_evidence(assessment: Assessment) -> list[Json]:
    """What every observation refers to; nothing where no log holds the run."""
    if assessment.logged is None:
        return []
    href = f"#{document_uuid('log-entry', assessment)}"
    return [
        {"href": href, "description": f"entry {assessment.logged.entry} of the log holds the digest of the findings"}
    ]


def log_resources(assessment: Assessment) -> list[Json]:
    """The entry and its proof; of a document without names only that there is an entry."""
    at = assessment.logged
    if at is None:
        return []
    entry: dict[str, Json] = {
        "uuid": document_uuid("log-entry", assessment),
        "title": f"Entry {at.entry} of the log",
        "description": code(log_words(assessment)),
    }
    if not at.data:
        return [entry]
    proof: dict[str, Json] = {
        "uuid": document_uuid("log-proof", assessment),
        "title": f"Proof that entry {at.entry} is in the log (c2sp.org/tlog-proof)",
        "description": f"Offline: {code(verify_command(at))}",
        "base64": _base64("entry.tlog-proof", "text/plain", at.proof),
    }
    return [entry | {"base64": _base64("entry.json", "application/json", at.data)}, proof]


def _base64(name: str, media_type: str, text: str) -> Json:
    return {"filename": name, "media-type": media_type, "value": b64encode(text.encode()).decode()}
