"""`gcp-users:FILE`: how people sign in to an organisation of Google, as the Admin SDK's directory tells it."""

import hashlib
from pathlib import Path

from strongroom.collect.aws.document import bytes_of
from strongroom.collect.gcp.people import Person, person, rows
from strongroom.collect.json_lines import documents
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed
from strongroom.model.estate import Asset, Estate, Fact, Gap, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.ports import Collector, Peek, Request
from strongroom.model.values import Where

HINT = "the answer of GET https://admin.googleapis.com/admin/directory/v1/users?customer=my_customer, each page of it"
WHAT = "answers of the Admin SDK's users.list"
KINDS = (Kind.IDENTITY,)


def recognises(peek: Peek) -> int:
    """JSON in which a user of the directory stands near the beginning."""
    head = peek.head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if peek.is_dir or head[:1] not in (b"{", b"["):
        return 0
    return 93 if b'"primaryEmail"' in head and (b"admin#directory#user" in head or b'"isEnrolledIn2Sv"' in head) else 0


def collect(request: Request) -> Estate:
    """Read the answers in one file. Raises BadInput when nobody is told of; pages that are missing are a gap."""
    data = bytes_of(request, WHAT, HINT)
    more: list[str] = []
    listed = list(rows(documents(data, request.target, WHAT, HINT), more))
    found = {p.id: p for row in listed if (p := person(row)) is not None}
    if not found:
        raise Malformed(request.target, "nobody", WHAT, HINT)
    details = [f"there are further pages {m}, which are not in the file" for m in more]
    nameless = sum(person(row) is None for row in listed)
    if nameless:
        details.append(f"{nameless} of {len(listed)} users have no primaryEmail")
    where = Where(request.target)
    gaps = tuple(Gap(f"{request.target}: users", request.spec, GapCode.LOST, d, where, KINDS) for d in details)
    digest = hashlib.sha256(data).hexdigest()
    title = f"people of Google {Path(request.target).name}"
    source = SourceRead(request.spec, "gcp-users", title, 1, len(data), KINDS, digest)
    return Estate(tuple(_asset(p, request) for p in found.values()), gaps, (source,), request.now)


def _asset(p: Person, request: Request) -> Asset:
    return Asset(
        id=f"gcp:user/{p.id}",
        kind=Kind.IDENTITY,
        native_type="google_user",
        address=f"user:{p.name}",
        provider="gcp",
        name=p.name,
        aliases=(p.id,),
        facts={name: Fact(name, value, None, request.spec) for name, value in p.facts.items()},
        where=Where(request.target, path=p.name),
        origin=request.spec,
    )


COLLECTOR = Collector(
    scheme="gcp-users",
    title="people of Google",
    reads="answers of the Admin SDK Directory API's users.list, as JSON",
    kinds=KINDS,
    recognises=recognises,
    collect=collect,
)
