"""The emulated card: who has which memory, in what state it comes back, and what the dead leave."""

from pathlib import Path

import cards
import pytest
from cards import GRANULE, GRANULES

from strongroom.model.errors import GpuError, Malformed, NotFound, Unreadable
from strongroom.model.scrub import Block, Way
from strongroom.scrub.emulated import Card, Spec, create


def opened(path: Path) -> cards.CpuDevice:
    device = cards.device(path)
    device.open(lambda _: 1.0)
    return device


def test_memory_is_had_once(tmp_path: Path) -> None:
    """What one piece is, no other is; when all is had there is no more."""
    device = opened(cards.card(tmp_path))
    taken = device.take()
    assert taken.bytes == (GRANULES - 1) * GRANULE
    assert device.take().blocks == ()
    with pytest.raises(GpuError, match="no memory"):
        device.get(Way.ASYNC, GRANULE)
    device.close()


@pytest.mark.parametrize(("clears", "left"), [(True, 0), (False, GRANULE)])
def test_what_is_given_back_is_cleared_or_not(tmp_path: Path, clears: bool, left: int) -> None:
    """The switch of the driver is what the next one finds."""
    path = cards.card(tmp_path, clears_on_free=clears)
    device = opened(path)
    device.plant(device.get(Way.PLAIN, GRANULE), b"leftover")
    device.close()
    assert sum(bool(any(cards.octets(path)[n : n + 16])) for n in range(0, GRANULE * GRANULES, 16)) * 16 == left


def test_small_pieces_share_a_granule(tmp_path: Path) -> None:
    """What is given back of a granule is had again, uncleared, while another piece holds it."""
    device = opened(cards.card(tmp_path))
    first, other = device.get(Way.PLAIN, 64), device.get(Way.PLAIN, 64)
    device.plant(first, b"leftover")
    device.drop(first)
    again = device.get(Way.PLAIN, 64)
    assert device.audit(again, (b"leftover",), 1).canaries[0].words == 4
    assert device.audit(other, (b"leftover",), 1).residual_words == 0
    device.close()


def test_an_address_that_was_given_back_is_nobodys(tmp_path: Path) -> None:
    """Memory is reached by the one who has it, while he has it."""
    device = opened(cards.card(tmp_path))
    block = device.get(Way.PLAIN, GRANULE)
    device.drop(block)
    for one in (block, Block(999, GRANULE)):
        with pytest.raises(GpuError, match="an address of nobody"):
            device.zero(one)
    device.close()


def test_without_a_context_nothing_is_reached(tmp_path: Path) -> None:
    """A device that was not opened, or is closed, has no memory."""
    device = cards.device(cards.card(tmp_path))
    with pytest.raises(GpuError, match="no context"):
        device.take()
    device.open(lambda _: 1.0)
    with pytest.raises(GpuError, match="a context of this process"):
        cards.device(device._folder).open(lambda _: 1.0)
    device.close()
    device.close()
    with pytest.raises(GpuError, match="no context"):
        device.take()


def test_a_card_without_room_for_a_context_is_told(tmp_path: Path) -> None:
    """A card that others hold whole gives no context."""
    path = cards.card(tmp_path, context=GRANULES + 1)
    with pytest.raises(GpuError, match="no memory for a context"):
        opened(path)


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"spec":{"uuid":"CPU-1","granules":"x"}}', b"\xff"])
def test_a_card_that_cannot_be_read_is_told(tmp_path: Path, text: bytes) -> None:
    """A state that is none is an error that names the card, and no traceback."""
    path = cards.card(tmp_path)
    (path / "card.json").write_bytes(text)
    with pytest.raises(Malformed, match="an emulated card"):
        Card(path, cards.UUID)


def test_a_card_is_made_once_and_known_by_its_uuid(tmp_path: Path) -> None:
    """A folder that is there is not overwritten, one that is not there is no card, and another UUID is another card."""
    path = cards.card(tmp_path)
    with pytest.raises(Unreadable):
        create(path, Spec(cards.UUID))
    with pytest.raises(NotFound):
        Card(tmp_path / "none", cards.UUID)
    with pytest.raises(GpuError, match="GPU CPU-1"):
        Card(path, "CPU-2")
