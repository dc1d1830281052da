"""What the broker says to those who ask, and what it keeps for the operator."""

from strongroom.model.errors import ReleaseError

_BEGIN = "there is no session; begin with auth"


class Refused(ReleaseError):
    """A refusal with two faces: `kind` and `public` for the caller, the rest of the message for the operator.

    `status` is the HTTP status of the protocol: 401 where the caller is not let in, 404 where there is no such path, 400
    where the message is none, 503 where the broker cannot work now. `owed` says that it is not in the log yet, and must be
    before it is answered; `ident` is the session that it is of, where that is known by the refusal alone.
    """

    def __init__(
        self, status: int, kind: str, public: str, found: str, wanted: str = "", *, owed: bool = False, ident: str = ""
    ) -> None:
        super().__init__(kind, found, wanted or public)
        self.status = status
        self.kind = kind
        self.public = public
        self.owed = owed
        self.ident = ident


def bad_message(why: str) -> Refused:
    """The message is none of the protocol."""
    return Refused(400, "BadRequest", "the message is none of the protocol", why)


def version(found: str, wanted: str) -> Refused:
    """Another version of the protocol: the caller is told which is served."""
    return Refused(400, "ProtocolVersion", f"this broker serves protocol {wanted}", found, wanted)


def no_session(why: str) -> Refused:
    """There is no session of ours: anybody can say this, so that it is no entry of the log."""
    return Refused(401, "TokenNotFound", _BEGIN, why)


def ended(why: str, ident: str = "") -> Refused:
    """There was a session, and it is over, or what it began with is."""
    return Refused(401, "TokenNotFound", _BEGIN, why, owed=True, ident=ident)


def not_attested(why: str, *, owed: bool = False) -> Refused:
    """The evidence does not do. Which step failed is the operator's to know."""
    return Refused(401, "AttestationError", "the evidence was not accepted", why, owed=owed)


def not_released(why: str, *, owed: bool = False) -> Refused:
    """The resource does not leave. The same answer whether there is one of that name or not."""
    return Refused(401, "PolicyDeny", "the resource is not released", why, owed=owed)


def not_certified(why: str) -> Refused:
    """The key that was attested can have no certificate, or did not ask for one. It is the caller's own, so he is told."""
    return Refused(400, "BadRequest", why, why, owed=True)


def cannot_work(why: str, *, owed: bool = True) -> Refused:
    """What the broker needs is not there: nothing is released."""
    return Refused(503, "Unavailable", "nothing can be released now", why, owed=owed)
