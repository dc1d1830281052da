"""The reader of event logs against a slow and obvious one: the same events of the same octets, or both refuse."""

import hashlib
from typing import NamedTuple

import tpm_minting as tpms
from hypothesis import given, settings
from hypothesis import strategies as st
from test_measure_logs import event, spec_id

from strongroom.kit import ccel
from strongroom.model.errors import BadInput

SHA1, SHA256, SHA384 = 0x04, 0x0B, 0x0C
SIZES = {SHA1: 20, SHA256: 32, SHA384: 48}
Plain = tuple[int, int, int, dict[int, bytes], bytes]  # offset, register, type, digests, data


class Seed(NamedTuple):
    """A log whose layout the test itself knows."""

    banks: tuple[int, ...]
    octets: bytes
    begin: int  # where the first event after the header is


def _seed(*banks: int) -> Seed:
    head = spec_id(*((b, SIZES[b]) for b in banks))
    told = ((0, 3, b"StartupLocality\0\3"), (0, 8, b"1.0"), (2, 0x80000007, b"a" * 50), (7, 4, bytes(4)), (16, 13, b""))
    return Seed(banks, head + b"".join(event(*e, *banks) for e in told), len(head))


SEEDS = (_seed(SHA256), _seed(SHA1, SHA256), _seed(SHA384, SHA1, SHA256))


def _obvious(octets: bytes, begin: int, banks: tuple[int, ...]) -> list[Plain] | None:
    """The events after the header, one field at a time, each digest in the place that its own number names; or None."""
    at, found = begin, list[Plain]()
    while at < max(len(octets), begin) and any(o != octets[-1] or octets[-1] not in (0, 255) for o in octets[at:]):
        offset, numbers = at, list[int]()
        for _ in range(3):
            numbers.append(int.from_bytes(octets[at : at + 4], "little"))
            at += 4
        digests: dict[int, bytes] = {}
        if at > len(octets) or numbers[2] != len(banks):
            return None
        for _ in banks:
            bank = int.from_bytes(octets[at : at + 2], "little")
            if at + 2 > len(octets) or bank not in banks or bank in digests:
                return None
            digests[bank] = octets[at + 2 : at + 2 + SIZES[bank]]
            at += 2 + SIZES[bank]
        size = int.from_bytes(octets[at : at + 4], "little")
        if at + 4 > len(octets) or at + 4 + size > len(octets) or size > ccel.MOST_EVENT:
            return None
        found.append((offset, numbers[0], numbers[1], digests, octets[at + 4 : at + 4 + size]))
        at += 4 + size
    return found


def _late_locality(events: list[Plain]) -> bool:
    """Whether the log says where the TPM started wrongly, twice, or after PCR 0 was extended."""
    said = extended = False
    for _, register, kind, _, data in events:
        if kind == 3 and register == 0 and data.startswith(b"StartupLocality\0"):
            if said or extended or len(data) != 17 or data[16] not in (0, 3, 4):
                return True
            said = True
        extended = extended or (register == 0 and kind not in (3, 0x80000010))
    return False


def _compare(seed: Seed, octets: bytes) -> None:
    slow = _obvious(octets, seed.begin, seed.banks)
    refused = slow is None or _late_locality(slow)
    try:
        log = ccel.parse(octets)
    except BadInput:
        assert refused
        return
    assert not refused
    assert [(e.offset, e.register, e.type, dict(e.digests), e.data) for e in log.events[1:]] == slow
    assert [e.number for e in log.events] == list(range(len(log.events)))
    for bank in seed.banks:
        _compare_registers(log, slow or [], bank)


def _compare_registers(log: ccel.Log, slow: list[Plain], bank: int) -> None:
    name = {SHA1: "sha1", SHA256: "sha256", SHA384: "sha384"}[bank]
    registers: dict[int, bytes] = {}
    for _, register, kind, digests, _ in slow:
        if kind != 3:
            before = registers.get(register, ccel.initial(log, register, SIZES[bank]))
            registers[register] = hashlib.new(name, before + digests[bank]).digest()
    assert ccel.replay(log, bank) == registers


EDITS = st.lists(
    st.tuples(st.sampled_from(["set", "cut", "insert", "swap"]), st.integers(0, 900), st.binary(max_size=9))
)


def _edited(seed: Seed, edits: list[tuple[str, int, bytes]]) -> bytes:
    """The log with changes behind its header."""
    body = bytearray(seed.octets[seed.begin :])
    for how, where, octets in edits:
        at = where % (len(body) + 1)
        if how == "set":
            body[at : at + len(octets)] = octets
        elif how == "cut":
            del body[at : at + len(octets) * 8]
        elif how == "insert":
            body[at:at] = octets
        else:
            body[at : at + 8] = body[at + 4 : at + 8] + body[at : at + 4]
    return seed.octets[: seed.begin] + bytes(body)


@settings(max_examples=400)
@given(st.sampled_from(SEEDS), EDITS)
def test_a_hostile_log_is_read_as_an_obvious_reader_reads_it(seed: Seed, edits: list[tuple[str, int, bytes]]) -> None:
    """Whatever was changed in a log, its events and registers are those of the obvious reader, or both refuse it."""
    _compare(seed, _edited(seed, edits))


@given(st.sampled_from(SEEDS), st.data())
def test_digests_in_another_order_are_the_same_digests(seed: Seed, data: st.DataObject) -> None:
    """An event whose banks stand in another order than the header's is read by their numbers."""
    order = data.draw(st.permutations(seed.banks))
    more = event(3, 13, b"late", *order) + event(4, 13, b"later", *seed.banks)
    _compare(seed, seed.octets + more)
    assert [e.register for e in ccel.parse(seed.octets + more).events[-2:]] == [3, 4]


def test_a_minted_boot_is_read_alike() -> None:
    """The log of a whole made-up boot is read by both alike, header length and all."""
    octets = tpms.log_of(tpms.BOOT)
    _compare(Seed((SHA256,), octets, ccel.parse(octets).events[1].offset), octets)
