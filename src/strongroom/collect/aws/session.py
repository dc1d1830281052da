"""A way into an AWS account: credentials as boto3 finds them, a client for each service and region, and whose account it is."""

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, cast

from strongroom.collect.aws.answers import ATTEMPTS, Client, Failure, Faults, Told, ask
from strongroom.collect.aws.asking import ACROSS, FIRST, Call
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput, BadUsage, Unreadable

AT_ONCE = 12  # questions
_TARGET = re.compile(
    r"(?P<profile>[^@+/\\]{0,128})(?:\+(?P<role>[\w+=,.-]{1,64}))?(?:@(?P<regions>[a-z0-9,-]{1,400}))?"
)
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d{1,2}")
_WANTED = "aws:[PROFILE][+ROLE][@REGION[,REGION…]]"
_EXPORTS = "strongroom assess --help (aws-config:, aws-iam: and aws-users: read files)"
_HOMES = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
_MOST_WAIT = 20.0  # seconds for an answer


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands behind `aws:`: a profile, the role to take in every account of the organisation, and regions."""

    profile: str = ""
    role: str = ""
    regions: tuple[str, ...] = ()


def parsed(spec: str, target: str) -> Asked:
    """The parts of a target. Raises BadUsage."""
    found = _TARGET.fullmatch(target)
    regions = tuple(dict.fromkeys(r for r in (found["regions"] or "").split(",") if r)) if found else ()
    bad = next((r for r in regions if not _REGION.fullmatch(r)), None)
    if found is None or bad is not None or (found["regions"] is not None and not regions):
        raise BadUsage(spec, f"the region {bad!r}" if bad else repr(target[:80]), _WANTED, _EXPORTS)
    return Asked(found["profile"] or "", found["role"] or "", regions)


class _Session(Protocol):
    """What is used of a session of boto3."""

    region_name: str | None

    def client(self, service: str, **options: object) -> Client: ...
    def get_available_regions(self, service: str, partition_name: str = ...) -> list[str]: ...


@dataclass(slots=True)
class Account:
    """One account that is read, by one session. Clients are shared by threads and made by one at a time."""

    session: _Session
    faults: Faults
    config: object
    number: str = ""
    partition: str = "aws"
    home: str = ""
    regions: tuple[str, ...] = ()
    regions_doubt: str = ""
    _clients: dict[tuple[str, str], Client] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, service: str, region: str) -> Client:
        """The client of a service in a region. Raises what boto3 raises."""
        with self._lock:
            made = self._clients.get((service, region))
            if made is None:
                made = self.session.client(service, region_name=region, config=self.config)
                self._clients[service, region] = made
            return made

    def offered(self, service: str, region: str) -> bool:
        """Whether boto3's catalogue has the service in the region; a service that it has nowhere counts as everywhere."""
        known = self.session.get_available_regions(service, partition_name=self.partition)
        return not known or region in known


def opened(spec: str, asked: Asked, wall_seconds: float) -> Account:
    """The account that the credentials are of.

    Raises Unreadable: boto3 is not there, no credentials, or the account does not answer; BadInput: no such profile.
    """
    try:
        import boto3.session  # noqa: PLC0415 - of an extra, and slow to import
        from botocore import xform_name  # noqa: PLC0415 - same
        from botocore.config import Config  # noqa: PLC0415 - same
        from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError  # noqa: PLC0415 - same
        from botocore.parsers import ResponseParserError  # noqa: PLC0415 - same
    except ModuleNotFoundError as e:
        raise Unreadable(spec, f"no module {e.name}", "boto3", "pip install 'strongroom[aws]'") from None
    wait = max(1.0, min(_MOST_WAIT, wall_seconds / 4))
    config = Config(
        connect_timeout=min(5.0, wait), read_timeout=wait, max_pool_connections=AT_ONCE,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS}, user_agent_extra="strongroom",
    )  # fmt: skip
    # boto3's own parsers fall over answers that are none of the service's: that, too, is what the service did.
    parsing = (ResponseParserError, ValueError, LookupError, TypeError, AttributeError)
    late = (ReadTimeoutError, ConnectTimeoutError)
    faults = Faults((BotoCoreError, ClientError, OSError, *parsing), parsing, late, xform_name)
    try:
        session = boto3.session.Session(profile_name=asked.profile or None)
    except BotoCoreError as e:
        raise BadInput(spec, f"{type(e).__name__}: profile {asked.profile!r}", "a profile of ~/.aws", _WANTED) from None
    session.events.register("before-parse", whole)
    account = Account(cast("_Session", session), faults, config)
    return known(spec, account, asked)


