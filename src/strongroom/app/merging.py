"""One asset of what several sources say of it: what one knows fills what another does not; where they differ, nobody
knows, and the asset carries who says what.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from strongroom.assess.prose import WITHHELD, show_value
from strongroom.kit.evidence_digests import orderless
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Fact, Ref
from strongroom.model.values import Key, NetRule, Unknown, Value

PRECEDENCE = (
    "tf",
    "plan",
    "cfn",
    "state",
    "aws",
    "aws-config",
    "aws-iam",
    "aws-users",
    "azure",
    "gcp",
    "k8s",
    "host",
    "redfish",
    "slurm",
    "artifacts",
    "csv",
)
"""Whose id a merged asset keeps, first the source that names things most lastingly: what is declared keeps its address
for as long as it is declared, a machine its number, and a line of a spreadsheet is the first to be renamed."""

_RANK = {of: n for n, of in enumerate(PRECEDENCE)}
DECLARED = ("tf", "plan", "cfn")
"""Sources that say what is asked for. Where they leave something out, what another source saw counts."""

DISAGREE = "sources.disagree"
SEEN = "sources.seen"
_SHOWN = 60
_ADDRESS = re.compile(r"[^/:\s]+\.[^/:\s]+")


def scheme(spec: str) -> str:
    """The scheme of a source's spec."""
    return spec.partition(":")[0]


def rank(asset: Asset) -> tuple[int, str, str]:
    """The place of an asset among those that are one thing; the first one gives the id."""
    of = scheme(asset.origin)
    return _RANK.get(of, len(_RANK)), asset.origin, asset.id


def combine(members: Sequence[Asset]) -> Asset:
    """One asset of several that are one thing. Their order does not matter, unless two are of one source."""
    ranked = sorted(members, key=rank)
    first = ranked[0]
    facts, disagreements = _facts(ranked)
    origins = tuple(sorted({m.origin for m in ranked}))
    if len(origins) > 1:
        facts[SEEN] = Fact(SEEN, origins, None, first.origin)
        facts[DISAGREE] = Fact(DISAGREE, tuple(sorted(disagreements)), None, first.origin)
    rest = ranked[1:]
    others = [name for m in ranked for name in (*m.aliases, m.id) if name != first.id]
    labels, refs, skips = first.labels, first.refs, first.skips
    if any(m.labels != labels for m in rest):
        labels = tuple(sorted({label for m in ranked for label in m.labels}))
    if any(m.refs for m in rest):
        refs = tuple(dict.fromkeys(r for m in ranked for r in m.refs))
    if any(m.skips for m in rest):
        skips = tuple(dict.fromkeys(s for m in ranked for s in m.skips))
    return msgspec.structs.replace(
        first,
        provider=first.provider or _first(m.provider for m in rest),
        account=first.account or _first(m.account for m in rest),
        region=first.region or _first(m.region for m in rest),
        name=first.name or _first(m.name for m in rest),
        aliases=tuple(dict.fromkeys(others)),
        labels=labels,
        facts=facts,
        refs=refs,
        where=first.where or next((m.where for m in rest if m.where is not None), None),
        skips=skips,
    )


def _facts(ranked: Sequence[Asset]) -> tuple[dict[str, Fact], list[str]]:
    """The facts of all members, and for each that is contested who says what."""
    facts = dict(ranked[0].facts)
    contested: dict[str, None] = {}
    for member in ranked[1:]:
        for name, fact in member.facts.items():
            known = facts.get(name)
            if known is None:
                facts[name] = _placed(fact, member)
            elif not _same(known, fact):
                contested[name] = None
    disagreements = []
    for name in contested:
        said = [(m.facts[name], m) for m in ranked if name in m.facts]
        fact, difference = agree([f for f, _ in said])
        of = next((m for f, m in said if f is fact), ranked[0])
        facts[name] = fact if of is ranked[0] else _placed(fact, of)
        if difference:
            disagreements.append(difference)
    return facts, disagreements


def _same(a: Fact, b: Fact) -> bool:
    """Whether the second adds nothing to the first: the common case, and so the quick one."""
    return (
        a.value == b.value
        and type(a.value) is type(b.value)
        and a.sensitive == b.sensitive
        and (not a.default_of or bool(b.default_of))
    )


