"""A token of SoftHSM in a folder of a test's own, and the back end over it."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from key_harness import Calls, Case, Running, part

from strongroom.model.release import KeySettings

_MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm.so", "/usr/lib64/pkcs11/libsofthsm2.so")
PIN, TOKEN = "4821-user", "strongroom-test"


def module() -> str:
    """The library of SoftHSM, or a skip with what is missing."""
    found = next((path for path in _MODULES if Path(path).exists()), "")
    if not found or not shutil.which("softhsm2-util"):
        pytest.skip("SoftHSM is missing (Debian: softhsm2)")
    if find_spec("pkcs11") is None:
        pytest.skip("the package python-pkcs11 is missing")
    return found


def make_token(folder: Path, patch: pytest.MonkeyPatch) -> KeySettings:
    """An empty token with a PIN; the settings of a back end over it."""
    library = module()
    store = folder / "tokens"
    store.mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {store}\nobjectstore.backend = file\nlog.level = ERROR\n")
    patch.setenv("SOFTHSM2_CONF", str(config))
    words = ("--init-token", "--free", "--label", TOKEN, "--so-pin", "so-1234", "--pin", PIN)
    subprocess.run(("softhsm2-util", *words), check=True, capture_output=True, timeout=60)
    pin = folder / "pin"
    pin.write_text(f"{PIN}\n")
    pin.chmod(0o600)
    options = {"module": library, "token-label": TOKEN, "key": "strongroom", "pin-file": str(pin)}
    return KeySettings(options, seconds=20.0)


def starting(mechanism: str) -> Callable[[Path, pytest.MonkeyPatch], AbstractContextManager[Running]]:
    """A token with its first key, which wraps by this mechanism; requests to it are counted."""

    @contextmanager
    def start(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Running]:
        made = make_token(folder, patch)
        settings = KeySettings({**made.options, **({"mechanism": mechanism} if mechanism else {})}, made.seconds)
        backend, calls = part("pkcs11"), Calls()
        assert backend.prepare is not None
        backend.prepare(settings)
        calls.watch(patch, "strongroom.keys._child.Children.ask")
        yield Running(backend, settings, lambda: calls.count)

    return start


CASES = (
    Case("pkcs11", starting("")),
    Case("pkcs11 aes-key-wrap", starting("aes-key-wrap")),
    Case("pkcs11 rsa-oaep-sha1", starting("rsa-oaep-sha1")),
)
