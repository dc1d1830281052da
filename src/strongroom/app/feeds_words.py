"""What bringing feeds in says."""

from typing import NamedTuple

from strongroom.model.advisory import Document, Signals

HINT = "strongroom feeds import FILE|FOLDER|ZIP"


class Brought(NamedTuple):
    """What came of one file: what it is, or why it is nothing."""

    name: str
    kept: Document | Signals | None
    trouble: str = ""
