"""A sealed artifact in a tree: what stands in clear in it. No key is here, so that what is inside is not known.

Nothing of it is authenticated by being read: whoever can write to the folder can write all that is read here.
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from strongroom.collect.artifacts.seen import Seen
from strongroom.collect.artifacts.walking import File
from strongroom.kit import sealed, slots
from strongroom.kit.formats import sealed as documents
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed, TooLarge
from strongroom.model.values import Unknown, Value

NATIVE = "sealed"
ARTIFACT, INDEX = sealed.ARTIFACT_FILE, sealed.INDEX_FILE
WORD = "Strongroom (AES-256-GCM, a key of its own)"
_INSIDE = Unknown(GapCode.DENIED, "what is inside shows with the artifact's key alone, and none is here")
_SHOWN = 100
Reader = Callable[[File], bytes | None]


class _Schema(msgspec.Struct):
    schema: str = ""


def roots(paths: Iterable[str]) -> tuple[str, ...]:
    """Folders that have the two files without which no artifact is one, by the paths of all files; empty is the root."""
    found: dict[str, set[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        if name in (sealed.ARTIFACT_FILE, sealed.INDEX_FILE):
            found.setdefault(folder, set()).add(name)
    return tuple(sorted(folder for folder, names in found.items() if len(names) == 2))


def is_one(files: Mapping[str, File], read: Reader) -> bool:
    """Whether the folder says of itself that it is one; other programs have files of that name too."""
    try:
        found = msgspec.json.decode(read(files[sealed.ARTIFACT_FILE]) or b"", type=_Schema)
    except msgspec.MsgspecError:
        return False
    return found.schema.startswith("strongroom.sealed/")


def seen() -> Seen:
    """What its index is."""
    return Seen("sealed", sealed=WORD)


def facts(files: Mapping[str, File], read: Reader) -> dict[str, Value]:
    """The facts of an artifact that other artifacts do not have, or have otherwise."""
    values: dict[str, Value] = {
        "artifact.pickle": _INSIDE,
        "artifact.executes": _INSIDE,
        "artifact.provenance": _INSIDE,
    }
    faults: list[str] = []
    try:
        artifact = sealed.read_artifact(read(files[sealed.ARTIFACT_FILE]) or b"")
    except (Malformed, TooLarge) as e:
        doubt = Unknown(GapCode.MALFORMED, str(e))
        words = ("artifact", "boundary", "slots", "slot_types", "policies", "generation")
        return {**values, **{f"sealed.{w}": doubt for w in words}, "artifact.faults": (str(e),), **_signed(files, read)}
    wanted = [sealed.payload_file(n) for n in range(artifact.files)]
    values |= {
        "sealed.artifact": artifact.id,
        "sealed.boundary": artifact.boundary.value,
        "artifact.missing": tuple([p for p in wanted if p not in files][:_SHOWN]),
    }
    held = read(files[sealed.SLOTS_FILE]) if sealed.SLOTS_FILE in files else None
    try:
        sidecar = slots.read(held, artifact) if held is not None else None
    except (Malformed, TooLarge) as e:
        faults.append(str(e))
        sidecar = None
    if sidecar is None:
        doubt = Unknown(
            GapCode.MALFORMED if faults else GapCode.ABSENT, faults[0] if faults else "slots.json: not there"
        )
        values |= {f"sealed.{w}": doubt for w in ("slots", "slot_types", "policies", "generation")}
    else:
        kinds = [slots.type_of(s) for s in sidecar.slots]
        values |= {
            "sealed.slots": tuple(f"{s.id} {k} {s.policy or '-'}" for k, s in zip(kinds, sidecar.slots, strict=True)),
            "sealed.slot_types": tuple(sorted(set(kinds))),
            "sealed.policies": tuple(sorted({s.policy for s in sidecar.slots if s.policy})),
            "sealed.generation": sidecar.generation,
        }
    return {**values, "artifact.faults": tuple(faults), **_signed(files, read)}


def _signed(files: Mapping[str, File], read: Reader) -> dict[str, Value]:
    """Which files the signature names. The slots are never among them: they change without a new signature."""
    file = files.get(sealed.SIGNATURE_FILE)
    if file is None:
        return {"artifact.signature": (), "artifact.unsigned_files": ()}
    data = read(file)
    try:
        found = documents.beside(data) if data is not None else None
    except (Malformed, TooLarge) as e:
        return {"artifact.signature": (file.path,), "artifact.unsigned_files": Unknown(GapCode.MALFORMED, str(e))}
    if found is None or found.what != "signature":
        return {"artifact.signature": (), "artifact.unsigned_files": ()}
    apart = (*found.names, sealed.SLOTS_FILE, sealed.SIGNATURE_FILE)
    left = tuple(n for n in files if n not in apart)
    return {"artifact.signature": (file.path,), "artifact.unsigned_files": left[:_SHOWN]}
