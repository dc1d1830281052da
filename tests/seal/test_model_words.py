"""Headers of weights, and what a folder says of a model: whatever the octets are, an answer or a refusal, never a fault."""

import json

import bom_case as b
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit import model_card
from strongroom.kit.formats import weights
from strongroom.kit.formats.bounded import Memory
from strongroom.model.errors import Malformed, TooLarge

SEEDS = (
    ("m.gguf", b.gguf({"a": (12, [256]), "b": (0, [2, 2])}, {"general.architecture": "llama"})),
    ("m.onnx", b.onnx(("w", 1, [300, 2]), ("ids", 7, [4]))),
    ("m.safetensors", b.safetensors({"w": ("F16", [2, 3], 12)})),
)


@given(st.sampled_from(SEEDS), st.integers(0, 400), st.binary(max_size=12))
def test_a_damaged_header_is_read_or_refused(seed: tuple[str, bytes], at: int, octets: bytes) -> None:
    """Nothing but a refusal that says why, and no count below zero."""
    name, data = seed
    try:
        found = weights.read(Memory(data[:at] + octets + data[at + len(octets) :]), name)
    except (Malformed, TooLarge):
        return
    assert found is None or all(t.elements >= 0 for t in found.tensors)


@given(st.text(max_size=80))
def test_any_front_matter_is_read_or_refused(text: str) -> None:
    """The same of a README."""
    try:
        found = model_card.card(f"---\n{text}\n---\n".encode())
    except (Malformed, TooLarge):
        return
    assert all(d.isprintable() for d in found.datasets)


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x, max_size=3), max_leaves=4)
)
def test_values_of_another_type_say_nothing(value: object) -> None:
    """Other programs keep lists and objects under the same names."""
    names = ("model_type", "architectures", "vocab_size", "quantization_config", "peft_type", "torch_dtype")
    found = model_card.config(json.dumps(dict.fromkeys(names, value)).encode(), "config.json")
    assert all(w.isprintable() for w in (found.family, found.architecture, *(v for _, v in found.facts)))


def test_more_elements_than_a_file_can_hold_are_refused() -> None:
    """A header that promises what the file has no room for would be told as the size of the model."""
    with pytest.raises(Malformed, match="elements"):
        weights.read(Memory(b.gguf({"a": (12, [1 << 40])}, {})), "m.gguf")


@pytest.mark.parametrize(
    ("text", "spdx", "name"),
    [
        ("MIT License\n\nCopyright", "MIT", "MIT License"),
        ("\n   Apache License\n  Version 2.0, January 2004", "Apache-2.0", "Apache License, version 2.0"),
        ("SPDX-License-Identifier: BSD-3-Clause\n", "BSD-3-Clause", "BSD-3-Clause"),
        ("LLAMA COMMUNITY LICENSE AGREEMENT\nRelease", "", "LLAMA COMMUNITY LICENSE AGREEMENT"),
    ],
)
def test_a_licence_text_says_what_it_is(text: str, spdx: str, name: str) -> None:
    """By its tag or its title; a title that is not known for sure gets no identifier."""
    assert model_card.licence_file(text.encode()) == model_card.Licence(spdx, name)


def test_a_licence_without_words_says_nothing() -> None:
    """An empty file is no licence."""
    assert model_card.licence_file(b"\n  \n====\n") is None
