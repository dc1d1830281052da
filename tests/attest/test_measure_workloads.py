"""Measuring SEV-SNP guests and trust domains from their files, as a user does."""

import hashlib
import json
import struct
import uuid
from importlib import metadata
from pathlib import Path

import pytest
from in_process import run

from strongroom.app import measure
from strongroom.kit.tdvf import Order
from strongroom.model.attest import EvidenceKind
from strongroom.model.errors import BadUsage, Malformed, TooLarge, Unreadable

DEBIAN = Path("/usr/share/ovmf/OVMF.fd")
DEBIAN_BUILD = "7b456907dd0786d415999e801a1ac4637b8ed4d7cf5378cfc6edbe5e574dd773"  # 2022.11-6+deb12u2


def ovmf(path: Path, *, metadata_too: bool = True, kernel: bool = True) -> Path:
    """A made-up OVMF of three pages, with the tables that SEV-SNP wants."""
    data = bytearray((i * 5 + 1) & 0xFF for i in range(0x3000))
    sections = [(0x800000, 0x1000, 1), (0x80D000, 0x1000, 2), (0x80E000, 0x1000, 3)]
    sections += [(0x80F000, 0x1000, 0x10)] if kernel else []
    descriptor = b"ASEV" + struct.pack("<III", 16 + 12 * len(sections), 1, len(sections))
    descriptor += b"".join(struct.pack("<III", *s) for s in sections)
    at = 0x3000 - 0x400
    data[at : at + len(descriptor)] = descriptor

    def entry(guid: str, value: bytes) -> bytes:
        return value + struct.pack("<H", len(value) + 18) + uuid.UUID(guid).bytes_le

    table = entry("00f771de-1a7e-4fcb-890e-68c77e2fb44e", struct.pack("<I", 0x80B004))
    table += entry("7255371f-3a3b-4b04-927b-1da6efa8d454", struct.pack("<II", 0x80FC00, 0x400))
    if metadata_too:
        table += entry("dc886566-984a-4798-a75e-5585a7bf67cc", struct.pack("<I", 0x400))
    table += struct.pack("<H", len(table) + 18) + uuid.UUID("96b582de-1fb2-45f7-baea-a366c55a082d").bytes_le
    data[0x3000 - 32 - len(table) : 0x3000 - 32] = table
    path.write_bytes(bytes(data))
    return path


def snp(firmware: Path, **change: object) -> tuple[str, ...]:
    """The launch digests of a guest, with changes to a usual one."""
    usual: dict[str, object] = {"ovmf": str(firmware), "kernel": "", "initrd": "", "append": "", "vmm": "qemu"}
    usual |= {"vcpu_type": "EPYC-Milan", "vcpus": (1,), "features": (1,)}
    return measure.sev_snp(**{**usual, **change}).values["measurement"]  # type: ignore[arg-type]


def test_every_input_of_a_guest_is_in_its_digest(tmp_path: Path) -> None:
    """Firmware, kernel, ramdisk, command line, vCPUs, their type, features and hypervisor each change the digest."""
    firmware = ovmf(tmp_path / "ovmf.fd")
    (tmp_path / "k").write_bytes(b"kernel")
    (tmp_path / "i").write_bytes(b"initrd")
    k, i = str(tmp_path / "k"), str(tmp_path / "i")
    found = [
        snp(firmware),
        snp(ovmf(tmp_path / "other.fd", kernel=False)),
        snp(firmware, kernel=k),
        snp(firmware, kernel=k, initrd=i),
        snp(firmware, kernel=k, initrd=i, append="quiet"),
        snp(firmware, vcpus=(2,)),
        snp(firmware, vcpu_type="EPYC-Genoa"),
        snp(firmware, features=(0x21,)),
        snp(firmware, vmm="ec2", vcpu_type=""),
        snp(firmware, vmm="gce", vcpu_type=""),
    ]
    assert len(set(found)) == len(found)
    assert all(len(bytes.fromhex(v)) == 48 for values in found for v in values)


def test_each_number_of_vcpus_is_a_value_of_its_own(tmp_path: Path) -> None:
    """A guest that is started in two sizes with two sets of features has four values."""
    firmware = ovmf(tmp_path / "ovmf.fd")
    found = snp(firmware, vcpus=(1, 4), features=(1, 0x21))
    assert found == tuple(v for n in (1, 4) for f in (1, 0x21) for v in snp(firmware, vcpus=(n,), features=(f,)))


