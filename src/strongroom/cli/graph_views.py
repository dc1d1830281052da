"""A graph for people and for other programs: the ways in as text, all of it as JSON or GraphML."""

import textwrap
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

import msgspec

from strongroom.model.graph import INTERNET, SCHEMA, Graph, Way

_MOST = 8  # ways to one jewel that the text shows
_KEYS = (
    ("kind", "node", "string"), ("name", "node", "string"), ("jewel", "node", "boolean"), ("weak", "node", "string"),
    ("rel", "edge", "string"), ("moves", "edge", "boolean"), ("sure", "edge", "boolean"), ("why", "edge", "string"),
)  # fmt: skip
_PLAIN = (INTERNET, "principal", "driver", "firmware", "scheduler", "hypervisor")
_SAYS = {"reaches": "reaches", "acts-as": "runs as", "controls": "controls"}


def lines(graph: Graph, ways: Sequence[Way], form: str) -> Iterator[str]:
    """The graph in one of the forms `text`, `json` and `graphml`."""
    yield from {"text": _text, "json": _json, "graphml": _graphml}[form](graph, ways)


def _json(graph: Graph, ways: Sequence[Way]) -> Iterator[str]:
    """One object; nodes and edges a line each, so that large graphs are written as they are read."""
    encode = msgspec.json.encode
    yield f'{{"schema":"{SCHEMA}",\n"nodes":[\n'
    for n, node in enumerate(graph.nodes):
        yield ("," if n else "") + encode(node).decode() + "\n"
    yield '],\n"edges":[\n'
    for n, edge in enumerate(graph.edges):
        yield ("," if n else "") + encode(edge._asdict()).decode() + "\n"
    yield '],\n"ways":[\n'
    for n, way in enumerate(ways):
        told = {**msgspec.structs.asdict(way), "hops": [h._asdict() for h in way.hops]}
        yield ("," if n else "") + encode(told).decode() + "\n"
    yield f'],\n"notes":{encode(graph.notes).decode()}}}\n'


def _graphml(graph: Graph, ways: Sequence[Way]) -> Iterator[str]:
    """GraphML 1.0 with typed keys (http://graphml.graphdrawing.org); the ways are no part of it."""
    del ways
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
    for name, of, kind in _KEYS:
        yield f'<key id="{name}" for="{of}" attr.name="{name}" attr.type="{kind}"/>\n'
    yield '<graph id="estate" edgedefault="directed">\n'
    for node in graph.nodes:
        data = {"kind": node.kind, "name": node.name, "jewel": _word(said=node.jewel), "weak": "; ".join(node.weak)}
        yield f"<node id={quoteattr(_clean(node.id))}>{_data(data)}</node>\n"
    for edge in graph.edges:
        data = {"rel": edge.rel, "moves": _word(said=edge.moves), "sure": _word(said=edge.sure), "why": edge.why}
        yield f"<edge source={quoteattr(_clean(edge.src))} target={quoteattr(_clean(edge.dst))}>{_data(data)}</edge>\n"
    yield "</graph>\n</graphml>\n"


def _data(values: dict[str, str]) -> str:
    return "".join(f'<data key="{k}">{escape(_clean(v))}</data>' for k, v in values.items() if v)


def _clean(text: str) -> str:
    """Text without what XML 1.0 cannot hold."""
    return "".join(
        c if c in "\t\n\r" or 0x20 <= ord(c) < 0xD800 or 0xE000 <= ord(c) < 0xFFFE else "\ufffd" for c in text
    )


def _word(*, said: bool) -> str:
    return "true" if said else "false"


def _text(graph: Graph, ways: Sequence[Way]) -> Iterator[str]:
    names = {n.id: n.name if n.kind in _PLAIN else f"{n.name} ({n.kind})" for n in graph.nodes}
    jewels = [n for n in graph.nodes if n.jewel]
    yield f"{len(graph.nodes)} nodes, {len(graph.edges)} edges, {len(jewels)} crown jewels\n"
    for jewel in jewels:
        mine = [w for w in ways if w.jewel == jewel.id]
        yield f"\n{jewel.name}  ({jewel.kind})\n"
        if not any(w.start == INTERNET for w in mine):
            yield "  no way from the internet was found\n"
        for way in mine[:_MOST]:
            yield from _way(way, names)
        if len(mine) > _MOST:
            yield f"  and {len(mine) - _MOST} more: --format json lists all\n"
    for note in graph.notes:
        yield textwrap.fill(f"note: {note}", 79, subsequent_indent="      ") + "\n"


def _way(way: Way, names: dict[str, str]) -> Iterator[str]:
    yield f"  {'from' if way.sure else 'perhaps from'} {names[way.start]}\n"
    for n, hop in enumerate(way.hops, start=1):
        verb = _SAYS.get(hop.rel, hop.rel.replace("-", " "))
        said = f"{n}. {verb} {names[hop.dst]}" + ("" if hop.sure else " (not sure)")
        yield textwrap.fill(said, 79, initial_indent="    ", subsequent_indent="       ") + "\n"
        if hop.why:
            yield textwrap.fill(hop.why, 79, initial_indent="       by ", subsequent_indent="          ") + "\n"
    for weak in way.weak:
        yield (
            textwrap.fill(f"known to be open on it: {weak}", 79, initial_indent="    ! ", subsequent_indent="      ")
            + "\n"
        )
