"""`scrub:LOG`: a log of scrubs, which says of each GPU what was done between two tenants.

Here the log is only named; `app` audits it, reads its entries, and lays the GPUs that they are of in its place.
"""

from pathlib import Path

from strongroom.model.errors import Unreadable
from strongroom.model.estate import Asset, Estate, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.ports import Collector, Peek, Request
from strongroom.model.values import Where

NATIVE = "strongroom.scrub-log"
_SETTINGS = "log.json"


def recognises(_: Peek) -> int:
    """Never by itself: a log may hold anything, and a state's own log lies beside it."""
    return 0


def collect(request: Request) -> Estate:
    """The log, by its place. Raises Unreadable where there is none."""
    path = Path(request.target)
    if not (path / _SETTINGS).is_file():
        hint = "strongroom doctor says where the log is"
        raise Unreadable(str(path), "no log", "the folder of a log", hint)
    prefix = f"{request.label}:" if request.label else ""
    asset = Asset(
        id=f"{prefix}scrub-log:{path.name}",
        kind=Kind.GPU,
        native_type=NATIVE,
        address=request.target,
        name=path.name,
        where=Where(str(path)),
        origin=request.spec,
    )
    read = SourceRead(request.spec, "scrub", "a log of scrubs", 1, 0, (Kind.GPU,))
    return Estate((asset,), (), (read,), request.now)


COLLECTOR = Collector(
    scheme="scrub",
    title="A log of scrubs",
    reads="the transparency log that `strongroom scrub` writes into, read-only: it is audited, and its entries are read",
    kinds=(Kind.GPU,),
    recognises=recognises,
    collect=collect,
)
