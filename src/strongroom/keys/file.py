"""The embedded default: key-encryption keys in a folder, under a passphrase, the OS keyring or this machine's TPM.

The keys are in this process's memory while it is open: who can read that memory, or has the folder and what unlocks it, has
them. Others keep keys out of the host; this one is for a broker that is a TEE itself, or for one host that is trusted.
"""

import secrets
import threading
from types import MappingProxyType

from strongroom.keys import _envelope, _inputs, _unlocking
from strongroom.keys._folder import MASTER, SCHEMA, Folder, Kek, Master, folder_of
from strongroom.keys._gated import GatedKeys
from strongroom.model.errors import KeyUnavailable, Malformed
from strongroom.model.release import Gate, KeyBackend, Keys, KeySettings, Secret

_NAME = "file"
_OPTIONS = MappingProxyType(
    {
        "folder": "absolute path of the folder of keys; its owner's alone (0700)",
        "passphrase-fd": "the passphrase, on this open descriptor",
        "passphrase-file": "the passphrase, in a file that is its owner's alone",
        "passphrase-credential": "the passphrase, in a systemd credential of this name",
        "credentials": "the folder of systemd credentials, /run/credentials/UNIT.service",
        "argon2-memory-mib": "memory of Argon2id when the folder is made: 64 to 2048, usually 64",
        "keyring": "name of the entry in the OS keyring, in place of a passphrase",
        "tpm": "TCTI of the TPM, such as device:/dev/tpmrm0, in place of a passphrase",
        "tpm-pcrs": "registers that must be as they were when the folder was made, such as sha256:7",
    }
)


class _Holder:
    """The keys of an open folder. Another process may add one: it is found when the folder has changed."""

    def __init__(self, folder: Folder, master: Secret) -> None:
        self._folder = folder
        self._master = master
        self._keks: dict[str, Secret] = {}
        self._newest = ""
        self._seen = -1
        self._lock = threading.Lock()

    def wrap_key(self, data_key: bytes, context: bytes) -> tuple[str, bytes]:
        with self._lock:
            self._refresh()
            name = self._newest
            return name, _envelope.gcm_seal(self._keks[name].reveal(), data_key, _bound(name, context))

    def unwrap_key(self, key: str, wrapped: bytes, context: bytes) -> bytes:
        with self._lock:
            if key not in self._keks:
                self._seen = -1
                self._refresh()
            held = self._keks.get(key)
            if held is None:
                hint = "restore the file from a backup: without it nothing that it wrapped opens again"
                raise KeyUnavailable(f"key {key[:80]!r} in {self._folder.path}", "no such key", "the key", hint)
            opened = _envelope.gcm_open(held.reveal(), wrapped, _bound(key, context))
        if opened is None:
            raise Malformed(f"what {key} wrapped", "octets that were changed", "those that it made, for this resource")
        return opened

    def newest(self) -> str:
        with self._lock:
            self._refresh()
            return self._newest

    def rotate(self) -> str:
        with self._lock:
            self._seen = -1  # two changes within one tick of the file system's clock look like one
            return _add_kek(self._folder, self._open_master())

    def check(self) -> str:
        with self._lock:
            self._seen = -1
            self._refresh()
            return f"{len(self._keks)} keys in {self._folder.path}, the newest {self._newest}"

    def close(self) -> None:
        with self._lock:
            for held in (self._master, *self._keks.values()):
                held.wipe()
            self._keks.clear()
            self._master = Secret(b"")

    def _open_master(self) -> bytes:
        if not len(self._master):
            raise KeyUnavailable(f"keys in {self._folder.path}", "closed", "an open folder")
        return self._master.reveal()

    def _refresh(self) -> None:
        """Read what is new. A key that is gone from the folder goes from memory too: it was taken away on purpose."""
        master = self._open_master()
        seen = self._folder.look()
        if seen == self._seen:
            return
        numbers = self._folder.keks()
        if not numbers:
            found = "a master key and no key under it" if self._folder.master() else "no keys"
            raise KeyUnavailable(
                f"keys in {self._folder.path}", found, "at least one", "`strongroom release prepare` makes the first"
            )
        names = {f"kek-{n}": n for n in numbers}
        for gone in set(self._keks) - set(names):
            self._keks.pop(gone).wipe()
        for name, number in names.items():
            if name not in self._keks:
                self._keks[name] = Secret(self._read(master, number))
        self._newest, self._seen = f"kek-{numbers[-1]}", seen

    def _read(self, master: bytes, number: int) -> bytes:
        kept = self._folder.kek(number)
        opened = _envelope.gcm_open(master, kept.sealed, kept.context()) if kept else None
        if opened is None:
            path = self._folder.path / f"kek-{number}.json"
            raise KeyUnavailable(str(path), "octets that were changed", "the key as it was made", "restore a backup")
        return opened