def _placed(fact: Fact, asset: Asset) -> Fact:
    """A fact that stood where its asset stands, for an asset that will stand elsewhere."""
    if fact.where is not None or asset.where is None:
        return fact
    return Fact(fact.name, fact.value, asset.where, fact.source, fact.default_of, fact.sensitive)


def _first(texts: Iterable[str]) -> str:
    return next((t for t in texts if t), "")


def agree(said: Sequence[Fact]) -> tuple[Fact, str]:
    """The fact that counts among those of one name, and how they differ: each source with what it says.

    What is known beats what is not, what is given beats a default, what was seen beats what a declaration leaves out,
    and a value beats one that is written with references to other blocks.
    """
    left = _preferred(said)
    groups: list[list[Fact]] = []
    for fact in sorted(left, key=lambda f: vague(f.value)):  # a vague one is like each of two that differ
        same = next((g for g in groups if alike(g[0].value, fact.value)), None)
        if same is None:
            groups.append([fact])
        else:
            same.append(fact)
    secret = any(f.sensitive for f in said)
    first = groups[0][0]
    if len(groups) == 1:
        return (msgspec.structs.replace(first, sensitive=True) if secret and not first.sensitive else first), ""
    sources = sorted({f.source for f in left})
    verb = "say different things" if len(sources) > 1 else "says two different things"
    doubt = Unknown(GapCode.CONFLICT, f"{' and '.join(sources)} {verb}")
    difference = ", ".join(sorted(_said(g, secret) for g in groups)) if len(sources) > 1 else ""
    conflict = Fact(first.name, doubt, first.where, first.source, sensitive=secret)
    return conflict, f"{first.name}: {difference}" if difference else ""


def _preferred(said: Sequence[Fact]) -> Sequence[Fact]:
    known = [f for f in said if not isinstance(f.value, Unknown)]
    if not known:
        return said[:1]
    known = [f for f in known if not f.default_of] or known
    if any(f.value is not None for f in known):
        known = [f for f in known if f.value is not None or scheme(f.source) not in DECLARED]
    precise = [f for f in known if not vague(f.value)]
    return [f for f in known if f in precise or isinstance(f.value, Key)] if precise else known


def _said(group: Sequence[Fact], secret: bool) -> str:
    text = WITHHELD if secret else show_value(group[0].value)
    short = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return f"{short} in {' and '.join(sorted({f.source for f in group}))}"


def vague(value: Value) -> bool:
    """Whether a value is written with references, or has a part that is not known."""
    if isinstance(value, tuple):
        return any(isinstance(v, Unknown) or vague(v) for v in value)
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, Key):
        return bool(value.name) and _ADDRESS.fullmatch(value.name) is not None
    if isinstance(value, NetRule):
        return any(isinstance(p, Unknown) for p in value.peers) or any("." in g for g in value.groups)
    return "${" in str(value)


def alike(a: Value, b: Value) -> bool:
    """Whether two values mean the same: the order of a list does not count, nor does case, and a key's address may be its
    ARN. A label of Kubernetes holds no blanks: `NVIDIA-H100-80GB-HBM3` is how it says `NVIDIA H100 80GB HBM3`.
    """
    if isinstance(a, Key) and isinstance(b, Key):
        return a.tech == b.tech and (a.name == b.name or not a.name or not b.name or vague(a) or vague(b))
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    if isinstance(a, str) and isinstance(b, str):
        a, b = a.strip().lower(), b.strip().lower()
        return a == b or a.replace(" ", "-") == b or a == b.replace(" ", "-")
    if a == b:
        return True
    return isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b) and orderless(a) == orderless(b)


def redirected(assets: Iterable[Asset], moved: dict[str, str]) -> Iterator[Asset]:
    """The assets with their refs led to the ids that merged ones now have."""
    for a in assets:
        if moved and any(r.id in moved for r in a.refs):
            refs = (Ref(r.rel, moved.get(r.id, r.id)) for r in a.refs)
            yield msgspec.structs.replace(a, refs=tuple(dict.fromkeys(refs)))
        else:
            yield a
