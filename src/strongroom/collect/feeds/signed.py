"""OpenPGP signatures that stand beside documents (CSAF 2.0 section 7.1.19), checked against keys that somebody named.

Who a key belongs to is not asked of any key server: the keys are files, and what is not signed by one of them proves nothing.
"""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, cast

from strongroom.model.errors import NotFound, Unreadable

_MOST = 1 << 20  # octets of a file of keys


class _Certs(Protocol):
    """A class of the library that reads certificates."""

    def split_bytes(self, data: bytes, /) -> list[object]: ...


class _Sigs(Protocol):
    """A class of the library that reads signatures."""

    def from_bytes(self, data: bytes, /) -> object: ...


class _Valid(Protocol):
    certificate: str


class _Verified(Protocol):
    valid_sigs: list[_Valid]


class _Package(Protocol):
    """What is used of `pysequoia`."""

    Cert: _Certs
    Sig: _Sigs

    def verify(self, data: bytes, /, *, store: Callable[[object], list[object]], signature: object) -> _Verified: ...


def _package() -> _Package:
    try:
        return cast("_Package", importlib.import_module("pysequoia"))
    except ImportError:
        hint = "pip install 'strongroom[openpgp]'"
        raise NotFound("signatures of feeds", "no package pysequoia", "the package pysequoia", hint) from None


class Keys:
    """The keys whose signatures count."""

    def __init__(self, paths: Sequence[str]) -> None:
        """Reads them. Raises Unreadable for a file that is no key, NotFound without [openpgp]."""
        self._package = _package()
        self._certs: list[object] = []
        for path in paths:
            try:
                with Path(path).open("rb") as f:
                    self._certs += self._package.Cert.split_bytes(f.read(_MOST))
            except OSError as e:
                raise Unreadable(path, (e.strerror or "an error").lower(), "a file of OpenPGP keys") from None
            except (ValueError, RuntimeError) as e:
                raise Unreadable(path, _said(e), "a file of OpenPGP keys") from None

    def signer(self, data: bytes, signature: bytes) -> str:
        """The fingerprint of the trusted key that signed the octets; empty where none did."""
        try:
            held = self._package.Sig.from_bytes(signature)
            found = self._package.verify(data, store=lambda _: self._certs, signature=held)
        except (ValueError, RuntimeError, TypeError):
            return ""
        return next((s.certificate.lower() for s in found.valid_sigs), "")


def _said(e: Exception) -> str:
    """The first line: the rest of what the library says is a trace of itself."""
    return (str(e).splitlines() or [type(e).__name__])[0][:120].lower()
