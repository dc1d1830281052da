"""Read an entry."""

import click

from strongroom.cli.commands.log._place import place, reads_log


@click.command("get", short_help="Print an entry, proven to be in the log.")
@click.argument("index", type=click.IntRange(min=0))
@click.option("--open", "open_", is_flag=True, help="Open what is sealed, where it was not erased.")
@click.option("--format", "format_", type=click.Choice(["table", "json", "raw"]), default="table", show_default=True)
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
@reads_log
def COMMAND(
    index: int,
    open_: bool,
    format_: str,
    output: str | None,
    log_: str | None,
    policy: str | None,
    config: str | None,
    debug: bool,
) -> None:
    """Print one entry of the published log, once its tree is found to hold it.

    `raw` are the very bytes that the log hashes: what `log verify` wants with a proof.
    """
    from strongroom.app.log_entries import get
    from strongroom.cli.log_views import as_json, entry_lines
    from strongroom.cli.run import finish, write, write_bytes

    def work() -> int:
        found = get(place(log_, policy, config), index, open_sealed=open_)
        if format_ == "raw":
            write_bytes(found.data, output)
        else:
            write([as_json(found)] if format_ == "json" else entry_lines(found), output)
        return 0

    finish(work, debug=debug)
