"""TPM quotes: made-up machines whose every part is known, and recorded ones."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import tpm_forgeries
import tpm_minting as m
from tpm_minting import Minted

from strongroom.app.evidence import load
from strongroom.attest.appraise import appraise
from strongroom.attest.policy import Policy, TpmPolicy
from strongroom.attest.tee import tpm as part
from strongroom.attest.verifier import Inputs
from strongroom.kit import ccel, event_words, ima, secure_boot, tpm
from strongroom.model.attest import (
    Appraisal,
    Endorsements,
    Evidence,
    EvidenceKind,
    Reference,
    ReferenceValues,
    StepVerdict,
)
from strongroom.model.errors import BadInput

NONE = ReferenceValues()
BOOT_NONCE = bytes.fromhex("0011223344556677889900aabbccddeeff00112233445566778899aabbccddee")


def verdicts(a: Appraisal) -> dict[str, StepVerdict]:
    """What each step came to."""
    return {s.id: s.verdict for s in a.steps}


@pytest.mark.parametrize("made", [Minted(), m.certified(), m.with_files(m.entry("/bin/a", bytes(32)))], ids=range(3))
def test_a_sound_quote_opens(made: Minted) -> None:
    """A quote of an enrolled or certified key, with its logs, passes every step."""
    found = made.appraised()
    assert found.opens, [(s.id, s.found, s.reason) for s in found.steps]


@pytest.mark.parametrize(("step", "make"), tpm_forgeries.FORGERIES.values(), ids=tpm_forgeries.FORGERIES)
def test_a_forgery_is_refused_by_its_step(step: str, make: Callable[[], Minted]) -> None:
    """Evidence that was forged in one thing fails at the step that looks at it, and nowhere earlier."""
    found = make().appraised()
    assert not found.opens
    assert found.first_failure is not None
    assert found.first_failure.id == step


@pytest.mark.parametrize(("step", "make"), tpm_forgeries.GAPS.values(), ids=tpm_forgeries.GAPS)
def test_what_is_missing_is_not_checked(step: str, make: Callable[[], Minted]) -> None:
    """A missing part leaves its step not checked and the appraisal incomplete; it is no failure of that step."""
    found = make().appraised()
    assert not found.complete
    assert verdicts(found)[step] is StepVerdict.NOT_CHECKED


def test_a_list_may_grow_after_the_quote() -> None:
    """Files that were measured after the quote do not spoil it, and are told apart."""
    made = m.with_files(m.entry("/bin/a", bytes(32)), later=(m.entry("/bin/b", bytes(32)),)).appraised()
    assert made.opens
    assert "1 made since the quote" in next(s.found for s in made.steps if s.id == "tpm.ima")


def test_a_waived_log_does_not_vouch_for_secure_boot() -> None:
    """Where the log is named unchecked, events that do not give the quoted PCR 7 still prove no Secure Boot."""
    forged = Minted(events=(*m.secure_boot(on=b"\0"), *m.started()), log=m.log_of(m.BOOT))
    base = forged.inputs()
    policy = Policy(tpm=base.policy.tpm, unchecked={"tpm.event_log": "decided by the owner"})
    found = appraise(forged.verifier(), Inputs(base.evidence, base.endorsements, base.references, policy, base.now))
    assert verdicts(found)["tpm.secure_boot"] is StepVerdict.FAIL


@pytest.mark.parametrize("size", range(0, 150, 7))
def test_a_quote_that_is_cut_off_is_malformed(size: int) -> None:
    """Octets that end before the structure does are refused by the reader."""
    whole = Minted().quote()
    with pytest.raises(BadInput):
        tpm.attest(whole[: min(size, len(whole) - 1)])


@pytest.mark.parametrize("extra", [b"\0", b"\xff" * 8])
def test_octets_behind_a_structure_are_refused(extra: bytes) -> None:
    """Nothing may stand behind a quote, a signature or a public area."""
    for read, data in ((tpm.attest, Minted().quote()), (tpm.signature, Minted().signature()), (tpm.public, m.public())):
        with pytest.raises(BadInput):
            read(data + extra)


def test_a_public_area_reads_alike_in_its_wrapper() -> None:
    """TPM2B_PUBLIC and the TPMT_PUBLIC in it are the same key with the same name."""
    area = m.public()
    assert tpm.public(m.sized(area)) == tpm.public(area)
    assert tpm.public(area).name.hex() == m.name(area)


def test_events_are_told_in_words() -> None:
    """Every event of a log has words, and those beside what was hashed are marked."""
    log = ccel.parse(m.log_of(m.BOOT))
    told = {event_words.words(e): event_words.remark(e, 0x0B) for e in log.events}
    assert told["SecureBoot on"] is False
    assert told["PK: Owner PK"] is False
    assert told["/initrd.gz"] is True


# Recorded evidence


def boot(folder: Path, references: ReferenceValues = NONE, **policy: object) -> Appraisal:
    """The verdict on a recorded boot, its key enrolled."""
    told = TpmPolicy(aks=((folder / "ak.name").read_bytes().hex(),), **policy)  # type: ignore[arg-type] # any field
    evidence = Evidence(
        EvidenceKind.TPM, load(str(folder), None, BOOT_NONCE, datetime(2026, 11, 22, tzinfo=UTC)).parts, BOOT_NONCE
    )
    at = datetime(2026, 11, 22, tzinfo=UTC)
    return appraise(part.VERIFIER, Inputs(evidence, Endorsements(), references, Policy(tpm=told), at))


def reference(folder: Path) -> ReferenceValues:
    """The registers of a recorded boot as a reference: what is measured before the system runs."""
    registers = ccel.replay(ccel.parse((folder / "binary_bios_measurements").read_bytes()), 0x0B)
    values: dict[str, tuple[str, ...]] = {f"pcr{n}": (registers[n].hex(),) for n in (0, 4, 7, 8, 9, 14)}
    return ReferenceValues((Reference(EvidenceKind.TPM, "golden", values),), "owner")


def test_a_recorded_boot_is_proven_whole(vectors: Path) -> None:
    """The quote of a real boot verifies, both its logs replay to it, and its own registers are its reference."""
    good = vectors / "onprem/boot/sb-on-good"
    found = verdicts(boot(good, reference(good)))
    assert found.pop("tpm.dbx") is found.pop("tpm.boot_events") is StepVerdict.NOT_CHECKED
    assert found.pop("tpm.ca_expiry") is StepVerdict.FAIL  # its firmware has the keys of 2011 alone
    assert set(found.values()) == {StepVerdict.PASS}


def test_an_implanted_initrd_is_refused(vectors: Path) -> None:
    """A boot whose quote and log agree, and whose PCR 7 is that of the good one, fails by PCR 9 alone."""
    folder = vectors / "onprem/boot"
    found = boot(folder / "sb-on-evil-initrd", reference(folder / "sb-on-good"))
    failed = {s.id: s.found for s in found.steps if s.verdict is StepVerdict.FAIL}
    assert failed.keys() == {"tpm.ca_expiry", "tpm.measurement"}
    assert "pcr9" in failed["tpm.measurement"]
    assert "pcr7" not in failed["tpm.measurement"]


def test_a_boot_without_secure_boot_is_refused(vectors: Path) -> None:
    """Secure Boot that was off, in setup mode, is read from the events, though quote and log agree."""
    found = boot(vectors / "onprem/boot/sb-off-chain")
    assert found.first_failure is not None
    assert found.first_failure.id == "tpm.secure_boot"
    assert "SetupMode" in found.first_failure.found


@pytest.mark.parametrize(
    ("file", "nonce"), [("gce-cos-85-no-nonce.pb", None), ("gce-cos-85-nonce9009.pb", b"\x90\x09")]
)
def test_evidence_of_go_tpm_tools(vectors: Path, file: str, nonce: bytes | None) -> None:
    """A recorded Attestation verifies and its log replays; what was not given is not checked."""
    parts = part.VERIFIER.read((vectors / "attest/tpm" / file).read_bytes())
    at = datetime(2026, 11, 22, tzinfo=UTC)
    given = Inputs(Evidence(EvidenceKind.TPM, parts, nonce), Endorsements(), ReferenceValues(), Policy(), at)
    found = verdicts(appraise(part.VERIFIER, given))
    missing = {s for s, v in found.items() if v is StepVerdict.NOT_CHECKED}
    assert StepVerdict.FAIL not in found.values()
    wanted = {"tpm.ak_certified", "tpm.dbx", "tpm.ima", "tpm.boot_events", "tpm.measurement"}
    assert missing == (wanted if nonce else wanted | {"tpm.extra_data"})


@pytest.mark.parametrize("bank", ["sha1", "sha256", "sha384"])
def test_the_quote_of_the_policys_bank_is_judged(vectors: Path, bank: str) -> None:
    """Of three quotes the one of the policy's bank is judged, log and all, and the others are by its key and nonce."""
    parts = part.VERIFIER.read((vectors / "attest/tpm/gce-cos-85-nonce9009.pb").read_bytes())
    at, policy = datetime(2026, 11, 22, tzinfo=UTC), Policy(tpm=TpmPolicy(bank=bank))
    given = Inputs(Evidence(EvidenceKind.TPM, parts, b"\x90\x09"), Endorsements(), ReferenceValues(), policy, at)
    found = appraise(part.VERIFIER, given)
    assert StepVerdict.FAIL not in verdicts(found).values()
    told = {s.id: s.found for s in found.steps}
    assert told["tpm.other_quotes"].startswith("2 others")
    assert "72 registers in 3 banks" in told["tpm.event_log"]
    measured = found.claims["measurements"]
    assert isinstance(measured, dict)
    assert len(measured["pcr0"]) == 2 * tpm.HASHES[tpm.NUMBERS[bank]][1]


