"""The agent and the server, each a process of its own, with a real TPM in software between them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from integration import test_watch_swtpm as agents
from integration.test_watch_swtpm import make  # noqa: F401 - a fixture
from serve import serving
from strongroom.app.log import make_key
from strongroom.kit import reference_file as files
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.ledger import keyfile
from strongroom.model.attest import EvidenceKind

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(agents._ABSENT), reason=f"missing: {', '.join(agents._ABSENT)}"),
]
POLICY = """
schema = "strongroom.attest-policy/1"
[tpm]
pcrs = [0, 8]
secure_boot = false
unsafe_clock = true
ek_roots = ["{root}"]
[unchecked]
"tpm.event_log" = "a simulator measures no firmware"
"tpm.secure_boot" = "a simulator measures no firmware"
"tpm.dbx" = "a simulator measures no firmware"
"""
CONFIG = """
[state]
path = "{folder}/state/strongroom.db"
[attest]
policy = "{folder}/policy.toml"
references = ["{folder}/references.toml"]
keys = ["{key}"]
[watch]
admit = "certified"
interval = 30
"""


def configured(folder: Path, root: str) -> None:
    """A policy that trusts the maker of the TPM, and reference values of registers that nothing was measured into."""
    (folder / "policy.toml").write_text(POLICY.format(root=root))
    key = make_key("owner.example", folder / "owner.key", witness=False, algorithm="ed25519")
    known = files.Reference(EvidenceKind.TPM, "simulated", {"pcr8": ("00" * 32,)}, f"sha256:{'ab' * 32}")
    held = files.References(files.SCHEMA, "hosts", 1, (known,))
    data = files.render(held).encode()
    (folder / "references.toml").write_bytes(data)
    note = files.sign(data, held, Ed25519Signer(keyfile.read(folder / "owner.key")))
    (folder / "references.toml.sig").write_bytes(note)
    (folder / "strongroom.toml").write_text(CONFIG.format(folder=folder, key=key))


def once(made: agents.Made, url: str, state: Path) -> tuple[int, str]:
    """One round of the agent: its exit code and what it said."""
    running = agents._command(made, url, state, "--once")
    return running.wait(60), running.communicate()[1]


def test_a_machine_is_certified_admitted_trusted_and_found_out(
    make: Callable[..., agents.Made],  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    """Let in by its maker's certificate; trusted; told as restarted; lost with a changed register; refused as a clone."""
    serving.need_server()
    made, other = make(), make()
    folder = tmp_path / "server"
    folder.mkdir()
    configured(folder, made.root)
    words = ("attest", "--listen", "127.0.0.1:0", "--config", "strongroom.toml", "--offline")
    with serving.running(words, folder) as server:
        code, said = once(made, server.url, tmp_path / "a")
        assert (code, "certified by a maker" in said, "and admitted" in said) == (0, True, True), said
        made.simulator.stop()
        made.simulator.start()
        assert once(made, server.url, tmp_path / "a")[0] == 0
        code, said = once(other, server.url, tmp_path / "b")
        assert (code, "403" in said) == (3, True), "its maker is not one that the owner named"
        made.simulator.tool("pcrextend", f"8:sha256={'22' * 32}")
        code, said = once(made, server.url, tmp_path / "a")
        assert (code, "standing: lost; failed: tpm.measurement" in said) == (1, True), said
    hosts = [sys.executable, "-m", "strongroom", "attest", "hosts", "--format", "json", "--config", "strongroom.toml"]
    told = subprocess.run(
        hosts, cwd=folder, env={"PATH": os.defpath, "HOME": str(folder)}, capture_output=True, check=False
    )
    (host,) = json.loads(told.stdout)["hosts"]
    assert (told.returncode, host["grade"], host["state"]) == (1, "certified", "lost")
    log = [sys.executable, "-m", "strongroom", "log", "list", "--config", "strongroom.toml", "--kind", "standing"]
    listed = subprocess.run(
        log, cwd=folder, env={"PATH": os.defpath, "HOME": str(folder)}, capture_output=True, check=False
    )
    assert len(listed.stdout.splitlines()) == 3, "gained, started again, lost"