def test_firmware_that_no_machine_could_start_is_refused(tmp_path: Path) -> None:
    """Without SEV metadata there would be a digest, and no guest that ever has it."""
    with pytest.raises(Malformed, match="SEV metadata"):
        snp(ovmf(tmp_path / "ovmf.fd", metadata_too=False))


def test_what_cannot_be_measured_is_an_error(tmp_path: Path) -> None:
    """A kernel that the firmware does not measure, unknown words, missing and odd files: each is told, none measured."""
    firmware = ovmf(tmp_path / "ovmf.fd", kernel=False)
    (tmp_path / "k").write_bytes(b"kernel")
    odd = tmp_path / "odd.fd"
    odd.write_bytes(firmware.read_bytes()[1:])
    for error, change in (
        (Malformed, {"kernel": str(tmp_path / "k")}),
        (Malformed, {"ovmf": str(odd)}),
        (Unreadable, {"kernel": str(tmp_path / "none")}),
        (Unreadable, {"ovmf": str(tmp_path)}),
        (BadUsage, {"initrd": str(tmp_path / "k")}),
        (BadUsage, {"vcpu_type": "EPYC-Naples"}),
        (BadUsage, {"vmm": "xen"}),
    ):
        with pytest.raises(error):
            snp(firmware, **change)


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package is missing the hint names the extra."""

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(BadUsage) as e:
        snp(ovmf(tmp_path / "ovmf.fd"))
    assert "strongroom[measure]" in e.value.hint


def test_debians_firmware_measures_as_the_program_says() -> None:
    """The digest of Debian's OVMF with four vCPUs is the one that `sev-snp-measure` prints."""
    if not DEBIAN.exists() or hashlib.sha256(DEBIAN.read_bytes()).hexdigest() != DEBIAN_BUILD:
        pytest.skip(f"no {DEBIAN} of the build whose value is known: apt install ovmf")
    assert snp(DEBIAN, vcpus=(4,), features=(0x21,)) == (
        "968824524f03c9ab191fbb02ac50d286a4aa1b5922ed74a422a806ce376a9e589d16c8dd8202c256834c0d4013e2584b",
    )


def test_a_trust_domain_is_measured_from_firmware_and_log(vectors: Path) -> None:
    """MRTD comes from the firmware, the registers of which the log speaks from the log; the log is no computation."""
    log = str(vectors / "attest/dcap/cos-113-tdx.ccel")
    found = measure.tdx(None, log, Order.PAGE)
    assert set(found.values) == {"rtmr0", "rtmr1", "rtmr2"}
    assert (found.golden, found.image, len(found.remarks)) == (True, "", 1)


def test_a_trust_domain_of_nothing_is_refused(tmp_path: Path) -> None:
    """Neither firmware nor log, an empty file, or a file that is far too large: there is nothing to measure."""
    empty, large = tmp_path / "empty", tmp_path / "large"
    empty.touch()
    with large.open("wb") as f:
        f.truncate(65 << 20)
    for error, firmware in ((BadUsage, None), (Malformed, str(empty)), (TooLarge, str(large))):
        with pytest.raises(error):
            measure.tdx(firmware, None, Order.PAGE)


def test_the_command_prints_what_it_measured(tmp_path: Path) -> None:
    """As JSON: the values, the digest of the image, the inputs with theirs, and with what it was computed."""
    firmware = ovmf(tmp_path / "ovmf.fd")
    words = ("attest", "measure", "snp", "--ovmf", str(firmware), "--vcpus", "2", "--vcpu-type", "EPYC-Milan")
    done = run(*words, "--guest-features", "21", "--format", "json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert found["values"]["measurement"] == list(snp(firmware, vcpus=(2,), features=(0x21,)))
    assert found["image"] == f"sha256:{hashlib.sha256(firmware.read_bytes()).hexdigest()}"
    assert "sev-snp-measure" in found["measured_with"]
    assert "the digest covers the firmware" in done.stderr
    wrong = run(*words, "--guest-features", "many", cwd=tmp_path)
    assert (wrong.returncode, "in hexadecimal" in wrong.stderr) == (2, True)


def test_only_the_registers_that_are_named() -> None:
    """A register that is named is taken alone; one that is not there is an error."""
    whole = measure.Measured(EvidenceKind.TDX, {"mrtd": ("a",), "rtmr1": ("b",)}, "", (), "", "")
    assert list(whole.only(["rtmr1"]).values) == ["rtmr1"]
    assert whole.only([]) == whole
    with pytest.raises(BadUsage):
        whole.only(["pcr0"])
