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


def exception_state(note: ExceptionNote) -> str:
    """Why an exception does not do what it was written for."""
    e = note.exception
    return STATES[note.state].format(expires=e.expires, missing=", ".join(missing(e)))


def vouched(a: Assertion) -> str:
    """Who vouches for a clause, who approved, and until when."""
    return f"{a.owner} vouches for it, approved by {a.approver}, until {a.expires_at:%Y-%m-%d}"


def assertion_state(note: AssertionNote) -> str:
    """Why an assertion counts for nothing."""
    a = note.assertion
    said = FALLEN[note.state].format(expires=f"{a.expires_at:%Y-%m-%d}", asset=a.asset)
    return f"{said} ({note.detail})" if note.detail else said
