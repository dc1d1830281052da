"""The embedded back end: what unlocks it, what is told of what is wrong, and what is left of a write that was cut off."""

import importlib
import json
import os
import stat
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import file_case
import pytest
from key_harness import CANARY, NOW, OWNERS, RESOURCE, Running, Scene, decision, log_in, part, scene, with_options

from strongroom.keys import _keyring
from strongroom.model.errors import BadInput, KeyUnavailable, Malformed, NotFound, StrongroomError, Unreadable
from strongroom.model.release import KeySettings, Secret


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A folder with one resource."""
    with scene(file_case.CASE, tmp_path, monkeypatch) as made:
        yield made


def again(kept: Scene, settings: KeySettings | None = None) -> bytes:
    """What a process that starts now gets out of the same folder."""
    with log_in(kept.folder) as (log, gate):
        keys = part("file").open(settings or kept.running.settings, gate)
        try:
            return keys.unwrap(log.decide(decision()), kept.wrapped, NOW).reveal()
        finally:
            keys.close()


def folder(running: Running) -> Path:
    return Path(running.settings.options["folder"])


def given(kept: Scene, passphrase: str) -> None:
    (kept.folder / "passphrase").write_text(passphrase)


def test_files_are_their_owners_alone(kept: Scene) -> None:
    """The folder has mode 0700 and its files 0600, and no file holds a key or the passphrase in clear."""
    where = folder(kept.running)
    assert stat.S_IMODE(where.stat().st_mode) == 0o700
    assert {p.name: stat.S_IMODE(p.stat().st_mode) for p in where.iterdir()} == {
        "master.json": 0o600,
        "kek-1.json": 0o600,
    }
    master = json.loads((where / "master.json").read_text())
    assert master["unlock"] | {"salt": ""} == {
        "by": "passphrase", "salt": "", "memory_kib": 65536, "passes": 3, "lanes": 4
    }  # fmt: skip
    assert b"horse" not in (where / "master.json").read_bytes()


@pytest.mark.parametrize("text", ["correct horse battery stapl", "", "Correct horse battery staple\n", "x" * 70000])
def test_another_passphrase_opens_nothing(kept: Scene, text: str) -> None:
    """A passphrase that is not the one, none at all and a huge one are refused, and none of them is said."""
    given(kept, text)
    with pytest.raises((KeyUnavailable, BadInput)) as caught:
        again(kept)
    assert not text.strip() or text.strip() not in str(caught.value)


def test_a_line_end_is_not_part_of_a_passphrase(kept: Scene) -> None:
    """A file that was written with or without a line end, of either kind, holds the same passphrase."""
    for end in ("", "\n", "\r\n"):
        given(kept, f"correct horse battery staple{end}")
        assert again(kept) == CANARY
    given(kept, "correct horse battery staple\n\n")
    with pytest.raises(KeyUnavailable, match="another passphrase"):
        again(kept)


def write(name: str, change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def harm(where: Path) -> None:
        found = json.loads((where / name).read_text())
        change(found)
        (where / name).write_text(json.dumps(found))

    return harm


def swap(where: Path) -> None:
    (where / "kek-1.json").rename(where / "kek-2.json")


def link(where: Path) -> None:
    (where / "kek-1.json").rename(where.parent / "elsewhere")
    (where / "kek-1.json").symlink_to(where.parent / "elsewhere")


HARMS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (lambda p: p.rename(p.with_name("gone")), "no such file"),
    "no master key": (lambda p: (p / "master.json").unlink(), "no master.json"),
    "no keys under it": (lambda p: (p / "kek-1.json").unlink(), "a master key and no key under it"),
    "another master key": (write("master.json", lambda r: r.update(sealed="A" * 80)), "or a file that was changed"),
    "another salt": (
        write("master.json", lambda r: r["unlock"].update(salt="AAAAAAAAAAAAAAAAAAAAAA==")),  # type: ignore[attr-defined]
        "or a file that was changed",
    ),
    "less memory": (write("master.json", lambda r: r["unlock"].update(memory_kib=8)), "8 KiB"),  # type: ignore[attr-defined]
    "all the memory": (write("master.json", lambda r: r["unlock"].update(memory_kib=1 << 40)), "KiB"),  # type: ignore[attr-defined]
    "another way": (write("master.json", lambda r: r["unlock"].update(by="tpm")), "wanted tpm"),  # type: ignore[attr-defined]
    "another schema": (write("master.json", lambda r: r.update(schema="x/9")), "the schema 'x/9'"),
    "no JSON": (lambda p: (p / "master.json").write_text("{"), "no record of a key"),
    "a changed key": (write("kek-1.json", lambda r: r.update(sealed="A" * 80)), "octets that were changed"),
    "another name in it": (write("kek-1.json", lambda r: r.update(name="kek-2")), "no record of a key"),
    "another name outside": (swap, "no record of a key"),
    "a link": (link, "kek-1.json"),
    "a folder for all": (lambda p: p.chmod(0o755), "mode 0755"),
    "a file for all": (lambda p: (p / "kek-1.json").chmod(0o644), "mode 0644"),
}


@pytest.mark.parametrize("name", HARMS)
def test_what_is_wrong_with_a_folder_is_told(kept: Scene, name: str) -> None:
    """Each way to lose or change what is in the folder has its words, and nothing opens."""
    harm, words = HARMS[name]
    harm(folder(kept.running))
    with pytest.raises((KeyUnavailable, BadInput)) as caught:
        again(kept)
    assert words in str(caught.value)


def test_a_key_under_another_master_does_not_fit(kept: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key file of another folder, in the place of ours, is a changed one, whatever passphrase both have."""
    other = tmp_path / "other"
    other.mkdir()
    with scene(file_case.CASE, other, monkeypatch) as foreign:
        theirs = (folder(foreign.running) / "kek-1.json").read_bytes()
    (folder(kept.running) / "kek-1.json").write_bytes(theirs)
    with pytest.raises(KeyUnavailable, match="octets that were changed"):
        again(kept)


