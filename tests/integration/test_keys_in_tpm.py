"""A folder of keys under a real TPM in software: it opens in the chip that sealed it, after the same boot, and nowhere else."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from key_harness import CANARY, NOW, RESOURCE, decision, log_in, part, with_options

from strongroom.model.errors import BadInput, KeyUnavailable, NotFound
from strongroom.model.release import KeySettings, Secret, Wrapped

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not (shutil.which("swtpm") and shutil.which("tpm2")), reason="swtpm or tpm2-tools is missing"),
]


def _ports() -> int:
    """The first of two free ports, one behind the other, as the tools expect them."""
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


@contextmanager
def chip(folder: Path) -> Iterator[str]:
    """A TPM whose state is in the folder; its TCTI. Started again, it is the same chip after another boot."""
    folder.mkdir(exist_ok=True)
    port = _ports()
    state = ("--tpm2", "--tpmstate", f"dir={folder}", "--flags", "not-need-init,startup-clear")
    where = ("--server", f"type=tcp,port={port}", "--ctrl", f"type=tcp,port={port + 1}")
    with subprocess.Popen(("swtpm", "socket", *state, *where)) as running:
        try:
            yield f"swtpm:host=127.0.0.1,port={port}"
        finally:
            running.terminate()


def tool(tcti: str, *args: str) -> str:
    where = {"PATH": os.defpath, "TPM2TOOLS_TCTI": tcti}
    return subprocess.run(("tpm2", *args), env=where, check=True, capture_output=True, text=True, timeout=60).stdout


def kept(folder: Path, tcti: str, pcrs: str) -> tuple[KeySettings, Wrapped]:
    """A folder that this chip seals, and a resource in it."""
    settings = KeySettings({"folder": str(folder / "keys"), "tpm": tcti})
    settings = with_options(settings, tpm_pcrs=pcrs)
    backend = part("file")
    assert backend.prepare is not None
    backend.prepare(settings)
    with log_in(folder) as (_, gate):
        keys = backend.open(settings, gate)
        wrapped = keys.wrap(Secret(CANARY), RESOURCE, 1, ())
        keys.close()
    return settings, wrapped


def opened(folder: Path, settings: KeySettings, wrapped: Wrapped) -> bytes:
    with log_in(folder) as (log, gate):
        keys = part("file").open(settings, gate)
        try:
            return keys.unwrap(log.decide(decision()), wrapped, NOW).reveal()
        finally:
            keys.close()


@pytest.mark.parametrize("pcrs", ["", "sha256:7,16"])
def test_the_same_chip_opens_the_folder_after_a_boot(tmp_path: Path, pcrs: str) -> None:
    """What a chip sealed it opens again after it was started anew, and it keeps no object in it."""
    with chip(tmp_path / "state") as tcti:
        settings, wrapped = kept(tmp_path, tcti, pcrs)
        assert opened(tmp_path, settings, wrapped) == CANARY
    with chip(tmp_path / "state") as tcti:
        assert opened(tmp_path, with_options(settings, tpm=tcti), wrapped) == CANARY
        for kind in ("handles-transient", "handles-loaded-session", "handles-persistent"):
            assert tool(tcti, "getcap", kind) == ""
    assert not [p for p in (tmp_path / "keys").iterdir() if p.suffix != ".json"]


def test_another_boot_does_not_open_the_folder(tmp_path: Path) -> None:
    """Once a register of the policy has another value, the chip refuses; the rest of its registers may change."""
    with chip(tmp_path / "state") as tcti:
        settings, wrapped = kept(tmp_path, tcti, "sha256:16")
        tool(tcti, "pcrextend", f"15:sha256={'11' * 32}")
        assert opened(tmp_path, settings, wrapped) == CANARY
        tool(tcti, "pcrextend", f"16:sha256={'11' * 32}")
        with pytest.raises(KeyUnavailable) as caught:
            opened(tmp_path, settings, wrapped)
        assert "another boot" in caught.value.hint
        tool(tcti, "pcrreset", "16")
        assert opened(tmp_path, settings, wrapped) == CANARY


def test_the_policy_is_the_chips_and_not_the_files(tmp_path: Path) -> None:
    """Who strikes the registers from the file, or from the options, gets nothing out of the chip."""
    with chip(tmp_path / "state") as tcti:
        settings, wrapped = kept(tmp_path, tcti, "sha256:16")
        tool(tcti, "pcrextend", f"16:sha256={'11' * 32}")
        master = tmp_path / "keys/master.json"
        for other in ('"pcrs":""', '"pcrs":"sha256:15"'):
            text = master.read_text()
            master.write_text(text.replace('"pcrs":"sha256:16"', other))
            with pytest.raises(KeyUnavailable):
                opened(tmp_path, settings, wrapped)
            master.write_text(text)


def test_another_chip_does_not_open_the_folder(tmp_path: Path) -> None:
    """A folder that was carried to another machine stays closed."""
    with ExitStack() as stack:
        settings, wrapped = kept(tmp_path, stack.enter_context(chip(tmp_path / "one")), "")
        other = stack.enter_context(chip(tmp_path / "two"))
        with pytest.raises(KeyUnavailable) as caught:
            opened(tmp_path, with_options(settings, tpm=other), wrapped)
        assert "another TPM" in caught.value.hint


def test_a_chip_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    """Where nothing answers, and where a TCTI or registers are none, nothing opens."""
    with chip(tmp_path / "state") as tcti:
        settings, wrapped = kept(tmp_path, tcti, "")
        for options in ({"tpm": "device:/dev/tpm0 -x"}, {"tpm_pcrs": "7"}, {"tpm_pcrs": "sha256:all"}):
            with pytest.raises(BadInput):
                opened(tmp_path, with_options(settings, **options), wrapped)
    with pytest.raises(KeyUnavailable):
        opened(tmp_path, settings, wrapped)


def test_without_the_tools_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where tpm2-tools are missing, the words say what to install."""
    monkeypatch.setattr("strongroom.keys._tpm.Setting.__new__.__defaults__", ("/nonexistent", 30.0))
    settings = KeySettings({"folder": str(tmp_path / "keys"), "tpm": "device:/dev/tpmrm0"})
    backend = part("file")
    assert backend.prepare is not None
    with pytest.raises(NotFound) as caught:
        backend.prepare(settings)
    assert "tpm2-tools" in caught.value.hint
