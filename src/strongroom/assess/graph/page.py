"""The ways in as a page for people: each in words beside a small picture. No script, no request, fit for `default-src 'none'`."""

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from markupsafe import escape

from strongroom.model.graph import INTERNET, Graph, Node, Way

MOST = 6  # ways to one jewel that are shown
_WIDTH, _BOX, _HOP, _PAD = 360, 52, 40, 2
_SAYS = {
    "reaches": "reaches",
    "acts-as": "runs as",
    "controls": "controls",
    "can-read": "can read",
    "can-decrypt": "can decrypt",
}
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --paper: #fff; --box: #f6f8fa;
  --bad: #b42318; --perhaps: #7a5b00; --jewel: #0b5cad }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9da7b3; --line: #3d444d; --paper: #0d1117; --box: #161b22;
  --bad: #ff7b72; --perhaps: #e3b341; --jewel: #79c0ff } }
* { box-sizing: border-box } body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 4rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.5 system-ui, sans-serif }
h1 { font-size: 1.6rem; line-height: 1.2 } h2 { margin: 2.5rem 0 .25rem; font-size: 1.25rem; overflow-wrap: anywhere }
h3 { margin: 1.5rem 0 .5rem; font-size: 1rem } p { margin: .4rem 0 } .soft { color: var(--soft) }
.way { display: grid; grid-template-columns: minmax(0, 22rem) minmax(0, 1fr); gap: 1.5rem; padding: 1rem 0;
  border-top: 1px solid var(--line); break-inside: avoid }
svg { width: 100%; height: auto; display: block } svg text { fill: var(--ink); font: 14px system-ui, sans-serif }
svg .kind, svg .verb { fill: var(--soft); font-size: 12px } svg rect { fill: var(--box); stroke: var(--line) }
svg .start { stroke: var(--bad); stroke-width: 2 } svg .jewel { stroke: var(--jewel); stroke-width: 2 }
svg line { stroke: var(--soft); stroke-width: 1.5 } svg .perhaps { stroke-dasharray: 4 4 } svg path { fill: var(--soft) }
ol { margin: 0; padding-left: 1.25rem } li { margin-bottom: .6rem; overflow-wrap: anywhere } .why { display: block; color: var(--soft);
  font-size: .875rem } .open { color: var(--bad) } .maybe { color: var(--perhaps) }
