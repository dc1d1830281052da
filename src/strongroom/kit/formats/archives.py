"""Archives before they are unpacked: what two readers could see differently, and what lies within, looked at in turn."""

import zlib
from collections import Counter
from collections.abc import Callable, Iterator

from strongroom.kit.formats import streams, tables, zips
from strongroom.kit.formats.bounded import Memory, Part, Source, safe_name
from strongroom.kit.formats.budgets import MOST_AT_ONCE, Budget
from strongroom.kit.formats.verdicts import Findings
from strongroom.kit.formats.zips import Entry, Zip
from strongroom.model.errors import Malformed, TooLarge

Look = Callable[[Source, str, Budget], Findings]
_PLAIN = (".txt", ".md", ".rst", ".csv", ".png", ".jpg", ".jpeg", ".pdf")
_PROGRAM = (".py", ".pyc", ".pyo", ".so", ".pyd", ".dll")
_PIECE = 1 << 20


def zip_file(source: Source, found: Findings, budget: Budget, look: Look) -> None:
    """A ZIP archive, and everything in it."""
    try:
        listed = zips.read(source)
    except (Malformed, TooLarge) as e:
        found.unreadable("archive.broken", str(e))
        _front_to_back(source, found, budget, look)
        return
    found.format = _format(listed)
    _faults(listed, source, found)
    if found.format == "torchscript":
        found.review("archive.code", "TorchScript: the code of the model is in the file")
    raw = set(_storages(listed))
    for entry in listed.entries:
        if entry.name.endswith("/") and not entry.size:
            continue
        try:
            budget.entry()
            _entry(source, entry, found, budget, look, raw=entry.name in raw)
        except TooLarge as e:
            found.unreadable("archive.large", f"{entry.name[:80]}: {e}")
            if budget.entries < 0 or budget.unpacked < 0:
                return


def _format(listed: Zip) -> str:
    names = {e.name for e in listed.entries}
    if {"config.json", "metadata.json"} <= names:
        return "keras"
    if names and all(n.endswith(".npy") for n in names):
        return "npz"
    if any(n.endswith("/data.pkl") or n == "data.pkl" for n in names):
        return "torchscript" if any("/code/" in n or n.startswith("code/") for n in names) else "pytorch"
    return "archive"


def _storages(listed: Zip) -> Iterator[str]:
    """The raw tensors of a checkpoint: bytes that nobody unpickles, whatever they look like."""
    roots = {e.name.removesuffix("data.pkl") for e in listed.entries if e.name.endswith(("/data.pkl", "data.pkl"))}
    roots |= {e.name.removesuffix("constants.pkl") for e in listed.entries if e.name.endswith("/constants.pkl")}
    for e in listed.entries:
        folder, _, name = e.name.rpartition("/")
        root, _, kind = folder.rpartition("/")
        if kind in ("data", "constants") and name.isdecimal() and (f"{root}/" if root else "") in roots:
            yield e.name


def _faults(listed: Zip, source: Source, found: Findings) -> None:
    for fault in listed.faults:
        found.review("archive.fault", fault)
    for name in [e.name for e in listed.entries if not safe_name(e.name.rstrip("/"))][:3]:
        found.malicious("archive.traversal", f"entry {name[:80]!r} leaves the folder that it is unpacked in")
    folded = Counter(e.name.casefold().replace("\\", "/") for e in listed.entries)
    again = [n for n, count in folded.items() if count > 1]
    if again and not any("are called" in f for f in listed.faults):
        found.review("archive.fault", f"two entries are called {again[0][:80]!r} but for capitals and slashes")
    secret = zips.hidden(source, listed)
    if secret:
        found.malicious("archive.hidden", secret)


def _entry(source: Source, entry: Entry, found: Findings, budget: Budget, look: Look, *, raw: bool) -> None:
    try:
        _, differs = zips.local(source, entry)
        if differs:
            found.review("archive.differs", differs)
        if raw:
            return
        content = zips.unpacked(source, entry, MOST_AT_ONCE)
    except (Malformed, TooLarge) as e:
        found.unreadable("archive.entry", f"{entry.name[:80]}: {e}")
        return
    if entry.method:
        budget.unpack(content.size)
        if entry.size > content.size and entry.size > MOST_AT_ONCE:
            found.unreadable("archive.large", f"{entry.name[:80]} unpacks to {entry.size} bytes, over {MOST_AT_ONCE}")
    true = _checks(content, entry)
    if entry.encrypted and not true:
        _sealed(content, entry, found, budget, look)
        return
    if entry.encrypted:
        found.review("archive.flag", f"{entry.name[:80]!r} says that it is encrypted, and is not")
    elif not true:
        found.review("archive.checksum", f"{entry.name[:80]!r} has another checksum or size than the archive says")
    _inside(content, entry.name, found, budget, look)


