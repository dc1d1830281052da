"""The published tree of somebody's log, read over HTTP (c2sp.org/tlog-tiles). Nothing that it gives is believed."""

from strongroom.kit.tlog.note import MAX_NOTE
from strongroom.kit.tlog.tiles import HEIGHT, MAX_ENTRY, WIDTH
from strongroom.ledger.asking import Caller, Line, NoAnswerError
from strongroom.ledger.storage import CHECKPOINT
from strongroom.model.errors import LogUnavailable, NotFound

_MOST = max(WIDTH * (MAX_ENTRY + 2), WIDTH << HEIGHT)  # bytes: a full bundle of the largest entries


class RemoteTree:
    """The objects below a URL prefix."""

    def __init__(self, url: str, line: Line | None = None) -> None:
        """`url` is the log's prefix. Raises BadInput for one that may not be used."""
        self.where = url
        self._caller = Caller(url, line or Line())

    def read(self, path: str) -> bytes:
        """The bytes of an object by its standard name.

        Raises:
            NotFound: the log has none of that name.
            LogUnavailable: there was no answer, or one that is neither.
        """
        try:
            answer = self._caller.ask(path, MAX_NOTE if path == CHECKPOINT else _MOST)
        except NoAnswerError as e:
            raise LogUnavailable(f"log {self.where}", str(e), f"its {path}") from None
        if answer.status in {404, 410}:
            raise NotFound(f"log {self.where}", f"no {path}", "an object of the log")
        if answer.status != 200:
            raise LogUnavailable(f"log {self.where}", f"status {answer.status}", f"its {path}")
        return answer.body

    def close(self) -> None:
        """Let go of the connection."""
        self._caller.close()
