"""What opening works with."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from strongroom.app.release_evidence import Attester

Clock = Callable[[], datetime]
Tell = Callable[[str], None]


class Hands(NamedTuple):
    """The clock, who is told, and who attests where it is not this machine as the command has it."""

    clock: Clock
    tell: Tell
    attester: "Attester | None" = None
