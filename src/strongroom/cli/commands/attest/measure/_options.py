"""The options that every way of measuring shares, and what is done with the result."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click
import msgspec

if TYPE_CHECKING:
    from strongroom.app.measure import Measured
    from strongroom.app.references import Desk

F = TypeVar("F", bound=Callable[..., object])


class Keep(msgspec.Struct, frozen=True):
    """Where the values go, and as what."""

    references: str | None
    name: str
    version: str
    image: str
    register: tuple[str, ...]
    replace: bool
    key: str | None
    state: str | None
    log_: str | None
    at: str | None
    offline: bool
    config: str | None
    format_: str
    debug: bool


def signs(command: F) -> F:
    """The options of a command that changes a file of reference values."""
    for option in (
        click.option("--debug", is_flag=True, help="Show the traceback of an internal fault."),
        click.option("--config", metavar="FILE", help="The configuration file."),
        click.option("--offline", is_flag=True, help="Ask no witness of the log now."),
        click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601)."),
        click.option("--log", "log_", metavar="PATH|URL", help="The log [default: beside the state database]."),
        click.option("--state", metavar="PATH", help="The state database, for the log beside it."),
        click.option("--key", metavar="FILE", help="The key file that signs [default: REFERENCES.key]."),
    ):
        command = option(command)
    return command


def keeps(command: F) -> F:
    """The options of a command that measures."""
    for option in (
        click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True),
        click.option("--replace", is_flag=True, help="Replace a reference of that name and version."),
        click.option(
            "--register", multiple=True, metavar="NAME", help="Only these registers [default: the usual ones]."
        ),
        click.option("--image", default="", metavar="DIGEST", help="The digest that they belong to, sha256:… ."),
        click.option("--version", default="", metavar="TEXT", help="The version of the workload."),
        click.option("--name", default="workload", show_default=True, help="The name of the workload."),
        click.option("--references", metavar="FILE", help="Put the values into this file, sign it, and log that."),
    ):
        command = option(command)
    return signs(command)


def kept(given: dict[str, object]) -> Keep:
    """The shared options as the command line gave them."""
    return msgspec.convert(given, Keep)


def hexadecimal(option: str, text: str) -> int:
    """The number of an option. Raises BadUsage."""
    from strongroom.model.errors import BadUsage

    try:
        number = int(text, 16)
    except ValueError:
        number = -1
    if not 0 <= number < 1 << 64:
        raise BadUsage(option, repr(text[:40]), "a number in hexadecimal, such as 0x1")
    return number


def keep(measured: "Measured", to: Keep) -> int:
    """Print what was measured, and put it into the file that is named. Raises what signing and logging raise."""
    from strongroom.app.references import add
    from strongroom.cli.measure_views import added_lines, measured_lines
    from strongroom.cli.run import moment, note, write

    reference = measured.reference(to.name, to.version, to.image, moment(to.at))
    for remark in measured.remarks:
        note(remark)
    if to.references is None:
        write(measured_lines(reference, to.format_), None)
        return 0
    where = desk(to.references, to.key, to.state, to.log_, to.at, to.config, offline=to.offline)
    signed = add(where, reference, replace=to.replace)
    write(measured_lines(reference, to.format_), None)
    if to.format_ == "table":
        write(added_lines(where, signed), None)
    return 0


def desk(
    references: str,
    key: str | None,
    state: str | None,
    log_: str | None,
    at: str | None,
    config: str | None,
    *,
    offline: bool,
) -> "Desk":
    """Who changes which file. Raises BadUsage, and what reading the configuration raises."""
    from pathlib import Path

    from strongroom.app.config import load
    from strongroom.app.log_default import place_of
    from strongroom.app.references import Desk
    from strongroom.cli.run import moment

    settings = load(config)
    place = place_of(settings, log_, state=state or "")
    default = not (log_ or settings.log.path)
    return Desk(Path(references), Path(key or f"{references}.key"), place, default, moment(at), offline)
