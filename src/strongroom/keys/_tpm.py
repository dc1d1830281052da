"""Sealing to this machine's TPM: 32 octets that come out of one chip only and, by policy, only after the same boot.

The parent is the storage root key, made again from the owner's seed each time (TCG TPM 2.0 Provisioning Guidance 7.5.1):
nothing is left in the chip. What is sealed goes in and comes out through pipes, never through a file. It comes out in a
salted session that encrypts the answer (TPM 2.0 part 1, 19), so that who listens on the bus of a discrete chip has nothing;
who can take the chip's place on the bus when it is sealed is not kept out.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from strongroom.model.errors import BadInput, KeyUnavailable, NotFound
from strongroom.model.release import KeySettings

_PCRS = re.compile(r"sha(?:256|384|512):[0-9]{1,2}(?:,[0-9]{1,2})*")
_TCTI = re.compile(r"[a-z0-9-]+(?::[A-Za-z0-9_./,=:-]*)?")
_MANAGED = ("device:/dev/tpmrm", "tabrmd", "tpm2-tabrmd")
_LEAST = 30.0  # seconds: a discrete chip is slow, and this is asked when a back end opens, not when a key is released


class Setting(NamedTuple):
    """How the chip is reached (a TCTI, as TPM2TOOLS_TCTI), where the tools are, and seconds for all of it."""

    tcti: str
    path: str = os.defpath
    seconds: float = _LEAST


def setting(settings: KeySettings) -> Setting:
    """The options `tpm` and `tpm-pcrs`. Raises BadInput."""
    tcti, pcrs = settings.options.get("tpm", ""), settings.options.get("tpm-pcrs", "")
    if not _TCTI.fullmatch(tcti):
        raise BadInput("option tpm", repr(tcti[:80]), "a TCTI such as device:/dev/tpmrm0")
    if pcrs and not _PCRS.fullmatch(pcrs):
        raise BadInput("option tpm-pcrs", repr(pcrs[:80]), "registers such as sha256:7,11")
    return Setting(tcti, seconds=max(_LEAST, settings.seconds))


def seal(where: Setting, key: bytes, pcrs: str) -> tuple[bytes, bytes]:
    """The public and the private part of a sealed object; `pcrs` are registers as `sha256:7,11`, or empty for none.

    Raises:
        NotFound: the tools are not installed.
        KeyUnavailable: the TPM does not answer, or refuses.
    """
    with tempfile.TemporaryDirectory(prefix="strongroom-tpm-") as name:
        tools = _Tools(where, Path(name))
        tools.run("createprimary", "-Q", "-C", "o", "-g", "sha256", "-G", "ecc", "-c", "srk.ctx")
        policy: tuple[str, ...] = ("-a", "fixedtpm|fixedparent|noda|userwithauth")
        if pcrs:
            tools.run("startauthsession", "-S", "trial.ctx")
            tools.run("policypcr", "-Q", "-S", "trial.ctx", "-l", pcrs, "-L", "policy")
            tools.run("flushcontext", "trial.ctx")
            policy = ("-L", "policy", "-a", "fixedtpm|fixedparent|noda|adminwithpolicy")
        making = ("create", "-Q", "-C", "srk.ctx", "-g", "sha256", "-i", "-", "-u", "public", "-r", "private", *policy)
        tools.run(*making, given=key)
        return (tools.folder / "public").read_bytes(), (tools.folder / "private").read_bytes()


def unseal(where: Setting, public: bytes, private: bytes, pcrs: str) -> bytes:
    """What was sealed.

    Raises:
        NotFound: the tools are not installed.
        KeyUnavailable: the TPM does not answer, is another one, or its registers are not as they were.
    """
    if pcrs and not _PCRS.fullmatch(pcrs):
        raise KeyUnavailable("sealed key", "registers that are none", "those that it was sealed to", "restore a backup")
    with tempfile.TemporaryDirectory(prefix="strongroom-tpm-") as name:
        tools = _Tools(where, Path(name))
        (tools.folder / "public").write_bytes(public)
        (tools.folder / "private").write_bytes(private)
        tools.run("createprimary", "-Q", "-C", "o", "-g", "sha256", "-G", "ecc", "-c", "srk.ctx")
        tools.run("load", "-Q", "-C", "srk.ctx", "-u", "public", "-r", "private", "-c", "sealed.ctx")
        kind = ("--policy-session",) if pcrs else ("--hmac-session",)
        tools.run("startauthsession", *kind, "-S", "session.ctx", "-c", "srk.ctx", "-g", "sha256")
        try:
            tools.run("sessionconfig", "session.ctx", "--enable-encrypt")
            if pcrs:
                tools.run("policypcr", "-Q", "-S", "session.ctx", "-l", pcrs)
            return tools.run("unseal", "-c", "sealed.ctx", "-p", "session:session.ctx")
        finally:
            tools.run("flushcontext", "session.ctx", careful=False)


class _Tools:
    """tpm2-tools as children without a shell, in a folder of theirs, all of them within one time."""

    def __init__(self, where: Setting, folder: Path) -> None:
        found = shutil.which("tpm2", path=where.path)
        if found is None:
            raise NotFound(
                "tpm2-tools", f"no program tpm2 in {where.path}", "the tools of the TPM", "install tpm2-tools 5"
            )
        self._program = found
        self._environment = {"PATH": where.path, "TPM2TOOLS_TCTI": where.tcti, "LC_ALL": "C", "TSS2_LOG": "all+error"}
        self._managed = where.tcti.startswith(_MANAGED)
        self._end = time.monotonic() + where.seconds
        self.folder = folder

    def run(self, *args: str, given: bytes = b"", careful: bool = True) -> bytes:
        """What the tool printed. Raises KeyUnavailable where it failed; its words are of handles and codes, not of keys."""
        done = self._once(args, given)
        if not self._managed and args[0] != "flushcontext":
            self._once(("flushcontext", "-t"), b"")  # a chip without a manager has room for three objects
        if done.returncode and careful:
            raise KeyUnavailable(f"tpm2 {args[0]}", _why(done.stderr), "the TPM's answer", _hint(args[0], done.stderr))
        return done.stdout

    def _once(self, args: tuple[str, ...], given: bytes) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(  # noqa: S603 - a program and its arguments, no shell
                (self._program, *args),
                cwd=self.folder,
                env=self._environment,
                input=given,
                capture_output=True,
                timeout=max(0.1, self._end - time.monotonic()),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise KeyUnavailable(f"tpm2 {args[0]}", "no answer in time", "the TPM's answer") from None
        except OSError as e:
            why = (e.strerror or "an error").lower()
            raise NotFound("tpm2-tools", why, "a program", "install tpm2-tools 5") from None


def _why(complaint: bytes) -> str:
    lines = complaint.decode("utf-8", "replace").splitlines()
    told = " / ".join(dict.fromkeys(x.removeprefix("ERROR:").strip() for x in lines if x.startswith("ERROR")))
    return "".join(c if c.isprintable() else " " for c in told or "no reason given")[:300]


def _hint(tool: str, complaint: bytes) -> str:
    if b"0x99d" in complaint or b"0x1c4" in complaint or (tool == "unseal" and b"policy" in complaint):
        return "the registers are not as they were when the key was sealed: another boot, or another firmware"
    if tool == "load":
        return "the key was sealed to another TPM, or this one was cleared: restore with the passphrase of a backup"
    return "is /dev/tpmrm0 there, and may this user open it (group tss)?"
