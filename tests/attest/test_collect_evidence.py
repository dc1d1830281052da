"""Asking devices for evidence, with made-up devices in their place: none of this was run on such hardware."""

import ctypes
import errno
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from in_process import run

from strongroom.app.attest_collect import collect
from strongroom.collect.evidence import configfs_tsm, nsm, sev_guest, tpm
from strongroom.kit import cbor
from strongroom.model.attest import EvidenceKind
from strongroom.model.errors import BadInput, BadUsage, Malformed, NotFound, StrongroomError, Unreadable

NONCE = bytes(range(64))


# configfs-tsm


class Kernel:
    """Stands for the kernel: a report appears in a new folder, and each write counts."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, provider: str = "sev_guest") -> None:
        self.root = root
        self.provider = provider
        self.others = 0  # how many more writes of others come in between
        self.asked: list[tuple[str, bytes]] = []
        self.auxiliary: bytes | None = b"certificates"
        mkdir, write, rmdir = Path.mkdir, configfs_tsm._write, Path.rmdir

        def made(path: Path, *_: object) -> None:
            mkdir(path)
            if path.parent == root:
                for name, data in (("provider", provider.encode() + b"\n"), ("generation", b"7\n")):
                    (path / name).write_bytes(data)

        def wrote(path: Path, data: bytes) -> None:
            write(path, data)
            self.asked.append((path.name, data))
            self._count(path.parent, 1)
            if path.name == "inblob":
                (path.parent / "outblob").write_bytes(b"report over " + data)
                if self.auxiliary is not None:
                    (path.parent / "auxblob").write_bytes(self.auxiliary)
                if self.others:
                    self.others -= 1
                    self._count(path.parent, 1)

        def removed(path: Path) -> None:
            for file in path.iterdir():
                file.unlink()
            rmdir(path)

        monkeypatch.setattr(Path, "mkdir", made)
        monkeypatch.setattr(Path, "rmdir", removed)
        monkeypatch.setattr(configfs_tsm, "_write", wrote)

    @staticmethod
    def _count(folder: Path, more: int) -> None:
        file = folder / "generation"
        file.write_bytes(f"{int(file.read_bytes()) + more}\n".encode())


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    root = tmp_path / "report"
    root.mkdir()
    return Kernel(root, monkeypatch)


def test_a_report_comes_with_its_certificates(kernel: Kernel) -> None:
    """What was asked is zeros up to 64 octets; the report and the host's certificates come back, and the folder goes."""
    found = configfs_tsm.collect(b"nonce", root=str(kernel.root))
    assert kernel.asked == [("inblob", b"nonce" + bytes(59))]
    assert (found.kind, [p.name for p in found.parts]) == (EvidenceKind.SNP, ["report", "certificates"])
    assert found.octets == b"report over nonce" + bytes(59) + b"certificates"
    assert list(kernel.root.iterdir()) == []


def test_a_quote_comes_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A TD gives a quote, and nothing beside it."""
    kernel = Kernel(tmp_path, monkeypatch, "tdx_guest")
    kernel.auxiliary = None
    found = configfs_tsm.collect(NONCE, root=str(tmp_path))
    assert (found.kind, [p.name for p in found.parts]) == (EvidenceKind.TDX, ["quote"])


def test_a_level_is_written_before_the_question(kernel: Kernel) -> None:
    """The privilege level is part of what is asked."""
    configfs_tsm.collect(NONCE, 2, str(kernel.root))
    assert kernel.asked == [("privlevel", b"2"), ("inblob", NONCE)]


def test_a_report_that_somebody_wrote_over_is_asked_for_again(kernel: Kernel) -> None:
    """When the generation is not what our own writes made it, the report may answer somebody else."""
    kernel.others = 2
    configfs_tsm.collect(NONCE, root=str(kernel.root))
    assert len(kernel.asked) == 3


def test_a_writer_that_never_stops_is_an_error(kernel: Kernel) -> None:
    """After five attempts there is no report, rather than somebody else's; and the folder goes."""
    kernel.others = 99
    with pytest.raises(BadInput, match="others wrote over"):
        configfs_tsm.collect(NONCE, root=str(kernel.root))
    assert list(kernel.root.iterdir()) == []


