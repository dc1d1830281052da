"""Names of packages: package URLs (package-url/purl-spec 1.0, ECMA-427) and OSV's ecosystems, as one name here.

`pkg:pypi/vLLM@0.6.0` and OSV's `PyPI`, `vllm` are both `pypi/vllm`. A distribution's package is named without the
distribution, whose release is kept apart: Debian 12 and 13 fix the same flaw in versions of their own.
"""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

_TYPES = {
    "pypi": "pypi",
    "npm": "npm",
    "golang": "go",
    "cargo": "cargo",
    "nuget": "nuget",
    "deb": "deb",
    "rpm": "rpm",
    "apk": "apk",
}
_ECOSYSTEMS = {
    "pypi": "pypi", "npm": "npm", "go": "go", "crates.io": "cargo", "nuget": "nuget", "debian": "deb", "ubuntu": "deb",
    "alpine": "apk", "wolfi": "apk", "chainguard": "apk", "red hat": "rpm", "rocky linux": "rpm", "almalinux": "rpm",
    "suse": "rpm", "opensuse": "rpm", "maven": "maven", "rubygems": "gem", "packagist": "composer",
}  # fmt: skip
_DATABASES = {
    "pypi": "OSV PyPI", "npm": "OSV npm", "go": "OSV Go", "cargo": "OSV crates.io", "nuget": "OSV NuGet",
    "debian": "OSV Debian", "ubuntu": "OSV Ubuntu", "alpine": "OSV Alpine", "wolfi": "OSV Wolfi",
    "chainguard": "OSV Chainguard", "redhat": "OSV Red Hat", "rocky": "OSV Rocky Linux", "almalinux": "OSV AlmaLinux",
}  # fmt: skip
_PYPI = re.compile(r"[-_.]+")
_LONGEST = 400


class Package(NamedTuple):
    """A package: its name here, its version, the release of its distribution, and the database that would know it."""

    product: str
    version: str
    release: str = ""
    database: str = ""


def of_ecosystem(ecosystem: str, name: str) -> str:
    """The name here of a package of OSV; empty where it is none that can be named."""
    kind = _ECOSYSTEMS.get(ecosystem.partition(":")[0].lower(), "")
    return f"{kind}/{_name(kind, name)}" if kind and name else ""


def has_version(text: str) -> bool:
    """Whether a text is a package URL with a version."""
    rest = text.partition("#")[0].partition("?")[0]
    return rest.startswith("pkg:") and "@" in rest.rpartition("/")[2] and not rest.endswith("@")


def parse(text: str) -> Package | None:
    """What a package URL names, with a version; None for another thing (a file, a type that no feed here knows)."""
    if not text.startswith("pkg:") or len(text) > _LONGEST:
        return None
    rest, _, _ = text[4:].partition("#")
    rest, _, query = rest.partition("?")
    rest, at, version = rest.rpartition("@")
    kind, _, path = rest.lstrip("/").partition("/")
    held = _TYPES.get(kind.lower())
    if not at or held is None or not path:
        return None
    space, _, last = path.rpartition("/")
    namespace, name = unquote(space), unquote(last)
    qualifiers = dict(parse_qsl(query))
    if held in {"deb", "rpm", "apk"}:
        source = qualifiers.get("upstream", "").partition("@")[0] or name  # advisories are of the source package
        version = unquote(version)
        if held == "rpm" and qualifiers.get("epoch", "").isdecimal():
            version = f"{qualifiers['epoch']}:{version}"
        known = _DATABASES.get(namespace.lower(), "")
        return Package(f"{held}/{_name(held, source)}", version, _release(qualifiers.get("distro", "")), known)
    whole = f"{namespace}/{name}" if namespace else name
    return Package(f"{held}/{_name(held, whole)}", unquote(version), "", _DATABASES[held])


def _release(distro: str) -> str:
    """The release that advisories are written for: `ubuntu-22.04` is 22.04, `alpine-3.18.4` 3.18, and `debian-12.5` 12."""
    system, _, number = distro.rpartition("-")
    parts = number.split(".") if number[:1].isdigit() else []
    return ".".join(parts[: {"ubuntu": 2, "alpine": 2}.get(system.lower(), 1)])


def _name(kind: str, name: str) -> str:
    """A name as its ecosystem compares it: PyPI folds case and signs (PEP 503), Go and npm keep both."""
    return _PYPI.sub("-", name).lower() if kind == "pypi" else name if kind in {"go", "npm"} else name.lower()
