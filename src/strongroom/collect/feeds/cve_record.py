"""CVE records (CVE Record Format 5.x): what the assigner, who is mostly the vendor, says of versions.

An entry names one version, or a range from it to `lessThan` or `lessThanOrEqual`; what no entry names has `defaultStatus`. Vendors
also write sentences here, which are read as in their advisories.
"""

from collections.abc import Iterator

import msgspec

from strongroom.collect.feeds.csaf import claim
from strongroom.collect.feeds.products import Named, maker, named
from strongroom.kit import strict_json, versions
from strongroom.model.advisory import Claim, Document
from strongroom.model.errors import Malformed

_WHAT = "a CVE record of format 5"
_NOTHING = {"", "0", "*", "n/a", "unspecified", "-", "all", "all versions", "none"}
_MOST = 20_000


class _Change(msgspec.Struct):
    at: str
    status: str


class _Version(msgspec.Struct, rename="camel"):
    version: str = ""
    status: str = "unknown"
    less_than: str = ""
    less_than_or_equal: str = ""
    changes: list[_Change] = []


class _Affected(msgspec.Struct, rename="camel"):
    vendor: str = ""
    product: str = ""
    package_name: str = ""
    default_status: str = "unknown"
    versions: list[_Version] = []
    platforms: list[str] = []


class _Container(msgspec.Struct):
    affected: list[_Affected] = []
    metrics: list[dict[str, object]] = []
    title: str = ""


class _Containers(msgspec.Struct):
    cna: _Container


class _Meta(msgspec.Struct, rename="camel"):
    cve_id: str
    state: str
    assigner_short_name: str = ""
    date_published: str = ""
    date_updated: str = ""


class _Record(msgspec.Struct, rename="camel"):
    data_version: str
    cve_metadata: _Meta
    containers: _Containers


def is_cve(head: bytes) -> bool:
    """Whether octets look like one."""
    return b'"cveMetadata"' in head


def read(data: bytes, file: str, digest: str) -> Document:
    """A record in the normal form; one that was rejected says nothing. Raises Malformed."""
    strict_json.check(data, file, "fetch the record again")
    try:
        held = msgspec.json.decode(data, type=_Record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise Malformed(file, str(e)[:160].lower(), _WHAT) from None
    if not held.data_version.startswith("5."):
        raise Malformed(file, f"format {held.data_version[:20]!r}", _WHAT)
    meta, cna = held.cve_metadata, held.containers.cna
    score = max((_base(m) for m in cna.metrics), default=0.0)
    claims: list[Claim] = []
    for one in cna.affected if meta.state == "PUBLISHED" else []:
        claims += (msgspec.structs.replace(c, score=score) for c in _claims(meta.cve_id, one))
        if len(claims) > _MOST:
            raise Malformed(file, f"more than {_MOST} rows", "fewer")
    day = (meta.date_updated or meta.date_published)[:10]
    return Document(
        meta.cve_id, cna.title[:200], day, digest, tuple(dict.fromkeys(claims)),
        publisher=f"CVE {meta.assigner_short_name or 'unnamed'}", score=score, since=meta.date_published[:10],
    )  # fmt: skip


def _base(metric: dict[str, object]) -> float:
    """The base score of one metric, of whichever version of CVSS."""
    for name in ("cvssV4_0", "cvssV3_1", "cvssV3_0", "cvssV2_0"):
        held = metric.get(name)
        score = held.get("baseScore") if isinstance(held, dict) else None
        if isinstance(score, int | float) and 0 <= score <= 10:
            return float(score)
    return 0.0


def _claims(cve: str, one: _Affected) -> Iterator[Claim]:
    """The rows of one product, for each of the platforms that it names."""
    for platform in one.platforms or [""]:
        what = named(maker(one.vendor, one.product or one.package_name), platform)
        bad = [v for v in one.versions if v.status == "affected"]
        good = [v for v in one.versions if v.status == "unaffected"]
        for entry in bad:
            yield _row(cve, what, entry)
        if one.default_status == "affected":
            yield _rest(cve, what, bad, good)
        elif not bad and not good:
            yield Claim(
                cve, what.product, what.family, what.os, what.branch, trouble="no version is said to be affected"
            )


def _row(cve: str, what: Named, entry: _Version) -> Claim:
    """One entry that says affected; `changes` may end it at a fix."""
    low = "" if entry.version.strip().lower() in _NOTHING else entry.version.strip()
    high, inside = entry.less_than.strip(), False
    if entry.less_than_or_equal:
        high, inside = entry.less_than_or_equal.strip(), True
    ends = [c.at for c in entry.changes if c.status == "unaffected"]
    if len(ends) == 1 and high in _NOTHING:
        high, inside = ends[0], False
    if high in _NOTHING:
        high = ""
    ranged = bool(entry.less_than or entry.less_than_or_equal or entry.changes)
    if not ranged:
        return claim(cve, what, low or "all versions", [])
    odd = next((t for t in (low, high) if t and versions.key(t) is None), "")
    if odd:
        return claim(cve, what, odd, []) if odd == low else _doubt(cve, what, f"a version that is none: {odd[:80]!r}")
    words = f"{f'from {low} ' if low else ''}{f'to {high}' if inside else f'before {high}' if high else 'on'}"
    fixed = () if inside or not high else (high,)
    return Claim(cve, what.product, what.family, what.os, what.branch, low, high, inside, fixed, text=words[:200])


def _rest(cve: str, what: Named, bad: list[_Version], good: list[_Version]) -> Claim:
    """All that no entry names is affected: all before the one range that is not, or, where it is more involved, in doubt."""
    open_end = [g for g in good if (g.less_than or g.less_than_or_equal).strip() == "*"]
    first = open_end[0].version.strip() if len(open_end) == 1 and len(good) == 1 and not bad else ""
    if first and versions.key(first) is not None:
        return Claim(
            cve, what.product, what.family, what.os, what.branch, high=first, fixed=(first,), text=f"before {first}"
        )
    if not good:
        return Claim(cve, what.product, what.family, what.os, what.branch, text="all versions")
    fixes = ", ".join(g.version for g in good)[:120]
    return _doubt(cve, what, f"all versions but some are said to be affected: {fixes}")


def _doubt(cve: str, what: Named, why: str) -> Claim:
    return Claim(cve, what.product, what.family, what.os, what.branch, trouble=why, text=why[:200])