def _bound(name: str, context: bytes) -> bytes:
    """A data key is bound to the key's name as well, so that a blob cannot say that another one wrapped it."""
    return name.encode() + b"\0" + context


def _add_kek(folder: Folder, master: bytes) -> str:
    while True:
        name = f"kek-{max(folder.keks(), default=0) + 1}"
        kek = Kek(SCHEMA, name, b"")
        sealed = _envelope.gcm_seal(master, secrets.token_bytes(_envelope.KEY), kek.context())
        if folder.add(f"{name}.json", Kek(SCHEMA, name, sealed)):
            return name  # where another process took the number, the next one is tried


def _master(folder: Folder, settings: KeySettings) -> Secret:
    """The master key of a folder. Raises KeyUnavailable, and what is wrong with the options."""
    folder.look()
    kept = folder.master()
    if kept is None:
        raise KeyUnavailable(
            f"keys in {folder.path}", f"no {MASTER}", "a folder of keys", "`strongroom release prepare` makes one"
        )
    unlocking = _unlocking.unlocked(settings, kept.unlock)
    try:
        opened = _envelope.gcm_open(unlocking.reveal(), kept.sealed, kept.context())
    except ValueError:
        opened = None  # a keyring's entry of another length
    finally:
        unlocking.wipe()
    if opened is None:
        found = f"another {kept.unlock.by}, or a file that was changed: which of the two cannot be told"
        raise KeyUnavailable(str(folder.path / MASTER), found, "what it was locked with")
    return Secret(opened)


def _open(settings: KeySettings, gate: Gate) -> Keys:
    _inputs.known(settings, _OPTIONS, _NAME)
    folder = folder_of(_inputs.want(settings, "folder", _NAME))
    holder = _Holder(folder, _master(folder, settings))
    try:
        holder.check()
    except KeyUnavailable:
        holder.close()
        raise
    return GatedKeys(_NAME, holder, gate)


def _prepare(settings: KeySettings) -> str:
    """Make the folder, the master key and the first key; what a run that was cut off has made is gone on with."""
    _inputs.known(settings, _OPTIONS, _NAME)
    folder = folder_of(_inputs.want(settings, "folder", _NAME))
    folder.make()
    folder.look()
    if folder.master() is None:
        unlock, unlocking = _unlocking.locked(settings)
        fresh, made = Secret(secrets.token_bytes(_envelope.KEY)), Master(SCHEMA, unlock, b"")
        sealed = _envelope.gcm_seal(unlocking.reveal(), fresh.reveal(), made.context())
        if not folder.add(MASTER, Master(SCHEMA, unlock, sealed)):
            fresh = _master(folder, settings)  # another process was first
    else:
        fresh = _master(folder, settings)
    if not folder.keks():
        _add_kek(folder, fresh.reveal())
    fresh.wipe()
    count = len(folder.keks())
    return f"{count} key{'s' if count != 1 else ''} in {folder.path}"


KEYS = KeyBackend(_NAME, "keys in a folder, under a passphrase, the OS keyring or a TPM", _OPTIONS, _open, "", _prepare)
