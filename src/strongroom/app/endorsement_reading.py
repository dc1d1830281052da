"""Endorsements from the paths that somebody names: files, folders, and bundles that a trusted key has signed."""

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from strongroom.app.config import Config
from strongroom.app.state_place import state_path
from strongroom.collect.endorsements import files
from strongroom.collect.endorsements.files import File, Ignored
from strongroom.kit import endorsement_bundle as bundles
from strongroom.kit.endorsement_bundle import Bundle
from strongroom.kit.endorsement_text import with_chains
from strongroom.kit.tlog.keys import VerifierKey, parse_verifier_key
from strongroom.ledger import disk
from strongroom.model.attest import Endorsement, Endorsements
from strongroom.model.errors import BadInput, BadSignature, Unreadable

_MOST_NAMED = 12  # ignored files that a remark names


@dataclass(frozen=True, slots=True)
class Read:
    """What the paths hold, and what in them was ignored."""

    endorsements: Endorsements
    remarks: tuple[str, ...] = ()


def read(paths: Sequence[str], config: Config, keys: Sequence[str]) -> Read:
    """What the paths hold, in their order. A file that is named must be an endorsement; in a folder others may lie.

    Raises:
        Unreadable, TooLarge, Malformed: a path cannot be used; a key is none.
        BadSignature: a bundle is not signed by a trusted key, or is older than one that was imported.
    """
    trusted = keys_of(config, keys)
    found: list[Endorsement] = []
    remarks: list[str] = []
    for path in paths:
        if files.is_folder(path):
            held, remark = _folder(path, config, trusted)
            found += held
            remarks += [remark] if remark else []
        else:
            found += _file(files.read(path, bundles.MOST), config, trusted).items
    once = {e.digest: e for e in reversed(found)}  # the first of the same
    return Read(with_chains(Endorsements(tuple(reversed(once.values())))), tuple(remarks))


def keys_of(config: Config, keys: Sequence[str]) -> tuple[VerifierKey, ...]:
    """The keys whose bundles count: those named, and those of the configuration. Raises Malformed."""
    return tuple(parse_verifier_key(key) for key in dict.fromkeys((*keys, *config.attest.keys)))


def _file(file: File, config: Config, trusted: tuple[VerifierKey, ...]) -> Endorsements:
    if not bundles.recognises(file.data):
        return files.parse(file)
    held = bundles.parse(file.data, file.path)
    trust(held, trusted, config, file.path)
    return held.endorsements


def _folder(path: str, config: Config, trusted: tuple[VerifierKey, ...]) -> tuple[list[Endorsement], str]:
    found: list[Endorsement] = []
    ignored: list[Ignored] = []
    seen = 0
    for file in files.within(path):
        seen += 1
        if isinstance(file, Ignored):
            ignored.append(file)
            continue
        try:
            found += _file(file, config, trusted).items
        except BadInput as e:
            ignored.append(Ignored(file.path, e.found))
    if not found:
        raise Unreadable(path, f"{seen} files and no endorsement among them", "a folder of endorsements")
    return found, _remark(path, ignored)


def _remark(path: str, ignored: Sequence[Ignored]) -> str:
    named = ", ".join(f"{Path(i.path).name} ({i.reason})" for i in ignored[:_MOST_NAMED])
    more = f" and {len(ignored) - _MOST_NAMED} more" if len(ignored) > _MOST_NAMED else ""
    return f"ignored in {path}: {named}{more}" if ignored else ""


# Bundles


class _Seen(msgspec.Struct, frozen=True):
    """The newest bundle of a name and a key that was imported here."""

    made_at: str
    digest: str


def trust(held: Bundle, keys: Sequence[VerifierKey], config: Config, subject: str) -> tuple[VerifierKey, ...]:
    """The keys that have signed a bundle, when one is trusted and no newer one of it was imported. Raises BadSignature."""
    opened = bundles.verify(held, keys, subject)
    made = _stamp(held)
    for v in opened.verified:
        newest = _seen(held, v.key, config)
        if newest is None:
            continue
        if made < newest.made_at:
            wanted = f"one made {newest.made_at}, which was imported here, or newer"
            raise BadSignature(subject, f"a bundle made {made}", wanted, "an older bundle may hide a revocation")
        if made == newest.made_at and held.digest != newest.digest:
            raise BadSignature(subject, f"a second bundle made {made}", f"the one that was imported: {newest.digest}")
    return tuple(v.key for v in opened.verified)


def remember(held: Bundle, keys: Sequence[VerifierKey], config: Config) -> str:
    """Remember a bundle as the newest of its name for each key; why it could not be, or an empty text."""
    with contextlib.suppress(OSError):
        for key in keys:
            file = _seen_file(held, key, config)
            disk.make_folders(file.parent)
            disk.replace(file, msgspec.json.encode(_Seen(_stamp(held), held.digest)))
        return ""
    return "this machine keeps no state: it will not notice an older bundle that is put in the place of this one"


def _stamp(held: Bundle) -> str:
    return f"{held.made_at:%Y-%m-%dT%H:%M:%SZ}"


def _seen(held: Bundle, key: VerifierKey, config: Config) -> _Seen | None:
    """What was remembered. What cannot be read refuses: it may have been newer. Raises BadSignature."""
    file = _seen_file(held, key, config)
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Seen)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        raise BadSignature(f"bundle {held.name}", f"{file}, which cannot be read", "the time of the last one") from None


def _seen_file(held: Bundle, key: VerifierKey, config: Config) -> Path:
    who = f"{key.name}+{key.key_id:08x}\n{held.name}"
    return state_folder(config) / "bundles-seen" / hashlib.sha256(who.encode()).hexdigest()[:32]


def state_folder(config: Config) -> Path:
    """The folder of this installation's state."""
    where = config.state.path
    return Path(state_path(None if not where or "://" in where else where)).parent
