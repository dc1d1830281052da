"""A sealed model in the programs that load models: transformers and safetensors, as they are."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(
    os.getenv("SEAL_PEERS")
    or Path(os.getenv("XDG_CACHE_HOME") or Path.home() / ".cache") / "strongroom-tests/seal-peers"
)
PYTHON = CACHE / "bin" / "python"
_MAKE = """
import sys, torch, transformers
torch.manual_seed(3)
config = transformers.LlamaConfig(vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=False)
made = transformers.LlamaForCausalLM(config).eval()
made.save_pretrained(sys.argv[1])
with torch.no_grad():
    print(int(made(torch.tensor([[1, 2, 3]])).logits[0, -1].argmax()))
"""


def peer(*words: str, cwd: Path) -> str:
    """Run something in the environment of the peers, with this program beside it; its output."""
    beside = ("env", f"PYTHONPATH={ROOT / 'src'}", str(PYTHON))
    run = subprocess.run([*beside, *words], cwd=cwd, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A tiny Llama that transformers wrote, sealed by the command; and the token that it says itself."""
    if not PYTHON.exists() or "ok" not in _has("transformers", "torch"):
        pytest.skip(f"no transformers with torch in {CACHE}")
    folder = tmp_path_factory.mktemp("loaders")
    token = peer("-c", _MAKE, "model", cwd=folder).split()[-1]
    for words in (
        ["keygen", "-o", "lab.id", "--recipient", "lab.pub"],
        ["create", "model", "model.sealed", "--to", "lab.pub"],
    ):
        subprocess.run([*_command(folder), "seal", *words], cwd=folder, check=True, capture_output=True)
    shutil.rmtree(folder / "model")
    return folder, token


def _has(*modules: str) -> str:
    text = f"import {', '.join(modules)}; print('ok')"
    return subprocess.run([str(PYTHON), "-c", text], capture_output=True, text=True, check=False).stdout


def test_transformers_says_the_same_token_as_before(sealed: tuple[Path, str]) -> None:
    """The example loads the weights out of the artifact; the model answers as it did before it was sealed."""
    folder, token = sealed
    example = ROOT / "examples/serve-a-sealed-model/load_with_transformers.py"
    said = peer(str(example), "model.sealed", "--identity", "lab.id", cwd=folder)
    assert f"next token: {token}" in said
    assert not list(folder.rglob("*.safetensors"))


def test_safetensors_opens_a_sealed_file_in_memory(sealed: tuple[Path, str]) -> None:
    """`safe_open` of the real package takes the path of a file in memory."""
    folder, _ = sealed
    text = (
        "from safetensors import safe_open\nfrom strongroom.models import open_model\n"
        "with open_model('model.sealed', identity='lab.id') as m:\n"
        "    path = m.in_memory('model.safetensors')\n"
        "with safe_open(path, framework='pt') as f:\n"
        "    print(f.get_tensor('model.embed_tokens.weight').shape)\n"
    )
    assert "64, 32" in peer("-c", text, cwd=folder)


def test_the_tensors_of_vllms_loader_are_all_there(sealed: tuple[Path, str]) -> None:
    """What would be handed to vLLM is what the model's configuration wants; vLLM itself is not here."""
    folder, _ = sealed
    text = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from load_with_vllm import weights\nfrom strongroom.models import open_model\n"
        "with open_model('model.sealed', identity='lab.id') as m:\n"
        "    found = {n: tuple(t.shape) for n, t in weights(m)}\n"
        "print(len(found), found['lm_head.weight'])\n"
    )
    assert "21 (64, 32)" in peer("-c", text, str(ROOT / "examples/serve-a-sealed-model"), cwd=folder)


def test_torch_saves_into_an_artifact(sealed: tuple[Path, str]) -> None:
    """Tensors of torch, bfloat16 and turned ones among them, and `torch.save`; the real safetensors and torch read them."""
    folder, _ = sealed
    text = (
        "import torch, safetensors.torch, io\n"
        "from strongroom.models import open_model, save_checkpoint\n"
        "state = {'w': torch.arange(12, dtype=torch.bfloat16).reshape(3, 4).T, 'e': torch.zeros(0, 3)}\n"
        "parts = {'model.safetensors': state, 'optimizer.pt': lambda f: torch.save({'step': 3, 'm': torch.ones(9)}, f)}\n"
        "save_checkpoint('step.sealed', parts, to=['lab.pub'], log='step.log')\n"
        "with open_model('step.sealed', identity='lab.id') as m:\n"
        "    back = safetensors.torch.load(m.read('model.safetensors'))\n"
        "    assert torch.equal(back['w'], state['w']) and back['w'].dtype == torch.bfloat16 and back['e'].shape == (0, 3)\n"
        "    again = torch.load(io.BytesIO(m.read('optimizer.pt')), weights_only=True)\n"
        "    with m.tensors('model.safetensors') as t:\n"
        "        assert torch.equal(t.torch_tensor('w'), state['w'])\n"
        "print(again['step'], int(again['m'].sum()))\n"
    )
    subprocess.run([*_command(folder), "log", "init", "--log", "step.log"], cwd=folder, check=True, capture_output=True)
    assert "3 9" in peer("-c", text, cwd=folder)


def _command(folder: Path) -> tuple[str, ...]:
    return ("env", f"XDG_STATE_HOME={folder / 'state'}", str(Path(sys.executable).with_name("strongroom")))
