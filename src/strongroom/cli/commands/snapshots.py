"""The runs that are kept."""

import click


@click.command("snapshots", short_help="List the runs that are kept.")
@click.option("--state", metavar="PATH", help="The state database (a path or a database URL).")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(state: str | None, format_: str, config: str | None, debug: bool) -> None:
    """List the stored runs, oldest first; their ids are what `strongroom diff` takes."""
    from strongroom.app.config import load
    from strongroom.app.state import snapshots, state_path
    from strongroom.cli.listing import snapshot_lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        kept = snapshots(state_path(state or load(config).state.path))
        write(snapshot_lines(kept, format_), None)
        return 0

    finish(work, debug=debug)
