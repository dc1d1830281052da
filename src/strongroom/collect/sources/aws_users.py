"""`aws-users:FILE`: the credential report of IAM, as CSV or as `aws iam get-credential-report` prints it."""

import hashlib

from strongroom.collect.aws.document import bytes_of, owner
from strongroom.collect.aws.logins import FIRST, Login, ReportError, logins
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed, TooLarge
from strongroom.model.estate import Asset, Estate, Fact, Gap, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.ports import Collector, Peek, Request
from strongroom.model.values import Where

HINT = "aws iam generate-credential-report && aws iam get-credential-report > report.json"
WHAT = "a credential report of IAM"
KINDS = (Kind.IDENTITY,)


def recognises(peek: Peek) -> int:
    """CSV that begins with the columns of a report, or the JSON that the command line wraps it into."""
    if peek.is_dir:
        return 0
    head = peek.head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(",".join(FIRST).encode()) and b"mfa_active" in head.partition(b"\n")[0]:
        return 96
    return (
        92 if head.startswith(b"{") and b'"Content"' in head and b'"ReportFormat"' in head[-4096:] + head[:4096] else 0
    )


def collect(request: Request) -> Estate:
    """Read one report. Raises BadInput when it is none; a row that cannot be used is a gap."""
    data = bytes_of(request, WHAT, HINT)
    assets: dict[str, Asset] = {}
    gaps: list[Gap] = []
    try:
        for row in logins(data):
            if isinstance(row, ReportError):
                gaps.append(_gap(row, request))
            elif row.arn in assets:
                gaps.append(
                    _gap(ReportError(GapCode.DUPLICATE_KEY, f"{row.name[:60]} stands twice", row.line), request)
                )
            else:
                assets[row.arn] = _asset(row, request)
    except ReportError as e:
        subject = f"{request.target}:{e.line}" if e.line else request.target
        error = TooLarge if e.code is GapCode.TOO_LARGE else Malformed
        raise error(subject, e.detail, WHAT, HINT) from None
    title = f"credential report {request.target}"
    digest = hashlib.sha256(data).hexdigest()
    source = SourceRead(request.spec, "aws-users", title, 1, len(data), KINDS, digest)
    return Estate(tuple(assets.values()), tuple(gaps), (source,), request.now)


def _gap(e: ReportError, request: Request) -> Gap:
    where = Where(request.target, e.line, e.line)
    return Gap(f"{request.target}:{e.line}", request.spec, e.code, e.detail, where, KINDS)


def _asset(row: Login, request: Request) -> Asset:
    return Asset(
        id=f"aws:{row.arn}",
        kind=Kind.IDENTITY,
        native_type="AWS::IAM::User",
        address=row.arn,
        provider="aws",
        account=owner(row.arn)[1],
        name=row.name,
        aliases=(row.arn,),
        facts={name: Fact(name, value, None, request.spec) for name, value in row.facts.items()},
        where=Where(request.target, row.line, row.line),
        origin=request.spec,
    )


COLLECTOR = Collector(
    scheme="aws-users",
    title="IAM credential report",
    reads="the CSV of a credential report, or the JSON that aws iam get-credential-report prints",
    kinds=KINDS,
    recognises=recognises,
    collect=collect,
)
