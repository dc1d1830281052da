"""What a machine that boots under emulation is made of, kept outside of the checkout for later runs.

Run as a program (`python tests/integration/boot_parts.py`) it fetches Debian's signed boot chain and one static program
with apt, which checks their signatures, and unpacks the few files that are needed; nothing is installed, no hook runs.
The programs and the firmware must be installed: `PROGRAMS` and `FIRMWARE` say by which package.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

PROGRAMS: Mapping[str, str] = MappingProxyType(
    {
        "qemu-system-x86_64": "qemu-system-x86",
        "swtpm": "swtpm",
        "swtpm_setup": "swtpm-tools",
        "tpm2": "tpm2-tools",
        "mformat": "mtools",
        "mmd": "mtools",
        "mcopy": "mtools",
        "ldd": "libc-bin",
        "timeout": "coreutils",
    }
)
OVMF = Path("/usr/share/OVMF")
FIRMWARE, VARIABLES, NO_KEYS = OVMF / "OVMF_CODE_4M.ms.fd", OVMF / "OVMF_VARS_4M.ms.fd", OVMF / "OVMF_VARS_4M.fd"
_KERNELS = "linux-image-cloud-amd64"  # a package that is empty but for what it depends on: the current kernel
_PACKAGES = ("shim-signed", "grub-efi-amd64-signed", "busybox-static")
MODULES = ("loop", "fat", "vfat", "nls_cp437", "nls_ascii")  # in the order in which they load
# Where the packages hold what is kept, by the name that it gets.
_WANTED: Mapping[str, str] = MappingProxyType(
    {
        "shimx64.efi": "usr/lib/shim/shimx64.efi.signed",
        "grubx64.efi": "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed",
        "vmlinuz": "boot/vmlinuz-*",
        "busybox": "bin/busybox",
        **{f"{m}.ko": f"lib/modules/*/kernel/**/{m}.ko" for m in MODULES},
    }
)


class NotHereError(Exception):
    """Something that the boots need is not on this machine; the text says what, and how it is had."""


@dataclass(frozen=True)
class Parts:
    """The files of the boot chain, in one folder."""

    folder: Path

    def __getitem__(self, name: str) -> Path:
        """The file of that name."""
        return self.folder / name


def _home() -> Path:
    base = os.getenv("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "strongroom-tests/boot"


def device_library() -> Path | None:
    """What lets tpm2-tools talk to a kernel's TPM; they load it by its name at run time, so that ldd is silent on it."""
    return next(Path("/usr/lib").glob("*/libtss2-tcti-device.so.0"), None)


def found() -> Parts:
    """The parts. Raises NotHereError, which names every program, firmware file and kept file that is missing."""
    missing = [f"{name} (package {package})" for name, package in PROGRAMS.items() if not shutil.which(name)]
    missing += [f"{at} (package ovmf)" for at in (FIRMWARE, VARIABLES, NO_KEYS) if not at.is_file()]
    missing += [] if device_library() else ["libtss2-tcti-device.so.0 (package libtss2-tcti-device0)"]
    kept = [str(_home() / name) for name in _WANTED if not (_home() / name).is_file()]
    if kept:
        missing.append(f"{', '.join(kept)} (run {Path(__file__).name})")
    if missing:
        raise NotHereError(f"missing here: {'; '.join(missing)}")
    return Parts(_home())


def fetch() -> Path:
    """Fetch and unpack the parts, where they are not there already. Raises NotHereError.

    What is there stays: a kernel that changes between two runs would change nothing that the tests look at.
    """
    home = _home()
    if all((home / name).is_file() for name in _WANTED):
        return home
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise NotHereError("no apt-get and dpkg-deb: the signed boot chain comes in Debian's packages")
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as at:
        work = Path(at)
        _said("apt-get", "download", *_PACKAGES, _kernel(work), at=work)
        for package in sorted(work.glob("*.deb")):
            _said("dpkg-deb", "-x", package.name, "tree", at=work)
        (work / "kept").mkdir()
        for name, pattern in _WANTED.items():
            match = sorted((work / "tree").glob(pattern))
            if not match:
                raise NotHereError(f"no {pattern} in the packages")
            shutil.copyfile(match[-1], work / "kept" / name)
        (work / "kept/busybox").chmod(0o755)
        shutil.rmtree(home, ignore_errors=True)
        (work / "kept").rename(home)
    return home


def _kernel(at: Path) -> str:
    """The package of the current kernel."""
    listed = _said("apt-cache", "depends", "--important", _KERNELS, at=at).split()
    return next((word for word in listed if word.startswith("linux-image-") and word != _KERNELS), _KERNELS)


def _said(*command: str, at: Path) -> str:
    done = subprocess.run(command, cwd=at, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise NotHereError(f"{command[0]}: {done.stderr.strip()[-300:]}")
    return done.stdout


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{fetch()}\n")
    except NotHereError as e:
        sys.exit(str(e))
