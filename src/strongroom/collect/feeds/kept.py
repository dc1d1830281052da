"""The shelf: what was brought in, kept in the one normal form, a file for each publisher and each kind of signals.

A file takes the place of the older one whole, or not at all. An older edition takes no newer one's place: whoever replays what
a vendor said last year does not undo this year's.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from strongroom.model.advisory import Asked, Document, Signals
from strongroom.model.errors import Malformed, Unreadable

_ASKED = "asked.json"
Kept = TypeVar("Kept", Document, Signals, tuple[Asked, ...])


class Shelf:
    """A folder of feeds."""

    def __init__(self, folder: Path) -> None:
        """The folder need not be there."""
        self.folder = folder

    def documents(self) -> tuple[Document, ...]:
        """All that are kept. Raises Malformed for a file that is damaged, Unreadable."""
        return tuple(d for p in sorted(self.folder.glob("documents-*.jsonl")) for d in _lines(p))

    def signals(self) -> tuple[Signals, ...]:
        """All that are kept. Raises Malformed, Unreadable."""
        return tuple(_one(p, Signals) for p in sorted(self.folder.glob("signals-*.json")))

    def asked(self) -> tuple[Asked, ...]:
        """Which places were asked, and when. Raises Malformed, Unreadable."""
        path = self.folder / _ASKED
        return _one(path, tuple[Asked, ...]) if path.exists() else ()

    def put(self, made: Sequence[Document | Signals]) -> list[str]:
        """Keep them; for each why it was not kept, or an empty text. Raises Malformed, Unreadable."""
        of: dict[str, dict[str, Document]] = {}
        troubles: list[str] = []
        signals: dict[str, Signals] = {}
        for one in made:
            if isinstance(one, Signals):
                held = signals.get(one.kind) or self._signals(one.kind)
                troubles.append(_older(one.as_of, held.as_of if held else ""))
                signals[one.kind] = held if held and troubles[-1] else one
                continue
            if one.publisher not in of:
                of[one.publisher] = {d.id: d for d in self._of(one.publisher)}
            rest = of[one.publisher]
            held_one = rest.get(one.id)
            troubles.append(_older(one.published, held_one.published if held_one else ""))
            if not troubles[-1]:
                rest[one.id] = one
        for publisher, documents in of.items():
            ordered = sorted(documents.values(), key=lambda d: d.id)
            self._write(_name("documents", publisher, "jsonl"), b"\n".join(map(msgspec.json.encode, ordered)) + b"\n")
        for kind, held in signals.items():
            self._write(_name("signals", kind, "json"), msgspec.json.encode(held))
        return troubles

    def put_asked(self, new: Iterable[Asked]) -> None:
        """Keep when places were asked; the others stay. Raises Malformed, Unreadable."""
        held = {a.url: a for a in self.asked()} | {a.url: a for a in new}
        self._write(_ASKED, msgspec.json.encode(sorted(held.values(), key=lambda a: a.url)))

    def _of(self, publisher: str) -> list[Document]:
        path = self.folder / _name("documents", publisher, "jsonl")
        return _lines(path) if path.exists() else []

    def _signals(self, kind: str) -> Signals | None:
        path = self.folder / _name("signals", kind, "json")
        return _one(path, Signals) if path.exists() else None

    def _write(self, name: str, data: bytes) -> None:
        aside = self.folder / f".{name}.partial"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with aside.open("wb") as f:
                f.write(data)
                f.flush()
                os.fsync(f.fileno())
            aside.replace(self.folder / name)
        except OSError as e:
            raise Unreadable(
                str(self.folder), (e.strerror or "an error").lower(), "a folder that can be written"
            ) from None


def _older(day: str, held: str) -> str:
    return f"an edition of {day or 'no day'}, and that of {held} is kept" if held > day else ""


def _name(kind: str, key: str, suffix: str) -> str:
    return f"{kind}-{hashlib.sha256(key.encode()).hexdigest()[:32]}.{suffix}"


def _lines(path: Path) -> list[Document]:
    try:
        return msgspec.json.Decoder(Document).decode_lines(path.read_bytes())
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "a kept feed") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise _damaged(path, e) from None


def _one(path: Path, kind: type[Kept]) -> Kept:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "a kept feed") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise _damaged(path, e) from None


def _damaged(path: Path, e: Exception) -> Malformed:
    return Malformed(str(path), str(e)[:120].lower(), "a kept feed", "remove it, and import it again")
