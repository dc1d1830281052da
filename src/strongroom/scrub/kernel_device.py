"""A device whose work is done by kernels: what is asked of a GPU in terms of launches, over any runtime that has them."""

import struct
from typing import NamedTuple, Protocol

from strongroom.kit.scrub_pattern import MOST_TAGS, TAG_SIZE, WORD, lanes
from strongroom.model.errors import GpuError
from strongroom.model.scrub import Audit, Block, Checked, Cover, Gpu, Standing, Step, Taken, Until, Way
from strongroom.scrub import kernels
from strongroom.scrub.kernels import Told

SCRATCH = 1 << 16  # octets beside what is scrubbed: what kernels tell, tags, zeros
_TAGS_AT, _ZEROS_AT = 1 << 13, 1 << 14
_BLOCKS = 8  # for each unit: enough loads under way to fill the memory's pipes
_TRIES = 8  # launches, until every unit had a block
_REGISTER = 4  # octets


class Started(NamedTuple):
    """What a context tells, and where its scratch memory is."""

    gpu: Gpu
    scratch: int
    threads: int  # that a unit holds at once


class Memory(NamedTuple):
    """Pieces of memory, as address and octets, in pages of so many octets, and how they were had."""

    pieces: tuple[tuple[int, int], ...]
    granule: int
    how: str


class U32(int):
    """An argument of a kernel: 32 bits."""


class U64(int):
    """An argument of a kernel: 64 bits, or an address."""


class Runtime(Protocol):
    """What a vendor's runtime must do. Every call raises GpuError."""

    def look(self) -> Standing:
        """How the GPU stands, by the driver's management interface."""

    def start(self, until: Until) -> Started:
        """A context, the kernels in it, and scratch memory."""

    def grab(self) -> Memory:
        """All memory that can be had."""

    def get(self, way: Way, octets: int) -> int:
        """Some memory; its address."""

    def drop(self, way: Way, address: int) -> None:
        """Give it back."""

    def launch(self, name: str, grid: int, threads: int, shared: int, arguments: tuple[U32 | U64, ...]) -> None:
        """Run a kernel to its end."""

    def registers(self, name: str) -> int:
        """The registers that each thread of a kernel has."""

    def read(self, address: int, octets: int) -> bytes:
        """From the GPU."""

    def write(self, address: int, data: bytes) -> None:
        """To the GPU."""

    def stop(self) -> None:
        """Give everything back. It never raises."""


