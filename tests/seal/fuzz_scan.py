"""What the scanner is handed in a fuzz run: a sound file of every format, and the scanner itself.

As a program: `python tests/seal/fuzz_scan.py [COUNT] [SEED]` prints a table and answers 1 if anything escaped.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).parents[1]
    sys.path[:0] = [str(here), *(str(here / p) for p in ("attest", "collect", "seal"))]

import artifact_files as files
import scan_minting as mint
from fuzz_targets import Target
from fuzzing import HEAD, run

from strongroom.kit.formats.bounded import Memory
from strongroom.kit.formats.scanning import scan

_HDF5 = mint.keras_hdf5(mint.lambda_layer())
_YAML = b"model:\n  _target_: nemo.Model\n  x: [1, &a two, *a]\nchat_template: '{{ x }}'\n"
_SEEDS: dict[str, tuple[str, Callable[[], Sequence[bytes]]]] = {
    "scan-pickle": ("a.pkl", lambda: [*mint.MALICIOUS.values(), *mint.SAFE.values(), *mint.REVIEW.values()]),
    "scan-checkpoint": ("a.pt", lambda: [files.checkpoint(), files.checkpoint(evil=True), files.legacy_checkpoint()]),
    "scan-archive": ("a.zip", lambda: [files.packed({"a.pkl": mint.EVIL, "b/c.txt": b"x"}), mint.hidden_entry(b"x")]),
    "scan-tar": ("a.tar", lambda: [mint.tarred({"a.pkl": mint.EVIL, "b" * 150: b"x"}, ("l", "a.pkl"))]),
    "scan-stream": ("a.pkl.gz", lambda: list(mint.STREAMS.values())),
    "scan-safetensors": ("a.safetensors", lambda: [files.safetensors()]),
    "scan-gguf": ("a.gguf", lambda: [mint.gguf_with_template(mint.TEMPLATE)]),
    "scan-onnx": ("a.onnx", lambda: [files.onnx(domain="d", location="../x"), files.onnx()]),
    "scan-saved-model": ("saved_model.pb", lambda: [files.saved_model("PyFunc")]),
    "scan-keras": ("a.keras", lambda: [mint.keras(layer="Lambda")]),
    "scan-hdf5": ("a.h5", lambda: [_HDF5]),
    "scan-npy": ("a.npy", lambda: [files.npy(), files.npy("'|O'", mint.EVIL)]),
    "scan-template": ("a.jinja", lambda: [mint.TEMPLATE.encode(), mint.TEMPLATE_EVIL.encode()]),
    "scan-yaml": ("a.yaml", lambda: [_YAML]),
    "scan-json": ("config.json", lambda: [b'{"auto_map": {"a": "b"}, "chat_template": "{{ x }}", "n": [1, 2, {}]}']),
}


def _target(name: str) -> Target:
    path, seeds = _SEEDS[name]
    return Target(name, seeds, lambda data: scan(Memory(data), path), list)


def _made(name: str) -> Callable[[], Target]:
    return lambda: _target(name)


SCAN_TARGETS = {name: _made(name) for name in _SEEDS}


def main(count: int, seed: int) -> int:
    """The program."""
    print(HEAD)  # noqa: T201 - a program
    escaped = 0
    for make in SCAN_TARGETS.values():
        tally = run(make(), count, seed, 10)
        print(tally.row(), *(e[:400] for e in tally.escapes[:5]), sep="\n    ")  # noqa: T201 - a program
        escaped += len(tally.escapes)
    return 1 if escaped else 0


if __name__ == "__main__":
    import signal

    from fuzzing import _slow

    signal.signal(signal.SIGALRM, _slow)
    words = [*sys.argv[1:], "20000", "1"]
    sys.exit(main(int(words[0]), int(words[1])))
