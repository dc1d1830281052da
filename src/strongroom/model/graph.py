"""The estate as a graph: what there is, how one thing leads to another, and the ways from outside to what must not be lost."""

from typing import NamedTuple

import msgspec

from strongroom.model.estate import Gap

SCHEMA = "strongroom.graph/1"
INTERNET = "internet"
"""The node that everybody begins at."""


class Node(msgspec.Struct, frozen=True, omit_defaults=True):
    """A thing: an asset by its id, or the internet, a principal that no source shows, a part of a machine (`driver`).

    `jewel`: a crown jewel, marked so or named by the user. `weak` is what is known to be open in it, or in what it runs.
    """

    id: str
    kind: str
    name: str
    jewel: bool = False
    weak: tuple[str, ...] = ()


class Edge(NamedTuple):
    """How one thing leads to another. `moves`: whoever holds the first gets to the second by it. `sure` is false where it may be so."""

    src: str
    dst: str
    rel: str
    moves: bool = False
    sure: bool = True
    why: str = ""


class Graph(msgspec.Struct, frozen=True):
    """Nodes and edges, each in a fixed order, and what is not in them. `notes` say what was not worked out."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()


class Way(msgspec.Struct, frozen=True):
    """A shortest way from a start to a jewel, hop by hop. `sure`: each hop is. `weak` are the openings on it."""

    start: str
    jewel: str
    hops: tuple[Edge, ...]
    sure: bool
    weak: tuple[str, ...] = ()
