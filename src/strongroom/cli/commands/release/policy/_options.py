"""The options that say whom a broker trusts, and what was recorded."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from strongroom.app.config import Config

F = TypeVar("F", bound=Callable[..., object])

signers = click.option(
    "--signer",
    "signers",
    multiple=True,
    metavar="VKEY",
    help="A key that the broker trusts [default: [broker] signers].",
)
threshold = click.option("--threshold", type=click.IntRange(1), help="How many of them [default: [broker] threshold].")
config = click.option("--config", metavar="FILE", help="The configuration file.")
debug = click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
_APPRAISALS = click.option(
    "--appraisals",
    multiple=True,
    metavar="PATH",
    help="A record of `attest verify --record`, or a folder of them or of a broker's records.",
)
_BROKER = click.option("--broker-state", "broker", is_flag=True, help="What the configured broker has appraised too.")
_REFERENCES = click.option("--resource", "resources", multiple=True, metavar="NAME", help="Only these resources.")


def recorded(command: F) -> F:
    """The options that say which appraisals a policy is tried on."""
    for option in (_REFERENCES, _BROKER, _APPRAISALS):
        command = option(command)
    return command


def trusted(held: "Config", signers_: tuple[str, ...], threshold_: int | None) -> tuple[tuple[str, ...], int]:
    """Whose signatures count: as given, else as configured."""
    keys = signers_ or tuple(held.broker.signers)
    return keys, threshold_ or (len(keys) if signers_ else held.broker.threshold)
