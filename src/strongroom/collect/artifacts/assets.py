"""Assets of what was found: one for each artifact, with facts that name the file that says so."""

import stat
from collections.abc import Iterable
from dataclasses import dataclass

from strongroom.collect.artifacts.besides import Desk, Said
from strongroom.collect.artifacts.grouping import Group
from strongroom.collect.artifacts.placing import Mounts, speaks_against
from strongroom.collect.artifacts.seen import DATASETS, INDEXES, PICKLED, Seen
from strongroom.collect.artifacts.walking import File, Tree
from strongroom.kit import kleene
from strongroom.kit.kleene import Tri
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Fact
from strongroom.model.kinds import Kind
from strongroom.model.ports import Request
from strongroom.model.values import Unknown, Value, Where

KINDS = (Kind.ARTIFACT, Kind.DATASET, Kind.INDEX)
_SHOWN = 100
_FORMATTED = frozenset({"model-folder", "adapter", "checkpoint", "tokenizer"})


@dataclass(slots=True)
class Maker:
    """Makes assets of groups."""

    request: Request
    tree: Tree
    desk: Desk
    mounts: Mounts
    homes: tuple[str, ...]
    shown: str  # the folder as the user wrote it
    digests: dict[str, str | Unknown] | None = None  # by address, where they were asked for

    def asset(self, group: Group) -> Asset:
        """The asset of an artifact."""
        address = group.address
        said = self.desk.of(group)
        where = Where(f"{self.shown.rstrip('/')}/{_first(group).path}" if group.files else self.shown)
        values = {**self._what(group, said), **self._where(group), **group.more}
        facts = {n: Fact(n, v, where, self.request.spec) for n, v in values.items()}
        real = str(self.tree.root / address) if address != "." else str(self.tree.root)
        ident = "/".join(p for p in (self.request.label, address) if p)
        return Asset(
            id=f"artifact:{ident}",
            kind=kind_of(group.native),
            native_type=f"artifact.{group.native}",
            address=address,
            name=address.rpartition("/")[2],
            aliases=(f"file://{real}",),
            facts=facts,
            where=where,
            origin=self.request.spec,
        )

    def _what(self, group: Group, said: Said) -> dict[str, Value]:
        seen = list(group.seen.values())
        by = dict.fromkeys(
            (*group.code, *(f"{n}: {b}" if len(group.seen) > 1 else b for n, s in group.seen.items() for b in s.by))
        )
        seals = {s.sealed for s in seen if s.format in ("sealed", "safetensors", "parquet")}
        values: dict[str, Value] = {
            "artifact.format": formats(group),
            "artifact.bytes": sum(f.size for f in _distinct(group)),
            "artifact.files": len(_distinct(group)),
            "artifact.model": group.model or next((s.model for s in seen if s.model), ""),
            "artifact.faults": _faults(group, said),
            "artifact.pickle": kleene.any_of(_pickled(s) for s in seen),
            "artifact.executes": kleene.any_of([*(s.executes for s in seen), bool(group.code)]),
            "artifact.executes_by": _cut(by),
            "artifact.imports": _cut(dict.fromkeys(i for s in seen for i in s.imports)),
            "artifact.sealed": next(iter(seals)) if len(seals) == 1 and all(s.sealed for s in seen) else "",
            "artifact.provenance": tuple(said.provenance[:_SHOWN]),
        }
        if group.sharded or group.missing:
            values["artifact.missing"] = tuple(group.missing[:_SHOWN])
        if kind_of(group.native) is Kind.ARTIFACT:
            values["artifact.signature"] = tuple(said.signatures[:_SHOWN])
            values["artifact.unsigned_files"] = tuple(said.uncovered[:_SHOWN])
        if self.digests is not None:
            missing = Unknown(GapCode.ABSENT, "it has no file")
            values["artifact.sha256"] = self.digests.get(group.address, missing)
        return values

    def _where(self, group: Group) -> dict[str, Value]:
        files = _distinct(group)
        real = str(_first(group).real)
        system = self.mounts.of(real)
        unknown = Unknown(GapCode.ABSENT, "the mounts of this machine could not be asked")
        mode = 0
        for f in files:
            mode |= f.mode
        owners = sorted({f.uid for f in files})
        return {
            "artifact.place": speaks_against(real, system, self.homes),
            "file.system": system if system is not None else unknown,
            "file.mode": f"{mode:04o}",
            "file.owner": owners[0],
            "file.others_read": any(f.mode & stat.S_IROTH and f.reach_others for f in files),
            "file.others_write": any((f.mode & stat.S_IWOTH or f.replace_others) and f.reach_others for f in files),
            "file.group_write": any(bool(f.mode & stat.S_IWGRP) or f.replace_group for f in files),
        }


def kind_of(native: str) -> Kind:
    """What an artifact of a format is."""
    return Kind.DATASET if native in DATASETS else Kind.INDEX if native in INDEXES else Kind.ARTIFACT


def formats(group: Group) -> str:
    """The format, or those of the parts of a folder."""
    parts = sorted({s.format for s in group.seen.values()})
    return ", ".join(parts) if group.native in _FORMATTED and parts else group.native


def _pickled(seen: Seen) -> Tri:
    if seen.pickle:
        return True
    return seen.trouble if seen.trouble is not None and seen.format in (*PICKLED, "archive") else False


def _faults(group: Group, said: Said) -> Value:
    """What is wrong; where a header could not be read at all, that is not known, unless something is wrong already."""
    several = len(group.seen) > 1
    found = [*group.faults, *said.faults]
    found += [f"{n}: {f}" if several else f for n, s in group.seen.items() for f in s.faults]
    doubts = [s.trouble for s in group.seen.values() if s.trouble is not None]
    if doubts and not found:
        return doubts[0]
    return _cut(dict.fromkeys(found))


def _cut(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(t[:300] for t in texts)[:_SHOWN]


def _distinct(group: Group) -> list[File]:
    """Its files, each once: two names of a cache can lead to one."""
    return list({f.path: f for f in group.files.values()}.values())


def _first(group: Group) -> File:
    return min(group.files.values(), key=lambda f: f.path)
