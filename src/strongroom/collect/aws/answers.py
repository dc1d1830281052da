"""One question to an AWS service, to its last page, and what is wrong where there is no answer.

Source: the common errors of the services' API references; `botocore`'s standard retries (a token bucket for each client).
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from strongroom.collect.aws.asking import Call
from strongroom.model.codes import GapCode

ATTEMPTS = 3  # of one question
MOST_PAGES = 20_000  # of one list
_DENIED = frozenset(
    {
        "AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException", "Forbidden",
        "ForbiddenException", "UnauthorizedOperation", "UnauthorizedException", "UnrecognizedClientException",
        "InvalidClientTokenId", "AuthFailure", "NotAuthorizedException", "OptInRequired", "ExpiredToken",
        "ExpiredTokenException", "AccessDeniedForDependencyException", "403",
    }
)  # fmt: skip
_BUSY = frozenset(
    {
        "Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "TooManyRequestsException",
        "RequestThrottled", "RequestThrottledException", "SlowDown", "BandwidthLimitExceeded", "LimitExceededException",
        "PriorRequestNotComplete", "TransactionInProgressException", "EC2ThrottledException", "429",
    }
)  # fmt: skip
_NOWHERE = frozenset({"EndpointConnectionError", "UnknownEndpoint", "InvalidAction", "UnsupportedOperation"})


class Paginator(Protocol):
    """What is used of botocore's paginator."""

    def paginate(self, **arguments: object) -> Iterable[dict[str, object]]:
        """The pages of an answer."""


class Client(Protocol):
    """What is used of a client of boto3, which has no types of its own."""

    def can_paginate(self, operation: str) -> bool:
        """Whether an operation has pages."""

    def get_paginator(self, operation: str) -> Paginator:
        """What turns them."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer, or only the first part of one. `error` is the service's own code."""

    code: GapCode
    error: str
    detail: str


@dataclass(frozen=True, slots=True)
class Told:
    """What was answered: the values that the call takes, and why that is not all, if it is not. `calls` were made."""

    found: tuple[object, ...]
    failure: Failure | None
    calls: int = 1


@dataclass(frozen=True, slots=True)
class Faults:
    """What boto3 raises, known once it is loaded."""

    raised: tuple[type[Exception], ...]
    parsing: tuple[type[Exception], ...]
    slow: tuple[type[Exception], ...]
    method: Callable[[str], str]


def ask(client: Client, call: Call, arguments: Mapping[str, object], faults: Faults) -> Told:
    """Every page of an answer. Nothing is raised for what a service or the way to it does wrong."""
    name = faults.method(call.operation)
    pages: list[object] = []
    failure: Failure | None = None
    try:
        if client.can_paginate(name):
            for page in client.get_paginator(name).paginate(**arguments):
                pages.append(page)
                if len(pages) > MOST_PAGES:
                    failure = _too_many(call)
                    break
        else:
            pages.append(getattr(client, name)(**arguments))
    except faults.raised as e:
        failure = _failure(e, call, faults)
    found = tuple(plain(f) for page in pages for f in taken(page, call.takes))
    return Told(found, failure, max(1, len(pages)))


def _too_many(call: Call) -> Failure:
    return Failure(GapCode.TOO_LARGE, "", f"{call.needs}: more than {MOST_PAGES} pages")


def taken(answer: object, path: str) -> list[object]:
    """What stands at a path of an answer, through every list on the way; the whole answer for no path."""
    here = [answer]
    for step in path.split(".") if path else ():
        inner = [one.get(step) for one in here if isinstance(one, dict)]
        here = [v for one in inner for v in (one if isinstance(one, list) else [one]) if v is not None]
    if path:
        return here
    return [{k: v for k, v in one.items() if k != "ResponseMetadata"} for one in here if isinstance(one, dict)]


def plain(value: object) -> object:
    """A value as JSON would have it: a time as its text, octets as text where they are that."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace")
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _failure(error: Exception, call: Call, faults: Faults) -> Failure:
    named, said, status = _told(error)
    if isinstance(error, faults.slow):
        return Failure(GapCode.TIMEOUT, named, f"{call.needs} did not answer in time ({named})")
    if isinstance(error, faults.parsing):
        return Failure(GapCode.MALFORMED, named, f"{call.needs}: the answer is none that AWS gives ({named})")
    if named in _DENIED or status == 403:
        return Failure(GapCode.DENIED, named, f"no permission for {call.needs} ({named}); the reader's policy lacks it")
    if named in _BUSY or status == 429:
        return Failure(GapCode.NOT_FETCHED, named, f"{call.needs} was put off {ATTEMPTS} times ({named})")
    more = f": {said}" if said else ""
    return Failure(GapCode.NOT_FETCHED, named, f"{call.needs} failed ({named}{more})")


def _told(error: Exception) -> tuple[str, str, int]:
    """The service's code, its words, and the status. Words may hold what an attacker wrote: they are cut and made plain."""
    answer: object = getattr(error, "response", None)
    if not isinstance(answer, dict):
        return type(error).__name__, "", 0
    told, meta = answer.get("Error"), answer.get("ResponseMetadata")
    code = str(told.get("Code", "")) if isinstance(told, dict) else ""
    said = str(told.get("Message", "")) if isinstance(told, dict) else ""
    status = meta.get("HTTPStatusCode") if isinstance(meta, dict) else 0
    known = isinstance(status, int)
    # A page is no message: it comes from whatever stands before the service.
    shown = "" if "<" in said else "".join(c if c.isprintable() else " " for c in said)[:120].strip()
    return _word(code) or str(status), shown, status if known and isinstance(status, int) else 0


def _word(code: str) -> str:
    return "".join(c for c in code if c.isalnum() or c in "._-:")[:80]


def unset(call: Call, failure: Failure) -> bool:
    """Whether an error only says that nothing is set, or not switched on."""
    for one in call.unset:
        code, _, words = one.partition(":")
        if failure.error == code and words.lower() in failure.detail.lower():
            return True
    return False


def nowhere(failure: Failure) -> bool:
    """Whether the region may not have the service at all."""
    return failure.error in _NOWHERE


def canonical(value: object) -> bytes:
    """The octets of an answer that its digest is over."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode()
