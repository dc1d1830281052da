"""A folder that tools wrote to, as one piece of evidence: a TPM's quote with its logs, or a TD's quote with its CCEL."""

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from strongroom.model.errors import Unreadable

_SCHEMA = "strongroom.tpm-evidence/1"  # as attest/tee reads it
_TDX_SCHEMA = "strongroom.tdx-evidence/1"
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
# What a quote is saved as, the last as configfs-tsm calls it; and the data of ACPI's table CCEL.
TDX_FILES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"quote": ("quote.dat", "quote.bin", "outblob"), "event_log": ("CCEL", "ccel.bin", "ccel_data.dat")}
)
_CERTIFICATES = ("ak.crt", "ak-issuer.crt")


def packed(folder: str, read: Callable[[str], bytes]) -> bytes:
    """The files of a folder in the JSON form of their evidence; what is not there is left out, and so not checked.

    Raises Unreadable where there is no quote, and what `read` raises.
    """
    found = _found(folder, FILES)
    domain = _found(folder, TDX_FILES)
    if "quote" in domain and "quote" not in found:
        return msgspec.json.encode({"schema": _TDX_SCHEMA, **{key: _text(at, read) for key, at in domain.items()}})
    if "quote" not in found or "signature" not in found:
        raise Unreadable(
            folder,
            "no regular file, but a folder without quote.msg or quote.sig",
            "a file of evidence, a TPM's files, or a TD's quote.dat and CCEL",
        )
    held: dict[str, str | list[str]] = {key: _text(at, read) for key, at in found.items()}
    chain = [_text(at, read) for name in _CERTIFICATES if (at := _first(Path(folder), (name,)))]
    return msgspec.json.encode({"schema": _SCHEMA, **held, "ak_certificates": chain})


def _found(folder: str, names: Mapping[str, tuple[str, ...]]) -> dict[str, Path]:
    return {key: at for key, several in names.items() if (at := _first(Path(folder), several))}


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / n for n in names if (folder / n).is_file()), None)


def _text(at: Path, read: Callable[[str], bytes]) -> str:
    return base64.b64encode(read(str(at))).decode()