def test_quotes_of_two_recordings_do_not_go_together(vectors: Path) -> None:
    """A quote of one bank from another recording of the same machine, for no challenge, is refused beside a fresh one."""
    fresh, old = (
        part.VERIFIER.read((vectors / f"attest/tpm/gce-cos-85-{n}.pb").read_bytes()) for n in ("nonce9009", "no-nonce")
    )
    taken = {p.name: p for p in old if p.name.endswith(".sha384")}
    parts = tuple(taken.get(p.name, p) for p in fresh)
    at = datetime(2026, 11, 22, tzinfo=UTC)
    given = Inputs(Evidence(EvidenceKind.TPM, parts, b"\x90\x09"), Endorsements(), ReferenceValues(), Policy(), at)
    found = appraise(part.VERIFIER, given)
    assert [s.id for s in found.steps if s.verdict is StepVerdict.FAIL] == ["tpm.other_quotes"]


def test_two_quotes_of_one_bank_are_refused(vectors: Path) -> None:
    """An Attestation that has a bank twice is no Attestation: nobody could say which of them was judged."""
    data = (vectors / "attest/tpm/gce-cos-85-nonce9009.pb").read_bytes()
    with pytest.raises(BadInput, match="two of one bank"):
        part.VERIFIER.read(data + data)


