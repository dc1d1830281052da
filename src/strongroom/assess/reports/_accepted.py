"""What people say of findings, as formats for programs look it up. The words are those of `people_prose`."""

from collections.abc import Mapping

from strongroom.assess import people_prose
from strongroom.model.codes import FindingCode
from strongroom.model.control import Assessment, Finding
from strongroom.model.people import RiskException


def exceptions(assessment: Assessment) -> Mapping[str, RiskException]:
    """The exception behind each accepted finding, by fingerprint."""
    return {a.fingerprint: a.exception for a in assessment.accepted}


def was_unknown(f: Finding) -> bool:
    """Whether an accepted finding was in doubt, and not broken, before a person accepted it."""
    return f.code in {FindingCode.FACT_UNKNOWN, FindingCode.SOURCE_GAP}


def note_words(assessment: Assessment) -> tuple[str, ...]:
    """Every exception and assertion that does not count, so that nobody believes that it does."""
    return (
        *map(people_prose.exception_note_words, assessment.exception_notes),
        *map(people_prose.assertion_note_words, assessment.assertion_notes),
    )
