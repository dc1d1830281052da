"""Files that hold templates, found and read: every resource with its place, every failure as a gap."""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from strongroom.collect.cloudformation.assets import of_stack
from strongroom.collect.cloudformation.stack import Nested, Stack
from strongroom.collect.cloudformation.template import MAX_BYTES, Span, Template, TemplateError, read
from strongroom.collect.kubernetes.beside import Beside, beside
from strongroom.collect.native import Native
from strongroom.collect.resource import Resource
from strongroom.collect.yaml_text import Chunk, YamlError
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed, TooLarge, Unreadable
from strongroom.model.estate import Gap
from strongroom.model.ports import Request
from strongroom.model.values import Unknown, Where

ENDINGS = (".yaml", ".yml", ".json", ".template", ".cfn", ".cform", ".cloudformation")
HINT = "aws cloudformation get-template --stack-name NAME --query TemplateBody > template.json"
SKIPPED = frozenset({"node_modules", "__pycache__", "venv"})
_TYPE = re.compile(rb"""["']?Type["']?\s*:\s*["']?(?:AWS|Alexa|Custom)::""")
_RESOURCES = re.compile(rb"""(?m)^["']?Resources["']?[ \t]*:|"Resources"\s*:\s*\{""")
_VERSION = re.compile(rb"""(?m)^\s*[{,]?\s*["']?AWSTemplateFormatVersion["']?\s*:""")

Found = tuple[Resource, Native | None, str]


def looks_like(head: bytes) -> int:
    """How surely the beginning of a file is that of a template: 0 to 100."""
    if _VERSION.search(head):
        return 92
    return 88 if _RESOURCES.search(head) and _TYPE.search(head) else 0