def test_the_key_of_another_name_is_not_the_wrapping_one(kept: Scene) -> None:
    """A blob that says it was wrapped by a later key than it was is malformed."""
    new = kept.rotating.rotate()
    wrapped = type(kept.wrapped)(RESOURCE, 1, "file", new, kept.wrapped.blob, OWNERS)
    with pytest.raises(Malformed):
        kept.unwrap(wrapped)


def test_preparing_again_changes_nothing(kept: Scene) -> None:
    """A folder that is there stays as it is, and a run that was cut off before its first key is gone on with."""
    backend, where = part("file"), folder(kept.running)
    assert backend.prepare is not None
    before = {p.name: p.read_bytes() for p in where.iterdir()}
    assert backend.prepare(kept.running.settings).startswith("1 key ")
    assert {p.name: p.read_bytes() for p in where.iterdir()} == before
    (where / "kek-1.json").unlink()
    backend.prepare(kept.running.settings)
    assert (where / "master.json").read_bytes() == before["master.json"]
    assert (where / "kek-1.json").exists()


def test_a_folder_is_not_prepared_with_another_passphrase(kept: Scene) -> None:
    """Preparing opens what is there: with another passphrase it is refused, and no second master key is made."""
    backend = part("file")
    assert backend.prepare is not None
    given(kept, "something else")
    with pytest.raises(KeyUnavailable):
        backend.prepare(kept.running.settings)


