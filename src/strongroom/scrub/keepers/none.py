"""No scheduler: whoever starts jobs on the node asks by himself, or waits for this program to end well."""

from collections.abc import Mapping

from strongroom.model.handover import Hold, KeeperKind, Link


class Nobody:
    """A node that nobody schedules: it is held by this program's own word alone."""

    def __init__(self) -> None:
        """Nothing is held yet."""
        self._words = ""

    def look(self) -> Hold:
        """What was said here."""
        return Hold(bool(self._words), self._words)

    def cordon(self, words: str) -> Hold:
        """Say it."""
        self._words = self._words or words
        return self.look()

    def failed(self, words: str) -> None:
        """Say it."""
        self._words = words

    def uncordon(self, words: str) -> None:
        """Take it back."""
        if self._words == words:
            self._words = ""


def _open(_: str, __: Mapping[str, str], ___: Link | None) -> Nobody:
    return Nobody()


KEEPER = KeeperKind("none", "no scheduler: whoever asks must wait for exit 0", open=_open, kept=True)
