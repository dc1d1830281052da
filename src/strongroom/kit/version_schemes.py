"""Versions by the rules of who packed them: a Debian revision, a Python pre-release and a driver's number sort differently.

A product whose name begins with an ecosystem (`pypi/vllm`, `deb/openssl`, `go/github.com/x/y`) is compared by that one's
rules, and every other as numbers. A version that its ecosystem does not allow has no key: it is never guessed at.
"""

import re
from collections.abc import Callable, Iterator
from itertools import chain

from packaging.version import InvalidVersion, Version

from strongroom.kit import versions
from strongroom.kit.versions import Key

_LONGEST = 200
_DEB = re.compile(r"(?:(\d{1,9}):)?(\d[A-Za-z0-9.+~:-]*?)(?:-([A-Za-z0-9.+~]+))?")
_RPM = re.compile(r"(?:(\d{1,9}):)?([A-Za-z0-9._+~^]+)(?:-([A-Za-z0-9._+~^]+))?")
_APK = re.compile(
    r"(\d+(?:\.\d+)*)([a-z]?)((?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)\d*)*)(?:~[0-9a-f]+)?(?:-r(\d+))?"
)
_SEMVER = re.compile(r"[vV]?(\d{1,18})(?:\.(\d{1,18}))?(?:\.(\d{1,18}))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
_DIGITS = re.compile(r"(\D*)(\d*)")
_SEGMENTS = re.compile(r"\d+|[A-Za-z]+|~|\^")
_APK_SUFFIX = {"alpha": -4, "beta": -3, "pre": -2, "rc": -1, "cvs": 1, "svn": 2, "git": 3, "hg": 4, "p": 5}
_PRE = {"a": 1, "b": 2, "rc": 3}
_RELEASED = 1 << 60  # what is no development release is after all of them


def key(text: str, product: str) -> Key | None:
    """What a version of a product sorts by; None for what is no version of it."""
    scheme = _SCHEMES.get(product.partition("/")[0] if "/" in product else "")
    text = text.strip()
    if scheme is None:
        return versions.key(text) if "/" not in product else None
    return scheme(text) if len(text) <= _LONGEST and text.isascii() else None


def compared(product: str) -> bool:
    """Whether versions of a product can be compared at all."""
    return "/" not in product or product.partition("/")[0] in _SCHEMES


def _pep440(text: str) -> Key | None:
    """Python: PEP 440. An epoch, numbers without the zeros at their end, then dev, pre, final, post and local."""
    try:
        v = Version(text)
    except InvalidVersion:
        return None
    release = list(v.release)
    while len(release) > 1 and release[-1] == 0:
        release.pop()
    if v.pre is not None:
        pre = (_PRE[v.pre[0]], v.pre[1])
    else:
        pre = (0, 0) if v.dev is not None and v.post is None else (9, 0)
    post = -1 if v.post is None else v.post
    dev = _RELEASED if v.dev is None else v.dev
    local = _local(v.local or "")
    # Each number is one up, so that the 0 which ends them is below all: 1.2 is before 1.2.1, and after 1.2rc1.
    return (v.epoch, *(n + 1 for n in release), 0, *pre, post, dev, *local)


def _local(text: str) -> Iterator[int]:
    """A local version's segments: none is lowest, letters are before numbers (PEP 440, "Local version identifiers")."""
    for part in filter(None, text.split(".")):
        if part.isdecimal():
            yield from (2, int(part))
        else:
            yield from (1, *map(ord, part), 0)
    yield 0


def _semver(text: str) -> Key | None:
    """npm, Go, crates, NuGet: Semantic Versioning 2.0.0 section 11; missing numbers are zeros."""
    found = _SEMVER.fullmatch(text)
    if found is None:
        return None
    numbers = tuple(int(n or 0) for n in found.group(1, 2, 3))
    if found[4] is None:
        return (*numbers, 1)
    parts = found[4].split(".")
    if not all(parts):
        return None
    return (*numbers, 0, *chain.from_iterable(_identifier(p) for p in parts), 0)


def _identifier(text: str) -> tuple[int, ...]:
    return (1, int(text)) if text.isdecimal() else (2, *map(ord, text), 0)


def _deb(text: str) -> Key | None:
    """Debian and Ubuntu: deb-version(7). `~` is before the end, letters before other signs, numbers as numbers."""
    found = _DEB.fullmatch(text)
    if found is None:
        return None
    return (int(found[1] or 0), *_deb_part(found[2]), 0, *_deb_part(found[3] or "0"), 0)


def _deb_part(text: str) -> Iterator[int]:
    for words, number in _DIGITS.findall(text):
        if words or number:
            yield from (-1 if c == "~" else ord(c) if c.isalpha() else ord(c) + 256 for c in words)
            yield 0
            yield int(number or 0)


def _rpm(text: str) -> Key | None:
    """Red Hat and its kin: rpmvercmp. Segments; a number is above letters, `~` below the end, `^` just above it."""
    found = _RPM.fullmatch(text)
    if found is None:
        return None
    return (int(found[1] or 0), *_rpm_part(found[2]), 1, *_rpm_part(found[3] or ""), 1)


def _rpm_part(text: str) -> Iterator[int]:
    for part in _SEGMENTS.findall(text):
        if part == "~":
            yield 0
        elif part == "^":
            yield 2
        elif part[0].isdigit():
            yield from (4, int(part))
        else:
            yield from (3, *map(ord, part), 0)


def _apk(text: str) -> Key | None:
    """Alpine: numbers, a letter, suffixes such as `_rc1` and `_p2`, and the package's revision."""
    found = _APK.fullmatch(text)
    if found is None:
        return None
    suffixes = [
        (_APK_SUFFIX[name], int(number or 0))
        for name, number in re.findall(r"_([a-z]+)(\d*)", found[3])
    ]  # fmt: skip
    numbers = [int(n) + 1 for n in found[1].split(".")]
    return (*numbers, 0, ord(found[2]) if found[2] else 0, *chain.from_iterable(suffixes), 0, int(found[4] or 0))


_SCHEMES: dict[str, Callable[[str], Key | None]] = {
    "pypi": _pep440, "npm": _semver, "go": _semver, "cargo": _semver, "nuget": _semver, "deb": _deb, "rpm": _rpm, "apk": _apk,
}  # fmt: skip
