"""What lies beside an artifact and speaks of it: signatures, statements of provenance, bills of materials."""

from dataclasses import dataclass, field

from strongroom.collect.artifacts.grouping import Group, Reader
from strongroom.collect.artifacts.walking import File, Tree
from strongroom.kit.formats import sealed
from strongroom.kit.formats.sealed import Beside
from strongroom.model.errors import Malformed, TooLarge

_DOCUMENTS = (
    ".sig", ".sigstore", ".sigstore.json", ".bundle", ".bundle.json", ".intoto.json", ".intoto.jsonl", ".att",
    ".provenance.json", ".cdx.json", ".spdx.json", "bom.json", "sbom.json",
)  # fmt: skip
_DETACHED = (".sig", ".asc", ".minisig", ".sign")
_IGNORED = (".git", ".gitignore", ".gitattributes", ".github")  # OMS 1.0: never part of what is signed


@dataclass(slots=True)
class Said:
    """What was found beside an artifact."""

    signatures: list[str] = field(default_factory=list)
    uncovered: list[str] = field(default_factory=list)
    provenance: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class Desk:
    """The documents of a tree, each read once."""

    def __init__(self, tree: Tree, read: Reader) -> None:
        self._read = read
        self._faults: dict[str, str] = {}
        self._by_folder: dict[str, list[File]] = {}
        for file in tree.files.values():
            if file.name.endswith(_DOCUMENTS) or file.name.endswith(_DETACHED):
                self._by_folder.setdefault(file.folder, []).append(file)
        self._known: dict[str, Beside] = {}

    def of(self, group: Group) -> Said:
        """What lies beside the files of an artifact, or in its folder."""
        said = Said()
        named: set[str] = set()
        all_of_it = False
        folder = "" if group.folder == "." else group.folder
        own = {f.path for f in group.files.values()}
        for file in self._by_folder.get(folder, ()):
            if file.name.endswith(_DETACHED) and file.path.rpartition(".")[0] in own:
                said.signatures.append(file.path)
                named.add(file.path.rpartition(".")[0].rpartition("/")[2])
            what = self._document(file)
            if file.path in self._faults:
                said.faults.append(self._faults[file.path])
            if what.what == "signature" and self._is_for(file, what, group):
                said.signatures += [] if file.path in said.signatures else [file.path]
                named.update(what.names)
                all_of_it = all_of_it or not what.names
            elif what.what in ("provenance", "bom"):
                said.provenance.append(file.path)
        if said.signatures and not all_of_it:
            short = {n.rpartition("/")[2] for n in named}
            said.uncovered = [n for n in group.files if n not in named and n not in short and n not in _IGNORED]
        return said

    def _is_for(self, file: File, what: Beside, group: Group) -> bool:
        """A statement that names files is of the artifact that has one of them; one that names none goes by its name."""
        if what.names:
            return any(n in what.names for n in group.files)
        return group.whole_folder or any(file.name.startswith(f"{n}.") for n in group.files)

    def _document(self, file: File) -> Beside:
        if file.path not in self._known:
            data = self._read(file) if file.size <= sealed.MOST else None
            found = Beside()
            if data is not None and data.lstrip()[:1] == b"{":
                try:
                    found = sealed.beside(data)
                except (Malformed, TooLarge) as e:
                    self._faults[file.path] = f"{file.name}: {e}"
            self._known[file.path] = found
        return self._known[file.path]
