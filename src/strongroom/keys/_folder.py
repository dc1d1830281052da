"""A folder of key-encryption keys, its owner's alone: files that appear whole, and are never changed or replaced.

`master.json` holds the master key under an unlocking key that is not here; `kek-N.json` hold the key-encryption keys
under the master key, each bound to its name. The highest number wraps; all of them open.
"""

import contextlib
import os
import re
import secrets
import stat
from pathlib import Path

import msgspec

from strongroom.model.errors import BadInput, KeyUnavailable

SCHEMA = "strongroom.keys/1"
MASTER = "master.json"
_KEK = re.compile(r"kek-([1-9][0-9]{0,5})\.json")
_MOST = 1 << 16  # octets of a file
_TEMPORARY = ".new-"


class Unlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How the unlocking key is had: `by` is passphrase, keyring or tpm; the rest is what that way needs, none of it secret.

    `salt`, `memory_kib`, `passes` and `lanes` are Argon2id's; `entry` is the name in the keyring; `public` and `private`
    are the sealed object, which opens in one TPM, and `pcrs` the registers that must be as they were.
    """

    by: str
    salt: bytes = b""
    memory_kib: int = 0
    passes: int = 0
    lanes: int = 0
    entry: str = ""
    public: bytes = b""
    private: bytes = b""
    pcrs: str = ""


class Master(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The master key: nonce, ciphertext and tag under the unlocking key, with all the rest as associated data."""

    schema: str
    unlock: Unlock
    sealed: bytes

    def context(self) -> bytes:
        """The associated data."""
        return msgspec.json.encode([self.schema, self.unlock], order="sorted")


class Kek(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key-encryption key under the master key, bound to its name."""

    schema: str
    name: str
    sealed: bytes

    def context(self) -> bytes:
        """The associated data."""
        return msgspec.json.encode([self.schema, self.name])


class Folder:
    """The files. Errors of the system become KeyUnavailable with the path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self) -> None:
        """Make the folder, for its owner alone; one that is there stays. Raises KeyUnavailable."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync(self.path.parent)
        except OSError as e:
            raise self._cannot(self.path, e) from None

    def look(self) -> int:
        """When names in it changed last, in nanoseconds. Raises KeyUnavailable where it is not there, or not private."""
        try:
            found = self.path.lstat()
        except OSError as e:
            raise self._cannot(self.path, e) from None
        if not stat.S_ISDIR(found.st_mode):
            raise KeyUnavailable(f"keys in {self.path}", "no folder", "a folder of its own")
        if found.st_uid != os.geteuid():
            raise KeyUnavailable(f"keys in {self.path}", f"a folder of user {found.st_uid}", "a folder of this user")
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            mode = f"mode {stat.S_IMODE(found.st_mode):04o}, which others can use"
            raise KeyUnavailable(f"keys in {self.path}", mode, "its owner's alone", f"chmod 700 {self.path}")
        return found.st_mtime_ns

    def master(self) -> Master | None:
        """The master key as it is kept; None where there is none yet. Raises KeyUnavailable."""
        data = self._read(MASTER)
        if data is None:
            return None
        try:
            found = msgspec.json.decode(data, type=Master)
        except msgspec.MsgspecError:
            raise self._damaged(MASTER) from None
        if found.schema != SCHEMA:
            raise KeyUnavailable(f"{self.path / MASTER}", f"the schema {found.schema[:40]!r}", SCHEMA)
        return found

    def keks(self) -> tuple[int, ...]:
        """The numbers of the keys that are there, in order. Raises KeyUnavailable."""
        try:
            names = [path.name for path in self.path.iterdir()]
        except OSError as e:
            raise self._cannot(self.path, e) from None
        return tuple(sorted(int(m.group(1)) for m in map(_KEK.fullmatch, names) if m))

    def kek(self, number: int) -> Kek | None:
        """One key as it is kept; None where it is not there. Raises KeyUnavailable."""
        name = f"kek-{number}.json"
        data = self._read(name)
        if data is None:
            return None
        try:
            found = msgspec.json.decode(data, type=Kek)
        except msgspec.MsgspecError:
            raise self._damaged(name) from None
        if found.name != f"kek-{number}" or found.schema != SCHEMA:
            raise self._damaged(name)
        return found

    def add(self, name: str, record: Master | Kek) -> bool:
        """Make a file, whole and durable; False where the name is taken, which is never replaced. Raises KeyUnavailable."""
        path, temporary = self.path / name, self.path / f"{_TEMPORARY}{secrets.token_hex(8)}"
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(msgspec.json.encode(record) + b"\n")
                    file.flush()
                    os.fsync(descriptor)
                os.link(temporary, path)
            finally:
                with contextlib.suppress(OSError):
                    temporary.unlink()
            _sync(self.path)
        except FileExistsError:
            return False
        except OSError as e:
            raise self._cannot(path, e) from None
        return True

    def _read(self, name: str) -> bytes | None:
        path = self.path / name
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as e:
            raise self._cannot(path, e) from None
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                mode = f"mode {stat.S_IMODE(found.st_mode):04o}"
                raise KeyUnavailable(str(path), mode, "a file that is its owner's alone", f"chmod 600 {path}")
            try:
                return file.read(_MOST)
            except OSError as e:
                raise self._cannot(path, e) from None

    @staticmethod
    def _cannot(path: Path, error: OSError) -> KeyUnavailable:
        why = (error.strerror or "an error").lower()
        return KeyUnavailable(
            str(path), why, "a folder of keys", "`strongroom release prepare` makes one; a backup brings one back"
        )

    def _damaged(self, name: str) -> KeyUnavailable:
        return KeyUnavailable(
            str(self.path / name), "no record of a key", "the file as it was made", "restore a backup"
        )


def folder_of(path: str) -> Folder:
    """The folder of an option. Raises BadInput for a relative path: it would be another one after a change of folder."""
    if not Path(path).is_absolute():
        raise BadInput(f"folder {path[:80]!r}", "a relative path", "an absolute one")
    return Folder(Path(path))


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
