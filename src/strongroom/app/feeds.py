"""Feeds: brought in from files, kept in one normal form beside the state, and asked what a version is."""

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path

import msgspec

from strongroom.app import feeds_bundle
from strongroom.app.config import Config
from strongroom.app.feeds_words import HINT, Brought
from strongroom.app.state_place import state_path
from strongroom.assess.patch import judging
from strongroom.collect.feeds import csaf, cve_record, files, osv, signals
from strongroom.collect.feeds.files import Came
from strongroom.collect.feeds.kept import Shelf
from strongroom.collect.feeds.signed import Keys
from strongroom.model.advisory import Document, Feed, Installed, Judged, Override, Patience, Signals
from strongroom.model.errors import BadInput, Malformed, NotFound, Unreadable

_MOST_REVIEW = 4 << 20  # octets of a file of overrides
_AT_ONCE = 5_000  # documents that are put on the shelf together
_READERS = ((csaf.is_csaf, csaf.read), (cve_record.is_cve, cve_record.read), (osv.is_osv, osv.read))


def folder(config: Config) -> Path:
    """Where feeds are kept."""
    state = config.state.path
    named = config.feeds.path
    return Path(named) if named else Path(state_path(None if "://" in state else state or None)).parent / "feeds"


def bring(config: Config, targets: Sequence[str]) -> Iterator[Brought]:
    """Bring files in; each is kept whole or not at all, and one that cannot be read is told. Raises Unreadable, TooLarge."""
    desk = Desk(config)
    for target in targets:
        if feeds_bundle.recognises(target):
            yield from feeds_bundle.take(config, desk.shelf, target)
        else:
            yield from desk.take(files.read(target))


class Desk:
    """Where what comes is read, and put on the shelf."""

    def __init__(self, config: Config) -> None:
        """Raises Unreadable, NotFound where a signer's key cannot be read."""
        self.shelf = Shelf(folder(config))
        self._signers = {publisher: Keys((path,)) for publisher, path in sorted(config.feeds.signers.items())}

    def take(self, given: Iterable[Came]) -> Iterator[Brought]:
        """Read and keep them, many at a time. What was read before something that stops it is kept."""
        made: list[tuple[str, Document | Signals]] = []
        try:
            for came in given:
                try:
                    made.append((came.name, self._read(came)))
                except BadInput as e:
                    yield Brought(came.name, None, f"{e.subject}: {e.found}")
                if len(made) >= _AT_ONCE:
                    yield from self._put(made)
                    made = []
        except BadInput:
            self.shelf.put([m for _, m in made])
            raise
        yield from self._put(made)

    def _put(self, made: list[tuple[str, Document | Signals]]) -> Iterator[Brought]:
        for (name, one), trouble in zip(made, self.shelf.put([m for _, m in made]), strict=True):
            yield Brought(name, None, trouble) if trouble else Brought(name, one)

    def _read(self, came: Came) -> Document | Signals:
        head = came.data[: 1 << 16]
        if signals.is_epss(head[:4096]):
            return signals.epss(came.data, came.name, came.digest)
        if signals.is_kev(head[:4096]):
            return signals.kev(came.data, came.name, came.digest)
        reader = next((r for known, r in _READERS if known(head)), None)
        reader = reader or next((r for known, r in _READERS if known(came.data)), None)
        if reader is None:
            raise Malformed(came.name, "none of the forms", "CSAF 2.0, OSV, a CVE record, CISA's KEV or EPSS", HINT)
        return self._checked(reader(came.data, came.name, came.digest), came)

    def _checked(self, document: Document, came: Came) -> Document:
        """What stands beside a document: a digest that is not its own, or no signature where there should be one, is a doubt."""
        checked = judging.with_check(document, matches=came.matches)
        keys = self._signers.get(document.publisher)
        if keys is None:
            return checked
        signer = keys.signer(came.data, came.signature) if came.signature else ""
        return judging.with_signer(checked, signer)


def load(config: Config) -> Feed:
    """All that is kept. Raises NotFound where nothing is, Malformed where something is damaged."""
    shelf = Shelf(folder(config))
    documents, known = shelf.documents(), shelf.signals()
    if not documents and not known:
        raise NotFound("feeds", f"nothing in {shelf.folder}", "a feed", HINT)
    reviewed = tuple(o for path in config.feeds.overrides for o in overrides(path))
    return Feed(documents, known, reviewed, shelf.asked())


def kept(config: Config) -> Feed | None:
    """The feed, if there is one. Raises Malformed, Unreadable where it is damaged."""
    try:
        return load(config)
    except NotFound:
        return None


def patience(config: Config) -> Patience:
    """For how long a vulnerability may stay open."""
    f = config.feeds
    return Patience(f.kev_days, f.critical_days, f.other_days)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    override: tuple[Override, ...] = ()


def overrides(path: str) -> tuple[Override, ...]:
    """What was reviewed, in TOML. Raises Unreadable, Malformed."""
    try:
        data = Path(path).read_bytes()[: _MOST_REVIEW + 1]
        held = msgspec.convert(tomllib.loads(data.decode("utf-8")), _File)
    except OSError as e:
        raise Unreadable(path, (e.strerror or "an error").lower(), "a file of overrides") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError, RecursionError) as e:
        raise Malformed(path, str(e)[:160].lower(), "[[override]] with document, sha256, reviewer and reason") from None
    for one in held.override:
        if not (one.reviewer.strip() and one.reason.strip()):
            raise Malformed(
                path, f"an override of {one.document} without reviewer or reason", "who reviewed it, and why"
            )
    return held.override


def judge(config: Config, feed: Feed, installed: Installed, today: date) -> Judged:
    """What a version is."""
    return judging.judge(installed, feed, today, config.feeds.fresh_days, patience(config))
