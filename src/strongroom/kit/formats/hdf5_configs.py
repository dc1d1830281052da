"""Keras models in HDF5 without HDF5's own library: configurations found as the JSON texts that they are in the file.

An attribute of text is stored as one run of bytes, in its object header or in a heap (HDF5 File Format Specification,
IV.A.2.m and III.E), and never compressed. What is found is judged; a file that names a configuration in which no JSON
can be read is for a person to look at. Links to other files, and what lies in them, are not followed.
"""

import json

from strongroom.kit.formats import configs
from strongroom.kit.formats.bounded import Source
from strongroom.kit.formats.verdicts import Findings

MAGIC = b"\x89HDF\r\n\x1a\n"
_PIECE, _OVERLAP = 8 << 20, 4096
_MOST_CONFIG = 32 << 20
_MOST_FOUND = 64
_WORDS = (b"model_config", b"training_config")
_BEGINS = (b'{"class_name"', b'{"module"', b'{"config"', b'{"name"', b'{ "class_name"', b'{"registered_name"')
_SIGNS = (b'"class_name"', b'"Lambda"')
_DECODER = json.JSONDecoder()


def judge(source: Source, found: Findings) -> None:
    """Add what the configurations in a file would have a loader run."""
    places: dict[int, None] = {}
    named = signs = tables = False
    place = 0
    while place < source.size:
        piece = source.at(place, _PIECE + _OVERLAP)
        named = named or any(w in piece for w in _WORDS)
        signs = signs or any(s in piece for s in _SIGNS)
        tables = tables or b"PYTABLES_FORMAT_VERSION" in piece
        for begin in _BEGINS:
            at = piece.find(begin)
            while 0 <= at < _PIECE and len(places) < _MOST_FOUND:
                places[place + at] = None
                at = piece.find(begin, at + 1)
        place += _PIECE
    read = _read(source, sorted(places), found)
    if tables:
        found.review("hdf5.tables", "written by PyTables, which unpickles attributes when it opens a file")
    if (named or signs) and not read:
        found.review("hdf5.config", "it holds the configuration of a Keras model that could not be read")


def _read(source: Source, places: list[int], found: Findings) -> int:
    """Judge each text that is JSON; texts within one that was read are not read again."""
    read = end = 0
    for at in places:
        if at < end:
            continue
        text = source.at(at, _MOST_CONFIG).decode("latin-1")
        try:
            root, length = _DECODER.raw_decode(text)
        except (ValueError, RecursionError):
            continue
        configs.judge_tree(root, found)
        read, end = read + 1, at + length
    return read
