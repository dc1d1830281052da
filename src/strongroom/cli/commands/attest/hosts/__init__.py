"""Hosts that are attested again and again."""

import click

from strongroom.cli.rooms import Rooms


@click.command("hosts", cls=Rooms, package=__name__, short_help="List how watched hosts stand; admit and forget them.")
@click.option("--state", metavar="PATH|URL", help="The database of hosts [default: watch.db beside the state].")
@click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601).")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
@click.pass_context
def COMMAND(
    context: click.Context, state: str | None, at: str | None, format_: str, config: str | None, debug: bool
) -> None:
    """List the hosts that `strongroom attest watch` knows, and how each stands.

    Exit 1 when a host that was admitted has lost its standing or fell silent, else 0.
    """
    if context.invoked_subcommand is not None:
        return
    from strongroom.app.config import load
    from strongroom.app.watch_hosts import listed
    from strongroom.cli.host_views import as_json, table
    from strongroom.cli.run import finish, moment, write
    from strongroom.cli.tables import console

    def work() -> int:
        now = moment(at)
        found = listed(load(config), state, now)
        if format_ == "json":
            write(as_json(found), None)
        else:
            table(console(), found, now)
        return int(any(h.is_bad for h in found))

    finish(work, debug=debug)


COMMAND.invoke_without_command = True
COMMAND.no_args_is_help = False
