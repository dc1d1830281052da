"""What is known, and how old it is."""

import click


@click.command("status", short_help="Show what is known, and how old it is.")
@click.option("--config", metavar="FILE", help="The configuration file, with [feeds].")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(config: str | None, format_: str, debug: bool) -> None:
    """Show documents and lists, their ages, rows that cannot be trusted, and digests that do not match.

    Exit 0: fresh. 3: older than [feeds] fresh_days. 2: nothing is kept, or it is damaged.
    """
    from strongroom.app.config import load
    from strongroom.app.feeds import folder
    from strongroom.app.feeds import load as feed_of
    from strongroom.cli.feed_views import status_lines, status_of
    from strongroom.cli.release_views import formatted
    from strongroom.cli.run import finish, moment, write

    def work() -> int:
        settings = load(config)
        found = status_of(feed_of(settings), moment(None).date(), settings.feeds.fresh_days)
        write([formatted(found._asdict())] if format_ == "json" else status_lines(found, str(folder(settings))), None)
        return 0 if found.fresh else 3

    finish(work, debug=debug)
