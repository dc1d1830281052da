"""Bundles of feeds: all that is kept in one signed file, and taken in again where no vendor can be asked."""

import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from strongroom.app.config import Config
from strongroom.app.endorsement_reading import state_folder
from strongroom.app.feeds_words import Brought
from strongroom.app.log import make_key
from strongroom.collect.feeds.kept import Shelf
from strongroom.kit import feed_bundle
from strongroom.kit.tlog.keys import VerifierKey, parse_verifier_key
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.ledger import disk, keyfile
from strongroom.model.advisory import Document, Feed, Signals
from strongroom.model.errors import TooLarge, Unreadable

NAME = "feeds"
_KEY = "feeds.key"


class Made(NamedTuple):
    """The bundle that was written."""

    path: str
    octets: int
    documents: int
    key: VerifierKey
    made_key: bool


def create(config: Config, feed: Feed, output: str, now: datetime, key: str | None = None, name: str = NAME) -> Made:
    """Write and sign a bundle of all that is kept. Raises Malformed for the name, Unreadable where it cannot be written."""
    key_file = Path(key) if key else state_folder(config) / _KEY
    made_key = not key and not key_file.exists()
    if made_key:
        make_key(f"{socket.gethostname() or 'localhost'}/feeds", key_file, witness=False, algorithm="ed25519")
    signer = Ed25519Signer(keyfile.read(key_file))
    data = feed_bundle.make(feed, name, now, signer)
    try:
        disk.replace(Path(output), data, 0o644)
    except OSError as e:
        raise Unreadable(output, (e.strerror or "an error").lower(), "a file that can be written") from None
    return Made(output, len(data), len(feed.documents), signer.key.verifier, made_key)


def recognises(path: str) -> bool:
    """Whether a file is a bundle by its first octets; what cannot be read is none."""
    try:
        with Path(path).open("rb") as f:
            return feed_bundle.recognises(f.read(64))
    except OSError:
        return False


def take(config: Config, shelf: Shelf, path: str) -> Iterator[Brought]:
    """Put a bundle's feed on the shelf. Raises BadSignature, Malformed, TooLarge, Unreadable: nothing of it is kept then."""
    try:
        with Path(path).open("rb") as f:
            data = f.read(feed_bundle.MOST + 1)
    except OSError as e:
        raise Unreadable(path, (e.strerror or "an error").lower(), "a bundle of feeds") from None
    yield from take_octets(config, shelf, data, path)


def take_octets(config: Config, shelf: Shelf, data: bytes, path: str) -> Iterator[Brought]:
    """The same from octets."""
    if len(data) > feed_bundle.MOST:
        raise TooLarge(path, f"over {feed_bundle.MOST >> 20} MiB", "a bundle of feeds")
    held = feed_bundle.parse(data, tuple(parse_verifier_key(k) for k in config.feeds.keys), path)
    made: list[Document | Signals] = [*held.feed.documents, *held.feed.signals]
    for one, trouble in zip(made, shelf.put(made), strict=True):
        yield Brought(path, None, trouble) if trouble else Brought(path, one)
    known = {a.url: a.at for a in shelf.asked()}
    shelf.put_asked(a for a in held.feed.asked if a.at > known.get(a.url, ""))
