"""A known boot: what another boot has otherwise is told in words, and its file takes no boot by accident."""

import msgspec
import pytest
import tpm_minting as m
from tpm_minting import Minted, booted

from strongroom.app.references import parse
from strongroom.kit import boot_events, ccel, known_boot, reference_file
from strongroom.kit.known_boot import Difference
from strongroom.model.attest import EvidenceKind, ExpectedEvent, Reference, ReferenceValues
from strongroom.model.errors import Malformed

BANK = 0x0B


def told(known: Reference, events: tuple[m.Measured, ...]) -> tuple[Difference, ...]:
    """What differs in a boot."""
    log = ccel.parse(m.log_of(events))
    return known_boot.differences(known, log, BANK, boot_events.seen(log, BANK))


def test_a_boot_is_the_one_that_was_learned() -> None:
    """The golden boot itself differs in nothing, by digests alone and by words alike."""
    known = m.learned()
    log = ccel.parse(m.log_of(m.BOOT))
    assert known_boot.fits(known, log, BANK)
    assert told(known, m.BOOT) == ()


@pytest.mark.parametrize(
    ("events", "words"),
    [
        (booted(b"implanted"), "the initrd is another one: /initrd.gz, digest"),
        (
            booted(b"initrd", b"quiet init=/bin/sh"),
            "the kernel command line says 'init=/bin/sh' too; measured in PCR 8",
        ),
        (booted(b"initrd", b"lockdown=none"), "says 'lockdown=none' instead of 'quiet'"),
        (booted()[:-1], "missing: the variable of shim MokListTrusted, of PCR 14"),
        (booted(b"initrd", b"quiet", m.Measured(2, 0x80000004, bytes(32))), "the driver"),
        (booted(on=b"\0"), "Secure Boot is off instead of on"),
        (booted(db=m.certificate("Stranger", 711)), "the variable db holds Stranger"),
        (booted(dbx=m.REVOKED[:2]), f"the variable dbx lacks sha256 {m.REVOKED[2].hex()[:16]}…"),
    ],
    ids=["initrd", "more words", "other words", "less", "more", "secure boot", "db", "dbx"],
)
def test_what_differs_is_told_in_words(events: tuple[m.Measured, ...], words: str) -> None:
    """Each difference is a sentence that names the thing, and where it was measured."""
    found = told(m.learned(), events)
    assert any(words in d.words for d in found), found


def test_a_changed_event_is_named_by_its_number() -> None:
    """The number is the event's in the log, so that whoever looks there finds it."""
    events = booted(b"implanted")
    (found,) = told(m.learned(), events)
    assert ccel.parse(m.log_of(events)).events[found.event].data == b"/initrd.gz"
    assert found.register == "pcr9"


def test_a_dbx_that_has_grown_is_taken() -> None:
    """More that is revoked is no other boot; more that is trusted is."""
    assert told(m.learned(), booted(dbx=(*m.REVOKED, bytes(32)))) == ()


def test_the_machines_own_settings_vary_by_themselves() -> None:
    """Boot menu and platform data in PCR 1, in any number, are not compared; the same types elsewhere are."""
    more = (m.menu(b"another disk"), m.Measured(1, 0x80000009, b"tables"), m.Measured(5, 0x80000006, b"partitions"))
    assert told(m.learned(), booted(b"initrd", b"quiet", *more)) == ()
    elsewhere = told(m.learned(), booted(b"initrd", b"quiet", m.Measured(4, 0x80000002, b"x")))
    assert [d.register for d in elsewhere] == ["pcr4"]


def test_two_golden_boots_are_a_union() -> None:
    """Each digest of either boot is taken at its place, and what only one of them had may be absent."""
    driver = m.Measured(2, 0x80000004, bytes(32))
    known = m.learned(booted(b"one"), booted(b"two", b"quiet", driver))
    for events in (booted(b"one"), booted(b"two"), booted(b"two", b"quiet", driver)):
        assert told(known, events) == ()
    assert told(known, booted(b"three"))
    assert told(known, booted(b"one", b"quiet", driver, driver))


def test_two_golden_boots_say_what_they_differed_in() -> None:
    """What a golden boot has otherwise is told, so that nobody signs a union without seeing it."""
    golden = []
    for events in (booted(b"one"), booted(b"two")):
        log = ccel.parse(m.log_of(events))
        golden.append(known_boot.Golden(log, boot_events.seen(log, BANK), frozenset(m.PCRS)))
    assert known_boot.learn(golden, BANK, boot_events.VARYING).differed == (
        "the initrd /initrd.gz of PCR 9 has 2 forms",
    )


def test_what_the_owner_lets_vary_is_one_event_at_its_place() -> None:
    """A class that may vary takes whatever comes in its place, and nothing beside it."""
    known = m.learned(may_vary=("initrd",))
    assert told(known, booted(b"another")) == ()
    assert told(known, booted(b"another", b"quiet", m.Measured(9, 0x0D, b"/initrd.gz", of=b"more")))
    assert known.may_vary["initrd"]


def test_a_register_that_the_quote_does_not_prove_is_not_learned() -> None:
    """Events that no quote covers could be anybody's."""
    log = ccel.parse(m.log_of(m.BOOT))
    golden = known_boot.Golden(log, boot_events.seen(log, BANK), frozenset({0, 7}))
    assert {e.register for e in known_boot.learn([golden], BANK, {}).events} == {"pcr0", "pcr7"}


