"""Asking the places that publish feeds: what changed since the last time, bounded in octets and time, and resumed where it ended.

A place is a provider of CSAF (its provider-metadata.json, changes.csv or ROLIE feed), or one file of any form that `import`
knows. An answer that does not come is no news: what is kept stays, and grows old.
"""

import io
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple, Protocol
from urllib.parse import urljoin, urlsplit

import msgspec

from strongroom.app import feeds_bundle
from strongroom.app.config import Config
from strongroom.app.feeds import Desk
from strongroom.app.feeds_words import Brought
from strongroom.collect.feeds import files, walking
from strongroom.collect.feeds.walking import Listed
from strongroom.kit import feed_bundle
from strongroom.ledger import asking
from strongroom.ledger.asking import Caller, Line
from strongroom.model.advisory import Asked, Document, Signals
from strongroom.model.errors import BadInput, Malformed

_SECONDS = 300.0  # for one answer, from the connection to the last byte
_LIST_MOST = 64 << 20
_DOCUMENT_MOST = 64 << 20
_BESIDE_MOST = 64 << 10
_HOPS = 2  # redirects, on the same host: EPSS sends one on to the file of the day
_MOVED = (301, 302, 303, 307, 308)
_NONE = (403, 404, 410)
_AGENT = "strongroom"
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}")


class Answer(NamedTuple):
    """What a place answered; header names are in lower case."""

    status: int
    body: bytes
    headers: dict[str, str]


class NoAnswerError(Exception):
    """There was no whole answer, or none that says anything; says why."""


class Ask(Protocol):
    """Sends one GET."""

    def __call__(self, url: str, most: int, headers: dict[str, str]) -> Answer:
        """The answer, whatever its status. Raises NoAnswerError."""
        ...


class Updated(NamedTuple):
    """What came of one place: what was brought, whether it said that nothing is new, and why it could not be asked, if so."""

    url: str
    brought: tuple[Brought, ...] = ()
    same: bool = False
    trouble: str = ""


class Http:
    """Asks over https; plain http goes to this machine alone. Connections are kept."""

    def __init__(self) -> None:
        self._callers: dict[str, Caller] = {}

    def __call__(self, url: str, most: int, headers: dict[str, str]) -> Answer:
        """The answer, after redirects on the same host. Raises NoAnswerError."""
        for _ in range(_HOPS + 1):
            found = self._once(url, most, headers)
            if found.status not in _MOVED:
                return found
            there = urljoin(url, found.headers.get("location", ""))
            if urlsplit(there)[:2] != urlsplit(url)[:2]:
                raise NoAnswerError(f"it sends on to {there[:120]}: name that place, if it is meant")
            url = there
        raise NoAnswerError("it sends on and on")

    def close(self) -> None:
        """Let go of the connections."""
        for caller in self._callers.values():
            caller.close()
        self._callers.clear()

    def _once(self, url: str, most: int, headers: dict[str, str]) -> Answer:
        try:
            parts = urlsplit(url)
            base = f"{parts.scheme}://{parts.netloc}"
            caller = self._callers.get(base) or Caller(base, Line(_SECONDS))
            self._callers[base] = caller
            tail = parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")
            found = caller.ask(tail, most, None, extra={"User-Agent": _AGENT, **headers})
        except asking.NoAnswerError as e:
            raise NoAnswerError(str(e)) from None
        except (BadInput, ValueError) as e:
            raise NoAnswerError(
                f"found {e.found}, wanted {e.wanted}" if isinstance(e, BadInput) else "no URL"
            ) from None
        return Answer(found.status, found.body, dict(found.headers))


def update(config: Config, ask: Ask, clock: Callable[[], datetime], only: Iterable[str] = ()) -> Iterator[Updated]:
    """Ask each place, one after the other. What one gives is kept before the next is asked.

    Raises Unreadable, Malformed where the shelf is damaged.
    """
    desk = Desk(config)
    for url in tuple(only) or config.feeds.sources:
        before = next((a for a in desk.shelf.asked() if a.url == url), None)
        work = _Work(config, desk, ask, before or Asked(url, ""))
        try:
            found = Updated(url, tuple(work.run()), work.same)
        except NoAnswerError as e:
            found = Updated(url, tuple(work.brought), trouble=str(e))
        except BadInput as e:
            found = Updated(url, tuple(work.brought), trouble=f"{e.subject}: found {e.found}, wanted {e.wanted}")
        desk.shelf.put_asked([work.asked(found, f"{clock().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")])
        yield found


