"""A batch that was sequenced: all that a receipt of any of its entries needs, without a tile being there yet."""

from collections.abc import Sequence
from functools import cached_property

from strongroom.kit.tlog.merkle import Frontier, node_hash, prove_inclusion
from strongroom.model.errors import BadInput


class Batch:
    """Leaves that were appended to a tree, and the signed checkpoint of the tree with them.

    An inclusion proof of a new leaf needs new nodes, and the peaks of the tree before: at each level the one node just
    left of the new ones, which is a peak exactly where a new node has to be paired with an old one.
    """

    def __init__(self, before: Frontier, leaves: Sequence[bytes], checkpoint: bytes) -> None:
        self.start = before.size
        self.checkpoint = checkpoint
        self._peaks = before.peaks
        self._leaves = leaves

    @property
    def end(self) -> int:
        """The size of the log with this batch."""
        return self.start + len(self._leaves)

    @cached_property
    def _rows(self) -> list[tuple[int, list[bytes]]]:
        """For each level the index of the first node known, and the nodes from there on."""
        peaks = list(self._peaks)  # largest first: the smallest is the one at the lowest level
        rows, row, first = [], list(self._leaves), self.start
        while row:
            if first & 1:
                row = [peaks.pop(), *row]
                first -= 1
            rows.append((first, row))
            row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
            first >>= 1
        # A peak above the last row is paired with no new perfect node, but with the rest of the tree: it is asked for.
        for _ in range(len(rows), self.end.bit_length()):
            rows.append((first - 1, [peaks.pop()]) if first & 1 else (first, []))
            first >>= 1
        return rows

    def node(self, level: int, index: int) -> bytes:
        """The hash of a node that is new, or stands just left of the new ones.

        Raises:
            BadInput: it is not known here.
        """
        if level < len(self._rows):
            first, row = self._rows[level]
            if first <= index < first + len(row):
                return row[index - first]
        raise BadInput(f"node {level}/{index}", f"a batch from {self.start} to {self.end}", "a node of its right edge")

    def proof(self, index: int) -> tuple[bytes, ...]:
        """The inclusion proof of an entry of the batch under its checkpoint.

        Raises:
            BadInput: the entry is not of this batch.
        """
        if not self.start <= index < self.end:
            raise BadInput(f"entry {index}", f"a batch from {self.start} to {self.end}", "an entry of the batch")
        return prove_inclusion(index, self.end, self.node)
