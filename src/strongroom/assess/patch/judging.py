"""The judge of patch state: the worst that anything says of a version, and never better than what is known.

A version that no document names is not fixed: a branch that a vendor stopped to list gets no fixes any more, and a vendor
that never listed it said nothing. Versions are compared within their branch, since 580.159.03 is no fix of 570.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

import msgspec

from strongroom.kit import versions
from strongroom.kit.versions import Key
from strongroom.model.advisory import Check, Claim, Document, Feed, Installed, Judged, Override, Patch

FRESH = 30  # days that the newest document of a feed may be old before its silence means nothing
_MOST = 12  # CVEs that are told


class _Said(NamedTuple):
    """What one row says of a version."""

    patch: Patch
    why: str
    claim: Claim
    document: Document


class Judge:
    """The judge of many: a version that many hosts have is judged once."""

    def __init__(self, feed: Feed, today: date, fresh: int = FRESH) -> None:
        """By a feed, on a day."""
        self._feed, self._today, self._fresh = feed, today, fresh
        self._known: dict[Installed, Judged] = {}
        products = {c.product for d in feed.documents for c in d.claims} | {
            c.product for o in feed.overrides for c in o.rows
        }
        self._of = {p: msgspec.structs.replace(feed, documents=tuple(_naming(feed, p))) for p in products}

    def __call__(self, installed: Installed) -> Judged:
        """What a version is."""
        found = self._known.get(installed)
        if found is None:
            feed = self._of.get(installed.product)
            found = judge(installed, feed or self._feed, self._today, self._fresh, self._feed.as_of)
            self._known[installed] = found
        return found


def _naming(feed: Feed, product: str) -> Iterator[Document]:
    """The documents that name a product, with those rows alone; one that was reviewed as it is."""
    reviewed = {o.document for o in feed.overrides}
    for one in feed.documents:
        rows = tuple(c for c in one.claims if c.product == product)
        if rows or one.id in reviewed:
            yield msgspec.structs.replace(one, claims=rows)


def judge(installed: Installed, feed: Feed, today: date, fresh: int = FRESH, as_of: str = "") -> Judged:
    """What a version is by a feed. `fresh` is in days; `as_of` is the day up to which it goes, where more is in it than here."""
    key = versions.key(installed.version)
    if key is None:
        return Judged(Patch.NOT_LISTED, f"{installed.version[:40]!r} is no version that can be compared")
    held = [(d, _mine(d, installed, feed.overrides)) for d in feed.documents]
    mine = sorted(((d, claims) for d, claims in held if claims), key=lambda pair: (pair[0].published, pair[0].id))
    if not mine:
        return Judged(Patch.NOT_LISTED, f"no document of the feed names {installed.product}")
    branches = sorted({c.branch for _, claims in mine for c in claims if c.branch})
    branch = _branch(key, branches, installed.os)
    said = [
        s for d, claims in mine for s in _says(key, branch, d, claims, feed.overrides) if not _outlived(s, key, mine)
    ]
    said.sort(key=lambda s: s.claim.branch == 0)  # a row of the branch itself is told before one of all
    worst = min((s.patch for s in said), key=lambda p: p.rank, default=Patch.FIXED)
    if worst in {Patch.AFFECTED, Patch.CONDITIONAL}:
        return _told(worst, [s for s in said if s.patch is worst], feed)
    unlisted = _unlisted(mine, branch, branches, key)
    if unlisted:
        return Judged(Patch.NOT_LISTED, unlisted, documents=(mine[-1][0].id,))
    return _good(mine, branch, as_of or feed.as_of, today, fresh)


def _mine(document: Document, installed: Installed, overrides: Sequence[Override]) -> tuple[Claim, ...]:
    """The rows of a document that are of a product on a system; what was reviewed stands for what it replaces."""
    replaced = [o for o in overrides if _bound(o, document)]
    rows = [c for o in replaced for c in o.rows]
    keys = {_row(c) for c in rows}
    claims = [*(c for c in document.claims if _row(c) not in keys), *rows]
    found = [c for c in claims if c.product == installed.product and c.os in {"", installed.os}]
    if installed.family and any(c.family for c in found):
        found = [c for c in found if c.family in {"", installed.family}]
    return tuple(found)


def _row(claim: Claim) -> tuple[str, str, str, str, int]:
    return claim.cve, claim.product, claim.family, claim.os, claim.branch


def _bound(override: Override, document: Document) -> bool:
    return override.document == document.id and document.digest == f"sha256:{override.sha256.lower()}"


def _branch(key: Key, branches: Sequence[int], system: str) -> int:
    """The branch of a version: its own first number on Linux, the nearest below it elsewhere; 0 where there are none."""
    if not branches:
        return 0
    if system == "linux":
        return versions.major(key)
    return max((b for b in branches if b <= versions.major(key)), default=versions.major(key))


def _says(
    key: Key, branch: int, document: Document, claims: Iterable[Claim], overrides: Sequence[Override]
) -> Iterator[_Said]:
    """What each row says. A document whose digest is wrong may be anybody's: it says nothing for sure."""
    doubted = document.check is Check.MISMATCH and not any(o.accept for o in overrides if _bound(o, document))
    for claim in claims:
        if claim.branch not in {0, branch}:
            continue
        patch, why = _one(key, claim)
        if patch is not Patch.FIXED and doubted:
            patch, why = Patch.CONDITIONAL, f"its digest is not the published one, and it says: {why}"
        yield _Said(patch, why, claim, document)


