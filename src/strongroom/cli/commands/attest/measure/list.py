"""List a file of reference values."""

import click


@click.command("list", short_help="List reference values, and say whether a trusted key signed them.")
@click.argument("references", nargs=-1, required=True, metavar="FILE...")
@click.option("--key", "keys", multiple=True, metavar="KEY", help="A verifier key that is trusted.")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(references: tuple[str, ...], keys: tuple[str, ...], format_: str, config: str | None, debug: bool) -> None:
    """List what counts in each FILE: what a trusted key has signed, and nothing else. Exit 2: some of it does not count."""
    from strongroom.app.config import load as settings
    from strongroom.app.references import load
    from strongroom.cli.measure_views import reference_lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        held = load(references, settings(config), keys)
        write(reference_lines(held, format_), None)
        return 2 if held.trouble else 0

    finish(work, debug=debug)
