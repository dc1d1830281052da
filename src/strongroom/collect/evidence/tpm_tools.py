"""tpm2-tools as child processes: no shell, a bounded time, errors in words, and nothing left inside of the TPM.

A TPM that is spoken to directly (a simulator, /dev/tpm0) has room for three objects and three sessions and no manager that
swaps them: what a tool leaves behind is flushed, or the next one is refused with 0x902 (TPM_RC_OBJECT_MEMORY).
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from strongroom.model.errors import NotFound, Unreadable

DEVICE = "/dev/tpmrm0"
_MANAGED = ("device:/dev/tpmrm", "tabrmd", "tpm2-tabrmd")
_MOST = 300  # characters of a tool's complaint
_INSTALL = "install tpm2-tools 5 or later (Debian, Ubuntu, Fedora: the package tpm2-tools)"
_PERMISSION = "run it as root, or as a user of the device's group (tss)"


class Setting(NamedTuple):
    """How the TPM is reached: the words of TPM2TOOLS_TCTI where the owner gave any, where programs are looked for, and
    the seconds that one tool may take: making an RSA key takes a discrete TPM up to half a minute.
    """

    tcti: str = ""
    path: str = os.defpath
    timeout: float = 120.0
    device: str = DEVICE


class Tools:
    """Runs tools in a folder of theirs."""

    def __init__(self, setting: Setting, folder: Path) -> None:
        """Raises as `located`."""
        self._program = located(setting)
        self._setting = setting
        self._tcti = setting.tcti or f"device:{setting.device}"
        self._managed = self._tcti.startswith(_MANAGED)
        self.folder = folder

    def run(self, *args: str) -> str:
        """What the tool printed. Raises Unreadable with the tool's own words where it failed."""
        try:
            return self._once(args)
        finally:
            self._flush()

    def _once(self, args: tuple[str, ...]) -> str:
        environment = {"PATH": self._setting.path, "TPM2TOOLS_TCTI": self._tcti, "LC_ALL": "C", "TSS2_LOG": "all+error"}
        try:
            done = subprocess.run(  # noqa: S603 - a program and its arguments, no shell
                (self._program, *args),
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._setting.timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            why = f"no answer within {self._setting.timeout:g} seconds"
            raise Unreadable(f"tpm2 {args[0]}", why, "the TPM's answer", "is the TPM busy, or gone?") from None
        except OSError as e:
            raise NotFound("tpm2-tools", (e.strerror or "an error").lower(), "a program", _INSTALL) from None
        if done.returncode:
            raise Unreadable(f"tpm2 {args[0]}", _why(done.stderr), "the TPM's answer", _hint(done.stderr))
        return done.stdout.decode("utf-8", "replace")

    def _flush(self) -> None:
        """Transient objects, where no manager looks after them; whoever is alone with the TPM owns them all."""
        if self._managed:
            return
        environment = {"PATH": self._setting.path, "TPM2TOOLS_TCTI": self._tcti}
        subprocess.run(  # noqa: S603 - as above; a TPM that is gone has nothing left in it
            (self._program, "flushcontext", "-t"),
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=self._setting.timeout,
            check=False,
        )


def located(setting: Setting) -> str:
    """The program. Raises NotFound where it or the device is missing, Unreadable where the device may not be opened."""
    found = shutil.which("tpm2", path=setting.path)
    if found is None:
        raise NotFound("tpm2-tools", f"no program tpm2 in {setting.path}", "the tools of the TPM", _INSTALL)
    if not setting.tcti:
        _look(setting.device)
    return found


def _look(device: str) -> None:
    if not os.path.exists(device):  # noqa: PTH110 - never raises, whatever the folder refuses
        hint = "turn the TPM on in the firmware's setup, load tpm_crb or tpm_tis, or set TPM2TOOLS_TCTI"
        raise NotFound("TPM", f"no {device}", "a TPM 2.0", hint)
    if not os.access(device, os.R_OK | os.W_OK):
        raise Unreadable(device, "permission denied", "a TPM that may be asked", _PERMISSION)


def _why(complaint: bytes) -> str:
    """The tool's last complaint, on one line; what the layers below it say comes before."""
    lines = [x.strip() for x in complaint.decode("utf-8", "replace").splitlines()]
    told = [x.removeprefix("ERROR:").strip() for x in lines if x.startswith("ERROR")]
    said = " / ".join(dict.fromkeys(x for x in told if not x.startswith("Unable to run")))
    return "".join(c if c.isprintable() else " " for c in (said or "no reason given"))[-_MOST:]


def _hint(complaint: bytes) -> str:
    if re.search(rb"permission|Permission", complaint):
        return _PERMISSION
    if b"lockout" in complaint or b"0x921" in complaint:
        return "the TPM is locked out after wrong authorisations: wait, or tpm2_dictionarylockout --clear-lockout"
    if b"0x9a2" in complaint or b"authorization" in complaint:
        return "the endorsement hierarchy has a password, which is not asked for here"
    if b"0x902" in complaint or b"0x903" in complaint:
        return "the TPM is full: use a resource manager (/dev/tpmrm0), or tpm2_flushcontext -t and -l"
    return ""
