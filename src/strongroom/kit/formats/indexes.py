"""Vector indexes by their headers: FAISS, hnswlib, Chroma's SQLite, Lance."""

import math
import struct

SQLITE = b"SQLite format 3\0"  # SQLite file format, 1.3
LANCE_TAIL = b"LANC"  # Lance format specification, "Footer"
# The first four bytes of an index of FAISS (faiss/impl/index_write.cpp).
FAISS = frozenset({
    b"IxFI", b"IxF2", b"IxFl", b"IxHE", b"IxHe", b"IxPQ", b"IxPo", b"IxPq", b"IxRQ", b"IxLS", b"IxSQ", b"IxPT", b"IxRF",
    b"IxMp", b"IxM2", b"IwFl", b"IwFQ", b"IwFS", b"IvFl", b"IvFL", b"IwPQ", b"IvPQ", b"IvQR", b"IwQR", b"IwSQ", b"IwSq",
    b"IwPf", b"Iwrq", b"IwRQ", b"IHNf", b"IHNp", b"IHNs", b"IHN2", b"IHc2", b"INSf", b"INSp", b"INSs", b"INDf", b"IPfs",
    b"IxFS", b"IBxF", b"IBwF", b"IBMp", b"IBM2", b"IBHf", b"IBHh", b"IBHm",
})  # fmt: skip
_FILLER = 1 << 20  # write_index_header: two numbers that mean nothing
_HNSW = struct.Struct("<6QiIQQQdQ")  # hnswlib/hnswalg.h, saveIndex, on 64-bit machines


def looks_like_faiss(head: bytes, size: int) -> bool:
    """Whether a file begins as an index of FAISS: a known type, a dimension, a number of vectors."""
    if head[:4] not in FAISS or len(head) < 37:
        return False
    dimension = int.from_bytes(head[4:8], "little")
    if head[:2] == b"IB":  # binary: dimension, bytes of a code, number
        return 0 < dimension <= 1 << 20 and int.from_bytes(head[8:12], "little") == dimension // 8
    fixed = int.from_bytes(head[16:24], "little"), int.from_bytes(head[24:32], "little")
    return (
        0 < dimension <= 1 << 20 and fixed == (_FILLER, _FILLER) and int.from_bytes(head[8:16], "little") <= size * 64
    )


def looks_like_hnswlib(head: bytes, size: int) -> bool:
    """Whether the numbers of a header fit each other as hnswlib writes them; the format has no magic."""
    if len(head) < _HNSW.size:
        return False
    (zero, most, count, element, label, data, level, _, m, m_max, m_level0, mult, _) = _HNSW.unpack_from(head)
    if zero or not 0 < m <= 4096 or m_max != m or m_level0 != 2 * m or level < -1:
        return False
    fits = 0 < element <= 1 << 24 and count <= most and label + 8 == element and data == m_level0 * 4 + 4
    return fits and count * element <= size + element and math.isclose(mult, 1 / math.log(m) if m > 1 else math.inf)


def looks_like_chroma(head: bytes) -> bool:
    """Whether the beginning of an SQLite database has the tables of Chroma."""
    return head.startswith(SQLITE) and b"embeddings_queue" in head and b"collections" in head