class _Work:
    """One place."""

    def __init__(self, config: Config, desk: Desk, ask: Ask, before: Asked) -> None:
        self._config, self._desk, self._ask, self._before = config, desk, ask, before
        self.same = False
        self.brought: list[Brought] = []
        self._after = before

    def run(self) -> list[Brought]:
        """What it gives. Raises NoAnswerError, BadInput."""
        url, before = self._before.url, self._before
        headers = {"If-None-Match": before.etag} if before.etag else {}
        found = self._ask(url, files.MOST, headers)
        if found.status == 304:
            self.same = True
            return []
        data = self._good(found, url)
        etag = found.headers.get("etag", "")
        if walking.is_provider(data):
            for one in walking.lists(data, url):
                listed = walking.listed(self._good(self._ask(one, _LIST_MOST, {}), one), one)
                self._walk(listed)
        elif _is_list(url, data):
            self._walk(walking.listed(data, url))
        else:
            self._file(url, data)
            self._after = msgspec.structs.replace(self._after, etag=etag)
        return self.brought

    def _good(self, found: Answer, url: str) -> bytes:
        if found.status != 200:
            raise NoAnswerError(f"{url} answered with status {found.status}")
        return found.body

    def _file(self, url: str, data: bytes) -> None:
        if feed_bundle.recognises(data[:64]):
            self.brought += feeds_bundle.take_octets(self._config, self._desk.shelf, data, url)
        elif data[:4] == b"PK\x03\x04":
            self.brought += self._desk.take(files.unpacked(io.BytesIO(data), url))
        else:
            self.brought += self._desk.take([files.came(url, data, {})])
        if not any(b.kept for b in self.brought) and all("is kept" not in b.trouble for b in self.brought):
            why = self.brought[0].trouble if self.brought else "an empty archive"
            raise Malformed(url, why, "at least one document that can be read")

    def _walk(self, listed: tuple[Listed, ...]) -> None:
        """The oldest first, so that what was reached before an end is not asked for again."""
        reached = self._before.modified
        todo = sorted((d for d in listed if not d.changed or d.changed >= reached), key=lambda d: d.changed)
        for one in todo:
            data = self._good(self._ask(one.url, _DOCUMENT_MOST, {}), one.url)
            beside = {s: b for s in (".sha256", ".sha512", ".asc") if (b := self._beside(f"{one.url}{s}")) is not None}
            self.brought += self._desk.take([files.came(one.url, data, beside)])
            if _TIME.match(one.changed):
                self._after = msgspec.structs.replace(self._after, modified=one.changed)
        self.same = not todo

    def _beside(self, url: str) -> bytes | None:
        """What stands beside a document, if anything does. Any other answer than "none" leaves the walk unfinished."""
        found = self._ask(url, _BESIDE_MOST, {})
        if found.status in _NONE:
            return None
        return self._good(found, url)

    def asked(self, found: Updated, now: str) -> Asked:
        """What to remember: that it was asked in full, or why not; who publishes there, and where to go on."""
        gives = {_publisher(b.kept) for b in found.brought if b.kept is not None} | set(self._before.gives)
        made = msgspec.structs.replace(self._after, gives=tuple(sorted(gives)), trouble=found.trouble[:300])
        return made if found.trouble else msgspec.structs.replace(made, at=now)


def _publisher(kept: Document | Signals) -> str:
    return kept.publisher if isinstance(kept, Document) else kept.kind


def _is_list(url: str, data: bytes) -> bool:
    path = urlsplit(url).path
    return path.endswith("changes.csv") or (b'"feed"' in data[:4096] and b'"entry"' in data[: 1 << 20])
