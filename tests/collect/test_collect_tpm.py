"""Where a TPM cannot be asked: each reason in words, with what to do. Real TPMs in software are among the integration tests."""

import os
from pathlib import Path

import pytest
from in_process import run

from strongroom.app.attest_collect import collect
from strongroom.collect.evidence import tpm as part
from strongroom.collect.evidence.tpm import Places, opened
from strongroom.collect.evidence.tpm_tools import Setting, Tools
from strongroom.model.errors import BadUsage, NotFound, Unreadable


def tools(folder: Path, script: str) -> Setting:
    """A program `tpm2` that is this script, for a TPM that is reached by name."""
    program = folder / "tpm2"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Setting("swtpm:nowhere", f"{folder}:{os.defpath}", timeout=5.0)


def test_without_the_tools_it_says_which(tmp_path: Path) -> None:
    """A machine without tpm2-tools is told their name."""
    with pytest.raises(NotFound, match="no program tpm2") as told:
        Tools(Setting(path=str(tmp_path)), tmp_path)
    assert "install tpm2-tools" in told.value.hint


def test_without_a_device_it_says_which(tmp_path: Path) -> None:
    """A machine without a TPM is told which device is missing, and where it could come from."""
    setting = tools(tmp_path, "exit 0")._replace(tcti="", device=str(tmp_path / "tpmrm0"))
    with pytest.raises(NotFound, match="tpmrm0") as told:
        Tools(setting, tmp_path)
    assert "TPM2TOOLS_TCTI" in told.value.hint
    assert not part.present(setting)


def test_without_permission_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that may not be opened is told, with who may."""
    device = tmp_path / "tpmrm0"
    device.touch(mode=0)
    setting = tools(tmp_path, "exit 0")._replace(tcti="", device=str(device))
    sound = os.access
    monkeypatch.setattr(os, "access", lambda p, mode: str(p) != str(device) and sound(p, mode))  # root may open all
    with pytest.raises(Unreadable, match="permission denied") as told:
        Tools(setting, tmp_path)
    assert "tss" in told.value.hint


@pytest.mark.parametrize(
    ("complaint", "found", "hint"),
    [
        ("ERROR: Could not open device: Permission denied\\nERROR: Unable to run getcap", "Permission denied", "tss"),
        ("ERROR: Esys_Load(0x902) - tpm:warn(2.0): out of memory for object contexts", "0x902", "flushcontext"),
        ("ERROR: Esys_X(0x921) - the TPM is in DA lockout mode", "lockout", "dictionarylockout"),
        ("ERROR: Esys_PolicySecret(0x9A2) - authorization failure", "authorization", "password"),
        ("something\\033[2J else", "no reason given", ""),
    ],
)
def test_what_the_tools_say_is_told(tmp_path: Path, complaint: str, found: str, hint: str) -> None:
    """The tools' last complaint is in the message, on one line, and the known ones say what to do."""
    with pytest.raises(Unreadable) as told:
        Tools(tools(tmp_path, f"printf '{complaint}\\n' >&2; exit 1"), tmp_path).run("getcap", "x")
    assert found in told.value.found
    assert hint in told.value.hint
    assert told.value.subject == "tpm2 getcap"
    assert told.value.found.isprintable()


def test_a_tool_that_hangs_is_ended(tmp_path: Path) -> None:
    """A TPM that never answers does not keep the program for ever."""
    with pytest.raises(Unreadable, match="no answer within"):
        Tools(tools(tmp_path, '[ "$1" = flushcontext ] || exec sleep 60')._replace(timeout=0.2), tmp_path).run("quote")


