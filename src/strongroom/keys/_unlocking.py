"""What unlocks a folder of keys: a passphrase by Argon2id, an entry of the OS keyring, or this machine's TPM.

All three give 32 octets, the unlocking key, under which the master key lies in the folder.
"""

import base64
import binascii
import secrets

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from strongroom.keys import _inputs, _keyring, _tpm
from strongroom.keys._envelope import KEY
from strongroom.keys._folder import Unlock
from strongroom.model.errors import BadInput, KeyUnavailable
from strongroom.model.release import KeySettings, Secret

# RFC 9106 4, the second recommended option: t = 3 passes, p = 4 lanes, m = 2**16 KiB (64 MiB), 128 bits of salt, 256 of tag.
PASSES, LANES, MEMORY_MIB, SALT = 3, 4, 64, 16
_MOST_MIB = 2048  # the first recommended option's memory; a changed file must not take all that there is
_SERVICE = "strongroom"
PASSPHRASE, KEYRING, TPM = "passphrase", "keyring", "tpm"


def ways(settings: KeySettings) -> str:
    """Which way the options ask for. Raises BadInput for none or several."""
    asked = [PASSPHRASE] if _inputs.given(settings, PASSPHRASE) else []
    asked += [way for way in (KEYRING, TPM) if settings.options.get(way)]
    if len(asked) != 1:
        found = " and ".join(asked) or "nothing"
        raise BadInput("what unlocks the keys", found, "one of passphrase-…, keyring, tpm")
    return asked[0]


def locked(settings: KeySettings) -> tuple[Unlock, Secret]:
    """A new unlocking key, and how it will be had again.

    Raises:
        BadInput, Unreadable, NotFound: the options do not say, or what they name is not there.
        KeyUnavailable: the keyring or the TPM does not take it.
    """
    way = ways(settings)
    if way == PASSPHRASE:
        memory = _inputs.number(settings, "argon2-memory-mib", MEMORY_MIB, MEMORY_MIB, _MOST_MIB)
        unlock = Unlock(PASSPHRASE, secrets.token_bytes(SALT), memory << 10, PASSES, LANES)
        return unlock, _derive(settings, unlock)
    key = Secret(secrets.token_bytes(KEY))
    if way == KEYRING:
        entry = settings.options[KEYRING]
        _keyring.put(_SERVICE, entry, base64.b64encode(key.reveal()).decode(), settings.seconds)
        return Unlock(KEYRING, entry=entry), key
    pcrs = settings.options.get("tpm-pcrs", "")
    public, private = _tpm.seal(_tpm.setting(settings), key.reveal(), pcrs)
    return Unlock(TPM, public=public, private=private, pcrs=pcrs), key


def unlocked(settings: KeySettings, unlock: Unlock) -> Secret:
    """The unlocking key of a folder.

    Raises:
        BadInput, Unreadable, NotFound: the options name another way, or what they name is not there.
        KeyUnavailable: the keyring has no such entry, or the TPM is another one or does not open it as things are.
    """
    way = ways(settings)
    if way != unlock.by:
        raise BadInput("what unlocks the keys", way, f"{unlock.by[:20]}, with which the folder was made")
    if way == PASSPHRASE:
        return _derive(settings, unlock)
    if way == TPM:
        return Secret(_tpm.unseal(_tpm.setting(settings), unlock.public, unlock.private, unlock.pcrs))
    text = _keyring.get(_SERVICE, settings.options[KEYRING], settings.seconds)
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise KeyUnavailable("entry of the keyring", "no key", "the key that was put there") from None
    return Secret(key)


def _derive(settings: KeySettings, unlock: Unlock) -> Secret:
    """The passphrase by Argon2id. What a file asks for is bounded: less would be no Argon2id, more would be a way to stop us."""
    sound = (
        len(unlock.salt) == SALT
        and MEMORY_MIB << 10 <= unlock.memory_kib <= _MOST_MIB << 10
        and PASSES <= unlock.passes <= 16
        and 1 <= unlock.lanes <= 16
    )
    if not sound:
        found = f"{unlock.memory_kib} KiB, {unlock.passes} passes, {unlock.lanes} lanes"
        raise KeyUnavailable("Argon2id of the folder", found, "those that it was made with", "restore a backup")
    passphrase = _inputs.secret(settings, PASSPHRASE)
    try:
        kdf = Argon2id(
            salt=unlock.salt, length=KEY, iterations=unlock.passes, lanes=unlock.lanes, memory_cost=unlock.memory_kib
        )
        return Secret(kdf.derive(passphrase.reveal()))
    except MemoryError:
        found = f"no {unlock.memory_kib >> 10} MiB of memory"
        raise KeyUnavailable("Argon2id of the folder", found, "room for the passphrase's function") from None
    finally:
        passphrase.wipe()
