"""Where secrets are put: pages of their own, new files in memory, and descriptors that a program inherits."""

import ctypes
import fcntl
import os
import pickle
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.app import release_descriptors as descriptors
from strongroom.app import release_sinks as sinks
from strongroom.app.release_secret import Secret
from strongroom.kit import jwe
from strongroom.model.errors import BadUsage, Malformed, Unreadable
from strongroom.seal import memory as seal_memory
from strongroom.seal.memory import SEALS

SHM = Path("/dev/shm")
OCTETS = b"a secret of some octets"
NAME = "models/weights/llm-1"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENVIRONMENT = os.environ  # noqa: TID251 - what programs are started with
in_shm = pytest.mark.skipif(
    not SHM.is_dir() or not seal_memory.in_memory(SHM.stat().st_dev), reason="/dev/shm is no tmpfs"
)


def secret(octets: bytes = OCTETS) -> Secret:
    """A secret with something in it."""
    made = Secret(len(octets))
    made.view[:] = octets
    return made


def open_now() -> int:
    """How many descriptors are open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory."""
    folder = SHM / f"strongroom-test-{os.getpid()}"
    folder.mkdir()
    yield folder
    for each in folder.iterdir():
        each.unlink()
    folder.rmdir()


# The secret


def test_a_secret_is_wiped_with_its_block() -> None:
    """After the block the octets are gone, and whoever kept a view of them sees zeros."""
    made = secret()
    with made:
        assert (bytes(made), len(made)) == (OCTETS, len(OCTETS))
        kept = made.view
    assert bytes(kept) == bytes(len(OCTETS))
    with pytest.raises(ValueError, match="released"):
        bytes(made)
    made.wipe()


def test_a_secret_is_wiped_when_its_block_fails() -> None:
    """An error inside the block wipes it all the same."""
    made = secret()
    with pytest.raises(KeyboardInterrupt), made:
        raise KeyboardInterrupt
    with pytest.raises(ValueError, match="released"):
        bytes(made)


def test_a_secret_shows_and_copies_nothing() -> None:
    """Neither its text, nor a pickle, nor a report has anything of it."""
    with secret() as made:
        assert repr(made) == str(made) == f"{made}" == "Secret(…)"
        with pytest.raises(TypeError, match="not copied"):
            pickle.dumps(made)


def test_an_empty_secret_is_one() -> None:
    """A resource of no octets is a resource."""
    with Secret(0) as made:
        assert bytes(made) == b""


def test_pages_of_a_secret_are_in_no_core_file_and_no_child() -> None:
    """The kernel has them marked: not dumped (dd), not handed to children (dc), locked (lo) where it agreed."""
    with secret() as made:
        at = ctypes.addressof(ctypes.c_char.from_buffer(made._pages))
        lines = Path("/proc/self/smaps").read_text().splitlines()
        begin = next(n for n, line in enumerate(lines) if line.startswith((f"{at:x}-", f"{at:08x}-")))
        flags = next(line for line in lines[begin:] if line.startswith("VmFlags")).split()
        assert {"dd", "dc"} <= set(flags)
        assert made.locked == ("lo" in flags)


def test_what_does_not_open_leaves_nothing() -> None:
    """GCM writes before it knows: where the tag does not hold, what was written is overwritten."""
    sealed = bytearray(AESGCM(bytes(32)).encrypt(bytes(12), OCTETS, b""))
    sealed[-1] ^= 1
    into = bytearray(b"\xff" * len(OCTETS))
    with pytest.raises(InvalidTag):
        jwe._open(bytes(32), bytes(12), bytes(sealed), b"", into)
    assert into == bytes(len(OCTETS))


