"""`attest eventlog`: the replay that others computed, and every event in words."""

import json
from pathlib import Path

import pytest
import tpm_minting as m
from click.testing import CliRunner, Result

from strongroom.cli.commands.attest.eventlog import COMMAND


def told(*args: str) -> Result:
    """What the command prints."""
    return CliRunner().invoke(COMMAND, args)


def expected(vectors: Path) -> list[str]:
    """The names of the logs whose registers are known."""
    held = json.loads((vectors / "onprem/eventlogs/expected.json").read_text())
    return sorted(name for name, e in held.items() if e["tpm2_eventlog"] == "ok")


def test_registers_and_words_of_a_log(tmp_path: Path) -> None:
    """Every register and every event is told within 80 columns."""
    log = tmp_path / "log"
    log.write_bytes(m.log_of(m.BOOT))
    found = told(str(log))
    assert found.exit_code == 0
    assert m.extended(m.BOOT)[7].hex() in found.stdout
    assert "SecureBoot on" in found.stdout
    assert max(map(len, found.stdout.splitlines())) <= 80


def test_as_json_the_registers_are_by_bank(tmp_path: Path) -> None:
    """The JSON form has each bank's registers, and each event with its digests."""
    log = tmp_path / "log"
    log.write_bytes(m.log_of(m.BOOT))
    found = json.loads(told(str(log), "--format", "json").stdout)
    assert found["registers"]["sha256"]["pcr9"] == m.extended(m.BOOT)[9].hex()
    assert len(found["events"]) == len(m.BOOT) + 1


@pytest.mark.parametrize("cut", [1, 3, 40])
def test_a_log_that_is_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    """A log without its end is not replayed as if it had one."""
    log = tmp_path / "log"
    log.write_bytes(m.log_of(m.BOOT)[:-cut])
    assert told(str(log)).exit_code == 2


def test_recorded_logs_replay_as_tpm2_eventlog_does(vectors: Path) -> None:
    """Each register of each recorded log is the one that tpm2_eventlog computed, in both banks."""
    folder = vectors / "onprem/eventlogs"
    held = json.loads((folder / "expected.json").read_text())
    for name in expected(vectors):
        found = json.loads(told(str(folder / name), "--format", "json").stdout)["registers"]
        for bank in ("sha1", "sha256"):
            wanted = held[name].get(f"{bank}_pcrs")
            if wanted is not None:
                assert found[bank] == {f"pcr{n}": value for n, value in wanted.items()}, name


def test_a_bogus_log_is_refused(vectors: Path) -> None:
    """A log that lies about its lengths ends in one line and exit code 2."""
    found = told(str(vectors / "onprem/eventlogs/keylime-bogus.bin"))
    assert found.exit_code == 2
    assert found.stdout == ""


def test_every_recorded_log_is_told(vectors: Path) -> None:
    """Every log of a machine is replayed and told within 80 columns; a CCEL by the names of a TD's registers."""
    logs = sorted((vectors / "attest/tpm").glob("*.eventlog.bin")) + sorted((vectors / "attest/tpm").glob("CCEL*"))
    assert logs
    for log in logs:
        found = told(str(log))
        assert found.exit_code == 0, log.name
        assert ("rtmr0" in found.stdout) is log.name.startswith("CCEL")
        assert max(map(len, found.stdout.splitlines())) <= 80, log.name
