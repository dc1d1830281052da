"""SHA-256 of artifacts: the one thing here that reads payloads, and only when it is asked for."""

import hashlib
import os
from collections.abc import Iterable, Mapping

from strongroom.collect.artifacts.walking import File, open_file
from strongroom.model.codes import GapCode
from strongroom.model.ports import Progress
from strongroom.model.values import Unknown

_PIECE = 1 << 22


class Digester:
    """Digests files, and tells how far it is."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        """`total` is the number of bytes that there will be."""
        self._total = total
        self._done = 0
        self._progress = progress

    def artifact(self, files: Mapping[str, File]) -> str | Unknown:
        """The digest of an artifact: that of its file; of several, SHA-256 over the lines `digest, two spaces, name`.

        The lines are those that `sha256sum` prints, in the order of the names.
        """
        digests: dict[str, str] = {}
        for name, file in sorted(files.items()):
            found = self._file(file)
            if isinstance(found, Unknown):
                return found
            digests[name] = found
        return combined(digests)

    def _file(self, file: File) -> str | Unknown:
        digest = hashlib.sha256()
        try:
            descriptor = open_file(file)
            with os.fdopen(descriptor, "rb", buffering=0) as opened:
                while piece := opened.read(_PIECE):
                    digest.update(piece)
                    self._done += len(piece)
                    if self._progress is not None:
                        self._progress("bytes digested", self._done, self._total)
        except OSError as e:
            return Unknown(GapCode.DENIED, f"{file.path}: {(e.strerror or 'an error').lower()} when digesting it")
        return digest.hexdigest()


def combined(digests: Mapping[str, str]) -> str | Unknown:
    """One digest of several files by their names; of one file, its own."""
    if len(digests) == 1:
        return next(iter(digests.values()))
    if not digests:
        return Unknown(GapCode.ABSENT, "it has no file")
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()


def total(groups: Iterable[Mapping[str, File]]) -> int:
    """How many bytes will be read."""
    return sum(f.size for files in groups for f in files.values())
