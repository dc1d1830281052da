"""The options that the commands on sealed artifacts share: who opens it and how, what it must show, who is to open it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, TypeVar

import click

from strongroom.cli.commands.release._options import MACHINE

if TYPE_CHECKING:
    from strongroom.app.release_get import Asking
    from strongroom.app.seal_gate import Demands
    from strongroom.app.seal_slots import Wanted
    from strongroom.app.seal_unlock import Hands, Way

F = TypeVar("F", bound=Callable[..., object])


class Opening(TypedDict):
    """What the options of whoever opens say."""

    identities: tuple[str, ...]
    recovered: str
    slot: str
    least: int
    attest: bool
    broker: str | None
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


class Demanding(TypedDict):
    """What the options say that must be shown."""

    public_key: str | None
    certificate_chain: tuple[str, ...]
    trust_config: str | None
    signer: str | None
    signer_provider: str | None
    provenance_key: str | None
    builder: str | None
    require: tuple[str, ...]
    review: bool


class Sealing(TypedDict):
    """What the options say of who is to open it."""

    to: tuple[str, ...]
    to_broker: tuple[str, ...]
    escrow: int
    holders: tuple[str, ...]
    to_backend: str
    owners: tuple[str, ...]
    policy: str
    mixed: bool


_OPENING = (
    click.option("--identity", "identities", multiple=True, metavar="FILE", help="An identity that opens a slot."),
    click.option("--recovered", default="", metavar="FILE", help="What age has opened of an age slot; - reads a pipe."),
    click.option("--attest", is_flag=True, help="Attest this machine to the broker of a slot, and get the key from it."),
    click.option("--slot", default="", metavar="ID", help="The one slot to open [default: the first that opens]."),
    click.option(
        "--generation", "least", type=click.IntRange(1), default=1, metavar="N",
        help="Refuse slots of an earlier generation: an old list that was put back.",
    ),
    click.option("--broker", metavar="URL", help="The broker, for the slot of a key back end; others name their own."),
    *MACHINE,
)  # fmt: skip
_DEMANDING = (
    click.option("--public-key", metavar="PEM", help="The key that must have signed it, outside and inside."),
    click.option("--certificate-chain", multiple=True, metavar="PEM", help="Authorities of the signer's certificate."),
    click.option("--signer", metavar="NAME", help="The name in the signer's certificate."),
    click.option("--trust-config", metavar="FILE", help="A trust configuration of Sigstore."),
    click.option("--signer-provider", metavar="URL", help="Who vouches for the signer, for --trust-config."),
    click.option("--provenance-key", metavar="PEM", help="The key that must have signed the provenance."),
    click.option("--builder", metavar="URI", help="The builder that the provenance must name."),
    click.option(
        "--require",
        multiple=True,
        type=click.Choice(["signature", "scan", "provenance", "bom"]),
        help="Refuse without it. What a broker releases must have the first three.",
    ),
    click.option("--accept-review", "review", is_flag=True, help="Open what the scan says somebody must look at."),
)
_SEALING = (
    click.option("--to", multiple=True, metavar="RECIPIENT", help="Who opens it: a recipient, or a file of them."),
    click.option("--to-broker", multiple=True, metavar="FILE", help="A broker's recipient: seal recipient makes it."),
    click.option(
        "--escrow", type=click.IntRange(0, 32), default=0, metavar="N", help="So many holders together open it."
    ),
    click.option(
        "--holder", "holders", multiple=True, metavar="RECIPIENT", help="One who holds a share of the escrow."
    ),
    click.option("--to-backend", default="", metavar="NAME", help="A key back end of [broker]; a broker gives it out."),
    click.option(
        "--owner", "owners", multiple=True, metavar="VKEY", help="Whose policies must hold, for --to-backend."
    ),
    click.option("--policy", default="", metavar="ID", help="The id of the policy that is bound into the slots."),
    click.option("--mixed", is_flag=True, help="Let classical recipients stand beside post-quantum ones."),
)


def opens(command: F) -> F:
    """The options of who opens an artifact."""
    return _with(command, _OPENING)


def demands(command: F) -> F:
    """The options of what an artifact must show."""
    return _with(command, _DEMANDING)


def seals(command: F) -> F:
    """The options of who is to open an artifact."""
    return _with(command, _SEALING)


def logs(command: F) -> F:
    """The options of where an act is logged."""
    return _with(
        command,
        (
            click.option("--log", "log_", metavar="PATH|URL", help="The log [default: [log] path]."),
            click.option("--offline", is_flag=True, help="Ask no witness of the log now."),
        ),
    )


def _with(command: F, options: tuple[Callable[[F], F], ...]) -> F:
    for option in reversed(options):
        command = option(command)
    return command


def way(words: Opening) -> "Way":
    """How it is opened. Raises BadUsage where nothing says so."""
    from strongroom.app.seal_unlock import Way
    from strongroom.model.errors import BadUsage

    if sum(map(bool, (words["identities"], words["attest"], words["recovered"]))) != 1:
        hint = "strongroom seal inspect SEALED shows who can open it"
        raise BadUsage("who opens it", "not one way", "--identity FILE, --attest or --recovered FILE", hint)
    asking = _asking(words) if words["attest"] else None
    return Way(words["identities"], asking, words["slot"], words["least"], words["recovered"])


def maybe(words: Opening) -> "Way | None":
    """How it is opened, or None where nobody says so."""
    return way(words) if words["identities"] or words["attest"] or words["recovered"] else None


def _asking(words: Opening) -> "Asking":
    from strongroom.app.release_client import To
    from strongroom.app.release_evidence import Machine
    from strongroom.app.release_get import Asking
    from strongroom.cli.run import note

    return Asking(
        To(words["broker"] or "", words["ca"], words["algorithm"], words["timeout"]),
        Machine(words["interface"], words["vmpl"], words["pcrs"], words["state"], words["gpus"], note),
        words["broker_policy"],
        words["config"],
        words["init"],
    )


def demanded(words: Demanding) -> "Demands":
    """What it must show."""
    from strongroom.app.seal_gate import Demands, Shown
    from strongroom.app.seal_verify import Trust

    named = (words["public_key"], words["certificate_chain"], words["trust_config"])
    trust = None
    if any(named):
        key, chain, config = named
        trust = Trust(key, chain, config, words["signer"], words["signer_provider"])
        trust.check()
    required = frozenset(Shown(w) for w in words["require"])
    return Demands(required, trust, words["provenance_key"], words["builder"], words["review"])


def wanted(words: Sealing) -> "Wanted":
    """Who is to open it."""
    from strongroom.app.seal_slots import Wanted

    return Wanted(
        words["to"],
        words["to_broker"],
        words["escrow"],
        words["holders"],
        words["to_backend"],
        words["owners"],
        words["policy"],
        words["mixed"],
    )


def hands() -> "Hands":
    """The clock, and the terminal to tell."""
    from strongroom.app.seal_unlock import Hands
    from strongroom.cli.run import moment, note

    return Hands(lambda: moment(None), note)


def state_folder(config: str | None) -> Path:
    """Where what belongs to this machine is kept."""
    from strongroom.app.config import load
    from strongroom.app.state_place import state_path

    path = load(config).state.path
    return Path(state_path(None if "://" in path else path)).parent
