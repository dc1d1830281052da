"""Event logs of measured boot, replayed, and held against the registers that hardware signed."""

import hashlib
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit import ccel
from strongroom.model.errors import BadInput, Malformed, TooLarge

SHA1, SHA256, SHA384 = 0x0004, 0x000B, 0x000C
NO_ACTION, SEPARATOR, ACTION = 3, 4, 0x80000007


# Event logs


def spec_id(*banks: tuple[int, int]) -> bytes:
    """The header of a crypto-agile log."""
    data = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, len(banks))
    data += b"".join(struct.pack("<HH", *bank) for bank in banks) + b"\0"
    return struct.pack("<II20sI", 0, NO_ACTION, bytes(20), len(data)) + data


def event(register: int, kind: int, data: bytes, *banks: int, digest: bytes | None = None) -> bytes:
    """An event, with the digest of its data in each bank unless another is given."""
    out = struct.pack("<III", register, kind, len(banks))
    for bank in banks:
        name, size = ccel.ALGORITHMS[bank]
        held = bytes(size) if kind == NO_ACTION else hashlib.new(name, data).digest()
        out += struct.pack("<H", bank) + (digest or held)
    return out + struct.pack("<I", len(data)) + data


def test_every_bank_is_replayed() -> None:
    """Each bank of a log gives the registers of its own hash, extended in the order of the events."""
    banks = (SHA1, SHA256)
    log = spec_id((SHA1, 20), (SHA256, 32)) + event(4, ACTION, b"a", *banks) + event(4, SEPARATOR, b"b", *banks)
    held = ccel.parse(log)
    for bank, name in ((SHA1, "sha1"), (SHA256, "sha256")):
        value = bytes(hashlib.new(name).digest_size)
        for data in (b"a", b"b"):
            value = hashlib.new(name, value + hashlib.new(name, data).digest()).digest()
        assert ccel.replay(held, bank) == {4: value}


def test_events_without_action_are_kept_and_not_extended() -> None:
    """An informative event is in the list, and in no register."""
    log = spec_id((SHA256, 32)) + event(0, NO_ACTION, b"note", SHA256)
    held = ccel.parse(log)
    assert [e.type_name for e in held.events] == ["EV_NO_ACTION", "EV_NO_ACTION"]
    assert ccel.replay(held, SHA256) == {}


@pytest.mark.parametrize("locality", [0, 3, 4])
def test_the_startup_locality_is_where_pcr_0_begins(locality: int) -> None:
    """PCR 0 ends in the locality that the TPM was started from, before anything is extended."""
    told = event(0, NO_ACTION, b"StartupLocality\0" + bytes([locality]), SHA256)
    held = ccel.parse(spec_id((SHA256, 32)) + told + event(0, ACTION, b"a", SHA256))
    begin = bytes(31) + bytes([locality])
    assert held.startup_locality == locality
    assert ccel.replay(held, SHA256)[0] == hashlib.sha256(begin + hashlib.sha256(b"a").digest()).digest()


@pytest.mark.parametrize("twice", [True, False])
def test_a_startup_locality_that_comes_late_is_refused(twice: bool) -> None:
    """A second locality, or one after PCR 0 was extended, would rewrite what the log began with."""
    told = event(0, NO_ACTION, b"StartupLocality\0\x03", SHA256)
    first = told if twice else event(0, ACTION, b"a", SHA256)
    with pytest.raises(Malformed, match="locality"):
        ccel.parse(spec_id((SHA256, 32)) + first + told)


@pytest.mark.parametrize("padding", [b"\xff", b"\0"])
def test_padding_ends_the_log(padding: bytes) -> None:
    """What fills the area behind the last event is no event, however long it is."""
    log = spec_id((SHA256, 32)) + event(1, ACTION, b"a\0\0", SHA256)
    held = ccel.parse(log + padding * 5000)
    assert (len(held.events), held.padding) == (2, 5000)


def test_octets_behind_the_padding_are_refused() -> None:
    """A log that goes on after its padding would be two logs to two readers."""
    with pytest.raises(BadInput):
        ccel.parse(spec_id((SHA256, 32)) + b"\xff" * 100 + event(1, ACTION, b"a", SHA256))


@pytest.mark.parametrize(
    ("log", "found"),
    [
        (b"", "0 octets"),
        (spec_id((SHA256, 32), (SHA256, 32)), "the bank 0x000b"),
        (spec_id((SHA256, 20)), "digests of 20 octets"),
        (spec_id(), "0 banks"),
        (spec_id((SHA256, 32)) + event(1, ACTION, b"a"), "0 digests"),
        (spec_id((SHA1, 20), (SHA256, 32)) + event(1, ACTION, b"a", SHA1, SHA1), "a digest of algorithm"),
        (spec_id((SHA256, 32)) + event(1, ACTION, b"a", SHA384), "a digest of algorithm"),
        (spec_id((SHA256, 32)) + event(1, ACTION, b"abc", SHA256)[:-1], "2 octets"),
        (struct.pack("<II20sI", 99, 77, bytes(20), 0), "a first event"),
    ],
)
def test_logs_that_are_none_are_refused(log: bytes, found: str) -> None:
    """A log that is cut, or whose digests are not those of its header, is refused by name."""
    with pytest.raises(Malformed) as e:
        ccel.parse(log)
    assert found in e.value.found


