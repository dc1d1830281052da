"""Serve a sealed model with vLLM: a loader that takes tensors out of the artifact, one after the other.

vLLM is told of it as a plugin. In pyproject.toml of a package of yours:

    [project.entry-points."vllm.general_plugins"]
    strongroom = "load_with_vllm:register"

and then, with config.json and the tokenizer (which are small, and not secret) in ./model, the format of loading is
`strongroom`, and `--model-loader-extra-config` has the arguments of open_model:

    {"path": "model.sealed", "attest": true, "ca": "ca.pem", "public_key": "signer.pub", "provenance_key": "builder.pub"}

This has not been run against vLLM: it needs a machine that can hold one. docs/proof.md says so too.
"""

from collections.abc import Iterator

import torch

from strongroom.models import Model, open_model


def weights(model: Model) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors of all files of safetensors: one is in memory at a time."""
    for path in model.files:
        if path.endswith(".safetensors"):
            with model.tensors(path) as tensors:
                for name in tensors.names():
                    yield name, tensors.torch_tensor(name)


def register() -> None:
    """Tell vLLM of the loader."""
    from vllm.model_executor.model_loader import (  # noqa: PLC0415 - only vLLM has it
        BaseModelLoader,
        register_model_loader,
    )

    @register_model_loader("strongroom")
    class SealedLoader(BaseModelLoader):
        """Tensors from a sealed artifact."""

        def download_model(self, model_config: object) -> None:
            """Nothing is downloaded: the artifact lies where its path says."""

        def load_weights(self, model: torch.nn.Module, model_config: object) -> None:  # noqa: ARG002 - vLLM's signature
            """Hand the tensors to the model, which knows where they belong."""
            with open_model(**self.load_config.model_loader_extra_config) as sealed:
                model.load_weights(weights(sealed))
