"""Serves a tree in a folder with the routes of the log role: `serve_folder.py FOLDER`."""

import sys
from pathlib import Path

from strongroom.model.errors import LogUnavailable, NotFound
from strongroom.serve import listening
from strongroom.serve.routes import log


class Folder:
    """A published tree in a folder; the name `checkpoint` can be made to fail."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, path: str) -> bytes:
        if (self._path / "down").exists():
            raise LogUnavailable(f"log {self._path}", "a secret reason", "a place that can be read")
        if (self._path / "broken").exists():
            raise RuntimeError(str(self._path))
        try:
            return (self._path / path).read_bytes()
        except FileNotFoundError:
            raise NotFound("object", path, "one that is published") from None


if __name__ == "__main__":
    where = listening.listen_at("127.0.0.1:0", None, None, insecure=False)
    sys.exit(listening.serve(log.routes(Folder(Path(sys.argv[1]))), where))
