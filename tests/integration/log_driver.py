"""Writes to a log and says each thing once it was acknowledged: the program that the tests of faults kill and starve.

    log_driver.py steps FOLDER FIRST END     one thread, the same calls each time
    log_driver.py load FOLDER SEED THREADS    threads that append until they are killed, and one that publishes

It goes on after an error of the log, as a server does. Any other error ends it with a traceback.
"""

import json
import os
import random
import sys
import threading
import time
from pathlib import Path

from log_claims import KEY, disclosure
from log_steps import FILE, SEGMENT, Say, appended, steps

from strongroom.kit.log_entry import commitment
from strongroom.ledger import disclosures, journal
from strongroom.ledger.disclosures import FileDisclosures
from strongroom.ledger.files import FileStorage
from strongroom.ledger.publisher import Head, publish
from strongroom.ledger.sequencer import Sequencer


def say(said: str, **what: object) -> None:
    """One line in one write, so that lines of threads and processes stay whole."""
    os.write(1, json.dumps({"said": said, **what}).encode() + b"\n")


def load(say: Say, folder: Path, seed: int, threads: int) -> None:
    """Append from threads, publish and keep disclosures beside them, until killed."""
    storage, store = FileStorage(folder), FileDisclosures(folder / "sealed")
    sequencer = Sequencer(storage, KEY)

    def append(thread: int) -> None:
        chance = random.Random(f"{seed} {thread}")
        while True:
            text = disclosure(chance.getrandbits(62))
            entries = [commitment(text).encode() + b" %d" % i for i in range(chance.choice((1, 1, 2, 30)))]
            store.keep({commitment(text): text})
            say("kept", text=text)
            appended(say, entries, sequencer.append(entries))
            if chance.random() < 0.2:
                say("erasing", text=text)
                store.erase((commitment(text),))
                say("erased", text=text)

    for thread in range(threads):
        threading.Thread(target=append, args=(thread,), daemon=True).start()
    while True:
        done = publish(storage, Head(*sequencer.latest()))
        if done is not None:
            say("published", note=done.note.decode())
        time.sleep(0.003)


if __name__ == "__main__":
    mode, where, *numbers = sys.argv[1:]
    journal.SEGMENT, disclosures.FILE = (SEGMENT, FILE) if mode == "steps" else (20_000, 20_000)
    {"steps": steps, "load": load}[mode](say, Path(where), *map(int, numbers))
