# ruff: noqa: PLC0415 - a side loads what it is made of, and no other side
"""What each side of benchmarks/seal.py does, in a process of its own: NAME SOURCE FOLDER. Prints JSON of seconds by step.

Only what is timed is timed: programs are loaded before, and every side ends with its octets resident or in their file.
"""

import json
import mmap
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

KEY = bytes(range(32))
TENSOR = "layer.000007"


def warm(size: int) -> None:
    """Take as much memory as a step will, and let go of it: a virtual machine may have to get it from its host first.

    Whoever came second would else be faster for that alone.
    """
    size = 3 * size  # what is given is not what was taken before
    pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    pages.madvise(mmap.MADV_HUGEPAGE)
    for at in range(0, size, 4096):
        pages[at] = 1
    pages.close()


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Seconds of wall clock, and what came of it."""
    begun = time.perf_counter()
    made = work()
    return time.perf_counter() - begun, made


def resident(arrays: dict[str, object]) -> int:
    """Look at an octet of every page, so that nothing is only promised."""
    import numpy as np

    return sum(int(np.asarray(a).reshape(-1).view("u1")[::4096].sum()) for a in arrays.values())


def ours(source: Path, folder: Path) -> dict[str, float]:
    """Seal into a file, open into a file, load, and read one tensor."""
    from strongroom.kit import sealed
    from strongroom.kit.sealed import Artifact, Boundary, Index
    from strongroom.seal import sealing, unsealing, writing
    from strongroom.seal.reading import Sealed
    from strongroom.seal.tensors import Tensors
    from strongroom.seal.writing import Planned, Writing

    artifact = Artifact(sealed.SCHEMA, "ab" * 32, Boundary.ANY, 1 << 20, 1)
    target = folder / "ours.sealed"

    def seal() -> None:
        work = sealing.work(artifact.segment)
        w = Writing(writing.begin(target), artifact, KEY, work, lambda _: None)
        w.file(0, Planned("model.safetensors", source))
        from datetime import UTC, datetime

        at = datetime(2026, 1, 1, tzinfo=UTC)
        w.close(Index(sealed.INDEX, artifact.id, "m", single=True, sealed_at=at, entries=tuple(w.entries)), b"{}")
        writing.publish(w.folder, target)
        work.close()

    def unseal() -> None:
        work = sealing.work(artifact.segment)
        with Sealed(target) as held:
            found = held.unlock(KEY)
            out = os.open(folder / "ours.out", os.O_RDWR | os.O_CREAT, 0o600)
            payload = found.payload(found.index.files[0])
            unsealing.unseal(work, payload, unsealing.Out(out, 64 * payload.inside, None, lambda _: None))
            os.close(out)
        work.close()

    def load() -> dict[str, object]:
        work = sealing.work(artifact.segment)
        with Sealed(target) as held:
            found = held.unlock(KEY)
            with Tensors(found.payload(found.index.files[0]), work) as tensors:
                made = dict(tensors.load_all())
            resident(made)
        work.close()
        return made

    def one() -> int:
        with Sealed(target) as held:
            found = held.unlock(KEY)
            with Tensors(found.payload(found.index.files[0])) as tensors:
                return int(tensors.tensor(TENSOR).nbytes)

    size = source.stat().st_size
    warm(size)
    steps = {"seal": timed(seal)[0]}
    warm(size)
    steps["unseal"] = timed(unseal)[0]
    (folder / "ours.out").unlink()
    warm(size)
    steps["load"] = timed(load)[0]
    steps["one tensor"] = min(timed(one)[0] for _ in range(5))
    return steps


def tensorizer(source: Path, folder: Path) -> dict[str, float]:
    """Its own serializer with encryption, two readers."""
    import torch
    from safetensors.torch import load_file
    from tensorizer import DecryptionParams, EncryptionParams, TensorDeserializer, TensorSerializer

    held = {"state": load_file(source)}
    key = EncryptionParams.random().key
    at = str(folder / "tensorizer")

    def seal() -> None:
        made = TensorSerializer(at, encryption=EncryptionParams(key))
        made.write_state_dict(held["state"])
        made.close()

    def load() -> dict[str, object]:
        how = DecryptionParams.from_key(key)
        made = TensorDeserializer(at, device="cpu", encryption=how, num_readers=2)
        found = {n: t.numpy() for n, t in made.items()}
        resident(found)
        return found

    def one() -> int:
        how = DecryptionParams.from_key(key)
        with TensorDeserializer(at, device="cpu", encryption=how, lazy_load=True) as made:
            return int(made[TENSOR].numel())

    torch.set_num_threads(2)
    size = source.stat().st_size
    warm(size)
    steps = {"seal": timed(seal)[0]}
    held.clear()
    warm(size)
    steps["load"] = timed(load)[0]
    with suppress(Exception):  # a peer that cannot load lazily has no such figure
        steps["one tensor"] = min(timed(one)[0] for _ in range(3))
    return steps


def cryptotensors(source: Path, folder: Path) -> dict[str, float]:
    """AES-256-GCM and a signature over its header."""
    import base64

    import cryptotensors as peer
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptotensors.numpy import load_file, save_file
    from safetensors.numpy import load_file as plain

    def b64(octets: bytes) -> str:
        return base64.b64encode(octets).decode()

    private = Ed25519PrivateKey.generate()
    enc = {"kty": "oct", "alg": "aes256gcm", "k": b64(os.urandom(32)), "kid": "e"}
    sign = {
        "kty": "okp", "crv": "Ed25519", "alg": "ed25519", "kid": "s",
        "d": b64(private.private_bytes_raw()), "x": b64(private.public_key().public_bytes_raw()),
    }  # fmt: skip
    peer.register_tmp_key_provider(keys=[enc, sign])
    at = str(folder / "cryptotensors")
    held, size = {"state": plain(source)}, source.stat().st_size
    warm(size)
    steps = {"seal": timed(lambda: save_file(held["state"], at, config={"enc_key": enc, "sign_key": sign}))[0]}
    held.clear()

    def load() -> None:
        resident(load_file(at))

    def one() -> int:
        with peer.safe_open(at, framework="np") as held:
            return int(held.get_tensor(TENSOR).nbytes)

    warm(size)
    steps["load"] = timed(load)[0]
    steps["one tensor"] = min(timed(one)[0] for _ in range(3))
    return steps


def safetensors(source: Path, folder: Path) -> dict[str, float]:
    """Nothing is encrypted."""
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    held, size = {"state": load_file(source)}, source.stat().st_size
    at = folder / "plain"
    warm(size)
    steps = {"seal": timed(lambda: save_file(held["state"], at))[0]}
    held.clear()
    warm(size)
    steps["load"] = timed(lambda: resident(load_file(at)))[0]

    def one() -> int:
        with safe_open(at, framework="np") as held:
            return int(held.get_tensor(TENSOR).nbytes)

    steps["one tensor"] = min(timed(one)[0] for _ in range(3))
    return steps


SIDES = {"ours": ours, "tensorizer": tensorizer, "cryptotensors": cryptotensors, "safetensors": safetensors}

if __name__ == "__main__":
    print(json.dumps(SIDES[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))))
