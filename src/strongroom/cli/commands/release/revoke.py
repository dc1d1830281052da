"""Revoke what releases rest on."""

import click

from strongroom.cli.commands.release._desk import administers


@click.command("revoke", short_help="From now on, let what is named open nothing.")
@click.argument("what")
@click.argument("value")
@click.option("--reason", required=True, help="Why, in a sentence: it is in the log, and in every denial.")
@administers
def COMMAND(
    what: str,
    value: str,
    reason: str,
    log_: str | None,
    at: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Revoke WHAT: measurement, chip, key, image, policy, reference, resource or version, by its VALUE.

    It counts from now on, also for what was attested before. There is no way back but a new version of the thing.
    """
    from strongroom.app.release_admin import revoke
    from strongroom.cli.commands.release._desk import desk
    from strongroom.cli.lines import line
    from strongroom.cli.run import finish, write

    def work() -> int:
        with desk(log_, at, config, offline=offline) as at_desk:
            entry = revoke(at_desk, what, value, reason)
        write([line("revoked", f"{what} {value}"), line("log", f"entry {entry}")], None)
        return 0

    finish(work, debug=debug)
