"""Ask the places that publish feeds."""

import contextlib

import click


@click.command("update", short_help="Ask the places that publish feeds what is new.")
@click.argument("urls", nargs=-1, metavar="[URL]...")
@click.option("--config", metavar="FILE", help="The configuration file, with [feeds] sources.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(urls: tuple[str, ...], config: str | None, debug: bool) -> None:
    """Ask each URL, or each of [feeds] sources: a provider of CSAF (provider-metadata.json, changes.csv, ROLIE), or one file.

    Only what changed since the last time is fetched, over https with certificate checks; an update that was cut off goes on
    where it ended. Documents that somebody signs are checked by [feeds] signers.

    Exit 0: each place answered in full. 1: something is nothing that is known. 3: a place gave no whole answer, and what is kept
    grows old. 2: bad input.
    """
    from strongroom.app.config import load
    from strongroom.app.feeds_update import Http, update
    from strongroom.cli.feed_views import updated_lines
    from strongroom.cli.run import finish, moment, write
    from strongroom.model.errors import BadUsage

    def work() -> int:
        settings = load(config)
        if not urls and not settings.feeds.sources:
            raise BadUsage("feeds update", "no place to ask", "a URL, or [feeds] sources in the configuration")
        found = []
        with contextlib.closing(Http()) as ask:
            for one in update(settings, ask, lambda: moment(None), urls):
                write(updated_lines(one), None)
                found.append(one)
        if any(u.trouble for u in found):
            return 3
        return 1 if any(b.trouble and "is kept" not in b.trouble for u in found for b in u.brought) else 0

    finish(work, debug=debug)
