"""List entries."""

import click

from strongroom.cli.commands.log._place import place, reads_log


@click.command("list", short_help="List the last entries.")
@click.option("--last", type=click.IntRange(min=1), default=20, show_default=True, help="How many.")
@click.option("--kind", "kinds", multiple=True, help="Only entries of this kind.")
@reads_log
def COMMAND(
    last: int, kinds: tuple[str, ...], log_: str | None, policy: str | None, config: str | None, debug: bool
) -> None:
    """List the last entries of the published log, oldest first."""
    from collections import deque

    from strongroom.app.log_entries import entries, size
    from strongroom.cli.log_views import row
    from strongroom.cli.run import finish, write

    def work() -> int:
        where = place(log_, policy, config)
        start = 0 if kinds else max(0, size(where) - last)
        write(map(row, deque(entries(where, kinds, start), last)), None)
        return 0

    finish(work, debug=debug)
