"""Holding a statement of OpenSSF Model Signing against what lies in a model (OMS 8.4)."""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from strongroom.kit.oms import SHARDS, Code, Piece, Reason, Statement


class Tree(NamedTuple):
    """What was found in a model, by path; nothing under an ignored path is in it, unless a statement names it."""

    files: Mapping[str, int]  # sizes in octets
    links: tuple[str, ...] = ()  # symbolic links that were not followed
    specials: tuple[str, ...] = ()  # neither file nor folder nor link
    unnamed: tuple[str, ...] = ()  # names that are not UTF-8, written with their escapes
    ignored: tuple[str, ...] = ()  # paths that were looked for to ignore, and are there
    remarks: tuple[str, ...] = ()  # links that were followed out of the model, or around in it


def to_hash(statement: Statement, tree: Tree) -> tuple[Piece, ...]:
    """The parts that can be compared at all: their file is there, and long enough."""
    return tuple(
        p for p in statement.digests if p.path in tree.files and (p.end is None or p.end <= tree.files[p.path])
    )


def compare(
    statement: Statement, tree: Tree, digests: Mapping[Piece, str], *, extra: bool = False
) -> tuple[tuple[Reason, ...], tuple[str, ...]]:
    """Why the model is not the one of the statement, and notes; `extra` lets files pass that nobody signed.

    `digests` are those of `to_hash`.
    """
    signed = {p.path for p in statement.digests}
    found = [*_signed(statement, tree, digests), *_strange(signed, tree)]
    notes = list(tree.remarks)
    unsigned = sorted(set(tree.files) - signed)
    if statement.how.method == SHARDS:  # OMS 6.3.2: a file without octets has no shard, and so is in no statement
        empty = [path for path in unsigned if not tree.files[path]]
        notes += [f"{path}: it is empty, and files are signed by their octets alone" for path in empty]
        unsigned = [path for path in unsigned if tree.files[path]]
    if extra:
        notes += [f"{path}: it is not signed, and was let pass" for path in unsigned]
    else:
        found += [Reason(Code.UNSIGNED, p, "a file that is not signed", "only signed files") for p in unsigned]
    notes += [f"{path}: it is ignored" for path in tree.ignored]
    return tuple(found), tuple(notes)


def _signed(statement: Statement, tree: Tree, digests: Mapping[Piece, str]) -> Iterator[Reason]:
    ends: dict[str, int] = {}
    hash_type = statement.how.hash_type
    missing: set[str] = set()
    for piece, wanted in statement.digests.items():
        ends[piece.path] = max(ends.get(piece.path, 0), piece.end or 0)
        if piece.path not in tree.files:
            if piece.path not in missing and piece.path not in tree.links:
                yield Reason(Code.MISSING, piece.path, "no such file", "the file that was signed")
            missing.add(piece.path)
        elif piece not in digests:
            yield Reason(Code.CHANGED, piece.name, f"{tree.files[piece.path]} octets", f"at least {piece.end}")
        elif digests[piece] != wanted:
            yield Reason(Code.CHANGED, piece.name, f"{hash_type}:{digests[piece]}", f"{hash_type}:{wanted}")
    if statement.how.method == SHARDS:
        for path, end in ends.items():
            if tree.files.get(path, 0) > end:
                yield Reason(Code.CHANGED, path, f"{tree.files[path]} octets", f"{end}, which were signed")


def _strange(signed: Collection[str], tree: Tree) -> Iterator[Reason]:
    for path in tree.links:
        what = "a symbolic link in place of a signed file" if path in signed else "a symbolic link"
        yield Reason(Code.LINK, path, what, "files and folders alone")
    for path in tree.specials:
        yield Reason(Code.SPECIAL, path, "neither a file nor a folder", "files and folders alone")
    for path in tree.unnamed:
        yield Reason(Code.NAME, path, "a name that is not UTF-8", "UTF-8")
