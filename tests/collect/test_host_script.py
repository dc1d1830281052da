"""The shipped script, run for real: under every shell that is here it is whole, reads only, and keeps secrets."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import host_records as hosts
from strongroom.collect.host import document
from strongroom.collect.sources import host
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.ports import Limits, Request

SCRIPT = Path(host.__file__).parents[1] / "host_collector.sh"
SHELLS = {
    "sh": ["sh"],
    "dash": ["dash"],
    "busybox": ["busybox", "sh"],
    "bash": ["bash", "--posix"],
    "ksh": ["ksh"],
    "mksh": ["mksh"],
}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    command: list[str] = SHELLS[request.param]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed: the script is not run under it")
    return command


def run(command: list[str], **circumstances: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*command, str(SCRIPT)], capture_output=True, check=False, timeout=120, **circumstances)  # type: ignore[call-overload,no-any-return]


def test_the_script_runs_under_every_shell(shell: list[str]) -> None:
    """Its output is one whole record, and nothing is left on standard error."""
    done = run(shell)
    (found,) = document.parse(done.stdout, "host.txt")
    assert (done.returncode, done.stderr) == (0, b"")
    assert {"collector", "identity", "values", "presence", "cpu", "mounts", "processes"} <= found.sections.keys()
    assert all(len(s.detail) <= 200 for s in found.sections.values())


def test_the_record_is_printable_ascii() -> None:
    """Whatever the firmware's strings hold, the record is text that survives a terminal."""
    assert re.fullmatch(rb"[\t\n\x20-\x7e]+", run(["sh"]).stdout)


def test_it_may_come_by_standard_input() -> None:
    """As over ssh, the script arrives on standard input, and no program that it starts eats the rest of it."""
    done = subprocess.run(["sh", "-s"], input=SCRIPT.read_bytes(), capture_output=True, check=False, timeout=120)
    assert len(document.parse(done.stdout, "host.txt")) == 1


def test_it_writes_nothing_and_calls_nobody(tmp_path: Path) -> None:
    """System call by system call: nothing is opened for writing but /dev/null, nothing made, moved or connected to."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: what the script opens cannot be watched")
    log = tmp_path / "calls.txt"
    traced = ["strace", "-f", "-qq", "-e", "trace=%file,%network", "-o", str(log), "sh"]
    done = run(traced)
    if not done.stdout.startswith(b"strongroom-host/"):
        pytest.skip(f"strace cannot trace here: {done.stderr.decode(errors='replace')[:200]}")
    calls = log.read_text(encoding="utf-8", errors="replace").splitlines()
    writing = [c for c in calls if re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC|APPEND)", c) and '"/dev/null"' not in c]
    changing = r" (mkdir|unlink|rename|ch(mod|own)|mknod|(sym)?link|truncate|utime|setxattr|mount|swapo)\w*\("
    # Resolving the address to listen on, sshd -T "connects" a datagram socket to 0.0.0.0, which sends nothing.
    reaching = r" (connect|sendto)\(.*AF_INET6?,(?!.*\"(0\.0\.0\.0|::|127\.[\d.]+|::1)\")"
    assert len(calls) > 1000
    assert [c for c in writing if "ENOENT" not in c] == []
    assert [c for c in calls if re.search(changing, c) and "readlink" not in c] == []
    assert [c for c in calls if re.search(reaching, c)] == []


def test_it_says_what_was_denied_to_an_ordinary_user() -> None:
    """Without root a closed file is denied, with the file and the way out, and never absent."""
    if os.geteuid() != 0:
        pytest.skip("only root can step down to another user")
    closed = [
        p
        for p in (Path("/etc/ssh/sshd_config.d"), Path("/sys/kernel/security/tpm0"))
        if p.exists() and p.stat().st_mode & 0o007 == 0
    ]
    done = run(["sh"], user=65534, group=65534, extra_groups=[])
    if not done.stdout:
        pytest.skip("the folder of this checkout is closed to other users")
    (found,) = document.parse(done.stdout, "host.txt")
    assert "uid 0" not in found.sections["collector"].lines
    text = done.stdout.decode()
    assert [p for p in closed if f"{p}: permission denied: run as root" not in text] == []


def test_a_folder_that_may_not_be_entered_is_denied(tmp_path: Path) -> None:
    """The script's own test of a path tells a file that is missing from one that it may not see."""
    if os.geteuid() != 0:
        pytest.skip("only root can step down to another user")
    body = SCRIPT.read_text(encoding="utf-8")
    look = body[body.index("look() {") : body.index("# One line `STATUS")]
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for parent in (tmp_path, *tmp_path.parents[:3]):
        parent.chmod(0o755)
    program = f"WHY='permission denied: run as root'\n{look}\nfor p in {closed}/x {tmp_path}/x {tmp_path}; do look $p; echo \"$S $D\"; done"
    done = subprocess.run(["sh", "-c", program], capture_output=True, check=False, user=65534, extra_groups=[])
    assert done.stdout.decode().splitlines() == [
        f"denied {closed}: permission denied: run as root",
        f"absent {tmp_path}/x: no such file",
        "ok ",
    ]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("root=/dev/sda1 ro quiet", "root=/dev/sda1 ro quiet"),
        ("ipmi.password=hunter2 ro", "ipmi.password=*** ro"),
        ('a.token="two words" ro', "a.token=*** ro"),
        ("inst.ks=https://me:pw@site/ks ro", "inst.ks=https://***@site/ks ro"),
        ("API_KEY=abc SECRET=def", "API_KEY=*** SECRET=***"),
    ],
)
def test_secrets_on_the_command_line_are_masked(line: str, shown: str) -> None:
    """A value whose name sounds like a secret, and a password in an address, never leave the machine."""
    body = SCRIPT.read_text(encoding="utf-8")
    mask = body[
        body.index("mask() {") : body.index("# ---------------------------------------------------------------- who")
    ]
    done = subprocess.run(["sh", "-c", f"{mask}\nmask"], input=line.encode(), capture_output=True, check=False)
    assert done.stdout.decode().strip() == shown


def test_this_machine_is_read_live() -> None:
    """`host:` alone runs the script here and makes one machine of it, each unknown fact with its reason."""
    found = host.COLLECTOR.collect(Request("host:", "", hosts.NOW))
    machine = hosts.one(found)
    assert machine.facts["version.kernel"].value == os.uname().release
    assert [s.files for s in found.sources] == [1]
    if machine.facts["gpu.count"].value == 0:
        assert not [n for n in machine.facts if n.startswith("gpu.") and n != "gpu.count"]


def test_a_script_that_does_not_end_is_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The time limit ends the script and all that it started; the machine is then a gap, not a guess."""
    marker = tmp_path / "survivor"
    slow = tmp_path / "slow.sh"
    slow.write_text(f"(sleep 30; touch {marker}) &\nsleep 30\n", encoding="utf-8")
    original = host._run
    monkeypatch.setattr(host, "_run", lambda command, seconds: original([command[0], str(slow)], seconds))
    found = host.COLLECTOR.collect(Request("host:", "", hosts.NOW, Limits(wall_seconds=0.2)))
    assert [(g.scope, g.code) for g in found.gaps] == [("this machine", GapCode.TIMEOUT)]
    assert Kind.HOST in found.gaps[0].hides
    assert found.assets == ()
