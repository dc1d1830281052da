"""Nodes that must not open, each with the one step that keeps it out."""

from collections.abc import Callable, Mapping

import composite_minting as c
import nitro_minting as nitro
import nvidia_minting as gpus

GOOD = c.Node()
OTHERS = bytes(range(200, 232))


def with_enclave(key: object) -> c.Node:
    """A node that an enclave is part of, which vouches for a key."""
    node = c.Node(count=0)
    document = nitro.Minted().saying(nonce=node.digest, public_key=key).document()
    return node.but(more=(("enclave0", "nitro", document),))


def _twice() -> c.Node:
    """A node that shows its first GPU again, as a member of its own."""
    node = c.Node()
    again = c.listed((gpus.Gpu(tree=c.device(0), nonce=node.digest[:32]),))
    return node.but(more=(("gpus-more", "nvidia", again),), told=3)


FORGERIES: dict[str, tuple[str, Callable[[], c.Node]]] = {
    "devices alone": ("composite.members", lambda: c.Node(root="", told=2)),
    "a root that the policy does not take": ("composite.members", lambda: GOOD.but(roots=("tpm",))),
    "JSON in another form": (
        "composite.runtime_data",
        lambda: GOOD.but(runtime=c.runtime().replace(b":", b": ", 1)),
    ),
    "another challenge": ("composite.challenge", lambda: GOOD.but(challenge=OTHERS)),
    "an enclave that vouches for another key": ("composite.key", lambda: with_enclave(c.spki(c.OTHER))),
    "a guest asked by somebody else": ("composite.root_bound", lambda: c.Node(count=0, signed=OTHERS)),
    "a guest asked for another key": (
        "composite.root_bound",
        lambda: GOOD.but(signed=c.Node(runtime=c.runtime(key=c.OTHER)).digest),
    ),
    "GPUs that answered another nonce": ("composite.devices_bound", lambda: GOOD.but(asked=(OTHERS, OTHERS))),
    "GPUs asked with the nonce itself": ("composite.devices_bound", lambda: GOOD.but(asked=(c.NONCE, c.NONCE))),
    "one GPU as two members": ("composite.unique", _twice),
    "a GPU that does not answer": ("composite.count", lambda: GOOD.but(told=3)),
    "GPUs that the policy does not know of": ("composite.count", lambda: GOOD.but(told=0)),
    "init-data that was not measured": (
        "composite.init_data",
        lambda: GOOD.but(init=b'algorithm = "sha256"\n[data]\n"a" = "b"\n'),
    ),
    "a GPU that is not affirmed": ("composite.parts", lambda: GOOD.but(fields=({36: b"\x02\0"},))),
    "a guest that nobody endorses": ("composite.parts", lambda: GOOD.but(count=0, parts_without=True)),
}
FORGERIES = {
    **FORGERIES,
    "devices that the root did not sign": (
        "composite.root_bound",
        lambda: GOOD.devices_first().but(shown=GOOD.but(count=2, trees=(2, 3)).devices_first().additional),
    ),
    "devices under a name that nobody knows": (
        "composite.members",
        lambda: GOOD.but(count=0, additional=b'{"warp-drive": {}}'),
    ),
    "additional evidence that is no object": ("composite.members", lambda: GOOD.but(count=0, additional=b"[1]")),
}
GAPS: Mapping[str, tuple[str, Callable[[], c.Node]]] = {
    "no challenge": ("composite.challenge", lambda: GOOD.but(challenge=None)),
}
