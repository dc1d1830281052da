"""The judge of patch state: the worst that anything says of a version, and never better than what is known.

A version that no document names is not fixed: a branch that a vendor stopped to list gets no fixes any more, and a vendor
that never listed it said nothing. Versions are compared within their branch, since 580.159.03 is no fix of 570.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import msgspec

from strongroom.kit import version_schemes, versions
from strongroom.kit.versions import Key
from strongroom.model.advisory import Check, Claim, Document, Feed, Installed, Judged, Override, Patch, Patience

FRESH = 30  # days that the newest document of a feed may be old before its silence means nothing
_MOST = 12  # CVEs that are told
_CRITICAL = 9.0  # CVSS v3.1 specification section 5: critical is 9.0 to 10.0

_DOUBTS = {
    Check.MISMATCH: "its digest is not the published one",
    Check.UNSIGNED: "no trusted key has signed it",
}


class _Said(NamedTuple):
    """What one row says of a version."""

    patch: Patch
    why: str
    claim: Claim
    document: Document


class Judge:
    """The judge of many: a version that many hosts have is judged once."""

    def __init__(self, feed: Feed, today: date, fresh: int = FRESH, patience: Patience | None = None) -> None:
        """By a feed, on a day."""
        self._feed, self._today, self._fresh, self._patience = feed, today, fresh, patience or Patience()
        self._known: dict[Installed, Judged] = {}
        self._days = {p: feed.goes_to((p,)) for p in {d.publisher for d in feed.documents}}
        self._lists = _lists(feed)
        reviewed = {o.document for o in feed.overrides}
        held: dict[str, list[Document]] = defaultdict(list)
        for one in feed.documents:
            rows: dict[str, list[Claim]] = defaultdict(list)
            for c in one.claims:
                rows[c.product].append(c)
            for product, claims in rows.items():
                held[product].append(msgspec.structs.replace(one, claims=tuple(claims)))
        self._of = {p: msgspec.structs.replace(feed, documents=tuple(d)) for p, d in held.items()}
        self._reviewed = tuple(d for d in feed.documents if d.id in reviewed)

    def __call__(self, installed: Installed) -> Judged:
        """What a version is."""
        found = self._known.get(installed)
        if found is None:
            feed = self._of.get(installed.product, msgspec.structs.replace(self._feed, documents=()))
            if self._reviewed:
                names = {d.id for d in feed.documents}
                whole = tuple(d for d in self._reviewed if d.id not in names)
                feed = msgspec.structs.replace(feed, documents=(*feed.documents, *whole))
            found = _judge(installed, feed, _Look(self._today, self._fresh, self._days, self._patience, self._lists))
            self._known[installed] = found
        return found


class _Lists(NamedTuple):
    """Since when a vulnerability is known to be exploited, and how likely that is."""

    kev: Mapping[str, str]
    epss: Mapping[str, str]


class _Look(NamedTuple):
    """The day, the ages that are allowed, and the day up to which each publisher is known."""

    today: date
    fresh: int
    days: Mapping[str, str]
    patience: Patience
    lists: _Lists


def _lists(feed: Feed) -> _Lists:
    def of(kind: str) -> dict[str, str]:
        return {c: v for s in feed.signals if s.kind == kind for c, v in s.values.items()}

    return _Lists(of("kev"), of("epss"))


def judge(
    installed: Installed, feed: Feed, today: date, fresh: int = FRESH, patience: Patience | None = None
) -> Judged:
    """What a version is by a feed. `fresh` is in days."""
    days = {p: feed.goes_to((p,)) for p in {d.publisher for d in feed.documents}}
    return _judge(installed, feed, _Look(today, fresh, days, patience or Patience(), _lists(feed)))


def _judge(installed: Installed, feed: Feed, look: _Look) -> Judged:
    key = version_schemes.key(installed.version, installed.product)
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
        return _told(worst, [s for s in said if s.patch is worst], look)
    unlisted = _unlisted(mine, branch, branches, key)
    if unlisted:
        return Judged(Patch.NOT_LISTED, unlisted, documents=(mine[-1][0].id,))
    return _good(mine, branch, look)


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
    """What each row says. A document whose digest is wrong, or that nobody signed, may be anybody's: it says nothing for sure."""
    doubt = _DOUBTS.get(document.check, "")
    doubted = doubt and not any(o.accept for o in overrides if _bound(o, document))
    for claim in claims:
        if claim.branch not in {0, branch}:
            continue
        patch, why = _one(key, claim)
        if patch is not Patch.FIXED and doubted:
            patch, why = Patch.CONDITIONAL, f"{doubt}, and it says: {why}"
        yield _Said(patch, why, claim, document)


def _outlived(said: _Said, key: Key, mine: list[tuple[Document, tuple[Claim, ...]]]) -> bool:
    """Whether a doubt is settled: a later document names a fix of the branch, without a doubt, and the version has it."""
    if said.patch is not Patch.CONDITIONAL or not said.claim.trouble:
        return False
    later = [c for d, claims in mine if d.published > said.document.published for c in claims]
    fix = _key(_fixes(later, said.claim.branch), said.claim)
    return fix is not None and key >= fix


