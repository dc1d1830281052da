"""Assess infrastructure against every control that its sources can show."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import click

from strongroom.cli.helping import AskingCommand

if TYPE_CHECKING:
    from strongroom.model.control import Assessment
    from strongroom.model.ports import Catalogue

SEVERITIES = ["critical", "high", "medium", "low", "info", "never"]


@click.command("assess", cls=AskingCommand, short_help="Judge infrastructure against the controls.")
@click.argument("sources", nargs=-1, metavar="SOURCE...")
@click.option("--format", "format_", default="table", metavar="NAME", help="table, or a report; see below.")
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Exit 1 from this severity on [default: high].")
@click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601).")
@click.option("--state", metavar="PATH", help="The state database (a path or a database URL).")
@click.option("--log", "log_", metavar="PATH|URL", help="The log of snapshots [default: beside the state].")
@click.option("--exceptions", metavar="FILE", help="The exceptions file: which findings are accepted, by whom.")
@click.option(
    "--rules", "rules_", multiple=True, metavar="FILE|DIR", help="Rules of your own, beside the built-in checks."
)
@click.option("--register", metavar="FILE", help="The signed register of artifacts (see `strongroom artifacts`).")
@click.option("--seal", multiple=True, metavar="NAME", help="Only commit to this field of exceptions in the log.")
@click.option("--no-snapshot", is_flag=True, help="Keep and log nothing of this run.")
@click.option("--redact", "redacted", is_flag=True, help="Replace every name of yours, for readers outside the house.")
@click.option("--offline", is_flag=True, help="Open no socket: no cluster and no witness of a log is asked.")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    sources: tuple[str, ...],
    format_: str,
    output: str | None,
    fail_on: str | None,
    at: str | None,
    state: str | None,
    log_: str | None,
    exceptions: str | None,
    rules_: tuple[str, ...],
    register: str | None,
    seal: tuple[str, ...],
    no_snapshot: bool,
    redacted: bool,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Judge infrastructure against every control that its sources can show.

    A SOURCE is a path that is recognised, or KIND:TARGET; see below.

    \b
    Exit: 0 nothing fails, 1 something fails at or above --fail-on,
          2 bad input, 3 nothing fails but something is unknown, 4 a bug.
    """  # noqa: D301 - the escape is click's mark for lines that stay as they are
    from strongroom.app import artifacts, rules
    from strongroom.app.assess import assess, exit_code
    from strongroom.app.catalogue import report
    from strongroom.app.config import load
    from strongroom.app.log_people import checked_seal
    from strongroom.app.log_snapshots import keep_and_log
    from strongroom.app.people import people
    from strongroom.app.sealed_join import looking
    from strongroom.cli.run import finish, floor_of, moment, note, progress, write
    from strongroom.model.errors import BadUsage

    def work() -> int:
        settings = load(config)
        given = sources or settings.assess.sources
        if not given:
            raise BadUsage("assess", "no source", "at least one", "strongroom assess .   or   strongroom assess host:")
        chosen = report(format_) if format_ != "table" else None
        floor, sealed = floor_of(fail_on or settings.assess.fail_on), checked_seal(seal or settings.assess.seal)
        bounds = settings.bounds(offline=offline)
        own, now = rules.load(rules.given(settings, rules_), bounds), moment(at)
        known, held = own.catalogue(), artifacts.trusted(settings, register)
        said, unseen = people(settings, exceptions, now, state=state, log=log_)
        with progress() as tell:
            found = assess(given, now, bounds, tell, said, own, held, looking(settings))
        note(unseen)
        keep = partial(keep_and_log, found, settings, state=state, log=log_, offline=offline, seal=sealed, known=known)
        trouble = None if no_snapshot else _trouble(keep)
        found, known = _for_readers(found, known, format_, state or settings.state.path, redacted=redacted)
        write(chosen.render(found, known), output) if chosen else _table(output, found, known)
        if trouble is not None:
            raise trouble
        return exit_code(found, floor)

    finish(work, debug=debug)


def _trouble(keep: Callable[[], None]) -> Exception | None:
    """Why a run could not be kept: what was found is still printed, and this is said after it."""
    from strongroom.model.errors import BadInput, LogError, NotFound, StateError

    try:
        keep()
    except (StateError, LogError, BadInput, NotFound) as e:
        return e
    return None


def _for_readers(
    found: "Assessment", known: "Catalogue", format_: str, state: str, *, redacted: bool
) -> "tuple[Assessment, Catalogue]":
    """The run with the earlier ones that its page draws, and without names where it leaves the house."""
    from strongroom.app.burn_down import earlier
    from strongroom.app.redacting import leaving
    from strongroom.cli.run import note

    if format_ == "html":
        found.history = earlier(found, state)
    if not redacted:
        return found, known
    said, words, names = leaving(found, known, state)
    note(f"what each pseudonym stands for is in {names}, which is not to leave the house")
    return said, words


def _table(output: str | None, found: object, known: object) -> None:
    from strongroom.cli.people_below import below
    from strongroom.cli.run import write
    from strongroom.cli.tables import assessment, console
    from strongroom.model.control import Assessment
    from strongroom.model.ports import Catalogue

    assert isinstance(found, Assessment)
    assert isinstance(known, Catalogue)
    out = console()
    if output is None:
        assessment(out, found, known)
        below(out, found)
        return
    with out.capture() as text:
        assessment(out, found, known)
        below(out, found)
    write([text.get()], output)
