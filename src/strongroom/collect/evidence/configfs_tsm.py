"""Evidence by configfs-tsm: one interface of Linux for the reports of SEV-SNP, TDX and others.

Source: Linux, Documentation/ABI/testing/configfs-tsm-report (6.7 and later). A report is a folder that the caller
makes; writing `inblob` asks for it, reading `outblob` makes it. `generation` counts writes: when it is not what it was,
somebody else asked in between, and what was read may answer them.
"""

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

from strongroom.collect.evidence.collected import Collected
from strongroom.model.attest import EvidenceKind, EvidencePart
from strongroom.model.errors import BadInput, NotFound, Unreadable

ROOT = "/sys/kernel/config/tsm/report"
REPORT_DATA = 64  # octets of `inblob`: what SEV-SNP and TDX sign
_MOST = 1 << 20  # octets of a blob; the kernel's own limit is 32 KiB
_ATTEMPTS = 5
_KINDS = {"sev_guest": EvidenceKind.SNP, "tdx_guest": EvidenceKind.TDX}
_PROVIDERS = {kind: provider for provider, kind in _KINDS.items()}
_NAMES = {EvidenceKind.SNP: "report", EvidenceKind.TDX: "quote"}
_HINT = "run it inside of the confidential VM, as root; mount -t configfs none /sys/kernel/config"


def present(root: str = ROOT) -> bool:
    """Whether the kernel has the interface."""
    try:
        return Path(root).is_dir()
    except OSError:
        return False


def kind(root: str = ROOT) -> EvidenceKind:
    """Which kind of report the interface makes, without making one. Raises as `collect`."""
    with _folder(root) as folder:
        return _kind(folder)


def collect(report_data: bytes, privilege: int | None = None, root: str = ROOT) -> Collected:
    """Ask for a report over these octets (and zeros, up to 64), at a privilege level where one is named (VMPL of SEV-SNP).

    Raises:
        NotFound: the kernel does not have the interface, or no module behind it.
        Unreadable: it refuses; the message has the file and the system's word.
        BadInput: others kept asking at the same time, or the provider is of a kind that is not known here.
    """
    if len(report_data) > REPORT_DATA:
        raise BadInput("report data", f"{len(report_data)} octets", f"at most {REPORT_DATA}")
    with _folder(root) as folder:
        return _ask(folder, report_data, privilege)


@contextlib.contextmanager
def _folder(root: str) -> Iterator[Path]:
    """A report of our own, for as long as it is needed. Raises NotFound."""
    if not present(root):
        raise NotFound("configfs-tsm", f"no {root}", "Linux 6.7 or later with a TSM module", _HINT)
    folder = Path(root) / f"strongroom-{secrets.token_hex(8)}"
    try:
        folder.mkdir()
    except OSError as e:
        # ENXIO: no module has registered; this is no confidential VM, or its driver is not loaded.
        raise NotFound("configfs-tsm", _why(folder, e), "a TSM module", "modprobe sev-guest, or tdx-guest") from None
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError):  # what remains is an empty report of the kernel's, gone with the next boot
            folder.rmdir()


def _kind(folder: Path) -> EvidenceKind:
    provider = _read(folder / "provider").decode("ascii", "replace").strip()
    found = _KINDS.get(provider)
    if found is None:
        raise BadInput("configfs-tsm", f"the provider {provider[:40]!r}", f"one of {', '.join(_KINDS)}")
    return found


def _ask(folder: Path, report_data: bytes, privilege: int | None) -> Collected:
    made = _kind(folder)
    for _ in range(_ATTEMPTS):
        before = _generation(folder)
        if privilege is not None:
            _write(folder / "privlevel", str(privilege).encode())
        _write(folder / "inblob", report_data.ljust(REPORT_DATA, b"\0"))
        wanted = before + (1 if privilege is None else 2)  # each write counts as one
        try:
            found = _blobs(folder, made)
        except BlockingIOError:  # somebody wrote between our write and our read (EWOULDBLOCK)
            continue
        if _generation(folder) == wanted:
            return Collected(made, found, f"configfs-tsm, {_PROVIDERS[made]}")
    raise BadInput("configfs-tsm", f"{_ATTEMPTS} reports that others wrote over", "nobody else in the same folder")


def _blobs(folder: Path, kind: EvidenceKind) -> tuple[EvidencePart, ...]:
    out = _read(folder / "outblob")
    parts = [EvidencePart(_NAMES[kind], "application/octet-stream", out)]
    auxiliary = folder / "auxblob"
    if auxiliary.exists():
        certificates = _read(auxiliary)
        if certificates:
            parts.append(EvidencePart("certificates", "application/octet-stream", certificates))
    return tuple(parts)


def _generation(folder: Path) -> int:
    text = _read(folder / "generation").strip()
    if not text.isdigit():
        raise Unreadable(str(folder / "generation"), repr(text[:20]), "a number")
    return int(text)


def _why(path: Path, error: OSError) -> str:
    return f"{path}: {(error.strerror or 'an error').lower()}"


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as f:
            data = f.read(_MOST + 1)
    except BlockingIOError:
        raise
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "the kernel's answer", _HINT) from None
    if len(data) > _MOST:
        raise Unreadable(str(path), f"over {_MOST} octets", "a report")
    return data


def _write(path: Path, data: bytes) -> None:
    try:
        with path.open("wb", buffering=0) as f:  # one write: the kernel takes each as a whole blob
            f.write(data)
    except OSError as e:
        raise Unreadable(
            str(path), (e.strerror or "an error").lower(), "a file that takes the question", _HINT
        ) from None
