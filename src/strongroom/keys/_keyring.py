"""The OS keyring, by the package of that name: where it is installed, and only a keyring that keeps what it is given shut."""

import importlib
from typing import Protocol, cast

from strongroom.keys._bounded import within
from strongroom.model.errors import KeyUnavailable, NotFound

_SUBJECT = "OS keyring"
# Files in clear, or nothing at all, that the package falls back to.
_OPEN = ("keyrings.alt", "keyring.backends.null", "keyring.backends.fail", "keyring.backends.chainer")


class _Errors(Protocol):
    KeyringError: type[Exception]


class _Package(Protocol):
    errors: _Errors

    def get_keyring(self) -> object: ...
    def get_password(self, service_name: str, username: str) -> str | None: ...
    def set_password(self, service_name: str, username: str, password: str) -> None: ...


def _package() -> _Package:
    try:
        package = cast("_Package", importlib.import_module("keyring"))
        importlib.import_module("keyring.errors")
    except ImportError:
        hint = "pip install 'strongroom[keyring]'"
        raise NotFound(_SUBJECT, "no package keyring", "the package keyring", hint) from None
    chosen = type(package.get_keyring())
    if chosen.__module__.startswith(_OPEN):
        found = f"{chosen.__module__}.{chosen.__qualname__}, which keeps nothing shut"
        raise KeyUnavailable(
            _SUBJECT, found, "a keyring of the system, unlocked", "use a passphrase or a TPM on a server"
        )
    return package


def get(service: str, entry: str, seconds: float) -> str:
    """The entry. Raises NotFound without the package, KeyUnavailable without the entry, or when nobody unlocks it in time."""

    def work() -> str | None:
        package = _package()
        try:
            return package.get_password(service, entry)
        except (package.errors.KeyringError, OSError) as e:
            raise KeyUnavailable(_SUBJECT, f"an error ({type(e).__name__})", "the entry") from None

    found = within(seconds, _SUBJECT, work)
    if found is None:
        raise KeyUnavailable(
            _SUBJECT, f"no entry {entry[:80]!r} of {service}", "the entry that the folder was made with"
        )
    return found


def put(service: str, entry: str, value: str, seconds: float) -> None:
    """Make an entry, and read it again. Raises NotFound without the package; KeyUnavailable where one is there, or refused."""

    def work() -> bool:
        package = _package()
        try:
            if package.get_password(service, entry) is not None:
                raise KeyUnavailable(_SUBJECT, f"an entry {entry[:80]!r} of {service}", "a name of its own")
            package.set_password(service, entry, value)
            return package.get_password(service, entry) == value
        except (package.errors.KeyringError, OSError) as e:
            raise KeyUnavailable(_SUBJECT, f"an error ({type(e).__name__})", "the entry") from None

    if not within(seconds, _SUBJECT, work):
        raise KeyUnavailable(_SUBJECT, "another value than it was given", "a keyring that keeps what it is given")
