"""A host with a real TPM in software that boots by a log: each boot resets it and extends what the log tells."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import tpm_minting as tpms

from strongroom.app.release_evidence import json_of
from strongroom.collect.evidence import tpm
from strongroom.collect.evidence.tpm_tools import Setting

_ENOUGH = 30.0  # seconds; not a measure, only an end to waiting
_TRIES = 5
_SETTLES = 0.05  # seconds
GOOD = tpms.BOOT
IMPLANTED = (*tpms.secure_boot(), *tpms.started(initrd=b"implant"))


def _free() -> int:
    """A port that is free with the one behind it."""
    for _ in range(50):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port
    pytest.skip("no two free ports")


@dataclass
class Host:
    """The host. As an attester it quotes its TPM, and shows the log of its last boot."""

    folder: Path
    port: int
    running: "subprocess.Popen[bytes] | None" = None
    tee: str = "tpm"

    @property
    def tcti(self) -> str:
        """How tools reach the TPM."""
        return f"swtpm:host=127.0.0.1,port={self.port}"

    @property
    def state(self) -> Path:
        """Where the attestation key is kept."""
        return self.folder / "ak"

    @property
    def _places(self) -> tpm.Places:
        return tpm.Places(self.state, self.folder / "security")

    def tool(self, *args: str) -> None:
        """Run one of tpm2-tools."""
        words = {"PATH": os.defpath, "TPM2TOOLS_TCTI": self.tcti}
        subprocess.run(("tpm2", *args), cwd=self.folder, env=words, check=True, capture_output=True, timeout=60)

    def boot(self, events: tuple[tpms.Measured, ...]) -> None:
        """Reset the TPM, measure the events into it, and leave their log where the kernel would show it."""
        self.off()
        (self.folder / "tpm").mkdir(exist_ok=True)
        for _ in range(_TRIES):
            if self._started():
                break
            self.port = _free()  # another program took it between our look and the simulator's
        else:
            pytest.fail("the simulator did not start")
        for event in events:
            self.extend(event.register, event.digest)
        log = self.folder / "security/tpm0/binary_bios_measurements"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(tpms.log_of(events))

    def _started(self) -> bool:
        """Start the simulator; whether it is the one that answers."""
        state = ("--tpm2", "--tpmstate", f"dir={self.folder / 'tpm'}", "--flags", "not-need-init,startup-clear")
        where = ("--server", f"type=tcp,port={self.port}", "--ctrl", f"type=tcp,port={self.port + 1}")
        self.running = subprocess.Popen(("swtpm", "socket", *state, *where))
        end = time.monotonic() + _ENOUGH
        while time.monotonic() < end and self.running.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port + 1)) == 0:
                    time.sleep(_SETTLES)  # who answers may be another, and ours about to give up
                    return self.running.poll() is None
            time.sleep(_SETTLES)
        return False

    def extend(self, register: int, digest: bytes) -> None:
        """Measure something."""
        self.tool("pcrextend", f"{register}:sha256={digest.hex()}")

    def name(self) -> str:
        """The name of the attestation key, by which an owner enrols it."""
        with tpm.opened(Setting(self.tcti, os.defpath), self._places) as machine:
            return machine.keys().name

    def devices(self, _: bytes) -> str:
        """It has none."""
        return ""

    def root(self, answer: bytes) -> bytes:
        """A quote, with the log."""
        return json_of(tpm.collect(answer, Setting(self.tcti, os.defpath), self._places))

    def off(self) -> None:
        """Switch it off as a machine does that is shut down."""
        if self.running is not None and self.running.poll() is None:
            self.tool("shutdown", "-c")
            self.running.terminate()
            self.running.wait(_ENOUGH)


@contextmanager
def host(folder: Path) -> Iterator[Host]:
    """A host that was never booted."""
    folder.mkdir()
    made = Host(folder, _free())
    try:
        yield made
    finally:
        if made.running is not None and made.running.poll() is None:
            made.running.terminate()
            made.running.wait(_ENOUGH)