def _one(key: Key, claim: Claim) -> tuple[Patch, str]:
    inside = _inside(key, claim)
    if claim.trouble:
        # A row that cannot be trusted clears only what is past every version that it names, and none past another branch's.
        named = [k for t in (claim.high, *claim.fixed) if (k := _key(t, claim)) is not None]
        own = not (claim.branch and claim.os == "linux") or all(k[0] == claim.branch for k in named)
        past = bool(named) and own and key > max(named) and not (inside and claim.low + claim.high)
        return (Patch.FIXED, "") if past else (Patch.CONDITIONAL, claim.trouble)
    if not inside:
        fix = _key(claim.fixed[0], claim) if claim.fixed and claim.low and claim.low == claim.high else None
        if fix is not None and key < fix:  # one version is named, and not those before it
            return (
                Patch.CONDITIONAL,
                f"{claim.low} is said to be affected and {claim.fixed[0]} to be the fix, and this is before it",
            )
        return Patch.FIXED, ""
    what = f"{claim.text or 'this version'} ({', '.join(claim.fixed) or 'no fix'})"
    if claim.condition:
        below = _key(claim.below, claim)
        if below is None or key < below:
            return Patch.CONDITIONAL, f"{claim.condition}: {what}"
    return Patch.AFFECTED, what


def _key(text: str, claim: Claim) -> Key | None:
    return version_schemes.key(text, claim.product) if text else None


def _inside(key: Key, claim: Claim) -> bool:
    low, high = _key(claim.low, claim), _key(claim.high, claim)
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


def _good(mine: list[tuple[Document, tuple[Claim, ...]]], branch: int, look: _Look) -> Judged:
    """Nothing speaks against it, in a feed that is young enough to know."""
    newest = mine[-1][0]
    as_of = min((look.days.get(d.publisher, "") for d, _ in mine), default="")
    fixed = _fixes((c for _, claims in mine for c in claims), branch)
    aged = stale(as_of, look.today, look.fresh)
    if aged:
        why = f"nothing speaks against it in {aged}"
        return Judged(Patch.STALE, why, documents=(newest.id,), fixed_in=fixed)
    why = f"nothing up to {newest.id} of {newest.published}, in a feed up to {as_of}"
    return Judged(Patch.FIXED, why, documents=(newest.id,), fixed_in=fixed)


def stale(as_of: str, today: date, fresh: int) -> str:
    """Why what is known up to a day is too old to go by; empty where it is not."""
    age = _age(as_of, today)
    if age is not None and 0 <= age <= fresh:
        return ""
    found = "has no day" if age is None else f"ends {age} days ago" if age >= 0 else "ends after today"
    return f"a feed that {found}, and {fresh} days are the most"


def _fixes(claims: Iterable[Claim], branch: int) -> str:
    """The highest fix of a branch that can be trusted."""
    found = [(f, c) for c in claims if c.branch == branch and not c.trouble for f in c.fixed]
    return max(found, key=lambda pair: _key(*pair) or (), default=("", None))[0]


def _told(worst: Patch, said: list[_Said], look: _Look) -> Judged:
    cves = tuple(dict.fromkeys(s.claim.cve for s in said))
    documents = tuple(dict.fromkeys(s.document.id for s in said))
    best = _fixes((s.claim for s in said), said[0].claim.branch)
    newest = max(said, key=lambda s: (s.document.published, s.document.id))
    return Judged(
        worst, newest.why, cves[:_MOST], documents[-_MOST:], best, tuple(c for c in cves if c in look.lists.kev),
        max(_score(s) for s in said), min(_since(s) for s in said),
        max((float(look.lists.epss.get(c, 0)) for c in cves), default=0.0), _overdue(said, look),
    )  # fmt: skip


def _score(said: _Said) -> float:
    return said.claim.score or said.document.score


def _since(said: _Said) -> str:
    return said.document.since or said.document.published


def _overdue(said: list[_Said], look: _Look) -> str:
    """Which of what affects a version is open for longer than its kind may be. What nobody scored counts as critical."""
    late: list[tuple[int, str]] = []
    for one in said:
        since, score = _since(one), _score(one)
        exploited = look.lists.kev.get(one.claim.cve, "")
        if exploited:
            most, what, since = look.patience.exploited, "exploited", max(since, exploited)
        elif score >= _CRITICAL or not score:
            most, what = look.patience.critical, f"score {score:.1f}" if score else "without a score"
        else:
            most, what = look.patience.other, f"score {score:.1f}"
        age = _age(since, look.today)
        if age is None or age > most:
            days = "since a day that nobody tells" if age is None else f"for {age} days"
            late.append((-(age or 0) + most, f"{one.claim.cve} ({what}) is open {days}, and {most} are the most"))
    return min(late)[1] if late else ""


def with_check(document: Document, *, matches: bool | None) -> Document:
    """A document with what the digests published beside it say; None where there are none."""
    if matches is None:
        return document
    return msgspec.structs.replace(document, check=Check.MATCHES if matches else Check.MISMATCH)


def with_signer(document: Document, signer: str) -> Document:
    """A document of a publisher who signs, with the fingerprint of the key that did; empty where no trusted key did."""
    if not signer:
        return msgspec.structs.replace(document, check=Check.UNSIGNED)
    return msgspec.structs.replace(document, signed=signer)