def whole(*, response_dict: Mapping[str, object], **told: object) -> None:
    """Refuse an answer without content, and one of a JSON service that is no JSON object: boto3 takes both for empty ones.

    Raises ValueError, which counts as what the service did.
    """
    body, status = response_dict.get("body"), response_dict.get("status_code")
    if not isinstance(body, bytes) or not isinstance(status, int) or status >= 300:
        return
    operation = told.get("operation_model")
    protocol = str(getattr(getattr(operation, "service_model", None), "resolved_protocol", ""))
    if not body.strip() or not _of_service(protocol, str(getattr(operation, "name", "")), body):
        raise ValueError("no answer of a service")


def _of_service(protocol: str, operation: str, body: bytes) -> bool:
    """Whether the octets have the form of the service's answers, as far as boto3's parsers take others for empty ones."""
    if "cbor" in protocol:
        return body[0] >> 5 == 5  # RFC 8949, section 3.1: a map
    if "json" in protocol:
        return isinstance(json.loads(body), dict)
    if protocol in {"ec2", "query"}:
        return f"<{operation}Response".encode() in body[:1024]
    return not body.lstrip().lower().startswith((b"<html", b"<!doctype"))


def known(spec: str, account: Account, asked: Asked) -> Account:
    """The same account with its number, partition and regions. Raises Unreadable where nobody says whose it is."""
    account.home = account.session.region_name or (asked.regions[0] if asked.regions else _HOMES["aws"])
    told = _ask(account, FIRST[0], {})
    if told.failure is not None or not told.found:
        found = told.failure.detail if told.failure else "no answer"
        raise Unreadable(spec, found, "credentials of an account", "aws sts get-caller-identity")
    answer = told.found[0]
    assert isinstance(answer, dict)
    account.number = str(answer.get("Account", ""))
    account.partition = str(answer.get("Arn", "arn:aws:")).split(":")[1] or "aws"
    if not account.session.region_name and not asked.regions:
        account.home = _HOMES.get(account.partition, account.home)
    account.regions = asked.regions
    if not asked.regions:
        listed = _ask(account, FIRST[1], {})
        names = [r.get("RegionName") for r in listed.found if isinstance(r, dict)]
        account.regions = tuple(sorted(n for n in names if isinstance(n, str))) or (account.home,)
        account.regions_doubt = listed.failure.detail if listed.failure is not None else ""
    return account


def _ask(account: Account, call: Call, arguments: Mapping[str, object]) -> Told:
    return asked_in(account, account.home, call, arguments)


def asked_in(account: Account, region: str, call: Call, arguments: Mapping[str, object]) -> Told:
    """What a service answers in a region; what is wrong with the way to it is told like what it answers."""
    try:
        client = account.client(call.service, region)
    except account.faults.raised as e:
        return Told((), Failure(GapCode.NOT_FETCHED, type(e).__name__, f"{call.needs}: no way to it in {region}"))
    return ask(client, call, arguments, account.faults)


def members(account: Account) -> tuple[tuple[str, ...], str]:
    """The numbers of the active accounts of the organisation, and why not all of them are known, if they are not."""
    told = _ask(account, ACROSS[0], {})
    active = [a for a in told.found if isinstance(a, dict) and a.get("Status") == "ACTIVE"]
    numbers = tuple(sorted(str(a.get("Id")) for a in active))
    return numbers, told.failure.detail if told.failure is not None else ""


def member(spec: str, from_: Account, number: str, asked: Asked) -> Account | str:
    """Another account of the organisation, by the role of that name in it; why not, where it cannot be taken."""
    arn = f"arn:{from_.partition}:iam::{number}:role/{asked.role}"
    told = _ask(from_, ACROSS[1], {"RoleArn": arn, "RoleSessionName": "strongroom"})
    keys = told.found[0].get("Credentials") if told.found and isinstance(told.found[0], dict) else None
    if not isinstance(keys, dict):
        return told.failure.detail if told.failure is not None else "no credentials in the answer"
    import boto3.session  # noqa: PLC0415 - of an extra, and slow to import

    session = boto3.session.Session(
        aws_access_key_id=str(keys.get("AccessKeyId")),
        aws_secret_access_key=str(keys.get("SecretAccessKey")),
        aws_session_token=str(keys.get("SessionToken")),
        region_name=from_.home,
    )
    session.events.register("before-parse", whole)
    account = Account(cast("_Session", session), from_.faults, from_.config)
    try:
        return known(spec, account, asked)
    except Unreadable as e:
        return e.found
