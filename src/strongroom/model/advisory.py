"""The nouns of patch state: what a vendor's document says of versions, and what is to be made of one that is installed."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import msgspec

SCHEMA = "strongroom.advisory/1"


class Patch(StrEnum):
    """What a version is, worst first. Only `fixed` is good, and only as long as the feed is fresh."""

    AFFECTED = "affected"
    CONDITIONAL = "conditional"  # it depends on a setting, or on what the vendor's contradictory words mean
    NOT_LISTED = "not-listed"  # nobody says anything of it, which is not that it is fine
    STALE = "stale"  # nothing speaks against it in a feed that is too old to know
    FIXED = "fixed"

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return list(Patch).index(self)


class Check(StrEnum):
    """What is known of a document's integrity."""

    MATCHES = "matches"  # its digest is the one published beside it
    MISMATCH = "mismatch"  # it is not: the document or the digest is wrong
    NONE = "none"  # nothing was published beside it
    UNSIGNED = "unsigned"  # its publisher signs, and no trusted key has signed it


class Claim(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one row of a document says: which versions of a product a vulnerability affects, and what fixes it.

    The range is from `low` (included) to `high`, included where `high_in`; an empty end is open. `branch` is the number of
    a branch of drivers that the row is of, 0 for none. Versions below `below` are only affected under the `condition`; an
    empty `below` puts the condition on all. A row with `trouble` contradicts itself, or cannot be read: it proves nothing
    good. `score` is a CVSS base score, 0 where none is told. A `product` with an ecosystem before it (`pypi/vllm`) is a
    package, and its versions are compared by that one's rules.
    """

    cve: str
    product: str
    family: str = ""
    os: str = ""
    branch: int = 0
    low: str = ""
    high: str = ""
    high_in: bool = False
    fixed: tuple[str, ...] = ()
    condition: str = ""
    below: str = ""
    trouble: str = ""
    text: str = ""
    score: float = 0.0


class Document(msgspec.Struct, frozen=True, omit_defaults=True):
    """A vendor's document in the one normal form. Times are days, `2026-05-19`; `score` is the highest CVSS base score.

    `published` is the day of this edition, and `since` that of the first: an edition does not make a vulnerability younger.
    `signed` is the fingerprint of the trusted key that signed the document as it came.
    """

    id: str
    title: str
    published: str
    digest: str  # sha256:… of the document as it came
    claims: tuple[Claim, ...]
    check: Check = Check.NONE
    publisher: str = ""
    score: float = 0.0
    since: str = ""
    signed: str = ""
    schema: str = SCHEMA


class Installed(NamedTuple):
    """A version of a product somewhere. `family` narrows drivers to a line of cards; empty is any."""

    product: str
    version: str
    os: str = "linux"
    family: str = ""


class Judged(NamedTuple):
    """What a version is, why, by which vulnerabilities and documents, and what fixes it.

    Of what affects it: `score` is the highest CVSS base score, `since` the day on which the first of it was known, `epss` the
    highest probability of being exploited, and `overdue` says which is open for longer than the policy allows; empty for none.
    """

    patch: Patch
    why: str
    cves: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    fixed_in: str = ""
    exploited: tuple[str, ...] = ()
    score: float = 0.0
    since: str = ""
    epss: float = 0.0
    overdue: str = ""


class Signals(msgspec.Struct, frozen=True):
    """What a list says of vulnerabilities by their CVE: `kev`, the day since which one is exploited; `epss`, a probability."""

    kind: str
    as_of: str
    digest: str
    values: dict[str, str]


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody has reviewed of one document, bound to its very octets: another edition of it is not meant.

    `accept` takes a document whose published digest does not match. `rows` replace every row of the same product, family,
    system and branch.
    """

    document: str
    sha256: str
    reviewer: str
    reason: str
    accept: bool = False
    rows: tuple[Claim, ...] = ()


class Patience(NamedTuple):
    """Days for which a vulnerability may stay open: one that is exploited, one of score 9 and above (or unknown), another."""

    exploited: int = 15
    critical: int = 30
    other: int = 90


class Asked(msgspec.Struct, frozen=True):
    """The last time that a place on the network was asked in full, and what it gives: publishers, or kinds of signals.

    `at` is in UTC, `2026-05-19T08:00:00Z`. `etag` and `modified` are for asking it again.
    """

    url: str
    at: str
    gives: tuple[str, ...] = ()
    etag: str = ""
    modified: str = ""
    digest: str = ""
    trouble: str = ""


class Feed(msgspec.Struct, frozen=True):
    """All that is known: documents, signals, what was reviewed, and when which place was asked."""

    documents: tuple[Document, ...] = ()
    signals: tuple[Signals, ...] = ()
    overrides: tuple[Override, ...] = ()
    asked: tuple[Asked, ...] = ()

    def goes_to(self, publishers: Iterable[str]) -> str:
        """The day up to which all of these publishers are known: that of the newest document, or of the last question.

        The oldest of them counts: what one publisher says today makes nothing of another's younger.
        """
        days = []
        for name in set(publishers):
            newest = max((d.published for d in self.documents if d.publisher == name), default="")
            told = max((a.at[:10] for a in self.asked if name in a.gives and not a.trouble), default="")
            days.append(max(newest, told))
        return min(days, default="")

    @property
    def as_of(self) -> str:
        """The day of the newest document; empty where there is none."""
        return max((d.published for d in self.documents), default="")