def test_a_tool_sees_no_more_than_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What else is in the environment does not reach the tools."""
    monkeypatch.setenv("SECRET_TOKEN", "hidden")
    said = Tools(tools(tmp_path, "/usr/bin/env"), tmp_path).run("getcap")
    assert "SECRET_TOKEN" not in said
    assert "TPM2TOOLS_TCTI=swtpm:nowhere" in said


def test_objects_are_flushed_where_nobody_manages_them(tmp_path: Path) -> None:
    """Behind each tool transient objects are flushed, but not where a resource manager does that."""
    setting = tools(tmp_path, f'echo "$1" >> {tmp_path}/asked')
    Tools(setting, tmp_path).run("quote")
    assert (tmp_path / "asked").read_text().split() == ["quote", "flushcontext"]
    Tools(setting._replace(tcti="device:/dev/tpmrm0"), tmp_path).run("quote")
    assert (tmp_path / "asked").read_text().split() == ["quote", "flushcontext", "quote"]


def test_the_folder_of_the_key_is_the_owners_alone(tmp_path: Path) -> None:
    """The state folder is closed to others, and what the tools wrote is gone afterwards."""
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    with opened(tools(tmp_path, "exit 0"), Places(state)) as machine:
        assert state.stat().st_mode & 0o777 == 0o700
        assert len(list(state.iterdir())) == 1
        assert machine.troubles == ()
    assert list(state.iterdir()) == []


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    """A state folder that is a file is told before anything is asked of the TPM."""
    (tmp_path / "state").touch()
    with pytest.raises(Unreadable, match="state"), opened(tools(tmp_path, "exit 0"), Places(tmp_path / "state")):
        pytest.fail("it opened")


@pytest.mark.parametrize(
    ("bank", "pcrs", "nonce"),
    [("md5", (0,), b""), ("sha256", (), b""), ("sha256", (24,), b""), ("sha256", (0,), bytes(65))],
)
def test_what_a_tpm_has_not_is_refused(tmp_path: Path, bank: str, pcrs: tuple[int, ...], nonce: bytes) -> None:
    """A bank, registers or a nonce that no TPM has are refused before a tool is started."""
    setting = tools(tmp_path, "exit 9")
    with opened(setting, Places(tmp_path / "state")) as machine, pytest.raises(BadUsage):
        machine.quote(nonce, bank, pcrs)


def test_logs_that_cannot_be_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that is missing or far too long is left out and told, never made up."""
    monkeypatch.setattr(part, "_MOST_LOG", 8)
    long = tmp_path / "security" / "ima" / "binary_runtime_measurements"
    long.parent.mkdir(parents=True)
    long.write_bytes(bytes(9))
    with opened(tools(tmp_path, "exit 0"), Places(tmp_path / "state", tmp_path / "security")) as machine:
        assert machine._log(part._EVENT_LOG) == machine._log(part._IMA_LOG) == b""
        assert "no such file" in machine.troubles[0]
        assert "left out" in machine.troubles[1]
        long.write_bytes(bytes(8))
        assert machine._log(part._IMA_LOG) == bytes(8)


def test_a_strange_note_of_the_key_is_told(tmp_path: Path) -> None:
    """A state folder that names no known template says how to start anew."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "ek.kind").write_text("dsa")
    with opened(tools(tmp_path, "exit 0"), Places(tmp_path / "state")) as machine:
        with pytest.raises(Unreadable) as told:
            machine.keys()
        assert "start anew" in told.value.hint


def test_words_of_other_interfaces_are_refused() -> None:
    """Levels are not a TPM's, registers are not an enclave's, and a list of them is a bank and numbers."""
    with pytest.raises(BadUsage, match="vmpl"):
        collect(b"", "tpm", vmpl=1)
    with pytest.raises(BadUsage, match="pcrs"):
        collect(b"", "nsm", registers="sha256:0")
    with pytest.raises(BadUsage, match="pcrs"):
        collect(b"", "tpm", registers="sha256")


def test_the_command_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command leaves 2 where the tools are not installed, with a hint."""
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run("attest", "collect", "--interface", "tpm", "--state", str(tmp_path / "s"), "-o", "e", cwd=tmp_path)
    assert done.returncode == 2
    assert "install tpm2-tools" in done.stderr
