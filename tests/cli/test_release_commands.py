"""`release get` and `release exec`: what they refuse before they ask anybody, and how they end."""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from strongroom.cli.main import group

NAME = "models/weights/llm-1"
BROKER = ("--broker", "http://127.0.0.1:1", "--interface", "tpm", "--gpus", "no")


def run(*words: str, env: dict[str, str | None] | None = None) -> tuple[int, str]:
    """The exit code and what was said."""
    done = CliRunner(env=env).invoke(group, ["release", *words])
    return done.exit_code, done.output


CLOSED = "a descriptor that is not open"


def _closed() -> str:
    """The highest one that may be named and that nothing in this process has open."""
    held = {int(p.name) for p in Path("/proc/self/fd").iterdir()}
    return str(next(n for n in range(1023, 2, -1) if n not in held))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("get", "no-name", *BROKER), 2, "REPOSITORY/TYPE/TAG"),
        (("get", NAME), 2, "--broker"),
        (("get", NAME, *BROKER, "-o", "x", "--fd", "1"), 2, "one of them"),
        (("get", NAME, *BROKER, "--fd", CLOSED), 2, "not open"),
        (("get", NAME, *BROKER, "-o", "/nonexistent/x"), 2, "/nonexistent"),
        (("get", NAME, "--broker", "http://broker.example", "--interface", "tpm"), 2, "https"),
        (("get", NAME, "--broker", "https://127.0.0.1:1", "--ca", "/nonexistent"), 2, "/nonexistent"),
        (("get", NAME, *BROKER, "--init-data", "/nonexistent"), 2, "init-data"),
        (("get", NAME, *BROKER), 3, "answer"),
        (("exec", NAME, *BROKER), 2, "no command"),
        (("exec", *BROKER, "--", "true"), 2, "NAME"),
        (("exec", f"{NAME}=1", *BROKER, "--", "true"), 2, "descriptor"),
        (("exec", NAME, *BROKER, "--", "no-such-program"), 127, "no-such-program"),
        (("exec", NAME, *BROKER, "--", "sh", "--renew"), 125, "answer"),
    ],
)
def test_how_they_end(words: tuple[str, ...], code: int, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What will not do is told with its exit code, and a broker that is not there is no refusal."""
    monkeypatch.setattr("strongroom.app.release_get.protect", lambda: ())
    before = signal.getsignal(signal.SIGTERM)
    found, output = run(*(_closed() if w == CLOSED else w for w in words))
    signal.signal(signal.SIGTERM, before)
    assert (found, said in output) == (code, True), output


def test_help_says_what_becomes_of_the_secret() -> None:
    """Whoever asks for help learns where a secret goes, and where it does not."""
    assert "Nothing is printed" in run("get", "--help")[1]
    assert "environment" in run("exec", "--help")[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_in_the_middle_leaves_nothing(number: int) -> None:
    """Ctrl-C or SIGTERM while the broker thinks: 130, one line, and no file."""
    place = Path("/dev/shm") / f"strongroom-interrupted-{os.getpid()}-{number}"
    reached = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as silent:

        def accept() -> None:
            while True:  # others of this machine may knock at a port that was free a moment ago
                connected, _ = silent.accept()
                with connected:
                    if connected.recv(1 << 16).startswith(b"POST /kbs/v0/auth"):
                        reached.set()
                        while connected.recv(1 << 16):  # silent until the other side goes away
                            pass
                        return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        at = ("--broker", f"http://127.0.0.1:{silent.getsockname()[1]}", "--interface", "tpm", "--gpus", "no")
        command = (sys.executable, "-m", "strongroom", "release", "get", NAME, *at, "-o", str(place), "--allow-disk")
        running = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert reached.wait(60)
        running.send_signal(number)
        out, told = running.communicate(timeout=60)
        thread.join(10)
    assert (running.returncode, out, place.exists()) == (130, "", False), told
    assert told.count("\n") == 1, told
