"""An emulated card: the scrub and the leak test as they run on a GPU, on memory of a file, to try and to test them."""

import contextlib
import mmap
from collections.abc import Mapping
from functools import lru_cache
from itertools import count
from pathlib import Path

from strongroom.kit import scrub_pattern as pattern
from strongroom.kit.scrub_pattern import WORD
from strongroom.model.errors import BadUsage, GpuError, StrongroomError
from strongroom.model.scrub import (
    Audit,
    Block,
    Canary,
    Checked,
    Cover,
    DeviceKind,
    Gpu,
    Mig,
    Occupant,
    Standing,
    Step,
    Taken,
    Until,
    Way,
)
from strongroom.scrub.emulated import MAKE, Card

_ZERO = bytes(WORD)


@lru_cache(maxsize=4)
def _zeros(octets: int) -> bytes:
    return bytes(octets)


class CpuDevice:
    """A device on an emulated card. Memory of a process is reached through its addresses only."""

    def __init__(self, uuid: str, folder: Path) -> None:
        """Nothing is opened before a call."""
        self._uuid, self._folder = uuid, folder
        self._card: Card | None = None
        self._memory: mmap.mmap | None = None
        self._taken: list[Block] = []
        self._mine: dict[int, tuple[list[int], int, int]] = {}  # address: granules, offset in the first, octets
        self._addresses = count(1)
        self._small: list[int] | None = None  # a granule that small pieces come from
        self._free_small: list[int] = []  # offsets in it, last freed first
        self._pool: dict[int, list[list[int]]] = {}  # octets: what was freed asynchronously and is kept
        self._ways: dict[int, Way] = {}

    def look(self) -> Standing:
        """How it stands."""
        card = Card(self._folder, self._uuid)
        occupants = tuple(Occupant(p, "", n) for p, n in sorted(card.others().items()))
        total = card.spec.granules * card.spec.granule
        return Standing(
            uuid=self._uuid, model="an emulated card", driver="emulated", bytes_total=total, bytes_used=card.used(),
            occupants=occupants, mps=(), mig=Mig.OFF, uncorrected=card.errors(), bus=card.spec.bus,
            firmware=card.firmware(), notes=("no GPU: memory of a file",),
        )  # fmt: skip

    def open(self, until: Until) -> Gpu:
        """Make a context."""
        until("open")
        self._card = card = Card(self._folder, self._uuid)
        card.enter()
        with card.memory.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)
        s = card.spec
        return Gpu(
            uuid=s.uuid, units=s.units, shared_bytes=s.shared, register_bytes=s.shared, l2_bytes=s.l2, method="emulated"
        )

    @property
    def _open(self) -> tuple[Card, mmap.mmap]:
        if self._card is None or self._memory is None:
            raise GpuError("emulated driver", "no context", "one that is open")
        return self._card, self._memory

    def take(self) -> Taken:
        """Every granule that nobody has."""
        card, _ = self._open
        granules = card.get(card.spec.granules)
        size = card.spec.granule
        self._taken = [self._block(granules, 0, len(granules) * size)] if granules else []
        return Taken(tuple(self._taken), size, f"{len(granules)} granules of {size} octets")

    def _block(self, granules: list[int], offset: int, octets: int) -> Block:
        address = next(self._addresses)
        self._mine[address] = (granules, offset, octets)
        return Block(address, octets)

    def _pages(self, block: Block) -> list[tuple[int, int, int]]:
        """Of each page of a block: its number, and where it lies in the memory, from and to."""
        card, _ = self._open
        try:
            granules, offset, octets = self._mine[block.address]
        except KeyError:
            raise GpuError("emulated driver", "an address of nobody", "one that was given") from None
        size = card.spec.granule
        octets = min(octets, block.bytes)
        return [
            (block.page + n, g * size + offset, g * size + offset + min(size - offset, octets - n * size))
            for n, g in enumerate(granules)
            if n * size < octets
        ]

    def audit(self, block: Block, tags: tuple[bytes, ...], every: int) -> Audit:
        """Read, and write nothing."""
        _, memory = self._open
        found, hits, place = Audit(), {t: Canary(t.hex(), 0) for t in tags}, 0
        histogram = [0] * 256
        residual, first = 0, None
        for _, begin, end in self._pages(block):
            data = memory[begin:end]
            if data.count(0) != len(data):
                for at in range(0, len(data), WORD):
                    word = data[at : at + WORD]
                    if word == _ZERO:
                        continue
                    residual += 1
                    first = place + at if first is None else first
                    tag = word[: pattern.TAG_SIZE]
                    if tag in hits:
                        old = hits[tag]
                        hits[tag] = Canary(old.tag, old.words + 1, place + at if old.first is None else old.first)
                    if (place + at) // WORD % every == 0:
                        for octet in word:
                            histogram[octet] += 1
            place += len(data)
        return Audit(found.bytes + place, residual, first, tuple(hits.values()), tuple(histogram))

    def fill(self, block: Block, key: bytes) -> int:
        """Write the pattern."""
        _, memory = self._open
        done = 0
        for number, begin, end in self._pages(block):
            memory[begin:end] = pattern.page(key, number, (end - begin) // WORD)
            done += end - begin
        return done

    def zero(self, block: Block) -> int:
        """Write zeros."""
        _, memory = self._open
        done = 0
        for _, begin, end in self._pages(block):
            memory[begin:end] = _zeros(end - begin)
            done += end - begin
        return done

    def check(self, block: Block, key: bytes | None) -> Checked:
        """Compare."""
        _, memory = self._open
        wrong, first, place = 0, None, 0
        for number, begin, end in self._pages(block):
            words = (end - begin) // WORD
            data, wanted = memory[begin:end], _zeros(end - begin) if key is None else pattern.page(key, number, words)
            if data != wanted:
                bad = [at for at in range(0, len(data), WORD) if data[at : at + WORD] != wanted[at : at + WORD]]
                wrong += len(bad)
                first = place + bad[0] if first is None else first
            place += len(data)
        return Checked(place, wrong, first)

    def flush(self, octets: int) -> int:
        """Read as much as there is, up to so many octets."""
        _, memory = self._open
        done = 0
        for block in self._taken:
            for _, begin, end in self._pages(block):
                if done < octets:
                    done += len(memory[begin : min(end, begin + octets - done)])
        return done

    def sweep(self, step: Step, tags: tuple[bytes, ...]) -> Cover:
        """Shared memory of each unit; registers and local memory are not emulated, and nothing is left in them."""
        card, _ = self._open
        units, each = card.spec.units, card.spec.shared
        if step is not Step.SHARED:
            return Cover(units, units, each, each)
        found = self.listen_shared(tags)
        with card.running() as path:
            path.write_bytes(bytes(units * each))
            wrong = path.read_bytes().count(0) != units * each
        return Cover(units, units, each, each, found.residual_words, int(wrong), found.canaries)

    def get(self, way: Way, octets: int) -> Block:
        """Memory as a driver gives it: small pieces share a granule, and a pool keeps what is freed into it."""
        card, _ = self._open
        kept = self._pool.get(octets, [])
        if way is Way.ASYNC and kept:
            block = self._block(kept.pop(), 0, octets)
        elif way is Way.PLAIN and octets * 2 <= card.spec.granule:
            block = self._piece(octets)
        else:
            granules = card.get(-(-octets // card.spec.granule))
            if len(granules) * card.spec.granule < octets:
                card.put(granules)
                raise GpuError("emulated driver", "no memory", f"{octets} octets")
            block = self._block(granules, 0, octets)
        self._ways[block.address] = way
        return block

    def _piece(self, octets: int) -> Block:
        card, _ = self._open
        if self._small is None:
            self._small = card.get(1)
            if not self._small:
                raise GpuError("emulated driver", "no memory", f"{octets} octets")
            self._free_small = list(range(card.spec.granule - octets, -1, -octets))
        if not self._free_small:
            raise GpuError("emulated driver", "a full granule of small pieces", "a free one")
        return self._block(self._small, self._free_small.pop(), octets)

    def drop(self, block: Block) -> None:
        """Give memory back: to this process's pool or granule, or to the driver."""
        card, _ = self._open
        if card.spec.clears_within:
            self.zero(block)
        granules, offset, octets = self._mine.pop(block.address)
        if self._ways.pop(block.address) is Way.ASYNC:
            self._pool.setdefault(octets, []).append(granules)
        elif granules is self._small:
            self._free_small.append(offset)
        else:
            card.put(granules)

    def plant(self, block: Block, tag: bytes) -> int:
        """Write canaries."""
        _, memory = self._open
        index = 0
        for _, begin, end in self._pages(block):
            words = (end - begin) // WORD
            memory[begin:end] = b"".join(pattern.canary(tag, index + n) for n in range(words))
            index += words
        return index

    def plant_shared(self, tag: bytes) -> int:
        """Write canaries into the shared memory of every unit."""
        card, _ = self._open
        words = card.spec.shared // WORD
        with card.running() as path:
            path.write_bytes(b"".join(pattern.canary(tag, n) for n in range(words)) * card.spec.units)
        return words * card.spec.units

    def listen_shared(self, tags: tuple[bytes, ...]) -> Cover:
        """Read the shared memory of every unit."""
        card, _ = self._open
        with card.running() as path:
            data = path.read_bytes()
        words = [data[at : at + WORD] for at in range(0, len(data), WORD)]
        heads = [w[: pattern.TAG_SIZE] for w in words]
        hits = tuple(Canary(t.hex(), heads.count(t), heads.index(t) * WORD if t in heads else None) for t in tags)
        units, each = card.spec.units, card.spec.shared
        return Cover(units, units, each, each, sum(w != _ZERO for w in words), 0, hits)

    def close(self) -> None:
        """Give everything back."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None
        if self._card is not None:
            with contextlib.suppress(StrongroomError):
                self._card.leave()
            self._card = None
        self._mine.clear()
        self._taken = []


def _open(uuid: str, options: Mapping[str, str]) -> CpuDevice:
    if "card" not in options:
        raise BadUsage("--device cpu", "no card", "--card FOLDER", MAKE)
    return CpuDevice(uuid, _folder(uuid, options))


def _folder(uuid: str, options: Mapping[str, str]) -> Path:
    """The card itself, or one of several in a folder, which are called after their UUIDs."""
    folder = Path(options.get("card", ""))
    return folder / uuid if (folder / uuid).is_dir() else folder


def _reset(uuid: str, options: Mapping[str, str]) -> str:
    Card(_folder(uuid, options), uuid).reset()
    return "the emulated card was reset"


DEVICE = DeviceKind(
    "cpu",
    "an emulated card in a folder, to try it on",
    emulated=True,
    open=_open,
    environment=lambda _: {},
    reset=_reset,
)
