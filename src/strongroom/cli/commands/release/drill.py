"""Show that a broker fails closed."""

import click

from strongroom.cli.commands.release._desk import administers


@click.command("drill", short_help="Do every fault to a broker like this one, and log that each was denied.")
@click.option("--dry-run", "dry", is_flag=True, help="Log nothing.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@administers
def COMMAND(
    dry: bool, format_: str, log_: str | None, at: str | None, offline: bool, config: str | None, debug: bool
) -> None:
    """Repeat the newest release with every fault that can be done to it, and see that nothing is released.

    The evidence, the policy and the code are the real ones; database, log, key back end and secret are made for the drill,
    and nothing of the live broker is harmed. Assess reads the outcome from the log (TEE-03).

    Exit 0: all was denied, and logged as it must be. 1: something was not, each named. 2: there is no release to repeat,
    or it would not be made without a fault either, so that nothing was shown.
    """
    from strongroom.app.config import load
    from strongroom.app.log_default import place_of
    from strongroom.app.release_desk import opened
    from strongroom.app.release_drill import Asked, drill, wanted
    from strongroom.cli.release_drill_views import lines
    from strongroom.cli.release_views import formatted
    from strongroom.cli.run import finish, moment, progress, write

    def work() -> int:
        with progress() as tell, opened(config, log_, moment(at), offline=offline, keyless=True) as desk:
            found = drill(desk, Asked(place_of(load(config), log_), dry), tell)
        write([formatted(found)] if format_ == "json" else lines(found), None)
        if found.control:
            raise wanted(found)
        return 0 if found.passed else 1

    finish(work, debug=debug)
