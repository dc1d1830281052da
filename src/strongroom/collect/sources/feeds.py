"""`feeds:DIR`: the feeds that are kept, each publisher as something that watches."""

from pathlib import Path

from strongroom.collect.feeds.kept import Shelf
from strongroom.model.advisory import Asked, Check, Document, Feed
from strongroom.model.errors import NotFound
from strongroom.model.estate import Asset, Estate, Fact, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.ports import Collector, Peek, Request
from strongroom.model.values import Value, Where

NATIVE = "strongroom.feed"
_MOST = 20


def recognises(_: Peek) -> int:
    """Never by itself: it is a folder of this program's own."""
    return 0


def collect(request: Request) -> Estate:
    """What is kept. Raises NotFound where nothing is, Malformed where it is damaged."""
    shelf = Shelf(Path(request.target))
    feed = Feed(shelf.documents(), shelf.signals(), asked=shelf.asked())
    if not feed.documents and not feed.signals:
        hint = "strongroom feeds status says where feeds are kept"
        raise NotFound(request.target, "no feed", "a folder of feeds", hint)
    of: dict[str, list[Document]] = {}
    for one in feed.documents:
        of.setdefault(one.publisher, []).append(one)
    assets = [_asset(name, _documents(feed, name, held), feed.asked, request) for name, held in sorted(of.items())]
    for known in feed.signals:
        told = max((a.at[:10] for a in feed.asked if known.kind in a.gives and not a.trouble), default="")
        facts: dict[str, Value] = {"feed.as_of": max(known.as_of, told), "feed.documents": 1, "feed.doubted": ()}
        assets.append(_asset(known.kind, facts, feed.asked, request))
    read = SourceRead(request.spec, "feeds", "feeds of vulnerabilities", len(assets), 0, (Kind.DETECTOR,))
    return Estate(tuple(assets), (), (read,), request.now)


def _documents(feed: Feed, name: str, held: list[Document]) -> dict[str, Value]:
    doubted = [d.id for d in held if d.check in {Check.MISMATCH, Check.UNSIGNED}]
    more = (f"and {len(doubted) - _MOST} more",) if len(doubted) > _MOST else ()
    return {
        "feed.as_of": feed.goes_to((name,)), "feed.documents": len(held), "feed.doubted": (*doubted[:_MOST], *more),
    }  # fmt: skip


def _asset(name: str, facts: dict[str, Value], asked: tuple[Asked, ...], request: Request) -> Asset:
    mine = [a for a in asked if name in a.gives]
    newest = max(mine, key=lambda a: a.at, default=None)
    told: dict[str, Value] = {
        "feed.publisher": name, **facts, "feed.asked_at": newest.at if newest else "",
        "feed.trouble": next((a.trouble for a in mine if a.trouble), ""),
    }  # fmt: skip
    where = Where(request.target)
    prefix = f"{request.label}:" if request.label else ""
    return Asset(
        id=f"{prefix}feed:{name}",
        kind=Kind.DETECTOR,
        native_type=NATIVE,
        address=f"feed of {name or 'nobody'}",
        name=name,
        facts={n: Fact(n, v, where, request.spec) for n, v in told.items()},
        where=where,
        origin=request.spec,
    )


COLLECTOR = Collector(
    scheme="feeds",
    title="Feeds of vulnerabilities",
    reads="the folder that `strongroom feeds` keeps, read-only: how old each publisher's documents are, and which are in doubt",
    kinds=(Kind.DETECTOR,),
    recognises=recognises,
    collect=collect,
)
