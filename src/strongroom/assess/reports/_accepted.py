"""What people say, as formats for programs carry it: who accepts a finding until when, and who vouches for a clause."""

from collections.abc import Mapping

from strongroom.assess import people_prose
from strongroom.model.codes import FindingCode
from strongroom.model.control import Assessment, Finding
from strongroom.model.people import Assertion, ExceptionNote, RiskException


def exceptions(assessment: Assessment) -> Mapping[str, RiskException]:
    """The exception behind each accepted finding, by fingerprint."""
    return {a.fingerprint: a.exception for a in assessment.accepted}


def was_unknown(f: Finding) -> bool:
    """Whether an accepted finding was in doubt, and not broken, before a person accepted it."""
    return f.code in {FindingCode.FACT_UNKNOWN, FindingCode.SOURCE_GAP}


def accepted_words(e: RiskException | None) -> str:
    """Who accepts, until when and why, as a phrase."""
    if e is None:
        return "accepted; by whom is not in this report"
    return f"{people_prose.terms(e)}: {e.reason or 'no reason given'}"


def attested_words(a: Assertion) -> str:
    """Who vouches, until when and in which words, as a phrase."""
    about = f" (of {a.asset})" if a.asset else ""
    return f"{people_prose.vouched(a)}{about}: {a.statement}"


def exception_note_words(n: ExceptionNote) -> str:
    """An exception that does not do what it was written for, as a phrase."""
    why = people_prose.exception_state(n)
    return f"the exception for {people_prose.names(n.exception)} is {n.state.value}: {why}"


def note_words(assessment: Assessment) -> tuple[str, ...]:
    """Every exception and assertion that does not count, so that nobody believes that it does."""
    return (
        *map(exception_note_words, assessment.exception_notes),
        *(
            f"the assertion on {n.assertion.clause} is {n.state.value}: {people_prose.assertion_state(n)}"
            for n in assessment.assertion_notes
        ),
    )
