"""Machines with a TPM that boot under emulation: firmware, Secure Boot, shim, grub, kernel; each quotes from inside.

The TPM is made and its attestation key enrolled before any boot, as an owner would do it before a host is let in: what a
guest says of its own key is never believed. Every boot starts from a copy of that TPM, so all boots are of one host.
"""

import base64
import contextlib
import hashlib
import os
import re
import selectors
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from boot_image import HANDLE, Image
from boot_parts import FIRMWARE

BOOT_SECONDS, QUOTE_SECONDS, LIFE_SECONDS = 200, 90, 600  # a busy machine may need four times what an idle one does
_FILE = re.compile(rb"::file (\S+) ([0-9a-f]{64})\n(.*?)::end\n", re.DOTALL)


class NoAnswerError(Exception):
    """The guest did not say what it should; the text holds the end of what it did say."""


@contextlib.contextmanager
def running(command: tuple[str, ...], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process with pipes to it, in the folder; ended with the block, whatever happens in it.

    Where this program is killed instead, `timeout` ends it.
    """
    bounded = ("timeout", "--kill-after=5", str(LIFE_SECONDS), *command)
    with (folder / f"{command[0]}.log").open("ab") as log:
        process = subprocess.Popen(bounded, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
    try:
        yield process
    finally:
        for how in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                process.send_signal(how)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(10)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


# The TPM, before any boot


@dataclass(frozen=True)
class Host:
    """A host's TPM as its owner enrolled it: a folder with its state, and the attestation key's public area and name."""

    state: Path
    ak: bytes
    name: str


def _ports() -> tuple[int, int]:
    for _ in range(50):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port, port + 1
    raise NoAnswerError("no two free ports")


def enrolled(folder: Path) -> Host:
    """Make a TPM in the folder, which is made, and an attestation key that stays in it."""
    folder.mkdir()
    state = folder / "state"
    state.mkdir()
    made = ("swtpm_setup", "--tpm2", "--tpmstate", str(state), "--pcr-banks", "sha1,sha256")
    subprocess.run(made, check=True, capture_output=True, timeout=120)
    port, control = _ports()
    where = ("--server", f"type=tcp,port={port}", "--ctrl", f"type=tcp,port={control}")
    flags = ("--flags", "not-need-init,startup-clear")
    with running(("swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", *flags, *where), folder):
        _tool(folder, port, "createek", "-c", "ek.ctx", "-G", "ecc")
        key = ("-G", "ecc", "-g", "sha256", "-s", "ecdsa")
        _tool(folder, port, "createak", "-C", "ek.ctx", "-c", "ak.ctx", *key, "-u", "ak.pub", "-n", "ak.name")
        _tool(folder, port, "evictcontrol", "-C", "o", "-c", "ak.ctx", HANDLE)
        _tool(folder, port, "shutdown", "-c")
    return Host(state, (folder / "ak.pub").read_bytes(), (folder / "ak.name").read_bytes().hex())


def _tool(folder: Path, port: int, *args: str) -> None:
    """One of tpm2-tools, and then the TPM freed of what it left: there is no resource manager."""
    where = {"PATH": os.defpath, "TPM2TOOLS_TCTI": f"swtpm:host=127.0.0.1,port={port}"}
    rounds = ((*args,), ("flushcontext", "-t")) if args[0] != "shutdown" else ((*args,),)
    for words in rounds:
        done = subprocess.run(("tpm2", *words), cwd=folder, env=where, check=False, capture_output=True, timeout=60)
        assert done.returncode == 0, f"tpm2 {' '.join(words)}: {done.stderr!r}"


# A machine


@dataclass
class Guest:
    """A booted machine, which answers challenges on its serial line."""

    host: Host
    process: subprocess.Popen[bytes]
    heard: bytes = b""
    _given: int = field(default=0, init=False)

    def wait_for(self, mark: bytes, seconds: float) -> bytes:
        """What is said up to the mark, a line of its own. Raises NoAnswerError."""
        assert self.process.stdout is not None
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdout, selectors.EVENT_READ)
            while (at := self.heard.find(b"\n" + mark + b"\n", self._given)) < 0:
                left = end - time.monotonic()
                chunk = os.read(self.process.stdout.fileno(), 1 << 16) if left > 0 and ready.select(left) else b""
                if not chunk:
                    why = "ended" if time.monotonic() < end else f"said nothing of the kind in {seconds:.0f} s"
                    raise NoAnswerError(f"waiting for {mark!r}, the guest {why}: …{self.heard[-1500:]!r}")
                self.heard += chunk.replace(b"\r", b"")
        said, self._given = self.heard[self._given : at + 1], at + 1
        return said

    def say(self, line: str) -> None:
        """Send a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def quote(self, nonce: bytes, folder: Path) -> Path:
        """Challenge the machine; the folder, which is made, then holds what it handed out and the enrolled key."""
        self.say(f"quote {nonce.hex()}")
        said = self.wait_for(b"::done", QUOTE_SECONDS)
        files = handed_out(said)
        if "quote.msg" not in files:
            raise NoAnswerError(f"no quote: {files.get('said', said[-500:])!r}")
        folder.mkdir()
        for name, data in {**files, "ak.pub": self.host.ak}.items():
            (folder / name).write_bytes(data)
        return folder


def handed_out(said: bytes) -> Mapping[str, bytes]:
    """The files in what a guest said. Raises NoAnswerError where one is not what the guest digested."""
    found = dict[str, bytes]()
    for name, digest, text in _FILE.findall(said):
        data = base64.b64decode(text, validate=False)
        if hashlib.sha256(data).hexdigest() != digest.decode():
            raise NoAnswerError(f"{name.decode()} arrived damaged")
        found[name.decode()] = data
    return found


@contextlib.contextmanager
def booted(host: Host, image: Image, variables: Path, folder: Path) -> Iterator[Guest]:
    """A machine that has booted the image, in the folder, which is made; it ends with the block."""
    folder.mkdir()
    shutil.copytree(host.state, folder / "state", ignore=shutil.ignore_patterns(".lock"))
    shutil.copyfile(variables, folder / "variables.fd")
    # Paths of sockets are short: both processes run in the folder.
    tpm = ("swtpm", "socket", "--tpm2", "--tpmstate", "dir=state", "--ctrl", "type=unixio,path=tpm.sock")
    with running(tpm, folder):
        _wait_until_there(folder / "tpm.sock")
        with running(_machine(image), folder) as process:
            guest = Guest(host, process)
            guest.wait_for(b"::ready", BOOT_SECONDS)
            yield guest
            guest.say("off")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)


def _machine(image: Image) -> tuple[str, ...]:
    """QEMU without KVM: it needs system management mode, which keeps the system out of the firmware's variables."""
    return (
        "qemu-system-x86_64",
        *("-machine", "q35,smm=on", "-accel", "tcg", "-cpu", "max", "-m", "512", "-smp", "1"),
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio"),
        *("-global", "driver=cfi.pflash01,property=secure,value=on"),
        *("-drive", f"if=pflash,format=raw,unit=0,file={FIRMWARE},readonly=on"),
        *("-drive", "if=pflash,format=raw,unit=1,file=variables.fd"),
        *("-drive", f"format=raw,file={image.disk},if=ide,snapshot=on"),
        *("-chardev", "socket,id=tpm,path=tpm.sock", "-tpmdev", "emulator,id=tpm0,chardev=tpm"),
        *("-device", "tpm-crb,tpmdev=tpm0"),
    )


def _wait_until_there(at: Path) -> None:
    end = time.monotonic() + 20
    while not at.exists():
        if time.monotonic() > end:
            raise NoAnswerError(f"no {at.name} after 20 s")
        time.sleep(0.05)
