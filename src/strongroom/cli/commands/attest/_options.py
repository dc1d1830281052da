"""The options that the commands on evidence share."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from strongroom.model.attest import EvidenceKind

F = TypeVar("F", bound=Callable[..., object])


def evidence(command: F) -> F:
    """EVIDENCE and what it is."""
    kind = click.option(
        "--kind", metavar="KIND", help="What it is: snp, tdx, sgx, nitro, nvidia [default: recognised]."
    )
    return click.argument("evidence", metavar="EVIDENCE")(kind(command))


def kind_of(word: str | None) -> "EvidenceKind | None":
    """The kind of a word. Raises BadUsage."""
    from strongroom.app.evidence import verifiers
    from strongroom.model.attest import EvidenceKind
    from strongroom.model.errors import BadUsage

    if word is None:
        return None
    try:
        kind = EvidenceKind(word)
    except ValueError:
        raise BadUsage("--kind", repr(word), f"one of {', '.join(verifiers())}") from None
    return kind
