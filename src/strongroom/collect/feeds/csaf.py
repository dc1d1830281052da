"""CSAF 2.0 advisories: each row of affected and fixed versions as a claim (OASIS, Common Security Advisory Framework 2.0).

A version may be a number, a range or a sentence (section 3.1.2.3.2 asks for one of the first two, and vendors write the
third). A row that contradicts itself is kept with the reason, and proves nothing good.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from strongroom.collect.feeds.products import Named, named
from strongroom.kit import advisory_prose, strict_json, versions
from strongroom.model.advisory import Claim, Document
from strongroom.model.errors import Malformed

_MOST = 400_000  # rows of one document
_DEEPEST = 60
_WHAT = "a CSAF 2.0 advisory"


class _Product(msgspec.Struct):
    name: str
    product_id: str


class _Branch(msgspec.Struct):
    category: str = ""
    name: str = ""
    product: _Product | None = None
    branches: list["_Branch"] = []


class _Relationship(msgspec.Struct):
    category: str
    product_reference: str
    relates_to_product_reference: str
    full_product_name: _Product


class _Tree(msgspec.Struct):
    branches: list[_Branch] = []
    full_product_names: list[_Product] = []
    relationships: list[_Relationship] = []


class _Status(msgspec.Struct):
    fixed: list[str] = []
    first_fixed: list[str] = []
    known_affected: list[str] = []
    first_affected: list[str] = []
    last_affected: list[str] = []
    under_investigation: list[str] = []


class _Id(msgspec.Struct):
    text: str = ""


class _Vulnerability(msgspec.Struct):
    cve: str = ""
    title: str = ""
    ids: list[_Id] = []
    product_status: _Status = msgspec.field(default_factory=_Status)
    scores: list[dict[str, object]] = []


class _Publisher(msgspec.Struct):
    name: str = ""


class _Tracking(msgspec.Struct):
    id: str
    current_release_date: str = ""
    initial_release_date: str = ""
    status: str = ""


class _Head(msgspec.Struct):
    category: str
    csaf_version: str
    title: str
    tracking: _Tracking
    publisher: _Publisher = msgspec.field(default_factory=_Publisher)


class _File(msgspec.Struct):
    document: _Head
    product_tree: _Tree = msgspec.field(default_factory=_Tree)
    vulnerabilities: list[_Vulnerability] = []


class _Leaf(NamedTuple):
    """A product id: what it is of and on which platform, and its versions in words; `within`: of what it is a component."""

    what: Named
    platform: str
    text: str
    within: str = ""

    @property
    def row(self) -> tuple[Named, str, str]:
        """What affected and fixed versions have in common that belong together."""
        return self.what, self.platform, self.within


def is_csaf(head: bytes) -> bool:
    """Whether octets look like one."""
    return b'"csaf_version"' in head


def read(data: bytes, file: str, digest: str) -> Document:
    """A document in the normal form. Raises Malformed."""
    strict_json.check(data, file, "save the advisory again from its publisher")
    try:
        held = msgspec.json.decode(data, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise Malformed(file, str(e)[:160].lower(), _WHAT) from None
    if not held.document.csaf_version.startswith("2."):
        raise Malformed(file, f"CSAF {held.document.csaf_version[:20]!r}", _WHAT)
    leaves = _leaves(held.product_tree, file)
    claims: list[Claim] = []
    for one in held.vulnerabilities:
        score = _score(one)
        claims += (msgspec.structs.replace(c, score=score) for c in _claims(one, leaves))
        if len(claims) > _MOST:
            raise Malformed(file, f"more than {_MOST} rows", "fewer")
    return Document(
        held.document.tracking.id, held.document.title, held.document.tracking.current_release_date[:10], digest,
        tuple(dict.fromkeys(claims)), publisher=held.document.publisher.name,
        score=max((_score(v) for v in held.vulnerabilities), default=0.0), since=held.document.tracking.initial_release_date[:10],
    )  # fmt: skip


def _leaves(tree: _Tree, file: str) -> dict[str, _Leaf]:
    found: dict[str, _Leaf] = {p.product_id: _Leaf(named(p.name, ""), "", "") for p in tree.full_product_names}
    stack: list[tuple[_Branch, tuple[_Branch, ...]]] = [(b, ()) for b in reversed(tree.branches)]
    while stack:
        branch, above = stack.pop()
        if len(above) > _DEEPEST:
            raise Malformed(file, "branches nested too deeply", _WHAT)
        if branch.product is not None:
            if branch.product.product_id in found and found[branch.product.product_id] != _leaf(branch, above):
                raise Malformed(
                    file, f"product id {branch.product.product_id[:80]!r} twice", "each once (section 6.1.1)"
                )
            found[branch.product.product_id] = _leaf(branch, above)
        stack += [(b, (*above, branch)) for b in reversed(branch.branches)]
    for one in tree.relationships:
        part, whole = found.get(one.product_reference), found.get(one.relates_to_product_reference)
        if part is not None:  # of an unknown whole it is a part all the same
            within = whole.what.product if whole is not None else one.relates_to_product_reference[:80]
            found[one.full_product_name.product_id] = part._replace(within=within)
    return found


def _leaf(branch: _Branch, above: tuple[_Branch, ...]) -> _Leaf:
    names = {b.category: b.name for b in above}
    platform = names.get("architecture", "")
    if branch.category in {"product_version", "product_version_range"}:
        if "product_name" in names:
            return _Leaf(named(names["product_name"], platform), platform, branch.name)
        # NVIDIA writes the product where the version belongs, and the version as the product's name.
        text = branch.product.name if branch.product else ""
        first, _, rest = text.partition(" ")
        if rest[:1].isdigit() and first.lower() in branch.name.lower().split():
            text = rest  # "GB200 1.2" of "HGX & DGX GB200"
        return _Leaf(named(branch.name, platform), platform, text)
    return _Leaf(named(branch.name, platform), platform, "")


def _claims(one: _Vulnerability, leaves: dict[str, _Leaf]) -> Iterator[Claim]:
    cve = one.cve or next((i.text for i in one.ids if i.text), "") or one.title[:80]
    status = one.product_status
    affected = (*status.known_affected, *status.first_affected, *status.last_affected, *status.under_investigation)
    fixing = (*status.fixed, *status.first_fixed)
    fixes: dict[tuple[Named, str, str], list[str]] = defaultdict(list)
    rows: dict[tuple[Named, str, str], list[str]] = defaultdict(list)
    for idents, table in ((fixing, fixes), (affected, rows)):
        for ident in dict.fromkeys(idents):
            leaf = leaves.get(ident)
            if leaf is None:  # nobody knows what it says of what: it proves nothing, and is not forgotten
                yield Claim(
                    cve, "unnamed", trouble=f"product {ident[:80]!r} is not in the product tree", text=ident[:160]
                )
            elif leaf.text not in table[leaf.row]:
                table[leaf.row].append(leaf.text)
    for row, texts in rows.items():
        for text in texts:
            yield claim(cve, row[0], text, fixes.get(row, []), row[2])
    for row in fixes.keys() - rows.keys():
        yield claim(cve, row[0], "", fixes[row], row[2])


def claim(cve: str, what: Named, text: str, fixes: list[str], within: str = "") -> Claim:
    """One row. Where the fix is not of the row's branch, or there are two, the row is not to be trusted."""
    span = advisory_prose.span(text) if text else advisory_prose.Span()
    fixed = tuple(advisory_prose.fix(f) for f in fixes)
    trouble = span.trouble or _contradiction(what, span, fixed, fixes)
    if not text and not trouble:
        trouble = "" if fixed else "no versions are named"
        # Only the fix is named: what is before it is affected, and no sentence says since when.
        span = advisory_prose.Span(high=fixed[0]) if len(fixed) == 1 else span
    condition = span.condition or (f"as a part of {within}" if within else "")
    return Claim(
        cve, what.product, what.family, what.os, what.branch, span.low, span.high, span.high_in, tuple(f for f in fixed if f),
        condition, span.below, trouble, text[:200],
    )  # fmt: skip