def test_evidence_of_trustee(vectors: Path) -> None:
    """Recorded evidence verifies; a key without its public area is of unknown attributes, never of good ones."""
    parts = part.VERIFIER.read((vectors / "attest/tpm/trustee_tpm_evidence.json").read_bytes())
    at = datetime(2026, 11, 22, tzinfo=UTC)
    given = Inputs(Evidence(EvidenceKind.TPM, parts), Endorsements(), ReferenceValues(), Policy(), at)
    found = verdicts(appraise(part.VERIFIER, given))
    assert found["tpm.signature"] is found["tpm.pcr_digest"] is StepVerdict.PASS
    assert found["tpm.ak_attributes"] is found["tpm.event_log"] is StepVerdict.NOT_CHECKED


def test_a_recorded_list_of_the_kernel_replays(vectors: Path) -> None:
    """The kernel's list of a real boot gives the PCR 10 that was read beside the quote."""
    folder = vectors / "onprem/boot/sb-on-good"
    text = (folder / "pcrs_at_quote.txt").read_text()
    quoted = next(line.split()[1] for line in text.splitlines() if line.split()[0].endswith("/10"))
    entries = ima.parse((folder / "ima_at_quote_binary").read_bytes())
    assert ima.measured_until(entries, 0x0B, bytes.fromhex(quoted)) == len(entries) == 3


def test_a_dbx_of_old_is_told_by_how_many_are_missing(vectors: Path) -> None:
    """Firmware whose dbx holds one hash lacks every one of the vendor's update of June 2026."""
    update = (vectors / "onprem/dbx/DBXUpdate-amd64-2026-06-30.bin").read_bytes()
    lists = update[16 + int.from_bytes(update[16:20], "little") :]  # behind EFI_VARIABLE_AUTHENTICATION_2
    hashes = {e.data.hex() for e in secure_boot.entries(lists) if e.kind == secure_boot.SHA256}
    assert len(hashes) == 443
    found = boot(vectors / "onprem/boot/sb-on-good", dbx=tuple(sorted(hashes)))
    assert found.first_failure is not None
    assert found.first_failure.id == "tpm.dbx"
    assert "443 of 443 hashes of the policy are missing" in found.first_failure.found


def test_a_folder_without_a_quote_is_no_evidence(tmp_path: Path) -> None:
    """A folder in which no tool left a quote is refused with what was looked for."""
    with pytest.raises(BadInput, match=r"quote\.msg"):
        load(str(tmp_path), None, None, datetime(2026, 11, 22, tzinfo=UTC))