@media (max-width: 40rem) { .way { grid-template-columns: 1fr } }
"""


def page(graph: Graph, ways: Sequence[Way], sources: Sequence[str], made: str) -> Iterator[str]:
    """The page, in pieces. `made` is the time of the reading, as text."""
    nodes = {n.id: n for n in graph.nodes}
    jewels = [n for n in graph.nodes if n.jewel]
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>Ways in</title>\n'
    yield f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Ways to what must not be lost</h1>\n"
    yield f'<p class="soft">{escape(", ".join(sources))} · {escape(made)}</p>\n'
    outside = {w.jewel for w in ways if w.start == INTERNET and w.sure}
    perhaps = {w.jewel for w in ways if w.start == INTERNET} - outside
    yield f"<p>{_sum(len(jewels), len(outside), len(perhaps))}</p>\n"
    by_jewel = {k: list(v) for k, v in groupby(sorted(ways, key=lambda w: w.jewel), key=lambda w: w.jewel)}
    for jewel in jewels:
        yield from _jewel(jewel, by_jewel.get(jewel.id, []), nodes)
    yield from _rest(graph)
    yield "</main>\n</body>\n</html>\n"


def _sum(jewels: int, outside: int, perhaps: int) -> str:
    if not jewels:
        return "No crown jewel is marked, so no way was looked for."
    if jewels == 1:
        whole = "the one crown jewel" if outside else "no crown jewel"
    else:
        whole = f"{outside or 'none'} of {jewels} crown jewels"
    more = f", and perhaps to {perhaps} more" if perhaps else ""
    return f"From the internet a way leads to {whole}{more}."


def _jewel(jewel: Node, ways: Sequence[Way], nodes: dict[str, Node]) -> Iterator[str]:
    yield f'<section>\n<h2>{escape(jewel.name)}</h2>\n<p class="soft">{escape(_kind(jewel))}</p>\n'
    if not any(w.start == INTERNET for w in ways):
        yield "<p>No way from the internet was found.</p>\n"
    for number, way in enumerate(ways[:MOST]):
        yield from _way(way, nodes, f"{jewel.id}-{number}")
    if len(ways) > MOST:
        yield f'<p class="soft">{len(ways) - MOST} more ways: <code>assess graph --format json</code> lists all.</p>\n'
    yield "</section>\n"


def _way(way: Way, nodes: dict[str, Node], ident: str) -> Iterator[str]:
    start = nodes[way.start]
    sure = "" if way.sure else ' <span class="maybe">(not sure)</span>'
    yield f'<h3>From {escape(start.name)}{sure}</h3>\n<div class="way">\n'
    yield from _picture(way, nodes, ident)
    yield "<div>\n<ol>\n"
    for hop in way.hops:
        maybe = "" if hop.sure else ' <span class="maybe">perhaps</span>'
        why = f'<span class="why">{escape(hop.why)}</span>' if hop.why else ""
        yield f"<li>{escape(_verb(hop.rel))} <strong>{escape(nodes[hop.dst].name)}</strong>{_soft(nodes[hop.dst])}{maybe}{why}</li>\n"
    yield "</ol>\n"
    for weak in way.weak:
        yield f'<p class="open">Known to be open on it: {escape(weak)}</p>\n'
    yield "</div>\n</div>\n"


def _soft(node: Node) -> str:
    return f' <span class="soft">{escape(_kind(node))}</span>' if _kind(node) else ""


def _kind(node: Node) -> str:
    """What it is; the internet needs no word for it."""
    return "" if node.kind == INTERNET else node.kind


def _verb(rel: str) -> str:
    return _SAYS.get(rel, rel.replace("-", " "))


def _picture(way: Way, nodes: dict[str, Node], ident: str) -> Iterator[str]:
    """Boxes from top to bottom, with an arrow for each hop; a hop that is not sure is dashed."""
    stops = [nodes[way.start], *(nodes[h.dst] for h in way.hops)]
    height = len(stops) * _BOX + len(way.hops) * _HOP + 2 * _PAD
    said = ", then ".join(f"{_verb(h.rel)} {nodes[h.dst].name}" for h in way.hops)
    safe = escape(ident)
    yield f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="t-{safe}">\n'
    yield f'<title id="t-{safe}">{escape(stops[0].name)} {escape(said)}</title>\n'
    for n, stop in enumerate(stops):
        top = _PAD + n * (_BOX + _HOP)
        mark = ' class="start"' if n == 0 else ' class="jewel"' if stop.jewel else ""
        yield f'<rect{mark} x="{_PAD}" y="{top}" width="{_WIDTH - 2 * _PAD}" height="{_BOX}" rx="6"/>\n'
        low = 22 if _kind(stop) else 31
        yield f'<text x="14" y="{top + low}">{escape(textwrap.shorten(stop.name, 44, placeholder="…") or stop.name[:44])}</text>\n'
        yield f'<text class="kind" x="14" y="{top + 40}">{escape(_kind(stop))}</text>\n'
        if n < len(way.hops):
            hop, low = way.hops[n], top + _BOX
            dashed = "" if hop.sure else ' class="perhaps"'
            yield f'<line{dashed} x1="30" y1="{low}" x2="30" y2="{low + _HOP - 7}"/>\n'
            yield f'<path d="M25 {low + _HOP - 9} L35 {low + _HOP - 9} L30 {low + _HOP - 1} Z"/>\n'
            yield f'<text class="verb" x="44" y="{low + 24}">{escape(_verb(hop.rel))}{"" if hop.sure else " (perhaps)"}</text>\n'
    yield "</svg>\n"


def _rest(graph: Graph) -> Iterator[str]:
    """What was not worked out, and what could not be read."""
    notes = [*graph.notes, *(f"{g.scope}: {g.detail}" for g in graph.gaps)]
    if notes:
        yield "<section>\n<h2>What is not in it</h2>\n<ul>\n"
        yield from (f"<li>{escape(n)}</li>\n" for n in notes[:50])
        yield "</ul>\n</section>\n"
