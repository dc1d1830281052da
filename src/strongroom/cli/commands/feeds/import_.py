"""Bring feeds in."""

import click


@click.command("import", short_help="Bring in advisories and lists from files.")
@click.argument("targets", nargs=-1, required=True, metavar="FILE|FOLDER|ZIP...")
@click.option("--config", metavar="FILE", help="The configuration file, with [feeds].")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(targets: tuple[str, ...], config: str | None, debug: bool) -> None:
    """Bring in CSAF 2.0 advisories, CISA's catalogue of exploited vulnerabilities, and EPSS. Nothing is asked of a network.

    A digest beside a file (FILE.sha256) is compared: a document that does not match it proves nothing, until somebody has
    reviewed it. Rows that cannot be read are kept as what they are. An older edition takes no newer one's place.

    Exit 0: all of it. 1: some files are nothing that is known, each named. 2: a file cannot be read.
    """
    from strongroom.app.config import load
    from strongroom.app.feeds import bring
    from strongroom.cli.feed_views import brought_lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        found = list(bring(load(config), targets))
        write(brought_lines(found), None)
        return 1 if any(b.trouble for b in found) else 0

    finish(work, debug=debug)
