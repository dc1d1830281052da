"""The watch while it runs: its sweeps, in a thread, until it is told to stop."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from strongroom.app.watch_open import Opened
from strongroom.app.watch_sweep import sweep
from strongroom.model.errors import StrongroomError

_EVERY = 1.0  # seconds


@contextmanager
def sweeping(found: Opened, every: float = _EVERY) -> Iterator[None]:
    """Sweep now, and then each second or so. Raises what keeps it from beginning at all."""
    found.inputs()
    sweep(found.watch)
    stop, told = threading.Event(), [""]

    def work() -> None:
        while not stop.wait(every):
            try:
                found.inputs.refresh()
                sweep(found.watch)
                told[0] = ""
            except StrongroomError as e:  # it is tried again; a sweep that is late shows in its health
                if str(e) != told[0]:
                    told[0] = str(e)
                    found.watch.tell(f"the sweep failed: {e}")

    thread = threading.Thread(target=work, name="sweep", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
