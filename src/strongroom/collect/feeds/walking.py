"""What a provider of CSAF lists, and what of it is new (CSAF 2.0 sections 7.1.7 to 7.1.15: metadata, changes.csv, ROLIE).

Nothing is fetched here: each function takes octets and says what to ask for next. Places that are named in what was fetched
must be on the host that was asked, or the provider could send us anywhere.
"""

import csv
import re
from typing import NamedTuple, TypeVar
from urllib.parse import urljoin, urlsplit

import msgspec

from strongroom.kit import strict_json
from strongroom.model.errors import Malformed

T = TypeVar("T")
_MOST = 200_000  # documents that one provider lists
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()+,;=:@%/-]{1,400}")
_WHAT = "a list of CSAF documents"


class Listed(NamedTuple):
    """A document's place, and when it was last changed, in UTC; empty where the list does not say."""

    url: str
    changed: str = ""


class _Feed(msgspec.Struct):
    url: str = ""
    tlp_label: str = ""


class _Rolie(msgspec.Struct):
    feeds: list[_Feed] = []


class _Distribution(msgspec.Struct):
    directory_url: str = ""
    rolie: _Rolie | None = None


class _Provider(msgspec.Struct):
    canonical_url: str
    distributions: list[_Distribution] = []


class _Link(msgspec.Struct):
    rel: str
    href: str


class _Entry(msgspec.Struct):
    link: list[_Link] = []
    updated: str = ""


class _Entries(msgspec.Struct):
    entry: list[_Entry] = []


class _RolieFile(msgspec.Struct):
    feed: _Entries


def is_provider(data: bytes) -> bool:
    """Whether octets look like a provider's metadata."""
    return b'"canonical_url"' in data and b'"distributions"' in data


def lists(data: bytes, url: str) -> tuple[str, ...]:
    """The lists of a provider: `changes.csv` of its folders, and its ROLIE feeds of TLP:WHITE and CLEAR. Raises Malformed."""
    held = _decoded(data, url, _Provider)
    folders = [urljoin(_folder(d.directory_url), "changes.csv") for d in held.distributions if d.directory_url]
    feeds = [
        f.url for d in held.distributions if d.rolie for f in d.rolie.feeds
        if f.url and f.tlp_label.upper() in {"", "WHITE", "CLEAR", "UNLABELED"}
    ]  # fmt: skip
    found = tuple(dict.fromkeys(folders or feeds))
    for one in found:
        _same_host(one, url)
    if not found:
        raise Malformed(url, "no distribution", "a directory_url or a ROLIE feed")
    return found


def listed(data: bytes, url: str) -> tuple[Listed, ...]:
    """What a list names, in its order. Raises Malformed."""
    found = _rolie(data, url) if data.lstrip()[:1] == b"{" else _changes(data, url)
    if len(found) > _MOST:
        raise Malformed(url, f"{len(found)} documents", f"at most {_MOST}")
    for one in found:
        _same_host(one.url, url)
    return found


def _rolie(data: bytes, url: str) -> tuple[Listed, ...]:
    """ROLIE (RFC 8322): the link of an entry that is `self` is the document."""
    held = _decoded(data, url, _RolieFile)
    return tuple(
        Listed(urljoin(url, link.href), e.updated) for e in held.feed.entry for link in e.link if link.rel == "self"
    )


def _changes(data: bytes, url: str) -> tuple[Listed, ...]:
    """`changes.csv`: a relative path and a time on each line, the newest first (section 7.1.13)."""
    try:
        rows = list(csv.reader(data.decode("utf-8").splitlines(), strict=True))
    except (UnicodeDecodeError, csv.Error) as e:
        raise Malformed(url, str(e)[:120], _WHAT) from None
    found = []
    for number, row in enumerate(rows, start=1):
        if not row:
            continue
        path = row[0].strip()
        if len(row) > 2 or not _PATH.fullmatch(path) or path.startswith("/") or ".." in path.split("/"):
            raise Malformed(f"{url}:{number}", f"{','.join(row)[:80]!r}", "a relative path and a time")
        found.append(Listed(urljoin(url, path), row[1].strip() if len(row) == 2 else ""))
    return tuple(found)


def _folder(url: str) -> str:
    return url if url.endswith("/") else f"{url}/"


def _same_host(found: str, asked: str) -> None:
    there, here = urlsplit(found), urlsplit(asked)
    if (there.scheme, there.netloc) != (here.scheme, here.netloc):
        raise Malformed(asked, f"a place elsewhere: {found[:120]}", f"one on {here.netloc}")


def _decoded(data: bytes, url: str, kind: type[T]) -> T:
    strict_json.check(data, url)
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise Malformed(url, str(e)[:160].lower(), _WHAT) from None
