"""`azure-users:FILE`: how people sign in to a tenant of Entra ID, as Microsoft Graph tells it."""

import hashlib
from pathlib import Path

from strongroom.collect.aws.document import bytes_of
from strongroom.collect.azure.people import people, tenant
from strongroom.collect.json_lines import documents
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed
from strongroom.model.estate import Asset, Estate, Fact, Gap, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.ports import Collector, Peek, Request
from strongroom.model.values import Where

HINT = (
    "az rest --url https://graph.microsoft.com/v1.0/reports/authenticationMethods/userRegistrationDetails > users.json"
)
WHAT = "answers of Microsoft Graph about userRegistrationDetails or users"
KINDS = (Kind.IDENTITY,)


def recognises(peek: Peek) -> int:
    """JSON in which a registration, or a user with its sign-ins, stands near the beginning."""
    head = peek.head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if peek.is_dir or head[:1] not in (b"{", b"["):
        return 0
    return 93 if b'"userPrincipalName"' in head and (b'"isMfaRegistered"' in head or b'"signInActivity"' in head) else 0


def collect(request: Request) -> Estate:
    """Read the answers in one file. Raises BadInput when nobody is told of; pages that are missing are a gap."""
    data = bytes_of(request, WHAT, HINT)
    found = tenant(documents(data, request.target, WHAT, HINT))
    assets = tuple(
        Asset(
            id=f"azure:user/{p.id}",
            kind=Kind.IDENTITY,
            native_type="azuread_user",
            address=p.name,
            provider="azure",
            name=p.name,
            aliases=(p.id,),
            facts={name: Fact(name, value, None, request.spec) for name, value in p.facts.items()},
            where=Where(request.target, path=p.name),
            origin=request.spec,
        )
        for p in people(found)
    )
    if not assets:
        raise Malformed(request.target, "nobody", WHAT, HINT)
    where = Where(request.target)
    gaps = tuple(
        Gap(
            f"{request.target}: {about}",
            request.spec,
            GapCode.LOST,
            "there are further pages, which are not in the file",
            where,
            KINDS,
        )
        for about in found.more
    )
    digest = hashlib.sha256(data).hexdigest()
    title = f"people of Entra ID {Path(request.target).name}"
    source = SourceRead(request.spec, "azure-users", title, 1, len(data), KINDS, digest)
    return Estate(assets, gaps, (source,), request.now)


COLLECTOR = Collector(
    scheme="azure-users",
    title="people of Entra ID",
    reads="answers of Microsoft Graph: userRegistrationDetails, conditionalAccess/policies, users with signInActivity, as JSON",
    kinds=KINDS,
    recognises=recognises,
    collect=collect,
)
