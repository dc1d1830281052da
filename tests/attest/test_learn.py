"""Known boots: what is learned of golden machines, what of another boot is told, and what is never learned."""

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import tpm_minting as m
from click.testing import CliRunner, Result
from tpm_minting import Minted, booted

from strongroom.app.learning import Asked, learn
from strongroom.attest.policy import Policy, TpmPolicy
from strongroom.cli.main import group
from strongroom.kit import boot_events, ccel, known_boot, reference_file
from strongroom.model.attest import EvidenceKind, Reference, ReferenceValues, StepVerdict
from strongroom.model.errors import BadInput, BadUsage, Malformed

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
BANK = 0x0B


# Golden evidence must itself be proven


def golden(folder: Path, made: Minted, name: str = "golden.json") -> str:
    """Evidence in a file."""
    path = folder / name
    path.write_bytes(made.document())
    return str(path)


def asked(*paths: str, **fields: object) -> Asked:
    """What is asked of `learn`."""
    told: dict[str, object] = {
        "name": "node",
        "version": "",
        "image": "",
        "may_vary": (),
        "policy": Policy(),
        "now": AT,
    }
    return Asked(paths, **{**told, **fields})  # type: ignore[arg-type] # fields by name


@pytest.mark.parametrize(
    ("made", "step"),
    [
        (Minted(signer=m.OTHER_KEY), "tpm.signature"),
        (Minted(log=m.log_of(booted(b"another"))), "tpm.event_log"),
        (Minted(events=booted(on=b"\0")), "tpm.secure_boot"),
        (Minted(given={8: bytes(32)}), "tpm.pcr_digest"),
        (Minted(dropped=frozenset({"event_log"})), "tpm.event_log was not checked"),
        (Minted(pcrs=(0, 7)), "tpm.pcr_selection"),
    ],
    ids=["signature", "log", "secure boot", "values", "no log", "registers"],
)
def test_nothing_is_learned_from_a_boot_that_is_not_proven(tmp_path: Path, made: Minted, step: str) -> None:
    """Evidence that does not hold by itself teaches nothing, and the step that fails is named."""
    with pytest.raises(Malformed, match=step):
        learn(asked(golden(tmp_path, made)))


def test_one_bad_boot_among_good_ones_refuses_all(tmp_path: Path) -> None:
    """A union with a boot that is not proven is not made."""
    good, bad = golden(tmp_path, Minted()), golden(tmp_path, Minted(signer=m.OTHER_KEY), "bad.json")
    assert learn(asked(good)).boots == 1
    with pytest.raises(Malformed, match=r"bad\.json"):
        learn(asked(good, bad))


def test_a_class_that_there_is_not_is_refused(tmp_path: Path) -> None:
    """A word that is misspelt lets nothing vary; it is an error."""
    with pytest.raises(BadUsage, match="initramfs"):
        learn(asked(golden(tmp_path, Minted()), may_vary=("initramfs",)))


def test_a_register_without_events_must_stay_so(tmp_path: Path) -> None:
    """Into a register of the policy that no golden event went, nothing may go later."""
    policy = Policy(tpm=TpmPolicy(pcrs=(0, 7, 10)))
    reference = learn(asked(golden(tmp_path, Minted()), policy=policy)).reference
    assert reference.values == {"pcr10": ("00" * 32,)}


def test_a_key_of_unknown_origin_is_told(tmp_path: Path) -> None:
    """That nothing says in which TPM the key lives does not stop learning, and is said."""
    assert any("enrolment" in r for r in learn(asked(golden(tmp_path, Minted()))).remarks)
    enrolled = Policy(tpm=Minted().policy)
    assert learn(asked(golden(tmp_path, Minted()), policy=enrolled)).remarks == ()


# The command


