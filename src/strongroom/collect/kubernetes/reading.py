"""Files that hold Kubernetes objects, found and read: every object with its place, every failure as a gap."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from strongroom.collect import yaml_text
from strongroom.collect.kubernetes import json_text
from strongroom.collect.kubernetes.beside import Beside, beside
from strongroom.collect.kubernetes.trees import Tree, at, text_at, texts_at, tree, trees_at
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput, Malformed, TooLarge, Unreadable
from strongroom.model.estate import Gap, Skip
from strongroom.model.ports import Request
from strongroom.model.values import Where

ENDINGS = (".yaml", ".yml", ".json")
HINT = "kubectl get -A -o json ... > cluster.json, or helm template ... > rendered.yaml"


@dataclass(frozen=True, slots=True)
class Found:
    """One object and where it stands. `dumped`: it comes out of a list that kubectl wrote."""

    value: Tree
    where: Where
    dumped: bool = False
    skips: tuple[Skip, ...] = ()  # what comments beside it ask for


@dataclass(slots=True)
class Reader:
    """The files of one source, and what was met on the way."""

    request: Request
    gaps: list[Gap] = field(default_factory=list)
    files: int = 0
    size: int = 0
    digests: list[tuple[str, bytes]] = field(default_factory=list)
    charts: dict[Path, int] = field(default_factory=dict)
    patches: set[Path] = field(default_factory=set)
    lost: dict[str, Gap] = field(default_factory=dict)  # a file says nothing of whole kinds

    @property
    def title(self) -> str:
        """What it is called in a report."""
        return f"Kubernetes objects in {self.request.target}"

    def miss(self, scope: str, code: GapCode, detail: str, line: int = 0, end: int = 0) -> None:
        """Note what could not be looked at."""
        self.gaps.append(Gap(scope, self.request.spec, code, detail, Where(scope, line, end or line)))

    def digest(self) -> str:
        """The digest over names and contents of what was read."""
        whole = hashlib.sha256()
        for name, one in sorted(self.digests):
            whole.update(name.encode("utf-8", "surrogateescape") + b"\0" + one)
        return whole.hexdigest()

    def objects(self) -> Iterator[Found]:
        """Every object of the source. Raises BadInput when a single file cannot be used at all."""
        path = Path(self.request.target)
        if path.is_dir():
            yield from self._folder(path)
            return
        found = False
        for one in self._file(self._bytes(path, self.request.target), self.request.target, alone=True):
            found = True
            yield one
        if not found and not self.gaps:
            wanted = "objects with apiVersion and kind"
            raise Malformed(self.request.target, "no Kubernetes object", wanted, HINT)

    def _folder(self, root: Path) -> Iterator[Found]:
        found = False
        for path in self._walk(root):
            shown = str(PurePosixPath(self.request.target) / path.relative_to(root).as_posix())
            if self.files >= self.request.limits.files:
                self.miss(self.request.target, GapCode.TOO_LARGE, f"over {self.files} files; the rest was not read")
                break
            if self.request.progress is not None:
                self.request.progress("manifests", self.files, 0)
            try:
                data = self._bytes(path, shown)
                if self._is_template(path, root, data):
                    continue
                for one in self._file(data, shown):
                    found = True
                    yield one
            except BadInput as e:
                self._failed(e, shown)
        for chart, templates in sorted(self.charts.items()):
            name = str(PurePosixPath(self.request.target) / chart.relative_to(root).as_posix())
            detail = (
                f"a chart with {templates} templates that are not rendered; give the output of helm template {name}"
            )
            self.miss(name, GapCode.UNSUPPORTED, detail)
        if not found and not self.gaps:
            wanted = "manifests, a dump of kubectl get, or the output of helm template"
            raise Unreadable(self.request.target, "no Kubernetes object", wanted, HINT)

    def _failed(self, e: BadInput, shown: str) -> None:
        line = e.subject.rpartition(":")[2]
        number = int(line) if e.subject.startswith(f"{shown}:") and line.isdigit() else 0
        code = GapCode.DENIED if isinstance(e, Unreadable) else GapCode.MALFORMED
        if "twice" in e.found:
            code = GapCode.DUPLICATE_KEY
        elif "UTF-8" in e.wanted:
            code = GapCode.NOT_UTF8
        self.miss(shown, GapCode.TOO_LARGE if isinstance(e, TooLarge) else code, str(e), number)

    def _walk(self, root: Path) -> Iterator[Path]:
        def refused(e: OSError) -> None:
            self.miss(str(e.filename), GapCode.DENIED, (e.strerror or "an error").lower())

        later = []
        for folder, folders, names in os.walk(root, onerror=refused):
            folders[:] = sorted(f for f in folders if not f.startswith("."))
            for name in sorted(names):
                path = Path(folder) / name
                if name.startswith(".") or path.suffix.lower() not in ENDINGS:
                    continue
                if path.is_symlink():
                    self.miss(str(path), GapCode.LINK, "a link, which is not followed")
                elif name in ("kustomization.yaml", "kustomization.yml"):
                    self._kustomization(path, root)
                else:
                    later.append(path)
        # A patch is a part of an object that stands elsewhere: judged alone it would be blamed for what it leaves out.
        yield from (p for p in later if p.resolve() not in self.patches)

    def _kustomization(self, path: Path, root: Path) -> None:
        shown = str(PurePosixPath(self.request.target) / path.relative_to(root).as_posix())
        try:
            text = self._bytes(path, shown).decode("utf-8", "replace")
            documents = [d.value for c in yaml_text.chunks(text) for d in yaml_text.parse(c)]
        except yaml_text.YamlError as e:
            self.miss(shown, e.code, e.detail, e.line)
            return
        except BadInput as e:
            self._failed(e, shown)
            return
        named = [n for d in documents for n in texts_at(d, "patchesStrategicMerge")]
        for d in documents:
            named += [str(at(p, "path")) for p in trees_at(d, "patches") + trees_at(d, "patchesJson6902")]
        files = {(path.parent / n).resolve() for n in named if "\n" not in n and len(n) < 512}
        if named:
            detail = f"{len(named)} patches are not applied; give the output of kustomize build"
            self.miss(shown, GapCode.UNSUPPORTED, detail)
        self.patches |= files

    def _is_template(self, path: Path, root: Path, data: bytes) -> bool:
        """Whether it is a template of a chart, which is no manifest until helm renders it."""
        if b"{{" not in data:
            return path.name in ("Chart.yaml", "values.yaml")
        for folder in path.relative_to(root).parents:
            if (root / folder / "Chart.yaml").is_file():
                self.charts[root / folder] = self.charts.get(root / folder, 0) + 1
                return True
        return False

    def _bytes(self, path: Path, shown: str) -> bytes:
        left = self.request.limits.bytes - self.size
        try:
            if not path.exists():
                raise Unreadable(shown, "no such file", "manifests or a dump of kubectl get", HINT)
            if not path.is_file():
                raise Unreadable(shown, "no regular file", "manifests or a dump of kubectl get", HINT)
            if path.stat().st_size > left:
                found, wanted = f"{path.stat().st_size >> 20} MiB", f"at most {max(left, 0) >> 20} MiB more"
                raise TooLarge(shown, found, wanted, "set [limits] bytes in strongroom.toml to read it anyway")
            data = path.read_bytes()
        except OSError as e:
            raise Unreadable(shown, (e.strerror or "an error").lower(), "a file that can be read", HINT) from None
        self.files += 1
        self.size += len(data)
        self.digests.append((shown, hashlib.sha256(data).digest()))
        return data

    def _file(self, data: bytes, shown: str, *, alone: bool = False) -> Iterator[Found]:
        data = data.removeprefix(b"\xef\xbb\xbf")
        if data.lstrip()[:1] in (b"{", b"["):
            if not alone and not _may_be_manifest(data):
                return
            try:
                for item in json_text.read(data, shown):
                    yield from self._json(item, shown)
            except Malformed:
                # YAML in flow style looks like JSON from its first byte; only what is neither is broken.
                if shown.endswith(".json") or data.lstrip()[:2] == b"{{":
                    raise
                text = self._text(data, shown)
                yield from self._yaml(text, shown)
            return
        if alone or _may_be_manifest(data):
            text = self._text(data, shown)
            del data  # a list of a hundred thousand objects need not be held twice
            yield from self._yaml(text, shown)

    def _json(self, item: json_text.Item, shown: str) -> Iterator[Found]:
        if item.code is not None:
            self.miss(shown, item.code, item.detail, item.line_start, item.line_end)
            return
        where = Where(shown, item.line_start, item.line_end)
        yield from self._spread(_typed(item.value, *item.of), where, (), dumped=item.listed)

    def _text(self, data: bytes, shown: str) -> str:
        """The text of a file; nothing, and a gap, where it is none."""
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as e:
            line = data.count(b"\n", 0, e.start) + 1
            self.miss(shown, GapCode.NOT_UTF8, f"byte 0x{data[e.start]:02x} is no UTF-8 text", line)
            return ""

    def _yaml(self, text: str, shown: str) -> Iterator[Found]:
        for chunk in yaml_text.chunks(text):
            if not _may_be_manifest(chunk.text):
                continue
            said = self._skips(chunk, shown)
            whole = True
            try:
                for d in yaml_text.stream(chunk):
                    whole = whole and not d.listed
                    where = Where(shown, d.line_start, d.line_end, chunk.template)
                    yield from self._spread(_typed(d.value, *d.of), where, d.items, said, dumped=d.listed)
            except yaml_text.YamlError as e:
                hint = "; a template must be rendered first (helm template)" if "{{" in chunk.text else ""
                read = "was not read" if whole else "was not read to its end"
                self.miss(shown, e.code, f"the document from line {chunk.line} on {read}: {e.detail}{hint}", e.line)

    def _skips(self, chunk: yaml_text.Chunk, shown: str) -> Beside | None:
        """The comments of a document that ask for a check to be skipped; None when there is none."""
        try:
            return beside(chunk)
        except yaml_text.YamlError as e:
            if e.code is GapCode.TOO_LARGE:
                self.miss(shown, e.code, f"the document from line {chunk.line} on: {e.detail}", e.line)
        return None  # of a broken document, reading it says what is wrong

    def _spread(
        self,
        value: object,
        where: Where,
        lines: tuple[tuple[int, int], ...],
        said: Beside | None = None,
        *,
        dumped: bool,
    ) -> Iterator[Found]:
        """The objects in a document: itself, or the items of a list of any depth that a manifest has."""
        waiting = [(value, where, lines, dumped)]
        while waiting:
            value, where, lines, dumped = waiting.pop()
            if isinstance(value, list):  # a bare array of objects, as `jq .items` leaves it
                waiting += [(v, where, (), dumped) for v in reversed(value)]
                continue
            kind, version = at(value, "kind"), at(value, "apiVersion")
            items = at(value, "items")
            if isinstance(kind, str) and kind.endswith("List") and isinstance(items, list):
                places = lines if len(lines) == len(items) else ((where.line_start, where.line_end),) * len(items)
                inner = [
                    (_typed(v, kind, text_at(value, "apiVersion")), Where(where.file, a, b, where.path), (), True)
                    for v, (a, b) in zip(items, places, strict=True)
                ]
                waiting += reversed(inner)
            elif isinstance(kind, str) and isinstance(version, str) and kind and version:
                skips = said.of(where) if said is not None else ()
                yield Found(tree(value), where, dumped, skips)
            elif isinstance(value, dict) and (("kind" in value) != ("apiVersion" in value)) and "metadata" in value:
                lacks = "apiVersion" if "kind" in value else "kind"
                self.miss(where.file, GapCode.MALFORMED, f"an object without {lacks}", where.line_start, where.line_end)


def _typed(value: object, kind: str, version: str) -> object:
    """An element of a list with its kind: the API server writes that of a `PodList` once, above all of them."""
    named = kind.removesuffix("List")
    if named and isinstance(value, dict) and not {"kind", "apiVersion"} & value.keys() and "metadata" in value:
        return {"kind": named, "apiVersion": version or "v1", **value}
    return value


def _may_be_manifest(said: bytes | str) -> bool:
    """False for text that cannot hold an object: both words are missing, and no escape could spell them."""

    def has(word: str) -> bool:
        return word in said if isinstance(said, str) else word.encode() in said

    if has("apiVersion") or has("kind"):
        return (has("apiVersion") and has("kind")) or has("metadata") or has("\\u00") or has("\\x")
    return has("\\u00") or has("\\x")
