"""Sentences on exceptions and assertions. Doors and reports use these and write no others."""

from strongroom.assess.exceptions import missing
from strongroom.model.codes import AssertionState, ExceptionState
from strongroom.model.people import Assertion, AssertionNote, ExceptionNote, RiskException

STATES = {
    ExceptionState.EXPIRED: "it ended on {expires}: what it had accepted is open again",
    ExceptionState.UNUSED: "nothing that is open is named by it; take it out, or correct what it names",
    ExceptionState.INCOMPLETE: "it lacks {missing}, and accepts nothing until it has it",
    ExceptionState.SELF_APPROVED: "a critical finding needs an approver who is not the owner",
    ExceptionState.UNAPPROVED: "a critical finding is accepted by an approved entry of the exceptions file only",
    ExceptionState.NOTED: "a remark beside the asset; the configuration takes none of these as an exception",
    ExceptionState.REFUSED: "the configuration takes no skip beside an asset, or the module is not the owner's",
    ExceptionState.NO_SUCH_CHECK: "no check and no control of the catalogue has this id",
}
FALLEN = {
    AssertionState.EXPIRED: "it ended on {expires}; the clause is not assessed any more",
    AssertionState.REVOKED: "it was taken back",
    AssertionState.UNVERIFIED: "it could not be verified, and counts for nothing",
    AssertionState.OVERRULED: "what was measured stands, whatever is asserted",
    AssertionState.NOT_YET: "it was made later than the time that counts as now",
    AssertionState.PARTIAL: "it speaks of {asset} alone, and the clause of everything that it applies to",
    AssertionState.NOT_FOR_PEOPLE: "nobody can speak for this clause: it is measured by machines, or is not there",
}


def names(e: RiskException) -> str:
    """What an exception names: `net.notebook.direct-internet on aws_sagemaker_notebook_instance.lab`."""
    what = e.check or e.control or f"finding {e.fingerprint}"
    return f"{what} on {e.asset}" if e.asset else what


def terms(e: RiskException) -> str:
    """Who accepts, who approved, and until when."""
    if e.inline:
        return f"skipped beside the asset{f' at {e.where}' if e.where else ''}, approved by nobody, without an end"
    until = e.expires.isoformat() if e.expires else "no day"
    ticket = f", {e.ticket}" if e.ticket else ""
    return f"accepted by {e.owner or 'nobody'}, approved by {e.approver or 'nobody'}, until {until}{ticket}"


def reasoned(e: RiskException) -> str:
    """Who accepts, until when and why."""
    return f"{terms(e)}: {e.reason or 'no reason given'}"


def exception_state(note: ExceptionNote) -> str:
    """Why an exception does not do what it was written for."""
    e = note.exception
    return STATES[note.state].format(expires=e.expires, missing=", ".join(missing(e)))


def accepted_words(e: RiskException | None) -> str:
    """What stands beside an accepted finding; None where the report does not say who accepts it."""
    return "accepted; by whom is not in this report" if e is None else reasoned(e)


def exception_note_words(n: ExceptionNote) -> str:
    """An exception that does not do what it was written for, as a phrase."""
    return f"the exception for {names(n.exception)} is {n.state.value}: {exception_state(n)}"


def vouched(a: Assertion) -> str:
    """Who vouches for a clause, who approved, and until when."""
    return f"{a.owner} vouches for it, approved by {a.approver}, until {a.expires_at:%Y-%m-%d}"


def assertion_state(note: AssertionNote) -> str:
    """Why an assertion counts for nothing."""
    a = note.assertion
    said = FALLEN[note.state].format(expires=f"{a.expires_at:%Y-%m-%d}", asset=a.asset)
    return f"{said} ({note.detail})" if note.detail else said


def attested_words(a: Assertion) -> str:
    """Who vouches, until when and in which words, as a phrase."""
    about = f" (of {a.asset})" if a.asset else ""
    return f"{vouched(a)}{about}: {a.statement}"


def assertion_note_words(n: AssertionNote) -> str:
    """An assertion that does not count, as a phrase."""
    return f"the assertion on {n.assertion.clause} is {n.state.value}: {assertion_state(n)}"
