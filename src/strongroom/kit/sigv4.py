"""AWS Signature Version 4: what a request to a service of AWS is signed with ("Create a signed AWS API request").

For requests whose path and query need no encoding, which is all that the services spoken to here have. The time is an
argument: AWS refuses a signature whose time is more than some minutes away from its own.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

_HOW = "AWS4-HMAC-SHA256"


class Credentials(NamedTuple):
    """An access key. `token` is there where it is of a session. It is never printed."""

    access: str
    secret: str
    token: str = ""

    def __repr__(self) -> str:
        """Nothing of what is inside."""
        return "Credentials(…)"


class Request(NamedTuple):
    """What is signed: all of `headers` are, and `host`."""

    method: str
    host: str
    path: str
    headers: Mapping[str, str]
    payload: bytes


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signed(request: Request, credentials: Credentials, region: str, service: str, now: datetime) -> dict[str, str]:
    """The request's headers with those that sign it; `Host` stays out, since the connection writes it."""
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    more = {"X-Amz-Date": stamp} | ({"X-Amz-Security-Token": credentials.token} if credentials.token else {})
    headers = {**request.headers, **more}
    told = {name.lower(): " ".join(value.split()) for name, value in {**headers, "Host": request.host}.items()}
    names = ";".join(sorted(told))
    canonical = "\n".join(
        (
            request.method,
            request.path,
            "",  # no query
            *(f"{name}:{told[name]}" for name in sorted(told)),
            "",
            names,
            hashlib.sha256(request.payload).hexdigest(),
        )
    )
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = "\n".join((_HOW, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = b"AWS4" + credentials.secret.encode()
    for part in scope.split("/"):
        key = _mac(key, part)
    said = f"{_HOW} Credential={credentials.access}/{scope}, SignedHeaders={names}, Signature={_mac(key, text).hex()}"
    return {**headers, "Authorization": said}
