"""What is revoked: signed lists of dbx, how far a machine is behind them, and the keys that can sign the next one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import minted_x509 as x
import msgspec
import pytest
import tpm_minting as m
from tpm_minting import Minted

from strongroom.app.config import Config
from strongroom.app.endorsement_reading import read
from strongroom.app.evidence import load
from strongroom.attest.appraise import appraise
from strongroom.attest.policy import Policy, TpmPolicy
from strongroom.attest.tee import tpm as part
from strongroom.attest.verifier import Inputs
from strongroom.kit import boot_keys, dbx_update, endorsement_names, endorsement_text, secure_boot
from strongroom.model.attest import Endorsement, EndorsementKind, Endorsements, StepResult, StepVerdict
from strongroom.model.errors import BadInput, BadSignature, Malformed

FOUR = (*m.REVOKED, bytes(32))
NAME = "DBXUpdate-x64-2025-06-01.bin"


def judged(made: Minted, step: str = "tpm.dbx") -> StepResult:
    """What a step says."""
    return next(s for s in made.appraised().steps if s.id == step)


def held_against(*lists: tuple[str, bytes], **policy: object) -> Minted:
    """A boot whose dbx has three hashes, and lists that it is held against."""
    told = msgspec.structs.replace(Minted().policy, dbx=(), **policy)
    return Minted(policy=told, lists=dict(lists))


def test_a_list_that_dbx_has_passes() -> None:
    """Every hash of a signed list is there, and it is said of when the list is."""
    found = judged(held_against((NAME, m.dbx_update(*m.REVOKED))))
    assert found.verdict is StepVerdict.PASS
    assert found.found == "all 3 hashes of the list of 2025-06-01 for x64 are there; dbx has 3 entries"


def test_what_is_missing_is_counted() -> None:
    """A list of old that dbx lacks a hash of is a failure, which says how many of how many."""
    found = judged(held_against((NAME, m.dbx_update(*FOUR))))
    assert found.verdict is StepVerdict.FAIL
    assert found.found == "1 of 4 hashes of the list of 2025-06-01 for x64 are missing; dbx has 3 entries"


@pytest.mark.parametrize(
    ("days", "behind", "verdict"),
    [(89, 90, StepVerdict.PASS), (91, 90, StepVerdict.FAIL), (1, 0, StepVerdict.FAIL), (91, 120, StepVerdict.PASS)],
)
def test_a_new_list_has_time(days: int, behind: int, verdict: StepVerdict) -> None:
    """A list may be missing for as many days as the policy says, and no longer."""
    name = f"dbx-{x.NOW - timedelta(days=days):%Y-%m-%d}.bin"
    found = judged(held_against((name, m.dbx_update(*FOUR)), dbx_days_behind=behind))
    assert found.verdict is verdict
    assert "1 of 4 hashes" in found.found


def test_an_old_list_counts_beside_a_new_one() -> None:
    """The time for a new list is none for the older one that dbx lacks as well."""
    new = (f"dbx-{x.NOW - timedelta(days=5):%Y-%m-%d}.bin", m.dbx_update(*FOUR, bytes(31) + b"\1"))
    found = judged(held_against(new, ("dbx-2025-06-01.bin", m.dbx_update(*FOUR))))
    assert found.verdict is StepVerdict.FAIL
    assert "2025-06-01" in found.found


def test_a_list_without_a_date_is_as_old_as_its_signer() -> None:
    """Where the name tells no date, or one before its signer's certificate, the list has no time left."""
    data = m.dbx_update(*FOUR)
    update = dbx_update.parse(data)
    for name in ("dbx.bin", "dbx-1999-01-01.bin", "dbx-2001-13-45.bin"):
        assert dbx_update.date(update, name) == update.signer.not_before
    assert judged(held_against(("dbx.bin", data))).verdict is StepVerdict.FAIL


