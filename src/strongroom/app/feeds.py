"""Feeds: brought in from files, kept in one normal form beside the state, and asked what a version is."""

import hashlib
import os
import tomllib
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from strongroom.app.config import Config
from strongroom.app.state_place import state_path
from strongroom.assess.patch import judging
from strongroom.collect.feeds import csaf, files, signals
from strongroom.collect.feeds.files import Came
from strongroom.model.advisory import Document, Feed, Installed, Judged, Override, Signals
from strongroom.model.errors import BadInput, Malformed, NotFound, Unreadable

HINT = "strongroom feeds import FILE|FOLDER|ZIP"
Kept = TypeVar("Kept", Document, Signals)
_MOST_REVIEW = 4 << 20  # octets of a file of overrides


class Brought(NamedTuple):
    """What came of one file: what it is, or why it is nothing."""

    name: str
    kept: Document | Signals | None
    trouble: str = ""


def folder(config: Config) -> Path:
    """Where feeds are kept."""
    state = config.state.path
    named = config.feeds.path
    return Path(named) if named else Path(state_path(None if "://" in state else state or None)).parent / "feeds"


def bring(config: Config, targets: Sequence[str]) -> Iterator[Brought]:
    """Bring files in; each is kept whole or not at all, and one that cannot be read is told. Raises Unreadable, TooLarge."""
    at = folder(config)
    for target in targets:
        for came in files.read(target):
            try:
                made = _read(came)
            except BadInput as e:
                yield Brought(came.name, None, f"{e.subject}: {e.found}")
                continue
            older = _keep(at, made)
            yield Brought(came.name, None, older) if older else Brought(came.name, made)


def _read(came: Came) -> Document | Signals:
    head = came.data[:4096]
    if signals.is_epss(head):
        return signals.epss(came.data, came.name, came.digest)
    if signals.is_kev(head):
        return signals.kev(came.data, came.name, came.digest)
    if csaf.is_csaf(came.data[: 1 << 16]) or csaf.is_csaf(came.data):
        return judging.with_check(csaf.read(came.data, came.name, came.digest), came.published)
    raise Malformed(came.name, "none of the forms", "CSAF 2.0, CISA's KEV or EPSS", HINT)


def _keep(at: Path, made: Document | Signals) -> str:
    """One file for each document, by publisher and id, and for each kind of signals; why it was not kept, if so.

    An older edition takes no newer one's place: whoever replays what a vendor said last year does not undo this year's.
    """
    key = f"{made.publisher}/{made.id}" if isinstance(made, Document) else made.kind
    kind, day = ("document", made.published) if isinstance(made, Document) else ("signals", made.as_of)
    name = f"{kind}-{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
    try:
        at.mkdir(parents=True, exist_ok=True)
        if (at / name).exists():
            held = _kept(at / name, Document).published if kind == "document" else _kept(at / name, Signals).as_of
            if held > day:
                return f"an edition of {day}, and that of {held} is kept"
        aside = at / f".{name}.partial"
        with aside.open("wb") as f:
            f.write(msgspec.json.encode(made))
            f.flush()
            os.fsync(f.fileno())
        aside.replace(at / name)
    except OSError as e:
        raise Unreadable(str(at), (e.strerror or "an error").lower(), "a folder that can be written") from None
    return ""


def load(config: Config) -> Feed:
    """All that is kept. Raises NotFound where nothing is, Malformed where something is damaged."""
    at = folder(config)
    documents = tuple(_kept(p, Document) for p in sorted(at.glob("document-*.json")))
    known = tuple(_kept(p, Signals) for p in sorted(at.glob("signals-*.json")))
    if not documents and not known:
        raise NotFound("feeds", f"nothing in {at}", "a feed", HINT)
    return Feed(documents, known, tuple(o for path in config.feeds.overrides for o in overrides(path)))


def kept(config: Config) -> Feed | None:
    """The feed, if there is one. Raises Malformed, Unreadable where it is damaged."""
    try:
        return load(config)
    except NotFound:
        return None


def _kept(path: Path, kind: type[Kept]) -> Kept:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "a kept feed") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise Malformed(str(path), str(e)[:120].lower(), "a kept feed", "remove it, and import it again") from None


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
    return judging.judge(installed, feed, today, config.feeds.fresh_days)
