"""The nouns of patch state: what a vendor's document says of versions, and what is to be made of one that is installed."""

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


class Claim(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one row of a document says: which versions of a product a vulnerability affects, and what fixes it.

    The range is from `low` (included) to `high`, included where `high_in`; an empty end is open. `branch` is the number of
    a branch of drivers that the row is of, 0 for none. Versions below `below` are only affected under the `condition`; an
    empty `below` puts the condition on all. A row with `trouble` contradicts itself, or cannot be read: it proves nothing
    good.
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


class Document(msgspec.Struct, frozen=True, omit_defaults=True):
    """A vendor's document in the one normal form. Times are days, `2026-05-19`; `score` is the highest CVSS base score."""

    id: str
    title: str
    published: str
    digest: str  # sha256:… of the document as it came
    claims: tuple[Claim, ...]
    check: Check = Check.NONE
    publisher: str = ""
    score: float = 0.0
    schema: str = SCHEMA


class Installed(NamedTuple):
    """A version of a product somewhere. `family` narrows drivers to a line of cards; empty is any."""

    product: str
    version: str
    os: str = "linux"
    family: str = ""


class Judged(NamedTuple):
    """What a version is, why, by which vulnerabilities and documents, and what fixes it."""

    patch: Patch
    why: str
    cves: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    fixed_in: str = ""
    exploited: tuple[str, ...] = ()


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


class Feed(msgspec.Struct, frozen=True):
    """All that is known: documents, signals, what was reviewed, and the day up to which the feed goes."""

    documents: tuple[Document, ...] = ()
    signals: tuple[Signals, ...] = ()
    overrides: tuple[Override, ...] = ()

    @property
    def as_of(self) -> str:
        """The day of the newest document; empty where there is none."""
        return max((d.published for d in self.documents), default="")
