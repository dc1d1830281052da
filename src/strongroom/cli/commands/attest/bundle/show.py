"""Look into a bundle."""

import click


@click.command("show", short_help="List what a bundle holds, and until when.")
@click.argument("bundle", metavar="FILE")
@click.option(
    "--key", "keys", multiple=True, metavar="KEY", help="A verifier key that is trusted [default: configured]."
)
@click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601).")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(bundle: str, keys: tuple[str, ...], at: str | None, format_: str, config: str | None, debug: bool) -> None:
    """List what FILE holds, until when each item speaks, and whether the bundle would count here. Nothing is kept."""
    from strongroom.app.attest_bundle import look
    from strongroom.app.config import load
    from strongroom.cli.bundle_views import shown
    from strongroom.cli.run import finish, moment, write

    def work() -> int:
        write(shown(look(bundle, load(config), keys), moment(at), format_), None)
        return 0

    finish(work, debug=debug)
