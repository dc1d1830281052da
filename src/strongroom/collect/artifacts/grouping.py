"""Files that belong together: a folder of a model, shards, a cache, a SavedModel, an index of many files."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from strongroom.collect.artifacts import sealed_folder
from strongroom.collect.artifacts.seen import DATASETS, Seen
from strongroom.collect.artifacts.walking import File, Tree
from strongroom.kit.formats import folders
from strongroom.kit.formats.folders import Config
from strongroom.model.errors import Malformed, TooLarge
from strongroom.model.values import Value

_CONFIGS = (
    "config.json", "adapter_config.json", "tokenizer_config.json", "model_index.json", "preprocessor_config.json",
    "processor_config.json", "image_processor_config.json", "feature_extractor_config.json",
)  # fmt: skip
_TOKENIZERS = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json", "vocab.txt", "merges.txt",
               "special_tokens_map.json", "added_tokens.json", "chat_template.jinja", "spiece.model")  # fmt: skip
_STATES = ("optimizer.pt", "optimizer.bin", "scheduler.pt", "trainer_state.json", "rng_state.pth", "training_args.bin")

Reader = Callable[[File], bytes | None]
"""The content of a small file; None where it could not be read, which is then a gap."""


@dataclass(slots=True)
class Group:
    """One artifact: its files by the names that they have in it, and what is known of them."""

    address: str
    native: str
    files: dict[str, File] = field(default_factory=dict)
    seen: dict[str, Seen] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    model: str = ""
    sharded: bool = False
    more: dict[str, Value] = field(default_factory=dict)  # facts that only artifacts of its kind have

    @property
    def folder(self) -> str:
        """The folder that its files lie in; that of the first where they lie in several."""
        return self.address if self.whole_folder else self.address.rpartition("/")[0]

    whole_folder: bool = False


@dataclass(slots=True)
class _Work:
    tree: Tree
    seen: dict[str, Seen]
    read: Reader
    groups: list[Group] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    by_folder: dict[str, dict[str, File]] = field(default_factory=lambda: defaultdict(dict))

    def take(self, group: Group) -> None:
        self.groups.append(group)
        self.taken.update(f.path for f in group.files.values())


def group(tree: Tree, seen: dict[str, Seen], read: Reader) -> list[Group]:
    """The artifacts of a tree, in the order of their addresses."""
    work = _Work(tree, seen, read)
    for path, file in tree.files.items():
        work.by_folder[file.folder][PurePosixPath(path).name] = file
    for link, target in tree.links.items():
        folder, _, name = link.rpartition("/")
        work.by_folder[folder].setdefault(name, tree.files[target])
    _sealed_folders(work)
    _whole_trees(work)
    # Caches first: what a snapshot points to is no artifact of its own.
    for folder in sorted(work.by_folder, key=lambda f: ("/snapshots/" not in f"/{f}/", f)):
        _model_folder(work, folder, work.by_folder[folder])
    _split(work)
    _tables(work)
    _singles(work)
    return sorted(work.groups, key=lambda g: g.address)


def _below(work: _Work, folder: str) -> dict[str, File]:
    prefix = f"{folder}/" if folder else ""
    return {p[len(prefix) :]: f for p, f in work.tree.files.items() if p.startswith(prefix) and p not in work.taken}


def _sealed_folders(work: _Work) -> None:
    """Folders that were sealed as a whole, with everything below them: what is encrypted looks like anything at all."""
    for folder in sealed_folder.roots(work.tree.files):
        files = _below(work, folder)
        if len(files.keys() & {sealed_folder.ARTIFACT, sealed_folder.INDEX}) == 2 and sealed_folder.is_one(
            files, work.read
        ):
            g = Group(folder or ".", sealed_folder.NATIVE, files, whole_folder=True)
            g.seen = {sealed_folder.INDEX: sealed_folder.seen()}
            g.more = sealed_folder.facts(files, work.read)
            work.take(g)


def _whole_trees(work: _Work) -> None:
    """Folders that are one artifact with everything below them: SavedModel, Lance; and Chroma's database and indexes."""
    roots: dict[str, str] = {}
    for path, s in work.seen.items():
        folder, _, name = path.rpartition("/")
        if s.format == "saved-model" and name == "saved_model.pb":
            roots[folder] = "saved-model"
        elif s.format == "chroma":
            _chroma(work, path, folder)
    for folder in work.by_folder:
        if folder.endswith(".lance/_versions") or folder == "_versions":
            roots[folder.rpartition("/")[0]] = "lance"
    for folder, native in sorted(roots.items()):
        files = _below(work, folder)
        if files:
            g = Group(folder or ".", native, files, whole_folder=True)
            g.seen = {n: work.seen[f.path] for n, f in files.items() if f.path in work.seen}
            work.take(g)


def _chroma(work: _Work, path: str, folder: str) -> None:
    file = work.tree.files[path]
    g = Group(path, "chroma", {file.name: file}, {file.name: work.seen[path]})
    for inner, names in work.by_folder.items():
        if inner.rpartition("/")[0] == folder and inner != folder and {"header.bin", "data_level0.bin"} <= names.keys():
            g.files |= {f"{inner.rpartition('/')[2]}/{n}": f for n, f in names.items()}
    work.take(g)