def test_a_list_of_another_architecture_is_not_for_this_machine() -> None:
    """Lists for arm64 and x64 have nothing in common: only that of the machine's own images counts."""
    path = "\\EFI\\BOOT\\BOOTX64.EFI\0".encode("utf-16-le")
    image = m.Measured(4, 0x80000003, bytes(32) + b"\4\4" + (4 + len(path)).to_bytes(2, "little") + path)
    arm = ("DBXUpdate-arm64-2025-06-01.bin", m.dbx_update(bytes(32)))
    made = held_against(arm, (NAME, m.dbx_update(*m.REVOKED))).but(events=(*m.BOOT, image))
    assert judged(made).verdict is StepVerdict.PASS
    alone = judged(made.but(lists=dict([arm])))
    assert alone.verdict is StepVerdict.NOT_CHECKED
    assert alone.reason == "the lists are for arm64, and this machine is x64"


def test_an_unknown_machine_is_held_against_no_list_by_chance() -> None:
    """Where nothing tells the architecture, two lists of different ones say nothing."""
    arm = ("DBXUpdate-arm64-2025-06-01.bin", m.dbx_update(bytes(32)))
    assert judged(held_against(arm, (NAME, m.dbx_update(*m.REVOKED)))).verdict is StepVerdict.NOT_CHECKED


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("DBXUpdate-amd64-2026-06-30.bin", "x64"),
        ("dbxupdate_x64.bin", "x64"),
        ("DBXUpdate-arm64.bin", "arm64"),
        ("/lists.arm64/dbxupdate_x86.bin", "ia32"),
        ("dbxupdate_arm.bin", "arm"),
        ("\\efi\\boot\\bootaa64.efi", "arm64"),
        ("dbx.bin", ""),
    ],
)
def test_names_tell_the_architecture(name: str, architecture: str) -> None:
    """Vendors write it in their own ways; the folder's name is none of the file's."""
    assert dbx_update.architecture(name) == architecture


# The reader


def test_a_signature_holds_over_the_list_alone() -> None:
    """The list and the time are signed: another list, another time or another authority is refused."""
    data = m.dbx_update(*FOUR)
    keks = frozenset(m.KEKS)
    assert dbx_update.proven(dbx_update.parse(data), keks).common_name == "Maker KEK"
    changed = (data[:-1] + b"\1", b"\xdb\x07" + data[2:], m.dbx_update(*FOUR, authority=m.ROOT))
    for other in changed:
        with pytest.raises(BadSignature):
            dbx_update.proven(dbx_update.parse(other), keks)
    with pytest.raises(BadSignature):
        dbx_update.proven(dbx_update.parse(data), frozenset())


@pytest.mark.parametrize("at", range(0, 1400, 61))
def test_a_list_that_is_cut_off_is_refused(at: int) -> None:
    """Octets that end before the structures do are malformed, wherever they end."""
    data = m.dbx_update(*FOUR)
    with pytest.raises(BadInput):
        dbx_update.proven(dbx_update.parse(data[: min(at, len(data) - 1)]), frozenset(m.KEKS))


@pytest.mark.parametrize("at", range(16, 1500, 11))
def test_a_list_in_which_an_octet_is_another_is_refused(at: int) -> None:
    """No octet of what is signed, of the signature or of the structures can be another, and nothing else is raised."""
    data = bytearray(m.dbx_update(*FOUR))
    at = min(at, len(data) - 1)
    data[at] ^= 0xFF
    try:
        dbx_update.proven(dbx_update.parse(bytes(data)), frozenset(m.KEKS))
    except BadInput:
        return
    pytest.fail(f"octet {at} counts for nothing")


def test_a_list_is_an_endorsement(tmp_path: Path) -> None:
    """A file with an update is recognised among endorsements, and described."""
    path = tmp_path / NAME
    path.write_bytes(m.dbx_update(*FOUR))
    (item,) = read([str(path)], Config(), ()).endorsements.items
    assert (item.kind, item.origin) == (EndorsementKind.DBX, str(path))
    assert endorsement_names.describe(item).title == "dbx update of 4 entries"
    with pytest.raises(Malformed):
        endorsement_text.read(m.dbx_update(*FOUR)[:400])


