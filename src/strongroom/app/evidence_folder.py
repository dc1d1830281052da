"""A folder that a TPM's tools wrote to, as one piece of evidence."""

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from strongroom.model.errors import Unreadable

_SCHEMA = "strongroom.tpm-evidence/1"  # as attest/tee reads it
# What tpm2-tools are told to write, and what the kernel calls its logs; the first of several that is there.
FILES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "quote": ("quote.msg",),
        "signature": ("quote.sig",),
        "pcrs_file": ("quote.pcrs",),
        "ak": ("ak.pub",),
        "event_log": ("binary_bios_measurements",),
        "ima_log": ("ima_at_quote_binary", "binary_runtime_measurements", "ima_binary_runtime_measurements"),
    }
)
_CERTIFICATES = ("ak.crt", "ak-issuer.crt")


def packed(folder: str, read: Callable[[str], bytes]) -> bytes:
    """The files of a folder in the JSON form of a TPM's evidence; what is not there is left out, and so not checked.

    Raises Unreadable where there is no quote, and what `read` raises.
    """
    found = {key: at for key, names in FILES.items() if (at := _first(Path(folder), names))}
    if "quote" not in found or "signature" not in found:
        raise Unreadable(
            folder,
            "no regular file, but a folder without quote.msg or quote.sig",
            "a file of evidence, or a TPM's files",
        )
    held: dict[str, str | list[str]] = {key: _text(at, read) for key, at in found.items()}
    chain = [_text(at, read) for name in _CERTIFICATES if (at := _first(Path(folder), (name,)))]
    return msgspec.json.encode({"schema": _SCHEMA, **held, "ak_certificates": chain})


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / n for n in names if (folder / n).is_file()), None)


def _text(at: Path, read: Callable[[str], bytes]) -> str:
    return base64.b64encode(read(str(at))).decode()