class Shell:
    """Runs the command in this process, with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.file = home / "boot.toml"

    def __call__(self, *words: str) -> Result:
        env = {"HOME": str(self.home), "XDG_CONFIG_HOME": None, "XDG_STATE_HOME": str(self.home / "state")}
        return CliRunner(env={**env, "COLUMNS": "80"}).invoke(group, ["attest", *words])

    def learn(self, *words: str) -> str:
        """What it says; the evidence is golden."""
        done = self(
            "learn", *words, "-o", str(self.file), "--key", str(self.home / "key"), "--offline", "--at", f"{AT:%FT%TZ}"
        )
        assert done.exit_code == 0, done.output
        return done.output

    def verify(self, evidence: str, key: str, nonce: bytes = m.CHALLENGE) -> dict[str, dict[str, str]]:
        """The steps of a verdict."""
        given = ("--references", str(self.file), "--key", key, "--nonce", nonce.hex(), "--at", f"{AT:%FT%TZ}")
        done = self("verify", evidence, "--kind", "tpm", *given, "--offline", "--format", "json")
        return {s["id"]: s for s in json.loads(done.stdout)["steps"]}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell in an empty home."""
    return Shell(tmp_path)


def public(said: str) -> str:
    """The public key that was printed."""
    return next(x.split()[-1] for x in said.splitlines() if x.startswith("public key"))


def test_learn_then_verify(shell: Shell, tmp_path: Path) -> None:
    """What was learned is signed, and another boot is refused by it with the event in words."""
    key = public(shell.learn(golden(tmp_path, Minted())))
    again = shell.verify(golden(tmp_path, Minted(counters=(9000, 3, 1)), "again.json"), key)
    assert again["tpm.boot_events"]["verdict"] == again["tpm.measurement"]["verdict"] == "pass"
    evil = shell.verify(golden(tmp_path, Minted(events=booted(b"implanted")), "evil.json"), key)
    assert evil["tpm.boot_events"]["verdict"] == "fail"
    assert "the initrd is another one: /initrd.gz" in evil["tpm.boot_events"]["found"]
    assert {s for s, v in evil.items() if v["verdict"] == "fail"} == {"tpm.boot_events"}


def test_a_file_that_was_changed_counts_for_nothing(shell: Shell, tmp_path: Path) -> None:
    """A known boot that somebody widened without signing it again is no reference: nothing is compared, nothing opens."""
    key = public(shell.learn(golden(tmp_path, Minted())))
    shell.file.write_text(shell.file.read_text().replace("initrd", "kernel"))
    found = shell.verify(golden(tmp_path, Minted()), key)
    assert found["tpm.measurement"]["verdict"] == "not-checked"
    assert "counts for nothing" in found["tpm.measurement"]["reason"]


def test_learning_the_same_again_changes_nothing(shell: Shell, tmp_path: Path) -> None:
    """The same boot is there already; another one of that name needs a version, or the word."""
    shell.learn(golden(tmp_path, Minted()))
    assert "nothing changed" in shell.learn(golden(tmp_path, Minted()))
    other = golden(tmp_path, Minted(events=booted(b"new")), "new.json")
    done = shell(
        "learn", other, "-o", str(shell.file), "--key", str(tmp_path / "key"), "--offline", "--at", f"{AT:%FT%TZ}"
    )
    assert done.exit_code == 2
    assert "--version" in done.output
    assert shell.learn(other, "--replace")


def test_what_is_printed_fits_a_terminal(shell: Shell, tmp_path: Path) -> None:
    """Every line for people fits 80 columns, but those that are for copying."""
    for said in (shell.learn(golden(tmp_path, Minted())), shell("learn", "--help").output):
        copied = ("public key", "strongroom attest verify")
        assert [x for x in said.splitlines() if len(x) > 80 and not x.startswith(copied)] == []