def _model_folder(work: _Work, folder: str, names: dict[str, File]) -> None:
    """A folder with the configuration of a model, an adapter or a tokenizer, or with an index of shards."""
    here = {n: f for n, f in names.items() if f.path not in work.taken}
    indices = [n for n in here if n.endswith(".index.json")]
    stated = [n for n in _CONFIGS if n in here]
    distributed = ".metadata" in here and any(n.endswith(".distcp") for n in here)
    if not stated and not indices and not distributed:
        return
    g = Group(folder or ".", "model-folder", whole_folder=True)
    configs = {n: c for n in stated if (c := _config(work, g, here[n], n)) is not None}
    weights = {n for n, f in here.items() if f.path in work.seen and work.seen[f.path].format not in DATASETS}
    if distributed:
        weights |= {n for n in here if n.endswith(".distcp")}
    tokenizer = any(n in here for n in _TOKENIZERS) and not weights
    for name in indices:
        _shards(work, g, here, name)
    if not weights and not g.missing and not (tokenizer and configs) and not (configs and g.code):
        return
    parts = {*weights, *configs, *indices, *(n for n in here if n in (*_TOKENIZERS, *_STATES))}
    parts |= {n for n in here if n.endswith(".py")} if g.code else set()
    g.files = {n: here[n] for n in sorted(parts)}
    g.seen = {n: work.seen[f.path] for n, f in g.files.items() if f.path in work.seen}
    g.native = _native(here, configs, weights, tokenizer=tokenizer)
    first = next((configs[n] for n in _CONFIGS if n in configs), Config())
    g.model = " ".join(w for w in (first.kind, first.adapter, f"on {first.base}" if first.base else "") if w)
    _numbered(g, [n for n in weights if folders.split_name(n)])
    work.take(g)


def _config(work: _Work, g: Group, file: File, name: str) -> Config | None:
    data = work.read(file)
    if data is None or not folders.is_config(data):
        return None
    try:
        found = folders.config(data, name)
    except (Malformed, TooLarge) as e:
        g.faults.append(str(e))
        return Config()
    g.code += found.code
    return found


def _native(here: dict[str, File], configs: dict[str, Config], weights: set[str], *, tokenizer: bool) -> str:
    if any(c.adapter for c in configs.values()) or "adapter_config.json" in configs:
        return "adapter"
    if tokenizer:
        return "tokenizer"
    if any(n in here for n in _STATES) or any(n.endswith(".distcp") for n in weights):
        return "checkpoint"
    return "model-folder"


def _shards(work: _Work, g: Group, here: dict[str, File], name: str) -> None:
    data = work.read(here[name])
    if data is None:
        return
    try:
        wanted = folders.shards_of(data)
    except (Malformed, TooLarge) as e:
        g.faults.append(str(e))
        return
    g.sharded = True
    g.missing += [w for w in wanted if w not in here]


def _numbered(g: Group, names: Iterable[str]) -> None:
    """What the numbers in the names of shards promise, and nothing has; an index says it better where there is one."""
    families: dict[tuple[str, str, int], list[str]] = defaultdict(list)
    for name in names:
        found = folders.split_name(name)
        if found is not None:
            families[found[0], found[1], found[3]].append(name)
    for (stem, suffix, _), members in families.items():
        g.sharded = True
        told = any(m.startswith(stem) for m in g.missing)
        if not told:
            g.missing += [f"{stem}{suffix}: {m}" for m in folders.missing(members)]


def _loose(work: _Work) -> dict[str, Seen]:
    return {p: s for p, s in work.seen.items() if p not in work.taken}


def _split(work: _Work) -> None:
    """Files of one name that are numbered, `-00001-of-00005`, and checkpoints of TensorFlow."""
    families: dict[tuple[str, str, str, int], list[str]] = defaultdict(list)
    for path in _loose(work):
        folder, _, name = path.rpartition("/")
        found = folders.split_name(name)
        if found is not None:
            families[folder, found[0], found[1], found[3]].append(path)
    for (folder, stem, suffix, total), paths in families.items():
        address = "/".join(p for p in (folder, f"{stem}-of-{total:05d}{suffix}") if p)
        g = Group(address, work.seen[paths[0]].format)
        g.files = {PurePosixPath(p).name: work.tree.files[p] for p in sorted(paths)}
        g.seen = {PurePosixPath(p).name: work.seen[p] for p in sorted(paths)}
        _numbered(g, g.files)
        work.take(g)
    for path, s in _loose(work).items():
        if s.format == "tf-checkpoint":
            _tensorflow(work, path)


def _tensorflow(work: _Work, path: str) -> None:
    folder, _, name = path.rpartition("/")
    stem = name.removesuffix(".index")
    names = work.by_folder[folder]
    data = [n for n in names if n.startswith(f"{stem}.data-")]
    g = Group("/".join(p for p in (folder, stem) if p), "tf-checkpoint", sharded=True)
    g.files = {n: names[n] for n in sorted([name, *data])}
    g.seen = {name: work.seen[path]}
    g.missing = list(folders.missing(data)) if data else [f"{stem}.data-*"]
    work.take(g)


def _tables(work: _Work) -> None:
    """Several files of one format of datasets in a folder are one dataset."""
    families: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path, s in _loose(work).items():
        if s.format in DATASETS:
            families[path.rpartition("/")[0], s.format].append(path)
    for (folder, native), paths in families.items():
        if len(paths) < 2:
            continue
        g = Group("/".join(p for p in (folder, f"*.{native}") if p), native)
        g.files = {PurePosixPath(p).name: work.tree.files[p] for p in sorted(paths)}
        g.seen = {PurePosixPath(p).name: work.seen[p] for p in sorted(paths)}
        work.take(g)


def _singles(work: _Work) -> None:
    for path, s in _loose(work).items():
        file = work.tree.files[path]
        g = Group(path, s.format, {file.name: file}, {file.name: s}, model=s.model)
        around = work.by_folder[file.folder]
        for need in s.needs:
            beside = work.tree.files.get("/".join(p for p in (file.folder, need) if p))
            if beside is not None:
                g.files[need] = beside
            elif need not in around:
                g.missing.append(need)
        g.sharded = bool(s.needs)
        work.take(g)
