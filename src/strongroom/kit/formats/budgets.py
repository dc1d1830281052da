"""What looking into one file may cost, with everything that is packed in it."""

from dataclasses import dataclass, field

from strongroom.model.errors import TooLarge

MOST_DEPTH = 6
MOST_UNPACKED = 1 << 30
MOST_AT_ONCE = 1 << 28
MOST_ENTRIES = 100_000
MOST_OPCODES = 10_000_000


@dataclass(slots=True)
class Budget:
    """What is left: bytes to unpack, entries of archives to look at, opcodes of pickles to follow."""

    unpacked: int = MOST_UNPACKED
    entries: int = MOST_ENTRIES
    depth: int = MOST_DEPTH
    opcodes: list[int] = field(default_factory=lambda: [MOST_OPCODES])

    def unpack(self, size: int) -> None:
        """Take bytes. Raises TooLarge for more than are left."""
        self.unpacked -= size
        if self.unpacked < 0:
            raise TooLarge("archive", f"over {MOST_UNPACKED} bytes unpacked", "fewer")

    def entry(self) -> None:
        """Take an entry. Raises TooLarge for more than are left."""
        self.entries -= 1
        if self.entries < 0:
            raise TooLarge("archive", f"over {MOST_ENTRIES} entries", "fewer")