# Keys of 2011 and 2023


@pytest.mark.parametrize(("ends", "verdict"), [(x.DAY, StepVerdict.PASS), (-x.DAY, StepVerdict.FAIL)])
@pytest.mark.parametrize(
    ("variable", "name"),
    [("kek", "Microsoft Corporation KEK CA 2011"), ("db", "Microsoft Corporation UEFI CA 2011")],
)
def test_a_certificate_of_2011_is_judged_at_the_time(
    ends: timedelta, verdict: StepVerdict, variable: str, name: str
) -> None:
    """It is no fault before it ends, and a warning after, where nothing comes after it."""
    held = m.certificate(name, ends=x.NOW + ends)
    keys: dict[str, bytes] = {variable: held} | ({"by": held} if variable == "db" else {})
    made = Minted(events=(*m.secure_boot(**keys), *m.started()))  # type: ignore[arg-type] # a key by its name
    found = judged(made, "tpm.ca_expiry")
    assert found.verdict is verdict
    assert "none of 2023" in found.found


def test_an_end_of_keys_is_a_warning() -> None:
    """It opens nothing, and it is no sign of harm either."""
    held = m.certificate("Microsoft Corporation KEK CA 2011", ends=x.NOW - x.DAY)
    made = Minted(events=(*m.secure_boot(kek=held), *m.started()))
    known = msgspec.structs.replace(m.REFERENCES.items[0], values={"pcr9": (m.extended(made.events)[9].hex(),)})
    found = made.but(references=msgspec.structs.replace(m.REFERENCES, items=(known,))).appraised()
    assert [s.id for s in found.steps if s.verdict is StepVerdict.FAIL] == ["tpm.ca_expiry"]
    assert (found.tier.value, found.opens) == ("warning", False)


def test_the_owners_keys_do_not_end_so() -> None:
    """A machine without any of Microsoft's keys has none that end."""
    assert judged(Minted(), "tpm.ca_expiry").found == "the owner's keys alone"


def test_a_waived_log_asks_for_no_keys() -> None:
    """Where the owner has decided that no log comes, nothing is asked of what would be in it."""
    made = Minted(dropped=frozenset({"event_log"}))
    waived = {"tpm.event_log": "decided by the owner", "tpm.secure_boot": "decided by the owner"}
    base = made.inputs()
    policy = Policy(tpm=made.policy, unchecked=waived)
    found = appraise(made.verifier(), Inputs(base.evidence, base.endorsements, base.references, policy, base.now))
    assert not next(s for s in found.steps if s.id == "tpm.ca_expiry").mandatory


# Recorded


def recorded(vectors: Path, lists: tuple[str, ...], at: datetime) -> Callable[[str], StepResult]:
    """The steps of the recorded good boot, held against lists of Microsoft's."""
    from test_tpm import BOOT_NONCE  # noqa: PLC0415 - the challenge of the recorded evidence

    folder = vectors / "onprem/boot/sb-on-good"
    evidence = load(str(folder), None, BOOT_NONCE, at)
    given = Endorsements(
        tuple(Endorsement(EndorsementKind.DBX, (vectors / "onprem/dbx" / n).read_bytes(), origin=n) for n in lists)
    )
    policy = Policy(tpm=TpmPolicy(aks=((folder / "ak.name").read_bytes().hex(),)))
    references = msgspec.structs.replace(m.REFERENCES, items=())
    steps = appraise(part.VERIFIER, Inputs(evidence, given, references, policy, at)).steps
    return lambda name: next(s for s in steps if s.id == name)


LATEST, OLD = "DBXUpdate-amd64-2026-06-30.bin", "dbxupdate_x64-2020-10-12.bin"


