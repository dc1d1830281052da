"""The example of a pod says what the command takes, and keeps plaintext in memory."""

from pathlib import Path

import yaml

from strongroom.cli.commands.seal.open_ import COMMAND

POD = Path(__file__).resolve().parents[2] / "examples/serve-a-sealed-model/pod.yaml"


def test_the_init_container_runs_a_command_that_there_is() -> None:
    """Its arguments are those of `seal open`; the model lies in memory, and its server can only read it."""
    pod = yaml.safe_load(POD.read_text())["spec"]
    opening = pod["initContainers"][0]
    assert opening["args"][:2] == ["seal", "open"]
    words = COMMAND.make_context("open", list(opening["args"][2:]), resilient_parsing=False).params
    assert words["attest"]
    assert words["public_key"]
    assert words["provenance_key"]
    assert not words["disk"]
    volume = next(v for v in pod["volumes"] if v["name"] == "model")
    assert volume["emptyDir"]["medium"] == "Memory"
    assert words["dest"].startswith(next(m["mountPath"] for m in opening["volumeMounts"] if m["name"] == "model"))
    assert all(m["readOnly"] for m in pod["containers"][0]["volumeMounts"])
