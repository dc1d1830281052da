"""One host that boots for real, under emulation: as it should, with an implant, told otherwise, and without Secure Boot.

Every guest quotes its own TPM from inside, by a key that was enrolled before, and its quote and log agree: what tells
the boots apart is only what was measured. The golden values are taken from the first good boot.
"""

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from boot_image import COMMAND_LINE, Image, chained, image
from boot_parts import NO_KEYS, VARIABLES, NotHereError, Parts, found
from click.testing import CliRunner, Result
from measured_boot import Host, booted, enrolled

from strongroom.cli.main import group
from strongroom.kit import ccel, event_words, tpm

pytestmark = pytest.mark.integration
NONCE, OTHER_NONCE = bytes(range(32)), bytes(range(32, 64))
GOLDEN = (0, 4, 7, 8, 9, 14)  # 1 to 3, 5 and 6 are the hardware's and the disk's: no image determines them
_SHA256 = tpm.NUMBERS["sha256"]
_AT_ONCE = 2


@dataclass(frozen=True)
class Boots:
    """What the boots handed out, by name, and the digest of the good image; `home` is the owner's, with his files."""

    host: Host
    home: Path
    evidence: dict[str, Path]
    digest: str

    def run(self, *words: str) -> Result:
        """The command `strongroom attest`, in this process."""
        env = {"HOME": str(self.home), "XDG_CONFIG_HOME": None, "XDG_STATE_HOME": str(self.home / "state")}
        return CliRunner(env={**env, "COLUMNS": "200"}).invoke(group, ["attest", *words])

    def registers(self, name: str) -> dict[int, bytes]:
        """What the boot's log replays to."""
        return dict(ccel.replay(self.log(name), _SHA256))

    def log(self, name: str) -> ccel.Log:
        """The boot's event log."""
        return ccel.parse((self.evidence[name] / "binary_bios_measurements").read_bytes())


@dataclass(frozen=True)
class Judged:
    """A verdict: the exit code, and each step's verdict and what it found."""

    code: int
    tier: str
    steps: dict[str, str]
    found: dict[str, str]

    @property
    def failed(self) -> set[str]:
        """The steps that failed."""
        return {s for s, v in self.steps.items() if v == "fail"}


@pytest.fixture(scope="module")
def parts() -> Parts:
    """What the machines are made of."""
    try:
        return found()
    except NotHereError as e:
        pytest.skip(str(e))


