"""The embedded back end for tests: a folder under a passphrase."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from key_harness import Calls, Case, Running, part

from strongroom.model.release import KeySettings


@contextmanager
def start(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A prepared folder; what is counted is how often its keys are used to open."""
    secret = folder / "passphrase"
    secret.write_text("correct horse battery staple\n")
    secret.chmod(0o600)
    settings = KeySettings({"folder": str(folder / "keys"), "passphrase-file": str(secret)})
    backend, calls = part("file"), Calls()
    assert backend.prepare is not None
    backend.prepare(settings)
    calls.watch(patch, "strongroom.keys.file._Holder.unwrap_key")
    yield Running(backend, settings, lambda: calls.count)


CASE = Case("file", start)