@dataclass(slots=True)
class Reader:
    """The templates of one source, and what was met on the way."""

    request: Request
    gaps: list[Gap] = field(default_factory=list)
    files: int = 0
    size: int = 0
    digests: dict[str, bytes] = field(default_factory=dict)
    read_before: dict[Path, tuple[Template, Beside | None]] = field(default_factory=dict)
    inner: set[Path] = field(default_factory=set)  # templates that another one nests: they are no stacks of their own
    beside: dict[str, Beside | None] = field(default_factory=dict)  # what comments ask for, by file as it is shown

    def miss(self, scope: str, code: GapCode, detail: str, file: str, span: Span = (0, 0)) -> None:
        """Note what could not be looked at."""
        self.gaps.append(Gap(scope, self.request.spec, code, detail, Where(file, *span)))

    def digest(self) -> str:
        """The digest over names and contents of what was read."""
        whole = hashlib.sha256()
        for name, one in sorted(self.digests.items()):
            whole.update(name.encode("utf-8", "surrogateescape") + b"\0" + one)
        return whole.hexdigest()

    def resources(self) -> list[Found]:
        """Every resource of every template. Raises BadInput when there is nothing that can be used."""
        path = Path(self.request.target)
        if path.is_dir():
            return self._folder(path)
        try:
            template = self._template(path, path.parent)
        except TemplateError as e:
            raise _refused(e, self.request.target) from None
        if not isinstance(template.body.get("Resources"), dict):
            raise Malformed(self.request.target, "no Resources", "a CloudFormation template", HINT)
        return list(self._stack(path, path.parent, template, self.request.label))

    def _folder(self, root: Path) -> list[Found]:
        templates: dict[Path, Template] = {}
        for path in self._walk(root):
            if len(templates) >= self.request.limits.files:
                self.miss(self.request.target, GapCode.TOO_LARGE, f"over {len(templates)} templates", "")
                break
            if self.request.progress is not None:
                self.request.progress("templates", len(templates), 0)
            shown = self._shown(path, root)
            try:
                template = self._template(path, root)
            except TemplateError as e:
                self.miss(shown, e.code, f"{e.detail}; nothing of it was judged", shown, (e.line, e.line))
            except (Unreadable, TooLarge) as e:
                code = GapCode.DENIED if isinstance(e, Unreadable) else GapCode.TOO_LARGE
                self.miss(shown, code, f"{e}; nothing of it was judged", shown)
            else:
                if isinstance(template.body.get("Resources"), dict):
                    templates[path] = template
                elif "AWSTemplateFormatVersion" in template.body:
                    self.miss(shown, GapCode.MALFORMED, "a template without Resources", shown)
        if not templates and not self.gaps:
            wanted = "a CloudFormation template in YAML or JSON"
            raise Unreadable(self.request.target, "no template", wanted, HINT)
        return self._stacks(templates, root)

    def _stacks(self, templates: dict[Path, Template], root: Path) -> list[Found]:
        """The resources of every template that is no part of another, each file's with a label of its own."""
        found: dict[Path, list[Found]] = {}
        gaps: dict[Path, list[Gap]] = {}
        first = self.gaps
        for path, template in templates.items():
            self.gaps = []
            own = "" if len(templates) == 1 else path.relative_to(root).as_posix()
            label = "/".join(p for p in (self.request.label, own) if p)
            found[path] = list(self._stack(path, root, template, label))
            gaps[path] = self.gaps
        self.gaps = first
        roots = [p for p in templates if p.resolve() not in self.inner] or list(templates)
        for path in roots:
            self.gaps += gaps[path]
        return [one for path in roots for one in found[path]]

    def _stack(self, path: Path, root: Path, template: Template, label: str) -> Iterator[Found]:
        shown = self._shown(path, root)

        def miss(scope: str, code: GapCode, detail: str, span: Span) -> None:
            self.miss(scope, code, detail, scope.partition(": ")[0], span)

        def find(place: object, file: str, address: str, span: Span) -> Nested | None:
            return self._nested(place, file, address, span, root)

        for one in Stack(template, shown, miss, find).resources():
            said = self.beside.get(one.file)
            skips = said.of(Where(one.file, *one.span)) if said is not None and one.span[0] else ()
            for resource, native in of_stack(one, label, skips):
                yield resource, native, one.type

    def _nested(self, place: object, file: str, address: str, span: Span, root: Path) -> Nested | None:
        """The template of a nested stack, when it lies in the tree that is read; else a gap says where it is."""
        scope = f"{file}: {address}"
        if not isinstance(place, str):
            why = place.detail if isinstance(place, Unknown) else "it is no text"
            self.miss(scope, GapCode.NOT_FETCHED, f"where its template is, is not known: {why}", file, span)
            return None
        if re.match(r"(?:https?|s3)://", place) or "${" in place:
            self.miss(scope, GapCode.NOT_FETCHED, f"its template is not in the files: {place[:120]}", file, span)
            return None
        here = Path(self.request.target)
        base = here.parent if here.is_file() else here
        path = (base / PurePosixPath(file).relative_to(PurePosixPath(base))).parent / place
        code, why = _refuses(path, root)
        if code is not None:
            self.miss(scope, code, f"its template {place[:120]} {why}", file, span)
            return None
        try:
            template = self._template(path, root)
        except (TemplateError, Unreadable, TooLarge) as e:
            code = e.code if isinstance(e, TemplateError) else GapCode.DENIED
            self.miss(scope, code, f"its template {place[:120]} was not read: {e}", file, span)
            return None
        self.inner.add(path.resolve())
        return Nested(template, self._shown(Path(os.path.normpath(path)), root))

    def _shown(self, path: Path, root: Path) -> str:
        """A path as the user would write it."""
        here = Path(self.request.target)
        base = PurePosixPath(here.parent if here.is_file() else here)
        return str(base / Path(os.path.relpath(path, root)).as_posix())

    def _walk(self, root: Path) -> Iterator[Path]:
        def refused(e: OSError) -> None:
            self.miss(str(e.filename), GapCode.DENIED, (e.strerror or "an error").lower(), str(e.filename))

        for folder, folders, names in os.walk(root, onerror=refused):
            folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in SKIPPED)
            for name in sorted(names):
                path = Path(folder) / name
                if name.startswith(".") or path.suffix.lower() not in ENDINGS:
                    continue
                if path.is_symlink():
                    if looks_like(_head(path)):
                        self.miss(str(path), GapCode.LINK, "a link, which is not followed", str(path))
                elif looks_like(_head(path)):
                    yield path

    def _template(self, path: Path, root: Path) -> Template:
        """The template in a file, read once. Raises TemplateError, Unreadable or TooLarge."""
        whole = path.resolve()
        if whole not in self.read_before:
            shown = self._shown(Path(os.path.normpath(path)), root)
            data = self._bytes(path, shown)
            template = read(data, json_only=path.suffix.lower() == ".json")
            self.files += 1
            self.size += len(data)
            self.digests[shown] = hashlib.sha256(data).digest()
            said = _skips(data)
            self.beside[shown] = said
            self.read_before[whole] = (template, said)
        return self.read_before[whole][0]

    def _bytes(self, path: Path, shown: str) -> bytes:
        left = min(self.request.limits.bytes - self.size, MAX_BYTES)
        try:
            if not path.is_file():
                found = "no regular file" if path.exists() else "no such file"
                raise Unreadable(shown, found, "a CloudFormation template", HINT)
            with path.open("rb") as f:
                data = f.read(max(left, 0) + 1)
        except OSError as e:
            raise Unreadable(shown, (e.strerror or "an error").lower(), "a file that can be read", HINT) from None
        if len(data) > left:
            hint = "a template of CloudFormation has at most 1 MB; split it into nested stacks"
            raise TooLarge(shown, f"over {max(left, 0) >> 20} MiB", "a smaller template", hint)
        return data


def _refuses(path: Path, root: Path) -> tuple[GapCode | None, str]:
    """Why the file of a nested template is not followed; None when it is."""
    whole = Path(os.path.normpath(path.absolute()))
    top = Path(os.path.normpath(root.absolute()))
    if not whole.is_relative_to(top):
        return GapCode.OUTSIDE, "lies outside of what is read"
    here = top
    for piece in whole.relative_to(top).parts:
        here /= piece
        if here.is_symlink():
            return GapCode.LINK, "is reached by a link, which is not followed"
    return (None, "") if whole.is_file() else (GapCode.ABSENT, "is not there")


def _skips(data: bytes) -> Beside | None:
    """The comments of a template in YAML that ask for a check to be skipped; a text that is none has none."""
    if b"strongroom:skip=" not in data or data.lstrip()[:1] == b"{":
        return None
    try:
        return beside(Chunk(data.removeprefix(b"\xef\xbb\xbf").decode("utf-8"), 1))
    except (YamlError, UnicodeDecodeError):
        return None


def _head(path: Path) -> bytes:
    """All of a file that may be a template: its Resources may begin behind long mappings."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as f:
            return f.read(MAX_BYTES)
    except OSError:
        return b""


def _refused(e: TemplateError, target: str) -> Malformed | TooLarge:
    subject = f"{target}:{e.line}" if e.line else target
    if e.code is GapCode.TOO_LARGE:
        return TooLarge(subject, e.detail, "an ordinary template", HINT)
    return Malformed(subject, e.detail, "a CloudFormation template in YAML or JSON", HINT)