def _outlived(said: _Said, key: Key, mine: list[tuple[Document, tuple[Claim, ...]]]) -> bool:
    """Whether a doubt is settled: a later document names a fix of the branch, without a doubt, and the version has it."""
    if said.patch is not Patch.CONDITIONAL or not said.claim.trouble:
        return False
    later = [c for d, claims in mine if d.published > said.document.published for c in claims]
    fix = versions.key(_fixes(later, said.claim.branch))
    return fix is not None and key >= fix


def _one(key: Key, claim: Claim) -> tuple[Patch, str]:
    inside = _inside(key, claim)
    if claim.trouble:
        # A row that cannot be trusted clears only what is past every version that it names, and none past another branch's.
        named = [k for t in (claim.high, *claim.fixed) if t and (k := versions.key(t)) is not None]
        own = not (claim.branch and claim.os == "linux") or all(k[0] == claim.branch for k in named)
        past = bool(named) and own and key > max(named) and not (inside and claim.low + claim.high)
        return (Patch.FIXED, "") if past else (Patch.CONDITIONAL, claim.trouble)
    if not inside:
        return Patch.FIXED, ""
    what = f"{claim.text or 'this version'} ({', '.join(claim.fixed) or 'no fix'})"
    if claim.condition:
        below = versions.key(claim.below) if claim.below else None
        if below is None or key < below:
            return Patch.CONDITIONAL, f"{claim.condition}: {what}"
    return Patch.AFFECTED, what


def _inside(key: Key, claim: Claim) -> bool:
    low, high = versions.key(claim.low) if claim.low else None, versions.key(claim.high) if claim.high else None
    if low is not None and key < low:
        return False
    if high is None:
        return True
    return key <= high if claim.high_in else key < high


def _unlisted(mine: list[tuple[Document, tuple[Claim, ...]]], branch: int, branches: Sequence[int], key: Key) -> str:
    """Why nobody says anything of a branch; empty where somebody does."""
    if not branches:
        return ""
    newest = next((pair for pair in reversed(mine) if any(c.branch for c in pair[1])), None)
    if newest is None or any(c.branch == branch for c in newest[1]):
        return ""
    listed = ", ".join(f"R{b}" for b in sorted({c.branch for c in newest[1] if c.branch}))
    last = "it gets no fixes any more" if branch < max(branches) else "it is newer than any"
    return f"R{branch or versions.major(key)} is not in {newest[0].id} of {newest[0].published}, which lists {listed}: {last}"


def _age(as_of: str, today: date) -> int | None:
    """Days since the newest document of a feed; None where it has no day."""
    try:
        return (today - date.fromisoformat(as_of)).days
    except ValueError:
        return None


def _good(mine: list[tuple[Document, tuple[Claim, ...]]], branch: int, as_of: str, today: date, fresh: int) -> Judged:
    """Nothing speaks against it, in a feed that is young enough to know."""
    newest, age = mine[-1][0], _age(as_of, today)
    fixed = _fixes((c for _, claims in mine for c in claims), branch)
    if age is None or not 0 <= age <= fresh:
        found = "has no day" if age is None else f"ends {age} days ago" if age >= 0 else "ends after today"
        why = f"nothing speaks against it in a feed that {found}, and {fresh} days are the most"
        return Judged(Patch.STALE, why, documents=(newest.id,), fixed_in=fixed)
    why = f"nothing up to {newest.id} of {newest.published}, in a feed up to {as_of}"
    return Judged(Patch.FIXED, why, documents=(newest.id,), fixed_in=fixed)


def _fixes(claims: Iterable[Claim], branch: int) -> str:
    """The highest fix of a branch that can be trusted."""
    found = [f for c in claims if c.branch == branch and not c.trouble for f in c.fixed]
    return max(found, key=lambda f: versions.key(f) or (), default="")


def _told(worst: Patch, said: list[_Said], feed: Feed) -> Judged:
    cves = tuple(dict.fromkeys(s.claim.cve for s in said))
    documents = tuple(dict.fromkeys(s.document.id for s in said))
    best = _fixes((s.claim for s in said), said[0].claim.branch)
    kev = {c for signals in feed.signals if signals.kind == "kev" for c in signals.values}
    newest = max(said, key=lambda s: (s.document.published, s.document.id))
    return Judged(worst, newest.why, cves[:_MOST], documents[-_MOST:], best, tuple(c for c in cves if c in kev))


def with_check(document: Document, published: str) -> Document:
    """A document with what the digest published beside it says (64 hex letters; empty where there is none)."""
    if not published:
        return document
    same = document.digest == f"sha256:{published.lower()}"
    return msgspec.structs.replace(document, check=Check.MATCHES if same else Check.MISMATCH)
