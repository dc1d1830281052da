"""The options that `release get` and `release exec` share: the broker, and this machine."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypedDict, TypeVar

import click

if TYPE_CHECKING:
    from strongroom.app.release_get import Asking

F = TypeVar("F", bound=Callable[..., object])


class Words(TypedDict):
    """What the options say."""

    broker: str
    ca: str | None
    algorithm: str
    timeout: float
    broker_policy: str | None
    interface: str | None
    state: str | None
    pcrs: str | None
    vmpl: int | None
    gpus: str
    init: str | None
    config: str | None


_BROKER = click.option("--broker", metavar="URL", required=True, help="The broker; https, or http on this machine.")
MACHINE = (
    click.option("--ca", metavar="FILE", help="Authorities of the broker's certificate, PEM [default: the system's]."),
    click.option(
        "--broker-evidence-policy",
        "broker_policy",
        metavar="FILE",
        help="Verify the broker first, by this appraisal policy; without it, its operator is trusted.",
    ),
    click.option(
        "--algorithm",
        type=click.Choice(["ECDH-ES+A256KW", "RSA-OAEP-256", "ML-KEM-768+A192KW"]),
        default="ECDH-ES+A256KW",
        show_default=True,
        help="What the answer is encrypted by.",
    ),
    click.option(
        "--interface",
        metavar="NAME",
        help="configfs-tsm, sev-guest, nsm, tpm or azure-vtpm [default: the first that is there; azure-vtpm is named].",
    ),
    click.option("--vmpl", type=click.IntRange(0, 3), help="The privilege level of SEV-SNP to ask at."),
    click.option("--pcrs", metavar="LIST", help="The registers of a TPM to quote."),
    click.option("--state", metavar="DIR", help="Where the attestation key of a TPM is kept."),
    click.option(
        "--gpus",
        type=click.Choice(["auto", "yes", "no"]),
        default="auto",
        show_default=True,
        help="Whether NVIDIA GPUs answer too; with yes it is an error if they do not.",
    ),
    click.option("--init-data", "init", metavar="FILE", help="The init-data that this workload was started with."),
    click.option(
        "--timeout", type=click.FloatRange(1, 600), default=30.0, show_default=True, help="Seconds a request."
    ),
    click.option("--config", metavar="FILE", help="The configuration file, for --broker-evidence-policy."),
)


def broker(command: F) -> F:
    """Put the options on a command."""
    for option in reversed((_BROKER, *MACHINE)):
        command = option(command)
    return command


def asking(words: Words) -> "Asking":
    """What they say, as the use case takes it. Raises BadUsage."""
    from strongroom.app.release_client import To
    from strongroom.app.release_evidence import Machine
    from strongroom.app.release_get import Asking
    from strongroom.cli.run import note

    return Asking(
        To(words["broker"], words["ca"], words["algorithm"], words["timeout"]),
        Machine(words["interface"], words["vmpl"], words["pcrs"], words["state"], words["gpus"], note),
        words["broker_policy"],
        words["config"],
        words["init"],
    )
