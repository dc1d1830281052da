"""How the users of a running account sign in: its credential report, which IAM writes when it is asked to."""

import time
from collections.abc import Iterator

from strongroom.collect.aws.answers import Failure
from strongroom.collect.aws.asking import FIRST
from strongroom.collect.aws.document import owner
from strongroom.collect.aws.logins import Login, ReportError, logins
from strongroom.collect.aws.session import Account, asked_in
from strongroom.collect.aws.walking import Deadline
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Fact, Gap
from strongroom.model.kinds import Kind
from strongroom.model.values import Where

_WRITE, _READ = FIRST[2], FIRST[3]
_TRIES = 20
_PAUSE = 0.5  # seconds between two looks at a report that is being written


def people(account: Account, spec: str, deadline: Deadline) -> tuple[list[Asset], list[Gap]]:
    """The users of the report with what it says of them; a gap where there is none, or a row that cannot be used."""
    found: list[Asset] = []
    gaps: list[Gap] = []
    for one in _rows(account, deadline):
        if isinstance(one, Login):
            found.append(_asset(one, spec))
        else:
            where = Where(spec, path=_READ.needs)
            gaps.append(Gap("credential report of IAM", spec, one.code, one.detail, where, (Kind.IDENTITY,)))
    return found, gaps


def _rows(account: Account, deadline: Deadline) -> Iterator[Login | ReportError | Failure]:
    for _ in range(_TRIES):
        if not deadline.left():
            yield deadline.failure(_WRITE.needs)
            return
        told = asked_in(account, account.home, _WRITE, {})
        if told.failure is not None:
            yield told.failure
            return
        if any(isinstance(t, dict) and t.get("State") == "COMPLETE" for t in told.found):
            yield from _report(account)
            return
        time.sleep(min(_PAUSE, deadline.left()))
    yield Failure(GapCode.TIMEOUT, "", f"{_WRITE.needs}: the report was still being written when it was last asked for")


def _report(account: Account) -> Iterator[Login | ReportError | Failure]:
    told = asked_in(account, account.home, _READ, {})
    if told.failure is not None:
        yield told.failure
        return
    answer = told.found[0] if told.found else None
    text = answer.get("Content") if isinstance(answer, dict) else None
    try:
        yield from logins(text.encode() if isinstance(text, str) else b"")
    except ReportError as e:
        yield e


def _asset(row: Login, spec: str) -> Asset:
    """A user as the report shows it; what is known of it elsewhere is joined by its ARN."""
    return Asset(
        id=f"aws:{row.arn}",
        kind=Kind.IDENTITY,
        native_type="AWS::IAM::User",
        address=row.arn,
        provider="aws",
        account=owner(row.arn)[1],
        name=row.name,
        aliases=(row.arn,),
        facts={n: Fact(n, value, None, spec) for n, value in row.facts.items()},
        where=Where(spec, path=f"{_READ.needs} {row.name}"),
        origin=spec,
    )
