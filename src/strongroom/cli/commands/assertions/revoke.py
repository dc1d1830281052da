"""Take an assertion back."""

import click


@click.command("revoke", short_help="Take an assertion back, for good.")
@click.argument("ident", metavar="ID")
@click.option("--reason", required=True, help="Why it does not hold any more.")
@click.option("--state", metavar="PATH", help="The state database (a path or a database URL).")
@click.option("--log", "log_", metavar="PATH|URL", help="The log [default: beside the state].")
@click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601).")
@click.option("--offline", is_flag=True, help="Open no socket: a log's witnesses are not asked.")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    ident: str,
    reason: str,
    state: str | None,
    log_: str | None,
    at: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Take back the assertion whose id begins with ID. The log says so first; the assertion itself stays readable."""
    from strongroom.app.assertions import revoke
    from strongroom.app.config import load
    from strongroom.cli.run import finish, moment

    def work() -> int:
        gone = revoke(load(config), ident, reason, moment(at), state=state, log=log_, offline=offline)
        click.echo(f"{gone.id[:12]}  {gone.clause}: taken back")
        return 0

    finish(work, debug=debug)