def test_without_a_file_it_is_only_shown(shell: Shell, tmp_path: Path) -> None:
    """Without -o nothing is signed and nothing is written."""
    done = shell("learn", golden(tmp_path, Minted()), "--at", f"{AT:%FT%TZ}", "--format", "json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["events"]
    assert not shell.file.exists()


# Recorded boots


def taught(folder: Path, at: datetime) -> Reference:
    """What is learned of a recorded boot."""
    return learn(asked(str(folder), now=at)).reference.known


NOVEMBER = datetime(2026, 11, 22, tzinfo=UTC)


def test_the_recorded_implant_is_refused_by_its_event(vectors: Path) -> None:
    """The boot with an implanted initrd, whose quote, log and PCR 7 are as good as the golden one's, is refused in words."""
    from test_tpm import boot  # noqa: PLC0415 - the recorded evidence as that file judges it

    known = taught(vectors / "onprem/boot/sb-on-good", NOVEMBER)
    found = boot(vectors / "onprem/boot/sb-on-evil-initrd", ReferenceValues((known,), "owner"))
    failed = {s.id: s.found for s in found.steps if s.verdict is StepVerdict.FAIL}
    assert failed.keys() == {"tpm.ca_expiry", "tpm.boot_events"}
    assert failed["tpm.boot_events"].startswith("the initrd is another one: /initrd.gz, digest f054a83469684059…")
    assert failed["tpm.boot_events"].endswith("measured in PCR 9, event 47")


def test_pcr_7_alone_would_not_have_seen_the_implant(vectors: Path) -> None:
    """A reference of PCR 7, as disks are usually sealed to, takes the implanted boot: it is the same in both."""
    from test_tpm import boot, reference  # noqa: PLC0415 - as above

    (whole,) = reference(vectors / "onprem/boot/sb-on-good").items
    only = msgspec.structs.replace(whole, values={"pcr7": whole.values["pcr7"]})
    found = boot(vectors / "onprem/boot/sb-on-evil-initrd", ReferenceValues((only,), "owner"))
    steps = {s.id: s.verdict for s in found.steps}
    assert steps["tpm.measurement"] is steps["tpm.secure_boot"] is StepVerdict.PASS


def test_the_recorded_boot_without_secure_boot_is_refused(vectors: Path) -> None:
    """The chain-loaded boot differs in Secure Boot first of all, and nothing is learned from it."""
    from test_tpm import boot  # noqa: PLC0415 - as above

    known = taught(vectors / "onprem/boot/sb-on-good", NOVEMBER)
    found = boot(vectors / "onprem/boot/sb-off-chain", ReferenceValues((known,), "owner"))
    words = next(s.found for s in found.steps if s.id == "tpm.boot_events")
    assert "Secure Boot is off instead of on; measured in PCR 7, event 4" in words
    with pytest.raises(BadInput, match=r"tpm\.secure_boot"):
        taught(vectors / "onprem/boot/sb-off-chain", NOVEMBER)


def test_a_recorded_boot_is_its_own_known_boot(vectors: Path) -> None:
    """The golden boot passes by its events, each register of which is covered."""
    from test_tpm import boot  # noqa: PLC0415 - as above

    known = taught(vectors / "onprem/boot/sb-on-good", NOVEMBER)
    found = boot(vectors / "onprem/boot/sb-on-good", ReferenceValues((known,), "owner"))
    steps = {s.id: s for s in found.steps}
    assert steps["tpm.boot_events"].verdict is steps["tpm.measurement"].verdict is StepVerdict.PASS
    assert "compared with nothing" not in steps["tpm.measurement"].found
    classes = {e.what for e in known.events}
    assert {"shim", "loader", "kernel", "initrd", "command-line", "authority", "sbat-level", "mok", "db"} <= classes


@pytest.mark.parametrize(
    "name",
    [
        "arch-linux-workstation",
        "debian-10",
        "rhel8-uefi",
        "sb_cert_eventlog",
        "keylime-secureboot",
        "crypto_agile_eventlog",
    ],
)
def test_recorded_logs_are_learned_and_told(vectors: Path, name: str) -> None:
    """Every recorded log, also one of SHA-1 alone, is a boot that can be learned, and differs from itself in nothing."""
    path = next(p for p in (vectors / "onprem/eventlogs").iterdir() if p.name in (name, f"{name}.bin"))
    log = ccel.parse(path.read_bytes())
    bank = BANK if BANK in log.banks else ccel.NUMBERS["sha1"]
    seen = boot_events.seen(log, bank)
    golden_boot = known_boot.Golden(log, seen, frozenset(range(24)))
    found = known_boot.learn([golden_boot], bank, boot_events.VARYING)
    known = Reference(EvidenceKind.TPM, "x", {}, events=found.events, may_vary=found.may_vary)
    assert known_boot.differences(known, log, bank, seen) == ()
    held = reference_file.Reference(EvidenceKind.TPM, "x", {}, f"sha256:{'00' * 32}")
    reference_file.check(msgspec.structs.replace(held, events=found.events, may_vary=found.may_vary), "x")