def test_limits_are_held() -> None:
    """An event or a log over the limits is refused before it is read."""
    with pytest.raises(TooLarge):
        ccel.parse(bytes(ccel.MOST_OCTETS + 1))
    huge = struct.pack("<IIIH32sI", 1, ACTION, 1, SHA256, bytes(32), ccel.MOST_EVENT + 1)
    with pytest.raises(TooLarge):
        ccel.parse(spec_id((SHA256, 32)) + huge)


def test_words_beside_a_digest_are_told_from_what_was_measured() -> None:
    """Only data whose hash is the digest is what was measured; anything else is a remark."""
    log = spec_id((SHA256, 32)) + event(1, ACTION, b"a", SHA256) + event(1, ACTION, b"a", SHA256, digest=bytes(32))
    _, said, remarked = ccel.parse(log).events
    assert said.says_what_it_measured(SHA256)
    assert not remarked.says_what_it_measured(SHA256)


def test_a_bank_that_is_not_there_is_no_zeros() -> None:
    """Asking for a bank that the log does not have is an error, never an empty answer."""
    with pytest.raises(Malformed, match="sha384"):
        ccel.replay(ccel.parse(spec_id((SHA256, 32))), SHA384)


def test_a_log_with_registers_of_a_tpm_is_no_ccel() -> None:
    """PCR 7 is no register of a TD, and MRTD is never extended by a log."""
    for register in (0, 7):
        log = ccel.parse(spec_id((SHA384, 48)) + event(register, ACTION, b"a", SHA384))
        with pytest.raises(Malformed, match="register"):
            ccel.rtmrs(log)


def test_a_recorded_log_gives_the_registers_of_its_quote(vectors: Path) -> None:
    """The log of a TD on Google Cloud replays to RTMR0 to RTMR3 of the quote that was taken with it."""
    log = ccel.parse((vectors / "attest/dcap/cos-113-tdx.ccel").read_bytes())
    quote = (vectors / "attest/dcap/cos-113-tdx.quote").read_bytes()
    signed = {f"rtmr{n}": quote[48 + 328 + 48 * n : 48 + 376 + 48 * n] for n in range(4)}
    assert ccel.rtmrs(log) == signed


# Banks and events of each recorded log; the SHA-1 log is of the time before crypto agility.
LOGS = {
    "ubuntu-2104-no-dbx": (3, 112),
    "ubuntu-2104-no-secure-boot": (3, 106),
    "rhel8-uefi": (3, 83),
    "debian-10": (1, 25),
    "cos-101-amd-sev": (3, 49),
    "arch-linux-workstation": (2, 25),
    "glinux-alex": (2, 29),
    "ubuntu-1804-amd-sev": (3, 88),
}


@pytest.mark.parametrize("name", LOGS)
def test_recorded_logs_of_tpms_are_read_whole(name: str, vectors: Path) -> None:
    """Every event of every recorded log is kept, and each bank replays."""
    log = ccel.parse((vectors / f"attest/tpm/{name}.eventlog.bin").read_bytes())
    assert (len(log.banks), len(log.events)) == LOGS[name]
    for bank in log.banks:
        assert {0, 4, 7} <= ccel.replay(log, bank).keys()


def test_a_recorded_log_gives_the_pcrs_that_were_quoted_with_it(vectors: Path) -> None:
    """The log inside of a recorded TPM attestation replays to PCRs that lie beside it, in every bank."""
    data = (vectors / "attest/tpm/gce-cos-85-nonce9009.pb").read_bytes()
    begin = data.index(b"Spec ID Event03\0") - 32
    log = None
    for end in range(begin + 4000, len(data)):  # the log is a field of a protobuf: its length stands before it
        if data[begin - 3 : begin] and begin + _varint(data, begin) == end:
            log = ccel.parse(data[begin:end])
            break
    assert log is not None
    for bank in log.banks:
        for register, value in ccel.replay(log, bank).items():
            assert value in data, (bank, register)


def _varint(data: bytes, end: int) -> int:
    """The number whose last octet stands before `end`."""
    at = end - 1
    while data[at - 1] & 0x80:
        at -= 1
    return sum((b & 0x7F) << 7 * n for n, b in enumerate(data[at:end]))


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 255))
def test_no_octets_make_the_reader_of_logs_fall(tail: bytes, at: int, octet: int) -> None:
    """Whatever the octets, a log is read or refused."""
    log = bytearray(spec_id((SHA1, 20), (SHA256, 32)) + event(2, ACTION, b"a" * 50, SHA1, SHA256) + tail)
    log[at % len(log)] = octet
    try:
        held = ccel.parse(bytes(log))
        for bank in held.banks:
            ccel.replay(held, bank)
    except BadInput:
        pass
