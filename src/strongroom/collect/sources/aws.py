"""`aws:[PROFILE][+ROLE][@REGION,…]`: an AWS account as it is, or all accounts of an organisation; nothing is changed in it."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta

from strongroom.collect.aws import session, telling
from strongroom.collect.aws.asking import listings
from strongroom.collect.aws.signing_in import people
from strongroom.collect.aws.walking import Deadline, Walk, Walked
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadUsage
from strongroom.model.estate import Asset, Estate, Gap, SourceRead
from strongroom.model.ports import Collector, Peek, Request
from strongroom.model.values import Where

JOBS = timedelta(days=90)
"""How far back jobs are read."""
_HINT = "strongroom assess --help (aws-config:, aws-iam: and aws-users: read files)"


def recognises(peek: Peek) -> int:
    """An account is no path."""
    del peek
    return 0


def collect(request: Request) -> Estate:
    """Read an account, or those of an organisation.

    Raises BadUsage for a target that is none, or with --offline; Unreadable, BadInput where there is no way in at all. What
    is refused, late or half told is a gap, or unknown in what it would have told.
    """
    asked = session.parsed(request.spec, request.target)
    if request.limits.outside.offline:
        raise BadUsage(request.spec, "a running account", "files with --offline", _HINT)
    deadline = Deadline(request.limits.wall_seconds)
    account = session.opened(request.spec, asked, request.limits.wall_seconds)
    assets: list[Asset] = []
    gaps: list[Gap] = []
    walks: list[Walked] = []
    for one in _accounts(account, asked, request, gaps):
        if one.regions_doubt:
            gaps.append(_gap(request, f"regions of {one.number}", GapCode.DENIED, one.regions_doubt))
        since = (request.now - JOBS).isoformat()
        walked = Walk(one, listings(), since, deadline, request.progress).run()
        walks.append(walked)
        assets += telling.Account(walked, one.number, request.spec).assets()
        gaps += telling.gaps(walked, request.spec)
        logins, missed = people(one, request.spec, deadline)
        assets += logins
        gaps += missed
    digest = hashlib.sha256("".join(w.digest for w in walks).encode()).hexdigest()
    calls, size = sum(w.calls for w in walks), sum(w.size for w in walks)
    title = f"AWS account {account.number}" + (f" and {len(walks) - 1} more" if len(walks) > 1 else "")
    source = SourceRead(request.spec, "aws", title, calls, size, telling.kinds(), digest)
    return Estate(tuple(assets), tuple(gaps), (source,), request.now)


def _accounts(
    first: session.Account, asked: session.Asked, request: Request, gaps: list[Gap]
) -> Iterator[session.Account]:
    """The account of the credentials, and those of its organisation where a role in them is named."""
    yield first
    if not asked.role:
        return
    numbers, doubt = session.members(first)
    if doubt:
        gaps.append(_gap(request, "accounts of the organisation", GapCode.DENIED, doubt))
    for number in numbers:
        if number == first.number:
            continue
        one = session.member(request.spec, first, number, asked)
        if isinstance(one, str):
            gaps.append(_gap(request, f"account {number}", GapCode.DENIED, one))
        else:
            yield one


def _gap(request: Request, scope: str, code: GapCode, detail: str) -> Gap:
    return Gap(scope, request.spec, code, detail, Where(request.spec, path=scope))


COLLECTOR = Collector(
    scheme="aws",
    title="AWS account",
    reads="a running account by the credentials that boto3 finds: aws:, aws:PROFILE, aws:PROFILE@REGION, aws:PROFILE+ROLE",
    kinds=telling.kinds(),
    recognises=recognises,
    collect=collect,
)
