"""One document as the fact readers see it: a value, a known absence, or the reason why it could not be had."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from strongroom.collect.host.document import Document, Section
from strongroom.model.codes import GapCode
from strongroom.model.estate import Fact
from strongroom.model.values import Unknown, Value, Where

Said = tuple[str, Value, str]
"""A fact's name, its value, and the section that says so."""

# Inside a container these show the container's own files, programs and namespaces, not the machine's.
OF_THE_ROOT = (
    "os-release", "sshd", "sshd-match", "uid0", "audit-", "processes", "mounts", "lsblk", "nvidia-modinfo",
    "nvidia-modprobe", "nvidia-toolkit", "nvidia-bug-reports", "cuda-dumps", "timedatectl", "kdump-config", "coredump-config", "slurm-",
    "kubelet-", "listeners",
)  # fmt: skip
_CODES = {"denied": GapCode.DENIED, "absent": GapCode.ABSENT, "failed": GapCode.CRASHED}


def why(section: Section) -> Unknown:
    """The reason why a section holds nothing."""
    code = GapCode.TIMEOUT if "timed out" in section.detail else _CODES[section.status]
    return Unknown(code, section.detail or f"{section.name}: {section.status}")


@dataclass(slots=True)
class Reading:
    """A document with the look-ups that facts are made of."""

    document: Document
    container: str = ""  # what kind of container the collector ran in; empty when in none
    small: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # path -> status, text, section

    def __post_init__(self) -> None:
        for section in self.document.sections.values():
            for line in section.lines:
                status, tab, rest = line.partition("\t")
                if tab and status in ("ok", *_CODES):
                    path, _, text = rest.partition("\t")
                    self.small[path] = (status, text, section.name)
        self.container = _container(self)

    def section(self, name: str) -> Section | Unknown | None:
        """A section that is ok; None when what it reads is not there; Unknown when it could not be read."""
        found = self.document.sections.get(name)
        if found is None:
            return Unknown(GapCode.UNSUPPORTED, f"the collector's output has no section {name}")
        if self.container and found.status != "denied" and name.startswith(OF_THE_ROOT):
            return Unknown(
                GapCode.OUTSIDE, f"{name}: the collector ran inside a container ({self.container}), not on the host"
            )
        if found.status == "ok":
            return found
        return None if found.status == "absent" else why(found)

    def lines(self, name: str) -> tuple[str, ...] | Unknown | None:
        """The lines of a section that is ok; see `section`."""
        found = self.section(name)
        return found.lines if isinstance(found, Section) else found

    def has(self, name: str) -> bool:
        """Whether the document has the section at all."""
        return name in self.document.sections

    def named(self, prefix: str) -> Iterator[tuple[str, Section]]:
        """The sections `PREFIX:NAME` that are ok, as (NAME, section)."""
        for name, section in self.document.sections.items():
            if name.startswith(prefix + ":") and section.status == "ok":
                yield name[len(prefix) + 1 :], section

    def value(self, path: str) -> str | Unknown | None:
        """The first line of a small file; None when there is no such file."""
        status, text, _ = self.small.get(path, ("", "", ""))
        if status == "ok":
            return text.strip()
        if status == "absent":
            return None
        if status:
            return Unknown(_CODES[status], text)
        return Unknown(GapCode.UNSUPPORTED, f"the collector's output does not show {path}")

    def under(self, folder: str) -> dict[str, str | Unknown | None]:
        """Every small file below a folder, by path."""
        return {p: self.value(p) for p in self.small if p.startswith(folder)}

    def number(self, path: str) -> int | Unknown | None:
        """A small file that holds a number."""
        text = self.value(path)
        if not isinstance(text, str):
            return text
        try:
            return int(text, 0)
        except ValueError:
            return Unknown(GapCode.MALFORMED, f"{path}: found {text[:40]!r}, wanted a number")

    def flag(self, path: str) -> bool | Unknown | None:
        """A small file that holds 1 or 0, Y or N."""
        text = self.value(path)
        if not isinstance(text, str):
            return text
        if text in ("1", "Y", "y"):
            return True
        if text in ("0", "N", "n"):
            return False
        return Unknown(GapCode.MALFORMED, f"{path}: found {text[:40]!r}, wanted 0 or 1")

    def present(self, path: str) -> bool | Unknown:
        """Whether a path is there."""
        found = self.value(path)
        return found if isinstance(found, Unknown) else found is not None

    def words(self, name: str) -> dict[str, str]:
        """The lines `KEY VALUE` of a section, small files left out; the first of a key counts."""
        section = self.document.sections.get(name)
        out: dict[str, str] = {}
        for line in section.lines if section is not None else ():
            key, _, rest = line.strip().partition(" ")
            if key and "\t" not in line:
                out.setdefault(key, rest.strip())
        return out

    def where(self, name: str) -> Where:
        """The place of a section; of the document when there is no such section."""
        section = self.document.sections.get(name)
        if section is None:
            return Where(self.document.file, self.document.line)
        return Where(self.document.file, section.line, section.line + len(section.lines), name)

    def facts(self, said: Iterable[Said], source: str) -> dict[str, Fact]:
        """Facts with the place of the section that they stand in."""
        return {name: Fact(name, value, self.where(section), source) for name, value, section in said}


def _container(r: Reading) -> str:
    words = r.words("virtualisation")
    asked = words.get("container", "not-asked")
    if asked not in ("none", "not-asked"):
        return asked
    for path in ("/.dockerenv", "/run/.containerenv", "/run/systemd/container"):
        if r.value(path) is not None and not isinstance(r.value(path), Unknown):
            return path
    if asked == "none":
        return ""
    # A slim image has no systemd-detect-virt; an overlay as the root is then the best sign that there is.
    mounts = r.document.sections.get("mounts")
    roots = [m.split() for m in mounts.lines if m.split()[1:2] == ["/"]] if mounts is not None else []
    return "an overlay root" if roots and roots[-1][2:] == ["overlay"] else ""
