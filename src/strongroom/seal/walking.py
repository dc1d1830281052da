"""What lies in a model: every file, and everything that no file of a model should be. Nothing is opened but folders."""

import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from strongroom.model.errors import TooLarge, Unreadable

_MOST_DEPTH = 200
_MOST_ENTRIES = 10_000_000


class Walked(NamedTuple):
    """What was found, by path below the model, with `/` between the parts."""

    files: dict[str, int]  # sizes in octets
    links: list[str]
    specials: list[str]
    unnamed: list[str]
    ignored: list[str]
    remarks: list[str]


@dataclass
class _Walk:
    root: Path
    real: str
    ignore: frozenset[str]
    keep: frozenset[str]
    links: bool
    found: Walked
    entries: int = 0


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def is_folder(model: Path) -> bool:
    """Whether the model is a folder, and not one file. Raises Unreadable where it is neither, or is not there."""
    try:
        mode = model.stat().st_mode
    except OSError as e:
        raise Unreadable(str(model), _reason(e), "a model: a folder or a file") from None
    except ValueError:
        raise Unreadable(repr(str(model)), "a name that no file has", "a model: a folder or a file") from None
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise Unreadable(str(model), "neither a folder nor a file", "a model: a folder or a file")
    return stat.S_ISDIR(mode)


def walk(
    model: Path, ignore: Collection[str] = (), keep: Collection[str] = (), *, allow_symlinks: bool = False
) -> Walked:
    """What lies in a folder. What is at or below a path of `ignore` is left out, but for the files of `keep`.

    `allow_symlinks` follows symbolic links, and remarks where one leads out of the model or around in it.

    Raises:
        Unreadable: a folder cannot be listed, or a file vanished meanwhile.
    """
    found = Walked({}, [], [], [], [], [])
    wanted = frozenset(keep)
    made = _Walk(model, os.path.realpath(model), frozenset(ignore), wanted | _above(wanted), allow_symlinks, found)
    try:
        _enter(made, "", (), ignoring=False)
    except OSError as e:
        raise Unreadable(
            str(e.filename or model), _reason(e), "a folder that can be read, and does not change"
        ) from None
    for listed in found[1:]:
        listed.sort()
    return found


def _above(paths: Collection[str]) -> frozenset[str]:
    return frozenset("/".join(parts[:n]) for parts in (p.split("/") for p in paths) for n in range(1, len(parts)))


def _enter(made: _Walk, folder: str, above: tuple[tuple[int, int], ...], *, ignoring: bool) -> None:
    """One folder; `above` are the ones around it, by device and number, so that a link into one of them is seen."""
    if len(above) > _MOST_DEPTH:
        raise TooLarge(str(made.root / folder), "folders nested too deeply", f"at most {_MOST_DEPTH}")
    here = made.root / folder
    status = here.stat()
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        made.found.remarks.append(f"{folder}: a symbolic link leads back to a folder around it, and was not followed")
        return
    with os.scandir(here) as listed:
        entries = list(listed)
    made.entries += len(entries)
    if made.entries > _MOST_ENTRIES:  # links to folders of links can be followed more often than there are files
        raise TooLarge(str(made.root), f"more than {_MOST_ENTRIES} entries", "fewer")
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        shut = ignoring or path in made.ignore
        if shut and not ignoring:
            made.found.ignored.append(_printable(path))
        if not shut or path in made.keep:
            _entry(made, entry, path, (*above, identity), ignoring=shut)


def _entry(
    made: _Walk, entry: os.DirEntry[str], path: str, above: tuple[tuple[int, int], ...], *, ignoring: bool
) -> None:
    if _printable(path) != path:
        made.found.unnamed.append(_printable(path))
        return
    if entry.is_symlink():
        if not made.links:
            made.found.links.append(path)
            return
        made.found.remarks.extend(_outside(made, entry, path))
    if entry.is_dir():
        _enter(made, path, above, ignoring=ignoring)
    elif entry.is_file():
        made.found.files[path] = entry.stat().st_size
    else:
        made.found.specials.append(path)


def _outside(made: _Walk, entry: os.DirEntry[str], path: str) -> Iterator[str]:
    target = os.path.realpath(entry.path)
    if target != made.real and not target.startswith(f"{made.real}/"):
        yield f"{path}: a symbolic link leads out of the model, to {_printable(target)}"


def _printable(path: str) -> str:
    """A path as UTF-8; octets that are none are written with a backslash, and are no name of a model's file."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