def test_a_reader_that_would_block_is_a_race(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """EWOULDBLOCK says that the report is of an older question: it is asked again."""
    blobs, left = configfs_tsm._blobs, [1]

    def racing(folder: Path, kind: EvidenceKind) -> object:
        if left:
            left.pop()
            raise BlockingIOError(errno.EWOULDBLOCK, "would block")
        return blobs(folder, kind)

    monkeypatch.setattr(configfs_tsm, "_blobs", racing)
    assert configfs_tsm.collect(NONCE, root=str(kernel.root)).parts
    assert len(kernel.asked) == 2


def test_a_provider_that_is_not_known_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence of a kind that cannot be judged is not collected as another."""
    Kernel(tmp_path, monkeypatch, "arm_cca_guest")
    with pytest.raises(BadInput, match="arm_cca_guest"):
        configfs_tsm.collect(NONCE, root=str(tmp_path))


def test_a_kernel_without_a_module_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interface without a module behind it refuses new folders; the message says which modules there are."""

    def refused(_path: Path, *_: object) -> None:
        raise OSError(errno.ENXIO, "No such device or address")

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(NotFound) as e:
        configfs_tsm.collect(NONCE, root=str(tmp_path))
    assert "modprobe" in e.value.hint


# /dev/sev-guest

REPORT = bytes([2]) + bytes(1183)
TABLE = bytes(range(16)) + struct.pack("<II", 48, 5) + bytes(24) + b"chain"


def at(address: int, size: int) -> "ctypes.Array[ctypes.c_char]":
    """The octets at an address of this process, as a driver sees them."""
    return (ctypes.c_char * size).from_address(address)


def firmware(
    asked: list[object], room: int = 0x4000, *, extended: bool = True, status: int = 0, fails: bool = False
) -> Callable[[int, int, bytearray], object]:
    """A made-up driver: it wants `room` for certificates, or has none."""

    def ioctl(_descriptor: int, code: int, argument: bytearray) -> object:
        version, request, response, _ = struct.unpack("<B7xQQQ", argument)
        data, level = struct.unpack_from("<64sI", at(request, 96).raw)
        asked.append((code, version, data, level))
        if fails or (code == sev_guest.GET_EXT_REPORT and not extended):
            struct.pack_into("<Q", argument, 24, 0x22)
            raise OSError(errno.EIO, "Input/output error")
        if code == sev_guest.GET_EXT_REPORT:
            address, length = struct.unpack("<QI", at(request + 96, 12).raw)
            if length < room:
                at(request + 104, 4).raw = struct.pack("<I", room)
                struct.pack_into("<Q", argument, 24, 1 << 32)
                raise OSError(errno.EIO, "Input/output error")
            at(address, len(TABLE)).raw = TABLE
        at(response, 32 + len(REPORT)).raw = struct.pack("<II24x", status, len(REPORT)) + REPORT
        return 0

    return ioctl


@pytest.fixture
def device(tmp_path: Path) -> str:
    path = tmp_path / "device"
    path.touch()
    return str(path)


def test_the_numbers_of_the_driver() -> None:
    """The request numbers are those that the kernel's headers give on x86-64."""
    assert (sev_guest.GET_REPORT, sev_guest.GET_EXT_REPORT, nsm.RAW) == (0xC0205300, 0xC0205302, 0xC0200A00)


@pytest.mark.parametrize("room", [0x4000, 0x9000])
def test_the_extended_request_brings_certificates(device: str, room: int) -> None:
    """The report comes with the host's table; where that needs more room, it is asked again with it."""
    asked: list[object] = []
    found = sev_guest.collect(NONCE, 1, device, firmware(asked, room))
    assert found.octets == REPORT + TABLE
    assert asked == [(sev_guest.GET_EXT_REPORT, 1, NONCE, 1)] * (1 if room == 0x4000 else 2)


def test_a_host_without_certificates_gives_the_report(device: str) -> None:
    """Where the extended request fails, the plain one is made."""
    asked: list[object] = []
    found = sev_guest.collect(b"n", 0, device, firmware(asked, extended=False))
    assert (found.octets, len(asked)) == (REPORT, 2)


def test_firmware_that_refuses_is_told_with_its_errors(device: str) -> None:
    """The message has the firmware's own error."""
    with pytest.raises(Unreadable, match="firmware error 0x22"):
        sev_guest.collect(NONCE, 0, device, firmware([], fails=True))
    with pytest.raises(BadInput, match="status 0x16"):
        sev_guest.collect(NONCE, 0, device, firmware([], status=0x16))


# /dev/nsm


def module(answer: object, asked: list[object]) -> Callable[[int, int, bytearray], object]:
    """A made-up module, which answers with CBOR."""

    def ioctl(_descriptor: int, code: int, argument: bytearray) -> object:
        request, size, response, room = struct.unpack("<QQQQ", argument)
        asked.append((code, cbor.read(at(request, size).raw), room))
        octets = answer if isinstance(answer, bytes) else cbor.encode(answer)  # type: ignore[arg-type]
        at(response, len(octets)).raw = octets
        struct.pack_into("<Q", argument, 24, len(octets))
        return 0

    return ioctl


def test_an_enclave_gives_its_document(device: str) -> None:
    """The nonce is asked for, nothing else is, and the document comes back as it is."""
    asked: list[object] = []
    found = nsm.collect(NONCE, device, module({"Attestation": {"document": b"signed"}}, asked))
    assert (found.kind, found.octets) == (EvidenceKind.NITRO, b"signed")
    assert asked == [(nsm.RAW, {"Attestation": {"user_data": None, "nonce": NONCE, "public_key": None}}, 0x3000)]


@pytest.mark.parametrize(
    "answer",
    [{"Error": "InvalidArgument"}, {}, {"Attestation": {}}, {"Attestation": {"document": "text"}}, 7, b"", b"\xff"],
)
def test_an_answer_that_is_no_document_is_told(device: str, answer: object) -> None:
    """An error of the module is told in its own word; nothing else is taken for a document."""
    with pytest.raises(BadInput) as e:
        nsm.collect(NONCE, device, module(answer, []))
    if isinstance(answer, dict) and "Error" in answer:
        assert "InvalidArgument" in e.value.found


def test_an_answer_longer_than_its_room_is_refused(device: str) -> None:
    """A length that the driver cannot have written is never read."""

    def ioctl(_descriptor: int, _code: int, argument: bytearray) -> object:
        struct.pack_into("<Q", argument, 24, 1 << 40)
        return 0

    with pytest.raises(Malformed):
        nsm.collect(NONCE, device, ioctl)


# Whichever is there


@pytest.mark.parametrize("size", [65, 513, 1024])
def test_a_challenge_that_does_not_fit_is_never_cut(device: str, tmp_path: Path, size: int) -> None:
    """A challenge that is longer than what the hardware signs is refused; a part of it would answer another."""
    with pytest.raises(BadInput):
        sev_guest.collect(bytes(size), 0, device)
    with pytest.raises(BadInput):
        configfs_tsm.collect(bytes(size), root=str(tmp_path))
    if size > 512:
        with pytest.raises(BadInput):
            nsm.collect(bytes(size), device)


def test_the_first_interface_that_is_there_is_asked(kernel: Kernel, tmp_path: Path) -> None:
    """The kernel's own interface comes before the devices; a name that is none, and a level for an enclave, are errors of use."""
    none = str(tmp_path / "none")
    assert collect(NONCE, None, None, str(kernel.root), none, none).by == "configfs-tsm, sev_guest"
    with pytest.raises(BadUsage):
        collect(NONCE, "spdm")
    with pytest.raises(BadUsage):
        collect(NONCE, "nsm", 1)


def test_a_machine_without_any_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is collected where nothing is: the message names what was looked for, and the command exits with 2."""
    monkeypatch.setattr(tpm, "present", lambda _: False)
    none = [str(tmp_path / n) for n in ("a", "b", "c")]
    with pytest.raises(NotFound) as e:
        collect(NONCE, None, None, *none)
    assert all(n in e.value.found for n in none)
    for work in (lambda: sev_guest.collect(b"", 0, none[1]), lambda: nsm.collect(b"", none[2])):
        with pytest.raises(StrongroomError, match="no "):
            work()


def test_the_command_on_a_machine_without_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command says what is missing, where to run it, writes no file, and exits with 2."""
    monkeypatch.setattr(tpm, "present", lambda _: False)
    if any((configfs_tsm.present(), sev_guest.present(), nsm.present())):
        pytest.skip("this machine has a device that gives evidence")
    done = run("attest", "collect", "--nonce", "ab" * 32, "-o", "evidence.bin", cwd=tmp_path)
    assert done.returncode == 2
    assert "hint: run it as root inside of" in done.stderr
    assert not (tmp_path / "evidence.bin").exists()
