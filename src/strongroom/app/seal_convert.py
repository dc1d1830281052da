"""A checkpoint that the scanner calls safe, as safetensors: its tensors are taken from the interpreted pickle."""

from collections.abc import Sequence
from pathlib import Path

from strongroom.app.seal_scan import Scanned
from strongroom.kit.formats import checkpoint
from strongroom.kit.formats.scanning import scan
from strongroom.kit.formats.verdicts import Verdict
from strongroom.model.errors import BadUsage
from strongroom.seal import converting
from strongroom.seal.scanning import opened

_SHOWN = 5


def convert(source: Path, destination: Path, scanned: Sequence[Scanned]) -> str:
    """Write the tensors of one checkpoint, and say in a sentence what was written and what was left out.

    Raises:
        BadUsage: it is no single file, or the scanner does not call it safe.
        Malformed: it is no checkpoint of PyTorch, or a tensor of it has no counterpart in safetensors.
        Unreadable: the source cannot be read, or the destination not written.
    """
    if len(scanned) != 1 or not source.is_file():
        raise BadUsage("--convert", f"{len(scanned)} files", "one checkpoint")
    if scanned[0].verdict is not Verdict.SAFE:
        raise BadUsage("--convert", f"a file that is {scanned[0].verdict.value}", "one that is safe")
    with opened(source) as held:
        # The file is judged again by the descriptor that it is converted from: it may be another one by now.
        if scan(held, source.name).verdict is not Verdict.SAFE:
            raise BadUsage("--convert", "a file that changed and is not safe any more", "one that is safe")
        found = checkpoint.read(held)
        converting.write(found, destination)
    left = found.left_out
    words = f"; left out, as no tensors: {', '.join(left[:_SHOWN])}{' …' if len(left) > _SHOWN else ''}" if left else ""
    shared = len(found.tensors) - len({t.storage for t in found.tensors})
    copied = f"; {shared} share the memory of others and were copied" if shared > 0 else ""
    return f"{len(found.tensors)} tensors in {destination}{copied}{words}"