def test_halves_of_two_known_boots_are_no_boot() -> None:
    """Where references bind register values too, the events must be of the reference whose values fit."""
    zeros, ones = m.learned(booted(b"one")), m.learned(booted(b"two"))
    one, two = booted(b"one"), booted(b"two")
    known = (
        msgspec.structs.replace(zeros, name="a", values={"pcr9": (m.extended(one)[9].hex(),)}),
        msgspec.structs.replace(ones, name="b", values={"pcr9": (m.extended(one)[9].hex(), m.extended(two)[9].hex())}),
    )
    mixed = Minted(events=two, references=ReferenceValues(known, "owner")).appraised()
    assert mixed.opens
    crossed = (known[0], msgspec.structs.replace(known[1], values={"pcr9": ("00" * 32,)}))
    assert not Minted(events=two, references=ReferenceValues(crossed, "owner")).appraised().opens


def test_registers_that_nothing_is_compared_with_are_named() -> None:
    """A reference that knows some registers says which of the policy's it does not know."""
    known = m.learned()
    part = msgspec.structs.replace(known, events=tuple(e for e in known.events if e.register != "pcr8"))
    found = Minted(references=ReferenceValues((part,), "owner")).appraised()
    assert "compared with nothing: PCR 8" in next(s.found for s in found.steps if s.id == "tpm.measurement")


def test_a_boot_of_another_bank_is_never_compared() -> None:
    """Digests of a bank that is not judged prove nothing, and say so."""
    known = m.learned()
    other = tuple(
        msgspec.structs.replace(e, accept=tuple(f"sha384:{'00' * 48}" for _ in e.accept)) for e in known.events
    )
    found = Minted(references=ReferenceValues((msgspec.structs.replace(known, events=other),), "owner")).appraised()
    assert found.first_failure is not None
    assert "digests of sha384" in found.first_failure.found


def test_all_differences_are_claims() -> None:
    """A report shows what it has room for; the claims have them all."""
    events = booted(b"implanted", b"init=/bin/sh", m.Measured(2, 0x80000004, bytes(32)))
    found = Minted(events=events, references=ReferenceValues((m.learned(),), "owner")).appraised()
    differences = found.claims["boot_differences"]
    assert isinstance(differences, list)
    assert len(differences) == 4


# The file


def written(known: Reference) -> str:
    """The text of a file with a known boot."""
    r = reference_file.Reference(EvidenceKind.TPM, known.name, {}, f"sha256:{'00' * 32}", golden=True)
    held = msgspec.structs.replace(r, events=known.events, may_vary=known.may_vary)
    return reference_file.render(reference_file.References(reference_file.SCHEMA, "file", 1, (held,)))


def test_a_file_of_a_known_boot_reads_back() -> None:
    """What is written is read as it was, and the same boot gives the same text."""
    known = m.learned(booted(b"one"), booted(b"two"), may_vary=("kernel",))
    read = parse(written(known).encode(), "x").reference[0].known
    assert (read.events, read.may_vary) == (known.events, known.may_vary)
    assert written(known) == written(read)


def test_each_digest_has_its_words_beside_it() -> None:
    """A person who opens the file sees what a digest is of, in the same line."""
    text = written(m.learned())
    assert any(x.startswith('accept = ["sha256:') and x.endswith(' /initrd.gz"]') for x in text.splitlines())
    assert "Maker CA" in text


EVENT = ExpectedEvent("pcr9", "initrd", (f"sha256:{'00' * 32} /initrd",))


@pytest.mark.parametrize(
    ("events", "may_vary", "found"),
    [
        ((msgspec.structs.replace(EVENT, register="rtmr1"),), {}, "another register"),
        ((msgspec.structs.replace(EVENT, register="pcr24"),), {}, "another register"),
        ((msgspec.structs.replace(EVENT, what="kernal"),), {}, "another class"),
        ((msgspec.structs.replace(EVENT, accept=()),), {}, "0 digests"),
        ((msgspec.structs.replace(EVENT, accept=("sha256:00",)),), {}, "accept"),
        ((msgspec.structs.replace(EVENT, any=True, accept=()),), {}, "no reason"),
        ((msgspec.structs.replace(EVENT, entries=("x509:00",)),), {}, "entries"),
        ((EVENT, msgspec.structs.replace(EVENT, register="pcr8"), EVENT), {}, "in turn"),
        ((EVENT,), {"initrd": " "}, "may_vary"),
        ((), {"initrd": "because"}, "may_vary without events"),
    ],
    ids=["rtmr", "pcr24", "class", "none", "short", "any", "entries", "order", "reason", "empty"],
)
def test_a_file_that_could_take_any_boot_is_refused(
    events: tuple[ExpectedEvent, ...], may_vary: dict[str, str], found: str
) -> None:
    """A mistake of who edits the file by hand is an error, never a wider policy."""
    held = reference_file.Reference(EvidenceKind.TPM, "a", {"pcr0": ("00" * 32,)}, f"sha256:{'00' * 32}")
    with pytest.raises(Malformed, match=found):
        reference_file.check(msgspec.structs.replace(held, events=events, may_vary=may_vary), "x")


def test_events_do_not_change_the_digest_of_references_without_them() -> None:
    """Records that were made before a boot could be learned still name the same references."""
    held = ReferenceValues((Reference(EvidenceKind.TPM, "a", {"pcr0": ("aa",)}),), "x")
    assert held.digest == "sha256:f0a60f909134b637652426696011725d3535a853b8beffbdb4ef01d8e86d8709"
    assert ReferenceValues((m.learned(),), "x").digest != ReferenceValues((m.learned(booted(b"one")),), "x").digest