def _contradiction(what: Named, span: advisory_prose.Span, fixed: tuple[str, ...], texts: list[str]) -> str:
    keys = [versions.key(f) for f in fixed]
    if any(k is None for k in keys):
        return f"a fix that is no version: {', '.join(texts)[:100]}"
    known = [k for k in keys if k is not None]
    if len(set(known)) > 1:
        return f"two fixes for one row: {', '.join(fixed)}"
    high = versions.key(span.high) if span.high else None
    if what.branch and what.os == "linux":
        others = [f for f, k in zip(fixed, known, strict=True) if k[0] != what.branch]
        if others or (high is not None and high[0] != what.branch):
            return f"a row of R{what.branch} names {', '.join(others) or span.high}, which is of another branch"
    if known and high is not None and span.high_in and high >= known[0]:
        return f"{span.high} is said to be affected, and {fixed[0]} to be the fix"
    if known and high is not None and not span.high_in and high > known[0]:
        return f"versions before {span.high} are said to be affected, and {fixed[0]} to be the fix"
    return ""


def _score(one: _Vulnerability) -> float:
    """The highest base score that is told, of whichever version of CVSS."""
    found = 0.0
    for scored in one.scores:
        for key in ("cvss_v4", "cvss_v3", "cvss_v2"):
            held = scored.get(key)
            base = held.get("baseScore") if isinstance(held, dict) else None
            if isinstance(base, int | float) and 0 <= base <= 10:
                found = max(found, float(base))
    return found
