"""Reference values: what is measured is signed and logged, and only what a trusted key signed counts."""

import json
import struct
import zlib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from strongroom.app.config import Config, StateSection
from strongroom.app.references import load, parse
from strongroom.attest import matching
from strongroom.cli.main import group
from strongroom.kit import reference_file
from strongroom.model.attest import EvidenceKind, ReferenceValues, StepVerdict
from strongroom.model.errors import Malformed, StrongroomError, Unreadable


def eif_file(path: Path, application: bytes = b"application") -> Path:
    """An enclave image with an application."""
    sections = ((1, b"kernel"), (2, b"quiet"), (3, b"bootstrap"), (3, application))
    at, offsets, sizes, body = 548, [], [], b""
    for kind, data in sections:
        offsets.append(at)
        sizes.append(len(data))
        body += struct.pack(">HHQ", kind, 0, len(data)) + data
        at += 12 + len(data)
    head = struct.pack(">4sHHQQHH", b".eif", 4, 0, 0, 0, 0, 4)
    head += struct.pack(">64Q", *offsets, *[0] * 28, *sizes, *[0] * 28) + bytes(4)
    path.write_bytes(head + zlib.crc32(head + body).to_bytes(4, "big") + body)
    return path


class Shell:
    """Runs the command in this process, with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.file = home / "references.toml"
        self.key = ""

    def __call__(self, *words: str) -> Result:
        env = {"HOME": str(self.home), "XDG_CONFIG_HOME": None, "XDG_STATE_HOME": str(self.home / "state")}
        return CliRunner(env={**env, "COLUMNS": "80"}).invoke(group, ["attest", *words])

    def ok(self, *words: str, code: int = 0) -> str:
        done = self(*words)
        assert done.exit_code == code, (done.exit_code, done.output)
        assert "Traceback" not in done.output
        return done.output

    def measure(self, image: Path, *more: str, code: int = 0) -> str:
        said = self.ok("measure", "nitro", str(image), "--references", str(self.file), *more, code=code)
        self.key = next((x.split()[-1] for x in said.splitlines() if x.startswith("public key")), self.key)
        return said

    def load(self, *keys: str) -> ReferenceValues:
        state = StateSection(path=str(self.home / "seen/strongroom.db"))
        return load([str(self.file)], Config(state=state), keys or (self.key,))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path)
    made.measure(eif_file(tmp_path / "a.eif"), "--name", "signer", "--version", "1.0")
    return made


def verdict(known: ReferenceValues, **registers: str) -> StepVerdict:
    """What a verifier makes of a Nitro enclave with these registers."""
    return matching.reference(known, EvidenceKind.NITRO, registers).verdict


def test_what_is_measured_is_signed_and_counts(shell: Shell) -> None:
    """The values of an image that was measured match an enclave with these registers, and none with others."""
    known = shell.load()
    (reference,) = known.items
    registers = {name: values[0] for name, values in reference.values.items()}
    assert (known.trouble, reference.name, reference.version) == ("", "signer", "1.0")
    assert verdict(known, **registers) is StepVerdict.PASS
    assert verdict(known, **{**registers, "pcr2": "00" * 48}) is StepVerdict.FAIL
    assert verdict(known) is StepVerdict.FAIL


def test_a_reference_names_the_image_that_it_belongs_to(shell: Shell) -> None:
    """The image is the digest of the file that was measured, or the one that is named."""
    named = "sha256:" + "ab" * 32
    assert shell.load().items[0].image.startswith("sha256:")
    shell.measure(eif_file(shell.home / "b.eif", b"b"), "--name", "other", "--image", named)
    assert shell.load().items[1].image == named


def test_a_change_is_logged(shell: Shell) -> None:
    """Every change of the file is an entry of the log, with its version and its digest."""
    text = CliRunner(env={"XDG_STATE_HOME": str(shell.home / "state"), "HOME": str(shell.home)}).invoke(
        group, ["log", "get", "0", "--format", "json"]
    )
    assert "reference values references" in text.output, text.output
    assert reference_file.digest(shell.file.read_bytes())[7:] in text.output


def test_without_a_trusted_key_nothing_counts(shell: Shell) -> None:
    """A file that is signed by somebody else has no items, and says why; so has one without a key."""
    other = Shell(shell.home / "other")
    other.home.mkdir()
    other.measure(eif_file(other.home / "a.eif"), "--name", "x")
    for keys in ([other.key], []):
        known = load([str(shell.file)], Config(state=StateSection(path=str(shell.home / "s/x.db"))), keys)
        assert known.items == ()
        assert "counts for nothing" in known.trouble
        assert verdict(known, pcr0="00" * 48) is StepVerdict.NOT_CHECKED


def test_a_file_that_was_changed_does_not_count(shell: Shell) -> None:
    """One digit more or less, and the signature is of another file; measuring again does not sign it along."""
    text = shell.file.read_text()
    shell.file.write_text(text.replace('version = "1.0"', 'version = "1.1"'))
    assert shell.load().items == ()
    again = shell("measure", "nitro", str(shell.home / "a.eif"), "--references", str(shell.file), "--name", "y")
    assert again.exit_code == 2
    assert "measure sign" in again.output
    assert "version     2" in shell.ok("measure", "sign", str(shell.file))
    assert shell.load().items[0].version == "1.1"


def test_a_file_without_signature_does_not_count(shell: Shell) -> None:
    """A missing signature is told as such."""
    Path(f"{shell.file}.sig").unlink()
    known = shell.load()
    assert known.items == ()
    assert "its signature" in known.trouble


def test_an_older_version_does_not_count_where_a_newer_was_seen(shell: Shell) -> None:
    """Putting back an old file with its own good signature does not bring back the build in it."""
    old = shell.file.read_bytes(), Path(f"{shell.file}.sig").read_bytes()
    assert len(shell.load().items) == 1
    shell.measure(eif_file(shell.home / "b.eif", b"b"), "--name", "signer", "--version", "2.0")
    assert len(shell.load().items) == 2
    shell.file.write_bytes(old[0])
    Path(f"{shell.file}.sig").write_bytes(old[1])
    known = shell.load()
    assert known.items == ()
    assert "version 2, which was seen here" in known.trouble


def test_what_was_seen_and_cannot_be_read_refuses(shell: Shell) -> None:
    """A memory that was damaged is no memory of version nought."""
    assert shell.load().trouble == ""
    (memory,) = (shell.home / "seen/references-seen").iterdir()
    memory.write_text("many\n")
    assert "cannot be read" in shell.load().trouble


def test_the_same_again_changes_nothing(shell: Shell) -> None:
    """Measuring the same image twice leaves file, version and log alone."""
    before = shell.file.read_bytes()
    assert "nothing changed" in shell.measure(shell.home / "a.eif", "--name", "signer", "--version", "1.0")
    assert shell.file.read_bytes() == before


def test_other_values_under_one_version_are_refused(shell: Shell) -> None:
    """A version that means two builds means nothing; it is replaced only on request."""
    image = eif_file(shell.home / "b.eif", b"b")
    words = ("--name", "signer", "--version", "1.0")
    assert "--replace" in shell.measure(image, *words, code=2)
    shell.measure(image, *words, "--replace")
    assert len(shell.load().items) == 1


def test_list_says_what_counts(shell: Shell) -> None:
    """The list shows what a trusted key signed; without one it shows nothing, says why, and exits with 2."""
    said = json.loads(shell.ok("measure", "list", str(shell.file), "--key", shell.key, "--format", "json"))
    assert [i["name"] for i in said["items"]] == ["signer"]
    assert "counts for nothing" in shell.ok("measure", "list", str(shell.file), code=2).replace("\n", " ")


def test_a_golden_sample_needs_the_image_that_it_is_of(shell: Shell, vectors: Path) -> None:
    """Registers of evidence say nothing about the image: it has to be named, and the reference says what it is."""
    report = str(vectors / "attest/snp/milan_v3_oak.report.bin")
    words = ("measure", "from", report, "--references", str(shell.file), "--name", "oak")
    refused = shell(*words)
    assert (refused.exit_code, "--image" in refused.output) == (2, True)
    shell.ok(*words, "--image", "sha256:" + "cd" * 32)
    assert "golden = true" in shell.file.read_text()
    assert shell.load().of(EvidenceKind.SNP)[0].values["measurement"][0].startswith("195b01b7")


GOOD = {
    "schema": reference_file.SCHEMA,
    "name": "r",
    "version": 1,
    "reference": [
        {"kind": "nitro", "name": "a", "image": "sha256:" + "ab" * 32, "values": {"pcr0": ["ab" * 48]}},
    ],
}


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("values", {}),
        ("values", {"pcr0": []}),
        ("values", {"pcr0": [""]}),
        ("values", {"pcr0": ["AB" * 48]}),
        ("values", {"pcr0": ["00" * 48]}),
        ("image", ""),
        ("image", "latest"),
        ("name", "a b"),
        ("kind", "none"),
        ("pcr0", "ab"),
    ],
)
def test_references_that_could_match_by_accident_are_refused(where: str, value: object) -> None:
    """No register, no value, an empty value, zeros of a debug enclave, no image: none of these is a reference."""
    table = {**GOOD, "reference": [{**GOOD["reference"][0], where: value}]}  # type: ignore[index]
    assert reference_file.read(GOOD, "x").reference
    with pytest.raises(Malformed):
        reference_file.read(table, "x")


def test_files_that_cannot_be_used_are_errors(tmp_path: Path) -> None:
    """A path that is not there, an empty folder and a file that is no TOML are errors, not an empty list."""
    broken = tmp_path / "broken.toml"
    broken.write_text("schema =")
    (tmp_path / "empty").mkdir()
    for path, error in ((tmp_path / "none.toml", Unreadable), (tmp_path / "empty", Unreadable), (broken, Malformed)):
        with pytest.raises(error):
            load([str(path)], Config(), ())
    with pytest.raises(StrongroomError):
        load([], Config(), ("no key",))


def test_the_file_is_the_same_when_it_is_written_again(shell: Shell) -> None:
    """Reading and writing a file gives the bytes that were signed."""
    data = shell.file.read_bytes()
    assert reference_file.render(parse(data, "x")).encode() == data
