"""Google Cloud's attestation token: a JSON Web Token, or the bare set of its claims as tools write it down.

Source: "Attestation token claims" of Confidential Space, cloud.google.com/confidential-computing; RFC 9711 (EAT) for
the claims that it takes from there; RFC 7519 for times.
"""

import re
from datetime import UTC, datetime

import msgspec

from strongroom.kit import jose, strict_json
from strongroom.model.attest import EvidencePart, Json
from strongroom.model.errors import BadInput, Malformed

TOKEN, CLAIMS = "token", "claims"
ISSUER = "https://confidentialcomputing.googleapis.com"
_JWT = re.compile(rb"\s*[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\s*")
_SUBJECT = "claims of the token"


class Space(msgspec.Struct, frozen=True):
    """What is said of the Confidential Space image."""

    support_attributes: tuple[str, ...] = ()


class Container(msgspec.Struct, frozen=True):
    """What is said of the workload."""

    image_reference: str = ""
    image_digest: str = ""
    image_id: str = ""
    restart_policy: str = ""
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    env_override: dict[str, str] | None = None
    cmd_override: tuple[str, ...] | None = None


class Instance(msgspec.Struct, frozen=True):
    """What is said of the virtual machine."""

    zone: str = ""
    project_id: str = ""
    project_number: str = ""
    instance_name: str = ""
    instance_id: str = ""


class Submodules(msgspec.Struct, frozen=True):
    """The parts of an attester. What is said of GPUs is passed on as it stands."""

    confidential_space: Space | None = None
    container: Container | None = None
    gce: Instance | None = None
    nvidia_gpu: msgspec.Raw = msgspec.Raw(b"null")


class Claims(msgspec.Struct, frozen=True):
    """The claims that are judged. Times are seconds since 1970."""

    iss: str
    aud: str
    exp: int
    iat: int
    nbf: int
    sub: str = ""
    eat_nonce: str | tuple[str, ...] = ()
    secboot: bool | None = None
    hwmodel: str = ""
    swname: str = ""
    swversion: str | tuple[str, ...] = ()
    dbgstat: str = ""
    oemid: int = 0
    submods: Submodules = Submodules()
    google_service_accounts: tuple[str, ...] = ()

    @property
    def nonces(self) -> tuple[str, ...]:
        """The nonces, one or several."""
        return (self.eat_nonce,) if isinstance(self.eat_nonce, str) else self.eat_nonce

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions of the software."""
        return (self.swversion,) if isinstance(self.swversion, str) else self.swversion

    @property
    def image_digest(self) -> str:
        """The digest of the container image, in hex without its algorithm; empty where none is named."""
        held = self.submods.container.image_digest if self.submods.container else ""
        return held.removeprefix("sha256:") if held.startswith("sha256:") else ""


def claims(data: bytes) -> Claims:
    """The claims of a payload. Raises Malformed."""
    try:
        return msgspec.json.decode(data, type=Claims)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise Malformed(_SUBJECT, str(e)[:200], "the claims of an attestation token") from None


def strictly(data: bytes) -> Claims:
    """The same, of a payload that no two parsers read differently. Raises Malformed, TooLarge."""
    strict_json.check(data, _SUBJECT)
    return claims(data)


def moment(seconds: int) -> datetime | None:
    """A time of a claim; None for one that no calendar has."""
    return datetime.fromtimestamp(seconds, UTC) if 0 <= seconds < 253402300800 else None


def gpu(found: Claims) -> Json:
    """What the token says of GPUs, as it says it."""
    try:
        held: Json = msgspec.json.decode(found.submods.nvidia_gpu)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return held


def recognises(data: bytes) -> int:
    """By the issuer, in the claims or in the payload of the token."""
    if data.lstrip()[:1] == b"{":
        mine = b'"' + ISSUER.encode() + b'"' in data[:4096] and b'"iss"' in data[:4096]
        return 95 if mine else 0
    if len(data) > jose.MOST or not _JWT.fullmatch(data):
        return 0
    try:
        held = claims(jose.unpadded(data.strip().split(b".")[1], _SUBJECT))
    except BadInput:
        return 0
    return 98 if held.iss == ISSUER else 60 if held.hwmodel.startswith("GCP_") else 0


def read(data: bytes) -> tuple[EvidencePart, ...]:
    """The part: a token, or claims without a signature."""
    if data.lstrip()[:1] == b"{":
        return (EvidencePart(CLAIMS, "application/json", data),)
    return (EvidencePart(TOKEN, "application/eat+jwt", data.strip()),)