def _checks(content: Source, entry: Entry) -> bool:
    """Whether the content has the checksum and the size that the directory states."""
    if content.size != entry.size:
        return False
    crc, place = 0, 0
    while place < content.size:
        piece = content.at(place, _PIECE)
        crc, place = zlib.crc32(piece, crc), place + _PIECE
    return crc == entry.crc


def _sealed(content: Source, entry: Entry, found: Findings, budget: Budget, look: Look) -> None:
    """An entry that really is encrypted. No loader opens it by itself; one that claims to be a model is refused."""
    if not entry.name.lower().endswith(_PLAIN):
        found.unreadable("archive.encrypted", f"{entry.name[:80]!r} is encrypted")
        return
    # Readers of checkpoints ignore the flag: what they would see is looked at as well.
    seen = look(content, "", budget)
    if seen.format in ("pickle", "pytorch"):
        found.take(seen, entry.name[:80])


def _inside(content: Source, name: str, found: Findings, budget: Budget, look: Look) -> None:
    if budget.depth <= 0:
        found.unreadable("archive.deep", f"{name[:80]}: archives nested too deeply")
        return
    budget.depth -= 1
    inner = look(content, name, budget)
    budget.depth += 1
    found.take(inner, name[:80])
    if name.lower().endswith(_PROGRAM) and not inner.reasons:
        found.review("archive.code", f"{name[:80]} is a program")


def _front_to_back(source: Source, found: Findings, budget: Budget, look: Look) -> None:
    """Without a directory: entries as a reader that repairs archives finds them, the first few hundred."""
    place = 0
    for _ in range(500):
        head = source.at(place, 30)
        if head[:4] != zips.MAGIC:
            return
        flags, method = int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
        packed, size = int.from_bytes(head[18:22], "little"), int.from_bytes(head[22:26], "little")
        name_size, extra = int.from_bytes(head[26:28], "little"), int.from_bytes(head[28:30], "little")
        name = source.at(place + 30, name_size).decode("utf-8", "backslashreplace")
        begin = place + 30 + name_size + extra
        entry = Entry(name, method, flags, packed or source.size - begin, size, place)
        try:
            content = zips.unpacked(source, entry, MOST_AT_ONCE)
            budget.entry()
            budget.unpack(content.size if method else 0)
        except (Malformed, TooLarge):
            return
        _inside(content, name, found, budget, look)
        if not packed:
            return
        place = begin + packed


def tar_file(source: Source, found: Findings, budget: Budget, look: Look) -> int:
    """A tar archive, and everything in it; where its last member ends."""
    found.format = "archive"
    try:
        members, faults = tables.tar_members(source)
    except Malformed as e:
        found.unreadable("archive.broken", str(e))
        return 0
    for fault in faults:
        if "leaves" in fault:
            found.malicious("archive.traversal", fault)
        elif fault.startswith("it ends"):
            found.unreadable("archive.broken", fault)
        else:
            found.review("archive.fault", fault)
    if len(members) >= tables.MOST_MEMBERS:
        found.unreadable("archive.large", f"over {tables.MOST_MEMBERS} members; the rest was not looked at")
    names = Counter(m.name for m in members)
    if any(n.endswith("model_config.yaml") for n in names):
        found.format = "nemo"
    if names and names.most_common(1)[0][1] > 1:
        found.review("archive.fault", f"two members are called {names.most_common(1)[0][0][:80]!r}")
    for m in members:
        try:
            budget.entry()
        except TooLarge as e:
            found.unreadable("archive.large", str(e))
            break
        _inside(Part(source, m.start, m.size), m.name, found, budget, look)
    return max((m.start + m.size for m in members), default=0)


def stream(source: Source, kind: str, name: str, found: Findings, budget: Budget, look: Look) -> None:
    """A file that is compressed as a whole."""
    try:
        data, tail = streams.unpack(source, kind, min(MOST_AT_ONCE, max(0, budget.unpacked)))
        budget.unpack(len(data))
    except (Malformed, TooLarge) as e:
        found.unreadable("archive.broken", str(e))
        return
    if tail and source.at(source.size - tail, tail).strip(b"\0"):
        found.review("archive.trailing", f"{tail} bytes behind the end of the {kind} stream")
    if budget.depth <= 0:
        found.unreadable("archive.deep", "archives nested too deeply")
        return
    budget.depth -= 1
    inner = look(Memory(data), _within(name), budget)
    budget.depth += 1
    found.format = inner.format
    found.take(inner, f"in the {kind} stream")


def _within(name: str) -> str:
    """The name of what a stream holds: `model.pkl` of `model.pkl.gz`; that of the file where nothing is to be cut."""
    for ending in (".gz", ".bz2", ".xz", ".lzma", ".z", ".zlib"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name.removesuffix(".tgz") + ".tar" if name.endswith(".tgz") else name