@pytest.mark.parametrize(("file", "entries"), [(LATEST, 443), (OLD, 186), ("dbxupdate-2014-08-11.bin", 13)])
def test_microsofts_lists_are_microsofts(vectors: Path, file: str, entries: int) -> None:
    """Each recorded update is signed under the key exchange key of 2011, over every one of its entries."""
    update = dbx_update.parse((vectors / "onprem/dbx" / file).read_bytes())
    assert len(update.entries) == entries
    found = dbx_update.proven(update, frozenset(boot_keys.KEKS))
    assert found.common_name == "Microsoft Corporation KEK CA 2011"
    changed = dbx_update.parse((vectors / "onprem/dbx" / file).read_bytes()[:-1] + b"\0")
    with pytest.raises(BadSignature):
        dbx_update.proven(changed, frozenset(boot_keys.KEKS))


def test_two_lists_of_one_architecture_are_compared(vectors: Path) -> None:
    """Of the 186 entries of October 2020 the list of June 2026 has 183, and 260 more."""
    old, new = (
        {(e.kind, e.data) for e in dbx_update.parse((vectors / "onprem/dbx" / n).read_bytes()).entries}
        for n in (OLD, LATEST)
    )
    assert (len(old), len(new), len(old & new), len(new - old)) == (186, 443, 183, 260)


def test_a_dbx_of_one_hash_lacks_all(vectors: Path) -> None:
    """The distribution's variable store has one entry, the hash of nothing: 443 of 443 are missing."""
    step = recorded(vectors, (LATEST,), datetime(2026, 11, 22, tzinfo=UTC))("tpm.dbx")
    assert step.verdict is StepVerdict.FAIL
    assert step.found == "443 of 443 hashes of the list of 2026-06-30 for x64 are missing; dbx has 1 entry"
    (held,) = (vectors / "onprem/dbx/efivars-ovmf-ms").glob("dbx-*")
    (only,) = secure_boot.entries(held.read_bytes()[4:])
    assert only.data.hex().startswith("e3b0c44298fc1c14")


@pytest.mark.parametrize(
    ("at", "verdict", "over"),
    [
        (datetime(2026, 6, 1, tzinfo=UTC), StepVerdict.PASS, ()),
        (datetime(2026, 6, 25, tzinfo=UTC), StepVerdict.FAIL, ("KEK CA 2011",)),
        (datetime(2026, 7, 1, tzinfo=UTC), StepVerdict.FAIL, ("KEK CA 2011", "UEFI CA 2011")),
        (datetime(2026, 11, 22, tzinfo=UTC), StepVerdict.FAIL, ("KEK CA 2011", "UEFI CA 2011", "Production PCA 2011")),
    ],
)
def test_the_keys_of_2011_end_one_after_another(
    vectors: Path, at: datetime, verdict: StepVerdict, over: tuple[str, ...]
) -> None:
    """Firmware with the keys of 2011 alone is told which of them are over at the time of the verdict."""
    step = recorded(vectors, (), at)("tpm.ca_expiry")
    assert step.verdict is verdict
    assert all(f"{name} ended 2026-" in step.found for name in over)
    assert step.found.count("ended") == len(over)


def test_the_certificates_of_2023_are_known_by_what_they_are(vectors: Path) -> None:
    """Microsoft's own certificates of 2023 count as what comes after; one that only has the name does not."""
    folder = vectors / "onprem/dbx"
    names = ("microsoft uefi ca 2023.der", "windows uefi ca 2023.der", "microsoft option rom uefi ca 2023.der")
    db = tuple(secure_boot.Entry(secure_boot.X509, "", (folder / n).read_bytes()) for n in names)
    kek = secure_boot.Entry(secure_boot.X509, "", (folder / "microsoft corporation kek 2k ca 2023.der").read_bytes())
    state = secure_boot.State(True, {"db": db, "KEK": (kek,)}, (), ())
    assert len(boot_keys.renewed(state)) == 4
    named = secure_boot.Entry(secure_boot.X509, "", m.certificate("Microsoft UEFI CA 2023"))
    assert boot_keys.renewed(secure_boot.State(True, {"db": (named,)}, (), ())) == ()
