"""What hostile evidence of Azure and Google Cloud is made from: sound seeds, and what judges what became of them."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import azure_minting as azure
import gcp_minting as gcp

from strongroom.attest.verifier import Inputs, Verifier
from strongroom.kit import jose
from strongroom.model.attest import Evidence

__all__ = ["azure_inputs", "azure_seeds", "claims", "gcp_inputs", "gcp_seeds", "jose", "key_sets", "signed", "tokens"]


@cache
def _base() -> tuple[Verifier, Inputs]:
    return gcp.GOOD.verifier(), gcp.GOOD.inputs()


def tokens() -> tuple[bytes, ...]:
    """Tokens with a chain and without."""
    return (gcp.GOOD.token(), gcp.BY_SET.token())


def key_sets() -> tuple[bytes, ...]:
    """A set of one key."""
    return gcp.BY_SET.key_sets


def claims() -> tuple[bytes, ...]:
    """Claims alone, as a token has them."""
    return (json.dumps(gcp.claims()).encode(), json.dumps(gcp.claims(submods=...), indent=4).encode())


def gcp_seeds() -> tuple[bytes, ...]:
    """Tokens and claims."""
    return (*tokens()[:1], *claims())


def gcp_inputs(octets: bytes) -> tuple[Verifier, Inputs]:
    """What judges octets as a token."""
    verifier, base = _base()
    return verifier, replace(base, evidence=Evidence(verifier.kind, verifier.read(octets), gcp.CHALLENGE))


def signed(octets: bytes) -> bytes:
    """A token whose changed claims the leaf's key has signed."""
    return gcp.GOOD.but(octets=octets).token()


def azure_seeds(kind: str) -> Callable[[], tuple[bytes, ...]]:
    """Every form of the evidence of one kind of hardware."""
    good = azure.GOOD[kind]
    return lambda: (good.evidence(), good.older(), good.hcl())


def azure_inputs(kind: str) -> Callable[[bytes], tuple[Verifier, Inputs]]:
    """What judges octets as such evidence."""
    good = azure.GOOD[kind]
    return lambda octets: (good.verifier(), good.inputs(octets))
