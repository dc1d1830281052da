"""Files that are loaded by unpickling, and archives that hold such files."""

from collections.abc import Iterable

from strongroom.collect.artifacts.seen import Seen
from strongroom.kit.formats import arrays, keras, pickles, tables, zips
from strongroom.kit.formats.bounded import Memory, Part, Source
from strongroom.kit.formats.zips import Entry, Zip
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed, TooLarge
from strongroom.model.values import Unknown

_SHOWN = 200
_PEEKED = 2_000  # entries whose first bytes are looked at
_WALKED = 200  # pickles of one archive that are walked
_INFLATED = 16 << 20
_GZIP, _ZLIB = b"\x1f\x8b", (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


def unknown(error: Malformed | TooLarge, what: str = "") -> Unknown:
    """An error of a format as the reason why something is not known."""
    code = GapCode.TOO_LARGE if isinstance(error, TooLarge) else GapCode.MALFORMED
    return Unknown(code, f"{what + ': ' if what else ''}{error}")


def pickle_file(source: Source) -> Seen:
    """A file that is a pickle, or several: a raw one, an old checkpoint of PyTorch, joblib."""
    seen = Seen("pickle", pickle=True)
    walked = take(seen, source, "")
    modules = {name.partition(".")[0].partition(" ")[0] for name in walked.imports}
    if "torch" in modules:
        seen.format = "pytorch"
    elif "joblib" in modules:
        seen.format = "joblib"
    return seen


def take(seen: Seen, source: Source, where: str, start: int = 0) -> pickles.Walked:
    """Walk a pickle and note what it would run."""
    walked = pickles.walk(source, start=start)
    foreign = walked.foreign
    seen.pickle = True
    seen.imports += [n for n in foreign if n not in seen.imports][: _SHOWN - len(seen.imports)]
    named = ", ".join(foreign[:5]) + (" …" if len(foreign) > 5 else "")
    if foreign:
        seen.runs(f"{where + ': ' if where else ''}unpickling imports {named}")
    if not walked.whole:
        what = f"{where or 'pickle'}: {walked.trouble}"
        seen.broke(Unknown(GapCode.MALFORMED, f"its pickle could not be followed to its end: {what}"))
        seen.faults.append(f"its pickle could not be followed to its end: {walked.trouble}")
    return walked


def packed(source: Source, head: bytes) -> Seen | None:
    """A gzip or zlib stream, as joblib writes it: what it holds when its beginning is a pickle or an array."""
    window = 31 if head[:2] == _GZIP else 15
    if head[:2] != _GZIP and head[:2] not in _ZLIB:
        return None
    try:
        first = zips.inflate(head, 4096, window)
        if not pickles.looks_like(first):
            return None
        whole = Memory(zips.inflate(source.at(0, _INFLATED), _INFLATED, window))
    except Malformed:
        return None
    return pickle_file(whole)


def array(source: Source, where: str = "") -> Seen:
    """A .npy file. Objects in it are pickled."""
    seen = Seen("numpy")
    try:
        objects, begin = arrays.read(source)
    except (Malformed, TooLarge) as e:
        seen.faults.append(str(e))
        seen.broke(unknown(e))
        return seen
    if objects:
        take(seen, Part(source, begin, source.size - begin), where or "array of objects")
    return seen


def archive(source: Source) -> Seen | None:
    """A ZIP archive: a checkpoint of PyTorch, arrays, Keras, or anything that holds a pickle; None for any other."""
    try:
        found = zips.read(source)
    except (Malformed, TooLarge) as e:
        seen = Seen("archive")
        seen.faults.append(str(e))
        seen.broke(unknown(e))
        return seen
    names = [e.name for e in found.entries]
    if found.named("config.json") and found.named("metadata.json"):
        return _keras(source, found)
    if names and all(n.endswith(".npy") for n in names):
        return _npz(source, found)
    return _checkpoint(source, found)


def _read(seen: Seen, source: Source, entry: Entry, most: int = zips.MOST_INFLATED) -> Source | None:
    """An entry's content; None, with the reason noted, where it cannot be had."""
    try:
        differs = zips.local(source, entry)[1]
        if differs and differs not in seen.faults:
            seen.faults.append(differs)
        return zips.unpacked(source, entry, most)
    except (Malformed, TooLarge) as e:
        seen.faults.append(str(e))
        seen.broke(unknown(e, entry.name[:80]))
        return None


def _keras(source: Source, found: Zip) -> Seen:
    seen = Seen("keras", faults=list(found.faults))
    entry = found.named("config.json")
    content = _read(seen, source, entry, keras.MOST_CONFIG) if entry is not None else None
    if content is None:
        return seen
    try:
        seen.runs(*keras.code_of_config(content.at(0, keras.MOST_CONFIG)))
    except (Malformed, TooLarge) as e:
        seen.faults.append(str(e))
        seen.broke(unknown(e))
    return seen


def _npz(source: Source, found: Zip) -> Seen:
    seen = Seen("npz", faults=list(found.faults))
    for entry in found.entries[:_PEEKED]:
        content = _read(seen, source, entry)
        if content is None:
            continue
        one = array(content, entry.name[:80])
        merge(seen, [one])
    if len(found.entries) > _PEEKED:
        seen.broke(Unknown(GapCode.TOO_LARGE, f"over {_PEEKED} arrays; the rest was not looked at"))
    return seen


def merge(seen: Seen, others: Iterable[Seen]) -> None:
    """Add to one what others run, hold against them, or leave unknown."""
    for one in others:
        seen.pickle = seen.pickle or one.pickle
        seen.imports += [i for i in one.imports if i not in seen.imports][: _SHOWN - len(seen.imports)]
        seen.faults += [f for f in one.faults if f not in seen.faults]
        if one.executes is True:
            seen.runs(*one.by)
        elif isinstance(one.executes, Unknown):
            seen.broke(one.executes)


def _checkpoint(source: Source, found: Zip) -> Seen | None:
    seen = Seen("archive", faults=list(found.faults))
    storages = any(e.name.endswith("/data.pkl") or e.name == "data.pkl" for e in found.entries)
    if storages:
        script = any("/code/" in e.name or e.name.startswith("code/") for e in found.entries)
        seen.format = "torchscript" if script else "pytorch"
        if script:
            seen.runs("TorchScript: the code of the model is in the file")
    held = _pickled_entries(seen, source, found, storages=storages)
    if not held and not storages:
        return None
    for entry in held[:_WALKED]:
        content = _read(seen, source, entry)
        if content is not None:
            take(seen, content, entry.name[:80])
    if len(held) > _WALKED:
        seen.broke(Unknown(GapCode.TOO_LARGE, f"over {_WALKED} pickles; the rest was not walked"))
    return seen


def _pickled_entries(seen: Seen, source: Source, found: Zip, *, storages: bool) -> list[Entry]:
    """The entries that are pickles by name or by their first bytes; raw tensors of a checkpoint are not looked into."""
    held = []
    peeked = 0
    for entry in found.entries:
        folder, _, name = entry.name.rpartition("/")
        if name.endswith((".pkl", ".pickle")):
            held.append(entry)
        elif not (storages and folder.rpartition("/")[2] == "data") and peeked < _PEEKED and entry.size:
            peeked += 1
            content = _first(source, entry)
            if pickles.looks_like(content) or pickles.looks_like_text(Memory(content)):
                held.append(entry)
    if peeked >= _PEEKED:
        seen.broke(Unknown(GapCode.TOO_LARGE, f"over {_PEEKED} entries; the rest was not looked at"))
    return held


def _first(source: Source, entry: Entry) -> bytes:
    """The first bytes of an entry, as far as they can be had."""
    try:
        packed_part, _ = zips.local(source, entry)
        first = packed_part.at(0, 4096)
        return first if entry.method == 0 else zips.inflate(first, 4096, -15) if entry.method == 8 else b""
    except Malformed:
        return b""


def tape(source: Source) -> Seen | None:
    """A tar archive: a shard of WebDataset, an archive that holds pickles; None for any other."""
    try:
        members, faults = tables.tar_members(source)
    except Malformed as e:
        seen = Seen("archive", faults=[str(e)])
        seen.broke(unknown(e))
        return seen
    seen = Seen("webdataset" if tables.is_webdataset(members) else "archive", faults=faults)
    parts = ((m, Part(source, m.start, m.size)) for m in members[:_PEEKED])
    held = [(m, p) for m, p in parts if m.name.endswith((".pkl", ".pickle")) or pickles.looks_like(p.at(0, 64))]
    for member, part in held[:_WALKED]:
        take(seen, part, member.name[:80])
    if seen.format == "archive" and not held:
        return None
    if len(members) > _PEEKED or len(held) > _WALKED:
        seen.broke(Unknown(GapCode.TOO_LARGE, f"{len(members)} members; not all of them were looked at"))
    return seen
