"""List assertions."""

import click


@click.command("list", short_help="List the assertions and how each stands.")
@click.option("--state", metavar="PATH", help="The state database (a path or a database URL).")
@click.option("--log", "log_", metavar="PATH|URL", help="The log [default: beside the state].")
@click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601).")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(state: str | None, log_: str | None, at: str | None, format_: str, config: str | None, debug: bool) -> None:
    """List the assertions, oldest first, each verified now: its signature, its place in the log, its evidence."""
    from strongroom.app.assertions import listed
    from strongroom.app.config import load
    from strongroom.cli.assertion_views import assertion_lines
    from strongroom.cli.run import finish, moment, write

    def work() -> int:
        write(assertion_lines(listed(load(config), moment(at), state=state, log=log_), format_), None)
        return 0

    finish(work, debug=debug)
