"""Load a sealed model into transformers: the weights go from the artifact into the model, and are never a file.

python load_with_transformers.py model.sealed --identity lab.id --public-key signer.pub
python load_with_transformers.py model.sealed --attest --ca ca.pem --public-key signer.pub --provenance-key builder.pub
"""

import argparse
import json

import torch
import transformers

from strongroom.models import Model, open_model


def load(model: Model) -> transformers.PreTrainedModel:
    """The model that config.json names, with the tensors of all files of safetensors."""
    config = json.loads(model.read("config.json"))
    kind = getattr(transformers, config["architectures"][0])
    with torch.device("meta"):  # no memory is taken for weights that are about to be replaced
        made = kind(kind.config_class.from_dict(config))
    state = {}
    for path in model.files:
        if path.endswith(".safetensors"):
            with model.tensors(path) as tensors:
                state.update(tensors.load_all_torch())
    missing, strange = made.load_state_dict(state, strict=False, assign=True)
    made.tie_weights()
    left = [n for n, p in made.named_parameters() if p.is_meta]
    if left or strange:
        raise SystemExit(f"error: the tensors are not those of {config['architectures'][0]}: {(left or strange)[:3]}")
    _buffers(made)
    del missing  # those that are tied to another
    return made.eval()


def _buffers(made: torch.nn.Module) -> None:
    """What is computed and not stored, such as rotary frequencies, was made on `meta` too: make it again."""
    for module in made.modules():
        if any(b.is_meta for b in module.buffers(recurse=False)):
            again = type(module)(config=module.config)
            for name, held in again.named_buffers(recurse=False):
                module.register_buffer(name, held, persistent=False)
            for name in ("original_inv_freq",):
                if hasattr(again, name):
                    setattr(module, name, getattr(again, name))


def main() -> None:
    """Load it, and say what comes next after a few tokens."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path")
    parser.add_argument("--identity", default=())
    parser.add_argument("--attest", action="store_true")
    parser.add_argument("--ca")
    parser.add_argument("--public-key")
    parser.add_argument("--provenance-key")
    words = vars(parser.parse_args())
    with open_model(words.pop("path"), tell=print, **words) as model:
        made = load(model)
    with torch.no_grad():
        logits = made(torch.tensor([[1, 2, 3]])).logits
    print("next token:", int(logits[0, -1].argmax()))


if __name__ == "__main__":
    main()