def test_a_protected_process_leaves_no_core() -> None:
    """Core files are off, for this process and what it starts, and it may not be looked into."""
    code = (
        "import ctypes, resource; from strongroom.app.release_secret import protect; assert protect() == ();"
        "assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0); assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0"
    )
    done = subprocess.run((sys.executable, "-c", code), check=False, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr


# Files and descriptors


@in_shm
def test_a_file_in_memory_is_its_owners_alone(memory: Path) -> None:
    """The file is there, whole, with mode 0600, whatever the umask says; until then there is none."""
    place = memory / "key"
    before = os.umask(0)
    try:
        with sinks.opened(str(place), None) as sink, secret() as made:
            assert not place.exists()
            sink.put(made)
    finally:
        os.umask(before)
    assert (place.read_bytes(), stat.S_IMODE(place.stat().st_mode)) == (OCTETS, 0o600)


@in_shm
def test_nothing_is_left_where_nothing_was_released(memory: Path) -> None:
    """When the release fails, no file, no partial one and no descriptor is left."""
    before = open_now()
    with pytest.raises(KeyboardInterrupt), sinks.opened(str(memory / "key"), None):
        raise KeyboardInterrupt
    assert list(memory.iterdir()) == []
    assert open_now() == before


@in_shm
def test_a_file_that_exists_is_not_written_over(memory: Path) -> None:
    """Neither one that was there, nor a link, nor one that came while the key was asked for."""
    (memory / "there").write_text("x")
    (memory / "link").symlink_to(memory / "nowhere")
    for name in ("there", "link"):
        with pytest.raises(BadUsage, match="exists"), sinks.opened(str(memory / name), None):
            pass
    with secret() as made, sinks.opened(str(memory / "late"), None) as sink:
        (memory / "late").write_text("another's")
        with pytest.raises(Unreadable, match="exists"):
            sink.put(made)
    assert (memory / "late").read_text() == "another's"


def test_a_disk_is_refused_unless_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place that is not known to lie in memory is a disk; who allows it gets the file there."""
    monkeypatch.setattr(seal_memory, "in_memory", lambda _: False)
    with pytest.raises(BadUsage, match="on a disk") as told, sinks.opened(str(tmp_path / "key"), None):
        pass
    assert "--allow-disk" in told.value.hint
    try:
        with sinks.opened(str(tmp_path / "key"), None, disk=True) as sink, secret() as made:
            sink.put(made)
    except Unreadable as e:
        pytest.skip(f"this file system has no files without a name: {e}")
    assert (tmp_path / "key").read_bytes() == OCTETS


MOUNTS = """
22 1 0:20 / / rw - ext4 /dev/root rw
23 22 0:21 / /run rw,nosuid shared:1 - tmpfs tmpfs rw
24 22 0:22 / /both rw - tmpfs tmpfs rw
25 22 0:22 / /both2 rw - overlay overlay rw
broken line
"""


@pytest.mark.parametrize(("minor", "wanted"), [(20, False), (21, True), (22, False), (99, False)])
def test_what_lies_in_memory(tmp_path: Path, minor: int, *, wanted: bool) -> None:
    """A tmpfs does; a disk, what is both, and what is not listed does not."""
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS.lstrip())
    assert seal_memory.in_memory(os.makedev(0, minor), str(table)) is wanted
    assert seal_memory.in_memory(os.makedev(0, minor), str(tmp_path / "none")) is False


@pytest.mark.parametrize("folder", ["/nonexistent", "/proc/self/status"])
def test_a_place_that_cannot_be_written_is_told(folder: str) -> None:
    """A folder that is not there, or is none, is named."""
    with pytest.raises(Unreadable, match=folder), sinks.opened(f"{folder}/key", None, disk=True):
        pass


@in_shm
def test_a_folder_of_another_is_told(memory: Path) -> None:
    """Without leave to write there, that is said before anything is asked for."""
    memory.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        with pytest.raises(Unreadable, match="permission denied"), sinks.opened(str(memory / "key"), None):
            pass
    finally:
        if root:
            os.seteuid(0)
        memory.chmod(0o755)


def test_a_pipe_gets_the_octets_and_nothing_else() -> None:
    """What is written to a descriptor is the secret, to the octet."""
    reading, writing = os.pipe()
    with sinks.opened(None, writing) as sink, secret() as made:
        sink.put(made)
    os.close(writing)
    with os.fdopen(reading, "rb") as f:
        assert f.read() == OCTETS


def test_a_reader_that_is_gone_is_an_error() -> None:
    """A secret that nobody took was not delivered: that is no success."""
    reading, writing = os.pipe()
    os.close(reading)
    with secret() as made, sinks.opened(None, writing) as sink, pytest.raises(Unreadable, match="pipe"):
        sink.put(made)
    os.close(writing)


def test_a_terminal_is_refused() -> None:
    """A secret is never written to a terminal, allowed or not."""
    controller, terminal = os.openpty()
    for disk in (False, True):
        with pytest.raises(BadUsage, match="terminal"), sinks.opened(None, terminal, disk=disk):
            pass
    os.close(controller)
    os.close(terminal)


@pytest.mark.parametrize("number", [1_000_000, 2**40])
def test_a_descriptor_that_is_not_open_is_told(number: int) -> None:
    """A number that nobody opened is refused before anything is asked for."""
    with pytest.raises(BadUsage, match="not open"), sinks.opened(None, number):
        pass


def test_one_place_at_a_time() -> None:
    """A file and a descriptor at once is a mistake."""
    with pytest.raises(BadUsage, match="one of them"), sinks.opened("/dev/shm/x", 1):
        pass


# What a program inherits


@pytest.mark.parametrize(
    ("words", "number", "variable"),
    [(NAME, None, ""), (f"{NAME}=5", 5, ""), (f"{NAME}=DB_PASSWORD_FILE", None, "DB_PASSWORD_FILE")],
)
def test_words_of_a_resource(words: str, number: int | None, variable: str) -> None:
    """A name alone, with a number, or with a variable."""
    assert descriptors.read((words,)) == (descriptors.Handed(NAME, number, variable),)


@pytest.mark.parametrize(
    "words",
    [
        (),
        (f"{NAME}=2",),
        (f"{NAME}=1024",),
        (f"{NAME}=99999999999999999999",),
        (f"{NAME}=\u0665",),
        (f"{NAME}=lower",),
        (f"{NAME}=",),
        (f"{NAME}=A=B",),
        (NAME, NAME),
        (f"{NAME}=5", "a/b/c=5"),
        (f"{NAME}=X", "a/b/c=X"),
        ("a/b/c-d", "a/b/c_d"),
    ],
)
def test_words_that_do_not_do(words: tuple[str, ...]) -> None:
    """Nothing, standard descriptors, numbers that cannot be, variables that are none, and two of the same."""
    with pytest.raises(BadUsage):
        descriptors.read(words)


def test_a_name_that_is_none() -> None:
    """The resource must have a name of the protocol."""
    with pytest.raises(Malformed):
        descriptors.read(("../x",))


@pytest.mark.parametrize("via", [descriptors.MEMFD, descriptors.PIPE])
def test_what_is_inherited_is_the_secret(via: str) -> None:
    """It is read from its start, nobody can change it, and it goes to a program that is started."""
    [handed] = descriptors.reserved(descriptors.read((NAME,)))
    assert handed.number is not None
    with secret() as made:
        descriptors.put(made, handed.number, via)
    assert os.get_inheritable(handed.number)
    if via == descriptors.MEMFD:
        with pytest.raises(PermissionError):
            os.write(handed.number, b"x")
        assert fcntl.fcntl(handed.number, fcntl.F_GET_SEALS) == SEALS
        assert stat.S_IMODE(os.fstat(handed.number).st_mode) == 0o400
        with Path(f"/dev/fd/{handed.number}").open("rb") as again:
            assert again.read() == OCTETS
    with os.fdopen(handed.number, "rb") as f:
        assert f.read() == OCTETS


def test_a_secret_that_a_pipe_does_not_take_is_told() -> None:
    """More octets than a pipe holds would wait for a reader for ever."""
    before = open_now()
    with secret(bytes(200_000)) as made, pytest.MonkeyPatch.context() as patch:
        patch.setattr(descriptors, "_PIPE", 1 << 20)  # so that it is not made larger
        with pytest.raises(Unreadable, match="200000 octets") as told:
            descriptors._piped(made)
    assert "memfd" in told.value.hint
    with secret(bytes(200_000)) as made:
        reading = descriptors._piped(made)
        with os.fdopen(reading, "rb") as f:
            assert len(f.read()) == 200_000
    assert open_now() == before


def test_a_number_that_is_open_is_not_taken() -> None:
    """A descriptor that whoever started us has opened is his."""
    mine = os.open(os.devnull, os.O_RDONLY)
    with pytest.raises(BadUsage, match="open"):
        descriptors.reserved((descriptors.Handed(NAME, mine),))
    os.close(mine)


def test_the_environment_tells_numbers_and_paths() -> None:
    """What is told is the number, and the path where it was asked for; never the secret."""
    handed = (descriptors.Handed(NAME, 5), descriptors.Handed("a/b/c", 6, "KEY_FILE"))
    assert descriptors.environment({"PATH": "/bin"}, handed) == {
        "PATH": "/bin",
        "STRONGROOM_FD_MODELS_WEIGHTS_LLM_1": "5",
        "STRONGROOM_FD_A_B_C": "6",
        "KEY_FILE": "/dev/fd/6",
    }
