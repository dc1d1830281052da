"""Reports that leave the house: the key of the pseudonyms and the list of what they stand for stay in the state folder."""

import os
import secrets
from functools import lru_cache
from itertools import product
from pathlib import Path

import msgspec

from strongroom.app.catalogue import catalogue, collectors
from strongroom.app.log_default import beside
from strongroom.assess.redaction import Names, Ours, redact
from strongroom.collect.artifacts.seen import DATASETS, INDEXES, WEIGHTS
from strongroom.collect.kubernetes.drafts import KINDS
from strongroom.collect.kubernetes.templates import BUILT_IN
from strongroom.collect.terraform.assets import tables
from strongroom.model.control import Assessment
from strongroom.model.errors import Malformed, StateError
from strongroom.model.ports import Catalogue

KEY, MAP = "redact.key", "redacted.json"
_KEY_BYTES = 32  # of HMAC-SHA-256, RFC 2104 section 3: not shorter than its output
_GROUPS = ("v1", "apps/v1", "batch/v1", "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1", "policy/v1")
_OTHERS = ("host", "gpu", "nic", "disk", "inventory", "source")


@lru_cache(maxsize=1)
def ours() -> Ours:
    """The words of this build: what it may say outside of the house."""
    known = catalogue()
    snippets = (native for c in known.checks.values() for native, _ in c.fix.snippets)
    objects = (f"{group}/{kind}" for group, kind in product(_GROUPS, {*KINDS, *BUILT_IN}))
    artifacts = (f"artifact.{word}" for word in WEIGHTS | DATASETS | INDEXES)
    pages = {row.default.source for native in tables().values() for row in native.rows if row.default is not None}
    return Ours(
        known,
        frozenset({*tables(), *snippets, *objects, *artifacts, *_OTHERS}),
        (("rules", "Rules"), *((scheme, _title(c.title)) for scheme, c in collectors().items())),
        frozenset(pages),
    )


def _title(text: str) -> str:
    return text[:1].upper() + text[1:]


def leaving(found: Assessment, known: Catalogue, state: str) -> tuple[Assessment, Catalogue, Path]:
    """A run and its catalogue without the house's names, and the file that says what each pseudonym stands for.

    One key serves every report of a state folder, so that pseudonyms stay the same from report to report.

    Raises:
        StateError, Malformed: the key or the file cannot be read or written; then nothing may leave.
    """
    folder = Path(beside(state)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        names = Names(_key(folder / KEY))
        out = redact(found, known, ours(), names)
        _remember(folder / MAP, names)
    except OSError as e:
        found_, wanted = (e.strerror or "an error").lower(), "a folder that can be written"
        raise StateError(f"state folder {folder}", found_, wanted, "name another with --state") from None
    return (*out, folder / MAP)


def _key(path: Path) -> bytes:
    """The key, made when it is first needed: by linking a finished file, so that of two processes both have one key."""
    if not path.exists():
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        _write(fresh, secrets.token_bytes(_KEY_BYTES))
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise Malformed(
            f"key {path}", f"{len(key)} bytes", f"{_KEY_BYTES}", "remove it: later reports get new pseudonyms"
        )
    return key


def _remember(path: Path, names: Names) -> None:
    """Add what these pseudonyms stand for to the list; it is replaced whole."""
    known: dict[str, str] = {}
    if path.exists():
        try:
            known = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
        except msgspec.DecodeError as e:
            raise Malformed(f"list of pseudonyms {path}", str(e).lower(), "a JSON object of texts") from None
    # A file name that is not UTF-8 has lone surrogates, which no JSON text can carry.
    said = {token: text.encode("utf-8", "backslashreplace").decode() for token, text in names.given.items()}
    data = msgspec.json.format(msgspec.json.encode(dict(sorted((known | said).items()))))
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    _write(fresh, data + b"\n")
    fresh.replace(path)


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
