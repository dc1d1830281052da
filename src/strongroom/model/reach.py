"""What reaches what: the question, the answer, and the rules that decided it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from strongroom.model.estate import Estate, Gap
from strongroom.model.values import Unknown, Where

SCHEMA = "strongroom.reach/1"

Tri = bool | Unknown


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object of a source as it was parsed, and where it stands: more than the facts of an asset keep of it.

    `listed`: it comes out of a list that a cluster gave, so what of its kind is not there, was not asked for or is not.
    """

    value: Mapping[str, object]
    where: Where
    listed: bool = False


class Witness(msgspec.Struct, frozen=True, omit_defaults=True):
    """What had a part in an answer: who says it, what it says, of which traffic."""

    direction: str  # "ingress" or "egress", as the asset sees it
    by: str  # `NetworkPolicy ns/name`, `Service ns/name`, or `no policy` for what holds where none speaks
    says: str  # "allows", "denies", "passes on", "selects", "leads in", "bypasses policies", "decides nothing"
    traffic: str = ""  # ports by protocol; empty for all
    rule: str = ""  # the rule's name, or its number from 1
    peer: str = ""  # the other end, where it is not the internet
    where: Where | None = None


class Reached(msgspec.Struct, frozen=True):
    """Whether the internet reaches an asset, and the asset the internet."""

    asset: str
    ingress: Tri
    egress: Tri
    witness: tuple[Witness, ...] = ()


class Connection(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one end may send to another, and what decided. The network is that of all pods where none is named."""

    src: str
    dst: str
    traffic: str
    network: str = ""
    witness: tuple[Witness, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a source shows: its assets, and its objects where facts keep too little of them.

    `enforced` is what the user says of the network: that it enforces policies, or does not; None where nothing is said.
    """

    estate: Estate
    manifests: tuple[Manifest, ...] = ()
    enforced: bool | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """The connectivity of a whole source. Lines and connections are made while they are read, as there may be millions.

    `gaps` are what could not be read, and `notes` what is to be known of the lines.
    """

    lines: Callable[[str], Iterator[str]]  # of one end, or of all for the empty name
    connections: Callable[[str], Iterator[Connection]]
    gaps: tuple[Gap, ...]
    notes: tuple[str, ...]