@pytest.fixture(scope="module")
def boots(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Boots:
    """Six boots of one host, two at a time; the first answers two challenges."""
    top = tmp_path_factory.mktemp("boots")
    host, home = enrolled(top / "host"), top / "home"
    home.mkdir()
    good = image(parts, top / "image")
    implanted = image(parts, top / "implanted", extra={"etc/implant": b"#!/bin/sh\n# nobody signed this\n"})
    told = image(parts, top / "told", COMMAND_LINE.replace("lockdown=integrity", "lockdown=none"))
    evidence = dict[str, Path]()

    def boot(name: str, of: Image, variables: Path, challenges: dict[str, bytes]) -> None:
        with booted(host, of, variables, top / name) as guest:
            for quoted, nonce in challenges.items():
                evidence[quoted] = guest.quote(nonce, top / f"evidence-{quoted}")

    plan: list[tuple[str, Image, Path, dict[str, bytes]]] = [
        ("first", good, VARIABLES, {"good": NONCE, "again": OTHER_NONCE}),
        ("second", good, VARIABLES, {"rebooted": OTHER_NONCE}),
        ("third", implanted, VARIABLES, {"implanted": OTHER_NONCE}),
        ("fourth", told, VARIABLES, {"told": OTHER_NONCE}),
        ("fifth", chained(parts, top / "chained"), NO_KEYS, {"unguarded": OTHER_NONCE}),
        ("sixth", good, NO_KEYS, {"unlogged": OTHER_NONCE}),
    ]
    with ThreadPoolExecutor(_AT_ONCE) as workers:
        for done in [workers.submit(boot, *one) for one in plan]:
            done.result()
    return Boots(host, home, evidence, hashlib.sha256(good.disk.read_bytes()).hexdigest())


@pytest.fixture(scope="module")
def judge(boots: Boots) -> Callable[..., Judged]:
    """Judges a boot by the registers of the first, as an owner would: signed reference values, a policy, a challenge."""
    references, policy = boots.home / "references.toml", boots.home / "policy.toml"
    wanted = [word for n in GOLDEN for word in ("--register", f"pcr{n}")]
    image_of = ("--name", "golden", "--image", f"sha256:{boots.digest}", "--offline")
    made = boots.run(
        "measure", "from", str(boots.evidence["good"]), "--references", str(references), *image_of, *wanted
    )
    assert made.exit_code == 0, made.output
    key = next(line.split()[-1] for line in made.output.splitlines() if line.startswith("public key"))
    policy.write_text(
        'schema = "strongroom.attest-policy/1"\n[unchecked]\n"tpm.dbx" = "no list of revoked images comes with a clone"\n'
        '"tpm.ca_expiry" = "the firmware of the distribution has the keys of 2011 alone"\n'
        f'[tpm]\naks = ["{boots.host.name}"]\nima = true\n'
    )

    def by(name: str, nonce: bytes = OTHER_NONCE) -> Judged:
        given = ("--nonce", nonce.hex(), "--policy", str(policy), "--references", str(references), "--key", key)
        done = boots.run("verify", str(boots.evidence[name]), *given, "--offline", "--format", "json")
        said = json.loads(done.stdout)
        steps = {s["id"]: s for s in said["steps"]}
        return Judged(
            done.exit_code,
            said["tier"],
            {s: v["verdict"] for s, v in steps.items()},
            {s: v["found"] for s, v in steps.items()},
        )

    return by


def test_a_good_boot_opens(boots: Boots, judge: Callable[..., Judged]) -> None:
    """A boot under Secure Boot is proven whole, by every step: its key, its quote, both its logs, its registers."""
    first = judge("good", NONCE)
    assert (first.code, first.failed) == (0, set())
    assert {s for s, v in first.steps.items() if v != "pass"} == {"tpm.dbx", "tpm.ca_expiry", "tpm.boot_events"}
    assert b"/mnt/busybox" in (boots.evidence["good"] / "ima_at_quote_binary").read_bytes()


@pytest.mark.parametrize("name", ["again", "rebooted"])
def test_a_good_boot_opens_again(judge: Callable[..., Judged], name: str) -> None:
    """Another challenge to the same boot, and another boot of the same image, open by the first boot's values."""
    second = judge(name)
    assert (second.code, second.failed) == (0, set())


def test_a_replayed_quote_is_refused(judge: Callable[..., Judged]) -> None:
    """A quote that answered an earlier challenge of the same boot fails, and only at the challenge."""
    replayed = judge("good", OTHER_NONCE)
    assert replayed.code == 1
    assert replayed.failed == {"tpm.extra_data"}


@pytest.mark.parametrize(
    ("name", "register", "words"), [("implanted", 9, "/initrd.gz"), ("told", 8, "lockdown=none")], ids=str
)
def test_a_boot_of_something_else_is_refused(
    boots: Boots, judge: Callable[..., Judged], name: str, register: int, words: str
) -> None:
    """An implanted initrd and another command line: quote and logs agree, PCR 7 is the same, and the boot is refused."""
    changed = judge(name)
    assert changed.code == 1
    assert changed.failed == {"tpm.measurement"}
    assert f"pcr{register}" in changed.found["tpm.measurement"]
    assert "pcr7" not in changed.found["tpm.measurement"]
    good, now = boots.registers("good"), boots.registers(name)
    assert good[7] == now[7]
    assert good[register] != now[register]
    pairs = zip(boots.log("good").events, boots.log(name).events, strict=True)
    differing = [new for old, new in pairs if old.digests != new.digests and new.register == register]
    assert any(words in event_words.words(e) for e in differing)


def test_a_boot_without_secure_boot_is_refused(judge: Callable[..., Judged]) -> None:
    """On firmware without keys Secure Boot is off and in setup mode: the events say so, though quote and log agree."""
    off = judge("unguarded")
    assert off.code == 1
    assert off.steps["tpm.event_log"] == "pass"
    assert off.steps["tpm.secure_boot"] == "fail"
    assert "SetupMode" in off.found["tpm.secure_boot"]


def test_a_boot_whose_log_was_lost_does_not_open(boots: Boots, judge: Callable[..., Judged]) -> None:
    """There this loader starts the kernel in a way that loses the log: what it would say is not known, and never passes."""
    assert not (boots.evidence["unlogged"] / "binary_bios_measurements").exists()
    lost = judge("unlogged")
    assert lost.code != 0
    assert lost.steps["tpm.pcr_digest"] == "pass"
    assert {lost.steps[s] for s in ("tpm.event_log", "tpm.secure_boot")} == {"not-checked"}


@pytest.fixture(scope="module")
def recognise(boots: Boots) -> Callable[[str], Judged]:
    """Judges a boot by the events of the first, learned by the command and signed by its key."""
    policy, file = boots.home / "events.toml", boots.home / "boot.toml"
    policy.write_text(
        'schema = "strongroom.attest-policy/1"\n[unchecked]\n"tpm.dbx" = "no list of revoked images comes with a clone"\n'
        '"tpm.ca_expiry" = "the firmware of the distribution has the keys of 2011 alone"\n'
        f'[tpm]\naks = ["{boots.host.name}"]\n'
    )
    given = ("--policy", str(policy), "--offline")
    made = boots.run("learn", str(boots.evidence["good"]), "-o", str(file), *given, "--key", str(boots.home / "key"))
    assert made.exit_code == 0, made.output
    key = next(line.split()[-1] for line in made.output.splitlines() if line.startswith("public key"))

    def by(name: str) -> Judged:
        words = ("--nonce", OTHER_NONCE.hex(), "--references", str(file), "--key", key, "--format", "json")
        done = boots.run("verify", str(boots.evidence[name]), "--kind", "tpm", *given, *words)
        said = json.loads(done.stdout)
        steps = {s["id"]: s for s in said["steps"]}
        verdicts = {s: v["verdict"] for s, v in steps.items()}
        return Judged(done.exit_code, said["tier"], verdicts, {s: v["found"] for s, v in steps.items()})

    return by


@pytest.mark.parametrize("name", ["again", "rebooted"])
def test_another_boot_of_the_same_image_is_the_known_boot(recognise: Callable[[str], Judged], name: str) -> None:
    """What was learned of one boot is found in the next one, event by event, and it opens."""
    found = recognise(name)
    assert (found.code, found.failed) == (0, set())
    assert found.steps["tpm.boot_events"] == "pass"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("implanted", ("the initrd is another one: /initrd.gz", "PCR 9")),
        ("told", ("the kernel command line says 'lockdown=none' instead of 'lockdown=integrity'", "PCR 8")),
        ("unguarded", ("Secure Boot is off instead of on", "PCR 7")),
    ],
)
def test_a_known_boot_says_what_another_one_did(
    recognise: Callable[[str], Judged], name: str, words: tuple[str, ...]
) -> None:
    """The event that differs is named in words, and where it was measured."""
    found = recognise(name)
    assert found.code == 1
    assert "tpm.boot_events" in found.failed
    assert all(w in found.found["tpm.boot_events"] for w in words)
