"""A switch of a made-up vendor: its chain, its report, its manifest, and the numbers that it and its GPUs have."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import minted_x509 as x
import nvidia_minting as gpu

from strongroom.attest.tee import nvswitch
from strongroom.attest.verifier import Verifier

BIOS = "96.10.55.00.01"
OWN = bytes.fromhex("203eb31ad9ed0008")
PEERS = tuple(bytes([n + 1]) * 8 for n in range(8))
MEASURED = (0, 1, 12)


def device(number: int = 0) -> gpu.Tree:
    """The five certificates of a switch, under the root of the GPUs."""
    names = ("LS_10 A01 FSP BROM", "Made Up LS_10 Provisioner", "Made Up GH100 Identity")
    leaf = x.Subject("LS_10 A01 FSP FMC LF", x.ec_key(200 + number), (gpu._SIGNS, gpu.fwid()), serial=8000 + number)
    keys = [210 + number, 220, 121]
    above = [x.Subject(n, x.ec_key(k), x.authority(), serial=k) for n, k in zip(names, keys, strict=True)]
    return gpu.Tree((leaf, *above, gpu.device().subjects[-1]))


def of_bios() -> gpu.Manifest:
    """The manifest of the VBIOS."""
    return gpu.Manifest(BIOS, {i: [gpu.measured(i)] for i in MEASURED}, product="LS10")


def stated(own: bytes = OWN, peers: tuple[bytes, ...] = PEERS) -> dict[int, bytes]:
    """The opaque fields of a switch: those of a GPU that it does not have are left out."""
    absent = dict.fromkeys((3, 11, 20, 36), b"")
    return {
        **absent,
        6: BIOS.encode() + b"\0",
        22: own,
        26: b"".join(peers).ljust(64, b"\0") + b"\xff" * 64,
        25: b"\1\0",
    }


def one(number: int = 0, **more: object) -> gpu.Gpu:
    """One switch."""
    held = {"tree": device(number), "fields": stated(), "blocks": 31, "architecture": "LS10", **more}
    return gpu.Gpu(**held)  # type: ignore[arg-type] # the fields of a dataclass by name


@dataclass(frozen=True)
class Minted(gpu.Minted):
    """Evidence of switches with all that is given beside it."""

    gpus: tuple[gpu.Gpu, ...] = field(default_factory=lambda: (one(),))
    driver: gpu.Manifest | None = None
    vbios: gpu.Manifest | None = field(default_factory=of_bios)
    unchecked: Mapping[str, str] = field(default_factory=dict)

    def verifier(self) -> Verifier:
        """The verifier that trusts the made-up roots."""
        first, second = (hashlib.sha256(t.certificates[-1]).hexdigest() for t in (device(), gpu.signer()))
        return nvswitch.verifier({first: "devices"}, {second: "manifests"})
