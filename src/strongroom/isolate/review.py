"""AdmissionReview of `admission.k8s.io/v1`: what the API server asks, and what it is answered."""

import msgspec
from msgspec import Raw, Struct

from strongroom.isolate.changes import Actor
from strongroom.kit import strict_json
from strongroom.model.errors import BadInput, Malformed
from strongroom.model.isolate import Mode, Reason, Verdict

VERSION, KIND = "admission.k8s.io/v1", "AdmissionReview"
SUBJECT = "AdmissionReview"
OPERATIONS = frozenset({"CREATE", "UPDATE", "DELETE", "CONNECT"})
_LONGEST = 1500  # characters of a message


class Gvk(Struct):
    """A kind of object."""

    group: str = ""
    version: str = ""
    kind: str = ""


class Gvr(Struct):
    """A resource."""

    group: str = ""
    version: str = ""
    resource: str = ""


class User(Struct):
    """Who asks."""

    username: str | None = None
    groups: list[str] | None = None


class Request(Struct, rename="camel"):
    """What is asked. Objects stay octets until somebody needs them."""

    uid: str = ""
    kind: Gvk | None = None
    resource: Gvr | None = None
    sub_resource: str | None = None
    name: str | None = None
    namespace: str | None = None
    operation: str = ""
    user_info: User | None = None
    object: Raw = Raw(b"")
    old_object: Raw = Raw(b"")
    dry_run: bool | None = None

    @property
    def actor(self) -> Actor:
        """Who asks."""
        user = self.user_info or User()
        return Actor(user.username or "", frozenset(user.groups or ()))

    def new(self) -> bytes | None:
        """The object, where there is one."""
        return _there(self.object)

    def old(self) -> bytes | None:
        """The object as it was, where there is one."""
        return _there(self.old_object)


class _Review(Struct, rename="camel"):
    api_version: str = ""
    kind: str = ""
    request: Request | None = None


class _Uid(Struct):
    uid: str = ""


class _Loose(Struct):
    request: _Uid | None = None


def _there(raw: Raw) -> bytes | None:
    octets = bytes(raw).strip()
    return octets if octets not in {b"", b"null"} else None


def uid_of(data: bytes) -> str:
    """The uid of a review, as far as one can be read; what answers another one is not taken for this one's answer."""
    try:
        found = msgspec.json.decode(data, type=_Loose)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return found.request.uid if found.request else ""


def read(data: bytes) -> Request:
    """The request of a review. Raises BadInput: it is not one of v1, or parsers could read it differently."""
    strict_json.check(data, SUBJECT)
    try:
        found = msgspec.json.decode(data, type=_Review)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise Malformed(SUBJECT, str(e).lower()[:160], f"a review of {VERSION}") from None
    if found.api_version != VERSION or found.kind not in {"", KIND}:
        raise Malformed(SUBJECT, f"{found.kind[:40]} of {found.api_version[:40]!r}", f"{KIND} of {VERSION}")
    request = found.request
    if request is None or not request.uid:
        raise Malformed(SUBJECT, "no request with a uid" if request is None else "no uid", "a request with a uid")
    if request.operation not in OPERATIONS:
        raise Malformed(SUBJECT, f"operation {request.operation[:40]!r}", " or ".join(sorted(OPERATIONS)))
    if request.operation in {"CREATE", "UPDATE"} and request.new() is None:
        raise Malformed(SUBJECT, f"{request.operation} of no object", "the object")
    return request


def malformed(error: BadInput) -> Verdict:
    """The verdict on what cannot be read."""
    return Verdict((Reason("7", "malformed", f"{error.subject}: {error.found}", error.wanted),))


def answer(uid: str, verdict: Verdict, mode: Mode = Mode.DENY) -> dict[str, object]:
    """The review that answers: refused where the mode is `deny`, else allowed and, in `warn`, said to the caller."""
    holds = mode is Mode.DENY and not verdict.allowed
    response: dict[str, object] = {"uid": uid, "allowed": not holds}
    text = message(verdict)
    if holds:
        response["status"] = {"status": "Failure", "reason": "Forbidden", "code": 403, "message": text}
    if not verdict.allowed:
        response["auditAnnotations"] = {
            "mode": mode.value,
            "clauses": ",".join(dict.fromkeys(r.clause for r in verdict.reasons)),
            "roads": ",".join(dict.fromkeys(r.road for r in verdict.reasons)),
        }
    if verdict.exempt:
        response["auditAnnotations"] = {"exempt": verdict.exempt}
    if mode is Mode.WARN and not verdict.allowed:
        # What is beyond 256 characters may be cut by the API server (k8s.io/api/admission/v1).
        response["warnings"] = [f"gpu isolation would deny this: {r}"[:256] for r in verdict.reasons]
    return {"apiVersion": VERSION, "kind": KIND, "response": response}


def message(verdict: Verdict) -> str:
    """Every reason in a line of text."""
    return f"gpu isolation: {'; '.join(str(r) for r in verdict.reasons)}"[:_LONGEST]