@pytest.mark.parametrize("call", ["link", "fsync", "open"])
def test_a_write_that_fails_leaves_the_folder_as_it_was(
    kept: Scene, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """A full disk at any step of a rotation is said, leaves no file behind, and the old key goes on."""
    where = folder(kept.running)
    kept.unwrap()
    before = sorted(p.name for p in where.iterdir())
    real = getattr(os, call)

    def full(*args: object, **named: object) -> object:
        writing = call != "open" or (len(args) > 1 and isinstance(args[1], int) and bool(args[1] & os.O_CREAT))
        if writing:
            raise OSError(28, "No space left on device")
        return real(*args, **named)

    with monkeypatch.context() as patched:
        patched.setattr(f"os.{call}", full)
        with pytest.raises(KeyUnavailable, match="no space left"):
            kept.rotating.rotate()
    assert sorted(p.name for p in where.iterdir()) == before
    assert kept.rotating.rotate() == "kek-2"
    assert kept.unwrap() == CANARY


def test_what_a_cut_off_write_left_is_no_key(kept: Scene) -> None:
    """A temporary file and names of another form are not looked at."""
    for name in (".new-00ff", "kek-0.json", "kek-01.json", "kek-2.json.bak", "kek-x.json"):
        (folder(kept.running) / name).write_text("{")
    assert again(kept) == CANARY
    assert kept.keys.check().startswith("1 keys")


def test_two_processes_rotate_one_after_the_other(kept: Scene) -> None:
    """A key that another process made is found: to open with at once, and to wrap with from then on."""
    with log_in(kept.folder) as (log, gate):
        other = part("file").open(kept.running.settings, gate)
        assert kept.rotating.rotate() == "kek-2"
        later = kept.keys.wrap(Secret(b"later"), RESOURCE, 2, ())
        assert other.unwrap(log.decide(decision()), later, NOW).reveal() == b"later"
        assert other.wrap(Secret(b"x"), RESOURCE, 3, ()).key == "kek-2"
        other.close()


def test_a_key_that_was_taken_away_opens_no_more(kept: Scene) -> None:
    """Once a key is removed and the folder looked at, nothing that it wrapped opens, and the words name it."""
    kept.rotating.rotate()
    (folder(kept.running) / "kek-1.json").unlink()
    kept.keys.check()
    with pytest.raises(KeyUnavailable, match="kek-1"):
        kept.unwrap()


def test_a_copy_of_the_folder_is_a_backup(kept: Scene, tmp_path: Path) -> None:
    """The files and the passphrase are all that is needed elsewhere."""
    copy = tmp_path / "restored"
    copy.mkdir(mode=0o700)
    for path in folder(kept.running).iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
        (copy / path.name).chmod(0o600)
    folder(kept.running).rename(tmp_path / "lost")
    assert again(kept, with_options(kept.running.settings, folder=str(copy))) == CANARY


def piped(data: bytes) -> int:
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    return reading


def test_a_passphrase_comes_from_a_descriptor(kept: Scene) -> None:
    """What was written to a pipe unlocks the folder, and the descriptor is closed."""
    descriptor = piped(b"correct horse battery staple\n")
    settings = with_options(kept.running.settings, passphrase_file="", passphrase_fd=str(descriptor))
    assert again(kept, settings) == CANARY
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(descriptor)


def test_a_descriptor_that_never_ends_is_not_waited_for(kept: Scene) -> None:
    """Where nobody closes the other side, the back end is unavailable."""
    reading, writing = os.pipe()
    options = {**kept.running.settings.options, "passphrase-fd": str(reading)}
    del options["passphrase-file"]
    with pytest.raises(KeyUnavailable, match=r"within 0\.05 seconds"):
        again(kept, KeySettings(options, 0.05))
    os.close(reading)
    os.close(writing)


def test_a_passphrase_comes_from_a_credential(kept: Scene) -> None:
    """A file in systemd's folder of credentials unlocks it, with the mode that systemd gives it."""
    credentials = kept.folder / "credentials"
    credentials.mkdir()
    (credentials / "keys").write_text("correct horse battery staple")
    (credentials / "keys").chmod(0o440)
    settings = with_options(kept.running.settings, passphrase_file="", passphrase_credential="keys")
    assert again(kept, with_options(settings, credentials=str(credentials))) == CANARY
    for name, where in (("../passphrase", str(credentials)), ("keys", "")):
        with pytest.raises(BadInput):
            again(kept, with_options(settings, passphrase_credential=name, credentials=where))


OPTIONS: dict[str, tuple[dict[str, str], type[StrongroomError]]] = {
    "two ways to read it": ({"passphrase_fd": "3"}, BadInput),
    "two ways to unlock": ({"keyring": "x"}, BadInput),
    "none": ({"passphrase_file": ""}, BadInput),
    "another way": ({"passphrase_file": "", "keyring": "x"}, BadInput),
    "a relative folder": ({"folder": "keys"}, BadInput),
    "no folder": ({"folder": ""}, BadInput),
    "no file": ({"passphrase_file": "/nonexistent/x"}, Unreadable),
    "a device": ({"passphrase_file": "/dev/null"}, Unreadable),
    "no descriptor": ({"passphrase_file": "", "passphrase_fd": "99999"}, Unreadable),
    "no number": ({"passphrase_file": "", "passphrase_fd": "three"}, BadInput),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_that_do_not_fit_are_refused(kept: Scene, name: str) -> None:
    """Whatever is wrong with the options is said, and opens nothing."""
    options, error = OPTIONS[name]
    with pytest.raises(error):
        again(kept, with_options(kept.running.settings, **options))


def test_a_passphrase_that_others_can_read_is_refused(kept: Scene) -> None:
    """A file that the group may read is not taken, with the command that mends it."""
    (kept.folder / "passphrase").chmod(0o640)
    with pytest.raises(Unreadable, match="mode 0640") as caught:
        again(kept)
    assert "chmod 600" in caught.value.hint


# The OS keyring: the package where it is installed, with a keyring of a test's own behind it.


@pytest.fixture
def keyring() -> Iterator[types.ModuleType]:
    """The package, with a keyring in memory."""
    package = pytest.importorskip("keyring", reason="the package keyring is missing")
    backend = importlib.import_module("keyring.backend")
    held: dict[tuple[str, str], str] = {}

    class Memory(backend.KeyringBackend):  # type: ignore[name-defined,misc]
        """Entries in memory."""

        priority = 1
        entries = held

        def get_password(self, service: str, username: str) -> str | None:
            return held.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            held[service, username] = password

    before = package.get_keyring()
    package.set_keyring(Memory())
    yield package
    package.set_keyring(before)


@pytest.fixture
def in_keyring(keyring: types.ModuleType, tmp_path: Path) -> KeySettings:
    """A folder whose unlocking key is in the keyring."""
    settings = KeySettings({"folder": str(tmp_path / "keys"), "keyring": "broker"})
    backend = part("file")
    assert backend.prepare is not None
    assert keyring.get_keyring().priority == 1
    backend.prepare(settings)
    return settings


def test_a_keyring_unlocks_a_folder(in_keyring: KeySettings, keyring: types.ModuleType, tmp_path: Path) -> None:
    """What was put into the keyring opens the folder; without its entry, or with another, it stays closed."""
    entries = keyring.get_keyring().entries
    with log_in(tmp_path) as (log, gate):
        keys = part("file").open(in_keyring, gate)
        wrapped = keys.wrap(Secret(CANARY), RESOURCE, 1, ())
        assert keys.unwrap(log.decide(decision()), wrapped, NOW).reveal() == CANARY
        (name,) = entries
        for value in ("AAAA", "no base64!", "A" * 43 + "="):
            entries[name] = value
            with pytest.raises(KeyUnavailable):
                part("file").open(in_keyring, gate)
        del entries[name]
        with pytest.raises(KeyUnavailable, match="no entry 'broker'"):
            part("file").open(in_keyring, gate)


def test_an_entry_of_the_keyring_is_never_replaced(in_keyring: KeySettings, tmp_path: Path) -> None:
    """A second folder under the same entry is refused, since the first would never open again."""
    backend = part("file")
    assert backend.prepare is not None
    with pytest.raises(KeyUnavailable, match="wanted a name of its own"):
        backend.prepare(with_options(in_keyring, folder=str(tmp_path / "second")))


@pytest.mark.parametrize("module", ["keyrings.alt.file", "keyring.backends.null", "keyring.backends.fail"])
def test_a_keyring_that_keeps_nothing_shut_is_refused(
    keyring: types.ModuleType, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    """Files in clear and the keyring that is none are no place for a key."""
    open_one = type("Open", (), {"__module__": module})()
    monkeypatch.setattr(keyring, "get_keyring", lambda: open_one)
    with pytest.raises(KeyUnavailable, match="keeps nothing shut"):
        _keyring.get("strongroom", "x", 5.0)


def test_a_keyring_that_waits_for_somebody_is_not_waited_for(
    keyring: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A keyring that asks a person who is not there is unavailable in time."""
    reading, writing = os.pipe()
    monkeypatch.setattr(keyring, "get_password", lambda *_args, **_named: os.read(reading, 1).decode())
    with pytest.raises(KeyUnavailable, match=r"within 0\.05 seconds"):
        _keyring.get("strongroom", "x", 0.05)
    os.write(writing, b"x")


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package is missing, the words say what to install."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(NotFound) as caught:
        _keyring.get("strongroom", "x", 5.0)
    assert "strongroom[keyring]" in caught.value.hint


# Dies at the n-th call that changes the disk, as a machine does: nothing behind it is carried out.
_DYING = """
import os, sys
from strongroom.kit.rooms import room
from strongroom.model.release import KeyBackend, KeySettings

backend = room("strongroom.keys", "KEYS", KeyBackend)["file"]
folder, passphrase, step = sys.argv[1:]
real, done = {}, 0

def dying(name):
    def call(*args, **named):
        global done
        if name == "open" and not (len(args) > 1 and args[1] & os.O_CREAT):
            return real[name](*args, **named)
        done += 1
        if done == int(step):
            os._exit(9)
        return real[name](*args, **named)
    return call

for name in ("open", "link", "unlink", "fsync", "mkdir"):
    real[name] = getattr(os, name)
    setattr(os, name, dying(name))
backend.prepare(KeySettings({"folder": folder, "passphrase-file": passphrase}))
"""


def test_a_folder_that_was_cut_off_is_gone_on_with(tmp_path: Path) -> None:
    """Killed at any step, preparing leaves a folder that preparing again completes, and that then keeps and opens."""
    secret, backend = tmp_path / "passphrase", part("file")
    secret.write_text("correct horse")
    secret.chmod(0o600)
    assert backend.prepare is not None
    ended, step = 9, 0
    while ended == 9:
        step += 1
        settings = KeySettings({"folder": str(tmp_path / f"keys-{step}"), "passphrase-file": str(secret)})
        words = (sys.executable, "-c", _DYING, settings.options["folder"], str(secret), str(step))
        ended = subprocess.run(words, check=False, timeout=60).returncode
        assert backend.prepare(settings).startswith("1 key ")
        with log_in(tmp_path) as (log, gate):
            keys = backend.open(settings, gate)
            wrapped = keys.wrap(Secret(CANARY), RESOURCE, 1, ())
            assert keys.unwrap(log.decide(decision()), wrapped, NOW).reveal() == CANARY
            keys.close()
    assert ended == 0
    assert step > 8
