"""Records of OSV (OpenSSF, Open Source Vulnerability format 1.7), of which databases of packages are made.

A package is named by its ecosystem (`pypi/vllm`, `deb/openssl`). Ranges of commits say nothing of released versions; where a
record has nothing else of a package, it is a doubt.
"""

import re
from collections.abc import Iterator

import msgspec

from strongroom.kit import cvss, purl, strict_json, version_schemes
from strongroom.model.advisory import Claim, Document
from strongroom.model.errors import Malformed

_MOST = 20_000  # rows of one record
_WHAT = "a record of OSV"
_RELEASE = re.compile(  # "Debian:12", "Ubuntu:Pro:22.04:LTS", "Alpine:v3.18", "Red Hat:enterprise_linux:9::baseos"
    r"(?:Debian|Ubuntu(?::Pro(?::FIPS[a-z-]*)?)?|Alpine|Rocky Linux|AlmaLinux|Red Hat:[a-z_]+):v?(\d+(?:\.\d+)?)"
)


class _Package(msgspec.Struct):
    ecosystem: str = ""
    name: str = ""


class _Range(msgspec.Struct):
    type: str
    events: list[dict[str, str]] = []


class _Severity(msgspec.Struct):
    type: str | int = ""
    score: str = ""


class _Affected(msgspec.Struct):
    package: _Package = msgspec.field(default_factory=_Package)
    ranges: list[_Range] = []
    versions: list[str] = []
    severity: list[_Severity] = []


class _Record(msgspec.Struct):
    id: str
    modified: str
    published: str = ""
    withdrawn: str = ""
    aliases: list[str] = []
    upstream: list[str] = []
    summary: str = ""
    severity: list[_Severity] = []
    affected: list[_Affected] = []
    database_specific: dict[str, object] | None = None


def is_osv(head: bytes) -> bool:
    """Whether octets look like one record."""
    return b'"modified"' in head and b'"affected"' in head and b'"cveMetadata"' not in head


def read(data: bytes, file: str, digest: str) -> Document:
    """A record in the normal form; one that was withdrawn says nothing. Raises Malformed."""
    strict_json.check(data, file, "fetch the record again")
    try:
        held = msgspec.json.decode(data, type=_Record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise Malformed(file, str(e)[:160].lower(), _WHAT) from None
    names = [n for n in (held.id, *held.aliases, *held.upstream) if n.startswith("CVE-")]
    cve = names[0] if names else held.id
    word = str((held.database_specific or {}).get("severity") or "").lower()
    claims: list[Claim] = []
    for one in [] if held.withdrawn else held.affected:
        score = _score([*one.severity, *held.severity], word)
        claims += (msgspec.structs.replace(c, score=score) for c in _claims(cve, one))
        if len(claims) > _MOST:
            raise Malformed(file, f"more than {_MOST} rows", "fewer")
    return Document(
        held.id, held.summary[:200], held.modified[:10], digest, tuple(dict.fromkeys(claims)),
        publisher=f"OSV {_family(held)}", score=max((c.score for c in claims), default=0.0), since=held.published[:10],
    )  # fmt: skip


def _family(held: _Record) -> str:
    """The ecosystem that a record is of; they come as one archive each, so each has an age of its own."""
    names = {a.package.ecosystem.partition(":")[0] for a in held.affected if a.package.ecosystem}
    return min(names) if len(names) == 1 else held.id.partition("-")[0]


def _score(found: list[_Severity], word: str) -> float:
    """The highest base score, of a vector or of a word; 0 where there is neither."""
    return max((cvss.base(s.score) for s in found), default=0.0) or cvss.WORDS.get(word, 0.0)


def _claims(cve: str, one: _Affected) -> Iterator[Claim]:
    product = purl.of_ecosystem(one.package.ecosystem, one.package.name)
    if not product:
        return
    release = _RELEASE.match(one.package.ecosystem)
    system = release[1] if release else ""
    made = [c for r in one.ranges if r.type != "GIT" for c in _spans(cve, product, r)]
    if not version_schemes.compared(product):
        yield Claim(cve, product, os=system, trouble=f"versions of {one.package.ecosystem} are not compared here")
        return
    within = [(version_schemes.key(c.low, product), version_schemes.key(c.high, product), c.high_in) for c in made]
    for text in one.versions:
        key = version_schemes.key(text, product)
        if key is not None and not any(
            (lo is None or lo <= key) and (hi is None or key < hi or (inside and key == hi))
            for lo, hi, inside in within
        ):
            made.append(Claim(cve, product, low=text, high=text, high_in=True, text=f"version {text}"))
    if not made and (one.ranges or not one.versions):
        made = [Claim(cve, product, trouble="only commits are named, and no versions")]
    yield from (msgspec.structs.replace(c, os=system) for c in made)


def _spans(cve: str, product: str, found: _Range) -> Iterator[Claim]:
    """Events in the order of versions: from one that introduces to the one that fixes, or the last that is affected."""
    events = [(kind, text) for e in found.events for kind, text in e.items() if kind != "limit"]
    keyed = [
        ((), kind, text) if text == "0" else (version_schemes.key(text, product), kind, text) for kind, text in events
    ]
    if any(key is None for key, _, _ in keyed):
        odd = next(text for key, _, text in keyed if key is None)
        yield Claim(cve, product, trouble=f"a version that is none: {odd[:60]!r}")
        return
    order = {"fixed": 0, "introduced": 1, "last_affected": 2}
    low: str | None = None
    for _, kind, text in sorted(keyed, key=lambda e: (e[0] or (), order.get(e[1], 3))):
        if kind == "introduced":
            low = text if low is None else low
        elif low is not None and kind in {"fixed", "last_affected"}:
            yield _span(cve, product, low, text, last=kind == "last_affected")
            low = None
    if low is not None:
        yield _span(cve, product, low, "", last=False)


def _span(cve: str, product: str, low: str, high: str, *, last: bool) -> Claim:
    low = "" if low == "0" else low
    words = f"from {low}" if low else "all"
    words += f" to {high}" if high and last else f" before {high}" if high else ""
    return Claim(cve, product, low=low, high=high, high_in=last, fixed=() if last or not high else (high,), text=words)
