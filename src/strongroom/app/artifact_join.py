"""What was found, laid beside what is registered: facts on each artifact, and the register as an asset of its own."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from strongroom.app.artifacts import Held
from strongroom.kit import artifact_classes as classes
from strongroom.kit.artifact_classes import Entry, Register
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Estate, Fact, Gap, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value, Where

SCHEME = "artifacts"
NATIVE = "artifact.register"
_FILE = "file://"
_NO_REGISTER = Unknown(
    GapCode.ABSENT, "no register of artifacts is named: give --register FILE, or set [artifacts] register"
)


def join_register(estate: Estate, held: Held | None) -> Estate:
    """The estate with what the register says of its artifacts. Without artifacts in it, it stays as it is."""
    sources = [s for s in estate.sources if s.scheme == SCHEME]
    if not sources:
        return estate
    if held is None:
        assets = tuple(
            _with(a, {"artifact.registered": _NO_REGISTER}, "") if is_artifact(a) else a for a in estate.assets
        )
        return msgspec.structs.replace(estate, assets=assets)
    matcher = classes.Matcher(held.register)
    found: set[int] = set()
    joined = []
    for a in estate.assets:
        if not is_artifact(a):
            joined.append(a)
            continue
        number = matcher.find(names(a))
        found.update(() if number is None else (number,))
        joined.append(_with(a, _facts(a, held, number), str(held.path)))
    joined.append(_register(held, found, sources, estate.gaps))
    return msgspec.structs.replace(estate, assets=tuple(joined))


def is_artifact(asset: Asset) -> bool:
    """Whether an asset was found by the source of artifacts."""
    return "artifact.format" in asset.facts


def names(asset: Asset) -> tuple[str, ...]:
    """What an entry may call it: its address, and where it lies on this machine."""
    paths = (a.removeprefix(_FILE) for a in asset.aliases if a.startswith(_FILE))
    return (asset.address, *paths)


def _with(asset: Asset, values: dict[str, Value], source: str) -> Asset:
    where = Where(source) if source else None
    facts = {n: Fact(n, v, where, source) for n, v in values.items()}
    return msgspec.structs.replace(asset, facts={**asset.facts, **facts})


def _facts(asset: Asset, held: Held, number: int | None) -> dict[str, Value]:
    if held.trouble is not None:
        words = ("registered", "class", "sensitivity", "tier", "owner", "requires", "digest_matches")
        return {f"artifact.{w}": held.trouble for w in words}
    if number is None:
        return {"artifact.registered": False}
    entry = held.register.artifact[number]
    values: dict[str, Value] = {
        "artifact.registered": True,
        "artifact.class": entry.name,
        "artifact.owner": held.register.owner_of(entry),
    }
    kind = held.register.class_of(entry)
    lost = Unknown(GapCode.ABSENT, f"the register does not define the class {entry.name[:60]!r}")
    values["artifact.sensitivity"] = kind.sensitivity if kind is not None else lost
    values["artifact.tier"] = kind.tier if kind is not None else lost
    values["artifact.requires"] = kind.requires if kind is not None else lost
    if entry.sha256:
        values["artifact.digest_matches"] = _digest(asset, entry)
    if entry.size is not None:
        size = asset.value("artifact.bytes")
        values["artifact.size_matches"] = size if isinstance(size, Unknown) else size == entry.size
    return values


def _digest(asset: Asset, entry: Entry) -> bool | Unknown:
    found = asset.value("artifact.sha256")
    if isinstance(found, Unknown):
        return found
    size = asset.value("artifact.bytes")
    if found is None and entry.size is not None and isinstance(size, int) and size != entry.size:
        return False  # of another size, it cannot have the digest
    if found is None:
        return Unknown(GapCode.NOT_FETCHED, "payloads were not read: assess artifacts:DIR?digest")
    return found == entry.sha256


def _register(held: Held, found: set[int], sources: Sequence[SourceRead], gaps: Sequence[Gap]) -> Asset:
    register = held.register
    values: dict[str, Value] = {
        "register.signed": held.trouble is None,
        "register.entries": len(register.artifact),
        "register.reviewed": register.reviewed.isoformat() if register.reviewed is not None else "",
    }
    if held.trouble is None:
        values["register.incomplete"] = tuple(_incomplete(register))
        values["register.unclassed"] = tuple(e.where for e in register.artifact if register.class_of(e) is None)
        values["register.not_found"] = _not_found(register, found, sources, gaps)
    else:
        # An unsigned text is nobody's word: what it says is not judged, but that it is unsigned.
        doubtful = ("register.incomplete", "register.unclassed", "register.not_found", "register.reviewed")
        values |= dict.fromkeys(doubtful, held.trouble)
    where = Where(str(held.path))
    return Asset(
        id=f"artifact-register:{held.path}",
        kind=Kind.POLICY,
        native_type=NATIVE,
        address=str(held.path),
        name=held.path.name,
        facts={n: Fact(n, v, where, str(held.path)) for n, v in values.items()},
        where=where,
        origin=str(held.path),
    )


def _incomplete(register: Register) -> Iterable[str]:
    for e in register.artifact:
        lacks = [w for w, v in (("class", e.name), ("owner", register.owner_of(e)), ("digest", e.sha256)) if not v]
        if lacks:
            yield f"{e.where}: no {' and no '.join(lacks)}"


def _not_found(register: Register, found: set[int], sources: Sequence[SourceRead], gaps: Sequence[Gap]) -> Value:
    """Entries of the places that were searched, of which nothing was found; unknown where a part was not looked at."""
    roots = [Path(s.spec.partition(":")[2].removesuffix("?digest") or ".").resolve() for s in sources]
    lost = [e.where for n, e in enumerate(register.artifact) if n not in found and _expected(e, roots)]
    specs = {s.spec for s in sources}
    blind = [g for g in gaps if g.source in specs and g.code is not GapCode.LINK]
    if lost and blind:
        detail = f"{len(lost)} entries were not found ({', '.join(lost[:3])}), and not everything was looked at"
        return Unknown(blind[0].code, f"{detail}: {blind[0].scope}: {blind[0].detail}")
    return tuple(lost)


def _expected(entry: Entry, roots: Sequence[Path]) -> bool:
    if not entry.path:
        return False  # it lies elsewhere
    if not entry.path.startswith("/"):
        return True
    plain = re.split(r"[*?]", entry.path, maxsplit=1)[0]
    fixed = PurePosixPath(plain + "x").parent if classes.is_pattern(entry.path) else PurePosixPath(entry.path)
    if not any(fixed.is_relative_to(root) for root in roots):
        return False
    # What is there and is of no format that is known was registered by hand; it was found all the same.
    return classes.is_pattern(entry.path) or not Path(entry.path).exists()
