"""Writes to a log that are the same each time, for the tests of faults; everything that is acknowledged is said."""

from pathlib import Path
from typing import Protocol

from log_claims import KEY, disclosure

from strongroom.kit.log_entry import commitment
from strongroom.kit.tlog.merkle import leaf_hash
from strongroom.ledger.disclosures import FileDisclosures
from strongroom.ledger.files import FileStorage
from strongroom.ledger.publisher import Head, publish
from strongroom.ledger.sequencer import Sequenced, Sequencer, empty_checkpoint
from strongroom.model.errors import BadInput, LogError

SEGMENT, FILE = 900, 500  # bytes: small, so that segments and files of disclosures are begun and dropped often


class Say(Protocol):
    """Is told what was acknowledged, once it was."""

    def __call__(self, said: str, **what: object) -> None:
        """See `log_claims.told_by`."""


def failed(say: Say, what: str, error: LogError) -> None:
    """An error that a caller of the log can act on."""
    assert error.subject
    assert error.found
    assert error.wanted
    say("failed", what=what, error=type(error).__name__, message=str(error))


def appended(say: Say, entries: list[bytes], given: tuple[Sequenced, ...]) -> None:
    """Say what was acknowledged."""
    for entry, one in zip(entries, given, strict=True):
        say("appended", index=one.index, leaf=leaf_hash(entry).hex(), note=one.checkpoint.decode())


def create(say: Say, folder: Path) -> None:
    """Make the log, with a second attempt where the first one fails."""
    for _ in range(2):
        try:
            FileStorage(folder).create(b"{}", empty_checkpoint(KEY))
        except LogError as e:
            failed(say, "create", e)
        except BadInput:
            return
        else:
            say("created")
            return


class Steps:
    """The same writes each time: two writers in turn, small segments, and much that is rolled, forgotten and pruned."""

    def __init__(self, say: Say, folder: Path) -> None:
        self._say = say
        self._folder = folder
        self._writers = [self._writer(), self._writer()]
        self._store = FileDisclosures(folder / "sealed")

    def _writer(self) -> tuple[FileStorage, Sequencer]:
        storage = FileStorage(self._folder)
        sequencer = Sequencer(storage, KEY)
        try:
            sequencer.open()
        except LogError as e:
            failed(self._say, "open", e)
        return storage, sequencer

    def step(self, number: int) -> None:
        """Keep a disclosure, append the entry that commits to it, publish, and erase an older one."""
        if number % 5 == 4:  # a writer that starts again
            self._writers[number % 2][0].close()
            self._writers[number % 2] = self._writer()
        storage, sequencer = self._writers[number % 2]
        text = disclosure(number)
        try:
            self._store.keep({commitment(text): text})
            self._say("kept", text=text)
            entries = [commitment(text).encode() + b" %d" % i for i in range(252 if number == 0 else 1 + number % 3)]
            appended(self._say, entries, sequencer.append(entries))
            self._say("step", number=number)
        except LogError as e:
            failed(self._say, "append", e)
        if number % 3 != 1:
            self.publish(storage, sequencer)
        if number % 4 == 3:
            self.erase(number - 2)

    def publish(self, storage: FileStorage, sequencer: Sequencer) -> None:
        """Publish what is there."""
        try:
            if (done := publish(storage, Head(*sequencer.latest()))) is not None:
                self._say("published", note=done.note.decode())
        except LogError as e:
            failed(self._say, "publish", e)

    def erase(self, number: int) -> None:
        """Erase a disclosure, again where it failed."""
        text = disclosure(number)
        for _ in range(2):
            self._say("erasing", text=text)
            try:
                self._store.erase((commitment(text),))
            except LogError as e:
                failed(self._say, "erase", e)
            else:
                self._say("erased", text=text)
                return

    def end(self) -> None:
        """Say what was repaired on the way."""
        for storage, sequencer in self._writers:
            self._say("repaired", repaired=sequencer.repaired)
            storage.close()


def steps(say: Say, folder: Path, first: int, end: int) -> None:
    """A run that is the same each time."""
    say("begin")
    create(say, folder)
    run = Steps(say, folder)
    for number in range(first, end):
        run.step(number)
    run.end()
    say("end")