class KernelDevice:
    """A device over a runtime."""

    def __init__(self, runtime: Runtime) -> None:
        """Nothing is touched before a call."""
        self._runtime = runtime
        self._started: Started | None = None
        self._taken = Taken((), 0, "")
        self._ways: dict[int, Way] = {}

    def look(self) -> Standing:
        """How it stands."""
        return self._runtime.look()

    def open(self, until: Until) -> Gpu:
        """Make a context."""
        self._started = self._runtime.start(until)
        return self._started.gpu

    @property
    def _open(self) -> Started:
        if self._started is None:
            raise GpuError("device", "no context", "one that is open")
        return self._started

    def take(self) -> Taken:
        """All memory; every piece begins with a page of its own."""
        found = self._runtime.grab()
        blocks, page = [], 0
        for address, octets in found.pieces:
            blocks.append(Block(address, octets, page))
            page += -(-octets // found.granule)
        self._taken = Taken(tuple(blocks), found.granule, found.how)
        return self._taken

    def _run(
        self,
        name: str,
        *arguments: U32 | U64,
        tags: tuple[bytes, ...] = (),
        grid: int = 0,
        threads: int = 0,
        shared: int = 0,
    ) -> Told:
        """One launch. The last argument of every kernel is where it tells."""
        started = self._open
        self._runtime.write(started.scratch, struct.pack(f"<{kernels.PLACES}Q", *kernels.blank()))
        grid, threads = grid or started.gpu.units * _BLOCKS, threads or kernels.THREADS
        self._runtime.launch(name, grid, threads, shared, (*arguments, U64(started.scratch)))
        places = struct.unpack(f"<{kernels.PLACES}Q", self._runtime.read(started.scratch, 8 * kernels.PLACES))
        return kernels.told(list(places), tags)

    def _tags(self, tags: tuple[bytes, ...]) -> tuple[U64, U32]:
        """Where tags are for a kernel, and how many."""
        if len(tags) > MOST_TAGS or any(len(t) != TAG_SIZE for t in tags):
            raise GpuError("device", f"{len(tags)} tags", f"at most {MOST_TAGS} of {TAG_SIZE} octets")
        address = self._open.scratch + _TAGS_AT
        self._runtime.write(address, b"".join(tags) or bytes(TAG_SIZE))
        return U64(address), U32(len(tags))

    def _piece(self, block: Block) -> tuple[U64, U64, U32]:
        granule = self._taken.granule or block.bytes
        return U64(block.address), U64(block.bytes // WORD), U32(granule // WORD)

    def audit(self, block: Block, tags: tuple[bytes, ...], every: int) -> Audit:
        """Read, and write nothing."""
        if every < 1 or every & (every - 1):
            raise GpuError("device", f"a sample of one in {every}", "a power of two")
        found = self._run("sr_audit", *self._piece(block), *self._tags(tags), U32(every - 1), tags=tags)
        return Audit(found.words * WORD, found.bad, found.first, found.canaries, found.histogram)

    def fill(self, block: Block, key: bytes) -> int:
        """Write the pattern."""
        found = self._run("sr_fill", *self._piece(block), U64(block.page), *map(U32, lanes(key)))
        return found.words * WORD

    def zero(self, block: Block) -> int:
        """Write zeros."""
        return self._run("sr_zero", *self._piece(block)).words * WORD

    def check(self, block: Block, key: bytes | None) -> Checked:
        """Compare."""
        if key is None:
            found = self._run("sr_check_zero", *self._piece(block))
        else:
            found = self._run("sr_check", *self._piece(block), U64(block.page), *map(U32, lanes(key)))
        return Checked(found.words * WORD, found.bad, found.first)

    def flush(self, octets: int) -> int:
        """Read the beginning of what was taken, which was written longest ago; what stands there is not looked at."""
        done = 0
        for block in self._taken.blocks:
            if done < octets:
                part = min(block.bytes, -(-(octets - done) // WORD) * WORD)
                done += self._run("sr_check_zero", *self._piece(Block(block.address, part, block.page))).words * WORD
        return done

    def sweep(self, step: Step, tags: tuple[bytes, ...]) -> Cover:
        """Shared memory, registers or local memory of every unit."""
        if step is Step.SHARED:
            heard = self.listen_shared(tags)
            found = self._each("sr_shared_zero", U32(self._shared // WORD), shared=self._shared)
            return Cover(
                found[0],
                self._open.gpu.units,
                self._shared,
                self._shared,
                heard.residual_words,
                found[1],
                heard.canaries,
            )
        gpu = self._open.gpu
        if step is Step.REGISTERS:
            threads = kernels.REGISTER_THREADS
            # All the shared memory of a unit, though it is not used: no second block fits beside.
            units, bad = self._each(
                "sr_registers", U64(self._open.scratch + _ZEROS_AT), threads=threads, shared=self._shared, zeros=True
            )
            each = threads * _REGISTER * self._runtime.registers("sr_registers")
            return Cover(units, gpu.units, each, gpu.register_bytes, 0, bad)
        return self._local(gpu)

    @property
    def _shared(self) -> int:
        return self._open.gpu.shared_bytes // WORD * WORD

    def _local(self, gpu: Gpu) -> Cover:
        """The stacks of as many threads as there can be at once."""
        threads = self._open.threads // kernels.THREADS * kernels.THREADS
        found = self._run("sr_local", grid=gpu.units * threads // kernels.THREADS)
        each = 4 * kernels.STACK_WORDS * threads
        return Cover(found.units, gpu.units, each, each, 0, found.bad)

    def _each(
        self, name: str, *arguments: U32 | U64, threads: int = 0, shared: int = 0, zeros: bool = False
    ) -> tuple[int, int]:
        """Launch until every unit had a block: how many had one in the best launch, and how much was wrong in all."""
        units = self._open.gpu.units
        if zeros:
            self._runtime.write(self._open.scratch + _ZEROS_AT, bytes(4 * (kernels.REGISTERS + 1)))
        reached, bad = 0, 0
        for _ in range(_TRIES):
            found = self._run(name, *arguments, grid=units, threads=threads, shared=shared)
            reached, bad = max(reached, found.units), bad + found.bad
            if reached >= units:
                break
        return reached, bad

    def get(self, way: Way, octets: int) -> Block:
        """Ask for some memory."""
        address = self._runtime.get(way, octets)
        self._ways[address] = way
        return Block(address, octets)

    def drop(self, block: Block) -> None:
        """Give it back."""
        self._runtime.drop(self._ways.pop(block.address), block.address)

    def plant(self, block: Block, tag: bytes) -> int:
        """Write canaries."""
        tag_number = U64(int.from_bytes(tag, "little"))
        return self._run("sr_plant", U64(block.address), U64(block.bytes // WORD), tag_number).words

    def plant_shared(self, tag: bytes) -> int:
        """Write canaries into shared memory."""
        words, number = U32(self._shared // WORD), U64(int.from_bytes(tag, "little"))
        return self._run("sr_shared_plant", words, number, grid=self._open.gpu.units, shared=self._shared).words

    def listen_shared(self, tags: tuple[bytes, ...]) -> Cover:
        """Read shared memory as it is found. Once only: what a second launch finds was seen by the first."""
        gpu = self._open.gpu
        words = U32(self._shared // WORD)
        found = self._run("sr_shared_listen", words, *self._tags(tags), tags=tags, grid=gpu.units, shared=self._shared)
        return Cover(found.units, gpu.units, self._shared, self._shared, found.bad, 0, found.canaries)

    def close(self) -> None:
        """Give everything back."""
        self._started = None
        self._taken = Taken((), 0, "")
        self._runtime.stop()
