"""All that is kept, in one signed file."""

import click


@click.command("bundle", short_help="Write all that is kept into one signed file.")
@click.option("-o", "--output", required=True, metavar="FILE", help="Where it goes.")
@click.option(
    "--key", metavar="FILE", help="The key that signs [default: this installation's own, made when there is none]."
)
@click.option("--name", default="feeds", show_default=True, help="A name, by which a bundle is known again.")
@click.option("--at", metavar="TIME", help="The time that it states, in UTC [default: now].")
@click.option("--config", metavar="FILE", help="The configuration file, with [feeds].")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(output: str, key: str | None, name: str, at: str | None, config: str | None, debug: bool) -> None:
    """Carry feeds over an air gap: `strongroom feeds import FILE` takes it in where [feeds] keys name the key that is printed.

    It holds facts of versions, and no vendor's document. The same feed, name, time and key give the same octets.

    Exit 0: written. 2: nothing is kept, or it cannot be written.
    """
    from strongroom.app.config import load
    from strongroom.app.feeds import load as feed_of
    from strongroom.app.feeds_bundle import create
    from strongroom.cli.feed_views import bundled_lines
    from strongroom.cli.run import finish, moment, write

    def work() -> int:
        settings = load(config)
        write(bundled_lines(create(settings, feed_of(settings), output, moment(at), key, name)), None)
        return 0

    finish(work, debug=debug)
